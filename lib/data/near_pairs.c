/* See near_pairs.h. One band after the other: its hashes are put in order of the band (a counting
 * sort), then each bucket is compared with itself and with those a flip away, all of them runs of
 * neighbours in memory. Looking up the buckets of each hash instead waits for memory 17 times a
 * hash and band: a million hashes took 15 s so, and take less than one now. */
#include "data/near_pairs.h"

#include <string.h>
#include "base/pool.h"

enum {
    N_BANDS = 4,
    BAND_BITS = 16,
    N_BUCKETS = 1 << BAND_BITS,
    BUCKETS_A_TASK = 256,
    N_TASKS = N_BUCKETS / BUCKETS_A_TASK
};

typedef struct search {
    dsb_runtime *rt;
    const uint64_t *hashes;
    size_t n;
    uint32_t max_bits;
    dsbi_near_fn accept;
    const void *user;
    uint16_t flips[1 + BAND_BITS + BAND_BITS * (BAND_BITS - 1) / 2]; /* bands to look at, xor */
    size_t n_flips;
    uint32_t *starts;       /* [N_BUCKETS + 2] of the band */
    uint32_t *ids;          /* [n] by bucket, rising within */
    uint64_t *sorted;       /* [n] their hashes */
    dsbi_near_pairs *found; /* [N_TASKS] */
} search;

/* ---- a band ---- */

static size_t bucket_of(uint64_t hash, size_t b)
{
    return (hash >> b * BAND_BITS) & (N_BUCKETS - 1);
}

static void fill_band(search *self, size_t b)
{
    uint32_t *starts = self->starts;
    memset(starts, 0, (N_BUCKETS + 2) * sizeof *starts);
    for (size_t i = 0; i < self->n; i++)
        starts[bucket_of(self->hashes[i], b) + 2]++;
    for (size_t k = 2; k < N_BUCKETS + 2; k++)
        starts[k] += starts[k - 1];
    for (size_t i = 0; i < self->n; i++) { /* starts[k + 1] runs to the end of bucket k */
        uint32_t at = starts[bucket_of(self->hashes[i], b) + 1]++;
        self->ids[at] = (uint32_t)i;
        self->sorted[at] = self->hashes[i];
    }
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

/* ---- comparing ---- */

static dsb_status add_pair(dsb_runtime *rt, dsbi_near_pairs *out, uint32_t a, uint32_t b)
{
    void *items = out->items;
    DSBI_TRY(dsbi_grow(rt, &items, &out->capacity, out->n + 1, sizeof *out->items));
    out->items = items;
    out->items[out->n++] = (dsbi_near_pair){a, b};
    return DSB_OK;
}

/* Bits set, by sums of neighbouring fields. Compilers make vectors of it, which without a popcnt
 * instruction (x86-64 as such has none) is faster than any table. */
static inline uint64_t count_bits(uint64_t x)
{
    x -= x >> 1 & 0x5555555555555555u;
    x = (x & 0x3333333333333333u) + (x >> 2 & 0x3333333333333333u);
    x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    x += x >> 8;
    x += x >> 16;
    x += x >> 32;
    return x & 0x7f;
}

/* Place `at` with the places start .. end of the band. */
static dsb_status compare(const search *self, dsbi_near_pairs *out, size_t at, size_t start,
                          size_t end)
{
    enum { STEP = 8 };
    const uint64_t hash = self->sorted[at], max_bits = self->max_bits;
    for (size_t from = start; from < end; from += STEP) {
        size_t n = end - from < STEP ? end - from : STEP;
        const uint64_t *peers = self->sorted + from;
        uint64_t n_near = 0;
        if (n == STEP)
            for (size_t k = 0; k < STEP; k++)
                n_near += (count_bits(peers[k] ^ hash) - max_bits - 1) >> 63;
        else
            for (size_t k = 0; k < n; k++)
                n_near += count_bits(peers[k] ^ hash) <= max_bits;
        for (size_t k = 0; n_near > 0 && k < n; k++) {
            if (count_bits(peers[k] ^ hash) > max_bits)
                continue;
            n_near--;
            uint32_t a = self->ids[at], b = self->ids[from + k];
            uint32_t low = a < b ? a : b, high = a < b ? b : a;
            if (!self->accept || self->accept(self->user, low, high))
                DSBI_TRY(add_pair(self->rt, out, low, high));
        }
    }
    return DSB_OK;
}

/* Each hash of bucket x with the last DSBI_NEAR_MAX_PEERS before it in bucket y. */
static dsb_status compare_windows(const search *self, dsbi_near_pairs *out, size_t x, size_t y)
{
    size_t start = self->starts[y], end = start;
    for (size_t at = self->starts[x]; at < self->starts[x + 1]; at++) {
        while (end < self->starts[y + 1] && self->ids[end] < self->ids[at])
            end++;
        size_t n = end - self->starts[y];
        start = n > DSBI_NEAR_MAX_PEERS ? end - DSBI_NEAR_MAX_PEERS : start;
        DSBI_TRY(compare(self, out, at, start, end));
    }
    return DSB_OK;
}

static dsb_status compare_buckets(const search *self, dsbi_near_pairs *out, size_t x, size_t y)
{
    const uint32_t *starts = self->starts;
    size_t n_x = starts[x + 1] - starts[x], n_y = starts[y + 1] - starts[y];
    if (n_x == 0 || n_y == 0)
        return DSB_OK;
    if (n_x > DSBI_NEAR_MAX_PEERS || n_y > DSBI_NEAR_MAX_PEERS) {
        DSBI_TRY(compare_windows(self, out, x, y));
        return x == y ? DSB_OK : compare_windows(self, out, y, x);
    }
    for (size_t at = starts[x]; at < starts[x + 1]; at++)
        DSBI_TRY(compare(self, out, at, x == y ? at + 1 : starts[y], starts[y + 1]));
    return DSB_OK;
}

static dsb_status buckets_task(void *user, size_t task, size_t worker)
{
    (void)worker;
    const search *self = user;
    for (size_t x = task * BUCKETS_A_TASK; x < (task + 1) * BUCKETS_A_TASK; x++)
        for (size_t f = 0; f < self->n_flips; f++)
            if (x <= (x ^ self->flips[f])) /* each pair of buckets once */
                DSBI_TRY(compare_buckets(self, &self->found[task], x, x ^ self->flips[f]));
    return DSB_OK;
}

/* ---- the whole ---- */

/* What the tasks found, one behind the other, behind what is there. */
static dsb_status join(search *self, dsbi_near_pairs *out)
{
    size_t n = out->n;
    for (size_t t = 0; t < N_TASKS; t++)
        n += self->found[t].n;
    void *items = out->items;
    DSBI_TRY(dsbi_grow(self->rt, &items, &out->capacity, n, sizeof *out->items));
    out->items = items;
    for (size_t t = 0; t < N_TASKS; t++) {
        dsbi_near_pairs *found = &self->found[t];
        if (found->n)
            memcpy(out->items + out->n, found->items, found->n * sizeof *out->items);
        out->n += found->n;
        dsbi_near_pairs_free(self->rt, found);
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
    self.starts = dsbi_alloc_array(rt, N_BUCKETS + 2, sizeof *self.starts);
    self.ids = dsbi_alloc_array(rt, n, sizeof *self.ids);
    self.sorted = dsbi_alloc_array(rt, n, sizeof *self.sorted);
    self.found = dsbi_calloc(rt, N_TASKS, sizeof *self.found);
    dsb_status status = DSB_E_NOMEM;
    if (!self.starts || !self.ids || !self.sorted || !self.found)
        goto done;
    fill_flips(&self);
    for (size_t b = 0; b < N_BANDS; b++) {
        fill_band(&self, b);
        DSBI_GO(dsbi_parallel(rt, N_TASKS, buckets_task, &self));
        DSBI_GO(join(&self, out));
    }
    status = DSB_OK;
done:
    for (size_t t = 0; self.found && t < N_TASKS; t++)
        dsbi_near_pairs_free(rt, &self.found[t]);
    dsbi_free(rt, self.starts);
    dsbi_free(rt, self.ids);
    dsbi_free(rt, self.sorted);
    dsbi_free(rt, self.found);
    return status;
}

void dsbi_near_pairs_free(dsb_runtime *rt, dsbi_near_pairs *pairs)
{
    dsbi_free(rt, pairs->items);
    *pairs = (dsbi_near_pairs){0};
}
