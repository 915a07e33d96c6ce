/* The summary of `shift` for a terminal: gap, fits, ranks, warnings, the table of models. */
#include "dsbias/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "base/text.h"
#include "report/shift_page.h"

enum { ROWS = 40 };

/* Names come from files: control characters would reach the terminal. */
static void add_name(dsbi_text *t, const char *name, size_t width)
{
    size_t shown = 0;
    for (const unsigned char *p = (const unsigned char *)name; *p && shown < width; p++) {
        if (*p < 32 || *p == 127 || (*p >= 0x80 && *p < 0xa0 && shown == 0))
            dsbi_text_add(t, "?");
        else
            dsbi_text_add_n(t, (const char *)p, 1);
        shown += *p < 0x80 || *p >= 0xc0;
    }
    for (; shown < width; shown++)
        dsbi_text_add(t, " ");
}

static void add_models(dsbi_text *t, const dsbi_json_value *c)
{
    size_t row = 0, n = dsbi_json_count(dsbi_json_get(c, "models"));
    dsbi_text_add(t, "\n  model                               original     new      gap  rank\n");
    for (const dsbi_json_value *m = dsbi_json_first(dsbi_json_get(c, "models")); m && row < ROWS;
         m = dsbi_json_next(m), row++) {
        double a = dsbi_record_number(dsbi_json_get(m, "orig"), "accuracy");
        double b = dsbi_record_number(dsbi_json_get(m, "new"), "accuracy");
        double unit = a <= 1 && b <= 1 && a >= 0 && b >= 0 ? 100 : 1;
        double change = dsbi_record_number(m, "delta_rank");
        dsbi_text_add(t, "  ");
        add_name(t, dsbi_record_text(m, "name"), 34);
        dsbi_text_printf(t, "%10.2f%8.2f%9.2f%6.0f %+.0f\n", unit * a, unit * b, unit * (a - b),
                         dsbi_record_number(m, "rank_orig"), change);
    }
    if (n > row)
        dsbi_text_printf(t, "  ... and %zu more: see models.csv\n", n - row);
}

static void add_fits(dsbi_text *t, const dsbi_json_value *c)
{
    for (const dsbi_json_value *f = dsbi_json_first(dsbi_json_get(c, "fits")); f;
         f = dsbi_json_next(f)) {
        double lo, hi;
        dsbi_text_printf(t, "  %-8s", dsbi_page_key(f));
        if (dsbi_record_has(f, "reason")) {
            dsbi_text_printf(t, "no line: %s\n", dsbi_record_text(f, "reason"));
            continue;
        }
        dsbi_record_interval(f, "slope_ci95", &lo, &hi);
        dsbi_text_printf(t, "slope %.3f", dsbi_record_number(f, "slope"));
        if (isfinite(lo))
            dsbi_text_printf(t, " [%.3f, %.3f]", lo, hi);
        dsbi_text_printf(t, "  offset %.3f", dsbi_record_number(f, "intercept"));
        if (isfinite(dsbi_record_number(f, "r2")))
            dsbi_text_printf(t, "  R2 %.3f", dsbi_record_number(f, "r2"));
        dsbi_text_printf(t, "  (%.0f models)\n", dsbi_record_number(f, "n"));
    }
}

static void add_comparison(dsbi_text *t, const dsbi_json_value *c)
{
    dsbi_number gap, count;
    dsbi_text_add(t, "\n");
    add_name(t, dsbi_record_text(c, "new"), strlen(dsbi_record_text(c, "new")));
    dsbi_text_add(t, " against ");
    add_name(t, dsbi_record_text(c, "original"), strlen(dsbi_record_text(c, "original")));
    dsbi_text_printf(t, ", %s model%s\n",
                     dsbi_number_count(&count, dsbi_record_count(c, "n_models")),
                     dsbi_record_count(c, "n_models") == 1 ? "" : "s");
    double mean = dsbi_record_number(c, "mean_gap");
    double spearman = dsbi_record_number(dsbi_json_get(c, "rank"), "spearman");
    if (dsbi_record_has(c, "decomposition"))
        dsbi_text_printf(t, "  gap on average %s", dsbi_number_points(&gap, mean));
    else
        dsbi_text_printf(t, "  gap on average %.4g", mean);
    if (isfinite(spearman))
        dsbi_text_printf(t, "; Spearman %.3f, Kendall %.3f", spearman,
                         dsbi_record_number(dsbi_json_get(c, "rank"), "kendall_tau_b"));
    dsbi_text_add(t, "\n");
    add_fits(t, c);
    add_models(t, c);
}

static dsb_status write_record(dsb_runtime *rt, dsbi_text *t, const dsbi_json_value *root,
                               void *user)
{
    (void)rt;
    (void)user; /* no colours in it */
    add_comparison(t, root);
    for (const dsbi_json_value *c = dsbi_json_first(dsbi_json_get(root, "other_sets")); c;
         c = dsbi_json_next(c))
        add_comparison(t, c);
    const char *sentence = dsbi_record_text(dsbi_json_get(root, "decomposition"), "sentence");
    if (*sentence)
        dsbi_text_printf(t, "\n%s\n", sentence);
    for (const dsbi_json_value *w = dsbi_json_first(dsbi_json_get(root, "warnings")); w;
         w = dsbi_json_next(w)) {
        dsbi_text_add(t, "warning  ");
        add_name(t, dsbi_page_string(w), strlen(dsbi_page_string(w)));
        dsbi_text_add(t, "\n");
    }
    return DSB_OK;
}

dsb_status dsb_report_shift_text(dsb_runtime *rt, char **text, size_t *size, const char *json,
                                 size_t json_size, uint32_t flags)
{
    return dsbi_record_listing(rt, text, size, json, json_size, "dsbias.shift/",
                               "dsb_report_shift_text", write_record, flags);
}
