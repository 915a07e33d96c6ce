/* Per model: accuracy and intervals on both sets, gap, error ratio, ranks; and the check that class
 * indices mean the same in predictions and labels. */
#include <math.h>
#include <string.h>
#include "shift/shift.h"
#include "stats/ordering.h"
#include "stats/resampling.h"

void dsbi_shift_write_pair(dsbi_json_writer *w, const char *key, const double pair[2])
{
    dsbi_json_write_key(w, key);
    if (isnan(pair[0]) && isnan(pair[1])) {
        dsbi_json_write_null(w);
        return;
    }
    dsbi_json_begin_flat_array(w);
    dsbi_json_write_double(w, pair[0]);
    dsbi_json_write_double(w, pair[1]);
    dsbi_json_end_array(w);
}

dsb_status dsbi_shift_write_cell(dsbi_comparison *c, const dsbi_shift_cell *cell)
{
    typedef dsb_status (*interval_fn)(double *, uint64_t, uint64_t, double);
    static const struct {
        const char *key;
        interval_fn fn;
    } intervals[] = {{"ci95", dsb_stats_clopper_pearson},
                     {"clopper_pearson95", dsb_stats_clopper_pearson},
                     {"wilson95", dsb_stats_wilson},
                     {"jeffreys95", dsb_stats_jeffreys},
                     {"agresti_coull95", dsb_stats_agresti_coull}};
    dsbi_json_writer *w = c->w;
    double alpha = c->s->opts.alpha, ci[2];
    dsbi_json_begin_flat_object(w);
    if (cell->counted) {
        dsbi_json_write_key(w, "correct");
        dsbi_json_write_uint(w, cell->correct);
    }
    if (cell->n) {
        dsbi_json_write_key(w, "n");
        dsbi_json_write_uint(w, cell->n);
    }
    dsbi_json_put_double(w, "accuracy", cell->accuracy);
    if (cell->counted) {
        for (size_t i = 0; i < sizeof intervals / sizeof *intervals; i++) {
            DSBI_TRY(intervals[i].fn(ci, cell->correct, cell->n, alpha));
            dsbi_shift_write_pair(w, intervals[i].key, ci);
        }
    } else {
        double half = dsb_stats_normal_quantile(1 - alpha / 2) * cell->se;
        ci[0] = cell->accuracy - half;
        ci[1] = cell->accuracy + half;
        dsbi_shift_write_pair(w, "ci95", ci);
    }
    dsbi_json_end_object(w);
    return DSB_OK;
}

static dsb_status write_gap(dsbi_comparison *c, const dsbi_shift_cell *a, const dsbi_shift_cell *b)
{
    double ci[2] = {NAN, NAN}, gap = a->accuracy - b->accuracy, alpha = c->s->opts.alpha;
    double ratio = (1 - b->accuracy) / (1 - a->accuracy), ratio_ci[2] = {NAN, NAN};
    if (a->counted && b->counted) {
        DSBI_TRY(dsb_stats_newcombe(ci, a->correct, a->n, b->correct, b->n, alpha));
        DSBI_TRY(dsb_stats_error_ratio(&ratio, ratio_ci, b->n - b->correct, b->n, a->n - a->correct,
                                       a->n, alpha));
    } else {
        double half = dsb_stats_normal_quantile(1 - alpha / 2) * hypot(a->se, b->se);
        ci[0] = gap - half;
        ci[1] = gap + half;
    }
    dsbi_json_put_double(c->w, "gap", gap);
    dsbi_shift_write_pair(c->w, "gap_ci95", ci);
    if (c->in_unit) {
        dsbi_json_put_double(c->w, "error_ratio", ratio);
        dsbi_shift_write_pair(c->w, "error_ratio_ci95", ratio_ci);
    }
    return DSB_OK;
}

/* Percentile interval of a model's rank over image replicates; ties share the mean rank. */
static dsb_status rank_intervals(dsbi_comparison *c, double *low, double *high, const double *means)
{
    size_t replicates = (size_t)c->s->opts.n_image_bootstrap, n = c->n;
    double *ranks = dsbi_alloc_array(c->s->rt, (replicates + 1) * n, sizeof *ranks);
    double *one = dsbi_alloc_array(c->s->rt, n, 2 * sizeof *one);
    size_t *order = dsbi_alloc_array(c->s->rt, n, sizeof *order);
    dsb_status status = ranks && one && order ? DSB_OK : DSB_E_NOMEM;
    for (size_t b = 0; status == DSB_OK && b < replicates; b++) {
        for (size_t k = 0; k < n; k++)
            one[k] = c->s->opts.lower_is_better ? means[b * n + k] : -means[b * n + k];
        dsbi_rank_average(one + n, one, n, order);
        for (size_t k = 0; k < n; k++)
            ranks[k * replicates + b] = one[n + k];
    }
    for (size_t k = 0; status == DSB_OK && k < n; k++) {
        dsbi_sort_f64(ranks + k * replicates, replicates);
        low[k] = dsbi_quantile(ranks + k * replicates, replicates, c->s->opts.alpha / 2);
        high[k] = dsbi_quantile(ranks + k * replicates, replicates, 1 - c->s->opts.alpha / 2);
    }
    dsbi_free(c->s->rt, ranks);
    dsbi_free(c->s->rt, one);
    dsbi_free(c->s->rt, order);
    return status;
}

static dsb_status write_model(dsbi_comparison *c, size_t k, const double *rank_ends)
{
    dsbi_json_writer *w = c->w;
    const dsbi_shift_model *model = &c->s->models[c->model[k]];
    const dsbi_shift_cell *a = DSBI_CELL_A(c, k), *b = DSBI_CELL_B(c, k);
    dsbi_json_begin_object(w);
    dsbi_json_write_key(w, "name");
    dsbi_json_write_string(w, model->name);
    if (*model->family) {
        dsbi_json_write_key(w, "family");
        dsbi_json_write_string(w, model->family);
    }
    if (c->s->baseline) {
        dsbi_json_write_key(w, "baseline");
        dsbi_json_write_bool(w, model->baseline);
    }
    dsbi_json_write_key(w, "orig");
    DSBI_TRY(dsbi_shift_write_cell(c, a));
    dsbi_json_write_key(w, "new");
    DSBI_TRY(dsbi_shift_write_cell(c, b));
    DSBI_TRY(write_gap(c, a, b));
    dsbi_json_write_key(w, "rank_orig");
    dsbi_json_write_uint(w, (uint64_t)c->rank_x[k]);
    dsbi_json_write_key(w, "rank_new");
    dsbi_json_write_uint(w, (uint64_t)c->rank_y[k]);
    dsbi_json_write_key(w, "delta_rank");
    dsbi_json_write_int(w, (int64_t)c->rank_x[k] - (int64_t)c->rank_y[k]);
    if (rank_ends) {
        const double orig[2] = {rank_ends[k], rank_ends[c->n + k]};
        const double fresh[2] = {rank_ends[2 * c->n + k], rank_ends[3 * c->n + k]};
        dsbi_shift_write_pair(w, "rank_orig_ci95", orig);
        dsbi_shift_write_pair(w, "rank_new_ci95", fresh);
    }
    dsbi_json_end_object(w);
    return DSB_OK;
}

dsb_status dsbi_shift_write_models(dsbi_comparison *c)
{
    double *ends = NULL, mean = 0;
    size_t *order = dsbi_alloc_array(c->s->rt, c->n + 1, sizeof *order);
    dsb_status status = order ? DSB_OK : DSB_E_NOMEM;
    if (status == DSB_OK && c->means_x) {
        ends = dsbi_alloc_array(c->s->rt, 4 * c->n, sizeof *ends);
        status = ends ? rank_intervals(c, ends, ends + c->n, c->means_x) : DSB_E_NOMEM;
        if (status == DSB_OK)
            status = rank_intervals(c, ends + 2 * c->n, ends + 3 * c->n, c->means_y);
    }
    if (status == DSB_OK) {
        for (size_t k = 0; k < c->n; k++) {
            order[(size_t)c->rank_x[k] - 1] = k;
            mean += (c->x[k] - c->y[k]) / (double)c->n;
        }
        dsbi_json_put_double(c->w, "mean_gap", mean);
        dsbi_json_write_key(c->w, "models");
        dsbi_json_begin_array(c->w);
        for (size_t i = 0; status == DSB_OK && i < c->n; i++) /* best on the original set first */
            status = write_model(c, order[i], ends);
        dsbi_json_end_array(c->w);
    }
    dsbi_free(c->s->rt, ends);
    dsbi_free(c->s->rt, order);
    return status;
}

/* A classifier that names classes in another order is nearly always wrong, yet each true class has
 * one name that it nearly always gets. */
dsb_status dsbi_shift_check_class_order(dsb_shift *s, size_t set, size_t model)
{
    const dsbi_shift_set *about = &s->sets[set];
    const dsbi_shift_cell *cell = &s->cells[set][model];
    size_t k = about->n_classes;
    if (!cell->there || !cell->predicted || !about->labels || k < 2 || cell->accuracy > 0.5)
        return DSB_OK;
    uint64_t *confusion = dsbi_alloc_array(s->rt, k * k, sizeof *confusion);
    uint8_t *taken = dsbi_calloc(s->rt, k, 1);
    dsb_status status = confusion && taken ? DSB_OK : DSB_E_NOMEM;
    if (status == DSB_OK)
        status =
            dsb_stats_confusion(confusion, about->labels, cell->predicted, about->n, (uint32_t)k);
    uint64_t renamed = 0;
    size_t moved = k, to = 0;
    for (size_t t = 0; status == DSB_OK && t < k; t++) {
        size_t best = 0;
        for (size_t p = 1; p < k; p++)
            if (confusion[t * k + p] > confusion[t * k + best])
                best = p;
        if (confusion[t * k + best] == 0 || taken[best])
            continue;
        taken[best] = 1;
        renamed += confusion[t * k + best];
        if (best != t && moved == k) {
            moved = t;
            to = best;
        }
    }
    dsbi_free(s->rt, confusion);
    dsbi_free(s->rt, taken);
    double share = (double)renamed / (double)about->n;
    if (status == DSB_OK && moved < k && share > 0.5 && share > 2 * cell->accuracy)
        status = dsbi_shift_warn(
            s,
            "set '%s', model '%s': %.1f %% right as it is, %.1f %% after renaming classes (class "
            "%zu is predicted as %zu, ...): its class order is probably wrong%s",
            about->name, s->models[model].name, 100 * cell->accuracy, 100 * share, moved, to,
            k > 10 && moved == 2 && to >= 10 ? "; it looks sorted as text: 0, 1, 10, 100, 2 ..."
                                             : "");
    return status;
}
