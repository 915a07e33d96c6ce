/* Dropout: the same elements at each level, those that Philox says. */
#include "checking.h"

static const uint32_t counter[3] = {DSBI_RNG_DROP, 77, 5}, key[2] = {1234567, 89};

static bool is_dropped(size_t element, uint32_t below)
{
    const size_t group = element / 64, place = element % 64;
    const uint32_t full[4] = {(uint32_t)(16 * group + place % 16), counter[0], counter[1],
                              counter[2]};
    uint32_t words[4];
    dsbi_philox4x32(words, full, key);
    return words[place / 16] < below;
}

START_TEST(each_level_drops_what_philox_says)
{
    const uint32_t below = 0x4ccccccdu; /* 0.3 */
    FOR_EACH_LEVEL(isa, table)
    for (size_t n = 0; n <= 200; n++) {
        arrays all;
        arrays_begin(&all, n);
        float *x = normal_f32(&all, n, 1), *y = array_f32(&all, n), *expected = array_f32(&all, n);
        for (size_t i = 0; i < n; i++)
            expected[i] = is_dropped(3 * 64 + i, below) ? 0 : x[i] * 1.5f;
        table->dropout_f32(y, x, n, 3, counter, key, below, 1.5f);
        check_same("dropout", isa, y, expected, n);
        table->dropout_f32(x, x, n, 3, counter, key, below, 1.5f);
        check_same("dropout in place", isa, x, expected, n);
        arrays_end(&all);
    }
}
END_TEST

START_TEST(the_rate_is_that_asked_for)
{
    enum { N = 1 << 18 };
    static double x[N];
    for (size_t i = 0; i < N; i++)
        x[i] = 1;
    dsbi_kernels_for(DSB_ISA_GENERIC)->dropout_f64(x, x, N, 0, counter, key, 0x4ccccccdu, 2);
    size_t dropped = 0;
    for (size_t i = 0; i < N; i++) {
        ck_assert(x[i] == 0 || x[i] == 2);
        dropped += x[i] == 0;
    }
    ck_assert(fabs((double)dropped / N - 0.3) < 4 * sqrt(0.21 / N));
}
END_TEST

static void bench(void)
{
    enum { N = 16384 };
    arrays all;
    arrays_begin(&all, 1);
    float *x = normal_f32(&all, N, 1), *y = array_f32(&all, N);
    FOR_EACH_LEVEL(isa, table)
    {
        double seconds;
        SECONDS_OF(seconds, table->dropout_f32(y, x, N, 0, counter, key, 1u << 30, 2));
        printf("%-8s dropout: %.3f ns an element\n", dsb_isa_name(isa), 1e9 * seconds / N);
    }
    arrays_end(&all);
}

CHECK_MAIN("dropout", bench, each_level_drops_what_philox_says, the_rate_is_that_asked_for)
