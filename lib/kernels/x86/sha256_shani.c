/* SHA-256 blocks by the SHA instructions of x86. Four rounds take four words and their constants;
 * the state lies in two registers as ABEF and CDGH. Source: Intel, "Intel SHA Extensions", 2013. */
#include <immintrin.h>
#include "kernels/sha256_blocks.h"

dsbi_sha256_blocks_fn dsbi_sha256_blocks_shani;

__attribute__((target("sha,sse4.1,ssse3"))) void
dsbi_sha256_blocks_shani(uint32_t h[8], const uint8_t *blocks, size_t n)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i low = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)h), 0xb1);        /* CDAB */
    __m128i high = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(h + 4)), 0x1b); /* EFGH */
    __m128i abef = _mm_alignr_epi8(low, high, 8), cdgh = _mm_blend_epi16(high, low, 0xf0);
    for (; n > 0; n--, blocks += 64) {
        __m128i before_abef = abef, before_cdgh = cdgh, w[4];
        for (int i = 0; i < 4; i++)
            w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(blocks + 16 * i)), swap);
#pragma GCC unroll 16
        for (int group = 0; group < 16; group++) { /* w[group % 4] holds the group's four words */
            __m128i now = w[group % 4];
            __m128i sum =
                _mm_add_epi32(now, _mm_loadu_si128((const __m128i *)(dsbi_sha256_k + 4 * group)));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));
            if (group < 12) { /* the words of group + 4 */
                __m128i last = w[(group + 3) % 4];
                __m128i next = _mm_sha256msg1_epu32(now, w[(group + 1) % 4]);
                next = _mm_add_epi32(next, _mm_alignr_epi8(last, w[(group + 2) % 4], 4));
                w[group % 4] = _mm_sha256msg2_epu32(next, last);
            }
        }
        abef = _mm_add_epi32(abef, before_abef);
        cdgh = _mm_add_epi32(cdgh, before_cdgh);
    }
    low = _mm_shuffle_epi32(abef, 0x1b);  /* FEBA */
    high = _mm_shuffle_epi32(cdgh, 0xb1); /* DCHG */
    _mm_storeu_si128((__m128i *)h, _mm_blend_epi16(low, high, 0xf0));
    _mm_storeu_si128((__m128i *)(h + 4), _mm_alignr_epi8(high, low, 8));
}
