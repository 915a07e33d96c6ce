/* Groups by a pattern of the path (option group): the piece between the parentheses names the
 * group.
 * "*" stands for any characters but "/", as few as will do, "**" for any, "?" for one; a pattern
 * without "/" is held against the last part of the path. "folder" is the image's folder. */
#ifndef DSBI_DATA_GROUP_PATTERN_H
#define DSBI_DATA_GROUP_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include "base/status.h"

/* Whether the option's value is a pattern at all, and not the name of a key or column. */
bool dsbi_is_group_pattern(const char *text);
/* DSB_E_INVALID unless there is one pair of parentheses, and at most 256 characters. */
dsb_status dsbi_group_pattern_check(const char *text);
/* The piece of `path`; false where the pattern does not fit (or takes more than 65536 steps). */
bool dsbi_group_pattern_match(const char *pattern, const char *path, const char **group,
                              size_t *size);

#endif
