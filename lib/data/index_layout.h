/* How an index lies on disk (index_file.h says what it is): a header of one page, then regions,
 * each at a multiple of a page. A region's checksum is made of those of its pieces of 1 MiB, so
 * that threads can share the work. */
#ifndef DSBI_DATA_INDEX_LAYOUT_H
#define DSBI_DATA_INDEX_LAYOUT_H

#include "data/index_file.h"

enum {
    DSBI_INDEX_VERSION = 3,
    DSBI_INDEX_BYTE_ORDER = 0x01020304,
    DSBI_INDEX_PAGE = 4096,
    DSBI_INDEX_PIECE = 1 << 20
};
#define DSBI_INDEX_MAGIC "dsbx\r\n\x1a\n" /* 8 bytes: a text mode would change them */
static const int64_t DSBI_CLOCK_TICK_NS =
    20000000; /* file times are no finer than this everywhere */

enum dsbi_region {
    DSBI_REGION_ENTRIES,
    DSBI_REGION_NAMES,
    DSBI_REGION_TIMES,
    DSBI_REGION_GROUPS,
    DSBI_REGION_CLASSES,
    DSBI_REGION_GROUP_NAMES,
    DSBI_REGION_BROKEN,
    DSBI_REGION_SKIPPED,
    DSBI_REGION_WITNESSES,
    DSBI_N_REGIONS
};

typedef struct dsbi_index_header {
    char magic[8];
    uint32_t version, byte_order;
    uint64_t header_bytes, file_bytes, entry_bytes;
    uint64_t counts[DSBI_N_REGIONS]; /* items; bytes of the names */
    uint64_t n_broken, n_skipped, cause_counts[DSBI_CAUSE_LAST + 1];
    uint8_t digest[32];
    int64_t started_ns; /* when the listing began */
    uint64_t max_file_bytes, max_listed, max_unpacked_bytes, max_pixels, max_blocks;
    uint32_t verify, max_depth, has_labels, max_scans;
    uint64_t name, where, format; /* in the names */
    struct {
        uint64_t offset, size, checksum;
    } regions[DSBI_N_REGIONS];
    uint64_t checksum; /* of all before it */
} dsbi_index_header;
_Static_assert(sizeof(dsbi_index_header) <= DSBI_INDEX_PAGE, "the header fits a page");

static const size_t dsbi_region_item_bytes[DSBI_N_REGIONS] = {
    [DSBI_REGION_ENTRIES] = sizeof(dsbi_entry),     [DSBI_REGION_NAMES] = 1,
    [DSBI_REGION_TIMES] = sizeof(int64_t),          [DSBI_REGION_GROUPS] = sizeof(uint32_t),
    [DSBI_REGION_CLASSES] = sizeof(uint64_t),       [DSBI_REGION_GROUP_NAMES] = sizeof(uint64_t),
    [DSBI_REGION_BROKEN] = sizeof(dsbi_problem),    [DSBI_REGION_SKIPPED] = sizeof(dsbi_problem),
    [DSBI_REGION_WITNESSES] = sizeof(dsbi_witness),
};

/* Checksum of bytes that come in any number of parts, each a multiple of 32 but the last. */
typedef struct dsbi_index_sum {
    uint64_t lanes[4];
    uint64_t size;  /* bytes of the piece so far */
    uint64_t total; /* of the pieces before */
} dsbi_index_sum;
void dsbi_index_sum_begin(dsbi_index_sum *sum);
void dsbi_index_sum_add(dsbi_index_sum *sum, const void *data, size_t size);
uint64_t dsbi_index_sum_end(dsbi_index_sum *sum);
uint64_t dsbi_index_sum_of(const void *data, size_t size);
/* The same of bytes in memory, on the runtime's threads. */
dsb_status dsbi_index_sum_all(dsb_runtime *rt, uint64_t *out, const void *data, size_t size);

#endif
