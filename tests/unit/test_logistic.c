/* Multinomial logistic regression: stationarity, known solutions, calibration. */
#include "testing.h"

#include <math.h>
#include "base/rng.h"
#include "bias/logistic.h"

/* Two groups with counts: the fitted probabilities of a saturated model are the observed shares. */
START_TEST(saturated_model_gives_observed_shares)
{
    dsb_runtime *rt = make_runtime(1);
    enum { N = 200 };
    double x[N];
    uint32_t labels[N];
    for (int i = 0; i < N; i++) {
        x[i] = i < 100;
        labels[i] = i < 100 ? (i < 70 ? 0 : 2) : (i < 120 ? 0 : (i < 150 ? 1 : 2));
    }
    dsbi_logistic model;
    ck_assert_ok(dsbi_logistic_fit(rt, &model, x, labels, N, 1, 3, 0));
    double p[3], at = 0;
    dsbi_logistic_predict(&model, &at, p);
    ck_assert_double_eq_tol(p[0], 0.2, 1e-4);
    ck_assert_double_eq_tol(p[1], 0.3, 1e-4);
    ck_assert_double_eq_tol(p[2], 0.5, 1e-4);
    at = 1;
    dsbi_logistic_predict(&model, &at, p);
    ck_assert_double_eq_tol(p[0], 0.7, 1e-4);
    ck_assert_double_eq_tol(p[1], 0.0, 1e-3);
    dsbi_logistic_free(rt, &model);
    dsb_runtime_free(rt);
}
END_TEST

/* At the optimum: sum_i z_ij (p_ic - y_ic) + l2 n w_jc = 0, checked from outside. */
START_TEST(gradient_vanishes)
{
    dsb_runtime *rt = make_runtime(1);
    enum { N = 300, D = 4, C = 3 };
    const double l2 = 1e-2;
    double x[N * D], z[D], p[C];
    uint32_t labels[N];
    dsbi_rng rng;
    dsbi_rng_init(&rng, 3, DSBI_RNG_TEST, 0);
    for (int i = 0; i < N; i++) {
        labels[i] = (uint32_t)dsbi_rng_below(&rng, C);
        for (int j = 0; j < D; j++)
            x[i * D + j] = 10 * j + dsbi_rng_normal(&rng) * (1 + j) + (labels[i] == (uint32_t)j);
    }
    for (int i = 0; i < N; i++)
        x[i * D + 3] = 7; /* a constant carries nothing and must not disturb */
    dsbi_logistic model;
    ck_assert_ok(dsbi_logistic_fit(rt, &model, x, labels, N, D, C, l2));
    double gradient[D][C] = {{0}};
    for (int i = 0; i < N; i++) {
        dsbi_logistic_predict(&model, x + i * D, p);
        for (int j = 0; j < D; j++) {
            z[j] = (x[i * D + j] - model.mean[j]) * model.scale[j];
            for (int c = 0; c < C; c++)
                gradient[j][c] += z[j] * (p[c] - (labels[i] == (uint32_t)c));
        }
    }
    for (int j = 0; j < D; j++)
        for (int c = 0; c < C; c++)
            ck_assert_double_lt(fabs(gradient[j][c] + l2 * N * model.weights[j * C + c]) / N, 1e-6);
    dsbi_logistic_free(rt, &model);
    x[5] = NAN;
    ck_assert_fails(dsbi_logistic_fit(rt, &model, x, labels, N, D, C, l2), DSB_E_NUMERIC,
                    "feature 1");
    dsb_runtime_free(rt);
}
END_TEST

/* Scores that are 5 times the true logits need temperature 5. */
START_TEST(temperature_is_recovered)
{
    enum { N = 20000, C = 3 };
    static float scores[N * C];
    static uint32_t labels[N];
    dsbi_rng rng;
    dsbi_rng_init(&rng, 4, DSBI_RNG_TEST, 0);
    for (int i = 0; i < N; i++) {
        double logits[C];
        for (int c = 0; c < C; c++) {
            logits[c] = dsbi_rng_normal(&rng);
            scores[i * C + c] = (float)(5 * logits[c]);
        }
        dsbi_softmax(logits, C, 1);
        double u = dsbi_rng_uniform(&rng);
        labels[i] = u < logits[0] ? 0 : u < logits[0] + logits[1] ? 1 : 2;
    }
    ck_assert_double_eq_tol(dsbi_fit_temperature(scores, labels, N, C), 5, 0.3);
}
END_TEST

int main(void)
{
    return run_tests("logistic", saturated_model_gives_observed_shares, gradient_vanishes,
                     temperature_is_recovered, NULL);
}
