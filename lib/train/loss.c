/* See loss.h. */
#include "train/loss.h"

void dsbi_loss_rows(const dsbi_kernels *kernels, float *losses, float *dlogits, const float *logits,
                    const float *targets, size_t rows, size_t n_classes, size_t n)
{
    kernels->softmax_xent_f32(losses, dlogits, logits, targets, rows, n_classes);
    if (dlogits)
        kernels->scale_f32(dlogits, 1.0f / (float)n, dlogits, rows * n_classes);
}

double dsbi_loss_soft(const dsbi_kernels *kernels, float *losses, float *dlogits,
                      const float *logits, const float *targets, size_t n, size_t n_classes)
{
    dsbi_loss_rows(kernels, losses, dlogits, logits, targets, n, n_classes, n);
    return kernels->sum_f32(losses, n) / (double)n;
}
