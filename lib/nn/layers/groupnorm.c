/* y[r,c] = (x[r,c] - mean[g]) rstd[g] gain[c] + bias[c], g the group of channel c, over the rows
 * and the channels of a group of one image. Wu and He 2018, "Group normalization". Saved for
 * backward: mean [N, G], rstd [N, G]. With h = (x - mean) rstd and, over the M elements of a group,
 * S = sum dy gain and P = sum dy gain h: dgain = sum dy h,  dbias = sum dy,  dx = rstd (dy gain - S
 * / M - h P / M). An image is one task; its rows come in blocks that stay in the cache, the
 * variance in a second pass over them. */
#include <math.h>
#include <string.h>
#include "nn/blocks.h"

enum { GAIN, BIAS, BLOCK_ELEMENTS = 16384 };

static void declare(dsbi_builder *b, dsbi_node *node)
{
    const size_t c = node->in.c, groups = node->attrs.groups;
    if (groups == 0 || c % groups != 0) {
        dsbi_builder_fail(b, DSB_E_SHAPE, "%s: %zu channels in %zu groups", node->name, c, groups);
        return;
    }
    dsbi_param_add(b, node, "weight", 1, &c, NULL, (dsbi_init){DSBI_INIT_CONSTANT, 1});
    dsbi_param_add(b, node, "bias", 1, &c, NULL, (dsbi_init){DSBI_INIT_CONSTANT, 0});
}

static size_t block_rows(const dsbi_node *node)
{
    const size_t rows = dsbi_shape_rows(node->in);
    const size_t block = BLOCK_ELEMENTS / node->in.c ? BLOCK_ELEMENTS / node->in.c : 1;
    return block < rows ? block : rows;
}

/* A worker's scratch: two blocks of rows and six vectors. */
enum { SHIFT, SCALE, SLOPE, OFFSET, SUM, PRODUCT, VECTORS };

static size_t worker_size(const dsbi_node *node)
{
    return 2 * block_rows(node) * node->in.c + VECTORS * node->in.c;
}

static size_t partial_step(const dsbi_node *node, size_t batch)
{
    return dsbi_partial_step(batch, dsbi_shape_size(node->in), 2 * node->in.c);
}

static void needs(const dsbi_node *node, const dsbi_sizing *sizing, dsbi_needs *needs)
{
    const size_t c = node->in.c, stats = 2 * sizing->batch * node->attrs.groups;
    const size_t workers = sizing->n_threads * worker_size(node);
    const size_t partials = dsbi_partial_most(sizing->batch, dsbi_shape_size(node->in), 2 * c);
    needs->saved = stats * sizing->item;
    needs->scratch_forward = (workers + stats) * sizing->item;
    needs->scratch_backward = (workers + partials * 2 * c) * sizing->item;
    needs->keep_x = 1;
    needs->writes_grads = true;
    needs->dx_over_dy = true;
}

/* One image at work. */
typedef struct image_work {
    const dsbi_kernels *kernels;
    size_t rows, c, block, groups, channels; /* channels of a group */
    const void *x;
    void *from, *to; /* blocks of rows */
    void *vectors[VECTORS];
    void *mean, *rstd; /* [G] */
} image_work;

/* Behind the workers' memory of forward: statistics that nobody keeps. */
static image_work start(const dsbi_call *call, size_t image, size_t worker)
{
    const dsbi_node *node = call->node;
    const size_t groups = node->attrs.groups, c = node->in.c;
    void *stats = call->training
                      ? call->saved
                      : dsbi_at(call, call->scratch,
                                (call->alone ? 1 : call->rt->n_threads) * worker_size(node));
    image_work w = {.kernels = dsbi_kernels_of(call->rt),
                    .rows = dsbi_shape_rows(node->in),
                    .c = c,
                    .block = block_rows(node),
                    .groups = groups,
                    .channels = c / groups,
                    .x = dsbi_at(call, call->x[0], image * dsbi_shape_size(node->in)),
                    .from = dsbi_at(call, call->scratch, worker * worker_size(node)),
                    .mean = dsbi_at(call, stats, image * groups),
                    .rstd = dsbi_at(call, stats, (call->batch + image) * groups)};
    w.to = dsbi_at(call, w.from, w.block * c);
    for (size_t i = 0; i < VECTORS; i++)
        w.vectors[i] = dsbi_at(call, w.from, 2 * w.block * c + i * c);
    return w;
}

static double group_sum(const dsbi_call *call, const image_work *w, const void *vector,
                        size_t group)
{
    double sum = 0;
    for (size_t i = 0; i < w->channels; i++)
        sum += dsbi_real(call->math, vector, group * w->channels + i);
    return sum;
}

static void spread(const dsbi_call *call, const image_work *w, void *vector, size_t group,
                   double value)
{
    for (size_t i = 0; i < w->channels; i++)
        dsbi_real_set(call->math, vector, group * w->channels + i, value);
}

static void find_stats(const dsbi_call *call, const image_work *w)
{
    const dsbi_math *math = call->math;
    const double m = (double)(w->rows * w->channels);
    memset(w->vectors[SUM], 0, w->c * math->item);
    math->colsum(w->kernels, w->vectors[SUM], w->x, w->rows, w->c);
    for (size_t g = 0; g < w->groups; g++) {
        dsbi_real_set(call->math, w->mean, g, group_sum(call, w, w->vectors[SUM], g) / m);
        spread(call, w, w->vectors[SHIFT], g, -dsbi_real(call->math, w->mean, g));
    }
    memset(w->vectors[SUM], 0, w->c * math->item);
    for (size_t row = 0; row < w->rows; row += w->block) {
        const size_t count = w->rows - row < w->block ? w->rows - row : w->block;
        math->bias_add(w->kernels, w->from, dsbi_at(call, w->x, row * w->c), w->vectors[SHIFT],
                       count, w->c);
        math->mul_rows(w->kernels, w->to, w->from, w->from, 1, count * w->c);
        math->colsum(w->kernels, w->vectors[SUM], w->to, count, w->c);
    }
    for (size_t g = 0; g < w->groups; g++) {
        const double variance = group_sum(call, w, w->vectors[SUM], g) / m;
        dsbi_real_set(call->math, w->rstd, g, 1 / sqrt(variance + call->node->attrs.eps));
        for (size_t i = g * w->channels; i < (g + 1) * w->channels; i++)
            dsbi_real_set(call->math, w->vectors[SCALE], i,
                          dsbi_real(call->math, w->rstd, g) *
                              dsbi_real(call->math, call->params[GAIN], i));
    }
}

static dsb_status forward_images(const dsbi_call *call, const void *job, size_t first, size_t count,
                                 size_t worker)
{
    (void)job;
    for (size_t image = first; image < first + count; image++) {
        const image_work w = start(call, image, worker);
        void *y = dsbi_at(call, call->y, image * w.rows * w.c);
        find_stats(call, &w);
        call->math->bias_add(w.kernels, y, w.x, w.vectors[SHIFT], w.rows, w.c);
        call->math->mul_rows(w.kernels, y, y, w.vectors[SCALE], w.rows, w.c);
        call->math->bias_add(w.kernels, y, y, call->params[BIAS], w.rows, w.c);
    }
    return DSB_OK;
}

static dsb_status forward(const dsbi_call *call)
{
    return dsbi_images(call, NULL, forward_images);
}

/* h of rows row .. row + count into w->from. */
static void normalise(const dsbi_call *call, const image_work *w, size_t row, size_t count)
{
    call->math->bias_add(w->kernels, w->from, dsbi_at(call, w->x, row * w->c), w->vectors[SHIFT],
                         count, w->c);
    call->math->mul_rows(w->kernels, w->from, w->from, w->vectors[SCALE], count, w->c);
}

/* sum dy and sum dy h of each channel, and with them the factors of dx:
 * dx = dy rstd gain + h slope + offset. */
static void find_slopes(const dsbi_call *call, const image_work *w, const void *dy)
{
    const dsbi_math *math = call->math;
    const double m = (double)(w->rows * w->channels);
    for (size_t g = 0; g < w->groups; g++) {
        spread(call, w, w->vectors[SHIFT], g, -dsbi_real(call->math, w->mean, g));
        spread(call, w, w->vectors[SCALE], g, dsbi_real(call->math, w->rstd, g));
    }
    memset(w->vectors[SUM], 0, w->c * math->item);
    memset(w->vectors[PRODUCT], 0, w->c * math->item);
    math->colsum(w->kernels, w->vectors[SUM], dy, w->rows, w->c);
    for (size_t row = 0; row < w->rows; row += w->block) {
        const size_t count = w->rows - row < w->block ? w->rows - row : w->block;
        normalise(call, w, row, count);
        math->mul_rows(w->kernels, w->to, w->from, dsbi_at(call, dy, row * w->c), 1, count * w->c);
        math->colsum(w->kernels, w->vectors[PRODUCT], w->to, count, w->c);
    }
    for (size_t g = 0; g < w->groups; g++) {
        double sum = 0, product = 0;
        for (size_t i = g * w->channels; i < (g + 1) * w->channels; i++) {
            const double gain = dsbi_real(call->math, call->params[GAIN], i);
            sum += gain * dsbi_real(call->math, w->vectors[SUM], i);
            product += gain * dsbi_real(call->math, w->vectors[PRODUCT], i);
        }
        spread(call, w, w->vectors[SLOPE], g, -dsbi_real(call->math, w->rstd, g) * product / m);
        spread(call, w, w->vectors[OFFSET], g, -dsbi_real(call->math, w->rstd, g) * sum / m);
    }
}

static void image_gradient(const dsbi_call *call, const image_work *w, void *dx, const void *dy)
{
    const dsbi_math *math = call->math;
    for (size_t row = 0; row < w->rows; row += w->block) {
        const size_t count = w->rows - row < w->block ? w->rows - row : w->block;
        void *to = dsbi_at(call, dx, row * w->c);
        normalise(call, w, row, count);
        math->mul_rows(w->kernels, w->from, w->from, w->vectors[SLOPE], count, w->c);
        math->bias_add(w->kernels, w->from, w->from, w->vectors[OFFSET], count, w->c);
        math->mul_rows(w->kernels, w->to, dsbi_at(call, dy, row * w->c), call->params[GAIN], count,
                       w->c);
        math->mul_rows(w->kernels, w->to, w->to, w->vectors[SCALE], count, w->c);
        math->add(w->kernels, to, w->to, w->from, count * w->c);
    }
}

static dsb_status backward_images(const dsbi_call *call, const void *job, size_t first,
                                  size_t count, size_t worker)
{
    const size_t step = *(const size_t *)job, c = call->node->in.c;
    const size_t workers = call->rt->n_threads * worker_size(call->node);
    void *dgain = dsbi_at(call, call->scratch, workers + first / step * 2 * c);
    void *dbias = dsbi_at(call, dgain, c);
    memset(dgain, 0, 2 * c * call->math->item);
    for (size_t image = first; image < first + count; image++) {
        const image_work w = start(call, image, worker);
        const size_t at = image * w.rows * w.c;
        find_slopes(call, &w, dsbi_at(call, call->dy, at));
        image_gradient(call, &w, dsbi_at(call, call->dx[0], at), dsbi_at(call, call->dy, at));
        call->math->add(w.kernels, dgain, dgain, w.vectors[PRODUCT], c);
        call->math->add(w.kernels, dbias, dbias, w.vectors[SUM], c);
    }
    return DSB_OK;
}

static dsb_status backward(const dsbi_call *call)
{
    const size_t c = call->node->in.c, step = partial_step(call->node, call->batch);
    const size_t groups = dsbi_pieces(call->batch, step);
    DSBI_TRY(dsbi_ranges(call, &step, call->batch, step, backward_images));
    const void *partials =
        dsbi_at(call, call->scratch, call->rt->n_threads * worker_size(call->node));
    const dsbi_sum gain = {call->grads[GAIN], c, call->fresh},
                   bias = {call->grads[BIAS], c, call->fresh};
    return dsbi_reduce_both(call, gain, bias, partials, groups, 2 * c);
}

static dsbi_value check(dsbi_builder *b, dsbi_value x)
{
    x = dsbi_groupnorm(b, x, "norm", 2, 1e-5);
    return dsbi_groupnorm(b, dsbi_gelu(b, x), "whole", 1, 1e-5);
}

const dsbi_layer dsbi_layer_groupnorm = {.name = "groupnorm",
                                         .declare = declare,
                                         .needs = needs,
                                         .forward = forward,
                                         .backward = backward,
                                         .check_image = {3, 5, 6},
                                         .check = check};

dsbi_value dsbi_groupnorm(dsbi_builder *b, dsbi_value x, const char *name, size_t groups,
                          double eps)
{
    return dsbi_node_add(b, &dsbi_layer_groupnorm, name, &x, 1,
                         &(dsbi_attrs){.groups = groups, .eps = eps});
}
