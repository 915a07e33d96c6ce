/* RandAugment's operators equal Pillow's, byte for byte: golden/pil_ops. */
#include "testing.h"

#include "image/augment/augment.h"
#include "image/augment/pil_ops.h"

typedef struct pil_vector {
    uint32_t kind, width, height;
    dsbi_aug_op op;
    double argument;
    uint64_t hash; /* FNV-1a 64 of the output pixels */
} pil_vector;

#include "golden/pil_ops/vectors.h"

/* The formula of make.py. */
static uint8_t formula_pixel(uint32_t kind, uint32_t x, uint32_t y, uint32_t c)
{
    uint32_t h = x * 73856093u ^ y * 19349663u ^ c * 83492791u ^ kind * 2654435761u;
    h ^= h >> 13;
    h *= 0x5BD1E995u;
    h ^= h >> 15;
    uint32_t gradient = x * 3 + y * 2 + c * 20 + h % 7;
    switch (kind) {
    case 0:
        return (uint8_t)(h & 255);
    case 1:
        return (uint8_t)(gradient > 255 ? 255 : gradient);
    case 2:
        return (uint8_t)(60 + c * 20 + h % 90);
    case 3:
        return (uint8_t)(h & 1 ? 200 : 31 + c);
    default:
        return (uint8_t)(77 + c);
    }
}

static void fill_formula(uint8_t *rgb, uint32_t kind, uint32_t width, uint32_t height)
{
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            for (uint32_t c = 0; c < 3; c++)
                *rgb++ = formula_pixel(kind, x, y, c);
}

static uint64_t fnv1a(const uint8_t *bytes, size_t size)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++)
        h = (h ^ bytes[i]) * 0x100000001b3u;
    return h;
}

START_TEST(operators_equal_pillow)
{
    static uint8_t rgb[64 * 64 * 3], scratch[64 * 64 * 3];
    size_t n_vectors = sizeof pil_vectors / sizeof *pil_vectors;
    for (size_t i = 0; i < n_vectors; i++) {
        const pil_vector *v = &pil_vectors[i];
        fill_formula(rgb, v->kind, v->width, v->height);
        dsbi_augment_apply_op(rgb, scratch, v->width, v->height, v->op, v->argument);
        uint64_t hash = fnv1a(rgb, (size_t)v->width * v->height * 3);
        ck_assert_msg(hash == v->hash, "image %u of %u x %u, operator %d, argument %.17g", v->kind,
                      v->width, v->height, (int)v->op, v->argument);
    }
}
END_TEST

/* Level 10 of the increasing posterize keeps no bit; newer Pillow refuses it, older ones do this.
 */
START_TEST(posterize_to_no_bits_is_black)
{
    uint8_t rgb[3] = {255, 128, 1};
    dsbi_pil_posterize(rgb, 1, 0);
    ck_assert_mem_eq(rgb, "\0\0", 3);
}
END_TEST

int main(void)
{
    return run_tests("pil_ops", operators_equal_pillow, posterize_to_no_bits_is_black, NULL);
}
