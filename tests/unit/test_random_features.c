/* Random convolutional features: textures are told apart, the weights are a network like any other,
 * filters come in pairs of opposite sign, threads change nothing. */
#include "testing.h"

#include <math.h>
#include "base/rng.h"
#include "dsbias/bias.h"

enum { SIDE = 20, BYTES = SIDE * SIDE * 3, CLASSES = 3, N_TRAIN = 240, N_TEST = 90, FILTERS = 12 };

static const char spec[] = "random_features:filters=12,side=4,pool=7,step=5"; /* 3 x 3 cells */

/* Grey noise with faint stripes along rows (1) or columns (2). */
static void fill(uint8_t *images, uint32_t *labels, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++) {
        dsbi_rng rng;
        dsbi_rng_init(&rng, seed, DSBI_RNG_TEST, i);
        const uint32_t label = labels[i] = (uint32_t)(i % CLASSES);
        for (size_t k = 0; k < BYTES; k++) {
            const size_t place = label == 1 ? k / (SIDE * 3) : k / 3 % SIDE;
            const uint32_t stripe = label > 0 && place % 2 ? 24 : 0;
            images[i * BYTES + k] = (uint8_t)(80 + dsbi_rng_u32(&rng) % 64 + stripe);
        }
    }
}

typedef struct data {
    uint8_t train[N_TRAIN * BYTES], test[N_TEST * BYTES];
    uint32_t train_labels[N_TRAIN], test_labels[N_TEST];
} data;

static data *make_data(void)
{
    data *d = malloc(sizeof *d);
    fill(d->train, d->train_labels, N_TRAIN, 1);
    fill(d->test, d->test_labels, N_TEST, 2);
    return d;
}

static dsb_model *make_model(dsb_runtime *rt, const char *name)
{
    dsb_model_opts opts;
    dsb_model_opts_init(&opts, sizeof opts);
    opts.n_classes = CLASSES;
    opts.height = opts.width = SIDE;
    dsb_model *model;
    ck_assert_ok(dsb_model_create(rt, &model, name, &opts));
    return model;
}

static dsb_random_features_opts make_opts(void)
{
    dsb_random_features_opts opts;
    dsb_random_features_opts_init(&opts, sizeof opts);
    opts.n_patches = 4000;
    return opts;
}

static void fitted_scores(uint64_t n_threads, const data *d, float *scores)
{
    dsb_runtime *rt = make_runtime(n_threads);
    dsb_model *model = make_model(rt, spec);
    const dsb_random_features_opts opts = make_opts();
    double lambda = 0;
    ck_assert_ok(dsb_random_features_fit(model, &lambda, d->train, d->train_labels, N_TRAIN, &opts,
                                         NULL, NULL));
    ck_assert_double_gt(lambda, 0);
    ck_assert_ok(dsb_model_predict(model, scores, d->test, N_TEST));
    dsb_model_free(model);
    dsb_runtime_free(rt);
}

START_TEST(textures_are_told_apart)
{
    data *d = make_data();
    float one[N_TEST * CLASSES], three[N_TEST * CLASSES];
    fitted_scores(1, d, one);
    fitted_scores(3, d, three);
    ck_assert_mem_eq(one, three, sizeof one);
    int right = 0;
    for (int i = 0; i < N_TEST; i++) {
        const float *z = one + i * CLASSES;
        const uint32_t best = z[1] > z[0] ? 1 : 0;
        right += (z[2] > z[best] ? 2 : best) == d->test_labels[i];
        ck_assert_double_eq_tol(z[0] + z[1] + z[2], 1, 1e-3); /* targets are one-hot */
    }
    ck_assert_int_ge(right, N_TEST - 3);
    free(d);
}
END_TEST

START_TEST(filters_come_in_pairs)
{
    enum { VALUES = 4 * 4 * 3 };
    data *d = make_data();
    dsb_runtime *rt = make_runtime(1);
    dsb_model *model = make_model(rt, spec);
    dsb_random_features_opts opts = make_opts();
    opts.threshold = 0.75;
    ck_assert_ok(dsb_random_features_fit(model, NULL, d->train, d->train_labels, N_TRAIN, &opts,
                                         NULL, NULL));
    float weights[2 * FILTERS * VALUES], biases[2 * FILTERS];
    ck_assert_str_eq(dsb_model_param_name(model, 0), "filters.weight");
    ck_assert_ok(dsb_model_param_get(model, weights, 2 * FILTERS * VALUES, 0));
    ck_assert_ok(dsb_model_param_get(model, biases, 2 * FILTERS, 1));
    for (int i = 0; i < FILTERS * VALUES; i++)
        ck_assert_float_eq(weights[i], -weights[FILTERS * VALUES + i]);
    for (int f = 0; f < FILTERS; f++)
        ck_assert_double_eq_tol(biases[f] + biases[FILTERS + f], -2 * 0.75, 1e-4);
    dsb_model_free(model);
    dsb_runtime_free(rt);
    free(d);
}
END_TEST

/* Whitened responses of unit filters: mean 0 and variance 1 over all patches. */
START_TEST(responses_are_whitened)
{
    data *d = make_data();
    dsb_runtime *rt = make_runtime(2);
    dsb_model *model = make_model(rt, spec);
    dsb_random_features_opts opts = make_opts();
    opts.n_patches = 50000;
    opts.threshold = 0;
    ck_assert_ok(dsb_random_features_fit(model, NULL, d->train, d->train_labels, N_TRAIN, &opts,
                                         NULL, NULL));
    float weights[2 * FILTERS * 48], biases[2 * FILTERS];
    ck_assert_ok(dsb_model_param_get(model, weights, 2 * FILTERS * 48, 0));
    ck_assert_ok(dsb_model_param_get(model, biases, 2 * FILTERS, 1));
    const double mean[3] = {.485, .456, .406}, std[3] = {.229, .224, .225}; /* the defaults */
    double sum = 0, squares = 0;
    size_t n = 0;
    for (size_t i = 0; i < N_TRAIN; i++)
        for (size_t place = 0; place < 17 * 17; place += 5, n++) {
            const size_t f = (i + place) % FILTERS, top = place / 17, left = place % 17;
            double z = biases[f];
            for (size_t k = 0; k < 48; k++) { /* [channel, row, column] */
                const size_t c = k / 16, y = top + k / 4 % 4, x = left + k % 4;
                const double byte = d->train[i * BYTES + (y * SIDE + x) * 3 + c];
                z += weights[f * 48 + k] * (byte / 255 - mean[c]) / std[c];
            }
            sum += z;
            squares += z * z;
        }
    ck_assert_double_lt(fabs(sum / (double)n), 0.05);
    ck_assert_double_eq_tol(squares / (double)n, 1, 0.1);
    dsb_model_free(model);
    dsb_runtime_free(rt);
    free(d);
}
END_TEST

static int32_t stop(void *user, const dsb_event *event)
{
    ck_assert_str_eq(event->stage, "random features");
    return ++*(int *)user == 1;
}

START_TEST(refusals_name_what_is_wrong)
{
    data *d = make_data();
    dsb_runtime *rt = make_runtime(1);
    dsb_model *model = make_model(rt, spec), *other = make_model(rt, "wrn:depth=10,width=1");
    dsb_random_features_opts opts = make_opts();
    const uint32_t bad[2] = {0, CLASSES};
    int events = 0;
#define FIT(m, labels, n, o, fn) \
    dsb_random_features_fit(m, NULL, d->train, labels, n, o, fn, &events)
    ck_assert_fails(FIT(other, d->train_labels, N_TRAIN, &opts, NULL), DSB_E_INVALID, "wrn");
    ck_assert_fails(FIT(model, bad, 2, &opts, NULL), DSB_E_INVALID, "label 1 is 3 of 3");
    ck_assert_fails(FIT(model, d->train_labels, 1, &opts, NULL), DSB_E_INVALID, "1 images");
    ck_assert_fails(FIT(model, d->train_labels, N_TRAIN, &opts, stop), DSB_E_CANCELLED,
                    "128 of 240");
    opts.n_patches = 10;
    ck_assert_fails(FIT(model, d->train_labels, N_TRAIN, &opts, NULL), DSB_E_INVALID, "n_patches");
    opts = make_opts();
    opts.threshold = NAN;
    ck_assert_fails(FIT(model, d->train_labels, N_TRAIN, &opts, NULL), DSB_E_INVALID, "threshold");
#undef FIT
    dsb_model_free(model);
    dsb_model_free(other);
    dsb_model_opts small;
    dsb_model_opts_init(&small, sizeof small);
    small.height = small.width = 16;
    ck_assert_fails(dsb_model_create(rt, &model, "random_features", &small), DSB_E_SHAPE,
                    "16 x 16 pixels, too few");
    dsb_runtime_free(rt);
    free(d);
}
END_TEST

int main(void)
{
    return run_tests("random_features", textures_are_told_apart, filters_come_in_pairs,
                     responses_are_whitened, refusals_name_what_is_wrong, NULL);
}
