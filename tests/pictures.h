/* Folders of small image files for tests: made by the library's own encoder from a seed. */
#ifndef DSBI_TESTS_PICTURES_H
#define DSBI_TESTS_PICTURES_H

#include "testing.h"

#include <sys/stat.h>
#include "base/file.h"
#include "base/rng.h"
#include "image/image.h"

static char pictures_base[128]; /* a folder of the test's own, gone at the end */

static inline bool pictures_begin(const char *test)
{
    const char *root = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(pictures_base, sizeof pictures_base, "%s/dsbias-test-%s-%ld", root, test,
             (long)getpid());
    return mkdir(pictures_base, 0700) == 0;
}

static inline void pictures_end(void)
{
    char command[160];
    snprintf(command, sizeof command, "rm -rf '%s'", pictures_base);
    if (system(command) != 0)
        fprintf(stderr, "cannot remove %s\n", pictures_base);
}

static inline const char *picture_path(const char *name)
{
    static char paths[4][512];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, 512, "%s/%s", pictures_base, name);
    return path;
}

static inline void write_bytes(dsb_runtime *rt, const char *name, const void *data, size_t size)
{
    char folder[512];
    snprintf(folder, sizeof folder, "%s", picture_path(name));
    *strrchr(folder, '/') = '\0';
    ck_assert_ok(dsbi_make_dirs(rt, folder));
    FILE *file = fopen(picture_path(name), "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(data, 1, size, file), size);
    fclose(file);
}

/* Smooth colours that depend on the seed: every seed another picture. JPEG, or PPM if the name ends
 * so. */
static inline void write_picture(dsb_runtime *rt, const char *name, uint32_t width, uint32_t height,
                                 uint64_t seed)
{
    dsbi_image image;
    ck_assert_ok(dsbi_image_alloc(rt, &image, width, height, 3));
    dsbi_rng rng;
    dsbi_rng_init(&rng, seed, DSBI_RNG_TEST, 0);
    uint32_t base[3], step[3];
    for (int c = 0; c < 3; c++) {
        base[c] = dsbi_rng_u32(&rng) % 200;
        step[c] = dsbi_rng_u32(&rng) % 8;
    }
    for (uint32_t i = 0; i < width * height * 3; i++)
        image.data[i] = (uint8_t)(base[i % 3] + step[i % 3] * (i / 3 % width + i / 3 / width) / 2);
    if (strstr(name, ".ppm")) {
        char *bytes = malloc((size_t)width * height * 3 + 64);
        int head = sprintf(bytes, "P6\n%u %u\n255\n", width, height);
        memcpy(bytes + head, image.data, (size_t)width * height * 3);
        write_bytes(rt, name, bytes, (size_t)head + (size_t)width * height * 3);
        free(bytes);
    } else {
        uint8_t *bytes;
        size_t size;
        ck_assert_ok(dsbi_jpeg_encode(rt, &bytes, &size, &image, 90, true));
        write_bytes(rt, name, bytes, size);
        dsbi_free(rt, bytes);
    }
    dsbi_image_free(rt, &image);
}

/* <folder>/000.jpg ... with seeds first, first + 1 ... */
static inline void write_pictures(dsb_runtime *rt, const char *folder, uint32_t n, uint64_t first)
{
    for (uint32_t i = 0; i < n; i++) {
        char name[256];
        snprintf(name, sizeof name, "%s/%03u.jpg", folder, i);
        write_picture(rt, name, 24 + i % 7, 20 + i % 5, first + i);
    }
}

#endif
