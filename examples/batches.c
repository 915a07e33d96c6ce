/* Collections of images, from folders to batches, with the public API alone.
 *
 *     batches [NAME=]PATH [NAME=]PATH ...     without arguments: on built-in data
 *
 * Says what is in each collection, draws train, select and test parts, and goes once through the
 * training images as a network would: shuffled, cropped at random, in batches. The tests run
 * it under valgrind too. */
#include <dsbias/dsbias.h>
#include <stdio.h>
#include <stdlib.h>

/* Every call that can fail goes through here. */
#define CHECK(call)                                               \
    do {                                                          \
        if ((call) != DSB_OK) {                                   \
            fprintf(stderr, "%s: %s\n", #call, dsb_last_error()); \
            status = EXIT_FAILURE;                                \
            goto done;                                            \
        }                                                         \
    } while (0)

enum { MAX_COLLECTIONS = 16, SIZE = 64 };

static void describe(const dsb_dataset *dataset)
{
    printf("%s: %llu images, %llu broken, %llu skipped, %u class folders\n",
           dsb_dataset_name(dataset), (unsigned long long)dsb_dataset_count(dataset),
           (unsigned long long)dsb_dataset_broken_count(dataset),
           (unsigned long long)dsb_dataset_skipped_count(dataset),
           dsb_dataset_class_count(dataset));
    dsb_problem problem;
    dsb_problem_init(&problem, sizeof problem);
    for (uint64_t i = 0; dsb_dataset_broken(dataset, i, &problem) == DSB_OK; i++)
        printf("  %s: %s: %s\n", problem.path, dsb_cause_name(problem.cause), problem.message);
}

/* Adds the colours of a batch to sums [labels][3] and counts pixels. */
static void add_colours(const dsb_batch *batch, double (*sums)[3], uint64_t *n_pixels)
{
    const uint8_t *pixel = batch->images;
    for (uint64_t i = 0; i < batch->n; i++) {
        for (int p = 0; p < SIZE * SIZE; p++, pixel += 3)
            for (int c = 0; c < 3; c++)
                sums[batch->labels[i]][c] += pixel[c];
        n_pixels[batch->labels[i]] += SIZE * SIZE;
    }
}

int main(int argc, char **argv)
{
    static const char *const built_in[] = {"synthetic:phone?n=40", "synthetic:scanner?n=40"};
    const char *const *specs = argc > 1 ? (const char *const *)argv + 1 : built_in;
    uint64_t n = argc > 1 ? (uint64_t)argc - 1 : 2;
    int status = EXIT_SUCCESS;
    dsb_runtime *rt = NULL;
    dsb_dataset *datasets[MAX_COLLECTIONS] = {NULL};
    dsb_split *split = NULL;
    dsb_loader *loader = NULL;
    if (n > MAX_COLLECTIONS) {
        fprintf(stderr, "at most %d collections\n", MAX_COLLECTIONS);
        return EXIT_FAILURE;
    }

    CHECK(dsb_runtime_create(&rt, NULL));
    for (uint64_t d = 0; d < n; d++) {
        CHECK(dsb_dataset_open(rt, &datasets[d], specs[d], NULL, NULL, NULL));
        describe(datasets[d]);
    }
    CHECK(dsb_split_create(rt, &split, (const dsb_dataset *const *)datasets, n, NULL));
    printf("images of all collections to train on: %llu, to select: %llu, to test: %llu\n",
           (unsigned long long)dsb_split_size(split, DSB_PART_TRAIN),
           (unsigned long long)dsb_split_size(split, DSB_PART_SELECT),
           (unsigned long long)dsb_split_size(split, DSB_PART_TEST));

    dsb_loader_opts opts;
    dsb_loader_opts_init(&opts, sizeof opts);
    opts.size = SIZE;
    opts.shuffle = 1;
    opts.augment = "crop";
    CHECK(dsb_loader_create(rt, &loader, split, DSB_PART_TRAIN, &opts));
    dsb_batch batch;
    dsb_batch_init(&batch, sizeof batch);
    double sums[MAX_COLLECTIONS][3] = {{0}};
    uint64_t n_pixels[MAX_COLLECTIONS] = {0}, n_batches = 0;
    for (;; n_batches++) {
        CHECK(dsb_loader_next(loader, &batch));
        if (batch.n == 0)
            break;
        add_colours(&batch, sums, n_pixels);
    }
    printf("%llu batches; mean colour of the crops:\n", (unsigned long long)n_batches);
    for (uint64_t d = 0; d < n; d++)
        printf("  %-12s %5.1f %5.1f %5.1f\n", dsb_dataset_name(datasets[d]),
               sums[d][0] / (double)n_pixels[d], sums[d][1] / (double)n_pixels[d],
               sums[d][2] / (double)n_pixels[d]);
done:
    dsb_loader_free(loader);
    dsb_split_free(split);
    for (uint64_t d = 0; d < n; d++)
        dsb_dataset_free(datasets[d]);
    dsb_runtime_free(rt);
    return status;
}
