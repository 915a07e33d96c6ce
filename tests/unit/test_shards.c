/* Collections of many files in few: tar shards, zip and gzip, lists; how they are written and what
 * happens to hostile ones. */
#include "pictures.h"

#include "base/csv_read.h"
#include "data/dataset.h"
#include "data/pattern.h"

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

static uint64_t broken(const dsb_dataset *dataset, const char *path, const char *message)
{
    dsb_problem problem;
    dsb_problem_init(&problem, sizeof problem);
    for (uint64_t i = 0; i < dsb_dataset_broken_count(dataset); i++) {
        ck_assert_ok(dsb_dataset_broken(dataset, i, &problem));
        if (strstr(problem.path, path) && strstr(problem.message, message))
            return 1;
    }
    for (uint64_t i = 0; i < dsb_dataset_skipped_count(dataset); i++) {
        ck_assert_ok(dsb_dataset_skipped(dataset, i, &problem));
        if (strstr(problem.path, path) && strstr(problem.message, message))
            return 1;
    }
    return 0;
}

/* ---- writing tar ---- */

typedef struct tape {
    uint8_t *bytes;
    size_t size;
} tape;

static uint8_t *extend(tape *t, size_t size)
{
    t->bytes = realloc(t->bytes, t->size + size);
    memset(t->bytes + t->size, 0, size);
    t->size += size;
    return t->bytes + t->size - size;
}

static void sign(uint8_t *block)
{
    unsigned sum = 0;
    memset(block + 148, ' ', 8);
    for (int i = 0; i < 512; i++)
        sum += block[i];
    snprintf((char *)block + 148, 8, "%06o", sum);
}

static void put(tape *t, const char *name, char type, const void *data, size_t size)
{
    uint8_t *block = extend(t, 512 + (size + 511) / 512 * 512);
    memcpy(block, name, strlen(name) < 100 ? strlen(name) : 100);
    snprintf((char *)block + 124, 12, "%011o", (unsigned)size & 07777777777);
    block[156] = (uint8_t)type;
    memcpy(block + 257, "ustar\00000", 8);
    sign(block);
    memcpy(block + 512, data, size);
}

static void put_text(tape *t, const char *name, const char *text)
{
    put(t, name, '0', text, strlen(text));
}

/* A PPM of one colour. */
static void put_image(tape *t, const char *name, uint8_t colour)
{
    uint8_t image[11 + 12] = "P6 2 2 255\n";
    memset(image + 11, colour, 12);
    put(t, name, '0', image, sizeof image);
}

static void finish(dsb_runtime *rt, tape *t, const char *name)
{
    extend(t, 1024);
    write_bytes(rt, name, t->bytes, t->size);
    free(t->bytes);
    *t = (tape){0};
}

static uint8_t colour_of(const dsb_dataset *dataset, uint64_t i)
{
    dsb_image *image;
    ck_assert_ok(dsb_dataset_image(dataset, i, &image));
    uint8_t colour = dsb_image_pixels(image)[0];
    dsb_image_free(image);
    return colour;
}

/* More shards than are listed at once, and than stay open: order and content are those of one
 * thread. */
START_TEST(many_shards_keep_their_order)
{
    enum { N = 150 };
    dsb_dataset *sets[2];
    dsb_runtime *rts[2] = {make_runtime(1), make_runtime(4)};
    for (unsigned s = 0; s < N; s++) {
        tape t = {0};
        char name[64];
        snprintf(name, sizeof name, "%06u.ppm", s);
        put_image(&t, name, (uint8_t)s);
        if (s % 40 == 7)
            put_text(&t, "x.ppm", "no image");
        snprintf(name, sizeof name, "many/%03u.tar", s);
        finish(rts[0], &t, name);
    }
    uint8_t digests[2][32];
    for (size_t k = 0; k < 2; k++) {
        sets[k] = open_spec(rts[k], "%s", picture_path("many"));
        ck_assert_uint_eq(dsb_dataset_count(sets[k]), N);
        ck_assert_uint_eq(dsb_dataset_broken_count(sets[k]), 4);
        dsb_dataset_digest(sets[k], digests[k]);
    }
    ck_assert_mem_eq(digests[0], digests[1], 32);
    for (uint64_t i = 0; i < N; i++)
        ck_assert_uint_eq(colour_of(sets[1], i * 77 % N), (uint8_t)(i * 77 % N));
    for (size_t k = 0; k < 2; k++) {
        dsb_dataset_free(sets[k]);
        dsb_runtime_free(rts[k]);
    }
}
END_TEST

START_TEST(samples_are_grouped_and_labelled)
{
    dsb_runtime *rt = make_runtime(2);
    uint64_t before = dsb_runtime_memory(rt);
    tape t = {0};
    put(&t, "d/", '5', "", 0);
    put_text(&t, "d/0001.cls", "2\n");
    put_image(&t, "d/0001.PPM", 10);
    put_image(&t, "d/0002.ppm", 20);
    put_text(&t, "d/0002.cls", " 0 ");
    put_text(&t, "d/0002.json", "{\"kind\": \"cat\"}");
    put_text(&t, "d/0003.txt", "no image here");
    put_image(&t, "d/0004.x.ppm", 30);
    put_image(&t, "d/0004.y.ppm", 40);
    put_text(&t, "d/0004.cls", "4");
    put_image(&t, "d/0005.ppm", 50); /* no label */
    put_image(&t, "README", 60);
    put(&t, "d/link.ppm", '2', "", 0);
    finish(rt, &t, "wds/a-000.tar");
    put_image(&t, "d/0006.ppm", 70);
    put_text(&t, "d/0006.cls", "1");
    finish(rt, &t, "wds/a-001.tar");
    dsb_dataset *set = open_spec(rt, "%s", picture_path("wds"));
    ck_assert_str_eq(dsb_dataset_format(set), "webdataset");
    ck_assert_uint_eq(dsb_dataset_count(set), 4);
    ck_assert_uint_eq(dsb_dataset_class_count(set), 5);
    static const uint32_t labels[] = {2, 0, 4, 1}, colours[] = {10, 20, 30, 70};
    for (uint64_t i = 0; i < 4; i++) {
        ck_assert_uint_eq(dsb_dataset_class(set, i), labels[i]);
        ck_assert_uint_eq(colour_of(set, i), colours[i]);
    }
    ck_assert_str_eq(dsb_dataset_path(set, 3), "a-001.tar/d/0006.ppm");
    ck_assert(broken(set, "a-000.tar/d/0005.ppm", "no label"));
    ck_assert(broken(set, "a-000.tar/d/0003", "no image in the sample"));
    ck_assert(broken(set, "d/0004.y.ppm", "another image"));
    ck_assert(broken(set, "README", "no member of a sample"));
    ck_assert(broken(set, "d/link.ppm", "link within a shard"));
    dsb_dataset_free(set);
    set = open_spec(rt, "%s?image=y.ppm", picture_path("wds/a-{000..001}.tar"));
    ck_assert_uint_eq(dsb_dataset_count(set), 1);
    ck_assert_uint_eq(colour_of(set, 0), 40);
    dsb_dataset_free(set);
    set = open_spec(rt, "%s?label=none", picture_path("wds/a-*.tar"));
    ck_assert_uint_eq(dsb_dataset_has_labels(set), 0);
    ck_assert_uint_eq(dsb_dataset_count(set), 5);
    ck_assert_str_eq(dsb_dataset_class_name(set, 0), "d");
    dsb_dataset_free(set);
    set = open_spec(rt, "%s?group=kind", picture_path("wds/a-000.tar"));
    ck_assert_uint_eq(dsb_dataset_group_count(set), 1);
    for (uint64_t i = 0; i < dsb_dataset_count(set); i++)
        ck_assert_uint_eq(dsb_dataset_group(set, i), i == 1 ? 0 : UINT32_MAX);
    ck_assert_str_eq(dsb_dataset_group_name(set, 0), "cat");
    dsb_dataset_free(set);
    set = open_spec(rt, "%s?label=kind", picture_path("wds/a-000.tar"));
    ck_assert_uint_eq(dsb_dataset_count(set), 1);
    ck_assert_str_eq(dsb_dataset_class_name(set, 0), "cat");
    dsb_dataset_free(set);
    ck_assert_uint_eq(dsb_runtime_memory(rt), before);
    dsb_dataset *none;
    char spec[600];
    snprintf(spec, sizeof spec, "%s", picture_path("wds/a-{000..003}.tar"));
    ck_assert_fails(dsb_dataset_open(rt, &none, spec, NULL, NULL, NULL), DSB_E_NOTFOUND,
                    "a-002.tar");
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(long_names_and_large_sizes)
{
    dsb_runtime *rt = make_runtime(1);
    tape t = {0};
    char name[300], pax[400];
    memset(name, 'g', 200);
    strcpy(name + 200, ".ppm");
    put(&t, "././@LongLink", 'L', name, strlen(name) + 1);
    put_image(&t, "ggg", 1);
    memset(name, 'p', 200);
    int size = snprintf(pax, sizeof pax, "214 path=%s\n11 mtime=1\n11 size=23\n", name);
    ck_assert_int_eq(size, 214 + 11 + 11);
    put(&t, "x", 'x', pax, (size_t)size);
    put_image(&t, "ppp", 2);
    memset(t.bytes + t.size - 1024 + 124, 0, 12); /* the size is in the pax header alone */
    sign(t.bytes + t.size - 1024);
    put_image(&t, "short.ppm", 3); /* with a prefix, and its size in base 256 */
    uint8_t *block = t.bytes + t.size - 1024;
    memcpy(block + 345, "pre/fix", 7);
    memset(block + 124, 0, 12);
    block[124] = 0x80;
    block[135] = 23;
    sign(block);
    finish(rt, &t, "long.tar");
    dsb_dataset *set = open_spec(rt, "%s", picture_path("long.tar"));
    ck_assert_uint_eq(dsb_dataset_count(set), 3);
    ck_assert_uint_eq(dsb_dataset_broken_count(set), 0);
    for (uint64_t i = 0; i < 3; i++)
        ck_assert_uint_eq(colour_of(set, i), i + 1);
    ck_assert_uint_eq(strlen(dsb_dataset_path(set, 0)), 9 + 204);
    ck_assert_uint_eq(strlen(dsb_dataset_path(set, 1)), 9 + 204);
    ck_assert_str_eq(dsb_dataset_path(set, 2), "long.tar/pre/fix/short.ppm");
    dsb_dataset_free(set);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(hostile_tars_are_counted)
{
    static const char *const names[] = {"../../etc/x.ppm", "/etc/x.ppm", "a\nb.ppm",
                                        "<script>.ppm",    "\xff.ppm",   "a/../b.ppm"};
    static const char *const words[] = {"leaves", "leaves",   "control",
                                        "markup", "no UTF-8", "leaves"};
    dsb_runtime *rt = make_runtime(1);
    tape t = {0};
    for (size_t i = 0; i < 6; i++)
        put_image(&t, names[i], 1);
    static const char zero[] = "18 path=a\0b.ppmxx\n";
    put(&t, "x", 'x', zero, sizeof zero - 1);
    put_image(&t, "zero", 1);
    put_image(&t, "good.ppm", 9);
    finish(rt, &t, "names.tar");
    dsb_dataset *set = open_spec(rt, "%s", picture_path("names.tar"));
    ck_assert_uint_eq(dsb_dataset_count(set), 1);
    for (size_t i = 0; i < 6; i++)
        ck_assert_msg(broken(set, "names.tar/", words[i]), "%s", words[i]);
    ck_assert(broken(set, "names.tar/a", "zero byte"));
    dsb_dataset_free(set);

    put_image(&t, "a.ppm", 1);
    put_image(&t, "huge.ppm", 1);
    uint8_t *block = t.bytes + t.size - 1024;
    memset(block + 124, 0, 12);
    block[124] = 0x80;
    block[128] = 0x40; /* 2^62 */
    sign(block);
    finish(rt, &t, "huge.tar");
    set = open_spec(rt, "%s", picture_path("huge.tar"));
    ck_assert_uint_eq(dsb_dataset_count(set), 1);
    ck_assert(broken(set, "huge.tar/huge.ppm", "beyond the end of the file"));
    dsb_dataset_free(set);

    put_image(&t, "a.ppm", 1);
    put_image(&t, "b.ppm", 1);
    t.bytes[1024 + 3] ^= 1;
    finish(rt, &t, "sum.tar");
    set = open_spec(rt, "%s", picture_path("sum.tar"));
    ck_assert_uint_eq(dsb_dataset_count(set), 1);
    ck_assert(broken(set, "sum.tar", "wrong checksum at byte 1024"));
    dsb_dataset_free(set);
    /* cut anywhere: a clear answer each time */
    put_image(&t, "a.ppm", 1);
    put_image(&t, "b.ppm", 2);
    extend(&t, 1024);
    for (size_t cut = 512; cut < t.size; cut += 97) {
        write_bytes(rt, "cut.tar", t.bytes, cut);
        set = open_spec(rt, "%s", picture_path("cut.tar"));
        ck_assert_uint_eq(dsb_dataset_count(set), cut >= 1559 ? 2 : cut >= 535 ? 1 : 0);
        dsb_dataset_free(set);
    }
    free(t.bytes);
    dsb_runtime_free(rt);
}
END_TEST

/* ---- zip, by hand: stored arrays ---- */

static void zip_put(tape *t, tape *directory, const char *name, const void *data, size_t size)
{
    size_t at = t->size, n = strlen(name);
    uint8_t *p = extend(t, 30 + n + size);
    memcpy(p, "PK\3\4", 4);
    p[26] = (uint8_t)n;
    memcpy(p + 30, name, n);
    memcpy(p + 30 + n, data, size);
    p = extend(directory, 46 + n);
    memcpy(p, "PK\1\2", 4);
    for (int i = 0; i < 4; i++) {
        p[20 + i] = p[24 + i] = (uint8_t)(size >> 8 * i);
        p[42 + i] = (uint8_t)(at >> 8 * i);
    }
    p[28] = (uint8_t)n;
    memcpy(p + 46, name, n);
}

static size_t npy(uint8_t *out, const char *descr, const char *shape, const void *data, size_t size)
{
    memset(out, ' ', 128);
    memcpy(out, "\x93NUMPY\x01\x00\x76\x00", 10);
    int n = snprintf((char *)out + 10, 118,
                     "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, shape);
    out[10 + n] = ' ';
    memcpy(out + 128, data, size);
    return 128 + size;
}

START_TEST(npz_finds_images_and_labels)
{
    dsb_runtime *rt = make_runtime(1);
    uint64_t before = dsb_runtime_memory(rt);
    uint8_t pixels[2 * 2 * 2 * 3], array[300];
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)i;
    const int64_t labels[] = {1, 3};
    tape t = {0}, directory = {0};
    zip_put(&t, &directory, "y_test.npy", array, npy(array, "<i8", "2,", labels, 16));
    zip_put(&t, &directory, "x_test.npy", array, npy(array, "|u1", "2, 2, 2, 3", pixels, 24));
    zip_put(&t, &directory, "x_train.npy", array, npy(array, "|u1", "1, 2, 2", pixels, 4));
    size_t at = t.size;
    memcpy(extend(&t, directory.size), directory.bytes, directory.size);
    uint8_t *end = extend(&t, 22);
    memcpy(end, "PK\5\6", 4);
    end[10] = 3;
    end[12] = (uint8_t)directory.size;
    end[16] = (uint8_t)at;
    end[17] = (uint8_t)(at >> 8);
    write_bytes(rt, "a.npz", t.bytes, t.size);
    dsb_dataset *set = open_spec(rt, "%s?split=test", picture_path("a.npz"));
    ck_assert_str_eq(dsb_dataset_format(set), "npz");
    ck_assert_uint_eq(dsb_dataset_count(set), 2);
    ck_assert_uint_eq(dsb_dataset_class(set, 1), 3);
    ck_assert_uint_eq(colour_of(set, 1), 12);
    dsb_dataset_free(set);
    set = open_spec(rt, "%s?images=x_train&labels=none", picture_path("a.npz"));
    ck_assert_uint_eq(dsb_dataset_count(set), 1);
    dsb_dataset_free(set);
    dsb_dataset *none;
    char spec[600];
    snprintf(spec, sizeof spec, "%s", picture_path("a.npz"));
    ck_assert_fails(dsb_dataset_open(rt, &none, spec, NULL, NULL, NULL), DSB_E_INVALID,
                    "may both be it");
    /* cut, or with any byte of the directory changed: refused or read, never worse */
    for (size_t i = at; i < t.size; i++) {
        t.bytes[i] ^= 0xff;
        write_bytes(rt, "b.npz", t.bytes, t.size);
        snprintf(spec, sizeof spec, "%s?split=test", picture_path("b.npz"));
        if (dsb_dataset_open(rt, &none, spec, NULL, NULL, NULL) == DSB_OK)
            dsb_dataset_free(none);
        else
            ck_assert_str_ne(dsb_last_error(), "");
        t.bytes[i] ^= 0xff;
    }
    free(t.bytes);
    free(directory.bytes);
    ck_assert_uint_eq(dsb_runtime_memory(rt), before);
    dsb_runtime_free(rt);
}
END_TEST

/* ---- records and IDX ---- */

START_TEST(idx_and_raw_records)
{
    dsb_runtime *rt = make_runtime(1);
    uint8_t idx[16 + 12] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 2};
    uint8_t labels[8 + 2] = {0, 0, 8, 1, 0, 0, 0, 2, 7, 0};
    for (uint8_t i = 0; i < 12; i++)
        idx[16 + i] = i;
    write_bytes(rt, "idx/train-images-idx3-ubyte", idx, sizeof idx);
    write_bytes(rt, "idx/train-labels-idx1-ubyte", labels, sizeof labels);
    dsb_dataset *set = open_spec(rt, "%s", picture_path("idx"));
    ck_assert_str_eq(dsb_dataset_format(set), "idx");
    ck_assert_uint_eq(dsb_dataset_count(set), 2);
    ck_assert_uint_eq(dsb_dataset_class_count(set), 8);
    ck_assert_uint_eq(dsb_dataset_class(set, 0), 7);
    ck_assert_uint_eq(colour_of(set, 1), 6);
    dsb_image_info info;
    dsb_image_info_init(&info, sizeof info);
    ck_assert_ok(dsb_dataset_info(set, 0, &info));
    ck_assert_uint_eq(info.width * 10 + info.height, 23);
    dsb_dataset_free(set);
    dsb_dataset *none;
    char spec[600];
    idx[7] = 3;
    write_bytes(rt, "idx/train-images-idx3-ubyte", idx, sizeof idx);
    snprintf(spec, sizeof spec, "%s", picture_path("idx"));
    ck_assert_fails(dsb_dataset_open(rt, &none, spec, NULL, NULL, NULL), DSB_E_FORMAT,
                    "3 images of 6 bytes");
    /* planes, column by column, a label before and two bytes behind */
    uint8_t record[2 * (1 + 12 + 2)];
    for (uint8_t i = 0; i < sizeof record; i++)
        record[i] = i;
    write_bytes(rt, "rec.dat", record, sizeof record);
    set = open_spec(rt, "%s?format=raw&layout=L1C3X2Y2B2", picture_path("rec.dat"));
    ck_assert_uint_eq(dsb_dataset_count(set), 2);
    ck_assert_uint_eq(dsb_dataset_class(set, 1), 15);
    dsb_image *image;
    ck_assert_ok(dsb_dataset_image(set, 1, &image));
    const uint8_t *pixels = dsb_image_pixels(image); /* y 0: x 0, x 1 */
    ck_assert_uint_eq(pixels[0], 16);
    ck_assert_uint_eq(pixels[1], 20);
    ck_assert_uint_eq(pixels[3], 18);
    ck_assert_uint_eq(pixels[6], 17); /* y 1, x 0 */
    dsb_image_free(image);
    dsb_dataset_free(set);
    static const struct {
        const char *options, *part;
    } wrong[] = {{"layout=Y2X2Q1", "character 5"},   {"layout=Y2", "Y and X are needed"},
                 {"layout=Y2X2C2", "channels"},      {"layout=Y2X2Y2", "twice"},
                 {"layout=Y70000X2", "65535"},       {"layout=Y2X0", "length"},
                 {"layout=L1L1Y2X2", "one label"},   {"layout=Y2X2&header=-1", "number of bytes"},
                 {"header=0", "needs option layout"}};
    for (size_t k = 0; k < sizeof wrong / sizeof wrong[0]; k++) {
        snprintf(spec, sizeof spec, "%s?format=raw&%s", picture_path("rec.dat"), wrong[k].options);
        ck_assert_fails(dsb_dataset_open(rt, &none, spec, NULL, NULL, NULL), DSB_E_INVALID,
                        wrong[k].part);
    }
    snprintf(spec, sizeof spec, "%s?format=raw&layout=Y2X2", picture_path("rec.dat"));
    ck_assert_fails(dsb_dataset_open(rt, &none, spec, NULL, NULL, NULL), DSB_E_FORMAT,
                    "whole records of 4");
    dsb_runtime_free(rt);
}
END_TEST

/* ---- folders of classes, lists ---- */

START_TEST(class_folders_are_numbered)
{
    dsb_runtime *rt = make_runtime(1);
    static const char *const folders[] = {"0", "1", "10", "2"};
    for (uint64_t i = 0; i < 4; i++) {
        char name[64];
        snprintf(name, sizeof name, "num/%s/a.jpg", folders[i]);
        write_picture(rt, name, 8, 8, i);
    }
    ck_assert_int_eq(mkdir(picture_path("num/3"), 0700), 0); /* a class without images */
    dsb_dataset *set = open_spec(rt, "%s", picture_path("num"));
    ck_assert_str_eq(dsb_dataset_format(set), "imagefolder");
    static const uint32_t ids[] = {0, 1, 4, 2};
    ck_assert_uint_eq(dsb_dataset_class_count(set), 5);
    for (uint64_t i = 0; i < 4; i++) {
        ck_assert_uint_eq(dsb_dataset_class(set, i), ids[i]);
        ck_assert_str_eq(dsb_dataset_class_name(set, ids[i]), folders[i]);
    }
    dsb_dataset_free(set);
    write_bytes(rt, "list.txt", "10\nzebra\n0\n", 11);
    set = open_spec(rt, "%s?classes=%s", picture_path("num"), picture_path("list.txt"));
    ck_assert_uint_eq(dsb_dataset_count(set), 2);
    ck_assert_uint_eq(dsb_dataset_class(set, 0), 2);
    ck_assert_uint_eq(dsb_dataset_class(set, 1), 0);
    ck_assert(broken(set, "1/a.jpg", "not in the class list"));
    dsb_dataset_free(set);
    set = open_spec(rt, "%s?format=folder", picture_path("num"));
    ck_assert_uint_eq(dsb_dataset_has_labels(set), 0);
    dsb_dataset_free(set);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(lists_name_files)
{
    dsb_runtime *rt = make_runtime(1);
    write_pictures(rt, "list/img", 4, 1);
    static const char csv[] = "label,\"path\",dataset\r\n"
                              "dog,img/000.jpg,a\r\n"
                              "\"c\"\"at\",\"img/001.jpg\",b\r\n"
                              "dog,../list.txt,a\n"
                              "dog,img/missing.jpg,a\n"
                              "ant,img/003.jpg,a";
    write_bytes(rt, "list/all.csv", csv, sizeof csv - 1);
    dsb_dataset *set = open_spec(rt, "%s", picture_path("list/all.csv"));
    ck_assert_str_eq(dsb_dataset_format(set), "manifest");
    ck_assert_uint_eq(dsb_dataset_count(set), 3);
    ck_assert_str_eq(dsb_dataset_class_name(set, dsb_dataset_class(set, 1)), "c\"at");
    ck_assert_uint_eq(dsb_dataset_class(set, 0), 2); /* ant, c"at, dog */
    ck_assert(broken(set, "../list.txt", "no file of this name below"));
    ck_assert(broken(set, "img/missing.jpg", "no file"));
    dsb_dataset_free(set);
    set = open_spec(rt, "%s?dataset=b", picture_path("list/all.csv"));
    ck_assert_uint_eq(dsb_dataset_count(set), 1);
    dsb_dataset_free(set);
    static const char jsonl[] = "{\"path\": \"img/002.jpg\", \"label\": 3}\n\n"
                                "{\"file\": \"img/000.jpg\", \"label\": 0}\n";
    write_bytes(rt, "list/all.jsonl", jsonl, sizeof jsonl - 1);
    set = open_spec(rt, "%s", picture_path("list/all.jsonl"));
    ck_assert_uint_eq(dsb_dataset_class_count(set), 4);
    ck_assert_str_eq(dsb_dataset_path(set, 0), "img/002.jpg");
    ck_assert_uint_eq(dsb_dataset_class(set, 0), 3);
    dsb_dataset_free(set);
    static const struct {
        const char *text, *part;
    } wrong[] = {{"name,label\na,b\n", "no column path"},
                 {"path\na,b\n", "line 2 has 2 fields"},
                 {"path,label\n\"a", "line 2 is not closed"},
                 {"path\n\"a\"b\n", "behind the quoted field in line 2"},
                 {"{\"path\": 3}\n", "line 1 has no path"},
                 {"{\"path\": \"a\"}\n{\n", "line 2"},
                 {"{\"path\": \"a\"}\n{\"path\": \"b\", \"label\": 1}\n", "line 2 has a label"}};
    for (size_t k = 0; k < sizeof wrong / sizeof wrong[0]; k++) {
        char spec[600];
        dsb_dataset *none;
        write_bytes(rt, "list/wrong.csv", wrong[k].text, strlen(wrong[k].text));
        snprintf(spec, sizeof spec, "%s", picture_path("list/wrong.csv"));
        ck_assert_fails(dsb_dataset_open(rt, &none, spec, NULL, NULL, NULL), DSB_E_FORMAT,
                        wrong[k].part);
    }
    dsb_runtime_free(rt);
}
END_TEST

static dsb_status collect(void *user, const char *path)
{
    strcat(user, path);
    strcat(user, " ");
    return DSB_OK;
}

START_TEST(patterns_expand)
{
    static const struct {
        const char *text, *paths;
    } cases[] = {
        {"a{08..11}b", "a08b a09b a10b a11b "}, {"{8..11}", "8 9 10 11 "}, {"{x,,y}z", "xz z yz "},
        {"{a,b}{1..2}", "a1 a2 b1 b2 "},        {"{a..b}", "a..b "},       {"{2..1}q", ""}};
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        char paths[200] = "";
        ck_assert_ok(dsbi_pattern_expand(cases[k].text, collect, paths));
        ck_assert_str_eq(paths, cases[k].paths);
    }
    char paths[200] = "";
    ck_assert_fails(dsbi_pattern_expand("a{1..", collect, paths), DSB_E_INVALID, "not closed");
}
END_TEST

/* ---- real ones ---- */

START_TEST(real_collections)
{
    static const struct {
        const char *spec, *format;
        uint64_t n, n_classes, n_broken;
    } sets[] = {{"digits/mnist", "idx", 70000, 10, 0},
                {"digits/mnist?split=test", "idx", 10000, 10, 0},
                {"digits/usps", "idx", 9298, 10, 0},
                {"digits/semeion", "idx", 1593, 10, 0},
                {"digits/optdigits", "idx", 5620, 10, 0},
                {"wds_samples/clip_retrieval__image{1,2}.tar", "webdataset", 7, 1, 0},
                {"wds_samples/webdataset__sample.tgz", "webdataset", 90, 10, 0},
                {"wds_samples/webdataset__mpdata.tar", "webdataset", 0, 0, 0},
                {"wds_samples/webdataset__compressed.tar", "webdataset", 0, 0, 0}};
    if (access(DSBI_TEST_DATA "/digits", R_OK) != 0)
        return;
    dsb_runtime *rt = make_runtime(2);
    for (size_t k = 0; k < sizeof sets / sizeof sets[0]; k++) {
        dsb_dataset *set = open_spec(rt, "%s/%s", DSBI_TEST_DATA, sets[k].spec);
        ck_assert_str_eq(dsb_dataset_format(set), sets[k].format);
        ck_assert_uint_eq(dsb_dataset_count(set), sets[k].n);
        ck_assert_uint_eq(dsb_dataset_class_count(set), sets[k].n_classes);
        ck_assert_uint_eq(dsb_dataset_broken_count(set), sets[k].n_broken);
        dsb_dataset_free(set);
    }
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    if (!pictures_begin("shards"))
        return EXIT_FAILURE;
    int result =
        run_tests("shards", many_shards_keep_their_order, samples_are_grouped_and_labelled,
                  long_names_and_large_sizes, hostile_tars_are_counted, npz_finds_images_and_labels,
                  idx_and_raw_records, class_folders_are_numbered, lists_name_files,
                  patterns_expand, real_collections, NULL);
    pictures_end();
    return result;
}
