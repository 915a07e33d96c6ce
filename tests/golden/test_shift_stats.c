/* lib/stats against NumPy and SciPy: golden/shift_stats. Calibration, label shift, lines of every
 * kind, distances between samples, corrected errors; and the classifier test against what its
 * samples were made to give. */
#include "testing.h"

#include <math.h>
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "dsbias/stats.h"

enum { MOST = 1000 };
static dsb_runtime *rt;
static dsbi_json *doc;

static const dsbi_json_value *member(const char *part, const char *name)
{
    const dsbi_json_value *v = dsbi_json_get(dsbi_json_get(dsbi_json_root(doc), part), name);
    ck_assert_msg(v != NULL, "%s.%s is not there", part, name);
    return v;
}

static double number(const char *part, const char *name)
{
    double value;
    ck_assert(dsbi_json_double(member(part, name), &value));
    return value;
}

static size_t row(double *out, const char *part, const char *name)
{
    size_t n = 0;
    for (const dsbi_json_value *v = dsbi_json_first(member(part, name)); v; v = dsbi_json_next(v)) {
        ck_assert(n < MOST && dsbi_json_double(v, &out[n]));
        n++;
    }
    return n;
}

static size_t counts(uint64_t *out, const char *part, const char *name)
{
    double values[MOST];
    size_t n = row(values, part, name);
    for (size_t i = 0; i < n; i++)
        out[i] = (uint64_t)values[i];
    return n;
}

static void close_to(double got, double want, double tolerance, const char *what)
{
    ck_assert_msg(fabs(got - want) <= tolerance * fmax(1e-3, fabs(want)),
                  "%s: %.17g, expected %.17g", what, got, want);
}

static void rows_close(const double *got, const char *part, const char *name, double tolerance)
{
    double want[MOST];
    size_t n = row(want, part, name);
    for (size_t i = 0; i < n; i++)
        close_to(got[i], want[i], tolerance, name);
}

START_TEST(the_values_are_read)
{
    uint8_t *bytes;
    size_t size;
    rt = make_runtime(2);
    ck_assert_ok(dsbi_file_read(rt, &bytes, &size,
                                DSBI_TEST_DIR "/golden/shift_stats/expected.json", 1 << 20));
    ck_assert_ok(dsbi_json_parse(rt, &doc, (const char *)bytes, size));
    dsbi_free(rt, bytes);
}
END_TEST

START_TEST(calibration_and_label_shift)
{
    double logits[MOST], target[MOST], p[MOST], bias[8], value[4], shares[8], weights[8], low[8],
        high[8], prior[8] = {0};
    uint64_t labels64[MOST], confusion[64] = {0}, predicted[8] = {0};
    uint32_t labels[MOST], k = (uint32_t)number("labels", "k");
    size_t n = counts(labels64, "labels", "labels"), m = row(target, "labels", "target") / k;
    row(logits, "labels", "logits");
    for (size_t i = 0; i < n; i++) {
        labels[i] = (uint32_t)labels64[i];
        prior[labels[i]] += 1 / (double)n;
    }
    ck_assert_ok(dsb_stats_temperature(&value[0], &value[1], NULL, logits, labels, n, k));
    close_to(value[0], number("labels", "temperature"), 1e-7, "temperature");
    close_to(value[1], number("labels", "nll"), 1e-12, "nll before");
    ck_assert_ok(dsb_stats_bias_temperature(rt, &value[0], bias, &value[1], logits, labels, n, k));
    close_to(value[0], number("labels", "bias_temperature"), 1e-6, "temperature with bias");
    close_to(value[1], number("labels", "bias_nll"), 1e-12, "nll with bias");
    rows_close(bias, "labels", "bias", 1e-5);
    for (size_t i = 0; i < n; i++) {
        size_t best = 0;
        double sum = 0;
        for (size_t c = 0; c < k; c++) {
            best = logits[i * k + c] > logits[i * k + best] ? c : best;
            sum += p[i * k + c] = exp(logits[i * k + c]);
        }
        for (size_t c = 0; c < k; c++)
            p[i * k + c] /= sum;
        confusion[labels[i] * k + best]++;
    }
    ck_assert_ok(dsb_stats_proper_scores(&value[2], &value[3], p, labels, n, k));
    close_to(value[2], number("labels", "brier"), 1e-12, "brier");
    close_to(value[3], number("labels", "nll"), 1e-12, "nll");
    for (size_t i = 0; i < m; i++) {
        size_t best = 0;
        double sum = 0;
        for (size_t c = 0; c < k; c++) {
            best = target[i * k + c] > target[i * k + best] ? c : best;
            sum += p[i * k + c] = exp(target[i * k + c] / value[0] + bias[c]);
        }
        for (size_t c = 0; c < k; c++)
            p[i * k + c] /= sum;
        predicted[best]++;
    }
    uint64_t rounds;
    ck_assert_ok(dsb_stats_label_em(rt, shares, &rounds, prior, p, m, k, 100000));
    rows_close(shares, "labels", "em", 1e-6);
    ck_assert_ok(dsb_stats_label_em_interval(rt, low, high, prior, p, m, k, 1000, 0.05, 200, 1));
    for (size_t c = 0; c < k; c++)
        ck_assert(low[c] <= shares[c] && shares[c] <= high[c]);
    ck_assert_ok(dsb_stats_bbse(rt, weights, shares, &value[0], confusion, predicted, k));
    rows_close(shares, "labels", "bbse", 1e-11);
    close_to(value[0], number("labels", "condition"), 1e-10, "condition");
    ck_assert_ok(
        dsb_stats_rlls(rt, weights, shares, confusion, predicted, k, number("labels", "ridge")));
    rows_close(shares, "labels", "rlls", 1e-11);
    ck_assert_ok(dsb_stats_rlls_interval(rt, low, high, confusion, predicted, k,
                                         number("labels", "ridge"), 0.05, 200, 1));
    for (size_t c = 0; c < k; c++)
        ck_assert(low[c] < shares[c] && shares[c] < high[c]);
    ck_assert_fails(
        dsb_stats_rlls_interval(rt, low, high, confusion, predicted, k, -1, 0.05, 200, 1),
        DSB_E_INVALID, "regularisation");
    labels[3] = k;
    ck_assert_fails(dsb_stats_bias_temperature(rt, &value[0], bias, NULL, logits, labels, n, k),
                    DSB_E_DATA, "item 3: label 4");
    const double sure[] = {5, -5, -5, 5, 5, -5, -5, 5}; /* separated: the colder the better */
    const uint32_t truth[] = {0, 1, 0, 1};
    ck_assert_ok(dsb_stats_bias_temperature(rt, &value[0], bias, &value[1], sure, truth, 4, 2));
    ck_assert(value[0] < 1 && value[1] < 1e-6);
}
END_TEST

START_TEST(lines_of_every_kind)
{
    uint64_t k0[MOST], n0[MOST], k1[MOST], n1[MOST];
    double x[MOST], y[MOST], weights[MOST], want[8], slope, intercept, ci[2], f[2], p[2];
    uint32_t family[MOST];
    size_t n = counts(k0, "lines", "k0");
    counts(n0, "lines", "n0");
    counts(k1, "lines", "k1");
    counts(n1, "lines", "n1");
    for (size_t i = 0; i < n; i++) {
        x[i] = (double)k0[i] / (double)n0[i];
        y[i] = (double)k1[i] / (double)n1[i];
        weights[i] = 1 / dsb_stats_scale_variance(y[i], (double)n1[i], DSB_STATS_SCALE_PROBIT);
        family[i] = i % 2;
    }
    dsb_stats_line below, above, line;
    dsb_stats_line_init(&below, sizeof below);
    dsb_stats_line_init(&above, sizeof above);
    dsb_stats_line_init(&line, sizeof line);
    double pivot = number("lines", "pivot");
    ck_assert_ok(
        dsb_stats_fit_two(rt, &below, &above, x, y, NULL, n, pivot, DSB_STATS_SCALE_PROBIT, 0.05));
    const double lower[] = {below.slope, below.intercept, below.r2};
    const double upper[] = {above.slope, above.intercept, above.r2};
    rows_close(lower, "lines", "below", 1e-9);
    rows_close(upper, "lines", "above", 1e-9);
    ck_assert_uint_eq(below.n + above.n, n - 1); /* the pivot is on neither */
    ck_assert_uint_eq(below.n_dropped + above.n_dropped, 0);
    ck_assert_fails(
        dsb_stats_fit_two(rt, &below, &above, x, y, NULL, n, x[1], DSB_STATS_SCALE_PROBIT, 0.05),
        DSB_E_DATA, "below the pivot: a line needs two points");
    ck_assert_ok(dsb_stats_fit(&line, x, y, weights, n, DSB_STATS_SCALE_PROBIT, 0.05));
    const double weighted[] = {line.slope, line.intercept};
    rows_close(weighted, "lines", "weighted", 1e-9);
    ck_assert_ok(dsb_stats_deming(&slope, &intercept, x, y, n, DSB_STATS_SCALE_PROBIT,
                                  number("lines", "ratio")));
    const double deming[] = {slope, intercept};
    rows_close(deming, "lines", "deming", 1e-6);
    ck_assert_ok(
        dsb_stats_theil_sen(rt, &slope, &intercept, ci, x, y, n, DSB_STATS_SCALE_PROBIT, 0.05));
    const double theil[] = {slope, intercept, ci[0], ci[1]};
    row(want, "lines", "theil_sen");
    close_to(theil[0], want[0], 1e-9, "Theil-Sen");
    for (int i = 2; i < 4; i++) /* SciPy rounds the rank of an end, Sen takes the wider one */
        close_to(theil[i], want[i], 0.02, "Sen's interval");
    dsb_stats_count_line likely;
    dsb_stats_count_line_init(&likely, sizeof likely);
    ck_assert_ok(
        dsb_stats_fit_counts(rt, &likely, k0, n0, k1, n1, n, DSB_STATS_SCALE_PROBIT, 0.05));
    const double likelihood[] = {likely.slope, likely.intercept, likely.slope_se,
                                 likely.intercept_se, likely.deviance};
    row(want, "lines", "likelihood");
    close_to(likelihood[0], want[0], 1e-5, "slope of the likelihood");
    close_to(likelihood[1], want[1], 1e-5, "offset of the likelihood");
    close_to(likelihood[2], want[2], 0.02, "its error"); /* expected against observed information */
    close_to(likelihood[3], want[3], 0.02, "its error");
    close_to(likelihood[4], want[4], 1e-5, "deviance");
    ck_assert_ok(dsb_stats_common_line(&f[0], &p[0], &f[1], &p[1], x, y, family, n, 2,
                                       DSB_STATS_SCALE_PROBIT));
    close_to(f[0], number("lines", "f_slopes"), 1e-8, "F of slopes");
    close_to(f[1], number("lines", "f_lines"), 1e-8, "F of lines");
    close_to(p[0], number("lines", "p_slopes"), 1e-8, "p of slopes");
    close_to(p[1], number("lines", "p_lines"), 1e-8, "p of lines");
}
END_TEST

static size_t points(float *out, const char *name)
{
    double values[MOST];
    size_t n = row(values, "points", name);
    for (size_t i = 0; i < n; i++)
        out[i] = (float)values[i];
    return n;
}

START_TEST(distances_between_samples)
{
    static const char *const names[] = {"gaussian", "energy", "cubic"};
    float x[MOST], y[MOST];
    uint64_t dim = (uint64_t)number("points", "dim");
    uint64_t m = points(x, "x") / dim, n = points(y, "y") / dim;
    double value, p;
    ck_assert_ok(dsb_stats_frechet(rt, &value, x, m, y, n, dim));
    close_to(value, number("points", "frechet"), 1e-8, "Frechet");
    for (uint32_t kernel = 0; kernel < 3; kernel++) {
        double bandwidth = 1.5;
        ck_assert_ok(dsb_stats_mmd(rt, &value, &p, &bandwidth, x, m, y, n, dim, kernel, 200, 1));
        close_to(value, number("points", names[kernel]), 2e-5, names[kernel]); /* kernel in f32 */
        ck_assert(p > 0 && p < 0.05);
    }
}
END_TEST

/* Two normal samples, the means 1.5 apart: the best rule is right with probability F(0.75). */
START_TEST(a_classifier_tells_samples_apart)
{
    enum { N = 2000, DIM = 3 };
    static float x[N * DIM], y[N * DIM];
    uint64_t state = 5;
    for (size_t i = 0; i < N * DIM; i++) {
        double u[2];
        for (int k = 0; k < 2; k++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            u[k] = ((double)(state >> 11) + 0.5) / 9007199254740992.0;
        }
        x[i] = (float)dsb_stats_normal_quantile(u[0]);
        y[i] = (float)(dsb_stats_normal_quantile(u[1]) + (i % DIM == 0 ? 1.5 : 0));
    }
    dsb_stats_c2st test, again;
    dsb_stats_c2st_init(&test, sizeof test);
    dsb_stats_c2st_init(&again, sizeof again);
    double best = dsb_stats_normal_cdf(0.75);
    for (uint32_t kind = 0; kind < 2; kind++) {
        ck_assert_ok(dsb_stats_c2st_run(rt, &test, x, N, y, N, DIM, kind, 0.05, 7));
        ck_assert_uint_eq(test.n_test, N);
        ck_assert_double_eq_tol(test.accuracy, best, kind ? 0.05 : 0.03);
        ck_assert(test.p < 1e-50 && test.p_auc < 1e-50);
        ck_assert_double_eq_tol(test.auc, dsb_stats_normal_cdf(1.5 / sqrt(2)), kind ? 0.05 : 0.03);
        ck_assert(test.detectable > 0.51 && test.detectable < 0.55);
        dsb_runtime *one = make_runtime(1);
        ck_assert_ok(dsb_stats_c2st_run(one, &again, x, N, y, N, DIM, kind, 0.05, 7));
        ck_assert(memcmp(&test, &again, sizeof test) == 0);
        dsb_runtime_free(one);
    }
    size_t rejected = 0;
    for (uint64_t s = 0; s < 200; s++) { /* one distribution: the test keeps its level */
        ck_assert_ok(dsb_stats_c2st_run(rt, &test, x, N / 2, x + N / 2 * DIM, N / 2, DIM,
                                        DSB_STATS_C2ST_LINEAR, 0.05, s));
        rejected += test.p < 0.05;
    }
    ck_assert_uint_le(rejected, 25);
    ck_assert_fails(dsb_stats_c2st_run(rt, &test, x, 3, y, N, DIM, 0, 0.05, 0), DSB_E_DATA, "four");
    ck_assert_fails(dsb_stats_c2st_run(rt, &test, x, N, y, N, DIM, 2, 0.05, 0), DSB_E_INVALID,
                    "DSB_STATS_C2ST");
    y[5] = NAN;
    ck_assert_fails(dsb_stats_c2st_run(rt, &test, x, N, y, N, DIM, 0, 0.05, 0), DSB_E_NUMERIC,
                    "point 2001");
}
END_TEST

START_TEST(corrected_errors)
{
    double scores[MOST], values[MOST], mean, se, ci[2], naive;
    uint64_t cluster64[MOST];
    uint32_t cluster[MOST];
    size_t n = row(scores, "scores", "scores");
    ck_assert_ok(dsb_stats_corrected_cv(&mean, &se, ci, scores, n, 400, 100, 0.05));
    rows_close(ci, "scores", "nadeau_bengio", 1e-11);
    n = row(values, "scores", "values");
    counts(cluster64, "scores", "cluster");
    for (size_t i = 0; i < n; i++)
        cluster[i] = (uint32_t)cluster64[i];
    ck_assert_ok(dsb_stats_clustered_se(rt, &mean, &se, &naive, values, cluster, n, 6));
    close_to(se, number("scores", "clustered_se"), 1e-11, "clustered error");
}
END_TEST

int main(void)
{ /* one process: the first test reads what the others compare with */
    int failed = run_tests("shift_stats", the_values_are_read, calibration_and_label_shift,
                           lines_of_every_kind, distances_between_samples,
                           a_classifier_tells_samples_apart, corrected_errors, NULL);
    dsbi_json_free(doc);
    dsb_runtime_free(rt);
    return failed;
}
