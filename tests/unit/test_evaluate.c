/* Evaluation over collections with labels and with class folders; what it writes; arrays for NumPy.
 */
#include "testing.h"

#include <math.h>
#include <sys/stat.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/npy_write.h"
#include "dsbias/dsbias.h"

enum { SIDE = 32, N = 40, CLASSES = 4 };

static char folder[64];

static const char *in_folder(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void make_folder(void)
{
    strcpy(folder, "/tmp/dsbias_test_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

static uint8_t pixel(size_t i, size_t k)
{
    return (uint8_t)((k * 37 + i * 101 + k * i % 13) & 255);
}

static void fill_image(uint8_t *out, size_t i)
{
    for (size_t k = 0; k < SIDE * SIDE * 3; k++)
        out[k] = pixel(i, k);
}

static void write_text(dsb_runtime *rt, const char *name, const char *text)
{
    ck_assert_ok(dsbi_file_write_atomic(rt, in_folder(name), text, strlen(text)));
}

/* CIFAR records: a label, three planes. */
static void write_cifar(dsb_runtime *rt)
{
    enum { RECORD = 1 + SIDE * SIDE * 3 };
    uint8_t *bytes = calloc(N, RECORD), image[SIDE * SIDE * 3];
    for (size_t i = 0; i < N; i++) {
        fill_image(image, i);
        bytes[i * RECORD] = (uint8_t)(i % CLASSES);
        for (size_t p = 0; p < SIDE * SIDE; p++)
            for (size_t c = 0; c < 3; c++)
                bytes[i * RECORD + 1 + c * SIDE * SIDE + p] = image[3 * p + c];
    }
    ck_assert_ok(dsbi_file_write_atomic(rt, in_folder("test_batch.bin"), bytes, N * RECORD));
    free(bytes);
}

static void write_png(dsb_runtime *rt, const char *class_name, size_t i, uint32_t side)
{
    uint8_t *pixels = malloc((size_t)side * side * 3);
    for (size_t k = 0; k < (size_t)side * side * 3; k++)
        pixels[k] = pixel(i, k);
    dsb_image *image;
    char name[128];
    ck_assert_ok(dsbi_make_dirs(rt, in_folder(class_name)));
    ck_assert_ok(dsb_image_create(rt, &image, pixels, side, side));
    snprintf(name, sizeof name, "%s/%03zu.png", class_name, i);
    ck_assert_ok(dsb_image_save_png(image, in_folder(name)));
    dsb_image_free(image);
    free(pixels);
}

static dsb_model *make_model(dsb_runtime *rt, uint32_t n_classes)
{
    dsb_model_opts opts;
    dsb_model_opts_init(&opts, sizeof opts);
    opts.n_classes = n_classes;
    opts.height = opts.width = SIDE;
    opts.seed = 3;
    dsb_model *model;
    ck_assert_ok(
        dsb_model_create(rt, &model, "convnext:depths=1-1-1-1,dims=4-4-4-4,layer_scale=1", &opts));
    /* fresh heads score everything alike: make the scores differ */
    const uint64_t head = dsb_model_param_count(model) - 2;
    float *weights = calloc(4 * n_classes, sizeof *weights);
    for (size_t i = 0; i < 4 * n_classes; i++)
        weights[i] = (float)((i * 7 + i / 4) % 5) - 2;
    ck_assert_ok(dsb_model_param_set(model, head, weights, 4 * n_classes));
    free(weights);
    return model;
}

static dsb_dataset *open_data(dsb_runtime *rt, const char *spec)
{
    dsb_dataset *data;
    ck_assert_ok(dsb_dataset_open(rt, &data, spec, NULL, NULL, NULL));
    return data;
}

START_TEST(figures_follow_from_the_scores)
{
    dsb_runtime *rt = make_runtime(2);
    make_folder();
    write_cifar(rt);
    dsb_model *model = make_model(rt, 10);
    dsb_dataset *data = open_data(rt, in_folder("test_batch.bin"));
    dsb_eval_opts opts;
    dsb_eval_opts_init(&opts, sizeof opts);
    opts.batch_size = 7;
    dsb_eval *eval;
    ck_assert_ok(dsb_eval_run(rt, &eval, model, data, &opts, NULL, NULL));
    ck_assert_uint_eq(dsb_eval_count(eval), N);
    ck_assert_uint_eq(dsb_eval_outputs(eval), 10);
    uint8_t *images = malloc(N * SIDE * SIDE * 3);
    float *logits = malloc(N * 10 * sizeof *logits);
    for (size_t i = 0; i < N; i++)
        fill_image(images + i * SIDE * SIDE * 3, i);
    ck_assert_ok(dsb_model_predict(model, logits, images, N));
    ck_assert_mem_eq(logits, dsb_eval_logits(eval), N * 10 * sizeof *logits);
    uint64_t correct = 0, top5 = 0, counted = 0;
    double loss = 0;
    for (size_t i = 0; i < N; i++) {
        const size_t label = i % CLASSES;
        const float *row = logits + 10 * i;
        size_t best = 0, above = 0;
        double sum = 0;
        for (size_t c = 0; c < 10; c++) {
            best = row[c] > row[best] ? c : best;
            above += row[c] > row[label];
            sum += exp((double)row[c]);
        }
        correct += best == label;
        top5 += above < 5;
        loss += log(sum) - (double)row[label];
        ck_assert_int_eq(dsb_eval_labels(eval)[i], (int64_t)label);
        ck_assert_int_eq(dsb_eval_predictions(eval)[i], (int64_t)best);
    }
    for (size_t i = 0; i < 100; i++)
        counted += dsb_eval_confusion(eval)[i];
    dsb_eval_figures f = {.struct_size = sizeof f};
    ck_assert_ok(dsb_eval_figures_get(eval, &f));
    ck_assert_uint_eq(f.n, N);
    ck_assert_uint_eq(counted, N);
    ck_assert_uint_eq(f.correct, correct);
    ck_assert_uint_eq(f.correct_top5, top5);
    ck_assert(correct > 0 && correct < N && top5 < N);
    ck_assert(fabs(f.loss - loss / N) < 1e-6);
    double ci[2];
    ck_assert_ok(dsb_stats_wilson(ci, correct, N, 0.05));
    ck_assert(f.ci95[0] == ci[0] && f.ci95[1] == ci[1]);
    ck_assert_ptr_nonnull(strstr(dsb_eval_json(eval), "\"schema\": \"dsbias.eval/1\""));
    ck_assert_str_eq(dsb_eval_class_name(eval, 9), "truck");
    ck_assert_ptr_null(dsb_eval_class_name(eval, 10));
    free(images);
    free(logits);
    dsb_eval_free(eval);
    dsb_dataset_free(data);
    dsb_model_free(model);
    remove_folder();
    dsb_runtime_free(rt);
}
END_TEST

static dsb_status run_on(dsb_runtime *rt, dsb_eval **eval, dsb_model *model, const char *spec,
                         const char *const *classes)
{
    dsb_dataset *data = open_data(rt, spec);
    dsb_eval_opts opts;
    dsb_eval_opts_init(&opts, sizeof opts);
    opts.classes = classes;
    const dsb_status status = dsb_eval_run(rt, eval, model, data, &opts, NULL, NULL);
    dsb_dataset_free(data);
    return status;
}

START_TEST(folders_are_outputs_in_order)
{
    dsb_runtime *rt = make_runtime(1);
    dsb_model *three = make_model(rt, 3), *twelve = make_model(rt, 12);
    dsb_eval *eval;
    make_folder();
    static const char *const names[] = {"zebra", "ant", "moth"};
    for (size_t i = 0; i < 6; i++)
        write_png(rt, names[i % 3], i, i == 0 ? 48 : SIDE);
    ck_assert_ok(run_on(rt, &eval, three, folder, NULL));
    ck_assert_str_eq(dsb_eval_class_name(eval, 0), "ant");
    ck_assert_str_eq(dsb_eval_class_name(eval, 2), "zebra");
    ck_assert_int_eq(dsb_eval_labels(eval)[0], 0); /* ant/001.png comes first */
    dsb_eval_free(eval);
    ck_assert_fails(run_on(rt, &eval, twelve, folder, NULL), DSB_E_DATA,
                    "3 class folders for 12 outputs");
    ck_assert_ptr_null(eval);
    static const char *const listed[] = {"moth", "zebra", "ant"}, *const lacking[] = {"a", "b",
                                                                                      "c"};
    ck_assert_ok(run_on(rt, &eval, three, folder, listed));
    ck_assert_int_eq(dsb_eval_labels(eval)[0], 2);
    dsb_eval_free(eval);
    ck_assert_fails(run_on(rt, &eval, three, folder, lacking), DSB_E_NOTFOUND,
                    "is not among the 3 names");
    remove_folder();
    make_folder();
    static const char *const numbers[] = {"10", "9", "2"}; /* as text 10 comes before 2 */
    for (size_t i = 0; i < 6; i++)
        write_png(rt, numbers[i % 3], i, SIDE);
    ck_assert_ok(run_on(rt, &eval, twelve, folder, NULL));
    ck_assert_int_eq(dsb_eval_labels(eval)[0], 10);
    ck_assert_int_eq(dsb_eval_labels(eval)[5], 9);
    dsb_eval_free(eval);
    ck_assert_ok(run_on(rt, &eval, three, folder, NULL)); /* as many as outputs: by value */
    ck_assert_int_eq(dsb_eval_labels(eval)[0], 2);
    dsb_eval_free(eval);
    remove_folder();
    dsb_model_free(three);
    dsb_model_free(twelve);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(larger_images_lose_their_borders)
{
    dsb_runtime *rt = make_runtime(1);
    dsb_model *model = make_model(rt, 1);
    uint8_t pixels[40 * 50 * 3], prepared[SIDE * SIDE * 3];
    for (size_t k = 0; k < sizeof pixels; k++)
        pixels[k] = pixel(1, k);
    dsb_image *image, *resized;
    make_folder();
    ck_assert_ok(dsbi_make_dirs(rt, in_folder("a")));
    ck_assert_ok(dsb_image_create(rt, &image, pixels, 50, 40));
    ck_assert_ok(dsb_image_save_png(image, in_folder("a/0.png")));
    /* shorter side to 36, longer to 45; the middle: offsets 2 and round(6.5) = 6 */
    ck_assert_ok(dsb_image_resize(image, &resized, 45, 36, NULL, DSB_FILTER_BILINEAR));
    for (size_t y = 0; y < SIDE; y++)
        memcpy(prepared + y * SIDE * 3, dsb_image_pixels(resized) + ((y + 2) * 45 + 6) * 3,
               (size_t)SIDE * 3);
    float logit;
    ck_assert_ok(dsb_model_predict(model, &logit, prepared, 1));
    dsb_dataset *data = open_data(rt, folder);
    dsb_eval_opts opts;
    dsb_eval_opts_init(&opts, sizeof opts);
    opts.resize = 36;
    opts.filter = DSB_FILTER_BILINEAR;
    dsb_eval *eval;
    ck_assert_ok(dsb_eval_run(rt, &eval, model, data, &opts, NULL, NULL));
    ck_assert(dsb_eval_logits(eval)[0] == logit);
    dsb_eval_free(eval);
    opts.resize = 31;
    ck_assert_fails(dsb_eval_run(rt, &eval, model, data, &opts, NULL, NULL), DSB_E_INVALID,
                    "resize is 31");
    dsb_dataset_free(data);
    dsb_image_free(image);
    dsb_image_free(resized);
    dsb_model_free(model);
    remove_folder();
    dsb_runtime_free(rt);
}
END_TEST

/* A file that goes bad behind the index is counted, not fatal. */
START_TEST(images_that_fail_are_left_out)
{
    dsb_runtime *rt = make_runtime(2);
    dsb_model *model = make_model(rt, 2);
    make_folder();
    for (size_t i = 0; i < 6; i++)
        write_png(rt, i % 2 ? "b" : "a", i, SIDE);
    dsb_dataset *data = open_data(rt, folder);
    write_text(rt, "a/002.png", "no image");
    dsb_eval *eval;
    ck_assert_ok(dsb_eval_run(rt, &eval, model, data, NULL, NULL, NULL));
    dsb_eval_figures f = {.struct_size = sizeof f};
    ck_assert_ok(dsb_eval_figures_get(eval, &f));
    ck_assert_uint_eq(f.n, 5);
    ck_assert_uint_eq(f.n_failed, 1);
    ck_assert_int_eq(dsb_eval_predictions(eval)[1], -1);
    ck_assert(isnan(dsb_eval_logits(eval)[2]));
    ck_assert_ok(dsb_eval_write(eval, in_folder("out/deep")));
    static const char *const written[] = {"logits.npy",      "predictions.npy",  "labels.npy",
                                          "predictions.csv", "predictions.json", "confusion.csv",
                                          "eval.json"};
    for (size_t i = 0; i < sizeof written / sizeof written[0]; i++) {
        char name[64];
        snprintf(name, sizeof name, "out/deep/%s", written[i]);
        ck_assert_msg(access(in_folder(name), R_OK) == 0, "%s is not there", name);
    }
    uint8_t *text;
    size_t size;
    ck_assert_ok(dsbi_file_read(rt, &text, &size, in_folder("out/deep/predictions.csv"), 1 << 20));
    ck_assert_ptr_null(strstr((char *)text, "002.png"));
    ck_assert_ptr_nonnull(strstr((char *)text, "b/001.png,b,"));
    dsbi_free(rt, text);
    double *values;
    uint64_t n, width;
    ck_assert_ok(dsb_shift_read_matrix(rt, &values, &n, &width, in_folder("out/deep/logits.npy")));
    ck_assert_uint_eq(n, 6);
    ck_assert_uint_eq(width, 2);
    ck_assert((float)values[10] == dsb_eval_logits(eval)[10]);
    dsb_shift_values_free(rt, values);
    dsb_eval_free(eval);
    dsb_dataset_free(data);
    dsb_model_free(model);
    remove_folder();
    dsb_runtime_free(rt);
}
END_TEST

static int32_t stop_at(void *user, const dsb_event *event)
{
    return event->done >= *(const uint64_t *)user;
}

/* What was scored before the stop is the same as of a whole run; the rest is marked. */
static void check_stopped(dsb_runtime *rt, dsb_model *model, const dsb_dataset *data)
{
    dsb_eval_opts opts;
    dsb_eval_opts_init(&opts, sizeof opts);
    opts.batch_size = 7;
    dsb_eval *part, *whole;
    uint64_t limit = 10, right = 0;
    ck_assert_ok(dsb_eval_run(rt, &whole, model, data, &opts, NULL, NULL));
    ck_assert_fails(dsb_eval_run(rt, &part, model, data, &opts, stop_at, &limit), DSB_E_CANCELLED,
                    "after 14 of 40 images");
    ck_assert_ptr_nonnull(part);
    dsb_eval_figures f = {.struct_size = sizeof f};
    ck_assert_ok(dsb_eval_figures_get(part, &f));
    for (size_t i = 0; i < 14; i++)
        right += dsb_eval_predictions(whole)[i] == dsb_eval_labels(whole)[i];
    ck_assert_uint_eq(f.n, 14);
    ck_assert_uint_eq(f.n_failed, 0);
    ck_assert_uint_eq(f.n_left, 26);
    ck_assert_uint_eq(f.correct, right);
    ck_assert(f.accuracy == (double)right / 14 && f.ci95[0] < f.accuracy && f.loss > 0);
    ck_assert_mem_eq(dsb_eval_logits(part), dsb_eval_logits(whole), 14 * 10 * sizeof(float));
    ck_assert(isnan(dsb_eval_logits(part)[140]) && isnan(dsb_eval_logits(part)[399]));
    ck_assert_int_eq(dsb_eval_predictions(part)[14], -1);
    ck_assert_int_eq(dsb_eval_labels(part)[39], -1);
    ck_assert_ptr_nonnull(strstr(dsb_eval_json(part), "\"partial\": true,\n  \"left\": 26,"));
    ck_assert_ptr_nonnull(strstr(dsb_eval_json(whole), "\"partial\": false,"));
    ck_assert_ok(dsb_eval_write(part, in_folder("part")));
    dsb_eval_free(part);
    dsb_eval_free(whole);
}

START_TEST(a_caller_may_stop)
{
    dsb_runtime *rt = make_runtime(1);
    make_folder();
    write_cifar(rt);
    dsb_model *model = make_model(rt, 10);
    dsb_dataset *data = open_data(rt, in_folder("test_batch.bin"));
    dsb_eval *eval;
    check_stopped(rt, model, data);
    const uint64_t head = dsb_model_param_count(model) - 1;
    float bias[10] = {0, NAN};
    ck_assert_ok(dsb_model_param_set(model, head, bias, 10));
    ck_assert_fails(dsb_eval_run(rt, &eval, model, data, NULL, NULL, NULL), DSB_E_NUMERIC,
                    "output 1 is nan");
    dsb_dataset_free(data);
    dsb_model_free(model);
    remove_folder();
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(arrays_are_written_as_numpy_does)
{
    static const char vector[] = "\x93NUMPY\x01\x00v\x00{'descr': '<i8', 'fortran_order': False, "
                                 "'shape': (3,), }",
                      matrix[] = "\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, "
                                 "'shape': (2, 3), }";
    static const int64_t whole[] = {1, -2, 3};
    static const float real[] = {1, 2, 3, 4, 5, 6};
    dsb_runtime *rt = make_runtime(1);
    uint8_t *bytes;
    size_t size;
    make_folder();
    ck_assert_ok(dsbi_npy_write(rt, in_folder("v"), DSBI_NPY_I64, (const size_t[]){3}, 1, whole));
    ck_assert_ok(dsbi_file_read(rt, &bytes, &size, in_folder("v"), 1 << 20));
    ck_assert_uint_eq(size, 128 + sizeof whole);
    ck_assert_mem_eq(bytes, vector, sizeof vector - 1);
    ck_assert_int_eq(bytes[127], '\n');
    ck_assert_int_eq(bytes[126], ' ');
    ck_assert_mem_eq(bytes + 128, whole, sizeof whole);
    dsbi_free(rt, bytes);
    ck_assert_ok(dsbi_npy_write(rt, in_folder("m"), DSBI_NPY_F32, (const size_t[]){2, 3}, 2, real));
    ck_assert_ok(dsbi_file_read(rt, &bytes, &size, in_folder("m"), 1 << 20));
    ck_assert_mem_eq(bytes, matrix, sizeof matrix - 1);
    ck_assert_mem_eq(bytes + 128, real, sizeof real);
    dsbi_free(rt, bytes);
    ck_assert_fails(dsbi_npy_write(rt, "/nowhere/m", DSBI_NPY_F32, (const size_t[]){6}, 1, real),
                    DSB_E_NOTFOUND, "/nowhere/m");
    remove_folder();
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    return run_tests("evaluate", figures_follow_from_the_scores, folders_are_outputs_in_order,
                     larger_images_lose_their_borders, images_that_fail_are_left_out,
                     a_caller_may_stop, arrays_are_written_as_numpy_does, NULL);
}
