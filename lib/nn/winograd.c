/* See winograd.h. The output is cut into pieces, all images in a row. For a block of
 * pieces the transformed input is V [36, pieces, c_in]; with the transformed weights U [36, c_in,
 * c_out] each of the 36 is a matrix product M = V U, and the transform of M is the output. A
 * block's V and M stay in the cache of the worker that makes them.
 *
 * The gradient of the data is the same with dy in the place of x and the taps reversed; that of the
 * weights is in winograd_gradient.c. */
#include "nn/winograd.h"

#include <string.h>
#include "base/sizes.h"
#include "nn/blocks.h"
#include "nn/branch.h"
#include "nn/norm.h"
#include "nn/winograd_gradient.h"
#include "nn/winograd_product.h"

enum {
    POINTS = DSBI_WINO_POINTS,
    GAP = DSBI_WINO_GAP,
    COLUMNS = DSBI_WINO_COLUMNS,
    /* sizes in elements, tuned on Zen 5 (1 MiB second-level cache), November 2026 */
    BLOCK_ELEMENTS = 3 << 17,
    MOST_PIECES = 112,
    LEAST_PIECES = 14, /* a tile of a product */
    BLOCKS_WANTED = 12,
    PARTS_OF_FEW = 64,     /* no smaller batch makes more blocks, where its own number is less */
    FEW_WEIGHTS = 1 << 12, /* products of so many are made by a kernel of their own, on blocks */
    SMALL_BLOCK = 1 << 10, /* of so many channels of pieces, what is next being fetched meanwhile */
    SMALL_PIECES = 8,
    TASKS_WANTED = 32,
    MANY_WEIGHTS = 1 << 16, /* of one of the 36 products: all pieces of a wave go through them */
    MANY_TIMES = 4,
    USUAL_BATCH = 16,
    WAVE_ELEMENTS = 3 << 20 /* V and M of a wave, in a third-level cache of 32 MiB */
};

/* --- forward and gradient of the data ------------------------------------------------------- */

static size_t ready_size(const dsbi_wino_product *job)
{
    return dsbi_wino_ready_bias(job) + job->cut.out.c;
}

static size_t within(size_t x, size_t least, size_t most)
{
    return x > most ? most : x < least ? least : x;
}

/* Pieces of a block of `pieces`. */
static size_t block_of(const dsbi_wino_product *job, size_t pieces)
{
    const size_t most = within(BLOCK_ELEMENTS / POINTS / (job->cut.in.c + job->columns),
                               2 * LEAST_PIECES, MOST_PIECES);
    return within(dsbi_pieces(pieces, BLOCKS_WANTED), LEAST_PIECES, most);
}

/* Whether it takes longer to read U for each block than V and M once more. By shapes alone: U that
 * was made ready serves any batch. */
static bool many_weights(const dsbi_wino_product *job)
{
    const size_t c = job->cut.in.c, n = job->cut.out.c;
    const size_t block = block_of(job, USUAL_BATCH * job->cut.image);
    return c * n >= MANY_WEIGHTS && c * n >= MANY_TIMES * block * (c + n);
}

static void lay_product(dsbi_wino_product *job, size_t n_threads)
{
    const size_t c = job->cut.in.c, n = job->cut.out.c;
    job->columns = n < COLUMNS ? n : COLUMNS;
    const size_t across = job->cut.across;
    if (c * job->columns <= FEW_WEIGHTS) {
        job->block = within(SMALL_BLOCK / (c + job->columns), SMALL_PIECES, MOST_PIECES);
        job->block = within(across, job->block, MOST_PIECES);
    } else {
        job->block = block_of(job, job->cut.pieces);
    }
    job->norms &= job->block >= across;
    if (job->norms)
        job->block = job->block / across * across;
    const size_t blocks = dsbi_pieces(job->cut.pieces, job->block);
    job->group = job->block * dsbi_pieces(blocks, TASKS_WANTED);
    job->many = many_weights(job);
    /* pieces whose V and M exist at a time, never more for fewer images */
    size_t held = job->block;
    if (job->many)
        held = dsbi_smaller(dsbi_larger(WAVE_ELEMENTS / POINTS / (c + n), MOST_PIECES),
                            job->cut.pieces);
    job->wave = held < job->cut.pieces ? held / job->block * job->block : held;
    job->v_stride = held * c + GAP;
    job->m_stride = held * (job->many ? n : job->columns) + GAP;
    job->weights = dsbi_take(&job->end, job->prepared ? 0 : ready_size(job));
    job->zeros = dsbi_take(&job->end, dsbi_wino_zeros(&job->cut));
    size_t end = 0;
    size_t *const owner = job->many ? &job->end : &end; /* one V and M for all workers */
    job->v = dsbi_take(owner, POINTS * job->v_stride);
    job->m = dsbi_take(owner, POINTS * job->m_stride);
    job->taps = 0; /* before V is needed */
    const size_t taps = job->cut.taps * job->cut.taps * c * (job->columns + DSBI_GEMM_PAD);
    job->worker_size = end > taps || job->prepared ? end : (taps + 15) / 16 * 16;
    job->worker = dsbi_take(&job->end, n_threads * job->worker_size);
}

static void *worker_at(const dsbi_call *call, const dsbi_wino_product *job, size_t worker,
                       size_t at)
{
    return dsbi_at(call, call->scratch, job->worker + worker * job->worker_size + at);
}

/* U of columns [first, first + count): the taps in the order of the tiles, then transformed. */
static dsb_status transform_weights(const dsbi_call *call, const void *user, size_t first,
                                    size_t count, size_t worker)
{
    const dsbi_wino_product *job = user;
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    const size_t c = job->cut.in.c, n = job->cut.out.c, size = c * dsbi_wino_padded(count);
    const size_t tap_stride = c * (job->columns + DSBI_GEMM_PAD);
    const size_t area = job->cut.taps * job->cut.taps;
    void *taps = worker_at(call, job, worker, job->taps);
    for (size_t tap = 0; tap < area; tap++) {
        void *packed = dsbi_at(call, taps, tap * tap_stride);
        const size_t last = area - 1 - tap;
        if (job->reversed) /* W [c, area, n] */
            call->math->pack(kernels, packed, dsbi_at(call, call->params[0], last * n + first),
                             area * n, false, c, count);
        else /* W [n, area, c] */
            call->math->pack(kernels, packed,
                             dsbi_at(call, call->params[0], (first * area + tap) * c), area * c,
                             true, c, count);
    }
    call->math->wino_weights(kernels, dsbi_wino_ready_at(call, job, dsbi_wino_u_of(job, first)),
                             dsbi_wino_u_stride(job, count), taps, tap_stride, job->cut.taps, size);
    if (call->params[1] && !job->reversed)
        memcpy(dsbi_wino_ready_at(call, job, dsbi_wino_ready_bias(job) + first),
               dsbi_at(call, call->params[1], first), count * call->math->item);
    return DSB_OK;
}

/* M [36, count, columns] for columns from `column` on. */
static void multiply(const dsbi_call *call, const dsbi_wino_product *job, void *m, const void *v,
                     size_t count, size_t column, size_t columns, dsbi_fetch fetch)
{
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    const size_t c = job->cut.in.c, size = c * dsbi_wino_padded(columns);
    const void *u = dsbi_wino_ready_at(call, job, column * POINTS * c);
    if (c * job->columns <= FEW_WEIGHTS) {
        call->math->wino_products(kernels, m, job->m_stride, v, job->v_stride, u, size, count,
                                  columns, c, fetch);
        return;
    }
    for (size_t p = 0; p < POINTS; p++)
        call->math->block(kernels, dsbi_at(call, m, p * job->m_stride), columns,
                          dsbi_at(call, v, p * job->v_stride), c, 1, dsbi_at(call, u, p * size),
                          count, columns, c, 1, 0);
}

/* Of the input, the output and what norms want with it. */
static dsbi_fetch fetch_next(const dsbi_call *call, const dsbi_wino_product *job, size_t first,
                             size_t count)
{
    dsbi_fetch fetch = {.n = 0};
    dsbi_wino_fetch(call, &job->cut, &fetch, job->cut.in, job->x, first, count);
    dsbi_wino_fetch(call, &job->cut, &fetch, job->cut.out, job->y, first, count);
    if (job->reversed && job->norms) {
        dsbi_wino_fetch(call, &job->cut, &fetch, job->cut.out, call->sums->x, first, count);
        if (call->sums->closes)
            dsbi_wino_fetch(call, &job->cut, &fetch, job->cut.out, call->x[0], first, count);
    }
    return fetch;
}

static void product_block(const dsbi_call *call, const dsbi_wino_product *job, size_t first,
                          size_t count, size_t next, size_t worker)
{
    const size_t n = job->cut.out.c;
    const dsbi_fetch fetch = fetch_next(call, job, first + count, next);
    void *v = worker_at(call, job, worker, job->v), *m = worker_at(call, job, worker, job->m);
    dsbi_wino_input(call, &job->cut, v, job->v_stride, job->x, job->normed,
                    dsbi_wino_zeros_at(call, job), first, count);
    for (size_t column = 0; column < n; column += job->columns) {
        const dsbi_wino_out out = {
            .y = job->y,
            .bias = job->bias ? dsbi_wino_ready_at(call, job, dsbi_wino_ready_bias(job) + column)
                              : NULL,
            .from = job->from,
            .relu = job->relu,
            .column = column,
            .columns = n - column < job->columns ? n - column : job->columns};
        multiply(call, job, m, v, count, column, out.columns, fetch);
        dsbi_wino_output(call, &job->cut, &out, m, job->m_stride, first, count);
    }
}

void dsbi_wino_finish_norms(const dsbi_call *call, const dsbi_wino_product *job, size_t first,
                            size_t count)
{
    if (!job->norms)
        return;
    const size_t row = dsbi_wino_row(&job->cut, job->cut.out, first),
                 rows = dsbi_wino_row(&job->cut, job->cut.out, first + count) - row;
    if (job->reversed)
        dsbi_norm_sums_add(call, first / job->group, row, rows);
    else
        dsbi_norm_stats_set(call, first / job->block, row, rows);
}

/* Blocks of a task, and what norms want of their rows. */
static dsb_status product_group(const dsbi_call *call, const void *user, size_t first, size_t count,
                                size_t worker)
{
    const dsbi_wino_product *job = user;
    if (job->norms && job->reversed)
        dsbi_norm_sums_begin(call, first / job->group);
    for (size_t piece = first; piece < first + count; piece += job->block) {
        const size_t left = first + count - piece;
        const size_t part = dsbi_smaller(left, job->block);
        product_block(call, job, piece, part, dsbi_smaller(left - part, job->block), worker);
        dsbi_wino_finish_norms(call, job, piece, part);
    }
    return DSB_OK;
}

static dsb_status run_product(const dsbi_call *call, const dsbi_wino_product *job)
{
    memset(dsbi_wino_zeros_at(call, job), 0, dsbi_wino_zeros(&job->cut) * call->math->item);
    if (!job->prepared)
        DSBI_TRY(dsbi_ranges(call, job, job->cut.out.c, job->columns, transform_weights));
    if (job->many)
        return dsbi_wino_waves(call, job);
    return dsbi_ranges(call, job, job->cut.pieces, job->group, product_group);
}

/* --- the layer's side ----------------------------------------------------------------------- */

/* Multiply-adds of the direct sum against those of 36 products, the transforms (each of the 36
 * values costs as much as some 8 products) and the weights, transformed once for a batch of perhaps
 * 16 images. */
bool dsbi_winograd_fits(const dsbi_node *node)
{
    const dsbi_attrs *a = &node->attrs;
    if ((a->kernel != 3 && a->kernel != 5) || a->stride > 1 || a->pad >= a->kernel ||
        a->groups > 1 || a->dilation > 1 || node->pixels || node->gelu || node->no_winograd)
        return false;
    if (node->residual && (node->gamma != DSBI_NONE || (!node->inference && node->drop_rate > 0)))
        return false;
    const double c = (double)node->in.c, n = (double)node->out.c;
    const dsbi_wino_cut cut = dsbi_wino_forward_cut(node, 1);
    const double pieces = (double)cut.pieces;
    const double direct = (double)(a->kernel * a->kernel * dsbi_shape_rows(node->out)) * c * n;
    const double here = pieces * (36 * c * n + 36 * 8 * (c + n)) + 36 * 8 * c * n / 16;
    return c >= 8 && n >= 8 && here < 0.8 * direct;
}

static dsbi_wino_product forward_product(const dsbi_call *call)
{
    return (dsbi_wino_product){.cut = dsbi_wino_forward_cut(call->node, call->batch),
                               .x = call->x[0],
                               .normed = call->x_norm,
                               .bias = call->params[1],
                               .from = call->node->residual ? call->x[1] : NULL,
                               .y = call->y,
                               .relu = call->node->relu,
                               .prepared = call->prepared,
                               .norms = call->stats};
}

void dsbi_winograd_needs(const dsbi_node *node, const dsbi_sizing *sizing, dsbi_needs *needs)
{
    dsbi_wino_product forward = {.cut = dsbi_wino_forward_cut(node, sizing->batch),
                                 .prepared = sizing->prepares};
    dsbi_wino_product data = {.cut = dsbi_wino_data_cut(node, sizing->batch)}, parts = forward;
    lay_product(&forward, sizing->n_threads);
    lay_product(&data, sizing->n_threads);
    needs->scratch_forward = forward.end * sizing->item;
    if (sizing->prepares) {
        needs->prepared = ready_size(&forward) * sizing->item;
        forward.prepared = false;
        forward.end = 0;
        lay_product(&forward, sizing->n_threads);
        needs->scratch_prepare = forward.end * sizing->item;
    }
    const size_t weights = dsbi_wino_gradient_size(node, sizing);
    needs->scratch_backward = (data.end > weights ? data.end : weights) * sizing->item;
    parts.norms = true;
    lay_product(&parts, sizing->n_threads);
    const size_t blocks = dsbi_pieces(parts.cut.pieces, parts.block);
    needs->stats_parts = !parts.norms ? 0 : blocks > PARTS_OF_FEW ? blocks : PARTS_OF_FEW;
    needs->sums_norm = data.cut.across <= LEAST_PIECES;
    needs->keep_x = 1;
    needs->reads_norm = true;
    needs->takes_norm = !node->relu && !node->residual && dsbi_wino_gradient_by_lines(node);
    needs->adds_dx = needs->dx_over_x = true;
    needs->in_place = needs->passes = node->residual ? 2 : 0;
}

dsb_status dsbi_winograd_prepare(const dsbi_call *call)
{
    dsbi_wino_product job = forward_product(call);
    job.prepared = false; /* scratch for the taps */
    lay_product(&job, call->rt->n_threads);
    return dsbi_ranges(call, &job, job.cut.out.c, job.columns, transform_weights);
}

dsb_status dsbi_winograd_forward(const dsbi_call *call)
{
    dsbi_wino_product job = forward_product(call);
    lay_product(&job, call->rt->n_threads);
    if (call->stats)
        call->stats->n = job.norms ? dsbi_pieces(job.cut.pieces, job.block) : 0;
    return run_product(call, &job);
}

static dsb_status data_gradient(const dsbi_call *call)
{
    dsbi_wino_product job = {.cut = dsbi_wino_data_cut(call->node, call->batch),
                             .reversed = true,
                             .x = call->norm ? call->y : call->dy,
                             .y = call->dx[0],
                             .from = call->add[0] ? call->dx[0] : NULL,
                             .norms = call->sums};
    lay_product(&job, call->rt->n_threads);
    if (call->sums) { /* few enough parts */
        const size_t blocks = dsbi_pieces(job.cut.pieces, job.block);
        const size_t group = job.block * dsbi_pieces(blocks, DSBI_MOST_PARTIALS);
        job.group = group > job.group ? group : job.group;
        call->sums->n = dsbi_pieces(job.cut.pieces, job.group);
    }
    return run_product(call, &job);
}

static dsb_status pass_residual(const dsbi_call *call, const void *job, size_t first, size_t count,
                                size_t worker)
{
    (void)job;
    (void)worker;
    dsbi_branch_pass(call, first, count);
    return DSB_OK;
}

/* dx may lie where x does: x is read first. */
dsb_status dsbi_winograd_backward(const dsbi_call *call)
{
    const size_t n = call->batch * dsbi_shape_size(call->node->out);
    if (call->grads[0])
        DSBI_TRY(dsbi_wino_gradient(call));
    else if (call->norm)
        DSBI_TRY(dsbi_wino_finish_norm(call));
    if (call->dx[0])
        DSBI_TRY(data_gradient(call));
    return call->node->residual ? dsbi_ranges(call, NULL, n, dsbi_range_step(n, 1), pass_residual)
                                : DSB_OK;
}
