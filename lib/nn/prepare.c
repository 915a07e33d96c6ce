/* Weights made ready once for many calls of an inference plan: norms folded into them, scaled, in
 * the order of the tiles or transformed. Done again when opts.version says that weights have
 * changed. What a layer does not make ready it reads as before, folded anew in each forward pass.
 */
#include "base/memory.h"
#include "nn/plan_inside.h"

static size_t folded_bytes(const dsbi_plan *plan, size_t i)
{
    const dsbi_node *node = &plan->nodes[i];
    if (node->norm[0] == DSBI_NONE)
        return 0;
    const dsbi_param *weights = &plan->graph->params[node->params[0]];
    const size_t n = weights->dims[0];
    const size_t bytes = dsbi_fold_size(n, weights->size / n) * plan->opts.math->item;
    return (bytes + 63) / 64 * 64;
}

dsb_status dsbi_prepare_lay(dsbi_plan *plan)
{
    for (size_t i = 0; i < plan->n_nodes; i++) {
        const size_t size = plan->needs[i].prepared;
        plan->prepared[i] = plan->folded[i] = NO_BUFFER;
        if (size > 0) {
            plan->prepared[i] = (ptrdiff_t)plan->ready_bytes;
            plan->ready_bytes += (size + 63) / 64 * 64;
        } else if (plan->nodes[i].norm[0] != DSBI_NONE) {
            DSBI_TRY(dsbi_plan_new_buffer(plan, &plan->folded[i], folded_bytes(plan, i), i, i));
        }
    }
    return DSB_OK;
}

/* `scratch` holds the folded weights, then what the layer needs. */
static dsb_status prepare(const dsbi_plan *plan, size_t i, char *scratch)
{
    const dsbi_node *node = &plan->nodes[i];
    dsbi_call call = plan->forward[i].call;
    call.batch = plan->opts.batch;
    call.scratch = scratch + folded_bytes(plan, i);
    if (node->norm[0] != DSBI_NONE) {
        const dsbi_fold fold = dsbi_plan_fold(plan, i, scratch);
        DSBI_TRY(dsbi_fold_norm(&call, &fold));
        call.params[0] = fold.out;
        call.params[1] = dsbi_at(&call, fold.out, dsbi_fold_bias(fold.n, fold.k));
    }
    return node->layer->prepare(&call);
}

dsb_status dsbi_prepare_run(dsbi_plan *plan)
{
    if (plan->opts.training || !plan->opts.version ||
        (plan->is_prepared && plan->prepared_version == *plan->opts.version))
        return DSB_OK;
    size_t most = 0;
    for (size_t i = 0; i < plan->n_nodes; i++) {
        const size_t bytes = folded_bytes(plan, i) + plan->needs[i].scratch_prepare;
        most = plan->prepared[i] != NO_BUFFER && bytes > most ? bytes : most;
    }
    char *scratch = dsbi_alloc(plan->rt, most + 1);
    if (!scratch)
        return DSB_E_NOMEM;
    dsb_status status = DSB_OK;
    for (size_t i = 0; i < plan->n_nodes && status == DSB_OK; i++)
        if (plan->prepared[i] != NO_BUFFER && plan->forward[i].active)
            status = prepare(plan, i, scratch);
    dsbi_free(plan->rt, scratch);
    plan->is_prepared = status == DSB_OK;
    plan->prepared_version = *plan->opts.version;
    return status;
}
