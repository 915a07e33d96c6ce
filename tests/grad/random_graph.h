/* A network made at random: a seed decides on layers, their options and who reads whom, from single
 * layers and from the blocks that networks are made of. Every value leads to the output. */
#ifndef DSBI_TESTS_RANDOM_GRAPH_H
#define DSBI_TESTS_RANDOM_GRAPH_H

#include "base/rng.h"
#include "nn/nn.h"
#include "testing.h"

enum { RANDOM_VALUES = 48, RANDOM_CLASSES = 5, RANDOM_LARGEST = 12000 };

typedef struct random_graph {
    dsbi_builder *b;
    dsbi_rng rng;
    dsbi_value values[RANDOM_VALUES]; /* there to be read */
    bool read[RANDOM_VALUES];
    size_t n, named;
    char name[16];
} random_graph;

static inline size_t below(random_graph *g, size_t n)
{
    return (size_t)dsbi_rng_below(&g->rng, n);
}

static inline const char *fresh(random_graph *g)
{
    snprintf(g->name, sizeof g->name, "n%zu", g->named++);
    return g->name;
}

static inline size_t some_width(random_graph *g)
{
    static const size_t widths[] = {1, 2, 3, 4, 6, 8, 12, 16, 16, 24, 32, 33, 48, 64, 72};
    return widths[below(g, sizeof widths / sizeof *widths)];
}

/* The value is read; mostly one of the last. */
static inline dsbi_value some_value(random_graph *g)
{
    const size_t back = below(g, 3) ? below(g, 2) : below(g, g->n);
    const size_t i = g->n - 1 - (back < g->n ? back : g->n - 1);
    g->read[i] = true;
    return g->values[i];
}

static inline dsbi_value convolved(random_graph *g, dsbi_value x, size_t c, size_t kernel,
                                   size_t stride)
{
    const dsbi_shape s = dsbi_shape_of(g->b, x);
    dsbi_attrs attrs = {.c_out = c, .kernel = kernel, .stride = stride, .pad = kernel / 2};
    attrs.no_bias = below(g, 2) == 0;
    if (below(g, 5) == 0 && s.h > 2 * kernel && s.w > 2 * kernel)
        attrs.dilation = 2;
    if (below(g, 6) == 0)
        attrs.pad_end = 1;
    if (below(g, 6) == 0 && s.h >= kernel && s.w >= kernel && !attrs.dilation)
        attrs.pad = 0;
    for (size_t groups = 8; groups > 1; groups /= 2)
        if (s.c % groups == 0 && c % groups == 0 && below(g, 6) == 0)
            attrs.groups = groups;
    return dsbi_conv(g->b, x, fresh(g), &attrs);
}

static inline dsbi_value normed(random_graph *g, dsbi_value x)
{
    return dsbi_batchnorm(g->b, x, fresh(g), 1e-3);
}

static inline dsbi_value bent(random_graph *g, dsbi_value x)
{
    return below(g, 3) ? dsbi_relu(g->b, x) : dsbi_gelu(g->b, x);
}

/* x in a shape that y can be added to it. */
static inline dsbi_value shaped_as(random_graph *g, dsbi_value x, dsbi_value y)
{
    const dsbi_shape from = dsbi_shape_of(g->b, x), to = dsbi_shape_of(g->b, y);
    if (from.h != to.h || from.w != to.w)
        x = dsbi_adaptive_avgpool(g->b, x, to.h, to.w);
    return from.c == to.c ? x : dsbi_linear(g->b, x, fresh(g), to.c);
}

static inline dsbi_value residual_block(random_graph *g, dsbi_value x)
{
    const dsbi_shape s = dsbi_shape_of(g->b, x);
    const size_t stride = s.h > 4 && s.w > 4 ? 1 + below(g, 2) : 1;
    const size_t c = stride == 1 && below(g, 2) ? s.c : some_width(g);
    const size_t kernel = below(g, 2) ? 3 : 1;
    dsbi_value y = dsbi_relu(g->b, normed(g, convolved(g, x, c, kernel, stride)));
    if (below(g, 2))
        y = dsbi_relu(g->b, normed(g, convolved(g, y, c, 3, 1)));
    y = normed(g, convolved(g, y, c, 1, 1));
    const dsbi_shape made = dsbi_shape_of(g->b, y);
    if (made.h != s.h || made.w != s.w || made.c != s.c)
        x = below(g, 2) ? normed(g, shaped_as(g, x, y)) : shaped_as(g, x, y);
    y = below(g, 2) ? dsbi_add_values(g->b, x, y) : dsbi_add_values(g->b, y, x);
    return below(g, 4) ? dsbi_relu(g->b, y) : y;
}

static inline dsbi_value convnext_block(random_graph *g, dsbi_value x)
{
    const size_t c = dsbi_shape_of(g->b, x).c, kernel = 3 + 2 * below(g, 3);
    dsbi_value y = dsbi_depthwise(g->b, x, fresh(g), kernel, kernel / 2);
    y = dsbi_layernorm(g->b, y, fresh(g), 1e-3);
    y = dsbi_gelu(g->b, dsbi_linear(g->b, y, fresh(g), 2 * c));
    y = dsbi_linear(g->b, y, fresh(g), c);
    if (below(g, 2))
        y = dsbi_layerscale(g->b, y, fresh(g), 0.5);
    if (below(g, 2))
        y = dsbi_droppath(g->b, y, 0.3);
    return dsbi_add_values(g->b, x, y);
}

static inline dsbi_value attention_block(random_graph *g, dsbi_value x)
{
    const size_t heads = 1 + below(g, 3), c = heads * (1 + below(g, 9));
    dsbi_value y = dsbi_layernorm(g->b, x, fresh(g), 1e-3);
    y = dsbi_attention(g->b, dsbi_linear(g->b, y, fresh(g), 3 * c), heads);
    y = dsbi_linear(g->b, y, fresh(g), dsbi_shape_of(g->b, x).c);
    if (below(g, 2))
        y = dsbi_dropout(g->b, y, 0.2);
    return dsbi_add_values(g->b, x, y);
}

static inline dsbi_value dense_layer(random_graph *g, dsbi_value x)
{
    const size_t neck = some_width(g), growth = 1 + below(g, 12);
    dsbi_value y = convolved(g, dsbi_relu(g->b, normed(g, x)), neck, 1, 1);
    y = convolved(g, dsbi_relu(g->b, normed(g, y)), growth, 3, 1);
    const dsbi_shape from = dsbi_shape_of(g->b, x), to = dsbi_shape_of(g->b, y);
    if (from.h != to.h || from.w != to.w)
        x = shaped_as(g, x, y);
    const dsbi_value both[] = {x, y};
    return dsbi_concat(g->b, both, 2);
}

static inline dsbi_value pooled(random_graph *g, dsbi_value x)
{
    const dsbi_shape s = dsbi_shape_of(g->b, x);
    const size_t kernel = 2 + below(g, 2), pad = below(g, 2) && kernel == 3;
    const size_t stride = 1 + below(g, 3);
    if (s.h < kernel || s.w < kernel)
        return dsbi_gelu(g->b, x);
    return below(g, 3) ? dsbi_maxpool(g->b, x, kernel, stride, pad)
                       : dsbi_avgpool(g->b, x, kernel, stride, pad);
}

static inline dsbi_value joined(random_graph *g, dsbi_value x, dsbi_value y)
{
    const dsbi_value as_x = shaped_as(g, y, x), both[] = {x, as_x, x};
    switch (below(g, 5)) {
    case 0:
        return dsbi_concat(g->b, both, 2 + below(g, 2));
    case 1:
        return dsbi_shake(g->b, x, as_x);
    default:
        return dsbi_add_values(g->b, x, as_x);
    }
}

static inline dsbi_value subsampled(random_graph *g, dsbi_value x)
{
    const dsbi_shape s = dsbi_shape_of(g->b, x);
    const size_t stride = s.h > 2 && s.w > 2 ? 1 + below(g, 2) : 1;
    const size_t before = below(g, 3), after = below(g, 3);
    return dsbi_subsample_pad(g->b, x, stride, before, after);
}

static inline dsbi_value any_convolution(random_graph *g, dsbi_value x)
{
    static const size_t kernels[] = {1, 2, 3, 3, 3, 5};
    const dsbi_shape s = dsbi_shape_of(g->b, x);
    const size_t c = some_width(g), kernel = kernels[below(g, 6)];
    return convolved(g, x, c, kernel, s.h > 5 && s.w > 5 ? 1 + below(g, 3) : 1);
}

static inline dsbi_value one_layer(random_graph *g, dsbi_value x)
{
    const dsbi_shape s = dsbi_shape_of(g->b, x);
    switch (below(g, 10)) {
    case 0:
        return dsbi_linear(g->b, x, fresh(g), some_width(g));
    case 1:
        return normed(g, x);
    case 2:
        if (s.c < 3)
            x = dsbi_linear(g->b, x, fresh(g), 8);
        return dsbi_layernorm(g->b, x, fresh(g), 1e-3);
    case 3:
        return dsbi_groupnorm(g->b, x, fresh(g), s.c % 2 ? 1 : 2, 1e-3);
    case 4:
        return dsbi_layerscale(g->b, x, fresh(g), 0.7);
    case 5:
        return below(g, 2) ? dsbi_droppath(g->b, x, 0.3) : dsbi_dropout(g->b, x, 0.3);
    case 6:
        return subsampled(g, x);
    case 7:
        return bent(g, x);
    default:
        return any_convolution(g, x);
    }
}

static inline dsbi_value next_value(random_graph *g)
{
    const dsbi_value x = some_value(g);
    switch (below(g, 11)) {
    case 0:
    case 1:
        return residual_block(g, x);
    case 2:
        return convnext_block(g, x);
    case 3:
        return attention_block(g, x);
    case 4:
        return dense_layer(g, x);
    case 5:
        return pooled(g, x);
    case 6:
        return joined(g, x, some_value(g));
    case 7:
        return bent(g, normed(g, convolved(g, x, some_width(g), 3, 1)));
    default:
        return one_layer(g, x);
    }
}

/* What nobody has read goes to the last layer. */
static inline void finish(random_graph *g)
{
    dsbi_value ends[RANDOM_VALUES];
    size_t n = 0;
    for (size_t i = 0; i < g->n; i++)
        if (!g->read[i])
            ends[n++] = dsbi_global_avgpool(g->b, g->values[i]);
    dsbi_value x = n == 1 ? ends[0] : dsbi_concat(g->b, ends, n);
    dsbi_graph_output(g->b, dsbi_linear(g->b, x, "head", RANDOM_CLASSES));
}

/* Of images of bytes, or of reals with any channels. */
static inline dsbi_graph *random_graph_make(dsb_runtime *rt, uint64_t seed)
{
    dsbi_builder b;
    random_graph g = {.b = &b};
    dsbi_rng_init(&g.rng, seed, DSBI_RNG_TEST, 1);
    const bool images = below(&g, 3) > 0;
    dsbi_shape image = {.h = 3 + below(&g, 22)};
    image.w = 3 + below(&g, 22);
    image.c = images ? 3 : 1 + below(&g, 20);
    const size_t c = some_width(&g), kernel = 1 + below(&g, 4), stride = 1 + below(&g, 2);
    ck_assert_ok(dsbi_builder_init(&b, rt, image, RANDOM_CLASSES));
    g.values[g.n++] =
        images ? convolved(&g, dsbi_input_images(&b), c, kernel, stride) : dsbi_input_values(&b);
    const size_t layers = 2 + below(&g, 14);
    for (size_t i = 0; i < layers; i++) {
        const dsbi_value y = next_value(&g);
        g.values[g.n++] = dsbi_shape_size(dsbi_shape_of(&b, y)) <= RANDOM_LARGEST
                              ? y
                              : dsbi_global_avgpool(&b, y);
    }
    finish(&g);
    dsbi_graph *graph;
    ck_assert_ok(dsbi_graph_finish(&b, &graph));
    dsbi_graph_set_pixels(graph, (const float[]){.4f, .5f, .6f}, (const float[]){.2f, .3f, .4f});
    return graph;
}

#endif
