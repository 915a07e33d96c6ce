/* 3 x 3 convolutions in groups with stride 1 or 2, as many channels out as in (ResNeXt, RegNet):
 * groups are too narrow for products of patches. Channels are cut into blocks of whole groups,
 * whose lines are copied into frames of zeros and convolved where they lie
 * (kernels/template/groupconv.inc): forward, gradient of the data (the same with dy in the place of
 * x, zeros between its pixels for stride 2, and the taps reversed) and gradient of the weights. */
#ifndef DSBI_NN_GROUPCONV_H
#define DSBI_NN_GROUPCONV_H

#include "nn/layer.h"

bool dsbi_groupconv_fits(const dsbi_node *node);
void dsbi_groupconv_needs(const dsbi_node *node, const dsbi_sizing *sizing, dsbi_needs *needs);
dsb_status dsbi_groupconv_prepare(const dsbi_call *call);
dsb_status dsbi_groupconv_forward(const dsbi_call *call);
dsb_status dsbi_groupconv_backward(const dsbi_call *call);

#endif
