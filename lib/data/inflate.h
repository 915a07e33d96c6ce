/* Unpacking gzip and deflate into a file without a name, so that what was packed can be read at any
 * offset and memory does not grow with it. DSB_E_UNSUPPORTED without zlib. */
#ifndef DSBI_DATA_INFLATE_H
#define DSBI_DATA_INFLATE_H

#include <stdbool.h>
#include "base/memory.h"

enum { DSBI_GZIP_HEAD = 2 };

static inline bool dsbi_is_gzip(const uint8_t *bytes, size_t size)
{
    return size >= DSBI_GZIP_HEAD && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

typedef struct dsbi_packed {
    int fd;             /* where it lies */
    uint64_t offset;    /* first packed byte */
    uint64_t size;      /* packed bytes; UINT64_MAX: to the end of the file */
    uint64_t max_bytes; /* unpacked */
    bool is_gzip;       /* members of gzip one behind the other; else bare deflate */
} dsbi_packed;

/* `*out_fd` is the caller's, `*size` what was unpacked. DSB_E_FORMAT for what is damaged or ends
 * too early, DSB_E_LIMIT above max_bytes, DSB_E_IO, DSB_E_NOMEM. */
dsb_status dsbi_unpack(dsb_runtime *rt, int *out_fd, uint64_t *size, const dsbi_packed *packed);

/* The first bytes, up to `*size`, of a bare deflate stream whose first bytes are `in`. */
dsb_status dsbi_inflate_head(dsb_runtime *rt, uint8_t *out, size_t *size, const uint8_t *in,
                             size_t in_bytes);

/* A whole gzip file into memory, yours (dsbi_free), one NUL behind; what is no gzip as it is. */
dsb_status dsbi_file_read_unpacked(dsb_runtime *rt, uint8_t **bytes, size_t *size, const char *path,
                                   size_t max_bytes);

#endif
