/* Splits that keep together what belongs together: groups of a collection, similar images, equal
 * files; classes matched between collections; equal pixels in other files. */
#include "pictures.h"

#include "data/split.h"

static dsb_runtime *rt;

static dsb_dataset *open_with(const char *name, const char *options)
{
    char spec[1200];
    dsb_dataset *dataset;
    snprintf(spec, sizeof spec, "%s%s", picture_path(name), options);
    ck_assert_ok(dsb_dataset_open(rt, &dataset, spec, NULL, NULL, NULL));
    return dataset;
}

/* `n` pictures NAME/<group>_<i>.jpg in groups of 1, 2, 3 .. 7, 1, 2 ... */
static void write_groups(const char *name, uint32_t n, uint64_t seed)
{
    char path[128];
    for (uint32_t i = 0, g = 0, left = 1; i < n; i++, left--) {
        if (left == 0) {
            g++;
            left = 1 + g % 7;
        }
        snprintf(path, sizeof path, "%s/p%03u_%03u.jpg", name, g, i);
        write_picture(rt, path, 20 + i % 5, 18, seed + i);
    }
}

/* In how many of the parts a group has images: at most one. */
static void check_whole(const dsb_split *split)
{
    static int parts[2][4096];
    memset(parts, 0, sizeof parts);
    static uint8_t seen[2][4096];
    memset(seen, 0, sizeof seen);
    for (uint32_t part = 0; part < 3; part++)
        for (uint64_t k = 0; k < dsb_split_size(split, part); k++) {
            dsbi_item item = dsbi_split_item(split, part, k);
            uint32_t group = dsb_dataset_group(item.dataset, item.image);
            ck_assert_uint_lt(group, 4096);
            int *in = &parts[item.collection][group], now = 1 + (int)part * 100 + (int)item.label;
            ck_assert_msg(*in == 0 || *in == now, "group %u in part %d and %d", group, *in, now);
            *in = now;
            ck_assert_uint_eq(seen[item.collection][item.image], 0);
            seen[item.collection][item.image] = 1;
        }
}

START_TEST(groups_stay_together)
{
    write_groups("ga", 300, 1000);
    write_groups("gb", 240, 5000);
    dsb_dataset *sets[2] = {open_with("ga", "?group=(*)_*"), open_with("gb", "?group=(*)_*")};
    ck_assert_uint_gt(dsb_dataset_group_count(sets[0]), 60);
    dsb_split *split, *other;
    dsb_split_opts opts;
    dsb_split_opts_init(&opts, sizeof opts);
    for (opts.seed = 0; opts.seed < 20; opts.seed++) {
        ck_assert_ok(dsb_split_create(rt, &split, (const dsb_dataset *const *)sets, 2, &opts));
        ck_assert_uint_eq(dsb_split_usable(split, 1), 240);
        ck_assert_uint_eq(dsb_split_size(split, DSB_PART_TEST), 2 * 48);
        ck_assert_uint_ge(dsb_split_size(split, DSB_PART_TRAIN), 2 * (168 - 12));
        check_whole(split);
        dsb_split_free(split);
        ck_assert_ok(dsb_split_create_pseudo(rt, &split, sets[0], 3, &opts));
        check_whole(split);
        dsb_split_free(split);
    }
    opts.n_train = 20; /* the test part does not depend on it */
    opts.n_select = opts.n_test = 30;
    ck_assert_ok(dsb_split_create(rt, &split, (const dsb_dataset *const *)sets, 2, &opts));
    opts.n_train = 100;
    ck_assert_ok(dsb_split_create(rt, &other, (const dsb_dataset *const *)sets, 2, &opts));
    for (uint64_t k = 0; k < 60; k++)
        ck_assert_uint_eq(dsbi_split_item(split, DSB_PART_TEST, k).image,
                          dsbi_split_item(other, DSB_PART_TEST, k).image);
    dsb_split_free(split);
    dsb_split_free(other);
    opts.groups = DSB_SPLIT_DROP;
    opts.n_train = opts.n_select = opts.n_test = 0;
    ck_assert_ok(dsb_split_create(rt, &split, (const dsb_dataset *const *)sets, 2, &opts));
    ck_assert_uint_eq(dsb_split_usable(split, 0), dsb_dataset_group_count(sets[0]));
    dsb_split_free(split);
    opts.groups = DSB_SPLIT_IGNORE;
    ck_assert_ok(dsb_split_create(rt, &split, (const dsb_dataset *const *)sets, 2, &opts));
    ck_assert_uint_eq(dsb_split_size(split, DSB_PART_TRAIN), 2 * 168);
    dsb_split_free(split);
    opts.groups = 3;
    ck_assert_fails(dsb_split_create(rt, &split, (const dsb_dataset *const *)sets, 2, &opts),
                    DSB_E_INVALID, "groups is 3");
    dsb_dataset_free(sets[0]);
    dsb_dataset_free(sets[1]);
    dsb_dataset *one = open_with("ga", "?group=(p)*"); /* all in one group */
    opts.groups = DSB_SPLIT_KEEP;
    ck_assert_fails(dsb_split_create(rt, &split, (const dsb_dataset *const *)&one, 1, &opts),
                    DSB_E_DATA, "stay together");
    dsb_dataset_free(one);
}
END_TEST

/* `copies` equal files of each of `n` pictures. */
static void write_copies(const char *name, uint32_t n, uint32_t copies, uint64_t seed)
{
    char path[128];
    for (uint32_t i = 0; i < n * copies; i++) {
        snprintf(path, sizeof path, "%s/%03u.jpg", name, i);
        write_picture(rt, path, 24, 18, seed + i / copies);
    }
}

START_TEST(policies_for_equal_files)
{
    write_copies("ca", 40, 3, 20000);
    write_copies("cb", 50, 2, 30000);
    write_picture(rt, "cb/shared.jpg", 24, 18, 20000); /* = three of ca */
    dsb_dataset *sets[2] = {open_with("ca", ""), open_with("cb", "")};
    dsb_split *split;
    dsb_split_opts opts;
    dsb_split_opts_init(&opts, sizeof opts);
    const uint64_t expected[3][2] = {[DSB_SPLIT_KEEP] = {117, 100},
                                     [DSB_SPLIT_DROP] = {39, 50},
                                     [DSB_SPLIT_IGNORE] = {120, 101}};
    ck_assert_uint_eq(opts.equal_files, DSB_SPLIT_DROP);
    for (opts.equal_files = 0; opts.equal_files < 3; opts.equal_files++) {
        ck_assert_ok(dsb_split_create(rt, &split, (const dsb_dataset *const *)sets, 2, &opts));
        for (uint64_t label = 0; label < 2; label++)
            ck_assert_uint_eq(dsb_split_usable(split, label), expected[opts.equal_files][label]);
        int parts[2][160] = {0};
        uint64_t n_divided = 0;
        for (uint32_t part = 0; part < 3; part++)
            for (uint64_t k = 0; k < dsb_split_size(split, part); k++) {
                dsbi_item item = dsbi_split_item(split, part, k);
                int *in = &parts[item.label][item.image / (item.label ? 2 : 3)];
                n_divided += *in && *in != (int)part + 1;
                *in = (int)part + 1;
            }
        ck_assert_int_eq(n_divided > 0, opts.equal_files == DSB_SPLIT_IGNORE);
        dsb_split_free(split);
    }
    /* the same groups, given as similar images */
    dsb_duplicates *similar;
    ck_assert_ok(
        dsb_duplicates_find_pixels(rt, &similar, (const dsb_dataset *const *)sets, 2, NULL, NULL));
    opts.equal_files = DSB_SPLIT_IGNORE;
    opts.similar = similar;
    for (opts.similar_images = 0; opts.similar_images < 3; opts.similar_images++) {
        ck_assert_ok(dsb_split_create(rt, &split, (const dsb_dataset *const *)sets, 2, &opts));
        ck_assert_uint_eq(dsb_split_usable(split, 0), expected[opts.similar_images][0]);
        dsb_split_free(split);
        ck_assert_ok(dsb_split_create_pseudo(rt, &split, sets[1], 2, &opts)); /* one of the two */
        dsb_split_free(split);
    }
    dsb_duplicates_free(similar);
    dsb_dataset_free(sets[0]);
    dsb_dataset_free(sets[1]);
}
END_TEST

/* One picture as JPEG, with a comment in it, and as two kinds of lossless file. */
START_TEST(equal_pixels_are_found)
{
    dsbi_image image;
    uint8_t *jpeg, *bytes;
    size_t size;
    write_picture(rt, "px/0.jpg", 31, 22, 7);
    write_picture(rt, "px/9.jpg", 31, 22, 8);
    ck_assert_ok(dsbi_file_read(rt, &jpeg, &size, picture_path("px/0.jpg"), 1 << 20));
    ck_assert_ok(dsbi_image_decode(rt, &image, NULL, jpeg, size, NULL));
    bytes = malloc(size + 8);
    memcpy(bytes, jpeg, 2);
    memcpy(bytes + 2, "\xff\xfe\0\6abcd", 8);
    memcpy(bytes + 10, jpeg + 2, size - 2);
    write_bytes(rt, "px/1.jpg", bytes, size + 8);
    free(bytes);
    dsbi_free(rt, jpeg);
    char head[32];
    int n = snprintf(head, sizeof head, "P6\n%u %u\n255\n", image.width, image.height);
    size_t n_pixels = (size_t)image.width * image.height * 3;
    bytes = malloc((size_t)n + n_pixels);
    memcpy(bytes, head, (size_t)n);
    memcpy(bytes + n, image.data, n_pixels);
    write_bytes(rt, "px/2.ppm", bytes, (size_t)n + n_pixels);
    free(bytes);
    char raw[64];
    snprintf(raw, sizeof raw, "?format=raw&layout=Y%uX%uC3", image.height, image.width);
    write_bytes(rt, "pixels.raw", image.data, n_pixels);
    dsbi_image_free(rt, &image);
    dsb_dataset *sets[2] = {open_with("px", ""), open_with("pixels.raw", raw)};
    dsb_duplicates *found;
    ck_assert_ok(dsb_duplicates_find(rt, &found, (const dsb_dataset *const *)sets, 2));
    ck_assert_uint_eq(dsb_duplicates_count(found), 0);
    dsb_duplicates_free(found);
    uint64_t before = dsb_runtime_memory(rt);
    ck_assert_ok(
        dsb_duplicates_find_pixels(rt, &found, (const dsb_dataset *const *)sets, 2, NULL, NULL));
    ck_assert_uint_eq(dsb_duplicates_count(found), 1);
    ck_assert_uint_eq(dsb_duplicates_size(found, 0), 4);
    ck_assert_uint_eq(dsb_duplicates_is_across(found, 0), 1);
    dsb_duplicates_free(found);
    ck_assert_uint_eq(dsb_runtime_memory(rt), before);
    ck_assert_fails(dsb_duplicates_find_pixels(rt, &found, NULL, 2, NULL, NULL), DSB_E_INVALID,
                    "NULL");
    dsb_dataset_free(sets[0]);
    dsb_dataset_free(sets[1]);
}
END_TEST

static void count_classes(const dsb_split *split, uint32_t part, const char *name,
                          uint64_t counts[2])
{
    counts[0] = counts[1] = 0;
    for (uint64_t k = 0; k < dsb_split_size(split, part); k++) {
        dsbi_item item = dsbi_split_item(split, part, k);
        const char *is =
            dsb_dataset_class_name(item.dataset, dsb_dataset_class(item.dataset, item.image));
        counts[item.label] += strcmp(is, name) == 0;
    }
}

START_TEST(shared_classes_have_equal_shares)
{
    const struct {
        const char *name;
        uint32_t n;
    } folders[] = {{"ma/cat", 60}, {"ma/dog", 30}, {"ma/owl", 25}, {"mb/ant", 70},
                   {"mb/cat", 45}, {"mb/dog", 90}, {"mb/eel", 8}};
    for (size_t f = 0; f < sizeof folders / sizeof folders[0]; f++)
        write_pictures(rt, folders[f].name, folders[f].n, 100000 + 1000 * f);
    dsb_dataset *sets[2] = {open_with("ma", ""), open_with("mb", "")};
    dsb_split *split;
    dsb_split_opts opts;
    dsb_split_opts_init(&opts, sizeof opts);
    opts.match_classes = 1;
    for (opts.seed = 0; opts.seed < 5; opts.seed++) {
        ck_assert_ok(dsb_split_create(rt, &split, (const dsb_dataset *const *)sets, 2, &opts));
        ck_assert_uint_eq(dsb_split_shared_classes(split), 2);
        ck_assert_uint_eq(dsb_split_usable(split, 0), 75);
        uint64_t all = 0, cats[2], dogs[2], n_cats = 0;
        for (uint32_t part = 0; part < 3; part++) {
            uint64_t n = dsb_split_size(split, part) / 2;
            count_classes(split, part, "cat", cats);
            count_classes(split, part, "dog", dogs);
            ck_assert_uint_eq(cats[0], cats[1]);
            ck_assert_uint_eq(dogs[0], dogs[1]);
            ck_assert_uint_eq(cats[0] + dogs[0], n);
            ck_assert(cats[0] * 75 + 75 >= n * 45 && cats[0] * 75 <= n * 45 + 75); /* 45 of 75 */
            all += n;
            n_cats += cats[0];
        }
        ck_assert_uint_eq(all, 75);
        ck_assert_uint_eq(n_cats, 45);
        dsb_split_free(split);
    }
    ck_assert_fails(dsb_split_create(rt, &split, (const dsb_dataset *const *)sets, 1, &opts),
                    DSB_E_INVALID, "two collections");
    dsb_dataset_free(sets[1]);
    sets[1] = open_with("px", "");
    ck_assert_fails(dsb_split_create(rt, &split, (const dsb_dataset *const *)sets, 2, &opts),
                    DSB_E_DATA, "no class is in all");
    dsb_dataset_free(sets[0]);
    dsb_dataset_free(sets[1]);
}
END_TEST

int main(void)
{
    if (!pictures_begin("split-groups") || dsb_runtime_create(&rt, NULL) != DSB_OK)
        return EXIT_FAILURE;
    uint64_t before = dsb_runtime_memory(rt);
    int result = run_tests("split_groups", groups_stay_together, policies_for_equal_files,
                           equal_pixels_are_found, shared_classes_have_equal_shares, NULL);
    if (dsb_runtime_memory(rt) != before)
        result = EXIT_FAILURE;
    dsb_runtime_free(rt);
    pictures_end();
    return result;
}
