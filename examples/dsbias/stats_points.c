/* Two-sample tests: two files of values (one column) or of points (all columns, or rows of an npy
 * array). */
#include "stats_cli.h"

#include <stdlib.h>

typedef struct samples {
    float *points[2]; /* [n, width] */
    uint64_t n[2], width;
} samples;

static void free_samples(samples *s)
{
    free(s->points[0]);
    free(s->points[1]);
}

static float *as_floats(const double *values, uint64_t n)
{
    float *out = malloc((size_t)(n ? n : 1) * sizeof *out);
    for (uint64_t i = 0; out && i < n; i++)
        out[i] = (float)values[i];
    return out;
}

static int read_samples(stats_output *o, samples *s)
{
    uint64_t width[2] = {0, 0};
    *s = (samples){0};
    for (int i = 0; i < 2; i++) {
        double *values;
        dsb_status status =
            dsb_shift_read_matrix(o->cli->rt, &values, &s->n[i], &width[i], o->words[i]);
        if (status != DSB_OK) {
            free_samples(s);
            return cli_fail(o->cli, status);
        }
        s->points[i] = as_floats(values, s->n[i] * width[i]);
        dsb_shift_values_free(o->cli->rt, values);
    }
    s->width = width[0];
    int code = !s->points[0] || !s->points[1] ? CLI_MEMORY : CLI_OK;
    if (code == CLI_OK && width[0] != width[1])
        code = cli_usage(o->cli, "points of %llu and %llu dimensions", (unsigned long long)width[0],
                         (unsigned long long)width[1]);
    if (code != CLI_OK)
        free_samples(s);
    return code;
}

static int run_mmd(stats_output *o)
{
    samples s;
    double mmd2, p, bandwidth = 0;
    uint32_t kernel = o->args->kernel[0] == 'e'   ? DSB_STATS_KERNEL_ENERGY
                      : o->args->kernel[0] == 'c' ? DSB_STATS_KERNEL_CUBIC
                                                  : DSB_STATS_KERNEL_GAUSSIAN;
    NEED(read_samples(o, &s));
    dsb_status status =
        dsb_stats_mmd(o->cli->rt, &mmd2, &p, &bandwidth, s.points[0], s.n[0], s.points[1], s.n[1],
                      s.width, kernel, o->args->permutations, o->args->seed);
    free_samples(&s);
    CHECK(status);
    stats_put(o, "mmd2", mmd2);
    stats_put(o, "p", p);
    stats_put(o, "bandwidth", bandwidth);
    return CLI_OK;
}

static int run_frechet(stats_output *o)
{
    samples s;
    double distance;
    NEED(read_samples(o, &s));
    dsb_status status =
        dsb_stats_frechet(o->cli->rt, &distance, s.points[0], s.n[0], s.points[1], s.n[1], s.width);
    free_samples(&s);
    CHECK(status);
    stats_put(o, "frechet", distance);
    return CLI_OK;
}

static int run_c2st(stats_output *o)
{
    samples s;
    dsb_stats_c2st test;
    dsb_stats_c2st_init(&test, sizeof test);
    NEED(read_samples(o, &s));
    dsb_status status = dsb_stats_c2st_run(
        o->cli->rt, &test, s.points[0], s.n[0], s.points[1], s.n[1], s.width,
        o->args->classifier[0] == 'n' ? DSB_STATS_C2ST_NEAREST : DSB_STATS_C2ST_LINEAR,
        o->args->alpha, o->args->seed);
    free_samples(&s);
    CHECK(status);
    stats_put(o, "n_test", (double)test.n_test);
    stats_put(o, "accuracy", test.accuracy);
    stats_put_interval(o, "accuracy_ci", test.accuracy_ci);
    stats_put(o, "chance", test.chance);
    stats_put(o, "p", test.p);
    stats_put(o, "auc", test.auc);
    stats_put_interval(o, "auc_ci", test.auc_ci);
    stats_put(o, "p_auc", test.p_auc);
    stats_put(o, "detectable_accuracy", test.detectable);
    return CLI_OK;
}

/* One column of either file. */
static int read_values(stats_output *o, double *values[2], uint64_t n[2])
{
    for (int i = 0; i < 2; i++) {
        dsb_status status =
            dsb_shift_read_column(o->cli->rt, &values[i], &n[i], o->words[i], o->args->column);
        if (status != DSB_OK) {
            dsb_shift_values_free(o->cli->rt, values[0]);
            return cli_fail(o->cli, status);
        }
    }
    return CLI_OK;
}

static int run_auc(stats_output *o)
{
    double *values[2] = {NULL, NULL}, auc, ci[2], p;
    uint64_t n[2];
    NEED(read_values(o, values, n));
    dsb_status status =
        dsb_stats_auc(o->cli->rt, &auc, ci, &p, values[0], n[0], values[1], n[1], o->args->alpha);
    dsb_shift_values_free(o->cli->rt, values[0]);
    dsb_shift_values_free(o->cli->rt, values[1]);
    CHECK(status);
    stats_put(o, "auc", auc);
    stats_put_interval(o, "delong", ci);
    stats_put(o, "mann_whitney_p", p);
    return CLI_OK;
}

static int run_permutation(stats_output *o)
{
    double *values[2] = {NULL, NULL}, difference, p;
    uint64_t n[2];
    NEED(read_values(o, values, n));
    dsb_status status =
        dsb_stats_permutation_means(o->cli->rt, &difference, &p, values[0], n[0], values[1], n[1],
                                    o->args->permutations, o->args->seed);
    dsb_shift_values_free(o->cli->rt, values[0]);
    dsb_shift_values_free(o->cli->rt, values[1]);
    CHECK(status);
    stats_put(o, "difference", difference);
    stats_put(o, "p", p);
    return CLI_OK;
}

static int run_ks(stats_output *o)
{
    double *values[2] = {NULL, NULL}, d, p;
    uint64_t n[2];
    NEED(read_values(o, values, n));
    dsb_status status = dsb_stats_ks(o->cli->rt, &d, &p, values[0], n[0], values[1], n[1]);
    dsb_shift_values_free(o->cli->rt, values[0]);
    dsb_shift_values_free(o->cli->rt, values[1]);
    CHECK(status);
    stats_put(o, "d", d);
    stats_put(o, "p", p);
    return CLI_OK;
}

/* KS on each output, the smallest p times their number. */
static int run_ks_outputs(stats_output *o)
{
    dsb_runtime *rt = o->cli->rt;
    double *x = NULL, *y = NULL, corrected;
    uint64_t m, n, width[2];
    CHECK(dsb_shift_read_matrix(rt, &x, &m, &width[0], o->words[0]));
    dsb_status status = dsb_shift_read_matrix(rt, &y, &n, &width[1], o->words[1]);
    int code = status == DSB_OK ? CLI_OK : cli_fail(o->cli, status);
    if (code == CLI_OK && width[0] != width[1])
        code = cli_usage(o->cli, "%llu and %llu outputs", (unsigned long long)width[0],
                         (unsigned long long)width[1]);
    double *test = code == CLI_OK ? malloc((size_t)(2 * width[0] + 1) * sizeof *test) : NULL;
    if (code == CLI_OK && !test)
        code = CLI_MEMORY;
    if (code == CLI_OK) {
        status = dsb_stats_ks_outputs(rt, test, test + width[0], &corrected, x, m, y, n, width[0]);
        if (status == DSB_OK) {
            stats_put_row(o, "d", test, (size_t)width[0]);
            stats_put_row(o, "p", test + width[0], (size_t)width[0]);
            stats_put(o, "p_corrected", corrected);
        } else {
            code = cli_fail(o->cli, status);
        }
    }
    free(test);
    dsb_shift_values_free(rt, x);
    dsb_shift_values_free(rt, y);
    return code;
}

const stats_calculation stats_of_points[] = {
    {"ks", "FILE FILE", 2, 2, run_ks},
    {"ks-outputs", "FILE FILE", 2, 2, run_ks_outputs},
    {"auc", "FILE FILE", 2, 2, run_auc},
    {"permutation", "FILE FILE", 2, 2, run_permutation},
    {"mmd", "FILE FILE", 2, 2, run_mmd},
    {"c2st", "FILE FILE", 2, 2, run_c2st},
    {"frechet", "FILE FILE", 2, 2, run_frechet},
    {0},
};
