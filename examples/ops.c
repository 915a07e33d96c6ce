/* A small network written by hand with the operations of dsbias/ops.h and trained on stripes of
 * three directions, made here. Each step calls forward of each operation in order, then backward in
 * the opposite order; what backward needs is what forward was given and what it saved. The tests
 * run it under valgrind too.
 *
 *     convolution 3x3 -> layer norm -> GELU -> max pool 2x2 -> x + attention(x) -> mean -> linear
 */
#include <dsbias/dsbias.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Every call that can fail goes through here. */
#define TRY(call)                        \
    do {                                 \
        dsb_status try_status_ = (call); \
        if (try_status_ != DSB_OK)       \
            return try_status_;          \
    } while (0)

enum {
    N = 32,    /* images of a batch */
    SIDE = 12, /* their pixels */
    C = 8,     /* channels of the network */
    HEADS = 2,
    CLASSES = 3,
    STEPS = 60,
    PIXELS = SIDE * SIDE,
    TOKENS = PIXELS / 4
};
static const float step_size = 0.2f;

/* Parameters, all of one kind of struct so that gradients are laid out alike. */
typedef struct parameters {
    float conv[C * 3 * 3 * 3], conv_bias[C]; /* [out, row, column, in] */
    float gain[C], bias[C];
    float qkv[3 * C * C], qkv_bias[3 * C]; /* [out, in] */
    float head[CLASSES * C], head_bias[CLASSES];
} parameters;

/* What a step computes: values, what backward needs, gradients of values. */
typedef struct activations {
    float images[N * PIXELS * 3], targets[N * CLASSES];
    float conv[N * PIXELS * C], norm[N * PIXELS * C], gelu[N * PIXELS * C];
    float pooled[N * TOKENS * C], qkv[N * TOKENS * 3 * C], sum[N * TOKENS * C];
    float mean[N * C], logits[N * CLASSES], losses[N];
    float norm_saved[2 * N * PIXELS], attention_saved[2 * N * HEADS * TOKENS];
    uint8_t pool_saved[N * TOKENS * C];
    float d_logits[N * CLASSES], d_mean[N * C], d_sum[N * TOKENS * C], d_qkv[N * TOKENS * 3 * C];
    float d_pooled[N * TOKENS * C], d_wide[N * PIXELS * C];
} activations;

typedef struct network {
    dsb_conv2d_shape conv;
    dsb_norm_shape norm;
    dsb_pool2d_shape pool;
    dsb_attention_shape attention;
    parameters weights, gradients;
    activations a;
} network;

static uint32_t random_state = 1;
static float uniform(void) /* in [-1, 1) */
{
    random_state = random_state * 1664525u + 1013904223u;
    return (float)(random_state >> 8) / (float)(1 << 23) - 1;
}

static void fill(float *x, size_t n, float scale)
{
    for (size_t i = 0; i < n; i++)
        x[i] = scale * uniform();
}

static void declare(network *net)
{
    dsb_conv2d_shape_init(&net->conv, sizeof net->conv);
    net->conv.n = N;
    net->conv.h = net->conv.w = SIDE;
    net->conv.c_in = 3;
    net->conv.c_out = C;
    net->conv.kernel = 3;
    net->conv.pad = 1;
    dsb_norm_shape_init(&net->norm, sizeof net->norm);
    net->norm.n = N;
    net->norm.rows = PIXELS;
    net->norm.c = C;
    dsb_pool2d_shape_init(&net->pool, sizeof net->pool);
    net->pool.n = N;
    net->pool.h = net->pool.w = SIDE;
    net->pool.c = C;
    net->pool.kernel = net->pool.stride = 2;
    dsb_attention_shape_init(&net->attention, sizeof net->attention);
    net->attention.n = N;
    net->attention.tokens = TOKENS;
    net->attention.heads = HEADS;
    net->attention.dim = C;

    parameters *w = &net->weights;
    fill(w->conv, C * 27, 0.2f);
    fill(w->qkv, 3 * C * C, 0.35f);
    fill(w->head, CLASSES * C, 0.35f);
    for (int c = 0; c < C; c++)
        w->gain[c] = 1;
}

/* Stripes along rows, columns or a diagonal, of random phase, with noise. */
static void draw_batch(activations *a)
{
    for (int n = 0; n < N; n++) {
        const int class = n % CLASSES;
        const float phase = 3.14159265f * uniform();
        for (int p = 0; p < PIXELS; p++) {
            const int row = p / SIDE, column = p % SIDE;
            const int along = class == 0 ? row : class == 1 ? column : row + column;
            const float value = sinf(1.6f * (float)along + phase);
            for (int c = 0; c < 3; c++)
                a->images[(n * PIXELS + p) * 3 + c] = value + 0.5f * uniform();
        }
        for (int c = 0; c < CLASSES; c++)
            a->targets[n * CLASSES + c] = c == class;
    }
}

static dsb_status forward(dsb_runtime *rt, network *net, float *loss)
{
    const parameters *w = &net->weights;
    activations *a = &net->a;
    TRY(dsb_conv2d_forward(rt, a->conv, a->images, w->conv, w->conv_bias, &net->conv));
    TRY(dsb_layernorm_forward(rt, a->norm, a->norm_saved, a->conv, w->gain, w->bias, &net->norm));
    TRY(dsb_gelu_forward(rt, a->gelu, a->norm, N * PIXELS * C));
    TRY(dsb_maxpool2d_forward(rt, a->pooled, a->pool_saved, a->gelu, &net->pool));
    TRY(dsb_linear_forward(rt, a->qkv, a->pooled, w->qkv, w->qkv_bias, N * TOKENS, C, 3 * C));
    TRY(dsb_attention_forward(rt, a->sum, a->attention_saved, a->qkv, &net->attention));
    for (int i = 0; i < N * TOKENS * C; i++)
        a->sum[i] += a->pooled[i];
    TRY(dsb_global_avgpool_forward(rt, a->mean, a->sum, N, TOKENS, C));
    TRY(dsb_linear_forward(rt, a->logits, a->mean, w->head, w->head_bias, N, C, CLASSES));
    TRY(dsb_softmax_xent(rt, a->losses, a->d_logits, a->logits, a->targets, N, CLASSES));
    *loss = 0;
    for (int n = 0; n < N; n++)
        *loss += a->losses[n] / N;
    for (int i = 0; i < N * CLASSES; i++)
        a->d_logits[i] /= N; /* of the mean */
    return DSB_OK;
}

static dsb_status backward(dsb_runtime *rt, network *net)
{
    const parameters *w = &net->weights;
    parameters *g = &net->gradients;
    activations *a = &net->a;
    TRY(dsb_linear_backward_weights(rt, g->head, g->head_bias, a->mean, a->d_logits, N, C,
                                    CLASSES));
    TRY(dsb_linear_backward_data(rt, a->d_mean, a->d_logits, w->head, N, C, CLASSES));
    TRY(dsb_global_avgpool_backward(rt, a->d_sum, a->d_mean, N, TOKENS, C));
    TRY(dsb_attention_backward(rt, a->d_qkv, a->d_sum, a->qkv, a->attention_saved,
                               &net->attention));
    TRY(dsb_linear_backward_weights(rt, g->qkv, g->qkv_bias, a->pooled, a->d_qkv, N * TOKENS, C,
                                    3 * C));
    TRY(dsb_linear_backward_data(rt, a->d_pooled, a->d_qkv, w->qkv, N * TOKENS, C, 3 * C));
    for (int i = 0; i < N * TOKENS * C; i++)
        a->d_pooled[i] += a->d_sum[i]; /* the sum went both ways */
    TRY(dsb_maxpool2d_backward(rt, a->d_wide, a->d_pooled, a->pool_saved, &net->pool));
    TRY(dsb_gelu_backward(rt, a->d_wide, a->d_wide, a->norm, N * PIXELS * C));
    TRY(dsb_layernorm_backward(rt, a->d_wide, g->gain, g->bias, a->d_wide, a->conv, a->norm_saved,
                               w->gain, &net->norm));
    return dsb_conv2d_backward_weights(rt, g->conv, g->conv_bias, a->images, a->d_wide, &net->conv);
}

/* w -= step_size * g, over all parameters at once. */
static void descend(network *net)
{
    float *w = (float *)&net->weights;
    const float *g = (const float *)&net->gradients;
    for (size_t i = 0; i < sizeof net->weights / sizeof *w; i++)
        w[i] -= step_size * g[i];
}

static dsb_status train(dsb_runtime *rt, network *net, float *loss)
{
    for (int step = 0; step < STEPS; step++) {
        draw_batch(&net->a);
        TRY(forward(rt, net, loss));
        TRY(backward(rt, net));
        descend(net);
        if (step % 10 == 0)
            printf("step %2d: loss %.3f\n", step, (double)*loss);
    }
    return DSB_OK;
}

int main(void)
{
    dsb_runtime *rt = NULL;
    network *net = calloc(1, sizeof *net);
    float loss = INFINITY;
    dsb_status status = net ? dsb_runtime_create(&rt, NULL) : DSB_E_NOMEM;
    if (status == DSB_OK) {
        declare(net);
        status = train(rt, net, &loss);
    }
    if (status != DSB_OK)
        fprintf(stderr, "%s: %s\n", dsb_status_name(status), dsb_last_error());
    else
        printf("at the end: loss %.3f (guessing: %.3f)\n", (double)loss, log(CLASSES));
    dsb_runtime_free(rt);
    free(net);
    return status == DSB_OK && loss < 0.5f ? EXIT_SUCCESS : EXIT_FAILURE;
}
