/* Lists of files written short: "shards/{00000..00099}.tar", "{train,val}.tar". Braces are
 * expanded in the order written, like a shell does; what has *, ? or [ is then matched against
 * names that are there, in byte order. Nothing is ever executed. */
#ifndef DSBI_DATA_PATTERN_H
#define DSBI_DATA_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include "base/status.h"

enum { DSBI_PATTERN_MAX = 1000000 };

bool dsbi_is_pattern(const char *text);

/* A negative answer ends the expansion. */
typedef dsb_status (*dsbi_pattern_fn)(void *user, const char *path);

/* Calls fn for each path. DSB_E_INVALID for a brace that is not closed or a range that is none,
 * DSB_E_LIMIT above DSBI_PATTERN_MAX paths. */
dsb_status dsbi_pattern_expand(const char *text, dsbi_pattern_fn fn, void *user);

#endif
