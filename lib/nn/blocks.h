/* Cutting work into tasks. Cuts depend on sizes only, never on the number of threads; sums over
 * tasks go to partial results of their own and are added up in task order. */
#ifndef DSBI_NN_BLOCKS_H
#define DSBI_NN_BLOCKS_H

#include "nn/layer.h"

/* A range of units (rows, images, elements) of one call. */
typedef dsb_status (*dsbi_range_fn)(const dsbi_call *call, const void *job, size_t first,
                                    size_t count, size_t worker);

/* Runs fn over [0, n) in ranges of `step` (the last may be shorter). */
dsb_status dsbi_ranges(const dsbi_call *call, const void *job, size_t n, size_t step,
                       dsbi_range_fn fn);

/* How many units make a task, for `n` units of `unit_elements` each. */
size_t dsbi_range_step(size_t n, size_t unit_elements);

/* fn over the images of the batch, whose work is about that of their input's elements. */
dsb_status dsbi_images(const dsbi_call *call, const void *job, dsbi_range_fn fn);

/* How many units make a task that sums into a partial result of `partial` elements: as
 * dsbi_range_step, but with few enough tasks that the partial results stay small. */
size_t dsbi_partial_step(size_t n, size_t unit_elements, size_t partial);
/* No cut makes more partial results. */
enum { DSBI_MOST_PARTIALS = 64 };
/* The most pieces dsbi_partial_step makes of n units or fewer. */
size_t dsbi_partial_most(size_t n, size_t unit_elements, size_t partial);

static inline size_t dsbi_pieces(size_t n, size_t step)
{
    return (n + step - 1) / step;
}

/* The step that cuts n into nearly equal pieces of about `step`, or less, or (longer) more, a
 * number of them that two or four threads share: a short piece at the end or an odd one leaves a
 * thread waiting. No more than most_pieces, which `step` keeps to. */
enum { DSBI_SHARE = 4 };
size_t dsbi_even_step(size_t n, size_t step, bool longer, size_t most_pieces);

/* Scratch memory: where the next `elements` lie, in elements; they begin at whole vectors. */
static inline size_t dsbi_take(size_t *end, size_t elements)
{
    const size_t at = *end;
    *end += (elements + 15) / 16 * 16;
    return at;
}

/* out[i] += sum over p of partials[p * stride + i], in the order of p; nothing where out is NULL.
 */
dsb_status dsbi_reduce(const dsbi_call *call, void *out, const void *partials, size_t n_partials,
                       size_t stride, size_t n);

/* The same for two gradients whose partial results lie one behind the other, in one job. What is
 * fresh is written, not added to. */
typedef struct dsbi_sum {
    void *out;
    size_t n;
    bool fresh;
} dsbi_sum;
dsb_status dsbi_reduce_both(const dsbi_call *call, dsbi_sum first, dsbi_sum second,
                            const void *partials, size_t n_partials, size_t stride);

#endif
