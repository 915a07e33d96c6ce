/* Convolutions of the pixels themselves: the first layer of a network. Lines of bytes are
 * normalised into zeros' frame once, then read in place: a line of outputs is a product whose rows,
 * a run of each line under the kernel, overlap in memory, one stride of pixels apart. No patches
 * are made. The gradient of the weights likewise; pixels have none. */
#ifndef DSBI_NN_PIXELCONV_H
#define DSBI_NN_PIXELCONV_H

#include "nn/layer.h"

bool dsbi_pixelconv_fits(const dsbi_node *node);
void dsbi_pixelconv_needs(const dsbi_node *node, const dsbi_sizing *sizing, dsbi_needs *needs);
dsb_status dsbi_pixelconv_prepare(const dsbi_call *call);
dsb_status dsbi_pixelconv_forward(const dsbi_call *call);
dsb_status dsbi_pixelconv_backward(const dsbi_call *call);

#endif
