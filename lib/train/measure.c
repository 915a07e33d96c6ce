/* How fast a model trains here: a few steps of a trainer of its own on a copy of the weights. */
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/rng.h"
#include "train/measure.h"
#include "train/trainer.h"

enum { MAX_STEPS = 1000 };

static int compare_seconds(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void dsbi_measure_noise(uint8_t *images, size_t size, uint32_t *labels, size_t n, size_t n_classes)
{
    dsbi_rng rng;
    dsbi_rng_init(&rng, 0, DSBI_RNG_AUGMENT, UINT64_MAX);
    for (size_t i = 0; i < size; i++)
        images[i] = (uint8_t)dsbi_rng_u32(&rng);
    for (size_t i = 0; labels && i < n; i++)
        labels[i] = (uint32_t)(i % n_classes);
}

void dsbi_measure_sort(double *seconds, size_t n)
{
    qsort(seconds, n, sizeof *seconds, compare_seconds);
}

static dsb_status time_steps(dsb_trainer *t, const uint8_t *images, const uint32_t *labels,
                             double *seconds, size_t n_steps)
{
    size_t batch = (size_t)t->opts.batch_size;
    DSBI_TRY(dsb_trainer_step(t, images, labels, batch, NULL));
    for (size_t i = 0; i < n_steps; i++) {
        double start = dsbi_now();
        DSBI_TRY(dsb_trainer_step(t, images, labels, batch, NULL));
        seconds[i] = dsbi_now() - start;
    }
    return DSB_OK;
}

dsb_status dsb_train_measure(dsb_runtime *rt, double *images_per_second, dsb_model *model,
                             const dsb_train_opts *opts, uint64_t n_steps)
{
    dsbi_clear_error();
    if (!rt || !images_per_second || !model)
        return dsbi_fail(DSB_E_INVALID, "dsb_train_measure: an argument is NULL");
    if (n_steps < 1 || n_steps > MAX_STEPS)
        return dsbi_fail(DSB_E_INVALID, "dsb_train_measure: %llu steps, not 1..%d",
                         (unsigned long long)n_steps, MAX_STEPS);
    *images_per_second = 0.0;
    dsb_trainer *t = NULL;
    uint8_t *images = NULL;
    uint32_t *labels = NULL;
    double *seconds = NULL;
    dsb_status status;
    DSBI_GO(dsbi_trainer_create_scratch(rt, &t, model, opts));
    size_t batch = (size_t)t->opts.batch_size, bytes = batch * t->height * t->width * 3;
    dsbi_trainer_plan_samples(t, (n_steps + 1) * batch);
    status = DSB_E_NOMEM;
    images = dsbi_alloc(rt, bytes);
    labels = dsbi_alloc_array(rt, batch, sizeof *labels);
    seconds = dsbi_alloc_array(rt, (size_t)n_steps, sizeof *seconds);
    if (!images || !labels || !seconds)
        goto done;
    dsbi_measure_noise(images, bytes, labels, batch, t->n_classes);
    DSBI_GO(time_steps(t, images, labels, seconds, (size_t)n_steps));
    dsbi_measure_sort(seconds, (size_t)n_steps);
    *images_per_second = (double)batch / seconds[n_steps / 2];
done:
    dsbi_free(rt, images);
    dsbi_free(rt, labels);
    dsbi_free(rt, seconds);
    dsb_trainer_free(t);
    return status;
}
