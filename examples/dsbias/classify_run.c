/* See classify_run.h. */
#include "classify_run.h"

#include <stdlib.h>
#include <string.h>
#include "files.h"

/* directory/name. Caller frees. */
static char *join_path(const char *directory, const char *name)
{
    size_t size = strlen(directory) + strlen(name) + 2;
    char *path = malloc(size);
    if (path)
        snprintf(path, size, "%s/%s", directory, name);
    return path;
}

static int write_report(cli_context *cli, const char *json, const char *directory)
{
    char *html = NULL, *path = join_path(directory, "report.html");
    size_t size;
    int code = CLI_MEMORY;
    if (path) {
        dsb_status status = dsb_report_classify_html(cli->rt, &html, &size, json, strlen(json));
        code = status == DSB_OK ? cli_write_file(cli, path, html, size) : cli_fail(cli, status);
    }
    dsb_report_free(cli->rt, html);
    free(path);
    return code;
}

static int show(cli_context *cli, const char *json, const char *directory)
{
    if (cli->parsed->common.json) {
        fputs(json, stdout);
        return CLI_OK;
    }
    char *text;
    dsb_status status = dsb_report_classify_text(cli->rt, &text, NULL, json, strlen(json),
                                                 cli->colour ? DSB_REPORT_COLOUR : 0);
    if (status != DSB_OK)
        return cli_fail(cli, status);
    printf("%s\nreport   %s/report.html\nrecord   %s/results.json\n", text, directory, directory);
    dsb_report_free(cli->rt, text);
    return CLI_OK;
}

int cli_classify(cli_context *cli, const char *const *specs, size_t n_specs,
                 const dsb_bias_opts *opts, const char *directory)
{
    dsb_bias_result *result = NULL;
    int code = cli_check_folder(cli, directory);
    if (code != CLI_OK)
        return code;
    dsb_status ran = dsb_bias_classify(cli->rt, &result, specs, n_specs, opts, cli_event, cli);
    if (!result)
        return cli_fail(cli, ran);
    cli_clear_progress(cli);
    const char *json = dsb_bias_result_json(result);
    dsb_status status = dsb_bias_result_write(result, directory);
    if (status != DSB_OK)
        code = cli_fail(cli, status);
    if (code == CLI_OK)
        code = write_report(cli, json, directory);
    int shown = show(cli, json, directory);
    if (code == CLI_OK)
        code = shown;
    if (ran != DSB_OK) { /* stopped: what is known was written all the same */
        int stopped = cli_fail(cli, ran);
        code = code == CLI_OK ? stopped : code;
    }
    dsb_bias_result_free(result);
    return code;
}
