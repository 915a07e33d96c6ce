/* What the answer was found in, and how: example images, collections, broken and duplicate files,
 * the run itself, the words. */
#include "report/classify_page.h"

#include <math.h>
#include <string.h>

static void add_example(dsbi_text *t, const dsbi_json_value *e, bool confused)
{
    const char *thumb = dsbi_record_text(e, "thumb"), *path = dsbi_record_text(e, "path");
    const char *file = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    dsbi_number percent;
    dsbi_short name, predicted;
    dsbi_html(t, "<figure class=\"%s\" title=\"%s\">", confused ? "confused" : "typical", path);
    if (dsbi_html_is_image(thumb))
        dsbi_html(t, "<img src=\"%s\" alt=\"%s\" loading=\"lazy\">", thumb, file);
    dsbi_number_percent(&percent, dsbi_record_number(e, "probability"));
    dsbi_text_add(t, "<figcaption>");
    if (confused)
        dsbi_html(t, "taken for <b>%s</b>, %s",
                  dsbi_html_shorten(&predicted, dsbi_record_text(e, "predicted"), 20),
                  percent.text);
    else
        dsbi_html(t, "<b>%s</b> sure", percent.text);
    dsbi_html(t, "<span class=\"name\">%s</span></figcaption></figure>\n",
              dsbi_html_shorten(&name, file, 24));
}

static bool is_example(const dsbi_json_value *e, const char *dataset, bool confused)
{
    return strcmp(dsbi_record_text(e, "dataset"), dataset) == 0 &&
           strcmp(dsbi_record_text(e, "kind"), confused ? "confused" : "typical") == 0;
}

static size_t count_examples(const dsbi_classify_page *p, const char *dataset, bool confused)
{
    size_t n = 0;
    const dsbi_json_value *e = dsbi_json_first(dsbi_json_get(p->root, "examples"));
    for (; e; e = dsbi_json_next(e))
        n += is_example(e, dataset, confused);
    return n;
}

/* The examples of one collection and kind; nothing if there are none. */
static void add_examples(const dsbi_classify_page *p, const char *dataset, bool confused)
{
    if (count_examples(p, dataset, confused) == 0)
        return;
    dsbi_html(p->t, "<div><div class=\"small soft\">%s</div><div class=\"thumbs\">\n",
              confused ? "Most confused: taken for another collection" : "Most typical");
    const dsbi_json_value *e = dsbi_json_first(dsbi_json_get(p->root, "examples"));
    for (; e; e = dsbi_json_next(e))
        if (is_example(e, dataset, confused))
            add_example(p->t, e, confused);
    dsbi_text_add(p->t, "</div></div>\n");
}

void dsbi_classify_examples(const dsbi_classify_page *p)
{
    if (dsbi_json_count(dsbi_json_get(p->root, "examples")) == 0)
        return;
    dsbi_section_begin(
        p->t, "examples", "Most typical and most confused images",
        "Test images it is surest about, right and wrong (wrong ones are framed). "
        "What the typical ones have in common hints at what gives a collection away.");
    for (size_t i = 0; i < p->n; i++) {
        bool mistakes = count_examples(p, p->names[i], true) > 0;
        dsbi_html(p->t, "<h3>%s</h3>\n<div class=\"%s\">\n", p->names[i], mistakes ? "two" : "");
        add_examples(p, p->names[i], false);
        add_examples(p, p->names[i], true);
        dsbi_text_add(p->t, mistakes
                                ? "</div>\n"
                                : "</div>\n<p class=\"small soft\">No test image of it is taken "
                                  "for another collection.</p>\n");
    }
    dsbi_section_end(p->t);
}

static void add_formats(dsbi_text *t, const dsbi_json_value *formats)
{
    const char *separator = "";
    for (const dsbi_json_value *f = dsbi_json_first(formats); f; f = dsbi_json_next(f)) {
        uint64_t n = 0;
        dsbi_number count;
        dsbi_json_uint64(f, &n);
        dsbi_html(t, "%s%s %s", separator, dsbi_json_key(f, NULL), dsbi_number_count(&count, n));
        separator = ", ";
    }
}

static void add_count_cell(dsbi_text *t, const dsbi_json_value *d, const char *key)
{
    dsbi_number count;
    dsbi_html(t, "<td class=\"n\">%s</td>", dsbi_number_count(&count, dsbi_record_count(d, key)));
}

void dsbi_classify_data(const dsbi_classify_page *p)
{
    if (p->n == 0)
        return;
    dsbi_section_begin(p->t, "data", "The collections",
                       "Equal numbers were drawn from each; every image went through the same "
                       "decoder and the same resize.");
    dsbi_text_add(p->t,
                  "<div class=\"scroll\"><table><tr><th>Collection</th><th class=\"n\">Usable</th>"
                  "<th class=\"n\">Broken</th><th class=\"n\">Train</th><th class=\"n\">Select</th>"
                  "<th class=\"n\">Test</th><th class=\"n\">Folders</th><th>Formats</th>"
                  "<th class=\"n\">Median size</th></tr>\n");
    for (const dsbi_json_value *d = dsbi_json_first(p->datasets); d; d = dsbi_json_next(d)) {
        static const char *const counts[] = {"n_images", "broken", "n_train", "n_select", "n_test"};
        dsbi_html(p->t, "<tr><td><b>%s</b><br><code class=\"soft\">%s</code></td>",
                  dsbi_record_text(d, "name"), dsbi_record_text(d, "path"));
        for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
            add_count_cell(p->t, d, counts[i]);
        if (dsbi_record_count(d, "classes") > 1)
            add_count_cell(p->t, d, "classes");
        else
            dsbi_text_add(p->t, "<td class=\"n\">\xe2\x80\x93</td>");
        dsbi_text_add(p->t, "<td>");
        add_formats(p->t, dsbi_json_get(d, "formats"));
        dsbi_number bytes;
        dsbi_html(p->t, "</td><td class=\"n\">%.0f \xc3\x97 %.0f px<br>%s</td></tr>\n",
                  dsbi_record_number(d, "median_width"), dsbi_record_number(d, "median_height"),
                  dsbi_number_bytes(&bytes, dsbi_record_number(d, "median_bytes")));
    }
    dsbi_text_add(p->t, "</table></div>\n");
    dsbi_section_end(p->t);
}

void dsbi_classify_broken(const dsbi_classify_page *p)
{
    const dsbi_json_value *broken = dsbi_json_get(p->root, "broken");
    size_t listed = dsbi_json_count(broken);
    uint64_t total = dsbi_record_count(p->root, "broken_total");
    if (total < listed)
        total = listed;
    dsbi_number count;
    dsbi_section_begin(p->t, "broken", "Broken files", "");
    if (total == 0) {
        dsbi_text_add(p->t, "<p class=\"soft\">None: every image file could be read.</p>\n");
        dsbi_section_end(p->t);
        return;
    }
    dsbi_html(p->t, "<p>%s %s could not be used and %s left out.</p>\n",
              dsbi_number_count(&count, total), total == 1 ? "file" : "files",
              total == 1 ? "was" : "were");
    dsbi_html(p->t,
              "<details%s><summary>The list</summary>\n<div class=\"scroll\"><table>"
              "<tr><th>Collection</th><th>File</th><th>Cause</th><th>What is wrong</th></tr>\n",
              listed <= 12 ? " open" : "");
    for (const dsbi_json_value *b = dsbi_json_first(broken); b; b = dsbi_json_next(b))
        dsbi_html(p->t, "<tr><td>%s</td><td><code>%s</code></td><td>%s</td><td>%s</td></tr>\n",
                  dsbi_record_text(b, "dataset"), dsbi_record_text(b, "path"),
                  dsbi_record_text(b, "cause"), dsbi_record_text(b, "message"));
    dsbi_text_add(p->t, "</table></div>\n");
    if (total > listed)
        dsbi_html(p->t, "<p class=\"soft\">... and %s more.</p>\n",
                  dsbi_number_count(&count, total - listed));
    dsbi_text_add(p->t, "</details>\n");
    dsbi_section_end(p->t);
}

static void add_across(dsbi_text *t, const dsbi_json_value *across)
{
    dsbi_text_add(t, "<details><summary>The list</summary>\n<div class=\"scroll\"><table>"
                     "<tr><th>The same bytes under these names</th></tr>\n");
    for (const dsbi_json_value *g = dsbi_json_first(across); g; g = dsbi_json_next(g)) {
        const char *separator = "";
        dsbi_text_add(t, "<tr><td>");
        const dsbi_json_value *f = dsbi_json_first(dsbi_json_get(g, "files"));
        for (; f; f = dsbi_json_next(f)) {
            dsbi_text_add(t, separator);
            dsbi_html(t, "<b>%s</b> <code>%s</code>", dsbi_record_text(f, "dataset"),
                      dsbi_record_text(f, "path"));
            separator = "<br>";
        }
        dsbi_text_add(t, "</td></tr>\n");
    }
    dsbi_text_add(t, "</table></div></details>\n");
}

/* Images that look the same, though their bytes differ. */
static void add_near(dsbi_text *t, const dsbi_json_value *near)
{
    const bool drops = strcmp(dsbi_record_text(near, "policy"), "drop") == 0;
    uint64_t total = 0, across = dsbi_record_count(near, "groups_across");
    dsbi_number images, groups;
    const dsbi_json_value *w = dsbi_json_first(dsbi_json_get(near, "within"));
    for (; w; w = dsbi_json_next(w)) {
        const uint64_t n = dsbi_record_count(w, "images");
        total += n;
        if (n > 0)
            dsbi_html(t, "<li><b>%s</b>: %s %s another one of it; %s.</li>\n",
                      dsbi_record_text(w, "dataset"), dsbi_number_count(&images, n),
                      n == 1 ? "image looks like" : "images look like",
                      drops ? "of those that look alike only the first could be drawn"
                            : "those that look alike stay in one part");
    }
    if (total == 0)
        dsbi_text_add(t, "<li>Within the collections: no two images look the same.</li>\n");
    if (across > 0)
        dsbi_html(t, "<li>Across collections: %s %s of images that look the same; left out.</li>\n",
                  dsbi_number_count(&groups, across), across == 1 ? "group" : "groups");
    else
        dsbi_text_add(t, "<li>Across collections: no two images look the same.</li>\n");
}

void dsbi_classify_duplicates(const dsbi_classify_page *p)
{
    const dsbi_json_value *duplicates = dsbi_json_get(p->root, "duplicates");
    if (!duplicates)
        return;
    dsbi_number files, groups;
    uint64_t total = 0, across = dsbi_record_count(duplicates, "across_total");
    dsbi_section_begin(p->t, "duplicates", "Duplicates", "");
    dsbi_text_add(p->t, "<ul>\n");
    const dsbi_json_value *w = dsbi_json_first(dsbi_json_get(duplicates, "within"));
    for (; w; w = dsbi_json_next(w)) {
        uint64_t n = dsbi_record_count(w, "files");
        total += n;
        if (n > 0)
            dsbi_html(p->t,
                      "<li><b>%s</b>: %s files share their bytes with another; such files never "
                      "fall into two parts.</li>\n",
                      dsbi_record_text(w, "dataset"), dsbi_number_count(&files, n));
    }
    if (total == 0)
        dsbi_text_add(p->t, "<li>Within the collections: no two files have the same bytes.</li>\n");
    if (across > 0)
        dsbi_html(p->t,
                  "<li>Across collections: %s %s found in more than one; none of them is a test "
                  "image.</li>\n",
                  dsbi_number_count(&groups, across), across == 1 ? "image is" : "images are");
    else
        dsbi_text_add(p->t, "<li>Across collections: no file is found in two.</li>\n");
    const dsbi_json_value *near = dsbi_json_get(duplicates, "near");
    if (dsbi_json_type_of(near) == DSBI_JSON_OBJECT)
        add_near(p->t, near);
    const uint64_t matched = dsbi_record_count(duplicates, "classes_matched");
    if (matched > 0)
        dsbi_html(p->t,
                  "<li>Classes were matched: every part has as many images of each of the %s "
                  "shared classes in every collection.</li>\n",
                  dsbi_number_count(&groups, matched));
    dsbi_text_add(p->t, "</ul>\n");
    if (dsbi_json_count(dsbi_json_get(duplicates, "across")) > 0)
        add_across(p->t, dsbi_json_get(duplicates, "across"));
    dsbi_section_end(p->t);
}

enum { DEPTH = 4 }; /* of nested values that are shown */

static void add_value(dsbi_text *t, const dsbi_json_value *value, int depth);

/* A recipe is a JSON object in a string. */
static bool add_inner(dsbi_text *t, const char *text, int depth)
{
    dsbi_json *doc;
    if (*text != '{' || dsbi_json_parse(t->rt, &doc, text, strlen(text)) != DSB_OK)
        return false;
    add_value(t, dsbi_json_root(doc), depth);
    dsbi_json_free(doc);
    return true;
}

/* Any JSON value as text a person can read: "a, b", "size 64, epochs 3". */
static void add_value(dsbi_text *t, const dsbi_json_value *value, int depth)
{
    double x;
    int64_t whole;
    bool yes;
    switch (dsbi_json_type_of(value)) {
    case DSBI_JSON_STRING:
        if (depth <= 0 || !add_inner(t, dsbi_json_string(value, NULL), depth - 1))
            dsbi_html(t, "%s", dsbi_json_string(value, NULL));
        break;
    case DSBI_JSON_NUMBER:
        if (dsbi_json_int64(value, &whole))
            dsbi_html(t, "%lld", (long long)whole);
        else if (dsbi_json_double(value, &x))
            dsbi_html(t, "%.6g", x);
        break;
    case DSBI_JSON_BOOL:
        dsbi_text_add(t, dsbi_json_bool(value, &yes) && yes ? "yes" : "no");
        break;
    case DSBI_JSON_ARRAY:
    case DSBI_JSON_OBJECT: {
        bool object = dsbi_json_type_of(value) == DSBI_JSON_OBJECT;
        size_t n = 0;
        const dsbi_json_value *item = depth > 0 ? dsbi_json_first(value) : NULL;
        for (; item; item = dsbi_json_next(item)) {
            dsbi_json_type type = dsbi_json_type_of(item);
            if (type == DSBI_JSON_NULL)
                continue;
            /* members at the top, and objects in a list, stand in a box of their own */
            bool boxed = depth == DEPTH || (!object && type == DSBI_JSON_OBJECT);
            dsbi_text_add(t, boxed ? "<span class=\"item\">" : n > 0 ? ", " : "");
            if (object)
                dsbi_html(t, "<i>%s</i> ", dsbi_json_key(item, NULL));
            add_value(t, item, depth - 1);
            dsbi_text_add(t, boxed ? "</span> " : "");
            n++;
        }
        break;
    }
    default:
        dsbi_text_add(t, "\xe2\x80\x93");
    }
}

static void add_row(dsbi_text *t, const char *key, const dsbi_json_value *value)
{
    if (dsbi_json_type_of(value) <= DSBI_JSON_NULL)
        return;
    dsbi_html(t, "<tr><td class=\"key\">%s</td><td>", key);
    add_value(t, value, DEPTH);
    dsbi_text_add(t, "</td></tr>\n");
}

void dsbi_classify_method(const dsbi_classify_page *p)
{
    static const char *const rows[][2] = {
        {"Started", "started"},
        {"Seed", "seed"},
        {"Library", "version"},
        {"Build", "build"},
        {"Kernels", "isa"},
        {"Matrix products", "blas"},
        {"Threads", "threads"},
        {"Options", "options"},
        {"Plan", "plan"},
        {"Recipes", "recipes"},
        {"Kernel choice", "kernels"},
        {"Data", "data"},
    };
    const dsbi_json_value *record = dsbi_json_get(p->root, "record");
    if (!record)
        return;
    dsbi_number text;
    dsbi_section_begin(
        p->t, "method", "How it was done",
        "The classifiers are fitted on the train images; the one that is best on the "
        "select images is the headline; each scores the test images once.");
    if (*dsbi_record_text(record, "command"))
        dsbi_html(p->t, "<pre>%s</pre>\n", dsbi_record_text(record, "command"));
    dsbi_text_add(p->t, "<p class=\"small\">The same numbers again, on any machine of the same CPU "
                        "level: <code>dsbias classify ... --replay results.json</code></p>\n");
    dsbi_text_add(p->t, "<div class=\"scroll\"><table>\n");
    if (dsbi_record_has(record, "seconds_total"))
        dsbi_html(p->t, "<tr><td class=\"key\">Time</td><td>%s</td></tr>\n",
                  dsbi_number_seconds(&text, dsbi_record_number(record, "seconds_total")));
    if (dsbi_record_has(record, "peak_memory_bytes"))
        dsbi_html(p->t, "<tr><td class=\"key\">Memory at most</td><td>%s</td></tr>\n",
                  dsbi_number_bytes(&text, dsbi_record_number(record, "peak_memory_bytes")));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        add_row(p->t, rows[i][0], dsbi_json_get(record, rows[i][1]));
    dsbi_text_add(p->t, "</table></div>\n");
    dsbi_section_end(p->t);
}

void dsbi_classify_glossary(const dsbi_classify_page *p)
{
    static const char *const words[][2] = {
        {"Dataset classification",
         "Naming the collection an image comes from. If collections were fair samples of the same "
         "world, nobody could do better than guess (Torralba and Efros 2011; Liu and He 2024)."},
        {"Accuracy", "The share of test images that are put in the right collection."},
        {"Chance", "What guessing reaches: one divided by the number of collections."},
        {"Train, select, test",
         "Three parts that share no image. Classifiers learn on the first, the best is chosen on "
         "the "
         "second, and the third is looked at once, for the numbers of this page."},
        {"95 % interval",
         "The range of accuracies that fit the result; it is wide when test images are few."},
        {"p",
         "How often guessing would do at least as well. p < 1e-6: less than once in a million."},
        {"Recall", "The share of one collection's test images that are recognised as its own."},
        {"File properties",
         "Format, size, compression and camera data of the files: what a classifier can use "
         "without "
         "looking at the picture. They say how files were made, not what they show."},
        {"Mean colour", "A classifier that sees three numbers: the average red, green and blue."},
        {"Random patches",
         "Small random pieces of training images are compared with every place of an image; a "
         "linear classifier works on how strongly they match. No training of a network."},
        {"ConvNeXt", "Convolutional networks of growing size, trained from nothing on the images."},
        {"Null control",
         "One collection is cut at random into pseudo-collections. Nothing tells them apart, so an "
         "honest method must come out at chance."},
    };
    dsbi_section_begin(p->t, "words", "Words", "");
    dsbi_text_add(p->t, "<dl>\n");
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        dsbi_html(p->t, "<dt>%s</dt><dd>%s</dd>\n", words[i][0], words[i][1]);
    dsbi_text_add(p->t, "</dl>\n");
    dsbi_section_end(p->t);
}
