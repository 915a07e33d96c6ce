/* See loss.h. */
#include "train/loss.h"

double dsbi_loss_soft(const dsbi_kernels *kernels, float *losses, float *dlogits,
                      const float *logits, const float *targets, size_t n, size_t n_classes)
{
    kernels->softmax_xent_f32(losses, dlogits, logits, targets, n, n_classes);
    if (dlogits)
        kernels->scale_f32(dlogits, 1.0f / (float)n, dlogits, n * n_classes);
    return kernels->sum_f32(losses, n) / (double)n;
}
