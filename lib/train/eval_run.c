/* dsb_eval: batches of images are decoded on all threads, then scored on all threads. Scores,
 * labels and predictions stay, in the order of the collection. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/event.h"
#include "base/file.h"
#include "base/opts.h"
#include "base/pool.h"
#include "data/dataset.h"
#include "dsbias/stats.h"
#include "image/resize.h"
#include "train/eval_run.h"

enum { MOST_BATCH = 65536 };

static const dsb_eval_opts defaults = {
    .struct_size = sizeof(dsb_eval_opts),
    .batch_size = 64,
    .filter = DSB_FILTER_BICUBIC,
};

_Static_assert(offsetof(dsb_eval_opts, filter) + sizeof(uint32_t) == sizeof(dsb_eval_opts),
               "no hole at the end of dsb_eval_opts");

void dsb_eval_opts_init(dsb_eval_opts *opts, size_t size)
{
    dsbi_opts_fill(opts, size, &defaults, sizeof defaults);
}

static dsb_status check_opts(dsb_eval_opts *opts, const dsb_model *model)
{
    const uint32_t h = model->opts.height, w = model->opts.width, longer = h > w ? h : w;
    if (opts->resize == 0)
        opts->resize = longer;
    if (opts->batch_size == 0 || opts->batch_size > MOST_BATCH)
        return dsbi_fail(DSB_E_INVALID, "batch_size is %llu, not 1..%d",
                         (unsigned long long)opts->batch_size, MOST_BATCH);
    if (opts->resize < longer || opts->resize > MOST_BATCH)
        return dsbi_fail(DSB_E_INVALID, "resize is %u, not %u (the model's input) to %d",
                         opts->resize, longer, MOST_BATCH);
    if (opts->filter != DSB_FILTER_BILINEAR && opts->filter != DSB_FILTER_BICUBIC)
        return dsbi_fail(DSB_E_INVALID, "filter is %u, no such filter", opts->filter);
    return DSB_OK;
}

/* ---- images ---- */

typedef struct batch {
    dsb_eval *eval;
    uint64_t first;
    size_t n, image_bytes;
    uint8_t *images; /* [batch_size, H, W, 3] */
    uint8_t *failed; /* [batch_size] */
    float *scores;   /* [batch_size, n_outputs] */
} batch;

/* Python's round(x / 2): halves go to the even neighbour, as torchvision's CenterCrop. */
static uint32_t centre(uint32_t space)
{
    const uint32_t down = space / 2;
    return space % 2 == 0 ? down : down + (down & 1);
}

/* Shorter side to `resize`, the longer in proportion, rounded down; then the middle. */
static dsb_status prepare(const dsb_eval *eval, uint8_t *out, const dsbi_image *image)
{
    const uint32_t h = eval->model->opts.height, w = eval->model->opts.width;
    const uint64_t side = eval->opts.resize;
    const uint32_t shorter = image->width < image->height ? image->width : image->height;
    if (image->width == w && image->height == h) {
        memcpy(out, image->data, (size_t)h * w * 3);
        return DSB_OK;
    }
    const uint64_t wide = side * image->width / shorter, high = side * image->height / shorter;
    if (wide > INT32_MAX || high > INT32_MAX)
        return dsbi_fail(DSB_E_LIMIT, "%u x %u has too long a side", image->width, image->height);
    const dsbi_resize_window want = {(uint32_t)wide,
                                     (uint32_t)high,
                                     centre((uint32_t)wide - w),
                                     centre((uint32_t)high - h),
                                     w,
                                     h,
                                     false};
    return dsbi_image_resize_window(eval->rt, out, image, &want, NULL,
                                    (dsbi_filter)eval->opts.filter);
}

/* An image that cannot be decoded is data, no failure; no memory is. */
static dsb_status load_task(void *user, size_t task, size_t worker)
{
    (void)worker;
    batch *b = user;
    const dsb_eval *eval = b->eval;
    uint8_t *out = b->images + task * b->image_bytes;
    dsbi_image image;
    dsb_status status = dsbi_dataset_decode(eval->dataset, eval->rt, &image, b->first + task);
    if (status == DSB_OK) {
        status = prepare(eval, out, &image);
        dsbi_image_free(eval->rt, &image);
    }
    b->failed[task] = status != DSB_OK;
    if (status == DSB_OK || status == DSB_E_NOMEM)
        return status;
    dsbi_log(eval->rt, DSB_LOG_WARN, "eval", "%s", dsb_last_error());
    memset(out, 0, b->image_bytes);
    return DSB_OK;
}

/* ---- scores ---- */

/* How many scores are above that of `label`, or equal to it and before: its rank from 0. */
static size_t rank_of(const float *scores, size_t n, size_t label)
{
    size_t rank = 0;
    for (size_t c = 0; c < n; c++)
        rank += scores[c] > scores[label] || (scores[c] == scores[label] && c < label);
    return rank;
}

static size_t argmax(const float *scores, size_t n)
{
    size_t best = 0;
    for (size_t c = 1; c < n; c++)
        best = scores[c] > scores[best] ? c : best;
    return best;
}

/* -log softmax(scores)[label] */
static double cross_entropy(const float *scores, size_t n, size_t label)
{
    const double highest = (double)scores[argmax(scores, n)];
    double sum = 0;
    for (size_t c = 0; c < n; c++)
        sum += exp((double)scores[c] - highest);
    return log(sum) + highest - (double)scores[label];
}

static dsb_status judge(dsb_eval *eval, uint64_t i, const float *scores)
{
    const size_t n = eval->n_outputs;
    const uint32_t label = eval->output_of[dsb_dataset_class(eval->dataset, i)];
    for (size_t c = 0; c < n; c++)
        if (!isfinite(scores[c]))
            return dsbi_fail(DSB_E_NUMERIC, "%s: output %zu is %g",
                             dsbi_dataset_path(eval->dataset, i), c, (double)scores[c]);
    const size_t rank = rank_of(scores, n, label), best = argmax(scores, n);
    memcpy(eval->logits + i * n, scores, n * sizeof *scores);
    eval->labels[i] = label;
    eval->predictions[i] = (int64_t)best;
    eval->confusion[label * n + best]++;
    eval->figures.n++;
    eval->figures.correct += rank == 0;
    eval->figures.correct_top5 += rank < DSBI_EVAL_TOP;
    eval->figures.loss += cross_entropy(scores, n, label);
    return DSB_OK;
}

static void mark_unscored(dsb_eval *eval, uint64_t i)
{
    eval->labels[i] = eval->predictions[i] = -1;
    for (size_t c = 0; c < eval->n_outputs; c++)
        eval->logits[i * eval->n_outputs + c] = NAN;
}

static dsb_status run_batch(batch *b)
{
    dsb_eval *eval = b->eval;
    DSBI_TRY(dsbi_parallel(eval->rt, b->n, load_task, b));
    DSBI_TRY(dsb_model_predict(eval->model, b->scores, b->images, b->n));
    for (size_t i = 0; i < b->n; i++)
        if (b->failed[i]) {
            mark_unscored(eval, b->first + i);
            eval->figures.n_failed++;
        } else {
            DSBI_TRY(judge(eval, b->first + i, b->scores + i * eval->n_outputs));
        }
    return DSB_OK;
}

/* Images from `first` on were not reached. */
static void leave_rest(dsb_eval *eval, uint64_t first)
{
    for (size_t i = (size_t)first; i < eval->count; i++)
        mark_unscored(eval, i);
    eval->figures.n_left = eval->count - first;
}

/* Until the last image or until the caller stops, which is DSB_E_CANCELLED. */
static dsb_status run_all(dsb_eval *eval, batch *b, dsb_event_fn fn, void *user)
{
    char stage[96];
    snprintf(stage, sizeof stage, "evaluate %s", dsb_model_spec(eval->model));
    const double start = dsbi_now();
    dsb_eval_figures *f = &eval->figures;
    for (b->first = 0; b->first < eval->count; b->first += b->n) {
        const uint64_t left = eval->count - b->first;
        b->n = left < eval->opts.batch_size ? (size_t)left : (size_t)eval->opts.batch_size;
        DSBI_TRY(run_batch(b));
        const dsb_status status =
            dsbi_event_send(fn, user, stage, b->first + b->n, eval->count, start,
                            (double)f->correct / (double)(f->n ? f->n : 1), "accuracy");
        if (status != DSB_OK)
            leave_rest(eval, b->first + b->n);
        DSBI_TRY(status);
    }
    return DSB_OK;
}

static dsb_status finish_figures(dsb_eval *eval)
{
    dsb_eval_figures *f = &eval->figures;
    if (f->n == 0)
        return dsbi_fail(DSB_E_DATA, "%s: no image could be decoded",
                         dsb_dataset_name(eval->dataset));
    f->accuracy = (double)f->correct / (double)f->n;
    f->top5_accuracy = (double)f->correct_top5 / (double)f->n;
    f->loss /= (double)f->n;
    DSBI_TRY(dsb_stats_wilson(f->ci95, f->correct, f->n, 0.05));
    return dsb_stats_wilson(f->top5_ci95, f->correct_top5, f->n, 0.05);
}

/* ---- life ---- */

static dsb_status alloc_results(dsb_eval *eval)
{
    dsb_runtime *rt = eval->rt;
    const size_t n = eval->n_outputs;
    size_t scores, pairs;
    if (!dsbi_mul(&scores, eval->count, n) || !dsbi_mul(&pairs, n, n))
        return dsbi_fail(DSB_E_LIMIT, "%zu images, %zu outputs", eval->count, n);
    eval->logits = dsbi_alloc_array(rt, scores, sizeof *eval->logits);
    eval->labels = dsbi_alloc_array(rt, eval->count, sizeof *eval->labels);
    eval->predictions = dsbi_alloc_array(rt, eval->count, sizeof *eval->predictions);
    eval->confusion = dsbi_calloc(rt, pairs, sizeof *eval->confusion);
    eval->class_names = dsbi_calloc(rt, n, sizeof *eval->class_names);
    eval->output_of =
        dsbi_alloc_array(rt, dsb_dataset_class_count(eval->dataset) + 1u, sizeof *eval->output_of);
    if (!eval->logits || !eval->labels || !eval->predictions || !eval->confusion ||
        !eval->class_names || !eval->output_of)
        return DSB_E_NOMEM;
    return DSB_OK;
}

/* Outputs no class of the data belongs to are called by their number. */
static dsb_status number_the_rest(dsb_eval *eval)
{
    for (size_t o = 0; o < eval->n_outputs; o++) {
        char number[24];
        snprintf(number, sizeof number, "%zu", o);
        if (!eval->class_names[o])
            eval->class_names[o] = dsbi_strdup(eval->rt, number);
        if (!eval->class_names[o])
            return DSB_E_NOMEM;
    }
    return DSB_OK;
}

static dsb_status fill(dsb_eval *eval, dsb_event_fn fn, void *user)
{
    dsb_runtime *rt = eval->rt;
    const dsb_model_opts *model = &eval->model->opts;
    const size_t size = (size_t)eval->opts.batch_size;
    const char *const *names = eval->opts.classes;
    if (eval->count == 0)
        return dsbi_fail(DSB_E_DATA, "%s: no usable image", dsb_dataset_name(eval->dataset));
    DSBI_TRY(alloc_results(eval));
    DSBI_TRY(dsbi_eval_map_classes(eval, names));
    DSBI_TRY(number_the_rest(eval));
    batch b = {.eval = eval, .image_bytes = (size_t)model->height * model->width * 3};
    b.images = dsbi_alloc_array(rt, size, b.image_bytes);
    b.failed = dsbi_alloc_array(rt, size, sizeof *b.failed);
    b.scores = dsbi_alloc_array(rt, size, eval->n_outputs * sizeof *b.scores);
    dsb_status status = DSB_E_NOMEM;
    if (b.images && b.failed && b.scores)
        status = run_all(eval, &b, fn, user);
    dsbi_free(rt, b.images);
    dsbi_free(rt, b.failed);
    dsbi_free(rt, b.scores);
    const bool stopped = status == DSB_E_CANCELLED && eval->figures.n > 0;
    if (status != DSB_OK && !stopped)
        return status;
    DSBI_TRY(finish_figures(eval));
    DSBI_TRY(dsbi_eval_write_json(eval));
    if (!stopped)
        return DSB_OK;
    return dsbi_fail(DSB_E_CANCELLED, "evaluate: stopped by the caller after %llu of %zu images",
                     (unsigned long long)(eval->count - eval->figures.n_left), eval->count);
}

dsb_status dsb_eval_run(dsb_runtime *rt, dsb_eval **out, dsb_model *model,
                        const dsb_dataset *dataset, const dsb_eval_opts *given, dsb_event_fn fn,
                        void *user)
{
    dsbi_clear_error();
    if (!rt || !out || !model || !dataset)
        return dsbi_fail(DSB_E_INVALID, "dsb_eval_run: an argument is NULL");
    *out = NULL;
    dsb_eval_opts opts = defaults;
    DSBI_TRY(dsbi_opts_read(&opts, sizeof opts, given, "dsb_eval_opts"));
    DSBI_TRY(check_opts(&opts, model));
    dsb_eval *eval = dsbi_calloc(rt, 1, sizeof *eval);
    if (!eval)
        return DSB_E_NOMEM;
    dsbi_runtime_retain(rt);
    dsbi_model_retain(model);
    dsbi_dataset_retain(dataset);
    *eval = (dsb_eval){
        .rt = rt,
        .model = model,
        .dataset = dataset,
        .opts = opts,
        .count = (size_t)dsb_dataset_count(dataset),
        .n_outputs = model->opts.n_classes,
        .figures = {.struct_size = sizeof eval->figures,
                    .n_broken = dsb_dataset_broken_count(dataset)},
    };
    dsbi_text_init(&eval->json, rt);
    dsb_status status = DSB_OK;
    if (opts.weights && !(eval->weights = dsbi_strdup(rt, opts.weights)))
        status = DSB_E_NOMEM;
    if (status == DSB_OK)
        status = fill(eval, fn, user);
    eval->opts.classes = NULL;
    eval->opts.weights = eval->weights;
    /* what was scored before the caller stopped has its record: it is theirs */
    if (status == DSB_OK || (status == DSB_E_CANCELLED && eval->json.size > 0))
        *out = eval;
    else
        dsb_eval_free(eval);
    return status;
}

void dsb_eval_free(dsb_eval *eval)
{
    if (!eval)
        return;
    dsb_runtime *rt = eval->rt;
    for (size_t o = 0; eval->class_names && o < eval->n_outputs; o++)
        dsbi_free(rt, eval->class_names[o]);
    dsbi_free(rt, eval->class_names);
    dsbi_free(rt, eval->output_of);
    dsbi_free(rt, eval->logits);
    dsbi_free(rt, eval->labels);
    dsbi_free(rt, eval->predictions);
    dsbi_free(rt, eval->confusion);
    dsbi_free(rt, eval->weights);
    dsbi_text_free(&eval->json);
    dsb_model_free(eval->model);
    dsb_dataset_free((dsb_dataset *)(uintptr_t)eval->dataset);
    dsbi_free(rt, eval);
    dsbi_runtime_release(rt);
}

dsb_status dsb_eval_figures_get(const dsb_eval *eval, dsb_eval_figures *figures)
{
    dsbi_clear_error();
    if (!eval || !figures || figures->struct_size < sizeof(uint64_t) ||
        figures->struct_size > MOST_BATCH)
        return dsbi_fail(DSB_E_INVALID, "dsb_eval_figures_get: struct_size is not set");
    dsbi_opts_fill(figures, (size_t)figures->struct_size, &eval->figures, sizeof eval->figures);
    return DSB_OK;
}

uint64_t dsb_eval_count(const dsb_eval *eval)
{
    return eval->count;
}

uint64_t dsb_eval_outputs(const dsb_eval *eval)
{
    return eval->n_outputs;
}

const float *dsb_eval_logits(const dsb_eval *eval)
{
    return eval->logits;
}

const int64_t *dsb_eval_labels(const dsb_eval *eval)
{
    return eval->labels;
}

const int64_t *dsb_eval_predictions(const dsb_eval *eval)
{
    return eval->predictions;
}

const uint64_t *dsb_eval_confusion(const dsb_eval *eval)
{
    return eval->confusion;
}

const char *dsb_eval_class_name(const dsb_eval *eval, uint64_t i)
{
    return i < eval->n_outputs ? eval->class_names[i] : NULL;
}

const char *dsb_eval_json(const dsb_eval *eval)
{
    return eval->json.data;
}
