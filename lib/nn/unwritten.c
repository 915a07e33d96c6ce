/* Which batch norms are never written: the one layer that reads the output makes it of the norm's
 * input as it reads, forward and in backward (norm.h). The norm's own forward only finds its
 * vectors. Its input is kept for backward anyway, so of two arrays that were written and read, and
 * the second once more in backward, one is left. */
#include "nn/plan_inside.h"

void dsbi_unwritten_find(dsbi_plan *plan)
{
    if (!plan->opts.training || plan->opts.no_fusion || plan->opts.writes_norms)
        return;
    for (size_t i = 0; i < plan->n_nodes; i++) {
        dsbi_node *node = &plan->nodes[i];
        const size_t reader = dsbi_only_reader(plan, i);
        if (node->layer->role != DSBI_ROLE_BATCHNORM || node->residual || reader == plan->n_nodes ||
            !plan->needs[reader].reads_norm)
            continue;
        node->unwritten = plan->nodes[reader].reads_norm = true;
    }
}
