/* See graph.h: nodes, parameters, names. */
#include "nn/graph.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "nn/layer.h"

enum { PARAM_ALIGN = 16, MAX_SIDE = 1 << 20 };

void dsbi_graph_set_pixels(dsbi_graph *graph, const float mean[3], const float std[3])
{
    for (int c = 0; c < 3; c++) {
        dsbi_pixel_scale *p = &graph->pixels;
        p->mean_f64[c] = graph->raw_pixels ? 0 : 255 * (double)mean[c];
        p->inv_std_f64[c] = graph->raw_pixels ? 1 : 1 / (255 * (double)std[c]);
        p->mean_f32[c] = (float)p->mean_f64[c];
        p->inv_std_f32[c] = (float)p->inv_std_f64[c];
    }
}

dsb_status dsbi_builder_init(dsbi_builder *b, dsb_runtime *rt, dsbi_shape image, size_t n_classes)
{
    *b = (dsbi_builder){.rt = rt, .image = image, .n_classes = n_classes};
    if (image.h == 0 || image.w == 0 || image.c == 0 || image.h > MAX_SIDE || image.w > MAX_SIDE ||
        image.c > MAX_SIDE)
        return dsbi_fail(DSB_E_SHAPE, "input of %zu x %zu x %zu", image.h, image.w, image.c);
    b->graph = dsbi_calloc(rt, 1, sizeof *b->graph);
    if (!b->graph)
        return DSB_E_NOMEM;
    b->graph->rt = rt;
    b->graph->input = b->graph->output = DSBI_NONE;
    dsbi_graph_set_pixels(b->graph, (const float[]){0, 0, 0}, (const float[]){1, 1, 1});
    return DSB_OK;
}

void dsbi_graph_free(dsbi_graph *graph)
{
    if (!graph)
        return;
    for (size_t i = 0; i < graph->n_nodes; i++)
        dsbi_free(graph->rt, graph->nodes[i].inputs);
    dsbi_free(graph->rt, graph->nodes);
    dsbi_free(graph->rt, graph->params);
    dsbi_free(graph->rt, graph);
}

/* Offsets of the parameters in the arena, each on a cache line. */
static dsb_status place_params(dsbi_graph *graph)
{
    size_t end = 0;
    for (size_t i = 0; i < graph->n_params; i++) {
        dsbi_param *param = &graph->params[i];
        param->offset = end;
        graph->n_elements += param->buffer ? 0 : param->size;
        if (!dsbi_add(&end, end, param->size) || end > SIZE_MAX / 16 - PARAM_ALIGN)
            return dsbi_fail(DSB_E_LIMIT, "%s: too many parameters", param->name);
        end = (end + PARAM_ALIGN - 1) / PARAM_ALIGN * PARAM_ALIGN;
    }
    graph->arena_size = end;
    return DSB_OK;
}

static dsb_status check_names(const dsbi_graph *graph)
{
    for (size_t i = 0; i < graph->n_params; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(graph->params[i].name, graph->params[j].name) == 0)
                return dsbi_fail(DSB_E_INVALID, "two parameters are called %s",
                                 graph->params[i].name);
    return DSB_OK;
}

dsb_status dsbi_graph_finish(dsbi_builder *b, dsbi_graph **out)
{
    *out = NULL;
    dsbi_graph *graph = b->graph;
    b->graph = NULL;
    dsb_status status = b->status;
    if (status == DSB_OK && (graph->input == DSBI_NONE || graph->output == DSBI_NONE))
        status = dsbi_fail(DSB_E_INVALID, "a graph needs an input and an output");
    if (status == DSB_OK)
        status = place_params(graph);
    if (status == DSB_OK)
        status = check_names(graph);
    if (status != DSB_OK) {
        dsbi_graph_free(graph);
        return status;
    }
    *out = graph;
    return DSB_OK;
}

void dsbi_builder_fail(dsbi_builder *b, dsb_status status, const char *format, ...)
{
    if (b->status != DSB_OK)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(b->reason, sizeof b->reason, format, args);
    va_end(args);
    b->status = dsbi_fail(status, "%s", b->reason);
}

/* "a.b" + "c" = "a.b.c"; empty parts leave no dot. */
static void join(dsbi_builder *b, char out[DSBI_MAX_NAME], const char *front, const char *back)
{
    char text[2 * DSBI_MAX_NAME];
    const char *dot = front[0] && back[0] ? "." : "";
    snprintf(text, sizeof text, "%s%s%s", front, dot, back);
    if (strlen(text) >= DSBI_MAX_NAME)
        dsbi_builder_fail(b, DSB_E_LIMIT, "the name %s is longer than %d", text, DSBI_MAX_NAME - 1);
    snprintf(out, DSBI_MAX_NAME, "%.*s", DSBI_MAX_NAME - 1, text);
}

void dsbi_enter(dsbi_builder *b, const char *format, ...)
{
    char part[DSBI_MAX_NAME], scope[DSBI_MAX_NAME];
    va_list args;
    va_start(args, format);
    vsnprintf(part, sizeof part, format, args);
    va_end(args);
    memcpy(scope, b->scope, sizeof scope);
    /* ':' marks where this scope began; names show it as '.' */
    join(b, b->scope, scope, part);
    size_t at = strlen(scope);
    if (at > 0 && b->scope[at] == '.')
        b->scope[at] = ':';
}

void dsbi_leave(dsbi_builder *b)
{
    char *mark = strrchr(b->scope, ':');
    *(mark ? mark : b->scope) = 0;
}

static void full_name(dsbi_builder *b, char out[DSBI_MAX_NAME], const char *name)
{
    join(b, out, b->scope, name);
    for (char *c = out; *c; c++)
        if (*c == ':')
            *c = '.';
}

dsbi_shape dsbi_shape_of(const dsbi_builder *b, dsbi_value x)
{
    if (b->status != DSB_OK || x >= b->graph->n_nodes)
        return (dsbi_shape){1, 1, 1};
    return b->graph->nodes[x].out;
}

void dsbi_need_alike(dsbi_builder *b, const dsbi_node *node, const char *what)
{
    const dsbi_shape x = node->in, y = dsbi_shape_of(b, node->inputs[1]);
    if (x.h != y.h || x.w != y.w || x.c != y.c)
        dsbi_builder_fail(b, DSB_E_SHAPE, "%s of %zu x %zu x %zu and %zu x %zu x %zu", what, x.h,
                          x.w, x.c, y.h, y.w, y.c);
}

void dsbi_param_add(dsbi_builder *b, dsbi_node *node, const char *suffix, size_t rank,
                    const size_t *dims, const size_t *perm, dsbi_init init)
{
    dsbi_graph *graph = b->graph;
    if (b->status != DSB_OK)
        return;
    if (node->n_params == DSBI_MAX_NODE_PARAMS) {
        dsbi_builder_fail(b, DSB_E_LIMIT, "%s: too many parameters", node->name);
        return;
    }
    b->status = dsbi_grow(graph->rt, (void **)&graph->params, &graph->params_capacity,
                          graph->n_params + 1, sizeof *graph->params);
    if (b->status != DSB_OK)
        return;
    dsbi_param *param = &graph->params[graph->n_params];
    *param = (dsbi_param){.rank = rank, .view_rank = rank, .size = 1, .init = init};
    join(b, param->name, node->name, suffix);
    for (size_t i = 0; i < rank; i++) {
        param->dims[i] = param->view[i] = dims[i];
        param->perm[i] = perm ? perm[i] : i;
        if (dims[i] == 0 || !dsbi_mul(&param->size, param->size, dims[i]))
            dsbi_builder_fail(b, DSB_E_LIMIT, "%s: dimension %zu is %zu", param->name, i, dims[i]);
    }
    const size_t length = strlen(param->name);
    const bool is_bias = length >= 5 && strcmp(param->name + length - 5, ".bias") == 0;
    param->decay = rank >= 2 && !is_bias;
    node->params[node->n_params++] = (uint32_t)graph->n_params++;
}

void dsbi_buffer_add(dsbi_builder *b, dsbi_node *node, const char *suffix, size_t n, double value)
{
    dsbi_param_add(b, node, suffix, 1, &n, NULL, (dsbi_init){DSBI_INIT_CONSTANT, value});
    if (b->status == DSB_OK)
        b->graph->params[b->graph->n_params - 1].buffer = true;
}

void dsbi_param_as_matrix(dsbi_builder *b, const dsbi_node *node)
{
    if (b->status != DSB_OK)
        return;
    dsbi_param *param = &b->graph->params[node->params[0]];
    param->rank = 2;
    param->dims[1] = param->size / param->dims[0];
}

static bool inputs_exist(dsbi_builder *b, const char *what, const dsbi_value *inputs,
                         size_t n_inputs)
{
    for (size_t i = 0; i < n_inputs; i++)
        if (inputs[i] >= b->graph->n_nodes) {
            dsbi_builder_fail(b, DSB_E_INVALID, "%s: its input %zu, value %u, is no layer's", what,
                              i, inputs[i]);
            return false;
        }
    return true;
}

dsbi_value dsbi_node_add(dsbi_builder *b, const dsbi_layer *layer, const char *name,
                         const dsbi_value *inputs, size_t n_inputs, const dsbi_attrs *attrs)
{
    dsbi_graph *graph = b->graph;
    if (b->status != DSB_OK || !inputs_exist(b, layer->name, inputs, n_inputs))
        return DSBI_NONE;
    b->status = dsbi_grow(graph->rt, (void **)&graph->nodes, &graph->nodes_capacity,
                          graph->n_nodes + 1, sizeof *graph->nodes);
    if (b->status != DSB_OK)
        return DSBI_NONE;
    dsbi_value *copy = dsbi_alloc_array(graph->rt, n_inputs, sizeof *copy);
    if (!copy) {
        b->status = DSB_E_NOMEM;
        return DSBI_NONE;
    }
    for (size_t i = 0; i < n_inputs; i++)
        copy[i] = inputs[i];
    dsbi_node *node = &graph->nodes[graph->n_nodes];
    *node = (dsbi_node){.layer = layer,
                        .n_inputs = n_inputs,
                        .inputs = copy,
                        .id = (uint32_t)graph->n_nodes,
                        .gamma = DSBI_NONE,
                        .norm = {DSBI_NONE, DSBI_NONE, DSBI_NONE, DSBI_NONE}};
    graph->n_nodes++;
    if (attrs)
        node->attrs = *attrs;
    full_name(b, node->name, name);
    if (n_inputs > 0)
        node->in = node->out = graph->nodes[inputs[0]].out;
    if (layer->declare)
        layer->declare(b, node);
    size_t total;
    if (!dsbi_mul(&total, node->out.h, node->out.w) || !dsbi_mul(&total, total, node->out.c) ||
        total > SIZE_MAX / 4096)
        dsbi_builder_fail(b, DSB_E_LIMIT, "%s: output of %zu x %zu x %zu", node->name, node->out.h,
                          node->out.w, node->out.c);
    return b->status == DSB_OK ? node->id : DSBI_NONE;
}

void dsbi_graph_output(dsbi_builder *b, dsbi_value x)
{
    if (b->status == DSB_OK && inputs_exist(b, "the output", &x, 1))
        b->graph->output = x;
}
