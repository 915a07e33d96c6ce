/* Layer norm forward and backward against f64, also where mean >> std. */
#include "checking.h"

static const size_t ROWS[] = {0, 1, 3, 17};

static void check_case(const dsbi_kernels *table, uint32_t isa, size_t rows, size_t c, double shift)
{
    arrays all;
    arrays_begin(&all, rows * 100 + c);
    const size_t n = rows * c;
    float *x = normal_f32(&all, n, 1), *dy = normal_f32(&all, n, 1);
    for (size_t i = 0; i < n; i++)
        x[i] += (float)shift;
    float *gain = normal_f32(&all, c, 1), *bias = normal_f32(&all, c, 1);
    float *y = array_f32(&all, n), *mean = array_f32(&all, rows), *rstd = array_f32(&all, rows);
    double *x64 = widened(&all, x, n), *dy64 = widened(&all, dy, n), *y64 = array_f64(&all, n);
    double *gain64 = widened(&all, gain, c), *bias64 = widened(&all, bias, c);
    double *mean64 = array_f64(&all, rows), *rstd64 = array_f64(&all, rows);
    double *work = array_f64(&all, n);
    table->layernorm_fwd_f32(y, mean, rstd, x, gain, bias, rows, c, 1e-6);
    table->layernorm_fwd_f64(y64, mean64, rstd64, x64, gain64, bias64, rows, c, 1e-6);
    for (size_t i = 0; i < n; i++) /* an error of eps |x| in the mean grows by rstd */
        work[i] = fabs(bias64[i % c]) + fabs(gain64[i % c]) * (fabs(x64[i]) + shift + 1) *
                                            rstd64[i / c] *
                                            (1 + fabs(x64[i] - mean64[i / c]) * rstd64[i / c]);
    check_near("layernorm_fwd", isa, y, y64, work, n, 8);
    check_near("layernorm_fwd mean", isa, mean, mean64, mean64, shift > 0 ? rows : 0,
               4 + 0.25 * (double)c);

    float *dx = array_f32(&all, n), *dgain = normal_f32(&all, c, 1),
          *dbias = normal_f32(&all, c, 1);
    double *dx64 = array_f64(&all, n), *dgain64 = widened(&all, dgain, c);
    double *dbias64 = widened(&all, dbias, c);
    double *wgain = magnitudes(&all, dgain64, c), *wbias = magnitudes(&all, dbias64, c);
    for (size_t r = 0; r < rows; r++) { /* the saved values are what the kernel is given */
        mean64[r] = (double)mean[r];
        rstd64[r] = (double)rstd[r];
    }
    table->layernorm_bwd_f32(dx, dgain, dbias, dy, x, mean, rstd, gain, rows, c);
    table->layernorm_bwd_f64(dx64, dgain64, dbias64, dy64, x64, mean64, rstd64, gain64, rows, c);
    for (size_t r = 0; r < rows; r++) {
        double sum = 0, product = 0;
        for (size_t i = 0; i < c; i++) {
            const double g = fabs(dy64[r * c + i] * gain64[i]);
            const double xhat = fabs(x64[r * c + i] - mean64[r]) * rstd64[r];
            wgain[i] += fabs(dy64[r * c + i]) * xhat;
            wbias[i] += fabs(dy64[r * c + i]);
            sum += g;
            product += g * xhat;
        }
        for (size_t i = 0; i < c; i++) {
            const double xhat = fabs(x64[r * c + i] - mean64[r]) * rstd64[r];
            work[r * c + i] = rstd64[r] * (fabs(dy64[r * c + i] * gain64[i]) + sum / (double)c +
                                           xhat * product / (double)c);
        }
    }
    check_near("layernorm_bwd dx", isa, dx, dx64, work, n, 4 + 0.25 * (double)c);
    check_near("layernorm_bwd dgain", isa, dgain, dgain64, wgain, c, 3 + (double)rows);
    check_near("layernorm_bwd dbias", isa, dbias, dbias64, wbias, c, 1 + (double)rows);
    table->layernorm_bwd_f32(dy, dgain, dbias, dy, x, mean, rstd, gain, rows, c);
    check_same("layernorm_bwd in place", isa, dy, dx, n);
    arrays_end(&all);
}

START_TEST(layernorm_agrees)
{
    FOR_EACH_LEVEL(isa, table)
    for (size_t i = 0; i < 4; i++)
        for (size_t c = 2; c <= 400; c = c < 67 ? c + 1 : c + 83) {
            check_case(table, isa, ROWS[i], c, 0);
            check_case(table, isa, ROWS[i], c, 100);
        }
}
END_TEST

START_TEST(nan_stays_in_its_row)
{
    FOR_EACH_LEVEL(isa, table)
    {
        enum { ROWS_ = 3, C = 21 };
        arrays all;
        arrays_begin(&all, 1);
        float *x = normal_f32(&all, ROWS_ * C, 1), *gain = normal_f32(&all, C, 1);
        float *y = array_f32(&all, ROWS_ * C), *mean = array_f32(&all, ROWS_);
        float *rstd = array_f32(&all, ROWS_);
        x[C + 4] = NAN;
        table->layernorm_fwd_f32(y, mean, rstd, x, gain, gain, ROWS_, C, 1e-6);
        for (size_t i = 0; i < ROWS_ * C; i++)
            ck_assert_int_eq(isnan(y[i]) != 0, i / C == 1);
        arrays_end(&all);
    }
}
END_TEST

static void bench(void)
{
    static const size_t widths[] = {40, 80, 96, 320, 768};
    for (size_t w = 0; w < 5; w++) {
        enum { ROWS_ = 512, SLACK = 64 }; /* no unreadable page under a masked load */
        const size_t c = widths[w];
        arrays all;
        arrays_begin(&all, 1);
        float *x = normal_f32(&all, ROWS_ * c + SLACK, 1),
              *dy = normal_f32(&all, ROWS_ * c + SLACK, 1);
        float *gain = normal_f32(&all, c + SLACK, 1), *dgain = normal_f32(&all, c + SLACK, 1);
        float *dbias = normal_f32(&all, c + SLACK, 1), *y = array_f32(&all, ROWS_ * c + SLACK);
        float *mean = array_f32(&all, ROWS_), *rstd = array_f32(&all, ROWS_);
        FOR_EACH_LEVEL(isa, table)
        {
            double fwd, bwd;
            SECONDS_OF(fwd, table->layernorm_fwd_f32(y, mean, rstd, x, gain, gain, ROWS_, c, 1e-6));
            SECONDS_OF(
                bwd, table->layernorm_bwd_f32(y, dgain, dbias, dy, x, mean, rstd, gain, ROWS_, c));
            printf("%-8s c %3zu  fwd %.3f ns  bwd %.3f ns an element\n", dsb_isa_name(isa), c,
                   1e9 * fwd / (double)(ROWS_ * c), 1e9 * bwd / (double)(ROWS_ * c));
        }
        arrays_end(&all);
    }
}

CHECK_MAIN("layernorm", bench, layernorm_agrees, nan_stays_in_its_row)
