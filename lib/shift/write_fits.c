/* Lines in every scale with all their intervals; two lines at a pivot; one line for all families?
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "shift/shift.h"

bool dsbi_shift_has_baseline(const dsbi_comparison *c)
{
    return c->s->baseline != NULL;
}

dsb_status dsbi_shift_take_points(dsbi_fit_points *p, const dsbi_comparison *c, bool baseline_only)
{
    p->x = dsbi_alloc_array(c->s->rt, c->n + 1, 2 * sizeof *p->x);
    p->at = dsbi_alloc_array(c->s->rt, c->n + 1, sizeof *p->at);
    if (!p->x || !p->at)
        return DSB_E_NOMEM;
    p->y = p->x + c->n + 1;
    p->n = 0;
    for (size_t k = 0; k < c->n; k++)
        if (!baseline_only || c->s->models[c->model[k]].baseline) {
            p->x[p->n] = c->x[k];
            p->y[p->n] = c->y[k];
            p->at[p->n++] = k;
        }
    return DSB_OK;
}

void dsbi_shift_free_points(dsbi_fit_points *p, dsb_runtime *rt)
{
    dsbi_free(rt, p->x);
    dsbi_free(rt, p->at);
}

static dsb_status write_boot(dsbi_json_writer *w, const char *tail, const dsb_stats_fit_boot *boot)
{
    char key[64];
    snprintf(key, sizeof key, "slope_ci95%s", tail);
    dsbi_shift_write_pair(w, key, boot->slope_ci);
    snprintf(key, sizeof key, "intercept_ci95%s", tail);
    dsbi_shift_write_pair(w, key, boot->intercept_ci);
    return w->out->status;
}

/* Bootstraps over images need the replicates of all models of the comparison: only for fits over
 * all of them. */
static dsb_status write_image_boots(dsbi_comparison *c, uint32_t scale)
{
    const dsb_shift_opts *o = &c->s->opts;
    for (uint32_t both = 0; both < 2; both++) {
        dsb_stats_fit_boot boot;
        dsb_stats_fit_boot_init(&boot, sizeof boot);
        DSBI_TRY(dsb_stats_fit_from_means(c->s->rt, &boot, NULL, NULL, c->means_x, c->means_y, c->n,
                                          scale, o->alpha, o->n_image_bootstrap, o->seed, both));
        DSBI_TRY(write_boot(c->w, both ? "_models_and_images" : "_images", &boot));
    }
    return DSB_OK;
}

static dsb_status write_band(dsbi_comparison *c, const dsb_stats_line *line)
{
    enum { STEPS = 60 };
    double lo = INFINITY, hi = -INFINITY, x[STEPS + 1], y[3][STEPS + 1];
    for (size_t k = 0; k < c->n; k++) {
        lo = fmin(lo, c->x[k]);
        hi = fmax(hi, c->x[k]);
    }
    double margin = 0.03 * (hi - lo);
    lo = c->in_unit ? fmax(0.001, lo - margin) : lo - margin;
    hi = c->in_unit ? fmin(0.999, hi + margin) : hi + margin;
    for (int i = 0; i <= STEPS; i++) {
        double band[2];
        x[i] = lo + (hi - lo) * i / STEPS;
        DSBI_TRY(dsb_stats_fit_predict(line, &y[0][i], band, NULL, x[i], c->s->opts.alpha));
        y[1][i] = band[0];
        y[2][i] = band[1];
    }
    static const char *const names[] = {"y", "low", "high"};
    dsbi_json_write_key(c->w, "band");
    dsbi_json_begin_object(c->w);
    for (int row = -1; row < 3; row++) {
        dsbi_json_write_key(c->w, row < 0 ? "x" : names[row]);
        dsbi_json_begin_flat_array(c->w);
        for (int i = 0; i <= STEPS; i++)
            dsbi_json_write_double(c->w, row < 0 ? x[i] : y[row][i]);
        dsbi_json_end_array(c->w);
    }
    dsbi_json_end_object(c->w);
    return DSB_OK;
}

static dsb_status write_likelihood(dsbi_comparison *c, const dsbi_fit_points *p, uint32_t scale)
{
    if (scale != DSB_STATS_SCALE_LOGIT && scale != DSB_STATS_SCALE_PROBIT)
        return DSB_OK;
    for (size_t i = 0; i < p->n; i++)
        if (!DSBI_CELL_A(c, p->at[i])->counted || !DSBI_CELL_B(c, p->at[i])->counted)
            return DSB_OK;
    uint64_t *k = dsbi_alloc_array(c->s->rt, p->n + 1, 4 * sizeof *k);
    if (!k)
        return DSB_E_NOMEM;
    for (size_t i = 0; i < p->n; i++) {
        const dsbi_shift_cell *a = DSBI_CELL_A(c, p->at[i]), *b = DSBI_CELL_B(c, p->at[i]);
        k[i] = a->correct;
        k[p->n + i] = a->n;
        k[2 * p->n + i] = b->correct;
        k[3 * p->n + i] = b->n;
    }
    dsb_stats_count_line line;
    dsb_stats_count_line_init(&line, sizeof line);
    dsb_status status = dsb_stats_fit_counts(c->s->rt, &line, k, k + p->n, k + 2 * p->n,
                                             k + 3 * p->n, p->n, scale, c->s->opts.alpha);
    dsbi_free(c->s->rt, k);
    if (status == DSB_E_DATA || status == DSB_E_NUMERIC) {
        dsbi_clear_error();
        return DSB_OK;
    }
    DSBI_TRY(status);
    dsbi_json_write_key(c->w, "likelihood");
    dsbi_json_begin_flat_object(c->w);
    dsbi_json_put_double(c->w, "slope", line.slope);
    dsbi_json_put_double(c->w, "intercept", line.intercept);
    dsbi_shift_write_pair(c->w, "slope_ci95", line.slope_ci);
    dsbi_shift_write_pair(c->w, "intercept_ci95", line.intercept_ci);
    dsbi_json_put_double(c->w, "deviance", line.deviance);
    dsbi_json_put_double(c->w, "p_fit", line.p_fit);
    dsbi_json_end_object(c->w);
    return DSB_OK;
}

static dsb_status write_theil_sen(dsbi_comparison *c, const dsbi_fit_points *p, uint32_t scale)
{
    double slope, intercept, ci[2];
    dsb_status status = dsb_stats_theil_sen(c->s->rt, &slope, &intercept, ci, p->x, p->y, p->n,
                                            scale, c->s->opts.alpha);
    if (status == DSB_E_DATA || status == DSB_E_LIMIT) {
        dsbi_clear_error();
        return DSB_OK;
    }
    DSBI_TRY(status);
    dsbi_json_write_key(c->w, "theil_sen");
    dsbi_json_begin_flat_object(c->w);
    dsbi_json_put_double(c->w, "slope", slope);
    dsbi_json_put_double(c->w, "intercept", intercept);
    dsbi_shift_write_pair(c->w, "slope_ci95", ci);
    dsbi_json_end_object(c->w);
    return DSB_OK;
}

/* Where counts say how noisy each accuracy is: weighted by the variance in y, and Deming's line,
 * whose ratio is that of the mean variances of both axes on the scale. */
static dsb_status write_with_noise(dsbi_comparison *c, const dsbi_fit_points *p, uint32_t scale)
{
    double noise[2] = {0, 0}, slope, intercept;
    double *weights = dsbi_alloc_array(c->s->rt, p->n + 1, sizeof *weights);
    if (!weights)
        return DSB_E_NOMEM;
    bool known = true;
    for (size_t i = 0; i < p->n; i++) {
        const dsbi_shift_cell *a = DSBI_CELL_A(c, p->at[i]), *b = DSBI_CELL_B(c, p->at[i]);
        double vx = dsb_stats_scale_variance(p->x[i], (double)a->n, scale);
        double vy = dsb_stats_scale_variance(p->y[i], (double)b->n, scale);
        known = known && a->counted && b->counted;
        weights[i] = 1 / vy; /* 0 and 1 have none and are left out, as from every line */
        noise[0] += isfinite(vx) && isfinite(vy) ? vx : 0;
        noise[1] += isfinite(vx) && isfinite(vy) ? vy : 0;
    }
    dsb_stats_line line;
    dsb_stats_line_init(&line, sizeof line);
    dsb_status status = known ? DSB_OK : DSB_E_DATA;
    if (status == DSB_OK)
        status = dsb_stats_fit(&line, p->x, p->y, weights, p->n, scale, c->s->opts.alpha);
    if (status == DSB_OK) {
        dsbi_json_write_key(c->w, "weighted");
        dsbi_json_begin_flat_object(c->w);
        dsbi_json_put_double(c->w, "slope", line.slope);
        dsbi_json_put_double(c->w, "intercept", line.intercept);
        dsbi_shift_write_pair(c->w, "slope_ci95", line.slope_ci);
        dsbi_json_end_object(c->w);
        status = noise[0] > 0 && noise[1] > 0 ? dsb_stats_deming(&slope, &intercept, p->x, p->y,
                                                                 p->n, scale, noise[1] / noise[0])
                                              : DSB_E_DATA;
    }
    if (status == DSB_OK) {
        dsbi_json_write_key(c->w, "deming");
        dsbi_json_begin_flat_object(c->w);
        dsbi_json_put_double(c->w, "slope", slope);
        dsbi_json_put_double(c->w, "intercept", intercept);
        dsbi_json_put_double(c->w, "variance_ratio", noise[1] / noise[0]);
        dsbi_json_end_object(c->w);
    }
    dsbi_free(c->s->rt, weights);
    if (status != DSB_E_DATA && status != DSB_E_NUMERIC)
        return status;
    dsbi_clear_error();
    return DSB_OK;
}

static dsb_status write_fit(dsbi_comparison *c, const dsbi_fit_points *p, uint32_t scale, bool all)
{
    const dsb_shift_opts *o = &c->s->opts;
    dsbi_json_writer *w = c->w;
    dsb_stats_line line;
    dsb_stats_line_init(&line, sizeof line);
    dsbi_json_write_key(w, dsb_stats_scale_name(scale));
    dsb_status status = dsb_stats_fit(&line, p->x, p->y, NULL, p->n, scale, o->alpha);
    if (status == DSB_E_DATA) { /* one model, or all alike: said, not failed */
        dsbi_json_begin_flat_object(w);
        dsbi_json_write_key(w, "reason");
        dsbi_json_write_string(w, dsb_last_error());
        dsbi_json_end_object(w);
        dsbi_clear_error();
        return DSB_OK;
    }
    DSBI_TRY(status);
    dsbi_json_begin_object(w);
    dsbi_json_write_key(w, "n");
    dsbi_json_write_uint(w, line.n);
    dsbi_json_write_key(w, "n_dropped");
    dsbi_json_write_uint(w, line.n_dropped);
    dsbi_json_put_double(w, "slope", line.slope);
    dsbi_json_put_double(w, "intercept", line.intercept);
    dsbi_json_put_double(w, "r2", line.r2);
    dsb_stats_fit_boot boot;
    dsb_stats_fit_boot_init(&boot, sizeof boot);
    bool drawn = o->n_bootstrap >= 2 && line.n > 2;
    if (drawn)
        DSBI_TRY(dsb_stats_fit_bootstrap(c->s->rt, &boot, NULL, NULL, p->x, p->y, p->n, scale,
                                         o->alpha, o->n_bootstrap, o->seed));
    dsbi_json_write_key(w, "ci95_is");
    dsbi_json_write_string(w, drawn ? "bootstrap over models" : "t");
    dsbi_shift_write_pair(w, "slope_ci95", drawn ? boot.slope_ci : line.slope_ci);
    dsbi_shift_write_pair(w, "intercept_ci95", drawn ? boot.intercept_ci : line.intercept_ci);
    dsbi_shift_write_pair(w, "slope_ci95_t", line.slope_ci);
    dsbi_shift_write_pair(w, "intercept_ci95_t", line.intercept_ci);
    if (drawn) {
        DSBI_TRY(write_boot(w, "_models", &boot));
        dsbi_json_put_double(w, "share_slope_le_1", boot.share_slope_le_one);
    }
    if (all && c->means_x && line.n > 1)
        DSBI_TRY(write_image_boots(c, scale));
    dsbi_json_put_double(w, "slope_se", line.slope_se);
    dsbi_json_put_double(w, "intercept_se", line.intercept_se);
    dsbi_json_put_double(w, "p_slope_1", line.p_slope_one);
    dsbi_json_put_double(w, "residual_sd", line.residual_sd);
    dsbi_json_put_double(w, "mean_abs_residual", line.mean_abs_residual);
    dsbi_json_put_double(w, "max_abs_residual", line.max_abs_residual);
    DSBI_TRY(write_theil_sen(c, p, scale));
    DSBI_TRY(write_with_noise(c, p, scale));
    DSBI_TRY(write_likelihood(c, p, scale));
    DSBI_TRY(write_band(c, &line));
    dsbi_json_end_object(w);
    return DSB_OK;
}

static dsb_status write_all_scales(dsbi_comparison *c, const char *key, bool baseline_only)
{
    dsbi_fit_points p = {0};
    dsb_status status = dsbi_shift_take_points(&p, c, baseline_only);
    if (status == DSB_OK) {
        dsbi_json_write_key(c->w, key);
        dsbi_json_begin_object(c->w);
        for (uint32_t scale = 0; status == DSB_OK && scale <= DSB_STATS_SCALE_ARCSINE; scale++)
            if (c->in_unit || scale == DSB_STATS_SCALE_LINEAR)
                status = write_fit(c, &p, scale, !baseline_only);
        dsbi_json_end_object(c->w);
    }
    dsbi_shift_free_points(&p, c->s->rt);
    return status;
}

/* A line of two, and its curve from the accuracy `from` to `to`. */
static dsb_status write_line(dsbi_json_writer *w, const char *key, const dsb_stats_line *line,
                             double from, double to)
{
    enum { STEPS = 30 };
    double x[STEPS + 1], y[STEPS + 1];
    for (int i = 0; i <= STEPS; i++) {
        x[i] = from + (to - from) * i / STEPS;
        DSBI_TRY(dsb_stats_fit_predict(line, &y[i], NULL, NULL, x[i], 0.05));
    }
    dsbi_json_write_key(w, key);
    dsbi_json_begin_object(w);
    dsbi_json_write_key(w, "n");
    dsbi_json_write_uint(w, line->n);
    dsbi_json_write_key(w, "n_dropped");
    dsbi_json_write_uint(w, line->n_dropped);
    dsbi_json_put_double(w, "slope", line->slope);
    dsbi_json_put_double(w, "intercept", line->intercept);
    dsbi_json_put_double(w, "r2", line->r2);
    dsbi_shift_write_pair(w, "slope_ci95", line->slope_ci);
    dsbi_shift_write_pair(w, "intercept_ci95", line->intercept_ci);
    dsbi_json_write_key(w, "curve");
    dsbi_json_begin_object(w);
    for (int row = 0; row < 2; row++) {
        dsbi_json_write_key(w, row ? "y" : "x");
        dsbi_json_begin_flat_array(w);
        for (int i = 0; i <= STEPS; i++)
            dsbi_json_write_double(w, row ? y[i] : x[i]);
        dsbi_json_end_array(w);
    }
    dsbi_json_end_object(w);
    dsbi_json_end_object(w);
    return DSB_OK;
}

/* Two lines, below and above the pivot, in every scale. */
static dsb_status write_pivot(dsbi_comparison *c, const dsbi_fit_points *p)
{
    const char *model;
    double at = dsbi_shift_pivot(c, &model), lo = 1, hi = 0;
    if (!isfinite(at))
        return DSB_OK;
    for (size_t k = 0; k < c->n; k++) {
        lo = fmin(lo, c->x[k]);
        hi = fmax(hi, c->x[k]);
    }
    dsbi_json_write_key(c->w, "pivot");
    dsbi_json_begin_object(c->w);
    dsbi_json_write_key(c->w, "model");
    dsbi_json_write_string(c->w, model);
    dsbi_json_put_double(c->w, "at", at);
    for (uint32_t scale = 0; scale <= DSB_STATS_SCALE_ARCSINE; scale++) {
        dsb_stats_line below, above;
        if (!c->in_unit && scale != DSB_STATS_SCALE_LINEAR)
            continue;
        dsb_stats_line_init(&below, sizeof below);
        dsb_stats_line_init(&above, sizeof above);
        dsb_status status = dsb_stats_fit_two(c->s->rt, &below, &above, p->x, p->y, NULL, p->n, at,
                                              scale, c->s->opts.alpha);
        if (status != DSB_OK && status != DSB_E_DATA)
            return status;
        dsbi_json_write_key(c->w, dsb_stats_scale_name(scale));
        dsbi_json_begin_object(c->w);
        if (status == DSB_OK) {
            DSBI_TRY(write_line(c->w, "below", &below, lo, at));
            DSBI_TRY(write_line(c->w, "above", &above, at, hi));
        } else {
            dsbi_json_write_key(c->w, "reason");
            dsbi_json_write_string(c->w, dsb_last_error());
            dsbi_clear_error();
        }
        dsbi_json_end_object(c->w);
    }
    dsbi_json_end_object(c->w);
    return DSB_OK;
}

static bool on_scale(const dsbi_comparison *c, size_t k, uint32_t scale)
{
    return isfinite(dsb_stats_scale_apply(c->x[k], scale)) &&
           isfinite(dsb_stats_scale_apply(c->y[k], scale));
}

/* F tests over the families that tables name. */
static dsb_status write_families(dsbi_comparison *c)
{
    dsbi_words families;
    dsbi_words_init(&families, c->s->rt);
    uint32_t *family = dsbi_alloc_array(c->s->rt, c->n + 1, sizeof *family);
    double *xy = dsbi_alloc_array(c->s->rt, c->n + 1, 2 * sizeof *xy);
    dsb_status status = family && xy ? DSB_OK : DSB_E_NOMEM;
    size_t n = 0, number = 0;
    uint32_t scale = c->in_unit ? c->s->opts.scale : DSB_STATS_SCALE_LINEAR;
    for (size_t k = 0; status == DSB_OK && k < c->n; k++) { /* only families of three or more */
        const char *name = c->s->models[c->model[k]].family;
        size_t members = 0;
        for (size_t j = 0; on_scale(c, k, scale) && j < c->n; j++)
            members += on_scale(c, j, scale) && strcmp(c->s->models[c->model[j]].family, name) == 0;
        if (!*name || members < 3)
            continue;
        status = dsbi_words_add(&families, &number, name, strlen(name));
        family[n] = (uint32_t)number;
        xy[n] = c->x[k];
        xy[c->n + n++] = c->y[k];
    }
    double f[2], p[2];
    if (status == DSB_OK && families.n >= 2) {
        status = dsb_stats_common_line(&f[0], &p[0], &f[1], &p[1], xy, xy + c->n, family, n,
                                       (uint32_t)families.n, scale);
        if (status == DSB_OK) {
            dsbi_json_write_key(c->w, "common_line");
            dsbi_json_begin_flat_object(c->w);
            dsbi_json_write_key(c->w, "families");
            dsbi_json_begin_flat_array(c->w);
            for (size_t i = 0; i < families.n; i++)
                dsbi_json_write_string(c->w, families.word[i]);
            dsbi_json_end_array(c->w);
            dsbi_json_put_double(c->w, "f_same_slope", f[0]);
            dsbi_json_put_double(c->w, "p_same_slope", p[0]);
            dsbi_json_put_double(c->w, "f_one_line", f[1]);
            dsbi_json_put_double(c->w, "p_one_line", p[1]);
            dsbi_json_end_object(c->w);
        } else if (status == DSB_E_DATA) {
            dsbi_clear_error();
            status = DSB_OK;
        }
    }
    dsbi_free(c->s->rt, family);
    dsbi_free(c->s->rt, xy);
    dsbi_words_free(&families);
    return status;
}

dsb_status dsbi_shift_write_fits(dsbi_comparison *c)
{
    if (dsbi_shift_has_baseline(c)) {
        size_t members = 0;
        for (size_t k = 0; k < c->n; k++)
            members += c->s->models[c->model[k]].baseline;
        if (members == 0)
            return dsbi_fail(DSB_E_DATA, "baseline '%s' matches no model of '%s'", c->s->baseline,
                             c->b->name);
    }
    dsbi_json_write_key(c->w, "fit_over");
    dsbi_json_write_string(c->w, dsbi_shift_has_baseline(c) ? "baseline" : "all");
    DSBI_TRY(write_all_scales(c, "fits", dsbi_shift_has_baseline(c)));
    if (dsbi_shift_has_baseline(c))
        DSBI_TRY(write_all_scales(c, "fits_all", false));
    dsbi_fit_points p = {0};
    dsb_status status = dsbi_shift_take_points(&p, c, dsbi_shift_has_baseline(c));
    if (status == DSB_OK)
        status = write_pivot(c, &p);
    dsbi_shift_free_points(&p, c->s->rt);
    return status == DSB_OK ? write_families(c) : status;
}
