/* See args.h. */
#include "args.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "nearest.h"

static const cli_flag common_flags[] = {
    CLI_FLAG("json", SWITCH, cli_common, json, .help = "print the result as JSON on stdout"),
    CLI_FLAG("quiet", SWITCH, cli_common, quiet,
             .help = "no progress line and no notes on stderr, errors only"),
    CLI_FLAG("threads", COUNT, cli_common, threads, .unit = "T",
             .shown = "the CPUs this process may use", .max = 64,
             .help = "worker threads; results do not depend on their number"),
    CLI_FLAG("help", SWITCH, cli_common, help, .help = "print this and exit"),
    {.kind = CLI_END},
};

static const cli_flag *find_flag(const cli_flag *flags, const char *name, size_t size)
{
    for (; flags && flags->kind != CLI_END; flags++)
        if (strlen(flags->name) == size && memcmp(flags->name, name, size) == 0)
            return flags;
    return NULL;
}

static bool complain(const cli_command *command, const char *flag, const char *what,
                     const char *value)
{
    fprintf(stderr, "dsbias %s: --%s: %s", command->name, flag, what);
    if (value)
        fprintf(stderr, ", not '%s'", value);
    fprintf(stderr, "\nTry 'dsbias %s --help'.\n", command->name);
    return false;
}

static bool unknown_flag(const cli_command *command, const char *name, size_t size)
{
    char typed[64];
    snprintf(typed, sizeof typed, "%.*s", (int)size, name);
    const char *names[128];
    size_t n = 0;
    for (const cli_flag *f = command->flags; f && f->kind != CLI_END && n < 120; f++)
        names[n++] = f->name;
    for (const cli_flag *f = common_flags; f->kind != CLI_END; f++)
        names[n++] = f->name;
    names[n] = NULL;
    fprintf(stderr, "dsbias %s: there is no flag --%s", command->name, typed);
    const char *near = cli_nearest(typed, names);
    if (near)
        fprintf(stderr, "; did you mean --%s?", near);
    fprintf(stderr, "\nTry 'dsbias %s --help'.\n", command->name);
    return false;
}

/* "a count from 1 to 64", "a number of at least 0": what the row accepts. */
static void describe_range(char *text, size_t size, const cli_flag *flag)
{
    const char *what = flag->kind == CLI_COUNT ? "a whole number" : "a number";
    if (flag->kind == CLI_SECONDS)
        what = "a time such as 90, 10m or 2h";
    if (flag->max > flag->min)
        snprintf(text, size, "expected %s from %.12g to %.12g", what, flag->min, flag->max);
    else if (flag->min > 0)
        snprintf(text, size, "expected %s of at least %.12g", what, flag->min);
    else
        snprintf(text, size, "expected %s", what);
}

static bool in_range(const cli_flag *flag, double x)
{
    return flag->max > flag->min ? x >= flag->min && x <= flag->max : x >= flag->min;
}

static bool parse_count(uint64_t *out, const char *text)
{
    if (!isdigit((unsigned char)text[0]))
        return false;
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    *out = value;
    return errno == 0 && *end == '\0';
}

static bool parse_real(double *out, const char *text, bool is_time)
{
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (end == text || isspace((unsigned char)text[0]) || !isfinite(value))
        return false;
    if (is_time && *end && end[1] == '\0') {
        double unit = *end == 's' ? 1 : *end == 'm' ? 60 : *end == 'h' ? 3600 : 0;
        if (unit == 0)
            return false;
        value *= unit;
        end++;
    }
    *out = value;
    return *end == '\0';
}

static bool is_choice(const char *choices, const char *value)
{
    size_t size = strlen(value);
    for (const char *p = choices; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
        if (strncmp(p, value, size) == 0 && (p[size] == '|' || p[size] == '\0') && size > 0)
            return true;
    return false;
}

static bool set_value(const cli_command *command, const cli_flag *flag, void *args,
                      const char *value)
{
    char expected[160];
    describe_range(expected, sizeof expected, flag);
    char *place = (char *)args + flag->offset;
    uint64_t count;
    double real;
    switch (flag->kind) {
    case CLI_COUNT:
        if (!parse_count(&count, value) || !in_range(flag, (double)count))
            return complain(command, flag->name, expected, value);
        memcpy(place, &count, sizeof count);
        return true;
    case CLI_REAL:
    case CLI_SECONDS:
        if (!parse_real(&real, value, flag->kind == CLI_SECONDS) || !in_range(flag, real))
            return complain(command, flag->name, expected, value);
        memcpy(place, &real, sizeof real);
        return true;
    case CLI_CHOICE:
        if (!is_choice(flag->choices, value)) {
            snprintf(expected, sizeof expected, "expected one of %s", flag->choices);
            return complain(command, flag->name, expected, value);
        }
        memcpy(place, &value, sizeof value);
        return true;
    case CLI_LIST: {
        cli_list *list = (cli_list *)(void *)place;
        if (list->n == CLI_LIST_MAX)
            return complain(command, flag->name, "given too often (64 times at most)", NULL);
        list->items[list->n++] = value;
        return true;
    }
    case CLI_TEXT:
        if (!*value)
            return complain(command, flag->name, "the value is empty", NULL);
        memcpy(place, &value, sizeof value);
        return true;
    case CLI_SWITCH:
    case CLI_END:
        break;
    }
    return true;
}

/* One "--flag", "--flag=value" or "--flag value" at argv[*i]; moves *i past a value. */
static bool parse_flag(const cli_command *command, void *args, cli_parsed *parsed, int *i,
                       int n_argv, char **argv)
{
    const char *name = argv[*i] + 2;
    size_t size = strcspn(name, "=");
    const cli_flag *flag = find_flag(command->flags, name, size);
    void *into = args;
    if (flag) {
        parsed->given |= UINT64_C(1) << (size_t)(flag - command->flags);
    } else {
        flag = find_flag(common_flags, name, size);
        into = &parsed->common;
    }
    if (!flag)
        return unknown_flag(command, name, size);
    const char *value = name[size] == '=' ? name + size + 1 : NULL;
    if (flag->kind == CLI_SWITCH) {
        if (value)
            return complain(command, flag->name, "takes no value", NULL);
        *(bool *)((char *)into + flag->offset) = true;
        return true;
    }
    if (!value) {
        if (*i + 1 >= n_argv)
            return complain(command, flag->name, "needs a value", NULL);
        value = argv[++*i];
    }
    return set_value(command, flag, into, value);
}

static bool set_defaults(const cli_command *command, const cli_flag *flags, void *args)
{
    for (; flags && flags->kind != CLI_END; flags++)
        if (flags->fallback && !set_value(command, flags, args, flags->fallback))
            return false;
    return true;
}

static bool check_positional(const cli_command *command, const cli_parsed *parsed)
{
    size_t n = parsed->n_positional;
    if (n > command->max_positional && command->max_positional == 0)
        fprintf(stderr, "dsbias %s: takes flags only, but there is '%s'\n", command->name,
                parsed->positional[0]);
    else if (n > command->max_positional)
        fprintf(stderr, "dsbias %s: %zu arguments where at most %zu are expected (%s)\n",
                command->name, n, command->max_positional, command->positional);
    else if (n < command->min_positional)
        fprintf(stderr, "dsbias %s: expected %s%s\n", command->name, command->positional,
                n == 0 ? "" : ", one is not enough");
    else
        return true;
    fprintf(stderr, "Try 'dsbias %s --help'.\n", command->name);
    return false;
}

bool cli_parse(const cli_command *command, void *args, cli_parsed *parsed, const char **positional,
               int n_argv, char **argv)
{
    memset(parsed, 0, sizeof *parsed);
    parsed->positional = positional;
    if (!set_defaults(command, command->flags, args) ||
        !set_defaults(command, common_flags, &parsed->common))
        return false;
    bool flags_ended = false;
    for (int i = 0; i < n_argv; i++) {
        const char *word = argv[i];
        if (flags_ended || word[0] != '-' || word[1] == '\0') {
            positional[parsed->n_positional++] = word;
        } else if (strcmp(word, "--") == 0) {
            flags_ended = true;
        } else if (strcmp(word, "-h") == 0) {
            parsed->common.help = true;
        } else if (word[1] != '-') {
            fprintf(stderr, "dsbias %s: '%s' is no flag; flags begin with two dashes\n",
                    command->name, word);
            fprintf(stderr, "Try 'dsbias %s --help'.\n", command->name);
            return false;
        } else if (!parse_flag(command, args, parsed, &i, n_argv, argv)) {
            return false;
        }
    }
    return parsed->common.help || check_positional(command, parsed);
}

bool cli_given(const cli_command *command, const cli_parsed *parsed, const char *flag)
{
    const cli_flag *row = find_flag(command->flags, flag, strlen(flag));
    return row && (parsed->given >> (size_t)(row - command->flags) & 1);
}

void cli_print_wrapped(FILE *to, const char *text, size_t column, size_t indent)
{
    for (size_t spaces = 0; *text;) { /* those in front of a word are written with it */
        size_t word = strcspn(text, " \n");
        if (*text == '\n' || (column + spaces + word > 80 && column > indent)) {
            fprintf(to, "\n%*s", (int)indent, "");
            column = indent;
            spaces = 0;
            text += *text == '\n';
            continue;
        }
        fprintf(to, "%*s%.*s", (int)spaces, "", (int)word, text);
        column += spaces + word;
        text += word;
        spaces = strspn(text, " ");
        text += spaces;
    }
    fputc('\n', to);
}

static void print_flags(const cli_flag *flags, FILE *to)
{
    enum { COLUMN = 24 };
    for (; flags && flags->kind != CLI_END; flags++) {
        const char *unit = flags->kind == CLI_CHOICE ? flags->choices : flags->unit;
        int used = fprintf(to, "  --%s%s%s", flags->name, unit ? " " : "", unit ? unit : "");
        if (used > COLUMN - 2)
            used = 0, fputc('\n', to);
        fprintf(to, "%*s", COLUMN - used, "");
        const char *fallback = flags->shown ? flags->shown : flags->fallback;
        char text[1024];
        snprintf(text, sizeof text, "%s%s%s%s", flags->help, fallback ? " (default: " : "",
                 fallback ? fallback : "", fallback ? ")" : "");
        cli_print_wrapped(to, text, COLUMN, COLUMN);
    }
}

void cli_print_help(const cli_command *command, FILE *to)
{
    fprintf(to, "Usage: dsbias %s [flags]%s%s\n\n", command->name, *command->positional ? " " : "",
            command->positional);
    cli_print_wrapped(to, command->details, 0, 0);
    fprintf(to, "\nFlags (--flag VALUE or --flag=VALUE):\n");
    print_flags(command->flags, to);
    print_flags(common_flags, to);
}
