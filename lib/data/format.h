/* A data format: where images come from. One file in lib/data/formats/ with one const dsbi_format;
 * cmake makes the table. A format lists its members once and then gives any of them to any thread:
 *
 *   folder, tar shards    read gives the bytes of an image file (JPEG, PNG ...), decode is NULL
 *   CIFAR, IDX, npy       decode gives pixels, read is NULL; `locator` is the record number
 *
 * Everything else (hashes, headers, what is broken, class folders, splits) happens outside. */
#ifndef DSBI_DATA_FORMAT_H
#define DSBI_DATA_FORMAT_H

#include "dsbias/data.h"
#include "image/image.h"

/* One image or candidate, as the format listed it. */
typedef struct dsbi_member {
    const char *path;    /* '/' between; for people and class folders; unique in the collection */
    uint64_t locator;    /* the format's own: byte offset, record number ... */
    uint64_t size_bytes; /* encoded size as listed, 0 if not known */
} dsbi_member;

typedef struct dsbi_listing dsbi_listing;

/* A candidate. The order of calls is the order of the images. */
dsb_status dsbi_listing_add(dsbi_listing *listing, const dsbi_member *member);
/* Something that is left out; DSB_CAUSE_*, `message` is a sentence. */
dsb_status dsbi_listing_leave_out(dsbi_listing *listing, const char *path, uint32_t cause,
                                  const char *message);
/* The collection's name if the caller gives none. */
dsb_status dsbi_listing_name(dsbi_listing *listing, const char *name, size_t size);
const dsb_dataset_opts *dsbi_listing_opts(const dsbi_listing *listing);

typedef struct dsbi_format {
    const char *name; /* "folder" */
    const char *help; /* "PATH  a folder of image files, read recursively" */

    /* How well `where` suits: 0 not at all, 1 only to explain what is wrong, up to 100. */
    int (*probe)(const char *where);

    /* Lists the members. `*state` goes to the other functions. */
    dsb_status (*open)(dsb_runtime *rt, void **state, dsbi_listing *listing, const char *where);
    void (*close)(dsb_runtime *rt, void *state);

    /* Bytes of an image file, the caller's (dsbi_free); DSB_E_LIMIT above max_bytes. Any thread. */
    dsb_status (*read)(void *state, dsb_runtime *rt, uint8_t **bytes, size_t *size,
                       const dsbi_member *member, size_t max_bytes);
    /* Up to `*size` first bytes of it; may be NULL. Any thread. */
    dsb_status (*peek)(void *state, uint8_t *bytes, size_t *size, const dsbi_member *member);

    /* Pixels of formats that hold no image files, and what is known of them. Any thread. */
    dsb_status (*decode)(void *state, dsb_runtime *rt, dsbi_image *out, dsb_image_info *info,
                         const dsbi_member *member);
} dsbi_format;

extern const dsbi_format *const dsbi_format_table[]; /* sorted by file name, NULL-ended */

#endif
