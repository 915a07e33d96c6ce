/** Name that dataset: how well can a classifier tell which of N image collections an image comes
 *  from, how sure is that, and do pixels or mere file properties give it away?
 *  Liu & He 2024, "A Decade's Battle on Dataset Bias: Are We There Yet?"; Torralba & Efros 2011.
 *
 *  Simplest use (see examples/): two folders, default settings, a report on disk.
 *
 *      const char *folders[] = {"cats=/data/a", "/data/b"};
 *      dsb_bias_result *result;
 *      if (dsb_bias_classify(rt, &result, folders, 2, NULL, NULL, NULL) == DSB_OK) {
 *          dsb_bias_summary s;
 *          dsb_bias_summary_init(&s, sizeof s);
 *          dsb_bias_result_summary(result, &s);
 *          printf("%.1f %% [%.1f, %.1f]\n", 100 * s.accuracy, 100 * s.ci95_lo, 100 * s.ci95_hi);
 *          dsb_bias_result_write(result, "out");
 *      }
 *      dsb_bias_result_free(result);
 *
 *  What is done, in order: every image is decoded and resized in the same way; equal numbers per
 *  collection fall by seed into three disjoint parts, train, select and test; byte-identical files
 *  never straddle parts, files found in two collections stay out of the test part; a ladder of
 *  classifiers, cheapest first, is fitted on train; the pixel classifier that is best on select is
 *  the headline; each classifier scores the test part once. A null control cuts single
 *  collections into N pseudo-collections and must come out at chance.
 */
#ifndef DSBIAS_BIAS_H
#define DSBIAS_BIAS_H

#include "dsbias/base.h"
#include "dsbias/nn.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dsb_bias_result dsb_bias_result;

typedef struct dsb_bias_opts {
    uint64_t struct_size; /* bytes the caller knows about; set by _init */
    uint64_t seed;     /* of splits, filters, initial weights, augmentation; any value; default 0 */
    uint64_t n_train;  /* training images per collection; 0 (default): 70 % of the smallest, at most
                          100,000 */
    uint64_t n_select; /* 0 (default): 10 %, at most 5,000 */
    uint64_t n_test;   /* 0 (default): 20 %, at most 10,000 */
    uint64_t samples_seen; /* images shown to a network in training; 0 (default): planned */
    uint64_t
        n_examples; /* typical and confused images of each collection in the record; default 6 */
    double epochs; /* passes over the training part instead of samples_seen; 0 (default): planned */
    double time_limit_s; /* seconds the plan must fit in; > 0; default 600 */
    double lr;           /* peak learning rate of network rungs; 0 (default): the recipe's */
    const char *model;   /* "auto" (default, also NULL): the ladder; or one rung by name */
    const char *augment; /* "none", "crop", "randaug", "full"; NULL (default): the recipe's */
    const char
        *replay; /* text of a results.json whose plan is repeated; NULL (default): plan anew */
    const char *command;   /* copied into the record, NULL (default) for none */
    uint32_t size;         /* side of the square image a classifier sees, 8..512 px; default 64 */
    uint32_t batch_size;   /* images per optimiser step; 0 (default): the recipe's */
    uint32_t null_control; /* 1 (default): run it; 0: do not */
    uint32_t reserved;     /* must be 0 */
    uint32_t
        near_duplicates;    /* DSB_SPLIT_* (data.h) for images of a collection that look the same:
                               KEEP (default) leaves them in one part, DROP all but the first out;
                               found in two collections they are left out; IGNORE: not looked for */
    uint32_t match_classes; /* 1: only classes that all collections share by name, in equal
                               shares; default 0 */
    uint64_t max_broken;    /* image files that cannot be used, all collections together: more are
                               DSB_E_DATA; default UINT64_MAX, any number is counted and left out */
} dsb_bias_opts;

DSB_API void dsb_bias_opts_init(dsb_bias_opts *opts, size_t size);

/** Runs the whole task.
 *  @param specs   n_specs >= 2 collections, each "[NAME=]PATH" as for dsb_dataset_open.
 *  @param opts    NULL for defaults.
 *  @param event   progress, NULL for none; non-zero asks to stop.
 *  @param out     the result; yours, free it once.
 *  @return DSB_OK; DSB_E_DATA if a collection has too few usable images or more
 *  than max_broken cannot be used; DSB_E_INVALID,
 * DSB_E_NOTFOUND, DSB_E_IO, DSB_E_NOMEM. After DSB_E_CANCELLED `*out` holds what is known so far if
 * at least one rung was finished (the only failure that fills `*out`), else NULL. Results are the
 * same for any number of threads of one CPU level. Since 0.1. */
DSB_API dsb_status dsb_bias_classify(dsb_runtime *rt, dsb_bias_result **out,
                                     const char *const *specs, size_t n_specs,
                                     const dsb_bias_opts *opts, dsb_event_fn event, void *user);
DSB_API void dsb_bias_result_free(dsb_bias_result *result);

/** The numbers most callers want. Fractions in [0, 1]; NaN where not computed. */
typedef struct dsb_bias_summary {
    uint64_t struct_size;
    uint64_t n_datasets;
    uint64_t correct;         /* of the headline rung on the test part */
    uint64_t n_test;          /* images of the test part, all collections */
    double accuracy;          /* correct / n_test */
    double ci95_lo, ci95_hi;  /* Wilson */
    double chance;            /* 1 / n_datasets */
    double p_value;           /* exact one-sided binomial against chance */
    double metadata_accuracy; /* of the rung that sees no pixels */
    double null_accuracy;     /* of the null control */
    double null_lo, null_hi;  /* its Wilson 95 % interval */
    const char *headline;     /* name of the headline rung; borrowed from the result */
    const char *verdict;      /* "none", "weak", "clear", "strong", "too_small"; static text */
} dsb_bias_summary;

DSB_API void dsb_bias_summary_init(dsb_bias_summary *summary, size_t size);
/** Fills `summary` up to its struct_size. @return DSB_OK or DSB_E_INVALID. */
DSB_API dsb_status dsb_bias_result_summary(const dsb_bias_result *result,
                                           dsb_bias_summary *summary);

/** The run record (docs/results-schema.md) as JSON text, NUL-terminated. Borrowed from the result.
 */
DSB_API const char *dsb_bias_result_json(const dsb_bias_result *result);

/** Writes results.json, scores.csv, log.jsonl and, if a network was trained, model.safetensors into
 *  `directory`, which is made if it is missing. Each file appears whole or not at all.
 *  The report is made from results.json by dsb_report_classify_html. @return DSB_OK, DSB_E_IO. */
DSB_API dsb_status dsb_bias_result_write(const dsb_bias_result *result, const char *directory);

/** Rungs of the ladder, cheapest first: number of them and their names, for help texts. */
DSB_API uint64_t dsb_bias_rung_count(void);
DSB_API const char *dsb_bias_rung_name(uint64_t i);

/* ---- random convolutional features ---- */

typedef struct dsb_random_features_opts {
    uint64_t struct_size; /* bytes the caller knows about; set by dsb_random_features_opts_init */
    uint64_t seed;        /* of the patches; any value; default 0 */
    uint64_t n_patches;   /* for the covariance, at least the model's filters, which are the first
                             of them; 1000..10,000,000; default 100,000 */
    double threshold;     /* what a whitened response must exceed, >= 0; default 1 */
} dsb_random_features_opts;

DSB_API void dsb_random_features_opts_init(dsb_random_features_opts *opts, size_t size);

/** Sets the weights of a model "random_features:filters=256,...": filters are random patches of the
 *  images, whitened with their covariance; the classifier is ridge regression on one-hot targets in
 *  closed form, its penalty chosen by the leave-one-out error. The model then predicts, saves and
 *  loads like any other. Memory: 16 d^2 bytes for d = 18 features a filter at 32 x 32 pixels.
 *  @param images  [n, H, W, 3] u8, the model's size.   @param labels  [n] class numbers.
 *  @param lambda  the penalty chosen, as share of the mean eigenvalue; may be NULL.
 *  @param fn      progress in images, stage "random features"; NULL = none.
 *  @return DSB_OK; DSB_E_INVALID (another family, a label, an option, n < 2), DSB_E_DTYPE (not
 * f32), DSB_E_NUMERIC (images all alike), DSB_E_CANCELLED, DSB_E_NOMEM, DSB_E_LIMIT. Independent of
 * the number of threads. Since 0.1. Source: Coates & Ng 2012; Recht et al. 2018. */
DSB_API dsb_status dsb_random_features_fit(dsb_model *model, double *lambda, const uint8_t *images,
                                           const uint32_t *labels, uint64_t n,
                                           const dsb_random_features_opts *opts, dsb_event_fn fn,
                                           void *user);

#ifdef __cplusplus
}
#endif

#endif
