/* Backward of affine.h: tasks are groups of blocks, each with its own partial weight gradient,
 * added up in order; weights too large for several partial results get theirs from one product over
 * all rows instead, whose tiles are the tasks. A few rows against many weights are products of
 * their own as well (products.h). */
#include <string.h>
#include "nn/affine_inside.h"
#include "nn/branch.h"
#include "nn/factors.h"
#include "nn/norm.h"
#include "nn/products.h"

enum {
    SUMMED_ELEMENTS = 43008, /* of dx between two sums for a norm in front (norm.h) */
    SUMMED_ROWS = 42         /* and a multiple of so many rows, at least */
};

/* The gradient in front of bias and product: dy through a norm behind, GELU or drop path, without
 * gamma. */
static const void *block_gradient(const dsbi_call *call, const dsbi_affine_work *work, size_t first,
                                  size_t count, size_t worker)
{
    const size_t n = work->affine->n;
    const void *dy = dsbi_at(call, call->dy, first * n);
    void *out =
        dsbi_affine_scratch_at(call, work->worker + worker * work->worker_size + work->block_out);
    if (call->norm) {
        void *y = dsbi_at(call, call->y, first * n);
        if (work->whole_product)
            out = y; /* nobody reads that again; kept for the product over all rows */
        dsbi_norm_gradient(call, call->norm, call->norm_gate, out, dy, y, false, count, n);
        return out;
    }
    if (call->node->gelu && !call->node->sloped) {
        void *slope = dsbi_at(call, call->saved, first * n);
        if (work->whole_product)
            out = slope; /* kept for the product over all rows */
        call->math->mul_rows(dsbi_kernels_of(call->rt), out, slope, dy, 1, count * n);
        return out;
    }
    if (work->dropped) {
        if (work->whole_product)
            out = dsbi_affine_scratch_at(call, work->drops + first * n);
        dsbi_branch_drop(call, out, dy, first, count, n, false);
        return out;
    }
    return dy;
}

static void input_gradient(const dsbi_call *call, const dsbi_affine_work *work, const void *dh,
                           size_t first, size_t count, size_t worker)
{
    const size_t k = work->affine->k, n = work->affine->n;
    const bool gathered = work->affine->gather;
    void *out = gathered ? dsbi_affine_scratch_at(call, work->worker + worker * work->worker_size +
                                                            work->dpatches)
                         : dsbi_at(call, call->dx[0], first * k);
    for (size_t g = 0; g < work->groups; g++)
        call->math->block(dsbi_kernels_of(call->rt), dsbi_at(call, out, g * work->k), k,
                          dsbi_at(call, dh, g * work->n), n, 1,
                          dsbi_affine_packed_group(call, work, g), count, work->k, work->n, 1,
                          !gathered && call->add[0] ? 1 : 0);
    if (gathered)
        work->affine->scatter(call, out, first, count);
}

/* Few rows at a time where a norm in front wants their sums: dx, x and the norm's input are in the
 * cache together. */
static void input_gradients(const dsbi_call *call, const dsbi_affine_work *work, const void *dh,
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

/* Where x is the argument of a GELU: the GELU of these rows, which is returned, and its slope,
 * which comes in front of the argument's gradient. For the product over all rows they stay in x. */
static const void *apply_slope(const dsbi_call *call, const dsbi_affine_work *work, size_t first,
                               size_t count, size_t worker)
{
    const size_t scratch = work->worker + worker * work->worker_size;
    void *x = dsbi_at(call, call->x[0], first * work->k),
         *dx = dsbi_at(call, call->dx[0], first * work->k);
    void *outputs = work->whole_product ? x : dsbi_affine_scratch_at(call, scratch + work->outputs);
    call->math->gelu_remake(dsbi_kernels_of(call->rt), outputs, dx, dx, x, count * work->k);
    return outputs;
}

/* dW of this block's rows, added to the partial result. */
static void weight_gradient(const dsbi_call *call, const dsbi_affine_work *work, void *partial,
                            const void *dh, const void *rows, size_t count, size_t worker)
{
    const size_t k = work->k, n = work->n;
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    void *packed =
        dsbi_affine_scratch_at(call, work->worker + worker * work->worker_size + work->packed_rows);
    for (size_t g = 0; g < work->groups; g++) {
        call->math->pack(kernels, packed, dsbi_at(call, rows, g * k), work->affine->k, false, count,
                         k);
        call->math->block(kernels, dsbi_at(call, partial, g * n * k), k, dsbi_at(call, dh, g * n),
                          1, work->affine->n, packed, n, k, count, 1, 1);
    }
}

static void backward_block(const dsbi_call *call, const dsbi_affine_work *work, void *partial,
                           size_t first, size_t count, size_t worker)
{
    const size_t n = work->affine->n;
    const void *dh = block_gradient(call, work, first, count, worker);
    if (call->dx[0] && !work->few_rows)
        input_gradients(call, work, dh, first, count, worker);
    dsbi_branch_pass(call, first * n, count * n);
    const void *rows = work->sloping ? apply_slope(call, work, first, count, worker) : NULL;
    if (!call->grads[0] && !call->factors)
        return;
    void *sums = partial;
    if (!work->whole_product) {
        if (!rows)
            rows = dsbi_affine_rows_of(call, work, first, count, worker);
        weight_gradient(call, work, partial, dh, rows, count, worker);
        sums = dsbi_at(call, partial, n * work->k);
    }
    if (call->grads[1])
        call->math->colsum(dsbi_kernels_of(call->rt), sums, dh, count, n);
}

static dsb_status backward_group(const dsbi_call *call, const void *job, size_t first, size_t count,
                                 size_t worker)
{
    const dsbi_affine_work *work = job;
    void *partial =
        dsbi_affine_scratch_at(call, work->partials + first / work->group * work->stride);
    memset(partial, 0, work->stride * call->math->item);
    if (!work->few_rows)
        dsbi_norm_sums_begin(call, first / work->group);
    if (work->affine->gather && call->dx[0] && !call->add[0]) {
        const size_t size = dsbi_shape_size(call->node->in), image_rows = work->affine->image_rows;
        memset(dsbi_at(call, call->dx[0], first / image_rows * size), 0,
               count / image_rows * size * call->math->item);
    }
    const size_t block = dsbi_pieces(count, dsbi_pieces(count, work->block)); /* even ones */
    for (size_t row = 0; row < count; row += block) {
        const size_t left = count - row;
        backward_block(call, work, partial, first + row, left < block ? left : block, worker);
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
    if (!call->node->relu || call->node->gated)
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
    dsbi_affine_work work;
    dsbi_affine_cut(&work, affine, call->node, call->batch, call->training);
    if (work.few_rows && call->norm) { /* one short pass, then as without a norm */
        DSBI_TRY(
            dsbi_ranges(call, NULL, work.rows, dsbi_range_step(work.rows, affine->n), norm_range));
        dsbi_call plain = *call;
        plain.dy = call->y;
        plain.norm = NULL;
        return dsbi_affine_backward(&plain, affine);
    }
    dsbi_affine_cut_groups(&work);
    dsbi_affine_lay_backward(&work, call->rt->n_threads);
    const size_t k = work.k, n = affine->n, n_groups = dsbi_pieces(work.rows, work.group);
    work.backward = true;
    if (call->sums)
        call->sums->n = work.few_rows ? 1 : n_groups;
    if (call->dx[0] && work.few_rows) {
        const dsbi_few_rows p = {call->dy, call->params[0], call->dx[0], work.rows, k,
                                 n,        false,           call->add[0]};
        DSBI_TRY(dsbi_few_rows_product(call, &p, dsbi_affine_scratch_at(call, work.product)));
        dsbi_norm_sums_begin(call, 0);
        dsbi_norm_sums_add(call, 0, 0, work.rows);
    } else if (call->dx[0]) {
        DSBI_TRY(dsbi_affine_pack_weights(call, &work, dsbi_affine_scratch_at(call, work.weights),
                                          dsbi_affine_scratch_at(call, work.packed)));
    }
    DSBI_TRY(dsbi_ranges(call, &work, work.rows, work.group, backward_group));

    void *dweights = call->grads[0], *dbias = call->grads[1];
    const bool fresh = call->fresh || work.scaled;
    if (!dweights && !call->factors)
        return DSB_OK;
    if (work.scaled) {
        dweights = dsbi_affine_scratch_at(call, work.total);
        dbias = dsbi_affine_scratch_at(call, work.total + n * k);
    }
    const void *partials = dsbi_affine_scratch_at(call, work.partials);
    if (work.whole_product) {
        const void *dh = call->node->gelu && !call->node->sloped ? call->saved
                         : work.dropped ? dsbi_affine_scratch_at(call, work.drops)
                         : call->norm   ? call->y
                                        : call->dy;
        const dsbi_all_rows p = {.dh = dh,
                                 .x = call->x[0],
                                 .dw = dweights,
                                 .fresh = fresh,
                                 .rows = work.rows,
                                 .n = n,
                                 .k = k,
                                 .gather = affine->gather ? affine->gather_columns
                                           : work.normed  ? dsbi_affine_normed_columns
                                                          : NULL};
        if (call->factors)
            DSBI_TRY(dsbi_factors_keep(call, dh, call->x[0], work.rows));
        else
            DSBI_TRY(dsbi_all_rows_product(call, &p, dsbi_affine_scratch_at(call, work.product)));
    }
    const dsbi_sum weights = {dweights, work.whole_product ? 0 : n * k, fresh},
                   biases = {dbias, n, fresh};
    DSBI_TRY(dsbi_reduce_both(call, weights, biases, partials, n_groups, work.stride));
    if (!work.scaled)
        return DSB_OK;
    const dsbi_branch_sums sums = {call->params[0], call->params[1], dweights, dbias,
                                   call->grads[0],  call->grads[1],  n,        k};
    return dsbi_branch_gradients(call, &sums);
}
