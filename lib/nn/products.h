/* Matrix products of affine layers that blocks of rows do not suit. Cuts depend on sizes alone;
 * scratch sizes are in elements.
 *
 * Few rows against many weights (the last layers of AlexNet and VGG): packing W whole would move it
 * through memory three times where once is what it costs; here a task packs a corner of it in its
 * cache and uses it at once.
 *
 * The gradient of many weights: dW += dh^T x over all rows, tiles of dW being the tasks, where
 * partial results for groups of rows would be larger than what they are made of. */
#ifndef DSBI_NN_PRODUCTS_H
#define DSBI_NN_PRODUCTS_H

#include "nn/layer.h"

/* y[rows, n] = or += a[rows, k] B, dense, with B [k, n] or its transpose W [n, k]. */
typedef struct dsbi_few_rows {
    const void *a, *weights;
    void *y;
    size_t rows, n, k;
    bool trans, add;
} dsbi_few_rows;

enum { DSBI_FEW_ROWS = 64 };

bool dsbi_few_rows_fits(size_t rows, size_t n, size_t k);
size_t dsbi_few_rows_size(size_t rows, size_t k, size_t n_threads);
/* An element is one chain of sums in the order of k, as in a product by blocks: the same bits. */
dsb_status dsbi_few_rows_product(const dsbi_call *call, const dsbi_few_rows *p, void *scratch);

/* dw[n, k] += dh[rows, n]^T x[rows, k], or = where dw is fresh; or of rows that are gathered as
 * they are packed: columns [column, column + columns) of rows [first, first + count) into out
 * [count, columns]. */
typedef struct dsbi_all_rows {
    const void *dh, *x;
    void *dw;
    size_t rows, n, k;
    bool fresh;
    void (*gather)(const dsbi_call *call, void *out, size_t first, size_t count, size_t column,
                   size_t columns); /* NULL: rows lie in x */
} dsbi_all_rows;

size_t dsbi_all_rows_size(size_t rows, size_t n, size_t k, bool gathered, size_t n_threads);
dsb_status dsbi_all_rows_product(const dsbi_call *call, const dsbi_all_rows *p, void *scratch);

#endif
