/* Rung 2: the mean colour of an image, nothing else (Zeng, Yin & Liu 2024, "mean RGB": 48.5 % on
 * YFCC / CC / DataComp). Logistic regression on the three means, their squares and products. */
#include <math.h>
#include "base/file.h"
#include "bias/stream.h"
#include "bias/logistic.h"
#include "bias/rung.h"

enum { N_FEATURES = 9, MAX_ROWS = 60000 };
static const double L2 = 1e-4;

static void features(double *x, const uint8_t *image, size_t pixels)
{
    double sum[3] = {0};
    for (size_t i = 0; i < pixels; i++)
        for (size_t k = 0; k < 3; k++)
            sum[k] += image[i * 3 + k];
    double r = sum[0] / (double)pixels / 255, g = sum[1] / (double)pixels / 255,
           b = sum[2] / (double)pixels / 255;
    double all[N_FEATURES] = {r, g, b, r * r, g * g, b * b, r * g, g * b, b * r};
    for (size_t k = 0; k < N_FEATURES; k++)
        x[k] = all[k];
}

typedef struct sink {
    double *x; /* [n, N_FEATURES] */
    uint32_t *labels;
    size_t pixels;
} sink;

static dsb_status take_block(void *user, const dsbi_block *block)
{
    sink *s = user;
    for (size_t i = 0; i < block->n; i++) {
        features(s->x + (block->first + i) * N_FEATURES, block->images + i * s->pixels * 3,
                 s->pixels);
        s->labels[block->first + i] = block->labels[i];
    }
    return DSB_OK;
}

typedef struct scorer {
    const dsbi_logistic *model;
    float *scores;
    size_t pixels, n_classes;
} scorer;

static dsb_status score_block(void *user, const dsbi_block *block)
{
    scorer *s = user;
    for (size_t i = 0; i < block->n; i++) {
        double x[N_FEATURES], p[64];
        features(x, block->images + i * s->pixels * 3, s->pixels);
        dsbi_logistic_predict(s->model, x, p);
        for (size_t c = 0; c < s->n_classes; c++)
            s->scores[block->items[i] * s->n_classes + c] = (float)log(p[c] + 1e-12);
    }
    return DSB_OK;
}

static dsb_status run(const dsbi_view *view, const char *model_name, uint64_t effort, dsbi_fit *fit)
{
    (void)model_name;
    dsb_runtime *rt = view->rt;
    uint64_t available = dsb_split_size(view->split, DSB_PART_TRAIN);
    size_t n = (size_t)(available < effort ? available : effort),
           pixels = (size_t)view->size * view->size;
    dsbi_logistic model = {0};
    sink s = {.x = dsbi_alloc_array(rt, n * N_FEATURES, sizeof(double)),
              .labels = dsbi_alloc_array(rt, n, sizeof(uint32_t)),
              .pixels = pixels};
    dsb_status status = DSB_E_NOMEM;
    if (!s.x || !s.labels)
        goto done;
    DSBI_GO(dsbi_blocks_run(view, "mean colour", DSB_PART_TRAIN, n, take_block, &s));
    DSBI_GO(dsbi_logistic_fit(rt, &model, s.x, s.labels, n, N_FEATURES, view->n_classes, L2));
    scorer select = {&model, fit->select_scores, pixels, view->n_classes};
    scorer test = {&model, fit->test_scores, pixels, view->n_classes};
    DSBI_GO(dsbi_blocks_run(view, "mean colour, select", DSB_PART_SELECT, UINT64_MAX, score_block,
                            &select));
    DSBI_GO(
        dsbi_blocks_run(view, "mean colour, test", DSB_PART_TEST, UINT64_MAX, score_block, &test));
    dsbi_text_printf(
        &fit->detail,
        "{\"classifier\":\"logistic regression\",\"features\":%d,\"l2\":%g,\"n_train\":%zu}",
        N_FEATURES, L2, n);
done:
    dsbi_logistic_free(rt, &model);
    dsbi_free(rt, s.x);
    dsbi_free(rt, s.labels);
    return status;
}

static double estimate(const dsbi_view *view, const char *model, uint64_t effort,
                       const dsbi_speed *speed)
{
    (void)model;
    double train = (double)dsb_split_size(view->split, DSB_PART_TRAIN);
    double scored = (double)(dsb_split_size(view->split, DSB_PART_SELECT) +
                             dsb_split_size(view->split, DSB_PART_TEST));
    double n = (train < (double)effort ? train : (double)effort);
    return 0.2 + (n + scored) / speed->images_per_second + 2e-5 * n;
}

static const uint64_t efforts[] = {MAX_ROWS, MAX_ROWS / 10, 0}; /* training images */

const dsbi_rung dsbi_rung_meancolor = {
    .name = "meancolor",
    .what = "mean red, green and blue of each image, nothing else",
    .order = 20,
    .pixels = true,
    .automatic = "meancolor",
    .efforts = efforts,
    .estimate = estimate,
    .run = run,
};
