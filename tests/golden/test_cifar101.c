/* Does the shift evaluation repeat the published table of CIFAR-10.1? Predictions and expected
 * values (NumPy and SciPy) lie in ../shared/data/cifar101; every deterministic value to 1e-9. */
#include "testing.h"

#include <math.h>
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "dsbias/shift.h"
#include "dsbias/stats.h"

static dsb_runtime *rt;
static dsbi_json *expected, *record;

static const dsbi_json_value *get(const dsbi_json_value *v, const char *a, const char *b)
{
    v = dsbi_json_get(v, a);
    return b ? dsbi_json_get(v, b) : v;
}

/* Numbers, or arrays of them, equal to `tolerance` relative. */
static void same(const dsbi_json_value *got, const dsbi_json_value *want, double tolerance,
                 const char *what)
{
    double a, b;
    ck_assert_msg(got && want, "%s is not there", what);
    if (dsbi_json_type_of(want) == DSBI_JSON_ARRAY) {
        ck_assert_uint_eq(dsbi_json_count(got), dsbi_json_count(want));
        const dsbi_json_value *g = dsbi_json_first(got), *w = dsbi_json_first(want);
        for (; w; g = dsbi_json_next(g), w = dsbi_json_next(w))
            same(g, w, tolerance, what);
        return;
    }
    ck_assert_msg(dsbi_json_double(got, &a) && dsbi_json_double(want, &b), "%s: no numbers", what);
    ck_assert_msg(fabs(a - b) <= tolerance * fabs(b) + 1e-300, "%s: %.17g, expected %.17g", what, a,
                  b);
}

static const dsbi_json_value *named(const dsbi_json_value *array, const char *key, const char *name)
{
    for (const dsbi_json_value *v = dsbi_json_first(array); v; v = dsbi_json_next(v))
        if (strcmp(dsbi_json_string(dsbi_json_get(v, key), NULL), name) == 0)
            return v;
    ck_abort_msg("%s is not there", name);
    return NULL;
}

START_TEST(the_record_is_made)
{
    char path[4][4096];
    static const char *const names[] = {
        "cifar101/cifar10_test_labels.npy", "cifar101/model_predictions/original_predictions",
        "cifar101/cifar10.1_v4_labels.npy", "cifar101/model_predictions/v4_predictions"};
    for (int i = 0; i < 4; i++)
        snprintf(path[i], sizeof path[i], "%s", shared_data(names[i]));
    rt = make_runtime(2);
    uint8_t *bytes;
    size_t size;
    ck_assert_ok(dsbi_file_read(rt, &bytes, &size, shared_data("cifar101/expected.json"), 1 << 24));
    ck_assert_ok(dsbi_json_parse(rt, &expected, (const char *)bytes, size));
    dsbi_free(rt, bytes);
    dsb_shift *s;
    ck_assert_ok(dsb_shift_create(rt, &s, NULL));
    ck_assert_ok(dsb_shift_add_set(s, "original", path[0], path[1]));
    ck_assert_ok(dsb_shift_add_set(s, "v4", path[2], path[3]));
    ck_assert_ok(dsb_shift_run(s, NULL, NULL));
    const char *json = dsb_shift_json(s, &size);
    ck_assert_ok(dsbi_json_parse(rt, &record, json, size));
    dsb_shift_free(s);
}
END_TEST

START_TEST(counts_intervals_gaps_ranks)
{
    static const char *const cell[] = {"correct",  "n",          "clopper_pearson95",
                                       "wilson95", "jeffreys95", "agresti_coull95"};
    const dsbi_json_value *models = get(dsbi_json_root(expected), "models", NULL);
    ck_assert_uint_eq(dsbi_json_count(models), 30);
    for (const dsbi_json_value *e = dsbi_json_first(models); e; e = dsbi_json_next(e)) {
        const char *name = dsbi_json_key(e, NULL);
        const dsbi_json_value *m = named(get(dsbi_json_root(record), "models", NULL), "name", name);
        for (size_t i = 0; i < 6; i++) {
            same(get(m, "orig", cell[i]), get(e, "original", cell[i]), 1e-9, name);
            same(get(m, "new", cell[i]), get(e, "v4", cell[i]), 1e-9, name);
        }
        same(get(m, "rank_orig", NULL), get(e, "original", "rank"), 0, name);
        same(get(m, "rank_new", NULL), get(e, "v4", "rank"), 0, name);
        same(get(m, "delta_rank", NULL), get(e, "v4", "delta_rank"), 0, name);
        same(get(m, "gap", NULL), get(e, "v4", "gap"), 1e-9, name);
        same(get(m, "gap_ci95", NULL), get(e, "v4", "gap_newcombe95"), 1e-9, name);
        same(get(m, "error_ratio", NULL), get(e, "v4", "error_ratio"), 1e-9, name);
    }
}
END_TEST

START_TEST(lines_and_ranks)
{
    static const char *const scales[] = {"linear", "logit", "probit"};
    static const char *const keys[] = {"slope", "intercept", "r2", "slope_se", "residual_sd"};
    const dsbi_json_value *e = get(get(dsbi_json_root(expected), "fits", "v4"), "rank", NULL);
    const dsbi_json_value *rank = get(dsbi_json_root(record), "rank", NULL);
    same(get(rank, "spearman", NULL), get(e, "spearman", NULL), 1e-9, "spearman");
    same(get(rank, "kendall_tau_b", NULL), get(e, "kendall_tau_b", NULL), 1e-9, "kendall");
    for (size_t s = 0; s < 3; s++) {
        const dsbi_json_value *fit = get(dsbi_json_root(record), "fits", scales[s]);
        const dsbi_json_value *want =
            get(get(dsbi_json_root(expected), "fits", "v4"), scales[s], 0);
        for (size_t k = 0; k < 5; k++)
            same(get(fit, keys[k], NULL), get(want, keys[k], NULL), 1e-9, keys[k]);
        same(get(fit, "slope_ci95_t", NULL), get(want, "slope_ci95_t", NULL), 1e-9, "t");
        const dsbi_json_value *boot = get(
            get(dsbi_json_root(expected), "bootstrap_over_models", "v4_30"), scales[s], "slope95");
        same(get(fit, "slope_ci95", NULL), boot, 0.003, "bootstrap over models");
        boot = get(get(dsbi_json_root(expected), "bootstrap_over_images_v4", scales[s]), "slope95",
                   NULL);
        same(get(fit, "slope_ci95_images", NULL), boot, 0.015, "bootstrap over images");
    }
}
END_TEST

START_TEST(tests_of_pairs)
{
    static const char *const sets[] = {"original", "v4"};
    const dsbi_json_value *mine = get(dsbi_json_root(record), "mcnemar", NULL);
    for (size_t s = 0; s < 2; s++) {
        const dsbi_json_value *one = named(mine, "set", sets[s]);
        const dsbi_json_value *want =
            get(dsbi_json_root(expected), "all_pairs_mcnemar_exact", sets[s]);
        same(get(one, "n_pairs", NULL), get(want, "pairs", NULL), 0, "pairs");
        same(get(one, "raw_significant", NULL), get(want, "raw_lt_05", NULL), 0, "raw");
        same(get(one, "holm_significant", NULL), get(want, "holm_lt_05", NULL), 0, "holm");
        same(get(one, "bh_significant", NULL), get(want, "bh_lt_05", NULL), 0, "bh");
        want = get(dsbi_json_root(expected), "cochran_q", sets[s]);
        same(get(one, "cochran_q", "q"), get(want, "Q", NULL), 1e-9, "Q");
        same(get(one, "models_correct_histogram", NULL),
             get(dsbi_json_root(expected), "models_correct_histogram", sets[s]), 0, "histogram");
    }
    const dsbi_json_value *list = get(dsbi_json_root(expected), "mcnemar", NULL);
    for (const dsbi_json_value *e = dsbi_json_first(list); e; e = dsbi_json_next(e)) {
        const char *a = dsbi_json_string(get(e, "a", NULL), NULL);
        const char *b = dsbi_json_string(get(e, "b", NULL), NULL);
        const dsbi_json_value *one =
            named(mine, "set", dsbi_json_string(get(e, "split", NULL), NULL));
        const dsbi_json_value *p = dsbi_json_first(get(one, "pairs", NULL));
        for (; p; p = dsbi_json_next(p)) {
            const char *x = dsbi_json_string(get(p, "a", NULL), NULL);
            const char *y = dsbi_json_string(get(p, "b", NULL), NULL);
            if ((strcmp(x, a) == 0 && strcmp(y, b) == 0) ||
                (strcmp(x, b) == 0 && strcmp(y, a) == 0))
                break;
        }
        same(get(p, "exact_p", NULL), get(e, "exact_p", NULL), 1e-9, a);
        same(get(p, "midp", NULL), get(e, "midp", NULL), 1e-9, a);
        same(get(p, "chi2_p", NULL), get(e, "chi2_p", NULL), 1e-9, a);
        same(get(p, "chi2_cc_p", NULL), get(e, "chi2_cc_p", NULL), 1e-9, a);
    }
}
END_TEST

START_TEST(without_labels)
{
    const dsbi_json_value *line = get(dsbi_json_root(record), "agreement_on_the_line", NULL);
    const dsbi_json_value *want = get(dsbi_json_root(expected), "agreement_on_the_line", "v4");
    for (const dsbi_json_value *s = dsbi_json_first(want); s; s = dsbi_json_next(s))
        for (const dsbi_json_value *k = dsbi_json_first(s); k; k = dsbi_json_next(k))
            same(get(line, dsbi_json_key(s, NULL), dsbi_json_key(k, NULL)), k, 1e-9,
                 dsbi_json_key(k, NULL));
    const dsbi_json_value *e = get(dsbi_json_root(expected), "bbse", "v4");
    const dsbi_json_value *b = named(get(dsbi_json_root(record), "label_shift", NULL), "model",
                                     dsbi_json_string(get(e, "model", NULL), NULL));
    same(get(b, "weights", NULL), get(e, "weights", NULL), 1e-9, "weights");
    same(get(b, "est_q_y", NULL), get(e, "est_q_y", NULL), 1e-9, "shares");
    same(get(b, "cond", NULL), get(e, "cond", NULL), 1e-9, "condition");
}
END_TEST

START_TEST(calibration_of_a_real_classifier)
{
    const char *path = shared_data("cifar101/calibration.csv");
    double *value[3];
    uint64_t n;
    static const char *const columns[] = {"confidence", "label", "pred"};
    for (int i = 0; i < 3; i++)
        ck_assert_ok(dsb_shift_read_column(rt, &value[i], &n, path, columns[i]));
    uint8_t *right = malloc(n);
    for (uint64_t i = 0; i < n; i++)
        right[i] = value[1][i] == value[2][i];
    static const struct {
        uint64_t bins;
        uint32_t kind;
        double ece, mce; /* calibration_expected.json */
    } want[] = {{10, 0, 0.03216038768291472, 0.22198063135147095},
                {10, 1, 0.03209915850162507, 0.1190705357789994},
                {15, 0, 0.03258846117258074, 0.1702615976333618},
                {15, 1, 0.03209915850162509, 0.14767627246018833},
                {20, 0, 0.032663598638772925, 0.2512657828629017},
                {20, 1, 0.03214847885370254, 0.14943320631980894}};
    for (int i = 0; i < 6; i++) {
        double ece, mce;
        ck_assert_ok(
            dsb_stats_ece(rt, &ece, &mce, NULL, value[0], right, n, want[i].bins, want[i].kind));
        ck_assert_double_eq_tol(ece, want[i].ece, 1e-12);
        ck_assert_double_eq_tol(mce, want[i].mce, 1e-12);
    }
    for (int i = 0; i < 3; i++)
        dsb_shift_values_free(rt, value[i]);
    free(right);
}
END_TEST

/* 34 models: without alexnet, with five given pairs. Recht et al. 2019: 1.69, -72.7, [1.63, 1.76].
 */
START_TEST(published_fit_of_34_models)
{
    static const char pairs[] = "model,original,v4\na1,98.4,95.5\na2,98.1,93.9\na3,98.0,93.7\n"
                                "a4,97.5,93.0\na5,97.3,92.9\n";
    char path[] = "/tmp/dsbias_pairs_XXXXXX", labels[4096], predictions[4096];
    int fd = mkstemp(path);
    ck_assert(fd >= 0 && write(fd, pairs, sizeof pairs - 1) == (ssize_t)sizeof pairs - 1);
    close(fd);
    dsb_shift_opts opts;
    dsb_shift_opts_init(&opts, sizeof opts);
    opts.exclude = "^alexnet";
    opts.n_image_bootstrap = 0;
    dsb_shift *s;
    ck_assert_ok(dsb_shift_create(rt, &s, &opts));
    snprintf(labels, sizeof labels, "%s", shared_data("cifar101/cifar10_test_labels.npy"));
    snprintf(predictions, sizeof predictions, "%s",
             shared_data("cifar101/model_predictions/original_predictions"));
    ck_assert_ok(dsb_shift_add_set(s, "original", labels, predictions));
    snprintf(labels, sizeof labels, "%s", shared_data("cifar101/cifar10.1_v4_labels.npy"));
    snprintf(predictions, sizeof predictions, "%s",
             shared_data("cifar101/model_predictions/v4_predictions"));
    ck_assert_ok(dsb_shift_add_set(s, "v4", labels, predictions));
    ck_assert_ok(dsb_shift_add_table(s, path, NULL, NULL, 0, NULL));
    ck_assert_ok(dsb_shift_run(s, NULL, NULL));
    size_t size;
    const char *json = dsb_shift_json(s, &size);
    dsbi_json *doc;
    ck_assert_ok(dsbi_json_parse(rt, &doc, json, size));
    const dsbi_json_value *want =
        get(get(dsbi_json_root(expected), "fits", "v4_34_models_of_1902.10811"), "linear", NULL);
    const dsbi_json_value *fit = get(dsbi_json_root(doc), "fits", "linear");
    same(get(fit, "n", NULL), get(want, "n", NULL), 0, "n");
    same(get(fit, "slope", NULL), get(want, "slope", NULL), 1e-9, "slope");
    same(get(fit, "intercept", NULL), get(want, "intercept", NULL), 1e-9, "offset");
    same(get(fit, "slope_ci95", NULL),
         get(get(dsbi_json_root(expected), "bootstrap_over_models", "v4_34"), "linear", "slope95"),
         0.003, "bootstrap");
    dsbi_json_free(doc);
    dsb_shift_free(s);
    unlink(path);
}
END_TEST

int main(void)
{ /* one process: the first test makes what the others read */
    int failed = run_tests("cifar101", the_record_is_made, counts_intervals_gaps_ranks,
                           lines_and_ranks, tests_of_pairs, without_labels,
                           calibration_of_a_real_classifier, published_fit_of_34_models, NULL);
    dsbi_json_free(record);
    dsbi_json_free(expected);
    dsb_runtime_free(rt);
    return failed;
}
