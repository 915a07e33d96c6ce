/* What this machine can do at most, measured: the 100 % of "share of peak". */
#ifndef DSBI_KERNELS_PEAK_H
#define DSBI_KERNELS_PEAK_H

#include "base/runtime.h"

/* f32 multiply-adds of all workers of `rt` at its level, in 10^9 operations a second (a
 * multiply-add is two): the best of several bursts, about a tenth of a second in all. */
double dsbi_peak_gflops(dsb_runtime *rt);

#endif
