/* dsb_graph: the builder of graph.h for callers outside, who may hand in anything. What layers
 * check themselves (shapes that fit) is left to them; here are NULL, ranges, and the end: one
 * output that everything leads to. */
#include "dsbias/graph.h"

#include <math.h>
#include <string.h>
#include "base/opts.h"
#include "nn/nn.h"

enum { MOST = 1 << 20 };

struct dsb_graph {
    dsb_runtime *rt; /* retained */
    dsb_model_opts opts;
    dsbi_builder builder; /* its graph is NULL when a model was made */
    dsbi_init weights, biases;
    bool used;
};

_Static_assert(offsetof(dsb_graph_conv_opts, bias) + sizeof(uint64_t) ==
                   sizeof(dsb_graph_conv_opts),
               "no hole at the end of dsb_graph_conv_opts");

dsb_status dsb_graph_create(dsb_runtime *rt, dsb_graph **out, const dsb_model_opts *given)
{
    dsbi_clear_error();
    if (!rt || !out)
        return dsbi_fail(DSB_E_INVALID, "dsb_graph_create: NULL argument");
    *out = NULL;
    dsb_model_opts opts;
    DSBI_TRY(dsbi_model_opts_read(&opts, given));
    dsb_graph *g = dsbi_calloc(rt, 1, sizeof *g);
    if (!g)
        return DSB_E_NOMEM;
    const dsb_status status =
        dsbi_builder_init(&g->builder, rt, (dsbi_shape){opts.height, opts.width, 3}, 0);
    if (status != DSB_OK) {
        dsbi_free(rt, g);
        return status;
    }
    dsbi_runtime_retain(rt);
    g->rt = rt;
    g->opts = opts;
    g->weights = g->biases = (dsbi_init){DSBI_INIT_TORCH, 0};
    *out = g;
    return DSB_OK;
}

void dsb_graph_free(dsb_graph *g)
{
    if (!g)
        return;
    dsb_runtime *rt = g->rt;
    dsbi_graph_free(g->builder.graph);
    dsbi_free(rt, g);
    dsbi_runtime_release(rt);
}

/* The builder, or NULL where nothing more can be declared. */
static dsbi_builder *open_builder(dsb_graph *g)
{
    return g && !g->used && g->builder.status == DSB_OK ? &g->builder : NULL;
}

/* Likewise for a layer with a name. */
static dsbi_builder *named(dsb_graph *g, const char *name)
{
    dsbi_builder *b = open_builder(g);
    if (b && (!name || !*name)) {
        dsbi_builder_fail(b, DSB_E_INVALID, "layer %zu has no name", b->graph->n_nodes);
        return NULL;
    }
    return b;
}

/* A number of the caller's in 1 .. MOST, or 0 .. MOST; what else fails the builder. */
static size_t number(dsbi_builder *b, const char *layer, const char *what, uint64_t value,
                     size_t least)
{
    if (value < least || value > MOST)
        dsbi_builder_fail(b, DSB_E_INVALID, "%s: %s is %llu, not %zu..%d", layer, what,
                          (unsigned long long)value, least, MOST);
    return value > MOST ? MOST : (size_t)value;
}

static bool flag(dsbi_builder *b, const char *layer, const char *what, uint64_t value)
{
    if (value > 1)
        dsbi_builder_fail(b, DSB_E_INVALID, "%s: %s is %llu, not 0 or 1", layer, what,
                          (unsigned long long)value);
    return value != 0;
}

static void check_eps(dsbi_builder *b, const char *layer, double eps)
{
    if (!(eps > 0 && eps < 1e6))
        dsbi_builder_fail(b, DSB_E_INVALID, "%s: eps is %g, must be above 0", layer, eps);
}

static void check_rate(dsbi_builder *b, const char *layer, double rate)
{
    if (!(rate >= 0 && rate < 1))
        dsbi_builder_fail(b, DSB_E_INVALID, "%s of %g, must lie in [0, 1)", layer, rate);
}

/* --- names, initial values ------------------------------------------------------------------- */

void dsb_graph_shape(const dsb_graph *g, dsb_value x, uint64_t shape[3])
{
    const bool known =
        g && !g->used && g->builder.status == DSB_OK && x < g->builder.graph->n_nodes;
    const dsbi_shape s = known ? g->builder.graph->nodes[x].out : (dsbi_shape){0, 0, 0};
    shape[0] = s.h;
    shape[1] = s.w;
    shape[2] = s.c;
}

void dsb_graph_enter(dsb_graph *g, const char *part)
{
    dsbi_builder *b = open_builder(g);
    if (!b)
        return;
    if (!part || !*part || strchr(part, ':'))
        dsbi_builder_fail(b, DSB_E_INVALID, "dsb_graph_enter: '%s' is no name", part ? part : "");
    else
        dsbi_enter(b, "%s", part);
}

void dsb_graph_leave(dsb_graph *g)
{
    dsbi_builder *b = open_builder(g);
    if (b && !b->scope[0])
        dsbi_builder_fail(b, DSB_E_INVALID, "dsb_graph_leave without dsb_graph_enter");
    else if (b)
        dsbi_leave(b);
}

void dsb_graph_init_weights(dsb_graph *g, uint32_t kind, double value)
{
    static const dsbi_init_kind kinds[] = {
        [DSB_INIT_TORCH] = DSBI_INIT_TORCH,
        [DSB_INIT_HE_FAN_IN] = DSBI_INIT_HE_FAN_IN,
        [DSB_INIT_HE_FAN_OUT] = DSBI_INIT_HE_FAN_OUT,
        [DSB_INIT_TRUNC_NORMAL] = DSBI_INIT_TRUNC_NORMAL,
        [DSB_INIT_NORMAL] = DSBI_INIT_NORMAL,
        [DSB_INIT_UNIFORM] = DSBI_INIT_UNIFORM,
        [DSB_INIT_CONSTANT] = DSBI_INIT_CONSTANT,
    };
    dsbi_builder *b = open_builder(g);
    if (!b)
        return;
    if (kind >= sizeof kinds / sizeof *kinds) {
        dsbi_builder_fail(b, DSB_E_INVALID, "dsb_graph_init_weights: no kind %u", kind);
        return;
    }
    const bool has_value = kind >= DSB_INIT_TRUNC_NORMAL;
    if (!isfinite(value) || (!has_value && value != 0) || (kind != DSB_INIT_CONSTANT && value < 0))
        dsbi_builder_fail(b, DSB_E_INVALID, "dsb_graph_init_weights: kind %u with %g", kind, value);
    g->weights = (dsbi_init){kinds[kind], value};
    g->biases = kind == DSB_INIT_TORCH ? g->weights : (dsbi_init){DSBI_INIT_CONSTANT, 0};
}

/* --- layers ---------------------------------------------------------------------------------- */

dsb_value dsb_graph_images(dsb_graph *g)
{
    dsbi_builder *b = open_builder(g);
    if (b && b->graph->input != DSBI_NONE)
        dsbi_builder_fail(b, DSB_E_INVALID, "dsb_graph_images: a graph has them once");
    return b ? dsbi_input_images(b) : DSBI_NONE;
}

static const dsb_graph_conv_opts conv_defaults = {.struct_size = sizeof(dsb_graph_conv_opts),
                                                  .kernel = 3,
                                                  .stride = 1,
                                                  .pad = 1,
                                                  .dilation = 1,
                                                  .groups = 1,
                                                  .bias = 1};

void dsb_graph_conv_opts_init(dsb_graph_conv_opts *opts, size_t size)
{
    dsbi_opts_fill(opts, size, &conv_defaults, sizeof conv_defaults);
}

dsb_value dsb_graph_conv_with(dsb_graph *g, dsb_value x, const char *name,
                              const dsb_graph_conv_opts *given)
{
    dsbi_builder *b = named(g, name);
    dsb_graph_conv_opts o = conv_defaults;
    if (!b)
        return DSBI_NONE;
    const dsb_status status = dsbi_opts_read(&o, sizeof o, given, "dsb_graph_conv_opts");
    if (status != DSB_OK)
        dsbi_builder_fail(b, status, "%s: %s", name, dsb_last_error());
    const dsbi_attrs attrs = {.c_out = number(b, name, "channels", o.channels, 1),
                              .kernel = number(b, name, "kernel", o.kernel, 1),
                              .stride = number(b, name, "stride", o.stride, 1),
                              .pad = number(b, name, "pad", o.pad, 0),
                              .pad_end = number(b, name, "pad_end", o.pad_end, 0),
                              .dilation = number(b, name, "dilation", o.dilation, 1),
                              .groups = number(b, name, "groups", o.groups, 1),
                              .no_bias = !flag(b, name, "bias", o.bias),
                              .init = g->weights,
                              .bias_init = g->biases};
    return dsbi_conv(b, x, name, &attrs);
}

dsb_value dsb_graph_conv(dsb_graph *g, dsb_value x, const char *name, uint64_t channels,
                         uint64_t kernel, uint64_t stride, uint64_t pad, uint32_t bias)
{
    dsb_graph_conv_opts opts = conv_defaults;
    opts.channels = channels;
    opts.kernel = kernel;
    opts.stride = stride;
    opts.pad = pad;
    opts.bias = bias;
    return dsb_graph_conv_with(g, x, name, &opts);
}

dsb_value dsb_graph_depthwise(dsb_graph *g, dsb_value x, const char *name, uint64_t kernel,
                              uint64_t pad)
{
    dsbi_builder *b = named(g, name);
    return b ? dsbi_depthwise(b, x, name, number(b, name, "kernel", kernel, 1),
                              number(b, name, "pad", pad, 0))
             : DSBI_NONE;
}

static dsbi_attrs linear_attrs(dsb_graph *g, dsbi_builder *b, const char *name, uint64_t features,
                               uint32_t bias)
{
    return (dsbi_attrs){.c_out = number(b, name, "features", features, 1),
                        .no_bias = !flag(b, name, "bias", bias),
                        .init = g->weights,
                        .bias_init = g->biases};
}

dsb_value dsb_graph_linear(dsb_graph *g, dsb_value x, const char *name, uint64_t features,
                           uint32_t bias)
{
    dsbi_builder *b = named(g, name);
    if (!b)
        return DSBI_NONE;
    const dsbi_attrs attrs = linear_attrs(g, b, name, features, bias);
    return dsbi_linear_with(b, x, name, &attrs);
}

dsb_value dsb_graph_flatten_linear(dsb_graph *g, dsb_value x, const char *name, uint64_t features,
                                   uint32_t bias)
{
    dsbi_builder *b = named(g, name);
    if (!b)
        return DSBI_NONE;
    const dsbi_attrs attrs = linear_attrs(g, b, name, features, bias);
    return dsbi_flatten_linear(b, x, name, &attrs);
}

dsb_value dsb_graph_batchnorm(dsb_graph *g, dsb_value x, const char *name, double eps)
{
    dsbi_builder *b = named(g, name);
    if (b)
        check_eps(b, name, eps);
    return b ? dsbi_batchnorm(b, x, name, eps) : DSBI_NONE;
}

dsb_value dsb_graph_layernorm(dsb_graph *g, dsb_value x, const char *name, double eps)
{
    dsbi_builder *b = named(g, name);
    if (b)
        check_eps(b, name, eps);
    return b ? dsbi_layernorm(b, x, name, eps) : DSBI_NONE;
}

dsb_value dsb_graph_groupnorm(dsb_graph *g, dsb_value x, const char *name, uint64_t groups,
                              double eps)
{
    dsbi_builder *b = named(g, name);
    if (b)
        check_eps(b, name, eps);
    return b ? dsbi_groupnorm(b, x, name, number(b, name, "groups", groups, 1), eps) : DSBI_NONE;
}

dsb_value dsb_graph_relu(dsb_graph *g, dsb_value x)
{
    dsbi_builder *b = open_builder(g);
    return b ? dsbi_relu(b, x) : DSBI_NONE;
}

dsb_value dsb_graph_gelu(dsb_graph *g, dsb_value x)
{
    dsbi_builder *b = open_builder(g);
    return b ? dsbi_gelu(b, x) : DSBI_NONE;
}

dsb_value dsb_graph_maxpool(dsb_graph *g, dsb_value x, uint64_t kernel, uint64_t stride,
                            uint64_t pad)
{
    dsbi_builder *b = open_builder(g);
    return b ? dsbi_maxpool(b, x, number(b, "max pool", "kernel", kernel, 1),
                            number(b, "max pool", "stride", stride, 1),
                            number(b, "max pool", "pad", pad, 0))
             : DSBI_NONE;
}

dsb_value dsb_graph_avgpool(dsb_graph *g, dsb_value x, uint64_t kernel, uint64_t stride,
                            uint64_t pad)
{
    dsbi_builder *b = open_builder(g);
    return b ? dsbi_avgpool(b, x, number(b, "mean pool", "kernel", kernel, 1),
                            number(b, "mean pool", "stride", stride, 1),
                            number(b, "mean pool", "pad", pad, 0))
             : DSBI_NONE;
}

dsb_value dsb_graph_adaptive_avgpool(dsb_graph *g, dsb_value x, uint64_t h, uint64_t w)
{
    dsbi_builder *b = open_builder(g);
    return b ? dsbi_adaptive_avgpool(b, x, number(b, "adaptive mean pool", "height", h, 1),
                                     number(b, "adaptive mean pool", "width", w, 1))
             : DSBI_NONE;
}

dsb_value dsb_graph_global_avgpool(dsb_graph *g, dsb_value x)
{
    dsbi_builder *b = open_builder(g);
    return b ? dsbi_global_avgpool(b, x) : DSBI_NONE;
}

dsb_value dsb_graph_add(dsb_graph *g, dsb_value x, dsb_value y)
{
    dsbi_builder *b = open_builder(g);
    return b ? dsbi_add_values(b, x, y) : DSBI_NONE;
}

dsb_value dsb_graph_concat(dsb_graph *g, const dsb_value *xs, uint64_t n)
{
    dsbi_builder *b = open_builder(g);
    if (!b)
        return DSBI_NONE;
    number(b, "concat", "n", n, 1);
    if (!xs)
        dsbi_builder_fail(b, DSB_E_INVALID, "concat of no array");
    return dsbi_concat(b, xs, b->status == DSB_OK ? (size_t)n : 0);
}

dsb_value dsb_graph_subsample(dsb_graph *g, dsb_value x, uint64_t stride, uint64_t channels_before,
                              uint64_t channels_after)
{
    dsbi_builder *b = open_builder(g);
    return b ? dsbi_subsample_pad(b, x, number(b, "subsample", "stride", stride, 1),
                                  number(b, "subsample", "channels_before", channels_before, 0),
                                  number(b, "subsample", "channels_after", channels_after, 0))
             : DSBI_NONE;
}

dsb_value dsb_graph_shake(dsb_graph *g, dsb_value x, dsb_value y)
{
    dsbi_builder *b = open_builder(g);
    return b ? dsbi_shake(b, x, y) : DSBI_NONE;
}

dsb_value dsb_graph_dropout(dsb_graph *g, dsb_value x, double rate)
{
    dsbi_builder *b = open_builder(g);
    if (b)
        check_rate(b, "dropout", rate);
    return b ? dsbi_dropout(b, x, rate) : DSBI_NONE;
}

dsb_value dsb_graph_droppath(dsb_graph *g, dsb_value x, double rate)
{
    dsbi_builder *b = open_builder(g);
    if (b)
        check_rate(b, "drop path", rate);
    return b ? dsbi_droppath(b, x, rate) : DSBI_NONE;
}

dsb_value dsb_graph_layerscale(dsb_graph *g, dsb_value x, const char *name, double init)
{
    dsbi_builder *b = named(g, name);
    if (b && !isfinite(init))
        dsbi_builder_fail(b, DSB_E_INVALID, "%s: starts as %g", name, init);
    return b ? dsbi_layerscale(b, x, name, init) : DSBI_NONE;
}

dsb_value dsb_graph_attention(dsb_graph *g, dsb_value x, uint64_t heads)
{
    dsbi_builder *b = open_builder(g);
    return b ? dsbi_attention(b, x, number(b, "attention", "heads", heads, 1)) : DSBI_NONE;
}

dsb_value dsb_graph_tokens(dsb_graph *g, dsb_value x, uint32_t class_token)
{
    dsbi_builder *b = open_builder(g);
    return b ? dsbi_tokens(b, x, flag(b, "tokens", "class_token", class_token)) : DSBI_NONE;
}

dsb_value dsb_graph_pool_tokens(dsb_graph *g, dsb_value x, uint64_t first, uint64_t count)
{
    dsbi_builder *b = open_builder(g);
    return b ? dsbi_pool_tokens(b, x, number(b, "pool_tokens", "first", first, 0),
                                number(b, "pool_tokens", "count", count, 1))
             : DSBI_NONE;
}

/* --- the end --------------------------------------------------------------------------------- */

/* Inputs come before their readers, so one look from the last node to the first is enough. */
static dsb_status check_all_read(dsb_runtime *rt, const dsbi_graph *graph, dsb_value output)
{
    bool *read = dsbi_calloc(rt, graph->n_nodes, sizeof *read);
    if (!read)
        return DSB_E_NOMEM;
    dsb_status status = DSB_OK;
    read[output] = true;
    for (size_t i = graph->n_nodes; status == DSB_OK && i-- > 0;) {
        const dsbi_node *node = &graph->nodes[i];
        if (!read[i])
            status = dsbi_fail(DSB_E_INVALID, "value %zu (%s%s%s) does not lead to the output", i,
                               node->layer->name, node->name[0] ? " " : "", node->name);
        for (size_t k = 0; k < node->n_inputs; k++)
            read[node->inputs[k]] = true;
    }
    dsbi_free(rt, read);
    return status;
}

static dsb_status check_output(dsb_graph *g, dsb_value output)
{
    const dsbi_graph *graph = g->builder.graph;
    if (graph->input == DSBI_NONE)
        return dsbi_fail(DSB_E_INVALID, "a graph needs dsb_graph_images");
    if (output >= graph->n_nodes || output == graph->input)
        return dsbi_fail(DSB_E_INVALID, "dsb_graph_model: value %u is no layer's", output);
    const dsbi_shape s = graph->nodes[output].out;
    if (s.h != 1 || s.w != 1)
        return dsbi_fail(DSB_E_SHAPE, "the output is %zu x %zu x %zu, must be 1 x 1 x classes", s.h,
                         s.w, s.c);
    return check_all_read(g->rt, graph, output);
}

dsb_status dsb_graph_model(dsb_graph *g, dsb_model **out, dsb_value output)
{
    dsbi_clear_error();
    if (!g || !out)
        return dsbi_fail(DSB_E_INVALID, "dsb_graph_model: NULL argument");
    *out = NULL;
    if (g->used)
        return dsbi_fail(DSB_E_STATE, "dsb_graph_model: the graph has been used up");
    dsbi_builder *b = &g->builder;
    g->used = true;
    if (b->status != DSB_OK) /* its sentence may be gone from dsb_last_error since */
        return dsbi_fail(b->status, "%s", b->reason[0] ? b->reason : "no memory for the graph");
    DSBI_TRY(check_output(g, output));
    g->opts.n_classes = (uint32_t)b->graph->nodes[output].out.c;
    dsbi_graph_output(b, output);
    dsbi_graph *graph;
    DSBI_TRY(dsbi_graph_finish(b, &graph));
    return dsbi_model_of_graph(g->rt, out, graph, &g->opts, "own network");
}
