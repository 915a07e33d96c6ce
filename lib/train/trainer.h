/* Inside of dsb_trainer, shared by trainer.c (life), step.c (one step), update.c (its end) and
 * run.c (a whole run). */
#ifndef DSBI_TRAIN_TRAINER_H
#define DSBI_TRAIN_TRAINER_H

#include "dsbias/train.h"
#include "image/augment/augment.h"
#include "nn/factors.h"
#include "nn/nn.h"
#include "train/mix.h"
#include "train/optimiser.h"
#include "train/schedule.h"
#include "train/stretch.h"

enum { DSBI_STAGE_BYTES = 96 };

/* A weight whose gradient the plan leaves as factors. */
typedef struct dsbi_factored {
    const dsbi_factors *factors; /* the plan's */
    size_t offset;               /* of the weight, elements of the arena */
    bool decay;
} dsbi_factored;

struct dsb_trainer {
    dsb_runtime *rt;
    const dsbi_kernels *kernels;
    dsb_model *model; /* retained */
    const dsbi_graph *graph;
    dsbi_plan *plan;
    dsb_train_opts opts;
    dsbi_schedule schedule; /* total_samples 0: not known yet */
    dsbi_mix_opts mix;
    dsbi_augment augment; /* of images in memory */
    const dsbi_optimiser *optimiser;
    uint32_t height, width;
    size_t n_classes, arena_size;
    float *params;                    /* [arena_size], the model's or scratch_params */
    float *scratch_params;            /* of a trainer that must not touch the model; owned */
    float *state[DSBI_MAX_OPT_STATE]; /* [arena_size] each */
    float *ema;                       /* [arena_size]; NULL without */
    float *targets;                   /* [batch_size, n_classes] */
    float *losses;                    /* [batch_size] */
    dsbi_stretches stretches;         /* but for what is factored */
    dsbi_factored *factored;
    size_t n_factored;
    float *tiles;    /* [threads, a tile of a factored gradient and its scratch memory] */
    double *partial; /* [n_tasks] sums of squares */
    uint64_t steps;  /* done */
    bool finished;
    char stage[DSBI_STAGE_BYTES]; /* "train convnext_470k" */
    dsb_train_point *points;
    size_t n_points, points_capacity;
};

/* A trainer that works on a copy of the model's weights, for measuring. */
dsb_status dsbi_trainer_create_scratch(dsb_runtime *rt, dsb_trainer **out, dsb_model *model,
                                       const dsb_train_opts *opts);

/* Sets how many images the run shows; only before the first step. */
void dsbi_trainer_plan_samples(dsb_trainer *trainer, uint64_t samples_seen);

/* Weights, state and running mean after a gradient of this norm (update.c). */
dsb_status dsbi_trainer_update(dsb_trainer *trainer, double norm);

/* Exchanges the weights with their running mean (nothing without one). Twice restores. */
void dsbi_trainer_swap_ema(dsb_trainer *trainer);

#endif
