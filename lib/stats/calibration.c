/* Calibration: does a confidence of 80 % mean 80 % right?
 *
 *   ECE = sum_b n_b/n |acc_b - conf_b|,  MCE = max_b |acc_b - conf_b|
 *   equal width: bin b holds (b/B, (b+1)/B], the first is closed on both sides;
 *   equal mass: sorted by confidence (ties in input order), rank r = 0 .. n-1 falls into floor(r B
 * / n) debiased: sqrt(sum_b n_b/n ((acc_b - conf_b)^2 - acc_b (1 - acc_b)/(n_b - 1))), at least 0
 * Empty bins weigh nothing. Sources: Naeini et al. 2015; Guo et al. 2017; Nixon et al. 2019; Kumar
 * et al. 2019; Brier 1950; Murphy 1973; Dimitriadis et al. 2021 (CORP). */
#include "base/runtime.h"
#include "stats/ordering.h"
#include "stats/special.h"

static dsb_status check_confidence(const double *confidence, const uint8_t *right, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        if (!(confidence[i] >= 0) || !(confidence[i] <= 1))
            return dsbi_fail(DSB_E_DATA, "item %llu: confidence %g is not in [0, 1]",
                             (unsigned long long)i, confidence[i]);
        if (right[i] > 1)
            return dsbi_fail(DSB_E_DATA, "item %llu: correctness must be 0 or 1",
                             (unsigned long long)i);
    }
    return DSB_OK;
}

static size_t width_bin(double confidence, size_t n_bins)
{
    size_t b = (size_t)ceil(confidence * (double)n_bins);
    b = b > 0 ? b - 1 : 0;
    /* the product rounds; the edges decide */
    while (b > 0 && confidence <= (double)b / (double)n_bins)
        b--;
    while (b + 1 < n_bins && confidence > (double)(b + 1) / (double)n_bins)
        b++;
    return b;
}

dsb_status dsb_stats_reliability(dsb_runtime *rt, uint64_t *count, double *confidence_mean,
                                 double *accuracy, const double *confidence, const uint8_t *right,
                                 uint64_t n, uint64_t n_bins, uint32_t binning)
{
    dsbi_clear_error();
    if (!rt || !count || !confidence_mean || !accuracy || (n > 0 && (!confidence || !right)) ||
        n_bins == 0 || n_bins > 1000000 || binning > DSB_STATS_BINS_EQUAL_MASS)
        return dsbi_fail(DSB_E_INVALID, "reliability needs arrays and 1 to 1,000,000 bins");
    DSBI_TRY(check_confidence(confidence, right, n));
    size_t items = (size_t)n, bins = (size_t)n_bins;
    size_t *order = dsbi_alloc_array(rt, items + 1, sizeof *order);
    if (!order)
        return DSB_E_NOMEM;
    for (size_t i = 0; i < items; i++)
        order[i] = i;
    if (binning == DSB_STATS_BINS_EQUAL_MASS)
        dsbi_sort_order(order, items, confidence);
    for (size_t b = 0; b < bins; b++) {
        count[b] = 0;
        confidence_mean[b] = accuracy[b] = 0;
    }
    for (size_t k = 0; k < items; k++) {
        size_t i = order[k];
        size_t b = binning == DSB_STATS_BINS_EQUAL_MASS ? k * bins / items
                                                        : width_bin(confidence[i], bins);
        count[b]++;
        confidence_mean[b] += confidence[i];
        accuracy[b] += right[i];
    }
    for (size_t b = 0; b < bins; b++) {
        confidence_mean[b] = count[b] ? confidence_mean[b] / (double)count[b] : NAN;
        accuracy[b] = count[b] ? accuracy[b] / (double)count[b] : NAN;
    }
    dsbi_free(rt, order);
    return DSB_OK;
}

dsb_status dsb_stats_ece(dsb_runtime *rt, double *ece, double *mce, double *debiased,
                         const double *confidence, const uint8_t *right, uint64_t n,
                         uint64_t n_bins, uint32_t binning)
{
    dsbi_clear_error();
    if (!rt || n_bins == 0 || n_bins > 1000000)
        return dsbi_fail(DSB_E_INVALID, "calibration error needs 1 to 1,000,000 bins");
    if (n == 0)
        return dsbi_fail(DSB_E_DATA, "calibration error of no items");
    double *bins = dsbi_alloc_array(rt, (size_t)n_bins, 2 * sizeof *bins);
    uint64_t *count = dsbi_alloc_array(rt, (size_t)n_bins, sizeof *count);
    dsb_status status = bins && count ? DSB_OK : DSB_E_NOMEM;
    if (status == DSB_OK)
        status = dsb_stats_reliability(rt, count, bins, bins + n_bins, confidence, right, n, n_bins,
                                       binning);
    double sum = 0, most = 0, squares = 0;
    for (uint64_t b = 0; status == DSB_OK && b < n_bins; b++) {
        if (count[b] == 0)
            continue;
        double weight = (double)count[b] / (double)n, a = bins[n_bins + b], gap = a - bins[b];
        sum += weight * fabs(gap);
        most = fmax(most, fabs(gap));
        squares += weight * gap * gap;
        if (count[b] > 1)
            squares -= weight * a * (1 - a) / ((double)count[b] - 1);
    }
    dsbi_free(rt, bins);
    dsbi_free(rt, count);
    if (status != DSB_OK)
        return status;
    if (ece)
        *ece = sum;
    if (mce)
        *mce = most;
    if (debiased)
        *debiased = sqrt(squares > 0 ? squares : 0);
    return DSB_OK;
}

dsb_status dsb_stats_proper_scores(double *brier, double *nll, const double *probabilities,
                                   const uint32_t *labels, uint64_t n, uint32_t n_classes)
{
    dsbi_clear_error();
    if ((!brier && !nll) || !probabilities || !labels || n == 0 || n_classes == 0)
        return dsbi_fail(DSB_E_INVALID, "proper scores need probabilities, labels and items");
    double squares = 0, logs = 0;
    for (uint64_t i = 0; i < n; i++) {
        const double *p = probabilities + i * n_classes;
        if (labels[i] >= n_classes)
            return dsbi_fail(DSB_E_DATA, "item %llu: label %u, but there are %u classes",
                             (unsigned long long)i, labels[i], n_classes);
        for (uint32_t c = 0; c < n_classes; c++) {
            if (!(p[c] >= 0) || !(p[c] <= 1))
                return dsbi_fail(DSB_E_DATA, "item %llu: probability %g is not in [0, 1]",
                                 (unsigned long long)i, p[c]);
            double d = p[c] - (c == labels[i]);
            squares += d * d;
        }
        logs -= log(p[labels[i]]);
    }
    if (brier)
        *brier = squares / (double)n;
    if (nll)
        *nll = logs / (double)n; /* infinite if a true class had probability 0 */
    return DSB_OK;
}

dsb_status dsb_stats_temperature(double *temperature, double *nll_before, double *nll_after,
                                 const double *logits, const uint32_t *labels, uint64_t n,
                                 uint32_t n_classes)
{
    dsbi_clear_error();
    if (!temperature || !logits || !labels || n == 0 || n_classes < 2)
        return dsbi_fail(DSB_E_INVALID, "temperature needs logits, labels and two classes");
    DSBI_TRY(dsbi_check_finite(logits, (size_t)n * n_classes, "logit"));
    for (uint64_t i = 0; i < n; i++)
        if (labels[i] >= n_classes)
            return dsbi_fail(DSB_E_DATA, "item %llu: label %u, but there are %u classes",
                             (unsigned long long)i, labels[i], n_classes);
    /* NLL(s) = mean logsumexp(s z) - s z_y is convex in s = 1/T: Newton, kept inside a bracket */
    double lo = 1e-4, hi = 1e4, s = 1, value = 0;
    for (int round = 0; round < 200; round++) {
        double slope = 0, curve = 0;
        value = 0;
        for (uint64_t i = 0; i < n; i++) {
            const double *z = logits + i * n_classes;
            double top = z[0], sum = 0, mean = 0, square = 0;
            for (uint32_t c = 1; c < n_classes; c++)
                top = fmax(top, z[c]);
            for (uint32_t c = 0; c < n_classes; c++) {
                double w = exp(s * (z[c] - top));
                sum += w;
                mean += w * (z[c] - top);
                square += w * (z[c] - top) * (z[c] - top);
            }
            mean /= sum;
            value += log(sum) - s * (z[labels[i]] - top);
            slope += mean - (z[labels[i]] - top);
            curve += square / sum - mean * mean;
        }
        value /= (double)n;
        if (round == 0 && nll_before)
            *nll_before = value;
        if (slope > 0)
            hi = s;
        else
            lo = s;
        double next = curve > 0 ? s - slope / curve : 0;
        if (!(next > lo) || !(next < hi))
            next = sqrt(lo * hi);
        if (fabs(next - s) < 1e-14 * s)
            break;
        s = next;
    }
    *temperature = 1 / s;
    if (nll_after)
        *nll_after = value;
    return DSB_OK;
}

dsb_status dsb_stats_isotonic_scores(dsb_runtime *rt, double *miscalibration,
                                     double *discrimination, double *uncertainty,
                                     double *recalibrated, const double *confidence,
                                     const uint8_t *right, uint64_t n)
{
    dsbi_clear_error();
    if (!rt || !confidence || !right || n == 0)
        return dsbi_fail(DSB_E_INVALID, "isotonic scores need confidences and correctness");
    DSBI_TRY(check_confidence(confidence, right, n));
    size_t count = (size_t)n, blocks = 0;
    size_t *order = dsbi_alloc_array(rt, count, 2 * sizeof *order);
    double *mean = dsbi_alloc_array(rt, count, sizeof *mean);
    if (!order || !mean) {
        dsbi_free(rt, order);
        dsbi_free(rt, mean);
        return DSB_E_NOMEM;
    }
    size_t *size = order + count;
    double base = 0, score = 0, score_mean = 0, score_iso = 0;
    for (size_t i = 0; i < count; i++) {
        order[i] = i;
        base += right[i] / (double)n;
    }
    dsbi_sort_order(order, count, confidence);
    for (size_t i = 0, j; i < count; i = j) { /* ties are one block; then pool violators */
        double sum = 0;
        for (j = i; j < count && confidence[order[j]] == confidence[order[i]]; j++)
            sum += right[order[j]];
        mean[blocks] = sum / (double)(j - i);
        size[blocks++] = j - i;
        while (blocks > 1 && mean[blocks - 2] >= mean[blocks - 1]) {
            double a = (double)size[blocks - 2], b = (double)size[blocks - 1];
            mean[blocks - 2] = (a * mean[blocks - 2] + b * mean[blocks - 1]) / (a + b);
            size[blocks - 2] += size[blocks - 1];
            blocks--;
        }
    }
    size_t k = 0;
    for (size_t b = 0; b < blocks; b++)
        for (size_t j = 0; j < size[b]; j++, k++) {
            size_t i = order[k];
            double truth = right[i];
            if (recalibrated)
                recalibrated[i] = mean[b];
            score += (confidence[i] - truth) * (confidence[i] - truth) / (double)n;
            score_iso += (mean[b] - truth) * (mean[b] - truth) / (double)n;
            score_mean += (base - truth) * (base - truth) / (double)n;
        }
    if (miscalibration)
        *miscalibration = score - score_iso;
    if (discrimination)
        *discrimination = score_mean - score_iso;
    if (uncertainty)
        *uncertainty = score_mean;
    dsbi_free(rt, order);
    dsbi_free(rt, mean);
    return DSB_OK;
}
