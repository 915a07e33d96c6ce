/* Shake-Shake: which numbers mix the branches, in forward and in backward. The second branch is
 * made 0 (ReLU of negative values), so that outputs and gradients show the weights of the first. */
#include "testing.h"

#include "nn/nn.h"

enum { BATCH = 40, SIZE = 6 };

typedef struct weights {
    float alpha[BATCH], beta[BATCH];
} weights;

typedef dsbi_value (*mix_fn)(dsbi_builder *b, dsbi_value x, dsbi_value y);

static weights weights_of(mix_fn mix, bool training, uint64_t seed, uint64_t step)
{
    dsb_runtime *rt = make_runtime(2);
    dsbi_builder b;
    dsbi_graph *graph;
    dsbi_plan *plan;
    ck_assert_ok(dsbi_builder_init(&b, rt, (dsbi_shape){1, 2, SIZE / 2}, 1));
    const dsbi_value x = dsbi_input_values(&b);
    dsbi_graph_output(&b, mix(&b, x, dsbi_relu(&b, x)));
    ck_assert_ok(dsbi_graph_finish(&b, &graph));
    const dsbi_plan_opts opts = {.batch = BATCH,
                                 .training = training,
                                 .input_grad = training,
                                 .math = &dsbi_math_f32,
                                 .seed = seed};
    ck_assert_ok(dsbi_plan_create_for(&plan, rt, graph, &opts));
    float *input = dsbi_plan_input(plan);
    for (size_t i = 0; i < BATCH * SIZE; i++)
        input[i] = -1;
    ck_assert_ok(dsbi_plan_forward(plan, step));
    weights w = {{0}, {0}};
    const float *y = dsbi_plan_logits(plan);
    for (size_t i = 0; i < BATCH; i++) {
        w.alpha[i] = -y[i * SIZE];
        for (size_t k = 1; k < SIZE; k++) /* one number an image */
            ck_assert_float_eq(y[i * SIZE + k], y[i * SIZE]);
    }
    if (training) {
        float *dy = dsbi_plan_dlogits(plan);
        for (size_t i = 0; i < BATCH * SIZE; i++)
            dy[i] = 1;
        ck_assert_ok(dsbi_plan_backward(plan));
        const float *dx = dsbi_plan_dinput(plan);
        for (size_t i = 0; i < BATCH; i++)
            w.beta[i] = dx[i * SIZE];
    }
    dsbi_plan_free(plan);
    dsbi_graph_free(graph);
    dsb_runtime_free(rt);
    return w;
}

static double mean_of(const float *values)
{
    double sum = 0;
    for (size_t i = 0; i < BATCH; i++) {
        ck_assert(values[i] >= 0 && values[i] <= 1);
        sum += values[i] / BATCH;
    }
    return sum;
}

static int count_equal(const float *a, const float *b)
{
    int equal = 0;
    for (size_t i = 0; i < BATCH; i++)
        equal += a[i] == b[i];
    return equal;
}

START_TEST(shake_draws_for_each_image_and_direction)
{
    const weights w = weights_of(dsbi_shake, true, 5, 1),
                  again = weights_of(dsbi_shake, true, 5, 1);
    const weights later = weights_of(dsbi_shake, true, 5, 2);
    ck_assert_mem_eq(&w, &again, sizeof w);
    ck_assert_double_eq_tol(mean_of(w.alpha), 0.5, 0.16); /* 3.5 deviations */
    ck_assert_double_eq_tol(mean_of(w.beta), 0.5, 0.16);
    ck_assert_int_eq(count_equal(w.alpha, w.beta), 0);
    ck_assert_int_eq(count_equal(w.alpha, later.alpha), 0);
    for (size_t i = 1; i < BATCH; i++)
        ck_assert(w.alpha[i] != w.alpha[0]);
}
END_TEST

START_TEST(keep_takes_the_same_number_back)
{
    const weights w = weights_of(dsbi_shake_keep, true, 5, 1);
    ck_assert_int_eq(count_equal(w.alpha, w.beta), BATCH);
    ck_assert(w.alpha[0] != w.alpha[1]);
}
END_TEST

START_TEST(otherwise_the_mean_of_both)
{
    const weights even = weights_of(dsbi_shake_even, true, 5, 1);
    const weights test = weights_of(dsbi_shake, false, 5, 1);
    for (size_t i = 0; i < BATCH; i++) {
        ck_assert_float_eq(even.alpha[i], 0.5f);
        ck_assert_float_eq(even.beta[i], 0.5f);
        ck_assert_float_eq(test.alpha[i], 0.5f);
    }
}
END_TEST

int main(void)
{
    return run_tests("shake", shake_draws_for_each_image_and_direction,
                     keep_takes_the_same_number_back, otherwise_the_mean_of_both, NULL);
}
