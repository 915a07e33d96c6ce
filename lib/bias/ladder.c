/* See ladder.h. */
#include "bias/ladder.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/file.h"
#include "base/pool.h"
#include "tensor/matmul.h"

enum { MAX_TRAIN = 100000, MAX_SELECT = 5000, MAX_TEST = 10000, PROBE_SIDE = 512 };
static const double USABLE_SHARE =
    0.85; /* of the limit; the rest is for surprises and the report */
static const double LAST_RUNG_SHARE = 1.0, OTHER_RUNG_SHARE = 0.5; /* of what is left */

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

dsb_status dsbi_plan_split(dsbi_plan *plan, dsb_runtime *rt, dsb_split **out,
                           const dsb_dataset *const *datasets, size_t n_datasets,
                           const dsb_duplicates *similar, const dsb_bias_opts *opts)
{
    static const uint64_t most[3] = {MAX_TRAIN, MAX_SELECT, MAX_TEST};
    const uint64_t asked[3] = {opts->n_train, opts->n_select, opts->n_test};
    dsb_split_opts split;
    dsb_split_opts_init(&split, sizeof split);
    split.seed = opts->seed;
    split.similar = similar;
    split.similar_images = opts->near_duplicates;
    split.match_classes = opts->match_classes;
    uint64_t *sizes[3] = {&split.n_train, &split.n_select, &split.n_test};
    for (size_t p = 0; p < 3; p++)
        *sizes[p] = plan->replayed ? plan->n_parts[p] : asked[p];
    DSBI_TRY(dsb_split_create(rt, out, datasets, n_datasets, &split));
    bool above = false;
    for (uint32_t p = 0; p < 3; p++) {
        plan->n_parts[p] = dsb_split_size(*out, p) / n_datasets;
        *sizes[p] =
            asked[p] || plan->replayed ? plan->n_parts[p] : smaller(plan->n_parts[p], most[p]);
        above = above || *sizes[p] < plan->n_parts[p];
    }
    if (!above)
        return DSB_OK;
    dsb_split_free(*out);
    *out = NULL;
    for (size_t p = 0; p < 3; p++)
        plan->n_parts[p] = *sizes[p];
    return dsb_split_create(rt, out, datasets, n_datasets, &split);
}

typedef struct dsbi_probe {
    dsb_runtime *rt;
    float *memory; /* three matrices */
    double flops;
} dsbi_probe;

/* Floating-point operations a second in a matrix product of the rungs' kind; the best of a few. */
static dsb_status probe_flops(void *user, size_t task, size_t worker)
{
    dsbi_probe *probe = user;
    (void)task;
    (void)worker;
    size_t items = (size_t)PROBE_SIDE * PROBE_SIDE;
    double begin = dsbi_now(), best = INFINITY;
    while (dsbi_now() - begin < 0.15) {
        double start = dsbi_now();
        DSBI_TRY(dsbi_matmul_f32(probe->rt, false, false, PROBE_SIDE, PROBE_SIDE, PROBE_SIDE, 1,
                                 probe->memory, PROBE_SIDE, probe->memory + items, PROBE_SIDE, 0,
                                 probe->memory + 2 * items, PROBE_SIDE));
        best = fmin(best, dsbi_now() - start);
    }
    probe->flops = 2.0 * PROBE_SIDE * PROBE_SIDE * PROBE_SIDE / best;
    return DSB_OK;
}

/* On one thread: inside a task of the pool, products stay on their worker. */
static dsb_status measure_flops(dsb_runtime *rt, double *flops)
{
    dsbi_probe probe = {.rt = rt};
    probe.memory = dsbi_calloc(rt, 3 * (size_t)PROBE_SIDE * PROBE_SIDE, sizeof *probe.memory);
    if (!probe.memory)
        return DSB_E_NOMEM;
    dsb_status status = dsbi_parallel(rt, 1, probe_flops, &probe);
    dsbi_free(rt, probe.memory);
    *flops = probe.flops;
    return status;
}

static bool is_automatic(const dsb_bias_opts *opts)
{
    return !opts->model || strcmp(opts->model, "auto") == 0;
}

/* The effort that the caller asks for, 0 if that is left to the plan. Only families take one. */
static uint64_t asked_effort(const dsbi_rung *rung, const dsbi_view *view, const dsbi_plan *plan)
{
    const dsb_bias_opts *opts = view->opts;
    if (!rung->is_family)
        return 0;
    if (opts->samples_seen)
        return opts->samples_seen;
    double samples = opts->epochs * (double)plan->n_parts[0] * (double)view->n_classes;
    return samples >= 1 ? (uint64_t)(samples + 0.5) : 0;
}

/* Fills one entry: the largest effort that fits `budget_s`. */
static void choose_effort(dsbi_plan *plan, dsbi_plan_entry *entry, const dsbi_view *view,
                          double budget_s)
{
    const dsbi_rung *rung = entry->rung;
    entry->effort = asked_effort(rung, view, plan);
    if (entry->effort) {
        entry->estimate_s = rung->estimate(view, entry->model, entry->effort, &plan->speed);
        return;
    }
    uint64_t unit = rung->is_family ? dsb_split_size(view->split, DSB_PART_TRAIN) : 1;
    for (const uint64_t *effort = rung->efforts; *effort; effort++) {
        entry->effort = *effort * unit;
        entry->estimate_s = rung->estimate(view, entry->model, entry->effort, &plan->speed);
        if (entry->estimate_s <= budget_s)
            return;
    }
    bool forced =
        !is_automatic(view->opts); /* asked for by name: the least effort, whatever it takes */
    if (forced)
        return;
    entry->effort = 0;
    snprintf(entry->why, sizeof entry->why, "needs about %.0f s, the time limit leaves %.0f s",
             entry->estimate_s, budget_s > 0 ? budget_s : 0);
}

static dsbi_plan_entry *add_entry(dsbi_plan *plan, const dsbi_rung *rung, const char *model)
{
    dsbi_plan_entry *entry = &plan->entries[plan->n_entries++];
    *entry = (dsbi_plan_entry){.rung = rung};
    snprintf(entry->model, sizeof entry->model, "%s", model);
    return entry;
}

/* The rungs to climb: all automatic ones, or metadata (the floor pixels must beat) and the one
 * asked for. */
static dsb_status list_rungs(dsbi_plan *plan, const dsb_bias_opts *opts)
{
    const dsbi_rung *rung;
    plan->n_entries = 0;
    bool automatic = is_automatic(opts);
    const dsbi_rung *asked = automatic ? NULL : dsbi_rung_find(opts->model);
    if (!automatic && !asked)
        return dsbi_fail(DSB_E_NOTFOUND, "there is no model \"%s\"", opts->model);
    for (size_t i = 0; (rung = dsbi_rung_at(i)) != NULL && plan->n_entries < DSBI_PLAN_MAX; i++) {
        if (rung == asked)
            add_entry(plan, rung, opts->model);
        else if (rung->automatic && (automatic || !rung->pixels))
            add_entry(plan, rung, rung->automatic);
    }
    return DSB_OK;
}

dsb_status dsbi_plan_rungs(dsbi_plan *plan, const dsbi_view *view, double images_per_second,
                           double spent_s)
{
    plan->limit_s = view->opts->time_limit_s;
    /* as one thread would do it: the plan, and so every bit of the results, is the same for any
     * number of threads, and more threads end sooner */
    plan->speed.images_per_second = images_per_second / (double)view->rt->n_threads;
    DSBI_TRY(list_rungs(plan, view->opts));
    DSBI_TRY(measure_flops(view->rt, &plan->speed.flops));
    /* the null control repeats a rung on up to three collections, each 1 / N of the images */
    double cuts =
        view->n_classes < DSBI_MAX_NULL_CUTS ? (double)view->n_classes : DSBI_MAX_NULL_CUTS;
    double with_null = view->opts->null_control ? 1 + cuts / (double)view->n_classes : 1;
    double left = USABLE_SHARE * plan->limit_s - spent_s;
    for (size_t i = 0; i < plan->n_entries; i++) {
        bool last = i + 1 == plan->n_entries;
        /* the automatic ladder asks a cheaper rung than a network for the null control */
        double factor =
            plan->entries[i].rung->is_family && is_automatic(view->opts) ? 1 : with_null;
        choose_effort(plan, &plan->entries[i], view,
                      left * (last ? LAST_RUNG_SHARE : OTHER_RUNG_SHARE) / factor);
        if (plan->entries[i].effort)
            left -= plan->entries[i].estimate_s * factor;
    }
    return DSB_OK;
}

void dsbi_plan_write(const dsbi_plan *plan, dsbi_json_writer *w)
{
    dsbi_json_begin_object(w);
    dsbi_json_write_key(w, "n_per_dataset");
    dsbi_json_begin_flat_array(w);
    for (size_t p = 0; p < 3; p++)
        dsbi_json_write_uint(w, plan->n_parts[p]);
    dsbi_json_end_array(w);
    dsbi_json_write_key(w, "rungs");
    dsbi_json_begin_array(w);
    for (size_t i = 0; i < plan->n_entries; i++) {
        const dsbi_plan_entry *entry = &plan->entries[i];
        dsbi_json_begin_flat_object(w);
        dsbi_json_write_key(w, "model");
        dsbi_json_write_string(w, entry->model);
        dsbi_json_write_key(w, "effort");
        dsbi_json_write_uint(w, entry->effort);
        dsbi_json_write_key(w, "estimated_seconds");
        dsbi_json_write_double(w, round(entry->estimate_s * 10) / 10);
        dsbi_json_write_key(w, "why_skipped");
        dsbi_json_write_string(w, entry->effort ? NULL : entry->why);
        dsbi_json_end_object(w);
    }
    dsbi_json_end_array(w);
    dsbi_json_write_key(w, "measured");
    dsbi_json_begin_flat_object(w);
    dsbi_json_write_key(w, "gflops");
    dsbi_json_write_double(w, round(plan->speed.flops / 1e8) / 10);
    dsbi_json_write_key(w, "images_per_second");
    dsbi_json_write_double(w, round(plan->speed.images_per_second));
    dsbi_json_end_object(w);
    dsbi_json_end_object(w);
}

static dsb_status read_entry(dsbi_plan *plan, const dsbi_json_value *value)
{
    const char *model = dsbi_json_string(dsbi_json_get(value, "model"), NULL);
    uint64_t effort;
    if (!model || !dsbi_json_uint64(dsbi_json_get(value, "effort"), &effort))
        return dsbi_fail(DSB_E_FORMAT, "record: a rung of the plan lacks model or effort");
    if (plan->n_entries == DSBI_PLAN_MAX)
        return dsbi_fail(DSB_E_LIMIT, "record: the plan has more than %d rungs", DSBI_PLAN_MAX);
    const dsbi_rung *rung = dsbi_rung_find(model);
    if (!rung)
        return dsbi_fail(DSB_E_UNSUPPORTED, "record: this version has no model \"%s\"", model);
    dsbi_plan_entry *entry = add_entry(plan, rung, model);
    entry->effort = effort;
    const char *why = dsbi_json_string(dsbi_json_get(value, "why_skipped"), NULL);
    if (!effort)
        snprintf(entry->why, sizeof entry->why, "%s", why ? why : "skipped in the record");
    return DSB_OK;
}

dsb_status dsbi_plan_read(dsbi_plan *plan, const dsbi_json_value *value)
{
    const dsbi_json_value *parts = dsbi_json_get(value, "n_per_dataset"),
                          *item = dsbi_json_first(parts);
    for (size_t p = 0; p < 3; p++, item = dsbi_json_next(item))
        if (!dsbi_json_uint64(item, &plan->n_parts[p]))
            return dsbi_fail(DSB_E_FORMAT, "record: the plan lacks n_per_dataset");
    plan->n_entries = 0;
    plan->replayed = true;
    for (item = dsbi_json_first(dsbi_json_get(value, "rungs")); item; item = dsbi_json_next(item))
        DSBI_TRY(read_entry(plan, item));
    if (plan->n_entries == 0)
        return dsbi_fail(DSB_E_FORMAT, "record: the plan has no rungs");
    return DSB_OK;
}
