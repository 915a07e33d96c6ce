/* See verdict.h.  Sources: Wilson 1927; Lopez-Paz & Oquab 2017 (classifier two-sample test, power);
 * total variation and mutual information from a classifier: any classifier's accuracy A bounds the
 * Bayes accuracy from below, and E[-log p(y|x)] bounds H(Y|X) from above. */
#include "bias/verdict.h"

#include <math.h>
#include <stdio.h>
#include "dsbias/stats.h"

static const double ALPHA = 0.05, POWER = 0.8;
static const double EQUIVALENT = 0.05; /* "no bias" means: less than 5 points above chance */
static const double COARSEST_QUESTION =
    0.1; /* a test set that cannot see 10 points answers nothing */

/* Smallest difference with the wanted power, to 0.0001. */
static double detectable_difference(uint64_t n, double chance)
{
    double lo = 0, hi = 1 - chance;
    while (hi - lo > 1e-4) {
        double middle = (lo + hi) / 2;
        uint64_t needed;
        if (dsb_stats_sample_size(&needed, chance, middle, ALPHA, POWER) != DSB_OK || needed > n)
            lo = middle;
        else
            hi = middle;
    }
    return hi;
}

static void information(dsbi_verdict *v, const float *probabilities, const uint32_t *labels,
                        size_t n, size_t n_classes)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        double p = probabilities[i * n_classes + labels[i]];
        double bits = -log2(p > 1e-12 ? p : 1e-12);
        sum += bits;
        squares += bits * bits;
    }
    double mean = sum / (double)n;
    double variance = n > 1 ? (squares - sum * mean) / (double)(n - 1) : 0;
    double error = sqrt((variance > 0 ? variance : 0) / (double)n);
    double entropy = log2((double)n_classes);
    v->mutual_bits = fmax(0, entropy - mean);
    v->mutual_lower = fmax(0, entropy - mean - dsb_stats_normal_quantile(1 - ALPHA) * error);
}

static void choose_level(dsbi_verdict *v)
{
    double lower_skill = (v->ci[0] - v->chance) / (1 - v->chance);
    double accuracy = 100 * v->accuracy, chance = 100 * v->chance;
    double lo = 100 * v->ci[0], hi = 100 * v->ci[1];
    char *text = v->sentence;
    size_t size = sizeof v->sentence;
    if (v->p_value < ALPHA && v->margin_p < ALPHA) {
        v->level = lower_skill >= 0.5 ? "strong" : lower_skill >= 0.1 ? "clear" : "weak";
        snprintf(text, size,
                 "A classifier tells the collections apart: it names the right one for %.1f %% of "
                 "new images "
                 "(95 %% interval %.1f to %.1f), where guessing gives %.1f %%.",
                 accuracy, lo, hi, chance);
    } else if (v->detectable > COARSEST_QUESTION) {
        v->level = "too_small";
        snprintf(text, size,
                 "The test set is too small for a verdict: with %llu images only an advantage of "
                 "%.0f points over "
                 "guessing would be seen reliably; %llu images would show 5 points.",
                 (unsigned long long)v->n, 100 * v->detectable,
                 (unsigned long long)v->needed[DSBI_N_DIFFERENCES - 1]);
    } else if (v->ci[1] <= v->chance + EQUIVALENT) {
        v->level = "none";
        snprintf(text, size,
                 "No bias found: the classifier is right for %.1f %% of new images (95 %% interval "
                 "%.1f to %.1f), "
                 "guessing gives %.1f %%, and an advantage of %.0f points or more is excluded.",
                 accuracy, lo, hi, chance, 100 * EQUIVALENT);
    } else {
        v->level = "none";
        snprintf(text, size,
                 "No bias shown: the classifier is right for %.1f %% of new images (95 %% interval "
                 "%.1f to %.1f), not "
                 "more than guessing would give (%.1f %%); an advantage below %.1f points could "
                 "have been missed.",
                 accuracy, lo, hi, chance, 100 * v->detectable);
    }
}

dsb_status dsbi_verdict_make(dsbi_verdict *out, const uint64_t *confusion, size_t n_classes,
                             const float *probabilities, const uint32_t *labels, size_t n)
{
    dsbi_verdict v = {.differences = {0.01, 0.02, 0.05}, .chance = 1.0 / (double)n_classes, .n = n};
    if (n == 0)
        return dsbi_fail(DSB_E_DATA, "there are no test images");
    for (size_t c = 0; c < n_classes; c++)
        v.correct += confusion[c * n_classes + c];
    v.accuracy = (double)v.correct / (double)n;
    DSBI_TRY(dsb_stats_wilson(v.ci, v.correct, n, ALPHA));
    DSBI_TRY(dsb_stats_binomial_test(&v.p_value, v.correct, n, v.chance, DSB_STATS_GREATER));
    DSBI_TRY(dsb_stats_margin_test(&v.margin_z, &v.margin_p, confusion, (uint32_t)n_classes));
    double ways = (double)n_classes, one_sided[2];
    DSBI_TRY(dsb_stats_wilson(one_sided, v.correct, n, 2 * ALPHA));
    v.tv = fmax(0, (ways * v.accuracy - 1) / (ways - 1));
    v.tv_lower = fmax(0, (ways * one_sided[0] - 1) / (ways - 1));
    information(&v, probabilities, labels, n, n_classes);
    for (size_t i = 0; i < DSBI_N_DIFFERENCES; i++)
        DSBI_TRY(dsb_stats_sample_size(&v.needed[i], v.chance, v.differences[i], ALPHA, POWER));
    v.detectable = detectable_difference(n, v.chance);
    choose_level(&v);
    *out = v;
    return DSB_OK;
}
