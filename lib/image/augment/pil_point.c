/* ImageOps that are a lookup table per channel: autocontrast, equalize, invert, posterize,
 * solarize; and SolarizeAdd of AutoAugment. Integer work (autocontrast: Python floats), exact. */
#include "image/augment/pil_ops.h"

#include <assert.h>
#include <string.h>

typedef struct point_tables {
    uint8_t value[3][256];
} point_tables;

typedef struct histograms {
    size_t count[3][256];
} histograms;

static void apply_tables(uint8_t *rgb, size_t n_pixels, const point_tables *tables)
{
    for (size_t i = 0; i < n_pixels; i++, rgb += 3) {
        rgb[0] = tables->value[0][rgb[0]];
        rgb[1] = tables->value[1][rgb[1]];
        rgb[2] = tables->value[2][rgb[2]];
    }
}

static void count_values(histograms *h, const uint8_t *rgb, size_t n_pixels)
{
    memset(h, 0, sizeof *h);
    for (size_t i = 0; i < n_pixels; i++, rgb += 3) {
        h->count[0][rgb[0]]++;
        h->count[1][rgb[1]]++;
        h->count[2][rgb[2]]++;
    }
}

static void set_identity(uint8_t table[256])
{
    for (int v = 0; v < 256; v++)
        table[v] = (uint8_t)v;
}

static uint8_t clip8(int v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* Darkest value to 0, lightest to 255; int() of a Python float truncates. */
static void stretch_table(uint8_t table[256], const size_t count[256])
{
    int lo = 0, hi = 255;
    while (lo < 256 && !count[lo])
        lo++;
    while (hi >= 0 && !count[hi])
        hi--;
    if (hi <= lo) {
        set_identity(table);
        return;
    }
    double scale = 255.0 / (hi - lo), offset = -lo * scale;
    for (int v = 0; v < 256; v++)
        table[v] = clip8((int)(v * scale + offset));
}

void dsbi_pil_autocontrast(uint8_t *rgb, size_t n_pixels)
{
    histograms h;
    point_tables tables;
    count_values(&h, rgb, n_pixels);
    for (int c = 0; c < 3; c++)
        stretch_table(tables.value[c], h.count[c]);
    apply_tables(rgb, n_pixels, &tables);
}

/* step = (pixels - pixels of the lightest value) / 255; a small image may pass 255: clipped. */
static void equalize_table(uint8_t table[256], const size_t count[256])
{
    size_t total = 0, last = 0, values = 0;
    for (int v = 0; v < 256; v++)
        if (count[v]) {
            total += count[v];
            last = count[v];
            values++;
        }
    size_t step = (total - last) / 255;
    if (values <= 1 || step == 0) {
        set_identity(table);
        return;
    }
    size_t n = step / 2;
    for (int v = 0; v < 256; v++) {
        size_t level = n / step;
        table[v] = (uint8_t)(level > 255 ? 255 : level);
        n += count[v];
    }
}

void dsbi_pil_equalize(uint8_t *rgb, size_t n_pixels)
{
    histograms h;
    point_tables tables;
    count_values(&h, rgb, n_pixels);
    for (int c = 0; c < 3; c++)
        equalize_table(tables.value[c], h.count[c]);
    apply_tables(rgb, n_pixels, &tables);
}

void dsbi_pil_invert(uint8_t *rgb, size_t n_pixels)
{
    for (size_t i = 0; i < 3 * n_pixels; i++)
        rgb[i] = (uint8_t)(255 - rgb[i]);
}

void dsbi_pil_posterize(uint8_t *rgb, size_t n_pixels, uint32_t bits)
{
    assert(bits <= 8);
    uint8_t mask = (uint8_t)(0xff00u >> bits);
    for (size_t i = 0; i < 3 * n_pixels; i++)
        rgb[i] &= mask;
}

void dsbi_pil_solarize(uint8_t *rgb, size_t n_pixels, uint32_t threshold)
{
    for (size_t i = 0; i < 3 * n_pixels; i++)
        rgb[i] = rgb[i] < threshold ? rgb[i] : (uint8_t)(255 - rgb[i]);
}

void dsbi_pil_solarize_add(uint8_t *rgb, size_t n_pixels, uint32_t add)
{
    for (size_t i = 0; i < 3 * n_pixels; i++)
        if (rgb[i] < 128)
            rgb[i] = rgb[i] + add > 255 ? 255 : (uint8_t)(rgb[i] + add);
}
