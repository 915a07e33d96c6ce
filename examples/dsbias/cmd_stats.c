/* dsbias stats: single calculations for the shell. Each is a row of `calculations`: a name, what it
 * takes, a function. Results are "name value" lines, or one JSON object with --json. */
#include "cli.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct stats_args {
    double alpha, power;
    const char *side, *scale, *column, *against, *kernel;
    uint64_t permutations, bootstrap, bins, seed;
} stats_args;

static const cli_flag stats_flags[] = {
    CLI_FLAG("alpha", REAL, stats_args, alpha, .unit = "A", .fallback = "0.05", .min = 1e-15,
             .max = 0.999999, .help = "level of tests; intervals hold 1 - A"),
    CLI_FLAG("power", REAL, stats_args, power, .unit = "P", .fallback = "0.8", .min = 1e-6,
             .max = 0.999999, .help = "power that sample-size plans for"),
    CLI_FLAG("side", CHOICE, stats_args, side, .unit = "SIDE", .fallback = "two-sided",
             .choices = "two-sided|greater|less", .help = "alternative of the binomial test"),
    CLI_FLAG("scale", CHOICE, stats_args, scale, .unit = "NAME", .fallback = "linear",
             .choices = "linear|logit|probit|arcsine|cloglog", .help = "scale of a fit"),
    CLI_FLAG("column", TEXT, stats_args, column, .unit = "NAME",
             .help = "column of the file to use; the first of two"),
    CLI_FLAG("against", TEXT, stats_args, against, .unit = "NAME", .help = "the second column"),
    CLI_FLAG("kernel", CHOICE, stats_args, kernel, .unit = "NAME", .fallback = "gaussian",
             .choices = "gaussian|energy|cubic", .help = "kernel of mmd"),
    CLI_FLAG("permutations", COUNT, stats_args, permutations, .unit = "N", .fallback = "1000",
             .min = 1, .max = 1e5, .help = "of mmd"),
    CLI_FLAG("bootstrap", COUNT, stats_args, bootstrap, .unit = "N", .fallback = "100000",
             .max = 1e7, .help = "fits to resampled points; 0 for none"),
    CLI_FLAG("bins", COUNT, stats_args, bins, .unit = "N", .fallback = "15", .min = 1, .max = 1e6,
             .help = "of calibration"),
    CLI_FLAG("seed", COUNT, stats_args, seed, .unit = "N", .fallback = "0",
             .help = "of resampling"),
    {.kind = CLI_END},
};

typedef struct output {
    cli_context *cli;
    const stats_args *args;
    const char **words; /* operands */
    size_t n;
    bool any;
} output;

static void put_name(output *o, const char *name)
{
    if (o->cli->parsed->common.json)
        printf("%s\"%s\": ", o->any ? ", " : "{", name);
    else
        printf("%-22s ", name);
    o->any = true;
}

static void put_number(double value)
{
    char text[40];
    for (int digits = 6; digits <= 17; digits++) { /* shortest that reads back */
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    fputs(text, stdout);
}

static void put(output *o, const char *name, double value)
{
    bool json = o->cli->parsed->common.json;
    put_name(o, name);
    if (!isfinite(value) && json)
        fputs("null", stdout);
    else
        put_number(value);
    if (!json)
        putchar('\n');
}

static void put_interval(output *o, const char *name, const double ci[2])
{
    bool json = o->cli->parsed->common.json;
    put_name(o, name);
    fputs("[", stdout);
    for (int i = 0; i < 2; i++) {
        fputs(i ? ", " : "", stdout);
        if (!isfinite(ci[i]) && json)
            fputs("null", stdout);
        else
            put_number(ci[i]);
    }
    fputs(json ? "]" : "]\n", stdout);
}

/* ---- operands ---- */

static int count_at(output *o, uint64_t *value, size_t i)
{
    char *end;
    errno = 0;
    const char *text = o->words[i];
    *value = strtoull(text, &end, 10);
    if (errno || *end || text[0] < '0' || text[0] > '9')
        return cli_usage(o->cli, "'%s' is no count", text);
    return CLI_OK;
}

static int number_at(output *o, double *value, size_t i)
{
    char *end;
    *value = strtod(o->words[i], &end);
    if (end == o->words[i] || *end || !isfinite(*value))
        return cli_usage(o->cli, "'%s' is no number", o->words[i]);
    return CLI_OK;
}

static int counts(output *o, uint64_t *value, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int code = count_at(o, &value[i], i);
        if (code != CLI_OK)
            return code;
    }
    return CLI_OK;
}

#define NEED(call)           \
    do {                     \
        int code_ = (call);  \
        if (code_ != CLI_OK) \
            return code_;    \
    } while (0)
#define CHECK(call)                           \
    do {                                      \
        dsb_status status_ = (call);          \
        if (status_ < 0)                      \
            return cli_fail(o->cli, status_); \
    } while (0)

/* ---- calculations ---- */

static int run_interval(output *o)
{
    uint64_t c[2];
    double ci[2], alpha = o->args->alpha;
    NEED(counts(o, c, 2));
    CHECK(dsb_stats_clopper_pearson(ci, c[0], c[1], alpha));
    if (c[1] > 0)
        put(o, "proportion", (double)c[0] / (double)c[1]);
    put_interval(o, "clopper_pearson", ci);
    CHECK(dsb_stats_wilson(ci, c[0], c[1], alpha));
    put_interval(o, "wilson", ci);
    CHECK(dsb_stats_jeffreys(ci, c[0], c[1], alpha));
    put_interval(o, "jeffreys", ci);
    CHECK(dsb_stats_agresti_coull(ci, c[0], c[1], alpha));
    put_interval(o, "agresti_coull", ci);
    CHECK(dsb_stats_mid_p(ci, c[0], c[1], alpha));
    put_interval(o, "mid_p", ci);
    return CLI_OK;
}

static int run_difference(output *o)
{
    uint64_t c[4];
    double ci[2], ratio;
    NEED(counts(o, c, 4));
    CHECK(dsb_stats_newcombe(ci, c[0], c[1], c[2], c[3], o->args->alpha));
    if (c[1] > 0 && c[3] > 0)
        put(o, "difference", (double)c[0] / (double)c[1] - (double)c[2] / (double)c[3]);
    put_interval(o, "newcombe", ci);
    CHECK(dsb_stats_error_ratio(&ratio, ci, c[3] - c[2], c[3], c[1] - c[0], c[1], o->args->alpha));
    put(o, "error_ratio", ratio);
    put_interval(o, "error_ratio_katz", ci);
    return CLI_OK;
}

static uint32_t side_of(const char *name)
{
    return name[0] == 'g'   ? DSB_STATS_GREATER
           : name[0] == 'l' ? DSB_STATS_LESS
                            : DSB_STATS_TWO_SIDED;
}

static int run_binomial(output *o)
{
    uint64_t c[2];
    double p0, p;
    NEED(counts(o, c, 2));
    NEED(number_at(o, &p0, 2));
    CHECK(dsb_stats_binomial_test(&p, c[0], c[1], p0, side_of(o->args->side)));
    put(o, "p", p);
    return CLI_OK;
}

static int run_sample_size(output *o)
{
    double p0, delta;
    uint64_t n;
    NEED(number_at(o, &p0, 0));
    NEED(number_at(o, &delta, 1));
    CHECK(dsb_stats_sample_size(&n, p0, delta, o->args->alpha, o->args->power));
    put(o, "n", (double)n);
    return CLI_OK;
}

static int run_power(output *o)
{
    double p0, delta, power;
    uint64_t n, critical;
    NEED(count_at(o, &n, 0));
    NEED(number_at(o, &p0, 1));
    NEED(number_at(o, &delta, 2));
    CHECK(dsb_stats_power(&power, n, p0, delta, o->args->alpha));
    put(o, "power_normal", power);
    CHECK(dsb_stats_power_exact(&power, &critical, n, p0, delta, o->args->alpha));
    put(o, "power_exact", power);
    put(o, "critical", (double)critical);
    return CLI_OK;
}

static int run_mcnemar(output *o)
{
    static const char *const names[] = {"exact_p", "midp", "chi2_p", "chi2_cc_p"};
    uint64_t c[4] = {0, 0, 0, 0};
    double p, ci[2];
    NEED(counts(o, c, o->n));
    for (uint32_t form = 0; form < 4; form++) {
        CHECK(dsb_stats_mcnemar(&p, c[0], c[1], form));
        put(o, names[form], p);
    }
    if (o->n == 4) {
        CHECK(dsb_stats_newcombe_paired(ci, c[2], c[0], c[1], c[3], o->args->alpha));
        double n = (double)(c[0] + c[1] + c[2] + c[3]);
        put(o, "difference", n > 0 ? ((double)c[0] - (double)c[1]) / n : 0);
        put_interval(o, "newcombe_paired", ci);
    }
    return CLI_OK;
}

static int run_adjust(output *o)
{
    static const char *const names[] = {"bonferroni", "holm", "hochberg", "bh", "by"};
    enum { MOST = 1000 };
    double p[MOST], adjusted[MOST];
    if (o->n > MOST)
        return cli_usage(o->cli, "more than %d p-values", (int)MOST);
    for (size_t i = 0; i < o->n; i++)
        NEED(number_at(o, &p[i], i));
    bool json = o->cli->parsed->common.json;
    for (uint32_t method = 0; method < 5; method++) {
        CHECK(dsb_stats_adjust(o->cli->rt, adjusted, p, o->n, method));
        put_name(o, names[method]);
        fputs(json ? "[" : "", stdout);
        for (size_t i = 0; i < o->n; i++) {
            fputs(i ? (json ? ", " : " ") : "", stdout);
            put_number(adjusted[i]);
        }
        fputs(json ? "]" : "\n", stdout);
    }
    return CLI_OK;
}

static int run_best_of(output *o)
{
    double k;
    NEED(number_at(o, &k, 0));
    put(o, "standard_errors", dsb_stats_best_of(k));
    return CLI_OK;
}

static int run_public_private(output *o)
{
    uint64_t c[4];
    double p;
    NEED(counts(o, c, 4));
    CHECK(dsb_stats_public_private(&p, c[0], c[1], c[2], c[3]));
    put(o, "p", p);
    return CLI_OK;
}

static uint32_t scale_of(const char *name)
{
    uint32_t scale = 0;
    while (strcmp(dsb_stats_scale_name(scale), name) != 0)
        scale++;
    return scale;
}

static int fit_columns(output *o, const double *x, const double *y, uint64_t n)
{
    double alpha = o->args->alpha;
    uint32_t scale = scale_of(o->args->scale);
    dsb_stats_line line;
    dsb_stats_line_init(&line, sizeof line);
    CHECK(dsb_stats_fit(&line, x, y, NULL, n, scale, alpha));
    put(o, "n", (double)line.n);
    put(o, "n_dropped", (double)line.n_dropped);
    put(o, "slope", line.slope);
    put(o, "intercept", line.intercept);
    put(o, "r2", line.r2);
    put_interval(o, "slope_t", line.slope_ci);
    put_interval(o, "intercept_t", line.intercept_ci);
    put(o, "p_slope_1", line.p_slope_one);
    if (o->args->bootstrap >= 2) {
        dsb_stats_fit_boot boot;
        dsb_stats_fit_boot_init(&boot, sizeof boot);
        CHECK(dsb_stats_fit_bootstrap(o->cli->rt, &boot, NULL, NULL, x, y, n, scale, alpha,
                                      o->args->bootstrap, o->args->seed));
        put_interval(o, "slope_bootstrap", boot.slope_ci);
        put_interval(o, "intercept_bootstrap", boot.intercept_ci);
        put(o, "share_slope_le_1", boot.share_slope_le_one);
    }
    return CLI_OK;
}

/* Two columns of one file: --column and --against, or the first two. */
static int two_columns(output *o, double *values[2], uint64_t *n)
{
    uint64_t m;
    dsb_runtime *rt = o->cli->rt;
    const char *a = o->args->column ? o->args->column : "0";
    const char *b = o->args->against ? o->args->against : "1";
    CHECK(dsb_shift_read_column(rt, &values[0], n, o->words[0], a));
    CHECK(dsb_shift_read_column(rt, &values[1], &m, o->words[0], b));
    return *n == m ? CLI_OK : cli_usage(o->cli, "columns of different length");
}

static int run_fit(output *o)
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

static int run_correlation(output *o)
{
    static const char *const names[] = {"pearson", "spearman", "kendall_tau_b", "weighted_tau"};
    double *values[2] = {NULL, NULL}, r;
    uint64_t n;
    int code = two_columns(o, values, &n);
    for (uint32_t kind = 0; code == CLI_OK && kind < 4; kind++) {
        dsb_status status = dsb_stats_correlation(o->cli->rt, &r, values[0], values[1], n, kind);
        if (status == DSB_OK)
            put(o, names[kind], r);
        else
            code = cli_fail(o->cli, status);
    }
    dsb_shift_values_free(o->cli->rt, values[0]);
    dsb_shift_values_free(o->cli->rt, values[1]);
    return code;
}

static int run_ks(output *o)
{
    double *x = NULL, *y = NULL, d, p;
    uint64_t m, n;
    CHECK(dsb_shift_read_column(o->cli->rt, &x, &m, o->words[0], o->args->column));
    dsb_status status = dsb_shift_read_column(o->cli->rt, &y, &n, o->words[1], o->args->column);
    if (status == DSB_OK)
        status = dsb_stats_ks(o->cli->rt, &d, &p, x, m, y, n);
    dsb_shift_values_free(o->cli->rt, x);
    dsb_shift_values_free(o->cli->rt, y);
    CHECK(status);
    put(o, "d", d);
    put(o, "p", p);
    return CLI_OK;
}

static float *as_floats(const double *values, uint64_t n)
{
    float *out = malloc((size_t)(n ? n : 1) * sizeof *out);
    for (uint64_t i = 0; out && i < n; i++)
        out[i] = (float)values[i];
    return out;
}

static int run_mmd(output *o)
{
    dsb_runtime *rt = o->cli->rt;
    double *values[2] = {NULL, NULL}, mmd2 = 0, p = 1, bandwidth = 0;
    float *points[2] = {NULL, NULL};
    uint64_t n[2], width[2] = {0, 0};
    uint32_t kernel = o->args->kernel[0] == 'e'   ? DSB_STATS_KERNEL_ENERGY
                      : o->args->kernel[0] == 'c' ? DSB_STATS_KERNEL_CUBIC
                                                  : DSB_STATS_KERNEL_GAUSSIAN;
    dsb_status status = DSB_OK;
    int code = CLI_OK;
    for (int i = 0; i < 2 && status == DSB_OK; i++) {
        status = dsb_shift_read_matrix(rt, &values[i], &n[i], &width[i], o->words[i]);
        if (status == DSB_OK)
            points[i] = as_floats(values[i], n[i] * width[i]);
    }
    if (status != DSB_OK)
        code = cli_fail(o->cli, status);
    else if (width[0] != width[1])
        code = cli_usage(o->cli, "points of %llu and %llu dimensions", (unsigned long long)width[0],
                         (unsigned long long)width[1]);
    else if (!points[0] || !points[1])
        code = CLI_MEMORY;
    else {
        status = dsb_stats_mmd(rt, &mmd2, &p, &bandwidth, points[0], n[0], points[1], n[1],
                               width[0], kernel, o->args->permutations, o->args->seed);
        if (status != DSB_OK)
            code = cli_fail(o->cli, status);
    }
    for (int i = 0; i < 2; i++) {
        dsb_shift_values_free(rt, values[i]);
        free(points[i]);
    }
    if (code != CLI_OK)
        return code;
    put(o, "mmd2", mmd2);
    put(o, "p", p);
    put(o, "bandwidth", bandwidth);
    return CLI_OK;
}

static dsb_status calibrate(output *o, const double *confidence, const double *label,
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
            put(o, "n", (double)n);
            put(o, "accuracy", accuracy);
            put(o, "mean_confidence", mean);
        }
        put(o, binning ? "ece_equal_mass" : "ece_equal_width", value[0]);
        put(o, binning ? "mce_equal_mass" : "mce_equal_width", value[1]);
        put(o, binning ? "rms_debiased_mass" : "rms_debiased_width", value[2]);
    }
    if (status == DSB_OK)
        status = dsb_stats_isotonic_scores(o->cli->rt, &part[0], &part[1], &part[2], NULL,
                                           confidence, right, n);
    if (status == DSB_OK) {
        put(o, "miscalibration", part[0]);
        put(o, "discrimination", part[1]);
        put(o, "uncertainty", part[2]);
    }
    free(right);
    return status;
}

static int run_calibration(output *o)
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

static const struct {
    const char *name, *operands, *what;
    size_t min, max;
    int (*run)(output *o);
} calculations[] = {
    {"interval", "K N", "intervals of a proportion, five kinds", 2, 2, run_interval},
    {"difference", "K1 N1 K2 N2", "of two independent proportions", 4, 4, run_difference},
    {"binomial", "K N P0", "exact test of a rate", 3, 3, run_binomial},
    {"sample-size", "P0 DELTA", "items to see P0 + DELTA against P0", 2, 2, run_sample_size},
    {"power", "N P0 DELTA", "of the same test with N items", 3, 3, run_power},
    {"mcnemar", "N10 N01 [N11 N00]", "two models on the same items", 2, 4, run_mcnemar},
    {"adjust", "P P ...", "p-values of many tests", 1, 1000, run_adjust},
    {"fit", "FILE", "line through two columns", 1, 1, run_fit},
    {"correlation", "FILE", "of two columns", 1, 1, run_correlation},
    {"calibration", "FILE", "columns label, pred, confidence", 1, 1, run_calibration},
    {"ks", "FILE FILE", "Kolmogorov-Smirnov test", 2, 2, run_ks},
    {"mmd", "FILE FILE", "two sets of points, with permutations", 2, 2, run_mmd},
    {"best-of", "K", "how much the best of K equals flatters", 1, 1, run_best_of},
    {"public-private", "WRONG N WRONG N", "leaderboard overfitting", 4, 4, run_public_private},
};
enum { N_CALCULATIONS = sizeof calculations / sizeof *calculations };

static int run_stats(cli_context *cli, const void *arguments)
{
    const char *name = cli->parsed->positional[0];
    for (size_t i = 0; i < N_CALCULATIONS; i++) {
        if (strcmp(calculations[i].name, name) != 0)
            continue;
        output o = {cli, arguments, cli->parsed->positional + 1, cli->parsed->n_positional - 1,
                    false};
        bool half_table = strcmp(name, "mcnemar") == 0 && o.n == 3;
        if (o.n < calculations[i].min || o.n > calculations[i].max || half_table)
            return cli_usage(cli, "%s takes %s", name, calculations[i].operands);
        int code = calculations[i].run(&o);
        if (cli->parsed->common.json && o.any)
            puts("}");
        return code;
    }
    return cli_usage(cli, "there is no calculation '%s'", name);
}

const cli_command cli_command_stats = {
    .name = "stats",
    .summary = "single calculations: intervals, tests, power, fits, calibration",
    .positional = "CALCULATION OPERAND ...",
    .details =
        "interval K N; difference K1 N1 K2 N2; binomial K N P0; sample-size P0 DELTA; "
        "power N P0 DELTA; mcnemar N10 N01 [N11 N00]; adjust P P ...; fit FILE; correlation FILE; "
        "calibration FILE (columns label, pred, confidence); ks FILE FILE; mmd FILE FILE; "
        "best-of K; public-private WRONG N WRONG N. Files are npy, JSON, CSV or text.\n"
        "Example: dsbias stats interval 1879 2021",
    .flags = stats_flags,
    .args_size = sizeof(stats_args),
    .min_positional = 1,
    .max_positional = 1001,
    .run = run_stats,
};
