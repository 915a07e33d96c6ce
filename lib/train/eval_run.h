/* Inside of dsb_eval: eval_run.c makes it, eval_classes.c says which class is which output,
 * eval_record.c writes it. */
#ifndef DSBI_TRAIN_EVAL_RUN_H
#define DSBI_TRAIN_EVAL_RUN_H

#include "base/text.h"
#include "dsbias/eval.h"
#include "nn/nn.h"

enum { DSBI_EVAL_TOP = 5 };

struct dsb_eval {
    dsb_runtime *rt;            /* retained */
    dsb_model *model;           /* retained */
    const dsb_dataset *dataset; /* retained */
    dsb_eval_opts opts;         /* `classes` is not kept */
    char *weights;              /* opts.weights, ours; may be NULL */
    size_t count, n_outputs;
    char **class_names;   /* [n_outputs] */
    uint32_t *output_of;  /* [classes of the data]; UINT32_MAX: no image has it */
    float *logits;        /* [count, n_outputs] */
    int64_t *labels;      /* [count] */
    int64_t *predictions; /* [count] */
    uint64_t *confusion;  /* [n_outputs, n_outputs] */
    dsb_eval_figures figures;
    dsbi_text json;
};

/* Fills output_of and class_names. DSB_E_DATA, DSB_E_NOTFOUND, DSB_E_NOMEM. */
dsb_status dsbi_eval_map_classes(dsb_eval *eval, const char *const *names);
/* Fills json. */
dsb_status dsbi_eval_write_json(dsb_eval *eval);

#endif
