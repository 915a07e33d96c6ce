/* Accuracy on a new set without its labels.
 *
 *   average confidence   mean of the top probability
 *   DoC                  accuracy_source - (confidence_source - confidence_target)
 *   ATC                  threshold t with #{s_i < t}/n = error on the source; #{s_i >= t}/n there
 *   agreement on the line: slope a, offset b of target on source agreement over pairs of models;
 *     ALine-S  accuracy_i = F(a F^-1(accuracy_source_i) + b)
 *     ALine-D  least squares over pairs of
 *              (z_i + z_j)/2 = g_target + a ((x_i + x_j)/2 - g_source), accuracy_i = F(z_i)
 * Sources: Guillory et al. 2021; Garg et al. 2022; Jiang et al. 2022 (GDE); Baek et al. 2022. */
#include "base/runtime.h"
#include "stats/linalg.h"
#include "stats/ordering.h"
#include "stats/special.h"

dsb_status dsb_stats_atc(dsb_runtime *rt, double *accuracy, double *threshold, const double *source,
                         const uint8_t *right, uint64_t n_source, const double *target,
                         uint64_t n_target)
{
    dsbi_clear_error();
    if (!rt || !accuracy || !source || !right || !target || n_source == 0 || n_target == 0)
        return dsbi_fail(DSB_E_INVALID, "ATC needs scores on both sides and correctness on one");
    DSBI_TRY(dsbi_check_finite(source, (size_t)n_source, "source score"));
    DSBI_TRY(dsbi_check_finite(target, (size_t)n_target, "target score"));
    double *sorted = dsbi_alloc_array(rt, (size_t)n_source, sizeof *sorted);
    if (!sorted)
        return DSB_E_NOMEM;
    size_t wrong = 0, above = 0;
    for (uint64_t i = 0; i < n_source; i++) {
        sorted[i] = source[i];
        wrong += right[i] == 0;
    }
    dsbi_sort_f64(sorted, (size_t)n_source);
    /* as many scores below t as there are errors: the order statistic; ties count as above */
    double t = wrong < n_source ? sorted[wrong] : INFINITY;
    dsbi_free(rt, sorted);
    for (uint64_t i = 0; i < n_target; i++)
        above += target[i] >= t;
    *accuracy = (double)above / (double)n_target;
    if (threshold)
        *threshold = t;
    return DSB_OK;
}

double dsb_stats_doc(double accuracy_source, double confidence_source, double confidence_target)
{
    return dsbi_clamp01(accuracy_source - (confidence_source - confidence_target));
}

dsb_status dsb_stats_agreement(double *share, const uint32_t *a, const uint32_t *b, uint64_t n)
{
    dsbi_clear_error();
    if (!share || !a || !b || n == 0)
        return dsbi_fail(DSB_E_INVALID, "agreement needs two rows of predictions");
    uint64_t same = 0;
    for (uint64_t i = 0; i < n; i++)
        same += a[i] == b[i];
    *share = (double)same / (double)n;
    return DSB_OK;
}

static size_t pair_number(size_t i, size_t j, size_t n)
{
    return i * n - i * (i + 1) / 2 + j - i - 1;
}

dsb_status dsb_stats_agreement_line(dsb_runtime *rt, dsb_stats_line *line, double *estimate_s,
                                    double *estimate_d, const double *accuracy_source,
                                    const double *agreement_source, const double *agreement_target,
                                    uint64_t n_models, uint32_t scale, double alpha)
{
    dsbi_clear_error();
    if (!rt || !line || !accuracy_source || !agreement_source || !agreement_target)
        return dsbi_fail(DSB_E_INVALID, "agreement on the line needs accuracies and agreements");
    if (n_models < 3 || n_models > 5000)
        return dsbi_fail(DSB_E_DATA, "agreement on the line needs 3 to 5,000 models, got %llu",
                         (unsigned long long)n_models);
    size_t n = (size_t)n_models;
    DSBI_TRY(dsb_stats_fit(line, agreement_source, agreement_target, NULL, n * (n - 1) / 2, scale,
                           alpha));
    for (size_t i = 0; estimate_s && i < n; i++)
        estimate_s[i] = dsb_stats_scale_invert(
            line->intercept + line->slope * dsb_stats_scale_apply(accuracy_source[i], scale),
            scale);
    if (!estimate_d)
        return DSB_OK;
    double *normal = dsbi_calloc(rt, n * n, sizeof *normal);
    double *right = dsbi_calloc(rt, n, sizeof *right);
    dsb_status status = normal && right ? DSB_OK : DSB_E_NOMEM;
    for (size_t i = 0; status == DSB_OK && i < n; i++)
        for (size_t j = i + 1; j < n; j++) {
            double gs = dsb_stats_scale_apply(agreement_source[pair_number(i, j, n)], scale);
            double gt = dsb_stats_scale_apply(agreement_target[pair_number(i, j, n)], scale);
            double x = 0.5 * (dsb_stats_scale_apply(accuracy_source[i], scale) +
                              dsb_stats_scale_apply(accuracy_source[j], scale));
            double r = gt + line->slope * (x - gs);
            if (!isfinite(r))
                continue;
            normal[i * n + i] += 0.25;
            normal[j * n + j] += 0.25;
            normal[i * n + j] += 0.25;
            normal[j * n + i] += 0.25;
            right[i] += 0.5 * r;
            right[j] += 0.5 * r;
        }
    if (status == DSB_OK)
        status = dsbi_solve(normal, right, n);
    for (size_t i = 0; status == DSB_OK && i < n; i++)
        estimate_d[i] = dsb_stats_scale_invert(right[i], scale);
    dsbi_free(rt, normal);
    dsbi_free(rt, right);
    return status;
}
