/* Inside of the image layer: an image is a tight [height, width, 3] array of bytes.
 *
 *     dsbi_image image;
 *     DSBI_TRY(dsbi_image_decode(rt, &image, NULL, bytes, size, NULL));
 *     ...
 *     dsbi_image_free(rt, &image);
 */
#ifndef DSBI_IMAGE_IMAGE_H
#define DSBI_IMAGE_IMAGE_H

#include <stdbool.h>
#include "dsbias/image.h"
#include "image/scratch.h"

typedef struct dsbi_image {
    uint8_t *data; /* [height, width, channels], owned: dsbi_image_free */
    uint32_t width, height, channels;
} dsbi_image;

/* A rectangle of the image that is all that is wanted of it, for a result of at least min_width x
 * min_height pixels. JPEG files are then decoded no further than needed, and at 1/2, 1/4 or 1/8 as
 * far as the rectangle stays that large (min_width 0: never). At full size the pixels inside are
 * the same as without. */
typedef struct dsbi_cut {
    uint32_t x, y, width, height; /* inside the image, not empty */
    uint32_t min_width, min_height;
    bool is_checked; /* damage outside of the rectangle counts as well; then min_* must be 0 */
    /* set by decoding where it makes use of the rectangle: the first pixel of the result is pixel
     * (at_x, at_y) of the whole image reduced by `scale` */
    uint32_t scale, at_x, at_y;
} dsbi_cut;

/* Limits, and how much of the image is wanted. They are on work and memory, never on the clock: a
 * file is refused on every machine or on none. `max_blocks` bounds time: 8x8 blocks that all scans
 * together may visit. */
typedef struct dsbi_decode_limits {
    uint64_t max_pixels;
    uint64_t max_blocks;
    size_t max_memory_bytes; /* decoder and result together */
    uint32_t max_scans;
    uint32_t min_side;    /* JPEG may come out at 1/2, 1/4 or 1/8 (reduced cosine transform), its
                             shorter side no less than this; 0: at full size, exactly */
    dsbi_cut *cut;        /* NULL: everything */
    dsbi_scratch *pixels; /* where the result may lie: dsbi_image_release; NULL: its own memory */
    /* Called by dsbi_image_decode once the header is known, before pixels are: may change the
     * members above from min_side on. NULL: nobody. */
    void (*on_header)(void *user, const dsb_image_info *info);
    void *user;
} dsbi_decode_limits;

/* Refuses images whose sides or number of pixels pass the limits; `name` begins the sentence. */
dsb_status dsbi_check_size(const char *name, uint64_t width, uint64_t height,
                           const dsbi_decode_limits *limits);

/* 178,956,970 pixels (as Pillow), 100 scans, 32 Mi block visits, 384 MiB. */
extern const dsbi_decode_limits dsbi_decode_limits_default;

/* Facts of the header; *info is overwritten, struct_size included. */
dsb_status dsbi_image_info_read(dsb_runtime *rt, dsb_image_info *info, const uint8_t *bytes,
                                size_t size);

/* The same without the quality of a JPEG, which takes longer than all the rest. */
dsb_status dsbi_image_header_read(dsb_runtime *rt, dsb_image_info *info, const uint8_t *bytes,
                                  size_t size);

/* Fills quality and quality_exact from the quantisation tables, if there are any. */
void dsbi_jpeg_estimate_quality(dsb_image_info *info);

/* Always three channels. info NULL: not wanted, and
 * no quality is estimated. limits NULL: the defaults. On failure out->data is
 * NULL; info holds what was known by then. */
dsb_status dsbi_image_decode(dsb_runtime *rt, dsbi_image *out, dsb_image_info *info,
                             const uint8_t *bytes, size_t size, const dsbi_decode_limits *limits);

/* Pixels undefined. LIMIT when a side is 0 or the size overflows. */
dsb_status dsbi_image_alloc(dsb_runtime *rt, dsbi_image *out, uint32_t width, uint32_t height,
                            uint32_t channels);
void dsbi_image_free(dsb_runtime *rt, dsbi_image *image);
/* Frees pixels that do not lie in `scratch`, which may be NULL. */
void dsbi_image_release(dsb_runtime *rt, dsbi_image *image, const dsbi_scratch *scratch);

/* PIL's antialiased filters; numbers as in PIL.Image.Resampling. */
typedef enum dsbi_filter {
    DSBI_RESIZE_BILINEAR = 2,
    DSBI_RESIZE_BICUBIC = 3,
} dsbi_filter;

/* Equals PIL.Image.resize((out_width, out_height), filter, box) on RGB to the last bit.
 * box: x0, y0, x1, y1 in pixels of `in`, fractions allowed, NULL = all. */
dsb_status dsbi_image_resize(dsb_runtime *rt, dsbi_image *out, const dsbi_image *in,
                             uint32_t out_width, uint32_t out_height, const double box[4],
                             dsbi_filter filter);

/* The rectangle must lie inside. */
dsb_status dsbi_image_crop(dsb_runtime *rt, dsbi_image *out, const dsbi_image *in, uint32_t x,
                           uint32_t y, uint32_t width, uint32_t height);

/* Mirrors left and right in place. */
void dsbi_image_flip_horizontal(dsbi_image *image);

/* Turns and mirrors as EXIF orientation 2..8 says (others: nothing). The pixels may lie in
 * `scratch`, where they are left; the result does not. */
dsb_status dsbi_image_orient(dsb_runtime *rt, dsbi_image *image, uint32_t orientation,
                             const dsbi_scratch *scratch);

enum dsbi_prepare {
    DSBI_PREPARE_SQUASH = 0, /* both sides to `size`, aspect ratio lost */
    DSBI_PREPARE_CENTRE_CROP =
        1, /* shorter side to `size`, longer to int(size * long / short) as
              torchvision, then the middle: offset round((long - size) / 2) */
};

/* Resized as `mode` says but to `resize` (0: `size`) pixels, then the middle of `size`:
 * torchvision's Resize and CenterCrop. out: [size, size, 3]. */
dsb_status dsbi_image_prepare_from(dsb_runtime *rt, uint8_t *out, const dsbi_image *in,
                                   uint32_t resize, uint32_t size, uint32_t mode,
                                   dsbi_filter filter);

/* out: [size, size, 3]. */
dsb_status dsbi_image_prepare(dsb_runtime *rt, uint8_t *out, const dsbi_image *in, uint32_t size,
                              uint32_t mode, dsbi_filter filter);

/* quality 1..100 as cjpeg; 4:2:0 or 4:4:4 sampling. *bytes is the caller's: dsbi_free. */
dsb_status dsbi_jpeg_encode(dsb_runtime *rt, uint8_t **bytes, size_t *size, const dsbi_image *in,
                            int quality, bool subsampling_420);

/* Fast compression. *bytes is the caller's: dsbi_free. UNSUPPORTED without libpng. */
dsb_status dsbi_png_encode(dsb_runtime *rt, uint8_t **bytes, size_t *size, const dsbi_image *in);

#endif
