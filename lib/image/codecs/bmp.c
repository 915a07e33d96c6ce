/* BMP without compression: 1, 4 and 8 bits with palette, 24 and 32 bits.
 *
 * 14 bytes of file header ("BM", offset of the pixels at byte 10), then a header whose size is its
 * first number (12: OS/2; 40, 64, 108, 124: Windows), then the palette as BGR or BGRX; rows run
 * from bottom to top unless the height is negative, each padded to 4 bytes, pixels as BGR or BGRX.
 * As Pillow's convert("RGB"): the fourth byte of 32 bits is dropped.
 */
#include <string.h>
#include "image/codecs/codec.h"

typedef struct header {
    uint64_t width, height;
    bool top_down;
    uint32_t bits;
    size_t pixels_at, row_bytes;
    uint8_t palette[256][3]; /* RGB */
} header;

static dsb_status read_sizes(header *h, const uint8_t *bytes, size_t header_bytes)
{
    const uint8_t *p = bytes + 14;
    uint32_t compression = 0;
    if (header_bytes == 12) {
        h->width = dsbi_le16(p + 4);
        h->height = dsbi_le16(p + 6);
        h->bits = dsbi_le16(p + 10);
    } else {
        uint32_t height = dsbi_le32(p + 8);
        h->width = dsbi_le32(p + 4);
        h->top_down = height >= 0x80000000u;
        h->height = h->top_down ? 0x100000000u - height : height;
        h->bits = dsbi_le16(p + 14);
        compression = dsbi_le32(p + 16);
    }
    if (compression != 0)
        return dsbi_fail(DSB_E_UNSUPPORTED, "bmp: compression %u", compression);
    if (h->bits != 1 && h->bits != 4 && h->bits != 8 && h->bits != 24 && h->bits != 32)
        return dsbi_fail(DSB_E_UNSUPPORTED, "bmp: %u bits a pixel", h->bits);
    return DSB_OK;
}

static dsb_status read_palette(header *h, const uint8_t *bytes, size_t size, size_t header_bytes)
{
    size_t entry_bytes = header_bytes == 12 ? 3 : 4;
    size_t n = header_bytes == 12 ? 0 : dsbi_le32(bytes + 14 + 32);
    if (n == 0)
        n = (size_t)1 << h->bits;
    size_t at = 14 + header_bytes;
    if (n > 256 || size - at < n * entry_bytes)
        return dsbi_fail(DSB_E_FORMAT, "bmp: palette of %zu colours", n);
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < 3; c++)
            h->palette[i][c] = bytes[at + i * entry_bytes + 2 - c];
    return DSB_OK;
}

static dsb_status read_header(header *h, dsb_image_info *info, const uint8_t *bytes, size_t size,
                              const dsbi_decode_limits *limits)
{
    *h = (header){0};
    if (size < 26)
        return dsbi_fail(DSB_E_FORMAT, "bmp: premature end of file");
    size_t header_bytes = dsbi_le32(bytes + 14);
    if (header_bytes != 12 && header_bytes != 40 && header_bytes != 64 && header_bytes != 108 &&
        header_bytes != 124)
        return dsbi_fail(DSB_E_FORMAT, "bmp: header of %zu bytes", header_bytes);
    if (size - 14 < header_bytes)
        return dsbi_fail(DSB_E_FORMAT, "bmp: premature end of file");
    DSBI_TRY(read_sizes(h, bytes, header_bytes));
    DSBI_TRY(dsbi_check_size("bmp", h->width, h->height, limits));
    if (h->bits <= 8)
        DSBI_TRY(read_palette(h, bytes, size, header_bytes));
    h->pixels_at = dsbi_le32(bytes + 10);
    h->row_bytes = (size_t)((h->width * h->bits + 31) / 32 * 4);
    info->width = (uint32_t)h->width;
    info->height = (uint32_t)h->height;
    info->channels = h->bits <= 8 ? 1 : h->bits / 8;
    info->bit_depth = h->bits <= 8 ? h->bits : 8;
    info->colour = h->bits <= 8 ? DSB_COLOUR_PALETTE : DSB_COLOUR_RGB;
    return DSB_OK;
}

static void read_row(uint8_t *restrict rgb, const uint8_t *restrict raw, const header *h)
{
    for (size_t x = 0; x < h->width; x++, rgb += 3) {
        if (h->bits >= 24) {
            const uint8_t *bgr = raw + x * (h->bits / 8);
            rgb[0] = bgr[2];
            rgb[1] = bgr[1];
            rgb[2] = bgr[0];
        } else {
            size_t bit = x * h->bits; /* leftmost pixel in the high bits */
            uint32_t index =
                (uint32_t)raw[bit / 8] >> (8 - h->bits - bit % 8) & ((1u << h->bits) - 1);
            memcpy(rgb, h->palette[index], 3);
        }
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
    if (h.pixels_at < 26 || h.pixels_at > size || size - h.pixels_at < needed)
        return dsbi_fail(DSB_E_FORMAT,
                         "bmp: premature end of file: %zu bytes of pixels at byte %zu of %zu",
                         needed, h.pixels_at, size);
    DSBI_TRY(dsbi_image_alloc(rt, out, info->width, info->height, 3));
    for (size_t y = 0; y < out->height; y++) {
        size_t row = h.top_down ? y : out->height - 1 - y;
        read_row(out->data + y * out->width * 3, bytes + h.pixels_at + row * h.row_bytes, &h);
    }
    return DSB_OK;
}

const dsbi_codec dsbi_codec_bmp = {
    .format = DSB_FORMAT_BMP,
    .decode = decode,
};
