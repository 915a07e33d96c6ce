/* Winograd's products with many weights: 36 matrices of 512 x 512 are 38 MB, and to read them anew
 * for each block of pieces takes longer than the products. So a wave of pieces, as many as the
 * third-level cache holds, goes through the three steps together: V of all, then the 36 products,
 * each a task that reads its weights once, then the outputs. */
#include "base/sizes.h"
#include "nn/blocks.h"
#include "nn/norm.h"
#include "nn/winograd_product.h"

/* Pieces first .. first + count. */
typedef struct wino_wave {
    const dsbi_wino_product *job;
    size_t first, count;
} wino_wave;

static dsb_status wave_input(const dsbi_call *call, const void *user, size_t first, size_t count,
                             size_t worker)
{
    (void)worker;
    const wino_wave *wave = user;
    const dsbi_wino_product *job = wave->job;
    void *v = dsbi_at(call, call->scratch, job->v + first * job->cut.in.c);
    dsbi_wino_input(call, &job->cut, v, job->v_stride, job->x, job->normed,
                    dsbi_wino_zeros_at(call, job), wave->first + first, count);
    return DSB_OK;
}

static dsb_status wave_product(const dsbi_call *call, const void *user, size_t point, size_t count,
                               size_t worker)
{
    (void)count;
    (void)worker;
    const wino_wave *wave = user;
    const dsbi_wino_product *job = wave->job;
    const size_t c = job->cut.in.c, n = job->cut.out.c;
    const void *u = dsbi_wino_ready_at(call, job, point * dsbi_wino_u_stride(job, n));
    call->math->block(dsbi_kernels_of(call->rt),
                      dsbi_at(call, call->scratch, job->m + point * job->m_stride), n,
                      dsbi_at(call, call->scratch, job->v + point * job->v_stride), c, 1, u,
                      wave->count, n, c, 1, 0);
    return DSB_OK;
}

static bool sums_norm(const dsbi_wino_product *job)
{
    return job->norms && job->reversed;
}

static dsb_status wave_output(const dsbi_call *call, const void *user, size_t first, size_t count,
                              size_t worker)
{
    (void)worker;
    const wino_wave *wave = user;
    const dsbi_wino_product *job = wave->job;
    const size_t n = job->cut.out.c;
    const dsbi_wino_out out = {
        .y = job->y,
        .bias = job->bias ? dsbi_wino_ready_at(call, job, dsbi_wino_ready_bias(job)) : NULL,
        .from = job->from,
        .relu = job->relu,
        .columns = n};
    for (size_t at = first; at < first + count; at += job->block) {
        const size_t piece = wave->first + at, part = dsbi_smaller(first + count - at, job->block);
        if (sums_norm(job) && piece % job->group == 0)
            dsbi_norm_sums_begin(call, piece / job->group);
        dsbi_wino_output(call, &job->cut, &out, dsbi_at(call, call->scratch, job->m + at * n),
                         job->m_stride, piece, part);
        dsbi_wino_finish_norms(call, job, piece, part);
    }
    return DSB_OK;
}

dsb_status dsbi_wino_waves(const dsbi_call *call, const dsbi_wino_product *job)
{
    /* a part of a norm's sums belongs to one task at a time, several waves if it is larger */
    const size_t step = sums_norm(job) ? dsbi_smaller(job->group, job->wave) : job->block;
    const size_t most = job->wave > step ? job->wave / step * step : job->wave;
    for (size_t first = 0; first < job->cut.pieces; first += most) {
        const wino_wave wave = {job, first, dsbi_smaller(job->cut.pieces - first, most)};
        DSBI_TRY(dsbi_ranges(call, &wave, wave.count, job->block, wave_input));
        DSBI_TRY(dsbi_ranges(call, &wave, DSBI_WINO_POINTS, 1, wave_product));
        DSBI_TRY(dsbi_ranges(call, &wave, wave.count, step, wave_output));
    }
    return DSB_OK;
}
