/** Images: what a file says of itself, decoding, resizing.
 *
 *  Every file is told by its content, never by its name. Decoding gives 8-bit RGB, bit for bit
 *  what Pillow's Image.open(f).convert("RGB") gives with the same libjpeg: accurate integer DCT,
 *  smooth chroma upsampling, alpha dropped, EXIF orientation not applied, colour profiles ignored,
 *  the first picture of an animation.
 *
 *  Simplest use:
 *      dsb_image_info info;
 *      dsb_image_info_init(&info, sizeof info);
 *      if (dsb_image_info_read(rt, &info, bytes, size) == DSB_OK)
 *          printf("%u x %u, JPEG quality %u\n", info.width, info.height, info.quality);
 *
 *  What counts as broken: a file that ends before its last pixel is complete (premature end), a
 *  checksum that does not fit, a header that contradicts itself. What counts as usable, with the
 *  number of warnings noted: extra bytes in front of a marker, a bad code inside a JPEG scan that
 *  still ends with its end marker, junk after the last pixel. This is what Pillow 9.4 does.
 */
#ifndef DSBIAS_IMAGE_H
#define DSBIAS_IMAGE_H

#include "dsbias/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What a file is, by its first bytes. Below 16: can be decoded. 16 to 31: an image format that is
 *  not decoded. 32 and above: no image. */
#define DSB_FORMAT_UNKNOWN 0u
#define DSB_FORMAT_JPEG 1u
#define DSB_FORMAT_PNG 2u /* decoded when the library was built with libpng */
#define DSB_FORMAT_PNM 3u /* PBM, PGM, PPM, binary */
#define DSB_FORMAT_BMP 4u
#define DSB_FORMAT_PIXELS 5u /* no file: pixels in an array or a record */
#define DSB_FORMAT_WEBP 6u   /* decoded when the library was built with libwebp */
#define DSB_FORMAT_GIF 17u
#define DSB_FORMAT_TIFF 18u
#define DSB_FORMAT_HEIF 19u /* HEIC, AVIF */
#define DSB_FORMAT_JPEGXL 20u
#define DSB_FORMAT_JPEG2000 21u
#define DSB_FORMAT_ICO 22u
#define DSB_FORMAT_PSD 23u
#define DSB_FORMAT_SVG 24u
#define DSB_FORMAT_PNM_TEXT 25u /* PBM, PGM, PPM written in decimal digits */
#define DSB_FORMAT_EMPTY 32u    /* no bytes */
#define DSB_FORMAT_ZEROS 33u    /* nothing but zero bytes */
#define DSB_FORMAT_HTML 34u
#define DSB_FORMAT_TEXT 35u
#define DSB_FORMAT_ARCHIVE 36u /* zip, gzip, tar */
#define DSB_FORMAT_PDF 37u
#define DSB_FORMAT_LFS_POINTER 38u /* a Git LFS pointer where the file should be */

/** How colours are stored. */
#define DSB_COLOUR_GREY 1u
#define DSB_COLOUR_YCC 2u
#define DSB_COLOUR_RGB 3u
#define DSB_COLOUR_CMYK 4u
#define DSB_COLOUR_YCCK 5u
#define DSB_COLOUR_PALETTE 6u

/** Facts of an image file, read from its header: no pixel is decoded. */
typedef struct dsb_image_info {
    uint64_t struct_size;   /* bytes the caller knows about; set by dsb_image_info_init */
    uint64_t size_bytes;    /* of the file */
    uint64_t qtable_hash;   /* FNV-1a 64 of all JPEG quantisation tables in use; 0 = no JPEG */
    uint32_t format;        /* DSB_FORMAT_* */
    uint32_t width, height; /* pixels as stored, EXIF orientation not applied */
    uint32_t channels;      /* as stored, alpha included, a palette counts 1 */
    uint32_t bit_depth;     /* bits a channel, or bits an index */
    uint32_t colour;        /* DSB_COLOUR_* */
    uint32_t has_alpha;     /* 1: an alpha channel or a transparent colour is there, and dropped */
    uint32_t progressive;   /* 1: progressive JPEG, interlaced PNG */
    uint32_t arithmetic;    /* 1: arithmetic-coded JPEG */
    uint32_t sampling;      /* JPEG: hexadecimal digits h,v of each component, first component in
                               the highest digits: 0x221111 is 4:2:0, 0x111111 is 4:4:4 */
    uint32_t restart_interval; /* JPEG: MCUs between restart markers; 0 = none */
    uint32_t quality; /* JPEG: IJG quality 1..100 whose tables come nearest; 0 = no estimate */
    uint32_t quality_exact; /* 1: the luma table is exactly the IJG table of that quality */
    uint32_t has_jfif, has_adobe, has_exif, has_icc; /* 1: such a segment or chunk is there */
    uint32_t exif_orientation;                       /* 1..8; 0 = not stated */
    uint32_t n_warnings; /* defects passed over: header ones from info_read, all after decoding */
    uint32_t reserved;   /* 0 */
    uint16_t qtable_luma[64];   /* first component, rows of the 8x8 table; zeros = no JPEG */
    uint16_t qtable_chroma[64]; /* second component, likewise; zeros = none */
} dsb_image_info;

/** Clears `info`. @param size sizeof *info as the caller compiled it. */
DSB_API void dsb_image_info_init(dsb_image_info *info, size_t size);

/** What the bytes are: a DSB_FORMAT_* from the first bytes alone. */
DSB_API uint32_t dsb_image_format(const uint8_t *bytes, size_t size);

/** Name of a DSB_FORMAT_*, "JPEG", "HTML page". Static text; "unknown" for a value that is none. */
DSB_API const char *dsb_image_format_name(uint32_t format);

/** 1 if this build decodes files of a DSB_FORMAT_*, else 0. Since 0.1. */
DSB_API uint32_t dsb_image_format_decoded(uint32_t format);

/** Reads the facts of a file held in memory. A file whose header is fine may still turn out broken
 *  when decoded.
 *  @param info  prepared by dsb_image_info_init.
 *  @return DSB_OK; DSB_E_INVALID (info not prepared); DSB_E_FORMAT (broken header), DSB_E_LIMIT,
 *  DSB_E_NOMEM, DSB_E_UNSUPPORTED (a format or variant that is not decoded, named in the sentence).
 *  Any thread. Since 0.1. */
DSB_API dsb_status dsb_image_info_read(dsb_runtime *rt, dsb_image_info *info, const uint8_t *bytes,
                                       size_t size);

/** A decoded image: 8-bit RGB, read only once made. Functions on one image may run on any number of
 *  threads at once. It keeps its runtime. */
typedef struct dsb_image dsb_image;

/** Filters, antialiased when they reduce; numbers as in PIL.Image.Resampling. */
#define DSB_FILTER_BILINEAR 2u
#define DSB_FILTER_BICUBIC 3u

/** How an image of any size becomes a square. */
#define DSB_PREPARE_SQUASH 0u      /* both sides to the size, aspect ratio lost */
#define DSB_PREPARE_CENTRE_CROP 1u /* shorter side to the size, then the middle, as torchvision */

/** Decodes a file held in memory.
 *  @param info  NULL or prepared by dsb_image_info_init: the facts of the file, filled as far as
 *  known also on failure.
 *  @return as dsb_image_info_read. At most 384 MiB and 178,956,970 pixels; DSB_E_LIMIT above.
 *  Since 0.1. */
DSB_API dsb_status dsb_image_decode(dsb_runtime *rt, dsb_image **out, dsb_image_info *info,
                                    const uint8_t *bytes, size_t size);

/** The same for a file on disk, at most 1 GiB; also DSB_E_NOTFOUND, DSB_E_IO. */
DSB_API dsb_status dsb_image_load(dsb_runtime *rt, dsb_image **out, dsb_image_info *info,
                                  const char *path);

/** Copies pixels in. @param pixels  [height, width, 3], rows without gaps. */
DSB_API dsb_status dsb_image_create(dsb_runtime *rt, dsb_image **out, const uint8_t *pixels,
                                    uint32_t width, uint32_t height);
DSB_API void dsb_image_free(dsb_image *image);

DSB_API uint32_t dsb_image_width(const dsb_image *image);
DSB_API uint32_t dsb_image_height(const dsb_image *image);
/** [height, width, 3], borrowed. */
DSB_API const uint8_t *dsb_image_pixels(const dsb_image *image);

/** Resizes; equals Pillow's Image.resize((width, height), filter, box) to the last bit.
 *  @param box  x0, y0, x1, y1 in pixels of `image`, fractions allowed; NULL = the whole.
 *  @return DSB_OK, DSB_E_INVALID (size, box or filter), DSB_E_NOMEM. Since 0.1. */
DSB_API dsb_status dsb_image_resize(const dsb_image *image, dsb_image **out, uint32_t width,
                                    uint32_t height, const double *box, uint32_t filter);

/** The square a classifier is fed with.
 *  @param pixels  [size, size, 3], written.  @param mode  DSB_PREPARE_*.
 *  @param filter  DSB_FILTER_*. */
DSB_API dsb_status dsb_image_prepare(const dsb_image *image, uint8_t *pixels, uint32_t size,
                                     uint32_t mode, uint32_t filter);

/** Writes a JPEG, replacing what was at `path` in one step.
 *  @param quality      1..100, IJG scale.
 *  @param subsampling  0x22 = 4:2:0, 0x11 = 4:4:4: sampling of the first component. */
DSB_API dsb_status dsb_image_save_jpeg(const dsb_image *image, const char *path, uint32_t quality,
                                       uint32_t subsampling);

/** Writes a PNG, replacing what was at `path` in one step. DSB_E_UNSUPPORTED without libpng. */
DSB_API dsb_status dsb_image_save_png(const dsb_image *image, const char *path);

/** Built-in data: procedural scenes (hills, houses, leaves) seen through "cameras" that differ only
 *  in pipeline: resolution, filter, local contrast, white balance, noise, JPEG. Two cameras on the
 *  same scenes are two datasets without a difference in content; one camera on two ranges of
 *  scenes is a null.
 *
 *  Spec: "synthetic:CAMERA?n=600&seed=7&offset=0", all options optional:
 *    n       images, default 500
 *    seed    another seed gives other scenes, default 0
 *    offset  number of the first scene; default: camera i begins at i * 10^9, so that no scene is
 *            seen by two cameras. The same offset for two cameras: the same scenes.
 */
/** Name of camera i, "phone"; NULL behind the last. */
DSB_API const char *dsb_synthetic_camera_name(size_t i);
/** Its pipeline in a line; NULL behind the last. */
DSB_API const char *dsb_synthetic_camera_about(size_t i);

/** Writes the collection as JPEG files: FOLDER/KIND/scene-NUMBER.jpg, folders made as needed. Files
 *  already there are replaced. On all threads of the runtime; the same bytes for any number of
 * them.
 *  @return DSB_OK; DSB_E_INVALID (spec), DSB_E_NOTFOUND (camera), DSB_E_IO, DSB_E_CANCELLED (`fn`
 *  asked to stop; files written so far stay). Since 0.1. */
DSB_API dsb_status dsb_synthetic_write(dsb_runtime *rt, const char *spec, const char *folder,
                                       dsb_event_fn fn, void *user);

#ifdef __cplusplus
}
#endif

#endif
