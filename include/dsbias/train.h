/** Training: images and labels in, a better model out.
 *
 *  Simplest use, with batches of the caller's own:
 *      dsb_train_opts opts;
 *      dsb_train_opts_init(&opts, sizeof opts);
 *      opts.samples_seen = 100000;
 *      dsb_trainer *trainer;
 *      dsb_trainer_create(rt, &trainer, model, &opts);
 *      while (dsb_trainer_samples(trainer) < dsb_trainer_samples_planned(trainer))
 *          dsb_trainer_step(trainer, images, labels, 128, &loss);
 *      dsb_trainer_finish(trainer);
 *      dsb_trainer_free(trainer);
 *  or over a loader without end (data.h), dsb_train_run(trainer, loader, NULL, NULL, NULL).
 *
 *  The default recipe is AdamW with a warm-up and half a cosine, label smoothing, mixup and CutMix:
 *  the one of ConvNeXt (Liu et al. 2022) that Liu & He 2024 use, table 9. SGD with momentum and
 * step sizes that fall at milestones, the recipe of CIFAR networks (He et al. 2016), are options.
 * Runs are counted in images shown, not in epochs. The result is a function of the model, the
 * options and the order of the images: neither threads nor clock change a bit of it.
 */
#ifndef DSBIAS_TRAIN_H
#define DSBIAS_TRAIN_H

#include "dsbias/base.h"
#include "dsbias/data.h"
#include "dsbias/nn.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Value of an option that is worked out from the others. */
#define DSB_TRAIN_AUTO UINT64_MAX

/** What makes a step of a gradient, and how the step size goes after the warm-up. */
#define DSB_OPTIMISER_ADAMW 0u /* Loshchilov & Hutter 2019, decoupled decay */
#define DSB_OPTIMISER_SGD 1u   /* momentum, decay added to the gradient, as torch.optim.SGD */
#define DSB_SCHEDULE_COSINE 0u /* half a cosine from lr_peak to lr_min */
#define DSB_SCHEDULE_STEPS 1u  /* lr_peak, times lr_factor from each of lr_milestones on */

typedef struct dsb_train_opts {
    uint64_t struct_size;    /* bytes the caller knows about; set by dsb_train_opts_init */
    uint64_t seed;           /* of mixing and drop path, any value; default 0 */
    uint64_t samples_seen;   /* images shown in all, rounded down to whole steps, at least one step;
                                default DSB_TRAIN_AUTO: 30 passes over the loader of dsb_train_run;
                                must be a number for dsb_trainer_step */
    uint64_t warmup_samples; /* images of linear warm-up; default DSB_TRAIN_AUTO: 20/300 of all,
                                table 9 */
    uint64_t batch_size;     /* images per optimiser step, 1..65536; default 128 */
    double lr_peak;          /* step size after warm-up, > 0; default 1e-3 */
    double lr_min;           /* step size at the end, 0..lr_peak; default 1e-6 */
    double weight_decay;     /* AdamW: decoupled, times the step size; SGD: added to the gradient;
                                >= 0; of the weights that decay_all says; default 0.05 (the paper:
                                0.3; CIFAR networks with SGD: 1e-4) */
    double beta1;            /* decay of the mean gradient, 0..1; default 0.9 */
    double beta2;            /* decay of the mean squared gradient, 0..1; default 0.95 */
    double eps;              /* added to its root, > 0; default 1e-8 */
    double label_smoothing;  /* share of a target spread over all classes, 0..1; default 0.1 */
    double mixup_alpha;      /* Beta(a, a) of mixup's weight; 0 (default) = off (the paper: 0.8) */
    double cutmix_alpha;     /* likewise CutMix; 0 (default) = off (the paper: 1) */
    double mix_probability;  /* chance that a batch is mixed, 0..1; default 1 */
    double switch_probability; /* CutMix rather than mixup where both are on, 0..1; default 0.5 */
    double ema_decay; /* running mean of the weights per step, 0..1, 0 (default) = off; step t uses
                         min(ema_decay, (1 + t) / (10 + t)); dsb_trainer_finish takes it */
    double clip_norm; /* longest gradient (L2, all parameters); 0 (default) = no clipping */
    double momentum;  /* SGD: share of the velocity kept, 0..1; default 0.9 */
    double lr_factor; /* DSB_SCHEDULE_STEPS: times the step size at each milestone, > 0; default
                         0.1 */
    double lr_milestones[4]; /* likewise: where, as shares of the run, 0..1, 0 = none; default 1/2
                                and 3/4 */
    const char *augment;     /* of dsb_train_arrays: "none" (default, also NULL), "shift", "pad",
                                "crop", "randaug", "full" as in dsb_loader_opts; square images */
    uint32_t optimiser;      /* DSB_OPTIMISER_*; default ADAMW */
    uint32_t schedule;       /* DSB_SCHEDULE_*; default COSINE */
    uint32_t nesterov;       /* SGD: 1 looks ahead (Nesterov); 0 (default) */
    uint32_t decay_all;      /* 1: all parameters decay; 0 (default): weights of two or more
                                dimensions, not biases, norms and embeddings */
} dsb_train_opts;

/** Fills `opts` with defaults. @param size sizeof *opts as the caller compiled it. */
DSB_API void dsb_train_opts_init(dsb_train_opts *opts, size_t size);

typedef struct dsb_trainer dsb_trainer;

/** Creates a trainer: optimiser state, plan and memory of `model` for one batch size. Retains the
 *  model, which must not be changed by others until dsb_trainer_free. NULL options = defaults.
 *  @return DSB_OK; DSB_E_INVALID (an option out of range, named), DSB_E_NOTFOUND (augmentation),
 *  DSB_E_DTYPE (model is not f32), DSB_E_NOMEM, DSB_E_LIMIT. Since 0.1. */
DSB_API dsb_status dsb_trainer_create(dsb_runtime *rt, dsb_trainer **out, dsb_model *model,
                                      const dsb_train_opts *opts);
DSB_API void dsb_trainer_free(dsb_trainer *trainer);

/** One optimiser step. Allocates nothing.
 *  @param images  [n, H, W, 3] u8, the model's height and width, read only.
 *  @param labels  [n] class numbers.
 *  @param n       1..batch_size; fewer than batch_size are repeated in order until it is full.
 *  @param loss    mean loss of the batch before the step; may be NULL.
 *  @return DSB_OK; DSB_E_SHAPE (n), DSB_E_INVALID (a label), DSB_E_STATE (samples_seen not given,
 *  or all of it done, or finished), DSB_E_NUMERIC (the loss or the gradient is NaN or Inf, or
 *  the gradient of a large linear layer is bounded by no finite float: the weights are those before
 *  the step). Since 0.1. */
DSB_API dsb_status dsb_trainer_step(dsb_trainer *trainer, const uint8_t *images,
                                    const uint32_t *labels, size_t n, double *loss);

/** Ends training: with ema_decay > 0 the model takes the mean weights. May be called early, and
 *  more than once. Since 0.1. */
DSB_API dsb_status dsb_trainer_finish(dsb_trainer *trainer);

/** Images shown so far, images planned in all (0: not known yet), steps done, and the step size
 *  the next step will use. */
DSB_API uint64_t dsb_trainer_samples(const dsb_trainer *trainer);
DSB_API uint64_t dsb_trainer_samples_planned(const dsb_trainer *trainer);
DSB_API uint64_t dsb_trainer_steps(const dsb_trainer *trainer);
DSB_API double dsb_trainer_lr(const dsb_trainer *trainer);

/** A place on the training curve. */
typedef struct dsb_train_point {
    uint64_t struct_size;   /* set by the caller: sizeof(dsb_train_point) as compiled */
    uint64_t samples_seen;  /* images shown up to here */
    double loss;            /* mean over the steps since the point before */
    double lr;              /* step size of the last of them */
    double select_accuracy; /* what `evaluate` gave, 0..1; NaN where it was not asked */
    double seconds;         /* since the run began; the one number here that a rerun changes */
} dsb_train_point;

/** Points so far, and point i in order; fields beyond the caller's struct_size are left out. */
DSB_API uint64_t dsb_trainer_point_count(const dsb_trainer *trainer);
DSB_API dsb_status dsb_trainer_point_get(const dsb_trainer *trainer, uint64_t i,
                                         dsb_train_point *point);

/** Accuracy of `model` on data held out, 0..1, by the caller; runs between two steps on the thread
 *  of the run. With ema_decay > 0 the model carries the mean weights during the call. A failure
 *  ends the run and is returned. */
typedef dsb_status (*dsb_train_evaluate_fn)(void *user, dsb_model *model, double *accuracy);

typedef struct dsb_train_run_opts {
    uint64_t struct_size;           /* set by dsb_train_run_opts_init */
    uint64_t n_points;              /* points of the curve, evenly spaced, >= 1; default 50 */
    uint64_t n_evaluations;         /* points that call `evaluate`, evenly spaced, the last one
                                       always among them; 0..n_points; default 10 */
    dsb_train_evaluate_fn evaluate; /* NULL (default): none */
    void *evaluate_user;            /* first argument of `evaluate` */
} dsb_train_run_opts;

DSB_API void dsb_train_run_opts_init(dsb_train_run_opts *opts, size_t size);

/** Trains on the batches of a loader until all planned images are shown. The loader augments, the
 *  trainer mixes. Its images must have the model's size; its batches are at most batch_size; it
 *  must not end before the run does (n_epochs 0).
 *  @param fn  called after each step: done and total in images, value = mean loss since the last
 *             point of the curve. Non-zero ends the run with DSB_E_CANCELLED; the model then is
 * what the steps so far made of it, and another run with a loader whose first_sample is
 *             dsb_trainer_samples goes on where this one stopped.
 *  @return as dsb_trainer_step and dsb_loader_next; DSB_E_SHAPE (image size), DSB_E_STATE (the
 *  loader ended). dsb_trainer_finish stays to be called. Since 0.1. */
DSB_API dsb_status dsb_train_run(dsb_trainer *trainer, dsb_loader *loader,
                                 const dsb_train_run_opts *opts, dsb_event_fn fn, void *user);

/** Class probabilities of every image a loader gives: softmax of the model's scores, in the order
 * of the items, whatever order they come in. For a loader of one epoch without augmentation.
 *  @param probabilities  [n_items, n_classes].
 *  @param labels         [n_items], may be NULL.
 *  @param n_items        images of the loader's part.
 *  @return DSB_OK; DSB_E_SHAPE (image size, n_items); DSB_E_CANCELLED; as dsb_loader_next. Since
 *  0.1. */
DSB_API dsb_status dsb_train_predict(dsb_model *model, float *probabilities, uint32_t *labels,
                                     uint64_t n_items, dsb_loader *loader, dsb_event_fn fn,
                                     void *user);

/** Trains on images in memory until all planned images are shown. Batches are drawn without
 *  replacement, a new order each pass; augmented as the option `augment` says, a function of the
 *  seed and the number of the sample in the run.
 *  @param images  [n, H, W, 3] u8.    @param labels  [n] class numbers.    @param fn  as above.
 *  @return as dsb_trainer_step; DSB_E_SHAPE (augmentation of images that are not square).
 *  dsb_trainer_finish stays to be called. Since 0.1. */
DSB_API dsb_status dsb_train_arrays(dsb_trainer *trainer, const uint8_t *images,
                                    const uint32_t *labels, uint64_t n,
                                    const dsb_train_run_opts *opts, dsb_event_fn fn, void *user);

/** Training speed of `model` with these options on this machine, now: `n_steps` timed steps after
 *  one untimed, on noise, with a copy of the weights; the model and its memory stay as they are.
 *  For planning samples_seen before a run: the run itself never looks at the clock.
 *  @param images_per_second  the median over the steps.   Since 0.1. */
DSB_API dsb_status dsb_train_measure(dsb_runtime *rt, double *images_per_second, dsb_model *model,
                                     const dsb_train_opts *opts, uint64_t n_steps);

#ifdef __cplusplus
}
#endif

#endif
