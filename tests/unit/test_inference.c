/* Inference plans that keep weights ready and run image by image: the same bits as without, for any
 * number of images and threads, and new weights are noticed. */
#include "testing.h"

#include "dsbias/nn.h"
#include "nn/nn.h"
#include "nn/plan_inside.h"

enum { SIZE = 64, BATCH = 40, CLASSES = 5 };

static dsb_model *make_model(dsb_runtime *rt, const char *name)
{
    dsb_model_opts opts;
    dsb_model_opts_init(&opts, sizeof opts);
    opts.n_classes = CLASSES;
    opts.height = opts.width = SIZE;
    opts.seed = 5;
    dsb_model *model;
    ck_assert_ok(dsb_model_create(rt, &model, name, &opts));
    return model;
}

static uint8_t *make_images(void)
{
    uint8_t *images = malloc(BATCH * SIZE * SIZE * 3);
    for (size_t i = 0; i < BATCH * SIZE * SIZE * 3; i++)
        images[i] = (uint8_t)(i * 2654435761u >> 13);
    return images;
}

static void run(dsbi_plan *plan, const uint8_t *images, size_t count, float *logits)
{
    ck_assert_ok(dsbi_plan_set_count(plan, count));
    memcpy(dsbi_plan_input(plan), images, count * SIZE * SIZE * 3);
    ck_assert_ok(dsbi_plan_forward(plan, 0));
    memcpy(logits, dsbi_plan_logits(plan), count * CLASSES * sizeof *logits);
}

/* Every weight read anew, all images from layer to layer. */
static void run_plain(dsb_model *model, const uint8_t *images, float *logits)
{
    const dsbi_plan_opts opts = {.batch = BATCH, .math = model->math, .params = model->params};
    dsbi_plan *plan;
    ck_assert_ok(dsbi_plan_create_for(&plan, model->rt, model->graph, &opts));
    ck_assert_uint_eq(plan->n_groups, 0);
    run(plan, images, BATCH, logits);
    dsbi_plan_free(plan);
}

static const char *const names[] = {"resnet18", "convnext:dims=48-96-96-96,depths=1-1-1-1",
                                    "densenet:blocks=4-4,growth=12,stem=conv",
                                    "resnext29:groups=4,width=16"};

START_TEST(bits_are_those_of_the_plain_way)
{
    uint8_t *images = make_images();
    size_t groups = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        float expected[BATCH * CLASSES], logits[BATCH * CLASSES];
        for (uint64_t threads = 1; threads <= 3; threads++) {
            dsb_runtime *rt = make_runtime(threads);
            dsb_model *model = make_model(rt, names[i]);
            if (threads == 1)
                run_plain(model, images, expected);
            dsbi_plan *plan;
            ck_assert_ok(dsbi_plan_create(model, &plan, BATCH, false));
            groups += plan->n_groups;
            for (size_t count = BATCH; count > 0; count /= 3) {
                run(plan, images, count, logits);
                ck_assert_mem_eq(logits, expected, count * CLASSES * sizeof *logits);
            }
            dsbi_plan_free(plan);
            dsb_model_free(model);
            dsb_runtime_free(rt);
        }
    }
    ck_assert_uint_ge(groups, 3); /* or this tested nothing */
    free(images);
}
END_TEST

START_TEST(changed_weights_are_noticed)
{
    uint8_t *images = make_images();
    float expected[BATCH * CLASSES], logits[BATCH * CLASSES];
    dsb_runtime *rt = make_runtime(2);
    dsb_model *model = make_model(rt, "resnet18"), *other = make_model(rt, "resnet18");
    ck_assert_ok(dsb_model_predict(model, logits, images, BATCH));
    for (uint64_t p = 0; p < dsb_model_param_count(model); p++) {
        const uint64_t n = model->graph->params[p].size;
        float *values = malloc(n * sizeof *values);
        ck_assert_ok(dsb_model_param_get(model, values, n, p));
        for (uint64_t i = 0; i < n; i++)
            values[i] *= 1.25f;
        ck_assert_ok(dsb_model_param_set(model, p, values, n));
        ck_assert_ok(dsb_model_param_set(other, p, values, n));
        free(values);
    }
    ck_assert_ok(dsb_model_predict(other, expected, images, BATCH));
    ck_assert_mem_ne(logits, expected, sizeof logits);
    ck_assert_ok(dsb_model_predict(model, logits, images, BATCH));
    ck_assert_mem_eq(logits, expected, sizeof logits);
    dsb_model_free(other);
    dsb_model_free(model);
    dsb_runtime_free(rt);
    free(images);
}
END_TEST

int main(void)
{
    return run_tests("inference", bits_are_those_of_the_plain_way, changed_weights_are_noticed,
                     NULL);
}
