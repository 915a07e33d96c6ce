/* A runtime whose allocations run out: for tests of what happens when memory ends. */
#ifndef DSBI_TESTS_RATIONED_H
#define DSBI_TESTS_RATIONED_H

#include "testing.h"

/* Atomic: a loader has threads of its own. */
typedef struct rationed {
    _Atomic uint64_t left;   /* allocations that still succeed */
    _Atomic uint64_t in_use; /* blocks not given back */
} rationed;

static inline void *ration(void *user, size_t size, size_t alignment)
{
    rationed *memory = user;
    if (memory->left == 0)
        return NULL;
    memory->left--;
    memory->in_use++;
    return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

static inline void give_back(void *user, void *pointer)
{
    ((rationed *)user)->in_use--;
    free(pointer);
}

/* On one thread, so that the n-th allocation is the same one in every run. */
static inline dsb_runtime *make_rationed(rationed *memory)
{
    dsb_runtime_opts opts;
    dsb_runtime_opts_init(&opts, sizeof opts);
    opts.n_threads = 1;
    opts.alloc = ration;
    opts.free = give_back;
    opts.alloc_user = memory;
    dsb_runtime *rt;
    memory->left = UINT64_MAX;
    ck_assert_ok(dsb_runtime_create(&rt, &opts));
    return rt;
}

#endif
