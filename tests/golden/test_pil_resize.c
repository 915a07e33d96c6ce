/* Does our resize equal Pillow's, bit for bit? The cases and the hashes of Pillow's results are
 * made by pil_resize/make.py; the images are a formula. */
#include "testing.h"

#include "base/sha256.h"
#include "image/image.h"

/* make.py: pattern(). Noise, ramps and edges in tiles of 16 pixels. */
static void pattern(dsbi_image *image)
{
    uint8_t *out = image->data;
    for (uint32_t y = 0; y < image->height; y++) {
        for (uint32_t x = 0; x < image->width; x++) {
            for (uint32_t c = 0; c < 3; c++) {
                uint32_t noise = (x * 73856093u) ^ (y * 19349663u) ^ (c * 83492791u);
                uint32_t kind = (x / 16 + y / 16 * 2) % 3;
                if (kind == 0)
                    *out++ = (uint8_t)(noise * 2654435761u >> 24);
                else if (kind == 1)
                    *out++ = (uint8_t)(x * 5 + y * 3 + c * 40);
                else
                    *out++ = (x / 7 + y / 5 + c) & 1 ? 255 : 0;
            }
        }
    }
}

static void check_case(dsb_runtime *rt, const char *line)
{
    unsigned in_w, in_h, out_w, out_h, filter;
    double box[4];
    char expected[17], found[65];
    ck_assert_int_eq(sscanf(line, "%u %u %u %u %lf %lf %lf %lf %u %16s", &in_w, &in_h, &out_w,
                            &out_h, &box[0], &box[1], &box[2], &box[3], &filter, expected),
                     10);
    dsbi_image in, out;
    ck_assert_ok(dsbi_image_alloc(rt, &in, in_w, in_h, 3));
    pattern(&in);
    ck_assert_ok(dsbi_image_resize(rt, &out, &in, out_w, out_h, box, (dsbi_filter)filter));
    uint8_t digest[32];
    dsbi_sha256(digest, out.data, (size_t)out_w * out_h * 3);
    dsbi_hex(found, digest, 8);
    ck_assert_msg(strcmp(found, expected) == 0, "%s: %s", line, found);
    dsbi_image_free(rt, &in);
    dsbi_image_free(rt, &out);
}

static void check_tiny(dsb_runtime *rt, char *numbers)
{
    dsbi_image in, out;
    ck_assert_ok(dsbi_image_alloc(rt, &in, 23, 17, 3));
    pattern(&in);
    ck_assert_ok(dsbi_image_resize(rt, &out, &in, 5, 4, NULL, DSBI_RESIZE_BICUBIC));
    for (size_t i = 0; i < 60; i++) {
        const char *number = strsep(&numbers, " ");
        ck_assert_msg(out.data[i] == atoi(number), "value %zu: %u, Pillow %s", i, out.data[i],
                      number);
    }
    dsbi_image_free(rt, &in);
    dsbi_image_free(rt, &out);
}

START_TEST(all_cases_equal_pillow)
{
    dsb_runtime *rt = make_runtime(1);
    uint64_t before = dsb_runtime_memory(rt);
    FILE *file = fopen(DSBI_TEST_DIR "/golden/pil_resize/cases.tsv", "r");
    ck_assert_ptr_nonnull(file);
    char line[1024];
    int n = 0;
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "#tiny ", 6) == 0)
            check_tiny(rt, line + 6);
        else if (line[0] != '#') {
            check_case(rt, line);
            n++;
        }
    }
    fclose(file);
    ck_assert_int_ge(n, 60);
    ck_assert_uint_eq(dsb_runtime_memory(rt), before);
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    return run_tests("pil_resize", all_cases_equal_pillow, NULL);
}
