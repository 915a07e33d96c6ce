/* See near_hash.h. */
#include "data/near_hash.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 32, LOW = 8 };

/* cosines[u][x] = cos(pi (2x + 1) u / 2N), u from 0: the rows of the transform, unscaled. */
static void fill_cosines(float cosines[LOW + 1][SIDE])
{
    for (int u = 0; u <= LOW; u++)
        for (int x = 0; x < SIDE; x++)
            cosines[u][x] = (float)cos(3.14159265358979323846 * (2 * x + 1) * u / (2.0 * SIDE));
}

/* out [LOW * LOW]: frequencies 0..8 in both directions, the 64 lowest but the mean: (u, v) with u,
 * v in 0..7, (0, 0) replaced by (8, 0). */
static void low_frequencies(float *out, const uint8_t *grey)
{
    float cosines[LOW + 1][SIDE], rows[LOW + 1][SIDE];
    fill_cosines(cosines);
    for (int u = 0; u <= LOW; u++)
        for (int y = 0; y < SIDE; y++) {
            float sum = 0;
            for (int x = 0; x < SIDE; x++)
                sum += cosines[u][x] * (float)grey[y * SIDE + x];
            rows[u][y] = sum;
        }
    for (int v = 0; v < LOW; v++)
        for (int u = 0; u < LOW; u++) {
            int from = u == 0 && v == 0 ? LOW : u;
            float sum = 0;
            for (int y = 0; y < SIDE; y++)
                sum += cosines[v][y] * rows[from][y];
            out[v * LOW + u] = sum;
        }
}

/* The mean of the two middle ones of 64. */
static float median(const float *values)
{
    float sorted[LOW * LOW];
    memcpy(sorted, values, sizeof sorted);
    for (int i = 1; i < LOW * LOW; i++) {
        float value = sorted[i];
        int at = i;
        for (; at > 0 && sorted[at - 1] > value; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = value;
    }
    return (sorted[LOW * LOW / 2 - 1] + sorted[LOW * LOW / 2]) / 2;
}

static void to_grey(uint8_t *out, const uint8_t *rgb, size_t n)
{
    for (size_t i = 0; i < n; i++) /* ITU-R 601, in steps of 1/256 */
        out[i] = (uint8_t)((77 * rgb[3 * i] + 150 * rgb[3 * i + 1] + 29 * rgb[3 * i + 2]) >> 8);
}

static void fill_pixels(dsbi_near_print *out, const uint8_t *grey)
{
    int small[DSBI_NEAR_PIXELS], total = 0, largest = 0;
    for (int y = 0; y < DSBI_NEAR_SIDE; y++)
        for (int x = 0; x < DSBI_NEAR_SIDE; x++) {
            const uint8_t *p = grey + 2 * y * SIDE + 2 * x;
            small[y * DSBI_NEAR_SIDE + x] = p[0] + p[1] + p[SIDE] + p[SIDE + 1];
            total += small[y * DSBI_NEAR_SIDE + x];
        }
    out->mean = (uint32_t)(total / (4 * DSBI_NEAR_PIXELS));
    for (int i = 0; i < DSBI_NEAR_PIXELS; i++) {
        small[i] = small[i] * DSBI_NEAR_PIXELS - total; /* 256 times the centred value */
        largest = abs(small[i]) > largest ? abs(small[i]) : largest;
    }
    float step = largest ? 127.0f / (float)largest : 0, squares = 0;
    for (int i = 0; i < DSBI_NEAR_PIXELS; i++) {
        out->pixels[i] = (int8_t)lrintf((float)small[i] * step);
        squares += (float)(out->pixels[i] * out->pixels[i]);
    }
    bool is_flat = largest <= 2 * 4 * DSBI_NEAR_PIXELS; /* within 2 grey levels of the mean */
    out->scale = is_flat ? 0 : 1.0f / sqrtf(squares);
}

dsb_status dsbi_near_print_of(dsb_runtime *rt, dsbi_near_print *out, const dsbi_image *image)
{
    *out = (dsbi_near_print){0};
    uint8_t rgb[SIDE * SIDE * 3], grey[SIDE * SIDE];
    DSBI_TRY(dsbi_image_prepare(rt, rgb, image, SIDE, DSBI_PREPARE_SQUASH, DSBI_RESIZE_BILINEAR));
    to_grey(grey, rgb, SIDE * SIDE);
    float low[LOW * LOW];
    low_frequencies(low, grey);
    float middle = median(low);
    for (int i = 0; i < LOW * LOW; i++)
        out->hash |= (uint64_t)(low[i] > middle) << i;
    fill_pixels(out, grey);
    return DSB_OK;
}

float dsbi_near_distance(const dsbi_near_print *a, const dsbi_near_print *b)
{
    if (a->scale == 0 || b->scale == 0) {
        uint32_t apart = a->mean > b->mean ? a->mean - b->mean : b->mean - a->mean;
        return a->scale == b->scale && apart <= 2 ? 0 : 2;
    }
    int32_t sum = 0;
    for (int i = 0; i < DSBI_NEAR_PIXELS; i++)
        sum += a->pixels[i] * b->pixels[i];
    return 1.0f - (float)sum * a->scale * b->scale;
}
