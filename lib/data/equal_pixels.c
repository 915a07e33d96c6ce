/* dsb_duplicates_find_pixels: images whose decoded pixels are equal, whatever their files look
 * like.
 */
#include <math.h>
#include <string.h>
#include "base/event.h"
#include "base/file.h"
#include "base/pool.h"
#include "data/duplicates.h"
#include "data/pixels.h"
#include "kernels/sha256_blocks.h"

enum { ROUND = 256 };

typedef struct finder {
    dsb_runtime *rt;
    const dsbi_collections *collections;
    uint64_t first;                     /* image of task 0 */
    uint8_t (*hashes)[DSBI_HASH_BYTES]; /* [images in all] */
} finder;

static dsb_status hash_task(void *user, size_t task, size_t worker)
{
    (void)worker;
    finder *self = user;
    uint64_t global = self->first + task;
    size_t d = dsbi_collections_find(self->collections, (uint32_t)global);
    const dsb_dataset *dataset = self->collections->datasets[d];
    uint64_t i = global - self->collections->first[d];
    if (!dataset->format->read) { /* its hash is of the pixels */
        memcpy(self->hashes[global], dsbi_dataset_entry(dataset, i)->hash, DSBI_HASH_BYTES);
        return DSB_OK;
    }
    dsbi_image image;
    uint8_t digest[DSBI_SHA256_BYTES];
    dsb_status status = dsbi_dataset_decode(dataset, self->rt, &image, i);
    if (status == DSB_OK)
        dsbi_image_digest(self->rt, digest, &image);
    else if (dsbi_is_image_failure(status)) /* broken since: equal to nothing else */
        dsbi_sha256_fast(self->rt, digest, &global, sizeof global);
    else
        return status;
    memcpy(self->hashes[global], digest, DSBI_HASH_BYTES);
    dsbi_image_free(self->rt, &image);
    return DSB_OK;
}

static const uint8_t *hash_of(const void *user, uint32_t global)
{
    const finder *self = user;
    return self->hashes[global];
}

static dsb_status find(finder *self, dsb_duplicates *groups, dsb_event_fn fn, void *user)
{
    uint64_t n = self->collections->first[self->collections->n];
    double start = dsbi_now();
    for (self->first = 0; self->first < n; self->first += ROUND) {
        uint64_t left = n - self->first;
        DSBI_TRY(dsbi_parallel(self->rt, left < ROUND ? (size_t)left : ROUND, hash_task, self));
        DSBI_TRY(dsbi_event_send(fn, user, "equal pixels", self->first, n, start, NAN, ""));
    }
    return dsbi_duplicates_collect_hashes(groups, hash_of, self);
}

dsb_status dsb_duplicates_find_pixels(dsb_runtime *rt, dsb_duplicates **out,
                                      const dsb_dataset *const *datasets, uint64_t n_datasets,
                                      dsb_event_fn fn, void *user)
{
    dsbi_clear_error();
    if (!rt || !out || !datasets || n_datasets == 0)
        return dsbi_fail(DSB_E_INVALID, "dsb_duplicates_find_pixels: an argument is NULL or 0");
    *out = NULL;
    dsb_duplicates *groups;
    DSBI_TRY(dsbi_duplicates_create(rt, &groups, datasets, n_datasets));
    finder self = {.rt = rt, .collections = &groups->collections};
    self.hashes = dsbi_alloc_array(rt, groups->collections.first[n_datasets], sizeof *self.hashes);
    dsb_status status = self.hashes ? find(&self, groups, fn, user) : DSB_E_NOMEM;
    dsbi_free(rt, self.hashes);
    if (status == DSB_OK) {
        dsbi_clear_error(); /* of images that cannot be decoded any more */
        *out = groups;
    } else {
        dsb_duplicates_free(groups);
    }
    return status;
}
