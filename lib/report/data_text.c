/* What dsb_data_summary found, for a terminal: one block a collection, then what is broken, file by
 * file, then the duplicates. */
#include "dsbias/report.h"

#include <string.h>
#include "report/html.h"
#include "report/number.h"
#include "report/record.h"

enum { MOST_CLASSES = 12 };

typedef struct listing {
    dsbi_text *t;
    bool colour;
} listing;

static void paint(const listing *l, const char *code)
{
    if (l->colour)
        dsbi_text_printf(l->t, "\033[%sm", code);
}

static void add_safe(dsbi_text *t, const char *text)
{
    dsbi_plain_escape(t, text, strlen(text));
}

static void add_key(const listing *l, const char *key)
{
    dsbi_text_add(l->t, "  ");
    paint(l, "2");
    dsbi_text_printf(l->t, "%-14s", key);
    paint(l, "0");
}

static void add_count(dsbi_text *t, const dsbi_json_value *object, const char *key)
{
    dsbi_number n;
    dsbi_text_add(t, dsbi_number_count(&n, dsbi_record_count(object, key)));
}

/* "1,490 JPEG, 3 PNG": the members of an object of counts that are not zero. */
static void add_counts(dsbi_text *t, const dsbi_json_value *counts)
{
    const char *separator = "";
    for (const dsbi_json_value *c = dsbi_json_first(counts); c; c = dsbi_json_next(c)) {
        uint64_t n = 0;
        dsbi_number number;
        dsbi_json_uint64(c, &n);
        if (n == 0)
            continue;
        dsbi_text_printf(t, "%s%s ", separator, dsbi_number_count(&number, n));
        for (const char *name = dsbi_json_key(c, NULL); *name; name += *name == '_') {
            size_t word = strcspn(name, "_");
            dsbi_plain_escape(t, name, word);
            name += word;
            dsbi_text_add(t, *name ? " " : "");
        }
        separator = ", ";
    }
}

static bool has_counts(const dsbi_json_value *counts)
{
    uint64_t n = 0;
    for (const dsbi_json_value *c = dsbi_json_first(counts); c && n == 0; c = dsbi_json_next(c))
        dsbi_json_uint64(c, &n);
    return n > 0;
}

static void add_sizes(const listing *l, const dsbi_json_value *d)
{
    const dsbi_json_value *w = dsbi_json_get(d, "width"), *h = dsbi_json_get(d, "height");
    const dsbi_json_value *b = dsbi_json_get(d, "size_bytes");
    const dsbi_json_value *q = dsbi_json_get(d, "jpeg_quality");
    dsbi_number low, middle, high;
    if (dsbi_record_has(d, "width")) {
        add_key(l, "pixels");
        dsbi_text_printf(l->t,
                         "width %llu to %llu, median %llu; height %llu to %llu, median %llu\n",
                         (unsigned long long)dsbi_record_count(w, "min"),
                         (unsigned long long)dsbi_record_count(w, "max"),
                         (unsigned long long)dsbi_record_count(w, "median"),
                         (unsigned long long)dsbi_record_count(h, "min"),
                         (unsigned long long)dsbi_record_count(h, "max"),
                         (unsigned long long)dsbi_record_count(h, "median"));
    }
    if (dsbi_record_has(d, "size_bytes")) {
        add_key(l, "files");
        dsbi_text_printf(l->t, "%s to %s, median %s\n",
                         dsbi_number_bytes(&low, dsbi_record_number(b, "min")),
                         dsbi_number_bytes(&high, dsbi_record_number(b, "max")),
                         dsbi_number_bytes(&middle, dsbi_record_number(b, "median")));
    }
    if (dsbi_record_has(d, "jpeg_quality")) {
        add_key(l, "JPEG quality");
        dsbi_text_printf(l->t, "%llu to %llu, median %llu\n",
                         (unsigned long long)dsbi_record_count(q, "min"),
                         (unsigned long long)dsbi_record_count(q, "max"),
                         (unsigned long long)dsbi_record_count(q, "median"));
    }
}

/* "brightness 118, contrast 57, colourfulness 40, 25 grey (mean of 1,500)" */
static void add_light(const listing *l, const dsbi_json_value *d)
{
    const dsbi_json_value *pixels = dsbi_json_get(d, "pixels");
    static const char *const keys[] = {"brightness", "contrast", "colourfulness"};
    if (!pixels)
        return;
    add_key(l, "pictures");
    for (size_t i = 0; i < 3; i++)
        dsbi_text_printf(l->t, "%s %.0f, ", keys[i],
                         dsbi_record_number(dsbi_json_get(pixels, keys[i]), "mean"));
    add_count(l->t, pixels, "n_grey");
    dsbi_text_add(l->t, " grey (mean of ");
    add_count(l->t, pixels, "n_images");
    dsbi_text_add(l->t, ")\n");
}

/* The folders below the collection and their images; a collection without folders has none. */
static void add_classes(const listing *l, const dsbi_json_value *d)
{
    uint64_t n = dsbi_record_count(d, "n_classes"), shown = 0;
    const dsbi_json_value *classes = dsbi_json_get(d, "classes"), *c = dsbi_json_first(classes);
    dsbi_number count;
    if (n == 0 || (n == 1 && !*dsbi_record_text(c, "folder")))
        return;
    add_key(l, "folders");
    dsbi_text_printf(l->t, "%s: ", dsbi_number_count(&count, n));
    for (; c && shown < MOST_CLASSES; c = dsbi_json_next(c), shown++) {
        const char *folder = dsbi_record_text(c, "folder");
        dsbi_text_add(l->t, shown ? ", " : "");
        add_safe(l->t, *folder ? folder : "(top)");
        dsbi_text_add(l->t, " ");
        add_count(l->t, c, "images");
    }
    dsbi_text_add(l->t, n > shown ? ", ...\n" : "\n");
}

static void add_dataset(const listing *l, const dsbi_json_value *d)
{
    paint(l, "1");
    add_safe(l->t, dsbi_record_text(d, "name"));
    paint(l, "0");
    dsbi_text_add(l->t, "  ");
    add_safe(l->t, dsbi_record_text(d, "where"));
    dsbi_text_add(l->t, "\n");
    add_key(l, "usable");
    add_count(l->t, d, "n_images");
    dsbi_text_add(l->t, dsbi_record_bool(d, "verified") ? " images, each decoded once\n"
                                                        : " images by their headers\n");
    if (has_counts(dsbi_json_get(d, "formats"))) {
        add_key(l, "formats");
        add_counts(l->t, dsbi_json_get(d, "formats"));
        dsbi_text_add(l->t, "\n");
    }
    add_sizes(l, d);
    add_light(l, d);
    if (has_counts(dsbi_json_get(d, "properties"))) {
        add_key(l, "of these");
        add_counts(l->t, dsbi_json_get(d, "properties"));
        dsbi_text_add(l->t, "\n");
    }
    add_classes(l, d);
    add_key(l, "broken");
    if (dsbi_record_count(d, "n_broken"))
        paint(l, "31");
    add_count(l->t, d, "n_broken");
    paint(l, "0");
    if (has_counts(dsbi_json_get(d, "broken_causes"))) {
        dsbi_text_add(l->t, ": ");
        add_counts(l->t, dsbi_json_get(d, "broken_causes"));
    }
    dsbi_text_add(l->t, "\n");
    if (dsbi_record_count(d, "n_skipped")) {
        add_key(l, "skipped");
        add_counts(l->t, dsbi_json_get(d, "skipped_causes"));
        dsbi_text_add(l->t, "\n");
    }
    add_key(l, "duplicates");
    add_count(l->t, d, "n_repeated");
    dsbi_text_add(l->t, " share their bytes with another file here, ");
    add_count(l->t, d, "n_shared");
    dsbi_text_add(l->t, " with a file of another collection\n\n");
}

static void add_broken(const listing *l, const dsbi_json_value *d)
{
    const dsbi_json_value *list = dsbi_json_get(d, "broken");
    uint64_t total = dsbi_record_count(d, "n_broken"), shown = dsbi_json_count(list);
    if (shown == 0)
        return;
    paint(l, "1");
    dsbi_text_add(l->t, "Broken files of ");
    add_safe(l->t, dsbi_record_text(d, "name"));
    paint(l, "0");
    dsbi_text_add(l->t, "\n");
    for (const dsbi_json_value *b = dsbi_json_first(list); b; b = dsbi_json_next(b)) {
        dsbi_text_printf(l->t, "  %-14s", dsbi_record_text(b, "cause"));
        add_safe(l->t, dsbi_record_text(b, "path"));
        dsbi_text_add(l->t, "\n                ");
        add_safe(l->t, dsbi_record_text(b, "message"));
        dsbi_text_add(l->t, "\n");
    }
    if (total > shown)
        dsbi_text_printf(l->t, "  ... and %llu more\n", (unsigned long long)(total - shown));
    dsbi_text_add(l->t, "\n");
}

static void add_duplicates(const listing *l, const dsbi_json_value *duplicates)
{
    const dsbi_json_value *groups = dsbi_json_get(duplicates, "groups");
    uint64_t shown = dsbi_json_count(groups);
    uint64_t total = dsbi_record_count(duplicates, "groups_within") +
                     dsbi_record_count(duplicates, "groups_across");
    if (shown == 0)
        return;
    paint(l, "1");
    dsbi_text_add(l->t, "Files with the same bytes");
    paint(l, "0");
    dsbi_text_add(l->t, "\n");
    for (const dsbi_json_value *g = dsbi_json_first(groups); g; g = dsbi_json_next(g)) {
        const char *separator = "  ";
        for (const dsbi_json_value *f = dsbi_json_first(g); f; f = dsbi_json_next(f)) {
            dsbi_text_add(l->t, separator);
            add_safe(l->t, dsbi_record_text(f, "dataset"));
            dsbi_text_add(l->t, ": ");
            add_safe(l->t, dsbi_record_text(f, "path"));
            separator = "\n    = ";
        }
        dsbi_text_add(l->t, "\n");
    }
    if (total > shown)
        dsbi_text_printf(l->t, "  ... and %llu more groups\n", (unsigned long long)(total - shown));
}

static dsb_status write_record(dsb_runtime *rt, dsbi_text *t, const dsbi_json_value *root,
                               void *user)
{
    (void)rt;
    listing l = {.t = t, .colour = *(const bool *)user};
    const dsbi_json_value *datasets = dsbi_json_get(root, "datasets");
    for (const dsbi_json_value *d = dsbi_json_first(datasets); d; d = dsbi_json_next(d))
        add_dataset(&l, d);
    for (const dsbi_json_value *d = dsbi_json_first(datasets); d; d = dsbi_json_next(d))
        add_broken(&l, d);
    add_duplicates(&l, dsbi_json_get(root, "duplicates"));
    return DSB_OK;
}

dsb_status dsb_report_data_text(dsb_runtime *rt, char **text, size_t *size, const char *json,
                                size_t json_size, uint32_t flags)
{
    return dsbi_record_listing(rt, text, size, json, json_size, "dsbias.data/",
                               "dsb_report_data_text", write_record, flags);
}
