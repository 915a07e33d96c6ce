/* A rung of the ladder: one kind of classifier, from what it may look at to scores of the select
 * and test images. A rung is one file in lib/bias/rungs/; cmake makes the table from the folder. */
#ifndef DSBI_BIAS_RUNG_H
#define DSBI_BIAS_RUNG_H

#include <stdbool.h>
#include "base/runtime.h"
#include "base/text.h"
#include "data/dataset.h"
#include "data/pixels.h"
#include "data/split.h"
#include "dsbias/bias.h"
#include "dsbias/nn.h"

enum { DSBI_RUNG_NAME_BYTES = 64 };

/* What a rung works on: N classes of images in three parts. The task itself and the null control
 * differ in the split and the stage names only. */
typedef struct dsbi_view {
    dsb_runtime *rt;
    const dsb_split *split;
    size_t n_classes;
    uint32_t size;       /* side of the images in pixels */
    dsbi_pixels *pixels; /* prepared images of all collections, decoded once for all rungs */
    const dsb_bias_opts *opts;
    dsb_event_fn event;
    void *user;
    const char *stage_prefix; /* "" or "null control: " */
} dsbi_view;

typedef struct dsbi_curve_point {
    uint64_t samples_seen;
    double loss, select_accuracy; /* NaN where not computed */
} dsbi_curve_point;

/* What a rung hands back. Scores are logits: softmax(score / T) with T from the select part. */
typedef struct dsbi_fit {
    float *select_scores; /* [n_select, n_classes] given by the caller, filled by the rung */
    float *test_scores;   /* [n_test, n_classes] likewise */
    double temperature;   /* T if the rung knows it from its training part; 0: fitted on select */
    dsbi_curve_point *curve;
    size_t n_curve, curve_capacity;
    dsb_model *model; /* network rungs: owned by the fit */
    dsbi_text detail; /* JSON object with the recipe as used */
} dsbi_fit;

/* Speeds of one thread, measured at the start, from which plans are made. */
typedef struct dsbi_speed {
    double flops;             /* floating-point operations a second in matrix products */
    double images_per_second; /* decoded and prepared */
} dsbi_speed;

typedef struct dsbi_rung {
    const char *name;      /* for families ("convnext") the prefix */
    const char *what;      /* one line for help and report */
    uint32_t order;        /* place in the ladder, cheapest first */
    bool pixels;           /* false: sees file properties only */
    bool is_family;        /* takes any model name with this prefix */
    const char *automatic; /* model the automatic ladder uses; NULL: not part of it */
    /* Efforts the plan may choose, best first; effort 0 ends the list. The unit is the rung's own.
     */
    const uint64_t *efforts;
    /* Seconds that `effort` will take on the view. */
    double (*estimate)(const dsbi_view *view, const char *model, uint64_t effort,
                       const dsbi_speed *speed);
    dsb_status (*run)(const dsbi_view *view, const char *model, uint64_t effort, dsbi_fit *fit);
} dsbi_rung;

extern const dsbi_rung *const dsbi_rung_table[]; /* sorted by file name, NULL-ended */

/* Rungs in ladder order; NULL beyond the last. */
const dsbi_rung *dsbi_rung_at(size_t i);
/* The rung that answers to a model name, NULL if none. */
const dsbi_rung *dsbi_rung_find(const char *model);

/* The q-th image of a part in an order that takes the labels in turn, so that the first n are a
 * balanced sample. @return its item number. */
uint64_t dsbi_balanced_item(const dsb_split *split, uint32_t part, uint64_t q);

/* Adds a point to the curve of a fit. */
dsb_status dsbi_fit_add_point(dsb_runtime *rt, dsbi_fit *fit, uint64_t samples_seen, double loss,
                              double select_accuracy);

/* Tells the caller how far a stage is. @return DSB_OK or DSB_E_CANCELLED. */
dsb_status dsbi_view_event(const dsbi_view *view, const char *stage, uint64_t done, uint64_t total,
                           double seconds, double value, const char *value_name);

#endif
