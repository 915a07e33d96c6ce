/* One self-contained page from the record of `classify`: the verdict first, then the evidence, then
 * the data, then how it was done. */
#include "dsbias/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "report/classify_page.h"

const dsbi_json_value *dsbi_classify_rung(const dsbi_json_value *rungs, const char *name)
{
    for (const dsbi_json_value *r = dsbi_json_first(rungs); r; r = dsbi_json_next(r))
        if (strcmp(dsbi_record_text(r, "name"), name) == 0)
            return r;
    return NULL;
}

const char *dsbi_classify_level(const char *level, int *lamp)
{
    static const struct {
        const char *level, *words;
        int lamp;
    } levels[] = {
        {"none", "No difference found", 0},
        {"weak", "A weak difference", 1},
        {"clear", "A clear difference", 2},
        {"strong", "A strong difference", 2},
        {"too_small", "Too few test images to tell", -1},
    };
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
        if (strcmp(levels[i].level, level) == 0) {
            *lamp = levels[i].lamp;
            return levels[i].words;
        }
    *lamp = -1;
    return "No verdict";
}

/* What forbids to believe the headline is said beside it. */
static void add_warning(const dsbi_classify_page *p)
{
    const dsbi_json_value *null = dsbi_json_get(p->root, "null_control");
    if (dsbi_record_has(null, "passed") && !dsbi_record_bool(null, "passed"))
        dsbi_text_add(p->t,
                      "<div class=\"note-box bad wide\"><p><b>The null control failed:</b> the "
                      "method found a difference where there is none. Do not trust this "
                      "number before the cause is known.</p></div>\n");
}

void dsbi_classify_verdict(const dsbi_classify_page *p)
{
    const dsbi_json_value *verdict = dsbi_json_get(p->root, "verdict");
    const char *level = dsbi_record_text(verdict, "level");
    int lamp;
    const char *words = dsbi_classify_level(level, &lamp);
    dsbi_html(p->t, "<section class=\"verdict %s\" id=\"verdict\">\n", level);
    dsbi_figure_light(p->t, lamp, words);
    dsbi_html(p->t, "<div><h2>%s</h2>\n<p class=\"sentence\">%s</p></div>\n", words,
              dsbi_record_text(verdict, "sentence"));
    double accuracy = dsbi_record_number(p->root, "accuracy"), lo, hi;
    if (isfinite(accuracy)) {
        dsbi_number value, interval, correct, n_test, chance, p_value;
        dsbi_record_interval(p->root, "ci95", &lo, &hi);
        dsbi_html(p->t, "<div class=\"headline\"><div class=\"big\">%s<small>",
                  dsbi_number_percent(&value, accuracy));
        dsbi_page_term(p->t, "of the test images",
                       "Images kept aside and shown to the classifier once, at the very end.");
        dsbi_html(p->t, " put in the right collection (%s of %s)</small></div>\n<div>",
                  dsbi_number_count(&correct, dsbi_record_count(p->root, "correct")),
                  dsbi_number_count(&n_test, dsbi_record_count(p->root, "n_test")));
        dsbi_figure_gauge(p->t, accuracy, lo, hi, p->chance);
        dsbi_text_add(p->t, "<p class=\"small soft\">");
        dsbi_page_term(p->t, "95 % interval",
                       "If the run were repeated with other test images from the same collections, "
                       "such an interval would hold the true accuracy 95 times in 100.");
        dsbi_html(p->t, " %s; ", dsbi_number_interval(&interval, lo, hi));
        dsbi_page_term(p->t, "chance",
                       "What guessing reaches: one divided by the number of collections.");
        dsbi_html(p->t, " %s; %s</p></div></div>\n", dsbi_number_percent(&chance, p->chance),
                  dsbi_number_p(&p_value, dsbi_record_number(p->root, "p_value")));
    }
    add_warning(p);
    dsbi_section_end(p->t);
}

/* The collection with the highest recall. */
static void add_easiest(const dsbi_classify_page *p)
{
    const char *name = NULL;
    double best = -1;
    for (const dsbi_json_value *d = dsbi_json_first(p->datasets); d; d = dsbi_json_next(d)) {
        double recall = dsbi_record_number(d, "recall");
        if (recall > best) {
            best = recall;
            name = dsbi_record_text(d, "name");
        }
    }
    dsbi_number value;
    dsbi_short shown;
    if (!name)
        return;
    char more[96];
    snprintf(more, sizeof more, "%s of its test images are recognised",
             dsbi_number_percent(&value, best));
    dsbi_page_fact(p->t, "Most recognisable", dsbi_html_shorten(&shown, name, 18), more);
}

void dsbi_classify_facts(const dsbi_classify_page *p)
{
    dsbi_number value;
    dsbi_text_add(p->t, "<div class=\"facts\">\n");
    const dsbi_json_value *metadata = dsbi_classify_rung(p->rungs, "metadata");
    double accuracy = dsbi_record_number(metadata, "accuracy");
    if (isfinite(accuracy))
        dsbi_page_fact(p->t, "File properties alone", dsbi_number_percent(&value, accuracy),
                       "without looking at a pixel: format, size, compression");
    const dsbi_json_value *beyond = dsbi_json_get(p->root, "beyond_metadata");
    double difference = dsbi_record_number(beyond, "difference");
    if (isfinite(difference))
        dsbi_page_fact(p->t, "Pixels vs. file properties", dsbi_number_points(&value, difference),
                       "on the same test images");
    add_easiest(p);
    const dsbi_json_value *null = dsbi_json_get(p->root, "null_control");
    double null_accuracy = dsbi_record_number(null, "accuracy");
    if (isfinite(null_accuracy))
        dsbi_page_fact(p->t, "Null control", dsbi_record_bool(null, "passed") ? "passed" : "FAILED",
                       dsbi_record_bool(null, "passed")
                           ? "where there is nothing to find, nothing was found"
                           : "something was found where there is nothing: do not trust the rest");
    dsbi_text_add(p->t, "</div>\n");
}

static void add_heading(const dsbi_classify_page *p)
{
    const dsbi_json_value *record = dsbi_json_get(p->root, "record");
    dsbi_text_add(p->t, "<header><span class=\"over\">Dataset classification</span>\n<h1>");
    if (p->n > 4)
        dsbi_html(p->t, "%zu collections</h1>\n<p class=\"small\">", p->n);
    for (size_t i = 0; i < p->n; i++)
        dsbi_html(p->t, "%s%s", i == 0 ? "" : i + 1 == p->n ? " and " : ", ", p->names[i]);
    dsbi_text_add(p->t, p->n > 4 ? "</p>\n" : "</h1>\n");
    dsbi_text_add(p->t, "<div class=\"soft\">Can a classifier tell which collection an image comes "
                        "from?");
    const char *started = dsbi_record_text(record, "started");
    if (strlen(started) >= 16) /* 2026-11-21T19:00:00Z */
        dsbi_html(p->t, " Run of %.10s, %.5s UTC.", started, started + 11);
    dsbi_text_add(p->t, "</div></header>\n");
}

static void add_footer(const dsbi_classify_page *p)
{
    const dsbi_json_value *record = dsbi_json_get(p->root, "record");
    dsbi_html(p->t,
              "<footer>Made from results.json by dsbias %s. This page loads nothing from anywhere "
              "and runs no scripts.</footer>\n",
              dsbi_record_text(record, "version"));
}

static dsb_status write_page(dsbi_classify_page *p)
{
    dsbi_text title;
    dsbi_text_init(&title, p->rt);
    for (size_t i = 0; i < p->n; i++)
        dsbi_text_printf(&title, "%s%s", i ? ", " : "", p->names[i]);
    dsbi_text_add(&title, " \xe2\x80\x93 dsbias report");
    dsb_status status = title.status;
    if (status == DSB_OK)
        dsbi_page_begin(p->t, title.data);
    dsbi_text_free(&title);
    if (status != DSB_OK)
        return status;
    add_heading(p);
    dsbi_classify_verdict(p);
    dsbi_classify_facts(p);
    DSBI_TRY(dsbi_classify_ladder(p));
    DSBI_TRY(dsbi_classify_confusion(p));
    dsbi_classify_examples(p);
    dsbi_classify_null(p);
    dsbi_classify_sample_size(p);
    DSBI_TRY(dsbi_classify_curves(p));
    dsbi_classify_data(p);
    dsbi_classify_broken(p);
    dsbi_classify_duplicates(p);
    dsbi_classify_method(p);
    dsbi_classify_glossary(p);
    add_footer(p);
    dsbi_page_end(p->t);
    return p->t->status;
}

static dsb_status collect_names(dsbi_classify_page *p)
{
    p->n = dsbi_json_count(p->datasets);
    p->names = dsbi_alloc_array(p->rt, p->n + 1, sizeof *p->names);
    if (!p->names)
        return DSB_E_NOMEM;
    size_t i = 0;
    for (const dsbi_json_value *d = dsbi_json_first(p->datasets); d; d = dsbi_json_next(d))
        p->names[i++] = dsbi_record_text(d, "name");
    return DSB_OK;
}

static dsb_status write_record(dsb_runtime *rt, dsbi_text *t, const dsbi_json_value *root,
                               void *user)
{
    (void)user;
    dsbi_classify_page page = {.rt = rt,
                               .t = t,
                               .root = root,
                               .rungs = dsbi_json_get(root, "rungs"),
                               .datasets = dsbi_json_get(root, "datasets"),
                               .chance = dsbi_record_number(root, "chance")};
    page.headline = dsbi_classify_rung(page.rungs, dsbi_record_text(root, "headline_rung"));
    DSBI_TRY(collect_names(&page));
    dsb_status status = write_page(&page);
    dsbi_free(rt, page.names);
    return status;
}

dsb_status dsb_report_classify_html(dsb_runtime *rt, char **html, size_t *size, const char *json,
                                    size_t json_size)
{
    return dsbi_record_report(rt, html, size, json, json_size, "dsbias.classify/",
                              "dsb_report_classify_html", write_record, NULL);
}

void dsb_report_free(dsb_runtime *rt, char *text)
{
    dsbi_free(rt, text);
}
