/* The pixel side of JPEG: every level equal to the plain code, which is compared with libjpeg in
 * tests/unit/test_jpeg_scan.c. */
#include "checking.h"

static uint8_t *random_bytes(arrays *all, size_t n)
{
    uint8_t *x = array_bytes(all, n);
    for (size_t i = 0; i < n; i++) { /* black and white too */
        const uint32_t value = (uint32_t)dsbi_rng_below(&all->rng, 320);
        x[i] = (uint8_t)(value < 256 ? value : value < 288 ? 0 : 255);
    }
    return x;
}

static void check_block(const dsbi_kernels *table, uint32_t isa, uint32_t number)
{
    arrays all;
    arrays_begin(&all, number);
    const size_t stride = 8 + number % 3;
    int16_t *coefficients = array_bytes(&all, 64 * sizeof *coefficients);
    uint16_t *quant = array_bytes(&all, 64 * sizeof *quant);
    uint8_t *out = array_bytes(&all, 7 * stride + 8), *expected = array_bytes(&all, 7 * stride + 8);
    /* from blocks of few small values to such as no picture has */
    const uint64_t size = (uint64_t)2 << number % 16, zeros = number / 16 % 8;
    for (size_t i = 0; i < 64; i++) {
        const bool is_zero = dsbi_rng_below(&all.rng, 8) < zeros;
        coefficients[i] = (int16_t)((int64_t)dsbi_rng_below(&all.rng, size) - (int64_t)size / 2);
        if (is_zero || (i >= 8 && number % 7 == 0)) /* some have but one row */
            coefficients[i] = 0;
        quant[i] = (uint16_t)(1 + dsbi_rng_below(&all.rng, number % 5 ? 40 : 65535));
    }
    memset(out, 77, 7 * stride + 8);
    memset(expected, 77, 7 * stride + 8);
    table->idct_u8(out, stride, coefficients, quant);
    dsbi_idct_u8_generic(expected, stride, coefficients, quant);
    ck_assert_msg(memcmp(out, expected, 7 * stride + 8) == 0, "%s: block %u", dsb_isa_name(isa),
                  number);
    table->idct4_u8(out, stride, coefficients, quant);
    dsbi_idct4_u8_generic(expected, stride, coefficients, quant);
    ck_assert_msg(memcmp(out, expected, 7 * stride + 8) == 0, "%s: 4x4 of block %u",
                  dsb_isa_name(isa), number);
    arrays_end(&all);
}

START_TEST(transforms_agree)
{
    FOR_EACH_LEVEL(isa, table)
    for (uint32_t number = 0; number < 4000; number++)
        check_block(table, isa, number);
}
END_TEST

START_TEST(flat_blocks_are_flat)
{
    FOR_EACH_LEVEL(isa, table)
    for (int dc = -1200; dc <= 1200; dc++) {
        const int16_t coefficients[64] = {(int16_t)dc};
        const uint16_t quant[64] = {1};
        uint8_t out[64];
        table->idct_u8(out, 8, coefficients, quant);
        const int level = 128 + ((dc + 4) >> 3);
        for (int i = 0; i < 64; i++)
            ck_assert_int_eq(out[i], level < 0 ? 0 : level > 255 ? 255 : level);
    }
}
END_TEST

START_TEST(upsampling_agrees)
{
    FOR_EACH_LEVEL(isa, table)
    for (size_t n = 1; n <= 120; n++) {
        arrays all;
        arrays_begin(&all, n);
        const uint8_t *near = random_bytes(&all, n + 2), *far = random_bytes(&all, n + 2);
        uint8_t *out = array_bytes(&all, 2 * n), *expected = array_bytes(&all, 2 * n);
        table->widen_u8(out, near + 1, n);
        dsbi_widen_u8_generic(expected, near + 1, n);
        ck_assert_mem_eq(out, expected, 2 * n);
        table->spread_u8(out, near + 1, far + 1, n);
        dsbi_spread_u8_generic(expected, near + 1, far + 1, n);
        ck_assert_msg(memcmp(out, expected, 2 * n) == 0, "%s: %zu", dsb_isa_name(isa), n);
        arrays_end(&all);
    }
}
END_TEST

START_TEST(colours_agree)
{
    FOR_EACH_LEVEL(isa, table)
    for (size_t n = 1; n <= 200; n++) {
        arrays all;
        arrays_begin(&all, n);
        const uint8_t *y = random_bytes(&all, n), *cb = random_bytes(&all, n);
        const uint8_t *cr = random_bytes(&all, n);
        uint8_t *out = array_bytes(&all, 3 * n), *expected = array_bytes(&all, 3 * n);
        table->ycc_u8(out, y, cb, cr, n);
        dsbi_ycc_u8_generic(expected, y, cb, cr, n);
        ck_assert_msg(memcmp(out, expected, 3 * n) == 0, "%s: %zu", dsb_isa_name(isa), n);
        arrays_end(&all);
    }
}
END_TEST

/* All pairs of chroma values. */
START_TEST(all_colours_agree)
{
    static uint8_t y[65536], cb[65536], cr[65536], out[3 * 65536], expected[3 * 65536];
    for (size_t i = 0; i < 65536; i++) {
        y[i] = (uint8_t)(i * 7919 >> 5);
        cb[i] = (uint8_t)i;
        cr[i] = (uint8_t)(i >> 8);
    }
    dsbi_ycc_u8_generic(expected, y, cb, cr, 65536);
    FOR_EACH_LEVEL(isa, table)
    {
        table->ycc_u8(out, y, cb, cr, 65536);
        ck_assert_msg(memcmp(out, expected, sizeof out) == 0, "%s", dsb_isa_name(isa));
    }
}
END_TEST

static void bench(void)
{
    enum { N = 1024, TIMES = 1000 };
    arrays all;
    arrays_begin(&all, 1);
    const uint8_t *a = random_bytes(&all, N + 2), *b = random_bytes(&all, N + 2);
    uint8_t *out = array_bytes(&all, 3 * N);
    int16_t coefficients[64] = {400, -30, 12, 0, 5};
    uint16_t quant[64];
    for (size_t i = 0; i < 64; i++)
        quant[i] = (uint16_t)(i + 1);
    FOR_EACH_LEVEL(isa, table)
    {
        double seconds[4];
        SECONDS_OF(seconds[0],
                   for (int i = 0; i < TIMES; i++) table->idct_u8(out, 8, coefficients, quant));
        SECONDS_OF(seconds[1], for (int i = 0; i < TIMES; i++) table->widen_u8(out, a + 1, N));
        SECONDS_OF(seconds[2],
                   for (int i = 0; i < TIMES; i++) table->spread_u8(out, a + 1, b + 1, N));
        SECONDS_OF(seconds[3], for (int i = 0; i < TIMES; i++) table->ycc_u8(out, a, b, a + 1, N));
        printf("%s: idct %.2f ns a block; widen %.3f, spread %.3f ns a sample of the result; ycc "
               "%.3f ns a pixel\n",
               dsb_isa_name(isa), seconds[0] / TIMES * 1e9, seconds[1] / TIMES / (2 * N) * 1e9,
               seconds[2] / TIMES / (2 * N) * 1e9, seconds[3] / TIMES / N * 1e9);
    }
    arrays_end(&all);
}

CHECK_MAIN("jpeg", bench, transforms_agree, flat_blocks_are_flat, upsampling_agrees, colours_agree,
           all_colours_agree)
