/* dsbias report: the page or the summary again, from the record of an earlier run. */
#include "cli.h"
#include "files.h"

#include <stdlib.h>
#include <string.h>

typedef struct report_args {
    const char *out;
} report_args;

static const cli_flag report_flags[] = {
    CLI_FLAG("out", TEXT, report_args, out, .unit = "FILE",
             .shown = "report.html beside the record", .help = "where to write the page"),
    {.kind = CLI_END},
};

/* "dir/results.json" -> "dir/report.html". Caller frees. */
static char *beside(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t folder = slash ? (size_t)(slash - path) + 1 : 0;
    char *out = malloc(folder + sizeof "report.html");
    if (out) {
        memcpy(out, path, folder);
        memcpy(out + folder, "report.html", sizeof "report.html");
    }
    return out;
}

/* The kinds of records; a record names its own in "schema", and a writer refuses another's. */
static const struct {
    dsb_status (*html)(dsb_runtime *, char **, size_t *, const char *, size_t);
    dsb_status (*text)(dsb_runtime *, char **, size_t *, const char *, size_t, uint32_t);
} kinds[] = {
    {dsb_report_classify_html, dsb_report_classify_text},
    {dsb_report_shift_html, dsb_report_shift_text},
    {dsb_report_data_html, dsb_report_data_text},
};

static dsb_status make(cli_context *cli, char **html, size_t *html_size, char **text,
                       const char *json, size_t size)
{
    dsb_status status = DSB_E_FORMAT;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] && status == DSB_E_FORMAT; i++) {
        status = kinds[i].html(cli->rt, html, html_size, json, size);
        if (status == DSB_OK)
            status =
                kinds[i].text(cli->rt, text, NULL, json, size, cli->colour ? DSB_REPORT_COLOUR : 0);
    }
    return status;
}

static int run_report(cli_context *cli, const void *arguments)
{
    const report_args *args = arguments;
    const char *record = cli->parsed->positional[0];
    char *json = NULL, *html = NULL, *text = NULL, *path = NULL;
    size_t json_size, html_size;
    dsb_status status = DSB_OK;
    int code = cli_read_file(cli, &json, &json_size, record);
    if (code != CLI_OK)
        goto done;
    status = make(cli, &html, &html_size, &text, json, json_size);
    if (status != DSB_OK) {
        code = cli_fail_at(cli, status, record);
        goto done;
    }
    path = args->out ? strdup(args->out) : beside(record);
    code = path ? cli_write_file(cli, path, html, html_size) : CLI_MEMORY;
    if (code != CLI_OK)
        goto done;
    if (cli->parsed->common.json)
        fwrite(json, 1, json_size, stdout);
    else
        printf("%s\nreport   %s\n", text, path);
done:
    free(path);
    free(json);
    dsb_report_free(cli->rt, html);
    dsb_report_free(cli->rt, text);
    return code;
}

const cli_command cli_command_report = {
    .name = "report",
    .summary = "write the report of an earlier run again, from its results.json",
    .positional = "RESULTS.json",
    .details = "Reads the record of a run and writes the page report.html made from it; prints the "
               "summary (with --json the record). Nothing is computed again.",
    .flags = report_flags,
    .args_size = sizeof(report_args),
    .min_positional = 1,
    .max_positional = 1,
    .run = run_report,
};
