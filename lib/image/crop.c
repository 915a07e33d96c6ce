/* Crop, mirror, and the two ways to bring an image of any size to a square. */
#include <string.h>
#include "image/resize.h"

dsb_status dsbi_image_crop(dsb_runtime *rt, dsbi_image *out, const dsbi_image *in, uint32_t x,
                           uint32_t y, uint32_t width, uint32_t height)
{
    *out = (dsbi_image){0};
    if (width == 0 || height == 0 || x > in->width || y > in->height || width > in->width - x ||
        height > in->height - y)
        return dsbi_fail(DSB_E_INVALID, "crop: %u x %u at %u, %u of an image of %u x %u", width,
                         height, x, y, in->width, in->height);
    DSBI_TRY(dsbi_image_alloc(rt, out, width, height, in->channels));
    size_t row = (size_t)width * in->channels, in_row = (size_t)in->width * in->channels;
    for (size_t i = 0; i < height; i++)
        memcpy(out->data + i * row, in->data + (y + i) * in_row + (size_t)x * in->channels, row);
    return DSB_OK;
}

void dsbi_image_flip_horizontal(dsbi_image *image)
{
    size_t c = image->channels;
    for (size_t y = 0; y < image->height; y++) {
        uint8_t *left = image->data + y * image->width * c;
        uint8_t *right = left + (image->width - 1) * c;
        for (; left < right; left += c, right -= c) {
            for (size_t i = 0; i < c; i++) {
                uint8_t swap = left[i];
                left[i] = right[i];
                right[i] = swap;
            }
        }
    }
}

/* Python's round((longer - size) / 2): halves go to the even neighbour. */
static uint32_t centre_offset(uint32_t longer, uint32_t size)
{
    uint32_t twice = longer - size, down = twice / 2;
    return twice % 2 == 0 ? down : down + (down & 1);
}

dsb_status dsbi_image_prepare_from(dsb_runtime *rt, uint8_t *out, const dsbi_image *in,
                                   uint32_t resize, uint32_t size, uint32_t mode,
                                   dsbi_filter filter)
{
    resize = resize ? resize : size;
    if (size == 0 || resize < size || mode > DSBI_PREPARE_CENTRE_CROP)
        return dsbi_fail(DSB_E_INVALID, "prepare: size %u of %u, mode %u", size, resize, mode);
    uint64_t wide = resize, high = resize;
    if (mode == DSBI_PREPARE_CENTRE_CROP) {
        uint32_t shorter = in->width < in->height ? in->width : in->height;
        wide = (uint64_t)resize * in->width / shorter;
        high = (uint64_t)resize * in->height / shorter;
        if (wide > INT32_MAX || high > INT32_MAX)
            return dsbi_fail(DSB_E_LIMIT, "prepare: %u x %u has too long a side", in->width,
                             in->height);
    }
    const dsbi_resize_window want = {.full_width = (uint32_t)wide,
                                     .full_height = (uint32_t)high,
                                     .x = centre_offset((uint32_t)wide, size),
                                     .y = centre_offset((uint32_t)high, size),
                                     .width = size,
                                     .height = size};
    return dsbi_image_resize_window(rt, out, in, &want, NULL, filter);
}

dsb_status dsbi_image_prepare(dsb_runtime *rt, uint8_t *out, const dsbi_image *in, uint32_t size,
                              uint32_t mode, dsbi_filter filter)
{
    return dsbi_image_prepare_from(rt, out, in, size, size, mode, filter);
}
