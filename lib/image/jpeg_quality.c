/* The quality a JPEG was written with, as its quantisation tables tell. */
#include "image/image.h"

/* libjpeg's 8x8 tables in natural order, ITU T.81 annex K. */
static const uint8_t standard_luma[64] = {
    16, 11, 10, 16, 24,  40,  51,  61,  12, 12, 14, 19, 26,  58,  60,  55,
    14, 13, 16, 24, 40,  57,  69,  56,  14, 17, 22, 29, 51,  87,  80,  62,
    18, 22, 37, 56, 68,  109, 103, 77,  24, 35, 55, 64, 81,  104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
};
static const uint8_t standard_chroma[64] = {
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99,
    99, 99, 47, 66, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
};

/* Sum of absolute differences from the IJG table of a quality, as jpeg_set_quality makes it; from
 * `limit` on it does not matter how far. */
static uint32_t table_distance(const uint16_t table[64], const uint8_t standard[64], int quality,
                               uint32_t limit)
{
    int scale = quality < 50 ? 5000 / quality : 200 - quality * 2;
    uint32_t sum = 0;
    for (int i = 0; i < 64 && sum < limit; i++) {
        int value = (standard[i] * scale + 50) / 100;
        value = value < 1 ? 1 : value > 255 ? 255 : value;
        sum += (uint32_t)(value > table[i] ? value - table[i] : table[i] - value);
    }
    return sum;
}

static uint32_t distance_to(const dsb_image_info *info, int quality, uint32_t limit)
{
    uint32_t luma = table_distance(info->qtable_luma, standard_luma, quality, limit);
    if (!info->qtable_chroma[0] || luma >= limit)
        return luma;
    return luma + table_distance(info->qtable_chroma, standard_chroma, quality, limit - luma);
}

/* Where the table's sum would be that of a quality: of most files it is the very table. */
static int guess_quality(const uint16_t table[64])
{
    uint32_t sum = 0, standard = 0;
    for (int i = 0; i < 64; i++) {
        sum += table[i];
        standard += standard_luma[i];
    }
    uint32_t scale = (100 * sum + standard / 2) / standard;
    int quality = scale < 100 ? (200 - (int)scale) / 2 : 5000 / (int)scale;
    return quality < 1 ? 1 : quality;
}

/* The nearest quality, the higher of two. The guess tells how near the others have to be, so that
 * few of their numbers are looked at. */
void dsbi_jpeg_estimate_quality(dsb_image_info *info)
{
    if (!info->qtable_luma[0])
        return;
    uint32_t best = distance_to(info, guess_quality(info->qtable_luma), UINT32_MAX) + 1;
    for (int quality = 100; quality >= 1; quality--) {
        uint32_t distance = distance_to(info, quality, best);
        if (distance >= best)
            continue;
        best = distance;
        info->quality = (uint32_t)quality;
        info->quality_exact = table_distance(info->qtable_luma, standard_luma, quality, 1) == 0;
    }
}
