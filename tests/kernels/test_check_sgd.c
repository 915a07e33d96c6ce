/* SGD with momentum: three steps against f64, lengths 0..67, with and without Nesterov. */
#include "checking.h"

START_TEST(sgd_agrees)
{
    FOR_EACH_LEVEL(isa, table)
    for (size_t n = 0; n <= 67; n++)
        for (int nesterov = 0; nesterov <= 1; nesterov++) {
            arrays all;
            arrays_begin(&all, n);
            float *p = normal_f32(&all, n, 1), *v = normal_f32(&all, n, 1);
            double *p64 = widened(&all, p, n), *v64 = widened(&all, v, n);
            double *work = array_f64(&all, n);
            for (int step = 0; step < 3; step++) {
                float *g = normal_f32(&all, n, 1);
                double *g64 = widened(&all, g, n);
                table->sgd_step_f32(p, g, v, n, 0.1, 0.9, 1e-2, nesterov);
                table->sgd_step_f64(p64, g64, v64, n, 0.1, 0.9, 1e-2, nesterov);
            }
            for (size_t i = 0; i < n; i++)
                work[i] = fabs(p64[i]) + 2;
            check_near("sgd p", isa, p, p64, work, n, 4);
            for (size_t i = 0; i < n; i++)
                work[i] = fabs(v64[i]) + 2;
            check_near("sgd v", isa, v, v64, work, n, 4);
            arrays_end(&all);
        }
}
END_TEST

/* Elementwise without contraction: every level gives the bits of the specification. */
START_TEST(levels_give_the_same_bits)
{
    enum { N = 67 };
    FOR_EACH_LEVEL(isa, table)
    {
        arrays all;
        arrays_begin(&all, 1);
        float *p = normal_f32(&all, N, 1), *v = normal_f32(&all, N, 1), *g = normal_f32(&all, N, 1);
        float *p0 = copied(&all, p, N), *v0 = copied(&all, v, N);
        table->sgd_step_f32(p, g, v, N, 0.1, 0.9, 1e-4, true);
        dsbi_sgd_step_f32_generic(p0, g, v0, N, 0.1, 0.9, 1e-4, true);
        check_same("sgd p", isa, p, p0, N);
        check_same("sgd v", isa, v, v0, N);
        arrays_end(&all);
    }
}
END_TEST

static void bench(void)
{
    enum { N = 1 << 19 };
    arrays all;
    arrays_begin(&all, 1);
    float *p = normal_f32(&all, N, 1), *g = normal_f32(&all, N, 1), *v = normal_f32(&all, N, 0);
    FOR_EACH_LEVEL(isa, table)
    {
        double seconds;
        SECONDS_OF(seconds, table->sgd_step_f32(p, g, v, N, 1e-3, 0.9, 1e-4, false));
        printf("%-8s sgd %.3f ns a parameter, %.1f GB/s\n", dsb_isa_name(isa), 1e9 * seconds / N,
               20e-9 * N / seconds);
    }
    arrays_end(&all);
}

CHECK_MAIN("sgd", bench, sgd_agrees, levels_give_the_same_bits)
