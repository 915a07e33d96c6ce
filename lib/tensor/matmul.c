/* c is cut into blocks of rows and columns, each a task that packs its columns of b, K_BLOCK rows
 * at a time, and runs the tiles of lib/kernels over its rows of a. Where c is too small for enough
 * blocks and k is long (weight gradients), k is cut as well; the parts are added in order. The cuts
 * depend on the shape alone, so the thread count leaves no trace in the bits. */
#include "tensor/matmul.h"

#include <string.h>
#include "base/pool.h"
#include "base/scratch.h"
#include "base/sizes.h"
#include "kernels/kernels.h"

enum {
    K_BLOCK = 256,     /* 256 x 256 floats of b: half of a 512 KiB L2 */
    N_BLOCK_MAX = 256, /* a multiple of all tile widths */
    M_UNIT = 84,       /* of all tile heights: 14, 6, 4 */
    M_BLOCK_MAX = 6 * M_UNIT,
    N_BLOCK_MIN = 64,
    TASKS_WANTED = 32, /* enough to share out evenly */
    K_PART_MIN = 1024, /* shorter parts cost more to add than they bring */
    PARTS_MIN = 4,
    PARTS_BYTES = 4 << 20,
    COMPACT_STRIDE = K_BLOCK + 16,
    BAD_STRIDE_BYTES = 2048,
    PACK_ELEMENTS = K_BLOCK * (N_BLOCK_MAX + DSBI_GEMM_PAD),
    PACK_A_ELEMENTS = K_BLOCK * (M_UNIT + DSBI_GEMM_PAD),
    PACK_BYTES = (PACK_ELEMENTS + PACK_A_ELEMENTS) * (int)sizeof(double)
};

typedef struct matmul_job {
    const dsbi_kernels *kernels;
    dsb_runtime *rt;
    size_t m, n, k;
    size_t row_stride_a, k_stride_a; /* of op(a) */
    size_t ldb, ldc;
    bool trans_b;
    double alpha, beta;
    const void *a, *b;
    void *c;
    dsbi_matmul_finish_fn finish;
    void *user;
    size_t m_block, n_block, blocks_m, blocks_n; /* the cut */
    size_t k_part, n_parts;
    void *parts; /* [n_parts, m, n] sums of each part of k; NULL if there is one part */
} matmul_job;

static size_t pieces(size_t size, size_t piece)
{
    return (size + piece - 1) / piece;
}

static void cut_blocks(matmul_job *job)
{
    job->blocks_m = pieces(job->m, job->m_block);
    job->blocks_n = pieces(job->n, job->n_block);
}

/* Smaller columns first: they cost nothing but another look at a, smaller rows pack b again. */
static void shrink_blocks(matmul_job *job, size_t wanted)
{
    while (job->blocks_m * job->blocks_n < wanted && job->n_block > N_BLOCK_MIN) {
        job->n_block /= 2;
        cut_blocks(job);
    }
    while (job->blocks_m * job->blocks_n < wanted && job->m_block > M_UNIT) {
        job->m_block -= M_UNIT;
        cut_blocks(job);
    }
}

/* A long k and a small c: parts of k read a and b once, in order; blocks of c would each read a
 * strip of all rows. */
static void cut(matmul_job *job, size_t element_bytes)
{
    job->m_block = dsbi_smaller(M_BLOCK_MAX, pieces(job->m, M_UNIT) * M_UNIT);
    job->n_block = N_BLOCK_MAX;
    cut_blocks(job);
    size_t parts =
        dsbi_smaller(TASKS_WANTED / (job->blocks_m * job->blocks_n), job->k / K_PART_MIN);
    parts = dsbi_smaller(parts, PARTS_BYTES / element_bytes / job->m / job->n);
    job->k_part = job->k;
    if (parts >= PARTS_MIN) {
        job->k_part = pieces(pieces(job->k, parts), K_BLOCK) * K_BLOCK;
        shrink_blocks(job, TASKS_WANTED / 2 / parts);
    } else {
        shrink_blocks(job, TASKS_WANTED);
    }
    job->n_parts = pieces(job->k, job->k_part);
}

static dsb_status reserve_pack(dsb_runtime *rt)
{
    return dsbi_scratch_reserve(rt, DSBI_SCRATCH_MATMUL_PACK, PACK_BYTES);
}

static void *parts_of(dsb_runtime *rt, size_t owner)
{
    return dsbi_scratch(rt, owner, DSBI_SCRATCH_MATMUL_PARTS, PARTS_BYTES);
}

dsb_status dsbi_matmul_reserve(dsb_runtime *rt)
{
    DSBI_TRY(reserve_pack(rt));
    pthread_mutex_lock(&rt->matmul_lock);
    const void *parts = parts_of(rt, DSBI_SCRATCH_CALLER);
    pthread_mutex_unlock(&rt->matmul_lock);
    return parts ? DSB_OK : DSB_E_NOMEM;
}

#define real float
#define TYPED(name) name##_f32
#include "tensor/matmul.inc"
#undef real
#undef TYPED

#define real double
#define TYPED(name) name##_f64
#include "tensor/matmul.inc"
