/* What the simulations share: repeatable random numbers, and a call that must not fail. */
#ifndef EXAMPLES_SIMULATE_H
#define EXAMPLES_SIMULATE_H

#include <stdio.h>
#include <stdlib.h>
#include "dsbias/dsbias.h"

#define TRY(call)                                                 \
    do {                                                          \
        if ((call) < 0) {                                         \
            fprintf(stderr, "%s: %s\n", #call, dsb_last_error()); \
            exit(1);                                              \
        }                                                         \
    } while (0)

/* SplitMix64 (Steele et al. 2014): the simulations' own numbers, so that they are repeatable. */
static uint64_t state = 1;
static inline double uniform(void)
{
    uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return ((double)((z ^ z >> 31) >> 11) + 0.5) / 9007199254740992.0;
}

static inline double normal(void)
{
    return dsb_stats_normal_quantile(uniform());
}

static inline uint64_t binomial(uint64_t n, double p)
{
    uint64_t k = 0;
    for (uint64_t i = 0; i < n; i++)
        k += uniform() < p;
    return k;
}

#endif
