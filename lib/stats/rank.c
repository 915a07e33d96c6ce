/* Rank statistics: Pearson, Spearman, Kendall tau-b, weighted tau, overlap of the best k.
 * Pairs with a NaN are left out by the caller; a NaN here is refused. Less than two items or a
 * constant side: NaN. Sources: Kendall 1945 (tau-b); Vigna 2015 (weighted tau, 1/rank weights). */
#include "base/runtime.h"
#include "stats/ordering.h"
#include "stats/special.h"

static double pearson(const double *x, const double *y, size_t n)
{
    double mx = 0, my = 0, sxx = 0, sxy = 0, syy = 0;
    for (size_t i = 0; i < n; i++) {
        mx += x[i] / (double)n;
        my += y[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        sxx += (x[i] - mx) * (x[i] - mx);
        sxy += (x[i] - mx) * (y[i] - my);
        syy += (y[i] - my) * (y[i] - my);
    }
    return sxx > 0 && syy > 0 ? sxy / sqrt(sxx * syy) : NAN;
}

dsb_status dsb_stats_correlation(dsb_runtime *rt, double *r, const double *x, const double *y,
                                 uint64_t n, uint32_t kind)
{
    dsbi_clear_error();
    if (!rt || !r || (n > 0 && (!x || !y)) || kind > DSB_STATS_WEIGHTED_TAU)
        return dsbi_fail(DSB_E_INVALID, "correlation needs arrays and one of DSB_STATS_*");
    DSBI_TRY(dsbi_check_finite(x, (size_t)n, "x"));
    DSBI_TRY(dsbi_check_finite(y, (size_t)n, "y"));
    size_t count = (size_t)n;
    if (kind == DSB_STATS_PEARSON) {
        *r = count > 1 ? pearson(x, y, count) : NAN;
        return DSB_OK;
    }
    double *rank = dsbi_alloc_array(rt, count + 1, 2 * sizeof *rank);
    size_t *order = dsbi_alloc_array(rt, count + 1, sizeof *order);
    dsb_status status = rank && order ? DSB_OK : DSB_E_NOMEM;
    if (status == DSB_OK && kind == DSB_STATS_SPEARMAN) {
        dsbi_rank_average(rank, x, count, order);
        dsbi_rank_average(rank + count, y, count, order);
        *r = count > 1 ? pearson(rank, rank + count, count) : NAN;
    } else if (status == DSB_OK) {
        dsbi_rank_average(rank, x, count, order);
        double agree = 0, x_pairs = 0, y_pairs = 0;
        for (size_t i = 0; i < count; i++)
            for (size_t j = i + 1; j < count; j++) {
                /* weight by the place in x, best first: 1/rank_i + 1/rank_j */
                double w = kind == DSB_STATS_TAU_B ? 1
                                                   : 1 / ((double)count + 1 - rank[i]) +
                                                         1 / ((double)count + 1 - rank[j]);
                int sx = (x[i] > x[j]) - (x[i] < x[j]), sy = (y[i] > y[j]) - (y[i] < y[j]);
                agree += w * sx * sy;
                x_pairs += w * (sx != 0);
                y_pairs += w * (sy != 0);
            }
        *r = x_pairs > 0 && y_pairs > 0 ? agree / sqrt(x_pairs) / sqrt(y_pairs) : NAN;
    }
    dsbi_free(rt, rank);
    dsbi_free(rt, order);
    return status;
}

dsb_status dsb_stats_top_overlap(dsb_runtime *rt, double *share, const double *x, const double *y,
                                 uint64_t n, uint64_t k)
{
    dsbi_clear_error();
    if (!rt || !share || (n > 0 && (!x || !y)) || k == 0 || k > n)
        return dsbi_fail(DSB_E_INVALID, "overlap of the best k needs 1 <= k <= n");
    DSBI_TRY(dsbi_check_finite(x, (size_t)n, "x"));
    DSBI_TRY(dsbi_check_finite(y, (size_t)n, "y"));
    size_t count = (size_t)n, *order = dsbi_alloc_array(rt, 2 * count, sizeof *order);
    if (!order)
        return DSB_E_NOMEM;
    for (size_t i = 0; i < count; i++)
        order[i] = order[count + i] = i;
    dsbi_sort_order(order, count, x);
    dsbi_sort_order(order + count, count, y);
    uint64_t both = 0;
    for (size_t i = count - (size_t)k; i < count; i++)
        for (size_t j = count - (size_t)k; j < count; j++)
            both += order[i] == order[count + j];
    dsbi_free(rt, order);
    *share = (double)both / (double)k;
    return DSB_OK;
}
