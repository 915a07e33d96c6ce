/* What the plan folds together is gone from the list of operations, named in it, and changes no
 * result but in rounding; results do not depend on the number of threads. */
#include "testing.h"

#include <math.h>
#include "nn/nn.h"
#include "nn/plan_inside.h"

enum { SIDE = 21, IMAGES = 3, CLASSES = 5, PIXELS = IMAGES * SIDE * SIDE * 3 };

static dsb_model *make_model(dsb_runtime *rt, const char *name, uint32_t side)
{
    dsb_model_opts opts;
    dsb_model_opts_init(&opts, sizeof opts);
    opts.n_classes = CLASSES;
    opts.height = opts.width = side;
    dsb_model *model;
    ck_assert_ok(dsb_model_create(rt, &model, name, &opts));
    return model;
}

/* Running statistics other than 0 and 1, so that folding them shows. */
static void move_buffers(dsb_model *model)
{
    float values[2048];
    for (uint64_t i = 0; i < dsb_model_param_count(model); i++) {
        const size_t n = model->graph->params[i].size;
        if (!dsb_model_param_is_buffer(model, i))
            continue;
        for (size_t k = 0; k < n; k++)
            values[k] = 0.5f + 0.1f * (float)(k % 7);
        ck_assert_ok(dsb_model_param_set(model, i, values, n));
    }
}

static dsbi_plan *make_plan(dsb_model *model, bool training, bool no_fusion)
{
    dsbi_plan *plan;
    const dsbi_plan_opts opts = {.batch = IMAGES,
                                 .training = training,
                                 .no_fusion = no_fusion,
                                 .math = model->math,
                                 .params = model->params};
    ck_assert_ok(dsbi_plan_create_for(&plan, model->rt, model->graph, &opts));
    return plan;
}

static size_t count_of(const dsbi_plan *plan, const char *layer, const char *fused)
{
    size_t n = 0;
    for (size_t i = 0; i < dsbi_plan_rows(plan); i++) {
        const dsbi_node *node = dsbi_plan_row_at(plan, i).node;
        n += strcmp(node->layer->name, layer) == 0 &&
             (!fused || strcmp(dsbi_fused_name(node), fused) == 0);
    }
    return n;
}

static void forward(dsbi_plan *plan, size_t n_pixels)
{
    uint8_t *input = dsbi_plan_input(plan);
    for (size_t i = 0; i < n_pixels; i++)
        input[i] = (uint8_t)(i * 37 % 251);
    ck_assert_ok(dsbi_plan_forward(plan, 0));
}

START_TEST(norms_are_part_of_products_in_inference)
{
    dsb_runtime *rt = make_runtime(2);
    dsb_model *model = make_model(rt, "cifar_resnet20", SIDE);
    move_buffers(model);
    dsbi_plan *plan = make_plan(model, false, false), *plain = make_plan(model, false, true);
    ck_assert_uint_eq(count_of(plan, "batchnorm", NULL), 0);
    ck_assert_uint_eq(count_of(plan, "relu", NULL) + count_of(plan, "add", NULL), 0);
    ck_assert_uint_eq(count_of(plan, "conv", "norm, relu"), 10);
    ck_assert_uint_eq(count_of(plan, "conv", "norm, sum, relu"), 9);
    ck_assert_uint_eq(count_of(plain, "batchnorm", ""), 19);
    forward(plan, PIXELS);
    forward(plain, PIXELS);
    const float *a = dsbi_plan_logits(plan), *b = dsbi_plan_logits(plain);
    float largest = 0;
    for (size_t i = 0; i < IMAGES * CLASSES; i++)
        largest = fmaxf(largest, fabsf(b[i]));
    for (size_t i = 0; i < IMAGES * CLASSES; i++)
        ck_assert(fabsf(a[i] - b[i]) < 1e-4f * largest);
    dsbi_plan_free(plan);
    dsbi_plan_free(plain);
    dsb_model_free(model);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(changed_parameters_are_folded_anew)
{
    dsb_runtime *rt = make_runtime(1);
    dsb_model *model = make_model(rt, "cifar_resnet:depth=8", SIDE);
    dsbi_plan *plan = make_plan(model, false, false);
    forward(plan, PIXELS);
    const float before = *(const float *)dsbi_plan_logits(plan);
    move_buffers(model);
    forward(plan, PIXELS);
    ck_assert(*(const float *)dsbi_plan_logits(plan) != before);
    dsbi_plan_free(plan);
    dsb_model_free(model);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(relu_follows_products_in_training)
{
    dsb_runtime *rt = make_runtime(2);
    dsb_model *model = make_model(rt, "plaincnn", SIDE);
    dsbi_plan *plan = make_plan(model, true, false);
    ck_assert_uint_eq(count_of(plan, "relu", NULL), 0);
    ck_assert_uint_eq(count_of(plan, "conv", "relu"), 3);
    ck_assert_uint_eq(count_of(plan, "linear", "relu"), 1);
    dsbi_plan_free(plan);
    dsb_model_free(model);
    dsb_runtime_free(rt);
}
END_TEST

/* Batch norms whose own backward gives no gradient of the input: the layer in front makes it. */
static size_t left_to_the_front(const dsbi_plan *plan)
{
    size_t n = 0;
    for (size_t i = 0; i < dsbi_plan_rows(plan); i++) {
        const dsbi_plan_row row = dsbi_plan_row_at(plan, i);
        n += strcmp(row.node->layer->name, "batchnorm") == 0 && !row.input_gradient;
    }
    return n;
}

START_TEST(norms_leave_their_last_pass_to_products)
{
    dsb_runtime *rt = make_runtime(1);
    dsb_model *model = make_model(rt, "resnet50", 128);
    dsbi_plan *plan = make_plan(model, true, false), *plain = make_plan(model, true, true);
    /* the others are behind Winograd's with gradients too large for blocks */
    ck_assert_uint_eq(left_to_the_front(plan), 53 - 10);
    ck_assert_uint_eq(left_to_the_front(plain), 0);
    dsbi_plan_free(plan);
    dsbi_plan_free(plain);
    dsb_model_free(model);
    dsb_runtime_free(rt);
}
END_TEST

/* Forward, backward and running statistics of a step. */
START_TEST(threads_change_no_bit)
{
    static const char *const names[] = {"cifar_resnet:depth=8",
                                        "densenet:blocks=2-2,growth=6,stem=conv", "plaincnn",
                                        "shake_shake:width=16"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        dsb_runtime *rts[2] = {make_runtime(1), make_runtime(3)};
        dsb_model *models[2];
        dsbi_plan *plans[2];
        for (int k = 0; k < 2; k++) {
            models[k] = make_model(rts[k], names[i], SIDE);
            plans[k] = make_plan(models[k], true, false);
            forward(plans[k], PIXELS);
            float *dlogits = dsbi_plan_dlogits(plans[k]);
            for (size_t j = 0; j < IMAGES * CLASSES; j++)
                dlogits[j] = (float)(j % 5) - 2;
            ck_assert_ok(dsbi_plan_backward(plans[k]));
        }
        const size_t size = models[0]->graph->arena_size * sizeof(float);
        ck_assert_mem_eq(dsbi_plan_logits(plans[0]), dsbi_plan_logits(plans[1]),
                         IMAGES * CLASSES * sizeof(float));
        ck_assert_mem_eq(dsbi_plan_grads(plans[0]), dsbi_plan_grads(plans[1]), size);
        ck_assert_mem_eq(models[0]->params, models[1]->params, size);
        for (int k = 0; k < 2; k++) {
            dsbi_plan_free(plans[k]);
            dsb_model_free(models[k]);
            dsb_runtime_free(rts[k]);
        }
    }
}
END_TEST

/* A step from gradients of `before` in every byte. */
static void backward_from(dsbi_plan *plan, const dsb_model *model, uint32_t side, int before)
{
    forward(plan, (size_t)IMAGES * side * side * 3);
    float *dlogits = dsbi_plan_dlogits(plan);
    for (size_t j = 0; j < IMAGES * CLASSES; j++)
        dlogits[j] = (float)(j % 5) - 2;
    for (size_t p = 0; p < model->graph->n_params; p++)
        memset(dsbi_plan_gradient(plan, p), before, model->graph->params[p].size * sizeof(float));
    ck_assert_ok(dsbi_plan_backward(plan));
}

/* Gradients that are not set to 0 are written: what was there does not matter, nor do threads. */
START_TEST(gradients_of_the_step_before_are_gone)
{
    static const struct {
        const char *name;
        uint32_t side;
        size_t cleared; /* runs that are set to 0 */
    } cases[] = {{"convnext:depths=1-1-2-1,dims=20-40-80-160,drop_path=0.2", 64, 2},
                 {"convnext:depths=1-1-1-1,dims=16-32-64-384,layer_scale=0", 32, 2},
                 {"vit:patch=4,dim=64,depth=2,heads=4,mlp=128", 32, 4},
                 {"resnet18", 40, SIZE_MAX},
                 {"densenet:blocks=2-2,growth=6,stem=conv", SIDE, SIZE_MAX}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dsb_runtime *rts[2] = {make_runtime(1), make_runtime(3)};
        dsb_model *models[2];
        dsbi_plan *plans[2];
        for (int k = 0; k < 2; k++) {
            models[k] = make_model(rts[k], cases[i].name, cases[i].side);
            plans[k] = make_plan(models[k], true, false);
            backward_from(plans[k], models[k], cases[i].side, k ? 0xff : 0); /* NaN */
            ck_assert_msg(cases[i].cleared == SIZE_MAX || plans[k]->n_clears == cases[i].cleared,
                          "%s: %zu runs", cases[i].name, plans[k]->n_clears);
        }
        for (size_t p = 0; p < models[0]->graph->n_params; p++) {
            const dsbi_param *param = &models[0]->graph->params[p];
            if (!param->buffer)
                ck_assert_msg(memcmp(dsbi_plan_gradient(plans[0], p),
                                     dsbi_plan_gradient(plans[1], p),
                                     param->size * sizeof(float)) == 0,
                              "%s: %s", cases[i].name, param->name);
        }
        for (int k = 0; k < 2; k++) {
            dsbi_plan_free(plans[k]);
            dsb_model_free(models[k]);
            dsb_runtime_free(rts[k]);
        }
    }
}
END_TEST

static dsbi_graph *shaken(dsb_runtime *rt)
{
    dsbi_builder b;
    ck_assert_ok(dsbi_builder_init(&b, rt, (dsbi_shape){1, 1, 1}, 1));
    const dsbi_value x = dsbi_input_values(&b);
    dsbi_graph_output(&b,
                      dsbi_shake(&b, dsbi_linear(&b, x, "one", 1), dsbi_linear(&b, x, "two", 1)));
    dsbi_graph *graph;
    ck_assert_ok(dsbi_graph_finish(&b, &graph));
    return graph;
}

/* y = alpha one + (1 - alpha) two with one = 1, two = 0: y is alpha; gradients are beta, 1 - beta.
 */
START_TEST(shake_mixes_backward_with_numbers_of_its_own)
{
    enum { BATCH = 4 };
    dsb_runtime *rt = make_runtime(1);
    dsbi_graph *graph = shaken(rt);
    double *params = calloc(graph->arena_size, sizeof *params);
    params[graph->params[1].offset] = 1; /* one.bias */
    for (int training = 0; training < 2; training++) {
        dsbi_plan *plan;
        const dsbi_plan_opts opts = {.batch = BATCH,
                                     .training = training,
                                     .math = &dsbi_math_f64,
                                     .seed = 11,
                                     .params = params};
        ck_assert_ok(dsbi_plan_create_for(&plan, rt, graph, &opts));
        ck_assert_ok(dsbi_plan_forward(plan, 3));
        const double *alpha = dsbi_plan_logits(plan);
        for (size_t i = 0; i < BATCH && !training; i++)
            ck_assert_double_eq(alpha[i], 0.5);
        if (training) {
            ck_assert(alpha[0] != alpha[1] && alpha[0] > 0 && alpha[0] < 1);
            double *dy = dsbi_plan_dlogits(plan);
            for (size_t i = 0; i < BATCH; i++)
                dy[i] = i == 0;
            ck_assert_ok(dsbi_plan_backward(plan));
            const double *grads = dsbi_plan_grads(plan);
            const double beta = grads[graph->params[1].offset];
            ck_assert(beta > 0 && beta < 1 && fabs(beta - alpha[0]) > 1e-3);
            ck_assert_double_eq_tol(beta + grads[graph->params[3].offset], 1, 1e-12);
        }
        dsbi_plan_free(plan);
    }
    free(params);
    dsbi_graph_free(graph);
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    return run_tests("fusion", norms_are_part_of_products_in_inference,
                     changed_parameters_are_folded_anew, relu_follows_products_in_training,
                     norms_leave_their_last_pass_to_products, threads_change_no_bit,
                     gradients_of_the_step_before_are_gone,
                     shake_mixes_backward_with_numbers_of_its_own, NULL);
}
