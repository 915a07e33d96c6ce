/* Convolutions by Winograd's F(4x4, 3x3) and F(2x2, 5x5) against the definition: in f64 to
 * rounding, at sizes that leave pieces incomplete and with all paddings; in f32 within a stated
 * error; the same bits for any number of threads and in any batch. (Central differences:
 * test_layer_gradients.) */
#include "gradcheck.h"

#include "nn/winograd.h"

typedef struct wino_case {
    size_t h, w, c_in, c_out, taps, pad, batch;
} wino_case;

/* Two convolutions read the same value, so one of them adds into its gradient. */
static dsbi_graph *case_graph(dsb_runtime *rt, wino_case t)
{
    dsbi_builder b;
    ck_assert_ok(dsbi_builder_init(&b, rt, (dsbi_shape){t.h, t.w, t.c_in}, 1));
    const dsbi_value x = dsbi_input_values(&b);
    const dsbi_value y = dsbi_conv2d(&b, x, "conv", t.c_out, t.taps, 1, t.pad);
    const dsbi_value z = dsbi_conv2d(&b, x, "again", t.c_out, t.taps, 1, t.pad);
    dsbi_graph_output(&b, dsbi_add_values(&b, y, dsbi_gelu(&b, z)));
    dsbi_graph *graph;
    ck_assert_ok(dsbi_graph_finish(&b, &graph));
    return graph;
}

/* Both convolutions stay apart from their neighbours: a fused GELU goes another way. */
static dsbi_plan *case_plan(const grad_case *g, wino_case t, const dsbi_math *math, void *params,
                            bool no_winograd)
{
    dsbi_plan *plan;
    const dsbi_plan_opts opts = {.batch = g->batch,
                                 .training = true,
                                 .input_grad = true,
                                 .no_fusion = true,
                                 .no_winograd = no_winograd,
                                 .math = math,
                                 .params = params};
    ck_assert_ok(dsbi_plan_create_for(&plan, g->rt, g->graph, &opts));
    const dsbi_node *node = dsbi_plan_row_at(plan, 1).node;
    const char *way = t.taps == 3 ? "winograd 4x4" : "winograd 2x2";
    ck_assert_str_eq(node->layer->algorithm(node), no_winograd ? "patches" : way);
    grad_run(g, plan, math);
    return plan;
}

static double distance(const double *a, const void *b, const dsbi_math *math, size_t n)
{
    grad_error error = {0, 0};
    for (size_t i = 0; i < n; i++)
        grad_compare(&error, a[i],
                     math->item == sizeof(float) ? (double)((const float *)b)[i]
                                                 : ((const double *)b)[i]);
    return grad_relative(&error);
}

static void check_case(dsb_runtime *rt, wino_case t, const dsbi_math *math, double tolerance)
{
    grad_case g = grad_case_make(rt, case_graph(rt, t), t.batch);
    float *params = calloc(g.graph->arena_size, sizeof *params);
    put(&dsbi_math_f32, params, g.params, g.graph->arena_size);
    dsbi_plan *exact = case_plan(&g, t, &dsbi_math_f64, g.params, true);
    dsbi_plan *plan =
        case_plan(&g, t, math, math == &dsbi_math_f32 ? (void *)params : g.params, false);
    const double errors[] = {
        distance(dsbi_plan_logits(exact), dsbi_plan_logits(plan), math, g.n_output),
        distance(dsbi_plan_dinput(exact), dsbi_plan_dinput(plan), math, g.n_input),
        distance(dsbi_plan_grads(exact), dsbi_plan_grads(plan), math, g.graph->arena_size)};
    for (size_t i = 0; i < 3; i++)
        ck_assert_msg(errors[i] < tolerance, "%zux%zux%zu to %zu, pad %zu: %s: relative error %g",
                      t.h, t.w, t.c_in, t.c_out, t.pad,
                      i == 0   ? "output"
                      : i == 1 ? "gradient of the input"
                               : "gradients",
                      errors[i]);
    dsbi_plan_free(exact);
    dsbi_plan_free(plan);
    free(params);
    grad_case_free(&g);
}

START_TEST(it_is_the_definition_at_all_edges)
{
    dsb_runtime *rt = make_runtime(2);
    for (size_t size = 16; size < 24; size++)
        for (size_t taps = 3; taps <= 5; taps += 2)
            for (size_t pad = 0; pad < taps; pad++)
                check_case(rt, (wino_case){size, 47 - size, 19, 21 + size, taps, pad, 1 + size % 3},
                           &dsbi_math_f64, 1e-13);
    check_case(rt, (wino_case){12, 12, 70, 75, 3, 1, 5}, &dsbi_math_f64,
               1e-13); /* one dU for all */
    check_case(rt, (wino_case){19, 20, 256, 260, 3, 1, 8}, &dsbi_math_f64, 1e-13); /* two waves */
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(its_rounding_error_is_small)
{
    for (uint32_t isa = DSB_ISA_GENERIC; isa <= DSB_ISA_AVX512; isa++) {
        dsb_runtime *rt = grad_runtime(isa, 2);
        check_case(rt, (wino_case){28, 28, 64, 64, 3, 1, 2}, &dsbi_math_f32, 4e-6);
        check_case(rt, (wino_case){14, 14, 256, 128, 3, 1, 2}, &dsbi_math_f32, 4e-6);
        check_case(rt, (wino_case){27, 27, 64, 192, 5, 2, 2}, &dsbi_math_f32, 4e-6);
        dsb_runtime_free(rt);
    }
}
END_TEST

/* Output, then gradients, of a step on `images` of the batch. Returns the bytes of the output. */
static size_t step_bits(uint64_t n_threads, wino_case t, size_t images, char **bits)
{
    dsb_runtime *rt = make_runtime(n_threads);
    grad_case g = grad_case_make(rt, case_graph(rt, t), t.batch);
    float *params = calloc(g.graph->arena_size, sizeof *params);
    put(&dsbi_math_f32, params, g.params, g.graph->arena_size);
    dsbi_plan *plan = case_plan(&g, t, &dsbi_math_f32, params, false);
    ck_assert_ok(dsbi_plan_set_count(plan, images));
    grad_run(&g, plan, &dsbi_math_f32); /* only the first images count */
    const size_t y = g.n_output / t.batch * images * sizeof(float);
    const size_t dx = g.n_input / t.batch * images * sizeof(float);
    const size_t grads = g.graph->arena_size * sizeof(float);
    *bits = malloc(y + dx + grads);
    memcpy(*bits, dsbi_plan_logits(plan), y);
    memcpy(*bits + y, dsbi_plan_dinput(plan), dx);
    memcpy(*bits + y + dx, dsbi_plan_grads(plan), grads);
    dsbi_plan_free(plan);
    free(params);
    grad_case_free(&g);
    dsb_runtime_free(rt);
    return y;
}

START_TEST(bits_do_not_depend_on_threads_or_neighbours)
{
    static const wino_case cases[] = {{19, 17, 20, 24, 3, 1, 5},
                                      {12, 12, 70, 75, 3, 1, 5},
                                      {24, 24, 256, 260, 3, 1, 5},
                                      {19, 17, 20, 24, 5, 2, 5}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *one, *other, *fewer;
        const size_t y = step_bits(1, cases[i], 5, &one);
        const size_t area = cases[i].taps * cases[i].taps;
        const size_t weights = (area * cases[i].c_in + 1) * cases[i].c_out;
        const size_t input = 5 * cases[i].h * cases[i].w * cases[i].c_in;
        const size_t all = y + (input + 2 * weights) * sizeof(float);
        for (uint64_t n_threads = 2; n_threads <= 4; n_threads += 2) {
            step_bits(n_threads, cases[i], 5, &other);
            ck_assert_mem_eq(one, other, all);
            free(other);
        }
        const size_t two = step_bits(2, cases[i], 2, &fewer);
        ck_assert_mem_eq(one, fewer, two);
        free(one);
        free(fewer);
    }
}
END_TEST

START_TEST(it_refuses_what_it_cannot_do)
{
    const dsbi_node plain = {
        .attrs = {.kernel = 3, .stride = 1, .pad = 2}, .in = {28, 28, 64}, .out = {28, 28, 64}};
    ck_assert(dsbi_winograd_fits(&plain));
    dsbi_node other = plain;
    other.attrs.dilation = 2;
    ck_assert(!dsbi_winograd_fits(&other));
    other = plain;
    other.attrs.groups = 2;
    ck_assert(!dsbi_winograd_fits(&other));
    other = plain;
    other.attrs.stride = 2;
    ck_assert(!dsbi_winograd_fits(&other));
    other = plain;
    other.attrs.pad = 3;
    ck_assert(!dsbi_winograd_fits(&other));
}
END_TEST

int main(void)
{
    return run_tests("winograd", it_refuses_what_it_cannot_do, it_is_the_definition_at_all_edges,
                     its_rounding_error_is_small, bits_do_not_depend_on_threads_or_neighbours,
                     NULL);
}
