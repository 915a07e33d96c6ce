/* Multi-head self-attention between the tokens of an image. Vaswani et al. 2017, sec. 3.2:
 *     P = softmax(Q K^T / sqrt(d)),  y = P V         for each head of d channels
 * x holds q, k, v of all heads side by side, [T, 3 D] as timm's fused qkv; y is [T, D].
 *
 * P is never stored: a task takes one image and head and works through strips of queries, whose
 * scores against all keys stay in the first-level cache from their product through their
 * exponentials to the product with V, which the division by their sum follows. Forward keeps two
 * numbers for each row, the largest score and the inverse of the sum; backward makes P again, of
 * strips that fill half of the second-level cache (Dao et al. 2022, "FlashAttention", without its
 * blocks of keys):
 *     dV += P^T dy,  dP = dy V^T,  dS = P (dP - sum_j P dP) / sqrt(d),  dQ = dS K,  dK += dS^T Q */
#include <math.h>
#include "base/sizes.h"
#include "nn/blocks.h"

/* Elements of a strip's scores: 36 KiB of a 48 KiB cache; in backward 256 KiB of 1 MiB, and slopes
 * as many (Zen 5, November 2026). Strips may hold a multiple of the heights of all larger tiles: 14
 * and 6. */
enum {
    STRIP_ELEMENTS = 9216,
    BLOCK_ELEMENTS = 65536,
    TILE_ROWS = 42,
    TASKS_WANTED = 16,
    ALIASING_STRIDE = 256,
    CACHE_LINE = 64
};

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
    size_t tasks;  /* of a unit */
    size_t strips; /* of a task */
    size_t ld;     /* of a row of scores */
    double scale;
    size_t scores, slopes, inverse, shift;
    size_t keys_t, values_t, keys, values; /* packed: K^T and V^T [d, T], K and V [T, d] */
    size_t rows;                           /* packed: queries, then gradients, of a block */
    size_t worker_size;
} attention_work;

static size_t packed_size(size_t k, size_t n)
{
    return k * (n + DSBI_GEMM_PAD);
}

/* How many rows of `width` elements fit `most`, in whole tiles; at least some. */
static size_t rows_within(size_t most, size_t width)
{
    const size_t rows = most / width / TILE_ROWS * TILE_ROWS;
    return rows ? rows : TILE_ROWS;
}

/* The first of the rows of part i: parts differ by one row at most. */
static size_t part_begin(size_t rows, size_t parts, size_t i)
{
    return i * rows / parts;
}

static attention_work cut(const dsbi_node *node, size_t batch, bool backward)
{
    const size_t heads = node->attrs.heads, t = dsbi_shape_rows(node->out);
    attention_work w = {.t = t, .d = node->out.c / heads, .dim = node->out.c, .heads = heads};
    w.units = batch * heads;
    w.scale = 1 / sqrt((double)w.d);
    w.ld = (t + 15) / 16 * 16;
    w.ld += w.ld % ALIASING_STRIDE == 0 ? 16 : 0; /* or rows would share sets of the cache */
    const size_t most = rows_within(backward ? BLOCK_ELEMENTS : STRIP_ELEMENTS, w.ld);
    w.tasks = backward ? 1 : dsbi_smaller(dsbi_pieces(TASKS_WANTED, w.units), dsbi_pieces(t, most));
    w.strips = dsbi_pieces(dsbi_pieces(t, w.tasks), most);

    size_t end = 0;
    const size_t rows = dsbi_smaller(t, most); /* for any number of images */
    w.scores = dsbi_take(&end, rows * w.ld);
    w.keys_t = dsbi_take(&end, packed_size(w.d, t));
    w.inverse = dsbi_take(&end, backward ? 0 : rows);
    w.shift = dsbi_take(&end, backward ? 0 : rows);
    w.values = dsbi_take(&end, backward ? 0 : packed_size(t, w.d));
    w.slopes = dsbi_take(&end, backward ? rows * w.ld : 0);
    w.values_t = dsbi_take(&end, backward ? packed_size(w.d, t) : 0);
    w.keys = dsbi_take(&end, backward ? packed_size(t, w.d) : 0);
    w.rows = dsbi_take(&end, backward ? packed_size(rows, w.d) : 0);
    w.worker_size = end;
    return w;
}

static void needs(const dsbi_node *node, const dsbi_sizing *sizing, dsbi_needs *needs)
{
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

/* The head that this worker will probably take next, for threads begin with neighbouring tasks
 * (pool.c); none: only NULL. */
static head head_behind(const dsbi_call *call, const attention_work *w, size_t unit)
{
    return unit + 1 < w->units ? head_of(call, w, unit + 1) : (head){0};
}

/* Asks for rows first .. first + count of a head that is next, d numbers every ld. They are so far
 * apart that nothing else would bring them in before they are read. */
static void fetch_rows(const dsbi_call *call, const void *rows, size_t ld, size_t d, size_t first,
                       size_t count)
{
    for (size_t i = first; rows && i < first + count; i++) {
        const char *row = dsbi_at(call, rows, i * ld);
        for (size_t at = 0; at < d * call->math->item; at += CACHE_LINE)
            __builtin_prefetch(row + at, 0, 2);
        __asm__ volatile(""); /* or gcc finds that the function does nothing and leaves it out */
    }
}

/* y of queries first .. first + count; `next` is fetched meanwhile. */
static void forward_strip(const dsbi_call *call, const attention_work *w, const head *h,
                          const head *next, size_t first, size_t count, size_t worker)
{
    const dsbi_math *math = call->math;
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    const size_t ld = 3 * w->dim;
    void *scores = scratch_at(call, w, worker, w->scores);
    void *shift = h->shift ? dsbi_at(call, h->shift, first) : scratch_at(call, w, worker, w->shift);
    void *inverse =
        h->inverse ? dsbi_at(call, h->inverse, first) : scratch_at(call, w, worker, w->inverse);
    void *y = dsbi_at(call, h->y, first * w->dim);
    math->block(kernels, scores, w->ld, dsbi_at(call, h->q, first * ld), ld, 1,
                scratch_at(call, w, worker, w->keys_t), count, w->t, w->d, 1, 0);
    fetch_rows(call, next->q, ld, w->d, first, count);
    math->attention_softmax(kernels, scores, shift, inverse, w->scale, w->ld, count, w->t);
    fetch_rows(call, next->k, ld, w->d, first, count);
    math->block(kernels, y, w->dim, scores, w->ld, 1, scratch_at(call, w, worker, w->values), count,
                w->d, w->t, 1, 0);
    fetch_rows(call, next->v, ld, w->d, first, count);
    math->attention_divide(kernels, y, inverse, w->dim, count, w->d);
}

static dsb_status forward_tasks(const dsbi_call *call, const void *job, size_t first, size_t count,
                                size_t worker)
{
    const attention_work *w = job;
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    for (size_t task = first; task < first + count; task++) {
        const head h = head_of(call, w, task / w->tasks);
        const head next = w->tasks == 1 ? head_behind(call, w, task) : (head){0};
        call->math->pack(kernels, scratch_at(call, w, worker, w->keys_t), h.k, 3 * w->dim, true,
                         w->d, w->t);
        call->math->pack(kernels, scratch_at(call, w, worker, w->values), h.v, 3 * w->dim, false,
                         w->t, w->d);
        const size_t strips = w->tasks * w->strips, begin = task % w->tasks * w->strips;
        for (size_t i = begin; i < begin + w->strips; i++) {
            const size_t row = part_begin(w->t, strips, i);
            forward_strip(call, w, &h, &next, row, part_begin(w->t, strips, i + 1) - row, worker);
        }
    }
    return DSB_OK;
}

static dsb_status forward(const dsbi_call *call)
{
    const attention_work w = cut(call->node, call->batch, false);
    return dsbi_ranges(call, &w, w.units * w.tasks, 1, forward_tasks);
}

/* What queries first .. first + count add to the gradients of their head; `next` is fetched
 * meanwhile. */
static void backward_strip(const dsbi_call *call, const attention_work *w, const head *h,
                           const head *next, size_t first, size_t count, size_t worker)
{
    const dsbi_math *math = call->math;
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    const size_t ld = 3 * w->dim;
    const void *q = dsbi_at(call, h->q, first * ld), *dy = dsbi_at(call, h->dy, first * w->dim);
    void *p = scratch_at(call, w, worker, w->scores), *ds = scratch_at(call, w, worker, w->slopes);
    void *rows = scratch_at(call, w, worker, w->rows);
    const double keep = call->add[0] ? 1 : 0, more = first > 0 ? 1 : keep;
    math->block(kernels, p, w->ld, q, ld, 1, scratch_at(call, w, worker, w->keys_t), count, w->t,
                w->d, 1, 0);
    fetch_rows(call, next->q, ld, w->d, first, count);
    math->block(kernels, ds, w->ld, dy, w->dim, 1, scratch_at(call, w, worker, w->values_t), count,
                w->t, w->d, 1, 0);
    fetch_rows(call, next->k, ld, w->d, first, count);
    math->attention_softmax_bwd(kernels, p, ds, dsbi_at(call, h->shift, first),
                                dsbi_at(call, h->inverse, first), w->scale, w->ld, count, w->t);
    math->block(kernels, dsbi_at(call, h->dq, first * ld), ld, ds, w->ld, 1,
                scratch_at(call, w, worker, w->keys), count, w->d, w->t, 1, keep);
    fetch_rows(call, next->v, ld, w->d, first, count);
    math->pack(kernels, rows, q, ld, false, count, w->d);
    math->block(kernels, h->dk, ld, ds, 1, w->ld, rows, w->t, w->d, count, 1, more);
    fetch_rows(call, next->dy, w->dim, w->d, first, count);
    math->pack(kernels, rows, dy, w->dim, false, count, w->d);
    math->block(kernels, h->dv, ld, p, 1, w->ld, rows, w->t, w->d, count, 1, more);
}

static dsb_status backward_tasks(const dsbi_call *call, const void *job, size_t first, size_t count,
                                 size_t worker)
{
    const attention_work *w = job;
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    for (size_t unit = first; unit < first + count; unit++) {
        const head h = head_of(call, w, unit), next = head_behind(call, w, unit);
        call->math->pack(kernels, scratch_at(call, w, worker, w->keys_t), h.k, 3 * w->dim, true,
                         w->d, w->t);
        call->math->pack(kernels, scratch_at(call, w, worker, w->values_t), h.v, 3 * w->dim, true,
                         w->d, w->t);
        call->math->pack(kernels, scratch_at(call, w, worker, w->keys), h.k, 3 * w->dim, false,
                         w->t, w->d);
        for (size_t i = 0; i < w->strips; i++) {
            const size_t row = part_begin(w->t, w->strips, i);
            backward_strip(call, w, &h, &next, row, part_begin(w->t, w->strips, i + 1) - row,
                           worker);
        }
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
