/* Splits for cross-validation and what may be concluded from them.
 * Folds differ by at most one item, overall and within each class: classes are shuffled apart and
 * dealt round in one go, so the dealer's place carries over from class to class. Groups stay whole:
 * largest first, each to the fold where it disturbs the balance least.
 * Iterated k-fold with shuffling (Chollet): other seeds; the P K scores are correlated, so their
 * interval is Nadeau & Bengio's. Sources: Nadeau & Bengio 2003; Dietterich 1998; Alpaydin 1999. */
#include "base/rng.h"
#include "base/runtime.h"
#include "stats/ordering.h"
#include "stats/special.h"

static dsb_status deal_items(dsb_runtime *rt, uint32_t *fold, uint64_t n, uint32_t k,
                             const uint32_t *strata, uint64_t seed, uint64_t repeat)
{
    uint32_t *order = dsbi_alloc_array(rt, (size_t)n, sizeof *order);
    double *key = dsbi_alloc_array(rt, (size_t)n, sizeof *key);
    size_t *sorted = dsbi_alloc_array(rt, (size_t)n, sizeof *sorted);
    if (!order || !key || !sorted) {
        dsbi_free(rt, order);
        dsbi_free(rt, key);
        dsbi_free(rt, sorted);
        return DSB_E_NOMEM;
    }
    dsbi_rng rng;
    dsbi_rng_init(&rng, seed, DSBI_RNG_SPLIT, repeat);
    for (uint64_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    dsbi_rng_shuffle_u32(&rng, order, (size_t)n); /* every class gets its own permutation */
    for (uint64_t i = 0; i < n; i++) {
        key[i] = strata ? (double)strata[order[i]] : 0;
        sorted[i] = (size_t)i;
    }
    dsbi_sort_order(sorted, (size_t)n, key); /* ties keep the shuffled order */
    for (uint64_t i = 0; i < n; i++)
        fold[order[sorted[i]]] = (uint32_t)(i % k);
    dsbi_free(rt, order);
    dsbi_free(rt, key);
    dsbi_free(rt, sorted);
    return DSB_OK;
}

typedef struct group_table {
    uint64_t *count; /* [n_groups, n_strata] */
    uint64_t *size;  /* [n_groups] */
    uint64_t *have;  /* [k, n_strata + 1]: per class, then all */
    double *key;     /* [n_groups] minus size, with a random fraction */
    size_t *order;   /* [n_groups] */
    uint32_t *home;  /* [n_groups] */
} group_table;

static double disturbance(const group_table *t, uint32_t f, size_t group, size_t n_strata,
                          const double *share, double k)
{
    double sum = 0;
    const uint64_t *have = t->have + f * (n_strata + 1);
    for (size_t s = 0; s <= n_strata; s++) {
        double add = s < n_strata ? (double)t->count[group * n_strata + s] : (double)t->size[group];
        if (!(share[s] > 0))
            continue;
        double now = (double)have[s] * k / share[s], then = ((double)have[s] + add) * k / share[s];
        sum += then * then - now * now;
    }
    return sum;
}

static dsb_status deal_groups(dsb_runtime *rt, uint32_t *fold, uint64_t n, uint32_t k,
                              const uint32_t *strata, size_t n_strata, const uint32_t *groups,
                              size_t n_groups, uint64_t seed, uint64_t repeat)
{
    group_table t = {dsbi_calloc(rt, n_groups * n_strata + 1, sizeof *t.count),
                     dsbi_calloc(rt, n_groups, sizeof *t.size),
                     dsbi_calloc(rt, k * (n_strata + 1), sizeof *t.have),
                     dsbi_alloc_array(rt, n_groups, sizeof *t.key),
                     dsbi_alloc_array(rt, n_groups, sizeof *t.order),
                     dsbi_alloc_array(rt, n_groups, sizeof *t.home)};
    double *share = dsbi_calloc(rt, n_strata + 1, sizeof *share);
    dsb_status status =
        t.count && t.size && t.have && t.key && t.order && t.home && share ? DSB_OK : DSB_E_NOMEM;
    size_t used = 0;
    for (uint64_t i = 0; status == DSB_OK && i < n; i++) {
        size_t s = strata ? strata[i] : 0;
        t.count[groups[i] * n_strata + s]++;
        t.size[groups[i]]++;
        share[s] += 1;
        share[n_strata] += 1;
    }
    dsbi_rng rng;
    dsbi_rng_init(&rng, seed, DSBI_RNG_SPLIT, repeat);
    for (size_t g = 0; status == DSB_OK && g < n_groups; g++)
        if (t.size[g] > 0) {
            t.key[g] = -(double)t.size[g] - 0.5 * dsbi_rng_uniform(&rng);
            t.order[used++] = g;
        }
    if (status == DSB_OK && used < k)
        status = dsbi_fail(DSB_E_DATA, "%zu groups cannot fill %u folds", used, k);
    if (status == DSB_OK)
        dsbi_sort_order(t.order, used, t.key);
    for (size_t i = 0; status == DSB_OK && i < used; i++) {
        size_t g = t.order[i];
        uint32_t best = 0;
        double least = INFINITY;
        size_t empty = 0, left = used - i;
        for (uint32_t f = 0; f < k; f++)
            empty += t.have[f * (n_strata + 1) + n_strata] == 0;
        for (uint32_t f = 0; f < k; f++) {
            bool is_empty = t.have[f * (n_strata + 1) + n_strata] == 0;
            if (!is_empty && empty >= left)
                continue; /* the rest is needed so that no fold stays empty */
            double cost = disturbance(&t, f, g, n_strata, share, k);
            if (cost < least) {
                least = cost;
                best = f;
            }
        }
        t.home[g] = best;
        for (size_t s = 0; s < n_strata; s++)
            t.have[best * (n_strata + 1) + s] += t.count[g * n_strata + s];
        t.have[best * (n_strata + 1) + n_strata] += t.size[g];
    }
    for (uint64_t i = 0; status == DSB_OK && i < n; i++)
        fold[i] = t.home[groups[i]];
    dsbi_free(rt, t.count);
    dsbi_free(rt, t.size);
    dsbi_free(rt, t.have);
    dsbi_free(rt, t.key);
    dsbi_free(rt, t.order);
    dsbi_free(rt, t.home);
    dsbi_free(rt, share);
    return status;
}

static size_t values_below(const uint32_t *x, uint64_t n)
{
    uint32_t most = 0;
    for (uint64_t i = 0; x && i < n; i++)
        most = x[i] > most ? x[i] : most;
    return (size_t)most + 1;
}

dsb_status dsb_stats_folds(dsb_runtime *rt, uint32_t *fold, uint64_t n, uint32_t k,
                           const uint32_t *strata, const uint32_t *groups, uint64_t seed,
                           uint64_t repeat)
{
    dsbi_clear_error();
    if (!rt || !fold || k < 2)
        return dsbi_fail(DSB_E_INVALID, "folds need a place to write and two folds or more");
    if (n < k || n > UINT32_MAX)
        return dsbi_fail(DSB_E_DATA, "%llu items cannot fill %u folds", (unsigned long long)n, k);
    size_t n_strata = values_below(strata, n), n_groups = values_below(groups, n);
    if (n_strata > 1000000 || n_groups > 100000000 || n_strata * (groups ? n_groups : 1) > 1u << 30)
        return dsbi_fail(DSB_E_LIMIT, "class or group numbers are too large: number them from 0");
    if (groups)
        return deal_groups(rt, fold, n, k, strata, n_strata, groups, n_groups, seed, repeat);
    return deal_items(rt, fold, n, k, strata, seed, repeat);
}

dsb_status dsb_stats_corrected_cv(double *mean, double *se, double ci[2], const double *score,
                                  uint64_t n_scores, double n_train, double n_test, double alpha)
{
    dsbi_clear_error();
    if (!mean || !ci || !score || !(n_train > 0) || !(n_test > 0))
        return dsbi_fail(DSB_E_INVALID, "corrected interval needs scores and split sizes");
    if (n_scores < 2)
        return dsbi_fail(DSB_E_DATA, "a corrected interval needs two scores");
    DSBI_TRY(dsbi_check_alpha(alpha));
    DSBI_TRY(dsbi_check_finite(score, (size_t)n_scores, "score"));
    double j = (double)n_scores, m = 0, squares = 0;
    for (uint64_t i = 0; i < n_scores; i++)
        m += score[i] / j;
    for (uint64_t i = 0; i < n_scores; i++)
        squares += (score[i] - m) * (score[i] - m);
    double error = sqrt((1 / j + n_test / n_train) * squares / (j - 1));
    double t = dsb_stats_t_quantile(1 - alpha / 2, j - 1);
    *mean = m;
    if (se)
        *se = error;
    ci[0] = m - t * error;
    ci[1] = m + t * error;
    return DSB_OK;
}

dsb_status dsb_stats_five_by_two(double *t, double *p_t, double *f, double *p_f,
                                 const double *difference)
{
    dsbi_clear_error();
    if (!t || !p_t || !f || !p_f || !difference)
        return dsbi_fail(DSB_E_INVALID, "5x2cv needs ten differences and places to write");
    DSBI_TRY(dsbi_check_finite(difference, 10, "difference"));
    double variance = 0, squares = 0;
    for (int i = 0; i < 5; i++) {
        double a = difference[2 * i], b = difference[2 * i + 1], mean = (a + b) / 2;
        variance += (a - mean) * (a - mean) + (b - mean) * (b - mean);
        squares += a * a + b * b;
    }
    bool flat = !(variance > 0);
    *t = flat ? 0 : difference[0] / sqrt(variance / 5);
    *p_t = flat ? 1 : 2 * dsb_stats_t_sf(fabs(*t), 5);
    *f = flat ? 0 : squares / (2 * variance);
    *p_f = flat ? 1 : dsb_stats_f_sf(*f, 10, 5);
    return DSB_OK;
}

dsb_status dsb_stats_apportion(dsb_runtime *rt, uint64_t *seats, const double *weight,
                               uint64_t n_parts, uint64_t total)
{
    dsbi_clear_error();
    if (!rt || !seats || !weight || n_parts == 0)
        return dsbi_fail(DSB_E_INVALID, "apportionment needs weights and a place to write");
    double sum = 0;
    for (uint64_t i = 0; i < n_parts; i++) {
        if (!(weight[i] >= 0) || !isfinite(weight[i]))
            return dsbi_fail(DSB_E_INVALID, "weight %llu is %g", (unsigned long long)i, weight[i]);
        sum += weight[i];
    }
    if (!(sum > 0) || total > (uint64_t)1 << 52)
        return dsbi_fail(DSB_E_DATA, "all weights are zero, or more than 2^52 seats");
    double *rest = dsbi_alloc_array(rt, (size_t)n_parts, sizeof *rest);
    size_t *order = dsbi_alloc_array(rt, (size_t)n_parts, sizeof *order);
    if (!rest || !order) {
        dsbi_free(rt, rest);
        dsbi_free(rt, order);
        return DSB_E_NOMEM;
    }
    uint64_t given = 0;
    for (uint64_t i = 0; i < n_parts; i++) {
        double exact = (double)total * (weight[i] / sum);
        double whole = floor(exact + 1e-9); /* 3 - 1 ulp is 3 */
        seats[i] = (uint64_t)whole;
        given += seats[i];
        rest[i] = -(exact - whole); /* sorted upwards: largest remainder first, ties by index */
        order[i] = (size_t)i;
    }
    dsbi_sort_order(order, (size_t)n_parts, rest);
    for (size_t i = 0; given < total; i = (i + 1) % (size_t)n_parts, given++)
        seats[order[i]]++;
    dsbi_free(rt, rest);
    dsbi_free(rt, order);
    return DSB_OK;
}
