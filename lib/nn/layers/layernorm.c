/* y[r,c] = (x[r,c] - mean[r]) * rstd[r] * gain[c] + bias[c]       Ba, Kiros, Hinton 2016, sec. 3
 * over the channels of each row. Saved for backward: mean and rstd of each row. The output is made
 * again in backward, which costs a pass over memory and saves an array of the input's size. */
#include <string.h>
#include "nn/blocks.h"

static void declare(dsbi_builder *b, dsbi_node *node)
{
    const dsbi_init one = {DSBI_INIT_CONSTANT, 1}, zero = {DSBI_INIT_CONSTANT, 0};
    dsbi_param_add(b, node, "weight", 1, &node->in.c, NULL, one);
    dsbi_param_add(b, node, "bias", 1, &node->in.c, NULL, zero);
}

static size_t rows_of(const dsbi_node *node, size_t batch)
{
    return batch * dsbi_shape_rows(node->in);
}

static void needs(const dsbi_node *node, const dsbi_sizing *sizing, dsbi_needs *needs)
{
    const size_t rows = rows_of(node, sizing->batch), c = node->in.c;
    const size_t stats = 2 * rows * sizing->item;
    needs->saved = stats;
    needs->scratch_forward = sizing->training ? 0 : stats;
    needs->scratch_backward = dsbi_partial_most(rows, c, 2 * c) * 2 * c * sizing->item;
    needs->keep_x = 1;
    needs->dx_over_dy = true;
    needs->remakes = true;
    needs->remake_x = 1;
}

static dsb_status forward_rows(const dsbi_call *call, const void *job, size_t first, size_t count,
                               size_t worker)
{
    (void)worker;
    const size_t c = call->node->in.c;
    const void *stats = job;
    call->math->layernorm_fwd(dsbi_kernels_of(call->rt), dsbi_at(call, call->y, first * c),
                              dsbi_at(call, stats, first),
                              dsbi_at(call, stats, rows_of(call->node, call->batch) + first),
                              dsbi_at(call, call->x[0], first * c), call->params[0],
                              call->params[1], count, c, call->node->attrs.eps);
    return DSB_OK;
}

static dsb_status forward(const dsbi_call *call)
{
    const size_t rows = rows_of(call->node, call->batch);
    return dsbi_ranges(call, call->training ? call->saved : call->scratch, rows,
                       dsbi_range_step(rows, call->node->in.c), forward_rows);
}

static dsb_status backward_rows(const dsbi_call *call, const void *job, size_t first, size_t count,
                                size_t worker)
{
    (void)worker;
    const size_t step = *(const size_t *)job, c = call->node->in.c;
    void *dgain = dsbi_at(call, call->scratch, first / step * 2 * c);
    memset(dgain, 0, 2 * c * call->math->item);
    call->math->layernorm_bwd(dsbi_kernels_of(call->rt), dsbi_at(call, call->dx[0], first * c),
                              dgain, dsbi_at(call, dgain, c), dsbi_at(call, call->dy, first * c),
                              dsbi_at(call, call->x[0], first * c),
                              dsbi_at(call, call->saved, first),
                              dsbi_at(call, call->saved, rows_of(call->node, call->batch) + first),
                              call->params[0], count, c);
    return DSB_OK;
}

static dsb_status backward(const dsbi_call *call)
{
    const size_t rows = rows_of(call->node, call->batch), c = call->node->in.c;
    const size_t step = dsbi_partial_step(rows, c, 2 * c), groups = dsbi_pieces(rows, step);
    DSBI_TRY(dsbi_ranges(call, &step, rows, step, backward_rows));
    DSBI_TRY(dsbi_reduce(call, call->grads[0], call->scratch, groups, 2 * c, c));
    return dsbi_reduce(call, call->grads[1], dsbi_at(call, call->scratch, c), groups, 2 * c, c);
}

static dsbi_value check(dsbi_builder *b, dsbi_value x)
{
    return dsbi_layernorm(b, x, "norm", 1e-6);
}

const dsbi_layer dsbi_layer_layernorm = {.name = "layernorm",
                                         .declare = declare,
                                         .needs = needs,
                                         .forward = forward,
                                         .backward = backward,
                                         .remake = forward, /* the same mean and rstd again */
                                         .check_image = {3, 2, 6},
                                         .check = check};

dsbi_value dsbi_layernorm(dsbi_builder *b, dsbi_value x, const char *name, double eps)
{
    return dsbi_node_add(b, &dsbi_layer_layernorm, name, &x, 1, &(dsbi_attrs){.eps = eps});
}
