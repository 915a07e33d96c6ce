/* See fold.h. */
#include "nn/fold.h"

#include <math.h>
#include "nn/blocks.h"

static dsb_status fold_rows(const dsbi_call *call, const void *job, size_t first, size_t count,
                            size_t worker)
{
    (void)worker;
    const dsbi_fold *fold = job;
    void *biases = dsbi_at(call, fold->out, dsbi_fold_bias(fold->n, fold->k));
    for (size_t j = first; j < first + count; j++) {
        const double s = dsbi_real(call->math, fold->norm[0], j) /
                         sqrt(dsbi_real(call->math, fold->norm[3], j) + fold->eps);
        const double from = fold->bias ? dsbi_real(call->math, fold->bias, j) : 0;
        const double bias = s * (from - dsbi_real(call->math, fold->norm[2], j)) +
                            dsbi_real(call->math, fold->norm[1], j);
        call->math->scale(dsbi_kernels_of(call->rt), dsbi_at(call, fold->out, j * fold->k), s,
                          dsbi_at(call, fold->weights, j * fold->k), fold->k);
        dsbi_real_set(call->math, biases, j, bias);
    }
    return DSB_OK;
}

dsb_status dsbi_fold_norm(const dsbi_call *call, const dsbi_fold *fold)
{
    return dsbi_ranges(call, fold, fold->n, dsbi_range_step(fold->n, fold->k), fold_rows);
}
