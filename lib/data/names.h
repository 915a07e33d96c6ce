/* Strings that live as long as the index: pooled in segments, so that a pointer never moves and
 * growing copies nothing; and a set of such strings, numbered in order of first appearance. */
#ifndef DSBI_DATA_NAMES_H
#define DSBI_DATA_NAMES_H

#include "base/memory.h"

enum { DSBI_NAME_SEGMENT = 65536, DSBI_NAME_MAX = 16384 };

typedef struct dsbi_names {
    char **segments; /* [DSBI_NAME_SEGMENT] each; no string crosses a border */
    size_t n_segments, capacity;
    size_t used; /* bytes of the last segment */
} dsbi_names;

/* Copies `size` bytes and a NUL. DSB_E_LIMIT above DSBI_NAME_MAX, DSB_E_NOMEM. */
dsb_status dsbi_names_add(dsb_runtime *rt, dsbi_names *names, uint64_t *name, const char *text,
                          size_t size);
static inline const char *dsbi_names_get(const dsbi_names *names, uint64_t name)
{
    return names->segments[name / DSBI_NAME_SEGMENT] + name % DSBI_NAME_SEGMENT;
}
void dsbi_names_free(dsb_runtime *rt, dsbi_names *names);

typedef struct dsbi_name_set {
    uint64_t *names; /* [n] in a pool */
    size_t n, capacity;
    uint32_t *slots; /* open addressing, number + 1, 0 = free; [n_slots], a power of two */
    size_t n_slots;
} dsbi_name_set;

/* Number of the string, added if it is new. */
dsb_status dsbi_name_set_add(dsb_runtime *rt, dsbi_name_set *set, dsbi_names *pool,
                             uint32_t *number, const char *text, size_t size);
void dsbi_name_set_free(dsb_runtime *rt, dsbi_name_set *set);

#endif
