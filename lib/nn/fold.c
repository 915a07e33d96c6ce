/* See fold.h. */
#include "nn/fold.h"

#include <math.h>
#include "nn/blocks.h"

static double get(const dsbi_call *call, const void *array, size_t i)
{
    return call->math->item == sizeof(float) ? ((const float *)array)[i]
                                             : ((const double *)array)[i];
}

static dsb_status fold_rows(const dsbi_call *call, const void *job, size_t first, size_t count,
                            size_t worker)
{
    (void)worker;
    const dsbi_fold *fold = job;
    void *biases = dsbi_at(call, fold->out, dsbi_fold_bias(fold->n, fold->k));
    for (size_t j = first; j < first + count; j++) {
        const double s =
            get(call, fold->norm[0], j) / sqrt(get(call, fold->norm[3], j) + fold->eps);
        const double from = fold->bias ? get(call, fold->bias, j) : 0;
        const double bias = s * (from - get(call, fold->norm[2], j)) + get(call, fold->norm[1], j);
        call->math->scale(dsbi_kernels_of(call->rt), dsbi_at(call, fold->out, j * fold->k), s,
                          dsbi_at(call, fold->weights, j * fold->k), fold->k);
        if (call->math->item == sizeof(float))
            ((float *)biases)[j] = (float)bias;
        else
            ((double *)biases)[j] = bias;
    }
    return DSB_OK;
}

dsb_status dsbi_fold_norm(const dsbi_call *call, const dsbi_fold *fold)
{
    return dsbi_ranges(call, fold, fold->n, dsbi_range_step(fold->n, fold->k), fold_rows);
}
