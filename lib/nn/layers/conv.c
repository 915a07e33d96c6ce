/* Convolution k x k with stride and padding, as a product over gathered patches:
 *     y[n,i,j,o] = b[o] + sum over kh, kw, c of W[o,kh,kw,c] x[n, i s + kh - p, j s + kw - p, c]
 * W is stored [O, I, kH, kW] as PyTorch does and lies [O, kH, kW, I] in memory, so that a row of a
 * patch is one run of the image. The patches of one block of rows exist at a time. The first layer
 * may take pixels as bytes and normalise them on the way. */
#include <string.h>
#include "nn/affine.h"

/* A line of pixels of several patches on the stack: 4 KiB, at least one patch of 16 pixels. */
enum { LINE_DOUBLES = 512, MOST_LINE_KERNEL = 32 };

static void declare(dsbi_builder *b, dsbi_node *node)
{
    const dsbi_attrs *a = &node->attrs;
    const dsbi_shape in = node->in;
    if (a->kernel == 0 || a->stride == 0 || a->c_out == 0 || in.h + 2 * a->pad < a->kernel ||
        in.w + 2 * a->pad < a->kernel) {
        dsbi_builder_fail(b, DSB_E_SHAPE,
                          "%s: a %zu x %zu kernel with stride %zu and padding %zu does not fit "
                          "%zu x %zu pixels",
                          node->name, a->kernel, a->kernel, a->stride, a->pad, in.h, in.w);
        return;
    }
    node->out = (dsbi_shape){(in.h + 2 * a->pad - a->kernel) / a->stride + 1,
                             (in.w + 2 * a->pad - a->kernel) / a->stride + 1, a->c_out};
    const size_t dims[] = {a->c_out, in.c, a->kernel, a->kernel};
    dsbi_param_add(b, node, "weight", 4, dims, (const size_t[]){0, 2, 3, 1},
                   (dsbi_init){DSBI_INIT_TRUNC_NORMAL, 0.02});
    if (!a->no_bias)
        dsbi_param_add(b, node, "bias", 1, &a->c_out, NULL, (dsbi_init){DSBI_INIT_CONSTANT, 0});
}

/* One row of a patch: columns [column, column + k) of line `line`, clipped to the image.
 * Returns how many columns are inside; `skip` of the patch lie left of it. */
static size_t clip(const dsbi_node *node, size_t line, size_t column, size_t *skip)
{
    const size_t k = node->attrs.kernel, pad = node->attrs.pad, w = node->in.w;
    if (line < pad || line - pad >= node->in.h)
        return 0;
    *skip = column < pad ? pad - column : 0;
    const size_t end = column + k < pad + w ? k : pad + w > column ? pad + w - column : 0;
    return end > *skip ? end - *skip : 0;
}

/* Patches of pixels side by side in one line of output, without padding: each of their lines is
 * normalised as a whole, then dealt out. Returns how many of the `count` patches it made. */
static size_t gather_pixels(const dsbi_call *call, void *out, size_t row, size_t count)
{
    const dsbi_node *node = call->node;
    const size_t k = node->attrs.kernel, item = call->math->item, run = 3 * k * item;
    const size_t rows = dsbi_shape_rows(node->out), place = row % rows;
    const size_t i = place / node->out.w, j = place % node->out.w;
    double line[LINE_DOUBLES];
    size_t n = sizeof line / run;
    n = n < count ? n : count;
    n = n < node->out.w - j ? n : node->out.w - j;
    for (size_t kh = 0; kh < k; kh++) {
        const size_t from =
            row / rows * dsbi_shape_size(node->in) + ((i * k + kh) * node->in.w + j * k) * 3;
        call->math->pixels(dsbi_kernels_of(call->rt), line, call->pixels + from,
                           &call->graph->pixels, n * k);
        char *to = dsbi_at(call, out, kh * k * 3);
        for (size_t p = 0; p < n; p++)
            memcpy(to + p * k * run, (const char *)line + p * run, run);
    }
    return n;
}

static void gather(const dsbi_call *call, void *out, size_t first, size_t count)
{
    const dsbi_node *node = call->node;
    if (node->pixels && node->attrs.stride == node->attrs.kernel && node->attrs.pad == 0 &&
        node->attrs.kernel <= MOST_LINE_KERNEL) {
        const size_t patch = node->attrs.kernel * node->attrs.kernel * 3;
        for (size_t done = 0; done < count;)
            done +=
                gather_pixels(call, dsbi_at(call, out, done * patch), first + done, count - done);
        return;
    }
    const size_t k = node->attrs.kernel, stride = node->attrs.stride, pad = node->attrs.pad;
    const size_t c = node->in.c, item = call->math->item, rows = dsbi_shape_rows(node->out);
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    for (size_t row = first; row < first + count; row++) {
        const size_t image = row / rows * dsbi_shape_size(node->in);
        const size_t i = row % rows / node->out.w, j = row % rows % node->out.w;
        for (size_t kh = 0; kh < k; kh++) {
            char *to = dsbi_at(call, out, ((row - first) * k + kh) * k * c);
            size_t skip = 0;
            const size_t inside = clip(node, i * stride + kh, j * stride, &skip);
            if (inside < k)
                memset(to, 0, k * c * item);
            if (inside == 0)
                continue;
            const size_t from =
                image + ((i * stride + kh - pad) * node->in.w + j * stride + skip - pad) * c;
            to += skip * c * item;
            if (node->pixels)
                call->math->pixels(kernels, to, call->pixels + from, &call->graph->pixels, inside);
            else
                memcpy(to, dsbi_at(call, call->x[0], from), inside * c * item);
        }
    }
}

static void scatter(const dsbi_call *call, const void *patches, size_t first, size_t count)
{
    const dsbi_node *node = call->node;
    const size_t k = node->attrs.kernel, stride = node->attrs.stride, pad = node->attrs.pad;
    const size_t c = node->in.c, rows = dsbi_shape_rows(node->out);
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    for (size_t row = first; row < first + count; row++) {
        const size_t image = row / rows * dsbi_shape_size(node->in);
        const size_t i = row % rows / node->out.w, j = row % rows % node->out.w;
        for (size_t kh = 0; kh < k; kh++) {
            size_t skip = 0;
            const size_t inside = clip(node, i * stride + kh, j * stride, &skip);
            if (inside == 0)
                continue;
            void *to = dsbi_at(
                call, call->dx[0],
                image + ((i * stride + kh - pad) * node->in.w + j * stride + skip - pad) * c);
            const void *from = dsbi_at(call, patches, ((row - first) * k + kh) * k * c + skip * c);
            call->math->add(kernels, to, to, from, inside * c);
        }
    }
}

static dsbi_affine affine_of(const dsbi_node *node)
{
    const dsbi_attrs *a = &node->attrs;
    const bool dense = a->kernel == 1 && a->stride == 1 && a->pad == 0 && !node->pixels;
    return (dsbi_affine){.image_rows = dsbi_shape_rows(node->out),
                         .k = a->kernel * a->kernel * node->in.c,
                         .n = node->out.c,
                         .gather = dense ? NULL : gather,
                         .scatter = dense ? NULL : scatter,
                         .blocked_rows = dense};
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
    const uint64_t patch = (uint64_t)node->attrs.kernel * node->attrs.kernel * node->in.c;
    return patch * dsbi_shape_size(node->out);
}

static dsbi_value check(dsbi_builder *b, dsbi_value x)
{
    x = dsbi_conv2d(b, x, "overlapping", 4, 3, 2, 1);
    x = dsbi_conv2d(b, x, "patches", 5, 2, 2, 0);
    return dsbi_conv2d(b, x, "pointwise", 3, 1, 1, 0);
}

const dsbi_layer dsbi_layer_conv = {.name = "conv",
                                    .role = DSBI_ROLE_PATCHES,
                                    .declare = declare,
                                    .needs = needs,
                                    .forward = forward,
                                    .backward = backward,
                                    .macs = macs,
                                    .check_image = {7, 9, 3},
                                    .check = check};

dsbi_value dsbi_conv2d(dsbi_builder *b, dsbi_value x, const char *name, size_t c_out, size_t kernel,
                       size_t stride, size_t pad)
{
    const dsbi_attrs attrs = {.c_out = c_out, .kernel = kernel, .stride = stride, .pad = pad};
    return dsbi_node_add(b, &dsbi_layer_conv, name, &x, 1, &attrs);
}
