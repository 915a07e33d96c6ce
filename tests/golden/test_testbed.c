/* Effective robustness on the ImageNet testbed of Taori et al. 2020: 330 models, 13 shifts, each
 * with an original of its own, the line through the standard models, a table with missing values
 * and an accuracy of exactly 0. Expected lines: ../shared/data/testbed, computed there before the
 * table was rounded to the digits it is stored with, hence 2e-5. */
#include "testing.h"

#include <math.h>
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "dsbias/shift.h"
#include "dsbias/stats.h"

static dsb_runtime *rt;

static double number(const dsbi_json_value *v, const char *a, const char *b, const char *c)
{
    double value = NAN;
    v = dsbi_json_get(v, a);
    v = b ? dsbi_json_get(v, b) : v;
    v = c ? dsbi_json_get(v, c) : v;
    dsbi_json_double(v, &value);
    return value;
}

static dsbi_json *read_json(const char *name)
{
    uint8_t *bytes;
    size_t size;
    dsbi_json *doc;
    ck_assert_ok(dsbi_file_read(rt, &bytes, &size, shared_data(name), 1 << 24));
    ck_assert_ok(dsbi_json_parse(rt, &doc, (const char *)bytes, size));
    dsbi_free(rt, bytes);
    return doc;
}

static dsbi_json *evaluate(const dsbi_json *expected, const char *pivot, const char *only)
{
    static char text[64][200];
    const char *columns[64];
    size_t n = 0;
    const dsbi_json_value *root = dsbi_json_root(expected);
    for (const dsbi_json_value *e = dsbi_json_first(root); e; e = dsbi_json_next(e)) {
        const char *x = dsbi_json_string(dsbi_json_get(e, "x"), NULL);
        if (only && strcmp(only, dsbi_json_key(e, NULL)) != 0)
            continue;
        snprintf(text[n], sizeof text[n], "%s=%s", dsbi_json_key(e, NULL), x);
        columns[n] = text[n];
        n++;
    }
    dsb_shift_opts opts;
    dsb_shift_opts_init(&opts, sizeof opts);
    opts.baseline = "type=^STANDARD$";
    opts.baseline_except = "aws|batch64"; /* as the testbed's own plots do */
    opts.scale = DSB_STATS_SCALE_LOGIT;
    opts.n_bootstrap = 0;
    opts.pivot = pivot;
    dsb_shift *s;
    char table[4096], sizes[4096];
    snprintf(table, sizeof table, "%s", shared_data("testbed/imagenet_testbed.csv"));
    snprintf(sizes, sizeof sizes, "%s", shared_data("testbed/imagenet_testbed_sizes.json"));
    ck_assert_ok(dsb_shift_create(rt, &s, &opts));
    ck_assert_ok(dsb_shift_add_table(s, table, "val", columns, n, sizes));
    ck_assert_ok(dsb_shift_run(s, NULL, NULL));
    size_t size;
    const char *json = dsb_shift_json(s, &size);
    dsbi_json *doc;
    ck_assert_ok(dsbi_json_parse(rt, &doc, json, size));
    dsb_shift_free(s);
    return doc;
}

static const dsbi_json_value *named(const dsbi_json_value *array, const char *name)
{
    for (const dsbi_json_value *v = dsbi_json_first(array); v; v = dsbi_json_next(v))
        if (strcmp(dsbi_json_string(dsbi_json_get(v, "name"), NULL), name) == 0)
            return v;
    ck_abort_msg("%s is not there", name);
    return NULL;
}

static void compare(const dsbi_json_value *c, const dsbi_json_value *expected)
{
    static const char *const scales[] = {"linear", "logit", "probit"};
    static const char *const keys[] = {"slope", "intercept", "r2"};
    const char *name = dsbi_json_string(dsbi_json_get(c, "new"), NULL);
    const dsbi_json_value *e = dsbi_json_get(expected, name);
    ck_assert_msg(e != NULL, "%s was not asked for", name);
    ck_assert(number(c, "fits", "logit", "n") == number(e, "n", NULL, NULL));
    for (int s = 0; s < 3; s++)
        for (int k = 0; k < 3; k++) {
            double got = number(c, "fits", scales[s], keys[k]);
            double want = number(e, scales[s], keys[k], NULL);
            /* there the model with accuracy 0 was left out of the linear fit too */
            if (s == 0 && strcmp(name, "imagenet-a") == 0)
                continue;
            ck_assert_msg(fabs(got - want) <= 2e-5 * fabs(want), "%s, %s %s: %.17g, expected %.17g",
                          name, scales[s], keys[k], got, want);
        }
    /* what is above the line is what the record says */
    double slope = number(c, "fits", "logit", "slope"),
           offset = number(c, "fits", "logit", "intercept");
    const dsbi_json_value *models = dsbi_json_get(dsbi_json_get(c, "robustness"), "models");
    for (const dsbi_json_value *m = dsbi_json_first(models); m; m = dsbi_json_next(m)) {
        const dsbi_json_value *of =
            named(dsbi_json_get(c, "models"), dsbi_json_string(dsbi_json_get(m, "name"), NULL));
        double x = number(of, "orig", "accuracy", NULL), y = number(of, "new", "accuracy", NULL);
        double expect = 1 / (1 + exp(-offset - slope * log(x / (1 - x))));
        ck_assert_double_eq_tol(number(m, "effective_robustness", NULL, NULL), y - expect, 1e-12);
    }
}

START_TEST(lines_and_effective_robustness)
{
    dsbi_json *expected = read_json("testbed/imagenet_testbed_expected.json");
    dsbi_json *doc = evaluate(expected, NULL, NULL);
    size_t n = 1;
    compare(dsbi_json_root(doc), dsbi_json_root(expected));
    const dsbi_json_value *others = dsbi_json_get(dsbi_json_root(doc), "other_sets");
    for (const dsbi_json_value *c = dsbi_json_first(others); c; c = dsbi_json_next(c), n++)
        compare(c, dsbi_json_root(expected));
    ck_assert_uint_eq(n, dsbi_json_count(dsbi_json_root(expected)));
    dsbi_json_free(doc);
    dsbi_json_free(expected);
}
END_TEST

/* ImageNet-A was chosen against ResNet-50: two lines, values by NumPy from the same table. */
START_TEST(two_lines_at_the_pivot)
{
    dsbi_json *expected = read_json("testbed/imagenet_testbed_expected.json");
    dsbi_json *doc = evaluate(expected, "resnet50", "imagenet-a");
    const dsbi_json_value *pivot = dsbi_json_get(dsbi_json_root(doc), "pivot");
    ck_assert_double_eq_tol(number(pivot, "at", NULL, NULL), 0.9186, 1e-12);
    ck_assert_double_eq_tol(number(pivot, "logit", "below", "slope"), 0.689448365039679, 1e-9);
    ck_assert_double_eq_tol(number(pivot, "logit", "below", "intercept"), -5.140048814985188, 1e-8);
    ck_assert_double_eq_tol(number(pivot, "logit", "above", "slope"), 2.955961693185809, 1e-9);
    ck_assert_double_eq_tol(number(pivot, "logit", "above", "intercept"), -10.277404871311008,
                            1e-8);
    dsbi_json_free(doc);
    dsbi_json_free(expected);
}
END_TEST

int main(void)
{
    shared_data("testbed/imagenet_testbed.csv");
    if (dsb_runtime_create(&rt, NULL) != DSB_OK)
        return 1;
    int failed = run_tests("testbed", lines_and_effective_robustness, two_lines_at_the_pivot, NULL);
    dsb_runtime_free(rt);
    return failed;
}
