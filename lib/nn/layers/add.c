/* y = x0 + x1: where a residual branch comes back. */
#include <string.h>
#include "nn/blocks.h"

static void declare(dsbi_builder *b, dsbi_node *node)
{
    dsbi_need_alike(b, node, "sum");
}

static void needs(const dsbi_node *node, const dsbi_sizing *sizing, dsbi_needs *needs)
{
    (void)node;
    (void)sizing;
    needs->in_place = 1;
    needs->passes = 1;
    needs->adds_dx = true;
}

static dsb_status forward_range(const dsbi_call *call, const void *job, size_t first, size_t count,
                                size_t worker)
{
    (void)job;
    (void)worker;
    call->math->add(dsbi_kernels_of(call->rt), dsbi_at(call, call->y, first),
                    dsbi_at(call, call->x[0], first), dsbi_at(call, call->x[1], first), count);
    return DSB_OK;
}

static dsb_status forward(const dsbi_call *call)
{
    const size_t n = call->batch * dsbi_shape_size(call->node->in);
    return dsbi_ranges(call, NULL, n, dsbi_range_step(n, 1), forward_range);
}

static dsb_status backward_range(const dsbi_call *call, const void *job, size_t first, size_t count,
                                 size_t worker)
{
    (void)job;
    (void)worker;
    const void *dy = dsbi_at(call, call->dy, first);
    for (int k = 0; k < 2; k++) {
        if (!call->dx[k] || call->dx[k] == call->dy)
            continue;
        void *dx = dsbi_at(call, call->dx[k], first);
        if (call->add[k])
            call->math->add(dsbi_kernels_of(call->rt), dx, dx, dy, count);
        else
            memcpy(dx, dy, count * call->math->item);
    }
    return DSB_OK;
}

static dsb_status backward(const dsbi_call *call)
{
    const size_t n = call->batch * dsbi_shape_size(call->node->in);
    return dsbi_ranges(call, NULL, n, dsbi_range_step(n, 1), backward_range);
}

static dsbi_value check(dsbi_builder *b, dsbi_value x)
{
    return dsbi_add_values(b, dsbi_linear(b, x, "left", 3),
                           dsbi_linear(b, dsbi_gelu(b, x), "right", 3));
}

const dsbi_layer dsbi_layer_add = {.name = "add",
                                   .role = DSBI_ROLE_ADD,
                                   .declare = declare,
                                   .needs = needs,
                                   .forward = forward,
                                   .backward = backward,
                                   .check_image = {2, 2, 3},
                                   .check = check};

dsbi_value dsbi_add_values(dsbi_builder *b, dsbi_value x, dsbi_value y)
{
    return dsbi_node_add(b, &dsbi_layer_add, "", (dsbi_value[]){x, y}, 2, NULL);
}
