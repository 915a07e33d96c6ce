/* A data format: where images come from. One file in lib/data/formats/ with one const dsbi_format;
 * cmake makes the table. A format lists its members once and then gives any of them to any thread:
 *
 *   folder, tar shards    read gives the bytes of an image file (JPEG, PNG ...), decode is NULL
 *   CIFAR, IDX, npy       decode gives pixels, read is NULL
 *
 * A member's place is a container (which shard or batch; data/containers.h), a locator within it
 * (byte offset, record number) and a size: 16 bytes an image whatever the format.
 * Everything else (hashes, headers, what is broken, class folders, splits) happens outside. */
#ifndef DSBI_DATA_FORMAT_H
#define DSBI_DATA_FORMAT_H

#include "data/origin.h"
#include "dsbias/data.h"
#include "image/image.h"

/* One image or candidate, as the format listed it. */
typedef struct dsbi_member {
    const char *path;    /* '/' between; for people and class folders; unique in the collection */
    uint64_t locator;    /* the format's own: byte offset, record number ... */
    uint64_t size_bytes; /* encoded size as listed, 0 if not known */
    uint32_t container;  /* the format's own: number of the file it lies in */
    uint32_t class_id;   /* of a labelled collection; else the folder of a path is the class: */
    const char *class_path; /* of this one; NULL: of `path` */
    int64_t mtime_ns;       /* when its file changed last, for the index; 0 = not known */
    const char *group;      /* what must not be divided by a split (option group); NULL: no group */
} dsbi_member;

typedef struct dsbi_listing dsbi_listing;

/* A candidate. The order of calls is the order of the images. */
dsb_status dsbi_listing_add(dsbi_listing *listing, const dsbi_member *member);
/* Something that is left out; DSB_CAUSE_*, `message` is a sentence. */
dsb_status dsbi_listing_leave_out(dsbi_listing *listing, const char *path, uint32_t cause,
                                  const char *message);
/* The collection's name if the caller gives none. */
dsb_status dsbi_listing_name(dsbi_listing *listing, const char *name, size_t size);
/* For formats that know labels, before the first member: classes are those declared, not folders.
 */
void dsbi_listing_labelled(dsbi_listing *listing);
/* Declares class 0, 1, 2 ..., at any time until `open` returns. Classes keep these numbers, are
 * there without an image too, and two may have one name. */
dsb_status dsbi_listing_class(dsbi_listing *listing, const char *name, size_t size);
/* Value of option `key` of the spec, NULL if it is not given. Options nobody asked for are refused
 * after `open`. Holds until `open` returns. */
const char *dsbi_listing_option(dsbi_listing *listing, const char *key);
/* Which of `words` (NULL-ended) option `key` is: its number, 0 if it is not given. DSB_E_INVALID.
 */
dsb_status dsbi_listing_choice(dsbi_listing *listing, size_t *out, const char *key,
                               const char *const *words);
/* A folder, container or other file the listing is made from (dsbi_witness_kind). */
dsb_status dsbi_listing_witness(dsbi_listing *listing, uint32_t kind, const char *path,
                                uint64_t size_bytes, int64_t mtime_ns);
/* The same for a file beside the images (a class list), by the path it is opened with. */
dsb_status dsbi_listing_witness_file(dsbi_listing *listing, const char *path);
const dsb_dataset_opts *dsbi_listing_opts(const dsbi_listing *listing);
dsb_runtime *dsbi_listing_runtime(const dsbi_listing *listing);

typedef struct dsbi_format {
    const char *name; /* "folder" */
    const char *help; /* "PATH  a folder of image files, read recursively" */

    /* How well it suits: 0 not at all, 1 only to explain what is wrong, up to 100. */
    int (*probe)(const dsbi_origin *origin);

    /* Lists the members. `*state` goes to the other functions; NULL on failure. */
    dsb_status (*open)(dsb_runtime *rt, void **state, dsbi_listing *listing,
                       const dsbi_origin *origin);
    void (*close)(dsb_runtime *rt, void *state);
    /* Makes the state for a collection whose members an index on disk knows; NULL: has none. */
    dsb_status (*reopen)(dsb_runtime *rt, void **state, const dsb_dataset *dataset);

    /* Size and time of an image's file as it is now; NULL where images lie in containers. */
    dsb_status (*stat)(void *state, const char *path, uint64_t *size_bytes, int64_t *mtime_ns);

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
