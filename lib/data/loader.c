/* The loader: a ring of batches between workers and one consumer.
 *
 * Batch b holds samples b * B .. b * B + B - 1 of the endless sequence of samples; sample s is item
 * order[e][s % n] of epoch e = s / n. A batch is *issued* when its samples get their items, in
 * order and under the lock, so that one array for the order is enough. Workers then take small
 * chunks of the lowest issued batch that has samples left. A batch is *ready* when all its samples
 * are done, *held* by the consumer until its next call, then its slot is free again. Nothing is
 * allocated after creation but what decoding and resizing need. */
#include "data/loader.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include "base/opts.h"
#include "base/rng.h"
#include "data/crops.h"

enum { MAX_THREADS = 64, MAX_PREFETCH = 64, CHUNK = 8, MESSAGE_BYTES = 512 };

_Static_assert(offsetof(dsb_loader_opts, exif) + sizeof(uint32_t) == sizeof(dsb_loader_opts),
               "no hole at the end of dsb_loader_opts");
_Static_assert(offsetof(dsb_batch, first_sample) + sizeof(uint64_t) == sizeof(dsb_batch),
               "no hole at the end of dsb_batch");

typedef struct slot {
    uint8_t *images;  /* [B, size, size, 3] */
    uint32_t *labels; /* [B] */
    uint64_t *items;  /* [B] */
    uint64_t *shown;  /* [B] */
    uint64_t first_sample;
    uint32_t n, taken, done; /* samples: of the batch, given to workers, finished */
    uint32_t failed_at;      /* lowest failed sample */
    dsb_status status;
    char message[MESSAGE_BYTES];
} slot;

typedef struct worker {
    struct dsb_loader *loader;
    pthread_t thread;
    uint8_t *source; /* what is augmented; NULL if nothing is, or crops are cut from whole images */
    dsbi_scratch pixels, resizing; /* one image as decoded; what resizing needs */
} worker;

struct dsb_loader {
    dsb_runtime *rt; /* retained */
    dsb_loader_opts opts;
    dsbi_augment augment;
    bool is_augmented, is_whole; /* whole: crops from the images at their own size */
    dsbi_pixels *pixels;
    dsbi_feed *feed;
    uint64_t n_items, per_label;
    uint64_t end; /* one past the last sample, UINT64_MAX without end */
    size_t image_bytes;
    uint32_t *order; /* [n_items], NULL if not shuffled; under the lock */
    uint64_t order_epoch;
    slot *slots; /* [n_slots] */
    size_t n_slots;
    worker *workers;
    size_t n_wanted, n_workers; /* workers allocated, running */

    pthread_mutex_t lock;
    pthread_cond_t work, ready;
    uint64_t issued, working,
        consumed; /* batch numbers: next to issue, to take from, to hand out */
    bool is_held, stop, is_cancelled;
    dsb_status status; /* of the first failed batch */
    char message[MESSAGE_BYTES];
};

static const dsb_loader_opts defaults = {
    .struct_size = sizeof(dsb_loader_opts),
    .n_epochs = 1,
    .store_max_bytes = (uint64_t)16 << 30,
    .batch_size = 128,
    .size = 64,
    .mode = DSB_PREPARE_CENTRE_CROP,
    .filter = DSB_FILTER_BICUBIC,
    .prefetch = 4,
    .scale_min = 0.08,
    .scale_max = 1.0,
    .ratio_min = 3.0 / 4.0,
    .ratio_max = 4.0 / 3.0,
    .flip = 0.5,
};

void dsb_loader_opts_init(dsb_loader_opts *opts, size_t size)
{
    dsbi_opts_fill(opts, size, &defaults, sizeof defaults);
}

void dsb_batch_init(dsb_batch *batch, size_t size)
{
    const dsb_batch empty = {.struct_size = sizeof empty};
    dsbi_opts_fill(batch, size, &empty, sizeof empty);
}

static dsb_status check_opts(const dsb_loader_opts *o)
{
    if (o->batch_size < 1 || o->batch_size > 65536)
        return dsbi_fail(DSB_E_INVALID, "dsb_loader_opts: batch_size is %u, 1..65536",
                         o->batch_size);
    if (o->size < 1 || o->size > 4096)
        return dsbi_fail(DSB_E_INVALID, "dsb_loader_opts: size is %u, 1..4096", o->size);
    if (o->source_size && (o->source_size < o->size || o->source_size > 8192))
        return dsbi_fail(DSB_E_INVALID, "dsb_loader_opts: source_size is %u, %u..8192",
                         o->source_size, o->size);
    if (o->mode > DSB_PREPARE_CENTRE_CROP)
        return dsbi_fail(DSB_E_INVALID, "dsb_loader_opts: mode is %u", o->mode);
    if (o->filter != DSB_FILTER_BILINEAR && o->filter != DSB_FILTER_BICUBIC)
        return dsbi_fail(DSB_E_INVALID, "dsb_loader_opts: filter is %u", o->filter);
    if (o->shuffle > 1)
        return dsbi_fail(DSB_E_INVALID, "dsb_loader_opts: shuffle is %u, 0 or 1", o->shuffle);
    if (o->fast > 1 || o->whole > 1 || o->exif > 1)
        return dsbi_fail(DSB_E_INVALID, "dsb_loader_opts: fast is %u, whole %u, exif %u, 0 or 1",
                         o->fast, o->whole, o->exif);
    if (o->resize && (o->resize < o->size || o->resize > 8192))
        return dsbi_fail(DSB_E_INVALID, "dsb_loader_opts: resize is %u, %u..8192", o->resize,
                         o->size);
    if (o->n_threads > MAX_THREADS)
        return dsbi_fail(DSB_E_INVALID, "dsb_loader_opts: n_threads is %u, 0..%d", o->n_threads,
                         MAX_THREADS);
    if (o->prefetch < 1 || o->prefetch > MAX_PREFETCH)
        return dsbi_fail(DSB_E_INVALID, "dsb_loader_opts: prefetch is %u, 1..%d", o->prefetch,
                         MAX_PREFETCH);
    return DSB_OK;
}

static dsb_status make_policy(dsbi_augment *policy, const dsb_loader_opts *o)
{
    DSBI_TRY(dsbi_augment_init(policy, o->augment ? o->augment : "none"));
    if (!(o->scale_min > 0.0 && o->scale_min <= o->scale_max && o->scale_max <= 1.0))
        return dsbi_fail(DSB_E_INVALID, "dsb_loader_opts: scale is %g..%g, within (0, 1]",
                         o->scale_min, o->scale_max);
    if (!(o->ratio_min > 0.0 && o->ratio_min <= o->ratio_max && o->ratio_max <= 1e6))
        return dsbi_fail(DSB_E_INVALID, "dsb_loader_opts: ratio is %g..%g", o->ratio_min,
                         o->ratio_max);
    if (!(o->flip >= 0.0 && o->flip <= 1.0))
        return dsbi_fail(DSB_E_INVALID, "dsb_loader_opts: flip is %g, 0..1", o->flip);
    policy->scale_min = o->scale_min;
    policy->scale_max = o->scale_max;
    policy->ratio_min = o->ratio_min;
    policy->ratio_max = o->ratio_max;
    policy->filter = (dsbi_filter)o->filter;
    if (policy->flip_probability > 0.0)
        policy->flip_probability = o->flip;
    return DSB_OK;
}

/* ---- under the lock ---- */

static void shuffle(dsb_loader *self, uint64_t epoch)
{
    dsbi_rng rng;
    dsbi_rng_init(&rng, self->opts.seed, DSBI_RNG_ORDER, epoch);
    for (uint64_t i = 0; i < self->n_items; i++)
        self->order[i] = (uint32_t)i;
    dsbi_rng_shuffle_u32(&rng, self->order, self->n_items);
    self->order_epoch = epoch;
}

/* First sample of a batch; self->end at most. */
static uint64_t batch_start(const dsb_loader *self, uint64_t batch)
{
    uint64_t start;
    if (__builtin_mul_overflow(batch, (uint64_t)self->opts.batch_size, &start) ||
        __builtin_add_overflow(start, self->opts.first_sample, &start) || start > self->end)
        return self->end;
    return start;
}

static void issue(dsb_loader *self)
{
    slot *s = &self->slots[self->issued % self->n_slots];
    uint64_t start = batch_start(self, self->issued), next = batch_start(self, self->issued + 1);
    s->first_sample = start;
    s->n = (uint32_t)(next - start);
    s->taken = s->done = 0;
    s->status = DSB_OK;
    for (uint32_t j = 0; j < s->n; j++) {
        uint64_t epoch = (start + j) / self->n_items, k = (start + j) % self->n_items;
        if (self->order) {
            if (epoch != self->order_epoch)
                shuffle(self, epoch);
            k = self->order[k];
        }
        s->items[j] = k;
        s->labels[j] = (uint32_t)(k / self->per_label);
    }
    self->issued++;
}

/* A slot with samples left, issuing one if a slot is free; NULL if there is nothing to do now. */
static slot *find_work(dsb_loader *self)
{
    if (self->working == self->issued) {
        bool is_free = self->issued - self->consumed < self->n_slots;
        if (!is_free || batch_start(self, self->issued) >= self->end)
            return NULL;
        issue(self);
    }
    return &self->slots[self->working % self->n_slots];
}

static void note_failure(slot *s, uint32_t sample, dsb_status status)
{
    if (s->status != DSB_OK && s->failed_at < sample)
        return;
    s->status = status;
    s->failed_at = sample;
    snprintf(s->message, sizeof s->message, "%s", dsb_last_error());
}

/* ---- workers ---- */

static dsb_status make_sample(worker *me, slot *s, uint32_t j)
{
    dsb_loader *self = me->loader;
    uint8_t *out = s->images + j * self->image_bytes;
    const uint64_t sample = s->first_sample + j;
    if (self->is_whole) {
        dsbi_crop_job job = {.rt = self->rt,
                             .augment = &self->augment,
                             .seed = self->opts.seed,
                             .sample = sample,
                             .out = out,
                             .size = self->opts.size,
                             .is_fast = self->opts.fast,
                             .is_upright = self->opts.exif,
                             .pixels = &me->pixels,
                             .resizing = &me->resizing};
        DSBI_TRY(dsbi_feed_make(self->feed, s->items[j], dsbi_crop_make, &job, &s->shown[j]));
        dsbi_pixels_note_decoded(self->pixels);
        return DSB_OK;
    }
    dsbi_image image = {.data = self->is_augmented ? me->source : out};
    DSBI_TRY(dsbi_feed_get(self->feed, &image, s->items[j], &s->shown[j]));
    if (!self->is_augmented)
        return DSB_OK;
    return dsbi_augment_apply(self->rt, out, &image, self->opts.size, &self->augment,
                              self->opts.seed, sample, &me->resizing);
}

static void *worker_main(void *argument)
{
    worker *me = argument;
    dsb_loader *self = me->loader;
    pthread_mutex_lock(&self->lock);
    while (!self->stop) {
        slot *s = find_work(self);
        if (!s) {
            pthread_cond_wait(&self->work, &self->lock);
            continue;
        }
        uint32_t from = s->taken, to = s->n - from < CHUNK ? s->n : from + CHUNK;
        s->taken = to;
        if (to == s->n)
            self->working++;
        pthread_mutex_unlock(&self->lock);
        dsb_status status = DSB_OK;
        uint32_t j = from;
        while (j < to && (status = make_sample(me, s, j)) == DSB_OK)
            j++;
        pthread_mutex_lock(&self->lock);
        if (status != DSB_OK)
            note_failure(s, j, status);
        s->done += to - from;
        if (s->done == s->n)
            pthread_cond_signal(&self->ready);
    }
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

/* Signals of the process are for its own threads. */
static dsb_status start_workers(dsb_loader *self)
{
    sigset_t all, callers;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &callers);
    int error = 0;
    for (; self->n_workers < self->n_wanted; self->n_workers++) {
        worker *me = &self->workers[self->n_workers];
        error = pthread_create(&me->thread, NULL, worker_main, me);
        if (error)
            break;
    }
    pthread_sigmask(SIG_SETMASK, &callers, NULL);
    if (error)
        return dsbi_fail(DSB_E_NOMEM, "cannot start loader thread %zu of %zu: %s",
                         self->n_workers + 1, self->n_wanted, strerror(error));
    return DSB_OK;
}

/* ---- public ---- */

dsbi_pixels_spec dsbi_loader_pixels_spec(const dsb_loader_opts *opts, const dsbi_augment *augment)
{
    dsbi_pixels_spec spec = {.size = opts->size,
                             .mode = opts->mode,
                             .filter = (dsbi_filter)opts->filter,
                             .is_fast = opts->fast != 0,
                             .is_upright = opts->exif != 0,
                             .resize = opts->resize};
    if (augment->window == DSBI_WINDOW_RESIZED_CROP) {
        spec.mode = DSBI_PIXELS_KEEP;
        spec.size = opts->source_size ? opts->source_size : 2 * opts->size;
        spec.resize = 0;
    }
    return spec;
}

static dsb_status alloc_buffers(dsb_loader *self)
{
    dsb_runtime *rt = self->rt;
    size_t batch_size = self->opts.batch_size;
    self->workers = dsbi_calloc(rt, self->n_wanted, sizeof *self->workers);
    self->slots = dsbi_calloc(rt, self->n_slots, sizeof *self->slots);
    if (!self->workers || !self->slots)
        return DSB_E_NOMEM;
    for (size_t i = 0; i < self->n_slots; i++) {
        slot *s = &self->slots[i];
        s->images = dsbi_alloc_array(rt, batch_size, self->image_bytes);
        s->labels = dsbi_alloc_array(rt, batch_size, sizeof *s->labels);
        s->items = dsbi_alloc_array(rt, batch_size, sizeof *s->items);
        s->shown = dsbi_alloc_array(rt, batch_size, sizeof *s->shown);
        if (!s->images || !s->labels || !s->items || !s->shown)
            return DSB_E_NOMEM;
    }
    for (size_t i = 0; i < self->n_wanted; i++) {
        self->workers[i].loader = self;
        if (self->is_augmented && !self->is_whole &&
            !(self->workers[i].source = dsbi_alloc(rt, dsbi_pixels_capacity(self->pixels))))
            return DSB_E_NOMEM;
    }
    if (self->opts.shuffle) {
        self->order = dsbi_alloc_array(rt, self->n_items, sizeof *self->order);
        if (!self->order)
            return DSB_E_NOMEM;
        self->order_epoch = UINT64_MAX;
    }
    return DSB_OK;
}

static dsb_status set_up(dsb_loader *self, const dsb_split *split, uint32_t part,
                         dsbi_pixels *pixels)
{
    const dsb_loader_opts *opts = &self->opts;
    self->is_augmented = dsbi_augment_is_active(&self->augment);
    self->is_whole = opts->whole && self->augment.window == DSBI_WINDOW_RESIZED_CROP;
    dsbi_pixels_spec spec = dsbi_loader_pixels_spec(opts, &self->augment);
    if (pixels) {
        const dsbi_pixels_spec *has = dsbi_pixels_spec_of(pixels);
        if (has->size != spec.size || has->mode != spec.mode || has->filter != spec.filter ||
            has->is_fast != spec.is_fast || has->is_upright != spec.is_upright ||
            has->resize != spec.resize)
            return dsbi_fail(DSB_E_INVALID, "dsbi_loader_create: pixels of another kind");
        dsbi_pixels_retain(pixels);
        self->pixels = pixels;
    } else {
        DSBI_TRY(dsbi_pixels_create(self->rt, &self->pixels, dsbi_split_collections(split), &spec,
                                    opts->store_folder,
                                    self->is_whole ? 0 : opts->store_max_bytes));
    }
    DSBI_TRY(dsbi_feed_create(self->rt, &self->feed, split, part, self->pixels));
    self->n_items = dsbi_feed_size(self->feed);
    self->per_label = self->n_items / dsb_split_labels(split);
    if (opts->n_epochs == 0 || __builtin_mul_overflow(opts->n_epochs, self->n_items, &self->end))
        self->end = UINT64_MAX;
    self->image_bytes = (size_t)opts->size * opts->size * 3;
    self->n_slots = (size_t)opts->prefetch + 1; /* one is held by the consumer */
    self->n_wanted = opts->n_threads ? opts->n_threads : self->rt->n_threads;
    DSBI_TRY(alloc_buffers(self));
    return start_workers(self);
}

dsb_status dsbi_loader_create(dsb_runtime *rt, dsb_loader **out, const dsb_split *split,
                              uint32_t part, const dsb_loader_opts *given,
                              const dsbi_augment *augment, dsbi_pixels *pixels)
{
    *out = NULL;
    dsb_loader_opts opts = defaults;
    DSBI_TRY(dsbi_opts_read(&opts, sizeof opts, given, "dsb_loader_opts"));
    DSBI_TRY(check_opts(&opts));
    dsbi_augment policy;
    if (augment)
        policy = *augment;
    else
        DSBI_TRY(make_policy(&policy, &opts));
    dsb_loader *self = dsbi_calloc(rt, 1, sizeof *self);
    if (!self)
        return DSB_E_NOMEM;
    self->rt = rt;
    dsbi_runtime_retain(rt);
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->work, NULL);
    pthread_cond_init(&self->ready, NULL);
    self->opts = opts;
    self->augment = policy;
    dsb_status status = set_up(self, split, part, pixels);
    self->opts.store_folder = self->opts.augment = NULL; /* the caller's, not kept */
    if (status != DSB_OK) {
        dsb_loader_free(self);
        return status;
    }
    *out = self;
    return DSB_OK;
}

dsb_status dsb_loader_create(dsb_runtime *rt, dsb_loader **out, const dsb_split *split,
                             uint32_t part, const dsb_loader_opts *opts)
{
    dsbi_clear_error();
    if (!rt || !out || !split)
        return dsbi_fail(DSB_E_INVALID, "dsb_loader_create: runtime, out or split is NULL");
    *out = NULL;
    return dsbi_loader_create(rt, out, split, part, opts, NULL, NULL);
}

void dsb_loader_free(dsb_loader *self)
{
    if (!self)
        return;
    dsb_runtime *rt = self->rt;
    pthread_mutex_lock(&self->lock);
    self->stop = true;
    pthread_cond_broadcast(&self->work);
    pthread_mutex_unlock(&self->lock);
    for (size_t i = 0; i < self->n_workers; i++)
        pthread_join(self->workers[i].thread, NULL);
    for (size_t i = 0; self->workers && i < self->n_wanted; i++) {
        dsbi_free(rt, self->workers[i].source);
        dsbi_scratch_free(rt, &self->workers[i].pixels);
        dsbi_scratch_free(rt, &self->workers[i].resizing);
    }
    for (size_t i = 0; self->slots && i < self->n_slots; i++) {
        dsbi_free(rt, self->slots[i].images);
        dsbi_free(rt, self->slots[i].labels);
        dsbi_free(rt, self->slots[i].items);
        dsbi_free(rt, self->slots[i].shown);
    }
    dsbi_free(rt, self->workers);
    dsbi_free(rt, self->slots);
    dsbi_free(rt, self->order);
    dsbi_feed_free(self->feed);
    dsbi_pixels_free(self->pixels);
    pthread_cond_destroy(&self->ready);
    pthread_cond_destroy(&self->work);
    pthread_mutex_destroy(&self->lock);
    dsbi_free(rt, self);
    dsbi_runtime_release(rt);
}

/* Gives the held batch's slot back. */
static void release_held(dsb_loader *self)
{
    if (!self->is_held)
        return;
    self->is_held = false;
    self->consumed++;
    pthread_cond_broadcast(&self->work);
}

/* Under the lock: waits for batch self->consumed. */
static dsb_status wait_for_batch(dsb_loader *self, slot **out)
{
    *out = NULL;
    if (self->status != DSB_OK)
        return dsbi_fail_text(self->status, self->message);
    if (batch_start(self, self->consumed) >= self->end && !self->is_cancelled)
        return DSB_OK;
    slot *s = &self->slots[self->consumed % self->n_slots];
    while (!self->is_cancelled && !(self->issued > self->consumed && s->done == s->n))
        pthread_cond_wait(&self->ready, &self->lock);
    if (self->is_cancelled)
        return dsbi_fail(DSB_E_CANCELLED, "loader: cancelled");
    if (s->status != DSB_OK) {
        self->status = s->status;
        memcpy(self->message, s->message, sizeof self->message);
        return dsbi_fail_text(self->status, self->message);
    }
    *out = s;
    return DSB_OK;
}

dsb_status dsb_loader_next(dsb_loader *self, dsb_batch *out)
{
    dsbi_clear_error();
    if (!self || !out || out->struct_size < sizeof out->struct_size || out->struct_size > 65536)
        return dsbi_fail(DSB_E_INVALID, "dsb_loader_next: call dsb_batch_init first");
    dsb_batch batch = {.struct_size = sizeof batch};
    slot *s;
    pthread_mutex_lock(&self->lock);
    release_held(self);
    dsb_status status = wait_for_batch(self, &s);
    if (s) {
        self->is_held = true;
        batch.images = s->images;
        batch.labels = s->labels;
        batch.items = s->items;
        batch.shown = s->shown;
        batch.n = s->n;
        batch.first_sample = s->first_sample;
    }
    pthread_mutex_unlock(&self->lock);
    dsbi_opts_fill(out, (size_t)out->struct_size, &batch, sizeof batch);
    return status;
}

void dsb_loader_cancel(dsb_loader *self)
{
    if (!self)
        return;
    pthread_mutex_lock(&self->lock);
    self->is_cancelled = self->stop = true;
    pthread_cond_broadcast(&self->work);
    pthread_cond_broadcast(&self->ready);
    pthread_mutex_unlock(&self->lock);
}

uint32_t dsbi_loader_side(const dsb_loader *self)
{
    return self->opts.size;
}

uint64_t dsbi_loader_items(const dsb_loader *self)
{
    return self->n_items;
}

uint64_t dsb_loader_failed_count(const dsb_loader *self)
{
    return dsbi_feed_failed_count(self->feed);
}

uint64_t dsb_loader_stored_count(const dsb_loader *self)
{
    return dsbi_pixels_stored_count(self->pixels);
}

uint64_t dsb_loader_decoded_count(const dsb_loader *self)
{
    return dsbi_pixels_decoded_count(self->pixels);
}
