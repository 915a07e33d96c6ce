/* What a layer is: one file in lib/nn/layers with one constant of this type. The build lists the
 * folder, so a new layer is a new file; tests take their cases from the same table. */
#ifndef DSBI_NN_LAYER_H
#define DSBI_NN_LAYER_H

#include "nn/graph.h"
#include "nn/math.h"

/* Sizes and rights, asked once when a plan is made. Zeroed before the call. */
typedef struct dsbi_needs {
    size_t saved;           /* bytes from forward to backward */
    size_t scratch_forward; /* bytes that die with the call */
    size_t scratch_backward;
    size_t prepared; /* bytes of weights made ready by `prepare`, asked for with sizing.prepares */
    size_t scratch_prepare;
    size_t factors;     /* bytes for the gradient of params[0] as factors (factors.h), where asked
                         * for with sizing.factors; 0: it has to be an array */
    size_t factor_rows; /* of the batch, where factors > 0 */
    uint32_t keep_x;    /* bit k: backward reads input k */
    bool keep_y;        /* backward reads the output */
    bool writes_grads;  /* backward can write gradients of parameters (call->fresh) */
    bool adds_dx;       /* backward can add into dx (call->add); else the plan adds afterwards */
    bool dx_over_dy;    /* backward may write the gradient of input 0 over dy */
    bool dx_over_x;     /* backward may write it over input 0 */
    uint32_t in_place;  /* 1 + k: forward may write the output over input k; 0: over none */
    uint32_t passes;    /* 1 + k: the gradient of input k is dy itself and may share its memory */
    bool remakes;       /* the layer can write its output again in backward (dsbi_layer.remake) from
                         * what it saved and the inputs remake_x: it need not be kept for readers */
    uint32_t remake_x;  /* bit k: making it again reads input k; not done where no backward pass
                         * keeps that */
    size_t scratch_remake; /* bytes for it that die with the call */
    bool remakes_gate;     /* where it does so (call->remade) backward does without keep_y */
    bool slopes_x;      /* backward can make a GELU in front, which is input 0, from its argument */
    bool gated_behind;  /* the output is that of a ReLU whose corner another may apply (gates.c) */
    bool gates_x;       /* backward can apply it to the gradient of input 0, where node->gates */
    bool passes_gate;   /* and the output, values of the input, is that of a ReLU as well */
    bool reads_norm;    /* can apply a batch norm in front to input 0 as it reads (norm.h) */
    bool takes_norm;    /* backward takes the last pass of a batch norm behind (norm.h) */
    bool sums_norm;     /* backward can sum for a batch norm that made input 0 (norm.h) */
    size_t stats_parts; /* forward can give statistics of its output in so many parts or fewer, for
                         * a batch norm behind (norm.h); 0: it cannot */
} dsbi_needs;

typedef struct dsbi_norm_sums dsbi_norm_sums; /* norm.h */
typedef struct dsbi_norm_stats dsbi_norm_stats;
typedef struct dsbi_factors dsbi_factors; /* factors.h */

/* One execution. Arrays are dense, images first; `real` is float or double as `math` says. */
typedef struct dsbi_call {
    dsb_runtime *rt;
    const dsbi_math *math;
    const dsbi_graph *graph;
    const dsbi_node *node;
    size_t batch;  /* images */
    bool training; /* backward may follow */
    bool frozen;   /* and yet what is computed is that of evaluation: see dsbi_is_random */
    bool remade;   /* the output will be written again in backward */
    uint64_t seed, step;
    const void **x;             /* inputs */
    const dsbi_shape *x_shapes; /* theirs */
    void *y;
    const void *dy;
    void **dx; /* gradients of the inputs; NULL: not wanted (only where needs.adds_dx) */
    bool *add; /* dx[k] holds something already: add to it */
    const void *params[DSBI_MAX_NODE_PARAMS];
    void *grads[DSBI_MAX_NODE_PARAMS]; /* added to; NULL: not wanted (plans want all) */
    bool fresh; /* these and dgamma hold nothing yet: written, not added to (needs.writes_grads) */
    void *buffers[DSBI_MAX_NODE_PARAMS]; /* params[k] to write, in training where it is a buffer;
                                          * NULL as grads */
    dsbi_factors *factors; /* where the gradient of params[0] goes in place of grads[0]; or NULL */
    const void *gamma;     /* of a fused layer scale */
    void *dgamma;
    const uint8_t *pixels; /* the batch as given, [B, H, W, 3] */
    void *saved, *scratch;
    void *prepared; /* needs.prepared bytes, read by forward; NULL: forward reads params itself */
    bool alone;     /* runs on one worker, with scratch memory for one (sizing.n_threads = 1) */
    const void *x_norm; /* what the batch norm in front has saved: x[0] is its input and this layer
                         * applies it (norm.h); NULL: x[0] is what is read */
    bool x_relu;        /* with the ReLU behind it */
    const void *norm; /* backward: what the batch norm behind has saved, dy is its gradient and the
                       * rest is left to this layer (norm.h); NULL: dy is the gradient of y */
    bool norm_gate;   /* with a ReLU behind the norm */
    dsbi_norm_sums *sums;   /* backward: sums to be made for the batch norm in front, or of a batch
                             * norm: made by the layer behind; NULL: none */
    dsbi_norm_stats *stats; /* forward: statistics of y to be made for the batch norm behind, or of
                             * x, for a batch norm: made by the layer in front; NULL: none */
} dsbi_call;

typedef struct dsbi_sizing {
    size_t batch, item; /* images; bytes of a real */
    size_t n_threads;   /* for memory per worker only; never for how work is cut */
    bool training;
    bool factors;  /* gradients may be left as factors */
    bool prepares; /* weights stay for many calls: forward may have them made ready once */
} dsbi_sizing;

/* What the plan may fold together (fuse.c). */
typedef enum dsbi_role {
    DSBI_ROLE_NONE,
    DSBI_ROLE_AFFINE,  /* takes a GELU, or a layer scale, a drop path and a sum behind it */
    DSBI_ROLE_PATCHES, /* the same; and bytes of pixels in front */
    DSBI_ROLE_INPUT,
    DSBI_ROLE_GELU,
    DSBI_ROLE_RELU,
    DSBI_ROLE_BATCHNORM,
    DSBI_ROLE_SCALE,
    DSBI_ROLE_DROP,
    DSBI_ROLE_ADD
} dsbi_role;

struct dsbi_layer {
    const char *name; /* "linear" */
    dsbi_role role;
    /* Checks the inputs, sets node->out, declares parameters; NULL: one input, an output of the
     * same shape, none. */
    void (*declare)(dsbi_builder *b, dsbi_node *node);
    /* What the plan must provide; NULL: no more than inputs and outputs. */
    void (*needs)(const dsbi_node *node, const dsbi_sizing *sizing, dsbi_needs *needs);
    dsb_status (*forward)(const dsbi_call *call);
    dsb_status (*backward)(const dsbi_call *call); /* NULL: nothing to do */
    /* Writes call->prepared, whenever weights have changed; where needs.prepared > 0. */
    dsb_status (*prepare)(const dsbi_call *call);
    /* How it is done, for tables: "winograd 4x4"; NULL where there is one way. */
    const char *(*algorithm)(const dsbi_node *node);
    /* Writes y once more, the same bits as forward, before the first backward pass that reads it;
     * NULL: cannot. */
    dsb_status (*remake)(const dsbi_call *call);
    uint64_t (*macs)(const dsbi_node *node); /* multiply-adds an image; NULL: none counted */
    /* A small graph that exercises the layer, for the gradient check; `image` is its input. */
    dsbi_shape check_image;
    dsbi_value (*check)(dsbi_builder *b, dsbi_value x);
};

extern const dsbi_layer *const dsbi_layer_table[]; /* ended by NULL; made by cmake */

static inline dsbi_needs dsbi_needs_of(const dsbi_node *node, const dsbi_sizing *sizing)
{
    dsbi_needs needs = {0};
    if (node->layer->needs)
        node->layer->needs(node, sizing, &needs);
    return needs;
}

/* Whether the call takes the statistics of the batch and draws what is dropped. */
static inline bool dsbi_is_random(const dsbi_call *call)
{
    return call->training && !call->frozen;
}

/* Element `index` of an array of reals. */
static inline void *dsbi_at(const dsbi_call *call, const void *array, size_t index)
{
    return (char *)(uintptr_t)array + index * call->math->item;
}

#endif
