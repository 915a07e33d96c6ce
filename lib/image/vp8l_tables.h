/* What a lossless WebP picture (VP8L) asks of its decoder besides the pixels. */
#ifndef DSBI_IMAGE_VP8L_TABLES_H
#define DSBI_IMAGE_VP8L_TABLES_H

#include "dsbias/dsbias.h"

typedef struct dsbi_vp8l_tables {
    uint32_t n_groups;    /* sets of five prefix codes */
    uint32_t cache_bits;  /* colours the decoder remembers, as a power of two; 0: none */
    uint64_t side_pixels; /* of the images that tell transforms and groups */
} dsbi_vp8l_tables;

/* Reads `bits`, which begin with the list of transforms (behind a file's 5 bytes of header, or an
 * alpha plane's first byte), up to the first prefix code of the picture of width x height pixels.
 * FORMAT when they are damaged or end before. */
dsb_status dsbi_vp8l_tables_read(dsb_runtime *rt, dsbi_vp8l_tables *out, const uint8_t *bits,
                                 size_t size, uint32_t width, uint32_t height);

/* No more than this is taken by libwebp for them. */
uint64_t dsbi_vp8l_tables_bytes(const dsbi_vp8l_tables *tables);

#endif
