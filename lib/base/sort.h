/* Sorting without allocation and with a context: heapsort, n log n whatever the input.
 * Not stable: comparisons that must give one order on every machine end with a unique key. */
#ifndef DSBI_BASE_SORT_H
#define DSBI_BASE_SORT_H

#include <stddef.h>

/* Negative, zero or positive as a < b, a = b, a > b. */
typedef int (*dsbi_compare_fn)(const void *a, const void *b, void *user);

enum { DSBI_SORT_ITEM_MAX = 64 };
/* `item_bytes` is at most DSBI_SORT_ITEM_MAX. */
void dsbi_sort(void *items, size_t n_items, size_t item_bytes, dsbi_compare_fn compare, void *user);

#endif
