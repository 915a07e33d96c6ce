/* Body of the codecs' fuzz entries: the signature is put right, so that the input reaches the codec
 * it is meant for; whatever comes out must be sound and leave no memory behind. */
#ifndef DSBI_TESTS_FUZZ_DECODE_H
#define DSBI_TESTS_FUZZ_DECODE_H

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "fuzz.h"
#include "image/image.h"

/* A rectangle, placed by four bytes, of a file whose whole picture is `whole`: what is decoded
 * holds it, and at full size with the same pixels. */
static inline void fuzz_cut(dsb_runtime *rt, const dsbi_image *whole, const uint8_t *bytes,
                            size_t size, dsbi_decode_limits limits)
{
    const uint8_t *at = bytes + size - 4;
    dsbi_cut cut = {.x = at[0] * whole->width / 256, .y = at[1] * whole->height / 256};
    cut.width = 1 + at[2] * (whole->width - cut.x) / 256;
    cut.height = 1 + at[3] * (whole->height - cut.y) / 256;
    cut.min_width = cut.min_height = at[0] & 1 ? 0 : at[1] % 16;
    limits.cut = &cut;
    dsbi_image part;
    const dsb_status status = dsbi_image_decode(rt, &part, NULL, bytes, size, &limits);
    assert(status == DSB_OK);
    (void)status;
    const uint32_t scale = cut.scale;
    assert(cut.at_x <= cut.x / scale && cut.at_y <= cut.y / scale);
    assert(cut.at_x + part.width >= (cut.x + cut.width + scale - 1) / scale);
    assert(cut.at_y + part.height >= (cut.y + cut.height + scale - 1) / scale);
    for (uint32_t y = 0; scale == 1 && y < cut.height; y++) {
        const uint8_t *row =
            part.data + ((size_t)(cut.y - cut.at_y + y) * part.width + (cut.x - cut.at_x)) * 3;
        const uint8_t *same = whole->data + ((size_t)(cut.y + y) * whole->width + cut.x) * 3;
        assert(memcmp(row, same, (size_t)cut.width * 3) == 0);
    }
    dsbi_image_free(rt, &part);
}

/* Returns how decoding ends, OK too for an input without room for the signature. */
static inline dsb_status fuzz_decode_within(const uint8_t *data, size_t size, const char *signature,
                                            size_t n, size_t max_memory_bytes)
{
    static dsb_runtime *rt;
    if (!rt) {
        dsb_runtime_opts opts;
        dsb_runtime_opts_init(&opts, sizeof opts);
        opts.n_threads = 1;
        if (dsb_runtime_create(&rt, &opts) != DSB_OK)
            abort();
    }
    if (size < n)
        return DSB_OK;
    uint8_t *bytes = malloc(size); /* exact, so that a sanitizer sees a read beyond it */
    assert(bytes);
    memcpy(bytes, data, size);
    memcpy(bytes, signature, n);
    dsbi_decode_limits limits = dsbi_decode_limits_default;
    limits.max_pixels = 1 << 12; /* small, so that runs are fast */
    limits.max_blocks = 1 << 12;
    limits.max_memory_bytes = max_memory_bytes;
    uint64_t before = dsb_runtime_memory(rt);
    dsbi_image image;
    dsb_image_info info;
    const dsb_status decoded = dsbi_image_decode(rt, &image, &info, bytes, size, &limits);
    assert(decoded <= 0);
    if (decoded == DSB_OK) {
        assert(image.width == info.width && image.height == info.height && image.channels == 3);
        uint8_t square[16 * 16 * 3];
        dsb_status prepared =
            dsbi_image_prepare(rt, square, &image, 16, DSBI_PREPARE_SQUASH, DSBI_RESIZE_BILINEAR);
        assert(prepared == DSB_OK);
        (void)prepared;
        if (info.format == DSB_FORMAT_JPEG)
            fuzz_cut(rt, &image, bytes, size, limits);
        dsbi_image_free(rt, &image);
    } else {
        assert(!image.data && dsb_last_error()[0] != '\0');
    }
    assert(dsbi_image_header_read(rt, &info, bytes, size) <= 0);
    assert(dsb_runtime_memory(rt) == before);
    free(bytes);
    return decoded;
}

static inline int fuzz_decode(const uint8_t *data, size_t size, const char *signature, size_t n)
{
    (void)fuzz_decode_within(data, size, signature, n, dsbi_decode_limits_default.max_memory_bytes);
    return 0;
}

#endif
