/* Bias-corrected temperature scaling: the NLL of softmax(s z + b), s = 1/T, is convex in (s, b), so
 * damped Newton with the exact Hessian finds its minimum. Unknowns: s and the biases of all classes
 * that occur but one, which is 0, since a common shift of b changes nothing.
 * Source: Alexandari, Kundaje & Shrikumar 2020. */
#include <string.h>
#include "base/runtime.h"
#include "stats/linalg.h"
#include "stats/special.h"

typedef struct problem {
    const double *logits; /* [n, k] */
    const uint32_t *labels;
    size_t n, k, unknowns;
    size_t *unknown; /* [k] which unknown a class's bias is; SIZE_MAX: fixed at 0 */
    double *bias;    /* [k] of the point that was evaluated last */
    double *p;       /* [k] */
} problem;

/* NLL at theta; gradient [u] and Hessian [u, u] if asked for. */
static double evaluate(const problem *q, const double *theta, double *gradient, double *hessian)
{
    double value = 0;
    size_t u = q->unknowns;
    for (size_t c = 0; c < q->k; c++)
        q->bias[c] = q->unknown[c] == SIZE_MAX ? 0 : theta[q->unknown[c]];
    if (gradient) {
        memset(gradient, 0, u * sizeof *gradient);
        memset(hessian, 0, u * u * sizeof *hessian);
    }
    for (size_t i = 0; i < q->n; i++) {
        const double *z = q->logits + i * q->k;
        double top = -INFINITY, sum = 0, mean = 0, square = 0;
        for (size_t c = 0; c < q->k; c++)
            top = fmax(top, theta[0] * z[c] + q->bias[c]);
        for (size_t c = 0; c < q->k; c++)
            sum += q->p[c] = exp(theta[0] * z[c] + q->bias[c] - top);
        value += top + log(sum) - theta[0] * z[q->labels[i]] - q->bias[q->labels[i]];
        if (!gradient)
            continue;
        for (size_t c = 0; c < q->k; c++) {
            q->p[c] /= sum;
            mean += q->p[c] * z[c];
            square += q->p[c] * z[c] * z[c];
        }
        gradient[0] += mean - z[q->labels[i]];
        hessian[0] += square - mean * mean;
        for (size_t c = 0; c < q->k; c++) {
            size_t a = q->unknown[c];
            if (a == SIZE_MAX)
                continue;
            gradient[a] += q->p[c] - (c == q->labels[i]);
            hessian[a] += q->p[c] * (z[c] - mean);
            for (size_t d = 0; d <= c; d++)
                if (q->unknown[d] != SIZE_MAX)
                    hessian[a * u + q->unknown[d]] += q->p[c] * ((c == d) - q->p[d]);
        }
    }
    for (size_t a = 0; gradient && a < u;
         a++) { /* the upper half from the lower, first row apart */
        hessian[a * u] = hessian[a];
        for (size_t b = a + 1; b < u && a > 0; b++)
            hessian[a * u + b] = hessian[b * u + a];
    }
    return value / (double)q->n;
}

/* Newton with step halving; a small ridge keeps the system regular. */
static dsb_status minimise(problem *q, double *theta, double *work, double *nll)
{
    size_t u = q->unknowns;
    double *gradient = work, *step = work + u, *trial = work + 2 * u, *hessian = work + 3 * u;
    for (int round = 0; round < 100; round++) {
        double value = evaluate(q, theta, gradient, hessian), decrement = 0, length = 1;
        for (size_t a = 0; a < u; a++) {
            step[a] = gradient[a];
            hessian[a * u + a] += 1e-10 * (double)q->n;
        }
        DSBI_TRY(dsbi_solve(hessian, step, u));
        for (size_t a = 0; a < u; a++)
            decrement += step[a] * gradient[a] / (double)q->n;
        *nll = value;
        if (!(decrement > 1e-16))
            return DSB_OK;
        for (; length > 1e-8; length /= 2) {
            for (size_t a = 0; a < u; a++)
                trial[a] = theta[a] - length * step[a];
            if (trial[0] > 0 && evaluate(q, trial, NULL, NULL) <= value - 1e-4 * length * decrement)
                break;
        }
        if (length <= 1e-8) /* no way down left within rounding */
            return DSB_OK;
        memcpy(theta, trial, u * sizeof *theta);
        if (theta[0] > 1e6)
            break;
    }
    return dsbi_fail(DSB_E_NUMERIC, "temperature and biases do not converge");
}

dsb_status dsb_stats_bias_temperature(dsb_runtime *rt, double *temperature, double *bias,
                                      double *nll, const double *logits, const uint32_t *labels,
                                      uint64_t n, uint32_t n_classes)
{
    dsbi_clear_error();
    if (!rt || !temperature || !bias || !logits || !labels || n == 0 || n_classes < 2)
        return dsbi_fail(DSB_E_INVALID, "calibration needs logits, labels and two classes");
    if (n_classes > 1024)
        return dsbi_fail(DSB_E_LIMIT, "%u classes are more than 1,024", n_classes);
    DSBI_TRY(dsbi_check_finite(logits, (size_t)n * n_classes, "logit"));
    for (uint64_t i = 0; i < n; i++)
        if (labels[i] >= n_classes)
            return dsbi_fail(DSB_E_DATA, "item %llu: label %u, but there are %u classes",
                             (unsigned long long)i, labels[i], n_classes);
    size_t k = n_classes, u = 1;
    problem q = {.logits = logits, .labels = labels, .n = (size_t)n, .k = k};
    q.unknown = dsbi_alloc_array(rt, k, sizeof *q.unknown);
    double *work = dsbi_alloc_array(rt, (k + 1) * (k + 8), sizeof *work), value = 0;
    dsb_status status = q.unknown && work ? DSB_OK : DSB_E_NOMEM;
    if (status == DSB_OK) {
        size_t fixed = SIZE_MAX; /* the last class that occurs */
        for (size_t c = 0; c < k; c++)
            q.unknown[c] = SIZE_MAX;
        for (size_t i = 0; i < q.n; i++) {
            q.unknown[labels[i]] = 0;
            fixed = fixed == SIZE_MAX || labels[i] > fixed ? labels[i] : fixed;
        }
        for (size_t c = 0; c < k; c++)
            if (q.unknown[c] == 0)
                q.unknown[c] = c == fixed ? SIZE_MAX : u++;
        q.unknowns = u;
        q.bias = work;
        q.p = work + k;
        double *theta = work + 2 * k;
        for (size_t a = 0; a < u; a++)
            theta[a] = a == 0;
        status = minimise(&q, theta, theta + u, &value);
        *temperature = 1 / theta[0];
        for (size_t c = 0; c < k; c++)
            bias[c] = q.unknown[c] == SIZE_MAX ? 0 : theta[q.unknown[c]];
        if (nll)
            *nll = value;
    }
    dsbi_free(rt, q.unknown);
    dsbi_free(rt, work);
    return status;
}
