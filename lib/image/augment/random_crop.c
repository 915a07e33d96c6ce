/* Boxes of random resized crops, and windows moved with reflected borders.
 * Box: torchvision/timm RandomResizedCrop: area uniform in a range, aspect log-uniform, 10 tries,
 * then the largest centre box whose aspect lies in the range. */
#include "image/augment/augment.h"

#include <math.h>
#include <string.h>

/* Python's round(): ties to even. At least 1: tiny images have boxes too. */
static uint32_t round_side(double side)
{
    double r = rint(side);
    return r < 1.0 ? 1 : (uint32_t)r;
}

static dsbi_box centre_box(uint32_t width, uint32_t height, uint32_t box_width, uint32_t box_height)
{
    if (box_width > width)
        box_width = width;
    if (box_height > height)
        box_height = height;
    return (dsbi_box){(width - box_width) / 2, (height - box_height) / 2, box_width, box_height};
}

dsbi_box dsbi_augment_draw_box(dsbi_rng *rng, const dsbi_augment *spec, uint32_t width,
                               uint32_t height)
{
    double area = (double)width * height;
    double log_min = log(spec->ratio_min), log_max = log(spec->ratio_max);
    for (int attempt = 0; attempt < 10; attempt++) {
        double target = dsbi_rng_range(rng, spec->scale_min, spec->scale_max) * area;
        double aspect = exp(dsbi_rng_range(rng, log_min, log_max));
        uint32_t w = round_side(sqrt(target * aspect)), h = round_side(sqrt(target / aspect));
        if (w <= width && h <= height) {
            uint32_t y = (uint32_t)dsbi_rng_below(rng, (uint64_t)(height - h) + 1);
            uint32_t x = (uint32_t)dsbi_rng_below(rng, (uint64_t)(width - w) + 1);
            return (dsbi_box){x, y, w, h};
        }
    }
    double aspect = (double)width / height;
    if (aspect < spec->ratio_min)
        return centre_box(width, height, width, round_side(width / spec->ratio_min));
    if (aspect > spec->ratio_max)
        return centre_box(width, height, round_side(height * spec->ratio_max), height);
    return centre_box(width, height, width, height);
}

/* numpy's mode "reflect": ... 2 1 | 0 1 2 ... n-1 | n-2 ... */
static uint32_t reflect(int64_t i, uint32_t n)
{
    if (n == 1)
        return 0;
    int64_t period = 2 * ((int64_t)n - 1);
    i %= period;
    if (i < 0)
        i += period;
    return (uint32_t)(i < (int64_t)n ? i : period - i);
}

void dsbi_augment_reflect_crop(uint8_t *out, const dsbi_image *in, uint32_t size, int64_t left,
                               int64_t top)
{
    for (uint32_t y = 0; y < size; y++) {
        const uint8_t *row = in->data + (size_t)reflect(top + y, in->height) * in->width * 3;
        for (uint32_t x = 0; x < size; x++, out += 3)
            memcpy(out, row + (size_t)reflect(left + x, in->width) * 3, 3);
    }
}

/* The part of [0, size) that, moved by `shift`, lies in [0, n). */
static void inside(uint32_t size, int64_t shift, uint32_t n, uint32_t *begin, uint32_t *end)
{
    int64_t first = shift < 0 ? -shift : 0, last = (int64_t)n - shift;
    *begin = (uint32_t)(first < size ? first : size);
    *end = (uint32_t)(last < *begin ? *begin : last < size ? last : size);
}

void dsbi_augment_zero_crop(uint8_t *out, const dsbi_image *in, uint32_t size, int64_t left,
                            int64_t top)
{
    uint32_t x0, x1, y0, y1;
    inside(size, left, in->width, &x0, &x1);
    inside(size, top, in->height, &y0, &y1);
    memset(out, 0, (size_t)size * size * 3);
    for (uint32_t y = y0; y < y1; y++) {
        size_t from = (size_t)(top + y) * in->width + (size_t)(left + x0);
        memcpy(out + ((size_t)y * size + x0) * 3, in->data + from * 3, (size_t)(x1 - x0) * 3);
    }
}
