/* Softmax of attention and its gradient against f64: rows with gaps between them, large scores. */
#include "checking.h"

enum { GAP = 5 };

static void check_case(const dsbi_kernels *table, uint32_t isa, size_t rows, size_t n, double scale)
{
    arrays all;
    arrays_begin(&all, rows * 100 + n);
    const size_t ld = n + GAP, size = rows ? rows * ld - GAP : 0; /* no gap behind the last row */
    float *s = normal_f32(&all, size, scale), *d = normal_f32(&all, size, 1);
    float *scores = copied(&all, s, size), *gaps = copied(&all, s, size);
    float *shift = array_f32(&all, rows), *inverse = array_f32(&all, rows);
    double *s64 = widened(&all, s, size), *d64 = widened(&all, d, size);
    double *again = widened(&all, s, size), *shift64 = array_f64(&all, rows);
    double *inverse64 = array_f64(&all, rows), *work = array_f64(&all, size);
    double *slope_work = array_f64(&all, size);

    table->attention_softmax_f32(s, shift, inverse, 0.5f, ld, rows, n);
    table->attention_softmax_f64(s64, shift64, inverse64, 0.5, ld, rows, n);
    table->attention_divide_f32(s, inverse, ld, rows, n);
    table->attention_divide_f64(s64, inverse64, ld, rows, n);
    for (size_t r = 0; r < rows; r++) {
        double largest = 0;
        for (size_t i = 0; i < n; i++)
            largest = fmax(largest, fabs(d64[r * ld + i]));
        for (size_t i = 0; i < ld && r * ld + i < size; i++) {
            const double p = i < n ? s64[r * ld + i] : 0;
            work[r * ld + i] = p * (8 + 4 * scale + (double)n);
            slope_work[r * ld + i] = 2 * largest * work[r * ld + i];
        }
    }
    for (size_t i = 0; i < size; i++)
        if (i % ld >= n) {
            ck_assert(memcmp(&s[i], &gaps[i], sizeof *s) == 0);
            s[i] = 0;
            s64[i] = 0;
        }
    check_near("attention_softmax", isa, s, s64, work, size, 1);

    table->attention_softmax_bwd_f32(scores, d, shift, inverse, 0.5f, ld, rows, n);
    table->attention_softmax_bwd_f64(again, d64, shift64, inverse64, 0.5, ld, rows, n);
    for (size_t i = 0; i < size; i++)
        if (i % ld >= n)
            scores[i] = d[i] = 0, d64[i] = 0;
    check_same("probabilities again", isa, scores, s, size);
    check_near("attention_softmax_bwd", isa, d, d64, slope_work, size, 2);
    arrays_end(&all);
}

START_TEST(softmax_of_attention_agrees)
{
    FOR_EACH_LEVEL(isa, table)
    for (size_t n = 1; n <= 67; n++) {
        check_case(table, isa, 0, n, 1);
        check_case(table, isa, 1, n, 1);
        check_case(table, isa, 7, n, 30);
    }
}
END_TEST

/* A score of minus infinity has no share; NaN makes the whole row NaN, and no other one. */
START_TEST(infinities_and_nan)
{
    enum { ROWS = 3, N = 37 };
    FOR_EACH_LEVEL(isa, table)
    for (size_t at = 0; at < N; at++) {
        arrays all;
        arrays_begin(&all, at);
        float *s = normal_f32(&all, ROWS * N, 1);
        float *shift = array_f32(&all, ROWS), *inverse = array_f32(&all, ROWS);
        s[at] = -INFINITY;
        s[N + at] = NAN;
        table->attention_softmax_f32(s, shift, inverse, 0.25f, N, ROWS, N);
        table->attention_divide_f32(s, inverse, N, ROWS, N);
        ck_assert_msg(s[at] == 0, "%s: %g at %zu", dsb_isa_name(isa), (double)s[at], at);
        for (size_t r = 0; r < ROWS; r++) {
            double sum = 0;
            for (size_t i = 0; i < N; i++) {
                sum += (double)s[r * N + i];
                ck_assert(isnan(s[r * N + i]) == (r == 1));
            }
            if (r != 1)
                ck_assert_double_eq_tol(sum, 1, 1e-6);
        }
        arrays_end(&all);
    }
}
END_TEST

static void bench(void)
{
    enum { ROWS = 197, N = 197, LD = 208 };
    arrays all;
    arrays_begin(&all, 1);
    float *s = normal_f32(&all, ROWS * LD, 1), *d = normal_f32(&all, ROWS * LD, 1);
    float *shift = array_f32(&all, ROWS), *inverse = array_f32(&all, ROWS);
    FOR_EACH_LEVEL(isa, table)
    {
        double forward, backward;
        SECONDS_OF(forward, table->attention_softmax_f32(s, shift, inverse, 0.125f, LD, ROWS, N));
        SECONDS_OF(backward,
                   table->attention_softmax_bwd_f32(s, d, shift, inverse, 0.125f, LD, ROWS, N));
        printf("%-8s rows of 197: forward %.3f, backward %.3f ns a score\n", dsb_isa_name(isa),
               1e9 * forward / (ROWS * N), 1e9 * backward / (ROWS * N));
    }
    arrays_end(&all);
}

CHECK_MAIN("attention", bench, softmax_of_attention_agrees, infinities_and_nan)
