/* PyramidNet for 32 x 32 pixels. Han, Kim, Kim 2017, "Deep pyramidal residual networks"; parameter
 * names of hysts/pytorch_image_classification (pyramidnet.py).
 *
 *     stem         convolution 3x3, 16 channels, batch norm
 *     basic        x + bn3(conv2(relu(bn2(conv1(bn1(x))))))                        3x3, 3x3
 *     bottleneck   x + bn4(conv3(relu(bn3(conv2(relu(bn2(conv1(bn1(x)))))))))      1x1, 3x3, 1x1
 *     head         batch norm, ReLU, mean over pixels, linear
 *
 * Block i of n has 16 + alpha i / n channels, rounded to even halves (bottleneck: four times that).
 * The shortcut has no parameters: mean of 2x2 pixels at stride 2, zeros for the new channels. */
#include <math.h>
#include "nn/zoo.h"

enum { STEM = 16, EXPANSION = 4 };

static const double max_alpha = 100000;

static dsbi_value basic(dsbi_builder *b, dsbi_value x, size_t c, size_t stride)
{
    x = dsbi_zoo_conv(b, dsbi_zoo_bn(b, x, "bn1"), "conv1", c, 3, stride, 1);
    x = dsbi_zoo_conv(b, dsbi_zoo_bn_relu(b, x, "bn2"), "conv2", c, 3, 1, 1);
    return dsbi_zoo_bn(b, x, "bn3");
}

static dsbi_value bottleneck(dsbi_builder *b, dsbi_value x, size_t c, size_t stride)
{
    const size_t inner = c / EXPANSION;
    x = dsbi_zoo_conv(b, dsbi_zoo_bn(b, x, "bn1"), "conv1", inner, 1, 1, 1);
    x = dsbi_zoo_conv(b, dsbi_zoo_bn_relu(b, x, "bn2"), "conv2", inner, 3, stride, 1);
    x = dsbi_zoo_conv(b, dsbi_zoo_bn_relu(b, x, "bn3"), "conv3", c, 1, 1, 1);
    return dsbi_zoo_bn(b, x, "bn4");
}

static dsbi_value shortcut(dsbi_builder *b, dsbi_value x, size_t c, size_t stride)
{
    if (stride > 1)
        x = dsbi_avgpool(b, x, 2, 2, 0);
    const size_t c_in = dsbi_shape_of(b, x).c;
    return c > c_in ? dsbi_subsample_pad(b, x, 1, 0, c - c_in) : x;
}

static void build(dsbi_builder *b, dsbi_spec *spec)
{
    const bool is_bottleneck = dsbi_spec_choice(b, spec, "block", "basic|bottleneck") == 1;
    const size_t blocks =
        dsbi_zoo_blocks(b, spec, is_bottleneck ? 164 : 110, is_bottleneck ? 9 : 6, 2);
    const double alpha = dsbi_spec_real(b, spec, "alpha", 84);
    if (!(alpha >= 0 && alpha <= max_alpha))
        dsbi_builder_fail(b, DSB_E_INVALID, "pyramidnet: alpha=%g, must lie in 0..%g", alpha,
                          max_alpha);
    if (b->image.h % 4 || b->image.w % 4) /* a mean of 2 x 2 beside a convolution that rounds up */
        dsbi_builder_fail(b, DSB_E_SHAPE,
                          "pyramidnet: %zu x %zu pixels; its shortcuts halve twice, so that sides "
                          "are multiples of 4",
                          (size_t)b->image.h, (size_t)b->image.w);
    if (b->status != DSB_OK)
        return;
    dsbi_value x = dsbi_zoo_conv(b, dsbi_input_images(b), "conv", STEM, 3, 1, 1);
    x = dsbi_zoo_bn(b, x, "bn1");
    double channels = STEM; /* a running sum, as the source's: the same rounding of halves */
    for (size_t s = 0; s < DSBI_ZOO_STAGES; s++)
        for (size_t i = 0; i < blocks; i++) {
            const size_t stride = s > 0 && i == 0 ? 2 : 1;
            channels += alpha / (double)(DSBI_ZOO_STAGES * blocks);
            const size_t c = (size_t)rint(channels) * (is_bottleneck ? EXPANSION : 1);
            dsbi_enter(b, "stage%zu.block%zu", s + 1, i + 1);
            const dsbi_value y =
                is_bottleneck ? bottleneck(b, x, c, stride) : basic(b, x, c, stride);
            x = dsbi_add_values(b, shortcut(b, x, c, stride), y);
            dsbi_leave(b);
        }
    dsbi_zoo_head(b, dsbi_zoo_bn_relu(b, x, "bn2"));
}

static const dsbi_preset presets[] = {
    {"pyramidnet_basic_110_84", "depth=110,alpha=84"},
    {"pyramidnet_basic_110_270", "depth=110,alpha=270"},
    {NULL, NULL},
};

const dsbi_family dsbi_family_pyramidnet = {
    .name = "pyramidnet",
    .options = "block=basic|bottleneck, depth=110 (bottleneck: 164), alpha=84",
    .presets = presets,
    .cifar = "",
    .build = build,
};
