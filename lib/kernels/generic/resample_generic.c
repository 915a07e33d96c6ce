/* The specification of resampling: weighted sums of rows of bytes, and the transpose that makes
 * columns into rows. */
#include "kernels/kernels.h"

enum { FRACTION_BITS = 22, TILE = 64 };

static uint8_t clip8(int32_t sum)
{
    int32_t value = sum >> FRACTION_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

void dsbi_resample_u8_generic(uint8_t *out, const uint8_t *in, size_t stride,
                              const int32_t *weights, size_t n_rows, size_t n)
{
    int32_t sums[TILE];
    for (size_t x0 = 0; x0 < n; x0 += TILE) {
        const size_t width = n - x0 < TILE ? n - x0 : TILE;
        for (size_t x = 0; x < TILE; x++)
            sums[x] = 1 << (FRACTION_BITS - 1);
        for (size_t k = 0; k < n_rows; k++) {
            const uint8_t *row = in + k * stride + x0;
            for (size_t x = 0; x < width; x++)
                sums[x] += row[x] * weights[k];
        }
        for (size_t x = 0; x < width; x++)
            out[x0 + x] = clip8(sums[x]);
    }
}

void dsbi_transpose_u8_generic(uint8_t *out, size_t out_stride, const uint8_t *in, size_t in_stride,
                               size_t rows, size_t columns)
{
    for (size_t i0 = 0; i0 < rows; i0 += TILE) { /* strips, so that both sides stay in cache */
        const size_t i1 = rows - i0 < TILE ? rows : i0 + TILE;
        for (size_t j = 0; j < columns; j++)
            for (size_t i = i0; i < i1; i++)
                out[j * out_stride + i] = in[i * in_stride + j];
    }
}
