/* Figures of the shift report that have a row a model: gaps and residuals as dots with intervals.
 */
#include <math.h>
#include <stdio.h>
#include "report/shift_page.h"

/* Rows of a dot with an interval around zero: gaps, residuals. */
static void dot_rows(const dsbi_shift_page *p, const char *title, const char *caption, bool gaps)
{
    enum { ROW = 19, NAMES = 290, WIDE = 940, MAX_ROWS = 80 };
    dsbi_text *t = p->t;
    size_t n = p->n < MAX_ROWS ? p->n : MAX_ROWS;
    double lo = 0, hi = 0, bottom = 26 + (double)n * ROW, y = 26;
    for (size_t i = 0; i < n; i++) {
        const dsbi_shift_point *q = &p->points[i];
        const double values[] = {gaps ? q->gap : q->residual, gaps ? q->gap_lo : q->residual_lo,
                                 gaps ? q->gap_hi : q->residual_hi};
        for (size_t k = 0; k < 3; k++)
            if (isfinite(values[k])) {
                lo = fmin(lo, values[k]);
                hi = fmax(hi, values[k]);
            }
    }
    dsbi_axis axis;
    double scale = p->unit ? 100 : 1;
    dsbi_axis_init(&axis, scale * lo, scale * hi, 6, true, false);
    axis.lo_px = NAMES;
    axis.hi_px = WIDE - 20;
    dsbi_svg_begin(t, WIDE, bottom + 44, title, caption);
    dsbi_svg_axis_x(t, &axis, 18, bottom, caption);
    double zero = dsbi_axis_px(&axis, 0);
    dsbi_svg_line(t, zero, 18, zero, bottom, "reference");
    for (size_t i = 0; i < n; i++, y += ROW) {
        const dsbi_shift_point *q = &p->points[i];
        double value = scale * (gaps ? q->gap : q->residual);
        double a = scale * (gaps ? q->gap_lo : q->residual_lo);
        double b = scale * (gaps ? q->gap_hi : q->residual_hi);
        dsbi_svg_text(t, NAMES - 12, y + 13, "note", "end", q->name, 40);
        if (!isfinite(value))
            continue;
        if (isfinite(a) && isfinite(b))
            dsbi_svg_line(t, dsbi_axis_px(&axis, a), y + 9, dsbi_axis_px(&axis, b), y + 9, "error");
        dsbi_html(t,
                  "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4.4\" class=\"dot s%u\"><title>%s: %+.2f"
                  "</title></circle>\n",
                  dsbi_axis_px(&axis, value), y + 9, (unsigned)q->series, q->name, value);
    }
    dsbi_svg_end(t);
    if (p->n > MAX_ROWS)
        dsbi_html(
            t, "<p class=\"soft small\">The first %d of %zu models; all are in the tables.</p>\n",
            (int)MAX_ROWS, p->n);
}

static bool has_intervals(const dsbi_shift_page *p, bool gaps)
{
    for (size_t i = 0; i < p->n; i++)
        if (isfinite(gaps ? p->points[i].gap_lo : p->points[i].residual_lo))
            return true;
    return false;
}

void dsbi_page_gap_chart(const dsbi_shift_page *p)
{
    char caption[120];
    snprintf(caption, sizeof caption, "%s lost%s%s%s%s", p->unit ? "accuracy" : "score",
             p->unit ? ", in points" : "", has_intervals(p, true) ? ", with " : "",
             has_intervals(p, true) ? p->level : "", has_intervals(p, true) ? " interval" : "");
    dot_rows(p, "Gap of every model", caption, true);
}

void dsbi_page_residuals(const dsbi_shift_page *p)
{
    char caption[120];
    bool intervals = has_intervals(p, false);
    snprintf(caption, sizeof caption, "%sabove (+) or below (\xe2\x88\x92) the line%s%s%s",
             p->unit ? "points " : "", intervals ? ", with " : "", intervals ? p->level : "",
             intervals ? " interval" : "");
    dot_rows(p, "Distance of every model from the line", caption, false);
}
