/* Which layer applies the corner of a ReLU to the gradient: dy where y > 0. By itself a product
 * with a ReLU does, from its output, which has to be kept for that and is read once more. If its
 * one reader can do it (needs.gates_x), that does it in passing instead:
 *
 *     product + ReLU -> maximum       by the maxima: what passes on is the gradient of pixels that
 *                                     have won, and these are the maxima. The product's output,
 *                                     four times the size, then lives in forward only
 *     ... -> maximum -> maximum       a maximum of such values is one of them: by the last
 *
 * Likewise the slope of a GELU whose output is not kept for its one reader, a product: that reads
 * the argument and makes output and slope of a block of rows in the cache, where one would be
 * written to memory and both be read again. */
#include "nn/plan_inside.h"

size_t dsbi_only_reader(const dsbi_plan *plan, size_t i)
{
    size_t found = plan->n_nodes;
    for (size_t reader = i + 1; reader < plan->n_nodes; reader++)
        for (size_t k = 0; k < plan->nodes[reader].n_inputs; k++) {
            if (plan->nodes[reader].inputs[k] != i)
                continue;
            if (k > 0 || found < plan->n_nodes)
                return plan->n_nodes;
            found = reader;
        }
    return i == plan->output ? plan->n_nodes : found;
}

static void find_slopes(dsbi_plan *plan)
{
    for (size_t i = 0; i < plan->n_nodes; i++) {
        const size_t reader = dsbi_only_reader(plan, i);
        if (reader == plan->n_nodes || !plan->nodes[i].gelu || !plan->needs[i].remakes ||
            !plan->needs[reader].slopes_x)
            continue;
        plan->nodes[i].sloped = plan->nodes[reader].slopes = true;
    }
}

void dsbi_gates_find(dsbi_plan *plan)
{
    if (!plan->opts.training || plan->opts.no_fusion)
        return;
    for (size_t i = 0; i < plan->n_nodes; i++) {
        dsbi_node *node = &plan->nodes[i];
        const size_t reader = dsbi_only_reader(plan, i);
        if (reader == plan->n_nodes || !plan->needs[reader].gates_x)
            continue;
        const bool maximum = plan->needs[i].passes_gate && node->gates;
        if (!maximum && !plan->needs[i].gated_behind)
            continue;
        if (maximum)
            node->gates = false; /* somebody else's now */
        else
            node->gated = true;
        plan->nodes[reader].gates = true;
    }
    if (dsbi_remakes_any(plan))
        find_slopes(plan);
}
