/* Arithmetic of the layers for one element type. Layers say what happens to which rows; this table
 * says it in float (kernels of the runtime's CPU level) or in double (the plain C specification),
 * so that a whole network can be checked against finite differences.
 * Arrays are reals of the table's type; counts are elements. */
#ifndef DSBI_NN_MATH_H
#define DSBI_NN_MATH_H

#include <stdbool.h>
#include "kernels/kernels.h"

typedef struct dsbi_dw_shape {
    size_t h, w, c, k, pad; /* input; the output is h + 2 pad - k + 1 by w + 2 pad - k + 1 */
} dsbi_dw_shape;

/* Mean and inverse deviation of bytes 0 .. 255, in both types. */
typedef struct dsbi_pixel_scale {
    float mean_f32[3], inv_std_f32[3];
    double mean_f64[3], inv_std_f64[3];
} dsbi_pixel_scale;

typedef struct dsbi_math {
    size_t item; /* bytes of a real */
    dsb_status (*matmul)(dsb_runtime *rt, bool trans_a, bool trans_b, size_t m, size_t n, size_t k,
                         double alpha, const void *a, size_t lda, const void *b, size_t ldb,
                         double beta, void *c, size_t ldc);
    /* one thread: b packed once, then any rows of c = alpha op(a) b + beta c (kernels.def) */
    void (*pack)(const dsbi_kernels *, void *packed, const void *b, size_t ldb, bool trans,
                 size_t k, size_t n);
    /* rows of a that lies transposed, [k, m]; block then takes k_stride = 0 */
    void (*pack_a)(const dsbi_kernels *, void *packed, const void *a, size_t lda, size_t m,
                   size_t k);
    void (*block)(const dsbi_kernels *, void *c, size_t ldc, const void *a, size_t row_stride,
                  size_t k_stride, const void *packed, size_t m, size_t n, size_t k, double alpha,
                  double beta);
    /* c += a b; a lies transposed or is from pack_a (lda = 0), b lies in rows that can be read up
     * to a whole vector or is from pack (ldb = 0) */
    void (*add_product)(const dsbi_kernels *, void *c, size_t ldc, const void *a, size_t lda,
                        const void *b, size_t ldb, size_t m, size_t n, size_t k,
                        const dsbi_gemm_next *next);
    /* c = start + bias + a b, then a ReLU; start, in rows start_stride apart, may be c; both NULL:
     * zeros. Rows of a are `runs` times k numbers, run_stride apart */
    void (*affine)(const dsbi_kernels *, void *c, size_t ldc, const void *a, size_t row_stride,
                   size_t k_stride, const void *packed, size_t m, size_t n, size_t k, size_t runs,
                   size_t run_stride, const void *bias, const void *start, size_t start_stride,
                   bool relu);
    void (*add)(const dsbi_kernels *, void *y, const void *a, const void *b, size_t n);
    void (*scale)(const dsbi_kernels *, void *y, double alpha, const void *x, size_t n);
    void (*axpy)(const dsbi_kernels *, void *y, double alpha, const void *x, size_t n);
    double (*dot)(const dsbi_kernels *, const void *a, const void *b, size_t n);
    /* y = x + bias;  y = x gain;  dx = dy gain, dgain += sum over rows of dy x */
    void (*bias_add)(const dsbi_kernels *, void *y, const void *x, const void *bias, size_t rows,
                     size_t c);
    void (*mul_rows)(const dsbi_kernels *, void *y, const void *x, const void *gain, size_t rows,
                     size_t c);
    void (*mul_rows_bwd)(const dsbi_kernels *, void *dx, void *dgain, const void *dy, const void *x,
                         const void *gain, size_t rows, size_t c);
    /* out[c] += sum over rows of x[r,c] */
    void (*colsum)(const dsbi_kernels *, void *out, const void *x, size_t rows, size_t c);
    void (*gelu_fwd)(const dsbi_kernels *, void *y, const void *x, size_t n);
    void (*gelu_bwd)(const dsbi_kernels *, void *dx, const void *dy, const void *x, size_t n);
    void (*gelu_fwd_slope)(const dsbi_kernels *, void *y, void *slope, const void *x, size_t n);
    /* y = gelu(x) and dx = dy gelu'(x); y may be x, dx may be dy */
    void (*gelu_remake)(const dsbi_kernels *, void *y, void *dx, const void *dy, const void *x,
                        size_t n);
    void (*relu_fwd)(const dsbi_kernels *, void *y, const void *x, size_t n);
    void (*relu_bwd)(const dsbi_kernels *, void *dx, const void *dy, const void *y, size_t n);
    /* shift NULL: no ReLU behind the norm */
    void (*batchnorm_stats)(const dsbi_kernels *, void *mean, void *squares, const void *x,
                            size_t rows, size_t c);
    void (*batchnorm_merge)(const dsbi_kernels *, void *mean, void *squares, size_t rows,
                            const void *mean_b, const void *squares_b, size_t rows_b, size_t c);
    void (*batchnorm_fwd)(const dsbi_kernels *, void *y, const void *x, const void *r,
                          const void *scale, const void *shift, bool relu, size_t rows, size_t c);
    void (*batchnorm_sums)(const dsbi_kernels *, void *sum, void *product, const void *dy,
                           const void *x, const void *mean, const void *scale, const void *shift,
                           size_t rows, size_t c);
    void (*batchnorm_bwd)(const dsbi_kernels *, void *dx, const void *dy, const void *x,
                          const void *scale, const void *mean, const void *slope,
                          const void *offset, const void *shift, bool add, size_t rows, size_t c);
    void (*max_merge)(const dsbi_kernels *, void *y, uint8_t *at, const void *x, uint8_t place,
                      size_t n);
    void (*max_window)(const dsbi_kernels *, void *y, const void *x, size_t lines, size_t line,
                       size_t columns, size_t n);
    void (*max_route)(const dsbi_kernels *, void *dx, const void *dy, const uint8_t *at,
                      uint8_t place, size_t n);
    void (*layernorm_fwd)(const dsbi_kernels *, void *y, void *mean, void *rstd, const void *x,
                          const void *gain, const void *bias, size_t rows, size_t c, double eps);
    void (*layernorm_bwd)(const dsbi_kernels *, void *dx, void *dgain, void *dbias, const void *dy,
                          const void *x, const void *mean, const void *rstd, const void *gain,
                          size_t rows, size_t c);
    /* one image; w [k*k, c]; dw and dbias are added to */
    void (*dw_fwd)(const dsbi_kernels *, void *y, const void *x, const void *w, const void *bias,
                   dsbi_dw_shape s);
    void (*dw_bwd_data)(const dsbi_kernels *, void *dx, const void *dy, const void *w,
                        dsbi_dw_shape s);
    void (*dw_bwd_weights)(const dsbi_kernels *, void *dw, void *dbias, const void *x,
                           const void *dy, dsbi_dw_shape s);
    /* 3 x 3 in groups, GROUPCONV_LANES outputs (kernels.def) */
    void (*group_fwd)(const dsbi_kernels *, void *y, const void *x, const void *w, const void *bias,
                      const void *from, bool relu, dsbi_group_shape s);
    void (*group_bwd_weights)(const dsbi_kernels *, void *dw, const void *x, const void *dy,
                              dsbi_group_shape s);
    /* 3 x 3 and 5 x 5 convolution by pieces, see kernels.def */
    void (*wino_weights)(const dsbi_kernels *, void *u, size_t stride, const void *g,
                         size_t g_stride, size_t taps, size_t n);
    void (*wino_weights_bwd)(const dsbi_kernels *, void *g, size_t g_stride, const void *u,
                             size_t stride, size_t taps, size_t n);
    void (*wino_input)(const dsbi_kernels *, void *v, const void *const lines[6], const void *scale,
                       const void *shift, bool relu, dsbi_wino_run run);
    void (*wino_output)(const dsbi_kernels *, void *y, size_t row_stride, size_t rows,
                        const void *m, const void *bias, const void *from, bool relu,
                        dsbi_wino_run run);
    void (*wino_output_bwd)(const dsbi_kernels *, void *d, void *sums, const void *const *lines,
                            dsbi_wino_run run);
    void (*wino_products)(const dsbi_kernels *, void *m, size_t m_point, const void *v,
                          size_t v_point, const void *u, size_t u_point, size_t pieces, size_t n,
                          size_t c, dsbi_fetch fetch);
    void (*wino_gradients)(const dsbi_kernels *, void *du, const void *d, size_t d_point,
                           const void *v, size_t v_point, size_t pieces, size_t n, size_t c,
                           bool add, dsbi_fetch fetch);
    /* y[p,c] = (x[p,c] - mean[c]) inv_std[c], three channels */
    void (*pixels)(const dsbi_kernels *, void *y, const uint8_t *x, const dsbi_pixel_scale *scale,
                   size_t n_pixels);
    /* one image: y[c] = mean over rows;  dx[r,c] = dy[c] / rows */
    void (*pool_fwd)(const dsbi_kernels *, void *y, const void *x, size_t rows, size_t c);
    void (*pool_bwd)(const dsbi_kernels *, void *dx, const void *dy, size_t rows, size_t c);
    /* scores to exponentials, products of these to means, scores to slopes, in place (kernels.def)
     */
    void (*attention_softmax)(const dsbi_kernels *, void *s, void *shift, void *inverse,
                              double scale, size_t ld, size_t rows, size_t n);
    void (*attention_divide)(const dsbi_kernels *, void *y, const void *inverse, size_t ld,
                             size_t rows, size_t n);
    void (*attention_softmax_bwd)(const dsbi_kernels *, void *s, void *d, const void *shift,
                                  const void *inverse, double scale, size_t ld, size_t rows,
                                  size_t n);
    void (*dropout)(const dsbi_kernels *, void *y, const void *x, size_t n, uint32_t first_group,
                    const uint32_t counter[3], const uint32_t key[2], uint32_t below, double scale);
} dsbi_math;

extern const dsbi_math dsbi_math_f32, dsbi_math_f64;

/* Single reals of an array, for what is not worth a kernel. */
static inline double dsbi_real(const dsbi_math *math, const void *array, size_t i)
{
    return math->item == sizeof(float) ? ((const float *)array)[i] : ((const double *)array)[i];
}

static inline void dsbi_real_set(const dsbi_math *math, void *array, size_t i, double value)
{
    if (math->item == sizeof(float))
        ((float *)array)[i] = (float)value;
    else
        ((double *)array)[i] = value;
}

static inline void dsbi_real_add(const dsbi_math *math, void *array, size_t i, double value)
{
    if (math->item == sizeof(float))
        ((float *)array)[i] += (float)value;
    else
        ((double *)array)[i] += value;
}

#endif
