/* What a reader of a data scan should not miss, said in sentences: each is one rule over the
 * summary. Differences between collections that have nothing to do with what is shown come first:
 * they let a classifier tell the collections apart without looking. */
#include "report/data_page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void begin_note(dsbi_text *t, bool bad)
{
    dsbi_html(t, "<div class=\"note-box%s\"><p>", bad ? " bad" : "");
}

static void end_note(dsbi_text *t)
{
    dsbi_text_add(t, "</p></div>\n");
}

/* Collections whose number is lowest and highest; false if fewer than two have it. */
static bool find_extremes(const dsbi_data_page *p, const char *object, const char *key,
                          const dsbi_json_value **low, const dsbi_json_value **high)
{
    size_t n = 0;
    for (const dsbi_json_value *d = dsbi_json_first(p->datasets); d; d = dsbi_json_next(d)) {
        double x = dsbi_data_number(d, object, key);
        if (!isfinite(x))
            continue;
        if (n == 0 || x < dsbi_data_number(*low, object, key))
            *low = d;
        if (n == 0 || x > dsbi_data_number(*high, object, key))
            *high = d;
        n++;
    }
    return n > 1;
}

static void note_difference(const dsbi_data_page *p, const char *object, const char *key,
                            double least, bool is_ratio, const char *what, const char *meaning)
{
    const dsbi_json_value *low = NULL, *high = NULL;
    if (!find_extremes(p, object, key, &low, &high))
        return;
    double a = dsbi_data_number(low, object, key), b = dsbi_data_number(high, object, key);
    if (is_ratio ? b < least * a : b - a < least)
        return;
    dsbi_number from, to;
    begin_note(p->t, false);
    dsbi_html(p->t, "<b>%s differs:</b> %s in %s, %s in %s. %s", what, dsbi_number_plain(&from, a),
              dsbi_record_text(low, "name"), dsbi_number_plain(&to, b),
              dsbi_record_text(high, "name"), meaning);
    end_note(p->t);
}

/* The format most images of a collection have; "" without images. */
static const char *main_format(const dsbi_json_value *d)
{
    const char *best = "";
    uint64_t most = 0, n;
    const dsbi_json_value *f = dsbi_json_first(dsbi_json_get(d, "formats"));
    for (; f; f = dsbi_json_next(f))
        if (dsbi_json_uint64(f, &n) && n > most) {
            most = n;
            best = dsbi_json_key(f, NULL);
        }
    return best;
}

static void note_formats(const dsbi_data_page *p)
{
    const dsbi_json_value *first = dsbi_json_first(p->datasets);
    for (const dsbi_json_value *d = first; d; d = dsbi_json_next(d)) {
        if (strcmp(main_format(first), main_format(d)) == 0 || !*main_format(d))
            continue;
        begin_note(p->t, false);
        dsbi_html(p->t,
                  "<b>Formats differ:</b> %s is mostly %s, %s mostly %s. The format alone tells "
                  "them apart.",
                  dsbi_record_text(first, "name"), main_format(first), dsbi_record_text(d, "name"),
                  main_format(d));
        end_note(p->t);
        return;
    }
}

static void note_turned(const dsbi_data_page *p)
{
    for (const dsbi_json_value *d = dsbi_json_first(p->datasets); d; d = dsbi_json_next(d)) {
        uint64_t n = dsbi_record_count(dsbi_json_get(d, "properties"), "exif_turned");
        dsbi_number count;
        if (n == 0)
            continue;
        begin_note(p->t, false);
        dsbi_html(p->t,
                  "<b>%s:</b> %s images are stored turned, with an EXIF entry that says so. Some "
                  "programs turn them back and some do not; this library does not.",
                  dsbi_record_text(d, "name"), dsbi_number_count(&count, n));
        end_note(p->t);
    }
}

static void note_broken(const dsbi_data_page *p)
{
    for (const dsbi_json_value *d = dsbi_json_first(p->datasets); d; d = dsbi_json_next(d)) {
        uint64_t n = dsbi_record_count(d, "n_broken");
        dsbi_number count;
        if (n == 0)
            continue;
        begin_note(p->t, true);
        dsbi_html(p->t, "<b>%s:</b> %s %s cannot be used (", dsbi_record_text(d, "name"),
                  dsbi_number_count(&count, n), n == 1 ? "file" : "files");
        dsbi_data_counts(p->t, dsbi_json_get(d, "broken_causes"));
        dsbi_text_add(p->t, "); <a href=\"#problems\">the list</a> says why.");
        end_note(p->t);
    }
}

static void note_shared(const dsbi_data_page *p)
{
    uint64_t n = dsbi_record_count(dsbi_json_get(p->root, "duplicates"), "groups_across");
    dsbi_number count;
    if (n == 0)
        return;
    begin_note(p->t, true);
    dsbi_html(p->t,
              "<b>Collections overlap:</b> %s %s found in more than one, byte for byte. An image "
              "in a training and in a test set makes the test easier than it looks.",
              dsbi_number_count(&count, n), n == 1 ? "image is" : "images are");
    end_note(p->t);
}

void dsbi_data_notes(const dsbi_data_page *p)
{
    note_broken(p);
    note_shared(p);
    note_formats(p);
    note_difference(p, "jpeg_quality", "median", 5, false, "JPEG quality (median)",
                    "Compression alone may tell them apart.");
    note_difference(p, "width", "median", 1.25, true, "Width in pixels (median)",
                    "Resizing to one size leaves traces of it.");
    note_difference(p, "height", "median", 1.25, true, "Height in pixels (median)",
                    "Resizing to one size leaves traces of it.");
    note_turned(p);
}
