/* The public array handle and the product on plain arrays. */
#include "testing.h"

#include "dsbias/tensor.h"

START_TEST(types_have_sizes_and_names)
{
    ck_assert_uint_eq(dsb_dtype_size(DSB_DTYPE_U8), 1);
    ck_assert_uint_eq(dsb_dtype_size(DSB_DTYPE_F64), 8);
    ck_assert_uint_eq(dsb_dtype_size(99), 0);
    ck_assert_str_eq(dsb_dtype_name(DSB_DTYPE_F32), "f32");
    ck_assert_str_eq(dsb_dtype_name(0), "?");
}
END_TEST

START_TEST(tensors_own_or_view)
{
    dsb_runtime *rt = make_runtime(1);
    const uint64_t before = dsb_runtime_memory(rt);
    const uint64_t shape[3] = {2, 3, 4}, flat[1] = {24}, wrong[2] = {5, 5};
    dsb_tensor *own, *view;
    ck_assert_ok(dsb_tensor_create(rt, &own, DSB_DTYPE_F32, shape, 3));
    ck_assert_uint_eq(dsb_tensor_count(own), 24);
    ck_assert_uint_eq(dsb_tensor_size(own, 1), 3);
    ck_assert_uint_eq(dsb_tensor_size(own, 3), 1);
    float *x = dsb_tensor_data(own);
    ck_assert_uint_eq((uintptr_t)x % 64, 0);
    for (int i = 0; i < 24; i++)
        ck_assert_float_eq(x[i], 0);
    ck_assert_ok(dsb_tensor_view(rt, &view, DSB_DTYPE_F32, flat, 1, x));
    ck_assert_ptr_eq(dsb_tensor_data(view), x);
    ck_assert_ok(dsb_tensor_reshape(view, shape, 3));
    ck_assert_uint_eq(dsb_tensor_dims(view), 3);
    ck_assert_fails(dsb_tensor_reshape(view, wrong, 2), DSB_E_SHAPE,
                    "24 elements into a shape of 25");
    ck_assert_uint_eq(dsb_tensor_dtype(view), DSB_DTYPE_F32);
    dsb_tensor_free(view);
    dsb_tensor_free(own);
    dsb_tensor_free(NULL);
    ck_assert_ok(dsb_tensor_create(rt, &own, DSB_DTYPE_I64, NULL, 0));
    ck_assert_uint_eq(dsb_tensor_count(own), 1);
    dsb_tensor_free(own);
    ck_assert_uint_eq(dsb_runtime_memory(rt), before);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(nonsense_is_refused)
{
    dsb_runtime *rt = make_runtime(1);
    const uint64_t huge[3] = {UINT64_MAX / 2, 4, 1}, nine[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    const uint64_t one[1] = {1};
    dsb_tensor *t;
    ck_assert_fails(dsb_tensor_create(rt, &t, DSB_DTYPE_F32, huge, 3), DSB_E_LIMIT, "overflow");
    ck_assert_fails(dsb_tensor_create(rt, &t, DSB_DTYPE_F32, nine, 9), DSB_E_INVALID,
                    "9 dimensions");
    ck_assert_fails(dsb_tensor_create(rt, &t, 77, one, 1), DSB_E_DTYPE, "77");
    ck_assert_fails(dsb_tensor_view(rt, &t, DSB_DTYPE_U8, one, 1, NULL), DSB_E_INVALID, "NULL");
    ck_assert_ptr_null(t);
    float x[4] = {0};
    ck_assert_fails(dsb_matmul_f32(rt, x, x, NULL, 1, 1, 1, 0), DSB_E_INVALID, "NULL");
    ck_assert_fails(dsb_matmul_f32(rt, x, x, x, 1, 1, 1, 8), DSB_E_INVALID, "0x8");
    ck_assert_fails(dsb_matmul_f32(rt, x, x, x, UINT64_MAX, 3, 3, 0), DSB_E_LIMIT, "overflow");
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(products_of_plain_arrays)
{
    dsb_runtime *rt = make_runtime(2);
    const float a[6] = {1, 2, 3, 4, 5, 6}, b[6] = {1, 0, 2, 1, 0, 3}; /* [2,3], [3,2] */
    const double b_trans[6] = {1, 2, 0, 0, 1, 3}, a64[6] = {1, 2, 3, 4, 5, 6};
    const double a_trans[6] = {1, 4, 2, 5, 3, 6};
    float c[4];
    double c64[4];
    const float expected[4] = {5, 11, 14, 23};
    ck_assert_ok(dsb_matmul_f32(rt, c, a, b, 2, 2, 3, 0));
    ck_assert_mem_eq(c, expected, sizeof c);
    ck_assert_ok(dsb_matmul_f64(rt, c64, a64, b_trans, 2, 2, 3, DSB_MATMUL_TRANS_B));
    for (int i = 0; i < 4; i++)
        ck_assert_double_eq(c64[i], (double)expected[i]);
    ck_assert_ok(dsb_matmul_f64(rt, c64, a_trans, b_trans, 2, 2, 3,
                                DSB_MATMUL_TRANS_A | DSB_MATMUL_TRANS_B));
    for (int i = 0; i < 4; i++)
        ck_assert_double_eq(c64[i], (double)expected[i]);
    ck_assert_ok(dsb_matmul_f32(rt, NULL, NULL, NULL, 0, 0, 0, 0));
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    return run_tests("tensor", types_have_sizes_and_names, tensors_own_or_view, nonsense_is_refused,
                     products_of_plain_arrays, NULL);
}
