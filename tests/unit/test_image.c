/* What files are, what their headers say, handles, crop, mirror, prepare, writing. */
#include "testing.h"

#include "image/image.h"

static dsbi_image picture(dsb_runtime *rt, uint32_t width, uint32_t height)
{
    dsbi_image image;
    ck_assert_ok(dsbi_image_alloc(rt, &image, width, height, 3));
    for (size_t i = 0; i < (size_t)width * height * 3; i++)
        image.data[i] = (uint8_t)(i * 7 + i / 64 * 11);
    return image;
}

START_TEST(formats_are_told_by_content)
{
    static const struct {
        const char *bytes;
        size_t size;
        uint32_t format;
        const char *name;
    } cases[] = {
        {"", 0, DSB_FORMAT_EMPTY, "empty file"},
        {"\0\0\0\0", 4, DSB_FORMAT_ZEROS, "zero bytes"},
        {"\xff\xd8\xff\xe0", 4, DSB_FORMAT_JPEG, "JPEG"},
        {"\x89PNG\r\n\x1a\n", 8, DSB_FORMAT_PNG, "PNG"},
        {"\x89PNG\n\x1a\n", 7, DSB_FORMAT_PNG, "PNG"},
        {"P6 1 1 255\n", 11, DSB_FORMAT_PNM, "PNM"},
        {"P3 1 1 255\n", 11, DSB_FORMAT_PNM_TEXT, "text PNM"},
        {"BM....", 6, DSB_FORMAT_BMP, "BMP"},
        {"RIFF....WEBPVP8 ", 16, DSB_FORMAT_WEBP, "WebP"},
        {"GIF89a", 6, DSB_FORMAT_GIF, "GIF"},
        {"II*\0....", 8, DSB_FORMAT_TIFF, "TIFF"},
        {"....ftypavif", 12, DSB_FORMAT_HEIF, "HEIF or AVIF"},
        {"\r\n <!DOCTYPE HTML>", 18, DSB_FORMAT_HTML, "HTML page"},
        {"<HTML>", 6, DSB_FORMAT_HTML, "HTML page"},
        {"not an image\n", 13, DSB_FORMAT_TEXT, "text"},
        {"version https://git-lfs.github.com/spec/v1", 42, DSB_FORMAT_LFS_POINTER,
         "Git LFS pointer"},
        {"PK\3\4", 4, DSB_FORMAT_ARCHIVE, "archive"},
        {"\1\2\3\4", 4, DSB_FORMAT_UNKNOWN, "unknown"},
    };
    dsb_runtime *rt = make_runtime(1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const uint8_t *bytes = (const uint8_t *)cases[i].bytes;
        uint32_t format = dsb_image_format(bytes, cases[i].size);
        ck_assert_uint_eq(format, cases[i].format);
        ck_assert_str_eq(dsb_image_format_name(format), cases[i].name);
        dsb_image *image;
        ck_assert_int_lt(dsb_image_decode(rt, &image, NULL, bytes, cases[i].size), 0);
        if (!dsb_image_format_decoded(format))
            ck_assert_ptr_nonnull(strstr(dsb_last_error(), cases[i].name));
    }
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(jpeg_quality_is_recognised)
{
    dsb_runtime *rt = make_runtime(1);
    dsbi_image image = picture(rt, 17, 9);
    uint64_t hashes[101] = {0};
    for (int quality = 1; quality <= 100; quality++) {
        uint8_t *bytes;
        size_t size;
        dsb_image_info info;
        ck_assert_ok(dsbi_jpeg_encode(rt, &bytes, &size, &image, quality, quality % 2 == 0));
        ck_assert_ok(dsbi_image_info_read(rt, &info, bytes, size));
        ck_assert_uint_eq(info.quality, (uint32_t)quality);
        ck_assert_uint_eq(info.quality_exact, 1);
        ck_assert_uint_eq(info.sampling, quality % 2 == 0 ? 0x221111 : 0x111111);
        ck_assert_uint_eq(info.size_bytes, size);
        ck_assert_uint_eq(info.width, 17);
        ck_assert_uint_eq(info.height, 9);
        ck_assert_uint_eq(info.channels, 3);
        ck_assert_uint_eq(info.bit_depth, 8);
        ck_assert_uint_eq(info.colour, DSB_COLOUR_YCC);
        ck_assert_uint_eq(info.has_jfif, 1);
        ck_assert_uint_eq(info.has_exif, 0);
        for (int other = 1; other < quality; other++)
            ck_assert_uint_ne(info.qtable_hash, hashes[other]);
        hashes[quality] = info.qtable_hash;
        dsbi_free(rt, bytes);
    }
    uint8_t *bytes;
    size_t size;
    ck_assert_fails(dsbi_jpeg_encode(rt, &bytes, &size, &image, 0, true), DSB_E_INVALID, "0");
    dsbi_image_free(rt, &image);
    dsb_runtime_free(rt);
}
END_TEST

/* APP1 with one directory entry behind the start of image. */
static uint8_t *with_exif(dsb_runtime *rt, const uint8_t *jpeg, size_t *size, bool big,
                          uint8_t orientation)
{
    uint8_t segment[36] = "\xff\xe1\0\x22"
                          "Exif\0";
    memcpy(segment + 10,
           big ? "MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0"
               : "II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0",
           18);
    segment[big ? 29 : 28] = orientation;
    uint8_t *out = dsbi_alloc(rt, *size + sizeof segment);
    memcpy(out, jpeg, 2);
    memcpy(out + 2, segment, sizeof segment);
    memcpy(out + 2 + sizeof segment, jpeg + 2, *size - 2);
    *size += sizeof segment;
    return out;
}

START_TEST(exif_orientation_is_read)
{
    dsb_runtime *rt = make_runtime(1);
    dsbi_image image = picture(rt, 8, 8);
    uint8_t *jpeg;
    size_t plain_size;
    ck_assert_ok(dsbi_jpeg_encode(rt, &jpeg, &plain_size, &image, 90, false));
    for (uint8_t orientation = 0; orientation < 12; orientation++) {
        for (int big = 0; big < 2; big++) {
            size_t size = plain_size;
            uint8_t *bytes = with_exif(rt, jpeg, &size, big, orientation);
            dsb_image_info info;
            ck_assert_ok(dsbi_image_info_read(rt, &info, bytes, size));
            ck_assert_uint_eq(info.has_exif, 1);
            ck_assert_uint_eq(info.exif_orientation, orientation <= 8 ? orientation : 0);
            dsbi_free(rt, bytes);
        }
    }
    dsbi_free(rt, jpeg);
    dsbi_image_free(rt, &image);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(handles_know_their_contract)
{
    dsb_runtime *rt = make_runtime(1);
    static const uint8_t pixels[2 * 3 * 3] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};
    dsb_image *image, *other;
    ck_assert_ok(dsb_image_create(rt, &image, pixels, 3, 2));
    ck_assert_uint_eq(dsb_image_width(image), 3);
    ck_assert_uint_eq(dsb_image_height(image), 2);
    ck_assert_mem_eq(dsb_image_pixels(image), pixels, sizeof pixels);
    ck_assert_ok(dsb_image_resize(image, &other, 7, 5, NULL, DSB_FILTER_BICUBIC));
    ck_assert_uint_eq(dsb_image_width(other), 7);
    dsb_image_free(other);
    ck_assert_fails(dsb_image_resize(image, &other, 0, 5, NULL, DSB_FILTER_BICUBIC), DSB_E_LIMIT,
                    "0");
    ck_assert_ptr_null(other);
    ck_assert_fails(dsb_image_resize(image, &other, 7, 5, NULL, 9), DSB_E_INVALID, "9");
    const double boxes[][4] = {
        {0, 0, 4, 2}, {-1, 0, 3, 2}, {1, 1, 1, 2}, {0, 0, __builtin_nan(""), 2}};
    for (size_t i = 0; i < 4; i++)
        ck_assert_fails(dsb_image_resize(image, &other, 7, 5, boxes[i], DSB_FILTER_BILINEAR),
                        DSB_E_INVALID, "box");
    uint8_t square[4 * 4 * 3];
    ck_assert_fails(dsb_image_prepare(image, square, 4, 7, DSB_FILTER_BILINEAR), DSB_E_INVALID,
                    "mode 7");
    ck_assert_fails(dsb_image_prepare(image, NULL, 4, 0, DSB_FILTER_BILINEAR), DSB_E_INVALID,
                    "NULL");
    ck_assert_fails(dsb_image_create(rt, &other, pixels, 0, 2), DSB_E_LIMIT, "0 x 2");
    ck_assert_fails(dsb_image_load(rt, &other, NULL, "/nowhere/x.jpg"), DSB_E_NOTFOUND, "/nowhere");
    ck_assert_fails(dsb_image_save_jpeg(image, "/tmp/x.jpg", 90, 0x21), DSB_E_INVALID, "0x21");
    dsb_image_info info = {0};
    ck_assert_fails(dsb_image_info_read(rt, &info, pixels, 3), DSB_E_INVALID, "init");
    ck_assert_fails(dsb_image_decode(rt, &other, &info, pixels, 3), DSB_E_INVALID, "init");
    ck_assert_fails(dsb_image_decode(NULL, &other, NULL, pixels, 3), DSB_E_INVALID, "NULL");
    dsb_runtime_free(rt); /* the image keeps it */
    dsb_image_free(image);
    dsb_image_free(NULL);
}
END_TEST

START_TEST(files_are_written_and_read_again)
{
    dsb_runtime *rt = make_runtime(1);
    dsbi_image made = picture(rt, 33, 21);
    dsb_image *image, *again;
    ck_assert_ok(dsb_image_create(rt, &image, made.data, 33, 21));
    dsbi_image_free(rt, &made);
    char path[] = "/tmp/dsbias_image_XXXXXX";
    close(mkstemp(path));
    ck_assert_ok(dsb_image_save_jpeg(image, path, 100, 0x11));
    dsb_image_info info;
    dsb_image_info_init(&info, sizeof info);
    ck_assert_ok(dsb_image_load(rt, &again, &info, path));
    ck_assert_uint_eq(info.quality, 100);
    dsb_image_free(again);
    dsb_status status = dsb_image_save_png(image, path);
    if (status != DSB_E_UNSUPPORTED) {
        ck_assert_ok(status);
        ck_assert_ok(dsb_image_load(rt, &again, &info, path));
        ck_assert_uint_eq(info.format, DSB_FORMAT_PNG);
        ck_assert_mem_eq(dsb_image_pixels(again), dsb_image_pixels(image), 33 * 21 * 3);
        dsb_image_free(again);
    }
    unlink(path);
    dsb_image_free(image);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(crop_and_mirror)
{
    dsb_runtime *rt = make_runtime(1);
    dsbi_image image = picture(rt, 9, 5), part;
    ck_assert_ok(dsbi_image_crop(rt, &part, &image, 2, 1, 7, 4));
    for (size_t y = 0; y < 4; y++)
        ck_assert_mem_eq(part.data + y * 7 * 3, image.data + ((y + 1) * 9 + 2) * 3, 7 * 3);
    dsbi_image_flip_horizontal(&part);
    ck_assert_mem_eq(part.data, image.data + (9 + 8) * 3, 3);
    ck_assert_mem_eq(part.data + 6 * 3, image.data + (9 + 2) * 3, 3);
    dsbi_image_free(rt, &part);
    ck_assert_fails(dsbi_image_crop(rt, &part, &image, 2, 1, 8, 4), DSB_E_INVALID, "8 x 4");
    ck_assert_fails(dsbi_image_crop(rt, &part, &image, UINT32_MAX, 1, 2, 1), DSB_E_INVALID, "crop");
    ck_assert_fails(dsbi_image_crop(rt, &part, &image, 0, 0, 0, 1), DSB_E_INVALID, "crop");
    dsbi_image_free(rt, &image);
    dsb_runtime_free(rt);
}
END_TEST

/* Only the window is computed; it must be what cropping the whole would give. */
START_TEST(prepare_is_resize_and_middle)
{
    static const struct {
        uint32_t width, height, full_width, full_height, x, y;
    } cases[] = {
        {100, 75, 85, 64, 10, 0}, /* (85 - 64) / 2 = 10.5 rounds to even: 10 */
        {75, 102, 64, 87, 0, 12}, /* 11.5 rounds to even: 12 */
        {30, 20, 96, 64, 16, 0},  {64, 64, 64, 64, 0, 0}, {1, 9, 64, 576, 0, 256},
    };
    dsb_runtime *rt = make_runtime(1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dsbi_image image = picture(rt, cases[i].width, cases[i].height), whole, middle;
        uint8_t square[64 * 64 * 3];
        ck_assert_ok(dsbi_image_prepare(rt, square, &image, 64, DSBI_PREPARE_CENTRE_CROP,
                                        DSBI_RESIZE_BICUBIC));
        ck_assert_ok(dsbi_image_resize(rt, &whole, &image, cases[i].full_width,
                                       cases[i].full_height, NULL, DSBI_RESIZE_BICUBIC));
        ck_assert_ok(dsbi_image_crop(rt, &middle, &whole, cases[i].x, cases[i].y, 64, 64));
        ck_assert_mem_eq(square, middle.data, sizeof square);
        dsbi_image_free(rt, &image);
        dsbi_image_free(rt, &whole);
        dsbi_image_free(rt, &middle);
    }
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    return run_tests("image", formats_are_told_by_content, jpeg_quality_is_recognised,
                     exif_orientation_is_read, handles_know_their_contract,
                     files_are_written_and_read_again, crop_and_mirror,
                     prepare_is_resize_and_middle, NULL);
}
