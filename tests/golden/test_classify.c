/* The whole task on built-in data: numbers right by construction, bits independent of threads,
 * replay, refusals, stopping. */
#include "testing.h"

#include <math.h>
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "dsbias/bias.h"

static const char *const cameras[] = {"synthetic:phone?n=120", "synthetic:webcam?n=120",
                                      "synthetic:scanner?n=120"};
/* one camera, three ranges of scenes: no difference but chance */
static const char *const same[] = {"a=synthetic:phone?n=150&offset=0",
                                   "b=synthetic:phone?n=150&offset=1000",
                                   "c=synthetic:phone?n=150&offset=2000"};

static dsb_bias_result *classify(dsb_runtime *rt, const char *const *specs, size_t n,
                                 dsb_bias_opts *opts)
{
    dsb_bias_result *result;
    ck_assert_ok(dsb_bias_classify(rt, &result, specs, n, opts, NULL, NULL));
    return result;
}

static dsb_bias_opts small_opts(const char *model)
{
    dsb_bias_opts opts;
    dsb_bias_opts_init(&opts, sizeof opts);
    opts.model = model;
    opts.size = 32;
    opts.seed = 3;
    opts.n_examples = 1;
    return opts;
}

START_TEST(cameras_are_told_apart_and_pseudo_sets_are_not)
{
    dsb_runtime *rt = make_runtime(2);
    dsb_bias_opts opts = small_opts("patches");
    opts.time_limit_s = 5; /* few filters */
    dsb_bias_result *result = classify(rt, cameras, 3, &opts);
    dsb_bias_summary s;
    dsb_bias_summary_init(&s, sizeof s);
    ck_assert_ok(dsb_bias_result_summary(result, &s));
    ck_assert_str_eq(s.headline, "patches");
    ck_assert_uint_eq(s.n_test, 72);
    ck_assert_double_ge(s.accuracy, 0.9);
    ck_assert(s.ci95_lo < s.accuracy && s.accuracy <= s.ci95_hi);
    ck_assert_double_lt(s.p_value, 1e-6);
    ck_assert_str_eq(s.verdict, "strong");
    ck_assert(s.null_lo <= 1.0 / 3 && 1.0 / 3 <= s.null_hi);
    dsb_bias_result_free(result);

    result = classify(rt, same, 3, &opts);
    ck_assert_ok(dsb_bias_result_summary(result, &s));
    ck_assert(s.ci95_lo <= 1.0 / 3);
    ck_assert_str_ne(s.verdict, "strong");
    ck_assert_str_ne(s.verdict, "clear");
    dsb_bias_result_free(result);
    dsb_runtime_free(rt);
}
END_TEST

static char *read_text(dsb_runtime *rt, const char *folder, const char *name)
{
    char path[512];
    uint8_t *bytes;
    size_t size;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    ck_assert_ok(dsbi_file_read(rt, &bytes, &size, path, 100 << 20));
    return (char *)bytes;
}

static size_t file_size(const char *folder, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    fclose(file);
    return (size_t)size;
}

START_TEST(threads_change_no_bit_and_seeds_do)
{
    char folders[3][64];
    for (int i = 0; i < 3; i++) {
        snprintf(folders[i], sizeof folders[i], "/tmp/dsbias-test-%d-%d", (int)getpid(), i);
        dsb_runtime *rt = make_runtime(i == 1 ? 3 : 1);
        dsb_bias_opts opts = small_opts("convnext_7k");
        opts.epochs = 2;
        opts.seed = i == 2 ? 4 : 3;
        dsb_bias_result *result = classify(rt, cameras, 2, &opts);
        ck_assert_ok(dsb_bias_result_write(result, folders[i]));
        dsb_bias_result_free(result);
        dsb_runtime_free(rt);
    }
    dsb_runtime *rt = make_runtime(1);
    const char *const names[] = {"model.safetensors", "scores.csv"};
    for (int k = 0; k < 2; k++) {
        char *a = read_text(rt, folders[0], names[k]), *b = read_text(rt, folders[1], names[k]);
        char *c = read_text(rt, folders[2], names[k]);
        size_t size = file_size(folders[0], names[k]);
        ck_assert_uint_eq(size, file_size(folders[1], names[k]));
        ck_assert_mem_eq(a, b, size);
        ck_assert(size != file_size(folders[2], names[k]) || memcmp(a, c, size) != 0);
        dsbi_free(rt, a);
        dsbi_free(rt, b);
        dsbi_free(rt, c);
    }
    dsb_runtime_free(rt);
    for (int i = 0; i < 3; i++) {
        char command[256];
        snprintf(command, sizeof command, "rm -r %s", folders[i]);
        ck_assert_int_eq(system(command), 0);
    }
}
END_TEST

/* probabilities of the examples etc. may not differ: compare the headline numbers of both records
 */
START_TEST(replay_repeats_and_notices_other_data)
{
    dsb_runtime *rt = make_runtime(2);
    dsb_bias_opts opts = small_opts("meancolor");
    dsb_bias_result *first = classify(rt, cameras, 2, &opts);
    dsb_bias_opts again;
    dsb_bias_opts_init(&again, sizeof again);
    again.replay = dsb_bias_result_json(first);
    dsb_bias_result *second = classify(rt, cameras, 2, &again);
    dsb_bias_summary a, b;
    dsb_bias_summary_init(&a, sizeof a);
    dsb_bias_summary_init(&b, sizeof b);
    ck_assert_ok(dsb_bias_result_summary(first, &a));
    ck_assert_ok(dsb_bias_result_summary(second, &b));
    ck_assert_uint_eq(a.correct, b.correct);
    ck_assert_uint_eq(a.n_test, b.n_test);
    ck_assert(a.null_accuracy == b.null_accuracy);
    dsb_bias_result_free(second);
    const char *const others[] = {"synthetic:phone?n=120&seed=9", "synthetic:webcam?n=120"};
    ck_assert_fails(dsb_bias_classify(rt, &second, others, 2, &again, NULL, NULL), DSB_E_DATA,
                    "phone");
    ck_assert_ptr_null(second);
    again.replay = "{\"record\": 3}";
    ck_assert_fails(dsb_bias_classify(rt, &second, cameras, 2, &again, NULL, NULL), DSB_E_FORMAT,
                    "record");
    dsb_bias_result_free(first);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(the_record_is_json_with_what_the_schema_promises)
{
    dsb_runtime *rt = make_runtime(2);
    dsb_bias_opts opts = small_opts("meancolor");
    dsb_bias_result *result = classify(rt, cameras, 2, &opts);
    const char *text = dsb_bias_result_json(result);
    dsbi_json *doc;
    ck_assert_ok(dsbi_json_parse(rt, &doc, text, strlen(text)));
    const dsbi_json_value *root = dsbi_json_root(doc);
    const char *const members[] = {"accuracy", "correct",      "n_test",    "ci95",
                                   "chance",   "p_value",      "confusion", "datasets",
                                   "rungs",    "null_control", "record"};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        ck_assert_msg(dsbi_json_get(root, members[i]) != NULL, "no %s", members[i]);
    const dsbi_json_value *row = dsbi_json_first(dsbi_json_get(root, "confusion"));
    uint64_t total = 0, n_test = 0;
    for (; row; row = dsbi_json_next(row))
        for (const dsbi_json_value *cell = dsbi_json_first(row); cell;
             cell = dsbi_json_next(cell)) {
            uint64_t count;
            ck_assert(dsbi_json_uint64(cell, &count));
            total += count;
        }
    ck_assert(dsbi_json_uint64(dsbi_json_get(root, "n_test"), &n_test));
    ck_assert_uint_eq(total, n_test);
    dsbi_json_free(doc);
    dsb_bias_result_free(result);
    dsb_runtime_free(rt);
}
END_TEST

static int32_t stop_in_patches(void *user, const dsb_event *event)
{
    (void)user;
    return strcmp(event->stage, "patches") == 0;
}

START_TEST(stopping_keeps_what_is_known)
{
    dsb_runtime *rt = make_runtime(2);
    dsb_bias_opts opts = small_opts("auto");
    opts.time_limit_s = 6000; /* so that patches are planned however slow the machine */
    dsb_bias_result *result;
    ck_assert_fails(dsb_bias_classify(rt, &result, cameras, 2, &opts, stop_in_patches, NULL),
                    DSB_E_CANCELLED, "patches");
    ck_assert_ptr_nonnull(result);
    dsb_bias_summary s;
    dsb_bias_summary_init(&s, sizeof s);
    ck_assert_ok(dsb_bias_result_summary(result, &s));
    ck_assert_str_eq(s.headline, "meancolor");
    ck_assert(isnan(s.null_accuracy));
    dsb_bias_result_free(result);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(nonsense_is_refused)
{
    dsb_runtime *rt = make_runtime(1);
    dsb_bias_result *result;
    dsb_bias_opts opts = small_opts("no_such_model");
    ck_assert_fails(dsb_bias_classify(rt, &result, cameras, 2, &opts, NULL, NULL), DSB_E_NOTFOUND,
                    "no_such_model");
    opts = small_opts("auto");
    ck_assert_fails(dsb_bias_classify(rt, &result, cameras, 1, &opts, NULL, NULL), DSB_E_INVALID,
                    "2 to");
    opts.size = 3;
    ck_assert_fails(dsb_bias_classify(rt, &result, cameras, 2, &opts, NULL, NULL), DSB_E_INVALID,
                    "size");
    opts = small_opts("auto");
    opts.time_limit_s = NAN;
    ck_assert_fails(dsb_bias_classify(rt, &result, cameras, 2, &opts, NULL, NULL), DSB_E_INVALID,
                    "time_limit_s");
    const char *const twice[] = {"synthetic:phone?n=30", "synthetic:phone?n=30&offset=50"};
    ck_assert_fails(dsb_bias_classify(rt, &result, twice, 2, NULL, NULL, NULL), DSB_E_INVALID,
                    "phone");
    const char *const absent[] = {"synthetic:phone?n=30", "/no/such/folder"};
    ck_assert_fails(dsb_bias_classify(rt, &result, absent, 2, NULL, NULL, NULL), DSB_E_NOTFOUND,
                    "/no/such/folder");
    const char *const few[] = {"synthetic:phone?n=30", "synthetic:webcam?n=2"};
    ck_assert_fails(dsb_bias_classify(rt, &result, few, 2, NULL, NULL, NULL), DSB_E_DATA, "webcam");
    ck_assert_ptr_null(result);
    dsb_runtime_free(rt);
}
END_TEST

/* Six test images answer nothing, and the verdict says so. */
START_TEST(small_test_sets_get_no_verdict)
{
    dsb_runtime *rt = make_runtime(1);
    dsb_bias_opts opts = small_opts("meancolor");
    opts.null_control = 0;
    const char *const tiny[] = {"a=synthetic:phone?n=15&offset=0",
                                "b=synthetic:phone?n=15&offset=500"};
    dsb_bias_result *result = classify(rt, tiny, 2, &opts);
    dsb_bias_summary s;
    dsb_bias_summary_init(&s, sizeof s);
    ck_assert_ok(dsb_bias_result_summary(result, &s));
    ck_assert_str_eq(s.verdict, "too_small");
    dsb_bias_result_free(result);
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    return run_tests("classify", cameras_are_told_apart_and_pseudo_sets_are_not,
                     threads_change_no_bit_and_seeds_do, replay_repeats_and_notices_other_data,
                     the_record_is_json_with_what_the_schema_promises, stopping_keeps_what_is_known,
                     nonsense_is_refused, small_test_sets_get_no_verdict, NULL);
}
