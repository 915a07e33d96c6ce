/* Networks made at random: what the plan makes of them, fused and with memory shared, gives the
 * outputs, gradients and running statistics of the declaration run as it stands in f64; in f32 at
 * each level, for any number of threads the same bits.   test_random_graphs [FIRST COUNT]   */
#include "gradcheck.h"
#include "random_graph.h"

static uint64_t first_seed = 1, n_seeds = 40;

/* Parameters as a layer starts them, a little off, so that no two are equal and nothing is 0. */
static void start(grad_case *g, uint64_t seed)
{
    ck_assert_ok(dsbi_init_params(g->rt, g->graph, &dsbi_math_f64, g->params, seed));
    double *noise = random_values(g->graph->arena_size, seed, 1);
    for (size_t p = 0; p < g->graph->n_params; p++) {
        const dsbi_param *param = &g->graph->params[p];
        const size_t fan = param->size / param->dims[0];
        for (size_t i = param->offset; i < param->offset + param->size; i++)
            if (param->buffer)
                g->params[i] += 0.2 * fabs(noise[i]);
            else
                g->params[i] = (float)(param->rank > 1 ? noise[i] / sqrt((double)fan)
                                                       : g->params[i] + 0.3 * noise[i]);
    }
    free(noise);
}

typedef struct result {
    double *output, *grads, *params; /* params: with running statistics as the step left them */
} result;

static dsbi_plan *plan_of(const grad_case *g, const dsbi_math *math, dsbi_plan_opts opts)
{
    dsbi_plan *plan;
    opts.batch = g->batch;
    opts.math = math;
    opts.seed = 3;
    ck_assert_ok(dsbi_plan_create_for(&plan, g->rt, g->graph, &opts));
    return plan;
}

static void run_forward(const grad_case *g, dsbi_plan *plan, const dsbi_math *math, double *output)
{
    put_input(g, plan, math);
    ck_assert_ok(dsbi_plan_forward(plan, 5));
    const size_t n = dsbi_plan_count(plan) * RANDOM_CLASSES;
    for (size_t i = 0; i < n; i++)
        output[i] = dsbi_real(math, dsbi_plan_logits(plan), i);
}

static result run_of(const grad_case *g, const dsbi_math *math, dsbi_plan_opts opts)
{
    const size_t arena = g->graph->arena_size;
    const result r = {calloc(g->n_output + 1, 8), calloc(arena + 1, 8), calloc(arena + 1, 8)};
    opts.params = calloc(arena + 1, math->item);
    put(math, opts.params, g->params, arena);
    dsbi_plan *plan = plan_of(g, math, opts);
    run_forward(g, plan, math, r.output);
    if (opts.training) {
        put(math, dsbi_plan_dlogits(plan), g->weights, g->n_output);
        ck_assert_ok(dsbi_plan_backward(plan));
    }
    for (size_t i = 0; i < arena; i++) {
        r.grads[i] = opts.training ? dsbi_real(math, dsbi_plan_grads(plan), i) : 0;
        r.params[i] = dsbi_real(math, opts.params, i);
    }
    dsbi_plan_free(plan);
    free(opts.params);
    return r;
}

static void result_free(result *r)
{
    free(r->output);
    free(r->grads);
    free(r->params);
}

static double norm_of(const double *values, size_t n)
{
    double squares = 0;
    for (size_t i = 0; i < n; i++)
        squares += values[i] * values[i];
    return sqrt(squares);
}

static double away(const double *a, const double *b, size_t n)
{
    double squares = 0;
    for (size_t i = 0; i < n; i++)
        squares += (a[i] - b[i]) * (a[i] - b[i]);
    return sqrt(squares);
}

/* The largest difference of an output, a gradient or a statistic, relative to its norm; gradients
 * that cancel are told by the largest of the network. */
static double apart(const grad_case *g, const result *a, const result *b, const char **where)
{
    double worst = away(a->output, b->output, g->n_output) / norm_of(b->output, g->n_output);
    *where = "output";
    double largest = 0;
    for (size_t p = 0; p < g->graph->n_params; p++) {
        const dsbi_param *param = &g->graph->params[p];
        const double norm = norm_of(b->grads + param->offset, param->size);
        if (!param->buffer && norm > largest)
            largest = norm;
    }
    for (size_t p = 0; p < g->graph->n_params; p++) {
        const dsbi_param *param = &g->graph->params[p];
        const size_t at = param->offset, n = param->size;
        const double *of_a = param->buffer ? a->params : a->grads;
        const double *of_b = param->buffer ? b->params : b->grads;
        const double norm =
            param->buffer ? norm_of(of_b + at, n) : norm_of(of_b + at, n) + 1e-2 * largest;
        const double error = away(of_a + at, of_b + at, n) / (norm + 1e-30);
        if (!(error <= worst)) {
            worst = error;
            *where = param->name;
        }
    }
    return worst;
}

static grad_case random_case(dsb_runtime *rt, uint64_t seed, size_t batch)
{
    grad_case g = grad_case_make(rt, random_graph_make(rt, seed), batch);
    start(&g, seed);
    return g;
}

static const dsbi_plan_opts as_declared[2] = {
    {.no_fusion = true, .no_winograd = true},
    {.training = true, .no_fusion = true, .no_winograd = true},
};

/* With weights made ready where it is inference. */
static dsbi_plan_opts as_planned(bool training, uint64_t *version)
{
    *version = 1;
    return (dsbi_plan_opts){.training = training, .version = version};
}

/* How far parameters moved by a few roundings move the results: far, where a ReLU or a maximum is
 * within rounding of its corner. */
static double corners(const grad_case *g, const result *expected, bool training)
{
    double worst = 0;
    for (uint64_t k = 0; k < 16; k++) {
        const char *where;
        grad_case moved = *g;
        double *noise = random_values(g->graph->arena_size, 100 + k, 3e-6);
        for (size_t i = 0; i < g->graph->arena_size; i++)
            noise[i] = g->params[i] * (1 + noise[i]);
        moved.params = noise;
        result r = run_of(&moved, &dsbi_math_f64, as_declared[training]);
        const double error = apart(g, &r, expected, &where);
        worst = error > worst ? error : worst;
        result_free(&r);
        free(noise);
    }
    return worst;
}

static void check_plan(dsb_runtime *rt, const dsbi_math *math, bool training, double tolerance,
                       uint64_t seed)
{
    uint64_t version;
    const char *where;
    grad_case g = random_case(rt, seed, 1 + seed % 7);
    result expected = run_of(&g, &dsbi_math_f64, as_declared[training]);
    result r = run_of(&g, math, as_planned(training, &version));
    const double error = apart(&g, &r, &expected, &where);
    ck_assert_msg(error <= tolerance || error <= 2 * corners(&g, &expected, training),
                  "seed %llu, batch %zu, %s: %s is off by %.1e", (unsigned long long)seed, g.batch,
                  training ? "training" : "inference", where, error);
    result_free(&r);
    result_free(&expected);
    grad_case_free(&g);
}

START_TEST(the_plan_is_the_declaration)
{
    dsb_runtime *rt = make_runtime(2);
    for (uint64_t seed = first_seed; seed < first_seed + n_seeds; seed++)
        for (int training = 0; training < 2; training++)
            check_plan(rt, &dsbi_math_f64, training, 1e-8, seed);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(float_agrees_with_double_at_each_level)
{
    const uint32_t levels[] = {DSB_ISA_GENERIC, DSB_ISA_AVX2, DSB_ISA_AVX512};
    for (size_t i = 0; i < 3; i++) {
        dsb_runtime *rt = grad_runtime(levels[i], 2);
        for (uint64_t seed = first_seed; seed < first_seed + n_seeds; seed++)
            for (int training = 0; training < 2; training++)
                check_plan(rt, &dsbi_math_f32, training, 1e-3, seed);
        dsb_runtime_free(rt);
    }
}
END_TEST

/* Training with a seed's own batch; inference of an image among 0 to 6 others. */
START_TEST(threads_and_neighbours_change_no_bit)
{
    for (uint64_t seed = first_seed; seed < first_seed + n_seeds; seed++)
        for (int training = 0; training < 2; training++) {
            result of[3];
            for (uint64_t threads = 1; threads <= 3; threads++) {
                uint64_t version;
                dsb_runtime *rt = make_runtime(threads);
                grad_case g = random_case(rt, seed, 1 + (seed + (training ? 0 : threads)) % 7);
                const size_t arena = g.graph->arena_size * sizeof(double);
                result *r = &of[threads - 1];
                *r = run_of(&g, &dsbi_math_f32, as_planned(training, &version));
                ck_assert_mem_eq(r->output, of[0].output, RANDOM_CLASSES * sizeof(double));
                ck_assert_mem_eq(r->grads, of[0].grads, arena);
                ck_assert_mem_eq(r->params, of[0].params, arena);
                grad_case_free(&g);
                dsb_runtime_free(rt);
            }
            for (size_t i = 0; i < 3; i++)
                result_free(&of[i]);
        }
}
END_TEST

int main(int argc, char **argv)
{
    if (argc == 3) {
        first_seed = strtoull(argv[1], NULL, 10);
        n_seeds = strtoull(argv[2], NULL, 10);
    }
    return run_tests("random_graphs", the_plan_is_the_declaration,
                     float_agrees_with_double_at_each_level, threads_and_neighbours_change_no_bit,
                     NULL);
}
