/* WebP through libwebp: lossy (VP8), lossless (VP8L), with and without alpha.
 *
 * "RIFF", size (little-endian 32), "WEBP", then chunks of name, size, bytes, padded to even sizes:
 *   simple    one "VP8 " or "VP8L"
 *   extended  "VP8X" (flags, canvas), "ICCP", "ALPH", "VP8 " or "VP8L", "EXIF", "XMP " ...
 *   animated  "VP8X", "ANIM", then "ANMF": place on the canvas (16 bytes) and such chunks again
 * Bit-exact with Pillow's convert("RGB"): alpha is decoded and dropped, profiles are ignored, of an
 * animation the first frame is taken, on a black canvas where it does not cover it.
 *
 * The container is read here, so that sizes are held against the file, the canvas and the limits
 * before libwebp sees a byte; libwebp gets the chunks of one picture. Its memory is its own, and
 * counted before.
 * Source: RFC 9649.
 */
#include <string.h>
#include <webp/decode.h>
#include "image/codecs/codec.h"
#include "image/vp8l_tables.h"

enum {
    CHUNK_HEADER = 8,
    LOSSLESS_HEADER = 5,
    FRAME_HEADER = 16,
    LOSSLESS_BYTES = 4, /* a pixel while libwebp works on it */
    ALPHA_BYTES = 5,
    MIN_GROUP_BITS = 20, /* of a lossless picture's group of codes in the file */
    MAX_GROUPS = 65536,
    MAX_CACHE_BITS = 11,
};

typedef struct chunk {
    const uint8_t *name, *bytes; /* name: where the chunk begins */
    size_t size;
} chunk;

typedef struct container {
    const uint8_t *picture; /* chunks of the first picture; NULL until found */
    size_t picture_bytes;
    const uint8_t *bits; /* of a lossless picture or alpha plane; NULL: there is none */
    size_t bits_bytes;
    uint32_t canvas_width, canvas_height; /* 0: as the picture */
    uint32_t x, y, width, height;         /* the picture on the canvas */
    bool lossless, has_alpha, has_frame;  /* has_frame: place and size come from an animation */
} container;

static uint32_t le24(const uint8_t *p)
{
    return dsbi_le16(p) | (uint32_t)p[2] << 16;
}

static bool named(const chunk *c, const char *name)
{
    return memcmp(c->name, name, 4) == 0;
}

/* The chunk at `*at`, which moves behind it and its padding. */
static dsb_status next_chunk(chunk *out, const uint8_t *bytes, size_t end, size_t *at)
{
    if (end - *at < CHUNK_HEADER || dsbi_le32(bytes + *at + 4) > end - *at - CHUNK_HEADER)
        return dsbi_fail(DSB_E_FORMAT, "webp: premature end of file in the chunk at byte %zu", *at);
    *out = (chunk){bytes + *at, bytes + *at + CHUNK_HEADER, dsbi_le32(bytes + *at + 4)};
    *at += CHUNK_HEADER + out->size;
    if (out->size % 2 && *at < end)
        ++*at;
    return DSB_OK;
}

static void take_bits(container *c, const chunk *part, size_t header, bool is_lossless)
{
    c->bits = is_lossless && part->size >= header ? part->bytes + header : NULL;
    c->bits_bytes = c->bits ? part->size - header : 0;
}

/* "ALPH" opens a picture, "VP8 " and "VP8L" end it; later pictures are passed over. */
static void take_picture(container *c, const chunk *part, const uint8_t **alpha)
{
    if (c->picture)
        return;
    if (named(part, "ALPH")) {
        *alpha = part->name;
        take_bits(c, part, 1, part->size > 0 && (part->bytes[0] & 3) == 1);
    } else if (named(part, "VP8 ") || named(part, "VP8L")) {
        c->lossless = part->name[3] == 'L';
        c->picture = *alpha && !c->lossless ? *alpha : part->name;
        c->picture_bytes = (size_t)(part->bytes + part->size - c->picture);
        if (c->lossless)
            take_bits(c, part, LOSSLESS_HEADER, true);
    }
}

static dsb_status take_frame(container *c, const chunk *frame)
{
    if (c->picture)
        return DSB_OK;
    if (frame->size < FRAME_HEADER)
        return dsbi_fail(DSB_E_FORMAT, "webp: frame of %zu bytes", frame->size);
    const uint8_t *p = frame->bytes, *alpha = NULL;
    c->has_frame = true;
    c->x = 2 * le24(p);
    c->y = 2 * le24(p + 3);
    c->width = le24(p + 6) + 1;
    c->height = le24(p + 9) + 1;
    for (size_t at = FRAME_HEADER; at < frame->size && !c->picture;) {
        chunk part;
        DSBI_TRY(next_chunk(&part, frame->bytes, frame->size, &at));
        take_picture(c, &part, &alpha);
    }
    return c->picture ? DSB_OK : dsbi_fail(DSB_E_FORMAT, "webp: frame without a picture");
}

static void take_exif(dsb_image_info *info, const chunk *exif)
{
    bool prefixed = exif->size >= 6 && memcmp(exif->bytes, "Exif\0\0", 6) == 0; /* as in a JPEG */
    info->has_exif = 1;
    info->exif_orientation =
        dsbi_exif_orientation(exif->bytes + 6 * prefixed, exif->size - 6 * prefixed);
}

static dsb_status walk(container *c, dsb_image_info *info, const uint8_t *bytes, size_t end)
{
    const uint8_t *alpha = NULL;
    for (size_t at = 12; at < end;) {
        chunk part;
        DSBI_TRY(next_chunk(&part, bytes, end, &at));
        if (part.name == bytes + 12 && memcmp(part.name, "VP8", 3) != 0)
            return dsbi_fail(DSB_E_FORMAT, "webp: the first chunk is none of VP8, VP8L, VP8X");
        if (named(&part, "VP8X") && part.size >= 10) {
            c->has_alpha = part.bytes[0] & 0x10;
            c->canvas_width = le24(part.bytes + 4) + 1;
            c->canvas_height = le24(part.bytes + 7) + 1;
        } else if (named(&part, "ANMF")) {
            DSBI_TRY(take_frame(c, &part));
        } else if (named(&part, "ICCP")) {
            info->has_icc = 1;
        } else if (named(&part, "EXIF")) {
            take_exif(info, &part);
        } else {
            take_picture(c, &part, &alpha);
        }
    }
    return c->picture ? DSB_OK : dsbi_fail(DSB_E_FORMAT, "webp: no picture in the file");
}

static dsb_status refuse(VP8StatusCode code)
{
    switch (code) {
    case VP8_STATUS_OUT_OF_MEMORY:
        return dsbi_fail(DSB_E_NOMEM, "webp: libwebp is out of memory");
    case VP8_STATUS_NOT_ENOUGH_DATA:
        return dsbi_fail(DSB_E_FORMAT, "webp: premature end of file");
    case VP8_STATUS_UNSUPPORTED_FEATURE:
        return dsbi_fail(DSB_E_UNSUPPORTED, "webp: a feature that libwebp does not know");
    default:
        return dsbi_fail(DSB_E_FORMAT, "webp: broken picture data");
    }
}

/* The picture's own header gives its size, which must be the one the container states. */
static dsb_status place_picture(container *c)
{
    WebPBitstreamFeatures features;
    VP8StatusCode code = WebPGetFeatures(c->picture, c->picture_bytes, &features);
    if (code != VP8_STATUS_OK)
        return refuse(code);
    uint32_t width = (uint32_t)features.width, height = (uint32_t)features.height;
    if (!c->canvas_width) {
        c->canvas_width = width;
        c->canvas_height = height;
    }
    if (!c->has_frame) {
        c->width = c->canvas_width;
        c->height = c->canvas_height;
    }
    if (c->width != width || c->height != height)
        return dsbi_fail(DSB_E_FORMAT,
                         "webp: size %u x %u in the container, %u x %u in the picture", c->width,
                         c->height, width, height);
    if (c->x > c->canvas_width || c->width > c->canvas_width - c->x || c->y > c->canvas_height ||
        c->height > c->canvas_height - c->y)
        return dsbi_fail(DSB_E_FORMAT, "webp: frame %u x %u at %u, %u is outside of %u x %u", width,
                         height, c->x, c->y, c->canvas_width, c->canvas_height);
    c->has_alpha = c->has_alpha || features.has_alpha;
    return DSB_OK;
}

static dsb_status open_container(container *c, dsb_image_info *info, const uint8_t *bytes,
                                 size_t size)
{
    *c = (container){0};
    if (size < 12 || memcmp(bytes, "RIFF", 4) != 0)
        return dsbi_fail(DSB_E_FORMAT, "webp: does not begin with RIFF");
    if (dsbi_le32(bytes + 4) > size - 8)
        return dsbi_fail(DSB_E_FORMAT,
                         "webp: premature end of file: %zu bytes, the header says %llu", size,
                         (unsigned long long)dsbi_le32(bytes + 4) + 8);
    DSBI_TRY(walk(c, info, bytes, 8 + (size_t)dsbi_le32(bytes + 4)));
    DSBI_TRY(place_picture(c));
    info->width = c->canvas_width;
    info->height = c->canvas_height;
    info->has_alpha = c->has_alpha;
    info->channels = 3 + info->has_alpha;
    info->bit_depth = 8;
    info->colour = c->lossless ? DSB_COLOUR_RGB : DSB_COLOUR_YCC;
    return DSB_OK;
}

/* The most that a lossless picture of this size from so many bytes can ask for. */
static uint64_t most_table_bytes(const container *c)
{
    const uint64_t squares = (uint64_t)((c->width + 3) / 4) * ((c->height + 3) / 4);
    const uint64_t written = (uint64_t)c->bits_bytes * 8 / MIN_GROUP_BITS + 1;
    uint64_t n = squares < written ? squares : written;
    n = n < MAX_GROUPS ? n : MAX_GROUPS;
    return dsbi_vp8l_tables_bytes(&(dsbi_vp8l_tables){
        .n_groups = (uint32_t)n, .cache_bits = MAX_CACHE_BITS, .side_pixels = 3 * squares + 256});
}

/* libwebp builds the tables of all prefix codes at once: they are counted first wherever they could
 * pass the limit. */
static dsb_status check_tables(const container *c, dsb_runtime *rt, uint64_t memory,
                               const dsbi_decode_limits *limits)
{
    dsbi_vp8l_tables tables;
    if (!c->bits || memory + most_table_bytes(c) <= limits->max_memory_bytes)
        return DSB_OK;
    DSBI_TRY(dsbi_vp8l_tables_read(rt, &tables, c->bits, c->bits_bytes, c->width, c->height));
    memory += dsbi_vp8l_tables_bytes(&tables);
    if (memory > limits->max_memory_bytes)
        return dsbi_fail(DSB_E_LIMIT,
                         "webp: %u x %u with %u groups of codes needs %llu bytes, "
                         "limit %zu",
                         c->canvas_width, c->canvas_height, tables.n_groups,
                         (unsigned long long)memory, limits->max_memory_bytes);
    return DSB_OK;
}

/* Before anything is allocated for pixels. */
static dsb_status check_limits(const container *c, dsb_runtime *rt,
                               const dsbi_decode_limits *limits)
{
    DSBI_TRY(dsbi_check_size("webp", c->canvas_width, c->canvas_height, limits));
    uint32_t own = (c->lossless ? LOSSLESS_BYTES : 0u) + (c->has_alpha ? ALPHA_BYTES : 0u);
    uint64_t memory =
        (uint64_t)c->canvas_width * c->canvas_height * 3 + (uint64_t)c->width * c->height * own;
    if (memory > limits->max_memory_bytes)
        return dsbi_fail(DSB_E_LIMIT, "webp: %u x %u needs %llu bytes, limit %zu", c->canvas_width,
                         c->canvas_height, (unsigned long long)memory, limits->max_memory_bytes);
    return check_tables(c, rt, memory, limits);
}

static dsb_status read_picture(const container *c, dsbi_image *out)
{
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config))
        return dsbi_fail(DSB_E_UNSUPPORTED, "webp: libwebp is of another version than its header");
    const size_t stride = (size_t)out->width * 3;
    const size_t at = c->y * stride + (size_t)c->x * 3;
    config.output.colorspace = MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = out->data + at;
    config.output.u.RGBA.stride = (int)stride;
    config.output.u.RGBA.size = stride * out->height - at;
    VP8StatusCode code = WebPDecode(c->picture, c->picture_bytes, &config);
    WebPFreeDecBuffer(&config.output);
    return code == VP8_STATUS_OK ? DSB_OK : refuse(code);
}

static dsb_status decode(dsb_runtime *rt, dsbi_image *out, dsb_image_info *info,
                         const uint8_t *bytes, size_t size, const dsbi_decode_limits *limits)
{
    container c;
    DSBI_TRY(open_container(&c, info, bytes, size));
    if (!out)
        return DSB_OK;
    DSBI_TRY(check_limits(&c, rt, limits));
    DSBI_TRY(dsbi_image_alloc(rt, out, info->width, info->height, 3));
    if (c.width != info->width || c.height != info->height)
        memset(out->data, 0, (size_t)info->width * info->height * 3);
    dsb_status status = read_picture(&c, out);
    if (status != DSB_OK)
        dsbi_image_free(rt, out);
    return status;
}

const dsbi_codec dsbi_codec_webp = {
    .format = DSB_FORMAT_WEBP,
    .decode = decode,
};
