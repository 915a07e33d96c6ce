/* SVG primitives: axes with round ticks, text, marks. Colours are classes, not values: style.c maps
 * them for light, dark and print. Series colours are s0 .. s7, after Okabe and Ito, "Color
 * Universal Design" (2008): told apart with any colour vision. */
#ifndef DSBI_REPORT_SVG_H
#define DSBI_REPORT_SVG_H

#include "report/html.h"

enum { DSBI_SERIES = 8 };

/* How values lie along an axis. PROBIT is the scale of accuracies on which Taori et al. 2020 and
 * Recht et al. 2019 draw their linear fits: the normal quantile, values strictly within (0, 1). */
typedef enum dsbi_scale { DSBI_SCALE_LINEAR, DSBI_SCALE_PROBIT } dsbi_scale;

typedef struct dsbi_axis {
    double lo, hi;       /* values at the ends */
    double lo_px, hi_px; /* and their places */
    dsbi_scale scale;
    bool percent; /* values are fractions, ticks say per cent */
    double ticks[16];
    size_t n_ticks;
} dsbi_axis;

/* An axis that covers [lo, hi] with about `wanted` ticks of 1, 2 or 5 times a power of ten.
 * `widen` moves the ends out to ticks; otherwise they stay. Equal ends are moved apart. */
void dsbi_axis_init(dsbi_axis *axis, double lo, double hi, size_t wanted, bool widen, bool percent);
/* The same with probit spacing and ticks at 1, 5, 10, 20, ... 90, 95, 99 per cent. */
void dsbi_axis_init_probit(dsbi_axis *axis, double lo, double hi);
/* Place of a value, kept within the axis. */
double dsbi_axis_px(const dsbi_axis *axis, double value);

/* <svg> with a title and description for those who listen; close with dsbi_svg_end. */
void dsbi_svg_begin(dsbi_text *t, double width, double height, const char *title,
                    const char *description);
void dsbi_svg_end(dsbi_text *t);

/* `anchor` is "start", "middle" or "end". Text longer than `max` characters is shortened, with the
 * whole in a tooltip; max 0 = any length. */
void dsbi_svg_text(dsbi_text *t, double x, double y, const char *class_name, const char *anchor,
                   const char *text, size_t max);
void dsbi_svg_line(dsbi_text *t, double x1, double y1, double x2, double y2,
                   const char *class_name);
void dsbi_svg_rect(dsbi_text *t, double x, double y, double width, double height,
                   const char *class_name, double radius);
/* A dot and its interval, horizontal; lo or hi NaN: no interval. */
void dsbi_svg_whisker(dsbi_text *t, double x_lo, double x_hi, double y, const char *class_name);

/* Grid lines, tick labels and a caption of a horizontal (below) or vertical (left) axis. `from` and
 * `to` are the ends of the grid lines across. */
void dsbi_svg_axis_x(dsbi_text *t, const dsbi_axis *axis, double from, double to,
                     const char *caption);
void dsbi_svg_axis_y(dsbi_text *t, const dsbi_axis *axis, double from, double to,
                     const char *caption);

#endif
