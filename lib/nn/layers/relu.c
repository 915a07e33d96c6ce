/* y = max(0, x). Backward needs y only: dx = dy where y > 0.
 * Nair and Hinton 2010, "Rectified linear units improve restricted Boltzmann machines". */
#include "nn/pointwise.h"

static void needs(const dsbi_node *node, const dsbi_sizing *sizing, dsbi_needs *needs)
{
    (void)node;
    (void)sizing;
    needs->keep_y = true;
    needs->dx_over_dy = true;
    needs->in_place = 1;
}

static dsb_status forward(const dsbi_call *call)
{
    return dsbi_pointwise_forward(call, call->math->relu_fwd);
}

static dsb_status backward(const dsbi_call *call)
{
    return dsbi_pointwise_backward(call, call->math->relu_bwd, call->y);
}

static dsbi_value check(dsbi_builder *b, dsbi_value x)
{
    return dsbi_relu(b, x);
}

const dsbi_layer dsbi_layer_relu = {.name = "relu",
                                    .role = DSBI_ROLE_RELU,
                                    .needs = needs,
                                    .forward = forward,
                                    .backward = backward,
                                    .check_image = {2, 3, 5},
                                    .check = check};

dsbi_value dsbi_relu(dsbi_builder *b, dsbi_value x)
{
    return dsbi_node_add(b, &dsbi_layer_relu, "", &x, 1, NULL);
}
