/* See blocks.h. */
#include "nn/blocks.h"

#include <string.h>
#include "base/pool.h"

/* 16 Ki elements take some 5 us in a memory-bound loop: far above the cost of handing out a task */
enum { TASK_ELEMENTS = 16384, PARTIAL_ELEMENTS = 1 << 22 };

/* Numbers that a task adds up over all partial results: whole lines of the cache, in f64 too. */
enum { LINE_ELEMENTS = 16, LEAST_REDUCED = 256, MOST_REDUCED = 4096 };

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
    dsbi_sum sums[2]; /* their partial results lie one behind the other */
    const void *partials;
    size_t n_partials, stride;
} reduce_job;

static void reduce_part(const dsbi_call *call, const reduce_job *job, const dsbi_sum *sum,
                        size_t begin, size_t at, size_t count)
{
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    void *out = dsbi_at(call, sum->out, begin);
    if (sum->fresh)
        memcpy(out, dsbi_at(call, job->partials, at), count * call->math->item);
    for (size_t p = sum->fresh ? 1 : 0; p < job->n_partials; p++)
        call->math->add(kernels, out, out, dsbi_at(call, job->partials, p * job->stride + at),
                        count);
}

static dsb_status reduce_range(const dsbi_call *call, const void *user, size_t first, size_t count,
                               size_t worker)
{
    (void)worker;
    const reduce_job *job = user;
    const size_t end = first + count;
    size_t from = 0;
    for (size_t k = 0; k < 2; from += job->sums[k++].n) {
        const dsbi_sum *sum = &job->sums[k];
        const size_t begin = first > from ? first : from, to = from + sum->n,
                     last = end < to ? end : to;
        if (begin < last && sum->out)
            reduce_part(call, job, sum, begin - from, begin, last - begin);
    }
    return DSB_OK;
}

/* Elements of a task: as much work as others have, but whole lines of the cache. */
static size_t reduce_step(size_t n_partials)
{
    const size_t lines = TASK_ELEMENTS / LINE_ELEMENTS / (n_partials ? n_partials : 1);
    const size_t step = (lines ? lines : 1) * LINE_ELEMENTS;
    return step < LEAST_REDUCED ? LEAST_REDUCED : step > MOST_REDUCED ? MOST_REDUCED : step;
}

dsb_status dsbi_reduce_both(const dsbi_call *call, dsbi_sum first, dsbi_sum second,
                            const void *partials, size_t n_partials, size_t stride)
{
    if (!first.out && !second.out)
        return DSB_OK;
    const reduce_job job = {{first, second}, partials, n_partials, stride};
    return dsbi_ranges(call, &job, first.n + second.n, reduce_step(n_partials), reduce_range);
}

dsb_status dsbi_reduce(const dsbi_call *call, void *out, const void *partials, size_t n_partials,
                       size_t stride, size_t n)
{
    return dsbi_reduce_both(call, (dsbi_sum){out, n, false}, (dsbi_sum){NULL, 0, false}, partials,
                            n_partials, stride);
}
