/* The specification of quick bilinear enlarging: two bytes with weights of 8 bits. */
#include "kernels/kernels.h"

void dsbi_blend_u8_generic(uint8_t *out, const uint8_t *a, const uint8_t *b, uint32_t w0,
                           uint32_t w1, size_t n)
{
    for (size_t x = 0; x < n; x++)
        out[x] = (uint8_t)((a[x] * w0 + b[x] * w1 + 128) >> 8);
}

void dsbi_stretch_u8_generic(uint8_t *out, const uint8_t *in, const uint32_t *at,
                             const uint8_t *pick, const uint8_t *weights, size_t groups)
{
    for (size_t g = 0; g < groups; g++, pick += 16, weights += 16, out += 8) {
        const uint8_t *from = in + at[g];
        for (size_t j = 0; j < 16; j += 2)
            out[j / 2] =
                (uint8_t)((from[pick[j]] * weights[j] + from[pick[j + 1]] * weights[j + 1] + 128) >>
                          8);
    }
}
