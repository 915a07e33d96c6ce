/* Multi-head self-attention between the tokens of an image. Vaswani et al. 2017, sec. 3.2:
 *     P = softmax(Q K^T / sqrt(d)),  y = P V         for each head of d channels
 * x holds q, k, v of all heads side by side, [T, 3 D] as timm's fused qkv; y is [T, D].
 *
 * P is never stored: a task takes one image and head and works through blocks of queries, whose
 * scores against all keys stay in the second-level cache. Forward keeps two numbers for each row,
 * the largest score and the inverse of the sum; backward makes the block again (Dao et al. 2022,
 * "FlashAttention", without its blocks of keys):
 *     dV += P^T dy,  dP = dy V^T,  dS = P (dP - sum_j P dP) / sqrt(d),  dQ = dS K,  dK += dS^T Q */
#include <math.h>
#include "nn/blocks.h"

/* A block of scores is at most 256 KiB (Zen 5, 1 MiB second-level cache, November 2026), its rows a
 * multiple of the heights of all tiles: 14, 6, 4. */
enum { BLOCK_ELEMENTS = 65536, TILE_ROWS = 84, TASKS_WANTED = 16, ALIASING_STRIDE = 256 };

static void declare(dsbi_builder *b, dsbi_node *node)
{
    const size_t c = node->in.c, heads = node->attrs.heads;
    if (heads == 0 || c % 3 != 0 || c / 3 % heads != 0) {
        dsbi_builder_fail(b, DSB_E_SHAPE, "attention of %zu heads over %zu channels of q, k, v",
                          heads, c);
        return;
    }
    node->out.c = c / 3;
}

/* How an image and head is worked through, and where things lie in a worker's scratch, in
 * elements. */
typedef struct attention_work {
    size_t t, d, dim, heads;
    size_t units;  /* images x heads */
    size_t block;  /* queries at a time */
    size_t pieces; /* forward: tasks of a unit */
    size_t ld;     /* of a row of scores */
    double scale;
    size_t scores, slopes, stats;
    size_t keys_t, values_t, keys, values; /* packed: K^T and V^T [d, T], K and V [T, d] */
    size_t rows;                           /* packed: queries, then gradients, of a block */
    size_t worker_size;
} attention_work;

static size_t packed_size(size_t k, size_t n)
{
    return k * (n + DSBI_GEMM_PAD);
}

static attention_work cut(const dsbi_node *node, size_t batch, bool backward)
{
    const size_t heads = node->attrs.heads, t = dsbi_shape_rows(node->out);
    attention_work w = {
        .t = t, .d = node->out.c / heads, .dim = node->out.c, .heads = heads, .pieces = 1};
    w.units = batch * heads;
    w.scale = 1 / sqrt((double)w.d);
    w.ld = (t + 15) / 16 * 16;
    w.ld += w.ld % ALIASING_STRIDE == 0 ? 16 : 0; /* or rows would share sets of the cache */
    w.block = BLOCK_ELEMENTS / w.ld / TILE_ROWS * TILE_ROWS;
    if (w.block == 0 || (!backward && w.units < TASKS_WANTED))
        w.block = TILE_ROWS;
    w.block = w.block < t ? w.block : t;
    if (!backward && w.units < TASKS_WANTED)
        w.pieces = dsbi_pieces(t, w.block);

    size_t end = 0;
    w.scores = dsbi_take(&end, w.block * w.ld);
    w.keys_t = dsbi_take(&end, packed_size(w.d, t));
    w.stats = dsbi_take(&end, backward ? 0 : 2 * w.block);
    w.values = dsbi_take(&end, backward ? 0 : packed_size(t, w.d));
    w.slopes = dsbi_take(&end, backward ? w.block * w.ld : 0);
    w.values_t = dsbi_take(&end, backward ? packed_size(w.d, t) : 0);
    w.keys = dsbi_take(&end, backward ? packed_size(t, w.d) : 0);
    w.rows = dsbi_take(&end, backward ? packed_size(w.block, w.d) : 0);
    w.worker_size = end;
    return w;
}

static void needs(const dsbi_node *node, const dsbi_sizing *sizing, dsbi_needs *needs)
{
    /* fewer images make smaller tasks, not larger scratch: blocks only shrink */
    const attention_work forward = cut(node, sizing->batch, false);
    const attention_work backward = cut(node, sizing->batch, true);
    needs->saved = 2 * forward.units * forward.t * sizing->item;
    needs->scratch_forward = sizing->n_threads * forward.worker_size * sizing->item;
    needs->scratch_backward = sizing->n_threads * backward.worker_size * sizing->item;
    needs->keep_x = 1;
    needs->adds_dx = true;
}

/* One image and head. q, k, v, dq, dk, dv [T, d] with rows 3 D apart, y and dy with rows D apart.
 */
typedef struct head {
    const void *q, *k, *v, *dy;
    void *y, *dq, *dk, *dv;
    void *shift, *inverse; /* [T] each; NULL where nothing is kept */
} head;

static head head_of(const dsbi_call *call, const attention_work *w, size_t unit)
{
    const size_t first = unit / w->heads * w->t, column = unit % w->heads * w->d;
    const size_t at = first * 3 * w->dim + column;
    head h = {.q = dsbi_at(call, call->x[0], at),
              .k = dsbi_at(call, call->x[0], at + w->dim),
              .v = dsbi_at(call, call->x[0], at + 2 * w->dim),
              .y = dsbi_at(call, call->y, first * w->dim + column)};
    if (call->training) {
        h.shift = dsbi_at(call, call->saved, 2 * unit * w->t);
        h.inverse = dsbi_at(call, h.shift, w->t);
    }
    if (call->dy) {
        h.dy = dsbi_at(call, call->dy, first * w->dim + column);
        h.dq = dsbi_at(call, call->dx[0], at);
        h.dk = dsbi_at(call, call->dx[0], at + w->dim);
        h.dv = dsbi_at(call, call->dx[0], at + 2 * w->dim);
    }
    return h;
}

static void *scratch_at(const dsbi_call *call, const attention_work *w, size_t worker, size_t at)
{
    return dsbi_at(call, call->scratch, worker * w->worker_size + at);
}

/* y of queries first .. first + count. */
static void forward_block(const dsbi_call *call, const attention_work *w, const head *h,
                          size_t first, size_t count, size_t worker)
{
    const dsbi_math *math = call->math;
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    void *scores = scratch_at(call, w, worker, w->scores);
    void *stats = scratch_at(call, w, worker, w->stats);
    void *shift = h->shift ? dsbi_at(call, h->shift, first) : stats;
    void *inverse = h->inverse ? dsbi_at(call, h->inverse, first) : dsbi_at(call, stats, w->block);
    math->block(kernels, scores, w->ld, dsbi_at(call, h->q, first * 3 * w->dim), 3 * w->dim, 1,
                scratch_at(call, w, worker, w->keys_t), count, w->t, w->d, w->scale, 0);
    math->attention_softmax(kernels, scores, shift, inverse, w->ld, count, w->t);
    math->block(kernels, dsbi_at(call, h->y, first * w->dim), w->dim, scores, w->ld, 1,
                scratch_at(call, w, worker, w->values), count, w->d, w->t, 1, 0);
}

static dsb_status forward_tasks(const dsbi_call *call, const void *job, size_t first, size_t count,
                                size_t worker)
{
    const attention_work *w = job;
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    for (size_t task = first; task < first + count; task++) {
        const head h = head_of(call, w, task / w->pieces);
        call->math->pack(kernels, scratch_at(call, w, worker, w->keys_t), h.k, 3 * w->dim, true,
                         w->d, w->t);
        call->math->pack(kernels, scratch_at(call, w, worker, w->values), h.v, 3 * w->dim, false,
                         w->t, w->d);
        const size_t from = w->pieces > 1 ? task % w->pieces * w->block : 0;
        const size_t end = w->pieces > 1 && from + w->block < w->t ? from + w->block : w->t;
        for (size_t row = from; row < end; row += w->block)
            forward_block(call, w, &h, row, end - row < w->block ? end - row : w->block, worker);
    }
    return DSB_OK;
}

static dsb_status forward(const dsbi_call *call)
{
    const attention_work w = cut(call->node, call->batch, false);
    return dsbi_ranges(call, &w, w.units * w.pieces, 1, forward_tasks);
}

/* What queries first .. first + count add to the gradients of their head. */
static void backward_block(const dsbi_call *call, const attention_work *w, const head *h,
                           size_t first, size_t count, size_t worker)
{
    const dsbi_math *math = call->math;
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    const size_t ld = 3 * w->dim;
    const void *q = dsbi_at(call, h->q, first * ld), *dy = dsbi_at(call, h->dy, first * w->dim);
    void *p = scratch_at(call, w, worker, w->scores), *ds = scratch_at(call, w, worker, w->slopes);
    void *rows = scratch_at(call, w, worker, w->rows);
    const double keep = call->add[0] ? 1 : 0, more = first > 0 ? 1 : keep;
    math->block(kernels, p, w->ld, q, ld, 1, scratch_at(call, w, worker, w->keys_t), count, w->t,
                w->d, w->scale, 0);
    math->block(kernels, ds, w->ld, dy, w->dim, 1, scratch_at(call, w, worker, w->values_t), count,
                w->t, w->d, 1, 0);
    math->attention_softmax_bwd(kernels, p, ds, dsbi_at(call, h->shift, first),
                                dsbi_at(call, h->inverse, first), w->scale, w->ld, count, w->t);
    math->block(kernels, dsbi_at(call, h->dq, first * ld), ld, ds, w->ld, 1,
                scratch_at(call, w, worker, w->keys), count, w->d, w->t, 1, keep);
    math->pack(kernels, rows, q, ld, false, count, w->d);
    math->block(kernels, h->dk, ld, ds, 1, w->ld, rows, w->t, w->d, count, 1, more);
    math->pack(kernels, rows, dy, w->dim, false, count, w->d);
    math->block(kernels, h->dv, ld, p, 1, w->ld, rows, w->t, w->d, count, 1, more);
}

static dsb_status backward_tasks(const dsbi_call *call, const void *job, size_t first, size_t count,
                                 size_t worker)
{
    const attention_work *w = job;
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    for (size_t unit = first; unit < first + count; unit++) {
        const head h = head_of(call, w, unit);
        call->math->pack(kernels, scratch_at(call, w, worker, w->keys_t), h.k, 3 * w->dim, true,
                         w->d, w->t);
        call->math->pack(kernels, scratch_at(call, w, worker, w->values_t), h.v, 3 * w->dim, true,
                         w->d, w->t);
        call->math->pack(kernels, scratch_at(call, w, worker, w->keys), h.k, 3 * w->dim, false,
                         w->t, w->d);
        for (size_t row = 0; row < w->t; row += w->block)
            backward_block(call, w, &h, row, w->t - row < w->block ? w->t - row : w->block, worker);
    }
    return DSB_OK;
}

static dsb_status backward(const dsbi_call *call)
{
    if (!call->dx[0])
        return DSB_OK;
    const attention_work w = cut(call->node, call->batch, true);
    return dsbi_ranges(call, &w, w.units, 1, backward_tasks);
}

/* Q K^T and P V. */
static uint64_t macs(const dsbi_node *node)
{
    const uint64_t t = dsbi_shape_rows(node->out);
    return 2 * t * t * node->out.c;
}

static dsbi_value check(dsbi_builder *b, dsbi_value x)
{
    x = dsbi_attention(b, dsbi_linear(b, x, "qkv", 12), 2);
    return dsbi_attention(b, dsbi_linear(b, x, "single", 9), 1);
}

const dsbi_layer dsbi_layer_attention = {.name = "attention",
                                         .declare = declare,
                                         .needs = needs,
                                         .forward = forward,
                                         .backward = backward,
                                         .macs = macs,
                                         .check_image = {5, 1, 3},
                                         .check = check};

dsbi_value dsbi_attention(dsbi_builder *b, dsbi_value x, size_t heads)
{
    return dsbi_node_add(b, &dsbi_layer_attention, "", &x, 1, &(dsbi_attrs){.heads = heads});
}
