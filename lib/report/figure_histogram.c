/* Histograms of several collections laid over each other: the share of each collection's images in
 * every bin, as filled steps. */
#include "report/figures.h"

#include <math.h>
#include <stdio.h>
#include "report/number.h"

enum { LEFT = 52, TOP = 30, BELOW = 52, LEGEND_ROW = 20, LEGEND_COLUMN = 190, TICK_PX = 42 };

static double total_of(const dsbi_histogram_series *series, size_t n_bins)
{
    double total = 0;
    for (size_t b = 0; b < n_bins; b++)
        total += series->counts[b];
    return total;
}

/* "512", "1.5 K": short enough to stand below a bin. */
static void edge_label(char *out, size_t size, double edge, bool bytes)
{
    static const char *const units[] = {"", " K", " M", " G"};
    dsbi_number number;
    size_t unit = 0;
    while (bytes && edge >= 1000 && unit < 3) {
        edge /= 1000;
        unit++;
    }
    snprintf(out, size, "%s%s", dsbi_number_plain(&number, edge), units[unit]);
}

static void draw_edges(dsbi_text *t, const dsbi_histogram_figure *figure, double bin, double bottom)
{
    size_t every = 1 + (size_t)(TICK_PX / bin);
    for (size_t e = 0; e <= figure->n_bins; e += every) {
        char label[64];
        double x = LEFT + (double)e * bin;
        dsbi_svg_line(t, x, bottom, x, bottom + 4, "grid");
        if (!isfinite(figure->edges[e]))
            continue;
        edge_label(label, sizeof label, figure->edges[e], figure->bytes);
        dsbi_svg_text(t, x, bottom + 17, "tick", "middle", label, 0);
    }
}

/* The outline of the steps; closed at the bottom for the filling. */
static void draw_steps(dsbi_text *t, const dsbi_histogram_figure *figure, size_t s,
                       const dsbi_axis *y, double bin, bool fill)
{
    const dsbi_histogram_series *series = &figure->series[s];
    double total = total_of(series, figure->n_bins);
    if (total <= 0)
        return;
    dsbi_html(t, "<path class=\"%s s%u\" d=\"M%d %.1f", fill ? "area" : "line",
              (unsigned)(s % DSBI_SERIES), (int)LEFT, y->lo_px);
    for (size_t b = 0; b < figure->n_bins; b++)
        dsbi_html(t, "V%.1fH%.1f", dsbi_axis_px(y, series->counts[b] / total),
                  LEFT + (double)(b + 1) * bin);
    dsbi_html(t, "V%.1f%s\"/>\n", y->lo_px, fill ? "Z" : "");
}

static void draw_legend(dsbi_text *t, const dsbi_histogram_figure *figure, double top)
{
    size_t columns = (size_t)((figure->width - LEFT) / LEGEND_COLUMN);
    columns = columns ? columns : 1;
    for (size_t s = 0; s < figure->n_series; s++) {
        char name[16];
        double x = LEFT + (double)(s % columns) * LEGEND_COLUMN;
        double y = top + (double)(s / columns) * LEGEND_ROW;
        snprintf(name, sizeof name, "s%u", (unsigned)(s % DSBI_SERIES));
        dsbi_svg_rect(t, x, y - 10, 12, 12, name, 3);
        dsbi_svg_text(t, x + 18, y, "label", "start", figure->series[s].label, 20);
    }
}

void dsbi_figure_histogram(dsbi_text *t, const dsbi_histogram_figure *figure)
{
    double most = 0;
    for (size_t s = 0; s < figure->n_series; s++) {
        double total = total_of(&figure->series[s], figure->n_bins);
        for (size_t b = 0; total > 0 && b < figure->n_bins; b++)
            most = fmax(most, figure->series[s].counts[b] / total);
    }
    size_t columns = (size_t)((figure->width - LEFT) / LEGEND_COLUMN);
    size_t n_rows = figure->n_series > 1 ? (figure->n_series - 1) / (columns ? columns : 1) + 1 : 0;
    double legend = (double)(n_rows * LEGEND_ROW), bottom = figure->height - BELOW + legend;
    double bin = (figure->width - LEFT - 16) / (double)(figure->n_bins ? figure->n_bins : 1);
    dsbi_axis y;
    dsbi_axis_init(&y, 0, most, 3, true, true);
    y.lo_px = bottom;
    y.hi_px = TOP + legend;
    dsbi_svg_begin(t, figure->width, figure->height + legend, figure->title, figure->caption);
    if (figure->n_series > 1)
        draw_legend(t, figure, 12);
    dsbi_svg_axis_y(t, &y, LEFT, figure->width - 16, "");
    for (size_t s = 0; s < figure->n_series; s++)
        draw_steps(t, figure, s, &y, bin, true);
    for (size_t s = 0; s < figure->n_series; s++)
        draw_steps(t, figure, s, &y, bin, false);
    draw_edges(t, figure, bin, bottom);
    dsbi_svg_text(t, (LEFT + figure->width - 16) / 2, bottom + 38, "caption", "middle",
                  figure->caption, 0);
    dsbi_svg_end(t);
}
