/* Near duplicates, measured:
 *     bench_near hashes [N [THREADS]]            seconds for all pairs among N random 64-bit hashes
 *                                                (default a million, 2 threads)
 *     bench_near planted SPEC FOLDER [N [THREADS]]   recall and precision on N pictures of SPEC
 *                                                (default 1000) and four altered copies of each
 * FOLDER must not be there; it gets the pictures (about 5 N files) and is left for a look.
 *
 * Recall is the share of copies that are in their original's group. Precision counts joins: a
 * group of k files is k - 1 joins, of which those between different originals are wrong (or true
 * duplicates of SPEC itself: they are listed, look at them). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "base/rng.h"
#include "data/dataset.h"
#include "data/near_hash.h"
#include "data/near_pairs.h"
#include "trying.h"

static dsb_runtime *make_runtime(const char *threads)
{
    dsb_runtime_opts opts;
    dsb_runtime_opts_init(&opts, sizeof opts);
    opts.n_threads = threads ? strtoull(threads, NULL, 10) : 2;
    dsb_runtime *rt;
    TRY(dsb_runtime_create(&rt, &opts));
    return rt;
}

/* ---- hashes ---- */

static int hashes(size_t n, dsb_runtime *rt)
{
    enum { N_PLANTED = 1000, MAX_BITS = 7 };
    uint64_t *values = malloc(n * sizeof *values), word = 1;
    dsbi_rng rng;
    dsbi_rng_init(&rng, 1, DSBI_RNG_TEST, 0);
    if (!values || n < 2 * N_PLANTED)
        return 2;
    for (size_t i = 0; i < n; i++)
        values[i] = (uint64_t)dsbi_rng_u32(&rng) << 32 | dsbi_rng_u32(&rng);
    for (size_t i = 0; i < N_PLANTED; i++) { /* pairs of 0 .. 7 flipped bits, far apart */
        values[n - 1 - i] = values[i];
        for (size_t k = 0; k < i % (MAX_BITS + 1); k++)
            values[n - 1 - i] ^= word << dsbi_rng_u32(&rng) % 64;
    }
    dsbi_near_pairs pairs;
    double start = dsbi_now();
    TRY(dsbi_near_pairs_find(rt, &pairs, values, n, MAX_BITS, NULL, NULL));
    double seconds = dsbi_now() - start;
    uint8_t *found = calloc(N_PLANTED, 1);
    size_t n_found = 0, n_pairs = 0;
    for (size_t k = 0; found && k < pairs.n; k++) {
        size_t a = pairs.items[k].a, b = pairs.items[k].b;
        if (a < N_PLANTED && b == n - 1 - a)
            found[a] = 1;
        else
            n_pairs++;
    }
    for (size_t i = 0; found && i < N_PLANTED; i++)
        n_found += found[i];
    printf("%zu hashes: %.3f s; %zu of %d planted pairs found, %zu others by chance\n", n, seconds,
           n_found, N_PLANTED, n_pairs);
    dsbi_near_pairs_free(rt, &pairs);
    free(found);
    free(values);
    return n_found == N_PLANTED ? 0 : 1;
}

/* ---- planted copies ---- */

enum { ORIGINAL, CROPPED, HALVED, QUALITY_50, BRIGHTER, N_KINDS };
static const char *const kinds[N_KINDS] = {"original", "crop 2 %", "half size", "JPEG quality 50",
                                           "brighter"};

static void alter(dsb_runtime *rt, dsbi_image *out, const dsbi_image *in, int kind)
{
    uint32_t w = in->width, h = in->height;
    double cut[4] = {0.01 * w, 0.01 * h, 0.99 * w, 0.99 * h};
    uint32_t width = kind == HALVED ? (w + 1) / 2 : w, height = kind == HALVED ? (h + 1) / 2 : h;
    TRY(dsbi_image_resize(rt, out, in, width, height, kind == CROPPED ? cut : NULL,
                          DSBI_RESIZE_BICUBIC));
    for (size_t i = 0; kind == BRIGHTER && i < (size_t)w * h * 3; i++) {
        unsigned value = out->data[i] * 6u / 5 + 8;
        out->data[i] = (uint8_t)(value < 255 ? value : 255);
    }
}

static void write_copies(dsb_runtime *rt, const dsb_dataset *set, uint64_t i, const char *folder)
{
    dsbi_image image;
    TRY(dsbi_dataset_decode(set, rt, &image, i));
    for (int kind = 0; kind < N_KINDS; kind++) {
        dsbi_image copy;
        char path[4096];
        uint8_t *bytes;
        size_t size;
        alter(rt, &copy, &image, kind);
        snprintf(path, sizeof path, "%s/%06llu_%d.jpg", folder, (unsigned long long)i, kind);
        TRY(dsbi_jpeg_encode(rt, &bytes, &size, &copy, kind == QUALITY_50 ? 50 : 92, true));
        TRY(dsbi_file_write_atomic(rt, path, bytes, size));
        dsbi_free(rt, bytes);
        dsbi_image_free(rt, &copy);
    }
    dsbi_image_free(rt, &image);
}

/* How many copies of each kind have a hash within the bits. */
static void count_near_hashes(dsb_runtime *rt, const dsb_dataset *set, uint64_t near[N_KINDS])
{
    dsbi_near_print first = {0}, now;
    for (uint64_t i = 0; i < dsb_dataset_count(set); i++) {
        dsbi_image image;
        TRY(dsbi_dataset_decode(set, rt, &image, i));
        TRY(dsbi_near_print_of(rt, &now, &image));
        dsbi_image_free(rt, &image);
        if (i % N_KINDS == ORIGINAL)
            first = now;
        near[i % N_KINDS] += __builtin_popcountll(first.hash ^ now.hash) <= 7;
    }
}

typedef struct tally {
    uint64_t found[N_KINDS], right, wrong;
} tally;

static void count_group(tally *out, const dsb_dataset *set, const dsb_duplicates *groups,
                        uint64_t g)
{
    uint64_t n = dsb_duplicates_size(groups, g), before = UINT64_MAX, image;
    bool has_original = false;
    for (uint64_t k = 0; k < n; k++) { /* files rise: those of one original stand together */
        TRY(dsb_duplicates_file(groups, g, k, NULL, &image));
        uint64_t original = image / N_KINDS;
        bool is_same = before == original;
        has_original = is_same ? has_original : image % N_KINDS == ORIGINAL;
        out->found[image % N_KINDS] += has_original && image % N_KINDS != ORIGINAL;
        out->right += is_same;
        out->wrong += k > 0 && !is_same;
        if (k > 0 && !is_same)
            printf("  joined: %s and %s\n", dsb_dataset_path(set, before * N_KINDS),
                   dsb_dataset_path(set, original * N_KINDS));
        before = original;
    }
}

static int planted(dsb_runtime *rt, const char *spec, const char *folder, uint64_t n)
{
    dsb_dataset *originals, *set;
    dsb_duplicates *groups;
    TRY(dsb_dataset_open(rt, &originals, spec, NULL, NULL, NULL));
    uint64_t n_there = dsb_dataset_count(originals);
    n = n < n_there ? n : n_there;
    TRY(dsbi_make_dirs(rt, folder));
    for (uint64_t i = 0; i < n; i++)
        write_copies(rt, originals, i * n_there / n, folder);
    dsb_dataset_free(originals);
    TRY(dsb_dataset_open(rt, &set, folder, NULL, NULL, NULL));
    if (dsb_dataset_count(set) != n * N_KINDS)
        return fprintf(stderr, "%s was not empty\n", folder), 2;
    double start = dsbi_now();
    TRY(dsb_duplicates_find_near(rt, &groups, (const dsb_dataset *const *)&set, 1, NULL, NULL,
                                 NULL));
    double seconds = dsbi_now() - start;
    tally t = {0};
    uint64_t near[N_KINDS] = {0}, n_found = 0;
    for (uint64_t g = 0; g < dsb_duplicates_count(groups); g++)
        count_group(&t, set, groups, g);
    count_near_hashes(rt, set, near);
    printf("%s: %llu originals, %.1f s, threshold %.4f\n", spec, (unsigned long long)n, seconds,
           dsb_duplicates_distance(groups));
    for (int kind = CROPPED; kind < N_KINDS; kind++) {
        n_found += t.found[kind];
        printf("%-16s hash near %.4f   recall %.4f\n", kinds[kind], (double)near[kind] / (double)n,
               (double)t.found[kind] / (double)n);
    }
    printf("recall %.4f, precision %.4f (%llu joins of different originals)\n",
           (double)n_found / (double)(n * (N_KINDS - 1)),
           (double)t.right / (double)(t.right + t.wrong), (unsigned long long)t.wrong);
    dsb_duplicates_free(groups);
    dsb_dataset_free(set);
    return 0;
}

int main(int argc, char **argv)
{
    int code = 2;
    if (argc >= 2 && strcmp(argv[1], "hashes") == 0) {
        dsb_runtime *rt = make_runtime(argc > 3 ? argv[3] : NULL);
        code = hashes(argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000, rt);
        dsb_runtime_free(rt);
    } else if (argc >= 4 && strcmp(argv[1], "planted") == 0) {
        dsb_runtime *rt = make_runtime(argc > 5 ? argv[5] : NULL);
        code = planted(rt, argv[2], argv[3], argc > 4 ? strtoull(argv[4], NULL, 10) : 1000);
        dsb_runtime_free(rt);
    }
    if (code == 2)
        fprintf(stderr, "bench_near hashes [N [THREADS]]\n"
                        "bench_near planted SPEC FOLDER [N [THREADS]]\n");
    return code;
}
