/* What a batch norm leaves to the layers beside it.
 *
 * Its output, where one layer reads it that can do so (unwritten.c): that layer reads the norm's
 * input and makes scale x + shift and a ReLU of it in the cache or in registers, forward and in
 * backward, with the bits that writing and reading would give. Where images end, zeros surround the
 * norm's output, not its input.
 *
 * The last pass of its backward, dx = scale g dy + slope (x - mean) + offset, is left to the layer
 * that made x where that layer can do it block by block in the cache, right before it reads dx:
 * then dx is never written to memory and read again. */
#ifndef DSBI_NN_NORM_H
#define DSBI_NN_NORM_H

#include "nn/layer.h"

/* Vectors [C] that a batch norm saves: the first four in forward, the others in backward. */
enum {
    DSBI_NORM_MEAN,
    DSBI_NORM_RSTD,
    DSBI_NORM_SCALE,
    DSBI_NORM_SHIFT,
    DSBI_NORM_OF_FORWARD,
    DSBI_NORM_SLOPE = DSBI_NORM_OF_FORWARD,
    DSBI_NORM_OFFSET,
    DSBI_NORM_VECTORS
};

static inline const void *dsbi_norm_vector(const dsbi_call *call, const void *norm, size_t vector,
                                           size_t c)
{
    return dsbi_at(call, norm, vector * c);
}

/* By the layer that applies a norm: what the norm makes of `rows` times c numbers of x[0], the
 * first number `at` and of channel `channel`; rows are the whole of it unless there is one. */
static inline void dsbi_norm_apply(const dsbi_call *call, void *y, size_t at, size_t rows,
                                   size_t channel, size_t c)
{
    const size_t all = call->node->in.c;
    call->math->batchnorm_fwd(dsbi_kernels_of(call->rt), y, dsbi_at(call, call->x[0], at), NULL,
                              dsbi_at(call, call->x_norm, DSBI_NORM_SCALE * all + channel),
                              dsbi_at(call, call->x_norm, DSBI_NORM_SHIFT * all + channel),
                              call->x_relu, rows, c);
}

/* Statistics of a norm's input, made by the layer in front. */
struct dsbi_norm_stats {
    void *partials; /* [n, 2, C]: mean, squares of the differences from it */
    size_t *ends;   /* [n]: part i is rows ends[i - 1] .. ends[i] */
    size_t n;       /* 0: none were made, the norm does it */
};

/* By the layer in front: rows first .. first + count of y, part `part`, are complete. */
void dsbi_norm_stats_set(const dsbi_call *call, size_t part, size_t first, size_t count);

/* The first pass of a norm's backward, made by the layer behind. */
struct dsbi_norm_sums {
    const void *norm, *x; /* what the norm has saved; its input */
    bool gate;            /* a ReLU behind it, told by x */
    bool closes;          /* a ReLU behind a sum, told by y: dy becomes g dy */
    void *partials;       /* [n, 2, C] of n <= DSBI_MOST_PARTIALS parts of the rows, in order */
    size_t n;
};

/* By the layer behind, whose input 0 is y: part `part` begins; */
void dsbi_norm_sums_begin(const dsbi_call *call, size_t part);
/* the gradient of rows first .. first + count of y, call->dx[0], is complete. */
void dsbi_norm_sums_add(const dsbi_call *call, size_t part, size_t first, size_t count);

/* dx of `rows` rows for a norm's own call or that of the layer in front, whose call->norm it is;
 * dx may be dy or x. */
static inline void dsbi_norm_gradient(const dsbi_call *call, const void *norm, bool gate, void *dx,
                                      const void *dy, const void *x, bool add, size_t rows,
                                      size_t c)
{
    call->math->batchnorm_bwd(
        dsbi_kernels_of(call->rt), dx, dy, x, dsbi_at(call, norm, DSBI_NORM_SCALE * c),
        dsbi_at(call, norm, DSBI_NORM_MEAN * c), dsbi_at(call, norm, DSBI_NORM_SLOPE * c),
        dsbi_at(call, norm, DSBI_NORM_OFFSET * c),
        gate ? dsbi_at(call, norm, DSBI_NORM_SHIFT * c) : NULL, add, rows, c);
}

#endif
