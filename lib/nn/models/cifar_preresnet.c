/* Pre-activation ResNet for 32 x 32 pixels. He, Zhang, Ren, Sun 2016, "Identity mappings in deep
 * residual networks"; parameter names of hysts/pytorch_image_classification (resnet_preact.py).
 *
 *     stem         convolution 3x3, 16 channels
 *     basic        x + conv2(relu(bn2(conv1(relu(bn1(x))))))                       3x3, 3x3
 *     bottleneck   x + conv3(relu(bn3(conv2(relu(bn2(conv1(relu(bn1(x)))))))))     1x1, 3x3, 1x1
 *     head         batch norm, ReLU, mean over pixels, linear
 *
 * The first block of a stage gives relu(bn1(x)) to its shortcut too, which is a 1x1 convolution
 * where the channels or the pixels change. `widths` are the channels behind each stage: the paper's
 * bottlenecks have 64-128-256, the checkpoints of hysts and of the CIFAR-10.1 paper 16-128-256. */
#include "nn/zoo.h"

enum { STEM = 16, EXPANSION = 4 };

static dsbi_value basic(dsbi_builder *b, dsbi_value x, size_t c, size_t stride)
{
    x = dsbi_zoo_conv(b, x, "conv1", c, 3, stride, 1);
    x = dsbi_zoo_bn_relu(b, x, "bn2");
    return dsbi_zoo_conv(b, x, "conv2", c, 3, 1, 1);
}

static dsbi_value bottleneck(dsbi_builder *b, dsbi_value x, size_t c, size_t stride)
{
    x = dsbi_zoo_conv(b, x, "conv1", c / EXPANSION, 1, 1, 1);
    x = dsbi_zoo_bn_relu(b, x, "bn2");
    x = dsbi_zoo_conv(b, x, "conv2", c / EXPANSION, 3, stride, 1);
    x = dsbi_zoo_bn_relu(b, x, "bn3");
    return dsbi_zoo_conv(b, x, "conv3", c, 1, 1, 1);
}

static dsbi_value block(dsbi_builder *b, dsbi_value x, size_t c, size_t stride, bool is_first,
                        bool is_bottleneck)
{
    const dsbi_value active = dsbi_zoo_bn_relu(b, x, "bn1");
    dsbi_value shortcut = is_first ? active : x;
    if (stride > 1 || dsbi_shape_of(b, x).c != c)
        shortcut = dsbi_zoo_conv(b, shortcut, "shortcut.conv", c, 1, stride, 1);
    const dsbi_value y =
        is_bottleneck ? bottleneck(b, active, c, stride) : basic(b, active, c, stride);
    return dsbi_add_values(b, shortcut, y);
}

static void build(dsbi_builder *b, dsbi_spec *spec)
{
    const bool is_bottleneck = dsbi_spec_choice(b, spec, "block", "basic|bottleneck") == 1;
    size_t widths[DSBI_ZOO_STAGES];
    const size_t n_widths = dsbi_spec_counts(b, spec, "widths", widths, DSBI_ZOO_STAGES,
                                             is_bottleneck ? "64-128-256" : "16-32-64");
    const size_t blocks =
        dsbi_zoo_blocks(b, spec, is_bottleneck ? 164 : 110, is_bottleneck ? 9 : 6, 2);
    if (n_widths != DSBI_ZOO_STAGES)
        dsbi_builder_fail(b, DSB_E_INVALID, "cifar_preresnet: widths has %d numbers",
                          DSBI_ZOO_STAGES);
    for (size_t s = 0; s < n_widths; s++)
        if (is_bottleneck && widths[s] % EXPANSION != 0)
            dsbi_builder_fail(b, DSB_E_INVALID,
                              "cifar_preresnet: a width of %zu, no multiple of %d", widths[s],
                              EXPANSION);
    if (b->status != DSB_OK)
        return;
    dsbi_value x = dsbi_zoo_conv(b, dsbi_input_images(b), "conv", STEM, 3, 1, 1);
    for (size_t s = 0; s < DSBI_ZOO_STAGES; s++)
        for (size_t i = 0; i < blocks; i++) {
            dsbi_enter(b, "stage%zu.block%zu", s + 1, i + 1);
            x = block(b, x, widths[s], s > 0 && i == 0 ? 2 : 1, i == 0, is_bottleneck);
            dsbi_leave(b);
        }
    dsbi_zoo_head(b, dsbi_zoo_bn_relu(b, x, "bn"));
}

static const dsbi_preset presets[] = {
    {"resnet_preact_basic_110", "depth=110,block=basic"},
    {"resnet_preact_bottleneck_164", "depth=164,block=bottleneck,widths=16-128-256"},
    {NULL, NULL},
};

const dsbi_family dsbi_family_cifar_preresnet = {
    .name = "cifar_preresnet",
    .options = "block=basic|bottleneck, depth=110 (bottleneck: 164), widths=16-32-64 (bottleneck: "
               "64-128-256)",
    .presets = presets,
    .cifar = "",
    .build = build,
};
