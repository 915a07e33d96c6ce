/* VGG. Simonyan and Zisserman 2015, "Very deep convolutional networks for large-scale image
 * recognition", in the form of torchvision (models/vgg.py), whose parameter names and initial
 * values these are: names number the modules of a sequence, ReLU, pooling and dropout included.
 *
 *     features    five stages of convolutions 3/1, [norm], ReLU; maximum 2/2 behind each
 *     classifier  mean over 7 x 7 windows, linear, ReLU, dropout, linear, ReLU, dropout, linear
 *
 * For small images the windows may be left out (pool=no), and the classifier may be a single linear
 * layer (head=linear). */
#include "nn/cnn.h"

enum { STAGES = 5, POOLED = 7 };

typedef struct vgg {
    size_t convs[STAGES], base, hidden;
    bool norm, pool, linear_head;
    double dropout;
} vgg;

static const dsbi_init small = {DSBI_INIT_NORMAL, 0.01};

/* "features.7" */
static dsbi_value conv(dsbi_builder *b, dsbi_value x, size_t number, size_t c_out)
{
    dsbi_attrs attrs = dsbi_conv_attrs(c_out, 3, 1);
    attrs.no_bias = false;
    dsbi_enter(b, "features.%zu", number);
    x = dsbi_conv(b, x, "", &attrs);
    dsbi_leave(b);
    return x;
}

static dsbi_value norm(dsbi_builder *b, dsbi_value x, size_t number)
{
    dsbi_enter(b, "features.%zu", number);
    x = dsbi_batchnorm(b, x, "", DSBI_BN_EPS);
    dsbi_leave(b);
    return x;
}

static dsbi_value features(dsbi_builder *b, const vgg *net, dsbi_value x)
{
    static const size_t widths[STAGES] = {1, 2, 4, 8, 8};
    size_t number = 0;
    for (size_t s = 0; s < STAGES; s++) {
        for (size_t i = 0; i < net->convs[s]; i++) {
            x = conv(b, x, number++, widths[s] * net->base);
            if (net->norm)
                x = norm(b, x, number++);
            x = dsbi_relu(b, x);
            number++;
        }
        x = dsbi_maxpool(b, x, 2, 2, 0);
        number++;
    }
    return x;
}

static void read(dsbi_builder *b, dsbi_spec *spec, vgg *net)
{
    const size_t n = dsbi_spec_counts(b, spec, "convs", net->convs, STAGES, "2-2-3-3-3");
    net->norm = dsbi_spec_choice(b, spec, "norm", "no|yes") != 0;
    net->base = dsbi_spec_count(b, spec, "base", 64);
    net->hidden = dsbi_spec_count(b, spec, "hidden", 4096);
    net->pool = dsbi_spec_choice(b, spec, "pool", "yes|no") == 0;
    net->linear_head = dsbi_spec_choice(b, spec, "head", "mlp|linear") != 0;
    net->dropout = dsbi_spec_real(b, spec, "dropout", 0.5);
    if (n != STAGES)
        dsbi_builder_fail(b, DSB_E_INVALID, "vgg: convs has %d numbers", STAGES);
    for (size_t i = 0; i < n; i++)
        if (net->convs[i] > 1000)
            dsbi_builder_fail(b, DSB_E_LIMIT, "vgg: %zu convolutions", net->convs[i]);
}

static dsbi_value classifier(dsbi_builder *b, const vgg *net, dsbi_value x)
{
    const dsbi_attrs hidden = {.c_out = net->hidden, .init = small};
    const dsbi_attrs last = {.c_out = b->n_classes, .init = small};
    if (net->linear_head)
        return dsbi_flatten_linear(b, x, "classifier", &last);
    x = dsbi_relu(b, dsbi_flatten_linear(b, x, "classifier.0", &hidden));
    x = dsbi_dropout(b, x, net->dropout);
    x = dsbi_relu(b, dsbi_linear_with(b, x, "classifier.3", &hidden));
    x = dsbi_dropout(b, x, net->dropout);
    return dsbi_linear_with(b, x, "classifier.6", &last);
}

static void build(dsbi_builder *b, dsbi_spec *spec)
{
    vgg net;
    read(b, spec, &net);
    if (b->status != DSB_OK)
        return;
    dsbi_value x = features(b, &net, dsbi_input_images(b));
    if (net.pool)
        x = dsbi_adaptive_avgpool(b, x, POOLED, POOLED);
    dsbi_graph_output(b, classifier(b, &net, x));
}

static const dsbi_preset presets[] = {
    {"vgg11", "convs=1-1-2-2-2"},
    {"vgg13", "convs=2-2-2-2-2"},
    {"vgg16", "convs=2-2-3-3-3"},
    {"vgg19", "convs=2-2-4-4-4"},
    {"vgg11_bn", "convs=1-1-2-2-2,norm=yes"},
    {"vgg13_bn", "convs=2-2-2-2-2,norm=yes"},
    {"vgg16_bn", "convs=2-2-3-3-3,norm=yes"},
    {"vgg19_bn", "convs=2-2-4-4-4,norm=yes"},
    {NULL, NULL},
};

const dsbi_family dsbi_family_vgg = {
    .name = "vgg",
    .options = "convs=2-2-3-3-3, norm=no|yes, base=64, hidden=4096, dropout=0.5, "
               "pool=yes|no (means over 7 x 7 windows), head=mlp|linear",
    .presets = presets,
    .build = build,
};
