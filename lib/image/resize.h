/* Resize of which only a window is made, from a part of an image: what crops before and after a
 * resize need. */
#ifndef DSBI_IMAGE_RESIZE_H
#define DSBI_IMAGE_RESIZE_H

#include "image/image.h"
#include "image/scratch.h"

typedef struct dsbi_resize_window {
    uint32_t full_width, full_height; /* size of the whole result */
    uint32_t x, y, width, height;     /* the part that is made; inside, not empty */
    bool mirror;                      /* left and right of that part are swapped */
} dsbi_resize_window;

/* Three-channel pixels that belong to somebody else, row y at data + y * stride. */
typedef struct dsbi_region {
    const uint8_t *data;
    size_t stride;
    uint32_t width, height;
} dsbi_region;

dsbi_region dsbi_region_of(const dsbi_image *image);
/* The rectangle must lie inside. */
dsbi_region dsbi_region_crop(const dsbi_region *view, uint32_t x, uint32_t y, uint32_t width,
                             uint32_t height);

/* out: [want->height, want->width, 3]; the same bytes as cropping the whole result.
 * box: as dsbi_image_resize. scratch NULL: memory is taken and given back. */
dsb_status dsbi_region_resize(dsb_runtime *rt, uint8_t *out, const dsbi_region *in,
                              const dsbi_resize_window *want, const double box[4],
                              dsbi_filter filter, dsbi_scratch *scratch);

/* The same for a whole image. */
dsb_status dsbi_image_resize_window(dsb_runtime *rt, uint8_t *out, const dsbi_image *in,
                                    const dsbi_resize_window *want, const double box[4],
                                    dsbi_filter filter);

#endif
