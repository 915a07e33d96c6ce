/* What of the tokens goes to the head: y[n] = mean of x[n,first .. first + count). One token of a
 * count of 1 is the class token, all patches are the mean of Zhai et al. 2022. */
#include <string.h>
#include "nn/blocks.h"

static void declare(dsbi_builder *b, dsbi_node *node)
{
    const size_t rows = dsbi_shape_rows(node->in), first = node->attrs.first;
    if (node->attrs.count == 0 || first >= rows || node->attrs.count > rows - first)
        dsbi_builder_fail(b, DSB_E_SHAPE, "mean of %zu tokens from %zu on, of %zu",
                          node->attrs.count, first, rows);
    node->out = (dsbi_shape){1, 1, node->in.c};
}

static dsb_status forward_images(const dsbi_call *call, const void *job, size_t first, size_t count,
                                 size_t worker)
{
    (void)job;
    (void)worker;
    const dsbi_attrs *attrs = &call->node->attrs;
    const size_t size = dsbi_shape_size(call->node->in), c = call->node->in.c;
    for (size_t image = first; image < first + count; image++)
        call->math->pool_fwd(dsbi_kernels_of(call->rt), dsbi_at(call, call->y, image * c),
                             dsbi_at(call, call->x[0], image * size + attrs->first * c),
                             attrs->count, c);
    return DSB_OK;
}

static dsb_status forward(const dsbi_call *call)
{
    const size_t step = dsbi_range_step(call->batch, call->node->attrs.count * call->node->in.c);
    return dsbi_ranges(call, NULL, call->batch, step, forward_images);
}

static dsb_status backward_images(const dsbi_call *call, const void *job, size_t first,
                                  size_t count, size_t worker)
{
    (void)job;
    (void)worker;
    const dsbi_attrs *attrs = &call->node->attrs;
    const size_t size = dsbi_shape_size(call->node->in), c = call->node->in.c;
    const size_t from = attrs->first * c, end = from + attrs->count * c;
    for (size_t image = first; image < first + count; image++) {
        void *dx = dsbi_at(call, call->dx[0], image * size);
        memset(dx, 0, from * call->math->item);
        call->math->pool_bwd(dsbi_kernels_of(call->rt), dsbi_at(call, dx, from),
                             dsbi_at(call, call->dy, image * c), attrs->count, c);
        memset(dsbi_at(call, dx, end), 0, (size - end) * call->math->item);
    }
    return DSB_OK;
}

static dsb_status backward(const dsbi_call *call)
{
    return dsbi_images(call, NULL, backward_images);
}

static dsbi_value check(dsbi_builder *b, dsbi_value x)
{
    return dsbi_add_values(b, dsbi_pool_tokens(b, x, 0, 1), dsbi_pool_tokens(b, x, 1, 3));
}

const dsbi_layer dsbi_layer_tokenpool = {.name = "tokenpool",
                                         .declare = declare,
                                         .forward = forward,
                                         .backward = backward,
                                         .check_image = {5, 1, 4},
                                         .check = check};

dsbi_value dsbi_pool_tokens(dsbi_builder *b, dsbi_value x, size_t first, size_t count)
{
    return dsbi_node_add(b, &dsbi_layer_tokenpool, "", &x, 1,
                         &(dsbi_attrs){.first = first, .count = count});
}
