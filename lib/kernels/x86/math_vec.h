/* exp and the normal distribution on vectors: the formulas of template/scalar_math.inc, with FMA.
 * The bits of an element do not depend on its lane. */
#ifndef DSBI_KERNELS_X86_MATH_VEC_H
#define DSBI_KERNELS_X86_MATH_VEC_H

#include "kernels/x86/vec.h"

/* exp(a + b), |b| << 1 */
VEC_INLINE vf vf_exp_sum(vf a, vf b)
{
    const vf shift = vf_set(12582912.0f);
    a = vf_min(vf_set(89.0f), a); /* NaN stays */
    a = vf_max(vf_set(-104.0f), a);
    const vf rounded = vf_fma(a, vf_set(1.44269504f), shift);
    const vf n = vf_sub(rounded, shift);
    vf r = vf_fnma(n, vf_set(0.693359375f), a);
    r = vf_add(vf_fnma(n, vf_set(-2.12194440e-4f), r), b);
    vf p = vf_set(1.9875691500e-4f);
    p = vf_fma(p, r, vf_set(1.3981999507e-3f));
    p = vf_fma(p, r, vf_set(8.3334519073e-3f));
    p = vf_fma(p, r, vf_set(4.1665795894e-2f));
    p = vf_fma(p, r, vf_set(1.6666665459e-1f));
    p = vf_fma(p, r, vf_set(5.0000001201e-1f));
    p = vf_add(vf_fma(p, vf_mul(r, r), r), vf_set(1.0f));
    const vi exponent = vi_add(vf_bits(rounded), -0x4b400000);
    const vi half = vi_half(exponent);
    p = vf_mul(p, vf_power_of_two(half));
    return vf_mul(p, vf_power_of_two(vi_sub(exponent, half)));
}

/* p 2^n, n as vf and as bits above those of 1.5 * 2^23; to 0 where that is too small */
VEC_INLINE vf vf_times_power(vf p, vf n, vf shifted)
{
#if defined(__AVX512F__)
    (void)shifted;
    return _mm512_scalef_ps(p, n);
#else
    (void)n;
    const vi exponent = vi_add(vf_bits(shifted), -0x4b400000), half = vi_half(exponent);
    p = vf_mul(p, vf_power_of_two(half));
    return vf_mul(p, vf_power_of_two(vi_sub(exponent, half)));
#endif
}

/* 1 / x within one ulp, 2^-126 < x < 2^126 */
VEC_INLINE vf vf_reciprocal(vf x)
{
#if defined(__AVX512F__)
    const vf y = _mm512_rcp14_ps(x);
    return vf_fma(y, vf_fnma(x, y, vf_set(1.0f)), y);
#else
    return vf_div(vf_set(1.0f), x);
#endif
}

/* exp(-t^2 / 2), 0 <= t <= 15; the square's rounding error goes in as well */
VEC_INLINE vf vf_bell(vf t)
{
    const vf shift = vf_set(12582912.0f), square = vf_mul(t, t);
    const vf error = vf_fnma(t, t, square); /* square - t^2 */
    const vf rounded = vf_fma(square, vf_set(-0.72134752f), shift), n = vf_sub(rounded, shift);
    vf r = vf_fnma(n, vf_set(0.693359375f), vf_mul(square, vf_set(-0.5f)));
    r = vf_fnma(n, vf_set(-2.12194440e-4f), r);
    r = vf_fma(error, vf_set(0.5f), r);
    vf p = vf_set(1.9875691500e-4f);
    p = vf_fma(p, r, vf_set(1.3981999507e-3f));
    p = vf_fma(p, r, vf_set(8.3334519073e-3f));
    p = vf_fma(p, r, vf_set(4.1665795894e-2f));
    p = vf_fma(p, r, vf_set(1.6666665459e-1f));
    p = vf_fma(p, r, vf_set(5.0000001201e-1f));
    p = vf_fma(p, r, vf_set(1.0f));
    p = vf_fma(p, r, vf_set(1.0f));
    return vf_times_power(p, n, rounded);
}

/* Phi(-t), 0 <= t <= 15, from bell = exp(-t^2 / 2) */
VEC_INLINE vf vf_normal_tail(vf t, vf bell)
{
    const vf inverse = vf_reciprocal(vf_add(t, vf_set(2.5f)));
    const vf s = vf_mul(vf_sub(t, vf_set(2.5f)), inverse);
    vf h = vf_set(-0.00015726417768746614f);
    h = vf_fma(h, s, vf_set(-0.00031086220405995846f));
    h = vf_fma(h, s, vf_set(0.0006843421142548323f));
    h = vf_fma(h, s, vf_set(0.002523294650018215f));
    h = vf_fma(h, s, vf_set(-0.0016009602695703506f));
    h = vf_fma(h, s, vf_set(-0.016386020928621292f));
    h = vf_fma(h, s, vf_set(0.009235914796590805f));
    h = vf_fma(h, s, vf_set(0.13198696076869965f));
    h = vf_fma(h, s, vf_set(-0.43369200825691223f));
    h = vf_fma(h, s, vf_set(0.7066566348075867f));
    return vf_mul(bell, vf_mul(h, inverse));
}

#endif
