/* See norm.h. */
#include "nn/norm.h"

#include <string.h>

void dsbi_norm_stats_set(const dsbi_call *call, size_t part, size_t first, size_t count)
{
    const dsbi_norm_stats *s = call->stats;
    if (!s)
        return;
    const size_t c = call->node->out.c;
    void *mean = dsbi_at(call, s->partials, part * 2 * c);
    call->math->batchnorm_stats(dsbi_kernels_of(call->rt), mean, dsbi_at(call, mean, c),
                                dsbi_at(call, call->y, first * c), count, c);
    s->ends[part] = first + count;
}

static void *part_of(const dsbi_call *call, size_t part)
{
    return dsbi_at(call, call->sums->partials, part * 2 * call->node->in.c);
}

void dsbi_norm_sums_begin(const dsbi_call *call, size_t part)
{
    if (call->sums)
        memset(part_of(call, part), 0, 2 * call->node->in.c * call->math->item);
}

void dsbi_norm_sums_add(const dsbi_call *call, size_t part, size_t first, size_t count)
{
    const dsbi_norm_sums *s = call->sums;
    if (!s)
        return;
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    const size_t c = call->node->in.c, at = first * c;
    void *dy = dsbi_at(call, call->dx[0], at), *sum = part_of(call, part);
    if (s->closes)
        call->math->relu_bwd(kernels, dy, dy, dsbi_at(call, call->x[0], at), count * c);
    call->math->batchnorm_sums(
        kernels, sum, dsbi_at(call, sum, c), dy, dsbi_at(call, s->x, at),
        dsbi_at(call, s->norm, DSBI_NORM_MEAN * c), dsbi_at(call, s->norm, DSBI_NORM_SCALE * c),
        s->gate ? dsbi_at(call, s->norm, DSBI_NORM_SHIFT * c) : NULL, count, c);
}
