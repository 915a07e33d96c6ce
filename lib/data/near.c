/* dsb_duplicates_find_near: prints of all images (near_hash.h), pairs of near hashes (near_pairs.h)
 * whose small pictures are nearer than a threshold, joined to groups.
 *
 * The threshold is what the images themselves say. Of a sample of them the distance to the nearest
 * other one is measured that is no copy for sure (above the ceiling); a tenth of the median is the
 * threshold. Photographs lie far apart and get the ceiling; digits on black lie close together and
 * get less. */
#include <math.h>
#include <string.h>
#include "base/event.h"
#include "base/file.h"
#include "base/opts.h"
#include "base/pool.h"
#include "base/rng.h"
#include "base/sort.h"
#include "data/duplicates.h"
#include "data/near_hash.h"
#include "data/near_pairs.h"
#include "data/pixels.h"

_Static_assert(offsetof(dsb_near_opts, reserved) + sizeof(uint32_t) == sizeof(dsb_near_opts),
               "no hole at the end of dsb_near_opts");

enum {
    ROUND = 256,
    N_QUERIES = 500,
    N_PEERS = 20000,
    LEAST_SIDE = 64 /* twice that of a print: larger JPEG are decoded at a reduced size */
};
static const float CEILING = 0.04f; /* 1 - correlation; a crop of 2 % stays below on photographs */

static const dsb_near_opts defaults = {.struct_size = sizeof(dsb_near_opts), .max_bits = 7};

void dsb_near_opts_init(dsb_near_opts *opts, size_t size)
{
    dsbi_opts_fill(opts, size, &defaults, sizeof defaults);
}

typedef struct finder {
    dsb_runtime *rt;
    const dsbi_collections *collections;
    size_t n;
    uint64_t first;          /* image of task 0 */
    dsbi_near_print *prints; /* [n] */
    uint8_t *is_known;       /* [n] 0: could not be decoded */
    float threshold;
    float *nearest;    /* [N_QUERIES] */
    uint32_t *sample;  /* [n] in a random order */
    uint32_t *parents; /* [n] union-find, the lowest number of a group is its root */
} finder;

/* ---- prints ---- */

static dsb_status print_task(void *user, size_t task, size_t worker)
{
    (void)worker;
    finder *self = user;
    uint64_t global = self->first + task;
    size_t d = dsbi_collections_find(self->collections, (uint32_t)global);
    dsbi_image image;
    dsb_status status = dsbi_dataset_decode_least(self->collections->datasets[d], self->rt, &image,
                                                  global - self->collections->first[d], LEAST_SIDE);
    if (dsbi_is_image_failure(status))
        return DSB_OK; /* broken since: has no near duplicates */
    if (status != DSB_OK)
        return status;
    status = dsbi_near_print_of(self->rt, &self->prints[global], &image);
    self->is_known[global] = status == DSB_OK;
    dsbi_image_free(self->rt, &image);
    return status;
}

static dsb_status make_prints(finder *self, dsb_event_fn fn, void *user)
{
    double start = dsbi_now();
    for (self->first = 0; self->first < self->n; self->first += ROUND) {
        size_t left = self->n - (size_t)self->first;
        DSBI_TRY(dsbi_parallel(self->rt, left < ROUND ? left : ROUND, print_task, self));
        DSBI_TRY(
            dsbi_event_send(fn, user, "near duplicates", self->first, self->n, start, NAN, ""));
    }
    return DSB_OK;
}

/* ---- threshold ---- */

static dsb_status nearest_task(void *user, size_t task, size_t worker)
{
    (void)worker;
    finder *self = user;
    uint32_t query = self->sample[task];
    size_t n_peers = self->n < N_PEERS ? self->n : N_PEERS;
    float nearest = 2;
    for (size_t k = 0; k < n_peers; k++) {
        uint32_t peer = self->sample[k];
        if (peer == query || !self->is_known[peer] || !self->is_known[query])
            continue;
        float distance = dsbi_near_distance(&self->prints[query], &self->prints[peer]);
        if (distance > CEILING && distance < nearest)
            nearest = distance;
    }
    self->nearest[task] = nearest;
    return DSB_OK;
}

static int compare_floats(const void *a, const void *b, void *user)
{
    (void)user;
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* A tenth of the median distance to the nearest different image, the ceiling at most. */
static dsb_status calibrate(finder *self)
{
    size_t n_queries = self->n < N_QUERIES ? self->n : N_QUERIES;
    self->threshold = CEILING;
    if (n_queries < 100)
        return DSB_OK; /* too few to say anything */
    dsbi_rng rng;
    dsbi_rng_init(&rng, 0, DSBI_RNG_SPLIT, 0);
    for (size_t i = 0; i < self->n; i++)
        self->sample[i] = (uint32_t)i;
    dsbi_rng_shuffle_u32(&rng, self->sample, self->n);
    DSBI_TRY(dsbi_parallel(self->rt, n_queries, nearest_task, self));
    dsbi_sort(self->nearest, n_queries, sizeof *self->nearest, compare_floats, NULL);
    float low = self->nearest[n_queries / 2] / 10;
    self->threshold = low < CEILING ? low : CEILING;
    return DSB_OK;
}

/* ---- groups ---- */

static bool is_near(const void *user, uint32_t a, uint32_t b)
{
    const finder *self = user;
    return self->is_known[a] && self->is_known[b] &&
           dsbi_near_distance(&self->prints[a], &self->prints[b]) <= self->threshold;
}

static uint32_t root_of(uint32_t *parents, uint32_t i)
{
    while (parents[i] != i) {
        parents[i] = parents[parents[i]];
        i = parents[i];
    }
    return i;
}

static bool have_one_root(const void *user, uint32_t a, uint32_t b)
{
    const uint32_t *parents = user;
    return parents[a] == parents[b];
}

/* order [n]: by root, then number. Roots are the lowest of their groups: counting is enough. */
static dsb_status join_pairs(finder *self, const dsbi_near_pairs *pairs, uint32_t *order)
{
    uint32_t *parents = self->parents;
    for (size_t i = 0; i < self->n; i++)
        parents[i] = (uint32_t)i;
    for (size_t k = 0; k < pairs->n; k++) {
        uint32_t a = root_of(parents, pairs->items[k].a), b = root_of(parents, pairs->items[k].b);
        parents[a > b ? a : b] = a > b ? b : a;
    }
    uint32_t *starts = dsbi_calloc(self->rt, self->n + 1, sizeof *starts);
    if (!starts)
        return DSB_E_NOMEM;
    for (size_t i = 0; i < self->n; i++) {
        parents[i] = root_of(parents, (uint32_t)i);
        starts[parents[i] + 1]++;
    }
    for (size_t i = 0; i < self->n; i++)
        starts[i + 1] += starts[i];
    for (size_t i = 0; i < self->n; i++)
        order[starts[parents[i]]++] = (uint32_t)i;
    dsbi_free(self->rt, starts);
    return DSB_OK;
}

static dsb_status find_groups(finder *self, dsb_duplicates *out, uint32_t max_bits)
{
    dsb_runtime *rt = self->rt;
    uint64_t *hashes = dsbi_alloc_array(rt, self->n, sizeof *hashes);
    uint32_t *order = dsbi_alloc_array(rt, self->n, sizeof *order);
    dsbi_near_pairs pairs = {0};
    dsb_status status = hashes && order ? DSB_OK : DSB_E_NOMEM;
    for (size_t i = 0; status == DSB_OK && i < self->n; i++)
        hashes[i] = self->prints[i].hash;
    if (status == DSB_OK)
        status = dsbi_near_pairs_find(rt, &pairs, hashes, self->n, max_bits, is_near, self);
    if (status == DSB_OK)
        status = join_pairs(self, &pairs, order);
    if (status == DSB_OK)
        status = dsbi_duplicates_collect(out, order, have_one_root, self->parents);
    dsbi_near_pairs_free(rt, &pairs);
    dsbi_free(rt, hashes);
    dsbi_free(rt, order);
    return status;
}

dsb_status dsb_duplicates_find_near(dsb_runtime *rt, dsb_duplicates **out,
                                    const dsb_dataset *const *datasets, uint64_t n_datasets,
                                    const dsb_near_opts *given, dsb_event_fn fn, void *user)
{
    dsbi_clear_error();
    if (!rt || !out || !datasets || n_datasets == 0)
        return dsbi_fail(DSB_E_INVALID, "dsb_duplicates_find_near: an argument is NULL or 0");
    *out = NULL;
    dsb_near_opts opts = defaults;
    DSBI_TRY(dsbi_opts_read(&opts, sizeof opts, given, "dsb_near_opts"));
    if (opts.max_bits > DSBI_NEAR_MAX_BITS)
        return dsbi_fail(DSB_E_INVALID, "dsb_near_opts: max_bits is %u, at most %d", opts.max_bits,
                         DSBI_NEAR_MAX_BITS);
    if (!(opts.max_distance >= 0 && opts.max_distance <= 2))
        return dsbi_fail(DSB_E_INVALID, "dsb_near_opts: max_distance is %g, 0 to 2",
                         opts.max_distance);
    dsb_duplicates *groups;
    DSBI_TRY(dsbi_duplicates_create(rt, &groups, datasets, n_datasets));
    finder self = {.rt = rt, .collections = &groups->collections};
    self.n = groups->collections.first[n_datasets];
    self.prints = dsbi_calloc(rt, self.n, sizeof *self.prints);
    self.is_known = dsbi_calloc(rt, self.n, 1);
    self.nearest = dsbi_calloc(rt, N_QUERIES, sizeof *self.nearest);
    self.sample = dsbi_alloc_array(rt, self.n, sizeof *self.sample);
    self.parents = dsbi_alloc_array(rt, self.n, sizeof *self.parents);
    dsb_status status = DSB_E_NOMEM;
    if (!self.prints || !self.is_known || !self.nearest || !self.sample || !self.parents)
        goto done;
    DSBI_GO(make_prints(&self, fn, user));
    self.threshold = (float)opts.max_distance;
    if (opts.max_distance == 0)
        DSBI_GO(calibrate(&self));
    status = find_groups(&self, groups, opts.max_bits);
    groups->max_distance = self.threshold;
done:
    dsbi_free(rt, self.prints);
    dsbi_free(rt, self.is_known);
    dsbi_free(rt, self.nearest);
    dsbi_free(rt, self.sample);
    dsbi_free(rt, self.parents);
    if (status != DSB_OK) {
        dsb_duplicates_free(groups);
        return status;
    }
    dsbi_clear_error(); /* of images that cannot be decoded any more */
    *out = groups;
    return DSB_OK;
}

double dsb_duplicates_distance(const dsb_duplicates *duplicates)
{
    return duplicates->max_distance;
}
