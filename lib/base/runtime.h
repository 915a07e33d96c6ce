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

/* Users of scratch memory (base/scratch.h). */
typedef enum dsbi_scratch_slot {
    DSBI_SCRATCH_MATMUL_PACK,  /* packed columns of b */
    DSBI_SCRATCH_MATMUL_PARTS, /* sums over parts of k */
    DSBI_SCRATCH_LAYER,        /* for the task of a layer or another caller of matmul */
    DSBI_SCRATCH_SLOTS
} dsbi_scratch_slot;

typedef struct dsbi_scratch_block {
    void *memory;
    size_t size_bytes;
} dsbi_scratch_block;

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
    dsbi_budget budget;                                 /* of memory for decoding */
    dsbi_scratch_block scratch[65][DSBI_SCRATCH_SLOTS]; /* by worker; the last for callers */
    atomic_bool scratch_reserved[DSBI_SCRATCH_SLOTS];
    pthread_mutex_t scratch_lock;
    pthread_mutex_t matmul_lock; /* the callers' scratch of lib/tensor/matmul.c */
};

void dsbi_runtime_retain(dsb_runtime *rt);
void dsbi_runtime_release(dsb_runtime *rt);

void dsbi_log(dsb_runtime *rt, int32_t level, const char *area, const char *format, ...)
    DSBI_PRINTF(4, 5);

#endif
