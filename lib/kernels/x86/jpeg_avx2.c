/* The pixel side of JPEG in AVX2: see jpeg_generic.c, whose results these are.
 *
 * Transform: a vector of 32-bit sums has one value of each of eight columns (first pass) or rows
 * (second), so that a pass is plain arithmetic on eight vectors; products come in pairs from
 * multiply-adds of interleaved rows. What does not fill a vector of pixels is done by a last vector
 * that overlaps the one before. */
#include <immintrin.h>
#include "kernels/kernels.h"

#define VEC_INLINE static inline __attribute__((always_inline))

enum { FRACTION = 13, FIRST_BITS = 2, PIXELS = 32, SAMPLES = 16 };

typedef __m256i vi;

/* a0 b0 a1 b1 ... of 16 bits */
VEC_INLINE vi interleaved(__m128i a, __m128i b)
{
    return _mm256_set_m128i(_mm_unpackhi_epi16(a, b), _mm_unpacklo_epi16(a, b));
}

VEC_INLINE vi weighted(vi pairs, int first, int second)
{
    const int both = (int)((uint32_t)second << 16 | ((uint32_t)first & 0xffff));
    return _mm256_madd_epi16(pairs, _mm256_set1_epi32(both));
}

VEC_INLINE vi shifted(__m128i a)
{
    return _mm256_slli_epi32(_mm256_cvtepi16_epi32(a), FRACTION);
}

VEC_INLINE void transform(vi out[8], const __m128i in[8], int bits)
{
    const vi half = _mm256_set1_epi32(1 << (bits - 1));
    const vi in26 = interleaved(in[2], in[6]), in71 = interleaved(in[7], in[1]);
    const vi in53 = interleaved(in[5], in[3]);
    const vi z34 = interleaved(_mm_add_epi16(in[7], in[3]), _mm_add_epi16(in[5], in[1]));
    const vi sum04 = _mm256_add_epi32(shifted(_mm_add_epi16(in[0], in[4])), half);
    const vi difference04 = _mm256_add_epi32(shifted(_mm_sub_epi16(in[0], in[4])), half);
    const vi even2 = weighted(in26, 4433, -10704), even3 = weighted(in26, 10703, 4433);
    const vi y3 = weighted(z34, -6436, 9633), y4 = weighted(z34, 9633, 6437);
    const vi odd[4] = {_mm256_add_epi32(weighted(in71, -7373, 4926), y4),
                       _mm256_add_epi32(weighted(in53, -20995, 4177), y3),
                       _mm256_add_epi32(weighted(in53, -4176, -20995), y4),
                       _mm256_add_epi32(weighted(in71, -4927, -7373), y3)};
    const vi even[4] = {_mm256_add_epi32(sum04, even3), _mm256_add_epi32(difference04, even2),
                        _mm256_sub_epi32(difference04, even2), _mm256_sub_epi32(sum04, even3)};
    for (int i = 0; i < 4; i++) {
        out[i] = _mm256_srai_epi32(_mm256_add_epi32(even[i], odd[i]), bits);
        out[7 - i] = _mm256_srai_epi32(_mm256_sub_epi32(even[i], odd[i]), bits);
    }
}

/* Rows 2 i and 2 i + 1 clipped to 16 bits: pairs of both for columns 0..3 | 4..7. */
VEC_INLINE vi packed_pairs(vi row0, vi row1)
{
    const vi order = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15));
    return _mm256_shuffle_epi8(_mm256_packs_epi32(row0, row1), order);
}

/* 32-bit rows to 16-bit columns. */
VEC_INLINE void turn(__m128i out[8], const vi in[8])
{
    const vi a = packed_pairs(in[0], in[1]), b = packed_pairs(in[2], in[3]);
    const vi c = packed_pairs(in[4], in[5]), d = packed_pairs(in[6], in[7]);
    const vi ab01 = _mm256_unpacklo_epi32(a, b), ab23 = _mm256_unpackhi_epi32(a, b);
    const vi cd01 = _mm256_unpacklo_epi32(c, d), cd23 = _mm256_unpackhi_epi32(c, d);
    const vi columns[4] = {_mm256_unpacklo_epi64(ab01, cd01), _mm256_unpackhi_epi64(ab01, cd01),
                           _mm256_unpacklo_epi64(ab23, cd23), _mm256_unpackhi_epi64(ab23, cd23)};
    for (int i = 0; i < 4; i++) {
        out[i] = _mm256_castsi256_si128(columns[i]);
        out[i + 4] = _mm256_extracti128_si256(columns[i], 1);
    }
}

/* Columns 4 i .. 4 i + 3 as bytes, four of row 0 | 4, then of row 1 | 5 and so on. */
VEC_INLINE vi packed_bytes(const vi columns[4])
{
    const vi order = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    const vi bytes = _mm256_packs_epi16(_mm256_packs_epi32(columns[0], columns[1]),
                                        _mm256_packs_epi32(columns[2], columns[3]));
    return _mm256_add_epi8(_mm256_shuffle_epi8(bytes, order), _mm256_set1_epi8((char)0x80));
}

VEC_INLINE void store_rows(uint8_t *out, size_t stride, __m128i rows)
{
    _mm_storel_epi64((void *)out, rows);
    _mm_storel_epi64((void *)(out + stride), _mm_unpackhi_epi64(rows, rows));
}

VEC_INLINE bool has_one_row(const int16_t *coefficients)
{
    vi any = _mm256_zextsi128_si256(_mm_loadu_si128((const void *)(coefficients + 8)));
    for (int i = 2; i < 8; i += 2)
        any = _mm256_or_si256(any, _mm256_loadu_si256((const void *)(coefficients + 8 * i)));
    return _mm256_testz_si256(any, any);
}

/* The first pass of nothing but a first row, and turned: column x is eight times value x. */
VEC_INLINE void repeat_row(__m128i values[8])
{
    const __m128i row = _mm_slli_epi16(values[0], FIRST_BITS);
    for (int x = 0; x < 8; x++)
        values[x] = _mm_shuffle_epi8(row, _mm_set1_epi16((short)((2 * x + 1) << 8 | 2 * x)));
}

void dsbi_idct_u8_avx2(uint8_t *out, size_t stride, const int16_t coefficients[64],
                       const uint16_t quant[64])
{
    __m128i values[8];
    vi sums[8];
    for (int i = 0; i < 8; i++)
        values[i] = _mm_mullo_epi16(_mm_loadu_si128((const void *)(coefficients + 8 * i)),
                                    _mm_loadu_si128((const void *)(quant + 8 * i)));
    if (has_one_row(coefficients)) {
        repeat_row(values);
    } else {
        transform(sums, values, FRACTION - FIRST_BITS);
        turn(values, sums);
    }
    transform(sums, values, FRACTION + FIRST_BITS + 3);
    const vi left = packed_bytes(sums), right = packed_bytes(sums + 4);
    const vi low = _mm256_unpacklo_epi32(left, right), high = _mm256_unpackhi_epi32(left, right);
    store_rows(out, stride, _mm256_castsi256_si128(low));
    store_rows(out + 2 * stride, stride, _mm256_castsi256_si128(high));
    store_rows(out + 4 * stride, stride, _mm256_extracti128_si256(low, 1));
    store_rows(out + 6 * stride, stride, _mm256_extracti128_si256(high, 1));
}

/* The transform to four samples as a product with a matrix. */
static const int16_t four[4][8] = {{16384, 20995, 15137, 7373, 0, -4926, -6270, -4176},
                                   {16384, 8697, -15137, -17799, 0, 11893, 6270, -1730},
                                   {16384, -8697, -15137, 17799, 0, -11893, 6270, 1730},
                                   {16384, -20995, 15137, -7373, 0, 4926, -6270, 4176}};

/* Row y of the first pass, of eight columns. */
VEC_INLINE vi first_of_four(const vi pairs[4], int y)
{
    vi sum = _mm256_set1_epi32(1 << (FRACTION - FIRST_BITS));
    for (int i = 0; i < 4; i++)
        sum = _mm256_add_epi32(sum, weighted(pairs[i], four[y][2 * i], four[y][2 * i + 1]));
    return _mm256_srai_epi32(sum, FRACTION - FIRST_BITS + 1);
}

/* Two rows to four sums each, in lanes. */
VEC_INLINE vi second_of_four(vi rows)
{
    vi sums[4];
    for (int x = 0; x < 4; x++)
        sums[x] = _mm256_madd_epi16(
            rows, _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)four[x])));
    const vi all =
        _mm256_hadd_epi32(_mm256_hadd_epi32(sums[0], sums[1]), _mm256_hadd_epi32(sums[2], sums[3]));
    const int bits = FRACTION + FIRST_BITS + 3 + 1;
    return _mm256_srai_epi32(_mm256_add_epi32(all, _mm256_set1_epi32(1 << (bits - 1))), bits);
}

void dsbi_idct4_u8_avx2(uint8_t *out, size_t stride, const int16_t coefficients[64],
                        const uint16_t quant[64])
{
    __m128i values[8];
    vi pairs[4], rows[4];
    for (int i = 0; i < 8; i++)
        values[i] = _mm_mullo_epi16(_mm_loadu_si128((const void *)(coefficients + 8 * i)),
                                    _mm_loadu_si128((const void *)(quant + 8 * i)));
    for (int i = 0; i < 4; i++)
        pairs[i] = interleaved(values[2 * i], values[2 * i + 1]);
    for (int y = 0; y < 4; y++)
        rows[y] = first_of_four(pairs, y);
    /* 64-bit pieces 0 2 1 3 put packed rows in order, one a lane */
    const vi upper = _mm256_permute4x64_epi64(_mm256_packs_epi32(rows[0], rows[1]), 0xd8);
    const vi lower = _mm256_permute4x64_epi64(_mm256_packs_epi32(rows[2], rows[3]), 0xd8);
    const vi sums = _mm256_packs_epi32(second_of_four(upper), second_of_four(lower));
    const vi bytes = _mm256_add_epi8(_mm256_packs_epi16(sums, sums), _mm256_set1_epi8((char)0x80));
    const __m128i even = _mm256_castsi256_si128(bytes), odd = _mm256_extracti128_si256(bytes, 1);
    _mm_storeu_si32(out, even);
    _mm_storeu_si32(out + stride, odd);
    _mm_storeu_si32(out + 2 * stride, _mm_srli_si128(even, 4));
    _mm_storeu_si32(out + 3 * stride, _mm_srli_si128(odd, 4));
}

VEC_INLINE vi load_wide(const uint8_t *in)
{
    return _mm256_cvtepu8_epi16(_mm_loadu_si128((const void *)in));
}

VEC_INLINE vi thrice(vi x)
{
    return _mm256_add_epi16(_mm256_add_epi16(x, x), x);
}

/* Even and odd results of 16 bits, rounded by the constants. */
VEC_INLINE void store_mixed(uint8_t *out, vi even, vi odd)
{
    _mm256_storeu_si256((void *)out, _mm256_or_si256(even, _mm256_slli_epi16(odd, 8)));
}

VEC_INLINE void widen_block(uint8_t *out, const uint8_t *in)
{
    const vi three = thrice(load_wide(in));
    const vi even =
        _mm256_add_epi16(_mm256_add_epi16(three, load_wide(in - 1)), _mm256_set1_epi16(1));
    const vi odd =
        _mm256_add_epi16(_mm256_add_epi16(three, load_wide(in + 1)), _mm256_set1_epi16(2));
    store_mixed(out, _mm256_srli_epi16(even, 2), _mm256_srli_epi16(odd, 2));
}

void dsbi_widen_u8_avx2(uint8_t *out, const uint8_t *in, size_t n)
{
    if (n < SAMPLES) {
        dsbi_widen_u8_generic(out, in, n);
        return;
    }
    for (size_t i = 0; i + SAMPLES <= n; i += SAMPLES)
        widen_block(out + 2 * i, in + i);
    if (n % SAMPLES)
        widen_block(out + 2 * (n - SAMPLES), in + n - SAMPLES);
}

VEC_INLINE vi column_sums(const uint8_t *near, const uint8_t *far)
{
    return _mm256_add_epi16(thrice(load_wide(near)), load_wide(far));
}

VEC_INLINE void spread_block(uint8_t *out, const uint8_t *near, const uint8_t *far)
{
    const vi three = thrice(column_sums(near, far));
    const vi even = _mm256_add_epi16(_mm256_add_epi16(three, column_sums(near - 1, far - 1)),
                                     _mm256_set1_epi16(8));
    const vi odd = _mm256_add_epi16(_mm256_add_epi16(three, column_sums(near + 1, far + 1)),
                                    _mm256_set1_epi16(7));
    store_mixed(out, _mm256_srli_epi16(even, 4), _mm256_srli_epi16(odd, 4));
}

void dsbi_spread_u8_avx2(uint8_t *out, const uint8_t *near, const uint8_t *far, size_t n)
{
    if (n < SAMPLES) {
        dsbi_spread_u8_generic(out, near, far, n);
        return;
    }
    for (size_t i = 0; i + SAMPLES <= n; i += SAMPLES)
        spread_block(out + 2 * i, near + i, far + i);
    if (n % SAMPLES)
        spread_block(out + 2 * (n - SAMPLES), near + n - SAMPLES, far + n - SAMPLES);
}

typedef struct rgb {
    vi red, green, blue; /* 16 bits, unclipped */
} rgb;

/* Half of (2 c w / 2^16 + 1), rounded down: c w / 2^16 to the nearest. */
VEC_INLINE vi part_of(vi twice, int weight)
{
    const vi high = _mm256_mulhi_epi16(twice, _mm256_set1_epi16((short)weight));
    return _mm256_srai_epi16(_mm256_add_epi16(high, _mm256_set1_epi16(1)), 1);
}

VEC_INLINE vi green_part(vi pairs)
{
    const vi half = _mm256_set1_epi32(1 << 15);
    return _mm256_srai_epi32(_mm256_add_epi32(weighted(pairs, -22554, 18734), half), 16);
}

/* Sixteen pixels; weights above 16 bits are a whole number and the rest. */
VEC_INLINE rgb convert(vi y, vi cb, vi cr)
{
    const vi b = _mm256_sub_epi16(cb, _mm256_set1_epi16(128));
    const vi r = _mm256_sub_epi16(cr, _mm256_set1_epi16(128));
    const vi twice_b = _mm256_add_epi16(b, b), twice_r = _mm256_add_epi16(r, r);
    const vi green = _mm256_packs_epi32(green_part(_mm256_unpacklo_epi16(b, r)),
                                        green_part(_mm256_unpackhi_epi16(b, r)));
    return (rgb){
        _mm256_add_epi16(_mm256_add_epi16(y, r), part_of(twice_r, 26345)),
        _mm256_add_epi16(_mm256_sub_epi16(y, r), green),
        _mm256_add_epi16(_mm256_add_epi16(y, twice_b), part_of(twice_b, -14942)),
    };
}

/* Every third byte of a lane from `bytes`, beginning with that of the order's first. */
VEC_INLINE vi placed(vi bytes, __m128i order)
{
    return _mm256_shuffle_epi8(bytes, _mm256_broadcastsi128_si256(order));
}

VEC_INLINE void store_rgb(uint8_t *out, vi red, vi green, vi blue)
{
    enum { o = -1 };
    const vi first = _mm256_or_si256(
        _mm256_or_si256(
            placed(red, _mm_setr_epi8(0, o, o, 1, o, o, 2, o, o, 3, o, o, 4, o, o, 5)),
            placed(green, _mm_setr_epi8(o, 0, o, o, 1, o, o, 2, o, o, 3, o, o, 4, o, o))),
        placed(blue, _mm_setr_epi8(o, o, 0, o, o, 1, o, o, 2, o, o, 3, o, o, 4, o)));
    const vi second = _mm256_or_si256(
        _mm256_or_si256(
            placed(red, _mm_setr_epi8(o, o, 6, o, o, 7, o, o, 8, o, o, 9, o, o, 10, o)),
            placed(green, _mm_setr_epi8(5, o, o, 6, o, o, 7, o, o, 8, o, o, 9, o, o, 10))),
        placed(blue, _mm_setr_epi8(o, 5, o, o, 6, o, o, 7, o, o, 8, o, o, 9, o, o)));
    const vi third = _mm256_or_si256(
        _mm256_or_si256(
            placed(red, _mm_setr_epi8(o, 11, o, o, 12, o, o, 13, o, o, 14, o, o, 15, o, o)),
            placed(green, _mm_setr_epi8(o, o, 11, o, o, 12, o, o, 13, o, o, 14, o, o, 15, o))),
        placed(blue, _mm_setr_epi8(10, o, o, 11, o, o, 12, o, o, 13, o, o, 14, o, o, 15)));
    _mm256_storeu_si256((void *)out, _mm256_permute2x128_si256(first, second, 0x20));
    _mm256_storeu_si256((void *)(out + 32), _mm256_permute2x128_si256(third, first, 0x30));
    _mm256_storeu_si256((void *)(out + 64), _mm256_permute2x128_si256(second, third, 0x31));
}

VEC_INLINE void ycc_block(uint8_t *out, const uint8_t *y, const uint8_t *cb, const uint8_t *cr)
{
    const vi zero = _mm256_setzero_si256();
    const vi luma = _mm256_loadu_si256((const void *)y);
    const vi b = _mm256_loadu_si256((const void *)cb), r = _mm256_loadu_si256((const void *)cr);
    const rgb low = convert(_mm256_unpacklo_epi8(luma, zero), _mm256_unpacklo_epi8(b, zero),
                            _mm256_unpacklo_epi8(r, zero));
    const rgb high = convert(_mm256_unpackhi_epi8(luma, zero), _mm256_unpackhi_epi8(b, zero),
                             _mm256_unpackhi_epi8(r, zero));
    store_rgb(out, _mm256_packus_epi16(low.red, high.red),
              _mm256_packus_epi16(low.green, high.green), _mm256_packus_epi16(low.blue, high.blue));
}

void dsbi_ycc_u8_avx2(uint8_t *out, const uint8_t *y, const uint8_t *cb, const uint8_t *cr,
                      size_t n)
{
    if (n < PIXELS) {
        dsbi_ycc_u8_generic(out, y, cb, cr, n);
        return;
    }
    for (size_t i = 0; i + PIXELS <= n; i += PIXELS)
        ycc_block(out + 3 * i, y + i, cb + i, cr + i);
    if (n % PIXELS) {
        const size_t i = n - PIXELS;
        ycc_block(out + 3 * i, y + i, cb + i, cr + i);
    }
}
