/* Files that hold many images each: shards, batches, arrays. They are opened when first read; some
 * stay open, those not in use make room for others, so that a collection of any number of shards
 * needs few descriptors and most reads are one pread. */
#ifndef DSBI_DATA_CONTAINERS_H
#define DSBI_DATA_CONTAINERS_H

#include <stdatomic.h>
#include "base/memory.h"
#include "data/origin.h"

typedef struct dsbi_container {
    char *path;          /* below the root, or as the caller wrote it */
    uint64_t size_bytes; /* when it was added; unpacked */
    uint64_t file_bytes; /* as it lies on disk */
    int64_t mtime_ns;
    atomic_uint_fast64_t open; /* descriptor + 1, 0: not open; its readers, above 2^32 */
    bool is_unpacked;          /* the descriptor is a copy without a name and is kept */
} dsbi_container;

typedef struct dsbi_containers {
    dsb_runtime *rt;
    int root_fd; /* of the folder, -1: paths are as the caller wrote them */
    dsbi_container *items;
    size_t n, capacity;
    atomic_size_t n_open, hand; /* where the next to be closed is looked for */
} dsbi_containers;

/* A folder's files can be added by name, nothing outside it is opened; of files given by path, any.
 * DSB_E_IO, DSB_E_NOTFOUND. End with dsbi_containers_close, also after a failure. */
dsb_status dsbi_containers_init(dsbi_containers *self, dsb_runtime *rt, const dsbi_origin *origin);
void dsbi_containers_close(dsbi_containers *self);

/* Adds a regular file; its number is `n` - 1. What is packed with gzip is unpacked into a file
 * without a name, `max_bytes` at most. Not while others read. */
dsb_status dsbi_containers_add(dsbi_containers *self, const char *path, uint64_t max_bytes);
/* Adds part of container `from`, which is packed with deflate, as one of its own. */
dsb_status dsbi_containers_add_packed(dsbi_containers *self, size_t from, uint64_t offset,
                                      uint64_t size, uint64_t max_bytes);

/* `size` bytes at `offset`; the file ending before is DSB_E_IO. Any thread. */
dsb_status dsbi_containers_read(dsbi_containers *self, size_t container, void *data, size_t size,
                                uint64_t offset);

/* Its first bytes (32 MiB) will be read soon: the system may fetch them meanwhile. */
void dsbi_containers_expect(dsbi_containers *self, size_t container);

/* What a container is called in paths of members: its last component if only one was added or all
 * lie in a folder, else its path without a leading "/". */
const char *dsbi_containers_name(const dsbi_containers *self, size_t container);

#endif
