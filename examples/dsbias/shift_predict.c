/* Scores of models on collections of images, for dsbias shift. */
#include "shift_predict.h"

#include <stdlib.h>
#include <string.h>
#include "scoring.h"

/* "[NAME=]MODEL": options of a model, which hold '=' too, stand after a colon. */
static char *split_name(const char **model, const char *text)
{
    const char *equals = strchr(text, '='), *colon = strchr(text, ':');
    bool named = equals && (!colon || equals < colon);
    *model = named ? equals + 1 : text;
    return named ? strndup(text, (size_t)(equals - text)) : strdup(text);
}

/* Rows of images that could be decoded, moved to the front of copies. */
typedef struct scored {
    float *logits;
    uint32_t *labels;
    uint64_t n, outputs;
} scored;

static int keep_decoded(cli_context *cli, scored *out, const dsb_eval *eval)
{
    const int64_t *labels = dsb_eval_labels(eval);
    const float *logits = dsb_eval_logits(eval);
    uint64_t n = dsb_eval_count(eval), outputs = dsb_eval_outputs(eval);
    *out = (scored){malloc((size_t)(n * outputs + 1) * sizeof *out->logits),
                    malloc((size_t)(n + 1) * sizeof *out->labels), 0, outputs};
    if (!out->logits || !out->labels)
        return CLI_MEMORY;
    for (uint64_t i = 0; i < n; i++)
        if (labels[i] >= 0) {
            memcpy(out->logits + out->n * outputs, logits + i * outputs,
                   (size_t)outputs * sizeof *logits);
            out->labels[out->n++] = (uint32_t)labels[i];
        }
    if (out->n < n)
        cli_note(cli, "%llu of %llu images could not be decoded and are left out",
                 (unsigned long long)(n - out->n), (unsigned long long)n);
    return CLI_OK;
}

/* "A,B,C" in place: its parts, NULL if there is no list. Caller frees the array. */
static const char **split_list(char *text, size_t *n)
{
    *n = 0;
    if (!text || !*text)
        return NULL;
    size_t most = 1;
    for (const char *c = text; *c; c++)
        most += *c == ',';
    const char **names = malloc(most * sizeof *names);
    for (char *next = text; names && next;) {
        names[(*n)++] = next;
        next = strchr(next, ',');
        if (next)
            *next++ = '\0';
    }
    return names;
}

/* Whether every class of the data goes by a name of the list; otherwise label k is output k. */
static bool all_listed(const dsb_dataset *data, const char *const *names, size_t n)
{
    for (uint32_t c = 0; c < dsb_dataset_class_count(data); c++) {
        const char *name = dsb_dataset_class_name(data, c);
        size_t i = 0;
        while (i < n && name && strcmp(names[i], name) != 0)
            i++;
        if (i == n)
            return false;
    }
    return n > 0;
}

static dsb_status score(cli_context *cli, dsb_eval **eval, const dsb_dataset *data,
                        const char *name, const char *weights, const shift_predict_args *args,
                        dsb_model_opts *opts)
{
    size_t listed;
    char *text = args->classes ? strdup(args->classes) : NULL;
    const char **names = split_list(text, &listed);
    dsb_model *model = NULL;
    dsb_load_opts load;
    dsb_eval_opts eval_opts;
    dsb_load_opts_init(&load, sizeof load);
    dsb_eval_opts_init(&eval_opts, sizeof eval_opts);
    load.check_finite = 1;
    eval_opts.weights = weights;
    eval_opts.classes = all_listed(data, names, listed) ? names : NULL;
    eval_opts.resize = (uint32_t)args->resize;
    opts->height = opts->width = args->size ? (uint32_t)args->size : scoring_side(data, name);
    opts->n_classes = listed                          ? (uint32_t)listed
                      : dsb_dataset_class_count(data) ? dsb_dataset_class_count(data)
                                                      : 1;
    dsb_status status = scoring_model(cli, &model, name, weights, opts, &load, listed > 0);
    if (status == DSB_OK)
        status = dsb_eval_run(cli->rt, eval, model, data, &eval_opts, cli_event, cli);
    dsb_model_free(model);
    free(names);
    free(text);
    return status;
}

static int add_model(cli_context *cli, dsb_shift *shift, uint64_t set, const dsb_dataset *data,
                     size_t i, const shift_predict_args *args, dsb_model_opts *opts)
{
    const char *model;
    char *name = split_name(&model, args->models->items[i]);
    dsb_eval *eval = NULL;
    scored rows = {0};
    dsb_status status =
        name ? score(cli, &eval, data, model, args->weights->items[i], args, opts) : DSB_E_NOMEM;
    int code = status == DSB_OK ? keep_decoded(cli, &rows, eval) : cli_fail(cli, status);
    if (code == CLI_OK && i == 0)
        status = dsb_shift_add_labels(shift, dsb_dataset_name(data), rows.labels, rows.n);
    if (code == CLI_OK && status == DSB_OK)
        status = dsb_shift_add_logits(shift, set, name, rows.logits, rows.n, rows.outputs);
    if (code == CLI_OK && status != DSB_OK)
        code = cli_fail(cli, status);
    dsb_eval_free(eval);
    free(rows.logits);
    free(rows.labels);
    free(name);
    return code;
}

int shift_predict_set(cli_context *cli, dsb_shift *shift, uint64_t set, const char *collection,
                      const shift_predict_args *args)
{
    dsb_dataset *data;
    dsb_dataset_opts data_opts;
    dsb_model_opts opts;
    dsb_dataset_opts_init(&data_opts, sizeof data_opts);
    dsb_model_opts_init(&opts, sizeof opts);
    data_opts.verify = 0;
    int code = scoring_channels(cli, opts.mean, "mean", args->mean);
    if (code == CLI_OK)
        code = scoring_channels(cli, opts.std, "std", args->std);
    if (code != CLI_OK)
        return code;
    dsb_status status = dsb_dataset_open(cli->rt, &data, collection, &data_opts, cli_event, cli);
    if (status != DSB_OK)
        return cli_fail(cli, status);
    for (size_t i = 0; code == CLI_OK && i < args->models->n; i++)
        code = add_model(cli, shift, set, data, i, args, &opts);
    cli_clear_progress(cli);
    dsb_dataset_free(data);
    return code;
}
