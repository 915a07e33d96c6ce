/* Built-in scenes and cameras: the same on every machine, disjoint, told apart by pipeline only. */
#include "testing.h"

#include <ftw.h>
#include "base/sha256.h"
#include "data/dataset.h"
#include "image/synthetic/scene.h"
#include "image/synthetic/collection.h"

/* Integer arithmetic only: these hold on every machine and compiler. */
START_TEST(scenes_are_the_same_everywhere)
{
    static const char *const expected[3] = {"398870a7ef90ef01", "adf6e3b794d4b1d3",
                                            "4cf48107b7b3ed8c"};
    dsb_runtime *rt = make_runtime(1);
    static dsbi_fractal fractal;
    dsbi_fractal_fill(&fractal, 7);
    for (uint64_t i = 0; i < 3; i++) {
        dsbi_image image;
        ck_assert_ok(dsbi_scene_render(rt, &image, &fractal, 7, i));
        uint8_t digest[32];
        char hex[17];
        dsbi_sha256(digest, image.data, (size_t)image.width * image.height * 3);
        dsbi_hex(hex, digest, 8);
        ck_assert_msg(strcmp(hex, expected[i]) == 0, "scene %d: %s", (int)i, hex);
        dsbi_image_free(rt, &image);
    }
    dsb_runtime_free(rt);
}
END_TEST

static double mean_of(const dsbi_image *image, size_t channel)
{
    double sum = 0.0;
    size_t n = (size_t)image->width * image->height;
    for (size_t i = 0; i < n; i++)
        sum += image->data[i * 3 + channel];
    return sum / (double)n;
}

START_TEST(scenes_vary_and_fill_the_range)
{
    dsb_runtime *rt = make_runtime(1);
    dsbi_synthetic *camera;
    ck_assert_ok(dsbi_synthetic_create(rt, &camera, "phone", 3));
    double low = 255.0, high = 0.0;
    int kinds[3] = {0};
    for (uint64_t i = 0; i < 60; i++) {
        uint8_t *bytes;
        size_t size;
        dsbi_image image;
        ck_assert_ok(dsbi_synthetic_shoot(camera, rt, &bytes, &size, i));
        ck_assert_ok(dsbi_image_decode(rt, &image, NULL, bytes, size, NULL));
        double mean = mean_of(&image, 1);
        low = mean < low ? mean : low;
        high = mean > high ? mean : high;
        const char *kind = dsbi_synthetic_kind(camera, i);
        kinds[strcmp(kind, "hills") == 0 ? 0 : strcmp(kind, "houses") == 0 ? 1 : 2]++;
        dsbi_image_free(rt, &image);
        dsbi_free(rt, bytes);
    }
    ck_assert_double_lt(low, 90.0);
    ck_assert_double_gt(high, 150.0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_ge(kinds[i], 8);
    dsbi_synthetic_free(rt, camera);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(specs_are_read_strictly)
{
    dsb_runtime *rt = make_runtime(1);
    uint64_t before = dsb_runtime_memory(rt);
    dsbi_synthetic_spec spec;
    ck_assert_ok(dsbi_synthetic_parse(rt, &spec, "synthetic:webcam"));
    ck_assert_uint_eq(spec.n_images, 500);
    uint64_t webcam = spec.first_scene;
    dsbi_synthetic_spec_free(rt, &spec);
    ck_assert_ok(dsbi_synthetic_parse(rt, &spec, "synthetic:phone?seed=9&n=12"));
    ck_assert_uint_eq(spec.n_images, 12);
    ck_assert_uint_ne(spec.first_scene, webcam);
    dsbi_synthetic_spec_free(rt, &spec);
    ck_assert_ok(dsbi_synthetic_parse(rt, &spec, "synthetic:phone?offset=40&n=0"));
    ck_assert_uint_eq(spec.first_scene, 40);
    char path[DSBI_SYNTHETIC_NAME_BYTES];
    dsbi_synthetic_path(path, &spec, 2);
    ck_assert_ptr_nonnull(strstr(path, "/scene-000000042.jpg"));
    dsbi_synthetic_spec_free(rt, &spec);
    static const char *const wrong[] = {
        "folder",
        "synthetic:phone?n",
        "synthetic:phone?n=",
        "synthetic:phone?n=1x",
        "synthetic:phone?n=-1",
        "synthetic:phone?m=1",
        "synthetic:phone?n=999999999999999999999",
        "synthetic:phone?offset=99999999999999",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ck_assert_fails(dsbi_synthetic_parse(rt, &spec, wrong[i]), DSB_E_INVALID, "synthetic");
    ck_assert_fails(dsbi_synthetic_parse(rt, &spec, "synthetic:"), DSB_E_NOTFOUND, "phone, webcam");
    ck_assert_fails(
        dsbi_synthetic_parse(rt, &spec, "synthetic:a-name-longer-than-any-camera-has?n=1"),
        DSB_E_NOTFOUND, "camera");
    ck_assert_uint_eq(dsb_runtime_memory(rt), before);
    dsb_runtime_free(rt);
}
END_TEST

static int remove_entry(const char *path, const struct stat *s, int flag, struct FTW *walk)
{
    (void)s;
    (void)flag;
    (void)walk;
    return remove(path);
}

/* SHA-256 of all files that the spec has, in order. */
static void write_and_hash(uint8_t digest[32], const char *spec_text, uint64_t n_threads)
{
    char folder[] = "/tmp/dsbias_synthetic_XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(folder));
    dsb_runtime *rt = make_runtime(n_threads);
    ck_assert_ok(dsb_synthetic_write(rt, spec_text, folder, NULL, NULL));
    dsbi_synthetic_spec spec;
    ck_assert_ok(dsbi_synthetic_parse(rt, &spec, spec_text));
    dsbi_sha256_state state;
    dsbi_sha256_init(&state);
    for (uint64_t i = 0; i < spec.n_images; i++) {
        char name[DSBI_SYNTHETIC_NAME_BYTES], path[256];
        dsbi_synthetic_path(name, &spec, i);
        snprintf(path, sizeof path, "%s/%s", folder, name);
        dsb_image_info info;
        dsb_image *image;
        dsb_image_info_init(&info, sizeof info);
        ck_assert_ok(dsb_image_load(rt, &image, &info, path));
        ck_assert_uint_eq(info.format, DSB_FORMAT_JPEG);
        ck_assert_uint_eq(info.quality, 50);
        dsbi_sha256_update(&state, dsb_image_pixels(image),
                           (size_t)dsb_image_width(image) * dsb_image_height(image) * 3);
        dsb_image_free(image);
    }
    dsbi_sha256_final(&state, digest);
    dsbi_synthetic_spec_free(rt, &spec);
    dsb_runtime_free(rt);
    ck_assert_int_eq(nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

START_TEST(written_files_do_not_depend_on_threads)
{
    uint8_t one[32], four[32], other[32];
    write_and_hash(one, "synthetic:webcam?n=37&seed=4", 1);
    write_and_hash(four, "synthetic:webcam?n=37&seed=4", 4);
    write_and_hash(other, "synthetic:webcam?n=37&seed=5", 4);
    ck_assert_mem_eq(one, four, 32);
    ck_assert_mem_ne(one, other, 32);
}
END_TEST

START_TEST(a_spec_is_a_dataset)
{
    dsb_runtime *rt = make_runtime(2);
    uint64_t before = dsb_runtime_memory(rt);
    dsb_dataset *dataset;
    ck_assert_ok(dsb_dataset_open(rt, &dataset, "mine=synthetic:scanner?n=20&seed=1&offset=5", NULL,
                                  NULL, NULL));
    ck_assert_str_eq(dsb_dataset_name(dataset), "mine");
    ck_assert_uint_eq(dsb_dataset_count(dataset), 20);
    ck_assert_uint_eq(dsb_dataset_broken_count(dataset), 0);
    for (uint64_t i = 0; i < 20; i++) {
        dsbi_image image;
        ck_assert_ok(dsbi_dataset_decode(dataset, rt, &image, i));
        ck_assert_uint_eq(image.width, 240);
        ck_assert_uint_eq(image.height, 180);
        dsbi_image_free(rt, &image);
    }
    dsb_dataset_free(dataset);
    ck_assert_fails(dsb_dataset_open(rt, &dataset, "synthetic:pinhole", NULL, NULL, NULL),
                    DSB_E_NOTFOUND, "there are phone, webcam, scanner");
    ck_assert_uint_eq(dsb_runtime_memory(rt), before);
    dsb_runtime_free(rt);
}
END_TEST

static int32_t stop_at_once(void *user, const dsb_event *event)
{
    *(uint64_t *)user = event->total;
    return 1;
}

START_TEST(writing_stops_when_asked)
{
    dsb_runtime *rt = make_runtime(1);
    uint64_t total = 0;
    ck_assert_fails(dsb_synthetic_write(rt, "synthetic:phone?n=5", "/tmp", stop_at_once, &total),
                    DSB_E_CANCELLED, "stopped after 0");
    ck_assert_uint_eq(total, 5);
    ck_assert_fails(dsb_synthetic_write(rt, "synthetic:phone?n=5", "/dev/null/x", NULL, NULL),
                    DSB_E_IO, "/dev/null");
    ck_assert_fails(dsb_synthetic_write(rt, NULL, "/tmp", NULL, NULL), DSB_E_INVALID, "NULL");
    for (size_t i = 0; dsb_synthetic_camera_name(i); i++)
        ck_assert_ptr_nonnull(dsb_synthetic_camera_about(i));
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    return run_tests("synthetic", scenes_are_the_same_everywhere, scenes_vary_and_fill_the_range,
                     specs_are_read_strictly, written_files_do_not_depend_on_threads,
                     a_spec_is_a_dataset, writing_stops_when_asked, NULL);
}
