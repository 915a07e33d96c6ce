/* exp and GELU against the C library in f64; the stated errors; position in the array. */
#include "checking.h"

/* Values over the whole useful range and the special ones. */
static float *probes(arrays *all, size_t n, double low, double high)
{
    static const float special[] = {0.0f, -0.0f, INFINITY, NAN, 1e-40f, -1e-40f, 88.7f, -103.9f};
    float *x = array_f32(all, n);
    for (size_t i = 0; i < n; i++)
        x[i] = i < 8 ? special[i] : (float)(low + (high - low) * dsbi_rng_uniform(&all->rng));
    return x;
}

START_TEST(exp_is_within_two_ulp)
{
    enum { N = 200003 };
    FOR_EACH_LEVEL(isa, table)
    {
        arrays all;
        arrays_begin(&all, 5);
        float *x = probes(&all, N, -104.5, 89), *y = array_f32(&all, N);
        double *expected = widened(&all, x, N);
        for (size_t i = 0; i < N; i++)
            expected[i] = (double)(float)exp(expected[i]) == INFINITY ? INFINITY : exp(expected[i]);
        table->exp_f32(y, x, N);
        check_near("exp", isa, y, expected, expected, N, 1.0);
        arrays_end(&all);
    }
}
END_TEST

START_TEST(gelu_has_its_stated_error)
{
    enum { N = 200003 };
    FOR_EACH_LEVEL(isa, table)
    {
        arrays all;
        arrays_begin(&all, 6);
        float *x = probes(&all, N, -13, 9), *dy = normal_f32(&all, N, 1), *y = array_f32(&all, N);
        double *x64 = widened(&all, x, N), *dy64 = widened(&all, dy, N);
        double *expected = array_f64(&all, N), *work = array_f64(&all, N);
        table->gelu_fwd_f32(y, x, N);
        table->gelu_fwd_f64(expected, x64, N);
        for (size_t i = 0; i < N; i++)
            work[i] = fabs(expected[i]) * (x[i] > -5 ? 4 : 8);
        check_near("gelu_fwd", isa, y, expected, work, N, 1);
        table->gelu_bwd_f32(y, dy, x, N);
        table->gelu_bwd_f64(expected, dy64, x64, N);
        for (size_t i = 0; i < N; i++) {
            const double density = fabs(x64[i]) * exp(-0.5 * x64[i] * x64[i]);
            work[i] = fabs(dy64[i]) * (0.5 * erfc(-M_SQRT1_2 * x64[i]) + density) * 5;
            if (isinf(x64[i]))
                work[i] = fabs(dy64[i]);
        }
        check_near("gelu_bwd", isa, y, expected, work, N, 1);
        arrays_end(&all);
    }
}
END_TEST

/* y and slope in one go: the bits of the two alone, in place of x either way. */
START_TEST(gelu_has_a_limit_at_minus_infinity)
{
    FOR_EACH_LEVEL(isa, table)
    for (size_t n = 1; n <= 35; n++) {
        float x[35], y[35], slope[35];
        for (size_t i = 0; i < n; i++)
            x[i] = i % 2 ? INFINITY : -INFINITY;
        table->gelu_fwd_f32(y, x, n);
        for (size_t i = 0; i < n; i++)
            ck_assert(i % 2 ? isinf(y[i]) && y[i] > 0 : y[i] == 0);
        table->gelu_fwd_slope_f32(y, slope, x, n);
        for (size_t i = 0; i < n; i++)
            ck_assert(i % 2 ? isinf(y[i]) && y[i] > 0 : y[i] == 0);
    }
}
END_TEST

START_TEST(gelu_with_slope_is_the_same_function)
{
    FOR_EACH_LEVEL(isa, table)
    for (size_t n = 0; n <= 67; n++) {
        arrays all;
        arrays_begin(&all, n);
        float *x = normal_f32(&all, n, 2), *ones = array_f32(&all, n), *y = array_f32(&all, n);
        float *slope = array_f32(&all, n), *y1 = array_f32(&all, n), *slope1 = array_f32(&all, n);
        for (size_t i = 0; i < n; i++)
            ones[i] = 1;
        table->gelu_fwd_f32(y, x, n);
        table->gelu_bwd_f32(slope, ones, x, n);
        table->gelu_fwd_slope_f32(y1, slope1, x, n);
        check_same("gelu_fwd_slope, y", isa, y1, y, n);
        check_same("gelu_fwd_slope, slope", isa, slope1, slope, n);
        memcpy(y1, x, n * sizeof *x);
        table->gelu_fwd_slope_f32(y1, slope1, y1, n);
        check_same("gelu_fwd_slope over x, y", isa, y1, y, n);
        memcpy(slope1, x, n * sizeof *x);
        table->gelu_fwd_slope_f32(y1, slope1, slope1, n);
        check_same("gelu_fwd_slope over x, slope", isa, slope1, slope, n);
        float *dx = normal_f32(&all, n, 1), *dx1 = copied(&all, dx, n);
        table->gelu_bwd_f32(dx, dx, x, n);
        memcpy(y1, x, n * sizeof *x);
        table->gelu_remake_f32(y1, dx1, dx1, y1, n);
        check_same("gelu_remake over x, y", isa, y1, y, n);
        check_same("gelu_remake over dy, dx", isa, dx1, dx, n);
        arrays_end(&all);
    }
}
END_TEST

START_TEST(bits_do_not_depend_on_the_place)
{
    FOR_EACH_LEVEL(isa, table)
    for (size_t n = 0; n <= 67; n++) {
        arrays all;
        arrays_begin(&all, n);
        float *x = normal_f32(&all, n, 2), *dy = normal_f32(&all, n, 1);
        float *y = array_f32(&all, n), *one_by_one = array_f32(&all, n);
        table->gelu_fwd_f32(y, x, n);
        for (size_t i = 0; i < n; i++)
            table->gelu_fwd_f32(one_by_one + i, x + i, 1);
        check_same("gelu_fwd", isa, y, one_by_one, n);
        table->gelu_bwd_f32(y, dy, x, n);
        for (size_t i = 0; i < n; i++)
            table->gelu_bwd_f32(one_by_one + i, dy + i, x + i, 1);
        check_same("gelu_bwd", isa, y, one_by_one, n);
        table->exp_f32(y, x, n);
        for (size_t i = 0; i < n; i++)
            table->exp_f32(one_by_one + i, x + i, 1);
        check_same("exp", isa, y, one_by_one, n);
        table->gelu_fwd_f32(one_by_one, x, n);
        table->gelu_fwd_f32(x, x, n);
        check_same("gelu_fwd in place", isa, x, one_by_one, n);
        arrays_end(&all);
    }
}
END_TEST

static void bench(void)
{
    enum { N = 1 << 14 };
    arrays all;
    arrays_begin(&all, 1);
    float *x = normal_f32(&all, N, 1), *dy = normal_f32(&all, N, 1), *y = array_f32(&all, N);
    FOR_EACH_LEVEL(isa, table)
    {
        double fwd, bwd, both, e;
        SECONDS_OF(fwd, table->gelu_fwd_f32(y, x, N));
        SECONDS_OF(bwd, table->gelu_bwd_f32(y, dy, x, N));
        SECONDS_OF(both, table->gelu_fwd_slope_f32(y, dy, x, N));
        SECONDS_OF(e, table->exp_f32(y, x, N));
        printf(
            "%-8s gelu_fwd %.3f ns  gelu_bwd %.3f ns  with slope %.3f ns  exp %.3f ns an element\n",
            dsb_isa_name(isa), 1e9 * fwd / N, 1e9 * bwd / N, 1e9 * both / N, 1e9 * e / N);
    }
    arrays_end(&all);
}

CHECK_MAIN("gelu", bench, exp_is_within_two_ulp, gelu_has_its_stated_error,
           gelu_has_a_limit_at_minus_infinity, gelu_with_slope_is_the_same_function,
           bits_do_not_depend_on_the_place)
