/* The normal distribution with AVX-512, whose permutations look up 16 or 32 numbers in registers
 * and run beside multiply-adds: half of the operations of the formulas for all levels (math_vec.h).
 *
 *     bell   exp(-t^2 / 2) = 2^n 2^(i / 16) exp(-r), |r| < ln 2 / 32: a cubic
 *     tail   Phi(-t) = bell m(t), m in 32 pieces, eight to each power of two of t + 1: quartics
 * fitted to 6e-8 relative */
#ifndef DSBI_KERNELS_X86_NORMAL_AVX512_H
#define DSBI_KERNELS_X86_NORMAL_AVX512_H

#include "kernels/x86/vec.h"

static const float vf_roots[16]
    __attribute__((aligned(64))) = {/* 2^(i / 16) */
                                    1.0f,        1.04427373f, 1.09050775f, 1.13878858f,
                                    1.18920708f, 1.24185777f, 1.29683959f, 1.35425556f,
                                    1.41421354f, 1.47682619f, 1.54221082f, 1.61049032f,
                                    1.68179286f, 1.75625217f, 1.8340081f,  1.91520655f};

/* Coefficients of t - t0, constant first; pieces in the order of the lowest two bits of the
 * exponent of t + 1: from t + 1 = 2, 4, 8 and 1 on. */
static const float vf_tail_pieces[5][32] __attribute__((aligned(64))) = {
    {0.261578292f,  0.230760321f,  0.20578067f,   0.185231671f,  0.168101996f,  0.153651938f,
     0.14133133f,   0.130724728f,  0.12151394f,   0.106345147f,  0.094410643f,  0.0848033875f,
     0.0769193023f, 0.0703426972f, 0.0647793114f, 0.0600156747f, 0.0558934808f, 0.0491225459f,
     0.0437987894f, 0.0395066924f, 0.03597489f,   0.0330189727f, 0.0305094142f, 0.0283526611f,
     0.5f,          0.453793228f,  0.414032102f,  0.379604429f,  0.349618822f,  0.323356181f,
     0.30023247f,   0.279770583f},
    {-0.137362972f,   -0.110491246f,   -0.0902708694f,  -0.074786596f,   -0.0627380982f,
     -0.0532252975f,  -0.0456138663f,  -0.0394492f,     -0.0343998298f,  -0.0267339181f,
     -0.0212995317f,  -0.0173269082f,  -0.0143456897f,  -0.0120574217f,  -0.0102663673f,
     -0.00884037279f, -0.00768773491f, -0.00596182607f, -0.00475313514f, -0.00387531379f,
     -0.00321847945f, -0.00271461811f, -0.00231988588f, -0.002005029f,   -0.398941696f,
     -0.342217714f,   -0.295433939f,   -0.256590366f,   -0.224132672f,   -0.196844533f,
     -0.17376782f,    -0.154142946f},
    {0.0620747656f,   0.0463023297f,   0.0351737328f,   0.0271686856f,   0.0213069338f,
     0.0169434212f,   0.0136454869f,   0.0111177024f,   0.00914655067f,  0.00638240157f,
     0.00460293144f,  0.00341417175f,  0.00259420392f,  0.00201265537f,  0.00159004086f,
     0.0012762798f,   0.00103771407f,  0.000712947163f, 0.000509716454f, 0.000376443408f,
     0.000285602146f, 0.000221645052f, 0.000175361158f, 0.000141067299f, 0.249963477f,
     0.20548059f,     0.170066088f,    0.14167574f,     0.118764155f,    0.100154839f,
     0.0849460512f,   0.0724420846f},
    {-0.0247175135f,   -0.0172976274f,   -0.0123477252f,   -0.00897743832f,  -0.00663858559f,
     -0.0049864836f,   -0.00380006502f,  -0.00293487473f,  -0.00225447211f,  -0.00142909633f,
     -0.000941804727f, -0.00064188207f,  -0.000450435851f, -0.000324259541f, -0.000238720168f,
     -0.000179261086f, -0.000134180853f, -8.23267255e-05f, -5.3100408e-05f,  -3.56881574e-05f,
     -2.4824396e-05f,  -1.77773818e-05f, -1.30519011e-05f, -9.79117794e-06f, -0.132156506f,
     -0.104891844f,    -0.0838374123f,   -0.0674637556f,   -0.0546430536f,   -0.0445377938f,
     -0.0365217365f,   -0.0301234927f},
    {0.00750647392f,  0.00500282412f,  0.00340332347f,  0.00235989294f,  0.00166575727f,
     0.00119544007f,  0.000871251279f, 0.000644164626f, 0.000420846569f, 0.000247825257f,
     0.000152206005f, 9.69805187e-05f, 6.38194397e-05f, 4.32095403e-05f, 3.00021875e-05f,
     2.13042804e-05f, 1.32716077e-05f, 7.4516779e-06f,  4.42623514e-06f, 2.75502862e-06f,
     1.78368452e-06f, 1.19420656e-06f, 8.229743e-07f,   5.81564677e-07f, 0.0547938719f,
     0.0423038676f,   0.0328920782f,   0.0257495865f,   0.0202919077f,   0.0160937309f,
     0.0128434272f,   0.010311137f}};

/* exp(-t^2 / 2), 0 <= t <= 15; the square's rounding error goes in as well */
VEC_INLINE vf vf_bell(vf t)
{
    const vf shift = vf_set(786432.0f), half = vf_mul(t, vf_set(0.5f)); /* 1.5 * 2^19: to 1/16 */
    const vf square = vf_mul(t, half), error = vf_fnma(t, half, square);
    const vf rounded = vf_fma(square, vf_set(-1.44269504f), shift), n = vf_sub(rounded, shift);
    vf r = vf_fma(n, vf_set(0.693359375f), square);
    r = vf_fma(n, vf_set(-2.12194440e-4f), r);
    r = vf_sub(r, error);
    vf p = vf_fnma(r, vf_set(0.166666667f), vf_set(0.5f));
    p = vf_fnma(p, r, vf_set(1.0f));
    p = vf_fnma(p, r, vf_set(1.0f));
    const vf root = _mm512_permutexvar_ps(_mm512_castps_si512(rounded), _mm512_load_ps(vf_roots));
    return _mm512_scalef_ps(vf_mul(p, root), n); /* n down to a whole number; to 0 below 2^-149 */
}

VEC_INLINE vf vf_piece(const float pieces[32], vi at)
{
    return _mm512_permutex2var_ps(_mm512_load_ps(pieces), at, _mm512_load_ps(pieces + 16));
}

/* Phi(-t), 0 <= t <= 15, from bell = exp(-t^2 / 2) */
VEC_INLINE vf vf_normal_tail(vf t, vf bell)
{
    const vi bits = _mm512_castps_si512(vf_add(t, vf_set(1.0f))), at = _mm512_srli_epi32(bits, 20);
    const vf from = _mm512_castsi512_ps(_mm512_and_si512(bits, _mm512_set1_epi32(~0xfffff)));
    const vf d = vf_sub(t, vf_sub(from, vf_set(1.0f)));
    vf m = vf_fma(vf_piece(vf_tail_pieces[4], at), d, vf_piece(vf_tail_pieces[3], at));
    m = vf_fma(m, d, vf_piece(vf_tail_pieces[2], at));
    m = vf_fma(m, d, vf_piece(vf_tail_pieces[1], at));
    m = vf_fma(m, d, vf_piece(vf_tail_pieces[0], at));
    return vf_mul(bell, m);
}

#endif
