/* A graph made ready to run for a batch size: neighbours fused, every array placed in one arena by
 * the time it lives, sizes known before the first step. A step allocates nothing.
 *
 * Time runs 0 .. n-1 forward, n for the loss, then back from n+1 to 2n; an array occupies its bytes
 * from the first step that writes it to the last that reads it. */
#ifndef DSBI_NN_PLAN_H
#define DSBI_NN_PLAN_H

#include "nn/layer.h"

typedef struct dsbi_plan dsbi_plan;

typedef struct dsbi_plan_opts {
    size_t batch; /* most images of a call */
    bool training;
    bool input_grad;   /* the gradient of the input too, where the input is reals */
    bool no_fusion;    /* run the declaration as it stands */
    bool no_winograd;  /* convolutions by their definition only */
    bool writes_norms; /* outputs of all batch norms, even where a reader could apply them itself */
    bool sizes_only;   /* for its numbers: takes no memory for arrays, runs nothing */
    bool timed;        /* keep the least seconds of each operation */
    bool factors; /* gradients of large weights from few rows are left as factors (factors.h) */
    const dsbi_math *math;
    uint64_t seed;
    void *params;      /* arena of the graph, borrowed; training writes the buffers in it */
    uint64_t *version; /* borrowed: another number says that weights have changed, as each step of
                        * training does. Inference then makes them ready once; NULL: at each step */
} dsbi_plan_opts;

dsb_status dsbi_plan_create_for(dsbi_plan **out, dsb_runtime *rt, const dsbi_graph *graph,
                                const dsbi_plan_opts *opts);
void dsbi_plan_free(dsbi_plan *plan);

/* Images of the next steps, 1 .. batch; at first the whole batch. */
dsb_status dsbi_plan_set_count(dsbi_plan *plan, size_t count);
size_t dsbi_plan_count(const dsbi_plan *plan);
size_t dsbi_plan_batch(const dsbi_plan *plan);
/* Where the caller writes the batch: bytes [batch, H, W, 3], or reals if the graph says so. */
void *dsbi_plan_input(dsbi_plan *plan);
/* Output of forward and its gradient, which the caller writes before backward: [batch, classes]. */
void *dsbi_plan_logits(dsbi_plan *plan);
void *dsbi_plan_dlogits(dsbi_plan *plan);
void *dsbi_plan_dinput(dsbi_plan *plan);
/* Gradient arena, laid out as the parameters but for what is left as factors; overwritten by each
 * backward. */
void *dsbi_plan_grads(dsbi_plan *plan);
size_t dsbi_plan_gradient_bytes(const dsbi_plan *plan);
/* The gradient of a parameter in it, in memory order, or its factors, in the activation arena; NULL
 * where it is the other. */
void *dsbi_plan_gradient(const dsbi_plan *plan, size_t param);
const dsbi_factors *dsbi_plan_factors(const dsbi_plan *plan, size_t param);

/* From now on a plan for training computes what evaluation does, and its gradients: running
 * statistics, which stay as they are, and nothing dropped; or as at first again. */
void dsbi_plan_set_frozen(dsbi_plan *plan, bool frozen);

/* `step` numbers the random draws of training; a plan for inference ignores it. */
dsb_status dsbi_plan_forward(dsbi_plan *plan, uint64_t step);
dsb_status dsbi_plan_backward(dsbi_plan *plan);

/* From now on keeps the least seconds of each operation, as the option `timed` does. */
void dsbi_plan_time(dsbi_plan *plan);

/* Bytes of the activation arena, and what they would be if nothing shared memory. */
size_t dsbi_plan_bytes(const dsbi_plan *plan);
size_t dsbi_plan_bytes_unshared(const dsbi_plan *plan);
/* Bytes of weights made ready for inference, beside the model's own. */
size_t dsbi_plan_ready_bytes(const dsbi_plan *plan);

/* One operation after fusion, for tables: name, layer, least seconds (timed plans). */
typedef struct dsbi_plan_row {
    const dsbi_node *node;
    double seconds_forward, seconds_backward;
    bool backward;       /* it has a backward pass here */
    bool input_gradient; /* which makes the gradient of input 0 too */
} dsbi_plan_row;
size_t dsbi_plan_rows(const dsbi_plan *plan);
dsbi_plan_row dsbi_plan_row_at(const dsbi_plan *plan, size_t i);

/* Inside: fuse.c. Copies the graph's nodes, folding neighbours; inputs are renumbered. */
dsb_status dsbi_fuse(dsb_runtime *rt, dsbi_node **nodes, size_t *n_nodes, dsbi_value *output,
                     const dsbi_graph *graph, bool fold, bool training);
/* What was folded into the node's layer: "norm, relu"; "" for nothing. */
const char *dsbi_fused_name(const dsbi_node *node);
void dsbi_fuse_free(dsb_runtime *rt, dsbi_node *nodes, size_t n_nodes);

/* Inside: place.c. Arrays that live at the same time must not overlap. */
typedef struct dsbi_buffer {
    size_t size, offset;
    size_t birth, death; /* inclusive */
} dsbi_buffer;
dsb_status dsbi_place(dsb_runtime *rt, dsbi_buffer *buffers, size_t n, size_t *total);

#endif
