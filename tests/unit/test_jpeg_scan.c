/* The quick decoder of usual JPEG files against libjpeg, which decodes them all at the lowest CPU
 * level: the same pixels of whole files and of rectangles, and of damaged files the same outcome.
 */
#include "testing.h"

#include <stdio.h>
#include <jpeglib.h>
#include "base/rng.h"
#include "cuts.h"
#include "image/image.h"
#include "image/jpeg_huffman.h"
#include "kernels/kernels.h"

typedef struct kind {
    int components, across, down, restart, quality;
    bool is_optimised, is_progressive;
} kind;

typedef struct both {
    dsb_runtime *quick, *plain;
    bool is_quick; /* this CPU has the kernels */
} both;

static both both_runtimes(void)
{
    both b;
    dsb_runtime_opts opts;
    dsb_runtime_opts_init(&opts, sizeof opts);
    opts.n_threads = 1;
    ck_assert_ok(dsb_runtime_create(&b.quick, &opts));
    opts.isa_max = DSB_ISA_GENERIC;
    ck_assert_ok(dsb_runtime_create(&b.plain, &opts));
    b.is_quick = dsbi_kernels_of(b.quick)->idct_u8 != dsbi_idct_u8_generic;
    return b;
}

static void free_both(both *b)
{
    dsb_runtime_free(b->quick);
    dsb_runtime_free(b->plain);
}

/* Waves with noise: blocks of all kinds. */
static void fill_row(uint8_t *row, uint32_t y, uint32_t width, dsbi_rng *rng)
{
    for (uint32_t x = 0; x < width; x++)
        for (uint32_t c = 0; c < 3; c++) {
            const uint32_t wave = (x * x / (7 + c) + y * (3 + c)) % 256;
            const bool is_flat = x / 40 % 2 == 1 && y / 24 % 2 == 0;
            const uint32_t noise = x / 64 % 2 ? (uint32_t)dsbi_rng_below(rng, 90) : 0;
            row[3 * x + c] = (uint8_t)(is_flat ? 40 * c + 60 : (wave * 3 / 4 + noise) % 256);
        }
}

/* Yours: free. */
static unsigned char *encoded(const kind *k, uint32_t width, uint32_t height, unsigned long *size)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *bytes = NULL;
    dsbi_rng rng;
    dsbi_rng_init(&rng, width * 977 + height, DSBI_RNG_TEST, 0);
    *size = 0;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &bytes, size);
    jpeg.image_width = width;
    jpeg.image_height = height;
    jpeg.input_components = 3;
    jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&jpeg);
    if (k->components == 1)
        jpeg_set_colorspace(&jpeg, JCS_GRAYSCALE);
    jpeg_set_quality(&jpeg, k->quality, TRUE);
    jpeg.comp_info[0].h_samp_factor = k->across;
    jpeg.comp_info[0].v_samp_factor = k->down;
    jpeg.restart_interval = (unsigned)k->restart;
    jpeg.optimize_coding = k->is_optimised;
    if (k->is_progressive)
        jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    uint8_t *row = malloc((size_t)width * 3);
    for (uint32_t y = 0; y < height; y++) {
        fill_row(row, y, width, &rng);
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    free(row);
    return bytes;
}

static const kind kinds[] = {
    {3, 2, 2, 0, 75, false, false}, {3, 2, 2, 3, 92, true, false},  {3, 2, 1, 0, 85, true, false},
    {3, 2, 1, 1, 30, false, false}, {3, 1, 1, 0, 100, true, false}, {3, 1, 1, 7, 60, false, false},
    {1, 1, 1, 0, 80, true, false},  {1, 2, 2, 2, 80, false, false}, {3, 1, 2, 0, 80, false, false},
    {3, 4, 1, 0, 80, false, false}, {3, 2, 2, 0, 75, false, true},  {3, 2, 2, 0, 1, true, false},
};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

static bool is_usual(const kind *k, uint32_t width)
{
    return !k->is_progressive && (k->components == 1 || k->down == 1 || k->across == 2) &&
           k->across <= 2 && (k->components == 1 || k->across == 1 || width > 4);
}

static dsb_status decode(dsb_runtime *rt, dsbi_image *out, dsb_image_info *info,
                         const uint8_t *bytes, size_t size, dsbi_cut *cut, dsbi_scratch *scratch)
{
    dsbi_decode_limits limits = dsbi_decode_limits_default;
    limits.cut = cut;
    limits.pixels = scratch;
    dsb_image_info_init(info, sizeof *info);
    return dsbi_image_decode(rt, out, info, bytes, size, &limits);
}

/* Some rectangle of the image, decoded alone with and without a look at the rest. */
static void check_cut(const both *b, const uint8_t *bytes, size_t size, const dsbi_image *whole,
                      bool is_usual_file, dsbi_rng *rng)
{
    dsbi_cut cut = {.x = (uint32_t)dsbi_rng_below(rng, whole->width),
                    .y = (uint32_t)dsbi_rng_below(rng, whole->height),
                    .is_checked = dsbi_rng_below(rng, 2)};
    cut.width = 1 + (uint32_t)dsbi_rng_below(rng, whole->width - cut.x);
    cut.height = 1 + (uint32_t)dsbi_rng_below(rng, whole->height - cut.y);
    dsbi_image part;
    dsb_image_info info;
    dsbi_scratch scratch = {0};
    ck_assert_ok(decode(b->quick, &part, &info, bytes, size, &cut, &scratch));
    if (is_usual_file && b->is_quick) {
        ck_assert_uint_eq(part.width, cut.width);
        ck_assert_uint_eq(part.height, cut.height);
    }
    check_cut_pixels(whole, &part, &cut);
    dsbi_image_release(b->quick, &part, &scratch);
    dsbi_scratch_free(b->quick, &scratch);
}

static void check_file(const both *b, const kind *k, uint32_t width, uint32_t height, int n_cuts)
{
    unsigned long size;
    unsigned char *bytes = encoded(k, width, height, &size);
    dsbi_image quick, plain;
    dsb_image_info info;
    ck_assert_ok(decode(b->quick, &quick, &info, bytes, size, NULL, NULL));
    ck_assert_ok(decode(b->plain, &plain, &info, bytes, size, NULL, NULL));
    ck_assert_uint_eq(quick.width, width);
    ck_assert_uint_eq(quick.height, height);
    for (size_t i = 0; i < (size_t)width * height * 3; i++)
        ck_assert_msg(quick.data[i] == plain.data[i], "kind %d, %u x %u: byte %zu is %u, not %u",
                      (int)(k - kinds), width, height, i, quick.data[i], plain.data[i]);
    dsbi_rng rng;
    dsbi_rng_init(&rng, size, DSBI_RNG_TEST, 1);
    for (int i = 0; i < n_cuts; i++)
        check_cut(b, bytes, size, &plain, is_usual(k, width), &rng);
    dsbi_image_free(b->quick, &quick);
    dsbi_image_free(b->plain, &plain);
    free(bytes);
}

START_TEST(pixels_are_those_of_libjpeg)
{
    both b = both_runtimes();
    const uint64_t before = dsb_runtime_memory(b.quick);
    static const uint32_t sizes[][2] = {{256, 192}, {97, 131}, {17, 200}, {300, 15},
                                        {33, 33},   {5, 5},    {8, 16},   {3, 40}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (size_t k = 0; k < N_KINDS; k++)
            check_file(&b, &kinds[k], sizes[s][0], sizes[s][1], 40);
    for (uint32_t side = 1; side < 40; side++)
        for (size_t k = 0; k < N_KINDS; k++)
            check_file(&b, &kinds[k], side, 41 - side, 8);
    ck_assert_uint_eq(dsb_runtime_memory(b.quick), before);
    free_both(&b);
}
END_TEST

/* Reduced images, whole and cut, against libjpeg's. */
static void check_reduced(const both *b, const kind *k, uint32_t width, uint32_t height)
{
    unsigned long size;
    unsigned char *bytes = encoded(k, width, height, &size);
    for (uint32_t scale = 2; scale <= 8; scale *= 2) {
        dsbi_decode_limits limits = dsbi_decode_limits_default;
        limits.min_side = (width < height ? width : height) / scale;
        if (limits.min_side == 0)
            break;
        dsbi_image quick, plain;
        ck_assert_ok(dsbi_image_decode(b->quick, &quick, NULL, bytes, size, &limits));
        ck_assert_ok(dsbi_image_decode(b->plain, &plain, NULL, bytes, size, &limits));
        ck_assert_uint_eq(plain.width, (width + scale - 1) / scale);
        ck_assert_uint_eq(quick.width, plain.width);
        ck_assert_uint_eq(quick.height, plain.height);
        for (size_t i = 0; i < (size_t)plain.width * plain.height * 3; i++)
            ck_assert_msg(quick.data[i] == plain.data[i],
                          "kind %d, %u x %u / %u: byte %zu is %u, not %u", (int)(k - kinds), width,
                          height, scale, i, quick.data[i], plain.data[i]);
        dsbi_cut cut = {.x = width / 5,
                        .y = height / 7,
                        .width = width / 2,
                        .height = height / 2 + height / 7,
                        .min_width = width / 2 / scale,
                        .min_height = (height / 2 + height / 7) / scale};
        limits.cut = &cut;
        dsbi_image part;
        if (cut.min_width && cut.min_height) {
            ck_assert_ok(dsbi_image_decode(b->quick, &part, NULL, bytes, size, &limits));
            ck_assert_uint_eq(cut.scale, scale);
            for (uint32_t y = cut.y / scale; y < (cut.y + cut.height) / scale; y++)
                ck_assert_mem_eq(
                    part.data +
                        ((size_t)(y - cut.at_y) * part.width + cut.x / scale - cut.at_x) * 3,
                    plain.data + ((size_t)y * plain.width + cut.x / scale) * 3,
                    cut.width / scale * 3);
            dsbi_image_free(b->quick, &part);
        }
        dsbi_image_free(b->quick, &quick);
        dsbi_image_free(b->plain, &plain);
    }
    free(bytes);
}

START_TEST(reduced_pixels_are_those_of_libjpeg)
{
    both b = both_runtimes();
    static const uint32_t sizes[][2] = {{256, 192}, {97, 131}, {170, 200}, {300, 15}, {33, 65}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (size_t k = 0; k < N_KINDS; k++)
            check_reduced(&b, &kinds[k], sizes[s][0], sizes[s][1]);
    for (uint32_t side = 8; side < 60; side++)
        for (size_t k = 0; k < N_KINDS; k++)
            check_reduced(&b, &kinds[k], side, 68 - side);
    free_both(&b);
}
END_TEST

static void check_damaged(const both *b, const uint8_t *bytes, size_t size, uint32_t number)
{
    dsbi_image quick, plain;
    dsb_image_info info, plain_info;
    const dsb_status expected = decode(b->plain, &plain, &plain_info, bytes, size, NULL, NULL);
    const dsb_status status = decode(b->quick, &quick, &info, bytes, size, NULL, NULL);
    ck_assert_msg(status == expected, "%u: %s", number, dsb_last_error());
    ck_assert_uint_eq(info.n_warnings, plain_info.n_warnings);
    if (expected == DSB_OK)
        ck_assert_msg(memcmp(quick.data, plain.data,
                             (size_t)plain.width * plain.height * plain.channels) == 0,
                      "%u: pixels differ", number);
    dsbi_image_free(b->quick, &quick);
    dsbi_image_free(b->plain, &plain);
    /* a rectangle does not hide damage outside of it */
    dsbi_cut cut = {.x = 3, .y = 5, .width = 20, .height = 9, .is_checked = true};
    ck_assert_int_eq(decode(b->quick, &quick, &info, bytes, size, &cut, NULL), expected);
    dsbi_image_free(b->quick, &quick);
}

START_TEST(damage_has_the_outcome_of_libjpeg)
{
    both b = both_runtimes();
    dsbi_rng rng;
    dsbi_rng_init(&rng, 9, DSBI_RNG_TEST, 2);
    for (size_t k = 0; k < N_KINDS; k++) {
        unsigned long size;
        unsigned char *bytes = encoded(&kinds[k], 75, 49, &size);
        unsigned char *damaged = malloc(size);
        for (uint32_t number = 0; number < 400; number++) {
            size_t length = size;
            memcpy(damaged, bytes, size);
            if (number % 8 == 0)
                length = (size_t)dsbi_rng_below(&rng, size);
            else
                for (uint32_t i = 0; i < 1 + number % 3; i++)
                    damaged[dsbi_rng_below(&rng, size)] ^=
                        (unsigned char)(1u << dsbi_rng_below(&rng, 8));
            check_damaged(&b, damaged, length, number);
        }
        free(damaged);
        free(bytes);
    }
    free_both(&b);
}
END_TEST

/* Codes of all lengths up to 16 bits, with sizes up to 15. */
START_TEST(long_codes)
{
    static dsbi_huff_table table;
    uint8_t bits[17] = {0}, values[256] = {0};
    for (int length = 1; length <= 16; length++) {
        bits[length] = 1; /* 0, 10, 110, ... */
        values[length - 1] = (uint8_t)(length - 1);
    }
    ck_assert(dsbi_huff_build(&table, bits, values, false));
    for (uint32_t length = 1; length <= 16; length++) {
        const uint32_t size = length - 1;
        for (uint32_t number = 0; number < 2; number++) {
            /* the code, then the largest or smallest value of its size */
            const uint64_t code = ((uint64_t)1 << length) - 2;
            const uint64_t value = number ? ((uint64_t)1 << size) - 1 : 0;
            const uint64_t all = (code << size | value) << (64 - length - size);
            uint8_t bytes[8 + DSBI_HUFF_PAD] = {0};
            for (int i = 0; i < 8; i++)
                bytes[i] = (uint8_t)(all >> (56 - 8 * i));
            dsbi_huff_reader reader = dsbi_huff_begin(bytes);
            dsbi_huff_refill(&reader);
            uint32_t entry = dsbi_huff_next(&reader, &table);
            if (entry & DSBI_HUFF_SLOW)
                entry = dsbi_huff_resolve(&reader, &table, false, entry);
            ck_assert(!(entry & DSBI_HUFF_SLOW));
            const int32_t largest = (1 << size) - 1;
            ck_assert_int_eq(dsbi_huff_value(entry), number ? largest : -largest);
            ck_assert_uint_eq(dsbi_huff_step(entry), size ? 1 : DSBI_HUFF_END);
            ck_assert_uint_eq(dsbi_huff_bits_taken(&reader, bytes), length + size);
        }
    }
    const uint8_t ones[8 + DSBI_HUFF_PAD] = {255, 255, 255}; /* is no code */
    dsbi_huff_reader reader = dsbi_huff_begin(ones);
    dsbi_huff_refill(&reader);
    const uint32_t entry = dsbi_huff_next(&reader, &table);
    ck_assert(dsbi_huff_resolve(&reader, &table, false, entry) & DSBI_HUFF_SLOW);
    bits[1] = 3; /* more than fit */
    ck_assert(!dsbi_huff_build(&table, bits, values, false));
    memset(bits, 0, sizeof bits);
    bits[3] = 1;
    values[0] = 16; /* no size of a difference */
    ck_assert(!dsbi_huff_build(&table, bits, values, true));
    ck_assert(dsbi_huff_build(&table, bits, values, false));
}
END_TEST

int main(void)
{
    return run_tests("jpeg_scan", pixels_are_those_of_libjpeg, reduced_pixels_are_those_of_libjpeg,
                     damage_has_the_outcome_of_libjpeg, long_codes, NULL);
}
