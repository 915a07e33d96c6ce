/* Attention over so many tokens that queries come in blocks; a small ViT of each kind on an odd
 * grid: gradients against central differences, f32 against f64 at each level. */
#include "gradcheck.h"

static dsbi_graph *many_tokens(dsb_runtime *rt, size_t tokens)
{
    dsbi_builder b;
    ck_assert_ok(dsbi_builder_init(&b, rt, (dsbi_shape){tokens, 1, 3}, 1));
    dsbi_value x = dsbi_linear(&b, dsbi_input_values(&b), "qkv", 12);
    x = dsbi_attention(&b, x, 2);
    dsbi_value y = dsbi_pool_tokens(&b, x, 3, tokens - 5);
    dsbi_graph_output(&b, dsbi_add_values(&b, y, dsbi_pool_tokens(&b, x, tokens - 1, 1)));
    dsbi_graph *graph;
    ck_assert_ok(dsbi_graph_finish(&b, &graph));
    return graph;
}

/* A patch grid of 5 x 3. */
static dsbi_graph *vit(dsb_runtime *rt, const char *name)
{
    dsbi_spec spec;
    dsbi_builder b;
    ck_assert_ok(dsbi_spec_parse(&spec, name));
    ck_assert_ok(dsbi_builder_init(&b, rt, (dsbi_shape){20, 12, 3}, 3));
    spec.family->build(&b, &spec);
    dsbi_graph *graph;
    ck_assert_ok(dsbi_graph_finish(&b, &graph));
    dsbi_graph_set_pixels(graph, (const float[]){.4f, .5f, .6f}, (const float[]){.2f, .3f, .4f});
    return graph;
}

static const char *const names[] = {
    "vit:patch=4,dim=6,depth=2,heads=2,mlp=9,drop_path=0.4,layer_scale=0.5",
    "vit:patch=4,dim=6,depth=2,heads=3,mlp=7,pool=mean,dropout=0.2",
    "vit:patch=4,dim=4,depth=1,heads=1,class_token=no,pool=mean,eps=1e-5",
};
enum { N_NAMES = sizeof names / sizeof names[0] };

START_TEST(blocks_of_queries_agree_with_differences)
{
    dsb_runtime *rt = make_runtime(2);
    grad_case g = grad_case_make(rt, many_tokens(rt, 401), 1);
    grad_check(&g, false, 37, 1e-7, "401 tokens");
    grad_compare_f32(&g, false, 1e-5, "401 tokens");
    grad_case_free(&g);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(vits_agree_with_differences)
{
    dsb_runtime *rt = make_runtime(2);
    for (size_t i = 0; i < N_NAMES; i++)
        for (int no_fusion = 0; no_fusion < 2; no_fusion++) {
            grad_case g = grad_case_make(rt, vit(rt, names[i]), i == 2 ? 1 : 3);
            grad_check(&g, no_fusion, 3, 1e-7, names[i]);
            grad_case_free(&g);
        }
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(float_agrees_with_double_at_each_level)
{
    const uint32_t levels[] = {DSB_ISA_GENERIC, DSB_ISA_AVX2, DSB_ISA_AVX512};
    for (size_t level = 0; level < 3; level++) {
        dsb_runtime *rt = grad_runtime(levels[level], 2);
        for (size_t i = 0; i < N_NAMES; i++) {
            grad_case g = grad_case_make(rt, vit(rt, names[i]), 5);
            grad_compare_f32(&g, false, 2e-5, names[i]);
            grad_compare_f32(&g, true, 2e-5, names[i]);
            grad_case_free(&g);
        }
        dsb_runtime_free(rt);
    }
}
END_TEST

/* Logits and gradients to the bit; also with few images, where forward cuts the queries. */
START_TEST(threads_leave_no_trace)
{
    enum { TOKENS = 401 };
    for (size_t batch = 1; batch <= 9; batch += 8) {
        float *kept = NULL;
        size_t n = 0;
        for (uint64_t threads = 1; threads <= 4; threads++) {
            dsb_runtime *rt = grad_runtime(DSB_ISA_AUTO, threads);
            grad_case g = grad_case_make(rt, many_tokens(rt, TOKENS), batch);
            float *params = calloc(g.graph->arena_size, sizeof *params);
            put(&dsbi_math_f32, params, g.params, g.graph->arena_size);
            dsbi_plan *plan = grad_plan(&g, &dsbi_math_f32, params, false);
            grad_run(&g, plan, &dsbi_math_f32);
            n = g.graph->arena_size;
            if (!kept) {
                kept = calloc(n + g.n_output, sizeof *kept);
                memcpy(kept, dsbi_plan_grads(plan), n * sizeof *kept);
                memcpy(kept + n, dsbi_plan_logits(plan), g.n_output * sizeof *kept);
            }
            ck_assert_mem_eq(kept, dsbi_plan_grads(plan), n * sizeof *kept);
            ck_assert_mem_eq(kept + n, dsbi_plan_logits(plan), g.n_output * sizeof *kept);
            dsbi_plan_free(plan);
            free(params);
            grad_case_free(&g);
            dsb_runtime_free(rt);
        }
        free(kept);
    }
}
END_TEST

int main(void)
{
    return run_tests("vit_gradients", blocks_of_queries_agree_with_differences,
                     vits_agree_with_differences, float_agrees_with_double_at_each_level,
                     threads_leave_no_trace, NULL);
}
