/* Small JPEGs of example images, as data URIs, so that the record carries its own pictures. */
#include "base/base64.h"
#include "bias/result.h"
#include "image/image.h"

enum { THUMB_SIDE = 112, THUMB_QUALITY = 82 };

dsb_status dsbi_thumbnail(dsb_runtime *rt, dsbi_text *uri, const dsb_dataset *dataset,
                          uint64_t image)
{
    dsbi_image full = {0}, small = {0};
    uint8_t *jpeg = NULL;
    size_t size = 0;
    dsb_status status;
    DSBI_GO(dsbi_dataset_decode(dataset, rt, &full, image));
    uint32_t longer = full.width > full.height ? full.width : full.height;
    uint32_t width = (uint32_t)((uint64_t)full.width * THUMB_SIDE / longer);
    uint32_t height = (uint32_t)((uint64_t)full.height * THUMB_SIDE / longer);
    DSBI_GO(dsbi_image_resize(rt, &small, &full, width ? width : 1, height ? height : 1, NULL,
                              DSBI_RESIZE_BICUBIC));
    DSBI_GO(dsbi_jpeg_encode(rt, &jpeg, &size, &small, THUMB_QUALITY, true));
    dsbi_text_add(uri, "data:image/jpeg;base64,");
    dsbi_text_add_base64(uri, jpeg, size);
    status = uri->status;
done:
    dsbi_image_free(rt, &full);
    dsbi_image_free(rt, &small);
    dsbi_free(rt, jpeg);
    return status;
}
