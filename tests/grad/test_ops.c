/* The operations of dsbias/ops.h: the same bits as the layer in a plan, for any number of threads;
 * gradients against central differences along random directions. */
#include "dsbias/ops.h"
#include "gradcheck.h"

enum { MOST_PARAMS = 4 };

/* A case's arrays. Parameters as the layer declares them, in memory order. */
typedef struct op_arrays {
    dsbi_shape image;
    size_t batch, n_x, n_y, n_params, n_param[MOST_PARAMS];
    float *x, *y, *dy, *dx, *param[MOST_PARAMS], *dparam[MOST_PARAMS];
    void *saved;
} op_arrays;

typedef struct op_case {
    const char *name;
    dsbi_shape image;
    size_t batch;
    dsbi_value (*declare)(dsbi_builder *b, dsbi_value x);
    dsb_status (*forward)(dsb_runtime *rt, op_arrays *a);
    dsb_status (*backward)(dsb_runtime *rt, op_arrays *a);
    bool rough; /* has kinks: no differences */
} op_case;

static const uint64_t seed = 3, draw = 5; /* those of gradcheck.h */

/* --- convolutions --- */

static dsb_conv2d_shape conv_shape(const op_arrays *a)
{
    dsb_conv2d_shape s;
    dsb_conv2d_shape_init(&s, sizeof s);
    s.n = a->batch;
    s.h = a->image.h;
    s.w = a->image.w;
    s.c_in = a->image.c;
    return s;
}

static dsb_conv2d_shape strided_shape(const op_arrays *a)
{
    dsb_conv2d_shape s = conv_shape(a);
    s.c_out = 6;
    s.kernel = 3;
    s.stride = s.dilation = s.groups = 2;
    s.pad = 1;
    return s;
}

static dsbi_value strided_declare(dsbi_builder *b, dsbi_value x)
{
    const dsbi_attrs attrs = {
        .c_out = 6, .kernel = 3, .stride = 2, .pad = 1, .dilation = 2, .groups = 2};
    return dsbi_conv(b, x, "conv", &attrs);
}

static dsb_status strided_forward(dsb_runtime *rt, op_arrays *a)
{
    const dsb_conv2d_shape s = strided_shape(a);
    uint64_t h, w;
    DSBI_TRY(dsb_conv2d_output(&s, &h, &w));
    ck_assert_uint_eq(a->n_y, a->batch * h * w * s.c_out);
    return dsb_conv2d_forward(rt, a->y, a->x, a->param[0], a->param[1], &s);
}

static dsb_status strided_backward(dsb_runtime *rt, op_arrays *a)
{
    const dsb_conv2d_shape s = strided_shape(a);
    DSBI_TRY(dsb_conv2d_backward_data(rt, a->dx, a->dy, a->param[0], &s));
    return dsb_conv2d_backward_weights(rt, a->dparam[0], a->dparam[1], a->x, a->dy, &s);
}

static dsb_conv2d_shape wide_shape(const op_arrays *a)
{
    dsb_conv2d_shape s = conv_shape(a);
    s.c_out = 16;
    s.kernel = 3;
    s.pad = 1;
    return s;
}

static dsbi_value wide_declare(dsbi_builder *b, dsbi_value x)
{
    return dsbi_conv2d(b, x, "conv", 16, 3, 1, 1);
}

static dsb_status wide_forward(dsb_runtime *rt, op_arrays *a)
{
    const dsb_conv2d_shape s = wide_shape(a);
    return dsb_conv2d_forward(rt, a->y, a->x, a->param[0], a->param[1], &s);
}

static dsb_status wide_backward(dsb_runtime *rt, op_arrays *a)
{
    const dsb_conv2d_shape s = wide_shape(a);
    DSBI_TRY(dsb_conv2d_backward_data(rt, a->dx, a->dy, a->param[0], &s));
    return dsb_conv2d_backward_weights(rt, a->dparam[0], a->dparam[1], a->x, a->dy, &s);
}

static dsbi_value bare_declare(dsbi_builder *b, dsbi_value x)
{
    return dsbi_conv(b, x, "conv", &(dsbi_attrs){.c_out = 5, .kernel = 1, .no_bias = true});
}

static dsb_conv2d_shape bare_shape(const op_arrays *a)
{
    dsb_conv2d_shape s = conv_shape(a);
    s.c_out = 5;
    s.kernel = 1;
    return s;
}

static dsb_status bare_forward(dsb_runtime *rt, op_arrays *a)
{
    const dsb_conv2d_shape s = bare_shape(a);
    return dsb_conv2d_forward(rt, a->y, a->x, a->param[0], NULL, &s);
}

static dsb_status bare_backward(dsb_runtime *rt, op_arrays *a)
{
    const dsb_conv2d_shape s = bare_shape(a);
    DSBI_TRY(dsb_conv2d_backward_data(rt, a->dx, a->dy, a->param[0], &s));
    return dsb_conv2d_backward_weights(rt, a->dparam[0], NULL, a->x, a->dy, &s);
}

static dsb_conv2d_shape depthwise_shape(const op_arrays *a)
{
    dsb_conv2d_shape s = conv_shape(a);
    s.kernel = 5;
    s.pad = 2;
    return s;
}

static dsbi_value depthwise_declare(dsbi_builder *b, dsbi_value x)
{
    return dsbi_depthwise(b, x, "depthwise", 5, 2);
}

static dsb_status depthwise_forward(dsb_runtime *rt, op_arrays *a)
{
    const dsb_conv2d_shape s = depthwise_shape(a);
    return dsb_depthwise2d_forward(rt, a->y, a->x, a->param[0], a->param[1], &s);
}

static dsb_status depthwise_backward(dsb_runtime *rt, op_arrays *a)
{
    const dsb_conv2d_shape s = depthwise_shape(a);
    DSBI_TRY(dsb_depthwise2d_backward_data(rt, a->dx, a->dy, a->param[0], &s));
    return dsb_depthwise2d_backward_weights(rt, a->dparam[0], a->dparam[1], a->x, a->dy, &s);
}

static dsbi_value linear_declare(dsbi_builder *b, dsbi_value x)
{
    return dsbi_linear(b, x, "linear", 9);
}

static dsb_status linear_forward(dsb_runtime *rt, op_arrays *a)
{
    return dsb_linear_forward(rt, a->y, a->x, a->param[0], a->param[1], a->batch, a->image.c, 9);
}

static dsb_status linear_backward(dsb_runtime *rt, op_arrays *a)
{
    DSBI_TRY(dsb_linear_backward_data(rt, a->dx, a->dy, a->param[0], a->batch, a->image.c, 9));
    return dsb_linear_backward_weights(rt, a->dparam[0], a->dparam[1], a->x, a->dy, a->batch,
                                       a->image.c, 9);
}

/* --- norms --- */

static dsb_norm_shape norm_shape(const op_arrays *a)
{
    dsb_norm_shape s;
    dsb_norm_shape_init(&s, sizeof s);
    s.n = a->batch;
    s.rows = dsbi_shape_rows(a->image);
    s.c = a->image.c;
    s.groups = 2;
    return s;
}

static dsbi_value layernorm_declare(dsbi_builder *b, dsbi_value x)
{
    return dsbi_layernorm(b, x, "norm", 1e-5);
}

static dsb_status layernorm_forward(dsb_runtime *rt, op_arrays *a)
{
    const dsb_norm_shape s = norm_shape(a);
    return dsb_layernorm_forward(rt, a->y, a->saved, a->x, a->param[0], a->param[1], &s);
}

static dsb_status layernorm_backward(dsb_runtime *rt, op_arrays *a)
{
    const dsb_norm_shape s = norm_shape(a);
    return dsb_layernorm_backward(rt, a->dx, a->dparam[0], a->dparam[1], a->dy, a->x, a->saved,
                                  a->param[0], &s);
}

static dsbi_value groupnorm_declare(dsbi_builder *b, dsbi_value x)
{
    return dsbi_groupnorm(b, x, "norm", 2, 1e-5);
}

static dsb_status groupnorm_forward(dsb_runtime *rt, op_arrays *a)
{
    const dsb_norm_shape s = norm_shape(a);
    return dsb_groupnorm_forward(rt, a->y, a->saved, a->x, a->param[0], a->param[1], &s);
}

static dsb_status groupnorm_backward(dsb_runtime *rt, op_arrays *a)
{
    const dsb_norm_shape s = norm_shape(a);
    return dsb_groupnorm_backward(rt, a->dx, a->dparam[0], a->dparam[1], a->dy, a->x, a->saved,
                                  a->param[0], &s);
}

static dsbi_value batchnorm_declare(dsbi_builder *b, dsbi_value x)
{
    return dsbi_batchnorm(b, x, "norm", 1e-5);
}

static dsb_status batchnorm_forward(dsb_runtime *rt, op_arrays *a)
{
    const dsb_norm_shape s = norm_shape(a);
    return dsb_batchnorm_forward(rt, a->y, a->saved, a->param[2], a->param[3], a->x, a->param[0],
                                 a->param[1], &s);
}

static dsb_status batchnorm_backward(dsb_runtime *rt, op_arrays *a)
{
    const dsb_norm_shape s = norm_shape(a);
    return dsb_batchnorm_backward(rt, a->dx, a->dparam[0], a->dparam[1], a->dy, a->x, a->saved,
                                  a->param[0], &s);
}

/* --- elements --- */

static dsb_status relu_forward(dsb_runtime *rt, op_arrays *a)
{
    return dsb_relu_forward(rt, a->y, a->x, a->n_x);
}

static dsb_status relu_backward(dsb_runtime *rt, op_arrays *a)
{
    return dsb_relu_backward(rt, a->dx, a->dy, a->y, a->n_x);
}

static dsb_status gelu_forward(dsb_runtime *rt, op_arrays *a)
{
    return dsb_gelu_forward(rt, a->y, a->x, a->n_x);
}

static dsb_status gelu_backward(dsb_runtime *rt, op_arrays *a)
{
    return dsb_gelu_backward(rt, a->dx, a->dy, a->x, a->n_x);
}

static dsbi_value dropout_declare(dsbi_builder *b, dsbi_value x)
{
    return dsbi_dropout(b, x, 0.3);
}

static dsb_status dropout_forward(dsb_runtime *rt, op_arrays *a)
{
    return dsb_dropout(rt, a->y, a->x, a->n_x, 0.3, seed, draw);
}

static dsb_status dropout_backward(dsb_runtime *rt, op_arrays *a)
{
    return dsb_dropout(rt, a->dx, a->dy, a->n_x, 0.3, seed, draw);
}

static dsbi_value droppath_declare(dsbi_builder *b, dsbi_value x)
{
    return dsbi_droppath(b, x, 0.5);
}

static dsb_status droppath_forward(dsb_runtime *rt, op_arrays *a)
{
    return dsb_droppath(rt, a->y, a->x, a->batch, dsbi_shape_rows(a->image), a->image.c, 0.5, seed,
                        draw);
}

static dsb_status droppath_backward(dsb_runtime *rt, op_arrays *a)
{
    return dsb_droppath(rt, a->dx, a->dy, a->batch, dsbi_shape_rows(a->image), a->image.c, 0.5,
                        seed, draw);
}

/* --- pools --- */

static dsb_pool2d_shape pool_shape(const op_arrays *a)
{
    dsb_pool2d_shape s;
    dsb_pool2d_shape_init(&s, sizeof s);
    s.n = a->batch;
    s.h = a->image.h;
    s.w = a->image.w;
    s.c = a->image.c;
    s.kernel = 3;
    s.stride = 2;
    s.pad = 1;
    return s;
}

static dsbi_value maxpool_declare(dsbi_builder *b, dsbi_value x)
{
    return dsbi_maxpool(b, x, 3, 2, 1);
}

static dsb_status maxpool_forward(dsb_runtime *rt, op_arrays *a)
{
    const dsb_pool2d_shape s = pool_shape(a);
    return dsb_maxpool2d_forward(rt, a->y, a->saved, a->x, &s);
}

static dsb_status maxpool_backward(dsb_runtime *rt, op_arrays *a)
{
    const dsb_pool2d_shape s = pool_shape(a);
    return dsb_maxpool2d_backward(rt, a->dx, a->dy, a->saved, &s);
}

static dsbi_value avgpool_declare(dsbi_builder *b, dsbi_value x)
{
    return dsbi_avgpool(b, x, 3, 2, 1);
}

static dsb_status avgpool_forward(dsb_runtime *rt, op_arrays *a)
{
    const dsb_pool2d_shape s = pool_shape(a);
    uint64_t h, w;
    DSBI_TRY(dsb_pool2d_output(&s, &h, &w));
    ck_assert_uint_eq(a->n_y, a->batch * h * w * s.c);
    return dsb_avgpool2d_forward(rt, a->y, a->x, &s);
}

static dsb_status avgpool_backward(dsb_runtime *rt, op_arrays *a)
{
    const dsb_pool2d_shape s = pool_shape(a);
    return dsb_avgpool2d_backward(rt, a->dx, a->dy, &s);
}

static dsb_status global_forward(dsb_runtime *rt, op_arrays *a)
{
    return dsb_global_avgpool_forward(rt, a->y, a->x, a->batch, dsbi_shape_rows(a->image),
                                      a->image.c);
}

static dsb_status global_backward(dsb_runtime *rt, op_arrays *a)
{
    return dsb_global_avgpool_backward(rt, a->dx, a->dy, a->batch, dsbi_shape_rows(a->image),
                                       a->image.c);
}

/* --- attention --- */

static dsbi_value attention_declare(dsbi_builder *b, dsbi_value x)
{
    return dsbi_attention(b, x, 2);
}

static dsb_attention_shape attention_shape(const op_arrays *a)
{
    dsb_attention_shape s;
    dsb_attention_shape_init(&s, sizeof s);
    s.n = a->batch;
    s.tokens = a->image.h;
    s.heads = 2;
    s.dim = a->image.c / 3;
    return s;
}

static dsb_status attention_forward(dsb_runtime *rt, op_arrays *a)
{
    const dsb_attention_shape s = attention_shape(a);
    return dsb_attention_forward(rt, a->y, a->saved, a->x, &s);
}

static dsb_status attention_backward(dsb_runtime *rt, op_arrays *a)
{
    const dsb_attention_shape s = attention_shape(a);
    return dsb_attention_backward(rt, a->dx, a->dy, a->x, a->saved, &s);
}

static const op_case cases[] = {
    {"strided conv2d", {9, 7, 4}, 3, strided_declare, strided_forward, strided_backward, false},
    {"wide conv2d", {9, 10, 16}, 2, wide_declare, wide_forward, wide_backward, false},
    {"bare conv2d", {5, 6, 3}, 1, bare_declare, bare_forward, bare_backward, false},
    {"depthwise2d", {9, 7, 5}, 3, depthwise_declare, depthwise_forward, depthwise_backward, false},
    {"linear", {1, 1, 7}, 301, linear_declare, linear_forward, linear_backward, false},
    {"layernorm", {3, 5, 19}, 4, layernorm_declare, layernorm_forward, layernorm_backward, false},
    {"groupnorm", {13, 7, 6}, 3, groupnorm_declare, groupnorm_forward, groupnorm_backward, false},
    {"batchnorm", {5, 7, 6}, 3, batchnorm_declare, batchnorm_forward, batchnorm_backward, false},
    {"relu", {3, 5, 7}, 3, dsbi_relu, relu_forward, relu_backward, true},
    {"gelu", {3, 5, 7}, 3, dsbi_gelu, gelu_forward, gelu_backward, false},
    {"dropout", {3, 5, 7}, 3, dropout_declare, dropout_forward, dropout_backward, false},
    {"droppath", {3, 5, 7}, 9, droppath_declare, droppath_forward, droppath_backward, false},
    {"maxpool2d", {9, 8, 5}, 3, maxpool_declare, maxpool_forward, maxpool_backward, true},
    {"avgpool2d", {9, 8, 5}, 3, avgpool_declare, avgpool_forward, avgpool_backward, false},
    {"global_avgpool", {4, 3, 5}, 3, dsbi_global_avgpool, global_forward, global_backward, false},
    {"attention", {11, 1, 24}, 3, attention_declare, attention_forward, attention_backward, false},
};
enum { N_CASES = sizeof cases / sizeof cases[0] };

static dsbi_graph *graph_of(dsb_runtime *rt, const op_case *c)
{
    dsbi_builder b;
    ck_assert_ok(dsbi_builder_init(&b, rt, c->image, 1));
    dsbi_graph_output(&b, c->declare(&b, dsbi_input_values(&b)));
    dsbi_graph *graph;
    ck_assert_ok(dsbi_graph_finish(&b, &graph));
    return graph;
}

static float *values(size_t n, uint64_t index)
{
    float *v = calloc(n + 1, sizeof *v);
    dsbi_rng rng;
    dsbi_rng_init(&rng, 11, DSBI_RNG_TEST, index);
    for (size_t i = 0; i < n; i++)
        v[i] = (float)dsbi_rng_normal(&rng);
    return v;
}

static op_arrays make_arrays(const op_case *c, const dsbi_graph *graph)
{
    op_arrays a = {.image = c->image, .batch = c->batch, .n_params = graph->n_params};
    a.n_x = c->batch * dsbi_shape_size(c->image);
    a.n_y = c->batch * dsbi_shape_size(graph->nodes[graph->output].out);
    a.x = values(a.n_x, 1);
    a.dx = values(a.n_x, 2); /* to be overwritten */
    a.y = values(a.n_y, 3);
    a.dy = values(a.n_y, 4);
    a.saved = calloc(4 * (a.n_x + a.n_y), sizeof(float));
    for (size_t p = 0; p < a.n_params; p++) {
        a.n_param[p] = graph->params[p].size;
        a.param[p] = values(a.n_param[p], 5 + p);
        a.dparam[p] = values(a.n_param[p], 9 + p);
    }
    return a;
}

static void free_arrays(op_arrays *a)
{
    free(a->x);
    free(a->dx);
    free(a->y);
    free(a->dy);
    free(a->saved);
    for (size_t p = 0; p < a->n_params; p++) {
        free(a->param[p]);
        free(a->dparam[p]);
    }
}

static void same_bits(const op_case *c, const char *what, const float *a, const float *b, size_t n)
{
    ck_assert_msg(memcmp(a, b, n * sizeof *a) == 0, "%s: %s differs", c->name, what);
}

START_TEST(operations_give_the_bits_of_a_plan)
{
    for (uint64_t threads = 1; threads <= 3; threads++) {
        dsb_runtime *rt = make_runtime(threads);
        for (size_t i = 0; i < N_CASES; i++) {
            const op_case *c = &cases[i];
            dsbi_graph *graph = graph_of(rt, c);
            op_arrays a = make_arrays(c, graph);
            float *params = calloc(graph->arena_size + 1, sizeof *params);
            for (size_t p = 0; p < a.n_params; p++)
                memcpy(params + graph->params[p].offset, a.param[p], a.n_param[p] * sizeof *params);
            const dsbi_plan_opts opts = {.batch = c->batch,
                                         .training = true,
                                         .input_grad = true,
                                         .no_fusion = true,
                                         .math = &dsbi_math_f32,
                                         .seed = seed,
                                         .params = params};
            dsbi_plan *plan;
            ck_assert_ok(dsbi_plan_create_for(&plan, rt, graph, &opts));
            memcpy(dsbi_plan_input(plan), a.x, a.n_x * sizeof *a.x);
            ck_assert_ok(dsbi_plan_forward(plan, draw));
            memcpy(dsbi_plan_dlogits(plan), a.dy, a.n_y * sizeof *a.y);
            ck_assert_ok(c->forward(rt, &a));
            same_bits(c, "y", a.y, dsbi_plan_logits(plan), a.n_y);
            ck_assert_ok(dsbi_plan_backward(plan));
            ck_assert_ok(c->backward(rt, &a));
            same_bits(c, "dx", a.dx, dsbi_plan_dinput(plan), a.n_x);
            const float *grads = dsbi_plan_grads(plan);
            for (size_t p = 0; p < a.n_params; p++)
                if (graph->params[p].buffer)
                    same_bits(c, "buffer", a.param[p], params + graph->params[p].offset,
                              a.n_param[p]);
                else
                    same_bits(c, "gradient", a.dparam[p], grads + graph->params[p].offset,
                              a.n_param[p]);
            dsbi_plan_free(plan);
            free(params);
            free_arrays(&a);
            dsbi_graph_free(graph);
        }
        dsb_runtime_free(rt);
    }
}
END_TEST

static double loss_at(dsb_runtime *rt, const op_case *c, op_arrays *a)
{
    ck_assert_ok(c->forward(rt, a));
    double loss = 0;
    for (size_t i = 0; i < a->n_y; i++)
        loss += (double)a->dy[i] * (double)a->y[i];
    return loss;
}

/* The slope of the loss along a random direction, by differences and by the gradient. */
static void check_direction(dsb_runtime *rt, const op_case *c, op_arrays *a, float *x,
                            const float *gradient, size_t n, uint64_t index)
{
    const float h = 1.0f / 64;
    float *kept = malloc(n * sizeof *kept), *step = values(n, 100 + index);
    memcpy(kept, x, n * sizeof *x);
    double f[2], slope = 0, size = 0;
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < n; i++)
            x[i] = kept[i] + (side ? h : -h) * step[i];
        f[side] = loss_at(rt, c, a);
    }
    memcpy(x, kept, n * sizeof *x);
    for (size_t i = 0; i < n; i++) {
        slope += (double)gradient[i] * (double)step[i];
        size += (double)gradient[i] * (double)gradient[i];
    }
    const double differences = (f[1] - f[0]) / (2 * (double)h);
    ck_assert_msg(fabs(differences - slope) < 5e-3 * sqrt(size) + 1e-3, "%s: %g, differences %g",
                  c->name, slope, differences);
    free(kept);
    free(step);
}

START_TEST(gradients_agree_with_differences)
{
    dsb_runtime *rt = make_runtime(2);
    for (size_t i = 0; i < N_CASES; i++) {
        const op_case *c = &cases[i];
        if (c->rough)
            continue;
        dsbi_graph *graph = graph_of(rt, c);
        op_arrays a = make_arrays(c, graph);
        ck_assert_ok(c->forward(rt, &a));
        ck_assert_ok(c->backward(rt, &a));
        for (uint64_t k = 0; k < 3; k++) {
            check_direction(rt, c, &a, a.x, a.dx, a.n_x, k);
            for (size_t p = 0; p < a.n_params; p++)
                if (!graph->params[p].buffer)
                    check_direction(rt, c, &a, a.param[p], a.dparam[p], a.n_param[p], k);
        }
        free_arrays(&a);
        dsbi_graph_free(graph);
    }
    dsb_runtime_free(rt);
}
END_TEST

/* Bytes of what an operation keeps for backward, as ops.h says. */
static size_t bytes_saved(const op_case *c, const op_arrays *a)
{
    const size_t rows = c->batch * c->image.h * c->image.w;
    if (c->forward == layernorm_forward)
        return 2 * rows * sizeof(float);
    if (c->forward == groupnorm_forward)
        return 2 * c->batch * norm_shape(a).groups * sizeof(float);
    if (c->forward == batchnorm_forward)
        return 4 * c->image.c * sizeof(float);
    if (c->forward == maxpool_forward)
        return a->n_y;
    if (c->forward == attention_forward)
        return 2 * attention_shape(a).heads * rows * sizeof(float);
    return 0;
}

START_TEST(what_is_saved_is_as_long_as_documented_and_backward_only_reads_it)
{
    enum { BEHIND = 4096, UNTOUCHED = 0x5a };
    dsb_runtime *rt = make_runtime(2);
    for (size_t i = 0; i < N_CASES; i++) {
        const op_case *c = &cases[i];
        dsbi_graph *graph = graph_of(rt, c);
        op_arrays a = make_arrays(c, graph);
        const size_t size = bytes_saved(c, &a);
        free(a.saved);
        uint8_t *saved = a.saved = malloc(size + BEHIND), *kept = malloc(size + BEHIND);
        memset(saved, UNTOUCHED, size + BEHIND);
        ck_assert_ok(c->forward(rt, &a));
        memcpy(kept, saved, size + BEHIND);
        ck_assert_ok(c->backward(rt, &a));
        ck_assert_msg(memcmp(kept, saved, size + BEHIND) == 0, "%s: backward writes", c->name);
        for (size_t k = size; k < size + BEHIND; k++)
            ck_assert_msg(saved[k] == UNTOUCHED, "%s: byte %zu of %zu", c->name, k, size);
        free(kept);
        free_arrays(&a);
        dsbi_graph_free(graph);
    }
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(softmax_xent_agrees_with_its_definition)
{
    enum { ROWS = 700, CLASSES = 11, N = ROWS * CLASSES };
    float *logits = values(N, 1), *targets = values(N, 2);
    float *loss = calloc(ROWS, sizeof *loss), *d = calloc(N, sizeof *d);
    for (size_t i = 0; i < N; i++)
        targets[i] = fabsf(targets[i]);
    for (uint64_t threads = 1; threads <= 3; threads++) {
        dsb_runtime *rt = make_runtime(threads);
        ck_assert_ok(dsb_softmax_xent(rt, loss, d, logits, targets, ROWS, CLASSES));
        for (size_t r = 0; r < ROWS; r++) {
            double sum = 0, total = 0, expected = 0;
            for (size_t i = 0; i < CLASSES; i++) {
                sum += exp((double)logits[r * CLASSES + i]);
                total += (double)targets[r * CLASSES + i];
            }
            for (size_t i = r * CLASSES; i < (r + 1) * CLASSES; i++) {
                const double p = exp((double)logits[i]) / sum;
                expected -= (double)targets[i] * log(p);
                ck_assert(fabs((double)d[i] - (p * total - (double)targets[i])) < 1e-5);
            }
            ck_assert(fabs((double)loss[r] - expected) < 1e-5 * expected);
        }
        ck_assert_ok(dsb_softmax_xent(rt, loss, NULL, logits, targets, ROWS, CLASSES));
        dsb_runtime_free(rt);
    }
    free(logits);
    free(targets);
    free(loss);
    free(d);
}
END_TEST

START_TEST(inference_needs_nothing_saved)
{
    dsb_runtime *rt = make_runtime(2);
    for (size_t i = 0; i < N_CASES; i++) {
        const op_case *c = &cases[i];
        if (c->forward != layernorm_forward && c->forward != groupnorm_forward &&
            c->forward != maxpool_forward && c->forward != attention_forward)
            continue;
        dsbi_graph *graph = graph_of(rt, c);
        op_arrays a = make_arrays(c, graph);
        ck_assert_ok(c->forward(rt, &a));
        float *y = a.y;
        void *saved = a.saved;
        a.y = values(a.n_y, 77);
        a.saved = NULL;
        ck_assert_ok(c->forward(rt, &a));
        same_bits(c, "y without saved", a.y, y, a.n_y);
        free(y);
        free(saved);
        free_arrays(&a);
        dsbi_graph_free(graph);
    }
    dsb_runtime_free(rt);
}
END_TEST

/* The running statistics as batch norm's, moved far enough to be those of the batch. */
START_TEST(batchnorm_infers_with_running_statistics)
{
    enum { N = 50, C = 3 };
    dsb_runtime *rt = make_runtime(1);
    float *x = values(N * C, 1), *y = values(N * C, 2), *expected = values(N * C, 3);
    const float gain[C] = {1, 2, 3}, bias[C] = {.5f, 0, -1}, mean[C] = {.1f, .2f, .3f};
    const float variance[C] = {1, 2, 4};
    dsb_norm_shape s;
    dsb_norm_shape_init(&s, sizeof s);
    s.n = N;
    s.c = C;
    ck_assert_ok(dsb_batchnorm_infer(rt, y, x, gain, bias, mean, variance, &s));
    for (size_t i = 0; i < N * C; i++) {
        expected[i] = (x[i] - mean[i % C]) / sqrtf(variance[i % C] + 1e-5f) * gain[i % C];
        ck_assert(fabsf(y[i] - expected[i] - bias[i % C]) < 1e-5f);
    }
    float saved[4 * C];
    ck_assert_ok(dsb_batchnorm_forward(rt, y, saved, NULL, NULL, x, gain, bias, &s));
    free(x);
    free(y);
    free(expected);
    dsb_runtime_free(rt);
}
END_TEST

/* dx of a column of n values, in double. */
static void batchnorm_gradient_of_column(double *dx, const float *x, const float *dy, size_t n,
                                         size_t c, double gain, double eps)
{
    double mean = 0, variance = 0, sum = 0, product = 0;
    for (size_t i = 0; i < n; i++) {
        mean += x[i * c] / (double)n;
        sum += dy[i * c] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        variance += (x[i * c] - mean) * (x[i * c] - mean) / (double)n;
        product += dy[i * c] * (x[i * c] - mean) / (double)n;
    }
    for (size_t i = 0; i < n; i++)
        dx[i * c] = gain / sqrt(variance + eps) *
                    (dy[i * c] - sum - (x[i * c] - mean) * product / (variance + eps));
}

/* A mean of 10 to 1000 deviations, and columns of two values, whose gradient is what eps leaves of
 * it. The values are such that their mean is a float. */
START_TEST(batchnorm_gradient_keeps_its_digits_far_from_zero)
{
    enum { C = 37 };
    static const size_t counts[] = {2, 4, 64};
    dsb_runtime *rt = make_runtime(1);
    for (size_t k = 0; k < 3; k++)
        for (float away = 10; away <= 1000; away *= 10) {
            const size_t n = counts[k], size = n * C;
            float *x = values(size, 1), *dy = values(size, 2), *y = values(size, 3);
            float *dx = values(size, 4), gain[C], bias[C], dgain[C] = {0}, dbias[C] = {0};
            double *expected = calloc(size, sizeof *expected), error = 0, norm = 0;
            float saved[4 * C];
            dsb_norm_shape s;
            dsb_norm_shape_init(&s, sizeof s);
            s.n = n;
            s.c = C;
            for (size_t i = 0; i < size; i++) {
                x[i] = away + roundf(64 * x[i]) / 64;
                dy[i] = roundf(64 * dy[i]) / 64;
            }
            for (size_t i = 0; i < C; i++) {
                x[i] += x[i] == x[C + i]; /* columns of two equal values have no deviation */
                gain[i] = 1 + (float)i / C;
                bias[i] = 0;
                batchnorm_gradient_of_column(expected + i, x + i, dy + i, n, C, gain[i], s.eps);
            }
            ck_assert_ok(dsb_batchnorm_forward(rt, y, saved, NULL, NULL, x, gain, bias, &s));
            ck_assert_ok(dsb_batchnorm_backward(rt, dx, dgain, dbias, dy, x, saved, gain, &s));
            for (size_t i = 0; i < size; i++) {
                error += (dx[i] - expected[i]) * (dx[i] - expected[i]);
                norm += expected[i] * expected[i];
            }
            ck_assert_msg(sqrt(error / norm) < 1e-5, "%zu values, mean %g: off by %.1e of the norm",
                          n, (double)away, sqrt(error / norm));
            free(x);
            free(dy);
            free(y);
            free(dx);
            free(expected);
        }
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    return run_tests("ops", operations_give_the_bits_of_a_plan, gradients_agree_with_differences,
                     what_is_saved_is_as_long_as_documented_and_backward_only_reads_it,
                     softmax_xent_agrees_with_its_definition, inference_needs_nothing_saved,
                     batchnorm_infers_with_running_statistics,
                     batchnorm_gradient_keeps_its_digits_far_from_zero, NULL);
}
