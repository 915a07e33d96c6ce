/* A grid of tiles of c, each a task with the full k. The grid depends on the shape alone, and each
 * tile is computed on one thread, so the thread count leaves no trace in the bits. */
#include "tensor/matmul.h"

#include <limits.h>
#include "base/pool.h"
#include "tensor/blas.h"

enum { TILE_M = 256, TILE_N = 512 };

typedef struct matmul_job {
    bool trans_a, trans_b, blas;
    size_t m, n, k, lda, ldb, ldc;
    double alpha, beta;
    const void *a, *b;
    void *c;
    size_t tiles_n;
} matmul_job;

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t tiles(size_t size, size_t tile)
{
    return (size + tile - 1) / tile;
}

static dsb_status check(const matmul_job *job)
{
    const size_t width_a = job->trans_a ? job->m : job->k;
    const size_t width_b = job->trans_b ? job->k : job->n;
    if (job->lda < width_a || job->ldb < width_b || job->ldc < job->n)
        return dsbi_fail(DSB_E_SHAPE, "matmul: rows of %zu, %zu, %zu with strides %zu, %zu, %zu",
                         width_a, width_b, job->n, job->lda, job->ldb, job->ldc);
    if (job->m > INT_MAX || job->n > INT_MAX || job->k > INT_MAX || job->lda > INT_MAX ||
        job->ldb > INT_MAX || job->ldc > INT_MAX)
        return dsbi_fail(DSB_E_LIMIT, "matmul: %zu x %zu x %zu is too large", job->m, job->n,
                         job->k);
    return DSB_OK;
}

#define real float
#define TYPED(name) name##_f32
#include "tensor/matmul.inc"
#undef real
#undef TYPED

#define real double
#define TYPED(name) name##_f64
#include "tensor/matmul.inc"
