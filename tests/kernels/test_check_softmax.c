/* Softmax and cross-entropy with soft targets against f64; large logits; in place. */
#include "checking.h"

static void check_case(const dsbi_kernels *table, uint32_t isa, size_t rows, size_t classes,
                       double scale)
{
    arrays all;
    arrays_begin(&all, rows * 100 + classes);
    const size_t n = rows * classes;
    float *x = normal_f32(&all, n, scale), *t = array_f32(&all, n);
    for (size_t i = 0; i < n; i++)
        t[i] = (float)dsbi_rng_uniform(&all.rng);
    float *y = array_f32(&all, n), *loss = array_f32(&all, rows), *dx = array_f32(&all, n);
    double *x64 = widened(&all, x, n), *t64 = widened(&all, t, n), *y64 = array_f64(&all, n);
    double *loss64 = array_f64(&all, rows), *dx64 = array_f64(&all, n);
    double *work = array_f64(&all, n), *loss_work = array_f64(&all, rows);
    table->softmax_f32(y, x, rows, classes);
    table->softmax_f64(y64, x64, rows, classes);
    for (size_t i = 0; i < n; i++) /* x - max is rounded: its error is that of the exponent */
        work[i] = y64[i] * (8 + 4 * scale + (double)classes);
    check_near("softmax", isa, y, y64, work, n, 1);
    table->softmax_xent_f32(loss, dx, x, t, rows, classes);
    table->softmax_xent_f64(loss64, dx64, x64, t64, rows, classes);
    for (size_t r = 0; r < rows; r++) {
        double total = 0;
        for (size_t i = 0; i < classes; i++)
            total += t64[r * classes + i];
        loss_work[r] = fabs(loss64[r]) + total;
        for (size_t i = 0; i < classes; i++)
            work[r * classes + i] =
                t64[r * classes + i] + total * y64[r * classes + i] * (4 + 4 * scale);
    }
    check_near("softmax_xent loss", isa, loss, loss64, loss_work, rows, 4);
    check_near("softmax_xent dlogits", isa, dx, dx64, work, n, 4);
    float *loss2 = array_f32(&all, rows);
    table->softmax_xent_f32(loss2, NULL, x, t, rows, classes);
    check_same("softmax_xent without gradient", isa, loss2, loss, rows);
    float *same = copied(&all, x, n);
    table->softmax_f32(same, same, rows, classes);
    check_same("softmax in place", isa, same, y, n);
    table->softmax_xent_f32(loss2, x, x, t, rows, classes);
    check_same("softmax_xent in place", isa, x, dx, n);
    arrays_end(&all);
}

START_TEST(softmax_agrees)
{
    FOR_EACH_LEVEL(isa, table)
    for (size_t classes = 1; classes <= 67; classes++) {
        check_case(table, isa, 0, classes, 1);
        check_case(table, isa, 1, classes, 1);
        check_case(table, isa, 7, classes, 30);
    }
}
END_TEST

START_TEST(huge_logits_do_not_overflow)
{
    FOR_EACH_LEVEL(isa, table)
    {
        float x[3] = {1e30f, -1e30f, 1e30f}, t[3] = {1, 0, 0}, loss, d[3];
        table->softmax_xent_f32(&loss, d, x, t, 1, 3);
        ck_assert_float_eq_tol(loss, 0.6931472f, 1e-6f);
        ck_assert_float_eq_tol(d[0], -0.5f, 1e-6f);
        ck_assert_float_eq(d[1], 0);
        (void)isa;
    }
}
END_TEST

static void bench(void)
{
    enum { ROWS = 1024, CLASSES = 197 };
    arrays all;
    arrays_begin(&all, 1);
    float *x = normal_f32(&all, ROWS * CLASSES, 1), *y = array_f32(&all, ROWS * CLASSES);
    FOR_EACH_LEVEL(isa, table)
    {
        double seconds;
        SECONDS_OF(seconds, table->softmax_f32(y, x, ROWS, CLASSES));
        printf("%-8s softmax of 197: %.3f ns an element\n", dsb_isa_name(isa),
               1e9 * seconds / (ROWS * CLASSES));
    }
    arrays_end(&all);
}

CHECK_MAIN("softmax", bench, softmax_agrees, huge_logits_do_not_overflow)
