/* See rng.h. */
#include "base/rng.h"

#include <math.h>

void dsbi_philox4x32(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u; /* golden ratio, sqrt(3) - 1: Weyl sequence of the key */
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

void dsbi_rng_init(dsbi_rng *rng, uint64_t seed, uint32_t purpose, uint64_t index)
{
    *rng = (dsbi_rng){
        .key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
        .counter = {0, purpose, (uint32_t)index, (uint32_t)(index >> 32)},
        .used = 4,
    };
}

uint32_t dsbi_rng_u32(dsbi_rng *rng)
{
    if (rng->used == 4) {
        dsbi_philox4x32(rng->block, rng->counter, rng->key);
        rng->counter[0]++;
        rng->used = 0;
    }
    return rng->block[rng->used++];
}

uint64_t dsbi_rng_u64(dsbi_rng *rng)
{
    uint64_t low = dsbi_rng_u32(rng);
    return low | (uint64_t)dsbi_rng_u32(rng) << 32;
}

double dsbi_rng_uniform(dsbi_rng *rng)
{
    return (double)(dsbi_rng_u64(rng) >> 11) * 0x1p-53;
}

double dsbi_rng_range(dsbi_rng *rng, double lo, double hi)
{
    return lo + (hi - lo) * dsbi_rng_uniform(rng);
}

uint64_t dsbi_rng_below(dsbi_rng *rng, uint64_t n)
{
    uint64_t reject = (0 - n) % n; /* 2^64 mod n: the incomplete last round */
    for (;;) {
        uint64_t x = dsbi_rng_u64(rng);
        if (x >= reject)
            return x % n;
    }
}

double dsbi_rng_normal(dsbi_rng *rng)
{
    double u = 1.0 - dsbi_rng_uniform(rng); /* (0, 1] */
    double v = dsbi_rng_uniform(rng);
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586476925286766559 * v);
}

double dsbi_rng_gamma(dsbi_rng *rng, double shape)
{
    if (shape < 1.0) { /* Gamma(a) = Gamma(a + 1) * U^(1/a) */
        double u = 1.0 - dsbi_rng_uniform(rng);
        return dsbi_rng_gamma(rng, shape + 1.0) * pow(u, 1.0 / shape);
    }
    double d = shape - 1.0 / 3.0, c = 1.0 / sqrt(9.0 * d);
    for (;;) {
        double x = dsbi_rng_normal(rng), v = 1.0 + c * x;
        if (v <= 0.0)
            continue;
        v = v * v * v;
        double u = 1.0 - dsbi_rng_uniform(rng);
        if (log(u) < 0.5 * x * x + d - d * v + d * log(v))
            return d * v;
    }
}

double dsbi_rng_beta(dsbi_rng *rng, double a, double b)
{
    double x = dsbi_rng_gamma(rng, a), y = dsbi_rng_gamma(rng, b);
    return x + y > 0.0 ? x / (x + y) : 0.5;
}

void dsbi_rng_shuffle_u32(dsbi_rng *rng, uint32_t *items, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)dsbi_rng_below(rng, i);
        uint32_t swap = items[i - 1];
        items[i - 1] = items[j];
        items[j] = swap;
    }
}
