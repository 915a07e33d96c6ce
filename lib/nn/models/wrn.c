/* Wide residual network for 32 x 32 pixels. Zagoruyko, Komodakis 2016, "Wide residual networks";
 * parameter names of xternalz/WideResNet-pytorch, which most checkpoints have.
 *
 *     stem    convolution 3x3, 16 channels
 *     block   x + conv2(drop(relu(bn2(conv1(relu(bn1(x)))))))   all 3x3
 *     head    batch norm, ReLU, mean over pixels, linear
 *
 * Where the channels change the shortcut is a 1x1 convolution of relu(bn1(x)). */
#include "nn/zoo.h"

enum { STEM = 16 };

static dsbi_value block(dsbi_builder *b, dsbi_value x, size_t c, size_t stride, double dropout)
{
    const dsbi_value active = dsbi_zoo_bn_relu(b, x, "bn1");
    dsbi_value y = dsbi_zoo_conv(b, active, "conv1", c, 3, stride, 1);
    y = dsbi_dropout(b, dsbi_zoo_bn_relu(b, y, "bn2"), dropout);
    y = dsbi_zoo_conv(b, y, "conv2", c, 3, 1, 1);
    if (dsbi_shape_of(b, x).c != c)
        x = dsbi_zoo_conv(b, active, "convShortcut", c, 1, stride, 1);
    return dsbi_add_values(b, x, y);
}

static void build(dsbi_builder *b, dsbi_spec *spec)
{
    const size_t blocks = dsbi_zoo_blocks(b, spec, 28, 6, 4);
    const size_t width = dsbi_spec_count(b, spec, "width", 10);
    const double dropout = dsbi_spec_real(b, spec, "dropout", 0);
    if (b->status != DSB_OK)
        return;
    dsbi_value x = dsbi_zoo_conv(b, dsbi_input_images(b), "conv1", STEM, 3, 1, 1);
    for (size_t s = 0; s < DSBI_ZOO_STAGES; s++)
        for (size_t i = 0; i < blocks; i++) {
            dsbi_enter(b, "block%zu.layer.%zu", s + 1, i);
            x = block(b, x, ((size_t)STEM << s) * width, s > 0 && i == 0 ? 2 : 1, dropout);
            dsbi_leave(b);
        }
    x = dsbi_global_avgpool(b, dsbi_zoo_bn_relu(b, x, "bn1"));
    /* weights as PyTorch's linear layer, the bias 0 */
    x = dsbi_linear_with(b, x, "fc",
                         &(dsbi_attrs){.c_out = b->n_classes, .init = {DSBI_INIT_TORCH, 0}});
    dsbi_graph_output(b, x);
}

static const dsbi_preset presets[] = {
    {"wrn_28_10", "depth=28,width=10"},
    {"wrn_16_1", "depth=16,width=1"},
    {NULL, NULL},
};

const dsbi_family dsbi_family_wrn = {
    .name = "wrn",
    .options = "depth=28, width=10, dropout=0",
    .presets = presets,
    .cifar = "",
    .build = build,
};
