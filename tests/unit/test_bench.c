/* dsb_bench: what it counts, what it refuses, and that it gives everything back. */
#include "testing.h"

#include "dsbias/bench.h"

static dsb_model *make_model(dsb_runtime *rt)
{
    dsb_model_opts opts;
    dsb_model_opts_init(&opts, sizeof opts);
    opts.n_classes = 2;
    opts.height = opts.width = 32;
    dsb_model *model;
    ck_assert_ok(dsb_model_create(rt, &model, "convnext:depths=1-1-1-1,dims=4-4-4-4", &opts));
    return model;
}

static dsb_bench_opts make_opts(uint32_t mode)
{
    dsb_bench_opts opts;
    dsb_bench_opts_init(&opts, sizeof opts);
    opts.batch_size = 3;
    opts.n_warmup = 1;
    opts.n_repeats = 2;
    opts.mode = mode;
    opts.layers = 1;
    return opts;
}

START_TEST(figures_hang_together)
{
    dsb_runtime *rt;
    ck_assert_ok(dsb_runtime_create(&rt, NULL));
    dsb_model *model = make_model(rt);
    for (uint32_t mode = DSB_BENCH_TRAIN; mode <= DSB_BENCH_INFER; mode++) {
        const dsb_bench_opts opts = make_opts(mode);
        dsb_bench *bench;
        ck_assert_ok(dsb_bench_run(rt, &bench, model, &opts));
        dsb_bench_figures f = {.struct_size = sizeof f};
        ck_assert_ok(dsb_bench_figures_get(bench, &f));
        ck_assert_uint_eq(f.macs_per_image, dsb_model_macs(model));
        ck_assert_double_gt(f.seconds_min, 0);
        ck_assert_double_ge(f.seconds_median, f.seconds_min);
        ck_assert_double_ge(f.seconds_max, f.seconds_median);
        ck_assert_uint_gt(f.peak_memory_bytes, f.planned_bytes);
        ck_assert_uint_eq(f.optimiser_bytes, 2 * f.gradient_bytes); /* AdamW's two means */
        ck_assert_uint_eq(f.gradient_bytes, mode == DSB_BENCH_TRAIN ? f.parameter_bytes : 0);
        uint64_t operations = 0;
        for (uint64_t i = 0; i < dsb_bench_layer_count(bench); i++) {
            dsb_bench_layer layer = {.struct_size = sizeof layer};
            ck_assert_ok(dsb_bench_layer_get(bench, i, &layer));
            operations += layer.operations_forward + layer.operations_backward;
        }
        ck_assert_uint_eq(operations, f.operations_per_step);
        ck_assert_ptr_nonnull(strstr(dsb_bench_json(bench), "\"layers\": ["));
        dsb_bench_free(bench);
    }
    dsb_model_free(model);
    dsb_runtime_free(rt);
}
END_TEST

/* Scratch memory of products stays with the runtime from the first bench on. */
START_TEST(memory_comes_back)
{
    dsb_runtime *rt;
    ck_assert_ok(dsb_runtime_create(&rt, NULL));
    dsb_model *model = make_model(rt);
    const dsb_bench_opts opts = make_opts(DSB_BENCH_TRAIN);
    uint64_t memory[2];
    for (int i = 0; i < 2; i++) {
        dsb_bench *bench;
        ck_assert_ok(dsb_bench_run(rt, &bench, model, &opts));
        dsb_bench_free(bench);
        memory[i] = dsb_runtime_memory(rt);
    }
    ck_assert_uint_eq(memory[0], memory[1]);
    dsb_model_free(model);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(older_callers_get_what_they_know)
{
    dsb_runtime *rt;
    ck_assert_ok(dsb_runtime_create(&rt, NULL));
    dsb_model *model = make_model(rt);
    dsb_bench_opts opts = make_opts(DSB_BENCH_INFER);
    opts.layers = 0;
    dsb_bench *bench;
    ck_assert_ok(dsb_bench_run(rt, &bench, model, &opts));
    ck_assert_uint_eq(dsb_bench_layer_count(bench), 0);
    dsb_bench_figures f = {.struct_size = offsetof(dsb_bench_figures, seconds_min),
                           .seconds_min = -1};
    ck_assert_ok(dsb_bench_figures_get(bench, &f));
    ck_assert_double_gt(f.images_per_second, 0);
    ck_assert_double_eq(f.seconds_min, -1);
    f.struct_size = 0;
    ck_assert_fails(dsb_bench_figures_get(bench, &f), DSB_E_INVALID, "struct_size is 0");
    dsb_bench_layer layer = {.struct_size = sizeof layer};
    ck_assert_fails(dsb_bench_layer_get(bench, 0, &layer), DSB_E_INVALID, "layer 0 of 0");
    dsb_bench_free(bench);
    dsb_model_free(model);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(refusals_name_what_is_wrong)
{
    dsb_runtime *rt;
    ck_assert_ok(dsb_runtime_create(&rt, NULL));
    dsb_model *model = make_model(rt);
    dsb_bench *bench;
    dsb_bench_opts opts = make_opts(2);
    ck_assert_fails(dsb_bench_run(rt, &bench, model, &opts), DSB_E_INVALID, "mode is 2");
    ck_assert_ptr_null(bench);
    opts = make_opts(DSB_BENCH_TRAIN);
    opts.n_repeats = 0;
    ck_assert_fails(dsb_bench_run(rt, &bench, model, &opts), DSB_E_INVALID, "n_repeats is 0");
    opts = make_opts(DSB_BENCH_TRAIN);
    dsb_train_opts train;
    dsb_train_opts_init(&train, sizeof train);
    train.lr_peak = -1;
    opts.train = &train;
    ck_assert_fails(dsb_bench_run(rt, &bench, model, &opts), DSB_E_INVALID, "lr_peak is -1");
    ck_assert_fails(dsb_bench_run(rt, &bench, NULL, &opts), DSB_E_INVALID, "NULL");
    dsb_model_free(model);
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    return run_tests("bench", figures_hang_together, memory_comes_back,
                     older_callers_get_what_they_know, refusals_name_what_is_wrong, NULL);
}
