/* See pattern.h. */
#include "data/pattern.h"

#include <glob.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { MAX_PATH = 4096, MAX_BRACES = 8 };

typedef struct expansion {
    const char *text;
    dsbi_pattern_fn fn;
    void *user;
    size_t n;
} expansion;

bool dsbi_is_pattern(const char *text)
{
    return strpbrk(text, "{*?[") != NULL;
}

static dsb_status give(expansion *self, const char *path)
{
    if (self->n++ == DSBI_PATTERN_MAX)
        return dsbi_fail(DSB_E_LIMIT, "%s: more than %d files", self->text, DSBI_PATTERN_MAX);
    return self->fn(self->user, path);
}

static dsb_status match(expansion *self, const char *path)
{
    if (!strpbrk(path, "*?["))
        return give(self, path);
    glob_t found;
    int error = glob(path, GLOB_NOESCAPE, NULL, &found);
    if (error == GLOB_NOSPACE)
        return dsbi_fail(DSB_E_NOMEM, "no memory for the names %s", path);
    if (error)
        return DSB_OK; /* no match */
    dsb_status status = DSB_OK;
    for (size_t i = 0; status == DSB_OK && i < found.gl_pathc; i++)
        status = give(self, found.gl_pathv[i]);
    globfree(&found);
    return status;
}

/* "00000..00099": digits on both sides, the width is the longer one's if a side begins with 0. */
static bool parse_range(const char *text, size_t size, uint64_t bounds[2], int *width)
{
    const char *dots = memchr(text, '.', size);
    size_t sizes[2] = {dots ? (size_t)(dots - text) : 0, 0};
    if (!dots || sizes[0] + 2 > size || dots[1] != '.')
        return false;
    sizes[1] = size - sizes[0] - 2;
    const char *sides[2] = {text, dots + 2};
    *width = 0;
    for (size_t s = 0; s < 2; s++) {
        bounds[s] = 0;
        if (sizes[s] == 0 || sizes[s] > 15)
            return false;
        for (size_t i = 0; i < sizes[s]; i++) {
            if (sides[s][i] < '0' || sides[s][i] > '9')
                return false;
            bounds[s] = bounds[s] * 10 + (uint64_t)(sides[s][i] - '0');
        }
        if (sides[s][0] == '0' && sizes[s] > 1 && (int)sizes[s] > *width)
            *width = (int)sizes[s];
    }
    return true;
}

static dsb_status expand(expansion *self, const char *path, unsigned depth);

/* `path` with bytes [open, close] replaced by `size` bytes of `with`. */
static dsb_status replace(expansion *self, const char *path, const char *open, const char *close,
                          const char *with, size_t size, unsigned depth)
{
    char next[MAX_PATH];
    int n = snprintf(next, sizeof next, "%.*s%.*s%s", (int)(open - path), path, (int)size, with,
                     close + 1);
    if (n < 0 || (size_t)n >= sizeof next)
        return dsbi_fail(DSB_E_LIMIT, "a path above %d bytes", MAX_PATH - 1);
    return expand(self, next, depth + 1);
}

static dsb_status expand(expansion *self, const char *path, unsigned depth)
{
    const char *open = strchr(path, '{'), *close = open ? strchr(open, '}') : NULL;
    if (!open)
        return match(self, path);
    if (!close || depth == MAX_BRACES)
        return dsbi_fail(DSB_E_INVALID, "%s: %s", self->text,
                         close ? "too many braces" : "a brace is not closed");
    uint64_t bounds[2];
    int width;
    if (parse_range(open + 1, (size_t)(close - open - 1), bounds, &width)) {
        for (uint64_t i = bounds[0]; i <= bounds[1]; i++) {
            char number[32];
            int size = snprintf(number, sizeof number, "%0*llu", width, (unsigned long long)i);
            DSBI_TRY(replace(self, path, open, close, number, (size_t)size, depth));
        }
        return DSB_OK;
    }
    for (const char *at = open + 1;;) {
        size_t size = strcspn(at, ",}");
        DSBI_TRY(replace(self, path, open, close, at, size, depth));
        if (at[size] == '}')
            return DSB_OK;
        at += size + 1;
    }
}

dsb_status dsbi_pattern_expand(const char *text, dsbi_pattern_fn fn, void *user)
{
    expansion self = {.text = text, .fn = fn, .user = user};
    return expand(&self, text, 0);
}
