/* See histogram.h. Sides: powers of two and their middles. Aspect: common ratios (square, 4:3, 3:2,
 * 16:9 and the same upright) lie inside bins, not at their edges. */
#include "data/histogram.h"

#include <math.h>

#define SIDES                                                                                     \
    {                                                                                             \
        1, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, \
            6144, 8192, 16384, 32768, 65536, INFINITY                                             \
    }

const dsbi_histogram_shape dsbi_histogram_shapes[DSBI_N_HISTOGRAMS] = {
    [DSBI_HISTOGRAM_WIDTH] = {"width", 24, SIDES},
    [DSBI_HISTOGRAM_HEIGHT] = {"height", 24, SIDES},
    [DSBI_HISTOGRAM_ASPECT] = {"aspect",
                               17,
                               {0, 0.25, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 1.03, 1.1, 1.2, 1.4,
                                1.6, 1.9, 2.5, 4, INFINITY}},
    [DSBI_HISTOGRAM_BYTES] = {"size_bytes", 21, {0,   100, 200, 500, 1e3, 2e3,     5e3, 1e4,
                                                 2e4, 5e4, 1e5, 2e5, 5e5, 1e6,     2e6, 5e6,
                                                 1e7, 2e7, 5e7, 1e8, 1e9, INFINITY}},
    [DSBI_HISTOGRAM_QUALITY] = {"jpeg_quality",
                                13,
                                {1, 10, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90, 95, 100}},
    [DSBI_HISTOGRAM_BRIGHTNESS] = {"brightness",
                                   16,
                                   {0, 16, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208,
                                    224, 240, 256}},
    [DSBI_HISTOGRAM_CONTRAST] =
        {"contrast", 16, {0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120, 128}},
    [DSBI_HISTOGRAM_COLOURFULNESS] =
        {"colourfulness", 14, {0, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 120, 150, INFINITY}},
};

void dsbi_histogram_add(dsbi_histogram *self, enum dsbi_histogram_kind kind, double x)
{
    const dsbi_histogram_shape *shape = &dsbi_histogram_shapes[kind];
    size_t low = 0, high = shape->n_bins;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (x >= shape->edges[middle])
            low = middle;
        else
            high = middle;
    }
    self->counts[low]++;
}
