/* Building blocks shared by the files of lib/stats: densities without cancellation, both tails of a
 * distribution at once, argument checks. Everything here is pure: no memory, no state. */
#ifndef DSBI_STATS_SPECIAL_H
#define DSBI_STATS_SPECIAL_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/status.h"
#include "dsbias/stats.h"

#define DSBI_PI 3.14159265358979323846
#define DSBI_LN_SQRT_2PI 0.91893853320467274178
#define DSBI_SQRT_1_2 0.70710678118654752440

/* ln n! - ((n + 1/2) ln n - n + ln sqrt(2 pi)), for real n >= 0: the error of Stirling's formula.
 * Loader 2000, "Fast and accurate computation of binomial probabilities". */
double dsbi_stirling_error(double n);

/* x ln(x/m) + m - x >= 0 for x >= 0, m > 0, without cancellation near x = m. Loader 2000. */
double dsbi_deviance(double x, double m);

/* ln(1 + x) - x, |x| small or not. */
double dsbi_log1pmx(double x);

/* x^a y^b / B(a, b), y = 1 - x given apart so that neither end loses digits; a, b > 0. */
double dsbi_beta_power(double a, double b, double x, double y);

/* Both tails of Beta(a, b) at x (y = 1 - x): p = I_x(a, b), q = 1 - p, each to full relative
 * precision. a, b > 0, 0 <= x <= 1. */
void dsbi_beta_tails(double *p, double *q, double a, double b, double x, double y);

/* x with I_x(a, b) = p, given p and q = 1 - p; y = 1 - x to full relative precision. */
void dsbi_beta_inverse(double *x, double *y, double a, double b, double p, double q);

/* Both tails of Gamma(a, 1) at x >= 0. */
void dsbi_gamma_tails(double *p, double *q, double a, double x);

/* P(X = k), P(X <= k), P(X >= k) of Bin(n, p). */
double dsbi_binomial_pmf(uint64_t k, uint64_t n, double p);
double dsbi_binomial_lower(uint64_t k, uint64_t n, double p);
double dsbi_binomial_upper(uint64_t k, uint64_t n, double p);

/* z with P(N > z) = q: precise for tiny q, where 1 - q is not. */
double dsbi_normal_upper(double q);

/* Refusals worded once. */
dsb_status dsbi_check_alpha(double alpha);
dsb_status dsbi_check_count(uint64_t k, uint64_t n);
dsb_status dsbi_check_finite(const double *x, size_t n, const char *what);

static inline double dsbi_clamp01(double x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

#endif
