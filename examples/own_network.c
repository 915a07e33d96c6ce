/* A network of one's own in a few lines, trained, saved and loaded again, on stripes of three
 * directions that are made here.
 *
 *     convolution, norm, ReLU -> residual block -> mean over pixels -> linear
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

enum { SIDE = 16, CLASSES = 3, BATCH = 32, STEPS = 60, TEST = 300 };

typedef struct batch {
    uint8_t images[TEST * SIDE * SIDE * 3];
    uint32_t labels[TEST];
} batch;

/* The declaration. A mistake in any line comes out of dsb_graph_model. */
static dsb_status declare(dsb_runtime *rt, dsb_model **model)
{
    dsb_model_opts opts;
    dsb_graph *g;
    dsb_model_opts_init(&opts, sizeof opts);
    opts.height = opts.width = SIDE;
    TRY(dsb_graph_create(rt, &g, &opts));

    dsb_value x = dsb_graph_images(g);
    x = dsb_graph_conv(g, x, "stem", 16, 3, 2, 1, 0); /* 16 channels, 3 x 3, stride 2, pad 1 */
    x = dsb_graph_relu(g, dsb_graph_batchnorm(g, x, "norm", 1e-5));
    dsb_graph_enter(g, "block"); /* block.conv1.weight ... */
    dsb_value y = dsb_graph_conv(g, x, "conv1", 16, 3, 1, 1, 0);
    y = dsb_graph_relu(g, dsb_graph_batchnorm(g, y, "norm1", 1e-5));
    y = dsb_graph_batchnorm(g, dsb_graph_conv(g, y, "conv2", 16, 3, 1, 1, 0), "norm2", 1e-5);
    x = dsb_graph_relu(g, dsb_graph_add(g, x, y));
    dsb_graph_leave(g);
    x = dsb_graph_linear(g, dsb_graph_global_avgpool(g, x), "head", CLASSES, 1);

    dsb_status status = dsb_graph_model(g, model, x);
    dsb_graph_free(g);
    return status;
}

static uint32_t random_state = 1;
static float uniform(void) /* in [-1, 1) */
{
    random_state = random_state * 1664525u + 1013904223u;
    return (float)(random_state >> 8) / (float)(1 << 23) - 1;
}

/* Stripes along rows, columns or a diagonal, of random phase, with noise. */
static void draw(batch *b, int n)
{
    for (int i = 0; i < n; i++) {
        const uint32_t class = b->labels[i] = (uint32_t)i % CLASSES;
        const float phase = 3.14159265f * uniform();
        for (int p = 0; p < SIDE * SIDE; p++) {
            const int row = p / SIDE, column = p % SIDE;
            const int along = class == 0 ? row : class == 1 ? column : row + column;
            const float value = sinf(1.6f * (float)along + phase) + 0.5f * uniform();
            for (int c = 0; c < 3; c++)
                b->images[(i * SIDE * SIDE + p) * 3 + c] = (uint8_t)(128 + 80 * value);
        }
    }
}

static dsb_status train(dsb_runtime *rt, dsb_model *model, batch *b)
{
    dsb_train_opts opts;
    dsb_trainer *trainer;
    dsb_train_opts_init(&opts, sizeof opts);
    opts.batch_size = BATCH;
    opts.samples_seen = BATCH * STEPS;
    opts.lr_peak = 1e-2;
    TRY(dsb_trainer_create(rt, &trainer, model, &opts));
    dsb_status status = DSB_OK;
    double loss = 0;
    for (int step = 0; status == DSB_OK && step < STEPS; step++) {
        draw(b, BATCH);
        status = dsb_trainer_step(trainer, b->images, b->labels, BATCH, &loss);
        if (step % 10 == 0)
            printf("step %2d: loss %.3f\n", step, loss);
    }
    dsb_trainer_free(trainer);
    return status;
}

static dsb_status test(dsb_model *model, batch *b, int *right)
{
    static float logits[TEST * CLASSES];
    draw(b, TEST);
    TRY(dsb_model_predict(model, logits, b->images, TEST));
    *right = 0;
    for (int i = 0; i < TEST; i++) {
        const float *row = logits + i * CLASSES;
        uint32_t best = 0;
        for (uint32_t c = 1; c < CLASSES; c++)
            best = row[c] > row[best] ? c : best;
        *right += best == b->labels[i];
    }
    return DSB_OK;
}

static dsb_status run(dsb_runtime *rt, dsb_model *model, dsb_model *copy, batch *b, int *right)
{
    static const char *const path = "own_network.safetensors";
    puts(dsb_model_summary(model));
    TRY(train(rt, model, b));
    TRY(dsb_model_save(model, path));
    dsb_status status = dsb_model_load(copy, path);
    remove(path);
    return status == DSB_OK ? test(copy, b, right) : status;
}

int main(void)
{
    dsb_runtime *rt = NULL;
    dsb_model *model = NULL, *copy = NULL;
    int right = 0;
    batch *b = malloc(sizeof *b);
    dsb_status status = b ? dsb_runtime_create(&rt, NULL) : DSB_E_NOMEM;
    if (status == DSB_OK)
        status = declare(rt, &model);
    if (status == DSB_OK)
        status = declare(rt, &copy);
    if (status == DSB_OK)
        status = run(rt, model, copy, b, &right);
    if (status == DSB_OK)
        printf("the saved network is right on %d of %d new images\n", right, (int)TEST);
    else
        fprintf(stderr, "%s\n", dsb_last_error());
    dsb_model_free(model);
    dsb_model_free(copy);
    dsb_runtime_free(rt);
    free(b);
    return status == DSB_OK && right > TEST * 9 / 10 ? EXIT_SUCCESS : EXIT_FAILURE;
}
