/* Memory that ends: the n-th allocation fails, for n = 1, 2, 3 ... until none is left to fail,
 * through opening, splitting, loading and summing up. Each time the right code, a sentence, and
 * nothing kept. */
#include "pictures.h"

#include <stdatomic.h>
#include "data/loader.h"

typedef struct faulty {
    atomic_long left; /* allocations until the one that fails */
    atomic_long live; /* blocks not given back */
    atomic_bool fired;
} faulty;

static void *faulty_alloc(void *user, size_t size, size_t alignment)
{
    faulty *self = user;
    if (atomic_fetch_sub(&self->left, 1) == 1) {
        atomic_store(&self->fired, true);
        return NULL;
    }
    void *block = aligned_alloc(alignment, size);
    if (block)
        atomic_fetch_add(&self->live, 1);
    return block;
}

static void faulty_free(void *user, void *block)
{
    atomic_fetch_sub(&((faulty *)user)->live, 1);
    free(block);
}

static dsb_status load_all(dsb_runtime *rt, const dsb_split *split, const char *augment)
{
    dsb_loader_opts opts;
    dsb_loader_opts_init(&opts, sizeof opts);
    opts.size = 8;
    opts.batch_size = 3;
    opts.n_epochs = 2;
    opts.shuffle = 1;
    opts.augment = augment;
    opts.store_folder = pictures_base;
    dsb_loader *loader;
    DSBI_TRY(dsb_loader_create(rt, &loader, split, DSB_PART_TRAIN, &opts));
    dsb_batch batch;
    dsb_batch_init(&batch, sizeof batch);
    dsb_status status;
    while ((status = dsb_loader_next(loader, &batch)) == DSB_OK && batch.n) {
    }
    dsb_loader_free(loader);
    return status;
}

/* Groups kept together, similar images, classes matched. */
static dsb_status split_with_care(dsb_runtime *rt, const dsb_dataset *const *both)
{
    dsb_split *split = NULL, *matched = NULL;
    dsb_duplicates *pixels = NULL, *near = NULL;
    dsb_split_opts opts;
    dsb_split_opts_init(&opts, sizeof opts);
    dsb_status status;
    DSBI_GO(dsb_duplicates_find_pixels(rt, &pixels, both, 2, NULL, NULL));
    DSBI_GO(dsb_duplicates_find_near(rt, &near, both, 2, NULL, NULL, NULL));
    opts.similar = pixels;
    opts.equal_files = DSB_SPLIT_KEEP;
    DSBI_GO(dsb_split_create(rt, &split, both, 2, &opts));
    opts.match_classes = 1;
    status = dsb_split_create(rt, &matched, both, 2, &opts);
done:
    dsb_split_free(split);
    dsb_split_free(matched);
    dsb_duplicates_free(pixels);
    dsb_duplicates_free(near);
    return status;
}

static dsb_status split_and_load(dsb_runtime *rt, dsb_dataset *const *sets)
{
    dsb_split *split = NULL, *pseudo = NULL;
    const dsb_dataset *const *both = (const dsb_dataset *const *)sets;
    char *json = NULL;
    dsb_status status;
    DSBI_GO(dsb_split_create(rt, &split, both, 2, NULL));
    DSBI_GO(dsb_split_create_pseudo(rt, &pseudo, sets[0], 2, NULL));
    DSBI_GO(split_with_care(rt, both));
    DSBI_GO(dsb_data_summary(rt, &json, NULL, both, 2, 0));
    DSBI_GO(load_all(rt, split, "none"));
    DSBI_GO(load_all(rt, pseudo, "crop"));
done:
    dsb_data_text_free(rt, json);
    dsb_split_free(split);
    dsb_split_free(pseudo);
    return status;
}

/* The last figure of a name is its group: 000.jpg, 010.jpg ... */
static const char *spec_of(const char *name)
{
    static char text[600];
    snprintf(text, sizeof text, "%s?group=**(?).jpg", picture_path(name));
    return text;
}

static dsb_status scenario(faulty *self, uint64_t n_threads)
{
    dsb_runtime_opts opts;
    dsb_runtime_opts_init(&opts, sizeof opts);
    opts.n_threads = n_threads;
    opts.alloc = faulty_alloc;
    opts.free = faulty_free;
    opts.alloc_user = self;
    dsb_runtime *rt;
    DSBI_TRY(dsb_runtime_create(&rt, &opts));
    dsb_dataset *sets[2] = {NULL, NULL};
    dsb_status status;
    DSBI_GO(dsb_dataset_open(rt, &sets[0], spec_of("a"), NULL, NULL, NULL));
    DSBI_GO(dsb_dataset_open(rt, &sets[1], spec_of("b"), NULL, NULL, NULL));
    status = split_and_load(rt, sets);
done:
    dsb_dataset_free(sets[0]);
    dsb_dataset_free(sets[1]);
    dsb_runtime_free(rt);
    return status;
}

static void exhaust(uint64_t n_threads, long stride)
{
    bool failed_once = false;
    for (long n = 1;; n += stride) {
        faulty self = {0};
        atomic_init(&self.left, n);
        dsb_status status = scenario(&self, n_threads);
        ck_assert_msg(atomic_load(&self.live) == 0, "allocation %ld: %ld blocks kept", n,
                      atomic_load(&self.live));
        if (!atomic_load(&self.fired)) {
            ck_assert_ok(status);
            break;
        }
        if (status == DSB_OK)
            continue; /* the pixel store: done without */
        failed_once = true;
        ck_assert_msg(status == DSB_E_NOMEM, "allocation %ld: %s: %s", n, dsb_status_name(status),
                      dsb_last_error());
        ck_assert_msg(strstr(dsb_last_error(), "out of memory"), "allocation %ld: \"%s\"", n,
                      dsb_last_error());
    }
    ck_assert(failed_once);
}

START_TEST(every_allocation_may_fail)
{
    exhaust(1, 1);
}
END_TEST

START_TEST(every_allocation_may_fail_with_threads)
{
    exhaust(3, 3);
}
END_TEST

static void make_pictures(void)
{
    dsb_runtime *rt = make_runtime(1);
    for (int i = 0; i < 7; i++) {
        char name[32];
        snprintf(name, sizeof name, "a/%s%d.ppm", i % 2 ? "x/" : "", i);
        write_picture(rt, name, 9, 9, (uint64_t)i);
        snprintf(name, sizeof name, "b/%d.jpg", i);
        write_picture(rt, name, 9, 9, (uint64_t)i + 100);
    }
    write_picture(rt, "b/again.jpg", 9, 9, 100);
    write_bytes(rt, "a/broken.jpg", "\xff\xd8\xff", 3);
    write_bytes(rt, "a/.hidden", "", 0);
    write_bytes(rt, "a/notes.txt", "x", 1);
    dsb_runtime_free(rt);
}

START_TEST(pictures_are_there)
{
    make_pictures();
}
END_TEST

int main(void)
{
    if (!pictures_begin("fault-data"))
        return EXIT_FAILURE;
    int result = run_tests("fault_data", pictures_are_there, every_allocation_may_fail,
                           every_allocation_may_fail_with_threads, NULL);
    pictures_end();
    return result;
}
