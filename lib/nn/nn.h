/* Inside of dsb_model, for the layers above: train reads parameters and makes plans. */
#ifndef DSBI_NN_NN_H
#define DSBI_NN_NN_H

#include <stdatomic.h>
#include "dsbias/nn.h"
#include "base/text.h"
#include "nn/family.h"
#include "nn/plan.h"

/* The last call of training by hand. */
typedef enum dsbi_learn_state {
    DSBI_LEARN_NOTHING,
    DSBI_LEARN_FORWARD,
    DSBI_LEARN_BACKWARD
} dsbi_learn_state;

struct dsb_model {
    dsb_runtime *rt; /* retained */
    atomic_size_t references;
    char *spec;
    dsb_model_opts opts;
    dsbi_graph *graph;
    const dsbi_math *math;
    void *params;       /* arena, laid out as graph->params say */
    uint64_t version;   /* of what is in it: counts changes, for plans */
    dsbi_plan *predict; /* made by the first prediction */
    /* training by hand, gradient.c */
    dsbi_plan *learn;     /* made by the first dsb_model_forward */
    uint64_t learn_steps; /* calls of it so far */
    dsbi_learn_state learn_state;
    dsbi_text summary;
};

void dsbi_model_retain(dsb_model *model);
static inline dsb_runtime *dsbi_model_runtime(const dsb_model *model)
{
    return model->rt;
}
static inline const dsbi_graph *dsbi_model_graph(const dsb_model *model)
{
    return model->graph;
}
static inline void *dsbi_model_params(dsb_model *model)
{
    return model->params;
}

/* Reads a caller's options over the defaults and checks them. */
dsb_status dsbi_model_opts_read(dsb_model_opts *opts, const dsb_model_opts *given);
/* A model with fresh weights; takes the graph, on failure too. `name` is what dsb_model_spec says.
 */
dsb_status dsbi_model_of_graph(dsb_runtime *rt, dsb_model **out, dsbi_graph *graph,
                               const dsb_model_opts *opts, const char *name);

/* A plan of the model's current parameters (borrowed: the model must outlive the plan). */
dsb_status dsbi_plan_create(dsb_model *model, dsbi_plan **out, size_t batch, bool training);

/* Fills an arena with initial values: a function of seed and number of the parameter. */
dsb_status dsbi_init_params(dsb_runtime *rt, const dsbi_graph *graph, const dsbi_math *math,
                            void *params, uint64_t seed);
/* Between a parameter's place in the arena and its stored order, as floats. */
void dsbi_param_read(const dsbi_param *param, const dsbi_math *math, const void *params,
                     float *out);
void dsbi_param_write(const dsbi_param *param, const dsbi_math *math, void *params,
                      const float *in);

/* n reals of the math's type as floats, and the reverse. */
void dsbi_reals_read(const dsbi_math *math, float *out, const void *reals, size_t n);
void dsbi_reals_write(const dsbi_math *math, void *reals, const float *in, size_t n);
/* That parameter i exists and has n numbers. */
dsb_status dsbi_model_check_param(const dsb_model *model, uint64_t i, uint64_t n);

/* A weight file as bytes: what dsb_model_save writes and dsb_model_load_with reads. `keymap`: JSON,
 * may be NULL. */
dsb_status dsbi_model_write(const dsb_model *model, dsbi_text *out, uint32_t dtype);
dsb_status dsbi_model_read(dsb_model *model, const uint8_t *bytes, size_t size, const char *keymap,
                           size_t keymap_size);
/* The same from a file already parsed; all options at their defaults. */
struct dsbi_safetensors;
struct dsbi_json_value;
dsb_status dsbi_model_take(dsb_model *model, const struct dsbi_safetensors *st,
                           const struct dsbi_json_value *keymap);

#endif
