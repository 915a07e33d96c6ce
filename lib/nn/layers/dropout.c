/* y = x / (1 - rate) or 0, each element for itself, 0 with probability rate; y = x outside
 * training. Srivastava et al. 2014. Element i of the batch draws a number that is a function of
 * seed, step, node and i alone, so nothing is saved: backward draws it again. */
#include <string.h>
#include "base/rng.h"
#include "nn/blocks.h"

enum { GROUP = 64 }; /* elements numbered together, see dropout.inc */

static void declare(dsbi_builder *b, dsbi_node *node)
{
    if (!(node->attrs.rate >= 0 && node->attrs.rate < 1))
        dsbi_builder_fail(b, DSB_E_INVALID, "dropout of %g, must lie in [0, 1)", node->attrs.rate);
}

static void needs(const dsbi_node *node, const dsbi_sizing *sizing, dsbi_needs *needs)
{
    (void)node;
    (void)sizing;
    needs->in_place = 1;
    needs->dx_over_dy = true;
}

typedef struct drop_job {
    void *to;
    const void *from;
} drop_job;

static dsb_status drop_range(const dsbi_call *call, const void *job, size_t first, size_t count,
                             size_t worker)
{
    (void)worker;
    const drop_job *drop = job;
    const double rate = call->node->attrs.rate;
    void *to = dsbi_at(call, drop->to, first);
    const void *from = dsbi_at(call, drop->from, first);
    if (!dsbi_is_random(call)) {
        if (to != from)
            memcpy(to, from, count * call->math->item);
        return DSB_OK;
    }
    dsbi_rng rng;
    dsbi_rng_init(&rng, call->seed, DSBI_RNG_DROP,
                  call->step * call->graph->n_nodes + call->node->id);
    call->math->dropout(dsbi_kernels_of(call->rt), to, from, count, (uint32_t)(first / GROUP),
                        rng.counter + 1, rng.key, (uint32_t)(rate * 0x1p32), 1 / (1 - rate));
    return DSB_OK;
}

static dsb_status drop_all(const dsbi_call *call, void *to, const void *from)
{
    const drop_job job = {to, from};
    const size_t n = call->batch * dsbi_shape_size(call->node->in);
    const size_t step = (dsbi_range_step(n, 1) + GROUP - 1) / GROUP * GROUP;
    return dsbi_ranges(call, &job, n, step, drop_range);
}

static dsb_status forward(const dsbi_call *call)
{
    return drop_all(call, call->y, call->x[0]);
}

static dsb_status backward(const dsbi_call *call)
{
    return drop_all(call, call->dx[0], call->dy);
}

static dsbi_value check(dsbi_builder *b, dsbi_value x)
{
    return dsbi_dropout(b, dsbi_linear(b, x, "in", 5), 0.3);
}

const dsbi_layer dsbi_layer_dropout = {.name = "dropout",
                                       .declare = declare,
                                       .needs = needs,
                                       .forward = forward,
                                       .backward = backward,
                                       .check_image = {5, 3, 7},
                                       .check = check};

dsbi_value dsbi_dropout(dsbi_builder *b, dsbi_value x, double rate)
{
    if (rate == 0)
        return x;
    return dsbi_node_add(b, &dsbi_layer_dropout, "", &x, 1, &(dsbi_attrs){.rate = rate});
}
