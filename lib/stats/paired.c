/* Tests for several judgements of the same items: McNemar, Cochran's Q, Bowker, sign flips.
 * All take correctness, never two prediction vectors: right/right, right/wrong ... is what counts.
 * Sources: McNemar 1947; Fagerland, Lydersen & Laake 2013 (mid-p); Cochran 1950; Bowker 1948. */
#include "base/pool.h"
#include "base/rng.h"
#include "base/runtime.h"
#include "stats/special.h"

dsb_status dsb_stats_mcnemar(double *p, uint64_t n10, uint64_t n01, uint32_t form)
{
    dsbi_clear_error();
    if (!p)
        return dsbi_fail(DSB_E_INVALID, "no place for the p-value");
    if (n10 > (uint64_t)1 << 52 || n01 > (uint64_t)1 << 52)
        return dsbi_fail(DSB_E_LIMIT, "discordant counts above 2^52");
    uint64_t m = n10 + n01, low = n10 < n01 ? n10 : n01;
    double diff = fabs((double)n10 - (double)n01);
    *p = 1;
    switch (form) {
    case DSB_STATS_MCNEMAR_EXACT:
        if (n10 != n01)
            *p = fmin(1, 2 * dsbi_binomial_lower(low, m, 0.5));
        return DSB_OK;
    case DSB_STATS_MCNEMAR_MIDP: /* equal counts: 1 - P(X = low)/2, Fagerland's rule */
        if (m == 0)
            return DSB_OK;
        if (n10 == n01)
            *p = 1 - 0.5 * dsbi_binomial_pmf(low, m, 0.5);
        else
            *p = 2 * dsbi_binomial_lower(low, m, 0.5) - dsbi_binomial_pmf(low, m, 0.5);
        return DSB_OK;
    case DSB_STATS_MCNEMAR_CHI2:
        if (m > 0)
            *p = dsb_stats_chi2_sf(diff * diff / (double)m, 1);
        return DSB_OK;
    case DSB_STATS_MCNEMAR_CORRECTED:
        diff = diff > 1 ? diff - 1 : 0;
        if (m > 0)
            *p = dsb_stats_chi2_sf(diff * diff / (double)m, 1);
        return DSB_OK;
    default:
        return dsbi_fail(DSB_E_INVALID, "form %u is none of DSB_STATS_MCNEMAR_*", form);
    }
}

dsb_status dsb_stats_paired_counts(uint64_t table[4], const uint8_t *right_a,
                                   const uint8_t *right_b, uint64_t n)
{
    dsbi_clear_error();
    if (!table || (n > 0 && (!right_a || !right_b)))
        return dsbi_fail(DSB_E_INVALID, "paired counts need two arrays");
    uint64_t counts[4] = {0, 0, 0, 0};
    for (uint64_t i = 0; i < n; i++) {
        if (right_a[i] > 1 || right_b[i] > 1)
            return dsbi_fail(DSB_E_DATA, "item %llu: correctness must be 0 or 1",
                             (unsigned long long)i);
        counts[2 * (1 - right_a[i]) + (1 - right_b[i])]++;
    }
    for (int i = 0; i < 4; i++)
        table[i] = counts[i];
    return DSB_OK;
}

dsb_status dsb_stats_cochran_q(double *q, double *p, const uint8_t *right, uint64_t n_models,
                               uint64_t n_items)
{
    dsbi_clear_error();
    if (!q || !p || !right)
        return dsbi_fail(DSB_E_INVALID, "Cochran's Q needs an array and places to write");
    if (n_models < 2)
        return dsbi_fail(DSB_E_DATA, "Cochran's Q compares at least two models, got %llu",
                         (unsigned long long)n_models);
    double k = (double)n_models, sum = 0, squares = 0, rows = 0;
    for (uint64_t m = 0; m < n_models; m++) {
        double g = 0;
        for (uint64_t i = 0; i < n_items; i++)
            g += right[m * n_items + i];
        sum += g;
        squares += g * g;
    }
    for (uint64_t i = 0; i < n_items; i++) {
        double l = 0;
        for (uint64_t m = 0; m < n_models; m++)
            l += right[m * n_items + i];
        rows += l * l;
    }
    double below = k * sum - rows;
    *q = below > 0 ? (k - 1) * (k * squares - sum * sum) / below : 0;
    *p = below > 0 ? dsb_stats_chi2_sf(*q, k - 1) : 1;
    return DSB_OK;
}

dsb_status dsb_stats_bowker(double *chi2, double *df, double *p, const uint64_t *table,
                            uint32_t n_classes)
{
    dsbi_clear_error();
    if (!chi2 || !df || !p || !table)
        return dsbi_fail(DSB_E_INVALID, "Bowker's test needs a table and places to write");
    double sum = 0, pairs = 0;
    for (size_t i = 0; i < n_classes; i++)
        for (size_t j = i + 1; j < n_classes; j++) {
            double a = (double)table[i * n_classes + j], b = (double)table[j * n_classes + i];
            if (a + b > 0) { /* an empty pair says nothing and takes no degree of freedom */
                sum += (a - b) * (a - b) / (a + b);
                pairs += 1;
            }
        }
    *chi2 = sum;
    *df = pairs;
    *p = pairs > 0 ? dsb_stats_chi2_sf(sum, pairs) : 1;
    return DSB_OK;
}

typedef struct flip_job {
    const double *difference; /* [n] */
    uint64_t n, n_permutations, seed;
    double seen;
    uint64_t *at_least; /* [tasks] */
} flip_job;

enum { FLIPS_PER_TASK = 256 };

static dsb_status flip_task(void *user, size_t task, size_t worker)
{
    flip_job *job = user;
    (void)worker;
    uint64_t first = (uint64_t)task * FLIPS_PER_TASK, last = first + FLIPS_PER_TASK, count = 0;
    if (last > job->n_permutations)
        last = job->n_permutations;
    for (uint64_t b = first; b < last; b++) {
        dsbi_rng rng;
        dsbi_rng_init(&rng, job->seed, DSBI_RNG_RESAMPLE, b);
        double sum = 0;
        for (uint64_t i = 0; i < job->n;) {
            uint64_t bits = dsbi_rng_u64(&rng);
            for (int j = 0; j < 64 && i < job->n; j++, i++)
                sum += bits >> j & 1 ? job->difference[i] : -job->difference[i];
        }
        count += fabs(sum) >= job->seen;
    }
    job->at_least[task] = count;
    return DSB_OK;
}

dsb_status dsb_stats_sign_flip(dsb_runtime *rt, double *p, const double *difference, uint64_t n,
                               uint64_t n_permutations, uint64_t seed)
{
    dsbi_clear_error();
    if (!rt || !p || (n > 0 && !difference) || n_permutations == 0)
        return dsbi_fail(DSB_E_INVALID, "sign flips need differences and permutations >= 1");
    DSBI_TRY(dsbi_check_finite(difference, (size_t)n, "difference"));
    double seen = 0, scale = 0;
    for (uint64_t i = 0; i < n; i++) {
        seen += difference[i];
        scale += fabs(difference[i]);
    }
    size_t n_tasks = (size_t)((n_permutations + FLIPS_PER_TASK - 1) / FLIPS_PER_TASK);
    uint64_t *at_least = dsbi_calloc(rt, n_tasks, sizeof *at_least);
    if (!at_least)
        return DSB_E_NOMEM;
    /* equal sums may differ in the last bits by the order of rounding: count them as ties */
    flip_job job = {difference, n, n_permutations, seed, fabs(seen) - 1e-12 * scale, at_least};
    dsb_status status = dsbi_parallel(rt, n_tasks, flip_task, &job);
    uint64_t total = 0;
    for (size_t i = 0; i < n_tasks; i++)
        total += at_least[i];
    dsbi_free(rt, at_least);
    if (status == DSB_OK)
        *p = ((double)total + 1) / ((double)n_permutations + 1);
    return status;
}
