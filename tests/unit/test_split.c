/* Duplicates and splits: equal numbers, disjoint parts, no file in two parts, drawn by seed. */
#include "pictures.h"

#include "data/split.h"

static dsb_runtime *rt;

static dsb_dataset *open_at(const char *name)
{
    dsb_dataset *dataset;
    ck_assert_ok(dsb_dataset_open(rt, &dataset, picture_path(name), NULL, NULL, NULL));
    return dataset;
}

/* Two collections: a has 43 pictures and a copy of one, b has 60; 4 are in both. */
static void open_pair(dsb_dataset *sets[2])
{
    static bool made;
    if (!made) {
        write_pictures(rt, "a", 40, 100);
        write_pictures(rt, "a/copies", 3, 110);
        write_picture(rt, "a/copies/zz.jpg", 24 + 10 % 7, 20 + 10 % 5, 110); /* = a/010.jpg */
        write_pictures(rt, "b", 60, 1000);
        for (uint32_t i = 0; i < 4; i++) {
            char name[32];
            snprintf(name, sizeof name, "b/from_a_%u.jpg", i);
            write_picture(rt, name, 24 + i % 7, 20 + i % 5, 100 + i);
        }
        made = true;
    }
    sets[0] = open_at("a");
    sets[1] = open_at("b");
}

static void close_pair(dsb_dataset *sets[2])
{
    dsb_dataset_free(sets[0]);
    dsb_dataset_free(sets[1]);
}

START_TEST(duplicates_are_grouped)
{
    dsb_dataset *sets[2];
    open_pair(sets);
    dsb_duplicates *found;
    ck_assert_ok(dsb_duplicates_find(rt, &found, (const dsb_dataset *const *)sets, 2));
    uint64_t n_across = 0;
    for (uint64_t g = 0; g < dsb_duplicates_count(found); g++) {
        uint64_t d0, i0, d, i;
        ck_assert_uint_ge(dsb_duplicates_size(found, g), 2);
        ck_assert_ok(dsb_duplicates_file(found, g, 0, &d0, &i0));
        bool is_across = false;
        for (uint64_t k = 1; k < dsb_duplicates_size(found, g); k++) {
            ck_assert_ok(dsb_duplicates_file(found, g, k, &d, &i));
            ck_assert(d > d0 || (d == d0 && i > i0));
            is_across |= d != d0;
            uint8_t *x, *y;
            size_t nx, ny;
            ck_assert_ok(dsbi_dataset_read(sets[d0], rt, &x, &nx, i0));
            ck_assert_ok(dsbi_dataset_read(sets[d], rt, &y, &ny, i));
            ck_assert_uint_eq(nx, ny);
            ck_assert_mem_eq(x, y, nx);
            dsbi_free(rt, x);
            dsbi_free(rt, y);
        }
        ck_assert_uint_eq(dsb_duplicates_is_across(found, g), is_across);
        n_across += is_across;
    }
    ck_assert_uint_eq(n_across, 4);
    ck_assert_uint_eq(dsb_duplicates_shared(found, 0), 4);
    ck_assert_uint_eq(dsb_duplicates_shared(found, 1), 4);
    ck_assert_uint_eq(dsb_duplicates_within(found, 0), 1);
    ck_assert_uint_eq(dsb_duplicates_within(found, 1), 0);
    ck_assert_uint_eq(dsb_duplicates_within(found, 2), 0);
    ck_assert_uint_eq(dsb_duplicates_count(found), 5);
    ck_assert_fails(dsb_duplicates_file(found, 5, 0, NULL, NULL), DSB_E_INVALID, "group 5");
    ck_assert_fails(dsb_duplicates_file(found, 0, 9, NULL, NULL), DSB_E_INVALID, "file 9");
    close_pair(sets); /* the duplicates keep them */
    ck_assert_uint_eq(dsb_duplicates_size(found, 0), 2);
    dsb_duplicates_free(found);
    dsb_duplicates_free(NULL);
}
END_TEST

/* No two items of any parts and labels show the same bytes. */
static void check_disjoint(const dsb_split *split)
{
    enum { MAX = 400 };
    static uint8_t hashes[MAX][16];
    size_t n = 0;
    for (uint32_t part = 0; part < 3; part++) {
        ck_assert_uint_eq(dsb_split_size(split, part) % dsb_split_labels(split), 0);
        uint64_t per_label = dsb_split_size(split, part) / dsb_split_labels(split);
        for (uint64_t k = 0; k < dsb_split_size(split, part); k++) {
            uint32_t label;
            const dsb_dataset *dataset;
            uint64_t image;
            ck_assert_ok(dsb_split_item(split, part, k, &label, &dataset, &image));
            ck_assert_uint_eq(label, k / per_label);
            ck_assert_uint_lt(image, dsb_dataset_count(dataset));
            const uint8_t *hash = dsbi_dataset_entry(dataset, image)->hash;
            for (size_t i = 0; i < n; i++)
                ck_assert_int_ne(memcmp(hashes[i], hash, 16), 0);
            memcpy(hashes[n++], hash, 16);
        }
    }
}

static dsb_split *split_with(dsb_dataset **sets, uint64_t seed, uint64_t n_train, uint64_t n_select,
                             uint64_t n_test)
{
    dsb_split_opts opts;
    dsb_split_opts_init(&opts, sizeof opts);
    opts.seed = seed;
    opts.n_train = n_train;
    opts.n_select = n_select;
    opts.n_test = n_test;
    dsb_split *split;
    ck_assert_ok(dsb_split_create(rt, &split, (const dsb_dataset *const *)sets, 2, &opts));
    ck_assert_str_eq(dsb_last_error(), "");
    return split;
}

START_TEST(parts_are_equal_and_disjoint)
{
    dsb_dataset *sets[2];
    open_pair(sets);
    dsb_split *split;
    ck_assert_ok(dsb_split_create(rt, &split, (const dsb_dataset *const *)sets, 2, NULL));
    ck_assert_uint_eq(dsb_split_labels(split), 2);
    uint64_t usable = dsb_split_usable(split, 0);
    ck_assert_uint_eq(usable, dsb_dataset_count(sets[0]) - 5); /* 4 in b as well, 1 copy */
    ck_assert_uint_eq(dsb_split_usable(split, 1), 60);
    ck_assert_uint_eq(dsb_split_size(split, DSB_PART_SELECT), 2 * ((usable + 5) / 10));
    ck_assert_uint_eq(dsb_split_size(split, DSB_PART_TRAIN) +
                          dsb_split_size(split, DSB_PART_SELECT) +
                          dsb_split_size(split, DSB_PART_TEST),
                      2 * usable);
    ck_assert_uint_eq(dsb_split_size(split, 3), 0);
    ck_assert_uint_eq(dsb_duplicates_count(dsb_split_duplicates(split)), 5);
    check_disjoint(split);
    close_pair(sets);
    check_disjoint(split);
    ck_assert_fails(dsb_split_item(split, 0, 1000, NULL, NULL, NULL), DSB_E_INVALID, "item 1000");
    dsb_split_free(split);
    dsb_split_free(NULL);
}
END_TEST

static bool same_part(const dsb_split *a, const dsb_split *b, uint32_t part)
{
    if (dsb_split_size(a, part) != dsb_split_size(b, part))
        return false;
    for (uint64_t k = 0; k < dsb_split_size(a, part); k++)
        if (dsbi_split_item(a, part, k).image != dsbi_split_item(b, part, k).image)
            return false;
    return true;
}

START_TEST(seed_and_sizes_decide)
{
    dsb_dataset *sets[2];
    open_pair(sets);
    dsb_split *a = split_with(sets, 7, 12, 5, 6), *b = split_with(sets, 7, 12, 5, 6);
    dsb_split *c = split_with(sets, 8, 12, 5, 6), *d = split_with(sets, 7, 4, 5, 6);
    dsb_split *e = split_with(sets, 7, 0, 0, 6), *f = split_with(sets, 7, 10, 0, 0);
    ck_assert_uint_eq(dsb_split_size(a, DSB_PART_TRAIN), 24);
    ck_assert_uint_eq(dsb_split_size(a, DSB_PART_SELECT), 10);
    ck_assert_uint_eq(dsb_split_size(a, DSB_PART_TEST), 12);
    for (uint32_t part = 0; part < 3; part++) {
        ck_assert(same_part(a, b, part));
        ck_assert(!same_part(a, c, part));
    }
    ck_assert(same_part(a, d, DSB_PART_TEST)); /* fewer to train on, the same test */
    ck_assert(same_part(a, d, DSB_PART_SELECT));
    ck_assert(same_part(a, e, DSB_PART_TEST));
    uint64_t usable = dsb_split_usable(a, 0), rest = usable - 6; /* 7 : 1 */
    ck_assert_uint_eq(dsb_split_size(e, DSB_PART_SELECT), 2 * ((2 * rest + 8) / 16));
    ck_assert_uint_eq(dsb_split_size(f, DSB_PART_SELECT) + dsb_split_size(f, DSB_PART_TEST),
                      2 * (usable - 10));
    dsb_split *splits[] = {a, b, c, d, e, f};
    for (size_t i = 0; i < 6; i++) {
        check_disjoint(splits[i]);
        dsb_split_free(splits[i]);
    }
    close_pair(sets);
}
END_TEST

START_TEST(too_small_collections_are_refused)
{
    dsb_dataset *sets[2];
    open_pair(sets);
    dsb_split_opts opts;
    dsb_split_opts_init(&opts, sizeof opts);
    opts.n_test = 1000;
    dsb_split *split;
    const dsb_dataset *const *pair = (const dsb_dataset *const *)sets;
    ck_assert_fails(dsb_split_create(rt, &split, pair, 2, &opts), DSB_E_DATA,
                    "1002 are needed (44 usable files, of which 1 repeat another one and 4");
    ck_assert_ptr_null(split);
    const dsb_dataset *twice[2] = {sets[0], sets[0]};
    ck_assert_fails(dsb_split_create(rt, &split, twice, 2, NULL), DSB_E_DATA, "a: 0 images");
    opts.n_test = UINT64_MAX;
    ck_assert_fails(dsb_split_create(rt, &split, pair, 2, &opts), DSB_E_INVALID, "a part of");
    ck_assert_fails(dsb_split_create(rt, &split, pair, 0, NULL), DSB_E_INVALID, "0 labels");
    ck_assert_fails(dsb_split_create(rt, &split, NULL, 1, NULL), DSB_E_INVALID, "NULL");
    twice[1] = NULL;
    ck_assert_fails(dsb_split_create(rt, &split, twice, 2, NULL), DSB_E_INVALID, "1 is NULL");
    ck_assert_fails(dsb_split_create_pseudo(rt, &split, sets[1], 40, NULL), DSB_E_DATA,
                    "b: 1 images can be drawn for each pseudo-collection, 3 are needed");
    write_pictures(rt, "tiny", 3, 7000);
    dsb_dataset *tiny = open_at("tiny");
    const dsb_dataset *one[1] = {tiny};
    ck_assert_ok(dsb_split_create(rt, &split, one, 1, NULL)); /* 1 + 1 + 1 */
    for (uint32_t part = 0; part < 3; part++)
        ck_assert_uint_eq(dsb_split_size(split, part), 1);
    dsb_split_free(split);
    dsb_dataset_free(tiny);
    close_pair(sets);
}
END_TEST

START_TEST(pseudo_collections_are_disjoint_pieces_of_one)
{
    dsb_dataset *sets[2];
    open_pair(sets);
    dsb_split *split, *other;
    dsb_split_opts opts;
    dsb_split_opts_init(&opts, sizeof opts);
    for (uint64_t n_labels = 1; n_labels <= 4; n_labels++) {
        ck_assert_ok(dsb_split_create_pseudo(rt, &split, sets[0], n_labels, NULL));
        ck_assert_uint_eq(dsb_split_labels(split), n_labels);
        ck_assert_uint_eq(dsb_split_usable(split, 0), 43 / n_labels); /* 44 and a copy */
        check_disjoint(split);
        for (uint64_t k = 0; k < dsb_split_size(split, DSB_PART_TEST); k++)
            ck_assert_ptr_eq(dsbi_split_item(split, DSB_PART_TEST, k).dataset, sets[0]);
        opts.seed = 1;
        ck_assert_ok(dsb_split_create_pseudo(rt, &other, sets[0], n_labels, &opts));
        ck_assert(!same_part(split, other, DSB_PART_TRAIN));
        dsb_split_free(other);
        dsb_split_free(split);
    }
    close_pair(sets);
}
END_TEST

int main(void)
{
    if (!pictures_begin("split") || dsb_runtime_create(&rt, NULL) != DSB_OK)
        return EXIT_FAILURE;
    uint64_t before = dsb_runtime_memory(rt);
    int result = run_tests("split", duplicates_are_grouped, parts_are_equal_and_disjoint,
                           seed_and_sizes_decide, too_small_collections_are_refused,
                           pseudo_collections_are_disjoint_pieces_of_one, NULL);
    if (dsb_runtime_memory(rt) != before)
        result = EXIT_FAILURE;
    dsb_runtime_free(rt);
    pictures_end();
    return result;
}
