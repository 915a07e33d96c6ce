/* Checking a graph's backward pass: its loss is sum over r_i y_i with fixed random r, its gradients
 * are compared with central differences in f64, and its f32 path with its f64 path. */
#ifndef DSBI_TESTS_GRADCHECK_H
#define DSBI_TESTS_GRADCHECK_H

#include <math.h>
#include "base/rng.h"
#include "nn/nn.h"
#include "testing.h"

typedef struct grad_case {
    dsb_runtime *rt;
    dsbi_graph *graph;
    size_t batch;
    double *params, *input, *weights; /* arena; [batch, image]; r, [batch, output] */
    uint8_t *pixels;                  /* where the graph takes bytes */
    size_t n_input, n_output;
} grad_case;

static inline double *random_values(size_t n, uint64_t index, double scale)
{
    double *values = calloc(n + 1, sizeof *values);
    dsbi_rng rng;
    dsbi_rng_init(&rng, 7, DSBI_RNG_TEST, index);
    for (size_t i = 0; i < n; i++)
        values[i] = (float)(scale * dsbi_rng_normal(&rng)); /* floats, for the f32 path */
    return values;
}

static inline grad_case grad_case_make(dsb_runtime *rt, dsbi_graph *graph, size_t batch)
{
    grad_case g = {.rt = rt, .graph = graph, .batch = batch};
    g.n_input = batch * dsbi_shape_size(graph->nodes[graph->input].out);
    g.n_output = batch * dsbi_shape_size(graph->nodes[graph->output].out);
    g.params = random_values(graph->arena_size, 1, 0.5);
    g.input = random_values(g.n_input, 2, 1);
    g.weights = random_values(g.n_output, 3, 1);
    g.pixels = calloc(g.n_input + 1, 1);
    for (size_t i = 0; i < g.n_input; i++)
        g.pixels[i] = (uint8_t)(128 + 50 * g.input[i]);
    return g;
}

static inline void grad_case_free(grad_case *g)
{
    free(g->params);
    free(g->input);
    free(g->weights);
    free(g->pixels);
    dsbi_graph_free(g->graph);
}

static inline dsbi_plan *grad_plan(const grad_case *g, const dsbi_math *math, void *params,
                                   bool no_fusion)
{
    dsbi_plan *plan;
    const dsbi_plan_opts opts = {.batch = g->batch,
                                 .training = true,
                                 .input_grad = true,
                                 .no_fusion = no_fusion,
                                 .math = math,
                                 .seed = 3,
                                 .params = params};
    ck_assert_ok(dsbi_plan_create_for(&plan, g->rt, g->graph, &opts));
    return plan;
}

static inline void put(const dsbi_math *math, void *to, const double *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (math->item == sizeof(float))
            ((float *)to)[i] = (float)from[i];
        else
            ((double *)to)[i] = from[i];
}

static inline void put_input(const grad_case *g, dsbi_plan *plan, const dsbi_math *math)
{
    if (g->graph->nodes[g->graph->input].pixels)
        memcpy(dsbi_plan_input(plan), g->pixels, g->n_input);
    else
        put(math, dsbi_plan_input(plan), g->input, g->n_input);
}

static inline double grad_loss(const grad_case *g, dsbi_plan *plan)
{
    put_input(g, plan, &dsbi_math_f64);
    ck_assert_ok(dsbi_plan_forward(plan, 5));
    const double *y = dsbi_plan_logits(plan);
    double loss = 0;
    for (size_t i = 0; i < g->n_output; i++)
        loss += g->weights[i] * y[i];
    return loss;
}

static inline void grad_run(const grad_case *g, dsbi_plan *plan, const dsbi_math *math)
{
    put_input(g, plan, math);
    ck_assert_ok(dsbi_plan_forward(plan, 5));
    put(math, dsbi_plan_dlogits(plan), g->weights, g->n_output);
    ck_assert_ok(dsbi_plan_backward(plan));
}

/* Norm of the difference relative to the norm of either: a wrong factor or a missing term shows. */
typedef struct grad_error {
    double difference, norm;
} grad_error;

static inline void grad_compare(grad_error *error, double a, double b)
{
    error->difference += (a - b) * (a - b);
    error->norm += a * a + b * b;
}

static inline double grad_relative(const grad_error *error)
{
    return sqrt(error->difference / (error->norm + 1e-30));
}

/* d loss / d value by differences of order h^4. */
static inline double grad_slope(const grad_case *g, dsbi_plan *plan, double *value)
{
    const double h = 2e-4, kept = *value;
    double f[4];
    const double at[4] = {-2 * h, -h, h, 2 * h};
    for (int i = 0; i < 4; i++) {
        *value = kept + at[i];
        f[i] = grad_loss(g, plan);
    }
    *value = kept;
    return (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h);
}

/* Every parameter and the input against differences; `every` > 1 samples the elements. */
static inline void grad_check(grad_case *g, bool no_fusion, size_t every, double tolerance,
                              const char *what)
{
    dsbi_plan *plan = grad_plan(g, &dsbi_math_f64, g->params, no_fusion);
    grad_run(g, plan, &dsbi_math_f64);
    double *grads = calloc(g->graph->arena_size + g->n_input + 1, sizeof *grads);
    double *dinput = grads + g->graph->arena_size;
    memcpy(grads, dsbi_plan_grads(plan), g->graph->arena_size * sizeof *grads);
    const bool reals = !g->graph->nodes[g->graph->input].pixels;
    if (reals)
        memcpy(dinput, dsbi_plan_dinput(plan), g->n_input * sizeof *dinput);
    for (size_t p = 0; p < g->graph->n_params; p++) {
        const dsbi_param *param = &g->graph->params[p];
        grad_error error = {0, 0};
        for (size_t i = 0; i < param->size && !param->buffer; i += every)
            grad_compare(&error, grads[param->offset + i],
                         grad_slope(g, plan, &g->params[param->offset + i]));
        ck_assert_msg(grad_relative(&error) < tolerance, "%s%s: %s: relative error %g", what,
                      no_fusion ? " (unfused)" : "", param->name, grad_relative(&error));
    }
    grad_error error = {0, 0};
    for (size_t i = 0; i < g->n_input && reals; i += every)
        grad_compare(&error, dinput[i], grad_slope(g, plan, &g->input[i]));
    ck_assert_msg(grad_relative(&error) < tolerance, "%s: input: relative error %g", what,
                  grad_relative(&error));
    free(grads);
    dsbi_plan_free(plan);
}

/* The f32 path at the runtime's level against the f64 path, logits and gradients. */
static inline void grad_compare_f32(grad_case *g, bool no_fusion, double tolerance,
                                    const char *what)
{
    float *params = calloc(g->graph->arena_size + 1, sizeof *params);
    put(&dsbi_math_f32, params, g->params, g->graph->arena_size);
    dsbi_plan *exact = grad_plan(g, &dsbi_math_f64, g->params, true);
    dsbi_plan *plan = grad_plan(g, &dsbi_math_f32, params, no_fusion);
    grad_run(g, exact, &dsbi_math_f64);
    grad_run(g, plan, &dsbi_math_f32);
    const double *y = dsbi_plan_logits(exact), *dy = dsbi_plan_grads(exact);
    const float *y32 = dsbi_plan_logits(plan), *dy32 = dsbi_plan_grads(plan);
    grad_error error = {0, 0};
    for (size_t i = 0; i < g->n_output; i++)
        grad_compare(&error, y[i], (double)y32[i]);
    ck_assert_msg(grad_relative(&error) < tolerance, "%s, %s: output: relative error %g", what,
                  dsb_isa_name(dsb_runtime_isa(g->rt)), grad_relative(&error));
    for (size_t p = 0; p < g->graph->n_params; p++) {
        const dsbi_param *param = &g->graph->params[p];
        grad_error of = {0, 0};
        for (size_t i = param->offset; i < param->offset + param->size; i++)
            grad_compare(&of, dy[i], (double)dy32[i]);
        ck_assert_msg(grad_relative(&of) < tolerance, "%s, %s: gradient of %s: relative error %g",
                      what, dsb_isa_name(dsb_runtime_isa(g->rt)), param->name, grad_relative(&of));
    }
    dsbi_plan_free(exact);
    dsbi_plan_free(plan);
    free(params);
}

static inline dsb_runtime *grad_runtime(uint32_t isa_max, uint64_t n_threads)
{
    dsb_runtime_opts opts;
    dsb_runtime_opts_init(&opts, sizeof opts);
    opts.n_threads = n_threads;
    opts.isa_max = isa_max;
    dsb_runtime *rt;
    ck_assert_ok(dsb_runtime_create(&rt, &opts));
    return rt;
}

#endif
