/* The specification of the pixel side of JPEG: the accurate integer cosine transform of Loeffler,
 * Ligtenberg and Moschytz (ICASSP 1989) with 13 fraction bits, triangle upsampling of chroma, and
 * the JFIF colour equations with 16 fraction bits.
 *
 * Sums of two inputs wrap at 16 bits and results of the first pass are clipped to 16 bits, but wrap
 * if only the first row has coefficients, as in the vector code of libjpeg-turbo: it matters to
 * files with coefficients no picture has. */
#include "kernels/kernels.h"

enum { FRACTION = 13, FIRST_BITS = 2 };

static int32_t clip(int32_t x, int32_t low, int32_t high)
{
    return x < low ? low : x > high ? high : x;
}

/* Eight values `step` apart. The constants are cosines, times 2^13, as the paper combines them. */
static void transform(int32_t out[8], const int16_t *in, size_t step)
{
    const int32_t in1 = in[step], in2 = in[2 * step], in3 = in[3 * step];
    const int32_t in5 = in[5 * step], in6 = in[6 * step], in7 = in[7 * step];
    const int32_t sum04 = (int16_t)(in[0] + in[4 * step]) * (1 << FRACTION);
    const int32_t difference04 = (int16_t)(in[0] - in[4 * step]) * (1 << FRACTION);
    const int32_t even2 = in2 * 4433 - in6 * 10704, even3 = in2 * 10703 + in6 * 4433;
    const int32_t z3 = (int16_t)(in7 + in3), z4 = (int16_t)(in5 + in1);
    const int32_t y3 = z3 * -6436 + z4 * 9633, y4 = z3 * 9633 + z4 * 6437;
    const int32_t odd[4] = {in1 * 4926 - in7 * 7373 + y4, in3 * 4177 - in5 * 20995 + y3,
                            in5 * -4176 - in3 * 20995 + y4, in7 * -4927 - in1 * 7373 + y3};
    const int32_t even[4] = {sum04 + even3, difference04 + even2, difference04 - even2,
                             sum04 - even3};
    for (int i = 0; i < 4; i++) {
        out[i] = even[i] + odd[i];
        out[7 - i] = even[i] - odd[i];
    }
}

static bool has_one_row(const int16_t coefficients[64])
{
    for (int i = 8; i < 64; i++)
        if (coefficients[i] != 0)
            return false;
    return true;
}

void dsbi_idct_u8_generic(uint8_t *out, size_t stride, const int16_t coefficients[64],
                          const uint16_t quant[64])
{
    const bool is_row = has_one_row(coefficients);
    int16_t values[64], middle[64];
    int32_t sums[8];
    for (int i = 0; i < 64; i++)
        values[i] = (int16_t)((uint32_t)(uint16_t)coefficients[i] * quant[i]);
    for (int x = 0; x < 8; x++) {
        const int bits = FRACTION - FIRST_BITS;
        transform(sums, values + x, 8);
        for (int y = 0; y < 8; y++)
            middle[8 * y + x] =
                is_row ? (int16_t)(values[x] * (1 << FIRST_BITS))
                       : (int16_t)clip((sums[y] + (1 << (bits - 1))) >> bits, INT16_MIN, INT16_MAX);
    }
    for (int y = 0; y < 8; y++, out += stride) {
        const int bits = FRACTION + FIRST_BITS + 3; /* 3: the transform's factor of 8 */
        transform(sums, middle + 8 * y, 1);
        for (int x = 0; x < 8; x++)
            out[x] = (uint8_t)(clip((sums[x] + (1 << (bits - 1))) >> bits, -128, 127) + 128);
    }
}

/* To fewer samples: the transform of the lowest frequencies, as a sum over a row or a column. The
 * weights of the n-th sample, n < size / 2; of those behind the middle odd ones are negative. The
 * sum wraps at 32 bits, which coefficients that no picture has may pass, and loses `bits` bits. */
static int32_t reduced(const int16_t *in, size_t step, const int32_t weights[8], bool is_behind,
                       int bits)
{
    int32_t even = 0, odd = 0;
    for (size_t i = 0; i < 8; i += 2) {
        even += in[i * step] * weights[i];
        odd += in[(i + 1) * step] * weights[i + 1];
    }
    const uint32_t sum = (uint32_t)even + (is_behind ? 0 - (uint32_t)odd : (uint32_t)odd);
    return (int32_t)(sum + ((uint32_t)1 << (bits - 1))) >> bits;
}

/* extra: bits that the weights have beside FRACTION. */
static void reduce(uint8_t *out, size_t stride, const int16_t coefficients[64],
                   const uint16_t quant[64], size_t side, const int32_t weights[][8], int extra)
{
    int16_t values[64], middle[4 * 8];
    for (int i = 0; i < 64; i++)
        values[i] = (int16_t)((uint32_t)(uint16_t)coefficients[i] * quant[i]);
    int bits = FRACTION - FIRST_BITS + extra;
    for (size_t y = 0; y < side; y++) {
        const bool is_behind = y >= side / 2;
        for (size_t x = 0; x < 8; x++) {
            const int32_t sum =
                reduced(values + x, 8, weights[is_behind ? side - 1 - y : y], is_behind, bits);
            middle[8 * y + x] = (int16_t)clip(sum, INT16_MIN, INT16_MAX);
        }
    }
    bits = FRACTION + FIRST_BITS + 3 + extra;
    for (size_t y = 0; y < side; y++)
        for (size_t x = 0; x < side; x++) {
            const bool is_behind = x >= side / 2;
            const int32_t sum =
                reduced(middle + 8 * y, 1, weights[is_behind ? side - 1 - x : x], is_behind, bits);
            out[y * stride + x] = (uint8_t)(clip(sum, -128, 127) + 128);
        }
}

void dsbi_idct4_u8_generic(uint8_t *out, size_t stride, const int16_t coefficients[64],
                           const uint16_t quant[64])
{
    static const int32_t weights[2][8] = {{16384, 20995, 15137, 7373, 0, -4926, -6270, -4176},
                                          {16384, 8697, -15137, -17799, 0, 11893, 6270, -1730}};
    reduce(out, stride, coefficients, quant, 4, weights, 1);
}

void dsbi_idct2_u8_generic(uint8_t *out, size_t stride, const int16_t coefficients[64],
                           const uint16_t quant[64])
{
    static const int32_t weights[1][8] = {{32768, 29692, 0, -10426, 0, 6967, 0, -5906}};
    reduce(out, stride, coefficients, quant, 2, weights, 2);
}

void dsbi_widen_u8_generic(uint8_t *out, const uint8_t *in, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const int three = 3 * in[i];
        out[2 * i] = (uint8_t)((three + *(in + i - 1) + 1) >> 2);
        out[2 * i + 1] = (uint8_t)((three + in[i + 1] + 2) >> 2);
    }
}

void dsbi_spread_u8_generic(uint8_t *out, const uint8_t *near, const uint8_t *far, size_t n)
{
    int last = 3 * *(near - 1) + *(far - 1), here = 3 * near[0] + far[0];
    for (size_t i = 0; i < n; i++) {
        const int next = 3 * near[i + 1] + far[i + 1];
        out[2 * i] = (uint8_t)((3 * here + last + 8) >> 4);
        out[2 * i + 1] = (uint8_t)((3 * here + next + 7) >> 4);
        last = here;
        here = next;
    }
}

void dsbi_ycc_u8_generic(uint8_t *out, const uint8_t *y, const uint8_t *cb, const uint8_t *cr,
                         size_t n)
{
    for (size_t i = 0; i < n; i++, out += 3) {
        const int b = cb[i] - 128, r = cr[i] - 128, half = 1 << 15;
        out[0] = (uint8_t)clip(y[i] + ((91881 * r + half) >> 16), 0, 255);
        out[1] = (uint8_t)clip(y[i] + ((-22554 * b - 46802 * r + half) >> 16), 0, 255);
        out[2] = (uint8_t)clip(y[i] + ((116130 * b + half) >> 16), 0, 255);
    }
}
