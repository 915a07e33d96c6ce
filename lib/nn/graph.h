/* A network as a graph of layers, declared once. Shapes, parameters, initialisation, memory plan,
 * forward, backward, weight names, MAC counts and the summary all come from this declaration.
 *
 *     dsbi_value x = dsbi_input_images(b);                    one image is [h, w, c], c fastest
 *     x = dsbi_linear(b, x, "pwconv1", 4 * c);                parameters pwconv1.weight, .bias
 *     dsbi_graph_output(b, x);
 *
 * Builder calls never fail on the spot: the first error sticks and dsbi_graph_finish returns it.
 * A node has one output; several nodes may read it, gradients then add up. */
#ifndef DSBI_NN_GRAPH_H
#define DSBI_NN_GRAPH_H

#include "base/runtime.h"
#include "nn/math.h"

typedef uint32_t dsbi_value; /* number of the node that makes it */

/* One image's worth of a value; the batch comes in front. Tokens are [T, 1, D], vectors [1, 1, D].
 */
typedef struct dsbi_shape {
    size_t h, w, c;
} dsbi_shape;

static inline size_t dsbi_shape_rows(dsbi_shape s)
{
    return s.h * s.w;
}

static inline size_t dsbi_shape_size(dsbi_shape s)
{
    return s.h * s.w * s.c;
}

enum { DSBI_MAX_RANK = 4, DSBI_MAX_NODE_PARAMS = 4, DSBI_MAX_NAME = 96 };

typedef enum dsbi_init_kind {
    DSBI_INIT_CONSTANT,    /* value */
    DSBI_INIT_TRUNC_NORMAL /* standard deviation = value, cut at -2 and 2 */
} dsbi_init_kind;

typedef struct dsbi_init {
    dsbi_init_kind kind;
    double value;
} dsbi_init;

/* A parameter as files store it (PyTorch's order of dimensions) and as kernels want it: dimension i
 * in memory is dimension perm[i] of the file. */
typedef struct dsbi_param {
    char name[DSBI_MAX_NAME];
    size_t rank;
    size_t dims[DSBI_MAX_RANK]; /* stored */
    size_t perm[DSBI_MAX_RANK];
    size_t size;
    size_t offset; /* elements into the parameter arena, a multiple of 16 */
    dsbi_init init;
    bool decay;            /* weight decay applies: at least two dimensions and no bias */
    size_t grid_h, grid_w; /* of a position embedding, which files may hold for another grid
                            * (positions.h); 0: none */
} dsbi_param;

typedef struct dsbi_layer dsbi_layer;

/* What a layer was asked to be; each layer reads its own. */
typedef struct dsbi_attrs {
    size_t c_out, kernel, stride, pad, groups;
    double eps, rate, init;
    bool no_bias;
    size_t heads;        /* of attention */
    size_t first, count; /* tokens that are pooled; first also: class tokens in front */
} dsbi_attrs;

#define DSBI_NONE UINT32_MAX /* no value, no parameter */

typedef struct dsbi_node {
    const dsbi_layer *layer;
    char name[DSBI_MAX_NAME]; /* full, "stages.0.0.pwconv1"; may be "" */
    dsbi_attrs attrs;
    dsbi_shape in, out; /* of input 0, of the output */
    size_t n_inputs;
    dsbi_value *inputs;
    size_t n_params;
    uint32_t params[DSBI_MAX_NODE_PARAMS];
    uint32_t id; /* number in the declaration: keeps random numbers when the plan fuses nodes */
    /* neighbours the plan folded into this node (fuse.c) */
    bool gelu;        /* y = gelu(...) */
    uint32_t gamma;   /* parameter of a layer scale, DSBI_NONE without */
    bool residual;    /* the last input is added to the result */
    bool pixels;      /* input 0 is the batch of u8 pixels itself, normalised while packing */
    double drop_rate; /* drop path in front of the sum */
    uint32_t drop_id; /* its id */
} dsbi_node;

typedef struct dsbi_graph {
    dsb_runtime *rt;
    dsbi_node *nodes;
    size_t n_nodes, nodes_capacity;
    dsbi_param *params;
    size_t n_params, params_capacity;
    size_t arena_size; /* elements of the parameter arena, gaps for alignment included */
    size_t n_elements; /* parameters proper */
    dsbi_value input, output;
    dsbi_pixel_scale pixels; /* how bytes become reals */
} dsbi_graph;

typedef struct dsbi_builder {
    dsb_runtime *rt;
    dsbi_graph *graph;
    dsb_status status; /* first error */
    char scope[DSBI_MAX_NAME];
    dsbi_shape image;
    size_t n_classes;
} dsbi_builder;

dsb_status dsbi_builder_init(dsbi_builder *b, dsb_runtime *rt, dsbi_shape image, size_t n_classes);
/* Hands the graph over; on failure frees what was built. Call it exactly once. */
dsb_status dsbi_graph_finish(dsbi_builder *b, dsbi_graph **out);
void dsbi_graph_free(dsbi_graph *graph);
/* Mean and deviation of pixel / 255 per channel; without this call 0 and 1. */
void dsbi_graph_set_pixels(dsbi_graph *graph, const float mean[3], const float std[3]);

/* Names declared from here on start with "scope."; leave returns to the one before. */
void dsbi_enter(dsbi_builder *b, const char *format, ...) DSBI_PRINTF(2, 3);
void dsbi_leave(dsbi_builder *b);
/* The first failure stays; its sentence is the caller's. */
void dsbi_builder_fail(dsbi_builder *b, dsb_status status, const char *format, ...)
    DSBI_PRINTF(3, 4);

dsbi_shape dsbi_shape_of(const dsbi_builder *b, dsbi_value x);
dsbi_value dsbi_node_add(dsbi_builder *b, const dsbi_layer *layer, const char *name,
                         const dsbi_value *inputs, size_t n_inputs, const dsbi_attrs *attrs);

/* For layers: declares a parameter of `node`. suffix "" keeps the node's own name.
 * perm NULL: memory order = stored order. */
void dsbi_param_add(dsbi_builder *b, dsbi_node *node, const char *suffix, size_t rank,
                    const size_t *dims, const size_t *perm, dsbi_init init);

/* --- what models are written with --- */

dsbi_value dsbi_input_images(dsbi_builder *b); /* u8 pixels, normalised */
dsbi_value dsbi_input_values(dsbi_builder *b); /* reals as they are */
void dsbi_graph_output(dsbi_builder *b, dsbi_value x);

dsbi_value dsbi_conv2d(dsbi_builder *b, dsbi_value x, const char *name, size_t c_out, size_t kernel,
                       size_t stride, size_t pad);
dsbi_value dsbi_depthwise(dsbi_builder *b, dsbi_value x, const char *name, size_t kernel,
                          size_t pad);
dsbi_value dsbi_linear(dsbi_builder *b, dsbi_value x, const char *name, size_t c_out);
dsbi_value dsbi_layernorm(dsbi_builder *b, dsbi_value x, const char *name, double eps);
dsbi_value dsbi_gelu(dsbi_builder *b, dsbi_value x);
dsbi_value dsbi_layerscale(dsbi_builder *b, dsbi_value x, const char *name, double init);
dsbi_value dsbi_droppath(dsbi_builder *b, dsbi_value x, double rate);
/* x [h, w, 3 D], channels q, k, v of D each, D / heads a head: y [h, w, D]. */
dsbi_value dsbi_attention(dsbi_builder *b, dsbi_value x, size_t heads);
/* Pixels become tokens [T, 1, D]: a class token cls_token in front where asked for, pos_embed added
 * to all. */
dsbi_value dsbi_tokens(dsbi_builder *b, dsbi_value x, bool class_token);
/* Mean of tokens first .. first + count: [1, 1, D]. */
dsbi_value dsbi_pool_tokens(dsbi_builder *b, dsbi_value x, size_t first, size_t count);
dsbi_value dsbi_dropout(dsbi_builder *b, dsbi_value x, double rate);
dsbi_value dsbi_add_values(dsbi_builder *b, dsbi_value x, dsbi_value y);
dsbi_value dsbi_global_avgpool(dsbi_builder *b, dsbi_value x);

#endif
