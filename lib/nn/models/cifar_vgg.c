/* VGG with batch norm for 32 x 32 pixels: vgg_15_BN_64 of the CIFAR-10.1 paper (Recht et al. 2018).
 * Simonyan, Zisserman 2015; parameter names of hysts/pytorch_image_classification (vgg.py).
 *
 *     stage   relu(bn(conv)) some times, 3x3 with bias; maximum of 2x2
 *     head    linear over all pixels that are left (32 x 32: one) */
#include "nn/zoo.h"

#include <stdio.h>

enum { STAGES = 5, MAX_LAYERS = 100 };

static dsbi_value layer(dsbi_builder *b, dsbi_value x, size_t i, size_t c)
{
    char name[32];
    snprintf(name, sizeof name, "conv%zu", i);
    x = dsbi_conv(b, x, name,
                  &(dsbi_attrs){.c_out = c,
                                .kernel = 3,
                                .pad = 1,
                                .init = {DSBI_INIT_HE_FAN_OUT, 0},
                                .bias_init = {DSBI_INIT_TORCH, 0}});
    snprintf(name, sizeof name, "bn%zu", i);
    return dsbi_zoo_bn_relu(b, x, name);
}

static void build(dsbi_builder *b, dsbi_spec *spec)
{
    size_t layers[STAGES], widths[STAGES];
    const size_t n = dsbi_spec_counts(b, spec, "layers", layers, STAGES, "2-2-3-3-3");
    const size_t m = dsbi_spec_counts(b, spec, "widths", widths, STAGES, "64-128-256-512-512");
    if (n != STAGES || m != STAGES)
        dsbi_builder_fail(b, DSB_E_INVALID, "cifar_vgg: layers and widths have %d numbers each",
                          STAGES);
    for (size_t s = 0; s < n; s++)
        if (layers[s] > MAX_LAYERS)
            dsbi_builder_fail(b, DSB_E_LIMIT, "cifar_vgg: %zu layers in a stage", layers[s]);
    if (b->status != DSB_OK)
        return;
    dsbi_value x = dsbi_input_images(b);
    for (size_t s = 0; s < STAGES; s++) {
        dsbi_enter(b, "stage%zu", s + 1);
        for (size_t i = 0; i < layers[s]; i++)
            x = layer(b, x, i, widths[s]);
        dsbi_leave(b);
        x = dsbi_maxpool(b, x, 2, 2, 0);
    }
    x = dsbi_flatten_linear(
        b, x, "fc", &(dsbi_attrs){.c_out = b->n_classes, .init = {DSBI_INIT_HE_FAN_OUT, 0}});
    dsbi_graph_output(b, x);
}

static const dsbi_preset presets[] = {
    {"vgg_15_BN_64", "layers=2-2-3-3-3,widths=64-128-256-512-512"},
    {NULL, NULL},
};

const dsbi_family dsbi_family_cifar_vgg = {
    .name = "cifar_vgg",
    .options = "layers=2-2-3-3-3, widths=64-128-256-512-512",
    .presets = presets,
    .cifar = "",
    .build = build,
};
