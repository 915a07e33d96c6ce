/** Distribution shift from predictions: how accurate are models on a new test set, given how
 * accurate they are on the original one? What Recht et al. 2018 and 2019, Taori et al. 2020 and
 * Miller et al. 2021 computed, with intervals.
 *
 *      dsb_shift *shift;
 *      dsb_shift_create(rt, &shift, NULL);
 *      dsb_shift_add_set(shift, "original", "labels.npy", "predictions/original");
 *      dsb_shift_add_set(shift, "v4", "v4_labels.npy", "predictions/v4");
 *      dsb_shift_run(shift, NULL, NULL);
 *      const char *json = dsb_shift_json(shift, NULL);   // docs/results-schema.md
 *
 *  The first set added is the original one, every further set is compared with it. One handle, one
 *  thread at a time. Results depend on data, options and seed, not on the number of threads.
 */
#ifndef DSBIAS_SHIFT_H
#define DSBIAS_SHIFT_H

#include "dsbias/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dsb_shift dsb_shift;

typedef struct dsb_shift_opts {
    uint64_t struct_size;       /* set by dsb_shift_opts_init */
    uint64_t n_bootstrap;       /* fits over models; 0 = none; default 100,000 */
    uint64_t n_image_bootstrap; /* fits and ranks over images; 0 = none; default 2,000 */
    uint64_t seed;              /* default 0 */
    double alpha;               /* intervals hold 1 - alpha; default 0.05 */
    uint32_t scale;             /* DSB_STATS_SCALE_*: of robustness, predictions; default probit */
    uint32_t lower_is_better;   /* 1: scores are losses or perplexities; default 0 */
    const char *baseline;       /* extended regular expression: models that the line is fitted to;
                                   "COLUMN=REGEX" matches that column of a table; NULL: all */
    const char *exclude;        /* models whose name matches are left out; NULL: none */
    const char *command;        /* for the record; NULL: none */
    const char *class_names; /* names of classes 0, 1, ..., with commas; a class beyond them is then
                                refused; NULL: none */
    const char *baseline_except; /* models whose name matches are not of the baseline; NULL: none */
    const char *pivot; /* fit two lines, below and above the original accuracy of this model (or at
                          this accuracy: "0.76", "76.13%"); NULL: one line */
    const char *group_column; /* column of a labels file by whose values items are grouped, as by
                                 dsb_shift_add_groups; NULL: none */
} dsb_shift_opts;
DSB_API void dsb_shift_opts_init(dsb_shift_opts *opts, size_t size);

/** @return DSB_OK; DSB_E_INVALID for an option out of range or a bad regular expression. */
DSB_API dsb_status dsb_shift_create(dsb_runtime *rt, dsb_shift **out, const dsb_shift_opts *opts);
DSB_API void dsb_shift_free(dsb_shift *shift);

/** Adds a test set from files.
 *  @param name         how it is called in results; names must differ.
 *  @param labels       npy, JSON array, CSV or text with one class per item; NULL or "": the values
 *                      are scores per item (correctness 0/1, F1, a loss ...), or the predictions
 *                      file is a CSV with a label column.
 *  @param predictions  a folder with one file a model, or one file: JSON array or object of arrays,
 *                      npy, CSV (wide: a column a model; long: columns model, item, prediction).
 *  @return DSB_E_FORMAT, DSB_E_SHAPE (lengths), DSB_E_DATA (classes, duplicates, nothing there),
 *  DSB_E_IO, each with file and place. Models are matched between sets by name. */
DSB_API dsb_status dsb_shift_add_set(dsb_shift *shift, const char *name, const char *labels,
                                     const char *predictions);

/** Adds models from a table with a row a model: accuracies (fractions or per cent) or counts.
 *  @param original     name of the original column, NULL: "original", "orig", ... or the first one.
 *  @param columns      new columns, "NEW" or "NEW=ORIGINAL" where one has an original of its own
 *                      (as ImageNet subsets do); NULL: all other numeric columns.
 *  @param sizes        JSON object of column name to number of items, NULL: none. A column NAME_n
 * in the table says it too, NAME_correct gives counts. Without n no intervals. Empty cells are
 *  missing. Columns type (family) and base (the model that one is an intervention on, for relative
 *  robustness) are read too. If sets were added before, the table adds models to them. */
DSB_API dsb_status dsb_shift_add_table(dsb_shift *shift, const char *path, const char *original,
                                       const char *const *columns, uint64_t n_columns,
                                       const char *sizes);

/** Names items of sets: JSON {"SET": {"GROUP": [item, ...]}} or CSV with columns set, group, item.
 *  Each group is evaluated apart and left out in turn. Call after the sets are added. */
DSB_API dsb_status dsb_shift_add_groups(dsb_shift *shift, const char *path);

/** The same from memory. set_index: order of creation. */
DSB_API dsb_status dsb_shift_add_labels(dsb_shift *shift, const char *name, const uint32_t *labels,
                                        uint64_t n);
DSB_API dsb_status dsb_shift_add_predictions(dsb_shift *shift, uint64_t set_index,
                                             const char *model, const uint32_t *predictions,
                                             uint64_t n);

/** Scores of all classes from memory, [n, n_classes]: logits, or probabilities that sum to 1 in
 * each row. Calibration and label shift are then part of the record. DSB_E_DATA: a score is not
 * finite, a label has no score. */
DSB_API dsb_status dsb_shift_add_logits(dsb_shift *shift, uint64_t set_index, const char *model,
                                        const float *logits, uint64_t n, uint64_t n_classes);

/** Computes everything. DSB_E_STATE without two sets; DSB_E_DATA if no model is in both. */
DSB_API dsb_status dsb_shift_run(dsb_shift *shift, dsb_event_fn fn, void *user);

/** The record of the run as JSON, borrowed until the next run or free; NULL before the first.
 *  @param size bytes without the NUL, may be NULL. */
DSB_API const char *dsb_shift_json(const dsb_shift *shift, size_t *size);

/** Whether a condition holds in a record: "gap > 0.05", "max(gap) > 0.05 || slope < 0.9",
 *  "accuracy_new < 0.8". A quantity of models without mean(), min() or max() holds if it does for
 *  any model. Quantities: accuracy_orig, accuracy_new, gap, error_ratio, delta_rank,
 *  effective_robustness, gap_low, gap_high (ends of the interval); slope, intercept, r2 (on the
 *  chosen scale), spearman, kendall, n_models. Several new sets: any of them.
 *  @param which sentence that says where it holds; [256] or NULL.
 *  @return 1 holds, 0 does not; DSB_E_INVALID with the place in the expression. */
DSB_API dsb_status dsb_shift_check(dsb_runtime *rt, const char *json, size_t json_size,
                                   const char *expression, char *which);

/** Numbers of a file that this header's readers understand (npy, JSON, CSV, text): one column.
 *  @param column name or number from 0; NULL: the only one.   @param values yours: free with
 *  dsb_shift_values_free; missing ones are NaN. */
DSB_API dsb_status dsb_shift_read_column(dsb_runtime *rt, double **values, uint64_t *n,
                                         const char *path, const char *column);
/** All numeric columns side by side, or the rows of a two-dimensional array: [n, width]. */
DSB_API dsb_status dsb_shift_read_matrix(dsb_runtime *rt, double **values, uint64_t *n,
                                         uint64_t *width, const char *path);
DSB_API void dsb_shift_values_free(dsb_runtime *rt, double *values);

/** A table of a record as CSV: "models", "classes", "fits", "pairs", "groups",
 *  "robustness".
 *  @param csv yours, free it with dsb_shift_text_free. */
DSB_API dsb_status dsb_shift_csv(dsb_runtime *rt, char **csv, size_t *size, const char *json,
                                 size_t json_size, const char *table);
DSB_API void dsb_shift_text_free(dsb_runtime *rt, char *text);

#ifdef __cplusplus
}
#endif

#endif
