/* One codec is one file in this folder that defines `const dsbi_codec dsbi_codec_<name>`; the table
 * of all is made by CMake from the folder. */
#ifndef DSBI_IMAGE_CODECS_CODEC_H
#define DSBI_IMAGE_CODECS_CODEC_H

#include "image/image.h"

typedef struct dsbi_codec {
    uint32_t format; /* DSB_FORMAT_* whose bytes it reads */
    /* Fills *info (zeroed, format and size_bytes set) from the header, and *out, which is empty and
     * stays so on failure; out NULL: the header alone. */
    dsb_status (*decode)(dsb_runtime *rt, dsbi_image *out, dsb_image_info *info,
                         const uint8_t *bytes, size_t size, const dsbi_decode_limits *limits);
    bool says_header; /* decode calls limits->on_header; else it is called before */
} dsbi_codec;

extern const dsbi_codec *const dsbi_codec_table[]; /* NULL-ended */

/* Orientation (tag 0x0112) in a TIFF structure, 1..8, or 0 when it is not there or not sound. */
uint32_t dsbi_exif_orientation(const uint8_t *tiff, size_t size);

static inline uint32_t dsbi_be16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}
static inline uint32_t dsbi_be32(const uint8_t *p)
{
    return dsbi_be16(p) << 16 | dsbi_be16(p + 2);
}
static inline uint32_t dsbi_le16(const uint8_t *p)
{
    return (uint32_t)p[1] << 8 | p[0];
}
static inline uint32_t dsbi_le32(const uint8_t *p)
{
    return dsbi_le16(p + 2) << 16 | dsbi_le16(p);
}

#endif
