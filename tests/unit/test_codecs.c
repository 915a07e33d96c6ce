/* Codecs against files made here: right ones, cut at every byte, flipped at every byte, headers
 * that claim the impossible, progressive files of a thousand scans. No crash, the right code, a
 * sentence, no memory left behind. */
#include "testing.h"

#include <stddef.h>
#include <time.h>
#include <jpeglib.h>
#include "image/image.h"

enum { WIDTH = 45, HEIGHT = 31 };

typedef struct file {
    uint8_t *bytes; /* malloc'ed to the exact size, so that ASan sees a read past the end */
    size_t size;
} file;

static file file_of(const void *bytes, size_t size)
{
    file f = {malloc(size ? size : 1), size};
    if (size)
        memcpy(f.bytes, bytes, size);
    return f;
}

static dsbi_image picture(dsb_runtime *rt, uint32_t width, uint32_t height)
{
    dsbi_image image;
    ck_assert_ok(dsbi_image_alloc(rt, &image, width, height, 3));
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            for (uint32_t c = 0; c < 3; c++)
                image.data[((size_t)y * width + x) * 3 + c] =
                    (uint8_t)(x * 5 + y * 3 + c * 60 + (x * y * (c + 1) >> 2) % 31);
    return image;
}

static file good_jpeg(dsb_runtime *rt)
{
    dsbi_image image = picture(rt, WIDTH, HEIGHT);
    uint8_t *bytes;
    size_t size;
    ck_assert_ok(dsbi_jpeg_encode(rt, &bytes, &size, &image, 75, true));
    file f = file_of(bytes, size);
    dsbi_free(rt, bytes);
    dsbi_image_free(rt, &image);
    return f;
}

/* Decodes; checks what must hold whatever comes out. */
static dsb_status decode(dsb_runtime *rt, const uint8_t *bytes, size_t size)
{
    uint64_t before = dsb_runtime_memory(rt);
    dsbi_image image;
    dsb_image_info info;
    dsb_status status = dsbi_image_decode(rt, &image, &info, bytes, size, NULL);
    if (status == DSB_OK) {
        ck_assert_uint_eq(image.channels, 3);
        ck_assert_uint_eq(image.width, info.width);
        ck_assert_uint_eq(image.height, info.height);
        dsbi_image_free(rt, &image);
    } else {
        ck_assert_ptr_null(image.data);
        ck_assert_msg(strlen(dsb_last_error()) > 8, "no sentence: \"%s\"", dsb_last_error());
        dsb_status of_header = dsbi_image_info_read(rt, &info, bytes, size);
        ck_assert(of_header == DSB_OK || strlen(dsb_last_error()) > 8);
    }
    ck_assert_uint_eq(dsb_runtime_memory(rt), before);
    return status;
}

/* Every prefix of a good file is refused. */
static void cut_everywhere(dsb_runtime *rt, const file *good)
{
    ck_assert_ok(decode(rt, good->bytes, good->size));
    for (size_t size = 0; size < good->size; size++) {
        file cut = file_of(good->bytes, size);
        dsb_status status = decode(rt, cut.bytes, cut.size);
        ck_assert_msg(status < 0, "%zu of %zu bytes are decoded", size, good->size);
        free(cut.bytes);
    }
}

/* Each byte inverted, then each of its bits. */
static int flip_everywhere(dsb_runtime *rt, const file *good)
{
    int n_decoded = 0;
    for (size_t i = 0; i < good->size; i++) {
        for (uint32_t bit = 0; bit <= 8; bit++) {
            file bad = file_of(good->bytes, good->size);
            bad.bytes[i] = (uint8_t)(bad.bytes[i] ^ (bit == 8 ? 255u : 1u << bit));
            n_decoded += decode(rt, bad.bytes, bad.size) == DSB_OK;
            free(bad.bytes);
        }
    }
    return n_decoded;
}

START_TEST(jpeg_cut_and_flipped)
{
    dsb_runtime *rt = make_runtime(1);
    file good = good_jpeg(rt);
    cut_everywhere(rt, &good);
    flip_everywhere(rt, &good);
    free(good.bytes);
    dsb_runtime_free(rt);
}
END_TEST

/* Place of the frame header's height: marker FFC0 or FFC2, length, precision, height, width. */
static size_t find_size(const file *jpeg)
{
    for (size_t i = 0; i + 8 < jpeg->size; i++)
        if (jpeg->bytes[i] == 0xff && (jpeg->bytes[i + 1] == 0xc0 || jpeg->bytes[i + 1] == 0xc2))
            return i + 5;
    ck_abort_msg("no frame header");
    return 0;
}

static void put_be16(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

START_TEST(jpeg_headers_that_claim_too_much)
{
    dsb_runtime *rt = make_runtime(1);
    file bad = good_jpeg(rt);
    size_t at = find_size(&bad);
    static const struct {
        uint32_t height, width;
        dsb_status status;
    } claims[] = {
        {65535, 65535, DSB_E_LIMIT}, /* libjpeg's own limit */
        {65500, 65500, DSB_E_LIMIT}, /* pixels */
        {13000, 13000, DSB_E_LIMIT}, /* memory */
        {9000, 9000, DSB_E_FORMAT},  /* more than the file can hold */
        {0, 45, DSB_E_FORMAT},
        {31, 0, DSB_E_FORMAT},
        {200, 200, DSB_OK}, /* the end marker comes early: grey below, and a warning */
        {31, 45, DSB_OK},
    };
    double begin = seconds_now();
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        put_be16(bad.bytes + at, claims[i].height);
        put_be16(bad.bytes + at + 2, claims[i].width);
        dsb_status status = decode(rt, bad.bytes, bad.size);
        ck_assert_int_eq(status, claims[i].status);
    }
    ck_assert_double_lt(seconds_now() - begin, 1.0);
    free(bad.bytes);
    dsb_runtime_free(rt);
}
END_TEST

/* A progressive file through libjpeg itself. */
static file progressive_jpeg(dsb_runtime *rt)
{
    dsbi_image image = picture(rt, WIDTH, HEIGHT);
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *bytes = NULL;
    unsigned long size = 0;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &bytes, &size);
    jpeg.image_width = WIDTH;
    jpeg.image_height = HEIGHT;
    jpeg.input_components = 3;
    jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    while (jpeg.next_scanline < HEIGHT) {
        JSAMPROW row = image.data + (size_t)jpeg.next_scanline * WIDTH * 3;
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    file f = file_of(bytes, size);
    free(bytes);
    dsbi_image_free(rt, &image);
    return f;
}

/* The last scan n times more. */
static file with_more_scans(const file *jpeg, size_t n)
{
    size_t at = jpeg->size - 2; /* the end marker */
    size_t scan = at;
    while (!(jpeg->bytes[scan] == 0xff && jpeg->bytes[scan + 1] == 0xda))
        scan--;
    size_t scan_bytes = at - scan;
    file f = {malloc(jpeg->size + n * scan_bytes), jpeg->size + n * scan_bytes};
    memcpy(f.bytes, jpeg->bytes, at);
    for (size_t i = 0; i < n; i++)
        memcpy(f.bytes + at + i * scan_bytes, jpeg->bytes + scan, scan_bytes);
    memcpy(f.bytes + f.size - 2, "\xff\xd9", 2);
    return f;
}

START_TEST(jpeg_of_many_scans)
{
    dsb_runtime *rt = make_runtime(1);
    file good = progressive_jpeg(rt);
    dsb_image_info info;
    ck_assert_ok(dsbi_image_info_read(rt, &info, good.bytes, good.size));
    ck_assert_uint_eq(info.progressive, 1);
    cut_everywhere(rt, &good);
    file some = with_more_scans(&good, 80), many = with_more_scans(&good, 1000);
    ck_assert_ok(decode(rt, some.bytes, some.size));
    double begin = seconds_now();
    ck_assert_fails(decode(rt, many.bytes, many.size), DSB_E_LIMIT, "");
    dsbi_image image;
    ck_assert_fails(dsbi_image_decode(rt, &image, NULL, many.bytes, many.size, NULL), DSB_E_LIMIT,
                    "more than 100 scans");
    ck_assert_double_lt(seconds_now() - begin, 1.0);
    dsbi_decode_limits limits = dsbi_decode_limits_default;
    limits.max_blocks = 200; /* 36 + 2 * 9... blocks a scan */
    ck_assert_fails(dsbi_image_decode(rt, &image, NULL, some.bytes, some.size, &limits),
                    DSB_E_LIMIT, "limit of work");
    limits.max_blocks = 10;
    ck_assert_fails(dsbi_image_decode(rt, &image, NULL, good.bytes, good.size, &limits),
                    DSB_E_LIMIT, "limit of work");
    limits = dsbi_decode_limits_default;
    limits.max_memory_bytes = WIDTH * HEIGHT * 3 + 1000;
    ck_assert_fails(dsbi_image_decode(rt, &image, NULL, good.bytes, good.size, &limits),
                    DSB_E_LIMIT, "several scans");
    free(good.bytes);
    free(some.bytes);
    free(many.bytes);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(jpeg_junk_is_counted_not_fatal)
{
    dsb_runtime *rt = make_runtime(1);
    file good = good_jpeg(rt);
    file junk = {malloc(good.size + 7), good.size + 7};
    memcpy(junk.bytes, good.bytes, 2);
    memcpy(junk.bytes + 2, "junk", 4); /* between the first two markers */
    junk.bytes[2] = 0xff;              /* sniffed by three bytes; a padding marker */
    junk.bytes[3] = 0x01;              /* TEM: no parameters */
    memcpy(junk.bytes + 6, good.bytes + 2, good.size - 2);
    memcpy(junk.bytes + good.size + 4, "end", 3); /* behind the end marker: never looked at */
    dsbi_image image;
    dsb_image_info info;
    ck_assert_ok(dsbi_image_decode(rt, &image, &info, junk.bytes, junk.size, NULL));
    ck_assert_uint_ge(info.n_warnings, 1);
    dsbi_image_free(rt, &image);
    ck_assert_ok(dsbi_image_decode(rt, &image, &info, good.bytes, good.size, NULL));
    ck_assert_uint_eq(info.n_warnings, 0);
    dsbi_image_free(rt, &image);
    free(good.bytes);
    free(junk.bytes);
    dsb_runtime_free(rt);
}
END_TEST

#if DSBI_HAVE_PNG

static uint32_t crc32_of(const uint8_t *bytes, size_t size)
{
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static file good_png(dsb_runtime *rt)
{
    dsbi_image image = picture(rt, 13, 9), again;
    uint8_t *bytes;
    size_t size;
    ck_assert_ok(dsbi_png_encode(rt, &bytes, &size, &image));
    ck_assert_ok(dsbi_image_decode(rt, &again, NULL, bytes, size, NULL));
    ck_assert_mem_eq(again.data, image.data, 13 * 9 * 3);
    file f = file_of(bytes, size);
    dsbi_free(rt, bytes);
    dsbi_image_free(rt, &image);
    dsbi_image_free(rt, &again);
    return f;
}

START_TEST(png_cut_and_flipped)
{
    dsb_runtime *rt = make_runtime(1);
    file good = good_png(rt);
    cut_everywhere(rt, &good);
    ck_assert_int_eq(flip_everywhere(rt, &good), 0); /* every byte is under a checksum */
    free(good.bytes);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(png_headers_that_claim_too_much)
{
    dsb_runtime *rt = make_runtime(1);
    file bad = good_png(rt);
    static const struct {
        uint32_t width, height;
        dsb_status status;
    } claims[] = {
        {1000001, 1, DSB_E_FORMAT},  {0x7fffffff, 0x7fffffff, DSB_E_FORMAT},
        {20000, 20000, DSB_E_LIMIT}, {5000, 5000, DSB_E_FORMAT},
        {0, 9, DSB_E_FORMAT},        {13, 9, DSB_OK},
    };
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        put_be16(bad.bytes + 16, claims[i].width >> 16);
        put_be16(bad.bytes + 18, claims[i].width & 0xffff);
        put_be16(bad.bytes + 20, claims[i].height >> 16);
        put_be16(bad.bytes + 22, claims[i].height & 0xffff);
        uint32_t crc = crc32_of(bad.bytes + 12, 17);
        put_be16(bad.bytes + 29, crc >> 16);
        put_be16(bad.bytes + 31, crc & 0xffff);
        ck_assert_int_eq(decode(rt, bad.bytes, bad.size), claims[i].status);
    }
    free(bad.bytes);
    dsb_runtime_free(rt);
}
END_TEST

#define PNG_TESTS png_cut_and_flipped, png_headers_that_claim_too_much,
#else
#define PNG_TESTS
#endif

/* Decodes text-like bytes and compares pixels. */
static void check_pixels(dsb_runtime *rt, const void *bytes, size_t size, const char *pixels,
                         size_t n)
{
    file f = file_of(bytes, size);
    dsbi_image image;
    ck_assert_ok(dsbi_image_decode(rt, &image, NULL, f.bytes, f.size, NULL));
    ck_assert_uint_eq((size_t)image.width * image.height * 3, n);
    ck_assert_mem_eq(image.data, pixels, n);
    dsbi_image_free(rt, &image);
    cut_everywhere(rt, &f);
    free(f.bytes);
}

START_TEST(pnm_as_pillow_reads_it)
{
    dsb_runtime *rt = make_runtime(1);
    check_pixels(rt, "P6\n# a comment\n2 1 255\nabcdef", 29, "abcdef", 6);
    check_pixels(rt, "P5 1 2 255\nab", 13, "aaabbb", 6);
    check_pixels(rt, "P4 9 1 \x80\x80", 9,
                 "\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
                 "\xff\xff\xff\0\0\0",
                 27);
    check_pixels(rt, "P5 3 1 2\n\0\1\2", 12, "\0\0\0\x80\x80\x80\xff\xff\xff", 9); /* 127.5 */
    check_pixels(rt, "P5 2 1 65535\n\0\x07\1\0", 17, "\7\7\7\xff\xff\xff", 6);     /* clipped */
    check_pixels(rt, "P6 1 1 65535\n\xff\xff\x80\x80\0\0", 19, "\xff\x80\0", 3);
    static const char *const wrong[] = {"P6 0 1 255\n",         "P6 1 1 0\nabc",
                                        "P6 1 1 65536\nabcdef", "P5 99999999999 1 255\na",
                                        "P5 1 x 255\na",        "P5 -1 1 255\na"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ck_assert_fails(decode(rt, (const uint8_t *)wrong[i], strlen(wrong[i])), DSB_E_FORMAT, "");
    ck_assert_int_eq(decode(rt, (const uint8_t *)"P5 2000000000 2000000000 255\na", 30),
                     DSB_E_LIMIT);
    dsb_runtime_free(rt);
}
END_TEST

static void put_le32(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> (8 * i));
}

/* File header and a Windows header of 40 bytes; pixels and palette follow. */
static void bmp_header(uint8_t head[54], uint32_t width, uint32_t height, uint8_t bits,
                       uint32_t pixels_at)
{
    memset(head, 0, 54);
    memcpy(head, "BM", 2);
    put_le32(head + 10, pixels_at);
    put_le32(head + 14, 40);
    put_le32(head + 18, width);
    put_le32(head + 22, height);
    head[26] = 1;
    head[28] = bits;
}

START_TEST(bmp_as_pillow_reads_it)
{
    dsb_runtime *rt = make_runtime(1);
    uint8_t bytes[128];
    bmp_header(bytes, 1, 2, 24, 54); /* from bottom to top, rows of 4 bytes, BGR */
    memcpy(bytes + 54, "cba-fed-", 8);
    check_pixels(rt, bytes, 62, "defabc", 6);
    bmp_header(bytes, 1, (uint32_t)-2, 24, 54);
    check_pixels(rt, bytes, 62, "abcdef", 6);
    bmp_header(bytes, 2, 1, 32, 54);
    memcpy(bytes + 54, "cba-fed-", 8);
    check_pixels(rt, bytes, 62, "abcdef", 6);
    bmp_header(bytes, 3, 1, 8, 62);
    put_le32(bytes + 46, 2); /* colours */
    memcpy(bytes + 54, "cba-fed-\1\0\1-", 12);
    check_pixels(rt, bytes, 66, "defabcdef", 9);
    bmp_header(bytes, 3, 1, 1, 62);
    put_le32(bytes + 46, 2);
    memcpy(bytes + 54, "cba-fed-\xa0---", 12);
    check_pixels(rt, bytes, 66, "defabcdef", 9);
    bmp_header(bytes, 1, 1, 16, 54);
    ck_assert_int_eq(decode(rt, bytes, 62), DSB_E_UNSUPPORTED);
    bmp_header(bytes, 1, 1, 8, 62);
    bytes[30] = 1; /* run lengths */
    ck_assert_int_eq(decode(rt, bytes, 66), DSB_E_UNSUPPORTED);
    bmp_header(bytes, 0x7fffffff, 0x7fffffff, 24, 54);
    ck_assert_int_eq(decode(rt, bytes, 62), DSB_E_LIMIT);
    bmp_header(bytes, 1, 0x80000000u, 24, 54);
    ck_assert_int_lt(decode(rt, bytes, 62), 0);
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    return run_tests("codecs", jpeg_cut_and_flipped, jpeg_headers_that_claim_too_much,
                     jpeg_of_many_scans, jpeg_junk_is_counted_not_fatal, pnm_as_pillow_reads_it,
                     bmp_as_pillow_reads_it, PNG_TESTS NULL);
}
