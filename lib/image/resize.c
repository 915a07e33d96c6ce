/* Antialiased resize, bit for bit Pillow's Image.resize on 8-bit RGB (src/libImaging/Resample.c).
 *
 * Each output pixel is a weighted sum of the input pixels under a filter that is widened by the
 * reduction factor. Two passes, columns then rows, each rounded to 8 bits. Weights are doubles
 * normalised to sum 1, then fixed point with 22 fraction bits: 32 - 8 (pixel) - 2 (overshoot of
 * bicubic). The box is taken in float, as Pillow takes it. The first pass touches only the input
 * rows the second will ask for, and both make only the window of the result that is wanted.
 */
#include <math.h>
#include <string.h>
#include "image/resize.h"

enum { PRECISION_BITS = 32 - 8 - 2 };

typedef struct taps {
    uint32_t *first;  /* [n] first input index */
    uint32_t *count;  /* [n] number of weights */
    int32_t *weights; /* [n, stride] */
    size_t stride;
} taps;

static double bilinear(double x)
{
    x = fabs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

/* Keys 1981 with a = -0.5, in Pillow's order of operations. */
static double bicubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1.0)
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
    if (x < 2.0)
        return (((x - 5) * x + 8) * x - 4) * a;
    return 0.0;
}

static void taps_free(dsb_runtime *rt, taps *t)
{
    dsbi_free(rt, t->first);
    dsbi_free(rt, t->count);
    dsbi_free(rt, t->weights);
    *t = (taps){0};
}

static int32_t fixed_point(double weight)
{
    double scaled = weight * (1 << PRECISION_BITS);
    return (int32_t)(weight < 0 ? -0.5 + scaled : 0.5 + scaled);
}

/* Weights of output indices [window_at, window_at + window_n) of out_size. `scratch` holds stride
 * doubles. */
static void taps_fill(taps *t, double *scratch, uint32_t in_size, float in0, float in1,
                      uint32_t out_size, uint32_t window_at, uint32_t window_n, dsbi_filter filter)
{
    double scale = (double)(in1 - in0) / out_size;
    double widened = scale < 1.0 ? 1.0 : scale;
    double support = (filter == DSBI_RESIZE_BICUBIC ? 2.0 : 1.0) * widened;
    double step = 1.0 / widened;
    for (uint32_t i = 0; i < window_n; i++) {
        double centre = (double)in0 + ((double)(window_at + i) + 0.5) * scale;
        int64_t low = (int64_t)(centre - support + 0.5);
        int64_t high = (int64_t)(centre + support + 0.5);
        low = low < 0 ? 0 : low;
        high = high > in_size ? in_size : high;
        size_t n = (size_t)(high - low);
        double sum = 0.0;
        for (size_t k = 0; k < n; k++) {
            double x = ((double)(low + (int64_t)k) - centre + 0.5) * step;
            scratch[k] = filter == DSBI_RESIZE_BICUBIC ? bicubic(x) : bilinear(x);
            sum += scratch[k];
        }
        int32_t *weights = t->weights + i * t->stride;
        for (size_t k = 0; k < n; k++)
            weights[k] = fixed_point(sum != 0.0 ? scratch[k] / sum : scratch[k]);
        t->first[i] = (uint32_t)low;
        t->count[i] = (uint32_t)n;
    }
}

static dsb_status taps_make(dsb_runtime *rt, taps *t, uint32_t in_size, float in0, float in1,
                            uint32_t out_size, uint32_t window_at, uint32_t window_n,
                            dsbi_filter filter)
{
    double scale = (double)(in1 - in0) / out_size;
    double support = (filter == DSBI_RESIZE_BICUBIC ? 2.0 : 1.0) * (scale < 1.0 ? 1.0 : scale);
    *t = (taps){.stride = (size_t)ceil(support) * 2 + 1};
    size_t n_weights;
    if (!dsbi_mul(&n_weights, t->stride, window_n))
        return dsbi_fail(DSB_E_LIMIT, "resize: %u to %u", in_size, out_size);
    double *scratch = dsbi_alloc_array(rt, t->stride, sizeof *scratch);
    t->first = dsbi_alloc_array(rt, window_n, sizeof *t->first);
    t->count = dsbi_alloc_array(rt, window_n, sizeof *t->count);
    t->weights = dsbi_alloc_array(rt, n_weights, sizeof *t->weights);
    bool ok = scratch && t->first && t->count && t->weights;
    if (ok)
        taps_fill(t, scratch, in_size, in0, in1, out_size, window_at, window_n, filter);
    else
        taps_free(rt, t);
    dsbi_free(rt, scratch);
    return ok ? DSB_OK : DSB_E_NOMEM;
}

static uint8_t clip8(int32_t sum)
{
    int32_t value = sum >> PRECISION_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* One row: out[n, 3] from in[in_width, 3]. */
static void columns_of_row(uint8_t *restrict out, const uint8_t *restrict in, const taps *t,
                           size_t n)
{
    for (size_t i = 0; i < n; i++, out += 3) {
        const uint8_t *restrict pixel = in + (size_t)t->first[i] * 3;
        const int32_t *restrict weight = t->weights + i * t->stride;
        int32_t r = 1 << (PRECISION_BITS - 1), g = r, b = r;
        for (size_t k = 0; k < t->count[i]; k++, pixel += 3) {
            r += pixel[0] * weight[k];
            g += pixel[1] * weight[k];
            b += pixel[2] * weight[k];
        }
        out[0] = clip8(r);
        out[1] = clip8(g);
        out[2] = clip8(b);
    }
}

/* out[n] from n_rows rows of n bytes, `stride` bytes apart. sums: [n] scratch. */
static void rows_of_row(uint8_t *restrict out, const uint8_t *restrict in, size_t stride,
                        const int32_t *restrict weights, size_t n_rows, int32_t *restrict sums,
                        size_t n)
{
    for (size_t x = 0; x < n; x++)
        sums[x] = 1 << (PRECISION_BITS - 1);
    for (size_t k = 0; k < n_rows; k++) {
        const uint8_t *restrict row = in + k * stride;
        int32_t weight = weights[k];
        for (size_t x = 0; x < n; x++)
            sums[x] += row[x] * weight;
    }
    for (size_t x = 0; x < n; x++)
        out[x] = clip8(sums[x]);
}

typedef struct resizer {
    const dsbi_image *in;
    const dsbi_resize_window *want;
    taps columns, rows;
    uint32_t first_row, n_rows; /* input rows the second pass reads */
    uint8_t *middle;            /* [n_rows, want->width, 3] after the first pass */
    int32_t *sums;              /* [want->width * 3] */
} resizer;

static void first_pass(resizer *r)
{
    size_t in_row = (size_t)r->in->width * 3, row = (size_t)r->want->width * 3;
    for (size_t y = 0; y < r->n_rows; y++)
        columns_of_row(r->middle + y * row, r->in->data + (r->first_row + y) * in_row, &r->columns,
                       r->want->width);
}

static void second_pass(resizer *r, uint8_t *out)
{
    size_t row = (size_t)r->want->width * 3;
    for (size_t y = 0; y < r->want->height; y++)
        rows_of_row(out + y * row, r->middle + (r->rows.first[y] - r->first_row) * row, row,
                    r->rows.weights + y * r->rows.stride, r->rows.count[y], r->sums, row);
}

static dsb_status check(const dsbi_image *in, const dsbi_resize_window *want, const float box[4])
{
    if (in->channels != 3)
        return dsbi_fail(DSB_E_SHAPE, "resize: %u channels, 3 expected", in->channels);
    if (want->full_width == 0 || want->full_height == 0 || want->full_width > INT32_MAX ||
        want->full_height > INT32_MAX)
        return dsbi_fail(DSB_E_INVALID, "resize: to %u x %u", want->full_width, want->full_height);
    if (!(box[0] >= 0.0f && box[1] >= 0.0f && box[2] > box[0] && box[3] > box[1] &&
          box[2] <= (float)in->width && box[3] <= (float)in->height))
        return dsbi_fail(DSB_E_INVALID, "resize: box %g %g %g %g outside the %u x %u image",
                         (double)box[0], (double)box[1], (double)box[2], (double)box[3], in->width,
                         in->height);
    return DSB_OK;
}

dsb_status dsbi_image_resize_window(dsb_runtime *rt, uint8_t *out, const dsbi_image *in,
                                    const dsbi_resize_window *want, const double box[4],
                                    dsbi_filter filter)
{
    float b[4] = {0.0f, 0.0f, (float)in->width, (float)in->height};
    for (int i = 0; box && i < 4; i++)
        b[i] = (float)box[i];
    DSBI_TRY(check(in, want, b));
    dsb_status status = DSB_E_NOMEM;
    resizer r = {.in = in, .want = want};
    DSBI_GO(taps_make(rt, &r.columns, in->width, b[0], b[2], want->full_width, want->x, want->width,
                      filter));
    DSBI_GO(taps_make(rt, &r.rows, in->height, b[1], b[3], want->full_height, want->y, want->height,
                      filter));
    r.first_row = r.rows.first[0];
    r.n_rows = r.rows.first[want->height - 1] + r.rows.count[want->height - 1] - r.first_row;
    size_t row = (size_t)want->width * 3;
    status = DSB_E_NOMEM;
    r.middle = dsbi_alloc_array(rt, r.n_rows, row);
    r.sums = dsbi_alloc_array(rt, row, sizeof *r.sums);
    if (!r.middle || !r.sums)
        goto done;
    first_pass(&r);
    second_pass(&r, out);
    status = DSB_OK;
done:
    dsbi_free(rt, r.middle);
    dsbi_free(rt, r.sums);
    taps_free(rt, &r.columns);
    taps_free(rt, &r.rows);
    return status;
}

dsb_status dsbi_image_resize(dsb_runtime *rt, dsbi_image *out, const dsbi_image *in,
                             uint32_t out_width, uint32_t out_height, const double box[4],
                             dsbi_filter filter)
{
    dsbi_resize_window all = {out_width, out_height, 0, 0, out_width, out_height};
    DSBI_TRY(dsbi_image_alloc(rt, out, out_width, out_height, 3));
    dsb_status status = dsbi_image_resize_window(rt, out->data, in, &all, box, filter);
    if (status != DSB_OK)
        dsbi_image_free(rt, out);
    return status;
}
