/* Points with intervals in both directions, the line y = x, a fit with its band: accuracy on the
 * old test set against accuracy on the new one, as Recht et al. 2019, figure 1. */
#include "report/figures.h"

#include <math.h>

enum { SIZE = 560, LEFT = 64, TOP = 34, RIGHT = 540, BOTTOM = 510 };

static void bounds(const dsbi_scatter *figure, double *lo, double *hi)
{
    *lo = INFINITY;
    *hi = -INFINITY;
    for (size_t i = 0; i < figure->n; i++) {
        const dsbi_point *p = &figure->points[i];
        const double values[] = {p->x, p->y, p->x_lo, p->x_hi, p->y_lo, p->y_hi};
        for (size_t k = 0; k < sizeof values / sizeof values[0]; k++)
            if (isfinite(values[k])) {
                *lo = fmin(*lo, values[k]);
                *hi = fmax(*hi, values[k]);
            }
    }
    if (isfinite(figure->lo))
        *lo = figure->lo;
    if (isfinite(figure->hi))
        *hi = figure->hi;
}

static void draw_fit(dsbi_text *t, const dsbi_scatter *figure, const dsbi_axis *x,
                     const dsbi_axis *y)
{
    if (!figure->fit_x || figure->n_fit < 2)
        return;
    if (figure->fit_lo && figure->fit_hi) {
        dsbi_text_add(t, "<path class=\"fit-band\" d=\"");
        for (size_t i = 0; i < figure->n_fit; i++)
            dsbi_html(t, "%c%.1f %.1f", i ? 'L' : 'M', dsbi_axis_px(x, figure->fit_x[i]),
                      dsbi_axis_px(y, figure->fit_hi[i]));
        for (size_t i = figure->n_fit; i-- > 0;)
            dsbi_html(t, "L%.1f %.1f", dsbi_axis_px(x, figure->fit_x[i]),
                      dsbi_axis_px(y, figure->fit_lo[i]));
        dsbi_text_add(t, "Z\"/>\n");
    }
    dsbi_text_add(t, "<path class=\"fit\" d=\"");
    for (size_t i = 0; i < figure->n_fit; i++)
        dsbi_html(t, "%c%.1f %.1f", i ? 'L' : 'M', dsbi_axis_px(x, figure->fit_x[i]),
                  dsbi_axis_px(y, figure->fit_y[i]));
    dsbi_text_add(t, "\"/>\n");
}

static void draw_point(dsbi_text *t, const dsbi_point *p, const dsbi_axis *x, const dsbi_axis *y)
{
    if (!isfinite(p->x) || !isfinite(p->y))
        return;
    double px = dsbi_axis_px(x, p->x), py = dsbi_axis_px(y, p->y);
    if (isfinite(p->x_lo) && isfinite(p->x_hi))
        dsbi_svg_line(t, dsbi_axis_px(x, p->x_lo), py, dsbi_axis_px(x, p->x_hi), py, "error");
    if (isfinite(p->y_lo) && isfinite(p->y_hi))
        dsbi_svg_line(t, px, dsbi_axis_px(y, p->y_lo), px, dsbi_axis_px(y, p->y_hi), "error");
    dsbi_html(
        t, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" class=\"dot s%u\"><title>%s</title></circle>\n",
        px, py, (unsigned)(p->series % DSBI_SERIES), p->label);
}

static void draw_legend(dsbi_text *t, const char *const *names)
{
    double y = TOP + 18;
    for (unsigned i = 0; names && names[i] && i < DSBI_SERIES; i++, y += 20) {
        dsbi_html(t, "<circle cx=\"%d\" cy=\"%.1f\" r=\"5\" class=\"dot s%u\"/>\n", LEFT + 16, y,
                  i);
        dsbi_svg_text(t, LEFT + 28, y + 4, "label", "start", names[i], 28);
    }
}

void dsbi_figure_scatter(dsbi_text *t, const dsbi_scatter *figure)
{
    double lo, hi;
    bounds(figure, &lo, &hi);
    dsbi_axis x, y;
    if (figure->scale == DSBI_SCALE_PROBIT)
        dsbi_axis_init_probit(&x, lo, hi);
    else
        dsbi_axis_init(&x, lo, hi, 5, true, figure->percent);
    y = x;
    x.lo_px = LEFT;
    x.hi_px = RIGHT;
    y.lo_px = BOTTOM;
    y.hi_px = TOP;
    dsbi_svg_begin(t, SIZE, SIZE, figure->title, "a scatter plot");
    dsbi_svg_axis_y(t, &y, LEFT, RIGHT, figure->y_caption);
    dsbi_svg_axis_x(t, &x, TOP, BOTTOM, figure->x_caption);
    if (figure->diagonal) {
        dsbi_svg_line(t, LEFT, BOTTOM, RIGHT, TOP, "reference");
        dsbi_svg_text(t, RIGHT - 24, TOP + 14, "note", "end", "equal", 0);
    }
    draw_fit(t, figure, &x, &y);
    for (size_t i = 0; i < figure->n; i++)
        draw_point(t, &figure->points[i], &x, &y);
    draw_legend(t, figure->series_names);
    dsbi_svg_end(t);
}
