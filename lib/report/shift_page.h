/* The report of `shift`: what its sections share. Each section writes itself or, without its data
 * in the record, nothing. A record holds one comparison at its top and further ones in other_sets;
 * `number` keeps the ids of their sections apart. Field names: docs/results-schema.md. */
#ifndef DSBI_REPORT_SHIFT_PAGE_H
#define DSBI_REPORT_SHIFT_PAGE_H

#include "report/figures.h"
#include "report/number.h"
#include "report/record.h"
#include "report/style.h"

typedef struct dsbi_shift_point {
    const char *name, *family;
    double x, y, x_lo, x_hi, y_lo, y_hi;
    double gap, gap_lo, gap_hi, rank_x, rank_y, rank_lo, rank_hi, residual, residual_lo,
        residual_hi;
    uint32_t series;
    bool baseline;
} dsbi_shift_point;

enum { DSBI_SHIFT_FAMILIES = 7 };

typedef struct dsbi_shift_page {
    dsb_runtime *rt;
    dsbi_text *t;
    const dsbi_json_value *root, *c; /* record, comparison */
    unsigned number;
    dsbi_shift_point *points; /* [n], best on the original set first */
    size_t n;
    const char *families[DSBI_SHIFT_FAMILIES + 1]; /* NULL-ended, [series] */
    bool unit;                                     /* values are fractions */
    const char *original, *fresh, *scale;
    char level[16]; /* of intervals: "95%" */
} dsbi_shift_page;

/* Texts of a record that may hold anything: "" for what is none. */
static inline const char *dsbi_page_string(const dsbi_json_value *v)
{
    const char *text = dsbi_json_string(v, NULL);
    return text ? text : "";
}
static inline const char *dsbi_page_key(const dsbi_json_value *v)
{
    const char *text = dsbi_json_key(v, NULL);
    return text ? text : "";
}

/* shift_html.c: per cent or plain, as the values are */
const char *dsbi_page_value(dsbi_number *out, const dsbi_shift_page *p, double value);
/* shift_scatter.c: `large` fills the page and names models */
void dsbi_page_scatter(const dsbi_shift_page *p, const char *scale, bool large);
/* shift_figures.c */
void dsbi_page_residuals(const dsbi_shift_page *p);
void dsbi_page_gap_chart(const dsbi_shift_page *p);
/* shift_sections.c */
void dsbi_page_lines(const dsbi_shift_page *p);
void dsbi_page_models(const dsbi_shift_page *p);
dsb_status dsbi_page_ranks(const dsbi_shift_page *p);
dsb_status dsbi_page_classes(const dsbi_shift_page *p);
void dsbi_page_robustness(const dsbi_shift_page *p);
/* shift_more.c */
dsb_status dsbi_page_reliability(const dsbi_shift_page *p);
void dsbi_page_groups(const dsbi_shift_page *p);
void dsbi_page_label_shift(const dsbi_shift_page *p);
void dsbi_page_ties(const dsbi_shift_page *p);
void dsbi_page_label_free(const dsbi_shift_page *p);
void dsbi_page_reading(const dsbi_shift_page *p);
void dsbi_page_method(const dsbi_shift_page *p);

#endif
