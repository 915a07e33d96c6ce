/* Training and scoring over a loader: the same weights for any number of threads on either side,
 * scores in the order of the items, refusals. */
#include "testing.h"

#include "dsbias/train.h"
#include "train/trainer.h"

enum { SIDE = 32 };

static dsb_split *make_split(dsb_runtime *rt)
{
    dsb_dataset_opts opts;
    dsb_dataset_opts_init(&opts, sizeof opts);
    opts.verify = 0;
    dsb_dataset *sets[2];
    ck_assert_ok(dsb_dataset_open(rt, &sets[0], "a=synthetic:phone?n=24", &opts, NULL, NULL));
    ck_assert_ok(dsb_dataset_open(rt, &sets[1], "b=synthetic:webcam?n=24", &opts, NULL, NULL));
    dsb_split_opts split_opts;
    dsb_split_opts_init(&split_opts, sizeof split_opts);
    split_opts.n_train = 11;
    split_opts.n_select = 1;
    split_opts.n_test = 9;
    dsb_split *split;
    ck_assert_ok(dsb_split_create(rt, &split, (const dsb_dataset *const *)sets, 2, &split_opts));
    dsb_dataset_free(sets[0]);
    dsb_dataset_free(sets[1]);
    return split;
}

static dsb_model *make_model(dsb_runtime *rt)
{
    dsb_model_opts opts;
    dsb_model_opts_init(&opts, sizeof opts);
    opts.n_classes = 2;
    opts.height = opts.width = SIDE;
    opts.layer_scale = 1.0f;
    dsb_model *model;
    ck_assert_ok(dsb_model_create(rt, &model, "convnext:depths=1-1-1-1,dims=4-6-8-10", &opts));
    return model;
}

static dsb_loader *make_loader(dsb_runtime *rt, const dsb_split *split, uint32_t part,
                               uint32_t n_threads, uint32_t batch)
{
    dsb_loader_opts opts;
    dsb_loader_opts_init(&opts, sizeof opts);
    opts.size = SIDE;
    opts.batch_size = batch;
    opts.n_threads = n_threads;
    if (part == DSB_PART_TRAIN) {
        opts.n_epochs = 0;
        opts.shuffle = 1;
        opts.augment = "full";
    }
    dsb_loader *loader;
    ck_assert_ok(dsb_loader_create(rt, &loader, split, part, &opts));
    return loader;
}

static dsb_train_opts make_opts(void)
{
    dsb_train_opts opts;
    dsb_train_opts_init(&opts, sizeof opts);
    opts.batch_size = 8;
    opts.samples_seen = 8 * 6; /* 22 images: passes end inside batches */
    opts.mixup_alpha = 0.8;
    opts.cutmix_alpha = 1.0;
    opts.ema_decay = 0.9;
    return opts;
}

/* Trains and scores with a number of threads; the caller frees what is returned. */
static float *probabilities_with(uint64_t n_threads, uint32_t batch, uint64_t *n)
{
    dsb_runtime *rt = make_runtime(n_threads);
    dsb_split *split = make_split(rt);
    dsb_model *model = make_model(rt);
    dsb_train_opts opts = make_opts();
    dsb_trainer *trainer;
    ck_assert_ok(dsb_trainer_create(rt, &trainer, model, &opts));
    dsb_loader *train = make_loader(rt, split, DSB_PART_TRAIN, (uint32_t)n_threads, 8);
    ck_assert_ok(dsb_train_run(trainer, train, NULL, NULL, NULL));
    ck_assert_ok(dsb_trainer_finish(trainer));
    dsb_loader_free(train);
    dsb_trainer_free(trainer);

    dsb_loader *test = make_loader(rt, split, DSB_PART_TEST, (uint32_t)n_threads, batch);
    *n = dsb_split_size(split, DSB_PART_TEST);
    float *probabilities = calloc(*n * 2, sizeof *probabilities);
    uint32_t *labels = calloc(*n, sizeof *labels);
    ck_assert_ok(dsb_train_predict(model, probabilities, labels, *n, test, NULL, NULL));
    for (uint64_t i = 0; i < *n; i++) {
        ck_assert_uint_eq(labels[i], i / (*n / 2));
        ck_assert_double_eq_tol(probabilities[2 * i] + probabilities[2 * i + 1], 1.0, 1e-6);
    }
    free(labels);
    dsb_loader_free(test);
    dsb_model_free(model);
    dsb_split_free(split);
    dsb_runtime_free(rt);
    return probabilities;
}

START_TEST(threads_and_batches_do_not_change_scores)
{
    uint64_t n;
    float *one = probabilities_with(1, 18, &n);
    ck_assert_uint_eq(n, 18);
    for (uint64_t n_threads = 2; n_threads <= 3; n_threads++) {
        float *more = probabilities_with(n_threads, 5, &n);
        ck_assert(memcmp(one, more, n * 2 * sizeof *one) == 0);
        free(more);
    }
    free(one);
}
END_TEST

static int32_t stop_at(void *user, const dsb_event *event)
{
    return event->done >= *(uint64_t *)user;
}

/* Stopped after 3 of 6 steps and gone on with the loader's first_sample: as if never stopped. */
START_TEST(a_stopped_run_goes_on)
{
    dsb_runtime *rt = make_runtime(2);
    dsb_split *split = make_split(rt);
    dsb_train_opts opts = make_opts();
    float *weights[2];
    size_t size = 0;
    for (int stop = 0; stop < 2; stop++) {
        dsb_model *model = make_model(rt);
        dsb_trainer *trainer;
        ck_assert_ok(dsb_trainer_create(rt, &trainer, model, &opts));
        dsb_loader *loader = make_loader(rt, split, DSB_PART_TRAIN, 2, 8);
        if (stop) {
            uint64_t limit = 24;
            ck_assert_fails(dsb_train_run(trainer, loader, NULL, stop_at, &limit), DSB_E_CANCELLED,
                            "24 of 48");
            dsb_loader_free(loader);
            dsb_loader_opts loader_opts;
            dsb_loader_opts_init(&loader_opts, sizeof loader_opts);
            loader_opts.size = SIDE;
            loader_opts.batch_size = 8;
            loader_opts.n_epochs = 0;
            loader_opts.shuffle = 1;
            loader_opts.augment = "full";
            loader_opts.first_sample = dsb_trainer_samples(trainer);
            ck_assert_ok(dsb_loader_create(rt, &loader, split, DSB_PART_TRAIN, &loader_opts));
        }
        ck_assert_ok(dsb_train_run(trainer, loader, NULL, NULL, NULL));
        size = trainer->arena_size * sizeof(float);
        weights[stop] = malloc(size);
        memcpy(weights[stop], trainer->params, size);
        dsb_loader_free(loader);
        dsb_trainer_free(trainer);
        dsb_model_free(model);
    }
    ck_assert(memcmp(weights[0], weights[1], size) == 0);
    free(weights[0]);
    free(weights[1]);
    dsb_split_free(split);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(loaders_that_do_not_fit_are_refused)
{
    dsb_runtime *rt = make_runtime(1);
    dsb_split *split = make_split(rt);
    dsb_model *model = make_model(rt);
    dsb_train_opts opts = make_opts();
    dsb_trainer *trainer;
    ck_assert_ok(dsb_trainer_create(rt, &trainer, model, &opts));
    dsb_loader_opts loader_opts;
    dsb_loader_opts_init(&loader_opts, sizeof loader_opts);
    loader_opts.size = 16;
    dsb_loader *loader;
    ck_assert_ok(dsb_loader_create(rt, &loader, split, DSB_PART_TEST, &loader_opts));
    float probabilities[18 * 2];
    ck_assert_fails(dsb_train_run(trainer, loader, NULL, NULL, NULL), DSB_E_SHAPE, "16 x 16");
    ck_assert_fails(dsb_train_predict(model, probabilities, NULL, 18, loader, NULL, NULL),
                    DSB_E_SHAPE, "32 x 32");
    dsb_loader_free(loader);
    loader = make_loader(rt, split, DSB_PART_TEST, 1, 8);
    ck_assert_fails(dsb_train_predict(model, probabilities, NULL, 17, loader, NULL, NULL),
                    DSB_E_SHAPE, "18 images, not 17");
    uint64_t limit = 8;
    ck_assert_fails(dsb_train_predict(model, probabilities, NULL, 18, loader, stop_at, &limit),
                    DSB_E_CANCELLED, "8 of 18");
    dsb_loader_free(loader);
    loader = make_loader(rt, split, DSB_PART_TEST, 1, 8); /* one epoch: 18 of 48 images */
    ck_assert_fails(dsb_train_run(trainer, loader, NULL, NULL, NULL), DSB_E_STATE, "n_epochs");
    dsb_loader_free(loader);
    loader = make_loader(rt, split, DSB_PART_TEST, 1, 9);
    ck_assert_fails(dsb_train_run(trainer, loader, NULL, NULL, NULL), DSB_E_SHAPE, "9 images");
    dsb_loader_free(loader);
    dsb_trainer_free(trainer);
    dsb_model_free(model);
    dsb_split_free(split);
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    return run_tests("train_loader", threads_and_batches_do_not_change_scores,
                     a_stopped_run_goes_on, loaders_that_do_not_fit_are_refused, NULL);
}
