/* The record of `classify` as about twenty lines for a terminal. */
#include "dsbias/report.h"

#include <math.h>
#include <string.h>
#include "report/classify_page.h"

enum { BAR = 30 };

typedef struct summary {
    dsbi_text *t;
    const dsbi_json_value *root;
    bool colour;
} summary;

static void paint(const summary *s, const char *code)
{
    if (s->colour)
        dsbi_text_printf(s->t, "\033[%sm", code);
}

static void add_padded(dsbi_text *t, const char *text, size_t width)
{
    dsbi_short name;
    dsbi_html_shorten(&name, text, width);
    size_t characters = 0;
    for (const char *c = name.text; *c; c++)
        characters += ((unsigned char)*c & 0xc0) != 0x80;
    dsbi_plain_escape(t, name.text, strlen(name.text));
    for (; characters < width; characters++)
        dsbi_text_add(t, " ");
}

/* "  ######|##=====-          ": value as #, interval as =, chance as |. */
static void add_bar(const summary *s, double value, double lo, double hi, double chance)
{
    char bar[BAR + 1];
    int at = (int)(value * BAR + 0.5), mark = (int)(chance * BAR + 0.5);
    for (int i = 0; i < BAR; i++) {
        double centre = (i + 0.5) / BAR;
        bar[i] = i < at ? '#' : '.';
        if (isfinite(lo) && centre >= lo && centre <= hi)
            bar[i] = '=';
    }
    if (mark >= 0 && mark < BAR)
        bar[mark] = '|';
    bar[BAR] = '\0';
    dsbi_text_add(s->t, bar);
}

/* A sentence at most 80 columns wide, and the end of its line. */
static void add_wrapped(dsbi_text *t, const char *sentence, size_t indent)
{
    size_t column = indent;
    dsbi_text_printf(t, "%*s", (int)indent, "");
    for (const char *separator = ""; *sentence; separator = " ") {
        size_t word = strcspn(sentence, " ");
        if (sentence[word] == ' ' && sentence[word + 1] == '%') /* "95 %" stays together */
            word += 1 + strcspn(sentence + word + 1, " ");
        if (*separator && column + 1 + word > 80) {
            dsbi_text_printf(t, "\n%*s", (int)indent, "");
            column = indent;
            separator = "";
        }
        dsbi_text_add(t, separator);
        dsbi_plain_escape(t, sentence, word);
        column += word + strlen(separator);
        sentence += word;
        sentence += strspn(sentence, " ");
    }
    dsbi_text_add(t, "\n");
}

static void add_verdict(const summary *s)
{
    const dsbi_json_value *verdict = dsbi_json_get(s->root, "verdict");
    int lamp;
    const char *words = dsbi_classify_level(dsbi_record_text(verdict, "level"), &lamp);
    static const char *const colours[] = {"1", "1;32", "1;33", "1;31"};
    paint(s, colours[lamp + 1]);
    dsbi_text_add(s->t, words);
    paint(s, "0");
    dsbi_text_add(s->t, "\n");
    const char *sentence = dsbi_record_text(verdict, "sentence");
    add_wrapped(s->t, sentence, 0);
    dsbi_text_add(s->t, "\n");
}

static void add_headline(const summary *s)
{
    double lo, hi, accuracy = dsbi_record_number(s->root, "accuracy");
    if (!isfinite(accuracy))
        return;
    dsbi_number value, interval, chance, correct, n_test, p;
    dsbi_record_interval(s->root, "ci95", &lo, &hi);
    paint(s, "1");
    dsbi_text_printf(s->t, "accuracy %s", dsbi_number_percent(&value, accuracy));
    paint(s, "0");
    dsbi_text_printf(s->t, "  95 %% interval %s, chance %s, %s\n",
                     dsbi_number_interval(&interval, lo, hi),
                     dsbi_number_percent(&chance, dsbi_record_number(s->root, "chance")),
                     dsbi_number_p(&p, dsbi_record_number(s->root, "p_value")));
    dsbi_text_printf(s->t, "%s of %s test images put in the right collection\n\n",
                     dsbi_number_count(&correct, dsbi_record_count(s->root, "correct")),
                     dsbi_number_count(&n_test, dsbi_record_count(s->root, "n_test")));
}

/* name, bar, accuracy, interval, time */
static void add_line(const summary *s, const char *name, const dsbi_json_value *of, const char *key,
                     bool strong)
{
    double value = dsbi_record_number(of, key), lo, hi;
    double seconds = dsbi_record_number(of, "seconds");
    dsbi_number percent, interval, time;
    dsbi_text_add(s->t, "  ");
    paint(s, strong ? "1" : "0");
    add_padded(s->t, name, 16);
    dsbi_text_add(s->t, " ");
    if (isfinite(value)) {
        dsbi_record_interval(of, "ci95", &lo, &hi);
        add_bar(s, value, lo, hi, dsbi_record_number(s->root, "chance"));
        dsbi_text_printf(s->t, " %7s", dsbi_number_percent(&percent, value));
        if (isfinite(lo))
            dsbi_text_printf(s->t, "  %s", dsbi_number_interval(&interval, lo, hi));
        if (isfinite(seconds))
            dsbi_text_printf(s->t, "  %s", dsbi_number_seconds(&time, seconds));
    } else {
        const char *why = dsbi_record_text(of, "why");
        if (!*why)
            why = dsbi_record_text(of, "state");
        dsbi_plain_escape(s->t, why, strlen(why));
    }
    paint(s, "0");
    dsbi_text_add(s->t, "\n");
}

static void add_rungs(const summary *s)
{
    const dsbi_json_value *rungs = dsbi_json_get(s->root, "rungs");
    const char *headline = dsbi_record_text(s->root, "headline_rung");
    dsbi_text_add(s->t, "What gives it away (=: 95 % interval, |: chance)\n");
    for (const dsbi_json_value *r = dsbi_json_first(rungs); r; r = dsbi_json_next(r)) {
        const char *name = dsbi_record_text(r, "name");
        add_line(s, dsbi_record_rung_title(name), r, "accuracy", strcmp(name, headline) == 0);
    }
    const char *beyond = dsbi_record_text(dsbi_json_get(s->root, "beyond_metadata"), "sentence");
    if (*beyond)
        add_wrapped(s->t, beyond, 2);
}

static void add_datasets(const summary *s)
{
    const dsbi_json_value *datasets = dsbi_json_get(s->root, "datasets");
    size_t n = 0;
    dsbi_text_add(s->t, "\nHow much of each collection is recognised\n");
    for (const dsbi_json_value *d = dsbi_json_first(datasets); d && n < 20; d = dsbi_json_next(d)) {
        add_line(s, dsbi_record_text(d, "name"), d, "recall", false);
        n++;
    }
    if (dsbi_json_count(datasets) > n)
        dsbi_text_printf(s->t, "  ... and %zu more\n", dsbi_json_count(datasets) - n);
}

static void add_checks(const summary *s)
{
    const dsbi_json_value *null = dsbi_json_get(s->root, "null_control");
    double accuracy = dsbi_record_number(null, "accuracy"), lo, hi;
    dsbi_number value, interval, count, time, bytes;
    dsbi_text_add(s->t, "\n");
    if (isfinite(accuracy)) {
        bool passed = dsbi_record_bool(null, "passed");
        dsbi_record_interval(null, "ci95", &lo, &hi);
        paint(s, passed ? "32" : "1;31");
        dsbi_text_printf(s->t, "null control %s", passed ? "passed" : "FAILED");
        paint(s, "0");
        dsbi_text_printf(s->t, ": %s (%s) where nothing can be found\n",
                         dsbi_number_percent(&value, accuracy),
                         dsbi_number_interval(&interval, lo, hi));
    }
    uint64_t broken = dsbi_record_count(s->root, "broken_total");
    const dsbi_json_value *duplicates = dsbi_json_get(s->root, "duplicates");
    const dsbi_json_value *near = dsbi_json_get(duplicates, "near");
    uint64_t across = dsbi_record_count(duplicates, "across_total");
    uint64_t matched = dsbi_record_count(duplicates, "classes_matched");
    dsbi_text_printf(s->t, "broken files: %s; ", dsbi_number_count(&count, broken));
    dsbi_text_printf(s->t, "images found in two collections: %s",
                     dsbi_number_count(&count, across));
    if (dsbi_json_type_of(near) == DSBI_JSON_OBJECT)
        dsbi_text_printf(s->t, "\ngroups of images that look the same in two: %s",
                         dsbi_number_count(&count, dsbi_record_count(near, "groups_across")));
    if (matched > 0)
        dsbi_text_printf(s->t, "\nclasses matched: %s", dsbi_number_count(&count, matched));
    dsbi_text_add(s->t, "\n");
    const dsbi_json_value *record = dsbi_json_get(s->root, "record");
    if (dsbi_record_has(record, "seconds_total"))
        dsbi_text_printf(
            s->t, "time %s, memory at most %s\n",
            dsbi_number_seconds(&time, dsbi_record_number(record, "seconds_total")),
            dsbi_number_bytes(&bytes, dsbi_record_number(record, "peak_memory_bytes")));
}

static dsb_status write_record(dsb_runtime *rt, dsbi_text *t, const dsbi_json_value *root,
                               void *user)
{
    (void)rt;
    summary s = {.t = t, .root = root, .colour = *(const bool *)user};
    add_verdict(&s);
    add_headline(&s);
    add_rungs(&s);
    add_datasets(&s);
    add_checks(&s);
    return DSB_OK;
}

dsb_status dsb_report_classify_text(dsb_runtime *rt, char **text, size_t *size, const char *json,
                                    size_t json_size, uint32_t flags)
{
    return dsbi_record_listing(rt, text, size, json, json_size, "dsbias.classify/",
                               "dsb_report_classify_text", write_record, flags);
}
