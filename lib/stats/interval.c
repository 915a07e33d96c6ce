/* Intervals for one proportion k/n.
 * n = 0 is no information: [0, 1]. The ends at k = 0 and k = n are exactly 0 and 1.
 * Sources: Wilson 1927; Clopper & Pearson 1934; Agresti & Coull 1998; Brown, Cai & DasGupta 2001.
 */
#include "stats/special.h"

dsb_status dsbi_check_alpha(double alpha)
{
    if (!(alpha > 0) || !(alpha < 1))
        return dsbi_fail(DSB_E_INVALID, "alpha %g is not between 0 and 1", alpha);
    return DSB_OK;
}

dsb_status dsbi_check_count(uint64_t k, uint64_t n)
{
    if (k > n)
        return dsbi_fail(DSB_E_INVALID, "count %llu is above the number of trials %llu",
                         (unsigned long long)k, (unsigned long long)n);
    if (n > (uint64_t)1 << 53)
        return dsbi_fail(DSB_E_LIMIT, "%llu trials are more than 2^53", (unsigned long long)n);
    return DSB_OK;
}

dsb_status dsbi_check_finite(const double *x, size_t n, const char *what)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return dsbi_fail(DSB_E_NUMERIC, "%s: item %zu is %g", what, i, x[i]);
    return DSB_OK;
}

static dsb_status check(double out[2], uint64_t k, uint64_t n, double alpha)
{
    dsbi_clear_error();
    if (!out)
        return dsbi_fail(DSB_E_INVALID, "no place for the interval");
    DSBI_TRY(dsbi_check_count(k, n));
    DSBI_TRY(dsbi_check_alpha(alpha));
    out[0] = 0;
    out[1] = 1;
    return DSB_OK;
}

/* Two points of p at distance `half` from `centre`; the ends of the scale are exact. */
static void set(double out[2], uint64_t k, uint64_t n, double centre, double half)
{
    out[0] = k == 0 ? 0 : dsbi_clamp01(centre - half);
    out[1] = k == n ? 1 : dsbi_clamp01(centre + half);
}

dsb_status dsb_stats_wilson(double out[2], uint64_t k, uint64_t n, double alpha)
{
    DSBI_TRY(check(out, k, n, alpha));
    if (n == 0)
        return DSB_OK;
    double z = dsbi_normal_upper(alpha / 2), count = (double)n, z2 = z * z;
    /* z sqrt(p q / n + z^2 / 4 n^2) with p q / n from counts: no 1 - p */
    double half = z / (count + z2) * sqrt((double)k * ((double)(n - k) / count) + z2 / 4);
    set(out, k, n, ((double)k + z2 / 2) / (count + z2), half);
    return DSB_OK;
}

dsb_status dsb_stats_wilson_corrected(double out[2], uint64_t k, uint64_t n, double alpha)
{
    DSBI_TRY(check(out, k, n, alpha));
    if (n == 0)
        return DSB_OK;
    double z = dsbi_normal_upper(alpha / 2), count = (double)n, p = (double)k / count, z2 = z * z;
    double q = (double)(n - k) / count, below = z2 - 2 - 1 / count + 4 * p * (count * q + 1);
    double above = z2 + 2 - 1 / count + 4 * p * (count * q - 1);
    double scale = 2 * (count + z2);
    if (k > 0)
        out[0] = dsbi_clamp01((2 * count * p + z2 - 1 - z * sqrt(below > 0 ? below : 0)) / scale);
    if (k < n)
        out[1] = dsbi_clamp01((2 * count * p + z2 + 1 + z * sqrt(above > 0 ? above : 0)) / scale);
    return DSB_OK;
}

dsb_status dsb_stats_clopper_pearson(double out[2], uint64_t k, uint64_t n, double alpha)
{
    DSBI_TRY(check(out, k, n, alpha));
    double a = (double)k, b = (double)(n - k), other;
    /* both ends by the lower tail alpha/2: 1 - alpha/2 has lost the digits of a tiny alpha */
    if (k > 0)
        dsbi_beta_inverse(&out[0], &other, a, b + 1, alpha / 2, 1 - alpha / 2);
    if (k < n)
        dsbi_beta_inverse(&other, &out[1], b, a + 1, alpha / 2, 1 - alpha / 2);
    return DSB_OK;
}

dsb_status dsb_stats_jeffreys(double out[2], uint64_t k, uint64_t n, double alpha)
{
    DSBI_TRY(check(out, k, n, alpha));
    if (n == 0)
        return DSB_OK;
    double a = (double)k + 0.5, b = (double)(n - k) + 0.5, other;
    if (k > 0)
        dsbi_beta_inverse(&out[0], &other, a, b, alpha / 2, 1 - alpha / 2);
    if (k < n)
        dsbi_beta_inverse(&other, &out[1], b, a, alpha / 2, 1 - alpha / 2);
    return DSB_OK;
}

dsb_status dsb_stats_agresti_coull(double out[2], uint64_t k, uint64_t n, double alpha)
{
    DSBI_TRY(check(out, k, n, alpha));
    if (n == 0)
        return DSB_OK;
    double z = dsbi_normal_upper(alpha / 2), count = (double)n + z * z;
    double p = ((double)k + z * z / 2) / count, q = ((double)(n - k) + z * z / 2) / count;
    double half = z * sqrt(p * q / count);
    out[0] = dsbi_clamp01(p - half);
    out[1] = dsbi_clamp01(p + half);
    return DSB_OK;
}

/* P(X > k) + P(X = k)/2 = tail, solved for the success probability by bisection on logit p. */
static double mid_p_limit(uint64_t k, uint64_t n, double tail, bool upper_end)
{
    double lo = -60, hi = 60;
    for (int i = 0; i < 200 && hi - lo > 1e-15 * (fabs(lo) + fabs(hi)); i++) {
        double t = 0.5 * (lo + hi), p = 1 / (1 + exp(-t));
        double half = 0.5 * dsbi_binomial_pmf(k, n, p);
        double value = upper_end ? (k > 0 ? dsbi_binomial_lower(k - 1, n, p) : 0) + half
                                 : dsbi_binomial_upper(k + 1, n, p) + half;
        if ((value > tail) == upper_end)
            lo = t;
        else
            hi = t;
    }
    return 1 / (1 + exp(-0.5 * (lo + hi)));
}

dsb_status dsb_stats_mid_p(double out[2], uint64_t k, uint64_t n, double alpha)
{
    DSBI_TRY(check(out, k, n, alpha));
    if (n == 0)
        return DSB_OK;
    if (k > 0)
        out[0] = mid_p_limit(k, n, alpha / 2, false);
    if (k < n)
        out[1] = mid_p_limit(k, n, alpha / 2, true);
    return DSB_OK;
}
