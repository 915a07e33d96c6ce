/* ResNet. He, Zhang, Ren, Sun 2016, "Deep residual learning for image recognition", in the form of
 * torchvision (models/resnet.py), whose parameter names and initial values these are: the stride of
 * a bottleneck in its 3x3 convolution ("v1.5"), shortcuts 1x1 where shapes differ. ResNeXt: Xie,
 * Girshick, Dollar, Tu, He 2017, groups in the 3x3 convolution.
 *
 *     stem        convolution 7/2, norm, ReLU, maximum 3/2; for small images 3/1, norm, ReLU
 *     basic       relu(shortcut(x) + bn2(conv2(relu(bn1(conv1(x))))))           3x3, 3x3
 *     bottleneck  relu(shortcut(x) + bn3(conv3(relu(bn2(conv2(relu(bn1(conv1(x)))))))))
 *                                                                               1x1, 3x3, 1x1
 *     head        mean over pixels, linear */
#include "nn/cnn.h"

enum { STAGES = 4, EXPANSION = 4 };

typedef struct resnet {
    size_t depths[STAGES], base, groups, width;
    bool bottleneck, small_images;
    double last_gain; /* initial weight of the last norm of a branch */
} resnet;

static dsbi_value conv(dsbi_builder *b, dsbi_value x, const char *name, size_t c_out, size_t kernel,
                       size_t stride, size_t groups)
{
    dsbi_attrs attrs = dsbi_conv_attrs(c_out, kernel, stride);
    attrs.groups = groups;
    return dsbi_conv(b, x, name, &attrs);
}

static dsbi_value shortcut(dsbi_builder *b, dsbi_value x, size_t c_out, size_t stride)
{
    if (stride == 1 && dsbi_shape_of(b, x).c == c_out)
        return x;
    x = conv(b, x, "downsample.0", c_out, 1, stride, 1);
    return dsbi_batchnorm(b, x, "downsample.1", DSBI_BN_EPS);
}

/* `planes`: channels of the stage before expansion. */
static dsbi_value block(dsbi_builder *b, const resnet *net, dsbi_value x, size_t planes,
                        size_t stride)
{
    const size_t width = planes * net->width / net->base * net->groups;
    const size_t c_out = net->bottleneck ? EXPANSION * planes : planes;
    dsbi_value y;
    if (net->bottleneck) {
        y = dsbi_norm_relu(b, conv(b, x, "conv1", width, 1, 1, 1), "bn1");
        y = dsbi_norm_relu(b, conv(b, y, "conv2", width, 3, stride, net->groups), "bn2");
        y = conv(b, y, "conv3", c_out, 1, 1, 1);
        y = dsbi_batchnorm_from(b, y, "bn3", DSBI_BN_EPS, net->last_gain);
    } else {
        y = dsbi_norm_relu(b, conv(b, x, "conv1", planes, 3, stride, 1), "bn1");
        y = conv(b, y, "conv2", planes, 3, 1, 1);
        y = dsbi_batchnorm_from(b, y, "bn2", DSBI_BN_EPS, net->last_gain);
    }
    return dsbi_relu(b, dsbi_add_values(b, y, shortcut(b, x, c_out, stride)));
}

static void read(dsbi_builder *b, dsbi_spec *spec, resnet *net)
{
    const size_t n = dsbi_spec_counts(b, spec, "depths", net->depths, STAGES, "3-4-6-3");
    net->bottleneck = dsbi_spec_choice(b, spec, "block", "bottleneck|basic") == 0;
    net->base = dsbi_spec_count(b, spec, "base", 64);
    net->groups = dsbi_spec_count(b, spec, "groups", 1);
    net->width = dsbi_spec_count(b, spec, "width", net->base);
    net->small_images = dsbi_spec_choice(b, spec, "stem", "imagenet|cifar") != 0;
    net->last_gain = dsbi_spec_choice(b, spec, "zero_init", "no|yes") ? 0 : 1;
    if (n != STAGES)
        dsbi_builder_fail(b, DSB_E_INVALID, "resnet: depths has %d numbers", STAGES);
    for (size_t i = 0; i < n; i++)
        if (net->depths[i] > 1000)
            dsbi_builder_fail(b, DSB_E_LIMIT, "resnet: a depth of %zu, above 1000", net->depths[i]);
    if (!net->bottleneck && (net->groups > 1 || net->width != net->base))
        dsbi_builder_fail(b, DSB_E_INVALID, "resnet: basic blocks have no groups and no width");
}

static dsbi_value stem(dsbi_builder *b, const resnet *net, dsbi_value x)
{
    if (net->small_images)
        return dsbi_norm_relu(b, conv(b, x, "conv1", net->base, 3, 1, 1), "bn1");
    x = dsbi_norm_relu(b, conv(b, x, "conv1", net->base, 7, 2, 1), "bn1");
    return dsbi_maxpool(b, x, 3, 2, 1);
}

static void build(dsbi_builder *b, dsbi_spec *spec)
{
    resnet net;
    read(b, spec, &net);
    if (b->status != DSB_OK)
        return;
    dsbi_value x = stem(b, &net, dsbi_input_images(b));
    for (size_t s = 0; s < STAGES; s++)
        for (size_t i = 0; i < net.depths[s]; i++) {
            dsbi_enter(b, "layer%zu.%zu", s + 1, i);
            x = block(b, &net, x, net.base << s, i == 0 && s > 0 ? 2 : 1);
            dsbi_leave(b);
        }
    dsbi_graph_output(b, dsbi_classifier(b, dsbi_global_avgpool(b, x), "fc"));
}

static const dsbi_preset presets[] = {
    {"resnet18", "depths=2-2-2-2,block=basic"},
    {"resnet18_cifar", "depths=2-2-2-2,block=basic,stem=cifar"},
    {"resnet34", "depths=3-4-6-3,block=basic"},
    {"resnet50", "depths=3-4-6-3"},
    {"resnet101", "depths=3-4-23-3"},
    {"resnet152", "depths=3-8-36-3"},
    {"resnext50_32x4d", "depths=3-4-6-3,groups=32,width=4"},
    {NULL, NULL},
};

static const dsbi_preset aliases[] = {
    {"resnext50", "depths=3-4-6-3,groups=32,width=4"},
    {NULL, NULL},
};

const dsbi_family dsbi_family_resnet = {
    .name = "resnet",
    .options = "depths=3-4-6-3, block=bottleneck|basic, base=64, groups=1, width=base (of a group "
               "in the first stage), stem=imagenet|cifar, zero_init=no|yes",
    .presets = presets,
    .aliases = aliases,
    .cifar = "stem=cifar",
    .build = build,
};
