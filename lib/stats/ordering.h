/* Sorting of doubles and of index lists by value, deterministic: ties keep the order of the index.
 */
#ifndef DSBI_STATS_ORDERING_H
#define DSBI_STATS_ORDERING_H

#include <stddef.h>

void dsbi_sort_f64(double *x, size_t n);
/* order[0..n) holds indices into `key`; sorted by key, then by index. No NaN. */
void dsbi_sort_order(size_t *order, size_t n, const double *key);
/* Average ranks 1..n of x (ties share the mean); `order` is scratch [n]. */
void dsbi_rank_average(double *rank, const double *x, size_t n, size_t *order);

#endif
