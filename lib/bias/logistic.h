/* Multinomial logistic regression with an L2 penalty, for rungs with few features, and the
 * temperature that calibrates the scores of any rung on the select part. */
#ifndef DSBI_BIAS_LOGISTIC_H
#define DSBI_BIAS_LOGISTIC_H

#include "base/runtime.h"

typedef struct dsbi_logistic {
    size_t n_features, n_classes;
    double *mean,
        *scale; /* [n_features] standardisation: z = (x - mean) * scale; scale 0 for a constant */
    double *weights; /* [n_features + 1, n_classes]; the last row is the intercept */
} dsbi_logistic;

/* Fits on x [n, n_features] row-major and labels [n] in [0, n_classes). Penalty `l2` * n / 2 *
 * |W|^2 on standardised features, none on the intercept. The same bits for any number of threads.
 * @return DSB_OK, DSB_E_NOMEM, DSB_E_NUMERIC for a feature that is not finite. */
dsb_status dsbi_logistic_fit(dsb_runtime *rt, dsbi_logistic *model, const double *x,
                             const uint32_t *labels, size_t n, size_t n_features, size_t n_classes,
                             double l2);
void dsbi_logistic_free(dsb_runtime *rt, dsbi_logistic *model);

/* probabilities [n_classes] of one row x [n_features]. */
void dsbi_logistic_predict(const dsbi_logistic *model, const double *x, double *probabilities);

/* In place: scores [n] -> softmax(scores / temperature). */
void dsbi_softmax(double *scores, size_t n, double temperature);

/* The temperature in [1e-3, 1e3] that minimises the cross-entropy of softmax(scores / T) on
 * scores [n, n_classes]: golden section over log T, on which the loss is unimodal. Guo et al. 2017.
 */
double dsbi_fit_temperature(const float *scores, const uint32_t *labels, size_t n,
                            size_t n_classes);

#endif
