/* Binary PBM, PGM and PPM: "P6", white space, width, height, highest value, one white space, rows.
 * `#` begins a comment to the end of the line. Values above 255 take two bytes, high byte first.
 *
 * Bit-exact with Pillow's convert("RGB"): values are scaled by round(v / max * 255), halves to
 * even; grey with max above 255 is scaled to 65535 and then clipped to 255, as Pillow does.
 * Source: netpbm's ppm(5), Pillow's PpmImagePlugin.
 */
#include <math.h>
#include <string.h>
#include "image/codecs/codec.h"

typedef struct header {
    uint32_t kind; /* the digit after P: 4 bits, 5 grey, 6 RGB */
    uint64_t width, height, max;
    size_t data_at, row_bytes;
} header;

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The next decimal number; *at is left on the byte after its last digit. */
static dsb_status read_number(uint64_t *out, const uint8_t *bytes, size_t size, size_t *at)
{
    size_t i = *at;
    while (i < size && (is_space(bytes[i]) || bytes[i] == '#')) {
        if (bytes[i] == '#')
            while (i < size && bytes[i] != '\n' && bytes[i] != '\r')
                i++;
        else
            i++;
    }
    uint64_t value = 0;
    size_t first = i;
    for (; i < size && bytes[i] >= '0' && bytes[i] <= '9'; i++) {
        if (i - first >= 10)
            return dsbi_fail(DSB_E_FORMAT, "pnm: number of more than 10 digits at byte %zu", first);
        value = value * 10 + (uint64_t)(bytes[i] - '0');
    }
    if (i == first || i >= size || !(is_space(bytes[i]) || bytes[i] == '#'))
        return dsbi_fail(DSB_E_FORMAT, "pnm: header lacks a number at byte %zu", first);
    *out = value;
    *at = i;
    return DSB_OK;
}

static dsb_status read_header(header *h, dsb_image_info *info, const uint8_t *bytes, size_t size,
                              const dsbi_decode_limits *limits)
{
    *h = (header){.kind = (uint32_t)(bytes[1] - '0'), .max = 1};
    size_t at = 2;
    DSBI_TRY(read_number(&h->width, bytes, size, &at));
    DSBI_TRY(read_number(&h->height, bytes, size, &at));
    if (h->kind != 4)
        DSBI_TRY(read_number(&h->max, bytes, size, &at));
    if (h->max == 0 || h->max > 65535)
        return dsbi_fail(DSB_E_FORMAT, "pnm: highest value %llu is not in 1..65535",
                         (unsigned long long)h->max);
    DSBI_TRY(dsbi_check_size("pnm", h->width, h->height, limits));
    h->data_at = at + 1;
    uint32_t channels = h->kind == 6 ? 3 : 1;
    h->row_bytes = h->kind == 4 ? ((size_t)h->width + 7) / 8
                                : (size_t)h->width * channels * (h->max > 255 ? 2 : 1);
    info->width = (uint32_t)h->width;
    info->height = (uint32_t)h->height;
    info->channels = channels;
    info->bit_depth = h->kind == 4 ? 1 : h->max > 255 ? 16 : 8;
    info->colour = channels == 3 ? DSB_COLOUR_RGB : DSB_COLOUR_GREY;
    return DSB_OK;
}

/* One sample as Pillow scales it. */
static uint8_t scaled(uint32_t value, const header *h)
{
    double out_max = h->kind == 5 && h->max > 255 ? 65535.0 : 255.0;
    double v = nearbyint((double)value / (double)h->max * out_max);
    return v > 255.0 ? 255 : (uint8_t)v;
}

static void read_row(uint8_t *restrict rgb, const uint8_t *restrict raw, const header *h)
{
    size_t n = (size_t)h->width * (h->kind == 6 ? 3 : 1);
    for (size_t i = 0; i < n; i++) {
        uint8_t v;
        if (h->kind == 4)
            v = raw[i / 8] >> (7 - i % 8) & 1 ? 0 : 255;
        else if (h->max == 255)
            v = raw[i];
        else
            v = scaled(h->max > 255 ? dsbi_be16(raw + 2 * i) : raw[i], h);
        if (h->kind == 6)
            rgb[i] = v;
        else
            rgb[3 * i] = rgb[3 * i + 1] = rgb[3 * i + 2] = v;
    }
}

static dsb_status decode(dsb_runtime *rt, dsbi_image *out, dsb_image_info *info,
                         const uint8_t *bytes, size_t size, const dsbi_decode_limits *limits)
{
    header h;
    DSBI_TRY(read_header(&h, info, bytes, size, limits));
    if (!out)
        return DSB_OK;
    size_t needed = h.row_bytes * (size_t)h.height; /* bounded by the pixel limit */
    if (h.data_at > size || size - h.data_at < needed)
        return dsbi_fail(DSB_E_FORMAT,
                         "pnm: premature end of file: %zu bytes of pixels, %zu needed",
                         size > h.data_at ? size - h.data_at : 0, needed);
    DSBI_TRY(dsbi_image_alloc(rt, out, info->width, info->height, 3));
    for (size_t y = 0; y < out->height; y++)
        read_row(out->data + y * out->width * 3, bytes + h.data_at + y * h.row_bytes, &h);
    return DSB_OK;
}

const dsbi_codec dsbi_codec_pnm = {
    .format = DSB_FORMAT_PNM,
    .decode = decode,
};
