/** How fast a model runs here, and how much of the machine that is.
 *
 *  Simplest use:
 *      dsb_bench_opts opts;
 *      dsb_bench_opts_init(&opts, sizeof opts);
 *      opts.batch_size = 16;
 *      dsb_bench *bench;
 *      DSB(dsb_bench_run(rt, &bench, model, &opts));
 *      puts(dsb_bench_json(bench));
 *      dsb_bench_free(bench);
 *
 *  Times are those of this machine, now, with whatever else runs on it: the only numbers of the
 *  library that a second run changes.
 */
#ifndef DSBIAS_BENCH_H
#define DSBIAS_BENCH_H

#include "dsbias/base.h"
#include "dsbias/nn.h"
#include "dsbias/train.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What is timed. */
#define DSB_BENCH_TRAIN 0u /* whole steps: batch, forward, loss, backward, norm, optimiser */
#define DSB_BENCH_INFER 1u /* logits of a batch */

typedef struct dsb_bench_opts {
    uint64_t struct_size;        /* bytes the caller knows about; set by dsb_bench_opts_init */
    uint64_t batch_size;         /* images of a step, 1..65536; default 16 */
    uint64_t n_warmup;           /* steps before the clock starts, 1..1000; default 2 */
    uint64_t n_repeats;          /* timed steps, 1..1000; default 10 */
    uint32_t mode;               /* DSB_BENCH_*; default DSB_BENCH_TRAIN */
    uint32_t layers;             /* 1: also the seconds of each layer; default 0 */
    const dsb_train_opts *train; /* optimiser and the like; its batch_size and samples_seen are not
                                    looked at; NULL (default): defaults. Read during the call */
} dsb_bench_opts;

/** Fills `opts` with defaults. @param size sizeof *opts as the caller compiled it. */
DSB_API void dsb_bench_opts_init(dsb_bench_opts *opts, size_t size);

typedef struct dsb_bench dsb_bench;

/** Times `model` on noise. Training changes its weights: a copy would falsify the memory.
 *  @return DSB_OK; DSB_E_INVALID (an option out of range, named), DSB_E_DTYPE (training of a model
 *  that is not f32), DSB_E_NOMEM, DSB_E_LIMIT. Retains the model. Since 0.1. */
DSB_API dsb_status dsb_bench_run(dsb_runtime *rt, dsb_bench **out, dsb_model *model,
                                 const dsb_bench_opts *opts);
DSB_API void dsb_bench_free(dsb_bench *bench);

/** What was measured. Multiply-adds count as two operations; those of norms, activations and the
 *  optimiser are not counted: the share of the peak is that of useful products. */
typedef struct dsb_bench_figures {
    uint64_t struct_size;         /* set by the caller: sizeof(dsb_bench_figures) as compiled */
    double images_per_second;     /* batch / seconds_median */
    double seconds_min;           /* of a step */
    double seconds_median;        /* likewise */
    double seconds_max;           /* likewise */
    double gflops;                /* 10^9 operations a second at the median */
    double peak_gflops;           /* what the same threads reach at most on multiply-adds alone at
                                     this level of the CPU, measured before and after the steps */
    double share_of_peak;         /* gflops / peak_gflops */
    uint64_t macs_per_image;      /* multiply-adds of the forward pass */
    uint64_t operations_per_step; /* the image's gradient, which nobody needs, left out */
    uint64_t peak_memory_bytes; /* most the process ever had resident (Linux: VmHWM); 0: unknown */
    uint64_t planned_bytes;     /* the sum of the four below */
    uint64_t activation_bytes;  /* arena of the plan: activations, their gradients, scratch */
    uint64_t parameter_bytes;   /* of the model; for inference also as made ready */
    uint64_t gradient_bytes;    /* of the parameters, but for those left as factors in the arena:
                                 * of large weights of few rows */
    uint64_t optimiser_bytes;   /* its state, running mean of the weights included */
} dsb_bench_figures;

/** Fields beyond the caller's struct_size are left out. */
DSB_API dsb_status dsb_bench_figures_get(const dsb_bench *bench, dsb_bench_figures *figures);

/** A layer as the plan runs it: neighbours folded into it count with it. */
typedef struct dsb_bench_layer {
    uint64_t struct_size;         /* set by the caller: sizeof(dsb_bench_layer) as compiled */
    const char *name;             /* "layer1.0.conv1"; borrowed from the bench */
    const char *kind;             /* "conv" */
    double seconds_forward;       /* least of the timed steps */
    double seconds_backward;      /* likewise; 0 for inference */
    uint64_t operations_forward;  /* of its products; 0 for a layer without */
    uint64_t operations_backward; /* likewise */
    uint64_t bytes_forward;       /* inputs and output, each moved once */
    uint64_t bytes_backward;      /* gradient of the output, inputs and their gradients, once */
} dsb_bench_layer;

/** Layers in order, 0 unless asked for; layer i, fields beyond the caller's struct_size left out.
 */
DSB_API uint64_t dsb_bench_layer_count(const dsb_bench *bench);
DSB_API dsb_status dsb_bench_layer_get(const dsb_bench *bench, uint64_t i, dsb_bench_layer *layer);

/** All of it and what was run as one JSON object: model, size, batch, mode, optimiser, threads,
 * isa, build, the figures by their names and, where asked for, an array `layers`.
 *  @return borrowed until dsb_bench_free. */
DSB_API const char *dsb_bench_json(const dsb_bench *bench);

#ifdef __cplusplus
}
#endif

#endif
