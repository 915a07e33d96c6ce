/* y[n,c] = mean over all pixels of x[n,:,:,c]: global average pooling. */
#include "nn/blocks.h"

static void declare(dsbi_builder *b, dsbi_node *node)
{
    (void)b;
    node->out = (dsbi_shape){1, 1, node->in.c};
}

static dsb_status forward_images(const dsbi_call *call, const void *job, size_t first, size_t count,
                                 size_t worker)
{
    (void)job;
    (void)worker;
    const size_t rows = dsbi_shape_rows(call->node->in), c = call->node->in.c;
    for (size_t image = first; image < first + count; image++)
        call->math->pool_fwd(dsbi_kernels_of(call->rt), dsbi_at(call, call->y, image * c),
                             dsbi_at(call, call->x[0], image * rows * c), rows, c);
    return DSB_OK;
}

static dsb_status forward(const dsbi_call *call)
{
    return dsbi_images(call, NULL, forward_images);
}

static dsb_status backward_images(const dsbi_call *call, const void *job, size_t first,
                                  size_t count, size_t worker)
{
    (void)job;
    (void)worker;
    const size_t rows = dsbi_shape_rows(call->node->in), c = call->node->in.c;
    for (size_t image = first; image < first + count; image++)
        call->math->pool_bwd(dsbi_kernels_of(call->rt),
                             dsbi_at(call, call->dx[0], image * rows * c),
                             dsbi_at(call, call->dy, image * c), rows, c);
    return DSB_OK;
}

static dsb_status backward(const dsbi_call *call)
{
    return dsbi_images(call, NULL, backward_images);
}

static dsbi_value check(dsbi_builder *b, dsbi_value x)
{
    return dsbi_global_avgpool(b, x);
}

const dsbi_layer dsbi_layer_avgpool = {.name = "avgpool",
                                       .declare = declare,
                                       .forward = forward,
                                       .backward = backward,
                                       .check_image = {3, 4, 5},
                                       .check = check};

dsbi_value dsbi_global_avgpool(dsbi_builder *b, dsbi_value x)
{
    return dsbi_node_add(b, &dsbi_layer_avgpool, "", &x, 1, NULL);
}
