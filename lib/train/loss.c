/* See loss.h. Heads are small (a class per dataset), so rows are done in f64 without kernels. */
#include "train/loss.h"

#include <math.h>

static double row_max(const float *z, size_t n)
{
    double max = z[0];
    for (size_t c = 1; c < n; c++)
        max = z[c] > max ? z[c] : max;
    return max;
}

static double row_sum_exp(const float *z, size_t n, double max)
{
    double sum = 0.0;
    for (size_t c = 0; c < n; c++)
        sum += exp(z[c] - max);
    return sum;
}

double dsbi_loss_soft(float *dlogits, const float *logits, const float *targets, size_t n,
                      size_t n_classes)
{
    double loss = 0.0, weight = 1.0 / (double)n;
    for (size_t i = 0; i < n; i++) {
        const float *z = logits + i * n_classes, *t = targets + i * n_classes;
        double max = row_max(z, n_classes), sum = row_sum_exp(z, n_classes, max);
        double log_sum = max + log(sum), total = 0.0;
        for (size_t c = 0; c < n_classes; c++) {
            loss -= t[c] * (z[c] - log_sum);
            total += t[c];
        }
        for (size_t c = 0; dlogits && c < n_classes; c++) {
            double p = exp(z[c] - max) / sum;
            dlogits[i * n_classes + c] = (float)((p * total - t[c]) * weight);
        }
    }
    return loss * weight;
}

void dsbi_softmax_rows(float *probabilities, const float *logits, size_t n, size_t n_classes)
{
    for (size_t i = 0; i < n; i++) {
        const float *z = logits + i * n_classes;
        float *p = probabilities + i * n_classes;
        double max = row_max(z, n_classes), sum = row_sum_exp(z, n_classes, max);
        for (size_t c = 0; c < n_classes; c++)
            p[c] = (float)(exp(z[c] - max) / sum);
    }
}
