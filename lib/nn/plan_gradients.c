/* Gradients of a plan's parameters: an arena laid out as theirs, or the same without those that are
 * left as factors (factors.h). */
#include "nn/plan_inside.h"

#include <string.h>
#include "base/pool.h"
#include "nn/factors.h"

enum { CLEAR_BYTES = 1 << 20 }; /* that a task sets to 0 */

/* The node whose weight it is, if its gradient is left as factors; else n_nodes. */
static size_t factored_by(const dsbi_plan *plan, size_t param)
{
    for (size_t i = 0; i < plan->n_nodes; i++)
        if (plan->factored[i] != NO_BUFFER && plan->nodes[i].params[0] == param)
            return i;
    return plan->n_nodes;
}

/* Parameters lie in order, each at a multiple of 16. */
dsb_status dsbi_gradients_lay(dsbi_plan *plan)
{
    const dsbi_graph *graph = plan->graph;
    size_t left_out = 0;
    plan->grad_at = dsbi_alloc_array(plan->rt, graph->n_params + 1, sizeof *plan->grad_at);
    if (!plan->grad_at)
        return DSB_E_NOMEM;
    for (size_t p = 0; p < graph->n_params; p++) {
        plan->grad_at[p] = graph->params[p].offset - left_out;
        if (factored_by(plan, p) < plan->n_nodes) {
            plan->grad_at[p] = SIZE_MAX;
            left_out += (graph->params[p].size + 15) / 16 * 16;
        }
    }
    plan->grads_size = graph->arena_size - left_out;
    if (plan->opts.sizes_only)
        return DSB_OK;
    plan->grads = dsbi_calloc(plan->rt, plan->grads_size + 1, plan->opts.math->item);
    return plan->grads ? DSB_OK : DSB_E_NOMEM;
}

void dsbi_gradients_bind(dsbi_plan *plan)
{
    for (size_t i = 0; i < plan->n_nodes; i++) {
        const dsbi_node *node = &plan->nodes[i];
        if (plan->factored[i] == NO_BUFFER)
            continue;
        const size_t n = node->out.c, k = plan->graph->params[node->params[0]].size / n;
        dsbi_factors_init(&plan->factors[i], plan->opts.math, plan->needs[i].factor_rows, n, k,
                          dsbi_buffer_at(plan, plan->factored[i]));
        plan->backward[i].call.factors = &plan->factors[i];
    }
}

void *dsbi_plan_gradient(const dsbi_plan *plan, size_t param)
{
    if (!plan->grads || plan->grad_at[param] == SIZE_MAX)
        return NULL;
    return (char *)plan->grads + plan->grad_at[param] * plan->opts.math->item;
}

const dsbi_factors *dsbi_plan_factors(const dsbi_plan *plan, size_t param)
{
    const size_t node = plan->opts.training ? factored_by(plan, param) : plan->n_nodes;
    return node < plan->n_nodes ? &plan->factors[node] : NULL;
}

void *dsbi_plan_grads(dsbi_plan *plan)
{
    return plan->grads;
}

size_t dsbi_plan_gradient_bytes(const dsbi_plan *plan)
{
    return plan->grads_size * plan->opts.math->item;
}

static dsb_status clear_task(void *user, size_t task, size_t worker)
{
    const dsbi_plan *plan = user;
    (void)worker;
    const size_t bytes = dsbi_plan_gradient_bytes(plan), first = task * CLEAR_BYTES;
    memset((char *)plan->grads + first, 0,
           bytes - first < CLEAR_BYTES ? bytes - first : CLEAR_BYTES);
    return DSB_OK;
}

dsb_status dsbi_gradients_clear(dsbi_plan *plan)
{
    const size_t tasks = (dsbi_plan_gradient_bytes(plan) + CLEAR_BYTES - 1) / CLEAR_BYTES;
    return dsbi_parallel(plan->rt, tasks, clear_task, plan);
}
