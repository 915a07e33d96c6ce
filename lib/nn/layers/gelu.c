/* y = x Phi(x), Phi the normal distribution function in its exact (erf) form.
 * Hendrycks and Gimpel 2016, "Gaussian error linear units". */
#include "nn/pointwise.h"

static void needs(const dsbi_node *node, const dsbi_sizing *sizing, dsbi_needs *needs)
{
    (void)node;
    (void)sizing;
    needs->keep_x = 1;
    needs->dx_over_dy = true;
    needs->in_place = 1;
}

static dsb_status forward(const dsbi_call *call)
{
    return dsbi_pointwise_forward(call, call->math->gelu_fwd);
}

static dsb_status backward(const dsbi_call *call)
{
    return dsbi_pointwise_backward(call, call->math->gelu_bwd, call->x[0]);
}

static dsbi_value check(dsbi_builder *b, dsbi_value x)
{
    return dsbi_gelu(b, x);
}

const dsbi_layer dsbi_layer_gelu = {.name = "gelu",
                                    .role = DSBI_ROLE_GELU,
                                    .needs = needs,
                                    .forward = forward,
                                    .backward = backward,
                                    .check_image = {2, 3, 5},
                                    .check = check};

dsbi_value dsbi_gelu(dsbi_builder *b, dsbi_value x)
{
    return dsbi_node_add(b, &dsbi_layer_gelu, "", &x, 1, NULL);
}
