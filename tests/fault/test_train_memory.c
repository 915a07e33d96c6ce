/* Training when memory ends: the n-th allocation fails for n = 1, 2, 3 ... until all goes through.
 * Each time the status is NOMEM with a sentence, nothing leaks, and the outputs are empty. */
#include "rationed.h"

#include "dsbias/bench.h"
#include "dsbias/bias.h"

enum { SIDE = 32, IMAGES = 6 };

static dsb_model *make_model(dsb_runtime *rt, const char *spec)
{
    dsb_model_opts opts;
    dsb_model_opts_init(&opts, sizeof opts);
    opts.n_classes = 2;
    opts.height = opts.width = SIDE;
    dsb_model *model;
    ck_assert_ok(dsb_model_create(rt, &model, spec, &opts));
    return model;
}

static dsb_status train(dsb_runtime *rt, dsb_model *model)
{
    static uint8_t images[IMAGES * SIDE * SIDE * 3];
    static const uint32_t labels[IMAGES] = {0, 1, 0, 1, 0, 1};
    dsb_train_opts opts;
    dsb_train_opts_init(&opts, sizeof opts);
    opts.batch_size = 4;
    opts.samples_seen = 12;
    opts.ema_decay = 0.9;
    opts.augment = "pad";
    dsb_trainer *trainer;
    dsb_status status = dsb_trainer_create(rt, &trainer, model, &opts);
    if (status != DSB_OK) {
        ck_assert_ptr_null(trainer);
        return status;
    }
    status = dsb_train_arrays(trainer, images, labels, IMAGES, NULL, NULL, NULL);
    dsb_trainer_free(trainer);
    return status;
}

static dsb_status measure(dsb_runtime *rt, dsb_model *model)
{
    double rate;
    dsb_train_opts opts;
    dsb_train_opts_init(&opts, sizeof opts);
    opts.batch_size = 4;
    return dsb_train_measure(rt, &rate, model, &opts, 1);
}

static dsb_status bench(dsb_runtime *rt, dsb_model *model)
{
    dsb_bench_opts opts;
    dsb_bench_opts_init(&opts, sizeof opts);
    opts.batch_size = 4;
    opts.n_warmup = opts.n_repeats = opts.layers = 1;
    dsb_bench *done;
    const dsb_status status = dsb_bench_run(rt, &done, model, &opts);
    if (status != DSB_OK)
        ck_assert_ptr_null(done);
    else
        dsb_bench_free(done);
    return status;
}

static dsb_status fit(dsb_runtime *rt, dsb_model *model)
{
    static uint8_t images[IMAGES * SIDE * SIDE * 3];
    static const uint32_t labels[IMAGES] = {0, 1, 0, 1, 0, 1};
    (void)rt;
    for (size_t i = 0; i < sizeof images; i++)
        images[i] = (uint8_t)((i * 2654435761u) >> 24);
    dsb_random_features_opts opts;
    dsb_random_features_opts_init(&opts, sizeof opts);
    opts.n_patches = 1000;
    return dsb_random_features_fit(model, NULL, images, labels, IMAGES, &opts, NULL, NULL);
}

static void starve(dsb_status (*work)(dsb_runtime *, dsb_model *), const char *spec)
{
    dsb_status status;
    uint64_t n = 0;
    do {
        rationed memory = {0};
        dsb_runtime *rt = make_rationed(&memory);
        dsb_model *model = make_model(rt, spec);
        memory.left = n++;
        status = work(rt, model);
        if (status != DSB_OK) {
            ck_assert_int_eq(status, DSB_E_NOMEM);
            ck_assert_ptr_nonnull(strstr(dsb_last_error(), "memory"));
        }
        dsb_model_free(model);
        dsb_runtime_free(rt);
        ck_assert_uint_eq(memory.in_use, 0);
    } while (status != DSB_OK && n < 10000);
    ck_assert_ok(status);
    ck_assert_uint_gt(n, 10);
}

static const char network[] = "convnext:depths=1-1-1-1,dims=4-4-4-4";

START_TEST(training_survives)
{
    starve(train, network);
}
END_TEST

START_TEST(measuring_survives)
{
    starve(measure, network);
}
END_TEST

START_TEST(benching_survives)
{
    starve(bench, network);
}
END_TEST

START_TEST(closed_form_survives)
{
    starve(fit, "random_features:filters=4,side=4,pool=15,step=14");
}
END_TEST

int main(void)
{
    return run_tests("train_memory", training_survives, measuring_survives, benching_survives,
                     closed_form_survives, NULL);
}
