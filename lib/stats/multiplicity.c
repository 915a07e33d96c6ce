/* p-values of many tests at once. Outputs keep the order of the inputs; a NaN (test not done) stays
 * NaN and does not count. Sources: Holm 1979; Hochberg 1988; Benjamini & Hochberg 1995; Benjamini &
 * Yekutieli 2001. */
#include "base/runtime.h"
#include "stats/special.h"
#include "stats/ordering.h"

dsb_status dsb_stats_adjust(dsb_runtime *rt, double *adjusted, const double *p, uint64_t n,
                            uint32_t method)
{
    dsbi_clear_error();
    if (!rt || (n > 0 && (!adjusted || !p)) || method > DSB_STATS_ADJUST_BY)
        return dsbi_fail(DSB_E_INVALID, "adjustment needs arrays and one of DSB_STATS_ADJUST_*");
    size_t *order = dsbi_alloc_array(rt, (size_t)n + 1, sizeof *order);
    if (!order)
        return DSB_E_NOMEM;
    size_t m = 0;
    double harmonic = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isnan(p[i]) && (p[i] < 0 || p[i] > 1)) {
            dsbi_free(rt, order);
            return dsbi_fail(DSB_E_INVALID, "p-value %zu is %g", i, p[i]);
        }
        if (isnan(p[i]))
            adjusted[i] = NAN;
        else
            order[m++] = i;
    }
    dsbi_sort_order(order, m, p);
    for (size_t i = 0; i < m; i++)
        harmonic += 1 / (double)(i + 1);
    double count = (double)m;
    if (method == DSB_STATS_ADJUST_BONFERRONI) {
        for (size_t i = 0; i < m; i++)
            adjusted[order[i]] = fmin(1, count * p[order[i]]);
    } else if (method == DSB_STATS_ADJUST_HOLM) { /* running maximum, upwards */
        double running = 0;
        for (size_t i = 0; i < m; i++) {
            running = fmax(running, fmin(1, (count - (double)i) * p[order[i]]));
            adjusted[order[i]] = running;
        }
    } else { /* running minimum, downwards */
        double running = 1;
        for (size_t i = m; i-- > 0;) {
            double rank = (double)(i + 1), value = p[order[i]];
            double factor = method == DSB_STATS_ADJUST_HOCHBERG ? count - rank + 1
                            : method == DSB_STATS_ADJUST_BH     ? count / rank
                                                                : count * harmonic / rank;
            running = fmin(running, factor * value);
            adjusted[order[i]] = running;
        }
    }
    dsbi_free(rt, order);
    return DSB_OK;
}
