/* Frechet distance between Gaussians fitted to two feature sets (FID):
 *     |mu1 - mu2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)),  tr (S1 S2)^(1/2) = sum sqrt eig(R S2 R), R =
 * S1^(1/2) Symmetric eigenproblems only, so no complex roots and no "add eps to the diagonal".
 * Source: Heusel et al. 2017; Dowson & Landau 1982. */
#include "base/runtime.h"
#include "stats/linalg.h"
#include "stats/special.h"

static void moments(double *mean, double *covariance, const float *x, size_t n, size_t dim)
{
    for (size_t d = 0; d < dim; d++) {
        mean[d] = 0;
        for (size_t i = 0; i < n; i++)
            mean[d] += (double)x[i * dim + d] / (double)n;
    }
    for (size_t i = 0; i < dim * dim; i++)
        covariance[i] = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t a = 0; a < dim; a++) {
            double va = ((double)x[i * dim + a] - mean[a]) / ((double)n - 1);
            for (size_t b = a; b < dim; b++)
                covariance[a * dim + b] += va * ((double)x[i * dim + b] - mean[b]);
        }
    for (size_t a = 0; a < dim; a++)
        for (size_t b = 0; b < a; b++)
            covariance[a * dim + b] = covariance[b * dim + a];
}

static void multiply(double *c, const double *a, const double *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++)
            c[i * n + j] = 0;
        for (size_t k = 0; k < n; k++)
            for (size_t j = 0; j < n; j++)
                c[i * n + j] += a[i * n + k] * b[k * n + j];
    }
}

dsb_status dsb_stats_frechet(dsb_runtime *rt, double *distance, const float *x, uint64_t m,
                             const float *y, uint64_t n, uint64_t dim)
{
    dsbi_clear_error();
    if (!rt || !distance || !x || !y || dim == 0)
        return dsbi_fail(DSB_E_INVALID, "Frechet distance needs two sets of features");
    if (m < 2 || n < 2)
        return dsbi_fail(DSB_E_SHAPE, "Frechet distance needs two items on either side");
    if (dim > 1024)
        return dsbi_fail(DSB_E_LIMIT, "Frechet distance of %llu dimensions (at most 1024)",
                         (unsigned long long)dim);
    for (uint64_t i = 0; i < (m + n) * dim; i++)
        if (!isfinite(i < m * dim ? x[i] : y[i - m * dim]))
            return dsbi_fail(DSB_E_NUMERIC, "a feature of item %llu is not finite",
                             (unsigned long long)(i / dim));
    size_t k = (size_t)dim, kk = k * k;
    double *work = dsbi_alloc_array(rt, 5 * kk + 3 * k, sizeof *work);
    if (!work)
        return DSB_E_NOMEM;
    double *s1 = work, *s2 = s1 + kk, *vectors = s2 + kk, *root = vectors + kk, *t = root + kk;
    double *mu1 = t + kk, *mu2 = mu1 + k, *value = mu2 + k, sum = 0;
    moments(mu1, s1, x, (size_t)m, k);
    moments(mu2, s2, y, (size_t)n, k);
    for (size_t d = 0; d < k; d++)
        sum += (mu1[d] - mu2[d]) * (mu1[d] - mu2[d]) + s1[d * k + d] + s2[d * k + d];
    dsbi_symmetric_eigen(value, vectors, s1, k);
    for (size_t i = 0; i < k; i++) /* root = V sqrt(L) V' */
        for (size_t j = 0; j < k; j++) {
            root[i * k + j] = 0;
            for (size_t c = 0; c < k; c++)
                root[i * k + j] +=
                    vectors[i * k + c] * sqrt(value[c] > 0 ? value[c] : 0) * vectors[j * k + c];
        }
    multiply(t, root, s2, k);
    multiply(s1, t, root, k);
    for (size_t i = 0; i < k; i++) /* exact symmetry for Jacobi */
        for (size_t j = 0; j < i; j++)
            s1[i * k + j] = s1[j * k + i] = 0.5 * (s1[i * k + j] + s1[j * k + i]);
    dsbi_symmetric_eigen(value, NULL, s1, k);
    for (size_t c = 0; c < k; c++)
        sum -= 2 * sqrt(value[c] > 0 ? value[c] : 0);
    dsbi_free(rt, work);
    *distance = sum > 0 ? sum : 0;
    return DSB_OK;
}
