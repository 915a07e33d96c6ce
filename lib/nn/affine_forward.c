/* Forward of affine.h: tasks are blocks of rows, and of columns where rows are few. A few rows
 * against many weights are a product of their own (products.h). */
#include <string.h>
#include "base/sizes.h"
#include "nn/affine_inside.h"
#include "nn/branch.h"
#include "nn/norm.h"
#include "nn/products.h"

/* What follows a product: rows of `columns` numbers, n apart. */
static void finish_rows(const dsbi_call *call, void *y, void *saved, void *out, size_t count,
                        size_t columns)
{
    const dsbi_math *math = call->math;
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    const size_t n = call->node->out.c, rows = columns == n ? 1 : count;
    const size_t width = columns == n ? count * n : columns;
    for (size_t at = 0; at < rows * n; at += n) {
        if (call->remade)
            math->gelu_fwd(kernels, dsbi_at(call, y, at), dsbi_at(call, out, at), width);
        else if (call->training)
            math->gelu_fwd_slope(kernels, dsbi_at(call, y, at), dsbi_at(call, saved, at),
                                 dsbi_at(call, y, at), width);
        else
            math->gelu_fwd(kernels, dsbi_at(call, y, at), dsbi_at(call, y, at), width);
    }
}

/* Of the last blocks of rows each is cut into so many tasks: a thread that is done waits for a part
 * of a block only. */
enum { END_BLOCKS = 2, END_PARTS = 3 };

/* Statistics for a norm are summed over whole blocks. */
static void cut_end(dsbi_affine_work *work, const dsbi_call *call)
{
    work->whole = dsbi_pieces(work->rows, work->block);
    work->end_rows = work->block / END_PARTS;
    if (work->across == 1 && !call->stats && work->whole > END_BLOCKS)
        work->whole -= END_BLOCKS;
}

static size_t forward_tasks(const dsbi_affine_work *work)
{
    const size_t done = dsbi_smaller(work->rows, work->whole * work->block);
    return work->whole * work->across + dsbi_pieces(work->rows - done, work->end_rows);
}

/* The rows of a task, which is one of `across` side by side. */
static size_t rows_of_task(const dsbi_affine_work *work, size_t task, size_t *count)
{
    const size_t down = task / work->across;
    const bool at_end = down >= work->whole;
    const size_t first = at_end ? work->whole * work->block + (down - work->whole) * work->end_rows
                                : down * work->block;
    *count = dsbi_smaller(at_end ? work->end_rows : work->block, work->rows - first);
    return first;
}

static dsb_status forward_block(const dsbi_call *call, const void *job, size_t task, size_t tasks,
                                size_t worker)
{
    (void)tasks;
    const dsbi_affine_work *work = job;
    const dsbi_math *math = call->math;
    const size_t n = work->affine->n;
    size_t count;
    const size_t first = rows_of_task(work, task, &count);
    const size_t column = task % work->across * work->columns, left = n - column;
    const size_t columns = left < work->columns ? left : work->columns, at = first * n + column;
    const void *a = dsbi_affine_rows_of(call, work, first, count, worker),
               *bias = dsbi_affine_ready_bias(call, work);
    void *y = dsbi_at(call, call->y, at), *out = y;
    const void *residual = call->node->residual ? dsbi_at(call, call->x[1], at) : NULL;
    if (work->dropped) {
        out = dsbi_affine_scratch_at(call,
                                     work->worker + worker * work->worker_size + work->block_out);
        if (residual != y)
            memcpy(y, residual, count * n * math->item);
        residual = NULL;
    }
    if (call->remade) /* the GELU's argument stays, its slope comes with the output's remake */
        out = dsbi_at(call, call->saved, at);
    for (size_t g = 0; g < work->groups; g++)
        math->affine(dsbi_kernels_of(call->rt), dsbi_at(call, out, g * work->n), n,
                     dsbi_at(call, a, g * work->k), work->ld, 1,
                     dsbi_at(call, dsbi_affine_packed_group(call, work, g), column * work->k),
                     count, work->groups > 1 ? work->n : columns, work->k, 1, 0,
                     bias ? dsbi_at(call, bias, g * work->n + column) : NULL,
                     residual ? dsbi_at(call, residual, g * work->n) : NULL, n, call->node->relu);
    if (call->node->gelu)
        finish_rows(call, y, call->saved ? dsbi_at(call, call->saved, at) : NULL, out, count,
                    columns);
    if (work->dropped)
        dsbi_branch_drop(call, y, out, first, count, n, true);
    if (work->across == 1)
        dsbi_norm_stats_set(call, task, first, count);
    return DSB_OK;
}

static dsb_status forward_few(const dsbi_call *call, const dsbi_affine_work *work)
{
    const dsbi_few_rows p = {call->x[0], call->params[0], call->y, work->rows,
                             work->n,    work->k,         true,    false};
    DSBI_TRY(dsbi_few_rows_product(call, &p, dsbi_affine_scratch_at(call, work->product)));
    if (call->params[1])
        call->math->bias_add(dsbi_kernels_of(call->rt), call->y, call->y, call->params[1],
                             work->rows, work->n);
    if (call->node->relu)
        call->math->relu_fwd(dsbi_kernels_of(call->rt), call->y, call->y, work->rows * work->n);
    return DSB_OK;
}

dsb_status dsbi_affine_forward(const dsbi_call *call, const dsbi_affine *affine)
{
    dsbi_affine_work work;
    dsbi_affine_cut(&work, affine, call->node, call->batch, call->training);
    dsbi_affine_lay_forward(&work, call->rt->n_threads, call->prepared);
    if (call->stats)
        call->stats->n = work.few_rows || work.across > 1 ? 0 : dsbi_pieces(work.rows, work.block);
    if (work.few_rows)
        return forward_few(call, &work);
    if (!call->prepared)
        DSBI_TRY(dsbi_affine_make_ready(call, &work, dsbi_affine_scratch_at(call, work.packed),
                                        dsbi_affine_scratch_at(call, work.weights)));
    if (!call->stats)
        dsbi_affine_cut_rows(&work);
    cut_end(&work, call);
    return dsbi_ranges(call, &work, forward_tasks(&work), 1, forward_block);
}

static dsb_status remake_range(const dsbi_call *call, const void *job, size_t first, size_t count,
                               size_t worker)
{
    (void)job;
    (void)worker;
    void *saved = dsbi_at(call, call->saved, first);
    call->math->gelu_fwd_slope(dsbi_kernels_of(call->rt), dsbi_at(call, call->y, first), saved,
                               saved, count);
    return DSB_OK;
}

dsb_status dsbi_affine_remake(const dsbi_call *call)
{
    const size_t n = call->batch * dsbi_shape_size(call->node->out);
    return dsbi_ranges(call, NULL, n, dsbi_range_step(n, 1), remake_range);
}
