/* The parameter arena as work for the pool: stretches that share their weight decay, cut by size,
 * gathered into tasks of about the same number of elements. Cut by the shapes of the model alone,
 * so sums over tasks do not depend on threads. */
#ifndef DSBI_TRAIN_STRETCH_H
#define DSBI_TRAIN_STRETCH_H

#include <stdbool.h>
#include "base/runtime.h"

typedef struct dsbi_stretch {
    size_t offset, size; /* elements of the arena */
    float *grads;        /* of them */
    bool decay;
} dsbi_stretch;

typedef struct dsbi_stretches {
    dsbi_stretch *items;
    size_t n_items, capacity;
    size_t *first; /* [n_tasks + 1]: task t has items first[t] .. first[t + 1] - 1 */
    size_t n_tasks, first_capacity;
} dsbi_stretches;

/* `s` zeroed before the first call. In order of offset. @return DSB_OK, DSB_E_NOMEM. */
dsb_status dsbi_stretches_add(dsbi_stretches *s, dsb_runtime *rt, size_t offset, size_t size,
                              float *grads, bool decay);
/* Groups what was added into tasks. */
dsb_status dsbi_stretches_group(dsbi_stretches *s, dsb_runtime *rt);
void dsbi_stretches_free(dsbi_stretches *s, dsb_runtime *rt);

#endif
