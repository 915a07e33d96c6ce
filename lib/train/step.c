/* One optimiser step: batch in, mix, forward, loss, backward, clip, update, running mean.
 * Nothing is allocated. Weights change only after loss and gradient are known to be finite; running
 * statistics of batch norm change in forward. */
#include <math.h>
#include <string.h>
#include "base/pool.h"
#include "train/loss.h"
#include "train/trainer.h"

static dsb_status check_step(const dsb_trainer *t, const uint8_t *images, const uint32_t *labels,
                             size_t n)
{
    if (!images || !labels)
        return dsbi_fail(DSB_E_INVALID, "dsb_trainer_step: no images or no labels");
    if (n < 1 || n > t->opts.batch_size)
        return dsbi_fail(DSB_E_SHAPE, "dsb_trainer_step: %zu images, not 1..%llu", n,
                         (unsigned long long)t->opts.batch_size);
    if (t->finished)
        return dsbi_fail(DSB_E_STATE, "dsb_trainer_step: training is finished");
    if (t->schedule.total_samples == 0)
        return dsbi_fail(DSB_E_STATE, "dsb_trainer_step: samples_seen was not given");
    if (dsb_trainer_samples(t) >= t->schedule.total_samples)
        return dsbi_fail(DSB_E_STATE, "dsb_trainer_step: all %llu images are shown",
                         (unsigned long long)t->schedule.total_samples);
    for (size_t i = 0; i < n; i++)
        if (labels[i] >= t->n_classes)
            return dsbi_fail(DSB_E_INVALID, "dsb_trainer_step: label %zu is %u of %zu classes", i,
                             labels[i], t->n_classes);
    return DSB_OK;
}

enum { LOAD_PAIRS = 4, LOSS_ROWS = 16 }; /* of a task */

/* A batch on its way into the plan. */
typedef struct load_job {
    dsb_trainer *trainer;
    const uint8_t *images; /* n, as given */
    const uint32_t *labels;
    size_t n;
    dsbi_mix mix;
} load_job;

/* Image i of the batch and its partner. Fewer images than the batch holds are repeated in order. */
static void load_pair(const load_job *job, size_t i)
{
    const dsb_trainer *t = job->trainer;
    const size_t bytes = (size_t)t->height * t->width * 3, batch = (size_t)t->opts.batch_size;
    const size_t at[2] = {i, batch - 1 - i};
    const uint32_t label[2] = {job->labels[at[0] % job->n], job->labels[at[1] % job->n]};
    uint8_t *input = dsbi_plan_input(t->plan);
    for (size_t k = 0; k < 2; k++) {
        memcpy(input + at[k] * bytes, job->images + at[k] % job->n * bytes, bytes);
        dsbi_mix_target(&job->mix, t->targets + at[k] * t->n_classes, label[k], label[1 - k],
                        t->n_classes, t->opts.label_smoothing);
    }
    dsbi_mix_pair(&job->mix, input + at[0] * bytes, input + at[1] * bytes, t->width, t->height);
}

static dsb_status load_task(void *user, size_t task, size_t worker)
{
    const load_job *job = user;
    (void)worker;
    const size_t pairs = (size_t)(job->trainer->opts.batch_size + 1) / 2;
    for (size_t i = task * LOAD_PAIRS; i < pairs && i < (task + 1) * LOAD_PAIRS; i++)
        load_pair(job, i);
    return DSB_OK;
}

static dsb_status load_batch(dsb_trainer *t, const uint8_t *images, const uint32_t *labels,
                             size_t n)
{
    load_job job = {
        .trainer = t,
        .images = images,
        .labels = labels,
        .n = n,
        .mix = dsbi_mix_draw(&t->mix, t->opts.seed, t->steps, t->width, t->height),
    };
    const size_t pairs = (size_t)(t->opts.batch_size + 1) / 2;
    return dsbi_parallel(t->rt, (pairs + LOAD_PAIRS - 1) / LOAD_PAIRS, load_task, &job);
}

static dsb_status loss_task(void *user, size_t task, size_t worker)
{
    dsb_trainer *t = user;
    (void)worker;
    const size_t batch = (size_t)t->opts.batch_size, first = task * LOSS_ROWS;
    const size_t rows = batch - first < LOSS_ROWS ? batch - first : LOSS_ROWS;
    const size_t at = first * t->n_classes;
    dsbi_loss_rows(t->kernels, t->losses + first, (float *)dsbi_plan_dlogits(t->plan) + at,
                   (const float *)dsbi_plan_logits(t->plan) + at, t->targets + at, rows,
                   t->n_classes, batch);
    return DSB_OK;
}

/* The mean loss of the batch; the plan gets its gradient. */
static dsb_status batch_loss(dsb_trainer *t, double *loss)
{
    const size_t batch = (size_t)t->opts.batch_size;
    DSBI_TRY(dsbi_parallel(t->rt, (batch + LOSS_ROWS - 1) / LOSS_ROWS, loss_task, t));
    *loss = t->kernels->sum_f32(t->losses, batch) / (double)batch;
    return DSB_OK;
}

static dsb_status norm_task(void *user, size_t task, size_t worker)
{
    dsb_trainer *t = user;
    (void)worker;
    double sum = 0.0;
    for (size_t i = t->stretches.first[task]; i < t->stretches.first[task + 1]; i++) {
        const dsbi_stretch *s = &t->stretches.items[i];
        sum += t->kernels->dot_f32(s->grads, s->grads, s->size);
    }
    t->partial[task] = sum;
    return DSB_OK;
}

/* L2 norm over all parameters; also the one look at every gradient, or its factors, that finds NaN
 * and Inf. */
static dsb_status gradient_norm(dsb_trainer *t, double *norm)
{
    DSBI_TRY(dsbi_parallel(t->rt, t->stretches.n_tasks, norm_task, t));
    double sum = 0.0;
    for (size_t task = 0; task < t->stretches.n_tasks; task++)
        sum += t->partial[task];
    for (size_t i = 0; i < t->n_factored; i++)
        sum += dsbi_factors_squares(t->factored[i].factors);
    *norm = sqrt(sum);
    return DSB_OK;
}

static dsb_status not_finite(const dsb_trainer *t, const char *what, double value)
{
    return dsbi_fail(DSB_E_NUMERIC,
                     "training step %llu: %s is %g (step size %g, %llu images shown)",
                     (unsigned long long)t->steps, what, value, dsb_trainer_lr(t),
                     (unsigned long long)dsb_trainer_samples(t));
}

dsb_status dsb_trainer_step(dsb_trainer *t, const uint8_t *images, const uint32_t *labels, size_t n,
                            double *loss_out)
{
    dsbi_clear_error();
    if (!t)
        return dsbi_fail(DSB_E_INVALID, "dsb_trainer_step: no trainer");
    DSBI_TRY(check_step(t, images, labels, n));
    DSBI_TRY(load_batch(t, images, labels, n));
    DSBI_TRY(dsbi_plan_forward(t->plan, t->steps));
    double loss;
    DSBI_TRY(batch_loss(t, &loss));
    if (loss_out)
        *loss_out = loss;
    if (!isfinite(loss))
        return not_finite(t, "the loss", loss);
    DSBI_TRY(dsbi_plan_backward(t->plan));
    double norm;
    DSBI_TRY(gradient_norm(t, &norm));
    if (!isfinite(norm))
        return not_finite(t, "the gradient's norm", norm);
    DSBI_TRY(dsbi_trainer_update(t, norm));
    t->steps++;
    return DSB_OK;
}

void dsbi_trainer_swap_ema(dsb_trainer *t)
{
    t->model->version++;
    for (size_t i = 0; t->ema && i < t->arena_size; i++) {
        float swap = t->params[i];
        t->params[i] = t->ema[i];
        t->ema[i] = swap;
    }
}

dsb_status dsb_trainer_finish(dsb_trainer *t)
{
    dsbi_clear_error();
    if (!t)
        return dsbi_fail(DSB_E_INVALID, "dsb_trainer_finish: no trainer");
    if (!t->finished)
        dsbi_trainer_swap_ema(t);
    t->finished = true;
    return DSB_OK;
}
