/* The batch: u8 pixels, y = (x / 255 - mean) / std per channel, or reals taken as they are. */
#include "nn/blocks.h"

static void declare(dsbi_builder *b, dsbi_node *node)
{
    if (b->graph->input != DSBI_NONE)
        dsbi_builder_fail(b, DSB_E_INVALID, "a graph has one input");
    b->graph->input = node->id;
    node->in = node->out = b->image;
}

static dsb_status normalise(const dsbi_call *call, const void *job, size_t first, size_t count,
                            size_t worker)
{
    (void)job;
    (void)worker;
    call->math->pixels(dsbi_kernels_of(call->rt), dsbi_at(call, call->y, first * 3),
                       call->pixels + first * 3, &call->graph->pixels, count);
    return DSB_OK;
}

static dsb_status forward(const dsbi_call *call)
{
    if (!call->pixels)
        return DSB_OK;
    const size_t n = call->batch * dsbi_shape_rows(call->node->out);
    return dsbi_ranges(call, NULL, n, dsbi_range_step(n, 3), normalise);
}

const dsbi_layer dsbi_layer_input = {
    .name = "input", .role = DSBI_ROLE_INPUT, .declare = declare, .forward = forward};

dsbi_value dsbi_input_values(dsbi_builder *b)
{
    return dsbi_node_add(b, &dsbi_layer_input, "", NULL, 0, NULL);
}

void dsbi_raw_pixels(dsbi_builder *b)
{
    if (b->status == DSB_OK)
        b->graph->raw_pixels = true;
}

dsbi_value dsbi_input_images(dsbi_builder *b)
{
    dsbi_value x = dsbi_input_values(b);
    if (b->status == DSB_OK) {
        b->graph->nodes[x].pixels = true;
        if (b->image.c != 3)
            dsbi_builder_fail(b, DSB_E_SHAPE, "images have 3 channels, not %zu", b->image.c);
    }
    return x;
}
