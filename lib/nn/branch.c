/* See branch.h. */
#include "nn/branch.h"

#include <string.h>
#include "nn/blocks.h"
#include "nn/drop.h"

bool dsbi_branch_drops(const dsbi_node *node, bool training)
{
    return training && node->residual && node->drop_rate > 0;
}

void dsbi_branch_drop(const dsbi_call *call, void *y, const void *x, size_t first, size_t count,
                      size_t n, bool add)
{
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    const dsbi_node *node = call->node;
    const size_t image_rows = dsbi_shape_rows(node->out), last = first + count;
    for (size_t row = first; row < last;) {
        const size_t image = row / image_rows, end = (image + 1) * image_rows;
        const size_t run = (end < last ? end : last) - row, at = (row - first) * n;
        const double factor = dsbi_drop_factor(call, node->drop_id, node->drop_rate, image);
        if (add)
            call->math->axpy(kernels, dsbi_at(call, y, at), factor, dsbi_at(call, x, at), run * n);
        else
            call->math->scale(kernels, dsbi_at(call, y, at), factor, dsbi_at(call, x, at), run * n);
        row += run;
    }
}

void dsbi_branch_pass(const dsbi_call *call, size_t at, size_t count)
{
    if (!call->node->residual || !call->dx[1] || call->dx[1] == call->dy)
        return;
    void *dx = dsbi_at(call, call->dx[1], at);
    const void *dy = dsbi_at(call, call->dy, at);
    if (call->add[1])
        call->math->add(dsbi_kernels_of(call->rt), dx, dx, dy, count);
    else
        memcpy(dx, dy, count * call->math->item);
}

/* One row of W at a time. */
static dsb_status gradient_rows(const dsbi_call *call, const void *job, size_t first, size_t count,
                                size_t worker)
{
    (void)worker;
    const dsbi_branch_sums *s = job;
    const dsbi_math *math = call->math;
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    for (size_t j = first; j < first + count; j++) {
        const void *product = dsbi_at(call, s->products, j * s->k);
        const double gamma = dsbi_real(call->math, call->gamma, j),
                     sum = dsbi_real(call->math, s->sums, j);
        double dgamma = math->dot(kernels, dsbi_at(call, s->weights, j * s->k), product, s->k);
        if (s->bias)
            dgamma += dsbi_real(call->math, s->bias, j) * sum;
        void *dweights = dsbi_at(call, s->dweights, j * s->k);
        if (call->fresh) {
            dsbi_real_set(math, call->dgamma, j, dgamma);
            math->scale(kernels, dweights, gamma, product, s->k);
            if (s->bias)
                dsbi_real_set(math, s->dbias, j, gamma * sum);
        } else {
            dsbi_real_add(math, call->dgamma, j, dgamma);
            math->axpy(kernels, dweights, gamma, product, s->k);
            if (s->bias)
                dsbi_real_add(math, s->dbias, j, gamma * sum);
        }
    }
    return DSB_OK;
}

dsb_status dsbi_branch_gradients(const dsbi_call *call, const dsbi_branch_sums *sums)
{
    return dsbi_ranges(call, sums, sums->n, dsbi_range_step(sums->n, sums->k), gradient_rows);
}
