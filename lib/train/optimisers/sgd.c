/* SGD with momentum and coupled weight decay, with the arithmetic of torch.optim.SGD:
 *     d = g + wd p;   v = momentum v + d;   p -= lr (nesterov ? d + momentum v : v) */
#include "train/optimiser.h"

static void sgd_update(const dsbi_kernels *kernels, const dsbi_opt_step *s, float *params,
                       const float *grads, float *const state[DSBI_MAX_OPT_STATE], size_t n)
{
    kernels->sgd_step_f32(params, grads, state[0], n, s->lr, s->momentum, s->weight_decay,
                          s->nesterov);
}

const dsbi_optimiser dsbi_optimiser_sgd = {"sgd", 1, sgd_update};
