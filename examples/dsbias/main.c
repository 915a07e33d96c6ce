/* dsbias: the library on the command line. Picks the subcommand, reads its flags, runs it.
 * The list of subcommands is made from the files cmd_*.c beside this one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"
#include "nearest.h"

extern const cli_command *const cli_commands[]; /* NULL-ended */

static const cli_command *find_command(const char *name)
{
    for (const cli_command *const *c = cli_commands; *c; c++)
        if (strcmp((*c)->name, name) == 0)
            return *c;
    return NULL;
}

static void print_overview(FILE *to)
{
    fprintf(to,
            "dsbias %s: can a classifier tell which collection an image comes from?\n\n"
            "Usage: dsbias SUBCOMMAND [flags] ...\n\nSubcommands:\n",
            dsb_version());
    for (const cli_command *const *c = cli_commands; *c; c++) {
        int used = fprintf(to, "  %-12s", (*c)->name);
        cli_print_wrapped(to, (*c)->summary, (size_t)used, (size_t)used);
    }
    fprintf(
        to,
        "\n'dsbias SUBCOMMAND --help' explains one; 'dsbias --version' names the build.\n"
        "\nExample:\n  dsbias classify photos/ renders/ --out report\n"
        "\nResults go to stdout, messages and progress to stderr.\n"
        "Exit codes: 0 done, 1 a check failed, 2 wrong command line, 3 the data cannot be used,\n"
        "4 reading or writing failed, 5 out of memory, 130 interrupted (143 by SIGTERM), 70 a\n"
        "defect of dsbias.\n");
}

static int unknown_command(const char *typed)
{
    enum { MAX = 64 };
    const char *names[MAX + 1];
    size_t n = 0;
    for (const cli_command *const *c = cli_commands; *c && n < MAX; c++)
        names[n++] = (*c)->name;
    names[n] = NULL;
    fprintf(stderr, "dsbias: there is no subcommand '%s'", typed);
    const char *near = cli_nearest(typed, names);
    if (near)
        fprintf(stderr, "; did you mean '%s'?", near);
    fprintf(stderr, "\nTry 'dsbias --help'.\n");
    return CLI_USAGE;
}

/* argv as one line a shell would read back, for the record. Caller frees. */
static char *join(int argc, char **argv)
{
    size_t size = 1;
    for (int i = 0; i < argc; i++)
        size += 4 * strlen(argv[i]) + 3;
    char *line = malloc(size), *p = line;
    for (int i = 0; line && i < argc; i++) {
        const char *word = i == 0 ? "dsbias" : argv[i];
        bool plain = *word && strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                           "0123456789_-+./=:,@%?&") == strlen(word);
        if (i > 0)
            *p++ = ' ';
        if (!plain)
            *p++ = '\'';
        for (; *word; word++) {
            if (*word == '\'')
                p = (char *)memcpy(p, "'\\'", 3) + 3;
            *p++ = *word;
        }
        if (!plain)
            *p++ = '\'';
    }
    if (line)
        *p = '\0';
    return line;
}

/* Text that could not be written is a failure even when the run went well. */
static int check_stdout(int code)
{
    int failed = fflush(stdout) != 0;
    if (!failed && !ferror(stdout))
        return code;
    fprintf(stderr, "dsbias: cannot write to standard output: %s\n", strerror(errno));
    return code == CLI_OK ? CLI_IO : code;
}

static int run(const cli_command *command, int argc, char **argv)
{
    int code = CLI_MEMORY;
    void *args = calloc(1, command->args_size ? command->args_size : 1);
    const char **positional = calloc((size_t)argc, sizeof *positional);
    char *line = join(argc, argv);
    if (!args || !positional || !line) {
        fprintf(stderr, "dsbias: no memory for the command line\n");
        goto done;
    }
    cli_parsed parsed;
    if (!cli_parse(command, args, &parsed, positional, argc - 2, argv + 2)) {
        code = CLI_USAGE;
        goto done;
    }
    if (parsed.common.help) {
        cli_print_help(command, stdout);
        code = CLI_OK;
        goto done;
    }
    cli_context cli;
    dsb_status status = cli_open(&cli, command, &parsed, line);
    code = status == DSB_OK ? command->run(&cli, args) : cli_fail(&cli, status);
    cli_close(&cli);
done:
    free(line);
    free(positional);
    free(args);
    return code;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_overview(stderr);
        return CLI_USAGE;
    }
    const char *first = argv[1];
    int code;
    const cli_command *command = find_command(first);
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0 || strcmp(first, "help") == 0) {
        const cli_command *about = argc > 2 ? find_command(argv[2]) : NULL;
        if (argc > 2 && !about)
            return unknown_command(argv[2]);
        if (about)
            cli_print_help(about, stdout);
        else
            print_overview(stdout);
        code = CLI_OK;
    } else if (strcmp(first, "--version") == 0) {
        printf("dsbias %s\n%s\n", dsb_version(), dsb_build_info());
        code = CLI_OK;
    } else if (!command) {
        return unknown_command(first);
    } else {
        code = run(command, argc, argv);
    }
    return check_stdout(code);
}
