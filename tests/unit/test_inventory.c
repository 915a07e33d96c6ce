/* The data summary: numbers that are known beforehand, read back with the library's own reader. */
#include "pictures.h"

#include "base/json.h"
#include "data/dataset.h"

static const dsbi_json_value *at(const dsbi_json_value *list, size_t i)
{
    const dsbi_json_value *v = dsbi_json_first(list);
    while (i-- && v)
        v = dsbi_json_next(v);
    return v;
}

static uint64_t number(const dsbi_json_value *object, const char *key)
{
    uint64_t value = UINT64_MAX;
    ck_assert_msg(dsbi_json_uint64(dsbi_json_get(object, key), &value), "%s", key);
    return value;
}

static const char *text(const dsbi_json_value *object, const char *key)
{
    const char *value = dsbi_json_string(dsbi_json_get(object, key), NULL);
    ck_assert_msg(value != NULL, "%s", key);
    return value;
}

static void make_folders(dsb_runtime *rt)
{
    write_picture(rt, "one/cats/1.jpg", 10, 20, 1);
    write_picture(rt, "one/cats/2.jpg", 30, 20, 2);
    write_picture(rt, "one/dogs/3.ppm", 20, 40, 3);
    write_picture(rt, "one/dogs/again.jpg", 10, 20, 1);
    write_bytes(rt, "one/dogs/\"<b>\xff.jpg", "nothing", 7);
    write_bytes(rt, "one/empty.png", "", 0);
    write_bytes(rt, "one/.hidden", "", 0);
    write_picture(rt, "two/x.jpg", 30, 20, 2);
    write_picture(rt, "two/y.jpg", 16, 16, 5);
}

START_TEST(summary_says_what_is_there)
{
    dsb_runtime *rt = make_runtime(2);
    make_folders(rt);
    ck_assert_ok(dsbi_make_dirs(rt, picture_path("three")));
    uint64_t before = dsb_runtime_memory(rt);
    dsb_dataset *sets[3];
    ck_assert_ok(dsb_dataset_open(rt, &sets[0], picture_path("one"), NULL, NULL, NULL));
    ck_assert_ok(dsb_dataset_open(rt, &sets[1], picture_path("two"), NULL, NULL, NULL));
    ck_assert_ok(dsb_dataset_open(rt, &sets[2], picture_path("three"), NULL, NULL, NULL));
    const dsb_dataset *const *all = (const dsb_dataset *const *)sets;
    char *json;
    size_t size;
    ck_assert_ok(dsb_data_summary(rt, &json, &size, all, 3, 0));
    ck_assert_uint_eq(strlen(json), size);
    dsbi_json *doc;
    ck_assert_ok(dsbi_json_parse(rt, &doc, json, size));
    const dsbi_json_value *root = dsbi_json_root(doc), *datasets = dsbi_json_get(root, "datasets");
    ck_assert_str_eq(text(root, "schema"), "dsbias.data/1");
    ck_assert_uint_eq(dsbi_json_count(datasets), 3);

    const dsbi_json_value *one = at(datasets, 0);
    ck_assert_str_eq(text(one, "name"), "one");
    ck_assert_str_eq(text(one, "format"), "folder");
    ck_assert_uint_eq(strlen(text(one, "sha256")), 64);
    ck_assert_uint_eq(number(one, "n_images"), 4);
    ck_assert_uint_eq(number(one, "n_broken"), 2);
    ck_assert_uint_eq(number(one, "n_skipped"), 1);
    ck_assert_uint_eq(number(one, "n_repeated"), 1);
    ck_assert_uint_eq(number(one, "n_shared"), 1);
    ck_assert_uint_eq(number(dsbi_json_get(one, "formats"), "JPEG"), 3);
    const dsbi_json_value *width = dsbi_json_get(one, "width");
    ck_assert_uint_eq(number(width, "min"), 10);
    ck_assert_uint_eq(number(width, "median"), 10);
    ck_assert_uint_eq(number(width, "max"), 30);
    ck_assert_uint_eq(number(dsbi_json_get(one, "height"), "max"), 40);
    ck_assert_uint_eq(number(dsbi_json_get(one, "jpeg_quality"), "min"), 90);
    ck_assert_uint_eq(number(dsbi_json_get(one, "properties"), "jfif"), 3);
    ck_assert_uint_eq(number(one, "n_classes"), 2);
    const dsbi_json_value *dogs = at(dsbi_json_get(one, "classes"), 1);
    ck_assert_str_eq(text(dogs, "folder"), "dogs");
    ck_assert_uint_eq(number(dogs, "images"), 2);
    ck_assert_uint_eq(number(dsbi_json_get(one, "broken_causes"), "empty"), 1);
    const dsbi_json_value *broken = dsbi_json_get(one, "broken");
    ck_assert_str_eq(text(at(broken, 0), "path"), "dogs/\"<b>\xef\xbf\xbd.jpg");
    ck_assert_str_eq(text(at(broken, 0), "cause"), "not an image");
    ck_assert_str_eq(text(at(broken, 1), "path"), "empty.png");
    ck_assert_str_eq(text(at(dsbi_json_get(one, "skipped"), 0), "path"), ".hidden");

    const dsbi_json_value *three = at(datasets, 2);
    ck_assert_uint_eq(number(three, "n_images"), 0);
    ck_assert_int_eq(dsbi_json_type_of(dsbi_json_get(three, "width")), DSBI_JSON_NULL);

    const dsbi_json_value *duplicates = dsbi_json_get(root, "duplicates");
    ck_assert_uint_eq(number(duplicates, "groups_within"), 1);
    ck_assert_uint_eq(number(duplicates, "groups_across"), 1);
    const dsbi_json_value *group = at(dsbi_json_get(duplicates, "groups"), 1);
    ck_assert_str_eq(text(at(group, 0), "path"), "cats/2.jpg");
    ck_assert_str_eq(text(at(group, 1), "dataset"), "two");
    ck_assert_str_eq(text(at(group, 1), "path"), "x.jpg");
    dsbi_json_free(doc);
    dsb_data_text_free(rt, json);

    ck_assert_ok(dsb_data_summary(rt, &json, NULL, all, 3, 1)); /* shorter lists, the same counts */
    ck_assert_ok(dsbi_json_parse(rt, &doc, json, strlen(json)));
    one = at(dsbi_json_get(dsbi_json_root(doc), "datasets"), 0);
    ck_assert_uint_eq(dsbi_json_count(dsbi_json_get(one, "broken")), 1);
    ck_assert_uint_eq(number(one, "n_broken"), 2);
    dsbi_json_free(doc);
    dsb_data_text_free(rt, json);

    ck_assert_fails(dsb_data_summary(rt, &json, NULL, all, 0, 0), DSB_E_INVALID, "NULL or 0");
    ck_assert_ptr_null(json);
    dsb_dataset_free(sets[2]);
    sets[2] = NULL;
    ck_assert_fails(dsb_data_summary(rt, &json, NULL, all, 3, 0), DSB_E_INVALID, "2 is NULL");
    dsb_dataset_free(sets[0]);
    dsb_dataset_free(sets[1]);
    ck_assert_uint_eq(dsb_runtime_memory(rt), before);
    dsb_runtime_free(rt);
}
END_TEST

/* The collection of broken images in shared data: each one named with its cause, or usable. */
START_TEST(bad_images_are_all_accounted_for)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/badimages", DSBI_TEST_DATA);
    if (access(path, R_OK) != 0)
        return;
    dsb_runtime *rt = make_runtime(2);
    dsb_dataset *bad;
    ck_assert_ok(dsb_dataset_open(rt, &bad, path, NULL, NULL, NULL));
    snprintf(path, sizeof path, "ls '%s/badimages' | wc -l", DSBI_TEST_DATA);
    FILE *pipe = popen(path, "r");
    unsigned long n_files = 0;
    ck_assert_int_eq(fscanf(pipe, "%lu", &n_files), 1);
    pclose(pipe);
    ck_assert_uint_eq(dsb_dataset_count(bad) + dsb_dataset_broken_count(bad) +
                          dsb_dataset_skipped_count(bad),
                      n_files);
    ck_assert_uint_gt(dsb_dataset_broken_count(bad), 10);
    dsb_problem problem;
    dsb_problem_init(&problem, sizeof problem);
    for (uint64_t i = 0; i < dsb_dataset_broken_count(bad); i++) {
        ck_assert_ok(dsb_dataset_broken(bad, i, &problem));
        ck_assert_int_ne(problem.message[0], '\0');
        ck_assert_uint_ne(problem.cause, DSB_CAUSE_UNREADABLE);
    }
    ck_assert_uint_le(dsb_runtime_memory_peak(rt), (uint64_t)512 << 20);
    dsb_dataset_free(bad);
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    if (!pictures_begin("inventory"))
        return EXIT_FAILURE;
    int result =
        run_tests("inventory", summary_says_what_is_there, bad_images_are_all_accounted_for, NULL);
    pictures_end();
    return result;
}
