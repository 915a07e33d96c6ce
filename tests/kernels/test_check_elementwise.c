/* add, scale, axpy, relu: exact. ema: one rounding a product. sum, dot: same bits at each level. */
#include "checking.h"

enum { N_MAX = 67 };

static void salt(float *x, size_t n)
{
    if (n > 5) {
        x[1] = NAN;
        x[3] = INFINITY;
        x[5] = -INFINITY;
    }
}

START_TEST(elementwise_is_exact)
{
    const dsbi_kernels *spec = dsbi_kernels_for(DSB_ISA_GENERIC);
    FOR_EACH_LEVEL(isa, table)
    for (size_t n = 0; n <= N_MAX; n++) {
        arrays all;
        arrays_begin(&all, n);
        float *a = normal_f32(&all, n, 1), *b = normal_f32(&all, n, 1);
        salt(a, n);
        float *y = array_f32(&all, n), *expected = array_f32(&all, n);
        table->add_f32(y, a, b, n);
        spec->add_f32(expected, a, b, n);
        check_same("add", isa, y, expected, n);
        table->scale_f32(y, 1.7f, a, n);
        spec->scale_f32(expected, 1.7f, a, n);
        check_same("scale", isa, y, expected, n);
        table->axpy_f32(y, -0.3f, b, n);
        spec->axpy_f32(expected, -0.3f, b, n);
        check_same("axpy", isa, y, expected, n);
        table->relu_f32(y, a, n);
        spec->relu_f32(expected, a, n);
        check_same("relu", isa, y, expected, n);
        table->relu_bwd_f32(y, b, a, n);
        spec->relu_bwd_f32(expected, b, a, n);
        check_same("relu_bwd", isa, y, expected, n);
        float *in_place = copied(&all, a, n);
        table->add_f32(in_place, in_place, b, n);
        spec->add_f32(expected, a, b, n);
        check_same("add in place", isa, in_place, expected, n);
        arrays_end(&all);
    }
}
END_TEST

START_TEST(moving_average_agrees)
{
    FOR_EACH_LEVEL(isa, table)
    for (size_t n = 0; n <= N_MAX; n++) {
        arrays all;
        arrays_begin(&all, n);
        float *y = normal_f32(&all, n, 1), *x = normal_f32(&all, n, 1);
        double *y64 = widened(&all, y, n), *x64 = widened(&all, x, n);
        double *work = array_f64(&all, n);
        for (size_t i = 0; i < n; i++)
            work[i] = fabs(y64[i]) + fabs(x64[i]);
        table->ema_step_f32(y, x, 0.999, n);
        table->ema_step_f64(y64, x64, 0.999, n);
        check_near("ema_step", isa, y, y64, work, n, 2);
        arrays_end(&all);
    }
}
END_TEST

START_TEST(sums_have_the_same_bits_at_each_level)
{
    const dsbi_kernels *spec = dsbi_kernels_for(DSB_ISA_GENERIC);
    FOR_EACH_LEVEL(isa, table)
    for (size_t n = 0; n <= 500; n = n < N_MAX ? n + 1 : n + 61) {
        arrays all;
        arrays_begin(&all, n);
        float *a = normal_f32(&all, n, 1), *b = normal_f32(&all, n, 1);
        double *a64 = widened(&all, a, n), *b64 = widened(&all, b, n);
        long double sum = 0, dot = 0;
        for (size_t i = 0; i < n; i++) {
            sum += (long double)a[i];
            dot += (long double)a[i] * (long double)b[i];
        }
        ck_assert(table->sum_f32(a, n) == spec->sum_f32(a, n));
        ck_assert(table->dot_f32(a, b, n) == spec->dot_f32(a, b, n));
        ck_assert_double_le(fabs(table->sum_f32(a, n) - (double)sum), 1e-14 * (double)(n + 1));
        ck_assert_double_le(fabs(table->dot_f64(a64, b64, n) - (double)dot),
                            1e-14 * (double)(n + 1));
        arrays_end(&all);
    }
}
END_TEST

static void bench(void)
{
    enum { N = 1 << 16 };
    arrays all;
    arrays_begin(&all, 1);
    float *a = normal_f32(&all, N, 1), *b = normal_f32(&all, N, 1), *y = array_f32(&all, N);
    FOR_EACH_LEVEL(isa, table)
    {
        double add, dot;
        double keep = 0;
        SECONDS_OF(add, table->add_f32(y, a, b, N));
        SECONDS_OF(dot, keep += table->dot_f32(a, b, N));
        ck_assert(!isnan(keep));
        printf("%-8s add %6.1f GB/s   dot %6.1f GB/s\n", dsb_isa_name(isa), 12e-9 * N / add,
               8e-9 * N / dot);
    }
    arrays_end(&all);
}

/* Maxima with and without their places are the same ones, NaN among them. */
START_TEST(maxima_need_no_places)
{
    FOR_EACH_LEVEL(isa, table)
    for (size_t n = 0; n <= 67; n++) {
        arrays all;
        arrays_begin(&all, n);
        float *x = normal_f32(&all, n, 1), *y = normal_f32(&all, n, 1);
        if (n > 3) {
            x[n / 2] = NAN;
            y[n / 3] = NAN;
        }
        float *with = copied(&all, y, n), *without = array_f32(&all, n);
        uint8_t places[67] = {0};
        table->max_merge_f32(with, places, x, 1, n);
        for (size_t i = 0; i < n; i++)
            ck_assert_int_eq(places[i], x[i] > y[i] || isnan(x[i]));
        const size_t line = 3 * n + 5; /* a window of 2 x 3 in lines of more */
        float *window = normal_f32(&all, line + 3 * n, 1);
        if (n > 3)
            window[line + n + n / 2] = NAN;
        memcpy(with, window, n * sizeof *with);
        for (size_t place = 1; place < 6; place++)
            table->max_merge_f32(with, places, window + place / 3 * line + place % 3 * n, 1, n);
        table->max_window_f32(without, window, 2, line, 3, n);
        check_same("max_window", isa, without, with, n);
        arrays_end(&all);
    }
}
END_TEST

CHECK_MAIN("elementwise", bench, maxima_need_no_places, elementwise_is_exact, moving_average_agrees,
           sums_have_the_same_bits_at_each_level)
