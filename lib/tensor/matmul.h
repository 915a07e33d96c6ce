/* Matrix product, row-major, any transposition, over the pool of the runtime.
 *
 *     c[m,n] = alpha * op(a)[m,k] op(b)[k,n] + beta * c[m,n]
 *
 * op(a) is a[m,k] with rows lda apart, or with trans_a the transpose of a[k,m]; b likewise.
 * beta = 0 overwrites c, NaN in it included. c overlaps neither a nor b. The bits of the result
 * depend on the shapes and the CPU level, not on the number of threads. May be called from inside a
 * pool task, then runs on that worker alone with the same bits. Works in
 * scratch memory of the runtime, about 0.7 MB a worker and 4 MB: there from the first product on,
 * or from dsbi_matmul_reserve, for those who plan their memory. */
#ifndef DSBI_TENSOR_MATMUL_H
#define DSBI_TENSOR_MATMUL_H

#include <stdbool.h>
#include "base/runtime.h"

dsb_status dsbi_matmul_reserve(dsb_runtime *rt);

dsb_status dsbi_matmul_f32(dsb_runtime *rt, bool trans_a, bool trans_b, size_t m, size_t n,
                           size_t k, float alpha, const float *a, size_t lda, const float *b,
                           size_t ldb, float beta, float *c, size_t ldc);
dsb_status dsbi_matmul_f64(dsb_runtime *rt, bool trans_a, bool trans_b, size_t m, size_t n,
                           size_t k, double alpha, const double *a, size_t lda, const double *b,
                           size_t ldb, double beta, double *c, size_t ldc);

/* What follows a product while its result is still in the cache (bias, activation, residual):
 * called once for each finished rectangle of c, on the thread that made it, rectangles in any
 * order. */
typedef void (*dsbi_matmul_finish_fn)(void *user, size_t row, size_t rows, size_t column,
                                      size_t columns);
dsb_status dsbi_matmul_then_f32(dsb_runtime *rt, bool trans_a, bool trans_b, size_t m, size_t n,
                                size_t k, float alpha, const float *a, size_t lda, const float *b,
                                size_t ldb, float beta, float *c, size_t ldc,
                                dsbi_matmul_finish_fn finish, void *user);
dsb_status dsbi_matmul_then_f64(dsb_runtime *rt, bool trans_a, bool trans_b, size_t m, size_t n,
                                size_t k, double alpha, const double *a, size_t lda,
                                const double *b, size_t ldb, double beta, double *c, size_t ldc,
                                dsbi_matmul_finish_fn finish, void *user);

#endif
