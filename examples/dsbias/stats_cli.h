/* What the calculations of `dsbias stats` share: their arguments, how results are written ("name
 * value" lines, or one JSON object with --json), how operands are read. Calculations are rows of
 * tables, one table a file. */
#ifndef DSBIAS_CLI_STATS_CLI_H
#define DSBIAS_CLI_STATS_CLI_H

#include "cli.h"

typedef struct stats_args {
    double alpha, power, step;
    const char *side, *scale, *column, *against, *kernel, *classifier;
    uint64_t permutations, bootstrap, bins, seed;
} stats_args;

enum { STATS_OPERANDS = 1000 };

typedef struct stats_output {
    cli_context *cli;
    const stats_args *args;
    const char **words; /* operands */
    size_t n;
    bool any;
} stats_output;

typedef struct stats_calculation {
    const char *name, *operands;
    size_t min, max; /* operands */
    int (*run)(stats_output *o);
} stats_calculation;
/* Each ends with a row of zeros. */
extern const stats_calculation stats_of_numbers[], stats_of_columns[], stats_of_points[];

void stats_put_name(stats_output *o, const char *name);
void stats_put_number(double value);
void stats_put(stats_output *o, const char *name, double value);
void stats_put_interval(stats_output *o, const char *name, const double ci[2]);
void stats_put_row(stats_output *o, const char *name, const double *row, size_t n);

/* Operand i as a count or a number; the first n as counts. */
int stats_count_at(stats_output *o, uint64_t *value, size_t i);
int stats_number_at(stats_output *o, double *value, size_t i);
int stats_counts(stats_output *o, uint64_t *value, size_t n);

#define NEED(call)           \
    do {                     \
        int code_ = (call);  \
        if (code_ != CLI_OK) \
            return code_;    \
    } while (0)
#define CHECK(call)                           \
    do {                                      \
        dsb_status status_ = (call);          \
        if (status_ < 0)                      \
            return cli_fail(o->cli, status_); \
    } while (0)

#endif
