/* See svg.h. */
#include "report/svg.h"

#include <math.h>
#include <string.h>
#include "report/number.h"

/* The round number nearest above `rough`: 1, 2 or 5 times a power of ten. */
static double nice_step(double rough)
{
    double power = pow(10, floor(log10(rough)));
    double digit = rough / power;
    return power * (digit <= 1.0001 ? 1 : digit <= 2.0001 ? 2 : digit <= 5.0001 ? 5 : 10);
}

void dsbi_axis_init(dsbi_axis *axis, double lo, double hi, size_t wanted, bool widen, bool percent)
{
    if (!isfinite(lo) || !isfinite(hi)) {
        lo = 0;
        hi = 1;
    }
    if (hi - lo <= fabs(hi) * 1e-9) {
        double by = hi == 0 ? 0.5 : fabs(hi) * 0.1;
        lo -= by;
        hi += by;
    }
    double step = nice_step((hi - lo) / (double)wanted);
    double first = (widen ? floor(lo / step + 1e-9) : ceil(lo / step - 1e-9)) * step;
    double last = (widen ? ceil(hi / step - 1e-9) : floor(hi / step + 1e-9)) * step;
    *axis = (dsbi_axis){.lo = widen ? first : lo, .hi = widen ? last : hi, .percent = percent};
    for (size_t i = 0; i < sizeof axis->ticks / sizeof axis->ticks[0]; i++) {
        double tick = first + (double)i * step;
        if (tick > last + step * 1e-6)
            break;
        axis->ticks[axis->n_ticks++] = fabs(tick) < step * 1e-6 ? 0 : tick;
    }
}

/* Normal quantile, relative error below 1.2e-9 before the ends: Acklam 2003, as a rational function
 * in three pieces. */
static double probit(double p)
{
    static const double a[] = {-3.969683028665376e+01, 2.209460984245205e+02,
                               -2.759285104469687e+02, 1.383577518672690e+02,
                               -3.066479806614716e+01, 2.506628277459239e+00};
    static const double b[] = {-5.447609879822406e+01, 1.615858368580409e+02,
                               -1.556989798598866e+02, 6.680131188771972e+01,
                               -1.328068155288572e+01};
    static const double c[] = {-7.784894002430293e-03, -3.223964580411365e-01,
                               -2.400758277161838e+00, -2.549732539343734e+00,
                               4.374664141464968e+00,  2.938163982698783e+00};
    static const double d[] = {7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00,
                               3.754408661907416e+00};
    p = fmin(fmax(p, 1e-6), 1 - 1e-6);
    if (p > 1 - 0.02425)
        return -probit(1 - p);
    if (p < 0.02425) {
        double q = sqrt(-2 * log(p));
        return (((((c[0] * q + c[1]) * q + c[2]) * q + c[3]) * q + c[4]) * q + c[5]) /
               ((((d[0] * q + d[1]) * q + d[2]) * q + d[3]) * q + 1);
    }
    double q = p - 0.5, r = q * q;
    return (((((a[0] * r + a[1]) * r + a[2]) * r + a[3]) * r + a[4]) * r + a[5]) * q /
           (((((b[0] * r + b[1]) * r + b[2]) * r + b[3]) * r + b[4]) * r + 1);
}

void dsbi_axis_init_probit(dsbi_axis *axis, double lo, double hi)
{
    static const double candidates[] = {0.01, 0.05, 0.1, 0.2, 0.3,  0.4, 0.5,
                                        0.6,  0.7,  0.8, 0.9, 0.95, 0.99};
    lo = fmin(fmax(lo, 0.005), 0.99);
    hi = fmax(fmin(hi, 0.995), lo + 0.004);
    *axis = (dsbi_axis){.lo = lo, .hi = hi, .scale = DSBI_SCALE_PROBIT, .percent = true};
    for (size_t i = 0; i < sizeof candidates / sizeof candidates[0]; i++)
        if (candidates[i] >= lo && candidates[i] <= hi)
            axis->ticks[axis->n_ticks++] = candidates[i];
}

double dsbi_axis_px(const dsbi_axis *axis, double value)
{
    double lo = axis->lo, hi = axis->hi;
    value = fmin(fmax(value, lo), hi);
    if (axis->scale == DSBI_SCALE_PROBIT) {
        value = probit(value);
        lo = probit(lo);
        hi = probit(hi);
    }
    return axis->lo_px + (value - lo) / (hi - lo) * (axis->hi_px - axis->lo_px);
}

void dsbi_svg_begin(dsbi_text *t, double width, double height, const char *title,
                    const char *description)
{
    dsbi_html(t,
              "<div class=\"scroll\"><svg viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" class=\"%s\" "
              "role=\"img\" aria-label=\"%s\">"
              "<desc>%s</desc>\n",
              width, height, width, width >= 600 ? "wide" : "", title, description);
}

void dsbi_svg_end(dsbi_text *t)
{
    dsbi_text_add(t, "</svg></div>\n");
}

void dsbi_svg_text(dsbi_text *t, double x, double y, const char *class_name, const char *anchor,
                   const char *text, size_t max)
{
    dsbi_short name;
    const char *shown = max ? dsbi_html_shorten(&name, text, max) : text;
    dsbi_html(t, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\" text-anchor=\"%s\">%s", x, y, class_name,
              anchor, shown);
    if (strcmp(shown, text) != 0)
        dsbi_html(t, "<title>%s</title>", text);
    dsbi_text_add(t, "</text>\n");
}

void dsbi_svg_line(dsbi_text *t, double x1, double y1, double x2, double y2, const char *class_name)
{
    dsbi_html(t, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>\n", x1, y1,
              x2, y2, class_name);
}

void dsbi_svg_rect(dsbi_text *t, double x, double y, double width, double height,
                   const char *class_name, double radius)
{
    dsbi_html(t,
              "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"%.1f\" "
              "class=\"%s\"/>\n",
              x, y, fmax(width, 0), fmax(height, 0), radius, class_name);
}

void dsbi_svg_whisker(dsbi_text *t, double x_lo, double x_hi, double y, const char *class_name)
{
    if (!isfinite(x_lo) || !isfinite(x_hi))
        return;
    dsbi_html(t, "<path d=\"M%.1f %.1fH%.1fM%.1f %.1fv8M%.1f %.1fv8\" class=\"whisker %s\"/>\n",
              x_lo, y, x_hi, x_lo, y - 4, x_hi, y - 4, class_name);
}

static void tick_label(dsbi_number *out, const dsbi_axis *axis, double tick)
{
    if (axis->percent)
        dsbi_number_plain(out, 100 * tick);
    else
        dsbi_number_plain(out, tick);
    if (axis->percent)
        strcat(out->text, " %");
}

void dsbi_svg_axis_x(dsbi_text *t, const dsbi_axis *axis, double from, double to,
                     const char *caption)
{
    for (size_t i = 0; i < axis->n_ticks; i++) {
        dsbi_number label;
        double x = dsbi_axis_px(axis, axis->ticks[i]);
        dsbi_svg_line(t, x, from, x, to, "grid");
        tick_label(&label, axis, axis->ticks[i]);
        dsbi_svg_text(t, x, to + 16, "tick", "middle", label.text, 0);
    }
    if (*caption)
        dsbi_svg_text(t, (axis->lo_px + axis->hi_px) / 2, to + 34, "caption", "middle", caption, 0);
}

void dsbi_svg_axis_y(dsbi_text *t, const dsbi_axis *axis, double from, double to,
                     const char *caption)
{
    for (size_t i = 0; i < axis->n_ticks; i++) {
        dsbi_number label;
        double y = dsbi_axis_px(axis, axis->ticks[i]);
        dsbi_svg_line(t, from, y, to, y, "grid");
        tick_label(&label, axis, axis->ticks[i]);
        dsbi_svg_text(t, from - 8, y + 4, "tick", "end", label.text, 0);
    }
    if (*caption)
        dsbi_svg_text(t, from - 40, fmin(axis->lo_px, axis->hi_px) - 12, "caption", "start",
                      caption, 0);
}
