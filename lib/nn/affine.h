/* y = a W^T + bias over the rows of a batch, with what may follow it fused in: the common part of
 * linear layers (a is the input) and convolutions (a is gathered patches, made block by block, so
 * that no array of all patches ever exists).
 *
 *     plain      y = a W^T + b
 *     gelu       y = gelu(h), h = a W^T + b; gelu'(h) saved for backward, or where y is made again
 *                in backward h, whose place gelu'(h) takes then
 *     relu       y = max(0, h), in inference also max(0, r + h)
 *     residual   y = r + s gamma (a W^T + b), s in {0, 1 / keep} for each image (drop path)
 * (branch.h) */
#ifndef DSBI_NN_AFFINE_H
#define DSBI_NN_AFFINE_H

#include "nn/layer.h"

typedef struct dsbi_affine dsbi_affine;

/* With groups, group g has columns [g k / groups, ...) of a, rows [g n / groups, ...) of W, which
 * are k / groups long, and the same columns of y. */
struct dsbi_affine {
    size_t image_rows, k, n; /* rows of a for an image, its columns, columns of y */
    size_t groups;           /* 0: 1 */
    /* Patches of rows [first, first + count) into out [count, k], those of one group side by side;
     * NULL: rows of the input itself. */
    void (*gather)(const dsbi_call *call, void *out, size_t first, size_t count);
    /* Some columns of patches (products.h); NULL: only whole ones can be had. */
    void (*gather_columns)(const dsbi_call *call, void *out, size_t first, size_t count,
                           size_t column, size_t columns);
    /* Adds the gradient of patches to call->dx[0], which holds zeros or what is to be added to. */
    void (*scatter)(const dsbi_call *call, const void *patches, size_t first, size_t count);
    bool blocked_rows; /* rows of one image may go to different tasks in backward */
};

/* Declares "weight" of `rank` dimensions, dims[0] outputs, and "bias" as the attributes say. */
void dsbi_affine_declare(dsbi_builder *b, dsbi_node *node, size_t rank, const size_t *dims,
                         const size_t *perm);

void dsbi_affine_needs(const dsbi_affine *affine, const dsbi_node *node, const dsbi_sizing *sizing,
                       dsbi_needs *needs);
/* Weights and bias into call->prepared, for forward. */
dsb_status dsbi_affine_prepare(const dsbi_call *call, const dsbi_affine *affine);
dsb_status dsbi_affine_forward(const dsbi_call *call, const dsbi_affine *affine);
dsb_status dsbi_affine_backward(const dsbi_call *call, const dsbi_affine *affine);
/* y = gelu(h) once more, and gelu'(h) over h. */
dsb_status dsbi_affine_remake(const dsbi_call *call);
/* Before backward of a product with a ReLU: dy = 0 where it closed, unless that was done. */
dsb_status dsbi_affine_gate(const dsbi_call *call);

#endif
