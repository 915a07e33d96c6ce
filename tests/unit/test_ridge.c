/* Streaming ridge against a direct solution; leave-one-out against leaving one out. */
#include "testing.h"

#include <math.h>
#include "base/memory.h"
#include "base/rng.h"
#include "bias/filters.h"
#include "bias/ridge.h"

enum { N = 60, D = 7, C = 3 };

typedef struct data {
    float x[N * D];
    uint32_t y[N];
} data;

static void make_data(data *d, uint64_t index)
{
    dsbi_rng rng;
    dsbi_rng_init(&rng, 11, DSBI_RNG_TEST, index);
    for (int i = 0; i < N; i++) {
        d->y[i] = (uint32_t)(i % C);
        for (int j = 0; j < D; j++)
            d->x[i * D + j] = (float)(100 * j + dsbi_rng_normal(&rng) + (j == (int)d->y[i]));
        d->x[i * D + D - 1] = 5; /* constant: carries nothing */
    }
}

/* Plain Gaussian elimination on the standardised normal equations, one row left out (or none: N).
 */
static void direct(const data *d, double lambda, int without, const float *row, double *scores)
{
    double mean[D] = {0}, sd[D] = {0}, a[D][D + C], share[C] = {0};
    memset(a, 0, sizeof a);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < D; j++)
            mean[j] += d->x[i * D + j] / N;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < D; j++)
            sd[j] += pow(d->x[i * D + j] - mean[j], 2) / N;
    /* as the closed form has it: centring and scaling by all rows, the row out of the sums of
     * squares; the intercept is a free column of ones, so the remaining rows are centred anew */
    double n = 0, centre[D] = {0};
    for (int i = 0; i < N; i++)
        if (i != without) {
            n++;
            share[d->y[i]]++;
            for (int j = 0; j < D; j++)
                centre[j] += d->x[i * D + j];
        }
    for (int c = 0; c < C; c++)
        share[c] /= n;
    for (int j = 0; j < D; j++) {
        centre[j] /= n;
        sd[j] = sd[j] > 1e-9 ? 1 / sqrt(sd[j]) : 0;
    }
    for (int i = 0; i < N; i++) {
        if (i == without)
            continue;
        for (int r = 0; r < D; r++) {
            double zr = (d->x[i * D + r] - centre[r]) * sd[r];
            for (int c = 0; c < D; c++)
                a[r][c] += zr * (d->x[i * D + c] - centre[c]) * sd[c];
            for (int c = 0; c < C; c++)
                a[r][D + c] += zr * ((d->y[i] == (uint32_t)c) - share[c]);
        }
    }
    for (int r = 0; r < D; r++)
        a[r][r] += lambda * N;
    for (int p = 0; p < D; p++)
        for (int r = 0; r < D; r++)
            if (r != p) {
                double f = a[r][p] / a[p][p];
                for (int c = p; c < D + C; c++)
                    a[r][c] -= f * a[p][c];
            }
    for (int c = 0; c < C; c++) {
        scores[c] = share[c];
        for (int r = 0; r < D; r++)
            scores[c] += (row[r] - centre[r]) * sd[r] * a[r][D + c] / a[r][r];
    }
}

static void fit(dsbi_ridge *ridge, dsb_runtime *rt, const data *d)
{
    ck_assert_ok(dsbi_ridge_init(ridge, rt, D, C, N, 25));
    for (size_t first = 0; first < N; first += 25) {
        size_t n = N - first < 25 ? N - first : 25;
        ck_assert_ok(dsbi_ridge_add(ridge, d->x + first * D, d->y + first, n));
    }
    ck_assert_ok(dsbi_ridge_fit(ridge));
}

START_TEST(equals_the_direct_solution)
{
    dsb_runtime *rt = make_runtime(2);
    static data d;
    make_data(&d, 1);
    dsbi_ridge ridge;
    fit(&ridge, rt, &d);
    for (int i = 0; i < N; i++) {
        double expected[C];
        float scores[C];
        direct(&d, ridge.lambda, N, d.x + i * D, expected);
        dsbi_ridge_predict(&ridge, scores, d.x + i * D);
        for (int c = 0; c < C; c++)
            ck_assert_double_lt(fabs(scores[c] - expected[c]), 1e-5);
    }
    dsbi_ridge_free(&ridge);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(leave_one_out_leaves_one_out)
{
    dsb_runtime *rt = make_runtime(1);
    static data d;
    make_data(&d, 2);
    dsbi_ridge ridge;
    fit(&ridge, rt, &d);
    ck_assert_uint_eq(ridge.n_kept, N);
    for (int i = 0; i < N; i++) {
        double expected[C];
        direct(&d, ridge.lambda, i, d.x + i * D, expected);
        for (int c = 0; c < C; c++)
            ck_assert_double_lt(fabs(ridge.left_out[i * C + c] - expected[c]), 1e-4);
    }
    ck_assert_double_gt(dsbi_ridge_temperature(&ridge), 1e-3);
    dsbi_ridge_free(&ridge);
    dsb_runtime_free(rt);
}
END_TEST

/* Responses of the filters over many patches have unit variance: that is what whitening means. */
START_TEST(filters_whiten)
{
    dsb_runtime *rt = make_runtime(1);
    enum { PATCHES = 4000, SIDE = 3, V = SIDE * SIDE * 3, FILTERS = 8 };
    static float patches[PATCHES * V];
    dsbi_rng rng;
    dsbi_rng_init(&rng, 5, DSBI_RNG_TEST, 0);
    for (int i = 0; i < PATCHES; i++) {
        double common = 40 * dsbi_rng_normal(&rng);
        for (int v = 0; v < V; v++)
            patches[i * V + v] = (float)(120 + common + 5 * dsbi_rng_normal(&rng) * (1 + v % 3));
    }
    dsbi_filters filters;
    ck_assert_ok(dsbi_filters_learn(&filters, rt, patches, PATCHES, SIDE, 2, FILTERS));
    for (int f = 0; f < FILTERS; f++) {
        double sum = 0, squares = 0;
        for (int i = 0; i < PATCHES; i++) {
            double z = filters.bias[f];
            for (int v = 0; v < V; v++)
                z += patches[i * V + v] * filters.matrix[v * FILTERS + f];
            sum += z;
            squares += z * z;
        }
        ck_assert_double_lt(fabs(sum / PATCHES), 0.02);
        ck_assert_double_lt(fabs(squares / PATCHES - 1), 0.02);
    }
    /* an image of one colour: both grids see the same response everywhere */
    uint8_t image[8 * 8 * 3];
    memset(image, 120, sizeof image);
    float out[DSBI_FILTER_GRIDS * DSBI_FILTER_POOLS * FILTERS];
    float *scratch = dsbi_alloc_array(rt, dsbi_filters_scratch(&filters, 8), sizeof *scratch);
    ck_assert_ok(dsbi_filters_pool(&filters, rt, out, image, 8, scratch));
    for (int f = 0; f < FILTERS; f++) {
        double z = filters.bias[f];
        for (int v = 0; v < V; v++)
            z += 120.0 * filters.matrix[v * FILTERS + f];
        double up = z > 0 ? z : 0, down = z < 0 ? -z : 0;
        double expected[4] = {up, down, sqrt(up), sqrt(down)};
        for (int grid = 0; grid < DSBI_FILTER_GRIDS; grid++)
            for (int pool = 0; pool < 4; pool++)
                ck_assert_double_lt(fabs(out[(grid * 4 + pool) * FILTERS + f] - expected[pool]),
                                    2e-3);
    }
    dsbi_free(rt, scratch);
    dsbi_filters_free(&filters, rt);
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    return run_tests("ridge", equals_the_direct_solution, leave_one_out_leaves_one_out,
                     filters_whiten, NULL);
}
