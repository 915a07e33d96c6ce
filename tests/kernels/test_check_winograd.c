/* Winograd transforms: each against its matrices in f64, and all of them together against the sums
 * that define a convolution and the gradient of its weights. */
#include "checking.h"

/* B^T [6, 6], G [6, 3], A [6, 4] from the points, as winograd.inc derives them. */
static double bt[36], g_[18], a_[24];

static void make_matrices(void)
{
    const double points[5] = {0, sqrt(0.5), -sqrt(0.5), sqrt(2), -sqrt(2)};
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
        for (size_t i = 0; i < 3; i++)
            g_[3 * p + i] = pow(points[p], (double)i) / distance;
        for (size_t i = 0; i < 4; i++)
            a_[4 * p + i] = pow(points[p], (double)i);
    }
    double all[6] = {0, 1}; /* x, times x - q for the others: the row of infinity */
    for (size_t q = 1; q < 5; q++) {
        for (size_t i = 5; i > 0; i--)
            all[i] = all[i - 1] - points[q] * all[i];
        all[0] *= -points[q];
    }
    memcpy(bt + 30, all, sizeof all);
    g_[17] = a_[23] = 1;
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
    float *g = normal_f32(&all, 8 * gap + n, 1), *u = array_f32(&all, 35 * stride + n);
    float *back = copied(&all, g, 8 * gap + n);
    table->winograd_weights_f32(u, stride, g, gap, n);
    table->winograd_weights_bwd_f32(back, gap, u, stride, n);
    for (size_t ch = 0; ch < n; ch++) {
        double in[9], out[36], work[36];
        channel(in, g + ch, 9, gap);
        twice(out, work, g_, 6, 3, false, in);
        check_channel("winograd_weights", isa, u + ch, stride, out, work, 36);
        double up[36], sum[9], size[9];
        channel(up, u + ch, 36, stride);
        twice(sum, size, g_, 6, 3, true, up);
        for (size_t i = 0; i < 9; i++) {
            sum[i] += in[i];
            size[i] += fabs(in[i]);
        }
        check_channel("winograd_weights_bwd", isa, back + ch, gap, sum, size, 9);
    }
    arrays_end(&all);
}

static void check_input(const dsbi_kernels *table, uint32_t isa, size_t n)
{
    arrays all;
    arrays_begin(&all, n);
    const size_t stride = n + 3, pixel = n + 2, row = 6 * pixel + 1;
    float *x = normal_f32(&all, 5 * row + 5 * pixel + n, 1), *v = array_f32(&all, 35 * stride + n);
    table->winograd_input_f32(v, stride, x, row, pixel, NULL, n);
    for (size_t ch = 0; ch < n; ch++) {
        double in[36], out[36], work[36];
        for (size_t i = 0; i < 6; i++)
            channel(in + 6 * i, x + i * row + ch, 6, pixel);
        twice(out, work, bt, 6, 6, false, in);
        check_channel("winograd_input", isa, v + ch, stride, out, work, 36);
    }
    arrays_end(&all);
}

/* Only lines and columns [first, end) of the piece exist, and nothing around them. */
static void check_part(const dsbi_kernels *table, uint32_t isa, size_t n, size_t first, size_t end)
{
    const size_t inside[4] = {first, end, 6 - end, 6 - first}, side = end - first;
    arrays all;
    arrays_begin(&all, n);
    float *x = normal_f32(&all, side * side * n, 1), *v = array_f32(&all, 36 * n);
    table->winograd_input_f32(v, n, x, side * n, n, inside, n);
    for (size_t ch = 0; ch < n; ch++) {
        double in[36] = {0}, out[36], work[36];
        for (size_t i = 0; i < side; i++)
            channel(in + 6 * (i + inside[0]) + inside[2], x + i * side * n + ch, side, n);
        twice(out, work, bt, 6, 6, false, in);
        check_channel("winograd_input: a part", isa, v + ch, n, out, work, 36);
    }
    arrays_end(&all);
}

static void check_output(const dsbi_kernels *table, uint32_t isa, size_t n, size_t rows,
                         size_t columns, bool add, bool relu)
{
    arrays all;
    arrays_begin(&all, n);
    const size_t stride = n + 3, pixel = n + 2, row = 4 * pixel + 1;
    const size_t size = (rows - 1) * row + (columns - 1) * pixel + n; /* and nothing behind it */
    float *m = normal_f32(&all, 35 * stride + n, 1), *bias = normal_f32(&all, n, 1);
    float *y = normal_f32(&all, size, 1), *before = copied(&all, y, size);
    float *d = array_f32(&all, 35 * stride + n), *sums = normal_f32(&all, n, 1);
    float *sums_before = copied(&all, sums, n);
    table->winograd_output_f32(y, row, pixel, rows, columns, m, stride, add ? NULL : bias,
                               add ? y : NULL, relu, n);
    table->winograd_output_bwd_f32(d, stride, sums, y, row, pixel, rows, columns, n);
    for (size_t ch = 0; ch < n; ch++) {
        double in[36], out[16], work[16], dy[16] = {0}, up[36], up_work[36];
        channel(in, m + ch, 36, stride);
        twice(out, work, a_, 6, 4, true, in);
        double sum = (double)sums_before[ch], sum_work = fabs(sum);
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < columns; j++) {
                const size_t at = i * row + j * pixel + ch;
                const double more = (double)(add ? before[at] : bias[ch]);
                const double sum_here = out[4 * i + j] + more;
                const double expected = relu && sum_here < 0 ? 0 : sum_here,
                             size_of = work[4 * i + j] + fabs(more);
                check_near("winograd_output", isa, &y[at], &expected, &size_of, 1, 8);
                dy[4 * i + j] = (double)y[at];
                sum += (double)y[at];
                sum_work += fabs((double)y[at]);
            }
        twice(up, up_work, a_, 6, 4, false, dy);
        check_channel("winograd_output_bwd", isa, d + ch, stride, up, up_work, 36);
        check_near("winograd_output_bwd: sums", isa, &sums[ch], &sum, &sum_work, 1, 4);
    }
    table->winograd_output_bwd_f32(d, stride, NULL, y, row, pixel, rows, columns, n);
    arrays_end(&all);
}

START_TEST(transforms_agree_with_their_matrices)
{
    make_matrices();
    FOR_EACH_LEVEL(isa, table)
    for (size_t n = 1; n <= 35; n += n < 18 ? 1 : 5) {
        check_weights(table, isa, n);
        check_input(table, isa, n);
        for (size_t first = 0; first < 3; first++)
            check_part(table, isa, n, first, 3 + (n + first) % 4);
        for (size_t shape = 0; shape < 16; shape += n % 5 ? 5 : 1)
            check_output(table, isa, n, shape / 4 + 1, shape % 4 + 1, n & 1, n & 2);
    }
}
END_TEST

/* One channel in, one out: y = conv(x, g), and dg from dy. */
START_TEST(together_they_are_a_convolution)
{
    FOR_EACH_LEVEL(isa, table)
    {
        arrays all;
        arrays_begin(&all, 7);
        float *x = normal_f32(&all, 36, 1), *g = normal_f32(&all, 9, 1);
        float *dy = normal_f32(&all, 16, 1), *y = array_f32(&all, 16);
        float u[36], v[36], d[36], dg[9] = {0};
        table->winograd_weights_f32(u, 1, g, 1, 1);
        table->winograd_input_f32(v, 1, x, 6, 1, NULL, 1);
        for (size_t i = 0; i < 36; i++)
            u[i] *= v[i];
        table->winograd_output_f32(y, 4, 1, 4, 4, u, 1, NULL, NULL, false, 1);
        table->winograd_output_bwd_f32(d, 1, NULL, dy, 4, 1, 4, 4, 1);
        for (size_t i = 0; i < 36; i++)
            d[i] *= v[i];
        table->winograd_weights_bwd_f32(dg, 1, d, 1, 1);
        double expected[16] = {0}, gradient[9] = {0}, work[16];
        for (size_t o = 0; o < 16; o++)
            for (size_t k = 0; k < 9; k++) {
                const double in = (double)x[(o / 4 + k / 3) * 6 + o % 4 + k % 3];
                expected[o] += in * (double)g[k];
                gradient[k] += in * (double)dy[o];
                work[o] = 10;
            }
        check_near("convolution", isa, y, expected, work, 16, 4);
        check_near("gradient of the weights", isa, dg, gradient, work, 9, 16);
        arrays_end(&all);
    }
}
END_TEST

static void bench(void)
{
    enum { PIECES = 28, MOST = 256 };
    arrays all;
    arrays_begin(&all, 1);
    float *x = normal_f32(&all, 16 * PIECES * MOST + 36 * MOST, 1);
    float *v = array_f32(&all, 36 * (PIECES * MOST + 16));
    for (size_t n = 16; n <= MOST; n *= 4)
        FOR_EACH_LEVEL(isa, table)
        {
            const size_t stride = PIECES * n + 16;
            double input, output, backward;
            SECONDS_OF(input, for (size_t t = 0; t < PIECES; t++) table->winograd_input_f32(
                                  v + t * n, stride, x + 4 * t * n, 4 * n, n, NULL, n));
            SECONDS_OF(output, for (size_t t = 0; t < PIECES; t++) table->winograd_output_f32(
                                   x + 16 * t * n, 4 * n, n, 4, 4, v + t * n, stride, NULL, NULL,
                                   false, n));
            SECONDS_OF(backward, for (size_t t = 0; t < PIECES; t++) table->winograd_output_bwd_f32(
                                     v + t * n, stride, NULL, x + 16 * t * n, 4 * n, n, 4, 4, n));
            const double each = 1e9 / PIECES / (double)n;
            printf("%-8s %3zu channels   ns a piece and channel: input %.3f  output %.3f  output "
                   "backward %.3f\n",
                   dsb_isa_name(isa), n, each * input, each * output, each * backward);
        }
    arrays_end(&all);
}

CHECK_MAIN("winograd", bench, transforms_agree_with_their_matrices, together_they_are_a_convolution)
