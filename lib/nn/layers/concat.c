/* Channels of several values one behind the other: y[r] = (x0[r], x1[r], ...). */
#include <string.h>
#include "nn/blocks.h"

static void declare(dsbi_builder *b, dsbi_node *node)
{
    node->out.c = 0;
    for (size_t k = 0; k < node->n_inputs; k++) {
        const dsbi_shape x = dsbi_shape_of(b, node->inputs[k]);
        if (x.h != node->in.h || x.w != node->in.w)
            dsbi_builder_fail(b, DSB_E_SHAPE, "%zu x %zu pixels beside %zu x %zu", node->in.h,
                              node->in.w, x.h, x.w);
        if (!dsbi_add(&node->out.c, node->out.c, x.c))
            dsbi_builder_fail(b, DSB_E_LIMIT, "too many channels");
    }
}

static void needs(const dsbi_node *node, const dsbi_sizing *sizing, dsbi_needs *needs)
{
    (void)node;
    (void)sizing;
    needs->adds_dx = true;
}

static dsb_status forward_rows(const dsbi_call *call, const void *job, size_t first, size_t count,
                               size_t worker)
{
    (void)job;
    (void)worker;
    const size_t item = call->math->item, width = call->node->out.c;
    for (size_t k = 0, at = 0; k < call->node->n_inputs; at += call->x_shapes[k++].c) {
        const size_t c = call->x_shapes[k].c;
        for (size_t r = first; r < first + count; r++)
            memcpy(dsbi_at(call, call->y, r * width + at), dsbi_at(call, call->x[k], r * c),
                   c * item);
    }
    return DSB_OK;
}

static dsb_status forward(const dsbi_call *call)
{
    const size_t rows = call->batch * dsbi_shape_rows(call->node->out);
    return dsbi_ranges(call, NULL, rows, dsbi_range_step(rows, call->node->out.c), forward_rows);
}

static dsb_status backward_rows(const dsbi_call *call, const void *job, size_t first, size_t count,
                                size_t worker)
{
    (void)job;
    (void)worker;
    const size_t item = call->math->item, width = call->node->out.c;
    for (size_t k = 0, at = 0; k < call->node->n_inputs; at += call->x_shapes[k++].c) {
        const size_t c = call->x_shapes[k].c;
        for (size_t r = first; r < first + count && call->dx[k]; r++) {
            void *dx = dsbi_at(call, call->dx[k], r * c);
            const void *dy = dsbi_at(call, call->dy, r * width + at);
            if (call->add[k])
                call->math->add(dsbi_kernels_of(call->rt), dx, dx, dy, c);
            else
                memcpy(dx, dy, c * item);
        }
    }
    return DSB_OK;
}

static dsb_status backward(const dsbi_call *call)
{
    const size_t rows = call->batch * dsbi_shape_rows(call->node->out);
    return dsbi_ranges(call, NULL, rows, dsbi_range_step(rows, call->node->out.c), backward_rows);
}

static dsbi_value check(dsbi_builder *b, dsbi_value x)
{
    const dsbi_value wide = dsbi_linear(b, x, "wide", 4);
    return dsbi_concat(b, (const dsbi_value[]){x, wide, x}, 3);
}

const dsbi_layer dsbi_layer_concat = {.name = "concat",
                                      .declare = declare,
                                      .needs = needs,
                                      .forward = forward,
                                      .backward = backward,
                                      .check_image = {3, 2, 3},
                                      .check = check};

dsbi_value dsbi_concat(dsbi_builder *b, const dsbi_value *xs, size_t n)
{
    return dsbi_node_add(b, &dsbi_layer_concat, "", xs, n, NULL);
}
