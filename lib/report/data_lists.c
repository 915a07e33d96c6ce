/* Lists of a data scan: classes with their numbers of images, files that are not used and why,
 * files with the same bytes. */
#include "report/data_page.h"

#include <math.h>
#include <string.h>

enum { OPEN_ROWS = 12 }; /* lists up to this length are unfolded */

static bool has_classes(const dsbi_json_value *d)
{
    const dsbi_json_value *first = dsbi_json_first(dsbi_json_get(d, "classes"));
    uint64_t n = dsbi_record_count(d, "n_classes");
    return n > 1 || (n == 1 && *dsbi_record_text(first, "folder"));
}

/* A bar as long as the class is large, beside its number. */
static void add_class(dsbi_text *t, const dsbi_json_value *c, double largest)
{
    const char *name = dsbi_record_text(c, "folder");
    double n = dsbi_record_number(c, "images");
    double share = largest > 0 && n >= 0 ? fmin(n / largest, 1) : 0;
    dsbi_html(t, "<tr><td>%s</td>", *name ? name : "(top)");
    dsbi_data_count_cell(t, dsbi_record_count(c, "images"));
    dsbi_html(t,
              "<td><svg viewBox=\"0 0 300 14\" width=\"300\" role=\"img\" aria-label=\"share\">"
              "<rect width=\"%.1f\" height=\"14\" rx=\"2\" class=\"bar s0\"/></svg></td></tr>\n",
              300 * share);
}

static void add_classes_of(const dsbi_data_page *p, const dsbi_json_value *d)
{
    const dsbi_json_value *classes = dsbi_json_get(d, "classes");
    size_t shown = dsbi_json_count(classes);
    uint64_t n = dsbi_record_count(d, "n_classes");
    double largest = 0;
    dsbi_number count;
    for (const dsbi_json_value *c = dsbi_json_first(classes); c; c = dsbi_json_next(c))
        largest = fmax(largest, dsbi_record_number(c, "images"));
    dsbi_html(p->t,
              "<h3>%s</h3>\n<details%s><summary>%s classes</summary>\n<div class=\"scroll\"><table>"
              "<tr><th>Class</th><th class=\"n\">Images</th><th></th></tr>\n",
              dsbi_record_text(d, "name"), shown <= 2 * OPEN_ROWS ? " open" : "",
              dsbi_number_count(&count, n));
    for (const dsbi_json_value *c = dsbi_json_first(classes); c; c = dsbi_json_next(c))
        add_class(p->t, c, largest);
    dsbi_text_add(p->t, "</table></div>\n");
    if (n > shown)
        dsbi_html(p->t, "<p class=\"soft\">... and %s more.</p>\n",
                  dsbi_number_count(&count, n - shown));
    dsbi_text_add(p->t, "</details>\n");
}

void dsbi_data_classes(const dsbi_data_page *p)
{
    bool any = false;
    for (const dsbi_json_value *d = dsbi_json_first(p->datasets); d; d = dsbi_json_next(d))
        any = any || has_classes(d);
    if (!any)
        return;
    dsbi_section_begin(p->t, "classes", "Classes",
                       "Labels where the format has them, else the folder of each image.");
    for (const dsbi_json_value *d = dsbi_json_first(p->datasets); d; d = dsbi_json_next(d))
        if (has_classes(d))
            add_classes_of(p, d);
    dsbi_section_end(p->t);
}

static void add_problems_of(const dsbi_data_page *p, const dsbi_json_value *d, const char *key,
                            const char *total_key, const char *causes, const char *heading)
{
    const dsbi_json_value *list = dsbi_json_get(d, key);
    size_t shown = dsbi_json_count(list);
    uint64_t total = dsbi_record_count(d, total_key);
    dsbi_number count;
    if (total == 0)
        return;
    dsbi_html(p->t, "<h3>%s: %s</h3>\n<p class=\"soft\">", dsbi_record_text(d, "name"), heading);
    dsbi_data_counts(p->t, dsbi_json_get(d, causes));
    dsbi_html(p->t,
              "</p>\n<details%s><summary>The list</summary>\n<div class=\"scroll\"><table>"
              "<tr><th>File</th><th>Cause</th><th>What is wrong</th></tr>\n",
              shown <= OPEN_ROWS ? " open" : "");
    for (const dsbi_json_value *b = dsbi_json_first(list); b; b = dsbi_json_next(b))
        dsbi_html(p->t, "<tr><td><code>%s</code></td><td>%s</td><td>%s</td></tr>\n",
                  dsbi_record_text(b, "path"), dsbi_record_text(b, "cause"),
                  dsbi_record_text(b, "message"));
    dsbi_text_add(p->t, "</table></div>\n");
    if (total > shown)
        dsbi_html(p->t, "<p class=\"soft\">... and %s more.</p>\n",
                  dsbi_number_count(&count, total - shown));
    dsbi_text_add(p->t, "</details>\n");
}

void dsbi_data_problems(const dsbi_data_page *p)
{
    uint64_t n = 0;
    for (const dsbi_json_value *d = dsbi_json_first(p->datasets); d; d = dsbi_json_next(d))
        n += dsbi_record_count(d, "n_broken") + dsbi_record_count(d, "n_skipped");
    dsbi_section_begin(p->t, "problems", "Files that are not used", "");
    if (n == 0)
        dsbi_text_add(p->t, "<p class=\"soft\">None.</p>\n");
    for (const dsbi_json_value *d = dsbi_json_first(p->datasets); d; d = dsbi_json_next(d)) {
        add_problems_of(p, d, "broken", "n_broken", "broken_causes",
                        "broken, taken for images by somebody");
        add_problems_of(p, d, "skipped", "n_skipped", "skipped_causes", "left out");
    }
    dsbi_section_end(p->t);
}

static void add_group(dsbi_text *t, const dsbi_json_value *group)
{
    const char *separator = "";
    dsbi_text_add(t, "<tr><td>");
    for (const dsbi_json_value *f = dsbi_json_first(group); f; f = dsbi_json_next(f)) {
        dsbi_text_add(t, separator);
        dsbi_html(t, "<b>%s</b> <code>%s</code>", dsbi_record_text(f, "dataset"),
                  dsbi_record_text(f, "path"));
        separator = "<br>";
    }
    dsbi_text_add(t, "</td></tr>\n");
}

void dsbi_data_duplicates(const dsbi_data_page *p)
{
    const dsbi_json_value *duplicates = dsbi_json_get(p->root, "duplicates");
    const dsbi_json_value *groups = dsbi_json_get(duplicates, "groups");
    uint64_t within = dsbi_record_count(duplicates, "groups_within");
    uint64_t across = dsbi_record_count(duplicates, "groups_across");
    size_t shown = dsbi_json_count(groups);
    dsbi_number a, b;
    dsbi_section_begin(p->t, "duplicates", "The same bytes more than once", "");
    if (within + across == 0) {
        dsbi_text_add(p->t, "<p class=\"soft\">No two images have the same bytes.</p>\n");
        dsbi_section_end(p->t);
        return;
    }
    dsbi_html(p->t,
              "<p>%s groups of equal images within a collection, %s across collections.</p>\n"
              "<details%s><summary>The list</summary>\n<div class=\"scroll\"><table>"
              "<tr><th>The same bytes under these names</th></tr>\n",
              dsbi_number_count(&a, within), dsbi_number_count(&b, across),
              shown <= OPEN_ROWS ? " open" : "");
    for (const dsbi_json_value *g = dsbi_json_first(groups); g; g = dsbi_json_next(g))
        add_group(p->t, g);
    dsbi_text_add(p->t, "</table></div>\n");
    if (within + across > shown)
        dsbi_html(p->t, "<p class=\"soft\">... and %s more.</p>\n",
                  dsbi_number_count(&a, within + across - shown));
    dsbi_text_add(p->t, "</details>\n");
    dsbi_section_end(p->t);
}
