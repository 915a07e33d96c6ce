/* All memory of the library comes through these. Sizes are multiplied with the checked helper. */
#ifndef DSBI_BASE_MEMORY_H
#define DSBI_BASE_MEMORY_H

#include <stdbool.h>
#include "base/status.h"

enum { DSBI_ALIGN = 64 }; /* a cache line, an AVX-512 register */

/* NULL and a sentence when there is no memory. Contents undefined. size 0 gives a unique pointer.
 */
void *dsbi_alloc(dsb_runtime *rt, size_t size_bytes);
void *dsbi_calloc(dsb_runtime *rt, size_t count, size_t item_bytes);
/* count * item_bytes, overflow is a failure, not a small buffer. */
void *dsbi_alloc_array(dsb_runtime *rt, size_t count, size_t item_bytes);
/* Grows an array, keeping its first `old_count` items. On failure the old array stays valid. */
void *dsbi_realloc_array(dsb_runtime *rt, void *old, size_t old_count, size_t new_count,
                         size_t item_bytes);
void dsbi_free(dsb_runtime *rt, void *pointer);
char *dsbi_strdup(dsb_runtime *rt, const char *text);

/* Makes room for at least `needed` items, doubling; for arrays that grow one by one. */
dsb_status dsbi_grow(dsb_runtime *rt, void **array, size_t *capacity, size_t needed,
                     size_t item_bytes);

/* False on overflow. */
static inline bool dsbi_mul(size_t *out, size_t a, size_t b)
{
    return !__builtin_mul_overflow(a, b, out);
}
static inline bool dsbi_add(size_t *out, size_t a, size_t b)
{
    return !__builtin_add_overflow(a, b, out);
}

#endif
