/* Do intervals hold what they promise? Coverage as Markdown: docs/statistics-coverage.md is its
 * output, and that of example_power, which asks the same of tests.
 *
 *     example_coverage [REPLICATES]     default 100 (seconds); the document was made with 400
 *
 * Proportions are summed exactly over all outcomes; everything else is simulated, with the standard
 * error of a simulated share of 95 % beside it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "simulate.h"

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
    printf("## Differences, nominal 95 %%\n\n| n1, p1, n2, p2 | Newcombe, independent | ratio of "
           "error "
           "rates, Katz |\n|---|---|---|\n");
    for (int i = 0; i < 4; i++) {
        int hit[2] = {0, 0};
        for (int r = 0; r < replicates; r++) {
            uint64_t n1 = (uint64_t)cases[i][0], n2 = (uint64_t)cases[i][2];
            uint64_t k1 = binomial(n1, cases[i][1]), k2 = binomial(n2, cases[i][3]);
            double ci[2], d = cases[i][1] - cases[i][3], estimate;
            double ratio = (1 - cases[i][3]) / (1 - cases[i][1]);
            TRY(dsb_stats_newcombe(ci, k1, n1, k2, n2, 0.05));
            hit[0] += ci[0] <= d && d <= ci[1];
            TRY(dsb_stats_error_ratio(&estimate, ci, n2 - k2, n2, n1 - k1, n1, 0.05));
            hit[1] += ci[0] <= ratio && ratio <= ci[1];
        }
        printf("| %g, %g, %g, %g | %.1f | %.1f |\n", cases[i][0], cases[i][1], cases[i][2],
               cases[i][3], 100.0 * hit[0] / replicates, 100.0 * hit[1] / replicates);
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
    printf(
        "## Slope of the line, nominal 95 %%\n\nTrue probit slope 0.95, models with accuracies "
        "80 to 97 %%, measured on 10,000 and 2,000 items, noise of their own each.\n\n| "
        "models, "
        "scatter around the line | t | bootstrap over models | Theil-Sen | likelihood | band at 90 "
        "%% | a new model at 90 %% |\n|---|---|---|---|---|---|---|\n");
    static const double cases[][2] = {{10, 0.03}, {30, 0.03}, {60, 0.03}, {30, 0}};
    for (int i = 0; i < 4; i++) {
        int n = (int)cases[i][0], hit[6] = {0};
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
            double fitted, band[2], interval[2], at = 0.95 * dsb_stats_normal_quantile(0.9) - 0.4;
            double fresh = dsb_stats_normal_cdf(at + cases[i][1] * normal());
            fresh += sqrt(fresh * (1 - fresh) / 2000) * normal();
            TRY(dsb_stats_fit_predict(&line, &fitted, band, interval, 0.9, 0.05));
            hit[4] += band[0] <= dsb_stats_normal_cdf(at) && dsb_stats_normal_cdf(at) <= band[1];
            hit[5] += interval[0] <= fresh && fresh <= interval[1];
        }
        printf("| %d, %g |", n, cases[i][1]);
        for (int k = 0; k < 6; k++)
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

/* Area under the ROC curve 0.76: normal scores, means 1 apart. */
static void areas(dsb_runtime *rt, int replicates)
{
    static const uint64_t sizes[][2] = {{15, 15}, {40, 25}, {200, 100}};
    double truth = dsb_stats_normal_cdf(1 / sqrt(2));
    printf(
        "## Area under the ROC curve, DeLong, nominal 95 %%\n\n| positive, negative | coverage |\n"
        "|---|---|\n");
    for (int s = 0; s < 3; s++) {
        int hit = 0;
        for (int r = 0; r < replicates; r++) {
            double x[200], y[100], auc, ci[2];
            for (uint64_t i = 0; i < sizes[s][0]; i++)
                x[i] = normal() + 1;
            for (uint64_t i = 0; i < sizes[s][1]; i++)
                y[i] = normal();
            TRY(dsb_stats_auc(rt, &auc, ci, NULL, x, sizes[s][0], y, sizes[s][1], 0.05));
            hit += ci[0] <= truth && truth <= ci[1];
        }
        printf("| %d, %d | %.1f |\n", (int)sizes[s][0], (int)sizes[s][1], 100.0 * hit / replicates);
    }
    printf("\n");
}

/* Items in clusters of five that share half of their variance; mean +- 1.96 standard errors. */
static void clusters(dsb_runtime *rt, int replicates)
{
    static const uint64_t sizes[] = {10, 40, 200};
    printf("## Mean of clustered items, nominal 95 %%\n\nClusters of 5 items that share half of "
           "their variance.\n\n| clusters | clustered | taken for independent |\n|---|---|---|\n");
    for (int s = 0; s < 3; s++) {
        int hit[2] = {0, 0};
        for (int r = 0; r < replicates; r++) {
            double x[1000], mean, se, naive;
            uint32_t cluster[1000];
            for (uint64_t c = 0; c < sizes[s]; c++) {
                double own = normal();
                for (uint64_t i = 0; i < 5; i++) {
                    x[5 * c + i] = own + normal();
                    cluster[5 * c + i] = (uint32_t)c;
                }
            }
            TRY(dsb_stats_clustered_se(rt, &mean, &se, &naive, x, cluster, 5 * sizes[s], sizes[s]));
            hit[0] += fabs(mean) <= 1.959964 * se;
            hit[1] += fabs(mean) <= 1.959964 * naive;
        }
        printf("| %d | %.1f | %.1f |\n", (int)sizes[s], 100.0 * hit[0] / replicates,
               100.0 * hit[1] / replicates);
    }
    printf("\n");
}

/* Accuracy of "nearer to which class mean?" on a fold, trained on the others. */
static double fold_score(const double *x, const uint8_t *label, const uint32_t *fold, uint64_t n,
                         uint32_t of)
{
    double mean[2] = {0, 0}, count[2] = {0, 0}, right = 0, all = 0;
    for (uint64_t i = 0; i < n; i++)
        if (fold[i] != of) {
            mean[label[i]] += x[i];
            count[label[i]] += 1;
        }
    for (uint64_t i = 0; i < n; i++)
        if (fold[i] == of) {
            double cut = 0.5 * (mean[0] / count[0] + mean[1] / count[1]);
            right += (x[i] > cut) == (label[i] == 1);
            all += 1;
        }
    return right / all;
}

/* Iterated 5-fold cross-validation of that classifier; the truth is the mean of all runs. */
static void cross_validation(dsb_runtime *rt, int replicates)
{
    static const uint64_t sizes[][2] = {{50, 1}, {50, 5}, {200, 1}, {200, 5}};
    printf(
        "## Cross-validated accuracy, nominal 95 %%\n\nTwo classes 1.5 standard deviations apart, "
        "5 folds, shuffled anew in each iteration.\n\n| items, iterations | Nadeau-Bengio | plain "
        "t interval of the scores |\n|---|---|---|\n");
    for (int s = 0; s < 4; s++) {
        uint64_t n = sizes[s][0], scores = 5 * sizes[s][1];
        double *ends = malloc((size_t)replicates * 4 * sizeof *ends), truth = 0;
        if (!ends)
            exit(1);
        for (int r = 0; r < replicates; r++) {
            double x[200], score[25], mean = 0, square = 0, se, *e = ends + 4 * r;
            uint8_t label[200];
            uint32_t fold[200];
            for (uint64_t i = 0; i < n; i++) {
                label[i] = (uint8_t)(i % 2);
                x[i] = normal() + 1.5 * label[i];
            }
            for (uint64_t k = 0; k < scores; k++) {
                if (k % 5 == 0)
                    TRY(dsb_stats_folds(rt, fold, n, 5, NULL, NULL, (uint64_t)r, k / 5));
                score[k] = fold_score(x, label, fold, n, (uint32_t)(k % 5));
                square += score[k] * score[k];
            }
            TRY(dsb_stats_corrected_cv(&mean, &se, e, score, scores, 0.8 * (double)n,
                                       0.2 * (double)n, 0.05));
            double k = (double)scores, sd = sqrt(fmax(0, square - k * mean * mean) / (k - 1));
            double half = dsb_stats_t_quantile(0.975, k - 1) * sd / sqrt(k);
            e[2] = mean - half;
            e[3] = mean + half;
            truth += mean / replicates;
        }
        int hit[2] = {0, 0};
        for (int r = 0; r < replicates; r++)
            for (int k = 0; k < 2; k++)
                hit[k] += ends[4 * r + 2 * k] <= truth && truth <= ends[4 * r + 2 * k + 1];
        printf("| %d, %d | %.1f | %.1f |\n", (int)n, (int)sizes[s][1], 100.0 * hit[0] / replicates,
               100.0 * hit[1] / replicates);
        free(ends);
    }
    printf("\n");
}

/* Ten models of the probit model of Recht et al. 2019: image difficulty N(mu, sigma^2), right with
 * probability F(skill - difficulty); the line of these models has slope u exactly. */
static void shared_images(dsb_runtime *rt, int replicates)
{
    enum { MODELS = 10, MOST = 1000 };
    static const uint64_t sizes[][2] = {{300, 150}, {1000, 400}};
    double u = sqrt(1 + 1.0) / sqrt(1 + 1.44);
    printf(
        "## Slope where models share their images, nominal 95 %%\n\n10 models, images of their own "
        "difficulty in either set.\n\n| images, old and new | over images | over models | t "
        "|\n|---|---|---|---|\n");
    for (int s = 0; s < 2; s++) {
        int hit[3] = {0, 0, 0}, runs = replicates < 400 ? replicates : 400;
        for (int r = 0; r < runs; r++) {
            static double score[2][MODELS * MOST];
            double x[MODELS], y[MODELS];
            for (int side = 0; side < 2; side++)
                for (uint64_t i = 0; i < sizes[s][side]; i++) {
                    double difficulty = side ? 0.3 + 1.2 * normal() : normal();
                    for (int m = 0; m < MODELS; m++)
                        score[side][(uint64_t)m * sizes[s][side] + i] =
                            uniform() < dsb_stats_normal_cdf(0.4 + 0.2 * m - difficulty);
                }
            for (int m = 0; m < MODELS; m++) {
                x[m] = y[m] = 0;
                for (uint64_t i = 0; i < sizes[s][0]; i++)
                    x[m] += score[0][(uint64_t)m * sizes[s][0] + i] / (double)sizes[s][0];
                for (uint64_t i = 0; i < sizes[s][1]; i++)
                    y[m] += score[1][(uint64_t)m * sizes[s][1] + i] / (double)sizes[s][1];
            }
            dsb_stats_fit_boot boot[2];
            dsb_stats_line line;
            dsb_stats_line_init(&line, sizeof line);
            for (int k = 0; k < 2; k++)
                dsb_stats_fit_boot_init(&boot[k], sizeof boot[k]);
            TRY(dsb_stats_fit_bootstrap_images(rt, &boot[0], NULL, NULL, score[0], sizes[s][0],
                                               score[1], sizes[s][1], MODELS,
                                               DSB_STATS_SCALE_PROBIT, 0.05, 500, (uint64_t)r, 0));
            TRY(dsb_stats_fit_bootstrap(rt, &boot[1], NULL, NULL, x, y, MODELS,
                                        DSB_STATS_SCALE_PROBIT, 0.05, 500, (uint64_t)r));
            TRY(dsb_stats_fit(&line, x, y, NULL, MODELS, DSB_STATS_SCALE_PROBIT, 0.05));
            const double *ends[] = {boot[0].slope_ci, boot[1].slope_ci, line.slope_ci};
            for (int k = 0; k < 3; k++)
                hit[k] += ends[k][0] <= u && u <= ends[k][1];
        }
        printf("| %d, %d | %.1f | %.1f | %.1f |\n", (int)sizes[s][0], (int)sizes[s][1],
               100.0 * hit[0] / runs, 100.0 * hit[1] / runs, 100.0 * hit[2] / runs);
    }
    printf("\n");
}

/* Three classes, a classifier that is right with 0.8; the new set has shares 0.6, 0.3, 0.1. */
static void class_shares(dsb_runtime *rt, int replicates)
{
    static const uint64_t sizes[][2] = {{150, 100}, {1000, 500}};
    static const double truth[] = {0.6, 0.3, 0.1};
    printf(
        "## Class shares without labels (BBSE), nominal 95 %%\n\nCoverage of each of three shares, "
        "by bootstrap over both sets; the assumption p(x|y) holds.\n\n| labelled, unlabelled | 0.6 "
        "| 0.3 | 0.1 |\n|---|---|---|---|\n");
    for (int s = 0; s < 2; s++) {
        int hit[3] = {0, 0, 0}, runs = 0;
        for (int r = 0; r < replicates; r++) {
            uint64_t confusion[9] = {0}, predicted[3] = {0};
            double low[3], high[3];
            for (int side = 0; side < 2; side++)
                for (uint64_t i = 0; i < sizes[s][side]; i++) {
                    double v = uniform(), w = uniform();
                    uint64_t y = side ? (v < 0.6 ? 0 : v < 0.9 ? 1 : 2) : i % 3;
                    uint64_t p = w < 0.8 ? y : (y + (w < 0.9 ? 1 : 2)) % 3;
                    if (side)
                        predicted[p]++;
                    else
                        confusion[3 * y + p]++;
                }
            TRY(dsb_stats_bbse_interval(rt, low, high, confusion, predicted, 3, 0.05, 300,
                                        (uint64_t)r));
            runs++;
            for (int k = 0; k < 3; k++)
                hit[k] += low[k] <= truth[k] && truth[k] <= high[k];
        }
        printf("| %d, %d | %.1f | %.1f | %.1f |\n", (int)sizes[s][0], (int)sizes[s][1],
               100.0 * hit[0] / runs, 100.0 * hit[1] / runs, 100.0 * hit[2] / runs);
    }
    printf("\n");
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
    printf("%d simulations a cell: the standard error of a share of 95 %% is %.1f points.\n\n",
           replicates, 100 * sqrt(0.95 * 0.05 / replicates));
    proportions();
    differences(replicates);
    lines(rt, replicates);
    bootstraps(rt, replicates);
    areas(rt, replicates);
    clusters(rt, replicates);
    cross_validation(rt, replicates);
    shared_images(rt, replicates);
    class_shares(rt, replicates);
    dsb_runtime_free(rt);
    return 0;
}
