/* OpenBLAS behind one door: whether it can be trusted here, who it is, one product on one thread.
 */
#ifndef DSBI_TENSOR_BLAS_H
#define DSBI_TENSOR_BLAS_H

#include <stdbool.h>
#include "base/runtime.h"

/* For the run record. Strings are static. */
typedef struct dsbi_blas_info {
    const char *config;    /* "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ..." */
    const char *core;      /* kernels OpenBLAS chose: "Haswell", "SkylakeX", "Prescott" ... */
    const char *threading; /* "serial", "pthread", "openmp" */
    int threads;           /* its own thread count now; 1 after dsbi_blas_gemm */
} dsbi_blas_info;
void dsbi_blas_info_get(dsbi_blas_info *out);

/* Why OpenBLAS should not serve `rt`, or NULL. */
const char *dsbi_blas_refusal(const dsb_runtime *rt);

/* On the calling thread; sets OpenBLAS to one thread, process-wide. Arguments as dsbi_matmul. */
void dsbi_blas_gemm_f32(bool trans_a, bool trans_b, size_t m, size_t n, size_t k, float alpha,
                        const float *a, size_t lda, const float *b, size_t ldb, float beta,
                        float *c, size_t ldc);
void dsbi_blas_gemm_f64(bool trans_a, bool trans_b, size_t m, size_t n, size_t k, double alpha,
                        const double *a, size_t lda, const double *b, size_t ldb, double beta,
                        double *c, size_t ldc);

#endif
