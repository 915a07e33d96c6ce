/* Means over windows. With a kernel: y[n,i,j,c] = 1 / k^2 sum over kh, kw of
 * x[n, i s + kh - p, j s + kw - p, c], padding counted as zeros. Adaptive, without one: window i of
 * out_h covers the lines floor(i h / out_h) .. ceil((i + 1) h / out_h) - 1 (torch's
 * AdaptiveAvgPool2d); windows overlap where out_h does not divide h. */
#include <string.h>
#include "nn/blocks.h"

static void declare(dsbi_builder *b, dsbi_node *node)
{
    const dsbi_attrs *a = &node->attrs;
    const dsbi_shape in = node->in;
    if (a->kernel == 0) {
        if (a->out_h == 0 || a->out_w == 0)
            dsbi_builder_fail(b, DSB_E_SHAPE, "adaptive pooling to %zu x %zu", a->out_h, a->out_w);
        node->out.h = a->out_h;
        node->out.w = a->out_w;
    } else if (a->stride == 0 || 2 * a->pad > a->kernel || in.h + 2 * a->pad < a->kernel ||
               in.w + 2 * a->pad < a->kernel) {
        dsbi_builder_fail(b, DSB_E_SHAPE,
                          "a mean over %zu x %zu pixels with padding %zu does not fit %zu x %zu",
                          a->kernel, a->kernel, a->pad, in.h, in.w);
    } else {
        node->out.h = (in.h + 2 * a->pad - a->kernel) / a->stride + 1;
        node->out.w = (in.w + 2 * a->pad - a->kernel) / a->stride + 1;
    }
}

static void needs(const dsbi_node *node, const dsbi_sizing *sizing, dsbi_needs *needs)
{
    (void)node;
    (void)sizing;
    needs->adds_dx = true;
}

/* Lines (or columns) of one window inside the image. */
typedef struct span {
    size_t begin, end;
} span;

static span span_of(const dsbi_attrs *a, size_t i, size_t side, size_t out)
{
    if (a->kernel == 0)
        return (span){i * side / out, ((i + 1) * side + out - 1) / out};
    const size_t begin = i * a->stride, end = begin + a->kernel;
    return (span){begin > a->pad ? begin - a->pad : 0, end < side + a->pad ? end - a->pad : side};
}

/* One window: y += share x over its pixels, or backward dx += share dy. */
static void window(const dsbi_call *call, void *image, void *pixel, size_t i, size_t j,
                   bool backward)
{
    const dsbi_node *node = call->node;
    const dsbi_attrs *a = &node->attrs;
    const span rows = span_of(a, i, node->in.h, node->out.h);
    const span columns = span_of(a, j, node->in.w, node->out.w);
    const size_t c = node->in.c;
    const size_t area =
        a->kernel ? a->kernel * a->kernel : (rows.end - rows.begin) * (columns.end - columns.begin);
    for (size_t line = rows.begin; line < rows.end; line++)
        for (size_t column = columns.begin; column < columns.end; column++) {
            void *at = dsbi_at(call, image, (line * node->in.w + column) * c);
            call->math->axpy(dsbi_kernels_of(call->rt), backward ? at : pixel, 1 / (double)area,
                             backward ? pixel : at, c);
        }
}

static dsb_status forward_images(const dsbi_call *call, const void *job, size_t first, size_t count,
                                 size_t worker)
{
    (void)job;
    (void)worker;
    const dsbi_shape in = call->node->in, out = call->node->out;
    for (size_t image = first; image < first + count; image++) {
        void *x = dsbi_at(call, call->x[0], image * dsbi_shape_size(in));
        void *y = dsbi_at(call, call->y, image * dsbi_shape_size(out));
        memset(y, 0, dsbi_shape_size(out) * call->math->item);
        for (size_t p = 0; p < dsbi_shape_rows(out); p++)
            window(call, x, dsbi_at(call, y, p * out.c), p / out.w, p % out.w, false);
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
    const dsbi_shape in = call->node->in, out = call->node->out;
    for (size_t image = first; image < first + count; image++) {
        void *dx = dsbi_at(call, call->dx[0], image * dsbi_shape_size(in));
        void *dy = dsbi_at(call, call->dy, image * dsbi_shape_size(out));
        if (!call->add[0])
            memset(dx, 0, dsbi_shape_size(in) * call->math->item);
        for (size_t p = 0; p < dsbi_shape_rows(out); p++)
            window(call, dx, dsbi_at(call, dy, p * out.c), p / out.w, p % out.w, true);
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
    x = dsbi_avgpool(b, x, 3, 2, 1);
    x = dsbi_adaptive_avgpool(b, x, 3, 4);
    return dsbi_avgpool(b, x, 2, 1, 0);
}

const dsbi_layer dsbi_layer_windowpool = {.name = "windowpool",
                                          .declare = declare,
                                          .needs = needs,
                                          .forward = forward,
                                          .backward = backward,
                                          .check_image = {9, 11, 3},
                                          .check = check};

dsbi_value dsbi_avgpool(dsbi_builder *b, dsbi_value x, size_t kernel, size_t stride, size_t pad)
{
    if (kernel == 0)
        dsbi_builder_fail(b, DSB_E_SHAPE, "a mean over no pixels");
    const dsbi_attrs attrs = {.kernel = kernel, .stride = stride, .pad = pad};
    return dsbi_node_add(b, &dsbi_layer_windowpool, "", &x, 1, &attrs);
}

dsbi_value dsbi_adaptive_avgpool(dsbi_builder *b, dsbi_value x, size_t out_h, size_t out_w)
{
    const dsbi_shape in = dsbi_shape_of(b, x);
    if (in.h == out_h && in.w == out_w)
        return x;
    const dsbi_attrs attrs = {.out_h = out_h, .out_w = out_w};
    return dsbi_node_add(b, &dsbi_layer_windowpool, "", &x, 1, &attrs);
}
