/* Softmax cross-entropy with soft targets:
 *     loss = -1/n sum_i sum_c t[i,c] log p[i,c],   p = softmax(z)
 *     dloss/dz[i,c] = (p[i,c] sum_k t[i,k] - t[i,c]) / n
 * For one-hot targets with smoothing it is PyTorch's CrossEntropyLoss(label_smoothing). */
#ifndef DSBI_TRAIN_LOSS_H
#define DSBI_TRAIN_LOSS_H

#include <stddef.h>

/* logits, targets, dlogits [n, n_classes]; dlogits may be NULL. @return the mean loss; NaN or Inf
 * in a logit makes it NaN. Accumulates in f64. */
double dsbi_loss_soft(float *dlogits, const float *logits, const float *targets, size_t n,
                      size_t n_classes);

/* probabilities [n, n_classes] = softmax of each row of logits; may be the same array. */
void dsbi_softmax_rows(float *probabilities, const float *logits, size_t n, size_t n_classes);

#endif
