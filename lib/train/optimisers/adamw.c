/* AdamW, Loshchilov & Hutter 2019, with the arithmetic of torch.optim.AdamW:
 *     p *= 1 - lr wd
 *     m += (1 - beta1) (g - m);   v = beta2 v + (1 - beta2) g g
 *     p -= lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + eps) */
#include <math.h>
#include "train/optimiser.h"

static void adamw_update(const dsbi_opt_step *s, float *params, const float *grads,
                         float *const state[DSBI_MAX_OPT_STATE], size_t n)
{
    double t = (double)s->step;
    float keep = (float)(1.0 - s->lr * s->weight_decay);
    float size = (float)(s->lr / (1.0 - pow(s->beta1, t)));
    float root = (float)sqrt(1.0 - pow(s->beta2, t));
    float one_minus_beta1 = (float)(1.0 - s->beta1), one_minus_beta2 = (float)(1.0 - s->beta2);
    float beta2 = (float)s->beta2, eps = (float)s->eps, scale = (float)s->grad_scale;
    float *restrict p = params, *restrict m = state[0], *restrict v = state[1];
    for (size_t i = 0; i < n; i++) {
        float g = grads[i] * scale;
        m[i] += one_minus_beta1 * (g - m[i]);
        v[i] = v[i] * beta2 + one_minus_beta2 * g * g;
        p[i] = p[i] * keep - size * (m[i] / (sqrtf(v[i]) / root + eps));
    }
}

const dsbi_optimiser dsbi_optimiser_adamw = {"adamw", 2, adamw_update};
