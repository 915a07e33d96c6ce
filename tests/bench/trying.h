/* What benchmarks share: calls that must not fail, and a runtime of some threads at a CPU level. */
#ifndef DSBI_TESTS_TRYING_H
#define DSBI_TESTS_TRYING_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dsbias/base.h"

#define TRY(call)                                                 \
    do {                                                          \
        if ((call) < 0) {                                         \
            fprintf(stderr, "%s: %s\n", #call, dsb_last_error()); \
            exit(1);                                              \
        }                                                         \
    } while (0)

/* threads as text, NULL: 2; level: generic, avx2, else all that the machine has. */
static inline dsb_runtime *bench_runtime(const char *threads, const char *level)
{
    dsb_runtime_opts opts;
    dsb_runtime_opts_init(&opts, sizeof opts);
    opts.n_threads = threads ? (uint64_t)atoi(threads) : 2;
    if (level)
        opts.isa_max = !strcmp(level, "generic") ? DSB_ISA_GENERIC
                       : !strcmp(level, "avx2")  ? DSB_ISA_AVX2
                                                 : DSB_ISA_AVX512;
    dsb_runtime *rt;
    TRY(dsb_runtime_create(&rt, &opts));
    return rt;
}

#endif
