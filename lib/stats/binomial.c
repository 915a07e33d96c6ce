/* Exact binomial test, power and sample size of a comparison with a fixed rate (chance level).
 * Sources: Clopper & Pearson 1934 (tails); Lopez-Paz & Oquab 2017 section 3 (power of C2ST). */
#include "stats/special.h"

/* Two-sided p: all outcomes that are no more probable than the observed one. The far side is found
 * by bisection, for the pmf falls on either side of its mode. */
static double two_sided(uint64_t k, uint64_t n, double p0)
{
    double seen = dsbi_binomial_pmf(k, n, p0) * (1 + 1e-7);
    double mean = (double)n * p0;
    if ((double)k == mean)
        return 1;
    if ((double)k < mean) { /* smallest j on the right with pmf(j) <= seen */
        uint64_t lo = (uint64_t)floor(mean), hi = n + 1;
        while (lo + 1 < hi) {
            uint64_t mid = lo + (hi - lo) / 2;
            if (dsbi_binomial_pmf(mid, n, p0) <= seen)
                hi = mid;
            else
                lo = mid;
        }
        double far = hi <= n ? dsbi_binomial_upper(hi, n, p0) : 0;
        return fmin(1, dsbi_binomial_lower(k, n, p0) + far);
    }
    int64_t lo = -1, hi = (int64_t)ceil(mean); /* largest j on the left with pmf(j) <= seen */
    while (lo + 1 < hi) {
        int64_t mid = lo + (hi - lo) / 2;
        if (dsbi_binomial_pmf((uint64_t)mid, n, p0) <= seen)
            lo = mid;
        else
            hi = mid;
    }
    double far = lo >= 0 ? dsbi_binomial_lower((uint64_t)lo, n, p0) : 0;
    return fmin(1, dsbi_binomial_upper(k, n, p0) + far);
}

dsb_status dsb_stats_binomial_test(double *p, uint64_t k, uint64_t n, double p0, uint32_t side)
{
    dsbi_clear_error();
    if (!p)
        return dsbi_fail(DSB_E_INVALID, "no place for the p-value");
    DSBI_TRY(dsbi_check_count(k, n));
    if (!(p0 >= 0) || !(p0 <= 1))
        return dsbi_fail(DSB_E_INVALID, "rate %g is not a probability", p0);
    switch (side) {
    case DSB_STATS_GREATER:
        *p = dsbi_binomial_upper(k, n, p0);
        return DSB_OK;
    case DSB_STATS_LESS:
        *p = dsbi_binomial_lower(k, n, p0);
        return DSB_OK;
    case DSB_STATS_TWO_SIDED:
        *p = n == 0 ? 1 : two_sided(k, n, p0);
        return DSB_OK;
    default:
        return dsbi_fail(DSB_E_INVALID, "side %u is none of DSB_STATS_*", side);
    }
}

static dsb_status check_power(double p0, double delta, double alpha)
{
    DSBI_TRY(dsbi_check_alpha(alpha));
    if (!(p0 >= 0) || !(p0 < 1))
        return dsbi_fail(DSB_E_INVALID, "rate %g is not in [0, 1)", p0);
    if (!(delta > 0) || !(p0 + delta <= 1))
        return dsbi_fail(DSB_E_INVALID, "difference %g above rate %g leaves (0, 1]", delta, p0);
    return DSB_OK;
}

dsb_status dsb_stats_sample_size(uint64_t *n, double p0, double delta, double alpha, double power)
{
    dsbi_clear_error();
    if (!n)
        return dsbi_fail(DSB_E_INVALID, "no place for the sample size");
    DSBI_TRY(check_power(p0, delta, alpha));
    if (!(power > 0) || !(power < 1))
        return dsbi_fail(DSB_E_INVALID, "power %g is not between 0 and 1", power);
    double p1 = p0 + delta, q1 = 1 - p1 > 0 ? 1 - p1 : 0;
    double root = (dsbi_normal_upper(alpha) * sqrt(p0 * (1 - p0)) +
                   dsbi_normal_upper(1 - power) * sqrt(p1 * q1)) /
                  delta;
    double count = root > 0 ? ceil(root * root) : 1;
    if (!(count < 9e15))
        return dsbi_fail(DSB_E_LIMIT, "difference %g needs more than 2^53 images", delta);
    *n = count < 1 ? 1 : (uint64_t)count;
    return DSB_OK;
}

dsb_status dsb_stats_power(double *power, uint64_t n, double p0, double delta, double alpha)
{
    dsbi_clear_error();
    if (!power)
        return dsbi_fail(DSB_E_INVALID, "no place for the power");
    DSBI_TRY(check_power(p0, delta, alpha));
    double p1 = p0 + delta, q1 = 1 - p1 > 0 ? 1 - p1 : 0;
    double above = delta * sqrt((double)n) - dsbi_normal_upper(alpha) * sqrt(p0 * (1 - p0));
    double sd = sqrt(p1 * q1);
    *power = sd > 0 ? dsb_stats_normal_cdf(above / sd) : above >= 0 ? 1 : 0;
    return DSB_OK;
}

dsb_status dsb_stats_power_exact(double *power, uint64_t *critical, uint64_t n, double p0,
                                 double delta, double alpha)
{
    dsbi_clear_error();
    if (!power)
        return dsbi_fail(DSB_E_INVALID, "no place for the power");
    DSBI_TRY(check_power(p0, delta, alpha));
    DSBI_TRY(dsbi_check_count(0, n));
    uint64_t lo = 0, hi = n + 1; /* P(X >= lo) > alpha >= P(X >= hi) */
    while (lo + 1 < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        if (dsbi_binomial_upper(mid, n, p0) <= alpha)
            hi = mid;
        else
            lo = mid;
    }
    if (critical)
        *critical = hi;
    *power = hi <= n ? dsbi_binomial_upper(hi, n, fmin(1, p0 + delta)) : 0;
    return DSB_OK;
}

dsb_status dsb_stats_paired_sample_size(uint64_t *n, double disagreement, double delta,
                                        double alpha, double power)
{
    dsbi_clear_error();
    if (!n)
        return dsbi_fail(DSB_E_INVALID, "no place for the sample size");
    DSBI_TRY(dsbi_check_alpha(alpha));
    if (!(power > 0) || !(power < 1))
        return dsbi_fail(DSB_E_INVALID, "power %g is not between 0 and 1", power);
    if (!(disagreement > 0) || !(disagreement <= 1) || !(delta > 0) || !(delta <= disagreement))
        return dsbi_fail(DSB_E_INVALID,
                         "difference %g must lie in (0, rate of disagreement %g], that in (0, 1]",
                         delta, disagreement);
    double spread = disagreement - delta * delta;
    double root = (dsbi_normal_upper(alpha / 2) * sqrt(disagreement) +
                   dsbi_normal_upper(1 - power) * sqrt(spread > 0 ? spread : 0)) /
                  delta;
    double count = ceil(root * root);
    if (!(count < 9e15))
        return dsbi_fail(DSB_E_LIMIT, "difference %g needs more than 2^53 images", delta);
    *n = count < 1 ? 1 : (uint64_t)count;
    return DSB_OK;
}
