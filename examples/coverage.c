/* Do the intervals and tests hold what they promise? Coverage of intervals, size and power of
 * tests, and a leaderboard under attack, as Markdown: docs/statistics-coverage.md is its output.
 *
 *     example_coverage [REPLICATES]     default 200 (seconds); the document was made with 1000
 *
 * Proportions are summed exactly over all outcomes; everything else is simulated, with the standard
 * error of a simulated share of 95 % beside it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "dsbias/dsbias.h"

#define TRY(call)                                                 \
    do {                                                          \
        if ((call) < 0) {                                         \
            fprintf(stderr, "%s: %s\n", #call, dsb_last_error()); \
            exit(1);                                              \
        }                                                         \
    } while (0)

/* SplitMix64 (Steele et al. 2014): the simulations' own numbers, so that they are repeatable. */
static uint64_t state = 1;
static double uniform(void)
{
    uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return ((double)((z ^ z >> 31) >> 11) + 0.5) / 9007199254740992.0;
}
static double normal(void)
{
    return dsb_stats_normal_quantile(uniform());
}
static uint64_t binomial(uint64_t n, double p)
{
    uint64_t k = 0;
    for (uint64_t i = 0; i < n; i++)
        k += uniform() < p;
    return k;
}

static double pmf(uint64_t k, uint64_t n, double p)
{
    double a = (double)k, b = (double)(n - k);
    return exp(dsb_stats_log_gamma((double)n + 1) - dsb_stats_log_gamma(a + 1) -
               dsb_stats_log_gamma(b + 1) + a * log(p) + b * log1p(-p));
}

typedef dsb_status (*interval_fn)(double ci[2], uint64_t k, uint64_t n, double alpha);
static const struct {
    const char *name;
    interval_fn fn;
} intervals[] = {{"Clopper-Pearson", dsb_stats_clopper_pearson},
                 {"mid-p", dsb_stats_mid_p},
                 {"Wilson", dsb_stats_wilson},
                 {"Wilson, corrected", dsb_stats_wilson_corrected},
                 {"Jeffreys", dsb_stats_jeffreys},
                 {"Agresti-Coull", dsb_stats_agresti_coull}};

static double coverage(interval_fn fn, uint64_t n, double p)
{
    double sum = 0, ci[2];
    for (uint64_t k = 0; k <= n; k++) {
        double weight = pmf(k, n, p);
        if (weight < 1e-12)
            continue;
        TRY(fn(ci, k, n, 0.05));
        sum += ci[0] <= p && p <= ci[1] ? weight : 0;
    }
    return sum;
}

static void proportions(void)
{
    static const uint64_t sizes[] = {10, 30, 100, 1000};
    printf("## One proportion, nominal 95 %%\n\nExact, over a grid of 199 true rates from 0.005 to "
           "0.995: mean and lowest coverage in per cent.\n\n| interval |");
    for (int s = 0; s < 4; s++)
        printf(" n = %d |", (int)sizes[s]);
    printf("\n|---|---|---|---|---|\n");
    for (size_t f = 0; f < sizeof intervals / sizeof *intervals; f++) {
        printf("| %s |", intervals[f].name);
        for (int s = 0; s < 4; s++) {
            double mean = 0, least = 1;
            for (int i = 1; i < 200; i++) {
                double c = coverage(intervals[f].fn, sizes[s], i / 200.0);
                mean += c / 199;
                least = fmin(least, c);
            }
            printf(" %.1f, %.1f |", 100 * mean, 100 * least);
        }
        printf("\n");
    }
    printf("\n");
}

static void differences(int replicates)
{
    static const double cases[][4] = {{30, 0.9, 30, 0.8},
                                      {100, 0.95, 50, 0.9},
                                      {10000, 0.95, 2000, 0.88},
                                      {100, 0.99, 100, 0.99}};
    printf(
        "## Differences, nominal 95 %%\n\n| n1, p1, n2, p2 | Newcombe, independent |\n|---|---|\n");
    for (int i = 0; i < 4; i++) {
        int hit = 0;
        for (int r = 0; r < replicates; r++) {
            uint64_t n1 = (uint64_t)cases[i][0], n2 = (uint64_t)cases[i][2];
            double ci[2], d = cases[i][1] - cases[i][3];
            TRY(dsb_stats_newcombe(ci, binomial(n1, cases[i][1]), n1, binomial(n2, cases[i][3]), n2,
                                   0.05));
            hit += ci[0] <= d && d <= ci[1];
        }
        printf("| %g, %g, %g, %g | %.1f |\n", cases[i][0], cases[i][1], cases[i][2], cases[i][3],
               100.0 * hit / replicates);
    }
    printf(
        "\nPaired (n items, shares right for A only and B only, both right 0.8): coverage, and "
        "size "
        "of McNemar's tests at 5 %% where the shares are equal.\n\n| n, A only, B only | Newcombe, "
        "paired | Wald | exact | mid-p | chi-square |\n|---|---|---|---|---|---|\n");
    static const double paired[][3] = {
        {50, 0.05, 0.05}, {200, 0.03, 0.03}, {2000, 0.02, 0.02}, {200, 0.06, 0.02}};
    for (int i = 0; i < 4; i++) {
        int hit[2] = {0, 0}, reject[3] = {0, 0, 0};
        for (int r = 0; r < replicates; r++) {
            uint64_t t[4] = {0, 0, 0, 0};
            for (int k = 0; k < (int)paired[i][0]; k++) {
                double u = uniform();
                t[u < 0.8                                 ? 0
                  : u < 0.8 + paired[i][1]                ? 1
                  : u < 0.8 + paired[i][1] + paired[i][2] ? 2
                                                          : 3]++;
            }
            double ci[2], p, d = paired[i][1] - paired[i][2];
            TRY(dsb_stats_newcombe_paired(ci, t[0], t[1], t[2], t[3], 0.05));
            hit[0] += ci[0] <= d && d <= ci[1];
            TRY(dsb_stats_paired_wald(ci, t[1], t[2], (uint64_t)paired[i][0], 0.05));
            hit[1] += ci[0] <= d && d <= ci[1];
            for (uint32_t form = 0; form < 3; form++) {
                TRY(dsb_stats_mcnemar(&p, t[1], t[2], form));
                reject[form] += p < 0.05;
            }
        }
        printf("| %g, %g, %g | %.1f | %.1f |", paired[i][0], paired[i][1], paired[i][2],
               100.0 * hit[0] / replicates, 100.0 * hit[1] / replicates);
        for (int form = 0; form < 3; form++)
            printf(" %.1f%s |", 100.0 * reject[form] / replicates,
                   paired[i][1] == paired[i][2] ? "" : " (power)");
        printf("\n");
    }
    printf("\n");
}

/* Models on a probit line (slope 0.95) with scatter of their own and binomial noise. */
static void lines(dsb_runtime *rt, int replicates)
{
    enum { MOST = 60 };
    printf("## Slope of the line, nominal 95 %%\n\nTrue probit slope 0.95, models with accuracies "
           "80 to 97 %%, measured on 10,000 and 2,000 items, noise of their own each.\n\n| "
           "models, "
           "scatter around the line | t | bootstrap over models | Theil-Sen | likelihood |\n"
           "|---|---|---|---|---|\n");
    static const double cases[][2] = {{10, 0.03}, {30, 0.03}, {60, 0.03}, {30, 0}};
    for (int i = 0; i < 4; i++) {
        int n = (int)cases[i][0], hit[4] = {0, 0, 0, 0};
        for (int r = 0; r < replicates; r++) {
            double x[MOST], y[MOST], a, b, ci[2];
            uint64_t k0[MOST], n0[MOST], k1[MOST], n1[MOST];
            for (int m = 0; m < n; m++) {
                double z = 0.85 + 1.05 * uniform();
                double p = dsb_stats_normal_cdf(z);
                double q = dsb_stats_normal_cdf(0.95 * z - 0.4 + cases[i][1] * normal());
                /* normal approximation of the counts: ten thousand draws each would take hours */
                k0[m] = (uint64_t)(10000 * p + sqrt(10000 * p * (1 - p)) * normal() + 0.5);
                k1[m] = (uint64_t)(2000 * q + sqrt(2000 * q * (1 - q)) * normal() + 0.5);
                n0[m] = 10000;
                n1[m] = 2000;
                x[m] = (double)k0[m] / 10000;
                y[m] = (double)k1[m] / 2000;
            }
            dsb_stats_line line;
            dsb_stats_line_init(&line, sizeof line);
            TRY(dsb_stats_fit(&line, x, y, NULL, (uint64_t)n, DSB_STATS_SCALE_PROBIT, 0.05));
            hit[0] += line.slope_ci[0] <= 0.95 && 0.95 <= line.slope_ci[1];
            dsb_stats_fit_boot boot;
            dsb_stats_fit_boot_init(&boot, sizeof boot);
            TRY(dsb_stats_fit_bootstrap(rt, &boot, NULL, NULL, x, y, (uint64_t)n,
                                        DSB_STATS_SCALE_PROBIT, 0.05, 1000, (uint64_t)r));
            hit[1] += boot.slope_ci[0] <= 0.95 && 0.95 <= boot.slope_ci[1];
            TRY(dsb_stats_theil_sen(rt, &a, &b, ci, x, y, (uint64_t)n, DSB_STATS_SCALE_PROBIT,
                                    0.05));
            hit[2] += ci[0] <= 0.95 && 0.95 <= ci[1];
            dsb_stats_count_line counts;
            dsb_stats_count_line_init(&counts, sizeof counts);
            TRY(dsb_stats_fit_counts(rt, &counts, k0, n0, k1, n1, (uint64_t)n,
                                     DSB_STATS_SCALE_PROBIT, 0.05));
            hit[3] += counts.slope_ci[0] <= 0.95 && 0.95 <= counts.slope_ci[1];
        }
        printf("| %d, %g |", n, cases[i][1]);
        for (int k = 0; k < 4; k++)
            printf(" %.1f |", 100.0 * hit[k] / replicates);
        printf("\n");
    }
    printf("\n");
}

static double mean_of(void *user, const uint64_t *index, uint64_t n)
{
    double sum = 0;
    for (uint64_t i = 0; i < n; i++)
        sum += ((double *)user)[index[i]];
    return sum / (double)n;
}

/* Mean of a skewed variable: exp(normal / 2), whose mean is exp(1/8). */
static void bootstraps(dsb_runtime *rt, int replicates)
{
    static const uint64_t sizes[] = {15, 50, 200};
    printf(
        "## Bootstrap of a mean of skewed values, nominal 95 %%\n\n| n | percentile | basic | BCa |"
        "\n|---|---|---|---|\n");
    for (int s = 0; s < 3; s++) {
        int hit[3] = {0, 0, 0};
        for (int r = 0; r < replicates; r++) {
            double x[200], truth = exp(0.125);
            for (uint64_t i = 0; i < sizes[s]; i++)
                x[i] = exp(0.5 * normal());
            dsb_stats_bootstrap_opts opts;
            dsb_stats_bootstrap_result result;
            dsb_stats_bootstrap_opts_init(&opts, sizeof opts);
            dsb_stats_bootstrap_result_init(&result, sizeof result);
            opts.n_replicates = 1000;
            opts.bca = 1;
            opts.seed = (uint64_t)r;
            TRY(dsb_stats_bootstrap(rt, &result, sizes[s], &opts, mean_of, x));
            const double *ends[] = {result.percentile, result.basic, result.bca};
            for (int k = 0; k < 3; k++)
                hit[k] += ends[k][0] <= truth && truth <= ends[k][1];
        }
        printf("| %d | %.1f | %.1f | %.1f |\n", (int)sizes[s], 100.0 * hit[0] / replicates,
               100.0 * hit[1] / replicates, 100.0 * hit[2] / replicates);
    }
    printf("\n");
}

static void two_samples(dsb_runtime *rt, int replicates)
{
    enum { N = 100, DIM = 5 };
    static const double shifts[] = {0, 0.2, 0.3, 0.5};
    printf(
        "## Two-sample tests, 100 against 100 points in 5 dimensions\n\nShare of rejections at 5 "
        "%%: size where the mean of every coordinate is shifted by 0, else power. KS is "
        "Bonferroni-corrected over coordinates; C2ST trains a nearest-mean classifier on half of "
        "the points and tests its accuracy on the rest.\n\n| shift | MMD | energy | KS | C2ST |\n"
        "|---|---|---|---|---|\n");
    for (int s = 0; s < 4; s++) {
        int reject[4] = {0, 0, 0, 0};
        for (int r = 0; r < replicates; r++) {
            static float x[N * DIM], y[N * DIM];
            static double xd[N * DIM], yd[N * DIM];
            double p, mmd2, d[DIM], each[DIM], mean[2][DIM] = {{0}};
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
            for (int i = 0; i < N / 2 * DIM; i++) {
                mean[0][i % DIM] += xd[i] / (N / 2);
                mean[1][i % DIM] += yd[i] / (N / 2);
            }
            uint64_t right = 0;
            for (int i = N / 2; i < N; i++)
                for (int side = 0; side < 2; side++) {
                    double score = 0;
                    for (int k = 0; k < DIM; k++)
                        score += ((side ? yd : xd)[i * DIM + k] - (mean[0][k] + mean[1][k]) / 2) *
                                 (mean[1][k] - mean[0][k]);
                    right += (score > 0) == side;
                }
            TRY(dsb_stats_binomial_test(&p, right, N, 0.5, DSB_STATS_GREATER));
            reject[3] += p <= 0.05;
        }
        printf("| %g |", shifts[s]);
        for (int k = 0; k < 4; k++)
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
    int replicates = argc > 1 ? atoi(argv[1]) : 200;
    if (replicates < 10 || replicates > 1000000) {
        fprintf(stderr, "usage: %s [REPLICATES]   10 .. 1,000,000\n", argv[0]);
        return 2;
    }
    dsb_runtime *rt;
    TRY(dsb_runtime_create(&rt, NULL));
    printf("%d simulations a cell: the standard error of a share of 95 %% is %.1f points.\n\n",
           replicates, 100 * sqrt(0.95 * 0.05 / replicates));
    proportions();
    differences(replicates);
    lines(rt, replicates);
    bootstraps(rt, replicates);
    two_samples(rt, replicates);
    attack(rt);
    dsb_runtime_free(rt);
    return 0;
}
