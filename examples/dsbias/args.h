/* Flags from a table. One row a flag drives parsing, checking, defaults and --help, so they cannot
 * disagree. A subcommand is one file cmd_<name>.c that defines
 *
 *     const cli_command cli_command_<name> = {"name", "what it does", ...};
 *
 * CMake finds the file and lists it; main.c and the help know it without an edit. Its arguments are
 * a struct of its own, filled from the table: switches are bool, counts uint64_t, reals and seconds
 * double, texts const char *, lists cli_list.
 */
#ifndef DSBIAS_CLI_ARGS_H
#define DSBIAS_CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum cli_kind {
    CLI_END = 0, /* ends a table */
    CLI_SWITCH,  /* --quiet               bool */
    CLI_COUNT,   /* --train 500           uint64_t, min..max */
    CLI_REAL,    /* --lr 1e-3             double, min..max */
    CLI_SECONDS, /* --time-limit 90, 10m  double, min..max; s, m, h may follow */
    CLI_TEXT,    /* --out DIR             const char * */
    CLI_CHOICE,  /* --augment crop        const char *, one of `choices` */
    CLI_LIST,    /* may be repeated       cli_list */
} cli_kind;

typedef struct cli_flag {
    const char *name; /* without the dashes */
    cli_kind kind;
    size_t offset;        /* of the field in the subcommand's struct */
    const char *unit;     /* what --help writes after the flag: "PX", "SECONDS" */
    const char *fallback; /* value when the flag is absent, parsed like a given one; NULL = zero */
    const char *shown;    /* default as --help says it when the value itself is no help */
    const char *help;     /* one sentence or two; wrapped by the printer */
    double min, max;      /* numbers: smallest and largest accepted; both 0 = any, counts >= 0 */
    const char *choices;  /* CLI_CHOICE: "none|crop|full" */
} cli_flag;

/* A row: CLI_FLAG("size", COUNT, my_args, size, .unit = "PX", .fallback = "64", .help = "...") */
#define CLI_FLAG(flag, type, args, field, ...)                                         \
    {                                                                                  \
        .name = flag, .kind = CLI_##type, .offset = offsetof(args, field), __VA_ARGS__ \
    }

enum { CLI_LIST_MAX = 64 };
typedef struct cli_list {
    const char *items[CLI_LIST_MAX];
    size_t n;
} cli_list;

struct cli_context;
typedef struct cli_command {
    const char *name;
    const char *summary;    /* one line for the list of subcommands */
    const char *positional; /* "[NAME=]PATH [NAME=]PATH ...", "" if none */
    const char *details;    /* paragraphs below the usage line */
    const cli_flag *flags;  /* ends with CLI_END; the common flags come by themselves */
    size_t args_size;       /* of the struct the flags point into */
    size_t min_positional, max_positional;
    int (*run)(struct cli_context *cli, const void *args); /* returns an exit code */
    bool stops; /* looks at signals between steps; without, the first ends the process at once */
} cli_command;

/* Every subcommand has these. */
typedef struct cli_common {
    bool help, quiet, json;
    uint64_t threads;
} cli_common;

typedef struct cli_parsed {
    cli_common common;
    uint64_t given; /* bit i: row i of the command's table was on the command line */
    const char **positional;
    size_t n_positional;
} cli_parsed;

/* Fills `args` and `parsed` from argv (without program and subcommand names). `positional` must
 * have room for n_argv entries. False: a message is on stderr, the exit code is CLI_USAGE. */
bool cli_parse(const cli_command *command, void *args, cli_parsed *parsed, const char **positional,
               int n_argv, char **argv);

/* Whether the user wrote the flag (as opposed to its default). */
bool cli_given(const cli_command *command, const cli_parsed *parsed, const char *flag);

void cli_print_help(const cli_command *command, FILE *to);
/* Text wrapped at 80 columns with a hanging indent; column is where the cursor stands. */
void cli_print_wrapped(FILE *to, const char *text, size_t column, size_t indent);

#endif
