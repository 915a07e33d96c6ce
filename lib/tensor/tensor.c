/* The public handle of a dense row-major array, and the matrix product on plain arrays. */
#include "dsbias/tensor.h"

#include <string.h>
#include "base/memory.h"
#include "base/runtime.h"
#include "tensor/matmul.h"

struct dsb_tensor {
    dsb_runtime *rt;
    void *data;
    bool owned; /* data came from the runtime's allocator */
    uint32_t dtype, n_dims;
    uint64_t count;
    uint64_t shape[DSB_TENSOR_DIMS_MAX];
};

static const struct {
    const char *name;
    uint64_t size_bytes;
} types[] = {{"?", 0}, {"u8", 1}, {"i32", 4}, {"i64", 8}, {"f32", 4}, {"f64", 8}};

static uint32_t known(uint32_t dtype)
{
    return dtype < sizeof types / sizeof *types ? dtype : 0;
}

uint64_t dsb_dtype_size(uint32_t dtype)
{
    return types[known(dtype)].size_bytes;
}

const char *dsb_dtype_name(uint32_t dtype)
{
    return types[known(dtype)].name;
}

/* Number of elements of a shape; the bytes must fit as well. */
static dsb_status count_of(uint64_t *count, uint64_t item_bytes, const uint64_t *shape,
                           uint32_t n_dims)
{
    if (n_dims > DSB_TENSOR_DIMS_MAX)
        return dsbi_fail(DSB_E_INVALID, "tensor: %u dimensions, at most %u", n_dims,
                         DSB_TENSOR_DIMS_MAX);
    if (n_dims > 0 && !shape)
        return dsbi_fail(DSB_E_INVALID, "tensor: shape is NULL");
    size_t total = 1, bytes;
    for (uint32_t i = 0; i < n_dims; i++)
        if (shape[i] > SIZE_MAX || !dsbi_mul(&total, total, (size_t)shape[i]))
            return dsbi_fail(DSB_E_LIMIT, "tensor: size overflow at dimension %u", i);
    if (!dsbi_mul(&bytes, total, (size_t)item_bytes))
        return dsbi_fail(DSB_E_LIMIT, "tensor: size overflow: %zu elements", total);
    *count = total;
    return DSB_OK;
}

static dsb_status make(dsb_runtime *rt, dsb_tensor **out, uint32_t dtype, const uint64_t *shape,
                       uint32_t n_dims, void *data, bool owned)
{
    dsbi_clear_error();
    if (!rt || !out)
        return dsbi_fail(DSB_E_INVALID, "tensor: runtime or out is NULL");
    *out = NULL;
    if (!known(dtype))
        return dsbi_fail(DSB_E_DTYPE, "tensor: %u is no element type", dtype);
    uint64_t count;
    DSBI_TRY(count_of(&count, dsb_dtype_size(dtype), shape, n_dims));
    if (!owned && !data && count > 0)
        return dsbi_fail(DSB_E_INVALID, "tensor: a view of NULL");
    dsb_tensor *tensor = dsbi_calloc(rt, 1, sizeof *tensor);
    if (!tensor)
        return DSB_E_NOMEM;
    if (owned)
        data = dsbi_calloc(rt, (size_t)count, (size_t)dsb_dtype_size(dtype));
    if (owned && !data) {
        dsbi_free(rt, tensor);
        return DSB_E_NOMEM;
    }
    dsbi_runtime_retain(rt);
    tensor->rt = rt;
    tensor->data = data;
    tensor->owned = owned;
    tensor->dtype = dtype;
    tensor->n_dims = n_dims;
    tensor->count = count;
    if (n_dims > 0)
        memcpy(tensor->shape, shape, n_dims * sizeof *shape);
    *out = tensor;
    return DSB_OK;
}

dsb_status dsb_tensor_create(dsb_runtime *rt, dsb_tensor **out, uint32_t dtype,
                             const uint64_t *shape, uint32_t n_dims)
{
    return make(rt, out, dtype, shape, n_dims, NULL, true);
}

dsb_status dsb_tensor_view(dsb_runtime *rt, dsb_tensor **out, uint32_t dtype, const uint64_t *shape,
                           uint32_t n_dims, void *data)
{
    return make(rt, out, dtype, shape, n_dims, data, false);
}

void dsb_tensor_free(dsb_tensor *tensor)
{
    if (!tensor)
        return;
    dsb_runtime *rt = tensor->rt;
    if (tensor->owned)
        dsbi_free(rt, tensor->data);
    dsbi_free(rt, tensor);
    dsbi_runtime_release(rt);
}

uint32_t dsb_tensor_dtype(const dsb_tensor *tensor)
{
    return tensor->dtype;
}

uint32_t dsb_tensor_dims(const dsb_tensor *tensor)
{
    return tensor->n_dims;
}

uint64_t dsb_tensor_size(const dsb_tensor *tensor, uint32_t dim)
{
    return dim < tensor->n_dims ? tensor->shape[dim] : 1;
}

uint64_t dsb_tensor_count(const dsb_tensor *tensor)
{
    return tensor->count;
}

void *dsb_tensor_data(const dsb_tensor *tensor)
{
    return tensor->data;
}

dsb_status dsb_tensor_reshape(dsb_tensor *tensor, const uint64_t *shape, uint32_t n_dims)
{
    dsbi_clear_error();
    if (!tensor)
        return dsbi_fail(DSB_E_INVALID, "dsb_tensor_reshape: tensor is NULL");
    uint64_t count;
    DSBI_TRY(count_of(&count, dsb_dtype_size(tensor->dtype), shape, n_dims));
    if (count != tensor->count)
        return dsbi_fail(DSB_E_SHAPE, "dsb_tensor_reshape: %llu elements into a shape of %llu",
                         (unsigned long long)tensor->count, (unsigned long long)count);
    tensor->n_dims = n_dims;
    if (n_dims > 0)
        memcpy(tensor->shape, shape, n_dims * sizeof *shape);
    return DSB_OK;
}

static dsb_status check_product(const dsb_runtime *rt, const void *c, const void *a, const void *b,
                                uint64_t m, uint64_t n, uint64_t k, uint32_t flags,
                                uint64_t item_bytes)
{
    dsbi_clear_error();
    if (!rt)
        return dsbi_fail(DSB_E_INVALID, "dsb_matmul: runtime is NULL");
    if (flags & ~(DSB_MATMUL_TRANS_A | DSB_MATMUL_TRANS_B))
        return dsbi_fail(DSB_E_INVALID, "dsb_matmul: flags 0x%x, unknown", flags);
    uint64_t count_a, count_b, count_c;
    DSBI_TRY(count_of(&count_a, item_bytes, (const uint64_t[]){m, k}, 2));
    DSBI_TRY(count_of(&count_b, item_bytes, (const uint64_t[]){k, n}, 2));
    DSBI_TRY(count_of(&count_c, item_bytes, (const uint64_t[]){m, n}, 2));
    if ((count_a && !a) || (count_b && !b) || (count_c && !c))
        return dsbi_fail(DSB_E_INVALID, "dsb_matmul: an array is NULL");
    return DSB_OK;
}

dsb_status dsb_matmul_f32(dsb_runtime *rt, float *c, const float *a, const float *b, uint64_t m,
                          uint64_t n, uint64_t k, uint32_t flags)
{
    DSBI_TRY(check_product(rt, c, a, b, m, n, k, flags, sizeof *c));
    const bool trans_a = flags & DSB_MATMUL_TRANS_A, trans_b = flags & DSB_MATMUL_TRANS_B;
    return dsbi_matmul_f32(rt, trans_a, trans_b, m, n, k, 1, a, trans_a ? m : k, b, trans_b ? k : n,
                           0, c, n);
}

dsb_status dsb_matmul_f64(dsb_runtime *rt, double *c, const double *a, const double *b, uint64_t m,
                          uint64_t n, uint64_t k, uint32_t flags)
{
    DSBI_TRY(check_product(rt, c, a, b, m, n, k, flags, sizeof *c));
    const bool trans_a = flags & DSB_MATMUL_TRANS_A, trans_b = flags & DSB_MATMUL_TRANS_B;
    return dsbi_matmul_f64(rt, trans_a, trans_b, m, n, k, 1, a, trans_a ? m : k, b, trans_b ? k : n,
                           0, c, n);
}
