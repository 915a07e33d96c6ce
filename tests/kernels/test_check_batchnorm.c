/* Batch norm over rows against f64: statistics also where mean >> std, a residual, a ReLU behind.
 */
#include "checking.h"

static const size_t ROWS[] = {1, 2, 3, 4, 7, 33};
enum { N_ROWS = sizeof ROWS / sizeof ROWS[0] };

typedef struct norm_case {
    arrays all;
    size_t rows, c, n;
    float *x, *dy, *r, *y, *mean, *scale, *shift;
    double *x64, *dy64, *r64, *y64, *mean64, *scale64, *shift64, *work;
} norm_case;

static void begin(norm_case *t, size_t rows, size_t c, double away)
{
    t->rows = rows;
    t->c = c;
    t->n = rows * c;
    arrays_begin(&t->all, rows * 1000 + c);
    t->x = normal_f32(&t->all, t->n, 1);
    for (size_t i = 0; i < t->n; i++)
        t->x[i] += (float)away;
    t->dy = normal_f32(&t->all, t->n, 1);
    t->r = normal_f32(&t->all, t->n, 1);
    t->y = array_f32(&t->all, t->n);
    t->mean = normal_f32(&t->all, c, 1);
    t->scale = normal_f32(&t->all, c, 1);
    t->shift = normal_f32(&t->all, c, 1);
    t->x64 = widened(&t->all, t->x, t->n);
    t->dy64 = widened(&t->all, t->dy, t->n);
    t->r64 = widened(&t->all, t->r, t->n);
    t->y64 = array_f64(&t->all, t->n);
    t->mean64 = widened(&t->all, t->mean, c);
    t->scale64 = widened(&t->all, t->scale, c);
    t->shift64 = widened(&t->all, t->shift, c);
    t->work = array_f64(&t->all, t->n);
}

#define FOR_EACH_CASE                   \
    FOR_EACH_LEVEL(isa, table)          \
    for (size_t k = 0; k < N_ROWS; k++) \
        for (size_t c = 1; c <= 200; c = c < 67 ? c + (ROWS[k] == 7 ? 1 : 11) : c + 31)

START_TEST(statistics_agree)
{
    FOR_EACH_CASE
    {
        norm_case t;
        begin(&t, ROWS[k], c, 30);
        float *squares = array_f32(&t.all, c);
        double *squares64 = array_f64(&t.all, c), *work = array_f64(&t.all, c);
        table->batchnorm_stats_f32(t.mean, squares, t.x, t.rows, c);
        table->batchnorm_stats_f64(t.mean64, squares64, t.x64, t.rows, c);
        for (size_t i = 0; i < c; i++)
            work[i] = fabs(t.mean64[i]) + 1;
        check_near("mean", isa, t.mean, t.mean64, work, c, (double)t.rows + 1);
        for (size_t i = 0; i < c; i++) /* a mean off by d adds 2 d sum |x - mean| + n d^2 */
            work[i] = squares64[i] + 100 * (double)t.rows;
        check_near("squares", isa, squares, squares64, work, c, (double)t.rows + 2);

        /* two halves joined are the whole */
        const size_t half = t.rows / 2;
        if (half > 0) {
            double *mean_b = array_f64(&t.all, c), *squares_b = array_f64(&t.all, c);
            double *mean_a = array_f64(&t.all, c), *squares_a = array_f64(&t.all, c);
            table->batchnorm_stats_f64(mean_a, squares_a, t.x64, half, c);
            table->batchnorm_stats_f64(mean_b, squares_b, t.x64 + half * c, t.rows - half, c);
            float *mean = array_f32(&t.all, c), *mean_f = array_f32(&t.all, c);
            float *squares_f = array_f32(&t.all, c);
            for (size_t i = 0; i < c; i++) {
                mean[i] = (float)mean_a[i];
                squares[i] = (float)squares_a[i];
                mean_f[i] = (float)mean_b[i];
                squares_f[i] = (float)squares_b[i];
            }
            table->batchnorm_merge_f32(mean, squares, half, mean_f, squares_f, t.rows - half, c);
            check_near("merged squares", isa, squares, squares64, work, c, 4);
            for (size_t i = 0; i < c; i++)
                work[i] = fabs(t.mean64[i]) + 1;
            check_near("merged mean", isa, mean, t.mean64, work, c, 2);
        }
        arrays_end(&t.all);
    }
}
END_TEST

START_TEST(forward_agrees)
{
    FOR_EACH_CASE
    for (int residual = 0; residual < 2; residual++)
        for (int relu = 0; relu < 2; relu++) {
            norm_case t;
            begin(&t, ROWS[k], c, 0);
            table->batchnorm_fwd_f32(t.y, t.x, residual ? t.r : NULL, t.scale, t.shift, relu,
                                     t.rows, c);
            table->batchnorm_fwd_f64(t.y64, t.x64, residual ? t.r64 : NULL, t.scale64, t.shift64,
                                     relu, t.rows, c);
            for (size_t i = 0; i < t.n; i++)
                t.work[i] =
                    fabs(t.x64[i] * t.scale64[i % c]) + fabs(t.shift64[i % c]) + fabs(t.r64[i]);
            check_near("fwd", isa, t.y, t.y64, t.work, t.n, 2);
            float *over = residual ? t.r : t.x;
            table->batchnorm_fwd_f32(over, t.x, residual ? t.r : NULL, t.scale, t.shift, relu,
                                     t.rows, c);
            check_same("fwd in place", isa, over, t.y, t.n);
            arrays_end(&t.all);
        }
}
END_TEST

/* Where the ReLU is within rounding of its corner, float and double may differ: moved away. */
static void leave_corners(norm_case *t)
{
    for (size_t i = 0; i < t->n; i++) {
        const double v = t->x64[i] * t->scale64[i % t->c] + t->shift64[i % t->c];
        if (fabs(v) < 1e-4) {
            t->x[i] += 1;
            t->x64[i] = (double)t->x[i];
        }
    }
}

START_TEST(backward_agrees)
{
    FOR_EACH_CASE
    for (int gate = 0; gate < 2; gate++) {
        norm_case t;
        begin(&t, ROWS[k], c, 0);
        leave_corners(&t);
        const float *shift = gate ? t.shift : NULL;
        const double *shift64 = gate ? t.shift64 : NULL;
        float *sum = normal_f32(&t.all, c, 1), *product = normal_f32(&t.all, c, 1);
        double *sum64 = widened(&t.all, sum, c), *product64 = widened(&t.all, product, c);
        double *sum_work = magnitudes(&t.all, sum64, c);
        double *product_work = magnitudes(&t.all, product64, c);
        for (size_t i = 0; i < t.n; i++) {
            sum_work[i % c] += fabs(t.dy64[i]);
            product_work[i % c] += fabs(t.dy64[i]) * (fabs(t.x64[i]) + fabs(t.mean64[i % c]));
        }
        table->batchnorm_sums_f32(sum, product, t.dy, t.x, t.mean, t.scale, shift, t.rows, c);
        table->batchnorm_sums_f64(sum64, product64, t.dy64, t.x64, t.mean64, t.scale64, shift64,
                                  t.rows, c);
        check_near("sum", isa, sum, sum64, sum_work, c, (double)t.rows + 1);
        check_near("product", isa, product, product64, product_work, c, (double)t.rows + 2);

        float *slope = normal_f32(&t.all, c, 1), *offset = normal_f32(&t.all, c, 1);
        double *slope64 = widened(&t.all, slope, c), *offset64 = widened(&t.all, offset, c);
        for (size_t i = 0; i < t.n; i++)
            t.work[i] = fabs(t.scale64[i % c] * t.dy64[i]) +
                        fabs(slope64[i % c] * (t.x64[i] - t.mean64[i % c])) +
                        fabs(offset64[i % c]) + fabs(t.r64[i]);
        table->batchnorm_bwd_f32(t.r, t.dy, t.x, t.scale, t.mean, slope, offset, shift, true,
                                 t.rows, c);
        table->batchnorm_bwd_f64(t.r64, t.dy64, t.x64, t.scale64, t.mean64, slope64, offset64,
                                 shift64, true, t.rows, c);
        check_near("bwd, added", isa, t.r, t.r64, t.work, t.n, 4);
        table->batchnorm_bwd_f32(t.y, t.dy, t.x, t.scale, t.mean, slope, offset, shift, false,
                                 t.rows, c);
        table->batchnorm_bwd_f64(t.y64, t.dy64, t.x64, t.scale64, t.mean64, slope64, offset64,
                                 shift64, false, t.rows, c);
        check_near("bwd", isa, t.y, t.y64, t.work, t.n, 4);
        table->batchnorm_bwd_f32(t.dy, t.dy, t.x, t.scale, t.mean, slope, offset, shift, false,
                                 t.rows, c);
        check_same("bwd in place", isa, t.dy, t.y, t.n);
        arrays_end(&t.all);
    }
}
END_TEST

START_TEST(nan_passes_the_relu)
{
    FOR_EACH_LEVEL(isa, table)
    {
        norm_case t;
        begin(&t, 2, 19, 0);
        t.x[3] = t.x[37] = NAN;
        table->batchnorm_fwd_f32(t.y, t.x, NULL, t.scale, t.shift, true, 2, 19);
        for (size_t i = 0; i < t.n; i++)
            ck_assert_int_eq(isnan(t.y[i]) != 0, i == 3 || i == 37);
        arrays_end(&t.all);
    }
}
END_TEST

static void bench(void)
{
    static const size_t widths[] = {16, 24, 64, 132, 256, 1024};
    for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++) {
        norm_case t;
        begin(&t, 16384 / widths[w], widths[w], 0);
        float *sum = normal_f32(&t.all, t.c, 1), *product = normal_f32(&t.all, t.c, 1);
        const double gb = 4e-9 * (double)t.n;
        FOR_EACH_LEVEL(isa, table)
        {
            double stats, fwd, sums, bwd;
            SECONDS_OF(stats, table->batchnorm_stats_f32(sum, product, t.x, t.rows, t.c));
            SECONDS_OF(
                fwd, table->batchnorm_fwd_f32(t.y, t.x, t.r, t.scale, t.shift, true, t.rows, t.c));
            SECONDS_OF(sums, table->batchnorm_sums_f32(sum, product, t.dy, t.x, t.mean, t.scale,
                                                       t.shift, t.rows, t.c));
            SECONDS_OF(bwd, table->batchnorm_bwd_f32(t.y, t.dy, t.x, t.scale, t.mean, t.mean,
                                                     t.mean, t.shift, false, t.rows, t.c));
            printf("%-8s c %4zu  GB/s: stats %6.1f  fwd+r+relu %6.1f  sums %6.1f  bwd %6.1f\n",
                   dsb_isa_name(isa), t.c, gb / stats, 3 * gb / fwd, 2 * gb / sums, 3 * gb / bwd);
        }
        arrays_end(&t.all);
    }
}

CHECK_MAIN("batchnorm", bench, statistics_agree, forward_agrees, backward_agrees,
           nan_passes_the_relu)
