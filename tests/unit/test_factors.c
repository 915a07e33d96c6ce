/* Gradients left as factors: their tiles are the product bit for bit, their norm is that of the
 * product, and nothing that could overflow passes for finite. */
#include "testing.h"

#include <float.h>
#include <math.h>
#include "base/rng.h"
#include "nn/factors.h"
#include "nn/products.h"

typedef struct pair {
    size_t rows, n, k;
    float *dh, *x;
    void *memory;
    dsbi_factors factors;
} pair;

static float *normal(size_t n, uint64_t index)
{
    float *x = calloc(n, sizeof *x);
    dsbi_rng rng;
    dsbi_rng_init(&rng, 5, DSBI_RNG_TEST, index);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)dsbi_rng_normal(&rng);
    return x;
}

static pair make_pair(size_t most_rows, size_t rows, size_t n, size_t k)
{
    pair p = {rows, n, k, normal(rows * n, 1), normal(rows * k, 2), NULL, {0}};
    p.memory = malloc(dsbi_factors_bytes(most_rows, n, k, sizeof(float)));
    dsbi_factors_init(&p.factors, &dsbi_math_f32, most_rows, n, k, p.memory);
    return p;
}

static void free_pair(pair *p)
{
    free(p->dh);
    free(p->x);
    free(p->memory);
}

static double keep(dsb_runtime *rt, pair *p)
{
    const dsbi_call call = {.rt = rt, .math = &dsbi_math_f32, .factors = &p->factors};
    ck_assert_ok(dsbi_factors_keep(&call, p->dh, p->x, p->rows));
    return dsbi_factors_squares(&p->factors);
}

static float *product(dsb_runtime *rt, const pair *p)
{
    const dsbi_call call = {.rt = rt, .math = &dsbi_math_f32};
    float *dw = calloc(p->n * p->k, sizeof *dw);
    float *scratch = calloc(dsbi_all_rows_size(p->rows, p->n, p->k, false, 2), sizeof *scratch);
    const dsbi_all_rows all = {
        .dh = p->dh, .x = p->x, .dw = dw, .rows = p->rows, .n = p->n, .k = p->k};
    ck_assert_ok(dsbi_all_rows_product(&call, &all, scratch));
    free(scratch);
    return dw;
}

/* All tiles, each where it belongs; `seen` counts how often an element is covered. */
static float *by_tiles(dsb_runtime *rt, const pair *p)
{
    static float tile[DSBI_FACTORS_TILE], scratch[DSBI_FACTORS_SCRATCH];
    float *dw = malloc(p->n * p->k * sizeof *dw);
    size_t covered = 0;
    for (size_t t = 0; t < dsbi_factors_tiles(&p->factors); t++) {
        const dsbi_factors_part part =
            dsbi_factors_tile(&p->factors, dsbi_kernels_of(rt), tile, scratch, t);
        for (size_t i = 0; i < part.rows; i++)
            memcpy(dw + (part.row + i) * p->k + part.column, tile + i * part.columns,
                   part.columns * sizeof *dw);
        covered += part.rows * part.columns;
    }
    ck_assert_uint_eq(covered, p->n * p->k);
    return dw;
}

static double squares_of(const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    return sum;
}

static const size_t shapes[][4] = {{1, 1, 27, 2049},  {16, 16, 64, 2048}, {16, 5, 100, 333},
                                   {200, 200, 9, 70}, {448, 448, 57, 65}, {7, 3, 131, 5000}};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

START_TEST(tiles_are_the_product_bit_for_bit)
{
    dsb_runtime *rt = make_runtime(2);
    for (size_t s = 0; s < N_SHAPES; s++) {
        pair p = make_pair(shapes[s][0], shapes[s][1], shapes[s][2], shapes[s][3]);
        keep(rt, &p);
        float *dw = product(rt, &p), *tiles = by_tiles(rt, &p);
        ck_assert_mem_eq(dw, tiles, p.n * p.k * sizeof *dw);
        free(dw);
        free(tiles);
        free_pair(&p);
    }
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(squares_are_those_of_the_product_for_any_threads)
{
    for (size_t s = 0; s < N_SHAPES; s++) {
        double found[2];
        for (size_t i = 0; i < 2; i++) {
            dsb_runtime *rt = make_runtime(i + 1);
            pair p = make_pair(shapes[s][0], shapes[s][1], shapes[s][2], shapes[s][3]);
            found[i] = keep(rt, &p);
            float *dw = product(rt, &p);
            const double direct = squares_of(dw, p.n * p.k);
            ck_assert_double_eq_tol(found[i] / direct, 1, 1e-6); /* f32 rounds the product */
            free(dw);
            free_pair(&p);
            dsb_runtime_free(rt);
        }
        ck_assert(found[0] == found[1]);
    }
}
END_TEST

/* Two images with the same features and opposite gradients. */
START_TEST(factors_that_cancel_have_no_norm)
{
    dsb_runtime *rt = make_runtime(2);
    pair p = make_pair(2, 2, 300, 4000);
    memcpy(p.x + p.k, p.x, p.k * sizeof *p.x);
    for (size_t i = 0; i < p.n; i++)
        p.dh[p.n + i] = -p.dh[i];
    const double squares = keep(rt, &p);
    const double factors = squares_of(p.x, 2 * p.k) * squares_of(p.dh, 2 * p.n);
    ck_assert(squares >= 0 && squares < 1e-14 * factors);
    free_pair(&p);
    dsb_runtime_free(rt);
}
END_TEST

static double with(size_t row, float dh, float x)
{
    dsb_runtime *rt = make_runtime(2);
    pair p = make_pair(4, 4, 50, 90);
    p.dh[row * p.n + 7] = dh;
    p.x[(3 - row) * p.k + 11] = x;
    const double squares = keep(rt, &p);
    free_pair(&p);
    dsb_runtime_free(rt);
    return squares;
}

START_TEST(what_may_not_be_finite_is_not)
{
    for (size_t row = 0; row < 4; row++) {
        ck_assert(isfinite(with(row, 1e15f, 1e15f)));
        ck_assert(!isfinite(with(row, NAN, 1)));
        ck_assert(!isfinite(with(row, 1, NAN)));
        ck_assert(!isfinite(with(row, INFINITY, 1)));
        ck_assert(!isfinite(with(row, 1, -INFINITY)));
        ck_assert(!isfinite(with(row, 1e25f, 1e25f))); /* finite factors of an infinite product */
        ck_assert(!isfinite(with(row, FLT_MAX, FLT_MAX)));
    }
}
END_TEST

START_TEST(factors_are_kept_where_they_are_small)
{
    ck_assert(dsbi_factors_fit(16, 4096, 25088));
    ck_assert(dsbi_factors_fit(128, 4096, 9216));
    ck_assert(dsbi_factors_fit(1, 1024, 1024));
    ck_assert(!dsbi_factors_fit(1, 1000, 1024));     /* few weights */
    ck_assert(!dsbi_factors_fit(512, 16384, 16384)); /* many rows */
    ck_assert(!dsbi_factors_fit(200, 1024, 1024));   /* nothing gained */
}
END_TEST

int main(void)
{
    return run_tests("factors", tiles_are_the_product_bit_for_bit,
                     squares_are_those_of_the_product_for_any_threads,
                     factors_that_cancel_have_no_norm, what_may_not_be_finite_is_not,
                     factors_are_kept_where_they_are_small, NULL);
}
