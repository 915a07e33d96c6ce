/* See plan.h. */
#include "nn/plan.h"

#include "base/file.h"
#include "nn/blocks.h"
#include "nn/norm.h"
#include "nn/plan_inside.h"
#include "tensor/matmul.h"

static dsb_status check_sizes(const dsbi_plan *plan)
{
    for (size_t i = 0; i < plan->n_nodes; i++) {
        size_t size;
        if (!dsbi_mul(&size, dsbi_shape_size(plan->nodes[i].out), plan->opts.batch) ||
            size > (size_t)1 << 40)
            return dsbi_fail(DSB_E_LIMIT, "%s: a batch of %zu is too large",
                             *plan->nodes[i].name ? plan->nodes[i].name : "input",
                             plan->opts.batch);
    }
    return DSB_OK;
}

static dsb_status alloc_tables(dsbi_plan *plan)
{
    const size_t n = plan->n_nodes;
    plan->n_inputs = dsbi_input_offset(plan, n);
    const size_t m = plan->n_inputs + 1;
    plan->needs = dsbi_calloc(plan->rt, n, sizeof *plan->needs);
    plan->forward = dsbi_calloc(plan->rt, n, sizeof *plan->forward);
    plan->backward = dsbi_calloc(plan->rt, n, sizeof *plan->backward);
    plan->remake = dsbi_calloc(plan->rt, n, sizeof *plan->remake);
    plan->value = dsbi_calloc(plan->rt, 13 * n, sizeof *plan->value);
    plan->wants_grad = dsbi_calloc(plan->rt, 3 * n, sizeof *plan->wants_grad);
    plan->later = dsbi_calloc(plan->rt, m, sizeof *plan->later);
    plan->later_sums = dsbi_calloc(plan->rt, m, sizeof *plan->later_sums);
    plan->x_pointers = dsbi_calloc(plan->rt, 2 * m, sizeof *plan->x_pointers);
    plan->x_shapes = dsbi_calloc(plan->rt, m, sizeof *plan->x_shapes);
    plan->dx_pointers = dsbi_calloc(plan->rt, m, sizeof *plan->dx_pointers);
    plan->add_flags = dsbi_calloc(plan->rt, m, sizeof *plan->add_flags);
    plan->factors = dsbi_calloc(plan->rt, n, sizeof *plan->factors);
    plan->norm_sums = dsbi_calloc(plan->rt, n, sizeof *plan->norm_sums);
    plan->norm_stats = dsbi_calloc(plan->rt, n, sizeof *plan->norm_stats);
    if (!plan->needs || !plan->forward || !plan->backward || !plan->remake || !plan->value ||
        !plan->wants_grad || !plan->later || !plan->later_sums || !plan->x_pointers ||
        !plan->x_shapes || !plan->dx_pointers || !plan->add_flags || !plan->factors ||
        !plan->norm_sums || !plan->norm_stats)
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
    plan->factored = plan->value + 11 * n;
    plan->scratch_remake = plan->value + 12 * n;
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
                                .factors = plan->opts.training && plan->opts.factors,
                                .prepares = !plan->opts.training && plan->opts.version};
    for (size_t i = 0; i < plan->n_nodes; i++) {
        plan->needs[i] = dsbi_needs_of(&plan->nodes[i], &sizing);
        if (!plan->opts.training)
            plan->needs[i].saved = 0;
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
    dsbi_unwritten_find(plan);
    dsbi_gates_find(plan);
    ask_needs(plan); /* some nodes know better now */
    DSBI_GO(dsbi_prepare_lay(plan));
    DSBI_GO(dsbi_lay_forward(plan));
    DSBI_GO(dsbi_groups_lay(plan));
    if (opts->training)
        DSBI_GO(dsbi_lay_backward(plan));
    DSBI_GO(alloc_arenas(plan));
    if (opts->training)
        DSBI_GO(dsbi_gradients_lay(plan));
    if (!opts->sizes_only) {
        DSBI_GO(dsbi_matmul_reserve(rt));
        dsbi_plan_bind(plan);
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
        plan->norm_sums,  plan->norm_stats,    plan->factors,       plan->grad_at,
        plan->clears};
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
    return dsbi_buffer_at(plan,
                          plan->pixels != NO_BUFFER ? plan->pixels : plan->value[plan->input]);
}

void *dsbi_plan_logits(dsbi_plan *plan)
{
    return dsbi_buffer_at(plan, plan->value[plan->output]);
}

void *dsbi_plan_dlogits(dsbi_plan *plan)
{
    return plan->opts.training ? dsbi_buffer_at(plan, plan->grad[plan->output]) : NULL;
}

void *dsbi_plan_dinput(dsbi_plan *plan)
{
    return plan->opts.training ? dsbi_buffer_at(plan, plan->grad[plan->input]) : NULL;
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
        if (dsbi_reads_in_backward(plan, i, k))
            DSBI_TRY(remake(plan, dsbi_source_of(plan, i, k), step));
    }
    return plan->needs[i].keep_y ? remake(plan, i, step) : DSB_OK;
}

dsb_status dsbi_plan_backward(dsbi_plan *plan)
{
    if (!plan->opts.training)
        return dsbi_fail(DSB_E_STATE, "this plan is for inference");
    DSBI_TRY(dsbi_gradients_clear(plan));
    for (size_t i = 0; i < plan->n_nodes; i++)
        plan->remake[i].active = plan->remade[i] != NO_BUFFER && !plan->nodes[i].sloped;
    for (size_t i = plan->n_nodes; i-- > 0;) {
        if (!plan->backward[i].active)
            continue;
        const uint64_t step = plan->backward[i].call.step;
        DSBI_TRY(remake_reads(plan, i, step));
        DSBI_TRY(run_op(plan, &plan->backward[i], plan->nodes[i].layer->backward, step));
    }
    return DSB_OK;
}
