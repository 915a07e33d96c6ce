/* How much of a gap is another mix of classes, how much is lower accuracy within classes.
 *   gap = sum_c w_c a_c - sum_c v_c b_c
 *       = sum_c (w_c - v_c)(a_c + b_c)/2  [composition]  +  sum_c (a_c - b_c)(w_c + v_c)/2  [rate]
 * Direct standardisation: accuracy of one set at class weights of one's choice.
 * Sources: Kitagawa 1955; Oaxaca 1973. Also clustered standard errors (Miller 2024). */
#include "base/runtime.h"
#include "stats/special.h"

dsb_status dsb_stats_composition(double *composition, double *rate, const uint64_t *right_a,
                                 const uint64_t *n_a, const uint64_t *right_b, const uint64_t *n_b,
                                 uint32_t n_classes)
{
    dsbi_clear_error();
    if (!composition || !rate || !right_a || !n_a || !right_b || !n_b)
        return dsbi_fail(DSB_E_INVALID, "composition needs counts of both sets");
    double total_a = 0, total_b = 0, mix = 0, rates = 0;
    for (uint32_t c = 0; c < n_classes; c++) {
        total_a += (double)n_a[c];
        total_b += (double)n_b[c];
    }
    if (!(total_a > 0) || !(total_b > 0))
        return dsbi_fail(DSB_E_DATA, "composition needs items in both sets");
    for (uint32_t c = 0; c < n_classes; c++) {
        double w = (double)n_a[c] / total_a, v = (double)n_b[c] / total_b;
        if (n_a[c] == 0 && n_b[c] == 0)
            continue;
        /* a class that one set lacks has no rate there: the whole of it is composition */
        double a =
            n_a[c] ? (double)right_a[c] / (double)n_a[c] : (double)right_b[c] / (double)n_b[c];
        double b = n_b[c] ? (double)right_b[c] / (double)n_b[c] : a;
        mix += (w - v) * (a + b) / 2;
        rates += (a - b) * (w + v) / 2;
    }
    *composition = mix;
    *rate = rates;
    return DSB_OK;
}

dsb_status dsb_stats_standardised(double *accuracy, double *se, const uint64_t *right,
                                  const uint64_t *n, const double *weights, uint32_t n_classes)
{
    dsbi_clear_error();
    if (!accuracy || !right || !n || !weights)
        return dsbi_fail(DSB_E_INVALID, "standardisation needs counts and weights");
    double sum = 0, total = 0, variance = 0;
    for (uint32_t c = 0; c < n_classes; c++) {
        if (!(weights[c] >= 0))
            return dsbi_fail(DSB_E_INVALID, "weight %g of class %u", weights[c], c);
        total += weights[c];
    }
    if (!(total > 0))
        return dsbi_fail(DSB_E_INVALID, "all class weights are zero");
    for (uint32_t c = 0; c < n_classes; c++) {
        double w = weights[c] / total;
        if (w == 0)
            continue;
        if (n[c] == 0)
            return dsbi_fail(DSB_E_DATA, "class %u has weight but no items", c);
        double p = (double)right[c] / (double)n[c];
        sum += w * p;
        variance += w * w * p * (1 - p) / (double)n[c];
    }
    *accuracy = sum;
    if (se)
        *se = sqrt(variance);
    return DSB_OK;
}

dsb_status dsb_stats_clustered_se(dsb_runtime *rt, double *mean, double *se, double *naive,
                                  const double *x, const uint32_t *cluster, uint64_t n,
                                  uint64_t n_clusters)
{
    dsbi_clear_error();
    if (!rt || !mean || !se || !x || !cluster || n == 0)
        return dsbi_fail(DSB_E_INVALID, "clustered error needs values and clusters");
    DSBI_TRY(dsbi_check_finite(x, (size_t)n, "value"));
    double *sum = dsbi_calloc(rt, (size_t)n_clusters + 1, sizeof *sum);
    if (!sum)
        return DSB_E_NOMEM;
    double m = 0, squares = 0, all = 0;
    for (uint64_t i = 0; i < n; i++)
        m += x[i] / (double)n;
    for (uint64_t i = 0; i < n; i++) {
        if (cluster[i] >= n_clusters) {
            dsbi_free(rt, sum);
            return dsbi_fail(DSB_E_DATA, "item %llu: cluster %u of %llu", (unsigned long long)i,
                             cluster[i], (unsigned long long)n_clusters);
        }
        sum[cluster[i]] += x[i] - m;
        all += (x[i] - m) * (x[i] - m);
    }
    for (uint64_t c = 0; c < n_clusters; c++)
        squares += sum[c] * sum[c];
    dsbi_free(rt, sum);
    *mean = m;
    *se = sqrt(squares) / (double)n;
    if (naive)
        *naive = n > 1 ? sqrt(all / ((double)n - 1) / (double)n) : NAN;
    return DSB_OK;
}
