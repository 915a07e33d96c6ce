/* y[r,:] = W x[r,:] + b over all rows of the batch. W is stored [out, in] as PyTorch does. */
#include "nn/affine.h"

static void declare(dsbi_builder *b, dsbi_node *node)
{
    const size_t c = node->in.c, out = node->attrs.c_out;
    node->out.c = out;
    dsbi_param_add(b, node, "weight", 2, (const size_t[]){out, c}, NULL,
                   (dsbi_init){DSBI_INIT_TRUNC_NORMAL, 0.02});
    if (!node->attrs.no_bias)
        dsbi_param_add(b, node, "bias", 1, &out, NULL, (dsbi_init){DSBI_INIT_CONSTANT, 0});
}

static dsbi_affine affine_of(const dsbi_node *node)
{
    return (dsbi_affine){.image_rows = dsbi_shape_rows(node->in),
                         .k = node->in.c,
                         .n = node->out.c,
                         .blocked_rows = true};
}

static void needs(const dsbi_node *node, const dsbi_sizing *sizing, dsbi_needs *needs)
{
    const dsbi_affine affine = affine_of(node);
    dsbi_affine_needs(&affine, node, sizing, needs);
}

static dsb_status forward(const dsbi_call *call)
{
    const dsbi_affine affine = affine_of(call->node);
    return dsbi_affine_forward(call, &affine);
}

static dsb_status backward(const dsbi_call *call)
{
    const dsbi_affine affine = affine_of(call->node);
    return dsbi_affine_backward(call, &affine);
}

static uint64_t macs(const dsbi_node *node)
{
    return (uint64_t)dsbi_shape_size(node->in) * node->out.c;
}

static dsbi_value check(dsbi_builder *b, dsbi_value x)
{
    return dsbi_linear(b, x, "linear", 5);
}

const dsbi_layer dsbi_layer_linear = {.name = "linear",
                                      .role = DSBI_ROLE_AFFINE,
                                      .declare = declare,
                                      .needs = needs,
                                      .forward = forward,
                                      .backward = backward,
                                      .macs = macs,
                                      .check_image = {3, 2, 7},
                                      .check = check};

dsbi_value dsbi_linear(dsbi_builder *b, dsbi_value x, const char *name, size_t c_out)
{
    return dsbi_node_add(b, &dsbi_layer_linear, name, &x, 1, &(dsbi_attrs){.c_out = c_out});
}
