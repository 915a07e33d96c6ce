/* Matrix products against a plain f64 loop: shapes, strides, transpositions, NaN, threads. */
#include "testing.h"

#include <math.h>
#include <time.h>
#include "base/memory.h"
#include "base/rng.h"
#include "kernels/peak.h"
#include "tensor/blas.h"
#include "tensor/matmul.h"

static double *random_array(dsb_runtime *rt, size_t n, uint64_t seed)
{
    dsbi_rng rng;
    dsbi_rng_init(&rng, seed, DSBI_RNG_TEST, 0);
    double *x = dsbi_alloc_array(rt, n, sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)dsbi_rng_normal(&rng); /* exact in both types */
    return x;
}

static float *to_f32(dsb_runtime *rt, const double *x, size_t n)
{
    float *y = dsbi_alloc_array(rt, n, sizeof *y);
    for (size_t i = 0; i < n; i++)
        y[i] = (float)x[i];
    return y;
}

/* One product in both types; |error| <= c eps sum |a b|. */
static void check_shape(dsb_runtime *rt, size_t m, size_t n, size_t k, int trans, double beta,
                        size_t gap)
{
    const bool ta = trans & 1, tb = trans & 2;
    const size_t lda = (ta ? m : k) + gap, ldb = (tb ? k : n) + 5, ldc = n + 2;
    const size_t na = (ta ? k : m) * lda, nb = (tb ? n : k) * ldb, nc = m * ldc;
    double *a = random_array(rt, na, m), *b = random_array(rt, nb, n), *c = random_array(rt, nc, k);
    float *a32 = to_f32(rt, a, na), *b32 = to_f32(rt, b, nb), *c32 = to_f32(rt, c, nc);
    double *expected = dsbi_alloc_array(rt, nc, sizeof *expected);
    memcpy(expected, c, nc * sizeof *c);
    if (beta == 0)
        c32[0] = NAN; /* must be overwritten */
    ck_assert_ok(
        dsbi_matmul_f32(rt, ta, tb, m, n, k, 0.5f, a32, lda, b32, ldb, (float)beta, c32, ldc));
    ck_assert_ok(dsbi_matmul_f64(rt, ta, tb, m, n, k, 0.5, a, lda, b, ldb, beta, c, ldc));
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < ldc; j++) {
            double *value = &expected[i * ldc + j], work = fabs(*value);
            if (j < n) {
                *value *= beta;
                for (size_t p = 0; p < k; p++) {
                    const double term =
                        0.5 * a[ta ? p * lda + i : i * lda + p] * b[tb ? j * ldb + p : p * ldb + j];
                    *value += term;
                    work += fabs(term);
                }
            }
            const double error = fabs((double)c32[i * ldc + j] - *value);
            ck_assert_msg(error <= 4 * 6e-8 * work * sqrt((double)k + 1),
                          "f32 %zux%zux%zu trans %d: c[%zu,%zu] off by %g", m, n, k, trans, i, j,
                          error);
            ck_assert_double_le(fabs(c[i * ldc + j] - *value), 1e-14 * work * sqrt((double)k + 1));
        }
    void *owned[] = {a, b, c, a32, b32, c32, expected};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        dsbi_free(rt, owned[i]);
}

static dsb_runtime *runtime_at(uint64_t n_threads, uint32_t isa)
{
    dsb_runtime_opts opts;
    dsb_runtime_opts_init(&opts, sizeof opts);
    opts.n_threads = n_threads;
    opts.isa_max = isa;
    dsb_runtime *rt;
    ck_assert_ok(dsb_runtime_create(&rt, &opts));
    return rt;
}

START_TEST(products_agree_with_a_plain_loop)
{
    static const size_t shapes[][3] = {{1, 1, 1},      {3, 5, 0},      {7, 33, 9},
                                       {64, 64, 64},   {1, 300, 70},   {257, 3, 31},
                                       {130, 513, 65}, {31, 17, 1500}, {300, 530, 300}};
    for (uint32_t isa = DSB_ISA_GENERIC; isa <= DSB_ISA_AVX512; isa++) {
        dsb_runtime *rt = runtime_at(2, isa);
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
            for (int trans = 0; trans < 4; trans++)
                check_shape(rt, shapes[s][0], shapes[s][1], shapes[s][2], trans, trans * 0.25, 3);
        for (int trans = 0; trans < 4; trans++) { /* rows half a page apart, parts of k */
            check_shape(rt, 100, 30, 512, trans & 2, 0, 0);
            check_shape(rt, 512, 30, 100, trans | 1, 0, 0);
            check_shape(rt, 20, 33, 5000, trans, 0.5, 0);
        }
        ck_assert_uint_eq(dsb_runtime_isa(rt) <= isa, 1);
        dsb_runtime_free(rt);
    }
}
END_TEST

START_TEST(threads_leave_no_trace_in_the_bits)
{
    static const size_t shapes[][3] = {
        {33, 77, 5000}, {64, 64, 20000}, {1000, 40, 40}, {520, 700, 130}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        const size_t m = shapes[s][0], n = shapes[s][1], k = shapes[s][2];
        float *first = NULL;
        dsb_runtime *base = make_runtime(1);
        for (uint64_t threads = 1; threads <= 5; threads++) {
            dsb_runtime *rt = make_runtime(threads);
            double *a = random_array(rt, m * k, 1), *b = random_array(rt, k * n, 2);
            float *a32 = to_f32(rt, a, m * k), *b32 = to_f32(rt, b, k * n);
            float *c = dsbi_alloc_array(base, m * n, sizeof *c);
            ck_assert_ok(dsbi_matmul_f32(rt, false, false, m, n, k, 1, a32, k, b32, n, 0, c, n));
            if (first)
                ck_assert_mem_eq(c, first, m * n * sizeof *c);
            dsbi_free(rt, a);
            dsbi_free(rt, b);
            dsbi_free(rt, a32);
            dsbi_free(rt, b32);
            dsb_runtime_free(rt);
            if (first)
                dsbi_free(base, c);
            else
                first = c;
        }
        dsbi_free(base, first);
        dsb_runtime_free(base);
    }
}
END_TEST

START_TEST(wrong_strides_are_refused)
{
    dsb_runtime *rt = make_runtime(1);
    float x[4] = {0};
    ck_assert_fails(dsbi_matmul_f32(rt, false, false, 2, 2, 2, 1, x, 1, x, 2, 0, x, 2), DSB_E_SHAPE,
                    "strides 1, 2, 2");
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(blas_says_who_it_is)
{
    dsbi_blas_info info;
    dsbi_blas_info_get(&info);
    ck_assert_ptr_nonnull(strstr(info.config, "OpenBLAS"));
    ck_assert_uint_gt(strlen(info.core), 0);
}
END_TEST

START_TEST(blas_agrees)
{
    enum { M = 60, N = 50, K = 40 };
    dsb_runtime *rt = make_runtime(2);
    double *a = random_array(rt, M * K, 1), *b = random_array(rt, K * N, 2);
    double *ours = random_array(rt, M * N, 3), *theirs = random_array(rt, M * N, 3);
    for (int trans = 0; trans < 4; trans++) {
        const bool ta = trans & 1, tb = trans & 2;
        const size_t lda = ta ? M : K, ldb = tb ? K : N;
        ck_assert_ok(dsbi_matmul_f64(rt, ta, tb, M, N, K, 0.5, a, lda, b, ldb, 0.25, ours, N));
        dsbi_blas_gemm_f64(ta, tb, M, N, K, 0.5, a, lda, b, ldb, 0.25, theirs, N);
        for (size_t i = 0; i < M * N; i++)
            ck_assert_double_eq_tol(ours[i], theirs[i], 1e-12);
    }
    void *owned[] = {a, b, ours, theirs};
    for (size_t i = 0; i < 4; i++)
        dsbi_free(rt, owned[i]);
    dsb_runtime_free(rt);
}
END_TEST

/* Products of real networks, one thread: share of the machine's own peak, OpenBLAS beside it. */
typedef struct product {
    const char *name;
    size_t m, n, k;
    bool trans_a, trans_b;
} product;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* one thread: what others run does not count */
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

START_TEST(bench)
{
    static const product products[] = {
        {"convnext_470k 64 px b128 stage 1 pw1", 32768, 80, 20, false, true},
        {"  pw2", 32768, 20, 80, false, true},
        {"  pw1 dx", 32768, 20, 80, false, false},
        {"  pw1 dw", 80, 20, 32768, true, false},
        {"convnext_470k stage 2 pw1", 8192, 160, 40, false, true},
        {"  pw1 dw", 160, 40, 8192, true, false},
        {"convnext_470k stage 3 pw1", 2048, 320, 80, false, true},
        {"  pw1 dw", 320, 80, 2048, true, false},
        {"convnext_470k stage 4 pw1", 512, 640, 160, false, true},
        {"  pw1 dw", 640, 160, 512, true, false},
        {"convnext_t 224 px b4 stage 1 pw1", 12544, 384, 96, false, true},
        {"  pw1 dw", 384, 96, 12544, true, false},
        {"convnext_t stage 3 pw1", 784, 1536, 384, false, true},
        {"resnet50 224 px b4 1x1 256-64", 12544, 64, 256, false, true},
        {"  1x1 512-2048", 196, 2048, 512, false, true},
        {"vit_s 224 px b4 qkv", 788, 1152, 384, false, true},
        {"  mlp dx", 788, 384, 1536, false, false},
        {"  mlp dw", 1536, 384, 788, true, false},
        {"square", 1024, 1024, 1024, false, false},
    };
    dsb_runtime *rt = make_runtime(1);
    const double peak = dsbi_peak_gflops(rt);
    dsbi_blas_info blas;
    dsbi_blas_info_get(&blas);
    printf("%s, one thread, peak %.0f GFLOP/s; OpenBLAS core %s\n",
           dsb_isa_name(dsb_runtime_isa(rt)), peak, blas.core);
    for (size_t i = 0; i < sizeof products / sizeof *products; i++) {
        const product p = products[i];
        const size_t lda = p.trans_a ? p.m : p.k, ldb = p.trans_b ? p.k : p.n;
        double *a = random_array(rt, p.m * p.k, 1), *b = random_array(rt, p.k * p.n, 2);
        float *a32 = to_f32(rt, a, p.m * p.k), *b32 = to_f32(rt, b, p.k * p.n);
        float *c = dsbi_alloc_array(rt, p.m * p.n, sizeof *c);
        double ours = 1e9, theirs = 1e9;
        for (double spent = now(); now() - spent < 1;) {
            double start = now();
            ck_assert_ok(dsbi_matmul_f32(rt, p.trans_a, p.trans_b, p.m, p.n, p.k, 1, a32, lda, b32,
                                         ldb, 0, c, p.n));
            ours = fmin(ours, now() - start);
            start = now();
            dsbi_blas_gemm_f32(p.trans_a, p.trans_b, p.m, p.n, p.k, 1, a32, lda, b32, ldb, 0, c,
                               p.n);
            theirs = fmin(theirs, now() - start);
        }
        const double work = 2e-9 * (double)p.m * (double)p.n * (double)p.k;
        printf("%-38s %5zu x %4zu x %5zu  %6.1f GFLOP/s = %4.1f %%   OpenBLAS %6.1f\n", p.name, p.m,
               p.n, p.k, work / ours, 100 * work / ours / peak, work / theirs);
        dsbi_free(rt, a);
        dsbi_free(rt, b);
        dsbi_free(rt, a32);
        dsbi_free(rt, b32);
        dsbi_free(rt, c);
    }
    dsb_runtime_free(rt);
}
END_TEST

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--bench") == 0)
        return run_tests("matmul", bench, NULL);
    return run_tests("matmul", products_agree_with_a_plain_loop, threads_leave_no_trace_in_the_bits,
                     wrong_strides_are_refused, blas_says_who_it_is, blas_agrees, NULL);
}
