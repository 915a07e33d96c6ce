/* Products of affine layers over few rows and over all rows: against the plain sums, the same bits
 * as a product by blocks and for any number of threads. */
#include "testing.h"

#include <math.h>
#include "base/rng.h"
#include "nn/blocks.h"
#include "nn/products.h"

static void fill(double *x, size_t n, uint64_t index)
{
    dsbi_rng rng;
    dsbi_rng_init(&rng, 11, DSBI_RNG_TEST, index);
    for (size_t i = 0; i < n; i++)
        x[i] = dsbi_rng_normal(&rng);
}

static double *filled(size_t n, uint64_t index)
{
    double *x = calloc(n, sizeof *x);
    fill(x, n, index);
    return x;
}

/* y[m, n] += a b with element (i, p) of a at i ai + p ap, (p, j) of b at p bp + j bj. */
static void check(const double *y, const double *before, const double *a, size_t ai, size_t ap,
                  const double *b, size_t bp, size_t bj, size_t m, size_t n, size_t k)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = before ? before[i * n + j] : 0;
            for (size_t p = 0; p < k; p++)
                sum += a[i * ai + p * ap] * b[p * bp + j * bj];
            ck_assert_double_le(fabs(sum - y[i * n + j]), 1e-11 * (double)(k + 1));
        }
}

static void few(dsb_runtime *rt, size_t rows, size_t n, size_t k, bool trans, bool add, double *y)
{
    const dsbi_call call = {.rt = rt, .math = &dsbi_math_f64};
    double *a = filled(rows * k, 1), *w = filled(n * k, 2), *before = filled(rows * n, 3);
    double *scratch = calloc(dsbi_few_rows_size(rows, k, 4), sizeof *scratch);
    memcpy(y, before, rows * n * sizeof *y);
    const dsbi_few_rows p = {a, w, y, rows, n, k, trans, add};
    ck_assert_ok(dsbi_few_rows_product(&call, &p, scratch));
    check(y, add ? before : NULL, a, k, 1, w, trans ? 1 : n, trans ? k : 1, rows, n, k);
    free(a);
    free(w);
    free(before);
    free(scratch);
}

START_TEST(few_rows_are_a_product_for_any_threads)
{
    static const size_t shapes[][3] = {{1, 64, 1100}, {5, 131, 2100}, {16, 200, 77}};
    for (size_t s = 0; s < 3; s++)
        for (int flags = 0; flags < 4; flags++) {
            const size_t size = shapes[s][0] * shapes[s][1];
            double *one = calloc(size, sizeof *one), *two = calloc(size, sizeof *two);
            for (uint64_t threads = 1; threads <= 2; threads++) {
                dsb_runtime *rt = make_runtime(threads);
                few(rt, shapes[s][0], shapes[s][1], shapes[s][2], flags & 1, flags & 2,
                    threads == 1 ? one : two);
                dsb_runtime_free(rt);
            }
            ck_assert_mem_eq(one, two, size * sizeof *one);
            free(one);
            free(two);
        }
}
END_TEST

START_TEST(few_rows_give_the_bits_of_a_product_by_blocks)
{
    enum { ROWS = 3, N = 70, K = 2500 };
    dsb_runtime *rt = make_runtime(2);
    const dsbi_kernels *kernels = dsbi_kernels_of(rt);
    const dsbi_call call = {.rt = rt, .math = &dsbi_math_f32};
    double *values = filled((ROWS + N) * K, 4);
    float *a = calloc((ROWS + N) * K, sizeof *a), *w = a + ROWS * K;
    for (size_t i = 0; i < (ROWS + N) * K; i++)
        a[i] = (float)values[i];
    float *packed = calloc(K * (N + DSBI_GEMM_PAD), sizeof *packed), whole[ROWS * N], y[ROWS * N];
    float *scratch = calloc(dsbi_few_rows_size(ROWS, K, 2), sizeof *scratch);
    kernels->gemm_pack_f32(packed, w, K, true, K, N);
    kernels->gemm_block_f32(whole, N, a, K, 1, packed, ROWS, N, K, 1, 0);
    const dsbi_few_rows p = {a, w, y, ROWS, N, K, true, false};
    ck_assert_ok(dsbi_few_rows_product(&call, &p, scratch));
    ck_assert_mem_eq(whole, y, sizeof y);
    free(values);
    free(a);
    free(packed);
    free(scratch);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(all_rows_are_a_product_for_any_threads)
{
    static const size_t shapes[][3] = {{3, 90, 70},   {500, 85, 130}, {900, 200, 65}, {449, 7, 200},
                                       {20, 200, 96}, {9, 1024, 16},  {9, 15, 1024}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        const size_t rows = shapes[s][0], n = shapes[s][1], k = shapes[s][2];
        double *dh = filled(rows * n, 1), *x = filled(rows * k, 2), *before = filled(n * k, 3);
        double *dw[2];
        for (size_t i = 0; i < 2; i++) {
            dsb_runtime *rt = make_runtime(i + 1);
            const dsbi_call call = {.rt = rt, .math = &dsbi_math_f64};
            double *scratch = calloc(dsbi_all_rows_size(rows, n, k, false, 2), sizeof *scratch);
            dw[i] = malloc(n * k * sizeof **dw);
            memcpy(dw[i], before, n * k * sizeof **dw);
            const dsbi_all_rows p = {.dh = dh, .x = x, .dw = dw[i], .rows = rows, .n = n, .k = k};
            ck_assert_ok(dsbi_all_rows_product(&call, &p, scratch));
            check(dw[i], before, dh, 1, n, x, k, 1, n, k, rows);
            free(scratch);
            dsb_runtime_free(rt);
        }
        ck_assert_mem_eq(dw[0], dw[1], n * k * sizeof **dw);
        free(dh);
        free(x);
        free(before);
        free(dw[0]);
        free(dw[1]);
    }
}
END_TEST

/* Rows that lie elsewhere, every second one. */
static void gather_second(const dsbi_call *call, void *out, size_t first, size_t count,
                          size_t column, size_t columns)
{
    const double *x = call->x[0];
    for (size_t row = 0; row < count; row++)
        memcpy((double *)out + row * columns, x + 2 * (first + row) * call->batch + column,
               columns * sizeof *x);
}

START_TEST(gathered_rows_and_fresh_sums_give_the_same_bits)
{
    enum { ROWS = 500, N = 40, K = 130 };
    double *dh = filled(ROWS * N, 1), *x = filled(2 * ROWS * K, 2), *dw[2];
    dsb_runtime *rt = make_runtime(2);
    double *scratch = calloc(dsbi_all_rows_size(ROWS, N, K, true, 2), sizeof *scratch);
    double *dense = calloc(ROWS * K, sizeof *dense);
    const dsbi_call call = {.rt = rt, .math = &dsbi_math_f64, .x = (const void *[]){x}, .batch = K};
    gather_second(&call, dense, 0, ROWS, 0, K);
    for (size_t i = 0; i < 2; i++) {
        dw[i] = calloc(N * K, sizeof **dw);
        memset(dw[i], i ? 0xff : 0, N * K * sizeof **dw); /* NaN, which are written over */
        const dsbi_all_rows p = {.dh = dh,
                                 .x = i ? NULL : dense,
                                 .dw = dw[i],
                                 .rows = ROWS,
                                 .n = N,
                                 .k = K,
                                 .fresh = i == 1,
                                 .gather = i ? gather_second : NULL};
        ck_assert_ok(dsbi_all_rows_product(&call, &p, scratch));
    }
    ck_assert_mem_eq(dw[0], dw[1], N * K * sizeof **dw);
    dsb_runtime_free(rt);
    free(scratch);
    free(dense);
    free(dh);
    free(x);
    free(dw[0]);
    free(dw[1]);
}
END_TEST

START_TEST(rows_are_cut_evenly)
{
    /* 16 or 20 pieces, not 17 of which the last is short and one thread's alone */
    ck_assert_uint_eq(dsbi_even_step(12544, 768, true, 64), 784);
    ck_assert_uint_eq(dsbi_even_step(12544, 768, false, 64), 628);
    ck_assert_uint_eq(dsbi_even_step(12544, 768, false, 17), 738);
    for (size_t n = 1; n < 4000; n++) {
        const size_t step = dsbi_even_step(n, 84, false, SIZE_MAX), pieces = dsbi_pieces(n, step);
        const size_t rows = dsbi_even_step(n, 84, true, SIZE_MAX), wanted = dsbi_pieces(n, 84);
        ck_assert_uint_le(step, 84);
        ck_assert_uint_le(pieces, wanted + DSBI_SHARE);
        ck_assert_uint_le(dsbi_pieces(n, rows), wanted);
        ck_assert(wanted < 3 || pieces % 2 == 0);
        ck_assert_uint_le(step - (n - (pieces - 1) * step), pieces); /* the last is as long */
    }
}
END_TEST

int main(void)
{
    return run_tests("products", few_rows_are_a_product_for_any_threads,
                     few_rows_give_the_bits_of_a_product_by_blocks,
                     all_rows_are_a_product_for_any_threads,
                     gathered_rows_and_fresh_sums_give_the_same_bits, rows_are_cut_evenly, NULL);
}
