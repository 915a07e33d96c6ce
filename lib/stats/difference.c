/* Differences of two proportions: independent samples and the same items judged twice.
 * Sources: Newcombe 1998 (Statistics in Medicine 17), part one method 10 of "independent", part two
 * method 10 of "paired"; Katz et al. 1978 for the ratio. */
#include "stats/special.h"

dsb_status dsb_stats_newcombe(double out[2], uint64_t k1, uint64_t n1, uint64_t k2, uint64_t n2,
                              double alpha)
{
    dsbi_clear_error();
    if (!out)
        return dsbi_fail(DSB_E_INVALID, "no place for the interval");
    double a[2], b[2];
    DSBI_TRY(dsb_stats_wilson(a, k1, n1, alpha));
    DSBI_TRY(dsb_stats_wilson(b, k2, n2, alpha));
    if (n1 == 0 || n2 == 0) {
        out[0] = -1;
        out[1] = 1;
        return DSB_OK;
    }
    double p1 = (double)k1 / (double)n1, p2 = (double)k2 / (double)n2, d = p1 - p2;
    out[0] = d - hypot(p1 - a[0], b[1] - p2);
    out[1] = d + hypot(a[1] - p1, p2 - b[0]);
    return DSB_OK;
}

dsb_status dsb_stats_newcombe_paired(double out[2], uint64_t n11, uint64_t n10, uint64_t n01,
                                     uint64_t n00, double alpha)
{
    dsbi_clear_error();
    uint64_t n = n11 + n10 + n01 + n00;
    if (!out)
        return dsbi_fail(DSB_E_INVALID, "no place for the interval");
    double a[2], b[2];
    DSBI_TRY(dsb_stats_wilson(a, n11 + n10, n, alpha));
    DSBI_TRY(dsb_stats_wilson(b, n11 + n01, n, alpha));
    if (n == 0) {
        out[0] = -1;
        out[1] = 1;
        return DSB_OK;
    }
    double w = (double)n11, x = (double)n10, y = (double)n01, v = (double)n00, count = (double)n;
    double p1 = (w + x) / count, p2 = (w + y) / count, d = (x - y) / count;
    /* correlation of the two, its numerator pulled towards zero by n/2 when positive */
    double product = w * v - x * y, phi = 0;
    if (product > 0)
        product = product > count / 2 ? product - count / 2 : 0;
    double scale = (w + x) * (y + v) * (w + y) * (x + v);
    if (scale > 0)
        phi = product / sqrt(scale);
    double l1 = p1 - a[0], u1 = a[1] - p1, l2 = p2 - b[0], u2 = b[1] - p2;
    double low = l1 * l1 - 2 * phi * l1 * u2 + u2 * u2;
    double high = u1 * u1 - 2 * phi * u1 * l2 + l2 * l2;
    out[0] = d - sqrt(low > 0 ? low : 0);
    out[1] = d + sqrt(high > 0 ? high : 0);
    return DSB_OK;
}

dsb_status dsb_stats_paired_wald(double out[2], uint64_t n10, uint64_t n01, uint64_t n,
                                 double alpha)
{
    dsbi_clear_error();
    if (!out)
        return dsbi_fail(DSB_E_INVALID, "no place for the interval");
    DSBI_TRY(dsbi_check_alpha(alpha));
    DSBI_TRY(dsbi_check_count(n10 + n01, n));
    if (n == 0) {
        out[0] = -1;
        out[1] = 1;
        return DSB_OK;
    }
    double count = (double)n, diff = (double)n10 - (double)n01;
    double se = sqrt((double)(n10 + n01) - diff * diff / count) / count;
    double half = dsbi_normal_upper(alpha / 2) * se;
    out[0] = diff / count - half;
    out[1] = diff / count + half;
    return DSB_OK;
}

dsb_status dsb_stats_error_ratio(double *ratio, double out[2], uint64_t wrong1, uint64_t n1,
                                 uint64_t wrong2, uint64_t n2, double alpha)
{
    dsbi_clear_error();
    if (!ratio || !out)
        return dsbi_fail(DSB_E_INVALID, "no place for the ratio");
    DSBI_TRY(dsbi_check_count(wrong1, n1));
    DSBI_TRY(dsbi_check_count(wrong2, n2));
    DSBI_TRY(dsbi_check_alpha(alpha));
    out[0] = 0;
    out[1] = INFINITY;
    *ratio = NAN;
    if (n1 == 0 || n2 == 0 || (wrong1 == 0 && wrong2 == 0))
        return DSB_OK;
    double e1 = (double)wrong1 / (double)n1, e2 = (double)wrong2 / (double)n2;
    *ratio = e2 > 0 ? e1 / e2 : INFINITY;
    /* log interval; half an error is added to an empty side so that the interval stays finite */
    double a = wrong1 ? (double)wrong1 : 0.5, b = wrong2 ? (double)wrong2 : 0.5;
    double centre = log(a / (double)n1) - log(b / (double)n2);
    double variance = 1 / a - 1 / (double)n1 + 1 / b - 1 / (double)n2;
    double half = dsbi_normal_upper(alpha / 2) * sqrt(variance > 0 ? variance : 0);
    out[0] = wrong1 ? exp(centre - half) : 0;
    out[1] = wrong2 ? exp(centre + half) : INFINITY;
    return DSB_OK;
}
