/* Option structs that grow: one helper reads a caller's struct of any age into ours. */
#ifndef DSBI_BASE_OPTS_H
#define DSBI_BASE_OPTS_H

#include "base/status.h"

/* Copies `given` (first member: uint64_t struct_size) over `ours`, which holds defaults and is
 * `our_size` bytes. Fields the caller lacks keep their default; a tail we do not know must be zero.
 * NULL keeps all defaults. @return DSB_OK, DSB_E_INVALID (size), DSB_E_UNSUPPORTED (tail). */
dsb_status dsbi_opts_read(void *ours, size_t our_size, const void *given, const char *what);

/* Body of every dsb_*_opts_init: copies at most `size` bytes of `defaults` and sets struct_size. */
void dsbi_opts_fill(void *caller, size_t size, const void *defaults, size_t our_size);

#endif
