/* See factors.h. */
#include "nn/factors.h"

#include <float.h>
#include <math.h>
#include <string.h>
#include "base/sizes.h"
#include "nn/blocks.h"

enum { LEAST_WEIGHTS = 1 << 20, LEAST_GAIN = 8, PACK_COLUMNS = 2048, SUMS = 3 };

_Static_assert(DSBI_FACTORS_WIDTH % PACK_COLUMNS == 0, "tiles begin where packed columns do");

bool dsbi_factors_fit(size_t rows, size_t n, size_t k)
{
    return rows <= DSBI_FACTORS_ROWS && n * k >= LEAST_WEIGHTS &&
           rows * (n + k) * LEAST_GAIN <= n * k;
}

/* Offsets in bytes; the whole is their end. */
static size_t lay(size_t rows, size_t n, size_t k, size_t item, size_t *packed, size_t *squares)
{
    size_t end = 0;
    dsbi_take(&end, rows * n);
    *packed = item * dsbi_take(&end, rows * (k + DSBI_GEMM_PAD));
    *squares = item * end;
    return *squares + rows * SUMS * sizeof(double);
}

size_t dsbi_factors_bytes(size_t rows, size_t n, size_t k, size_t item)
{
    size_t packed, squares;
    return lay(rows, n, k, item, &packed, &squares);
}

void dsbi_factors_init(dsbi_factors *f, const dsbi_math *math, size_t most_rows, size_t n, size_t k,
                       void *memory)
{
    size_t packed, squares;
    lay(most_rows, n, k, math->item, &packed, &squares);
    *f = (dsbi_factors){.math = math,
                        .n = n,
                        .k = k,
                        .dh = memory,
                        .packed = (char *)memory + packed,
                        .squares = (double *)(void *)((char *)memory + squares)};
}

static dsb_status pack_columns(const dsbi_call *call, const void *x, size_t first, size_t count,
                               size_t worker)
{
    const dsbi_factors *f = call->factors;
    (void)worker;
    call->math->pack(dsbi_kernels_of(call->rt), dsbi_at(call, f->packed, first * f->rows),
                     dsbi_at(call, x, first), f->k, false, f->rows, count);
    return DSB_OK;
}

/* Row `row` with itself and, twice, with those before. */
static dsb_status row_squares(const dsbi_call *call, const void *x, size_t row, size_t count,
                              size_t worker)
{
    const dsbi_factors *f = call->factors;
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    const void *xi = dsbi_at(call, x, row * f->k), *hi = dsbi_at(call, f->dh, row * f->n);
    double *sums = f->squares + row * SUMS, before = 0;
    (void)count;
    (void)worker;
    for (size_t j = 0; j < row; j++)
        before += call->math->dot(kernels, xi, dsbi_at(call, x, j * f->k), f->k) *
                  call->math->dot(kernels, hi, dsbi_at(call, f->dh, j * f->n), f->n);
    sums[1] = call->math->dot(kernels, xi, xi, f->k);
    sums[2] = call->math->dot(kernels, hi, hi, f->n);
    sums[0] = 2 * before + sums[1] * sums[2];
    return DSB_OK;
}

dsb_status dsbi_factors_keep(const dsbi_call *call, const void *dh, const void *x, size_t rows)
{
    dsbi_factors *f = call->factors;
    f->rows = rows;
    memcpy(f->dh, dh, rows * f->n * call->math->item);
    DSBI_TRY(dsbi_ranges(call, x, f->k, PACK_COLUMNS, pack_columns));
    return dsbi_ranges(call, x, rows, 1, row_squares);
}

double dsbi_factors_squares(const dsbi_factors *f)
{
    double sums[SUMS] = {0};
    for (size_t i = 0; i < f->rows * SUMS; i++)
        sums[i % SUMS] += f->squares[i];
    const bool bounded = sqrt(sums[1]) * sqrt(sums[2]) <= (double)FLT_MAX / 2;
    return !bounded ? INFINITY : sums[0] > 0 ? sums[0] : 0;
}

size_t dsbi_factors_tiles(const dsbi_factors *f)
{
    return dsbi_pieces(f->n, DSBI_FACTORS_HEIGHT) * dsbi_pieces(f->k, DSBI_FACTORS_WIDTH);
}

dsbi_factors_part dsbi_factors_tile(const dsbi_factors *f, const dsbi_kernels *kernels, void *out,
                                    void *scratch, size_t tile)
{
    const size_t across = dsbi_pieces(f->k, DSBI_FACTORS_WIDTH), item = f->math->item;
    dsbi_factors_part part = {.row = tile / across * DSBI_FACTORS_HEIGHT,
                              .column = tile % across * DSBI_FACTORS_WIDTH};
    part.rows = dsbi_smaller(f->n - part.row, DSBI_FACTORS_HEIGHT);
    part.columns = dsbi_smaller(f->k - part.column, DSBI_FACTORS_WIDTH);
    f->math->pack_a(kernels, scratch, (const char *)f->dh + part.row * item, f->n, part.rows,
                    f->rows);
    f->math->block(kernels, out, part.columns, scratch, 1, 0,
                   (const char *)f->packed + part.column * f->rows * item, part.rows, part.columns,
                   f->rows, 1, 0);
    return part;
}
