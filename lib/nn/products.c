/* See products.h. */
#include "nn/products.h"

#include <string.h>
#include "base/sizes.h"
#include "nn/blocks.h"

enum {
    MANY_WEIGHTS = 1 << 20,
    FEW_COLUMNS = 64, /* of a task; a multiple of every tile width */
    FEW_DEPTH = 1024, /* with FEW_COLUMNS, a quarter of a 1 MiB second-level cache */
    GAP = 16,         /* rows a power of two apart share few sets of the cache */
    ALL_HEIGHT = 84,  /* rows of dW in a task, a multiple of all tile heights: 14, 6, 4 */
    ALL_TILE = 14,    /* of the largest; fewer rows are a multiple of it */
    ALL_DEPTH = 448,  /* rows of x and dh at a time, at most */
    ALL_COLUMNS = 64, /* a multiple of every tile width */
    ALL_TASKS = 16
};

/* --- few rows ------------------------------------------------------------------------------- */

typedef struct few_job {
    const dsbi_few_rows *p;
    void *rows;   /* a with a gap behind each row */
    void *packed; /* of each worker */
} few_job;

static size_t few_packed(void)
{
    return FEW_DEPTH * (FEW_COLUMNS + DSBI_GEMM_PAD);
}

bool dsbi_few_rows_fits(size_t rows, size_t n, size_t k)
{
    return rows <= DSBI_FEW_ROWS && n >= FEW_COLUMNS && k >= FEW_COLUMNS && n * k >= MANY_WEIGHTS;
}

size_t dsbi_few_rows_size(size_t rows, size_t k, size_t n_threads)
{
    return rows * (k + GAP) + n_threads * few_packed();
}

static dsb_status few_columns(const dsbi_call *call, const void *user, size_t first, size_t count,
                              size_t worker)
{
    const few_job *job = user;
    const dsbi_few_rows *p = job->p;
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    void *packed = dsbi_at(call, job->packed, worker * few_packed());
    void *y = dsbi_at(call, p->y, first);
    for (size_t at = 0; at < p->k; at += FEW_DEPTH) {
        const size_t depth = dsbi_smaller(p->k - at, FEW_DEPTH);
        const size_t from = p->trans ? first * p->k + at : at * p->n + first;
        call->math->pack(kernels, packed, dsbi_at(call, p->weights, from), p->trans ? p->k : p->n,
                         p->trans, depth, count);
        call->math->block(kernels, y, p->n, dsbi_at(call, job->rows, at), p->k + GAP, 1, packed,
                          p->rows, count, depth, 1, p->add || at > 0);
    }
    return DSB_OK;
}

dsb_status dsbi_few_rows_product(const dsbi_call *call, const dsbi_few_rows *p, void *scratch)
{
    const few_job job = {p, scratch, dsbi_at(call, scratch, p->rows * (p->k + GAP))};
    for (size_t i = 0; i < p->rows; i++)
        memcpy(dsbi_at(call, job.rows, i * (p->k + GAP)), dsbi_at(call, p->a, i * p->k),
               p->k * call->math->item);
    return dsbi_ranges(call, &job, p->n, FEW_COLUMNS, few_columns);
}

/* --- all rows ------------------------------------------------------------------------------- */

typedef struct all_job {
    const dsbi_all_rows *p;
    size_t height, columns, across; /* of a tile of dW; tiles side by side */
    size_t depth;                   /* rows of a slab */
    void *packed;  /* x: ALL_DEPTH rows after the other, each as the tiles want it */
    void *heights; /* of each worker: dh of a tile; before, gathered rows on their way to packed */
} all_job;

static size_t all_packed(size_t k)
{
    return ALL_DEPTH * (k + DSBI_GEMM_PAD);
}

/* No less than ALL_DEPTH rows of ALL_COLUMNS. */
static size_t all_height(void)
{
    return ALL_DEPTH * (ALL_HEIGHT + DSBI_GEMM_PAD);
}

size_t dsbi_all_rows_size(size_t rows, size_t k, size_t n_threads)
{
    return dsbi_pieces(rows, ALL_DEPTH) * all_packed(k) + n_threads * all_height();
}

/* Tasks are ALL_COLUMNS columns of ALL_DEPTH rows. */
static dsb_status all_pack(const dsbi_call *call, const void *user, size_t task, size_t count,
                           size_t worker)
{
    (void)count;
    const all_job *job = user;
    const dsbi_all_rows *p = job->p;
    const size_t slabs = dsbi_pieces(p->rows, job->depth), slab = task % slabs;
    const size_t column = task / slabs * ALL_COLUMNS, row = slab * job->depth;
    const size_t depth = dsbi_smaller(p->rows - row, job->depth);
    const size_t columns = dsbi_smaller(p->k - column, ALL_COLUMNS);
    void *packed = dsbi_at(call, job->packed, slab * all_packed(p->k) + column * depth);
    if (p->gather) {
        void *rows = dsbi_at(call, job->heights, worker * all_height());
        p->gather(call, rows, row, depth, column, columns);
        call->math->pack(dsbi_kernels_of(call->rt), packed, rows, columns, false, depth, columns);
    } else {
        call->math->pack(dsbi_kernels_of(call->rt), packed,
                         dsbi_at(call, p->x, row * p->k + column), p->k, false, depth, columns);
    }
    return DSB_OK;
}

static dsb_status all_tile(const dsbi_call *call, const void *user, size_t task, size_t count,
                           size_t worker)
{
    (void)count;
    const all_job *job = user;
    const dsbi_all_rows *p = job->p;
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    const size_t i = task / job->across * job->height, j = task % job->across * job->columns;
    const size_t height = dsbi_smaller(p->n - i, job->height),
                 columns = dsbi_smaller(p->k - j, job->columns);
    void *heights = dsbi_at(call, job->heights, worker * all_height());
    for (size_t r = i; r < i + height && p->fresh; r++)
        memset(dsbi_at(call, p->dw, r * p->k + j), 0, columns * call->math->item);
    for (size_t row = 0; row < p->rows; row += job->depth) {
        const size_t depth = dsbi_smaller(p->rows - row, job->depth), left = p->rows - row - depth,
                     after = dsbi_smaller(left, job->depth), slab = row / job->depth;
        const void *packed = dsbi_at(call, job->packed, slab * all_packed(p->k));
        const dsbi_gemm_next next = {
            .a = dsbi_at(call, p->dh, (left > 0 ? row + depth : row) * p->n + i),
            .lda = p->n,
            .rows = after,
            .columns = left > 0 ? height : 0,
            .packed = left > 0 ? dsbi_at(call, packed, all_packed(p->k) + j * after) : NULL};
        call->math->pack_a(kernels, heights, dsbi_at(call, p->dh, row * p->n + i), p->n, height,
                           depth);
        call->math->add_product(kernels, dsbi_at(call, p->dw, i * p->k + j), p->k, heights,
                                dsbi_at(call, packed, j * depth), height, columns, depth, &next);
    }
    return DSB_OK;
}

dsb_status dsbi_all_rows_product(const dsbi_call *call, const dsbi_all_rows *p, void *scratch)
{
    const size_t slabs = dsbi_pieces(p->rows, ALL_DEPTH), panels = dsbi_pieces(p->k, ALL_COLUMNS);
    all_job job = {.p = p,
                   .depth = dsbi_pieces(p->rows, slabs),
                   .packed = scratch,
                   .heights = dsbi_at(call, scratch, slabs * all_packed(p->k))};
    const size_t down = dsbi_pieces(p->n, ALL_HEIGHT);
    const size_t wanted = dsbi_smaller(dsbi_pieces(ALL_TASKS, down), panels);
    job.height = dsbi_pieces(dsbi_pieces(p->n, down), ALL_TILE) * ALL_TILE;
    job.columns = dsbi_pieces(panels, wanted) * ALL_COLUMNS;
    job.across = dsbi_pieces(p->k, job.columns);
    DSBI_TRY(dsbi_ranges(call, &job, dsbi_pieces(p->rows, job.depth) * panels, 1, all_pack));
    return dsbi_ranges(call, &job, down * job.across, 1, all_tile);
}
