/* See runtime.h and dsbias/base.h. */
#include "base/runtime.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/cpu.h"
#include "base/opts.h"
#include "base/pool.h"
#include "base/scratch.h"

enum {
    MAX_THREADS = 64,
    LOG_LINE_BYTES = 1024
}; /* OpenBLAS of Debian 12 serves at most 64 callers */

_Static_assert(offsetof(dsb_runtime_opts, alloc_user) + sizeof(void *) == sizeof(dsb_runtime_opts),
               "no hole at the end of dsb_runtime_opts");

static const dsb_runtime_opts defaults = {
    .struct_size = sizeof(dsb_runtime_opts),
    .log_level = DSB_LOG_INFO,
};

void dsb_runtime_opts_init(dsb_runtime_opts *opts, size_t size)
{
    dsbi_opts_fill(opts, size, &defaults, sizeof defaults);
}

static dsb_status check_opts(const dsb_runtime_opts *opts)
{
    if (opts->n_threads > MAX_THREADS)
        return dsbi_fail(DSB_E_INVALID, "n_threads is %llu, at most %d",
                         (unsigned long long)opts->n_threads, MAX_THREADS);
    if ((opts->alloc == NULL) != (opts->free == NULL))
        return dsbi_fail(DSB_E_INVALID, "alloc and free must be given together");
    switch (opts->isa_max) {
    case DSB_ISA_AUTO:
    case DSB_ISA_GENERIC:
    case DSB_ISA_AVX2:
    case DSB_ISA_AVX512:
    case DSB_ISA_NEON:
        return DSB_OK;
    default:
        return dsbi_fail(DSB_E_INVALID, "isa_max is %u, no such level", opts->isa_max);
    }
}

static uint32_t choose_isa(uint32_t isa_max)
{
    uint32_t best = dsbi_cpu_isa();
    return isa_max != DSB_ISA_AUTO && isa_max < best ? isa_max : best;
}

static size_t choose_threads(uint64_t wanted)
{
    size_t n = wanted ? (size_t)wanted : dsbi_cpu_count();
    return n > MAX_THREADS ? MAX_THREADS : n;
}

dsb_status dsb_runtime_create_for(dsb_runtime **out, const dsb_runtime_opts *given,
                                  uint32_t abi_version)
{
    dsbi_clear_error();
    if (!out)
        return dsbi_fail(DSB_E_INVALID, "dsb_runtime_create: out is NULL");
    *out = NULL;
    if (abi_version / 1000 != DSB_ABI_VERSION / 1000 || abi_version > DSB_ABI_VERSION)
        return dsbi_fail(DSB_E_UNSUPPORTED, "caller built for ABI %u, this library is ABI %u",
                         abi_version, DSB_ABI_VERSION);
    dsb_runtime_opts opts = defaults;
    DSBI_TRY(dsbi_opts_read(&opts, sizeof opts, given, "dsb_runtime_opts"));
    DSBI_TRY(check_opts(&opts));

    dsb_runtime *rt = calloc(1, sizeof *rt); /* the one allocation that has no runtime yet */
    if (!rt)
        return dsbi_fail(DSB_E_NOMEM, "out of memory: a runtime");
    atomic_init(&rt->references, 1);
    rt->alloc = opts.alloc;
    rt->free = opts.free;
    rt->alloc_user = opts.alloc_user;
    rt->log = opts.log;
    rt->log_user = opts.log_user;
    rt->log_level = opts.log_level;
    rt->isa = choose_isa(opts.isa_max);
    rt->n_threads = choose_threads(opts.n_threads);
    pthread_mutex_init(&rt->log_lock, NULL);
    dsbi_budget_init(&rt->budget);
    pthread_mutex_init(&rt->scratch_lock, NULL);
    pthread_mutex_init(&rt->matmul_lock, NULL);
    dsb_status status = dsbi_pool_create(&rt->pool, rt);
    if (status != DSB_OK) {
        dsbi_runtime_release(rt);
        return status;
    }
    *out = rt;
    return DSB_OK;
}

void dsbi_runtime_retain(dsb_runtime *rt)
{
    atomic_fetch_add(&rt->references, 1);
}

void dsbi_runtime_release(dsb_runtime *rt)
{
    if (!rt || atomic_fetch_sub(&rt->references, 1) != 1)
        return;
    dsbi_pool_free(rt->pool, rt);
    dsbi_budget_destroy(&rt->budget);
    dsbi_scratch_free_all(rt);
    pthread_mutex_destroy(&rt->scratch_lock);
    pthread_mutex_destroy(&rt->matmul_lock);
    pthread_mutex_destroy(&rt->log_lock);
    free(rt);
}

void dsb_runtime_free(dsb_runtime *rt)
{
    dsbi_runtime_release(rt);
}

uint64_t dsb_runtime_threads(const dsb_runtime *rt)
{
    return rt->n_threads;
}

uint32_t dsb_runtime_isa(const dsb_runtime *rt)
{
    return rt->isa;
}

uint64_t dsb_runtime_memory(const dsb_runtime *rt)
{
    return atomic_load(&rt->bytes_now);
}

uint64_t dsb_runtime_memory_peak(const dsb_runtime *rt)
{
    return atomic_load(&rt->bytes_peak);
}

uint64_t dsb_runtime_alloc_count(const dsb_runtime *rt)
{
    return atomic_load(&rt->alloc_count);
}

void dsbi_log(dsb_runtime *rt, int32_t level, const char *area, const char *format, ...)
{
    if (!rt->log || level > rt->log_level)
        return;
    char line[LOG_LINE_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    pthread_mutex_lock(&rt->log_lock);
    rt->log(rt->log_user, level, area, line);
    pthread_mutex_unlock(&rt->log_lock);
}
