/* Inside of dsb_runtime: allocator, log, level of the CPU, pool. Reference-counted: objects made
 * from a runtime retain it, so that bindings may drop handles in any order. */
#ifndef DSBI_BASE_RUNTIME_H
#define DSBI_BASE_RUNTIME_H

#include <pthread.h>
#include <stdatomic.h>
#include "dsbias/base.h"
#include "base/budget.h"
#include "base/memory.h"
#include "base/status.h"

struct dsbi_pool;

struct dsb_runtime {
    atomic_size_t references;
    dsb_alloc_fn alloc;
    dsb_free_fn free;
    void *alloc_user;
    atomic_uint_fast64_t bytes_now, bytes_peak, alloc_count;
    dsb_log_fn log;
    void *log_user;
    int32_t log_level;
    uint32_t isa;
    pthread_mutex_t log_lock;
    size_t n_threads;
    struct dsbi_pool *pool;
    dsbi_budget budget; /* of memory for decoding */
    atomic_int blas;    /* lib/tensor/blas.c: 0 not asked yet, 1 use OpenBLAS, 2 go without */
};

void dsbi_runtime_retain(dsb_runtime *rt);
void dsbi_runtime_release(dsb_runtime *rt);

void dsbi_log(dsb_runtime *rt, int32_t level, const char *area, const char *format, ...)
    DSBI_PRINTF(4, 5);

#endif
