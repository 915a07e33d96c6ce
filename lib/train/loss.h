/* Softmax cross-entropy with soft targets, as the mean over a batch:
 *     loss = -1/n sum_i sum_c t[i,c] log p[i,c],   p = softmax(z)
 *     dloss/dz[i,c] = (p[i,c] sum_k t[i,k] - t[i,c]) / n
 * For one-hot targets with smoothing it is PyTorch's CrossEntropyLoss(label_smoothing). */
#ifndef DSBI_TRAIN_LOSS_H
#define DSBI_TRAIN_LOSS_H

#include "kernels/kernels.h"

/* logits, targets, dlogits [n, n_classes]; dlogits may be NULL; losses [n] is written. @return the
 * mean loss; NaN or Inf in a logit makes it NaN or Inf. */
double dsbi_loss_soft(const dsbi_kernels *kernels, float *losses, float *dlogits,
                      const float *logits, const float *targets, size_t n, size_t n_classes);
/* The losses of `rows` rows of a batch of n and their gradient: what tasks of a step do side by
 * side.
 */
void dsbi_loss_rows(const dsbi_kernels *kernels, float *losses, float *dlogits, const float *logits,
                    const float *targets, size_t rows, size_t n_classes, size_t n);

#endif
