/** Operations of networks on plain arrays: forward and backward of each, for those who link from C
 *  or C++ and write their own network. They are the layers of the models of nn.h themselves, run on
 *  the caller's memory.
 *
 *  Simplest use, a convolution and its gradients:
 *      dsb_conv2d_shape s;
 *      dsb_conv2d_shape_init(&s, sizeof s);
 *      s.n = 16; s.h = s.w = 32; s.c_in = 3; s.c_out = 64; s.kernel = 3; s.pad = 1;
 *      DSB(dsb_conv2d_forward(rt, y, x, weights, bias, &s));
 *      // ... dy is the gradient of the loss after y
 *      DSB(dsb_conv2d_backward_weights(rt, dweights, dbias, x, dy, &s));
 *      DSB(dsb_conv2d_backward_data(rt, dx, dy, weights, &s));
 *
 *  Arrays are f32, dense, row-major, images NHWC: [n, h, w, c], c fastest; tokens [n, tokens, c].
 *  They belong to the caller, need no alignment and do not overlap, unless "in place" is said: then
 *  the output may be the very same array as the input. Nothing is kept between calls: what backward
 *  needs besides the gradient is named at each operation ("keep") and handed in again. Outputs and
 *  gradients are overwritten, never added to.
 *
 *  Errors of all functions: DSB_E_INVALID (NULL where an array is needed, a size of 0, a rate or
 * eps out of range), DSB_E_SHAPE (sizes that do not fit together), DSB_E_LIMIT (sides or channels
 * above 2^20, arrays above 2^40 elements), DSB_E_UNSUPPORTED (a shape struct of a newer header with
 * fields set that this library does not know), DSB_E_NOMEM. Contents are not looked at: NaN goes
 * through.
 *
 *  examples/ops.c trains a network with them; docs/operations.md says more.
 *
 *  Each call takes scratch memory from the runtime's allocator and gives it back; a plan (nn.h,
 *  train.h) allocates once for all steps. Results are bitwise independent of the number of threads.
 *  Any thread may call; calls on one runtime take turns.
 */
#ifndef DSBIAS_OPS_H
#define DSBIAS_OPS_H

#include "dsbias/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- convolution --------------------------------------------------------------------------- */

/** Set what differs after _init: sizes are 0 there, stride, dilation and groups 1. */
typedef struct dsb_conv2d_shape {
    uint64_t struct_size; /* bytes the caller knows about; set by dsb_conv2d_shape_init */
    uint64_t n, h, w;     /* images, rows and columns of x, >= 1 */
    uint64_t c_in, c_out; /* channels of x and y, >= 1, multiples of groups */
    uint64_t kernel;      /* side of the square kernel, >= 1 */
    uint64_t stride;      /* >= 1; default 1 */
    uint64_t pad;         /* rows and columns of zeros around x; default 0 */
    uint64_t dilation;    /* pixels from one kernel element to the next, >= 1; default 1 */
    uint64_t groups;      /* parts of the channels convolved apart, >= 1; default 1 */
} dsb_conv2d_shape;

DSB_API void dsb_conv2d_shape_init(dsb_conv2d_shape *shape, size_t size);

/** Rows and columns of y: (h + 2 pad - dilation (kernel - 1) - 1) / stride + 1, rounded down.
 *  Since 0.1. */
DSB_API dsb_status dsb_conv2d_output(const dsb_conv2d_shape *shape, uint64_t *h, uint64_t *w);

/** y[n,i,j,o] = bias[o] + sum over a, b, c of weights[o,a,b,c] x[n, i s + a d - p, j s + b d - p,
 * c], c over the channels of o's group.
 *  @param y        [n, h', w', c_out], see dsb_conv2d_output.   @param x  [n, h, w, c_in].
 *  @param weights  [c_out, kernel, kernel, c_in / groups]: PyTorch's [O, I, kH, kW] with I last.
 *  @param bias     [c_out] or NULL.
 *  Keep x (for the weights' gradient). Kernels 3 x 3 of many channels run as Winograd's F(4x4,
 * 3x3), whose relative error is below 1e-5. With groups = c_in = c_out see also dsb_depthwise2d.
 *  Since 0.1. */
DSB_API dsb_status dsb_conv2d_forward(dsb_runtime *rt, float *y, const float *x,
                                      const float *weights, const float *bias,
                                      const dsb_conv2d_shape *shape);
/** dx [n, h, w, c_in] from dy [n, h', w', c_out] and the weights. Since 0.1. */
DSB_API dsb_status dsb_conv2d_backward_data(dsb_runtime *rt, float *dx, const float *dy,
                                            const float *weights, const dsb_conv2d_shape *shape);
/** dweights and dbias (NULL: not wanted), shaped as weights and bias, from x and dy. Since 0.1. */
DSB_API dsb_status dsb_conv2d_backward_weights(dsb_runtime *rt, float *dweights, float *dbias,
                                               const float *x, const float *dy,
                                               const dsb_conv2d_shape *shape);

/** Depthwise convolution: each channel with its own kernel. In `shape` c_out = groups = c_in, or
 * both 0 (then taken as c_in); stride and dilation 1; pad < kernel. weights [kernel, kernel, c]:
 * PyTorch's [C, 1, kH, kW] with C last; bias [c] or NULL. Otherwise as convolution above. Keep x.
 * Since 0.1. */
DSB_API dsb_status dsb_depthwise2d_forward(dsb_runtime *rt, float *y, const float *x,
                                           const float *weights, const float *bias,
                                           const dsb_conv2d_shape *shape);
DSB_API dsb_status dsb_depthwise2d_backward_data(dsb_runtime *rt, float *dx, const float *dy,
                                                 const float *weights,
                                                 const dsb_conv2d_shape *shape);
DSB_API dsb_status dsb_depthwise2d_backward_weights(dsb_runtime *rt, float *dweights, float *dbias,
                                                    const float *x, const float *dy,
                                                    const dsb_conv2d_shape *shape);

/* --- linear -------------------------------------------------------------------------------- */

/** y[r,:] = weights x[r,:] + bias.  y [rows, c_out], x [rows, c_in], weights [c_out, c_in] as
 *  PyTorch stores them, bias [c_out] or NULL. Keep x. Since 0.1. */
DSB_API dsb_status dsb_linear_forward(dsb_runtime *rt, float *y, const float *x,
                                      const float *weights, const float *bias, uint64_t rows,
                                      uint64_t c_in, uint64_t c_out);
DSB_API dsb_status dsb_linear_backward_data(dsb_runtime *rt, float *dx, const float *dy,
                                            const float *weights, uint64_t rows, uint64_t c_in,
                                            uint64_t c_out);
/** dbias may be NULL. */
DSB_API dsb_status dsb_linear_backward_weights(dsb_runtime *rt, float *dweights, float *dbias,
                                               const float *x, const float *dy, uint64_t rows,
                                               uint64_t c_in, uint64_t c_out);

/* --- norms --------------------------------------------------------------------------------- */

/** Arrays x, y, dx, dy are [n, rows, c]; gain, bias and their gradients [c]. */
typedef struct dsb_norm_shape {
    uint64_t struct_size; /* bytes the caller knows about; set by dsb_norm_shape_init */
    uint64_t n;           /* images, >= 1 */
    uint64_t rows;        /* pixels (h w) or tokens of an image, >= 1; default 1 */
    uint64_t c;           /* channels, >= 1 */
    uint64_t groups;      /* group norm only: parts of the channels, divides c; default 1 */
    double eps;           /* added to the variance, >= 0; default 1e-5 */
} dsb_norm_shape;

DSB_API void dsb_norm_shape_init(dsb_norm_shape *shape, size_t size);

/** Layer norm over the channels of each row: y = (x - mean) rstd gain + bias.
 *  @param saved  [2, n rows]: means, then inverse deviations, for backward; NULL: not wanted.
 *  Keep x and saved. Source: Ba, Kiros, Hinton 2016. Since 0.1. */
DSB_API dsb_status dsb_layernorm_forward(dsb_runtime *rt, float *y, float *saved, const float *x,
                                         const float *gain, const float *bias,
                                         const dsb_norm_shape *shape);
/** In place on dy. dgain and dbias may be NULL. */
DSB_API dsb_status dsb_layernorm_backward(dsb_runtime *rt, float *dx, float *dgain, float *dbias,
                                          const float *dy, const float *x, const float *saved,
                                          const float *gain, const dsb_norm_shape *shape);

/** Group norm over all rows of an image and the channels of a group.
 *  @param saved  [2, n groups], as above. Keep x and saved. Source: Wu and He 2018. Since 0.1. */
DSB_API dsb_status dsb_groupnorm_forward(dsb_runtime *rt, float *y, float *saved, const float *x,
                                         const float *gain, const float *bias,
                                         const dsb_norm_shape *shape);
/** In place on dy. dgain and dbias may be NULL. */
DSB_API dsb_status dsb_groupnorm_backward(dsb_runtime *rt, float *dx, float *dgain, float *dbias,
                                          const float *dy, const float *x, const float *saved,
                                          const float *gain, const dsb_norm_shape *shape);

/** Batch norm in training: statistics of each channel over all n rows, the variance biased.
 *  @param saved         [4, c]: means, inverse deviations, and y as x * scale + shift.
 *  @param running_mean  [c] or NULL; moved a tenth of the way to the mean of the batch.
 *  @param running_var   [c] or NULL, together with running_mean; likewise, variance unbiased.
 *  Keep x and saved. Source: Ioffe and Szegedy 2015; torch.nn.BatchNorm2d. Since 0.1. */
DSB_API dsb_status dsb_batchnorm_forward(dsb_runtime *rt, float *y, float *saved,
                                         float *running_mean, float *running_var, const float *x,
                                         const float *gain, const float *bias,
                                         const dsb_norm_shape *shape);
/** In place on dy. dgain and dbias may be NULL. */
DSB_API dsb_status dsb_batchnorm_backward(dsb_runtime *rt, float *dx, float *dgain, float *dbias,
                                          const float *dy, const float *x, const float *saved,
                                          const float *gain, const dsb_norm_shape *shape);
/** Batch norm outside training, with the running statistics. In place. Since 0.1. */
DSB_API dsb_status dsb_batchnorm_infer(dsb_runtime *rt, float *y, const float *x, const float *gain,
                                       const float *bias, const float *running_mean,
                                       const float *running_var, const dsb_norm_shape *shape);

/* --- element by element -------------------------------------------------------------------- */

/** y = max(0, x). In place. Keep y. Since 0.1. */
DSB_API dsb_status dsb_relu_forward(dsb_runtime *rt, float *y, const float *x, uint64_t n);
/** dx = dy where y > 0, else 0. In place on dy. */
DSB_API dsb_status dsb_relu_backward(dsb_runtime *rt, float *dx, const float *dy, const float *y,
                                     uint64_t n);

/** y = x Phi(x), exact (erf) form. In place, if x is kept elsewhere. Keep x. Since 0.1. */
DSB_API dsb_status dsb_gelu_forward(dsb_runtime *rt, float *y, const float *x, uint64_t n);
/** In place on dy. */
DSB_API dsb_status dsb_gelu_backward(dsb_runtime *rt, float *dx, const float *dy, const float *x,
                                     uint64_t n);

/** Dropout: y = 0 with probability rate in [0, 1), else x / (1 - rate), each of n elements. The
 *  choice is a function of seed, draw and the element's number: give each layer and step a draw of
 *  its own. Backward is the same call on dy with the same seed and draw. In place. Since 0.1. */
DSB_API dsb_status dsb_dropout(dsb_runtime *rt, float *y, const float *x, uint64_t n, double rate,
                               uint64_t seed, uint64_t draw);
/** Drop path: the same, but each image of x [n, rows, c] stays or goes as a whole. Since 0.1. */
DSB_API dsb_status dsb_droppath(dsb_runtime *rt, float *y, const float *x, uint64_t n,
                                uint64_t rows, uint64_t c, double rate, uint64_t seed,
                                uint64_t draw);

/* --- pooling ------------------------------------------------------------------------------- */

typedef struct dsb_pool2d_shape {
    uint64_t struct_size; /* bytes the caller knows about; set by dsb_pool2d_shape_init */
    uint64_t n, h, w, c;  /* x [n, h, w, c], each >= 1 */
    uint64_t kernel;      /* side of the square window, >= 1; at most 15 for a maximum */
    uint64_t stride;      /* >= 1; default 1 */
    uint64_t pad;         /* rows and columns around x, at most half the kernel; default 0 */
} dsb_pool2d_shape;

DSB_API void dsb_pool2d_shape_init(dsb_pool2d_shape *shape, size_t size);
/** Rows and columns of y: (h + 2 pad - kernel) / stride + 1, rounded down. Since 0.1. */
DSB_API dsb_status dsb_pool2d_output(const dsb_pool2d_shape *shape, uint64_t *h, uint64_t *w);

/** Largest of each window; padding never wins.
 *  @param y      [n, h', w', c].
 *  @param saved  [n, h', w', c] bytes: which place of the window won (the first of equals); NULL:
 * not wanted. Keep saved. Since 0.1. */
DSB_API dsb_status dsb_maxpool2d_forward(dsb_runtime *rt, float *y, uint8_t *saved, const float *x,
                                         const dsb_pool2d_shape *shape);
DSB_API dsb_status dsb_maxpool2d_backward(dsb_runtime *rt, float *dx, const float *dy,
                                          const uint8_t *saved, const dsb_pool2d_shape *shape);

/** Mean of each window, padding counted as zeros (PyTorch's count_include_pad). Nothing to keep.
 *  Since 0.1. */
DSB_API dsb_status dsb_avgpool2d_forward(dsb_runtime *rt, float *y, const float *x,
                                         const dsb_pool2d_shape *shape);
DSB_API dsb_status dsb_avgpool2d_backward(dsb_runtime *rt, float *dx, const float *dy,
                                          const dsb_pool2d_shape *shape);

/** Mean over all pixels of an image: y [n, c], x [n, rows, c]. Nothing to keep. Since 0.1. */
DSB_API dsb_status dsb_global_avgpool_forward(dsb_runtime *rt, float *y, const float *x, uint64_t n,
                                              uint64_t rows, uint64_t c);
DSB_API dsb_status dsb_global_avgpool_backward(dsb_runtime *rt, float *dx, const float *dy,
                                               uint64_t n, uint64_t rows, uint64_t c);

/* --- attention ----------------------------------------------------------------------------- */

typedef struct dsb_attention_shape {
    uint64_t struct_size; /* bytes the caller knows about; set by dsb_attention_shape_init */
    uint64_t n;           /* images, >= 1 */
    uint64_t tokens;      /* of an image, >= 1 */
    uint64_t heads;       /* >= 1, divides dim */
    uint64_t dim;         /* channels of y, of all heads together */
} dsb_attention_shape;

DSB_API void dsb_attention_shape_init(dsb_attention_shape *shape, size_t size);

/** Multi-head self-attention, softmax(Q K^T / sqrt(dim / heads)) V for each image and head. No
 * array of tokens x tokens is kept for the batch.
 *  @param y      [n, tokens, dim].
 *  @param qkv    [n, tokens, 3, heads, dim / heads]: q, then k, then v of a token.
 *  @param saved  [n, heads, 2, tokens]: of each row of scores the largest and the inverse of the
 * sum; NULL: not wanted. Keep qkv and saved. Source: Vaswani et al. 2017; Dao et al. 2022. Since
 * 0.1. */
DSB_API dsb_status dsb_attention_forward(dsb_runtime *rt, float *y, float *saved, const float *qkv,
                                         const dsb_attention_shape *shape);
DSB_API dsb_status dsb_attention_backward(dsb_runtime *rt, float *dqkv, const float *dy,
                                          const float *qkv, const float *saved,
                                          const dsb_attention_shape *shape);

/* --- loss ---------------------------------------------------------------------------------- */

/** Softmax cross-entropy with soft targets, each row for itself, and its gradient in one go:
 *      loss[r] = -sum_i targets[r,i] log softmax(logits[r,:])_i
 *  @param loss     [rows].                          @param targets  [rows, classes], any sum.
 *  @param dlogits  [rows, classes], gradient of loss[r] (divide by rows for a mean); in place on
 *                  logits; NULL: not wanted. Since 0.1. */
DSB_API dsb_status dsb_softmax_xent(dsb_runtime *rt, float *loss, float *dlogits,
                                    const float *logits, const float *targets, uint64_t rows,
                                    uint64_t classes);

#ifdef __cplusplus
}
#endif

#endif
