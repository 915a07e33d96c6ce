/* See near_pairs.h. */
#include "data/near_pairs.h"

#include <string.h>
#include "base/pool.h"

enum { N_BANDS = 4, BAND_BITS = 16, N_BUCKETS = 1 << BAND_BITS, BLOCK = 4096 };

typedef struct band {
    uint32_t *starts; /* [N_BUCKETS + 1] */
    uint32_t *ids;    /* [n] by bucket, rising within */
    uint64_t *hashes; /* [n] of them */
} band;

typedef struct search {
    dsb_runtime *rt;
    const uint64_t *hashes;
    size_t n;
    uint32_t max_bits;
    dsbi_near_fn accept;
    const void *user;
    band bands[N_BANDS];
    uint16_t flips[1 + BAND_BITS + BAND_BITS * (BAND_BITS - 1) / 2]; /* bands to look at, xor */
    size_t n_flips;
    dsbi_near_pairs *blocks; /* [n_blocks] */
} search;

static size_t bucket_of(uint64_t hash, size_t b)
{
    return (hash >> b * BAND_BITS) & (N_BUCKETS - 1);
}

static dsb_status fill_band(search *self, size_t b)
{
    band *out = &self->bands[b];
    out->starts = dsbi_calloc(self->rt, N_BUCKETS + 2, sizeof *out->starts);
    out->ids = dsbi_alloc_array(self->rt, self->n, sizeof *out->ids);
    out->hashes = dsbi_alloc_array(self->rt, self->n, sizeof *out->hashes);
    if (!out->starts || !out->ids || !out->hashes)
        return DSB_E_NOMEM;
    for (size_t i = 0; i < self->n; i++)
        out->starts[bucket_of(self->hashes[i], b) + 2]++;
    for (size_t k = 2; k < N_BUCKETS + 2; k++)
        out->starts[k] += out->starts[k - 1];
    for (size_t i = 0; i < self->n; i++) { /* starts[k + 1] runs to the end of bucket k */
        uint32_t at = out->starts[bucket_of(self->hashes[i], b) + 1]++;
        out->ids[at] = (uint32_t)i;
        out->hashes[at] = self->hashes[i];
    }
    return DSB_OK;
}

static dsb_status band_task(void *user, size_t task, size_t worker)
{
    (void)worker;
    return fill_band(user, task);
}

/* All ways to change at most max_bits / 4 bits of a band. */
static void fill_flips(search *self)
{
    self->flips[self->n_flips++] = 0;
    for (unsigned i = 0; self->max_bits >= N_BANDS && i < BAND_BITS; i++)
        self->flips[self->n_flips++] = (uint16_t)(1u << i);
    for (unsigned i = 0; self->max_bits >= 2 * N_BANDS && i < BAND_BITS; i++)
        for (unsigned k = 0; k < i; k++)
            self->flips[self->n_flips++] = (uint16_t)(1u << i | 1u << k);
}

static dsb_status add_pair(dsb_runtime *rt, dsbi_near_pairs *out, uint32_t a, uint32_t b)
{
    void *items = out->items;
    DSBI_TRY(dsbi_grow(rt, &items, &out->capacity, out->n + 1, sizeof *out->items));
    out->items = items;
    out->items[out->n++] = (dsbi_near_pair){a, b};
    return DSB_OK;
}

/* Place of the first id of the bucket that is not below `id`. */
static uint32_t find_id(const band *in, uint32_t low, uint32_t high, uint32_t id)
{
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (in->ids[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static dsb_status search_bucket(const search *self, dsbi_near_pairs *out, const band *in,
                                size_t bucket, uint32_t id)
{
    uint32_t start = in->starts[bucket], end = in->starts[bucket + 1];
    if (start == end)
        return DSB_OK;
    end = find_id(in, start, end, id);
    if (end - start > DSBI_NEAR_MAX_PEERS)
        start = end - DSBI_NEAR_MAX_PEERS;
    uint64_t hash = self->hashes[id];
    for (uint32_t at = start; at < end; at++) {
        if ((uint32_t)__builtin_popcountll(in->hashes[at] ^ hash) > self->max_bits)
            continue;
        uint32_t peer = in->ids[at];
        if (!self->accept || self->accept(self->user, peer, id))
            DSBI_TRY(add_pair(self->rt, out, peer, id));
    }
    return DSB_OK;
}

static dsb_status block_task(void *user, size_t task, size_t worker)
{
    (void)worker;
    const search *self = user;
    size_t end = (task + 1) * BLOCK < self->n ? (task + 1) * BLOCK : self->n;
    for (size_t id = task * BLOCK; id < end; id++)
        for (size_t b = 0; b < N_BANDS; b++)
            for (size_t f = 0; f < self->n_flips; f++)
                DSBI_TRY(search_bucket(self, &self->blocks[task], &self->bands[b],
                                       bucket_of(self->hashes[id], b) ^ self->flips[f],
                                       (uint32_t)id));
    return DSB_OK;
}

/* Blocks one behind the other. */
static dsb_status join(search *self, dsbi_near_pairs *out, size_t n_blocks)
{
    size_t n = 0;
    for (size_t k = 0; k < n_blocks; k++)
        n += self->blocks[k].n;
    out->items = dsbi_alloc_array(self->rt, n, sizeof *out->items);
    if (!out->items)
        return DSB_E_NOMEM;
    out->capacity = n;
    for (size_t k = 0; k < n_blocks; k++) {
        if (self->blocks[k].n)
            memcpy(out->items + out->n, self->blocks[k].items,
                   self->blocks[k].n * sizeof *out->items);
        out->n += self->blocks[k].n;
    }
    return DSB_OK;
}

dsb_status dsbi_near_pairs_find(dsb_runtime *rt, dsbi_near_pairs *out, const uint64_t *hashes,
                                size_t n, uint32_t max_bits, dsbi_near_fn accept, const void *user)
{
    *out = (dsbi_near_pairs){0};
    if (n > INT32_MAX)
        return dsbi_fail(DSB_E_LIMIT, "near duplicates among %zu images", n);
    search self = {
        .rt = rt, .hashes = hashes, .n = n, .max_bits = max_bits, .accept = accept, .user = user};
    size_t n_blocks = (n + BLOCK - 1) / BLOCK;
    self.blocks = dsbi_calloc(rt, n_blocks, sizeof *self.blocks);
    if (!self.blocks)
        return DSB_E_NOMEM;
    fill_flips(&self);
    dsb_status status;
    DSBI_GO(dsbi_parallel(rt, N_BANDS, band_task, &self));
    DSBI_GO(dsbi_parallel(rt, n_blocks, block_task, &self));
    status = join(&self, out, n_blocks);
done:
    for (size_t b = 0; b < N_BANDS; b++) {
        dsbi_free(rt, self.bands[b].starts);
        dsbi_free(rt, self.bands[b].ids);
        dsbi_free(rt, self.bands[b].hashes);
    }
    for (size_t k = 0; k < n_blocks; k++)
        dsbi_free(rt, self.blocks[k].items);
    dsbi_free(rt, self.blocks);
    return status;
}

void dsbi_near_pairs_free(dsb_runtime *rt, dsbi_near_pairs *pairs)
{
    dsbi_free(rt, pairs->items);
    *pairs = (dsbi_near_pairs){0};
}
