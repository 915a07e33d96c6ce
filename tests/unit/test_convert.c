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

/* ---- odd files, names and classes ---- */

static void copy_seed(dsb_runtime *rt, const char *seed, const char *name)
{
    char path[4200];
    uint8_t *bytes;
    size_t size;
    snprintf(path, sizeof path, "%s/fuzz/corpus/%s", DSBI_TEST_DIR, seed);
    ck_assert_ok(dsbi_file_read(rt, &bytes, &size, path, 1 << 20));
    write_bytes(rt, name, bytes, size);
    dsbi_free(rt, bytes);
}

/* Grey, 16 bits, CMYK, palettes, alpha; classes with blanks, accents, markup, and two that are the
 * same once '/' is gone. */
static void write_odd(dsb_runtime *rt, const char *root)
{
    static const char *const files[][2] = {
        {"jpeg/cmyk", "two words/c.jpg"},
        {"jpeg/grey", "two words/g.jpg"},
        {"jpeg/progressive", "a/b/p.jpg"},
        {"png/grey16", "a/b/deep.png"},
        {"png/rgba16", "a_b/alpha.png"},
        {"png/palette4", "a_b/index.png"},
        {"bmp/palette", "gr\xc3\xbc\xc3\x9f/\xe7\x8c\xab.bmp"},
        {"pnm/grey16", "gr\xc3\xbc\xc3\x9f/wide.pgm"},
        {"webp/lossless_alpha", "<b>&/w.webp"},
        {"webp/lossy", "<b>&/not-a.jpg"},
        {"png/interlaced8", "\n/line.png"},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        bool needs_png = strncmp(files[i][0], "png", 3) == 0;
        bool needs_webp = strncmp(files[i][0], "webp", 4) == 0;
        char name[600];
        if ((needs_png && !dsb_image_format_decoded(DSB_FORMAT_PNG)) ||
            (needs_webp && !dsb_image_format_decoded(DSB_FORMAT_WEBP)))
            continue;
        snprintf(name, sizeof name, "%s/%s", root, files[i][1]);
        copy_seed(rt, files[i][0], name);
    }
}

/* The class of an image by name, as a list or a folder can hold it. */
static const char *class_of(const dsb_dataset *d, uint64_t i)
{
    return dsb_dataset_class_name(d, dsb_dataset_class(d, i));
}

/* Images of a written folder have the number of their source as their name. */
static void check_folder(const dsb_dataset *source, const dsb_dataset *folder)
{
    ck_assert_uint_eq(dsb_dataset_count(source), dsb_dataset_count(folder));
    for (uint64_t i = 0; i < dsb_dataset_count(folder); i++) {
        unsigned long long number;
        const char *path = dsb_dataset_path(folder, i);
        ck_assert_int_eq(sscanf(strrchr(path, '/') + 1, "%llu", &number), 1);
        ck_assert_mem_eq(dsbi_dataset_entry(folder, i)->hash,
                         dsbi_dataset_entry(source, number)->hash, DSBI_HASH_BYTES);
        ck_assert_uint_eq(dsb_dataset_class(folder, i), dsb_dataset_class(source, number));
    }
}

START_TEST(odd_files_and_names_survive)
{
    dsb_runtime *rt = make_runtime(2);
    uint64_t before = dsb_runtime_memory(rt);
    write_odd(rt, "odd");
    dsb_dataset *first = open_at(rt, "odd", "?format=folder");
    ck_assert_uint_eq(dsb_dataset_broken_count(first), 0);
    ck_assert_uint_ge(dsb_dataset_class_count(first), 3);
    convert(rt, first, "webdataset", "odd-tars", NULL);
    dsb_dataset *tars = open_at(rt, "odd-tars", "");
    check_same(first, tars, true);
    ck_assert_uint_eq(dsb_dataset_class_count(first), dsb_dataset_class_count(tars));
    for (uint64_t i = 0; i < dsb_dataset_count(first); i++)
        if (!strchr(class_of(first, i), '\n'))
            ck_assert_str_eq(class_of(first, i), class_of(tars, i));
    convert(rt, first, "folder", "odd-folder", NULL);
    dsb_dataset *folder = open_at(rt, "odd-folder", "");
    ck_assert_str_eq(dsb_dataset_format(folder), "imagefolder");
    check_folder(first, folder);
    convert(rt, folder, "webdataset", "odd-tars2", NULL);
    dsb_dataset *tars2 = open_at(rt, "odd-tars2", "");
    check_same(folder, tars2, true);
    for (uint64_t i = 0; i < dsb_dataset_count(folder); i++)
        ck_assert_str_eq(class_of(folder, i), class_of(tars2, i));
    dsb_dataset_free(tars2);
    dsb_dataset_free(folder);
    dsb_dataset_free(tars);
    dsb_dataset_free(first);
    ck_assert_uint_eq(dsb_runtime_memory(rt), before);
    dsb_runtime_free(rt);
}
END_TEST

/* Every pair of formats, there and back: pixels of one size, labels, names of classes. */
START_TEST(every_pair_of_formats)
{
    static const char *const targets[] = {"folder", "webdataset", "npy", "cifar"};
    dsb_runtime *rt = make_runtime(2);
    write_odd(rt, "any");
    dsb_dataset *odd = open_at(rt, "any", "?format=folder");
    dsb_convert_opts opts;
    dsb_convert_opts_init(&opts, sizeof opts);
    opts.size = 32;
    if (!dsb_image_format_decoded(DSB_FORMAT_PNG)) { /* pixels need it as files */
        dsb_dataset_free(odd);
        dsb_runtime_free(rt);
        return;
    }
    for (size_t a = 0; a < 4; a++) {
        char name[2][64], folder[32];
        snprintf(folder, sizeof folder, "first%zu", a);
        snprintf(name[0], sizeof name[0], "%s/x.npy", folder);
        ck_assert_ok(dsbi_make_dirs(rt, picture_path(folder)));
        convert(rt, odd, targets[a], name[0], &opts);
        dsb_dataset *x = open_at(rt, name[0], "");
        for (size_t b = 0; b < 4; b++) {
            snprintf(folder, sizeof folder, "second%zu%zu", a, b);
            snprintf(name[1], sizeof name[1], "%s/y_images.npy", folder);
            ck_assert_ok(dsbi_make_dirs(rt, picture_path(folder)));
            convert(rt, x, targets[b], name[1], NULL);
            dsb_dataset *y = open_at(rt, name[1], "");
            if (b == 0) { /* in order of the folders' names */
                ck_assert_uint_eq(dsb_dataset_count(x), dsb_dataset_count(y));
            } else {
                check_same(x, y, false);
                for (uint64_t i = 0; i < dsb_dataset_count(x); i++)
                    ck_assert_str_eq(class_of(x, i), class_of(y, i));
            }
            dsb_dataset_free(y);
        }
        dsb_dataset_free(x);
    }
    dsb_dataset_free(odd);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(grey_arrays_stay_grey)
{
    dsb_runtime *rt = make_runtime(1);
    static const uint8_t idx[] = "\0\0\10\3\0\0\0\2\0\0\0\3\0\0\0\2"
                                 "abcdefABCDEF";
    static const uint8_t labels[] = "\0\0\10\1\0\0\0\2\7\1";
    write_bytes(rt, "d/t-images-idx3-ubyte", idx, sizeof idx - 1);
    write_bytes(rt, "d/t-labels-idx1-ubyte", labels, sizeof labels - 1);
    dsb_dataset *first = open_at(rt, "d/t-images-idx3-ubyte", "");
    convert(rt, first, "npy", "d/grey.npy", NULL);
    dsb_dataset *array = open_at(rt, "d/grey.npy", "");
    check_same(first, array, true);
    dsb_image_info info;
    dsb_image_info_init(&info, sizeof info);
    ck_assert_ok(dsb_dataset_info(array, 0, &info));
    ck_assert_uint_eq(info.channels, 1);
    ck_assert_uint_eq(dsb_dataset_class(array, 0), 7);
    dsb_dataset_free(array);
    dsb_dataset_free(first);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(more_than_ten_classes_make_cifar_100)
{
    dsb_runtime *rt = make_runtime(1);
    for (uint32_t c = 0; c < 12; c++) {
        char name[64];
        snprintf(name, sizeof name, "twelve/class %02u/x.ppm", c);
        write_picture(rt, name, 32, 32, c);
    }
    dsb_dataset *first = open_at(rt, "twelve", "");
    ck_assert_ok(dsbi_make_dirs(rt, picture_path("hundred")));
    convert(rt, first, "cifar", "hundred/train.bin", NULL);
    dsb_dataset *records = open_at(rt, "hundred/train.bin", "");
    check_same(first, records, false);
    for (uint64_t i = 0; i < 12; i++)
        ck_assert_str_eq(class_of(first, i), class_of(records, i));
    dsb_dataset_free(records);
    dsb_dataset_free(first);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(nothing_is_mixed_or_written_over)
{
    dsb_runtime *rt = make_runtime(1);
    write_pictures(rt, "mix/one", 3, 1);
    write_pictures(rt, "mix/two", 3, 9);
    dsb_dataset *first = open_at(rt, "mix", "");
    const char *self = picture_path("mix");
    ck_assert_fails(dsb_dataset_convert(rt, first, "folder", self, NULL, NULL, NULL), DSB_E_INVALID,
                    "is the collection itself");
    convert(rt, first, "webdataset", "mixed", NULL);
    const char *again = picture_path("mixed");
    ck_assert_fails(dsb_dataset_convert(rt, first, "webdataset", again, NULL, NULL, NULL),
                    DSB_E_INVALID, "mixed is not empty");
    dsb_convert_opts opts;
    dsb_convert_opts_init(&opts, sizeof opts);
    opts.size = 32;
    write_bytes(rt, "named/batches.meta.txt", "a\nb\n", 4);
    const char *records = picture_path("named/x.bin");
    ck_assert_fails(dsb_dataset_convert(rt, first, "cifar", records, &opts, NULL, NULL),
                    DSB_E_INVALID, "batches.meta.txt names other classes");
    ck_assert_int_ne(access(records, F_OK), 0);
    dsb_dataset_free(first);
    dsb_runtime_free(rt);
}
END_TEST

/* A picture of another size in the place of one that was scanned. */
START_TEST(files_that_change_are_refused)
{
    dsb_runtime *rt = make_runtime(1);
    write_picture(rt, "moving/a/1.jpg", 32, 32, 1);
    write_picture(rt, "moving/b/2.jpg", 32, 32, 2);
    dsb_dataset *first = open_at(rt, "moving", "");
    write_picture(rt, "moving/b/2.jpg", 8, 8, 2);
    char path[600];
    snprintf(path, sizeof path, "%s", picture_path("moved.npy"));
    ck_assert_fails(dsb_dataset_convert(rt, first, "npy", path, NULL, NULL, NULL), DSB_E_SHAPE,
                    "2.jpg: 8 x 8 pixels now, 32 x 32 when scanned");
    ck_assert_int_ne(access(path, F_OK), 0);
    ck_assert_ok(dsbi_make_dirs(rt, picture_path("records")));
    snprintf(path, sizeof path, "%s", picture_path("records/x.bin"));
    ck_assert_fails(dsb_dataset_convert(rt, first, "cifar", path, NULL, NULL, NULL), DSB_E_SHAPE,
                    "8 x 8");
    dsb_dataset_free(first);
    dsb_runtime_free(rt);
}
END_TEST

/* Lists beside a collection count only where they fit, and never through a link that leads out. */
START_TEST(lists_that_do_not_fit_are_passed_over)
{
    dsb_runtime *rt = make_runtime(1);
    write_pictures(rt, "lists/zebra", 1, 1);
    write_pictures(rt, "lists/ant", 1, 2);
    write_bytes(rt, "lists/classes.txt", "zebra\nbee\nant\n", 14);
    dsb_dataset *d = open_at(rt, "lists", "");
    ck_assert_uint_eq(dsb_dataset_class_count(d), 3);
    ck_assert_str_eq(dsb_dataset_class_name(d, 0), "zebra");
    ck_assert_uint_eq(dsb_dataset_class(d, 0), 2); /* ant */
    dsb_dataset_free(d);
    write_bytes(rt, "lists/classes.txt", "1 zebra\n2 ant\n", 14); /* somebody else's */
    d = open_at(rt, "lists", "");
    ck_assert_str_eq(dsb_dataset_class_name(d, 0), "ant");
    ck_assert_uint_eq(dsb_dataset_class(d, 0), 0);
    dsb_dataset_free(d);
    write_bytes(rt, "elsewhere.txt", "zebra\nant\n", 10);
    ck_assert_int_eq(unlink(picture_path("lists/classes.txt")), 0);
    ck_assert_int_eq(symlink("../elsewhere.txt", picture_path("lists/classes.txt")), 0);
    d = open_at(rt, "lists", "");
    ck_assert_str_eq(dsb_dataset_class_name(d, 0), "ant");
    dsb_dataset_free(d);
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    if (!pictures_begin("convert"))
        return EXIT_FAILURE;
    int result =
        run_tests("convert", pixels_go_there_and_back, files_keep_their_bytes,
                  odd_files_and_names_survive, every_pair_of_formats, grey_arrays_stay_grey,
                  more_than_ten_classes_make_cifar_100, nothing_is_mixed_or_written_over,
                  files_that_change_are_refused, lists_that_do_not_fit_are_passed_over, NULL);
    pictures_end();
    return result;
}
