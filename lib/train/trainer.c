/* Life of a trainer: options, memory, end. */
#include "train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "base/opts.h"

enum { MAX_BATCH = 65536 };

_Static_assert(offsetof(dsb_train_opts, decay_all) + sizeof(uint32_t) == sizeof(dsb_train_opts),
               "no hole at the end of dsb_train_opts");

static const dsb_train_opts defaults = {
    .struct_size = sizeof(dsb_train_opts),
    .samples_seen = DSB_TRAIN_AUTO,
    .warmup_samples = DSB_TRAIN_AUTO,
    .batch_size = 128,
    .lr_peak = 1e-3,
    .lr_min = 1e-6,
    .weight_decay = 0.05,
    .beta1 = 0.9,
    .beta2 = 0.95,
    .eps = 1e-8,
    .label_smoothing = 0.1,
    .mix_probability = 1.0,
    .switch_probability = 0.5,
    .momentum = 0.9,
    .lr_factor = 0.1,
    .lr_milestones = {0.5, 0.75},
};

void dsb_train_opts_init(dsb_train_opts *opts, size_t size)
{
    dsbi_opts_fill(opts, size, &defaults, sizeof defaults);
}

typedef struct range {
    size_t offset;
    const char *name;
    double lo, hi;
    bool open_lo, open_hi; /* the end itself is refused */
} range;

static const range ranges[] = {
    {offsetof(dsb_train_opts, lr_peak), "lr_peak", 0, INFINITY, true, true},
    {offsetof(dsb_train_opts, lr_min), "lr_min", 0, INFINITY, false, true},
    {offsetof(dsb_train_opts, weight_decay), "weight_decay", 0, INFINITY, false, true},
    {offsetof(dsb_train_opts, beta1), "beta1", 0, 1, false, true},
    {offsetof(dsb_train_opts, beta2), "beta2", 0, 1, false, true},
    {offsetof(dsb_train_opts, eps), "eps", 0, INFINITY, true, true},
    {offsetof(dsb_train_opts, label_smoothing), "label_smoothing", 0, 1, false, false},
    {offsetof(dsb_train_opts, mixup_alpha), "mixup_alpha", 0, INFINITY, false, true},
    {offsetof(dsb_train_opts, cutmix_alpha), "cutmix_alpha", 0, INFINITY, false, true},
    {offsetof(dsb_train_opts, mix_probability), "mix_probability", 0, 1, false, false},
    {offsetof(dsb_train_opts, switch_probability), "switch_probability", 0, 1, false, false},
    {offsetof(dsb_train_opts, ema_decay), "ema_decay", 0, 1, false, true},
    {offsetof(dsb_train_opts, clip_norm), "clip_norm", 0, INFINITY, false, true},
    {offsetof(dsb_train_opts, momentum), "momentum", 0, 1, false, true},
    {offsetof(dsb_train_opts, lr_factor), "lr_factor", 0, INFINITY, true, true},
    {offsetof(dsb_train_opts, lr_milestones[0]), "lr_milestones[0]", 0, 1, false, false},
    {offsetof(dsb_train_opts, lr_milestones[1]), "lr_milestones[1]", 0, 1, false, false},
    {offsetof(dsb_train_opts, lr_milestones[2]), "lr_milestones[2]", 0, 1, false, false},
    {offsetof(dsb_train_opts, lr_milestones[3]), "lr_milestones[3]", 0, 1, false, false},
};

typedef struct choice {
    size_t offset;
    const char *name;
    uint32_t last;
} choice;

static const choice choices[] = {
    {offsetof(dsb_train_opts, optimiser), "optimiser", DSB_OPTIMISER_SGD},
    {offsetof(dsb_train_opts, schedule), "schedule", DSB_SCHEDULE_STEPS},
    {offsetof(dsb_train_opts, nesterov), "nesterov", 1},
    {offsetof(dsb_train_opts, decay_all), "decay_all", 1},
};

static dsb_status check_choices(const dsb_train_opts *opts)
{
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        uint32_t v;
        memcpy(&v, (const char *)opts + choices[i].offset, sizeof v);
        if (v > choices[i].last)
            return dsbi_fail(DSB_E_INVALID, "dsb_train_opts: %s is %u, not in 0..%u",
                             choices[i].name, v, choices[i].last);
    }
    return DSB_OK;
}

static dsb_status check_opts(const dsb_train_opts *opts)
{
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        const range *r = &ranges[i];
        double v;
        memcpy(&v, (const char *)opts + r->offset, sizeof v);
        bool above = r->open_lo ? v > r->lo : v >= r->lo;
        bool below = r->open_hi ? v < r->hi : v <= r->hi;
        if (!above || !below)
            return dsbi_fail(DSB_E_INVALID, "dsb_train_opts: %s is %g, not in %c%g, %g%c", r->name,
                             v, r->open_lo ? '(' : '[', r->lo, r->hi, r->open_hi ? ')' : ']');
    }
    if (opts->lr_min > opts->lr_peak)
        return dsbi_fail(DSB_E_INVALID, "dsb_train_opts: lr_min %g is above lr_peak %g",
                         opts->lr_min, opts->lr_peak);
    if (opts->batch_size < 1 || opts->batch_size > MAX_BATCH)
        return dsbi_fail(DSB_E_INVALID, "dsb_train_opts: batch_size is %llu, not in 1..%d",
                         (unsigned long long)opts->batch_size, MAX_BATCH);
    if (opts->samples_seen < 1)
        return dsbi_fail(DSB_E_INVALID, "dsb_train_opts: samples_seen is 0");
    return check_choices(opts);
}

void dsbi_trainer_plan_samples(dsb_trainer *trainer, uint64_t samples_seen)
{
    const dsb_train_opts *opts = &trainer->opts;
    uint64_t total = dsbi_schedule_steps(samples_seen, opts->batch_size) * opts->batch_size;
    uint64_t warmup = opts->warmup_samples;
    if (warmup == DSB_TRAIN_AUTO)
        warmup = (uint64_t)((double)total * 20.0 / 300.0);
    trainer->schedule = (dsbi_schedule){
        .lr_peak = opts->lr_peak,
        .lr_min = opts->lr_min,
        .warmup_samples = warmup / opts->batch_size * opts->batch_size,
        .total_samples = total,
        .batch_size = opts->batch_size,
        .kind = opts->schedule == DSB_SCHEDULE_STEPS ? DSBI_SCHEDULE_STEPS : DSBI_SCHEDULE_COSINE,
        .factor = opts->lr_factor,
    };
    _Static_assert(sizeof opts->lr_milestones == sizeof trainer->schedule.milestones, "");
    memcpy(trainer->schedule.milestones, opts->lr_milestones, sizeof opts->lr_milestones);
}

static dsb_status cut_arena(dsb_trainer *t)
{
    t->factored = dsbi_alloc_array(t->rt, t->graph->n_params + 1, sizeof *t->factored);
    if (!t->factored)
        return DSB_E_NOMEM;
    for (size_t i = 0; i < t->graph->n_params; i++) {
        const dsbi_param *p = &t->graph->params[i];
        const bool decay = p->decay || t->opts.decay_all;
        const dsbi_factors *factors = dsbi_plan_factors(t->plan, i);
        if (factors)
            t->factored[t->n_factored++] = (dsbi_factored){factors, p->offset, decay};
        else if (!p->buffer)
            DSBI_TRY(dsbi_stretches_add(&t->stretches, t->rt, p->offset, p->size,
                                        dsbi_plan_gradient(t->plan, i), decay));
    }
    return dsbi_stretches_group(&t->stretches, t->rt);
}

static dsb_status zeroed(dsb_trainer *t, float **out, size_t count)
{
    *out = dsbi_calloc(t->rt, count, sizeof **out);
    return *out ? DSB_OK : DSB_E_NOMEM;
}

static dsb_status allocate(dsb_trainer *t)
{
    size_t batch = (size_t)t->opts.batch_size;
    for (size_t k = 0; k < t->optimiser->n_state; k++)
        DSBI_TRY(zeroed(t, &t->state[k], t->arena_size));
    if (t->opts.ema_decay > 0.0) {
        DSBI_TRY(zeroed(t, &t->ema, t->arena_size));
        memcpy(t->ema, t->params, t->arena_size * sizeof *t->ema);
    }
    DSBI_TRY(zeroed(t, &t->targets, batch * t->n_classes));
    t->partial = dsbi_alloc_array(t->rt, t->stretches.n_tasks + 1, sizeof *t->partial);
    DSBI_TRY(zeroed(t, &t->losses, batch));
    if (t->n_factored > 0)
        DSBI_TRY(
            zeroed(t, &t->tiles, t->rt->n_threads * (DSBI_FACTORS_TILE + DSBI_FACTORS_SCRATCH)));
    return t->partial ? DSB_OK : DSB_E_NOMEM;
}

/* The plan and what the trainer must know of the network. */
static dsb_status attach(dsb_trainer *t, bool scratch)
{
    const dsbi_graph *graph = t->graph = dsbi_model_graph(t->model);
    dsbi_shape in = graph->nodes[graph->input].out, out = graph->nodes[graph->output].out;
    t->height = (uint32_t)in.h;
    t->width = (uint32_t)in.w;
    t->n_classes = dsbi_shape_size(out);
    t->arena_size = graph->arena_size;
    t->params = dsbi_model_params(t->model);
    if (scratch) {
        DSBI_TRY(zeroed(t, &t->scratch_params, t->arena_size));
        memcpy(t->scratch_params, t->params, t->arena_size * sizeof *t->params);
        t->params = t->scratch_params;
    }
    dsbi_plan_opts opts = {
        .batch = (size_t)t->opts.batch_size,
        .training = true,
        .math = &dsbi_math_f32,
        .seed = t->opts.seed,
        .params = t->params,
        .version = &t->model->version,
        .factors = true,
    };
    return dsbi_plan_create_for(&t->plan, t->rt, graph, &opts);
}

static dsb_status create(dsb_runtime *rt, dsb_trainer **out, dsb_model *model,
                         const dsb_train_opts *opts, bool scratch)
{
    dsb_trainer *t = dsbi_calloc(rt, 1, sizeof *t);
    if (!t)
        return DSB_E_NOMEM;
    dsb_status status;
    t->rt = rt;
    dsbi_runtime_retain(rt);
    t->kernels = dsbi_kernels_of(rt);
    t->opts = *opts;
    t->mix = (dsbi_mix_opts){opts->mixup_alpha, opts->cutmix_alpha, opts->mix_probability,
                             opts->switch_probability};
    t->opts.augment = NULL; /* the caller's, not kept */
    t->optimiser = dsbi_optimiser_find(opts->optimiser == DSB_OPTIMISER_SGD ? "sgd" : "adamw");
    t->model = model;
    dsbi_model_retain(model);
    snprintf(t->stage, sizeof t->stage, "train %s", dsb_model_spec(model));
    DSBI_GO(dsbi_augment_init(&t->augment, opts->augment ? opts->augment : "none"));
    DSBI_GO(attach(t, scratch));
    DSBI_GO(cut_arena(t));
    DSBI_GO(allocate(t));
    if (opts->samples_seen != DSB_TRAIN_AUTO)
        dsbi_trainer_plan_samples(t, opts->samples_seen);
    *out = t;
    return DSB_OK;
done:
    dsb_trainer_free(t);
    return status;
}

static dsb_status checked_create(dsb_runtime *rt, dsb_trainer **out, dsb_model *model,
                                 const dsb_train_opts *given, bool scratch)
{
    *out = NULL;
    if (!rt || !model)
        return dsbi_fail(DSB_E_INVALID, "dsb_trainer_create: no runtime or no model");
    if (model->math != &dsbi_math_f32)
        return dsbi_fail(DSB_E_DTYPE, "dsb_trainer_create: the model is not f32");
    dsb_train_opts opts = defaults;
    DSBI_TRY(dsbi_opts_read(&opts, sizeof opts, given, "dsb_train_opts"));
    DSBI_TRY(check_opts(&opts));
    return create(rt, out, model, &opts, scratch);
}

dsb_status dsb_trainer_create(dsb_runtime *rt, dsb_trainer **out, dsb_model *model,
                              const dsb_train_opts *opts)
{
    dsbi_clear_error();
    if (!out)
        return dsbi_fail(DSB_E_INVALID, "dsb_trainer_create: out is NULL");
    return checked_create(rt, out, model, opts, false);
}

dsb_status dsbi_trainer_create_scratch(dsb_runtime *rt, dsb_trainer **out, dsb_model *model,
                                       const dsb_train_opts *opts)
{
    return checked_create(rt, out, model, opts, true);
}

void dsb_trainer_free(dsb_trainer *t)
{
    if (!t)
        return;
    dsb_runtime *rt = t->rt;
    dsbi_plan_free(t->plan);
    for (size_t k = 0; k < DSBI_MAX_OPT_STATE; k++)
        dsbi_free(rt, t->state[k]);
    dsbi_free(rt, t->scratch_params);
    dsbi_free(rt, t->ema);
    dsbi_free(rt, t->losses);
    dsbi_free(rt, t->points);
    dsbi_free(rt, t->targets);
    dsbi_free(rt, t->partial);
    dsbi_free(rt, t->factored);
    dsbi_free(rt, t->tiles);
    dsbi_stretches_free(&t->stretches, rt);
    dsb_model_free(t->model);
    dsbi_free(rt, t);
    dsbi_runtime_release(rt);
}

uint64_t dsb_trainer_samples(const dsb_trainer *trainer)
{
    return trainer->steps * trainer->opts.batch_size;
}

uint64_t dsb_trainer_samples_planned(const dsb_trainer *trainer)
{
    return trainer->schedule.total_samples;
}

uint64_t dsb_trainer_steps(const dsb_trainer *trainer)
{
    return trainer->steps;
}

double dsb_trainer_lr(const dsb_trainer *trainer)
{
    return dsbi_schedule_lr(&trainer->schedule, dsb_trainer_samples(trainer));
}
