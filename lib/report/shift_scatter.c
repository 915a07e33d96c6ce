/* Accuracy against accuracy, with a range of its own on either axis (as in the papers: the new set
 * lies lower): intervals, fit with band or two lines at a pivot, y = x, and the names of the models
 * one looks for, each where it covers neither a point, a line nor another name. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "report/shift_page.h"

enum { LABELS = 12, OBSTACLES = 1200, CURVE = 200, MANY = 120, NAME = 34 };

typedef struct frame {
    double width, height, left, right, top, bottom;
} frame;
static const frame small_frame = {468, 440, 50, 458, 30, 388};
static const frame large_frame = {940, 600, 56, 930, 30, 548};

typedef struct box {
    double x0, y0, x1, y1;
} box;

typedef struct plot {
    const dsbi_shift_page *p;
    frame f;
    const char *scale;
    dsbi_axis x, y;
    const dsbi_json_value *fit; /* NULL: none */
    box taken[OBSTACLES];       /* the first n_soft may be written over if nothing else is free */
    size_t n_taken, n_soft;
} plot;

/* ---- what is in the way of names ---- */

static void take_box(plot *q, double x0, double y0, double x1, double y1)
{
    if (q->n_taken < OBSTACLES)
        q->taken[q->n_taken++] = (box){x0, y0, x1, y1};
}

static bool is_free(const plot *q, const box *b, size_t from)
{
    if (b->x0 < q->f.left + 2 || b->x1 > q->f.right - 2 || b->y0 < q->f.top ||
        b->y1 > q->f.bottom - 2)
        return false;
    for (size_t i = from; i < q->n_taken; i++)
        if (b->x0 < q->taken[i].x1 && b->x1 > q->taken[i].x0 && b->y0 < q->taken[i].y1 &&
            b->y1 > q->taken[i].y0)
            return false;
    return true;
}

/* ---- axes ---- */

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

/* ---- lines ---- */

/* The part of y = x inside both axes. */
static void draw_diagonal(plot *q)
{
    double lo = fmax(q->x.lo, q->y.lo), hi = fmin(q->x.hi, q->y.hi);
    if (!(hi > lo))
        return;
    dsbi_text_add(q->p->t, "<path class=\"reference\" fill=\"none\" d=\"");
    for (int i = 0; i <= 60; i++) {
        double v = lo + (hi - lo) * i / 60;
        double x = dsbi_axis_px(&q->x, v), y = dsbi_axis_px(&q->y, v);
        dsbi_html(q->p->t, "%c%.1f %.1f", i ? 'L' : 'M', x, y);
        take_box(q, x - 4, y - 4, x + 4, y + 4);
    }
    q->n_soft = q->n_taken;
    dsbi_text_add(q->p->t, "\"/>\n");
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

/* A curve of a record: x, y and, if it has one, a band between low and high. */
static void draw_curve(plot *q, const dsbi_json_value *curve)
{
    double x[CURVE], y[CURVE], lo[CURVE], hi[CURVE];
    dsbi_text *t = q->p->t;
    size_t n = read_row(x, CURVE, dsbi_json_get(curve, "x")), first = CURVE, last = 0;
    if (n < 2 || read_row(y, CURVE, dsbi_json_get(curve, "y")) != n)
        return;
    for (size_t i = 0; i < n; i++)
        if (x[i] >= q->x.lo && x[i] <= q->x.hi && y[i] >= q->y.lo && y[i] <= q->y.hi) {
            first = i < first ? i : first;
            last = i;
        }
    if (first >= last)
        return;
    if (read_row(lo, CURVE, dsbi_json_get(curve, "low")) == n &&
        read_row(hi, CURVE, dsbi_json_get(curve, "high")) == n && isfinite(lo[first])) {
        dsbi_text_add(t, "<path class=\"fit-band\" d=\"");
        for (size_t i = first; i <= last; i++)
            dsbi_html(t, "%c%.1f %.1f", i > first ? 'L' : 'M', dsbi_axis_px(&q->x, x[i]),
                      dsbi_axis_px(&q->y, hi[i]));
        for (size_t i = last + 1; i-- > first;)
            dsbi_html(t, "L%.1f %.1f", dsbi_axis_px(&q->x, x[i]), dsbi_axis_px(&q->y, lo[i]));
        dsbi_text_add(t, "Z\"/>\n");
    }
    dsbi_text_add(t, "<path class=\"fit\" d=\"");
    for (size_t i = first; i <= last; i++) {
        double px = dsbi_axis_px(&q->x, x[i]), py = dsbi_axis_px(&q->y, y[i]);
        dsbi_html(t, "%c%.1f %.1f", i > first ? 'L' : 'M', px, py);
        take_box(q, px - 7, py - 5, px + 7, py + 5);
    }
    dsbi_text_add(t, "\"/>\n");
}

/* The line, or the two lines of a pivot. */
static bool draw_fit(plot *q)
{
    const dsbi_json_value *two = dsbi_json_get(dsbi_json_get(q->p->c, "pivot"), q->scale);
    if (!dsbi_record_has(two, "below")) {
        draw_curve(q, dsbi_json_get(q->fit, "band"));
        return dsbi_record_has(q->fit, "slope");
    }
    draw_curve(q, dsbi_json_get(dsbi_json_get(two, "below"), "curve"));
    draw_curve(q, dsbi_json_get(dsbi_json_get(two, "above"), "curve"));
    return true;
}

/* Slope and fit in two lines of text; `y` is the baseline of the first. */
static void draw_result(plot *q, double x, double y, const char *anchor)
{
    dsbi_text *t = q->p->t;
    double slope = dsbi_record_number(q->fit, "slope"), lo, hi;
    char first[120], second[160];
    dsbi_number r2;
    const dsbi_json_value *two = dsbi_json_get(dsbi_json_get(q->p->c, "pivot"), q->scale);
    dsbi_record_interval(q->fit, "slope_ci95", &lo, &hi);
    if (dsbi_record_has(two, "below"))
        snprintf(first, sizeof first, "slopes %.2f and %.2f",
                 dsbi_record_number(dsbi_json_get(two, "below"), "slope"),
                 dsbi_record_number(dsbi_json_get(two, "above"), "slope"));
    else if (isfinite(lo))
        snprintf(first, sizeof first, "slope %.2f [%.2f, %.2f]", slope, lo, hi);
    else
        snprintf(first, sizeof first, "slope %.2f", slope);
    if (dsbi_record_has(two, "below"))
        snprintf(second, sizeof second, "below and above the pivot, %s scale", q->scale);
    else
        snprintf(second, sizeof second, "R\xc2\xb2 = %s, %s scale",
                 dsbi_number_plain(&r2, dsbi_record_number(q->fit, "r2")), q->scale);
    dsbi_svg_text(t, x, y, "label strong", anchor, first, 0);
    dsbi_svg_text(t, x, y + 18, "note", anchor, second, 0);
    double left = *anchor == 'e' ? x - 240 : x;
    take_box(q, left, y - 16, left + 240, y + 22);
}

/* The result stands at the bottom right, or below the legend where points are in its way. */
static void draw_legend(plot *q, bool fitted)
{
    const dsbi_shift_page *p = q->p;
    char text[80];
    double y = q->f.top + 18, left = q->f.left;
    const box corner = {q->f.right - 248, q->f.bottom - 48, q->f.right - 3, q->f.bottom - 3};
    bool corner_free = is_free(q, &corner, 0);
    for (unsigned i = 0; p->families[i] && i < DSBI_SHIFT_FAMILIES; i++, y += 19) {
        dsbi_html(p->t, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5\" class=\"dot s%u\"/>\n", left + 18,
                  y, i);
        dsbi_svg_text(p->t, left + 34, y + 4, "note", "start", p->families[i], 24);
    }
    if (!p->families[0]) {
        bool intervals = p->n > 0 && isfinite(p->points[0].y_lo) && p->n <= MANY;
        dsbi_html(p->t, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5\" class=\"dot s0\"/>\n", left + 18,
                  y);
        if (intervals)
            snprintf(text, sizeof text, "model, %s intervals", p->level);
        dsbi_svg_text(p->t, left + 34, y + 4, "note", "start", intervals ? text : "model", 0);
        y += 19;
    }
    if (fitted) {
        bool two = dsbi_record_has(dsbi_json_get(dsbi_json_get(p->c, "pivot"), q->scale), "below");
        snprintf(text, sizeof text, "line with %s band", p->level);
        dsbi_svg_line(p->t, left + 8, y, left + 28, y, "fit");
        dsbi_svg_text(p->t, left + 34, y + 4, "note", "start", two ? "line" : text, 0);
        y += 19;
    }
    dsbi_svg_line(p->t, left + 8, y, left + 28, y, "reference");
    dsbi_svg_text(p->t, left + 34, y + 4, "note", "start", "no loss (y = x)", 0);
    take_box(q, left, q->f.top, left + 200, y + 10);
    if (fitted && corner_free)
        draw_result(q, q->f.right - 8, q->f.bottom - 30, "end");
    else if (fitted)
        draw_result(q, left + 8, y + 28, "start");
}

/* ---- points and names ---- */

static void draw_points(plot *q)
{
    const dsbi_shift_page *p = q->p;
    bool many = p->n > MANY;
    for (size_t i = 0; i < p->n && !many; i++) {
        const dsbi_shift_point *m = &p->points[i];
        double x = dsbi_axis_px(&q->x, m->x), y = dsbi_axis_px(&q->y, m->y);
        if (isfinite(m->x_lo))
            dsbi_svg_line(p->t, dsbi_axis_px(&q->x, m->x_lo), y, dsbi_axis_px(&q->x, m->x_hi), y,
                          "error");
        if (isfinite(m->y_lo))
            dsbi_svg_line(p->t, x, dsbi_axis_px(&q->y, m->y_lo), x, dsbi_axis_px(&q->y, m->y_hi),
                          "error");
    }
    for (size_t i = 0; i < p->n; i++) { /* many points: no rim, or the rims are all one sees */
        const dsbi_shift_point *m = &p->points[i];
        double x = dsbi_axis_px(&q->x, m->x), y = dsbi_axis_px(&q->y, m->y);
        if (!isfinite(m->x) || !isfinite(m->y))
            continue;
        take_box(q, x - 6, y - 6, x + 6, y + 6);
        dsbi_html(p->t,
                  "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" class=\"%ss%u\"><title>%s: "
                  "%.2f, %.2f</title></circle>\n",
                  x, y, many ? 2.8 : 4.6, many ? "" : "dot ", (unsigned)m->series, m->name,
                  (p->unit ? 100 : 1) * m->x, (p->unit ? 100 : 1) * m->y);
    }
}

static double width_of(const char *text)
{
    double glyphs = 0;
    for (const char *c = text; *c; c++)
        glyphs += (*c & 0xc0) != 0x80; /* not the later bytes of a character */
    return 6.9 * glyphs;
}

/* Text at a distance from a point, if it is free there; far away with a line to the point. */
static bool try_place(plot *q, const char *name, double x, double y, const double place[3],
                      size_t from)
{
    static const char *const anchors[] = {"end", "middle", "start"};
    int anchor = (int)place[2]; /* -1 the text ends there, 0 is centred, 1 starts */
    double at = x + place[0], base = y + place[1], wide = width_of(name);
    double start = anchor > 0 ? at : anchor < 0 ? at - wide : at - wide / 2;
    bool far = fabs(place[0]) > 30;
    double room = far ? 9 : 1; /* far from its point it must not seem another one's */
    const box b = {start - room, base - 10 - room, start + wide + room, base + 2 + room};
    if (!is_free(q, &b, from))
        return false;
    if (far)
        dsbi_svg_line(q->p->t, x, y, at - 2 * anchor, base - 4, "leader");
    dsbi_svg_text(q->p->t, at, base, "note", anchors[anchor + 1], name, 0);
    take_box(q, b.x0, b.y0, b.x1, b.y1);
    return true;
}

/* A name beside its point, if need be over y = x, else a little away; not drawn where nothing is
 * free. */
static void place_name(plot *q, const dsbi_shift_point *m)
{
    static const double near[][3] = {{10, 4, 1}, {-10, 4, -1}, {8, -8, 1},  {-8, -8, -1},
                                     {8, 17, 1}, {-8, 17, -1}, {0, -12, 0}, {0, 21, 0}};
    static const double away[][3] = {{36, 44, 1},    {-36, -36, -1}, {36, 24, 1},
                                     {-36, -20, -1}, {60, 62, 1},    {-60, -54, -1}};
    dsbi_short name;
    dsbi_html_shorten(&name, m->name, NAME);
    double x = dsbi_axis_px(&q->x, m->x), y = dsbi_axis_px(&q->y, m->y);
    for (int over = 0; over < 2; over++)
        for (size_t i = 0; i < sizeof near / sizeof *near; i++)
            if (try_place(q, name.text, x, y, near[i], over ? q->n_soft : 0))
                return;
    for (size_t i = 0; i < sizeof away / sizeof *away; i++)
        if (try_place(q, name.text, x, y, away[i], 0))
            return;
}

/* Those one looks for: the ends of both rankings, then the largest distances from the line. */
static void draw_names(plot *q)
{
    const dsbi_shift_page *p = q->p;
    bool done[2000] = {false};
    size_t n = p->n < 2000 ? p->n : 2000;
    for (int turn = 0; turn < LABELS; turn++) {
        size_t best = n;
        double most = -1;
        for (size_t i = 0; i < n; i++) {
            const dsbi_shift_point *m = &p->points[i];
            double key = turn == 0   ? -m->rank_x
                         : turn == 1 ? -m->rank_y
                         : turn == 2 ? m->rank_x
                         : turn == 3 ? m->rank_y
                                     : fabs(m->residual);
            if (done[i] || !isfinite(key) || !isfinite(m->x) || !isfinite(m->y))
                continue;
            if (best == n || key > most) {
                best = i;
                most = key;
            }
        }
        if (best == n)
            return;
        done[best] = true;
        place_name(q, &p->points[best]);
    }
}

void dsbi_page_scatter(const dsbi_shift_page *p, const char *scale, bool large)
{
    plot q = {.p = p, .f = large ? large_frame : small_frame, .scale = scale};
    double rx[2], ry[2];
    char title[200], caption_x[160], caption_y[160];
    ranges(p, rx, ry);
    axis_for(&q.x, rx[0], rx[1], p->unit, scale[0] == 'p');
    axis_for(&q.y, ry[0], ry[1], p->unit, scale[0] == 'p');
    q.x.lo_px = q.f.left;
    q.x.hi_px = q.f.right;
    q.y.lo_px = q.f.bottom;
    q.y.hi_px = q.f.top;
    q.fit = dsbi_json_get(dsbi_json_get(p->c, "fits"), scale);
    snprintf(title, sizeof title, "%s on %.60s against %s on %.60s", p->unit ? "Accuracy" : "Score",
             p->fresh, p->unit ? "accuracy" : "score", p->original);
    snprintf(caption_x, sizeof caption_x, "%s on %.80s", p->unit ? "accuracy" : "score",
             p->original);
    snprintf(caption_y, sizeof caption_y, "%s on %.80s", p->unit ? "accuracy" : "score", p->fresh);
    dsbi_svg_begin(p->t, q.f.width, q.f.height, title, "a scatter plot, one point a model");
    dsbi_svg_axis_y(p->t, &q.y, q.f.left, q.f.right, caption_y);
    dsbi_svg_axis_x(p->t, &q.x, q.f.top, q.f.bottom, caption_x);
    draw_diagonal(&q);
    bool fitted = draw_fit(&q);
    draw_points(&q);
    draw_legend(&q, fitted);
    if (large)
        draw_names(&q);
    dsbi_svg_end(p->t);
}
