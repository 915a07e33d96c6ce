/* See op.h. */
#include "nn/op.h"

#include <string.h>

#define MOST_SIDE ((uint64_t)1 << 20)
#define MOST_ELEMENTS ((size_t)1 << 40)

dsb_status dsbi_op_numbers(const char *what, const dsbi_op_number *numbers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (numbers[i].value == 0 && !numbers[i].zero)
            return dsbi_fail(DSB_E_INVALID, "%s: %s is 0", what, numbers[i].name);
        if (numbers[i].value > MOST_SIDE)
            return dsbi_fail(DSB_E_LIMIT, "%s: %s is %llu, more than %llu", what, numbers[i].name,
                             (unsigned long long)numbers[i].value, (unsigned long long)MOST_SIDE);
    }
    return DSB_OK;
}

dsb_status dsbi_op_arrays(const char *what, const void *const *arrays, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!arrays[i])
            return dsbi_fail(DSB_E_INVALID, "%s: NULL argument", what);
    return DSB_OK;
}

static dsb_status check_elements(dsbi_shape image, uint64_t batch)
{
    size_t n;
    if (batch > MOST_ELEMENTS || !dsbi_mul(&n, dsbi_shape_size(image), (size_t)batch) ||
        n > MOST_ELEMENTS)
        return dsbi_fail(DSB_E_LIMIT, "%llu times %zu x %zu x %zu elements",
                         (unsigned long long)batch, image.h, image.w, image.c);
    return DSB_OK;
}

dsb_status dsbi_op_open(dsbi_op *op, dsb_runtime *rt, const char *what, dsbi_shape image,
                        uint64_t batch)
{
    dsbi_clear_error();
    const dsbi_op_number sides[] = {{"the height", image.h, false},
                                    {"the width", image.w, false},
                                    {"channels", image.c, false}};
    DSBI_TRY(DSBI_OP_ARRAYS(what, rt));
    DSBI_TRY(dsbi_op_numbers(what, sides, 3));
    if (batch == 0)
        return dsbi_fail(DSB_E_INVALID, "%s: nothing to work on", what);
    DSBI_TRY(dsbi_fail_at(check_elements(image, batch), "%s", what));
    *op = (dsbi_op){.rt = rt, .what = what, .batch = (size_t)batch};
    DSBI_TRY(dsbi_builder_init(&op->builder, rt, image, 1));
    op->input = dsbi_input_values(&op->builder);
    return DSB_OK;
}

/* Zeroes the gradients that are wanted, for layers add to them. */
static void clear_gradients(const dsbi_op *op, const dsbi_graph *graph, const dsbi_node *node)
{
    for (size_t p = 0; p < node->n_params; p++)
        if (op->grads[p])
            memset(op->grads[p], 0, graph->params[node->params[p]].size * sizeof(float));
}

static dsbi_call bind(const dsbi_op *op, const dsbi_graph *graph, const dsbi_node *node)
{
    dsbi_call call = {.rt = op->rt,
                      .math = &dsbi_math_f32,
                      .graph = graph,
                      .node = node,
                      .batch = op->batch,
                      .training = op->training,
                      .seed = op->seed,
                      .step = op->draw,
                      .x_shapes = &graph->nodes[op->input].out,
                      .y = op->y,
                      .dy = op->dy,
                      .saved = op->saved};
    for (size_t p = 0; p < node->n_params; p++) {
        call.params[p] = op->params[p];
        call.grads[p] = op->grads[p];
        call.buffers[p] = op->buffers[p];
    }
    return call;
}

static dsb_status run_layer(const dsbi_op *op, const dsbi_graph *graph, bool backward)
{
    const dsbi_node *node = &graph->nodes[op->value];
    const dsbi_sizing sizing = {.batch = op->batch,
                                .item = sizeof(float),
                                .n_threads = op->rt->n_threads,
                                .training = op->training};
    DSBI_TRY(check_elements(node->out, op->batch));
    for (size_t p = 0; p < node->n_params; p++)
        if (graph->params[node->params[p]].size > MOST_ELEMENTS)
            return dsbi_fail(DSB_E_LIMIT, "too many weights");
    const dsbi_needs needs = dsbi_needs_of(node, &sizing);
    const void *x[1] = {op->x};
    void *dx[1] = {op->dx};
    bool add[1] = {false};
    dsbi_call call = bind(op, graph, node);
    call.x = x;
    call.dx = dx;
    call.add = add;
    call.scratch = dsbi_alloc(op->rt, backward ? needs.scratch_backward : needs.scratch_forward);
    if (!call.scratch)
        return DSB_E_NOMEM;
    if (backward)
        clear_gradients(op, graph, node);
    const dsb_status status = backward ? node->layer->backward(&call) : node->layer->forward(&call);
    dsbi_free(op->rt, call.scratch);
    return status;
}

static dsb_status run(dsbi_op *op, bool backward)
{
    dsbi_graph *graph;
    dsbi_graph_output(&op->builder, op->value);
    dsb_status status = dsbi_graph_finish(&op->builder, &graph);
    if (status == DSB_OK)
        status = run_layer(op, graph, backward);
    dsbi_graph_free(graph);
    return dsbi_fail_at(status, "%s", op->what);
}

dsb_status dsbi_op_forward(dsbi_op *op)
{
    return run(op, false);
}

dsb_status dsbi_op_backward(dsbi_op *op)
{
    return run(op, true);
}
