/* Two samples, one question: do they come from the same distribution? Kolmogorov-Smirnov (one or
 * many outputs, as BBSD), chi-square of counts, the classifier two-sample test from scores, means
 * by permutation. Large samples reject everything, so each gives an effect size. Sources: Smirnov
 * 1939, Hodges 1958 (exact p); Rabanser et al. 2019; Lopez-Paz & Oquab 2017; DeLong et al. 1988
 * (interval of AUC). */
#include "base/pool.h"
#include "base/rng.h"
#include "base/runtime.h"
#include "stats/ordering.h"
#include "stats/special.h"

/* P(D >= d) by counting lattice paths that touch |i/m - j/n| >= d; O(m n) time, O(n) memory. */
static dsb_status exact_ks(dsb_runtime *rt, double *p, double d, size_t m, size_t n)
{
    double *inside = dsbi_calloc(rt, n + 1, sizeof *inside);
    if (!inside)
        return DSB_E_NOMEM;
    double limit = d - 1e-9 / (double)(m > n ? m : n) / 2, a = 1 / (double)m, b = 1 / (double)n;
    /* probability, not count: each step is taken with its share of the steps left */
    for (size_t i = 0; i <= m; i++)
        for (size_t j = 0; j <= n; j++) {
            double value = i == 0 && j == 0 ? 1 : 0;
            double left = (double)(m + n - i - j) + 1;
            if (i > 0)
                value += inside[j] * ((double)(m - i) + 1) / left;
            if (j > 0)
                value += inside[j - 1] * ((double)(n - j) + 1) / left;
            inside[j] = fabs((double)i * a - (double)j * b) >= limit ? 0 : value;
        }
    *p = 1 - inside[n];
    if (*p < 1e-9) /* the complement has no digits left */
        *p = NAN;
    dsbi_free(rt, inside);
    return DSB_OK;
}

/* Q(l) = 2 sum (-1)^(j-1) exp(-2 j^2 l^2), with Stephens' correction of l for finite samples */
static double asymptotic_ks(double d, double m, double n)
{
    double root = sqrt(m * n / (m + n)), l = (root + 0.12 + 0.11 / root) * d, sum = 0;
    if (l < 0.2)
        return 1;
    for (int j = 1; j <= 100; j++) {
        double term = exp(-2.0 * j * j * l * l);
        sum += j % 2 ? term : -term;
        if (term < 1e-18 * fabs(sum))
            break;
    }
    return dsbi_clamp01(2 * sum);
}

dsb_status dsb_stats_ks(dsb_runtime *rt, double *d, double *p, const double *x, uint64_t m,
                        const double *y, uint64_t n)
{
    dsbi_clear_error();
    if (!rt || !d || !p || !x || !y)
        return dsbi_fail(DSB_E_INVALID, "KS needs two samples");
    if (m == 0 || n == 0)
        return dsbi_fail(DSB_E_DATA, "KS needs values on both sides");
    DSBI_TRY(dsbi_check_finite(x, (size_t)m, "first sample"));
    DSBI_TRY(dsbi_check_finite(y, (size_t)n, "second sample"));
    double *a = dsbi_alloc_array(rt, (size_t)(m + n), sizeof *a);
    if (!a)
        return DSB_E_NOMEM;
    double *b = a + m;
    for (uint64_t i = 0; i < m; i++)
        a[i] = x[i];
    for (uint64_t i = 0; i < n; i++)
        b[i] = y[i];
    dsbi_sort_f64(a, (size_t)m);
    dsbi_sort_f64(b, (size_t)n);
    double most = 0;
    for (uint64_t i = 0, j = 0; i < m && j < n;) {
        double v = a[i] <= b[j] ? a[i] : b[j]; /* ties move both */
        while (i < m && a[i] == v)
            i++;
        while (j < n && b[j] == v)
            j++;
        most = fmax(most, fabs((double)i / (double)m - (double)j / (double)n));
    }
    *d = most;
    *p = NAN;
    dsb_status status = DSB_OK;
    if (m <= 10000000 / n)
        status = exact_ks(rt, p, most, (size_t)m, (size_t)n);
    if (isnan(*p))
        *p = asymptotic_ks(most, (double)m, (double)n);
    dsbi_free(rt, a);
    return status;
}

dsb_status dsb_stats_ks_outputs(dsb_runtime *rt, double *d, double *p, double *p_corrected,
                                const double *x, uint64_t m, const double *y, uint64_t n,
                                uint64_t n_outputs)
{
    dsbi_clear_error();
    if (!rt || !d || !p || !p_corrected || !x || !y || n_outputs == 0)
        return dsbi_fail(DSB_E_INVALID, "BBSD needs outputs on both sides");
    double *row = dsbi_alloc_array(rt, (size_t)(m + n) + 1, sizeof *row);
    if (!row)
        return DSB_E_NOMEM;
    dsb_status status = DSB_OK;
    double least = 1;
    for (uint64_t k = 0; status == DSB_OK && k < n_outputs; k++) {
        for (uint64_t i = 0; i < m; i++)
            row[i] = x[i * n_outputs + k];
        for (uint64_t i = 0; i < n; i++)
            row[m + i] = y[i * n_outputs + k];
        status = dsb_stats_ks(rt, &d[k], &p[k], row, m, row + m, n);
        least = fmin(least, p[k]);
    }
    *p_corrected = fmin(1, least * (double)n_outputs); /* Bonferroni: outputs are dependent */
    dsbi_free(rt, row);
    return status;
}

dsb_status dsb_stats_homogeneity(double *chi2, double *g, double *df, double *p,
                                 double *total_variation, const uint64_t *a, const uint64_t *b,
                                 uint64_t n_cells)
{
    dsbi_clear_error();
    if (!chi2 || !df || !p || !a || !b)
        return dsbi_fail(DSB_E_INVALID, "homogeneity needs two rows of counts");
    double na = 0, nb = 0, sum = 0, logs = 0, cells = 0, tv = 0;
    for (uint64_t i = 0; i < n_cells; i++) {
        na += (double)a[i];
        nb += (double)b[i];
    }
    if (!(na > 0) || !(nb > 0))
        return dsbi_fail(DSB_E_DATA, "homogeneity needs items on both sides");
    for (uint64_t i = 0; i < n_cells; i++) {
        double x = (double)a[i], y = (double)b[i], both = x + y;
        tv += fabs(x / na - y / nb) / 2;
        if (both == 0) /* a cell empty on both sides says nothing */
            continue;
        double ex = both * na / (na + nb), ey = both * nb / (na + nb);
        sum += (x - ex) * (x - ex) / ex + (y - ey) * (y - ey) / ey;
        logs += 2 * ((x > 0 ? x * log(x / ex) : 0) + (y > 0 ? y * log(y / ey) : 0));
        cells += 1;
    }
    *chi2 = sum;
    *df = cells - 1;
    *p = cells > 1 ? dsb_stats_chi2_sf(sum, cells - 1) : 1;
    if (g)
        *g = logs;
    if (total_variation)
        *total_variation = tv;
    return DSB_OK;
}

dsb_status dsb_stats_auc(dsb_runtime *rt, double *auc, double ci[2], double *p,
                         const double *positive, uint64_t m, const double *negative, uint64_t n,
                         double alpha)
{
    dsbi_clear_error();
    if (!rt || !auc || !positive || !negative)
        return dsbi_fail(DSB_E_INVALID, "AUC needs scores of both classes");
    if (m == 0 || n == 0)
        return dsbi_fail(DSB_E_DATA, "AUC needs items of both classes");
    DSBI_TRY(dsbi_check_alpha(alpha));
    DSBI_TRY(dsbi_check_finite(positive, (size_t)m, "positive score"));
    DSBI_TRY(dsbi_check_finite(negative, (size_t)n, "negative score"));
    size_t a = (size_t)m, b = (size_t)n;
    double *all = dsbi_alloc_array(rt, a + b, 3 * sizeof *all);
    size_t *order = dsbi_alloc_array(rt, a + b, sizeof *order);
    if (!all || !order) {
        dsbi_free(rt, all);
        dsbi_free(rt, order);
        return DSB_E_NOMEM;
    }
    double *rank = all + a + b, *own = rank + a + b;
    for (size_t i = 0; i < a + b; i++)
        all[i] = i < a ? positive[i] : negative[i - a];
    dsbi_rank_average(rank, all, a + b, order);
    dsbi_rank_average(own, all, a, order);
    dsbi_rank_average(own + a, all + a, b, order);
    double sum = 0, ties = 0;
    for (size_t i = 0; i < a; i++)
        sum += rank[i] - own[i]; /* negatives below item i, ties half */
    *auc = sum / ((double)a * (double)b);
    double v10 = 0, v01 = 0; /* DeLong: variances of the placements */
    for (size_t i = 0; i < a; i++) {
        double d = (rank[i] - own[i]) / (double)b - *auc;
        v10 += a > 1 ? d * d / ((double)a - 1) : 0;
    }
    for (size_t i = a; i < a + b; i++) {
        double d = 1 - (rank[i] - own[i]) / (double)a - *auc;
        v01 += b > 1 ? d * d / ((double)b - 1) : 0;
    }
    double se = sqrt(v10 / (double)a + v01 / (double)b), z = dsbi_normal_upper(alpha / 2);
    if (ci) {
        ci[0] = dsbi_clamp01(*auc - z * se);
        ci[1] = dsbi_clamp01(*auc + z * se);
    }
    if (p) { /* Mann-Whitney, normal approximation with the correction for ties, two-sided */
        for (size_t i = 0; i < a + b; i++)
            order[i] = i;
        dsbi_sort_order(order, a + b, all);
        for (size_t i = 0, j; i < a + b; i = j) {
            for (j = i + 1; j < a + b && all[order[j]] == all[order[i]]; j++) {
            }
            double t = (double)(j - i);
            ties += t * t * t - t;
        }
        double total = (double)(a + b), product = (double)a * (double)b;
        double variance = product / 12 * (total + 1 - ties / (total * (total - 1)));
        *p = variance > 0 ? 2 * dsb_stats_normal_sf(fabs(sum - product / 2) / sqrt(variance)) : 1;
        *p = fmin(1, *p);
    }
    dsbi_free(rt, all);
    dsbi_free(rt, order);
    return DSB_OK;
}

dsb_status dsb_stats_permutation_means(dsb_runtime *rt, double *difference, double *p,
                                       const double *x, uint64_t m, const double *y, uint64_t n,
                                       uint64_t n_permutations, uint64_t seed)
{
    dsbi_clear_error();
    if (!rt || !difference || !p || !x || !y || m == 0 || n == 0 || n_permutations == 0)
        return dsbi_fail(DSB_E_INVALID, "permutation of means needs two samples");
    DSBI_TRY(dsbi_check_finite(x, (size_t)m, "first sample"));
    DSBI_TRY(dsbi_check_finite(y, (size_t)n, "second sample"));
    size_t a = (size_t)m, all = (size_t)(m + n);
    double *pool = dsbi_alloc_array(rt, all, 2 * sizeof *pool), total = 0, sum = 0, scale = 0;
    if (!pool)
        return DSB_E_NOMEM;
    for (size_t i = 0; i < all; i++) {
        pool[i] = i < a ? x[i] : y[i - a];
        total += pool[i];
        sum += i < a ? pool[i] : 0;
        scale += fabs(pool[i]);
    }
    double na = (double)m, nb = (double)n;
    *difference = sum / na - (total - sum) / nb;
    double limit = fabs(*difference) - 1e-12 * scale / fmin(na, nb);
    uint64_t at_least = 0;
    for (uint64_t b = 0; b < n_permutations; b++) {
        double *copy = pool + all, part = 0;
        dsbi_rng rng;
        dsbi_rng_init(&rng, seed, DSBI_RNG_RESAMPLE, b);
        for (size_t i = 0; i < all; i++)
            copy[i] = pool[i];
        for (size_t i = 0; i < a; i++) {
            size_t at = i + (size_t)dsbi_rng_below(&rng, all - i);
            double t = copy[i];
            copy[i] = copy[at];
            copy[at] = t;
            part += copy[i];
        }
        at_least += fabs(part / na - (total - part) / nb) >= limit;
    }
    dsbi_free(rt, pool);
    *p = ((double)at_least + 1) / ((double)n_permutations + 1);
    return DSB_OK;
}
