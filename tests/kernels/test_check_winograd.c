/* Winograd transforms: each against its matrices in f64, the products between them, and all
 * together against the sums that define a convolution and the gradient of its weights. */
#include "checking.h"

/* B^T [6, 6], G [6, taps], A [6, side] from the points, as winograd.inc derives them; 3 and 4 or 5
 * and 2. */
static double bt[36], g_[30], a_[24];
static size_t taps_, side_;

static void make_matrices(size_t taps)
{
    const double points[5] = {0, sqrt(0.5), -sqrt(0.5), sqrt(2), -sqrt(2)};
    taps_ = taps;
    side_ = 7 - taps;
    memset(bt, 0, sizeof bt);
    memset(g_, 0, sizeof g_);
    memset(a_, 0, sizeof a_);
    for (size_t p = 0; p < 5; p++) {
        double poly[6] = {1}, distance = 1; /* the product of x - q over the other points */
        for (size_t q = 0, degree = 0; q < 5; q++) {
            if (q == p)
                continue;
            for (size_t i = ++degree; i > 0; i--)
                poly[i] = poly[i - 1] - points[q] * poly[i];
            poly[0] *= -points[q];
            distance *= points[p] - points[q];
        }
        memcpy(bt + 6 * p, poly, sizeof poly);
        for (size_t i = 0; i < taps; i++)
            g_[taps * p + i] = pow(points[p], (double)i) / distance;
        for (size_t i = 0; i < side_; i++)
            a_[side_ * p + i] = pow(points[p], (double)i);
    }
    double all[6] = {0, 1}; /* x, times x - q for the others: the row of infinity */
    for (size_t q = 1; q < 5; q++) {
        for (size_t i = 5; i > 0; i--)
            all[i] = all[i - 1] - points[q] * all[i];
        all[0] *= -points[q];
    }
    memcpy(bt + 30, all, sizeof all);
    g_[6 * taps - 1] = a_[6 * side_ - 1] = 1;
}

/* out [rows, rows] = matrix in matrix^T with matrix [rows, columns], or with `trans` its transpose;
 * `work` gets the same of absolute values. */
static void twice(double *out, double *work, const double *matrix, size_t rows, size_t columns,
                  bool trans, const double *in)
{
    const size_t to = trans ? columns : rows, from = trans ? rows : columns;
    for (size_t i = 0; i < to; i++)
        for (size_t j = 0; j < to; j++) {
            double sum = 0, size = 0;
            for (size_t p = 0; p < from; p++)
                for (size_t q = 0; q < from; q++) {
                    const double left = trans ? matrix[p * columns + i] : matrix[i * columns + p];
                    const double right = trans ? matrix[q * columns + j] : matrix[j * columns + q];
                    sum += left * right * in[p * from + q];
                    size += fabs(left * right * in[p * from + q]);
                }
            out[i * to + j] = sum;
            work[i * to + j] = size;
        }
}

/* One channel of values `stride` apart as doubles. */
static void channel(double *out, const float *x, size_t count, size_t stride)
{
    for (size_t i = 0; i < count; i++)
        out[i] = (double)x[i * stride];
}

static void check_channel(const char *what, uint32_t isa, const float *got, size_t stride,
                          const double *expected, const double *work, size_t count)
{
    float line[36];
    for (size_t i = 0; i < count; i++)
        line[i] = got[i * stride];
    check_near(what, isa, line, expected, work, count, 8);
}

static void check_weights(const dsbi_kernels *table, uint32_t isa, size_t n)
{
    arrays all;
    arrays_begin(&all, n);
    const size_t stride = n + 3, gap = n + 1;
    const size_t area = taps_ * taps_;
    float *g = normal_f32(&all, (area - 1) * gap + n, 1), *u = array_f32(&all, 35 * stride + n);
    float *back = copied(&all, g, (area - 1) * gap + n);
    table->winograd_weights_f32(u, stride, g, gap, taps_, n);
    table->winograd_weights_bwd_f32(back, gap, u, stride, taps_, n);
    for (size_t ch = 0; ch < n; ch++) {
        double in[25], out[36], work[36];
        channel(in, g + ch, area, gap);
        twice(out, work, g_, 6, taps_, false, in);
        check_channel("winograd_weights", isa, u + ch, stride, out, work, 36);
        double up[36], sum[25], size[25];
        channel(up, u + ch, 36, stride);
        twice(sum, size, g_, 6, taps_, true, up);
        for (size_t i = 0; i < area; i++) {
            sum[i] += in[i];
            size[i] += fabs(in[i]);
        }
        check_channel("winograd_weights_bwd", isa, back + ch, gap, sum, size, area);
    }
    arrays_end(&all);
}

/* Pieces side by side of which `before` columns in front and `behind` at the end are missing, and
 * the lines outside [first, end); those are zeros and nothing is around the others. */
typedef struct run_case {
    size_t pieces, before, behind, first, end;
} run_case;

static void check_input(const dsbi_kernels *table, uint32_t isa, size_t n, run_case r)
{
    arrays all;
    arrays_begin(&all, n);
    const size_t columns = side_ * r.pieces + taps_ - 1, there = columns - r.before - r.behind,
                 pixel = n + 2;
    const size_t piece = n + 1, point = r.pieces * piece + 3, row = there * pixel - 2;
    float *x = normal_f32(&all, 6 * row, 1), *zeros = array_f32(&all, row);
    float *v = array_f32(&all, 35 * point + (r.pieces - 1) * piece + n);
    memset(zeros, 0, row * sizeof *zeros);
    const float *lines[6];
    for (size_t i = 0; i < 6; i++)
        lines[i] = i < r.first || i >= r.end ? zeros : x + i * row;
    const dsbi_wino_run run = {.pieces = r.pieces,
                               .side = side_,
                               .n = n,
                               .point = point,
                               .piece = piece,
                               .pixel = pixel,
                               .before = r.before,
                               .there = there};
    table->winograd_input_f32(v, lines, NULL, NULL, false, run);
    for (size_t t = 0; t < r.pieces; t++)
        for (size_t ch = 0; ch < n; ch++) {
            double in[36] = {0}, out[36], work[36];
            for (size_t p = 0; p < 36; p++) {
                const size_t j = side_ * t + p % 6;
                if (j >= r.before && j - r.before < there)
                    in[p] = (double)lines[p / 6][(j - r.before) * pixel + ch];
            }
            twice(out, work, bt, 6, 6, false, in);
            check_channel("winograd_input", isa, v + t * piece + ch, point, out, work, 36);
        }
    arrays_end(&all);
}

/* Through a norm: the bits of the norm by itself and then the transform. */
static void check_normed(const dsbi_kernels *table, uint32_t isa, size_t n, run_case r, bool relu)
{
    arrays all;
    arrays_begin(&all, n);
    const size_t there = side_ * r.pieces + taps_ - 1 - r.before - r.behind;
    const size_t point = r.pieces * n + 3, row = there * n, values = 35 * point + r.pieces * n;
    const dsbi_wino_run run = {r.pieces, side_, n, point, n, n, r.before, there};
    float *x = normal_f32(&all, 6 * row, 1), *y = array_f32(&all, 6 * row);
    float *scale = normal_f32(&all, n, 1), *shift = normal_f32(&all, n, 1);
    float *zeros = array_f32(&all, row);
    float *v = array_f32(&all, values), *expected = array_f32(&all, values);
    memset(zeros, 0, row * sizeof *zeros);
    memset(v, 0, values * sizeof *v);
    memset(expected, 0, values * sizeof *v);
    table->batchnorm_fwd_f32(y, x, NULL, scale, shift, relu, 6 * there, n);
    const float *lines[6], *normed[6];
    for (size_t i = 0; i < 6; i++) {
        const bool missing = i < r.first || i >= r.end;
        lines[i] = missing ? NULL : x + i * row;
        normed[i] = missing ? zeros : y + i * row;
    }
    table->winograd_input_f32(expected, normed, NULL, NULL, false, run);
    table->winograd_input_f32(v, lines, scale, shift, relu, run);
    ck_assert_msg(memcmp(v, expected, values * sizeof *v) == 0, "%s: %zu channels through a norm",
                  dsb_isa_name(isa), n);
    arrays_end(&all);
}

/* `rows` lines of pieces side by side, whose last one lacks some columns. */
static void check_output(const dsbi_kernels *table, uint32_t isa, size_t n, size_t rows,
                         size_t columns, bool add, bool relu)
{
    arrays all;
    arrays_begin(&all, n);
    const size_t pieces = (columns + side_ - 1) / side_, piece = n + 1, point = pieces * piece + 2;
    const size_t pixel = n + 2, row = columns * pixel + 1, values = 35 * point + pieces * piece;
    const size_t size = (rows - 1) * row + (columns - 1) * pixel + n; /* and nothing behind it */
    const dsbi_wino_run run = {pieces, side_, n, point, piece, pixel, 0, columns};
    float *m = normal_f32(&all, values, 1), *bias = normal_f32(&all, n, 1);
    float *y = normal_f32(&all, size, 1), *before = copied(&all, y, size);
    float *d = array_f32(&all, values), *sums = normal_f32(&all, n, 1);
    float *sums_before = copied(&all, sums, n), *zeros = array_f32(&all, row);
    memset(zeros, 0, row * sizeof *zeros);
    const float *lines[4];
    for (size_t i = 0; i < side_; i++)
        lines[i] = i < rows ? y + i * row : zeros;
    table->winograd_output_f32(y, row, rows, m, add ? NULL : bias, add ? y : NULL, relu, run);
    table->winograd_output_bwd_f32(d, sums, lines, run);
    for (size_t ch = 0; ch < n; ch++) {
        double sum = (double)sums_before[ch], sum_work = fabs(sum);
        for (size_t t = 0; t < pieces; t++) {
            double in[36], out[16], work[16], dy[16] = {0}, up[36], up_work[36];
            channel(in, m + t * piece + ch, 36, point);
            twice(out, work, a_, 6, side_, true, in);
            for (size_t i = 0; i < side_ * side_; i++) {
                const size_t column = side_ * t + i % side_;
                if (i / side_ >= rows || column >= columns)
                    continue;
                const size_t at = i / side_ * row + column * pixel + ch;
                const double more = (double)(add ? before[at] : bias[ch]), here = out[i] + more;
                const double expected = relu && here < 0 ? 0 : here, size_of = work[i] + fabs(more);
                check_near("winograd_output", isa, &y[at], &expected, &size_of, 1, 8);
                dy[i] = (double)y[at];
                sum += dy[i];
                sum_work += fabs(dy[i]);
            }
            twice(up, up_work, a_, 6, side_, false, dy);
            check_channel("winograd_output_bwd", isa, d + t * piece + ch, point, up, up_work, 36);
        }
        check_near("winograd_output_bwd: sums", isa, &sums[ch], &sum, &sum_work, 1, 4);
    }
    table->winograd_output_bwd_f32(d, NULL, lines, run);
    arrays_end(&all);
}

/* One of the 36 products in both directions, with room between the arrays of points. */
static void check_products(const dsbi_kernels *table, uint32_t isa, size_t pieces, size_t n,
                           size_t c)
{
    arrays all;
    arrays_begin(&all, n);
    const size_t m_point = pieces * n + 5, v_point = pieces * c + 3, u_point = c * (n + 64);
    float *v = normal_f32(&all, 36 * v_point, 1), *b = normal_f32(&all, 36 * n * c, 1);
    float *u = array_f32(&all, 36 * u_point), *m = array_f32(&all, 35 * m_point + pieces * n);
    float *du = normal_f32(&all, 36 * n * c, 1), *before = copied(&all, du, 36 * n * c);
    const dsbi_fetch ahead = {
        2, {(char *)v, (char *)b}, {(char *)(v + 1), (char *)(b + 36 * n * c)}};
    for (size_t p = 0; p < 36; p++)
        table->gemm_pack_f32(u + p * u_point, b + p * n * c, c, true, c, n);
    table->winograd_products_f32(m, m_point, v, v_point, u, u_point, pieces, n, c, ahead);
    table->winograd_gradients_f32(du, m, m_point, v, v_point, pieces, n, c, n % 2, ahead);
    for (size_t p = 0; p < 36; p += 35) {
        const float *vp = v + p * v_point, *mp = m + p * m_point;
        for (size_t i = 0; i < pieces * n; i++) {
            double sum = 0, work = 0;
            for (size_t k = 0; k < c; k++) {
                const double term = (double)vp[i / n * c + k] * (double)b[(p * n + i % n) * c + k];
                sum += term;
                work += fabs(term);
            }
            check_near("winograd_products", isa, &mp[i], &sum, &work, 1, (double)c);
        }
        for (size_t i = 0; i < n * c; i++) {
            double sum = n % 2 ? (double)before[p * n * c + i] : 0, work = fabs(sum);
            for (size_t t = 0; t < pieces; t++) {
                const double term = (double)mp[t * n + i / c] * (double)vp[t * c + i % c];
                sum += term;
                work += fabs(term);
            }
            check_near("winograd_gradients", isa, &du[p * n * c + i], &sum, &work, 1,
                       (double)pieces + 1);
        }
    }
    arrays_end(&all);
}

START_TEST(transforms_agree_with_their_matrices)
{
    for (size_t taps = 3; taps <= 5; taps += 2) {
        make_matrices(taps);
        FOR_EACH_LEVEL(isa, table)
        for (size_t n = 1; n <= 35; n += n < 18 ? 1 : 5) {
            check_weights(table, isa, n);
            const run_case cases[] = {{1, 0, 0, 0, 6},
                                      {WINO_RUN, 1, 1, 0, 6},
                                      {1 + n % WINO_RUN, 2, 0, 1, 6},
                                      {3, 0, n % (3 * side_), 0, 1 + n % 5},
                                      {1, 2, 3, 2, 3}};
            for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
                check_input(table, isa, n, cases[i]);
            for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
                check_normed(table, isa, n, cases[i], (n + i) % 2);
            for (size_t shape = 0; shape < side_ * side_; shape += n % 5 ? side_ + 1 : 1)
                check_output(table, isa, n, shape / side_ + 1, shape % side_ + 1 + n % 3 * side_,
                             n & 1, n & 2);
        }
    }
}
END_TEST

START_TEST(products_are_the_sums_that_define_them)
{
    static const size_t sizes[][3] = {{1, 1, 1},    {16, 16, 16}, {8, 8, 8},   {21, 16, 16},
                                      {19, 33, 19}, {10, 12, 48}, {5, 64, 17}, {32, 40, 8}};
    FOR_EACH_LEVEL(isa, table)
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        check_products(table, isa, sizes[i][0], sizes[i][1], sizes[i][2]);
}
END_TEST

/* One channel in, one out: y = conv(x, g), and dg from dy. */
static void check_together(const dsbi_kernels *table, uint32_t isa, size_t taps)
{
    const size_t side = 7 - taps, area = taps * taps, outputs = side * side;
    arrays all;
    arrays_begin(&all, 7);
    float *x = normal_f32(&all, 36, 1), *g = normal_f32(&all, area, 1);
    float *dy = normal_f32(&all, outputs, 1), *y = array_f32(&all, outputs);
    float u[36], v[36], d[36], dg[25] = {0};
    table->winograd_weights_f32(u, 1, g, 1, taps, 1);
    const float *lines[6] = {x, x + 6, x + 12, x + 18, x + 24, x + 30};
    const float *dy_lines[4] = {dy, dy + side, dy + 2 * side, dy + 3 * side};
    const dsbi_wino_run under = {1, side, 1, 1, 1, 1, 0, 6}, out = {1, side, 1, 1, 1, 1, 0, side};
    table->winograd_input_f32(v, lines, NULL, NULL, false, under);
    for (size_t i = 0; i < 36; i++)
        u[i] *= v[i];
    table->winograd_output_f32(y, side, side, u, NULL, NULL, false, out);
    table->winograd_output_bwd_f32(d, NULL, dy_lines, out);
    for (size_t i = 0; i < 36; i++)
        d[i] *= v[i];
    table->winograd_weights_bwd_f32(dg, 1, d, 1, taps, 1);
    double expected[16] = {0}, gradient[25] = {0}, work[25];
    for (size_t k = 0; k < 25; k++)
        work[k] = 10;
    for (size_t o = 0; o < outputs; o++)
        for (size_t k = 0; k < area; k++) {
            const double in = (double)x[(o / side + k / taps) * 6 + o % side + k % taps];
            expected[o] += in * (double)g[k];
            gradient[k] += in * (double)dy[o];
        }
    check_near("convolution", isa, y, expected, work, outputs, 4);
    check_near("gradient of the weights", isa, dg, gradient, work, area, 16);
    arrays_end(&all);
}

START_TEST(together_they_are_a_convolution)
{
    FOR_EACH_LEVEL(isa, table)
    {
        check_together(table, isa, 3);
        check_together(table, isa, 5);
    }
}
END_TEST

static void bench(void)
{
    enum { LINES = 8, PIECES = LINES * WINO_RUN, MOST = 64 };
    const size_t line = (4 * WINO_RUN + 2) * MOST;
    const dsbi_fetch none = {.n = 0};
    arrays all;
    arrays_begin(&all, 1);
    float *x = normal_f32(&all, 6 * line, 1), *y = array_f32(&all, 4 * line);
    float *v = normal_f32(&all, 36 * (PIECES * MOST + 16), 1);
    float *m = array_f32(&all, 36 * (PIECES * MOST + 16));
    float *u = normal_f32(&all, 36 * MOST * MOST, 1);
    const float *lines[6] = {x, x + line, x + 2 * line, x + 3 * line, x + 4 * line, x + 5 * line};
    for (size_t n = 16; n <= MOST; n *= 2)
        FOR_EACH_LEVEL(isa, table)
        {
            const size_t point = PIECES * n + 16;
            dsbi_wino_run run = {WINO_RUN, 4, n, point, n, n, 1, 4 * WINO_RUN};
            double input, normed, output, backward, products, gradients;
            SECONDS_OF(input, for (size_t t = 0; t < LINES; t++) table->winograd_input_f32(
                                  v + t * WINO_RUN * n, lines, NULL, NULL, false, run));
            SECONDS_OF(normed, for (size_t t = 0; t < LINES; t++) table->winograd_input_f32(
                                   v + t * WINO_RUN * n, lines, u, u + MOST, true, run));
            run.before = 0;
            SECONDS_OF(output, for (size_t t = 0; t < LINES; t++) table->winograd_output_f32(
                                   y, line, 4, v + t * WINO_RUN * n, NULL, NULL, false, run));
            SECONDS_OF(backward, for (size_t t = 0; t < LINES; t++) table->winograd_output_bwd_f32(
                                     m + t * WINO_RUN * n, NULL, lines, run));
            SECONDS_OF(products, table->winograd_products_f32(m, point, v, point, u, n * n, PIECES,
                                                              n, n, none));
            SECONDS_OF(gradients, table->winograd_gradients_f32(u, m, point, v, point, PIECES, n, n,
                                                                false, none));
            const double each = 1e9 / PIECES / (double)n, flops = 72e-9 * PIECES * (double)(n * n);
            printf("%-8s %3zu channels   ns a piece and channel: input %.3f  through a norm %.3f  "
                   "output %.3f  output backward %.3f   GFLOP/s: products %.0f  gradients %.0f\n",
                   dsb_isa_name(isa), n, each * input, each * normed, each * output,
                   each * backward, flops / products, flops / gradients);
        }
    arrays_end(&all);
}

CHECK_MAIN("winograd", bench, transforms_agree_with_their_matrices,
           products_are_the_sums_that_define_them, together_they_are_a_convolution)
