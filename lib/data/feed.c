/* See feed.h. */
#include "data/feed.h"

#include <assert.h>
#include "base/pool.h"

struct dsbi_feed {
    dsb_runtime *rt; /* retained */
    const dsb_split *split;
    uint32_t part;
    dsbi_pixels *pixels;
    uint64_t n, per_label;
    atomic_uint_fast64_t *failed; /* a bit an item */
    atomic_uint_fast64_t n_failed;
};

dsb_status dsbi_feed_create(dsb_runtime *rt, dsbi_feed **out, const dsb_split *split, uint32_t part,
                            dsbi_pixels *pixels)
{
    *out = NULL;
    if (part >= DSBI_N_PARTS)
        return dsbi_fail(DSB_E_INVALID, "part %u of a split", part);
    dsbi_feed *feed = dsbi_calloc(rt, 1, sizeof *feed);
    if (!feed)
        return DSB_E_NOMEM;
    feed->n = dsb_split_size(split, part);
    feed->failed = dsbi_calloc(rt, feed->n / 64 + 1, sizeof *feed->failed);
    if (!feed->failed) {
        dsbi_free(rt, feed);
        return DSB_E_NOMEM;
    }
    dsbi_runtime_retain(rt);
    dsbi_split_retain(split);
    dsbi_pixels_retain(pixels);
    feed->rt = rt;
    feed->split = split;
    feed->part = part;
    feed->pixels = pixels;
    feed->per_label = feed->n / dsb_split_labels(split);
    *out = feed;
    return DSB_OK;
}

void dsbi_feed_free(dsbi_feed *feed)
{
    if (!feed)
        return;
    dsb_runtime *rt = feed->rt;
    dsbi_pixels_free(feed->pixels);
    dsb_split_free((dsb_split *)(uintptr_t)feed->split);
    dsbi_free(rt, feed->failed);
    dsbi_free(rt, feed);
    dsbi_runtime_release(rt);
}

uint64_t dsbi_feed_size(const dsbi_feed *feed)
{
    return feed->n;
}

bool dsbi_feed_has_failed(const dsbi_feed *feed, uint64_t k)
{
    return atomic_load(&feed->failed[k / 64]) >> k % 64 & 1;
}

static void note_failed(dsbi_feed *feed, uint64_t k)
{
    uint64_t bit = (uint64_t)1 << k % 64;
    if (atomic_fetch_or(&feed->failed[k / 64], bit) & bit)
        return;
    atomic_fetch_add(&feed->n_failed, 1);
    dsbi_log(feed->rt, DSB_LOG_WARN, "data", "replaced by another image: %s", dsb_last_error());
}

/* Item k or the next of its label that can be made; those known to fail are passed over if
 * `skip_failed`. */
static dsb_status first_that_works(dsbi_feed *feed, uint64_t k, bool skip_failed,
                                   dsbi_feed_make_fn make, void *user, uint64_t *shown)
{
    uint64_t start = k / feed->per_label * feed->per_label;
    for (uint64_t step = 0; step < feed->per_label; step++) {
        uint64_t candidate = start + (k - start + step) % feed->per_label;
        if (skip_failed && dsbi_feed_has_failed(feed, candidate))
            continue;
        dsbi_item item = dsbi_split_item(feed->split, feed->part, candidate);
        dsb_status status = make(user, item.dataset, item.image);
        if (status == DSB_OK) {
            if (shown)
                *shown = candidate;
            return DSB_OK;
        }
        if (!dsbi_is_image_failure(status))
            return status;
        note_failed(feed, candidate);
    }
    return dsbi_fail(DSB_E_DATA, "%s: none of its %llu images can be decoded any more",
                     dsb_dataset_name(dsbi_split_item(feed->split, feed->part, k).dataset),
                     (unsigned long long)feed->per_label);
}

dsb_status dsbi_feed_make(dsbi_feed *feed, uint64_t k, dsbi_feed_make_fn make, void *user,
                          uint64_t *shown)
{
    return first_that_works(feed, k, false, make, user, shown);
}

typedef struct getter {
    dsbi_pixels *pixels;
    dsbi_image *out;
} getter;

static dsb_status get_pixels(void *user, const dsb_dataset *dataset, uint64_t image)
{
    const getter *self = user;
    return dsbi_pixels_get(self->pixels, self->out, dataset, image);
}

dsb_status dsbi_feed_get(dsbi_feed *feed, dsbi_image *out, uint64_t k, uint64_t *shown)
{
    getter self = {feed->pixels, out};
    return first_that_works(feed, k, true, get_pixels, &self, shown);
}

typedef struct block {
    dsbi_feed *feed;
    uint8_t *out;
    uint64_t *shown;
    uint64_t first;
    size_t image_bytes;
} block;

static dsb_status block_task(void *user, size_t task, size_t worker)
{
    (void)worker;
    const block *self = user;
    dsbi_image image = {.data = self->out + task * self->image_bytes};
    return dsbi_feed_get(self->feed, &image, self->first + task,
                         self->shown ? &self->shown[task] : NULL);
}

dsb_status dsbi_feed_block(dsbi_feed *feed, uint8_t *out, uint64_t *shown, uint64_t first,
                           uint64_t n)
{
    assert(dsbi_pixels_spec_of(feed->pixels)->mode != DSBI_PIXELS_KEEP);
    assert(first + n <= feed->n);
    block self = {feed, out, shown, first, dsbi_pixels_capacity(feed->pixels)};
    return dsbi_parallel(feed->rt, n, block_task, &self);
}

uint64_t dsbi_feed_failed_count(const dsbi_feed *feed)
{
    return atomic_load(&feed->n_failed);
}

const dsbi_pixels *dsbi_feed_pixels(const dsbi_feed *feed)
{
    return feed->pixels;
}
