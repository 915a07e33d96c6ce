/* Straight lines through accuracy pairs on a chosen scale: least squares, plain or weighted, with
 * standard errors, influence of each point, predictions with band and interval.
 *
 *     b = Sxy / Sxx,  a = ybar - b xbar,  R^2 = Sxy^2 / (Sxx Syy),  s^2 = SSE / (n - 2)
 *     hat_i = w_i (1/W + (x_i - xbar)^2 / Sxx),  Cook_i = r_i^2 w_i hat_i / (2 s^2 (1 - hat_i)^2)
 * Points whose transform is not finite (accuracies of 0 or 1, missing values) are left out and
 * counted. Two-pass sums. */
#include "base/opts.h"
#include "stats/special.h"

void dsb_stats_line_init(dsb_stats_line *line, size_t size)
{
    static const dsb_stats_line zero = {.struct_size = sizeof zero};
    dsbi_opts_fill(line, size, &zero, sizeof zero);
}

typedef struct fit_sums {
    double w, x, y, sxx, sxy, syy;
    uint64_t n;
} fit_sums;

static bool transformed(double *tx, double *ty, double *w, const double *x, const double *y,
                        const double *weights, uint32_t scale, uint64_t i)
{
    *tx = dsb_stats_scale_apply(x[i], scale);
    *ty = dsb_stats_scale_apply(y[i], scale);
    *w = weights ? weights[i] : 1;
    return isfinite(*tx) && isfinite(*ty) && isfinite(*w) && *w > 0;
}

static fit_sums sum_up(const double *x, const double *y, const double *weights, uint64_t n,
                       uint32_t scale)
{
    fit_sums s = {0};
    double tx, ty, w;
    for (uint64_t i = 0; i < n; i++)
        if (transformed(&tx, &ty, &w, x, y, weights, scale, i)) {
            s.w += w;
            s.x += w * tx;
            s.y += w * ty;
            s.n++;
        }
    if (s.n == 0)
        return s;
    s.x /= s.w;
    s.y /= s.w;
    for (uint64_t i = 0; i < n; i++)
        if (transformed(&tx, &ty, &w, x, y, weights, scale, i)) {
            s.sxx += w * (tx - s.x) * (tx - s.x);
            s.sxy += w * (tx - s.x) * (ty - s.y);
            s.syy += w * (ty - s.y) * (ty - s.y);
        }
    return s;
}

static dsb_status check(const dsb_stats_line *line, const double *x, const double *y, uint64_t n,
                        uint32_t scale, double alpha)
{
    if (!line || line->struct_size < sizeof *line || (n > 0 && (!x || !y)))
        return dsbi_fail(DSB_E_INVALID, "fit needs two arrays and a line made by _init");
    if (!dsb_stats_scale_name(scale))
        return dsbi_fail(DSB_E_INVALID, "scale %u is none of DSB_STATS_SCALE_*", scale);
    return dsbi_check_alpha(alpha);
}

static void residuals_on_accuracies(dsb_stats_line *line, const double *x, const double *y,
                                    const double *weights, uint64_t n)
{
    double sum = 0, most = 0, tx, ty, w;
    for (uint64_t i = 0; i < n; i++)
        if (transformed(&tx, &ty, &w, x, y, weights, line->scale, i)) {
            double fitted = dsb_stats_scale_invert(line->intercept + line->slope * tx, line->scale);
            double r = fabs(y[i] - fitted);
            sum += r;
            most = fmax(most, r);
        }
    line->mean_abs_residual = sum / (double)line->n;
    line->max_abs_residual = most;
}

dsb_status dsb_stats_fit(dsb_stats_line *line, const double *x, const double *y,
                         const double *weights, uint64_t n, uint32_t scale, double alpha)
{
    dsbi_clear_error();
    DSBI_TRY(check(line, x, y, n, scale, alpha));
    fit_sums s = sum_up(x, y, weights, n, scale);
    if (s.n < 2)
        return dsbi_fail(DSB_E_DATA, "a line needs two points with finite values, got %llu",
                         (unsigned long long)s.n);
    if (!(s.sxx > 1e-24 * (s.x * s.x + 1e-30) * s.w))
        return dsbi_fail(DSB_E_DATA, "all %llu points have the same x: no line goes through them",
                         (unsigned long long)s.n);
    double df = (double)s.n - 2;
    line->scale = scale;
    line->n = s.n;
    line->n_dropped = n - s.n;
    line->slope = s.sxy / s.sxx;
    line->intercept = s.y - line->slope * s.x;
    line->r2 = s.syy > 0 ? s.sxy * s.sxy / (s.sxx * s.syy) : NAN;
    line->x_mean = s.x;
    line->sxx = s.sxx;
    line->weight_sum = s.w;
    double sse = 0, tx, ty, w;
    for (uint64_t i = 0; i < n; i++)
        if (transformed(&tx, &ty, &w, x, y, weights, scale, i)) {
            double r = ty - s.y - line->slope * (tx - s.x);
            sse += w * r * r;
        }
    line->residual_sd = df > 0 ? sqrt(sse / df) : NAN;
    line->slope_se = line->residual_sd / sqrt(s.sxx);
    line->intercept_se = line->residual_sd * sqrt(1 / s.w + s.x * s.x / s.sxx);
    double t = df > 0 ? dsb_stats_t_quantile(1 - alpha / 2, df) : NAN;
    for (int side = 0; side < 2; side++) {
        double sign = side ? t : -t;
        line->slope_ci[side] = line->slope + sign * line->slope_se;
        line->intercept_ci[side] = line->intercept + sign * line->intercept_se;
    }
    /* tests of "slope = 1" */
    line->p_slope_one = df > 0 && line->slope_se > 0
                            ? 2 * dsb_stats_t_sf(fabs(line->slope - 1) / line->slope_se, df)
                            : NAN;
    residuals_on_accuracies(line, x, y, weights, n);
    return DSB_OK;
}

dsb_status dsb_stats_fit_influence(const dsb_stats_line *line, double *residual, double *hat,
                                   double *cook, double *slope_without, const double *x,
                                   const double *y, const double *weights, uint64_t n)
{
    dsbi_clear_error();
    if (!line || line->struct_size < sizeof *line || line->n < 2 || (n > 0 && (!x || !y)))
        return dsbi_fail(DSB_E_INVALID, "influence needs the fitted line and its points");
    double variance = line->residual_sd * line->residual_sd;
    for (uint64_t i = 0; i < n; i++) {
        double tx, ty, w, r = NAN, h = NAN, d = NAN, b = NAN;
        if (transformed(&tx, &ty, &w, x, y, weights, line->scale, i)) {
            r = ty - line->intercept - line->slope * tx;
            h = w * (1 / line->weight_sum + (tx - line->x_mean) * (tx - line->x_mean) / line->sxx);
            d = r * r * w * h / (2 * variance * (1 - h) * (1 - h));
            b = line->slope - w * (tx - line->x_mean) * r / (line->sxx * (1 - h));
            if (line->n < 3)
                b = NAN;
        }
        if (residual)
            residual[i] = r;
        if (hat)
            hat[i] = h;
        if (cook)
            cook[i] = d;
        if (slope_without)
            slope_without[i] = b;
    }
    return DSB_OK;
}

dsb_status dsb_stats_fit_predict(const dsb_stats_line *line, double *y, double band[2],
                                 double interval[2], double x, double alpha)
{
    dsbi_clear_error();
    if (!line || line->struct_size < sizeof *line || line->n < 2 || !y)
        return dsbi_fail(DSB_E_INVALID, "prediction needs a fitted line and a place to write");
    DSBI_TRY(dsbi_check_alpha(alpha));
    double tx = dsb_stats_scale_apply(x, line->scale), df = (double)line->n - 2;
    double at = line->intercept + line->slope * tx;
    double t = df > 0 ? dsb_stats_t_quantile(1 - alpha / 2, df) : NAN;
    double spread = 1 / line->weight_sum + (tx - line->x_mean) * (tx - line->x_mean) / line->sxx;
    double unit = (double)line->n / line->weight_sum; /* a new point has the average weight */
    *y = dsb_stats_scale_invert(at, line->scale);
    for (int side = 0; side < 2; side++) {
        double sign = (side ? t : -t) * line->residual_sd;
        if (band)
            band[side] = dsb_stats_scale_invert(at + sign * sqrt(spread), line->scale);
        if (interval)
            interval[side] = dsb_stats_scale_invert(at + sign * sqrt(unit + spread), line->scale);
    }
    return DSB_OK;
}

dsb_status dsb_stats_common_line(double *f_slopes, double *p_slopes, double *f_lines,
                                 double *p_lines, const double *x, const double *y,
                                 const uint32_t *family, uint64_t n, uint32_t n_families,
                                 uint32_t scale)
{
    dsbi_clear_error();
    if (!f_slopes || !p_slopes || !f_lines || !p_lines || (n > 0 && (!x || !y || !family)))
        return dsbi_fail(DSB_E_INVALID, "test of a common line needs arrays and places to write");
    if (!dsb_stats_scale_name(scale))
        return dsbi_fail(DSB_E_INVALID, "scale %u is none of DSB_STATS_SCALE_*", scale);
    fit_sums all = sum_up(x, y, NULL, n, scale);
    double separate = 0, sxx = 0, sxy = 0, syy = 0, used = 0, groups = 0;
    for (uint32_t f = 0; f < n_families; f++) {
        fit_sums s = {0};
        double tx, ty, w;
        for (int pass = 0; pass < 2; pass++) {
            for (uint64_t i = 0; i < n; i++) {
                if (family[i] != f || !transformed(&tx, &ty, &w, x, y, NULL, scale, i))
                    continue;
                if (pass == 0) {
                    s.n++;
                    s.x += tx;
                    s.y += ty;
                } else {
                    s.sxx += (tx - s.x) * (tx - s.x);
                    s.sxy += (tx - s.x) * (ty - s.y);
                    s.syy += (ty - s.y) * (ty - s.y);
                }
            }
            if (pass == 0 && s.n > 0) {
                s.x /= (double)s.n;
                s.y /= (double)s.n;
            }
        }
        if (s.n < 2 || !(s.sxx > 0))
            continue;
        groups += 1;
        used += (double)s.n;
        separate += s.syy - s.sxy * s.sxy / s.sxx;
        sxx += s.sxx;
        sxy += s.sxy;
        syy += s.syy;
    }
    double df = used - 2 * groups;
    if (groups < 2 || df < 1 || used != (double)all.n)
        return dsbi_fail(DSB_E_DATA, "a common line needs two families, each with two different "
                                     "points, and a point to spare");
    double parallel = syy - sxy * sxy / sxx, one = all.syy - all.sxy * all.sxy / all.sxx;
    *f_slopes = (parallel - separate) / (groups - 1) / (separate / df);
    *p_slopes = dsb_stats_f_sf(*f_slopes, groups - 1, df);
    *f_lines = (one - separate) / (2 * (groups - 1)) / (separate / df);
    *p_lines = dsb_stats_f_sf(*f_lines, 2 * (groups - 1), df);
    return DSB_OK;
}
