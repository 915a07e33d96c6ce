/* See groupconv.h. A unit of forward is a block of channels of one image; a unit of backward a
 * block of a few images, whose gradients of weights are summed by themselves and added up in order.
 */
#include "nn/groupconv.h"

#include <string.h>
#include "base/sizes.h"
#include "nn/blocks.h"

enum {
    LANES = GROUPCONV_LANES,
    FRAME_ELEMENTS = 6 << 10, /* of a frame: two fit the first-level cache */
    TASKS = 64                /* of backward, at most, about */
};

typedef struct group_work {
    size_t group, stride, pad;
    size_t channels, blocks;  /* of a block: a multiple of LANES and of the group */
    size_t weights;           /* of a block */
    size_t images, parts;     /* backward: images of a task, tasks of a block */
    size_t lines, back_lines; /* of output, of input: as many as are done at a time */
    size_t ready, partial, stride_of_partials;
    size_t worker, frame, dense, worker_size, end;
} group_work;

/* Pixels of a line of the frame under `width` outputs. */
static size_t frame_width(size_t width, size_t stride)
{
    return ((width + GROUPCONV_STRIP - 1) / GROUPCONV_STRIP * GROUPCONV_STRIP - 1) * stride + 3;
}

static size_t frame_lines(size_t lines, size_t stride)
{
    return (lines - 1) * stride + 3;
}

/* Lines of output whose frame stays small. */
static size_t lines_of(dsbi_shape out, size_t stride, size_t channels)
{
    const size_t line = frame_width(out.w, stride) * channels;
    const size_t fit = FRAME_ELEMENTS / line, lines = fit > 3 ? (fit - 3) / stride + 1 : 1;
    return lines < out.h ? lines : out.h;
}

/* Weights in the order of the kernel, then the bias; or, for partial sums, its gradient. */
static size_t ready_size(const dsbi_node *node, const group_work *w)
{
    return w->blocks * w->weights + node->in.c;
}

static group_work work_of(const dsbi_node *node, size_t batch, size_t n_threads, bool backward,
                          bool prepared)
{
    const dsbi_attrs *a = &node->attrs;
    const dsbi_shape in = node->in, out = node->out;
    group_work w = {.group = in.c / a->groups, .stride = a->stride ? a->stride : 1, .pad = a->pad};
    w.channels = dsbi_larger(w.group, LANES);
    w.blocks = in.c / w.channels;
    w.weights = 9 * w.group * w.channels;
    w.parts = dsbi_pieces(TASKS, w.blocks);
    w.images = dsbi_pieces(batch, w.parts < batch ? w.parts : batch);
    w.parts = dsbi_pieces(batch, w.images);
    w.lines = lines_of(out, w.stride, w.channels);
    w.back_lines = lines_of(in, 1, w.channels);
    w.stride_of_partials = ready_size(node, &w);
    w.ready = dsbi_take(&w.end, prepared ? 0 : ready_size(node, &w));
    w.partial = dsbi_take(&w.end, backward ? w.parts * w.stride_of_partials : 0);
    const size_t frame = frame_lines(w.lines, w.stride) * frame_width(out.w, w.stride);
    const size_t back = frame_lines(w.back_lines, 1) * frame_width(in.w, 1);
    size_t end = 0;
    w.frame = dsbi_take(&end, (backward ? dsbi_larger(frame, back) : frame) * w.channels);
    w.dense = dsbi_take(&end, backward ? w.lines * frame_width(out.w, 1) * LANES : 0);
    w.worker_size = end;
    w.worker = dsbi_take(&w.end, n_threads * end);
    return w;
}

static bool is_power_of_two(size_t n)
{
    return (n & (n - 1)) == 0;
}

bool dsbi_groupconv_fits(const dsbi_node *node)
{
    const dsbi_attrs *a = &node->attrs;
    if (a->groups <= 1 || a->kernel != 3 || a->stride > 2 || a->dilation > 1 || a->pad > 2 ||
        node->in.c != a->c_out || node->gelu || node->residual || node->pixels)
        return false;
    const size_t group = node->in.c / a->groups;
    return node->in.c % LANES == 0 &&
           (group % LANES == 0 || (group < LANES && is_power_of_two(group)));
}

void dsbi_groupconv_needs(const dsbi_node *node, const dsbi_sizing *sizing, dsbi_needs *needs)
{
    const group_work forward =
        work_of(node, sizing->batch, sizing->n_threads, false, sizing->prepares);
    needs->scratch_forward = forward.end * sizing->item;
    if (sizing->prepares)
        needs->prepared = ready_size(node, &forward) * sizing->item;
    needs->scratch_backward =
        work_of(node, sizing->batch, sizing->n_threads, true, false).end * sizing->item;
    needs->keep_x = 1;
    needs->adds_dx = true;
}

/* --- weights ---------------------------------------------------------------------------------- */

static void copy_one(const dsbi_call *call, void *to, size_t at, const void *from, size_t place)
{
    memcpy(dsbi_at(call, to, at), dsbi_at(call, from, place), call->math->item);
}

/* Of LANES channels [first, ...): [9, group, LANES] from W [c, 9, group]. Reversed, for the
 * gradient of the data: what channel first + l gives to output i of its group, taps from last to
 * first. */
static void lay_weights(const dsbi_call *call, const group_work *w, void *to, size_t first,
                        bool reversed)
{
    const void *from = call->params[0];
    for (size_t tap = 0; tap < 9; tap++)
        for (size_t i = 0; i < w->group; i++)
            for (size_t l = 0; l < LANES; l++) {
                const size_t c = first + l, at = (tap * w->group + i) * LANES + l;
                const size_t other = c / w->group * w->group + i;
                copy_one(call, to, at, from,
                         reversed ? (other * 9 + 8 - tap) * w->group + c % w->group
                                  : (c * 9 + tap) * w->group + i);
            }
}

typedef struct lay_job {
    const group_work *work;
    void *to;
    bool reversed;
} lay_job;

static dsb_status lay_range(const dsbi_call *call, const void *user, size_t first, size_t count,
                            size_t worker)
{
    (void)worker;
    const lay_job *job = user;
    const size_t size = 9 * job->work->group * LANES;
    for (size_t i = first; i < first + count; i++)
        lay_weights(call, job->work, dsbi_at(call, job->to, i * size), i * LANES, job->reversed);
    return DSB_OK;
}

/* All weights, and in forward the bias behind them. */
static dsb_status lay_all(const dsbi_call *call, const group_work *w, void *to, bool reversed)
{
    const size_t c = call->node->in.c, n = c / LANES;
    const lay_job job = {w, to, reversed};
    if (!reversed && call->params[1])
        memcpy(dsbi_at(call, to, w->blocks * w->weights), call->params[1], c * call->math->item);
    return dsbi_ranges(call, &job, n, dsbi_range_step(n, 9 * w->group * LANES), lay_range);
}

dsb_status dsbi_groupconv_prepare(const dsbi_call *call)
{
    const group_work w = work_of(call->node, call->batch, 1, false, true);
    return lay_all(call, &w, call->prepared, false);
}

/* --- frames ----------------------------------------------------------------------------------- */

/* One image of an array as a frame sees it: pixel (i, j) lies at line i spread + offset and column
 * j spread + offset. */
typedef struct framed {
    const void *image;
    dsbi_shape shape;
    size_t spread;
    size_t offset; /* at most 2 */
} framed;

/* Pixels `from_step` bytes apart to places `to_step` apart; sizes known to the compiler for LANES
 * floats, for a call each would take longer than the convolution of the pixel. */
static void copy_pixels(char *to, size_t to_step, const char *from, size_t from_step, size_t n,
                        size_t size)
{
    enum { USUAL = LANES * sizeof(float) };
    if (size == USUAL)
        for (size_t j = 0; j < n; j++)
            memcpy(to + j * to_step, from + j * from_step, USUAL);
    else
        for (size_t j = 0; j < n; j++)
            memcpy(to + j * to_step, from + j * from_step, size);
}

/* Line i of the image, in a frame's line of `width` pixels of `size` bytes, which is zeros where
 * spread > 1. */
static void fill_line(const dsbi_call *call, char *to, const framed *f, size_t i, size_t width,
                      size_t channel, size_t size)
{
    const size_t first = f->offset, room = dsbi_pieces(width - first, f->spread);
    const size_t n = f->shape.w < room ? f->shape.w : room;
    const void *from = dsbi_at(call, f->image, i * f->shape.w * f->shape.c + channel);
    if (f->spread == 1) {
        memset(to, 0, first * size);
        memset(to + (first + n) * size, 0, (width - first - n) * size);
    }
    copy_pixels(to + first * size, f->spread * size, from, f->shape.c * call->math->item, n, size);
}

/* Lines [first, first + lines) of the frame, `width` pixels of `channels` from `channel` on. */
static void make_frame(const dsbi_call *call, void *frame, const framed *f, size_t first,
                       size_t lines, size_t width, size_t channel, size_t channels)
{
    const size_t size = channels * call->math->item;
    for (size_t line = 0; line < lines; line++) {
        char *to = (char *)frame + line * width * size;
        const size_t at = first + line - f->offset; /* wraps above the image */
        const bool inside =
            first + line >= f->offset && at % f->spread == 0 && at / f->spread < f->shape.h;
        if (!inside || f->spread > 1)
            memset(to, 0, width * size);
        if (inside)
            fill_line(call, to, f, (size_t)at / f->spread, width, channel, size);
    }
}

static void *worker_at(const dsbi_call *call, const group_work *w, size_t worker, size_t at)
{
    return dsbi_at(call, call->scratch, w->worker + worker * w->worker_size + at);
}

static const void *ready_at(const dsbi_call *call, const group_work *w, size_t at)
{
    return call->prepared ? dsbi_at(call, call->prepared, at)
                          : dsbi_at(call, call->scratch, w->ready + at);
}

/* --- forward and gradient of the data --------------------------------------------------------- */

typedef struct band {
    framed from;
    const void *bias, *add; /* add: laid out as y, which it may be; NULL: none */
    void *y;
    dsbi_shape shape; /* of y */
    size_t stride, lines;
    bool relu;
} band;

/* The convolution of a block of channels of one image. */
static void convolve(const dsbi_call *call, const group_work *w, const band *b, size_t block,
                     size_t worker)
{
    const size_t width = frame_width(b->shape.w, b->stride), first_channel = block * w->channels;
    void *frame = worker_at(call, w, worker, w->frame);
    dsbi_group_shape s = {.width = b->shape.w,
                          .group = w->group,
                          .stride = b->stride,
                          .x_line = width * w->channels,
                          .x_step = w->channels,
                          .y_step = b->shape.c};
    for (size_t line = 0; line < b->shape.h; line += b->lines) {
        s.lines = b->shape.h - line < b->lines ? b->shape.h - line : b->lines;
        make_frame(call, frame, &b->from, line * b->stride, frame_lines(s.lines, b->stride), width,
                   first_channel, w->channels);
        for (size_t c = first_channel; c < first_channel + w->channels; c += LANES) {
            const size_t at = line * b->shape.w * b->shape.c + c;
            call->math->group_fwd(dsbi_kernels_of(call->rt), dsbi_at(call, b->y, at), frame,
                                  ready_at(call, w, c * 9 * w->group),
                                  b->bias ? dsbi_at(call, b->bias, c) : NULL,
                                  b->add ? dsbi_at(call, b->add, at) : NULL, b->relu, s);
        }
    }
}

static dsb_status forward_units(const dsbi_call *call, const void *job, size_t first, size_t count,
                                size_t worker)
{
    const group_work *w = job;
    const dsbi_shape in = call->node->in, out = call->node->out;
    for (size_t unit = first; unit < first + count; unit++) {
        const size_t image = unit / w->blocks;
        const band b = {
            .from = {dsbi_at(call, call->x[0], image * dsbi_shape_size(in)), in, 1, w->pad},
            .bias = call->params[1] ? ready_at(call, w, w->blocks * w->weights) : NULL,
            .y = dsbi_at(call, call->y, image * dsbi_shape_size(out)),
            .shape = out,
            .stride = w->stride,
            .lines = w->lines,
            .relu = call->node->relu};
        convolve(call, w, &b, unit % w->blocks, worker);
    }
    return DSB_OK;
}

dsb_status dsbi_groupconv_forward(const dsbi_call *call)
{
    const group_work w =
        work_of(call->node, call->batch, call->rt->n_threads, false, call->prepared);
    if (!call->prepared)
        DSBI_TRY(lay_all(call, &w, dsbi_at(call, call->scratch, w.ready), false));
    const size_t units = call->batch * w.blocks;
    const size_t work = dsbi_shape_rows(call->node->out) * w.channels * w.group;
    return dsbi_ranges(call, &w, units, dsbi_range_step(units, work), forward_units);
}

/* --- backward --------------------------------------------------------------------------------- */

static void data_gradient(const dsbi_call *call, const group_work *w, size_t image, size_t block,
                          size_t worker)
{
    const dsbi_shape in = call->node->in, out = call->node->out;
    void *dx = dsbi_at(call, call->dx[0], image * dsbi_shape_size(in));
    const band b = {
        .from = {dsbi_at(call, call->dy, image * dsbi_shape_size(out)), out, w->stride, 2 - w->pad},
        .add = call->add[0] ? dx : NULL,
        .y = dx,
        .shape = in,
        .stride = 1,
        .lines = w->back_lines};
    convolve(call, w, &b, block, worker);
}

/* dW and, behind those of all blocks, the sums of dy for the bias. */
static void weight_gradient(const dsbi_call *call, const group_work *w, void *partial, size_t image,
                            size_t block, size_t worker)
{
    const dsbi_shape in = call->node->in, out = call->node->out;
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    const size_t width = frame_width(out.w, w->stride), dense_width = frame_width(out.w, 1);
    const framed x = {dsbi_at(call, call->x[0], image * dsbi_shape_size(in)), in, 1, w->pad};
    const framed dy = {dsbi_at(call, call->dy, image * dsbi_shape_size(out)), out, 1, 0};
    void *frame = worker_at(call, w, worker, w->frame),
         *dense = worker_at(call, w, worker, w->dense);
    dsbi_group_shape s = {.width = out.w,
                          .group = w->group,
                          .stride = w->stride,
                          .x_line = width * w->channels,
                          .x_step = w->channels,
                          .y_line = dense_width * LANES};
    for (size_t line = 0; line < out.h; line += w->lines) {
        s.lines = out.h - line < w->lines ? out.h - line : w->lines;
        make_frame(call, frame, &x, line * w->stride, frame_lines(s.lines, w->stride), width,
                   block * w->channels, w->channels);
        for (size_t c = block * w->channels; c < (block + 1) * w->channels; c += LANES) {
            make_frame(call, dense, &dy, line, s.lines, dense_width, c, LANES);
            call->math->group_bwd_weights(kernels, dsbi_at(call, partial, c * 9 * w->group), frame,
                                          dense, s);
            if (call->grads[1])
                call->math->colsum(kernels, dsbi_at(call, partial, w->blocks * w->weights + c),
                                   dense, s.lines * dense_width, LANES);
        }
    }
}

static dsb_status backward_task(const dsbi_call *call, const void *job, size_t task, size_t count,
                                size_t worker)
{
    (void)count;
    const group_work *w = job;
    const size_t block = task % w->blocks, part = task / w->blocks, c = block * w->channels;
    void *partial = dsbi_at(call, call->scratch, w->partial + part * w->stride_of_partials);
    memset(dsbi_at(call, partial, block * w->weights), 0, w->weights * call->math->item);
    memset(dsbi_at(call, partial, w->blocks * w->weights + c), 0, w->channels * call->math->item);
    const size_t end = (part + 1) * w->images < call->batch ? (part + 1) * w->images : call->batch;
    for (size_t image = part * w->images; image < end; image++) {
        if (call->dx[0])
            data_gradient(call, w, image, block, worker);
        if (call->grads[0])
            weight_gradient(call, w, partial, image, block, worker);
    }
    return DSB_OK;
}

/* dW [c, 9, group] += a sum laid out as the weights that are ready. */
static void add_weights(const dsbi_call *call, const group_work *w, const void *sum)
{
    for (size_t c = 0; c < call->node->in.c; c++)
        for (size_t k = 0; k < 9 * w->group; k++) {
            const size_t to = c * 9 * w->group + k;
            const size_t from = c / LANES * LANES * 9 * w->group + k * LANES + c % LANES;
            dsbi_real_add(call->math, call->grads[0], to, dsbi_real(call->math, sum, from));
        }
}

dsb_status dsbi_groupconv_backward(const dsbi_call *call)
{
    const group_work w = work_of(call->node, call->batch, call->rt->n_threads, true, false);
    if (call->dx[0])
        DSBI_TRY(lay_all(call, &w, dsbi_at(call, call->scratch, w.ready), true));
    DSBI_TRY(dsbi_ranges(call, &w, w.parts * w.blocks, 1, backward_task));
    void *sum = dsbi_at(call, call->scratch, w.partial);
    DSBI_TRY(dsbi_reduce(call, sum, dsbi_at(call, sum, w.stride_of_partials), w.parts - 1,
                         w.stride_of_partials, w.stride_of_partials));
    if (call->grads[0])
        add_weights(call, &w, sum);
    if (call->grads[1])
        call->math->add(dsbi_kernels_of(call->rt), call->grads[1], call->grads[1],
                        dsbi_at(call, sum, w.blocks * w.weights), call->node->in.c);
    return DSB_OK;
}
