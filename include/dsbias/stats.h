/** Statistics for evaluating classifiers: intervals, tests, power, fits, resampling, calibration.
 *
 *  Plain functions over arrays, in double precision; a runtime is needed only where memory or
 *  threads are. Simplest use:
 *      double ci[2];
 *      dsb_stats_wilson(ci, 1879, 2021, 0.05);          // [0.9178, 0.9401]
 *
 *  Common rules. Intervals are two numbers {low, high} at level 1 - alpha, 0 < alpha < 1. A count k
 *  above its n is DSB_E_INVALID; an alpha outside (0, 1) too. Functions that return a plain double
 *  answer NaN outside their domain. Resampling draws from a counter-based generator: results depend
 *  on data, options and seed, never on the number of threads. Permutation p-values are
 *  (b + 1) / (B + 1). All functions are thread-safe. Since 0.1 unless said.
 */
#ifndef DSBIAS_STATS_H
#define DSBIAS_STATS_H

#include "dsbias/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- one proportion ---- */

/** Score interval of k successes in n trials. n = 0: [0, 1]; k = 0 has low end 0, k = n high end 1.
 *  Close to its nominal level already for small n. Source: Wilson 1927. */
DSB_API dsb_status dsb_stats_wilson(double out[2], uint64_t k, uint64_t n, double alpha);
/** Wilson with continuity correction (Newcombe 1998): wider, near Clopper-Pearson. */
DSB_API dsb_status dsb_stats_wilson_corrected(double out[2], uint64_t k, uint64_t n, double alpha);
/** Exact interval: never below its nominal level. Ends are beta quantiles, good to 1e-14.
 *  k = 0: high = 1 - (alpha/2)^(1/n); k = n: low = (alpha/2)^(1/n). Source: Clopper & Pearson 1934.
 */
DSB_API dsb_status dsb_stats_clopper_pearson(double out[2], uint64_t k, uint64_t n, double alpha);
/** Equal-tailed interval of Beta(k + 1/2, n - k + 1/2), ends fixed at 0 for k = 0 and 1 for k = n.
 *  Source: Brown, Cai & DasGupta 2001. */
DSB_API dsb_status dsb_stats_jeffreys(double out[2], uint64_t k, uint64_t n, double alpha);
/** Wald interval after adding z^2/2 successes and failures, clipped to [0, 1]. Agresti & Coull
 * 1998. */
DSB_API dsb_status dsb_stats_agresti_coull(double out[2], uint64_t k, uint64_t n, double alpha);
/** Clopper-Pearson with half the probability of the observed count: exact on average, not always.
 */
DSB_API dsb_status dsb_stats_mid_p(double out[2], uint64_t k, uint64_t n, double alpha);

/* ---- binomial test, power, sample size ---- */

#define DSB_STATS_TWO_SIDED 0u /* outcomes no more probable than the observed one */
#define DSB_STATS_GREATER 1u   /* the rate is above p0 */
#define DSB_STATS_LESS 2u      /* the rate is below p0 */

/** Exact p-value of k successes in n trials under rate p0. n = 0 gives 1.
 *  @param side DSB_STATS_*. Tails keep full relative precision down to the smallest double. */
DSB_API dsb_status dsb_stats_binomial_test(double *p, uint64_t k, uint64_t n, double p0,
                                           uint32_t side);
/** Test images needed in all to see accuracy p0 + delta against p0, one-sided, normal
 *  approximation: ceil(((z_alpha sqrt(p0 q0) + z_beta sqrt(p1 q1)) / delta)^2). */
DSB_API dsb_status dsb_stats_sample_size(uint64_t *n, double p0, double delta, double alpha,
                                         double power);
/** Probability to reject p0 with n images if the rate is p0 + delta, one-sided, normal
 *  approximation (Lopez-Paz & Oquab 2017). */
DSB_API dsb_status dsb_stats_power(double *power, uint64_t n, double p0, double delta,
                                   double alpha);
/** The same for the exact test. @param critical fewest successes that reject (n + 1: none does);
 *  may be NULL. */
DSB_API dsb_status dsb_stats_power_exact(double *power, uint64_t *critical, uint64_t n, double p0,
                                         double delta, double alpha);
/** Items needed so that McNemar's test (two-sided) sees a difference `delta` between two models
 *  that disagree in correctness on a share `disagreement` of items, 0 < delta <= disagreement. */
DSB_API dsb_status dsb_stats_paired_sample_size(uint64_t *n, double disagreement, double delta,
                                                double alpha, double power);

/* ---- confusion matrices: [n_classes, n_classes], rows truth, columns predicted ---- */

/** Counts. DSB_E_DATA names the first label or prediction that is n_classes or more. */
DSB_API dsb_status dsb_stats_confusion(uint64_t *confusion, const uint32_t *truth,
                                       const uint32_t *predicted, uint64_t n, uint32_t n_classes);
/** Recall of each class [n_classes] (NaN for a class without items) and, if `ci` is not NULL, its
 *  Wilson interval [n_classes, 2]. */
DSB_API dsb_status dsb_stats_recall(double *recall, double *ci, const uint64_t *confusion,
                                    uint32_t n_classes, double alpha);
/** Test against chance for N ways with both margins fixed: exact mean and variance of the number of
 *  correct answers under random relabelling, normal approximation, one-sided. One class or one
 *  predicted class: z = 0, p = 1. Same null as Cohen's kappa = 0. */
DSB_API dsb_status dsb_stats_margin_test(double *z, double *p, const uint64_t *confusion,
                                         uint32_t n_classes);
/** The same null by permutation: p = (1 + #{as many correct or more}) / (n_permutations + 1). */
DSB_API dsb_status dsb_stats_margin_permutation(dsb_runtime *rt, double *p,
                                                const uint64_t *confusion, uint32_t n_classes,
                                                uint64_t n_permutations, uint64_t seed);

typedef struct dsb_stats_multiclass {
    uint64_t struct_size;     /* set by _init */
    uint64_t n, correct;      /* items, items on the diagonal */
    double accuracy;          /* correct / n; NaN if n = 0 */
    double balanced_accuracy; /* mean recall over classes that occur */
    double macro_f1; /* mean of 2 tp / (row + column) over classes that occur or are named */
    double kappa;    /* Cohen; NaN if truth and prediction are one and the same class */
    double mcc;      /* Gorodkin's R_K; NaN if either side has a single class */
} dsb_stats_multiclass;
DSB_API void dsb_stats_multiclass_init(dsb_stats_multiclass *out, size_t size);
/** Summary of a confusion matrix. @param out made by dsb_stats_multiclass_init. */
DSB_API dsb_status dsb_stats_multiclass_run(dsb_stats_multiclass *out, const uint64_t *confusion,
                                            uint32_t n_classes);

/* ---- two proportions, paired tests ---- */

/** Interval of k1/n1 - k2/n2, independent samples: hybrid score, Newcombe 1998 method 10.
 *  An empty sample gives [-1, 1]. */
DSB_API dsb_status dsb_stats_newcombe(double out[2], uint64_t k1, uint64_t n1, uint64_t k2,
                                      uint64_t n2, double alpha);
/** Interval of the difference in accuracy of A and B on the same items: Newcombe 1998 (paired)
 *  method 10. n10 = only A right, n01 = only B right. */
DSB_API dsb_status dsb_stats_newcombe_paired(double out[2], uint64_t n11, uint64_t n10,
                                             uint64_t n01, uint64_t n00, double alpha);
/** Wald interval of the same: d +- z sqrt(m - (n10 - n01)^2 / n) / n, m = n10 + n01. */
DSB_API dsb_status dsb_stats_paired_wald(double out[2], uint64_t n10, uint64_t n01, uint64_t n,
                                         double alpha);
/** Ratio of error rates (wrong1/n1) / (wrong2/n2) with Katz's log interval. No errors on either
 *  side: NaN and [0, inf]; none on one side: that end is 0 or infinite. */
DSB_API dsb_status dsb_stats_error_ratio(double *ratio, double out[2], uint64_t wrong1, uint64_t n1,
                                         uint64_t wrong2, uint64_t n2, double alpha);

/** Table of two models' correctness (0/1) over n items: {both, only A, only B, neither}. */
DSB_API dsb_status dsb_stats_paired_counts(uint64_t table[4], const uint8_t *right_a,
                                           const uint8_t *right_b, uint64_t n);

#define DSB_STATS_MCNEMAR_EXACT 0u     /* binomial on discordant pairs, two-sided */
#define DSB_STATS_MCNEMAR_MIDP 1u      /* recommended: Fagerland et al. 2013 */
#define DSB_STATS_MCNEMAR_CHI2 2u      /* (n10 - n01)^2 / m */
#define DSB_STATS_MCNEMAR_CORRECTED 3u /* (|n10 - n01| - 1)^2 / m */

/** McNemar's test from discordant counts. None discordant: p = 1. Mid-p with n10 = n01 is
 *  1 - P(X = n10)/2. */
DSB_API dsb_status dsb_stats_mcnemar(double *p, uint64_t n10, uint64_t n01, uint32_t form);
/** Cochran's Q: do n_models models have the same accuracy on the same items? right [n_models,
 *  n_items] of 0/1; chi-square with n_models - 1 degrees of freedom. All rows equal: Q = 0, p = 1.
 */
DSB_API dsb_status dsb_stats_cochran_q(double *q, double *p, const uint8_t *right,
                                       uint64_t n_models, uint64_t n_items);
/** Bowker's test of symmetry of a square table; empty pairs of cells take no degree of freedom. */
DSB_API dsb_status dsb_stats_bowker(double *chi2, double *df, double *p, const uint64_t *table,
                                    uint32_t n_classes);
/** Two-sided permutation test that paired differences [n] are symmetric about 0, by random signs.
 */
DSB_API dsb_status dsb_stats_sign_flip(dsb_runtime *rt, double *p, const double *difference,
                                       uint64_t n, uint64_t n_permutations, uint64_t seed);

/* ---- many tests ---- */

#define DSB_STATS_ADJUST_BONFERRONI 0u
#define DSB_STATS_ADJUST_HOLM 1u
#define DSB_STATS_ADJUST_HOCHBERG 2u
#define DSB_STATS_ADJUST_BH 3u /* Benjamini-Hochberg: false discovery rate */
#define DSB_STATS_ADJUST_BY 4u /* Benjamini-Yekutieli: under any dependence */

/** Adjusted p-values, in the order of the inputs; `adjusted` may be `p`. NaN stays NaN and is not
 *  counted. */
DSB_API dsb_status dsb_stats_adjust(dsb_runtime *rt, double *adjusted, const double *p, uint64_t n,
                                    uint32_t method);

/* ---- lines through accuracy pairs ---- */

#define DSB_STATS_SCALE_LINEAR 0u
#define DSB_STATS_SCALE_LOGIT 1u
#define DSB_STATS_SCALE_PROBIT 2u
#define DSB_STATS_SCALE_ARCSINE 3u /* asin(sqrt(p)): variance nearly constant */
#define DSB_STATS_SCALE_CLOGLOG 4u /* ln(-ln(1 - p)) */

/** "linear", "logit", "probit", "arcsine", "cloglog"; NULL for a value that is none. Static. */
DSB_API const char *dsb_stats_scale_name(uint32_t scale);
/** A fraction on the scale (0 and 1 may become infinite, NaN outside [0, 1]) and back. */
DSB_API double dsb_stats_scale_apply(double p, uint32_t scale);
DSB_API double dsb_stats_scale_invert(double t, uint32_t scale);
/** Variance of a transformed accuracy of n items by the delta method: 1/variance is a fit weight.
 *  NaN at p = 0 or 1. */
DSB_API double dsb_stats_scale_variance(double p, double n, uint32_t scale);

typedef struct dsb_stats_line {
    uint64_t struct_size;           /* set by _init */
    uint64_t n, n_dropped;          /* points used; points without a finite transform */
    double slope, intercept;        /* on the scale */
    double r2;                      /* on the scale; NaN if all y are equal */
    double slope_se, intercept_se;  /* NaN with two points */
    double slope_ci[2];             /* t intervals, n - 2 degrees of freedom */
    double intercept_ci[2];         /* likewise */
    double residual_sd;             /* on the scale */
    double mean_abs_residual;       /* of y minus the fit carried back from the scale */
    double max_abs_residual;        /* likewise */
    double p_slope_one;             /* t test of slope = 1, two-sided */
    double x_mean, sxx, weight_sum; /* for predictions */
    uint32_t scale;                 /* DSB_STATS_SCALE_* */
    uint32_t reserved;              /* 0 */
} dsb_stats_line;
DSB_API void dsb_stats_line_init(dsb_stats_line *line, size_t size);

/** Least squares of y on x, both fractions, on a scale. @param weights [n] or NULL.
 *  DSB_E_DATA: fewer than two usable points, or all x equal. Source: Recht et al. 2018. */
DSB_API dsb_status dsb_stats_fit(dsb_stats_line *line, const double *x, const double *y,
                                 const double *weights, uint64_t n, uint32_t scale, double alpha);
/** For each point [n], any may be NULL: residual on the scale, hat value, Cook's distance, slope
 *  without the point. NaN for points left out of the fit. */
DSB_API dsb_status dsb_stats_fit_influence(const dsb_stats_line *line, double *residual,
                                           double *hat, double *cook, double *slope_without,
                                           const double *x, const double *y, const double *weights,
                                           uint64_t n);
/** Fitted y at x, the band of the line, and the interval for one new model, whose scatter (binomial
 *  noise included) is taken to be that of the fitted ones. `band`, `interval` may be NULL. */
DSB_API dsb_status dsb_stats_fit_predict(const dsb_stats_line *line, double *y, double band[2],
                                         double interval[2], double x, double alpha);
/** Do families of models share one line? F tests: same slopes given own offsets, and one line.
 *  @param family [n] values below n_families; families with fewer than two points: DSB_E_DATA. */
DSB_API dsb_status dsb_stats_common_line(double *f_slopes, double *p_slopes, double *f_lines,
                                         double *p_lines, const double *x, const double *y,
                                         const uint32_t *family, uint64_t n, uint32_t n_families,
                                         uint32_t scale);
/** Two lines: one through the points with x below the pivot, one through those above it; points at
 *  the pivot belong to neither. For new sets made against one model, whose accuracy is the pivot
 *  (ImageNet-A and ResNet-50). DSB_E_DATA says which side has no line. Taori et al. 2020. */
DSB_API dsb_status dsb_stats_fit_two(dsb_runtime *rt, dsb_stats_line *below, dsb_stats_line *above,
                                     const double *x, const double *y, const double *weights,
                                     uint64_t n, double pivot, uint32_t scale, double alpha);
/** Median of pairwise slopes, median offset; `slope_ci` (may be NULL) by Sen 1968. */
DSB_API dsb_status dsb_stats_theil_sen(dsb_runtime *rt, double *slope, double *intercept,
                                       double slope_ci[2], const double *x, const double *y,
                                       uint64_t n, uint32_t scale, double alpha);
/** Line with noise in both axes; `ratio` = noise variance of y over that of x, on the scale. */
DSB_API dsb_status dsb_stats_deming(double *slope, double *intercept, const double *x,
                                    const double *y, uint64_t n, uint32_t scale, double ratio);

typedef struct dsb_stats_count_line {
    uint64_t struct_size;          /* set by _init */
    uint64_t n;                    /* models used */
    double slope, intercept;       /* on the scale */
    double slope_se, intercept_se; /* from the observed information */
    double slope_ci[2], intercept_ci[2];
    double deviance; /* against a model without a line; chi-square, n - 2, if the line holds */
    double p_fit;    /* its p-value: small = models scatter more than their counts explain */
} dsb_stats_count_line;
DSB_API void dsb_stats_count_line_init(dsb_stats_count_line *line, size_t size);
/** Maximum likelihood line for counts with binomial noise on both axes; logit or probit scale.
 *  Models with nothing right or nothing wrong on the original set carry no place on the line and
 *  are left out. DSB_E_NUMERIC if it does not converge. */
DSB_API dsb_status dsb_stats_fit_counts(dsb_runtime *rt, dsb_stats_count_line *line,
                                        const uint64_t *k0, const uint64_t *n0, const uint64_t *k1,
                                        const uint64_t *n1, uint64_t n, uint32_t scale,
                                        double alpha);

typedef struct dsb_stats_fit_boot {
    uint64_t struct_size;      /* set by _init */
    uint64_t n_replicates;     /* asked for */
    uint64_t n_degenerate;     /* of them without a line (one x only), left out */
    double slope_ci[2];        /* percentile */
    double intercept_ci[2];    /* percentile */
    double share_slope_le_one; /* share of replicates with slope <= 1 */
} dsb_stats_fit_boot;
DSB_API void dsb_stats_fit_boot_init(dsb_stats_fit_boot *out, size_t size);
/** Percentile bootstrap over models. `slopes`, `intercepts` [n_replicates] or NULL receive the
 *  replicates. 100,000 fits over 30 models take well under a second. */
DSB_API dsb_status dsb_stats_fit_bootstrap(dsb_runtime *rt, dsb_stats_fit_boot *out, double *slopes,
                                           double *intercepts, const double *x, const double *y,
                                           uint64_t n, uint32_t scale, double alpha,
                                           uint64_t n_replicates, uint64_t seed);
/** Bootstrap over the images of both sets: the noise that all models share, which the bootstrap
 *  over models does not see. score_x [n_models, n_x], score_y [n_models, n_y]: correctness 0/1 or
 *  any score per item. models_too: resample models as well. */
DSB_API dsb_status dsb_stats_fit_bootstrap_images(
    dsb_runtime *rt, dsb_stats_fit_boot *out, double *slopes, double *intercepts,
    const double *score_x, uint64_t n_x, const double *score_y, uint64_t n_y, uint64_t n_models,
    uint32_t scale, double alpha, uint64_t n_replicates, uint64_t seed, uint32_t models_too);

/** Means of n_models rows of scores [n_models, n] over bootstrap samples of the items, the same
 *  samples for all models: means [n_replicates, n_models]. `stream` < 15 tells independent sets of
 *  one seed apart. What rank intervals and fits over images are made of. */
DSB_API dsb_status dsb_stats_bootstrap_means(dsb_runtime *rt, double *means, const double *score,
                                             uint64_t n_models, uint64_t n, uint64_t n_replicates,
                                             uint64_t seed, uint32_t stream);
/** Line fits from such means of both sets; dsb_stats_fit_bootstrap_images in two steps. */
DSB_API dsb_status dsb_stats_fit_from_means(dsb_runtime *rt, dsb_stats_fit_boot *out,
                                            double *slopes, double *intercepts,
                                            const double *x_means, const double *y_means,
                                            uint64_t n_models, uint32_t scale, double alpha,
                                            uint64_t n_replicates, uint64_t seed,
                                            uint32_t models_too);

/* ---- ranks ---- */

#define DSB_STATS_PEARSON 0u
#define DSB_STATS_SPEARMAN 1u     /* ties share the mean rank */
#define DSB_STATS_TAU_B 2u        /* Kendall, corrected for ties */
#define DSB_STATS_WEIGHTED_TAU 3u /* pairs weighted by 1/rank + 1/rank in x, best first */

/** Correlation of two rows; NaN if a side is constant or n < 2; DSB_E_NUMERIC on NaN input. */
DSB_API dsb_status dsb_stats_correlation(dsb_runtime *rt, double *r, const double *x,
                                         const double *y, uint64_t n, uint32_t kind);
/** Share of the k largest of x among the k largest of y; ties go to the later item. */
DSB_API dsb_status dsb_stats_top_overlap(dsb_runtime *rt, double *share, const double *x,
                                         const double *y, uint64_t n, uint64_t k);

/* ---- calibration ---- */

#define DSB_STATS_BINS_EQUAL_WIDTH 0u /* (b/B, (b+1)/B], the first closed on both sides */
#define DSB_STATS_BINS_EQUAL_MASS 1u  /* rank r (ties in input order) falls into floor(r B / n) */

/** Reliability diagram: items, mean confidence and accuracy of each bin [n_bins]; empty bins have
 *  count 0 and NaN. confidence [n] in [0, 1], right [n] 0 or 1: else DSB_E_DATA with the item. */
DSB_API dsb_status dsb_stats_reliability(dsb_runtime *rt, uint64_t *count, double *confidence_mean,
                                         double *accuracy, const double *confidence,
                                         const uint8_t *right, uint64_t n, uint64_t n_bins,
                                         uint32_t binning);
/** Expected and maximal calibration error, and the debiased root mean square one (Kumar et al.
 *  2019). Each of ece, mce, debiased may be NULL. n = 0: DSB_E_DATA. */
DSB_API dsb_status dsb_stats_ece(dsb_runtime *rt, double *ece, double *mce, double *debiased,
                                 const double *confidence, const uint8_t *right, uint64_t n,
                                 uint64_t n_bins, uint32_t binning);
/** Brier score sum_c (p_c - [y = c])^2 and negative log-likelihood (nats), means over items, from
 *  probabilities [n, n_classes]. Either may be NULL. NLL is infinite if a truth had probability 0.
 */
DSB_API dsb_status dsb_stats_proper_scores(double *brier, double *nll, const double *probabilities,
                                           const uint32_t *labels, uint64_t n, uint32_t n_classes);
/** Temperature T in [1e-4, 1e4] that minimises the NLL of softmax(logits / T). Guo et al. 2017. */
DSB_API dsb_status dsb_stats_temperature(double *temperature, double *nll_before, double *nll_after,
                                         const double *logits, const uint32_t *labels, uint64_t n,
                                         uint32_t n_classes);
/** Bias-corrected temperature scaling: T and bias [n_classes] that minimise the NLL of
 *  softmax(logits / T + bias); what EM on label shift asks of its probabilities. The last class
 * that occurs and classes without labels have bias 0. Labels that the logits separate give a T near
 * 0. At most 1,024 classes. DSB_E_NUMERIC if it does not converge. Alexandari et al. 2020. */
DSB_API dsb_status dsb_stats_bias_temperature(dsb_runtime *rt, double *temperature, double *bias,
                                              double *nll, const double *logits,
                                              const uint32_t *labels, uint64_t n,
                                              uint32_t n_classes);
/** CORP: Brier score of the top confidence = miscalibration - discrimination + uncertainty, by
 *  isotonic regression, without bins. recalibrated [n] or NULL. Dimitriadis et al. 2021. */
DSB_API dsb_status dsb_stats_isotonic_scores(dsb_runtime *rt, double *miscalibration,
                                             double *discrimination, double *uncertainty,
                                             double *recalibrated, const double *confidence,
                                             const uint8_t *right, uint64_t n);

/* ---- label shift and accuracy without labels ---- */

/** Class shares of a new set from its predicted counts [n_classes] and the source's confusion
 *  matrix: weights w = C^-1 mu and shares w p(y) [n_classes] (may be negative: then p(x|y)
 * changed).
 *  @param condition of the joint matrix, may be NULL. DSB_E_NUMERIC if it is singular. BBSE, Lipton
 *  et al. 2018. */
DSB_API dsb_status dsb_stats_bbse(dsb_runtime *rt, double *weights, double *shares,
                                  double *condition, const uint64_t *confusion,
                                  const uint64_t *predicted, uint32_t n_classes);
/** Percentile bootstrap of the shares over items of both sets: low, high [n_classes]. */
DSB_API dsb_status dsb_stats_bbse_interval(dsb_runtime *rt, double *low, double *high,
                                           const uint64_t *confusion, const uint64_t *predicted,
                                           uint32_t n_classes, double alpha, uint64_t n_replicates,
                                           uint64_t seed);
/** The same with ridge regularisation towards "no shift". RLLS, Azizzadenesheli et al. 2019. */
DSB_API dsb_status dsb_stats_rlls(dsb_runtime *rt, double *weights, double *shares,
                                  const uint64_t *confusion, const uint64_t *predicted,
                                  uint32_t n_classes, double regularisation);
/** Percentile bootstrap of these shares over items of both sets. */
DSB_API dsb_status dsb_stats_rlls_interval(dsb_runtime *rt, double *low, double *high,
                                           const uint64_t *confusion, const uint64_t *predicted,
                                           uint32_t n_classes, double regularisation, double alpha,
                                           uint64_t n_replicates, uint64_t seed);
/** Shares by expectation-maximisation from calibrated probabilities [n, n_classes] on the new set
 *  and class shares `prior` of the source. Saerens et al. 2002. */
DSB_API dsb_status dsb_stats_label_em(dsb_runtime *rt, double *shares, uint64_t *n_rounds,
                                      const double *prior, const double *probabilities, uint64_t n,
                                      uint32_t n_classes, uint64_t max_rounds);

/** Percentile bootstrap of these shares over the items of the new set. */
DSB_API dsb_status dsb_stats_label_em_interval(dsb_runtime *rt, double *low, double *high,
                                               const double *prior, const double *probabilities,
                                               uint64_t n, uint32_t n_classes, uint64_t max_rounds,
                                               double alpha, uint64_t n_replicates, uint64_t seed);

/** Average threshold confidence: t such that as many source scores lie below it as there are source
 *  errors (order statistic, ties count as above); accuracy = share of target scores >= t. Garg et
 *  al. 2022. */
DSB_API dsb_status dsb_stats_atc(dsb_runtime *rt, double *accuracy, double *threshold,
                                 const double *source, const uint8_t *right, uint64_t n_source,
                                 const double *target, uint64_t n_target);
/** Difference of confidences: accuracy_source - (confidence_source - confidence_target), within
 *  [0, 1]. Guillory et al. 2021. */
DSB_API double dsb_stats_doc(double accuracy_source, double confidence_source,
                             double confidence_target);
/** Share of items on which two models predict the same. One minus it, for two runs of one recipe,
 *  estimates the error (GDE, Jiang et al. 2022). */
DSB_API dsb_status dsb_stats_agreement(double *share, const uint32_t *a, const uint32_t *b,
                                       uint64_t n);
/** Agreement on the line (Baek et al. 2022): the line through the agreements of all pairs i < j in
 *  the order (0,1), (0,2), ... (1,2), ..., and accuracies on the target [n_models] estimated from
 * it one by one (S) and jointly (D); either may be NULL. Trust them only if line->r2 > 0.95. */
DSB_API dsb_status dsb_stats_agreement_line(dsb_runtime *rt, dsb_stats_line *line,
                                            double *estimate_s, double *estimate_d,
                                            const double *accuracy_source,
                                            const double *agreement_source,
                                            const double *agreement_target, uint64_t n_models,
                                            uint32_t scale, double alpha);

/* ---- composition, clusters ---- */

/** Splits the gap accuracy_a - accuracy_b into another mix of classes and lower rates within them
 *  (Kitagawa 1955). Counts per class [n_classes]. */
DSB_API dsb_status dsb_stats_composition(double *composition, double *rate, const uint64_t *right_a,
                                         const uint64_t *n_a, const uint64_t *right_b,
                                         const uint64_t *n_b, uint32_t n_classes);
/** Accuracy at given class weights (>= 0, scaled to sum 1) and its standard error. */
DSB_API dsb_status dsb_stats_standardised(double *accuracy, double *se, const uint64_t *right,
                                          const uint64_t *n, const double *weights,
                                          uint32_t n_classes);
/** Mean and cluster-robust standard error sqrt(sum_c (sum_{i in c} (x_i - mean))^2) / n; `naive`
 *  (may be NULL) is the one that takes items for independent. Miller 2024. */
DSB_API dsb_status dsb_stats_clustered_se(dsb_runtime *rt, double *mean, double *se, double *naive,
                                          const double *x, const uint32_t *cluster, uint64_t n,
                                          uint64_t n_clusters);

/* ---- two-sample tests ---- */

#define DSB_STATS_KERNEL_GAUSSIAN 0u /* exp(-d^2 / 2 s^2) */
#define DSB_STATS_KERNEL_ENERGY 1u   /* -d: the statistic is the energy distance */
#define DSB_STATS_KERNEL_CUBIC 2u    /* (x.y / dim + 1)^3: on Inception features, KID */

/** Unbiased MMD^2 between x [m, dim] and y [n, dim] (may be negative) and its permutation p-value.
 *  @param p          NULL: no permutations.
 *  @param bandwidth  in: s of the Gaussian kernel, 0 = median distance of up to 1,000 pooled
 * points; out: the one used. May be NULL. Kernel values in f32, sums in f64; independent of the
 * number of threads. m, n >= 2. */
DSB_API dsb_status dsb_stats_mmd(dsb_runtime *rt, double *mmd2, double *p, double *bandwidth,
                                 const float *x, uint64_t m, const float *y, uint64_t n,
                                 uint64_t dim, uint32_t kernel, uint64_t n_permutations,
                                 uint64_t seed);
/** Frechet distance (FID) between Gaussians fitted to two feature sets; dim <= 1024. */
DSB_API dsb_status dsb_stats_frechet(dsb_runtime *rt, double *distance, const float *x, uint64_t m,
                                     const float *y, uint64_t n, uint64_t dim);
/** Kolmogorov-Smirnov distance and p-value: exact (for values without ties, conservative with) up
 *  to m n = 10^7 while p > 1e-9, else asymptotic with Stephens' correction. */
DSB_API dsb_status dsb_stats_ks(dsb_runtime *rt, double *d, double *p, const double *x, uint64_t m,
                                const double *y, uint64_t n);
/** KS on each of n_outputs outputs (BBSD: softmax outputs), x [m, n_outputs], and the smallest p
 *  times n_outputs (Bonferroni). */
DSB_API dsb_status dsb_stats_ks_outputs(dsb_runtime *rt, double *d, double *p, double *p_corrected,
                                        const double *x, uint64_t m, const double *y, uint64_t n,
                                        uint64_t n_outputs);
/** Same shares in two rows of counts? Chi-square and G (may be NULL), cells empty on both sides
 * left out, and the total variation distance (may be NULL) as effect size. */
DSB_API dsb_status dsb_stats_homogeneity(double *chi2, double *g, double *df, double *p,
                                         double *total_variation, const uint64_t *a,
                                         const uint64_t *b, uint64_t n_cells);
/** Area under the ROC curve of a classifier's scores (the effect size of a classifier two-sample
 *  test), DeLong's interval and the Mann-Whitney p-value; ci and p may be NULL. */
DSB_API dsb_status dsb_stats_auc(dsb_runtime *rt, double *auc, double ci[2], double *p,
                                 const double *positive, uint64_t m, const double *negative,
                                 uint64_t n, double alpha);
#define DSB_STATS_C2ST_LINEAR 0u /* ridge discriminant: differences in means; dim <= 2,048 */
#define DSB_STATS_C2ST_NEAREST                                        \
    1u /* k nearest neighbours: differences of any shape, in few dims \
        */

typedef struct dsb_stats_c2st {
    uint64_t struct_size;     /* set by _init */
    uint64_t n_train, n_test; /* points trained and tested on */
    uint64_t correct;         /* test points put into the right sample */
    double accuracy, chance;  /* correct / n_test; share of the larger sample */
    double accuracy_ci[2];    /* Clopper-Pearson */
    double p;                 /* exact binomial, accuracy above chance */
    double auc, auc_ci[2];    /* effect size: chance that x looks more like x than y does */
    double p_auc;             /* Mann-Whitney, two-sided */
    double detectable;        /* smallest accuracy that this test finds with power 0.8 */
} dsb_stats_c2st;
DSB_API void dsb_stats_c2st_init(dsb_stats_c2st *out, size_t size);
/** Classifier two-sample test of x [m, dim] against y [n, dim]: half of the points train, the
 * others test. Independent of the number of threads. m, n >= 4. Lopez-Paz & Oquab 2017. */
DSB_API dsb_status dsb_stats_c2st_run(dsb_runtime *rt, dsb_stats_c2st *out, const float *x,
                                      uint64_t m, const float *y, uint64_t n, uint64_t dim,
                                      uint32_t classifier, double alpha, uint64_t seed);
/** Difference of means and its two-sided permutation p-value. */
DSB_API dsb_status dsb_stats_permutation_means(dsb_runtime *rt, double *difference, double *p,
                                               const double *x, uint64_t m, const double *y,
                                               uint64_t n, uint64_t n_permutations, uint64_t seed);

/* ---- leaderboards ---- */

typedef struct dsb_stats_ladder dsb_stats_ladder;
/** A leaderboard over n items that releases a score only for a real improvement (Blum & Hardt
 * 2015).
 *  @param step smallest improvement and rounding; 0: the parameter-free form. */
DSB_API dsb_status dsb_stats_ladder_create(dsb_runtime *rt, dsb_stats_ladder **out, uint64_t n,
                                           double step);
/** Submits losses [n]; `released` is the best score so far as the board shows it. */
DSB_API dsb_status dsb_stats_ladder_submit(dsb_stats_ladder *ladder, double *released,
                                           const double *loss);
DSB_API void dsb_stats_ladder_free(dsb_stats_ladder *ladder);

typedef struct dsb_stats_thresholdout dsb_stats_thresholdout;
/** Reusable hold-out (Dwork et al. 2015): noise scale sigma, at most `budget` answers from the
 *  hold-out set. */
DSB_API dsb_status dsb_stats_thresholdout_create(dsb_runtime *rt, dsb_stats_thresholdout **out,
                                                 double threshold, double sigma, uint64_t budget,
                                                 uint64_t seed);
/** Answers one query with its means on both sets. DSB_E_LIMIT when the budget is spent. */
DSB_API dsb_status dsb_stats_thresholdout_query(dsb_stats_thresholdout *t, double *answer,
                                                double on_train, double on_holdout);
DSB_API void dsb_stats_thresholdout_free(dsb_stats_thresholdout *t);

/** P(this few errors or fewer on the public part) if public and private are one shuffled set:
 *  hypergeometric. Small values speak for overfitting to the public part. */
DSB_API dsb_status dsb_stats_public_private(double *p, uint64_t wrong_public, uint64_t n_public,
                                            uint64_t wrong_private, uint64_t n_private);
/** Expected maximum of k standard normals: how much the best of k equal submissions flatters, in
 *  standard errors. */
DSB_API double dsb_stats_best_of(double k);
/** Bias that any procedure may reach after learning `bits` bits about n items, with probability
 *  1 - delta: sqrt((bits ln 2 + ln(2/delta)) / 2n). */
DSB_API double dsb_stats_adaptive_bound(double bits, double n, double delta);

/* ---- splits ---- */

/** Fold number 0 .. k-1 of each of n items. Folds differ by at most one item, overall and within
 *  every class of `strata` (NULL: none). Items of one group (NULL: none) stay together; folds are
 *  then as even as a greedy choice makes them and never empty. `repeat` 0, 1, ... gives the
 *  shuffles of iterated k-fold. DSB_E_DATA: fewer items or groups than folds. */
DSB_API dsb_status dsb_stats_folds(dsb_runtime *rt, uint32_t *fold, uint64_t n, uint32_t k,
                                   const uint32_t *strata, const uint32_t *groups, uint64_t seed,
                                   uint64_t repeat);
/** Mean of cross-validation scores and the t interval with Nadeau & Bengio's variance
 *  (1/J + n_test/n_train) s^2, J scores. `se` may be NULL. */
DSB_API dsb_status dsb_stats_corrected_cv(double *mean, double *se, double ci[2],
                                          const double *score, uint64_t n_scores, double n_train,
                                          double n_test, double alpha);
/** 5x2cv paired t test (Dietterich 1998) and combined F test (Alpaydin 1999) from differences
 *  [5, 2] of two models' scores. */
DSB_API dsb_status dsb_stats_five_by_two(double *t, double *p_t, double *f, double *p_f,
                                         const double *difference);
/** Largest-remainder apportionment: seats in proportion to weights (>= 0) that sum to total; ties
 * go to the lower index. As CIFAR-10.1 and ImageNetV2 were composed. */
DSB_API dsb_status dsb_stats_apportion(dsb_runtime *rt, uint64_t *seats, const double *weight,
                                       uint64_t n_parts, uint64_t total);

/* ---- bootstrap of any statistic ---- */

/** Value of the statistic on items index[0..n). Called on any thread, several at once. */
typedef double (*dsb_stats_statistic)(void *user, const uint64_t *index, uint64_t n);

typedef struct dsb_stats_bootstrap_opts {
    uint64_t struct_size;     /* set by _init */
    uint64_t n_replicates;    /* 2 .. 1e8; default 10,000 */
    uint64_t seed;            /* default 0 */
    double alpha;             /* default 0.05 */
    const uint32_t *strata;   /* [n] resample within each; NULL (default): one stratum */
    uint64_t n_strata;        /* values of `strata` lie below */
    const uint32_t *clusters; /* [n] items that are drawn together; NULL (default): none */
    uint64_t n_clusters;      /* values of `clusters` lie below */
    uint64_t bca;             /* 1: BCa ends too (n more evaluations); default 0 */
} dsb_stats_bootstrap_opts;
DSB_API void dsb_stats_bootstrap_opts_init(dsb_stats_bootstrap_opts *opts, size_t size);

typedef struct dsb_stats_bootstrap_result {
    uint64_t struct_size;                   /* set by _init */
    uint64_t n_failed;                      /* replicates that gave NaN, left out */
    double estimate, se;                    /* on the data; standard deviation of the replicates */
    double bias;                            /* mean of the replicates minus the estimate */
    double percentile[2], basic[2], bca[2]; /* bca: NaN unless asked for */
} dsb_stats_bootstrap_result;
DSB_API void dsb_stats_bootstrap_result_init(dsb_stats_bootstrap_result *out, size_t size);

/** Bootstrap of `fn` over n items. */
DSB_API dsb_status dsb_stats_bootstrap(dsb_runtime *rt, dsb_stats_bootstrap_result *out, uint64_t n,
                                       const dsb_stats_bootstrap_opts *opts, dsb_stats_statistic fn,
                                       void *user);

/* ---- distributions ---- */

/** Normal: density, P(N <= z), P(N > z), quantile. Relative error of either tail about 1e-15. */
DSB_API double dsb_stats_normal_pdf(double z);
DSB_API double dsb_stats_normal_cdf(double z);
DSB_API double dsb_stats_normal_sf(double z);
DSB_API double dsb_stats_normal_quantile(double p);
/** ln Gamma(x), x > 0. */
DSB_API double dsb_stats_log_gamma(double x);
/** Regularised incomplete beta I_x(a, b), a, b > 0, and the x for a given I. */
DSB_API double dsb_stats_beta_cdf(double x, double a, double b);
DSB_API double dsb_stats_beta_quantile(double p, double a, double b);
/** Regularised lower incomplete gamma P(shape, x). */
DSB_API double dsb_stats_gamma_cdf(double x, double shape);
/** Chi-square: P(X <= x), P(X > x), quantile. df > 0, need not be whole. */
DSB_API double dsb_stats_chi2_cdf(double x, double df);
DSB_API double dsb_stats_chi2_sf(double x, double df);
DSB_API double dsb_stats_chi2_quantile(double p, double df);
/** Student t: P(T > t), quantile; df > 0, infinity allowed. F: P(F > f). */
DSB_API double dsb_stats_t_sf(double t, double df);
DSB_API double dsb_stats_t_quantile(double p, double df);
DSB_API double dsb_stats_f_sf(double f, double df1, double df2);

#ifdef __cplusplus
}
#endif

#endif
