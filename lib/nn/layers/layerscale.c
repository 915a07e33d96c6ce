/* y[r,c] = gamma[c] x[r,c]: layer scale.  Touvron et al. 2021, "Going deeper with image
 * transformers". The parameter carries the layer's own name ("gamma"). */
#include <string.h>
#include "nn/blocks.h"

static void declare(dsbi_builder *b, dsbi_node *node)
{
    dsbi_param_add(b, node, "", 1, &node->in.c, NULL, node->attrs.init);
}

static void needs(const dsbi_node *node, const dsbi_sizing *sizing, dsbi_needs *needs)
{
    const size_t rows = sizing->batch * dsbi_shape_rows(node->in), c = node->in.c;
    needs->keep_x = 1;
    needs->in_place = 1;
    needs->scratch_backward = dsbi_partial_most(rows, c, c) * c * sizing->item;
    needs->dx_over_dy = true;
}

static dsb_status forward_rows(const dsbi_call *call, const void *job, size_t first, size_t count,
                               size_t worker)
{
    (void)job;
    (void)worker;
    const size_t c = call->node->in.c;
    call->math->mul_rows(dsbi_kernels_of(call->rt), dsbi_at(call, call->y, first * c),
                         dsbi_at(call, call->x[0], first * c), call->params[0], count, c);
    return DSB_OK;
}

static dsb_status forward(const dsbi_call *call)
{
    const size_t rows = call->batch * dsbi_shape_rows(call->node->in);
    return dsbi_ranges(call, NULL, rows, dsbi_range_step(rows, call->node->in.c), forward_rows);
}

static dsb_status backward_rows(const dsbi_call *call, const void *job, size_t first, size_t count,
                                size_t worker)
{
    (void)worker;
    const size_t step = *(const size_t *)job, c = call->node->in.c;
    void *dgamma = dsbi_at(call, call->scratch, first / step * c);
    memset(dgamma, 0, c * call->math->item);
    call->math->mul_rows_bwd(dsbi_kernels_of(call->rt), dsbi_at(call, call->dx[0], first * c),
                             dgamma, dsbi_at(call, call->dy, first * c),
                             dsbi_at(call, call->x[0], first * c), call->params[0], count, c);
    return DSB_OK;
}

static dsb_status backward(const dsbi_call *call)
{
    const size_t rows = call->batch * dsbi_shape_rows(call->node->in), c = call->node->in.c;
    const size_t step = dsbi_partial_step(rows, c, c);
    DSBI_TRY(dsbi_ranges(call, &step, rows, step, backward_rows));
    return dsbi_reduce(call, call->grads[0], call->scratch, dsbi_pieces(rows, step), c, c);
}

static dsbi_value check(dsbi_builder *b, dsbi_value x)
{
    return dsbi_layerscale(b, x, "gamma", 0.5);
}

const dsbi_layer dsbi_layer_layerscale = {.name = "layerscale",
                                          .role = DSBI_ROLE_SCALE,
                                          .declare = declare,
                                          .needs = needs,
                                          .forward = forward,
                                          .backward = backward,
                                          .check_image = {3, 2, 5},
                                          .check = check};

dsbi_value dsbi_layerscale(dsbi_builder *b, dsbi_value x, const char *name, double init)
{
    const dsbi_attrs attrs = {.init = {DSBI_INIT_CONSTANT, init}};
    return dsbi_node_add(b, &dsbi_layer_layerscale, name, &x, 1, &attrs);
}
