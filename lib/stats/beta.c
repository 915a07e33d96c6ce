/* Beta family: incomplete beta and its inverse, binomial tails, Student t, F.
 *
 * I_x(a,b) = prefactor * (power series where b x is small, else a continued fraction), always on
 * the side of the mean where nothing cancels; both tails come out, the smaller to full relative
 * precision. Sources: DLMF 8.17.7; Didonato & Morris 1992 (TOMS 708); Loader 2000. */
#include <float.h>
#include "stats/special.h"

double dsbi_beta_power(double a, double b, double x, double y)
{
    if (x <= 0 || y <= 0)
        return 0;
    double n = a + b;
    double e = dsbi_stirling_error(n) - dsbi_stirling_error(a) - dsbi_stirling_error(b);
    /* deviances of a from n x and of b from n y, with a - n x = a y - b x exact */
    double lambda = a * y - b * x;
    double da, db;
    if (fabs(lambda) < 0.25 * n * x) {
        double d = lambda / (n * x);
        da = n * x * ((1 + d) * dsbi_log1pmx(d) + d * d);
    } else {
        da = dsbi_deviance(a, n * x);
    }
    if (fabs(lambda) < 0.25 * n * y) {
        double d = -lambda / (n * y);
        db = n * y * ((1 + d) * dsbi_log1pmx(d) + d * d);
    } else {
        db = dsbi_deviance(b, n * y);
    }
    return exp(e - da - db) * sqrt(a * b / (2 * DSBI_PI * n));
}

/* I_x = x^a / (a B) * (1 + a sum_j (1-b)...(j-b) / (j! (a+j)) x^j), divided by the prefactor. */
static double power_series(double a, double b, double x, double y)
{
    double term = 1, sum = 0;
    for (double j = 1; j < 10000; j++) {
        term *= (j - b) * x / j;
        double add = term / (a + j);
        sum += add;
        if (fabs(add) < DBL_EPSILON * 0.1 * fabs(sum + 1 / a))
            break;
    }
    return (1 + a * sum) / a * exp(-b * (x < 0.5 ? log1p(-x) : log(y)));
}

/* BFRAC of Didonato & Morris, modified Lentz, divided by the prefactor; needs x < mean. Everything
 * goes through lambda = a y - b x, so x close to 1 costs nothing (DLMF 8.17.22 loses 1/(1-x)). */
static double fraction(double a, double b, double x, double y)
{
    double lambda = a * y - b * x;
    double f = a * (lambda + 1) / (a + 1), c = f, d = 0;
    for (double m = 1; m < 1e7; m++) {
        double below = a + 2 * m - 1;
        double num = (a + m - 1) / below * ((a + b + m - 1) / below) * m * (b - m) * x * x;
        double den =
            m + m * (b - m) * x / below + (a + m) * (lambda + 1 + m * (1 + y)) / (below + 2);
        d = den + num * d;
        d = 1 / (fabs(d) < 1e-300 ? 1e-300 : d);
        c = den + num / c;
        if (fabs(c) < 1e-300)
            c = 1e-300;
        double step = c * d;
        f *= step;
        if (fabs(step - 1) <= DBL_EPSILON)
            break;
    }
    return 1 / f;
}

void dsbi_beta_tails(double *p, double *q, double a, double b, double x, double y)
{
    if (x <= 0 || y <= 0) {
        *p = x <= 0 ? 0 : 1;
        *q = 1 - *p;
        return;
    }
    if (x > (a + 1) / (a + b + 2)) {
        dsbi_beta_tails(q, p, b, a, y, x);
        return;
    }
    double front = dsbi_beta_power(a, b, x, y);
    double value =
        front * (b * x <= 0.7 && x < 0.9 ? power_series(a, b, x, y) : fraction(a, b, x, y));
    *p = value > 1 ? 1 : value;
    *q = 1 - *p;
}

/* Newton on ln I as a function of t = logit x. The density of logit Beta is log-concave, so ln I is
 * concave and increasing: from any start the second iterate lies left of the root and the rest
 * climb to it. x and y are moved by factors at the end, so both keep full relative precision. */
static void inverse_lower(double *out_x, double *out_y, double a, double b, double p)
{
    double target = log(p);
    double t = log(a / b) - dsbi_normal_upper(p) * sqrt(1 / a + 1 / b);
    double low_t = (target + dsb_stats_log_gamma(a + 1) + dsb_stats_log_gamma(b) -
                    dsb_stats_log_gamma(a + b)) /
                   a; /* I ~ x^a / (a B) for x -> 0 */
    if (a < 1 && low_t < t)
        t = low_t;
    double x = 0, y = 1;
    for (int i = 0; i < 300; i++) {
        if (t < -740) { /* x is no number any more */
            *out_x = 0;
            *out_y = 1;
            return;
        }
        x = t < 0 ? exp(t) / (1 + exp(t)) : 1 / (1 + exp(-t));
        y = t < 0 ? 1 / (1 + exp(t)) : exp(-t) / (1 + exp(-t));
        double lo, hi;
        dsbi_beta_tails(&lo, &hi, a, b, x, y);
        if (lo <= 0) {
            t += 1;
            continue;
        }
        double slope = dsbi_beta_power(a, b, x, y) / lo;
        double step = slope > 0 ? (target - log(lo)) / slope : -1;
        step = step < -30 ? -30 : step > 30 ? 30 : step;
        if (fabs(step) < 1e-7) { /* last step in x and y themselves; its error is step^2 */
            *out_x = x * (1 + y * step);
            *out_y = y * (1 - x * step);
            return;
        }
        t += step;
    }
    *out_x = x;
    *out_y = y;
}

void dsbi_beta_inverse(double *x, double *y, double a, double b, double p, double q)
{
    if (p <= 0 || q <= 0) {
        *x = p <= 0 ? 0 : 1;
        *y = 1 - *x;
    } else if (p <= q) {
        inverse_lower(x, y, a, b, p);
    } else {
        inverse_lower(y, x, b, a, q);
    }
}

double dsb_stats_beta_cdf(double x, double a, double b)
{
    if (!(a > 0) || !(b > 0) || isnan(x))
        return NAN;
    double p, q;
    dsbi_beta_tails(&p, &q, a, b, x, 1 - x);
    return p;
}

double dsb_stats_beta_quantile(double p, double a, double b)
{
    if (!(a > 0) || !(b > 0) || !(p >= 0) || !(p <= 1))
        return NAN;
    double x, y;
    dsbi_beta_inverse(&x, &y, a, b, p, 1 - p);
    return x;
}

double dsbi_binomial_pmf(uint64_t k, uint64_t n, double p)
{
    double x = (double)k, rest = (double)(n - k);
    if (p <= 0 || p >= 1)
        return (p <= 0 ? k == 0 : k == n) ? 1 : 0;
    if (k == 0)
        return exp(rest * log1p(-p));
    if (k == n)
        return exp(x * log(p));
    /* dsbi_beta_power has x^a y^b / B(a,b); the binomial coefficient is n / (a b B(a,b)) */
    return dsbi_beta_power(x, rest, p, 1 - p) * ((double)n / (x * rest));
}

double dsbi_binomial_upper(uint64_t k, uint64_t n, double p)
{
    if (k == 0)
        return 1;
    if (k > n)
        return 0;
    double lo, hi;
    dsbi_beta_tails(&lo, &hi, (double)k, (double)(n - k) + 1, p, 1 - p);
    return lo;
}

double dsbi_binomial_lower(uint64_t k, uint64_t n, double p)
{
    if (k >= n)
        return 1;
    double lo, hi;
    dsbi_beta_tails(&lo, &hi, (double)k + 1, (double)(n - k), p, 1 - p);
    return hi;
}

double dsb_stats_t_sf(double t, double df)
{
    if (!(df > 0) || isnan(t))
        return NAN;
    if (isinf(df))
        return dsb_stats_normal_sf(t);
    double lo, hi, t2 = t * t;
    dsbi_beta_tails(&lo, &hi, df / 2, 0.5, df / (df + t2), t2 / (df + t2));
    return t > 0 ? lo / 2 : 1 - lo / 2;
}

double dsb_stats_t_quantile(double p, double df)
{
    if (!(df > 0) || !(p >= 0) || !(p <= 1))
        return NAN;
    if (p == 0 || p == 1)
        return p == 0 ? -INFINITY : INFINITY;
    if (isinf(df))
        return dsb_stats_normal_quantile(p);
    double tail = p < 0.5 ? p : 1 - p, x, y;
    if (tail == 0.5)
        return 0;
    dsbi_beta_inverse(&x, &y, df / 2, 0.5, 2 * tail, 1 - 2 * tail);
    double t = sqrt(df * y / x);
    return p < 0.5 ? -t : t;
}

double dsb_stats_f_sf(double f, double df1, double df2)
{
    if (!(df1 > 0) || !(df2 > 0) || isnan(f))
        return NAN;
    if (f <= 0)
        return 1;
    double lo, hi, sum = df2 + df1 * f;
    dsbi_beta_tails(&lo, &hi, df2 / 2, df1 / 2, df2 / sum, df1 * f / sum);
    return lo;
}
