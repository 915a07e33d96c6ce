/* Patch pooling and pixel normalisation against f64. */
#include "checking.h"

START_TEST(rectify_pool_agrees)
{
    FOR_EACH_LEVEL(isa, table)
    for (size_t filters = 1; filters <= 67; filters++)
        for (size_t positions = 0; positions <= 40; positions = positions * 2 + 1) {
            arrays all;
            arrays_begin(&all, filters);
            const size_t ldz = filters + positions % 3;
            const size_t n_z = positions ? (positions - 1) * ldz + filters : 0;
            float *z = normal_f32(&all, n_z, 1), *bias = normal_f32(&all, filters, 1);
            if (positions > 3)
                z[0] = NAN;
            float *sums = normal_f32(&all, 4 * filters, 0);
            double *z64 = widened(&all, z, n_z), *bias64 = widened(&all, bias, filters);
            double *sums64 = widened(&all, sums, 4 * filters);
            double *work = array_f64(&all, 4 * filters);
            table->rectify_pool_f32(sums, z, ldz, bias, positions, filters);
            table->rectify_pool_f64(sums64, z64, ldz, bias64, positions, filters);
            for (size_t i = 0; i < 4 * filters; i++) { /* a root of a small rounded sum */
                work[i] = (double)positions * (1 + fabs(sums64[i]));
                if (i >= 2 * filters)
                    work[i] += (double)positions * 0.001 / (double)FLT_EPSILON;
            }
            check_near("rectify_pool", isa, sums, sums64, work, 4 * filters, 1);
            arrays_end(&all);
        }
}
END_TEST

START_TEST(normalised_pixels_agree)
{
    FOR_EACH_LEVEL(isa, table)
    for (size_t n = 0; n <= 67; n++) {
        arrays all;
        arrays_begin(&all, n);
        uint8_t *x = array_bytes(&all, 3 * n);
        for (size_t i = 0; i < 3 * n; i++)
            x[i] = (uint8_t)dsbi_rng_below(&all.rng, 256);
        const float mean[3] = {123.7f, 116.3f, 103.5f}, inv_std[3] = {0.017f, 0.0175f, 0.0174f};
        float *y = array_f32(&all, 3 * n), *expected = array_f32(&all, 3 * n);
        table->u8_normalise_f32(y, x, mean, inv_std, n);
        for (size_t i = 0; i < 3 * n; i++)
            expected[i] = ((float)x[i] - mean[i % 3]) * inv_std[i % 3];
        check_same("u8_normalise", isa, y, expected, 3 * n);
        arrays_end(&all);
    }
}
END_TEST

static void bench(void)
{
    enum { POSITIONS = 225, FILTERS = 800 };
    arrays all;
    arrays_begin(&all, 1);
    float *z = normal_f32(&all, POSITIONS * FILTERS, 1), *bias = normal_f32(&all, FILTERS, 1);
    float *sums = normal_f32(&all, 4 * FILTERS, 0), *y = array_f32(&all, 3 * 4096);
    uint8_t *x = array_bytes(&all, 3 * 4096);
    memset(x, 77, 3 * 4096);
    FOR_EACH_LEVEL(isa, table)
    {
        double pool, pixels;
        SECONDS_OF(pool, table->rectify_pool_f32(sums, z, FILTERS, bias, POSITIONS, FILTERS));
        SECONDS_OF(pixels, table->u8_normalise_f32(y, x, bias, bias, 4096));
        printf("%-8s rectify_pool %.3f ns a response   u8_normalise %.3f ns a value\n",
               dsb_isa_name(isa), 1e9 * pool / (POSITIONS * FILTERS), 1e9 * pixels / (3 * 4096));
    }
    arrays_end(&all);
}

CHECK_MAIN("patches", bench, rectify_pool_agrees, normalised_pixels_agree)
