/* y[n,i,j] = (0, x[n, i s + o, j s + o], 0): every s-th pixel from o on, channels of zeros before
 * and after, zeros where the image has ended. With s = 2 it is shortcut A of He et al. 2016, "Deep
 * residual learning", with s = 1 PyramidNet's padding, with o = 1 the second half of Shake-Shake's
 * shortcut. */
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

/* Where the pixel of output row r comes from, in elements; false: from outside. */
static bool source_of(const dsbi_node *node, size_t r, size_t *source)
{
    const size_t rows = dsbi_shape_rows(node->out), s = node->attrs.stride, place = r % rows;
    const size_t y = place / node->out.w * s + node->attrs.offset;
    const size_t x = place % node->out.w * s + node->attrs.offset;
    *source = r / rows * dsbi_shape_size(node->in) + (y * node->in.w + x) * node->in.c;
    return y < node->in.h && x < node->in.w;
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
        size_t source;
        if (!source_of(node, r, &source)) {
            memset(y, 0, node->out.c * item);
            continue;
        }
        memset(y, 0, before * item);
        memcpy(y + before * item, dsbi_at(call, call->x[0], source), node->in.c * item);
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
        size_t source;
        if (!source_of(node, r, &source))
            continue;
        void *dx = dsbi_at(call, call->dx[0], source);
        call->math->add(dsbi_kernels_of(call->rt), dx, dx,
                        dsbi_at(call, call->dy, r * node->out.c + node->attrs.before), node->in.c);
    }
    return DSB_OK;
}

static dsb_status backward(const dsbi_call *call)
{
    if (!call->dx[0])
        return DSB_OK;
    return dsbi_images(call, NULL, backward_images);
}

static dsbi_value check(dsbi_builder *b, dsbi_value x)
{
    x = dsbi_subsample_from(b, x, 1, 1);
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

dsbi_value dsbi_subsample_from(dsbi_builder *b, dsbi_value x, size_t stride, size_t offset)
{
    const dsbi_attrs attrs = {.stride = stride, .offset = offset};
    return dsbi_node_add(b, &dsbi_layer_subsample, "", &x, 1, &attrs);
}
