/* What the resampling files share. */
#ifndef DSBI_STATS_RESAMPLING_H
#define DSBI_STATS_RESAMPLING_H

#include <stddef.h>

/* Quantile of sorted values with linear interpolation between order statistics (type 7 of Hyndman &
 * Fan 1996, numpy's default). NaN for n = 0. */
double dsbi_quantile(const double *sorted, size_t n, double p);

#endif
