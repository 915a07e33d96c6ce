/* Dense symmetric algebra in f64 on top of the matrix product: Gram matrices, Cholesky factor,
 * solves. Row-major. Blocks are cut by size only, so the bits do not depend on the number of
 * threads. */
#ifndef DSBI_TENSOR_DENSE_H
#define DSBI_TENSOR_DENSE_H

#include "base/runtime.h"

/* Lower triangle of c[n, n] += a' a with a[rows, n]; what lies above the diagonal is undefined. */
dsb_status dsbi_syrk_f64(dsb_runtime *rt, size_t n, size_t rows, const double *a, size_t lda,
                         double *c, size_t ldc);

/* Lower triangle of a[n, n] -> L with L L' = a, in place; the upper triangle is not touched beyond
 * the diagonal blocks. DSB_E_NUMERIC with the row where a is not positive definite, DSB_E_NOMEM. */
dsb_status dsbi_cholesky_f64(dsb_runtime *rt, size_t n, double *a, size_t lda);

/* In place on b[n, n_rhs]: L x = b (forward), L' x = b (backward), L L' x = b (solve). */
dsb_status dsbi_cholesky_forward_f64(dsb_runtime *rt, size_t n, const double *l, size_t ldl,
                                     size_t n_rhs, double *b, size_t ldb);
dsb_status dsbi_cholesky_backward_f64(dsb_runtime *rt, size_t n, const double *l, size_t ldl,
                                      size_t n_rhs, double *b, size_t ldb);
dsb_status dsbi_cholesky_solve_f64(dsb_runtime *rt, size_t n, const double *l, size_t ldl,
                                   size_t n_rhs, double *b, size_t ldb);

#endif
