/* Depthwise convolution and its two gradients against f64, over shapes, kernels and paddings.
 * The work of an output is the same convolution of the magnitudes. */
#include "checking.h"

typedef struct shape {
    size_t h, w, c, k, pad;
} shape;

static void check_case(const dsbi_kernels *table, uint32_t isa, shape s)
{
    arrays all;
    arrays_begin(&all, s.h * 1000 + s.w * 100 + s.c);
    const size_t oh = s.h + 2 * s.pad - s.k + 1, ow = s.w + 2 * s.pad - s.k + 1;
    const size_t n_in = s.h * s.w * s.c, n_out = oh * ow * s.c, n_w = s.k * s.k * s.c;
    float *x = normal_f32(&all, n_in, 1), *w = normal_f32(&all, n_w, 1);
    float *bias = normal_f32(&all, s.c, 1), *dy = normal_f32(&all, n_out, 1);
    double *x64 = widened(&all, x, n_in), *w64 = widened(&all, w, n_w);
    double *bias64 = widened(&all, bias, s.c), *dy64 = widened(&all, dy, n_out);
    double *ax = magnitudes(&all, x64, n_in), *aw = magnitudes(&all, w64, n_w);
    double *ab = magnitudes(&all, bias64, s.c), *ady = magnitudes(&all, dy64, n_out);

    float *y = array_f32(&all, n_out), *dx = array_f32(&all, n_in);
    double *y64 = array_f64(&all, n_out), *wy = array_f64(&all, n_out);
    double *dx64 = array_f64(&all, n_in), *wdx = array_f64(&all, n_in);
    for (int with_bias = 0; with_bias < 2; with_bias++) {
        table->dwconv_fwd_f32(y, x, w, with_bias ? bias : NULL, s.h, s.w, s.c, s.k, s.pad);
        table->dwconv_fwd_f64(y64, x64, w64, with_bias ? bias64 : NULL, s.h, s.w, s.c, s.k, s.pad);
        table->dwconv_fwd_f64(wy, ax, aw, with_bias ? ab : NULL, s.h, s.w, s.c, s.k, s.pad);
        check_near("dwconv_fwd", isa, y, y64, wy, n_out, 8);
    }
    table->dwconv_bwd_data_f32(dx, dy, w, s.h, s.w, s.c, s.k, s.pad);
    table->dwconv_bwd_data_f64(dx64, dy64, w64, s.h, s.w, s.c, s.k, s.pad);
    table->dwconv_bwd_data_f64(wdx, ady, aw, s.h, s.w, s.c, s.k, s.pad);
    check_near("dwconv_bwd_data", isa, dx, dx64, wdx, n_in, 8);

    float *dw = copied(&all, w, n_w), *dbias = copied(&all, bias, s.c);
    table->dwconv_bwd_weights_f32(dw, dbias, x, dy, s.h, s.w, s.c, s.k, s.pad);
    table->dwconv_bwd_weights_f64(w64, bias64, x64, dy64, s.h, s.w, s.c, s.k, s.pad);
    table->dwconv_bwd_weights_f64(aw, ab, ax, ady, s.h, s.w, s.c, s.k, s.pad);
    const double factor = 4 + sqrt((double)(oh * ow)) * 2;
    check_near("dwconv_bwd_weights dw", isa, dw, w64, aw, n_w, factor);
    check_near("dwconv_bwd_weights dbias", isa, dbias, bias64, ab, s.c, factor);
    float *dw2 = copied(&all, w, n_w);
    table->dwconv_bwd_weights_f32(dw2, NULL, x, dy, s.h, s.w, s.c, s.k, s.pad);
    check_same("dwconv_bwd_weights without bias", isa, dw2, dw, n_w);
    arrays_end(&all);
}

START_TEST(dwconv_agrees_over_shapes)
{
    static const shape shapes[] = {
        {1, 1, 5, 7, 3},    {2, 2, 16, 7, 3},  {4, 4, 40, 7, 3},  {8, 8, 20, 7, 3},
        {16, 16, 10, 7, 3}, {5, 31, 17, 7, 3}, {9, 7, 33, 7, 3},  {14, 14, 96, 7, 3},
        {7, 7, 4, 7, 0},    {13, 25, 3, 7, 6}, {8, 9, 18, 7, 1},  {6, 6, 24, 3, 1},
        {5, 17, 8, 3, 0},   {9, 9, 12, 5, 2},  {12, 3, 7, 5, 4},  {4, 6, 9, 1, 0},
        {7, 8, 6, 4, 2},    {11, 11, 5, 9, 4}, {3, 40, 80, 7, 3},
    };
    FOR_EACH_LEVEL(isa, table)
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        check_case(table, isa, shapes[i]);
}
END_TEST

START_TEST(dwconv_agrees_over_channels_and_widths)
{
    FOR_EACH_LEVEL(isa, table)
    {
        for (size_t c = 1; c <= 67; c++)
            check_case(table, isa, (shape){3, 5, c, 7, 3});
        for (size_t w = 1; w <= 30; w++)
            check_case(table, isa, (shape){4, w, 9, 7, 3});
    }
}
END_TEST

static double valid_taps(shape s)
{
    double rows = 0, columns = 0;
    for (size_t o = 0; o < s.h + 2 * s.pad - s.k + 1; o++)
        for (size_t i = 0; i < s.k; i++)
            rows += o + i >= s.pad && o + i - s.pad < s.h;
    for (size_t o = 0; o < s.w + 2 * s.pad - s.k + 1; o++)
        for (size_t i = 0; i < s.k; i++)
            columns += o + i >= s.pad && o + i - s.pad < s.w;
    return rows * columns * (double)s.c;
}

static void bench(void)
{
    enum { SLACK = 64 }; /* a masked load that looks into an unreadable page is slow */
    static const shape shapes[] = {
        {16, 16, 40, 7, 3}, {8, 8, 80, 7, 3},    {4, 4, 160, 7, 3},   {2, 2, 320, 7, 3},
        {56, 56, 96, 7, 3}, {28, 28, 192, 7, 3}, {14, 14, 384, 7, 3}, {7, 7, 768, 7, 3},
        {16, 16, 10, 7, 3}, {16, 16, 20, 7, 3},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const shape s = shapes[i];
        const size_t n = s.h * s.w * s.c;
        arrays all;
        arrays_begin(&all, 1);
        float *x = normal_f32(&all, n + SLACK, 1),
              *w = normal_f32(&all, s.k * s.k * s.c + SLACK, 1);
        float *dy = normal_f32(&all, n + SLACK, 1), *y = array_f32(&all, n + SLACK),
              *db = normal_f32(&all, s.c + SLACK, 1);
        FOR_EACH_LEVEL(isa, table)
        {
            if (isa == DSB_ISA_GENERIC)
                continue;
            double fwd, data, weights;
            SECONDS_OF(fwd, table->dwconv_fwd_f32(y, x, w, db, s.h, s.w, s.c, s.k, s.pad));
            SECONDS_OF(data, table->dwconv_bwd_data_f32(y, dy, w, s.h, s.w, s.c, s.k, s.pad));
            SECONDS_OF(weights,
                       table->dwconv_bwd_weights_f32(w, db, x, dy, s.h, s.w, s.c, s.k, s.pad));
            const double all_taps = 2e-9 * (double)n * (double)(s.k * s.k);
            const double taps = 2e-9 * valid_taps(s);
            printf("%-7s %2zux%2zux%3zu  GFLOP/s of all taps (of taps inside): fwd %6.1f (%6.1f)  "
                   "bwd data %6.1f (%6.1f)  bwd weights %6.1f (%6.1f)\n",
                   dsb_isa_name(isa), s.h, s.w, s.c, all_taps / fwd, taps / fwd, all_taps / data,
                   taps / data, all_taps / weights, taps / weights);
        }
        arrays_end(&all);
    }
}

CHECK_MAIN("dwconv", bench, dwconv_agrees_over_shapes, dwconv_agrees_over_channels_and_widths)
