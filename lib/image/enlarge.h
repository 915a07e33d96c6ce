/* Quick bilinear enlarging: where Pillow's bilinear filter has no more than two taps in each
 * direction, with weights of 8 bits instead of 22. At most 2 of 255 levels from dsbi_region_resize,
 * and several times as fast. */
#ifndef DSBI_IMAGE_ENLARGE_H
#define DSBI_IMAGE_ENLARGE_H

#include "image/resize.h"

/* Whether the box of `in` would be enlarged, or kept, in both directions, and is large enough. */
bool dsbi_region_can_stretch(const dsbi_region *in, const dsbi_resize_window *want,
                             const double box[4]);

/* As dsbi_region_resize by the bilinear filter, with a box. */
dsb_status dsbi_region_stretch(dsb_runtime *rt, uint8_t *out, const dsbi_region *in,
                               const dsbi_resize_window *want, const double box[4],
                               dsbi_scratch *scratch);

#endif
