/* See ridge.h. */
#include "bias/ridge.h"

#include <math.h>
#include <string.h>
#include "bias/logistic.h"
#include "tensor/dense.h"
#include "tensor/matmul.h"

enum { RIDGE_KEPT = 1024, LOO_BLOCK = 512 };
/* lambda over the mean eigenvalue of Z'Z: half decades around the start, walked downhill */
static const double FIRST_LAMBDA = 1e-2, LAMBDA_STEP = 3.16227766016837933;
enum { MOST_STEPS = 8 };

dsb_status dsbi_ridge_init(dsbi_ridge *ridge, dsb_runtime *rt, size_t d, size_t n_classes,
                           uint64_t n_total, size_t block_rows)
{
    *ridge = (dsbi_ridge){
        .rt = rt, .d = d, .n_classes = n_classes, .n_total = n_total, .block_rows = block_rows};
    ridge->kept_capacity = n_total < RIDGE_KEPT ? (size_t)n_total : RIDGE_KEPT;
    ridge->gram = dsbi_calloc(rt, d * d, sizeof(double));
    ridge->cross = dsbi_calloc(rt, d * n_classes, sizeof(double));
    ridge->sum = dsbi_calloc(rt, d, sizeof(double));
    ridge->shift = dsbi_calloc(rt, d, sizeof(double));
    ridge->counts = dsbi_calloc(rt, n_classes, sizeof(double));
    ridge->kept = dsbi_alloc_array(rt, ridge->kept_capacity * d, sizeof(float));
    ridge->kept_labels = dsbi_alloc_array(rt, ridge->kept_capacity, sizeof(uint32_t));
    ridge->left_out = dsbi_alloc_array(rt, ridge->kept_capacity * n_classes, sizeof(float));
    ridge->block = dsbi_alloc_array(rt, block_rows * d, sizeof(double));
    ridge->scale = dsbi_calloc(rt, d, sizeof(double));
    ridge->weights = dsbi_calloc(rt, d * n_classes, sizeof(double));
    ridge->bias = dsbi_calloc(rt, n_classes, sizeof(double));
    bool complete = ridge->gram && ridge->cross && ridge->sum && ridge->shift && ridge->counts &&
                    ridge->kept && ridge->kept_labels && ridge->left_out && ridge->block &&
                    ridge->scale && ridge->weights && ridge->bias;
    if (!complete) {
        dsbi_ridge_free(ridge);
        return DSB_E_NOMEM;
    }
    return DSB_OK;
}

void dsbi_ridge_free(dsbi_ridge *ridge)
{
    if (!ridge->rt)
        return;
    void *owned[] = {ridge->gram,   ridge->cross, ridge->sum,         ridge->shift,
                     ridge->counts, ridge->kept,  ridge->kept_labels, ridge->left_out,
                     ridge->block,  ridge->scale, ridge->weights,     ridge->bias};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
        dsbi_free(ridge->rt, owned[i]);
    *ridge = (dsbi_ridge){0};
}

static void set_shift(dsbi_ridge *ridge, const float *features, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < ridge->d; j++)
            ridge->shift[j] += features[i * ridge->d + j] / (double)n;
}

/* Every (n_total / kept_capacity)-th row is kept. */
static void keep_row(dsbi_ridge *ridge, const float *row, uint32_t label)
{
    uint64_t wanted = ridge->n * ridge->kept_capacity / ridge->n_total;
    if (ridge->n_kept > wanted || ridge->n_kept == ridge->kept_capacity)
        return;
    memcpy(ridge->kept + ridge->n_kept * ridge->d, row, ridge->d * sizeof *row);
    ridge->kept_labels[ridge->n_kept++] = label;
}

dsb_status dsbi_ridge_add(dsbi_ridge *ridge, const float *features, const uint32_t *labels,
                          size_t n)
{
    size_t d = ridge->d;
    if (ridge->n == 0)
        set_shift(ridge, features, n);
    for (size_t i = 0; i < n; i++) {
        const float *row = features + i * d;
        double *shifted = ridge->block + i * d;
        for (size_t j = 0; j < d; j++) {
            shifted[j] = row[j] - ridge->shift[j];
            ridge->sum[j] += shifted[j];
            ridge->cross[j * ridge->n_classes + labels[i]] += shifted[j];
        }
        ridge->counts[labels[i]] += 1;
        keep_row(ridge, row, labels[i]);
        ridge->n++;
    }
    return dsbi_syrk_f64(ridge->rt, d, n, ridge->block, d, ridge->gram, d);
}

/* Sums of shifted features -> products of standardised ones; kept rows likewise. */
static void standardise(dsbi_ridge *ridge)
{
    size_t d = ridge->d, n_classes = ridge->n_classes;
    double n = (double)ridge->n;
    for (size_t j = 0; j < d; j++) {
        double mean = ridge->sum[j] / n, variance = ridge->gram[j * d + j] / n - mean * mean;
        double size = fabs(mean) + fabs(ridge->shift[j]);
        ridge->scale[j] = variance > 1e-12 * (1e-30 + size * size) ? 1 / sqrt(variance) : 0;
    }
    for (size_t r = 0; r < d; r++)
        for (size_t c = 0; c <= r; c++) {
            double centred = ridge->gram[r * d + c] - ridge->sum[r] * ridge->sum[c] / n;
            ridge->gram[r * d + c] = centred * ridge->scale[r] * ridge->scale[c];
        }
    for (size_t j = 0; j < d; j++) {
        double mean = ridge->sum[j] / n;
        for (size_t c = 0; c < n_classes; c++)
            ridge->cross[j * n_classes + c] =
                (ridge->cross[j * n_classes + c] - ridge->counts[c] * mean) * ridge->scale[j];
        ridge->shift[j] += mean; /* from here on the mean itself */
    }
    for (size_t i = 0; i < ridge->n_kept; i++)
        for (size_t j = 0; j < d; j++) {
            float *x = &ridge->kept[i * d + j];
            *x = (float)((*x - ridge->shift[j]) * ridge->scale[j]);
        }
}

/* Lower factor of gram + lambda I into `factor`; weights = solution for the cross products. */
static dsb_status solve(dsbi_ridge *ridge, double *factor, double lambda)
{
    size_t d = ridge->d;
    memcpy(factor, ridge->gram, d * d * sizeof *factor);
    for (size_t j = 0; j < d; j++)
        factor[j * d + j] += lambda;
    DSBI_TRY(dsbi_cholesky_f64(ridge->rt, d, factor, d));
    memcpy(ridge->weights, ridge->cross, d * ridge->n_classes * sizeof *ridge->weights);
    return dsbi_cholesky_solve_f64(ridge->rt, d, factor, d, ridge->n_classes, ridge->weights,
                                   ridge->n_classes);
}

/* Leave-one-out scores [n_kept, n_classes] of the kept rows and their mean squared error. A row's
 * residual without it is its residual over 1 - h, h = z' (Z'Z + lambda I)^-1 z + 1/n. `columns` [d,
 * LOO_BLOCK] is scratch. */
static dsb_status leave_one_out(dsbi_ridge *ridge, const double *factor, double *columns,
                                float *scores, double *error)
{
    size_t d = ridge->d, n_classes = ridge->n_classes;
    double total = 0, n_rows = (double)ridge->n;
    for (size_t first = 0; first < ridge->n_kept; first += LOO_BLOCK) {
        size_t n = ridge->n_kept - first < LOO_BLOCK ? ridge->n_kept - first : LOO_BLOCK;
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < d; j++)
                columns[j * n + i] = ridge->kept[(first + i) * d + j];
        DSBI_TRY(dsbi_cholesky_forward_f64(ridge->rt, d, factor, d, n, columns, n));
        double leverage[LOO_BLOCK] = {0};
        for (size_t j = 0; j < d; j++)
            for (size_t i = 0; i < n; i++)
                leverage[i] += columns[j * n + i] * columns[j * n + i];
        for (size_t i = 0; i < n; i++) {
            const float *row = ridge->kept + (first + i) * d;
            double left = 1 - leverage[i] - 1 / n_rows;
            left = left > 1e-6 ? left : 1e-6;
            for (size_t c = 0; c < n_classes; c++) {
                double fitted = ridge->counts[c] / n_rows,
                       truth = ridge->kept_labels[first + i] == c;
                for (size_t j = 0; j < d; j++)
                    fitted += row[j] * ridge->weights[j * n_classes + c];
                double residual = (truth - fitted) / left;
                scores[(first + i) * n_classes + c] = (float)(truth - residual);
                total += residual * residual;
            }
        }
    }
    *error = total / (double)ridge->n_kept;
    return DSB_OK;
}

/* The error at one lambda; keeps lambda and scores if it is the lowest so far. */
static dsb_status try_lambda(dsbi_ridge *ridge, double *factor, double *columns, float *scores,
                             double lambda, double *best, bool *better)
{
    double error;
    DSBI_TRY(solve(ridge, factor,
                   lambda * (double)ridge->n)); /* trace / d is n where no column is constant */
    DSBI_TRY(leave_one_out(ridge, factor, columns, scores, &error));
    *better = error < *best;
    if (*better) {
        *best = error;
        ridge->lambda = lambda;
        memcpy(ridge->left_out, scores, ridge->n_kept * ridge->n_classes * sizeof *scores);
    }
    return DSB_OK;
}

/* Downhill from the start: upwards, or if the first step up is no better, downwards. */
static dsb_status choose_lambda(dsbi_ridge *ridge, double *factor, double *columns, float *scores)
{
    double best = INFINITY, lambda = FIRST_LAMBDA;
    bool better;
    DSBI_TRY(try_lambda(ridge, factor, columns, scores, lambda, &best, &better));
    int steps_up = -1;
    for (better = true; better && steps_up < MOST_STEPS; steps_up++)
        DSBI_TRY(try_lambda(ridge, factor, columns, scores, lambda *= LAMBDA_STEP, &best, &better));
    if (steps_up > 0)
        return DSB_OK;
    lambda = FIRST_LAMBDA;
    better = true;
    for (int steps = 0; better && steps < MOST_STEPS; steps++)
        DSBI_TRY(try_lambda(ridge, factor, columns, scores, lambda /= LAMBDA_STEP, &best, &better));
    return DSB_OK;
}

dsb_status dsbi_ridge_fit(dsbi_ridge *ridge)
{
    size_t d = ridge->d;
    dsb_runtime *rt = ridge->rt;
    if (ridge->n < 2 || ridge->n != ridge->n_total)
        return dsbi_fail(DSB_E_STATE, "ridge: %llu rows of %llu", (unsigned long long)ridge->n,
                         (unsigned long long)ridge->n_total);
    double *factor = dsbi_alloc_array(rt, d * d, sizeof *factor);
    double *columns = dsbi_alloc_array(rt, d * LOO_BLOCK, sizeof *columns);
    float *scores = dsbi_alloc_array(rt, ridge->n_kept * ridge->n_classes, sizeof *scores);
    dsb_status status = DSB_E_NOMEM;
    if (!factor || !columns || !scores)
        goto done;
    standardise(ridge);
    DSBI_GO(choose_lambda(ridge, factor, columns, scores));
    DSBI_GO(solve(ridge, factor, ridge->lambda * (double)ridge->n));
    for (size_t c = 0; c < ridge->n_classes; c++)
        ridge->bias[c] = ridge->counts[c] / (double)ridge->n;
done:
    dsbi_free(rt, factor);
    dsbi_free(rt, columns);
    dsbi_free(rt, scores);
    return status;
}

double dsbi_ridge_temperature(const dsbi_ridge *ridge)
{
    return dsbi_fit_temperature(ridge->left_out, ridge->kept_labels, ridge->n_kept,
                                ridge->n_classes);
}

void dsbi_ridge_predict(const dsbi_ridge *ridge, float *scores, const float *features)
{
    size_t n_classes = ridge->n_classes;
    double fitted[64];
    memcpy(fitted, ridge->bias, n_classes * sizeof *fitted);
    for (size_t j = 0; j < ridge->d; j++) {
        double z = (features[j] - ridge->shift[j]) * ridge->scale[j];
        for (size_t c = 0; c < n_classes; c++)
            fitted[c] += z * ridge->weights[j * n_classes + c];
    }
    for (size_t c = 0; c < n_classes; c++)
        scores[c] = (float)fitted[c];
}
