/** A network of your own: declared once, layer by layer. Shapes, parameters and their names, memory
 *  plan, forward, backward, summary and weight files come from the declaration; what it gives is a
 *  dsb_model like those that have a name (nn.h), for dsb_trainer, dsb_model_predict, dsb_eval_run.
 *
 *  Simplest use:
 *      dsb_model_opts opts;
 *      dsb_model_opts_init(&opts, sizeof opts);
 *      opts.height = opts.width = 32;
 *      dsb_graph *g;
 *      DSB(dsb_graph_create(rt, &g, &opts));
 *      dsb_value x = dsb_graph_images(g);
 *      x = dsb_graph_conv(g, x, "conv1", 32, 3, 1, 1, 0); // 3 x 3, stride 1, pad 1, no bias
 *      x = dsb_graph_relu(g, dsb_graph_batchnorm(g, x, "bn1", 1e-5));
 *      dsb_value y = dsb_graph_conv(g, x, "conv2", 32, 3, 1, 1, 1);
 *      x = dsb_graph_relu(g, dsb_graph_add(g, x, y)); // a residual
 *      x = dsb_graph_linear(g, dsb_graph_global_avgpool(g, x), "fc", 10, 1);
 *      DSB(dsb_graph_model(g, &model, x)); // any mistake above comes out here
 *      dsb_graph_free(g);
 *
 *  A value is what a layer gives for one image: [h, w, c], c fastest; tokens are [T, 1, D], vectors
 *  [1, 1, D]. Several layers may read a value, gradients then add up. No function here fails on the
 *  spot: the first mistake stays with the graph, what follows is passed over, and dsb_graph_model
 *  returns it with a sentence that names the layer. Values belong to their graph.
 *
 *  A layer's `name` leads the names of its parameters, "conv1.weight", "conv1.bias", as in
 *  PyTorch's files, which are what dsb_model_save writes and dsb_model_load reads. No two may be
 * equal; NULL is a mistake. Sides and channels up to 2^20.
 *
 *  examples/own_network.c trains one. docs/own-networks.md says more. All functions since 0.1.
 */
#ifndef DSBIAS_GRAPH_H
#define DSBIAS_GRAPH_H

#include "dsbias/nn.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dsb_graph dsb_graph;
typedef uint32_t dsb_value; /* the output of a layer */

/** Begins a declaration for images of opts->height x opts->width with 3 channels; NULL options =
 *  defaults (224 x 224). n_classes, drop_path and layer_scale of the options mean nothing here.
 *  @return DSB_OK; DSB_E_INVALID; DSB_E_SHAPE; DSB_E_NOMEM. Retains the runtime. */
DSB_API dsb_status dsb_graph_create(dsb_runtime *rt, dsb_graph **out, const dsb_model_opts *opts);
/** Accepts NULL. Models made from the graph stay. */
DSB_API void dsb_graph_free(dsb_graph *graph);

/** The model with fresh weights whose logits are `output`: [1, 1, K], which makes K classes. Every
 *  value must lead to it. The graph is used up: only dsb_graph_free may follow.
 *  @return DSB_OK; the first mistake of the declaration; DSB_E_SHAPE (output); DSB_E_INVALID (a
 *          value that leads nowhere, no images, equal names); DSB_E_STATE (called twice);
 *          DSB_E_NOMEM; DSB_E_LIMIT. The model is the caller's: dsb_model_free. */
DSB_API dsb_status dsb_graph_model(dsb_graph *graph, dsb_model **out, dsb_value output);

/** Shape of a value; zeros after a mistake. For layers that depend on what is in front of them. */
DSB_API void dsb_graph_shape(const dsb_graph *graph, dsb_value x, uint64_t shape[3]);

/** Names declared from here on start with "part."; leave ends the part entered last. */
DSB_API void dsb_graph_enter(dsb_graph *graph, const char *part);
DSB_API void dsb_graph_leave(dsb_graph *graph);

/** How the weights of convolutions and linear layers declared from here on start. */
#define DSB_INIT_TORCH 0u        /* as torch.nn: uniform within 1 / sqrt(fan_in), biases too */
#define DSB_INIT_HE_FAN_IN 1u    /* He et al. 2015: normal with variance 2 / fan_in; biases 0 */
#define DSB_INIT_HE_FAN_OUT 2u   /* the same with fan_out; torchvision's convolutional networks */
#define DSB_INIT_TRUNC_NORMAL 3u /* deviation `value`, cut at -2 and 2; ViT, ConvNeXt: 0.02 */
#define DSB_INIT_NORMAL 4u       /* deviation `value` */
#define DSB_INIT_UNIFORM 5u      /* in [-value, value) */
#define DSB_INIT_CONSTANT 6u     /* `value` */
/** @param value  of the kinds that have one, finite and not negative but for DSB_INIT_CONSTANT;
 *                0 for the others. At first DSB_INIT_TORCH. */
DSB_API void dsb_graph_init_weights(dsb_graph *graph, uint32_t kind, double value);

/* --- layers ---------------------------------------------------------------------------------- */

/** The images of a batch, bytes normalised by mean and std of the options: [height, width, 3]. Once
 *  a graph. */
DSB_API dsb_value dsb_graph_images(dsb_graph *graph);

/** Convolution, ops.h has the formula.
 *  @param channels  of the output.   @param kernel  side of the square kernel.
 *  @param pad       rows and columns of zeros around.   @param bias  1: has one; 0: none. */
DSB_API dsb_value dsb_graph_conv(dsb_graph *graph, dsb_value x, const char *name, uint64_t channels,
                                 uint64_t kernel, uint64_t stride, uint64_t pad, uint32_t bias);

typedef struct dsb_graph_conv_opts {
    uint64_t struct_size; /* bytes the caller knows about; set by dsb_graph_conv_opts_init */
    uint64_t channels;    /* of the output, >= 1; must be set */
    uint64_t kernel;      /* side of the square kernel, >= 1; default 3 */
    uint64_t stride;      /* >= 1; default 1 */
    uint64_t pad;         /* zeros around; default 1 */
    uint64_t pad_end;     /* further rows and columns of zeros below and right; default 0 */
    uint64_t dilation;    /* pixels from one kernel element to the next, >= 1; default 1 */
    uint64_t groups;      /* parts of the channels convolved apart, >= 1; default 1 */
    uint64_t bias;        /* 1 (default): has one; 0: none */
} dsb_graph_conv_opts;

/** @param size sizeof *opts as the caller compiled it. */
DSB_API void dsb_graph_conv_opts_init(dsb_graph_conv_opts *opts, size_t size);
DSB_API dsb_value dsb_graph_conv_with(dsb_graph *graph, dsb_value x, const char *name,
                                      const dsb_graph_conv_opts *opts);
/** A kernel a channel, stride 1, with bias; weights start truncated normal 0.02 (ConvNeXt). */
DSB_API dsb_value dsb_graph_depthwise(dsb_graph *graph, dsb_value x, const char *name,
                                      uint64_t kernel, uint64_t pad);

/** Every pixel or token by itself: [h, w, c] -> [h, w, features]. */
DSB_API dsb_value dsb_graph_linear(dsb_graph *graph, dsb_value x, const char *name,
                                   uint64_t features, uint32_t bias);
/** All of [h, w, c] at once -> [1, 1, features]; in files the weight is that of PyTorch's flatten,
 *  channels outermost. */
DSB_API dsb_value dsb_graph_flatten_linear(dsb_graph *graph, dsb_value x, const char *name,
                                           uint64_t features, uint32_t bias);

/** Norms with gain and bias; eps > 0. Batch norm: statistics of the batch in training, running ones
 *  (momentum 0.1) otherwise, Ioffe & Szegedy 2015. Layer norm: over the channels of a pixel, Ba et
 *  al. 2016. Group norm: over all pixels and c / groups channels, Wu & He 2018. */
DSB_API dsb_value dsb_graph_batchnorm(dsb_graph *graph, dsb_value x, const char *name, double eps);
DSB_API dsb_value dsb_graph_layernorm(dsb_graph *graph, dsb_value x, const char *name, double eps);
DSB_API dsb_value dsb_graph_groupnorm(dsb_graph *graph, dsb_value x, const char *name,
                                      uint64_t groups, double eps);

/** max(x, 0); x Phi(x), exact (Hendrycks & Gimpel 2016). */
DSB_API dsb_value dsb_graph_relu(dsb_graph *graph, dsb_value x);
DSB_API dsb_value dsb_graph_gelu(dsb_graph *graph, dsb_value x);

/** Windows kernel x kernel; padding never wins a maximum and counts as zeros in a mean.
 *  adaptive_avgpool cuts the image into h x w windows; global_avgpool gives [1, 1, c]. */
DSB_API dsb_value dsb_graph_maxpool(dsb_graph *graph, dsb_value x, uint64_t kernel, uint64_t stride,
                                    uint64_t pad);
DSB_API dsb_value dsb_graph_avgpool(dsb_graph *graph, dsb_value x, uint64_t kernel, uint64_t stride,
                                    uint64_t pad);
DSB_API dsb_value dsb_graph_adaptive_avgpool(dsb_graph *graph, dsb_value x, uint64_t h, uint64_t w);
DSB_API dsb_value dsb_graph_global_avgpool(dsb_graph *graph, dsb_value x);

/** x + y, of one shape; values one behind the other along the channels. */
DSB_API dsb_value dsb_graph_add(dsb_graph *graph, dsb_value x, dsb_value y);
DSB_API dsb_value dsb_graph_concat(dsb_graph *graph, const dsb_value *xs, uint64_t n);
/** Every stride-th row and column with channels of zeros in front and behind: the shortcut without
 *  parameters of He et al. 2016. */
DSB_API dsb_value dsb_graph_subsample(dsb_graph *graph, dsb_value x, uint64_t stride,
                                      uint64_t channels_before, uint64_t channels_after);
/** alpha x + (1 - alpha) y, alpha drawn anew for each image in forward and in backward, 1/2 in
 *  inference: Shake-Shake, Gastaldi 2017. */
DSB_API dsb_value dsb_graph_shake(dsb_graph *graph, dsb_value x, dsb_value y);

/** In training only; rate in [0, 1). Dropout zeroes single numbers, drop path all of an image
 *  (Huang et al. 2016); what is left is divided by 1 - rate. */
DSB_API dsb_value dsb_graph_dropout(dsb_graph *graph, dsb_value x, double rate);
DSB_API dsb_value dsb_graph_droppath(dsb_graph *graph, dsb_value x, double rate);
/** x times a parameter a channel, called `name` itself, which starts as `init` (Touvron 2021). */
DSB_API dsb_value dsb_graph_layerscale(dsb_graph *graph, dsb_value x, const char *name,
                                       double init);

/** Multi-head self-attention: [h, w, 3 D], channels q, k, v of D each, D / heads a head -> [h, w,
 *  D]. The projections before and behind it are linear layers. */
DSB_API dsb_value dsb_graph_attention(dsb_graph *graph, dsb_value x, uint64_t heads);
/** Pixels become tokens [T, 1, D]: with class_token = 1 one more in front, parameter "cls_token";
 *  "pos_embed" is added to all. Once a graph. */
DSB_API dsb_value dsb_graph_tokens(dsb_graph *graph, dsb_value x, uint32_t class_token);
/** Mean of tokens first .. first + count - 1 -> [1, 1, D]. */
DSB_API dsb_value dsb_graph_pool_tokens(dsb_graph *graph, dsb_value x, uint64_t first,
                                        uint64_t count);

#ifdef __cplusplus
}
#endif

#endif
