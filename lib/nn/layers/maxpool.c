/* y[n,i,j,c] = max over kh, kw of x[n, i s + kh - p, j s + kw - p, c]; padding never wins. Saved
 * for backward: which place of the window won, a byte an output; the first of equals, as in
 * PyTorch. */
#include <math.h>
#include <string.h>
#include "base/sizes.h"
#include "nn/blocks.h"

enum { MOST_KERNEL = 15 }; /* places of a window fit a byte */

static void declare(dsbi_builder *b, dsbi_node *node)
{
    const dsbi_attrs *a = &node->attrs;
    const dsbi_shape in = node->in;
    if (a->kernel == 0 || a->kernel > MOST_KERNEL || a->stride == 0 || 2 * a->pad > a->kernel ||
        in.h + 2 * a->pad < a->kernel || in.w + 2 * a->pad < a->kernel) {
        dsbi_builder_fail(b, DSB_E_SHAPE,
                          "a maximum over %zu x %zu pixels with padding %zu does not fit %zu x %zu",
                          a->kernel, a->kernel, a->pad, in.h, in.w);
        return;
    }
    node->out.h = (in.h + 2 * a->pad - a->kernel) / a->stride + 1;
    node->out.w = (in.w + 2 * a->pad - a->kernel) / a->stride + 1;
}

static void needs(const dsbi_node *node, const dsbi_sizing *sizing, dsbi_needs *needs)
{
    needs->saved = sizing->batch * dsbi_shape_size(node->out);
    needs->adds_dx = true;
    needs->gates_x = needs->passes_gate = true;
    needs->keep_y = node->gates;
}

/* Pixel of the input under place (kh, kw) of window (i, j), in elements; SIZE_MAX in the padding.
 */
static size_t pixel_under(const dsbi_node *node, size_t i, size_t j, size_t place)
{
    const dsbi_attrs *a = &node->attrs;
    const size_t line = i * a->stride + place / a->kernel;
    const size_t column = j * a->stride + place % a->kernel;
    if (line < a->pad || line - a->pad >= node->in.h || column < a->pad ||
        column - a->pad >= node->in.w)
        return SIZE_MAX;
    return ((line - a->pad) * node->in.w + column - a->pad) * node->in.c;
}

static void fill_lowest(const dsbi_call *call, void *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dsbi_real_set(call->math, y, i, -INFINITY);
}

/* The part of window `at` of a line or column of `size` pixels that is inside: [*first, return). */
static size_t clip(const dsbi_attrs *a, size_t at, size_t size, size_t *first)
{
    const size_t begin = at * a->stride, end = begin + a->kernel - a->pad;
    *first = begin < a->pad ? 0 : begin - a->pad;
    return dsbi_smaller(end, size);
}

/* Maxima of window (i, j). */
static void max_window(const dsbi_call *call, void *y, const void *x, size_t i, size_t j)
{
    const dsbi_node *node = call->node;
    const size_t c = node->in.c, w = node->in.w;
    size_t line, column;
    const size_t lines = clip(&node->attrs, i, node->in.h, &line) - line;
    const size_t columns = clip(&node->attrs, j, w, &column) - column;
    call->math->max_window(dsbi_kernels_of(call->rt), y, dsbi_at(call, x, (line * w + column) * c),
                           lines, w * c, columns, c);
}

/* And which place they come from. */
static void max_places(const dsbi_call *call, void *y, uint8_t *at, const void *x, size_t i,
                       size_t j)
{
    const dsbi_node *node = call->node;
    const size_t area = node->attrs.kernel * node->attrs.kernel;
    for (size_t place = 0; place < area; place++) {
        const size_t pixel = pixel_under(node, i, j, place);
        if (pixel != SIZE_MAX)
            call->math->max_merge(dsbi_kernels_of(call->rt), y, at, dsbi_at(call, x, pixel),
                                  (uint8_t)place, node->in.c);
    }
}

static dsb_status forward_images(const dsbi_call *call, const void *job, size_t first, size_t count,
                                 size_t worker)
{
    (void)job;
    (void)worker;
    const dsbi_node *node = call->node;
    const size_t c = node->in.c, size = dsbi_shape_size(node->out);
    for (size_t image = first; image < first + count; image++) {
        uint8_t *at = call->training ? (uint8_t *)call->saved + image * size : NULL;
        void *y = dsbi_at(call, call->y, image * size);
        const void *x = dsbi_at(call, call->x[0], image * dsbi_shape_size(node->in));
        if (at) {
            memset(at, 0, size);
            fill_lowest(call, y, size);
        }
        for (size_t p = 0; p < dsbi_shape_rows(node->out); p++) {
            const size_t i = p / node->out.w, j = p % node->out.w;
            if (at)
                max_places(call, dsbi_at(call, y, p * c), at + p * c, x, i, j);
            else
                max_window(call, dsbi_at(call, y, p * c), x, i, j);
        }
    }
    return DSB_OK;
}

static dsb_status forward(const dsbi_call *call)
{
    return dsbi_images(call, NULL, forward_images);
}

static dsb_status backward_images(const dsbi_call *call, const void *job, size_t first,
                                  size_t count, size_t worker)
{
    (void)job;
    (void)worker;
    const dsbi_node *node = call->node;
    const size_t c = node->in.c, size = dsbi_shape_size(node->out);
    const size_t area = node->attrs.kernel * node->attrs.kernel;
    for (size_t image = first; image < first + count; image++) {
        const uint8_t *at = (const uint8_t *)call->saved + image * size;
        void *dy = dsbi_at(call, call->dy, image * size);
        void *dx = dsbi_at(call, call->dx[0], image * dsbi_shape_size(node->in));
        if (node->gates) /* those who have won are where y > 0 */
            call->math->relu_bwd(dsbi_kernels_of(call->rt), dy, dy,
                                 dsbi_at(call, call->y, image * size), size);
        if (!call->add[0])
            memset(dx, 0, dsbi_shape_size(node->in) * call->math->item);
        for (size_t p = 0; p < dsbi_shape_rows(node->out); p++)
            for (size_t place = 0; place < area; place++) {
                const size_t pixel = pixel_under(node, p / node->out.w, p % node->out.w, place);
                if (pixel != SIZE_MAX)
                    call->math->max_route(dsbi_kernels_of(call->rt), dsbi_at(call, dx, pixel),
                                          dsbi_at(call, dy, p * c), at + p * c, (uint8_t)place, c);
            }
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
    return dsbi_maxpool(b, dsbi_maxpool(b, x, 3, 2, 1), 2, 1, 0);
}

const dsbi_layer dsbi_layer_maxpool = {.name = "maxpool",
                                       .declare = declare,
                                       .needs = needs,
                                       .forward = forward,
                                       .backward = backward,
                                       .check_image = {6, 9, 3},
                                       .check = check};

dsbi_value dsbi_maxpool(dsbi_builder *b, dsbi_value x, size_t kernel, size_t stride, size_t pad)
{
    const dsbi_attrs attrs = {.kernel = kernel, .stride = stride, .pad = pad};
    return dsbi_node_add(b, &dsbi_layer_maxpool, "", &x, 1, &attrs);
}
