/* Every layer of the table, by its own check case: gradients against central differences in f64,
 * f32 kernels of each level against f64. A new layer is tested by being there. */
#include "gradcheck.h"

static dsbi_graph *case_graph(dsb_runtime *rt, const dsbi_layer *layer)
{
    dsbi_builder b;
    ck_assert_ok(dsbi_builder_init(&b, rt, layer->check_image, 1));
    dsbi_value x = layer->check(&b, dsbi_input_values(&b));
    dsbi_graph_output(&b, x);
    dsbi_graph *graph;
    ck_assert_ok(dsbi_graph_finish(&b, &graph));
    return graph;
}

START_TEST(backward_agrees_with_differences)
{
    dsb_runtime *rt = make_runtime(2);
    for (const dsbi_layer *const *layer = dsbi_layer_table; *layer; layer++) {
        if (!(*layer)->check)
            continue;
        grad_case g = grad_case_make(rt, case_graph(rt, *layer), 3);
        grad_check(&g, true, 1, 1e-8, (*layer)->name);
        grad_check(&g, false, 1, 1e-8, (*layer)->name);
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
        for (const dsbi_layer *const *layer = dsbi_layer_table; *layer; layer++) {
            if (!(*layer)->check)
                continue;
            grad_case g = grad_case_make(rt, case_graph(rt, *layer), 3);
            grad_compare_f32(&g, false, 2e-6, (*layer)->name);
            grad_case_free(&g);
        }
        dsb_runtime_free(rt);
    }
}
END_TEST

int main(void)
{
    return run_tests("layer_gradients", backward_agrees_with_differences,
                     float_agrees_with_double_at_each_level, NULL);
}
