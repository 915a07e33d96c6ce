/* AlexNet as torchvision has it (models/alexnet.py): Krizhevsky 2014, "One weird trick for
 * parallelizing convolutional neural networks", the one-column network without local response
 * normalisation. Names and initial values are torchvision's, PyTorch's defaults everywhere.
 *
 *     features    11/4 64, maximum 3/2, 5/1 192, maximum 3/2, 3/1 384, 256, 256, maximum 3/2
 *     classifier  mean over 6 x 6 windows, then dropout, linear, ReLU twice, and linear */
#include "nn/cnn.h"

enum { POOLED = 6 };

typedef struct layer {
    const char *name;
    size_t sixteenths, kernel, stride, pad; /* of the 256 channels of the last */
    bool pooled;
} layer;

static const layer layers[] = {
    {"features.0", 4, 11, 4, 2, true},  {"features.3", 12, 5, 1, 2, true},
    {"features.6", 24, 3, 1, 1, false}, {"features.8", 16, 3, 1, 1, false},
    {"features.10", 16, 3, 1, 1, true},
};

static void build(dsbi_builder *b, dsbi_spec *spec)
{
    const size_t base = dsbi_spec_count(b, spec, "base", 16);
    const double dropout = dsbi_spec_real(b, spec, "dropout", 0.5);
    const dsbi_init torch = {DSBI_INIT_TORCH, 0};
    const dsbi_attrs hidden = {
        .c_out = dsbi_spec_count(b, spec, "hidden", 4096), .init = torch, .bias_init = torch};
    dsbi_value x = dsbi_input_images(b);
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        const layer *l = &layers[i];
        const dsbi_attrs attrs = {.c_out = l->sixteenths * base,
                                  .kernel = l->kernel,
                                  .stride = l->stride,
                                  .pad = l->pad,
                                  .init = torch,
                                  .bias_init = torch};
        x = dsbi_relu(b, dsbi_conv(b, x, l->name, &attrs));
        if (l->pooled)
            x = dsbi_maxpool(b, x, 3, 2, 0);
    }
    x = dsbi_dropout(b, dsbi_adaptive_avgpool(b, x, POOLED, POOLED), dropout);
    x = dsbi_relu(b, dsbi_flatten_linear(b, x, "classifier.1", &hidden));
    x = dsbi_dropout(b, x, dropout);
    x = dsbi_relu(b, dsbi_linear_with(b, x, "classifier.4", &hidden));
    dsbi_graph_output(b, dsbi_classifier(b, x, "classifier.6"));
}

static const dsbi_preset presets[] = {{"alexnet", ""}, {NULL, NULL}};

const dsbi_family dsbi_family_alexnet = {
    .name = "alexnet",
    .options = "base=16 (sixteenth of the last convolution), hidden=4096, dropout=0.5",
    .presets = presets,
    .build = build,
};
