/* Near duplicates: no pair within the bits is missed, altered copies are found, different pictures
 * are not taken for copies, digits do not flood the groups. */
#include "pictures.h"

#include "base/file.h"
#include "data/dataset.h"
#include "data/near_hash.h"
#include "data/near_pairs.h"

static uint64_t random_hash(dsbi_rng *rng)
{
    return (uint64_t)dsbi_rng_u32(rng) << 32 | dsbi_rng_u32(rng);
}

static bool is_found(const dsbi_near_pairs *pairs, uint32_t a, uint32_t b)
{
    for (size_t i = 0; i < pairs->n; i++)
        if (pairs->items[i].a == a && pairs->items[i].b == b)
            return true;
    return false;
}

START_TEST(every_near_pair_is_found)
{
    enum { N = 3000 };
    static uint64_t hashes[N];
    dsbi_rng rng;
    dsbi_rng_init(&rng, 5, DSBI_RNG_TEST, 0);
    for (size_t i = 0; i < N; i++) {
        hashes[i] = random_hash(&rng);
        for (unsigned k = 0; i % 2 && k < i % 14; k++) /* up to 13 bits from the one before */
            hashes[i] = (k ? hashes[i] : hashes[i - 1]) ^ (uint64_t)1 << dsbi_rng_u32(&rng) % 64;
    }
    for (uint32_t max_bits = 0; max_bits <= 11; max_bits += max_bits == 0 ? 3 : 4) {
        dsbi_near_pairs pairs[2];
        for (size_t t = 0; t < 2; t++) {
            dsb_runtime *rt = make_runtime(t ? 4 : 1);
            uint64_t before = dsb_runtime_memory(rt);
            ck_assert_ok(dsbi_near_pairs_find(rt, &pairs[t], hashes, N, max_bits, NULL, NULL));
            if (t == 1) {
                ck_assert_uint_eq(pairs[0].n, pairs[1].n);
                ck_assert(pairs[0].n == 0 || memcmp(pairs[0].items, pairs[1].items,
                                                    pairs[0].n * sizeof *pairs[0].items) == 0);
            }
            if (t == 1) {
                for (uint32_t b = 0; b < N; b++)
                    for (uint32_t a = 0; a < b; a++)
                        if ((uint32_t)__builtin_popcountll(hashes[a] ^ hashes[b]) <= max_bits)
                            ck_assert(is_found(&pairs[1], a, b));
                for (size_t i = 0; i < pairs[1].n; i++)
                    ck_assert_int_le(__builtin_popcountll(hashes[pairs[1].items[i].a] ^
                                                          hashes[pairs[1].items[i].b]),
                                     (int)max_bits);
                dsbi_near_pairs_free(rt, &pairs[1]);
                ck_assert_uint_eq(dsb_runtime_memory(rt), before);
            } else {
                dsbi_near_pairs copy = pairs[0]; /* keeps its bytes beyond this runtime */
                pairs[0].items = malloc(copy.n * sizeof *copy.items + 1);
                if (copy.n)
                    memcpy(pairs[0].items, copy.items, copy.n * sizeof *copy.items);
                dsbi_near_pairs_free(rt, &copy);
            }
            dsb_runtime_free(rt);
        }
        free(pairs[0].items);
    }
}
END_TEST

/* A million equal hashes are no quadratic work. */
START_TEST(equal_hashes_do_not_flood)
{
    enum { N = 50000 };
    uint64_t *hashes = calloc(N, sizeof *hashes);
    dsb_runtime *rt = make_runtime(2);
    dsbi_near_pairs pairs;
    double start = dsbi_now();
    ck_assert_ok(dsbi_near_pairs_find(rt, &pairs, hashes, N, 0, NULL, NULL));
    ck_assert_uint_le(pairs.n, (size_t)N * 4 * DSBI_NEAR_MAX_PEERS);
    ck_assert(dsbi_now() - start < 60);
    dsbi_near_pairs_free(rt, &pairs);
    dsb_runtime_free(rt);
    free(hashes);
}
END_TEST

/* Copy k of a picture: as it is, cut by 2 %, half the size, JPEG quality 50, brighter. */
enum { N_COPIES = 5, N_SCENES = 150 };

static void write_copy(dsb_runtime *rt, const dsbi_image *image, uint32_t scene, uint32_t k)
{
    char name[64];
    snprintf(name, sizeof name, "near/%03u_%u.jpg", scene, k);
    dsbi_image changed;
    uint32_t w = image->width, h = image->height;
    double cut[4] = {0.01 * w, 0.01 * h, 0.99 * w, 0.99 * h};
    uint32_t width = k == 2 ? w / 2 : w, height = k == 2 ? h / 2 : h;
    ck_assert_ok(dsbi_image_resize(rt, &changed, image, width, height, k == 1 ? cut : NULL,
                                   DSBI_RESIZE_BICUBIC));
    for (size_t i = 0; k == 4 && i < (size_t)w * h * 3; i++) {
        unsigned value = changed.data[i] * 6u / 5 + 8;
        changed.data[i] = (uint8_t)(value < 255 ? value : 255);
    }
    uint8_t *bytes;
    size_t size;
    ck_assert_ok(dsbi_jpeg_encode(rt, &bytes, &size, &changed, k == 3 ? 50 : 92, true));
    write_bytes(rt, name, bytes, size);
    dsbi_free(rt, bytes);
    dsbi_image_free(rt, &changed);
}

START_TEST(altered_copies_are_found)
{
    dsb_runtime *rt = make_runtime(2);
    dsb_dataset *scenes, *set;
    ck_assert_ok(dsb_dataset_open(rt, &scenes, "synthetic:phone?n=150", NULL, NULL, NULL));
    for (uint32_t s = 0; s < N_SCENES; s++) {
        dsbi_image image;
        ck_assert_ok(dsbi_dataset_decode(scenes, rt, &image, s));
        for (uint32_t k = 0; k < N_COPIES; k++)
            write_copy(rt, &image, s, k);
        dsbi_image_free(rt, &image);
    }
    dsb_dataset_free(scenes);
    ck_assert_ok(dsb_dataset_open(rt, &set, picture_path("near"), NULL, NULL, NULL));
    ck_assert_uint_eq(dsb_dataset_count(set), N_SCENES * N_COPIES);
    const dsb_dataset *one[] = {set};
    uint64_t before = dsb_runtime_memory(rt);
    dsb_duplicates *groups;
    ck_assert_ok(dsb_duplicates_find_near(rt, &groups, one, 1, NULL, NULL, NULL));
    ck_assert(dsb_duplicates_distance(groups) > 0 && dsb_duplicates_distance(groups) <= 0.041);
    uint64_t n_right = 0, n_pairs = 0, n_found = dsb_duplicates_count(groups);
    for (uint64_t g = 0; g < n_found; g++)
        for (uint64_t k = 1; k < dsb_duplicates_size(groups, g); k++) {
            uint64_t a, b;
            ck_assert_ok(dsb_duplicates_file(groups, g, k - 1, NULL, &a));
            ck_assert_ok(dsb_duplicates_file(groups, g, k, NULL, &b));
            n_pairs++;
            n_right += a / N_COPIES == b / N_COPIES;
        }
    double recall = (double)n_right / (N_SCENES * (N_COPIES - 1));
    double precision = (double)n_right / (double)n_pairs;
    printf("near duplicates: recall %.3f, precision %.3f, threshold %.4f\n", recall, precision,
           dsb_duplicates_distance(groups));
    ck_assert_msg(recall >= 0.97, "recall %.3f", recall);
    ck_assert_msg(precision >= 0.99, "precision %.3f", precision);
    dsb_duplicates_free(groups);
    ck_assert_uint_eq(dsb_runtime_memory(rt), before);
    dsb_near_opts opts;
    dsb_near_opts_init(&opts, sizeof opts);
    opts.max_bits = 12;
    ck_assert_fails(dsb_duplicates_find_near(rt, &groups, one, 1, &opts, NULL, NULL), DSB_E_INVALID,
                    "max_bits is 12");
    opts.max_bits = 0;
    opts.max_distance = -1;
    ck_assert_fails(dsb_duplicates_find_near(rt, &groups, one, 1, &opts, NULL, NULL), DSB_E_INVALID,
                    "max_distance");
    dsb_dataset_free(set);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(digits_do_not_flood)
{
    if (access(DSBI_TEST_DATA "/digits/mnist", R_OK) != 0)
        return;
    dsb_runtime *rt = make_runtime(2);
    dsb_dataset *set;
    ck_assert_ok(
        dsb_dataset_open(rt, &set, DSBI_TEST_DATA "/digits/mnist?split=test", NULL, NULL, NULL));
    const dsb_dataset *one[] = {set};
    dsb_duplicates *groups;
    ck_assert_ok(dsb_duplicates_find_near(rt, &groups, one, 1, NULL, NULL, NULL));
    printf("MNIST test set: %llu of 10000 repeat another, threshold %.4f\n",
           (unsigned long long)dsb_duplicates_within(groups, 0), dsb_duplicates_distance(groups));
    ck_assert_uint_le(dsb_duplicates_within(groups, 0), 100);
    dsb_duplicates_free(groups);
    dsb_dataset_free(set);
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    if (!pictures_begin("near"))
        return EXIT_FAILURE;
    int result = run_tests("near", every_near_pair_is_found, equal_hashes_do_not_flood,
                           altered_copies_are_found, digits_do_not_flood, NULL);
    pictures_end();
    return result;
}
