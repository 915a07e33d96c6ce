/* The index on disk: opened as it is when nothing changed, memory of unchanged files when something
 * did, never believed when it is torn. (Kills and full disks: tests/fault/test_index_kill.c.) */
#include "indexed.h"

#include <signal.h>
#include <sys/resource.h>
#include "data/dataset.h"

/* Both say the same of every image, class and problem. */
static void check_same(const dsb_dataset *a, const dsb_dataset *b)
{
    uint8_t x[32], y[32];
    dsb_dataset_digest(a, x);
    dsb_dataset_digest(b, y);
    ck_assert_mem_eq(x, y, 32);
    ck_assert_str_eq(dsb_dataset_name(a), dsb_dataset_name(b));
    ck_assert_str_eq(dsb_dataset_format(a), dsb_dataset_format(b));
    ck_assert_uint_eq(dsb_dataset_count(a), dsb_dataset_count(b));
    ck_assert_uint_eq(dsb_dataset_class_count(a), dsb_dataset_class_count(b));
    ck_assert_uint_eq(dsb_dataset_has_labels(a), dsb_dataset_has_labels(b));
    for (uint32_t c = 0; c < dsb_dataset_class_count(a); c++)
        ck_assert_str_eq(dsb_dataset_class_name(a, c), dsb_dataset_class_name(b, c));
    dsb_image_info i1, i2;
    dsb_image_info_init(&i1, sizeof i1);
    dsb_image_info_init(&i2, sizeof i2);
    for (uint64_t i = 0; i < dsb_dataset_count(a); i++) {
        ck_assert_str_eq(dsb_dataset_path(a, i), dsb_dataset_path(b, i));
        ck_assert_uint_eq(dsb_dataset_class(a, i), dsb_dataset_class(b, i));
        ck_assert_ok(dsb_dataset_info(a, i, &i1));
        ck_assert_ok(dsb_dataset_info(b, i, &i2));
        ck_assert_mem_eq(&i1, &i2, sizeof i1);
        dsb_image *image;
        ck_assert_ok(dsb_dataset_image(b, i, &image));
        dsb_image_free(image);
    }
    ck_assert_uint_eq(dsb_dataset_broken_count(a), dsb_dataset_broken_count(b));
    ck_assert_uint_eq(dsb_dataset_skipped_count(a), dsb_dataset_skipped_count(b));
    dsb_problem p, q;
    dsb_problem_init(&p, sizeof p);
    dsb_problem_init(&q, sizeof q);
    for (uint64_t i = 0; i < dsb_dataset_broken_count(a); i++) {
        ck_assert_ok(dsb_dataset_broken(a, i, &p));
        ck_assert_ok(dsb_dataset_broken(b, i, &q));
        ck_assert_str_eq(p.path, q.path);
        ck_assert_str_eq(p.message, q.message);
    }
}

START_TEST(unchanged_folders_are_not_read_again)
{
    dsb_runtime *rt = make_runtime(2);
    uint64_t before = dsb_runtime_memory(rt);
    make_set(rt, "set");
    dsb_dataset *first = open_indexed(rt, "set", 32);
    dsb_dataset *again = open_indexed(rt, "set", 0);
    ck_assert_ptr_nonnull(again->map);
    check_same(first, again);
    dsb_dataset_free(first);
    /* it works like any other: a split, and it outlives the index file */
    ck_assert_int_eq(unlink(picture_path("index.dsbx")), 0);
    const dsb_dataset *one[] = {again};
    dsb_split *split;
    ck_assert_ok(dsb_split_create(rt, &split, one, 1, NULL));
    dsb_split_free(split);
    dsb_dataset_free(again);
    ck_assert_uint_eq(dsb_runtime_memory(rt), before);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(only_changes_are_read)
{
    dsb_runtime *rt = make_runtime(2);
    make_set(rt, "changing");
    unlink(picture_path("index.dsbx"));
    dsb_dataset_free(open_indexed(rt, "changing", 32));
    write_picture(rt, "changing/class1/new.jpg", 20, 16, 77);
    write_picture(rt, "changing/class2/25.jpg", 22, 16, 78);
    ck_assert_int_eq(unlink(picture_path("changing/class0/3.jpg")), 0);
    age("changing/class1/new.jpg", "2021-01-01");
    age("changing/class2/25.jpg", "2021-01-01");
    age("changing/class1", "2021-01-02"); /* and what is in it has another time */
    dsb_dataset *set = open_indexed(rt, "changing", 1 + 10 + 2 + 1); /* broken.jpg too */
    ck_assert_uint_eq(dsb_dataset_count(set), 30);
    dsb_dataset *plain;
    ck_assert_ok(dsb_dataset_open(rt, &plain, picture_path("changing"), NULL, NULL, NULL));
    check_same(plain, set);
    dsb_dataset_free(plain);
    dsb_dataset_free(set);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(options_and_places_are_compared)
{
    dsb_runtime *rt = make_runtime(1);
    make_set(rt, "one");
    make_set(rt, "two");
    dsb_dataset_free(open_indexed(rt, "one", 32));
    dsb_dataset_free(open_indexed(rt, "two", 32)); /* of another place: made anew */
    dsb_dataset_free(open_indexed(rt, "two", 0));
    dsb_dataset_opts opts;
    dsb_dataset_opts_init(&opts, sizeof opts);
    opts.verify = 0;
    dsb_dataset *set;
    ck_assert_ok(dsb_dataset_open(rt, &set, spec("two"), &opts, NULL, NULL));
    ck_assert_uint_eq(dsb_dataset_read_count(set), 32);
    dsb_dataset_free(set);
    char text[600];
    snprintf(text, sizeof text, "synthetic:phone?n=3&index=%s", picture_path("index.dsbx"));
    ck_assert_int_ne(dsb_dataset_open(rt, &set, text, NULL, NULL, NULL), DSB_OK);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(shards_are_known_by_size_and_time)
{
    dsb_runtime *rt = make_runtime(2);
    make_set(rt, "src");
    char command[1600];
    snprintf(
        command, sizeof command,
        "cd '%s' && mkdir -p tars && for c in 0 1 2; do tar --format=ustar -cf tars/$c.tar -C src "
        "class$c; done",
        pictures_base);
    ck_assert_int_eq(system(command), 0);
    age("tars", "2020-01-01");
    dsb_dataset *first = open_indexed(rt, "tars", 31);
    dsb_dataset *again = open_indexed(rt, "tars", 0);
    check_same(first, again);
    dsb_dataset_free(first);
    dsb_dataset_free(again);
    age("tars/1.tar", "2021-01-01");
    dsb_dataset_free(open_indexed(rt, "tars", 10 + 1)); /* its members, and what is broken */
    dsb_runtime_free(rt);
}
END_TEST

/* Cut anywhere, a byte changed anywhere: the answer is the same, read anew. */
START_TEST(torn_indexes_are_made_anew)
{
    dsb_runtime *rt = make_runtime(1);
    make_set(rt, "torn");
    unlink(picture_path("index.dsbx"));
    dsb_dataset *good = open_indexed(rt, "torn", 32);
    uint8_t *bytes;
    size_t size;
    ck_assert_ok(dsbi_file_read(rt, &bytes, &size, picture_path("index.dsbx"), 1 << 24));
    for (size_t k = 0; k < 120; k++) {
        bool is_cut = k % 3 == 0;
        size_t at = is_cut ? k * size / 120 : k * 97 % 700 + (k % 2) * (k * size / 130);
        at = at < size ? at : size - 1;
        uint8_t old = bytes[at];
        bytes[at] = (uint8_t)(old ^ (1u << k % 8));
        write_bytes(rt, "index.dsbx", bytes, is_cut ? at : size);
        bytes[at] = old;
        dsb_dataset *set;
        ck_assert_ok(dsb_dataset_open(rt, &set, spec("torn"), NULL, NULL, NULL));
        ck_assert(dsb_dataset_read_count(set) == 32 || dsb_dataset_read_count(set) == 0);
        check_same(good, set);
        dsb_dataset_free(set);
    }
    dsbi_free(rt, bytes);
    dsb_dataset_free(good);
    dsb_runtime_free(rt);
}
END_TEST

/* Arrays and record files: nothing is hashed again, labels and what is broken stay; another content
 * of the same length is seen by its time. */
START_TEST(arrays_are_indexed)
{
    enum { N = 50, RECORD = 3073 };
    dsb_runtime *rt = make_runtime(2);
    uint64_t before = dsb_runtime_memory(rt);
    uint8_t *bytes = malloc(N * RECORD + 7);
    for (size_t i = 0; i < N * RECORD + 7; i++)
        bytes[i] = (uint8_t)(i * i >> 3);
    for (size_t i = 0; i < N; i++)
        bytes[i * RECORD] = (uint8_t)(i == 9 ? 77 : i % 10); /* one label is none */
    const char *const names[] = {"c10/data_batch_1.bin", "c10", "records.raw"};
    char text[1300];
    unlink(picture_path("index.dsbx"));
    for (size_t k = 0; k < 3; k++) {
        bool is_raw = k == 2;
        write_bytes(rt, is_raw ? names[2] : names[0], bytes, N * RECORD + (is_raw ? 0 : 7));
        age(is_raw ? names[2] : "c10", "2020-01-01");
        snprintf(text, sizeof text, "%s%s", spec(names[k]),
                 is_raw ? "&format=raw&layout=L1C3Y32X32" : "");
        dsb_dataset *first, *again;
        ck_assert_ok(dsb_dataset_open(rt, &first, text, NULL, NULL, NULL));
        ck_assert_uint_eq(dsb_dataset_read_count(first), is_raw ? N : N - 1);
        ck_assert_ok(dsb_dataset_open(rt, &again, text, NULL, NULL, NULL));
        ck_assert_uint_eq(dsb_dataset_read_count(again), 0);
        check_same(first, again);
        dsb_dataset_free(again);
        dsb_dataset_free(first);
        bytes[5] ^= 1;
        write_bytes(rt, is_raw ? names[2] : names[0], bytes, N * RECORD + (is_raw ? 0 : 7));
        ck_assert_ok(dsb_dataset_open(rt, &again, text, NULL, NULL, NULL));
        ck_assert_uint_eq(dsb_dataset_read_count(again), is_raw ? N : N - 1);
        dsb_dataset_free(again);
    }
    free(bytes);
    ck_assert_uint_eq(dsb_runtime_memory(rt), before);
    dsb_runtime_free(rt);
}
END_TEST

static void rewrite_in_place(dsb_runtime *rt, const char *name, uint64_t seed)
{
    write_picture(rt, name, 20, 16, seed); /* the folder's time stays */
}

START_TEST(files_changed_in_place_are_seen)
{
    dsb_runtime *rt = make_runtime(1);
    make_set(rt, "inplace");
    unlink(picture_path("index.dsbx"));
    dsb_dataset_free(open_indexed(rt, "inplace", 32));
    dsb_dataset_free(open_indexed(rt, "inplace", 0));
    rewrite_in_place(rt, "inplace/class2/25.jpg", 99);
    dsb_dataset *set;
    char text[1300];
    snprintf(text, sizeof text, "%s&check=folders", spec("inplace"));
    ck_assert_ok(dsb_dataset_open(rt, &set, text, NULL, NULL, NULL));
    ck_assert_uint_eq(dsb_dataset_read_count(set), 0); /* as asked: not looked at */
    dsb_dataset_free(set);
    age("inplace/class2/25.jpg", "2021-01-01");
    dsb_dataset_free(
        open_indexed(rt, "inplace", 1 + 2)); /* few: each file is; what is broken too */
    dsb_dataset_free(open_indexed(rt, "inplace", 0));
    rewrite_in_place(rt, "inplace/class0/broken.jpg", 98); /* mended */
    set = open_indexed(rt, "inplace", 2);
    ck_assert_uint_eq(dsb_dataset_count(set), 31);
    dsb_dataset_free(set);
    snprintf(text, sizeof text, "%s?check=files", picture_path("inplace"));
    ck_assert_fails(dsb_dataset_open(rt, &set, text, NULL, NULL, NULL), DSB_E_INVALID,
                    "option check");
    dsb_runtime_free(rt);
}
END_TEST

/* Groups by pattern, by a column and by a key of .json, the same after reopening. */
START_TEST(groups_are_kept)
{
    dsb_runtime *rt = make_runtime(2);
    make_set(rt, "grouped");
    dsb_dataset *set[2];
    for (int again = 0; again < 2; again++) {
        char text[1300];
        snprintf(text, sizeof text, "%s&group=(?)*.jpg", spec("grouped"));
        ck_assert_ok(dsb_dataset_open(rt, &set[again], text, NULL, NULL, NULL));
        ck_assert_uint_eq(dsb_dataset_read_count(set[again]), again ? 0 : 32);
        ck_assert_uint_eq(dsb_dataset_group_count(set[again]), 11); /* 'b' of broken is one */
    }
    for (uint64_t i = 0; i < dsb_dataset_count(set[0]); i++) {
        uint32_t group = dsb_dataset_group(set[0], i);
        ck_assert_uint_eq(group, dsb_dataset_group(set[1], i));
        ck_assert_str_eq(dsb_dataset_group_name(set[0], group),
                         dsb_dataset_group_name(set[1], group));
        const char *name = strrchr(dsb_dataset_path(set[0], i), '/') + 1;
        ck_assert_int_eq(dsb_dataset_group_name(set[0], group)[0], name[0]);
    }
    ck_assert_uint_eq(dsb_dataset_group(set[0], 1000), UINT32_MAX);
    ck_assert_ptr_null(dsb_dataset_group_name(set[0], 1000));
    dsb_dataset_free(set[0]);
    dsb_dataset_free(set[1]);
    static const char list[] = "path,label,group\nclass0/1.jpg,0,x\nclass0/2.jpg,1,y\n"
                               "class1/11.jpg,0,x\nclass1/12.jpg,1,\n";
    write_bytes(rt, "grouped/list.csv", list, sizeof list - 1);
    ck_assert_ok(dsb_dataset_open(rt, &set[0], picture_path("grouped/list.csv"), NULL, NULL, NULL));
    ck_assert_uint_eq(dsb_dataset_group_count(set[0]), 2);
    ck_assert_uint_eq(dsb_dataset_group(set[0], 0), dsb_dataset_group(set[0], 2));
    ck_assert_uint_ne(dsb_dataset_group(set[0], 0), dsb_dataset_group(set[0], 1));
    ck_assert_uint_eq(dsb_dataset_group(set[0], 3), UINT32_MAX);
    dsb_dataset_free(set[0]);
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    if (!pictures_begin("index"))
        return EXIT_FAILURE;
    int result =
        run_tests("index_file", unchanged_folders_are_not_read_again, only_changes_are_read,
                  options_and_places_are_compared, shards_are_known_by_size_and_time,
                  torn_indexes_are_made_anew, files_changed_in_place_are_seen, groups_are_kept,
                  arrays_are_indexed, NULL);
    pictures_end();
    return result;
}
