/* See blocks.h. */
#include "nn/blocks.h"

#include "base/pool.h"

/* 16 Ki elements take some 5 us in a memory-bound loop: far above the cost of handing out a task */
enum { TASK_ELEMENTS = 16384, PARTIAL_ELEMENTS = 1 << 22, REDUCE_STEP = 4096 };

typedef struct range_job {
    const dsbi_call *call;
    const void *job;
    size_t n, step;
    dsbi_range_fn fn;
} range_job;

static dsb_status range_task(void *user, size_t task, size_t worker)
{
    const range_job *job = user;
    const size_t first = task * job->step;
    const size_t left = job->n - first;
    return job->fn(job->call, job->job, first, left < job->step ? left : job->step,
                   job->call->alone ? 0 : worker);
}

dsb_status dsbi_ranges(const dsbi_call *call, const void *job, size_t n, size_t step,
                       dsbi_range_fn fn)
{
    range_job range = {call, job, n, step, fn};
    return dsbi_parallel(call->rt, dsbi_pieces(n, step), range_task, &range);
}

size_t dsbi_range_step(size_t n, size_t unit_elements)
{
    size_t step = TASK_ELEMENTS / (unit_elements ? unit_elements : 1);
    if (step > n)
        step = n;
    return step ? step : 1;
}

dsb_status dsbi_images(const dsbi_call *call, const void *job, dsbi_range_fn fn)
{
    const size_t step = dsbi_range_step(call->batch, dsbi_shape_size(call->node->in));
    return dsbi_ranges(call, job, call->batch, step, fn);
}

static size_t most_partials(size_t partial)
{
    const size_t most = PARTIAL_ELEMENTS / (partial ? partial : 1);
    return most > DSBI_MOST_PARTIALS ? DSBI_MOST_PARTIALS : most ? most : 1;
}

size_t dsbi_partial_step(size_t n, size_t unit_elements, size_t partial)
{
    const size_t step = dsbi_range_step(n, unit_elements);
    const size_t least = dsbi_pieces(n, most_partials(partial));
    return step > least ? step : least;
}

size_t dsbi_partial_most(size_t n, size_t unit_elements, size_t partial)
{
    const size_t most = most_partials(partial);
    const size_t pieces = dsbi_pieces(n, dsbi_range_step(n, unit_elements));
    return pieces < most ? pieces : most;
}

size_t dsbi_even_step(size_t n, size_t step, bool longer, size_t most_pieces)
{
    const size_t pieces = dsbi_pieces(n, step), share = pieces > 4 * DSBI_SHARE ? DSBI_SHARE : 2;
    const size_t even = (longer ? pieces / share : dsbi_pieces(pieces, share)) * share;
    return dsbi_pieces(n, pieces < 3 || even > most_pieces ? pieces : even);
}

typedef struct reduce_job {
    void *out;
    const void *partials;
    size_t n_partials, stride;
} reduce_job;

static dsb_status reduce_range(const dsbi_call *call, const void *user, size_t first, size_t count,
                               size_t worker)
{
    (void)worker;
    const reduce_job *job = user;
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    void *out = dsbi_at(call, job->out, first);
    for (size_t p = 0; p < job->n_partials; p++)
        call->math->add(kernels, out, out, dsbi_at(call, job->partials, p * job->stride + first),
                        count);
    return DSB_OK;
}

dsb_status dsbi_reduce(const dsbi_call *call, void *out, const void *partials, size_t n_partials,
                       size_t stride, size_t n)
{
    if (!out)
        return DSB_OK;
    reduce_job job = {out, partials, n_partials, stride};
    return dsbi_ranges(call, &job, n, REDUCE_STEP, reduce_range);
}
