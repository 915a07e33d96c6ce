/* dsb_bias_classify: open the collections, split, plan, climb the ladder, null control, record. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "base/file.h"
#include "base/opts.h"
#include "bias/result.h"

enum { MAX_CLASSES = 64, MIN_SIZE = 8, MAX_SIZE = 512 };
static const uint64_t PIXELS_MAX_BYTES = (uint64_t)16 << 30; /* of disk */

_Static_assert(offsetof(dsb_bias_opts, max_broken) + sizeof(uint64_t) == sizeof(dsb_bias_opts),
               "no hole at the end of dsb_bias_opts");

static const dsb_bias_opts defaults = {
    .struct_size = sizeof(dsb_bias_opts),
    .n_examples = 6,
    .time_limit_s = 600,
    .size = 64,
    .null_control = 1,
    .max_broken = UINT64_MAX,
};

void dsb_bias_opts_init(dsb_bias_opts *opts, size_t size)
{
    dsbi_opts_fill(opts, size, &defaults, sizeof defaults);
}

static dsb_status check_opts(const dsb_bias_opts *o)
{
    if (o->size < MIN_SIZE || o->size > MAX_SIZE)
        return dsbi_fail(DSB_E_INVALID, "size is %u pixels, must be %d to %d", o->size, MIN_SIZE,
                         MAX_SIZE);
    if (!(o->time_limit_s > 0))
        return dsbi_fail(DSB_E_INVALID, "time_limit_s is %g, must be above 0", o->time_limit_s);
    if (!(o->epochs >= 0) || !(o->lr >= 0) || isinf(o->epochs) || isinf(o->lr))
        return dsbi_fail(DSB_E_INVALID, "epochs and lr must be 0 or more");
    if (o->epochs > 0 && o->samples_seen > 0)
        return dsbi_fail(DSB_E_INVALID, "give epochs or samples_seen, not both");
    if (o->null_control > 1 || o->reserved)
        return dsbi_fail(DSB_E_INVALID, "null_control must be 0 or 1, reserved 0");
    if (o->near_duplicates > DSB_SPLIT_IGNORE || o->match_classes > 1)
        return dsbi_fail(DSB_E_INVALID, "near_duplicates must be 0 to 2, match_classes 0 or 1");
    if (o->model && strcmp(o->model, "auto") != 0 && !dsbi_rung_find(o->model))
        return dsbi_fail(DSB_E_NOTFOUND, "there is no model \"%s\"", o->model);
    return DSB_OK;
}

/* Options that a record fixes. The record's text outlives the call, so its strings may be borrowed
 * until they are copied into the result. */
static dsb_status read_replay(dsb_bias_opts *opts, dsbi_plan *plan, const dsbi_json_value *root,
                              uint32_t isa)
{
    const dsbi_json_value *record = dsbi_json_get(root, "record"),
                          *o = dsbi_json_get(record, "options");
    const char *level = dsbi_json_string(dsbi_json_get(record, "isa"), NULL);
    if (!o || !level)
        return dsbi_fail(DSB_E_FORMAT, "record: no options or CPU level in it");
    if (strcmp(level, dsb_isa_name(isa)) != 0)
        return dsbi_fail(DSB_E_UNSUPPORTED,
                         "the record was made at CPU level %s, this runtime works at %s", level,
                         dsb_isa_name(isa));
    uint64_t size = 0, batch_size = 0, null_control = 0;
    bool complete = dsbi_json_uint64(dsbi_json_get(o, "seed"), &opts->seed) &&
                    dsbi_json_uint64(dsbi_json_get(o, "size"), &size) &&
                    dsbi_json_uint64(dsbi_json_get(o, "batch_size"), &batch_size) &&
                    dsbi_json_uint64(dsbi_json_get(o, "null_control"), &null_control) &&
                    dsbi_json_double(dsbi_json_get(o, "lr"), &opts->lr);
    if (!complete || size > UINT32_MAX || batch_size > UINT32_MAX || null_control > 1)
        return dsbi_fail(DSB_E_FORMAT,
                         "record: seed, size, batch_size, lr or null_control is missing or wrong");
    const char *near = dsbi_json_string(dsbi_json_get(o, "near_duplicates"), NULL);
    opts->near_duplicates = DSB_SPLIT_IGNORE; /* older records did not look for them */
    for (uint32_t policy = 0; near && policy <= DSB_SPLIT_IGNORE; policy++)
        if (strcmp(near, dsbi_split_policy_name(policy)) == 0)
            opts->near_duplicates = policy;
    bool match_classes = false;
    (void)dsbi_json_bool(dsbi_json_get(o, "match_classes"), &match_classes);
    opts->match_classes = match_classes;
    opts->size = (uint32_t)size;
    opts->batch_size = (uint32_t)batch_size;
    opts->null_control = (uint32_t)null_control;
    opts->model = dsbi_json_string(dsbi_json_get(o, "model"), NULL);
    opts->augment = dsbi_json_string(dsbi_json_get(o, "augment"), NULL);
    return dsbi_plan_read(plan, dsbi_json_get(record, "plan"));
}

/* The collections must hold what they held when the record was made. */
static dsb_status check_replayed_data(const dsb_bias_result *result, const dsbi_json_value *root)
{
    const dsbi_json_value *item =
        dsbi_json_first(dsbi_json_get(dsbi_json_get(root, "record"), "data"));
    for (size_t d = 0; d < result->n_datasets; d++, item = dsbi_json_next(item)) {
        char now[65];
        dsbi_dataset_fingerprint(result->datasets[d], now);
        const char *then = dsbi_json_string(dsbi_json_get(item, "sha256"), NULL);
        if (!then || strcmp(now, then) != 0)
            return dsbi_fail(DSB_E_DATA,
                             "%s: its images are not those of the record (%.12s, was %.12s)",
                             dsb_dataset_name(result->datasets[d]), now, then ? then : "absent");
    }
    return DSB_OK;
}

static dsb_status copy_text(dsb_runtime *rt, const char **copy, const char *text)
{
    *copy = text ? dsbi_strdup(rt, text) : NULL;
    return text && !*copy ? DSB_E_NOMEM : DSB_OK;
}

/* The texts in `opts` are the caller's; the result keeps copies. */
static dsb_status copy_inputs(dsb_bias_result *result, const dsb_bias_opts *opts,
                              const char *const *specs, size_t n_specs)
{
    dsb_runtime *rt = result->rt;
    result->opts = *opts;
    result->opts.model = result->opts.augment = result->opts.command = result->opts.replay = NULL;
    DSBI_TRY(copy_text(rt, &result->opts.model, opts->model));
    DSBI_TRY(copy_text(rt, &result->opts.augment, opts->augment));
    DSBI_TRY(copy_text(rt, &result->opts.command, opts->command));
    result->specs = dsbi_calloc(rt, n_specs, sizeof *result->specs);
    result->datasets = dsbi_calloc(rt, n_specs, sizeof *result->datasets);
    if (!result->specs || !result->datasets)
        return DSB_E_NOMEM;
    result->n_datasets = n_specs;
    for (size_t i = 0; i < n_specs; i++)
        if (!(result->specs[i] = dsbi_strdup(rt, specs[i])))
            return DSB_E_NOMEM;
    return DSB_OK;
}

static void log_line(dsb_bias_result *result, const char *what, const char *name, double seconds,
                     double value)
{
    dsbi_json_writer w;
    dsbi_json_writer_init(&w, &result->log, 0);
    dsbi_json_begin_object(&w);
    dsbi_json_write_key(&w, "event");
    dsbi_json_write_string(&w, what);
    dsbi_json_write_key(&w, "name");
    dsbi_json_write_string(&w, name);
    dsbi_json_write_key(&w, "seconds");
    dsbi_json_write_double(&w, round(seconds * 1000) / 1000);
    dsbi_json_write_key(&w, "value");
    dsbi_json_write_double(&w, value);
    dsbi_json_end_object(&w);
    dsbi_text_add(&result->log, "\n");
}

static void log_curve(dsb_bias_result *result, const char *name, const dsbi_fit *fit)
{
    for (size_t i = 0; i < fit->n_curve; i++) {
        dsbi_json_writer w;
        dsbi_json_writer_init(&w, &result->log, 0);
        dsbi_json_begin_object(&w);
        dsbi_json_write_key(&w, "event");
        dsbi_json_write_string(&w, "train");
        dsbi_json_write_key(&w, "name");
        dsbi_json_write_string(&w, name);
        dsbi_json_write_key(&w, "samples_seen");
        dsbi_json_write_uint(&w, fit->curve[i].samples_seen);
        dsbi_json_write_key(&w, "loss");
        dsbi_json_write_double(&w, fit->curve[i].loss);
        dsbi_json_write_key(&w, "select_accuracy");
        dsbi_json_write_double(&w, fit->curve[i].select_accuracy);
        dsbi_json_end_object(&w);
        dsbi_text_add(&result->log, "\n");
    }
}

static dsb_status check_broken(const dsb_bias_result *result)
{
    uint64_t n = 0;
    for (size_t d = 0; d < result->n_datasets; d++)
        n += dsb_dataset_broken_count(result->datasets[d]);
    if (n > result->opts.max_broken)
        return dsbi_fail(DSB_E_DATA,
                         "%llu image files cannot be used, at most %llu were to be allowed; "
                         "'dsbias data verify' names them",
                         (unsigned long long)n, (unsigned long long)result->opts.max_broken);
    return DSB_OK;
}

static dsb_status open_datasets(dsb_bias_result *result, dsb_event_fn event, void *user)
{
    double start = dsbi_now();
    for (size_t d = 0; d < result->n_datasets; d++) {
        DSBI_TRY(dsb_dataset_open(result->rt, &result->datasets[d], result->specs[d], NULL, event,
                                  user));
        for (size_t e = 0; e < d; e++)
            if (strcmp(dsb_dataset_name(result->datasets[d]),
                       dsb_dataset_name(result->datasets[e])) == 0)
                return dsbi_fail(DSB_E_INVALID,
                                 "two collections are called \"%s\": name them, NAME=PATH",
                                 dsb_dataset_name(result->datasets[d]));
        log_line(result, "indexed", dsb_dataset_name(result->datasets[d]), dsbi_now() - start,
                 (double)dsb_dataset_count(result->datasets[d]));
    }
    result->scan_seconds = dsbi_now() - start;
    return check_broken(result);
}

static dsb_status make_split(dsb_bias_result *result, dsb_event_fn event, void *user)
{
    const dsb_dataset *const *datasets = (const dsb_dataset *const *)result->datasets;
    double start = dsbi_now();
    if (result->opts.near_duplicates != DSB_SPLIT_IGNORE) {
        DSBI_TRY(dsb_duplicates_find_near(result->rt, &result->similar, datasets,
                                          result->n_datasets, NULL, event, user));
        log_line(result, "near duplicates", "", dsbi_now() - start,
                 (double)dsb_duplicates_count(result->similar));
    }
    DSBI_TRY(dsbi_plan_split(&result->plan, result->rt, &result->split, datasets,
                             result->n_datasets, result->similar, &result->opts));
    result->n_test = dsb_split_size(result->split, DSB_PART_TEST);
    return dsbi_part_labels(result->rt, &result->test_labels, result->split, DSB_PART_TEST);
}

static dsb_status climb(dsb_bias_result *result, const dsbi_view *view)
{
    for (size_t i = 0; i < result->plan.n_entries; i++) { /* what is not reached was stopped */
        result->outcomes[i].plan = result->plan.entries[i];
        result->outcomes[i].state =
            result->plan.entries[i].effort ? DSBI_RUNG_STOPPED : DSBI_RUNG_SKIPPED;
    }
    for (size_t i = 0; i < result->plan.n_entries; i++) {
        const dsbi_plan_entry *entry = &result->plan.entries[i];
        dsbi_outcome *outcome = &result->outcomes[i];
        if (!entry->effort)
            continue;
        DSBI_TRY(dsbi_fail_at(dsbi_outcome_run(view, entry, outcome), "%s", entry->model));
        log_curve(result, entry->model, &outcome->fit);
        log_line(result, "rung", entry->model, outcome->seconds, outcome->accuracy);
    }
    return DSB_OK;
}

/* The pixel rung that is best on select; the cheaper one on a tie. Metadata only if nothing else
 * ran. */
static void choose_headline(dsb_bias_result *result)
{
    size_t none = result->plan.n_entries, best = none;
    for (size_t i = 0; i < none; i++) {
        const dsbi_outcome *o = &result->outcomes[i];
        if (o->state != DSBI_RUNG_DONE)
            continue;
        if (best == none || (o->plan.rung->pixels && !result->outcomes[best].plan.rung->pixels) ||
            (o->plan.rung->pixels && o->select_accuracy > result->outcomes[best].select_accuracy))
            best = i;
    }
    result->headline = best;
}

/* The rung that the null control repeats: the headline, or the best cheaper one if that is a
 * network and others ran, because a network on a third of the images would take as long again. */
static size_t null_rung(const dsb_bias_result *result)
{
    size_t none = result->plan.n_entries, best = result->headline;
    if (best == none || !result->outcomes[best].plan.rung->is_family)
        return best;
    size_t cheaper = none;
    for (size_t i = 0; i < none; i++) {
        const dsbi_outcome *o = &result->outcomes[i];
        if (o->state == DSBI_RUNG_DONE && o->plan.rung->pixels && !o->plan.rung->is_family &&
            (cheaper == none || o->select_accuracy > result->outcomes[cheaper].select_accuracy))
            cheaper = i;
    }
    return cheaper != none ? cheaper : best;
}

/* The test images of all cuts together, for one verdict. */
typedef struct null_pool {
    uint64_t *confusion;  /* [n_classes, n_classes] */
    float *probabilities; /* [capacity, n_classes] */
    uint32_t *labels;     /* [capacity] */
    size_t n, capacity;
} null_pool;

static dsb_status pool_add(dsb_bias_result *result, null_pool *pool, const dsb_split *split,
                           const dsbi_outcome *outcome)
{
    dsb_runtime *rt = result->rt;
    size_t n_classes = result->n_datasets, n = dsb_split_size(split, DSB_PART_TEST);
    uint32_t *labels = NULL;
    DSBI_TRY(dsbi_part_labels(rt, &labels, split, DSB_PART_TEST));
    size_t old = pool->capacity, capacity = pool->n + n;
    float *probabilities = dsbi_realloc_array(rt, pool->probabilities, old * n_classes,
                                              capacity * n_classes, sizeof(float));
    if (probabilities)
        pool->probabilities = probabilities;
    uint32_t *all =
        probabilities ? dsbi_realloc_array(rt, pool->labels, old, capacity, sizeof *all) : NULL;
    if (all) {
        pool->labels = all;
        memcpy(probabilities + pool->n * n_classes, outcome->probabilities,
               n * n_classes * sizeof *probabilities);
        memcpy(all + pool->n, labels, n * sizeof *all);
        for (size_t i = 0; i < n_classes * n_classes; i++)
            pool->confusion[i] += outcome->confusion[i];
        pool->n = pool->capacity = capacity;
    }
    dsbi_free(rt, labels);
    return all ? DSB_OK : DSB_E_NOMEM;
}

/* One collection cut into N. A collection with too few images for that is passed over. */
static dsb_status run_cut(dsb_bias_result *result, const dsbi_view *view,
                          const dsbi_plan_entry *entry, size_t d, null_pool *pool)
{
    dsb_split *split = NULL;
    dsb_split_opts opts;
    dsb_split_opts_init(&opts, sizeof opts);
    opts.seed = result->opts.seed;
    opts.similar = result->similar;
    opts.similar_images = result->opts.near_duplicates;
    dsb_status status =
        dsb_split_create_pseudo(result->rt, &split, result->datasets[d], result->n_datasets, &opts);
    if (status == DSB_E_DATA) {
        dsbi_clear_error();
        return DSB_OK;
    }
    if (status != DSB_OK)
        return status;
    dsbi_view null_view = *view;
    null_view.split = split;
    null_view.stage_prefix = "null control: ";
    dsbi_outcome *outcome = &result->null_outcome;
    double seconds = outcome->seconds;
    dsbi_outcome_free(result->rt, outcome);
    DSBI_GO(dsbi_outcome_run(&null_view, entry, outcome));
    outcome->seconds += seconds;
    DSBI_GO(pool_add(result, pool, split, outcome));
    result->null_cuts[result->n_null_cuts++] = (dsbi_null_cut){
        .dataset = d, .correct = outcome->correct, .n = dsb_split_size(split, DSB_PART_TEST)};
    log_line(result, "null_control", dsb_dataset_name(result->datasets[d]),
             outcome->seconds - seconds, outcome->accuracy);
done:
    dsb_split_free(split);
    return status;
}

/* Collections cut into N pseudo-collections, each through the same rung: all must come out at
 * chance. Every collection takes its turn (up to DSBI_MAX_NULL_CUTS), so that the interval is as
 * narrow as the task's. */
static dsb_status run_null(dsb_bias_result *result, const dsbi_view *view)
{
    size_t rung = null_rung(result), n_classes = result->n_datasets;
    if (rung == result->plan.n_entries)
        return DSB_OK;
    dsbi_plan_entry entry = result->plan.entries[rung];
    if (entry.rung->is_family)
        entry.effort = entry.effort / n_classes + 1; /* as many passes over a smaller set */
    null_pool pool = {.confusion =
                          dsbi_calloc(result->rt, n_classes * n_classes, sizeof(uint64_t))};
    if (!pool.confusion)
        return DSB_E_NOMEM;
    dsb_status status = DSB_OK;
    for (size_t d = 0; d < n_classes && result->n_null_cuts < DSBI_MAX_NULL_CUTS; d++)
        DSBI_GO(run_cut(result, view, &entry, d, &pool));
    if (pool.n > 0) {
        DSBI_GO(dsbi_verdict_make(&result->null_verdict, pool.confusion, n_classes,
                                  pool.probabilities, pool.labels, pool.n));
        result->has_null = true;
    }
done:
    dsbi_free(result->rt, pool.confusion);
    dsbi_free(result->rt, pool.probabilities);
    dsbi_free(result->rt, pool.labels);
    return status;
}

/* Every rung looks at the same squares: decoded once, kept on disk. */
static dsb_status open_pixels(const dsb_bias_result *result, dsbi_view *view)
{
    const dsbi_pixels_spec spec = {
        .size = view->size, .mode = DSBI_PREPARE_CENTRE_CROP, .filter = DSBI_RESIZE_BICUBIC};
    return dsbi_pixels_create(result->rt, &view->pixels, dsbi_split_collections(result->split),
                              &spec, NULL, PIXELS_MAX_BYTES);
}

static void note_stop(dsb_bias_result *result, dsb_status status)
{
    if (status == DSB_E_CANCELLED)
        snprintf(result->stopped, sizeof result->stopped, "%s", dsb_last_error());
}

static dsb_status run_ladder(dsb_bias_result *result, const dsbi_view *view, bool is_replay,
                             double start)
{
    uint64_t images = 0;
    for (size_t d = 0; d < result->n_datasets; d++)
        images += dsb_dataset_count(result->datasets[d]);
    if (!is_replay)
        DSBI_TRY(dsbi_plan_rungs(&result->plan, view,
                                 (double)images / fmax(result->scan_seconds, 1e-3),
                                 dsbi_now() - start));
    dsb_status status = climb(result, view);
    if (status != DSB_OK && status != DSB_E_CANCELLED)
        return status;
    note_stop(result, status);
    choose_headline(result);
    if (result->headline == result->plan.n_entries)
        return status != DSB_OK ? status
                                : dsbi_fail(DSB_E_DATA, "the time limit leaves no rung to run");
    const dsbi_outcome *headline = &result->outcomes[result->headline];
    dsb_status verdict =
        dsbi_verdict_make(&result->verdict, headline->confusion, result->n_datasets,
                          headline->probabilities, result->test_labels, result->n_test);
    if (verdict != DSB_OK)
        return verdict;
    if (status == DSB_OK && result->opts.null_control) {
        status = run_null(result, view);
        note_stop(result, status);
    }
    result->cancelled = status == DSB_E_CANCELLED;
    return status;
}

static dsb_status run_task(dsb_bias_result *result, const dsbi_json_value *replay,
                           dsb_event_fn event, void *user)
{
    double start = dsbi_now();
    DSBI_TRY(open_datasets(result, event, user));
    dsbi_view view = {
        .rt = result->rt,
        .n_classes = result->n_datasets,
        .size = result->opts.size,
        .opts = &result->opts,
        .event = event,
        .user = user,
        .stage_prefix = "",
    };
    if (replay)
        DSBI_TRY(check_replayed_data(result, replay));
    DSBI_TRY(make_split(result, event, user));
    view.split = result->split;
    DSBI_TRY(open_pixels(result, &view));
    dsb_status status = run_ladder(result, &view, replay != NULL, start);
    dsbi_pixels_free(view.pixels);
    return status;
}

dsb_status dsb_bias_classify(dsb_runtime *rt, dsb_bias_result **out, const char *const *specs,
                             size_t n_specs, const dsb_bias_opts *given, dsb_event_fn event,
                             void *user)
{
    dsbi_clear_error();
    if (!rt || !out || !specs)
        return dsbi_fail(DSB_E_INVALID, "dsb_bias_classify: rt, out or specs is NULL");
    *out = NULL;
    if (n_specs < 2 || n_specs > MAX_CLASSES)
        return dsbi_fail(DSB_E_INVALID, "%zu collections given, 2 to %d are needed", n_specs,
                         MAX_CLASSES);
    dsb_bias_opts opts = defaults;
    DSBI_TRY(dsbi_opts_read(&opts, sizeof opts, given, "dsb_bias_opts"));
    dsb_bias_result *result = dsbi_calloc(rt, 1, sizeof *result);
    if (!result)
        return DSB_E_NOMEM;
    dsbi_runtime_retain(rt);
    result->rt = rt;
    result->started_unix = (double)time(NULL);
    dsbi_text_init(&result->log, rt);
    dsbi_text_init(&result->json, rt);
    dsbi_json *replay = NULL;
    double start = dsbi_now();
    dsb_status status = DSB_OK;
    if (opts.replay) {
        DSBI_GO(
            dsbi_fail_at(dsbi_json_parse(rt, &replay, opts.replay, strlen(opts.replay)), "record"));
        DSBI_GO(read_replay(&opts, &result->plan, dsbi_json_root(replay), rt->isa));
    }
    DSBI_GO(check_opts(&opts));
    DSBI_GO(copy_inputs(result, &opts, specs, n_specs));
    status = run_task(result, replay ? dsbi_json_root(replay) : NULL, event, user);
    result->seconds_total = dsbi_now() - start;
    bool usable = status == DSB_OK || (status == DSB_E_CANCELLED && result->verdict.n > 0);
    if (!usable)
        goto done;
    dsb_status wrote = dsbi_record_write(result);
    if (wrote != DSB_OK) {
        status = wrote;
        goto done;
    }
    if (status == DSB_E_CANCELLED)
        dsbi_fail_text(status, result->stopped);
    *out = result;
done:
    dsbi_json_free(replay);
    if (!*out)
        dsb_bias_result_free(result);
    return status;
}

void dsb_bias_result_free(dsb_bias_result *result)
{
    if (!result)
        return;
    dsb_runtime *rt = result->rt;
    for (size_t i = 0; i < DSBI_PLAN_MAX; i++)
        dsbi_outcome_free(rt, &result->outcomes[i]);
    dsbi_outcome_free(rt, &result->null_outcome);
    dsb_split_free(result->split);
    dsb_duplicates_free(result->similar);
    for (size_t d = 0; d < result->n_datasets; d++) {
        dsbi_free(rt, result->specs[d]);
        dsb_dataset_free(result->datasets[d]);
    }
    dsbi_free(rt, result->specs);
    dsbi_free(rt, result->datasets);
    dsbi_free(rt, result->test_labels);
    dsbi_free(rt, (void *)(uintptr_t)result->opts.model);
    dsbi_free(rt, (void *)(uintptr_t)result->opts.augment);
    dsbi_free(rt, (void *)(uintptr_t)result->opts.command);
    dsbi_text_free(&result->log);
    dsbi_text_free(&result->json);
    dsbi_free(rt, result);
    dsbi_runtime_release(rt);
}
