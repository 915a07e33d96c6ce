/* Turning an image upright, as the EXIF orientation says (Exif 2.3, tag 0x0112). */
#include <string.h>
#include "image/image.h"

dsb_status dsbi_image_orient(dsb_runtime *rt, dsbi_image *image, uint32_t orientation,
                             const dsbi_scratch *scratch)
{
    if (orientation < 2 || orientation > 8)
        return DSB_OK;
    const bool is_turned = orientation >= 5;
    /* where the first row and the first column of the stored image are seen */
    const bool from_right =
        orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    const bool from_bottom =
        orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    const size_t width = image->width, height = image->height;
    dsbi_image out;
    dsb_status status = dsbi_image_alloc(rt, &out, is_turned ? image->height : image->width,
                                         is_turned ? image->width : image->height, 3);
    uint8_t *to = out.data;
    for (size_t y = 0; status == DSB_OK && y < out.height; y++)
        for (size_t x = 0; x < out.width; x++, to += 3) {
            size_t from_x = is_turned ? y : x, from_y = is_turned ? x : y;
            from_x = from_right ? width - 1 - from_x : from_x;
            from_y = from_bottom ? height - 1 - from_y : from_y;
            memcpy(to, image->data + (from_y * width + from_x) * 3, 3);
        }
    dsbi_image_release(rt, image, scratch);
    *image = out;
    return status;
}
