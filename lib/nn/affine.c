/* See affine.h. Forward: tasks are blocks of rows. Backward: tasks are groups of blocks, each with
 * its own partial weight gradient, added up in order; weights too large for several partial
 * results get theirs from one product over all rows instead, whose tiles are the tasks. A few rows
 * against many weights are products of their own as well (products.h). */
#include "nn/affine.h"

#include <math.h>
#include <string.h>
#include "nn/blocks.h"
#include "nn/branch.h"
#include "nn/products.h"

/* A block's operands stay in a 1 MiB second-level cache (Zen 5, November 2026); its rows are a
 * multiple of the heights of all tiles: 14, 6, 4. */
enum {
    BLOCK_ELEMENTS = 131072,
    TILE_ROWS = 84,
    MOST_ROWS = 12 * TILE_ROWS,
    MANY_WEIGHTS = 1 << 19,
    LARGE_PARTIAL = 1 << 15, /* worth summing over at least GROUP_ROWS before it is put away */
    GROUP_ROWS = 768,
    GROUPS_WANTED = 8
};

/* Columns of a packing task: a multiple of every tile width. */
enum { PACK_COLUMNS = 256 };

/* How the work is cut and where things lie in scratch memory, in elements. */
typedef struct affine_work {
    const dsbi_affine *affine;
    size_t groups, k, n;  /* columns of a and of y in one group */
    bool scaled, dropped; /* a layer scale is fused, a drop path acts */
    bool backward;
    bool whole_product; /* dW from one product over all rows */
    bool few_rows;
    size_t rows, block;
    size_t group, most_groups; /* backward: rows of a task, the most tasks */
    size_t weights, biases;    /* offsets: scaled W and b */
    size_t packed;             /* W as the tiles want it, transposed in forward; group by group */
    size_t partials, stride;   /* partial dW [n, k] and column sums [n] of each group */
    size_t total;              /* their sum, before gamma */
    size_t drops;              /* dy with the drop path's factors, all rows */
    size_t product;            /* products.h */
    size_t worker, patches, dpatches, block_out, packed_rows, worker_size;
    size_t end;
} affine_work;

static size_t take(size_t *end, size_t elements)
{
    const size_t at = *end;
    *end += (elements + 15) / 16 * 16;
    return at;
}

static size_t block_rows(size_t k, size_t n)
{
    const size_t rows = BLOCK_ELEMENTS / (k + 2 * n) / TILE_ROWS * TILE_ROWS;
    return rows < TILE_ROWS ? TILE_ROWS : rows > MOST_ROWS ? MOST_ROWS : rows;
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
    work->whole_product = !affine->gather && work->groups == 1 &&
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
    work->patches = take(&end, affine->gather ? work->block * affine->k : 0);
    work->dpatches = take(&end, affine->gather && backward ? work->block * affine->k : 0);
    work->block_out = take(&end, work->block * affine->n);
    work->packed_rows = take(&end, backward ? packed_size(work->block, work->k) : 0);
    work->worker_size = end;
}

static void lay_forward(affine_work *work, size_t n_threads)
{
    const dsbi_affine *affine = work->affine;
    work->weights = take(&work->end, work->scaled ? affine->n * work->k : 0);
    work->biases = take(&work->end, work->scaled ? affine->n : 0);
    if (work->few_rows) {
        work->product = take(&work->end, dsbi_few_rows_size(work->rows, work->k, n_threads));
        return;
    }
    work->packed = take(&work->end, work->groups * packed_size(work->k, work->n));
    lay_workers(work, affine, false);
    work->worker = take(&work->end, n_threads * work->worker_size);
}

static void lay_backward(affine_work *work, size_t n_threads)
{
    const dsbi_affine *affine = work->affine;
    const size_t n_weights = affine->n * work->k;
    work->weights = take(&work->end, work->scaled ? n_weights : 0);
    work->packed =
        take(&work->end, work->few_rows ? 0 : work->groups * packed_size(work->n, work->k));
    work->stride = (work->whole_product ? 0 : n_weights) + affine->n;
    work->stride = (work->stride + 15) / 16 * 16;
    work->partials = take(&work->end, work->most_groups * work->stride);
    work->total = take(&work->end, work->scaled ? n_weights + affine->n : 0);
    work->drops =
        take(&work->end, work->whole_product && work->dropped ? work->rows * affine->n : 0);
    const size_t few = work->few_rows ? dsbi_few_rows_size(work->rows, work->n, n_threads) : 0;
    const size_t all = work->whole_product ? dsbi_all_rows_size(work->rows, work->k, n_threads) : 0;
    work->product = take(&work->end, few > all ? few : all);
    lay_workers(work, affine, true);
    work->worker = take(&work->end, n_threads * work->worker_size);
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
    affine_work work;
    cut(&work, affine, node, batch, sizing->training);
    lay_forward(&work, sizing->n_threads);
    needs->scratch_forward = larger(needs->scratch_forward, work.end * sizing->item);
    cut(&work, affine, node, batch, sizing->training);
    cut_groups(&work);
    lay_backward(&work, sizing->n_threads);
    needs->scratch_backward = larger(needs->scratch_backward, work.end * sizing->item);
}

void dsbi_affine_needs(const dsbi_affine *affine, const dsbi_node *node, const dsbi_sizing *sizing,
                       dsbi_needs *needs)
{
    add_needs(affine, node, sizing, sizing->batch, needs);
    const size_t turns[] = {DSBI_FEW_ROWS, GROUPS_WANTED * GROUP_ROWS - 1};
    for (size_t i = 0; i < 2; i++)
        if (turns[i] / affine->image_rows > 0 && turns[i] / affine->image_rows < sizing->batch)
            add_needs(affine, node, sizing, turns[i] / affine->image_rows, needs);
    needs->saved = node->gelu ? sizing->batch * affine->image_rows * affine->n * sizing->item : 0;
    needs->keep_x = node->pixels ? 0 : 1;
    needs->adds_dx = true;
    needs->in_place = needs->passes = node->residual ? 2 : 0;
}

static void *scratch_at(const dsbi_call *call, size_t element)
{
    return dsbi_at(call, call->scratch, element);
}

static void *packed_group(const dsbi_call *call, const affine_work *work, size_t group)
{
    const size_t size =
        work->backward ? packed_size(work->n, work->k) : packed_size(work->k, work->n);
    return scratch_at(call, work->packed + group * size);
}

static dsb_status pack_columns(const dsbi_call *call, const void *job, size_t first, size_t count,
                               size_t worker)
{
    (void)worker;
    const affine_work *work = job;
    const size_t k = work->k, n = work->n;
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    for (size_t g = 0; g < work->groups; g++) {
        const void *weights = dsbi_at(
            call, work->scaled ? scratch_at(call, work->weights) : call->params[0], g * n * k);
        if (work->backward)
            call->math->pack(kernels, dsbi_at(call, packed_group(call, work, g), first * n),
                             dsbi_at(call, weights, first), k, false, n, count);
        else
            call->math->pack(kernels, dsbi_at(call, packed_group(call, work, g), first * k),
                             dsbi_at(call, weights, first * k), k, true, k, count);
    }
    return DSB_OK;
}

/* W^T (forward) or W (backward) into the order of the tiles, once for all blocks. */
static dsb_status pack_weights(const dsbi_call *call, const affine_work *work)
{
    return dsbi_ranges(call, work, work->backward ? work->k : work->n, PACK_COLUMNS, pack_columns);
}

/* The rows of a: the input itself or gathered patches. */
static const void *rows_of(const dsbi_call *call, const affine_work *work, size_t first,
                           size_t count, size_t worker)
{
    const dsbi_affine *affine = work->affine;
    if (!affine->gather)
        return dsbi_at(call, call->x[0], first * affine->k);
    void *patches = scratch_at(call, work->worker + worker * work->worker_size + work->patches);
    affine->gather(call, patches, first, count);
    return patches;
}

static dsb_status forward_block(const dsbi_call *call, const void *job, size_t first, size_t count,
                                size_t worker)
{
    const affine_work *work = job;
    const dsbi_math *math = call->math;
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    const size_t k = work->affine->k, n = work->affine->n;
    const void *a = rows_of(call, work, first, count, worker);
    const void *bias = !call->params[1] ? NULL
                       : work->scaled   ? scratch_at(call, work->biases)
                                        : call->params[1];
    void *y = dsbi_at(call, call->y, first * n), *out = y;
    if (call->node->residual) {
        const void *residual = dsbi_at(call, call->x[1], first * n);
        if (residual != y)
            memcpy(y, residual, count * n * math->item);
    }
    if (work->dropped)
        out = scratch_at(call, work->worker + worker * work->worker_size + work->block_out);
    if (call->remade) /* the GELU's argument stays, its slope comes with the output's remake */
        out = dsbi_at(call, call->saved, first * n);
    const double beta = call->node->residual && !work->dropped ? 1 : 0;
    for (size_t g = 0; g < work->groups; g++)
        math->block(kernels, dsbi_at(call, out, g * work->n), n, dsbi_at(call, a, g * work->k), k,
                    1, packed_group(call, work, g), count, work->n, work->k, 1, beta);
    if (bias)
        math->bias_add(kernels, out, out, bias, count, n);
    if (call->remade)
        math->gelu_fwd(kernels, y, out, count * n);
    else if (call->node->gelu && call->training)
        math->gelu_fwd_slope(kernels, y, dsbi_at(call, call->saved, first * n), y, count * n);
    else if (call->node->gelu)
        math->gelu_fwd(kernels, y, y, count * n);
    else if (call->node->relu)
        math->relu_fwd(kernels, y, y, count * n);
    if (work->dropped)
        dsbi_branch_drop(call, y, out, first, count, n, true);
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
    lay_forward(&work, call->rt->n_threads);
    if (work.scaled)
        dsbi_branch_scale(call, scratch_at(call, work.weights),
                          call->params[1] ? scratch_at(call, work.biases) : NULL, call->params[0],
                          call->params[1], affine->n, work.k);
    if (work.few_rows)
        return forward_few(call, &work);
    DSBI_TRY(pack_weights(call, &work));
    return dsbi_ranges(call, &work, work.rows, work.block, forward_block);
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

/* The gradient in front of bias and product: dy through GELU or drop path, without gamma. */
static const void *block_gradient(const dsbi_call *call, const affine_work *work, size_t first,
                                  size_t count, size_t worker)
{
    const size_t n = work->affine->n;
    const void *dy = dsbi_at(call, call->dy, first * n);
    void *out = scratch_at(call, work->worker + worker * work->worker_size + work->block_out);
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
        input_gradient(call, work, dh, first, count, worker);
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

dsb_status dsbi_affine_backward(const dsbi_call *call, const dsbi_affine *affine)
{
    affine_work work;
    cut(&work, affine, call->node, call->batch, call->training);
    cut_groups(&work);
    lay_backward(&work, call->rt->n_threads);
    const size_t k = work.k, n = affine->n, n_groups = dsbi_pieces(work.rows, work.group);
    work.backward = true;
    if (work.scaled && call->dx[0])
        dsbi_branch_scale(call, scratch_at(call, work.weights), NULL, call->params[0], NULL, n, k);
    if (call->dx[0] && work.few_rows) {
        const dsbi_few_rows p = {call->dy, call->params[0], call->dx[0], work.rows, k,
                                 n,        false,           call->add[0]};
        DSBI_TRY(dsbi_few_rows_product(call, &p, scratch_at(call, work.product)));
    } else if (call->dx[0]) {
        DSBI_TRY(pack_weights(call, &work));
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
                                          : call->dy;
        const dsbi_all_rows p = {dh, call->x[0], dweights, work.rows, n, k};
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
