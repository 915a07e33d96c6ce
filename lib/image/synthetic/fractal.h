/* Textures without a camera: tiles of value noise with structure at every scale from 128 pixels to
 * 2, falling off as one over frequency. Integers only, so that every machine makes the same bytes.
 */
#ifndef DSBI_IMAGE_SYNTHETIC_FRACTAL_H
#define DSBI_IMAGE_SYNTHETIC_FRACTAL_H

#include <stdint.h>

enum { DSBI_TILE_BITS = 9, DSBI_TILE = 1 << DSBI_TILE_BITS };

typedef struct dsbi_fractal {
    uint8_t cloud[DSBI_TILE * DSBI_TILE]; /* soft: sum of octaves; joins itself at the borders */
    uint8_t ridge[DSBI_TILE * DSBI_TILE]; /* folded at the middle: veins and cracks */
} dsbi_fractal;

void dsbi_fractal_fill(dsbi_fractal *out, uint64_t seed);

/* u, v: 16.16 fixed point, any value; bilinear. */
static inline int32_t dsbi_tile_at(const uint8_t *tile, uint32_t u, uint32_t v)
{
    uint32_t x0 = u >> 16 & (DSBI_TILE - 1), y0 = (v >> 16 & (DSBI_TILE - 1)) << DSBI_TILE_BITS;
    uint32_t x1 = (x0 + 1) & (DSBI_TILE - 1), y1 = (y0 + DSBI_TILE) & (DSBI_TILE * DSBI_TILE - 1);
    int32_t fx = (int32_t)(u >> 8 & 255), fy = (int32_t)(v >> 8 & 255);
    int32_t top = tile[y0 + x0] * (256 - fx) + tile[y0 + x1] * fx;
    int32_t bottom = tile[y1 + x0] * (256 - fx) + tile[y1 + x1] * fx;
    return (top * (256 - fy) + bottom * fy) >> 16;
}

#endif
