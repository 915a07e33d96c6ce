/* y = max(0, x). Backward needs y only: dx = dy where y > 0.
 * Nair and Hinton 2010, "Rectified linear units improve restricted Boltzmann machines". */
#include "nn/blocks.h"

static void declare(dsbi_builder *b, dsbi_node *node)
{
    (void)b;
    (void)node;
}

static void needs(const dsbi_node *node, const dsbi_sizing *sizing, dsbi_needs *needs)
{
    (void)node;
    (void)sizing;
    needs->keep_y = true;
    needs->dx_over_dy = true;
    needs->in_place = 1;
}

static size_t size_of(const dsbi_call *call)
{
    return call->batch * dsbi_shape_size(call->node->in);
}

static dsb_status forward_range(const dsbi_call *call, const void *job, size_t first, size_t count,
                                size_t worker)
{
    (void)job;
    (void)worker;
    call->math->relu_fwd(dsbi_kernels_of(call->rt), dsbi_at(call, call->y, first),
                         dsbi_at(call, call->x[0], first), count);
    return DSB_OK;
}

static dsb_status forward(const dsbi_call *call)
{
    const size_t n = size_of(call);
    return dsbi_ranges(call, NULL, n, dsbi_range_step(n, 1), forward_range);
}

static dsb_status backward_range(const dsbi_call *call, const void *job, size_t first, size_t count,
                                 size_t worker)
{
    (void)job;
    (void)worker;
    call->math->relu_bwd(dsbi_kernels_of(call->rt), dsbi_at(call, call->dx[0], first),
                         dsbi_at(call, call->dy, first), dsbi_at(call, call->y, first), count);
    return DSB_OK;
}

static dsb_status backward(const dsbi_call *call)
{
    const size_t n = size_of(call);
    return dsbi_ranges(call, NULL, n, dsbi_range_step(n, 1), backward_range);
}

static dsbi_value check(dsbi_builder *b, dsbi_value x)
{
    return dsbi_relu(b, x);
}

const dsbi_layer dsbi_layer_relu = {.name = "relu",
                                    .role = DSBI_ROLE_RELU,
                                    .declare = declare,
                                    .needs = needs,
                                    .forward = forward,
                                    .backward = backward,
                                    .check_image = {2, 3, 5},
                                    .check = check};

dsbi_value dsbi_relu(dsbi_builder *b, dsbi_value x)
{
    return dsbi_node_add(b, &dsbi_layer_relu, "", &x, 1, NULL);
}
