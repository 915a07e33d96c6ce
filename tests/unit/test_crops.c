/* Random resized crops straight from files: what is decoded of a JPEG changes no pixel, quick
 * enlarging stays near the exact one, and neither depends on the number of threads. */
#include "testing.h"

#include <sys/stat.h>
#include <unistd.h>
#include "base/rng.h"
#include "cuts.h"
#include "data/crops.h"
#include "dsbias/data.h"
#include "image/enlarge.h"

static dsbi_image noise(dsb_runtime *rt, uint32_t width, uint32_t height, uint64_t seed)
{
    dsbi_image small, image;
    dsbi_rng rng;
    dsbi_rng_init(&rng, seed, DSBI_RNG_TEST, 0);
    ck_assert_ok(dsbi_image_alloc(rt, &small, width / 3 + 2, height / 3 + 2, 3));
    for (size_t i = 0; i < (size_t)small.width * small.height * 3; i++)
        small.data[i] = (uint8_t)dsbi_rng_below(&rng, 256);
    ck_assert_ok(dsbi_image_resize(rt, &image, &small, width, height, NULL, DSBI_RESIZE_BICUBIC));
    dsbi_image_free(rt, &small);
    return image;
}

/* The same rectangle from the whole image and decoded alone. */
static void check_cut(dsb_runtime *rt, const uint8_t *bytes, size_t size, const dsbi_image *whole,
                      dsbi_rng *rng)
{
    dsbi_cut cut = {.x = (uint32_t)dsbi_rng_below(rng, whole->width),
                    .y = (uint32_t)dsbi_rng_below(rng, whole->height)};
    cut.width = 1 + (uint32_t)dsbi_rng_below(rng, whole->width - cut.x);
    cut.height = 1 + (uint32_t)dsbi_rng_below(rng, whole->height - cut.y);
    dsbi_decode_limits limits = dsbi_decode_limits_default;
    dsbi_scratch scratch = {0};
    limits.cut = &cut;
    limits.pixels = &scratch;
    dsbi_image part;
    ck_assert_ok(dsbi_image_decode(rt, &part, NULL, bytes, size, &limits));
    ck_assert_uint_eq(cut.scale, 1);
    ck_assert_uint_le(cut.at_x, cut.x);
    ck_assert_uint_le(cut.at_y, cut.y);
    ck_assert_uint_le(cut.x + cut.width, cut.at_x + part.width);
    ck_assert_uint_le(cut.y + cut.height, cut.at_y + part.height);
    check_cut_pixels(whole, &part, &cut);
    dsbi_image_release(rt, &part, &scratch);
    dsbi_scratch_free(rt, &scratch);
}

START_TEST(a_cut_is_the_same_decoded_alone)
{
    dsb_runtime *rt = make_runtime(1);
    uint64_t before = dsb_runtime_memory(rt);
    dsbi_rng rng;
    dsbi_rng_init(&rng, 5, DSBI_RNG_TEST, 1);
    static const uint32_t sizes[][2] = {{256, 256}, {97, 131}, {17, 200}, {200, 15}, {33, 33}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int is_420 = 0; is_420 < 2; is_420++) {
            dsbi_image image = noise(rt, sizes[i][0], sizes[i][1], i), whole;
            uint8_t *bytes;
            size_t size;
            ck_assert_ok(dsbi_jpeg_encode(rt, &bytes, &size, &image, 90, is_420));
            ck_assert_ok(dsbi_image_decode(rt, &whole, NULL, bytes, size, NULL));
            for (int k = 0; k < 200; k++)
                check_cut(rt, bytes, size, &whole, &rng);
            dsbi_free(rt, bytes);
            dsbi_image_free(rt, &image);
            dsbi_image_free(rt, &whole);
        }
    ck_assert_uint_eq(dsb_runtime_memory(rt), before);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(large_cuts_are_decoded_smaller)
{
    dsb_runtime *rt = make_runtime(1);
    dsbi_image image = noise(rt, 700, 500, 1), part;
    uint8_t *bytes;
    size_t size;
    ck_assert_ok(dsbi_jpeg_encode(rt, &bytes, &size, &image, 90, true));
    static const struct {
        uint32_t side, scale;
    } cases[] = {{447, 1}, {448, 2}, {100, 1}};
    for (size_t i = 0; i < 3; i++) {
        dsbi_cut cut = {.x = 33,
                        .y = 21,
                        .width = cases[i].side,
                        .height = cases[i].side,
                        .min_width = 224,
                        .min_height = 224};
        dsbi_decode_limits limits = dsbi_decode_limits_default;
        limits.cut = &cut;
        ck_assert_ok(dsbi_image_decode(rt, &part, NULL, bytes, size, &limits));
        ck_assert_uint_eq(cut.scale, cases[i].scale);
        ck_assert_uint_ge((cut.at_x + part.width) * cut.scale, cut.x + cut.width);
        ck_assert_uint_ge((cut.at_y + part.height) * cut.scale, cut.y + cut.height);
        ck_assert_uint_lt(part.width, 700);
        dsbi_image_free(rt, &part);
    }
    dsbi_free(rt, bytes);
    dsbi_image_free(rt, &image);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(stretching_is_near_resizing)
{
    dsb_runtime *rt = make_runtime(1);
    static const uint32_t sizes[][2] = {{224, 224}, {170, 181}, {6, 1}, {37, 224}, {223, 5}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int mirror = 0; mirror < 2; mirror++) {
            dsbi_image image = noise(rt, sizes[i][0], sizes[i][1], i);
            const dsbi_region all = dsbi_region_of(&image);
            const dsbi_resize_window want = {224, 224, 0, 0, 224, 224, mirror};
            const double box[4] = {0, 0, image.width, image.height};
            ck_assert(dsbi_region_can_stretch(&all, &want, box));
            uint8_t *a = dsbi_alloc(rt, 224 * 224 * 3), *b = dsbi_alloc(rt, 224 * 224 * 3);
            dsbi_scratch scratch = {0};
            ck_assert_ok(dsbi_region_stretch(rt, a, &all, &want, box, &scratch));
            ck_assert_ok(
                dsbi_region_resize(rt, b, &all, &want, NULL, DSBI_RESIZE_BILINEAR, &scratch));
            for (size_t k = 0; k < 224 * 224 * 3; k++)
                ck_assert_int_le(abs(a[k] - b[k]), 2);
            dsbi_scratch_free(rt, &scratch);
            dsbi_free(rt, a);
            dsbi_free(rt, b);
            dsbi_image_free(rt, &image);
        }
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(mirroring_is_a_flip)
{
    dsb_runtime *rt = make_runtime(1);
    dsbi_image image = noise(rt, 50, 90, 3);
    for (uint32_t height = 20; height <= 90; height += 35) { /* both orders of passes */
        const dsbi_region all = dsbi_region_of(&image);
        dsbi_image a, b;
        ck_assert_ok(dsbi_image_resize(rt, &a, &image, 41, height, NULL, DSBI_RESIZE_BICUBIC));
        dsbi_image_flip_horizontal(&a);
        ck_assert_ok(dsbi_image_alloc(rt, &b, 41, height, 3));
        const dsbi_resize_window want = {41, height, 0, 0, 41, height, true};
        ck_assert_ok(dsbi_region_resize(rt, b.data, &all, &want, NULL, DSBI_RESIZE_BICUBIC, NULL));
        ck_assert_int_eq(memcmp(a.data, b.data, (size_t)41 * height * 3), 0);
        dsbi_image_free(rt, &a);
        dsbi_image_free(rt, &b);
    }
    dsbi_image_free(rt, &image);
    dsb_runtime_free(rt);
}
END_TEST

/* Turned like EXIF says: a pixel at the corner goes where it belongs. */
START_TEST(orientations)
{
    dsb_runtime *rt = make_runtime(1);
    static const uint32_t corner[9][2] = {{0, 0}, {0, 0}, {2, 0}, {2, 1}, {0, 1},
                                          {0, 0}, {1, 0}, {1, 2}, {0, 2}};
    for (uint32_t o = 1; o <= 8; o++) {
        dsbi_image image;
        ck_assert_ok(dsbi_image_alloc(rt, &image, 3, 2, 3));
        memset(image.data, 0, 18);
        image.data[0] = 200;
        ck_assert_ok(dsbi_image_orient(rt, &image, o, NULL));
        ck_assert_uint_eq(image.width, o >= 5 ? 2 : 3);
        ck_assert_uint_eq(image.data[(corner[o][1] * image.width + corner[o][0]) * 3], 200);
        dsbi_image_free(rt, &image);
    }
    dsb_runtime_free(rt);
}
END_TEST

static uint64_t fold(uint64_t hash, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3u;
    return hash;
}

/* All batches of three epochs as one number; one file lacks its second half. */
static uint64_t load_all(dsb_dataset *const *sets, uint32_t threads, uint32_t fast)
{
    dsb_runtime *rt = make_runtime(threads);
    dsb_split *split;
    ck_assert_ok(dsb_split_create(rt, &split, (const dsb_dataset *const *)sets, 2, NULL));
    dsb_loader_opts opts;
    dsb_loader_opts_init(&opts, sizeof opts);
    opts.augment = "crop";
    opts.whole = 1;
    opts.fast = fast;
    opts.filter = DSB_FILTER_BILINEAR;
    opts.size = 48;
    opts.batch_size = 7;
    opts.shuffle = 1;
    opts.n_epochs = 3;
    dsb_loader *loader;
    ck_assert_ok(dsb_loader_create(rt, &loader, split, DSB_PART_TRAIN, &opts));
    dsb_batch batch;
    dsb_batch_init(&batch, sizeof batch);
    uint64_t hash = 1;
    for (;;) {
        ck_assert_ok(dsb_loader_next(loader, &batch));
        if (batch.n == 0)
            break;
        hash = fold(hash, batch.images, batch.n * 48 * 48 * 3);
        hash = fold(hash, (const uint8_t *)batch.shown, batch.n * sizeof *batch.shown);
    }
    ck_assert_uint_eq(dsb_loader_stored_count(loader), 0);
    dsb_loader_free(loader);
    dsb_split_free(split);
    dsb_runtime_free(rt);
    return hash;
}

START_TEST(threads_change_nothing)
{
    dsb_runtime *rt = make_runtime(2);
    dsb_dataset *sets[2];
    dsb_dataset_opts opts;
    dsb_dataset_opts_init(&opts, sizeof opts);
    opts.verify = 0;
    char folder[] = "/tmp/dsbias-crops-XXXXXX", spec[128], path[256];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_ok(dsb_synthetic_write(rt, "synthetic:phone?n=30", folder, NULL, NULL));
    snprintf(spec, sizeof spec, "a=%s", folder);
    ck_assert_ok(dsb_dataset_open(rt, &sets[0], spec, &opts, NULL, NULL));
    ck_assert_ok(dsb_dataset_open(rt, &sets[1], "b=synthetic:webcam?n=30", &opts, NULL, NULL));
    for (uint64_t i = 0; i < 30; i += 9) { /* some lose their second half */
        struct stat facts;
        snprintf(path, sizeof path, "%s/%s", folder, dsb_dataset_path(sets[0], i));
        ck_assert_int_eq(stat(path, &facts), 0);
        ck_assert_int_eq(truncate(path, facts.st_size / 2), 0);
    }
    for (uint32_t fast = 0; fast < 2; fast++) {
        uint64_t expected = load_all(sets, 1, fast);
        ck_assert_uint_eq(load_all(sets, 2, fast), expected);
        ck_assert_uint_eq(load_all(sets, 5, fast), expected);
    }
    dsb_dataset_free(sets[0]);
    dsb_dataset_free(sets[1]);
    snprintf(spec, sizeof spec, "rm -r %s", folder);
    ck_assert_int_eq(system(spec), 0);
    dsb_runtime_free(rt);
}
END_TEST

/* Limits that the caller sets: what passes them is broken, by that cause. */
START_TEST(limits_of_images)
{
    dsb_runtime *rt = make_runtime(2);
    char folder[] = "/tmp/dsbias-limits-XXXXXX", command[128];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_ok(dsb_synthetic_write(rt, "synthetic:phone?n=6", folder, NULL, NULL));
    for (int k = 0; k < 10; k++) {
        const int i = k % 5;
        dsb_dataset_opts opts;
        dsb_dataset_opts_init(&opts, sizeof opts);
        opts.verify = k < 5; /* headers alone tell all but the blocks of scans */
        if (i == 1)
            opts.max_pixels = 288 * 216 - 1; /* the camera's pictures */
        else if (i == 2)
            opts.max_pixels = 288 * 216;
        else if (i == 3)
            opts.max_blocks = 100;
        else if (i == 4)
            opts.max_file_bytes = 64;
        dsb_dataset *set;
        ck_assert_ok(dsb_dataset_open(rt, &set, folder, &opts, NULL, NULL));
        const uint64_t expected = i == 0 || i == 2 || k == 8 ? 0 : 6;
        ck_assert_uint_eq(dsb_dataset_cause_count(set, DSB_CAUSE_LIMIT), expected);
        ck_assert_uint_eq(dsb_dataset_count(set), 6 - expected);
        dsb_dataset_free(set);
        opts.max_scans = 0;
        ck_assert_fails(dsb_dataset_open(rt, &set, folder, &opts, NULL, NULL), DSB_E_INVALID,
                        "max_scans");
    }
    snprintf(command, sizeof command, "rm -r %s", folder);
    ck_assert_int_eq(system(command), 0);
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    return run_tests("crops", a_cut_is_the_same_decoded_alone, large_cuts_are_decoded_smaller,
                     stretching_is_near_resizing, mirroring_is_a_flip, orientations,
                     threads_change_nothing, limits_of_images, NULL);
}
