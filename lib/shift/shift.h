/* Inside of dsb_shift: sets of items, models, and a cell for each pair of them.
 *
 *   reading   read_*.c -> columns -> take_sets.c, take_table.c, take_groups.c -> cells
 *   results   evaluate.c and its parts write the record (JSON); tables, checks and reports read it
 */
#ifndef DSBI_SHIFT_SHIFT_H
#define DSBI_SHIFT_SHIFT_H

#include <regex.h>
#include <stdbool.h>
#include "base/json_write.h"
#include "base/runtime.h"
#include "dsbias/shift.h"
#include "dsbias/stats.h"
#include "shift/columns.h"

/* A named subset of a set's items. */
typedef struct dsbi_shift_group {
    char *name;
    uint8_t *in; /* [n of the set] */
    uint64_t n;  /* items in it */
} dsbi_shift_group;

typedef struct dsbi_shift_set {
    char *name;
    size_t n;           /* items; 0 for a set known from a table only */
    uint32_t *labels;   /* [n]; NULL: scores only */
    char *labels_from;  /* the file they were read from; NULL: from memory */
    uint32_t n_classes; /* of labels and predictions of all sets; set by dsbi_shift_settle */
    dsbi_shift_group *groups;
    size_t n_groups, groups_capacity;
    size_t original; /* set that this one is compared with; itself for an original */
    size_t table;    /* number of the last table that filled it; 0: none */
} dsbi_shift_set;

typedef struct dsbi_shift_cell {
    bool there;
    bool counted; /* correct and n are known */
    uint64_t correct, n;
    double accuracy;     /* or mean score */
    double se;           /* of a mean score that is not a count; NaN if not known */
    uint32_t *predicted; /* [n]; NULL */
    double *score;       /* [n] correctness or score; NULL */
    double *confidence;  /* [n] top probability; NULL */
    float *probability;  /* [n, width] of all classes; NULL: not given, or too many to keep */
    size_t width;
} dsbi_shift_cell;

/* Bytes of probabilities that an evaluation keeps; models beyond them do without. */
#define DSBI_SHIFT_PROBABILITY_BYTES ((size_t)1 << 30)

typedef struct dsbi_shift_model {
    char *name;
    char *family; /* "" if none */
    char *parent; /* model that this one is an intervention on; NULL */
    bool baseline;
} dsbi_shift_model;

struct dsb_shift {
    dsb_runtime *rt;
    dsb_shift_opts opts;
    char *baseline, *baseline_column, *exclude, *command, *class_list, *pivot, *group_column;
    char *baseline_except;
    regex_t baseline_regex, baseline_except_regex, exclude_regex;
    dsbi_words words;       /* words of all files: models, items, classes */
    dsbi_words class_names; /* classes that are words; number = class */
    size_t n_named_classes; /* names in class_list; 0: not said how many classes there are */
    bool words_used, numbers_used;
    bool group_column_found;
    size_t probability_bytes; /* kept so far */
    dsbi_shift_set *sets;
    size_t n_sets, sets_capacity, n_tables;
    dsbi_shift_model *models;
    size_t n_models, models_capacity;
    dsbi_words model_names;
    dsbi_shift_cell **cells; /* [n_sets][n_models] */
    char **warnings;
    size_t n_warnings, warnings_capacity;
    dsbi_text inputs; /* JSON of where the data came from, items of an array */
    dsbi_text json;
    bool done;
};

/* ---- building ---- */
dsb_status dsbi_shift_new_set(dsb_shift *s, size_t *index, const char *name, size_t n);
/* Number of the model, added if new; SIZE_MAX in *index if it is excluded. */
dsb_status dsbi_shift_model_named(dsb_shift *s, size_t *index, const char *name);
bool dsbi_shift_never_baseline(const dsb_shift *s, const char *name);
/* The cell must not be there yet: DSB_E_DATA. */
dsb_status dsbi_shift_claim(dsb_shift *s, dsbi_shift_cell **cell, size_t set, const char *model);
dsb_status dsbi_shift_warn(dsb_shift *s, const char *format, ...) DSBI_PRINTF(2, 3);
/* A column as classes 0 .. 2^31; words and numbers may not be mixed between files. */
dsb_status dsbi_shift_classes(dsb_shift *s, uint32_t **out, const dsbi_column *column);
dsb_status dsbi_shift_fill_predictions(dsb_shift *s, dsbi_shift_cell *cell, size_t set,
                                       const uint32_t *predicted);

/* Groups the items of a set by the values of a column; place[i] = item of row i, NULL: i. */
dsb_status dsbi_shift_group_by(dsb_shift *s, size_t set, const dsbi_column *column,
                               const size_t *place);

/* ---- one comparison: a new set with its original ---- */
typedef struct dsbi_comparison {
    dsb_shift *s;
    const dsbi_shift_set *a, *b; /* original, new */
    size_t ia, ib;
    size_t *model; /* [n] models in both */
    size_t n;
    double *x, *y;             /* [n] accuracies */
    double *rank_x, *rank_y;   /* [n] 1 = best, ties by name */
    bool scores;               /* values are scores, not accuracies of counts */
    bool in_unit;              /* all values lie in [0, 1]: transforms make sense */
    double *means_x, *means_y; /* [n_image_bootstrap, n] replicates; NULL: not there */
    dsbi_json_writer *w;
} dsbi_comparison;

#define DSBI_CELL_A(c, k) (&(c)->s->cells[(c)->ia][(c)->model[k]])
#define DSBI_CELL_B(c, k) (&(c)->s->cells[(c)->ib][(c)->model[k]])

/* The points that a line goes through: all models of a comparison or its baseline. */
typedef struct dsbi_fit_points {
    double *x, *y; /* [n] */
    size_t *at;    /* [n] number in the comparison */
    size_t n;
} dsbi_fit_points;

bool dsbi_shift_has_baseline(const dsbi_comparison *c);
dsb_status dsbi_shift_take_points(dsbi_fit_points *p, const dsbi_comparison *c, bool baseline_only);
void dsbi_shift_free_points(dsbi_fit_points *p, dsb_runtime *rt);

/* The original accuracy at which the line is cut in two; *model NULL if it was given as a number.
 * NaN: no pivot was asked for, or its model has no accuracy here. */
double dsbi_shift_pivot(const dsbi_comparison *c, const char **model);

void dsbi_shift_write_pair(dsbi_json_writer *w, const char *key, const double pair[2]);
dsb_status dsbi_shift_write_cell(dsbi_comparison *c, const dsbi_shift_cell *cell);
dsb_status dsbi_shift_write_models(dsbi_comparison *c);
dsb_status dsbi_shift_write_fits(dsbi_comparison *c);
dsb_status dsbi_shift_write_robustness(dsbi_comparison *c);
dsb_status dsbi_shift_write_classes(dsbi_comparison *c);
dsb_status dsbi_shift_write_groups(dsbi_comparison *c);
dsb_status dsbi_shift_write_pairs(dsbi_comparison *c);
dsb_status dsbi_shift_write_label_free(dsbi_comparison *c);
dsb_status dsbi_shift_write_label_shift(dsbi_comparison *c);
dsb_status dsbi_shift_write_calibration(dsbi_comparison *c);
/* Probabilities of a cell as logits, and back, in double [n, width]. */
void dsbi_shift_logits(double *logits, const dsbi_shift_cell *cell, size_t n);
void dsbi_shift_softmax(double *values, size_t n, size_t width, double temperature,
                        const double *bias);
dsb_status dsbi_shift_write_decomposition(dsbi_comparison *c);
dsb_status dsbi_shift_check_class_order(dsb_shift *s, size_t set, size_t model);

#endif
