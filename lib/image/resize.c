/* Antialiased resize, bit for bit Pillow's Image.resize on 8-bit RGB (src/libImaging/Resample.c).
 *
 * Each output pixel is a weighted sum of the input pixels under a filter that is widened by the
 * reduction factor. Two passes, each rounded to 8 bits. Weights are doubles normalised to sum 1,
 * then fixed point with 22 fraction bits: 32 - 8 (pixel) - 2 (overshoot of bicubic). The box is
 * taken in float, as Pillow takes it. Columns come first unless the height shrinks by more than
 * twice what the width does (Pillow 13; before, columns always came first). Both passes touch only
 * what the window of the result depends on.
 *
 * One kernel does both passes, a weighted sum of rows of bytes. For the pass over columns a strip
 * of rows is transposed, so that a column of a channel is a row: a strip has `lead` bytes for each
 * of [columns, 3].
 */
#include <math.h>
#include <string.h>
#include "image/resize.h"
#include "kernels/kernels.h"

enum { PRECISION_BITS = 32 - 8 - 2, STRIP_BYTES = 192 << 10, STRIP_ROWS_MIN = 64 };

typedef struct axis { /* one direction: what is asked for */
    uint32_t in_size, out_size, window_at, window_n;
    double in0, scale, support; /* scale: input pixels an output pixel */
} axis;

typedef struct taps {
    uint32_t *first;  /* [n] first input index */
    uint32_t *count;  /* [n] number of weights */
    int32_t *weights; /* [n, stride] */
    size_t stride;
    uint32_t begin, end; /* input indices that any of them reads */
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

static int32_t fixed_point(double weight)
{
    double scaled = weight * (1 << PRECISION_BITS);
    return (int32_t)(weight < 0 ? -0.5 + scaled : 0.5 + scaled);
}

static axis axis_of(uint32_t in_size, float in0, float in1, uint32_t out_size, uint32_t window_at,
                    uint32_t window_n, dsbi_filter filter)
{
    double scale = (double)(in1 - in0) / out_size;
    double widened = scale < 1.0 ? 1.0 : scale;
    double support = (filter == DSBI_RESIZE_BICUBIC ? 2.0 : 1.0) * widened;
    return (axis){in_size, out_size, window_at, window_n, (double)in0, scale, support};
}

/* Input indices [low, high) under the filter of output index window_at + i; its centre. */
static double bounds(const axis *a, uint32_t i, int64_t *low, int64_t *high)
{
    double centre = a->in0 + ((double)(a->window_at + i) + 0.5) * a->scale;
    *low = (int64_t)(centre - a->support + 0.5);
    *high = (int64_t)(centre + a->support + 0.5);
    *low = *low < 0 ? 0 : *low;
    *high = *high > a->in_size ? a->in_size : *high;
    return centre;
}

/* `values` holds stride doubles. */
static void taps_fill(taps *t, double *values, const axis *a, dsbi_filter filter)
{
    double step = 1.0 / (a->scale < 1.0 ? 1.0 : a->scale);
    for (uint32_t i = 0; i < a->window_n; i++) {
        int64_t low, high;
        double centre = bounds(a, i, &low, &high), sum = 0.0;
        size_t n = (size_t)(high - low);
        for (size_t k = 0; k < n; k++) {
            double x = ((double)(low + (int64_t)k) - centre + 0.5) * step;
            values[k] = filter == DSBI_RESIZE_BICUBIC ? bicubic(x) : bilinear(x);
            sum += values[k];
        }
        int32_t *weights = t->weights + i * t->stride;
        for (size_t k = 0; k < n; k++)
            weights[k] = fixed_point(sum != 0.0 ? values[k] / sum : values[k]);
        t->first[i] = (uint32_t)low;
        t->count[i] = (uint32_t)n;
    }
}

/* ---- memory: counted first, then handed out ---- */

typedef struct carver {
    uint8_t *base; /* NULL while counting */
    size_t used;
    bool overflow;
} carver;

static void *carve(carver *c, size_t count, size_t item_bytes)
{
    size_t size, at = c->used, end;
    if (!dsbi_mul(&size, count, item_bytes) || !dsbi_add(&end, at, size) ||
        end > SIZE_MAX - DSBI_ALIGN)
        c->overflow = true;
    else
        c->used = (end + DSBI_ALIGN - 1) / DSBI_ALIGN * DSBI_ALIGN;
    return c->base && !c->overflow ? c->base + at : NULL;
}

static void taps_carve(taps *t, carver *c, const axis *a)
{
    int64_t low, high;
    t->stride = (size_t)ceil(a->support) * 2 + 1;
    bounds(a, 0, &low, &high);
    t->begin = (uint32_t)low;
    bounds(a, a->window_n - 1, &low, &high);
    t->end = (uint32_t)high;
    t->first = carve(c, a->window_n, sizeof *t->first);
    t->count = carve(c, a->window_n, sizeof *t->count);
    size_t n_weights;
    if (!dsbi_mul(&n_weights, t->stride, a->window_n))
        c->overflow = true;
    else
        t->weights = carve(c, n_weights, sizeof *t->weights);
}

typedef struct resizer {
    const dsbi_kernels *kernels;
    const dsbi_region *in;
    const dsbi_resize_window *want;
    axis x, y;
    taps columns, rows;
    bool is_rows_first;
    double *values;
    uint8_t *middle; /* after the first pass: [rows read, want->width, 3] or, if rows come first,
                        [want->height, columns read, 3] */
    uint8_t *strip, *result; /* transposed, before and after: [columns, 3, lead] */
    size_t strip_rows, lead;
} resizer;

/* Rows of a strip, so that it stays in the second-level cache; lead: no large power of two, whose
 * rows would share few places in the cache. */
static void choose_strip(resizer *r, size_t n_rows)
{
    size_t fit = STRIP_BYTES / 3 / (r->columns.end - r->columns.begin) / 64 * 64;
    r->strip_rows = fit < STRIP_ROWS_MIN ? STRIP_ROWS_MIN : fit;
    if (r->strip_rows > n_rows)
        r->strip_rows = n_rows;
    r->lead = (r->strip_rows + 15) / 16 * 16;
    if (r->lead % 512 == 0)
        r->lead += 16;
}

static void lay_out(resizer *r, carver *c)
{
    taps_carve(&r->columns, c, &r->x);
    taps_carve(&r->rows, c, &r->y);
    size_t longer = r->columns.stride > r->rows.stride ? r->columns.stride : r->rows.stride;
    r->values = carve(c, longer, sizeof *r->values);
    size_t n_columns = r->columns.end - r->columns.begin, n_rows = r->rows.end - r->rows.begin;
    choose_strip(r, r->is_rows_first ? r->want->height : n_rows);
    if (r->is_rows_first)
        r->middle = carve(c, r->want->height, n_columns * 3);
    else
        r->middle = carve(c, n_rows, (size_t)r->want->width * 3);
    r->strip = carve(c, n_columns * 3, r->lead);
    r->result = carve(c, (size_t)r->want->width * 3, r->lead);
}

/* ---- the two passes ---- */

/* The bytes between the channels of a strip of `n` rows go through the sums with them. They reach
 * no result; they are set for memory checkers, which cannot know. */
static void clear_gaps(const resizer *r, size_t n, size_t n_columns)
{
    for (size_t k = 0; k < n_columns * 3; k++)
        memset(r->strip + k * r->lead + n, 0, r->lead - n);
}

/* out [n_rows, want->width, 3]; in: [n_rows, columns read, 3], rows `stride` bytes apart. */
static void pass_columns(resizer *r, uint8_t *out, const uint8_t *in, size_t stride, size_t n_rows)
{
    const taps *t = &r->columns;
    size_t width = r->want->width, out_row = width * 3, pixel = 3 * r->lead;
    for (size_t y = 0; y < n_rows; y += r->strip_rows) {
        size_t n = n_rows - y < r->strip_rows ? n_rows - y : r->strip_rows;
        r->kernels->transpose_u8(r->strip, r->lead, in + y * stride, stride, n,
                                 (size_t)(t->end - t->begin) * 3);
        clear_gaps(r, n, t->end - t->begin);
        for (size_t x = 0; x < width; x++)
            r->kernels->resample_u8(r->result + (r->want->mirror ? width - 1 - x : x) * pixel,
                                    r->strip + (t->first[x] - t->begin) * pixel, pixel,
                                    t->weights + x * t->stride, t->count[x], 2 * r->lead + n);
        r->kernels->transpose_u8(out + y * out_row, out_row, r->result, r->lead, out_row, n);
    }
}

/* out [want->height, row_bytes]; in: rows read, `stride` bytes apart. */
static void pass_rows(resizer *r, uint8_t *out, const uint8_t *in, size_t stride, size_t row_bytes)
{
    const taps *t = &r->rows;
    for (size_t y = 0; y < r->want->height; y++)
        r->kernels->resample_u8(out + y * row_bytes, in + (t->first[y] - t->begin) * stride, stride,
                                t->weights + y * t->stride, t->count[y], row_bytes);
}

static void run(resizer *r, uint8_t *out)
{
    const dsbi_region *in = r->in;
    size_t row = (size_t)r->want->width * 3, n_columns = r->columns.end - r->columns.begin;
    const uint8_t *source = in->data + r->rows.begin * in->stride + (size_t)r->columns.begin * 3;
    if (r->is_rows_first) {
        pass_rows(r, r->middle, source, in->stride, n_columns * 3);
        pass_columns(r, out, r->middle, n_columns * 3, r->want->height);
    } else {
        pass_columns(r, r->middle, source, in->stride, r->rows.end - r->rows.begin);
        pass_rows(r, out, r->middle, row, row);
    }
}

static dsb_status check(const dsbi_region *in, const dsbi_resize_window *want, const float box[4])
{
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

/* Pillow's rule; the whole sides count, not the box or the window. */
static bool rows_come_first(const dsbi_region *in, const dsbi_resize_window *want)
{
    int64_t shorter = (int64_t)in->height - want->full_height;
    int64_t narrower = (int64_t)in->width - want->full_width;
    return shorter > 0 && shorter > 2 * narrower;
}

dsb_status dsbi_region_resize(dsb_runtime *rt, uint8_t *out, const dsbi_region *in,
                              const dsbi_resize_window *want, const double box[4],
                              dsbi_filter filter, dsbi_scratch *scratch)
{
    float b[4] = {0.0f, 0.0f, (float)in->width, (float)in->height};
    for (int i = 0; box && i < 4; i++)
        b[i] = (float)box[i];
    DSBI_TRY(check(in, want, b));
    resizer r = {.kernels = dsbi_kernels_of(rt), .in = in, .want = want};
    r.x = axis_of(in->width, b[0], b[2], want->full_width, want->x, want->width, filter);
    r.y = axis_of(in->height, b[1], b[3], want->full_height, want->y, want->height, filter);
    r.is_rows_first = rows_come_first(in, want);
    carver c = {0};
    lay_out(&r, &c);
    if (c.overflow)
        return dsbi_fail(DSB_E_LIMIT, "resize: %u x %u to %u x %u", in->width, in->height,
                         want->full_width, want->full_height);
    dsbi_scratch own = {0};
    c = (carver){.base = dsbi_scratch_reserve(rt, scratch ? scratch : &own, c.used)};
    if (!c.base)
        return DSB_E_NOMEM;
    lay_out(&r, &c);
    taps_fill(&r.columns, r.values, &r.x, filter);
    taps_fill(&r.rows, r.values, &r.y, filter);
    run(&r, out);
    dsbi_scratch_free(rt, &own);
    return DSB_OK;
}

dsbi_region dsbi_region_of(const dsbi_image *image)
{
    return (dsbi_region){image->data, (size_t)image->width * 3, image->width, image->height};
}

dsbi_region dsbi_region_crop(const dsbi_region *view, uint32_t x, uint32_t y, uint32_t width,
                             uint32_t height)
{
    return (dsbi_region){view->data + y * view->stride + (size_t)x * 3, view->stride, width,
                         height};
}

dsb_status dsbi_image_resize_window(dsb_runtime *rt, uint8_t *out, const dsbi_image *in,
                                    const dsbi_resize_window *want, const double box[4],
                                    dsbi_filter filter)
{
    if (in->channels != 3)
        return dsbi_fail(DSB_E_SHAPE, "resize: %u channels, 3 expected", in->channels);
    dsbi_region view = dsbi_region_of(in);
    return dsbi_region_resize(rt, out, &view, want, box, filter, NULL);
}

dsb_status dsbi_image_resize(dsb_runtime *rt, dsbi_image *out, const dsbi_image *in,
                             uint32_t out_width, uint32_t out_height, const double box[4],
                             dsbi_filter filter)
{
    dsbi_resize_window all = {out_width, out_height, 0, 0, out_width, out_height, false};
    DSBI_TRY(dsbi_image_alloc(rt, out, out_width, out_height, 3));
    dsb_status status = dsbi_image_resize_window(rt, out->data, in, &all, box, filter);
    if (status != DSB_OK)
        dsbi_image_free(rt, out);
    return status;
}
