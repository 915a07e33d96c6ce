/* dsb_image: the handle over a decoded image, for those who use the image layer alone. */
#include <string.h>
#include "base/file.h"
#include "base/opts.h"
#include "base/runtime.h"
#include "image/image.h"

struct dsb_image {
    dsb_runtime *rt; /* retained */
    dsbi_image pixels;
};

static const size_t max_file_bytes = (size_t)1 << 30;

/* Takes the pixels over, also on failure. */
static dsb_status wrap(dsb_runtime *rt, dsb_image **out, dsbi_image *pixels)
{
    dsb_image *image = dsbi_alloc(rt, sizeof *image);
    if (!image) {
        dsbi_image_free(rt, pixels);
        return DSB_E_NOMEM;
    }
    dsbi_runtime_retain(rt);
    *image = (dsb_image){rt, *pixels};
    *out = image;
    return DSB_OK;
}

/* Facts into a caller's struct of any age. */
static void hand_out(dsb_image_info *info, const dsb_image_info *facts)
{
    if (info)
        dsbi_opts_fill(info, (size_t)info->struct_size, facts, sizeof *facts);
}

static dsb_status check_info(const dsb_image_info *info)
{
    if (info && (info->struct_size < sizeof info->struct_size || info->struct_size > 65536))
        return dsbi_fail(DSB_E_INVALID,
                         "image info: struct_size is %llu; call dsb_image_info_init first",
                         (unsigned long long)info->struct_size);
    return DSB_OK;
}

dsb_status dsb_image_info_read(dsb_runtime *rt, dsb_image_info *info, const uint8_t *bytes,
                               size_t size)
{
    dsbi_clear_error();
    if (!rt || !info || (!bytes && size))
        return dsbi_fail(DSB_E_INVALID, "dsb_image_info_read: runtime, info or bytes is NULL");
    DSBI_TRY(check_info(info));
    dsb_image_info facts;
    dsb_status status = dsbi_image_info_read(rt, &facts, bytes, size);
    hand_out(info, &facts);
    return status;
}

dsb_status dsb_image_decode(dsb_runtime *rt, dsb_image **out, dsb_image_info *info,
                            const uint8_t *bytes, size_t size)
{
    dsbi_clear_error();
    if (out)
        *out = NULL;
    if (!rt || !out || (!bytes && size))
        return dsbi_fail(DSB_E_INVALID, "dsb_image_decode: runtime, out or bytes is NULL");
    DSBI_TRY(check_info(info));
    dsbi_image pixels;
    dsb_image_info facts;
    dsb_status status = dsbi_image_decode(rt, &pixels, &facts, bytes, size, NULL);
    hand_out(info, &facts);
    return status == DSB_OK ? wrap(rt, out, &pixels) : status;
}

dsb_status dsb_image_load(dsb_runtime *rt, dsb_image **out, dsb_image_info *info, const char *path)
{
    dsbi_clear_error();
    if (out)
        *out = NULL;
    if (!rt || !out || !path)
        return dsbi_fail(DSB_E_INVALID, "dsb_image_load: runtime, out or path is NULL");
    uint8_t *bytes;
    size_t size;
    DSBI_TRY(dsbi_file_read(rt, &bytes, &size, path, max_file_bytes));
    dsb_status status = dsb_image_decode(rt, out, info, bytes, size);
    dsbi_free(rt, bytes);
    return dsbi_fail_at(status, "%s", path);
}

dsb_status dsb_image_create(dsb_runtime *rt, dsb_image **out, const uint8_t *pixels, uint32_t width,
                            uint32_t height)
{
    dsbi_clear_error();
    if (out)
        *out = NULL;
    if (!rt || !out || !pixels)
        return dsbi_fail(DSB_E_INVALID, "dsb_image_create: runtime, out or pixels is NULL");
    dsbi_image copy;
    DSBI_TRY(dsbi_image_alloc(rt, &copy, width, height, 3));
    memcpy(copy.data, pixels, (size_t)width * height * 3);
    return wrap(rt, out, &copy);
}

void dsb_image_free(dsb_image *image)
{
    if (!image)
        return;
    dsb_runtime *rt = image->rt;
    dsbi_image_free(rt, &image->pixels);
    dsbi_free(rt, image);
    dsbi_runtime_release(rt);
}

uint32_t dsb_image_width(const dsb_image *image)
{
    return image->pixels.width;
}

uint32_t dsb_image_height(const dsb_image *image)
{
    return image->pixels.height;
}

const uint8_t *dsb_image_pixels(const dsb_image *image)
{
    return image->pixels.data;
}

static dsb_status check_filter(uint32_t filter)
{
    if (filter != DSB_FILTER_BILINEAR && filter != DSB_FILTER_BICUBIC)
        return dsbi_fail(DSB_E_INVALID, "filter %u: bilinear (2) or bicubic (3)", filter);
    return DSB_OK;
}

dsb_status dsb_image_resize(const dsb_image *image, dsb_image **out, uint32_t width,
                            uint32_t height, const double *box, uint32_t filter)
{
    dsbi_clear_error();
    if (out)
        *out = NULL;
    if (!image || !out)
        return dsbi_fail(DSB_E_INVALID, "dsb_image_resize: image or out is NULL");
    DSBI_TRY(check_filter(filter));
    dsbi_image result;
    DSBI_TRY(dsbi_image_resize(image->rt, &result, &image->pixels, width, height, box,
                               (dsbi_filter)filter));
    return wrap(image->rt, out, &result);
}

dsb_status dsb_image_prepare(const dsb_image *image, uint8_t *pixels, uint32_t size, uint32_t mode,
                             uint32_t filter)
{
    dsbi_clear_error();
    if (!image || !pixels)
        return dsbi_fail(DSB_E_INVALID, "dsb_image_prepare: image or pixels is NULL");
    DSBI_TRY(check_filter(filter));
    return dsbi_image_prepare(image->rt, pixels, &image->pixels, size, mode, (dsbi_filter)filter);
}

/* Writes encoded bytes and frees them. */
static dsb_status save(dsb_runtime *rt, const char *path, uint8_t *bytes, size_t size)
{
    dsb_status status = dsbi_file_write_atomic(rt, path, bytes, size);
    dsbi_free(rt, bytes);
    return status;
}

dsb_status dsb_image_save_jpeg(const dsb_image *image, const char *path, uint32_t quality,
                               uint32_t subsampling)
{
    dsbi_clear_error();
    if (!image || !path)
        return dsbi_fail(DSB_E_INVALID, "dsb_image_save_jpeg: image or path is NULL");
    if (quality > 100 || (subsampling != 0x11 && subsampling != 0x22))
        return dsbi_fail(DSB_E_INVALID, "jpeg: quality %u (1..100), sampling 0x%x (0x11, 0x22)",
                         quality, subsampling);
    uint8_t *bytes;
    size_t size;
    DSBI_TRY(dsbi_jpeg_encode(image->rt, &bytes, &size, &image->pixels, (int)quality,
                              subsampling == 0x22));
    return save(image->rt, path, bytes, size);
}

dsb_status dsb_image_save_png(const dsb_image *image, const char *path)
{
    dsbi_clear_error();
    if (!image || !path)
        return dsbi_fail(DSB_E_INVALID, "dsb_image_save_png: image or path is NULL");
    uint8_t *bytes;
    size_t size;
    DSBI_TRY(dsbi_png_encode(image->rt, &bytes, &size, &image->pixels));
    return save(image->rt, path, bytes, size);
}

#if !DSBI_HAVE_PNG
dsb_status dsbi_png_encode(dsb_runtime *rt, uint8_t **bytes, size_t *size, const dsbi_image *in)
{
    (void)rt;
    (void)in;
    *bytes = NULL;
    *size = 0;
    return dsbi_fail(DSB_E_UNSUPPORTED, "png: this build is without libpng");
}
#endif
