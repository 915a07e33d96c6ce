/* WebP: pixels as Pillow's, what headers say, files cut and flipped at every byte, sizes that lie.
 * The files are the fuzzer's seeds. */
#include "testing.h"

#include "image/image.h"

typedef struct webp_vector {
    const char *name;
    uint32_t width, height, has_alpha;
    uint64_t hash;
} webp_vector;

#include "golden/pil_webp/vectors.h"

enum { N_VECTORS = sizeof webp_vectors / sizeof webp_vectors[0] };

typedef struct file {
    uint8_t *bytes; /* malloc'ed to the exact size, so that ASan sees a read past the end */
    size_t size;
} file;

static file load(const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/fuzz/corpus/webp/%s", DSBI_TEST_DIR, name);
    FILE *stream = fopen(path, "rb");
    ck_assert_msg(stream != NULL, "%s", path);
    uint8_t buffer[4096];
    file f = {.size = fread(buffer, 1, sizeof buffer, stream)};
    fclose(stream);
    f.bytes = malloc(f.size);
    memcpy(f.bytes, buffer, f.size);
    return f;
}

static void put_le32(uint8_t *p, size_t value)
{
    for (size_t i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> 8 * i);
}

/* Decodes; checks what must hold whatever comes out. */
static dsb_status decode(dsb_runtime *rt, const uint8_t *bytes, size_t size)
{
    uint64_t before = dsb_runtime_memory(rt);
    dsbi_image image;
    dsb_image_info info;
    dsb_status status = dsbi_image_decode(rt, &image, &info, bytes, size, NULL);
    if (status == DSB_OK) {
        ck_assert_uint_eq(image.width, info.width);
        ck_assert_uint_eq(image.height, info.height);
        dsbi_image_free(rt, &image);
    } else {
        ck_assert_ptr_null(image.data);
        ck_assert_msg(strlen(dsb_last_error()) > 8, "no sentence: \"%s\"", dsb_last_error());
    }
    ck_assert_uint_eq(dsb_runtime_memory(rt), before);
    return status;
}

static uint64_t fnv(const uint8_t *bytes, size_t size)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3u;
    return hash;
}

START_TEST(pixels_are_pillows)
{
    dsb_runtime *rt = make_runtime(1);
    for (size_t i = 0; i < N_VECTORS; i++) {
        const webp_vector *v = &webp_vectors[i];
        file f = load(v->name);
        dsbi_image image;
        dsb_image_info info, header;
        ck_assert_ok(dsbi_image_decode(rt, &image, &info, f.bytes, f.size, NULL));
        ck_assert_ok(dsbi_image_info_read(rt, &header, f.bytes, f.size));
        ck_assert_mem_eq(&info, &header, sizeof info);
        ck_assert_uint_eq(info.width, v->width);
        ck_assert_uint_eq(info.height, v->height);
        ck_assert_uint_eq(info.has_alpha, v->has_alpha);
        ck_assert_uint_eq(info.channels, 3 + v->has_alpha);
        ck_assert_uint_eq(info.format, DSB_FORMAT_WEBP);
        ck_assert_msg(fnv(image.data, (size_t)v->width * v->height * 3) == v->hash,
                      "%s: other pixels than Pillow's", v->name);
        dsbi_image_free(rt, &image);
        free(f.bytes);
    }
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(headers_tell_profile_and_orientation)
{
    dsb_runtime *rt = make_runtime(1);
    file f = load("meta");
    dsb_image_info info;
    ck_assert_ok(dsbi_image_info_read(rt, &info, f.bytes, f.size));
    ck_assert_uint_eq(info.has_icc, 1);
    ck_assert_uint_eq(info.has_exif, 1);
    ck_assert_uint_eq(info.exif_orientation, 6);
    ck_assert_uint_eq(info.colour, DSB_COLOUR_YCC);
    ck_assert_uint_eq(info.bit_depth, 8);
    free(f.bytes);
    f = load("lossless");
    ck_assert_ok(dsbi_image_info_read(rt, &info, f.bytes, f.size));
    ck_assert_uint_eq(info.colour, DSB_COLOUR_RGB);
    ck_assert_uint_eq(info.has_icc + info.has_exif, 0);
    free(f.bytes);
    dsb_runtime_free(rt);
}
END_TEST

/* Cut short, with the size of the whole as it was and put right: refused at every length but those
 * of a first frame, an extended file's picture, or a last byte of padding. */
START_TEST(cut_at_every_byte)
{
    dsb_runtime *rt = make_runtime(1);
    for (size_t i = 0; i < N_VECTORS; i++) {
        file f = load(webp_vectors[i].name);
        for (size_t size = 0; size < f.size; size++) {
            file cut = {malloc(size ? size : 1), size};
            memcpy(cut.bytes, f.bytes, size);
            dsb_status status = decode(rt, cut.bytes, size);
            ck_assert_msg(status < 0, "%s: %zu of %zu bytes are decoded", webp_vectors[i].name,
                          size, f.size);
            if (size > 12) {
                put_le32(cut.bytes + 4, size - 8);
                decode(rt, cut.bytes, size);
            }
            free(cut.bytes);
        }
        free(f.bytes);
    }
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(every_bit_flipped)
{
    dsb_runtime *rt = make_runtime(1);
    for (size_t i = 0; i < N_VECTORS; i++) {
        file f = load(webp_vectors[i].name);
        for (size_t bit = 0; bit < 8 * f.size; bit++) {
            f.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            decode(rt, f.bytes, f.size);
            f.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        ck_assert_ok(decode(rt, f.bytes, f.size));
        free(f.bytes);
    }
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(sizes_that_lie)
{
    dsb_runtime *rt = make_runtime(1);
    dsbi_image image;
    file f = load("lossy_alpha"); /* VP8X: flags at byte 20, canvas at 24 and 27 */
    f.bytes[24] = 99;
    ck_assert_fails(dsbi_image_decode(rt, &image, NULL, f.bytes, f.size, NULL), DSB_E_FORMAT,
                    "size 100 x 13 in the container, 19 x 13 in the picture");
    free(f.bytes);
    f = load("animated_part"); /* ANIM at 30, ANMF at 44: x, y, width, height from byte 52 on */
    f.bytes[52] = 8;
    ck_assert_fails(dsbi_image_decode(rt, &image, NULL, f.bytes, f.size, NULL), DSB_E_FORMAT,
                    "frame 5 x 4 at 16, 4 is outside of 19 x 13");
    f.bytes[52] = 1;
    memset(f.bytes + 24, 0xff, 6); /* a canvas of 2^24 x 2^24 */
    ck_assert_fails(dsbi_image_decode(rt, &image, NULL, f.bytes, f.size, NULL), DSB_E_LIMIT,
                    "16777216 x 16777216 is above the limit");
    free(f.bytes);
    f = load("lossless");
    dsbi_decode_limits limits = dsbi_decode_limits_default;
    limits.max_memory_bytes = 19 * 13 * 7 - 1;
    ck_assert_fails(dsbi_image_decode(rt, &image, NULL, f.bytes, f.size, &limits), DSB_E_LIMIT,
                    "19 x 13 needs 1729 bytes");
    put_le32(f.bytes + 16, f.size); /* the chunk is longer than the file */
    ck_assert_fails(dsbi_image_decode(rt, &image, NULL, f.bytes, f.size, NULL), DSB_E_FORMAT,
                    "premature end of file in the chunk at byte 12");
    memcpy(f.bytes + 12, "JUNK", 4);
    put_le32(f.bytes + 16, f.size - 20);
    ck_assert_fails(dsbi_image_decode(rt, &image, NULL, f.bytes, f.size, NULL), DSB_E_FORMAT,
                    "the first chunk");
    free(f.bytes);
    dsb_runtime_free(rt);
}
END_TEST

static dsb_status decode_within(dsb_runtime *rt, const file *f, size_t max_memory_bytes)
{
    dsbi_decode_limits limits = dsbi_decode_limits_default;
    limits.max_memory_bytes = max_memory_bytes;
    dsbi_image image;
    dsb_status status = dsbi_image_decode(rt, &image, NULL, f->bytes, f->size, &limits);
    dsbi_image_free(rt, &image);
    return status;
}

/* A picture with 64 groups of prefix codes and no colour cache is counted to the byte. */
START_TEST(tables_of_codes_are_counted)
{
    enum { GROUP = (3 * 630 + 410 + 654) * 4 + 568, NEED = 32 * 32 * 7 + 64 * GROUP + 64 * 4 };
    dsb_runtime *rt = make_runtime(1);
    file f = load("lossless_groups");
    ck_assert_ok(decode_within(rt, &f, NEED));
    ck_assert_fails(decode_within(rt, &f, NEED - 1), DSB_E_LIMIT, "32 x 32 with 64 groups");
    for (size_t size = 40; size < 128; size++) { /* within the image of groups */
        put_le32(f.bytes + 4, size - 8);
        put_le32(f.bytes + 16, size - 20);
        ck_assert_fails(decode_within(rt, &(file){f.bytes, size}, 20000), DSB_E_FORMAT,
                        "premature end of file");
    }
    free(f.bytes);
    dsb_runtime_free(rt);
}
END_TEST

/* The reader of tables refuses nothing that libwebp takes: with little memory, where they are
 * counted, a file changed at any bit is still decoded or needs more. */
START_TEST(counting_refuses_nothing_else)
{
    dsb_runtime *rt = make_runtime(1);
    for (size_t i = 0; i < N_VECTORS; i++) {
        file f = load(webp_vectors[i].name);
        for (size_t bit = 0; bit < 8 * f.size; bit++) {
            f.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            if (decode(rt, f.bytes, f.size) == DSB_OK) {
                dsb_status status = decode_within(rt, &f, 50000);
                ck_assert_msg(status == DSB_OK || status == DSB_E_LIMIT, "%s, bit %zu: %s",
                              webp_vectors[i].name, bit, dsb_last_error());
            }
            f.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        ck_assert_ok(decode_within(rt, &f, 50000));
        free(f.bytes);
    }
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    if (!dsb_image_format_decoded(DSB_FORMAT_WEBP)) {
        printf("SKIPPED: this build is without libwebp\n");
        return 77;
    }
    return run_tests("webp", pixels_are_pillows, headers_tell_profile_and_orientation,
                     cut_at_every_byte, every_bit_flipped, sizes_that_lie,
                     tables_of_codes_are_counted, counting_refuses_nothing_else, NULL);
}
