/* Position embeddings of another grid are those of timm (golden/vit_positions). */
#include "testing.h"

#include <math.h>
#include "nn/positions.h"

#include "golden/vit_positions/vectors.h"

START_TEST(resampled_as_timm_does)
{
    enum { MOST = 512 };
    float in[MOST], out[MOST];
    dsb_runtime *rt = make_runtime(1);
    for (size_t i = 0; i < N_CASES; i++) {
        const size_t grid = cases[i].h * cases[i].w, side = cases[i].side, prefix = cases[i].prefix;
        const dsbi_param param = {
            .rank = 3, .dims = {1, prefix + grid, DIM}, .grid_h = cases[i].h, .grid_w = cases[i].w};
        const uint64_t dims[3] = {1, prefix + side * side, DIM};
        ck_assert_uint_eq(dsbi_positions_side(&param, 3, dims), side);
        for (size_t k = 0; k < dims[1] * DIM; k++)
            in[k] = (float)((double)(k * 7919 % 1009) / 1009 - 0.5);
        ck_assert_ok(dsbi_positions_resample(rt, &param, out, in, side));
        for (size_t k = 0; k < (prefix + grid) * DIM; k++)
            ck_assert_msg(fabsf(out[k] - expected[cases[i].at + k]) < 1e-6f,
                          "case %zu, [%zu] is %g, expected %g", i, k, (double)out[k],
                          (double)expected[cases[i].at + k]);
    }
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(other_tensors_are_not_resampled)
{
    const dsbi_param param = {.rank = 3, .dims = {1, 16, 8}, .grid_h = 5, .grid_w = 3};
    const dsbi_param plain = {.rank = 3, .dims = {1, 16, 8}};
    const uint64_t good[] = {1, 10, 8}, uneven[] = {1, 11, 8}, wide[] = {1, 10, 9};
    const uint64_t only_class[] = {1, 1, 8}, two[] = {2, 10, 8}, huge[] = {1, UINT64_MAX, 8};
    ck_assert_uint_eq(dsbi_positions_side(&param, 3, good), 3);
    ck_assert_uint_eq(dsbi_positions_side(&param, 2, good), 0);
    ck_assert_uint_eq(dsbi_positions_side(&plain, 3, good), 0);
    ck_assert_uint_eq(dsbi_positions_side(&param, 3, uneven), 0);
    ck_assert_uint_eq(dsbi_positions_side(&param, 3, wide), 0);
    ck_assert_uint_eq(dsbi_positions_side(&param, 3, only_class), 0);
    ck_assert_uint_eq(dsbi_positions_side(&param, 3, two), 0);
    ck_assert_uint_eq(dsbi_positions_side(&param, 3, huge), 0);
}
END_TEST

int main(void)
{
    return run_tests("vit_positions", resampled_as_timm_does, other_tensors_are_not_resampled,
                     NULL);
}
