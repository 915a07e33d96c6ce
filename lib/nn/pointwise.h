/* Layers whose every output element depends on the input element of the same place alone. */
#ifndef DSBI_NN_POINTWISE_H
#define DSBI_NN_POINTWISE_H

#include "nn/layer.h"

/* y[i] from x[i]. */
typedef void (*dsbi_pointwise_fn)(const dsbi_kernels *, void *y, const void *x, size_t n);
/* dx[i] from dy[i] and the element kept at its place, the layer's input or output. */
typedef void (*dsbi_pointwise_slope_fn)(const dsbi_kernels *, void *dx, const void *dy,
                                        const void *kept, size_t n);

dsb_status dsbi_pointwise_forward(const dsbi_call *call, dsbi_pointwise_fn f);
dsb_status dsbi_pointwise_backward(const dsbi_call *call, dsbi_pointwise_slope_fn f,
                                   const void *kept);

#endif
