/* The progress line: stage, bar, count, rate, time left, latest metric; at most ten times a second,
 * on one line of the terminal, gone when something else is written.
 *
 *     train convnext_470k  [######........]  41%  9,216/22,400  312/s  43 s left  loss 0.712
 */
#include "cli.h"
#include "plain.h"

#include <math.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

double cli_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void cli_clear_progress(cli_context *cli)
{
    if (!cli->is_drawn)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    cli->is_drawn = false;
}

static void format_time(char *text, size_t size, double seconds)
{
    if (seconds < 60)
        snprintf(text, size, "%.0f s", ceil(seconds));
    else if (seconds < 3600)
        snprintf(text, size, "%d:%02d min", (int)seconds / 60, (int)seconds % 60);
    else
        snprintf(text, size, "%.1f h", seconds / 3600);
}

static void format_rate(char *text, size_t size, double rate)
{
    if (rate >= 1e4)
        snprintf(text, size, "%.0fk/s", rate / 1e3);
    else
        snprintf(text, size, rate < 10 ? "%.1f/s" : "%.0f/s", rate);
}

/* "train x  [####....]  41%  9216/22400  312/s  43 s left" */
static int format_known(char *line, size_t size, const dsb_event *event)
{
    enum { WIDTH = 20 };
    double share = (double)event->done / (double)event->total;
    share = share > 1 ? 1 : share;
    char bar[WIDTH + 1], rate[32] = "", left[48] = "";
    for (int i = 0; i < WIDTH; i++)
        bar[i] = i < (int)(share * WIDTH) ? '#' : '.';
    bar[WIDTH] = '\0';
    if (event->done > 0 && event->seconds > 0.2) {
        double per_second = (double)event->done / event->seconds;
        format_rate(rate, sizeof rate, per_second);
        if (event->done < event->total) {
            char time[32];
            format_time(time, sizeof time, (double)(event->total - event->done) / per_second);
            snprintf(left, sizeof left, "  %s left", time);
        }
    }
    return snprintf(line, size, "%s  [%s] %3.0f%%  %llu/%llu  %s%s", event->stage, bar, 100 * share,
                    (unsigned long long)event->done, (unsigned long long)event->total, rate, left);
}

static void draw(const dsb_event *event)
{
    char line[512];
    int used;
    if (event->total > 0)
        used = format_known(line, sizeof line, event);
    else
        used =
            snprintf(line, sizeof line, "%s  %llu", event->stage, (unsigned long long)event->done);
    if (used > 0 && (size_t)used < sizeof line && !isnan(event->value) && event->value_name &&
        *event->value_name)
        snprintf(line + used, sizeof line - (size_t)used, "  %s %.3f", event->value_name,
                 event->value);
    struct winsize window = {0};
    size_t columns = 80;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 10)
        columns = window.ws_col;
    cli_make_plain(line); /* the stage holds a collection's name */
    fprintf(stderr, "\r\033[K%.*s", (int)columns - 1, line);
    fflush(stderr);
}

int32_t cli_event(void *user, const dsb_event *event)
{
    cli_context *cli = user;
    if (cli->progress && event->stage) {
        double now = cli_now();
        bool is_new = strncmp(cli->stage, event->stage, sizeof cli->stage - 1) != 0;
        bool ends = event->total > 0 && event->done >= event->total;
        if (is_new || ends || now - cli->drawn >= 0.1) {
            snprintf(cli->stage, sizeof cli->stage, "%s", event->stage);
            cli->drawn = now;
            draw(event);
            cli->is_drawn = true;
        }
    }
    return cli_signal() != 0;
}
