/** Arrays of numbers: a handle for a shaped array, and the matrix product.
 *
 *  Simplest use:
 *      dsb_matmul_f32(rt, c, a, b, m, n, k, 0); // plain arrays
 *
 *      uint64_t shape[2] = {n_images, 512};
 *      dsb_tensor *features;
 *      dsb_tensor_create(rt, &features, DSB_DTYPE_F32, shape, 2); // memory of its own
 *      float *x = dsb_tensor_data(features);
 *      dsb_tensor_free(features);
 *
 *  Tensors are row-major and dense: the last dimension is contiguous.
 */
#ifndef DSBIAS_TENSOR_H
#define DSBIAS_TENSOR_H

#include "dsbias/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Product of row-major matrices: c[m,n] = op(a)[m,k] op(b)[k,n]; c is overwritten.
 *  @param a      [m,k]; with DSB_MATMUL_TRANS_A [k,m].     @param b  [k,n]; with DSB_MATMUL_TRANS_B
 * [n,k].
 *  @param c      [m,n], overlaps neither a nor b.          @param flags  DSB_MATMUL_* or 0.
 *  @return DSB_OK; DSB_E_INVALID (a NULL array that has elements, unknown flag); DSB_E_LIMIT (an
 *  array larger than memory can be); DSB_E_NOMEM.
 *  The bits of c depend on the shape and the CPU level, not on the number of threads. Sums run in
 *  the type of the arrays. Uses the pool of `rt`; calls on one runtime may come from several
 *  threads. Since 0.1. */
DSB_API dsb_status dsb_matmul_f32(dsb_runtime *rt, float *c, const float *a, const float *b,
                                  uint64_t m, uint64_t n, uint64_t k, uint32_t flags);
DSB_API dsb_status dsb_matmul_f64(dsb_runtime *rt, double *c, const double *a, const double *b,
                                  uint64_t m, uint64_t n, uint64_t k, uint32_t flags);

#define DSB_MATMUL_TRANS_A 1u /* a is given transposed */
#define DSB_MATMUL_TRANS_B 2u /* b is given transposed */

/** Element types. */
#define DSB_DTYPE_U8 1u
#define DSB_DTYPE_I32 2u
#define DSB_DTYPE_I64 3u
#define DSB_DTYPE_F32 4u
#define DSB_DTYPE_F64 5u

/** Bytes of one element, 0 for a value that is no type; "f32". */
DSB_API uint64_t dsb_dtype_size(uint32_t dtype);
DSB_API const char *dsb_dtype_name(uint32_t dtype);

#define DSB_TENSOR_DIMS_MAX 8u

typedef struct dsb_tensor dsb_tensor;

/** A tensor with memory of its own, zeroed, on a 64-byte boundary. n_dims 0 is a single number.
 *  @return DSB_OK; DSB_E_INVALID (n_dims > 8); DSB_E_DTYPE; DSB_E_LIMIT (size overflow);
 *  DSB_E_NOMEM. Since 0.1. */
DSB_API dsb_status dsb_tensor_create(dsb_runtime *rt, dsb_tensor **out, uint32_t dtype,
                                     const uint64_t *shape, uint32_t n_dims);

/** A view of the caller's array, which must outlive the tensor; nothing is copied. `data` may be
 *  NULL only if the shape has no elements. Errors as dsb_tensor_create. Since 0.1. */
DSB_API dsb_status dsb_tensor_view(dsb_runtime *rt, dsb_tensor **out, uint32_t dtype,
                                   const uint64_t *shape, uint32_t n_dims, void *data);

/** Ends the tensor; memory of its own goes with it, a viewed array stays. */
DSB_API void dsb_tensor_free(dsb_tensor *tensor);

DSB_API uint32_t dsb_tensor_dtype(const dsb_tensor *tensor);
DSB_API uint32_t dsb_tensor_dims(const dsb_tensor *tensor);
/** Elements along dimension `dim`, 1 for dim >= dsb_tensor_dims. */
DSB_API uint64_t dsb_tensor_size(const dsb_tensor *tensor, uint32_t dim);
/** Elements in all. */
DSB_API uint64_t dsb_tensor_count(const dsb_tensor *tensor);
/** First element; borrowed, writable. */
DSB_API void *dsb_tensor_data(const dsb_tensor *tensor);

/** Another shape for the same elements: the product of the sizes must stay. DSB_E_SHAPE if not. */
DSB_API dsb_status dsb_tensor_reshape(dsb_tensor *tensor, const uint64_t *shape, uint32_t n_dims);

#ifdef __cplusplus
}
#endif

#endif
