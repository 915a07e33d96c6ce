/* See fractal.h. */
#include "image/synthetic/fractal.h"

#include <stdlib.h>

/* Lattice spacing of octave i is 128 >> i; amplitudes fall a little slower than by half. */
enum { N_OCTAVES = 7, FIRST_BITS = 7 };
static const int32_t amplitudes[N_OCTAVES] = {120, 66, 37, 21, 12, 7, 4}; /* sum 267 */

/* A well-mixed 32-bit function of a lattice point (finaliser of MurmurHash3). */
static uint32_t hash_point(uint64_t seed, uint32_t octave, uint32_t x, uint32_t y)
{
    uint64_t h = seed ^ ((uint64_t)octave << 56 | (uint64_t)x << 28 | y);
    h = (h ^ h >> 33) * 0xff51afd7ed558ccdu;
    h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53u;
    return (uint32_t)(h >> 32);
}

/* 3t^2 - 2t^3 of t = part / 2^bits, 0..4096. */
static int32_t smooth(uint32_t part, uint32_t bits)
{
    int32_t t = (int32_t)(part << 12 >> bits);
    return (int32_t)((int64_t)t * t * (3 * 4096 - 2 * t) >> 24);
}

/* One octave at one point, -4096..4095. */
static int32_t octave_at(uint64_t seed, uint32_t octave, uint32_t x, uint32_t y)
{
    uint32_t bits = FIRST_BITS - octave, cells = (uint32_t)DSBI_TILE >> bits;
    uint32_t x0 = x >> bits, y0 = y >> bits;
    uint32_t x1 = (x0 + 1) & (cells - 1), y1 = (y0 + 1) & (cells - 1);
    int32_t fx = smooth(x & ((1u << bits) - 1), bits), fy = smooth(y & ((1u << bits) - 1), bits);
    int32_t a = (int32_t)(hash_point(seed, octave, x0, y0) >> 19);
    int32_t b = (int32_t)(hash_point(seed, octave, x1, y0) >> 19);
    int32_t c = (int32_t)(hash_point(seed, octave, x0, y1) >> 19);
    int32_t d = (int32_t)(hash_point(seed, octave, x1, y1) >> 19);
    int32_t top = a + ((b - a) * fx >> 12), bottom = c + ((d - c) * fx >> 12);
    return top + ((bottom - top) * fy >> 12) - 4096;
}

static uint8_t byte_of(int32_t value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

void dsbi_fractal_fill(dsbi_fractal *out, uint64_t seed)
{
    for (uint32_t y = 0; y < DSBI_TILE; y++) {
        for (uint32_t x = 0; x < DSBI_TILE; x++) {
            int32_t cloud = 0, ridge = 0;
            for (uint32_t octave = 0; octave < N_OCTAVES; octave++) {
                int32_t value = octave_at(seed, octave, x, y);
                cloud += value * amplitudes[octave];
                ridge += (2048 - 2 * abs(value)) * amplitudes[octave];
            }
            size_t at = (size_t)y * DSBI_TILE + x;
            out->cloud[at] = byte_of(128 + cloud / 4400); /* spread to most of 0..255 */
            out->ridge[at] = byte_of(140 + ridge / 3200);
        }
    }
}
