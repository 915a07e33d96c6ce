/* dsbias eval: a model with weights on labelled images. */
#include "cli.h"
#include "files.h"
#include "plain.h"
#include "scoring.h"

#include <stdlib.h>
#include <string.h>

typedef struct eval_args {
    const char *model, *weights, *mean, *std, *keymap, *classes, *filter, *out;
    uint64_t size, resize, batch;
    bool top5;
} eval_args;

static const cli_flag eval_flags[] = {
    CLI_FLAG("model", TEXT, eval_args, model, .unit = "M",
             .help = "a model by name or by family and options; 'dsbias summary' shows it"),
    CLI_FLAG("weights", TEXT, eval_args, weights, .unit = "FILE",
             .help = "its weights, safetensors; names of torchvision, timm and others are "
                     "understood, wrappers taken off"),
    CLI_FLAG("keymap", TEXT, eval_args, keymap, .unit = "FILE",
             .help = "JSON object, name of the model -> name in the weights, for other names"),
    SCORING_FLAGS(eval_args),
    CLI_FLAG("filter", CHOICE, eval_args, filter, .fallback = "bicubic",
             .choices = "bilinear|bicubic", .help = "of the resizing, antialiased"),
    CLI_FLAG("classes", TEXT, eval_args, classes, .unit = "FILE",
             .help = "name of each output, one a line: which class of DATA is which output"),
    CLI_FLAG("batch", COUNT, eval_args, batch, .unit = "N", .fallback = "64", .min = 1,
             .max = 65536, .help = "images decoded and scored at once; changes no result"),
    CLI_FLAG("top5", SWITCH, eval_args, top5,
             .help = "print how often the label is among the five highest, too"),
    CLI_FLAG("out", TEXT, eval_args, out, .unit = "DIR", .shown = "nothing is written",
             .help =
                 "where logits.npy, predictions.npy, .csv and .json, labels.npy, confusion.csv and "
                 "eval.json go; made if missing"),
    {.kind = CLI_END},
};

/* Names of the outputs, one a line. */
typedef struct name_list {
    char *text;
    const char **names;
    size_t n;
} name_list;

static int read_names(cli_context *cli, name_list *list, const char *path)
{
    size_t size, lines = 1;
    int code = cli_read_file(cli, &list->text, &size, path);
    if (code != CLI_OK)
        return code;
    for (size_t i = 0; i < size; i++)
        lines += list->text[i] == '\n';
    list->names = calloc(lines, sizeof *list->names);
    if (!list->names)
        return CLI_MEMORY;
    for (char *line = list->text, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        line[strcspn(line, "\r")] = '\0';
        if (*line)
            list->names[list->n++] = line;
    }
    if (list->n == 0)
        return cli_usage(cli, "--classes: %s names no class", path);
    return CLI_OK;
}

static dsb_status evaluate(cli_context *cli, dsb_eval **eval, const eval_args *args,
                           dsb_model_opts *opts, const name_list *list)
{
    dsb_dataset *data = NULL;
    dsb_model *model = NULL;
    dsb_dataset_opts data_opts;
    dsb_dataset_opts_init(&data_opts, sizeof data_opts);
    data_opts.verify = 0;
    dsb_load_opts load;
    dsb_load_opts_init(&load, sizeof load);
    load.keymap = args->keymap;
    load.check_finite = 1;
    dsb_eval_opts eval_opts;
    dsb_eval_opts_init(&eval_opts, sizeof eval_opts);
    eval_opts.batch_size = args->batch;
    eval_opts.classes = list->names;
    eval_opts.weights = args->weights;
    eval_opts.resize = (uint32_t)args->resize;
    eval_opts.filter =
        strcmp(args->filter, "bilinear") == 0 ? DSB_FILTER_BILINEAR : DSB_FILTER_BICUBIC;
    dsb_status status =
        dsb_dataset_open(cli->rt, &data, cli->parsed->positional[0], &data_opts, cli_event, cli);
    if (status == DSB_OK) {
        const uint32_t classes = dsb_dataset_class_count(data);
        opts->height = opts->width =
            args->size ? (uint32_t)args->size : scoring_side(data, args->model);
        opts->n_classes = list->n ? (uint32_t)list->n : classes ? classes : 1;
        status = scoring_model(cli, &model, args->model, args->weights, opts, &load, list->n > 0);
    }
    if (status == DSB_OK)
        status = dsb_eval_run(cli->rt, eval, model, data, &eval_opts, cli_event, cli);
    dsb_model_free(model);
    dsb_dataset_free(data);
    return status;
}

/* ---- what is printed ---- */

static void print_share(const char *what, uint64_t k, uint64_t n, double share, const double ci[2])
{
    printf("%-9s %.2f %% [%.2f, %.2f]  %llu of %llu\n", what, 100 * share, 100 * ci[0], 100 * ci[1],
           (unsigned long long)k, (unsigned long long)n);
}

/* As printf's "%*.*s". */
static void print_name(const dsb_eval *eval, uint64_t c, int width, int most)
{
    char name[512];
    snprintf(name, sizeof name, "%s", dsb_eval_class_name(eval, c));
    cli_make_plain(name);
    printf("%*.*s", width, most, name);
}

static void print_classes(const dsb_eval *eval)
{
    const uint64_t n = dsb_eval_outputs(eval), *confusion = dsb_eval_confusion(eval);
    printf("\n%-24s %8s %9s  %s\n", "class", "images", "right", "most often taken for");
    for (uint64_t c = 0; c < n; c++) {
        const uint64_t *row = confusion + c * n;
        uint64_t images = 0, other = c;
        for (uint64_t k = 0; k < n; k++) {
            images += row[k];
            if (k != c && row[k] > (other == c ? 0 : row[other]))
                other = k;
        }
        if (images == 0)
            continue;
        print_name(eval, c, -24, 500);
        printf(" %8llu %7.2f %%", (unsigned long long)images,
               100 * (double)row[c] / (double)images);
        if (other != c) {
            fputs("  ", stdout);
            cli_put_plain(stdout, dsb_eval_class_name(eval, other));
            printf(" (%llu)", (unsigned long long)row[other]);
        }
        putchar('\n');
    }
}

static void print_confusion(const dsb_eval *eval)
{
    enum { MOST = 20 };
    const uint64_t n = dsb_eval_outputs(eval), *confusion = dsb_eval_confusion(eval);
    if (n > MOST)
        return;
    printf("\nconfusion: rows are the labels, columns the predictions\n%-12s", "");
    for (uint64_t c = 0; c < n; c++) {
        putchar(' ');
        print_name(eval, c, 6, 6);
    }
    putchar('\n');
    for (uint64_t label = 0; label < n; label++) {
        print_name(eval, label, -12, 12);
        for (uint64_t c = 0; c < n; c++)
            printf(" %6llu", (unsigned long long)confusion[label * n + c]);
        putchar('\n');
    }
}

/* Labels in another order than the outputs look like a model that has learned nothing. */
static void warn_at_chance(cli_context *cli, const dsb_eval *eval, const dsb_eval_figures *f)
{
    const uint64_t n = dsb_eval_outputs(eval);
    if (n >= 10 && f->n >= 50 && f->accuracy <= 2.0 / (double)n)
        cli_note(cli, "the accuracy is about that of guessing; is the order of the classes that of "
                      "the outputs (--classes), and the normalisation that of training (--mean, "
                      "--std)?");
}

static void print_eval(cli_context *cli, const dsb_eval *eval, const eval_args *args)
{
    dsb_eval_figures f = {.struct_size = sizeof f};
    dsb_eval_figures_get(eval, &f);
    cli_clear_progress(cli);
    if (cli->parsed->common.json) {
        fputs(dsb_eval_json(eval), stdout);
    } else {
        if (f.n_left > 0)
            printf("PARTIAL: stopped after %llu of %llu images; the figures are of these alone\n",
                   (unsigned long long)(dsb_eval_count(eval) - f.n_left),
                   (unsigned long long)dsb_eval_count(eval));
        print_share("accuracy", f.correct, f.n, f.accuracy, f.ci95);
        if (args->top5)
            print_share("top 5", f.correct_top5, f.n, f.top5_accuracy, f.top5_ci95);
        printf("%-9s %.4f\n", "loss", f.loss);
        if (f.n_failed > 0)
            printf("%-9s %llu images could not be decoded and are left out\n", "failed",
                   (unsigned long long)f.n_failed);
        if (f.n_broken > 0)
            printf("%-9s %llu left out, which 'dsbias data verify' lists\n", "broken",
                   (unsigned long long)f.n_broken);
        print_classes(eval);
        print_confusion(eval);
    }
    warn_at_chance(cli, eval, &f);
}

static int run_eval(cli_context *cli, const void *arguments)
{
    const eval_args *args = arguments;
    dsb_model_opts opts;
    dsb_eval *eval = NULL;
    name_list list = {0};
    dsb_model_opts_init(&opts, sizeof opts);
    if (!args->model || !args->weights)
        return cli_usage(cli, "--%s is needed", args->model ? "weights" : "model");
    int code = scoring_channels(cli, opts.mean, "mean", args->mean);
    if (code == CLI_OK)
        code = scoring_channels(cli, opts.std, "std", args->std);
    if (code == CLI_OK && args->classes)
        code = read_names(cli, &list, args->classes);
    if (code == CLI_OK && args->out)
        code = cli_check_folder(cli, args->out);
    if (code == CLI_OK) {
        const dsb_status ran = evaluate(cli, &eval, args, &opts, &list);
        code = ran == DSB_OK ? CLI_OK : cli_fail(cli, ran);
    }
    if (eval) { /* also of a run that was stopped: what is known is written and shown */
        const dsb_status wrote = args->out ? dsb_eval_write(eval, args->out) : DSB_OK;
        if (wrote != DSB_OK)
            code = cli_fail(cli, wrote);
        print_eval(cli, eval, args);
    }
    dsb_eval_free(eval);
    free(list.text);
    free(list.names);
    return code;
}

const cli_command cli_command_eval = {
    .name = "eval",
    .summary = "how often is a model with given weights right: accuracy, confusion, predictions",
    .positional = "DATA",
    .details =
        "DATA is any collection with classes: CIFAR binary files, a NumPy array with labels, or "
        "class folders; its options follow a question mark (docs/datasets.md). Without --classes, "
        "label k is output k, and folders are outputs in byte order of their names or, if all are "
        "numbers, by value.\n\n"
        "Intervals are Wilson's, 95 %. Images that cannot be decoded are counted and left out. "
        "Ctrl-C stops after the batch; what was scored is shown and marked as partial.\n\n"
        "Example: dsbias eval --model cifar_resnet:depth=20 --weights resnet20.safetensors "
        "cifar10/test_batch.bin --out scores",
    .flags = eval_flags,
    .args_size = sizeof(eval_args),
    .min_positional = 1,
    .max_positional = 1,
    .run = run_eval,
    .stops = true,
};
