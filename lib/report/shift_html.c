/* One self-contained page from the record of `shift`: what is lost and how sure that is, the line
 * that links both sets, then models, classes, items, then how it was done. */
#include "dsbias/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "report/shift_page.h"

const char *dsbi_page_value(dsbi_number *out, const dsbi_shift_page *p, double value)
{
    return p->unit ? dsbi_number_percent(out, value) : dsbi_number_plain(out, value);
}

static uint32_t series_of(dsbi_shift_page *p, const char *family)
{
    if (!*family)
        family = "other";
    for (uint32_t i = 0; i < DSBI_SHIFT_FAMILIES; i++) {
        if (!p->families[i])
            p->families[i] = family;
        if (strcmp(p->families[i], family) == 0)
            return i;
    }
    return DSBI_SHIFT_FAMILIES;
}

static void add_residuals(dsbi_shift_page *p)
{
    const dsbi_json_value *models = dsbi_json_get(dsbi_json_get(p->c, "robustness"), "models");
    for (const dsbi_json_value *m = dsbi_json_first(models); m; m = dsbi_json_next(m))
        for (size_t i = 0; i < p->n; i++)
            if (strcmp(p->points[i].name, dsbi_record_text(m, "name")) == 0) {
                p->points[i].residual = dsbi_record_number(m, "effective_robustness");
                dsbi_record_interval(m, "ci95", &p->points[i].residual_lo,
                                     &p->points[i].residual_hi);
                break;
            }
}

static dsb_status collect(dsbi_shift_page *p)
{
    const dsbi_json_value *models = dsbi_json_get(p->c, "models");
    bool families = false;
    p->n = dsbi_json_count(models);
    p->points = dsbi_calloc(p->rt, p->n + 1, sizeof *p->points);
    if (!p->points)
        return DSB_E_NOMEM;
    p->unit = true;
    size_t i = 0;
    for (const dsbi_json_value *m = dsbi_json_first(models); m; m = dsbi_json_next(m), i++) {
        dsbi_shift_point *q = &p->points[i];
        const dsbi_json_value *a = dsbi_json_get(m, "orig"), *b = dsbi_json_get(m, "new");
        q->name = dsbi_record_text(m, "name");
        q->family = dsbi_record_text(m, "family");
        families = families || *q->family;
        q->baseline = dsbi_record_bool(m, "baseline");
        q->x = dsbi_record_number(a, "accuracy");
        q->y = dsbi_record_number(b, "accuracy");
        dsbi_record_interval(a, "ci95", &q->x_lo, &q->x_hi);
        dsbi_record_interval(b, "ci95", &q->y_lo, &q->y_hi);
        q->gap = dsbi_record_number(m, "gap");
        dsbi_record_interval(m, "gap_ci95", &q->gap_lo, &q->gap_hi);
        q->rank_x = dsbi_record_number(m, "rank_orig");
        q->rank_y = dsbi_record_number(m, "rank_new");
        dsbi_record_interval(m, "rank_new_ci95", &q->rank_lo, &q->rank_hi);
        q->residual = q->residual_lo = q->residual_hi = NAN;
        p->unit = p->unit && q->x >= 0 && q->x <= 1 && q->y >= 0 && q->y <= 1;
    }
    for (i = 0; families && i < p->n; i++)
        p->points[i].series = series_of(p, p->points[i].family);
    add_residuals(p);
    return DSB_OK;
}

static void add_heading(const dsbi_shift_page *p)
{
    dsbi_number count;
    char models[80];
    if (p->n == 1)
        snprintf(models, sizeof models, "does a model");
    else
        snprintf(models, sizeof models, "do %s models", dsbi_number_count(&count, p->n));
    dsbi_html(
        p->t,
        "<header><span class=\"over\">Distribution shift</span>\n<h1>%s \xe2\x86\x92 %s</h1>\n"
        "<div class=\"soft\">How well %s that %s measured on %s do on %s?</div>"
        "</header>\n",
        p->original, p->fresh, models, p->n == 1 ? "was" : "were", p->original, p->fresh);
}

static const dsbi_json_value *fit_of(const dsbi_shift_page *p, const char *scale)
{
    return dsbi_json_get(dsbi_json_get(p->c, "fits"), scale);
}

static void add_verdict(const dsbi_shift_page *p)
{
    double mean = dsbi_record_number(p->c, "mean_gap"), lo = INFINITY, hi = -INFINITY;
    size_t lost = 0, gained = 0;
    for (size_t i = 0; i < p->n; i++) {
        lo = fmin(lo, p->points[i].gap);
        hi = fmax(hi, p->points[i].gap);
        lost += p->points[i].gap_lo > 0;
        gained += p->points[i].gap_hi < 0;
    }
    double unit = p->unit ? 100 : 1, size = fabs(unit * mean);
    dsbi_html(p->t,
              "<section class=\"verdict %s\" id=\"verdict%u\">\n"
              "<div class=\"big\">%.1f<small>%s %s%s</small></div>\n<div>"
              "<p class=\"sentence\">",
              lost > p->n / 2  ? "clear"
              : lost || gained ? "weak"
                               : "none",
              p->number, size, p->unit ? "points" : "units of the score",
              mean >= 0 ? "lost" : "gained", p->n > 1 ? " on average" : "");
    if (p->n == 1)
        dsbi_html(p->t, "%s changes from %.1f to %.1f.", p->points[0].name, unit * p->points[0].x,
                  unit * p->points[0].y);
    else if (lo >= 0 || hi <= 0)
        dsbi_html(
            p->t,
            "Every one of %zu models %s, by %.1f to %.1f%s; for %zu the change is beyond chance.",
            p->n, lo >= 0 ? "does worse" : "does better", unit * fmin(fabs(lo), fabs(hi)),
            unit * fmax(fabs(lo), fabs(hi)), p->unit ? " points" : "", lost + gained);
    else
        dsbi_html(p->t,
                  "From %.1f%s lost to %.1f gained; beyond chance, %zu of %zu models lose and %zu "
                  "gain.",
                  unit * hi, p->unit ? " points" : "", -unit * lo, lost, p->n, gained);
    double spearman = dsbi_record_number(dsbi_json_get(p->c, "rank"), "spearman");
    if (isfinite(spearman))
        dsbi_html(p->t, " Their order is %s (rank correlation %.3f).",
                  spearman > 0.95  ? "nearly the same"
                  : spearman > 0.7 ? "much the same"
                  : spearman > 0.3 ? "only loosely the same"
                                   : "not the same",
                  spearman);
    dsbi_text_add(p->t, "</p></div>\n</section>\n");
}

static void add_facts(const dsbi_shift_page *p)
{
    char value[64], more[240];
    double lo, hi;
    dsbi_text_add(p->t, "<div class=\"facts\">\n");
    static const char *const scales[] = {"linear", "probit"};
    for (int i = 0; i < 2; i++) {
        const dsbi_json_value *fit = fit_of(p, scales[i]);
        double slope = dsbi_record_number(fit, "slope");
        if (!isfinite(slope))
            continue;
        dsbi_record_interval(fit, "slope_ci95", &lo, &hi);
        snprintf(value, sizeof value, "%.3f", slope);
        if (isfinite(lo))
            snprintf(more, sizeof more, "%s interval %.2f to %.2f over models; R\xc2\xb2 %.3f",
                     p->level, lo, hi, dsbi_record_number(fit, "r2"));
        else
            snprintf(more, sizeof more, "two models only: no interval");
        dsbi_page_fact(p->t, i ? "Slope of the line, probit" : "Slope of the line, points", value,
                       more);
    }
    double half =
        dsbi_record_number(dsbi_json_get(p->c, "decomposition"), "generalisation_half_width");
    if (isfinite(half)) {
        snprintf(value, sizeof value, "\xc2\xb1%.1f points", 100 * half);
        snprintf(more, sizeof more, "how far chance alone moves an accuracy on %.60s", p->fresh);
        dsbi_page_fact(p->t, "Noise of the new set", value, more);
    }
    const dsbi_json_value *pairs = dsbi_record_item(dsbi_json_get(p->c, "mcnemar"), 1);
    if (pairs) {
        snprintf(value, sizeof value, "%.0f of %.0f", dsbi_record_number(pairs, "holm_significant"),
                 dsbi_record_number(pairs, "n_pairs"));
        dsbi_page_fact(p->t, "Pairs told apart", value,
                       "models whose order on the new set is certain (McNemar, Holm)");
    }
    dsbi_text_add(p->t, "</div>\n");
}

static dsb_status add_comparison(dsbi_shift_page *p)
{
    p->original = dsbi_record_text(p->c, "original");
    p->fresh = dsbi_record_text(p->c, "new");
    p->scale = dsbi_record_text(p->root, "scale");
    memset(p->families, 0, sizeof p->families);
    dsb_status status = collect(p);
    if (status == DSB_OK) {
        add_heading(p);
        add_verdict(p);
        add_facts(p);
        dsbi_page_lines(p);
        dsbi_page_models(p);
        status = dsbi_page_ranks(p);
    }
    if (status == DSB_OK)
        status = dsbi_page_classes(p);
    if (status == DSB_OK) {
        dsbi_page_robustness(p);
        dsbi_page_groups(p);
        status = dsbi_page_reliability(p);
    }
    if (status == DSB_OK) {
        dsbi_page_ties(p);
        dsbi_page_label_free(p);
        dsbi_page_label_shift(p);
        dsbi_page_reading(p);
    }
    dsbi_free(p->rt, p->points);
    p->points = NULL;
    return status;
}

static void add_warnings(const dsbi_shift_page *p)
{
    const dsbi_json_value *warnings = dsbi_json_get(p->root, "warnings");
    for (const dsbi_json_value *w = dsbi_json_first(warnings); w; w = dsbi_json_next(w))
        dsbi_html(p->t, "<div class=\"note-box\"><p>%s</p></div>\n", dsbi_page_string(w));
}

static dsb_status write_record(dsb_runtime *rt, dsbi_text *t, const dsbi_json_value *root,
                               void *user)
{
    (void)user;
    dsbi_shift_page p = {.rt = rt, .t = t, .root = root, .c = root};
    dsbi_page_begin(t, "Distribution shift \xe2\x80\x93 dsbias report");
    double alpha = dsbi_record_number(root, "alpha");
    snprintf(p.level, sizeof p.level, "%.6g%%", isfinite(alpha) ? 100 * (1 - alpha) : 95.0);
    add_warnings(&p);
    DSBI_TRY(add_comparison(&p));
    for (const dsbi_json_value *c = dsbi_json_first(dsbi_json_get(root, "other_sets")); c;
         c = dsbi_json_next(c)) {
        p.c = c;
        p.number++;
        DSBI_TRY(add_comparison(&p));
    }
    dsbi_page_method(&p);
    dsbi_html(t,
              "<footer>Made from results.json by dsbias %s. This page loads nothing from anywhere "
              "and runs no scripts.</footer>\n",
              dsbi_record_text(dsbi_json_get(root, "record"), "version"));
    dsbi_page_end(t);
    return DSB_OK;
}

dsb_status dsb_report_shift_html(dsb_runtime *rt, char **html, size_t *size, const char *json,
                                 size_t json_size)
{
    return dsbi_record_report(rt, html, size, json, json_size, "dsbias.shift/",
                              "dsb_report_shift_html", write_record, NULL);
}
