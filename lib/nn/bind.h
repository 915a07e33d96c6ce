/* Which tensor of a weight file fills which parameter of a model. */
#ifndef DSBI_NN_BIND_H
#define DSBI_NN_BIND_H

#include "nn/nn.h"
#include "nn/safetensors.h"

/* What fills a parameter: nothing (n 0), a tensor, or three, each a third of its rows (query, key
 * and value of attention kept apart). */
typedef struct dsbi_binding {
    size_t n;
    const dsbi_st_tensor *parts[3];
} dsbi_binding;

/* bound [graph->n_params]: n is 0 where a tensor is missing and that is allowed. `keymap`: an
 * object, our name -> the file's, or NULL; where the file has no such tensor, or the map no such
 * parameter, names are read as without a map. A tensor has the parameter's numbers in its order, or
 * is a position embedding of another grid (positions.h). DSB_E_NOTFOUND, DSB_E_SHAPE with the
 * names; DSB_E_DTYPE; DSB_E_FORMAT (keymap); DSB_E_NOMEM. */
dsb_status dsbi_bind(const dsbi_graph *graph, dsbi_binding *bound, const dsbi_safetensors *st,
                     const dsbi_json_value *keymap, const dsb_load_opts *opts);

/* The same by names alone: no shape, no type is looked at, nothing need be complete. */
dsb_status dsbi_bind_names(const dsbi_graph *graph, dsbi_binding *bound, const dsbi_safetensors *st,
                           const dsbi_json_value *keymap);

#endif
