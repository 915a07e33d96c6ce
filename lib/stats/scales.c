/* Scales on which accuracies are compared: linear, logit, probit, arcsine, complementary log-log.
 * A straight line on one of them is a curve on the others, so every fit names its scale.
 * Sources: Recht et al. 2019 (probit), Taori et al. 2020 (logit), Miller et al. 2021 (probit). */
#include "stats/special.h"

static const char *const names[] = {"linear", "logit", "probit", "arcsine", "cloglog"};

const char *dsb_stats_scale_name(uint32_t scale)
{
    return scale <= DSB_STATS_SCALE_CLOGLOG ? names[scale] : NULL;
}

double dsb_stats_scale_apply(double p, uint32_t scale)
{
    if (scale == DSB_STATS_SCALE_LINEAR)
        return p;
    if (!(p >= 0) || !(p <= 1))
        return NAN;
    switch (scale) {
    case DSB_STATS_SCALE_LOGIT:
        return p == 0 ? -INFINITY : p == 1 ? INFINITY : log(p) - log1p(-p);
    case DSB_STATS_SCALE_PROBIT:
        return dsb_stats_normal_quantile(p);
    case DSB_STATS_SCALE_ARCSINE:
        return asin(sqrt(p));
    case DSB_STATS_SCALE_CLOGLOG:
        return p == 0 ? -INFINITY : p == 1 ? INFINITY : log(-log1p(-p));
    default:
        return NAN;
    }
}

double dsb_stats_scale_invert(double t, uint32_t scale)
{
    switch (scale) {
    case DSB_STATS_SCALE_LINEAR:
        return t;
    case DSB_STATS_SCALE_LOGIT:
        return t < 0 ? exp(t) / (1 + exp(t)) : 1 / (1 + exp(-t));
    case DSB_STATS_SCALE_PROBIT:
        return dsb_stats_normal_cdf(t);
    case DSB_STATS_SCALE_ARCSINE: { /* beyond its ends the curve stays at 0 or 1 */
        double s = t <= 0 ? 0 : t >= DSBI_PI / 2 ? 1 : sin(t);
        return isnan(t) ? NAN : s * s;
    }
    case DSB_STATS_SCALE_CLOGLOG:
        return -expm1(-exp(t));
    default:
        return NAN;
    }
}

/* d scale / d p */
static double slope_of(double p, uint32_t scale)
{
    switch (scale) {
    case DSB_STATS_SCALE_LINEAR:
        return 1;
    case DSB_STATS_SCALE_LOGIT:
        return 1 / (p * (1 - p));
    case DSB_STATS_SCALE_PROBIT:
        return 1 / dsb_stats_normal_pdf(dsb_stats_normal_quantile(p));
    case DSB_STATS_SCALE_ARCSINE:
        return 0.5 / sqrt(p * (1 - p));
    case DSB_STATS_SCALE_CLOGLOG:
        return -1 / ((1 - p) * log1p(-p));
    default:
        return NAN;
    }
}

double dsb_stats_scale_variance(double p, double n, uint32_t scale)
{
    if (!(p > 0) || !(p < 1) || !(n > 0))
        return NAN;
    double s = slope_of(p, scale);
    return s * s * p * (1 - p) / n;
}
