/* dsbias data: what there is in collections of images, and what is wrong with it. */
#include "data_actions.h"
#include "files.h"

#include <stdlib.h>
#include <string.h>

static const cli_flag data_flags[] = {
    CLI_FLAG("list", COUNT, data_args, list, .unit = "N", .fallback = "1000", .min = 1, .max = 1e9,
             .help = "broken files, duplicates and folders named at most, each; all are counted"),
    CLI_FLAG("headers-only", SWITCH, data_args, headers_only,
             .help = "do not decode the images: faster, but files that are damaged inside go "
                     "unnoticed, and --max-scans and --max-blocks look at nothing"),
    CLI_FLAG("html", TEXT, data_args, html, .unit = "FILE",
             .help = "scan: writes a page with tables and histograms, too"),
    CLI_FLAG("pixels", COUNT, data_args, pixels, .unit = "N", .fallback = "2000", .max = 1e9,
             .help = "scan: images of each collection whose light and colour are measured"),
    CLI_FLAG("max-pixels", COUNT, data_args, max_pixels, .unit = "N", .fallback = "178956970",
             .min = 1, .max = 1e15, .help = "images of more pixels are broken"),
    CLI_FLAG("max-scans", COUNT, data_args, max_scans, .unit = "N", .fallback = "100", .min = 1,
             .max = 1e9, .help = "JPEG files of more scans are broken"),
    CLI_FLAG("max-blocks", COUNT, data_args, max_blocks, .unit = "N", .fallback = "33554432",
             .min = 1, .max = 1e15,
             .help = "JPEG files whose scans visit more 8 x 8 blocks are broken: bounds the time"),
    CLI_FLAG("max-file-bytes", COUNT, data_args, max_file_bytes, .unit = "N",
             .fallback = "134217728", .min = 1, .max = 1e12,
             .help = "files and members of more bytes are broken"),
    CLI_FLAG("max-unpacked-bytes", COUNT, data_args, max_unpacked_bytes, .unit = "N",
             .fallback = "17179869184", .min = 1, .max = 1e15,
             .help = "gzip and zip streams may unpack to so many bytes on disk"),
    CLI_FLAG("max-depth", COUNT, data_args, max_depth, .unit = "N", .fallback = "32", .max = 1000,
             .help = "folders nested deeper are skipped"),
    CLI_FLAG("strict", SWITCH, data_args, strict,
             .help = "exit code 1 if a file is broken or found in two collections"),
    CLI_FLAG("max-broken", COUNT, data_args, max_broken, .unit = "N", .max = 1e12,
             .help = "verify: exit code 1 if more files are broken; default 0"),
    CLI_FLAG("near", SWITCH, data_args, near,
             .help = "duplicates: images that look the same, not only equal files"),
    CLI_FLAG("decoded", SWITCH, data_args, decoded,
             .help = "duplicates: images with equal pixels, whatever their files look like"),
    CLI_FLAG("to", CHOICE, data_args, to, .fallback = "webdataset",
             .choices = "webdataset|folder|npy|cifar", .help = "convert: what to write"),
    CLI_FLAG("size", COUNT, data_args, size, .unit = "PX", .max = 4096,
             .help = "convert: side images are reduced to, the middle cut; default as they are. "
                     "bench: default 224"),
    CLI_FLAG("quality", COUNT, data_args, quality, .unit = "N", .max = 100,
             .help = "convert: stored anew as JPEG of this quality; default the bytes as they are"),
    CLI_FLAG("per-shard", COUNT, data_args, per_shard, .unit = "N", .fallback = "10000", .min = 1,
             .max = 1e9, .help = "convert: images a tar shard"),
    CLI_FLAG("out", TEXT, data_args, out, .unit = "FILE", .fallback = "sheet.png",
             .help = "show: where the sheet is written, .png or .jpg"),
    CLI_FLAG("tiles", COUNT, data_args, tiles, .unit = "N", .max = 10000,
             .shown = "64, or one row each", .help = "show: images of each collection or class"),
    CLI_FLAG("columns", COUNT, data_args, columns, .unit = "N", .max = 1000, .shown = "a square",
             .help = "show: images a row"),
    CLI_FLAG("tile", COUNT, data_args, tile, .unit = "PX", .fallback = "128", .min = 8, .max = 1024,
             .help = "show: side of each image"),
    CLI_FLAG("by-class", SWITCH, data_args, by_class, .help = "show: rows for each class"),
    CLI_FLAG("seed", COUNT, data_args, seed, .unit = "N", .fallback = "0",
             .help = "show: another seed draws other images; scan: measures others"),
    CLI_FLAG("augment", CHOICE, data_args, augment, .fallback = "crop",
             .choices = "none|shift|crop|randaug|full", .help = "bench: what is done to images"),
    CLI_FLAG("fast", SWITCH, data_args, fast,
             .help = "bench: decode no more of a JPEG file than its crop needs, and large ones at "
                     "a reduced size"),
    CLI_FLAG("filter", CHOICE, data_args, filter, .fallback = "bilinear",
             .choices = "bilinear|bicubic", .help = "bench: how images are resized"),
    CLI_FLAG("batches", COUNT, data_args, batches, .unit = "N", .fallback = "20", .min = 1,
             .max = 1e9, .help = "bench: batches of 128 images"),
    CLI_FLAG("warmup", COUNT, data_args, warmup, .unit = "N", .fallback = "8", .max = 1e9,
             .help = "bench: batches before the clock starts"),
    CLI_FLAG("prefetch", COUNT, data_args, prefetch, .unit = "N", .fallback = "4", .min = 1,
             .max = 64, .help = "bench: batches made ahead"),
    {.kind = CLI_END},
};

enum action { SCAN, VERIFY, DUPLICATES, CONVERT, SHOW, BENCH, N_ACTIONS };
static const char *const action_names[N_ACTIONS] = {"scan",    "verify", "duplicates",
                                                    "convert", "show",   "bench"};

/* Opens all collections; those opened are in `datasets` even after a failure. A sheet decodes what
 * it shows and nothing else, unless an index keeps what is decoded now for later. */
static dsb_status open_all(cli_context *cli, enum action action, const data_args *args,
                           const char *const *specs, size_t n, dsb_dataset **datasets)
{
    dsb_dataset_opts opts;
    dsb_dataset_opts_init(&opts, sizeof opts);
    for (size_t i = 0; i < n; i++) {
        opts.max_pixels = args->max_pixels;
        opts.max_blocks = args->max_blocks;
        opts.max_scans = (uint32_t)args->max_scans;
        opts.max_file_bytes = args->max_file_bytes;
        opts.max_unpacked_bytes = args->max_unpacked_bytes;
        opts.max_depth = (uint32_t)args->max_depth;
        opts.verify = !args->headers_only && (action != SHOW || strstr(specs[i], "index="));
        dsb_status status =
            dsb_dataset_open(cli->rt, &datasets[i], specs[i], &opts, cli_event, cli);
        if (status != DSB_OK)
            return status;
    }
    return DSB_OK;
}

/* Whether a file is broken or lies in two collections. */
static dsb_status find_faults(cli_context *cli, dsb_dataset *const *datasets, size_t n,
                              bool *faults)
{
    dsb_duplicates *duplicates;
    dsb_status status =
        dsb_duplicates_find(cli->rt, &duplicates, (const dsb_dataset *const *)datasets, n);
    *faults = false;
    for (size_t i = 0; status == DSB_OK && i < n; i++)
        *faults = *faults || dsb_dataset_broken_count(datasets[i]) > 0 ||
                  dsb_duplicates_shared(duplicates, i) > 0;
    dsb_duplicates_free(duplicates);
    return status;
}

static int show(cli_context *cli, const char *json, size_t size)
{
    if (cli->parsed->common.json) {
        fwrite(json, 1, size, stdout);
        return CLI_OK;
    }
    char *text;
    dsb_status status =
        dsb_report_data_text(cli->rt, &text, NULL, json, size, cli->colour ? DSB_REPORT_COLOUR : 0);
    if (status != DSB_OK)
        return cli_fail(cli, status);
    fputs(text, stdout);
    dsb_report_free(cli->rt, text);
    return CLI_OK;
}

/* The page made from a summary. */
static int write_page(cli_context *cli, const char *path, const char *json, size_t size)
{
    char *html;
    size_t html_size;
    dsb_status status = dsb_report_data_html(cli->rt, &html, &html_size, json, size);
    if (status != DSB_OK)
        return cli_fail(cli, status);
    int code = cli_write_file(cli, path, html, html_size);
    dsb_report_free(cli->rt, html);
    return code;
}

static int run_scan(cli_context *cli, const data_args *args, const data_sets *sets)
{
    const dsb_dataset *const *items = (const dsb_dataset *const *)sets->items;
    char *json = NULL;
    size_t size;
    bool faults = false;
    dsb_survey_opts opts;
    dsb_survey_opts_init(&opts, sizeof opts);
    opts.max_listed = args->list;
    opts.n_pixels = args->pixels;
    opts.seed = args->seed;
    dsb_status status =
        dsb_data_survey(cli->rt, &json, &size, items, sets->n, &opts, cli_event, cli);
    cli_clear_progress(cli);
    if (status == DSB_OK && args->strict)
        status = find_faults(cli, sets->items, sets->n, &faults);
    int code = status == DSB_OK ? show(cli, json, size) : cli_fail(cli, status);
    if (code == CLI_OK && args->html)
        code = write_page(cli, args->html, json, size);
    if (code == CLI_OK && faults)
        code = CLI_CHECK_FAILED;
    dsb_data_text_free(cli->rt, json);
    return code;
}

/* Without an action's name the first word is a collection: scan. */
static enum action find_action(const char *word, bool *is_named)
{
    for (int a = 0; a < N_ACTIONS; a++)
        if (strcmp(word, action_names[a]) == 0) {
            *is_named = true;
            return (enum action)a;
        }
    *is_named = false;
    return SCAN;
}

static int run_action(cli_context *cli, enum action action, const data_args *args,
                      const data_sets *sets, const char *out)
{
    switch (action) {
    case VERIFY:
        return data_verify(cli, args, sets);
    case DUPLICATES:
        return data_duplicates(cli, args, sets);
    case CONVERT:
        return data_convert(cli, args, sets, out);
    case SHOW:
        return data_show(cli, args, sets);
    case BENCH:
        return data_bench(cli, args, sets);
    default:
        return run_scan(cli, args, sets);
    }
}

static int run_data(cli_context *cli, const void *arguments)
{
    const data_args *args = arguments;
    const char **words = cli->parsed->positional, *out = NULL;
    bool is_named;
    enum action action = find_action(words[0], &is_named);
    size_t n = cli->parsed->n_positional - is_named;
    words += is_named;
    if (action == CONVERT) {
        if (n != 2)
            return cli_usage(cli, "convert takes a collection and where to write it");
        out = words[--n];
    }
    if (n == 0)
        return cli_usage(cli, "%s needs a collection", action_names[action]);
    data_sets sets = {.items = calloc(n, sizeof *sets.items), .n = n};
    if (!sets.items)
        return CLI_MEMORY;
    dsb_status status = open_all(cli, action, args, words, n, sets.items);
    cli_clear_progress(cli);
    int code = status == DSB_OK ? run_action(cli, action, args, &sets, out) : cli_fail(cli, status);
    for (size_t i = 0; i < n; i++)
        dsb_dataset_free(sets.items[i]);
    free(sets.items);
    return code;
}

const cli_command cli_command_data = {
    .name = "data",
    .summary = "what is in collections of images: formats, sizes, broken files, duplicates",
    .positional = "[ACTION] [NAME=]PATH[?option=value&...] ...",
    .details =
        "ACTION scan (the default): tells images by their content and not by their name, "
        "decodes every one, prints what there is, names each file that cannot be used and "
        "why, and files with the same bytes within and across the collections. verify: names "
        "what is broken, exit code 1 if anything is. duplicates: groups of equal files, or "
        "with --decoded of equal pixels, with --near of images that look the same. convert PATH "
        "OUT: writes a collection as "
        "tar shards, a folder, a NumPy array or CIFAR records. show: a contact sheet, drawn "
        "by seed; files that cannot be decoded are crossed out. bench: images a second "
        "through the loader. PATH is a folder, tar shards, CIFAR, IDX, npy, npz, CSV ...: "
        "docs/datasets.md has all formats and their options; ?index=FILE.dsbx keeps what a "
        "scan found. A folder named like an action is written ./scan.",
    .flags = data_flags,
    .args_size = sizeof(data_args),
    .min_positional = 1,
    .max_positional = 64,
    .run = run_data,
    .stops = true,
};
