/* Class shares of a new set without its labels, assuming p(x|y) stayed as it was.
 *
 * BBSE:  C[i,j] = P_S(predicted i, true j),  mu[i] = P_T(predicted i),  w = C^-1 mu,  q = w p(y).
 * RLLS:  w = 1 + theta,  theta = argmin |C theta - (mu - C 1)|^2 + Delta |theta|^2.
 * EM:    q[y] <- mean_x (q[y]/p[y] p(y|x)) / sum_c (q[c]/p[c] p(c|x)); needs calibrated p(y|x).
 * Where the assumption fails the numbers are wrong and look fine; a negative share is the one sign
 * that BBSE gives by itself.
 * Sources: Lipton et al. 2018; Azizzadenesheli et al. 2019; Saerens et al. 2002. */
#include "base/rng.h"
#include "base/runtime.h"
#include "stats/linalg.h"
#include "stats/ordering.h"
#include "stats/resampling.h"
#include "stats/special.h"

/* joint [K, K] (rows predicted, columns true), mu [K], prior [K] */
static dsb_status prepare(double *joint, double *mu, double *prior, const uint64_t *confusion,
                          const uint64_t *predicted, size_t k)
{
    double n = 0, m = 0;
    for (size_t i = 0; i < k * k; i++)
        n += (double)confusion[i];
    for (size_t i = 0; i < k; i++)
        m += (double)predicted[i];
    if (!(n > 0) || !(m > 0))
        return dsbi_fail(DSB_E_DATA, "label shift needs items on both sides");
    for (size_t truth = 0; truth < k; truth++) {
        prior[truth] = 0;
        for (size_t p = 0; p < k; p++) {
            joint[p * k + truth] = (double)confusion[truth * k + p] / n;
            prior[truth] += joint[p * k + truth];
        }
    }
    for (size_t i = 0; i < k; i++)
        mu[i] = (double)predicted[i] / m;
    return DSB_OK;
}

dsb_status dsb_stats_bbse(dsb_runtime *rt, double *weights, double *shares, double *condition,
                          const uint64_t *confusion, const uint64_t *predicted, uint32_t n_classes)
{
    dsbi_clear_error();
    if (!rt || !weights || !shares || !confusion || !predicted || n_classes == 0)
        return dsbi_fail(DSB_E_INVALID, "BBSE needs a confusion matrix and places to write");
    size_t k = n_classes;
    double *joint = dsbi_alloc_array(rt, k * k + 1, 2 * sizeof *joint);
    double *prior = dsbi_alloc_array(rt, k, 2 * sizeof *prior);
    dsb_status status = joint && prior ? DSB_OK : DSB_E_NOMEM;
    if (status == DSB_OK)
        status = prepare(joint, weights, prior, confusion, predicted, k);
    if (status == DSB_OK && condition) {
        for (size_t i = 0; i < k * k; i++)
            joint[k * k + i] = joint[i];
        dsbi_singular_values(prior + k, joint + k * k, k);
        *condition = prior[2 * k - 1] > 0 ? prior[k] / prior[2 * k - 1] : INFINITY;
    }
    if (status == DSB_OK)
        status = dsbi_fail_at(dsbi_solve(joint, weights, k),
                              "the classifier does not tell all classes apart");
    for (size_t i = 0; status == DSB_OK && i < k; i++)
        shares[i] = weights[i] * prior[i];
    dsbi_free(rt, joint);
    dsbi_free(rt, prior);
    return status;
}

dsb_status dsb_stats_rlls(dsb_runtime *rt, double *weights, double *shares,
                          const uint64_t *confusion, const uint64_t *predicted, uint32_t n_classes,
                          double regularisation)
{
    dsbi_clear_error();
    if (!rt || !weights || !shares || !confusion || !predicted || n_classes == 0 ||
        !(regularisation >= 0))
        return dsbi_fail(DSB_E_INVALID, "RLLS needs a confusion matrix, a place to write and a "
                                        "regularisation of at least 0");
    size_t k = n_classes;
    double *joint = dsbi_alloc_array(rt, k * k, 2 * sizeof *joint);
    double *mu = dsbi_alloc_array(rt, k, 2 * sizeof *mu);
    dsb_status status = joint && mu ? DSB_OK : DSB_E_NOMEM;
    if (status == DSB_OK)
        status = prepare(joint, mu, mu + k, confusion, predicted, k);
    if (status == DSB_OK) {
        double *normal = joint + k * k;
        for (size_t i = 0; i < k; i++)
            for (size_t j = 0; j < k; j++)
                mu[i] -= joint[i * k + j];
        for (size_t i = 0; i < k; i++) {
            weights[i] = 0;
            for (size_t r = 0; r < k; r++)
                weights[i] += joint[r * k + i] * mu[r];
            for (size_t j = 0; j < k; j++) {
                normal[i * k + j] = i == j ? regularisation : 0;
                for (size_t r = 0; r < k; r++)
                    normal[i * k + j] += joint[r * k + i] * joint[r * k + j];
            }
        }
        status = dsbi_solve(normal, weights, k);
    }
    for (size_t i = 0; status == DSB_OK && i < k; i++) {
        weights[i] += 1;
        shares[i] = weights[i] * mu[k + i];
    }
    dsbi_free(rt, joint);
    dsbi_free(rt, mu);
    return status;
}

/* Multinomial draw of `total` among cells: conditional binomials would be faster; totals are test
 * sets of at most some ten thousands, so items are drawn one by one from the cumulative sum. */
static void draw_counts(uint64_t *out, const uint64_t *cumulative, size_t n, uint64_t total,
                        dsbi_rng *rng)
{
    for (size_t i = 0; i < n; i++)
        out[i] = 0;
    for (uint64_t d = 0; d < total; d++) {
        uint64_t u = dsbi_rng_below(rng, total);
        size_t lo = 0, hi = n - 1;
        while (lo < hi) { /* first cell whose cumulative count exceeds u */
            size_t mid = (lo + hi) / 2;
            if (cumulative[mid] > u)
                hi = mid;
            else
                lo = mid + 1;
        }
        out[lo]++;
    }
}

/* Percentiles of draws [n_classes, room], the first `good` of each row. */
static void percentiles(double *low, double *high, double *draws, size_t k, size_t room,
                        size_t good, double alpha)
{
    for (size_t c = 0; c < k; c++) {
        dsbi_sort_f64(draws + c * room, good);
        low[c] = dsbi_quantile(draws + c * room, good, alpha / 2);
        high[c] = dsbi_quantile(draws + c * room, good, 1 - alpha / 2);
    }
}

/* regularisation < 0: BBSE */
static dsb_status interval_from_counts(dsb_runtime *rt, double *low, double *high,
                                       const uint64_t *confusion, const uint64_t *predicted,
                                       uint32_t n_classes, double regularisation, double alpha,
                                       uint64_t n_replicates, uint64_t seed)
{
    if (!rt || !low || !high || !confusion || !predicted || n_classes == 0 || n_replicates < 2)
        return dsbi_fail(DSB_E_INVALID, "the interval needs counts and two replicates or more");
    DSBI_TRY(dsbi_check_alpha(alpha));
    size_t k = n_classes, kk = k * k, count = (size_t)n_replicates, good = 0;
    uint64_t *cells = dsbi_alloc_array(rt, 2 * (kk + k), sizeof *cells);
    double *draws = dsbi_alloc_array(rt, count * k, sizeof *draws);
    double *work = dsbi_alloc_array(rt, 2 * k, sizeof *work);
    dsb_status status = cells && draws && work ? DSB_OK : DSB_E_NOMEM;
    if (status == DSB_OK) {
        uint64_t *sum_c = cells + kk + k, *sum_p = sum_c + kk, n = 0, m = 0;
        for (size_t i = 0; i < kk; i++)
            sum_c[i] = n += confusion[i];
        for (size_t i = 0; i < k; i++)
            sum_p[i] = m += predicted[i];
        for (size_t b = 0; b < count && n > 0 && m > 0; b++) {
            dsbi_rng rng;
            dsbi_rng_init(&rng, seed, DSBI_RNG_RESAMPLE, b);
            draw_counts(cells, sum_c, kk, n, &rng);
            draw_counts(cells + kk, sum_p, k, m, &rng);
            if ((regularisation < 0
                     ? dsb_stats_bbse(rt, work, work + k, NULL, cells, cells + kk, n_classes)
                     : dsb_stats_rlls(rt, work, work + k, cells, cells + kk, n_classes,
                                      regularisation)) != DSB_OK)
                continue;
            for (size_t c = 0; c < k; c++)
                draws[c * count + good] = work[k + c];
            good++;
        }
        dsbi_clear_error();
        if (good < 2)
            status = dsbi_fail(DSB_E_NUMERIC, "the system is singular in nearly all replicates");
    }
    if (status == DSB_OK)
        percentiles(low, high, draws, k, count, good, alpha);
    dsbi_free(rt, cells);
    dsbi_free(rt, draws);
    dsbi_free(rt, work);
    return status;
}

dsb_status dsb_stats_bbse_interval(dsb_runtime *rt, double *low, double *high,
                                   const uint64_t *confusion, const uint64_t *predicted,
                                   uint32_t n_classes, double alpha, uint64_t n_replicates,
                                   uint64_t seed)
{
    dsbi_clear_error();
    return interval_from_counts(rt, low, high, confusion, predicted, n_classes, -1, alpha,
                                n_replicates, seed);
}

dsb_status dsb_stats_rlls_interval(dsb_runtime *rt, double *low, double *high,
                                   const uint64_t *confusion, const uint64_t *predicted,
                                   uint32_t n_classes, double regularisation, double alpha,
                                   uint64_t n_replicates, uint64_t seed)
{
    dsbi_clear_error();
    if (!(regularisation >= 0))
        return dsbi_fail(DSB_E_INVALID, "a regularisation of %g", regularisation);
    return interval_from_counts(rt, low, high, confusion, predicted, n_classes, regularisation,
                                alpha, n_replicates, seed);
}

/* weight [n]: how often each item counts; NULL: once. next [K] is work. */
static dsb_status run_em(double *shares, double *next, uint64_t *n_rounds, const double *prior,
                         const double *probabilities, const uint32_t *weight, uint64_t n, size_t k,
                         uint64_t max_rounds)
{
    double total = 0;
    for (size_t c = 0; c < k; c++)
        total += prior[c];
    for (size_t c = 0; c < k; c++)
        shares[c] = prior[c] / total;
    uint64_t round = 0;
    for (double moved = 1; moved > 1e-12 && round < max_rounds; round++) {
        for (size_t c = 0; c < k; c++)
            next[c] = 0;
        for (uint64_t i = 0; i < n; i++) {
            double sum = 0, times = weight ? weight[i] : 1;
            if (times == 0)
                continue;
            for (size_t c = 0; c < k; c++)
                sum += prior[c] > 0 ? shares[c] / prior[c] * probabilities[i * k + c] : 0;
            if (!(sum > 0) || !isfinite(sum))
                return dsbi_fail(DSB_E_NUMERIC, "item %llu: probabilities give no class",
                                 (unsigned long long)i);
            for (size_t c = 0; c < k; c++)
                if (prior[c] > 0)
                    next[c] += times * shares[c] / prior[c] * probabilities[i * k + c] / sum;
        }
        moved = 0;
        for (size_t c = 0; c < k; c++) {
            next[c] /= (double)n;
            moved = fmax(moved, fabs(next[c] - shares[c]));
            shares[c] = next[c];
        }
    }
    *n_rounds = round;
    return DSB_OK;
}

dsb_status dsb_stats_label_em(dsb_runtime *rt, double *shares, uint64_t *n_rounds,
                              const double *prior, const double *probabilities, uint64_t n,
                              uint32_t n_classes, uint64_t max_rounds)
{
    dsbi_clear_error();
    if (!rt || !shares || !prior || !probabilities || n == 0 || n_classes == 0)
        return dsbi_fail(DSB_E_INVALID, "label EM needs probabilities and a prior");
    double *next = dsbi_alloc_array(rt, n_classes, sizeof *next);
    uint64_t rounds;
    if (!next)
        return DSB_E_NOMEM;
    dsb_status status =
        run_em(shares, next, &rounds, prior, probabilities, NULL, n, n_classes, max_rounds);
    if (status == DSB_OK && n_rounds)
        *n_rounds = rounds;
    dsbi_free(rt, next);
    return status;
}

dsb_status dsb_stats_label_em_interval(dsb_runtime *rt, double *low, double *high,
                                       const double *prior, const double *probabilities, uint64_t n,
                                       uint32_t n_classes, uint64_t max_rounds, double alpha,
                                       uint64_t n_replicates, uint64_t seed)
{
    dsbi_clear_error();
    if (!rt || !low || !high || !prior || !probabilities || n == 0 || n_classes == 0 ||
        n_replicates < 2)
        return dsbi_fail(DSB_E_INVALID, "the interval needs probabilities, a prior and two "
                                        "replicates or more");
    DSBI_TRY(dsbi_check_alpha(alpha));
    size_t k = n_classes, count = (size_t)n_replicates;
    double *draws = dsbi_alloc_array(rt, (count + 2) * k, sizeof *draws);
    uint32_t *weight = dsbi_alloc_array(rt, (size_t)n, sizeof *weight);
    dsb_status status = draws && weight ? DSB_OK : DSB_E_NOMEM;
    for (size_t b = 0; status == DSB_OK && b < count; b++) {
        double *shares = draws + count * k;
        uint64_t rounds;
        dsbi_rng rng;
        dsbi_rng_init(&rng, seed, DSBI_RNG_RESAMPLE, b);
        for (uint64_t i = 0; i < n; i++)
            weight[i] = 0;
        for (uint64_t i = 0; i < n; i++)
            weight[dsbi_rng_below(&rng, n)]++;
        status =
            run_em(shares, shares + k, &rounds, prior, probabilities, weight, n, k, max_rounds);
        for (size_t c = 0; status == DSB_OK && c < k; c++)
            draws[c * count + b] = shares[c];
    }
    if (status == DSB_OK)
        percentiles(low, high, draws, k, count, count, alpha);
    dsbi_free(rt, draws);
    dsbi_free(rt, weight);
    return status;
}
