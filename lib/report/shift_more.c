/* Sections of the shift report: calibration, groups of items, ties, labels not needed, how to read
 * and how it was done. */
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

static dsb_status reliability_diagram(const dsbi_shift_page *p, const dsbi_json_value *side,
                                      const char *set)
{
    const dsbi_json_value *bins = dsbi_json_get(side, "bins");
    size_t n = dsbi_json_count(bins), i = 0;
    dsbi_point *points = dsbi_calloc(p->rt, n + 1, sizeof *points);
    char title[160];
    if (!points)
        return DSB_E_NOMEM;
    for (const dsbi_json_value *b = dsbi_json_first(bins); b; b = dsbi_json_next(b), i++) {
        points[i] = (dsbi_point){.label = "",
                                 .x = dsbi_record_number(b, "confidence"),
                                 .y = dsbi_record_number(b, "accuracy"),
                                 .x_lo = NAN,
                                 .x_hi = NAN};
        dsbi_record_interval(b, "ci95", &points[i].y_lo, &points[i].y_hi);
    }
    snprintf(title, sizeof title, "Reliability on %.80s", set);
    dsbi_scatter figure = {.title = title,
                           .x_caption = "confidence",
                           .y_caption = "accuracy",
                           .points = points,
                           .n = n,
                           .percent = true,
                           .diagonal = true,
                           .lo = 0,
                           .hi = 1};
    dsbi_html(p->t, "<div><h3>%s: ECE %.2f points, confidence %.1f%%, accuracy %.1f%%</h3>\n", set,
              100 * dsbi_record_number(side, "ece"),
              100 * dsbi_record_number(side, "mean_confidence"),
              100 * dsbi_record_number(side, "accuracy"));
    dsbi_figure_scatter(p->t, &figure);
    dsbi_text_add(p->t, "</div>\n");
    dsbi_free(p->rt, points);
    return DSB_OK;
}

/* Scores of all probabilities, as they are and at the temperature fitted on the original set. */
static void scaled_scores(const dsbi_shift_page *p, const dsbi_json_value *model)
{
    static const char *const keys[] = {"ece", "brier", "nll"};
    dsbi_html(p->t,
              "<table><tr><th>Temperature %.3f, fitted on %s</th><th class=\"n\">ECE</th>"
              "<th class=\"n\">at that</th><th class=\"n\">Brier</th><th class=\"n\">at that</th>"
              "<th class=\"n\">NLL</th><th class=\"n\">at that</th></tr>\n",
              dsbi_record_number(model, "temperature"), p->original);
    for (int side = 0; side < 2; side++) {
        const dsbi_json_value *of = dsbi_json_get(model, side ? "new" : "orig");
        dsbi_html(p->t, "<tr><td>%s</td>", side ? p->fresh : p->original);
        for (int k = 0; k < 3; k++)
            for (int scaled = 0; scaled < 2; scaled++) {
                const dsbi_json_value *from = scaled ? dsbi_json_get(of, "at_temperature") : of;
                dsbi_number text;
                double value = dsbi_record_number(from, keys[k]);
                dsbi_html(p->t, "<td class=\"n\">%s</td>",
                          isfinite(value) ? dsbi_number_plain(&text, value) : "");
            }
        dsbi_text_add(p->t, "</tr>\n");
    }
    dsbi_text_add(p->t, "</table>\n");
}

dsb_status dsbi_page_reliability(const dsbi_shift_page *p)
{
    enum { MOST = 6 };
    const dsbi_json_value *models = dsbi_json_get(p->c, "calibration");
    size_t shown = 0;
    if (dsbi_json_count(models) == 0)
        return DSB_OK;
    begin(p, "calibration", "Does confidence mean what it says?",
          "Below the dashed line a model is surer than it is right.");
    for (const dsbi_json_value *m = dsbi_json_first(models); m && shown < MOST;
         m = dsbi_json_next(m), shown++) {
        const dsbi_json_value *free = dsbi_json_get(m, "without_labels");
        dsbi_html(p->t, "<h3>%s</h3>\n<div class=\"two\">\n", dsbi_record_text(m, "name"));
        DSBI_TRY(reliability_diagram(p, dsbi_json_get(m, "orig"), p->original));
        DSBI_TRY(reliability_diagram(p, dsbi_json_get(m, "new"), p->fresh));
        dsbi_html(p->t,
                  "</div>\n<p>Accuracy on %s as confidences alone would have it: average "
                  "confidence %.1f%%, difference of confidences %.1f%%, threshold (ATC) %.1f%%; "
                  "true: <b>%.1f%%</b>.</p>\n",
                  p->fresh, 100 * dsbi_record_number(free, "average_confidence"),
                  100 * dsbi_record_number(free, "doc"), 100 * dsbi_record_number(free, "atc"),
                  100 * dsbi_record_number(free, "truth"));
        if (dsbi_record_has(m, "temperature"))
            scaled_scores(p, m);
    }
    if (dsbi_json_count(models) > shown)
        dsbi_html(p->t, "<p class=\"soft small\">and %zu more models in results.json</p>\n",
                  dsbi_json_count(models) - shown);
    dsbi_section_end(p->t);
    return DSB_OK;
}

/* What is left of the gap and of the line when a group is taken away. */
static void group_gaps(const dsbi_shift_page *p)
{
    const dsbi_json_value *gaps = dsbi_json_get(p->c, "group_gaps");
    if (dsbi_json_count(gaps) == 0)
        return;
    dsbi_text_add(p->t,
                  "<h3>Without these items</h3>\n<div class=\"scroll\"><table><tr><th>Group</th>"
                  "<th class=\"n\">Items, original</th><th class=\"n\">Items, new</th>"
                  "<th class=\"n\">Mean gap inside</th><th class=\"n\">Mean gap without</th>"
                  "<th class=\"n\">Slope without, points</th><th class=\"n\">probit</th></tr>\n");
    for (const dsbi_json_value *g = dsbi_json_first(gaps); g; g = dsbi_json_next(g)) {
        const dsbi_json_value *fits = dsbi_json_get(g, "fits_without");
        double slopes[2] = {dsbi_record_number(dsbi_json_get(fits, "linear"), "slope"),
                            dsbi_record_number(dsbi_json_get(fits, "probit"), "slope")};
        const double gap[2] = {dsbi_record_number(g, "mean_gap_inside"),
                               dsbi_record_number(g, "mean_gap_without")};
        dsbi_html(p->t, "<tr><td>%s</td><td class=\"n\">%.0f</td><td class=\"n\">%.0f</td>",
                  dsbi_record_text(g, "group"), dsbi_record_number(g, "n_orig"),
                  dsbi_record_number(g, "n_new"));
        for (int i = 0; i < 2; i++) {
            dsbi_number text;
            dsbi_html(p->t, "<td class=\"n\">%s</td>",
                      !isfinite(gap[i]) ? ""
                      : p->unit         ? dsbi_number_points(&text, gap[i])
                                        : dsbi_number_plain(&text, gap[i]));
        }
        for (int i = 0; i < 2; i++) {
            dsbi_number text;
            dsbi_html(p->t, "<td class=\"n\">%s</td>",
                      isfinite(slopes[i]) ? dsbi_number_plain(&text, slopes[i]) : "");
        }
        dsbi_text_add(p->t, "</tr>\n");
    }
    dsbi_text_add(p->t, "</table></div>\n");
}

void dsbi_page_groups(const dsbi_shift_page *p)
{
    const dsbi_json_value *groups = dsbi_json_get(p->c, "groups");
    if (dsbi_json_count(groups) == 0)
        return;
    begin(p, "groups", "Named items", "Means over models.");
    dsbi_text_add(p->t,
                  "<div class=\"scroll\"><table><tr><th>Set</th><th>Group</th>"
                  "<th class=\"n\">Items</th><th class=\"n\">Inside</th>"
                  "<th class=\"n\">Outside</th><th class=\"n\">Removing it costs</th></tr>\n");
    for (const dsbi_json_value *g = dsbi_json_first(groups); g; g = dsbi_json_next(g)) {
        dsbi_number a, b, c;
        dsbi_html(p->t,
                  "<tr><td>%s</td><td>%s</td><td class=\"n\">%.0f</td><td class=\"n\">%s</td>"
                  "<td class=\"n\">%s</td><td class=\"n\">%s</td></tr>\n",
                  dsbi_record_text(g, "set"), dsbi_record_text(g, "group"),
                  dsbi_record_number(g, "n"),
                  dsbi_page_value(&a, p, dsbi_record_number(g, "mean_inside")),
                  dsbi_page_value(&b, p, dsbi_record_number(g, "mean_outside")),
                  p->unit ? dsbi_number_points(&c, dsbi_record_number(g, "mean_cost_of_removing"))
                          : dsbi_number_plain(&c, dsbi_record_number(g, "mean_cost_of_removing")));
    }
    dsbi_text_add(p->t, "</table></div>\n");
    group_gaps(p);
    dsbi_section_end(p->t);
}

/* Guessed against true shares of the model that is best on the original set, and how often the
 * assumption behind the guess failed. */
void dsbi_page_label_shift(const dsbi_shift_page *p)
{
    enum { MOST = 30 };
    const dsbi_json_value *models = dsbi_json_get(p->c, "label_shift");
    const dsbi_json_value *best = NULL;
    size_t failed = 0, n = dsbi_json_count(models), row = 0;
    for (const dsbi_json_value *m = dsbi_json_first(models); m; m = dsbi_json_next(m)) {
        failed += dsbi_record_bool(m, "assumption_fails");
        if (p->n > 0 && strcmp(dsbi_record_text(m, "model"), p->points[0].name) == 0)
            best = m;
    }
    if (!best)
        return;
    char lead[400];
    snprintf(lead, sizeof lead,
             "If only the mix of classes had changed, predictions alone would give the new mix "
             "(BBSE, Lipton et al. 2018). For %zu of %zu models that assumption fails: true shares "
             "lie outside the intervals. Below: %.80s.",
             failed, n, p->points[0].name);
    begin(p, "labelshift", "Has only the mix of classes changed?", lead);
    dsbi_html(p->t,
              "<div class=\"scroll\"><table><tr><th>Class</th><th class=\"n\">Share, guessed</th>"
              "<th class=\"n\">%s</th><th class=\"n\">Share, true</th></tr>\n",
              p->level);
    const dsbi_json_value *truth = dsbi_json_first(dsbi_json_get(best, "true_q_y"));
    const dsbi_json_value *low = dsbi_json_first(dsbi_json_get(best, "est_q_y_low"));
    const dsbi_json_value *high = dsbi_json_first(dsbi_json_get(best, "est_q_y_high"));
    const dsbi_json_value *name = dsbi_json_first(dsbi_json_get(p->c, "per_class"));
    for (const dsbi_json_value *v = dsbi_json_first(dsbi_json_get(best, "est_q_y"));
         v && name && row < MOST; v = dsbi_json_next(v), row++) {
        double value[4] = {NAN, NAN, NAN, NAN};
        dsbi_json_double(v, &value[0]);
        dsbi_json_double(low, &value[1]);
        dsbi_json_double(high, &value[2]);
        dsbi_json_double(truth, &value[3]);
        dsbi_html(
            p->t,
            "<tr><td>%s</td><td class=\"n\">%.1f %%</td><td class=\"n soft\">%.1f\xe2\x80\x93%.1f"
            "</td><td class=\"n%s\">%.1f %%</td></tr>\n",
            dsbi_record_text(name, "class"), 100 * value[0], 100 * value[1], 100 * value[2],
            value[3] < value[1] || value[3] > value[2] ? " no" : "", 100 * value[3]);
        low = dsbi_json_next(low);
        high = dsbi_json_next(high);
        truth = dsbi_json_next(truth);
        name = dsbi_json_next(name);
    }
    dsbi_text_add(p->t, "</table></div>\n");
    dsbi_section_end(p->t);
}

void dsbi_page_ties(const dsbi_shift_page *p)
{
    const dsbi_json_value *sides = dsbi_json_get(p->c, "mcnemar");
    if (dsbi_json_count(sides) == 0)
        return;
    begin(p, "ties", "Which differences are real",
          "Models compared on the same items. A group holds the best model left and whoever an "
          "exact McNemar test does not tell from it; membership is relative to that anchor.");
    dsbi_text_add(p->t, "<div class=\"two\">\n");
    for (const dsbi_json_value *s = dsbi_json_first(sides); s; s = dsbi_json_next(s)) {
        const dsbi_json_value *q = dsbi_json_get(s, "cochran_q");
        dsbi_number pv;
        dsbi_html(p->t,
                  "<div><h3>%s</h3>\n<p class=\"small\">%.0f pairs: %.0f differ, %.0f after "
                  "Holm, %.0f after Benjamini-Hochberg. All models alike (Cochran's Q): %s.</p>\n"
                  "<ol class=\"small\">\n",
                  dsbi_record_text(s, "set"), dsbi_record_number(s, "n_pairs"),
                  dsbi_record_number(s, "raw_significant"),
                  dsbi_record_number(s, "holm_significant"),
                  dsbi_record_number(s, "bh_significant"),
                  dsbi_number_p(&pv, dsbi_record_number(q, "p")));
        const dsbi_json_value *groups = dsbi_json_get(s, "tie_groups");
        size_t shown = 0;
        for (const dsbi_json_value *g = dsbi_json_first(groups); g && shown < 12;
             g = dsbi_json_next(g), shown++) {
            dsbi_text_add(p->t, "<li>");
            size_t names = 0;
            for (const dsbi_json_value *m = dsbi_json_first(g); m && names < 12;
                 m = dsbi_json_next(m), names++)
                dsbi_html(p->t, "%s%s", names ? ", " : "", dsbi_page_string(m));
            if (dsbi_json_count(g) > names)
                dsbi_html(p->t, " and %zu more", dsbi_json_count(g) - names);
            dsbi_text_add(p->t, "</li>\n");
        }
        dsbi_text_add(p->t, "</ol>\n");
        if (dsbi_json_count(groups) > shown)
            dsbi_html(p->t, "<p class=\"soft small\">and %zu more groups</p>\n",
                      dsbi_json_count(groups) - shown);
        dsbi_text_add(p->t, "</div>\n");
    }
    dsbi_text_add(p->t, "</div>\n");
    dsbi_section_end(p->t);
}

void dsbi_page_label_free(const dsbi_shift_page *p)
{
    const dsbi_json_value *agreement = dsbi_json_get(p->c, "agreement_on_the_line");
    if (dsbi_json_count(agreement) == 0)
        return;
    begin(p, "labelfree", "Could it have been known without the new labels?",
          "Where models agree with each other as much as they are right, agreement on unlabelled "
          "images gives the line (Baek et al. 2022).");
    dsbi_text_add(p->t, "<div class=\"scroll\"><table><tr><th>Scale</th>"
                        "<th class=\"n\">Slope of agreement</th><th class=\"n\">of accuracy</th>"
                        "<th class=\"n\">R\xc2\xb2 of agreement</th>"
                        "<th class=\"n\">Error of ALine-S</th>"
                        "<th class=\"n\">Error of ALine-D</th></tr>\n");
    for (const dsbi_json_value *a = dsbi_json_first(agreement); a; a = dsbi_json_next(a))
        if (dsbi_record_has(a, "agreement_slope"))
            dsbi_html(p->t,
                      "<tr><td>%s</td><td class=\"n\">%.3f</td><td class=\"n\">%.3f</td>"
                      "<td class=\"n\">%.3f</td><td class=\"n\">%.2f points</td>"
                      "<td class=\"n\">%.2f points</td></tr>\n",
                      dsbi_page_key(a), dsbi_record_number(a, "agreement_slope"),
                      dsbi_record_number(a, "accuracy_slope"),
                      dsbi_record_number(a, "agreement_r2"),
                      100 * dsbi_record_number(a, "aline_s_mae"),
                      100 * dsbi_record_number(a, "aline_d_mae"));
    dsbi_text_add(p->t, "</table></div>\n<p class=\"soft small\">Errors are means over models of "
                        "the estimated against the true accuracy. Trust such estimates only where "
                        "R\xc2\xb2 of agreement is above 0.95.</p>\n");
    dsbi_section_end(p->t);
}

void dsbi_page_reading(const dsbi_shift_page *p)
{
    const char *sentence = dsbi_record_text(dsbi_json_get(p->c, "decomposition"), "sentence");
    if (!*sentence)
        return;
    begin(p, "reading", "What the gap is made of", "");
    dsbi_html(p->t, "<p>%s</p>\n", sentence);
    dsbi_text_add(
        p->t,
        "<p class=\"soft small\">A gap is the sum of three: adaptation of models to the original "
        "test set, a difference between the two distributions, and chance in the new set. Data "
        "such as these measure the sum and bound the last (Recht et al. 2019).</p>\n");
    dsbi_section_end(p->t);
}

void dsbi_page_method(const dsbi_shift_page *p)
{
    const dsbi_json_value *record = dsbi_json_get(p->root, "record");
    dsbi_section_begin(p->t, "method", "How it was done", "");
    dsbi_text_add(p->t, "<table>\n");
    dsbi_html(p->t, "<tr><td class=\"key\">Command</td><td><code>%s</code></td></tr>\n",
              dsbi_record_text(record, "command"));
    dsbi_html(p->t,
              "<tr><td class=\"key\">Resampling</td><td>%.0f fits over models, %.0f over images, "
              "seed %.0f; the result does not depend on the number of threads</td></tr>\n",
              dsbi_record_number(record, "n_bootstrap"),
              dsbi_record_number(record, "n_image_bootstrap"), dsbi_record_number(record, "seed"));
    dsbi_html(p->t, "<tr><td class=\"key\">Version</td><td>%s</td></tr>\n",
              dsbi_record_text(record, "build"));
    dsbi_text_add(
        p->t,
        "<tr><td class=\"key\">Intervals</td><td>accuracies: Clopper-Pearson; gaps: Newcombe's "
        "hybrid score; slopes: percentile bootstrap over models; classes: normal, over images"
        "</td></tr>\n</table>\n<dl>\n"
        "<dt>Gap</dt><dd>accuracy on the original set minus accuracy on the new one.</dd>\n"
        "<dt>Intervals</dt><dd>were the sets drawn again, such intervals would hold the true "
        "value as often as their level says.</dd>\n"
        "<dt>Probit scale</dt><dd>accuracies as quantiles of the normal distribution. Where images "
        "differ in difficulty and models in skill, both normal, accuracies on two sets lie on a "
        "straight line there.</dd>\n"
        "<dt>McNemar, Holm</dt><dd>a test of two models on the same items, and a correction for "
        "doing many such tests.</dd>\n</dl>\n");
    dsbi_section_end(p->t);
}
