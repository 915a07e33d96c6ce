/* Models by name: counts of the papers, refusals, predictions, threads, allocation. */
#include "testing.h"

#include <math.h>
#include "dsbias/nn.h"
#include "nn/drop.h"
#include "nn/nn.h"

static dsb_model *make_model(dsb_runtime *rt, const char *name, uint32_t n_classes, uint32_t size)
{
    dsb_model_opts opts;
    dsb_model_opts_init(&opts, sizeof opts);
    opts.n_classes = n_classes;
    opts.height = opts.width = size;
    opts.seed = 5;
    dsb_model *model;
    ck_assert_ok(dsb_model_create(rt, &model, name, &opts));
    return model;
}

/* Parameters at 3 and 1000 classes: Liu and He 2024, fig. 2, and the tables of the ConvNeXt
 * repository; multiply-adds at 224 pixels and 1000 classes, in millions, convolutions and linear.
 */
START_TEST(counts_are_those_of_the_papers)
{
    static const struct {
        const char *name;
        uint64_t size_3, size_1000;
        double mega_macs;
    } known[] = {
        {"convnext_7k", 7373, 18340, 7.3},
        {"convnext_120k", 124933, 205690, 22},
        {"convnext_470k", 470663, 631180, 78},
        {"convnext_atto", 3375483, 3695520, 547},
        {"convnext_femto", 4833939, 5217784, 780},
        {"convnext_pico", 8534211, 9045672, 1370},
        {"convnext_nano", 14954483, 15593560, 2440},
        {"convnext_tiny", 27822435, 28589128, 4450},
        {"convnext_small", 49456995, 50223688, 8680},
        {"convnext_base", 87569539, 88591464, 15350},
    };
    dsb_runtime *rt = make_runtime(2);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        dsb_model *model = make_model(rt, known[i].name, 3, 224);
        ck_assert_uint_eq(dsb_model_size(model), known[i].size_3);
        dsb_model_free(model);
        model = make_model(rt, known[i].name, 1000, 224);
        ck_assert_uint_eq(dsb_model_size(model), known[i].size_1000);
        const double macs = (double)dsb_model_macs(model) * 1e-6;
        ck_assert_msg(fabs(macs / known[i].mega_macs - 1) < 0.01, "%s: %g MMAC", known[i].name,
                      macs);
        dsb_model_free(model);
    }
    ck_assert_uint_ge(dsb_model_count(), sizeof known / sizeof known[0]);
    ck_assert_ptr_nonnull(dsb_model_name(2));
    ck_assert_ptr_null(dsb_model_name(dsb_model_count()));
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(names_and_shapes_are_those_of_facebookresearch)
{
    dsb_runtime *rt = make_runtime(1);
    dsb_model *model = make_model(rt, "convnext_470k", 3, 64);
    static const struct {
        const char *name;
        uint64_t rank, dims[4];
    } known[] = {
        {"downsample_layers.0.0.weight", 4, {20, 3, 4, 4}},
        {"downsample_layers.0.0.bias", 1, {20}},
        {"downsample_layers.0.1.weight", 1, {20}},
        {"downsample_layers.0.1.bias", 1, {20}},
        {"stages.0.0.dwconv.weight", 4, {20, 1, 7, 7}},
        {"stages.0.0.dwconv.bias", 1, {20}},
        {"stages.0.0.norm.weight", 1, {20}},
        {"stages.0.0.norm.bias", 1, {20}},
        {"stages.0.0.pwconv1.weight", 2, {80, 20}},
        {"stages.0.0.pwconv1.bias", 1, {80}},
        {"stages.0.0.pwconv2.weight", 2, {20, 80}},
        {"stages.0.0.pwconv2.bias", 1, {20}},
        {"stages.0.0.gamma", 1, {20}},
        {"downsample_layers.1.0.weight", 1, {20}},
        {"downsample_layers.1.0.bias", 1, {20}},
        {"downsample_layers.1.1.weight", 4, {40, 20, 2, 2}},
    };
    uint64_t dims[4];
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        ck_assert_str_eq(dsb_model_param_name(model, i), known[i].name);
        ck_assert_uint_eq(dsb_model_param_dims(model, i, dims), known[i].rank);
        ck_assert_mem_eq(dims, known[i].dims, known[i].rank * sizeof *dims);
    }
    const uint64_t last = dsb_model_param_count(model) - 1;
    ck_assert_str_eq(dsb_model_param_name(model, last), "head.bias");
    ck_assert_ptr_null(dsb_model_param_name(model, last + 1));
    ck_assert_uint_eq(dsb_model_param_dims(model, last + 1, dims), 0);
    for (size_t i = 0; i < model->graph->n_params; i++)
        ck_assert_int_eq(model->graph->params[i].decay, model->graph->params[i].rank >= 2);
    dsb_model_free(model);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(weights_go_in_and_out_in_stored_order)
{
    dsb_runtime *rt = make_runtime(1);
    dsb_model *model = make_model(rt, "convnext_7k", 3, 32);
    float values[480], back[480];
    for (size_t i = 0; i < 480; i++)
        values[i] = (float)i;
    ck_assert_ok(dsb_model_param_set(model, 0, values, 480)); /* [10, 3, 4, 4] */
    ck_assert_ok(dsb_model_param_get(model, back, 480, 0));
    ck_assert_mem_eq(values, back, sizeof values);
    /* in memory [O, kH, kW, I]: element (o, kh, kw, i) of stored ((o * 3 + i) * 4 + kh) * 4 + kw */
    const float *memory = (const float *)model->params + model->graph->params[0].offset;
    ck_assert(memory[((2 * 4 + 1) * 4 + 3) * 3 + 2] == values[((2 * 3 + 2) * 4 + 1) * 4 + 3]);
    ck_assert_fails(dsb_model_param_get(model, back, 479, 0), DSB_E_SHAPE, "480");
    ck_assert_fails(dsb_model_param_get(model, back, 1, 999), DSB_E_INVALID, "999");
    dsb_model_free(model);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(initial_weights_are_a_function_of_the_seed)
{
    dsb_runtime *rt = make_runtime(2);
    dsb_model *a = make_model(rt, "convnext_470k", 3, 64);
    dsb_model *b = make_model(rt, "convnext_470k", 3, 64);
    const size_t n = a->graph->arena_size;
    ck_assert_mem_eq(a->params, b->params, n * sizeof(float));
    double sum = 0, square = 0;
    const dsbi_param *pwconv = &a->graph->params[8];
    const float *w = (const float *)a->params + pwconv->offset;
    for (size_t i = 0; i < pwconv->size; i++) {
        sum += w[i];
        square += w[i] * w[i];
    }
    const double size = (double)pwconv->size;
    ck_assert(fabs(sum / size) < 0.002 && fabs(sqrt(square / size) - 0.02) < 0.001);
    float gamma[20];
    ck_assert_ok(dsb_model_param_get(a, gamma, 20, 12));
    ck_assert(gamma[7] == 1e-6f);
    dsb_model_free(a);
    dsb_model_free(b);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(wrong_names_and_options_are_refused)
{
    dsb_runtime *rt = make_runtime(1);
    dsb_model *model;
    dsb_model_opts opts;
    dsb_model_opts_init(&opts, sizeof opts);
    ck_assert_fails(dsb_model_create(rt, &model, "convnext_8k", &opts), DSB_E_NOTFOUND,
                    "convnext_7k");
    ck_assert_ptr_null(model);
    ck_assert_fails(dsb_model_create(rt, &model, "", &opts), DSB_E_NOTFOUND, "convnext");
    ck_assert_fails(dsb_model_create(rt, &model, "convnext:depth=3", &opts), DSB_E_INVALID,
                    "\"depth\"");
    ck_assert_fails(dsb_model_create(rt, &model, "convnext:depths=1-2", &opts), DSB_E_INVALID,
                    "4 numbers");
    ck_assert_fails(dsb_model_create(rt, &model, "convnext:dims=1-2-x-3", &opts), DSB_E_INVALID,
                    "1-2-x-3");
    ck_assert_fails(dsb_model_create(rt, &model, "convnext:dims=1-2-3-4-5", &opts), DSB_E_INVALID,
                    "up to 4");
    ck_assert_fails(dsb_model_create(rt, &model, "convnext:dims=1-0-1-1", &opts), DSB_E_INVALID,
                    "1-0-1-1");
    ck_assert_fails(dsb_model_create(rt, &model, "convnext_7k:drop_path", &opts), DSB_E_INVALID,
                    "key=value");
    ck_assert_fails(dsb_model_create(rt, &model, "convnext_7k:drop_path=1", &opts), DSB_E_INVALID,
                    "drop_path");
    ck_assert_fails(dsb_model_create(rt, &model, "convnext_7k:drop_path=nan", &opts), DSB_E_INVALID,
                    "number");
    opts.height = 31;
    ck_assert_fails(dsb_model_create(rt, &model, "convnext_7k", &opts), DSB_E_SHAPE, "1 x 14");
    ck_assert_fails(dsb_model_create(rt, &model, "convnext_7k", &opts), DSB_E_SHAPE,
                    "convnext_7k on images of 31 x 224 pixels");
    opts.height = 224;
    opts.n_classes = 0;
    ck_assert_fails(dsb_model_create(rt, &model, "convnext_7k", &opts), DSB_E_INVALID, "0 classes");
    opts.n_classes = 3;
    opts.std[1] = 0;
    ck_assert_fails(dsb_model_create(rt, &model, "convnext_7k", &opts), DSB_E_INVALID, "channel 1");
    opts.std[1] = INFINITY; /* all images alike */
    ck_assert_fails(dsb_model_create(rt, &model, "convnext_7k", &opts), DSB_E_INVALID, "channel 1");
    dsb_runtime_free(rt);
}
END_TEST

static uint8_t *noise(size_t n)
{
    uint8_t *bytes = malloc(n);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)((i * 2654435761u) >> 13);
    return bytes;
}

START_TEST(predictions_do_not_depend_on_threads_or_neighbours)
{
    enum { N = 70, SIZE = 48 };
    float logits[3][N * 3], one[3];
    uint8_t *images = noise(N * SIZE * SIZE * 3);
    const uint64_t threads[] = {1, 2, 4};
    for (size_t t = 0; t < 3; t++) {
        dsb_runtime *rt = make_runtime(threads[t]);
        dsb_model *model = make_model(rt, "convnext_120k:layer_scale=1", 3, SIZE);
        ck_assert_ok(dsb_model_predict(model, one, images + (size_t)SIZE * SIZE * 3, 1));
        ck_assert_ok(dsb_model_predict(model, logits[t], images, N));
        for (int c = 0; c < 3; c++)
            ck_assert(one[c] == logits[t][3 + c]);
        const uint64_t before = dsb_runtime_alloc_count(rt);
        ck_assert_ok(dsb_model_predict(model, logits[t], images, N));
        ck_assert_uint_eq(dsb_runtime_alloc_count(rt), before);
        dsb_model_free(model);
        dsb_runtime_free(rt);
    }
    ck_assert_mem_eq(logits[0], logits[1], sizeof logits[0]);
    ck_assert_mem_eq(logits[0], logits[2], sizeof logits[0]);
    free(images);
}
END_TEST

/* Three steps of plain gradient descent: the same bytes for any number of threads, and no
 * allocation after the first step. */
START_TEST(training_does_not_depend_on_threads_and_allocates_nothing)
{
    enum { BATCH = 16, SIZE = 64 };
    uint8_t *images = noise(BATCH * SIZE * SIZE * 3);
    float *kept = NULL;
    const uint64_t threads[] = {1, 2, 4};
    for (size_t t = 0; t < 3; t++) {
        dsb_runtime *rt = make_runtime(threads[t]);
        dsb_model *model = make_model(rt, "convnext_470k:layer_scale=1,drop_path=0.2", 3, SIZE);
        dsbi_plan *plan;
        ck_assert_ok(dsbi_plan_create(model, &plan, BATCH, true));
        const size_t n = model->graph->arena_size;
        float *params = model->params, *grads = dsbi_plan_grads(plan);
        const uint64_t before = dsb_runtime_alloc_count(rt);
        for (uint64_t step = 0; step < 3; step++) {
            memcpy(dsbi_plan_input(plan), images, BATCH * SIZE * SIZE * 3);
            ck_assert_ok(dsbi_plan_forward(plan, step));
            float *logits = dsbi_plan_logits(plan), *dlogits = dsbi_plan_dlogits(plan);
            for (size_t i = 0; i < BATCH * 3; i++)
                dlogits[i] = logits[i] - (float)(i % 4 == 0);
            ck_assert_ok(dsbi_plan_backward(plan));
            for (size_t i = 0; i < n; i++)
                params[i] -= 0.01f * grads[i];
        }
        ck_assert_uint_eq(dsb_runtime_alloc_count(rt), before);
        if (!kept) {
            kept = malloc(n * sizeof *kept);
            memcpy(kept, params, n * sizeof *kept);
        }
        ck_assert_mem_eq(kept, params, n * sizeof *kept);
        ck_assert(isfinite(params[0]));
        dsbi_plan_free(plan);
        dsb_model_free(model);
        dsb_runtime_free(rt);
    }
    free(kept);
    free(images);
}
END_TEST

START_TEST(memory_is_shared_over_time)
{
    dsb_runtime *rt = make_runtime(1);
    dsb_model *model = make_model(rt, "convnext_470k", 3, 64);
    dsbi_plan *plan;
    ck_assert_ok(dsbi_plan_create(model, &plan, 8, false));
    ck_assert(dsbi_plan_bytes(plan) < dsbi_plan_bytes_unshared(plan) / 3);
    ck_assert_fails(dsbi_plan_backward(plan), DSB_E_STATE, "inference");
    ck_assert_fails(dsbi_plan_set_count(plan, 9), DSB_E_INVALID, "9 images");
    dsbi_plan_free(plan);
    ck_assert_fails(dsbi_plan_create(model, &plan, 0, true), DSB_E_INVALID, "0 images");
    const char *summary = dsb_model_summary(model);
    ck_assert_ptr_nonnull(strstr(summary, "470663 parameters"));
    ck_assert_ptr_nonnull(strstr(summary, "stages.2.1.pwconv1"));
    dsb_model_free(model);
    dsb_runtime_free(rt);
}
END_TEST

/* Arrays that live at the same time may not overlap. */
START_TEST(placement_keeps_living_arrays_apart)
{
    enum { N = 60 };
    dsb_runtime *rt = make_runtime(1);
    dsbi_buffer buffers[N];
    for (size_t i = 0; i < N; i++) {
        const size_t birth = i * 7919 % 40;
        buffers[i] =
            (dsbi_buffer){.size = i * 7907 % 1000, .birth = birth, .death = birth + i * 31 % 20};
    }
    size_t total, sum = 0;
    ck_assert_ok(dsbi_place(rt, buffers, N, &total));
    for (size_t i = 0; i < N; i++) {
        sum += buffers[i].size;
        ck_assert(buffers[i].offset + buffers[i].size <= total);
        for (size_t j = 0; j < i; j++) {
            const dsbi_buffer *a = &buffers[i], *b = &buffers[j];
            ck_assert(a->death < b->birth || b->death < a->birth || a->size == 0 || b->size == 0 ||
                      a->offset + a->size <= b->offset || b->offset + b->size <= a->offset);
        }
    }
    ck_assert(total < sum);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(drop_path_drops_whole_images)
{
    enum { N = 4000 };
    dsb_runtime *rt = make_runtime(1);
    dsbi_graph graph = {.n_nodes = 10};
    dsbi_call call = {.rt = rt, .graph = &graph, .training = true, .seed = 9, .step = 4};
    size_t dropped = 0;
    for (size_t image = 0; image < N; image++) {
        const double factor = dsbi_drop_factor(&call, 3, 0.25, image);
        ck_assert(factor == 0 || fabs(factor - 4.0 / 3) < 1e-12);
        ck_assert(factor == dsbi_drop_factor(&call, 3, 0.25, image));
        dropped += factor == 0;
    }
    ck_assert(dropped > 900 && dropped < 1100);
    call.training = false;
    ck_assert(dsbi_drop_factor(&call, 3, 0.25, 0) == 1);
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    return run_tests(
        "nn", counts_are_those_of_the_papers, names_and_shapes_are_those_of_facebookresearch,
        weights_go_in_and_out_in_stored_order, initial_weights_are_a_function_of_the_seed,
        wrong_names_and_options_are_refused, predictions_do_not_depend_on_threads_or_neighbours,
        training_does_not_depend_on_threads_and_allocates_nothing, drop_path_drops_whole_images,
        memory_is_shared_over_time, placement_keeps_living_arrays_apart, NULL);
}
