/* Row kernels and pooling: exact where one operation an element, else against f64. */
#include "checking.h"

static const size_t ROWS[] = {0, 1, 2, 5, 130};

typedef struct row_case {
    arrays all;
    size_t rows, c;
    float *x, *dy, *gain, *y, *sums;
    double *x64, *dy64, *gain64, *y64, *sums64, *work, *zero;
} row_case;

static void begin(row_case *t, size_t rows, size_t c)
{
    const size_t n = rows * c;
    t->rows = rows;
    t->c = c;
    arrays_begin(&t->all, n + c);
    t->x = normal_f32(&t->all, n, 1);
    t->dy = normal_f32(&t->all, n, 1);
    t->gain = normal_f32(&t->all, c, 1);
    t->sums = normal_f32(&t->all, c, 1);
    t->y = array_f32(&t->all, n);
    t->x64 = widened(&t->all, t->x, n);
    t->dy64 = widened(&t->all, t->dy, n);
    t->gain64 = widened(&t->all, t->gain, c);
    t->sums64 = widened(&t->all, t->sums, c);
    t->y64 = array_f64(&t->all, n);
    t->work = magnitudes(&t->all, t->sums64, c);
}

START_TEST(vectors_apply_to_rows)
{
    FOR_EACH_LEVEL(isa, table)
    for (size_t i = 0; i < 5; i++)
        for (size_t c = 1; c <= 67; c += ROWS[i] == 2 ? 1 : 11) {
            row_case t;
            begin(&t, ROWS[i], c);
            const size_t n = t.rows * c;
            double *work = array_f64(&t.all, n);
            for (size_t j = 0; j < n; j++)
                work[j] = fabs(t.x64[j]) * (1 + fabs(t.gain64[j % c])) + fabs(t.dy64[j]) +
                          fabs(t.gain64[j % c]);
            table->bias_add_f32(t.y, t.x, t.gain, t.rows, c);
            table->bias_add_f64(t.y64, t.x64, t.gain64, t.rows, c);
            check_near("bias_add", isa, t.y, t.y64, work, n, 0.5);
            table->mul_rows_f32(t.y, t.x, t.gain, t.rows, c);
            table->mul_rows_f64(t.y64, t.x64, t.gain64, t.rows, c);
            check_near("mul_rows", isa, t.y, t.y64, work, n, 0.5);
            table->mul_rows_add_f32(t.y, t.dy, t.x, t.gain, 0.75f, t.rows, c);
            table->mul_rows_add_f64(t.y64, t.dy64, t.x64, t.gain64, 0.75, t.rows, c);
            check_near("mul_rows_add", isa, t.y, t.y64, work, n, 2);
            arrays_end(&t.all);
        }
}
END_TEST

START_TEST(column_sums_agree)
{
    FOR_EACH_LEVEL(isa, table)
    for (size_t i = 0; i < 5; i++)
        for (size_t c = 1; c <= 67; c += ROWS[i] == 2 ? 1 : 11) {
            row_case t;
            begin(&t, ROWS[i], c);
            const size_t n = t.rows * c;
            float *sums = copied(&t.all, t.sums, c);
            double *before = widened(&t.all, t.sums, c);
            double *size = magnitudes(&t.all, t.x64, n), *dy_size = magnitudes(&t.all, t.dy64, n);
            double *work = magnitudes(&t.all, before, c), *scratch = array_f64(&t.all, n);
            table->colsum_f32(t.sums, t.x, t.rows, c);
            table->colsum_f64(t.sums64, t.x64, t.rows, c);
            table->colsum_f64(t.work, size, t.rows, c);
            check_near("colsum", isa, t.sums, t.sums64, t.work, c, (double)t.rows * 0.5 + 1);

            table->mul_rows_bwd_f32(t.y, sums, t.dy, t.x, t.gain, 0.75f, t.rows, c);
            table->mul_rows_bwd_f64(t.y64, before, t.dy64, t.x64, t.gain64, 0.75, t.rows, c);
            table->mul_rows_bwd_f64(scratch, work, dy_size, size, t.gain64, 0.75, t.rows, c);
            check_near("mul_rows_bwd dgain", isa, sums, before, work, c, (double)t.rows + 2);
            for (size_t j = 0; j < n; j++)
                scratch[j] = fabs(t.y64[j]);
            check_near("mul_rows_bwd dx", isa, t.y, t.y64, scratch, n, 2);
            arrays_end(&t.all);
        }
}
END_TEST

START_TEST(average_pool_agrees)
{
    FOR_EACH_LEVEL(isa, table)
    for (size_t positions = 1; positions < 200; positions = positions * 3 + 1)
        for (size_t c = 1; c <= 67; c += positions == 4 ? 1 : 11) {
            row_case t;
            begin(&t, positions, c);
            double *size = magnitudes(&t.all, t.x64, positions * c);
            table->avgpool_fwd_f32(t.sums, t.x, positions, c);
            table->avgpool_fwd_f64(t.sums64, t.x64, positions, c);
            table->avgpool_fwd_f64(t.work, size, positions, c);
            check_near("avgpool_fwd", isa, t.sums, t.sums64, t.work, c, (double)positions + 2);
            table->avgpool_bwd_f32(t.y, t.gain, positions, c);
            for (size_t j = 0; j < positions * c; j++)
                ck_assert_float_eq(t.y[j], 1.0f / (float)positions * t.gain[j % c]);
            arrays_end(&t.all);
        }
}
END_TEST

static void bench(void)
{
    row_case t;
    begin(&t, 4096, 80);
    const double gb = 1e-9 * 4 * 4096 * 80;
    FOR_EACH_LEVEL(isa, table)
    {
        double bias, sum, bwd;
        SECONDS_OF(bias, table->bias_add_f32(t.y, t.x, t.gain, t.rows, t.c));
        SECONDS_OF(sum, table->colsum_f32(t.sums, t.x, t.rows, t.c));
        SECONDS_OF(bwd, table->mul_rows_bwd_f32(t.y, t.sums, t.dy, t.x, t.gain, 1.0f, t.rows, t.c));
        printf("%-8s bias_add %6.1f GB/s  colsum %6.1f GB/s  mul_rows_bwd %6.1f GB/s\n",
               dsb_isa_name(isa), 2 * gb / bias, gb / sum, 3 * gb / bwd);
    }
    arrays_end(&t.all);
}

CHECK_MAIN("rows", bench, vectors_apply_to_rows, column_sums_agree, average_pool_agrees)
