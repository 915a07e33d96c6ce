/* Calculations from the columns of one file: lines, correlations, calibration, tables of counts. */
#include "stats_cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint32_t scale_of(const char *name)
{
    uint32_t scale = 0;
    while (strcmp(dsb_stats_scale_name(scale), name) != 0)
        scale++;
    return scale;
}

static int fit_columns(stats_output *o, const double *x, const double *y, uint64_t n)
{
    double alpha = o->args->alpha;
    uint32_t scale = scale_of(o->args->scale);
    dsb_stats_line line;
    dsb_stats_line_init(&line, sizeof line);
    CHECK(dsb_stats_fit(&line, x, y, NULL, n, scale, alpha));
    stats_put(o, "n", (double)line.n);
    stats_put(o, "n_dropped", (double)line.n_dropped);
    stats_put(o, "slope", line.slope);
    stats_put(o, "intercept", line.intercept);
    stats_put(o, "r2", line.r2);
    stats_put_interval(o, "slope_t", line.slope_ci);
    stats_put_interval(o, "intercept_t", line.intercept_ci);
    stats_put(o, "p_slope_1", line.p_slope_one);
    double slope, intercept, ci[2];
    if (dsb_stats_theil_sen(o->cli->rt, &slope, &intercept, ci, x, y, n, scale, alpha) == DSB_OK) {
        stats_put(o, "theil_sen_slope", slope);
        stats_put(o, "theil_sen_intercept", intercept);
        stats_put_interval(o, "theil_sen_ci", ci);
    }
    if (dsb_stats_deming(&slope, &intercept, x, y, n, scale, 1) == DSB_OK) {
        stats_put(o, "deming_slope", slope);
        stats_put(o, "deming_intercept", intercept);
    }
    if (o->args->bootstrap >= 2) {
        dsb_stats_fit_boot boot;
        dsb_stats_fit_boot_init(&boot, sizeof boot);
        CHECK(dsb_stats_fit_bootstrap(o->cli->rt, &boot, NULL, NULL, x, y, n, scale, alpha,
                                      o->args->bootstrap, o->args->seed));
        stats_put_interval(o, "slope_bootstrap", boot.slope_ci);
        stats_put_interval(o, "intercept_bootstrap", boot.intercept_ci);
        stats_put(o, "share_slope_le_1", boot.share_slope_le_one);
    }
    return CLI_OK;
}

/* Two columns of one file: --column and --against, or the first two. */
static int two_columns(stats_output *o, double *values[2], uint64_t *n)
{
    uint64_t m;
    dsb_runtime *rt = o->cli->rt;
    const char *a = o->args->column ? o->args->column : "0";
    const char *b = o->args->against ? o->args->against : "1";
    CHECK(dsb_shift_read_column(rt, &values[0], n, o->words[0], a));
    CHECK(dsb_shift_read_column(rt, &values[1], &m, o->words[0], b));
    return *n == m ? CLI_OK : cli_usage(o->cli, "columns of different length");
}

static int run_fit(stats_output *o)
{
    double *values[2] = {NULL, NULL};
    uint64_t n;
    int code = two_columns(o, values, &n);
    if (code == CLI_OK)
        code = fit_columns(o, values[0], values[1], n);
    dsb_shift_values_free(o->cli->rt, values[0]);
    dsb_shift_values_free(o->cli->rt, values[1]);
    return code;
}

static int run_correlation(stats_output *o)
{
    static const char *const names[] = {"pearson", "spearman", "kendall_tau_b", "weighted_tau"};
    double *values[2] = {NULL, NULL}, r;
    uint64_t n;
    int code = two_columns(o, values, &n);
    for (uint32_t kind = 0; code == CLI_OK && kind < 4; kind++) {
        dsb_status status = dsb_stats_correlation(o->cli->rt, &r, values[0], values[1], n, kind);
        if (status == DSB_OK)
            stats_put(o, names[kind], r);
        else
            code = cli_fail(o->cli, status);
    }
    dsb_shift_values_free(o->cli->rt, values[0]);
    dsb_shift_values_free(o->cli->rt, values[1]);
    return code;
}

static dsb_status calibrate(stats_output *o, const double *confidence, const double *label,
                            const double *predicted, uint64_t n)
{
    uint8_t *right = malloc((size_t)n + 1);
    double value[3], part[3];
    if (!right)
        return DSB_E_NOMEM;
    double accuracy = 0, mean = 0;
    for (uint64_t i = 0; i < n; i++) {
        right[i] = label[i] == predicted[i];
        accuracy += right[i] / (double)n;
        mean += confidence[i] / (double)n;
    }
    dsb_status status = DSB_OK;
    for (uint32_t binning = 0; status == DSB_OK && binning < 2; binning++) {
        status = dsb_stats_ece(o->cli->rt, &value[0], &value[1], &value[2], confidence, right, n,
                               o->args->bins, binning);
        if (status != DSB_OK)
            break;
        if (binning == 0) {
            stats_put(o, "n", (double)n);
            stats_put(o, "accuracy", accuracy);
            stats_put(o, "mean_confidence", mean);
        }
        stats_put(o, binning ? "ece_equal_mass" : "ece_equal_width", value[0]);
        stats_put(o, binning ? "mce_equal_mass" : "mce_equal_width", value[1]);
        stats_put(o, binning ? "rms_debiased_mass" : "rms_debiased_width", value[2]);
    }
    if (status == DSB_OK)
        status = dsb_stats_isotonic_scores(o->cli->rt, &part[0], &part[1], &part[2], NULL,
                                           confidence, right, n);
    if (status == DSB_OK) {
        stats_put(o, "miscalibration", part[0]);
        stats_put(o, "discrimination", part[1]);
        stats_put(o, "uncertainty", part[2]);
    }
    free(right);
    return status;
}

static int run_calibration(stats_output *o)
{
    static const char *const names[][3] = {{"confidence", "conf", "prob"},
                                           {"label", "truth", "target"},
                                           {"pred", "prediction", "predicted"}};
    double *values[3] = {NULL, NULL, NULL};
    uint64_t n[3] = {0, 0, 0};
    dsb_status status = DSB_OK;
    for (int i = 0; i < 3 && status == DSB_OK; i++) {
        status = DSB_E_NOTFOUND;
        for (int k = 0; k < 3 && status == DSB_E_NOTFOUND; k++)
            status = dsb_shift_read_column(o->cli->rt, &values[i], &n[i], o->words[0], names[i][k]);
    }
    if (status == DSB_OK)
        status = calibrate(o, values[0], values[1], values[2], n[0]);
    int code = status == DSB_OK ? CLI_OK : cli_fail(o->cli, status);
    for (int i = 0; i < 3; i++)
        dsb_shift_values_free(o->cli->rt, values[i]);
    return code;
}

/* Two columns: values and the cluster of each (--column, --against). */
static int run_clustered(stats_output *o)
{
    double *values[2] = {NULL, NULL}, mean, se, naive;
    uint64_t n = 0, clusters = 0;
    int code = two_columns(o, values, &n);
    uint32_t *cluster = malloc((size_t)(n + 1) * sizeof *cluster);
    for (uint64_t i = 0; code == CLI_OK && cluster && i < n; i++) {
        if (!(values[1][i] >= 0) || values[1][i] >= 1e9 || values[1][i] != floor(values[1][i]))
            code = cli_usage(o->cli, "row %llu: clusters are whole numbers from 0",
                             (unsigned long long)i + 1);
        else
            cluster[i] = (uint32_t)values[1][i];
        if (code == CLI_OK && cluster[i] >= clusters)
            clusters = (uint64_t)cluster[i] + 1;
    }
    dsb_status status = DSB_OK;
    if (!cluster)
        code = CLI_MEMORY;
    if (code == CLI_OK)
        status =
            dsb_stats_clustered_se(o->cli->rt, &mean, &se, &naive, values[0], cluster, n, clusters);
    if (code == CLI_OK && status == DSB_OK) {
        stats_put(o, "mean", mean);
        stats_put(o, "se_clustered", se);
        stats_put(o, "se_naive", naive);
    } else if (code == CLI_OK) {
        code = cli_fail(o->cli, status);
    }
    free(cluster);
    dsb_shift_values_free(o->cli->rt, values[0]);
    dsb_shift_values_free(o->cli->rt, values[1]);
    return code;
}

static int run_sign_flip(stats_output *o)
{
    double *values[2] = {NULL, NULL}, p;
    uint64_t n = 0;
    int code = two_columns(o, values, &n);
    dsb_status status = DSB_OK;
    for (uint64_t i = 0; code == CLI_OK && i < n; i++)
        values[0][i] -= values[1][i];
    if (code == CLI_OK)
        status =
            dsb_stats_sign_flip(o->cli->rt, &p, values[0], n, o->args->permutations, o->args->seed);
    if (code == CLI_OK && status == DSB_OK)
        stats_put(o, "p", p);
    else if (code == CLI_OK)
        code = cli_fail(o->cli, status);
    dsb_shift_values_free(o->cli->rt, values[0]);
    dsb_shift_values_free(o->cli->rt, values[1]);
    return code;
}

/* A file of whole numbers from 0, [rows, columns]. Caller frees. */
static int read_counts(stats_output *o, uint64_t **counts, uint64_t *rows, uint64_t *columns,
                       const char *path)
{
    double *values;
    *counts = NULL;
    CHECK(dsb_shift_read_matrix(o->cli->rt, &values, rows, columns, path));
    int code = CLI_OK;
    *counts = malloc((size_t)(*rows * *columns + 1) * sizeof **counts);
    for (uint64_t i = 0; *counts && code == CLI_OK && i < *rows * *columns; i++) {
        if (!(values[i] >= 0) || values[i] > 9e15 || values[i] != floor(values[i])) {
            cli_note(o->cli, "%s: row %llu: %g is no count", path,
                     (unsigned long long)(i / *columns) + 1, values[i]);
            code = CLI_INPUT;
        } else {
            (*counts)[i] = (uint64_t)values[i];
        }
    }
    dsb_shift_values_free(o->cli->rt, values);
    return *counts ? code : CLI_MEMORY;
}

/* Columns are models, rows items, values 0 and 1. */
static int run_cochran(stats_output *o)
{
    uint64_t *counts, items = 0, models = 0;
    double q, p;
    int code = read_counts(o, &counts, &items, &models, o->words[0]);
    uint8_t *right = code == CLI_OK ? malloc((size_t)(items * models + 1)) : NULL;
    for (uint64_t i = 0; right && code == CLI_OK && i < items * models; i++) {
        right[i % models * items + i / models] = (uint8_t)(counts[i] & 1);
        if (counts[i] > 1)
            code = cli_usage(o->cli, "row %llu: correctness is 0 or 1, not %llu",
                             (unsigned long long)(i / models) + 1, (unsigned long long)counts[i]);
    }
    if (code == CLI_OK && !right)
        code = CLI_MEMORY;
    if (code == CLI_OK) {
        dsb_status status = dsb_stats_cochran_q(&q, &p, right, models, items);
        if (status == DSB_OK) {
            stats_put(o, "q", q);
            stats_put(o, "df", (double)models - 1);
            stats_put(o, "p", p);
        } else {
            code = cli_fail(o->cli, status);
        }
    }
    free(counts);
    free(right);
    return code;
}

static int run_bowker(stats_output *o)
{
    uint64_t *counts, rows = 0, columns = 0;
    double chi2, df, p;
    int code = read_counts(o, &counts, &rows, &columns, o->words[0]);
    if (code == CLI_OK && rows != columns)
        code = cli_usage(o->cli, "a table of %llu x %llu is not square", (unsigned long long)rows,
                         (unsigned long long)columns);
    if (code == CLI_OK) {
        dsb_status status = dsb_stats_bowker(&chi2, &df, &p, counts, (uint32_t)rows);
        if (status == DSB_OK) {
            stats_put(o, "chi2", chi2);
            stats_put(o, "df", df);
            stats_put(o, "p", p);
        } else {
            code = cli_fail(o->cli, status);
        }
    }
    free(counts);
    return code;
}

/* Two columns of counts: do both follow the same shares? */
static int run_homogeneity(stats_output *o)
{
    uint64_t *counts, rows = 0, columns = 0;
    double value[5];
    static const char *const names[] = {"chi2", "g", "df", "p", "total_variation"};
    int code = read_counts(o, &counts, &rows, &columns, o->words[0]);
    if (code == CLI_OK && columns != 2)
        code = cli_usage(o->cli, "two columns of counts, not %llu", (unsigned long long)columns);
    uint64_t *side = code == CLI_OK ? malloc((size_t)(2 * rows + 1) * sizeof *side) : NULL;
    for (uint64_t i = 0; side && i < rows; i++) {
        side[i] = counts[2 * i];
        side[rows + i] = counts[2 * i + 1];
    }
    if (code == CLI_OK && !side)
        code = CLI_MEMORY;
    if (code == CLI_OK) {
        dsb_status status = dsb_stats_homogeneity(&value[0], &value[1], &value[2], &value[3],
                                                  &value[4], side, side + rows, rows);
        for (size_t i = 0; status == DSB_OK && i < 5; i++)
            stats_put(o, names[i], value[i]);
        code = status == DSB_OK ? CLI_OK : cli_fail(o->cli, status);
    }
    free(counts);
    free(side);
    return code;
}

/* CONFUSION (rows truth, columns predicted) of the source, PREDICTED counts on the new set. */
static int run_label_shift(stats_output *o)
{
    uint64_t *confusion, *predicted = NULL, k = 0, columns = 0, n = 0, one = 0;
    int code = read_counts(o, &confusion, &k, &columns, o->words[0]);
    if (code == CLI_OK)
        code = read_counts(o, &predicted, &n, &one, o->words[1]);
    if (code == CLI_OK && (k != columns || n * one != k))
        code = cli_usage(o->cli, "a confusion matrix of %llu x %llu and %llu counts",
                         (unsigned long long)k, (unsigned long long)columns,
                         (unsigned long long)(n * one));
    double *work = code == CLI_OK ? malloc((size_t)(4 * k + 1) * sizeof *work) : NULL, condition;
    if (code == CLI_OK && !work)
        code = CLI_MEMORY;
    if (code == CLI_OK) {
        dsb_runtime *rt = o->cli->rt;
        dsb_status status =
            dsb_stats_bbse(rt, work, work + k, &condition, confusion, predicted, (uint32_t)k);
        if (status == DSB_OK)
            status = dsb_stats_bbse_interval(rt, work + 2 * k, work + 3 * k, confusion, predicted,
                                             (uint32_t)k, o->args->alpha, 1000, o->args->seed);
        if (status == DSB_OK) {
            stats_put_row(o, "weights", work, (size_t)k);
            stats_put_row(o, "shares", work + k, (size_t)k);
            stats_put_row(o, "shares_low", work + 2 * k, (size_t)k);
            stats_put_row(o, "shares_high", work + 3 * k, (size_t)k);
            stats_put(o, "condition", condition);
        } else {
            code = cli_fail(o->cli, status);
        }
    }
    free(confusion);
    free(predicted);
    free(work);
    return code;
}

/* Columns are submissions in their order, rows items, values losses: what the Ladder shows. */
static int run_ladder(stats_output *o)
{
    dsb_runtime *rt = o->cli->rt;
    double *values;
    uint64_t items, submissions;
    CHECK(dsb_shift_read_matrix(rt, &values, &items, &submissions, o->words[0]));
    double *loss = malloc((size_t)(items + submissions + 1) * sizeof *loss);
    dsb_stats_ladder *ladder = NULL;
    dsb_status status =
        loss ? dsb_stats_ladder_create(rt, &ladder, items, o->args->step) : DSB_E_NOMEM;
    for (uint64_t s = 0; status == DSB_OK && s < submissions; s++) {
        for (uint64_t i = 0; i < items; i++)
            loss[i] = values[i * submissions + s];
        status = dsb_stats_ladder_submit(ladder, &loss[items + s], loss);
    }
    if (status == DSB_OK)
        stats_put_row(o, "released", loss + items, (size_t)submissions);
    int code = !loss ? CLI_MEMORY : status == DSB_OK ? CLI_OK : cli_fail(o->cli, status);
    dsb_stats_ladder_free(ladder);
    dsb_shift_values_free(rt, values);
    free(loss);
    return code;
}

const stats_calculation stats_of_columns[] = {
    {"fit", "FILE", 1, 1, run_fit},
    {"correlation", "FILE", 1, 1, run_correlation},
    {"calibration", "FILE", 1, 1, run_calibration},
    {"clustered", "FILE", 1, 1, run_clustered},
    {"sign-flip", "FILE", 1, 1, run_sign_flip},
    {"cochran", "FILE", 1, 1, run_cochran},
    {"bowker", "FILE", 1, 1, run_bowker},
    {"homogeneity", "FILE", 1, 1, run_homogeneity},
    {"label-shift", "CONFUSION PREDICTED", 2, 2, run_label_shift},
    {"ladder", "FILE", 1, 1, run_ladder},
    {0},
};
