/* Contact sheets: what is drawn, where it lies, what is crossed out, the same for any number of
 * threads, and memory that ends. */
#include "pictures.h"

#include "base/json.h"
#include "dsbias/data.h"
#include "rationed.h"

enum { STEP = 32 + 4, GAP = 4 };

static dsb_dataset *open_set(dsb_runtime *rt, const char *name, uint32_t verify)
{
    dsb_dataset_opts opts;
    dsb_dataset_opts_init(&opts, sizeof opts);
    opts.verify = verify;
    dsb_dataset *set;
    ck_assert_ok(dsb_dataset_open(rt, &set, picture_path(name), &opts, NULL, NULL));
    return set;
}

static dsb_sheet_opts small_tiles(uint32_t tiles, uint32_t columns)
{
    dsb_sheet_opts opts;
    dsb_sheet_opts_init(&opts, sizeof opts);
    opts.tiles = tiles;
    opts.columns = columns;
    opts.tile = 32;
    return opts;
}

static dsb_sheet *make_sheet(dsb_runtime *rt, dsb_dataset *const *sets, uint64_t n,
                             const dsb_sheet_opts *opts)
{
    dsb_sheet *sheet;
    ck_assert_ok(
        dsb_sheet_create(rt, &sheet, (const dsb_dataset *const *)sets, n, opts, NULL, NULL));
    return sheet;
}

static const uint8_t *pixel(const dsb_sheet *sheet, uint32_t row, uint32_t column, uint32_t x,
                            uint32_t y)
{
    const dsb_image *image = dsb_sheet_image(sheet);
    uint32_t left = GAP + column * STEP + x, top = GAP + row * STEP + y;
    ck_assert_uint_lt(left, dsb_image_width(image));
    ck_assert_uint_lt(top, dsb_image_height(image));
    return dsb_image_pixels(image) + ((size_t)top * dsb_image_width(image) + left) * 3;
}

static size_t image_bytes(const dsb_sheet *sheet)
{
    const dsb_image *image = dsb_sheet_image(sheet);
    return (size_t)dsb_image_width(image) * dsb_image_height(image) * 3;
}

START_TEST(a_sheet_depends_on_its_seed_alone)
{
    dsb_sheet *sheets[3];
    dsb_runtime *runtimes[3];
    for (size_t i = 0; i < 3; i++) {
        runtimes[i] = make_runtime(i == 1 ? 4 : 1);
        dsb_dataset *set = open_set(runtimes[i], "many", 1);
        dsb_sheet_opts opts = small_tiles(12, 0);
        opts.seed = i == 2;
        sheets[i] = make_sheet(runtimes[i], &set, 1, &opts);
        dsb_dataset_free(set);
        ck_assert_uint_eq(dsb_sheet_count(sheets[i]), 12);
        ck_assert_uint_eq(dsb_sheet_row_count(sheets[i]), 3); /* 4 x 3: the squarest */
        ck_assert_uint_eq(dsb_image_width(dsb_sheet_image(sheets[i])), GAP + 4 * STEP);
        ck_assert_uint_eq(dsb_image_height(dsb_sheet_image(sheets[i])), GAP + 3 * STEP);
    }
    const uint8_t *first = dsb_image_pixels(dsb_sheet_image(sheets[0]));
    size_t size = image_bytes(sheets[0]);
    ck_assert_mem_eq(first, dsb_image_pixels(dsb_sheet_image(sheets[1])), size);
    ck_assert(memcmp(first, dsb_image_pixels(dsb_sheet_image(sheets[2])), size) != 0);
    for (size_t i = 0; i < 3; i++) {
        dsb_sheet_free(sheets[i]);
        dsb_runtime_free(runtimes[i]);
    }
}
END_TEST

/* Every image is drawn equally often, and none twice on a sheet. */
START_TEST(a_sample_is_fair)
{
    enum { N = 40, TILES = 10, SEEDS = 400 };
    dsb_runtime *rt = make_runtime(2);
    dsb_dataset *set = open_set(rt, "many", 0);
    ck_assert_uint_eq(dsb_dataset_count(set), N);
    uint64_t counts[N] = {0};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        dsb_sheet_opts opts = small_tiles(TILES, 0);
        opts.seed = seed;
        opts.tile = 8;
        dsb_sheet *sheet = make_sheet(rt, &set, 1, &opts);
        char *json;
        size_t size;
        dsbi_json *doc;
        ck_assert_ok(dsb_sheet_json(sheet, &json, &size));
        ck_assert_ok(dsbi_json_parse(rt, &doc, json, size));
        uint64_t last = 0, image, n = 0;
        const dsbi_json_value *tile = dsbi_json_first(dsbi_json_get(dsbi_json_root(doc), "tiles"));
        for (; tile; tile = dsbi_json_next(tile), n++) {
            ck_assert(dsbi_json_uint64(dsbi_json_get(tile, "image"), &image));
            ck_assert(n == 0 || image > last);
            last = image;
            counts[image]++;
        }
        ck_assert_uint_eq(n, TILES);
        dsbi_json_free(doc);
        dsb_data_text_free(rt, json);
        dsb_sheet_free(sheet);
    }
    for (size_t i = 0; i < N; i++) { /* 100 expected, standard deviation below 9 */
        ck_assert_uint_gt(counts[i], 60);
        ck_assert_uint_lt(counts[i], 140);
    }
    dsb_dataset_free(set);
    dsb_runtime_free(rt);
}
END_TEST

static bool is_crossed(const dsb_sheet *sheet, uint32_t row, uint32_t column)
{
    static const uint8_t ink[3] = {190, 40, 24};
    return memcmp(pixel(sheet, row, column, 0, 0), ink, 3) == 0 &&
           memcmp(pixel(sheet, row, column, 31, 0), ink, 3) == 0 &&
           memcmp(pixel(sheet, row, column, 16, 16), ink, 3) == 0;
}

START_TEST(broken_files_are_crossed_out)
{
    dsb_runtime *rt = make_runtime(2);
    for (uint32_t verify = 0; verify < 2; verify++) {
        dsb_dataset *set = open_set(rt, "hurt", verify); /* 3 good, 1 cut, 1 empty */
        dsb_sheet_opts opts = small_tiles(0, 0);
        dsb_sheet *sheet = make_sheet(rt, &set, 1, &opts);
        ck_assert_uint_eq(dsb_sheet_count(sheet), 5);
        ck_assert_uint_eq(dsb_sheet_broken_count(sheet), 2);
        ck_assert(is_crossed(sheet, verify ? 1 : 0, verify ? 0 : 1)); /* b.jpg, second by name */
        ck_assert(is_crossed(sheet, 1, 1));                           /* e.png: known as broken */
        ck_assert(!is_crossed(sheet, 0, 0));
        char *json;
        ck_assert_ok(dsb_sheet_json(sheet, &json, NULL));
        ck_assert_ptr_nonnull(strstr(json, "premature end"));
        ck_assert_ptr_nonnull(strstr(json, "empty file"));
        dsb_data_text_free(rt, json);
        dsb_sheet_free(sheet);
        dsb_dataset_free(set);
    }
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(rows_by_class_and_collection)
{
    dsb_runtime *rt = make_runtime(2);
    dsb_dataset *sets[2] = {open_set(rt, "classes", 1), open_set(rt, "many", 1)};
    dsb_sheet_opts opts = small_tiles(3, 2);
    opts.by_class = 1;
    dsb_sheet *sheet = make_sheet(rt, sets, 1, &opts); /* cat: 3, dog: 1 */
    ck_assert_uint_eq(dsb_sheet_row_count(sheet), 3);
    ck_assert_str_eq(dsb_sheet_row_name(sheet, 0), "cat");
    ck_assert_str_eq(dsb_sheet_row_name(sheet, 1), "cat");
    ck_assert_str_eq(dsb_sheet_row_name(sheet, 2), "dog");
    ck_assert_ptr_null(dsb_sheet_row_name(sheet, 3));
    dsb_sheet_free(sheet);
    sheet = make_sheet(rt, sets, 2, &opts);
    ck_assert_str_eq(dsb_sheet_row_name(sheet, 2), "classes/dog");
    ck_assert_str_eq(dsb_sheet_row_name(sheet, 3), "many/(top)");
    dsb_sheet_free(sheet);
    opts = small_tiles(0, 0);
    sheet = make_sheet(rt, sets, 2, &opts);
    ck_assert_uint_eq(dsb_sheet_row_count(sheet), 2);
    ck_assert_uint_eq(dsb_sheet_count(sheet), 4 + 10);
    ck_assert_str_eq(dsb_sheet_row_name(sheet, 1), "many");
    dsb_sheet_free(sheet);
    dsb_dataset_free(sets[0]);
    dsb_dataset_free(sets[1]);
    dsb_runtime_free(rt);
}
END_TEST

/* 3 x 2 pixels in a tile of 32: ten times as large, in the middle, no pixel mixed. */
START_TEST(small_images_are_enlarged_whole)
{
    dsb_runtime *rt = make_runtime(1);
    dsb_dataset *set = open_set(rt, "tiny", 1);
    dsb_sheet_opts opts = small_tiles(0, 0);
    dsb_sheet *sheet = make_sheet(rt, &set, 1, &opts);
    static const uint8_t paper[3] = {228, 230, 233};
    for (uint32_t y = 0; y < 32; y++) {
        for (uint32_t x = 0; x < 32; x++) {
            const uint8_t *p = pixel(sheet, 0, 0, x, y);
            bool inside = x >= 1 && x < 31 && y >= 6 && y < 26;
            uint8_t expected = (uint8_t)((y - 6) / 10 * 100 + (x - 1) / 10 * 10);
            ck_assert(inside ? p[0] == expected && p[2] == expected : memcmp(p, paper, 3) == 0);
        }
    }
    dsb_sheet_free(sheet);
    dsb_dataset_free(set);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(refusals)
{
    dsb_runtime *rt = make_runtime(1);
    dsb_dataset *set = open_set(rt, "many", 0), *none = open_set(rt, "none", 0);
    const dsb_dataset *const *one = (const dsb_dataset *const *)&set;
    dsb_sheet *sheet;
    dsb_sheet_opts opts = small_tiles(0, 0);
    opts.tile = 4;
    ck_assert_fails(dsb_sheet_create(rt, &sheet, one, 1, &opts, NULL, NULL), DSB_E_INVALID,
                    "tile 4 (8..1024)");
    opts = small_tiles(40, 1);
    opts.tile = 1024;
    ck_assert_ok(dsb_sheet_create(rt, &sheet, one, 1, &opts, NULL, NULL));
    dsb_sheet_free(sheet);
    const dsb_dataset *twice[2] = {set, set};
    ck_assert_fails(dsb_sheet_create(rt, &sheet, twice, 2, &opts, NULL, NULL), DSB_E_LIMIT,
                    "80 tiles of 1024 pixels");
    ck_assert_ptr_null(sheet);
    opts = small_tiles(0, 0);
    const dsb_dataset *nothing = none;
    ck_assert_fails(dsb_sheet_create(rt, &sheet, &nothing, 1, &opts, NULL, NULL), DSB_E_DATA,
                    "no image to show");
    ck_assert_fails(dsb_sheet_create(rt, &sheet, NULL, 1, &opts, NULL, NULL), DSB_E_INVALID, "");
    dsb_dataset_free(set);
    dsb_dataset_free(none);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(each_allocation_may_fail)
{
    rationed memory = {0};
    dsb_runtime *rt = make_rationed(&memory);
    dsb_dataset *sets[2] = {open_set(rt, "classes", 1), open_set(rt, "hurt", 1)};
    uint64_t before = memory.in_use;
    for (uint64_t n = 0;; n++) {
        ck_assert_uint_lt(n, 2000);
        dsb_sheet_opts opts = small_tiles(2, 0);
        opts.by_class = n % 2;
        dsb_sheet *sheet;
        char *json = NULL;
        memory.left = n / 2;
        dsb_status status =
            dsb_sheet_create(rt, &sheet, (const dsb_dataset *const *)sets, 2, &opts, NULL, NULL);
        if (status == DSB_OK)
            status = dsb_sheet_json(sheet, &json, NULL);
        bool enough = memory.left > 0;
        memory.left = UINT64_MAX;
        dsb_data_text_free(rt, json);
        dsb_sheet_free(sheet);
        ck_assert_uint_eq(memory.in_use, before);
        ck_assert_msg(status == DSB_OK || status == DSB_E_NOMEM, "%s", dsb_last_error());
        if (status == DSB_OK && enough && opts.by_class)
            break;
    }
    dsb_dataset_free(sets[0]);
    dsb_dataset_free(sets[1]);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(pictures_are_there)
{
    dsb_runtime *rt = make_runtime(1);
    write_pictures(rt, "many", 40, 100);
    write_picture(rt, "hurt/a.jpg", 60, 40, 1);
    write_picture(rt, "hurt/b.jpg", 60, 40, 2);
    ck_assert_int_eq(truncate(picture_path("hurt/b.jpg"), 700), 0);
    write_picture(rt, "hurt/c.jpg", 40, 60, 3);
    write_picture(rt, "hurt/d.jpg", 30, 30, 4);
    write_bytes(rt, "hurt/e.png", "", 0);
    write_pictures(rt, "classes/cat", 3, 200);
    write_pictures(rt, "classes/dog", 1, 300);
    static const uint8_t tiny[] = "P5 3 2 255\n\0\12\24\144\156\170";
    write_bytes(rt, "tiny/t.pgm", tiny, sizeof tiny - 1);
    write_bytes(rt, "none/readme.txt", "text", 4);
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    if (!pictures_begin("sheet"))
        return EXIT_FAILURE;
    int result =
        run_tests("sheet", pictures_are_there, a_sheet_depends_on_its_seed_alone, a_sample_is_fair,
                  broken_files_are_crossed_out, rows_by_class_and_collection,
                  small_images_are_enlarged_whole, refusals, each_allocation_may_fail, NULL);
    pictures_end();
    return result;
}
