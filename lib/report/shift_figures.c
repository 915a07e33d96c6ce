/* Figures of the shift report: accuracy against accuracy with a range of its own on either axis (as
 * in the papers: the new set lies lower), gaps as dots with intervals, residuals. */
#include <math.h>
#include <stdio.h>
#include "report/shift_page.h"

enum { WIDTH = 468, HEIGHT = 440, LEFT = 50, RIGHT = 458, TOP = 30, BOTTOM = 388 };

static void axis_for(dsbi_axis *axis, double lo, double hi, bool unit, bool probit)
{
    double margin = 0.06 * (hi - lo);
    if (!(margin > 0))
        margin = unit ? 0.02 : 0.05 * fabs(hi) + 1e-6;
    lo -= margin;
    hi += margin;
    if (unit) {
        lo = fmax(lo, probit ? 0.002 : 0);
        hi = fmin(hi, probit ? 0.998 : 1);
    }
    dsbi_axis_init(axis, lo, hi, 7, false, unit);
    if (probit)
        axis->scale = DSBI_SCALE_PROBIT;
}

static void ranges(const dsbi_shift_page *p, double x[2], double y[2])
{
    x[0] = y[0] = INFINITY;
    x[1] = y[1] = -INFINITY;
    for (size_t i = 0; i < p->n; i++) {
        const dsbi_shift_point *q = &p->points[i];
        x[0] = fmin(x[0], isfinite(q->x_lo) ? q->x_lo : q->x);
        x[1] = fmax(x[1], isfinite(q->x_hi) ? q->x_hi : q->x);
        y[0] = fmin(y[0], isfinite(q->y_lo) ? q->y_lo : q->y);
        y[1] = fmax(y[1], isfinite(q->y_hi) ? q->y_hi : q->y);
    }
}

/* The part of y = x inside both axes. */
static void draw_diagonal(dsbi_text *t, const dsbi_axis *x, const dsbi_axis *y)
{
    double lo = fmax(x->lo, y->lo), hi = fmin(x->hi, y->hi);
    if (!(hi > lo))
        return;
    dsbi_text_add(t, "<path class=\"reference\" fill=\"none\" d=\"");
    for (int i = 0; i <= 40; i++) {
        double v = lo + (hi - lo) * i / 40;
        dsbi_html(t, "%c%.1f %.1f", i ? 'L' : 'M', dsbi_axis_px(x, v), dsbi_axis_px(y, v));
    }
    dsbi_text_add(t, "\"/>\n");
}

static size_t read_row(double *out, size_t max, const dsbi_json_value *array)
{
    size_t n = 0;
    for (const dsbi_json_value *v = dsbi_json_first(array); v && n < max; v = dsbi_json_next(v)) {
        out[n] = NAN;
        dsbi_json_double(v, &out[n++]);
    }
    return n;
}

static bool inside(const dsbi_axis *a, double v)
{
    return v >= a->lo && v <= a->hi;
}

static void draw_fit(dsbi_text *t, const dsbi_json_value *fit, const dsbi_axis *ax,
                     const dsbi_axis *ay)
{
    enum { MAX = 200 };
    double x[MAX], y[MAX], lo[MAX], hi[MAX];
    const dsbi_json_value *band = dsbi_json_get(fit, "band");
    size_t n = read_row(x, MAX, dsbi_json_get(band, "x")), first = MAX, last = 0;
    if (n < 2 || read_row(y, MAX, dsbi_json_get(band, "y")) != n)
        return;
    for (size_t i = 0; i < n; i++)
        if (inside(ax, x[i]) && inside(ay, y[i])) {
            first = i < first ? i : first;
            last = i;
        }
    if (first >= last)
        return;
    if (read_row(lo, MAX, dsbi_json_get(band, "low")) == n &&
        read_row(hi, MAX, dsbi_json_get(band, "high")) == n && isfinite(lo[first])) {
        dsbi_text_add(t, "<path class=\"fit-band\" d=\"");
        for (size_t i = first; i <= last; i++)
            dsbi_html(t, "%c%.1f %.1f", i > first ? 'L' : 'M', dsbi_axis_px(ax, x[i]),
                      dsbi_axis_px(ay, hi[i]));
        for (size_t i = last + 1; i-- > first;)
            dsbi_html(t, "L%.1f %.1f", dsbi_axis_px(ax, x[i]), dsbi_axis_px(ay, lo[i]));
        dsbi_text_add(t, "Z\"/>\n");
    }
    dsbi_text_add(t, "<path class=\"fit\" d=\"");
    for (size_t i = first; i <= last; i++)
        dsbi_html(t, "%c%.1f %.1f", i > first ? 'L' : 'M', dsbi_axis_px(ax, x[i]),
                  dsbi_axis_px(ay, y[i]));
    dsbi_text_add(t, "\"/>\n");
}

static void draw_legend(dsbi_text *t, const dsbi_shift_page *p, bool fitted)
{
    double y = TOP + 18;
    for (unsigned i = 0; p->families[i] && i < DSBI_SHIFT_FAMILIES; i++, y += 19) {
        dsbi_html(t, "<circle cx=\"%d\" cy=\"%.1f\" r=\"5\" class=\"dot s%u\"/>\n", LEFT + 18, y,
                  i);
        dsbi_svg_text(t, LEFT + 30, y + 4, "note", "start", p->families[i], 24);
    }
    if (!p->families[0]) {
        dsbi_html(t, "<circle cx=\"%d\" cy=\"%.1f\" r=\"5\" class=\"dot s0\"/>\n", LEFT + 18, y);
        dsbi_svg_text(t, LEFT + 34, y + 4, "note", "start", "model, 95% intervals", 0);
        y += 19;
    }
    if (fitted) {
        dsbi_svg_line(t, LEFT + 8, y, LEFT + 28, y, "fit");
        dsbi_svg_text(t, LEFT + 34, y + 4, "note", "start", "line with 95% band", 0);
        y += 19;
    }
    dsbi_svg_line(t, LEFT + 8, y, LEFT + 28, y, "reference");
    dsbi_svg_text(t, LEFT + 34, y + 4, "note", "start", "no loss (y = x)", 0);
}

void dsbi_page_scatter(const dsbi_shift_page *p, const char *scale)
{
    dsbi_text *t = p->t;
    bool probit = scale[0] == 'p';
    double rx[2], ry[2];
    char title[200], caption_x[160], caption_y[160];
    ranges(p, rx, ry);
    dsbi_axis x, y;
    axis_for(&x, rx[0], rx[1], p->unit, probit);
    axis_for(&y, ry[0], ry[1], p->unit, probit);
    x.lo_px = LEFT;
    x.hi_px = RIGHT;
    y.lo_px = BOTTOM;
    y.hi_px = TOP;
    const dsbi_json_value *fit = dsbi_json_get(dsbi_json_get(p->c, "fits"), scale);
    snprintf(title, sizeof title, "Accuracy on %.60s against accuracy on %.60s", p->fresh,
             p->original);
    snprintf(caption_x, sizeof caption_x, "%s on %.80s", p->unit ? "accuracy" : "score",
             p->original);
    snprintf(caption_y, sizeof caption_y, "%s on %.80s", p->unit ? "accuracy" : "score", p->fresh);
    dsbi_svg_begin(t, WIDTH, HEIGHT, title, "a scatter plot, one point a model");
    dsbi_svg_axis_y(t, &y, LEFT, RIGHT, caption_y);
    dsbi_svg_axis_x(t, &x, TOP, BOTTOM, caption_x);
    draw_diagonal(t, &x, &y);
    draw_fit(t, fit, &x, &y);
    for (size_t i = 0; i < p->n; i++) {
        const dsbi_shift_point *q = &p->points[i];
        double px = dsbi_axis_px(&x, q->x), py = dsbi_axis_px(&y, q->y);
        if (!isfinite(q->x) || !isfinite(q->y))
            continue;
        if (p->n <= 120 && isfinite(q->x_lo))
            dsbi_svg_line(t, dsbi_axis_px(&x, q->x_lo), py, dsbi_axis_px(&x, q->x_hi), py, "error");
        if (p->n <= 120 && isfinite(q->y_lo))
            dsbi_svg_line(t, px, dsbi_axis_px(&y, q->y_lo), px, dsbi_axis_px(&y, q->y_hi), "error");
    }
    for (size_t i = 0; i < p->n; i++) {
        const dsbi_shift_point *q = &p->points[i];
        /* many points: no rim, or the rims are all one sees */
        if (isfinite(q->x) && isfinite(q->y))
            dsbi_html(t,
                      "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" class=\"%ss%u\"><title>%s: "
                      "%.2f, %.2f</title></circle>\n",
                      dsbi_axis_px(&x, q->x), dsbi_axis_px(&y, q->y), p->n > 120 ? 2.8 : 4.6,
                      p->n > 120 ? "" : "dot ", (unsigned)q->series, q->name,
                      (p->unit ? 100 : 1) * q->x, (p->unit ? 100 : 1) * q->y);
    }
    double slope = dsbi_record_number(fit, "slope"), lo, hi;
    if (isfinite(slope)) {
        char text[160];
        dsbi_record_interval(fit, "slope_ci95", &lo, &hi);
        if (isfinite(lo))
            snprintf(text, sizeof text, "slope %.2f [%.2f, %.2f]", slope, lo, hi);
        else
            snprintf(text, sizeof text, "slope %.2f", slope);
        dsbi_svg_text(t, RIGHT - 8, BOTTOM - 30, "label strong", "end", text, 0);
        dsbi_number r2;
        snprintf(text, sizeof text, "R\xc2\xb2 = %s, %s scale",
                 dsbi_number_plain(&r2, dsbi_record_number(fit, "r2")), scale);
        dsbi_svg_text(t, RIGHT - 8, BOTTOM - 12, "note", "end", text, 0);
    }
    draw_legend(t, p, isfinite(slope));
    dsbi_svg_end(t);
}

/* Rows of a dot with an interval around zero: gaps, residuals. */
static void dot_rows(const dsbi_shift_page *p, const char *title, const char *caption, bool gaps)
{
    enum { ROW = 19, NAMES = 250, WIDE = 760, MAX_ROWS = 80 };
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
        dsbi_svg_text(t, NAMES - 12, y + 13, "note", "end", q->name, 36);
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
}

void dsbi_page_gap_chart(const dsbi_shift_page *p)
{
    dot_rows(p, "Gap of every model",
             p->unit ? "accuracy lost, in points, with 95% interval" : "score lost", true);
}

void dsbi_page_residuals(const dsbi_shift_page *p)
{
    dot_rows(p, "Distance of every model from the line",
             p->unit ? "points above (+) or below (-) the line, with 95% interval"
                     : "above (+) or below (-) the line",
             false);
}
