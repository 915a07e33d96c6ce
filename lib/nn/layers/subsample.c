/* y[n,i,j] = (0, x[n, i s, j s], 0): every s-th pixel, channels of zeros before and after. With s =
 * 2 it is shortcut A of He et al. 2016, "Deep residual learning", with s = 1 PyramidNet's padding.
 */
#include <string.h>
#include "nn/blocks.h"

static void declare(dsbi_builder *b, dsbi_node *node)
{
    const dsbi_attrs *a = &node->attrs;
    if (a->stride == 0) {
        dsbi_builder_fail(b, DSB_E_INVALID, "every 0th pixel");
        return;
    }
    node->out.h = (node->in.h - 1) / a->stride + 1;
    node->out.w = (node->in.w - 1) / a->stride + 1;
    if (!dsbi_add(&node->out.c, node->in.c, a->before) ||
        !dsbi_add(&node->out.c, node->out.c, a->after))
        dsbi_builder_fail(b, DSB_E_LIMIT, "too many channels");
}

static void needs(const dsbi_node *node, const dsbi_sizing *sizing, dsbi_needs *needs)
{
    (void)node;
    (void)sizing;
    needs->adds_dx = true;
}

/* Where the pixel of output row r comes from, in elements. */
static size_t source_of(const dsbi_node *node, size_t r)
{
    const size_t rows = dsbi_shape_rows(node->out), s = node->attrs.stride, place = r % rows;
    return r / rows * dsbi_shape_size(node->in) +
           (place / node->out.w * s * node->in.w + place % node->out.w * s) * node->in.c;
}

static dsb_status forward_rows(const dsbi_call *call, const void *job, size_t first, size_t count,
                               size_t worker)
{
    (void)job;
    (void)worker;
    const dsbi_node *node = call->node;
    const size_t item = call->math->item, before = node->attrs.before;
    for (size_t r = first; r < first + count; r++) {
        char *y = dsbi_at(call, call->y, r * node->out.c);
        memset(y, 0, before * item);
        memcpy(y + before * item, dsbi_at(call, call->x[0], source_of(node, r)), node->in.c * item);
        memset(y + (before + node->in.c) * item, 0, node->attrs.after * item);
    }
    return DSB_OK;
}

static dsb_status forward(const dsbi_call *call)
{
    const size_t rows = call->batch * dsbi_shape_rows(call->node->out);
    return dsbi_ranges(call, NULL, rows, dsbi_range_step(rows, call->node->out.c), forward_rows);
}

static dsb_status backward_images(const dsbi_call *call, const void *job, size_t first,
                                  size_t count, size_t worker)
{
    (void)job;
    (void)worker;
    const dsbi_node *node = call->node;
    const size_t rows = dsbi_shape_rows(node->out), size = dsbi_shape_size(node->in);
    if (!call->add[0])
        memset(dsbi_at(call, call->dx[0], first * size), 0, count * size * call->math->item);
    for (size_t r = first * rows; r < (first + count) * rows; r++) {
        void *dx = dsbi_at(call, call->dx[0], source_of(node, r));
        call->math->add(dsbi_kernels_of(call->rt), dx, dx,
                        dsbi_at(call, call->dy, r * node->out.c + node->attrs.before), node->in.c);
    }
    return DSB_OK;
}

static dsb_status backward(const dsbi_call *call)
{
    if (!call->dx[0])
        return DSB_OK;
    const size_t step = dsbi_range_step(call->batch, dsbi_shape_size(call->node->in));
    return dsbi_ranges(call, NULL, call->batch, step, backward_images);
}

static dsbi_value check(dsbi_builder *b, dsbi_value x)
{
    return dsbi_subsample_pad(b, dsbi_subsample_pad(b, x, 2, 1, 2), 1, 0, 1);
}

const dsbi_layer dsbi_layer_subsample = {.name = "subsample",
                                         .declare = declare,
                                         .needs = needs,
                                         .forward = forward,
                                         .backward = backward,
                                         .check_image = {5, 4, 3},
                                         .check = check};

dsbi_value dsbi_subsample_pad(dsbi_builder *b, dsbi_value x, size_t stride, size_t c_before,
                              size_t c_after)
{
    const dsbi_attrs attrs = {.stride = stride, .before = c_before, .after = c_after};
    return dsbi_node_add(b, &dsbi_layer_subsample, "", &x, 1, &attrs);
}
