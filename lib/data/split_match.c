/* Class-matched drawing: of each class that all collections name alike, every collection gives the
 * same number of images, mixed in the same order, so that any part of the pools has equal shares of
 * every class in every collection, and the shares of the whole. */
#include "data/split_draw.h"

#include <string.h>
#include "base/sort.h"

typedef struct class_names {
    dsbi_names pool;
    dsbi_name_set names; /* those of collection 0 first */
} class_names;

static const char *class_name(const dsbi_draw *draw, size_t d, uint32_t stratum)
{
    return dsb_dataset_class_name(draw->collections->datasets[d], stratum);
}

static uint64_t strata_of(const dsbi_draw *draw, size_t d)
{
    return dsb_dataset_class_count(draw->collections->datasets[d]);
}

/* Numbers of names; names that collection 0 has not get none, and two classes of one name are one.
 */
static dsb_status number_names(dsbi_match *out, const dsbi_draw *draw, class_names *c)
{
    size_t n = draw->collections->n, n_names = 0;
    for (size_t d = 0; d < n; d++)
        for (uint64_t s = 0; s < strata_of(draw, d); s++) {
            const char *name = class_name(draw, d, (uint32_t)s);
            uint32_t number;
            DSBI_TRY(dsbi_name_set_add(draw->rt, &c->names, &c->pool, &number, name, strlen(name)));
            n_names = d == 0 ? c->names.n : n_names;
            out->shared[out->starts[d] + s] = number < n_names ? number : UINT32_MAX;
        }
    out->n_classes = (uint32_t)n_names;
    return DSB_OK;
}

static dsb_status count_shares(dsbi_match *out, const dsbi_draw *draw)
{
    const dsbi_collections *collections = draw->collections;
    uint64_t *counts = dsbi_alloc_array(draw->rt, out->n_classes, sizeof *counts);
    out->shares = dsbi_alloc_array(draw->rt, out->n_classes, sizeof *out->shares);
    if (!counts || !out->shares) {
        dsbi_free(draw->rt, counts);
        return DSB_E_NOMEM;
    }
    memset(out->shares, 0xff, out->n_classes * sizeof *out->shares);
    for (size_t d = 0; d < collections->n; d++) {
        memset(counts, 0, out->n_classes * sizeof *counts);
        for (uint64_t i = 0; i < collections->datasets[d]->entries.n; i++) {
            uint32_t stratum = dsbi_dataset_entry(collections->datasets[d], i)->stratum;
            uint32_t shared = out->shared[out->starts[d] + stratum];
            if (shared != UINT32_MAX && draw->drawable[collections->first[d] + i])
                counts[shared]++;
        }
        for (uint32_t k = 0; k < out->n_classes; k++)
            out->shares[k] = counts[k] < out->shares[k] ? counts[k] : out->shares[k];
    }
    for (uint32_t k = 0; k < out->n_classes; k++)
        out->n += out->shares[k];
    dsbi_free(draw->rt, counts);
    return DSB_OK;
}

typedef struct slot {
    double at; /* 0..1: image r of m lies at (r + 1/2) / m */
    uint32_t class_id;
} slot;

static int compare_slots(const void *a, const void *b, void *user)
{
    (void)user;
    const slot *x = a, *y = b;
    if (x->at != y->at)
        return (x->at > y->at) - (x->at < y->at);
    return (x->class_id > y->class_id) - (x->class_id < y->class_id);
}

static dsb_status make_sequence(dsbi_match *out, dsb_runtime *rt)
{
    slot *slots = dsbi_alloc_array(rt, out->n, sizeof *slots);
    out->sequence = dsbi_alloc_array(rt, out->n, sizeof *out->sequence);
    dsb_status status = slots && out->sequence ? DSB_OK : DSB_E_NOMEM;
    uint64_t n = 0;
    for (uint32_t c = 0; status == DSB_OK && c < out->n_classes; c++)
        for (uint64_t r = 0; r < out->shares[c]; r++)
            slots[n++] = (slot){((double)r + 0.5) / (double)out->shares[c], c};
    if (status == DSB_OK) {
        dsbi_sort(slots, n, sizeof *slots, compare_slots, NULL);
        for (uint64_t k = 0; k < n; k++)
            out->sequence[k] = slots[k].class_id;
    }
    dsbi_free(rt, slots);
    return status;
}

dsb_status dsbi_match_init(dsbi_match *out, const dsbi_draw *draw)
{
    *out = (dsbi_match){0};
    dsb_runtime *rt = draw->rt;
    size_t n = draw->collections->n;
    uint64_t n_strata = 0;
    class_names c = {0};
    dsb_status status = DSB_E_NOMEM;
    out->starts = dsbi_alloc_array(rt, n, sizeof *out->starts);
    if (!out->starts)
        return status;
    for (size_t d = 0; d < n; d++) {
        out->starts[d] = n_strata;
        n_strata += strata_of(draw, d);
    }
    out->shared = dsbi_alloc_array(rt, n_strata, sizeof *out->shared);
    if (!out->shared)
        goto done;
    DSBI_GO(number_names(out, draw, &c));
    DSBI_GO(count_shares(out, draw));
    uint32_t n_shared = 0;
    for (uint32_t k = 0; k < out->n_classes; k++)
        n_shared += out->shares[k] > 0;
    if (n_shared == 0)
        DSBI_GO(dsbi_fail(DSB_E_DATA,
                          "no class is in all collections: %s has \"%s\", %s has \"%s\"",
                          dsb_dataset_name(draw->collections->datasets[0]),
                          strata_of(draw, 0) ? class_name(draw, 0, 0) : "",
                          dsb_dataset_name(draw->collections->datasets[n - 1]),
                          strata_of(draw, n - 1) ? class_name(draw, n - 1, 0) : ""));
    status = make_sequence(out, rt);
    out->n_shared = n_shared;
done:
    dsbi_name_set_free(rt, &c.names);
    dsbi_names_free(rt, &c.pool);
    return status;
}

void dsbi_match_free(dsb_runtime *rt, dsbi_match *match)
{
    dsbi_free(rt, match->shared);
    dsbi_free(rt, match->starts);
    dsbi_free(rt, match->shares);
    dsbi_free(rt, match->sequence);
    *match = (dsbi_match){0};
}

/* Images of a class keep their order: a counting sort by class, then one of the next class each. */
dsb_status dsbi_match_order(const dsbi_match *match, const dsbi_draw *draw, size_t d,
                            uint32_t *pool, uint64_t n)
{
    dsb_runtime *rt = draw->rt;
    const dsb_dataset *dataset = draw->collections->datasets[d];
    uint32_t *sorted = dsbi_alloc_array(rt, match->n, sizeof *sorted);
    uint64_t *starts = dsbi_calloc(rt, match->n_classes + 1, sizeof *starts);
    uint64_t *filled = dsbi_calloc(rt, match->n_classes, sizeof *filled);
    dsb_status status = sorted && starts && filled ? DSB_OK : DSB_E_NOMEM;
    if (status == DSB_OK) {
        for (uint32_t c = 0; c < match->n_classes; c++)
            starts[c + 1] = starts[c] + match->shares[c];
        for (uint64_t k = 0; k < n; k++) {
            uint32_t stratum = dsbi_dataset_entry(dataset, pool[k])->stratum;
            uint32_t c = match->shared[match->starts[d] + stratum];
            if (c != UINT32_MAX && filled[c] < match->shares[c])
                sorted[starts[c] + filled[c]++] = pool[k];
        }
        for (uint64_t k = 0; k < match->n; k++)
            pool[k] = sorted[starts[match->sequence[k]]++];
    }
    dsbi_free(rt, sorted);
    dsbi_free(rt, starts);
    dsbi_free(rt, filled);
    return status;
}
