/* Working memory that is kept from one image to the next: it grows to what the largest one needs.
 *
 *     dsbi_scratch scratch = {0};
 *     uint8_t *bytes = dsbi_scratch_reserve(rt, &scratch, size);
 *     ...
 *     dsbi_scratch_free(rt, &scratch);
 */
#ifndef DSBI_IMAGE_SCRATCH_H
#define DSBI_IMAGE_SCRATCH_H

#include "base/memory.h"

typedef struct dsbi_scratch {
    uint8_t *bytes; /* DSBI_ALIGN, contents undefined */
    size_t capacity;
} dsbi_scratch;

/* At least `size` bytes; what was there before is lost. NULL and a sentence without memory. */
static inline uint8_t *dsbi_scratch_reserve(dsb_runtime *rt, dsbi_scratch *scratch, size_t size)
{
    if (scratch->bytes && size <= scratch->capacity)
        return scratch->bytes;
    dsbi_free(rt, scratch->bytes);
    *scratch = (dsbi_scratch){0};
    size_t room = size < SIZE_MAX / 2 ? size + size / 4 : size;
    scratch->bytes = dsbi_alloc(rt, room);
    scratch->capacity = scratch->bytes ? room : 0;
    return scratch->bytes;
}

static inline void dsbi_scratch_free(dsb_runtime *rt, dsbi_scratch *scratch)
{
    dsbi_free(rt, scratch->bytes);
    *scratch = (dsbi_scratch){0};
}

#endif
