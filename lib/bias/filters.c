/* See filters.h. */
#include "bias/filters.h"

#include <math.h>
#include <string.h>
#include "kernels/kernels.h"
#include "tensor/dense.h"
#include "tensor/matmul.h"

static const double EPSILON = 0.1; /* of the covariance, squared grey levels */

/* Mean [v] and covariance + eps I [v, v] of patches [n, v]. */
static dsb_status moments(dsb_runtime *rt, double *mean, double *covariance, const float *patches,
                          size_t n, size_t v)
{
    double *centred = dsbi_alloc_array(rt, n * v, sizeof *centred);
    if (!centred)
        return DSB_E_NOMEM;
    memset(mean, 0, v * sizeof *mean);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < v; j++)
            mean[j] += patches[i * v + j];
    for (size_t j = 0; j < v; j++)
        mean[j] /= (double)n;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < v; j++)
            centred[i * v + j] = patches[i * v + j] - mean[j];
    memset(covariance, 0, v * v * sizeof *covariance);
    dsb_status status = dsbi_syrk_f64(rt, v, n, centred, v, covariance, v);
    for (size_t k = 0; k < v * v; k++)
        covariance[k] /= (double)n;
    for (size_t j = 0; j < v; j++)
        covariance[j * v + j] += EPSILON;
    dsbi_free(rt, centred);
    return status;
}

dsb_status dsbi_filters_learn(dsbi_filters *filters, dsb_runtime *rt, const float *patches,
                              size_t n_patches, size_t side, size_t step, size_t n_filters)
{
    size_t v = side * side * 3;
    *filters = (dsbi_filters){.side = side, .n_values = v, .n_filters = n_filters, .step = step};
    double *mean = dsbi_alloc_array(rt, v, sizeof *mean);
    double *covariance = dsbi_alloc_array(rt, v * v, sizeof *covariance);
    double *columns = dsbi_alloc_array(rt, v * n_filters, sizeof *columns); /* [v, n_filters] */
    filters->matrix = dsbi_alloc_array(rt, v * n_filters, sizeof(float));
    filters->bias = dsbi_alloc_array(rt, n_filters, sizeof(float));
    dsb_status status = DSB_E_NOMEM;
    if (!mean || !covariance || !columns || !filters->matrix || !filters->bias)
        goto done;
    DSBI_GO(moments(rt, mean, covariance, patches, n_patches, v));
    DSBI_GO(dsbi_cholesky_f64(rt, v, covariance, v));
    for (size_t f = 0; f < n_filters; f++)
        for (size_t j = 0; j < v; j++)
            columns[j * n_filters + f] = patches[f * v + j] - mean[j];
    DSBI_GO(dsbi_cholesky_solve_f64(rt, v, covariance, v, n_filters, columns, n_filters));
    for (size_t f = 0; f < n_filters; f++) {
        double length = 0, bias = 0;
        for (size_t j = 0; j < v; j++)
            length += columns[j * n_filters + f] * (patches[f * v + j] - mean[j]);
        length = length > 1e-12 ? sqrt(length) : 1;
        for (size_t j = 0; j < v; j++) {
            double weight = columns[j * n_filters + f] / length;
            filters->matrix[j * n_filters + f] = (float)weight;
            bias -= weight * mean[j];
        }
        filters->bias[f] = (float)bias;
    }
done:
    dsbi_free(rt, mean);
    dsbi_free(rt, covariance);
    dsbi_free(rt, columns);
    if (status != DSB_OK)
        dsbi_filters_free(filters, rt);
    return status;
}

void dsbi_filters_free(dsbi_filters *filters, dsb_runtime *rt)
{
    dsbi_free(rt, filters->matrix);
    dsbi_free(rt, filters->bias);
    *filters = (dsbi_filters){0};
}

size_t dsbi_filters_width(const dsbi_filters *filters)
{
    return DSBI_FILTER_GRIDS * DSBI_FILTER_POOLS * filters->n_filters;
}

/* Positions along one side from `start` on. */
static size_t positions_along(const dsbi_filters *filters, size_t image_side, size_t start)
{
    size_t needed = start + filters->side;
    return image_side < needed ? 0 : (image_side - needed) / filters->step + 1;
}

size_t dsbi_filters_scratch(const dsbi_filters *filters, size_t image_side)
{
    size_t along = positions_along(filters, image_side, 0);
    return along * along * (filters->n_values + filters->n_filters);
}

/* Patches [along * along, n_values] of one grid. */
static void gather(const dsbi_filters *filters, float *patch, const uint8_t *image,
                   size_t image_side, size_t start, size_t along)
{
    size_t row_values = filters->side * 3;
    for (size_t y = 0; y < along; y++)
        for (size_t x = 0; x < along; x++) {
            size_t top = start + y * filters->step, left = start + x * filters->step;
            for (size_t r = 0; r < filters->side; r++, patch += row_values) {
                const uint8_t *row = image + ((top + r) * image_side + left) * 3;
                for (size_t k = 0; k < row_values; k++)
                    patch[k] = row[k];
            }
        }
}

dsb_status dsbi_filters_pool(const dsbi_filters *filters, dsb_runtime *rt, float *out,
                             const uint8_t *image, size_t image_side, float *scratch)
{
    const dsbi_kernels *kernels = dsbi_kernels_of(rt);
    size_t v = filters->n_values, n_filters = filters->n_filters,
           pooled = DSBI_FILTER_POOLS * n_filters;
    memset(out, 0, dsbi_filters_width(filters) * sizeof *out);
    for (size_t grid = 0; grid < DSBI_FILTER_GRIDS; grid++, out += pooled) {
        size_t start = grid * filters->step / DSBI_FILTER_GRIDS;
        size_t along = positions_along(filters, image_side, start), positions = along * along;
        if (positions == 0)
            continue;
        float *responses = scratch + positions * v; /* [positions, n_filters] */
        gather(filters, scratch, image, image_side, start, along);
        DSBI_TRY(dsbi_matmul_f32(rt, false, false, positions, n_filters, v, 1, scratch, v,
                                 filters->matrix, n_filters, 0, responses, n_filters));
        kernels->rectify_pool_f32(out, responses, n_filters, filters->bias, positions, n_filters);
        kernels->scale_f32(out, 1.0f / (float)positions, out, pooled);
    }
    return DSB_OK;
}
