/* Inside of dsb_bias_result: what a run of the task found, and the texts made from it. */
#ifndef DSBI_BIAS_RESULT_H
#define DSBI_BIAS_RESULT_H

#include "bias/ladder.h"
#include "bias/rung.h"
#include "bias/verdict.h"

typedef enum dsbi_rung_state {
    DSBI_RUNG_SKIPPED, /* the plan left it out */
    DSBI_RUNG_DONE,
    DSBI_RUNG_STOPPED, /* cancelled before it could score the test part */
} dsbi_rung_state;

/* A rung that ran, with calibrated probabilities of the test images. */
typedef struct dsbi_outcome {
    dsbi_plan_entry plan;
    dsbi_rung_state state;
    double seconds;
    double temperature;
    double select_accuracy;
    float *probabilities; /* [n_test, n_classes]; NULL unless DONE */
    uint32_t *predicted;  /* [n_test] */
    uint64_t *confusion;  /* [n_classes, n_classes], rows truth */
    uint64_t correct;
    double accuracy, ci[2];
    dsbi_fit fit; /* curve, model, detail; scores are freed */
} dsbi_outcome;

/* One collection of the null control. */
typedef struct dsbi_null_cut {
    size_t dataset;
    uint64_t correct, n;
} dsbi_null_cut;

struct dsb_bias_result {
    dsb_runtime *rt;
    dsb_bias_opts opts; /* as used; texts are copied */
    char **specs;
    dsb_dataset **datasets;
    size_t n_datasets;
    dsb_duplicates *similar; /* near duplicates, NULL if they were not looked for */
    dsb_split *split;
    dsbi_plan plan;
    dsbi_outcome outcomes[DSBI_PLAN_MAX]; /* one for each entry of the plan */
    size_t headline; /* index into outcomes; n_entries if no rung was finished */
    dsbi_verdict verdict;
    bool has_null;
    dsbi_outcome null_outcome; /* of the last cut; seconds of all */
    dsbi_verdict null_verdict; /* of all cuts together */
    dsbi_null_cut null_cuts[DSBI_MAX_NULL_CUTS];
    size_t n_null_cuts;
    uint32_t *test_labels; /* [n_test] */
    uint64_t n_test;
    double started_unix, seconds_total, scan_seconds;
    bool cancelled;
    char stopped[256]; /* the sentence of the stop; what is worked out after it clears the thread's
                        */
    dsbi_text log;     /* JSON lines */
    dsbi_text json;    /* the record */
};

/* One rung on one view: fit, calibrate, score. `test_labels` [n_test of the view's split]. */
dsb_status dsbi_outcome_run(const dsbi_view *view, const dsbi_plan_entry *entry, dsbi_outcome *out);
void dsbi_outcome_free(dsb_runtime *rt, dsbi_outcome *outcome);

/* Dataset numbers of the items of a part, in item order; yours. */
dsb_status dsbi_part_labels(dsb_runtime *rt, uint32_t **out, const dsb_split *split, uint32_t part);

/* Accuracy of metadata and headline on the same test images. */
typedef struct dsbi_comparison {
    bool known;
    double difference, ci[2], p_value; /* headline - metadata; Newcombe, McNemar mid-p */
    uint64_t n_missed;                 /* test images that metadata get wrong */
    uint64_t pixels_right;             /* of those, right by pixels */
    char sentence[400];
} dsbi_comparison;
dsb_status dsbi_compare_metadata(dsbi_comparison *out, const struct dsb_bias_result *result);

/* Fills result->json. */
dsb_status dsbi_record_write(struct dsb_bias_result *result);
/* What it says of single images, as members of the open object. */
dsb_status dsbi_record_images(dsbi_json_writer *w, const struct dsb_bias_result *result);

/* Formats, sizes and class folders of a collection, as members of the open object. */
void dsbi_facts_write(dsb_runtime *rt, const dsb_dataset *dataset, dsbi_json_writer *w);

/* An example image for the report: data URI of a small JPEG appended to `uri`. */
dsb_status dsbi_thumbnail(dsb_runtime *rt, dsbi_text *uri, const dsb_dataset *dataset,
                          uint64_t image);

#endif
