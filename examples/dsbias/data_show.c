/* dsbias data show: a contact sheet for a look. */
#include "data_actions.h"
#include "plain.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool ends_with(const char *text, const char *ending)
{
    size_t n = strlen(text), m = strlen(ending);
    return n >= m && strcasecmp(text + n - m, ending) == 0;
}

static dsb_status save(const dsb_sheet *sheet, const char *path)
{
    const dsb_image *image = dsb_sheet_image(sheet);
    return ends_with(path, ".png") ? dsb_image_save_png(image, path)
                                   : dsb_image_save_jpeg(image, path, 90, 0x11);
}

/* Rows that show something else than the row above; nothing to say where all show the same. */
static void print_rows(const dsb_sheet *sheet)
{
    const char *last = dsb_sheet_row_name(sheet, 0);
    uint64_t n = dsb_sheet_row_count(sheet);
    if (strcmp(last, dsb_sheet_row_name(sheet, n - 1)) == 0)
        return;
    for (uint64_t row = 0; row < n; row++) {
        const char *name = dsb_sheet_row_name(sheet, row);
        if (row == 0 || name != last) {
            printf("row %-4llu ", (unsigned long long)row + 1);
            cli_put_plain(stdout, name);
            putchar('\n');
        }
        last = name;
    }
}

static dsb_status print_sheet(cli_context *cli, const dsb_sheet *sheet, const char *path)
{
    const dsb_image *image = dsb_sheet_image(sheet);
    if (!cli->parsed->common.json) {
        print_rows(sheet);
        printf("%llu images, %llu crossed out, %u x %u pixels: ",
               (unsigned long long)dsb_sheet_count(sheet),
               (unsigned long long)dsb_sheet_broken_count(sheet), dsb_image_width(image),
               dsb_image_height(image));
        cli_put_plain(stdout, path);
        putchar('\n');
        return DSB_OK;
    }
    char *json;
    size_t size;
    dsb_status status = dsb_sheet_json(sheet, &json, &size);
    if (status == DSB_OK)
        fwrite(json, 1, size, stdout);
    dsb_data_text_free(cli->rt, json);
    return status;
}

int data_show(cli_context *cli, const data_args *args, const data_sets *sets)
{
    if (!ends_with(args->out, ".png") && !ends_with(args->out, ".jpg") &&
        !ends_with(args->out, ".jpeg"))
        return cli_usage(cli, "--out %s: a name that ends with .png or .jpg", args->out);
    dsb_sheet_opts opts;
    dsb_sheet_opts_init(&opts, sizeof opts);
    opts.seed = args->seed;
    opts.tiles = (uint32_t)args->tiles;
    opts.columns = (uint32_t)args->columns;
    opts.tile = (uint32_t)args->tile;
    opts.by_class = args->by_class;
    dsb_sheet *sheet;
    dsb_status status = dsb_sheet_create(cli->rt, &sheet, (const dsb_dataset *const *)sets->items,
                                         sets->n, &opts, cli_event, cli);
    cli_clear_progress(cli);
    if (status == DSB_OK)
        status = save(sheet, args->out);
    if (status == DSB_OK)
        status = print_sheet(cli, sheet, args->out);
    dsb_sheet_free(sheet);
    return status == DSB_OK ? CLI_OK : cli_fail(cli, status);
}
