/* The usual JPEG file, quicker than by libjpeg and with the same pixels: one baseline scan of grey,
 * or of Y, Cb and Cr with chroma at full size, at half the width, or at half of both. Of a
 * rectangle only the rows above and beside it are entropy-decoded, and on request those below, so
 * that damage anywhere in the file is found.
 *
 * Only clean files: at the first thing that is not as the standard wants it the answer is "not by
 * me", and libjpeg decides what is an error and what is passed over. */
#ifndef DSBI_IMAGE_JPEG_SCAN_H
#define DSBI_IMAGE_JPEG_SCAN_H

#include "kernels/kernels.h"

typedef struct dsbi_jpeg_huffman { /* as in the file */
    const uint8_t *bits, *values;  /* [17], the first unused; [256] */
} dsbi_jpeg_huffman;

typedef struct dsbi_jpeg_scan {
    uint32_t width, height;
    uint32_t n_components;     /* 1 or 3 */
    uint32_t across, down;     /* luma samples for one of chroma: 1x1, 2x1, 2x2 */
    uint32_t restart_interval; /* MCUs, 0: none */
    dsbi_jpeg_huffman dc[3], ac[3];
    uint16_t quant[3][64]; /* in rows */
    const uint8_t *bytes;  /* behind the header of the scan */
    size_t size;
    uint32_t scale;                       /* 1, 2, 4 or 8: the image is made smaller by as much */
    uint32_t x, y, out_width, out_height; /* the rectangle, of the smaller image */
    bool to_the_end;                      /* up to the end of the image and its marker */
} dsbi_jpeg_scan;

/* Whether the kernels are worth it, and the geometry is one of these. */
bool dsbi_jpeg_scan_suits(const dsbi_jpeg_scan *scan, const dsbi_kernels *kernels);

/* Bytes of working memory; false: too many. */
bool dsbi_jpeg_scan_memory(const dsbi_jpeg_scan *scan, size_t *size);

/* rgb: [out_height, out_width, 3]. memory: DSBI_ALIGN. False: rgb is undefined. */
bool dsbi_jpeg_scan_decode(const dsbi_jpeg_scan *scan, const dsbi_kernels *kernels, uint8_t *rgb,
                           uint8_t *memory);

#endif
