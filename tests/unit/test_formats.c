/* Formats that hold pixels: records of CIFAR, arrays of NumPy; their labels and options. */
#include "pictures.h"

#include "data/dataset.h"

static dsb_dataset *open_spec(dsb_runtime *rt, const char *format, ...)
{
    char spec[2048];
    va_list list;
    va_start(list, format);
    vsnprintf(spec, sizeof spec, format, list);
    va_end(list);
    dsb_dataset *dataset;
    ck_assert_ok(dsb_dataset_open(rt, &dataset, spec, NULL, NULL, NULL));
    return dataset;
}

static void refuse_spec(dsb_runtime *rt, dsb_status code, const char *part, const char *format, ...)
{
    char spec[2048];
    va_list list;
    va_start(list, format);
    vsnprintf(spec, sizeof spec, format, list);
    va_end(list);
    dsb_dataset *dataset;
    uint64_t before = dsb_runtime_memory(rt);
    ck_assert_fails(dsb_dataset_open(rt, &dataset, spec, NULL, NULL, NULL), code, part);
    ck_assert_ptr_null(dataset);
    ck_assert_uint_eq(dsb_runtime_memory(rt), before);
}

/* ---- CIFAR ---- */

/* Records whose pixel (x, y) of plane c is 50 c + x + y + record. */
static void write_cifar(dsb_runtime *rt, const char *name, uint32_t n, uint32_t n_labels)
{
    size_t stride = n_labels + 3072;
    uint8_t *bytes = malloc(n * stride);
    for (uint32_t r = 0; r < n; r++) {
        uint8_t *record = bytes + r * stride;
        record[0] = (uint8_t)(r % (n_labels == 1 ? 10 : 20));
        if (n_labels == 2)
            record[1] = (uint8_t)(99 - r);
        for (uint32_t i = 0; i < 3072; i++)
            record[n_labels + i] = (uint8_t)(50 * (i / 1024) + i % 32 + i / 32 % 32 + r);
    }
    write_bytes(rt, name, bytes, n * stride);
    free(bytes);
}

static void check_cifar_image(const dsb_dataset *dataset, uint64_t i, uint32_t record)
{
    dsb_image *image;
    ck_assert_ok(dsb_dataset_image(dataset, i, &image));
    ck_assert_uint_eq(dsb_image_width(image), 32);
    ck_assert_uint_eq(dsb_image_height(image), 32);
    const uint8_t *pixel = dsb_image_pixels(image) + (7 * 32 + 3) * 3; /* y 7, x 3 */
    for (uint32_t c = 0; c < 3; c++)
        ck_assert_uint_eq(pixel[c], 50 * c + 10 + record);
    dsb_image_free(image);
}

START_TEST(cifar_ten_has_its_labels)
{
    dsb_runtime *rt = make_runtime(2);
    uint64_t before = dsb_runtime_memory(rt);
    write_cifar(rt, "ten/data_batch_1.bin", 12, 1);
    write_cifar(rt, "ten/test_batch.bin", 3, 1);
    write_bytes(rt, "ten/readme.html", "<p>", 3);
    dsb_dataset *ten = open_spec(rt, "%s", picture_path("ten"));
    ck_assert_str_eq(dsb_dataset_format(ten), "cifar");
    ck_assert_str_eq(dsb_dataset_name(ten), "ten");
    ck_assert_uint_eq(dsb_dataset_count(ten), 15);
    ck_assert_uint_eq(dsb_dataset_has_labels(ten), 1);
    ck_assert_uint_eq(dsb_dataset_class_count(ten), 10);
    ck_assert_str_eq(dsb_dataset_class_name(ten, 3), "cat");
    ck_assert_uint_eq(dsb_dataset_class(ten, 11), 1);
    ck_assert_uint_eq(dsb_dataset_class(ten, 14), 2);
    ck_assert_str_eq(dsb_dataset_path(ten, 11), "data_batch_1.bin/00011");
    ck_assert_str_eq(dsb_dataset_path(ten, 12), "test_batch.bin/00000");
    check_cifar_image(ten, 11, 11);
    check_cifar_image(ten, 13, 1);
    dsb_image_info info;
    dsb_image_info_init(&info, sizeof info);
    ck_assert_ok(dsb_dataset_info(ten, 0, &info));
    ck_assert_uint_eq(info.format, DSB_FORMAT_PIXELS);
    ck_assert_uint_eq(info.width, 32);
    ck_assert_uint_eq(info.size_bytes, 3072);
    dsb_dataset_free(ten);
    ten = open_spec(rt, "x=%s?split=test", picture_path("ten"));
    ck_assert_str_eq(dsb_dataset_name(ten), "x");
    ck_assert_uint_eq(dsb_dataset_count(ten), 3);
    ck_assert_uint_eq(dsb_dataset_class_count(ten), 10); /* seven without an image */
    dsb_dataset_free(ten);
    ten = open_spec(rt, "%s", picture_path("ten/test_batch.bin"));
    ck_assert_str_eq(dsb_dataset_name(ten), "test_batch.bin");
    ck_assert_str_eq(dsb_dataset_path(ten, 2), "test_batch.bin/00002");
    dsb_dataset_free(ten);
    ck_assert_uint_eq(dsb_runtime_memory(rt), before);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(cifar_hundred_has_two_labels)
{
    dsb_runtime *rt = make_runtime(1);
    write_cifar(rt, "hundred/train.bin", 30, 2);
    write_cifar(rt, "hundred/test.bin", 5, 2);
    dsb_dataset *set = open_spec(rt, "%s", picture_path("hundred"));
    ck_assert_uint_eq(dsb_dataset_count(set), 35); /* test.bin comes first */
    ck_assert_uint_eq(dsb_dataset_class_count(set), 100);
    ck_assert_str_eq(dsb_dataset_class_name(set, 99), "99");
    ck_assert_uint_eq(dsb_dataset_class(set, 6), 98);
    check_cifar_image(set, 6, 1);
    dsb_dataset_free(set);
    char names[600] = "";
    for (int c = 0; c < 20; c++)
        sprintf(names + strlen(names), "kind %d\n", c);
    write_bytes(rt, "hundred/coarse_label_names.txt", names, strlen(names));
    set = open_spec(rt, "%s?label=coarse", picture_path("hundred/train.bin"));
    ck_assert_uint_eq(dsb_dataset_count(set), 30);
    ck_assert_uint_eq(dsb_dataset_class_count(set), 20);
    ck_assert_str_eq(dsb_dataset_class_name(set, 19), "kind 19");
    ck_assert_uint_eq(dsb_dataset_class(set, 21), 1);
    check_cifar_image(set, 21, 21);
    dsb_dataset_free(set);
    refuse_spec(rt, DSB_E_INVALID, "fine, coarse", "%s?label=both", picture_path("hundred"));
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(cifar_counts_what_is_broken)
{
    dsb_runtime *rt = make_runtime(1);
    uint8_t *bytes = calloc(4, 3073);
    bytes[2 * 3073] = 10; /* no such label */
    write_bytes(rt, "damaged/data_batch_5.bin", bytes, 3 * 3073 + 100);
    free(bytes);
    dsb_dataset *set = open_spec(rt, "%s", picture_path("damaged/data_batch_5.bin"));
    ck_assert_uint_eq(dsb_dataset_count(set), 2);
    ck_assert_uint_eq(dsb_dataset_cause_count(set, DSB_CAUSE_DAMAGED), 2);
    dsb_problem problem;
    dsb_problem_init(&problem, sizeof problem);
    ck_assert_ok(dsb_dataset_broken(set, 0, &problem));
    ck_assert_str_eq(problem.path, "data_batch_5.bin/00002");
    ck_assert_str_eq(problem.message, "label 10, 0 to 9 are possible");
    ck_assert_ok(dsb_dataset_broken(set, 1, &problem));
    ck_assert_str_eq(problem.message, "the file ends after 100 of the record's 3073 bytes");
    /* a file cut later is damaged where it is cut, not a crash */
    ck_assert(truncate(picture_path("damaged/data_batch_5.bin"), 4000) == 0);
    dsb_image *image;
    ck_assert_fails(dsb_dataset_image(set, 1, &image), DSB_E_IO, "data_batch_5.bin");
    dsb_dataset_free(set);
    refuse_spec(rt, DSB_E_INVALID, "only CIFAR-100", "%s?label=fine",
                picture_path("damaged/data_batch_5.bin"));
    refuse_spec(rt, DSB_E_NOTFOUND, "no CIFAR file", "%s?split=test", picture_path("damaged"));
    dsb_runtime_free(rt);
}
END_TEST

/* ---- npy ---- */

static void write_npy(dsb_runtime *rt, const char *name, const char *descr, const char *shape,
                      const void *data, size_t size)
{
    char *bytes = malloc(128 + size);
    memset(bytes, ' ', 128);
    memcpy(bytes, "\x93NUMPY\x01\x00\x76\x00", 10);
    int used = snprintf(bytes + 10, 118, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }",
                        descr, shape);
    bytes[10 + used] = ' ';
    bytes[127] = '\n';
    memcpy(bytes + 128, data, size);
    write_bytes(rt, name, bytes, 128 + size);
    free(bytes);
}

START_TEST(npy_layouts)
{
    dsb_runtime *rt = make_runtime(2);
    uint64_t before = dsb_runtime_memory(rt);
    uint8_t data[2 * 5 * 4 * 3];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)i;
    write_npy(rt, "npy/rgb.npy", "|u1", "2, 5, 4, 3", data, sizeof data);
    write_npy(rt, "npy/planes.npy", "|u1", "2, 3, 5, 4", data, sizeof data);
    write_npy(rt, "npy/grey.npy", "<u1", "6, 5, 4", data, sizeof data);
    write_npy(rt, "npy/grey1.npy", "|u1", "6, 5, 4, 1", data, sizeof data);
    static const struct {
        const char *spec;
        uint32_t n, at; /* image 1, x 1, y 2: first byte of its first channel, step to the next */
        uint32_t step;
    } cases[] = {{"npy/rgb.npy", 2, 60 + (2 * 4 + 1) * 3, 1},
                 {"npy/planes.npy?layout=nchw", 2, 60 + 2 * 4 + 1, 20},
                 {"npy/grey.npy", 6, 20 + 2 * 4 + 1, 0},
                 {"npy/grey1.npy", 6, 20 + 2 * 4 + 1, 0}};
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        dsb_dataset *set = open_spec(rt, "%s", picture_path(cases[k].spec));
        ck_assert_str_eq(dsb_dataset_format(set), "npy");
        ck_assert_uint_eq(dsb_dataset_count(set), cases[k].n);
        ck_assert_uint_eq(dsb_dataset_has_labels(set), 0);
        ck_assert_uint_eq(dsb_dataset_class_count(set), 1);
        dsb_image *image;
        ck_assert_ok(dsb_dataset_image(set, 1, &image));
        ck_assert_uint_eq(dsb_image_width(image), 4);
        ck_assert_uint_eq(dsb_image_height(image), 5);
        const uint8_t *pixel = dsb_image_pixels(image) + (2 * 4 + 1) * 3;
        for (uint32_t c = 0; c < 3; c++)
            ck_assert_uint_eq(pixel[c], cases[k].at + c * cases[k].step);
        dsb_image_free(image);
        dsb_dataset_free(set);
    }
    ck_assert_uint_eq(dsb_runtime_memory(rt), before);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(npy_labels_come_from_files)
{
    dsb_runtime *rt = make_runtime(1);
    uint8_t data[4 * 2 * 2 * 3] = {0};
    const int32_t labels[] = {2, 0, 5, 2};
    write_npy(rt, "lab/x_data.npy", "|u1", "4, 2, 2, 3", data, sizeof data);
    write_npy(rt, "lab/x_labels.npy", "<i4", "4,", labels, sizeof labels);
    write_bytes(rt, "lab/text.txt", "1\n1\r\n0\n1\n", 9);
    write_bytes(rt, "lab/names.txt", "zero\none\n\ntwo\n", 14);
    dsb_dataset *set = open_spec(rt, "%s", picture_path("lab/x_data.npy"));
    ck_assert_uint_eq(dsb_dataset_has_labels(set), 1);
    ck_assert_uint_eq(dsb_dataset_class_count(set), 6);
    ck_assert_str_eq(dsb_dataset_class_name(set, 5), "5");
    for (uint64_t i = 0; i < 4; i++)
        ck_assert_uint_eq(dsb_dataset_class(set, i), (uint32_t)labels[i]);
    dsb_dataset_free(set);
    set = open_spec(rt, "%s?labels=%s&classes=%s", picture_path("lab/x_data.npy"),
                    picture_path("lab/text.txt"), picture_path("lab/names.txt"));
    ck_assert_uint_eq(dsb_dataset_class_count(set), 3);
    ck_assert_str_eq(dsb_dataset_class_name(set, dsb_dataset_class(set, 0)), "one");
    ck_assert_str_eq(dsb_dataset_class_name(set, dsb_dataset_class(set, 2)), "zero");
    dsb_dataset_free(set);
    set = open_spec(rt, "%s?labels=none", picture_path("lab/x_data.npy"));
    ck_assert_uint_eq(dsb_dataset_has_labels(set), 0);
    dsb_dataset_free(set);
    refuse_spec(rt, DSB_E_DATA, "3 class names, labels need 6", "%s?classes=%s",
                picture_path("lab/x_data.npy"), picture_path("lab/names.txt"));
    refuse_spec(rt, DSB_E_FORMAT, "line 1 is no class number", "%s?labels=%s",
                picture_path("lab/x_data.npy"), picture_path("lab/names.txt"));
    write_bytes(rt, "lab/short.txt", "1\n2\n", 4);
    refuse_spec(rt, DSB_E_DATA, "2 labels for 4 images", "%s?labels=%s",
                picture_path("lab/x_data.npy"), picture_path("lab/short.txt"));
    const int32_t negative[] = {2, 0, -5, 2};
    write_npy(rt, "lab/negative.npy", "<i4", "4,", negative, sizeof negative);
    refuse_spec(rt, DSB_E_FORMAT, "label -5 at 2", "%s?labels=%s", picture_path("lab/x_data.npy"),
                picture_path("lab/negative.npy"));
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(npy_refuses_what_is_no_images)
{
    dsb_runtime *rt = make_runtime(1);
    uint8_t data[64] = {0};
    static const struct {
        const char *descr, *shape;
        dsb_status code;
        const char *part;
    } cases[] = {
        {"<f4", "1, 2, 2, 3", DSB_E_DTYPE, "'f4'; images are u8"},
        {"|u1", "1, 3, 2, 2", DSB_E_SHAPE, "[1,3,2,2] has no dimension"},
        {"|u1", "64", DSB_E_SHAPE, "[64]"},
        {"|u1", "2, 2, 2, 4", DSB_E_SHAPE, "channels"},
        {"|u1", "9, 2, 2, 3", DSB_E_FORMAT, "ends before its array"},
        {"|u1", "999999999999999, 999999999999999, 2, 3", DSB_E_FORMAT, "ends before"},
        {"|u1", "0, 70000, 2, 3", DSB_E_SHAPE, "beyond 1 to 65535"},
        {"|O8", "1, 2, 2, 3", DSB_E_DTYPE, "plain number"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        write_npy(rt, "bad.npy", cases[k].descr, cases[k].shape, data, sizeof data);
        refuse_spec(rt, cases[k].code, cases[k].part, "%s", picture_path("bad.npy"));
    }
    dsb_dataset *empty;
    write_npy(rt, "bad.npy", "|u1", "0, 2, 2, 3", data, 0);
    ck_assert_ok(dsb_dataset_open(rt, &empty, picture_path("bad.npy"), NULL, NULL, NULL));
    ck_assert_uint_eq(dsb_dataset_count(empty), 0);
    dsb_dataset_free(empty);
    dsb_runtime_free(rt);
}
END_TEST

/* ---- specs ---- */

START_TEST(options_are_read_strictly)
{
    dsb_runtime *rt = make_runtime(1);
    write_cifar(rt, "opt/test_batch.bin", 2, 1);
    write_cifar(rt, "opt/what?split=train", 2, 1); /* a name with a question mark */
    char file[512];
    snprintf(file, sizeof file, "%s", picture_path("opt/test_batch.bin"));
    refuse_spec(rt, DSB_E_INVALID, "option colour means nothing for format cifar", "%s?colour=blue",
                file);
    refuse_spec(rt, DSB_E_INVALID, "given twice", "%s?split=test&split=test", file);
    refuse_spec(rt, DSB_E_INVALID, "key=value", "%s?split", file);
    refuse_spec(rt, DSB_E_INVALID, "key=value", "%s?=3", file);
    refuse_spec(rt, DSB_E_INVALID, "hexadecimal", "%s?split=%%4", file);
    refuse_spec(rt, DSB_E_INVALID, "hexadecimal", "%s?split=%%00", file);
    refuse_spec(rt, DSB_E_NOTFOUND, "there is no format \"tape\"", "%s?format=tape", file);
    refuse_spec(rt, DSB_E_FORMAT, "no magic", "%s?format=npy", file);
    refuse_spec(rt, DSB_E_NOTFOUND, "nowhere.bin", "%s", picture_path("opt/nowhere.bin?a=b"));
    write_bytes(rt, "opt/plain.txt", "hello", 5);
    refuse_spec(rt, DSB_E_UNSUPPORTED, "neither a folder", "%s", picture_path("opt/plain.txt"));
    dsb_dataset *set = open_spec(rt, "%s?split=te%%73t&format=cifar", file);
    ck_assert_uint_eq(dsb_dataset_count(set), 2);
    dsb_dataset_free(set);
    set = open_spec(rt, "%s", picture_path("opt/what?split=train"));
    ck_assert_str_eq(dsb_dataset_path(set, 1), "what?split=train/00001");
    dsb_dataset_free(set);
    dsb_runtime_free(rt);
}
END_TEST

/* ---- real ones ---- */

START_TEST(real_cifar_is_read)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/cifar10", DSBI_TEST_DATA);
    if (access(path, R_OK) != 0)
        return;
    dsb_runtime *rt = make_runtime(2);
    dsb_dataset *all = open_spec(rt, "%s", path), *test = open_spec(rt, "%s?split=test", path);
    ck_assert_uint_eq(dsb_dataset_count(all), 30000);
    ck_assert_uint_eq(dsb_dataset_count(test), 10000);
    ck_assert_uint_eq(dsb_dataset_broken_count(all) + dsb_dataset_broken_count(test), 0);
    uint32_t counts[10] = {0};
    for (uint64_t i = 0; i < 10000; i++) {
        ck_assert_uint_eq(dsb_dataset_class(test, i), dsb_dataset_class(all, 20000 + i));
        counts[dsb_dataset_class(test, i)]++;
    }
    for (uint32_t c = 0; c < 10; c++)
        ck_assert_uint_eq(counts[c], 1000);
    ck_assert_str_eq(dsb_dataset_class_name(test, dsb_dataset_class(test, 0)), "cat");
    ck_assert_str_eq(dsb_dataset_class_name(test, dsb_dataset_class(test, 1)), "ship");
    dsb_dataset_free(all);
    dsb_dataset_free(test);
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    if (!pictures_begin("formats"))
        return EXIT_FAILURE;
    int result = run_tests("formats", cifar_ten_has_its_labels, cifar_hundred_has_two_labels,
                           cifar_counts_what_is_broken, npy_layouts, npy_labels_come_from_files,
                           npy_refuses_what_is_no_images, options_are_read_strictly,
                           real_cifar_is_read, NULL);
    pictures_end();
    return result;
}
