/* Fits, bootstraps, calibration, two-sample tests, leaderboards, splits: values of scipy 1.17,
 * closed forms, edges, and the same bits for any number of threads. */
#include "testing.h"

#include <math.h>
#include "base/rng.h"
#include "dsbias/stats.h"

static void ck_close(double got, double want, double relative, const char *what)
{
    double error = fabs(got - want) / (fabs(want) > 0 ? fabs(want) : 1);
    ck_assert_msg(error <= relative, "%s: %.17g, expected %.17g (relative error %.3g)", what, got,
                  want, error);
}
#define ck_assert_close(got, want, relative) ck_close((got), (want), (relative), #got)

START_TEST(a_line_with_its_errors)
{ /* numpy.polyfit and the textbook formulae */
    const double x[] = {0.1, 0.2, 0.4, 0.5, 0.7, 1.0}, y[] = {0.15, 0.2, 0.5, 0.45, 0.8, 0.0};
    dsb_stats_line line;
    dsb_stats_line_init(&line, sizeof line);
    ck_assert_ok(dsb_stats_fit(&line, x, y, NULL, 5, DSB_STATS_SCALE_LINEAR, 0.05));
    ck_assert_close(line.slope, 1.0614035087719298, 1e-14);
    ck_assert_close(line.intercept, 0.016666666666666607, 1e-12);
    ck_assert_close(line.residual_sd / sqrt(line.sxx), line.slope_se, 1e-15);
    /* an accuracy of 0 or 1 has no logit: left out, and counted */
    ck_assert_ok(dsb_stats_fit(&line, x, y, NULL, 6, DSB_STATS_SCALE_LOGIT, 0.05));
    ck_assert_uint_eq(line.n, 5);
    ck_assert_uint_eq(line.n_dropped, 1);
    double hat[6], cook[6], without[6], sum = 0;
    ck_assert_ok(dsb_stats_fit_influence(&line, NULL, hat, cook, without, x, y, NULL, 6));
    for (int i = 0; i < 5; i++)
        sum += hat[i];
    ck_assert_close(sum, 2, 1e-13);
    ck_assert(isnan(hat[5]));
    dsb_stats_line less;
    dsb_stats_line_init(&less, sizeof less);
    ck_assert_ok(dsb_stats_fit(&less, x + 1, y + 1, NULL, 4, DSB_STATS_SCALE_LOGIT, 0.05));
    ck_assert_close(without[0], less.slope, 1e-12);
    const double same[] = {0.5, 0.5, 0.5};
    ck_assert_fails(dsb_stats_fit(&line, same, y, NULL, 3, 0, 0.05), DSB_E_DATA, "same x");
    ck_assert_fails(dsb_stats_fit(&line, x, y, NULL, 1, 0, 0.05), DSB_E_DATA, "two points");
    ck_assert_ok(dsb_stats_fit(&line, x, y, NULL, 2, 0, 0.05));
    ck_assert(isnan(line.slope_se) && isnan(line.p_slope_one));
}
END_TEST

START_TEST(scales_go_there_and_back)
{
    for (uint32_t scale = 0; dsb_stats_scale_name(scale); scale++)
        for (double p = 0.001; p < 1; p += 0.0371) {
            double t = dsb_stats_scale_apply(p, scale);
            ck_assert_close(dsb_stats_scale_invert(t, scale), p, 1e-13);
            double h = 1e-6, slope = (dsb_stats_scale_apply(p + h, scale) -
                                      dsb_stats_scale_apply(p - h, scale)) /
                                     (2 * h);
            ck_assert_close(dsb_stats_scale_variance(p, 100, scale),
                            slope * slope * p * (1 - p) / 100, 1e-4);
        }
    ck_assert(isnan(dsb_stats_scale_apply(1.1, DSB_STATS_SCALE_PROBIT)));
}
END_TEST

/* A line known by construction: probit, slope 0.95, offset -0.4, counts of 10,000 and 2,000. */
START_TEST(likelihood_finds_the_line)
{
    enum { N = 60 };
    uint64_t k0[N], n0[N], k1[N], n1[N];
    dsb_runtime *rt = make_runtime(1);
    double inside = 0;
    for (int repeat = 0; repeat < 40; repeat++) {
        dsbi_rng rng;
        dsbi_rng_init(&rng, 5, DSBI_RNG_TEST, (uint64_t)repeat);
        for (int i = 0; i < N; i++) {
            double z = dsbi_rng_range(&rng, 0.8, 2.0), p = dsb_stats_normal_cdf(z);
            double q = dsb_stats_normal_cdf(0.95 * z - 0.4);
            n0[i] = 10000;
            n1[i] = 2000;
            k0[i] = k1[i] = 0;
            for (int j = 0; j < 10000; j++)
                k0[i] += dsbi_rng_uniform(&rng) < p;
            for (int j = 0; j < 2000; j++)
                k1[i] += dsbi_rng_uniform(&rng) < q;
        }
        dsb_stats_count_line line;
        dsb_stats_count_line_init(&line, sizeof line);
        ck_assert_ok(
            dsb_stats_fit_counts(rt, &line, k0, n0, k1, n1, N, DSB_STATS_SCALE_PROBIT, 0.05));
        ck_assert_double_eq_tol(line.slope, 0.95, 0.06);
        ck_assert(line.p_fit > 1e-5);
        inside += line.slope_ci[0] <= 0.95 && 0.95 <= line.slope_ci[1];
    }
    ck_assert(inside >= 33); /* 38 expected of 40 */
    dsb_runtime_free(rt);
}
END_TEST

static double mean_of(void *user, const uint64_t *index, uint64_t n)
{
    const double *x = user;
    double sum = 0;
    for (uint64_t i = 0; i < n; i++)
        sum += x[index[i]];
    return sum / (double)n;
}

START_TEST(bootstraps_do_not_depend_on_threads)
{
    enum { N = 50, B = 2000 };
    double x[N], y[N], slopes[2][B], score[2][N * 30];
    dsbi_rng rng;
    dsbi_rng_init(&rng, 1, DSBI_RNG_TEST, 0);
    for (int i = 0; i < N; i++) {
        x[i] = dsbi_rng_range(&rng, 0.5, 0.95);
        y[i] = 0.9 * x[i] + 0.02 * dsbi_rng_normal(&rng);
        for (int j = 0; j < 30; j++)
            score[0][i * 30 + j] = dsbi_rng_uniform(&rng) < x[i];
        for (int j = 0; j < 30; j++)
            score[1][i * 30 + j] = dsbi_rng_uniform(&rng) < y[i];
    }
    dsb_stats_bootstrap_result result[2];
    dsb_stats_fit_boot boot[2], images[2];
    double p[2];
    for (int run = 0; run < 2; run++) {
        dsb_runtime *rt = make_runtime(run ? 3 : 1);
        dsb_stats_fit_boot_init(&boot[run], sizeof boot[run]);
        dsb_stats_fit_boot_init(&images[run], sizeof images[run]);
        ck_assert_ok(dsb_stats_fit_bootstrap(rt, &boot[run], slopes[run], NULL, x, y, N,
                                             DSB_STATS_SCALE_PROBIT, 0.05, B, 9));
        ck_assert_ok(dsb_stats_fit_bootstrap_images(rt, &images[run], NULL, NULL, score[0], 30,
                                                    score[1], 30, N, DSB_STATS_SCALE_LINEAR, 0.05,
                                                    200, 9, 1));
        dsb_stats_bootstrap_opts opts;
        dsb_stats_bootstrap_opts_init(&opts, sizeof opts);
        opts.n_replicates = B;
        opts.bca = 1;
        dsb_stats_bootstrap_result_init(&result[run], sizeof result[run]);
        ck_assert_ok(dsb_stats_bootstrap(rt, &result[run], N, &opts, mean_of, x));
        float points[2][60];
        for (int i = 0; i < 60; i++) {
            points[0][i] = (float)x[i % N];
            points[1][i] = (float)y[i % N];
        }
        double mmd2;
        ck_assert_ok(dsb_stats_mmd(rt, &mmd2, &p[run], NULL, points[0], 20, points[1], 20, 3,
                                   DSB_STATS_KERNEL_GAUSSIAN, 99, 4));
        dsb_runtime_free(rt);
    }
    ck_assert_mem_eq(slopes[0], slopes[1], sizeof slopes[0]);
    ck_assert_mem_eq(&boot[0], &boot[1], sizeof boot[0]);
    ck_assert_mem_eq(&images[0], &images[1], sizeof images[0]);
    ck_assert_mem_eq(&result[0], &result[1], sizeof result[0]);
    ck_assert(p[0] == p[1]);
    /* the mean: se = s/sqrt(n), and all three intervals are alike */
    double mean = mean_of(x, (uint64_t[]){0}, 1), squares = 0;
    mean = result[0].estimate;
    for (int i = 0; i < N; i++)
        squares += (x[i] - mean) * (x[i] - mean);
    ck_assert_close(result[0].se, sqrt(squares / N / N), 0.06);
    ck_assert_double_eq_tol(result[0].bca[0], result[0].percentile[0], 0.01);
    ck_assert_double_eq_tol(result[0].basic[1], result[0].percentile[1], 0.01);
}
END_TEST

START_TEST(clusters_and_strata)
{
    enum { N = 40 };
    double x[N];
    uint32_t cluster[N], stratum[N];
    for (int i = 0; i < N; i++) {
        x[i] = i / 10; /* four clusters of equal values */
        cluster[i] = (uint32_t)i / 10;
        stratum[i] = (uint32_t)i / 20;
    }
    dsb_runtime *rt = make_runtime(1);
    double mean, se, naive;
    ck_assert_ok(dsb_stats_clustered_se(rt, &mean, &se, &naive, x, cluster, N, 4));
    ck_assert_close(mean, 1.5, 1e-15);
    ck_assert_close(se, sqrt(5.0 * 100) / 40, 1e-14);
    ck_assert(se > 2 * naive);
    dsb_stats_bootstrap_opts opts;
    dsb_stats_bootstrap_result all, within;
    dsb_stats_bootstrap_opts_init(&opts, sizeof opts);
    dsb_stats_bootstrap_result_init(&all, sizeof all);
    dsb_stats_bootstrap_result_init(&within, sizeof within);
    opts.n_replicates = 4000;
    opts.clusters = cluster;
    opts.n_clusters = 4;
    ck_assert_ok(dsb_stats_bootstrap(rt, &all, N, &opts, mean_of, x));
    ck_assert_close(all.se, se, 0.1);
    opts.strata = stratum;
    opts.n_strata = 2;
    ck_assert_ok(dsb_stats_bootstrap(rt, &within, N, &opts, mean_of, x));
    ck_assert(within.se < 0.6 * all.se);
    stratum[3] = 1;
    ck_assert_fails(dsb_stats_bootstrap(rt, &within, N, &opts, mean_of, x), DSB_E_DATA, "strata");
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(calibration_and_its_edges)
{
    dsb_runtime *rt = make_runtime(1);
    double ece, mce, debiased;
    const double confidence[] = {0, 0.1, 0.2, 0.20001, 1, 1};
    const uint8_t right[] = {0, 0, 1, 0, 1, 0};
    uint64_t count[10];
    double mean[10], accuracy[10];
    ck_assert_ok(dsb_stats_reliability(rt, count, mean, accuracy, confidence, right, 6, 10,
                                       DSB_STATS_BINS_EQUAL_WIDTH));
    /* 0 and 0.1 share the first bin, 0.2 closes the second, 1 lies in the last */
    const uint64_t want[10] = {2, 1, 1, 0, 0, 0, 0, 0, 0, 2};
    ck_assert_mem_eq(count, want, sizeof want);
    ck_assert(isnan(mean[5]));
    const double same[] = {0.7, 0.7, 0.7, 0.7};
    ck_assert_ok(
        dsb_stats_ece(rt, &ece, &mce, &debiased, same, right, 4, 4, DSB_STATS_BINS_EQUAL_MASS));
    ck_assert(ece > 0.3); /* all equal: bins by order, not none */
    ck_assert_fails(dsb_stats_ece(rt, &ece, &mce, NULL, (double[]){1.01}, right, 1, 10, 0),
                    DSB_E_DATA, "1.01");
    ck_assert_fails(dsb_stats_ece(rt, &ece, &mce, NULL, (double[]){NAN}, right, 1, 10, 0),
                    DSB_E_DATA, "item 0");
    ck_assert_fails(dsb_stats_ece(rt, &ece, &mce, NULL, same, right, 0, 10, 0), DSB_E_DATA, "no");
    const double probabilities[] = {0.7, 0.2, 0.1, 0.3, 0.3, 0.4};
    const uint32_t labels[] = {0, 1};
    double brier, nll, t, before, after;
    ck_assert_ok(dsb_stats_proper_scores(&brier, &nll, probabilities, labels, 2, 3));
    ck_assert_close(brier, (0.09 + 0.04 + 0.01 + 0.09 + 0.49 + 0.16) / 2, 1e-14);
    ck_assert_close(nll, -(log(0.7) + log(0.3)) / 2, 1e-14);
    /* logits twice too large: temperature near 2 */
    enum { N = 4000 };
    static double logits[N * 3];
    static uint32_t truth[N];
    dsbi_rng rng;
    dsbi_rng_init(&rng, 3, DSBI_RNG_TEST, 0);
    for (int i = 0; i < N; i++) {
        double z[3], top = 0, sum = 0, u = dsbi_rng_uniform(&rng);
        for (int c = 0; c < 3; c++) {
            z[c] = 1.5 * dsbi_rng_normal(&rng);
            top += exp(z[c]);
            logits[i * 3 + c] = 2 * z[c];
        }
        for (truth[i] = 0; truth[i] < 2 && (sum += exp(z[truth[i]]) / top) < u; truth[i]++) {
        }
    }
    ck_assert_ok(dsb_stats_temperature(&t, &before, &after, logits, truth, N, 3));
    ck_assert_close(t, 2, 0.08);
    ck_assert(after < before);
    double parts[3], recalibrated[6];
    ck_assert_ok(dsb_stats_isotonic_scores(rt, &parts[0], &parts[1], &parts[2], recalibrated,
                                           confidence, right, 6));
    double score = 0;
    for (int i = 0; i < 6; i++)
        score += (confidence[i] - right[i]) * (confidence[i] - right[i]) / 6;
    ck_assert_close(parts[0] - parts[1] + parts[2], score, 1e-13);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(two_sample_tests_agree_with_scipy)
{
    dsb_runtime *rt = make_runtime(2);
    const double x[] = {0.1, 0.4, 0.7, 1.1, 2.0}, y[] = {0.3, 0.9, 1.5, 1.9, 2.2, 3.1, 4.0};
    double d, p, ci[2];
    ck_assert_ok(dsb_stats_ks(rt, &d, &p, x, 5, y, 7));
    ck_assert_close(d, 0.5142857142857143, 1e-14);
    ck_assert_close(p, 0.3282828282828283, 1e-12);
    ck_assert_ok(dsb_stats_auc(rt, &d, ci, &p, y, 7, x, 5, 0.05));
    ck_assert_close(d, 27.0 / 35, 1e-14);
    ck_assert(ci[0] < 0.77 && ci[1] <= 1 && p > 0.05 && p < 0.2);
    const uint64_t a[] = {10, 0, 5, 30, 0}, b[] = {20, 3, 9, 30, 0};
    double chi2, g, df, tv;
    ck_assert_ok(dsb_stats_homogeneity(&chi2, &g, &df, &p, &tv, a, b, 5));
    ck_assert(df == 3 && p > 0.1 && g > 0 && tv > 0.1);
    /* orthogonal clouds differ, equal ones do not */
    enum { N = 60, DIM = 4 };
    float one[N * DIM], two[N * DIM];
    dsbi_rng rng;
    dsbi_rng_init(&rng, 2, DSBI_RNG_TEST, 0);
    for (int i = 0; i < N * DIM; i++) {
        one[i] = (float)dsbi_rng_normal(&rng);
        two[i] = (float)dsbi_rng_normal(&rng) + 1;
    }
    for (uint32_t kernel = 0; kernel < 3; kernel++) {
        double mmd2;
        ck_assert_ok(dsb_stats_mmd(rt, &mmd2, &p, NULL, one, N, two, N, DIM, kernel, 199, 1));
        ck_assert(mmd2 > 0 && p <= 0.006);
        ck_assert_ok(dsb_stats_mmd(rt, &mmd2, &p, NULL, one, N / 2, one + N / 2 * DIM, N / 2, DIM,
                                   kernel, 199, 1));
        ck_assert(p > 0.01);
    }
    ck_assert_ok(dsb_stats_frechet(rt, &d, one, N, one, N, DIM));
    ck_assert_double_eq_tol(d, 0, 1e-9);
    one[3] = NAN;
    ck_assert_fails(dsb_stats_mmd(rt, &d, &p, NULL, one, N, two, N, DIM, 0, 9, 1), DSB_E_NUMERIC,
                    "point 0");
    ck_assert_ok(dsb_stats_permutation_means(rt, &d, &p, x, 5, y, 7, 5000, 1));
    ck_assert_close(d, 0.86 - 13.9 / 7, 1e-13);
    ck_assert(p > 0.03 && p < 0.12);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(label_shift_recovers_shares)
{
    dsb_runtime *rt = make_runtime(1);
    /* p(predicted | truth) = rows; source even, target 70 / 20 / 10: counts are exact */
    const uint64_t confusion[9] = {80, 10, 10, 5, 90, 5, 20, 10, 70};
    const double q[3] = {0.7, 0.2, 0.1};
    uint64_t predicted[3];
    for (int j = 0; j < 3; j++) {
        double sum = 0;
        for (int i = 0; i < 3; i++)
            sum += q[i] * (double)confusion[3 * i + j];
        predicted[j] = (uint64_t)llround(sum * 10);
    }
    double w[3], shares[3], condition, low[3], high[3];
    ck_assert_ok(dsb_stats_bbse(rt, w, shares, &condition, confusion, predicted, 3));
    for (int i = 0; i < 3; i++) {
        ck_assert_close(shares[i], q[i], 1e-12);
        ck_assert_close(w[i], 3 * q[i], 1e-12);
    }
    ck_assert(condition > 1 && condition < 3);
    ck_assert_ok(dsb_stats_rlls(rt, w, shares, confusion, predicted, 3, 0));
    ck_assert_close(shares[0], 0.7, 1e-10);
    ck_assert_ok(dsb_stats_rlls(rt, w, shares, confusion, predicted, 3, 1e6));
    ck_assert_double_eq_tol(shares[0], 1.0 / 3, 1e-4);
    ck_assert_ok(dsb_stats_bbse_interval(rt, low, high, confusion, predicted, 3, 0.05, 300, 2));
    ck_assert(low[0] < 0.7 && 0.7 < high[0]);
    const uint64_t flat[4] = {5, 5, 5, 5}, seen[2] = {3, 3};
    ck_assert_fails(dsb_stats_bbse(rt, w, shares, NULL, flat, seen, 2), DSB_E_NUMERIC, "singular");
    const double prior[2] = {0.5, 0.5}, certain[] = {1, 0, 1, 0, 1, 0, 0, 1};
    uint64_t rounds;
    ck_assert_ok(dsb_stats_label_em(rt, shares, &rounds, prior, certain, 4, 2, 1000));
    ck_assert_close(shares[0], 0.75, 1e-12);
    dsb_runtime_free(rt);
}
END_TEST

/* Majority-vote attack (Blum & Hardt 2015): random labels, keep those that score above chance,
 * vote. A naive board is fooled by about sqrt(k/n), the ladder hardly at all. */
START_TEST(ladder_resists_the_majority_vote)
{
    enum { N = 2000, K = 400 };
    dsb_runtime *rt = make_runtime(1);
    static uint8_t truth[N], guess[K][N];
    static int votes[2][N];
    static double loss[N];
    dsbi_rng rng;
    dsbi_rng_init(&rng, 8, DSBI_RNG_TEST, 0);
    for (int i = 0; i < N; i++)
        truth[i] = dsbi_rng_u32(&rng) & 1;
    dsb_stats_ladder *ladder;
    ck_assert_ok(dsb_stats_ladder_create(rt, &ladder, N, 0));
    double shown = 1, before = 1;
    for (int k = 0; k < K; k++) {
        double mean = 0;
        for (int i = 0; i < N; i++) {
            guess[k][i] = dsbi_rng_u32(&rng) & 1;
            loss[i] = guess[k][i] != truth[i];
            mean += loss[i] / N;
        }
        ck_assert_ok(dsb_stats_ladder_submit(ladder, &shown, loss));
        for (int i = 0; i < N; i++) { /* the attacker's two boards: true score, shown score */
            int sign = guess[k][i] ? 1 : -1;
            votes[0][i] += mean <= 0.5 ? sign : -sign;
            votes[1][i] += shown < before ? sign : 0;
        }
        before = shown;
    }
    double wrong[2] = {0, 0};
    for (int b = 0; b < 2; b++)
        for (int i = 0; i < N; i++)
            wrong[b] += (votes[b][i] > 0) != truth[i];
    ck_assert(wrong[0] / N < 0.40); /* naive: the vote "beats" chance by far */
    for (int i = 0; i < N; i++)
        loss[i] = (votes[1][i] > 0) != truth[i];
    ck_assert_ok(dsb_stats_ladder_submit(ladder, &shown, loss));
    ck_assert(shown > 0.45);
    dsb_stats_ladder_free(ladder);
    dsb_stats_ladder_free(NULL);
    dsb_stats_thresholdout *t;
    double answer;
    ck_assert_ok(dsb_stats_thresholdout_create(rt, &t, 0.05, 0.001, 1, 1));
    ck_assert_ok(dsb_stats_thresholdout_query(t, &answer, 0.5, 0.51));
    ck_assert(answer == 0.5);
    ck_assert_ok(dsb_stats_thresholdout_query(t, &answer, 0.9, 0.5));
    ck_assert_double_eq_tol(answer, 0.5, 0.02);
    ck_assert_fails(dsb_stats_thresholdout_query(t, &answer, 0.9, 0.5), DSB_E_LIMIT, "budget");
    dsb_stats_thresholdout_free(t);
    double p;
    ck_assert_ok(dsb_stats_public_private(&p, 1, 5, 4, 5)); /* hypergeom.cdf(1, 10, 5, 5) */
    ck_assert_close(p, 26.0 / 252, 1e-12);
    ck_assert_close(dsb_stats_best_of(10), 1.5387527308351729, 1e-9);
    ck_assert(isnan(dsb_stats_best_of(0.5)));
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(folds_are_even)
{
    enum { N = 103 };
    dsb_runtime *rt = make_runtime(1);
    uint32_t fold[N], again[N], strata[N], groups[N];
    for (uint32_t i = 0; i < N; i++) {
        strata[i] = i % 7 == 0 ? 2 : i % 3 == 0;
        groups[i] = i / 4;
    }
    for (uint32_t k = 2; k < 12; k++) {
        ck_assert_ok(dsb_stats_folds(rt, fold, N, k, strata, NULL, 1, 0));
        for (uint32_t c = 0; c < 4; c++) { /* c = 3: all */
            uint32_t least = N, most = 0;
            for (uint32_t f = 0; f < k; f++) {
                uint32_t size = 0;
                for (uint32_t i = 0; i < N; i++)
                    size += fold[i] == f && (c == 3 || strata[i] == c);
                least = size < least ? size : least;
                most = size > most ? size : most;
            }
            ck_assert_uint_le(most - least, 1);
        }
        ck_assert_ok(dsb_stats_folds(rt, again, N, k, strata, NULL, 1, 1));
        ck_assert(memcmp(fold, again, sizeof fold) != 0);
        ck_assert_ok(dsb_stats_folds(rt, fold, N, k, strata, groups, 1, 0));
        for (uint32_t i = 1; i < N; i++)
            ck_assert(groups[i] != groups[i - 1] || fold[i] == fold[i - 1]);
        for (uint32_t f = 0; f < k; f++) {
            uint32_t size = 0;
            for (uint32_t i = 0; i < N; i++)
                size += fold[i] == f;
            ck_assert_uint_gt(size, 0);
        }
    }
    ck_assert_fails(dsb_stats_folds(rt, fold, 3, 4, NULL, NULL, 1, 0), DSB_E_DATA, "3 items");
    uint64_t seats[3];
    const double weight[3] = {1, 1, 1};
    ck_assert_ok(dsb_stats_apportion(rt, seats, weight, 3, 200));
    ck_assert(seats[0] == 67 && seats[1] == 67 && seats[2] == 66);
    const double score[5] = {0.8, 0.82, 0.79, 0.81, 0.83};
    double mean, se, ci[2], t, pt, f, pf;
    ck_assert_ok(dsb_stats_corrected_cv(&mean, &se, ci, score, 5, 80, 20, 0.05));
    ck_assert_close(mean, 0.81, 1e-14);
    ck_assert_close(se, sqrt((0.2 + 0.25) * 0.00025), 1e-12);
    const double difference[10] = {0.02, 0.01, 0.03, 0.02, 0.01, 0.02, 0.02, 0.03, 0.01, 0.01};
    ck_assert_ok(dsb_stats_five_by_two(&t, &pt, &f, &pf, difference));
    ck_assert(t > 2 && pt < 0.1 && f > 4 && pf < 0.1);
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    return run_tests("stats_samples", a_line_with_its_errors, scales_go_there_and_back,
                     likelihood_finds_the_line, bootstraps_do_not_depend_on_threads,
                     clusters_and_strata, calibration_and_its_edges,
                     two_sample_tests_agree_with_scipy, label_shift_recovers_shares,
                     ladder_resists_the_majority_vote, folds_are_even, NULL);
}
