/* Does the shift evaluation repeat the published table of CIFAR-10.1? Predictions and expected
 * values (NumPy and SciPy) lie in ../shared/data/cifar101; every deterministic value to 1e-9. */
#include "testing.h"

#include <math.h>
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "dsbias/shift.h"
#include "dsbias/stats.h"

static const char *const scales[] = {"linear", "logit", "probit"};
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

static void read_json(dsbi_json **doc, const char *name)
{
    uint8_t *bytes;
    size_t size;
    ck_assert_ok(dsbi_file_read(rt, &bytes, &size, shared_data(name), 1 << 24));
    ck_assert_ok(dsbi_json_parse(rt, doc, (const char *)bytes, size));
    dsbi_free(rt, bytes);
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
    size_t size;
    read_json(&expected, "cifar101/expected.json");
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
        same(get(m, "orig", "accuracy"), get(e, "original", "acc"), 1e-9, name);
        same(get(m, "new", "accuracy"), get(e, "v4", "acc"), 1e-9, name);
        const dsbi_json_value *c =
            named(get(dsbi_json_root(record), "composition", "models"), "name", name);
        same(get(c, "per_class_correct_orig", NULL), get(e, "original", "per_class_correct"), 0,
             name);
        same(get(c, "per_class_correct_new", NULL), get(e, "v4", "per_class_correct"), 0, name);
        same(get(c, "predicted_class_counts_orig", NULL),
             get(e, "original", "predicted_class_counts"), 0, name);
        same(get(c, "predicted_class_counts_new", NULL), get(e, "v4", "predicted_class_counts"), 0,
             name);
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
    static const char *const keys[] = {"n",
                                       "slope",
                                       "intercept",
                                       "r2",
                                       "slope_se",
                                       "intercept_se",
                                       "residual_sd",
                                       "mean_abs_residual",
                                       "max_abs_residual"};
    const dsbi_json_value *e = get(get(dsbi_json_root(expected), "fits", "v4"), "rank", NULL);
    const dsbi_json_value *rank = get(dsbi_json_root(record), "rank", NULL);
    same(get(rank, "spearman", NULL), get(e, "spearman", NULL), 1e-9, "spearman");
    same(get(rank, "kendall_tau_b", NULL), get(e, "kendall_tau_b", NULL), 1e-9, "kendall");
    same(get(rank, "pearson", NULL), get(e, "pearson", NULL), 1e-9, "pearson");
    for (size_t s = 0; s < 3; s++) {
        const dsbi_json_value *fit = get(dsbi_json_root(record), "fits", scales[s]);
        const dsbi_json_value *want =
            get(get(dsbi_json_root(expected), "fits", "v4"), scales[s], 0);
        for (size_t k = 0; k < 9; k++)
            same(get(fit, keys[k], NULL),
                 get(want,
                     k == 7   ? "mean_abs_residual_acc"
                     : k == 8 ? "max_abs_residual_acc"
                              : keys[k],
                     NULL),
                 1e-9, keys[k]);
        same(get(fit, "slope_ci95_t", NULL), get(want, "slope_ci95_t", NULL), 1e-9, "t");
        const dsbi_json_value *boot =
            get(get(dsbi_json_root(expected), "bootstrap_over_models", "v4_30"), scales[s], NULL);
        double share, expected_share;
        same(get(fit, "slope_ci95", NULL), get(boot, "slope95", NULL), 0.003, "over models");
        same(get(fit, "intercept_ci95", NULL), get(boot, "intercept95", NULL), 0.005,
             "over models");
        ck_assert(dsbi_json_double(get(fit, "share_slope_le_1", NULL), &share) &&
                  dsbi_json_double(get(boot, "frac_slope_le_1", NULL), &expected_share));
        ck_assert_double_eq_tol(share, expected_share, 0.002);
        boot = get(dsbi_json_root(expected), "bootstrap_over_images_v4", scales[s]);
        same(get(fit, "slope_ci95_images", NULL), get(boot, "slope95", NULL), 0.015, "over images");
        same(get(fit, "intercept_ci95_images", NULL), get(boot, "intercept95", NULL), 0.03,
             "over images");
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
        same(get(one, "cochran_q", "df"), get(want, "df", NULL), 0, "df");
        same(get(one, "cochran_q", "p"), get(want, "p", NULL), 1e-9, "p");
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
        bool turned = strcmp(dsbi_json_string(get(p, "a", NULL), NULL), a) != 0;
        same(get(p, "n11", NULL), get(e, "n11", NULL), 0, a);
        same(get(p, "n00", NULL), get(e, "n00", NULL), 0, a);
        same(get(p, turned ? "n01" : "n10", NULL), get(e, "n10", NULL), 0, a);
        same(get(p, turned ? "n10" : "n01", NULL), get(e, "n01", NULL), 0, a);
        same(get(p, "chi2", NULL), get(e, "chi2", NULL), 1e-9, a);
        same(get(p, "chi2_cc", NULL), get(e, "chi2_cc", NULL), 1e-9, a);
        if (!turned) {
            same(get(p, "diff", NULL), get(e, "diff", NULL), 1e-9, a);
            same(get(p, "diff_wald95", NULL), get(e, "diff_wald95", NULL), 1e-9, a);
        }
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
    same(get(b, "true_q_y", NULL), get(e, "true_q_y", NULL), 1e-9, "true shares");
    same(get(b, "cond", NULL), get(e, "cond", NULL), 1e-9, "condition");
    const dsbi_json_value *balance = get(dsbi_json_root(record), "class_balance", NULL);
    e = get(dsbi_json_root(expected), "v4_class_balance_chi2", NULL);
    same(get(balance, "chi2_even", NULL), get(e, "stat", NULL), 1e-9, "class balance");
    same(get(balance, "p_even", NULL), get(e, "p", NULL), 1e-9, "class balance");
    for (int s = 0; s < 2; s++) {
        const dsbi_json_value *set = get(get(dsbi_json_root(expected), "datasets", NULL),
                                         s ? "v4" : "original", "class_counts");
        same(get(dsbi_json_root(record), "composition",
                 s ? "class_counts_new" : "class_counts_orig"),
             set, 0, "class counts");
    }
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
    dsbi_json *want;
    read_json(&want, "cifar101/calibration_expected.json");
    const dsbi_json_value *root = dsbi_json_root(want), *table = get(root, "ece", NULL);
    double accuracy = 0, confidence = 0, number;
    for (uint64_t i = 0; i < n; i++) {
        accuracy += right[i] / (double)n;
        confidence += value[0][i] / (double)n;
    }
    ck_assert(dsbi_json_double(get(root, "accuracy", NULL), &number));
    ck_assert_double_eq_tol(accuracy, number, 1e-12);
    ck_assert(dsbi_json_double(get(root, "mean_confidence", NULL), &number));
    ck_assert_double_eq_tol(confidence, number, 1e-12);
    size_t compared =
        0; /* "equal_width_10": {"ece", "mce"}; Brier and NLL need all probabilities */
    for (const dsbi_json_value *e = dsbi_json_first(table); e; e = dsbi_json_next(e), compared++) {
        const char *name = dsbi_json_key(e, NULL);
        uint64_t bins = strtoull(strrchr(name, '_') + 1, NULL, 10);
        uint32_t kind = strncmp(name, "equal_mass", 10) == 0 ? DSB_STATS_BINS_EQUAL_MASS
                                                             : DSB_STATS_BINS_EQUAL_WIDTH;
        double ece, mce;
        ck_assert_ok(dsb_stats_ece(rt, &ece, &mce, NULL, value[0], right, n, bins, kind));
        ck_assert(dsbi_json_double(get(e, "ece", NULL), &number));
        ck_assert_double_eq_tol(ece, number, 1e-12);
        ck_assert(dsbi_json_double(get(e, "mce", NULL), &number));
        ck_assert_double_eq_tol(mce, number, 1e-12);
    }
    ck_assert_uint_eq(compared, 6);
    dsbi_json_free(want);
    for (int i = 0; i < 3; i++)
        dsb_shift_values_free(rt, value[i]);
    free(right);
}
END_TEST

static dsbi_json *run(dsb_shift *s)
{
    dsbi_json *doc;
    size_t size;
    ck_assert_ok(dsb_shift_run(s, NULL, NULL));
    const char *json = dsb_shift_json(s, &size);
    ck_assert_ok(dsbi_json_parse(rt, &doc, json, size));
    return doc;
}

/* The 30 models of the first test, with other options. */
static dsb_shift *both_sets(const dsb_shift_opts *opts)
{
    char labels[4096], predictions[4096];
    dsb_shift *s;
    ck_assert_ok(dsb_shift_create(rt, &s, opts));
    snprintf(labels, sizeof labels, "%s", shared_data("cifar101/cifar10_test_labels.npy"));
    snprintf(predictions, sizeof predictions, "%s",
             shared_data("cifar101/model_predictions/original_predictions"));
    ck_assert_ok(dsb_shift_add_set(s, "original", labels, predictions));
    snprintf(labels, sizeof labels, "%s", shared_data("cifar101/cifar10.1_v4_labels.npy"));
    snprintf(predictions, sizeof predictions, "%s",
             shared_data("cifar101/model_predictions/v4_predictions"));
    ck_assert_ok(dsb_shift_add_set(s, "v4", labels, predictions));
    return s;
}

static void check_fits(const dsbi_json *doc, const char *name)
{
    static const char *const keys[] = {"n",        "slope",        "intercept",  "r2",
                                       "slope_se", "intercept_se", "residual_sd"};
    for (size_t s = 0; s < 3; s++)
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
            same(get(get(dsbi_json_root(doc), "fits", scales[s]), keys[k], NULL),
                 get(get(dsbi_json_root(expected), "fits", name), scales[s], keys[k]), 1e-9,
                 keys[k]);
}

/* 34 models: without alexnet, with five given pairs. Recht et al. 2019: 1.69, -72.7, [1.63, 1.76].
 */
START_TEST(published_fit_of_34_models)
{
    static const char pairs[] = "model,original,v4\na1,98.4,95.5\na2,98.1,93.9\na3,98.0,93.7\n"
                                "a4,97.5,93.0\na5,97.3,92.9\n";
    char path[] = "/tmp/dsbias_pairs_XXXXXX";
    int fd = mkstemp(path);
    ck_assert(fd >= 0 && write(fd, pairs, sizeof pairs - 1) == (ssize_t)sizeof pairs - 1);
    close(fd);
    dsb_shift_opts opts;
    dsb_shift_opts_init(&opts, sizeof opts);
    opts.exclude = "^alexnet";
    opts.n_image_bootstrap = 0;
    dsb_shift *s = both_sets(&opts);
    dsbi_json *doc = run(s);
    check_fits(doc, "v4_29_without_alexnet");
    dsbi_json_free(doc);
    ck_assert_ok(dsb_shift_add_table(s, path, NULL, NULL, 0, NULL));
    doc = run(s);
    check_fits(doc, "v4_34_models_of_1902.10811");
    for (size_t k = 0; k < 3; k++)
        same(get(get(dsbi_json_root(doc), "fits", scales[k]), "slope_ci95", NULL),
             get(get(dsbi_json_root(expected), "bootstrap_over_models", "v4_34"), scales[k],
                 "slope95"),
             0.003, "bootstrap");
    /* Recht et al. 2019 print 1.69 and -72.7, and [1.63, 1.76] */
    double slope, offset, ends[2];
    const dsbi_json_value *fit = get(dsbi_json_root(doc), "fits", "linear");
    ck_assert(dsbi_json_double(get(fit, "slope", NULL), &slope) &&
              dsbi_json_double(get(fit, "intercept", NULL), &offset));
    ck_assert_double_eq_tol(slope, 1.69, 0.005);
    ck_assert_double_eq_tol(offset, -0.727, 0.0005);
    const dsbi_json_value *ci = dsbi_json_first(get(fit, "slope_ci95", NULL));
    ck_assert(dsbi_json_double(ci, &ends[0]) && dsbi_json_double(dsbi_json_next(ci), &ends[1]));
    ck_assert_double_eq_tol(ends[0], 1.63, 0.015);
    ck_assert_double_eq_tol(ends[1], 1.76, 0.015);
    dsbi_json_free(doc);
    dsb_shift_free(s);
    unlink(path);
}
END_TEST

/* All rows of the reference, made with 60 digits and printed with 20 decimals: an end is right to
 * 1e-12 relative or, where so few digits are printed that this is beyond them (5e-11 has ten), to
 * half a unit of the last decimal. */
START_TEST(clopper_pearson_to_the_last_digits)
{
    static const char *const names[] = {"n", "k", "alpha", "lo", "hi"};
    const char *path = shared_data("cifar101/clopper_pearson_reference.csv");
    double *value[5];
    uint64_t rows = 0;
    for (int i = 0; i < 5; i++)
        ck_assert_ok(dsb_shift_read_column(rt, &value[i], &rows, path, names[i]));
    ck_assert_uint_eq(rows, 30);
    for (uint64_t r = 0; r < rows; r++) {
        double ci[2];
        ck_assert_ok(dsb_stats_clopper_pearson(ci, (uint64_t)value[1][r], (uint64_t)value[0][r],
                                               value[2][r]));
        for (int end = 0; end < 2; end++) {
            double want = value[3 + end][r];
            ck_assert_msg(fabs(ci[end] - want) <= 1e-12 * want + 0.5e-20,
                          "row %llu: %.17g, expected %.17g", (unsigned long long)r + 1, ci[end],
                          want);
        }
    }
    for (int i = 0; i < 5; i++)
        dsb_shift_values_free(rt, value[i]);
}
END_TEST

/* subsets.json: the 286 test images with a copy in the training set; and the two classes in which
 * the gap sits, without which the probit slope is 1. */
START_TEST(groups_of_items)
{
    char path[] = "/tmp/dsbias_groups_XXXXXX";
    double *labels[2], gap, number;
    uint64_t n[2];
    dsbi_json *subsets;
    read_json(&subsets, "cifar101/subsets.json");
    ck_assert_ok(dsb_shift_read_column(rt, &labels[0], &n[0],
                                       shared_data("cifar101/cifar10_test_labels.npy"), NULL));
    ck_assert_ok(dsb_shift_read_column(rt, &labels[1], &n[1],
                                       shared_data("cifar101/cifar10.1_v4_labels.npy"), NULL));
    int fd = mkstemp(path);
    FILE *f = fdopen(fd, "w");
    ck_assert(f != NULL);
    fputs("set,group,item\n", f);
    for (int s = 0; s < 2; s++)
        for (uint64_t i = 0; i < n[s]; i++)
            if (labels[s][i] < 2)
                fprintf(f, "%s,airplane or automobile,%llu\n", s ? "v4" : "original",
                        (unsigned long long)i);
    const dsbi_json_value *ids = get(dsbi_json_root(subsets), "ids", NULL);
    for (const dsbi_json_value *v = dsbi_json_first(ids); v; v = dsbi_json_next(v)) {
        ck_assert(dsbi_json_double(v, &number));
        fprintf(f, "original,duplicates,%.0f\n", number);
    }
    fclose(f);
    dsb_shift_opts opts;
    dsb_shift_opts_init(&opts, sizeof opts);
    opts.n_image_bootstrap = opts.n_bootstrap = 0;
    dsb_shift *s = both_sets(&opts);
    ck_assert_ok(dsb_shift_add_groups(s, path));
    dsbi_json *doc = run(s);
    const dsbi_json_value *without =
        named(get(dsbi_json_root(doc), "group_gaps", NULL), "group", "airplane or automobile");
    const dsbi_json_value *want = get(dsbi_json_root(subsets), "v4_exclude_0_1", NULL);
    same(get(without, "mean_gap_without", NULL), get(want, "mean_gap", NULL), 1e-9, "gap");
    const dsbi_json_value *line = get(without, "fits_without", "linear");
    same(get(line, "slope", NULL), get(want, "slope", NULL), 1e-9, "slope");
    same(get(line, "intercept", NULL), get(want, "intercept", NULL), 1e-9, "intercept");
    same(get(line, "r2", NULL), get(want, "r2", NULL), 1e-9, "r2");
    same(get(get(without, "fits_without", "probit"), "slope", NULL),
         get(want, "probit_slope", NULL), 1e-9, "probit slope");
    const dsbi_json_value *duplicates =
        named(get(dsbi_json_root(doc), "groups", NULL), "group", "duplicates");
    const dsbi_json_value *per_model = get(dsbi_json_root(subsets), "per_model", NULL);
    for (const dsbi_json_value *e = dsbi_json_first(per_model); e; e = dsbi_json_next(e)) {
        const dsbi_json_value *m =
            named(get(duplicates, "models", NULL), "name", dsbi_json_key(e, NULL));
        same(get(m, "inside", NULL), get(e, "duplicates", NULL), 1e-9, "inside");
        same(get(m, "outside", NULL), get(e, "rest", NULL), 1e-9, "outside");
    }
    const dsbi_json_value *gaps = get(dsbi_json_root(subsets), "mean_gap_per_class_v4", NULL);
    const dsbi_json_value *k = dsbi_json_first(get(dsbi_json_root(doc), "per_class", NULL));
    for (const dsbi_json_value *g = dsbi_json_first(gaps); g; g = dsbi_json_next(g)) {
        ck_assert(k && dsbi_json_double(get(k, "mean_gap", NULL), &gap));
        ck_assert(dsbi_json_double(g, &number));
        ck_assert_double_eq_tol(gap, number, 1e-12);
        k = dsbi_json_next(k);
    }
    dsbi_json_free(doc);
    dsbi_json_free(subsets);
    dsb_shift_free(s);
    for (int i = 0; i < 2; i++)
        dsb_shift_values_free(rt, labels[i]);
    unlink(path);
}
END_TEST

int main(void)
{ /* one process: the first test makes what the others read */
    int failed = run_tests("cifar101", the_record_is_made, counts_intervals_gaps_ranks,
                           lines_and_ranks, tests_of_pairs, without_labels,
                           calibration_of_a_real_classifier, published_fit_of_34_models,
                           clopper_pearson_to_the_last_digits, groups_of_items, NULL);
    dsbi_json_free(record);
    dsbi_json_free(expected);
    dsb_runtime_free(rt);
    return failed;
}
