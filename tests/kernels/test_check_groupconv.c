/* Convolution in groups and the gradient of its weights against f64, over sizes, strides and
 * groups. The work of an output is the same convolution of the magnitudes. */
#include "checking.h"

typedef struct sizes {
    size_t lines, width, group, stride;
} sizes;

static dsbi_group_shape shape_of(sizes n)
{
    enum { MORE = 3 }; /* channels of y beside those of the block */
    const size_t step = n.group > GROUPCONV_LANES ? n.group : GROUPCONV_LANES;
    const size_t strips = (n.width + GROUPCONV_STRIP - 1) / GROUPCONV_STRIP;
    const size_t pixels = (strips * GROUPCONV_STRIP - 1) * n.stride + 3;
    return (dsbi_group_shape){.lines = n.lines,
                              .width = n.width,
                              .group = n.group,
                              .stride = n.stride,
                              .x_line = pixels * step,
                              .x_step = step,
                              .y_step = GROUPCONV_LANES + MORE,
                              .y_line = strips * GROUPCONV_STRIP * GROUPCONV_LANES};
}

static void check_forward(const dsbi_kernels *table, uint32_t isa, dsbi_group_shape s)
{
    arrays all;
    arrays_begin(&all, s.lines * 1000 + s.width * 10 + s.group);
    const size_t n_x = ((s.lines - 1) * s.stride + 3) * s.x_line;
    const size_t n_w = 9 * s.group * GROUPCONV_LANES;
    const size_t n_y = (s.lines * s.width - 1) * s.y_step + GROUPCONV_LANES;
    float *x = normal_f32(&all, n_x, 1), *w = normal_f32(&all, n_w, 1);
    float *bias = normal_f32(&all, GROUPCONV_LANES, 1), *from = normal_f32(&all, n_y, 1);
    double *x64 = widened(&all, x, n_x), *w64 = widened(&all, w, n_w);
    double *bias64 = widened(&all, bias, GROUPCONV_LANES), *from64 = widened(&all, from, n_y);
    double *ax = magnitudes(&all, x64, n_x), *aw = magnitudes(&all, w64, n_w);
    double *ab = magnitudes(&all, bias64, GROUPCONV_LANES), *af = magnitudes(&all, from64, n_y);
    for (int with = 0; with < 4; with++) {
        const bool more = with & 1, relu = with & 2;
        float *y = copied(&all, from, n_y);
        double *y64 = widened(&all, from, n_y), *work = magnitudes(&all, from64, n_y);
        table->groupconv_fwd_f32(y, x, w, more ? bias : NULL, more ? from : NULL, relu, s);
        table->groupconv_fwd_f64(y64, x64, w64, more ? bias64 : NULL, more ? from64 : NULL, relu,
                                 s);
        table->groupconv_fwd_f64(work, ax, aw, more ? ab : NULL, more ? af : NULL, false, s);
        check_near("groupconv_fwd", isa, y, y64, work, n_y, 8);
    }
    arrays_end(&all);
}

static void check_weights(const dsbi_kernels *table, uint32_t isa, dsbi_group_shape s)
{
    arrays all;
    arrays_begin(&all, s.lines * 1000 + s.width * 10 + s.group + 1);
    const size_t n_x = ((s.lines - 1) * s.stride + 3) * s.x_line;
    const size_t n_dy = s.lines * s.y_line, n_w = 9 * s.group * GROUPCONV_LANES;
    float *x = normal_f32(&all, n_x, 1), *dy = normal_f32(&all, n_dy, 1);
    for (size_t i = 0; i < n_dy; i++) /* zeros behind each line, as the kernel asks for */
        if (i % s.y_line >= s.width * GROUPCONV_LANES)
            dy[i] = 0;
    float *dw = normal_f32(&all, n_w, 1);
    double *x64 = widened(&all, x, n_x), *dy64 = widened(&all, dy, n_dy);
    double *ax = magnitudes(&all, x64, n_x), *ady = magnitudes(&all, dy64, n_dy);
    double *dw64 = widened(&all, dw, n_w), *work = magnitudes(&all, dw64, n_w);
    table->groupconv_bwd_weights_f32(dw, x, dy, s);
    table->groupconv_bwd_weights_f64(dw64, x64, dy64, s);
    table->groupconv_bwd_weights_f64(work, ax, ady, s);
    check_near("groupconv_bwd_weights", isa, dw, dw64, work, n_w,
               4 + 2 * sqrt((double)(s.lines * s.width)));
    arrays_end(&all);
}

START_TEST(groupconv_agrees)
{
    static const size_t groups[] = {1, 2, 4, 8, 16, 32, 48};
    FOR_EACH_LEVEL(isa, table)
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++)
        for (size_t stride = 1; stride <= 2; stride++)
            for (size_t width = 1; width <= 17; width++) {
                const dsbi_group_shape s =
                    shape_of((sizes){1 + width % 3, width, groups[g], stride});
                check_forward(table, isa, s);
                check_weights(table, isa, s);
            }
}
END_TEST

static void bench(void)
{
    static const sizes cases[] = {{6, 56, 4, 1}, {6, 28, 8, 1},  {6, 14, 16, 1}, {6, 28, 8, 2},
                                  {7, 7, 32, 1}, {6, 14, 16, 2}, {8, 32, 64, 1}, {6, 56, 1, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const dsbi_group_shape s = shape_of(cases[i]);
        arrays all;
        arrays_begin(&all, 1);
        float *x = normal_f32(&all, ((s.lines - 1) * s.stride + 3) * s.x_line, 1);
        float *w = normal_f32(&all, 9 * s.group * GROUPCONV_LANES, 1);
        float *y = normal_f32(&all, s.lines * s.width * s.y_step, 1);
        float *dy = normal_f32(&all, s.lines * s.y_line, 1);
        const double gflop = 18e-9 * (double)(s.lines * s.width * s.group * GROUPCONV_LANES);
        FOR_EACH_LEVEL(isa, table)
        {
            double forward, weights;
            SECONDS_OF(forward, table->groupconv_fwd_f32(y, x, w, NULL, NULL, false, s));
            SECONDS_OF(weights, table->groupconv_bwd_weights_f32(w, x, dy, s));
            printf("%-7s %zux%zu group %2zu stride %zu  GFLOP/s: forward %6.1f  weights %6.1f\n",
                   dsb_isa_name(isa), s.lines, s.width, s.group, s.stride, gflop / forward,
                   gflop / weights);
        }
        arrays_end(&all);
    }
}

CHECK_MAIN("groupconv", bench, groupconv_agrees)
