/* y[r,:] = W x[r,:] + b over all rows of the batch. W is stored [out, in] as PyTorch does.
 * Flattened, an image is one row; W is stored [out, c * h * w] and lies [out, h, w, c] in memory.
 */
#include "nn/affine.h"

static void declare(dsbi_builder *b, dsbi_node *node)
{
    const dsbi_shape in = node->in;
    const size_t out = node->attrs.c_out;
    if (node->attrs.flatten) {
        node->out = (dsbi_shape){1, 1, out};
        dsbi_affine_declare(b, node, 4, (const size_t[]){out, in.c, in.h, in.w},
                            (const size_t[]){0, 2, 3, 1});
        dsbi_param_as_matrix(b, node);
    } else {
        node->out.c = out;
        dsbi_affine_declare(b, node, 2, (const size_t[]){out, in.c}, NULL);
    }
}

static dsbi_affine affine_of(const dsbi_node *node)
{
    const bool flatten = node->attrs.flatten;
    return (dsbi_affine){.image_rows = flatten ? 1 : dsbi_shape_rows(node->in),
                         .k = flatten ? dsbi_shape_size(node->in) : node->in.c,
                         .n = node->out.c,
                         .blocked_rows = true};
}

static void needs(const dsbi_node *node, const dsbi_sizing *sizing, dsbi_needs *needs)
{
    const dsbi_affine affine = affine_of(node);
    dsbi_affine_needs(&affine, node, sizing, needs);
    needs->keep_y = node->relu && !node->gated;
    needs->gated_behind = node->relu;
    needs->remakes = node->gelu;
}

static dsb_status prepare(const dsbi_call *call)
{
    const dsbi_affine affine = affine_of(call->node);
    return dsbi_affine_prepare(call, &affine);
}

static dsb_status forward(const dsbi_call *call)
{
    const dsbi_affine affine = affine_of(call->node);
    return dsbi_affine_forward(call, &affine);
}

static dsb_status backward(const dsbi_call *call)
{
    const dsbi_affine affine = affine_of(call->node);
    DSBI_TRY(dsbi_affine_gate(call));
    return dsbi_affine_backward(call, &affine);
}

static uint64_t macs(const dsbi_node *node)
{
    return (uint64_t)dsbi_shape_size(node->in) * node->out.c; /* of all rows, or of one flat row */
}

static dsbi_value check(dsbi_builder *b, dsbi_value x)
{
    x = dsbi_linear(b, x, "linear", 5);
    return dsbi_flatten_linear(b, x, "flat", &(dsbi_attrs){.c_out = 4, .no_bias = true});
}

const dsbi_layer dsbi_layer_linear = {.name = "linear",
                                      .role = DSBI_ROLE_AFFINE,
                                      .declare = declare,
                                      .needs = needs,
                                      .prepare = prepare,
                                      .forward = forward,
                                      .backward = backward,
                                      .remake = dsbi_affine_remake,
                                      .macs = macs,
                                      .check_image = {3, 2, 7},
                                      .check = check};

dsbi_value dsbi_linear(dsbi_builder *b, dsbi_value x, const char *name, size_t c_out)
{
    return dsbi_linear_with(b, x, name, &(dsbi_attrs){.c_out = c_out});
}

dsbi_value dsbi_linear_with(dsbi_builder *b, dsbi_value x, const char *name,
                            const dsbi_attrs *attrs)
{
    return dsbi_node_add(b, &dsbi_layer_linear, name, &x, 1, attrs);
}

dsbi_value dsbi_flatten_linear(dsbi_builder *b, dsbi_value x, const char *name,
                               const dsbi_attrs *attrs)
{
    dsbi_attrs flat = *attrs;
    flat.flatten = true;
    return dsbi_linear_with(b, x, name, &flat);
}
