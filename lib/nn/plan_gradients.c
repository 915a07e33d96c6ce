/* Gradients of a plan's parameters: an arena laid out as theirs, or the same without those that are
 * left as factors (factors.h). Where one operation makes a gradient and can write it (call->fresh),
 * it need not be set to 0 first. */
#include "nn/plan_inside.h"

#include <string.h>
#include "base/pool.h"
#include "base/sizes.h"
#include "nn/factors.h"

enum { CLEAR_ELEMENTS = 1 << 18 }; /* that a task sets to 0, at most */

typedef struct clearing {
    size_t at, size; /* elements */
} clearing;

/* The node whose weight it is, if its gradient is left as factors; else n_nodes. */
static size_t factored_by(const dsbi_plan *plan, size_t param)
{
    for (size_t i = 0; i < plan->n_nodes; i++)
        if (plan->factored[i] != NO_BUFFER && plan->nodes[i].params[0] == param)
            return i;
    return plan->n_nodes;
}

static bool has_param(const dsbi_node *node, size_t param)
{
    for (size_t p = 0; p < node->n_params; p++)
        if (node->params[p] == param)
            return true;
    return node->gamma == param;
}

static bool is_shared(const dsbi_plan *plan, size_t param)
{
    size_t users = 0;
    for (size_t i = 0; i < plan->n_nodes; i++)
        users += has_param(&plan->nodes[i], param);
    return users > 1;
}

bool dsbi_writes_gradients(const dsbi_plan *plan, size_t i)
{
    const dsbi_node *node = &plan->nodes[i];
    if (!plan->needs[i].writes_grads || plan->grad[i] == NO_BUFFER || !plan->wants_grad[i])
        return false;
    for (size_t p = 0; p < node->n_params; p++)
        if (is_shared(plan, node->params[p]))
            return false;
    return node->gamma == DSBI_NONE || !is_shared(plan, node->gamma);
}

static bool is_written(const dsbi_plan *plan, size_t param)
{
    for (size_t i = 0; i < plan->n_nodes; i++)
        if (has_param(&plan->nodes[i], param) && dsbi_writes_gradients(plan, i))
            return true;
    return false;
}

/* Pieces of gradient `param` that have to be 0 first; `pieces` may be NULL. */
static size_t clear_pieces(const dsbi_plan *plan, size_t param, clearing *pieces)
{
    const size_t size = plan->graph->params[param].size;
    if (plan->grad_at[param] == SIZE_MAX || is_written(plan, param))
        return 0;
    size_t n = 0;
    for (size_t at = 0; at < size; at += CLEAR_ELEMENTS, n++)
        if (pieces)
            pieces[n] =
                (clearing){plan->grad_at[param] + at, dsbi_smaller(size - at, CLEAR_ELEMENTS)};
    return n;
}

static dsb_status find_clears(dsbi_plan *plan)
{
    size_t n = 0;
    for (size_t p = 0; p < plan->graph->n_params; p++)
        n += clear_pieces(plan, p, NULL);
    plan->clears = dsbi_alloc_array(plan->rt, n + 1, sizeof *plan->clears);
    if (!plan->clears)
        return DSB_E_NOMEM;
    for (size_t p = 0; p < plan->graph->n_params; p++)
        plan->n_clears += clear_pieces(plan, p, plan->clears + plan->n_clears);
    return DSB_OK;
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
    DSBI_TRY(find_clears(plan));
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
    const size_t item = plan->opts.math->item;
    memset((char *)plan->grads + plan->clears[task].at * item, 0, plan->clears[task].size * item);
    return DSB_OK;
}

dsb_status dsbi_gradients_clear(dsbi_plan *plan)
{
    return dsbi_parallel(plan->rt, plan->n_clears, clear_task, plan);
}
