/* One self-contained page from a data summary: how much there is and how much of it is usable, what
 * to mind, then sizes, files, light, classes, and what is broken or double, by name. */
#include "dsbias/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "report/data_page.h"

void dsbi_data_count_cell(dsbi_text *t, uint64_t n)
{
    dsbi_number count;
    dsbi_html(t, "<td class=\"n\">%s</td>", dsbi_number_count(&count, n));
}

void dsbi_data_words(dsbi_text *t, const char *name)
{
    char word[64];
    size_t n = strnlen(name, sizeof word - 1);
    for (size_t i = 0; i < n; i++)
        word[i] = name[i] == '_' ? ' ' : name[i];
    word[n] = '\0';
    dsbi_html(t, "%s", word);
}

void dsbi_data_counts(dsbi_text *t, const dsbi_json_value *counts)
{
    const char *separator = "";
    for (const dsbi_json_value *c = dsbi_json_first(counts); c; c = dsbi_json_next(c)) {
        uint64_t n = 0;
        dsbi_number number;
        dsbi_json_uint64(c, &n);
        if (n == 0)
            continue;
        dsbi_html(t, "%s%s ", separator, dsbi_number_count(&number, n));
        dsbi_data_words(t, dsbi_json_key(c, NULL));
        separator = ", ";
    }
}

double dsbi_data_number(const dsbi_json_value *dataset, const char *object, const char *key)
{
    return dsbi_record_number(dsbi_json_get(dataset, object), key);
}

static uint64_t sum(const dsbi_data_page *p, const char *key)
{
    uint64_t n = 0;
    for (const dsbi_json_value *d = dsbi_json_first(p->datasets); d; d = dsbi_json_next(d))
        n += dsbi_record_count(d, key);
    return n;
}

static void add_heading(const dsbi_data_page *p)
{
    dsbi_number count;
    dsbi_text_add(p->t, "<header><span class=\"over\">Data scan</span>\n<h1>");
    if (p->n > 4)
        dsbi_html(p->t, "%zu collections</h1>\n<p class=\"small\">", p->n);
    size_t i = 0;
    for (const dsbi_json_value *d = dsbi_json_first(p->datasets); d; d = dsbi_json_next(d), i++)
        dsbi_html(p->t, "%s%s",
                  i == 0          ? ""
                  : i + 1 == p->n ? " and "
                                  : ", ",
                  dsbi_record_text(d, "name"));
    dsbi_text_add(p->t, p->n > 4 ? "</p>\n" : "</h1>\n");
    dsbi_html(p->t, "<div class=\"soft\">%s usable images, told by content and not by name.</div>",
              dsbi_number_count(&count, sum(p, "n_images")));
    dsbi_text_add(p->t, "</header>\n");
}

static void add_facts(const dsbi_data_page *p)
{
    uint64_t n_images = sum(p, "n_images"), n_broken = sum(p, "n_broken");
    uint64_t n_repeated = sum(p, "n_repeated"), n_shared = sum(p, "n_shared");
    dsbi_number value;
    char more[128];
    bool verified = true;
    for (const dsbi_json_value *d = dsbi_json_first(p->datasets); d; d = dsbi_json_next(d))
        verified = verified && dsbi_record_bool(d, "verified");
    dsbi_text_add(p->t, "<div class=\"facts\">\n");
    dsbi_page_fact(p->t, "Usable images", dsbi_number_count(&value, n_images),
                   verified ? "each was decoded once"
                            : "by their headers: damage inside a file is not seen");
    if (n_images + n_broken > 0)
        snprintf(more, sizeof more, "%.2f %% of the files taken for images",
                 100.0 * (double)n_broken / (double)(n_images + n_broken));
    else
        snprintf(more, sizeof more, "no file is taken for an image");
    dsbi_page_fact(p->t, "Broken files", dsbi_number_count(&value, n_broken), more);
    dsbi_page_fact(p->t, "Repeated", dsbi_number_count(&value, n_repeated),
                   "share their bytes with another image of their collection");
    if (p->n > 1)
        dsbi_page_fact(p->t, "Shared", dsbi_number_count(&value, n_shared),
                       "also lie in another collection");
    dsbi_text_add(p->t, "</div>\n");
}

static void add_collections(const dsbi_data_page *p)
{
    dsbi_section_begin(p->t, "collections", "The collections", "");
    dsbi_text_add(p->t, "<div class=\"scroll\"><table><tr><th>Collection</th><th>Read as</th>"
                        "<th class=\"n\">Usable</th><th class=\"n\">Broken</th>"
                        "<th class=\"n\">Left out</th><th class=\"n\">Classes</th>"
                        "<th>Formats</th><th>Digest</th></tr>\n");
    for (const dsbi_json_value *d = dsbi_json_first(p->datasets); d; d = dsbi_json_next(d)) {
        dsbi_html(p->t, "<tr><td><b>%s</b><br><code class=\"soft\">%s</code></td><td>%s</td>",
                  dsbi_record_text(d, "name"), dsbi_record_text(d, "where"),
                  dsbi_record_text(d, "format"));
        dsbi_data_count_cell(p->t, dsbi_record_count(d, "n_images"));
        dsbi_data_count_cell(p->t, dsbi_record_count(d, "n_broken"));
        dsbi_data_count_cell(p->t, dsbi_record_count(d, "n_skipped"));
        dsbi_data_count_cell(p->t, dsbi_record_count(d, "n_classes"));
        dsbi_text_add(p->t, "<td>");
        dsbi_data_counts(p->t, dsbi_json_get(d, "formats"));
        dsbi_html(p->t, "</td><td class=\"nowrap\"><code title=\"%s\">%.12s</code></td></tr>\n",
                  dsbi_record_text(d, "sha256"), dsbi_record_text(d, "sha256"));
    }
    dsbi_text_add(p->t, "</table></div>\n");
    dsbi_section_end(p->t);
}

static dsb_status write_page(const dsbi_data_page *p)
{
    dsbi_page_begin(p->t, "Data scan \xe2\x80\x93 dsbias report");
    add_heading(p);
    add_facts(p);
    dsbi_data_notes(p);
    add_collections(p);
    DSBI_TRY(dsbi_data_shapes(p));
    DSBI_TRY(dsbi_data_files(p));
    DSBI_TRY(dsbi_data_light(p));
    dsbi_data_classes(p);
    dsbi_data_problems(p);
    dsbi_data_duplicates(p);
    dsbi_html(p->t,
              "<footer>Made from the JSON summary by dsbias %s. This page loads nothing from "
              "anywhere and runs no scripts.</footer>\n",
              dsbi_record_text(p->root, "version"));
    dsbi_page_end(p->t);
    return p->t->status;
}

static dsb_status write_record(dsb_runtime *rt, dsbi_text *t, const dsbi_json_value *root,
                               void *user)
{
    (void)user;
    dsbi_data_page page = {
        .rt = rt, .t = t, .root = root, .datasets = dsbi_json_get(root, "datasets")};
    page.n = dsbi_json_count(page.datasets);
    return write_page(&page);
}

dsb_status dsb_report_data_html(dsb_runtime *rt, char **html, size_t *size, const char *json,
                                size_t json_size)
{
    return dsbi_record_report(rt, html, size, json, json_size, "dsbias.data/",
                              "dsb_report_data_html", write_record, NULL);
}
