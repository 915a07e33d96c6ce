/* Depthwise convolution k x k, stride 1: each channel with its own kernel.
 *     y[n,i,j,c] = b[c] + sum over kh, kw of w[kh,kw,c] x[n, i + kh - p, j + kw - p, c]
 * w is stored [C, 1, kH, kW] as PyTorch does and lies [kH, kW, C] in memory. One image is one unit
 * of work; weight gradients are summed over fixed groups of images. */
#include <string.h>
#include "nn/blocks.h"

static void declare(dsbi_builder *b, dsbi_node *node)
{
    const dsbi_attrs *a = &node->attrs;
    const dsbi_shape in = node->in;
    if (a->kernel == 0 || a->pad >= a->kernel || in.h + 2 * a->pad < a->kernel ||
        in.w + 2 * a->pad < a->kernel) {
        dsbi_builder_fail(b, DSB_E_SHAPE, "%s: a %zu x %zu kernel does not fit %zu x %zu pixels",
                          node->name, a->kernel, a->kernel, in.h, in.w);
        return;
    }
    node->out.h = in.h + 2 * a->pad - a->kernel + 1;
    node->out.w = in.w + 2 * a->pad - a->kernel + 1;
    const size_t dims[] = {in.c, 1, a->kernel, a->kernel};
    dsbi_param_add(b, node, "weight", 4, dims, (const size_t[]){2, 3, 1, 0},
                   (dsbi_init){DSBI_INIT_TRUNC_NORMAL, 0.02});
    dsbi_param_add(b, node, "bias", 1, &in.c, NULL, (dsbi_init){DSBI_INIT_CONSTANT, 0});
}

static dsbi_dw_shape kernel_shape(const dsbi_node *node)
{
    return (dsbi_dw_shape){node->in.h, node->in.w, node->in.c, node->attrs.kernel, node->attrs.pad};
}

/* Elements of a partial gradient: weights, then biases. */
static size_t partial_size(const dsbi_node *node)
{
    return (node->attrs.kernel * node->attrs.kernel + 1) * node->in.c;
}

static size_t work_of(const dsbi_node *node)
{
    return dsbi_shape_size(node->in) * node->attrs.kernel;
}

static void needs(const dsbi_node *node, const dsbi_sizing *sizing, dsbi_needs *needs)
{
    const size_t partial = partial_size(node);
    const size_t groups = dsbi_partial_most(sizing->batch, work_of(node), partial);
    const size_t image = dsbi_shape_size(node->in);
    needs->keep_x = 1;
    needs->writes_grads = true;
    needs->adds_dx = true;
    needs->scratch_backward = (groups * partial + sizing->n_threads * image) * sizing->item;
}

static dsb_status forward_images(const dsbi_call *call, const void *job, size_t first, size_t count,
                                 size_t worker)
{
    (void)job;
    (void)worker;
    const size_t in = dsbi_shape_size(call->node->in), out = dsbi_shape_size(call->node->out);
    for (size_t image = first; image < first + count; image++)
        call->math->dw_fwd(dsbi_kernels_of(call->rt), dsbi_at(call, call->y, image * out),
                           dsbi_at(call, call->x[0], image * in), call->params[0], call->params[1],
                           kernel_shape(call->node));
    return DSB_OK;
}

static dsb_status forward(const dsbi_call *call)
{
    const size_t step = dsbi_range_step(call->batch, work_of(call->node));
    return dsbi_ranges(call, NULL, call->batch, step, forward_images);
}

static void image_gradient(const dsbi_call *call, size_t image, void *scratch)
{
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    const size_t in = dsbi_shape_size(call->node->in), out = dsbi_shape_size(call->node->out);
    void *dx = dsbi_at(call, call->dx[0], image * in);
    void *to = call->add[0] ? scratch : dx;
    call->math->dw_bwd_data(kernels, to, dsbi_at(call, call->dy, image * out), call->params[0],
                            kernel_shape(call->node));
    if (call->add[0])
        call->math->add(kernels, dx, dx, to, in);
}

static dsb_status backward_images(const dsbi_call *call, const void *job, size_t first,
                                  size_t count, size_t worker)
{
    const size_t step = *(const size_t *)job, partial = partial_size(call->node);
    const size_t in = dsbi_shape_size(call->node->in), out = dsbi_shape_size(call->node->out);
    const size_t groups = dsbi_pieces(call->batch, step);
    void *dw = dsbi_at(call, call->scratch, first / step * partial);
    void *dbias = dsbi_at(call, dw, partial - call->node->in.c);
    void *scratch = dsbi_at(call, call->scratch, groups * partial + worker * in);
    memset(dw, 0, partial * call->math->item);
    for (size_t image = first; image < first + count; image++) {
        if (call->dx[0])
            image_gradient(call, image, scratch);
        if (call->grads[0])
            call->math->dw_bwd_weights(
                dsbi_kernels_of(call->rt), dw, dbias, dsbi_at(call, call->x[0], image * in),
                dsbi_at(call, call->dy, image * out), kernel_shape(call->node));
    }
    return DSB_OK;
}

static dsb_status backward(const dsbi_call *call)
{
    const size_t partial = partial_size(call->node), c = call->node->in.c;
    const size_t step = dsbi_partial_step(call->batch, work_of(call->node), partial);
    const size_t groups = dsbi_pieces(call->batch, step);
    DSBI_TRY(dsbi_ranges(call, &step, call->batch, step, backward_images));
    const dsbi_sum weights = {call->grads[0], partial - c, call->fresh},
                   biases = {call->grads[1], c, call->fresh};
    return dsbi_reduce_both(call, weights, biases, call->scratch, groups, partial);
}

static uint64_t macs(const dsbi_node *node)
{
    return (uint64_t)node->attrs.kernel * node->attrs.kernel * dsbi_shape_size(node->out);
}

static dsbi_value check(dsbi_builder *b, dsbi_value x)
{
    x = dsbi_depthwise(b, x, "padded", 7, 3);
    return dsbi_depthwise(b, x, "valid", 3, 0);
}

const dsbi_layer dsbi_layer_depthwise = {.name = "depthwise",
                                         .declare = declare,
                                         .needs = needs,
                                         .forward = forward,
                                         .backward = backward,
                                         .macs = macs,
                                         .check_image = {5, 4, 3},
                                         .check = check};

dsbi_value dsbi_depthwise(dsbi_builder *b, dsbi_value x, const char *name, size_t kernel,
                          size_t pad)
{
    const dsbi_attrs attrs = {.kernel = kernel, .stride = 1, .pad = pad};
    return dsbi_node_add(b, &dsbi_layer_depthwise, name, &x, 1, &attrs);
}
