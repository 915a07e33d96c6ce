/* See affine.h. Parameters, and weights and rows in the form in which tiles read them. */
#include <math.h>
#include <string.h>
#include "base/sizes.h"
#include "nn/affine_inside.h"
#include "nn/norm.h"

/* Columns of a packing task: at most, and what they are a multiple of, as of every tile width. */
enum { PACK_COLUMNS = 256, PACK_PANEL = 64 };

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

const void *dsbi_affine_packed_group(const dsbi_call *call, const dsbi_affine_work *work,
                                     size_t group)
{
    if (call->prepared)
        return dsbi_at(call, call->prepared, group * dsbi_affine_packed_size(work->k, work->n));
    const size_t size = work->backward ? dsbi_affine_packed_size(work->n, work->k)
                                       : dsbi_affine_packed_size(work->k, work->n);
    return dsbi_affine_scratch_at(call, work->packed + group * size);
}

/* Weights on their way into the order of the tiles. */
typedef struct affine_packing {
    const dsbi_affine_work *work;
    void *scaled, *packed;
} affine_packing;

/* `rows` rows from `row` on of W, some columns of each: times gamma into `scaled`, where there is a
 * layer scale. Where they lie now. */
static const void *scale_weights(const dsbi_call *call, const affine_packing *packing, size_t row,
                                 size_t rows, size_t column, size_t columns)
{
    const size_t k = packing->work->k, at = row * k + column;
    if (!packing->work->scaled)
        return dsbi_at(call, call->params[0], at);
    for (size_t i = 0; i < rows; i++)
        call->math->scale(dsbi_kernels_of(call->rt), dsbi_at(call, packing->scaled, at + i * k),
                          dsbi_real(call->math, call->gamma, row + i),
                          dsbi_at(call, call->params[0], at + i * k), columns);
    return dsbi_at(call, packing->scaled, at);
}

static dsb_status pack_columns(const dsbi_call *call, const void *job, size_t first, size_t count,
                               size_t worker)
{
    (void)worker;
    const affine_packing *packing = job;
    const dsbi_affine_work *work = packing->work;
    const size_t k = work->k, n = work->n;
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    for (size_t g = 0; g < work->groups; g++) {
        if (work->backward)
            call->math->pack(
                kernels,
                dsbi_at(call, packing->packed, g * dsbi_affine_packed_size(n, k) + first * n),
                scale_weights(call, packing, g * n, n, first, count), k, false, n, count);
        else
            call->math->pack(
                kernels,
                dsbi_at(call, packing->packed, g * dsbi_affine_packed_size(k, n) + first * k),
                scale_weights(call, packing, g * n + first, count, 0, k), k, true, k, count);
    }
    return DSB_OK;
}

/* W^T (forward) or W (backward) into the order of the tiles, once for all blocks. */
dsb_status dsbi_affine_pack_weights(const dsbi_call *call, const dsbi_affine_work *work,
                                    void *scaled, void *packed)
{
    const affine_packing packing = {work, scaled, packed};
    const size_t columns = work->backward ? work->k : work->n,
                 depth = work->backward ? work->n : work->k;
    const size_t panels = dsbi_pieces(dsbi_range_step(columns, depth), PACK_PANEL);
    const size_t step = dsbi_smaller(panels * PACK_PANEL, PACK_COLUMNS);
    return dsbi_ranges(call, &packing, columns, step, pack_columns);
}

/* W^T and the bias, times gamma where there is one. `scaled` is memory for W times gamma. */
dsb_status dsbi_affine_make_ready(const dsbi_call *call, const dsbi_affine_work *work, void *ready,
                                  void *scaled)
{
    const size_t n = work->affine->n;
    void *bias = dsbi_at(call, ready, work->groups * dsbi_affine_packed_size(work->k, work->n));
    if (call->params[1] && work->scaled)
        call->math->mul_rows(dsbi_kernels_of(call->rt), bias, call->params[1], call->gamma, 1, n);
    else if (call->params[1])
        memcpy(bias, call->params[1], n * call->math->item);
    return dsbi_affine_pack_weights(call, work, scaled, ready);
}

const void *dsbi_affine_ready_bias(const dsbi_call *call, const dsbi_affine_work *work)
{
    const size_t at = work->groups * dsbi_affine_packed_size(work->k, work->n);
    return !call->params[1] ? NULL : dsbi_at(call, dsbi_affine_packed_group(call, work, 0), at);
}

dsb_status dsbi_affine_prepare(const dsbi_call *call, const dsbi_affine *affine)
{
    dsbi_affine_work work;
    dsbi_affine_cut(&work, affine, call->node, call->batch, call->training);
    return dsbi_affine_make_ready(call, &work, call->prepared, call->scratch);
}

static void take_rows(const dsbi_call *call, const dsbi_affine *affine, void *out, size_t first,
                      size_t count)
{
    const size_t k = affine->k;
    if (affine->gather)
        affine->gather(call, out, first, count);
    else if (call->x_norm)
        dsbi_norm_apply(call, out, first * k, count, 0, k);
    else
        memcpy(out, dsbi_at(call, call->x[0], first * k), count * k * call->math->item);
}

const void *dsbi_affine_rows_of(const dsbi_call *call, const dsbi_affine_work *work, size_t first,
                                size_t count, size_t worker)
{
    const dsbi_affine *affine = work->affine;
    const size_t k = affine->k;
    if (!affine->gather && work->ld == k && !work->normed)
        return dsbi_at(call, call->x[0], first * k);
    void *rows =
        dsbi_affine_scratch_at(call, work->worker + worker * work->worker_size + work->patches);
    if (work->ld == k)
        take_rows(call, affine, rows, first, count);
    for (size_t i = 0; i < count && work->ld > k; i++)
        take_rows(call, affine, dsbi_at(call, rows, i * work->ld), first + i, 1);
    return rows;
}

void dsbi_affine_normed_columns(const dsbi_call *call, void *out, size_t first, size_t count,
                                size_t column, size_t columns)
{
    const size_t k = call->node->in.c;
    for (size_t i = 0; i < count; i++)
        dsbi_norm_apply(call, dsbi_at(call, out, i * columns), (first + i) * k + column, 1, column,
                        columns);
}
