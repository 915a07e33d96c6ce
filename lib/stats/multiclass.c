/* Confusion matrices: counting, recall, summary measures, and the test against chance for N ways
 * with fixed margins.
 *
 * Margin test: with true counts n_k and predicted counts m_k held fixed, random relabelling has
 *     E[correct]   = sum_k n_k m_k / n
 *     Var[correct] = (sum_k n_k m_k (n - n_k)(n - m_k) + sum_{k != l} n_k m_k n_l m_l) / (n^2
 * (n-1)) the exact moments of the trace; the same null as Cohen's kappa = 0. */
#include "base/rng.h"
#include "base/runtime.h"
#include "stats/special.h"

dsb_status dsb_stats_confusion(uint64_t *confusion, const uint32_t *truth,
                               const uint32_t *predicted, uint64_t n, uint32_t n_classes)
{
    dsbi_clear_error();
    if (!confusion || n_classes == 0 || (n > 0 && (!truth || !predicted)))
        return dsbi_fail(DSB_E_INVALID, "confusion matrix needs arrays and at least one class");
    size_t size = (size_t)n_classes * n_classes;
    for (size_t i = 0; i < size; i++)
        confusion[i] = 0;
    for (uint64_t i = 0; i < n; i++) {
        if (truth[i] >= n_classes || predicted[i] >= n_classes)
            return dsbi_fail(DSB_E_DATA, "item %llu: %s %u, but there are %u classes",
                             (unsigned long long)i, truth[i] >= n_classes ? "label" : "prediction",
                             truth[i] >= n_classes ? truth[i] : predicted[i], n_classes);
        confusion[(size_t)truth[i] * n_classes + predicted[i]]++;
    }
    return DSB_OK;
}

static uint64_t row_sum(const uint64_t *confusion, uint32_t n_classes, uint32_t row)
{
    uint64_t sum = 0;
    for (uint32_t c = 0; c < n_classes; c++)
        sum += confusion[(size_t)row * n_classes + c];
    return sum;
}

static uint64_t column_sum(const uint64_t *confusion, uint32_t n_classes, uint32_t column)
{
    uint64_t sum = 0;
    for (uint32_t r = 0; r < n_classes; r++)
        sum += confusion[(size_t)r * n_classes + column];
    return sum;
}

dsb_status dsb_stats_recall(double *recall, double *ci, const uint64_t *confusion,
                            uint32_t n_classes, double alpha)
{
    dsbi_clear_error();
    if (!recall || !confusion || n_classes == 0)
        return dsbi_fail(DSB_E_INVALID, "recall needs a confusion matrix and a place to write");
    for (uint32_t c = 0; c < n_classes; c++) {
        uint64_t n = row_sum(confusion, n_classes, c);
        uint64_t k = confusion[(size_t)c * n_classes + c];
        recall[c] = n ? (double)k / (double)n : NAN;
        if (ci)
            DSBI_TRY(dsb_stats_wilson(ci + 2 * (size_t)c, k, n, alpha));
    }
    return DSB_OK;
}

dsb_status dsb_stats_margin_test(double *z, double *p, const uint64_t *confusion,
                                 uint32_t n_classes)
{
    dsbi_clear_error();
    if (!z || !p || !confusion || n_classes == 0)
        return dsbi_fail(DSB_E_INVALID, "margin test needs a confusion matrix and places to write");
    double n = 0, correct = 0, sum = 0, first = 0, squares = 0;
    for (uint32_t c = 0; c < n_classes; c++) {
        n += (double)row_sum(confusion, n_classes, c);
        correct += (double)confusion[(size_t)c * n_classes + c];
    }
    for (uint32_t c = 0; c < n_classes; c++) {
        double rows = (double)row_sum(confusion, n_classes, c);
        double columns = (double)column_sum(confusion, n_classes, c);
        double product = rows * columns;
        sum += product;
        squares += product * product;
        first += product * (n - rows) * (n - columns);
    }
    double variance = n > 1 ? (first + sum * sum - squares) / (n * n * (n - 1)) : 0;
    if (!(variance > 0)) { /* one class, or one predicted class: nothing can be learnt */
        *z = 0;
        *p = 1;
        return DSB_OK;
    }
    *z = (correct - sum / n) / sqrt(variance);
    *p = dsb_stats_normal_sf(*z);
    return DSB_OK;
}

dsb_status dsb_stats_margin_permutation(dsb_runtime *rt, double *p, const uint64_t *confusion,
                                        uint32_t n_classes, uint64_t n_permutations, uint64_t seed)
{
    dsbi_clear_error();
    if (!rt || !p || !confusion || n_classes == 0 || n_permutations == 0)
        return dsbi_fail(DSB_E_INVALID, "margin permutation needs a matrix and permutations >= 1");
    uint64_t n = 0, correct = 0, at_least = 0;
    for (uint32_t c = 0; c < n_classes; c++) {
        n += row_sum(confusion, n_classes, c);
        correct += confusion[(size_t)c * n_classes + c];
    }
    if (n > UINT32_MAX)
        return dsbi_fail(DSB_E_LIMIT, "%llu items are too many to permute; use the margin test",
                         (unsigned long long)n);
    uint32_t *predicted = dsbi_alloc_array(rt, (size_t)n + 1, sizeof *predicted);
    if (!predicted)
        return DSB_E_NOMEM;
    for (uint64_t b = 0; b < n_permutations; b++) {
        size_t i = 0;
        for (uint32_t c = 0; c < n_classes; c++) /* refilled: a replicate depends on b alone */
            for (uint64_t j = column_sum(confusion, n_classes, c); j > 0; j--)
                predicted[i++] = c;
        dsbi_rng rng;
        dsbi_rng_init(&rng, seed, DSBI_RNG_RESAMPLE, b);
        dsbi_rng_shuffle_u32(&rng, predicted, (size_t)n);
        uint64_t hits = 0;
        i = 0;
        for (uint32_t c = 0; c < n_classes; c++)
            for (uint64_t j = row_sum(confusion, n_classes, c); j > 0; j--)
                hits += predicted[i++] == c;
        at_least += hits >= correct;
    }
    dsbi_free(rt, predicted);
    *p = ((double)at_least + 1) / ((double)n_permutations + 1);
    return DSB_OK;
}

void dsb_stats_multiclass_init(dsb_stats_multiclass *out, size_t size)
{
    if (!out || size < sizeof out->struct_size)
        return;
    dsb_stats_multiclass zero = {0};
    size_t take = size < sizeof zero ? size : sizeof zero;
    for (size_t i = 0; i < take; i++)
        ((unsigned char *)out)[i] = ((unsigned char *)&zero)[i];
    out->struct_size = size;
}

dsb_status dsb_stats_multiclass_run(dsb_stats_multiclass *out, const uint64_t *confusion,
                                    uint32_t n_classes)
{
    dsbi_clear_error();
    if (!out || !confusion || n_classes == 0 || out->struct_size < sizeof *out)
        return dsbi_fail(DSB_E_INVALID, "summary needs a matrix and a struct made by _init");
    double n = 0, trace = 0, expected = 0, rows2 = 0, columns2 = 0, recall = 0, f1 = 0;
    uint32_t present = 0, named = 0;
    for (uint32_t c = 0; c < n_classes; c++) {
        double rows = (double)row_sum(confusion, n_classes, c);
        double columns = (double)column_sum(confusion, n_classes, c);
        double hits = (double)confusion[(size_t)c * n_classes + c];
        n += rows;
        trace += hits;
        expected += rows * columns;
        rows2 += rows * rows;
        columns2 += columns * columns;
        if (rows > 0) {
            recall += hits / rows;
            present++;
        }
        if (rows + columns > 0) {
            f1 += 2 * hits / (rows + columns);
            named++;
        }
    }
    out->n = (uint64_t)n;
    out->correct = (uint64_t)trace;
    out->accuracy = n > 0 ? trace / n : NAN;
    out->balanced_accuracy = present ? recall / present : NAN;
    out->macro_f1 = named ? f1 / named : NAN;
    double n2 = n * n;
    out->kappa = n2 > expected ? (trace * n - expected) / (n2 - expected) : NAN;
    double spread = (n2 - rows2) * (n2 - columns2);
    out->mcc = spread > 0 ? (trace * n - expected) / sqrt(spread) : NAN;
    return DSB_OK;
}
