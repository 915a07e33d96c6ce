/* The normal distribution: density, both tails, quantile to the last digits, logit and friends.
 * Tails: erfc with the rounding error of z / sqrt(2) put back (it costs z^2 ulp otherwise).
 * Quantile: Wichura 1988, algorithm AS 241 (PPND16), and one Newton step on the log tail. */
#include "stats/special.h"

double dsb_stats_normal_pdf(double z)
{
    return 0.39894228040143267794 * exp(-0.5 * z * z);
}

/* P(N > z) */
static double upper_tail(double z)
{
    const double hi = 0.70710678118654757274,
                 lo = -4.8336466567264567e-17; /* hi + lo = sqrt(1/2) */
    double x = z * hi;
    double error = fma(z, hi, -x) + z * lo;
    double tail = 0.5 * erfc(x);
    if (z > 1 && tail > 0) /* d erfc = -2/sqrt(pi) exp(-x^2) dx */
        tail -= 0.56418958354775628695 * exp(-x * x) * error;
    return tail;
}

double dsb_stats_normal_cdf(double z)
{
    return upper_tail(-z);
}

double dsb_stats_normal_sf(double z)
{
    return upper_tail(z);
}

static double ratio8(const double num[8], const double den[8], double r)
{
    double n = num[7], d = den[7];
    for (int i = 6; i >= 0; i--) {
        n = n * r + num[i];
        d = d * r + den[i];
    }
    return n / d;
}

/* z with P(N > z) = q for q <= 1/2 */
static double upper_quantile(double q)
{
    static const double a[8] = {3.3871328727963666080e0, 1.3314166789178437745e2,
                                1.9715909503065514427e3, 1.3731693765509461125e4,
                                4.5921953931549871457e4, 6.7265770927008700853e4,
                                3.3430575583588128105e4, 2.5090809287301226727e3};
    static const double b[8] = {1.0,
                                4.2313330701600911252e1,
                                6.8718700749205790830e2,
                                5.3941960214247511077e3,
                                2.1213794301586595867e4,
                                3.9307895800092710610e4,
                                2.8729085735721942674e4,
                                5.2264952788528545610e3};
    static const double c[8] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                                5.76949722146069140550e0,  3.64784832476320460504e0,
                                1.27045825245236838258e0,  2.41780725177450611770e-1,
                                2.27238449892691845833e-2, 7.74545014278341407640e-4};
    static const double d[8] = {1.0,
                                2.05319162663775882187e0,
                                1.67638483018380384940e0,
                                6.89767334985100004550e-1,
                                1.48103976427480074590e-1,
                                1.51986665636164571966e-2,
                                5.47593808499534494600e-4,
                                1.05075007164441684324e-9};
    static const double e[8] = {6.65790464350110377720e0,  5.46378491116411436990e0,
                                1.78482653991729133580e0,  2.96560571828504891230e-1,
                                2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                2.71155556874348757815e-5, 2.01033439929228813265e-7};
    static const double f[8] = {1.0,
                                5.99832206555887937690e-1,
                                1.36929880922735805310e-1,
                                1.48753612908506148525e-2,
                                7.86869131145613259100e-4,
                                1.84631831751005468180e-5,
                                1.42151175831644588870e-7,
                                2.04426310338993978564e-15};
    double z;
    double centre = 0.5 - q;
    if (centre <= 0.425) {
        z = centre * ratio8(a, b, 0.180625 - centre * centre);
    } else {
        double r = sqrt(-log(q));
        z = r <= 5 ? ratio8(c, d, r - 1.6) : ratio8(e, f, r - 5);
    }
    double tail = upper_tail(z), density = dsb_stats_normal_pdf(z);
    if (z > 1 && tail > 0 && density > 0) /* Newton on ln tail */
        z += log(tail / q) * tail / density;
    return z;
}

double dsbi_normal_upper(double q)
{
    if (q == 0 || q == 1)
        return q == 0 ? INFINITY : -INFINITY;
    return q <= 0.5 ? upper_quantile(q) : -upper_quantile(1 - q);
}

double dsb_stats_normal_quantile(double p)
{
    if (!(p >= 0) || !(p <= 1))
        return NAN;
    if (p == 0 || p == 1)
        return p == 0 ? -INFINITY : INFINITY;
    return p <= 0.5 ? -upper_quantile(p) : upper_quantile(1 - p);
}
