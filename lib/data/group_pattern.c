/* See group_pattern.h. */
#include "data/group_pattern.h"

#include <string.h>

enum { MAX_PATTERN = 256, MAX_STEPS = 65536 };

bool dsbi_is_group_pattern(const char *text)
{
    return strchr(text, '(') || strcmp(text, "folder") == 0;
}

dsb_status dsbi_group_pattern_check(const char *text)
{
    if (strcmp(text, "folder") == 0)
        return DSB_OK;
    const char *open = strchr(text, '('), *shut = open ? strchr(open, ')') : NULL;
    if (!shut || strchr(open + 1, '(') || strchr(shut + 1, ')') || strchr(text, ')') != shut)
        return dsbi_fail(DSB_E_INVALID,
                         "option group=%s: one pair of parentheses says what names the group",
                         text);
    if (strlen(text) > MAX_PATTERN)
        return dsbi_fail(DSB_E_INVALID, "option group: a pattern above %d characters", MAX_PATTERN);
    return DSB_OK;
}

typedef struct attempt {
    const char *start, *end; /* of the piece */
    int steps;
} attempt;

/* Each level of recursion takes a wildcard or parenthesis. */
static bool match(attempt *self, const char *p, const char *t)
{
    for (;; p++, t++) {
        if (self->steps-- <= 0)
            return false;
        if (*p == '(' || *p == ')') {
            *(*p == '(' ? &self->start : &self->end) = t;
            return match(self, p + 1, t);
        }
        if (*p == '*') {
            bool any = p[1] == '*';
            for (;; t++) {
                if (match(self, p + 1 + any, t))
                    return true;
                if (*t == '\0' || (*t == '/' && !any) || self->steps <= 0)
                    return false;
            }
        }
        if (*p == '\0' || *t == '\0')
            return *p == *t;
        if (*p != *t && (*p != '?' || *t == '/'))
            return false;
    }
}

bool dsbi_group_pattern_match(const char *pattern, const char *path, const char **group,
                              size_t *size)
{
    const char *slash = strrchr(path, '/');
    if (strcmp(pattern, "folder") == 0) {
        *group = path;
        *size = slash ? (size_t)(slash - path) : 0;
        return slash != NULL;
    }
    attempt self = {.steps = MAX_STEPS};
    if (!match(&self, pattern, strchr(pattern, '/') || !slash ? path : slash + 1))
        return false;
    *group = self.start;
    *size = (size_t)(self.end - self.start);
    return *size > 0;
}
