/* PNG through libpng: 1 to 16 bits, grey, RGB, palette, alpha, interlaced.
 *
 * Bit-exact with Pillow's convert("RGB"): alpha and transparent colours are dropped, gamma and
 * profiles ignored; 1, 2 and 4 bit grey is spread over 0..255; 16-bit RGB and 16-bit grey with
 * alpha keep their high byte; 16-bit grey without alpha is clipped to 255, not scaled (Pillow reads
 * it as 32-bit integers). Palette entries that the file leaves out are grey levels.
 *
 * libpng hands over raw rows and nothing else: all conversions are below. A checksum that does not
 * fit is an error in any chunk. What must survive libpng's longjmp lives in `reader`.
 */
#include <setjmp.h>
#include <string.h>
#include <png.h>
#include "image/codecs/codec.h"

enum {
    MAX_SIDE = 1000000,
    MAX_CHUNKS = 1000,         /* kept chunks */
    MAX_CHUNK_BYTES = 8 << 20, /* unpacked size of a text or profile chunk */
    MAX_ZLIB_RATIO = 1100,     /* deflate reaches 1032:1 */
};

typedef struct reader {
    png_structp png;
    png_infop info;
    const uint8_t *bytes;
    size_t size, at;
    dsb_runtime *rt;
    dsb_status status;
    uint32_t n_warnings;
    bool out_of_memory;
    uint8_t *rows;           /* one raw row, or all of them when interlaced */
    uint8_t palette[256][3]; /* grey levels where the file has none */
} reader;

static void on_error(png_structp png, png_const_charp text)
{
    reader *r = png_get_error_ptr(png);
    if (r->status == DSB_OK)
        r->status = dsbi_fail(r->out_of_memory ? DSB_E_NOMEM : DSB_E_FORMAT, "png: %s", text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    reader *r = png_get_error_ptr(png);
    (void)text;
    if (r->n_warnings < UINT32_MAX)
        r->n_warnings++;
}

static void on_read(png_structp png, png_bytep out, size_t count)
{
    reader *r = png_get_io_ptr(png);
    if (count > r->size - r->at) {
        r->status = dsbi_fail(DSB_E_FORMAT, "png: premature end of file");
        png_error(png, "premature end of file");
    }
    memcpy(out, r->bytes + r->at, count);
    r->at += count;
}

static png_voidp on_alloc(png_structp png, png_alloc_size_t count)
{
    reader *r = png_get_mem_ptr(png);
    void *memory = dsbi_alloc(r->rt, count);
    r->out_of_memory = r->out_of_memory || !memory;
    return memory;
}

static void on_free(png_structp png, png_voidp pointer)
{
    reader *r = png_get_mem_ptr(png);
    dsbi_free(r->rt, pointer);
}

static dsb_status reader_begin(reader *r)
{
    r->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, r, on_error, on_warning, r, on_alloc,
                                      on_free);
    if (!r->png)
        return dsbi_fail(DSB_E_NOMEM, "png: libpng refused to start");
    r->info = png_create_info_struct(r->png);
    if (!r->info)
        return dsbi_fail(DSB_E_NOMEM, "png: out of memory");
    png_set_read_fn(r->png, r, on_read);
    png_set_user_limits(r->png, MAX_SIDE, MAX_SIDE);
    png_set_chunk_cache_max(r->png, MAX_CHUNKS);
    /* libpng allocates what a chunk claims before it reads: no more than the file could unpack to
     */
    size_t chunk_max = 65536 + r->size * 64;
    png_set_chunk_malloc_max(r->png, chunk_max < MAX_CHUNK_BYTES ? chunk_max : MAX_CHUNK_BYTES);
    png_set_crc_action(r->png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_set_benign_errors(r->png, 1); /* warn: Pillow reads on, too */
    return DSB_OK;
}

static void facts(dsb_image_info *info, reader *r)
{
    uint32_t type = png_get_color_type(r->png, r->info);
    info->width = png_get_image_width(r->png, r->info);
    info->height = png_get_image_height(r->png, r->info);
    info->channels = png_get_channels(r->png, r->info);
    info->bit_depth = png_get_bit_depth(r->png, r->info);
    info->colour = type == PNG_COLOR_TYPE_PALETTE ? DSB_COLOUR_PALETTE
                   : type & PNG_COLOR_MASK_COLOR  ? DSB_COLOUR_RGB
                                                  : DSB_COLOUR_GREY;
    info->has_alpha =
        type & PNG_COLOR_MASK_ALPHA || png_get_valid(r->png, r->info, PNG_INFO_tRNS) ? 1 : 0;
    info->progressive = png_get_interlace_type(r->png, r->info) != PNG_INTERLACE_NONE;
    info->has_icc = png_get_valid(r->png, r->info, PNG_INFO_iCCP) ? 1 : 0;
    png_bytep exif;
    png_uint_32 exif_bytes;
    if (png_get_eXIf_1(r->png, r->info, &exif_bytes, &exif)) {
        info->has_exif = 1;
        info->exif_orientation = dsbi_exif_orientation(exif, exif_bytes);
    }
}

/* One raw row of `width` pixels to RGB. */
typedef void (*row_fn)(uint8_t *restrict rgb, const uint8_t *restrict raw, size_t width,
                       const reader *r);

static void row_rgb8(uint8_t *restrict rgb, const uint8_t *restrict raw, size_t width,
                     const reader *r)
{
    (void)r;
    memcpy(rgb, raw, width * 3);
}

static void row_rgba8(uint8_t *restrict rgb, const uint8_t *restrict raw, size_t width,
                      const reader *r)
{
    (void)r;
    for (size_t x = 0; x < width; x++, rgb += 3, raw += 4)
        memcpy(rgb, raw, 3);
}

static void row_rgb16(uint8_t *restrict rgb, const uint8_t *restrict raw, size_t width,
                      const reader *r)
{
    (void)r;
    for (size_t i = 0; i < width * 3; i++)
        rgb[i] = raw[2 * i];
}

static void row_rgba16(uint8_t *restrict rgb, const uint8_t *restrict raw, size_t width,
                       const reader *r)
{
    (void)r;
    for (size_t x = 0; x < width; x++, rgb += 3, raw += 8)
        for (size_t c = 0; c < 3; c++)
            rgb[c] = raw[2 * c];
}

static void row_grey16(uint8_t *restrict rgb, const uint8_t *restrict raw, size_t width,
                       const reader *r)
{
    (void)r;
    for (size_t x = 0; x < width; x++, rgb += 3, raw += 2)
        rgb[0] = rgb[1] = rgb[2] = raw[0] ? 255 : raw[1];
}

/* Grey with alpha: the high byte, whatever the depth. */
static void row_grey_alpha8(uint8_t *restrict rgb, const uint8_t *restrict raw, size_t width,
                            const reader *r)
{
    (void)r;
    for (size_t x = 0; x < width; x++, rgb += 3)
        rgb[0] = rgb[1] = rgb[2] = raw[2 * x];
}

static void row_grey_alpha16(uint8_t *restrict rgb, const uint8_t *restrict raw, size_t width,
                             const reader *r)
{
    (void)r;
    for (size_t x = 0; x < width; x++, rgb += 3)
        rgb[0] = rgb[1] = rgb[2] = raw[4 * x];
}

/* Grey up to 8 bits and palettes: one index a byte. */
static void row_palette(uint8_t *restrict rgb, const uint8_t *restrict raw, size_t width,
                        const reader *r)
{
    for (size_t x = 0; x < width; x++, rgb += 3)
        memcpy(rgb, r->palette[raw[x]], 3);
}

static row_fn choose_row(const dsb_image_info *info)
{
    bool deep = info->bit_depth == 16;
    switch (info->channels) {
    case 4:
        return deep ? row_rgba16 : row_rgba8;
    case 3:
        return deep ? row_rgb16 : row_rgb8;
    case 2:
        return deep ? row_grey_alpha16 : row_grey_alpha8;
    default:
        return deep ? row_grey16 : row_palette;
    }
}

static void fill_palette(reader *r, const dsb_image_info *info)
{
    int step = info->colour == DSB_COLOUR_GREY && info->bit_depth < 8
                   ? 255 / ((1 << info->bit_depth) - 1)
                   : 1;
    for (int i = 0; i < 256; i++)
        memset(r->palette[i], (i * step) & 255, 3);
    png_colorp entries;
    int n_entries = 0;
    if (info->colour != DSB_COLOUR_PALETTE || !png_get_PLTE(r->png, r->info, &entries, &n_entries))
        return;
    for (int i = 0; i < n_entries && i < 256; i++) {
        r->palette[i][0] = entries[i].red;
        r->palette[i][1] = entries[i].green;
        r->palette[i][2] = entries[i].blue;
    }
}

/* Before anything is allocated for pixels. */
static dsb_status check_limits(const reader *r, const dsb_image_info *info,
                               const dsbi_decode_limits *limits)
{
    DSBI_TRY(dsbi_check_size("png", info->width, info->height, limits));
    uint64_t row = ((uint64_t)info->width * info->channels * info->bit_depth + 7) / 8;
    uint64_t raw = row * info->height;
    if (raw / MAX_ZLIB_RATIO > r->size)
        return dsbi_fail(DSB_E_FORMAT, "png: %u x %u pixels cannot come from %zu bytes",
                         info->width, info->height, r->size);
    uint64_t unpacked = (uint64_t)info->width * info->channels * (info->bit_depth == 16 ? 2 : 1);
    uint64_t memory = (uint64_t)info->width * info->height * 3 +
                      (info->progressive ? unpacked * info->height : unpacked);
    if (memory > limits->max_memory_bytes)
        return dsbi_fail(DSB_E_LIMIT, "png: %u x %u needs %llu bytes, limit %zu", info->width,
                         info->height, (unsigned long long)memory, limits->max_memory_bytes);
    return DSB_OK;
}

/* Interlaced images come in seven passes over the whole. */
static void read_rows(reader *r, dsbi_image *out, const dsb_image_info *info, int n_passes,
                      size_t row_bytes)
{
    row_fn convert = choose_row(info);
    for (int pass = 0; pass < n_passes; pass++) {
        for (size_t y = 0; y < out->height; y++) {
            uint8_t *raw = r->rows + (n_passes > 1 ? y * row_bytes : 0);
            png_read_row(r->png, raw, NULL);
            if (pass == n_passes - 1)
                convert(out->data + y * out->width * 3, raw, out->width, r);
        }
    }
}

static dsb_status read_pixels(reader *r, dsbi_image *out, const dsb_image_info *info,
                              const dsbi_decode_limits *limits)
{
    DSBI_TRY(check_limits(r, info, limits));
    fill_palette(r, info);
    if (info->bit_depth < 8)
        png_set_packing(r->png);
    int n_passes = png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->info);
    size_t row_bytes = png_get_rowbytes(r->png, r->info);
    DSBI_TRY(dsbi_image_alloc(r->rt, out, info->width, info->height, 3));
    r->rows = dsbi_calloc(r->rt, n_passes > 1 ? info->height : 1, row_bytes);
    if (!r->rows)
        return DSB_E_NOMEM;
    read_rows(r, out, info, n_passes, row_bytes);
    png_read_end(r->png, NULL);
    return DSB_OK;
}

/* What runs under setjmp. */
static dsb_status read_all(reader *r, dsbi_image *out, dsb_image_info *info,
                           const dsbi_decode_limits *limits)
{
    png_read_info(r->png, r->info);
    facts(info, r);
    return out ? read_pixels(r, out, info, limits) : DSB_OK;
}

/* Chunks are length, name, data, checksum. libpng allocates what a length claims before it reads,
 * so lengths are held against the file first. Wrong signatures are left to libpng's words. */
static dsb_status check_chunks(const uint8_t *bytes, size_t size)
{
    size_t at = 8;
    while (at < size) {
        if (size - at < 12 || dsbi_be32(bytes + at) > size - at - 12)
            return dsbi_fail(DSB_E_FORMAT, "png: premature end of file in the chunk at byte %zu",
                             at);
        if (memcmp(bytes + at + 4, "IEND", 4) == 0)
            return DSB_OK;
        at += 12 + (size_t)dsbi_be32(bytes + at);
    }
    return dsbi_fail(DSB_E_FORMAT, "png: premature end of file: no end chunk");
}

static dsb_status read_png(dsb_runtime *rt, dsbi_image *out, dsb_image_info *info,
                           const uint8_t *bytes, size_t size, const dsbi_decode_limits *limits)
{
    if (size >= 8 && png_sig_cmp(bytes, 0, 8) == 0)
        DSBI_TRY(check_chunks(bytes, size));
    reader r;
    memset(&r, 0, sizeof r);
    r.rt = rt;
    r.bytes = bytes;
    r.size = size;
    r.status = reader_begin(&r);
    if (r.status == DSB_OK && setjmp(png_jmpbuf(r.png)) == 0) {
        dsb_status status = read_all(&r, out, info, limits);
        r.status = status;
    }
    info->n_warnings = r.n_warnings;
    if (r.png)
        png_destroy_read_struct(&r.png, &r.info, NULL);
    dsbi_free(rt, r.rows);
    if (r.status != DSB_OK && out)
        dsbi_image_free(rt, out);
    return r.status;
}

const dsbi_codec dsbi_codec_png = {
    .format = DSB_FORMAT_PNG,
    .decode = read_png,
};

typedef struct writer {
    png_structp png;
    png_infop info;
    dsb_runtime *rt;
    dsb_status status;
    uint8_t *bytes;
    size_t size, capacity;
} writer;

static void on_write_error(png_structp png, png_const_charp text)
{
    writer *w = png_get_error_ptr(png);
    if (w->status == DSB_OK)
        w->status = dsbi_fail(DSB_E_INTERNAL, "png: %s", text);
    png_longjmp(png, 1);
}

static void on_write_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void on_write(png_structp png, png_bytep bytes, size_t count)
{
    writer *w = png_get_io_ptr(png);
    w->status = dsbi_grow(w->rt, (void **)&w->bytes, &w->capacity, w->size + count, 1);
    if (w->status != DSB_OK)
        png_error(png, "no memory");
    memcpy(w->bytes + w->size, bytes, count);
    w->size += count;
}

static void on_flush(png_structp png)
{
    (void)png;
}

static void write_all(writer *w, const dsbi_image *in)
{
    png_set_write_fn(w->png, w, on_write, on_flush);
    png_set_compression_level(w->png, 6);
    png_set_IHDR(w->png, w->info, in->width, in->height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(w->png, w->info);
    for (size_t y = 0; y < in->height; y++)
        png_write_row(w->png, in->data + y * in->width * 3);
    png_write_end(w->png, w->info);
}

dsb_status dsbi_png_encode(dsb_runtime *rt, uint8_t **bytes, size_t *size, const dsbi_image *in)
{
    *bytes = NULL;
    *size = 0;
    writer w = {.rt = rt};
    w.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &w, on_write_error, on_write_warning);
    w.info = w.png ? png_create_info_struct(w.png) : NULL;
    if (!w.info)
        w.status = dsbi_fail(DSB_E_NOMEM, "png: libpng refused to start");
    else if (setjmp(png_jmpbuf(w.png)) == 0)
        write_all(&w, in);
    png_destroy_write_struct(&w.png, &w.info);
    if (w.status != DSB_OK) {
        dsbi_free(rt, w.bytes);
        return w.status;
    }
    *bytes = w.bytes;
    *size = w.size;
    return DSB_OK;
}
