/* What was found: the ladder, the confusion matrix with recalls, the null control, how many images
 * a finer answer would take, the training curves. */
#include "report/classify_page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"

static bool is_metadata(const dsbi_json_value *rung)
{
    return strcmp(dsbi_record_text(rung, "kind"), "metadata") == 0;
}

static void fill_rung(dsbi_bar *bar, dsbi_number *note, const dsbi_json_value *rung, bool headline)
{
    const char *state = dsbi_record_text(rung, "state");
    *bar = (dsbi_bar){
        .group =
            is_metadata(rung) ? "Without pixels" : "From pixels, every image made the same size",
        .label = dsbi_record_rung_title(dsbi_record_text(rung, "name")),
        .tip = dsbi_record_text(rung, "what"),
        .value = dsbi_record_number(rung, "accuracy"),
        .series = is_metadata(rung) ? 1 : 0,
        .strong = headline,
        .missing = *dsbi_record_text(rung, "why") ? dsbi_record_text(rung, "why") : state,
    };
    dsbi_record_interval(rung, "ci95", &bar->lo, &bar->hi);
    double seconds = dsbi_record_number(rung, "seconds");
    if (isfinite(seconds) && isfinite(bar->value))
        bar->note = dsbi_number_seconds(note, seconds);
}

/* Metadata first, then the rest, in the order of the record. */
static size_t fill_rungs(const dsbi_classify_page *p, dsbi_bar *bars, dsbi_number *notes)
{
    size_t n = 0;
    for (int pixels = 0; pixels <= 1; pixels++)
        for (const dsbi_json_value *r = dsbi_json_first(p->rungs); r; r = dsbi_json_next(r))
            if (is_metadata(r) == !pixels) {
                fill_rung(&bars[n], &notes[n], r, r == p->headline);
                n++;
            }
    return n;
}

static void add_beyond(const dsbi_classify_page *p)
{
    const dsbi_json_value *beyond = dsbi_json_get(p->root, "beyond_metadata");
    double difference = dsbi_record_number(beyond, "difference"), lo, hi;
    if (!*dsbi_record_text(beyond, "sentence") && !isfinite(difference))
        return;
    dsbi_html(p->t, "<div class=\"note-box\"><p><b>%s</b>", dsbi_record_text(beyond, "sentence"));
    if (isfinite(difference)) {
        dsbi_number points, p_value;
        dsbi_record_interval(beyond, "ci95", &lo, &hi);
        dsbi_html(p->t, " <span class=\"soft\">Difference %s",
                  dsbi_number_points(&points, difference));
        if (isfinite(lo) && isfinite(hi))
            dsbi_html(p->t, ", 95 %% interval %+.1f to %+.1f", 100 * lo, 100 * hi);
        dsbi_text_add(p->t, ", ");
        dsbi_page_term(p->t, "McNemar test",
                       "Compares two classifiers on the same images: counts the images only one of "
                       "them gets right.");
        dsbi_html(p->t, " %s.</span>",
                  dsbi_number_p(&p_value, dsbi_record_number(beyond, "p_value")));
    }
    dsbi_text_add(p->t, "</p></div>\n");
}

dsb_status dsbi_classify_ladder(const dsbi_classify_page *p)
{
    size_t n = dsbi_json_count(p->rungs);
    if (n == 0)
        return DSB_OK;
    dsbi_bar *bars = dsbi_alloc_array(p->rt, n, sizeof *bars);
    dsbi_number *notes = dsbi_alloc_array(p->rt, n, sizeof *notes);
    if (!bars || !notes) {
        dsbi_free(p->rt, bars);
        dsbi_free(p->rt, notes);
        return DSB_E_NOMEM;
    }
    dsbi_section_begin(
        p->t, "ladder", "What gives the collection away",
        "A ladder of classifiers, cheapest first. The lines are 95 % intervals; a bar "
        "that ends near the dashed line has found nothing.");
    dsbi_figure_bars(p->t, &(dsbi_bars){
                               .title = "accuracy of each classifier",
                               .bars = bars,
                               .n = fill_rungs(p, bars, notes),
                               .reference = p->chance,
                               .reference_label = "chance",
                               .caption = "test images put in the right collection",
                               .lo = 0,
                               .hi = 1,
                               .width = 900,
                           });
    add_beyond(p);
    dsbi_section_end(p->t);
    dsbi_free(p->rt, bars);
    dsbi_free(p->rt, notes);
    return DSB_OK;
}

/* Reads the matrix; false if it is not n x n. */
static bool read_confusion(const dsbi_classify_page *p, uint64_t *counts, double *shares)
{
    const dsbi_json_value *row = dsbi_json_first(dsbi_json_get(p->root, "confusion"));
    for (size_t r = 0; r < p->n; r++, row = dsbi_json_next(row)) {
        const dsbi_json_value *cell = dsbi_json_first(row);
        double total = 0;
        for (size_t c = 0; c < p->n; c++, cell = dsbi_json_next(cell)) {
            if (!dsbi_json_uint64(cell, &counts[r * p->n + c]))
                return false;
            total += (double)counts[r * p->n + c];
        }
        for (size_t c = 0; c < p->n; c++)
            shares[r * p->n + c] = total > 0 ? (double)counts[r * p->n + c] / total : NAN;
    }
    return true;
}

static void add_recalls(const dsbi_classify_page *p, dsbi_bar *bars, bool wide)
{
    size_t i = 0;
    for (const dsbi_json_value *d = dsbi_json_first(p->datasets); d; d = dsbi_json_next(d), i++) {
        bars[i] = (dsbi_bar){.label = p->names[i],
                             .value = dsbi_record_number(d, "recall"),
                             .missing = "not tested"};
        dsbi_record_interval(d, "ci95", &bars[i].lo, &bars[i].hi);
    }
    dsbi_text_add(p->t, "<div><h3>Recognised, collection by collection</h3>\n");
    dsbi_figure_bars(p->t, &(dsbi_bars){
                               .title = "share of each collection that is recognised",
                               .bars = bars,
                               .n = p->n,
                               .reference = p->chance,
                               .reference_label = "chance",
                               .caption = "test images of the collection that are recognised",
                               .lo = 0,
                               .hi = 1,
                               .width = wide ? 900 : 446,
                           });
    dsbi_text_add(p->t, "</div>\n");
}

static void add_bounds(const dsbi_classify_page *p)
{
    const dsbi_json_value *tv = dsbi_json_get(p->root, "tv_lower_bound");
    const dsbi_json_value *mi = dsbi_json_get(p->root, "mutual_information_bits");
    const dsbi_json_value *margin = dsbi_json_get(p->root, "margin_test");
    double value = dsbi_record_number(tv, "value"), bits = dsbi_record_number(mi, "value");
    double z = dsbi_record_number(margin, "z");
    dsbi_text_add(p->t, "<p class=\"small soft\">");
    if (isfinite(value)) {
        dsbi_page_term(p->t, "Total variation distance",
                       "0: the collections hold the same kinds of images in the same shares; 1: no "
                       "image could come from both. A classifier proves that it is at least this.");
        dsbi_html(p->t, " between the collections: at least %.2f (with 95 %% confidence %.2f). ",
                  value, fmax(0, dsbi_record_number(tv, "lower95")));
    }
    if (isfinite(bits)) {
        dsbi_page_term(p->t, "Information",
                       "How many bits an image tells about the collection it comes from; log2 of "
                       "the number of collections would tell all.");
        dsbi_html(p->t, " an image carries about its collection: at least %.2f bits of %.2f. ",
                  bits, log2((double)p->n));
    }
    if (isfinite(z)) {
        dsbi_number p_value;
        dsbi_page_term(p->t, "Test with fixed margins",
                       "Also right where a classifier answers some collections more often than "
                       "others.");
        dsbi_html(p->t, ": z = %.1f, %s.", z,
                  dsbi_number_p(&p_value, dsbi_record_number(margin, "p_value")));
    }
    dsbi_text_add(p->t, "</p>\n");
}

dsb_status dsbi_classify_confusion(const dsbi_classify_page *p)
{
    size_t cells;
    if (p->n == 0 || !dsbi_mul(&cells, p->n, p->n))
        return DSB_OK;
    dsb_status status = DSB_E_NOMEM;
    uint64_t *counts = dsbi_calloc(p->rt, cells, sizeof *counts);
    double *shares = dsbi_calloc(p->rt, cells, sizeof *shares);
    dsbi_bar *bars = dsbi_alloc_array(p->rt, p->n, sizeof *bars);
    if (!counts || !shares || !bars)
        goto done;
    status = DSB_OK;
    if (!read_confusion(p, counts, shares))
        goto done;
    const char *rung = dsbi_record_rung_title(dsbi_record_text(p->root, "headline_rung"));
    char lead[200];
    snprintf(lead, sizeof lead,
             "%s on the test images. Each row is one collection; the framed cells are the right "
             "answers.",
             rung);
    dsbi_section_begin(p->t, "confusion", "Which collections are taken for which", lead);
    bool wide = p->n > 4; /* more collections than fit beside the recalls */
    dsbi_html(p->t, "<div class=\"%s\">\n<div>", wide ? "" : "two");
    dsbi_figure_heat(p->t, &(dsbi_heat){
                               .title = "confusion matrix",
                               .row_caption = "comes from",
                               .column_caption = "taken for",
                               .rows = p->names,
                               .columns = p->names,
                               .n_rows = p->n,
                               .n_columns = p->n,
                               .shares = shares,
                               .counts = counts,
                               .width = wide ? 900 : 440,
                           });
    dsbi_text_add(p->t, "</div>\n");
    add_recalls(p, bars, wide);
    dsbi_text_add(p->t, "</div>\n");
    add_bounds(p);
    dsbi_section_end(p->t);
done:
    dsbi_free(p->rt, counts);
    dsbi_free(p->rt, shares);
    dsbi_free(p->rt, bars);
    return status;
}

void dsbi_classify_null(const dsbi_classify_page *p)
{
    const dsbi_json_value *null = dsbi_json_get(p->root, "null_control");
    double accuracy = dsbi_record_number(null, "accuracy"), lo, hi;
    dsbi_section_begin(p->t, "null", "Null control: is the method honest?", "");
    if (!isfinite(accuracy)) {
        dsbi_text_add(p->t, "<p class=\"soft\">Not run. Without it, nothing shows that the method "
                            "finds nothing where there is nothing.</p>\n");
        dsbi_section_end(p->t);
        return;
    }
    bool passed = dsbi_record_bool(null, "passed");
    dsbi_number value, interval, chance, n_test;
    dsbi_record_interval(null, "ci95", &lo, &hi);
    dsbi_html(p->t,
              "<p>Single collections were cut at random into %zu pseudo-collections, and the "
              "same classifier (%s) was asked to tell them apart. There is nothing to find, so it "
              "must come out at chance.</p>\n",
              p->n, dsbi_record_rung_title(dsbi_record_text(null, "rung")));
    dsbi_html(
        p->t,
        "<div class=\"note-box %s\"><p><b>%s</b> %s of %s test images (95 %% interval %s) against "
        "chance %s. %s</p></div>\n",
        passed ? "good" : "bad",
        passed ? "Passed:" : "Failed:", dsbi_number_percent(&value, accuracy),
        dsbi_number_count(&n_test, dsbi_record_count(null, "n_test")),
        dsbi_number_interval(&interval, lo, hi), dsbi_number_percent(&chance, p->chance),
        passed && !(hi < p->chance) ? "The interval holds chance, as it must."
        : passed                    ? "Below chance, by bad luck: nothing was found, as it must be."
                 : "Something leaks: near-duplicates, an order in the files, or a defect. The "
                   "other numbers of this page should not be trusted until it is found. (One "
                   "run in twenty fails by bad luck; another seed tells.)");
    dsbi_section_end(p->t);
}

void dsbi_classify_sample_size(const dsbi_classify_page *p)
{
    const dsbi_json_value *rows = dsbi_json_get(p->root, "sample_size");
    if (dsbi_json_count(rows) == 0)
        return;
    dsbi_number count;
    dsbi_section_begin(p->t, "sample-size", "How small a difference could this run have seen?",
                       "Test images needed to tell an accuracy that far above chance from chance, "
                       "with 80 % probability, at the 5 % level.");
    dsbi_html(p->t,
              "<div class=\"scroll\"><table><tr><th>Above chance by</th>"
              "<th class=\"n\">Test images needed</th><th>This run: %s test images</th></tr>\n",
              dsbi_number_count(&count, dsbi_record_count(p->root, "n_test")));
    for (const dsbi_json_value *r = dsbi_json_first(rows); r; r = dsbi_json_next(r)) {
        bool enough = dsbi_record_bool(r, "enough");
        double points = 100 * dsbi_record_number(r, "difference");
        dsbi_html(p->t,
                  "<tr><td>%.3g %s</td><td class=\"n\">%s</td><td class=\"%s\">%s</td></tr>\n",
                  points, points == 1 ? "point" : "points",
                  dsbi_number_count(&count, dsbi_record_count(r, "n_test")), enough ? "yes" : "no",
                  enough ? "\xe2\x9c\x93 enough" : "\xe2\x9c\x97 not enough");
    }
    dsbi_text_add(p->t, "</table></div>\n");
    double smallest = dsbi_record_number(p->root, "detectable_difference");
    if (isfinite(smallest))
        dsbi_html(p->t,
                  "<p class=\"soft\">The smallest difference this run would have found: %.1f "
                  "points.</p>\n",
                  100 * smallest);
    dsbi_section_end(p->t);
}

/* One curve as arrays; `key` names the vertical value. */
static size_t read_curve(const dsbi_json_value *curve, const char *key, double *x, double *y)
{
    size_t n = 0;
    for (const dsbi_json_value *c = dsbi_json_first(curve); c; c = dsbi_json_next(c)) {
        x[n] = dsbi_record_number(c, "samples_seen");
        y[n] = dsbi_record_number(c, key);
        n += isfinite(x[n]) && isfinite(y[n]);
    }
    return n;
}

static size_t count_points(const dsbi_classify_page *p, size_t *n_lines)
{
    size_t n = 0;
    *n_lines = 0;
    for (const dsbi_json_value *r = dsbi_json_first(p->rungs); r; r = dsbi_json_next(r)) {
        size_t points = dsbi_json_count(dsbi_json_get(r, "curve"));
        n += points;
        *n_lines += points > 1;
    }
    return n;
}

static void add_curve_figure(const dsbi_classify_page *p, const char *key, const char *caption,
                             bool is_accuracy, dsbi_line *lines, double *values)
{
    size_t n = 0;
    uint32_t series = 0;
    for (const dsbi_json_value *r = dsbi_json_first(p->rungs); r; r = dsbi_json_next(r)) {
        const dsbi_json_value *curve = dsbi_json_get(r, "curve");
        size_t points = dsbi_json_count(curve);
        if (points < 2)
            continue;
        lines[n] = (dsbi_line){.label = dsbi_record_rung_title(dsbi_record_text(r, "name")),
                               .x = values,
                               .y = values + points,
                               .series = r == p->headline ? 0 : ++series};
        lines[n].n = read_curve(curve, key, values, values + points);
        values += 2 * points;
        n += lines[n].n > 0;
    }
    if (n == 0)
        return;
    dsbi_text_add(p->t, "<div>");
    dsbi_figure_lines(p->t, &(dsbi_lines){
                                .title = caption,
                                .x_caption = "images seen in training",
                                .y_caption = caption,
                                .lines = lines,
                                .n = n,
                                .y_percent = is_accuracy,
                                .reference = is_accuracy ? p->chance : (double)NAN,
                                .reference_label = "chance",
                                .width = 446,
                                .height = 300,
                            });
    dsbi_text_add(p->t, "</div>\n");
}

dsb_status dsbi_classify_curves(const dsbi_classify_page *p)
{
    size_t n_lines, n_points = count_points(p, &n_lines);
    if (n_lines == 0)
        return DSB_OK;
    dsbi_line *lines = dsbi_alloc_array(p->rt, n_lines, sizeof *lines);
    double *values = dsbi_alloc_array(p->rt, 2 * n_points, sizeof *values);
    dsb_status status = lines && values ? DSB_OK : DSB_E_NOMEM;
    if (status == DSB_OK) {
        dsbi_section_begin(
            p->t, "training", "Training of the networks",
            "Accuracy on the select images, which are neither trained on nor part of "
            "the result, and the training loss.");
        dsbi_text_add(p->t, "<div class=\"two\">\n");
        add_curve_figure(p, "select_accuracy", "accuracy on the select images", true, lines,
                         values);
        add_curve_figure(p, "loss", "training loss", false, lines, values);
        dsbi_text_add(p->t, "</div>\n");
        dsbi_section_end(p->t);
    }
    dsbi_free(p->rt, lines);
    dsbi_free(p->rt, values);
    return status;
}
