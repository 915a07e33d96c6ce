/* Random numbers as a function: Philox4x32-10 of (seed, purpose, index, counter).
 * Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3".
 * Image 812 gets the same crop whatever thread draws it, and in whatever order. */
#ifndef DSBI_BASE_RNG_H
#define DSBI_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* The bijection itself: 10 rounds, counter and key as in Random123's known-answer tests. */
void dsbi_philox4x32(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2]);

/* What numbers are for. Two purposes never share numbers. Append only: a record names the seed. */
enum dsbi_purpose {
    DSBI_RNG_SPLIT = 1,     /* index: dataset; which image falls into which split */
    DSBI_RNG_ORDER = 2,     /* index: epoch; order of samples */
    DSBI_RNG_AUGMENT = 3,   /* index: sample number in the run */
    DSBI_RNG_MIX = 4,       /* index: step; mixup and cutmix */
    DSBI_RNG_INIT = 5,      /* index: parameter number */
    DSBI_RNG_DROP = 6,      /* index: step * layers + layer; dropout, drop path, shake */
    DSBI_RNG_PATCHES = 7,   /* index: filter */
    DSBI_RNG_SYNTHETIC = 8, /* index: scene */
    DSBI_RNG_RESAMPLE = 9,  /* index: replicate of a bootstrap or permutation */
    DSBI_RNG_NULL = 10,     /* index: dataset; pseudo-datasets of the null control */
    DSBI_RNG_SHEET = 11,    /* index: image; which are shown on a contact sheet */
    DSBI_RNG_SURVEY = 12,   /* index: collection; images whose pixels are measured */
    DSBI_RNG_TEST = 255,
};

/* A place in the space of numbers; cheap to make, copy, throw away. */
typedef struct dsbi_rng {
    uint32_t key[2];
    uint32_t counter[4]; /* [block, purpose, index lo, index hi] */
    uint32_t block[4];
    uint32_t used; /* words of `block` handed out */
} dsbi_rng;

void dsbi_rng_init(dsbi_rng *rng, uint64_t seed, uint32_t purpose, uint64_t index);
uint32_t dsbi_rng_u32(dsbi_rng *rng);
uint64_t dsbi_rng_u64(dsbi_rng *rng);
/* Uniform in [0, 1), 53 bits. */
double dsbi_rng_uniform(dsbi_rng *rng);
/* Uniform in [lo, hi). */
double dsbi_rng_range(dsbi_rng *rng, double lo, double hi);
/* Uniform integer in [0, n), n >= 1, without modulo bias. */
uint64_t dsbi_rng_below(dsbi_rng *rng, uint64_t n);
/* Standard normal (Box-Muller, two uniforms for one number). */
double dsbi_rng_normal(dsbi_rng *rng);
/* Gamma(shape, 1), shape > 0 (Marsaglia-Tsang 2000); Beta(a, b) from two of them. */
double dsbi_rng_gamma(dsbi_rng *rng, double shape);
double dsbi_rng_beta(dsbi_rng *rng, double a, double b);
/* Fisher-Yates. */
void dsbi_rng_shuffle_u32(dsbi_rng *rng, uint32_t *items, size_t n);

#endif
