/* Rung 3: random patches as filters, pooled over the image, ridge regression in closed form.
 * Coates & Ng 2011/2012; the random-feature baseline of Recht et al. 2018. What serves dataset
 * classification of small images best was measured (docs/patches.md): whitening without contrast
 * normalisation, logarithms of pooled responses and of their square roots, two sparse grids instead
 * of all positions. */
#include <math.h>
#include <string.h>
#include "base/file.h"
#include "base/pool.h"
#include "base/rng.h"
#include "bias/stream.h"
#include "bias/filters.h"
#include "bias/ridge.h"
#include "bias/rung.h"

enum {
    SIDE = 5,
    STEP = 2,
    N_VALUES = SIDE * SIDE * 3,
    N_PATCHES = 40000, /* for the covariance; the first are the filters */
    SAMPLE_IMAGES =
        2048, /* training images the patches come from, and the offsets of the logarithm */
};
/* both signs of a pool share an offset: [grid, plain or root] */
enum { N_OFFSETS = DSBI_FILTER_GRIDS * 2, ROWS_PER_OFFSET = 2 };
static const double LOG_OFFSET = 0.1; /* of a pool's mean */

typedef struct job {
    const dsbi_view *view;
    dsb_runtime *rt;
    dsbi_filters filters;
    dsbi_ridge ridge;
    size_t width;   /* features of an image */
    float *patches; /* [N_PATCHES, N_VALUES] while sampling */
    uint64_t n_sampled;
    double offsets[N_OFFSETS]; /* one for each grid and kind of pool */
    uint64_t n_measured;       /* images in offsets */
    float *features;           /* [DSBI_BLOCK_IMAGES, width] */
    float *scratch;            /* [n_threads, scratch of the filters] */
    size_t scratch_floats;
    const uint8_t *images; /* of the block at work */
    float *scores;         /* where predictions go */
} job;

/* Patches of one sample image: positions from the image's own random numbers. */
static dsb_status sample_block(void *user, const dsbi_block *block)
{
    job *j = user;
    size_t size = j->view->size, image_bytes = size * size * 3;
    uint64_t n_images = dsb_split_size(j->view->split, DSB_PART_TRAIN);
    n_images = n_images < SAMPLE_IMAGES ? n_images : SAMPLE_IMAGES;
    for (size_t i = 0; i < block->n; i++) {
        dsbi_rng rng;
        dsbi_rng_init(&rng, j->view->opts->seed, DSBI_RNG_PATCHES, block->first + i);
        uint64_t until = (block->first + i + 1) * N_PATCHES / n_images;
        for (; j->n_sampled < until; j->n_sampled++) {
            size_t x = (size_t)dsbi_rng_below(&rng, size - SIDE + 1),
                   y = (size_t)dsbi_rng_below(&rng, size - SIDE + 1);
            float *patch = j->patches + j->n_sampled * N_VALUES;
            for (size_t r = 0; r < SIDE; r++)
                for (size_t k = 0; k < SIDE * 3; k++)
                    *patch++ = block->images[i * image_bytes + ((y + r) * size + x) * 3 + k];
        }
    }
    return DSB_OK;
}

/* So that the filters, the first patches, come from all images alike. */
static dsb_status shuffle_patches(job *j)
{
    dsbi_rng rng;
    dsbi_rng_init(&rng, j->view->opts->seed, DSBI_RNG_PATCHES, UINT64_MAX);
    for (size_t i = N_PATCHES; i > 1; i--) {
        size_t other = (size_t)dsbi_rng_below(&rng, i);
        float swap[N_VALUES];
        memcpy(swap, j->patches + (i - 1) * N_VALUES, sizeof swap);
        memcpy(j->patches + (i - 1) * N_VALUES, j->patches + other * N_VALUES, sizeof swap);
        memcpy(j->patches + other * N_VALUES, swap, sizeof swap);
    }
    return DSB_OK;
}

static dsb_status pool_task(void *user, size_t task, size_t worker)
{
    job *j = user;
    size_t size = j->view->size;
    return dsbi_filters_pool(&j->filters, j->rt, j->features + task * j->width,
                             j->images + task * size * size * 3, size,
                             j->scratch + worker * j->scratch_floats);
}

/* features of a block: pooled responses, as logarithms once the offsets are known. */
static dsb_status compute_features(job *j, const dsbi_block *block)
{
    j->images = block->images;
    return dsbi_parallel(j->rt, block->n, pool_task, j);
}

static void take_logarithms(job *j, size_t n)
{
    size_t values = ROWS_PER_OFFSET * j->filters.n_filters;
    for (size_t i = 0; i < n; i++)
        for (size_t pool = 0; pool < N_OFFSETS; pool++) {
            float *row = j->features + i * j->width + pool * values;
            for (size_t f = 0; f < values; f++)
                row[f] = logf(row[f] + (float)j->offsets[pool]);
        }
}

static dsb_status measure_block(void *user, const dsbi_block *block)
{
    job *j = user;
    DSBI_TRY(compute_features(j, block));
    size_t values = ROWS_PER_OFFSET * j->filters.n_filters;
    for (size_t i = 0; i < block->n; i++)
        for (size_t pool = 0; pool < N_OFFSETS; pool++) {
            const float *row = j->features + i * j->width + pool * values;
            double sum = 0;
            for (size_t f = 0; f < values; f++)
                sum += row[f];
            j->offsets[pool] += sum / (double)values;
        }
    j->n_measured += block->n;
    return DSB_OK;
}

static dsb_status train_block(void *user, const dsbi_block *block)
{
    job *j = user;
    DSBI_TRY(compute_features(j, block));
    take_logarithms(j, block->n);
    return dsbi_ridge_add(&j->ridge, j->features, block->labels, block->n);
}

static dsb_status score_block(void *user, const dsbi_block *block)
{
    job *j = user;
    DSBI_TRY(compute_features(j, block));
    take_logarithms(j, block->n);
    size_t n_classes = j->view->n_classes;
    for (size_t i = 0; i < block->n; i++)
        dsbi_ridge_predict(&j->ridge, j->scores + block->items[i] * n_classes,
                           j->features + i * j->width);
    return DSB_OK;
}

static dsb_status learn_filters(job *j, size_t n_filters)
{
    j->patches = dsbi_alloc_array(j->rt, (size_t)N_PATCHES * N_VALUES, sizeof(float));
    if (!j->patches)
        return DSB_E_NOMEM;
    DSBI_TRY(dsbi_blocks_run(j->view, "patches, sampling", DSB_PART_TRAIN, SAMPLE_IMAGES,
                             sample_block, j));
    DSBI_TRY(shuffle_patches(j));
    DSBI_TRY(dsbi_filters_learn(&j->filters, j->rt, j->patches, N_PATCHES, SIDE, STEP, n_filters));
    dsbi_free(j->rt, j->patches);
    j->patches = NULL;
    return DSB_OK;
}

static dsb_status prepare_memory(job *j)
{
    j->width = dsbi_filters_width(&j->filters);
    j->scratch_floats = dsbi_filters_scratch(&j->filters, j->view->size);
    j->features = dsbi_alloc_array(j->rt, DSBI_BLOCK_IMAGES * j->width, sizeof(float));
    j->scratch = dsbi_alloc_array(j->rt, j->rt->n_threads * j->scratch_floats, sizeof(float));
    if (!j->features || !j->scratch)
        return DSB_E_NOMEM;
    return dsbi_ridge_init(&j->ridge, j->rt, j->width, j->view->n_classes,
                           dsb_split_size(j->view->split, DSB_PART_TRAIN), DSBI_BLOCK_IMAGES);
}

static dsb_status run(const dsbi_view *view, const char *model_name, uint64_t effort, dsbi_fit *fit)
{
    (void)model_name;
    if (view->size < SIDE)
        return dsbi_fail(DSB_E_INVALID, "patches are %d pixels wide, images %u", SIDE, view->size);
    job j = {.view = view, .rt = view->rt};
    dsb_status status;
    DSBI_GO(learn_filters(&j, (size_t)effort));
    DSBI_GO(prepare_memory(&j));
    DSBI_GO(dsbi_blocks_run(view, "patches, scaling", DSB_PART_TRAIN, SAMPLE_IMAGES / 4,
                            measure_block, &j));
    for (size_t pool = 0; pool < N_OFFSETS; pool++)
        j.offsets[pool] *= LOG_OFFSET / (double)j.n_measured;
    DSBI_GO(dsbi_blocks_run(view, "patches", DSB_PART_TRAIN, UINT64_MAX, train_block, &j));
    DSBI_GO(dsbi_view_event(view, "patches, solving", 0, 1, 0, NAN, ""));
    DSBI_GO(dsbi_ridge_fit(&j.ridge));
    j.scores = fit->select_scores;
    DSBI_GO(dsbi_blocks_run(view, "patches, select", DSB_PART_SELECT, UINT64_MAX, score_block, &j));
    j.scores = fit->test_scores;
    DSBI_GO(dsbi_blocks_run(view, "patches, test", DSB_PART_TEST, UINT64_MAX, score_block, &j));
    fit->temperature = dsbi_ridge_temperature(&j.ridge);
    dsbi_text_printf(&fit->detail,
                     "{\"classifier\":\"ridge\",\"filters\":%llu,\"patch\":%d,\"step\":%d,"
                     "\"features\":%zu,\"lambda\":%.3g}",
                     (unsigned long long)effort, SIDE, STEP, j.width, j.ridge.lambda);
done:
    dsbi_free(j.rt, j.patches);
    dsbi_free(j.rt, j.features);
    dsbi_free(j.rt, j.scratch);
    dsbi_filters_free(&j.filters, j.rt);
    dsbi_ridge_free(&j.ridge);
    return status;
}

/* Responses by matrix products, the Gram matrix, about 5 factorisations with leave-one-out. */
static double estimate(const dsbi_view *view, const char *model, uint64_t effort,
                       const dsbi_speed *speed)
{
    (void)model;
    double n_train = (double)dsb_split_size(view->split, DSB_PART_TRAIN), filters = (double)effort;
    double n = n_train + (double)dsb_split_size(view->split, DSB_PART_SELECT) +
               (double)dsb_split_size(view->split, DSB_PART_TEST) + 1.25 * SAMPLE_IMAGES;
    double along = ((double)view->size - SIDE) / STEP + 1;
    double d = DSBI_FILTER_GRIDS * DSBI_FILTER_POOLS * filters;
    double responses = n * DSBI_FILTER_GRIDS * along * along * filters *
                       (2 * N_VALUES + 60); /* pooling costs as much as 30 products */
    double gram = 2 * 2 * n_train * d * d,
           solves = 5 * 2 * (d * d * d / 3 + 1024 * d * d); /* f64: half speed */
    return n / speed->images_per_second + 2 * (responses + gram + solves) / speed->flops;
}

static const uint64_t efforts[] = {800, 400, 200, 100, 0}; /* filters */

const dsbi_rung dsbi_rung_patches = {
    .name = "patches",
    .what = "random whitened 5x5 patches as filters, pooled, ridge regression",
    .order = 30,
    .pixels = true,
    .automatic = "patches",
    .efforts = efforts,
    .estimate = estimate,
    .run = run,
};
