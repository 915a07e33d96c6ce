/* DenseNet-BC. Huang, Liu, van der Maaten, Weinberger 2017, "Densely connected convolutional
 * networks", in the form of torchvision (models/densenet.py), whose parameter names and initial
 * values these are; the stems for small images are those of the paper's CIFAR networks.
 *
 *     stem        imagenet: convolution 7/2, norm, ReLU, maximum 3/2;  conv: convolution 3/1;
 *                 conv-norm: convolution 3/1, norm, ReLU
 *     layer       x, conv2(relu(norm2(conv1(relu(norm1(x)))))) side by side;  1x1 to neck * growth,
 *                 3x3 to growth channels
 *     transition  norm, ReLU, convolution 1x1 to half the channels, mean 2/2
 *     head        norm, ReLU, mean over pixels, linear */
#include "nn/cnn.h"

enum { MOST_BLOCKS = 8, STEM_IMAGENET = 0, STEM_CONV = 1 };

typedef struct densenet {
    size_t blocks[MOST_BLOCKS], n_blocks, growth, first, neck, stem;
} densenet;

static dsbi_value conv(dsbi_builder *b, dsbi_value x, const char *name, size_t c_out, size_t kernel,
                       size_t stride)
{
    dsbi_attrs attrs = dsbi_conv_attrs(c_out, kernel, stride);
    attrs.init.kind = DSBI_INIT_HE_FAN_IN;
    return dsbi_conv(b, x, name, &attrs);
}

static dsbi_value stem(dsbi_builder *b, const densenet *net, dsbi_value x)
{
    const bool large = net->stem == STEM_IMAGENET;
    x = conv(b, x, "conv0", net->first, large ? 7 : 3, large ? 2 : 1);
    if (net->stem == STEM_CONV)
        return x;
    x = dsbi_norm_relu(b, x, "norm0");
    return large ? dsbi_maxpool(b, x, 3, 2, 1) : x;
}

static dsbi_value block(dsbi_builder *b, const densenet *net, dsbi_value x, size_t layers)
{
    for (size_t i = 0; i < layers; i++) {
        dsbi_enter(b, "denselayer%zu", i + 1);
        dsbi_value y =
            conv(b, dsbi_norm_relu(b, x, "norm1"), "conv1", net->neck * net->growth, 1, 1);
        y = conv(b, dsbi_norm_relu(b, y, "norm2"), "conv2", net->growth, 3, 1);
        dsbi_leave(b);
        x = dsbi_concat(b, (const dsbi_value[]){x, y}, 2);
    }
    return x;
}

static dsbi_value transition(dsbi_builder *b, dsbi_value x)
{
    x = conv(b, dsbi_norm_relu(b, x, "norm"), "conv", dsbi_shape_of(b, x).c / 2, 1, 1);
    return dsbi_avgpool(b, x, 2, 2, 0);
}

static void read(dsbi_builder *b, dsbi_spec *spec, densenet *net)
{
    net->n_blocks = dsbi_spec_counts(b, spec, "blocks", net->blocks, MOST_BLOCKS, "6-12-24-16");
    net->growth = dsbi_spec_count(b, spec, "growth", 32);
    net->first = dsbi_spec_count(b, spec, "first", 2 * net->growth);
    net->neck = dsbi_spec_count(b, spec, "neck", 4);
    net->stem = dsbi_spec_choice(b, spec, "stem", "imagenet|conv|conv-norm");
    for (size_t i = 0; i < net->n_blocks; i++)
        if (net->blocks[i] > 1000)
            dsbi_builder_fail(b, DSB_E_LIMIT, "densenet: a block of %zu layers", net->blocks[i]);
}

static void build(dsbi_builder *b, dsbi_spec *spec)
{
    densenet net;
    read(b, spec, &net);
    if (b->status != DSB_OK)
        return;
    dsbi_value x = dsbi_input_images(b);
    dsbi_enter(b, "features");
    x = stem(b, &net, x);
    for (size_t i = 0; i < net.n_blocks; i++) {
        dsbi_enter(b, "denseblock%zu", i + 1);
        x = block(b, &net, x, net.blocks[i]);
        dsbi_leave(b);
        if (i + 1 == net.n_blocks)
            break;
        dsbi_enter(b, "transition%zu", i + 1);
        x = transition(b, x);
        dsbi_leave(b);
    }
    /* torchvision calls the last norm norm5, whatever the number of blocks */
    x = dsbi_norm_relu(b, x, "norm5");
    dsbi_leave(b);
    const dsbi_attrs head = {.c_out = b->n_classes, .init = {DSBI_INIT_TORCH, 0}};
    dsbi_graph_output(b, dsbi_linear_with(b, dsbi_global_avgpool(b, x), "classifier", &head));
}

static const dsbi_preset presets[] = {
    {"densenet121", "blocks=6-12-24-16"},
    {"densenet169", "blocks=6-12-32-32"},
    {"densenet_bc_100_12", "blocks=16-16-16,growth=12,stem=conv"},
    {NULL, NULL},
};

static const dsbi_preset aliases[] = {
    {"densenet_bc", "blocks=16-16-16,growth=12,stem=conv"},
    {NULL, NULL},
};

const dsbi_family dsbi_family_densenet = {
    .name = "densenet",
    .options = "blocks=6-12-24-16, growth=32, first=2 growth (channels of the stem), neck=4, "
               "stem=imagenet|conv|conv-norm",
    .presets = presets,
    .aliases = aliases,
    .cifar = "stem=conv|conv-norm",
    .build = build,
};
