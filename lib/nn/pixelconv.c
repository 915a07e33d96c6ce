/* See pixelconv.h. A unit of work is a strip of lines of output of one image. */
#include "nn/pixelconv.h"

#include <string.h>
#include "nn/blocks.h"
#include "nn/norm.h"

enum {
    STRIP = 16,         /* lines of output of a unit */
    MOST_PARTIALS = 32, /* of the gradient of the weights */
    FEW_PRODUCTS = 32   /* of an output */
};

typedef struct pixel_work {
    size_t k, stride, pad, n;
    size_t run;           /* 3 k: values of a line of the kernel */
    size_t strips, units; /* of an image, of all */
    size_t line;          /* values of a line of input that outputs read, zeros at both ends */
    size_t packed;        /* W, then bias; backward: where the ReLU's corner is found anew */
    size_t bias;          /* behind so much of W */
    size_t group, stride_of_partials; /* backward: units of a task; dW^T [k run, n], sums [n] */
    size_t partials;
    size_t worker, lines, gradient, output, packed_line, worker_size, end;
} pixel_work;

/* Weights made ready, and the bias behind them. */
static size_t ready_size(const pixel_work *w)
{
    return w->bias + w->n;
}

/* A ReLU's output that takes less work to make again than memory to keep. A norm behind would keep
 * it anyway. */
static bool is_cheap(const dsbi_node *node)
{
    return node->relu && 3 * node->attrs.kernel * node->attrs.kernel <= FEW_PRODUCTS;
}

static pixel_work work_of(const dsbi_node *node, size_t batch, size_t n_threads, bool backward)
{
    const dsbi_attrs *a = &node->attrs;
    pixel_work w = {.k = a->kernel, .stride = a->stride ? a->stride : 1, .pad = a->pad};
    w.n = node->out.c;
    w.run = 3 * w.k;
    w.strips = dsbi_pieces(node->out.h, STRIP);
    w.units = batch * w.strips;
    w.line = 3 * ((node->out.w - 1) * w.stride + w.k);
    w.bias = (w.k * w.run * (w.n + DSBI_GEMM_PAD) + 15) / 16 * 16;
    w.group = dsbi_pieces(w.units, MOST_PARTIALS);
    w.stride_of_partials = (w.k * w.run * w.n + w.n + 15) / 16 * 16;
    const bool again = backward && is_cheap(node);
    if (backward)
        w.partials = dsbi_take(&w.end, MOST_PARTIALS * w.stride_of_partials);
    if (!backward || again)
        w.packed = dsbi_take(&w.end, ready_size(&w));
    size_t end = 0;
    w.lines = dsbi_take(&end, ((STRIP - 1) * w.stride + w.k) * w.line);
    w.gradient = dsbi_take(&end, backward ? node->out.w * w.n : 0);
    w.output = dsbi_take(&end, again ? node->out.w * w.n : 0);
    w.packed_line = dsbi_take(&end, backward ? node->out.w * (w.n + DSBI_GEMM_PAD) : 0);
    w.worker_size = end;
    w.worker = dsbi_take(&w.end, n_threads * end);
    return w;
}

bool dsbi_pixelconv_fits(const dsbi_node *node)
{
    const dsbi_attrs *a = &node->attrs;
    return node->pixels && node->in.c == 3 && a->groups <= 1 && a->dilation <= 1 && !node->gelu &&
           !node->residual;
}

void dsbi_pixelconv_needs(const dsbi_node *node, const dsbi_sizing *sizing, dsbi_needs *needs)
{
    const pixel_work work = work_of(node, sizing->batch, sizing->n_threads, false);
    const size_t backward = work_of(node, sizing->batch, sizing->n_threads, true).end;
    needs->scratch_forward = work.end * sizing->item;
    if (sizing->prepares)
        needs->prepared = ready_size(&work) * sizing->item;
    needs->scratch_backward = backward * sizing->item;
    needs->adds_dx = true;
    needs->takes_norm = !node->relu;
    needs->stats_parts = work.units;
    if (is_cheap(node)) {
        needs->remakes = needs->remakes_gate = true;
        needs->scratch_remake = needs->scratch_forward;
    }
}

/* Lines of output of a unit. */
typedef struct strip {
    size_t image, first, count;
} strip;

static strip strip_of(const dsbi_call *call, const pixel_work *w, size_t unit)
{
    const size_t first = unit % w->strips * STRIP, left = call->node->out.h - first;
    return (strip){unit / w->strips, first, left < STRIP ? left : STRIP};
}

/* The lines of input that a strip reads, normalised. */
static void *make_lines(const dsbi_call *call, const pixel_work *w, strip s, size_t worker)
{
    const dsbi_shape in = call->node->in;
    const size_t item = call->math->item;
    void *lines = dsbi_at(call, call->scratch, w->worker + worker * w->worker_size + w->lines);
    const size_t count = (s.count - 1) * w->stride + w->k, before = 3 * w->pad;
    size_t values = before < w->line ? w->line - before : 0; /* of the image in a line */
    values = values < 3 * in.w ? values : 3 * in.w;
    for (size_t i = 0; i < count; i++) {
        char *to = dsbi_at(call, lines, i * w->line);
        const size_t line = s.first * w->stride + i - w->pad; /* wraps above the image */
        if (line >= in.h || values == 0) {
            memset(to, 0, w->line * item);
            continue;
        }
        memset(to, 0, before * item);
        call->math->pixels(dsbi_kernels_of(call->rt), to + before * item,
                           call->pixels + (s.image * in.h + line) * in.w * 3, &call->graph->pixels,
                           values / 3);
        memset(to + (before + values) * item, 0, (w->line - before - values) * item);
    }
    return lines;
}

static const void *ready_weights(const dsbi_call *call, const pixel_work *w)
{
    return call->prepared ? call->prepared : dsbi_at(call, call->scratch, w->packed);
}

/* Line i of output of a strip. */
static void make_output(const dsbi_call *call, const pixel_work *w, void *y, const void *lines,
                        size_t i)
{
    const void *ready = ready_weights(call, w);
    const void *bias = call->params[1] ? dsbi_at(call, ready, w->bias) : NULL;
    call->math->affine(dsbi_kernels_of(call->rt), y, w->n,
                       dsbi_at(call, lines, i * w->stride * w->line), 3 * w->stride, 1, ready,
                       call->node->out.w, w->n, w->run, w->k, w->line, bias, NULL, 0,
                       call->node->relu);
}

static dsb_status forward_unit(const dsbi_call *call, const void *user, size_t unit, size_t count,
                               size_t worker)
{
    (void)count;
    const pixel_work *w = user;
    const strip s = strip_of(call, w, unit);
    const void *lines = make_lines(call, w, s, worker);
    const dsbi_shape out = call->node->out;
    const size_t row = (s.image * out.h + s.first) * out.w;
    for (size_t i = 0; i < s.count; i++)
        make_output(call, w, dsbi_at(call, call->y, (row + i * out.w) * w->n), lines, i);
    dsbi_norm_stats_set(call, unit, row, s.count * out.w);
    return DSB_OK;
}

static void make_ready(const dsbi_call *call, const pixel_work *w, void *ready)
{
    call->math->pack(dsbi_kernels_of(call->rt), ready, call->params[0], w->k * w->run, true,
                     w->k * w->run, w->n);
    if (call->params[1])
        memcpy(dsbi_at(call, ready, w->bias), call->params[1], w->n * call->math->item);
}

dsb_status dsbi_pixelconv_prepare(const dsbi_call *call)
{
    const pixel_work w = work_of(call->node, call->batch, 1, false);
    make_ready(call, &w, call->prepared);
    return DSB_OK;
}

dsb_status dsbi_pixelconv_forward(const dsbi_call *call)
{
    const pixel_work w = work_of(call->node, call->batch, call->rt->n_threads, false);
    if (!call->prepared)
        make_ready(call, &w, dsbi_at(call, call->scratch, w.packed));
    if (call->stats)
        call->stats->n = w.units;
    return dsbi_ranges(call, &w, w.units, 1, forward_unit);
}

/* Whether the output is not there to tell where the ReLU has closed. */
static bool finds_gate(const dsbi_call *call)
{
    return call->remade && call->node->relu && !call->node->gated;
}

/* The gradient in front of the bias of line i of a strip's output, which begins at element `at`. */
static const void *line_gradient(const dsbi_call *call, const pixel_work *w, const void *lines,
                                 size_t i, size_t at, size_t worker)
{
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    const void *dy = dsbi_at(call, call->dy, at);
    const size_t own = w->worker + worker * w->worker_size;
    void *out = dsbi_at(call, call->scratch, own + w->gradient);
    if (finds_gate(call)) {
        void *y = dsbi_at(call, call->scratch, own + w->output);
        make_output(call, w, y, lines, i);
        call->math->relu_bwd(kernels, out, dy, y, call->node->out.w * w->n);
        return out;
    }
    if (!call->norm)
        return dy;
    dsbi_norm_gradient(call, call->norm, call->norm_gate, out, dy, dsbi_at(call, call->y, at),
                       false, call->node->out.w, w->n);
    return out;
}

static dsb_status backward_units(const dsbi_call *call, const void *user, size_t first,
                                 size_t count, size_t worker)
{
    const pixel_work *w = user;
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    const dsbi_shape out = call->node->out;
    void *partial =
        dsbi_at(call, call->scratch, w->partials + first / w->group * w->stride_of_partials);
    void *packed =
        dsbi_at(call, call->scratch, w->worker + worker * w->worker_size + w->packed_line);
    memset(partial, 0, w->stride_of_partials * call->math->item);
    for (size_t unit = first; unit < first + count; unit++) {
        const strip s = strip_of(call, w, unit);
        const void *lines = make_lines(call, w, s, worker);
        for (size_t i = 0; i < s.count; i++) {
            const size_t at = ((s.image * out.h + s.first + i) * out.w) * w->n;
            const void *dy = line_gradient(call, w, lines, i, at, worker);
            call->math->pack(kernels, packed, dy, w->n, false, out.w, w->n);
            for (size_t kh = 0; kh < w->k; kh++)
                call->math->block(kernels, dsbi_at(call, partial, kh * w->run * w->n), w->n,
                                  dsbi_at(call, lines, (i * w->stride + kh) * w->line), 1,
                                  3 * w->stride, packed, w->run, w->n, out.w, 1, 1);
            if (call->params[1])
                call->math->colsum(kernels, dsbi_at(call, partial, w->k * w->run * w->n), dy, out.w,
                                   w->n);
        }
    }
    return DSB_OK;
}

/* dW [n, k run] += the transpose of `sum`. */
static void add_transposed(const dsbi_call *call, const void *sum, const pixel_work *w)
{
    const size_t area = w->k * w->run;
    void *dw = call->grads[0];
    for (size_t i = 0; i < w->n; i++)
        for (size_t p = 0; p < area; p++)
            dsbi_real_add(call->math, dw, i * area + p, dsbi_real(call->math, sum, p * w->n + i));
}

dsb_status dsbi_pixelconv_backward(const dsbi_call *call)
{
    const pixel_work w = work_of(call->node, call->batch, call->rt->n_threads, true);
    const size_t partials = dsbi_pieces(w.units, w.group), area = w.k * w.run;
    if (finds_gate(call))
        make_ready(call, &w, dsbi_at(call, call->scratch, w.packed));
    DSBI_TRY(dsbi_ranges(call, &w, w.units, w.group, backward_units));
    void *sum = dsbi_at(call, call->scratch, w.partials);
    DSBI_TRY(dsbi_reduce(call, sum, dsbi_at(call, sum, w.stride_of_partials), partials - 1,
                         w.stride_of_partials, area * w.n + w.n));
    add_transposed(call, sum, &w);
    if (call->grads[1])
        call->math->add(dsbi_kernels_of(call->rt), call->grads[1], call->grads[1],
                        dsbi_at(call, sum, area * w.n), w.n);
    return DSB_OK;
}
