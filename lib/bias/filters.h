/* A bank of filters drawn from the images themselves: random patches, whitened with their own
 * covariance and scaled to unit length (Coates & Ng 2012, "Learning feature representations with
 * k-means", without the k-means; the CIFAR-10.1 paper's random features).
 *
 * The response of filter f to patch p is (p - m)' S^-1 (q_f - m) / sqrt((q_f - m)' S^-1 (q_f - m)),
 * S = C + eps I: the inner product of the two whitened patches. Only S^-1 is needed, so no
 * eigenvectors. Patches are not normalised in contrast one by one: the absolute level of faint
 * structure (quantisation, sharpening, sensor noise) is what tells cameras and encoders apart. */
#ifndef DSBI_BIAS_FILTERS_H
#define DSBI_BIAS_FILTERS_H

#include "base/runtime.h"

typedef struct dsbi_filters {
    size_t side, n_values, n_filters; /* n_values = side * side * 3 */
    size_t step;                      /* pixels between patch positions of one grid */
    float *matrix;                    /* [n_values, n_filters] */
    float *bias;                      /* [n_filters] */
} dsbi_filters;

/* patches [n_patches, side * side * 3] in 0..255; the first n_filters become the filters. */
dsb_status dsbi_filters_learn(dsbi_filters *filters, dsb_runtime *rt, const float *patches,
                              size_t n_patches, size_t side, size_t step, size_t n_filters);
void dsbi_filters_free(dsbi_filters *filters, dsb_runtime *rt);

/* Patch positions lie on two grids, the second shifted by (step / 2, step / 2) and pooled apart:
 * encoders and resizers leave traces that depend on the position within a block, which one dense
 * grid averages away. */
enum { DSBI_FILTER_GRIDS = 2, DSBI_FILTER_POOLS = 4 };

/* Number of pooled values of one image: GRIDS * POOLS * n_filters. */
size_t dsbi_filters_width(const dsbi_filters *filters);
/* Scratch of dsbi_filters_pool in floats, for images of the given side. */
size_t dsbi_filters_scratch(const dsbi_filters *filters, size_t image_side);

/* Means over the positions of each grid of max(0, z), max(0, -z) and of their square roots:
 * out [GRIDS, POOLS, n_filters]. image [side, side, 3]. Allocates nothing; any thread. */
dsb_status dsbi_filters_pool(const dsbi_filters *filters, dsb_runtime *rt, float *out,
                             const uint8_t *image, size_t image_side, float *scratch);

#endif
