/* See linalg.h. */
#include "stats/linalg.h"

#include <float.h>
#include <math.h>

static void swap(double *a, double *b)
{
    double t = *a;
    *a = *b;
    *b = t;
}

dsb_status dsbi_solve(double *a, double *b, size_t n)
{
    double scale = 0;
    for (size_t i = 0; i < n * n; i++)
        scale = fmax(scale, fabs(a[i]));
    for (size_t k = 0; k < n; k++) {
        size_t pivot = k;
        for (size_t i = k + 1; i < n; i++)
            if (fabs(a[i * n + k]) > fabs(a[pivot * n + k]))
                pivot = i;
        if (!(fabs(a[pivot * n + k]) > scale * DBL_EPSILON * (double)n))
            return dsbi_fail(DSB_E_NUMERIC, "singular system: column %zu of %zu", k, n);
        for (size_t j = k; pivot != k && j < n; j++)
            swap(&a[k * n + j], &a[pivot * n + j]);
        if (pivot != k)
            swap(&b[k], &b[pivot]);
        for (size_t i = k + 1; i < n; i++) {
            double f = a[i * n + k] / a[k * n + k];
            if (f == 0)
                continue;
            for (size_t j = k + 1; j < n; j++)
                a[i * n + j] -= f * a[k * n + j];
            b[i] -= f * b[k];
        }
    }
    for (size_t i = n; i-- > 0;) {
        for (size_t j = i + 1; j < n; j++)
            b[i] -= a[i * n + j] * b[j];
        b[i] /= a[i * n + i];
    }
    return DSB_OK;
}

void dsbi_singular_values(double *value, double *a, size_t n)
{
    for (int sweep = 0; sweep < 60; sweep++) {
        double off = 0;
        for (size_t p = 0; p + 1 < n; p++)
            for (size_t q = p + 1; q < n; q++) {
                double pp = 0, qq = 0, pq = 0;
                for (size_t i = 0; i < n; i++) {
                    pp += a[i * n + p] * a[i * n + p];
                    qq += a[i * n + q] * a[i * n + q];
                    pq += a[i * n + p] * a[i * n + q];
                }
                if (fabs(pq) <= DBL_EPSILON * sqrt(pp * qq))
                    continue;
                off = 1;
                double zeta = (qq - pp) / (2 * pq);
                double t = (zeta >= 0 ? 1 : -1) / (fabs(zeta) + sqrt(1 + zeta * zeta));
                double c = 1 / sqrt(1 + t * t), s = c * t;
                for (size_t i = 0; i < n; i++) {
                    double x = a[i * n + p], y = a[i * n + q];
                    a[i * n + p] = c * x - s * y;
                    a[i * n + q] = s * x + c * y;
                }
            }
        if (off == 0)
            break;
    }
    for (size_t j = 0; j < n; j++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += a[i * n + j] * a[i * n + j];
        value[j] = sqrt(sum);
        for (size_t k = j; k > 0 && value[k] > value[k - 1]; k--)
            swap(&value[k], &value[k - 1]);
    }
}

void dsbi_symmetric_eigen(double *value, double *vector, double *a, size_t n)
{
    for (size_t i = 0; vector && i < n * n; i++)
        vector[i] = i % (n + 1) == 0;
    for (int sweep = 0; sweep < 60; sweep++) {
        double off = 0, diagonal = 0;
        for (size_t i = 0; i < n; i++) {
            diagonal += a[i * n + i] * a[i * n + i];
            for (size_t j = i + 1; j < n; j++)
                off += a[i * n + j] * a[i * n + j];
        }
        if (!(off > 1e-30 * diagonal))
            break;
        for (size_t p = 0; p + 1 < n; p++)
            for (size_t q = p + 1; q < n; q++) {
                double apq = a[p * n + q];
                if (fabs(apq) <= 1e-18 * sqrt(fabs(a[p * n + p] * a[q * n + q])))
                    continue;
                double theta = (a[q * n + q] - a[p * n + p]) / (2 * apq);
                double t = (theta >= 0 ? 1 : -1) / (fabs(theta) + sqrt(1 + theta * theta));
                double c = 1 / sqrt(1 + t * t), s = c * t;
                for (size_t k = 0; k < n; k++) {
                    double x = a[k * n + p], y = a[k * n + q];
                    a[k * n + p] = c * x - s * y;
                    a[k * n + q] = s * x + c * y;
                }
                for (size_t k = 0; k < n; k++) {
                    double x = a[p * n + k], y = a[q * n + k];
                    a[p * n + k] = c * x - s * y;
                    a[q * n + k] = s * x + c * y;
                }
                for (size_t k = 0; vector && k < n; k++) {
                    double x = vector[k * n + p], y = vector[k * n + q];
                    vector[k * n + p] = c * x - s * y;
                    vector[k * n + q] = s * x + c * y;
                }
            }
    }
    for (size_t i = 0; i < n; i++)
        value[i] = a[i * n + i];
}
