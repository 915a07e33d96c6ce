/* See names.h. */
#include "data/names.h"

#include <string.h>

dsb_status dsbi_names_add(dsb_runtime *rt, dsbi_names *names, uint64_t *name, const char *text,
                          size_t size)
{
    if (size >= DSBI_NAME_MAX)
        return dsbi_fail(DSB_E_LIMIT, "a name of %zu bytes, at most %d", size, DSBI_NAME_MAX - 1);
    if (names->n_segments == 0 || names->used + size + 1 > DSBI_NAME_SEGMENT) {
        void *segments = names->segments;
        DSBI_TRY(dsbi_grow(rt, &segments, &names->capacity, names->n_segments + 1,
                           sizeof *names->segments));
        names->segments = segments;
        char *segment = dsbi_calloc(rt, 1, DSBI_NAME_SEGMENT); /* goes to disk as it is */
        if (!segment)
            return DSB_E_NOMEM;
        names->segments[names->n_segments++] = segment;
        names->used = 0;
    }
    char *copy = names->segments[names->n_segments - 1] + names->used;
    memcpy(copy, text, size);
    copy[size] = '\0';
    *name = (uint64_t)(names->n_segments - 1) * DSBI_NAME_SEGMENT + names->used;
    names->used += size + 1;
    return DSB_OK;
}

void dsbi_names_free(dsb_runtime *rt, dsbi_names *names)
{
    for (size_t i = 0; i < names->n_segments; i++)
        dsbi_free(rt, names->segments[i]);
    dsbi_free(rt, names->segments);
    *names = (dsbi_names){0};
}

static uint64_t hash_of(const char *text, size_t size)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (uint8_t)text[i]) * 0x100000001b3u;
    return hash ^ hash >> 32;
}

static dsb_status rehash(dsb_runtime *rt, dsbi_name_set *set, const dsbi_names *pool)
{
    size_t n_slots = set->n_slots ? 2 * set->n_slots : 64;
    uint32_t *slots = dsbi_calloc(rt, n_slots, sizeof *slots);
    if (!slots)
        return DSB_E_NOMEM;
    for (size_t i = 0; i < set->n; i++) {
        const char *text = dsbi_names_get(pool, set->names[i]);
        size_t at = hash_of(text, strlen(text)) & (n_slots - 1);
        while (slots[at])
            at = (at + 1) & (n_slots - 1);
        slots[at] = (uint32_t)i + 1;
    }
    dsbi_free(rt, set->slots);
    set->slots = slots;
    set->n_slots = n_slots;
    return DSB_OK;
}

dsb_status dsbi_name_set_add(dsb_runtime *rt, dsbi_name_set *set, dsbi_names *pool,
                             uint32_t *number, const char *text, size_t size)
{
    if (2 * (set->n + 1) > set->n_slots)
        DSBI_TRY(rehash(rt, set, pool));
    size_t at = hash_of(text, size) & (set->n_slots - 1);
    for (; set->slots[at]; at = (at + 1) & (set->n_slots - 1)) {
        *number = set->slots[at] - 1;
        const char *found = dsbi_names_get(pool, set->names[*number]);
        if (strlen(found) == size && memcmp(found, text, size) == 0)
            return DSB_OK;
    }
    void *names = set->names;
    DSBI_TRY(dsbi_grow(rt, &names, &set->capacity, set->n + 1, sizeof *set->names));
    set->names = names;
    DSBI_TRY(dsbi_names_add(rt, pool, &set->names[set->n], text, size));
    *number = (uint32_t)set->n;
    set->slots[at] = (uint32_t)++set->n;
    return DSB_OK;
}

void dsbi_name_set_free(dsb_runtime *rt, dsbi_name_set *set)
{
    dsbi_free(rt, set->names);
    dsbi_free(rt, set->slots);
    *set = (dsbi_name_set){0};
}
