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
    PAGE = 1024,      /* rows of dh and x a multiple of so many numbers apart likewise */
    VECTOR = 16,      /* a multiple of the numbers in any vector */
    ALL_TILE = 14,    /* rows of dW in a tile of the largest height */
    ALL_TILES = 12,   /* one below the other in a task, at most */
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
    size_t tiles, down;       /* of dW, one below the other; parts that they are cut into */
    size_t columns, across;   /* of a part; parts side by side */
    size_t depth;             /* rows of a slab */
    bool packed_x, packed_dh; /* because they cannot well be read where they lie */
    void *x;                  /* packed, ALL_DEPTH rows after the other */
    void *worker; /* of each: dh of a part of a slab; before, gathered rows on their way to x */
} all_job;

/* A task's part of dW: rows [i, i + height), columns [j, j + columns). */
typedef struct all_part {
    size_t i, height, j, columns;
} all_part;

/* Rows a page apart, or a multiple of it, share few sets of the caches. */
static bool all_packs_x(size_t k, bool gathered)
{
    return gathered || k % VECTOR != 0 || k % PAGE == 0;
}

static bool all_packs_dh(size_t n)
{
    return n % PAGE == 0;
}

static size_t all_slab(size_t k)
{
    return ALL_DEPTH * (k + DSBI_GEMM_PAD);
}

static size_t all_x(size_t rows, size_t k, bool gathered)
{
    return all_packs_x(k, gathered) ? dsbi_pieces(rows, ALL_DEPTH) * all_slab(k) : 0;
}

/* No less than ALL_DEPTH rows of ALL_COLUMNS. */
static size_t all_worker(size_t n, bool gathered)
{
    return all_packs_dh(n) || gathered ? all_slab(ALL_TILES * ALL_TILE) : 0;
}

size_t dsbi_all_rows_size(size_t rows, size_t n, size_t k, bool gathered, size_t n_threads)
{
    return all_x(rows, k, gathered) + n_threads * all_worker(n, gathered);
}

/* Tasks are ALL_COLUMNS columns of a slab. */
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
    void *packed = dsbi_at(call, job->x, slab * all_slab(p->k) + column * depth);
    if (p->gather) {
        void *rows = dsbi_at(call, job->worker, worker * all_worker(p->n, true));
        p->gather(call, rows, row, depth, column, columns);
        call->math->pack(dsbi_kernels_of(call->rt), packed, rows, columns, false, depth, columns);
    } else {
        call->math->pack(dsbi_kernels_of(call->rt), packed,
                         dsbi_at(call, p->x, row * p->k + column), p->k, false, depth, columns);
    }
    return DSB_OK;
}

/* No columns behind the last task. */
static all_part part_of(const all_job *job, size_t task)
{
    const size_t n = job->p->n, down = task / job->across;
    const size_t i = dsbi_smaller(n, down * job->tiles / job->down * ALL_TILE),
                 end = dsbi_smaller(n, (down + 1) * job->tiles / job->down * ALL_TILE),
                 j = task % job->across * job->columns;
    return (all_part){i, end - i, j, i < n ? dsbi_smaller(job->p->k - j, job->columns) : 0};
}

/* Column j of the slab that begins at a row. */
static const void *slab_of(const dsbi_call *call, const all_job *job, size_t row, size_t j)
{
    const size_t k = job->p->k, depth = dsbi_smaller(job->p->rows - row, job->depth);
    if (!job->packed_x)
        return dsbi_at(call, job->p->x, row * k + j);
    return dsbi_at(call, job->x, row / job->depth * all_slab(k) + j * depth);
}

/* What tiles fetch meanwhile: of the next slab, or of the part behind, which this worker will
 * probably take next. */
static dsbi_gemm_next next_slab(const dsbi_call *call, const all_job *job, size_t task,
                                const all_part *part, size_t row)
{
    const dsbi_all_rows *p = job->p;
    const bool last = row + job->depth >= p->rows;
    const all_part other = last ? part_of(job, task + 1) : *part;
    if (other.columns == 0)
        return (dsbi_gemm_next){0};
    row = last ? 0 : row + job->depth;
    return (dsbi_gemm_next){.a = dsbi_at(call, p->dh, row * p->n + other.i),
                            .lda = p->n,
                            .rows = dsbi_smaller(p->rows - row, job->depth),
                            .columns = other.height,
                            .b = slab_of(call, job, row, other.j)};
}

static dsb_status all_tile(const dsbi_call *call, const void *user, size_t task, size_t count,
                           size_t worker)
{
    (void)count;
    const all_job *job = user;
    const dsbi_all_rows *p = job->p;
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    const all_part part = part_of(job, task);
    void *dw = dsbi_at(call, p->dw, part.i * p->k + part.j);
    for (size_t i = 0; i < part.height && p->fresh; i++)
        memset(dsbi_at(call, dw, i * p->k), 0, part.columns * call->math->item);
    for (size_t row = 0; row < p->rows; row += job->depth) {
        const size_t depth = dsbi_smaller(p->rows - row, job->depth);
        const dsbi_gemm_next next = next_slab(call, job, task, &part, row);
        const void *dh = dsbi_at(call, p->dh, row * p->n + part.i);
        if (job->packed_dh) {
            void *packed = dsbi_at(call, job->worker, worker * all_worker(p->n, p->gather));
            call->math->pack_a(kernels, packed, dh, p->n, part.height, depth);
            dh = packed;
        }
        call->math->add_product(kernels, dw, p->k, dh, job->packed_dh ? 0 : p->n,
                                slab_of(call, job, row, part.j), job->packed_x ? 0 : p->k,
                                part.height, part.columns, depth, &next);
    }
    return DSB_OK;
}

dsb_status dsbi_all_rows_product(const dsbi_call *call, const dsbi_all_rows *p, void *scratch)
{
    const size_t slabs = dsbi_pieces(p->rows, ALL_DEPTH), panels = dsbi_pieces(p->k, ALL_COLUMNS);
    all_job job = {.p = p,
                   .tiles = dsbi_pieces(p->n, ALL_TILE),
                   .depth = dsbi_pieces(p->rows, slabs),
                   .packed_x = all_packs_x(p->k, p->gather),
                   .packed_dh = all_packs_dh(p->n),
                   .x = scratch,
                   .worker = dsbi_at(call, scratch, all_x(p->rows, p->k, p->gather))};
    job.down = dsbi_pieces(job.tiles, ALL_TILES);
    job.down += job.down > 1 ? job.down % 2 : 0; /* two threads share them evenly */
    const size_t wanted = dsbi_smaller(dsbi_pieces(ALL_TASKS, job.down), panels);
    job.columns = dsbi_pieces(panels, wanted) * ALL_COLUMNS;
    job.across = dsbi_pieces(p->k, job.columns);
    if (job.packed_x)
        DSBI_TRY(dsbi_ranges(call, &job, dsbi_pieces(p->rows, job.depth) * panels, 1, all_pack));
    return dsbi_ranges(call, &job, job.down * job.across, 1, all_tile);
}
