/* See nearest.h. */
#include "nearest.h"

#include <stddef.h>
#include <string.h>

enum { MAX_NAME = 40 };

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t edit_distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    if (n > MAX_NAME || m > MAX_NAME)
        return MAX_NAME;
    size_t d[MAX_NAME + 1][MAX_NAME + 1]; /* d[i][j]: first i letters of a to first j of b */
    for (size_t i = 0; i <= n; i++)
        d[i][0] = i;
    for (size_t j = 0; j <= m; j++)
        d[0][j] = j;
    for (size_t i = 1; i <= n; i++)
        for (size_t j = 1; j <= m; j++) {
            size_t cost = a[i - 1] != b[j - 1];
            d[i][j] = smaller(smaller(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + cost);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = smaller(d[i][j], d[i - 2][j - 2] + 1);
        }
    return d[n][m];
}

const char *cli_nearest(const char *typed, const char *const *names)
{
    const char *best = NULL;
    size_t size = strlen(typed), least = size / 3 + 2;
    if (size > 0 && size < 3)
        least = 2;
    for (; *names; names++) {
        size_t distance = edit_distance(typed, *names);
        /* half a name ("time", "null") points at the whole one */
        if (size >= 3 && strstr(*names, typed))
            distance = 1;
        if (distance < least) {
            least = distance;
            best = *names;
        }
    }
    return best;
}
