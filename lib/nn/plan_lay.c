/* When each array of a plan lives: outputs and what layers keep from forward on, gradients in
 * backward, statistics and sums of batch norms between them. Time counts operations, forward then
 * backward; place.c gives arrays that never live together the same memory. */
#include "nn/plan_inside.h"

#include "base/memory.h"
#include "nn/blocks.h"

/* Outputs that could be made again and together are smaller than this are kept all the same. */
enum { KEEP_BYTES = 64 << 20 };

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
    return dsbi_value_bytes(plan, node, plan->opts.batch);
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
    return dsbi_source_of(plan, reader, k) == node && !(plan->nodes[reader].pixels && k == 0);
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
            if (!dsbi_reads_in_backward(plan, reader, k))
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

static void find_useful(dsbi_plan *plan)
{
    plan->useful[plan->output] = true;
    for (size_t i = plan->n_nodes; i-- > 0;)
        for (size_t k = 0; k < plan->nodes[i].n_inputs && plan->useful[i]; k++)
            plan->useful[plan->nodes[i].inputs[k]] = true;
}

/* Where all that could be written again is little, keeping it costs nothing and saves the time. */
bool dsbi_remakes_any(dsbi_plan *plan)
{
    find_useful(plan);
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
    DSBI_TRY(dsbi_plan_new_buffer(plan, &plan->scratch_remake[i], plan->needs[i].scratch_remake,
                                  u->first_back, u->first_back));
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
        if (k + 1 != in_place && plan->value[dsbi_source_of(plan, i, k)] == buffer)
            return NO_BUFFER;
    return buffer;
}

static dsb_status lay_stats(dsbi_plan *plan, size_t i)
{
    const size_t norm = dsbi_wants_stats(plan, i);
    plan->stats[i] = NO_BUFFER;
    if (norm == plan->n_nodes)
        return DSB_OK;
    const size_t ends = plan->needs[i].stats_parts * sizeof(size_t);
    return dsbi_plan_new_buffer(plan, &plan->stats[i], dsbi_stats_bytes(plan, i) + ends, i, norm);
}

dsb_status dsbi_lay_forward(dsbi_plan *plan)
{
    const size_t end = end_of_time(plan);
    const bool remakes = dsbi_remakes_any(plan);
    for (size_t i = 0; i < plan->n_nodes; i++) {
        const dsbi_needs *needs = &plan->needs[i];
        uses u = uses_of(plan, i);
        size_t last = u.last_back > 0 ? u.last_back : u.forward;
        plan->remade[i] = plan->scratch_remake[i] = NO_BUFFER;
        if (i == plan->output) {
            last = end;
        } else if (plan->nodes[i].sloped) {
            last = u.forward; /* its reader finds the argument in its place */
        } else if (remakes && is_remade(plan, i, &u)) {
            if (needs->remakes_gate && u.first_back < back(plan, i)) {
                plan->needs[i].keep_y = false;
                u = uses_of(plan, i);
            }
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
        if (plan->nodes[i].sloped)
            plan->remade[i] = plan->saved[i];
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

/* May the gradient of input k take over the memory of that input? Nobody reads it later. */
static bool shares_x(const dsbi_plan *plan, size_t i, size_t k)
{
    const dsbi_node *node = &plan->nodes[i];
    const dsbi_value x = node->inputs[k];
    const ptrdiff_t buffer = plan->remade[x] != NO_BUFFER ? plan->remade[x] : plan->value[x];
    if (k > 0 || node->reads_norm || !plan->needs[i].dx_over_x || x == plan->input ||
        plan->needs[x].keep_y)
        return false;
    for (size_t other = 1; other < node->n_inputs; other++)
        if (node->inputs[other] == x)
            return false;
    return plan->buffers[buffer].death == back(plan, i);
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
    const size_t now = back(plan, i), first = dsbi_input_offset(plan, i);
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
            } else if (shares_x(plan, i, k)) {
                plan->grad[x] = plan->remade[x] != NO_BUFFER ? plan->remade[x] : plan->value[x];
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

/* The sums of a norm in front need its input when node i runs: not where that is written again only
 * later, for the norm itself. */
static bool norm_input_is_there(const dsbi_plan *plan, size_t i)
{
    const dsbi_value x = plan->nodes[plan->nodes[i].inputs[0]].inputs[0];
    return plan->remade[x] == NO_BUFFER || plan->buffers[plan->remade[x]].birth <= back(plan, i);
}

static dsb_status lay_sums(dsbi_plan *plan, size_t i)
{
    const dsbi_value norm = plan->nodes[i].inputs[0];
    const size_t partial = 2 * plan->nodes[norm].in.c * plan->opts.math->item;
    return dsbi_plan_new_buffer(plan, &plan->sums[i], DSBI_MOST_PARTIALS * partial, back(plan, i),
                                back(plan, norm));
}

dsb_status dsbi_lay_backward(dsbi_plan *plan)
{
    find_wanted(plan);
    const size_t n = plan->n_nodes;
    for (size_t i = 0; i < n; i++)
        plan->grad[i] = plan->scratch_backward[i] = plan->norm[i] = plan->sums[i] =
            plan->factored[i] = NO_BUFFER;
    DSBI_TRY(dsbi_plan_new_buffer(plan, &plan->grad[plan->output], value_bytes(plan, plan->output),
                                  n, back(plan, plan->output)));
    plan->grad_born[plan->output] = true;
    for (size_t i = n; i-- > 0;) {
        if (!plan->grad_born[i] || !plan->wants_grad[i])
            continue;
        DSBI_TRY(dsbi_plan_new_buffer(plan, &plan->scratch_backward[i],
                                      plan->needs[i].scratch_backward, back(plan, i),
                                      back(plan, i)));
        if (plan->needs[i].factors > 0)
            DSBI_TRY(dsbi_plan_new_buffer(plan, &plan->factored[i], plan->needs[i].factors,
                                          back(plan, i), end_of_time(plan)));
        DSBI_TRY(lay_input_gradients(plan, i));
        if (dsbi_sums_for_norm(plan, i) && norm_input_is_there(plan, i))
            DSBI_TRY(lay_sums(plan, i));
        if (i == plan->input)
            outlive(plan, plan->grad[i], end_of_time(plan));
    }
    return DSB_OK;
}
