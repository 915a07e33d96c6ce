/* Batch norms that the layer behind applies as it reads (nn/unwritten.c): the same bits of outputs,
 * gradients and running statistics as where their outputs are written, for any number of threads
 * and images and at each level; and only where nobody else reads them. */
#include "gradcheck.h"

#include "nn/plan_inside.h"

typedef dsbi_value (*declare_fn)(dsbi_builder *b, dsbi_value x);

static dsbi_value norm(dsbi_builder *b, dsbi_value x, const char *name, bool relu)
{
    x = dsbi_batchnorm(b, x, name, 1e-5);
    return relu ? dsbi_relu(b, x) : x;
}

/* Of 3 x 3 and 5 x 5, with and without a ReLU; then with a stride, by patches. */
static dsbi_value by_winograd(dsbi_builder *b, dsbi_value x)
{
    x = norm(b, dsbi_conv2d(b, x, "a", 20, 3, 1, 1), "norm_a", true);
    x = norm(b, dsbi_conv2d(b, x, "b", 16, 3, 1, 0), "norm_b", false);
    x = norm(b, dsbi_conv2d(b, x, "c", 24, 5, 1, 2), "norm_c", true);
    x = norm(b, dsbi_conv2d(b, x, "d", 16, 5, 1, 4), "norm_d", true);
    return dsbi_conv2d(b, x, "strided", 16, 3, 2, 1);
}

/* Patches: not where the gradient of the weights is one product over all rows; kernels that skip
 * pixels, in groups, a 1 x 1 with a stride; a convolution in groups that has a way of its own reads
 * what is written. */
static dsbi_value by_patches(dsbi_builder *b, dsbi_value x)
{
    x = norm(b, dsbi_conv2d(b, x, "a", 130, 3, 2, 1), "norm_a", true);
    x = norm(b, dsbi_conv2d(b, x, "b", 48, 3, 2, 2), "norm_b", false);
    const dsbi_attrs dilated = {.c_out = 48, .kernel = 3, .pad = 2, .dilation = 2};
    x = norm(b, dsbi_conv(b, x, "c", &dilated), "norm_c", true);
    const dsbi_attrs groups = {.c_out = 24, .kernel = 5, .pad = 1, .groups = 3};
    x = norm(b, dsbi_conv(b, x, "d", &groups), "norm_d", true);
    x = norm(b, dsbi_conv2d(b, x, "e", 32, 1, 2, 0), "norm_e", true);
    const dsbi_attrs fours = {.c_out = 32, .kernel = 3, .pad = 1, .groups = 8};
    return dsbi_conv(b, x, "f", &fours);
}

/* Norms in front of convolutions, on a sum that others read; nothing stands behind the first. */
static dsbi_value in_front(dsbi_builder *b, dsbi_value x)
{
    for (int i = 0; i < 2; i++) {
        dsbi_enter(b, "%d", i);
        dsbi_value y = dsbi_conv2d(b, norm(b, x, "norm_a", true), "a", 24, 3, 1, 1);
        y = dsbi_conv2d(b, norm(b, y, "norm_b", true), "b", 12, 3, 1, 1);
        x = dsbi_add_values(b, x, y);
        dsbi_leave(b);
    }
    return x;
}

/* A norm behind a layer norm, whose output is made again in backward where that is much. */
static dsbi_value behind_another(dsbi_builder *b, dsbi_value x)
{
    x = dsbi_conv2d(b, x, "a", 256, 3, 1, 1);
    x = norm(b, dsbi_layernorm(b, x, "first", 1e-6), "second", true);
    return dsbi_conv2d(b, x, "b", 16, 3, 1, 1);
}

static dsbi_value read_twice(dsbi_builder *b, dsbi_value x)
{
    x = norm(b, dsbi_conv2d(b, x, "a", 16, 3, 1, 1), "norm_a", true);
    x = dsbi_add_values(b, x, dsbi_conv2d(b, x, "b", 16, 3, 1, 1));
    x = norm(b, x, "norm_b", true);
    return dsbi_add_values(b, dsbi_conv2d(b, x, "c", 16, 3, 1, 1),
                           dsbi_conv2d(b, x, "d", 16, 3, 1, 1));
}

/* Weights so many that pieces go through them in waves. */
static dsbi_value in_waves(dsbi_builder *b, dsbi_value x)
{
    x = norm(b, dsbi_conv2d(b, x, "a", 256, 3, 1, 1), "norm_a", true);
    return dsbi_conv2d(b, x, "b", 256, 3, 1, 1);
}

static dsbi_value linear(dsbi_builder *b, dsbi_value x, const char *name, size_t c_out)
{
    return dsbi_linear_with(b, x, name, &(dsbi_attrs){.c_out = c_out, .no_bias = true});
}

/* Gradients of weights in partial results, over all rows, of rows that share sets of the cache, in
 * groups; sums, and a norm that the pixels of an image go through as one row. */
static dsbi_value by_products(dsbi_builder *b, dsbi_value x)
{
    x = dsbi_conv2d(b, x, "a", 20, 3, 1, 1);
    const dsbi_value sum = x;
    x = norm(b, linear(b, norm(b, x, "norm_a", true), "b", 70), "norm_b", false);
    x = norm(b, dsbi_conv2d(b, x, "c", 1024, 1, 1, 0), "norm_c", true);
    x = norm(b, linear(b, x, "d", 36), "norm_d", true);
    const dsbi_attrs groups = {.c_out = 20, .kernel = 1, .groups = 2};
    return dsbi_add_values(b, dsbi_conv(b, x, "e", &groups), sum);
}

static dsbi_value flattened(dsbi_builder *b, dsbi_value x)
{
    x = norm(b, dsbi_conv2d(b, x, "a", 8, 3, 1, 1), "norm_a", true);
    return dsbi_flatten_linear(b, x, "all", &(dsbi_attrs){.c_out = 9});
}

typedef struct norm_case {
    declare_fn declare;
    size_t unwritten, h, w, batch;
} norm_case;

static const norm_case cases[] = {
    {by_winograd, 4, 27, 18, 3}, {by_winograd, 4, 19, 40, 2}, {by_patches, 3, 33, 34, 3},
    {by_patches, 3, 97, 90, 1},  {in_front, 4, 16, 16, 5},    {in_front, 4, 21, 130, 1},
    {read_twice, 0, 16, 16, 2},  {in_waves, 1, 22, 24, 2},    {by_products, 4, 12, 13, 3},
    {by_products, 4, 64, 65, 2}, {flattened, 0, 8, 8, 3},
};
enum { N_CASES = sizeof cases / sizeof *cases };

static dsbi_graph *graph_of(dsb_runtime *rt, const norm_case *t)
{
    dsbi_builder b;
    ck_assert_ok(dsbi_builder_init(&b, rt, (dsbi_shape){t->h, t->w, 12}, 1));
    const dsbi_value x = t->declare(&b, dsbi_input_values(&b));
    dsbi_graph_output(&b, dsbi_linear(&b, dsbi_global_avgpool(&b, x), "last", 5));
    dsbi_graph *graph;
    ck_assert_ok(dsbi_graph_finish(&b, &graph));
    return graph;
}

static dsbi_plan *plan_of(const grad_case *g, dsb_runtime *rt, float *params, bool writes_norms)
{
    dsbi_plan *plan;
    const dsbi_plan_opts opts = {.batch = g->batch,
                                 .training = true,
                                 .input_grad = true,
                                 .writes_norms = writes_norms,
                                 .math = &dsbi_math_f32,
                                 .params = params};
    ck_assert_ok(dsbi_plan_create_for(&plan, rt, g->graph, &opts));
    return plan;
}

static size_t count_unwritten(const dsbi_plan *plan)
{
    size_t n = 0;
    for (size_t i = 0; i < plan->n_nodes; i++)
        if (plan->nodes[i].unwritten) {
            ck_assert_uint_eq(plan->buffers[plan->value[i]].size, 0);
            ck_assert_int_eq(plan->remade[i], NO_BUFFER);
            n++;
        }
    return n;
}

/* Logits, gradients of the input and of parameters, then parameters with running statistics. */
static float *step(const grad_case *g, dsb_runtime *rt, bool writes_norms, size_t images,
                   size_t *unwritten, size_t *n)
{
    const size_t out = g->n_output / g->batch * images, in = g->n_input / g->batch * images;
    const size_t size = g->graph->arena_size;
    float *params = calloc(size, sizeof *params);
    *n = out + in + 2 * size;
    float *all = calloc(*n, sizeof *all);
    put(&dsbi_math_f32, params, g->params, size);
    dsbi_plan *plan = plan_of(g, rt, params, writes_norms);
    *unwritten = count_unwritten(plan);
    ck_assert_ok(dsbi_plan_set_count(plan, images));
    for (int pass = 0; pass < 2; pass++) /* the second finds what the first has left */
        grad_run(g, plan, &dsbi_math_f32);
    memcpy(all, dsbi_plan_logits(plan), out * sizeof *all);
    memcpy(all + out, dsbi_plan_dinput(plan), in * sizeof *all);
    memcpy(all + out + in, dsbi_plan_grads(plan), size * sizeof *all);
    memcpy(all + out + in + size, params, size * sizeof *all);
    dsbi_plan_free(plan);
    free(params);
    return all;
}

static void check_bits(const norm_case *t, uint32_t isa, size_t images)
{
    dsb_runtime *rt = grad_runtime(isa, 2);
    grad_case g = grad_case_make(rt, graph_of(rt, t), t->batch);
    size_t unwritten, n;
    float *written = step(&g, rt, true, images, &unwritten, &n);
    ck_assert_uint_eq(unwritten, 0);
    for (uint64_t threads = 1; threads <= 3; threads += 2) {
        dsb_runtime *other = grad_runtime(isa, threads);
        float *read = step(&g, other, false, images, &unwritten, &n);
        ck_assert_uint_eq(unwritten, t->unwritten);
        for (size_t i = 0; i < n; i++)
            ck_assert_msg(read[i] == written[i], "case %zu, %s, %zu images: number %zu: %g, not %g",
                          (size_t)(t - cases), dsb_isa_name(isa), images, i, (double)read[i],
                          (double)written[i]);
        free(read);
        dsb_runtime_free(other);
    }
    free(written);
    grad_case_free(&g);
    dsb_runtime_free(rt);
}

START_TEST(bits_are_those_of_written_norms)
{
    for (uint32_t isa = DSB_ISA_GENERIC; isa <= DSB_ISA_AVX512; isa++)
        for (size_t i = 0; i < N_CASES; i++) {
            if (isa == DSB_ISA_GENERIC && cases[i].declare == in_waves)
                continue; /* takes long */
            check_bits(&cases[i], isa, cases[i].batch);
            if (isa == DSB_ISA_AVX512)
                check_bits(&cases[i], isa, 1);
        }
}
END_TEST

/* In f64, against every layer by itself. */
START_TEST(gradients_are_those_of_layers_alone)
{
    dsb_runtime *rt = make_runtime(2);
    for (size_t i = 0; i < N_CASES; i++) {
        if (cases[i].declare == in_waves)
            continue;
        grad_case g = grad_case_make(rt, graph_of(rt, &cases[i]), cases[i].batch);
        dsbi_plan *read = grad_plan(&g, &dsbi_math_f64, g.params, false);
        dsbi_plan *alone = grad_plan(&g, &dsbi_math_f64, g.params, true);
        grad_run(&g, read, &dsbi_math_f64);
        grad_run(&g, alone, &dsbi_math_f64);
        const double *a = dsbi_plan_grads(read), *b = dsbi_plan_grads(alone);
        grad_error error = {0, 0};
        for (size_t k = 0; k < g.graph->arena_size; k++)
            grad_compare(&error, a[k], b[k]);
        ck_assert_double_le(grad_relative(&error), 1e-10);
        dsbi_plan_free(read);
        dsbi_plan_free(alone);
        grad_case_free(&g);
    }
    dsb_runtime_free(rt);
}
END_TEST

/* The norm's input is made again before the layer behind the norm reads it. */
START_TEST(inputs_made_again_are_there_in_time)
{
    enum { MANY = 16 }; /* images of a plan that does not keep what it can make again */
    const norm_case t = {behind_another, 1, 65, 66, MANY};
    dsb_runtime *rt = make_runtime(2);
    grad_case g = grad_case_make(rt, graph_of(rt, &t), MANY);
    size_t unwritten, n, remade = 0;
    float *params = calloc(g.graph->arena_size, sizeof *params);
    dsbi_plan *plan = plan_of(&g, rt, params, false);
    for (size_t i = 0; i < plan->n_nodes; i++)
        remade += plan->remade[i] != NO_BUFFER;
    ck_assert_uint_eq(remade, 1);
    dsbi_plan_free(plan);
    free(params);
    float *written = step(&g, rt, true, 1, &unwritten, &n);
    float *read = step(&g, rt, false, 1, &unwritten, &n);
    ck_assert_uint_eq(unwritten, 1);
    ck_assert_mem_eq(read, written, n * sizeof *read);
    free(read);
    free(written);
    grad_case_free(&g);
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    return run_tests("unwritten", bits_are_those_of_written_norms,
                     gradients_are_those_of_layers_alone, inputs_made_again_are_there_in_time,
                     NULL);
}
