/* The index of a collection on disk (.dsbx): what one scan found out, so that the next opening
 * needs no scan. Layout, little endian, each region at a multiple of 4096 bytes:
 *
 *   header    what it is of, counts, the regions' places and checksums, its own checksum
 *   entries   dsbi_entry in whole segments, as they lie in memory
 *   names     segments of the name pool
 *   times     modification time of each entry's file, ns
 *   groups    number of each entry's group, if groups were named
 *   classes, group names  place of each name in the pool
 *   broken, skipped       dsbi_problem
 *   witnesses folders (a change in them changes their time) and containers (size and time)
 *
 * It is mapped, not read: entries and names are used where they lie. Nothing in it is believed:
 * sizes, checksums, and every number that leads somewhere are checked before use. */
#ifndef DSBI_DATA_INDEX_FILE_H
#define DSBI_DATA_INDEX_FILE_H

#include "data/dataset.h"

typedef enum dsbi_witness_kind {
    DSBI_WITNESS_FOLDER = 1,    /* of a tree; "" is its root */
    DSBI_WITNESS_CONTAINER = 2, /* number: its place among the containers */
    DSBI_WITNESS_FILE = 3, /* any other file the listing was made from, as the caller wrote it */
} dsbi_witness_kind;

/* Writes the index of a scanned collection; the old file stays until the new one is whole.
 * `started_ns`: when the listing began; what changed later than that is not trusted next time. */
dsb_status dsbi_index_write(dsb_dataset *dataset, const char *path, int64_t started_ns);

/* Maps an index into an empty collection that has its place, options and `where`. DSB_E_NOTFOUND
 * when there is none; DSB_E_FORMAT for what is damaged, DSB_E_STATE for one of another place,
 * format or options, each with a sentence; the collection is then empty as before. */
dsb_status dsbi_index_load(dsb_dataset *dataset, const char *path);
/* Makes size and checksums right in an index in memory that a test has damaged: what lies behind
 * them is to be found out. `bytes` aligned as by malloc. */
void dsbi_index_seal(void *bytes, size_t size);
/* Whether all witnesses are as they were; false with a sentence about the first that is not. */
bool dsbi_index_is_current(const dsb_dataset *dataset);
/* The same of every image's file, and of those that were broken, for a reopened collection: if
 * option check asks for it, or there are at most DSBI_INDEX_FEW of them. */
bool dsbi_index_files_are_current(const dsb_dataset *dataset);
enum { DSBI_INDEX_FEW = 16384 }; /* 1 to 2 us each */

/* An old index as memory of unchanged files: entry of this path, UINT64_MAX if there is none. */
typedef struct dsbi_index_memory dsbi_index_memory;
dsb_status dsbi_index_memory_create(dsb_runtime *rt, dsbi_index_memory **out,
                                    const dsb_dataset *dataset);
void dsbi_index_memory_free(dsbi_index_memory *memory);
/* The old entry of a candidate whose file is the same (path, size, time), NULL if there is none. */
const dsbi_entry *dsbi_index_recall(const dsbi_index_memory *memory, const char *path,
                                    const dsbi_entry *candidate, int64_t mtime_ns);

#endif
