/* Ten AdamW steps of the 470K ConvNeXt agree with PyTorch's: each loss, and of each gradient tensor
 * at each step the norm and two projections that every element enters (golden/convnext_steps). */
#include "testing.h"

#include <math.h>
#include "dsbias/train.h"
#include "train/trainer.h"

#include "golden/convnext_steps/vectors.h"

enum { BYTES = SIDE * SIDE * 3, LARGEST = 160 * 640 };

/* The hash of make.py. */
static uint32_t hash(uint32_t stream, uint32_t i)
{
    uint32_t h = i * 2246822519u ^ stream * 2654435761u;
    h ^= h >> 15;
    h *= 2146121005u;
    h ^= h >> 13;
    h *= 2221713035u;
    return h ^ h >> 16;
}

static const dsbi_param *find(const dsb_trainer *t, const char *name)
{
    for (size_t i = 0; i < t->graph->n_params; i++)
        if (strcmp(t->graph->params[i].name, name) == 0)
            return &t->graph->params[i];
    ck_abort_msg("the model has no parameter %s", name);
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static void start_weights(dsb_trainer *t, float *values)
{
    ck_assert_uint_eq(t->graph->n_params, TENSORS);
    for (uint32_t k = 0; k < TENSORS; k++) {
        const char *name = tensor_names[k];
        const dsbi_param *p = find(t, name);
        for (uint32_t i = 0; i < p->size; i++) {
            double u = ((hash(k + 1, i) >> 16) / 65536.0 - 0.5) / 4;
            if (p->rank == 1) {
                double centre = ends_with(name, "gamma") ? 0.5 : ends_with(name, "weight") ? 1 : 0;
                u = u / 2 + centre;
            }
            values[i] = (float)u;
        }
        dsbi_param_write(p, &dsbi_math_f32, t->params, values);
    }
}

static void fill_batch(uint8_t *images, uint32_t *labels, uint32_t step)
{
    for (uint32_t b = 0; b < BATCH; b++) {
        labels[b] = (b + step) % CLASSES;
        uint32_t stream = 1000 + step * BATCH + b, i = 0;
        for (uint32_t y = 0; y < SIDE; y++)
            for (uint32_t x = 0; x < SIDE; x++)
                for (uint32_t c = 0; c < 3; c++, i++)
                    images[b * BYTES + i] =
                        (uint8_t)(hash(stream, i) % 128 +
                                  (x * (labels[b] + 1) + y * 2 + c * 9) * 3 % 128);
    }
}

static void check_gradients(const dsb_trainer *t, uint32_t step, float *values)
{
    double tolerance = 8 * torch_gradient_error[step];
    for (uint32_t k = 0; k < TENSORS; k++) {
        const dsbi_param *p = find(t, tensor_names[k]);
        dsbi_param_read(p, &dsbi_math_f32, dsbi_plan_grads(t->plan), values);
        double facts[3] = {0};
        for (uint32_t i = 0; i < p->size; i++) {
            double g = values[i];
            uint32_t signs = hash(k + 101, i);
            facts[0] += g * g;
            facts[1] += signs >> 3 & 1 ? g : -g;
            facts[2] += signs >> 17 & 1 ? g : -g;
        }
        facts[0] = sqrt(facts[0]);
        const double *expected = torch_gradient[step][k];
        for (int f = 0; f < 3; f++)
            ck_assert_msg(fabs(facts[f] - expected[f]) <= tolerance * expected[0],
                          "step %u, gradient of %s, fact %d: %.9g, torch %.9g (norm %.4g)", step,
                          tensor_names[k], f, facts[f], expected[f], expected[0]);
    }
}

static void follow_torch(uint32_t isa)
{
    dsb_runtime_opts runtime_opts;
    dsb_runtime_opts_init(&runtime_opts, sizeof runtime_opts);
    runtime_opts.isa_max = isa;
    dsb_runtime *rt;
    ck_assert_ok(dsb_runtime_create(&rt, &runtime_opts));
    dsb_model_opts model_opts;
    dsb_model_opts_init(&model_opts, sizeof model_opts);
    model_opts.n_classes = CLASSES;
    model_opts.height = model_opts.width = SIDE;
    dsb_model *model;
    ck_assert_ok(dsb_model_create(rt, &model, "convnext_470k", &model_opts));
    dsb_train_opts opts;
    dsb_train_opts_init(&opts, sizeof opts);
    opts.batch_size = BATCH;
    opts.samples_seen = BATCH * STEPS;
    opts.warmup_samples = BATCH * 3;
    opts.weight_decay = 0.3;
    dsb_trainer *trainer;
    ck_assert_ok(dsb_trainer_create(rt, &trainer, model, &opts));

    float *values = malloc(LARGEST * sizeof *values);
    uint8_t *images = malloc(BATCH * BYTES);
    uint32_t labels[BATCH];
    start_weights(trainer, values);
    for (uint32_t step = 0; step < STEPS; step++) {
        double loss;
        fill_batch(images, labels, step);
        ck_assert_ok(dsb_trainer_step(trainer, images, labels, BATCH, &loss));
        ck_assert_msg(fabs(loss - torch_loss[step]) <= 1e-6 + 8 * torch_loss_error[step],
                      "step %u: loss %.9g, torch %.9g", step, loss, torch_loss[step]);
        check_gradients(trainer, step, values);
    }
    free(values);
    free(images);
    dsb_trainer_free(trainer);
    dsb_model_free(model);
    dsb_runtime_free(rt);
}

START_TEST(ten_steps_agree_with_torch)
{
    follow_torch(DSB_ISA_AUTO);
}
END_TEST

START_TEST(plain_c_agrees_with_torch)
{
    follow_torch(DSB_ISA_GENERIC);
}
END_TEST

int main(void)
{
    return run_tests("convnext_steps", ten_steps_agree_with_torch, plain_c_agrees_with_torch, NULL);
}
