/* The thread pool of a runtime. Work is cut by problem size, never by thread count, and tasks write
 * to places of their own, so results do not depend on who runs what.
 *
 *     static dsb_status row_task(void *user, size_t task, size_t worker) { ... }
 *     DSBI_TRY(dsbi_parallel(rt, n_rows, row_task, &job));
 */
#ifndef DSBI_BASE_POOL_H
#define DSBI_BASE_POOL_H

#include <stdbool.h>
#include "base/runtime.h"

/* `worker` is in [0, n_threads): index of scratch memory. At any time one task per worker. */
typedef dsb_status (*dsbi_task_fn)(void *user, size_t task, size_t worker);

/* Runs task 0 .. n_tasks-1, returns when all ended. The failure with the lowest task number is
 * returned with its sentence, whatever the order in time; tasks above a failed one may be skipped.
 * Called from inside a task it runs the inner tasks in place on the same worker. Two threads that
 * use one runtime at once take turns. */
dsb_status dsbi_parallel(dsb_runtime *rt, size_t n_tasks, dsbi_task_fn fn, void *user);

/* Whether the calling thread runs a task of this runtime, and as which worker. */
bool dsbi_pool_inside(const dsb_runtime *rt, size_t *worker);

dsb_status dsbi_pool_create(struct dsbi_pool **out, dsb_runtime *rt);
void dsbi_pool_free(struct dsbi_pool *pool, dsb_runtime *rt);

#endif
