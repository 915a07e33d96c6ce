/* Files that hold weights in another format, told by their first bytes. */
#ifndef DSBI_NN_FOREIGN_H
#define DSBI_NN_FOREIGN_H

#include "base/status.h"

enum { DSBI_FOREIGN_HEAD = 4096 };

/* DSB_OK if the first bytes (up to DSBI_FOREIGN_HEAD of them) are of no format known here;
 * else DSB_E_UNSUPPORTED and a sentence that says what it is and how to convert it. Ask only about
 * files that are no safetensors. `path` is for the sentence. */
dsb_status dsbi_foreign_check(const uint8_t *head, size_t size, const char *path);

#endif
