/* See stats_cli.h. */
#include "stats_cli.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

void stats_put_name(stats_output *o, const char *name)
{
    if (o->cli->parsed->common.json)
        printf("%s\"%s\": ", o->any ? ", " : "{", name);
    else
        printf("%-22s ", name);
    o->any = true;
}

void stats_put_number(double value)
{
    char text[40];
    for (int digits = 6; digits <= 17; digits++) { /* shortest that reads back */
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    fputs(text, stdout);
}

void stats_put(stats_output *o, const char *name, double value)
{
    bool json = o->cli->parsed->common.json;
    stats_put_name(o, name);
    if (!isfinite(value) && json)
        fputs("null", stdout);
    else
        stats_put_number(value);
    if (!json)
        putchar('\n');
}

void stats_put_interval(stats_output *o, const char *name, const double ci[2])
{
    bool json = o->cli->parsed->common.json;
    stats_put_name(o, name);
    fputs("[", stdout);
    for (int i = 0; i < 2; i++) {
        fputs(i ? ", " : "", stdout);
        if (!isfinite(ci[i]) && json)
            fputs("null", stdout);
        else
            stats_put_number(ci[i]);
    }
    fputs(json ? "]" : "]\n", stdout);
}

void stats_put_row(stats_output *o, const char *name, const double *row, size_t n)
{
    bool json = o->cli->parsed->common.json;
    stats_put_name(o, name);
    fputs(json ? "[" : "", stdout);
    for (size_t i = 0; i < n; i++) {
        fputs(i ? (json ? ", " : " ") : "", stdout);
        if (!isfinite(row[i]) && json)
            fputs("null", stdout);
        else
            stats_put_number(row[i]);
    }
    fputs(json ? "]" : "\n", stdout);
}

int stats_count_at(stats_output *o, uint64_t *value, size_t i)
{
    char *end;
    errno = 0;
    const char *text = o->words[i];
    *value = strtoull(text, &end, 10);
    if (errno || *end || text[0] < '0' || text[0] > '9')
        return cli_usage(o->cli, "'%s' is no count", text);
    return CLI_OK;
}

int stats_number_at(stats_output *o, double *value, size_t i)
{
    char *end;
    *value = strtod(o->words[i], &end);
    if (end == o->words[i] || *end || !isfinite(*value))
        return cli_usage(o->cli, "'%s' is no number", o->words[i]);
    return CLI_OK;
}

int stats_counts(stats_output *o, uint64_t *value, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int code = stats_count_at(o, &value[i], i);
        if (code != CLI_OK)
            return code;
    }
    return CLI_OK;
}
