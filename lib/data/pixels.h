/* Prepared images of some collections, decoded once and then kept in a file without a name: epochs
 * after the first, and other rungs of the ladder, read pixels instead of decoding again, and memory
 * does not grow with the number of images (1 byte each). The store is only a cache: when the disk
 * is full, or there is none, images are decoded again and come out the same. Any thread. */
#ifndef DSBI_DATA_PIXELS_H
#define DSBI_DATA_PIXELS_H

#include "data/duplicates.h"

/* Beside DSBI_PREPARE_*: the whole image, its shorter side reduced to `size` (never enlarged), a
 * longer side beyond 2 * size cut to its middle. What random crops are taken from. */
enum { DSBI_PIXELS_KEEP = 100 };

typedef struct dsbi_pixels_spec {
    uint32_t size, mode;
    dsbi_filter filter;
    bool is_fast;    /* JPEG decoded at 1/2, 1/4 or 1/8 where that is enough */
    bool is_upright; /* turned as EXIF says */
    uint32_t resize; /* prepared images: resized to this before the middle is cut; 0: `size` */
} dsbi_pixels_spec;

typedef struct dsbi_pixels dsbi_pixels;

/* max_bytes 0: nothing is stored. folder NULL: /var/tmp. Failing to make the file is no failure. */
dsb_status dsbi_pixels_create(dsb_runtime *rt, dsbi_pixels **out,
                              const dsbi_collections *collections, const dsbi_pixels_spec *spec,
                              const char *folder, uint64_t max_bytes);
void dsbi_pixels_retain(dsbi_pixels *pixels);
void dsbi_pixels_free(dsbi_pixels *pixels);

const dsbi_pixels_spec *dsbi_pixels_spec_of(const dsbi_pixels *pixels);
/* Bytes the buffer of dsbi_pixels_get must have. */
size_t dsbi_pixels_capacity(const dsbi_pixels *pixels);

/* Image of one of the store's collections into out->data, a buffer of the caller; width, height and
 * channels are set. DSB_E_INVALID for another collection, DSB_E_NOMEM, or what is wrong with the
 * file. */
dsb_status dsbi_pixels_get(dsbi_pixels *pixels, dsbi_image *out, const dsb_dataset *dataset,
                           uint64_t image);

/* The image is damaged or gone: the caller may go on with another one. */
static inline bool dsbi_is_image_failure(dsb_status status)
{
    return status == DSB_E_FORMAT || status == DSB_E_UNSUPPORTED || status == DSB_E_LIMIT ||
           status == DSB_E_IO || status == DSB_E_NOTFOUND;
}

/* Decoding done around the store counts too. */
void dsbi_pixels_note_decoded(dsbi_pixels *pixels);
uint64_t dsbi_pixels_stored_count(const dsbi_pixels *pixels);  /* taken from the store */
uint64_t dsbi_pixels_decoded_count(const dsbi_pixels *pixels); /* decoded */

#endif
