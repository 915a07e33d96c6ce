/* See winograd_gradient.h. */
#include "nn/winograd_gradient.h"

#include <string.h>
#include "base/sizes.h"
#include "nn/blocks.h"
#include "nn/norm.h"
#include "nn/winograd_pieces.h"

enum {
    POINTS = DSBI_WINO_POINTS,
    GAP = DSBI_WINO_GAP,
    /* sizes in elements, tuned on Zen 5 (1 MiB second-level cache), November 2026 */
    SMALL_BLOCK = 1 << 11, /* channels of pieces, what is next being fetched meanwhile */
    SMALL_PIECES = 8,
    MOST_PIECES = 112,
    LINE_PIECES = 28, /* a line of so many, or fewer, is in a block as a whole */
    SHARED_PIECES = 14,
    GROUP_ELEMENTS = 36 << 12, /* largest dU that groups have of their own */
    MOST_GROUPS = 16,
    SHARED_ELEMENTS = 3 << 20 /* V and D of the pieces that share one dU */
};

typedef struct wino_gradient {
    dsbi_wino_cut cut;
    bool shared;  /* one dU for all pieces */
    bool lines;   /* blocks are whole lines of pieces */
    size_t block; /* pieces transformed by a task at a time */
    size_t group; /* pieces of a task (groups), or between two products (shared) */
    size_t most_groups;
    size_t v_stride, d_stride;
    size_t du, du_size;     /* dU [36, c_out, c_in] of each group, or the one */
    size_t sums, most_sums; /* column sums of dy [c_out] of each group, or each block */
    size_t zeros, worker, v, d, packed, worker_size, end;
} wino_gradient;

static void lay_gradient(wino_gradient *job, size_t n_threads)
{
    const size_t c = job->cut.in.c, n = job->cut.out.c, pieces = job->cut.pieces;
    job->du_size = POINTS * n * c;
    job->shared = job->du_size > GROUP_ELEMENTS;
    const size_t few = SMALL_BLOCK / (c + n), across = job->cut.across;
    job->block = few < SMALL_PIECES ? SMALL_PIECES : dsbi_smaller(few, MOST_PIECES);
    if (across <= LINE_PIECES)
        job->block = dsbi_pieces(job->block, across) * across;
    job->lines = across <= LINE_PIECES;
    size_t held = job->block; /* pieces whose V and D exist at a time */
    if (job->shared) {
        job->block = SHARED_PIECES;
        job->lines = false;
        held = SHARED_ELEMENTS / POINTS / (c + n) / job->block * job->block;
        held = job->group = held > job->block ? held : job->block;
        job->most_groups = 1;
        job->most_sums = dsbi_pieces(pieces, job->block);
    } else {
        const size_t least = dsbi_pieces(pieces, MOST_GROUPS);
        job->group = dsbi_pieces(least, job->block) * job->block;
        job->most_groups = job->most_sums = MOST_GROUPS;
    }
    job->v_stride = held * c + GAP;
    job->d_stride = held * n + GAP;
    job->du = dsbi_take(&job->end, job->most_groups * job->du_size);
    job->sums = dsbi_take(&job->end, job->most_sums * n);
    job->zeros = dsbi_take(&job->end, dsbi_wino_zeros(&job->cut));
    size_t end = 0;
    job->packed = dsbi_take(&end, job->shared ? held * (c + DSBI_GEMM_PAD) : 0);
    job->v = dsbi_take(job->shared ? &job->end : &end, POINTS * job->v_stride);
    job->d = dsbi_take(job->shared ? &job->end : &end, POINTS * job->d_stride);
    job->worker_size = end;
    job->worker = dsbi_take(&job->end, n_threads * end);
}

static void *gradient_at(const dsbi_call *call, const wino_gradient *job, size_t worker, size_t at)
{
    return dsbi_at(call, call->scratch, job->worker + worker * job->worker_size + at);
}

/* What a norm behind has left of dy, for the rows of whole lines of pieces. Written over y, which
 * nobody reads again. */
static void finish_norm(const dsbi_call *call, const dsbi_wino_cut *cut, size_t first, size_t count)
{
    const size_t n = cut->out.c, row = dsbi_wino_row(cut, cut->out, first);
    const size_t rows = dsbi_wino_row(cut, cut->out, first + count) - row;
    void *y = dsbi_at(call, call->y, row * n);
    dsbi_norm_gradient(call, call->norm, call->norm_gate, y, dsbi_at(call, call->dy, row * n), y,
                       false, rows, n);
}

/* V and D of pieces first .. first + count; the pixels of dy are added to `sums`. */
static void transform_both(const dsbi_call *call, const wino_gradient *job, void *v, void *d,
                           void *sums, size_t first, size_t count)
{
    const void *zeros = dsbi_at(call, call->scratch, job->zeros);
    const void *dy = call->norm ? call->y : call->dy;
    if (call->norm)
        finish_norm(call, &job->cut, first, count);
    dsbi_wino_input(call, &job->cut, v, job->v_stride, call->x[0], call->x_norm, zeros, first,
                    count);
    dsbi_wino_output_bwd(call, &job->cut, d, job->d_stride, sums, dy, zeros, first, count);
}

/* dU of one of the 36 points over `count` pieces: = or += D^T V. */
static void sum_point(const dsbi_call *call, const wino_gradient *job, void *du, const void *v,
                      const void *d, size_t point, size_t count, bool add, size_t worker)
{
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    const size_t c = job->cut.in.c, n = job->cut.out.c;
    void *packed = gradient_at(call, job, worker, job->packed);
    call->math->pack(kernels, packed, dsbi_at(call, v, point * job->v_stride), c, false, count, c);
    call->math->block(kernels, dsbi_at(call, du, point * n * c), c,
                      dsbi_at(call, d, point * job->d_stride), 1, n, packed, n, c, count, 1, add);
}

static dsbi_fetch fetch_next(const dsbi_call *call, const dsbi_wino_cut *cut, size_t first,
                             size_t count)
{
    dsbi_fetch fetch = {.n = 0};
    dsbi_wino_fetch(call, cut, &fetch, cut->in, call->x[0], first, count);
    dsbi_wino_fetch(call, cut, &fetch, cut->out, call->dy, first, count);
    if (call->norm)
        dsbi_wino_fetch(call, cut, &fetch, cut->out, call->y, first, count);
    return fetch;
}

static dsb_status sum_group(const dsbi_call *call, const void *user, size_t first, size_t count,
                            size_t worker)
{
    const wino_gradient *job = user;
    const size_t group = first / job->group, n = job->cut.out.c;
    void *du = dsbi_at(call, call->scratch, job->du + group * job->du_size);
    void *v = gradient_at(call, job, worker, job->v), *d = gradient_at(call, job, worker, job->d);
    void *sums = dsbi_at(call, call->scratch, job->sums + group * n);
    if (!call->grads[1])
        sums = NULL;
    else
        memset(sums, 0, n * call->math->item);
    for (size_t done = 0; done < count; done += job->block) {
        const size_t part = count - done < job->block ? count - done : job->block;
        transform_both(call, job, v, d, sums, first + done, part);
        const size_t left = count - done - part;
        call->math->wino_gradients(
            dsbi_kernels_of(call->rt), du, d, job->d_stride, v, job->v_stride, part, n,
            job->cut.in.c, done > 0,
            fetch_next(call, &job->cut, first + done + part, dsbi_smaller(left, job->block)));
    }
    return DSB_OK;
}

/* A stretch of pieces for the one dU: `count` of them from `first` on. */
typedef struct wino_stretch {
    const wino_gradient *job;
    size_t first, count;
} wino_stretch;

static dsb_status transform_stretch(const dsbi_call *call, const void *user, size_t first,
                                    size_t count, size_t worker)
{
    (void)worker;
    const wino_stretch *stretch = user;
    const wino_gradient *job = stretch->job;
    const size_t c = job->cut.in.c, n = job->cut.out.c, piece = stretch->first + first;
    void *sums = dsbi_at(call, call->scratch, job->sums + piece / job->block * n);
    memset(sums, 0, n * call->math->item);
    transform_both(call, job, dsbi_at(call, call->scratch, job->v + first * c),
                   dsbi_at(call, call->scratch, job->d + first * n), sums, piece, count);
    return DSB_OK;
}

static dsb_status sum_stretch(const dsbi_call *call, const void *user, size_t point, size_t count,
                              size_t worker)
{
    (void)count;
    const wino_stretch *stretch = user;
    const wino_gradient *job = stretch->job;
    sum_point(call, job, dsbi_at(call, call->scratch, job->du),
              dsbi_at(call, call->scratch, job->v), dsbi_at(call, call->scratch, job->d), point,
              stretch->count, stretch->first > 0, worker);
    return DSB_OK;
}

static dsb_status sum_shared(const dsbi_call *call, const wino_gradient *job)
{
    for (size_t first = 0; first < job->cut.pieces; first += job->group) {
        const size_t left = job->cut.pieces - first;
        const wino_stretch stretch = {job, first, left < job->group ? left : job->group};
        DSBI_TRY(dsbi_ranges(call, &stretch, stretch.count, job->block, transform_stretch));
        DSBI_TRY(dsbi_ranges(call, &stretch, POINTS, 1, sum_stretch));
    }
    return DSB_OK;
}

/* The gradient of the weights of output channels first .. from dU. */
static dsb_status give_weights(const dsbi_call *call, const void *user, size_t first, size_t count,
                               size_t worker)
{
    (void)worker;
    const wino_gradient *job = user;
    const size_t c = job->cut.in.c, n = job->cut.out.c;
    const size_t taps = job->cut.taps;
    for (size_t i = first; i < first + count; i++)
        call->math->wino_weights_bwd(dsbi_kernels_of(call->rt),
                                     dsbi_at(call, call->grads[0], i * taps * taps * c), c,
                                     dsbi_at(call, call->scratch, job->du + i * c), n * c, taps, c);
    return DSB_OK;
}

static dsb_status finish_lines(const dsbi_call *call, const void *user, size_t first, size_t count,
                               size_t worker)
{
    (void)worker;
    const dsbi_wino_cut *cut = user;
    finish_norm(call, cut, first * cut->across, count * cut->across);
    return DSB_OK;
}

dsb_status dsbi_wino_finish_norm(const dsbi_call *call)
{
    const dsbi_wino_cut cut = dsbi_wino_forward_cut(call->node, call->batch);
    const size_t lines = cut.pieces / cut.across;
    const size_t line = cut.side * cut.out.w * cut.out.c;
    return dsbi_ranges(call, &cut, lines, dsbi_range_step(lines, line), finish_lines);
}

static dsb_status weight_gradient(const dsbi_call *call, const wino_gradient *job)
{
    const size_t n = job->cut.out.c, c = job->cut.in.c;
    memset(dsbi_at(call, call->scratch, job->zeros), 0,
           dsbi_wino_zeros(&job->cut) * call->math->item);
    size_t groups = 1, sums = dsbi_pieces(job->cut.pieces, job->block);
    if (job->shared) {
        DSBI_TRY(sum_shared(call, job));
    } else {
        groups = sums = dsbi_pieces(job->cut.pieces, job->group);
        DSBI_TRY(dsbi_ranges(call, job, job->cut.pieces, job->group, sum_group));
    }
    void *du = dsbi_at(call, call->scratch, job->du);
    DSBI_TRY(dsbi_reduce(call, du, dsbi_at(call, du, job->du_size), groups - 1, job->du_size,
                         job->du_size));
    DSBI_TRY(dsbi_ranges(call, job, n, dsbi_range_step(n, POINTS * c), give_weights));
    if (!call->grads[1])
        return DSB_OK;
    return dsbi_reduce(call, call->grads[1], dsbi_at(call, call->scratch, job->sums), sums, n, n);
}

size_t dsbi_wino_gradient_size(const dsbi_node *node, const dsbi_sizing *sizing)
{
    wino_gradient job = {.cut = dsbi_wino_forward_cut(node, sizing->batch)};
    lay_gradient(&job, sizing->n_threads);
    return job.end;
}

bool dsbi_wino_gradient_by_lines(const dsbi_node *node)
{
    wino_gradient job = {.cut = dsbi_wino_forward_cut(node, 1)};
    lay_gradient(&job, 1);
    return job.lines;
}

dsb_status dsbi_wino_gradient(const dsbi_call *call)
{
    wino_gradient job = {.cut = dsbi_wino_forward_cut(call->node, call->batch)};
    lay_gradient(&job, call->rt->n_threads);
    return weight_gradient(call, &job);
}
