/* See affine.h. Forward: tasks are blocks of rows, and of columns where rows are few. Backward:
 * tasks are groups of blocks, each with its own partial weight gradient, added up in order; weights
 * too large for several partial results get theirs from one product over all rows instead, whose
 * tiles are the tasks. A few rows against many weights are products of their own as well
 * (products.h). */
#include "nn/affine.h"

#include <math.h>
#include <string.h>
#include "nn/blocks.h"
#include "nn/branch.h"
#include "nn/norm.h"
#include "nn/products.h"

/* A block's operands stay in a 1 MiB second-level cache (Zen 5, November 2026); its rows are a
 * multiple of the heights of all tiles: 14, 6, 4. */
enum {
    BLOCK_ELEMENTS = 131072,
    TILE_ROWS = 84,
    MOST_ROWS = 12 * TILE_ROWS,
    MANY_WEIGHTS = 1 << 19,  /* their gradient is one product over all rows */
    SUMMED_ELEMENTS = 43008, /* of dx between two sums for a norm in front (norm.h) */
    SUMMED_ROWS = 42,        /* and a multiple of so many rows, at least */
    LARGE_PARTIAL = 1 << 15, /* worth summing over at least GROUP_ROWS before it is put away */
    GROUP_ROWS = 768,
    GROUPS_WANTED = 8
};

/* Columns of a packing task, least columns of a product's: multiples of every tile width. */
enum {
    ALIASING_STRIDE = 1024,
    GAP = 16,
    PACK_COLUMNS = 256,
    LEAST_COLUMNS = 64,
    TASKS_WANTED = 16
};

/* How the work is cut and where things lie in scratch memory, in elements. */
typedef struct affine_work {
    const dsbi_affine *affine;
    size_t groups, k, n;  /* columns of a and of y in one group */
    bool scaled, dropped; /* a layer scale is fused, a drop path acts */
    bool backward;
    bool whole_product; /* dW from one product over all rows */
    bool few_rows;
    size_t rows, block;
    size_t columns, across; /* forward: columns of a task, tasks side by side */
    size_t ld;              /* of rows of a: k, or more where rows would share sets of the cache */
    size_t group, most_groups; /* backward: rows of a task, the most tasks */
    size_t weights;            /* offsets: scaled W */
    size_t packed; /* W as the tiles want it, transposed in forward, group by group, then bias */
    size_t partials, stride; /* partial dW [n, k] and column sums [n] of each group */
    size_t total;            /* their sum, before gamma */
    size_t drops;            /* dy with the drop path's factors, all rows */
    size_t product;          /* products.h */
    size_t worker, patches, dpatches, block_out, packed_rows, worker_size;
    size_t end;
} affine_work;

static size_t block_rows(size_t k, size_t n)
{
    const size_t rows = BLOCK_ELEMENTS / (k + 2 * n) / TILE_ROWS * TILE_ROWS;
    return rows < TILE_ROWS ? TILE_ROWS : rows > MOST_ROWS ? MOST_ROWS : rows;
}

/* Too few blocks of rows to share out: columns are cut as well, unless patches would be gathered
 * again for each or rows of the output go on elsewhere. */
static void cut_columns(affine_work *work)
{
    const size_t down = dsbi_pieces(work->rows, work->block);
    work->columns = work->affine->n;
    if (!work->affine->gather && work->groups == 1 && !work->dropped && down < TASKS_WANTED) {
        const size_t most = dsbi_pieces(work->n, LEAST_COLUMNS);
        const size_t wanted = dsbi_pieces(TASKS_WANTED, down);
        work->columns = dsbi_pieces(most, wanted < most ? wanted : most) * LEAST_COLUMNS;
    }
    work->across = dsbi_pieces(work->affine->n, work->columns);
}

static void cut(affine_work *work, const dsbi_affine *affine, const dsbi_node *node, size_t batch,
                bool training)
{
    const size_t groups = affine->groups ? affine->groups : 1;
    *work = (affine_work){.affine = affine,
                          .groups = groups,
                          .k = affine->k / groups,
                          .n = affine->n / groups,
                          .scaled = node->gamma != DSBI_NONE,
                          .dropped = dsbi_branch_drops(node, training),
                          .rows = batch * affine->image_rows,
                          .block = block_rows(affine->k, affine->n)};
    work->few_rows = !affine->gather && groups == 1 && !node->gelu && !node->residual &&
                     dsbi_few_rows_fits(work->rows, work->n, work->k);
    cut_columns(work);
}

/* Groups are whole images where patches of one image overlap in dx. */
static void cut_groups(affine_work *work)
{
    const dsbi_affine *affine = work->affine;
    const size_t unit = affine->blocked_rows ? 1 : affine->image_rows,
                 width = affine->k + affine->n;
    const size_t units = work->rows / unit;
    size_t partial = affine->n * work->k + affine->n;
    const bool large = partial > LARGE_PARTIAL,
               short_of_rows = work->rows < GROUPS_WANTED * GROUP_ROWS;
    work->whole_product = (!affine->gather || affine->gather_columns) && work->groups == 1 &&
                          (partial > MANY_WEIGHTS || (large && short_of_rows));
    if (work->whole_product)
        partial = affine->n;
    size_t step = dsbi_partial_step(units, width * unit, partial);
    const size_t least_rows = large && !short_of_rows ? GROUP_ROWS : work->block;
    const size_t least = dsbi_pieces(least_rows, unit);
    work->group = (step > least ? step : least) * unit;
    work->most_groups = dsbi_partial_most(units, width * unit, partial);
}

/* Elements of b[k, n] packed. */
static size_t packed_size(size_t k, size_t n)
{
    return k * (n + DSBI_GEMM_PAD);
}

static void lay_workers(affine_work *work, const dsbi_affine *affine, bool backward)
{
    size_t end = 0;
    work->ld = affine->k + (!backward && affine->k % ALIASING_STRIDE == 0 ? GAP : 0);
    const bool copied = affine->gather || work->ld > affine->k;
    work->patches = dsbi_take(&end, copied ? work->block * work->ld : 0);
    work->dpatches = dsbi_take(&end, affine->gather && backward ? work->block * affine->k : 0);
    work->block_out = dsbi_take(&end, work->block * affine->n);
    work->packed_rows = dsbi_take(&end, backward ? packed_size(work->block, work->k) : 0);
    work->worker_size = end;
}

/* Weights made ready for the tiles, then the bias that belongs to them. */
static size_t ready_size(const affine_work *work)
{
    return work->groups * packed_size(work->k, work->n) + work->affine->n;
}

static void lay_forward(affine_work *work, size_t n_threads, bool prepared)
{
    const dsbi_affine *affine = work->affine;
    work->few_rows &= !prepared;
    work->weights = dsbi_take(&work->end, work->scaled && !prepared ? affine->n * work->k : 0);
    if (work->few_rows) {
        work->product = dsbi_take(&work->end, dsbi_few_rows_size(work->rows, work->k, n_threads));
        return;
    }
    work->packed = dsbi_take(&work->end, prepared ? 0 : ready_size(work));
    lay_workers(work, affine, false);
    work->worker = dsbi_take(&work->end, n_threads * work->worker_size);
}

static void lay_backward(affine_work *work, size_t n_threads)
{
    const dsbi_affine *affine = work->affine;
    const size_t n_weights = affine->n * work->k;
    work->weights = dsbi_take(&work->end, work->scaled ? n_weights : 0);
    work->packed =
        dsbi_take(&work->end, work->few_rows ? 0 : work->groups * packed_size(work->n, work->k));
    work->stride = (work->whole_product ? 0 : n_weights) + affine->n;
    work->stride = (work->stride + 15) / 16 * 16;
    work->partials = dsbi_take(&work->end, work->most_groups * work->stride);
    work->total = dsbi_take(&work->end, work->scaled ? n_weights + affine->n : 0);
    work->drops =
        dsbi_take(&work->end, work->whole_product && work->dropped ? work->rows * affine->n : 0);
    const size_t few = work->few_rows ? dsbi_few_rows_size(work->rows, work->n, n_threads) : 0;
    const size_t all = work->whole_product ? dsbi_all_rows_size(work->rows, work->k, n_threads) : 0;
    work->product = dsbi_take(&work->end, few > all ? few : all);
    lay_workers(work, affine, true);
    work->worker = dsbi_take(&work->end, n_threads * work->worker_size);
}

void dsbi_affine_declare(dsbi_builder *b, dsbi_node *node, size_t rank, const size_t *dims,
                         const size_t *perm)
{
    dsbi_init weight = node->attrs.init, bias = node->attrs.bias_init;
    if (weight.kind == DSBI_INIT_DEFAULT)
        weight = (dsbi_init){DSBI_INIT_TRUNC_NORMAL, 0.02};
    if (bias.kind == DSBI_INIT_DEFAULT)
        bias = (dsbi_init){DSBI_INIT_CONSTANT, 0};
    dsbi_param_add(b, node, "weight", rank, dims, perm, weight);
    if (node->attrs.no_bias || b->status != DSB_OK)
        return;
    const double fan_in = (double)(b->graph->params[b->graph->n_params - 1].size / dims[0]);
    if (bias.kind == DSBI_INIT_TORCH)
        bias = (dsbi_init){DSBI_INIT_UNIFORM, 1 / sqrt(fan_in)};
    dsbi_param_add(b, node, "bias", 1, dims, NULL, bias);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Scratch for `batch` images. Fewer images than planned may take another way, so the plan asks for
 * the numbers at which ways part as well. */
static void add_needs(const dsbi_affine *affine, const dsbi_node *node, const dsbi_sizing *sizing,
                      size_t batch, dsbi_needs *needs)
{
    const bool prepared = needs->prepared > 0;
    affine_work work;
    cut(&work, affine, node, batch, sizing->training);
    lay_forward(&work, sizing->n_threads, prepared);
    needs->scratch_forward = larger(needs->scratch_forward, work.end * sizing->item);
    cut(&work, affine, node, batch, sizing->training);
    cut_groups(&work);
    lay_backward(&work, sizing->n_threads);
    needs->scratch_backward = larger(needs->scratch_backward, work.end * sizing->item);
}

void dsbi_affine_needs(const dsbi_affine *affine, const dsbi_node *node, const dsbi_sizing *sizing,
                       dsbi_needs *needs)
{
    affine_work work;
    cut(&work, affine, node, sizing->batch, sizing->training);
    if (sizing->prepares && !work.few_rows) {
        needs->prepared = ready_size(&work) * sizing->item;
        needs->scratch_prepare = work.scaled ? affine->n * work.k * sizing->item : 0;
    }
    add_needs(affine, node, sizing, sizing->batch, needs);
    const size_t turns[] = {DSBI_FEW_ROWS, GROUPS_WANTED * GROUP_ROWS - 1};
    for (size_t i = 0; i < 2; i++)
        if (turns[i] / affine->image_rows > 0 && turns[i] / affine->image_rows < sizing->batch)
            add_needs(affine, node, sizing, turns[i] / affine->image_rows, needs);
    needs->saved = node->gelu ? sizing->batch * affine->image_rows * affine->n * sizing->item : 0;
    needs->keep_x = node->pixels ? 0 : 1;
    needs->adds_dx = true;
    needs->in_place = needs->passes = node->residual ? 2 : 0;
    needs->takes_norm = !node->gelu && !node->relu && !node->residual;
    needs->sums_norm = affine->blocked_rows && !affine->gather;
    needs->stats_parts = dsbi_pieces(work.rows, work.block);
}

static void *scratch_at(const dsbi_call *call, size_t element)
{
    return dsbi_at(call, call->scratch, element);
}

static const void *packed_group(const dsbi_call *call, const affine_work *work, size_t group)
{
    if (call->prepared)
        return dsbi_at(call, call->prepared, group * packed_size(work->k, work->n));
    const size_t size =
        work->backward ? packed_size(work->n, work->k) : packed_size(work->k, work->n);
    return scratch_at(call, work->packed + group * size);
}

/* Weights on their way into the order of the tiles. */
typedef struct affine_packing {
    const affine_work *work;
    const void *weights;
    void *packed;
} affine_packing;

static dsb_status pack_columns(const dsbi_call *call, const void *job, size_t first, size_t count,
                               size_t worker)
{
    (void)worker;
    const affine_packing *packing = job;
    const affine_work *work = packing->work;
    const size_t k = work->k, n = work->n;
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    for (size_t g = 0; g < work->groups; g++) {
        const void *weights = dsbi_at(call, packing->weights, g * n * k);
        if (work->backward)
            call->math->pack(kernels,
                             dsbi_at(call, packing->packed, g * packed_size(n, k) + first * n),
                             dsbi_at(call, weights, first), k, false, n, count);
        else
            call->math->pack(kernels,
                             dsbi_at(call, packing->packed, g * packed_size(k, n) + first * k),
                             dsbi_at(call, weights, first * k), k, true, k, count);
    }
    return DSB_OK;
}

/* W^T (forward) or W (backward) into the order of the tiles, once for all blocks. */
static dsb_status pack_weights(const dsbi_call *call, const affine_work *work, const void *weights,
                               void *packed)
{
    const affine_packing packing = {work, weights, packed};
    return dsbi_ranges(call, &packing, work->backward ? work->k : work->n, PACK_COLUMNS,
                       pack_columns);
}

/* W^T and the bias, times gamma where there is one. `scaled` is memory for W times gamma. */
static dsb_status make_ready(const dsbi_call *call, const affine_work *work, void *ready,
                             void *scaled)
{
    const void *weights = call->params[0];
    const size_t n = work->affine->n;
    void *bias = dsbi_at(call, ready, work->groups * packed_size(work->k, work->n));
    if (work->scaled) {
        dsbi_branch_scale(call, scaled, call->params[1] ? bias : NULL, weights, call->params[1], n,
                          work->k);
        weights = scaled;
    } else if (call->params[1]) {
        memcpy(bias, call->params[1], n * call->math->item);
    }
    return pack_weights(call, work, weights, ready);
}

static const void *ready_bias(const dsbi_call *call, const affine_work *work)
{
    const size_t at = work->groups * packed_size(work->k, work->n);
    return !call->params[1] ? NULL : dsbi_at(call, packed_group(call, work, 0), at);
}

dsb_status dsbi_affine_prepare(const dsbi_call *call, const dsbi_affine *affine)
{
    affine_work work;
    cut(&work, affine, call->node, call->batch, call->training);
    return make_ready(call, &work, call->prepared, call->scratch);
}

/* The rows of a, ld apart: the input itself, gathered patches or a copy. */
static const void *rows_of(const dsbi_call *call, const affine_work *work, size_t first,
                           size_t count, size_t worker)
{
    const dsbi_affine *affine = work->affine;
    const size_t k = affine->k;
    if (!affine->gather && work->ld == k)
        return dsbi_at(call, call->x[0], first * k);
    void *rows = scratch_at(call, work->worker + worker * work->worker_size + work->patches);
    if (work->ld == k)
        affine->gather(call, rows, first, count);
    for (size_t i = 0; i < count && work->ld > k; i++) {
        void *row = dsbi_at(call, rows, i * work->ld);
        if (affine->gather)
            affine->gather(call, row, first + i, 1);
        else
            memcpy(row, dsbi_at(call, call->x[0], (first + i) * k), k * call->math->item);
    }
    return rows;
}

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

static dsb_status forward_block(const dsbi_call *call, const void *job, size_t task, size_t tasks,
                                size_t worker)
{
    (void)tasks;
    const affine_work *work = job;
    const dsbi_math *math = call->math;
    const size_t n = work->affine->n;
    const size_t first = task / work->across * work->block, left_rows = work->rows - first;
    const size_t count = left_rows < work->block ? left_rows : work->block;
    const size_t column = task % work->across * work->columns, left = n - column;
    const size_t columns = left < work->columns ? left : work->columns, at = first * n + column;
    const void *a = rows_of(call, work, first, count, worker), *bias = ready_bias(call, work);
    void *y = dsbi_at(call, call->y, at), *out = y;
    const void *residual = call->node->residual ? dsbi_at(call, call->x[1], at) : NULL;
    if (work->dropped) {
        out = scratch_at(call, work->worker + worker * work->worker_size + work->block_out);
        if (residual != y)
            memcpy(y, residual, count * n * math->item);
        residual = NULL;
    }
    if (call->remade) /* the GELU's argument stays, its slope comes with the output's remake */
        out = dsbi_at(call, call->saved, at);
    for (size_t g = 0; g < work->groups; g++)
        math->affine(dsbi_kernels_of(call->rt), dsbi_at(call, out, g * work->n), n,
                     dsbi_at(call, a, g * work->k), work->ld, 1,
                     dsbi_at(call, packed_group(call, work, g), column * work->k), count,
                     work->groups > 1 ? work->n : columns, work->k, 1, 0,
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

static dsb_status forward_few(const dsbi_call *call, const affine_work *work)
{
    const dsbi_few_rows p = {call->x[0], call->params[0], call->y, work->rows,
                             work->n,    work->k,         true,    false};
    DSBI_TRY(dsbi_few_rows_product(call, &p, scratch_at(call, work->product)));
    if (call->params[1])
        call->math->bias_add(dsbi_kernels_of(call->rt), call->y, call->y, call->params[1],
                             work->rows, work->n);
    if (call->node->relu)
        call->math->relu_fwd(dsbi_kernels_of(call->rt), call->y, call->y, work->rows * work->n);
    return DSB_OK;
}

dsb_status dsbi_affine_forward(const dsbi_call *call, const dsbi_affine *affine)
{
    affine_work work;
    cut(&work, affine, call->node, call->batch, call->training);
    lay_forward(&work, call->rt->n_threads, call->prepared);
    if (call->stats)
        call->stats->n = work.few_rows || work.across > 1 ? 0 : dsbi_pieces(work.rows, work.block);
    if (work.few_rows)
        return forward_few(call, &work);
    if (!call->prepared)
        DSBI_TRY(
            make_ready(call, &work, scratch_at(call, work.packed), scratch_at(call, work.weights)));
    return dsbi_ranges(call, &work, dsbi_pieces(work.rows, work.block) * work.across, 1,
                       forward_block);
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

/* The gradient in front of bias and product: dy through a norm behind, GELU or drop path, without
 * gamma. */
static const void *block_gradient(const dsbi_call *call, const affine_work *work, size_t first,
                                  size_t count, size_t worker)
{
    const size_t n = work->affine->n;
    const void *dy = dsbi_at(call, call->dy, first * n);
    void *out = scratch_at(call, work->worker + worker * work->worker_size + work->block_out);
    if (call->norm) {
        void *y = dsbi_at(call, call->y, first * n);
        if (work->whole_product)
            out = y; /* nobody reads that again; kept for the product over all rows */
        dsbi_norm_gradient(call, call->norm, call->norm_gate, out, dy, y, false, count, n);
        return out;
    }
    if (call->node->gelu) {
        void *slope = dsbi_at(call, call->saved, first * n);
        if (work->whole_product)
            out = slope; /* kept for the product over all rows */
        call->math->mul_rows(dsbi_kernels_of(call->rt), out, slope, dy, 1, count * n);
        return out;
    }
    if (work->dropped) {
        if (work->whole_product)
            out = scratch_at(call, work->drops + first * n);
        dsbi_branch_drop(call, out, dy, first, count, n, false);
        return out;
    }
    return dy;
}

static void input_gradient(const dsbi_call *call, const affine_work *work, const void *dh,
                           size_t first, size_t count, size_t worker)
{
    const size_t k = work->affine->k, n = work->affine->n;
    const bool gathered = work->affine->gather;
    void *out = gathered
                    ? scratch_at(call, work->worker + worker * work->worker_size + work->dpatches)
                    : dsbi_at(call, call->dx[0], first * k);
    for (size_t g = 0; g < work->groups; g++)
        call->math->block(dsbi_kernels_of(call->rt), dsbi_at(call, out, g * work->k), k,
                          dsbi_at(call, dh, g * work->n), n, 1, packed_group(call, work, g), count,
                          work->k, work->n, 1, !gathered && call->add[0] ? 1 : 0);
    if (gathered)
        work->affine->scatter(call, out, first, count);
}

/* Few rows at a time where a norm in front wants their sums: dx, x and the norm's input are in the
 * cache together. */
static void input_gradients(const dsbi_call *call, const affine_work *work, const void *dh,
                            size_t first, size_t count, size_t worker)
{
    const size_t rows = SUMMED_ELEMENTS / work->affine->k / SUMMED_ROWS * SUMMED_ROWS;
    const size_t step = !call->sums ? count : rows > SUMMED_ROWS ? rows : SUMMED_ROWS;
    for (size_t done = 0; done < count; done += step) {
        const size_t part = count - done < step ? count - done : step;
        input_gradient(call, work, dsbi_at(call, dh, done * work->affine->n), first + done, part,
                       worker);
        dsbi_norm_sums_add(call, first / work->group, first + done, part);
    }
}

/* dW of this block's rows, added to the partial result. */
static void weight_gradient(const dsbi_call *call, const affine_work *work, void *partial,
                            const void *dh, size_t first, size_t count, size_t worker)
{
    const size_t k = work->k, n = work->n;
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    void *packed = scratch_at(call, work->worker + worker * work->worker_size + work->packed_rows);
    const void *rows = rows_of(call, work, first, count, worker);
    for (size_t g = 0; g < work->groups; g++) {
        call->math->pack(kernels, packed, dsbi_at(call, rows, g * k), work->affine->k, false, count,
                         k);
        call->math->block(kernels, dsbi_at(call, partial, g * n * k), k, dsbi_at(call, dh, g * n),
                          1, work->affine->n, packed, n, k, count, 1, 1);
    }
}

static void backward_block(const dsbi_call *call, const affine_work *work, void *partial,
                           size_t first, size_t count, size_t worker)
{
    const size_t n = work->affine->n;
    const void *dh = block_gradient(call, work, first, count, worker);
    if (call->dx[0] && !work->few_rows)
        input_gradients(call, work, dh, first, count, worker);
    dsbi_branch_pass(call, first * n, count * n);
    if (!call->grads[0])
        return;
    void *sums = partial;
    if (!work->whole_product) {
        weight_gradient(call, work, partial, dh, first, count, worker);
        sums = dsbi_at(call, partial, n * work->k);
    }
    if (call->grads[1])
        call->math->colsum(dsbi_kernels_of(call->rt), sums, dh, count, n);
}

static dsb_status backward_group(const dsbi_call *call, const void *job, size_t first, size_t count,
                                 size_t worker)
{
    const affine_work *work = job;
    void *partial = scratch_at(call, work->partials + first / work->group * work->stride);
    memset(partial, 0, work->stride * call->math->item);
    if (!work->few_rows)
        dsbi_norm_sums_begin(call, first / work->group);
    if (work->affine->gather && call->dx[0] && !call->add[0]) {
        const size_t size = dsbi_shape_size(call->node->in), image_rows = work->affine->image_rows;
        memset(dsbi_at(call, call->dx[0], first / image_rows * size), 0,
               count / image_rows * size * call->math->item);
    }
    for (size_t row = 0; row < count; row += work->block) {
        const size_t left = count - row;
        backward_block(call, work, partial, first + row, left < work->block ? left : work->block,
                       worker);
    }
    return DSB_OK;
}

static dsb_status gate_range(const dsbi_call *call, const void *job, size_t first, size_t count,
                             size_t worker)
{
    (void)job;
    (void)worker;
    void *dy = dsbi_at(call, call->dy, first);
    call->math->relu_bwd(dsbi_kernels_of(call->rt), dy, dy, dsbi_at(call, call->y, first), count);
    return DSB_OK;
}

dsb_status dsbi_affine_gate(const dsbi_call *call)
{
    if (!call->node->relu)
        return DSB_OK;
    const size_t n = call->batch * dsbi_shape_size(call->node->out);
    return dsbi_ranges(call, NULL, n, dsbi_range_step(n, 1), gate_range);
}

static dsb_status norm_range(const dsbi_call *call, const void *job, size_t first, size_t count,
                             size_t worker)
{
    (void)job;
    (void)worker;
    const size_t n = call->node->out.c, at = first * n;
    void *y = dsbi_at(call, call->y, at);
    dsbi_norm_gradient(call, call->norm, call->norm_gate, y, dsbi_at(call, call->dy, at), y, false,
                       count, n);
    return DSB_OK;
}

dsb_status dsbi_affine_backward(const dsbi_call *call, const dsbi_affine *affine)
{
    affine_work work;
    cut(&work, affine, call->node, call->batch, call->training);
    if (work.few_rows && call->norm) { /* one short pass, then as without a norm */
        DSBI_TRY(
            dsbi_ranges(call, NULL, work.rows, dsbi_range_step(work.rows, affine->n), norm_range));
        dsbi_call plain = *call;
        plain.dy = call->y;
        plain.norm = NULL;
        return dsbi_affine_backward(&plain, affine);
    }
    cut_groups(&work);
    lay_backward(&work, call->rt->n_threads);
    const size_t k = work.k, n = affine->n, n_groups = dsbi_pieces(work.rows, work.group);
    work.backward = true;
    if (call->sums)
        call->sums->n = work.few_rows ? 1 : n_groups;
    if (work.scaled && call->dx[0])
        dsbi_branch_scale(call, scratch_at(call, work.weights), NULL, call->params[0], NULL, n, k);
    if (call->dx[0] && work.few_rows) {
        const dsbi_few_rows p = {call->dy, call->params[0], call->dx[0], work.rows, k,
                                 n,        false,           call->add[0]};
        DSBI_TRY(dsbi_few_rows_product(call, &p, scratch_at(call, work.product)));
        dsbi_norm_sums_begin(call, 0);
        dsbi_norm_sums_add(call, 0, 0, work.rows);
    } else if (call->dx[0]) {
        DSBI_TRY(pack_weights(call, &work,
                              work.scaled ? scratch_at(call, work.weights) : call->params[0],
                              scratch_at(call, work.packed)));
    }
    DSBI_TRY(dsbi_ranges(call, &work, work.rows, work.group, backward_group));

    void *dweights = call->grads[0], *dbias = call->grads[1];
    if (!dweights)
        return DSB_OK;
    if (work.scaled) {
        dweights = scratch_at(call, work.total);
        dbias = scratch_at(call, work.total + n * k);
        memset(dweights, 0, (n * k + n) * call->math->item);
    }
    const void *partials = scratch_at(call, work.partials);
    if (work.whole_product) {
        const void *dh = call->node->gelu ? call->saved
                         : work.dropped   ? scratch_at(call, work.drops)
                         : call->norm     ? call->y
                                          : call->dy;
        const dsbi_all_rows p = {dh, call->x[0], dweights, work.rows, n, k, affine->gather_columns};
        DSBI_TRY(dsbi_all_rows_product(call, &p, scratch_at(call, work.product)));
    } else {
        DSBI_TRY(dsbi_reduce(call, dweights, partials, n_groups, work.stride, n * k));
        partials = dsbi_at(call, partials, n * k);
    }
    if (dbias)
        DSBI_TRY(dsbi_reduce(call, dbias, partials, n_groups, work.stride, n));
    if (!work.scaled)
        return DSB_OK;
    const dsbi_branch_sums sums = {call->params[0], call->params[1], dweights, dbias,
                                   call->grads[0],  call->grads[1],  n,        k};
    return dsbi_branch_gradients(call, &sums);
}
