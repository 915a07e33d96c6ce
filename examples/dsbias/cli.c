/* See cli.h. */
#include "cli.h"
#include "plain.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t stop_signal;

/* The first signal asks the run to end at its next step; the second ends the process. */
static void on_signal(int number)
{
    if (stop_signal)
        _exit(CLI_INTERRUPTED + number);
    stop_signal = number;
    static const char text[] =
        "\ndsbias: stopping after this step; interrupt again to end at once\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
    (void)ignored;
}

static void take_signals(bool stops)
{
    /* "dsbias ... | head" ends like any other filter, without a message */
    signal(SIGPIPE, SIG_DFL);
    if (!stops)
        return;
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

int cli_signal(void)
{
    return stop_signal;
}

static bool can_redraw(void)
{
    const char *term = getenv("TERM");
    return isatty(STDERR_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

static bool wants_colour(void)
{
    const char *term = getenv("TERM"), *none = getenv("NO_COLOR");
    return isatty(STDOUT_FILENO) && !(none && *none) && term && strcmp(term, "dumb") != 0;
}

static void on_log(void *user, int32_t level, const char *area, const char *text)
{
    cli_context *cli = user;
    cli_clear_progress(cli);
    fprintf(stderr, "dsbias: %s%s: ", level == DSB_LOG_ERROR ? "" : "warning: ", area);
    cli_put_plain(stderr, text);
    fputc('\n', stderr);
}

dsb_status cli_open(cli_context *cli, const cli_command *command, const cli_parsed *parsed,
                    const char *line)
{
    *cli = (cli_context){.command = command, .parsed = parsed, .line = line};
    cli->progress = !parsed->common.quiet && can_redraw();
    cli->colour = wants_colour();
    dsb_runtime_opts opts;
    dsb_runtime_opts_init(&opts, sizeof opts);
    opts.n_threads = parsed->common.threads;
    opts.log = on_log;
    opts.log_user = cli;
    opts.log_level = DSB_LOG_WARN;
    dsb_status status = dsb_runtime_create(&cli->rt, &opts);
    if (status == DSB_OK)
        take_signals(command->stops);
    return status;
}

void cli_close(cli_context *cli)
{
    cli_clear_progress(cli);
    dsb_runtime_free(cli->rt);
    cli->rt = NULL;
}

static int exit_code(dsb_status status)
{
    switch (status) {
    case DSB_OK:
        return CLI_OK;
    case DSB_E_INVALID:
        return CLI_USAGE;
    case DSB_E_IO:
        return CLI_IO;
    case DSB_E_NOMEM:
        return CLI_MEMORY;
    case DSB_E_CANCELLED:
        return CLI_INTERRUPTED + (cli_signal() ? cli_signal() : SIGINT);
    case DSB_E_INTERNAL:
    case DSB_E_STATE:
        return CLI_DEFECT;
    default:
        return CLI_INPUT;
    }
}

int cli_fail_at(cli_context *cli, dsb_status status, const char *place)
{
    char text[4200];
    const char *sentence = dsb_last_error();
    snprintf(text, sizeof text, "%s", *sentence ? sentence : dsb_status_name(status));
    cli_clear_progress(cli);
    if (status == DSB_E_CANCELLED) {
        fprintf(stderr, "dsbias %s: stopped\n", cli->command->name);
    } else {
        fprintf(stderr, "dsbias %s: ", cli->command->name);
        cli_put_plain(stderr, place);
        fputs(*place ? ": " : "", stderr);
        cli_put_plain(stderr, text);
        fputc('\n', stderr);
    }
    if (exit_code(status) == CLI_DEFECT)
        fprintf(stderr, "This is a defect of dsbias; please report it with the command line and "
                        "'dsbias info'.\n");
    return exit_code(status);
}

int cli_fail(cli_context *cli, dsb_status status)
{
    return cli_fail_at(cli, status, "");
}

static void print_plain(const char *format, va_list args)
{
    char text[4200];
    vsnprintf(text, sizeof text, format, args);
    cli_put_plain(stderr, text);
}

int cli_usage(cli_context *cli, const char *format, ...)
{
    va_list args;
    cli_clear_progress(cli);
    fprintf(stderr, "dsbias %s: ", cli->command->name);
    va_start(args, format);
    print_plain(format, args);
    va_end(args);
    fprintf(stderr, "\nTry 'dsbias %s --help'.\n", cli->command->name);
    return CLI_USAGE;
}

void cli_note(cli_context *cli, const char *format, ...)
{
    if (cli->parsed->common.quiet)
        return;
    va_list args;
    cli_clear_progress(cli);
    fprintf(stderr, "dsbias: ");
    va_start(args, format);
    print_plain(format, args);
    va_end(args);
    fputc('\n', stderr);
}
