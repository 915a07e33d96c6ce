/* What a file is, by its first bytes. Names and extensions are not asked: they lie (WebP, PNG and
 * HTML error pages called .jpg are common in crawled collections). */
#include <string.h>
#include "image/image.h"

typedef struct signature {
    uint32_t format;
    uint32_t offset, length;
    const char *bytes;
} signature;

/* Tried in order. */
static const signature signatures[] = {
    {DSB_FORMAT_JPEG, 0, 2, "\xff\xd8"},
    {DSB_FORMAT_PNG, 0, 8, "\x89PNG\r\n\x1a\n"},
    {DSB_FORMAT_PNG, 1, 3, "PNG"}, /* a damaged signature: the codec says so */
    {DSB_FORMAT_PNG, 2, 6, "NG\r\n\x1a\n"},
    {DSB_FORMAT_PNG, 4, 4, "\r\n\x1a\n"},
    {DSB_FORMAT_BMP, 0, 2, "BM"},
    {DSB_FORMAT_WEBP, 8, 4, "WEBP"},
    {DSB_FORMAT_GIF, 0, 4, "GIF8"},
    {DSB_FORMAT_TIFF, 0, 4, "II*\0"},
    {DSB_FORMAT_TIFF, 0, 4, "MM\0*"},
    {DSB_FORMAT_TIFF, 0, 4, "II+\0"},
    {DSB_FORMAT_TIFF, 0, 4, "MM\0+"},
    {DSB_FORMAT_HEIF, 4, 8, "ftypheic"},
    {DSB_FORMAT_HEIF, 4, 8, "ftypheix"},
    {DSB_FORMAT_HEIF, 4, 8, "ftypmif1"},
    {DSB_FORMAT_HEIF, 4, 8, "ftypmsf1"},
    {DSB_FORMAT_HEIF, 4, 8, "ftypavif"},
    {DSB_FORMAT_HEIF, 4, 8, "ftypavis"},
    {DSB_FORMAT_JPEGXL, 0, 2, "\xff\x0a"},
    {DSB_FORMAT_JPEGXL, 0, 12, "\0\0\0\x0cJXL \r\n\x87\n"},
    {DSB_FORMAT_JPEG2000, 0, 12, "\0\0\0\x0cjP  \r\n\x87\n"},
    {DSB_FORMAT_JPEG2000, 0, 4, "\xff\x4f\xff\x51"},
    {DSB_FORMAT_ICO, 0, 4, "\0\0\1\0"},
    {DSB_FORMAT_PSD, 0, 4, "8BPS"},
    {DSB_FORMAT_PDF, 0, 5, "%PDF-"},
    {DSB_FORMAT_ARCHIVE, 0, 4, "PK\3\4"},
    {DSB_FORMAT_ARCHIVE, 0, 2, "\x1f\x8b"},
    {DSB_FORMAT_ARCHIVE, 257, 5, "ustar"},
    {DSB_FORMAT_LFS_POINTER, 0, 34, "version https://git-lfs.github.com"},
};

enum { LOOK_BYTES = 512 }; /* how far text and zeros are looked at */

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* `word` in lower case, after optional byte order mark and white space. */
static bool begins_with_word(const uint8_t *bytes, size_t size, const char *word)
{
    size_t at = size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    while (at < size && is_space(bytes[at]))
        at++;
    for (; *word; word++, at++) {
        if (at >= size)
            return false;
        uint8_t c = bytes[at];
        if (c >= 'A' && c <= 'Z')
            c = (uint8_t)(c - 'A' + 'a');
        if (c != (uint8_t)*word)
            return false;
    }
    return true;
}

/* Text as ASCII or UTF-8 has it: no control characters but white space. */
static bool is_text(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if ((bytes[i] < ' ' && !is_space(bytes[i])) || bytes[i] == 0x7f)
            return false;
    return true;
}

static uint32_t sniff_pnm(const uint8_t *bytes, size_t size)
{
    if (size < 3 || bytes[0] != 'P' || !(is_space(bytes[2]) || bytes[2] == '#'))
        return DSB_FORMAT_UNKNOWN;
    if (bytes[1] >= '4' && bytes[1] <= '6')
        return DSB_FORMAT_PNM;
    return bytes[1] >= '1' && bytes[1] <= '3' ? DSB_FORMAT_PNM_TEXT : DSB_FORMAT_UNKNOWN;
}

uint32_t dsb_image_format(const uint8_t *bytes, size_t size)
{
    if (size == 0)
        return DSB_FORMAT_EMPTY;
    for (size_t i = 0; i < sizeof signatures / sizeof signatures[0]; i++) {
        const signature *s = &signatures[i];
        if (size >= s->offset + s->length && memcmp(bytes + s->offset, s->bytes, s->length) == 0)
            return s->format;
    }
    uint32_t pnm = sniff_pnm(bytes, size);
    if (pnm != DSB_FORMAT_UNKNOWN)
        return pnm;
    size_t look = size < LOOK_BYTES ? size : LOOK_BYTES;
    size_t zeros = 0;
    while (zeros < look && bytes[zeros] == 0)
        zeros++;
    if (zeros == look)
        return DSB_FORMAT_ZEROS;
    if (begins_with_word(bytes, look, "<!doctype html") || begins_with_word(bytes, look, "<html") ||
        begins_with_word(bytes, look, "<head"))
        return DSB_FORMAT_HTML;
    if (begins_with_word(bytes, look, "<svg"))
        return DSB_FORMAT_SVG;
    return is_text(bytes, look) ? DSB_FORMAT_TEXT : DSB_FORMAT_UNKNOWN;
}

const char *dsb_image_format_name(uint32_t format)
{
    switch (format) {
    case DSB_FORMAT_JPEG:
        return "JPEG";
    case DSB_FORMAT_PNG:
        return "PNG";
    case DSB_FORMAT_PNM:
        return "PNM";
    case DSB_FORMAT_BMP:
        return "BMP";
    case DSB_FORMAT_PIXELS:
        return "pixels";
    case DSB_FORMAT_WEBP:
        return "WebP";
    case DSB_FORMAT_GIF:
        return "GIF";
    case DSB_FORMAT_TIFF:
        return "TIFF";
    case DSB_FORMAT_HEIF:
        return "HEIF or AVIF";
    case DSB_FORMAT_JPEGXL:
        return "JPEG XL";
    case DSB_FORMAT_JPEG2000:
        return "JPEG 2000";
    case DSB_FORMAT_ICO:
        return "ICO";
    case DSB_FORMAT_PSD:
        return "Photoshop";
    case DSB_FORMAT_SVG:
        return "SVG";
    case DSB_FORMAT_PNM_TEXT:
        return "text PNM";
    case DSB_FORMAT_EMPTY:
        return "empty file";
    case DSB_FORMAT_ZEROS:
        return "zero bytes";
    case DSB_FORMAT_HTML:
        return "HTML page";
    case DSB_FORMAT_TEXT:
        return "text";
    case DSB_FORMAT_ARCHIVE:
        return "archive";
    case DSB_FORMAT_PDF:
        return "PDF";
    case DSB_FORMAT_LFS_POINTER:
        return "Git LFS pointer";
    default:
        return "unknown";
    }
}
