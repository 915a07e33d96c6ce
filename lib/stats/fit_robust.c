/* Lines when least squares is not the right question: outliers (Theil-Sen), noise in both axes
 * (Deming), and counts (binomial likelihood in both axes, profiled over each model's true skill).
 *
 *     k_i ~ Bin(n0_i, F(z_i)),  l_i ~ Bin(n1_i, F(a + b z_i)),  F = inverse of the scale
 * maximised over a, b and all z_i by Fisher scoring; the z_i are eliminated by a Schur complement,
 * whose inverse is the covariance of (a, b). Sources: Sen 1968; Deming 1943; Recht et al. 2019. */
#include "base/opts.h"
#include "base/runtime.h"
#include "stats/ordering.h"
#include "stats/special.h"

static dsb_status gather(dsb_runtime *rt, double **out, uint64_t *n_used, const double *x,
                         const double *y, uint64_t n, uint32_t scale)
{
    double *pairs = dsbi_alloc_array(rt, (size_t)n + 1, 2 * sizeof *pairs);
    if (!pairs)
        return DSB_E_NOMEM;
    uint64_t m = 0;
    for (uint64_t i = 0; i < n; i++) {
        double tx = dsb_stats_scale_apply(x[i], scale), ty = dsb_stats_scale_apply(y[i], scale);
        if (isfinite(tx) && isfinite(ty)) {
            pairs[2 * m] = tx;
            pairs[2 * m++ + 1] = ty;
        }
    }
    *out = pairs;
    *n_used = m;
    return DSB_OK;
}

static double median_of(double *sorted, size_t n)
{
    return n % 2 ? sorted[n / 2] : 0.5 * (sorted[n / 2 - 1] + sorted[n / 2]);
}

dsb_status dsb_stats_theil_sen(dsb_runtime *rt, double *slope, double *intercept,
                               double slope_ci[2], const double *x, const double *y, uint64_t n,
                               uint32_t scale, double alpha)
{
    dsbi_clear_error();
    if (!rt || !slope || !intercept || (n > 0 && (!x || !y)) || !dsb_stats_scale_name(scale))
        return dsbi_fail(DSB_E_INVALID, "Theil-Sen needs arrays, a scale and places to write");
    DSBI_TRY(dsbi_check_alpha(alpha));
    double *pairs = NULL, *slopes = NULL;
    uint64_t m = 0;
    dsb_status status = gather(rt, &pairs, &m, x, y, n, scale);
    if (status != DSB_OK)
        return status;
    if (m > 20000) {
        dsbi_free(rt, pairs);
        return dsbi_fail(DSB_E_LIMIT, "Theil-Sen of %llu points has too many pairs",
                         (unsigned long long)m);
    }
    slopes = dsbi_alloc_array(rt, (size_t)(m * (m + 1) / 2) + 1, sizeof *slopes);
    size_t count = 0;
    for (uint64_t i = 0; slopes && i < m; i++)
        for (uint64_t j = i + 1; j < m; j++)
            if (pairs[2 * i] != pairs[2 * j])
                slopes[count++] =
                    (pairs[2 * j + 1] - pairs[2 * i + 1]) / (pairs[2 * j] - pairs[2 * i]);
    if (!slopes) {
        status = DSB_E_NOMEM;
    } else if (count == 0) {
        status = dsbi_fail(DSB_E_DATA, "no two points differ in x: no line goes through them");
    } else {
        dsbi_sort_f64(slopes, count);
        *slope = median_of(slopes, count);
        if (slope_ci) { /* Sen 1968: normal approximation of Kendall's S */
            double md = (double)m,
                   half = dsbi_normal_upper(alpha / 2) * sqrt(md * (md - 1) * (2 * md + 5) / 18);
            double lo = floor(((double)count - half) / 2), hi = ceil(((double)count + half) / 2);
            slope_ci[0] = lo >= 0 ? slopes[(size_t)lo] : -INFINITY;
            slope_ci[1] = hi < (double)count ? slopes[(size_t)hi] : INFINITY;
        }
        for (uint64_t i = 0; i < m; i++)
            slopes[i] = pairs[2 * i + 1] - *slope * pairs[2 * i];
        dsbi_sort_f64(slopes, (size_t)m);
        *intercept = median_of(slopes, (size_t)m);
    }
    dsbi_free(rt, slopes);
    dsbi_free(rt, pairs);
    return status;
}

dsb_status dsb_stats_deming(double *slope, double *intercept, const double *x, const double *y,
                            uint64_t n, uint32_t scale, double ratio)
{
    dsbi_clear_error();
    if (!slope || !intercept || (n > 0 && (!x || !y)) || !dsb_stats_scale_name(scale))
        return dsbi_fail(DSB_E_INVALID, "Deming needs arrays, a scale and places to write");
    if (!(ratio > 0))
        return dsbi_fail(DSB_E_INVALID, "ratio of variances %g is not positive", ratio);
    double count = 0, mx = 0, my = 0, sxx = 0, sxy = 0, syy = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (uint64_t i = 0; i < n; i++) {
            double tx = dsb_stats_scale_apply(x[i], scale), ty = dsb_stats_scale_apply(y[i], scale);
            if (!isfinite(tx) || !isfinite(ty))
                continue;
            if (pass == 0) {
                count += 1;
                mx += tx;
                my += ty;
            } else {
                sxx += (tx - mx) * (tx - mx);
                sxy += (tx - mx) * (ty - my);
                syy += (ty - my) * (ty - my);
            }
        }
        if (pass == 0 && count > 0) {
            mx /= count;
            my /= count;
        }
    }
    if (count < 2 || sxy == 0)
        return dsbi_fail(DSB_E_DATA, "Deming needs two points that vary together");
    double d = syy - ratio * sxx;
    *slope = (d + sqrt(d * d + 4 * ratio * sxy * sxy)) / (2 * sxy);
    *intercept = my - *slope * mx;
    return DSB_OK;
}

/* log likelihood, score and expected information of k ~ Bin(n, F(t)) */
static void binomial_terms(double *value, double *score, double *information, double k, double n,
                           double t, uint32_t scale)
{
    double p = dsb_stats_scale_invert(t, scale), h = 1e-6 * (1 + fabs(t));
    p = p < 1e-12 ? 1e-12 : p > 1 - 1e-12 ? 1 - 1e-12 : p;
    double density =
        scale == DSB_STATS_SCALE_PROBIT  ? dsb_stats_normal_pdf(t)
        : scale == DSB_STATS_SCALE_LOGIT ? p * (1 - p)
        : scale == DSB_STATS_SCALE_LINEAR
            ? 1
            : (dsb_stats_scale_invert(t + h, scale) - dsb_stats_scale_invert(t - h, scale)) /
                  (2 * h);
    *value = (k > 0 ? k * log(p) : 0) + (n - k > 0 ? (n - k) * log1p(-p) : 0);
    *score = (k - n * p) * density / (p * (1 - p));
    *information = n * density * density / (p * (1 - p));
}

typedef struct counts {
    const uint64_t *k0, *n0, *k1, *n1;
    uint64_t n;
    uint32_t scale;
} counts;

static bool usable(const counts *c, uint64_t i)
{ /* nothing right, or nothing wrong, on either side leaves z_i without a maximum */
    return c->n0[i] > 0 && c->n1[i] > 0 && c->k0[i] > 0 && c->k0[i] < c->n0[i];
}

static double likelihood(const counts *c, const double *z, double a, double b)
{
    double sum = 0, value, s, w;
    for (uint64_t i = 0; i < c->n; i++)
        if (usable(c, i)) {
            binomial_terms(&value, &s, &w, (double)c->k0[i], (double)c->n0[i], z[i], c->scale);
            sum += value;
            binomial_terms(&value, &s, &w, (double)c->k1[i], (double)c->n1[i], a + b * z[i],
                           c->scale);
            sum += value;
        }
    return sum;
}

/* One scoring step. information: of (a, b) after eliminating z. step_z may be NULL. */
static void scoring_step(const counts *c, const double *z, double a, double b, double *step_a,
                         double *step_b, double *step_z, double information[3])
{
    double ga = 0, gb = 0, iaa = 0, iab = 0, ibb = 0, value;
    for (int pass = 0; pass < 2; pass++) {
        for (uint64_t i = 0; i < c->n; i++) {
            if (!usable(c, i))
                continue;
            double s0, w0, s1, w1;
            binomial_terms(&value, &s0, &w0, (double)c->k0[i], (double)c->n0[i], z[i], c->scale);
            binomial_terms(&value, &s1, &w1, (double)c->k1[i], (double)c->n1[i], a + b * z[i],
                           c->scale);
            double gz = s0 + b * s1, izz = w0 + b * b * w1;
            if (pass == 0) { /* Schur complement over z_i: w1 - (b w1)^2 / izz = w1 w0 / izz */
                double w = w1 * w0 / izz, g = s1 - b * w1 * gz / izz;
                ga += g;
                gb += g * z[i];
                iaa += w;
                iab += w * z[i];
                ibb += w * z[i] * z[i];
            } else {
                step_z[i] = (gz - b * w1 * (*step_a + z[i] * *step_b)) / izz;
            }
        }
        if (pass == 0) {
            double det = iaa * ibb - iab * iab;
            *step_a = (ibb * ga - iab * gb) / det;
            *step_b = (iaa * gb - iab * ga) / det;
            information[0] = iaa;
            information[1] = iab;
            information[2] = ibb;
            if (!step_z)
                return;
        }
    }
}

void dsb_stats_count_line_init(dsb_stats_count_line *line, size_t size)
{
    static const dsb_stats_count_line zero = {.struct_size = sizeof zero};
    dsbi_opts_fill(line, size, &zero, sizeof zero);
}

dsb_status dsb_stats_fit_counts(dsb_runtime *rt, dsb_stats_count_line *line, const uint64_t *k0,
                                const uint64_t *n0, const uint64_t *k1, const uint64_t *n1,
                                uint64_t n, uint32_t scale, double alpha)
{
    dsbi_clear_error();
    if (!rt || !line || line->struct_size < sizeof *line || (n > 0 && (!k0 || !n0 || !k1 || !n1)))
        return dsbi_fail(DSB_E_INVALID, "likelihood fit needs counts and a line made by _init");
    if (scale != DSB_STATS_SCALE_LOGIT && scale != DSB_STATS_SCALE_PROBIT)
        return dsbi_fail(DSB_E_UNSUPPORTED, "likelihood fit knows the logit and probit scales");
    DSBI_TRY(dsbi_check_alpha(alpha));
    for (uint64_t i = 0; i < n; i++) {
        DSBI_TRY(dsbi_check_count(k0[i], n0[i]));
        DSBI_TRY(dsbi_check_count(k1[i], n1[i]));
    }
    counts c = {k0, n0, k1, n1, n, scale};
    double *z = dsbi_alloc_array(rt, (size_t)n + 1, 4 * sizeof *z);
    if (!z)
        return DSB_E_NOMEM;
    double *step = z + n, *trial = z + 2 * n, *start = z + 3 * n;
    uint64_t used = 0;
    for (uint64_t i = 0; i < n; i++)
        if (usable(&c, i)) {
            z[i] = dsb_stats_scale_apply((double)k0[i] / (double)n0[i], scale);
            start[used] = z[i]; /* least squares of the shrunken new accuracies as a start */
            trial[used++] =
                dsb_stats_scale_apply(((double)k1[i] + 0.5) / ((double)n1[i] + 1), scale);
        }
    double a = 0, b = 1, sa, sb, information[3];
    dsb_status status = DSB_OK;
    dsb_stats_line first;
    dsb_stats_line_init(&first, sizeof first);
    status = dsb_stats_fit(&first, start, trial, NULL, used, DSB_STATS_SCALE_LINEAR, alpha);
    if (status != DSB_OK)
        goto done;
    a = first.intercept;
    b = first.slope;
    double value = likelihood(&c, z, a, b);
    for (int round = 0; round < 100; round++) {
        scoring_step(&c, z, a, b, &sa, &sb, step, information);
        double scale_step = 1, better = value;
        for (int half = 0; half < 30; half++, scale_step *= 0.5) {
            for (uint64_t i = 0; i < n; i++)
                if (usable(&c, i))
                    trial[i] = z[i] + scale_step * step[i];
            better = likelihood(&c, trial, a + scale_step * sa, b + scale_step * sb);
            if (better >= value)
                break;
        }
        if (!(better >= value))
            break;
        for (uint64_t i = 0; i < n; i++)
            if (usable(&c, i))
                z[i] = trial[i];
        a += scale_step * sa;
        b += scale_step * sb;
        double gained = better - value;
        value = better;
        if (gained < 1e-11 * (1 + fabs(value)) && fabs(sa) + fabs(sb) < 1e-9)
            break;
    }
    scoring_step(&c, z, a, b, &sa, &sb, NULL, information);
    double det = information[0] * information[2] - information[1] * information[1];
    if (!isfinite(a) || !isfinite(b) || !(det > 0)) {
        status = dsbi_fail(DSB_E_NUMERIC, "the likelihood fit does not converge");
        goto done;
    }
    double saturated = 0, v, s, w, zq = dsbi_normal_upper(alpha / 2);
    for (uint64_t i = 0; i < n; i++)
        if (usable(&c, i)) {
            double p0 = (double)k0[i] / (double)n0[i], p1 = (double)k1[i] / (double)n1[i];
            binomial_terms(&v, &s, &w, (double)k0[i], (double)n0[i],
                           dsb_stats_scale_apply(p0, scale), scale);
            saturated += v;
            saturated += k1[i] > 0 && k1[i] < n1[i]
                             ? (double)k1[i] * log(p1) + (double)(n1[i] - k1[i]) * log1p(-p1)
                             : 0;
        }
    line->n = used;
    line->slope = b;
    line->intercept = a;
    line->slope_se = sqrt(information[0] / det);
    line->intercept_se = sqrt(information[2] / det);
    for (int side = 0; side < 2; side++) {
        line->slope_ci[side] = b + (side ? zq : -zq) * line->slope_se;
        line->intercept_ci[side] = a + (side ? zq : -zq) * line->intercept_se;
    }
    line->deviance = 2 * (saturated - value);
    line->p_fit = used > 2 ? dsb_stats_chi2_sf(fmax(0, line->deviance), (double)used - 2) : NAN;
done:
    dsbi_free(rt, z);
    return status;
}
