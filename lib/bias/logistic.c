/* Multinomial logistic regression by Boehning's bound.
 *
 * The Hessian of the negative log-likelihood is at most 1/2 (I - 11'/N) (x) X'X (Boehning 1992,
 * "Multinomial logistic regression algorithm", sec. 2). For weights whose rows sum to zero over the
 * classes the first factor is 1/2, so each step is one solve with the fixed matrix 1/2 X'X + l2 n
 * I, factored once; the loss falls in every step, without line search. Nesterov momentum, restarted
 * when the loss rises, brings the number of steps from thousands to a hundred or two. */
#include "bias/logistic.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>
#include "tensor/dense.h"

enum { MAX_STEPS = 2000 };
static const double STOP_GRADIENT = 1e-7; /* largest entry of the gradient, per image */

typedef struct fit {
    dsb_runtime *rt;
    const double *z;        /* [n, d] standardised, last column 1 */
    const uint32_t *labels; /* [n] */
    size_t n, d, n_classes;
    double penalty;   /* l2 * n */
    double *factor;   /* [d, d] lower Cholesky factor of the bound */
    double *gradient; /* [d, n_classes] */
    double *p;        /* [n_classes] */
} fit;

void dsbi_softmax(double *scores, size_t n, double temperature)
{
    double top = scores[0], sum = 0;
    for (size_t c = 1; c < n; c++)
        top = scores[c] > top ? scores[c] : top;
    for (size_t c = 0; c < n; c++) {
        scores[c] = exp((scores[c] - top) / temperature);
        sum += scores[c];
    }
    for (size_t c = 0; c < n; c++)
        scores[c] /= sum;
}

/* Standardises x into z, fills mean and scale. */
static dsb_status standardise(dsbi_logistic *model, double *z, const double *x, size_t n)
{
    size_t d = model->n_features;
    for (size_t j = 0; j < d; j++) {
        double sum = 0, squares = 0;
        for (size_t i = 0; i < n; i++)
            sum += x[i * d + j];
        double mean = sum / (double)n;
        if (!isfinite(mean))
            return dsbi_fail(DSB_E_NUMERIC, "logistic regression: feature %zu is not finite", j);
        for (size_t i = 0; i < n; i++) {
            double centred = x[i * d + j] - mean;
            squares += centred * centred;
        }
        double variance = squares / (double)n;
        model->mean[j] = mean;
        model->scale[j] = variance > 1e-12 * (1 + mean * mean) ? 1 / sqrt(variance) : 0;
        for (size_t i = 0; i < n; i++)
            z[i * (d + 1) + j] = (x[i * d + j] - mean) * model->scale[j];
    }
    for (size_t i = 0; i < n; i++)
        z[i * (d + 1) + d] = 1;
    return DSB_OK;
}

/* Lower Cholesky factor of 1/2 Z'Z + penalty on all but the intercept. A constant feature is a
 * column of zeros: the unit on its diagonal keeps its weight at zero. */
static dsb_status factor_bound(fit *f, const dsbi_logistic *model)
{
    size_t d = f->d;
    memset(f->factor, 0, d * d * sizeof *f->factor);
    DSBI_TRY(dsbi_syrk_f64(f->rt, d, f->n, f->z, d, f->factor, d));
    for (size_t r = 0; r < d; r++)
        for (size_t c = 0; c <= r; c++)
            f->factor[r * d + c] *= 0.5;
    for (size_t r = 0; r + 1 < d; r++)
        f->factor[r * d + r] += model->scale[r] > 0 ? f->penalty : 1;
    return dsbi_fail_at(dsbi_cholesky_f64(f->rt, d, f->factor, d),
                        "logistic regression: features depend on each other");
}

/* Loss at w and its gradient. */
static double loss_and_gradient(fit *f, const double *w)
{
    size_t d = f->d, n_classes = f->n_classes;
    double loss = 0;
    memset(f->gradient, 0, d * n_classes * sizeof *f->gradient);
    for (size_t i = 0; i < f->n; i++) {
        const double *row = f->z + i * d;
        memset(f->p, 0, n_classes * sizeof *f->p);
        for (size_t j = 0; j < d; j++)
            for (size_t c = 0; c < n_classes; c++)
                f->p[c] += row[j] * w[j * n_classes + c];
        dsbi_softmax(f->p, n_classes, 1);
        loss -= log(f->p[f->labels[i]] + 1e-300);
        f->p[f->labels[i]] -= 1;
        for (size_t j = 0; j < d; j++)
            for (size_t c = 0; c < n_classes; c++)
                f->gradient[j * n_classes + c] += row[j] * f->p[c];
    }
    for (size_t k = 0; k < (d - 1) * n_classes; k++) {
        loss += 0.5 * f->penalty * w[k] * w[k];
        f->gradient[k] += f->penalty * w[k];
    }
    return loss;
}

static double largest(const double *values, size_t n)
{
    double top = 0;
    for (size_t i = 0; i < n; i++)
        top = fabs(values[i]) > top ? fabs(values[i]) : top;
    return top;
}

/* w [d, n_classes] from zero; ahead and before are scratch of the same size. */
static dsb_status descend(fit *f, double *w, double *ahead, double *before)
{
    size_t size = f->d * f->n_classes;
    memset(w, 0, size * sizeof *w);
    memset(ahead, 0, size * sizeof *ahead);
    double momentum = 1, last_loss = INFINITY;
    for (int step = 0; step < MAX_STEPS; step++) {
        double loss = loss_and_gradient(f, ahead);
        if (largest(f->gradient, size) < STOP_GRADIENT * (double)f->n)
            break;
        bool rose = loss > last_loss;
        last_loss = loss;
        DSBI_TRY(dsbi_cholesky_solve_f64(f->rt, f->d, f->factor, f->d, f->n_classes, f->gradient,
                                         f->n_classes));
        memcpy(before, w, size * sizeof *w);
        for (size_t k = 0; k < size; k++)
            w[k] = ahead[k] - f->gradient[k];
        double next = rose ? 1 : (1 + sqrt(1 + 4 * momentum * momentum)) / 2;
        double push = rose ? 0 : (momentum - 1) / next;
        for (size_t k = 0; k < size; k++)
            ahead[k] = w[k] + push * (w[k] - before[k]);
        momentum = next;
    }
    return DSB_OK;
}

dsb_status dsbi_logistic_fit(dsb_runtime *rt, dsbi_logistic *model, const double *x,
                             const uint32_t *labels, size_t n, size_t n_features, size_t n_classes,
                             double l2)
{
    *model = (dsbi_logistic){.n_features = n_features, .n_classes = n_classes};
    size_t d = n_features + 1, size = d * n_classes;
    double *z = dsbi_alloc_array(rt, n * d, sizeof *z);
    double *scratch = dsbi_alloc_array(rt, 3 * size + n_classes + d * d, sizeof *scratch);
    model->mean = dsbi_alloc_array(rt, d, sizeof *model->mean);
    model->scale = dsbi_alloc_array(rt, d, sizeof *model->scale);
    model->weights = dsbi_alloc_array(rt, size, sizeof *model->weights);
    dsb_status status = DSB_E_NOMEM;
    if (!z || !scratch || !model->mean || !model->scale || !model->weights)
        goto done;
    fit f = {.rt = rt,
             .z = z,
             .labels = labels,
             .n = n,
             .d = d,
             .n_classes = n_classes,
             .penalty = l2 * (double)n};
    f.gradient = scratch;
    f.p = scratch + 3 * size;
    f.factor = f.p + n_classes;
    DSBI_GO(standardise(model, z, x, n));
    DSBI_GO(factor_bound(&f, model));
    DSBI_GO(descend(&f, model->weights, scratch + size, scratch + 2 * size));
done:
    dsbi_free(rt, z);
    dsbi_free(rt, scratch);
    if (status != DSB_OK)
        dsbi_logistic_free(rt, model);
    return status;
}

void dsbi_logistic_free(dsb_runtime *rt, dsbi_logistic *model)
{
    dsbi_free(rt, model->mean);
    dsbi_free(rt, model->scale);
    dsbi_free(rt, model->weights);
    *model = (dsbi_logistic){0};
}

void dsbi_logistic_predict(const dsbi_logistic *model, const double *x, double *probabilities)
{
    size_t d = model->n_features, n_classes = model->n_classes;
    memcpy(probabilities, model->weights + d * n_classes, n_classes * sizeof *probabilities);
    for (size_t j = 0; j < d; j++) {
        double z = (x[j] - model->mean[j]) * model->scale[j];
        for (size_t c = 0; c < n_classes; c++)
            probabilities[c] += z * model->weights[j * n_classes + c];
    }
    dsbi_softmax(probabilities, n_classes, 1);
}

/* Of targets smoothed as if each class had been seen once more (Platt 1999): finite temperatures
 * also where every score is right. */
static double cross_entropy(const float *scores, const uint32_t *labels, size_t n, size_t n_classes,
                            double temperature)
{
    double loss = 0, share = 1 / (double)(n + n_classes); /* of each class, beside the true one */
    for (size_t i = 0; i < n; i++) {
        const float *row = scores + i * n_classes;
        double top = row[0], sum = 0, mean = 0;
        for (size_t c = 1; c < n_classes; c++)
            top = row[c] > top ? row[c] : top;
        for (size_t c = 0; c < n_classes; c++) {
            sum += exp((row[c] - top) / temperature);
            mean += share * (row[c] - top);
        }
        double target = (1 - share * (double)n_classes) * (row[labels[i]] - top) + mean;
        loss += log(sum) - target / temperature;
    }
    return loss;
}

double dsbi_fit_temperature(const float *scores, const uint32_t *labels, size_t n, size_t n_classes)
{
    const double golden = 0.61803398874989484820;
    double lo = log(1e-3), hi = log(1e3);
    double a = hi - golden * (hi - lo), b = lo + golden * (hi - lo);
    double at_a = cross_entropy(scores, labels, n, n_classes, exp(a));
    double at_b = cross_entropy(scores, labels, n, n_classes, exp(b));
    while (hi - lo > 1e-4) {
        if (at_a <= at_b) {
            hi = b;
            b = a;
            at_b = at_a;
            a = hi - golden * (hi - lo);
            at_a = cross_entropy(scores, labels, n, n_classes, exp(a));
        } else {
            lo = a;
            a = b;
            at_a = at_b;
            b = lo + golden * (hi - lo);
            at_b = cross_entropy(scores, labels, n, n_classes, exp(b));
        }
    }
    return exp((lo + hi) / 2);
}
