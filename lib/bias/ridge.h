/* Ridge classification, closed form, in memory that does not grow with the number of rows.
 *
 *   W = argmin |Z W - Y|^2 + lambda |W|^2,   Z: standardised features, Y: one-hot minus class
 * shares
 *
 * Rows arrive in blocks and only their sums are kept (Gram matrix [d, d], cross products), beside
 * at most RIDGE_KEPT rows on which lambda is chosen by the closed-form leave-one-out error (Golub,
 * Heath, Wahba 1979; Hastie, Tibshirani, Friedman 2009, eq. 7.52). */
#ifndef DSBI_BIAS_RIDGE_H
#define DSBI_BIAS_RIDGE_H

#include "base/runtime.h"

typedef struct dsbi_ridge {
    dsb_runtime *rt;
    size_t d, n_classes;
    uint64_t n;       /* rows seen */
    uint64_t n_total; /* rows that will be seen */
    double *gram;     /* [d, d] sums of products of shifted features */
    double *cross;    /* [d, n_classes] sums of shifted features by class */
    double *sum;      /* [d] */
    double *shift;    /* [d] mean of the first block: keeps the sums small */
    double *counts;   /* [n_classes] */
    float *kept;      /* [n_kept, d] */
    uint32_t *kept_labels;
    size_t n_kept, kept_capacity;
    double *block; /* [block_rows, d] scratch */
    size_t block_rows;
    double *scale;   /* [d] 1 / standard deviation, after fit */
    double *weights; /* [d, n_classes], after fit */
    double *bias;    /* [n_classes] */
    double lambda;   /* chosen, relative to the mean eigenvalue */
    float *left_out; /* [n_kept, n_classes] leave-one-out scores of the kept rows, after fit */
} dsbi_ridge;

/* `n_total` rows will be added in blocks of at most `block_rows`. */
dsb_status dsbi_ridge_init(dsbi_ridge *ridge, dsb_runtime *rt, size_t d, size_t n_classes,
                           uint64_t n_total, size_t block_rows);
void dsbi_ridge_free(dsbi_ridge *ridge);

/* features [n, d], labels [n], n <= block_rows. */
dsb_status dsbi_ridge_add(dsbi_ridge *ridge, const float *features, const uint32_t *labels,
                          size_t n);

/* Chooses lambda and solves. Uses up the Gram matrix. */
dsb_status dsbi_ridge_fit(dsbi_ridge *ridge);

/* The temperature that calibrates softmax(scores / T), from the leave-one-out scores: unlike the
 * scores of a small select part they are rarely all right. */
double dsbi_ridge_temperature(const dsbi_ridge *ridge);

/* scores [n_classes] of one row of features [d]. */
void dsbi_ridge_predict(const dsbi_ridge *ridge, float *scores, const float *features);

#endif
