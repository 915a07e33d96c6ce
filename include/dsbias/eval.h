/** Evaluation: a model with weights on images with labels. How often is it right, how sure is that,
 *  what does it take for what.
 *
 *  Simplest use:
 *      dsb_dataset *data;
 *      DSB(dsb_dataset_open(rt, &data, "cifar10/test_batch.bin", NULL, NULL, NULL));
 *      dsb_eval *eval;
 *      DSB(dsb_eval_run(rt, &eval, model, data, NULL, NULL, NULL));
 *      dsb_eval_figures f = {.struct_size = sizeof f};
 *      DSB(dsb_eval_figures_get(eval, &f));
 *      printf("%.2f %% [%.2f, %.2f]\n", 100 * f.accuracy, 100 * f.ci95[0], 100 * f.ci95[1]);
 *      DSB(dsb_eval_write(eval, "out"));
 *      dsb_eval_free(eval);
 *
 *  An image whose size is the model's is taken as it is; any other is resized so that its shorter
 *  side is `resize`, and its middle is cut out, as torchvision does. */
#ifndef DSBIAS_EVAL_H
#define DSBIAS_EVAL_H

#include "dsbias/base.h"
#include "dsbias/data.h"
#include "dsbias/nn.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dsb_eval_opts {
    uint64_t struct_size;       /* bytes the caller knows about; set by dsb_eval_opts_init */
    uint64_t batch_size;        /* images decoded and scored at once, 1..65536; default 64 */
    const char *const *classes; /* name of each output, as many as the model has: which class of the
                                   data is which output; NULL (default): see dsb_eval_run */
    const char *weights;        /* where they came from, for the record; NULL (default): not said */
    uint32_t resize; /* shorter side before the middle is cut out, pixels; 0 (default): the longer
                        side of the model's input */
    uint32_t filter; /* DSB_FILTER_*; default DSB_FILTER_BICUBIC */
} dsb_eval_opts;

/** Fills `opts` with defaults. @param size sizeof *opts as the caller compiled it. */
DSB_API void dsb_eval_opts_init(dsb_eval_opts *opts, size_t size);

typedef struct dsb_eval dsb_eval;

/** Scores every image of a collection whose classes are known: labels of its format, or class
 *  folders. Without a list of names, label k is output k; class folders must be as many as the
 *  outputs, in byte order of their names or by value where all are whole numbers; of fewer folders
 *  only those called by numbers say which outputs they are. An image that cannot be decoded is
 *  counted and left out.
 *  @param fn  progress in images; non-zero ends with DSB_E_CANCELLED.
 *  @return DSB_OK; DSB_E_INVALID (an option, named); DSB_E_DATA (no images; classes that do not fit
 *  the outputs, with both); DSB_E_NOTFOUND (a class that is not in the list); DSB_E_NUMERIC (a
 * score that is not finite, with its image); DSB_E_NOMEM. After DSB_E_CANCELLED `*out` holds the
 * images scored until then, if any were (the only failure that fills `*out`), with n_left above 0
 * unless it came after the last. Keeps the model and the collection. Independent of the number of
 *  threads, bit for bit. Since 0.1. */
DSB_API dsb_status dsb_eval_run(dsb_runtime *rt, dsb_eval **out, dsb_model *model,
                                const dsb_dataset *dataset, const dsb_eval_opts *opts,
                                dsb_event_fn fn, void *user);
DSB_API void dsb_eval_free(dsb_eval *eval);

typedef struct dsb_eval_figures {
    uint64_t struct_size;  /* set by the caller: sizeof(dsb_eval_figures) as compiled */
    uint64_t n;            /* images scored */
    uint64_t n_failed;     /* images that could not be decoded, beside these */
    uint64_t correct;      /* whose highest score is that of their label; of equals the first */
    uint64_t correct_top5; /* whose label is among the five highest */
    double accuracy;       /* correct / n */
    double ci95[2];        /* Wilson interval of it, 95 % */
    double top5_accuracy;  /* correct_top5 / n */
    double top5_ci95[2];   /* likewise */
    double loss;           /* mean cross-entropy */
    uint64_t n_left;       /* images not reached because the caller stopped; 0 after DSB_OK */
    uint64_t n_broken;     /* files found broken when the collection was opened, beside all these */
} dsb_eval_figures;

/** Fields beyond the caller's struct_size are left out. */
DSB_API dsb_status dsb_eval_figures_get(const dsb_eval *eval, dsb_eval_figures *figures);

/** Images of the collection, failed ones included, and outputs of the model. */
DSB_API uint64_t dsb_eval_count(const dsb_eval *eval);
DSB_API uint64_t dsb_eval_outputs(const dsb_eval *eval);
/** Scores before softmax, [count, outputs], NaN for an image that failed or was not reached; label
 *  of each image as number of an output, and the output with its highest score, [count], -1 where
 *  it failed or was not reached; counts
 *  [outputs, outputs] of label and prediction. Borrowed from `eval`. Since 0.1. */
DSB_API const float *dsb_eval_logits(const dsb_eval *eval);
DSB_API const int64_t *dsb_eval_labels(const dsb_eval *eval);
DSB_API const int64_t *dsb_eval_predictions(const dsb_eval *eval);
DSB_API const uint64_t *dsb_eval_confusion(const dsb_eval *eval);
/** Name of output i: from the list, the label's or the folder's; its number where there is none.
 *  NULL beyond the last. */
DSB_API const char *dsb_eval_class_name(const dsb_eval *eval, uint64_t i);

/** All of it as one JSON object ("dsbias.eval/1", docs/weights.md): what was run, `n`, `correct`,
 *  `accuracy`, `ci95`, broken files by name, an array `classes`, and the counts `confusion` of at
 *  most 100 classes.
 *  @return borrowed until dsb_eval_free. */
DSB_API const char *dsb_eval_json(const dsb_eval *eval);

/** Writes into a folder, made if missing: logits.npy [count, outputs] f32, predictions.npy and
 *  labels.npy [count] i64, predictions.csv (path, label, prediction, right, score, probability),
 *  predictions.json (an array of output numbers), confusion.csv, and last eval.json.
 *  @return DSB_OK; DSB_E_IO; DSB_E_NOMEM. Since 0.1. */
DSB_API dsb_status dsb_eval_write(const dsb_eval *eval, const char *folder);

#ifdef __cplusplus
}
#endif

#endif
