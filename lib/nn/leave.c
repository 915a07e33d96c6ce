/* Which batch norms leave the last pass of backward to the layer in front (norm.h). That layer
 * reads the norm's dy later than the norm does, so nobody may write there in between: the memory of
 * dy may have become that of the residual's gradient. */
#include "nn/plan_inside.h"

static bool reads_value(const dsbi_node *node, dsbi_value x)
{
    for (size_t k = 0; k < node->n_inputs; k++)
        if (node->inputs[k] == x)
            return true;
    return false;
}

size_t dsbi_wants_stats(const dsbi_plan *plan, size_t i)
{
    if (!plan->opts.training || plan->opts.no_fusion || plan->needs[i].stats_parts == 0)
        return plan->n_nodes;
    for (size_t reader = i + 1; reader < plan->n_nodes; reader++) {
        const dsbi_node *node = &plan->nodes[reader];
        if (node->layer->role == DSBI_ROLE_BATCHNORM && node->inputs[0] == i)
            return reader;
    }
    return plan->n_nodes;
}

/* Backward of these nodes reads dy and leaves it as it is. */
static bool keeps_gradient(const dsbi_node *node)
{
    return node->layer->role == DSBI_ROLE_BATCHNORM && !node->residual;
}

bool dsbi_leaves_gradient(const dsbi_plan *plan, size_t i)
{
    const dsbi_node *norm = &plan->nodes[i];
    if (norm->layer->role != DSBI_ROLE_BATCHNORM || plan->opts.no_fusion)
        return false;
    const dsbi_value from = norm->inputs[0];
    if (from == plan->output || !plan->needs[from].takes_norm || !plan->wants_grad[from] ||
        plan->grad_born[from])
        return false;
    for (size_t reader = from + 1; reader < plan->n_nodes; reader++)
        if (reader != i && reads_value(&plan->nodes[reader], from))
            return false;
    if (!norm->residual)
        return true;
    const dsbi_value residual = norm->inputs[1];
    for (size_t other = from + 1; other < i; other++)
        if (reads_value(&plan->nodes[other], residual))
            return false; /* may add to the residual's gradient */
    return residual < from || keeps_gradient(&plan->nodes[residual]);
}

bool dsbi_sums_for_norm(const dsbi_plan *plan, size_t i)
{
    const dsbi_node *node = &plan->nodes[i];
    if (node->n_inputs == 0 || !plan->needs[i].sums_norm || plan->opts.no_fusion)
        return false;
    const dsbi_value from = node->inputs[0];
    if (plan->nodes[from].layer->role != DSBI_ROLE_BATCHNORM || from == plan->output)
        return false;
    for (size_t reader = from + 1; reader < i; reader++)
        if (reads_value(&plan->nodes[reader], from))
            return false;
    for (size_t k = 1; k < node->n_inputs; k++)
        if (node->inputs[k] == from)
            return false;
    return true;
}
