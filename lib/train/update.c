/* The optimiser's part of a step: clipped gradients into weights, state and running mean. Gradients
 * that are left as factors (nn/factors.h) are made tile by tile in the cache of the worker that
 * uses them. */
#include "base/pool.h"
#include "train/trainer.h"

typedef struct update_job {
    dsb_trainer *trainer;
    dsbi_opt_step step;
    double grad_scale, ema_decay;
    const dsbi_factored *factored; /* of tiles */
} update_job;

/* `n` parameters from `offset` on. */
static void update_run(const update_job *job, size_t offset, float *grads, size_t n, bool decay)
{
    dsb_trainer *t = job->trainer;
    dsbi_opt_step step = job->step;
    step.weight_decay = decay ? step.weight_decay : 0.0;
    float *state[DSBI_MAX_OPT_STATE] = {0};
    for (size_t k = 0; k < t->optimiser->n_state; k++)
        state[k] = t->state[k] + offset;
    if (job->grad_scale != 1.0)
        t->kernels->scale_f32(grads, (float)job->grad_scale, grads, n);
    t->optimiser->update(t->kernels, &step, t->params + offset, grads, state, n);
    if (t->ema)
        t->kernels->ema_step_f32(t->ema + offset, t->params + offset, job->ema_decay, n);
}

static dsb_status update_task(void *user, size_t task, size_t worker)
{
    const update_job *job = user;
    const dsbi_stretches *stretches = &job->trainer->stretches;
    (void)worker;
    for (size_t i = stretches->first[task]; i < stretches->first[task + 1]; i++) {
        const dsbi_stretch *s = &stretches->items[i];
        update_run(job, s->offset, s->grads, s->size, s->decay);
    }
    return DSB_OK;
}

static dsb_status update_tile(void *user, size_t tile, size_t worker)
{
    const update_job *job = user;
    const dsb_trainer *t = job->trainer;
    const dsbi_factored *f = job->factored;
    float *grads = t->tiles + worker * (DSBI_FACTORS_TILE + DSBI_FACTORS_SCRATCH);
    const dsbi_factors_part part =
        dsbi_factors_tile(f->factors, t->kernels, grads, grads + DSBI_FACTORS_TILE, tile);
    for (size_t i = 0; i < part.rows; i++)
        update_run(job, f->offset + (part.row + i) * f->factors->k + part.column,
                   grads + i * part.columns, part.columns, f->decay);
    return DSB_OK;
}

/* Running statistics belong to the weights they came with: they are averaged alike, as timm does.
 */
static void average_buffers(dsb_trainer *t, double decay)
{
    for (size_t i = 0; t->ema && i < t->graph->n_params; i++) {
        const dsbi_param *p = &t->graph->params[i];
        if (p->buffer)
            t->kernels->ema_step_f32(t->ema + p->offset, t->params + p->offset, decay, p->size);
    }
}

dsb_status dsbi_trainer_update(dsb_trainer *t, double norm)
{
    const dsb_train_opts *o = &t->opts;
    bool clip = o->clip_norm > 0.0 && norm > o->clip_norm;
    double done = (double)t->steps, warm = (1.0 + done) / (10.0 + done);
    update_job job = {
        .trainer = t,
        .step = {.step = t->steps + 1,
                 .lr = dsb_trainer_lr(t),
                 .weight_decay = o->weight_decay,
                 .beta1 = o->beta1,
                 .beta2 = o->beta2,
                 .eps = o->eps,
                 .momentum = o->momentum,
                 .nesterov = o->nesterov != 0},
        .grad_scale = clip ? o->clip_norm / (norm + 1e-6) : 1.0, /* torch's 1e-6 */
        .ema_decay = o->ema_decay < warm ? o->ema_decay : warm,
    };
    average_buffers(t, job.ema_decay);
    DSBI_TRY(dsbi_parallel(t->rt, t->stretches.n_tasks, update_task, &job));
    for (size_t i = 0; i < t->n_factored; i++) {
        job.factored = &t->factored[i];
        DSBI_TRY(
            dsbi_parallel(t->rt, dsbi_factors_tiles(job.factored->factors), update_tile, &job));
    }
    return DSB_OK;
}
