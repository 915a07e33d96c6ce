/* Runs and predictions over a loader. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/file.h"
#include "base/memory.h"
#include "data/loader.h"
#include "train/run.h"
#include "train/trainer.h"

static dsb_status check_side(const dsb_loader *loader, uint64_t height, uint64_t width)
{
    uint64_t side = dsbi_loader_side(loader);
    if (side != height || side != width)
        return dsbi_fail(DSB_E_SHAPE,
                         "the loader gives %llu x %llu pixels, the model takes %llu x %llu",
                         (unsigned long long)side, (unsigned long long)side,
                         (unsigned long long)height, (unsigned long long)width);
    return DSB_OK;
}

static dsb_status next_batch(void *user, const uint8_t **images, const uint32_t **labels, size_t *n)
{
    dsb_batch batch;
    dsb_batch_init(&batch, sizeof batch);
    DSBI_TRY(dsb_loader_next(user, &batch));
    if (batch.n == 0)
        return dsbi_fail(DSB_E_STATE, "the loader ended before the run; set n_epochs to 0");
    *images = batch.images;
    *labels = batch.labels;
    *n = (size_t)batch.n;
    return DSB_OK;
}

dsb_status dsb_train_run(dsb_trainer *trainer, dsb_loader *loader, const dsb_train_run_opts *opts,
                         dsb_event_fn fn, void *user)
{
    dsbi_clear_error();
    if (!trainer || !loader)
        return dsbi_fail(DSB_E_INVALID, "dsb_train_run: no trainer or no loader");
    DSBI_TRY(check_side(loader, trainer->height, trainer->width));
    dsbi_source source = {loader, dsbi_loader_items(loader), next_batch};
    return dsbi_train_run(trainer, &source, opts, fn, user);
}

/* A prediction in progress. */
typedef struct prediction {
    dsb_model *model;
    float *probabilities; /* [n_items, n_classes] */
    uint32_t *labels;     /* [n_items] or NULL */
    uint64_t n_items, done;
    size_t n_classes;
    float *scores; /* [capacity, n_classes] */
    size_t capacity;
} prediction;

static dsb_status predict_batch(prediction *p, const dsb_batch *batch)
{
    dsb_runtime *rt = dsbi_model_runtime(p->model);
    DSBI_TRY(dsbi_grow(rt, (void **)&p->scores, &p->capacity, (size_t)batch->n,
                       p->n_classes * sizeof *p->scores));
    DSBI_TRY(dsb_model_predict(p->model, p->scores, batch->images, batch->n));
    dsbi_kernels_of(rt)->softmax_f32(p->scores, p->scores, (size_t)batch->n, p->n_classes);
    for (size_t i = 0; i < batch->n; i++) {
        uint64_t item = batch->items[i];
        assert(item < p->n_items);
        memcpy(p->probabilities + item * p->n_classes, p->scores + i * p->n_classes,
               p->n_classes * sizeof *p->scores);
        if (p->labels)
            p->labels[item] = batch->labels[i];
    }
    p->done += batch->n;
    return DSB_OK;
}

static dsb_status predict_all(prediction *p, dsb_loader *loader, dsb_event_fn fn, void *user)
{
    char stage[DSBI_STAGE_BYTES];
    snprintf(stage, sizeof stage, "score %s", dsb_model_spec(p->model));
    double start = dsbi_now();
    for (;;) {
        dsb_batch batch;
        dsb_batch_init(&batch, sizeof batch);
        DSBI_TRY(dsb_loader_next(loader, &batch));
        if (batch.n == 0)
            return DSB_OK;
        DSBI_TRY(predict_batch(p, &batch));
        dsb_event event = {
            .struct_size = sizeof event,
            .stage = stage,
            .done = p->done,
            .total = p->n_items,
            .seconds = dsbi_now() - start,
            .value = NAN,
            .value_name = "",
        };
        if (fn && fn(user, &event) != 0)
            return dsbi_fail(DSB_E_CANCELLED, "%s: stopped after %llu of %llu images", stage,
                             (unsigned long long)p->done, (unsigned long long)p->n_items);
    }
}

dsb_status dsb_train_predict(dsb_model *model, float *probabilities, uint32_t *labels,
                             uint64_t n_items, dsb_loader *loader, dsb_event_fn fn, void *user)
{
    dsbi_clear_error();
    if (!model || !probabilities || !loader)
        return dsbi_fail(DSB_E_INVALID, "dsb_train_predict: an argument is NULL");
    DSBI_TRY(check_side(loader, model->opts.height, model->opts.width));
    if (n_items != dsbi_loader_items(loader))
        return dsbi_fail(DSB_E_SHAPE, "the loader's part has %llu images, not %llu",
                         (unsigned long long)dsbi_loader_items(loader),
                         (unsigned long long)n_items);
    prediction p = {
        .model = model,
        .probabilities = probabilities,
        .labels = labels,
        .n_items = n_items,
        .n_classes = model->opts.n_classes,
    };
    dsb_status status = predict_all(&p, loader, fn, user);
    dsbi_free(dsbi_model_runtime(model), p.scores);
    return status;
}
