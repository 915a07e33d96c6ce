/* See mix.h. */
#include "train/mix.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include "base/rng.h"

/* Box of side floor(side * sqrt(1 - lambda)) around a uniform centre, clipped to the image; its
 * halves are floor(cut / 2), so an odd box loses a pixel, as in timm's rand_bbox. */
static void draw_box(dsbi_mix *mix, dsbi_rng *rng, uint32_t width, uint32_t height)
{
    double ratio = sqrt(1.0 - mix->lambda);
    uint32_t half_h = (uint32_t)(height * ratio) / 2, half_w = (uint32_t)(width * ratio) / 2;
    uint32_t y = (uint32_t)dsbi_rng_below(rng, height), x = (uint32_t)dsbi_rng_below(rng, width);
    mix->y0 = y > half_h ? y - half_h : 0;
    mix->y1 = y + half_h < height ? y + half_h : height;
    mix->x0 = x > half_w ? x - half_w : 0;
    mix->x1 = x + half_w < width ? x + half_w : width;
    double area = (double)(mix->x1 - mix->x0) * (mix->y1 - mix->y0);
    mix->lambda = 1.0 - area / ((double)width * height);
}

dsbi_mix dsbi_mix_draw(const dsbi_mix_opts *opts, uint64_t seed, uint64_t step, uint32_t width,
                       uint32_t height)
{
    dsbi_mix mix = {.kind = DSBI_MIX_NONE, .lambda = 1.0};
    if (opts->mixup_alpha <= 0.0 && opts->cutmix_alpha <= 0.0)
        return mix;
    dsbi_rng rng;
    dsbi_rng_init(&rng, seed, DSBI_RNG_MIX, step);
    if (!(dsbi_rng_uniform(&rng) < opts->probability))
        return mix;
    bool cut = opts->cutmix_alpha > 0.0;
    if (cut && opts->mixup_alpha > 0.0)
        cut = dsbi_rng_uniform(&rng) < opts->switch_probability;
    double alpha = cut ? opts->cutmix_alpha : opts->mixup_alpha;
    mix.kind = cut ? DSBI_MIX_CUTMIX : DSBI_MIX_MIXUP;
    mix.lambda = dsbi_rng_beta(&rng, alpha, alpha);
    if (cut)
        draw_box(&mix, &rng, width, height);
    return mix;
}

/* Rounds 0 <= v < 2^22 to the nearest integer, ties to even, without a call: vectorises. */
static uint8_t round8(float v)
{
    return (uint8_t)(int)((v + 0x1.8p23f) - 0x1.8p23f);
}

static void blend(uint8_t *restrict a, uint8_t *restrict b, size_t size, float own, float other)
{
    for (size_t i = 0; i < size; i++) {
        float va = a[i], vb = b[i];
        a[i] = round8(va * own + vb * other);
        b[i] = round8(vb * own + va * other);
    }
}

static void swap_box(uint8_t *a, uint8_t *b, const dsbi_mix *mix, uint32_t width)
{
    for (size_t y = mix->y0; y < mix->y1; y++) {
        size_t row = y * width * 3;
        for (size_t i = row + 3u * mix->x0; i < row + 3u * mix->x1; i++) {
            uint8_t swap = a[i];
            a[i] = b[i];
            b[i] = swap;
        }
    }
}

void dsbi_mix_pair(const dsbi_mix *mix, uint8_t *a, uint8_t *b, uint32_t width, uint32_t height)
{
    if (a == b)
        return;
    if (mix->kind == DSBI_MIX_MIXUP)
        blend(a, b, (size_t)width * height * 3, (float)mix->lambda, (float)(1.0 - mix->lambda));
    else if (mix->kind == DSBI_MIX_CUTMIX)
        swap_box(a, b, mix, width);
}

void dsbi_mix_target(const dsbi_mix *mix, float *target, uint32_t own, uint32_t other,
                     size_t n_classes, double smoothing)
{
    assert(own < n_classes && other < n_classes);
    const double off = smoothing / (double)n_classes, on = 1.0 - smoothing;
    const float rest = (float)off;
    for (size_t c = 0; c < n_classes; c++)
        target[c] = rest;
    target[other] = (float)(off + on * (1.0 - mix->lambda));
    target[own] = (float)(off + on * (mix->lambda + (1.0 - mix->lambda) * (other == own)));
}
