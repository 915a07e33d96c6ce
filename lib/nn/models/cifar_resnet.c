/* ResNet for small images. He, Zhang, Ren, Sun 2016, "Deep residual learning", sec. 4.2: three
 * stages of (depth - 2) / 6 basic blocks with width, 2 width, 4 width channels. Parameter names and
 * initial values of akamaster/pytorch_resnet_cifar10, or torchvision's names.
 *
 *     stem      convolution 3/1, norm, ReLU
 *     block     relu(shortcut(x) + bn2(conv2(relu(bn1(conv1(x))))))
 *     shortcut  A: every second pixel, zeros for the new channels; conv: 1x1 with norm;
 *               conv-only: 1x1 without
 *     head      mean over pixels, linear
 *
 * pad=same pads as TensorFlow does (at stride 2 and even sizes only behind), input=raw takes pixels
 * in 0 .. 255: with biases, eps=1e-3 and shortcut=conv-only this is MLPerf Tiny's ResNet-8. */
#include "nn/cnn.h"

enum { STAGES = 3, SHORTCUT_A = 0, SHORTCUT_CONV_ONLY = 2 };

typedef struct cifar_resnet {
    size_t blocks, width, shortcut;
    bool bias, same, raw, torchvision;
    double eps;
} cifar_resnet;

static const dsbi_init he = {DSBI_INIT_HE_FAN_IN, 0}, torch = {DSBI_INIT_TORCH, 0};

/* Zeros in front and behind that give ceil(side / stride) windows: TensorFlow's "same". */
static void pad_same(dsbi_builder *b, dsbi_attrs *attrs, dsbi_shape in)
{
    const size_t sides[] = {in.h, in.w};
    size_t total[2];
    for (int i = 0; i < 2; i++) {
        const size_t reach = (sides[i] - 1) / attrs->stride * attrs->stride + attrs->kernel;
        total[i] = reach > sides[i] ? reach - sides[i] : 0;
    }
    if (total[0] != total[1])
        dsbi_builder_fail(b, DSB_E_SHAPE,
                          "pad=same: %zu x %zu pixels need other zeros in height than in width",
                          in.h, in.w);
    attrs->pad = total[0] / 2;
    attrs->pad_end = total[0] % 2;
}

static dsbi_value conv(dsbi_builder *b, const cifar_resnet *net, dsbi_value x, const char *name,
                       size_t c_out, size_t kernel, size_t stride)
{
    dsbi_attrs attrs = {.c_out = c_out,
                        .kernel = kernel,
                        .stride = stride,
                        .pad = kernel / 2,
                        .no_bias = !net->bias,
                        .init = he,
                        .bias_init = torch};
    if (net->same)
        pad_same(b, &attrs, dsbi_shape_of(b, x));
    return dsbi_conv(b, x, name, &attrs);
}

static dsbi_value shortcut(dsbi_builder *b, const cifar_resnet *net, dsbi_value x, size_t c_out,
                           size_t stride)
{
    const size_t c_in = dsbi_shape_of(b, x).c;
    if (stride == 1 && c_in == c_out)
        return x;
    if (net->shortcut == SHORTCUT_A) {
        const size_t before = (c_out - c_in) / 2;
        return dsbi_subsample_pad(b, x, stride, before, c_out - c_in - before);
    }
    x = conv(b, net, x, net->torchvision ? "downsample.0" : "shortcut.0", c_out, 1, stride);
    if (net->shortcut == SHORTCUT_CONV_ONLY)
        return x;
    return dsbi_batchnorm(b, x, net->torchvision ? "downsample.1" : "shortcut.1", net->eps);
}

static dsbi_value block(dsbi_builder *b, const cifar_resnet *net, dsbi_value x, size_t c_out,
                        size_t stride)
{
    dsbi_value y = conv(b, net, x, "conv1", c_out, 3, stride);
    y = dsbi_relu(b, dsbi_batchnorm(b, y, "bn1", net->eps));
    y = conv(b, net, y, "conv2", c_out, 3, 1);
    y = dsbi_batchnorm(b, y, "bn2", net->eps);
    return dsbi_relu(b, dsbi_add_values(b, y, shortcut(b, net, x, c_out, stride)));
}

static void read(dsbi_builder *b, dsbi_spec *spec, cifar_resnet *net)
{
    const size_t depth = dsbi_spec_count(b, spec, "depth", 20);
    net->width = dsbi_spec_count(b, spec, "width", 16);
    net->shortcut = dsbi_spec_choice(b, spec, "shortcut", "A|conv|conv-only");
    net->bias = dsbi_spec_choice(b, spec, "bias", "no|yes") != 0;
    net->same = dsbi_spec_choice(b, spec, "pad", "both|same") != 0;
    net->raw = dsbi_spec_choice(b, spec, "input", "normalised|raw") != 0;
    net->torchvision = dsbi_spec_choice(b, spec, "names", "akamaster|torchvision") != 0;
    net->eps = dsbi_spec_real(b, spec, "eps", DSBI_BN_EPS);
    net->blocks = (depth - 2) / 6;
    if (depth < 8 || depth % 6 != 2 || depth > 6002)
        dsbi_builder_fail(b, DSB_E_INVALID, "cifar_resnet: depth=%zu, must be 6 n + 2", depth);
    if (!(net->eps > 0))
        dsbi_builder_fail(b, DSB_E_INVALID, "cifar_resnet: eps=%g", net->eps);
}

static void build(dsbi_builder *b, dsbi_spec *spec)
{
    cifar_resnet net;
    read(b, spec, &net);
    if (b->status != DSB_OK)
        return;
    dsbi_value x = dsbi_input_images(b);
    if (net.raw)
        dsbi_raw_pixels(b);
    x = conv(b, &net, x, "conv1", net.width, 3, 1);
    x = dsbi_relu(b, dsbi_batchnorm(b, x, "bn1", net.eps));
    for (size_t s = 0; s < STAGES; s++)
        for (size_t i = 0; i < net.blocks; i++) {
            dsbi_enter(b, "layer%zu.%zu", s + 1, i);
            x = block(b, &net, x, net.width << s, i == 0 && s > 0 ? 2 : 1);
            dsbi_leave(b);
        }
    const dsbi_attrs head = {.c_out = b->n_classes, .init = he, .bias_init = torch};
    x = dsbi_global_avgpool(b, x);
    dsbi_graph_output(b, dsbi_linear_with(b, x, net.torchvision ? "fc" : "linear", &head));
}

static const dsbi_preset presets[] = {
    {"cifar_resnet20", "depth=20"},
    {"cifar_resnet32", "depth=32"},
    {"cifar_resnet44", "depth=44"},
    {"cifar_resnet56", "depth=56"},
    {"cifar_resnet110", "depth=110"},
    {"resnet8_mlperf_tiny",
     "depth=8,shortcut=conv-only,bias=yes,pad=same,input=raw,eps=1e-3,names=torchvision"},
    {NULL, NULL},
};

/* resnet_basic: hysts' networks, of which the CIFAR-10.1 paper publishes predictions */
static const dsbi_preset aliases[] = {
    {"resnet20", "depth=20"},
    {"resnet32", "depth=32"},
    {"resnet44", "depth=44"},
    {"resnet56", "depth=56"},
    {"resnet110", "depth=110"},
    {"resnet_basic_32", "depth=32,shortcut=conv"},
    {"resnet_basic_44", "depth=44,shortcut=conv"},
    {"resnet_basic_56", "depth=56,shortcut=conv"},
    {"resnet_basic_110", "depth=110,shortcut=conv"},
    {NULL, NULL},
};

const dsbi_family dsbi_family_cifar_resnet = {
    .name = "cifar_resnet",
    .options = "depth=20, width=16, shortcut=A|conv|conv-only, bias=no|yes, pad=both|same, "
               "input=normalised|raw, eps=1e-5, names=akamaster|torchvision",
    .presets = presets,
    .aliases = aliases,
    .cifar = "",
    .build = build,
};
