/* The loader: same content and order for any number of threads, epochs, broken files, the store. */
#include "pictures.h"

#include "base/sha256.h"
#include "data/loader.h"

static dsb_split *make_split(dsb_runtime *rt, const char *a, const char *b, uint64_t n_train)
{
    dsb_dataset *sets[2];
    ck_assert_ok(dsb_dataset_open(rt, &sets[0], picture_path(a), NULL, NULL, NULL));
    ck_assert_ok(dsb_dataset_open(rt, &sets[1], picture_path(b), NULL, NULL, NULL));
    dsb_split_opts opts;
    dsb_split_opts_init(&opts, sizeof opts);
    opts.n_train = n_train;
    dsb_split *split;
    ck_assert_ok(dsb_split_create(rt, &split, (const dsb_dataset *const *)sets, 2, &opts));
    dsb_dataset_free(sets[0]);
    dsb_dataset_free(sets[1]);
    return split;
}

static void make_pair(dsb_runtime *rt, const char *a, const char *b, uint64_t seed)
{
    write_pictures(rt, a, 30, seed);
    write_pictures(rt, b, 30, seed + 100);
}

static dsb_loader_opts make_opts(void)
{
    dsb_loader_opts opts;
    dsb_loader_opts_init(&opts, sizeof opts);
    opts.size = 16;
    opts.batch_size = 7;
    opts.store_folder = pictures_base;
    return opts;
}

/* Digest of all that a loader gives, at most `max_batches`. */
static void digest_of(dsb_runtime *rt, const dsb_split *split, const dsb_loader_opts *opts,
                      uint64_t max_batches, uint8_t digest[32])
{
    dsb_loader *loader;
    ck_assert_ok(dsb_loader_create(rt, &loader, split, DSB_PART_TRAIN, opts));
    dsb_batch batch;
    dsb_batch_init(&batch, sizeof batch);
    dsbi_sha256_state sha;
    dsbi_sha256_init(&sha);
    for (uint64_t b = 0; b < max_batches; b++) {
        ck_assert_ok(dsb_loader_next(loader, &batch));
        if (batch.n == 0)
            break;
        dsbi_sha256_update(&sha, batch.images, batch.n * opts->size * opts->size * 3);
        dsbi_sha256_update(&sha, batch.labels, batch.n * sizeof *batch.labels);
        dsbi_sha256_update(&sha, batch.items, batch.n * sizeof *batch.items);
        dsbi_sha256_update(&sha, batch.shown, batch.n * sizeof *batch.shown);
    }
    dsbi_sha256_final(&sha, digest);
    dsb_loader_free(loader);
}

START_TEST(items_come_in_order_as_prepared)
{
    dsb_runtime *rt = make_runtime(2);
    make_pair(rt, "a", "b", 1);
    dsb_split *split = make_split(rt, "a", "b", 0);
    dsb_loader_opts opts = make_opts();
    dsb_loader *loader;
    ck_assert_ok(dsb_loader_create(rt, &loader, split, DSB_PART_TRAIN, &opts));
    dsb_batch batch;
    dsb_batch_init(&batch, sizeof batch);
    uint64_t n = dsb_split_size(split, DSB_PART_TRAIN), seen = 0;
    ck_assert_uint_eq(n, 42);
    for (;;) {
        ck_assert_ok(dsb_loader_next(loader, &batch));
        if (batch.n == 0)
            break;
        ck_assert_uint_eq(batch.n, 7);
        ck_assert_uint_eq(batch.first_sample, seen);
        for (uint64_t j = 0; j < batch.n; j++, seen++) {
            ck_assert_uint_eq(batch.items[j], seen);
            ck_assert_uint_eq(batch.shown[j], seen);
            ck_assert_uint_eq(batch.labels[j], seen / 21);
            dsbi_item item = dsbi_split_item(split, DSB_PART_TRAIN, seen);
            dsbi_image image;
            uint8_t expected[16 * 16 * 3];
            ck_assert_ok(dsbi_dataset_decode(item.dataset, rt, &image, item.image));
            ck_assert_ok(dsbi_image_prepare(rt, expected, &image, 16, DSBI_PREPARE_CENTRE_CROP,
                                            DSBI_RESIZE_BICUBIC));
            ck_assert_mem_eq(batch.images + j * sizeof expected, expected, sizeof expected);
            dsbi_image_free(rt, &image);
        }
    }
    ck_assert_uint_eq(seen, n);
    ck_assert_ok(dsb_loader_next(loader, &batch)); /* the end stays the end */
    ck_assert_uint_eq(batch.n, 0);
    ck_assert_ptr_null(batch.images);
    ck_assert_uint_eq(dsb_loader_failed_count(loader), 0);
    ck_assert_uint_eq(dsb_loader_decoded_count(loader), n);
    dsb_split_free(split); /* the loader keeps it */
    dsb_loader_free(loader);
    dsb_loader_free(NULL);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(threads_batches_ahead_and_store_change_nothing)
{
    dsb_runtime *rt = make_runtime(2);
    dsb_split *split = make_split(rt, "a", "b", 0);
    const char *const policies[] = {"none", "shift", "crop", "full"};
    uint8_t digests[4][32];
    for (size_t p = 0; p < 4; p++) {
        dsb_loader_opts opts = make_opts();
        opts.augment = policies[p];
        opts.shuffle = 1;
        opts.n_epochs = 3;
        opts.n_threads = 1;
        opts.prefetch = 1;
        digest_of(rt, split, &opts, 1000, digests[p]);
        const struct {
            uint32_t n_threads, prefetch;
            uint64_t store_max_bytes;
        } ways[] = {{2, 4, opts.store_max_bytes}, {5, 2, 0}, {3, 9, 10000}, {64, 64, 1u << 30}};
        for (size_t w = 0; w < sizeof ways / sizeof ways[0]; w++) {
            uint8_t again[32];
            opts.n_threads = ways[w].n_threads;
            opts.prefetch = ways[w].prefetch;
            opts.store_max_bytes = ways[w].store_max_bytes;
            digest_of(rt, split, &opts, 1000, again);
            ck_assert_mem_eq(digests[p], again, 32);
        }
        uint8_t other[32];
        opts.seed = 1;
        digest_of(rt, split, &opts, 1000, other);
        ck_assert_int_ne(memcmp(digests[p], other, 32), 0);
        for (size_t q = 0; q < p; q++)
            ck_assert_int_ne(memcmp(digests[p], digests[q], 32), 0);
    }
    dsb_split_free(split);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(epochs_are_exact_and_can_be_resumed)
{
    dsb_runtime *rt = make_runtime(2);
    dsb_split *split = make_split(rt, "a", "b", 3); /* 6 items: a batch of 7 spans epochs */
    uint64_t n = dsb_split_size(split, DSB_PART_TRAIN);
    dsb_loader_opts opts = make_opts();
    opts.n_epochs = 10;
    opts.shuffle = 1;
    opts.augment = "crop";
    static uint64_t items[60];
    static uint8_t pixels[60][16 * 16 * 3];
    for (uint64_t first = 0; first < 60; first += 23) {
        dsb_loader *loader;
        opts.first_sample = first;
        ck_assert_ok(dsb_loader_create(rt, &loader, split, DSB_PART_TRAIN, &opts));
        dsb_batch batch;
        dsb_batch_init(&batch, sizeof batch);
        uint64_t at = first;
        while (dsb_loader_next(loader, &batch) == DSB_OK && batch.n)
            for (uint64_t j = 0; j < batch.n; j++, at++) {
                const uint8_t *image = batch.images + j * sizeof pixels[0];
                if (first == 0) {
                    items[at] = batch.items[j];
                    memcpy(pixels[at], image, sizeof pixels[0]);
                }
                ck_assert_uint_eq(items[at], batch.items[j]);
                ck_assert_mem_eq(pixels[at], image, sizeof pixels[0]);
            }
        ck_assert_uint_eq(at, 60);
        dsb_loader_free(loader);
    }
    bool differs = false;
    for (uint64_t epoch = 0; epoch < 10; epoch++) { /* each item once an epoch */
        uint32_t mask = 0;
        for (uint64_t k = 0; k < n; k++) {
            mask |= 1u << items[epoch * n + k];
            differs |= items[epoch * n + k] != items[k];
        }
        ck_assert_uint_eq(mask, 63);
    }
    ck_assert(differs);
    dsb_split_free(split);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(files_that_break_later_are_replaced)
{
    dsb_runtime *rt = make_runtime(2);
    make_pair(rt, "c", "d", 500);
    dsb_split *split = make_split(rt, "c", "d", 0);
    uint64_t broken[3] = {2, 3, 20}; /* of label 0; 20 is its last item */
    for (int i = 0; i < 3; i++) {
        dsbi_item item = dsbi_split_item(split, DSB_PART_TRAIN, broken[i]);
        char name[64];
        snprintf(name, sizeof name, "c/%s", dsbi_dataset_path(item.dataset, item.image));
        if (i == 2)
            ck_assert_int_eq(unlink(picture_path(name)), 0);
        else
            write_bytes(rt, name, "\xff\xd8\xff gone", 9);
    }
    for (uint32_t n_threads = 1; n_threads <= 4; n_threads++) {
        dsb_loader_opts opts = make_opts();
        opts.n_epochs = 2;
        opts.n_threads = n_threads;
        dsb_loader *loader;
        ck_assert_ok(dsb_loader_create(rt, &loader, split, DSB_PART_TRAIN, &opts));
        dsb_batch batch;
        dsb_batch_init(&batch, sizeof batch);
        uint64_t seen = 0;
        while (dsb_loader_next(loader, &batch) == DSB_OK && batch.n)
            for (uint64_t j = 0; j < batch.n; j++, seen++) {
                uint64_t k = seen % 42;
                ck_assert_uint_eq(batch.items[j], k);
                ck_assert_uint_eq(batch.shown[j], k == 2 || k == 3 ? 4 : k == 20 ? 0 : k);
                ck_assert_uint_eq(batch.labels[j], k / 21);
            }
        ck_assert_uint_eq(seen, 84);
        ck_assert_uint_eq(dsb_loader_failed_count(loader), 3);
        dsb_loader_free(loader);
    }
    char command[300];
    snprintf(command, sizeof command, "rm -f '%s'/*", picture_path("d"));
    ck_assert_int_eq(system(command), 0); /* a whole label gone */
    dsb_loader_opts opts = make_opts();
    dsb_loader *loader;
    ck_assert_ok(dsb_loader_create(rt, &loader, split, DSB_PART_TRAIN, &opts));
    dsb_batch batch;
    dsb_batch_init(&batch, sizeof batch);
    for (int b = 0; b < 3; b++) {
        ck_assert_ok(dsb_loader_next(loader, &batch));
        ck_assert_uint_eq(batch.n, 7);
    }
    ck_assert_fails(dsb_loader_next(loader, &batch), DSB_E_DATA, "d: none of its 21 images");
    ck_assert_fails(dsb_loader_next(loader, &batch), DSB_E_DATA, "d: none of its 21 images");
    ck_assert_uint_eq(batch.n, 0);
    dsb_loader_free(loader);
    dsb_split_free(split);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(later_epochs_neither_decode_nor_allocate)
{
    dsb_runtime *rt = make_runtime(2);
    dsb_split *split = make_split(rt, "a", "b", 0);
    const char *const policies[] = {"none", "shift"};
    for (int p = 0; p < 2; p++) {
        dsb_loader_opts opts = make_opts();
        opts.n_epochs = 0;
        opts.shuffle = 1;
        opts.augment = policies[p];
        dsb_loader *loader;
        ck_assert_ok(dsb_loader_create(rt, &loader, split, DSB_PART_TRAIN, &opts));
        dsb_batch batch;
        dsb_batch_init(&batch, sizeof batch);
        uint64_t allocs = 0;
        for (int b = 0; b < 100; b++) {
            ck_assert_ok(dsb_loader_next(loader, &batch));
            ck_assert_uint_eq(batch.n, 7);
            if (b == 40)
                allocs = dsb_runtime_alloc_count(rt);
        }
        ck_assert_uint_eq(dsb_runtime_alloc_count(rt), allocs);
        ck_assert_uint_le(dsb_loader_decoded_count(loader), 42 + 8); /* two workers at one image */
        ck_assert_uint_ge(dsb_loader_stored_count(loader), 600);
        dsb_loader_free(loader); /* while the workers are ahead */
    }
    dsb_split_free(split);
    dsb_runtime_free(rt);
}
END_TEST

static void *cancel_soon(void *loader)
{
    usleep(2000);
    dsb_loader_cancel(loader);
    return NULL;
}

START_TEST(loaders_end_at_any_time)
{
    dsb_runtime *rt = make_runtime(2);
    uint64_t before = dsb_runtime_memory(rt);
    dsb_split *split = make_split(rt, "a", "b", 0);
    dsb_loader_opts opts = make_opts();
    opts.n_epochs = 0;
    opts.augment = "full";
    dsb_batch batch;
    dsb_batch_init(&batch, sizeof batch);
    for (int wait = 0; wait < 40; wait++) {
        dsb_loader *loader;
        opts.n_threads = 1 + (uint32_t)wait % 5;
        ck_assert_ok(dsb_loader_create(rt, &loader, split, DSB_PART_TEST, &opts));
        if (wait % 3 == 1)
            ck_assert_ok(dsb_loader_next(loader, &batch));
        if (wait % 3 == 2)
            usleep((useconds_t)wait * 50);
        dsb_loader_free(loader);
    }
    for (int round = 0; round < 5; round++) {
        dsb_loader *loader;
        ck_assert_ok(dsb_loader_create(rt, &loader, split, DSB_PART_TEST, &opts));
        pthread_t thread;
        ck_assert_int_eq(pthread_create(&thread, NULL, cancel_soon, loader), 0);
        dsb_status status;
        while ((status = dsb_loader_next(loader, &batch)) == DSB_OK)
            ck_assert_uint_eq(batch.n, 7);
        ck_assert_int_eq(status, DSB_E_CANCELLED);
        ck_assert_fails(dsb_loader_next(loader, &batch), DSB_E_CANCELLED, "cancelled");
        pthread_join(thread, NULL);
        dsb_loader_free(loader);
    }
    dsb_split_free(split);
    ck_assert_uint_eq(dsb_runtime_memory(rt), before);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(options_are_checked)
{
    dsb_runtime *rt = make_runtime(1);
    dsb_split *split = make_split(rt, "a", "b", 0);
    dsb_loader *loader;
    dsb_loader_opts opts;
#define refused(field, value, code, part)                                                          \
    do {                                                                                           \
        opts = make_opts();                                                                        \
        opts.field = (value);                                                                      \
        ck_assert_fails(dsb_loader_create(rt, &loader, split, DSB_PART_TRAIN, &opts), code, part); \
        ck_assert_ptr_null(loader);                                                                \
    } while (0)
    refused(batch_size, 0, DSB_E_INVALID, "batch_size is 0");
    refused(size, 5000, DSB_E_INVALID, "size is 5000");
    refused(source_size, 3, DSB_E_INVALID, "source_size is 3");
    refused(mode, 9, DSB_E_INVALID, "mode is 9");
    refused(filter, 0, DSB_E_INVALID, "filter is 0");
    refused(shuffle, 2, DSB_E_INVALID, "shuffle is 2");
    refused(n_threads, 65, DSB_E_INVALID, "n_threads is 65");
    refused(prefetch, 0, DSB_E_INVALID, "prefetch is 0");
    refused(augment, "wild", DSB_E_NOTFOUND, "wild");
    opts = make_opts();
    ck_assert_fails(dsb_loader_create(rt, &loader, split, 3, &opts), DSB_E_INVALID, "part 3");
    ck_assert_fails(dsb_loader_create(rt, &loader, NULL, 0, &opts), DSB_E_INVALID, "NULL");
    opts.store_folder = "/nowhere"; /* no store, no failure */
    uint8_t digest[32], without[32];
    digest_of(rt, split, &opts, 100, digest);
    opts.store_folder = NULL;
    digest_of(rt, split, &opts, 100, without);
    ck_assert_mem_eq(digest, without, 32);
    dsb_split_free(split);
    dsb_runtime_free(rt);
}
END_TEST

/* Feeds: blocks on the pool, one store for several parts and splits. */
START_TEST(blocks_share_a_store)
{
    dsb_runtime *rt = make_runtime(3);
    dsb_split *split = make_split(rt, "a", "b", 0);
    const dsbi_pixels_spec spec = {
        .size = 16, .mode = DSBI_PREPARE_SQUASH, .filter = DSBI_RESIZE_BILINEAR};
    dsbi_pixels *pixels;
    ck_assert_ok(dsbi_pixels_create(rt, &pixels, dsbi_split_collections(split), &spec,
                                    pictures_base, 1 << 30));
    static uint8_t block[60 * 16 * 16 * 3], one[16 * 16 * 3];
    uint64_t shown[60];
    for (int round = 0; round < 2; round++)
        for (uint32_t part = 0; part < 3; part++) {
            dsbi_feed *feed;
            ck_assert_ok(dsbi_feed_create(rt, &feed, split, part, pixels));
            uint64_t n = dsbi_feed_size(feed);
            ck_assert_ok(dsbi_feed_block(feed, block, shown, 0, n));
            ck_assert_ok(dsbi_feed_block(feed, block + sizeof one, NULL, 1, 2));
            for (uint64_t k = 0; k < n; k++) {
                dsbi_image image = {.data = one};
                ck_assert_ok(dsbi_feed_get(feed, &image, k, NULL));
                ck_assert_mem_eq(one, block + k * sizeof one, sizeof one);
                ck_assert_uint_eq(shown[k], k);
            }
            dsbi_feed_free(feed);
        }
    ck_assert_uint_eq(dsbi_pixels_decoded_count(pixels), 60);
    dsb_split *pseudo,
        *other = make_split(rt, "a", "b", 0); /* pieces of b; collections of its own */
    const dsb_dataset *b = dsbi_split_item(split, DSB_PART_TRAIN, 41).dataset;
    ck_assert_ok(dsb_split_create_pseudo(rt, &pseudo, b, 3, NULL));
    dsbi_feed *feed;
    ck_assert_ok(dsbi_feed_create(rt, &feed, pseudo, DSB_PART_TEST, pixels));
    ck_assert_ok(dsbi_feed_block(feed, block, shown, 0, dsbi_feed_size(feed)));
    ck_assert_uint_eq(dsbi_pixels_decoded_count(pixels), 60);
    for (uint64_t k = 0; k < dsbi_feed_size(feed); k++) {
        dsbi_item item = dsbi_split_item(pseudo, DSB_PART_TEST, k);
        dsbi_image whole;
        ck_assert_ok(dsbi_dataset_decode(b, rt, &whole, item.image));
        ck_assert_ok(dsbi_image_prepare(rt, one, &whole, 16, spec.mode, spec.filter));
        ck_assert_mem_eq(one, block + k * sizeof one, sizeof one);
        dsbi_image_free(rt, &whole);
    }
    dsbi_feed_free(feed);
    ck_assert_ok(dsbi_feed_create(rt, &feed, other, DSB_PART_TEST, pixels));
    ck_assert_fails(dsbi_feed_get(feed, &(dsbi_image){.data = one}, 0, NULL), DSB_E_INVALID,
                    "a is not one of its collections");
    dsbi_feed_free(feed);
    dsb_split_free(pseudo);
    dsb_split_free(other);
    dsbi_pixels_free(pixels);
    dsb_split_free(split);
    dsb_runtime_free(rt);
}
END_TEST

/* Loaders of several parts on one store, with an augmentation of the caller's own. */
START_TEST(loaders_share_a_store)
{
    dsb_runtime *rt = make_runtime(2);
    dsb_split *split = make_split(rt, "a", "b", 0);
    dsb_loader_opts opts = make_opts();
    dsbi_augment policy;
    ck_assert_ok(dsbi_augment_init(&policy, "crop"));
    policy.scale_min = 0.5;
    dsbi_pixels_spec spec = dsbi_loader_pixels_spec(&opts, &policy);
    ck_assert_uint_eq(spec.mode, DSBI_PIXELS_KEEP);
    ck_assert_uint_eq(spec.size, 32);
    dsbi_pixels *pixels;
    ck_assert_ok(dsbi_pixels_create(rt, &pixels, dsbi_split_collections(split), &spec,
                                    pictures_base, 1 << 30));
    dsb_loader *loader;
    for (int round = 0; round < 2; round++)
        for (uint32_t part = 0; part < 3; part++) {
            ck_assert_ok(dsbi_loader_create(rt, &loader, split, part, &opts, &policy, pixels));
            dsb_batch batch;
            dsb_batch_init(&batch, sizeof batch);
            uint64_t n = 0;
            while (dsb_loader_next(loader, &batch) == DSB_OK && batch.n)
                n += batch.n;
            ck_assert_uint_eq(n, dsb_split_size(split, part));
            dsb_loader_free(loader);
        }
    ck_assert_uint_eq(dsbi_pixels_decoded_count(pixels), 60);
    ck_assert_uint_eq(dsbi_pixels_stored_count(pixels), 60);
    opts.source_size = 40;
    ck_assert_fails(dsbi_loader_create(rt, &loader, split, 0, &opts, &policy, pixels),
                    DSB_E_INVALID, "pixels of another kind");
    dsbi_pixels_free(pixels);
    dsb_split_free(split);
    dsb_runtime_free(rt);
}
END_TEST

/* KEEP: whole image, shorter side reduced, very long ones cut to 2 : 1. */
START_TEST(kept_images_have_the_promised_sizes)
{
    dsb_runtime *rt = make_runtime(1);
    const struct {
        uint32_t in[2], out[2];
    } cases[] = {{{100, 80}, {40, 32}}, {{80, 100}, {32, 40}}, {{20, 10}, {20, 10}},
                 {{300, 60}, {64, 32}}, {{200, 20}, {64, 20}}, {{33, 500}, {32, 64}}};
    for (uint32_t i = 0; i < 6; i++) {
        char name[32];
        snprintf(name, sizeof name, "sizes/%u.ppm", i);
        write_picture(rt, name, cases[i].in[0], cases[i].in[1], 9000 + i);
    }
    dsb_dataset *dataset;
    ck_assert_ok(dsb_dataset_open(rt, &dataset, picture_path("sizes"), NULL, NULL, NULL));
    const dsb_dataset *one[1] = {dataset};
    dsbi_collections collections;
    ck_assert_ok(dsbi_collections_init(rt, &collections, one, 1));
    const dsbi_pixels_spec spec = {
        .size = 32, .mode = DSBI_PIXELS_KEEP, .filter = DSBI_RESIZE_BICUBIC};
    dsbi_pixels *pixels;
    ck_assert_ok(dsbi_pixels_create(rt, &pixels, &collections, &spec, pictures_base, 1 << 30));
    dsbi_collections_free(rt, &collections);
    uint8_t *buffer = malloc(dsbi_pixels_capacity(pixels)), first[64 * 64 * 3];
    for (int round = 0; round < 2; round++)
        for (uint32_t i = 0; i < 6; i++) {
            dsbi_image image = {.data = round ? buffer : first};
            ck_assert_ok(dsbi_pixels_get(pixels, &image, dataset, i));
            ck_assert_uint_eq(image.width, cases[i].out[0]);
            ck_assert_uint_eq(image.height, cases[i].out[1]);
            ck_assert_uint_eq(image.channels, 3);
            if (round == 0 && i == 2) { /* not enlarged: as it is */
                dsbi_image whole;
                ck_assert_ok(dsbi_dataset_decode(dataset, rt, &whole, i));
                ck_assert_mem_eq(whole.data, image.data, 20 * 10 * 3);
                dsbi_image_free(rt, &whole);
            }
        }
    ck_assert_uint_eq(dsbi_pixels_decoded_count(pixels), 6);
    ck_assert_uint_eq(dsbi_pixels_stored_count(pixels), 6);
    ck_assert_mem_eq(first, buffer, (size_t)3 * 32 * 64); /* the last image, both ways */
    free(buffer);
    dsbi_pixels_free(pixels);
    dsb_dataset_free(dataset);
    dsb_runtime_free(rt);
}
END_TEST

/* Peak memory through opening, splitting and loading n images of one pixel, in n * 12 bytes of
 * names. */
static uint64_t peak_of(const char *folder, uint32_t n)
{
    char path[512];
    snprintf(path, sizeof path, "%s", picture_path(folder));
    ck_assert_int_eq(mkdir(path, 0700), 0);
    for (uint32_t i = 0; i < n; i++) {
        char name[600];
        snprintf(name, sizeof name, "%s/%07u.ppm", path, i);
        const uint8_t bytes[] = {'P',
                                 '6',
                                 ' ',
                                 '1',
                                 ' ',
                                 '1',
                                 ' ',
                                 '2',
                                 '5',
                                 '5',
                                 '\n',
                                 (uint8_t)i,
                                 (uint8_t)(i >> 8),
                                 (uint8_t)(i >> 16)};
        FILE *file = fopen(name, "wb");
        ck_assert_uint_eq(fwrite(bytes, 1, sizeof bytes, file), sizeof bytes);
        fclose(file);
    }
    dsb_runtime *rt = make_runtime(1);
    dsb_dataset *dataset;
    ck_assert_ok(dsb_dataset_open(rt, &dataset, path, NULL, NULL, NULL));
    ck_assert_uint_eq(dsb_dataset_count(dataset), n);
    const dsb_dataset *one[1] = {dataset};
    dsb_split *split;
    ck_assert_ok(dsb_split_create(rt, &split, one, 1, NULL));
    dsb_loader_opts opts = make_opts();
    opts.shuffle = 1;
    opts.size = 1;
    uint8_t digest[32];
    digest_of(rt, split, &opts, 10, digest);
    uint64_t peak = dsb_runtime_memory_peak(rt);
    dsb_split_free(split);
    dsb_dataset_free(dataset);
    dsb_runtime_free(rt);
    return peak;
}

/* Reduced decoding: the same order and labels, nearly the same pixels, and only when asked for. */
START_TEST(fast_decoding_is_near)
{
    dsb_runtime *rt = make_runtime(2);
    for (uint64_t i = 0; i < 12; i++) {
        char name[64];
        snprintf(name, sizeof name, "detail/%llu.jpg", (unsigned long long)i);
        dsbi_image image; /* smooth: what is compared is place and scale */
        ck_assert_ok(dsbi_image_alloc(rt, &image, 400 + (uint32_t)i, 333, 3));
        for (uint32_t p = 0; p < image.width * image.height; p++) {
            image.data[3 * p] = (uint8_t)(p % image.width * 255 / image.width);
            image.data[3 * p + 1] = (uint8_t)(p / image.width * 255 / image.height);
            image.data[3 * p + 2] = (uint8_t)(20 * i);
        }
        uint8_t *bytes;
        size_t size;
        ck_assert_ok(dsbi_jpeg_encode(rt, &bytes, &size, &image, 95, false));
        write_bytes(rt, name, bytes, size);
        dsbi_free(rt, bytes);
        dsbi_image_free(rt, &image);
    }
    dsb_dataset *set;
    dsb_split *split;
    ck_assert_ok(dsb_dataset_open(rt, &set, picture_path("detail"), NULL, NULL, NULL));
    const dsb_dataset *one[1] = {set};
    ck_assert_ok(dsb_split_create(rt, &split, one, 1, NULL));
    dsb_loader_opts opts = make_opts();
    opts.size = 40;
    opts.batch_size = 4;
    dsb_loader *exact, *fast;
    ck_assert_ok(dsb_loader_create(rt, &exact, split, DSB_PART_TRAIN, &opts));
    opts.fast = 1;
    ck_assert_ok(dsb_loader_create(rt, &fast, split, DSB_PART_TRAIN, &opts));
    dsb_batch a, b;
    dsb_batch_init(&a, sizeof a);
    dsb_batch_init(&b, sizeof b);
    uint64_t n_other = 0, sum = 0, n = 0;
    while (dsb_loader_next(exact, &a) == DSB_OK && a.n) {
        ck_assert_ok(dsb_loader_next(fast, &b));
        ck_assert_uint_eq(a.n, b.n);
        for (uint64_t i = 0; i < a.n; i++)
            ck_assert_uint_eq(a.items[i], b.items[i]);
        for (uint64_t i = 0; i < a.n * 40 * 40 * 3; i++, n++) {
            int difference = abs(a.images[i] - b.images[i]);
            n_other += difference > 0;
            sum += (uint64_t)difference;
        }
    }
    ck_assert_uint_gt(n_other, 0);
    ck_assert_msg((double)sum / (double)n < 3, "%.2f grey levels apart", (double)sum / (double)n);
    dsb_loader_free(exact);
    dsb_loader_free(fast);
    opts.fast = 2;
    ck_assert_fails(dsb_loader_create(rt, &fast, split, DSB_PART_TRAIN, &opts), DSB_E_INVALID,
                    "fast is 2");
    dsb_split_free(split);
    dsb_dataset_free(set);
    dsb_runtime_free(rt);
}
END_TEST

/* The promise: 96 bytes an image and its name, all that grows with images included, taken from the
 * difference of two runs, where the rest falls out. Names take 16 bytes: a segment more, not 0.75.
 */
START_TEST(memory_grows_by_96_bytes_an_image)
{
    uint64_t small = peak_of("small", 4096), large = peak_of("large", 8192);
    double slope = (double)(large - small) / 4096;
    ck_assert_msg(slope < 96 + 16, "%.1f bytes an image, 16 of them its name", slope);
}
END_TEST

int main(void)
{
    if (!pictures_begin("loader"))
        return EXIT_FAILURE;
    int result = run_tests(
        "loader", items_come_in_order_as_prepared, threads_batches_ahead_and_store_change_nothing,
        epochs_are_exact_and_can_be_resumed, files_that_break_later_are_replaced,
        later_epochs_neither_decode_nor_allocate, loaders_end_at_any_time, options_are_checked,
        blocks_share_a_store, loaders_share_a_store, kept_images_have_the_promised_sizes,
        memory_grows_by_96_bytes_an_image, fast_decoding_is_near, NULL);
    pictures_end();
    return result;
}
