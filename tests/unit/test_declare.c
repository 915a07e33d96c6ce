/* Networks declared from outside: the same bits as the named model, gradients, files, refusals. */
#include "testing.h"

#include <math.h>
#include "dsbias/dsbias.h"

enum { SIDE = 12, IMAGES = 6, CLASSES = 3, PIXELS = SIDE * SIDE * 3 };

static dsb_model_opts options(void)
{
    dsb_model_opts opts;
    dsb_model_opts_init(&opts, sizeof opts);
    opts.height = opts.width = SIDE;
    opts.n_classes = CLASSES;
    return opts;
}

static dsb_graph *begin(dsb_runtime *rt, uint32_t precision)
{
    dsb_model_opts opts = options();
    opts.precision = precision;
    dsb_graph *g;
    ck_assert_ok(dsb_graph_create(rt, &g, &opts));
    return g;
}

static dsb_model *end(dsb_graph *g, dsb_value output)
{
    dsb_model *model;
    ck_assert_ok(dsb_graph_model(g, &model, output));
    dsb_graph_free(g);
    return model;
}

static void draw_images(uint8_t *images, size_t n)
{
    uint32_t state = 7;
    for (size_t i = 0; i < n * PIXELS; i++) {
        state = state * 1664525u + 1013904223u;
        images[i] = (uint8_t)(state >> 24);
    }
}

static dsb_value norm_relu(dsb_graph *g, dsb_value x, const char *name)
{
    return dsb_graph_relu(g, dsb_graph_batchnorm(g, x, name, 1e-5));
}

/* cifar_resnet:depth=8, width=4 once more (models/cifar_resnet.c). */
static dsb_model *own_resnet(dsb_runtime *rt)
{
    dsb_graph *g = begin(rt, DSB_PRECISION_F32);
    dsb_graph_init_weights(g, DSB_INIT_HE_FAN_IN, 0);
    dsb_value x = dsb_graph_images(g);
    x = norm_relu(g, dsb_graph_conv(g, x, "conv1", 4, 3, 1, 1, 0), "bn1");
    for (uint64_t stage = 0; stage < 3; stage++) {
        const uint64_t c = 4u << stage, stride = stage ? 2 : 1;
        char part[16];
        snprintf(part, sizeof part, "layer%d", (int)stage + 1);
        dsb_graph_enter(g, part);
        dsb_graph_enter(g, "0");
        dsb_value y = norm_relu(g, dsb_graph_conv(g, x, "conv1", c, 3, stride, 1, 0), "bn1");
        y = dsb_graph_batchnorm(g, dsb_graph_conv(g, y, "conv2", c, 3, 1, 1, 0), "bn2", 1e-5);
        if (stage)
            x = dsb_graph_subsample(g, x, stride, c / 4, c / 4);
        x = dsb_graph_relu(g, dsb_graph_add(g, y, x));
        dsb_graph_leave(g);
        dsb_graph_leave(g);
    }
    x = dsb_graph_linear(g, dsb_graph_global_avgpool(g, x), "linear", CLASSES, 1);
    return end(g, x);
}

START_TEST(a_declaration_equals_the_named_model)
{
    dsb_runtime *rt = make_runtime(2);
    dsb_model_opts opts = options();
    dsb_model *named, *own = own_resnet(rt);
    ck_assert_ok(dsb_model_create(rt, &named, "cifar_resnet:depth=8,width=4", &opts));
    ck_assert_uint_eq(dsb_model_size(own), dsb_model_size(named));
    ck_assert_uint_eq(dsb_model_macs(own), dsb_model_macs(named));
    ck_assert_uint_eq(dsb_model_param_count(own), dsb_model_param_count(named));
    char path[] = "/tmp/test_declare_XXXXXX";
    close(mkstemp(path));
    ck_assert_ok(dsb_model_save(named, path));
    ck_assert_ok(dsb_model_load(own, path));
    unlink(path);

    static uint8_t images[IMAGES * PIXELS];
    float a[IMAGES * CLASSES], b[IMAGES * CLASSES];
    draw_images(images, IMAGES);
    ck_assert_ok(dsb_model_predict(named, a, images, IMAGES));
    ck_assert_ok(dsb_model_predict(own, b, images, IMAGES));
    ck_assert_mem_eq(a, b, sizeof a);
    ck_assert_ok(dsb_model_forward(named, a, images, IMAGES));
    ck_assert_ok(dsb_model_forward(own, b, images, IMAGES));
    ck_assert_mem_eq(a, b, sizeof a);
    dsb_model_free(named);
    dsb_model_free(own);
    dsb_runtime_free(rt);
}
END_TEST

/* One of every layer. No ReLU, max pool or norm of the batch where finite differences would step
 * over a corner; those come behind smooth layers only. `rate`: of dropout and drop path. */
static dsb_model *everything(dsb_runtime *rt, uint32_t precision, double rate)
{
    dsb_graph *g = begin(rt, precision);
    dsb_value x = dsb_graph_images(g);
    dsb_graph_conv_opts conv;
    dsb_graph_conv_opts_init(&conv, sizeof conv);
    conv.channels = 8;
    conv.dilation = 2;
    conv.pad = 2;
    x = dsb_graph_conv_with(g, x, "stem", &conv);
    x = dsb_graph_gelu(g, dsb_graph_batchnorm(g, x, "bn", 1e-5));
    dsb_value y = dsb_graph_depthwise(g, x, "dw", 3, 1);
    y = dsb_graph_layerscale(g, dsb_graph_groupnorm(g, y, "gn", 2, 1e-5), "scale", 0.5);
    x = dsb_graph_avgpool(g, dsb_graph_add(g, x, y), 2, 2, 0);
    conv.groups = 2;
    conv.dilation = conv.pad = conv.pad_end = 1;
    y = dsb_graph_adaptive_avgpool(g, dsb_graph_conv_with(g, x, "grouped", &conv), 3, 3);
    x = dsb_graph_subsample(g, x, 2, 4, 4);
    x = dsb_graph_concat(g, (dsb_value[]){x, y}, 2);
    x = dsb_graph_tokens(g, x, 1);
    y = dsb_graph_linear(g, dsb_graph_layernorm(g, x, "ln", 1e-6), "qkv", 36, 0);
    y = dsb_graph_linear(g, dsb_graph_attention(g, y, 3), "proj", 24, 1);
    x = dsb_graph_add(g, x, dsb_graph_droppath(g, dsb_graph_dropout(g, y, rate), rate));
    y = dsb_graph_flatten_linear(g, x, "flat", CLASSES, 1);
    x = dsb_graph_linear(g, dsb_graph_pool_tokens(g, x, 1, 9), "head", CLASSES, 1);
    return end(g, dsb_graph_add(g, x, y));
}

typedef dsb_status (*forward_fn)(dsb_model *model, float *logits, const uint8_t *images,
                                 uint64_t n);

static double loss_of(dsb_model *model, forward_fn forward, const uint8_t *images,
                      const float *weights)
{
    float logits[IMAGES * CLASSES];
    ck_assert_ok(forward(model, logits, images, IMAGES));
    double loss = 0;
    for (int i = 0; i < IMAGES * CLASSES; i++)
        loss += (double)weights[i] * (double)logits[i];
    return loss;
}

/* Every parameter moved along a random direction: central differences of the loss against the
 * product of direction and gradient. The model computes in double; logits come out as floats, which
 * bounds what differences can show. */
static void check_differences(dsb_model *model, forward_fn forward)
{
    enum { MOST = 4096 };
    static uint8_t images[IMAGES * PIXELS];
    static float gradient[MOST], values[MOST], moved[MOST], direction[MOST];
    float weights[IMAGES * CLASSES];
    const double step = 5e-4;
    draw_images(images, IMAGES);
    for (int i = 0; i < IMAGES * CLASSES; i++)
        weights[i] = sinf((float)i + 1);
    uint64_t checked = 0;
    for (uint64_t p = 0; p < dsb_model_param_count(model); p++) {
        uint64_t dims[4], n = 1, rank = dsb_model_param_dims(model, p, dims);
        for (uint64_t d = 0; d < rank; d++)
            n *= dims[d];
        ck_assert_uint_le(n, MOST);
        if (dsb_model_param_is_buffer(model, p)) {
            ck_assert_fails(dsb_model_gradient(model, gradient, n, p), DSB_E_INVALID, "buffer");
            continue;
        }
        loss_of(model, forward, images, weights);
        ck_assert_ok(dsb_model_backward(model, weights));
        ck_assert_ok(dsb_model_gradient(model, gradient, n, p));
        ck_assert_ok(dsb_model_param_get(model, values, n, p));
        double slope = 0, norm = 0, loss[2];
        for (uint64_t i = 0; i < n; i++) {
            direction[i] = cosf(3 * (float)i + 1);
            slope += (double)direction[i] * (double)gradient[i];
            norm += (double)gradient[i] * (double)gradient[i];
        }
        for (int side = 0; side < 2; side++) {
            for (uint64_t i = 0; i < n; i++)
                moved[i] = values[i] + (float)(side ? step : -step) * direction[i];
            ck_assert_ok(dsb_model_param_set(model, p, moved, n));
            loss[side] = loss_of(model, forward, images, weights);
        }
        ck_assert_ok(dsb_model_param_set(model, p, values, n));
        const double difference = (loss[1] - loss[0]) / (2 * step);
        ck_assert_msg(fabs(difference - slope) <= 2e-3 * (sqrt(norm) + 1), "%s: %g, not %g",
                      dsb_model_param_name(model, p), slope, difference);
        checked++;
    }
    ck_assert_uint_ge(checked, 20);
}

START_TEST(gradients_are_those_of_finite_differences)
{
    dsb_runtime *rt = make_runtime(2);
    dsb_model *model = everything(rt, DSB_PRECISION_F64, 0);
    check_differences(model, dsb_model_forward);
    dsb_model_free(model);
    dsb_runtime_free(rt);
}
END_TEST

static float running_mean(const dsb_model *model)
{
    float means[64];
    for (uint64_t p = 0; p < dsb_model_param_count(model); p++) {
        uint64_t dims[4];
        if (!dsb_model_param_is_buffer(model, p))
            continue;
        ck_assert_uint_eq(dsb_model_param_dims(model, p, dims), 1);
        ck_assert_ok(dsb_model_param_get(model, means, dims[0], p));
        return means[0];
    }
    ck_abort_msg("no batch norm");
}

/* Frozen, a model with batch norm, dropout and drop path gives the scores of prediction, and the
 * gradients of those; its running statistics stay. */
START_TEST(frozen_gradients_are_those_of_prediction)
{
    static uint8_t images[IMAGES * PIXELS];
    float predicted[IMAGES * CLASSES], learned[IMAGES * CLASSES], frozen[IMAGES * CLASSES];
    dsb_runtime *rt = make_runtime(2);
    dsb_model *model = everything(rt, DSB_PRECISION_F64, 0.4);
    draw_images(images, IMAGES);
    ck_assert_ok(dsb_model_forward(model, learned, images, IMAGES)); /* moves the statistics */
    const float before = running_mean(model);
    ck_assert_float_ne(before, 0);
    ck_assert_ok(dsb_model_predict(model, predicted, images, IMAGES));
    ck_assert_ok(dsb_model_forward_frozen(model, frozen, images, IMAGES));
    for (int i = 0; i < IMAGES * CLASSES; i++)
        ck_assert_float_eq_tol(frozen[i], predicted[i], 1e-6f);
    ck_assert_mem_ne(frozen, learned, sizeof frozen);
    check_differences(model, dsb_model_forward_frozen);
    ck_assert_float_eq(running_mean(model), before);
    ck_assert_ok(dsb_model_forward(model, learned, images, IMAGES));
    ck_assert_float_ne(running_mean(model), before);
    dsb_model_free(model);
    dsb_runtime_free(rt);
}
END_TEST

/* Plain descent by hand and the trainer's SGD take the same step. */
START_TEST(a_step_by_hand_is_the_trainers)
{
    static uint8_t images[IMAGES * PIXELS];
    static float gradient[4096], by_hand[4096], by_trainer[4096];
    const uint32_t labels[IMAGES] = {0, 1, 2, 2, 1, 0};
    float logits[IMAGES * CLASSES], targets[IMAGES * CLASSES] = {0}, losses[IMAGES];
    const float lr = 0.125f;
    draw_images(images, IMAGES);
    dsb_runtime *rt = make_runtime(2);
    dsb_model *hand = everything(rt, DSB_PRECISION_F32, 0),
              *trained = everything(rt, DSB_PRECISION_F32, 0);
    for (int i = 0; i < IMAGES; i++)
        targets[i * CLASSES + (int)labels[i]] = 1;
    ck_assert_ok(dsb_model_forward(hand, logits, images, IMAGES));
    ck_assert_ok(dsb_softmax_xent(rt, losses, logits, logits, targets, IMAGES, CLASSES));
    for (int i = 0; i < IMAGES * CLASSES; i++)
        logits[i] /= IMAGES;
    ck_assert_ok(dsb_model_backward(hand, logits));

    dsb_train_opts opts;
    dsb_train_opts_init(&opts, sizeof opts);
    opts.optimiser = DSB_OPTIMISER_SGD;
    opts.momentum = opts.weight_decay = opts.label_smoothing = 0;
    opts.samples_seen = opts.batch_size = IMAGES;
    opts.warmup_samples = 0;
    opts.lr_peak = lr;
    dsb_trainer *trainer;
    double loss;
    ck_assert_ok(dsb_trainer_create(rt, &trainer, trained, &opts));
    ck_assert_ok(dsb_trainer_step(trainer, images, labels, IMAGES, &loss));
    for (uint64_t p = 0; p < dsb_model_param_count(hand); p++) {
        uint64_t dims[4], n = 1, rank = dsb_model_param_dims(hand, p, dims);
        for (uint64_t d = 0; d < rank; d++)
            n *= dims[d];
        ck_assert_ok(dsb_model_param_get(hand, by_hand, n, p));
        ck_assert_ok(dsb_model_param_get(trained, by_trainer, n, p));
        if (dsb_model_param_is_buffer(hand, p))
            memset(gradient, 0, sizeof gradient);
        else
            ck_assert_ok(dsb_model_gradient(hand, gradient, n, p));
        for (uint64_t i = 0; i < n; i++)
            ck_assert_msg(fabsf(by_hand[i] - lr * gradient[i] - by_trainer[i]) <=
                              1e-6f * (1 + fabsf(by_hand[i])),
                          "%s[%d]", dsb_model_param_name(hand, p), (int)i);
    }
    dsb_trainer_free(trainer);
    dsb_model_free(hand);
    dsb_model_free(trained);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(threads_and_batch_size_change_no_bit)
{
    static uint8_t images[IMAGES * PIXELS];
    static float gradient[2][4096];
    float logits[2][IMAGES * CLASSES];
    draw_images(images, IMAGES);
    for (int k = 0; k < 2; k++) {
        dsb_runtime *rt = make_runtime(k ? 3 : 1);
        dsb_model *model = everything(rt, DSB_PRECISION_F32, 0);
        if (k) /* a smaller batch first: the plan is made anew for the larger one */
            ck_assert_ok(dsb_model_forward(model, logits[k], images, 2));
        ck_assert_ok(dsb_model_forward(model, logits[k], images, IMAGES));
        ck_assert_ok(dsb_model_backward(model, logits[k]));
        uint64_t dims[4];
        ck_assert_uint_eq(dsb_model_param_dims(model, 0, dims), 4);
        ck_assert_ok(
            dsb_model_gradient(model, gradient[k], dims[0] * dims[1] * dims[2] * dims[3], 0));
        dsb_model_free(model);
        dsb_runtime_free(rt);
    }
    ck_assert_mem_eq(logits[0], logits[1], sizeof logits[0]);
    ck_assert_mem_eq(gradient[0], gradient[1], sizeof gradient[0]);
}
END_TEST

START_TEST(calls_out_of_order_are_refused)
{
    static uint8_t images[IMAGES * PIXELS];
    float logits[IMAGES * CLASSES], gradient[3];
    dsb_runtime *rt = make_runtime(1);
    dsb_graph *g = begin(rt, DSB_PRECISION_F32);
    dsb_value x =
        dsb_graph_linear(g, dsb_graph_global_avgpool(g, dsb_graph_images(g)), "fc", CLASSES, 1);
    dsb_model *model, *second;
    ck_assert_ok(dsb_graph_model(g, &model, x));
    ck_assert_fails(dsb_graph_model(g, &second, x), DSB_E_STATE, "used up");
    ck_assert_ptr_null(second);
    dsb_graph_free(g);
    ck_assert_fails(dsb_model_backward(model, logits), DSB_E_STATE, "without dsb_model_forward");
    ck_assert_ok(dsb_model_forward(model, logits, images, 2));
    ck_assert_fails(dsb_model_gradient(model, gradient, 3, 1), DSB_E_STATE,
                    "without dsb_model_backward");
    ck_assert_ok(dsb_model_backward(model, logits));
    ck_assert_ok(dsb_model_gradient(model, gradient, 3, 1));
    ck_assert_fails(dsb_model_gradient(model, gradient, 2, 1), DSB_E_SHAPE, "fc.bias");
    ck_assert_fails(dsb_model_gradient(model, gradient, 3, 2), DSB_E_INVALID, "parameter 2");
    ck_assert_fails(dsb_model_forward(model, logits, images, 0), DSB_E_INVALID, "0 images");
    ck_assert_fails(dsb_model_forward(model, NULL, images, 1), DSB_E_INVALID, "NULL");
    dsb_model_free(model);
    dsb_graph_free(NULL);
    dsb_runtime_free(rt);
}
END_TEST

/* Mistakes of one line each, on images x [12, 12, 3]; all end as refusals that name the place. */
typedef dsb_value (*mistake_fn)(dsb_graph *g, dsb_value x);
#define MISTAKE(name, expression)                    \
    static dsb_value name(dsb_graph *g, dsb_value x) \
    {                                                \
        (void)x;                                     \
        return expression;                           \
    }
MISTAKE(no_name, dsb_graph_linear(g, x, NULL, 3, 1))
MISTAKE(no_channels, dsb_graph_conv(g, x, "c", 0, 3, 1, 1, 1))
MISTAKE(no_stride, dsb_graph_conv(g, x, "c", 4, 3, 0, 1, 1))
MISTAKE(large_kernel, dsb_graph_conv(g, x, "c", 4, 15, 1, 1, 1))
MISTAKE(endless_channels, dsb_graph_conv(g, x, "c", UINT64_MAX, 3, 1, 1, 1))
MISTAKE(bad_bias, dsb_graph_linear(g, x, "l", 3, 2))
MISTAKE(no_eps, dsb_graph_layernorm(g, x, "n", 0))
MISTAKE(nan_eps, dsb_graph_batchnorm(g, x, "n", NAN))
MISTAKE(bad_groups, dsb_graph_groupnorm(g, x, "n", 2, 1e-5))
MISTAKE(bad_rate, dsb_graph_dropout(g, x, 1))
MISTAKE(nan_rate, dsb_graph_droppath(g, x, NAN))
MISTAKE(bad_scale, dsb_graph_layerscale(g, x, "s", INFINITY))
MISTAKE(bad_heads, dsb_graph_attention(g, x, 2))
MISTAKE(bad_pool, dsb_graph_maxpool(g, x, 0, 1, 0))
MISTAKE(bad_mean, dsb_graph_avgpool(g, x, 13, 1, 0))
MISTAKE(no_windows, dsb_graph_adaptive_avgpool(g, x, 0, 1))
MISTAKE(bad_sum, dsb_graph_add(g, x, dsb_graph_global_avgpool(g, x)))
MISTAKE(no_parts, dsb_graph_concat(g, &x, 0))
MISTAKE(null_parts, dsb_graph_concat(g, NULL, 1))
MISTAKE(many_tokens, dsb_graph_pool_tokens(g, x, 1, 999))
MISTAKE(unknown_value, dsb_graph_relu(g, 99))
MISTAKE(images_again, dsb_graph_images(g))
MISTAKE(no_stride_again, dsb_graph_subsample(g, x, 0, 0, 0))
MISTAKE(too_wide, dsb_graph_subsample(g, x, 1, UINT64_MAX, 0))
MISTAKE(bad_leave, (dsb_graph_leave(g), x))
MISTAKE(bad_enter, (dsb_graph_enter(g, "a:b"), x))
MISTAKE(bad_init, (dsb_graph_init_weights(g, 99, 0), x))
MISTAKE(nan_init, (dsb_graph_init_weights(g, DSB_INIT_NORMAL, NAN), x))
MISTAKE(equal_names, dsb_graph_linear(g, dsb_graph_linear(g, x, "l", 3, 1), "l", 3, 1))
MISTAKE(loose_end, (dsb_graph_relu(g, x), x))

START_TEST(mistakes_come_out_at_the_end)
{
    static const struct {
        mistake_fn fn;
        dsb_status status;
        const char *says;
    } all[] = {
        {no_name, DSB_E_INVALID, "no name"},
        {no_channels, DSB_E_INVALID, "c: channels is 0"},
        {no_stride, DSB_E_INVALID, "c: stride is 0"},
        {large_kernel, DSB_E_SHAPE, "c: a 15 x 15 kernel"},
        {endless_channels, DSB_E_INVALID, "c: channels is 18446744073709551615"},
        {bad_bias, DSB_E_INVALID, "l: bias is 2"},
        {no_eps, DSB_E_INVALID, "n: eps is 0"},
        {nan_eps, DSB_E_INVALID, "n: eps is nan"},
        {bad_groups, DSB_E_SHAPE, "n"},
        {bad_rate, DSB_E_INVALID, "dropout of 1"},
        {nan_rate, DSB_E_INVALID, "drop path of nan"},
        {bad_scale, DSB_E_INVALID, "s: starts as inf"},
        {bad_heads, DSB_E_SHAPE, "attention of 2 heads"},
        {bad_pool, DSB_E_INVALID, "max pool: kernel is 0"},
        {bad_mean, DSB_E_SHAPE, "13"},
        {no_windows, DSB_E_INVALID, "height is 0"},
        {bad_sum, DSB_E_SHAPE, "12 x 12 x 3"},
        {no_parts, DSB_E_INVALID, "concat: n is 0"},
        {null_parts, DSB_E_INVALID, "concat of no array"},
        {many_tokens, DSB_E_SHAPE, "999"},
        {unknown_value, DSB_E_INVALID, "relu: its input 0, value 99, is no layer's"},
        {images_again, DSB_E_INVALID, "once"},
        {no_stride_again, DSB_E_INVALID, "stride is 0"},
        {too_wide, DSB_E_INVALID, "channels_before"},
        {bad_leave, DSB_E_INVALID, "dsb_graph_leave"},
        {bad_enter, DSB_E_INVALID, "a:b"},
        {bad_init, DSB_E_INVALID, "no kind 99"},
        {nan_init, DSB_E_INVALID, "kind 4 with nan"},
        {equal_names, DSB_E_INVALID, "l.weight"},
        {loose_end, DSB_E_INVALID, "relu"},
    };
    dsb_runtime *rt = make_runtime(1);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        dsb_graph *g = begin(rt, DSB_PRECISION_F32);
        dsb_model *model;
        dsb_value x = all[i].fn(g, dsb_graph_images(g));
        x = dsb_graph_linear(g, dsb_graph_global_avgpool(g, x), "fc", CLASSES, 1);
        ck_assert_ok(dsb_model_create(rt, &model, "convnext_7k", NULL)); /* no trace of the error */
        dsb_model_free(model);
        ck_assert_fails(dsb_graph_model(g, &model, x), all[i].status, all[i].says);
        ck_assert_ptr_null(model);
        uint64_t shape[3];
        dsb_graph_shape(g, x, shape);
        ck_assert_uint_eq(shape[0], 0);
        dsb_graph_free(g);
    }
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(outputs_must_be_one_vector)
{
    dsb_runtime *rt = make_runtime(1);
    dsb_model *model;
    dsb_graph *g = begin(rt, DSB_PRECISION_F32);
    dsb_value x = dsb_graph_relu(g, dsb_graph_images(g));
    uint64_t shape[3];
    dsb_graph_shape(g, x, shape);
    ck_assert_uint_eq(shape[0], SIDE);
    ck_assert_uint_eq(shape[2], 3);
    ck_assert_fails(dsb_graph_model(g, &model, x), DSB_E_SHAPE, "12 x 12 x 3");
    dsb_graph_free(g);
    g = begin(rt, DSB_PRECISION_F32);
    ck_assert_fails(dsb_graph_model(g, &model, 0), DSB_E_INVALID, "dsb_graph_images");
    dsb_graph_free(g);
    dsb_model_opts opts = options();
    opts.height = 0;
    ck_assert_fails(dsb_graph_create(rt, &g, &opts), DSB_E_SHAPE, "0 x 12");
    ck_assert_ptr_null(g);
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    return run_tests("declare", a_declaration_equals_the_named_model,
                     gradients_are_those_of_finite_differences,
                     frozen_gradients_are_those_of_prediction, a_step_by_hand_is_the_trainers,
                     threads_and_batch_size_change_no_bit, calls_out_of_order_are_refused,
                     mistakes_come_out_at_the_end, outputs_must_be_one_vector, NULL);
}
