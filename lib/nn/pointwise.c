#include "nn/pointwise.h"
#include "nn/blocks.h"

typedef struct pointwise {
    dsbi_pointwise_fn forward;
    dsbi_pointwise_slope_fn backward;
    const void *kept;
} pointwise;

static dsb_status run(const dsbi_call *call, const pointwise *job, dsbi_range_fn range)
{
    const size_t n = call->batch * dsbi_shape_size(call->node->in);
    return dsbi_ranges(call, job, n, dsbi_range_step(n, 1), range);
}

static dsb_status forward_range(const dsbi_call *call, const void *job, size_t first, size_t count,
                                size_t worker)
{
    (void)worker;
    const pointwise *p = job;
    p->forward(dsbi_kernels_of(call->rt), dsbi_at(call, call->y, first),
               dsbi_at(call, call->x[0], first), count);
    return DSB_OK;
}

dsb_status dsbi_pointwise_forward(const dsbi_call *call, dsbi_pointwise_fn f)
{
    return run(call, &(pointwise){.forward = f}, forward_range);
}

static dsb_status backward_range(const dsbi_call *call, const void *job, size_t first, size_t count,
                                 size_t worker)
{
    (void)worker;
    const pointwise *p = job;
    p->backward(dsbi_kernels_of(call->rt), dsbi_at(call, call->dx[0], first),
                dsbi_at(call, call->dy, first), dsbi_at(call, p->kept, first), count);
    return DSB_OK;
}

dsb_status dsbi_pointwise_backward(const dsbi_call *call, dsbi_pointwise_slope_fn f,
                                   const void *kept)
{
    return run(call, &(pointwise){.backward = f, .kept = kept}, backward_range);
}
