/* See plan.h. */
#include "nn/plan.h"

#include <string.h>
#include "base/file.h"
#include "base/pool.h"
#include "nn/blocks.h"
#include "nn/norm.h"
#include "nn/plan_inside.h"
#include "tensor/matmul.h"

/* Outputs that could be made again and together are smaller than this are kept all the same. */
enum { KEEP_BYTES = 64 << 20 };

/* Gradients of weights that a task sets to 0. */
enum { CLEAR_BYTES = 1 << 20 };

static size_t end_of_time(const dsbi_plan *plan)
{
    return plan->opts.training ? 2 * plan->n_nodes : plan->n_nodes;
}

static size_t back(const dsbi_plan *plan, size_t node)
{
    return 2 * plan->n_nodes - node;
}

static size_t value_bytes(const dsbi_plan *plan, size_t node)
{
    return plan->opts.batch * dsbi_shape_size(plan->nodes[node].out) * plan->opts.math->item;
}

dsb_status dsbi_plan_new_buffer(dsbi_plan *plan, ptrdiff_t *out, size_t size, size_t birth,
                                size_t death)
{
    DSBI_TRY(dsbi_grow(plan->rt, (void **)&plan->buffers, &plan->buffers_capacity,
                       plan->n_buffers + 1, sizeof *plan->buffers));
    plan->buffers[plan->n_buffers] = (dsbi_buffer){.size = size, .birth = birth, .death = death};
    *out = (ptrdiff_t)plan->n_buffers++;
    return DSB_OK;
}

static void outlive(dsbi_plan *plan, ptrdiff_t buffer, size_t death)
{
    if (plan->buffers[buffer].death < death)
        plan->buffers[buffer].death = death;
}

static bool reads(const dsbi_plan *plan, size_t reader, size_t k, size_t node)
{
    return plan->nodes[reader].inputs[k] == node && !(plan->nodes[reader].pixels && k == 0);
}

static bool reads_in_backward(const dsbi_plan *plan, size_t reader, size_t k)
{
    return plan->opts.training && plan->useful[reader] && plan->needs[reader].keep_x >> k & 1;
}

/* When a node's output is read: last in forward, first and last in backward (0: not there). */
typedef struct uses {
    size_t forward, first_back, last_back;
} uses;

static uses uses_of(const dsbi_plan *plan, size_t node)
{
    uses u = {.forward = node};
    for (size_t reader = node + 1; reader < plan->n_nodes; reader++)
        for (size_t k = 0; k < plan->nodes[reader].n_inputs; k++) {
            if (!reads(plan, reader, k, node))
                continue;
            u.forward = reader;
            if (!reads_in_backward(plan, reader, k))
                continue;
            u.first_back = back(plan, reader);
            if (u.last_back == 0)
                u.last_back = u.first_back;
        }
    if (plan->opts.training && plan->needs[node].keep_y) {
        u.last_back = back(plan, node);
        if (u.first_back == 0)
            u.first_back = u.last_back;
    }
    return u;
}

static bool may_remake(const dsbi_plan *plan, size_t node, const uses *u)
{
    return plan->opts.training && plan->needs[node].remakes && plan->nodes[node].layer->remake &&
           node != plan->output && u->first_back > 0;
}

/* Where all that could be written again is little, keeping it costs nothing and saves the time. */
static bool remakes_any(const dsbi_plan *plan)
{
    size_t bytes = 0;
    for (size_t i = 0; i < plan->n_nodes && plan->opts.training; i++) {
        const uses u = uses_of(plan, i);
        bytes += may_remake(plan, i, &u) ? value_bytes(plan, i) : 0;
    }
    return bytes > KEEP_BYTES;
}

/* Whether an output is written again in backward instead of kept. What it is made from must be
 * there by then: not made again itself, and kept for others too. */
static bool is_remade(const dsbi_plan *plan, size_t node, const uses *u)
{
    if (!may_remake(plan, node, u))
        return false;
    for (size_t k = 0; k < plan->nodes[node].n_inputs; k++) {
        const dsbi_value x = plan->nodes[node].inputs[k];
        if (plan->needs[node].remake_x >> k & 1 &&
            (plan->remade[x] != NO_BUFFER || uses_of(plan, x).last_back == 0))
            return false;
    }
    return true;
}

/* The output of node i will be written again: from then on until backward has read it. */
static dsb_status lay_remake(dsbi_plan *plan, size_t i, const uses *u)
{
    for (size_t k = 0; k < plan->nodes[i].n_inputs; k++)
        if (plan->needs[i].remake_x >> k & 1)
            outlive(plan, plan->value[plan->nodes[i].inputs[k]], u->first_back);
    return dsbi_plan_new_buffer(plan, &plan->remade[i], value_bytes(plan, i), u->first_back,
                                u->last_back);
}

/* The buffer a node may write its output over, or none. */
static ptrdiff_t output_over(const dsbi_plan *plan, size_t i)
{
    const dsbi_node *node = &plan->nodes[i];
    const uint32_t in_place = plan->needs[i].in_place;
    if (in_place == 0)
        return NO_BUFFER;
    const dsbi_value x = node->inputs[in_place - 1];
    const ptrdiff_t buffer = plan->value[x];
    if (x == plan->input || plan->buffers[buffer].death != i ||
        value_bytes(plan, x) != value_bytes(plan, i))
        return NO_BUFFER;
    for (size_t k = 0; k < node->n_inputs; k++)
        if (k + 1 != in_place && plan->value[node->inputs[k]] == buffer)
            return NO_BUFFER;
    return buffer;
}

static void find_useful(dsbi_plan *plan)
{
    plan->useful[plan->output] = true;
    for (size_t i = plan->n_nodes; i-- > 0;)
        for (size_t k = 0; k < plan->nodes[i].n_inputs && plan->useful[i]; k++)
            plan->useful[plan->nodes[i].inputs[k]] = true;
}

/* Mean and squares of each part, then where it ends. */
static size_t stats_bytes(const dsbi_plan *plan, size_t i)
{
    return plan->needs[i].stats_parts * 2 * plan->nodes[i].out.c * plan->opts.math->item;
}

static dsb_status lay_stats(dsbi_plan *plan, size_t i)
{
    const size_t norm = dsbi_wants_stats(plan, i);
    plan->stats[i] = NO_BUFFER;
    if (norm == plan->n_nodes)
        return DSB_OK;
    const size_t ends = plan->needs[i].stats_parts * sizeof(size_t);
    return dsbi_plan_new_buffer(plan, &plan->stats[i], stats_bytes(plan, i) + ends, i, norm);
}

static dsb_status lay_forward(dsbi_plan *plan)
{
    find_useful(plan);
    const size_t end = end_of_time(plan);
    const bool remakes = remakes_any(plan);
    for (size_t i = 0; i < plan->n_nodes; i++) {
        const dsbi_needs *needs = &plan->needs[i];
        const uses u = uses_of(plan, i);
        size_t last = u.last_back > 0 ? u.last_back : u.forward;
        plan->remade[i] = NO_BUFFER;
        if (i == plan->output) {
            last = end;
        } else if (remakes && is_remade(plan, i, &u)) {
            DSBI_TRY(lay_remake(plan, i, &u));
            last = u.forward;
        }
        plan->value[i] = output_over(plan, i);
        if (plan->value[i] != NO_BUFFER)
            outlive(plan, plan->value[i], last);
        else if (i == plan->input && !plan->nodes[i].pixels)
            DSBI_TRY(dsbi_plan_new_buffer(plan, &plan->value[i], value_bytes(plan, i), 0, end));
        else
            DSBI_TRY(dsbi_plan_new_buffer(plan, &plan->value[i],
                                          last > i ? value_bytes(plan, i) : 0, i, last));
        DSBI_TRY(
            dsbi_plan_new_buffer(plan, &plan->scratch_forward[i], needs->scratch_forward, i, i));
        DSBI_TRY(lay_stats(plan, i));
        const size_t until = plan->opts.training ? back(plan, i) : i;
        DSBI_TRY(dsbi_plan_new_buffer(plan, &plan->saved[i], needs->saved, i, until));
    }
    plan->pixels = NO_BUFFER;
    if (plan->nodes[plan->input].pixels)
        DSBI_TRY(dsbi_plan_new_buffer(
            plan, &plan->pixels, plan->opts.batch * dsbi_shape_size(plan->nodes[plan->input].out),
            0, end));
    return DSB_OK;
}

static void find_wanted(dsbi_plan *plan)
{
    for (size_t i = 0; i < plan->n_nodes; i++) {
        const dsbi_node *node = &plan->nodes[i];
        plan->wants_grad[i] = node->n_params > 0 || node->gamma != DSBI_NONE ||
                              (i == plan->input && plan->opts.input_grad && !node->pixels);
        for (size_t k = 0; k < node->n_inputs; k++)
            plan->wants_grad[i] |= plan->wants_grad[node->inputs[k]];
    }
}

/* May the gradient of input k take over the memory of dy? */
static bool shares_dy(const dsbi_plan *plan, size_t i, size_t k)
{
    const dsbi_node *node = &plan->nodes[i];
    const dsbi_needs *needs = &plan->needs[i];
    const bool passed = needs->passes == k + 1;
    if (!passed && !(needs->dx_over_dy && k == 0))
        return false;
    for (size_t other = 0; other < node->n_inputs; other++)
        if (other != k && node->inputs[other] == node->inputs[k])
            return false;
    return plan->buffers[plan->grad[i]].death == back(plan, i) &&
           value_bytes(plan, node->inputs[k]) == value_bytes(plan, i);
}

static size_t input_offset(const dsbi_plan *plan, size_t node)
{
    size_t at = 0;
    for (size_t i = 0; i < node; i++)
        at += plan->nodes[i].n_inputs;
    return at;
}

/* The node in front reads dy in place of dx, and what the norm and itself have saved. */
static void leave_gradient(dsbi_plan *plan, size_t i)
{
    const dsbi_value from = plan->nodes[i].inputs[0];
    plan->norm[from] = (ptrdiff_t)i;
    plan->grad[from] = plan->grad[i];
    const ptrdiff_t read[] = {plan->grad[i], plan->value[from], plan->saved[i]};
    for (size_t b = 0; b < sizeof read / sizeof *read; b++)
        outlive(plan, read[b], back(plan, from));
}

/* Gradient buffers of the inputs of node i; called from the last node to the first. */
static dsb_status lay_input_gradients(dsbi_plan *plan, size_t i)
{
    const dsbi_node *node = &plan->nodes[i];
    const size_t now = back(plan, i), first = input_offset(plan, i);
    const bool leaves = dsbi_leaves_gradient(plan, i);
    for (size_t k = 0; k < node->n_inputs; k++) {
        const dsbi_value x = node->inputs[k];
        plan->later[first + k] = NO_BUFFER;
        if (k == 0 && leaves) {
            plan->grad_born[x] = true;
        } else if (!plan->wants_grad[x]) {
            if (!plan->needs[i].adds_dx) /* the layer writes dx without asking */
                DSBI_TRY(dsbi_plan_new_buffer(plan, &plan->later[first + k], value_bytes(plan, x),
                                              now, now));
        } else if (!plan->grad_born[x]) {
            plan->grad_born[x] = true;
            if (shares_dy(plan, i, k)) {
                plan->grad[x] = plan->grad[i];
                outlive(plan, plan->grad[x], back(plan, x));
            } else {
                DSBI_TRY(dsbi_plan_new_buffer(plan, &plan->grad[x], value_bytes(plan, x), now,
                                              back(plan, x)));
            }
        } else if (plan->needs[i].adds_dx) {
            plan->add_flags[first + k] = true;
        } else {
            DSBI_TRY(dsbi_plan_new_buffer(plan, &plan->later[first + k], value_bytes(plan, x), now,
                                          now));
        }
    }
    if (leaves)
        leave_gradient(plan, i);
    return DSB_OK;
}

static dsb_status lay_sums(dsbi_plan *plan, size_t i)
{
    const dsbi_value norm = plan->nodes[i].inputs[0];
    const size_t partial = 2 * plan->nodes[norm].in.c * plan->opts.math->item;
    return dsbi_plan_new_buffer(plan, &plan->sums[i], DSBI_MOST_PARTIALS * partial, back(plan, i),
                                back(plan, norm));
}

static dsb_status lay_backward(dsbi_plan *plan)
{
    find_wanted(plan);
    const size_t n = plan->n_nodes;
    for (size_t i = 0; i < n; i++)
        plan->grad[i] = plan->scratch_backward[i] = plan->norm[i] = plan->sums[i] = NO_BUFFER;
    DSBI_TRY(dsbi_plan_new_buffer(plan, &plan->grad[plan->output], value_bytes(plan, plan->output),
                                  n, back(plan, plan->output)));
    plan->grad_born[plan->output] = true;
    for (size_t i = n; i-- > 0;) {
        if (!plan->grad_born[i] || !plan->wants_grad[i])
            continue;
        DSBI_TRY(dsbi_plan_new_buffer(plan, &plan->scratch_backward[i],
                                      plan->needs[i].scratch_backward, back(plan, i),
                                      back(plan, i)));
        DSBI_TRY(lay_input_gradients(plan, i));
        if (dsbi_sums_for_norm(plan, i))
            DSBI_TRY(lay_sums(plan, i));
        if (i == plan->input)
            outlive(plan, plan->grad[i], end_of_time(plan));
    }
    return DSB_OK;
}

static dsb_status check_sizes(const dsbi_plan *plan)
{
    for (size_t i = 0; i < plan->n_nodes; i++) {
        size_t size;
        if (!dsbi_mul(&size, dsbi_shape_size(plan->nodes[i].out), plan->opts.batch) ||
            size > (size_t)1 << 40)
            return dsbi_fail(DSB_E_LIMIT, "%s: a batch of %zu is too large", plan->nodes[i].name,
                             plan->opts.batch);
    }
    return DSB_OK;
}

static dsb_status alloc_tables(dsbi_plan *plan)
{
    const size_t n = plan->n_nodes;
    plan->n_inputs = input_offset(plan, n);
    const size_t m = plan->n_inputs + 1;
    plan->needs = dsbi_calloc(plan->rt, n, sizeof *plan->needs);
    plan->forward = dsbi_calloc(plan->rt, n, sizeof *plan->forward);
    plan->backward = dsbi_calloc(plan->rt, n, sizeof *plan->backward);
    plan->remake = dsbi_calloc(plan->rt, n, sizeof *plan->remake);
    plan->value = dsbi_calloc(plan->rt, 11 * n, sizeof *plan->value);
    plan->wants_grad = dsbi_calloc(plan->rt, 3 * n, sizeof *plan->wants_grad);
    plan->later = dsbi_calloc(plan->rt, m, sizeof *plan->later);
    plan->later_sums = dsbi_calloc(plan->rt, m, sizeof *plan->later_sums);
    plan->x_pointers = dsbi_calloc(plan->rt, 2 * m, sizeof *plan->x_pointers);
    plan->x_shapes = dsbi_calloc(plan->rt, m, sizeof *plan->x_shapes);
    plan->dx_pointers = dsbi_calloc(plan->rt, m, sizeof *plan->dx_pointers);
    plan->add_flags = dsbi_calloc(plan->rt, m, sizeof *plan->add_flags);
    plan->norm_sums = dsbi_calloc(plan->rt, n, sizeof *plan->norm_sums);
    plan->norm_stats = dsbi_calloc(plan->rt, n, sizeof *plan->norm_stats);
    if (!plan->needs || !plan->forward || !plan->backward || !plan->remake || !plan->value ||
        !plan->wants_grad || !plan->later || !plan->later_sums || !plan->x_pointers ||
        !plan->x_shapes || !plan->dx_pointers || !plan->add_flags)
        return DSB_E_NOMEM;
    plan->grad = plan->value + n;
    plan->saved = plan->value + 2 * n;
    plan->scratch_forward = plan->value + 3 * n;
    plan->scratch_backward = plan->value + 4 * n;
    plan->remade = plan->value + 5 * n;
    plan->folded = plan->value + 6 * n;
    plan->prepared = plan->value + 7 * n;
    plan->norm = plan->value + 8 * n;
    plan->sums = plan->value + 9 * n;
    plan->stats = plan->value + 10 * n;
    plan->grad_born = plan->wants_grad + n;
    plan->useful = plan->wants_grad + 2 * n;
    return DSB_OK;
}

static void ask_needs(dsbi_plan *plan)
{
    const dsbi_sizing sizing = {.batch = plan->opts.batch,
                                .item = plan->opts.math->item,
                                .n_threads = plan->rt->n_threads,
                                .training = plan->opts.training,
                                .prepares = !plan->opts.training && plan->opts.version};
    for (size_t i = 0; i < plan->n_nodes; i++) {
        plan->needs[i] = dsbi_needs_of(&plan->nodes[i], &sizing);
        if (!plan->opts.training)
            plan->needs[i].saved = 0;
    }
}

static void *at(const dsbi_plan *plan, ptrdiff_t buffer)
{
    return buffer == NO_BUFFER ? NULL : plan->arena + plan->buffers[buffer].offset;
}

static void *param_at(const dsbi_plan *plan, void *arena, uint32_t param)
{
    return (char *)arena + plan->graph->params[param].offset * plan->opts.math->item;
}

static dsbi_call bind_common(dsbi_plan *plan, size_t i)
{
    const dsbi_node *node = &plan->nodes[i];
    const size_t first = input_offset(plan, i);
    dsbi_call call = {.rt = plan->rt,
                      .math = plan->opts.math,
                      .graph = plan->graph,
                      .node = node,
                      .training = plan->opts.training,
                      .remade = plan->remade[i] != NO_BUFFER,
                      .seed = plan->opts.seed,
                      .x = plan->x_pointers + first,
                      .x_shapes = plan->x_shapes + first,
                      .y = at(plan, plan->value[i]),
                      .dx = plan->dx_pointers + first,
                      .add = plan->add_flags + first,
                      .pixels = node->pixels ? at(plan, plan->pixels) : NULL,
                      .saved = at(plan, plan->saved[i]),
                      .scratch = at(plan, plan->scratch_forward[i]),
                      .prepared =
                          plan->prepared[i] == NO_BUFFER ? NULL : plan->ready + plan->prepared[i]};
    for (size_t k = 0; k < node->n_inputs; k++) {
        plan->x_pointers[first + k] = at(plan, plan->value[node->inputs[k]]);
        plan->x_shapes[first + k] = plan->nodes[node->inputs[k]].out;
    }
    for (size_t p = 0; p < node->n_params; p++) {
        void *param = param_at(plan, plan->opts.params, node->params[p]);
        call.params[p] = param;
        if (plan->opts.training && plan->graph->params[node->params[p]].buffer)
            call.buffers[p] = param;
        else if (plan->grads)
            call.grads[p] = param_at(plan, plan->grads, node->params[p]);
    }
    if (node->gamma != DSBI_NONE) {
        call.gamma = param_at(plan, plan->opts.params, node->gamma);
        if (plan->grads)
            call.dgamma = param_at(plan, plan->grads, node->gamma);
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
    op->fold = dsbi_plan_fold(plan, i, at(plan, plan->folded[i]));
    op->call.params[0] = op->fold.out;
    op->call.params[1] = dsbi_at(&op->call, op->fold.out, dsbi_fold_bias(op->fold.n, op->fold.k));
}

/* Passes of batch norms that neighbours make. Nodes are bound in order, norms before their sums. */
static void bind_norms(dsbi_plan *plan, size_t i)
{
    dsbi_call *call = &plan->backward[i].call;
    if (plan->norm[i] != NO_BUFFER) {
        const dsbi_node *norm = &plan->nodes[plan->norm[i]];
        call->norm = at(plan, plan->saved[plan->norm[i]]);
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
                                                  .partials = at(plan, plan->sums[i])};
        call->sums = of_norm->sums = &plan->norm_sums[front];
    }
}

static void bind_backward(dsbi_plan *plan, size_t i)
{
    const dsbi_node *node = &plan->nodes[i];
    const size_t first = input_offset(plan, i);
    plan_op *op = &plan->backward[i];
    op->active = plan->grad[i] != NO_BUFFER && plan->wants_grad[i] && node->layer->backward;
    op->call = plan->forward[i].call;
    op->call.dy = at(plan, plan->grad[i]);
    op->call.scratch = at(plan, plan->scratch_backward[i]);
    if (plan->remade[i] != NO_BUFFER)
        op->call.y = at(plan, plan->remade[i]);
    op->call.x = plan->x_pointers + plan->n_inputs + first;
    for (size_t k = 0; k < node->n_inputs; k++) {
        const ptrdiff_t again = plan->remade[node->inputs[k]];
        op->call.x[k] = again != NO_BUFFER ? at(plan, again) : plan->forward[i].call.x[k];
    }
    bind_norms(plan, i);
    op->sums = plan->later_sums + first;
    for (size_t k = 0; k < node->n_inputs && op->active; k++) {
        const dsbi_value x = node->inputs[k];
        const bool left = k == 0 && plan->norm[x] == (ptrdiff_t)i;
        void *grad = plan->wants_grad[x] && !left ? at(plan, plan->grad[x]) : NULL;
        void *later = at(plan, plan->later[first + k]);
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
    char *memory = at(plan, plan->stats[i]);
    plan->norm_stats[i] = (dsbi_norm_stats){
        .partials = memory, .ends = (size_t *)(void *)(memory + stats_bytes(plan, i))};
    plan->forward[i].call.stats = plan->forward[dsbi_wants_stats(plan, i)].call.stats =
        &plan->norm_stats[i];
}

static void bind_remake(dsbi_plan *plan, size_t i)
{
    plan_op *op = &plan->remake[i];
    op->call = plan->forward[i].call;
    op->call.y = at(plan, plan->remade[i]);
    op->call.scratch = NULL;
}

/* An input node that nobody reads as reals has nothing to do. */
static void bind(dsbi_plan *plan)
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
}

static dsb_status alloc_arenas(dsbi_plan *plan)
{
    for (size_t i = 0; i < plan->n_buffers; i++)
        plan->bytes_unshared += plan->buffers[i].size;
    DSBI_TRY(dsbi_place(plan->rt, plan->buffers, plan->n_buffers, &plan->bytes));
    if (plan->opts.sizes_only)
        return DSB_OK;
    /* zeroed: reading what no step has written yet would be a defect, not a security hole */
    plan->arena = dsbi_calloc(plan->rt, 1, plan->bytes);
    plan->ready = dsbi_alloc(plan->rt, plan->ready_bytes + 1);
    if (!plan->arena || !plan->ready)
        return DSB_E_NOMEM;
    if (plan->opts.training) {
        plan->grads = dsbi_calloc(plan->rt, plan->graph->arena_size + 1, plan->opts.math->item);
        if (!plan->grads)
            return DSB_E_NOMEM;
    }
    return DSB_OK;
}

dsb_status dsbi_plan_create_for(dsbi_plan **out, dsb_runtime *rt, const dsbi_graph *graph,
                                const dsbi_plan_opts *opts)
{
    *out = NULL;
    if (opts->batch == 0)
        return dsbi_fail(DSB_E_INVALID, "a batch of 0 images");
    dsbi_plan *plan = dsbi_calloc(rt, 1, sizeof *plan);
    if (!plan)
        return DSB_E_NOMEM;
    dsbi_runtime_retain(rt);
    plan->rt = rt;
    plan->graph = graph;
    plan->opts = *opts;
    plan->count = opts->batch;
    dsb_status status;
    DSBI_GO(dsbi_fuse(rt, &plan->nodes, &plan->n_nodes, &plan->output, graph, !opts->no_fusion,
                      opts->training));
    while (plan->nodes[plan->input].layer->role != DSBI_ROLE_INPUT)
        plan->input++;
    for (size_t i = 0; i < plan->n_nodes; i++)
        plan->nodes[i].no_winograd = opts->no_winograd;
    DSBI_GO(check_sizes(plan));
    DSBI_GO(alloc_tables(plan));
    ask_needs(plan);
    DSBI_GO(dsbi_prepare_lay(plan));
    DSBI_GO(lay_forward(plan));
    DSBI_GO(dsbi_groups_lay(plan));
    if (opts->training)
        DSBI_GO(lay_backward(plan));
    DSBI_GO(alloc_arenas(plan));
    if (!opts->sizes_only) {
        DSBI_GO(dsbi_matmul_reserve(rt));
        bind(plan);
    }
    *out = plan;
    plan = NULL;
done:
    dsbi_plan_free(plan);
    return status;
}

void dsbi_plan_free(dsbi_plan *plan)
{
    if (!plan)
        return;
    dsb_runtime *rt = plan->rt;
    dsbi_fuse_free(rt, plan->nodes, plan->n_nodes);
    void *const owned[] = {
        plan->remake,     plan->forward,       plan->backward,      plan->needs,
        plan->buffers,    plan->value,         plan->wants_grad,    plan->later,
        plan->later_sums, plan->x_pointers,    plan->x_shapes,      plan->dx_pointers,
        plan->add_flags,  plan->arena,         plan->ready,         plan->grads,
        plan->groups,     plan->group_buffers, plan->group_seconds, plan->group_pointers,
        plan->norm_sums,  plan->norm_stats};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
        dsbi_free(rt, owned[i]);
    dsbi_free(rt, plan);
    dsbi_runtime_release(rt);
}

dsb_status dsbi_plan_set_count(dsbi_plan *plan, size_t count)
{
    if (count == 0 || count > plan->opts.batch)
        return dsbi_fail(DSB_E_INVALID, "%zu images for a plan of 1 .. %zu", count,
                         plan->opts.batch);
    plan->count = count;
    return DSB_OK;
}

size_t dsbi_plan_count(const dsbi_plan *plan)
{
    return plan->count;
}

size_t dsbi_plan_batch(const dsbi_plan *plan)
{
    return plan->opts.batch;
}

void *dsbi_plan_input(dsbi_plan *plan)
{
    return at(plan, plan->pixels != NO_BUFFER ? plan->pixels : plan->value[plan->input]);
}

void *dsbi_plan_logits(dsbi_plan *plan)
{
    return at(plan, plan->value[plan->output]);
}

void *dsbi_plan_dlogits(dsbi_plan *plan)
{
    return plan->opts.training ? at(plan, plan->grad[plan->output]) : NULL;
}

void *dsbi_plan_dinput(dsbi_plan *plan)
{
    return plan->opts.training ? at(plan, plan->grad[plan->input]) : NULL;
}

void *dsbi_plan_grads(dsbi_plan *plan)
{
    return plan->grads;
}

void dsbi_plan_time(dsbi_plan *plan)
{
    plan->opts.timed = true;
}

size_t dsbi_plan_bytes(const dsbi_plan *plan)
{
    return plan->bytes;
}

size_t dsbi_plan_ready_bytes(const dsbi_plan *plan)
{
    return plan->ready_bytes;
}

size_t dsbi_plan_bytes_unshared(const dsbi_plan *plan)
{
    return plan->bytes_unshared;
}

size_t dsbi_plan_rows(const dsbi_plan *plan)
{
    return plan->n_nodes;
}

dsbi_plan_row dsbi_plan_row_at(const dsbi_plan *plan, size_t i)
{
    const plan_op *forward = &plan->forward[i], *backward = &plan->backward[i];
    return (dsbi_plan_row){
        .node = &plan->nodes[i],
        .seconds_forward = forward->seconds,
        .seconds_backward = backward->seconds + plan->remake[i].seconds,
        .backward = backward->active,
        .input_gradient =
            backward->active && plan->nodes[i].n_inputs > 0 && backward->call.dx[0] != NULL,
    };
}

/* The shortest run counts: other work on the machine only ever adds time. */
void dsbi_plan_note(plan_op *op, double seconds)
{
    if (op->seconds == 0 || seconds < op->seconds)
        op->seconds = seconds;
}

static dsb_status run_op(dsbi_plan *plan, plan_op *op,
                         dsb_status (*layer_fn)(const dsbi_call *call), uint64_t step)
{
    op->call.batch = plan->count;
    op->call.step = step;
    const double start = plan->opts.timed ? dsbi_now() : 0;
    if (op->fold.out)
        DSBI_TRY(dsbi_fold_norm(&op->call, &op->fold));
    DSBI_TRY(layer_fn(&op->call));
    for (size_t s = 0; s < op->n_sums; s++) {
        const later_sum *sum = &op->sums[s];
        op->call.math->add(dsbi_kernels_of(plan->rt), sum->to, sum->to, sum->from,
                           sum->size * plan->count);
    }
    if (plan->opts.timed)
        dsbi_plan_note(op, dsbi_now() - start);
    return DSB_OK;
}

void dsbi_plan_set_frozen(dsbi_plan *plan, bool frozen)
{
    for (size_t i = 0; i < plan->n_nodes; i++)
        plan->forward[i].call.frozen = plan->backward[i].call.frozen = plan->remake[i].call.frozen =
            frozen;
}

dsb_status dsbi_plan_forward(dsbi_plan *plan, uint64_t step)
{
    if (plan->opts.training && plan->opts.version)
        ++*plan->opts.version;
    DSBI_TRY(dsbi_prepare_run(plan));
    const dsbi_group *group = plan->groups, *end = group ? group + plan->n_groups : NULL;
    for (size_t i = 0; i < plan->n_nodes; i++) {
        plan->backward[i].call.step = step; /* backward draws the same random numbers */
        if (group != end && group->first == i) {
            DSBI_TRY(dsbi_group_run(plan, group, step));
            i = group++->last;
        } else if (plan->forward[i].active) {
            DSBI_TRY(run_op(plan, &plan->forward[i], plan->nodes[i].layer->forward, step));
        }
    }
    return DSB_OK;
}

static dsb_status remake(dsbi_plan *plan, size_t i, uint64_t step)
{
    if (!plan->remake[i].active)
        return DSB_OK;
    plan->remake[i].active = false;
    return run_op(plan, &plan->remake[i], plan->nodes[i].layer->remake, step);
}

/* What backward of node i reads and was not kept. */
static dsb_status remake_reads(dsbi_plan *plan, size_t i, uint64_t step)
{
    for (size_t k = 0; k < plan->nodes[i].n_inputs; k++) {
        if (reads_in_backward(plan, i, k))
            DSBI_TRY(remake(plan, plan->nodes[i].inputs[k], step));
    }
    return plan->needs[i].keep_y ? remake(plan, i, step) : DSB_OK;
}

static dsb_status clear_task(void *user, size_t task, size_t worker)
{
    const dsbi_plan *plan = user;
    (void)worker;
    const size_t bytes = plan->graph->arena_size * plan->opts.math->item,
                 first = task * CLEAR_BYTES;
    memset((char *)plan->grads + first, 0,
           bytes - first < CLEAR_BYTES ? bytes - first : CLEAR_BYTES);
    return DSB_OK;
}

dsb_status dsbi_plan_backward(dsbi_plan *plan)
{
    if (!plan->opts.training)
        return dsbi_fail(DSB_E_STATE, "this plan is for inference");
    const size_t bytes = plan->graph->arena_size * plan->opts.math->item;
    DSBI_TRY(dsbi_parallel(plan->rt, (bytes + CLEAR_BYTES - 1) / CLEAR_BYTES, clear_task, plan));
    for (size_t i = 0; i < plan->n_nodes; i++)
        plan->remake[i].active = plan->remade[i] != NO_BUFFER;
    for (size_t i = plan->n_nodes; i-- > 0;) {
        if (!plan->backward[i].active)
            continue;
        const uint64_t step = plan->backward[i].call.step;
        DSBI_TRY(remake_reads(plan, i, step));
        DSBI_TRY(run_op(plan, &plan->backward[i], plan->nodes[i].layer->backward, step));
    }
    return DSB_OK;
}
