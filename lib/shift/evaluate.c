/* The run: one comparison after the other is computed and written as JSON. What a comparison holds
 * is listed in write_comparison; each part is a function of its own file. */
#include <math.h>
#include <string.h>
#include "base/file.h"
#include "shift/shift.h"
#include "stats/ordering.h"
#include "stats/resampling.h"

static int by_value_then_name(const dsbi_comparison *c, const double *value, size_t i, size_t j)
{
    if (value[i] != value[j])
        return (value[i] > value[j]) != (c->s->opts.lower_is_better != 0) ? -1 : 1;
    return strcmp(c->s->models[c->model[i]].name, c->s->models[c->model[j]].name);
}

/* 1 = best; ties by name, as the tables of the papers */
static void rank_by_name(const dsbi_comparison *c, double *rank, const double *value)
{
    for (size_t i = 0; i < c->n; i++) {
        rank[i] = 1;
        for (size_t j = 0; j < c->n; j++)
            rank[i] += j != i && by_value_then_name(c, value, j, i) < 0;
    }
}

static dsb_status collect(dsbi_comparison *c)
{
    dsb_shift *s = c->s;
    for (size_t m = 0; m < s->n_models; m++)
        c->n += s->cells[c->ia][m].there && s->cells[c->ib][m].there;
    c->model = dsbi_alloc_array(s->rt, c->n + 1, sizeof *c->model);
    c->x = dsbi_alloc_array(s->rt, c->n + 1, 4 * sizeof *c->x);
    if (!c->model || !c->x)
        return DSB_E_NOMEM;
    c->y = c->x + c->n + 1;
    c->rank_x = c->y + c->n + 1;
    c->rank_y = c->rank_x + c->n + 1;
    c->in_unit = true;
    size_t k = 0;
    for (size_t m = 0; m < s->n_models; m++) {
        const dsbi_shift_cell *a = &s->cells[c->ia][m], *b = &s->cells[c->ib][m];
        if (!a->there || !b->there)
            continue;
        c->model[k] = m;
        c->x[k] = a->accuracy;
        c->y[k] = b->accuracy;
        c->in_unit = c->in_unit && a->accuracy >= 0 && a->accuracy <= 1 && b->accuracy >= 0 &&
                     b->accuracy <= 1;
        k++;
    }
    rank_by_name(c, c->rank_x, c->x);
    rank_by_name(c, c->rank_y, c->y);
    return DSB_OK;
}

/* Scores of the models of a comparison in one array [n, items]; NULL if any lacks them. */
static double *score_rows(const dsbi_comparison *c, size_t set)
{
    const dsb_shift *s = c->s;
    size_t n = s->sets[set].n;
    for (size_t k = 0; k < c->n; k++)
        if (!s->cells[set][c->model[k]].score)
            return NULL;
    double *rows = dsbi_alloc_array(s->rt, c->n * n + 1, sizeof *rows);
    for (size_t k = 0; rows && k < c->n; k++)
        memcpy(rows + k * n, s->cells[set][c->model[k]].score, n * sizeof *rows);
    return rows;
}

static dsb_status resample(dsbi_comparison *c)
{
    const dsb_shift_opts *o = &c->s->opts;
    if (o->n_image_bootstrap < 2 || c->a->n == 0 || c->b->n == 0 || c->n == 0)
        return DSB_OK;
    size_t size = (size_t)o->n_image_bootstrap * c->n;
    double *rows[2] = {score_rows(c, c->ia), score_rows(c, c->ib)};
    dsb_status status = DSB_OK;
    if (rows[0] && rows[1]) {
        c->means_x = dsbi_alloc_array(c->s->rt, size, sizeof *c->means_x);
        c->means_y = dsbi_alloc_array(c->s->rt, size, sizeof *c->means_y);
        if (!c->means_x || !c->means_y)
            status = DSB_E_NOMEM;
        if (status == DSB_OK)
            status = dsb_stats_bootstrap_means(c->s->rt, c->means_x, rows[0], c->n, c->a->n,
                                               o->n_image_bootstrap, o->seed, 0);
        if (status == DSB_OK)
            status = dsb_stats_bootstrap_means(c->s->rt, c->means_y, rows[1], c->n, c->b->n,
                                               o->n_image_bootstrap, o->seed, 1);
    } else {
        dsbi_clear_error();
    }
    dsbi_free(c->s->rt, rows[0]);
    dsbi_free(c->s->rt, rows[1]);
    return status;
}

static void write_missing(const dsbi_comparison *c, const char *key, size_t here, size_t not_there)
{
    dsbi_json_write_key(c->w, key);
    dsbi_json_begin_flat_array(c->w);
    for (size_t m = 0; m < c->s->n_models; m++)
        if (c->s->cells[here][m].there && !c->s->cells[not_there][m].there)
            dsbi_json_write_string(c->w, c->s->models[m].name);
    dsbi_json_end_array(c->w);
}

static dsb_status write_ranks(dsbi_comparison *c)
{
    static const char *const names[] = {"pearson", "spearman", "kendall_tau_b", "weighted_tau"};
    dsbi_json_write_key(c->w, "rank");
    dsbi_json_begin_object(c->w);
    for (uint32_t kind = 0; kind < 4; kind++) {
        double r = NAN;
        DSBI_TRY(dsb_stats_correlation(c->s->rt, &r, c->x, c->y, c->n, kind));
        dsbi_json_put_double(c->w, names[kind], r);
    }
    double overlap = NAN;
    if (c->n >= 3)
        DSBI_TRY(dsb_stats_top_overlap(c->s->rt, &overlap, c->x, c->y, c->n, 3));
    dsbi_json_put_double(c->w, "top3_overlap", overlap);
    dsbi_json_end_object(c->w);
    return DSB_OK;
}

static dsb_status write_comparison(dsbi_comparison *c)
{
    dsb_shift *s = c->s;
    dsbi_json_write_key(c->w, "original");
    dsbi_json_write_string(c->w, c->a->name);
    dsbi_json_write_key(c->w, "new");
    dsbi_json_write_string(c->w, c->b->name);
    dsb_status status = collect(c);
    if (status != DSB_OK)
        goto done;
    if (c->n == 0) {
        status =
            dsbi_fail(DSB_E_DATA, "no model is in both '%s' and '%s' (models are matched by name)",
                      c->a->name, c->b->name);
        goto done;
    }
    dsbi_json_write_key(c->w, "n_models");
    dsbi_json_write_uint(c->w, c->n);
    write_missing(c, "only_original", c->ia, c->ib);
    write_missing(c, "only_new", c->ib, c->ia);
    DSBI_GO(resample(c));
    DSBI_GO(dsbi_shift_write_models(c));
    DSBI_GO(write_ranks(c));
    DSBI_GO(dsbi_shift_write_fits(c));
    DSBI_GO(dsbi_shift_write_robustness(c));
    DSBI_GO(dsbi_shift_write_classes(c));
    DSBI_GO(dsbi_shift_write_groups(c));
    DSBI_GO(dsbi_shift_write_pairs(c));
    DSBI_GO(dsbi_shift_write_label_free(c));
    DSBI_GO(dsbi_shift_write_calibration(c));
    DSBI_GO(dsbi_shift_write_decomposition(c));
done:
    dsbi_free(s->rt, c->model);
    dsbi_free(s->rt, c->x);
    dsbi_free(s->rt, c->means_x);
    dsbi_free(s->rt, c->means_y);
    return status;
}

/* How often each class 0 .. n_classes-1 occurs in predictions of all sets and in labels of all but
 * one. */
static void count_elsewhere(uint64_t *seen, const dsb_shift *s, size_t but)
{
    for (size_t i = 0; i < s->n_sets; i++) {
        const dsbi_shift_set *set = &s->sets[i];
        for (size_t k = 0; i != but && set->labels && k < set->n; k++)
            seen[set->labels[k]]++;
        for (size_t m = 0; m < s->n_models; m++)
            for (size_t k = 0; s->cells[i][m].predicted && k < set->n; k++)
                seen[s->cells[i][m].predicted[k]]++;
    }
}

/* A label beyond the classes that everything else knows, where these are known well (every class
 * below the last one occurs, ten times each on average), is an error and no rare class. */
static dsb_status check_labels(const dsb_shift *s, size_t set, uint32_t n_classes)
{
    const dsbi_shift_set *about = &s->sets[set];
    uint64_t *seen = dsbi_calloc(s->rt, n_classes, sizeof *seen), total = 0;
    size_t known = 0, gaps = 0;
    if (!seen)
        return DSB_E_NOMEM;
    count_elsewhere(seen, s, set);
    for (size_t k = n_classes; k-- > 0;) {
        total += seen[k];
        known = known == 0 && seen[k] > 0 ? k + 1 : known;
        gaps += known > 0 && seen[k] == 0;
    }
    dsbi_free(s->rt, seen);
    for (size_t i = 0; known >= 2 && gaps == 0 && total >= 10 * known && i < about->n; i++)
        if (about->labels[i] >= known)
            return dsbi_fail_at(dsbi_fail(DSB_E_DATA,
                                          "label of item %zu is %u, but all predictions and all "
                                          "other labels are 0 .. %zu",
                                          i, about->labels[i], known - 1),
                                "%s", about->labels_from ? about->labels_from : about->name);
    return DSB_OK;
}

/* Classes of a set and of all predictions on it; wrong class orders are pointed out. */
static dsb_status settle(dsb_shift *s)
{
    uint32_t n_classes = 0;
    for (size_t i = 0; i < s->n_sets; i++) {
        for (size_t k = 0; s->sets[i].labels && k < s->sets[i].n; k++)
            if (s->sets[i].labels[k] >= n_classes)
                n_classes = s->sets[i].labels[k] + 1;
    }
    uint32_t from_labels = n_classes, predicted_most = 0;
    bool predicted = false;
    for (size_t i = 0; i < s->n_sets; i++)
        for (size_t m = 0; m < s->n_models; m++) {
            const dsbi_shift_cell *cell = &s->cells[i][m];
            uint32_t most = 0;
            size_t outside = 0;
            for (size_t k = 0; cell->predicted && k < s->sets[i].n; k++) {
                most = cell->predicted[k] > most ? cell->predicted[k] : most;
                outside += cell->predicted[k] >= from_labels;
            }
            if (outside)
                DSBI_TRY(dsbi_shift_warn(s,
                                         "set '%s', model '%s': %zu predictions name classes that "
                                         "no label has (up to %u, labels end at %u)",
                                         s->sets[i].name, s->models[m].name, outside, most,
                                         from_labels - 1));
            n_classes = most >= n_classes ? most + 1 : n_classes;
            predicted_most = most > predicted_most ? most : predicted_most;
            predicted = predicted || cell->predicted;
        }
    if (predicted && predicted_most + 1 < from_labels)
        DSBI_TRY(dsbi_shift_warn(
            s, "labels go up to %u, but no model ever predicts above %u: are the labels right?",
            from_labels - 1, predicted_most));
    for (size_t i = 0; predicted && i < s->n_sets; i++)
        if (s->sets[i].labels)
            DSBI_TRY(check_labels(s, i, n_classes));
    for (size_t i = 0; i < s->n_sets; i++)
        s->sets[i].n_classes = n_classes;
    for (size_t i = 0; i < s->n_sets && n_classes <= 2000; i++)
        for (size_t m = 0; m < s->n_models; m++)
            DSBI_TRY(dsbi_shift_check_class_order(s, i, m));
    return DSB_OK;
}

/* A number, "0.76" or "76.13%", is an accuracy; anything else a model's name. */
static double pivot_number(const char *text)
{
    char *end;
    double value = dsbi_decimal(text, &end);
    if (end == text || (*end && strcmp(end, "%") != 0))
        return NAN;
    return *end ? value / 100 : value;
}

double dsbi_shift_pivot(const dsbi_comparison *c, const char **model)
{
    *model = NULL;
    if (!c->s->pivot)
        return NAN;
    size_t m = dsbi_words_find(&c->s->model_names, c->s->pivot, strlen(c->s->pivot));
    if (m == SIZE_MAX)
        return pivot_number(c->s->pivot);
    *model = c->s->pivot;
    return c->s->cells[c->ia][m].there ? c->s->cells[c->ia][m].accuracy : NAN;
}

static dsb_status check_pivot(const dsb_shift *s)
{
    if (!s->pivot || dsbi_words_find(&s->model_names, s->pivot, strlen(s->pivot)) != SIZE_MAX ||
        isfinite(pivot_number(s->pivot)))
        return DSB_OK;
    return dsbi_fail(DSB_E_NOTFOUND, "pivot: there is no model '%s', and it is no accuracy",
                     s->pivot);
}

static void write_sets(dsb_shift *s, dsbi_json_writer *w)
{
    dsbi_json_write_key(w, "sets");
    dsbi_json_begin_array(w);
    for (size_t i = 0; i < s->n_sets; i++) {
        const dsbi_shift_set *set = &s->sets[i];
        dsbi_json_begin_flat_object(w);
        dsbi_json_write_key(w, "name");
        dsbi_json_write_string(w, set->name);
        dsbi_json_write_key(w, "n");
        dsbi_json_write_uint(w, set->n);
        dsbi_json_write_key(w, "compared_with");
        dsbi_json_write_string(w, set->original == i ? NULL : s->sets[set->original].name);
        dsbi_json_end_object(w);
    }
    dsbi_json_end_array(w);
}

static void write_record(dsb_shift *s, dsbi_json_writer *w, double seconds)
{
    const dsb_shift_opts *o = &s->opts;
    dsbi_json_write_key(w, "record");
    dsbi_json_begin_object(w);
    dsbi_json_write_key(w, "command");
    dsbi_json_write_string(w, s->command);
    dsbi_json_write_key(w, "version");
    dsbi_json_write_string(w, dsb_version());
    dsbi_json_write_key(w, "build");
    dsbi_json_write_string(w, dsb_build_info());
    dsbi_json_write_key(w, "n_bootstrap");
    dsbi_json_write_uint(w, o->n_bootstrap);
    dsbi_json_write_key(w, "n_image_bootstrap");
    dsbi_json_write_uint(w, o->n_image_bootstrap);
    dsbi_json_write_key(w, "seed");
    dsbi_json_write_uint(w, o->seed);
    dsbi_json_write_key(w, "baseline");
    dsbi_json_write_string(w, s->baseline);
    dsbi_json_write_key(w, "exclude");
    dsbi_json_write_string(w, s->exclude);
    dsbi_json_write_key(w, "baseline_except");
    dsbi_json_write_string(w, s->baseline_except);
    dsbi_json_write_key(w, "pivot");
    dsbi_json_write_string(w, s->pivot);
    dsbi_json_write_key(w, "inputs");
    dsbi_json_begin_array(w);
    for (const char *at = s->inputs.data; *at;) { /* one JSON text a line */
        const char *end = strchr(at, '\n');
        size_t size = end ? (size_t)(end - at) : strlen(at);
        dsbi_json_write_string_n(w, at, size);
        at += size + (end != NULL);
    }
    dsbi_json_end_array(w);
    dsbi_json_write_key(w, "seconds");
    dsbi_json_write_double(w, seconds);
    dsbi_json_end_object(w);
}

static dsb_status report_progress(dsb_event_fn fn, void *user, uint64_t done, uint64_t total,
                                  double seconds)
{
    dsb_event event = {sizeof event, "compare", done, total, seconds, NAN, ""};
    if (fn && fn(user, &event) != 0)
        return dsbi_fail(DSB_E_CANCELLED, "stopped by the caller");
    return DSB_OK;
}

static dsb_status run(dsb_shift *s, dsb_event_fn fn, void *user)
{
    uint64_t total = 0, done = 0;
    for (size_t i = 0; i < s->n_sets; i++)
        total += s->sets[i].original != i;
    if (total == 0)
        return dsbi_fail(DSB_E_STATE, "nothing to compare: add an original and a new set first");
    if (s->group_column && !s->group_column_found)
        return dsbi_fail(DSB_E_NOTFOUND, "no labels file has a column '%s' to group by",
                         s->group_column);
    double start = dsbi_now();
    DSBI_TRY(check_pivot(s));
    DSBI_TRY(settle(s));
    dsbi_text_clear(&s->json);
    s->done = false;
    dsbi_json_writer w;
    dsbi_json_writer_init(&w, &s->json, 2);
    dsbi_json_begin_object(&w);
    dsbi_json_write_key(&w, "schema");
    dsbi_json_write_string(&w, "dsbias.shift/1");
    dsbi_json_write_key(&w, "alpha");
    dsbi_json_write_double(&w, s->opts.alpha);
    dsbi_json_write_key(&w, "scale");
    dsbi_json_write_string(&w, dsb_stats_scale_name(s->opts.scale));
    write_sets(s, &w);
    for (size_t i = 0; i < s->n_sets; i++) { /* the first comparison stands at the top level */
        if (s->sets[i].original == i)
            continue;
        DSBI_TRY(report_progress(fn, user, done, total, dsbi_now() - start));
        dsbi_comparison c = {.s = s,
                             .a = &s->sets[s->sets[i].original],
                             .b = &s->sets[i],
                             .ia = s->sets[i].original,
                             .ib = i,
                             .w = &w};
        if (done == 1) {
            dsbi_json_write_key(&w, "other_sets");
            dsbi_json_begin_array(&w);
        }
        if (done > 0)
            dsbi_json_begin_object(&w);
        DSBI_TRY(write_comparison(&c));
        if (done > 0)
            dsbi_json_end_object(&w);
        done++;
    }
    if (done > 1)
        dsbi_json_end_array(&w);
    dsbi_json_write_key(&w, "warnings");
    dsbi_json_begin_array(&w);
    for (size_t i = 0; i < s->n_warnings; i++)
        dsbi_json_write_string(&w, s->warnings[i]);
    dsbi_json_end_array(&w);
    write_record(s, &w, dsbi_now() - start);
    dsbi_json_end_object(&w);
    DSBI_TRY(s->json.status);
    s->done = true;
    return report_progress(fn, user, total, total, dsbi_now() - start);
}

dsb_status dsb_shift_run(dsb_shift *s, dsb_event_fn fn, void *user)
{
    dsbi_clear_error();
    if (!s)
        return dsbi_fail(DSB_E_INVALID, "dsb_shift_run needs a handle");
    size_t before = s->n_warnings; /* those of reading; those of the run are in its record */
    dsb_status status = run(s, fn, user);
    while (s->n_warnings > before)
        dsbi_free(s->rt, s->warnings[--s->n_warnings]);
    return status;
}
