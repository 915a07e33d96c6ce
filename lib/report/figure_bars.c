/* Horizontal bars with intervals, and the headline gauge. */
#include "report/figures.h"

#include <math.h>
#include <stdio.h>
#include "report/number.h"

enum { VALUES = 120, ROW = 38, GROUP = 26, TOP = 26, NAME_PX = 8 };

static const char *series_class(char *text, size_t size, const char *kind, uint32_t series)
{
    snprintf(text, size, "%s s%u", kind, (unsigned)(series % DSBI_SERIES));
    return text;
}

static bool starts_group(const dsbi_bars *figure, size_t i)
{
    const char *group = figure->bars[i].group;
    if (!group || !*group)
        return false;
    if (i == 0 || !figure->bars[i - 1].group)
        return true;
    const char *a = group, *b = figure->bars[i - 1].group;
    while (*a && *a == *b)
        a++, b++;
    return *a != *b;
}

static void draw_bar(dsbi_text *t, const dsbi_axis *axis, const dsbi_bar *bar, bool points,
                     double y)
{
    char name[32];
    double middle = y + ROW / 2.0 - 3;
    bool has_note = bar->note && *bar->note;
    if (bar->tip && *bar->tip)
        dsbi_html(t, "<g><title>%s</title>", bar->tip);
    else
        dsbi_text_add(t, "<g>");
    dsbi_svg_text(t, axis->lo_px - 12, middle + (has_note ? -1 : 4),
                  bar->strong ? "label strong" : "label", "end", bar->label,
                  (size_t)(axis->lo_px / NAME_PX));
    if (has_note)
        dsbi_svg_text(t, axis->lo_px - 12, middle + 12, "note", "end", bar->note, 0);
    if (isnan(bar->value)) {
        dsbi_svg_text(t, axis->lo_px + 6, middle + 4, "note", "start",
                      bar->missing ? bar->missing : "", 60);
        dsbi_text_add(t, "</g>\n");
        return;
    }
    double x = dsbi_axis_px(axis, bar->value), from = axis->lo_px;
    dsbi_svg_rect(t, from, middle - 8, x - from, 16,
                  series_class(name, sizeof name, bar->strong ? "bar strong" : "bar", bar->series),
                  2);
    dsbi_svg_whisker(t, dsbi_axis_px(axis, bar->lo), dsbi_axis_px(axis, bar->hi), middle, "ink");
    dsbi_number value, interval;
    dsbi_svg_text(t, axis->hi_px + 14, middle + (isfinite(bar->lo) ? -1 : 4),
                  bar->strong ? "value strong" : "value", "start",
                  points ? dsbi_number_points(&value, bar->value)
                         : dsbi_number_percent(&value, bar->value),
                  0);
    dsbi_number_interval(&interval, bar->lo, bar->hi);
    if (points)
        snprintf(interval.text, sizeof interval.text, "%.1f to %.1f", 100 * bar->lo, 100 * bar->hi);
    if (isfinite(bar->lo))
        dsbi_svg_text(t, axis->hi_px + 14, middle + 12, "note", "start", interval.text, 0);
    dsbi_text_add(t, "</g>\n");
}

void dsbi_figure_bars(dsbi_text *t, const dsbi_bars *figure)
{
    size_t n_groups = 0;
    for (size_t i = 0; i < figure->n; i++)
        n_groups += starts_group(figure, i);
    double bottom = TOP + (double)(figure->n * ROW + n_groups * GROUP);
    dsbi_axis axis;
    dsbi_axis_init(&axis, figure->lo, figure->hi, 5, false, true);
    axis.lo_px = figure->width < 600 ? 110 : 190;
    axis.hi_px = figure->width - VALUES;
    dsbi_svg_begin(t, figure->width, bottom + 44, figure->title, figure->caption);
    dsbi_svg_axis_x(t, &axis, TOP - 4, bottom, figure->caption);
    if (isfinite(figure->reference)) {
        double x = dsbi_axis_px(&axis, figure->reference);
        dsbi_svg_line(t, x, TOP - 4, x, bottom, "reference");
        dsbi_svg_text(t, x, TOP - 10, "note", "middle", figure->reference_label, 0);
    }
    double y = TOP;
    for (size_t i = 0; i < figure->n; i++, y += ROW) {
        if (starts_group(figure, i)) {
            dsbi_svg_text(t, 0, y + 17, "group", "start", figure->bars[i].group, 0);
            y += GROUP;
        }
        draw_bar(t, &axis, &figure->bars[i], figure->points, y);
    }
    dsbi_svg_end(t);
}

void dsbi_figure_gauge(dsbi_text *t, double value, double lo, double hi, double chance)
{
    dsbi_axis axis;
    dsbi_axis_init(&axis, 0, 1, 4, false, true);
    axis.lo_px = 20;
    axis.hi_px = 400;
    dsbi_svg_begin(t, 420, 78, "accuracy against chance",
                   "the accuracy with its interval on a scale from 0 to 100 per cent");
    dsbi_svg_rect(t, 20, 30, 380, 14, "track", 7);
    double x = dsbi_axis_px(&axis, value), at = dsbi_axis_px(&axis, chance);
    if (isfinite(chance)) {
        dsbi_svg_rect(t, fmin(at, x), 30, fabs(x - at), 14, "bar strong s0", 0);
        dsbi_svg_line(t, at, 22, at, 52, "reference");
        dsbi_svg_text(t, at, 16, "note", "middle", "chance", 0);
    }
    if (isfinite(lo) && isfinite(hi)) {
        dsbi_svg_rect(t, dsbi_axis_px(&axis, lo), 25,
                      dsbi_axis_px(&axis, hi) - dsbi_axis_px(&axis, lo), 24, "band", 3);
    }
    if (isfinite(value)) {
        dsbi_html(t, "<circle cx=\"%.1f\" cy=\"37\" r=\"8\" class=\"dot s0\"/>\n", x);
    }
    for (size_t i = 0; i < axis.n_ticks; i++) {
        char label[16];
        snprintf(label, sizeof label, "%.0f %%", 100 * axis.ticks[i]);
        dsbi_svg_text(t, dsbi_axis_px(&axis, axis.ticks[i]), 70, "tick", "middle", label, 0);
    }
    dsbi_svg_end(t);
}

void dsbi_figure_light(dsbi_text *t, int lamp, const char *meaning)
{
    static const char *const lamps[] = {"lamp green", "lamp amber", "lamp red"};
    dsbi_svg_begin(t, 46, 118, meaning, meaning);
    dsbi_svg_rect(t, 1, 1, 44, 116, "housing", 14);
    for (int i = 0; i < 3; i++)
        dsbi_html(t, "<circle cx=\"23\" cy=\"%d\" r=\"14\" class=\"%s%s\"/>\n", 23 + 36 * (2 - i),
                  lamps[i], i == lamp ? " lit" : "");
    dsbi_svg_end(t);
}
