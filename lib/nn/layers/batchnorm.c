/* y[r,c] = (x[r,c] - mean[c]) rstd[c] gain[c] + bias[c]            Ioffe and Szegedy 2015, alg. 1
 * over the rows (images and pixels) of each channel. In training mean and variance are those of the
 * batch, the variance biased, and the running ones move a tenth of the way towards them, the
 * variance there unbiased (torch.nn.BatchNorm2d); otherwise the running ones are used.
 * A sum with a residual and a ReLU behind the norm may be folded into it (fuse.c).
 * Saved for backward (norm.h): mean, rstd, scale = gain rstd, shift = bias - mean scale. With g =
 * 0 where the ReLU closed, S = sum g dy and P = sum g dy (x - mean) over the M rows dgain = rstd P,
 * dbias = S, dx = scale (g dy - S / M - (x - mean) rstd^2 P / M),   the residual's gradient is g
 * dy. Without a residual g follows from x; with one, y tells it. Sums over rows go block by block
 * in the cache, blocks into partial results, these are merged in order: three reads of the arrays
 * and one write forward (one more with a residual), four and one backward, is what memory has to
 * bear; two and none backward where the layer in front makes dx itself. */
#include <math.h>
#include <string.h>
#include "nn/blocks.h"
#include "nn/norm.h"

static const double momentum = 0.1;

/* Bytes of a sum that is worth three passes over memory to make it again. */
enum { LARGE_SUM = 12 << 20 };

enum { MERGED_CHANNELS = 64 };

enum { GAIN, BIAS, RUNNING_MEAN, RUNNING_VAR };

static void declare(dsbi_builder *b, dsbi_node *node)
{
    const size_t c = node->in.c;
    const dsbi_init one = {DSBI_INIT_CONSTANT, 1}, zero = {DSBI_INIT_CONSTANT, 0};
    const bool given = node->attrs.init.kind != DSBI_INIT_DEFAULT;
    dsbi_param_add(b, node, "weight", 1, &c, NULL, given ? node->attrs.init : one);
    dsbi_param_add(b, node, "bias", 1, &c, NULL, zero);
    dsbi_buffer_add(b, node, "running_mean", c, 0);
    dsbi_buffer_add(b, node, "running_var", c, 1);
}

static size_t rows_of(const dsbi_node *node, size_t batch)
{
    return batch * dsbi_shape_rows(node->in);
}

/* Scratch: partial results [pieces, 2, C] and one more for the block at hand [pieces, 2, C]
 * forward; partial results backward; the vectors of y in inference. */
static void needs(const dsbi_node *node, const dsbi_sizing *sizing, dsbi_needs *needs)
{
    const size_t rows = rows_of(node, sizing->batch), c = node->in.c;
    const size_t partials = dsbi_partial_most(rows, c, 2 * c) * 2 * c;
    needs->saved = DSBI_NORM_VECTORS * c * sizing->item;
    needs->scratch_forward =
        (sizing->training ? 2 * partials : DSBI_NORM_VECTORS * c) * sizing->item;
    needs->scratch_backward = partials * sizing->item;
    needs->keep_x = 1;
    needs->keep_y = node->relu && node->residual;
    needs->adds_dx = true;
    needs->dx_over_dy = !node->residual;
    needs->passes = node->residual ? 2 : 0;
    needs->in_place = node->residual ? 2 : sizing->training ? 0 : 1;
    needs->remakes = !node->residual || rows * c * sizing->item >= LARGE_SUM;
    needs->remake_x = node->residual ? 3 : 1;
}

/* How the rows of a call are cut: pieces with a partial result each, of blocks that fit the cache.
 */
typedef struct rows_cut {
    size_t rows, c, block, step, pieces;
    void *partials; /* [pieces, 2, C] */
    void *blocks;   /* behind them, as large */
    void *norm;     /* [DSBI_NORM_VECTORS, C] */
    bool given;     /* statistics come from the layer in front */
} rows_cut;

static rows_cut cut(const dsbi_call *call)
{
    rows_cut v = {.rows = rows_of(call->node, call->batch), .c = call->node->in.c};
    v.block = dsbi_range_step(v.rows, v.c);
    v.step = dsbi_partial_step(v.rows, v.c, 2 * v.c);
    v.pieces = dsbi_pieces(v.rows, v.step);
    v.partials = call->scratch;
    v.blocks = dsbi_at(call, call->scratch, v.pieces * 2 * v.c);
    v.norm = call->training ? call->saved : call->scratch;
    return v;
}

static void *partial_of(const dsbi_call *call, const rows_cut *v, size_t piece)
{
    return dsbi_at(call, v->partials, piece * 2 * v->c);
}

static void *norm_of(const dsbi_call *call, const rows_cut *v, size_t vector)
{
    return dsbi_at(call, v->norm, vector * v->c);
}

static const void *shift_of_gate(const dsbi_call *call, const rows_cut *v)
{
    return call->node->relu && !call->node->residual ? norm_of(call, v, DSBI_NORM_SHIFT) : NULL;
}

static dsb_status piece_stats(const dsbi_call *call, const void *job, size_t first, size_t count,
                              size_t worker)
{
    (void)worker;
    const rows_cut *v = job;
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    const size_t c = v->c, piece = first / v->step;
    void *mean = partial_of(call, v, piece), *squares = dsbi_at(call, mean, c);
    void *other = dsbi_at(call, v->blocks, piece * 2 * c);
    for (size_t row = 0; row < count; row += v->block) {
        const size_t rows = count - row < v->block ? count - row : v->block;
        const void *x = dsbi_at(call, call->x[0], (first + row) * c);
        if (row == 0) {
            call->math->batchnorm_stats(kernels, mean, squares, x, rows, c);
            continue;
        }
        call->math->batchnorm_stats(kernels, other, dsbi_at(call, other, c), x, rows, c);
        call->math->batchnorm_merge(kernels, mean, squares, row, other, dsbi_at(call, other, c),
                                    rows, c);
    }
    return DSB_OK;
}

static void move_running(const dsbi_call *call, size_t i, double mean, double variance)
{
    void *means = call->buffers[RUNNING_MEAN], *variances = call->buffers[RUNNING_VAR];
    if (!means)
        return;
    dsbi_real_set(call->math, means, i,
                  dsbi_real(call->math, means, i) +
                      momentum * (mean - dsbi_real(call->math, means, i)));
    dsbi_real_set(call->math, variances, i,
                  dsbi_real(call->math, variances, i) +
                      momentum * (variance - dsbi_real(call->math, variances, i)));
}

static void set_norm(const dsbi_call *call, const rows_cut *v, size_t i, double mean,
                     double variance)
{
    const double rstd = 1 / sqrt(variance + call->node->attrs.eps);
    const double scale = rstd * dsbi_real(call->math, call->params[GAIN], i);
    dsbi_real_set(call->math, norm_of(call, v, DSBI_NORM_MEAN), i, mean);
    dsbi_real_set(call->math, norm_of(call, v, DSBI_NORM_RSTD), i, rstd);
    dsbi_real_set(call->math, norm_of(call, v, DSBI_NORM_SCALE), i, scale);
    dsbi_real_set(call->math, norm_of(call, v, DSBI_NORM_SHIFT), i,
                  dsbi_real(call->math, call->params[BIAS], i) - mean * scale);
}

/* Rows before the end of part `part`, and where its mean and squares lie. */
static size_t end_of(const dsbi_call *call, const rows_cut *v, size_t part)
{
    if (v->given)
        return call->stats->ends[part];
    const size_t end = (part + 1) * v->step;
    return end < v->rows ? end : v->rows;
}

/* Statistics of some channels, from those of all parts. */
static dsb_status merge_parts(const dsbi_call *call, const void *job, size_t first, size_t count,
                              size_t worker)
{
    (void)worker;
    const rows_cut *v = job;
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    void *mean = dsbi_at(call, v->partials, first), *squares = dsbi_at(call, mean, v->c);
    for (size_t p = 1; p < v->pieces; p++) {
        const size_t before = end_of(call, v, p - 1);
        const void *other = dsbi_at(call, partial_of(call, v, p), first);
        call->math->batchnorm_merge(kernels, mean, squares, before, other,
                                    dsbi_at(call, other, v->c), end_of(call, v, p) - before, count);
    }
    for (size_t i = 0; i < count; i++) {
        const double m = dsbi_real(call->math, mean, i), s = dsbi_real(call->math, squares, i);
        set_norm(call, v, first + i, m, s / (double)v->rows);
        move_running(call, first + i, m, s / (double)(v->rows > 1 ? v->rows - 1 : 1));
    }
    return DSB_OK;
}

static dsb_status norm_by_batch(const dsbi_call *call, rows_cut *v)
{
    v->given = call->stats && call->stats->n > 0;
    if (v->given) {
        v->partials = call->stats->partials;
        v->pieces = call->stats->n;
    } else {
        DSBI_TRY(dsbi_ranges(call, v, v->rows, v->step, piece_stats));
    }
    return dsbi_ranges(call, v, v->c, MERGED_CHANNELS, merge_parts);
}

static void norm_by_running(const dsbi_call *call, const rows_cut *v)
{
    for (size_t i = 0; i < v->c; i++)
        set_norm(call, v, i, dsbi_real(call->math, call->params[RUNNING_MEAN], i),
                 dsbi_real(call->math, call->params[RUNNING_VAR], i));
}

static dsb_status forward_rows(const dsbi_call *call, const void *job, size_t first, size_t count,
                               size_t worker)
{
    (void)worker;
    const rows_cut *v = job;
    const void *r = call->node->residual ? dsbi_at(call, call->x[1], first * v->c) : NULL;
    call->math->batchnorm_fwd(dsbi_kernels_of(call->rt), dsbi_at(call, call->y, first * v->c),
                              dsbi_at(call, call->x[0], first * v->c), r,
                              norm_of(call, v, DSBI_NORM_SCALE), norm_of(call, v, DSBI_NORM_SHIFT),
                              call->node->relu, count, v->c);
    return DSB_OK;
}

static dsb_status forward(const dsbi_call *call)
{
    rows_cut v = cut(call);
    if (dsbi_is_random(call))
        DSBI_TRY(norm_by_batch(call, &v));
    else
        norm_by_running(call, &v);
    if (call->node->unwritten)
        return DSB_OK;
    return dsbi_ranges(call, &v, v.rows, v.block, forward_rows);
}

static dsb_status remake(const dsbi_call *call)
{
    const rows_cut v = cut(call);
    return dsbi_ranges(call, &v, v.rows, v.block, forward_rows);
}

static bool hands_on(const dsbi_call *call)
{
    return call->node->residual && call->dx[1] && call->dx[1] != call->dy;
}

/* A residual's gradient: dy behind the ReLU, written over dy, and handed on where it lies
 * elsewhere.
 */
static void pass_residual(const dsbi_call *call, size_t at, size_t count)
{
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    void *dy = dsbi_at(call, call->dy, at);
    if (call->node->relu && !call->sums)
        call->math->relu_bwd(kernels, dy, dy, dsbi_at(call, call->y, at), count);
    if (!hands_on(call))
        return;
    void *dx = dsbi_at(call, call->dx[1], at);
    if (call->add[1])
        call->math->add(kernels, dx, dx, dy, count);
    else
        memcpy(dx, dy, count * call->math->item);
}

static dsb_status piece_sums(const dsbi_call *call, const void *job, size_t first, size_t count,
                             size_t worker)
{
    (void)worker;
    const rows_cut *v = job;
    const size_t c = v->c;
    void *sum = partial_of(call, v, first / v->step);
    memset(sum, 0, 2 * c * call->math->item);
    for (size_t row = 0; row < count; row += v->block) {
        const size_t rows = count - row < v->block ? count - row : v->block;
        const size_t at = (first + row) * c;
        if (call->node->residual)
            pass_residual(call, at, rows * c);
        call->math->batchnorm_sums(
            dsbi_kernels_of(call->rt), sum, dsbi_at(call, sum, c), dsbi_at(call, call->dy, at),
            dsbi_at(call, call->x[0], at), norm_of(call, v, DSBI_NORM_MEAN),
            norm_of(call, v, DSBI_NORM_SCALE), shift_of_gate(call, v), rows, c);
    }
    return DSB_OK;
}

/* Gradients of gain and bias, and dx = scale g dy + slope (x - mean) + offset, where slope and
 * offset come from the statistics of the batch. With the mean inside the offset the two would
 * cancel, to few digits where the mean is far from 0. */
static void gradient_vectors(const dsbi_call *call, const rows_cut *v)
{
    const double n = (double)v->rows;
    void *sums = v->partials, *dgain = call->grads[GAIN], *dbias = call->grads[BIAS];
    for (size_t p = 1; p < v->pieces; p++)
        call->math->add(dsbi_kernels_of(call->rt), sums, sums, partial_of(call, v, p), 2 * v->c);
    for (size_t i = 0; i < v->c; i++) {
        const double sum = dsbi_real(call->math, sums, i),
                     product = dsbi_real(call->math, sums, v->c + i);
        const double rstd = dsbi_real(call->math, norm_of(call, v, DSBI_NORM_RSTD), i);
        const double scale = dsbi_real(call->math, norm_of(call, v, DSBI_NORM_SCALE), i);
        const bool moves = dsbi_is_random(call); /* mean and variance with x */
        const double slope = moves ? -scale * rstd * rstd * product / n : 0;
        if (dgain)
            dsbi_real_set(call->math, dgain, i, dsbi_real(call->math, dgain, i) + rstd * product);
        if (dbias)
            dsbi_real_set(call->math, dbias, i, dsbi_real(call->math, dbias, i) + sum);
        dsbi_real_set(call->math, norm_of(call, v, DSBI_NORM_SLOPE), i, slope);
        dsbi_real_set(call->math, norm_of(call, v, DSBI_NORM_OFFSET), i,
                      moves ? -scale * sum / n : 0);
    }
}

static dsb_status backward_rows(const dsbi_call *call, const void *job, size_t first, size_t count,
                                size_t worker)
{
    (void)worker;
    const rows_cut *v = job;
    const size_t at = first * v->c;
    dsbi_norm_gradient(call, v->norm, shift_of_gate(call, v), dsbi_at(call, call->dx[0], at),
                       dsbi_at(call, call->dy, at), dsbi_at(call, call->x[0], at), call->add[0],
                       count, v->c);
    return DSB_OK;
}

static dsb_status hand_rows_on(const dsbi_call *call, const void *job, size_t first, size_t count,
                               size_t worker)
{
    (void)worker;
    const rows_cut *v = job;
    pass_residual(call, first * v->c, count * v->c);
    return DSB_OK;
}

/* Sums of dy: made here, or by the layer behind. */
static dsb_status make_sums(const dsbi_call *call, rows_cut *v)
{
    if (!call->sums)
        return dsbi_ranges(call, v, v->rows, v->step, piece_sums);
    v->partials = call->sums->partials;
    v->pieces = call->sums->n;
    return hands_on(call) ? dsbi_ranges(call, v, v->rows, v->block, hand_rows_on) : DSB_OK;
}

static dsb_status backward(const dsbi_call *call)
{
    rows_cut v = cut(call);
    DSBI_TRY(make_sums(call, &v));
    gradient_vectors(call, &v);
    return call->dx[0] ? dsbi_ranges(call, &v, v.rows, v.block, backward_rows) : DSB_OK;
}

static dsbi_value check(dsbi_builder *b, dsbi_value x)
{
    return dsbi_batchnorm(b, x, "norm", 1e-5);
}

const dsbi_layer dsbi_layer_batchnorm = {.name = "batchnorm",
                                         .role = DSBI_ROLE_BATCHNORM,
                                         .declare = declare,
                                         .needs = needs,
                                         .forward = forward,
                                         .backward = backward,
                                         .remake = remake,
                                         .check_image = {3, 5, 4},
                                         .check = check};

dsbi_value dsbi_batchnorm(dsbi_builder *b, dsbi_value x, const char *name, double eps)
{
    return dsbi_batchnorm_from(b, x, name, eps, 1);
}

dsbi_value dsbi_batchnorm_from(dsbi_builder *b, dsbi_value x, const char *name, double eps,
                               double weight)
{
    const dsbi_attrs attrs = {.eps = eps, .init = {DSBI_INIT_CONSTANT, weight}};
    return dsbi_node_add(b, &dsbi_layer_batchnorm, name, &x, 1, &attrs);
}
