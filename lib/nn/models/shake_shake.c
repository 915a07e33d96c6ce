/* Shake-Shake 26 2x{32, 64, 96}d for 32 x 32 pixels. Gastaldi 2017, "Shake-Shake regularization";
 * parameter names of hysts/pytorch_image_classification (shake_shake.py).
 *
 *     stem    convolution 3x3, 16 channels, batch norm
 *     block   x + alpha F1(x) + (1 - alpha) F2(x),   F(x) = bn2(conv2(relu(bn1(conv1(relu(x))))))
 *             where channels change x becomes bn of two 1x1 convolutions to half the channels, one
 * of relu(x) at even places, one at odd ones: (0, 0) and (1, 1) of each stride head    ReLU, mean
 * over pixels, linear
 *
 * mix: shake draws alpha for each image in forward and another number in backward (S-S-I), keep
 * takes alpha again in backward (S-K-I), even is 1/2 both times (E-E). Tests always take 1/2. */
#include "nn/zoo.h"

enum { STEM = 16 };
enum { MIX_SHAKE, MIX_KEEP, MIX_EVEN };

static dsbi_value path(dsbi_builder *b, dsbi_value x, size_t number, size_t c, size_t stride)
{
    dsbi_enter(b, "residual_path%zu", number);
    x = dsbi_zoo_conv(b, dsbi_relu(b, x), "conv1", c, 3, stride, 1);
    x = dsbi_zoo_conv(b, dsbi_zoo_bn_relu(b, x, "bn1"), "conv2", c, 3, 1, 1);
    x = dsbi_zoo_bn(b, x, "bn2");
    dsbi_leave(b);
    return x;
}

static dsbi_value skip(dsbi_builder *b, dsbi_value x, size_t c, size_t stride)
{
    dsbi_enter(b, "shortcut.skip");
    x = dsbi_relu(b, x);
    dsbi_value halves[2];
    halves[0] = dsbi_zoo_conv(b, x, "conv1", c / 2, 1, stride, 1);
    halves[1] = dsbi_subsample_from(b, x, stride, 1);
    halves[1] = dsbi_zoo_conv(b, halves[1], "conv2", c / 2, 1, 1, 1);
    x = dsbi_zoo_bn(b, dsbi_concat(b, halves, 2), "bn");
    dsbi_leave(b);
    return x;
}

static dsbi_value block(dsbi_builder *b, dsbi_value x, size_t c, size_t stride, size_t mix)
{
    const dsbi_value y1 = path(b, x, 1, c, stride), y2 = path(b, x, 2, c, stride);
    const dsbi_value y = mix == MIX_EVEN   ? dsbi_shake_even(b, y1, y2)
                         : mix == MIX_KEEP ? dsbi_shake_keep(b, y1, y2)
                                           : dsbi_shake(b, y1, y2);
    if (dsbi_shape_of(b, x).c != c)
        x = skip(b, x, c, stride);
    return dsbi_add_values(b, x, y);
}

static void build(dsbi_builder *b, dsbi_spec *spec)
{
    const size_t blocks = dsbi_zoo_blocks(b, spec, 26, 6, 2);
    const size_t width = dsbi_spec_count(b, spec, "width", 64);
    const size_t mix = dsbi_spec_choice(b, spec, "mix", "shake|keep|even");
    if (width % 2 != 0)
        dsbi_builder_fail(b, DSB_E_INVALID, "shake_shake: width=%zu is odd", width);
    if (b->status != DSB_OK)
        return;
    dsbi_value x = dsbi_zoo_conv(b, dsbi_input_images(b), "conv", STEM, 3, 1, 1);
    x = dsbi_zoo_bn(b, x, "bn");
    for (size_t s = 0; s < DSBI_ZOO_STAGES; s++)
        for (size_t i = 0; i < blocks; i++) {
            dsbi_enter(b, "stage%zu.block%zu", s + 1, i + 1);
            x = block(b, x, width << s, s > 0 && i == 0 ? 2 : 1, mix);
            dsbi_leave(b);
        }
    dsbi_zoo_head(b, dsbi_relu(b, x));
}

static const dsbi_preset presets[] = {
    {"shake_shake_26_2x32d_SSI", "width=32"},
    {"shake_shake_26_2x64d_SSI", "width=64"},
    {"shake_shake_26_2x96d_SSI", "width=96"},
    {NULL, NULL},
};

static const dsbi_preset aliases[] = {
    {"shake_shake_26_2x32d", "width=32"},
    {"shake_shake_26_2x64d", "width=64"},
    {"shake_shake_26_2x96d", "width=96"},
    {NULL, NULL},
};

const dsbi_family dsbi_family_shake_shake = {
    .name = "shake_shake",
    .options = "width=64, depth=26, mix=shake|keep|even",
    .presets = presets,
    .aliases = aliases,
    .cifar = "",
    .build = build,
};
