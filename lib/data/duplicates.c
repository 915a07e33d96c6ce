/* Byte-identical files. All images are put in order of their content hash: first into buckets by
 * its leading bits, without a second array, then each small bucket is sorted. Equal neighbours are
 * a group. 4 bytes an image while it runs. */
#include "data/duplicates.h"

#include <string.h>
#include "base/sort.h"

enum { BUCKET_BITS = 12, N_BUCKETS = 1 << BUCKET_BITS };

dsb_status dsbi_collections_init(dsb_runtime *rt, dsbi_collections *out,
                                 const dsb_dataset *const *datasets, uint64_t n)
{
    *out = (dsbi_collections){0};
    out->datasets = dsbi_calloc(rt, n, sizeof *out->datasets);
    out->first = dsbi_calloc(rt, n + 1, sizeof *out->first);
    if (!out->datasets || !out->first) {
        dsbi_collections_free(rt, out);
        return DSB_E_NOMEM;
    }
    for (; out->n < n; out->n++) {
        dsbi_dataset_retain(datasets[out->n]);
        out->datasets[out->n] = datasets[out->n];
        out->first[out->n + 1] = out->first[out->n] + datasets[out->n]->entries.n;
    }
    if (out->first[n] <= UINT32_MAX)
        return DSB_OK;
    dsbi_collections_free(rt, out);
    return dsbi_fail(DSB_E_LIMIT, "more than %u images in all collections together", UINT32_MAX);
}

void dsbi_collections_free(dsb_runtime *rt, dsbi_collections *collections)
{
    for (size_t d = 0; d < collections->n; d++)
        dsb_dataset_free((dsb_dataset *)(uintptr_t)collections->datasets[d]);
    dsbi_free(rt, collections->datasets);
    dsbi_free(rt, collections->first);
    *collections = (dsbi_collections){0};
}

size_t dsbi_collections_find(const dsbi_collections *collections, uint64_t global)
{
    size_t d = 0;
    while (d + 1 < collections->n && global >= collections->first[d + 1])
        d++;
    return d;
}

static const uint8_t *file_hash(const void *user, uint32_t global)
{
    const dsbi_collections *collections = user;
    size_t d = dsbi_collections_find(collections, global);
    return dsbi_dataset_entry(collections->datasets[d], global - collections->first[d])->hash;
}

typedef struct hashes {
    dsbi_hash_fn hash_of;
    const void *user;
} hashes;

static int compare_files(const void *a, const void *b, void *user)
{
    const hashes *all = user;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int order = memcmp(all->hash_of(all->user, x), all->hash_of(all->user, y), DSBI_HASH_BYTES);
    return order ? order : (x > y) - (x < y);
}

static size_t bucket_of(const uint8_t *hash)
{
    return ((size_t)hash[0] << 8 | hash[1]) >> (16 - BUCKET_BITS);
}

/* order [n] = global numbers by hash, then number. */
static dsb_status sort_by_hash(dsb_runtime *rt, hashes *all, uint64_t n, uint32_t *order)
{
    uint64_t *ends = dsbi_calloc(rt, N_BUCKETS + 1, sizeof *ends);
    if (!ends)
        return DSB_E_NOMEM;
    for (uint64_t i = 0; i < n; i++)
        ends[bucket_of(all->hash_of(all->user, (uint32_t)i)) + 1]++;
    for (size_t b = 0; b < N_BUCKETS; b++)
        ends[b + 1] += ends[b];
    for (uint64_t i = 0; i < n; i++) /* ends[b] runs from the start of bucket b to its end */
        order[ends[bucket_of(all->hash_of(all->user, (uint32_t)i))]++] = (uint32_t)i;
    uint64_t start = 0;
    for (size_t b = 0; b < N_BUCKETS; b++) {
        dsbi_sort(order + start, ends[b] - start, sizeof *order, compare_files, all);
        start = ends[b];
    }
    dsbi_free(rt, ends);
    return DSB_OK;
}

static bool have_equal_hashes(const void *user, uint32_t a, uint32_t b)
{
    const hashes *all = user;
    return memcmp(all->hash_of(all->user, a), all->hash_of(all->user, b), DSBI_HASH_BYTES) == 0;
}

typedef struct run {
    uint32_t first; /* global number of its first file */
    uint32_t at, length;
} run;

static int compare_runs(const void *a, const void *b, void *user)
{
    (void)user;
    const run *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

static void count_group(dsb_duplicates *self, const uint32_t *files, uint32_t n)
{
    const dsbi_collections *collections = &self->collections;
    size_t d_first = dsbi_collections_find(collections, files[0]);
    bool is_across = dsbi_collections_find(collections, files[n - 1]) != d_first;
    for (uint32_t k = 0; k < n; k++) {
        size_t d = dsbi_collections_find(collections, files[k]);
        self->shared[d] += is_across;
        self->within[d] += k > 0 && dsbi_collections_find(collections, files[k - 1]) == d;
    }
}

dsb_status dsbi_duplicates_collect(dsb_duplicates *self, const uint32_t *order, dsbi_same_fn same,
                                   const void *user)
{
    dsb_runtime *rt = self->rt;
    uint64_t n = self->collections.first[self->collections.n];
    run *runs = NULL;
    size_t n_runs = 0, capacity = 0, n_files = 0;
    dsb_status status = DSB_OK;
    for (uint64_t at = 0, length; at < n; at += length) {
        for (length = 1; at + length < n && same(user, order[at], order[at + length]);)
            length++;
        if (length < 2)
            continue;
        void *grown = runs;
        DSBI_GO(dsbi_grow(rt, &grown, &capacity, n_runs + 1, sizeof *runs));
        runs = grown;
        runs[n_runs++] = (run){order[at], (uint32_t)at, (uint32_t)length};
        n_files += length;
    }
    dsbi_sort(runs, n_runs, sizeof *runs, compare_runs, NULL);
    status = DSB_E_NOMEM;
    self->files = dsbi_alloc_array(rt, n_files, sizeof *self->files);
    self->starts = dsbi_alloc_array(rt, n_runs + 1, sizeof *self->starts);
    if (!self->files || !self->starts)
        goto done;
    self->starts[0] = 0;
    for (size_t g = 0; g < n_runs; g++) {
        uint32_t *files = self->files + self->starts[g];
        memcpy(files, order + runs[g].at, runs[g].length * sizeof *files);
        count_group(self, files, runs[g].length);
        self->starts[g + 1] = self->starts[g] + runs[g].length;
    }
    self->n_groups = n_runs;
    status = DSB_OK;
done:
    dsbi_free(rt, runs);
    return status;
}

dsb_status dsbi_duplicates_create(dsb_runtime *rt, dsb_duplicates **out,
                                  const dsb_dataset *const *datasets, uint64_t n_datasets)
{
    *out = NULL;
    dsb_duplicates *self = dsbi_calloc(rt, 1, sizeof *self);
    if (!self)
        return DSB_E_NOMEM;
    self->rt = rt;
    dsbi_runtime_retain(rt);
    dsb_status status = dsbi_collections_init(rt, &self->collections, datasets, n_datasets);
    self->within = dsbi_calloc(rt, n_datasets, sizeof *self->within);
    self->shared = dsbi_calloc(rt, n_datasets, sizeof *self->shared);
    if (status == DSB_OK && (!self->within || !self->shared))
        status = DSB_E_NOMEM;
    if (status == DSB_OK)
        *out = self;
    else
        dsb_duplicates_free(self);
    return status;
}

dsb_status dsbi_duplicates_collect_hashes(dsb_duplicates *self, dsbi_hash_fn hash_of,
                                          const void *user)
{
    uint64_t n = self->collections.first[self->collections.n];
    hashes all = {hash_of, user};
    uint32_t *order = dsbi_alloc_array(self->rt, n, sizeof *order);
    dsb_status status = order ? sort_by_hash(self->rt, &all, n, order) : DSB_E_NOMEM;
    if (status == DSB_OK)
        status = dsbi_duplicates_collect(self, order, have_equal_hashes, &all);
    dsbi_free(self->rt, order);
    return status;
}

dsb_status dsb_duplicates_find(dsb_runtime *rt, dsb_duplicates **out,
                               const dsb_dataset *const *datasets, uint64_t n_datasets)
{
    dsbi_clear_error();
    if (!rt || !out || !datasets || n_datasets == 0)
        return dsbi_fail(DSB_E_INVALID, "dsb_duplicates_find: an argument is NULL or 0");
    dsb_duplicates *self;
    DSBI_TRY(dsbi_duplicates_create(rt, out, datasets, n_datasets));
    self = *out;
    *out = NULL;
    dsb_status status = dsbi_duplicates_collect_hashes(self, file_hash, &self->collections);
    if (status == DSB_OK)
        *out = self;
    else
        dsb_duplicates_free(self);
    return status;
}

void dsb_duplicates_free(dsb_duplicates *self)
{
    if (!self)
        return;
    dsb_runtime *rt = self->rt;
    dsbi_collections_free(rt, &self->collections);
    dsbi_free(rt, self->files);
    dsbi_free(rt, self->starts);
    dsbi_free(rt, self->within);
    dsbi_free(rt, self->shared);
    dsbi_free(rt, self);
    dsbi_runtime_release(rt);
}

uint64_t dsb_duplicates_count(const dsb_duplicates *duplicates)
{
    return duplicates->n_groups;
}

uint64_t dsb_duplicates_size(const dsb_duplicates *duplicates, uint64_t g)
{
    return g < duplicates->n_groups ? duplicates->starts[g + 1] - duplicates->starts[g] : 0;
}

uint32_t dsb_duplicates_is_across(const dsb_duplicates *duplicates, uint64_t g)
{
    if (g >= duplicates->n_groups)
        return 0;
    const uint32_t *files = duplicates->files; /* in order of collections within a group */
    return dsbi_collections_find(&duplicates->collections, files[duplicates->starts[g]]) !=
           dsbi_collections_find(&duplicates->collections, files[duplicates->starts[g + 1] - 1]);
}

dsb_status dsb_duplicates_file(const dsb_duplicates *duplicates, uint64_t g, uint64_t k,
                               uint64_t *dataset, uint64_t *image)
{
    dsbi_clear_error();
    if (k >= dsb_duplicates_size(duplicates, g))
        return dsbi_fail(DSB_E_INVALID, "dsb_duplicates_file: file %llu of group %llu",
                         (unsigned long long)k, (unsigned long long)g);
    uint32_t global = duplicates->files[duplicates->starts[g] + k];
    size_t d = dsbi_collections_find(&duplicates->collections, global);
    if (dataset)
        *dataset = d;
    if (image)
        *image = global - duplicates->collections.first[d];
    return DSB_OK;
}

uint64_t dsb_duplicates_within(const dsb_duplicates *duplicates, uint64_t d)
{
    return d < duplicates->collections.n ? duplicates->within[d] : 0;
}

uint64_t dsb_duplicates_shared(const dsb_duplicates *duplicates, uint64_t d)
{
    return d < duplicates->collections.n ? duplicates->shared[d] : 0;
}
