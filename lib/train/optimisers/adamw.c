/* AdamW, Loshchilov & Hutter 2019, with the arithmetic of torch.optim.AdamW:
 *     p *= 1 - lr wd
 *     m += (1 - beta1) (g - m);   v = beta2 v + (1 - beta2) g g
 *     p -= lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + eps) */
#include <math.h>
#include "train/optimiser.h"

static void adamw_update(const dsbi_kernels *kernels, const dsbi_opt_step *s, float *params,
                         const float *grads, float *const state[DSBI_MAX_OPT_STATE], size_t n)
{
    double t = (double)s->step;
    kernels->adamw_step_f32(params, grads, state[0], state[1], n, s->lr, s->beta1, s->beta2, s->eps,
                            s->weight_decay, 1.0 - pow(s->beta1, t), 1.0 - pow(s->beta2, t));
}

const dsbi_optimiser dsbi_optimiser_adamw = {"adamw", 2, adamw_update};
