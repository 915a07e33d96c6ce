/* How convolutions by Winograd are cut into pieces of 4 x 4 outputs (3 x 3) or 2 x 2 (5 x 5), and
 * the transforms of pieces (winograd.h; kernels/template/winograd.inc). Pieces are numbered line by
 * line through all images; those side by side in a line are transformed together. */
#ifndef DSBI_NN_WINOGRAD_PIECES_H
#define DSBI_NN_WINOGRAD_PIECES_H

#include "nn/layer.h"

enum {
    DSBI_WINO_PATCH = 6,   /* inputs of a piece, in each direction */
    DSBI_WINO_POINTS = 36, /* products */
    DSBI_WINO_GAP = 16     /* keeps the 36 arrays out of step: else they share few sets of caches */
};

/* How an output of shape `out` is cut, and where the input of a piece lies. */
typedef struct dsbi_wino_cut {
    dsbi_shape in, out;
    size_t taps, side; /* of the kernel and outputs of a piece in each direction, together 7 */
    size_t pad;        /* zeros before the first line and column of `in` */
    size_t across, image, pieces;
    size_t run; /* pieces transformed together, at most */
} dsbi_wino_cut;

dsbi_wino_cut dsbi_wino_forward_cut(const dsbi_node *node, size_t batch);
/* Of the gradient of the data: a convolution of dy. */
dsbi_wino_cut dsbi_wino_data_cut(const dsbi_node *node, size_t batch);

/* Elements of zeros that the transforms read where lines do not exist. */
size_t dsbi_wino_zeros(const dsbi_wino_cut *cut);

/* Pieces first .. first + count.
 * V [36, count, c], `point` elements from one of the 36 to the next, from x, or where
 * `normed` from what the norm in front makes of x (call->x_norm); */
void dsbi_wino_input(const dsbi_call *call, const dsbi_wino_cut *cut, void *v, size_t point,
                     const void *x, bool normed, const void *zeros, size_t first, size_t count);
/* D [36, count, n] from dy, whose pixels are added to `sums` unless NULL; */
void dsbi_wino_output_bwd(const dsbi_call *call, const dsbi_wino_cut *cut, void *d, size_t point,
                          void *sums, const void *dy, const void *zeros, size_t first,
                          size_t count);

/* Output channels [column, column + columns): y = the transform of M [36, count, columns] + bias +
 * from, then a ReLU. bias belongs to the first of them; from is laid out as y; both may be NULL. */
typedef struct dsbi_wino_out {
    void *y;
    const void *bias, *from;
    bool relu;
    size_t column, columns;
} dsbi_wino_out;
void dsbi_wino_output(const dsbi_call *call, const dsbi_wino_cut *cut, const dsbi_wino_out *out,
                      const void *m, size_t point, size_t first, size_t count);

/* First row of the output, or of the input (about), in the line of pieces that `piece` is in. */
size_t dsbi_wino_row(const dsbi_wino_cut *cut, dsbi_shape shape, size_t piece);

/* Adds what pieces first .. first + count read from, or write to, an array of images of `shape`. */
void dsbi_wino_fetch(const dsbi_call *call, const dsbi_wino_cut *cut, dsbi_fetch *fetch,
                     dsbi_shape shape, const void *array, size_t first, size_t count);

#endif
