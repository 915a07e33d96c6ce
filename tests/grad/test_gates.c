/* The corner of a ReLU and the slope of a GELU applied by the layer behind (nn/gates.c), and
 * outputs that are made again instead of kept: the same bits of every gradient as where each layer
 * does its own. */
#include "testing.h"

#include <math.h>
#include "base/rng.h"
#include "nn/plan.h"

enum { BATCH = 3, OUTPUTS = 5 };

typedef dsbi_value (*declare_fn)(dsbi_builder *b, dsbi_value x);

static dsbi_value conv_relu(dsbi_builder *b, dsbi_value x, const char *name, size_t n, size_t k)
{
    return dsbi_relu(b, dsbi_conv2d(b, x, name, n, k, 1, k / 2));
}

/* By Winograd's method, by patches and as a product; in front of windows that overlap or not and
 * leave a line over; one maximum behind another. */
static dsbi_value winograd_then_maxima(dsbi_builder *b, dsbi_value x)
{
    x = dsbi_maxpool(b, conv_relu(b, x, "one", 16, 3), 2, 2, 0);
    x = dsbi_maxpool(b, conv_relu(b, x, "two", 24, 3), 3, 2, 1);
    return conv_relu(b, x, "three", 16, 3);
}

static dsbi_value patches_then_maxima(dsbi_builder *b, dsbi_value x)
{
    x = dsbi_maxpool(b, conv_relu(b, x, "one", 16, 5), 3, 2, 0);
    x = dsbi_maxpool(b, conv_relu(b, x, "two", 24, 1), 2, 2, 0);
    return dsbi_maxpool(b, x, 2, 1, 0);
}

static dsbi_value products_in_a_row(dsbi_builder *b, dsbi_value x)
{
    x = conv_relu(b, x, "one", 16, 3);
    x = conv_relu(b, x, "two", 40, 3);
    x = conv_relu(b, x, "three", 16, 3);
    return conv_relu(b, x, "four", 8, 3);
}

/* A second reader of a ReLU, and of a maximum. */
static dsbi_value read_twice(dsbi_builder *b, dsbi_value x)
{
    x = conv_relu(b, x, "one", 16, 3);
    const dsbi_value pooled = dsbi_maxpool(b, x, 3, 1, 1);
    x = dsbi_add_values(b, x, conv_relu(b, pooled, "two", 16, 3));
    x = dsbi_add_values(b, x, dsbi_maxpool(b, pooled, 3, 1, 1));
    const dsbi_value y = conv_relu(b, x, "three", 16, 3);
    return dsbi_add_values(b, conv_relu(b, y, "four", 16, 3), y);
}

static dsbi_value with_norms(dsbi_builder *b, dsbi_value x)
{
    x = dsbi_batchnorm(b, conv_relu(b, x, "one", 16, 3), "norm", 1e-5);
    x = dsbi_maxpool(b, dsbi_relu(b, x), 2, 2, 0);
    x = conv_relu(b, x, "two", 16, 3);
    return dsbi_relu(b, dsbi_batchnorm(b, dsbi_maxpool(b, x, 2, 2, 0), "norm2", 1e-5));
}

static dsbi_graph *make_graph(dsb_runtime *rt, declare_fn declare, size_t h, size_t w)
{
    dsbi_builder b;
    ck_assert_ok(dsbi_builder_init(&b, rt, (dsbi_shape){h, w, 12}, OUTPUTS));
    const dsbi_value x = declare(&b, dsbi_input_values(&b));
    dsbi_graph_output(&b, dsbi_linear(&b, dsbi_global_avgpool(&b, x), "last", OUTPUTS));
    dsbi_graph *graph;
    ck_assert_ok(dsbi_graph_finish(&b, &graph));
    return graph;
}

/* Logits, gradients of parameters and of the input of one step, one behind the other. */
typedef struct outcome {
    size_t n;
    float *all;
} outcome;

static outcome step(const dsbi_graph *graph, uint64_t threads, bool no_fusion, float *params,
                    const float *input, size_t images)
{
    dsb_runtime *rt = make_runtime(threads);
    const dsbi_plan_opts opts = {.batch = BATCH,
                                 .training = true,
                                 .input_grad = true,
                                 .no_fusion = no_fusion,
                                 .math = &dsbi_math_f32,
                                 .params = params};
    dsbi_plan *plan;
    ck_assert_ok(dsbi_plan_create_for(&plan, rt, graph, &opts));
    ck_assert_ok(dsbi_plan_set_count(plan, images));
    const size_t in = images * dsbi_shape_size(graph->nodes[graph->input].out);
    const size_t out = images * OUTPUTS;
    outcome o = {out + in + graph->arena_size, NULL};
    o.all = malloc(o.n * sizeof *o.all);
    for (size_t pass = 0; pass < 2; pass++) { /* the second finds what the first has left */
        memcpy(dsbi_plan_input(plan), input, in * sizeof *input);
        ck_assert_ok(dsbi_plan_forward(plan, 0));
        memcpy(o.all, dsbi_plan_logits(plan), out * sizeof *o.all);
        float *dlogits = dsbi_plan_dlogits(plan);
        for (size_t i = 0; i < out; i++)
            dlogits[i] = (float)(i % 7) - 2.5f;
        ck_assert_ok(dsbi_plan_backward(plan));
    }
    memcpy(o.all + out, dsbi_plan_dinput(plan), in * sizeof *o.all);
    memcpy(o.all + out + in, dsbi_plan_grads(plan), graph->arena_size * sizeof *o.all);
    dsbi_plan_free(plan);
    dsb_runtime_free(rt);
    return o;
}

/* Small whole numbers: many maxima are tied, many of them at 0. */
static void fill(float *x, size_t n, uint64_t index, bool whole)
{
    dsbi_rng rng;
    dsbi_rng_init(&rng, 9, DSBI_RNG_TEST, index);
    for (size_t i = 0; i < n; i++)
        x[i] = whole ? (float)dsbi_rng_below(&rng, 5) - 2 : (float)dsbi_rng_normal(&rng) * 0.3f;
}

static void check_same(const outcome *a, const outcome *b, bool nan)
{
    ck_assert_uint_eq(a->n, b->n);
    size_t not_finite = 0, not_zero = 0;
    for (size_t i = 0; i < a->n; i++) {
        ck_assert_msg(a->all[i] == b->all[i] || (isnan(a->all[i]) && isnan(b->all[i])),
                      "number %zu of %zu: %g, not %g", i, a->n, (double)a->all[i],
                      (double)b->all[i]);
        not_finite += isfinite(a->all[i]) ? 0 : 1;
        not_zero += a->all[i] != 0;
    }
    ck_assert(not_zero > a->n / 20);
    ck_assert(nan == (not_finite > 0));
}

static void check_case(declare_fn declare, size_t h, size_t w, bool whole, bool nan)
{
    dsb_runtime *rt = make_runtime(1);
    dsbi_graph *graph = make_graph(rt, declare, h, w);
    const size_t size = dsbi_shape_size(graph->nodes[graph->input].out);
    float *params = calloc(graph->arena_size, sizeof *params);
    float *input = calloc(BATCH * size, sizeof *input);
    fill(params, graph->arena_size, 1, false);
    fill(input, BATCH * size, 2, whole);
    if (nan)
        input[size / 2] = NAN;
    for (size_t images = 1; images <= BATCH; images += BATCH - 1) {
        outcome apart = step(graph, 2, true, params, input, images);
        for (uint64_t threads = 1; threads <= 2; threads++) {
            outcome together = step(graph, threads, false, params, input, images);
            check_same(&together, &apart, nan);
            free(together.all);
        }
        free(apart.all);
    }
    free(params);
    free(input);
    dsbi_graph_free(graph);
    dsb_runtime_free(rt);
}

static const declare_fn cases[] = {winograd_then_maxima, patches_then_maxima, products_in_a_row,
                                   read_twice};
enum { N_CASES = sizeof cases / sizeof *cases };

START_TEST(gradients_have_the_same_bits)
{
    for (size_t i = 0; i < N_CASES; i++) {
        check_case(cases[i], 24, 24, false, false);
        check_case(cases[i], 19, 23, false, false);
    }
}
END_TEST

START_TEST(ties_go_to_the_first)
{
    for (size_t i = 0; i < N_CASES; i++)
        check_case(cases[i], 17, 14, true, false);
}
END_TEST

START_TEST(what_is_not_a_number_goes_the_same_way)
{
    for (size_t i = 0; i < N_CASES; i++)
        check_case(cases[i], 18, 21, false, true);
}
END_TEST

/* Fused norms round differently. */
START_TEST(norms_are_no_products)
{
    dsb_runtime *rt = make_runtime(1);
    dsbi_graph *graph = make_graph(rt, with_norms, 21, 22);
    const size_t size = dsbi_shape_size(graph->nodes[graph->input].out);
    float *params = calloc(graph->arena_size, sizeof *params);
    float *input = calloc(BATCH * size, sizeof *input);
    fill(params, graph->arena_size, 1, false);
    fill(input, BATCH * size, 2, false);
    outcome apart = step(graph, 2, true, params, input, BATCH);
    outcome together = step(graph, 2, false, params, input, BATCH);
    double away = 0, all = 0;
    for (size_t i = 0; i < apart.n; i++) {
        away += pow((double)apart.all[i] - (double)together.all[i], 2);
        all += pow((double)apart.all[i], 2);
    }
    ck_assert(all > 0 && sqrt(away) < 1e-4 * sqrt(all));
    free(apart.all);
    free(together.all);
    free(params);
    free(input);
    dsbi_graph_free(graph);
    dsb_runtime_free(rt);
}
END_TEST

enum { MANY = 9, WIDE = 180, FEATURES = 64 };

/* Of one image, in a plan for `batch`: a large plan keeps less from forward to backward. */
static float *gradients_of_one(const dsbi_graph *graph, float *params, const void *image,
                               size_t image_bytes, size_t batch, uint64_t threads, size_t *bytes)
{
    dsb_runtime *rt = make_runtime(threads);
    const dsbi_plan_opts opts = {
        .batch = batch, .training = true, .math = &dsbi_math_f32, .params = params};
    dsbi_plan *plan;
    ck_assert_ok(dsbi_plan_create_for(&plan, rt, graph, &opts));
    ck_assert_ok(dsbi_plan_set_count(plan, 1));
    memcpy(dsbi_plan_input(plan), image, image_bytes);
    ck_assert_ok(dsbi_plan_forward(plan, 0));
    float *dlogits = dsbi_plan_dlogits(plan);
    for (size_t i = 0; i < OUTPUTS; i++)
        dlogits[i] = (float)i - 1.5f;
    ck_assert_ok(dsbi_plan_backward(plan));
    float *grads = malloc(graph->arena_size * sizeof *grads);
    memcpy(grads, dsbi_plan_grads(plan), graph->arena_size * sizeof *grads);
    *bytes = dsbi_plan_bytes(plan);
    dsbi_plan_free(plan);
    dsb_runtime_free(rt);
    return grads;
}

/* The first layer of VGG. */
START_TEST(convolutions_of_pixels_are_made_again)
{
    dsb_runtime *rt = make_runtime(1);
    dsbi_builder b;
    ck_assert_ok(dsbi_builder_init(&b, rt, (dsbi_shape){WIDE, WIDE, 3}, OUTPUTS));
    dsbi_value x = conv_relu(&b, dsbi_input_images(&b), "one", FEATURES, 3);
    x = dsbi_maxpool(&b, conv_relu(&b, x, "two", 32, 3), 2, 2, 0);
    dsbi_graph_output(&b, dsbi_linear(&b, dsbi_global_avgpool(&b, x), "last", OUTPUTS));
    dsbi_graph *graph;
    ck_assert_ok(dsbi_graph_finish(&b, &graph));
    dsbi_graph_set_pixels(graph, (const float[]){0.4f, 0.5f, 0.6f},
                          (const float[]){0.2f, 0.3f, 0.4f});
    float *params = calloc(graph->arena_size, sizeof *params);
    fill(params, graph->arena_size, 1, false);
    const size_t image_bytes = (size_t)WIDE * WIDE * 3;
    uint8_t *image = malloc(image_bytes);
    for (size_t i = 0; i < image_bytes; i++)
        image[i] = (uint8_t)(i * 37 % 251);
    size_t bytes, bytes_of_many;
    float *kept = gradients_of_one(graph, params, image, image_bytes, 1, 2, &bytes);
    float *again = gradients_of_one(graph, params, image, image_bytes, MANY, 2, &bytes_of_many);
    ck_assert_mem_eq(kept, again, graph->arena_size * sizeof *kept);
    /* the output, or its gradient in the same memory, the other's half as large, the maxima */
    const size_t output = (size_t)WIDE * WIDE * FEATURES * sizeof *kept;
    ck_assert_uint_gt(bytes, 2 * output);
    ck_assert_uint_lt(bytes_of_many, MANY * output * 2);
    free(kept);
    free(again);
    free(image);
    free(params);
    dsbi_graph_free(graph);
    dsb_runtime_free(rt);
}
END_TEST

enum { CHANNELS = 12, SIDE = 48, MOST = 24 };

/* Products behind GELUs: gradients of weights in partial results, over all rows at once, of few
 * rows; on a residual. */
static dsbi_graph *make_gelus(dsb_runtime *rt)
{
    dsbi_builder b;
    ck_assert_ok(dsbi_builder_init(&b, rt, (dsbi_shape){SIDE, SIDE, CHANNELS}, OUTPUTS));
    dsbi_value x = dsbi_input_values(&b);
    dsbi_value y = dsbi_linear(&b, dsbi_gelu(&b, dsbi_linear(&b, x, "a1", 300)), "a2", CHANNELS);
    x = dsbi_add_values(&b, x, y);
    x = dsbi_linear(&b, dsbi_gelu(&b, dsbi_linear(&b, x, "b1", 200)), "b2", 200);
    x = dsbi_global_avgpool(&b, x);
    x = dsbi_linear(&b, dsbi_gelu(&b, dsbi_linear(&b, x, "c1", 1024)), "c2", 1024);
    dsbi_graph_output(&b, dsbi_linear(&b, x, "last", OUTPUTS));
    dsbi_graph *graph;
    ck_assert_ok(dsbi_graph_finish(&b, &graph));
    return graph;
}

/* In a small plan output and slope of a GELU are kept, in a large one only its argument. */
START_TEST(slopes_are_applied_behind_with_the_same_bits)
{
    dsb_runtime *rt = make_runtime(1);
    dsbi_graph *graph = make_gelus(rt);
    float *params = calloc(graph->arena_size, sizeof *params);
    const size_t n_input = (size_t)SIDE * SIDE * CHANNELS, input_bytes = n_input * sizeof(float);
    float *input = calloc(n_input, sizeof *input);
    fill(params, graph->arena_size, 1, false);
    fill(input, n_input, 2, false);
    size_t bytes, bytes_of_many;
    float *kept = gradients_of_one(graph, params, input, input_bytes, 1, 2, &bytes);
    double size = 0;
    for (size_t i = 0; i < graph->arena_size; i++)
        size += fabs((double)kept[i]);
    ck_assert(size > 0 && isfinite(size));
    for (uint64_t threads = 1; threads <= 2; threads++) {
        float *behind =
            gradients_of_one(graph, params, input, input_bytes, MOST, threads, &bytes_of_many);
        ck_assert_mem_eq(kept, behind, graph->arena_size * sizeof *kept);
        free(behind);
    }
    /* 1036 channels, 1224 where outputs are written again */
    ck_assert_uint_lt(bytes_of_many, sizeof *kept * MOST * SIDE * SIDE * 1150);
    free(kept);
    free(params);
    free(input);
    dsbi_graph_free(graph);
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    return run_tests("gates", gradients_have_the_same_bits, ties_go_to_the_first,
                     what_is_not_a_number_goes_the_same_way, norms_are_no_products,
                     convolutions_of_pixels_are_made_again,
                     slopes_are_applied_behind_with_the_same_bits, NULL);
}
