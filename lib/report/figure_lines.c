/* Line charts: loss and accuracy over the images seen. Lines carry their name at their end; where
 * two ends meet, the names are moved apart. */
#include "report/figures.h"

#include <math.h>
#include <stdio.h>

enum { LEFT = 58, TOP = 34, MAX_LABELS = 32 };

static void include(double *lo, double *hi, double value)
{
    if (isfinite(value)) {
        *lo = fmin(*lo, value);
        *hi = fmax(*hi, value);
    }
}

static void draw_line(dsbi_text *t, const dsbi_line *line, const dsbi_axis *x, const dsbi_axis *y)
{
    dsbi_html(t, "<path class=\"line s%u%s\" d=\"", (unsigned)(line->series % DSBI_SERIES),
              line->dashed ? " dashed" : "");
    char command = 'M';
    size_t drawn = 0;
    double last_x = 0, last_y = 0;
    for (size_t i = 0; i < line->n; i++) {
        if (!isfinite(line->x[i]) || !isfinite(line->y[i]))
            continue;
        last_x = dsbi_axis_px(x, line->x[i]);
        last_y = dsbi_axis_px(y, line->y[i]);
        dsbi_html(t, "%c%.1f %.1f", (int)command, last_x, last_y);
        command = 'L';
        drawn++;
    }
    dsbi_text_add(t, "\"/>\n");
    if (drawn > 0)
        dsbi_html(t, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" class=\"dot s%u\"/>\n", last_x,
                  last_y, (unsigned)(line->series % DSBI_SERIES));
}

static double end_of(const dsbi_line *line, const dsbi_axis *y)
{
    for (size_t i = line->n; i-- > 0;)
        if (isfinite(line->x[i]) && isfinite(line->y[i]))
            return dsbi_axis_px(y, line->y[i]);
    return NAN;
}

/* Names at the line ends, at least 15 px apart from top to bottom. */
static void draw_names(dsbi_text *t, const dsbi_lines *figure, const dsbi_axis *y, double x)
{
    size_t order[MAX_LABELS], n = 0;
    double place[MAX_LABELS];
    for (size_t i = 0; i < figure->n && i < MAX_LABELS; i++) {
        place[i] = end_of(&figure->lines[i], y);
        if (isnan(place[i]))
            continue;
        size_t at = n++;
        for (; at > 0 && place[order[at - 1]] > place[i]; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    double next = TOP;
    for (size_t k = 0; k < n; k++) {
        double at = fmax(place[order[k]], next);
        const dsbi_line *line = &figure->lines[order[k]];
        char name[24];
        snprintf(name, sizeof name, "label t%u", (unsigned)(line->series % DSBI_SERIES));
        dsbi_svg_text(t, x + 10, at + 4, name, "start", line->label, 22);
        next = at + 15;
    }
}

void dsbi_figure_lines(dsbi_text *t, const dsbi_lines *figure)
{
    double x_lo = INFINITY, x_hi = -INFINITY, y_lo = INFINITY, y_hi = -INFINITY;
    for (size_t i = 0; i < figure->n; i++)
        for (size_t k = 0; k < figure->lines[i].n; k++) {
            include(&x_lo, &x_hi, figure->lines[i].x[k]);
            include(&y_lo, &y_hi, figure->lines[i].y[k]);
        }
    include(&y_lo, &y_hi, figure->reference);
    double right = figure->width - 130, bottom = figure->height - 48;
    dsbi_axis x, y;
    dsbi_axis_init(&x, fmin(x_lo, 0), x_hi, 5, false, false);
    dsbi_axis_init(&y, y_lo, y_hi, 4, true, figure->y_percent);
    x.lo_px = LEFT;
    x.hi_px = right;
    y.lo_px = bottom;
    y.hi_px = TOP;
    dsbi_svg_begin(t, figure->width, figure->height, figure->title, figure->y_caption);
    dsbi_svg_axis_y(t, &y, LEFT, right, figure->y_caption);
    dsbi_svg_axis_x(t, &x, bottom, bottom, figure->x_caption);
    if (isfinite(figure->reference)) {
        double at = dsbi_axis_px(&y, figure->reference);
        dsbi_svg_line(t, LEFT, at, right, at, "reference");
        dsbi_svg_text(t, right, at - 6, "note", "end", figure->reference_label, 0);
    }
    for (size_t i = 0; i < figure->n; i++)
        draw_line(t, &figure->lines[i], &x, &y);
    draw_names(t, figure, &y, right);
    dsbi_svg_end(t);
}
