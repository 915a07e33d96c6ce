/* See dense.h. Right-looking blocked Cholesky (Golub & Van Loan, 4th ed., 4.2.6): factor a diagonal
 * block, multiply the panel below by the inverse of its factor, subtract the panel's products from
 * the rest tile by tile. */
#include "tensor/dense.h"

#include <math.h>
#include <string.h>
#include "base/pool.h"
#include "base/sizes.h"
#include "tensor/matmul.h"

enum { BLOCK = 128, TILE = 256 };

/* Tile (row, column) of the lower triangle, counted row by row. */
static void tile_of(size_t task, size_t *row, size_t *column)
{
    size_t r = (size_t)((sqrt(8.0 * (double)task + 1) - 1) / 2);
    while ((r + 1) * (r + 2) / 2 <= task)
        r++;
    while (r * (r + 1) / 2 > task)
        r--;
    *row = r;
    *column = task - r * (r + 1) / 2;
}

/* c (lower tiles) += alpha * op(a) op(a)'; one task a tile. */
typedef struct rank_update {
    dsb_runtime *rt;
    bool transposed; /* a is [k, n] */
    size_t n, k;
    double alpha;
    const double *a;
    size_t lda;
    double *c;
    size_t ldc;
} rank_update;

static dsb_status update_tile(void *user, size_t task, size_t worker)
{
    const rank_update *u = user;
    (void)worker;
    size_t row, column;
    tile_of(task, &row, &column);
    size_t r = row * TILE, c = column * TILE, m = dsbi_smaller(TILE, u->n - r),
           n = dsbi_smaller(TILE, u->n - c);
    const double *left = u->transposed ? u->a + r : u->a + r * u->lda;
    const double *right = u->transposed ? u->a + c : u->a + c * u->lda;
    return dsbi_matmul_f64(u->rt, u->transposed, !u->transposed, m, n, u->k, u->alpha, left, u->lda,
                           right, u->lda, 1, u->c + r * u->ldc + c, u->ldc);
}

static dsb_status run_update(const rank_update *u)
{
    size_t tiles = (u->n + TILE - 1) / TILE;
    return dsbi_parallel(u->rt, tiles * (tiles + 1) / 2, update_tile, (void *)(uintptr_t)u);
}

dsb_status dsbi_syrk_f64(dsb_runtime *rt, size_t n, size_t rows, const double *a, size_t lda,
                         double *c, size_t ldc)
{
    rank_update u = {rt, true, n, rows, 1, a, lda, c, ldc};
    return run_update(&u);
}

/* Plain factor of one diagonal block. `first` is its row in the whole matrix, for the message. */
static dsb_status factor_block(size_t n, double *a, size_t lda, size_t first)
{
    for (size_t r = 0; r < n; r++)
        for (size_t c = 0; c <= r; c++) {
            double sum = a[r * lda + c];
            for (size_t k = 0; k < c; k++)
                sum -= a[r * lda + k] * a[c * lda + k];
            if (r != c) {
                a[r * lda + c] = sum / a[c * lda + c];
            } else {
                if (!(sum > 0) || isinf(sum))
                    return dsbi_fail(DSB_E_NUMERIC,
                                     "Cholesky: not positive definite at row %zu of the matrix",
                                     first + r);
                a[r * lda + r] = sqrt(sum);
            }
        }
    return DSB_OK;
}

/* Inverse [n, n] (zeros above the diagonal) of a lower triangular block. */
static void invert_block(size_t n, const double *l, size_t ldl, double *inverse)
{
    memset(inverse, 0, n * n * sizeof *inverse);
    for (size_t c = 0; c < n; c++) {
        inverse[c * n + c] = 1 / l[c * ldl + c];
        for (size_t r = c + 1; r < n; r++) {
            double sum = 0;
            for (size_t k = c; k < r; k++)
                sum += l[r * ldl + k] * inverse[k * n + c];
            inverse[r * n + c] = -sum / l[r * ldl + r];
        }
    }
}

dsb_status dsbi_cholesky_f64(dsb_runtime *rt, size_t n, double *a, size_t lda)
{
    double *inverse = dsbi_alloc_array(rt, BLOCK * BLOCK + n * BLOCK, sizeof *inverse);
    if (!inverse)
        return DSB_E_NOMEM;
    double *panel = inverse + BLOCK * BLOCK; /* [rows below, BLOCK] */
    dsb_status status = DSB_OK;
    for (size_t k = 0; k < n; k += BLOCK) {
        size_t nb = dsbi_smaller(BLOCK, n - k), below = n - k - nb;
        DSBI_GO(factor_block(nb, a + k * lda + k, lda, k));
        if (below == 0)
            break;
        invert_block(nb, a + k * lda + k, lda, inverse);
        double *under = a + (k + nb) * lda + k;
        for (size_t r = 0; r < below; r++)
            memcpy(panel + r * nb, under + r * lda, nb * sizeof *panel);
        DSBI_GO(dsbi_matmul_f64(rt, false, true, below, nb, nb, 1, panel, nb, inverse, nb, 0, under,
                                lda));
        rank_update u = {rt, false, below, nb, -1, under, lda, a + (k + nb) * lda + k + nb, lda};
        DSBI_GO(run_update(&u));
    }
done:
    dsbi_free(rt, inverse);
    return status;
}

/* One block of a solve: x_k = inverse (or its transpose) times b_k, by way of a copy. */
static dsb_status solve_block(dsb_runtime *rt, bool transposed, size_t nb, const double *inverse,
                              size_t n_rhs, double *b, size_t ldb, double *copy)
{
    for (size_t r = 0; r < nb; r++)
        memcpy(copy + r * n_rhs, b + r * ldb, n_rhs * sizeof *copy);
    return dsbi_matmul_f64(rt, transposed, false, nb, n_rhs, nb, 1, inverse, nb, copy, n_rhs, 0, b,
                           ldb);
}

static dsb_status substitute(dsb_runtime *rt, bool backward, size_t n, const double *l, size_t ldl,
                             size_t n_rhs, double *b, size_t ldb)
{
    double *inverse = dsbi_alloc_array(rt, BLOCK * BLOCK + BLOCK * n_rhs, sizeof *inverse);
    if (!inverse)
        return DSB_E_NOMEM;
    double *copy = inverse + BLOCK * BLOCK;
    dsb_status status = DSB_OK;
    size_t blocks = (n + BLOCK - 1) / BLOCK;
    for (size_t i = 0; i < blocks; i++) {
        size_t k = (backward ? blocks - 1 - i : i) * BLOCK, nb = dsbi_smaller(BLOCK, n - k);
        invert_block(nb, l + k * ldl + k, ldl, inverse);
        DSBI_GO(solve_block(rt, backward, nb, inverse, n_rhs, b + k * ldb, ldb, copy));
        if (backward && k > 0)
            DSBI_GO(dsbi_matmul_f64(rt, true, false, k, n_rhs, nb, -1, l + k * ldl, ldl,
                                    b + k * ldb, ldb, 1, b, ldb));
        if (!backward && k + nb < n)
            DSBI_GO(dsbi_matmul_f64(rt, false, false, n - k - nb, n_rhs, nb, -1,
                                    l + (k + nb) * ldl + k, ldl, b + k * ldb, ldb, 1,
                                    b + (k + nb) * ldb, ldb));
    }
done:
    dsbi_free(rt, inverse);
    return status;
}

dsb_status dsbi_cholesky_forward_f64(dsb_runtime *rt, size_t n, const double *l, size_t ldl,
                                     size_t n_rhs, double *b, size_t ldb)
{
    return substitute(rt, false, n, l, ldl, n_rhs, b, ldb);
}

dsb_status dsbi_cholesky_backward_f64(dsb_runtime *rt, size_t n, const double *l, size_t ldl,
                                      size_t n_rhs, double *b, size_t ldb)
{
    return substitute(rt, true, n, l, ldl, n_rhs, b, ldb);
}

dsb_status dsbi_cholesky_solve_f64(dsb_runtime *rt, size_t n, const double *l, size_t ldl,
                                   size_t n_rhs, double *b, size_t ldb)
{
    DSBI_TRY(dsbi_cholesky_forward_f64(rt, n, l, ldl, n_rhs, b, ldb));
    return dsbi_cholesky_backward_f64(rt, n, l, ldl, n_rhs, b, ldb);
}
