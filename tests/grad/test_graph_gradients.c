/* Whole graphs: fan-out, fused neighbours, drop path, pixels, a small ConvNeXt. */
#include "gradcheck.h"

typedef void (*declare_fn)(dsbi_builder *b);

static void shared_input(dsbi_builder *b)
{
    dsbi_value x = dsbi_input_values(b);
    dsbi_value twice = dsbi_add_values(b, x, x);
    dsbi_value self = dsbi_add_values(b, dsbi_linear(b, twice, "self", b->image.c), twice);
    dsbi_value norm = dsbi_layernorm(b, self, "norm", 1e-6);
    dsbi_value pool = dsbi_gelu(b, dsbi_add_values(b, norm, dsbi_gelu(b, self)));
    dsbi_graph_output(b, dsbi_add_values(b, pool, dsbi_depthwise(b, self, "dw", 3, 1)));
}

static void branches(dsbi_builder *b)
{
    dsbi_value x = dsbi_linear(b, dsbi_input_values(b), "in", 6);
    dsbi_value skip = dsbi_conv2d(b, x, "skip", 6, 3, 1, 1);
    dsbi_value y = dsbi_gelu(b, dsbi_linear(b, x, "up", 12));
    y = dsbi_layerscale(b, dsbi_linear(b, y, "down", 6), "gamma", 1);
    y = dsbi_add_values(b, dsbi_droppath(b, y, 0.4), skip);
    dsbi_value z = dsbi_layerscale(b, dsbi_conv2d(b, y, "last", 6, 3, 1, 1), "delta", 1);
    dsbi_graph_output(b, dsbi_global_avgpool(b, dsbi_add_values(b, y, z)));
}

static void pixels(dsbi_builder *b)
{
    dsbi_value x = dsbi_input_images(b);
    dsbi_graph_output(b, dsbi_gelu(b, dsbi_conv2d(b, x, "stem", 5, 3, 2, 1)));
}

static void patches(dsbi_builder *b)
{
    dsbi_graph_output(b, dsbi_conv2d(b, dsbi_input_images(b), "patches", 5, 2, 2, 0));
}

/* Weights too many for partial gradients: their gradient is one product over all rows. */
static void wide(dsbi_builder *b)
{
    dsbi_value x = dsbi_input_values(b);
    dsbi_value y = dsbi_gelu(b, dsbi_linear(b, x, "up", 730));
    y = dsbi_layerscale(b, dsbi_linear(b, y, "down", b->image.c), "gamma", 1);
    dsbi_graph_output(b, dsbi_add_values(b, dsbi_droppath(b, y, 0.4), x));
}

static dsbi_graph *declared_for(dsb_runtime *rt, declare_fn declare, dsbi_shape image)
{
    dsbi_builder b;
    ck_assert_ok(dsbi_builder_init(&b, rt, image, 1));
    declare(&b);
    dsbi_graph *graph;
    ck_assert_ok(dsbi_graph_finish(&b, &graph));
    dsbi_graph_set_pixels(graph, (const float[]){.4f, .5f, .6f}, (const float[]){.2f, .3f, .4f});
    return graph;
}

static dsbi_graph *declared(dsb_runtime *rt, declare_fn declare)
{
    return declared_for(rt, declare, (dsbi_shape){4, 5, 3});
}

static dsbi_graph *convnext(dsb_runtime *rt)
{
    dsbi_spec spec;
    dsbi_builder b;
    ck_assert_ok(dsbi_spec_parse(
        &spec, "convnext:depths=1-1-2-1,dims=3-4-5-6,layer_scale=0.5,drop_path=0.3"));
    ck_assert_ok(dsbi_builder_init(&b, rt, (dsbi_shape){37, 66, 3}, 3));
    spec.family->build(&b, &spec);
    dsbi_graph *graph;
    ck_assert_ok(dsbi_graph_finish(&b, &graph));
    dsbi_graph_set_pixels(graph, (const float[]){.4f, .5f, .6f}, (const float[]){.2f, .3f, .4f});
    return graph;
}

static const declare_fn graphs[] = {shared_input, branches, pixels, patches};
enum { N_GRAPHS = sizeof graphs / sizeof graphs[0] };

START_TEST(graphs_agree_with_differences)
{
    dsb_runtime *rt = make_runtime(2);
    for (size_t i = 0; i < N_GRAPHS; i++)
        for (int no_fusion = 0; no_fusion < 2; no_fusion++) {
            grad_case g = grad_case_make(rt, declared(rt, graphs[i]), 4);
            grad_check(&g, no_fusion, 1, 1e-7, "graph");
            grad_case_free(&g);
        }
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(wide_layers_agree_with_differences)
{
    dsb_runtime *rt = make_runtime(2);
    for (int no_fusion = 0; no_fusion < 2; no_fusion++) {
        grad_case g = grad_case_make(rt, declared_for(rt, wide, (dsbi_shape){2, 1, 725}), 3);
        for (size_t i = 0; i < g.graph->arena_size; i++)
            g.params[i] *= 0.1; /* sums of 700 products stay of order one */
        grad_check(&g, no_fusion, 20011, 1e-7, "wide");
        grad_compare_f32(&g, no_fusion, 1e-5, "wide");
        grad_case_free(&g);
    }
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(convnext_agrees_with_differences)
{
    dsb_runtime *rt = make_runtime(2);
    for (int no_fusion = 0; no_fusion < 2; no_fusion++) {
        grad_case g = grad_case_make(rt, convnext(rt), 3);
        grad_check(&g, no_fusion, 5, 1e-7, "convnext");
        grad_case_free(&g);
    }
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(float_agrees_with_double_at_each_level)
{
    const uint32_t levels[] = {DSB_ISA_GENERIC, DSB_ISA_AVX2, DSB_ISA_AVX512};
    for (size_t i = 0; i < 3; i++) {
        dsb_runtime *rt = grad_runtime(levels[i], 2);
        for (size_t k = 0; k <= N_GRAPHS; k++) {
            grad_case g =
                grad_case_make(rt, k < N_GRAPHS ? declared(rt, graphs[k]) : convnext(rt), 5);
            grad_compare_f32(&g, false, 2e-5, "graph");
            grad_compare_f32(&g, true, 2e-5, "graph, unfused");
            grad_case_free(&g);
        }
        dsb_runtime_free(rt);
    }
}
END_TEST

int main(void)
{
    return run_tests("graph_gradients", graphs_agree_with_differences,
                     wide_layers_agree_with_differences, convnext_agrees_with_differences,
                     float_agrees_with_double_at_each_level, NULL);
}
