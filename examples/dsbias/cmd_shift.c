/* dsbias shift: does it generalise? Accuracy on new test sets against the original one. */
#include "cli.h"
#include "files.h"
#include "scoring.h"
#include "shift_predict.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct shift_args {
    cli_list orig, fresh, table, new_column, model, weights;
    const char *mean, *std;
    uint64_t size, resize;
    const char *orig_column, *sizes, *scale, *baseline, *baseline_except, *pivot, *exclude;
    const char *groups, *group_by, *classes, *fail_if, *out;
    uint64_t bootstrap, image_bootstrap, seed;
    double alpha;
    bool lower_is_better;
} shift_args;

static const cli_flag shift_flags[] = {
    CLI_FLAG("orig", LIST, shift_args, orig, .unit = "[NAME=]LABELS:PREDICTIONS",
             .help = "the original test set. LABELS: npy, JSON, CSV or text, one class an item; "
                     "empty if the values are scores per item. PREDICTIONS: a folder with a file a "
                     "model, or one JSON, npy or CSV file"),
    CLI_FLAG("new", LIST, shift_args, fresh, .unit = "[NAME=]LABELS:PREDICTIONS",
             .help = "a new test set; may be given several times. Models are matched by name"),
    CLI_FLAG("model", LIST, shift_args, model, .unit = "[NAME=]MODEL",
             .help = "predict first: --orig and --new are then collections of labelled images, as "
                     "'dsbias eval' takes them; may be given several times"),
    CLI_FLAG("weights", LIST, shift_args, weights, .unit = "FILE",
             .help = "of each --model, in the same order"),
    SCORING_FLAGS(shift_args),
    CLI_FLAG("table", LIST, shift_args, table, .unit = "FILE",
             .help = "a CSV with a row a model and columns of accuracies or counts, instead of or "
                     "beside the sets above"),
    CLI_FLAG("orig-column", TEXT, shift_args, orig_column, .unit = "NAME",
             .shown = "original, orig ... or the first",
             .help = "column of the table with the original accuracy"),
    CLI_FLAG("new-column", LIST, shift_args, new_column, .unit = "NAME[=ORIG]",
             .shown = "all other numbers",
             .help = "column with a new accuracy, and the original column it belongs to if that is "
                     "another one; may be given several times"),
    CLI_FLAG("sizes", TEXT, shift_args, sizes, .unit = "FILE",
             .help = "JSON object: items behind each column of the table, for intervals"),
    CLI_FLAG("scale", CHOICE, shift_args, scale, .unit = "NAME", .fallback = "probit",
             .choices = "linear|logit|probit|arcsine",
             .help = "scale of robustness and predictions; fits are made in all of them"),
    CLI_FLAG("baseline", TEXT, shift_args, baseline, .unit = "REGEX",
             .help = "fit the line to these models only; COLUMN=REGEX looks into a column of the "
                     "table, as in type=STANDARD"),
    CLI_FLAG("baseline-except", TEXT, shift_args, baseline_except, .unit = "REGEX",
             .help = "models of the baseline that the line is not fitted to"),
    CLI_FLAG("pivot", TEXT, shift_args, pivot, .unit = "MODEL|ACCURACY",
             .help = "fit two lines, below and above the original accuracy of a model that the new "
                     "set was made against"),
    CLI_FLAG("exclude", TEXT, shift_args, exclude, .unit = "REGEX", .help = "leave models out"),
    CLI_FLAG("groups", TEXT, shift_args, groups, .unit = "FILE",
             .help = "named items: JSON {\"SET\": {\"GROUP\": [item, ...]}} or CSV with columns "
                     "set, group, item"),
    CLI_FLAG("group-by", TEXT, shift_args, group_by, .unit = "COLUMN",
             .help = "group items by the values of a column of the labels file"),
    CLI_FLAG("classes", TEXT, shift_args, classes, .unit = "A,B,...",
             .help = "names of classes 0, 1, ...; an index beyond them is then refused. With "
                     "--model: what its outputs are, for class folders"),
    CLI_FLAG("bootstrap", COUNT, shift_args, bootstrap, .unit = "N", .fallback = "100000",
             .max = 1e7, .help = "fits to resampled models; 0 for none"),
    CLI_FLAG("image-bootstrap", COUNT, shift_args, image_bootstrap, .unit = "N", .fallback = "2000",
             .max = 1e6, .help = "fits and ranks on resampled items; 0 for none"),
    CLI_FLAG("alpha", REAL, shift_args, alpha, .unit = "A", .fallback = "0.05", .min = 1e-12,
             .max = 0.999999, .help = "intervals hold 1 - A"),
    CLI_FLAG("lower-is-better", SWITCH, shift_args, lower_is_better,
             .help = "scores are losses or perplexities"),
    CLI_FLAG("seed", COUNT, shift_args, seed, .unit = "N", .fallback = "0",
             .help = "of all resampling"),
    CLI_FLAG("fail-if", TEXT, shift_args, fail_if, .unit = "EXPR",
             .help = "exit with 1 if it holds: 'gap > 0.05', 'max(gap) > 5% || slope < 0.9', "
                     "'accuracy_new < 0.8'"),
    CLI_FLAG("out", TEXT, shift_args, out, .unit = "DIR",
             .help = "write results.json, CSV tables and report.html there"),
    {.kind = CLI_END},
};

/* Name of a set from its predictions: "a/v4_predictions/" -> "v4". Caller frees. */
static char *name_of(const char *path)
{
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t start = end;
    while (start > 0 && path[start - 1] != '/')
        start--;
    char *name = strndup(path + start, end - start);
    if (!name)
        return NULL;
    char *dot = strrchr(name, '.');
    if (dot && dot != name && strlen(dot) <= 5)
        *dot = '\0';
    char *tail = strstr(name, "_predictions");
    if (tail && tail != name)
        *tail = '\0';
    return name;
}

/* "[NAME=]LABELS:PREDICTIONS" */
static int add_set(cli_context *cli, dsb_shift *shift, const char *spec)
{
    char *copy = strdup(spec), *name = NULL;
    if (!copy)
        return CLI_MEMORY;
    int code;
    char *colon = strchr(copy, ':'), *labels = copy;
    if (!colon || !colon[1]) {
        code = cli_usage(cli, "'%s' is not [NAME=]LABELS:PREDICTIONS", spec);
        goto done;
    }
    *colon = '\0';
    char *equals = strchr(copy, '=');
    if (equals && !memchr(copy, '/', (size_t)(equals - copy))) {
        *equals = '\0';
        labels = equals + 1;
        name = strdup(copy);
    } else {
        name = name_of(colon + 1);
    }
    dsb_status status = name ? dsb_shift_add_set(shift, name, labels, colon + 1) : DSB_E_NOMEM;
    code = status == DSB_OK ? CLI_OK : cli_fail(cli, status);
done:
    free(copy);
    free(name);
    return code;
}

/* Predictions from files or, with --model, from images. */
static int add_any_set(cli_context *cli, dsb_shift *shift, const shift_args *args, uint64_t set,
                       const char *spec)
{
    const shift_predict_args predict = {&args->model,  &args->weights, args->mean,  args->std,
                                        args->classes, args->size,     args->resize};
    return args->model.n > 0 ? shift_predict_set(cli, shift, set, spec, &predict)
                             : add_set(cli, shift, spec);
}

static int load(cli_context *cli, dsb_shift *shift, const shift_args *args)
{
    if (args->orig.n == 0 && args->table.n == 0)
        return cli_usage(cli, "nothing to compare: give --orig and --new, or --table");
    if (args->orig.n > 1)
        return cli_usage(cli, "--orig may be given once");
    if ((args->orig.n > 0) != (args->fresh.n > 0))
        return cli_usage(cli, "--orig and --new belong together");
    if (args->model.n != args->weights.n)
        return cli_usage(cli, "%zu --model, but %zu --weights", args->model.n, args->weights.n);
    if (args->model.n > 0 && args->orig.n == 0)
        return cli_usage(cli, "--model needs --orig and --new");
    int code = CLI_OK;
    if (args->orig.n > 0)
        code = add_any_set(cli, shift, args, 0, args->orig.items[0]);
    for (size_t i = 0; code == CLI_OK && i < args->fresh.n; i++)
        code = add_any_set(cli, shift, args, i + 1, args->fresh.items[i]);
    for (size_t i = 0; code == CLI_OK && i < args->table.n; i++) {
        dsb_status status =
            dsb_shift_add_table(shift, args->table.items[i], args->orig_column,
                                args->new_column.items, args->new_column.n, args->sizes);
        code = status == DSB_OK ? CLI_OK : cli_fail(cli, status);
    }
    if (code == CLI_OK && args->groups) {
        dsb_status status = dsb_shift_add_groups(shift, args->groups);
        code = status == DSB_OK ? CLI_OK : cli_fail(cli, status);
    }
    return code;
}

/* mkdir -p */
static int make_folder(cli_context *cli, const char *path)
{
    char *copy = strdup(path);
    if (!copy)
        return CLI_MEMORY;
    for (char *p = copy + 1; *p; p++)
        if (*p == '/') {
            *p = '\0';
            mkdir(copy, 0777);
            *p = '/';
        }
    int failed = mkdir(copy, 0777) != 0 && errno != EEXIST;
    free(copy);
    if (!failed)
        return CLI_OK;
    cli_note(cli, "cannot make the folder %s: %s", path, strerror(errno));
    return CLI_IO;
}

static int write_into(cli_context *cli, const char *folder, const char *name, const char *data,
                      size_t size)
{
    char *path = malloc(strlen(folder) + strlen(name) + 2);
    if (!path)
        return CLI_MEMORY;
    sprintf(path, "%s/%s", folder, name);
    int code = cli_write_file(cli, path, data, size);
    free(path);
    return code;
}

static int write_all(cli_context *cli, const char *folder, const char *json, size_t size)
{
    static const char *const tables[] = {"models", "classes", "fits",
                                         "pairs",  "groups",  "robustness"};
    int code = make_folder(cli, folder);
    if (code == CLI_OK)
        code = write_into(cli, folder, "results.json", json, size);
    for (size_t i = 0; code == CLI_OK && i < sizeof tables / sizeof *tables; i++) {
        char *csv, name[32];
        size_t csv_size;
        dsb_status status = dsb_shift_csv(cli->rt, &csv, &csv_size, json, size, tables[i]);
        if (status != DSB_OK)
            return cli_fail(cli, status);
        snprintf(name, sizeof name, "%s.csv", tables[i]);
        code = write_into(cli, folder, name, csv, csv_size);
        dsb_shift_text_free(cli->rt, csv);
    }
    char *html;
    size_t html_size;
    if (code != CLI_OK)
        return code;
    dsb_status status = dsb_report_shift_html(cli->rt, &html, &html_size, json, size);
    if (status != DSB_OK)
        return cli_fail(cli, status);
    code = write_into(cli, folder, "report.html", html, html_size);
    dsb_report_free(cli->rt, html);
    return code;
}

static int show(cli_context *cli, const shift_args *args, const char *json, size_t size)
{
    int code = CLI_OK;
    if (args->out)
        code = write_all(cli, args->out, json, size);
    if (cli->parsed->common.json) { /* shown also if it could not be written */
        fwrite(json, 1, size, stdout);
        putchar('\n');
    } else {
        char *text;
        dsb_status status = dsb_report_shift_text(cli->rt, &text, NULL, json, size,
                                                  cli->colour ? DSB_REPORT_COLOUR : 0);
        if (status != DSB_OK)
            return cli_fail(cli, status);
        fputs(text, stdout);
        dsb_report_free(cli->rt, text);
        if (args->out && code == CLI_OK)
            printf("report   %s/report.html\n", args->out);
    }
    if (code == CLI_OK && args->fail_if) {
        char which[256];
        dsb_status holds = dsb_shift_check(cli->rt, json, size, args->fail_if, which);
        if (holds < 0)
            return cli_fail(cli, holds);
        if (holds == 1) {
            cli_note(cli, "--fail-if: %s", which);
            return CLI_CHECK_FAILED;
        }
    }
    return code;
}

static uint32_t scale_number(const char *name)
{
    for (uint32_t scale = 0; dsb_stats_scale_name(scale); scale++)
        if (strcmp(dsb_stats_scale_name(scale), name) == 0)
            return scale;
    return DSB_STATS_SCALE_PROBIT;
}

static int run_shift(cli_context *cli, const void *arguments)
{
    const shift_args *args = arguments;
    dsb_shift_opts opts;
    dsb_shift_opts_init(&opts, sizeof opts);
    opts.n_bootstrap = args->bootstrap;
    opts.n_image_bootstrap = args->image_bootstrap;
    opts.seed = args->seed;
    opts.alpha = args->alpha;
    opts.scale = scale_number(args->scale);
    opts.lower_is_better = args->lower_is_better;
    opts.baseline = args->baseline;
    opts.baseline_except = args->baseline_except;
    opts.pivot = args->pivot;
    opts.group_column = args->group_by;
    opts.exclude = args->exclude;
    opts.class_names = args->classes;
    opts.command = cli->line;
    if (args->fail_if) { /* a mistake in the condition is told before the work, not after */
        dsb_status status = dsb_shift_check(cli->rt, "{}", 2, args->fail_if, NULL);
        if (status < 0)
            return cli_usage(cli, "--fail-if: %s", dsb_last_error());
    }
    int code = args->out ? cli_check_folder(cli, args->out) : CLI_OK;
    if (code != CLI_OK)
        return code;
    dsb_shift *shift;
    dsb_status status = dsb_shift_create(cli->rt, &shift, &opts);
    if (status != DSB_OK)
        return status == DSB_E_INVALID ? cli_usage(cli, "%s", dsb_last_error())
                                       : cli_fail(cli, status);
    code = load(cli, shift, args);
    if (code == CLI_OK) {
        status = dsb_shift_run(shift, cli_event, cli);
        cli_clear_progress(cli);
        if (status == DSB_OK) {
            size_t size;
            const char *json = dsb_shift_json(shift, &size);
            code = show(cli, args, json, size);
        } else {
            code = cli_fail(cli, status);
        }
    }
    dsb_shift_free(shift);
    return code;
}

const cli_command cli_command_shift = {
    .name = "shift",
    .summary = "do models that are good on one test set do as well on another?",
    .positional = "",
    .details =
        "Reads predictions of one or more models on an original and on new test sets, and says "
        "how much accuracy is lost, with intervals, tests and the line that links the two.\n"
        "Example: dsbias shift --orig labels.npy:predictions/original "
        "--new labels_v4.npy:predictions/v4 --out report\n"
        "A wide CSV has a column a model (and may hold columns index and label); a long one has "
        "columns model, item and prediction. An empty LABELS takes values as scores.",
    .flags = shift_flags,
    .args_size = sizeof(shift_args),
    .min_positional = 0,
    .max_positional = 0,
    .run = run_shift,
    .stops = true,
};
