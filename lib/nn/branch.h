/* What stands between a product and the residual it is added to: y = r + s gamma (a W^T + b).
 * gamma is a layer scale, s the drop-path factor of an image. With gamma the rows of W and b are
 * scaled once per call, so neither forward nor backward pays for it; the product before the scale
 * is not saved, for with M = (s dy)^T a and column sums c of s dy the gradients are
 *     dW[j] = gamma[j] M[j],  db[j] = gamma[j] c[j],  dgamma[j] = W[j] . M[j] + b[j] c[j]. */
#ifndef DSBI_NN_BRANCH_H
#define DSBI_NN_BRANCH_H

#include "nn/layer.h"

/* A drop path acts in this call. */
bool dsbi_branch_drops(const dsbi_node *node, bool training);

/* Rows first .. first + count of n elements: y = s x, or y += s x. y and x begin at row `first`. */
void dsbi_branch_drop(const dsbi_call *call, void *y, const void *x, size_t first, size_t count,
                      size_t n, bool add);

/* The gradient of the residual is dy: elements at .. at + count; nothing to do where it shares dy's
 * memory. */
void dsbi_branch_pass(const dsbi_call *call, size_t at, size_t count);

/* Where a product and its gradients lie. */
typedef struct dsbi_branch_sums {
    const void *weights, *bias;  /* [n, k], [n] or NULL */
    const void *products, *sums; /* M [n, k], c [n] */
    void *dweights, *dbias;
    size_t n, k;
} dsbi_branch_sums;
/* Adds dW, db and dgamma from M and c, or writes them (call->fresh). */
dsb_status dsbi_branch_gradients(const dsbi_call *call, const dsbi_branch_sums *sums);

#endif
