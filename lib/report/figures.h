/* The figures of the reports. Each is a struct filled by the caller, borrowed for the call, and
 * writes one <svg>. NaN means "not there" for intervals and reference lines. */
#ifndef DSBI_REPORT_FIGURES_H
#define DSBI_REPORT_FIGURES_H

#include <stdint.h>
#include "report/svg.h"

/* Horizontal bars with intervals: rungs of a ladder, recalls. */
typedef struct dsbi_bar {
    const char *group; /* a caption is drawn where it changes; "" = none */
    const char *label;
    const char *note; /* small, below the label; NULL: none */
    const char *tip;  /* tooltip; NULL: none */
    double value, lo, hi;
    uint32_t series;     /* colour, 0..7 */
    bool strong;         /* the one the headline is about */
    const char *missing; /* said in place of a bar when value is NaN */
} dsbi_bar;
typedef struct dsbi_bars {
    const char *title;
    const dsbi_bar *bars;
    size_t n;
    double reference; /* dashed line, e.g. chance */
    const char *reference_label;
    const char *caption; /* below the axis */
    double lo, hi;       /* of the axis, fractions */
    double width;        /* px, at least 400 */
    bool points;         /* differences: "+1.2 points", not per cent */
} dsbi_bars;
void dsbi_figure_bars(dsbi_text *t, const dsbi_bars *figure);

/* Matrix of shares in [0, 1] with the count in each cell. */
typedef struct dsbi_heat {
    const char *title, *row_caption, *column_caption;
    const char *const *rows, *const *columns;
    size_t n_rows, n_columns;
    const double *shares;   /* [n_rows, n_columns] */
    const uint64_t *counts; /* [n_rows, n_columns], NULL: shares only */
    double width;           /* px the cells may take, at most */
} dsbi_heat;
void dsbi_figure_heat(dsbi_text *t, const dsbi_heat *figure);

/* Lines over a common horizontal axis. */
typedef struct dsbi_line {
    const char *label;
    const double *x, *y; /* [n]; points where either is NaN are left out */
    size_t n;
    uint32_t series;
    bool dashed;
} dsbi_line;
typedef struct dsbi_lines {
    const char *title, *x_caption, *y_caption;
    const dsbi_line *lines;
    size_t n;
    bool y_percent;
    double reference; /* horizontal dashed line */
    const char *reference_label;
    double width, height;
} dsbi_lines;
void dsbi_figure_lines(dsbi_text *t, const dsbi_lines *figure);

/* Points with intervals in both directions, a fitted line with its band, the line y = x. */
typedef struct dsbi_point {
    const char *label; /* tooltip */
    double x, y, x_lo, x_hi, y_lo, y_hi;
    uint32_t series;
} dsbi_point;
typedef struct dsbi_scatter {
    const char *title, *x_caption, *y_caption;
    const dsbi_point *points;
    size_t n;
    dsbi_scale scale; /* both axes */
    bool percent, diagonal;
    double lo, hi; /* of both axes; both NaN: from the points */
    /* fit along n_fit values of x; lo and hi are its band. NULL: no fit */
    const double *fit_x, *fit_y, *fit_lo, *fit_hi;
    size_t n_fit;
    const char *const *series_names; /* legend, NULL-ended; NULL: none */
} dsbi_scatter;
void dsbi_figure_scatter(dsbi_text *t, const dsbi_scatter *figure);

/* Two columns of values joined by lines: ranks or accuracies before and after. */
typedef struct dsbi_slope {
    const char *label;
    double left, right;
    uint32_t series;
} dsbi_slope;
typedef struct dsbi_slopes {
    const char *title, *left_caption, *right_caption;
    const dsbi_slope *items;
    size_t n;
    bool percent;
    bool descending; /* small values on top, as for ranks */
} dsbi_slopes;
void dsbi_figure_slopes(dsbi_text *t, const dsbi_slopes *figure);

/* How collections are distributed over the same bins, as shares of each; bins are drawn equally
 * wide whatever they span. */
typedef struct dsbi_histogram_series {
    const char *label;
    const double *counts; /* [n_bins] */
} dsbi_histogram_series;
typedef struct dsbi_histogram_figure {
    const char *title, *caption;
    const double *edges; /* [n_bins + 1]; NaN: open at that end */
    size_t n_bins;
    const dsbi_histogram_series *series;
    size_t n_series;
    bool bytes; /* edges are sizes of files */
    double width, height;
} dsbi_histogram_figure;
void dsbi_figure_histogram(dsbi_text *t, const dsbi_histogram_figure *figure);

/* The headline: one value with its interval on a scale from 0 to 100 per cent against chance. */
void dsbi_figure_gauge(dsbi_text *t, double value, double lo, double hi, double chance);
/* A traffic light with lamp 0 (green, bottom) .. 2 (red, top) lit; -1: none. */
void dsbi_figure_light(dsbi_text *t, int lamp, const char *meaning);

#endif
