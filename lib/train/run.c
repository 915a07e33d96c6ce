/* See run.h. Points and evaluations lie at fixed places of the run, never at times. */
#include "train/run.h"

#include <math.h>
#include <string.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/opts.h"
#include "train/trainer.h"

enum { AUTO_PASSES = 30 };

_Static_assert(offsetof(dsb_train_run_opts, evaluate_user) + sizeof(void *) ==
                   sizeof(dsb_train_run_opts),
               "no hole at the end of dsb_train_run_opts");
_Static_assert(offsetof(dsb_train_point, seconds) + sizeof(double) == sizeof(dsb_train_point),
               "no hole at the end of dsb_train_point");

static const dsb_train_run_opts defaults = {
    .struct_size = sizeof(dsb_train_run_opts),
    .n_points = 50,
    .n_evaluations = 10,
};

void dsb_train_run_opts_init(dsb_train_run_opts *opts, size_t size)
{
    dsbi_opts_fill(opts, size, &defaults, sizeof defaults);
}

uint64_t dsb_trainer_point_count(const dsb_trainer *trainer)
{
    return trainer->n_points;
}

dsb_status dsb_trainer_point_get(const dsb_trainer *trainer, uint64_t i, dsb_train_point *point)
{
    dsbi_clear_error();
    if (i >= trainer->n_points)
        return dsbi_fail(DSB_E_INVALID, "point %llu of %zu", (unsigned long long)i,
                         trainer->n_points);
    uint64_t size = point->struct_size;
    if (size < sizeof size)
        return dsbi_fail(DSB_E_INVALID, "dsb_train_point: struct_size is %llu",
                         (unsigned long long)size);
    dsbi_opts_fill(point, (size_t)size, &trainer->points[i], sizeof *trainer->points);
    return DSB_OK;
}

/* One run in progress. */
typedef struct run {
    dsb_trainer *trainer;
    const dsbi_source *source;
    dsb_train_run_opts opts;
    dsb_event_fn fn;
    void *user;
    double started, loss_sum, loss_mean; /* loss since the last point */
    uint64_t loss_steps, first_step, total_steps, point, evaluation;
} run;

/* Steps after which `i` of `n` evenly spaced places are reached. */
static uint64_t place(const run *r, uint64_t i, uint64_t n)
{
    return (uint64_t)ceil((double)i * (double)r->total_steps / (double)n);
}

static dsb_status evaluate(run *r, double *accuracy)
{
    dsb_trainer *t = r->trainer;
    *accuracy = NAN;
    if (!r->opts.evaluate || r->opts.n_evaluations == 0 ||
        t->steps < place(r, r->evaluation + 1, r->opts.n_evaluations))
        return DSB_OK;
    while (r->evaluation < r->opts.n_evaluations &&
           t->steps >= place(r, r->evaluation + 1, r->opts.n_evaluations))
        r->evaluation++;
    dsbi_trainer_swap_ema(t);
    dsb_status status = r->opts.evaluate(r->opts.evaluate_user, t->model, accuracy);
    dsbi_trainer_swap_ema(t);
    return status;
}

static dsb_status take_point(run *r, double lr)
{
    dsb_trainer *t = r->trainer;
    if (t->steps < place(r, r->point + 1, r->opts.n_points))
        return DSB_OK;
    while (r->point < r->opts.n_points && t->steps >= place(r, r->point + 1, r->opts.n_points))
        r->point++;
    dsb_train_point point = {
        .struct_size = sizeof point,
        .samples_seen = dsb_trainer_samples(t),
        .loss = r->loss_mean,
        .lr = lr,
        .seconds = dsbi_now() - r->started,
    };
    DSBI_TRY(evaluate(r, &point.select_accuracy));
    DSBI_TRY(dsbi_grow(t->rt, (void **)&t->points, &t->points_capacity, t->n_points + 1,
                       sizeof *t->points));
    t->points[t->n_points++] = point;
    r->loss_sum = 0.0;
    r->loss_steps = 0;
    return DSB_OK;
}

static dsb_status report(const run *r)
{
    const dsb_trainer *t = r->trainer;
    if (!r->fn)
        return DSB_OK;
    dsb_event event = {
        .struct_size = sizeof event,
        .stage = t->stage,
        .done = dsb_trainer_samples(t),
        .total = t->schedule.total_samples,
        .seconds = dsbi_now() - r->started,
        .value = r->loss_mean,
        .value_name = "loss",
    };
    if (r->fn(r->user, &event) == 0)
        return DSB_OK;
    return dsbi_fail(DSB_E_CANCELLED, "%s: stopped after %llu of %llu images", t->stage,
                     (unsigned long long)event.done, (unsigned long long)event.total);
}

static dsb_status one_step(run *r)
{
    dsb_trainer *t = r->trainer;
    const uint8_t *images;
    const uint32_t *labels;
    size_t n;
    double loss, lr = dsb_trainer_lr(t);
    DSBI_TRY(r->source->next(r->source->user, &images, &labels, &n));
    DSBI_TRY(dsb_trainer_step(t, images, labels, n, &loss));
    r->loss_sum += loss;
    r->loss_mean = r->loss_sum / (double)++r->loss_steps;
    DSBI_TRY(take_point(r, lr));
    return report(r);
}

static dsb_status check_run(const dsb_train_run_opts *opts)
{
    if (opts->n_points < 1 || opts->n_points > 1000000)
        return dsbi_fail(DSB_E_INVALID, "dsb_train_run_opts: n_points is %llu, not in 1..1000000",
                         (unsigned long long)opts->n_points);
    if (opts->n_evaluations > opts->n_points)
        return dsbi_fail(DSB_E_INVALID, "dsb_train_run_opts: %llu evaluations at %llu points",
                         (unsigned long long)opts->n_evaluations,
                         (unsigned long long)opts->n_points);
    return DSB_OK;
}

dsb_status dsbi_train_run(dsb_trainer *trainer, const dsbi_source *source,
                          const dsb_train_run_opts *given, dsb_event_fn fn, void *user)
{
    run r = {.trainer = trainer, .source = source, .opts = defaults, .fn = fn, .user = user};
    DSBI_TRY(dsbi_opts_read(&r.opts, sizeof r.opts, given, "dsb_train_run_opts"));
    DSBI_TRY(check_run(&r.opts));
    if (trainer->schedule.total_samples == 0)
        dsbi_trainer_plan_samples(trainer, AUTO_PASSES * source->n_images);
    r.started = dsbi_now();
    r.total_steps = trainer->schedule.total_samples / trainer->opts.batch_size;
    while (r.point < r.opts.n_points && trainer->steps >= place(&r, r.point + 1, r.opts.n_points))
        r.point++; /* a run that goes on where another stopped */
    while (r.evaluation < r.opts.n_evaluations &&
           trainer->steps >= place(&r, r.evaluation + 1, r.opts.n_evaluations))
        r.evaluation++;
    while (trainer->steps < r.total_steps)
        DSBI_TRY(one_step(&r));
    return DSB_OK;
}
