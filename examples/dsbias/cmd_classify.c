/* dsbias classify: the main job on collections of images. */
#include "classify_run.h"
#include "files.h"
#include "nearest.h"

#include <stdlib.h>
#include <string.h>

typedef struct classify_args {
    const char *model, *augment, *replay, *out, *near_duplicates;
    uint64_t size, n_train, n_select, n_test, samples_seen, batch, seed, max_broken;
    double epochs, lr, time_limit;
    bool no_null_control, match_classes;
} classify_args;

extern const cli_command cli_command_classify;

static const cli_flag classify_flags[] = {
    CLI_FLAG(
        "model", TEXT, classify_args, model, .unit = "NAME", .fallback = "auto",
        .help =
            "auto climbs the ladder, cheapest first, within the time limit, and takes as headline "
            "the rung that is best on the select images; a name runs that rung alone: metadata, "
            "meancolor, patches, convnext_7k, convnext_120k, convnext_470k, convnext_atto, "
            "convnext_femto, convnext_pico, convnext_nano, convnext_tiny"),
    CLI_FLAG("size", COUNT, classify_args, size, .unit = "PX", .fallback = "64", .min = 8,
             .max = 512, .help = "side of the square a classifier sees, in pixels"),
    CLI_FLAG("train", COUNT, classify_args, n_train, .unit = "N",
             .shown = "70% of the smallest collection", .help = "training images per collection"),
    CLI_FLAG("select", COUNT, classify_args, n_select, .unit = "N",
             .shown = "10% of the smallest collection",
             .help = "images per collection on which the best rung is chosen"),
    CLI_FLAG("test", COUNT, classify_args, n_test, .unit = "N",
             .shown = "20% of the smallest collection",
             .help = "images per collection for the result, looked at once"),
    CLI_FLAG("samples-seen", COUNT, classify_args, samples_seen, .unit = "N",
             .shown = "planned from the time limit",
             .help = "images a network is shown in training, counted with repetition"),
    CLI_FLAG("epochs", REAL, classify_args, epochs, .unit = "X",
             .shown = "planned from the time limit", .max = 1e6,
             .help = "the same as passes over the training images; not with --samples-seen"),
    CLI_FLAG("batch", COUNT, classify_args, batch, .unit = "N", .shown = "the recipe's",
             .max = 65536, .help = "images per optimiser step of a network"),
    CLI_FLAG("lr", REAL, classify_args, lr, .unit = "X", .shown = "the recipe's", .max = 100,
             .help = "peak learning rate of a network"),
    CLI_FLAG(
        "augment", CHOICE, classify_args, augment, .shown = "the recipe's",
        .choices = "none|crop|randaug|full",
        .help =
            "how training images are varied: not at all, random crops and flips, with RandAugment, "
            "with mixup and CutMix too"),
    CLI_FLAG("near-duplicates", CHOICE, classify_args, near_duplicates, .fallback = "keep",
             .choices = "keep|drop|ignore",
             .help =
                 "images of a collection that look the same: kept in one part, all but one left "
                 "out, or not looked for"),
    CLI_FLAG("match-classes", SWITCH, classify_args, match_classes,
             .help = "only classes (folders or labels) that all collections name alike, as many "
                     "images of each"),
    CLI_FLAG("max-broken", COUNT, classify_args, max_broken, .unit = "N", .shown = "any number",
             .max = 1e12, .help = "end with an error if more image files than this cannot be used"),
    CLI_FLAG("no-null-control", SWITCH, classify_args, no_null_control,
             .help = "leave out the control run in which there is nothing to find"),
    CLI_FLAG("replay", TEXT, classify_args, replay, .unit = "RESULTS.json",
             .help = "repeat the plan of an earlier run exactly, whatever this machine's speed"),
    CLI_FLAG("seed", COUNT, classify_args, seed, .unit = "S", .fallback = "0",
             .help = "of everything random: splits, filters, initial weights, augmentation"),
    CLI_FLAG("time-limit", SECONDS, classify_args, time_limit, .unit = "SECONDS", .fallback = "600",
             .min = 1, .max = 1e9,
             .help =
                 "the plan is made to fit in it, from speed measured at the start; 90s, 10m, 2h"),
    CLI_FLAG(
        "out", TEXT, classify_args, out, .unit = "DIR", .fallback = "dsbias-out",
        .help =
            "where results.json, scores.csv, log.jsonl, report.html and model.safetensors go; made "
            "if missing, files of that name are replaced"),
    {.kind = CLI_END},
};

/* "convnext:depths=..." is a model of the user's own making; other names must be rungs. */
static bool is_model(const char *name, const char **near)
{
    enum { MAX = 64 };
    const char *names[MAX + 2];
    size_t n = 0;
    names[n++] = "auto";
    for (uint64_t i = 0; i < dsb_bias_rung_count() && n < MAX; i++)
        names[n++] = dsb_bias_rung_name(i);
    for (uint64_t i = 0; i < dsb_model_count() && n < MAX; i++)
        names[n++] = dsb_model_name(i);
    names[n] = NULL;
    *near = NULL;
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    if (strchr(name, ':'))
        return true;
    *near = cli_nearest(name, names);
    return false;
}

static int check(cli_context *cli, const classify_args *args)
{
    const char *near;
    if (!is_model(args->model, &near))
        return cli_usage(cli, "--model: there is no model '%s'%s%s%s", args->model,
                         near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    if (args->samples_seen && args->epochs > 0)
        return cli_usage(cli, "--samples-seen and --epochs say the same thing; give one");
    return CLI_OK;
}

static int run_classify(cli_context *cli, const void *arguments)
{
    const classify_args *args = arguments;
    const cli_parsed *parsed = cli->parsed;
    char *replay = NULL;
    size_t size;
    int code = check(cli, args);
    if (code == CLI_OK && args->replay)
        code = cli_read_file(cli, &replay, &size, args->replay);
    if (code != CLI_OK)
        return code;
    dsb_bias_opts opts;
    dsb_bias_opts_init(&opts, sizeof opts);
    opts.seed = args->seed;
    opts.n_train = args->n_train;
    opts.n_select = args->n_select;
    opts.n_test = args->n_test;
    opts.samples_seen = args->samples_seen;
    opts.epochs = args->epochs;
    opts.time_limit_s = args->time_limit;
    opts.lr = args->lr;
    opts.model = args->model;
    opts.augment = args->augment;
    opts.replay = replay;
    opts.command = cli->line;
    opts.size = (uint32_t)args->size;
    opts.batch_size = (uint32_t)args->batch;
    opts.null_control = !args->no_null_control;
    opts.match_classes = args->match_classes;
    if (cli_given(&cli_command_classify, parsed, "max-broken"))
        opts.max_broken = args->max_broken;
    opts.near_duplicates = args->near_duplicates[0] == 'k'   ? DSB_SPLIT_KEEP
                           : args->near_duplicates[0] == 'd' ? DSB_SPLIT_DROP
                                                             : DSB_SPLIT_IGNORE;
    code = cli_classify(cli, parsed->positional, parsed->n_positional, &opts, args->out);
    free(replay);
    return code;
}

const cli_command cli_command_classify = {
    .name = "classify",
    .summary = "can a classifier tell which collection an image comes from, how sure is that, and "
               "do pixels or mere file properties give it away?",
    .positional = "[NAME=]PATH [NAME=]PATH ...",
    .details =
        "Each PATH is a folder of images, read recursively and by content, or "
        "synthetic:CAMERA?n=500&seed=1, built-in pictures. Equal numbers of images are drawn from "
        "each and fall into train, select and test by seed; files with the same bytes and images "
        "that look the same never fall into two parts, nor do groups of a collection (option "
        "group, "
        "docs/datasets.md), and what is found in two collections is left out. The test images are "
        "looked at once.\n\n"
        "Prints the verdict with its evidence and writes a report into --out. Ctrl-C stops at the "
        "next step and writes what is known so far.\n\n"
        "Example: dsbias classify cats=photos/cats dogs=photos/dogs --time-limit 2m --out report",
    .flags = classify_flags,
    .args_size = sizeof(classify_args),
    .min_positional = 2,
    .max_positional = 64,
    .run = run_classify,
    .stops = true,
};
