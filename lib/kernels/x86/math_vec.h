/* exp and the normal distribution on vectors: the formulas of template/scalar_math.inc, with FMA.
 * The bits of an element do not depend on its lane. */
#ifndef DSBI_KERNELS_X86_MATH_VEC_H
#define DSBI_KERNELS_X86_MATH_VEC_H

#include "kernels/x86/vec.h"
#if defined(__AVX512F__)
#include "kernels/x86/normal_avx512.h"
#endif

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

#if !defined(__AVX512F__)
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
    const vi exponent = vi_add(vf_bits(rounded), -0x4b400000), half = vi_half(exponent);
    p = vf_mul(p, vf_power_of_two(half));
    return vf_mul(p, vf_power_of_two(vi_sub(exponent, half)));
}

/* Phi(-t), 0 <= t <= 15, from bell = exp(-t^2 / 2) */
VEC_INLINE vf vf_normal_tail(vf t, vf bell)
{
    const vf inverse = vf_div(vf_set(1.0f), vf_add(t, vf_set(2.5f)));
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

#endif
