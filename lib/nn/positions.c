/* See positions.h. The filter is PyTorch's (and Pillow's): Keys 1981 with a = -1/2, stretched by
 * the scale where the grid shrinks, cut at the border and normalised; columns first, then rows. */
#include "nn/positions.h"

#include <math.h>
#include <string.h>

enum { DIM_TOKENS = 1, DIM_CHANNELS = 2 };

static size_t prefix_of(const dsbi_param *param)
{
    return param->dims[DIM_TOKENS] - param->grid_h * param->grid_w;
}

size_t dsbi_positions_side(const dsbi_param *param, size_t rank, const uint64_t *dims)
{
    if (param->grid_h == 0 || rank != 3 || dims[0] != 1 ||
        dims[DIM_CHANNELS] != param->dims[DIM_CHANNELS] || dims[DIM_TOKENS] <= prefix_of(param))
        return 0;
    const uint64_t patches = dims[DIM_TOKENS] - prefix_of(param);
    const uint64_t side = (uint64_t)(sqrt((double)patches) + 0.5);
    return side * side == patches ? (size_t)side : 0;
}

static double cubic(double x)
{
    const double a = -0.5, t = fabs(x);
    if (t < 1)
        return ((a + 2) * t - (a + 3)) * t * t + 1;
    return t < 2 ? (((t - 5) * t + 8) * t - 4) * a : 0;
}

/* Elements of one axis that make output `at`: first, how many, their weights. */
typedef struct taps {
    size_t first, count;
    double *weights; /* up to n_in */
} taps;

static void find_taps(taps *t, size_t at, size_t n_in, size_t n_out)
{
    const double scale = (double)n_in / (double)n_out, stretch = scale > 1 ? scale : 1;
    const double centre = scale * ((double)at + 0.5), support = 2 * stretch;
    const double low = centre - support + 0.5, high = centre + support + 0.5;
    t->first = low > 0 ? (size_t)low : 0;
    const size_t end = (size_t)high < n_in ? (size_t)high : n_in;
    t->count = end - t->first;
    double sum = 0;
    for (size_t i = 0; i < t->count; i++) {
        t->weights[i] = cubic(((double)(t->first + i) - centre + 0.5) / stretch);
        sum += t->weights[i];
    }
    for (size_t i = 0; i < t->count; i++)
        t->weights[i] /= sum;
}

/* One axis: in [outer, n_in, inner] -> out [outer, n_out, inner]. */
static void resample_axis(float *out, const float *in, double *weights, size_t outer, size_t n_in,
                          size_t n_out, size_t inner)
{
    taps t = {.weights = weights};
    for (size_t at = 0; at < n_out; at++) {
        find_taps(&t, at, n_in, n_out);
        for (size_t o = 0; o < outer; o++) {
            const float *from = in + (o * n_in + t.first) * inner;
            float *to = out + (o * n_out + at) * inner;
            for (size_t c = 0; c < inner; c++) {
                double sum = 0;
                for (size_t i = 0; i < t.count; i++)
                    sum += weights[i] * (double)from[i * inner + c];
                to[c] = (float)sum;
            }
        }
    }
}

dsb_status dsbi_positions_resample(dsb_runtime *rt, const dsbi_param *param, float *out,
                                   const float *in, size_t side)
{
    const size_t c = param->dims[DIM_CHANNELS], prefix = prefix_of(param);
    double *weights = dsbi_alloc_array(rt, side, sizeof *weights);
    float *wide = dsbi_alloc_array(rt, side, param->grid_w * c * sizeof *wide);
    dsb_status status = DSB_E_NOMEM;
    if (weights && wide) {
        memcpy(out, in, prefix * c * sizeof *out);
        resample_axis(wide, in + prefix * c, weights, side, side, param->grid_w, c);
        resample_axis(out + prefix * c, wide, weights, 1, side, param->grid_h, param->grid_w * c);
        status = DSB_OK;
    }
    dsbi_free(rt, wide);
    dsbi_free(rt, weights);
    return status;
}
