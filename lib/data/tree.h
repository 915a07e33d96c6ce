/* Image files in a folder and the folders below it: what the formats folder and imagefolder share.
 * Hidden names, links that lead away and special files are left out; what a file is, its content
 * says later. */
#ifndef DSBI_DATA_TREE_H
#define DSBI_DATA_TREE_H

#include "base/file.h"
#include "data/format.h"

/* Lists a file, or leaves it out. */
typedef dsb_status (*dsbi_tree_fn)(void *user, dsbi_listing *listing, const dsbi_walk_entry *entry);

dsb_status dsbi_tree_open(dsb_runtime *rt, void **state, dsbi_listing *listing,
                          const dsbi_origin *origin, dsbi_tree_fn fn, void *user);

/* `close`, `reopen`, `read` and `peek` of the format. */
void dsbi_tree_close(dsb_runtime *rt, void *state);
dsb_status dsbi_tree_reopen(dsb_runtime *rt, void **state, const dsb_dataset *dataset);
dsb_status dsbi_tree_stat(void *state, const char *path, uint64_t *size_bytes, int64_t *mtime_ns);
dsb_status dsbi_tree_read(void *state, dsb_runtime *rt, uint8_t **bytes, size_t *size,
                          const dsbi_member *member, size_t max_bytes);
dsb_status dsbi_tree_peek(void *state, uint8_t *bytes, size_t *size, const dsbi_member *member);

#endif
