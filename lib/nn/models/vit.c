/* Vision transformer. Dosovitskiy et al. 2021, "An image is worth 16x16 words"; sizes and training
 * form of Touvron et al. 2021 (DeiT), parameter names and initial values of timm
 * (models/vision_transformer.py).
 *
 *     tokens   convolution patch / patch, class token in front, position embedding
 *     block    x + drop_path(ls1 * proj(attention(qkv(norm1(x)))))
 *              x + drop_path(ls2 * fc2(gelu(fc1(norm2(x)))))
 *     head     class token, norm, linear; or mean of the patches, fc_norm, linear
 *
 * dropout acts on tokens, after proj, after GELU and after fc2 (timm: pos_drop and proj_drop). */
#include "nn/family.h"

enum { POOL_TOKEN, POOL_MEAN };

typedef struct vit {
    size_t patch, dim, depth, heads, mlp, pool;
    bool class_token;
    double eps, layer_scale, drop_path, dropout;
} vit;

static void read(dsbi_builder *b, dsbi_spec *spec, vit *net)
{
    net->patch = dsbi_spec_count(b, spec, "patch", 16);
    net->dim = dsbi_spec_count(b, spec, "dim", 384);
    net->depth = dsbi_spec_count(b, spec, "depth", 12);
    net->heads = dsbi_spec_count(b, spec, "heads", 6);
    net->mlp = dsbi_spec_count(b, spec, "mlp", 4 * net->dim);
    net->pool = dsbi_spec_choice(b, spec, "pool", "token|mean");
    net->class_token = dsbi_spec_choice(b, spec, "class_token", "yes|no") == 0;
    net->eps = dsbi_spec_real(b, spec, "eps", 1e-6);
    net->layer_scale = dsbi_spec_real(b, spec, "layer_scale", 0);
    net->drop_path = dsbi_spec_real(b, spec, "drop_path", 0);
    net->dropout = dsbi_spec_real(b, spec, "dropout", 0);
    const dsbi_shape image = b->image;
    if (image.h % net->patch != 0 || image.w % net->patch != 0)
        dsbi_builder_fail(b, DSB_E_SHAPE, "vit: patches of %zu pixels do not fill %zu x %zu",
                          net->patch, image.h, image.w);
    if (net->dim % net->heads != 0)
        dsbi_builder_fail(b, DSB_E_INVALID, "vit: dim=%zu is no multiple of heads=%zu", net->dim,
                          net->heads);
    if (net->pool == POOL_TOKEN && !net->class_token)
        dsbi_builder_fail(b, DSB_E_INVALID, "vit: pool=token needs a class token");
    if (net->depth > 1000)
        dsbi_builder_fail(b, DSB_E_LIMIT, "vit: a depth of %zu, above 1000", net->depth);
    if (!(net->eps >= 0))
        dsbi_builder_fail(b, DSB_E_INVALID, "vit: eps=%g", net->eps);
    if (!(net->drop_path >= 0 && net->drop_path < 1))
        dsbi_builder_fail(b, DSB_E_INVALID, "vit: drop_path=%g, must lie in [0, 1)",
                          net->drop_path);
}

/* x + drop_path(scale * y) */
static dsbi_value join(dsbi_builder *b, const vit *net, dsbi_value x, dsbi_value y,
                       const char *scale, double drop)
{
    y = dsbi_dropout(b, y, net->dropout);
    if (net->layer_scale > 0)
        y = dsbi_layerscale(b, y, scale, net->layer_scale);
    return dsbi_add_values(b, x, dsbi_droppath(b, y, drop));
}

static dsbi_value block(dsbi_builder *b, const vit *net, dsbi_value x, double drop)
{
    dsbi_value y = dsbi_layernorm(b, x, "norm1", net->eps);
    y = dsbi_linear(b, y, "attn.qkv", 3 * net->dim);
    y = dsbi_attention(b, y, net->heads);
    y = dsbi_linear(b, y, "attn.proj", net->dim);
    x = join(b, net, x, y, "ls1.gamma", drop);

    y = dsbi_layernorm(b, x, "norm2", net->eps);
    y = dsbi_gelu(b, dsbi_linear(b, y, "mlp.fc1", net->mlp));
    y = dsbi_dropout(b, y, net->dropout);
    y = dsbi_linear(b, y, "mlp.fc2", net->dim);
    return join(b, net, x, y, "ls2.gamma", drop);
}

static void build(dsbi_builder *b, dsbi_spec *spec)
{
    vit net;
    read(b, spec, &net);
    if (b->status != DSB_OK)
        return;
    dsbi_value x = dsbi_input_images(b);
    x = dsbi_conv(b, x, "patch_embed.proj",
                  &(dsbi_attrs){.c_out = net.dim,
                                .kernel = net.patch,
                                .stride = net.patch,
                                .init = {DSBI_INIT_TORCH, 0},
                                .bias_init = {DSBI_INIT_TORCH, 0}});
    const size_t patches = dsbi_shape_rows(dsbi_shape_of(b, x));
    x = dsbi_dropout(b, dsbi_tokens(b, x, net.class_token), net.dropout);
    for (size_t i = 0; i < net.depth; i++) {
        /* the rate grows linearly with depth: torch.linspace(0, drop_path, depth) */
        const double drop = net.depth > 1 ? net.drop_path * (double)i / (double)(net.depth - 1) : 0;
        dsbi_enter(b, "blocks.%zu", i);
        x = block(b, &net, x, drop);
        dsbi_leave(b);
    }
    /* norm works on each token: behind the choice of one it does the same for less */
    if (net.pool == POOL_TOKEN)
        x = dsbi_layernorm(b, dsbi_pool_tokens(b, x, 0, 1), "norm", net.eps);
    else
        x = dsbi_layernorm(b, dsbi_pool_tokens(b, x, net.class_token, patches), "fc_norm", net.eps);
    dsbi_graph_output(b, dsbi_linear(b, x, "head", b->n_classes));
}

static const dsbi_preset presets[] = {
    {"vit_tiny", "dim=192,depth=12,heads=3"},
    {"vit_small", "dim=384,depth=12,heads=6"},
    {"vit_base", "dim=768,depth=12,heads=12"},
    {NULL, NULL},
};

static const dsbi_preset aliases[] = {
    {"vit_ti", "dim=192,depth=12,heads=3"},
    {"vit_tiny_patch16_224", "dim=192,depth=12,heads=3"},
    {"vit_s", "dim=384,depth=12,heads=6"},
    {"vit_small_patch16_224", "dim=384,depth=12,heads=6"},
    {"vit_b", "dim=768,depth=12,heads=12"},
    {"vit_b_16", "dim=768,depth=12,heads=12"},
    {"vit_base_patch16_224", "dim=768,depth=12,heads=12"},
    {NULL, NULL},
};

const dsbi_family dsbi_family_vit = {
    .name = "vit",
    .options = "patch=16, dim=384, depth=12, heads=6, mlp=4 dim, pool=token|mean, "
               "class_token=yes|no, eps=1e-6, layer_scale=0 (none), drop_path=0, dropout=0",
    .presets = presets,
    .aliases = aliases,
    .cifar = "patch=2|4",
    .build = build,
};
