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

/* How a parameter starts. Fans are those of torch.nn.init: fan_in = size / dims[0],
 * fan_out = dims[0] * size of the kernel. */
typedef enum dsbi_init_kind {
    DSBI_INIT_DEFAULT,      /* the layer's own: weights truncated normal 0.02, biases 0 */
    DSBI_INIT_CONSTANT,     /* value */
    DSBI_INIT_TRUNC_NORMAL, /* standard deviation = value, cut at -2 and 2 */
    DSBI_INIT_NORMAL,       /* standard deviation = value */
    DSBI_INIT_UNIFORM,      /* in [-value, value) */
    DSBI_INIT_TORCH,        /* PyTorch's layers, kaiming_uniform(a = sqrt 5): 1 / sqrt(fan_in) */
    DSBI_INIT_HE_FAN_IN,    /* kaiming_normal: normal with variance 2 / fan_in */
    DSBI_INIT_HE_FAN_OUT    /* the same with fan_out */
} dsbi_init_kind;

typedef struct dsbi_init {
    dsbi_init_kind kind;
    double value;
} dsbi_init;

/* A parameter as files store it (PyTorch's order of dimensions) and as kernels want it: dimension i
 * in memory is dimension perm[i] of `view`, which are the dimensions of the file, or more of them
 * where the file has several in one (a linear layer over [c, h, w]).
 * A buffer is no parameter to train: running statistics. It lies in the arena, is saved and loaded
 * like the others, has no gradient, and forward in training writes it. */
typedef struct dsbi_param {
    char name[DSBI_MAX_NAME];
    size_t rank;
    size_t dims[DSBI_MAX_RANK]; /* stored */
    size_t view_rank;
    size_t view[DSBI_MAX_RANK];
    size_t perm[DSBI_MAX_RANK];
    size_t size;
    size_t offset; /* elements into the parameter arena, a multiple of 16 */
    dsbi_init init;
    bool buffer;
    bool decay;            /* weight decay applies: at least two dimensions and no bias */
    size_t grid_h, grid_w; /* of a position embedding, which files may hold for another grid
                            * (positions.h); 0: none */
} dsbi_param;

typedef struct dsbi_layer dsbi_layer;

/* What a layer was asked to be; each layer reads its own. */
typedef struct dsbi_attrs {
    size_t c_out, kernel, stride, pad;
    size_t pad_end;          /* further rows and columns of zeros after the image */
    size_t dilation, groups; /* 0: 1 */
    size_t out_h, out_w;     /* adaptive pooling */
    size_t before, after;    /* channels of zeros around the others */
    size_t offset;           /* first row and column that is taken */
    double eps, rate;
    dsbi_init init, bias_init;
    bool no_bias, flatten, keep, even;
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
    bool relu;        /* y = max(0, ...), behind a residual too */
    uint32_t gamma;   /* parameter of a layer scale, DSBI_NONE without */
    bool residual;    /* the last input is added to the result */
    bool pixels;      /* input 0 is the batch of u8 pixels itself, normalised while packing */
    double drop_rate; /* drop path in front of the sum */
    uint32_t drop_id; /* its id */
    bool inference;   /* the plan has no backward pass */
    uint32_t norm[4]; /* of a batch norm in inference: gain, bias, running mean and variance; the
                       * layer is called with weights and biases that contain it (fold.h) */
    double norm_eps;
    bool gated;      /* dy has passed the corner of this node's ReLU before backward (gates.c) */
    bool gates;      /* backward applies the corner of a ReLU in front to the gradient of input 0 */
    bool sloped;     /* dy has passed the slope of this node's GELU before backward, */
    bool slopes;     /* in that of this one, which reads the GELU's argument as input 0 (gates.c) */
    bool unwritten;  /* of a batch norm: its one reader applies it and reads its input (norm.h), */
    bool reads_norm; /* as this one does with input 0 */
    bool no_winograd; /* asked of the plan: sums as defined, even where fewer products would do */
} dsbi_node;

typedef struct dsbi_graph {
    dsb_runtime *rt;
    dsbi_node *nodes;
    size_t n_nodes, nodes_capacity;
    dsbi_param *params;
    size_t n_params, params_capacity;
    size_t arena_size; /* elements of the parameter arena, gaps for alignment included */
    size_t n_elements; /* parameters proper, without buffers */
    dsbi_value input, output;
    dsbi_pixel_scale pixels; /* how bytes become reals */
    bool raw_pixels;         /* 0 .. 255 as they are, whatever the caller says */
} dsbi_graph;

typedef struct dsbi_builder {
    dsb_runtime *rt;
    dsbi_graph *graph;
    dsb_status status; /* first error */
    char reason[256];  /* its sentence, where a layer gave one */
    char scope[DSBI_MAX_NAME];
    dsbi_shape image;
    size_t n_classes;
} dsbi_builder;

dsb_status dsbi_builder_init(dsbi_builder *b, dsb_runtime *rt, dsbi_shape image, size_t n_classes);
/* Hands the graph over; on failure frees what was built. Call it exactly once. */
dsb_status dsbi_graph_finish(dsbi_builder *b, dsbi_graph **out);
void dsbi_graph_free(dsbi_graph *graph);
/* Mean and deviation of pixel / 255 per channel; without this call 0 and 1. No effect on a graph of
 * raw pixels. */
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

/* For layers: fails where the node's two inputs differ in shape; `what` is made of them ("sum"). */
void dsbi_need_alike(dsbi_builder *b, const dsbi_node *node, const char *what);
/* For layers: declares a parameter of `node`. suffix "" keeps the node's own name.
 * perm NULL: memory order = stored order. */
void dsbi_param_add(dsbi_builder *b, dsbi_node *node, const char *suffix, size_t rank,
                    const size_t *dims, const size_t *perm, dsbi_init init);
/* Running statistics, one number a channel. */
void dsbi_buffer_add(dsbi_builder *b, dsbi_node *node, const char *suffix, size_t n, double value);
/* The node's first parameter is a file's matrix [dims[0], all the others]. */
void dsbi_param_as_matrix(dsbi_builder *b, const dsbi_node *node);

/* --- what models are written with --- */

dsbi_value dsbi_input_images(dsbi_builder *b); /* u8 pixels, normalised */
dsbi_value dsbi_input_values(dsbi_builder *b); /* reals as they are */
void dsbi_raw_pixels(dsbi_builder *b);         /* images in 0 .. 255, not normalised */
void dsbi_graph_output(dsbi_builder *b, dsbi_value x);

dsbi_value dsbi_conv2d(dsbi_builder *b, dsbi_value x, const char *name, size_t c_out, size_t kernel,
                       size_t stride, size_t pad);
/* attrs: c_out, kernel, stride (0: 1), pad, pad_end, dilation, groups, no_bias, init, bias_init */
dsbi_value dsbi_conv(dsbi_builder *b, dsbi_value x, const char *name, const dsbi_attrs *attrs);
dsbi_value dsbi_depthwise(dsbi_builder *b, dsbi_value x, const char *name, size_t kernel,
                          size_t pad);
dsbi_value dsbi_linear(dsbi_builder *b, dsbi_value x, const char *name, size_t c_out);
/* attrs: c_out, no_bias, init, bias_init. flatten_linear takes all of [h, w, c] at once; the file's
 * weight is [c_out, c * h * w] in the order of PyTorch's flatten, channels outermost. */
dsbi_value dsbi_linear_with(dsbi_builder *b, dsbi_value x, const char *name,
                            const dsbi_attrs *attrs);
dsbi_value dsbi_flatten_linear(dsbi_builder *b, dsbi_value x, const char *name,
                               const dsbi_attrs *attrs);
/* Over the channels, statistics of the batch in training, running ones otherwise (momentum 0.1). */
dsbi_value dsbi_batchnorm(dsbi_builder *b, dsbi_value x, const char *name, double eps);
/* The same with another initial weight: 0 for the last of a residual branch. */
dsbi_value dsbi_batchnorm_from(dsbi_builder *b, dsbi_value x, const char *name, double eps,
                               double weight);
dsbi_value dsbi_relu(dsbi_builder *b, dsbi_value x);
/* Windows kernel x kernel; padding never wins a maximum and counts as zeros in a mean. */
dsbi_value dsbi_maxpool(dsbi_builder *b, dsbi_value x, size_t kernel, size_t stride, size_t pad);
dsbi_value dsbi_avgpool(dsbi_builder *b, dsbi_value x, size_t kernel, size_t stride, size_t pad);
/* Means over windows that cut the image into out_h x out_w, as AdaptiveAvgPool2d. */
dsbi_value dsbi_adaptive_avgpool(dsbi_builder *b, dsbi_value x, size_t out_h, size_t out_w);
/* One behind the other along the channels. */
dsbi_value dsbi_concat(dsbi_builder *b, const dsbi_value *xs, size_t n);
/* Every stride-th row and column, channels of zeros before and after: shortcut A of He et al. */
dsbi_value dsbi_subsample_pad(dsbi_builder *b, dsbi_value x, size_t stride, size_t c_before,
                              size_t c_after);
/* The same without channels, from row and column `offset` on; zeros where the image has ended. */
dsbi_value dsbi_subsample_from(dsbi_builder *b, dsbi_value x, size_t stride, size_t offset);
/* alpha x + (1 - alpha) y, see layers/shake.c; even: alpha is always 1/2 */
dsbi_value dsbi_shake(dsbi_builder *b, dsbi_value x, dsbi_value y);
dsbi_value dsbi_shake_even(dsbi_builder *b, dsbi_value x, dsbi_value y);
dsbi_value dsbi_shake_keep(dsbi_builder *b, dsbi_value x, dsbi_value y);
dsbi_value dsbi_layernorm(dsbi_builder *b, dsbi_value x, const char *name, double eps);
/* Over the rows of an image and c / groups channels. */
dsbi_value dsbi_groupnorm(dsbi_builder *b, dsbi_value x, const char *name, size_t groups,
                          double eps);
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
