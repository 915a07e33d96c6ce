/* Random convolutional features. Coates, Ng 2012, "Learning feature representations with k-means",
 * in the form of the CIFAR-10.1 paper (Recht et al. 2018): random whitened patches as filters.
 *
 *     filters      convolution side x side of 2 n filters, the second half the negatives of the
 *                  first; ReLU: max(0, z - 1) and max(0, -z - 1)
 *     pool         means of pool x pixels at steps of `step`
 *     classifier   linear over all that is left
 *
 * A closed form sets the weights (dsb_random_features_fit); until then they are noise. 32 x 32
 * pixels give 3 x 3 means: 18 features a filter. */
#include "nn/zoo.h"

dsbi_value dsbi_random_features_body(dsbi_builder *b, dsbi_spec *spec)
{
    const size_t filters = dsbi_spec_count(b, spec, "filters", 256);
    const size_t side = dsbi_spec_count(b, spec, "side", 6);
    const size_t pool = dsbi_spec_count(b, spec, "pool", 15);
    const size_t step = dsbi_spec_count(b, spec, "step", 6);
    const size_t least = b->image.h < b->image.w ? b->image.h : b->image.w;
    if (b->status == DSB_OK && (side > least || pool > least - side + 1))
        dsbi_builder_fail(b, DSB_E_SHAPE,
                          "random_features: %zu x %zu pixels, too few for side=%zu and pool=%zu",
                          b->image.h, b->image.w, side, pool);
    if (b->status != DSB_OK)
        return DSBI_NONE;
    dsbi_value x = dsbi_conv2d(b, dsbi_input_images(b), "filters", 2 * filters, side, 1, 0);
    return dsbi_avgpool(b, dsbi_relu(b, x), pool, step, 0);
}

static void build(dsbi_builder *b, dsbi_spec *spec)
{
    const dsbi_value x = dsbi_random_features_body(b, spec);
    const dsbi_attrs head = {.c_out = b->n_classes};
    dsbi_graph_output(b, dsbi_flatten_linear(b, x, "classifier", &head));
}

static const dsbi_preset presets[] = {{NULL, NULL}};

const dsbi_family dsbi_family_random_features = {
    .name = "random_features",
    .options = "filters=256, side=6, pool=15, step=6",
    .presets = presets,
    .cifar = "",
    .build = build,
};
