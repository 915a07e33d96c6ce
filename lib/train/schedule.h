/* Step size as a function of the images seen: linear warm-up, then half a cosine or steps. Counted
 * in samples, so that a recipe keeps its meaning when the batch size or the collection changes.
 * With whole batches the cosine gives ConvNeXt's utils.cosine_scheduler exactly:
 *     t < W    lr_peak * t / (W - 1)              the first step is 0, the last of warm-up lr_peak
 *     t >= W   lr_min + (lr_peak - lr_min) (1 + cos(pi (t - W) / (T - W))) / 2
 * for step t of T, W of them warm-up. Steps are torch's MultiStepLR: after warm-up lr_peak, times
 * `factor` from each milestone on. */
#ifndef DSBI_TRAIN_SCHEDULE_H
#define DSBI_TRAIN_SCHEDULE_H

#include <stdint.h>

enum { DSBI_MAX_MILESTONES = 4 };

typedef enum dsbi_schedule_kind { DSBI_SCHEDULE_COSINE, DSBI_SCHEDULE_STEPS } dsbi_schedule_kind;

typedef struct dsbi_schedule {
    double lr_peak, lr_min;
    uint64_t warmup_samples; /* one batch or less: no warm-up */
    uint64_t total_samples;  /* > warmup_samples, else the cosine starts at its end */
    uint64_t batch_size;
    dsbi_schedule_kind kind;
    double factor;                          /* STEPS */
    double milestones[DSBI_MAX_MILESTONES]; /* STEPS: shares of total_samples; 0: none */
} dsbi_schedule;

/* Step size of the step before which `samples` images were seen. */
double dsbi_schedule_lr(const dsbi_schedule *schedule, uint64_t samples);

/* Whole steps of a run: floor(samples_seen / batch_size), at least 1. */
uint64_t dsbi_schedule_steps(uint64_t samples_seen, uint64_t batch_size);

#endif
