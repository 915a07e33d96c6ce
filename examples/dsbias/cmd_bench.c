/* dsbias bench: how fast a model runs on this machine, and where the time goes. */
#include "cli.h"
#include "model_flags.h"

#include <string.h>

typedef struct bench_args {
    model_args model;
    const char *mode, *optimiser, *isa;
    uint64_t batch, repeats, warmup;
    bool layers;
} bench_args;

static const cli_flag bench_flags[] = {
    MODEL_FLAGS(bench_args),
    CLI_FLAG("batch", COUNT, bench_args, batch, .unit = "N", .fallback = "16", .min = 1,
             .max = 65536, .help = "images of a step"),
    CLI_FLAG("mode", CHOICE, bench_args, mode, .unit = "MODE", .fallback = "train",
             .choices = "train|infer",
             .help = "train: whole steps with loss and optimiser; infer: logits only"),
    CLI_FLAG("optimiser", CHOICE, bench_args, optimiser, .unit = "O", .fallback = "adamw",
             .choices = "adamw|sgd", .help = "of a training step; sgd has momentum"),
    CLI_FLAG("repeats", COUNT, bench_args, repeats, .unit = "R", .fallback = "10", .min = 1,
             .max = 1000, .help = "timed steps; the median counts"),
    CLI_FLAG("warmup", COUNT, bench_args, warmup, .unit = "R", .fallback = "2", .min = 1,
             .max = 1000, .help = "steps before the clock starts"),
    CLI_FLAG("layers", SWITCH, bench_args, layers,
             .help = "also a table of the layers: seconds, 10^9 operations a second, share of the "
                     "peak, bytes a second"),
    CLI_FLAG("isa", CHOICE, bench_args, isa, .unit = "LEVEL", .fallback = "auto",
             .choices = "auto|generic|avx2|avx512",
             .help = "highest instruction set to use; the peak is that of the same level"),
    {.kind = CLI_END},
};

static uint32_t isa_of(const char *name)
{
    for (uint32_t isa = DSB_ISA_GENERIC; isa <= DSB_ISA_AVX512; isa++)
        if (strcmp(dsb_isa_name(isa), name) == 0)
            return isa;
    return DSB_ISA_AUTO;
}

static double rate(uint64_t amount, double seconds)
{
    return seconds > 0 ? (double)amount / seconds * 1e-9 : 0;
}

static void print_layer(const dsb_bench_layer *layer, double peak)
{
    const double forward = rate(layer->operations_forward, layer->seconds_forward);
    const double backward = rate(layer->operations_backward, layer->seconds_backward);
    printf("%-30s %-11s %8.3f %8.3f %7.0f %7.0f %5.0f %5.0f %7.1f %7.1f\n", layer->name,
           layer->kind, layer->seconds_forward * 1e3, layer->seconds_backward * 1e3, forward,
           backward, 100 * forward / peak, 100 * backward / peak,
           rate(layer->bytes_forward, layer->seconds_forward),
           rate(layer->bytes_backward, layer->seconds_backward));
}

/* The layers in order, then what no layer accounts for. */
static void print_layers(const dsb_bench *bench, const dsb_bench_figures *figures)
{
    double forward = 0, backward = 0;
    printf("\n%-30s %-11s %17s %15s %11s %15s\n", "", "", "milliseconds", "GFLOP/s", "% of peak",
           "GB/s");
    printf("%-30s %-11s %8s %8s %7s %7s %5s %5s %7s %7s\n", "layer", "kind", "fwd", "bwd", "fwd",
           "bwd", "fwd", "bwd", "fwd", "bwd");
    for (uint64_t i = 0; i < dsb_bench_layer_count(bench); i++) {
        dsb_bench_layer layer = {.struct_size = sizeof layer};
        dsb_bench_layer_get(bench, i, &layer);
        print_layer(&layer, figures->peak_gflops);
        forward += layer.seconds_forward;
        backward += layer.seconds_backward;
    }
    printf("%-42s %8.3f %8.3f\n", "all layers", forward * 1e3, backward * 1e3);
    printf("%-42s %8.3f\n", "rest of the least step (loss, norm, optimiser)",
           (figures->seconds_min - forward - backward) * 1e3);
}

static void print_bench(const dsb_bench *bench, const bench_args *args, uint32_t side,
                        const dsb_runtime *rt)
{
    dsb_bench_figures f = {.struct_size = sizeof f};
    dsb_bench_figures_get(bench, &f);
    printf("%s, %u px, batch %llu, %s, %llu threads, %s\n", args->model.model, side,
           (unsigned long long)args->batch, args->mode, (unsigned long long)dsb_runtime_threads(rt),
           dsb_isa_name(dsb_runtime_isa(rt)));
    printf("speed    %.4g images/s (step %.4g ms, %.4g to %.4g)\n", f.images_per_second,
           f.seconds_median * 1e3, f.seconds_min * 1e3, f.seconds_max * 1e3);
    printf("products %.4g GFLOP/s, %.1f %% of the %.4g GFLOP/s of multiply-adds alone\n", f.gflops,
           100 * f.share_of_peak, f.peak_gflops);
    const double mib = 1.0 / 1048576;
    printf("memory   %.1f MiB at most in the process; planned %.1f: activations %.1f, "
           "parameters %.1f, gradients %.1f, optimiser %.1f\n",
           (double)f.peak_memory_bytes * mib, (double)f.planned_bytes * mib,
           (double)f.activation_bytes * mib, (double)f.parameter_bytes * mib,
           (double)f.gradient_bytes * mib, (double)f.optimiser_bytes * mib);
    if (args->layers)
        print_layers(bench, &f);
}

static dsb_status measure(cli_context *cli, const bench_args *args,
                          const dsb_model_opts *model_opts, dsb_runtime **rt, dsb_bench **bench)
{
    dsb_runtime_opts runtime;
    dsb_runtime_opts_init(&runtime, sizeof runtime);
    runtime.n_threads = cli->parsed->common.threads;
    runtime.isa_max = isa_of(args->isa);
    dsb_model *model = NULL;
    dsb_status status = dsb_runtime_create(rt, &runtime);
    if (status == DSB_OK)
        status = dsb_model_create(*rt, &model, args->model.model, model_opts);
    dsb_train_opts train;
    dsb_train_opts_init(&train, sizeof train);
    train.optimiser = strcmp(args->optimiser, "sgd") == 0 ? DSB_OPTIMISER_SGD : DSB_OPTIMISER_ADAMW;
    dsb_bench_opts opts;
    dsb_bench_opts_init(&opts, sizeof opts);
    opts.train = &train;
    opts.batch_size = args->batch;
    opts.n_repeats = args->repeats;
    opts.n_warmup = args->warmup;
    opts.mode = strcmp(args->mode, "infer") == 0 ? DSB_BENCH_INFER : DSB_BENCH_TRAIN;
    opts.layers = args->layers;
    if (status == DSB_OK)
        status = dsb_bench_run(*rt, bench, model, &opts);
    dsb_model_free(model);
    return status;
}

static int run_bench(cli_context *cli, const void *arguments)
{
    const bench_args *args = arguments;
    dsb_runtime *rt = NULL;
    dsb_bench *bench = NULL;
    dsb_model_opts opts;
    dsb_status status = model_opts(&opts, &args->model);
    if (status == DSB_OK)
        status = measure(cli, args, &opts, &rt, &bench);
    const int code = status == DSB_OK ? CLI_OK : cli_fail(cli, status);
    if (code == CLI_OK && cli->parsed->common.json)
        fputs(dsb_bench_json(bench), stdout);
    else if (code == CLI_OK)
        print_bench(bench, args, opts.height, rt);
    dsb_bench_free(bench);
    dsb_runtime_free(rt);
    return code;
}

const cli_command cli_command_bench = {
    .name = "bench",
    .summary = "speed of a model on this machine: images a second, share of the peak, memory",
    .positional = "",
    .details =
        "Runs a model with fresh weights on noise and prints images a second (the median of the "
        "timed steps), the share of what the same threads reach on multiply-adds alone, measured "
        "in the same run, and the memory. Training times the whole step, the optimiser included. "
        "Numbers are worth "
        "reading on a machine that does nothing else.",
    .flags = bench_flags,
    .args_size = sizeof(bench_args),
    .run = run_bench,
};
