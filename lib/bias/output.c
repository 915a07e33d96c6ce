/* What a run leaves on disk, and the short form of its numbers. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/csv.h"
#include "base/file.h"
#include "base/opts.h"
#include "bias/result.h"

enum { PATH_BYTES = 4096, COLUMN_BYTES = 512 };

_Static_assert(offsetof(dsb_bias_summary, verdict) + sizeof(char *) == sizeof(dsb_bias_summary),
               "no hole at the end of dsb_bias_summary");

static const dsb_bias_summary empty = {.struct_size = sizeof(dsb_bias_summary)};

void dsb_bias_summary_init(dsb_bias_summary *summary, size_t size)
{
    dsbi_opts_fill(summary, size, &empty, sizeof empty);
}

static double metadata_accuracy(const dsb_bias_result *result)
{
    for (size_t i = 0; i < result->plan.n_entries; i++)
        if (!result->outcomes[i].plan.rung->pixels && result->outcomes[i].state == DSBI_RUNG_DONE)
            return result->outcomes[i].accuracy;
    return NAN;
}

dsb_status dsb_bias_result_summary(const dsb_bias_result *result, dsb_bias_summary *summary)
{
    dsbi_clear_error();
    if (!result || !summary || summary->struct_size < sizeof(uint64_t))
        return dsbi_fail(DSB_E_INVALID,
                         "dsb_bias_result_summary: call dsb_bias_summary_init first");
    const dsbi_verdict *v = &result->verdict, *null = &result->null_verdict;
    bool has_null = result->has_null;
    dsb_bias_summary s = {
        .struct_size = summary->struct_size,
        .n_datasets = result->n_datasets,
        .correct = v->correct,
        .n_test = v->n,
        .accuracy = v->accuracy,
        .ci95_lo = v->ci[0],
        .ci95_hi = v->ci[1],
        .chance = v->chance,
        .p_value = v->p_value,
        .metadata_accuracy = metadata_accuracy(result),
        .null_accuracy = has_null ? null->accuracy : NAN,
        .null_lo = has_null ? null->ci[0] : NAN,
        .null_hi = has_null ? null->ci[1] : NAN,
        .headline = result->outcomes[result->headline].plan.model,
        .verdict = v->level,
    };
    size_t known = summary->struct_size < sizeof s ? (size_t)summary->struct_size : sizeof s;
    memcpy(summary, &s, known);
    return DSB_OK;
}

const char *dsb_bias_result_json(const dsb_bias_result *result)
{
    return result->json.data;
}

static void add_scores(dsbi_text *text, const dsb_bias_result *result)
{
    const dsbi_outcome *o = &result->outcomes[result->headline];
    size_t n_classes = result->n_datasets;
    dsbi_csv_field(text, "path");
    dsbi_csv_field(text, "true");
    dsbi_csv_field(text, "predicted");
    for (size_t c = 0; c < n_classes; c++) {
        char column[COLUMN_BYTES];
        snprintf(column, sizeof column, "p_%s", dsb_dataset_name(result->datasets[c]));
        dsbi_csv_field(text, column);
    }
    dsbi_csv_end(text);
    for (uint64_t i = 0; i < result->n_test; i++) {
        dsbi_item item = dsbi_split_item(result->split, DSB_PART_TEST, i);
        dsbi_csv_field(text, dsbi_dataset_path(item.dataset, item.image));
        dsbi_csv_field(text, dsb_dataset_name(result->datasets[result->test_labels[i]]));
        dsbi_csv_field(text, dsb_dataset_name(result->datasets[o->predicted[i]]));
        for (size_t c = 0; c < n_classes; c++)
            dsbi_csv_double(text, (double)o->probabilities[i * n_classes + c]);
        dsbi_csv_end(text);
    }
}

static dsb_status write_text(dsb_runtime *rt, const char *directory, const char *name,
                             const dsbi_text *text)
{
    char path[PATH_BYTES];
    if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path)
        return dsbi_fail(DSB_E_LIMIT, "%s: the path is too long", directory);
    if (text->status != DSB_OK)
        return dsbi_fail(text->status, "out of memory for %s", name);
    return dsbi_file_write_atomic(rt, path, text->data, text->size);
}

/* The network that was trained last: the strongest of the ladder. */
static dsb_status write_model(const dsb_bias_result *result, const char *directory)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/model.safetensors", directory);
    for (size_t i = result->plan.n_entries; i-- > 0;)
        if (result->outcomes[i].state == DSBI_RUNG_DONE && result->outcomes[i].fit.model)
            return dsb_model_save(result->outcomes[i].fit.model, path);
    return DSB_OK;
}

dsb_status dsb_bias_result_write(const dsb_bias_result *result, const char *directory)
{
    dsbi_clear_error();
    if (!result || !directory)
        return dsbi_fail(DSB_E_INVALID, "dsb_bias_result_write: result or directory is NULL");
    dsb_runtime *rt = result->rt;
    dsbi_text scores;
    dsbi_text_init(&scores, rt);
    dsb_status status;
    DSBI_GO(dsbi_make_dirs(rt, directory));
    add_scores(&scores, result);
    DSBI_GO(write_text(rt, directory, "scores.csv", &scores));
    DSBI_GO(write_text(rt, directory, "log.jsonl", &result->log));
    DSBI_GO(write_model(result, directory));
    DSBI_GO(write_text(rt, directory, "results.json",
                       &result->json)); /* last: it says the rest is there */
done:
    dsbi_text_free(&scores);
    return status;
}
