/* Rung 4: a network trained from scratch, by default the 470K ConvNeXt of Liu & He 2024, fig. 2.
 * The effort is the number of images shown in training. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/file.h"
#include "bias/stream.h"
#include "bias/rung.h"
#include "dsbias/train.h"

/* The recipe for small collections. Crops that resize destroy the traces of resizing and encoding
 * that tell collections apart, so the default augmentation shifts and mirrors only. Layer scale 1
 * instead of 1e-6: short runs never get the blocks going otherwise. With twice the step size some
 * runs of a thousand steps stay at chance. docs/networks.md has the measurements. */
static const char DEFAULT_AUGMENT[] = "shift";
static const double DEFAULT_LR = 6e-4, WEIGHT_DECAY = 0.05, LABEL_SMOOTHING = 0.1;
static const float LAYER_SCALE = 1.0f;
enum { DEFAULT_BATCH = 64, CURVE_POINTS = 40, EVALUATIONS = 10 };

/* Share of the matrix-product speed that a whole training step reaches (measured, convnext_470k, 64
 * px). */
static const double STEP_EFFICIENCY = 0.35;

typedef struct scorer {
    dsb_model *model;
    size_t n_classes;
    float *scores; /* [n items, n_classes], or NULL: only count */
    float *logits; /* [DSBI_BLOCK_IMAGES, n_classes] */
    uint64_t n, right;
} scorer;

static dsb_status score_block(void *user, const dsbi_block *block)
{
    scorer *s = user;
    DSBI_TRY(dsb_model_predict(s->model, s->logits, block->images, block->n));
    for (size_t i = 0; i < block->n; i++) {
        const float *row = s->logits + i * s->n_classes;
        size_t best = 0;
        for (size_t c = 1; c < s->n_classes; c++)
            best = row[c] > row[best] ? c : best;
        s->n++;
        s->right += best == block->labels[i];
        if (s->scores)
            memcpy(s->scores + block->items[i] * s->n_classes, row, s->n_classes * sizeof *row);
    }
    return DSB_OK;
}

static dsb_status score_part(const dsbi_view *view, dsb_model *model, const char *stage,
                             uint32_t part, float *scores, double *accuracy)
{
    scorer s = {.model = model, .n_classes = view->n_classes, .scores = scores};
    s.logits = dsbi_alloc_array(view->rt, DSBI_BLOCK_IMAGES * view->n_classes, sizeof(float));
    if (!s.logits)
        return DSB_E_NOMEM;
    dsb_status status = dsbi_blocks_run(view, stage, part, UINT64_MAX, score_block, &s);
    dsbi_free(view->rt, s.logits);
    if (accuracy)
        *accuracy = s.n ? (double)s.right / (double)s.n : NAN;
    return status;
}

static dsb_status evaluate(void *user, dsb_model *model, double *accuracy)
{
    const dsbi_view *view = user;
    dsbi_view silent = *view; /* the caller follows the training stage */
    silent.event = NULL;
    return score_part(&silent, model, "", DSB_PART_SELECT, NULL, accuracy);
}

static dsb_status make_model(const dsbi_view *view, const char *name, dsb_model **model)
{
    dsb_model_opts opts;
    dsb_model_opts_init(&opts, sizeof opts);
    opts.seed = view->opts->seed;
    opts.n_classes = (uint32_t)view->n_classes;
    opts.height = opts.width = view->size;
    if (!strstr(name, "layer_scale"))
        opts.layer_scale = LAYER_SCALE;
    return dsb_model_create(view->rt, model, name, &opts);
}

static void fill_train_opts(const dsbi_view *view, uint64_t samples, dsb_train_opts *opts)
{
    dsb_train_opts_init(opts, sizeof *opts);
    opts->seed = view->opts->seed;
    opts->samples_seen = samples;
    opts->batch_size = view->opts->batch_size ? view->opts->batch_size : DEFAULT_BATCH;
    opts->lr_peak = view->opts->lr > 0 ? view->opts->lr : DEFAULT_LR;
    opts->lr_min = opts->lr_min < opts->lr_peak ? opts->lr_min : 0;
    opts->weight_decay = WEIGHT_DECAY;
    opts->label_smoothing = LABEL_SMOOTHING;
    if (view->opts->augment &&
        strcmp(view->opts->augment, "full") == 0) { /* the paper's, table 9 */
        opts->mixup_alpha = 0.8;
        opts->cutmix_alpha = 1;
    }
}

static dsb_status make_loader(const dsbi_view *view, uint64_t batch_size, dsb_loader **loader)
{
    dsb_loader_opts opts;
    dsb_loader_opts_init(&opts, sizeof opts);
    opts.seed = view->opts->seed;
    opts.n_epochs = 0;
    opts.augment = view->opts->augment ? view->opts->augment : DEFAULT_AUGMENT;
    opts.batch_size = (uint32_t)batch_size;
    opts.size = view->size;
    opts.shuffle = 1;
    return dsb_loader_create(view->rt, loader, view->split, DSB_PART_TRAIN, &opts);
}

static dsb_status copy_curve(const dsbi_view *view, const dsb_trainer *trainer, dsbi_fit *fit)
{
    for (uint64_t i = 0; i < dsb_trainer_point_count(trainer); i++) {
        dsb_train_point point = {.struct_size = sizeof point};
        DSBI_TRY(dsb_trainer_point_get(trainer, i, &point));
        DSBI_TRY(dsbi_fit_add_point(view->rt, fit, point.samples_seen, point.loss,
                                    point.select_accuracy));
    }
    return DSB_OK;
}

/* Progress of training under the view's prefix. */
static int32_t relay(void *user, const dsb_event *event)
{
    const dsbi_view *view = user;
    return dsbi_view_event(view, event->stage, event->done, event->total, event->seconds,
                           event->value, event->value_name) == DSB_OK
               ? 0
               : 1;
}

static dsb_status train(const dsbi_view *view, dsb_model *model, uint64_t samples, dsbi_fit *fit)
{
    dsb_train_opts opts;
    fill_train_opts(view, samples, &opts);
    dsb_train_run_opts run;
    dsb_train_run_opts_init(&run, sizeof run);
    run.n_points = CURVE_POINTS;
    run.n_evaluations = EVALUATIONS;
    run.evaluate = evaluate;
    run.evaluate_user = (void *)(uintptr_t)view;
    dsb_trainer *trainer = NULL;
    dsb_loader *loader = NULL;
    dsb_status status;
    DSBI_GO(make_loader(view, opts.batch_size, &loader));
    DSBI_GO(dsb_trainer_create(view->rt, &trainer, model, &opts));
    DSBI_GO(dsb_train_run(trainer, loader, &run, relay, (void *)(uintptr_t)view));
    DSBI_GO(dsb_trainer_finish(trainer));
    DSBI_GO(copy_curve(view, trainer, fit));
    dsbi_text_printf(
        &fit->detail,
        "{\"optimiser\":\"adamw\",\"samples_seen\":%llu,\"batch\":%llu,\"lr\":%g,\"weight_decay\":%"
        "g,"
        "\"label_smoothing\":%g,\"mixup\":%g,\"cutmix\":%g,\"augment\":\"%s\",\"parameters\":%llu}",
        (unsigned long long)dsb_trainer_samples(trainer), (unsigned long long)opts.batch_size,
        opts.lr_peak, opts.weight_decay, opts.label_smoothing, opts.mixup_alpha, opts.cutmix_alpha,
        view->opts->augment ? view->opts->augment : DEFAULT_AUGMENT,
        (unsigned long long)dsb_model_size(model));
done:
    dsb_trainer_free(trainer);
    dsb_loader_free(loader);
    return status;
}

static dsb_status run(const dsbi_view *view, const char *name, uint64_t effort, dsbi_fit *fit)
{
    DSBI_TRY(make_model(view, name, &fit->model)); /* the fit owns it, whatever follows */
    DSBI_TRY(train(view, fit->model, effort, fit));
    char stage[DSBI_RUNG_NAME_BYTES + 16];
    snprintf(stage, sizeof stage, "%s, select", name);
    DSBI_TRY(score_part(view, fit->model, stage, DSB_PART_SELECT, fit->select_scores, NULL));
    snprintf(stage, sizeof stage, "%s, test", name);
    return score_part(view, fit->model, stage, DSB_PART_TEST, fit->test_scores, NULL);
}

static double estimate(const dsbi_view *view, const char *name, uint64_t effort,
                       const dsbi_speed *speed)
{
    dsb_model *model = NULL;
    if (make_model(view, name, &model) != DSB_OK)
        return INFINITY; /* the run says why */
    double operations =
        6.0 * (double)dsb_model_macs(model); /* forward, and twice as much backward */
    dsb_model_free(model);
    double scored =
        (double)(EVALUATIONS + 1) * (double)dsb_split_size(view->split, DSB_PART_SELECT) +
        (double)dsb_split_size(view->split, DSB_PART_TEST);
    double images = (double)effort + scored / 3;
    return images * operations / (STEP_EFFICIENCY * speed->flops) +
           scored / speed->images_per_second;
}

static const uint64_t efforts[] = {60, 30, 15, 8, 4, 2, 1, 0}; /* passes over the training part */

const dsbi_rung dsbi_rung_network = {
    .name = "convnext",
    .what = "ConvNeXt trained from scratch",
    .order = 40,
    .pixels = true,
    .is_family = true,
    .automatic = "convnext_470k",
    .efforts = efforts,
    .estimate = estimate,
    .run = run,
};
