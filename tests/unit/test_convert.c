/* Conversion: what comes back is what was written, byte by byte or pixel by pixel. */
#include "pictures.h"

#include "data/dataset.h"

static dsb_dataset *open_at(dsb_runtime *rt, const char *name, const char *options)
{
    char spec[700];
    dsb_dataset *dataset;
    snprintf(spec, sizeof spec, "x=%s%s", picture_path(name), options);
    ck_assert_ok(dsb_dataset_open(rt, &dataset, spec, NULL, NULL, NULL));
    return dataset;
}

static void convert(dsb_runtime *rt, const dsb_dataset *from, const char *to, const char *name,
                    const dsb_convert_opts *opts)
{
    ck_assert_ok(dsb_dataset_convert(rt, from, to, picture_path(name), opts, NULL, NULL));
}

/* Same number, labels and pixels in the same order; same hashes if both hold files or both pixels.
 */
static void check_same(const dsb_dataset *a, const dsb_dataset *b, bool same_hashes)
{
    ck_assert_uint_eq(dsb_dataset_count(a), dsb_dataset_count(b));
    for (uint64_t i = 0; i < dsb_dataset_count(a); i++) {
        dsb_image *x, *y;
        ck_assert_uint_eq(dsb_dataset_class(a, i), dsb_dataset_class(b, i));
        ck_assert_ok(dsb_dataset_image(a, i, &x));
        ck_assert_ok(dsb_dataset_image(b, i, &y));
        ck_assert_uint_eq(dsb_image_width(x), dsb_image_width(y));
        ck_assert_uint_eq(dsb_image_height(x), dsb_image_height(y));
        ck_assert_mem_eq(dsb_image_pixels(x), dsb_image_pixels(y),
                         (size_t)dsb_image_width(x) * dsb_image_height(x) * 3);
        dsb_image_free(x);
        dsb_image_free(y);
        if (same_hashes)
            ck_assert_mem_eq(dsbi_dataset_entry(a, i)->hash, dsbi_dataset_entry(b, i)->hash,
                             DSBI_HASH_BYTES);
    }
}

static void write_cifar(dsb_runtime *rt, const char *name, uint32_t n)
{
    uint8_t *bytes = malloc(n * 3073u);
    for (uint32_t i = 0; i < n * 3073u; i++)
        bytes[i] = (uint8_t)(i % 3073 == 0 ? i / 3073 % 10 : i * 7 + i / 300);
    write_bytes(rt, name, bytes, n * 3073u);
    free(bytes);
}

START_TEST(pixels_go_there_and_back)
{
    dsb_runtime *rt = make_runtime(2);
    uint64_t before = dsb_runtime_memory(rt);
    write_cifar(rt, "a.bin", 25);
    dsb_dataset *first = open_at(rt, "a.bin", "");
    dsb_convert_opts opts;
    dsb_convert_opts_init(&opts, sizeof opts);
    opts.per_shard = 10;
    convert(rt, first, "webdataset", "tars", &opts);
    dsb_dataset *tars = open_at(rt, "tars", "");
    ck_assert_str_eq(dsb_dataset_path(tars, 24), "00002.tar/000000024.png");
    ck_assert_uint_eq(dsb_dataset_broken_count(tars) + dsb_dataset_skipped_count(tars), 0);
    check_same(first, tars, false);
    convert(rt, tars, "npy", "b_images.npy", NULL);
    dsb_dataset *array = open_at(rt, "b_images.npy", "");
    check_same(first, array, true);
    convert(rt, array, "cifar", "c.bin", NULL);
    uint8_t *x, *y;
    size_t x_size, y_size;
    ck_assert_ok(dsbi_file_read(rt, &x, &x_size, picture_path("a.bin"), 1 << 20));
    ck_assert_ok(dsbi_file_read(rt, &y, &y_size, picture_path("c.bin"), 1 << 20));
    ck_assert_uint_eq(x_size, y_size);
    ck_assert_mem_eq(x, y, x_size);
    dsbi_free(rt, x);
    dsbi_free(rt, y);
    convert(rt, first, "folder", "pngs", NULL);
    dsb_dataset *folder = open_at(rt, "pngs", "");
    ck_assert_uint_eq(dsb_dataset_count(folder), 25);
    ck_assert_uint_eq(dsb_dataset_class_count(folder), 10);
    dsb_dataset_free(folder);
    dsb_dataset_free(array);
    dsb_dataset_free(tars);
    dsb_dataset_free(first);
    ck_assert_uint_eq(dsb_runtime_memory(rt), before);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(files_keep_their_bytes)
{
    dsb_runtime *rt = make_runtime(1);
    write_pictures(rt, "in/one", 4, 1);
    write_pictures(rt, "in/two", 3, 50);
    write_picture(rt, "in/two/x.ppm", 9, 8, 3);
    dsb_dataset *first = open_at(rt, "in", "");
    convert(rt, first, "webdataset", "out", NULL);
    dsb_dataset *tars = open_at(rt, "out", "");
    check_same(first, tars, true);
    convert(rt, tars, "folder", "back", NULL);
    dsb_dataset *back = open_at(rt, "back", "");
    check_same(first, back, true);
    dsb_convert_opts opts;
    dsb_convert_opts_init(&opts, sizeof opts);
    opts.size = 16;
    opts.quality = 80;
    convert(rt, first, "webdataset", "small", &opts);
    dsb_dataset *small = open_at(rt, "small", "");
    dsb_image_info info;
    dsb_image_info_init(&info, sizeof info);
    ck_assert_ok(dsb_dataset_info(small, 7, &info));
    ck_assert_uint_eq(info.width, 16);
    ck_assert_uint_eq(info.quality, 80);
    char path[600];
    snprintf(path, sizeof path, "%s", picture_path("wrong"));
    ck_assert_fails(dsb_dataset_convert(rt, first, "npy", path, NULL, NULL, NULL), DSB_E_SHAPE,
                    "an array needs a size for all");
    ck_assert_fails(dsb_dataset_convert(rt, small, "cifar", path, NULL, NULL, NULL), DSB_E_SHAPE,
                    "ask for size 32");
    ck_assert_fails(dsb_dataset_convert(rt, small, "tape", path, NULL, NULL, NULL), DSB_E_NOTFOUND,
                    "nothing is written as \"tape\"");
    ck_assert_int_ne(access(path, F_OK), 0);
    snprintf(path, sizeof path, "%s", picture_path("nowhere/at/all.npy"));
    ck_assert_fails(dsb_dataset_convert(rt, small, "npy", path, NULL, NULL, NULL), DSB_E_NOTFOUND,
                    "all.npy");
    dsb_dataset_free(small);
    dsb_dataset_free(back);
    dsb_dataset_free(tars);
    dsb_dataset_free(first);
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    if (!pictures_begin("convert"))
        return EXIT_FAILURE;
    int result = run_tests("convert", pixels_go_there_and_back, files_keep_their_bytes, NULL);
    pictures_end();
    return result;
}
