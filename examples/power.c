/* Do tests hold their level, and what do they find? Share of rejections at 5 % where nothing is to
 * be found (size) and where something is (power), and a leaderboard under attack, as Markdown: the
 * second half of docs/statistics-coverage.md.
 *
 *     example_power [REPLICATES]     default 100 (seconds); the document was made with 400 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "simulate.h"

typedef double (*simulation)(dsb_runtime *rt, uint64_t n, double effect, uint64_t seed);

/* Five models on n items, the last one better by `effect`; items have a difficulty of their own. */
static double cochran(dsb_runtime *rt, uint64_t n, double effect, uint64_t seed)
{
    (void)rt, (void)seed;
    static uint8_t right[5 * 1000];
    double q, p;
    for (uint64_t i = 0; i < n; i++) {
        double difficulty = 0.7 * normal();
        for (uint64_t m = 0; m < 5; m++)
            right[m * n + i] = uniform() < dsb_stats_normal_cdf(1 - difficulty) + (m == 4) * effect;
    }
    TRY(dsb_stats_cochran_q(&q, &p, right, 5, n));
    return p;
}

static double sign_flip(dsb_runtime *rt, uint64_t n, double effect, uint64_t seed)
{
    double x[1000], p;
    for (uint64_t i = 0; i < n; i++)
        x[i] = normal() + effect;
    TRY(dsb_stats_sign_flip(rt, &p, x, n, 499, seed));
    return p;
}

static double permutation(dsb_runtime *rt, uint64_t n, double effect, uint64_t seed)
{
    double x[1000], y[1000], difference, p;
    for (uint64_t i = 0; i < n; i++) {
        x[i] = exp(normal()) + effect;
        y[i] = exp(normal());
    }
    TRY(dsb_stats_permutation_means(rt, &difference, &p, x, n, y, n, 499, seed));
    return p;
}

static double mann_whitney(dsb_runtime *rt, uint64_t n, double effect, uint64_t seed)
{
    (void)seed;
    double x[1000], y[1000], auc, p;
    for (uint64_t i = 0; i < n; i++) {
        x[i] = normal() + effect;
        y[i] = normal();
    }
    TRY(dsb_stats_auc(rt, &auc, NULL, &p, x, n, y, n, 0.05));
    return p;
}

static double kolmogorov(dsb_runtime *rt, uint64_t n, double effect, uint64_t seed)
{
    (void)seed;
    double x[1000], y[1000], d, p;
    for (uint64_t i = 0; i < n; i++) {
        x[i] = normal() + effect;
        y[i] = normal();
    }
    TRY(dsb_stats_ks(rt, &d, &p, x, n, y, n));
    return p;
}

/* Predicted labels of two sets over five classes (BBSDh); the effect goes from class 0 to 4. */
static double homogeneity(dsb_runtime *rt, uint64_t n, double effect, uint64_t seed)
{
    (void)rt, (void)seed;
    uint64_t a[5] = {0}, b[5] = {0};
    double chi2, df, p;
    for (uint64_t i = 0; i < n; i++) {
        double u = uniform();
        a[(int)(5 * uniform())]++;
        b[u < 0.2 && uniform() < 5 * effect ? 4 : (int)(5 * u)]++;
    }
    TRY(dsb_stats_homogeneity(&chi2, NULL, &df, &p, NULL, a, b, 5));
    return p;
}

/* Two models' answers over three classes; the effect makes one say 2 where the other says 0. */
static double bowker(dsb_runtime *rt, uint64_t n, double effect, uint64_t seed)
{
    (void)rt, (void)seed;
    uint64_t table[9] = {0};
    double chi2, df, p;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t truth = (uint64_t)(3 * uniform()), said[2];
        for (int m = 0; m < 2; m++) {
            said[m] = uniform() < 0.7 ? truth : (uint64_t)(3 * uniform());
            if (m == 1 && said[m] == 0 && uniform() < 3 * effect)
                said[m] = 2;
        }
        table[3 * said[0] + said[1]]++;
    }
    TRY(dsb_stats_bowker(&chi2, &df, &p, table, 3));
    return p;
}

/* Four classes, right with probability 1/4 + effect. */
static double margins(dsb_runtime *rt, uint64_t n, double effect, uint64_t seed)
{
    (void)rt, (void)seed;
    uint64_t confusion[16] = {0};
    double z, p;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t truth = i % 4;
        confusion[4 * truth + (uniform() < 4 * effect / 3 ? truth : (uint64_t)(4 * uniform()))]++;
    }
    TRY(dsb_stats_margin_test(&z, &p, confusion, 4));
    return p;
}

static double exact_binomial(dsb_runtime *rt, uint64_t n, double effect, uint64_t seed)
{
    (void)rt, (void)seed;
    double p;
    TRY(dsb_stats_binomial_test(&p, binomial(n, 0.5 + effect), n, 0.5, DSB_STATS_TWO_SIDED));
    return p;
}

static void single_tests(dsb_runtime *rt, int replicates)
{
    static const struct {
        const char *name, *what;
        simulation run;
        uint64_t n[2];
        double effect;
    } tests[] = {
        {"binomial, exact", "rate 0.5 + effect", exact_binomial, {50, 500}, 0.1},
        {"Cochran's Q", "5 models, one better by the effect", cochran, {100, 500}, 0.08},
        {"Bowker", "3 classes, share moved", bowker, {100, 500}, 0.05},
        {"margins fixed", "4 classes, accuracy 0.25 + effect", margins, {60, 400}, 0.1},
        {"chi-square of counts", "5 classes, share moved", homogeneity, {100, 500}, 0.06},
        {"sign flips", "normal, mean = effect", sign_flip, {20, 100}, 0.4},
        {"permutation of means", "lognormal, shifted", permutation, {20, 100}, 0.8},
        {"Mann-Whitney (AUC)", "normal, shifted", mann_whitney, {20, 100}, 0.5},
        {"Kolmogorov-Smirnov", "normal, shifted", kolmogorov, {20, 100}, 0.5},
    };
    printf(
        "## Size and power of single tests\n\nShare of p <= 5 %%, in per cent: without an effect "
        "(size), and with it (power).\n\n| test | setting | effect | n | size | power | n | size | "
        "power |\n|---|---|---|---|---|---|---|---|---|\n");
    for (size_t t = 0; t < sizeof tests / sizeof *tests; t++) {
        printf("| %s | %s | %g |", tests[t].name, tests[t].what, tests[t].effect);
        for (int s = 0; s < 2; s++) {
            int reject[2] = {0, 0};
            for (int r = 0; r < 2 * replicates; r++)
                reject[r % 2] += tests[t].run(rt, tests[t].n[s], r % 2 ? tests[t].effect : 0,
                                              (uint64_t)r) <= 0.05;
            printf(" %d | %.1f | %.1f |", (int)tests[t].n[s], 100.0 * reject[0] / replicates,
                   100.0 * reject[1] / replicates);
        }
        printf("\n");
    }
    printf("\n");
}

/* All pairs of eight equal models after correction: how often is any called different? */
static void corrections(dsb_runtime *rt, int replicates)
{
    static const char *const names[] = {"uncorrected", "Bonferroni", "Holm",
                                        "Hochberg",    "BH",         "BY"};
    int any[6] = {0};
    for (int r = 0; r < replicates; r++) {
        static uint8_t right[8 * 500];
        double p[28], adjusted[28];
        int n = 0;
        for (int i = 0; i < 500; i++) {
            double difficulty = normal();
            for (int m = 0; m < 8; m++)
                right[m * 500 + i] = uniform() < dsb_stats_normal_cdf(1 - difficulty);
        }
        for (int a = 0; a < 8; a++)
            for (int b = a + 1; b < 8; b++) {
                uint64_t table[4];
                TRY(dsb_stats_paired_counts(table, right + a * 500, right + b * 500, 500));
                TRY(dsb_stats_mcnemar(&p[n++], table[1], table[2], DSB_STATS_MCNEMAR_EXACT));
            }
        for (uint32_t k = 0; k < 6; k++) {
            int hit = 0;
            if (k > 0)
                TRY(dsb_stats_adjust(rt, adjusted, p, 28, k - 1));
            for (int i = 0; i < 28; i++)
                hit |= (k ? adjusted : p)[i] < 0.05;
            any[k] += hit;
        }
    }
    printf("## Eight equal models, 28 exact McNemar tests\n\nShare of runs in which any pair is "
           "called "
           "different at 5 %%.\n\n|");
    for (int k = 0; k < 6; k++)
        printf(" %s |", names[k]);
    printf("\n|---|---|---|---|---|---|\n|");
    for (int k = 0; k < 6; k++)
        printf(" %.1f |", 100.0 * any[k] / replicates);
    printf("\n\n");
}

static void two_samples(dsb_runtime *rt, int replicates)
{
    enum { N = 100, DIM = 5 };
    static const double shifts[] = {0, 0.2, 0.3, 0.5};
    printf(
        "## Two-sample tests, 100 against 100 points in 5 dimensions\n\nShare of rejections at 5 "
        "%%: size where the mean of every coordinate is shifted by 0, else power. KS is "
        "Bonferroni-corrected over coordinates; the classifier tests train on half of the "
        "points.\n\n"
        "| shift | MMD | energy | KS | linear classifier | nearest neighbours |\n"
        "|---|---|---|---|---|---|\n");
    for (int s = 0; s < 4; s++) {
        int reject[5] = {0};
        for (int r = 0; r < replicates; r++) {
            static float x[N * DIM], y[N * DIM];
            static double xd[N * DIM], yd[N * DIM];
            double p, mmd2, d[DIM], each[DIM];
            for (int i = 0; i < N * DIM; i++) {
                xd[i] = normal();
                yd[i] = normal() + shifts[s];
                x[i] = (float)xd[i];
                y[i] = (float)yd[i];
            }
            for (uint32_t kernel = 0; kernel < 2; kernel++) {
                TRY(dsb_stats_mmd(rt, &mmd2, &p, NULL, x, N, y, N, DIM, kernel, 199, (uint64_t)r));
                reject[kernel] += p <= 0.05;
            }
            TRY(dsb_stats_ks_outputs(rt, d, each, &p, xd, N, yd, N, DIM));
            reject[2] += p <= 0.05;
            for (uint32_t kind = 0; kind < 2; kind++) {
                dsb_stats_c2st test;
                dsb_stats_c2st_init(&test, sizeof test);
                TRY(dsb_stats_c2st_run(rt, &test, x, N, y, N, DIM, kind, 0.05, (uint64_t)r));
                reject[3 + kind] += test.p <= 0.05;
            }
        }
        printf("| %g |", shifts[s]);
        for (int k = 0; k < 5; k++)
            printf(" %.1f |", 100.0 * reject[k] / replicates);
        printf("\n");
    }
    printf("\n");
}

/* Random submissions; the attacker keeps those the board says are good and submits their vote. */
static void attack(dsb_runtime *rt)
{
    enum { N = 4000, K = 1000 };
    static unsigned char truth[N];
    static int naive[N], seen[N];
    static double loss[N];
    static signed char guess[N];
    for (int i = 0; i < N; i++)
        truth[i] = uniform() < 0.5;
    dsb_stats_ladder *ladder;
    TRY(dsb_stats_ladder_create(rt, &ladder, N, 0));
    double shown = 1, before = 1;
    printf(
        "## Majority-vote attack on a leaderboard\n\n%d items with coin-flip labels: nobody can be "
        "right more than half the time on fresh items. Accuracy that the board shows for the vote "
        "of "
        "the submissions it praised.\n\n| submissions | naive board | ladder (parameter-free) |\n"
        "|---|---|---|\n",
        (int)N);
    for (int k = 1; k <= K; k++) {
        double mean = 0;
        for (int i = 0; i < N; i++) {
            guess[i] = uniform() < 0.5 ? 1 : -1;
            loss[i] = (guess[i] > 0) != truth[i];
            mean += loss[i] / N;
        }
        TRY(dsb_stats_ladder_submit(ladder, &shown, loss));
        for (int i = 0; i < N; i++) {
            naive[i] += mean <= 0.5 ? guess[i] : -guess[i];
            seen[i] += shown < before ? guess[i] : 0;
        }
        before = shown;
        if (k != 10 && k != 100 && k != 1000)
            continue;
        double right = 0;
        for (int i = 0; i < N; i++)
            right += (naive[i] > 0) == truth[i];
        printf("| %d | %.1f %% | %.1f %% |\n", k, 100 * right / N, 100 * (1 - shown));
    }
    for (int i = 0; i < N; i++)
        loss[i] = (seen[i] > 0) != truth[i];
    TRY(dsb_stats_ladder_submit(ladder, &shown, loss));
    printf("| vote | | %.1f %% |\n\n", 100 * (1 - shown));
    dsb_stats_ladder_free(ladder);
}

int main(int argc, char **argv)
{
    int replicates = argc > 1 ? atoi(argv[1]) : 100;
    if (replicates < 10 || replicates > 1000000) {
        fprintf(stderr, "usage: %s [REPLICATES]   10 .. 1,000,000\n", argv[0]);
        return 2;
    }
    dsb_runtime *rt;
    TRY(dsb_runtime_create(&rt, NULL));
    single_tests(rt, replicates);
    corrections(rt, replicates);
    two_samples(rt, replicates);
    attack(rt);
    dsb_runtime_free(rt);
    return 0;
}
