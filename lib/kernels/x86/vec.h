/* One vector of floats (vf) or doubles (vd) under one set of names, AVX-512 or AVX2 by the flags of
 * the including file, so that a kernel is written once. Masked loads and stores touch only the
 * first n elements: no reads or writes beyond an array.
 *
 *     VF elements in a vf, VD in a vd;   vf_load_n(p, n) for 0 <= n <= VF, missing elements are 0
 */
#ifndef DSBI_KERNELS_X86_VEC_H
#define DSBI_KERNELS_X86_VEC_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define VEC_INLINE static inline __attribute__((always_inline))

#if defined(__AVX512F__)
#define DSBI_ISA_SUFFIX avx512
enum { VF = 16, VD = 8, VEC_REGISTERS = 32 };
typedef __m512 vf;
typedef __m512d vd;
typedef __m512i vi;
typedef __mmask16 vf_mask;
#define VEC_F(op) _mm512_##op##_ps
#define VEC_D(op) _mm512_##op##_pd
#else
#define DSBI_ISA_SUFFIX avx2
enum { VF = 8, VD = 4, VEC_REGISTERS = 16 };
typedef __m256 vf;
typedef __m256d vd;
typedef __m256i vi;
typedef __m256 vf_mask;
#define VEC_F(op) _mm256_##op##_ps
#define VEC_D(op) _mm256_##op##_pd
#endif

VEC_INLINE vf vf_set(float x)
{
    return VEC_F(set1)(x);
}
VEC_INLINE vf vf_zero(void)
{
    return VEC_F(setzero)();
}
VEC_INLINE vf vf_load(const float *p)
{
    return VEC_F(loadu)(p);
}
VEC_INLINE void vf_store(float *p, vf x)
{
    VEC_F(storeu)(p, x);
}
VEC_INLINE vf vf_add(vf a, vf b)
{
    return VEC_F(add)(a, b);
}
VEC_INLINE vf vf_sub(vf a, vf b)
{
    return VEC_F(sub)(a, b);
}
VEC_INLINE vf vf_mul(vf a, vf b)
{
    return VEC_F(mul)(a, b);
}
VEC_INLINE vf vf_div(vf a, vf b)
{
    return VEC_F(div)(a, b);
}
VEC_INLINE vf vf_sqrt(vf a)
{
    return VEC_F(sqrt)(a);
}
/* NaN in b stays */
VEC_INLINE vf vf_max(vf a, vf b)
{
    return VEC_F(max)(a, b);
}
VEC_INLINE vf vf_min(vf a, vf b)
{
    return VEC_F(min)(a, b);
}
/* a b + c,  c - a b,  one rounding */
VEC_INLINE vf vf_fma(vf a, vf b, vf c)
{
    return VEC_F(fmadd)(a, b, c);
}
VEC_INLINE vf vf_fnma(vf a, vf b, vf c)
{
    return VEC_F(fnmadd)(a, b, c);
}

VEC_INLINE vd vd_set(double x)
{
    return VEC_D(set1)(x);
}
VEC_INLINE vd vd_zero(void)
{
    return VEC_D(setzero)();
}
VEC_INLINE vd vd_load(const double *p)
{
    return VEC_D(loadu)(p);
}
VEC_INLINE void vd_store(double *p, vd x)
{
    VEC_D(storeu)(p, x);
}
VEC_INLINE vd vd_add(vd a, vd b)
{
    return VEC_D(add)(a, b);
}
/* NaN in b stays */
VEC_INLINE vd vd_max(vd a, vd b)
{
    return VEC_D(max)(a, b);
}
VEC_INLINE vd vd_mul(vd a, vd b)
{
    return VEC_D(mul)(a, b);
}
VEC_INLINE vd vd_fma(vd a, vd b, vd c)
{
    return VEC_D(fmadd)(a, b, c);
}

#if defined(__AVX512F__)
VEC_INLINE vf vf_load_n(const float *p, size_t n)
{
    return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
}
VEC_INLINE void vf_store_n(float *p, vf x, size_t n)
{
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), x);
}
VEC_INLINE vd vd_load_n(const double *p, size_t n)
{
    return _mm512_maskz_loadu_pd((__mmask8)((1u << n) - 1), p);
}
VEC_INLINE void vd_store_n(double *p, vd x, size_t n)
{
    _mm512_mask_storeu_pd(p, (__mmask8)((1u << n) - 1), x);
}
VEC_INLINE vf vf_and_bits(vf a, uint32_t bits)
{
    return _mm512_castsi512_ps(
        _mm512_and_si512(_mm512_castps_si512(a), _mm512_set1_epi32((int32_t)bits)));
}
VEC_INLINE vf vf_xor(vf a, vf b)
{
    return _mm512_xor_ps(a, b);
}
/* where: a < b, chosen elementwise */
VEC_INLINE vf_mask vf_less(vf a, vf b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}
VEC_INLINE vf_mask vf_less_or_equal(vf a, vf b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ);
}
VEC_INLINE vf vf_choose(vf_mask where, vf yes, vf no)
{
    return _mm512_mask_blend_ps(where, no, yes);
}
/* the first n elements of a, then those of b; then 0 */
VEC_INLINE vf vf_first_n_or(vf a, size_t n, vf b)
{
    return _mm512_mask_blend_ps((__mmask16)((1u << n) - 1), b, a);
}
VEC_INLINE vf vf_first_n(vf a, size_t n)
{
    return _mm512_maskz_mov_ps((__mmask16)((1u << n) - 1), a);
}
VEC_INLINE vi vf_bits(vf a)
{
    return _mm512_castps_si512(a);
}
/* 2^e as a float for -126 <= e <= 127 */
VEC_INLINE vf vf_power_of_two(vi e)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(e, _mm512_set1_epi32(127)), 23));
}
/* 2^e from the float 1.5 2^23 + 127 + e, -127 <= e <= 127: 0 for -127 */
VEC_INLINE vf vf_exponent_of(vf shifted)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(shifted), 23));
}
VEC_INLINE vi vi_add(vi a, int32_t b)
{
    return _mm512_add_epi32(a, _mm512_set1_epi32(b));
}
VEC_INLINE vi vi_sub(vi a, vi b)
{
    return _mm512_sub_epi32(a, b);
}
VEC_INLINE vi vi_half(vi a)
{
    return _mm512_srai_epi32(a, 1);
}
VEC_INLINE vi vi_load(const int32_t *p)
{
    return _mm512_loadu_si512(p);
}
/* element l of the result is element index[l] of a */
VEC_INLINE vf vf_permute(vf a, vi index)
{
    return _mm512_permutexvar_ps(index, a);
}
/* Sum and largest of the elements, in a fixed tree: lane i with lane i + half. */
VEC_INLINE float vf_sum(vf x)
{
    __m256 y = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
    __m128 z = _mm_add_ps(_mm256_castps256_ps128(y), _mm256_extractf128_ps(y, 1));
    z = _mm_add_ps(z, _mm_movehl_ps(z, z));
    return _mm_cvtss_f32(_mm_add_ss(z, _mm_shuffle_ps(z, z, 1)));
}
VEC_INLINE float vf_largest(vf x)
{
    return _mm512_reduce_max_ps(x);
}
#else
/* a window of eight words: n ones, then zeros */
static const int32_t vec_mask_words[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
VEC_INLINE __m256i vec_mask_n(size_t n)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)(vec_mask_words + 8 - n));
}
static const int64_t vec_mask_quads[8] = {-1, -1, -1, -1};
VEC_INLINE __m256i vec_mask_quad_n(size_t n)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)(vec_mask_quads + 4 - n));
}
VEC_INLINE vf vf_load_n(const float *p, size_t n)
{
    return _mm256_maskload_ps(p, vec_mask_n(n));
}
VEC_INLINE void vf_store_n(float *p, vf x, size_t n)
{
    _mm256_maskstore_ps(p, vec_mask_n(n), x);
}
VEC_INLINE vd vd_load_n(const double *p, size_t n)
{
    return _mm256_maskload_pd(p, vec_mask_quad_n(n));
}
VEC_INLINE void vd_store_n(double *p, vd x, size_t n)
{
    _mm256_maskstore_pd(p, vec_mask_quad_n(n), x);
}
VEC_INLINE vf vf_and_bits(vf a, uint32_t bits)
{
    return _mm256_and_ps(a, _mm256_castsi256_ps(_mm256_set1_epi32((int32_t)bits)));
}
VEC_INLINE vf vf_xor(vf a, vf b)
{
    return _mm256_xor_ps(a, b);
}
VEC_INLINE vf_mask vf_less(vf a, vf b)
{
    return _mm256_cmp_ps(a, b, _CMP_LT_OQ);
}
VEC_INLINE vf_mask vf_less_or_equal(vf a, vf b)
{
    return _mm256_cmp_ps(a, b, _CMP_LE_OQ);
}
VEC_INLINE vf vf_choose(vf_mask where, vf yes, vf no)
{
    return _mm256_blendv_ps(no, yes, where);
}
VEC_INLINE vf vf_first_n_or(vf a, size_t n, vf b)
{
    return _mm256_blendv_ps(b, a, _mm256_castsi256_ps(vec_mask_n(n)));
}
VEC_INLINE vf vf_first_n(vf a, size_t n)
{
    return _mm256_and_ps(a, _mm256_castsi256_ps(vec_mask_n(n)));
}
VEC_INLINE vi vf_bits(vf a)
{
    return _mm256_castps_si256(a);
}
VEC_INLINE vf vf_power_of_two(vi e)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(e, _mm256_set1_epi32(127)), 23));
}
VEC_INLINE vf vf_exponent_of(vf shifted)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(shifted), 23));
}
VEC_INLINE vi vi_add(vi a, int32_t b)
{
    return _mm256_add_epi32(a, _mm256_set1_epi32(b));
}
VEC_INLINE vi vi_sub(vi a, vi b)
{
    return _mm256_sub_epi32(a, b);
}
VEC_INLINE vi vi_half(vi a)
{
    return _mm256_srai_epi32(a, 1);
}
VEC_INLINE vi vi_load(const int32_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}
VEC_INLINE vf vf_permute(vf a, vi index)
{
    return _mm256_permutevar8x32_ps(a, index);
}
VEC_INLINE float vf_sum(vf x)
{
    __m128 z = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    z = _mm_add_ps(z, _mm_movehl_ps(z, z));
    return _mm_cvtss_f32(_mm_add_ss(z, _mm_shuffle_ps(z, z, 1)));
}
VEC_INLINE float vf_largest(vf x)
{
    __m128 z = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    z = _mm_max_ps(z, _mm_movehl_ps(z, z));
    return _mm_cvtss_f32(_mm_max_ss(z, _mm_shuffle_ps(z, z, 1)));
}
#endif

#endif
