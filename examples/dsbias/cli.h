/* What every subcommand stands on: the runtime, the exit codes, messages, signals, progress.
 * Results go to stdout; everything else to stderr. */
#ifndef DSBIAS_CLI_CLI_H
#define DSBIAS_CLI_CLI_H

#include "args.h"
#include "dsbias/dsbias.h"

enum cli_exit {
    CLI_OK = 0,
    CLI_CHECK_FAILED = 1, /* it ran, and what was asked to hold does not */
    CLI_USAGE = 2,        /* the command line */
    CLI_INPUT = 3,        /* the data: missing, unreadable as what they should be, too few */
    CLI_IO = 4,           /* the operating system refused to read or write */
    CLI_MEMORY = 5,
    CLI_DEFECT = 70,      /* a defect of dsbias itself */
    CLI_INTERRUPTED = 128 /* plus the signal: 130 after Ctrl-C, 143 after SIGTERM */
};

typedef struct cli_context {
    const cli_command *command;
    const cli_parsed *parsed;
    dsb_runtime *rt;
    const char *line; /* the command line as one text, for the record */
    bool progress;    /* stderr is a terminal that can redraw a line, and not --quiet */
    bool colour;      /* stdout is a terminal that wants colour */
    double drawn;     /* when the progress line was last drawn, monotonic seconds */
    bool is_drawn;
    char stage[64];
} cli_context;

/* Creates the runtime and takes the signals; cli_close gives both back. */
dsb_status cli_open(cli_context *cli, const cli_command *command, const cli_parsed *parsed,
                    const char *line);
void cli_close(cli_context *cli);

/* Prints dsb_last_error() and returns the exit code that belongs to `status`. */
int cli_fail(cli_context *cli, dsb_status status);
/* The same with a place in front: "results.json: record: ...". */
int cli_fail_at(cli_context *cli, dsb_status status, const char *place);
/* A mistake on the command line that the table cannot see. Returns CLI_USAGE. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
int cli_usage(cli_context *cli, const char *format, ...);
/* A line on stderr that is worth reading even without progress; silent with --quiet. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void cli_note(cli_context *cli, const char *format, ...);

/* dsb_event_fn with the cli as `user`: draws progress, asks to stop after a signal. */
int32_t cli_event(void *user, const dsb_event *event);

/* The signal that asked to stop, 0 if none did. */
int cli_signal(void);

/* Removes the progress line so that other text can be written. */
void cli_clear_progress(cli_context *cli);
double cli_now(void);

#endif
