/* Resampling of bytes: equal to plain sums at every level. */
#include "checking.h"

static uint8_t *random_bytes(arrays *all, size_t n)
{
    uint8_t *x = array_bytes(all, n);
    for (size_t i = 0; i < n; i++)
        x[i] = (uint8_t)dsbi_rng_below(&all->rng, 256);
    return x;
}

/* Weights of about sum 2^22, every third negative, as large as bicubic has them. */
static int32_t *random_weights(arrays *all, size_t n)
{
    int32_t *w = array_bytes(all, n * sizeof *w);
    for (size_t k = 0; k < n; k++) {
        const int32_t size = (int32_t)dsbi_rng_below(&all->rng, ((uint64_t)5 << 20) / n + 1);
        w[k] = k % 3 == 2 ? -size / 4 : size + (n < 3 ? 1 << 20 : 0);
    }
    return w;
}

static void check_sums(const dsbi_kernels *table, uint32_t isa, size_t n_rows, size_t n)
{
    arrays all;
    arrays_begin(&all, n * 64 + n_rows);
    const size_t stride = n + n_rows % 5;
    uint8_t *in = random_bytes(&all, (n_rows - 1) * stride + n), *out = array_bytes(&all, n);
    int32_t *weights = random_weights(&all, n_rows);
    if (n > 2)
        for (size_t k = 0; k < n_rows; k++)
            in[k * stride] = 255, in[k * stride + 1] = 0;
    table->resample_u8(out, in, stride, weights, n_rows, n);
    for (size_t x = 0; x < n; x++) {
        int64_t sum = 1 << 21;
        for (size_t k = 0; k < n_rows; k++)
            sum += (int64_t)in[k * stride + x] * weights[k];
        sum >>= 22;
        const int expected = sum < 0 ? 0 : sum > 255 ? 255 : (int)sum;
        ck_assert_msg(out[x] == expected, "%s: %zu rows, [%zu of %zu] is %u, expected %d",
                      dsb_isa_name(isa), n_rows, x, n, out[x], expected);
    }
    arrays_end(&all);
}

START_TEST(sums_are_exact)
{
    FOR_EACH_LEVEL(isa, table)
    for (size_t n = 1; n <= 200; n += n < 70 ? 1 : 13)
        for (size_t n_rows = 1; n_rows <= 40; n_rows += n_rows < 8 ? 1 : 11)
            check_sums(table, isa, n_rows, n);
}
END_TEST

START_TEST(transposes)
{
    FOR_EACH_LEVEL(isa, table)
    for (size_t rows = 1; rows <= 100; rows += rows < 20 ? 1 : 9)
        for (size_t columns = 1; columns <= 150; columns += columns < 70 ? 3 : 17) {
            arrays all;
            arrays_begin(&all, rows * 1000 + columns);
            const size_t in_stride = columns + rows % 3, out_stride = rows + columns % 4;
            uint8_t *in = random_bytes(&all, (rows - 1) * in_stride + columns);
            uint8_t *out = array_bytes(&all, (columns - 1) * out_stride + rows);
            memset(out, 77, (columns - 1) * out_stride + rows);
            table->transpose_u8(out, out_stride, in, in_stride, rows, columns);
            for (size_t j = 0; j < columns; j++)
                for (size_t i = 0;
                     i < out_stride && j * out_stride + i < (columns - 1) * out_stride + rows; i++)
                    ck_assert_uint_eq(out[j * out_stride + i],
                                      i < rows ? in[i * in_stride + j] : 77);
            arrays_end(&all);
        }
}
END_TEST

START_TEST(blends_are_exact)
{
    FOR_EACH_LEVEL(isa, table)
    for (size_t n = 1; n <= 200; n += n < 70 ? 1 : 13) {
        arrays all;
        arrays_begin(&all, n);
        uint8_t *a = random_bytes(&all, n), *b = random_bytes(&all, n), *out = array_bytes(&all, n);
        a[0] = 255, b[0] = 0;
        a[n - 1] = b[n - 1] = 255;
        for (uint32_t w0 = 1; w0 < 256; w0 += 2) {
            table->blend_u8(out, a, b, w0, 256 - w0, n);
            for (size_t x = 0; x < n; x++)
                ck_assert_uint_eq(out[x], (a[x] * w0 + b[x] * (256 - w0) + 128) / 256);
        }
        arrays_end(&all);
    }
}
END_TEST

START_TEST(stretches_are_exact)
{
    FOR_EACH_LEVEL(isa, table)
    for (size_t groups = 1; groups <= 40; groups++) {
        enum { IN = 100 };
        arrays all;
        arrays_begin(&all, groups);
        uint8_t *in = random_bytes(&all, IN), *out = array_bytes(&all, groups * 8);
        uint8_t *pick = random_bytes(&all, groups * 16), *weights = random_bytes(&all, groups * 16);
        uint32_t *at = array_bytes(&all, groups * sizeof *at);
        for (size_t i = 0; i < groups * 16; i++) {
            pick[i] &= 15;
            weights[i] = (uint8_t)(i % 2 ? 256 - weights[i - 1] : weights[i] | 1);
        }
        for (size_t g = 0; g < groups; g++)
            at[g] = (uint32_t)dsbi_rng_below(&all.rng, IN - 15);
        table->stretch_u8(out, in, at, pick, weights, groups);
        for (size_t x = 0; x < groups * 8; x++) {
            const uint8_t *from = in + at[x / 8];
            const uint32_t sum = (uint32_t)from[pick[2 * x]] * weights[2 * x] +
                                 (uint32_t)from[pick[2 * x + 1]] * weights[2 * x + 1];
            ck_assert_uint_eq(out[x], (sum + 128) / 256);
        }
        arrays_end(&all);
    }
}
END_TEST

static void bench(void)
{
    enum { N = 672, ROWS = 224 };
    arrays all;
    arrays_begin(&all, 1);
    uint8_t *in = random_bytes(&all, N * ROWS), *out = array_bytes(&all, N * ROWS);
    int32_t *weights = random_weights(&all, 8);
    FOR_EACH_LEVEL(isa, table)
    {
        for (size_t n_rows = 2; n_rows <= 8; n_rows *= 2) {
            double seconds;
            SECONDS_OF(seconds, for (size_t y = 0; y + 8 < ROWS; y++) table->resample_u8(
                                    out + y * N, in + y * N, N, weights, n_rows, N));
            printf("resample %s, %zu rows: %.3f ns a byte\n", dsb_isa_name(isa), n_rows,
                   seconds / (N * (ROWS - 8)) * 1e9);
        }
        double seconds;
        SECONDS_OF(seconds, table->transpose_u8(out, ROWS, in, N, ROWS, N));
        printf("transpose %s: %.3f ns a byte\n", dsb_isa_name(isa), seconds / (N * ROWS) * 1e9);
    }
    arrays_end(&all);
}

CHECK_MAIN("resample", bench, sums_are_exact, transposes, blends_are_exact, stretches_are_exact)
