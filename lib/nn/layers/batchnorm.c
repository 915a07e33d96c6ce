/* y[r,c] = (x[r,c] - mean[c]) rstd[c] gain[c] + bias[c]            Ioffe and Szegedy 2015, alg. 1
 * over the rows (images and pixels) of each channel. In training mean and variance are those of the
 * batch, the variance biased, and the running ones move a tenth of the way towards them, the
 * variance there unbiased (torch.nn.BatchNorm2d); otherwise the running ones are used.
 * Saved for backward: mean [C], rstd [C]. With S = sum dy and P = sum dy (x - mean) over the M rows
 *     dgain = rstd P,  dbias = S,
 *     dx = gain rstd (dy - S / M - (x - mean) rstd^2 P / M).
 * Sums over rows are partial results of fixed blocks, merged in order in double. */
#include <math.h>
#include <string.h>
#include "nn/blocks.h"

static const double momentum = 0.1;

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

/* Scratch of both passes: partial results [pieces, 2, C], then vectors [3, C]. */
static void needs(const dsbi_node *node, const dsbi_sizing *sizing, dsbi_needs *needs)
{
    const size_t rows = rows_of(node, sizing->batch), c = node->in.c;
    const size_t partials = dsbi_partial_most(rows, c, 2 * c) * 2 * c;
    needs->saved = 2 * c * sizing->item;
    needs->scratch_forward = (sizing->training ? partials + 3 * c : 3 * c) * sizing->item;
    needs->scratch_backward = (partials + 3 * c) * sizing->item;
    needs->keep_x = 1;
    needs->dx_over_dy = true;
    needs->in_place = sizing->training ? 0 : 1;
}

static double get(const dsbi_call *call, const void *array, size_t i)
{
    return call->math->item == sizeof(float) ? ((const float *)array)[i]
                                             : ((const double *)array)[i];
}

static void set(const dsbi_call *call, void *array, size_t i, double value)
{
    if (call->math->item == sizeof(float))
        ((float *)array)[i] = (float)value;
    else
        ((double *)array)[i] = value;
}

/* How the rows of a call are cut, and where things lie in scratch memory. */
typedef struct rows_cut {
    size_t rows, c, step, pieces;
    void *partials; /* [pieces, 2, C] */
    void *vectors;  /* [3, C] */
} rows_cut;

static rows_cut cut(const dsbi_call *call)
{
    rows_cut v = {.rows = rows_of(call->node, call->batch), .c = call->node->in.c};
    v.step = dsbi_partial_step(v.rows, v.c, 2 * v.c);
    v.pieces = dsbi_pieces(v.rows, v.step);
    v.partials = call->scratch;
    v.vectors = dsbi_at(call, call->scratch, v.pieces * 2 * v.c);
    return v;
}

static dsb_status block_stats(const dsbi_call *call, const void *job, size_t first, size_t count,
                              size_t worker)
{
    (void)worker;
    const rows_cut *v = job;
    void *mean = dsbi_at(call, v->partials, first / v->step * 2 * v->c);
    call->math->batchnorm_stats(dsbi_kernels_of(call->rt), mean, dsbi_at(call, mean, v->c),
                                dsbi_at(call, call->x[0], first * v->c), count, v->c);
    return DSB_OK;
}

/* Mean and sum of squared differences of channel i over all blocks: with means m_p of n_p rows
 *     M = sum n_p m_p / n,   S = sum S_p + sum n_p (m_p - M)^2. */
static void merge(const dsbi_call *call, const rows_cut *v, size_t i, double *mean, double *squares)
{
    const size_t last = v->rows - (v->pieces - 1) * v->step;
    *mean = *squares = 0;
    for (size_t p = 0; p < v->pieces; p++)
        *mean +=
            (double)(p + 1 < v->pieces ? v->step : last) * get(call, v->partials, p * 2 * v->c + i);
    *mean /= (double)v->rows;
    for (size_t p = 0; p < v->pieces; p++) {
        const double away = get(call, v->partials, p * 2 * v->c + i) - *mean;
        *squares += get(call, v->partials, (p * 2 + 1) * v->c + i) +
                    (double)(p + 1 < v->pieces ? v->step : last) * away * away;
    }
}

static void move_running(const dsbi_call *call, size_t i, double mean, double variance)
{
    void *means = call->buffers[RUNNING_MEAN], *variances = call->buffers[RUNNING_VAR];
    set(call, means, i, get(call, means, i) + momentum * (mean - get(call, means, i)));
    set(call, variances, i,
        get(call, variances, i) + momentum * (variance - get(call, variances, i)));
}

/* mean, gain rstd and bias of this call in v->vectors. */
static dsb_status batch_vectors(const dsbi_call *call, const rows_cut *v)
{
    DSBI_TRY(dsbi_ranges(call, v, v->rows, v->step, block_stats));
    for (size_t i = 0; i < v->c; i++) {
        double mean, squares;
        merge(call, v, i, &mean, &squares);
        const double rstd = 1 / sqrt(squares / (double)v->rows + call->node->attrs.eps);
        set(call, call->saved, i, mean);
        set(call, call->saved, v->c + i, rstd);
        set(call, v->vectors, i, mean);
        set(call, v->vectors, v->c + i, rstd * get(call, call->params[GAIN], i));
        move_running(call, i, mean, squares / (double)(v->rows > 1 ? v->rows - 1 : 1));
    }
    return DSB_OK;
}

static void running_vectors(const dsbi_call *call, const rows_cut *v)
{
    for (size_t i = 0; i < v->c; i++) {
        const double rstd =
            1 / sqrt(get(call, call->params[RUNNING_VAR], i) + call->node->attrs.eps);
        set(call, v->vectors, i, get(call, call->params[RUNNING_MEAN], i));
        set(call, v->vectors, v->c + i, rstd * get(call, call->params[GAIN], i));
    }
}

static dsb_status forward_rows(const dsbi_call *call, const void *job, size_t first, size_t count,
                               size_t worker)
{
    (void)worker;
    const rows_cut *v = job;
    call->math->batchnorm_fwd(dsbi_kernels_of(call->rt), dsbi_at(call, call->y, first * v->c),
                              dsbi_at(call, call->x[0], first * v->c), v->vectors,
                              dsbi_at(call, v->vectors, v->c), call->params[BIAS], count, v->c);
    return DSB_OK;
}

static dsb_status forward(const dsbi_call *call)
{
    rows_cut v = cut(call);
    if (call->training) {
        DSBI_TRY(batch_vectors(call, &v));
    } else {
        v.vectors = call->scratch;
        running_vectors(call, &v);
    }
    return dsbi_ranges(call, &v, v.rows, dsbi_range_step(v.rows, v.c), forward_rows);
}

static dsb_status block_sums(const dsbi_call *call, const void *job, size_t first, size_t count,
                             size_t worker)
{
    (void)worker;
    const rows_cut *v = job;
    void *sum = dsbi_at(call, v->partials, first / v->step * 2 * v->c);
    memset(sum, 0, 2 * v->c * call->math->item);
    call->math->batchnorm_sums(dsbi_kernels_of(call->rt), sum, dsbi_at(call, sum, v->c),
                               dsbi_at(call, call->dy, first * v->c),
                               dsbi_at(call, call->x[0], first * v->c), call->saved, count, v->c);
    return DSB_OK;
}

/* Gradients of gain and bias; the factors of dx in v->vectors: scale, slope, shift. */
static void gradient_vectors(const dsbi_call *call, const rows_cut *v)
{
    const double n = (double)v->rows;
    void *dgain = call->grads[GAIN], *dbias = call->grads[BIAS];
    for (size_t i = 0; i < v->c; i++) {
        double sum = 0, product = 0;
        for (size_t p = 0; p < v->pieces; p++) {
            sum += get(call, v->partials, p * 2 * v->c + i);
            product += get(call, v->partials, (p * 2 + 1) * v->c + i);
        }
        const double rstd = get(call, call->saved, v->c + i);
        const double scale = rstd * get(call, call->params[GAIN], i);
        set(call, dgain, i, get(call, dgain, i) + rstd * product);
        set(call, dbias, i, get(call, dbias, i) + sum);
        set(call, v->vectors, i, scale);
        set(call, v->vectors, v->c + i, -scale * rstd * rstd * product / n);
        set(call, v->vectors, 2 * v->c + i, -scale * sum / n);
    }
}

static dsb_status backward_rows(const dsbi_call *call, const void *job, size_t first, size_t count,
                                size_t worker)
{
    (void)worker;
    const rows_cut *v = job;
    call->math->batchnorm_bwd(dsbi_kernels_of(call->rt), dsbi_at(call, call->dx[0], first * v->c),
                              dsbi_at(call, call->dy, first * v->c),
                              dsbi_at(call, call->x[0], first * v->c), call->saved, v->vectors,
                              dsbi_at(call, v->vectors, v->c), dsbi_at(call, v->vectors, 2 * v->c),
                              count, v->c);
    return DSB_OK;
}

static dsb_status backward(const dsbi_call *call)
{
    const rows_cut v = cut(call);
    DSBI_TRY(dsbi_ranges(call, &v, v.rows, v.step, block_sums));
    gradient_vectors(call, &v);
    return dsbi_ranges(call, &v, v.rows, dsbi_range_step(v.rows, v.c), backward_rows);
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
