/* ImageEnhance: blend(degenerate, image, factor), with the degenerate image grey (Color), of mean
 * grey (Contrast), black (Brightness) or smoothed (Sharpness). float32 arithmetic as in Blend.c
 * and Filter.c: the order of operations is part of the result. */
#include "image/augment/pil_ops.h"

#include <string.h>

/* Blend.c: between 0 and 1 no clipping is needed, outside it happens; one formula serves both. */
static uint8_t blend(int degenerate, int value, float factor)
{
    float v = (float)degenerate + factor * (float)(value - degenerate);
    return v <= 0.0f ? 0 : v >= 255.0f ? 255 : (uint8_t)v;
}

/* convert("L"): ITU-R 601-2 luma in 16-bit fixed point. */
static int luma(const uint8_t *rgb)
{
    return (rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16;
}

void dsbi_pil_color(uint8_t *rgb, size_t n_pixels, double factor)
{
    for (size_t i = 0; i < n_pixels; i++, rgb += 3) {
        int grey = luma(rgb);
        for (int c = 0; c < 3; c++)
            rgb[c] = blend(grey, rgb[c], (float)factor);
    }
}

void dsbi_pil_contrast(uint8_t *rgb, size_t n_pixels, double factor)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n_pixels; i++)
        sum += (uint64_t)luma(rgb + 3 * i);
    int mean = n_pixels ? (int)((double)sum / (double)n_pixels + 0.5) : 0;
    for (size_t i = 0; i < 3 * n_pixels; i++)
        rgb[i] = blend(mean, rgb[i], (float)factor);
}

void dsbi_pil_brightness(uint8_t *rgb, size_t n_pixels, double factor)
{
    for (size_t i = 0; i < 3 * n_pixels; i++)
        rgb[i] = blend(0, rgb[i], (float)factor);
}

static float smooth_row(const uint8_t *in, const float kernel[3])
{
    return (float)in[-3] * kernel[0] + (float)in[0] * kernel[1] + (float)in[3] * kernel[2];
}

/* ImageFilter.SMOOTH, (1 1 1, 1 5 1, 1 1 1) / 13, lower row first. */
static int smooth(const uint8_t *in, size_t stride)
{
    static const float side[3] = {1.0f / 13.0f, 1.0f / 13.0f, 1.0f / 13.0f};
    static const float middle[3] = {1.0f / 13.0f, 5.0f / 13.0f, 1.0f / 13.0f};
    float sum = 0.5f;
    sum += smooth_row(in + stride, side);
    sum += smooth_row(in, middle);
    sum += smooth_row(in - stride, side);
    return sum >= 255.0f ? 255 : (int)sum;
}

void dsbi_pil_sharpness(uint8_t *out, const uint8_t *in, uint32_t width, uint32_t height,
                        double factor)
{
    size_t stride = (size_t)width * 3;
    memcpy(out, in, stride * height); /* Filter.c copies the border */
    for (size_t y = 1; y + 1 < height; y++)
        for (size_t i = 3; i + 3 < stride; i++) {
            const uint8_t *place = in + y * stride + i;
            out[y * stride + i] = blend(smooth(place, stride), *place, (float)factor);
        }
}
