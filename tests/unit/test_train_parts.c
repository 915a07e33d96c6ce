/* The parts of training against PyTorch and against algebra: optimiser, loss, schedule, mixing. */
#include "testing.h"

#include <math.h>
#include "golden/train_parts/vectors.h"
#include "train/loss.h"
#include "train/mix.h"
#include "train/optimiser.h"
#include "train/schedule.h"

START_TEST(adamw_follows_torch)
{
    const dsbi_kernels *kernels = dsbi_kernels_for(DSB_ISA_GENERIC);
    enum { STEPS = 8, DECAYED = 12, PLAIN = 5, ALL = DECAYED + PLAIN };
    const dsbi_optimiser *adamw = dsbi_optimiser_find("adamw");
    ck_assert_ptr_nonnull(adamw);
    ck_assert_ptr_null(dsbi_optimiser_find("adamx"));
    float params[ALL], grads[ALL], m[ALL] = {0}, v[ALL] = {0};
    for (int i = 0; i < ALL; i++)
        params[i] = (float)((i * 37 + 11) % 64 - 32) / 32;
    for (int step = 0; step < STEPS; step++) {
        for (int i = 0; i < ALL; i++) {
            double g = ((step * 29 + i * 53 + 7) % 128 - 64) / 256.0;
            grads[i] = (float)(g * (i % 3 == 2 ? 0.001 : 1));
        }
        dsbi_opt_step s = {.step = (uint64_t)step + 1,
                           .lr = 0.01 * (step + 1),
                           .weight_decay = 0.3,
                           .beta1 = 0.9,
                           .beta2 = 0.95,
                           .eps = 1e-8};
        adamw->update(kernels, &s, params, grads, (float *[]){m, v, NULL, NULL}, DECAYED);
        s.weight_decay = 0.0;
        adamw->update(kernels, &s, params + DECAYED, grads + DECAYED,
                      (float *[]){m + DECAYED, v + DECAYED, NULL, NULL}, PLAIN);
        for (int i = 0; i < ALL; i++) {
            double expected = adamw_trace[step * ALL + i];
            ck_assert_msg(fabs(params[i] - expected) <= 4e-7 * (1 + fabs(expected)),
                          "step %d, element %d: %.9g, torch %.9g", step, i, params[i], expected);
        }
    }
}
END_TEST

static void check_sgd(bool nesterov, const double *trace)
{
    enum { STEPS = 8, N = 12 };
    const dsbi_optimiser *sgd = dsbi_optimiser_find("sgd");
    ck_assert_ptr_nonnull(sgd);
    float params[N], grads[N], velocity[N] = {0};
    for (int i = 0; i < N; i++)
        params[i] = (float)((i * 37 + 11) % 64 - 32) / 32;
    for (int step = 0; step < STEPS; step++) {
        for (int i = 0; i < N; i++) {
            double g = ((step * 29 + i * 53 + 7) % 128 - 64) / 256.0;
            grads[i] = (float)(g * (i % 3 == 2 ? 0.001 : 1));
        }
        dsbi_opt_step s = {.step = (uint64_t)step + 1,
                           .lr = 0.02 * (step + 1),
                           .weight_decay = 0.01,
                           .momentum = 0.9,
                           .nesterov = nesterov};
        sgd->update(dsbi_kernels_for(DSB_ISA_GENERIC), &s, params, grads,
                    (float *[]){velocity, NULL, NULL, NULL}, N);
        for (int i = 0; i < N; i++) {
            double expected = trace[step * N + i];
            ck_assert_msg(fabs(params[i] - expected) <= 4e-7 * (1 + fabs(expected)),
                          "step %d, element %d: %.9g, torch %.9g", step, i, params[i], expected);
        }
    }
}

START_TEST(sgd_follows_torch)
{
    check_sgd(false, sgd_trace);
    check_sgd(true, nesterov_trace);
}
END_TEST

static void mix_targets(const dsbi_mix *mix, float *targets, const uint32_t *labels, size_t n,
                        size_t n_classes)
{
    for (size_t i = 0; i < n; i++)
        dsbi_mix_target(mix, targets + i * n_classes, labels[i], labels[n - 1 - i], n_classes, 0.1);
}

static void mix_images(const dsbi_mix *mix, uint8_t *images, size_t n, uint32_t width,
                       uint32_t height)
{
    const size_t size = (size_t)3 * width * height;
    for (size_t i = 0; i < (n + 1) / 2; i++)
        dsbi_mix_pair(mix, images + i * size, images + (n - 1 - i) * size, width, height);
}

START_TEST(loss_follows_torch)
{
    enum { ROWS = 6, CLASSES = 4 };
    float logits[ROWS * CLASSES], targets[ROWS * CLASSES], dlogits[ROWS * CLASSES];
    float losses[ROWS];
    uint32_t labels[ROWS];
    const dsbi_kernels *kernels = dsbi_kernels_for(DSB_ISA_GENERIC);
    for (int r = 0; r < ROWS; r++) {
        labels[r] = (uint32_t)(r * 3 % CLASSES);
        for (int c = 0; c < CLASSES; c++)
            logits[r * CLASSES + c] = (float)((r * 31 + c * 17) % 23 - 11) / 4;
    }
    dsbi_mix none = {.kind = DSBI_MIX_NONE, .lambda = 1.0};
    mix_targets(&none, targets, labels, ROWS, CLASSES);
    double loss = dsbi_loss_soft(kernels, losses, dlogits, logits, targets, ROWS, CLASSES);
    ck_assert_double_eq_tol(loss, loss_value[0], 1e-7);
    for (int i = 0; i < ROWS * CLASSES; i++)
        ck_assert_double_eq_tol(dlogits[i], loss_gradient[i], 1e-7);
    ck_assert_double_eq(dsbi_loss_soft(kernels, losses, NULL, logits, targets, ROWS, CLASSES),
                        loss);
    logits[7] = NAN;
    ck_assert(isnan(dsbi_loss_soft(kernels, losses, dlogits, logits, targets, ROWS, CLASSES)));
    logits[7] = INFINITY;
    ck_assert(!isfinite(dsbi_loss_soft(kernels, losses, dlogits, logits, targets, ROWS, CLASSES)));
}
END_TEST

static dsbi_schedule make_cosine(double lr_min, uint64_t warmup, uint64_t total, uint64_t batch)
{
    return (dsbi_schedule){.lr_peak = 1e-3,
                           .lr_min = lr_min,
                           .warmup_samples = warmup,
                           .total_samples = total,
                           .batch_size = batch};
}

START_TEST(schedule_is_convnexts)
{
    enum { STEPS = 70, WARMUP = 14 };
    for (uint64_t batch = 1; batch <= 128; batch *= 8) {
        dsbi_schedule s = make_cosine(1e-6, WARMUP * batch, STEPS * batch, batch);
        for (uint64_t t = 0; t < STEPS; t++)
            ck_assert_double_eq_tol(dsbi_schedule_lr(&s, t * batch), cosine_lr[t], 1e-15);
        ck_assert_double_eq(dsbi_schedule_lr(&s, STEPS * batch), 1e-6);
    }
    dsbi_schedule cold = make_cosine(0.0, 64, 640, 64); /* one batch of warm-up would stand still */
    ck_assert_double_eq(dsbi_schedule_lr(&cold, 0), 1e-3);
    dsbi_schedule all_warmup = make_cosine(0.0, 640, 640, 64);
    ck_assert_double_eq(dsbi_schedule_lr(&all_warmup, 576), 1e-3);
    ck_assert_uint_eq(dsbi_schedule_steps(1000, 128), 7);
    ck_assert_uint_eq(dsbi_schedule_steps(3, 128), 1);
}
END_TEST

START_TEST(steps_are_torchs)
{
    enum { STEPS = 20, BATCH = 8 };
    dsbi_schedule s = {.lr_peak = 0.1,
                       .total_samples = STEPS * BATCH,
                       .batch_size = BATCH,
                       .kind = DSBI_SCHEDULE_STEPS,
                       .factor = 0.1,
                       .milestones = {0.5, 0.75}};
    for (uint64_t t = 0; t < STEPS; t++)
        ck_assert_double_eq_tol(dsbi_schedule_lr(&s, t * BATCH), multi_step_lr[t], 1e-15);
    s.warmup_samples = 5 * BATCH;
    ck_assert_double_eq(dsbi_schedule_lr(&s, 0), 0.0);
    ck_assert_double_eq_tol(dsbi_schedule_lr(&s, 2 * BATCH), 0.05, 1e-15);
    ck_assert_double_eq(dsbi_schedule_lr(&s, 5 * BATCH), 0.1);
}
END_TEST

START_TEST(mixup_is_the_weighted_mean)
{
    enum { N = 5, SIZE = 2 * 3 * 3 };
    uint8_t images[N * SIZE], before[N * SIZE];
    for (uint32_t i = 0; i < sizeof images; i++)
        before[i] = images[i] = (uint8_t)(i * 89);
    dsbi_mix mix = {.kind = DSBI_MIX_MIXUP, .lambda = 0.25};
    mix_images(&mix, images, N, 2, 3);
    for (int i = 0; i < N; i++)
        for (int k = 0; k < SIZE; k++) {
            int a = before[i * SIZE + k], b = before[(N - 1 - i) * SIZE + k];
            ck_assert_uint_eq(images[i * SIZE + k], (unsigned)rint(0.25 * a + 0.75 * b));
        }
}
END_TEST

START_TEST(mixed_targets_sum_to_one)
{
    uint32_t labels[4] = {0, 1, 2, 2};
    float t[12];
    dsbi_mix mix = {.kind = DSBI_MIX_MIXUP, .lambda = 0.3};
    mix_targets(&mix, t, labels, 4, 3);
    const double off = 0.1 / 3, on = 0.9 + off; /* 0.0333, 0.9333: Liu & He, N = 3 */
    const double first[3] = {0.3 * on + 0.7 * off, off, 0.3 * off + 0.7 * on};
    const double last[3] = {0.7 * on + 0.3 * off, off, 0.7 * off + 0.3 * on};
    for (int c = 0; c < 3; c++) {
        ck_assert_double_eq_tol(t[c], first[c], 1e-6);
        ck_assert_double_eq_tol(t[9 + c], last[c], 1e-6);
    }
    for (int i = 0; i < 4; i++)
        ck_assert_double_eq_tol(t[3 * i] + t[3 * i + 1] + t[3 * i + 2], 1.0, 1e-6);
    ck_assert_double_eq_tol(t[4], 0.3 * on + 0.7 * off, 1e-6); /* 1 with partner 2 */
}
END_TEST

START_TEST(cutmix_swaps_its_box)
{
    enum { N = 4, W = 12, H = 9, SIZE = W * H * 3 };
    dsbi_mix_opts opts = {.cutmix_alpha = 1.0, .probability = 1.0};
    static uint8_t images[N * SIZE];
    for (uint64_t step = 0; step < 200; step++) {
        for (uint32_t i = 0; i < N * SIZE; i++)
            images[i] = (uint8_t)(i / SIZE);
        dsbi_mix mix = dsbi_mix_draw(&opts, 5, step, W, H);
        ck_assert_uint_eq(mix.kind, DSBI_MIX_CUTMIX);
        mix_images(&mix, images, N, W, H);
        for (uint32_t i = 0; i < N; i++) {
            unsigned own = 0;
            for (uint32_t k = 0; k < SIZE; k++) {
                ck_assert(images[i * SIZE + k] == i || images[i * SIZE + k] == N - 1 - i);
                own += images[i * SIZE + k] == i;
            }
            ck_assert_double_eq_tol(own / (double)SIZE, mix.lambda, 1e-12);
        }
    }
}
END_TEST

START_TEST(mixing_is_drawn_as_asked)
{
    dsbi_mix_opts opts = {0.8, 1.0, 0.75, 0.5};
    int kinds[3] = {0};
    double lambda = 0.0, lambda2 = 0.0;
    enum { N = 20000 };
    for (uint64_t step = 0; step < N; step++) {
        dsbi_mix mix = dsbi_mix_draw(&opts, 9, step, 64, 64);
        dsbi_mix again = dsbi_mix_draw(&opts, 9, step, 64, 64);
        ck_assert_mem_eq(&mix, &again, sizeof mix);
        kinds[mix.kind]++;
        if (mix.kind == DSBI_MIX_MIXUP) {
            lambda += mix.lambda;
            lambda2 += mix.lambda * mix.lambda;
        }
    }
    ck_assert_double_eq_tol(kinds[DSBI_MIX_NONE] / (double)N, 0.25, 0.01);
    ck_assert_double_eq_tol(kinds[DSBI_MIX_CUTMIX] / (double)N, 0.375, 0.01);
    double mean = lambda / kinds[DSBI_MIX_MIXUP];
    ck_assert_double_eq_tol(mean, 0.5, 0.01);
    /* variance of Beta(a, a): 1 / (4 (2 a + 1)) */
    ck_assert_double_eq_tol(lambda2 / kinds[DSBI_MIX_MIXUP] - mean * mean, 1 / (4 * 2.6), 0.003);
    dsbi_mix_opts off = {0};
    ck_assert_uint_eq(dsbi_mix_draw(&off, 9, 1, 64, 64).kind, DSBI_MIX_NONE);
}
END_TEST

int main(void)
{
    return run_tests("train_parts", adamw_follows_torch, sgd_follows_torch, loss_follows_torch,
                     schedule_is_convnexts, steps_are_torchs, mixup_is_the_weighted_mean,
                     mixed_targets_sum_to_one, cutmix_swaps_its_box, mixing_is_drawn_as_asked,
                     NULL);
}
