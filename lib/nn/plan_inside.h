/* What a plan is made of; for the files that make and run plans. */
#ifndef DSBI_NN_PLAN_INSIDE_H
#define DSBI_NN_PLAN_INSIDE_H

#include "nn/factors.h"
#include "nn/fold.h"
#include "nn/plan.h"

enum { NO_BUFFER = -1 };

/* What happens after an operation that cannot add into its gradient: dx += temporary. */
typedef struct later_sum {
    void *to, *from;
    size_t size; /* elements an image */
} later_sum;

typedef struct plan_op {
    dsbi_call call;
    later_sum *sums;
    size_t n_sums;
    dsbi_fold fold;
    bool active; /* to be run; of a remake: still to be done in this backward pass */
    double seconds;
} plan_op;

/* Operations first .. last run for `images` images at a time, each worker on its own: what is made
 * and read in between then never leaves the caches. */
typedef struct dsbi_group {
    size_t first, last, images;
    size_t worker_bytes; /* of a worker's arrays */
    ptrdiff_t buffer;    /* of all workers' */
} dsbi_group;

struct dsbi_plan {
    dsb_runtime *rt;
    const dsbi_graph *graph;
    dsbi_plan_opts opts;
    size_t count;
    dsbi_node *nodes;
    size_t n_nodes;
    dsbi_value input, output;
    plan_op *forward, *backward, *remake;
    dsbi_needs *needs;

    dsbi_buffer *buffers;
    size_t n_buffers, buffers_capacity;
    ptrdiff_t *value, *grad, *saved, *scratch_forward, *scratch_backward; /* buffer of each node */
    ptrdiff_t *remade; /* buffer of an output written again in backward, or none */
    ptrdiff_t *scratch_remake;
    ptrdiff_t *norm;     /* batch norm that leaves its last pass to this node (norm.h), or none */
    ptrdiff_t *stats;    /* buffer of statistics that this node makes for a norm behind, or none */
    ptrdiff_t *sums;     /* buffer of sums that this node makes for the one of input 0, or none */
    ptrdiff_t *folded;   /* of weights with a norm in them */
    ptrdiff_t *factored; /* buffer of a weight's gradient left as factors, or none */
    ptrdiff_t *prepared; /* offset of weights made ready once (prepare.c), or none */
    ptrdiff_t pixels;
    bool *wants_grad, *grad_born;
    bool *useful;     /* the output depends on it */
    ptrdiff_t *later; /* temporary gradient buffers, in the order of later_sums */
    later_sum *later_sums;
    dsbi_norm_sums *norm_sums;   /* of each batch norm */
    dsbi_norm_stats *norm_stats; /* of each node in front of one */
    const void **x_pointers;     /* forward; behind them backward */
    dsbi_shape *x_shapes;
    void **dx_pointers;
    bool *add_flags;
    size_t n_inputs; /* of all nodes */

    char *ready; /* weights made ready */
    size_t ready_bytes;
    bool is_prepared;
    uint64_t prepared_version; /* of the weights that are ready */
    dsbi_group *groups;        /* stretches that run image by image (groups.c), in order */
    size_t n_groups;
    dsbi_buffer *group_buffers; /* [n_buffers]: size > 0: in a worker's memory of its stretch */
    double *group_seconds;      /* [threads, n_nodes] */
    void **group_pointers;      /* [threads, most inputs of a node] */
    size_t most_inputs;

    char *arena;
    void *grads;
    size_t grads_size;       /* elements */
    struct clearing *clears; /* runs of it that have to be 0 before backward (plan_gradients.c) */
    size_t n_clears;
    size_t *grad_at;       /* of each parameter, into grads; SIZE_MAX: left as factors */
    dsbi_factors *factors; /* of each node that leaves them */
    size_t bytes, bytes_unshared;
};

static inline size_t dsbi_value_bytes(const dsbi_plan *plan, size_t node, size_t images)
{
    return images * dsbi_shape_size(plan->nodes[node].out) * plan->opts.math->item;
}

static inline size_t dsbi_input_offset(const dsbi_plan *plan, size_t node)
{
    size_t at = 0;
    for (size_t i = 0; i < node; i++)
        at += plan->nodes[i].n_inputs;
    return at;
}

/* Mean and squares of each part, then where it ends. */
static inline size_t dsbi_stats_bytes(const dsbi_plan *plan, size_t i)
{
    return plan->needs[i].stats_parts * 2 * plan->nodes[i].out.c * plan->opts.math->item;
}

/* The node whose output lies where operation i reads input k. */
static inline dsbi_value dsbi_source_of(const dsbi_plan *plan, size_t i, size_t k)
{
    const dsbi_node *node = &plan->nodes[i];
    return k == 0 && node->reads_norm ? plan->nodes[node->inputs[0]].inputs[0] : node->inputs[k];
}

static inline bool dsbi_reads_in_backward(const dsbi_plan *plan, size_t reader, size_t k)
{
    return plan->opts.training && plan->useful[reader] && plan->needs[reader].keep_x >> k & 1;
}

dsb_status dsbi_plan_new_buffer(dsbi_plan *plan, ptrdiff_t *out, size_t size, size_t birth,
                                size_t death);
static inline void *dsbi_buffer_at(const dsbi_plan *plan, ptrdiff_t buffer)
{
    return buffer == NO_BUFFER ? NULL : plan->arena + plan->buffers[buffer].offset;
}
/* plan_lay.c: the arrays of forward and of backward, in this order. */
dsb_status dsbi_lay_forward(dsbi_plan *plan);
dsb_status dsbi_lay_backward(dsbi_plan *plan);
/* plan_bind.c: the calls of all operations. */
void dsbi_plan_bind(dsbi_plan *plan);
/* plan_gradients.c: memory for gradients of parameters, once backward is laid; where factors go;
 * gradients that are added to 0. */
dsb_status dsbi_gradients_lay(dsbi_plan *plan);
void dsbi_gradients_bind(dsbi_plan *plan);
/* Whether backward of operation i writes the gradients of its parameters. */
bool dsbi_writes_gradients(const dsbi_plan *plan, size_t i);
dsb_status dsbi_gradients_clear(dsbi_plan *plan);
/* How the norm of operation i goes into its weights, which are written to `out`. */
dsbi_fold dsbi_plan_fold(const dsbi_plan *plan, size_t i, void *out);
/* Keeps the least seconds of an operation: other work on the machine only ever adds time. */
void dsbi_plan_note(plan_op *op, double seconds);

/* Whether outputs that can be made again in backward are. */
bool dsbi_remakes_any(dsbi_plan *plan);
/* gates.c: sets gated, gates, sloped and slopes of nodes, once their needs are known. */
void dsbi_gates_find(dsbi_plan *plan);
/* The one node that reads i, and that as its input 0; n_nodes: there is none or several. */
size_t dsbi_only_reader(const dsbi_plan *plan, size_t i);
/* unwritten.c: sets unwritten and reads_norm of nodes. */
void dsbi_unwritten_find(dsbi_plan *plan);

/* leave.c: whether batch norm i leaves its last pass to the node that made its input. */
bool dsbi_leaves_gradient(const dsbi_plan *plan, size_t i);
/* The batch norm that wants the statistics of the output of node i; n_nodes: none. */
size_t dsbi_wants_stats(const dsbi_plan *plan, size_t i);
/* Whether node i makes the sums of the batch norm that made its input 0. */
bool dsbi_sums_for_norm(const dsbi_plan *plan, size_t i);
/* prepare.c: memory for weights made ready, before other arrays are laid; making them ready; */
dsb_status dsbi_prepare_lay(dsbi_plan *plan);
dsb_status dsbi_prepare_run(dsbi_plan *plan);
/* groups.c: finds stretches once forward is laid and takes their arrays out of the arena; */
dsb_status dsbi_groups_lay(dsbi_plan *plan);
dsb_status dsbi_group_run(dsbi_plan *plan, const dsbi_group *group, uint64_t step);

#endif
