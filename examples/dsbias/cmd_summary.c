/* dsbias summary: the layers of a model, and the memory a batch takes. */
#include "cli.h"
#include "model_flags.h"

#include <string.h>

typedef struct summary_args {
    model_args model;
    uint64_t batch;
} summary_args;

static const cli_flag summary_flags[] = {
    MODEL_FLAGS(summary_args),
    CLI_FLAG("batch", COUNT, summary_args, batch, .unit = "N", .fallback = "1", .min = 1,
             .max = 65536, .help = "images of a step, for the bytes"),
    {.kind = CLI_END},
};

static void print_row(const dsb_summary_row *row, int name_width)
{
    char output[64];
    snprintf(output, sizeof output, "%llu x %llu x %llu", (unsigned long long)row->height,
             (unsigned long long)row->width, (unsigned long long)row->channels);
    printf("%-*s %-10s %18s %12llu %14llu %14llu  %s\n", name_width, row->name, row->kind, output,
           (unsigned long long)row->parameters, (unsigned long long)row->macs,
           (unsigned long long)row->bytes, row->algorithm);
}

static void print_rows(const dsb_summary *summary)
{
    int width = (int)strlen("layer");
    for (uint64_t i = 0; i < dsb_summary_row_count(summary); i++) {
        dsb_summary_row row = {.struct_size = sizeof row};
        dsb_summary_row_get(summary, i, &row);
        if ((int)strlen(row.name) > width)
            width = (int)strlen(row.name);
    }
    printf("%-*s %-10s %18s %12s %14s %14s  %s\n", width, "layer", "kind", "output", "parameters",
           "MACs", "bytes", "algorithm");
    for (uint64_t i = 0; i < dsb_summary_row_count(summary); i++) {
        dsb_summary_row row = {.struct_size = sizeof row};
        dsb_summary_row_get(summary, i, &row);
        print_row(&row, width);
    }
}

static void print_totals(const dsb_summary *summary, const summary_args *args, uint32_t side)
{
    const double mib = 1.0 / 1048576;
    dsb_summary_totals t = {.struct_size = sizeof t};
    dsb_summary_totals_get(summary, &t);
    printf("\n%s, %u px\n", args->model.model, side);
    printf("parameters %llu", (unsigned long long)t.parameters);
    if (t.buffers > 0)
        printf(" and %llu buffers", (unsigned long long)t.buffers);
    printf(", %.1f MiB\n", (double)t.parameter_bytes * mib);
    printf("MACs       %llu an image\n", (unsigned long long)t.macs);
    printf("memory     batch %llu: training %.1f MiB (%.1f unshared) and gradients %.1f MiB; "
           "inference %.1f MiB (%.1f unshared)\n",
           (unsigned long long)args->batch, (double)t.train_bytes * mib,
           (double)t.train_unshared_bytes * mib, (double)t.gradient_bytes * mib,
           (double)t.infer_bytes * mib, (double)t.infer_unshared_bytes * mib);
}

static int run_summary(cli_context *cli, const void *arguments)
{
    const summary_args *args = arguments;
    dsb_model_opts opts;
    dsb_model *model = NULL;
    dsb_summary *summary = NULL;
    dsb_status status = model_opts(&opts, &args->model);
    if (status == DSB_OK)
        status = dsb_model_create(cli->rt, &model, args->model.model, &opts);
    if (status == DSB_OK)
        status = dsb_summary_create(model, &summary, args->batch);
    const int code = status == DSB_OK ? CLI_OK : cli_fail(cli, status);
    if (code == CLI_OK && cli->parsed->common.json) {
        fputs(dsb_summary_json(summary), stdout);
    } else if (code == CLI_OK) {
        print_rows(summary);
        print_totals(summary, args, opts.height);
    }
    dsb_summary_free(summary);
    dsb_model_free(model);
    return code;
}

const cli_command cli_command_summary = {
    .name = "summary",
    .summary = "the layers of a model: shapes, parameters, multiply-adds, memory",
    .positional = "",
    .details =
        "Prints a row a layer as the model declares it: output of an image (height, width, "
        "channels), parameters, multiply-adds of its products, bytes of its output for the batch, "
        "and how a training step does it ('folded': in one pass with a neighbour). Then the totals "
        "and the memory that the plan of a step and of a prediction takes.\n\n"
        "Example: dsbias summary --model resnet50 --size 224 --batch 16",
    .flags = summary_flags,
    .args_size = sizeof(summary_args),
    .run = run_summary,
};
