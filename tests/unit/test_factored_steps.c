/* Training steps whose large gradients stay factors against the same steps with whole arrays. */
#include "testing.h"

#include <math.h>
#include "base/rng.h"
#include "dsbias/train.h"
#include "train/trainer.h"

/* Linear layers of 576 x 2048 and 2048 x 2048 weights, and a small one. */
static const char *const model_name = "alexnet:base=1,hidden=2048";
enum { SIDE = 64, BYTES = SIDE * SIDE * 3, CLASSES = 5, BATCH = 3, STEPS = 3 };

typedef struct bench {
    dsb_runtime *rt;
    dsb_model *model;
    dsb_trainer *trainer;
    uint8_t images[BATCH * BYTES];
    uint32_t labels[BATCH];
} bench;

/* Gives the trainer a plan that leaves no factors. */
static void take_whole_gradients(dsb_trainer *t)
{
    const dsbi_plan_opts opts = {.batch = BATCH,
                                 .training = true,
                                 .math = &dsbi_math_f32,
                                 .seed = t->opts.seed,
                                 .params = t->params,
                                 .version = &t->model->version};
    ck_assert_uint_eq(t->n_factored, 2);
    dsbi_plan_free(t->plan);
    ck_assert_ok(dsbi_plan_create_for(&t->plan, t->rt, t->graph, &opts));
    t->n_factored = 0;
    dsbi_stretches_free(&t->stretches, t->rt);
    for (size_t i = 0; i < t->graph->n_params; i++)
        ck_assert_ok(dsbi_stretches_add(&t->stretches, t->rt, t->graph->params[i].offset,
                                        t->graph->params[i].size, dsbi_plan_gradient(t->plan, i),
                                        t->graph->params[i].decay));
    ck_assert_ok(dsbi_stretches_group(&t->stretches, t->rt));
    dsbi_free(t->rt, t->partial);
    t->partial = dsbi_alloc_array(t->rt, t->stretches.n_tasks, sizeof *t->partial);
}

static bench *make_bench(const dsb_train_opts *opts, uint64_t threads, bool whole)
{
    bench *b = calloc(1, sizeof *b);
    b->rt = make_runtime(threads);
    dsb_model_opts model;
    dsb_model_opts_init(&model, sizeof model);
    model.n_classes = CLASSES;
    model.height = model.width = SIDE;
    model.seed = 7;
    ck_assert_ok(dsb_model_create(b->rt, &b->model, model_name, &model));
    ck_assert_ok(dsb_trainer_create(b->rt, &b->trainer, b->model, opts));
    if (whole)
        take_whole_gradients(b->trainer);
    dsbi_rng rng;
    dsbi_rng_init(&rng, 3, DSBI_RNG_TEST, 0);
    for (size_t i = 0; i < sizeof b->images; i++)
        b->images[i] = (uint8_t)dsbi_rng_below(&rng, 256);
    for (size_t i = 0; i < BATCH; i++)
        b->labels[i] = (uint32_t)i;
    return b;
}

static void free_bench(bench *b)
{
    dsb_trainer_free(b->trainer);
    dsb_model_free(b->model);
    dsb_runtime_free(b->rt);
    free(b);
}

static dsb_train_opts make_opts(void)
{
    dsb_train_opts opts;
    dsb_train_opts_init(&opts, sizeof opts);
    opts.batch_size = BATCH;
    opts.samples_seen = 100 * BATCH;
    opts.warmup_samples = 0;
    opts.weight_decay = 0.1;
    return opts;
}

static void run(bench *b)
{
    for (size_t i = 0; i < STEPS; i++)
        ck_assert_ok(dsb_trainer_step(b->trainer, b->images, b->labels, BATCH, NULL));
}

/* Weights, state and running mean have the same bits. */
static void check_same(const dsb_train_opts *opts)
{
    for (uint64_t threads = 1; threads <= 2; threads++) {
        bench *whole = make_bench(opts, 2, true), *factored = make_bench(opts, threads, false);
        const dsb_trainer *a = whole->trainer, *b = factored->trainer;
        const size_t bytes = a->arena_size * sizeof(float);
        run(whole);
        run(factored);
        ck_assert_mem_eq(a->params, b->params, bytes);
        for (size_t k = 0; k < a->optimiser->n_state; k++)
            ck_assert_mem_eq(a->state[k], b->state[k], bytes);
        if (a->ema)
            ck_assert_mem_eq(a->ema, b->ema, bytes);
        free_bench(whole);
        free_bench(factored);
    }
}

START_TEST(adamw_is_the_same)
{
    dsb_train_opts opts = make_opts();
    opts.ema_decay = 0.9;
    check_same(&opts);
}
END_TEST

START_TEST(sgd_is_the_same)
{
    dsb_train_opts opts = make_opts();
    opts.optimiser = DSB_OPTIMISER_SGD;
    opts.nesterov = 1;
    opts.lr_peak = 0.1;
    check_same(&opts);
}
END_TEST

/* The norm is exact to 1e-7 or so, hence the factor of clipped gradients and one step of SGD. */
START_TEST(gradients_are_clipped_by_the_same_norm)
{
    dsb_train_opts opts = make_opts();
    opts.optimiser = DSB_OPTIMISER_SGD;
    opts.clip_norm = 1e-3;
    opts.lr_peak = 1;
    opts.weight_decay = 0;
    bench *whole = make_bench(&opts, 2, true), *factored = make_bench(&opts, 2, false);
    const dsb_trainer *a = whole->trainer, *b = factored->trainer;
    ck_assert_ok(dsb_trainer_step(whole->trainer, whole->images, whole->labels, BATCH, NULL));
    ck_assert_ok(
        dsb_trainer_step(factored->trainer, factored->images, factored->labels, BATCH, NULL));
    double away = 0, size = 0;
    for (size_t i = 0; i < a->arena_size; i++) {
        away += pow((double)a->state[0][i] - (double)b->state[0][i], 2);
        size += pow((double)b->state[0][i], 2);
    }
    ck_assert_double_eq_tol(sqrt(size), 1e-3, 1e-8);
    ck_assert_double_le(sqrt(away), 1e-6 * sqrt(size));
    free_bench(whole);
    free_bench(factored);
}
END_TEST

static float *weights(const bench *b, const char *name, size_t *n)
{
    const dsb_trainer *t = b->trainer;
    for (size_t i = 0; i < t->graph->n_params; i++)
        if (strcmp(t->graph->params[i].name, name) == 0) {
            *n = t->graph->params[i].size;
            return t->params + t->graph->params[i].offset;
        }
    ck_abort_msg("no %s", name);
}

static void fill(const bench *b, const char *name, float value)
{
    size_t n;
    float *w = weights(b, name, &n);
    for (size_t i = 0; i < n; i++)
        w[i] = value;
}

/* Weights of 1e38 behind features of 1e-38: a finite loss, yet the gradient of the second hidden
 * layer, 1e38 times its input, is not. In front of its weights of 0 there is none. */
START_TEST(a_gradient_that_is_not_finite_changes_nothing)
{
    dsb_train_opts opts = make_opts();
    bench *b = make_bench(&opts, 2, false);
    dsb_trainer *t = b->trainer;
    run(b);
    fill(b, "classifier.1.bias", 10);
    fill(b, "classifier.4.weight", 0);
    fill(b, "classifier.4.bias", 1e-38f);
    fill(b, "classifier.6.weight", 3e38f);
    size_t n;
    float *head = weights(b, "classifier.6.weight", &n);
    memset(head, 0, n / CLASSES * sizeof *head);
    const size_t bytes = t->arena_size * sizeof(float);
    float *before = malloc(2 * bytes);
    memcpy(before, t->params, bytes);
    memcpy(before + t->arena_size, t->state[1], bytes);
    double loss;
    ck_assert_fails(dsb_trainer_step(t, b->images, b->labels, BATCH, &loss), DSB_E_NUMERIC,
                    "the gradient's norm");
    ck_assert(isfinite(loss));
    ck_assert_mem_eq(before, t->params, bytes);
    ck_assert_mem_eq(before + t->arena_size, t->state[1], bytes);
    ck_assert_uint_eq(dsb_trainer_steps(t), STEPS);
    free(before);
    free_bench(b);
}
END_TEST

START_TEST(factored_gradients_take_no_memory)
{
    dsb_train_opts opts = make_opts();
    bench *b = make_bench(&opts, 1, false);
    const dsb_trainer *t = b->trainer;
    const size_t left_out = (576 + 2048) * 2048;
    ck_assert_uint_eq(dsbi_plan_gradient_bytes(t->plan),
                      (t->arena_size - left_out) * sizeof(float));
    free_bench(b);
}
END_TEST

int main(void)
{
    return run_tests("factored_steps", adamw_is_the_same, sgd_is_the_same,
                     gradients_are_clipped_by_the_same_norm,
                     a_gradient_that_is_not_finite_changes_nothing,
                     factored_gradients_take_no_memory, NULL);
}
