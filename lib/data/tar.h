/* Members of a tar file, one after the other: ustar with its prefix, GNU long names (L, K), pax
 * headers (x, g: path and size), sizes in octal and base 256, checksums signed and unsigned. Reads
 * headers only. Sources: POSIX.1-2001 pax; GNU tar manual, "Basic Tar Format". */
#ifndef DSBI_DATA_TAR_H
#define DSBI_DATA_TAR_H

#include "base/text.h"
#include "data/containers.h"

enum { DSBI_TAR_BLOCK = 512, DSBI_TAR_MAX_EXTRA = 1 << 20 };

typedef enum dsbi_tar_kind {
    DSBI_TAR_END,  /* two blocks of zeros, or the end of the file */
    DSBI_TAR_FILE, /* regular */
    DSBI_TAR_FOLDER,
    DSBI_TAR_LINK,    /* symbolic or hard */
    DSBI_TAR_SPECIAL, /* device, FIFO, and types nobody knows */
    DSBI_TAR_DAMAGED, /* this and all behind it cannot be read: dsb_last_error */
} dsbi_tar_kind;

typedef struct dsbi_tar {
    dsbi_containers *files;
    size_t container;
    uint64_t at; /* of the next header */
    /* the member found by dsbi_tar_next */
    uint64_t header_at, data_at, size;
    dsbi_text name; /* may hold any byte but NUL */
    /* carried from extra headers to the member behind them */
    dsbi_text long_name;
    uint64_t long_size;
    bool has_long_name, has_long_size;
} dsbi_tar;

void dsbi_tar_init(dsbi_tar *out, dsb_runtime *rt, dsbi_containers *files, size_t container);
void dsbi_tar_free(dsbi_tar *tar);

/* DSB_OK with *kind; only DSB_E_NOMEM is a failure. A member reaching beyond the end of the file is
 * DSBI_TAR_DAMAGED with its name set. */
dsb_status dsbi_tar_next(dsbi_tar *tar, dsbi_tar_kind *kind);

/* Whether a block may be a tar header: its checksum is right. */
bool dsbi_tar_is_header(const uint8_t *block);

#endif
