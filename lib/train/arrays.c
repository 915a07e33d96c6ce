/* Batches from images in memory: a new order each pass, drawn from (seed, pass); passes follow each
 * other without a gap, so that every image is shown equally often (give or take one). Augmentation
 * is a function of (seed, sample number in the run). */
#include <string.h>
#include "base/memory.h"
#include "base/pool.h"
#include "base/rng.h"
#include "train/run.h"
#include "train/trainer.h"

typedef struct array_source {
    dsb_trainer *trainer;
    const uint8_t *images;
    const uint32_t *labels;
    size_t n, image_bytes, batch;
    uint64_t seed, pass;
    size_t place;           /* in the order of this pass */
    uint32_t *order;        /* [n] */
    uint32_t *picked;       /* [batch] images of this batch */
    uint8_t *batch_images;  /* [batch, image_bytes] */
    uint32_t *batch_labels; /* [batch] */
    bool is_augmented;
} array_source;

static void draw_order(array_source *s)
{
    dsbi_rng rng;
    dsbi_rng_init(&rng, s->seed, DSBI_RNG_ORDER, s->pass++);
    for (size_t i = 0; i < s->n; i++)
        s->order[i] = (uint32_t)i;
    dsbi_rng_shuffle_u32(&rng, s->order, s->n);
    s->place = 0;
}

static dsb_status fill_image(void *user, size_t i, size_t worker)
{
    const array_source *s = user;
    const dsb_trainer *t = s->trainer;
    (void)worker;
    uint8_t *out = s->batch_images + i * s->image_bytes;
    const uint8_t *image = s->images + s->picked[i] * s->image_bytes;
    if (!s->is_augmented) {
        memcpy(out, image, s->image_bytes);
        return DSB_OK;
    }
    dsbi_image in = {(uint8_t *)image, t->width, t->height, 3}; /* only read */
    return dsbi_augment_apply(t->rt, out, &in, t->width, &t->augment, s->seed,
                              dsb_trainer_samples(t) + i, NULL);
}

static dsb_status next_batch(void *user, const uint8_t **images, const uint32_t **labels, size_t *n)
{
    array_source *s = user;
    for (size_t i = 0; i < s->batch; i++) {
        if (s->place == s->n)
            draw_order(s);
        size_t k = s->order[s->place++];
        s->picked[i] = (uint32_t)k;
        s->batch_labels[i] = s->labels[k];
    }
    DSBI_TRY(dsbi_parallel(s->trainer->rt, s->batch, fill_image, s));
    *images = s->batch_images;
    *labels = s->batch_labels;
    *n = s->batch;
    return DSB_OK;
}

dsb_status dsb_train_arrays(dsb_trainer *t, const uint8_t *images, const uint32_t *labels,
                            uint64_t n, const dsb_train_run_opts *opts, dsb_event_fn fn, void *user)
{
    dsbi_clear_error();
    if (!t || !images || !labels)
        return dsbi_fail(DSB_E_INVALID, "dsb_train_arrays: no trainer, images or labels");
    if (n < 1 || n > UINT32_MAX)
        return dsbi_fail(DSB_E_INVALID, "dsb_train_arrays: %llu images", (unsigned long long)n);
    bool is_augmented = dsbi_augment_is_active(&t->augment);
    if (is_augmented && t->height != t->width)
        return dsbi_fail(DSB_E_SHAPE, "dsb_train_arrays: %u x %u images are augmented as squares",
                         t->height, t->width);
    array_source s = {
        .trainer = t,
        .is_augmented = is_augmented,
        .images = images,
        .labels = labels,
        .n = (size_t)n,
        .image_bytes = (size_t)t->height * t->width * 3,
        .batch = (size_t)t->opts.batch_size,
        .seed = t->opts.seed,
        .pass = dsb_trainer_samples(t) / n, /* a run that goes on starts the pass it was in anew */
    };
    dsb_status status = DSB_E_NOMEM;
    s.order = dsbi_alloc_array(t->rt, s.n, sizeof *s.order);
    s.picked = dsbi_alloc_array(t->rt, s.batch, sizeof *s.picked);
    s.batch_images = dsbi_alloc_array(t->rt, s.batch, s.image_bytes);
    s.batch_labels = dsbi_alloc_array(t->rt, s.batch, sizeof *s.batch_labels);
    if (s.order && s.picked && s.batch_images && s.batch_labels) {
        draw_order(&s);
        dsbi_source source = {&s, n, next_batch};
        status = dsbi_train_run(t, &source, opts, fn, user);
    }
    dsbi_free(t->rt, s.order);
    dsbi_free(t->rt, s.picked);
    dsbi_free(t->rt, s.batch_images);
    dsbi_free(t->rt, s.batch_labels);
    return status;
}
