/* A batch norm in inference as part of the product in front of it: with s = gain / sqrt(var + eps)
 *     W'[j] = s[j] W[j],   b'[j] = s[j] (b[j] - mean[j]) + bias[j]
 * for its rows j. Done anew in each forward, for parameters may have changed; the results live as
 * long as the call. */
#ifndef DSBI_NN_FOLD_H
#define DSBI_NN_FOLD_H

#include "nn/layer.h"

typedef struct dsbi_fold {
    const void *weights, *bias; /* [n, k], [n] or NULL */
    const void *norm[4];        /* gain, bias, mean, variance [n] each */
    double eps;
    void *out; /* [n, k], then [n]; NULL: nothing to fold */
    size_t n, k;
} dsbi_fold;

/* Elements of `out`, and where the biases begin. */
static inline size_t dsbi_fold_bias(size_t n, size_t k)
{
    return (n * k + 15) / 16 * 16;
}

static inline size_t dsbi_fold_size(size_t n, size_t k)
{
    return dsbi_fold_bias(n, k) + n;
}

/* `call` says where to compute and in what type. */
dsb_status dsbi_fold_norm(const dsbi_call *call, const dsbi_fold *fold);

#endif
