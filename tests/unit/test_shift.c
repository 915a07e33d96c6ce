/* The shift evaluation from files of every kind: counts and fits known by construction, and a
 * sentence with file and place for each kind of bad input. */
#include "testing.h"

#include <math.h>
#include <sys/stat.h>
#include "base/json.h"
#include "dsbias/report.h"
#include "dsbias/shift.h"
#include "dsbias/stats.h"

static char folder[64];

static const char *in_folder(const char *name)
{
    static char paths[64][256];
    static int next;
    char *path = paths[next++ % 64];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static const char *file(const char *name, const char *text)
{
    const char *path = in_folder(name);
    FILE *f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
    return path;
}

static dsb_shift *make_shift(dsb_runtime *rt)
{
    dsb_shift_opts opts;
    dsb_shift_opts_init(&opts, sizeof opts);
    opts.n_bootstrap = 2000;
    opts.n_image_bootstrap = 200;
    dsb_shift *s;
    ck_assert_ok(dsb_shift_create(rt, &s, &opts));
    return s;
}

static const dsbi_json_value *path_of(const dsbi_json *doc, const char *a, const char *b,
                                      const char *c)
{
    const dsbi_json_value *v = dsbi_json_get(dsbi_json_root(doc), a);
    if (b)
        v = dsbi_json_type_of(v) == DSBI_JSON_ARRAY ? dsbi_json_get(dsbi_json_first(v), b)
                                                    : dsbi_json_get(v, b);
    return c ? dsbi_json_get(v, c) : v;
}

static double number(const dsbi_json *doc, const char *a, const char *b, const char *c)
{
    double value = NAN;
    dsbi_json_double(path_of(doc, a, b, c), &value);
    return value;
}

static dsbi_json *record_of(dsb_runtime *rt, dsb_shift *s)
{
    dsbi_json *doc;
    size_t size;
    ck_assert_ok(dsb_shift_run(s, NULL, NULL));
    const char *json = dsb_shift_json(s, &size);
    ck_assert_ok(dsbi_json_parse(rt, &doc, json, size));
    char *html, *text;
    ck_assert_ok(dsb_report_shift_html(rt, &html, NULL, json, size));
    ck_assert_ptr_null(strstr(html, "nan"));
    ck_assert_ok(dsb_report_shift_text(rt, &text, NULL, json, size, 0));
    dsb_report_free(rt, html);
    dsb_report_free(rt, text);
    static const char *const tables[] = {"models", "classes", "fits",
                                         "pairs",  "groups",  "robustness"};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        char *csv;
        ck_assert_ok(dsb_shift_csv(rt, &csv, NULL, json, size, tables[i]));
        dsb_shift_text_free(rt, csv);
    }
    return doc;
}

/* The same six answers as JSON folder, wide CSV, long CSV and words. */
START_TEST(every_form_gives_the_same)
{
    dsb_runtime *rt = make_runtime(2);
    mkdir(in_folder("p"), 0777);
    mkdir(in_folder("q"), 0777);
    file("p/a_predictions.json", "[0, 1, 2, 0, 1, 1]");
    file("p/b_predictions.json", "[0, 1, 1, 0, 0, 1]");
    file("q/a_predictions.json", "[0, 1, 1, 0]");
    file("q/b_predictions.json", "[0, 0, 1, 0]");
    const char *labels = file("l.txt", "0\n1\n2\n0\n1\n2\n");
    const char *fresh = file("m.json", "[0, 1, 2, 0]");
    const char *wide = file("w.csv", "id,label,a,b\n5,2,1,1\n0,0,0,0\n1,1,1,1\n2,2,2,1\n3,0,0,0\n"
                                     "4,1,1,0\n");
    const char *wide_new = file("x.csv", "label;a;b\r\n0;0;0\r\n1;1;0\r\n2;1;1\r\n0;0;0\r\n");
    const char *longer =
        file("y.csv", "model,item,prediction,label\na,k,x,x\na,l,y,y\na,m,z,z\na,n,x,x\n"
                      "a,o,y,y\na,p,y,z\nb,k,x,x\nb,l,y,y\nb,m,y,z\nb,n,x,x\nb,o,x,y\n"
                      "b,p,y,z\n");
    const char *longer_new =
        file("z.csv", "model,item,prediction,label\na,k,x,x\na,l,y,y\na,m,y,z\n"
                      "a,n,x,x\nb,k,x,x\nb,l,x,y\nb,m,y,z\nb,n,x,x\n");
    mkdir(in_folder("r"), 0777);
    file("r/a.csv", "index,prediction\n0,0\n1,1\n2,1\n3,0\n");
    file("r/b.txt", "prediction\n0\n0\n1\n0\n");
    const struct {
        const char *labels, *predictions, *new_labels, *new_predictions;
    } forms[] = {{labels, in_folder("p"), fresh, in_folder("q")},
                 {"", wide, NULL, wide_new},
                 {NULL, longer, NULL, longer_new},
                 {labels, in_folder("p"), fresh, in_folder("r")}};
    for (int i = 0; i < 4; i++) {
        dsb_shift *s = make_shift(rt);
        ck_assert_ok(dsb_shift_add_set(s, "old", forms[i].labels, forms[i].predictions));
        ck_assert_ok(dsb_shift_add_set(s, "fresh", forms[i].new_labels, forms[i].new_predictions));
        dsbi_json *doc = record_of(rt, s);
        ck_assert(number(doc, "n_models", NULL, NULL) == 2);
        ck_assert(number(doc, "models", "orig", "correct") == 5);
        ck_assert(number(doc, "models", "new", "correct") == 3);
        ck_assert_double_eq_tol(number(doc, "models", "gap", NULL), 5.0 / 6 - 0.75, 1e-15);
        ck_assert(number(doc, "models", "rank_new", NULL) == 1);
        ck_assert_double_eq_tol(number(doc, "fits", "linear", "slope"), 0.25 / (2.0 / 6), 1e-12);
        dsbi_json_free(doc);
        dsb_shift_free(s);
    }
    dsb_runtime_free(rt);
}
END_TEST

/* Zeros, ones, missing cells, counts, per cent; a second original column; a baseline. */
START_TEST(tables_with_holes)
{
    dsb_runtime *rt = make_runtime(1);
    const char *path = file("t.csv", "model,type,base,new,other_base,other\n"
                                     "a,STANDARD,50,40,52,10\nb,STANDARD,60,48,62,\n"
                                     "c,STANDARD,70,56,72,0\nd,MORE,80,70,82,30\n"
                                     "e,STANDARD,75,,77,15\n");
    const char *columns[] = {"new", "other=other_base"};
    dsb_shift_opts opts;
    dsb_shift_opts_init(&opts, sizeof opts);
    opts.baseline = "type=^STANDARD$";
    opts.scale = DSB_STATS_SCALE_LINEAR;
    opts.n_bootstrap = 100;
    dsb_shift *s;
    ck_assert_ok(dsb_shift_create(rt, &s, &opts));
    ck_assert_ok(dsb_shift_add_table(s, path, "base", columns, 2, NULL));
    dsbi_json *doc = record_of(rt, s);
    ck_assert_double_eq_tol(number(doc, "fits", "linear", "slope"), 0.8, 1e-12);
    ck_assert_double_eq_tol(number(doc, "fits", "linear", "intercept"), 0, 1e-12);
    ck_assert(number(doc, "fits", "linear", "n") == 3);
    const dsbi_json_value *m = dsbi_json_first(path_of(doc, "robustness", "models", NULL));
    double er = 0;
    for (; m; m = dsbi_json_next(m))
        if (strcmp(dsbi_json_string(dsbi_json_get(m, "name"), NULL), "d") == 0)
            dsbi_json_double(dsbi_json_get(m, "effective_robustness"), &er);
    ck_assert_double_eq_tol(er, 0.06, 1e-12);
    const dsbi_json_value *e = dsbi_json_first(path_of(doc, "robustness", "predicted", NULL));
    double expected = 0;
    ck_assert(dsbi_json_double(dsbi_json_get(e, "new"), &expected));
    ck_assert_double_eq_tol(expected, 0.6, 1e-12);
    const dsbi_json_value *other = dsbi_json_first(path_of(doc, "other_sets", NULL, NULL));
    double n = 0, dropped = 0;
    const dsbi_json_value *logit = dsbi_json_get(dsbi_json_get(other, "fits"), "logit");
    dsbi_json_double(dsbi_json_get(logit, "n"), &n);
    dsbi_json_double(dsbi_json_get(logit, "n_dropped"), &dropped);
    ck_assert(n == 2 && dropped == 1); /* c has accuracy 0 */
    size_t size;
    const char *json = dsb_shift_json(s, &size);
    char which[256];
    ck_assert_int_eq(dsb_shift_check(rt, json, size, "gap > 0.1", which), 1);
    ck_assert_ptr_nonnull(strstr(which, "gap"));
    ck_assert_int_eq(dsb_shift_check(rt, json, size, "max(gap) > 90%", NULL), 0);
    ck_assert_int_eq(dsb_shift_check(rt, json, size, "slope < 0.9 && n_models >= 4", NULL), 1);
    ck_assert_int_eq(dsb_shift_check(rt, json, size, "slope > 5 || spearman < 2", NULL), 1);
    ck_assert_fails(dsb_shift_check(rt, json, size, "gap >", NULL), DSB_E_INVALID, "character 6");
    ck_assert_fails(dsb_shift_check(rt, json, size, "fun > 1", NULL), DSB_E_INVALID, "unknown");
    dsbi_json_free(doc);
    dsb_shift_free(s);
    const char *counts = file("c.csv", "model,orig_correct,orig_n,v2_correct,v2_n\na,50,100,35,80\n"
                                       "b,100,100,0,80\n");
    s = make_shift(rt);
    ck_assert_ok(dsb_shift_add_table(s, counts, NULL, NULL, 0, NULL));
    doc = record_of(rt, s);
    ck_assert(number(doc, "models", "orig", "correct") == 100);
    ck_assert(number(doc, "models", "new", "n") == 80);
    dsbi_json_free(doc);
    dsb_shift_free(s);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(scores_and_a_single_model)
{
    dsb_runtime *rt = make_runtime(1);
    dsb_shift *s = make_shift(rt);
    ck_assert_ok(dsb_shift_add_set(s, "one", NULL, file("s.csv", "f1\n0.5\n0.7\n0.9\n")));
    ck_assert_ok(dsb_shift_add_set(s, "two", NULL, file("s2.csv", "f1\n0.4\n0.6\n")));
    dsbi_json *doc = record_of(rt, s);
    ck_assert_double_eq_tol(number(doc, "models", "gap", NULL), 0.2, 1e-12);
    ck_assert_ptr_nonnull(path_of(doc, "fits", "linear", "reason"));
    dsbi_json_free(doc);
    dsb_shift_free(s);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(wrong_class_order_is_named)
{
    enum { N = 200 };
    uint32_t labels[N], shifted[N], right[N];
    for (uint32_t i = 0; i < N; i++) {
        labels[i] = i % 5;
        right[i] = i % 20 == 0 ? 1 : labels[i];
        shifted[i] = (right[i] + 1) % 5;
    }
    dsb_runtime *rt = make_runtime(1);
    dsb_shift *s = make_shift(rt);
    ck_assert_ok(dsb_shift_add_labels(s, "old", labels, N));
    ck_assert_ok(dsb_shift_add_labels(s, "new", labels, N));
    ck_assert_ok(dsb_shift_add_predictions(s, 0, "m", right, N));
    ck_assert_ok(dsb_shift_add_predictions(s, 1, "m", shifted, N));
    ck_assert_fails(dsb_shift_add_predictions(s, 1, "m", shifted, N), DSB_E_DATA, "twice");
    ck_assert_fails(dsb_shift_add_predictions(s, 1, "k", shifted, N - 1), DSB_E_SHAPE, "199");
    dsbi_json *doc = record_of(rt, s);
    const char *warning =
        dsbi_json_string(dsbi_json_first(path_of(doc, "warnings", NULL, NULL)), NULL);
    ck_assert_ptr_nonnull(warning);
    ck_assert_ptr_nonnull(strstr(warning, "class order"));
    dsbi_json_free(doc);
    dsb_shift_free(s);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(results_do_not_depend_on_threads)
{
    enum { N = 300, M = 6 };
    char *records[2];
    for (int run = 0; run < 2; run++) {
        dsb_runtime *rt = make_runtime(run ? 3 : 1);
        dsb_shift *s = make_shift(rt);
        uint32_t labels[N], predicted[N];
        for (uint32_t set = 0; set < 2; set++) {
            for (uint32_t i = 0; i < N; i++)
                labels[i] = (i * 7 + set) % 10;
            ck_assert_ok(dsb_shift_add_labels(s, set ? "new" : "old", labels, N));
            for (uint32_t m = 0; m < M; m++) {
                char name[8];
                snprintf(name, sizeof name, "m%u", m);
                for (uint32_t i = 0; i < N; i++)
                    predicted[i] =
                        (i * 31 + m * 17) % 10 < 2 + m / 2 + set ? (labels[i] + 1) % 10 : labels[i];
                ck_assert_ok(dsb_shift_add_predictions(s, set, name, predicted, N));
            }
        }
        ck_assert_ok(dsb_shift_run(s, NULL, NULL));
        records[run] = strdup(dsb_shift_json(s, NULL));
        char *end = strstr(records[run], "\"seconds\"");
        ck_assert_ptr_nonnull(end);
        *end = '\0';
        dsb_shift_free(s);
        dsb_runtime_free(rt);
    }
    ck_assert_str_eq(records[0], records[1]);
    free(records[0]);
    free(records[1]);
}
END_TEST

static void refused(dsb_runtime *rt, const char *labels, const char *predictions, dsb_status code,
                    const char *part)
{
    dsb_shift *s = make_shift(rt);
    ck_assert_fails(dsb_shift_add_set(s, "x", labels, predictions), code, part);
    dsb_shift_free(s);
}

START_TEST(bad_input_is_told_with_file_and_place)
{
    dsb_runtime *rt = make_runtime(1);
    uint64_t before = dsb_runtime_memory(rt);
    const char *labels = file("bad_l.txt", "0\n1\n1\n");
    refused(rt, labels, file("b1.json", "[0, 1]"), DSB_E_SHAPE, "2 predictions for 3 labels");
    refused(rt, labels, file("b2.json", "[0, 1, null]"), DSB_E_DATA, "item 2 is missing");
    refused(rt, labels, file("b3.json", "[0, 1, -2]"), DSB_E_DATA, "b3.json: model 'b3': item 2");
    refused(rt, labels, file("b4.json", "[0, 1, 1.5]"), DSB_E_DATA, "1.5");
    refused(rt, labels, file("b5.json", "[0, 1, \"cat\"]"), DSB_E_FORMAT, "item 2 is a string");
    refused(rt, labels, file("b6.json", "[0, 1"), DSB_E_FORMAT, "b6.json: json: line 1");
    refused(rt, labels, file("b7.json", ""), DSB_E_DATA, "empty");
    refused(rt, labels, file("b8.json", "{}"), DSB_E_DATA, "empty");
    refused(rt, labels, file("b9.csv", "a,b\n1\n"), DSB_E_FORMAT, "line 2: 1 fields");
    refused(rt, labels, file("b10.csv", "a,a\n1,1\n0,0\n1,1\n"), DSB_E_DATA, "twice");
    refused(rt, labels, file("b11.csv", "a,b\ncat,dog\ncat,dog\ncat,dog\n"), DSB_E_DATA,
            "row 1 holds 'cat'");
    refused(rt, file("bad_l3.json", "[[0, 1], [1, 0], [1, 0]]"), in_folder("b3.json"), DSB_E_SHAPE,
            "bad_l3.json: 3 x 2 numbers");
    refused(rt, file("bad_l4.txt", "0\n-1\n"), in_folder("b3.json"), DSB_E_DATA,
            "bad_l4.txt: item 1: -1 is no class");
    refused(rt, NULL, file("b15.json", "[[0.2, 0.8], [1, 0]]"), DSB_E_SHAPE, "2 numbers an item");
    refused(rt, labels, file("b16.json", "{\"a\": {}}"), DSB_E_FORMAT, "found: object");
    refused(rt, NULL, file("b17.csv", "model,item,score\na,0,1\na,0,1\n"), DSB_E_DATA,
            "row 2: model 'a' has item 0 twice");
    refused(rt, labels, file("b12.json", "[[0.2, 0.8], [1, 0], [0.5]]"), DSB_E_SHAPE, "item 2");
    refused(rt, file("bad_l2.txt", "0\n1\n2\n"),
            file("b13.json", "[[0.2, 0.8], [1, 0], [0.5, 0.5]]"), DSB_E_DATA,
            "label of item 2 is 2");
    refused(rt, in_folder("not there"), in_folder("b1.json"), DSB_E_NOTFOUND, "not there");
    refused(rt, NULL, file("b14.csv", "m\n0.5\nnan\n"), DSB_E_DATA, "item 1");
    mkdir(in_folder("empty"), 0777);
    refused(rt, labels, in_folder("empty"), DSB_E_DATA, "no files");
    dsb_shift *s = make_shift(rt);
    ck_assert_fails(dsb_shift_run(s, NULL, NULL), DSB_E_STATE, "nothing to compare");
    ck_assert_ok(dsb_shift_add_set(s, "x", labels, file("m1.json", "[0, 1, 1]")));
    ck_assert_fails(dsb_shift_add_set(s, "x", labels, in_folder("m1.json")), DSB_E_DATA,
                    "two sets");
    ck_assert_ok(dsb_shift_add_set(s, "y", labels, file("m2.json", "[0, 1, 1]")));
    ck_assert_fails(dsb_shift_run(s, NULL, NULL), DSB_E_DATA, "no model is in both");
    ck_assert_fails(dsb_shift_add_groups(s, file("g.json", "{\"x\": {\"dup\": [7]}}")), DSB_E_DATA,
                    "item 7");
    dsb_shift_free(s);
    s = make_shift(rt);
    ck_assert_fails(
        dsb_shift_add_table(s, file("t1.csv", "model,orig,new\na,50,140\n"), NULL, NULL, 0, NULL),
        DSB_E_DATA, "row 1, 'new'");
    ck_assert_fails(dsb_shift_add_table(s, file("t2.csv", "model,orig,new\na,50,\"1,5\"\n"), NULL,
                                        NULL, 0, NULL),
                    DSB_E_DATA, "column 'new' is not numbers: row 1 holds '1,5'");
    ck_assert_fails(dsb_shift_add_table(s, file("t3.csv", "model,orig,new\na,50,40\n"), NULL, NULL,
                                        0, file("sizes.json", "{\"orig\": -3}")),
                    DSB_E_DATA, "sizes.json: 'orig'");
    dsb_shift_free(s);
    ck_assert_uint_eq(dsb_runtime_memory(rt), before);
    dsb_runtime_free(rt);
}
END_TEST

/* Ten classes that everything knows, and one label 12; class names that say how many there are. */
START_TEST(labels_out_of_range_are_refused)
{
    enum { N = 200 };
    dsb_runtime *rt = make_runtime(1);
    uint32_t labels[N], predicted[N];
    for (uint32_t i = 0; i < N; i++)
        labels[i] = predicted[i] = i % 10;
    dsb_shift *s = make_shift(rt);
    ck_assert_ok(dsb_shift_add_labels(s, "old", labels, N));
    labels[7] = 12;
    ck_assert_ok(dsb_shift_add_labels(s, "new", labels, N));
    for (uint64_t set = 0; set < 2; set++)
        ck_assert_ok(dsb_shift_add_predictions(s, set, "a", predicted, N));
    ck_assert_fails(dsb_shift_run(s, NULL, NULL), DSB_E_DATA, "new: label of item 7 is 12");
    dsb_shift_free(s);
    dsb_shift_opts opts;
    dsb_shift_opts_init(&opts, sizeof opts);
    opts.class_names = "cat,dog";
    ck_assert_ok(dsb_shift_create(rt, &s, &opts));
    ck_assert_fails(dsb_shift_add_set(s, "x", file("range_l.txt", "0\n1\n2\n"), "none"), DSB_E_DATA,
                    "range_l.txt: item 2: class 2, but there are 2 class names");
    dsb_shift_free(s);
    dsb_runtime_free(rt);
}
END_TEST

/* Logits from memory are the same as their probabilities from a file. */
START_TEST(scores_of_all_classes)
{
    enum { N = 60, K = 3 };
    dsb_runtime *rt = make_runtime(1);
    float logits[N * K];
    uint32_t labels[N];
    FILE *f = fopen(in_folder("rows.json"), "w");
    ck_assert_ptr_nonnull(f);
    for (uint32_t i = 0; i < N; i++) {
        double sum = 0;
        labels[i] = i % K;
        for (uint32_t c = 0; c < K; c++) {
            logits[i * K + c] = (float)((i * 7 + c * 5) % 11) / 4 + (c == labels[i] ? 1.5f : 0.0f);
            sum += exp((double)logits[i * K + c]);
        }
        fprintf(f, "%s[", i ? "," : "{\"net\":[");
        for (uint32_t c = 0; c < K; c++)
            fprintf(f, "%s%.17g", c ? "," : "", exp((double)logits[i * K + c]) / sum);
        fputs("]", f);
    }
    fputs("]}", f);
    fclose(f);
    dsbi_json *docs[2];
    for (int way = 0; way < 2; way++) {
        dsb_shift *s = make_shift(rt);
        char text[N * 2 + 1] = "";
        for (uint32_t i = 0; i < N; i++)
            snprintf(text + 2 * i, 3, "%u\n", labels[i]);
        const char *path = file("rows.txt", text);
        for (uint64_t set = 0; set < 2; set++) {
            const char *name = set ? "new" : "old";
            if (way) {
                ck_assert_ok(dsb_shift_add_labels(s, name, labels, N));
                ck_assert_ok(dsb_shift_add_logits(s, set, "net", logits, N, K));
            } else {
                ck_assert_ok(dsb_shift_add_set(s, name, path, in_folder("rows.json")));
            }
        }
        ck_assert_fails(dsb_shift_add_logits(s, 0, "short", logits, N - 1, K), DSB_E_SHAPE,
                        "59 rows");
        ck_assert_fails(dsb_shift_add_logits(s, 0, "narrow", logits, N, 2), DSB_E_DATA,
                        "label of item 2 is 2");
        docs[way] = record_of(rt, s);
        dsb_shift_free(s);
    }
    static const char *const keys[] = {"mean_confidence", "ece", "brier", "nll"};
    for (int k = 0; k < 4; k++)
        ck_assert_double_eq_tol(number(docs[0], "calibration", "new", keys[k]),
                                number(docs[1], "calibration", "new", keys[k]), 1e-6);
    ck_assert(number(docs[0], "calibration", "temperature", NULL) > 0.1);
    ck_assert(isfinite(number(docs[1], "label_shift", "em", "temperature")));
    for (int way = 0; way < 2; way++)
        dsbi_json_free(docs[way]);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(groups_are_evaluated_apart)
{
    dsb_runtime *rt = make_runtime(1);
    dsb_shift *s = make_shift(rt);
    const uint32_t labels[] = {0, 1, 0, 1}, a[] = {0, 1, 1, 1};
    for (int i = 0; i < 2; i++) {
        ck_assert_ok(dsb_shift_add_labels(s, i ? "new" : "old", labels, 4));
        ck_assert_ok(dsb_shift_add_predictions(s, (uint64_t)i, "a", a, 4));
    }
    ck_assert_ok(
        dsb_shift_add_groups(s, file("groups.csv", "set,group,item\nold,dup,0\nold,dup,1\n")));
    dsbi_json *doc = record_of(rt, s);
    ck_assert(number(doc, "groups", "mean_inside", NULL) == 1);
    ck_assert(number(doc, "groups", "mean_outside", NULL) == 0.5);
    dsbi_json_free(doc);
    dsb_shift_free(s);
    dsb_runtime_free(rt);
}
END_TEST

/* An allocator that fails from call `left` on. */
typedef struct scarce {
    int64_t left;
    int64_t held;
} scarce;

static void *scarce_alloc(void *user, size_t size, size_t alignment)
{
    scarce *s = user;
    void *memory = NULL;
    if (s->left-- <= 0 || posix_memalign(&memory, alignment < 16 ? 16 : alignment, size) != 0)
        return NULL;
    s->held++;
    return memory;
}

static void scarce_free(void *user, void *memory)
{
    scarce *s = user;
    s->held -= memory != NULL;
    free(memory);
}

static dsb_status whole_run(dsb_runtime *rt, const char *old, const char *fresh, const char *table)
{
    dsb_shift_opts opts;
    dsb_shift *s = NULL;
    char *html = NULL, *csv = NULL;
    size_t size = 0;
    dsb_shift_opts_init(&opts, sizeof opts);
    opts.n_bootstrap = 10;
    opts.n_image_bootstrap = 10;
    opts.baseline = ".";
    opts.class_names = "cat,dog";
    dsb_status status = dsb_shift_create(rt, &s, &opts);
    if (status == DSB_OK)
        status = dsb_shift_add_set(s, "old", NULL, old);
    if (status == DSB_OK)
        status = dsb_shift_add_set(s, "new", NULL, fresh);
    if (status == DSB_OK)
        status = dsb_shift_add_table(s, table, NULL, NULL, 0, NULL);
    if (status == DSB_OK)
        status = dsb_shift_run(s, NULL, NULL);
    const char *json = status == DSB_OK ? dsb_shift_json(s, &size) : NULL;
    if (status == DSB_OK)
        status = dsb_shift_csv(rt, &csv, NULL, json, size, "models");
    if (status == DSB_OK)
        status = dsb_report_shift_html(rt, &html, NULL, json, size);
    dsb_shift_text_free(rt, csv);
    dsb_report_free(rt, html);
    dsb_shift_free(s);
    return status;
}

START_TEST(every_allocation_may_fail)
{
    const char *old = file("f1.csv", "label,a,b,c\n0,0,0,1\n1,1,0,1\n1,1,1,1\n0,0,0,0\n0,1,0,0\n");
    const char *fresh =
        file("f2.csv", "label,a,b,c\n0,0,0,1\n1,0,0,1\n1,1,0,1\n0,0,0,0\n0,1,1,0\n");
    const char *table = file("f3.csv", "model,type,orig,new\nd,X,0.7,0.5\ne,X,0.8,0.6\n");
    scarce memory = {INT64_MAX, 0};
    dsb_runtime_opts opts;
    dsb_runtime_opts_init(&opts, sizeof opts);
    opts.n_threads = 1;
    opts.alloc = scarce_alloc;
    opts.free = scarce_free;
    opts.alloc_user = &memory;
    dsb_runtime *rt;
    ck_assert_ok(dsb_runtime_create(&rt, &opts));
    int64_t held = memory.held;
    ck_assert_ok(whole_run(rt, old, fresh, table));
    int64_t kept = memory.held; /* scratch of the runtime may stay */
    dsb_status status = DSB_E_NOMEM;
    int64_t n = 0;
    for (; status != DSB_OK; n++) {
        memory.left = n;
        status = whole_run(rt, old, fresh, table);
        memory.left = INT64_MAX;
        ck_assert_msg(status == DSB_OK || status == DSB_E_NOMEM, "allocation %d: %s: %s", (int)n,
                      dsb_status_name(status), dsb_last_error());
        ck_assert_msg(status == DSB_OK || *dsb_last_error(), "allocation %d: no sentence", (int)n);
        ck_assert_msg(memory.held >= held && memory.held <= kept, "allocation %d: %d blocks leak",
                      (int)n, (int)(memory.held - kept));
    }
    ck_assert_int_gt((int)n, 100);
    dsb_runtime_free(rt);
    ck_assert(memory.held == 0);
}
END_TEST

int main(void)
{
    snprintf(folder, sizeof folder, "/tmp/dsbias_shift_XXXXXX");
    if (!mkdtemp(folder))
        return 1;
    int failed = run_tests("shift", every_form_gives_the_same, tables_with_holes,
                           scores_and_a_single_model, wrong_class_order_is_named,
                           results_do_not_depend_on_threads, bad_input_is_told_with_file_and_place,
                           labels_out_of_range_are_refused, scores_of_all_classes,
                           groups_are_evaluated_apart, every_allocation_may_fail, NULL);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) == 0 ? failed : 1;
}
