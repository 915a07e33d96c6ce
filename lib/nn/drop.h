/* Drop path: the branch of a whole image is left out with probability rate, else scaled by
 * 1 / (1 - rate). Huang et al. 2016, "Deep networks with stochastic depth", in timm's form. */
#ifndef DSBI_NN_DROP_H
#define DSBI_NN_DROP_H

#include "base/rng.h"
#include "nn/layer.h"

/* The factor of `image` at this step for the drop-path node `id`. */
static inline double dsbi_drop_factor(const dsbi_call *call, uint32_t id, double rate, size_t image)
{
    if (!dsbi_is_random(call) || rate <= 0)
        return 1;
    dsbi_rng rng;
    /* index: step and node; the image is the block number, so images do not depend on each other */
    dsbi_rng_init(&rng, call->seed, DSBI_RNG_DROP, call->step * call->graph->n_nodes + id);
    rng.counter[0] = (uint32_t)image;
    return dsbi_rng_uniform(&rng) < rate ? 0 : 1 / (1 - rate);
}

#endif
