/* Drawing train, select and test. Images that may be drawn are shuffled by the seed; test takes the
 * first, select the next, train what follows, so that the test part stays the same when more images
 * are trained on. */
#include "data/split.h"

#include <string.h>
#include "base/opts.h"
#include "base/rng.h"
#include "data/split_draw.h"

_Static_assert(offsetof(dsb_split_opts, match_classes) + sizeof(uint32_t) == sizeof(dsb_split_opts),
               "no hole at the end of dsb_split_opts");

enum { MAX_LABELS = 1000, TRAIN = DSB_PART_TRAIN, SELECT = DSB_PART_SELECT, TEST = DSB_PART_TEST };

static const dsb_split_opts defaults = {
    .struct_size = sizeof(dsb_split_opts),
    .equal_files = DSB_SPLIT_DROP,
};

const char *dsbi_split_policy_name(uint32_t policy)
{
    static const char *const names[] = {
        [DSB_SPLIT_KEEP] = "keep", [DSB_SPLIT_DROP] = "drop", [DSB_SPLIT_IGNORE] = "ignore"};
    return policy <= DSB_SPLIT_IGNORE ? names[policy] : "?";
}

void dsb_split_opts_init(dsb_split_opts *opts, size_t size)
{
    dsbi_opts_fill(opts, size, &defaults, sizeof defaults);
}

/* The part of `label` with the fewest images: why it has so few. */
static dsb_status too_few(const dsb_split *split, size_t label, uint64_t needed)
{
    const dsbi_collections *collections = dsbi_split_collections(split);
    size_t d = split->is_pseudo ? 0 : label;
    const dsb_dataset *dataset = collections->datasets[d];
    return dsbi_fail(
        DSB_E_DATA,
        "%s: %llu images can be drawn%s, %llu are needed (%llu usable files, of which %llu repeat "
        "another one and %llu are also in another collection; %llu files are broken)",
        dataset->name, (unsigned long long)split->usable[label],
        split->is_pseudo ? " for each pseudo-collection" : "", (unsigned long long)needed,
        (unsigned long long)dataset->entries.n,
        (unsigned long long)dsb_duplicates_within(split->duplicates, d),
        (unsigned long long)dsb_duplicates_shared(split->duplicates, d),
        (unsigned long long)dataset->broken.total);
}

/* Sizes of the parts per label: given ones as they are, the others share the rest 0.7 : 0.1 : 0.2.
 */
static dsb_status choose_sizes(dsb_split *split, const dsb_split_opts *opts)
{
    static const uint64_t weights[DSBI_N_PARTS] = {[TRAIN] = 7, [SELECT] = 1, [TEST] = 2};
    const uint64_t given[DSBI_N_PARTS] = {opts->n_train, opts->n_select, opts->n_test};
    size_t smallest = 0;
    for (size_t label = 1; label < split->n_labels; label++)
        if (split->usable[label] < split->usable[smallest])
            smallest = label;
    uint64_t needed = 0, weight = 0, n_open = 0;
    for (size_t p = 0; p < DSBI_N_PARTS; p++) {
        if (given[p] > UINT32_MAX)
            return dsbi_fail(DSB_E_INVALID, "dsb_split_opts: a part of %llu images",
                             (unsigned long long)given[p]);
        needed += given[p] ? given[p] : 1;
        weight += given[p] ? 0 : weights[p];
        n_open += given[p] == 0;
        split->n_parts[p] = given[p];
    }
    if (split->usable[smallest] < needed)
        return too_few(split, smallest, needed);
    uint64_t rest = split->usable[smallest] - (needed - n_open);
    static const size_t order[DSBI_N_PARTS] = {SELECT, TEST,
                                               TRAIN}; /* the last takes what is left */
    for (size_t o = 0; o < DSBI_N_PARTS; o++) {
        size_t p = order[o];
        if (given[p])
            continue;
        n_open--;
        uint64_t share = n_open ? (2 * rest * weights[p] + weight) / (2 * weight) : rest;
        if (share < 1)
            share = 1;
        if (share > rest - n_open)
            share = rest - n_open;
        split->n_parts[p] = share;
        rest -= share;
        weight -= weights[p];
    }
    return DSB_OK;
}

static dsb_status alloc_parts(dsb_split *split)
{
    for (size_t p = 0; p < DSBI_N_PARTS; p++) {
        uint64_t n = split->n_parts[p] * split->n_labels;
        split->parts[p] = dsbi_alloc_array(split->rt, n, sizeof *split->parts[p]);
        if (!split->parts[p])
            return DSB_E_NOMEM;
    }
    return DSB_OK;
}

/* The pool of a label: [n] at `images`; of a pseudo-collection a slice of the one pool, less what
 * stays together with the slice before. */
typedef struct label_pool {
    const uint32_t *images;
    uint64_t n;
} label_pool;

static label_pool pool_of(const dsb_split *split, const dsbi_draw *draw, const uint32_t *pools,
                          size_t label)
{
    if (!split->is_pseudo)
        return (label_pool){pools + draw->collections->first[label], split->usable[label]};
    uint64_t n = split->usable[label], start = label * n, end = start + n, at = 0;
    while (at < start) /* to the end of the run that crosses the border */
        at += dsbi_draw_run(draw, 0, pools + at, split->n_labels * n - at);
    at = at < end ? at : end;
    return (label_pool){pools + at, end - at};
}

/* Fills the parts of a label, test first, and returns how many images training gets. A run that
 * does not fit the rest of a part is cut, and what is left of it is in no part. parts NULL: only
 * counts. UINT64_MAX: too few for test and select. */
static uint64_t fill_parts(dsb_split *split, const dsbi_draw *draw, size_t label,
                           const label_pool *pool, uint32_t *const *parts)
{
    static const size_t order[DSBI_N_PARTS] = {TEST, SELECT, TRAIN};
    uint64_t at = 0, n_got = 0;
    for (size_t o = 0; o < DSBI_N_PARTS; o++) {
        size_t p = order[o];
        uint64_t needed = split->n_parts[p];
        for (n_got = 0; n_got < needed && at < pool->n;) {
            uint64_t run =
                dsbi_draw_run(draw, split->is_pseudo ? 0 : label, pool->images + at, pool->n - at);
            uint64_t taken = run < needed - n_got ? run : needed - n_got;
            if (parts)
                memcpy(parts[p] + label * needed + n_got, pool->images + at,
                       taken * sizeof **parts);
            n_got += taken;
            at += run;
        }
        if (p != TRAIN && n_got < needed)
            return UINT64_MAX;
    }
    return n_got;
}

/* Where images stay together, some are lost at the borders of parts: training gets what all labels
 * can give it. */
static dsb_status fit_training(dsb_split *split, const dsbi_draw *draw, const uint32_t *pools,
                               const dsb_split_opts *opts)
{
    uint64_t least = split->n_parts[TRAIN];
    for (size_t label = 0; label < split->n_labels; label++) {
        label_pool pool = pool_of(split, draw, pools, label);
        uint64_t n = fill_parts(split, draw, label, &pool, NULL);
        if (n == 0 || n == UINT64_MAX || (opts->n_train && n < opts->n_train))
            return dsbi_fail(
                DSB_E_DATA,
                "%s: its %llu images stay together in groups that are too large for "
                "parts of %llu, %llu and %llu",
                dsbi_split_collections(split)->datasets[split->is_pseudo ? 0 : label]->name,
                (unsigned long long)split->usable[label], (unsigned long long)split->n_parts[TRAIN],
                (unsigned long long)split->n_parts[SELECT],
                (unsigned long long)split->n_parts[TEST]);
        least = n < least ? n : least;
    }
    split->n_parts[TRAIN] = least;
    return DSB_OK;
}

/* pools: of all collections one behind the other. */
static dsb_status fill_pools(dsb_split *split, const dsbi_draw *draw, const dsbi_match *match,
                             uint32_t *pools, const dsb_split_opts *opts)
{
    const dsbi_collections *collections = draw->collections;
    for (size_t d = 0; d < collections->n; d++) {
        uint32_t *pool = pools + collections->first[d];
        uint64_t n;
        DSBI_TRY(dsbi_draw_pool(draw, d, opts->seed,
                                split->is_pseudo ? DSBI_RNG_NULL : DSBI_RNG_SPLIT, pool, &n));
        if (match->n)
            DSBI_TRY(dsbi_match_order(match, draw, d, pool, n));
    }
    return DSB_OK;
}

static void count_usable(dsb_split *split, const dsbi_draw *draw, const dsbi_match *match)
{
    for (size_t label = 0; label < split->n_labels; label++)
        split->usable[label] = match->n           ? match->n
                               : split->is_pseudo ? dsbi_draw_count(draw, 0) / split->n_labels
                                                  : dsbi_draw_count(draw, label);
    split->n_shared_classes = match->n_shared;
}

static dsb_status draw(dsb_split *split, const dsb_split_opts *opts)
{
    const dsbi_collections *collections = dsbi_split_collections(split);
    dsbi_draw drawn;
    dsbi_match match = {0};
    uint32_t *pools = NULL;
    dsb_status status;
    DSBI_GO(dsbi_draw_init(&drawn, split->rt, split->duplicates, opts));
    if (opts->match_classes)
        DSBI_GO(dsbi_match_init(&match, &drawn));
    count_usable(split, &drawn, &match);
    DSBI_GO(choose_sizes(split, opts));
    pools = dsbi_alloc_array(split->rt, collections->first[collections->n], sizeof *pools);
    status = pools ? DSB_OK : DSB_E_NOMEM;
    if (status == DSB_OK)
        status = fill_pools(split, &drawn, &match, pools, opts);
    if (status == DSB_OK && drawn.parents)
        status = fit_training(split, &drawn, pools, opts);
    if (status == DSB_OK)
        status = alloc_parts(split);
    for (size_t label = 0; status == DSB_OK && label < split->n_labels; label++) {
        label_pool pool = pool_of(split, &drawn, pools, label);
        fill_parts(split, &drawn, label, &pool, split->parts);
    }
done:
    dsbi_match_free(split->rt, &match);
    dsbi_draw_free(&drawn);
    dsbi_free(split->rt, pools);
    return status;
}

static dsb_status create(dsb_runtime *rt, dsb_split **out, const dsb_dataset *const *datasets,
                         uint64_t n_datasets, uint64_t n_labels, const dsb_split_opts *given)
{
    dsb_split_opts opts = defaults;
    DSBI_TRY(dsbi_opts_read(&opts, sizeof opts, given, "dsb_split_opts"));
    if (n_labels < 1 || n_labels > MAX_LABELS)
        return dsbi_fail(DSB_E_INVALID, "a split of %llu labels, 1 to %d are possible",
                         (unsigned long long)n_labels, MAX_LABELS);
    if (opts.match_classes > 1 || (opts.match_classes && n_datasets < 2))
        return dsbi_fail(DSB_E_INVALID, opts.match_classes > 1
                                            ? "dsb_split_opts: match_classes is 0 or 1"
                                            : "matching classes takes two collections or more");
    for (uint64_t d = 0; d < n_datasets; d++)
        if (!datasets[d])
            return dsbi_fail(DSB_E_INVALID, "dsb_split_create: collection %llu is NULL",
                             (unsigned long long)d);
    dsb_split *split = dsbi_calloc(rt, 1, sizeof *split);
    if (!split)
        return DSB_E_NOMEM;
    atomic_init(&split->references, 1);
    split->rt = rt;
    dsbi_runtime_retain(rt);
    split->n_labels = n_labels;
    split->is_pseudo = n_labels != n_datasets;
    dsb_status status = DSB_E_NOMEM;
    split->usable = dsbi_calloc(rt, n_labels, sizeof *split->usable);
    if (!split->usable)
        goto done;
    DSBI_GO(dsb_duplicates_find(rt, &split->duplicates, datasets, n_datasets));
    DSBI_GO(draw(split, &opts));
done:
    if (status == DSB_OK)
        *out = split;
    else
        dsb_split_free(split);
    return status;
}

dsb_status dsb_split_create(dsb_runtime *rt, dsb_split **out, const dsb_dataset *const *datasets,
                            uint64_t n_datasets, const dsb_split_opts *opts)
{
    dsbi_clear_error();
    if (!rt || !out || !datasets)
        return dsbi_fail(DSB_E_INVALID, "dsb_split_create: an argument is NULL");
    *out = NULL;
    return create(rt, out, datasets, n_datasets, n_datasets, opts);
}

dsb_status dsb_split_create_pseudo(dsb_runtime *rt, dsb_split **out, const dsb_dataset *dataset,
                                   uint64_t n_labels, const dsb_split_opts *opts)
{
    dsbi_clear_error();
    if (!rt || !out || !dataset)
        return dsbi_fail(DSB_E_INVALID, "dsb_split_create_pseudo: an argument is NULL");
    *out = NULL;
    return create(rt, out, &dataset, 1, n_labels, opts);
}

void dsbi_split_retain(const dsb_split *split)
{
    atomic_fetch_add(&((dsb_split *)(uintptr_t)split)->references, 1);
}

void dsb_split_free(dsb_split *split)
{
    if (!split || atomic_fetch_sub(&split->references, 1) != 1)
        return;
    dsb_runtime *rt = split->rt;
    dsb_duplicates_free(split->duplicates);
    for (size_t p = 0; p < DSBI_N_PARTS; p++)
        dsbi_free(rt, split->parts[p]);
    dsbi_free(rt, split->usable);
    dsbi_free(rt, split);
    dsbi_runtime_release(rt);
}

const dsbi_collections *dsbi_split_collections(const dsb_split *split)
{
    return &split->duplicates->collections;
}

uint64_t dsb_split_labels(const dsb_split *split)
{
    return split->n_labels;
}

uint64_t dsb_split_size(const dsb_split *split, uint32_t part)
{
    return part < DSBI_N_PARTS ? split->n_parts[part] * split->n_labels : 0;
}

uint64_t dsb_split_shared_classes(const dsb_split *split)
{
    return split->n_shared_classes;
}

uint64_t dsb_split_usable(const dsb_split *split, uint64_t label)
{
    return label < split->n_labels ? split->usable[label] : 0;
}

dsbi_item dsbi_split_item(const dsb_split *split, uint32_t part, uint64_t k)
{
    uint32_t label = (uint32_t)(k / split->n_parts[part]);
    uint32_t collection = split->is_pseudo ? 0 : label;
    return (dsbi_item){
        .dataset = dsbi_split_collections(split)->datasets[collection],
        .image = split->parts[part][k],
        .label = label,
        .collection = collection,
    };
}

dsb_status dsb_split_item(const dsb_split *split, uint32_t part, uint64_t k, uint32_t *label,
                          const dsb_dataset **dataset, uint64_t *image)
{
    dsbi_clear_error();
    if (k >= dsb_split_size(split, part))
        return dsbi_fail(DSB_E_INVALID, "dsb_split_item: item %llu of part %u, which has %llu",
                         (unsigned long long)k, part,
                         (unsigned long long)dsb_split_size(split, part));
    dsbi_item item = dsbi_split_item(split, part, k);
    if (label)
        *label = item.label;
    if (dataset)
        *dataset = item.dataset;
    if (image)
        *image = item.image;
    return DSB_OK;
}

const dsb_duplicates *dsb_split_duplicates(const dsb_split *split)
{
    return split->duplicates;
}
