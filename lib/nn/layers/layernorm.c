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
    const size_t partials = dsbi_partial_most(rows, c, 2 * c) * 2 * c;
    const size_t blocks = sizing->n_threads * dsbi_range_step(rows, c) * c;
    needs->scratch_backward = (partials + blocks) * sizing->item;
    needs->writes_grads = true;
    needs->adds_dx = true;
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

/* Scratch: partial sums [pieces, 2, C], then a block of rows for each worker. */
typedef struct backward_cut {
    size_t step, block, pieces;
} backward_cut;

/* Where the gradient of rows that begin at element `at` is written: its place, or where that holds
 * something already, or nobody wants it, the worker's block. */
static void *gradient_place(const dsbi_call *call, const backward_cut *cut, size_t at,
                            size_t worker)
{
    const size_t c = call->node->in.c;
    if (call->dx[0] && !call->add[0])
        return dsbi_at(call, call->dx[0], at);
    return dsbi_at(call, call->scratch, cut->pieces * 2 * c + worker * cut->block * c);
}

static dsb_status backward_rows(const dsbi_call *call, const void *job, size_t first, size_t count,
                                size_t worker)
{
    const backward_cut *cut = job;
    const size_t c = call->node->in.c, all_rows = rows_of(call->node, call->batch);
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    void *dgain = dsbi_at(call, call->scratch, first / cut->step * 2 * c);
    memset(dgain, 0, 2 * c * call->math->item);
    for (size_t row = first; row < first + count; row += cut->block) {
        const size_t left = first + count - row, rows = left < cut->block ? left : cut->block;
        void *dx = gradient_place(call, cut, row * c, worker);
        call->math->layernorm_bwd(
            kernels, dx, dgain, dsbi_at(call, dgain, c), dsbi_at(call, call->dy, row * c),
            dsbi_at(call, call->x[0], row * c), dsbi_at(call, call->saved, row),
            dsbi_at(call, call->saved, all_rows + row), call->params[0], rows, c);
        if (call->dx[0] && call->add[0]) {
            void *sum = dsbi_at(call, call->dx[0], row * c);
            call->math->add(kernels, sum, sum, dx, rows * c);
        }
    }
    return DSB_OK;
}

static dsb_status backward(const dsbi_call *call)
{
    const size_t rows = rows_of(call->node, call->batch), c = call->node->in.c;
    backward_cut cut = {.step = dsbi_partial_step(rows, c, 2 * c),
                        .block = dsbi_range_step(rows, c)};
    cut.pieces = dsbi_pieces(rows, cut.step);
    DSBI_TRY(dsbi_ranges(call, &cut, rows, cut.step, backward_rows));
    const dsbi_sum gain = {call->grads[0], c, call->fresh}, bias = {call->grads[1], c, call->fresh};
    return dsbi_reduce_both(call, gain, bias, call->scratch, cut.pieces, 2 * c);
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
