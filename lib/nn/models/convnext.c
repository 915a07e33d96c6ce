/* ConvNeXt. Liu, Mao, Wu, Feichtenhofer, Darrell, Xie 2022, "A ConvNet for the 2020s", as in
 * facebookresearch/ConvNeXt (models/convnext.py), whose parameter names these are. The small
 * configurations are those of Liu and He 2024, "A decade's battle on dataset bias", fig. 2.
 *
 *     stem     convolution 4/4, layer norm
 *     block    x + drop_path(gamma * pwconv2(gelu(pwconv1(norm(dwconv7x7(x))))))
 *     between  layer norm, convolution 2/2
 *     head     mean over pixels, layer norm, linear */
#include "nn/family.h"

enum { STAGES = 4 };

static const double eps = 1e-6;

typedef struct convnext {
    size_t depths[STAGES], dims[STAGES];
    double layer_scale, drop_path;
} convnext;

static dsbi_value block(dsbi_builder *b, dsbi_value x, size_t c, double layer_scale, double drop)
{
    dsbi_value y = dsbi_depthwise(b, x, "dwconv", 7, 3);
    y = dsbi_layernorm(b, y, "norm", eps);
    y = dsbi_linear(b, y, "pwconv1", 4 * c);
    y = dsbi_gelu(b, y);
    y = dsbi_linear(b, y, "pwconv2", c);
    if (layer_scale > 0)
        y = dsbi_layerscale(b, y, "gamma", layer_scale);
    y = dsbi_droppath(b, y, drop);
    return dsbi_add_values(b, x, y);
}

static dsbi_value downsample(dsbi_builder *b, dsbi_value x, size_t stage, size_t c)
{
    dsbi_enter(b, "downsample_layers.%zu", stage);
    if (stage == 0) {
        x = dsbi_conv2d(b, x, "0", c, 4, 4, 0);
        x = dsbi_layernorm(b, x, "1", eps);
    } else {
        x = dsbi_layernorm(b, x, "0", eps);
        x = dsbi_conv2d(b, x, "1", c, 2, 2, 0);
    }
    dsbi_leave(b);
    return x;
}

static void read(dsbi_builder *b, dsbi_spec *spec, convnext *net)
{
    const size_t n = dsbi_spec_counts(b, spec, "depths", net->depths, STAGES, "3-3-9-3");
    const size_t m = dsbi_spec_counts(b, spec, "dims", net->dims, STAGES, "96-192-384-768");
    net->layer_scale = dsbi_spec_real(b, spec, "layer_scale", 1e-6);
    net->drop_path = dsbi_spec_real(b, spec, "drop_path", 0);
    if (n != STAGES || m != STAGES)
        dsbi_builder_fail(b, DSB_E_INVALID, "convnext: depths and dims have %d numbers each",
                          STAGES);
    if (net->drop_path < 0 || net->drop_path >= 1)
        dsbi_builder_fail(b, DSB_E_INVALID, "convnext: drop_path=%g, must lie in [0, 1)",
                          net->drop_path);
    for (size_t i = 0; i < n; i++)
        if (net->depths[i] > 1000)
            dsbi_builder_fail(b, DSB_E_LIMIT, "convnext: a depth of %zu, above 1000",
                              net->depths[i]);
}

static void build(dsbi_builder *b, dsbi_spec *spec)
{
    convnext net;
    read(b, spec, &net);
    if (b->status != DSB_OK)
        return;
    size_t blocks = 0, done = 0;
    for (size_t s = 0; s < STAGES; s++)
        blocks += net.depths[s];

    dsbi_value x = dsbi_input_images(b);
    for (size_t s = 0; s < STAGES; s++) {
        x = downsample(b, x, s, net.dims[s]);
        for (size_t i = 0; i < net.depths[s]; i++, done++) {
            /* the rate grows linearly with depth: torch.linspace(0, drop_path, blocks) */
            const double drop =
                blocks > 1 ? net.drop_path * (double)done / (double)(blocks - 1) : 0;
            dsbi_enter(b, "stages.%zu.%zu", s, i);
            x = block(b, x, net.dims[s], net.layer_scale, drop);
            dsbi_leave(b);
        }
    }
    x = dsbi_global_avgpool(b, x);
    x = dsbi_layernorm(b, x, "norm", eps);
    dsbi_graph_output(b, dsbi_linear(b, x, "head", b->n_classes));
}

static const dsbi_preset presets[] = {
    {"convnext_7k", "depths=1-1-1-1,dims=10-10-10-10"},
    {"convnext_120k", "depths=1-1-3-1,dims=10-20-40-80"},
    {"convnext_470k", "depths=1-1-3-1,dims=20-40-80-160"},
    {"convnext_atto", "depths=2-2-6-2,dims=40-80-160-320"},
    {"convnext_femto", "depths=2-2-6-2,dims=48-96-192-384"},
    {"convnext_pico", "depths=2-2-6-2,dims=64-128-256-512"},
    {"convnext_nano", "depths=2-2-8-2,dims=80-160-320-640"},
    {"convnext_tiny", "depths=3-3-9-3,dims=96-192-384-768"},
    {"convnext_small", "depths=3-3-27-3,dims=96-192-384-768"},
    {"convnext_base", "depths=3-3-27-3,dims=128-256-512-1024"},
    {NULL, NULL},
};

const dsbi_family dsbi_family_convnext = {
    .name = "convnext",
    .options = "depths=3-3-9-3, dims=96-192-384-768, layer_scale=1e-6 (0: none), drop_path=0",
    .presets = presets,
    .build = build,
};
