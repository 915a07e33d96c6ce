/* AdamW: three steps against f64, lengths 0..67. */
#include "checking.h"

START_TEST(adamw_agrees)
{
    FOR_EACH_LEVEL(isa, table)
    for (size_t n = 0; n <= 67; n++) {
        arrays all;
        arrays_begin(&all, n);
        float *p = normal_f32(&all, n, 1), *m = normal_f32(&all, n, 0), *v = normal_f32(&all, n, 0);
        double *p64 = widened(&all, p, n), *m64 = widened(&all, m, n), *v64 = widened(&all, v, n);
        double *work = array_f64(&all, n);
        double power1 = 1, power2 = 1;
        for (int step = 0; step < 3; step++) {
            float *g = normal_f32(&all, n, 1e-3);
            double *g64 = widened(&all, g, n);
            power1 *= 0.9;
            power2 *= 0.999;
            table->adamw_step_f32(p, g, m, v, n, 1e-3, 0.9, 0.999, 1e-8, 0.05, 1 - power1,
                                  1 - power2);
            table->adamw_step_f64(p64, g64, m64, v64, n, 1e-3, 0.9, 0.999, 1e-8, 0.05, 1 - power1,
                                  1 - power2);
        }
        for (size_t i = 0; i < n; i++)
            work[i] = fabs(p64[i]) + 1e-3;
        check_near("adamw p", isa, p, p64, work, n, 6);
        for (size_t i = 0; i < n; i++)
            work[i] = 1e-3;
        check_near("adamw m", isa, m, m64, work, n, 6);
        check_near("adamw v", isa, v, v64, v64, n, 8);
        arrays_end(&all);
    }
}
END_TEST

static void bench(void)
{
    enum { N = 1 << 19 };
    arrays all;
    arrays_begin(&all, 1);
    float *p = normal_f32(&all, N, 1), *g = normal_f32(&all, N, 1);
    float *m = normal_f32(&all, N, 0), *v = normal_f32(&all, N, 0);
    FOR_EACH_LEVEL(isa, table)
    {
        double seconds;
        SECONDS_OF(seconds,
                   table->adamw_step_f32(p, g, m, v, N, 1e-3, 0.9, 0.999, 1e-8, 0.05, 0.1, 0.001));
        printf("%-8s adamw %.3f ns a parameter, %.1f GB/s\n", dsb_isa_name(isa), 1e9 * seconds / N,
               28e-9 * N / seconds);
    }
    arrays_end(&all);
}

CHECK_MAIN("adamw", bench, adamw_agrees)
