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

/* First layers: kernels that overlap or not, zeros on one side or both, lines enough for several
 * strips. */
static void stem(dsbi_builder *b)
{
    const dsbi_attrs attrs = {.c_out = 5, .kernel = 5, .stride = 2, .pad = 2, .pad_end = 1};
    dsbi_graph_output(b, dsbi_conv(b, dsbi_input_images(b), "stem", &attrs));
}

static void skipping_stem(dsbi_builder *b)
{
    const dsbi_attrs attrs = {.c_out = 3, .kernel = 2, .stride = 3, .pad = 1, .no_bias = true};
    dsbi_graph_output(b, dsbi_conv(b, dsbi_input_images(b), "stem", &attrs));
}

static void patches(dsbi_builder *b)
{
    dsbi_graph_output(b, dsbi_conv2d(b, dsbi_input_images(b), "patches", 5, 2, 2, 0));
}

/* Norms with a sum and a ReLU behind them, with either, with neither; a sum of a norm and its own
 * input; a ReLU whose operand has other readers. */
static void norms(dsbi_builder *b)
{
    const dsbi_attrs conv = {.c_out = 6, .kernel = 3, .stride = 1, .pad = 1, .no_bias = true};
    const dsbi_attrs linear = {.c_out = 6, .no_bias = true};
    dsbi_value x = dsbi_conv(b, dsbi_input_values(b), "in", &conv);
    dsbi_value skip = dsbi_batchnorm(b, dsbi_linear_with(b, x, "skip", &linear), "still", 1e-5);
    dsbi_value y = dsbi_relu(b, dsbi_batchnorm(b, x, "bent_1", 1e-5));
    y = dsbi_batchnorm(b, dsbi_conv(b, y, "conv", &conv), "bent_2", 1e-5);
    y = dsbi_relu(b, dsbi_add_values(b, y, skip));
    y = dsbi_add_values(b, dsbi_batchnorm(b, y, "own", 1e-5), y);
    dsbi_value z = dsbi_batchnorm(b, dsbi_linear_with(b, y, "wide", &linear), "bent_3", 1e-5);
    z = dsbi_linear_with(b, dsbi_add_values(b, dsbi_relu(b, z), z), "narrow", &linear);
    y = dsbi_add_values(b, y, z);
    dsbi_graph_output(b, dsbi_linear(b, y, "out", 3));
}

/* Norms whose last pass the layer in front could make, were it not that the memory of their
 * gradient changes in between: it is that of a sum's other operand, a sum and a ReLU itself. */
static void norms_between(dsbi_builder *b)
{
    const dsbi_attrs linear = {.c_out = 6, .no_bias = true};
    const dsbi_value x = dsbi_linear_with(b, dsbi_input_values(b), "in", &linear);
    const dsbi_value outer = dsbi_linear_with(b, x, "outer", &linear);
    const dsbi_value inner = dsbi_linear_with(b, x, "inner", &linear);
    const dsbi_value other = dsbi_linear_with(b, x, "other", &linear);
    dsbi_value y = dsbi_batchnorm(b, inner, "bent_1", 1e-5);
    y = dsbi_relu(b, dsbi_add_values(b, y, dsbi_batchnorm(b, other, "still", 1e-5)));
    y = dsbi_add_values(b, dsbi_batchnorm(b, outer, "outer_norm", 1e-5), y);
    dsbi_graph_output(b, dsbi_linear(b, y, "out", 3));
}

/* Norms in front of a ReLU give values of -1 or 1 and little around them, so that differences do
 * not cross the corner. */
static void keep_off_corners(const grad_case *g)
{
    for (size_t p = 0; p < g->graph->n_params; p++) {
        const dsbi_param *param = &g->graph->params[p];
        const bool bent = strncmp(param->name, "bent_", 5) == 0;
        const bool still = strncmp(param->name, "still.", 6) == 0;
        for (size_t i = 0; i < param->size && (bent || still) && !param->buffer; i++)
            g->params[param->offset + i] = strstr(param->name, "weight") ? 0.05 + 0.01 * (double)i
                                           : still                       ? 0
                                           : i % 2                       ? 1
                                                                         : -1;
    }
}

/* Weights too many for partial gradients: their gradient is one product over all rows. */
static void wide(dsbi_builder *b)
{
    dsbi_value x = dsbi_input_values(b);
    dsbi_value y = dsbi_gelu(b, dsbi_linear(b, x, "up", 730));
    y = dsbi_layerscale(b, dsbi_linear(b, y, "down", b->image.c), "gamma", 1);
    dsbi_graph_output(b, dsbi_add_values(b, dsbi_droppath(b, y, 0.4), x));
}

/* The same with a norm behind, and with patches. */
static void wide_norms(dsbi_builder *b)
{
    const dsbi_attrs up = {.c_out = 730, .no_bias = true}, down = {.c_out = 64, .no_bias = true};
    const dsbi_attrs conv = {.c_out = 64, .kernel = 3, .stride = 2, .pad = 1, .no_bias = true};
    dsbi_value y = dsbi_linear_with(b, dsbi_input_values(b), "up", &up);
    y = dsbi_batchnorm(b, dsbi_linear_with(b, y, "down", &down), "first", 1e-5);
    y = dsbi_batchnorm(b, dsbi_conv(b, y, "patches", &conv), "norm", 1e-5);
    dsbi_graph_output(b, dsbi_linear(b, y, "out", 3));
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

static const declare_fn graphs[] = {shared_input, branches, pixels, patches, norms, norms_between};
enum { N_GRAPHS = sizeof graphs / sizeof graphs[0] };

START_TEST(graphs_agree_with_differences)
{
    dsb_runtime *rt = make_runtime(2);
    for (size_t i = 0; i < N_GRAPHS; i++)
        for (int no_fusion = 0; no_fusion < 2; no_fusion++) {
            grad_case g = grad_case_make(rt, declared(rt, graphs[i]), 4);
            keep_off_corners(&g);
            grad_check(&g, no_fusion, 1, 1e-7, "graph");
            grad_case_free(&g);
        }
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(first_layers_agree_with_differences)
{
    static const declare_fn stems[] = {stem, skipping_stem, patches};
    static const dsbi_shape images[] = {{37, 9, 3}, {4, 70, 3}, {5, 5, 3}};
    dsb_runtime *rt = make_runtime(2);
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < 3; k++) {
            grad_case g = grad_case_make(rt, declared_for(rt, stems[i], images[k]), 3);
            grad_check(&g, false, 1, 1e-7, "stem");
            grad_compare_f32(&g, false, 1e-6, "stem");
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
        g = grad_case_make(rt, declared_for(rt, wide_norms, (dsbi_shape){4, 5, 3}), 3);
        for (size_t i = 0; i < g.graph->arena_size; i++)
            g.params[i] *= 0.1;
        grad_check(&g, no_fusion, 1009, 1e-7, "wide norms");
        grad_compare_f32(&g, no_fusion, 1e-4, "wide norms");
        grad_case_free(&g);
    }
    dsb_runtime_free(rt);
}
END_TEST

/* Bottlenecks: norms whose passes are made by products, by Winograd's and by patches, beside them.
 */
static void bottlenecks(dsbi_builder *b)
{
    const dsbi_attrs linear = {.c_out = 16, .no_bias = true};
    const dsbi_attrs conv = {.c_out = 16, .kernel = 3, .stride = 1, .pad = 1, .no_bias = true};
    dsbi_value x = dsbi_linear_with(b, dsbi_input_values(b), "in", &linear);
    for (int i = 0; i < 2; i++) {
        dsbi_enter(b, "%d", i);
        dsbi_value y =
            dsbi_relu(b, dsbi_batchnorm(b, dsbi_linear_with(b, x, "conv1", &linear), "bn1", 1e-5));
        y = dsbi_relu(b, dsbi_batchnorm(b, dsbi_conv(b, y, "conv2", &conv), "bn2", 1e-5));
        y = dsbi_batchnorm(b, dsbi_linear_with(b, y, "conv3", &linear), "bn3", 1e-5);
        x = dsbi_relu(b, dsbi_add_values(b, y, x));
        dsbi_leave(b);
    }
    dsbi_graph_output(b, dsbi_linear(b, dsbi_global_avgpool(b, x), "out", 3));
}

/* Norms with and without a sum between convolutions by Winograd, which take their last passes, of
 * `width` channels. */
static void basic_blocks(dsbi_builder *b, size_t width)
{
    const dsbi_attrs conv = {.c_out = width, .kernel = 3, .pad = 1, .no_bias = true};
    dsbi_value x = dsbi_conv(b, dsbi_input_values(b), "in", &conv);
    for (int i = 0; i < 2; i++) {
        dsbi_enter(b, "%d", i);
        dsbi_value y =
            dsbi_relu(b, dsbi_batchnorm(b, dsbi_conv(b, x, "conv1", &conv), "bn1", 1e-5));
        y = dsbi_batchnorm(b, dsbi_conv(b, y, "conv2", &conv), "bn2", 1e-5);
        x = dsbi_relu(b, dsbi_add_values(b, y, x));
        dsbi_leave(b);
    }
    dsbi_graph_output(b, dsbi_linear(b, dsbi_global_avgpool(b, x), "out", 3));
}

static void narrow_blocks(dsbi_builder *b)
{
    basic_blocks(b, 16);
}

/* One gradient of the transformed weights for all pieces. */
static void wide_blocks(dsbi_builder *b)
{
    basic_blocks(b, 72);
}

/* So many weights that pieces go through them in waves, here two. */
static void widest_blocks(dsbi_builder *b)
{
    basic_blocks(b, 256);
}

/* Rows enough for several parts of each sum; lines of pieces that fit no block. */
START_TEST(norms_between_products_agree_with_norms_alone)
{
    static const struct {
        declare_fn declare;
        dsbi_shape image;
    } cases[] = {{bottlenecks, {36, 36, 4}},  {bottlenecks, {13, 29, 4}},
                 {bottlenecks, {7, 6, 4}},    {narrow_blocks, {32, 32, 8}},
                 {narrow_blocks, {9, 27, 8}}, {narrow_blocks, {8, 121, 8}},
                 {wide_blocks, {12, 16, 8}},  {widest_blocks, {32, 32, 8}}};
    dsb_runtime *rt = make_runtime(2);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        grad_case g = grad_case_make(rt, declared_for(rt, cases[i].declare, cases[i].image), 3);
        dsbi_plan *plans[2];
        for (int no_fusion = 0; no_fusion < 2; no_fusion++) {
            plans[no_fusion] = grad_plan(&g, &dsbi_math_f64, g.params, no_fusion);
            grad_run(&g, plans[no_fusion], &dsbi_math_f64);
        }
        const double *fused = dsbi_plan_grads(plans[0]), *alone = dsbi_plan_grads(plans[1]);
        grad_error error = {0, 0};
        for (size_t k = 0; k < g.graph->arena_size; k++)
            grad_compare(&error, alone[k], fused[k]);
        ck_assert_double_le(grad_relative(&error), 1e-10);
        dsbi_plan_free(plans[0]);
        dsbi_plan_free(plans[1]);
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
            keep_off_corners(&g);
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
    return run_tests(
        "graph_gradients", graphs_agree_with_differences, first_layers_agree_with_differences,
        wide_layers_agree_with_differences, norms_between_products_agree_with_norms_alone,
        convnext_agrees_with_differences, float_agrees_with_double_at_each_level, NULL);
}
