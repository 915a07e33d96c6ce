/* Packed matrix product blocks against f64: edges of tiles, strides of a, transposed b, NaN in c.
 */
#include "checking.h"

typedef struct block_case {
    size_t m, n, k;
    bool trans_a, trans_b;
    float beta;
} block_case;

static void check_case(const dsbi_kernels *table, uint32_t isa, block_case t)
{
    arrays all;
    arrays_begin(&all, t.m * 10000 + t.n * 100 + t.k);
    const size_t rs = t.trans_a ? 1 : t.k + 1, ks = t.trans_a ? t.m + 2 : 1;
    const size_t ldb = (t.trans_b ? t.k : t.n) + 3, ldc = t.n + 1;
    /* exact extents, so that a read beyond the last element meets the unreadable page */
    const size_t n_a = (t.m - 1) * rs + (t.k - 1) * ks + 1;
    const size_t n_b = ((t.trans_b ? t.n : t.k) - 1) * ldb + (t.trans_b ? t.k : t.n);
    const size_t n_c = (t.m - 1) * ldc + t.n;
    float *a = normal_f32(&all, n_a, 1), *b = normal_f32(&all, n_b, 1),
          *c = normal_f32(&all, n_c, 1);
    double *expected = widened(&all, c, n_c), *work = magnitudes(&all, expected, n_c);
    for (size_t i = 0; i < t.m; i++)
        for (size_t j = 0; j < t.n; j++) {
            double sum = 0, size = 0;
            for (size_t p = 0; p < t.k; p++) {
                const double term =
                    (double)a[i * rs + p * ks] * (double)b[t.trans_b ? j * ldb + p : p * ldb + j];
                sum += term;
                size += fabs(term);
            }
            double *at = &expected[i * ldc + j];
            *at = 1.5 * sum + (double)t.beta * *at;
            work[i * ldc + j] += 1.5 * size;
            if (t.beta == 0)
                c[i * ldc + j] = NAN;
        }
    float *packed = array_f32(&all, t.k * (t.n + DSBI_GEMM_PAD));
    table->gemm_pack_f32(packed, b, ldb, t.trans_b, t.k, t.n);
    table->gemm_block_f32(c, ldc, a, rs, ks, packed, t.m, t.n, t.k, 1.5f, t.beta);
    check_near("gemm_block", isa, c, expected, work, n_c, 2 + sqrt((double)t.k));
    if (t.trans_a && t.beta == 0) { /* a from panels: the same bits */
        float *packed_a = array_f32(&all, t.k * (t.m + DSBI_GEMM_PAD));
        float *again = copied(&all, c, n_c);
        table->gemm_pack_a_f32(packed_a, a, ks, t.m, t.k);
        table->gemm_block_f32(again, ldc, packed_a, 1, 0, packed, t.m, t.n, t.k, 1.5f, 0);
        check_same("gemm_block, a packed", isa, again, c, n_c);
    }

    double *a64 = widened(&all, a, n_a), *b64 = widened(&all, b, n_b), *c64 = array_f64(&all, n_c);
    double *packed64 = array_f64(&all, t.k * (t.n + DSBI_GEMM_PAD));
    for (size_t i = 0; i < n_c; i++)
        c64[i] = t.beta == 0 ? NAN : 0;
    table->gemm_pack_f64(packed64, b64, ldb, t.trans_b, t.k, t.n);
    table->gemm_block_f64(c64, ldc, a64, rs, ks, packed64, t.m, t.n, t.k, 1.5, 0);
    for (size_t i = 0; i < t.m && t.beta == 0; i++)
        for (size_t j = 0; j < t.n; j++)
            ck_assert_double_le(fabs(c64[i * ldc + j] - expected[i * ldc + j]),
                                1e-14 * work[i * ldc + j]);
    arrays_end(&all);
}

START_TEST(blocks_agree_at_all_edges)
{
    FOR_EACH_LEVEL(isa, table)
    for (size_t m = 1; m <= 30; m += m < 16 ? 1 : 14)
        for (size_t n = 1; n <= 67; n += n % 16 == 15 || n % 16 == 0 ? 1 : 5)
            for (int flags = 0; flags < 4; flags++)
                check_case(table, isa,
                           (block_case){m, n, 1 + (m * 7 + n * 3) % 40, flags & 1, flags & 2,
                                        (float)(n % 3) * 0.5f});
}
END_TEST

/* Whatever is fetched meanwhile: the bits of gemm_block. */
static void check_add(const dsbi_kernels *table, uint32_t isa, size_t m, size_t n, size_t k)
{
    arrays all;
    arrays_begin(&all, m * 10000 + n * 100 + k);
    const size_t ldc = n + 1, ldb = (n + 15) / 16 * 16 + 3; /* whole vectors can be read */
    float *a = normal_f32(&all, k * m, 1), *b = normal_f32(&all, k * ldb, 1);
    float *c = normal_f32(&all, (m - 1) * ldc + n, 1);
    float *packed_a = array_f32(&all, k * (m + DSBI_GEMM_PAD));
    float *packed = array_f32(&all, k * (n + DSBI_GEMM_PAD));
    table->gemm_pack_a_f32(packed_a, a, m, m, k);
    table->gemm_pack_f32(packed, b, ldb, false, k, n);
    float *expected = copied(&all, c, (m - 1) * ldc + n);
    table->gemm_block_f32(expected, ldc, packed_a, 1, 0, packed, m, n, k, 1, 1);
    const dsbi_gemm_next nexts[] = {{a, m, k, m, b}, {a, m, k > 1 ? 1 : k, m, NULL}, {0}};
    for (size_t i = 0; i <= sizeof nexts / sizeof *nexts; i++)
        for (int flags = 0; flags < 4; flags++) {
            const bool a_lies = flags & 1, b_lies = flags & 2;
            float *sum = copied(&all, c, (m - 1) * ldc + n);
            table->gemm_add_f32(sum, ldc, a_lies ? a : packed_a, a_lies ? m : 0,
                                b_lies ? b : packed, b_lies ? ldb : 0, m, n, k,
                                i < 3 ? &nexts[i] : NULL);
            check_same("gemm_add", isa, sum, expected, (m - 1) * ldc + n);
        }
    arrays_end(&all);
}

START_TEST(added_products_are_blocks)
{
    FOR_EACH_LEVEL(isa, table)
    for (size_t m = 1; m <= 43; m += 6)
        for (size_t n = 1; n <= 67; n += 11)
            for (size_t k = 1; k <= 40; k += k < 8 ? 7 : 16)
                check_add(table, isa, m, n, k);
}
END_TEST

/* c = start + bias + a b and a ReLU, each there or not, start in c or elsewhere; by gemm_block and
 * sums, which differ in the order of the additions. */
static void check_affine(const dsbi_kernels *table, uint32_t isa, size_t m, size_t n, size_t k,
                         int flags)
{
    arrays all;
    arrays_begin(&all, m * 10000 + n * 100 + k);
    const bool relu = flags & 1, has_bias = flags & 2, has_start = flags & 4, over = flags & 8;
    float *a = normal_f32(&all, m * k, 1), *b = normal_f32(&all, k * n, 1);
    float *bias = normal_f32(&all, n, 1), *start = normal_f32(&all, m * n, 1);
    float *packed = array_f32(&all, k * (n + DSBI_GEMM_PAD)), *plain = array_f32(&all, m * n);
    float *c = over ? copied(&all, start, m * n) : array_f32(&all, m * n);
    double *expected = array_f64(&all, m * n), *work = array_f64(&all, m * n);
    table->gemm_pack_f32(packed, b, n, false, k, n);
    table->gemm_block_f32(plain, n, a, k, 1, packed, m, n, k, 1, 0);
    for (size_t i = 0; i < m * n; i++) {
        double sum = (double)plain[i] + (double)(has_bias ? bias[i % n] : 0);
        sum += (double)(has_start ? start[i] : 0);
        expected[i] = relu && sum < 0 ? 0 : sum;
        work[i] = 4 * sqrt((double)k) + fabs(sum) + 4;
    }
    table->gemm_affine_f32(c, n, a, k, 1, packed, m, n, k, 1, 0, has_bias ? bias : NULL,
                           !has_start ? NULL
                           : over     ? c
                                      : start,
                           n, relu);
    check_near("gemm_affine", isa, c, expected, work, m * n, 2);
    if (k % 3 == 0 && !over) { /* k in three runs, the second and third where the first ends */
        float *again = array_f32(&all, m * n), *apart = normal_f32(&all, 3 * m * k, 1);
        for (size_t i = 0; i < m; i++)
            for (size_t p = 0; p < k; p++)
                apart[p / (k / 3) * m * k + i * (k / 3) + p % (k / 3)] = a[i * k + p];
        table->gemm_affine_f32(again, n, apart, k / 3, 1, packed, m, n, k / 3, 3, m * k,
                               has_bias ? bias : NULL, has_start ? start : NULL, n, relu);
        check_same("gemm_affine, k in runs", isa, again, c, m * n);
    }
    arrays_end(&all);
}

START_TEST(affine_is_a_product_and_sums)
{
    FOR_EACH_LEVEL(isa, table)
    for (size_t m = 1; m <= 29; m += 7)
        for (size_t n = 1; n <= 67; n += 11)
            for (int flags = 0; flags < 16; flags++)
                check_affine(table, isa, m, n, 1 + (m + n) % 9, flags);
}
END_TEST

START_TEST(bits_do_not_depend_on_the_cut)
{
    enum { M = 43, N = 71, K = 37 };
    FOR_EACH_LEVEL(isa, table)
    {
        arrays all;
        arrays_begin(&all, 3);
        float *a = normal_f32(&all, M * K, 1), *b = normal_f32(&all, K * N, 1);
        float *whole = array_f32(&all, M * N), *cut = array_f32(&all, M * N);
        float *packed = array_f32(&all, K * (N + DSBI_GEMM_PAD));
        table->gemm_pack_f32(packed, b, N, false, K, N);
        table->gemm_block_f32(whole, N, a, K, 1, packed, M, N, K, 1, 0);
        for (size_t j = 0; j < N; j += 9) {
            const size_t columns = N - j < 9 ? N - j : 9;
            table->gemm_pack_f32(packed, b + j, N, false, K, columns);
            for (size_t i = 0; i < M; i += 5)
                table->gemm_block_f32(cut + i * N + j, N, a + i * K, K, 1, packed,
                                      M - i < 5 ? M - i : 5, columns, K, 1, 0);
        }
        check_same("gemm_block", isa, cut, whole, M * N);
        for (size_t k = 0; k < K; k += 10) { /* and k: sums go on from c */
            const size_t depth = K - k < 10 ? K - k : 10;
            table->gemm_pack_f32(packed, b + k * N, N, false, depth, N);
            table->gemm_block_f32(cut, N, a + k, K, 1, packed, M, N, depth, 1, k > 0);
        }
        check_same("gemm_block, k in parts", isa, cut, whole, M * N);
        arrays_end(&all);
    }
}
END_TEST

static void bench(void)
{
    static const size_t shapes[][3] = {
        {84, 256, 256}, {84, 80, 40}, {84, 40, 80}, {84, 320, 80}, {84, 20, 10}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        const size_t m = shapes[s][0], n = shapes[s][1], k = shapes[s][2];
        arrays all;
        arrays_begin(&all, 1);
        float *a = normal_f32(&all, m * k, 1), *b = normal_f32(&all, k * n, 1);
        float *c = array_f32(&all, m * n), *packed = array_f32(&all, k * (n + DSBI_GEMM_PAD));
        double *a64 = widened(&all, a, m * k), *b64 = widened(&all, b, k * n);
        double *c64 = array_f64(&all, m * n), *packed64 = array_f64(&all, k * (n + DSBI_GEMM_PAD));
        FOR_EACH_LEVEL(isa, table)
        {
            double pack, trans, block, block64;
            table->gemm_pack_f64(packed64, b64, n, false, k, n);
            SECONDS_OF(trans, table->gemm_pack_f32(packed, b, k, true, k, n));
            SECONDS_OF(pack, table->gemm_pack_f32(packed, b, n, false, k, n));
            SECONDS_OF(block, table->gemm_block_f32(c, n, a, k, 1, packed, m, n, k, 1, 0));
            SECONDS_OF(block64, table->gemm_block_f64(c64, n, a64, k, 1, packed64, m, n, k, 1, 0));
            const double flops = 2e-9 * (double)m * (double)n * (double)k;
            printf("%-8s %zux%zux%zu  f32 %6.1f  f64 %6.1f GFLOP/s   pack %.3f, transposed %.3f ns "
                   "an element\n",
                   dsb_isa_name(isa), m, n, k, flops / block, flops / block64,
                   1e9 * pack / (double)(n * k), 1e9 * trans / (double)(n * k));
        }
        arrays_end(&all);
    }
}

CHECK_MAIN("gemm", bench, blocks_agree_at_all_edges, added_products_are_blocks,
           affine_is_a_product_and_sums, bits_do_not_depend_on_the_cut)
