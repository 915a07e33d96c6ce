/* The gradient of a large weight from few rows, left as the two factors it is a product of:
 * dW [n, k] = dh^T x with dh [rows, n] and x [rows, k]. The factors of the linear layers of VGG-16
 * at 16 images take 4 MiB, their product 471. The optimiser makes the product tile by tile, in its
 * cache, and never writes it.
 *
 * The squared norm needs no product either: sum of (x x^T)_ij (dh dh^T)_ij over pairs of rows, in
 * f64. It differs from that of the rounded product by what rounding does, some 1e-8 of the factors'
 * norms at most. No element, nor any partial sum of one, exceeds the product of those norms: where
 * that is no finite float, the squares are said to be infinite, so that whoever finds them finite
 * knows every element to be. */
#ifndef DSBI_NN_FACTORS_H
#define DSBI_NN_FACTORS_H

#include "nn/layer.h"

struct dsbi_factors {
    const dsbi_math *math;
    size_t rows, n, k;
    void *dh;        /* [rows, n] */
    void *packed;    /* x as tiles want it */
    double *squares; /* [rows, 3]: with itself and the rows before, of x, of dh */
};

/* Whether it saves memory, and no more than a sixteenth of the product is spent on the norm. */
bool dsbi_factors_fit(size_t rows, size_t n, size_t k);
/* Memory of `rows` rows, bytes. */
size_t dsbi_factors_bytes(size_t rows, size_t n, size_t k, size_t item);
/* Before a plan runs: where they lie. */
void dsbi_factors_init(dsbi_factors *f, const dsbi_math *math, size_t most_rows, size_t n, size_t k,
                       void *memory);
/* What backward does in place of the product, into call->factors. */
dsb_status dsbi_factors_keep(const dsbi_call *call, const void *dh, const void *x, size_t rows);

/* Sum of squares of the gradient; INFINITY or NaN where an element may not be finite. */
double dsbi_factors_squares(const dsbi_factors *f);

/* The gradient in tiles, numbered along the rows: what one covers, and its values, dense, the same
 * bits as the product's. out: DSBI_FACTORS_TILE elements, scratch: DSBI_FACTORS_SCRATCH. */
enum {
    DSBI_FACTORS_HEIGHT = 28, /* a multiple of tile heights: 14, 4 */
    DSBI_FACTORS_WIDTH = 2048,
    DSBI_FACTORS_ROWS = 448,
    DSBI_FACTORS_TILE = DSBI_FACTORS_HEIGHT * DSBI_FACTORS_WIDTH,
    DSBI_FACTORS_SCRATCH = DSBI_FACTORS_ROWS * (DSBI_FACTORS_HEIGHT + DSBI_GEMM_PAD)
};

typedef struct dsbi_factors_part {
    size_t row, rows, column, columns; /* of the gradient */
} dsbi_factors_part;

size_t dsbi_factors_tiles(const dsbi_factors *f);
dsbi_factors_part dsbi_factors_tile(const dsbi_factors *f, const dsbi_kernels *kernels, void *out,
                                    void *scratch, size_t tile);

#endif
