/* What each operation of a plan is called with, once memory is placed. */
#include "nn/plan_inside.h"

#include "nn/blocks.h"
#include "nn/norm.h"

static void *param_at(const dsbi_plan *plan, void *arena, uint32_t param)
{
    return (char *)arena + plan->graph->params[param].offset * plan->opts.math->item;
}

static dsbi_call bind_common(dsbi_plan *plan, size_t i)
{
    const dsbi_node *node = &plan->nodes[i];
    const size_t first = dsbi_input_offset(plan, i);
    dsbi_call call = {.rt = plan->rt,
                      .math = plan->opts.math,
                      .graph = plan->graph,
                      .node = node,
                      .training = plan->opts.training,
                      .remade = plan->remade[i] != NO_BUFFER,
                      .seed = plan->opts.seed,
                      .x = plan->x_pointers + first,
                      .x_shapes = plan->x_shapes + first,
                      .y = dsbi_buffer_at(plan, plan->value[i]),
                      .dx = plan->dx_pointers + first,
                      .add = plan->add_flags + first,
                      .pixels = node->pixels ? dsbi_buffer_at(plan, plan->pixels) : NULL,
                      .saved = dsbi_buffer_at(plan, plan->saved[i]),
                      .scratch = dsbi_buffer_at(plan, plan->scratch_forward[i]),
                      .prepared =
                          plan->prepared[i] == NO_BUFFER ? NULL : plan->ready + plan->prepared[i]};
    for (size_t k = 0; k < node->n_inputs; k++) {
        plan->x_pointers[first + k] = dsbi_buffer_at(plan, plan->value[dsbi_source_of(plan, i, k)]);
        plan->x_shapes[first + k] = plan->nodes[node->inputs[k]].out;
    }
    for (size_t p = 0; p < node->n_params; p++) {
        void *param = param_at(plan, plan->opts.params, node->params[p]);
        call.params[p] = param;
        if (plan->opts.training && plan->graph->params[node->params[p]].buffer)
            call.buffers[p] = param;
        else
            call.grads[p] = dsbi_plan_gradient(plan, node->params[p]);
    }
    if (node->reads_norm) {
        call.x_norm = dsbi_buffer_at(plan, plan->saved[node->inputs[0]]);
        call.x_relu = plan->nodes[node->inputs[0]].relu;
    }
    if (node->gamma != DSBI_NONE) {
        call.gamma = param_at(plan, plan->opts.params, node->gamma);
        call.dgamma = dsbi_plan_gradient(plan, node->gamma);
    }
    return call;
}

dsbi_fold dsbi_plan_fold(const dsbi_plan *plan, size_t i, void *out)
{
    const dsbi_node *node = &plan->nodes[i];
    const dsbi_param *weights = &plan->graph->params[node->params[0]];
    void *params = plan->opts.params;
    dsbi_fold fold = {.weights = param_at(plan, params, node->params[0]),
                      .bias = node->n_params > 1 ? param_at(plan, params, node->params[1]) : NULL,
                      .eps = node->norm_eps,
                      .out = out,
                      .n = weights->dims[0],
                      .k = weights->size / weights->dims[0]};
    for (size_t p = 0; p < 4; p++)
        fold.norm[p] = param_at(plan, params, node->norm[p]);
    return fold;
}

/* The layer sees the folded weights in place of its own. Where they are made ready before, it only
 * sees that there is a bias. */
static void bind_fold(dsbi_plan *plan, size_t i)
{
    plan_op *op = &plan->forward[i];
    const dsbi_node *node = &plan->nodes[i];
    if (plan->prepared[i] != NO_BUFFER && node->norm[0] != DSBI_NONE)
        op->call.params[1] = param_at(plan, plan->opts.params, node->norm[1]);
    if (plan->folded[i] == NO_BUFFER)
        return;
    op->fold = dsbi_plan_fold(plan, i, dsbi_buffer_at(plan, plan->folded[i]));
    op->call.params[0] = op->fold.out;
    op->call.params[1] = dsbi_at(&op->call, op->fold.out, dsbi_fold_bias(op->fold.n, op->fold.k));
}

/* Passes of batch norms that neighbours make. Nodes are bound in order, norms before their sums. */
static void bind_norms(dsbi_plan *plan, size_t i)
{
    dsbi_call *call = &plan->backward[i].call;
    if (plan->norm[i] != NO_BUFFER) {
        const dsbi_node *norm = &plan->nodes[plan->norm[i]];
        call->norm = dsbi_buffer_at(plan, plan->saved[plan->norm[i]]);
        call->norm_gate = norm->relu && !norm->residual;
    }
    if (plan->sums[i] != NO_BUFFER) {
        const dsbi_value front = plan->nodes[i].inputs[0];
        const dsbi_node *norm = &plan->nodes[front];
        dsbi_call *of_norm = &plan->backward[front].call;
        plan->norm_sums[front] = (dsbi_norm_sums){.norm = of_norm->saved,
                                                  .x = of_norm->x[0],
                                                  .gate = norm->relu && !norm->residual,
                                                  .closes = norm->relu && norm->residual,
                                                  .partials = dsbi_buffer_at(plan, plan->sums[i])};
        call->sums = of_norm->sums = &plan->norm_sums[front];
    }
}

static void bind_backward(dsbi_plan *plan, size_t i)
{
    const dsbi_node *node = &plan->nodes[i];
    const size_t first = dsbi_input_offset(plan, i);
    plan_op *op = &plan->backward[i];
    op->active = plan->grad[i] != NO_BUFFER && plan->wants_grad[i] && node->layer->backward;
    op->call = plan->forward[i].call;
    op->call.dy = dsbi_buffer_at(plan, plan->grad[i]);
    op->call.fresh = dsbi_writes_gradients(plan, i);
    op->call.scratch = dsbi_buffer_at(plan, plan->scratch_backward[i]);
    if (plan->remade[i] != NO_BUFFER)
        op->call.y = dsbi_buffer_at(plan, plan->remade[i]);
    op->call.x = plan->x_pointers + plan->n_inputs + first;
    for (size_t k = 0; k < node->n_inputs; k++) {
        const ptrdiff_t again = plan->remade[dsbi_source_of(plan, i, k)];
        op->call.x[k] =
            again != NO_BUFFER ? dsbi_buffer_at(plan, again) : plan->forward[i].call.x[k];
    }
    bind_norms(plan, i);
    op->sums = plan->later_sums + first;
    for (size_t k = 0; k < node->n_inputs && op->active; k++) {
        const dsbi_value x = node->inputs[k];
        const bool left = k == 0 && plan->norm[x] == (ptrdiff_t)i;
        void *grad = plan->wants_grad[x] && !left ? dsbi_buffer_at(plan, plan->grad[x]) : NULL;
        void *later = dsbi_buffer_at(plan, plan->later[first + k]);
        plan->dx_pointers[first + k] = later ? later : grad;
        if (later && grad)
            op->sums[op->n_sums++] = (later_sum){grad, later, dsbi_shape_size(plan->nodes[x].out)};
    }
}

/* Called before any copy of a forward call is made. */
static void bind_stats(dsbi_plan *plan, size_t i)
{
    if (plan->stats[i] == NO_BUFFER)
        return;
    char *memory = dsbi_buffer_at(plan, plan->stats[i]);
    plan->norm_stats[i] = (dsbi_norm_stats){
        .partials = memory, .ends = (size_t *)(void *)(memory + dsbi_stats_bytes(plan, i))};
    plan->forward[i].call.stats = plan->forward[dsbi_wants_stats(plan, i)].call.stats =
        &plan->norm_stats[i];
}

static void bind_remake(dsbi_plan *plan, size_t i)
{
    plan_op *op = &plan->remake[i];
    op->call = plan->forward[i].call;
    op->call.y = dsbi_buffer_at(plan, plan->remade[i]);
    op->call.scratch = dsbi_buffer_at(plan, plan->scratch_remake[i]);
    op->call.stats = NULL; /* the norm behind has had them */
}

/* An input node that nobody reads as reals has nothing to do. */
void dsbi_plan_bind(dsbi_plan *plan)
{
    for (size_t i = 0; i < plan->n_nodes; i++) {
        plan->forward[i].call = bind_common(plan, i);
        plan->forward[i].active = i != plan->input || plan->buffers[plan->value[i]].size > 0;
        bind_fold(plan, i);
    }
    for (size_t i = 0; i < plan->n_nodes; i++)
        bind_stats(plan, i);
    for (size_t i = 0; i < plan->n_nodes && plan->opts.training; i++) {
        bind_backward(plan, i);
        bind_remake(plan, i);
    }
    if (plan->opts.training)
        dsbi_gradients_bind(plan);
}
