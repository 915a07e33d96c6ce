/* Scratch memory of a worker that stays allocated between jobs, so that a steady training step
 * allocates nothing. A slot belongs to one layer, which uses it inside its tasks only and does not
 * call itself there: no two users meet. Freed with the runtime. */
#ifndef DSBI_BASE_SCRATCH_H
#define DSBI_BASE_SCRATCH_H

#include "base/runtime.h"

/* Index of the scratch for what a caller prepares outside of tasks; guard it with a lock. */
enum { DSBI_SCRATCH_CALLER = 64 };

/* At least size_bytes on a 64-byte boundary, contents undefined; NULL and a sentence if there is no
 * memory. Valid until the next call for the same worker and slot. */
void *dsbi_scratch(dsb_runtime *rt, size_t worker, dsbi_scratch_slot slot, size_t size_bytes);
/* The same for every worker at once, so that none is short later, whichever takes the task. Cheap
 * when it is there already. For one slot ask always for the same size. */
dsb_status dsbi_scratch_reserve(dsb_runtime *rt, dsbi_scratch_slot slot, size_t size_bytes);
void dsbi_scratch_free_all(dsb_runtime *rt);

#endif
