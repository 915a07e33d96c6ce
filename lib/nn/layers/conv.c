/* Convolution k x k with stride, padding, dilation and groups, as a product over gathered patches:
 *     y[n,i,j,o] = b[o] + sum over kh, kw, c of W[o,kh,kw,c] x[n, i s + kh d - p, j s + kw d - p,
 * c] W is stored [O, I, kH, kW] as PyTorch does and lies [O, kH, kW, I] in memory, so that a row of
 * a patch is one run of the image. The patches of one block of rows exist at a time. The first
 * layer may take pixels as bytes and normalise them on the way. */
#include <string.h>
#include "nn/affine.h"
#include "nn/groupconv.h"
#include "nn/norm.h"
#include "nn/pixelconv.h"
#include "nn/winograd.h"

typedef struct window {
    size_t k, stride, pad, dilation, groups;
    size_t reach; /* pixels from the first to behind the last of a line of the kernel */
} window;

static window window_of(const dsbi_node *node)
{
    const dsbi_attrs *a = &node->attrs;
    window v = {a->kernel,
                a->stride ? a->stride : 1,
                a->pad,
                a->dilation ? a->dilation : 1,
                a->groups ? a->groups : 1,
                0};
    v.reach = (v.k - 1) * v.dilation + 1;
    return v;
}

enum { MOST_SIDE = 1 << 20 };

static bool fits(const dsbi_node *node)
{
    const dsbi_attrs *a = &node->attrs;
    if (a->kernel == 0 || a->c_out == 0 || a->kernel > MOST_SIDE || a->dilation > MOST_SIDE ||
        a->pad > MOST_SIDE || a->pad_end > MOST_SIDE)
        return false;
    const window v = window_of(node);
    const size_t zeros = 2 * a->pad + a->pad_end;
    return node->in.h + zeros >= v.reach && node->in.w + zeros >= v.reach;
}

static void declare(dsbi_builder *b, dsbi_node *node)
{
    const dsbi_attrs *a = &node->attrs;
    const dsbi_shape in = node->in;
    if (!fits(node)) {
        dsbi_builder_fail(b, DSB_E_SHAPE,
                          "%s: a %zu x %zu kernel with stride %zu and padding %zu does not fit "
                          "%zu x %zu pixels",
                          node->name, a->kernel, a->kernel, a->stride, a->pad, in.h, in.w);
        return;
    }
    const window v = window_of(node);
    if (in.c % v.groups || a->c_out % v.groups) {
        dsbi_builder_fail(b, DSB_E_SHAPE, "%s: %zu groups of %zu and %zu channels", node->name,
                          v.groups, in.c, a->c_out);
        return;
    }
    const size_t zeros = 2 * a->pad + a->pad_end;
    node->out = (dsbi_shape){(in.h + zeros - v.reach) / v.stride + 1,
                             (in.w + zeros - v.reach) / v.stride + 1, a->c_out};
    const size_t dims[] = {a->c_out, in.c / v.groups, a->kernel, a->kernel};
    dsbi_affine_declare(b, node, 4, dims, (const size_t[]){0, 2, 3, 1});
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

/* Element of the input at line i s + kh d - p, column j s + kw d - p; SIZE_MAX outside. */
static size_t pixel_at(const dsbi_node *node, size_t row, size_t kh, size_t kw)
{
    const window v = window_of(node);
    const size_t rows = dsbi_shape_rows(node->out), place = row % rows;
    const size_t line = place / node->out.w * v.stride + kh * v.dilation;
    const size_t column = place % node->out.w * v.stride + kw * v.dilation;
    if (line < v.pad || line - v.pad >= node->in.h || column < v.pad ||
        column - v.pad >= node->in.w)
        return SIZE_MAX;
    return row / rows * dsbi_shape_size(node->in) +
           ((line - v.pad) * node->in.w + column - v.pad) * node->in.c;
}

/* `count` pixels of `c` channels from channel `channel` on, which begin with number `from` of the
 * input, through the norm in front where there is one; zeros around the image stay zeros. */
static void take(const dsbi_call *call, void *to, size_t from, size_t count, size_t channel,
                 size_t c)
{
    if (call->x_norm)
        dsbi_norm_apply(call, to, from, count, channel, c);
    else
        memcpy(to, dsbi_at(call, call->x[0], from), count * c * call->math->item);
}

/* Dilated or grouped: pixel by pixel, the columns of a group side by side. */
static void gather_apart(const dsbi_call *call, void *out, size_t first, size_t count)
{
    const dsbi_node *node = call->node;
    const window v = window_of(node);
    const size_t c = node->in.c / v.groups, run = c * call->math->item, area = v.k * v.k;
    char *to = out;
    for (size_t row = first; row < first + count; row++)
        for (size_t g = 0; g < v.groups; g++)
            for (size_t p = 0; p < area; p++, to += run) {
                const size_t from = pixel_at(node, row, p / v.k, p % v.k);
                if (from == SIZE_MAX)
                    memset(to, 0, run);
                else
                    take(call, to, from + g * c, 1, g * c, c);
            }
}

/* Columns of patches without groups, one tap of the kernel after the other. */
static void gather_columns(const dsbi_call *call, void *out, size_t first, size_t count,
                           size_t column, size_t columns)
{
    const dsbi_node *node = call->node;
    const size_t c = node->in.c, k = node->attrs.kernel, item = call->math->item;
    for (size_t done = 0, run; done < columns; done += run) {
        const size_t tap = (column + done) / c, channel = (column + done) % c;
        run = c - channel < columns - done ? c - channel : columns - done;
        for (size_t row = 0; row < count; row++) {
            void *to = dsbi_at(call, out, row * columns + done);
            const size_t from = pixel_at(node, first + row, tap / k, tap % k);
            if (from == SIZE_MAX)
                memset(to, 0, run * item);
            else
                take(call, to, from + channel, 1, channel, run);
        }
    }
}

static void scatter_apart(const dsbi_call *call, const void *patches, size_t first, size_t count)
{
    const dsbi_node *node = call->node;
    const window v = window_of(node);
    const size_t c = node->in.c / v.groups, area = v.k * v.k;
    size_t at = 0;
    for (size_t row = first; row < first + count; row++)
        for (size_t g = 0; g < v.groups; g++)
            for (size_t p = 0; p < area; p++, at += c) {
                const size_t pixel = pixel_at(node, row, p / v.k, p % v.k);
                if (pixel == SIZE_MAX)
                    continue;
                void *to = dsbi_at(call, call->dx[0], pixel + g * c);
                call->math->add(dsbi_kernels_of(call->rt), to, to, dsbi_at(call, patches, at), c);
            }
}

static void gather(const dsbi_call *call, void *out, size_t first, size_t count)
{
    const dsbi_node *node = call->node;
    const size_t k = node->attrs.kernel, stride = window_of(node).stride, pad = node->attrs.pad;
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
                take(call, to, from, inside, 0, c);
        }
    }
}

static void scatter(const dsbi_call *call, const void *patches, size_t first, size_t count)
{
    const dsbi_node *node = call->node;
    const size_t k = node->attrs.kernel, stride = window_of(node).stride, pad = node->attrs.pad;
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

static bool is_apart(const dsbi_node *node)
{
    const window v = window_of(node);
    return !node->pixels && (v.groups > 1 || v.dilation > 1);
}

static dsbi_affine affine_of(const dsbi_node *node)
{
    const window v = window_of(node);
    const bool dense =
        v.k == 1 && v.stride == 1 && v.pad == 0 && node->attrs.pad_end == 0 && !node->pixels;
    const bool apart = is_apart(node), by_columns = !dense && !node->pixels && v.groups == 1;
    return (dsbi_affine){.image_rows = dsbi_shape_rows(node->out),
                         .k = v.k * v.k * node->in.c,
                         .n = node->out.c,
                         .groups = v.groups,
                         .gather = dense   ? NULL
                                   : apart ? gather_apart
                                           : gather,
                         .gather_columns = by_columns ? gather_columns : NULL,
                         .scatter = dense   ? NULL
                                    : apart ? scatter_apart
                                            : scatter,
                         .blocked_rows = dense};
}

/* Ways of doing it that suit some convolutions; the first that fits is taken, else patches or, for
 * 1 x 1, the input itself as rows of a product. */
typedef struct way {
    const char *name;
    bool (*fits)(const dsbi_node *node);
    void (*needs)(const dsbi_node *node, const dsbi_sizing *sizing, dsbi_needs *needs);
    dsb_status (*prepare)(const dsbi_call *call);
    dsb_status (*forward)(const dsbi_call *call);
    dsb_status (*backward)(const dsbi_call *call);
} way;

static const way ways[] = {
    {"pixels", dsbi_pixelconv_fits, dsbi_pixelconv_needs, dsbi_pixelconv_prepare,
     dsbi_pixelconv_forward, dsbi_pixelconv_backward},
    {"winograd", dsbi_winograd_fits, dsbi_winograd_needs, dsbi_winograd_prepare,
     dsbi_winograd_forward, dsbi_winograd_backward},
    {"groups", dsbi_groupconv_fits, dsbi_groupconv_needs, dsbi_groupconv_prepare,
     dsbi_groupconv_forward, dsbi_groupconv_backward},
};

static const way *way_of(const dsbi_node *node)
{
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (ways[i].fits(node))
            return &ways[i];
    return NULL;
}

static void needs(const dsbi_node *node, const dsbi_sizing *sizing, dsbi_needs *needs)
{
    const way *chosen = way_of(node);
    const dsbi_affine affine = affine_of(node);
    if (chosen)
        chosen->needs(node, sizing, needs);
    else
        dsbi_affine_needs(&affine, node, sizing, needs);
    needs->keep_y = node->relu && !node->gated;
    needs->gated_behind = node->relu;
}

static dsb_status prepare(const dsbi_call *call)
{
    const way *chosen = way_of(call->node);
    const dsbi_affine affine = affine_of(call->node);
    return chosen ? chosen->prepare(call) : dsbi_affine_prepare(call, &affine);
}

static dsb_status forward(const dsbi_call *call)
{
    const way *chosen = way_of(call->node);
    const dsbi_affine affine = affine_of(call->node);
    return chosen ? chosen->forward(call) : dsbi_affine_forward(call, &affine);
}

static dsb_status backward(const dsbi_call *call)
{
    const way *chosen = way_of(call->node);
    const dsbi_affine affine = affine_of(call->node);
    if (!call->remade) /* else there is no output to tell */
        DSBI_TRY(dsbi_affine_gate(call));
    return chosen ? chosen->backward(call) : dsbi_affine_backward(call, &affine);
}

/* Only of pixels: others would read what memory is to be saved for. */
static dsb_status remake(const dsbi_call *call)
{
    return dsbi_pixelconv_forward(call);
}

static const char *algorithm(const dsbi_node *node)
{
    const way *chosen = way_of(node);
    if (chosen && chosen->forward == dsbi_winograd_forward)
        return node->attrs.kernel == 3 ? "winograd 4x4" : "winograd 2x2";
    return chosen ? chosen->name : affine_of(node).gather ? "patches" : "product";
}

static uint64_t macs(const dsbi_node *node)
{
    const window v = window_of(node);
    const uint64_t patch = (uint64_t)v.k * v.k * (node->in.c / v.groups);
    return patch * dsbi_shape_size(node->out);
}

static dsbi_value check(dsbi_builder *b, dsbi_value x)
{
    x = dsbi_conv2d(b, x, "wide", 16, 3, 1, 1);
    x = dsbi_conv2d(b, x, "pieces", 16, 3, 1, 0);
    x = dsbi_conv(b, x, "fours", &(dsbi_attrs){.c_out = 16, .kernel = 3, .pad = 1, .groups = 4});
    x = dsbi_conv2d(b, x, "overlapping", 4, 3, 2, 1);
    x = dsbi_conv2d(b, x, "patches", 6, 2, 2, 0);
    x = dsbi_conv(b, x, "grouped", &(dsbi_attrs){.c_out = 4, .kernel = 1, .groups = 2});
    x = dsbi_conv(b, x, "shifted",
                  &(dsbi_attrs){.c_out = 4, .kernel = 3, .stride = 2, .pad_end = 2});
    x = dsbi_conv(b, x, "dilated",
                  &(dsbi_attrs){.c_out = 6, .kernel = 3, .pad = 3, .dilation = 2, .groups = 2});
    return dsbi_conv(b, x, "pointwise", &(dsbi_attrs){.c_out = 3, .kernel = 1, .no_bias = true});
}

const dsbi_layer dsbi_layer_conv = {.name = "conv",
                                    .role = DSBI_ROLE_PATCHES,
                                    .declare = declare,
                                    .needs = needs,
                                    .prepare = prepare,
                                    .forward = forward,
                                    .backward = backward,
                                    .algorithm = algorithm,
                                    .remake = remake,
                                    .macs = macs,
                                    .check_image = {7, 9, 3},
                                    .check = check};

dsbi_value dsbi_conv2d(dsbi_builder *b, dsbi_value x, const char *name, size_t c_out, size_t kernel,
                       size_t stride, size_t pad)
{
    const dsbi_attrs attrs = {.c_out = c_out, .kernel = kernel, .stride = stride, .pad = pad};
    return dsbi_conv(b, x, name, &attrs);
}

dsbi_value dsbi_conv(dsbi_builder *b, dsbi_value x, const char *name, const dsbi_attrs *attrs)
{
    return dsbi_node_add(b, &dsbi_layer_conv, name, &x, 1, attrs);
}
