/* What a plan keeps from forward to backward: not what norms, sums and GELUs can write again. */
#include "testing.h"

#include <math.h>
#include "dsbias/nn.h"
#include "nn/plan.h"

enum { SIDE = 64, CHANNELS = 16, LARGE = 64, SMALL = 1, MOST_LAYERS = 12 };

typedef dsbi_value (*declare_fn)(dsbi_builder *b, dsbi_value x);

static dsbi_value batchnorm_relu(dsbi_builder *b, dsbi_value x)
{
    return dsbi_relu(b, dsbi_batchnorm(b, dsbi_linear(b, x, "linear", CHANNELS), "norm", 1e-5));
}

static dsbi_value layernorm(dsbi_builder *b, dsbi_value x)
{
    return dsbi_layernorm(b, dsbi_linear(b, x, "linear", CHANNELS), "norm", 1e-6);
}

static dsbi_value gelu(dsbi_builder *b, dsbi_value x)
{
    return dsbi_gelu(b, dsbi_linear(b, x, "linear", CHANNELS));
}

static dsbi_value residual(dsbi_builder *b, dsbi_value x)
{
    const dsbi_value y = dsbi_batchnorm(b, dsbi_linear(b, x, "linear", CHANNELS), "norm", 1e-5);
    return dsbi_relu(b, dsbi_add_values(b, y, x));
}

/* The input of the second norm is written again for that norm, whose sums the layer behind could
 * make before. */
static dsbi_value norm_of_norm(dsbi_builder *b, dsbi_value x)
{
    const dsbi_value first = dsbi_batchnorm(b, x, "first", 1e-5); /* no corner for rounding */
    const dsbi_value y = dsbi_batchnorm(b, first, "second", 1e-5);
    dsbi_value z = dsbi_linear(b, y, "behind", CHANNELS);
    z = dsbi_batchnorm(b, z, "third", 1e-5);
    return dsbi_add_values(b, z, dsbi_gelu(b, y));
}

static size_t value_of(size_t batch)
{
    return batch * SIDE * SIDE * CHANNELS * sizeof(float);
}

/* The same layer `layers` times. */
static dsbi_graph *make_graph(dsb_runtime *rt, declare_fn declare, size_t layers)
{
    dsbi_builder b;
    ck_assert_ok(dsbi_builder_init(&b, rt, (dsbi_shape){SIDE, SIDE, CHANNELS}, 1));
    dsbi_value x = dsbi_input_values(&b);
    for (size_t i = 0; i < layers; i++) {
        dsbi_enter(&b, "%zu", i);
        x = declare(&b, x);
        dsbi_leave(&b);
    }
    dsbi_graph_output(&b, dsbi_linear(&b, dsbi_global_avgpool(&b, x), "last", 1));
    dsbi_graph *graph;
    ck_assert_ok(dsbi_graph_finish(&b, &graph));
    return graph;
}

/* Arena of a training plan. */
static size_t arena_of(declare_fn declare, size_t batch)
{
    dsb_runtime *rt = make_runtime(1);
    dsbi_graph *graph = make_graph(rt, declare, MOST_LAYERS);
    const dsbi_plan_opts opts = {
        .batch = batch, .training = true, .sizes_only = true, .math = &dsbi_math_f32};
    dsbi_plan *plan;
    ck_assert_ok(dsbi_plan_create_for(&plan, rt, graph, &opts));
    const size_t bytes = dsbi_plan_bytes(plan);
    dsbi_plan_free(plan);
    dsbi_graph_free(graph);
    dsb_runtime_free(rt);
    return bytes;
}

/* `halves` halves of a value a layer stay; a few values more are in use at a time. */
static void check_kept(declare_fn declare, size_t batch, size_t halves)
{
    const size_t bytes = arena_of(declare, batch), value = value_of(batch);
    const size_t least = MOST_LAYERS * halves * value / 2;
    ck_assert_msg(bytes >= least && bytes < least + 6 * value, "%zu bytes, %zu values of %zu",
                  bytes, bytes / value, value);
}

START_TEST(one_value_a_layer_is_kept)
{
    check_kept(batchnorm_relu, LARGE, 2);
    check_kept(batchnorm_relu, SMALL, 2); /* the other is never written */
    check_kept(layernorm, LARGE, 2);
    check_kept(gelu, LARGE, 2);
}
END_TEST

/* A sum is made again from the one before, which is kept. */
START_TEST(every_other_sum_is_kept)
{
    check_kept(residual, LARGE, 3);
}
END_TEST

START_TEST(small_networks_keep_all)
{
    check_kept(layernorm, SMALL, 4);
    check_kept(residual, SMALL, 4);
}
END_TEST

/* Gradients of a few residual layers. */
static float *gradients(dsb_runtime *rt, const dsbi_graph *graph, float *params, bool no_fusion)
{
    const dsbi_plan_opts opts = {.batch = LARGE,
                                 .training = true,
                                 .no_fusion = no_fusion,
                                 .math = &dsbi_math_f32,
                                 .params = params};
    dsbi_plan *plan;
    ck_assert_ok(dsbi_plan_create_for(&plan, rt, graph, &opts));
    float *x = dsbi_plan_input(plan), *dlogits = dsbi_plan_dlogits(plan);
    for (size_t i = 0; i < value_of(LARGE) / sizeof *x; i++)
        x[i] = (float)(i * 37 % 251) / 125.0f - 1;
    ck_assert_ok(dsbi_plan_forward(plan, 0));
    for (size_t i = 0; i < LARGE; i++)
        dlogits[i] = (float)(i % 5) - 2;
    ck_assert_ok(dsbi_plan_backward(plan));
    float *grads = malloc(graph->arena_size * sizeof *grads);
    memcpy(grads, dsbi_plan_grads(plan), graph->arena_size * sizeof *grads);
    dsbi_plan_free(plan);
    return grads;
}

/* Without fusion no sum is made again. */
static void check_gradients(declare_fn declare)
{
    dsb_runtime *rt = make_runtime(2);
    dsbi_graph *graph = make_graph(rt, declare, 4);
    float *params = calloc(graph->arena_size, sizeof *params);
    for (size_t i = 0; i < graph->arena_size; i++)
        params[i] = (float)(i * 29 % 101) / 100.0f - 0.4f;
    float *again = gradients(rt, graph, params, false), *kept = gradients(rt, graph, params, true);
    double away = 0, size = 0;
    for (size_t i = 0; i < graph->arena_size; i++) {
        away += pow((double)again[i] - (double)kept[i], 2);
        size += pow((double)kept[i], 2);
    }
    ck_assert_msg(size > 0 && sqrt(away) < 1e-4 * sqrt(size), "%g of %g", sqrt(away), sqrt(size));
    free(again);
    free(kept);
    free(params);
    dsbi_graph_free(graph);
    dsb_runtime_free(rt);
}

START_TEST(sums_made_again_give_the_same_gradients)
{
    check_gradients(residual);
}
END_TEST

START_TEST(norms_of_values_made_again_give_the_same_gradients)
{
    check_gradients(norm_of_norm);
}
END_TEST

static dsb_summary_totals totals_of(const char *name, uint32_t side, uint64_t batch)
{
    dsb_runtime *rt = make_runtime(2);
    dsb_model_opts opts;
    dsb_model_opts_init(&opts, sizeof opts);
    opts.height = opts.width = side;
    dsb_model *model;
    dsb_summary *summary;
    dsb_summary_totals totals = {.struct_size = sizeof totals};
    ck_assert_ok(dsb_model_create(rt, &model, name, &opts));
    ck_assert_ok(dsb_summary_create(model, &summary, batch));
    ck_assert_ok(dsb_summary_totals_get(summary, &totals));
    dsb_summary_free(summary);
    dsb_model_free(model);
    dsb_runtime_free(rt);
    return totals;
}

enum { MIB = 1 << 20 };

/* Of VGG-16 at 224 px all that products and maxima make takes 64 MiB an image, the output of the
 * first layer alone 12. That one, or its gradient in the same memory, and the second's are most of
 * what is ever there together. Narrow hidden layers change nothing in that. */
START_TEST(maxima_stand_for_what_they_are_made_of)
{
    for (uint64_t batch = 8; batch <= 32; batch *= 2) {
        const dsb_summary_totals t = totals_of("vgg:hidden=64", 224, batch);
        ck_assert_uint_lt(t.train_bytes, (batch * 29 + 40) * MIB);
    }
    /* windows of 3 x 3 that overlap */
    ck_assert_uint_lt(totals_of("alexnet:hidden=64", 224, 32).train_bytes, 90 * (uint64_t)MIB);
    /* norms in between keep their input, and are no worse off */
    ck_assert_uint_lt(totals_of("vgg:hidden=64,norm=yes", 224, 16).train_bytes,
                      1020 * (uint64_t)MIB);
}
END_TEST

/* Weights 4096 x 9216, 4096 x 4096 and 1000 x 4096: their gradients are no arrays. */
START_TEST(large_gradients_are_factors)
{
    const dsb_summary_totals t = totals_of("alexnet", 224, 16);
    const uint64_t factored = 4096ull * 9216 + 4096ull * 4096 + 1000ull * 4096;
    ck_assert_uint_eq(t.gradient_bytes, (t.parameters - factored) * sizeof(float));
    ck_assert_uint_lt(t.train_bytes, 70 * (uint64_t)MIB);
    const dsb_summary_totals many = totals_of("alexnet", 64, 4096);
    ck_assert_uint_eq(many.gradient_bytes, many.parameters * sizeof(float));
}
END_TEST

int main(void)
{
    return run_tests("plan_memory", one_value_a_layer_is_kept, every_other_sum_is_kept,
                     small_networks_keep_all, sums_made_again_give_the_same_gradients,
                     norms_of_values_made_again_give_the_same_gradients,
                     maxima_stand_for_what_they_are_made_of, large_gradients_are_factors, NULL);
}
