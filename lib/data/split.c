/* Drawing train, select and test. Images that may be drawn are shuffled by the seed; test takes the
 * first, select the next, train what follows, so that the test part stays the same when more images
 * are trained on. */
#include "data/split.h"

#include <string.h>
#include "base/opts.h"
#include "base/rng.h"

_Static_assert(offsetof(dsb_split_opts, n_test) + sizeof(uint64_t) == sizeof(dsb_split_opts),
               "no hole at the end of dsb_split_opts");

enum { MAX_LABELS = 1000, TRAIN = DSB_PART_TRAIN, SELECT = DSB_PART_SELECT, TEST = DSB_PART_TEST };

static const dsb_split_opts defaults = {.struct_size = sizeof(dsb_split_opts)};

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

/* drawable [n images in all]: 0 for files that repeat one of their own collection or lie in two. */
static void mark_drawable(const dsb_duplicates *duplicates, uint8_t *drawable, uint64_t n)
{
    memset(drawable, 1, n);
    for (size_t g = 0; g < duplicates->n_groups; g++) {
        bool is_across = dsb_duplicates_is_across(duplicates, g) != 0;
        for (uint32_t k = duplicates->starts[g] + !is_across; k < duplicates->starts[g + 1]; k++)
            drawable[duplicates->files[k]] = 0;
    }
}

/* pool = the drawable images of collection d, shuffled. */
static uint64_t draw_pool(const dsbi_collections *collections, size_t d, const uint8_t *drawable,
                          uint32_t *pool, uint64_t seed, uint32_t purpose)
{
    uint64_t n = 0;
    for (uint64_t i = collections->first[d]; i < collections->first[d + 1]; i++)
        if (drawable[i])
            pool[n++] = (uint32_t)(i - collections->first[d]);
    dsbi_rng rng;
    dsbi_rng_init(&rng, seed, purpose, d);
    dsbi_rng_shuffle_u32(&rng, pool, n);
    return n;
}

static uint64_t count_drawable(const dsbi_collections *collections, size_t d,
                               const uint8_t *drawable)
{
    uint64_t n = 0;
    for (uint64_t i = collections->first[d]; i < collections->first[d + 1]; i++)
        n += drawable[i];
    return n;
}

/* Images of a label lie one behind the other in `pool`. */
static void fill_parts(dsb_split *split, size_t label, const uint32_t *pool)
{
    static const size_t order[DSBI_N_PARTS] = {TEST, SELECT, TRAIN};
    for (size_t o = 0; o < DSBI_N_PARTS; o++) {
        size_t p = order[o];
        uint64_t n = split->n_parts[p];
        memcpy(split->parts[p] + label * n, pool, n * sizeof *pool);
        pool += n;
    }
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

static dsb_status draw(dsb_split *split, const dsb_split_opts *opts)
{
    const dsbi_collections *collections = dsbi_split_collections(split);
    uint64_t n_all = collections->first[collections->n], largest = 0;
    for (size_t d = 0; d < collections->n; d++)
        if (collections->datasets[d]->entries.n > largest)
            largest = collections->datasets[d]->entries.n;
    dsb_status status = DSB_E_NOMEM;
    uint8_t *drawable = dsbi_alloc(split->rt, n_all);
    uint32_t *pool = dsbi_alloc_array(split->rt, largest, sizeof *pool);
    if (!drawable || !pool)
        goto done;
    mark_drawable(split->duplicates, drawable, n_all);
    for (size_t label = 0; label < split->n_labels; label++)
        split->usable[label] = split->is_pseudo
                                   ? count_drawable(collections, 0, drawable) / split->n_labels
                                   : count_drawable(collections, label, drawable);
    DSBI_GO(choose_sizes(split, opts));
    DSBI_GO(alloc_parts(split));
    if (split->is_pseudo)
        draw_pool(collections, 0, drawable, pool, opts->seed, DSBI_RNG_NULL);
    for (size_t label = 0; label < split->n_labels; label++) {
        if (!split->is_pseudo)
            draw_pool(collections, label, drawable, pool, opts->seed, DSBI_RNG_SPLIT);
        fill_parts(split, label, pool + (split->is_pseudo ? label * split->usable[label] : 0));
    }
done:
    dsbi_free(split->rt, drawable);
    dsbi_free(split->rt, pool);
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
