/* See winograd_pieces.h. */
#include "nn/winograd_pieces.h"

#include "base/sizes.h"
#include "nn/blocks.h"
#include "nn/norm.h"

enum { PATCH = DSBI_WINO_PATCH, MOST_SIDE = 4 };

static dsbi_wino_cut cut_pieces(size_t batch, dsbi_shape in, dsbi_shape out, size_t taps,
                                size_t pad)
{
    const size_t side = PATCH + 1 - taps;
    const size_t across = dsbi_pieces(out.w, side), down = dsbi_pieces(out.h, side);
    const size_t run = dsbi_pieces(across, dsbi_pieces(across, WINO_RUN)); /* 7 + 7, not 8 + 6 */
    return (dsbi_wino_cut){in, out, taps, side, pad, across, down * across, batch * down * across,
                           run};
}

dsbi_wino_cut dsbi_wino_forward_cut(const dsbi_node *node, size_t batch)
{
    const dsbi_attrs *a = &node->attrs;
    return cut_pieces(batch, node->in, node->out, a->kernel, a->pad);
}

dsbi_wino_cut dsbi_wino_data_cut(const dsbi_node *node, size_t batch)
{
    const dsbi_attrs *a = &node->attrs;
    return cut_pieces(batch, node->out, node->in, a->kernel, a->kernel - 1 - a->pad);
}

size_t dsbi_wino_zeros(const dsbi_wino_cut *cut)
{
    const size_t c = cut->in.c > cut->out.c ? cut->in.c : cut->out.c;
    return (WINO_RUN * MOST_SIDE + PATCH - MOST_SIDE) * c;
}

size_t dsbi_wino_row(const dsbi_wino_cut *cut, dsbi_shape shape, size_t piece)
{
    const size_t line = piece % cut->image / cut->across * cut->side;
    return (piece / cut->image * shape.h + dsbi_smaller(line, shape.h)) * shape.w;
}

/* Pieces side by side: `count` of them, the first output of the first one and its image. */
typedef struct wino_place {
    size_t count, image, line, column;
} wino_place;

/* From `piece` on, no more than `most`. */
static wino_place place_of(const dsbi_wino_cut *cut, size_t piece, size_t most)
{
    const size_t in_image = piece % cut->image, in_line = in_image % cut->across;
    const size_t left = cut->across - in_line, whole = cut->run - in_line % cut->run;
    const size_t count = whole < left ? whole : left;
    return (wino_place){.count = count < most ? count : most,
                        .image = piece / cut->image,
                        .line = in_image / cut->across * cut->side,
                        .column = in_line * cut->side};
}

/* Where `n` lines of an array of images begin, the first being number `line` - pad, at column
 * `column`; `zeros` for those outside. */
static void find_lines(const dsbi_call *call, const void *lines[], size_t n, const void *x,
                       const void *zeros, dsbi_shape shape, size_t image, size_t line, size_t pad,
                       size_t column)
{
    for (size_t i = 0; i < n; i++) {
        const size_t at = line + i - pad; /* beyond any line where it would be below 0 */
        lines[i] = at < shape.h
                       ? dsbi_at(call, x, ((image * shape.h + at) * shape.w + column) * shape.c)
                       : zeros;
    }
}

void dsbi_wino_input(const dsbi_call *call, const dsbi_wino_cut *cut, void *v, size_t point,
                     const void *x, bool normed, const void *zeros, size_t first, size_t count)
{
    const size_t c = cut->in.c;
    const void *scale = normed ? dsbi_norm_vector(call, call->x_norm, DSBI_NORM_SCALE, c) : NULL;
    const void *shift = normed ? dsbi_norm_vector(call, call->x_norm, DSBI_NORM_SHIFT, c) : NULL;
    dsbi_wino_run run = {.side = cut->side, .n = c, .point = point, .piece = c, .pixel = c};
    for (size_t t = 0; t < count; t += run.pieces) {
        const wino_place p = place_of(cut, first + t, count - t);
        const size_t columns = p.count * cut->side + PATCH - cut->side;
        const size_t end = dsbi_smaller(p.column + columns, cut->in.w + cut->pad); /* with zeros */
        run.pieces = p.count;
        run.before = p.column < cut->pad ? cut->pad - p.column : 0;
        run.there = end > p.column + run.before ? end - p.column - run.before : 0;
        const void *lines[PATCH];
        find_lines(call, lines, PATCH, x, normed ? NULL : zeros, cut->in, p.image, p.line, cut->pad,
                   run.there ? p.column + run.before - cut->pad : 0);
        call->math->wino_input(dsbi_kernels_of(call->rt), dsbi_at(call, v, t * c), lines, scale,
                               shift, call->x_relu, run);
    }
}

void dsbi_wino_output_bwd(const dsbi_call *call, const dsbi_wino_cut *cut, void *d, size_t point,
                          void *sums, const void *dy, const void *zeros, size_t first, size_t count)
{
    const size_t n = cut->out.c;
    dsbi_wino_run run = {.side = cut->side, .n = n, .point = point, .piece = n, .pixel = n};
    for (size_t t = 0; t < count; t += run.pieces) {
        const wino_place p = place_of(cut, first + t, count - t);
        run.pieces = p.count;
        run.there = dsbi_smaller(p.count * cut->side, cut->out.w - p.column);
        const void *lines[MOST_SIDE];
        find_lines(call, lines, cut->side, dy, zeros, cut->out, p.image, p.line, 0, p.column);
        call->math->wino_output_bwd(dsbi_kernels_of(call->rt), dsbi_at(call, d, t * n), sums, lines,
                                    run);
    }
}

void dsbi_wino_output(const dsbi_call *call, const dsbi_wino_cut *cut, const dsbi_wino_out *out,
                      const void *m, size_t point, size_t first, size_t count)
{
    const size_t n = cut->out.c;
    dsbi_wino_run run = {
        .side = cut->side, .n = out->columns, .point = point, .piece = out->columns, .pixel = n};
    for (size_t t = 0; t < count; t += run.pieces) {
        const wino_place p = place_of(cut, first + t, count - t);
        const size_t row = (p.image * cut->out.h + p.line) * cut->out.w + p.column;
        const size_t at = row * n + out->column;
        run.pieces = p.count;
        run.there = dsbi_smaller(p.count * cut->side, cut->out.w - p.column);
        call->math->wino_output(dsbi_kernels_of(call->rt), dsbi_at(call, out->y, at),
                                cut->out.w * n, dsbi_smaller(cut->side, cut->out.h - p.line),
                                dsbi_at(call, m, t * out->columns), out->bias,
                                out->from ? dsbi_at(call, out->from, at) : NULL, out->relu, run);
    }
}

void dsbi_wino_fetch(const dsbi_call *call, const dsbi_wino_cut *cut, dsbi_fetch *fetch,
                     dsbi_shape shape, const void *array, size_t first, size_t count)
{
    if (count == 0)
        return;
    const size_t end = dsbi_wino_row(cut, shape, first + count);
    fetch->at[fetch->n] = dsbi_at(call, array, dsbi_wino_row(cut, shape, first) * shape.c);
    fetch->end[fetch->n++] = dsbi_at(call, array, end * shape.c);
}
