/* dsbias data: what there is in collections of images, and what is wrong with it. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

typedef struct data_args {
    uint64_t list;
    bool headers_only, strict;
} data_args;

static const cli_flag data_flags[] = {
    CLI_FLAG("list", COUNT, data_args, list, .unit = "N", .fallback = "1000", .min = 1, .max = 1e9,
             .help = "broken files, duplicates and folders named at most, each; all are counted"),
    CLI_FLAG("headers-only", SWITCH, data_args, headers_only,
             .help = "do not decode the images: faster, but files that are damaged inside go "
                     "unnoticed"),
    CLI_FLAG("strict", SWITCH, data_args, strict,
             .help = "exit code 1 if a file is broken or found in two collections"),
    {.kind = CLI_END},
};

/* Opens all collections; those opened are in `datasets` even after a failure. */
static dsb_status open_all(cli_context *cli, const data_args *args, dsb_dataset **datasets)
{
    dsb_dataset_opts opts;
    dsb_dataset_opts_init(&opts, sizeof opts);
    opts.verify = !args->headers_only;
    for (size_t i = 0; i < cli->parsed->n_positional; i++) {
        dsb_status status = dsb_dataset_open(cli->rt, &datasets[i], cli->parsed->positional[i],
                                             &opts, cli_event, cli);
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

static int run_data(cli_context *cli, const void *arguments)
{
    const data_args *args = arguments;
    size_t n = cli->parsed->n_positional, size;
    char *json = NULL;
    bool faults = false;
    int code;
    dsb_dataset **datasets = calloc(n, sizeof *datasets);
    if (!datasets)
        return CLI_MEMORY;
    dsb_status status = open_all(cli, args, datasets);
    cli_clear_progress(cli);
    if (status == DSB_OK)
        status = dsb_data_summary(cli->rt, &json, &size, (const dsb_dataset *const *)datasets, n,
                                  args->list);
    if (status == DSB_OK && args->strict)
        status = find_faults(cli, datasets, n, &faults);
    code = status == DSB_OK ? show(cli, json, size) : cli_fail(cli, status);
    if (code == CLI_OK && faults)
        code = CLI_CHECK_FAILED;
    dsb_data_text_free(cli->rt, json);
    for (size_t i = 0; i < n; i++)
        dsb_dataset_free(datasets[i]);
    free(datasets);
    return code;
}

const cli_command cli_command_data = {
    .name = "data",
    .summary = "what is in collections of images: formats, sizes, broken files, duplicates",
    .positional = "[NAME=]PATH ...",
    .details = "Reads each folder recursively, tells images by their content and not by their "
               "name, and decodes every one. Prints what there is, names each file that cannot be "
               "used and why, and files with the same bytes within and across the collections.",
    .flags = data_flags,
    .args_size = sizeof(data_args),
    .min_positional = 1,
    .max_positional = 64,
    .run = run_data,
};
