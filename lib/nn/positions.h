/* Position embeddings for another grid of patches than a file holds, as timm's
 * resample_abs_pos_embed does: bicubic with anti-aliasing, class tokens as they are. For the reader
 * of weight files, where the tensor of a parameter with a grid has another number of tokens. */
#ifndef DSBI_NN_POSITIONS_H
#define DSBI_NN_POSITIONS_H

#include "nn/graph.h"

/* Side of the square grid of a stored tensor [1, T, D] that can be resampled to `param`; 0: none.
 */
size_t dsbi_positions_side(const dsbi_param *param, size_t rank, const uint64_t *dims);

/* in [1, prefix + side^2, D] -> out in the dimensions of `param`; DSB_E_NOMEM, DSB_E_LIMIT. */
dsb_status dsbi_positions_resample(dsb_runtime *rt, const dsbi_param *param, float *out,
                                   const float *in, size_t side);

#endif
