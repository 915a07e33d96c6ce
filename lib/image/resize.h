/* Resize of which only a window is made: what crops after a resize need. */
#ifndef DSBI_IMAGE_RESIZE_H
#define DSBI_IMAGE_RESIZE_H

#include "image/image.h"

typedef struct dsbi_resize_window {
    uint32_t full_width, full_height; /* size of the whole result */
    uint32_t x, y, width, height;     /* the part that is made; inside, not empty */
} dsbi_resize_window;

/* out: [want->height, want->width, 3]; the same bytes as cropping the whole result. */
dsb_status dsbi_image_resize_window(dsb_runtime *rt, uint8_t *out, const dsbi_image *in,
                                    const dsbi_resize_window *want, const double box[4],
                                    dsbi_filter filter);

#endif
