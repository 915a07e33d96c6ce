/* dsb_eval as files: the record (JSON), scores and predictions (npy), tables (CSV). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/csv.h"
#include "base/file.h"
#include "base/json_write.h"
#include "base/npy_write.h"
#include "data/dataset.h"
#include "dsbias/stats.h"
#include "train/eval_run.h"

enum { PATH_BYTES = 4096, MOST_CONFUSION = 100, MOST_BROKEN_LISTED = 1000 };

/* As many digits as a float has: 0.4914, not 0.49140000343322754. */
static void write_floats(dsbi_json_writer *w, const char *key, const float values[3])
{
    double wide[3];
    for (size_t i = 0; i < 3; i++) {
        char digits[32];
        snprintf(digits, sizeof digits, "%.7g", (double)values[i]);
        wide[i] = strtod(digits, NULL);
    }
    dsbi_json_put_doubles(w, key, wide, 3);
}

static void write_what(dsbi_json_writer *w, const dsb_eval *eval)
{
    char digest[65];
    const dsb_model_opts *model = &eval->model->opts;
    dsbi_dataset_fingerprint(eval->dataset, digest);
    dsbi_json_put_string(w, "schema", "dsbias.eval/1");
    dsbi_json_put_string(w, "model", dsb_model_spec(eval->model));
    dsbi_json_put_string(w, "weights", eval->weights);
    dsbi_json_put_string(w, "data", dsb_dataset_where(eval->dataset));
    dsbi_json_put_string(w, "data_format", dsb_dataset_format(eval->dataset));
    dsbi_json_put_string(w, "data_sha256", digest);
    dsbi_json_put_uint(w, "height", model->height);
    dsbi_json_put_uint(w, "width", model->width);
    dsbi_json_put_uint(w, "resize", eval->opts.resize);
    dsbi_json_put_string(w, "filter",
                         eval->opts.filter == DSB_FILTER_BILINEAR ? "bilinear" : "bicubic");
    write_floats(w, "mean", model->mean);
    write_floats(w, "std", model->std);
    dsbi_json_put_string(w, "isa", dsb_isa_name(dsb_runtime_isa(eval->rt)));
    dsbi_json_put_string(w, "build", dsb_build_info());
}

static void write_figures(dsbi_json_writer *w, const dsb_eval *eval)
{
    const dsb_eval_figures *f = &eval->figures;
    dsbi_json_put_uint(w, "n", f->n);
    dsbi_json_put_uint(w, "failed", f->n_failed);
    dsbi_json_put_uint(w, "broken_total", f->n_broken);
    dsbi_json_put_bool(w, "partial", f->n_left > 0);
    if (f->n_left > 0)
        dsbi_json_put_uint(w, "left", f->n_left);
    dsbi_json_put_uint(w, "correct", f->correct);
    dsbi_json_put_double(w, "accuracy", f->accuracy);
    dsbi_json_put_doubles(w, "ci95", f->ci95, 2);
    if (eval->n_outputs > DSBI_EVAL_TOP) {
        dsbi_json_put_uint(w, "correct_top5", f->correct_top5);
        dsbi_json_put_double(w, "top5_accuracy", f->top5_accuracy);
        dsbi_json_put_doubles(w, "top5_ci95", f->top5_ci95, 2);
    }
    dsbi_json_put_double(w, "loss", f->loss);
}

/* Images of the class, images given to it, and how many of its own are right. */
static void write_class(dsbi_json_writer *w, const dsb_eval *eval, size_t c)
{
    const size_t n = eval->n_outputs;
    uint64_t images = 0, predicted = 0, correct = eval->confusion[c * n + c];
    for (size_t k = 0; k < n; k++) {
        images += eval->confusion[c * n + k];
        predicted += eval->confusion[k * n + c];
    }
    double ci[2];
    dsb_stats_wilson(ci, correct, images, 0.05);
    dsbi_json_begin_flat_object(w);
    dsbi_json_put_string(w, "name", eval->class_names[c]);
    dsbi_json_put_uint(w, "n", images);
    dsbi_json_put_uint(w, "correct", correct);
    dsbi_json_put_double(w, "accuracy", images ? (double)correct / (double)images : NAN);
    dsbi_json_put_doubles(w, "ci95", ci, 2);
    dsbi_json_put_uint(w, "predicted", predicted);
    dsbi_json_end_object(w);
}

static void write_confusion(dsbi_json_writer *w, const dsb_eval *eval)
{
    const size_t n = eval->n_outputs;
    dsbi_json_write_key(w, "confusion");
    dsbi_json_begin_array(w);
    for (size_t label = 0; label < n; label++) {
        dsbi_json_begin_flat_array(w);
        for (size_t c = 0; c < n; c++)
            dsbi_json_write_uint(w, eval->confusion[label * n + c]);
        dsbi_json_end_array(w);
    }
    dsbi_json_end_array(w);
}

dsb_status dsbi_eval_write_json(dsb_eval *eval)
{
    dsbi_json_writer w;
    dsbi_json_writer_init(&w, &eval->json, 2);
    dsbi_json_begin_object(&w);
    write_what(&w, eval);
    write_figures(&w, eval);
    dsbi_json_write_key(&w, "classes");
    dsbi_json_begin_array(&w);
    for (size_t c = 0; c < eval->n_outputs; c++)
        write_class(&w, eval, c);
    dsbi_json_end_array(&w);
    dsbi_json_write_key(&w, "broken");
    dsbi_json_begin_array(&w);
    dsbi_dataset_write_broken(eval->dataset, &w, MOST_BROKEN_LISTED);
    dsbi_json_end_array(&w);
    if (eval->n_outputs <= MOST_CONFUSION)
        write_confusion(&w, eval);
    dsbi_json_end_object(&w);
    dsbi_text_add(&eval->json, "\n");
    /* the intervals cleared the sentence of a text that found no memory */
    return eval->json.status == DSB_OK ? DSB_OK
                                       : dsbi_fail(eval->json.status, "no memory for the record");
}

/* ---- files ---- */

static double probability(const float *scores, size_t n, size_t of)
{
    double sum = 0;
    for (size_t c = 0; c < n; c++)
        sum += exp((double)scores[c] - (double)scores[of]);
    return 1 / sum;
}

static void add_predictions(dsbi_text *text, const dsb_eval *eval)
{
    static const char *const columns[] = {"path",  "label", "prediction",
                                          "right", "score", "probability"};
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
        dsbi_csv_field(text, columns[i]);
    dsbi_csv_end(text);
    for (size_t i = 0; i < eval->count; i++) {
        if (eval->predictions[i] < 0)
            continue;
        const size_t label = (size_t)eval->labels[i], best = (size_t)eval->predictions[i];
        const float *scores = eval->logits + i * eval->n_outputs;
        dsbi_csv_field(text, dsbi_dataset_path(eval->dataset, i));
        dsbi_csv_field(text, eval->class_names[label]);
        dsbi_csv_field(text, eval->class_names[best]);
        dsbi_csv_uint(text, label == best);
        dsbi_csv_double(text, (double)scores[best]);
        dsbi_csv_double(text, probability(scores, eval->n_outputs, best));
        dsbi_csv_end(text);
    }
}

/* [3, 8, null, 0]: what `dsbias shift` reads. */
static void add_prediction_list(dsbi_text *text, const dsb_eval *eval)
{
    dsbi_json_writer w;
    dsbi_json_writer_init(&w, text, 0);
    dsbi_json_begin_array(&w);
    for (size_t i = 0; i < eval->count; i++)
        if (eval->predictions[i] < 0)
            dsbi_json_write_null(&w);
        else
            dsbi_json_write_int(&w, eval->predictions[i]);
    dsbi_json_end_array(&w);
    dsbi_text_add(text, "\n");
}

static void add_confusion(dsbi_text *text, const dsb_eval *eval)
{
    const size_t n = eval->n_outputs;
    dsbi_csv_field(text, "label");
    for (size_t c = 0; c < n; c++)
        dsbi_csv_field(text, eval->class_names[c]);
    dsbi_csv_end(text);
    for (size_t label = 0; label < n; label++) {
        dsbi_csv_field(text, eval->class_names[label]);
        for (size_t c = 0; c < n; c++)
            dsbi_csv_uint(text, eval->confusion[label * n + c]);
        dsbi_csv_end(text);
    }
}

static dsb_status path_in(char out[PATH_BYTES], const char *folder, const char *name)
{
    if (snprintf(out, PATH_BYTES, "%s/%s", folder, name) >= PATH_BYTES)
        return dsbi_fail(DSB_E_LIMIT, "%s: the path is too long", folder);
    return DSB_OK;
}

static dsb_status write_text(const dsb_eval *eval, const char *folder, const char *name,
                             const dsbi_text *text)
{
    char path[PATH_BYTES];
    DSBI_TRY(path_in(path, folder, name));
    if (text->status != DSB_OK)
        return text->status;
    return dsbi_file_write_atomic(eval->rt, path, text->data, text->size);
}

static dsb_status write_table(const dsb_eval *eval, const char *folder, const char *name,
                              void (*add)(dsbi_text *text, const dsb_eval *eval))
{
    dsbi_text text;
    dsbi_text_init(&text, eval->rt);
    add(&text, eval);
    const dsb_status status = write_text(eval, folder, name, &text);
    dsbi_text_free(&text);
    return status;
}

static dsb_status write_array(const dsb_eval *eval, const char *folder, const char *name,
                              dsbi_npy_type type, size_t n_dims, const void *data)
{
    char path[PATH_BYTES];
    const size_t shape[2] = {eval->count, eval->n_outputs};
    DSBI_TRY(path_in(path, folder, name));
    return dsbi_npy_write(eval->rt, path, type, shape, n_dims, data);
}

dsb_status dsb_eval_write(const dsb_eval *eval, const char *folder)
{
    dsbi_clear_error();
    if (!eval || !folder)
        return dsbi_fail(DSB_E_INVALID, "dsb_eval_write: an argument is NULL");
    DSBI_TRY(dsbi_make_dirs(eval->rt, folder));
    DSBI_TRY(write_array(eval, folder, "logits.npy", DSBI_NPY_F32, 2, eval->logits));
    DSBI_TRY(write_array(eval, folder, "predictions.npy", DSBI_NPY_I64, 1, eval->predictions));
    DSBI_TRY(write_array(eval, folder, "labels.npy", DSBI_NPY_I64, 1, eval->labels));
    DSBI_TRY(write_table(eval, folder, "predictions.csv", add_predictions));
    DSBI_TRY(write_table(eval, folder, "predictions.json", add_prediction_list));
    DSBI_TRY(write_table(eval, folder, "confusion.csv", add_confusion));
    return write_text(eval, folder, "eval.json", &eval->json); /* last: the rest is there */
}
