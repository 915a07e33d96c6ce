/* The record of a run as JSON (docs/results-schema.md): everything the report shows and everything
 * a replay needs. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include "bias/result.h"
#include "dsbias/stats.h"
#include "tensor/blas.h"

typedef dsbi_json_writer writer;

static void put_interval(writer *w, const char *key, const double ends[2])
{
    dsbi_json_write_key(w, key);
    dsbi_json_begin_flat_array(w);
    dsbi_json_write_double(w, ends[0]);
    dsbi_json_write_double(w, ends[1]);
    dsbi_json_end_array(w);
}

static void put_bound(writer *w, const char *key, double value, double lower)
{
    dsbi_json_write_key(w, key);
    dsbi_json_begin_flat_object(w);
    dsbi_json_put_double(w, "value", value);
    dsbi_json_put_double(w, "lower95", lower);
    dsbi_json_end_object(w);
}

static void put_matrix(writer *w, const char *key, const uint64_t *matrix, size_t n)
{
    dsbi_json_write_key(w, key);
    dsbi_json_begin_array(w);
    for (size_t r = 0; r < n; r++) {
        dsbi_json_begin_flat_array(w);
        for (size_t c = 0; c < n; c++)
            dsbi_json_write_uint(w, matrix[r * n + c]);
        dsbi_json_end_array(w);
    }
    dsbi_json_end_array(w);
}

static void put_headline(writer *w, const dsb_bias_result *result)
{
    const dsbi_verdict *v = &result->verdict;
    const dsbi_outcome *headline = &result->outcomes[result->headline];
    dsbi_json_write_key(w, "verdict");
    dsbi_json_begin_object(w);
    dsbi_json_put_string(w, "level", v->level);
    dsbi_json_put_string(w, "sentence", v->sentence);
    dsbi_json_end_object(w);
    dsbi_json_put_double(w, "accuracy", v->accuracy);
    dsbi_json_put_uint(w, "correct", v->correct);
    dsbi_json_put_uint(w, "n_test", v->n);
    put_interval(w, "ci95", v->ci);
    dsbi_json_put_double(w, "chance", v->chance);
    dsbi_json_put_double(w, "p_value", v->p_value);
    dsbi_json_put_string(w, "headline_rung", headline->plan.model);
    dsbi_json_write_key(w, "margin_test");
    dsbi_json_begin_flat_object(w);
    dsbi_json_put_double(w, "z", v->margin_z);
    dsbi_json_put_double(w, "p_value", v->margin_p);
    dsbi_json_end_object(w);
    put_bound(w, "tv_lower_bound", v->tv, v->tv_lower);
    put_bound(w, "mutual_information_bits", v->mutual_bits, v->mutual_lower);
    dsbi_json_put_double(w, "detectable_difference", v->detectable);
    dsbi_json_write_key(w, "sample_size");
    dsbi_json_begin_array(w);
    for (size_t i = 0; i < DSBI_N_DIFFERENCES; i++) {
        dsbi_json_begin_flat_object(w);
        dsbi_json_put_double(w, "difference", v->differences[i]);
        dsbi_json_put_uint(w, "n_test", v->needed[i]);
        dsbi_json_put_bool(w, "enough", v->n >= v->needed[i]);
        dsbi_json_end_object(w);
    }
    dsbi_json_end_array(w);
    put_matrix(w, "confusion", headline->confusion, result->n_datasets);
}

static void put_dataset(writer *w, const dsb_bias_result *result, size_t d)
{
    const dsb_dataset *dataset = result->datasets[d];
    size_t n = result->n_datasets;
    const uint64_t *row = result->outcomes[result->headline].confusion + d * n;
    uint64_t total = 0;
    for (size_t c = 0; c < n; c++)
        total += row[c];
    double ends[2] = {NAN, NAN};
    (void)dsb_stats_wilson(ends, row[d], total, 0.05);
    dsbi_json_begin_object(w);
    dsbi_json_put_string(w, "name", dsb_dataset_name(dataset));
    dsbi_json_put_string(w, "spec", result->specs[d]);
    dsbi_json_put_uint(w, "n_images", dsb_dataset_count(dataset));
    dsbi_json_put_uint(w, "n_train", result->plan.n_parts[0]);
    dsbi_json_put_uint(w, "n_select", result->plan.n_parts[1]);
    dsbi_json_put_uint(w, "n_test", total);
    dsbi_json_put_double(w, "recall", total ? (double)row[d] / (double)total : NAN);
    put_interval(w, "ci95", ends);
    dsbi_json_put_uint(w, "broken", dsb_dataset_broken_count(dataset));
    dsbi_facts_write(result->rt, dataset, w);
    dsbi_json_end_object(w);
}

static const char *state_name(dsbi_rung_state state)
{
    return state == DSBI_RUNG_DONE ? "done" : state == DSBI_RUNG_SKIPPED ? "skipped" : "stopped";
}

static void put_curve(writer *w, const dsbi_fit *fit)
{
    dsbi_json_write_key(w, "curve");
    dsbi_json_begin_array(w);
    for (size_t i = 0; i < fit->n_curve; i++) {
        dsbi_json_begin_flat_object(w);
        dsbi_json_put_uint(w, "samples_seen", fit->curve[i].samples_seen);
        dsbi_json_put_double(w, "loss", fit->curve[i].loss);
        dsbi_json_put_double(w, "select_accuracy", fit->curve[i].select_accuracy);
        dsbi_json_end_object(w);
    }
    dsbi_json_end_array(w);
}

static void put_rung(writer *w, const dsb_bias_result *result, const dsbi_outcome *o)
{
    bool done = o->state == DSBI_RUNG_DONE;
    dsbi_json_begin_object(w);
    dsbi_json_put_string(w, "name", o->plan.model);
    dsbi_json_put_string(w, "kind", o->plan.rung->pixels ? "pixels" : "metadata");
    dsbi_json_put_string(w, "what", o->plan.rung->what);
    dsbi_json_put_string(w, "state", state_name(o->state));
    dsbi_json_put_string(w, "why", o->state == DSBI_RUNG_SKIPPED ? o->plan.why : NULL);
    dsbi_json_put_uint(w, "effort", o->plan.effort);
    dsbi_json_put_double(w, "seconds", done ? round(o->seconds * 1000) / 1000 : NAN);
    dsbi_json_put_double(w, "accuracy", done ? o->accuracy : NAN);
    dsbi_json_write_key(w, "correct");
    if (done)
        dsbi_json_write_uint(w, o->correct);
    else
        dsbi_json_write_null(w);
    const double none[2] = {NAN, NAN};
    put_interval(w, "ci95", done ? o->ci : none);
    dsbi_json_put_double(w, "select_accuracy", done ? o->select_accuracy : NAN);
    dsbi_json_put_double(w, "temperature", done ? o->temperature : NAN);
    if (done) {
        put_matrix(w, "confusion", o->confusion, result->n_datasets);
        put_curve(w, &o->fit);
    }
    dsbi_json_end_object(w);
}

static dsb_status put_beyond(writer *w, const dsb_bias_result *result)
{
    dsbi_comparison c;
    DSBI_TRY(dsbi_compare_metadata(&c, result));
    dsbi_json_write_key(w, "beyond_metadata");
    if (!c.known) {
        dsbi_json_write_null(w);
        return DSB_OK;
    }
    dsbi_json_begin_object(w);
    dsbi_json_put_string(w, "sentence", c.sentence);
    dsbi_json_put_double(w, "difference", c.difference);
    put_interval(w, "ci95", c.ci);
    dsbi_json_put_double(w, "p_value", c.p_value);
    dsbi_json_put_uint(w, "missed_by_metadata", c.n_missed);
    dsbi_json_put_uint(w, "of_those_right_by_pixels", c.pixels_right);
    dsbi_json_end_object(w);
    return DSB_OK;
}

static void put_null(writer *w, const dsb_bias_result *result)
{
    dsbi_json_write_key(w, "null_control");
    if (!result->has_null) {
        dsbi_json_write_null(w);
        return;
    }
    const dsbi_verdict *v = &result->null_verdict;
    dsbi_json_begin_object(w);
    dsbi_json_put_string(w, "dataset",
                         dsb_dataset_name(result->datasets[result->null_cuts[0].dataset]));
    dsbi_json_write_key(w, "cuts");
    dsbi_json_begin_array(w);
    for (size_t i = 0; i < result->n_null_cuts; i++) {
        const dsbi_null_cut *cut = &result->null_cuts[i];
        dsbi_json_begin_flat_object(w);
        dsbi_json_put_string(w, "dataset", dsb_dataset_name(result->datasets[cut->dataset]));
        dsbi_json_put_uint(w, "correct", cut->correct);
        dsbi_json_put_uint(w, "n_test", cut->n);
        dsbi_json_put_double(w, "accuracy", (double)cut->correct / (double)cut->n);
        dsbi_json_end_object(w);
    }
    dsbi_json_end_array(w);
    dsbi_json_put_string(w, "rung", result->null_outcome.plan.model);
    dsbi_json_put_double(w, "accuracy", v->accuracy);
    dsbi_json_put_uint(w, "correct", v->correct);
    dsbi_json_put_uint(w, "n_test", v->n);
    put_interval(w, "ci95", v->ci);
    dsbi_json_put_double(w, "chance", v->chance);
    dsbi_json_put_double(w, "p_value", v->p_value);
    dsbi_json_put_bool(w, "passed", v->ci[0] <= v->chance);
    dsbi_json_put_double(w, "seconds", round(result->null_outcome.seconds * 1000) / 1000);
    dsbi_json_end_object(w);
}

static void put_options(writer *w, const dsb_bias_result *result)
{
    const dsb_bias_opts *o = &result->opts;
    dsbi_json_write_key(w, "options");
    dsbi_json_begin_object(w);
    dsbi_json_put_uint(w, "seed", o->seed);
    dsbi_json_put_uint(w, "n_train", o->n_train);
    dsbi_json_put_uint(w, "n_select", o->n_select);
    dsbi_json_put_uint(w, "n_test", o->n_test);
    dsbi_json_put_uint(w, "samples_seen", o->samples_seen);
    dsbi_json_put_double(w, "epochs", o->epochs);
    dsbi_json_put_double(w, "time_limit_s", o->time_limit_s);
    dsbi_json_put_double(w, "lr", o->lr);
    dsbi_json_put_string(w, "model", o->model ? o->model : "auto");
    dsbi_json_put_string(w, "augment", o->augment);
    dsbi_json_put_uint(w, "size", o->size);
    dsbi_json_put_uint(w, "batch_size", o->batch_size);
    dsbi_json_put_uint(w, "null_control", o->null_control);
    dsbi_json_put_uint(w, "n_examples", o->n_examples);
    dsbi_json_put_string(w, "near_duplicates", dsbi_split_policy_name(o->near_duplicates));
    dsbi_json_put_bool(w, "match_classes", o->match_classes != 0);
    dsbi_json_write_key(w, "max_broken");
    if (o->max_broken == UINT64_MAX)
        dsbi_json_write_null(w);
    else
        dsbi_json_write_uint(w, o->max_broken);
    dsbi_json_end_object(w);
}

/* Recipes as used, from the rungs' own JSON objects. */
static void put_recipes(writer *w, const dsb_bias_result *result)
{
    dsbi_json_write_key(w, "recipes");
    dsbi_json_begin_object(w);
    for (size_t i = 0; i < result->plan.n_entries; i++) {
        const dsbi_text *detail = &result->outcomes[i].fit.detail;
        if (result->outcomes[i].state == DSBI_RUNG_DONE && detail->size)
            dsbi_json_put_string(w, result->outcomes[i].plan.model, detail->data);
    }
    dsbi_json_end_object(w);
}

static uint64_t peak_memory_bytes(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint64_t)usage.ru_maxrss * 1024 : 0;
}

static void put_record(writer *w, const dsb_bias_result *result)
{
    dsbi_json_write_key(w, "record");
    dsbi_json_begin_object(w);
    dsbi_json_put_string(w, "command", result->opts.command);
    put_options(w, result);
    dsbi_json_write_key(w, "plan");
    dsbi_plan_write(&result->plan, w);
    put_recipes(w, result);
    dsbi_json_write_key(w, "data");
    dsbi_json_begin_array(w);
    for (size_t d = 0; d < result->n_datasets; d++) {
        char hash[65];
        dsbi_dataset_fingerprint(result->datasets[d], hash);
        dsbi_json_begin_flat_object(w);
        dsbi_json_put_string(w, "name", dsb_dataset_name(result->datasets[d]));
        dsbi_json_put_string(w, "spec", result->specs[d]);
        dsbi_json_put_string(w, "sha256", hash);
        dsbi_json_end_object(w);
    }
    dsbi_json_end_array(w);
    dsbi_json_put_string(w, "version", dsb_version());
    dsbi_json_put_string(w, "build", dsb_build_info());
    dsbi_json_put_string(w, "isa", dsb_isa_name(result->rt->isa));
    dsbi_json_put_uint(w, "threads", result->rt->n_threads);
    dsbi_blas_info blas;
    dsbi_blas_info_get(&blas);
    dsbi_json_put_string(w, "blas", blas.config);
    dsbi_json_put_string(w, "blas_core", blas.core);
    dsbi_json_put_bool(w, "replayed", result->plan.replayed);
    dsbi_json_put_bool(w, "cancelled", result->cancelled);
    time_t seconds = (time_t)result->started_unix;
    struct tm utc;
    char started[32] = "";
    if (gmtime_r(&seconds, &utc))
        strftime(started, sizeof started, "%Y-%m-%dT%H:%M:%SZ", &utc);
    dsbi_json_put_string(w, "started", started);
    dsbi_json_put_double(w, "seconds_scan", round(result->scan_seconds * 1000) / 1000);
    dsbi_json_put_double(w, "seconds_total", round(result->seconds_total * 1000) / 1000);
    dsbi_json_put_uint(w, "peak_memory_bytes", peak_memory_bytes());
    dsbi_json_end_object(w);
}

dsb_status dsbi_record_write(dsb_bias_result *result)
{
    writer writer_state, *w = &writer_state;
    dsbi_text_clear(&result->json);
    dsbi_json_writer_init(w, &result->json, 1);
    dsbi_json_begin_object(w);
    dsbi_json_put_string(w, "schema", "dsbias.classify/1");
    put_headline(w, result);
    dsbi_json_write_key(w, "datasets");
    dsbi_json_begin_array(w);
    for (size_t d = 0; d < result->n_datasets; d++)
        put_dataset(w, result, d);
    dsbi_json_end_array(w);
    dsbi_json_write_key(w, "rungs");
    dsbi_json_begin_array(w);
    for (size_t i = 0; i < result->plan.n_entries; i++)
        put_rung(w, result, &result->outcomes[i]);
    dsbi_json_end_array(w);
    DSBI_TRY(put_beyond(w, result));
    put_null(w, result);
    DSBI_TRY(dsbi_record_images(w, result));
    put_record(w, result);
    dsbi_json_end_object(w);
    dsbi_text_add(&result->json, "\n");
    return result->json.status;
}
