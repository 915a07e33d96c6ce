/* Sections of the shift report: lines, models, ranks, classes, robustness. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "report/shift_page.h"

static void begin(const dsbi_shift_page *p, const char *id, const char *heading, const char *lead)
{
    char full[64];
    snprintf(full, sizeof full, "%s%u", id, p->number);
    dsbi_section_begin(p->t, full, heading, lead);
}

static void cell_interval(dsbi_text *t, const dsbi_json_value *object, const char *key)
{
    double lo, hi;
    dsbi_record_interval(object, key, &lo, &hi);
    if (isfinite(lo))
        dsbi_html(t, "<td class=\"n\">%.3f \xe2\x80\x93 %.3f</td>", lo, hi);
    else
        dsbi_text_add(t, "<td class=\"n\"></td>");
}

static void fit_rows(const dsbi_shift_page *p)
{
    dsbi_text *t = p->t;
    bool images = false;
    dsbi_number r2;
    const dsbi_json_value *fits = dsbi_json_get(p->c, "fits");
    for (const dsbi_json_value *f = dsbi_json_first(fits); f; f = dsbi_json_next(f))
        images = images || dsbi_record_has(f, "slope_ci95_images");
    dsbi_html(t,
              "<div class=\"scroll\"><table><tr><th>Scale</th><th class=\"n\">Models</th>"
              "<th class=\"n\">Slope</th><th class=\"n\">%s over models</th>",
              p->level);
    if (images)
        dsbi_html(t, "<th class=\"n\">over images</th><th class=\"n\">over both</th>");
    dsbi_text_add(t, "<th class=\"n\">Offset</th><th class=\"n\">R\xc2\xb2</th>"
                     "<th class=\"n\">Mean residual</th></tr>\n");
    for (const dsbi_json_value *f = dsbi_json_first(fits); f; f = dsbi_json_next(f)) {
        dsbi_html(t, "<tr><td>%s</td>", dsbi_page_key(f));
        if (dsbi_record_has(f, "reason")) {
            dsbi_html(t, "<td colspan=\"8\">%s</td></tr>\n", dsbi_record_text(f, "reason"));
            continue;
        }
        dsbi_html(t, "<td class=\"n\">%.0f</td><td class=\"n\"><b>%.3f</b></td>",
                  dsbi_record_number(f, "n"), dsbi_record_number(f, "slope"));
        cell_interval(t, f, "slope_ci95");
        if (images) {
            cell_interval(t, f, "slope_ci95_images");
            cell_interval(t, f, "slope_ci95_models_and_images");
        }
        dsbi_html(t,
                  "<td class=\"n\">%.3f</td><td class=\"n\">%s</td><td class=\"n\">%.2f%s</td>"
                  "</tr>\n",
                  dsbi_record_number(f, "intercept"),
                  dsbi_number_plain(&r2, dsbi_record_number(f, "r2")),
                  (p->unit ? 100 : 1) * dsbi_record_number(f, "mean_abs_residual"),
                  p->unit ? " points" : "");
    }
    dsbi_text_add(t, "</table></div>\n");
}

/* Lines that are not least squares, on the chosen scale. */
static void other_lines(const dsbi_shift_page *p)
{
    static const struct {
        const char *key, *what;
    } lines[] = {{"theil_sen", "Theil-Sen: median slope, little moved by outliers"},
                 {"weighted", "weighted by the binomial noise of the new accuracy"},
                 {"deming", "Deming: noise in both accuracies"},
                 {"likelihood", "likelihood: counts with binomial noise on both sets"}};
    const dsbi_json_value *fit = dsbi_json_get(dsbi_json_get(p->c, "fits"), p->scale);
    if (!dsbi_record_has(fit, "theil_sen"))
        return;
    dsbi_html(p->t,
              "<details><summary>Other lines on the %s scale</summary>\n<div class=\"scroll\">"
              "<table><tr><th>Line</th><th class=\"n\">Slope</th><th class=\"n\">%s</th>"
              "<th class=\"n\">Offset</th></tr>\n",
              p->scale, p->level);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const dsbi_json_value *line = dsbi_json_get(fit, lines[i].key);
        if (!dsbi_record_has(line, "slope"))
            continue;
        dsbi_html(p->t, "<tr><td>%s</td><td class=\"n\">%.3f</td>", lines[i].what,
                  dsbi_record_number(line, "slope"));
        cell_interval(p->t, line, "slope_ci95");
        dsbi_html(p->t, "<td class=\"n\">%.3f</td></tr>\n", dsbi_record_number(line, "intercept"));
    }
    dsbi_text_add(p->t, "</table></div></details>\n");
}

static void stretched(const dsbi_shift_page *p)
{
    dsbi_text_add(p->t, "<h3>The same on the probit scale</h3>\n<p class=\"soft small\">Near 100% "
                        "the same number of points is a larger step: this scale makes steps of "
                        "skill equal.</p>\n");
    dsbi_page_scatter(p, "probit", true);
}

void dsbi_page_lines(const dsbi_shift_page *p)
{
    if (p->n < 2)
        return; /* a point is no line */
    begin(p, "lines", "Accuracy against accuracy",
          "Every point is a model. Right: better on the original set; up: better on the new one. "
          "On the dashed line nothing would be lost. Named: the best and the worst, and those "
          "furthest from the line.");
    dsbi_page_scatter(p, "linear", true);
    if (strcmp(dsbi_record_text(p->c, "fit_over"), "baseline") == 0)
        dsbi_html(p->t,
                  "<p class=\"soft small\">The line is fitted to the baseline models only: %s.</p>",
                  dsbi_record_text(dsbi_json_get(p->root, "record"), "baseline"));
    fit_rows(p);
    other_lines(p);
    if (p->unit && p->n > 1 && dsbi_record_has(dsbi_json_get(p->c, "fits"), "probit"))
        stretched(p);
    if (p->n > 1)
        dsbi_text_add(
            p->t, "<p class=\"soft small\">A slope above 1 in points says that better models lose "
                  "less. Whether that still holds where differences near 100% are stretched "
                  "(probit, logit) is another question, so all scales are shown. \"Over models\" "
                  "asks what another choice of models would give; \"over images\" what other test "
                  "images would, a source of noise that all models share.</p>\n");
    dsbi_section_end(p->t);
}

/* "97.1": the unit stands in the heading */
static const char *table_value(dsbi_number *out, const dsbi_shift_page *p, double value)
{
    if (!p->unit)
        return dsbi_number_plain(out, value);
    snprintf(out->text, sizeof out->text, "%.1f", 100 * value);
    return out->text;
}

void dsbi_page_models(const dsbi_shift_page *p)
{
    dsbi_text *t = p->t;
    dsbi_number a, b;
    begin(p, "models", "What each model loses", "");
    dsbi_page_gap_chart(p);
    dsbi_html(t, "<details%s><summary>Table of all models%s</summary>\n<div class=\"scroll\">",
              p->n <= 40 ? " open" : "", p->unit ? ", in per cent" : "");
    dsbi_html(t,
              "<table><tr><th class=\"n\">Rank</th><th>Model</th><th class=\"n\">%s</th>"
              "<th class=\"n\">%s</th><th class=\"n\">%s</th><th class=\"n\">%s</th>"
              "<th class=\"n\">Gap</th><th class=\"n\">%s</th><th class=\"n\">New rank</th>"
              "<th class=\"n\">%s</th><th class=\"n\">Change</th></tr>\n",
              p->original, p->level, p->fresh, p->level, p->level, p->level);
    double unit = p->unit ? 100 : 1;
    for (size_t i = 0; i < p->n; i++) {
        const dsbi_shift_point *q = &p->points[i];
        double change = q->rank_x - q->rank_y;
        dsbi_html(t, "<tr><td class=\"n\">%.0f</td><td>%s</td><td class=\"n\">%s</td>", q->rank_x,
                  q->name, table_value(&a, p, q->x));
        if (isfinite(q->x_lo))
            dsbi_html(t, "<td class=\"n soft\">%.1f\xe2\x80\x93%.1f</td>", unit * q->x_lo,
                      unit * q->x_hi);
        else
            dsbi_text_add(t, "<td></td>");
        dsbi_html(t, "<td class=\"n\">%s</td>", table_value(&b, p, q->y));
        if (isfinite(q->y_lo))
            dsbi_html(t, "<td class=\"n soft\">%.1f\xe2\x80\x93%.1f</td>", unit * q->y_lo,
                      unit * q->y_hi);
        else
            dsbi_text_add(t, "<td></td>");
        dsbi_html(t, "<td class=\"n\"><b>%.1f</b></td>", unit * q->gap);
        if (isfinite(q->gap_lo))
            dsbi_html(t, "<td class=\"n soft\">%.1f\xe2\x80\x93%.1f</td>", unit * q->gap_lo,
                      unit * q->gap_hi);
        else
            dsbi_text_add(t, "<td></td>");
        dsbi_html(t, "<td class=\"n\">%.0f</td>", q->rank_y);
        if (isfinite(q->rank_lo))
            dsbi_html(t, "<td class=\"n soft\">%.0f\xe2\x80\x93%.0f</td>", q->rank_lo, q->rank_hi);
        else
            dsbi_text_add(t, "<td></td>");
        dsbi_html(t, "<td class=\"n %s\">%s%.0f</td></tr>\n",
                  change > 0   ? "yes"
                  : change < 0 ? "no"
                               : "soft",
                  change > 0   ? "+"
                  : change < 0 ? "\xe2\x88\x92"
                               : "",
                  fabs(change));
    }
    dsbi_text_add(t, "</table></div></details>\n");
    dsbi_section_end(t);
}

dsb_status dsbi_page_ranks(const dsbi_shift_page *p)
{
    enum { MOST = 60 };
    if (p->n < 2 || p->n > MOST)
        return DSB_OK;
    dsbi_slope *items = dsbi_calloc(p->rt, p->n, sizeof *items);
    if (!items)
        return DSB_E_NOMEM;
    for (size_t i = 0; i < p->n; i++) {
        double change = p->points[i].rank_x - p->points[i].rank_y;
        items[i] = (dsbi_slope){.label = p->points[i].name,
                                .left = p->points[i].rank_x,
                                .right = p->points[i].rank_y,
                                .series = change > 0   ? 2
                                          : change < 0 ? 3
                                                       : 7};
    }
    const dsbi_json_value *rank = dsbi_json_get(p->c, "rank");
    char lead[200];
    dsbi_number spearman, kendall;
    snprintf(lead, sizeof lead, "Rank 1 is best. Green rose, orange fell. Spearman %s, Kendall %s.",
             dsbi_number_plain(&spearman, dsbi_record_number(rank, "spearman")),
             dsbi_number_plain(&kendall, dsbi_record_number(rank, "kendall_tau_b")));
    begin(p, "ranks", "Who overtakes whom", lead);
    const dsbi_slopes figure = {.title = "Ranks on both sets",
                                .left_caption = p->original,
                                .right_caption = p->fresh,
                                .items = items,
                                .n = p->n,
                                .descending = true};
    dsbi_figure_slopes(p->t, &figure);
    dsbi_section_end(p->t);
    dsbi_free(p->rt, items);
    return DSB_OK;
}

dsb_status dsbi_page_classes(const dsbi_shift_page *p)
{
    enum { MOST = 40 };
    const dsbi_json_value *classes = dsbi_json_get(p->c, "per_class");
    size_t n = dsbi_json_count(classes), shown = 0;
    if (n == 0)
        return DSB_OK;
    dsbi_bar *bars = dsbi_calloc(p->rt, n, sizeof *bars);
    if (!bars)
        return DSB_E_NOMEM;
    double lo = 0, hi = 0, alpha = dsbi_record_number(p->root, "alpha");
    for (const dsbi_json_value *k = dsbi_json_first(classes); k; k = dsbi_json_next(k)) {
        dsbi_bar bar = {.group = "",
                        .label = dsbi_record_text(k, "class"),
                        .note = "",
                        .value = dsbi_record_number(k, "mean_gap"),
                        .missing = "not in both sets"};
        dsbi_record_interval(k, "gap_ci95", &bar.lo, &bar.hi);
        bar.strong = dsbi_record_number(k, "p_holm") < alpha;
        bar.series = bar.value < 0 ? 2 : 3;
        size_t at = shown++; /* largest gap first */
        for (; at > 0 && bars[at - 1].value < bar.value; at--)
            bars[at] = bars[at - 1];
        bars[at] = bar;
        if (isfinite(bar.lo)) {
            lo = fmin(lo, bar.lo);
            hi = fmax(hi, bar.hi);
        }
    }
    begin(p, "classes", "Which classes lose most",
          "Mean gap of all models in each class, with its interval; strong colour: different from "
          "zero after Holm's correction.");
    const dsbi_bars figure = {.title = "Gap per class",
                              .bars = bars,
                              .n = shown < MOST ? shown : MOST,
                              .reference = 0,
                              .reference_label = "",
                              .caption = "accuracy lost",
                              .lo = lo,
                              .hi = hi > lo ? hi : lo + 0.01,
                              .width = 920,
                              .points = true};
    dsbi_figure_bars(p->t, &figure);
    if (shown > MOST)
        dsbi_html(p->t, "<p class=\"soft small\">The %d largest of %zu; all in classes.csv.</p>",
                  (int)MOST, shown);
    const dsbi_json_value *mix = dsbi_json_get(p->c, "composition");
    double composition = dsbi_record_number(mix, "mean_composition");
    const dsbi_json_value *balance = dsbi_json_get(p->c, "class_balance");
    if (isfinite(composition)) {
        dsbi_number pv;
        dsbi_html(p->t,
                  "<p>Of the mean gap, <b>%.2f points</b> come from another mix of classes and "
                  "<b>%.2f points</b> from lower accuracy within classes (Kitagawa's split). Class "
                  "counts of the new set against an even mix: %s.</p>\n",
                  100 * composition, 100 * dsbi_record_number(mix, "mean_rate"),
                  dsbi_number_p(&pv, dsbi_record_number(balance, "p_even")));
    }
    dsbi_section_end(p->t);
    dsbi_free(p->rt, bars);
    return DSB_OK;
}

void dsbi_page_robustness(const dsbi_shift_page *p)
{
    const dsbi_json_value *robustness = dsbi_json_get(p->c, "robustness");
    dsbi_text *t = p->t;
    if (!robustness)
        return;
    char lead[240];
    snprintf(lead, sizeof lead,
             "Effective robustness: accuracy on the new set minus what the line (%.20s scale) "
             "expects from the accuracy on the original one.",
             dsbi_record_text(robustness, "scale"));
    begin(p, "robustness", "Better or worse than the line says", lead);
    dsbi_page_residuals(p);
    const dsbi_json_value *predicted = dsbi_json_get(robustness, "predicted");
    if (dsbi_json_count(predicted)) {
        double unit = p->unit ? 100 : 1;
        dsbi_html(t,
                  "<h3>Expected for models not measured on the new set</h3>\n<table><tr>"
                  "<th>Model</th><th class=\"n\">Original</th><th class=\"n\">Expected</th>"
                  "<th class=\"n\">%s for this model</th></tr>\n",
                  p->level);
        for (const dsbi_json_value *m = dsbi_json_first(predicted); m; m = dsbi_json_next(m)) {
            double lo, hi;
            dsbi_record_interval(m, "interval95", &lo, &hi);
            dsbi_html(t,
                      "<tr><td>%s</td><td class=\"n\">%.1f</td><td class=\"n\">%.1f</td>"
                      "<td class=\"n\">%.1f\xe2\x80\x93%.1f</td></tr>\n",
                      dsbi_record_text(m, "name"), unit * dsbi_record_number(m, "orig"),
                      unit * dsbi_record_number(m, "new"), unit * lo, unit * hi);
        }
        dsbi_text_add(t, "</table>\n");
    }
    const dsbi_json_value *common = dsbi_json_get(p->c, "common_line");
    if (common) {
        dsbi_number a, b;
        dsbi_html(
            t, "<p>Do the families share one line? Same slope: %s; same line: %s (F tests).</p>\n",
            dsbi_number_p(&a, dsbi_record_number(common, "p_same_slope")),
            dsbi_number_p(&b, dsbi_record_number(common, "p_one_line")));
    }
    dsbi_section_end(t);
}
