/* dsbias stats: single calculations for the shell. */
#include "stats_cli.h"

#include <string.h>

static const cli_flag stats_flags[] = {
    CLI_FLAG("alpha", REAL, stats_args, alpha, .unit = "A", .fallback = "0.05", .min = 1e-15,
             .max = 0.999999, .help = "level of tests; intervals hold 1 - A"),
    CLI_FLAG("power", REAL, stats_args, power, .unit = "P", .fallback = "0.8", .min = 1e-6,
             .max = 0.999999, .help = "power that sample-size plans for"),
    CLI_FLAG("side", CHOICE, stats_args, side, .unit = "SIDE", .fallback = "two-sided",
             .choices = "two-sided|greater|less", .help = "alternative of the binomial test"),
    CLI_FLAG("scale", CHOICE, stats_args, scale, .unit = "NAME", .fallback = "linear",
             .choices = "linear|logit|probit|arcsine|cloglog", .help = "scale of a fit"),
    CLI_FLAG("column", TEXT, stats_args, column, .unit = "NAME",
             .help = "column of the file to use; the first of two"),
    CLI_FLAG("against", TEXT, stats_args, against, .unit = "NAME", .help = "the second column"),
    CLI_FLAG("kernel", CHOICE, stats_args, kernel, .unit = "NAME", .fallback = "gaussian",
             .choices = "gaussian|energy|cubic",
             .help = "kernel of mmd: energy gives the energy distance, cubic the KID of features"),
    CLI_FLAG("classifier", CHOICE, stats_args, classifier, .unit = "NAME", .fallback = "linear",
             .choices = "linear|nearest", .help = "of c2st"),
    CLI_FLAG("permutations", COUNT, stats_args, permutations, .unit = "N", .fallback = "1000",
             .min = 1, .max = 1e5, .help = "of mmd, permutation and sign-flip"),
    CLI_FLAG("bootstrap", COUNT, stats_args, bootstrap, .unit = "N", .fallback = "100000",
             .max = 1e7, .help = "fits to resampled points; 0 for none"),
    CLI_FLAG("bins", COUNT, stats_args, bins, .unit = "N", .fallback = "15", .min = 1, .max = 1e6,
             .help = "of calibration"),
    CLI_FLAG("step", REAL, stats_args, step, .unit = "ETA", .fallback = "0", .max = 1,
             .help = "of ladder; 0 for the form without parameters"),
    CLI_FLAG("seed", COUNT, stats_args, seed, .unit = "N", .fallback = "0",
             .help = "of resampling"),
    {.kind = CLI_END},
};

static const stats_calculation *find(const char *name)
{
    static const stats_calculation *const tables[] = {stats_of_numbers, stats_of_columns,
                                                      stats_of_points};
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const stats_calculation *c = tables[t]; c->name; c++)
            if (strcmp(c->name, name) == 0)
                return c;
    return NULL;
}

static int run_stats(cli_context *cli, const void *arguments)
{
    const char *name = cli->parsed->positional[0];
    const stats_calculation *c = find(name);
    if (!c)
        return cli_usage(cli, "there is no calculation '%s'", name);
    stats_output o = {cli, arguments, cli->parsed->positional + 1, cli->parsed->n_positional - 1,
                      false};
    bool half_table = strcmp(name, "mcnemar") == 0 && o.n == 3;
    if (o.n < c->min || o.n > c->max || half_table)
        return cli_usage(cli, "%s takes %s", name, c->operands);
    int code = c->run(&o);
    if (cli->parsed->common.json && o.any)
        puts("}");
    return code;
}

const cli_command cli_command_stats = {
    .name = "stats",
    .summary = "single calculations: intervals, tests, power, fits, calibration",
    .positional = "CALCULATION OPERAND ...",
    .details =
        "From numbers: interval K N; difference K1 N1 K2 N2; binomial K N P0; sample-size P0 "
        "DELTA; power N P0 DELTA; mcnemar N10 N01 [N11 N00]; paired-size DISAGREEMENT DELTA; "
        "adjust P P ...; best-of K; public-private WRONG N WRONG N; bound BITS N DELTA; cv N_TRAIN "
        "N_TEST SCORE ...; apportion TOTAL WEIGHT ...; folds N K [ITERATIONS].\n"
        "From one file: fit, correlation, clustered, sign-flip (two columns, --column and "
        "--against); calibration (columns label, pred, confidence); cochran (a column of 0/1 a "
        "model); bowker (square table); homogeneity (two columns of counts); label-shift "
        "CONFUSION PREDICTED; ladder (a column of losses a submission).\n"
        "From two files: ks, auc, permutation (one column of each); ks-outputs, mmd, c2st, frechet "
        "(points: all columns). Files are npy, JSON, CSV or text.\n"
        "Example: dsbias stats interval 1879 2021",
    .flags = stats_flags,
    .args_size = sizeof(stats_args),
    .min_positional = 1,
    .max_positional = STATS_OPERANDS + 1,
    .run = run_stats,
};
