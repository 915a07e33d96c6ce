/* A rectangle decoded alone beside the whole image. */
#ifndef DSBI_TESTS_CUTS_H
#define DSBI_TESTS_CUTS_H

#include "testing.h"

#include "image/image.h"

static inline void check_cut_pixels(const dsbi_image *whole, const dsbi_image *part,
                                    const dsbi_cut *cut)
{
    for (uint32_t y = 0; y < cut->height; y++)
        ck_assert_msg(
            memcmp(whole->data + ((size_t)(cut->y + y) * whole->width + cut->x) * 3,
                   part->data +
                       ((size_t)(cut->y + y - cut->at_y) * part->width + cut->x - cut->at_x) * 3,
                   (size_t)cut->width * 3) == 0,
            "%u x %u at %u, %u of %u x %u: row %u differs", cut->width, cut->height, cut->x, cut->y,
            whole->width, whole->height, y);
}

#endif
