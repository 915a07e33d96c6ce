/* Decoding by content: the first bytes choose the codec, the codec does the work. */
#include <stdio.h>
#include <string.h>
#include "base/opts.h"
#include "image/codecs/codec.h"

const dsbi_decode_limits dsbi_decode_limits_default = {
    .max_pixels = 178956970, /* Pillow's: 2 * 1024^3 / 4 / 3 */
    .max_blocks = (uint64_t)32 << 20,
    .max_memory_bytes = (size_t)384 << 20,
    .max_scans = 100,
};

_Static_assert(offsetof(dsb_image_info, qtable_chroma) + 64 * sizeof(uint16_t) ==
                   sizeof(dsb_image_info),
               "no hole at the end of dsb_image_info");

void dsb_image_info_init(dsb_image_info *info, size_t size)
{
    const dsb_image_info defaults = {.struct_size = sizeof defaults};
    dsbi_opts_fill(info, size, &defaults, sizeof defaults);
}

dsb_status dsbi_check_size(const char *name, uint64_t width, uint64_t height,
                           const dsbi_decode_limits *limits)
{
    if (width == 0 || height == 0)
        return dsbi_fail(DSB_E_FORMAT, "%s: size %llu x %llu", name, (unsigned long long)width,
                         (unsigned long long)height);
    if (width > INT32_MAX || height > INT32_MAX || width * height > limits->max_pixels)
        return dsbi_fail(DSB_E_LIMIT, "%s: size %llu x %llu is above the limit of %llu pixels",
                         name, (unsigned long long)width, (unsigned long long)height,
                         (unsigned long long)limits->max_pixels);
    if (width * height > limits->max_memory_bytes / 3)
        return dsbi_fail(DSB_E_LIMIT, "%s: size %llu x %llu needs more than the limit of %zu bytes",
                         name, (unsigned long long)width, (unsigned long long)height,
                         limits->max_memory_bytes);
    return DSB_OK;
}

dsb_status dsbi_image_alloc(dsb_runtime *rt, dsbi_image *out, uint32_t width, uint32_t height,
                            uint32_t channels)
{
    *out = (dsbi_image){0};
    size_t row, size;
    if (width == 0 || height == 0 || !dsbi_mul(&row, width, channels) ||
        !dsbi_mul(&size, row, height))
        return dsbi_fail(DSB_E_LIMIT, "image: size %u x %u x %u", width, height, channels);
    uint8_t *data = dsbi_alloc(rt, size);
    if (!data)
        return DSB_E_NOMEM;
    *out = (dsbi_image){data, width, height, channels};
    return DSB_OK;
}

void dsbi_image_free(dsb_runtime *rt, dsbi_image *image)
{
    dsbi_free(rt, image->data);
    *image = (dsbi_image){0};
}

void dsbi_image_release(dsb_runtime *rt, dsbi_image *image, const dsbi_scratch *scratch)
{
    if (scratch && image->data == scratch->bytes)
        *image = (dsbi_image){0};
    else
        dsbi_image_free(rt, image);
}

uint32_t dsbi_exif_orientation(const uint8_t *tiff, size_t size)
{
    if (size < 8)
        return 0;
    bool big = memcmp(tiff, "MM\0*", 4) == 0;
    if (!big && memcmp(tiff, "II*\0", 4) != 0)
        return 0;
    size_t at = big ? dsbi_be32(tiff + 4) : dsbi_le32(tiff + 4);
    if (at > size - 2) /* size >= 8 */
        return 0;
    size_t n_entries = big ? dsbi_be16(tiff + at) : dsbi_le16(tiff + at);
    at += 2;
    for (size_t i = 0; i < n_entries && size - at >= 12; i++, at += 12) {
        const uint8_t *entry = tiff + at; /* tag, type, count, value */
        if ((big ? dsbi_be16(entry) : dsbi_le16(entry)) != 0x0112)
            continue;
        uint32_t value = big ? dsbi_be16(entry + 8) : dsbi_le16(entry + 8);
        return value >= 1 && value <= 8 ? value : 0;
    }
    return 0;
}

/* Without a codec: the sentence names what the file is. */
static dsb_status refuse(uint32_t format, const uint8_t *bytes, size_t size)
{
    if (format == DSB_FORMAT_EMPTY)
        return dsbi_fail(DSB_E_FORMAT, "empty file");
    if (format == DSB_FORMAT_PNG || format == DSB_FORMAT_WEBP)
        return dsbi_fail(DSB_E_UNSUPPORTED, "unsupported format: %s (this build is without %s)",
                         dsb_image_format_name(format),
                         format == DSB_FORMAT_PNG ? "libpng" : "libwebp");
    if (format != DSB_FORMAT_UNKNOWN)
        return dsbi_fail(DSB_E_UNSUPPORTED, "unsupported format: %s",
                         dsb_image_format_name(format));
    char hex[3 * 8 + 1] = "";
    for (size_t i = 0; i < 8 && i < size; i++)
        snprintf(hex + 3 * i, 4, " %02x", bytes[i]);
    return dsbi_fail(DSB_E_UNSUPPORTED, "unsupported format: unknown, begins with%s", hex);
}

static const dsbi_codec *codec_of(uint32_t format)
{
    for (const dsbi_codec *const *codec = dsbi_codec_table; *codec; codec++)
        if ((*codec)->format == format)
            return *codec;
    return NULL;
}

uint32_t dsb_image_format_decoded(uint32_t format)
{
    return codec_of(format) ? 1 : 0;
}

static dsb_status find_codec(const dsbi_codec **out, dsb_image_info *info, const uint8_t *bytes,
                             size_t size)
{
    *info = (dsb_image_info){
        .struct_size = sizeof *info, .size_bytes = size, .format = dsb_image_format(bytes, size)};
    *out = codec_of(info->format);
    return *out ? DSB_OK : refuse(info->format, bytes, size);
}

dsb_status dsbi_image_header_read(dsb_runtime *rt, dsb_image_info *info, const uint8_t *bytes,
                                  size_t size)
{
    const dsbi_codec *codec;
    DSBI_TRY(find_codec(&codec, info, bytes, size));
    return codec->decode(rt, NULL, info, bytes, size, &dsbi_decode_limits_default);
}

dsb_status dsbi_image_info_read(dsb_runtime *rt, dsb_image_info *info, const uint8_t *bytes,
                                size_t size)
{
    dsb_status status = dsbi_image_header_read(rt, info, bytes, size);
    dsbi_jpeg_estimate_quality(info);
    return status;
}

dsb_status dsbi_image_decode(dsb_runtime *rt, dsbi_image *out, dsb_image_info *info,
                             const uint8_t *bytes, size_t size, const dsbi_decode_limits *limits)
{
    dsb_image_info own, *facts = info ? info : &own;
    const dsbi_codec *codec;
    *out = (dsbi_image){0};
    if (limits && limits->cut) {
        limits->cut->scale = 1;
        limits->cut->at_x = limits->cut->at_y = 0;
    }
    DSBI_TRY(find_codec(&codec, facts, bytes, size));
    if (limits && limits->on_header && !codec->says_header) {
        dsb_image_info known = *facts;
        DSBI_TRY(codec->decode(rt, NULL, &known, bytes, size, &dsbi_decode_limits_default));
        limits->on_header(limits->user, &known);
    }
    dsb_status status =
        codec->decode(rt, out, facts, bytes, size, limits ? limits : &dsbi_decode_limits_default);
    if (info)
        dsbi_jpeg_estimate_quality(info);
    return status;
}
