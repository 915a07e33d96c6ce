/* Leaderboards that do not leak the test set, and what naive ones give away.
 *
 * Ladder (Blum & Hardt 2015): R_0 = inf; a submission with mean loss below R - eta sets R to its
 * loss rounded to a multiple of eta; otherwise R stays. Parameter-free form: eta is the standard
 * deviation of the loss differences to the best so far over sqrt(n), rounding to 1/n.
 * Thresholdout (Dwork et al. 2015): answers from the training set while training and hold-out agree
 * within a noisy threshold. */
#include "base/rng.h"
#include "base/runtime.h"
#include "stats/special.h"

struct dsb_stats_ladder {
    dsb_runtime *rt;
    double *best; /* [n] losses of the best submission so far */
    uint64_t n;
    double step, released;
    bool any;
};

dsb_status dsb_stats_ladder_create(dsb_runtime *rt, dsb_stats_ladder **out, uint64_t n, double step)
{
    dsbi_clear_error();
    if (!rt || !out || n == 0 || !(step >= 0))
        return dsbi_fail(DSB_E_INVALID, "a ladder needs items and a step of at least 0");
    *out = NULL;
    dsb_stats_ladder *ladder = dsbi_calloc(rt, 1, sizeof *ladder);
    if (!ladder)
        return DSB_E_NOMEM;
    *ladder = (dsb_stats_ladder){.rt = rt, .n = n, .step = step, .released = INFINITY};
    ladder->best = dsbi_calloc(rt, (size_t)n, sizeof *ladder->best);
    if (!ladder->best) {
        dsbi_free(rt, ladder);
        return DSB_E_NOMEM;
    }
    dsbi_runtime_retain(rt);
    *out = ladder;
    return DSB_OK;
}

void dsb_stats_ladder_free(dsb_stats_ladder *ladder)
{
    if (!ladder)
        return;
    dsb_runtime *rt = ladder->rt;
    dsbi_free(rt, ladder->best);
    dsbi_free(rt, ladder);
    dsbi_runtime_release(rt);
}

dsb_status dsb_stats_ladder_submit(dsb_stats_ladder *ladder, double *released, const double *loss)
{
    dsbi_clear_error();
    if (!ladder || !released || !loss)
        return dsbi_fail(DSB_E_INVALID, "a submission needs a loss for each item");
    DSBI_TRY(dsbi_check_finite(loss, (size_t)ladder->n, "loss"));
    double n = (double)ladder->n, mean = 0, difference = 0, squares = 0;
    for (uint64_t i = 0; i < ladder->n; i++) {
        mean += loss[i] / n;
        difference += (loss[i] - ladder->best[i]) / n;
    }
    for (uint64_t i = 0; i < ladder->n; i++) {
        double d = loss[i] - ladder->best[i] - difference;
        squares += d * d;
    }
    double step = ladder->step;
    if (!(step > 0)) /* parameter-free */
        step = ladder->any && n > 1 ? sqrt(squares / (n - 1) / n) : 1 / n;
    if (!ladder->any || mean < ladder->released - step) {
        double unit = ladder->step > 0 ? ladder->step : 1 / n;
        ladder->released = floor(mean / unit + 0.5) * unit;
        ladder->any = true;
        for (uint64_t i = 0; i < ladder->n; i++)
            ladder->best[i] = loss[i];
    }
    *released = ladder->released;
    return DSB_OK;
}

struct dsb_stats_thresholdout {
    dsb_runtime *rt;
    dsbi_rng rng;
    double threshold, sigma, noisy;
    uint64_t budget;
};

static double laplace(dsbi_rng *rng, double scale)
{
    double u = dsbi_rng_uniform(rng) - 0.5;
    double size = -log(fmax(1 - 2 * fabs(u), 1e-300));
    return u < 0 ? -scale * size : scale * size;
}

dsb_status dsb_stats_thresholdout_create(dsb_runtime *rt, dsb_stats_thresholdout **out,
                                         double threshold, double sigma, uint64_t budget,
                                         uint64_t seed)
{
    dsbi_clear_error();
    if (!rt || !out || !(threshold >= 0) || !(sigma >= 0))
        return dsbi_fail(DSB_E_INVALID, "threshold and sigma must be at least 0");
    *out = NULL;
    dsb_stats_thresholdout *t = dsbi_calloc(rt, 1, sizeof *t);
    if (!t)
        return DSB_E_NOMEM;
    *t = (dsb_stats_thresholdout){
        .rt = rt, .threshold = threshold, .sigma = sigma, .budget = budget};
    dsbi_rng_init(&t->rng, seed, DSBI_RNG_RESAMPLE, 0);
    t->noisy = threshold + laplace(&t->rng, 2 * sigma);
    dsbi_runtime_retain(rt);
    *out = t;
    return DSB_OK;
}

void dsb_stats_thresholdout_free(dsb_stats_thresholdout *t)
{
    if (!t)
        return;
    dsb_runtime *rt = t->rt;
    dsbi_free(rt, t);
    dsbi_runtime_release(rt);
}

dsb_status dsb_stats_thresholdout_query(dsb_stats_thresholdout *t, double *answer, double on_train,
                                        double on_holdout)
{
    dsbi_clear_error();
    if (!t || !answer || !isfinite(on_train) || !isfinite(on_holdout))
        return dsbi_fail(DSB_E_INVALID, "a query needs two finite means");
    if (t->budget == 0)
        return dsbi_fail(DSB_E_LIMIT, "the budget of the hold-out set is spent");
    if (fabs(on_holdout - on_train) > t->noisy + laplace(&t->rng, 4 * t->sigma)) {
        t->budget--;
        t->noisy = t->threshold + laplace(&t->rng, 2 * t->sigma);
        *answer = on_holdout + laplace(&t->rng, t->sigma);
    } else {
        *answer = on_train;
    }
    return DSB_OK;
}

dsb_status dsb_stats_public_private(double *p, uint64_t wrong_public, uint64_t n_public,
                                    uint64_t wrong_private, uint64_t n_private)
{
    dsbi_clear_error();
    if (!p)
        return dsbi_fail(DSB_E_INVALID, "no place for the p-value");
    DSBI_TRY(dsbi_check_count(wrong_public, n_public));
    DSBI_TRY(dsbi_check_count(wrong_private, n_private));
    /* errors fall on the public part like draws without return: hypergeometric lower tail */
    double n = (double)(n_public + n_private), k = (double)(wrong_public + wrong_private);
    double m = (double)n_public, sum = 0, x = (double)wrong_public;
    double low = fmax(0, m - (n - k));
    double log_p = dsb_stats_log_gamma(k + 1) - dsb_stats_log_gamma(x + 1) -
                   dsb_stats_log_gamma(k - x + 1) + dsb_stats_log_gamma(n - k + 1) -
                   dsb_stats_log_gamma(m - x + 1) - dsb_stats_log_gamma(n - k - m + x + 1) -
                   dsb_stats_log_gamma(n + 1) + dsb_stats_log_gamma(m + 1) +
                   dsb_stats_log_gamma(n - m + 1);
    double term = exp(log_p);
    for (; x >= low && term > 0; x--) {
        sum += term;
        term *= x * (n - k - m + x) / ((k - x + 1) * (m - x + 1));
        if (term < 1e-18 * sum)
            break;
    }
    *p = sum > 1 ? 1 : sum;
    return DSB_OK;
}

double dsb_stats_best_of(double k)
{
    if (!(k >= 1) || !(k < 1e15))
        return NAN;
    if (k == 1)
        return 0;
    /* E max = int z k phi(z) Phi(z)^(k-1) dz, Simpson around the mode */
    double sum = 0, lo = -8, hi = 10;
    int steps = 4000;
    for (int i = 0; i <= steps; i++) {
        double z = lo + (hi - lo) * i / steps;
        double log_density =
            log(k) - 0.5 * z * z - DSBI_LN_SQRT_2PI + (k - 1) * log(dsb_stats_normal_cdf(z));
        sum += (i == 0 || i == steps ? 1 : i % 2 ? 4 : 2) * z * exp(log_density);
    }
    return sum * (hi - lo) / steps / 3;
}

double dsb_stats_adaptive_bound(double bits, double n, double delta)
{
    if (!(bits >= 0) || !(n >= 1) || !(delta > 0) || !(delta < 1))
        return NAN;
    return sqrt((bits * 0.69314718055994530942 + log(2 / delta)) / (2 * n));
}
