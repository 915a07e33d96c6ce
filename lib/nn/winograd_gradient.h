/* The gradient of the weights of a convolution by Winograd: dU = D^T V for each of the 36, V the
 * transformed x and D the transformed dy. Small ones are summed in groups of pieces, each with its
 * own dU, added up in order; where dU is large there is one, and its 36 products are the tasks.
 *
 * What a batch norm behind leaves to this layer (norm.h) is done on the way, block by block, and
 * lies in call->y afterwards. */
#ifndef DSBI_NN_WINOGRAD_GRADIENT_H
#define DSBI_NN_WINOGRAD_GRADIENT_H

#include "nn/layer.h"

size_t dsbi_wino_gradient_size(const dsbi_node *node, const dsbi_sizing *sizing); /* of scratch */
dsb_status dsbi_wino_gradient(const dsbi_call *call);

/* Whether blocks are whole lines of pieces, so that the rows of a norm behind can be finished in
 * the cache; else that is a pass of its own and no better left to this layer. */
bool dsbi_wino_gradient_by_lines(const dsbi_node *node);

/* For a call with a norm that wants no gradient of the weights. */
dsb_status dsbi_wino_finish_norm(const dsbi_call *call);

#endif
