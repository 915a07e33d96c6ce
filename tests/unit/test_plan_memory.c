/* What a plan keeps from forward to backward: not what norms and GELUs can write again. */
#include "testing.h"

#include "nn/plan.h"

enum { LAYERS = 12, SIDE = 64, CHANNELS = 16, BATCH = 4 };
static const size_t value = (size_t)BATCH * SIDE * SIDE * CHANNELS * sizeof(float);

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

/* The same layer LAYERS times; arena of a training plan. */
static size_t arena_of(declare_fn declare)
{
    dsb_runtime_opts opts;
    dsb_runtime_opts_init(&opts, sizeof opts);
    opts.n_threads = 1;
    dsb_runtime *rt;
    ck_assert_ok(dsb_runtime_create(&rt, &opts));
    dsbi_builder b;
    ck_assert_ok(dsbi_builder_init(&b, rt, (dsbi_shape){SIDE, SIDE, CHANNELS}, 1));
    dsbi_value x = dsbi_input_values(&b);
    for (size_t i = 0; i < LAYERS; i++) {
        dsbi_enter(&b, "%zu", i);
        x = declare(&b, x);
        dsbi_leave(&b);
    }
    dsbi_graph_output(&b, dsbi_linear(&b, x, "last", 1));
    dsbi_graph *graph;
    ck_assert_ok(dsbi_graph_finish(&b, &graph));
    float *params = calloc(graph->arena_size + 1, sizeof *params);
    const dsbi_plan_opts plan_opts = {
        .batch = BATCH, .training = true, .math = &dsbi_math_f32, .params = params};
    dsbi_plan *plan;
    ck_assert_ok(dsbi_plan_create_for(&plan, rt, graph, &plan_opts));
    const size_t bytes = dsbi_plan_bytes(plan);
    dsbi_plan_free(plan);
    dsbi_graph_free(graph);
    free(params);
    dsb_runtime_free(rt);
    return bytes;
}

/* One value a layer stays (two would, were the outputs kept); a few more are in use at a time. */
START_TEST(one_value_a_layer_is_kept)
{
    const declare_fn layers[] = {batchnorm_relu, layernorm, gelu};
    for (size_t i = 0; i < 3; i++) {
        const size_t bytes = arena_of(layers[i]);
        ck_assert_msg(bytes >= LAYERS * value && bytes < (LAYERS + 6) * value,
                      "layer %zu: %zu bytes for %d values of %zu", i, bytes, LAYERS, value);
    }
}
END_TEST

int main(void)
{
    return run_tests("plan_memory", one_value_a_layer_is_kept, NULL);
}
