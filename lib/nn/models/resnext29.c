/* ResNeXt for 32 x 32 pixels. Xie, Girshick, Dollar, Tu, He 2017, "Aggregated residual
 * transformations for deep neural networks", section 5.2; parameter names of
 * hysts/pytorch_image_classification (resnext.py).
 *
 *     stem    convolution 3x3 of 64 channels, batch norm, ReLU
 *     block   relu(shortcut(x) + bn3(conv3(relu(bn2(conv2(relu(bn1(conv1(x)))))))))
 *             1x1 to groups * width * 2^stage, 3x3 in groups, 1x1 to 256 * 2^stage
 *     head    mean over pixels, linear
 *
 * The shortcut is a 1x1 convolution with batch norm where the channels change. */
#include "nn/zoo.h"

enum { STEM = 64, EXPANSION = 4 };

static dsbi_value block(dsbi_builder *b, dsbi_value x, size_t inner, size_t c, size_t stride,
                        size_t groups)
{
    dsbi_value y = dsbi_zoo_bn_relu(b, dsbi_zoo_conv(b, x, "conv1", inner, 1, 1, 1), "bn1");
    y = dsbi_zoo_bn_relu(b, dsbi_zoo_conv(b, y, "conv2", inner, 3, stride, groups), "bn2");
    y = dsbi_zoo_bn(b, dsbi_zoo_conv(b, y, "conv3", c, 1, 1, 1), "bn3");
    if (dsbi_shape_of(b, x).c != c) {
        x = dsbi_zoo_conv(b, x, "shortcut.conv", c, 1, stride, 1);
        x = dsbi_zoo_bn(b, x, "shortcut.bn");
    }
    return dsbi_relu(b, dsbi_add_values(b, x, y));
}

static void build(dsbi_builder *b, dsbi_spec *spec)
{
    const size_t blocks = dsbi_zoo_blocks(b, spec, 29, 9, 2);
    const size_t groups = dsbi_spec_count(b, spec, "groups", 4);
    const size_t width = dsbi_spec_count(b, spec, "width", 64);
    if (b->status != DSB_OK)
        return;
    dsbi_value x = dsbi_zoo_conv(b, dsbi_input_images(b), "conv", STEM, 3, 1, 1);
    x = dsbi_zoo_bn_relu(b, x, "bn");
    for (size_t s = 0; s < DSBI_ZOO_STAGES; s++)
        for (size_t i = 0; i < blocks; i++) {
            dsbi_enter(b, "stage%zu.block%zu", s + 1, i + 1);
            x = block(b, x, groups * width << s, (size_t)(STEM * EXPANSION) << s,
                      s > 0 && i == 0 ? 2 : 1, groups);
            dsbi_leave(b);
        }
    dsbi_zoo_head(b, x);
}

static const dsbi_preset presets[] = {
    {"resnext_29_4x64d", "groups=4,width=64"},
    {"resnext_29_8x64d", "groups=8,width=64"},
    {NULL, NULL},
};

const dsbi_family dsbi_family_resnext29 = {
    .name = "resnext29",
    .options = "groups=4, width=64, depth=29",
    .presets = presets,
    .cifar = "",
    .build = build,
};
