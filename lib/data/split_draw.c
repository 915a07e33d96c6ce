/* See split_draw.h. Groups of duplicates and groups of the collection become sets of a union-find,
 * or all but one image of each are left out; what lies in two collections has no one label and is
 * left out either way. */
#include "data/split_draw.h"

#include <string.h>
#include "base/rng.h"

static uint32_t root_of(uint32_t *parents, uint32_t i)
{
    while (parents[i] != i) {
        parents[i] = parents[parents[i]];
        i = parents[i];
    }
    return i;
}

static dsb_status tie(dsbi_draw *self, uint32_t a, uint32_t b)
{
    if (!self->parents) {
        uint64_t n = self->collections->first[self->collections->n];
        self->parents = dsbi_alloc_array(self->rt, n, sizeof *self->parents);
        if (!self->parents)
            return DSB_E_NOMEM;
        for (uint64_t i = 0; i < n; i++)
            self->parents[i] = (uint32_t)i;
    }
    a = root_of(self->parents, a);
    b = root_of(self->parents, b);
    self->parents[a > b ? a : b] = a > b ? b : a;
    return DSB_OK;
}

/* ---- groups of duplicates ---- */

/* Number, among the split's images, of file k of a group; UINT64_MAX: of no collection of it. */
static uint64_t place_of(const dsbi_draw *self, const dsb_duplicates *groups, uint32_t file)
{
    const dsbi_collections *theirs = &groups->collections, *ours = self->collections;
    size_t d = dsbi_collections_find(theirs, file);
    for (size_t k = 0; k < ours->n; k++)
        if (ours->datasets[k] == theirs->datasets[d])
            return ours->first[k] + (file - theirs->first[d]);
    return UINT64_MAX;
}

static bool is_across(const dsbi_draw *self, const dsb_duplicates *groups, size_t g)
{
    size_t first = SIZE_MAX;
    for (uint32_t k = groups->starts[g]; k < groups->starts[g + 1]; k++) {
        uint64_t place = place_of(self, groups, groups->files[k]);
        if (place == UINT64_MAX)
            continue;
        size_t d = dsbi_collections_find(self->collections, place);
        if (first != SIZE_MAX && d != first)
            return true;
        first = d;
    }
    return false;
}

/* One more of a set of which *first (UINT64_MAX: none yet) is the one that stays drawable. */
static dsb_status add_member(dsbi_draw *self, uint64_t place, uint64_t *first, uint32_t policy)
{
    if (!self->drawable[place])
        return DSB_OK;
    if (*first == UINT64_MAX) {
        *first = place;
        return DSB_OK;
    }
    if (policy == DSB_SPLIT_KEEP)
        return tie(self, (uint32_t)*first, (uint32_t)place);
    self->drawable[place] = 0;
    return DSB_OK;
}

static dsb_status add_duplicates(dsbi_draw *self, const dsb_duplicates *groups, uint32_t policy)
{
    for (size_t g = 0; policy != DSB_SPLIT_IGNORE && g < groups->n_groups; g++) {
        bool across = is_across(self, groups, g);
        uint64_t first = UINT64_MAX;
        for (uint32_t k = groups->starts[g]; k < groups->starts[g + 1]; k++) {
            uint64_t place = place_of(self, groups, groups->files[k]);
            if (place == UINT64_MAX)
                continue;
            if (across)
                self->drawable[place] = 0;
            else
                DSBI_TRY(add_member(self, place, &first, policy));
        }
    }
    return DSB_OK;
}

/* ---- groups of a collection ---- */

static dsb_status add_groups(dsbi_draw *self, size_t d, uint32_t policy)
{
    const dsb_dataset *dataset = self->collections->datasets[d];
    uint32_t n_groups = dsb_dataset_group_count(dataset);
    if (n_groups == 0 || policy == DSB_SPLIT_IGNORE)
        return DSB_OK;
    uint64_t *firsts = dsbi_alloc_array(self->rt, n_groups, sizeof *firsts);
    if (!firsts)
        return DSB_E_NOMEM;
    memset(firsts, 0xff, n_groups * sizeof *firsts);
    dsb_status status = DSB_OK;
    for (uint64_t i = 0; status == DSB_OK && i < dataset->entries.n; i++) {
        uint32_t group = dsb_dataset_group(dataset, i);
        if (group != DSBI_NO_GROUP)
            status = add_member(self, self->collections->first[d] + i, &firsts[group], policy);
    }
    dsbi_free(self->rt, firsts);
    return status;
}

static dsb_status check_policy(const char *name, uint32_t policy)
{
    if (policy <= DSB_SPLIT_IGNORE)
        return DSB_OK;
    return dsbi_fail(DSB_E_INVALID, "dsb_split_opts: %s is %u, DSB_SPLIT_KEEP, DROP or IGNORE",
                     name, policy);
}

dsb_status dsbi_draw_init(dsbi_draw *self, dsb_runtime *rt, const dsb_duplicates *equal,
                          const dsb_split_opts *opts)
{
    *self = (dsbi_draw){.rt = rt, .collections = &equal->collections};
    DSBI_TRY(check_policy("equal_files", opts->equal_files));
    DSBI_TRY(check_policy("similar_images", opts->similar_images));
    DSBI_TRY(check_policy("groups", opts->groups));
    uint64_t n = self->collections->first[self->collections->n];
    self->drawable = dsbi_alloc(rt, n);
    if (!self->drawable)
        return DSB_E_NOMEM;
    memset(self->drawable, 1, n);
    uint32_t policies[3] = {opts->equal_files, opts->similar_images, opts->groups};
    for (size_t k = 0; k < 3; k++) /* equal shares of classes cannot wait for whole groups */
        if (opts->match_classes && policies[k] == DSB_SPLIT_KEEP)
            policies[k] = DSB_SPLIT_DROP;
    DSBI_TRY(add_duplicates(self, equal, policies[0]));
    if (opts->similar)
        DSBI_TRY(add_duplicates(self, opts->similar, policies[1]));
    for (size_t d = 0; d < self->collections->n; d++)
        DSBI_TRY(add_groups(self, d, policies[2]));
    return DSB_OK;
}

void dsbi_draw_free(dsbi_draw *self)
{
    dsbi_free(self->rt, self->drawable);
    dsbi_free(self->rt, self->parents);
    *self = (dsbi_draw){0};
}

uint64_t dsbi_draw_count(const dsbi_draw *self, size_t d)
{
    uint64_t n = 0;
    for (uint64_t i = self->collections->first[d]; i < self->collections->first[d + 1]; i++)
        n += self->drawable[i];
    return n;
}

/* ---- pools ---- */

/* Members of a set move behind the first of them: a counting sort by the place of the first. */
static dsb_status gather(const dsbi_draw *self, size_t d, uint32_t *pool, uint64_t n)
{
    uint64_t first = self->collections->first[d], size = self->collections->first[d + 1] - first;
    uint32_t *leaders = dsbi_alloc_array(self->rt, size, sizeof *leaders); /* by root */
    uint32_t *starts = dsbi_calloc(self->rt, n + 1, sizeof *starts);       /* by place of leader */
    uint32_t *copy = dsbi_alloc_array(self->rt, n, sizeof *copy);
    dsb_status status = leaders && starts && copy ? DSB_OK : DSB_E_NOMEM;
    if (status == DSB_OK) {
        memset(leaders, 0xff, size * sizeof *leaders);
        for (uint64_t k = 0; k < n; k++) {
            uint32_t *leader =
                &leaders[root_of(self->parents, (uint32_t)(first + pool[k])) - first];
            if (*leader == UINT32_MAX)
                *leader = (uint32_t)k;
            starts[*leader + 1]++;
            copy[k] = pool[k];
        }
        for (uint64_t k = 0; k < n; k++)
            starts[k + 1] += starts[k];
        for (uint64_t k = 0; k < n; k++)
            pool[starts[leaders[root_of(self->parents, (uint32_t)(first + copy[k])) - first]]++] =
                copy[k];
    }
    dsbi_free(self->rt, leaders);
    dsbi_free(self->rt, starts);
    dsbi_free(self->rt, copy);
    return status;
}

dsb_status dsbi_draw_pool(const dsbi_draw *self, size_t d, uint64_t seed, uint32_t purpose,
                          uint32_t *pool, uint64_t *n)
{
    const dsbi_collections *collections = self->collections;
    *n = 0;
    for (uint64_t i = collections->first[d]; i < collections->first[d + 1]; i++)
        if (self->drawable[i])
            pool[(*n)++] = (uint32_t)(i - collections->first[d]);
    dsbi_rng rng;
    dsbi_rng_init(&rng, seed, purpose, d);
    dsbi_rng_shuffle_u32(&rng, pool, *n);
    return self->parents ? gather(self, d, pool, *n) : DSB_OK;
}

uint64_t dsbi_draw_run(const dsbi_draw *self, size_t d, const uint32_t *pool, uint64_t n)
{
    uint64_t first = self->collections->first[d], length = 1;
    if (!self->parents)
        return 1;
    uint32_t root = root_of(self->parents, (uint32_t)(first + pool[0]));
    while (length < n && root_of(self->parents, (uint32_t)(first + pool[length])) == root)
        length++;
    return length;
}
