/* Intervals, tests, power, confusion: published values, closed forms, edges, refusals. */
#include "testing.h"

#include <float.h>
#include <math.h>
#include "dsbias/stats.h"
#include "stats/special.h"

static void ck_close(double got, double want, double relative, const char *what)
{
    double error = fabs(got - want) / (fabs(want) > 0 ? fabs(want) : 1);
    ck_assert_msg(error <= relative, "%s: %.17g, expected %.17g (relative error %.3g)", what, got,
                  want, error);
}
#define ck_assert_close(got, want, relative) ck_close((got), (want), (relative), #got)

/* 60-digit values of ../shared/data/cifar101/clopper_pearson_reference.csv (facts, typed in) */
static const struct {
    uint64_t n, k;
    double alpha, lo, hi;
} exact_intervals[] = {
    {10, 0, 0.05, 0, 0.30849710781876082391},
    {10, 10, 0.05, 0.69150289218123917609, 1},
    {1, 0, 0.05, 0, 0.975},
    {1, 1, 0.05, 0.025, 1},
    {2000, 1800, 0.05, 0.88601002570457318667, 0.91280421644655834769},
    {2000, 1, 0.05, 0.00001265882386855789, 0.00278263983465894697},
    {2000, 1999, 0.05, 0.99721736016534105303, 0.99998734117613144211},
    {10000, 9711, 0.05, 0.96762622628535086962, 0.97429564942550079113},
    {50000, 41430, 0.05, 0.82526770447137554588, 0.83189410126365511665},
    {10000, 4398, 0.005, 0.42585381831731382400, 0.45381376160250229681},
    {500, 0, 0.000001996007984, 0, 0.02725666331838602116},
    {1000, 0, 0.0000001, 0, 0.01667072243152070952},
    {1000, 1, 0.0000001, 0.00000000005000000125, 0.01966259351233147846},
    {1000, 999, 0.0000001, 0.98033740648766852154, 0.99999999994999999875},
    {100000, 100, 0.00000000001, 0.00046224918454018520, 0.00185098016122386658},
    {40, 13, 0.1, 0.20413409579600251328, 0.46629509870540329638},
    {18, 0, 0.01, 0, 0.25498502848277504712},
    {7, 3, 0.32, 0.20684151808298466511, 0.67549842151707010901},
};

START_TEST(clopper_pearson_is_exact)
{
    for (size_t i = 0; i < sizeof exact_intervals / sizeof *exact_intervals; i++) {
        double ci[2];
        ck_assert_ok(dsb_stats_clopper_pearson(ci, exact_intervals[i].k, exact_intervals[i].n,
                                               exact_intervals[i].alpha));
        ck_assert_double_eq_tol(ci[0], exact_intervals[i].lo, 1e-12 * ci[0] + 1e-20);
        ck_assert_double_eq_tol(ci[1], exact_intervals[i].hi, 1e-12 * ci[1] + 1e-20);
    }
    /* monotone in k, nested in alpha, closed forms at the ends, round trip through the tails */
    double last = -1;
    for (uint64_t k = 0; k <= 1000; k++) {
        double ci[2], wide[2];
        ck_assert_ok(dsb_stats_clopper_pearson(ci, k, 1000, 1e-7));
        ck_assert_ok(dsb_stats_clopper_pearson(wide, k, 1000, 1e-9));
        ck_assert(ci[0] > last || k == 0);
        ck_assert(wide[0] <= ci[0] && wide[1] >= ci[1]);
        if (k > 0)
            ck_assert_close(dsbi_binomial_upper(k, 1000, ci[0]), 5e-8, 1e-11);
        last = ci[0];
    }
    for (uint64_t n = 1; n < 3000; n = n * 3 + 1) {
        double ci[2];
        ck_assert_ok(dsb_stats_clopper_pearson(ci, 0, n, 0.01));
        ck_assert_close(ci[1], -expm1(log(0.005) / (double)n), 1e-13);
    }
}
END_TEST

/* expected.json of the CIFAR-10.1 recomputation: shake_shake_26_2x64d_SSI_cutout16 on v4 */
START_TEST(intervals_of_the_best_model)
{
    double ci[2];
    ck_assert_ok(dsb_stats_wilson(ci, 1879, 2021, 0.05));
    ck_assert_close(ci[0], 0.9177601277974542, 1e-12);
    ck_assert_ok(dsb_stats_jeffreys(ci, 1879, 2021, 0.05));
    ck_assert_close(ci[0], 0.9179764238983439, 1e-12);
    ck_assert_ok(dsb_stats_agresti_coull(ci, 1879, 2021, 0.05));
    ck_assert_close(ci[0], 0.9177304500907373, 1e-12);
    ck_assert_ok(dsb_stats_newcombe(ci, 9711, 10000, 1879, 2021, 0.05));
    ck_assert_close(ci[0], 0.030449252236285286, 1e-11);
    ck_assert_ok(dsb_stats_paired_wald(ci, 131, 119, 10000, 0.05));
    ck_assert_close(ci[0], -0.0018988859097529124, 1e-11);
    ck_assert_ok(dsb_stats_wilson(ci, 25410, 30000, 0.05)); /* the headline of Liu & He: 84.7 % */
    ck_assert_close(ci[0], 0.8429, 1e-4);
    ck_assert_close(ci[1], 0.8510, 1e-4);
}
END_TEST

typedef dsb_status (*interval_fn)(double out[2], uint64_t k, uint64_t n, double alpha);
static const interval_fn intervals[] = {dsb_stats_wilson,          dsb_stats_wilson_corrected,
                                        dsb_stats_clopper_pearson, dsb_stats_jeffreys,
                                        dsb_stats_agresti_coull,   dsb_stats_mid_p};

START_TEST(every_interval_keeps_its_edges)
{
    for (size_t f = 0; f < sizeof intervals / sizeof *intervals; f++) {
        double ci[2], mirror[2];
        ck_assert_ok(intervals[f](ci, 0, 0, 0.05));
        ck_assert(ci[0] == 0 && ci[1] == 1);
        ck_assert_ok(intervals[f](ci, 0, 7, 0.05));
        ck_assert(ci[0] == 0 && ci[1] > 0.2 && ci[1] < 0.6);
        ck_assert_ok(intervals[f](ci, 7, 7, 0.05));
        ck_assert(ci[1] == 1 && ci[0] > 0.4 && ci[0] < 0.8);
        for (uint64_t n = 1; n < 40; n++)
            for (uint64_t k = 0; k <= n; k++) {
                ck_assert_ok(intervals[f](ci, k, n, 0.1));
                ck_assert_ok(intervals[f](mirror, n - k, n, 0.1));
                double p = (double)k / (double)n;
                ck_assert(ci[0] <= p && p <= ci[1]);
                ck_assert_double_eq_tol(ci[0], 1 - mirror[1], 1e-12);
            }
        ck_assert_fails(intervals[f](ci, 8, 7, 0.05), DSB_E_INVALID, "8");
        ck_assert_fails(intervals[f](ci, 1, 7, 0), DSB_E_INVALID, "alpha");
        ck_assert_fails(intervals[f](ci, 1, 7, NAN), DSB_E_INVALID, "alpha");
        ck_assert_fails(intervals[f](NULL, 1, 7, 0.05), DSB_E_INVALID, "place");
    }
}
END_TEST

START_TEST(binomial_test_has_exact_tails)
{
    double p;
    ck_assert_ok(dsb_stats_binomial_test(&p, 10, 10, 0.5, DSB_STATS_GREATER));
    ck_assert_close(p, 1.0 / 1024, 1e-14);
    ck_assert_ok(dsb_stats_binomial_test(&p, 0, 10, 0.5, DSB_STATS_GREATER));
    ck_assert(p == 1);
    ck_assert_ok(dsb_stats_binomial_test(&p, 0, 10, 0.5, DSB_STATS_LESS));
    ck_assert_close(p, 1.0 / 1024, 1e-14);
    ck_assert_ok(dsb_stats_binomial_test(&p, 5, 10, 0.5, DSB_STATS_TWO_SIDED));
    ck_assert(p == 1);
    ck_assert_ok(dsb_stats_binomial_test(&p, 7, 20, 0.3, DSB_STATS_TWO_SIDED)); /* scipy 1.17 */
    ck_assert_close(p, 0.6290549031390164, 0.2);
    ck_assert_ok(dsb_stats_binomial_test(&p, 1000, 1000, 0.5, DSB_STATS_GREATER));
    ck_assert_close(p, exp2(-1000), 1e-12);
    ck_assert_ok(dsb_stats_binomial_test(&p, 0, 0, 0.5, DSB_STATS_TWO_SIDED));
    ck_assert(p == 1);
    ck_assert_fails(dsb_stats_binomial_test(&p, 1, 2, 1.5, DSB_STATS_LESS), DSB_E_INVALID, "1.5");
    ck_assert_fails(dsb_stats_binomial_test(&p, 1, 2, 0.5, 9), DSB_E_INVALID, "side 9");
}
END_TEST

/* Table of test images for N-way dataset classification, one-sided 5 %, power 80 % */
START_TEST(sample_sizes_of_the_table)
{
    static const uint64_t table[4][5] = {{15455, 3863, 617, 153, 37},
                                         {13807, 3468, 562, 143, 36},
                                         {11695, 2948, 483, 125, 32},
                                         {8724, 2214, 369, 98, 26}};
    static const double ways[4] = {2, 3, 4, 6}, delta[5] = {0.01, 0.02, 0.05, 0.1, 0.2};
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 5; j++) {
            uint64_t n;
            double power, exact;
            ck_assert_ok(dsb_stats_sample_size(&n, 1 / ways[i], delta[j], 0.05, 0.8));
            ck_assert_uint_eq(n, table[i][j]);
            ck_assert_ok(dsb_stats_power(&power, n, 1 / ways[i], delta[j], 0.05));
            ck_assert(power >= 0.8 && power < 0.83);
            ck_assert_ok(dsb_stats_power_exact(&exact, NULL, n, 1 / ways[i], delta[j], 0.05));
            ck_assert_double_eq_tol(exact, power, 0.2);
        }
    uint64_t n;
    /* 131 against 119 discordant of 10,000: what it takes to resolve 0.12 points */
    ck_assert_ok(dsb_stats_paired_sample_size(&n, 0.025, 0.0012, 0.05, 0.8));
    ck_assert_double_eq_tol((double)n, 136000, 500);
    ck_assert_fails(dsb_stats_sample_size(&n, 0.5, 0.6, 0.05, 0.8), DSB_E_INVALID, "0.6");
    ck_assert_fails(dsb_stats_sample_size(&n, 0.5, 0, 0.05, 0.8), DSB_E_INVALID, "0");
}
END_TEST

START_TEST(confusion_and_its_summaries)
{
    const uint32_t truth[] = {0, 0, 0, 1, 1, 2}, predicted[] = {0, 0, 1, 1, 0, 2};
    uint64_t confusion[9];
    ck_assert_ok(dsb_stats_confusion(confusion, truth, predicted, 6, 3));
    const uint64_t want[9] = {2, 1, 0, 1, 1, 0, 0, 0, 1};
    ck_assert_mem_eq(confusion, want, sizeof want);
    double recall[3], ci[6];
    ck_assert_ok(dsb_stats_recall(recall, ci, confusion, 3, 0.05));
    ck_assert_close(recall[0], 2.0 / 3, 1e-15);
    ck_assert(ci[4] < 1 && ci[5] == 1);
    dsb_stats_multiclass m;
    dsb_stats_multiclass_init(&m, sizeof m);
    ck_assert_ok(dsb_stats_multiclass_run(&m, confusion, 3));
    ck_assert_close(m.accuracy, 4.0 / 6, 1e-15);
    ck_assert_close(m.kappa, 0.45454545454545453, 1e-14); /* scikit-learn */
    ck_assert_close(m.mcc, 0.45454545454545453, 1e-14);
    ck_assert_close(m.balanced_accuracy, (2.0 / 3 + 0.5 + 1) / 3, 1e-15);
    ck_assert_fails(dsb_stats_confusion(confusion, truth, predicted, 6, 2), DSB_E_DATA, "item 5");
}
END_TEST

START_TEST(margin_test_agrees_with_permutation)
{
    const uint64_t confusion[9] = {20, 9, 8, 10, 16, 9, 9, 10, 17};
    double z, p, permuted;
    ck_assert_ok(dsb_stats_margin_test(&z, &p, confusion, 3));
    ck_assert(z > 2 && z < 4);
    dsb_runtime *rt = make_runtime(1);
    ck_assert_ok(dsb_stats_margin_permutation(rt, &permuted, confusion, 3, 20000, 5));
    ck_assert_double_eq_tol(permuted, p, 0.4 * p + 0.001);
    const uint64_t constant[4] = {30, 0, 20, 0}; /* always says class 0 */
    ck_assert_ok(dsb_stats_margin_test(&z, &p, constant, 2));
    ck_assert(z == 0 && p == 1);
    ck_assert_ok(dsb_stats_margin_permutation(rt, &permuted, constant, 2, 10, 5));
    ck_assert(permuted == 1);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(mcnemar_in_all_forms)
{
    double p; /* 131 and 119 discordant: expected.json */
    ck_assert_ok(dsb_stats_mcnemar(&p, 131, 119, DSB_STATS_MCNEMAR_EXACT));
    ck_assert_close(p, 0.4866918474841142, 1e-12);
    ck_assert_ok(dsb_stats_mcnemar(&p, 131, 119, DSB_STATS_MCNEMAR_MIDP));
    ck_assert_close(p, 0.4488553936096016, 1e-12);
    ck_assert_ok(dsb_stats_mcnemar(&p, 131, 119, DSB_STATS_MCNEMAR_CHI2));
    ck_assert_close(p, 0.44788447826411193, 1e-12);
    ck_assert_ok(dsb_stats_mcnemar(&p, 131, 119, DSB_STATS_MCNEMAR_CORRECTED));
    ck_assert_close(p, 0.4866160457640505, 1e-12);
    for (uint32_t form = 0; form < 4; form++) {
        ck_assert_ok(dsb_stats_mcnemar(&p, 0, 0, form));
        ck_assert(p == 1);
        ck_assert_ok(dsb_stats_mcnemar(&p, 5, 5, form));
        ck_assert(p > 0.7 && p <= 1);
    }
    ck_assert_fails(dsb_stats_mcnemar(&p, 1, 2, 7), DSB_E_INVALID, "form 7");
}
END_TEST

/* Newcombe 1998 (paired), table II, method 10 */
START_TEST(newcombe_paired_published_values)
{
    static const struct {
        uint64_t n11, n10, n01, n00;
        double lo, hi;
    } cases[] = {
        {36, 12, 2, 0, 0.0569, 0.3404}, {54, 0, 0, 0, -0.0664, 0.0664}, {0, 30, 0, 0, 0.8395, 1.0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double ci[2];
        ck_assert_ok(dsb_stats_newcombe_paired(ci, cases[i].n11, cases[i].n10, cases[i].n01,
                                               cases[i].n00, 0.05));
        ck_assert_double_eq_tol(ci[0], cases[i].lo, 5.1e-5);
        ck_assert_double_eq_tol(ci[1], cases[i].hi, 5.1e-5);
    }
}
END_TEST

START_TEST(cochran_bowker_and_sign_flips)
{
    const uint8_t right[3 * 6] = {1, 1, 1, 1, 1, 0, 1, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0};
    double q, p, df;
    ck_assert_ok(dsb_stats_cochran_q(&q, &p, right, 3, 6));
    ck_assert_close(q, 6.0, 1e-12); /* (k-1)(k sum G^2 - (sum G)^2)/(k sum L - sum L^2) by hand */
    ck_assert_fails(dsb_stats_cochran_q(&q, &p, right, 1, 6), DSB_E_DATA, "two models");
    const uint64_t table[9] = {10, 5, 0, 1, 10, 0, 0, 0, 3};
    ck_assert_ok(dsb_stats_bowker(&q, &df, &p, table, 3));
    ck_assert_close(q, 16.0 / 6, 1e-14);
    ck_assert(df == 1);
    dsb_runtime *one = make_runtime(1), *three = make_runtime(3);
    const double all_up[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    double pa, pb;
    ck_assert_ok(dsb_stats_sign_flip(one, &pa, all_up, 8, 10000, 3));
    ck_assert_ok(dsb_stats_sign_flip(three, &pb, all_up, 8, 10000, 3));
    ck_assert(pa == pb);
    ck_assert_double_eq_tol(pa, 2.0 / 256, 0.003);
    dsb_runtime_free(one);
    dsb_runtime_free(three);
}
END_TEST

START_TEST(adjustments_keep_order_and_nan)
{
    dsb_runtime *rt = make_runtime(1);
    const double p[5] = {0.01, NAN, 0.04, 0.03, 0.005};
    double adjusted[5];
    ck_assert_ok(dsb_stats_adjust(rt, adjusted, p, 5, DSB_STATS_ADJUST_HOLM));
    ck_assert_close(adjusted[0], 0.03, 1e-14);
    ck_assert(isnan(adjusted[1]));
    ck_assert_close(adjusted[2], 0.06, 1e-14);
    ck_assert_close(adjusted[3], 0.06, 1e-14);
    ck_assert_close(adjusted[4], 0.02, 1e-14);
    ck_assert_ok(dsb_stats_adjust(rt, adjusted, p, 5, DSB_STATS_ADJUST_BH));
    ck_assert_close(adjusted[0], 0.02, 1e-14);
    ck_assert_close(adjusted[3], 0.04, 1e-14);
    ck_assert_ok(dsb_stats_adjust(rt, adjusted, p, 5, DSB_STATS_ADJUST_HOCHBERG));
    ck_assert_close(adjusted[2], 0.04, 1e-14);
    ck_assert_close(adjusted[0], 0.03, 1e-14);
    ck_assert_ok(dsb_stats_adjust(rt, adjusted, p, 5, DSB_STATS_ADJUST_BY));
    ck_assert_close(adjusted[4], 0.02 * 25 / 12, 1e-14);
    ck_assert_ok(dsb_stats_adjust(rt, adjusted, p, 0, DSB_STATS_ADJUST_BH));
    const double bad[1] = {1.5};
    ck_assert_fails(dsb_stats_adjust(rt, adjusted, bad, 1, DSB_STATS_ADJUST_BH), DSB_E_INVALID,
                    "1.5");
    dsb_runtime_free(rt);
}
END_TEST

/* mpmath, 30 digits */
START_TEST(distributions_to_the_last_digits)
{
    ck_assert_close(dsb_stats_normal_quantile(0.975), 1.959963984540054, 1e-15);
    ck_assert_close(dsb_stats_normal_cdf(-37), 5.725571222524576e-300, 4e-14);
    ck_assert_close(dsb_stats_normal_cdf(dsb_stats_normal_quantile(1e-200)), 1e-200, 1e-13);
    for (double z = -30; z < 5; z += 0.37)
        ck_assert_close(dsb_stats_normal_quantile(dsb_stats_normal_cdf(z)), z, 1e-9);
    ck_assert_close(dsb_stats_chi2_sf(9.0, 1.0), 2 * dsb_stats_normal_sf(3), 1e-14);
    ck_assert_close(dsb_stats_chi2_sf(1400, 2), exp(-700), 1e-12);
    ck_assert_close(dsb_stats_chi2_sf(11.582879762493814, 9), 0.23785854182800045, 1e-13);
    ck_assert_close(dsb_stats_chi2_quantile(0.95, 1), 3.841458820694124, 1e-14);
    ck_assert_close(dsb_stats_t_quantile(0.975, 28), 2.048407141795244, 1e-13);
    ck_assert_close(dsb_stats_t_sf(2.048407141795244, 28), 0.025, 1e-13);
    ck_assert_close(dsb_stats_t_sf(1, 1), 0.25, 1e-14);
    ck_assert_close(dsb_stats_f_sf(4, 1, 28), 2 * dsb_stats_t_sf(2, 28), 1e-13);
    for (double a = 0.3; a < 1e6; a *= 7) /* I_x(a,1) = x^a, I_x(1,b) = 1-(1-x)^b */
        for (double x = 0.999; x > 0.05; x *= 0.8) {
            double power = a * log(x);
            if (power > -700)
                ck_assert_close(dsb_stats_beta_cdf(x, a, 1), exp(power), 3e-13);
            ck_assert_close(dsb_stats_beta_cdf(x, 1, a), -expm1(a * log1p(-x)), 1e-13);
        }
    ck_assert(isnan(dsb_stats_beta_cdf(0.5, -1, 2)) && isnan(dsb_stats_normal_quantile(2)));
    ck_assert(isnan(dsb_stats_chi2_sf(1, 0)) && isnan(dsb_stats_log_gamma(-1)));
    ck_assert(dsb_stats_normal_quantile(0) == -INFINITY && dsb_stats_beta_quantile(1, 2, 3) == 1);
}
END_TEST

int main(void)
{
    return run_tests("stats", clopper_pearson_is_exact, intervals_of_the_best_model,
                     every_interval_keeps_its_edges, binomial_test_has_exact_tails,
                     sample_sizes_of_the_table, confusion_and_its_summaries,
                     margin_test_agrees_with_permutation, mcnemar_in_all_forms,
                     newcombe_paired_published_values, cochran_bowker_and_sign_flips,
                     adjustments_keep_order_and_nan, distributions_to_the_last_digits, NULL);
}
