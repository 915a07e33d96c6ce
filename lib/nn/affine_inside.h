/* What affine.h is made of; for its files: affine_cut.c cuts the work and lays out scratch memory,
 * affine.c declares parameters and makes weights and rows ready, affine_forward.c and
 * affine_backward.c are the passes. */
#ifndef DSBI_NN_AFFINE_INSIDE_H
#define DSBI_NN_AFFINE_INSIDE_H

#include "nn/affine.h"
#include "nn/blocks.h"

/* How the work is cut and where things lie in scratch memory, in elements. */
typedef struct dsbi_affine_work {
    const dsbi_affine *affine;
    size_t groups, k, n;  /* columns of a and of y in one group */
    bool scaled, dropped; /* a layer scale is fused, a drop path acts */
    bool sloping;         /* x is the argument of a GELU (gates.c) */
    bool normed;          /* x goes through the norm in front (norm.h) */
    bool backward;
    bool whole_product; /* dW from one product over all rows */
    bool few_rows;
    size_t rows, block;
    size_t columns, across; /* forward: columns of a task, tasks side by side */
    size_t whole, end_rows; /* forward: tasks of whole blocks, rows of those behind them */
    size_t ld;              /* of rows of a: k, or more where rows would share sets of the cache */
    size_t group, most_groups; /* backward: rows of a task, the most tasks */
    size_t weights;            /* offsets: scaled W */
    size_t packed; /* W as the tiles want it, transposed in forward, group by group, then bias */
    size_t partials, stride; /* partial dW [n, k] and column sums [n] of each group */
    size_t total;            /* their sum, before gamma */
    size_t drops;            /* dy with the drop path's factors, all rows */
    size_t product;          /* products.h */
    size_t worker, patches, dpatches, block_out, packed_rows, worker_size;
    size_t outputs; /* of a GELU in front, of one block */
    size_t end;
} dsbi_affine_work;

/* Elements of b[k, n] packed. */
static inline size_t dsbi_affine_packed_size(size_t k, size_t n)
{
    return k * (n + DSBI_GEMM_PAD);
}

/* Weights made ready for the tiles, then the bias that belongs to them. */
static inline size_t dsbi_affine_ready_size(const dsbi_affine_work *work)
{
    return work->groups * dsbi_affine_packed_size(work->k, work->n) + work->affine->n;
}

static inline void *dsbi_affine_scratch_at(const dsbi_call *call, size_t element)
{
    return dsbi_at(call, call->scratch, element);
}

/* affine_cut.c: how the rows of `batch` images are cut; then groups for backward, or even blocks
 * for forward; */
void dsbi_affine_cut(dsbi_affine_work *work, const dsbi_affine *affine, const dsbi_node *node,
                     size_t batch, bool training);
void dsbi_affine_cut_groups(dsbi_affine_work *work);
void dsbi_affine_cut_rows(dsbi_affine_work *work);
/* where things lie in scratch memory. */
void dsbi_affine_lay_forward(dsbi_affine_work *work, size_t n_threads, bool prepared);
void dsbi_affine_lay_backward(dsbi_affine_work *work, size_t n_threads);

/* affine.c: W^T (forward) or W (backward), times gamma where there is one (`scaled` is memory for
 * that), into the order of the tiles, once for all blocks; */
dsb_status dsbi_affine_pack_weights(const dsbi_call *call, const dsbi_affine_work *work,
                                    void *scaled, void *packed);
/* W^T and the bias, times gamma where there is one. `scaled` is memory for W times gamma. */
dsb_status dsbi_affine_make_ready(const dsbi_call *call, const dsbi_affine_work *work, void *ready,
                                  void *scaled);
/* Those of a group, and the bias behind them (NULL: none). */
const void *dsbi_affine_packed_group(const dsbi_call *call, const dsbi_affine_work *work,
                                     size_t group);
const void *dsbi_affine_ready_bias(const dsbi_call *call, const dsbi_affine_work *work);
/* The rows of a, ld apart: the input itself, gathered patches or a copy, through a norm perhaps. */
const void *dsbi_affine_rows_of(const dsbi_call *call, const dsbi_affine_work *work, size_t first,
                                size_t count, size_t worker);
/* Some columns of rows through the norm in front, as dsbi_all_rows.gather. */
void dsbi_affine_normed_columns(const dsbi_call *call, void *out, size_t first, size_t count,
                                size_t column, size_t columns);

#endif
