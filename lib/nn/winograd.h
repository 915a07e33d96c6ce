/* 3 x 3 convolutions with stride 1 by Winograd's F(4x4, 3x3) and 5 x 5 by F(2x2, 5x5): a quarter of
 * the products of the definition, or 36 of 100, for transforms before and behind them
 * (kernels/template/winograd.inc). Forward, gradient of the data and gradient of the weights. In
 * f32 the results are within 3e-6 of the exact ones (relative, in norm;
 * tests/grad/test_winograd.c), where direct sums are within 3e-7. */
#ifndef DSBI_NN_WINOGRAD_H
#define DSBI_NN_WINOGRAD_H

#include "nn/layer.h"

/* Is it the way for this convolution? Depends on shapes alone, never on the batch: an image gives
 * the same bits in any batch. */
bool dsbi_winograd_fits(const dsbi_node *node);

void dsbi_winograd_needs(const dsbi_node *node, const dsbi_sizing *sizing, dsbi_needs *needs);
dsb_status dsbi_winograd_prepare(const dsbi_call *call);
dsb_status dsbi_winograd_forward(const dsbi_call *call);
dsb_status dsbi_winograd_backward(const dsbi_call *call);

#endif
