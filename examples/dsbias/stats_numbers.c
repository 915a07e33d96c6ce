/* Calculations from numbers on the command line. */
#include "stats_cli.h"

#include <stdlib.h>

static int run_interval(stats_output *o)
{
    uint64_t c[2];
    double ci[2], alpha = o->args->alpha;
    NEED(stats_counts(o, c, 2));
    CHECK(dsb_stats_clopper_pearson(ci, c[0], c[1], alpha));
    if (c[1] > 0)
        stats_put(o, "proportion", (double)c[0] / (double)c[1]);
    stats_put_interval(o, "clopper_pearson", ci);
    CHECK(dsb_stats_wilson(ci, c[0], c[1], alpha));
    stats_put_interval(o, "wilson", ci);
    CHECK(dsb_stats_jeffreys(ci, c[0], c[1], alpha));
    stats_put_interval(o, "jeffreys", ci);
    CHECK(dsb_stats_agresti_coull(ci, c[0], c[1], alpha));
    stats_put_interval(o, "agresti_coull", ci);
    CHECK(dsb_stats_mid_p(ci, c[0], c[1], alpha));
    stats_put_interval(o, "mid_p", ci);
    return CLI_OK;
}

static int run_difference(stats_output *o)
{
    uint64_t c[4];
    double ci[2], ratio;
    NEED(stats_counts(o, c, 4));
    CHECK(dsb_stats_newcombe(ci, c[0], c[1], c[2], c[3], o->args->alpha));
    if (c[1] > 0 && c[3] > 0)
        stats_put(o, "difference", (double)c[0] / (double)c[1] - (double)c[2] / (double)c[3]);
    stats_put_interval(o, "newcombe", ci);
    CHECK(dsb_stats_error_ratio(&ratio, ci, c[3] - c[2], c[3], c[1] - c[0], c[1], o->args->alpha));
    stats_put(o, "error_ratio", ratio);
    stats_put_interval(o, "error_ratio_katz", ci);
    return CLI_OK;
}

static uint32_t side_of(const char *name)
{
    return name[0] == 'g'   ? DSB_STATS_GREATER
           : name[0] == 'l' ? DSB_STATS_LESS
                            : DSB_STATS_TWO_SIDED;
}

static int run_binomial(stats_output *o)
{
    uint64_t c[2];
    double p0, p;
    NEED(stats_counts(o, c, 2));
    NEED(stats_number_at(o, &p0, 2));
    CHECK(dsb_stats_binomial_test(&p, c[0], c[1], p0, side_of(o->args->side)));
    stats_put(o, "p", p);
    return CLI_OK;
}

static int run_sample_size(stats_output *o)
{
    double p0, delta;
    uint64_t n;
    NEED(stats_number_at(o, &p0, 0));
    NEED(stats_number_at(o, &delta, 1));
    CHECK(dsb_stats_sample_size(&n, p0, delta, o->args->alpha, o->args->power));
    stats_put(o, "n", (double)n);
    return CLI_OK;
}

static int run_power(stats_output *o)
{
    double p0, delta, power;
    uint64_t n, critical;
    NEED(stats_count_at(o, &n, 0));
    NEED(stats_number_at(o, &p0, 1));
    NEED(stats_number_at(o, &delta, 2));
    CHECK(dsb_stats_power(&power, n, p0, delta, o->args->alpha));
    stats_put(o, "power_normal", power);
    CHECK(dsb_stats_power_exact(&power, &critical, n, p0, delta, o->args->alpha));
    stats_put(o, "power_exact", power);
    stats_put(o, "critical", (double)critical);
    return CLI_OK;
}

static int run_mcnemar(stats_output *o)
{
    static const char *const names[] = {"exact_p", "midp", "chi2_p", "chi2_cc_p"};
    uint64_t c[4] = {0, 0, 0, 0};
    double p, ci[2];
    NEED(stats_counts(o, c, o->n));
    for (uint32_t form = 0; form < 4; form++) {
        CHECK(dsb_stats_mcnemar(&p, c[0], c[1], form));
        stats_put(o, names[form], p);
    }
    if (o->n == 4) {
        CHECK(dsb_stats_newcombe_paired(ci, c[2], c[0], c[1], c[3], o->args->alpha));
        double n = (double)(c[0] + c[1] + c[2] + c[3]);
        stats_put(o, "difference", n > 0 ? ((double)c[0] - (double)c[1]) / n : 0);
        stats_put_interval(o, "newcombe_paired", ci);
    }
    return CLI_OK;
}

static int run_adjust(stats_output *o)
{
    static const char *const names[] = {"bonferroni", "holm", "hochberg", "bh", "by"};
    double p[STATS_OPERANDS], adjusted[STATS_OPERANDS];
    for (size_t i = 0; i < o->n; i++)
        NEED(stats_number_at(o, &p[i], i));
    for (uint32_t method = 0; method < 5; method++) {
        CHECK(dsb_stats_adjust(o->cli->rt, adjusted, p, o->n, method));
        stats_put_row(o, names[method], adjusted, o->n);
    }
    return CLI_OK;
}

static int run_best_of(stats_output *o)
{
    double k;
    NEED(stats_number_at(o, &k, 0));
    stats_put(o, "standard_errors", dsb_stats_best_of(k));
    return CLI_OK;
}

static int run_public_private(stats_output *o)
{
    uint64_t c[4];
    double p;
    NEED(stats_counts(o, c, 4));
    CHECK(dsb_stats_public_private(&p, c[0], c[1], c[2], c[3]));
    stats_put(o, "p", p);
    return CLI_OK;
}

static int run_paired_size(stats_output *o)
{
    double disagreement, delta;
    uint64_t n;
    NEED(stats_number_at(o, &disagreement, 0));
    NEED(stats_number_at(o, &delta, 1));
    CHECK(dsb_stats_paired_sample_size(&n, disagreement, delta, o->args->alpha, o->args->power));
    stats_put(o, "n", (double)n);
    return CLI_OK;
}

static int run_bound(stats_output *o)
{
    double bits, n, delta;
    NEED(stats_number_at(o, &bits, 0));
    NEED(stats_number_at(o, &n, 1));
    NEED(stats_number_at(o, &delta, 2));
    stats_put(o, "bias", dsb_stats_adaptive_bound(bits, n, delta));
    return CLI_OK;
}

/* SCORE ... of cross-validation, with the sizes of the training and the test parts before them. */
static int run_cv(stats_output *o)
{
    double sizes[2], mean, se, ci[2], score[STATS_OPERANDS];
    NEED(stats_number_at(o, &sizes[0], 0));
    NEED(stats_number_at(o, &sizes[1], 1));
    for (size_t i = 2; i < o->n; i++)
        NEED(stats_number_at(o, &score[i - 2], i));
    CHECK(dsb_stats_corrected_cv(&mean, &se, ci, score, o->n - 2, sizes[0], sizes[1],
                                 o->args->alpha));
    stats_put(o, "mean", mean);
    stats_put(o, "se_corrected", se);
    stats_put_interval(o, "nadeau_bengio", ci);
    return CLI_OK;
}

static int run_apportion(stats_output *o)
{
    uint64_t total, seats[STATS_OPERANDS];
    double weight[STATS_OPERANDS];
    NEED(stats_count_at(o, &total, 0));
    for (size_t i = 1; i < o->n; i++)
        NEED(stats_number_at(o, &weight[i - 1], i));
    CHECK(dsb_stats_apportion(o->cli->rt, seats, weight, o->n - 1, total));
    for (size_t i = 0; i + 1 < o->n; i++)
        weight[i] = (double)seats[i];
    stats_put_row(o, "seats", weight, o->n - 1);
    return CLI_OK;
}

/* Fold of each of N items, shuffled by --seed; ITERATIONS rows of iterated k-fold. */
static int run_folds(stats_output *o)
{
    uint64_t c[3] = {0, 0, 1};
    int code = CLI_OK;
    NEED(stats_counts(o, c, o->n));
    if (c[0] > 1000000 || c[1] > c[0] || c[2] > 1000)
        return cli_usage(o->cli, "at most 1,000,000 items, as many folds, 1,000 iterations");
    uint32_t *fold = malloc((size_t)(c[0] + 1) * sizeof *fold);
    double *row = malloc((size_t)(c[0] + 1) * sizeof *row);
    for (uint64_t repeat = 0; fold && row && code == CLI_OK && repeat < c[2]; repeat++) {
        dsb_status status = dsb_stats_folds(o->cli->rt, fold, c[0], (uint32_t)c[1], NULL, NULL,
                                            o->args->seed, repeat);
        char name[32];
        snprintf(name, sizeof name, "iteration_%llu", (unsigned long long)repeat);
        for (uint64_t i = 0; status == DSB_OK && i < c[0]; i++)
            row[i] = fold[i];
        if (status == DSB_OK)
            stats_put_row(o, name, row, (size_t)c[0]);
        else
            code = cli_fail(o->cli, status);
    }
    if (!fold || !row)
        code = CLI_MEMORY;
    free(fold);
    free(row);
    return code;
}

const stats_calculation stats_of_numbers[] = {
    {"interval", "K N", 2, 2, run_interval},
    {"difference", "K1 N1 K2 N2", 4, 4, run_difference},
    {"binomial", "K N P0", 3, 3, run_binomial},
    {"sample-size", "P0 DELTA", 2, 2, run_sample_size},
    {"power", "N P0 DELTA", 3, 3, run_power},
    {"mcnemar", "N10 N01 [N11 N00]", 2, 4, run_mcnemar},
    {"paired-size", "DISAGREEMENT DELTA", 2, 2, run_paired_size},
    {"adjust", "P P ...", 1, STATS_OPERANDS, run_adjust},
    {"best-of", "K", 1, 1, run_best_of},
    {"public-private", "WRONG N WRONG N", 4, 4, run_public_private},
    {"bound", "BITS N DELTA", 3, 3, run_bound},
    {"cv", "N_TRAIN N_TEST SCORE SCORE ...", 4, STATS_OPERANDS, run_cv},
    {"apportion", "TOTAL WEIGHT WEIGHT ...", 2, STATS_OPERANDS, run_apportion},
    {"folds", "N K [ITERATIONS]", 2, 3, run_folds},
    {0},
};
