/* The members of a zip file, zip64 included: its central directory at the end. Only stored and
 * deflated members, unencrypted, in one file. Source: PKWARE APPNOTE 6.3. */
#ifndef DSBI_DATA_ZIP_H
#define DSBI_DATA_ZIP_H

#include "data/containers.h"

enum { DSBI_ZIP_STORED = 0, DSBI_ZIP_DEFLATED = 8, DSBI_ZIP_MAX_MEMBERS = 65536 };

typedef struct dsbi_zip_member {
    char *name;
    uint64_t packed_size, size, header_at;
    uint32_t method;
} dsbi_zip_member;

typedef struct dsbi_zip {
    dsbi_zip_member *members;
    size_t n, capacity;
} dsbi_zip;

/* DSB_E_FORMAT, DSB_E_UNSUPPORTED, DSB_E_LIMIT (members), DSB_E_NOMEM; end with dsbi_zip_free. */
dsb_status dsbi_zip_open(dsb_runtime *rt, dsbi_zip *out, dsbi_containers *files, size_t container);
void dsbi_zip_free(dsb_runtime *rt, dsbi_zip *zip);

/* Byte where the member's packed data begin; they lie within the file. */
dsb_status dsbi_zip_start(dsbi_containers *files, size_t container, const dsbi_zip_member *member,
                          uint64_t *start);
/* Up to `*size` first bytes of a member, unpacked. */
dsb_status dsbi_zip_peek(dsb_runtime *rt, dsbi_containers *files, size_t container,
                         const dsbi_zip_member *member, uint8_t *bytes, size_t *size);

#endif
