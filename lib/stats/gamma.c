/* Gamma function family: log-gamma, Stirling error, incomplete gamma and chi-square.
 *
 * Tails are prefactor times a series or a continued fraction. The prefactor x^a e^-x / Gamma(a + 1)
 * goes through Loader's saddle point form, which stays exact where exp(a ln x - x - lgamma(a + 1))
 * has lost all digits (a = 1e6 loses six).
 * Sources: Loader 2000; NIST DLMF 8.7.1, 8.9.2; Abramowitz & Stegun 6.1.41. */
#include <float.h>
#include "stats/special.h"

double dsb_stats_log_gamma(double x)
{
    if (!(x > 0))
        return NAN;
    int sign; /* lgamma() writes a global */
    return lgamma_r(x, &sign);
}

double dsbi_log1pmx(double x)
{
    if (fabs(x) > 0.25)
        return log1p(x) - x;
    /* r = x/(2+x): ln(1+x) = 2 (r + r^3/3 + r^5/5 ...), and x = 2r + x r */
    double r = x / (2 + x), r2 = r * r, sum = 0, power = r2;
    for (int k = 3; k < 60; k += 2) {
        double term = power / k;
        sum += term;
        if (term <= DBL_EPSILON * 0.25 * sum)
            break;
        power *= r2;
    }
    return r * (2 * sum - x);
}

double dsbi_stirling_error(double n)
{
    static const double s[] = {1.0 / 12,    -1.0 / 360,         1.0 / 1260,
                               -1.0 / 1680, 1.0 / 1188,         -691.0 / 360360.0,
                               1.0 / 156,   -3617.0 / 122400.0, 43867.0 / 244188};
    if (n == 0)
        return INFINITY;
    if (n < 16) {
        /* climb with stirling_error(n) = stirling_error(n+1) + (n + 1/2) ln(1 + 1/n) - 1 */
        double shift = 0;
        if (n < 1e-3) {
            int sign;
            return lgamma_r(n + 1, &sign) - (n + 0.5) * log(n) + n - DSBI_LN_SQRT_2PI;
        }
        for (; n < 16; n += 1) {
            /* (n + 1/2) ln(1 + 1/n) - 1 = with r = 1/(2n+1): sum_{k>=1} r^2k / (2k+1) */
            double r2 = 1 / ((2 * n + 1) * (2 * n + 1));
            if (r2 > 0.2) {
                shift += (n + 0.5) * log1p(1 / n) - 1;
                continue;
            }
            double sum = 0, power = r2;
            for (int k = 3; k < 80; k += 2) {
                sum += power / k;
                power *= r2;
                if (power < DBL_EPSILON * 0.01 * sum)
                    break;
            }
            shift += sum;
        }
        return shift + dsbi_stirling_error(n);
    }
    double n2 = n * n, sum = s[8];
    for (int i = 7; i >= 0; i--)
        sum = s[i] + sum / n2;
    return sum / n;
}

double dsbi_deviance(double x, double m)
{
    if (x == 0)
        return m;
    double d = (x - m) / m;
    if (fabs(d) < 0.25) /* x ln(x/m) + m - x = m ((1+d) ln(1+d) - d) */
        return m * ((1 + d) * dsbi_log1pmx(d) + d * d);
    return x * (log(x / m) - 1) + m;
}

/* x^a e^-x / Gamma(a + 1) */
static double poisson_density(double a, double x)
{
    if (a == 0)
        return exp(-x);
    return exp(-dsbi_stirling_error(a) - dsbi_deviance(a, x)) / sqrt(2 * DSBI_PI * a);
}

void dsbi_gamma_tails(double *p, double *q, double a, double x)
{
    if (x <= 0) {
        *p = 0;
        *q = 1;
        return;
    }
    if (isinf(x)) {
        *p = 1;
        *q = 0;
        return;
    }
    double front = poisson_density(a, x);
    if (x < a + 1) { /* DLMF 8.7.1: P = front * sum x^k / ((a+1)...(a+k)) */
        double term = 1, sum = 1;
        for (double k = 1; k < 1e7; k++) {
            term *= x / (a + k);
            sum += term;
            if (term < DBL_EPSILON * 0.1 * sum)
                break;
        }
        *p = front * sum;
        if (*p > 1)
            *p = 1;
        *q = 1 - *p;
        return;
    }
    /* DLMF 8.9.2 as an even contraction, modified Lentz: Q = front * a / (x+1-a - 1(1-a)/(x+3-a -))
     */
    double b = x + 1 - a, c = 1e300, d = 1 / b, h = d;
    for (double k = 1; k < 1e7; k++) {
        double an = -k * (k - a);
        b += 2;
        d = an * d + b;
        d = 1 / (fabs(d) < 1e-300 ? 1e-300 : d);
        c = b + an / c;
        if (fabs(c) < 1e-300)
            c = 1e-300;
        double step = c * d;
        h *= step;
        if (fabs(step - 1) < DBL_EPSILON)
            break;
    }
    *q = front * a * h;
    if (*q > 1)
        *q = 1;
    *p = 1 - *q;
}

double dsb_stats_gamma_cdf(double x, double shape)
{
    if (!(shape > 0) || isnan(x))
        return NAN;
    double p, q;
    dsbi_gamma_tails(&p, &q, shape, x);
    return p;
}

double dsb_stats_chi2_cdf(double x, double df)
{
    return dsb_stats_gamma_cdf(x / 2, df / 2);
}

double dsb_stats_chi2_sf(double x, double df)
{
    if (!(df > 0) || isnan(x))
        return NAN;
    double p, q;
    dsbi_gamma_tails(&p, &q, df / 2, x / 2);
    return q;
}

/* Newton on ln tail as a function of t = ln x. The density of ln Gamma is log-concave, so both log
 * tails are concave in t and Newton cannot run away: after one step it approaches from one side. */
static double gamma_inverse(double a, double p, double q)
{
    bool lower = p <= q;
    double target = log(lower ? p : q);
    double z = lower ? -dsbi_normal_upper(p) : dsbi_normal_upper(q);
    double root = 1 - 1 / (9 * a) + z / (3 * sqrt(a)); /* Wilson-Hilferty */
    double t = root > 0.1 ? log(a) + 3 * log(root) : (log(p) + dsb_stats_log_gamma(a + 1)) / a;
    for (int i = 0; i < 200; i++) {
        double x = exp(t), lo, hi;
        dsbi_gamma_tails(&lo, &hi, a, x);
        double tail = lower ? lo : hi;
        if (tail <= 0) {
            t += lower ? 1 : -0.1;
            continue;
        }
        double slope = a * poisson_density(a, x) / tail * (lower ? 1 : -1);
        double step = (target - log(tail)) / slope;
        step = step > 2 ? 2 : step < -2 ? -2 : step;
        t += step;
        if (fabs(step) < 1e-15 * (1 + fabs(t)))
            break;
    }
    return exp(t);
}

double dsb_stats_chi2_quantile(double p, double df)
{
    if (!(df > 0) || !(p >= 0) || !(p <= 1))
        return NAN;
    if (p == 0 || p == 1)
        return p == 0 ? 0 : INFINITY;
    return 2 * gamma_inverse(df / 2, p, 1 - p);
}
