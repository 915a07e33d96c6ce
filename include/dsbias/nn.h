/** Networks: a model by name, its parameters, weight files, predictions.
 *
 *  Simplest use:
 *      dsb_model_opts opts;
 *      dsb_model_opts_init(&opts, sizeof opts);
 *      opts.n_classes = 3;
 *      opts.height = opts.width = 64;
 *      dsb_model *model;
 *      DSB(dsb_model_create(rt, &model, "convnext_470k", &opts));
 *      DSB(dsb_model_load(model, "model.safetensors"));
 *      DSB(dsb_model_predict(model, logits, images, n)); // [n, 64, 64, 3] bytes -> [n, 3]
 *      dsb_model_free(model);
 *
 *  Layout is NHWC from the decoder to the loss. Training is in train.h.
 *  A model is used by one thread at a time; two models of one runtime may be used by two threads.
 */
#ifndef DSBIAS_NN_H
#define DSBIAS_NN_H

#include "dsbias/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dsb_model dsb_model;

/** Number of short names ("convnext_470k"), and name i, NULL beyond the last. Since 0.1. */
DSB_API uint64_t dsb_model_count(void);
DSB_API const char *dsb_model_name(uint64_t i);

/** What the numbers of a model are. */
#define DSB_PRECISION_F32 0u /* float, the kernels of the CPU's level */
#define DSB_PRECISION_F64 1u /* double, plain C: slow, for checks */

typedef struct dsb_model_opts {
    uint64_t struct_size; /* bytes the caller knows about; set by dsb_model_opts_init */
    uint64_t seed;        /* of the initial weights and of drop path; any value; default 0 */
    uint32_t n_classes;   /* outputs, >= 1; default 1000 */
    uint32_t height;      /* pixels, as large as the strides of the model ask; default 224 */
    uint32_t width;       /* likewise; default 224 */
    uint32_t precision;   /* DSB_PRECISION_*; default DSB_PRECISION_F32 */
    float mean[3];        /* of pixel / 255 per channel; default ImageNet's .485 .456 .406 */
    float std[3];         /* 1e-6..1000; default ImageNet's .229 .224 .225 */
    float drop_path;      /* highest drop-path rate, [0, 1); negative (default): as the name says */
    float layer_scale;    /* initial layer scale, 0: none; negative (default): as the name says */
} dsb_model_opts;

/** Fills `opts` with defaults. @param size sizeof *opts as the caller compiled it. */
DSB_API void dsb_model_opts_init(dsb_model_opts *opts, size_t size);

/** The same with the image size and the number of classes that the named model was published for:
 *  32 px and 10 for the networks of CIFAR, 224 px and 1000 for those of ImageNet.
 *  @param name  as for dsb_model_create.
 *  @return DSB_OK; DSB_E_NOTFOUND (name); DSB_E_INVALID; DSB_E_LIMIT. Since 0.1. */
DSB_API dsb_status dsb_model_opts_init_for(dsb_model_opts *opts, size_t size, const char *name);

/** Creates a model with fresh weights (truncated normal, a function of seed and parameter).
 *  @param name  a short name (case does not matter, nor - for _), or a family with options,
 *               "convnext:depths=1-1-3-1,dims=20-40-80-160,layer_scale=1e-6,drop_path=0.1".
 *  @return DSB_OK; DSB_E_NOTFOUND (name); DSB_E_INVALID (option); DSB_E_SHAPE (image too small);
 *          DSB_E_NOMEM; DSB_E_LIMIT. Retains the runtime. Since 0.1. */
DSB_API dsb_status dsb_model_create(dsb_runtime *rt, dsb_model **out, const char *name,
                                    const dsb_model_opts *opts);
/** Ends the caller's hold; trainers made from the model keep it alive. Accepts NULL. */
DSB_API void dsb_model_free(dsb_model *model);

/** The name the model was created with; borrowed. */
DSB_API const char *dsb_model_spec(const dsb_model *model);
/** Numbers in all parameters together; multiply-adds of one image, convolutions and products only
 *  (the "FLOPs" of papers). Since 0.1. */
DSB_API uint64_t dsb_model_size(const dsb_model *model);
DSB_API uint64_t dsb_model_macs(const dsb_model *model);

/** Parameters and buffers, in the order of declaration. Names, ranks and dimensions are those of
 * weight files: PyTorch's, convolutions [O, I, kH, kW], linear [out, in]. Borrowed, valid as long
 * as the model. dims returns the rank and fills out[0 .. rank-1], rank <= 4. Beyond the last: NULL,
 * 0. */
DSB_API uint64_t dsb_model_param_count(const dsb_model *model);
DSB_API const char *dsb_model_param_name(const dsb_model *model, uint64_t i);
DSB_API uint64_t dsb_model_param_dims(const dsb_model *model, uint64_t i, uint64_t out[4]);

/** 1 where parameter i is a buffer: running statistics of batch norm, which belong to the weights
 * of a model but are not trained, carry no gradient and do not count in dsb_model_size; 0 where it
 * is not, or beyond the last. Since 0.1. */
DSB_API uint32_t dsb_model_param_is_buffer(const dsb_model *model, uint64_t i);

/** Copies parameter i out or in, row-major in the dimensions above, as floats.
 *  @param n  number of floats, must be the product of the dimensions.
 *  @return DSB_OK; DSB_E_INVALID (no such parameter); DSB_E_SHAPE (n). Since 0.1. */
DSB_API dsb_status dsb_model_param_get(const dsb_model *model, float *out, uint64_t n, uint64_t i);
DSB_API dsb_status dsb_model_param_set(dsb_model *model, uint64_t i, const float *values,
                                       uint64_t n);

/** Writes the parameters as a safetensors file (the names above, byte for byte as the reference
 *  writer would). The file appears whole or not at all.
 *  @param dtype  DSB_SAVE_F32, or DSB_SAVE_BF16: half the size, rounded to nearest, ties to even.
 *  @return DSB_OK; DSB_E_INVALID; DSB_E_IO; DSB_E_NOTFOUND (no such folder); DSB_E_NOMEM.
 *  dsb_model_save writes DSB_SAVE_F32. Source: huggingface/safetensors. Since 0.1. */
#define DSB_SAVE_F32 0u
#define DSB_SAVE_BF16 1u
DSB_API dsb_status dsb_model_save(const dsb_model *model, const char *path);
DSB_API dsb_status dsb_model_save_as(const dsb_model *model, const char *path, uint32_t dtype);

typedef struct dsb_load_opts {
    uint64_t struct_size;   /* bytes the caller knows about; set by dsb_load_opts_init */
    const char *keymap;     /* path of a JSON object, the model's name -> the file's; NULL: none */
    uint32_t allow_missing; /* 1: parameters that are not in the file stay as they are; default 0 */
    uint32_t allow_extra;   /* 1: tensors that the model has no use for are let go; default 0 */
    uint32_t check_finite;  /* 1: NaN and infinity are refused; default 0 */
    uint32_t reserved;      /* must be 0 */
} dsb_load_opts;

/** Fills `opts` with defaults. @param size sizeof *opts as the caller compiled it. */
DSB_API void dsb_load_opts_init(dsb_load_opts *opts, size_t size);

/** Reads the parameters from a safetensors file (F32, F16 or BF16). Names may be ours,
 * torchvision's, timm's, transformers' or the ConvNeXt authors'; wrappers ("module.", "model.",
 * "state_dict.", "model_ema." ...) are taken off, and where a file holds a running mean of the
 * weights too, the mean is taken; a key map says the rest. A linear weight may be stored as a
 * convolution [out, c, h, w] and the reverse. docs/weights.md lists what is understood. A load
 * changes nothing unless every parameter is there, in its shape, and nothing else.
 *  @param opts  NULL: all defaults, which is dsb_model_load.
 *  @return DSB_OK; DSB_E_FORMAT (no valid file, no valid key map); DSB_E_UNSUPPORTED (a pickle or
 *          another format, with what to do about it); DSB_E_NOTFOUND (no file; missing or extra
 *          tensors, listed); DSB_E_SHAPE (misshapen, listed); DSB_E_DTYPE; DSB_E_NUMERIC
 *          (check_finite); DSB_E_IO; DSB_E_NOMEM; DSB_E_LIMIT. Since 0.1. */
DSB_API dsb_status dsb_model_load(dsb_model *model, const char *path);
DSB_API dsb_status dsb_model_load_with(dsb_model *model, const char *path,
                                       const dsb_load_opts *opts);

/** How many outputs the weights in a file have, for a model of this kind with any number of them:
 *  to create it anew with as many. Names as dsb_model_load_with; nothing is loaded.
 *  @return as dsb_model_load_with; DSB_E_NOTFOUND also if the file lacks the last layer. Since 0.1.
 */
DSB_API dsb_status dsb_model_load_outputs(const dsb_model *model, uint64_t *outputs,
                                          const char *path, const dsb_load_opts *opts);

/** Scores of images: logits, not probabilities. No drop path, no batch statistics: an image's
 *  scores do not depend on the others.
 *  @param logits  [n, n_classes] f32.   @param images  [n, height, width, 3] bytes, RGB.
 *  @return DSB_OK; DSB_E_NOMEM. Bitwise independent of the number of threads. Since 0.1. */
DSB_API dsb_status dsb_model_predict(dsb_model *model, float *logits, const uint8_t *images,
                                     uint64_t n);

/** A step of training by hand, for losses and optimisers of your own: forward as in training
 *  (statistics of the batch, dropout, drop path; running statistics move), backward from the
 *  gradient of the loss after the logits, gradients one by one. dsb_softmax_xent (ops.h) makes a
 *  loss and its gradient; dsb_trainer (train.h) is the ready-made and faster way:
 *      DSB(dsb_model_forward(model, logits, images, n));
 *      DSB(dsb_softmax_xent(rt, losses, dlogits, logits, targets, n, classes));
 *      DSB(dsb_model_backward(model, dlogits));
 *      DSB(dsb_model_gradient(model, gradient, size, i));
 *  dsb_model_forward_frozen in its place computes what dsb_model_predict does, and backward the
 *  gradients of that: running statistics, which stay as they are, nothing dropped, an image
 *  independent of the others (fine tuning with frozen norms, gradients at a trained model).
 *  What backward needs is kept in the model from the first call on, for the largest n so far.
 *  Parameters must stay as they are between forward and backward.
 *  @param logits   [n, n_classes] f32, written.  @param images  [n, height, width, 3] bytes.
 *  @param n        1..65536.
 *  @param dlogits  [n, n_classes] of the last forward.
 *  @param out      gradient of parameter i, laid out as dsb_model_param_get gives it.
 *  @return DSB_OK; DSB_E_INVALID (NULL, n, no such parameter, a buffer); DSB_E_SHAPE (size of out);
 *          DSB_E_STATE (backward without forward, gradient without backward); DSB_E_NOMEM;
 *          DSB_E_LIMIT. Bitwise independent of the number of threads. Since 0.1. */
DSB_API dsb_status dsb_model_forward(dsb_model *model, float *logits, const uint8_t *images,
                                     uint64_t n);
DSB_API dsb_status dsb_model_forward_frozen(dsb_model *model, float *logits, const uint8_t *images,
                                            uint64_t n);
DSB_API dsb_status dsb_model_backward(dsb_model *model, const float *dlogits);
DSB_API dsb_status dsb_model_gradient(const dsb_model *model, float *out, uint64_t n, uint64_t i);

/** A table of the layers: output shape, parameters, multiply-adds; totals; text, several lines.
 *  @return the text, borrowed until the next call of this function on the model or its end;
 *          NULL when there is no memory. Since 0.1. */
DSB_API const char *dsb_model_summary(dsb_model *model);

/** The same as numbers, with what a batch takes: memory is planned, not used.
 *  @param batch_size  images, 1..65536.
 *  @return DSB_OK; DSB_E_INVALID; DSB_E_LIMIT (more memory than there can be); DSB_E_NOMEM. Retains
 *          the model. Since 0.1. */
typedef struct dsb_summary dsb_summary;
DSB_API dsb_status dsb_summary_create(dsb_model *model, dsb_summary **out, uint64_t batch_size);
DSB_API void dsb_summary_free(dsb_summary *summary);

/** A layer as declared. */
typedef struct dsb_summary_row {
    uint64_t struct_size;  /* set by the caller: sizeof(dsb_summary_row) as compiled */
    const char *name;      /* "layer1.0.conv1", "" for layers without parameters; borrowed */
    const char *kind;      /* "conv"; borrowed */
    const char *algorithm; /* how a training step does it, and what follows in the same pass:
                              "winograd 4x4 + relu", "sum, relu"; "folded" into a neighbour; ""
                              where there is one way; borrowed */
    uint64_t height;       /* of the output of one image; tokens count as rows of one pixel */
    uint64_t width;        /* likewise */
    uint64_t channels;     /* likewise */
    uint64_t parameters;   /* numbers, buffers left out */
    uint64_t macs;         /* multiply-adds of one image, products only */
    uint64_t bytes;        /* of the output of the batch */
} dsb_summary_row;

typedef struct dsb_summary_totals {
    uint64_t struct_size;          /* set by the caller: sizeof(dsb_summary_totals) as compiled */
    uint64_t parameters;           /* numbers */
    uint64_t buffers;              /* numbers: running means and variances */
    uint64_t macs;                 /* of one image */
    uint64_t parameter_bytes;      /* of both */
    uint64_t train_bytes;          /* activations, their gradients and scratch of a training step */
    uint64_t train_unshared_bytes; /* the same if no array shared memory with another */
    uint64_t gradient_bytes;       /* of the parameters, but for large weights of few rows, whose
                                    * gradients a trainer leaves as factors, in train_bytes */
    uint64_t infer_bytes;          /* activations and scratch of a prediction */
    uint64_t infer_unshared_bytes; /* likewise unshared */
} dsb_summary_totals;

/** Rows in order; fields beyond the caller's struct_size are left out. Since 0.1. */
DSB_API uint64_t dsb_summary_row_count(const dsb_summary *summary);
DSB_API dsb_status dsb_summary_row_get(const dsb_summary *summary, uint64_t i,
                                       dsb_summary_row *row);
DSB_API dsb_status dsb_summary_totals_get(const dsb_summary *summary, dsb_summary_totals *totals);
/** All of it as one JSON object: model, size, batch, the totals by their names, an array `layers`.
 *  @return borrowed until dsb_summary_free. */
DSB_API const char *dsb_summary_json(const dsb_summary *summary);

#ifdef __cplusplus
}
#endif

#endif
