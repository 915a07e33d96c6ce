/* The trainer: it learns what is there and nothing else, repeats itself whatever the threads, keeps
 * its promises about memory, weights and stopping. */
#include "testing.h"

#include <math.h>
#include "base/rng.h"
#include "dsbias/train.h"
#include "train/trainer.h"

enum { SIDE = 32, BYTES = SIDE * SIDE * 3, CLASSES = 3 };

static dsb_model *make_model(dsb_runtime *rt)
{
    dsb_model_opts opts;
    dsb_model_opts_init(&opts, sizeof opts);
    opts.n_classes = CLASSES;
    opts.height = opts.width = SIDE;
    opts.seed = 3;
    opts.layer_scale = 1.0f;
    dsb_model *model;
    ck_assert_ok(dsb_model_create(rt, &model, "convnext:depths=1-1-1-1,dims=8-12-16-20", &opts));
    return model;
}

static dsb_train_opts make_opts(uint64_t batch, uint64_t samples)
{
    dsb_train_opts opts;
    dsb_train_opts_init(&opts, sizeof opts);
    opts.batch_size = batch;
    opts.samples_seen = samples;
    opts.lr_peak = 4e-3;
    return opts;
}

/* Noise of random brightness whose red (class 1) or blue (class 2) is a little stronger. */
static void fill_tints(uint8_t *images, uint32_t *labels, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++) {
        dsbi_rng rng;
        dsbi_rng_init(&rng, seed, DSBI_RNG_TEST, i);
        uint32_t label = labels[i] = (uint32_t)(i % CLASSES);
        uint32_t light = (uint32_t)dsbi_rng_below(&rng, 90);
        for (size_t k = 0; k < BYTES; k++) {
            bool tinted = (label == 1 && k % 3 == 0) || (label == 2 && k % 3 == 2);
            images[i * BYTES + k] = (uint8_t)(light + dsbi_rng_u32(&rng) % 128 + (tinted ? 30 : 0));
        }
    }
}

static double accuracy(dsb_model *model, const uint8_t *images, const uint32_t *labels, size_t n)
{
    float *logits = calloc(n, CLASSES * sizeof *logits);
    ck_assert_ok(dsb_model_predict(model, logits, images, n));
    size_t right = 0;
    for (size_t i = 0; i < n; i++) {
        const float *z = logits + i * CLASSES;
        uint32_t best = z[1] > z[0] ? 1 : 0;
        right += (z[2] > z[best] ? 2 : best) == labels[i];
    }
    free(logits);
    return (double)right / (double)n;
}

typedef struct task {
    uint8_t *train, *held_out;
    uint32_t *train_labels, *held_out_labels;
    size_t n_train, n_held_out;
} task;

static task make_task(size_t n_train, size_t n_held_out)
{
    task t = {malloc(n_train * BYTES),
              malloc(n_held_out * BYTES),
              malloc(n_train * 4),
              malloc(n_held_out * 4),
              n_train,
              n_held_out};
    fill_tints(t.train, t.train_labels, n_train, 1);
    fill_tints(t.held_out, t.held_out_labels, n_held_out, 2);
    return t;
}

static void free_task(task *t)
{
    free(t->train);
    free(t->held_out);
    free(t->train_labels);
    free(t->held_out_labels);
}

static double train_on(task *t, uint64_t samples)
{
    dsb_runtime *rt = make_runtime(2);
    dsb_model *model = make_model(rt);
    dsb_trainer *trainer;
    dsb_train_opts opts = make_opts(32, samples);
    ck_assert_ok(dsb_trainer_create(rt, &trainer, model, &opts));
    ck_assert_ok(
        dsb_train_arrays(trainer, t->train, t->train_labels, t->n_train, NULL, NULL, NULL));
    ck_assert_ok(dsb_trainer_finish(trainer));
    dsb_trainer_free(trainer);
    double result = accuracy(model, t->held_out, t->held_out_labels, t->n_held_out);
    dsb_model_free(model);
    dsb_runtime_free(rt);
    return result;
}

START_TEST(tints_are_learnt)
{
    task t = make_task(192, 300);
    ck_assert_double_gt(train_on(&t, 192 * 12), 0.95);
    free_task(&t);
}
END_TEST

START_TEST(random_labels_stay_at_chance)
{
    task t = make_task(96, 600);
    dsbi_rng rng;
    dsbi_rng_init(&rng, 5, DSBI_RNG_TEST, 0);
    for (size_t i = 0; i < t.n_train; i++)
        t.train_labels[i] = (uint32_t)dsbi_rng_below(&rng, CLASSES);
    for (size_t i = 0; i < t.n_held_out; i++)
        t.held_out_labels[i] = (uint32_t)dsbi_rng_below(&rng, CLASSES);
    double result = train_on(&t, 96 * 24);
    ck_assert_double_eq_tol(result, 1.0 / CLASSES, 0.065); /* 3.4 standard deviations */
    free_task(&t);
}
END_TEST

/* With everything switched on. */
static dsb_train_opts rich_opts(uint64_t seed)
{
    dsb_train_opts opts = make_opts(16, 16 * 7);
    opts.seed = seed;
    opts.mixup_alpha = 0.8;
    opts.cutmix_alpha = 1.0;
    opts.ema_decay = 0.99;
    opts.clip_norm = 0.5;
    return opts;
}

/* The recipe of CIFAR networks. */
static dsb_train_opts sgd_opts(uint64_t seed)
{
    dsb_train_opts opts = make_opts(16, 16 * 7);
    opts.seed = seed;
    opts.optimiser = DSB_OPTIMISER_SGD;
    opts.schedule = DSB_SCHEDULE_STEPS;
    opts.lr_peak = 0.1;
    opts.weight_decay = 1e-4;
    opts.decay_all = 1;
    opts.label_smoothing = 0;
    opts.augment = "pad";
    return opts;
}

/* Trains a while; the caller frees the copy of the weights. */
static float *weights_after(uint64_t n_threads, dsb_train_opts opts, size_t *size)
{
    task t = make_task(50, 1);
    dsb_runtime *rt = make_runtime(n_threads);
    dsb_model *model = make_model(rt);
    dsb_trainer *trainer;
    ck_assert_ok(dsb_trainer_create(rt, &trainer, model, &opts));
    ck_assert_ok(dsb_train_arrays(trainer, t.train, t.train_labels, t.n_train, NULL, NULL, NULL));
    ck_assert_ok(dsb_trainer_finish(trainer));
    *size = trainer->arena_size * sizeof(float);
    float *copy = malloc(*size);
    memcpy(copy, trainer->params, *size);
    dsb_trainer_free(trainer);
    dsb_model_free(model);
    dsb_runtime_free(rt);
    free_task(&t);
    return copy;
}

static void check_threads(dsb_train_opts (*make)(uint64_t seed))
{
    size_t size;
    float *one = weights_after(1, make(7), &size);
    for (uint64_t n_threads = 2; n_threads <= 4; n_threads += 2) {
        float *more = weights_after(n_threads, make(7), &size);
        ck_assert(memcmp(one, more, size) == 0);
        free(more);
    }
    float *other_seed = weights_after(1, make(8), &size);
    ck_assert(memcmp(one, other_seed, size) != 0);
    free(other_seed);
    free(one);
}

START_TEST(threads_do_not_change_a_bit)
{
    check_threads(rich_opts);
    check_threads(sgd_opts);
}
END_TEST

/* Each option of SGD and of the augmentation reaches the weights. */
START_TEST(sgd_options_count)
{
    size_t size;
    float *plain = weights_after(1, sgd_opts(7), &size);
    for (int option = 0; option < 6; option++) {
        dsb_train_opts opts = sgd_opts(7);
        opts.momentum = option == 0 ? 0.5 : opts.momentum;
        opts.nesterov = option == 1;
        opts.decay_all = option != 2;
        opts.weight_decay = option == 3 ? 0.01 : opts.weight_decay;
        opts.lr_milestones[0] = option == 4 ? 0.4 : 0.5;
        opts.augment = option == 5 ? NULL : "pad";
        float *changed = weights_after(1, opts, &size);
        ck_assert_msg(memcmp(plain, changed, size) != 0, "option %d changes nothing", option);
        free(changed);
    }
    free(plain);
}
END_TEST

/* A caller compiled before SGD existed gets what it got then. */
START_TEST(older_options_still_work)
{
    size_t size;
    dsb_train_opts now = rich_opts(7), then = now;
    then.struct_size = offsetof(dsb_train_opts, momentum);
    memset((char *)&then + then.struct_size, 0x5a, sizeof then - then.struct_size);
    float *expected = weights_after(1, now, &size), *older = weights_after(1, then, &size);
    ck_assert(memcmp(expected, older, size) == 0);
    free(expected);
    free(older);
}
END_TEST

/* What most tests below need: a small model, a trainer, a batch. */
typedef struct bench {
    dsb_runtime *rt;
    dsb_model *model;
    dsb_trainer *trainer;
    uint8_t images[12 * BYTES];
    uint32_t labels[12];
} bench;

static bench *make_bench(const dsb_train_opts *opts)
{
    bench *b = calloc(1, sizeof *b);
    b->rt = make_runtime(2);
    b->model = make_model(b->rt);
    fill_tints(b->images, b->labels, 12, 1);
    ck_assert_ok(dsb_trainer_create(b->rt, &b->trainer, b->model, opts));
    return b;
}

static void free_bench(bench *b)
{
    dsb_trainer_free(b->trainer);
    dsb_model_free(b->model);
    dsb_runtime_free(b->rt);
    free(b);
}

START_TEST(steps_allocate_nothing)
{
    dsb_train_opts opts = make_opts(12, 12 * 20);
    opts.mixup_alpha = opts.cutmix_alpha = 1.0;
    opts.ema_decay = 0.9;
    opts.clip_norm = 1.0;
    bench *b = make_bench(&opts);
    double loss;
    ck_assert_ok(dsb_trainer_step(b->trainer, b->images, b->labels, 12, &loss));
    uint64_t before = dsb_runtime_alloc_count(b->rt), bytes = dsb_runtime_memory(b->rt);
    for (int i = 0; i < 10; i++)
        ck_assert_ok(dsb_trainer_step(b->trainer, b->images, b->labels, 12, &loss));
    ck_assert_uint_eq(dsb_runtime_alloc_count(b->rt), before);
    ck_assert_uint_eq(dsb_runtime_memory(b->rt), bytes);
    free_bench(b);
}
END_TEST

START_TEST(mean_weights_follow_the_formula)
{
    dsb_train_opts opts = make_opts(12, 12 * 30);
    opts.ema_decay = 0.5;
    bench *b = make_bench(&opts);
    dsb_trainer *t = b->trainer;
    float *expected = malloc(t->arena_size * sizeof *expected);
    memcpy(expected, t->params, t->arena_size * sizeof *expected);
    for (int step = 0; step < 15; step++) {
        ck_assert_ok(dsb_trainer_step(t, b->images, b->labels, 12, NULL));
        double decay = (1.0 + step) / (10.0 + step);
        decay = decay < 0.5 ? decay : 0.5;
        for (size_t i = 0; i < t->arena_size; i++)
            expected[i] = (float)(decay * expected[i] + (1 - decay) * t->params[i]);
    }
    ck_assert_ok(dsb_trainer_finish(t));
    for (size_t i = 0; i < t->arena_size; i++)
        ck_assert_double_eq_tol(t->params[i], expected[i], 1e-6);
    ck_assert_fails(dsb_trainer_step(t, b->images, b->labels, 12, NULL), DSB_E_STATE, "finished");
    ck_assert_ok(dsb_trainer_finish(t)); /* again: nothing more happens */
    ck_assert_double_eq_tol(t->params[0], expected[0], 1e-6);
    free(expected);
    free_bench(b);
}
END_TEST

START_TEST(long_gradients_are_clipped)
{
    dsb_train_opts opts = make_opts(12, 24);
    opts.clip_norm = 0.01;
    bench *b = make_bench(&opts);
    ck_assert_ok(dsb_trainer_step(b->trainer, b->images, b->labels, 12, NULL));
    const float *grads = dsbi_plan_grads(b->trainer->plan);
    double sum = 0.0;
    for (size_t i = 0; i < b->trainer->graph->n_params; i++) {
        const dsbi_param *p = &b->trainer->graph->params[i];
        for (size_t k = 0; k < p->size; k++) {
            double g = grads[p->offset + k];
            sum += g * g;
        }
    }
    ck_assert_double_eq_tol(sqrt(sum), 0.01, 1e-5);
    free_bench(b);
}
END_TEST

START_TEST(bad_numbers_stop_the_step)
{
    dsb_train_opts opts = make_opts(12, 120);
    bench *b = make_bench(&opts);
    dsb_trainer *t = b->trainer;
    ck_assert_ok(dsb_trainer_step(t, b->images, b->labels, 12, NULL));
    const dsbi_param *head = &t->graph->params[t->graph->n_params - 1];
    t->params[head->offset] = NAN;
    float before = t->params[t->graph->params[0].offset];
    double loss;
    ck_assert_fails(dsb_trainer_step(t, b->images, b->labels, 12, &loss), DSB_E_NUMERIC, "step 1");
    ck_assert(isnan(loss));
    ck_assert_float_eq(t->params[t->graph->params[0].offset], before);
    ck_assert_uint_eq(dsb_trainer_steps(t), 1);
    free_bench(b);
}
END_TEST

START_TEST(refusals_name_what_is_wrong)
{
    dsb_train_opts opts = make_opts(12, 12);
    bench *b = make_bench(&opts);
    dsb_trainer *none;
    uint32_t bad_label = CLASSES;
    ck_assert_fails(dsb_trainer_step(b->trainer, b->images, b->labels, 0, NULL), DSB_E_SHAPE, "0");
    ck_assert_fails(dsb_trainer_step(b->trainer, b->images, b->labels, 13, NULL), DSB_E_SHAPE,
                    "13");
    ck_assert_fails(dsb_trainer_step(b->trainer, b->images, &bad_label, 1, NULL), DSB_E_INVALID,
                    "label 0 is 3 of 3");
    ck_assert_fails(dsb_trainer_step(b->trainer, NULL, b->labels, 1, NULL), DSB_E_INVALID, "no im");
    ck_assert_ok(dsb_trainer_step(b->trainer, b->images, b->labels, 12, NULL));
    ck_assert_fails(dsb_trainer_step(b->trainer, b->images, b->labels, 12, NULL), DSB_E_STATE,
                    "all 12");
    opts.lr_peak = NAN;
    ck_assert_fails(dsb_trainer_create(b->rt, &none, b->model, &opts), DSB_E_INVALID, "lr_peak");
    ck_assert_ptr_null(none);
    opts = make_opts(0, 12);
    ck_assert_fails(dsb_trainer_create(b->rt, &none, b->model, &opts), DSB_E_INVALID, "batch_size");
    opts = make_opts(1, 0);
    ck_assert_fails(dsb_trainer_create(b->rt, &none, b->model, &opts), DSB_E_INVALID, "samples");
    opts = make_opts(1, 12);
    opts.label_smoothing = 1.01;
    ck_assert_fails(dsb_trainer_create(b->rt, &none, b->model, &opts), DSB_E_INVALID, "smoothing");
    opts = make_opts(1, 12);
    opts.lr_min = 1;
    ck_assert_fails(dsb_trainer_create(b->rt, &none, b->model, &opts), DSB_E_INVALID, "lr_min");
    opts = make_opts(1, 12);
    opts.momentum = 1;
    ck_assert_fails(dsb_trainer_create(b->rt, &none, b->model, &opts), DSB_E_INVALID, "momentum");
    opts = make_opts(1, 12);
    opts.lr_milestones[1] = 1.5;
    ck_assert_fails(dsb_trainer_create(b->rt, &none, b->model, &opts), DSB_E_INVALID,
                    "lr_milestones[1] is 1.5");
    opts = make_opts(1, 12);
    opts.optimiser = 2;
    ck_assert_fails(dsb_trainer_create(b->rt, &none, b->model, &opts), DSB_E_INVALID,
                    "optimiser is 2");
    opts = make_opts(1, 12);
    opts.augment = "fancy";
    ck_assert_fails(dsb_trainer_create(b->rt, &none, b->model, &opts), DSB_E_NOTFOUND, "fancy");
    opts = make_opts(1, 12);
    opts.lr_min = 1;
    ck_assert_fails(dsb_trainer_create(b->rt, &none, b->model, &opts), DSB_E_INVALID, "lr_min");
    opts = make_opts(1, DSB_TRAIN_AUTO);
    ck_assert_ok(dsb_trainer_create(b->rt, &none, b->model, &opts));
    ck_assert_fails(dsb_trainer_step(none, b->images, b->labels, 1, NULL), DSB_E_STATE,
                    "samples_seen");
    dsb_trainer_free(none);
    dsb_trainer_free(NULL);
    free_bench(b);
}
END_TEST

/* Five images fill a batch of twelve by repetition: the same loss as the twelve written out. */
START_TEST(few_images_fill_a_batch)
{
    dsb_train_opts opts = make_opts(12, 12);
    bench *b = make_bench(&opts), *written = make_bench(&opts);
    for (size_t i = 5; i < 12; i++) {
        memcpy(written->images + i * BYTES, b->images + i % 5 * BYTES, BYTES);
        written->labels[i] = b->labels[i % 5];
    }
    double loss, expected;
    ck_assert_ok(dsb_trainer_step(b->trainer, b->images, b->labels, 5, &loss));
    ck_assert_ok(
        dsb_trainer_step(written->trainer, written->images, written->labels, 12, &expected));
    ck_assert_double_eq(loss, expected);
    free_bench(b);
    free_bench(written);
}
END_TEST

static dsb_status give_half(void *user, dsb_model *model, double *result)
{
    (void)model;
    ++*(int *)user;
    *result = 0.5;
    return DSB_OK;
}

static int32_t count_events(void *user, const dsb_event *event)
{
    ck_assert_str_eq(event->value_name, "loss");
    ck_assert_ptr_nonnull(strstr(event->stage, "convnext"));
    ck_assert_uint_le(event->done, event->total);
    return ++*(int *)user == 8;
}

START_TEST(runs_stop_and_go_on)
{
    dsb_train_opts opts = make_opts(4, DSB_TRAIN_AUTO); /* 30 passes over 5 images: 37 steps */
    opts.ema_decay = 0.9;
    bench *b = make_bench(&opts);
    int evaluations = 0, events = 0;
    dsb_train_run_opts run;
    dsb_train_run_opts_init(&run, sizeof run);
    run.n_points = 10;
    run.n_evaluations = 5;
    run.evaluate = give_half;
    run.evaluate_user = &evaluations;
    ck_assert_fails(
        dsb_train_arrays(b->trainer, b->images, b->labels, 5, &run, count_events, &events),
        DSB_E_CANCELLED, "32 of 148");
    ck_assert_uint_eq(dsb_trainer_steps(b->trainer), 8);
    ck_assert_uint_eq(dsb_trainer_point_count(b->trainer), 2); /* after steps 4 and 8 of 37 */
    ck_assert_ok(dsb_train_arrays(b->trainer, b->images, b->labels, 5, &run, NULL, NULL));
    ck_assert_uint_eq(dsb_trainer_samples(b->trainer), 148);
    ck_assert_uint_eq(dsb_trainer_samples_planned(b->trainer), 148);
    uint64_t n_points = dsb_trainer_point_count(b->trainer);
    ck_assert_uint_eq(n_points, 10);
    dsb_train_point point = {.struct_size = sizeof point};
    ck_assert_ok(dsb_trainer_point_get(b->trainer, n_points - 1, &point));
    ck_assert_uint_eq(point.samples_seen, 148);
    ck_assert_double_eq(point.select_accuracy, 0.5);
    ck_assert(point.loss > 0 && point.lr > 0);
    ck_assert_fails(dsb_trainer_point_get(b->trainer, n_points, &point), DSB_E_INVALID, "of 10");
    ck_assert_int_eq(evaluations, 5);
    run.n_evaluations = 11;
    ck_assert_fails(dsb_train_arrays(b->trainer, b->images, b->labels, 5, &run, NULL, NULL),
                    DSB_E_INVALID, "11 evaluations");
    free_bench(b);
}
END_TEST

START_TEST(measuring_leaves_the_model_alone)
{
    dsb_train_opts opts = make_opts(8, 80);
    bench *b = make_bench(&opts);
    size_t size = b->trainer->arena_size * sizeof(float);
    float *before = malloc(size);
    memcpy(before, b->trainer->params, size);
    double rate;
    uint64_t memory = dsb_runtime_memory(b->rt);
    ck_assert_ok(dsb_train_measure(b->rt, &rate, b->model, &opts, 3));
    ck_assert_double_gt(rate, 0);
    ck_assert(memcmp(before, b->trainer->params, size) == 0);
    ck_assert_uint_eq(dsb_runtime_memory(b->rt), memory);
    ck_assert_fails(dsb_train_measure(b->rt, &rate, b->model, &opts, 0), DSB_E_INVALID, "0 steps");
    free(before);
    free_bench(b);
}
END_TEST

int main(void)
{
    return run_tests("trainer", tints_are_learnt, random_labels_stay_at_chance,
                     threads_do_not_change_a_bit, sgd_options_count, older_options_still_work,
                     steps_allocate_nothing, mean_weights_follow_the_formula,
                     long_gradients_are_clipped, bad_numbers_stop_the_step,
                     refusals_name_what_is_wrong, few_images_fill_a_batch, runs_stop_and_go_on,
                     measuring_leaves_the_model_alone, NULL);
}
