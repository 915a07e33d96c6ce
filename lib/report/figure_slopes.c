/* Slope chart: what changes between two columns of values, one line an item. */
#include "report/figures.h"

#include <math.h>
#include <stdio.h>
#include "report/number.h"

enum { WIDTH = 900, LEFT = 340, RIGHT = 560, TOP = 40, MAX_ITEMS = 200 };

static double value_of(const dsbi_slope *item, bool right)
{
    return right ? item->right : item->left;
}

/* Labels of one column, moved apart where they would overlap. */
static void draw_labels(dsbi_text *t, const dsbi_slopes *figure, const dsbi_axis *axis, bool right)
{
    size_t order[MAX_ITEMS], n = 0;
    for (size_t i = 0; i < figure->n && i < MAX_ITEMS; i++) {
        double at = dsbi_axis_px(axis, value_of(&figure->items[i], right));
        size_t k = n++;
        for (; k > 0 && dsbi_axis_px(axis, value_of(&figure->items[order[k - 1]], right)) > at; k--)
            order[k] = order[k - 1];
        order[k] = i;
    }
    double next = 0;
    for (size_t k = 0; k < n; k++) {
        const dsbi_slope *item = &figure->items[order[k]];
        double value = value_of(item, right), at = fmax(dsbi_axis_px(axis, value), next);
        dsbi_number number;
        dsbi_short name;
        char text[320];
        if (figure->percent)
            dsbi_number_percent(&number, value);
        else
            dsbi_number_plain(&number, value);
        dsbi_html_shorten(&name, item->label, 38);
        if (right)
            snprintf(text, sizeof text, "%s  %s", number.text, name.text);
        else
            snprintf(text, sizeof text, "%s  %s", name.text, number.text);
        dsbi_svg_text(t, right ? RIGHT + 10 : LEFT - 10, at + 4, "label", right ? "start" : "end",
                      text, 0);
        next = at + 15;
    }
}

void dsbi_figure_slopes(dsbi_text *t, const dsbi_slopes *figure)
{
    double lo = INFINITY, hi = -INFINITY;
    for (size_t i = 0; i < figure->n; i++) {
        lo = fmin(lo, fmin(figure->items[i].left, figure->items[i].right));
        hi = fmax(hi, fmax(figure->items[i].left, figure->items[i].right));
    }
    double height = TOP + 20 + fmax(200, 17 * (double)figure->n);
    dsbi_axis axis;
    dsbi_axis_init(&axis, lo, hi, 5, false, figure->percent);
    axis.lo_px = figure->descending ? TOP + 10 : height - 20;
    axis.hi_px = figure->descending ? height - 20 : TOP + 10;
    dsbi_svg_begin(t, WIDTH, height, figure->title, "a slope chart");
    dsbi_svg_text(t, LEFT, 18, "caption", "middle", figure->left_caption, 30);
    dsbi_svg_text(t, RIGHT, 18, "caption", "middle", figure->right_caption, 30);
    dsbi_svg_line(t, LEFT, TOP - 8, LEFT, height - 10, "grid");
    dsbi_svg_line(t, RIGHT, TOP - 8, RIGHT, height - 10, "grid");
    for (size_t i = 0; i < figure->n; i++) {
        const dsbi_slope *item = &figure->items[i];
        unsigned series = (unsigned)(item->series % DSBI_SERIES);
        double left = dsbi_axis_px(&axis, item->left), right = dsbi_axis_px(&axis, item->right);
        dsbi_html(t,
                  "<path class=\"line s%u\" d=\"M%d %.1fL%d %.1f\"><title>%s</title></path>\n"
                  "<circle cx=\"%d\" cy=\"%.1f\" r=\"4\" class=\"dot s%u\"/>\n"
                  "<circle cx=\"%d\" cy=\"%.1f\" r=\"4\" class=\"dot s%u\"/>\n",
                  series, LEFT, left, RIGHT, right, item->label, LEFT, left, series, RIGHT, right,
                  series);
    }
    draw_labels(t, figure, &axis, false);
    draw_labels(t, figure, &axis, true);
    dsbi_svg_end(t);
}
