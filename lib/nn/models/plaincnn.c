/* A plain chain for small images: convolution 3x3, ReLU, maximum 2/2 for each width; then linear
 * over all that is left, ReLU, [dropout], linear. The default has the shapes of
 * anshul-dying/CNN-Image-Classification; initial values are PyTorch's defaults. */
#include "nn/cnn.h"

enum { MOST_CONVS = 8 };

static void build(dsbi_builder *b, dsbi_spec *spec)
{
    size_t widths[MOST_CONVS];
    const size_t n = dsbi_spec_counts(b, spec, "widths", widths, MOST_CONVS, "32-64-128");
    const dsbi_init torch = {DSBI_INIT_TORCH, 0};
    const dsbi_attrs hidden = {
        .c_out = dsbi_spec_count(b, spec, "hidden", 256), .init = torch, .bias_init = torch};
    const double dropout = dsbi_spec_real(b, spec, "dropout", 0);
    if (b->status != DSB_OK)
        return;
    dsbi_value x = dsbi_input_images(b);
    for (size_t i = 0; i < n; i++) {
        const dsbi_attrs attrs = {
            .c_out = widths[i], .kernel = 3, .pad = 1, .init = torch, .bias_init = torch};
        dsbi_enter(b, "conv%zu", i + 1);
        x = dsbi_relu(b, dsbi_conv(b, x, "", &attrs));
        dsbi_leave(b);
        x = dsbi_maxpool(b, x, 2, 2, 0);
    }
    x = dsbi_relu(b, dsbi_flatten_linear(b, x, "fc1", &hidden));
    x = dsbi_dropout(b, x, dropout);
    dsbi_graph_output(b, dsbi_classifier(b, x, "fc2"));
}

static const dsbi_preset presets[] = {{"plaincnn", ""}, {NULL, NULL}};

const dsbi_family dsbi_family_plaincnn = {
    .name = "plaincnn",
    .options = "widths=32-64-128, hidden=256, dropout=0",
    .presets = presets,
    .cifar = "",
    .build = build,
};
