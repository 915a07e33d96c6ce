/* The smaller and the larger of two sizes. */
#ifndef DSBI_BASE_SIZES_H
#define DSBI_BASE_SIZES_H

#include <stddef.h>

static inline size_t dsbi_smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}
static inline size_t dsbi_larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

#endif
