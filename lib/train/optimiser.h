/* Optimisers: one file in lib/train/optimisers with one constant of this type; the build lists the
 * folder. An optimiser updates a stretch of the parameter arena from its gradients and from arrays
 * of state of its own; the trainer cuts the arena into stretches by size and runs them on the pool.
 *
 * State starts at zero. Elements are independent of each other, so that stretches may be cut
 * anywhere. */
#ifndef DSBI_TRAIN_OPTIMISER_H
#define DSBI_TRAIN_OPTIMISER_H

#include "kernels/kernels.h"

enum { DSBI_MAX_OPT_STATE = 4 };

/* One step's numbers, the same for all stretches but `weight_decay`. */
typedef struct dsbi_opt_step {
    uint64_t step; /* 1 for the first */
    double lr;
    double weight_decay;      /* 0 for parameters that are not decayed */
    double beta1, beta2, eps; /* of AdamW */
    double momentum;          /* of SGD */
    bool nesterov;
} dsbi_opt_step;

typedef struct dsbi_optimiser {
    const char *name;
    size_t n_state; /* arrays of state, each as long as the parameters; <= DSBI_MAX_OPT_STATE */
    void (*update)(const dsbi_kernels *kernels, const dsbi_opt_step *s, float *params,
                   const float *grads, float *const state[DSBI_MAX_OPT_STATE], size_t n);
} dsbi_optimiser;

extern const dsbi_optimiser *const dsbi_optimiser_table[]; /* ended by NULL; made by cmake */

/* NULL if there is none of that name. */
const dsbi_optimiser *dsbi_optimiser_find(const char *name);

#endif
