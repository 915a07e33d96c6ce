/* Gram matrices, Cholesky factor and solves against plain loops; bits on one and on three threads.
 */
#include "testing.h"

#include <math.h>
#include "base/memory.h"
#include "base/rng.h"
#include "tensor/dense.h"

static double *random_matrix(dsb_runtime *rt, size_t n, uint64_t index)
{
    double *a = dsbi_alloc_array(rt, n, sizeof *a);
    ck_assert_ptr_nonnull(a);
    dsbi_rng rng;
    dsbi_rng_init(&rng, 7, DSBI_RNG_TEST, index);
    for (size_t i = 0; i < n; i++)
        a[i] = dsbi_rng_normal(&rng);
    return a;
}

/* a [rows, n] -> a'a + 1 I, lower triangle by plain loops. */
static double *plain_gram(dsb_runtime *rt, const double *a, size_t rows, size_t n, double ridge)
{
    double *g = dsbi_calloc(rt, n * n, sizeof *g);
    ck_assert_ptr_nonnull(g);
    for (size_t i = 0; i < rows; i++)
        for (size_t r = 0; r < n; r++)
            for (size_t c = 0; c <= r; c++)
                g[r * n + c] += a[i * n + r] * a[i * n + c];
    for (size_t r = 0; r < n; r++)
        g[r * n + r] += ridge;
    return g;
}

static void check_size(size_t n, size_t rows, size_t n_rhs)
{
    dsb_runtime *one = make_runtime(1), *three = make_runtime(3);
    double *a = random_matrix(one, rows * n, n), *x = random_matrix(one, n * n_rhs, n + 1);
    double *gram = plain_gram(one, a, rows, n, 1);
    double *c1 = dsbi_calloc(one, n * n, sizeof *c1), *c3 = dsbi_calloc(one, n * n, sizeof *c3);
    double *b1 = dsbi_calloc(one, n * n_rhs, sizeof *b1),
           *b3 = dsbi_calloc(one, n * n_rhs, sizeof *b3);
    ck_assert(c1 && c3 && b1 && b3);
    for (size_t r = 0; r < n; r++)
        c1[r * n + r] = c3[r * n + r] = 1;
    ck_assert_ok(dsbi_syrk_f64(one, n, rows, a, n, c1, n));
    ck_assert_ok(dsbi_syrk_f64(three, n, rows, a, n, c3, n));
    for (size_t r = 0; r < n; r++)
        for (size_t c = 0; c <= r; c++) {
            ck_assert_double_lt(fabs(c1[r * n + c] - gram[r * n + c]), 1e-12 * (double)rows);
            ck_assert(c1[r * n + c] == c3[r * n + c]);
        }
    /* b = G x, solved, gives x back */
    for (size_t r = 0; r < n; r++)
        for (size_t c = 0; c < n; c++)
            for (size_t k = 0; k < n_rhs; k++)
                b1[r * n_rhs + k] += gram[r > c ? r * n + c : c * n + r] * x[c * n_rhs + k];
    memcpy(b3, b1, n * n_rhs * sizeof *b1);
    ck_assert_ok(dsbi_cholesky_f64(one, n, c1, n));
    ck_assert_ok(dsbi_cholesky_f64(three, n, c3, n));
    ck_assert_ok(dsbi_cholesky_solve_f64(one, n, c1, n, n_rhs, b1, n_rhs));
    ck_assert_ok(dsbi_cholesky_solve_f64(three, n, c3, n, n_rhs, b3, n_rhs));
    for (size_t i = 0; i < n * n_rhs; i++)
        ck_assert_double_lt(fabs(b1[i] - x[i]), 1e-8);
    ck_assert_mem_eq(b1, b3, n * n_rhs * sizeof *b1);
    double *all[] = {a, x, gram, c1, c3, b1, b3};
    for (size_t i = 0; i < 7; i++)
        dsbi_free(one, all[i]);
    dsb_runtime_free(one);
    dsb_runtime_free(three);
}

START_TEST(products_factors_and_solves)
{
    check_size(1, 1, 1);
    check_size(5, 3, 2);
    check_size(127, 60, 1);
    check_size(128, 200, 3);
    check_size(129, 150, 7);
    check_size(530, 300, 5);
}
END_TEST

START_TEST(indefinite_is_refused_with_its_row)
{
    dsb_runtime *rt = make_runtime(2);
    enum { N = 200 };
    double *a = dsbi_calloc(rt, N * N, sizeof *a);
    for (size_t r = 0; r < N; r++)
        a[r * N + r] = r == 150 ? -1 : 1;
    ck_assert_fails(dsbi_cholesky_f64(rt, N, a, N), DSB_E_NUMERIC, "row 150");
    dsbi_free(rt, a);
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    return run_tests("dense", products_factors_and_solves, indefinite_is_refused_with_its_row,
                     NULL);
}
