/* A convolution by Winograd, or the gradient of its data: what winograd.c lays out and
 * winograd_waves.c runs where weights are many. */
#ifndef DSBI_NN_WINOGRAD_PRODUCT_H
#define DSBI_NN_WINOGRAD_PRODUCT_H

#include "nn/winograd_pieces.h"

/* Of U and M at a time; a multiple of every tile width. */
enum { DSBI_WINO_COLUMNS = 64 };

typedef struct dsbi_wino_product {
    dsbi_wino_cut cut;
    bool reversed;               /* gradient of the data */
    const void *x, *bias, *from; /* from: added to y, laid out as y; may be y; NULL: none */
    bool normed;                 /* x through the norm in front */
    void *y;
    bool relu;
    bool prepared; /* U and bias lie in call->prepared */
    bool norms;    /* a batch norm in front or behind wants something of whole rows of y */
    bool many;     /* weights: waves of pieces go through them together */
    size_t block, columns, v_stride, m_stride;
    size_t group;   /* pieces of a task: a part of a norm's sums */
    size_t wave;    /* most pieces whose V and M exist at a time */
    size_t weights; /* U, packed: for COLUMNS columns after the other [36, c_in, COLUMNS], or of
                     * many weights [36, c_in, c_out]; then the bias */
    size_t zeros, worker, v, m, taps, worker_size, end;
} dsbi_wino_product;

/* Columns of packed weights are padded to whole vectors of at most 16. */
static inline size_t dsbi_wino_padded(size_t columns)
{
    return (columns + 15) / 16 * 16;
}

/* Where the bias lies behind U. */
static inline size_t dsbi_wino_ready_bias(const dsbi_wino_product *job)
{
    return DSBI_WINO_POINTS * job->cut.in.c * dsbi_wino_padded(job->cut.out.c);
}

/* Where U of columns from `column` on lies, a multiple of COLUMNS; */
static inline size_t dsbi_wino_u_of(const dsbi_wino_product *job, size_t column)
{
    return column * job->cut.in.c * (job->many ? 1 : DSBI_WINO_POINTS);
}

/* from one of the 36 to the next, of `columns` at a time. */
static inline size_t dsbi_wino_u_stride(const dsbi_wino_product *job, size_t columns)
{
    return job->cut.in.c * dsbi_wino_padded(job->many ? job->cut.out.c : columns);
}

static inline void *dsbi_wino_zeros_at(const dsbi_call *call, const dsbi_wino_product *job)
{
    return dsbi_at(call, call->scratch, job->zeros);
}

static inline void *dsbi_wino_ready_at(const dsbi_call *call, const dsbi_wino_product *job,
                                       size_t at)
{
    return call->prepared ? dsbi_at(call, call->prepared, at)
                          : dsbi_at(call, call->scratch, job->weights + at);
}

/* What norms want of the rows of a block, now complete. */
void dsbi_wino_finish_norms(const dsbi_call *call, const dsbi_wino_product *job, size_t first,
                            size_t count);

/* All of it where weights are many (winograd_waves.c). */
dsb_status dsbi_wino_waves(const dsbi_call *call, const dsbi_wino_product *job);

#endif
