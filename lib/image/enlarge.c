/* See enlarge.h. First along the rows, eight bytes of the result at a time from sixteen of the
 * input, by a table that is the same for all rows; then from row to row. */
#include "image/enlarge.h"

#include <math.h>
#include <string.h>
#include "kernels/kernels.h"

/* Bytes of the result, and of the input that they may need; groups are made so many at a time. */
enum { GROUP = 8, WINDOW = 16, AT_ONCE = 8 };

typedef struct pair { /* out = (w0 in[first] + w1 in[second] + 128) / 256 */
    uint32_t first, second, w0, w1;
} pair;

/* Taps of output index i: box [in0, in0 + scale * n) of n_in values. */
static pair pair_of(uint32_t i, double in0, double scale, uint32_t n_in)
{
    double at = in0 + (i + 0.5) * scale - 0.5;
    double last = n_in - 1.0;
    at = at < 0.0 ? 0.0 : at > last ? last : at;
    const uint32_t first = (uint32_t)at;
    const uint32_t w1 = (uint32_t)((at - first) * 256.0 + 0.5);
    if (w1 == 0) /* weights are below 256: the same value twice */
        return (pair){first, first, 255, 1};
    if (w1 == 256)
        return (pair){first + 1, first + 1, 255, 1};
    return (pair){first, first + 1, 256 - w1, w1};
}

typedef struct table { /* of the kernel: [groups], [groups, 16], [groups, 16] */
    uint32_t *at;
    uint8_t *pick, *weights;
    size_t groups;
} table;

/* Bytes of output pixels [x0, x1) as they are seen, mirrored or not: `pairs` has one a pixel. */
static void fill_table(table *t, const pair *pairs, bool mirror, uint32_t width, size_t row_bytes)
{
    const size_t n = (size_t)width * 3;
    for (size_t g = 0; g < t->groups; g++) {
        uint8_t *pick = t->pick + g * WINDOW, *weights = t->weights + g * WINDOW;
        const size_t from = g * GROUP < n ? g * GROUP : n - 1; /* behind the row: anything */
        const size_t to = from + GROUP - 1 < n ? from + GROUP - 1 : n - 1;
        const size_t left = (size_t)pairs[mirror ? width - 1 - to / 3 : from / 3].first * 3;
        const size_t at = left + WINDOW <= row_bytes ? left : row_bytes - WINDOW;
        t->at[g] = (uint32_t)at;
        size_t x = from / 3, channel = from % 3;
        for (size_t j = 0; j < WINDOW; j += 2) {
            const pair *p = &pairs[mirror ? width - 1 - x : x];
            pick[j] = (uint8_t)(p->first * 3 + channel - at);
            pick[j + 1] = (uint8_t)(p->second * 3 + channel - at);
            weights[j] = (uint8_t)p->w0;
            weights[j + 1] = (uint8_t)p->w1;
            if (channel < 2) {
                channel++;
            } else if (x + 1 < width) {
                channel = 0;
                x++;
            }
        }
    }
}

bool dsbi_region_can_stretch(const dsbi_region *in, const dsbi_resize_window *want,
                             const double box[4])
{
    return box[2] - box[0] <= want->full_width && box[3] - box[1] <= want->full_height &&
           (size_t)in->width * 3 >= WINDOW;
}

static size_t rounded(size_t n)
{
    return (n + DSBI_ALIGN - 1) / DSBI_ALIGN * DSBI_ALIGN;
}

dsb_status dsbi_region_stretch(dsb_runtime *rt, uint8_t *out, const dsbi_region *in,
                               const dsbi_resize_window *want, const double box[4],
                               dsbi_scratch *scratch)
{
    const dsbi_kernels *kernels = dsbi_kernels_of(rt);
    const size_t row = (size_t)want->width * 3;
    const size_t groups = (row + AT_ONCE * GROUP - 1) / (AT_ONCE * GROUP) * AT_ONCE;
    const size_t lead = rounded(groups * GROUP);
    const double x_scale = (box[2] - box[0]) / want->full_width;
    const double y_scale = (box[3] - box[1]) / want->full_height;
    const uint32_t first = pair_of(want->y, box[1], y_scale, in->height).first;
    const uint32_t last = pair_of(want->y + want->height - 1, box[1], y_scale, in->height).second;
    const size_t n_rows = last - first + 1, table_bytes = rounded(groups * sizeof(uint32_t));
    const size_t pairs_bytes = rounded(want->width * sizeof(pair));
    uint8_t *memory = dsbi_scratch_reserve(
        rt, scratch, pairs_bytes + table_bytes + 2 * groups * WINDOW + n_rows * lead);
    if (!memory)
        return DSB_E_NOMEM;
    pair *pairs = (pair *)(void *)memory;
    memory += pairs_bytes;
    table t = {(uint32_t *)(void *)memory, memory + table_bytes,
               memory + table_bytes + groups * WINDOW, groups};
    uint8_t *middle = t.weights + groups * WINDOW; /* [n_rows, lead] */
    for (uint32_t x = 0; x < want->width; x++)
        pairs[x] = pair_of(want->x + x, box[0], x_scale, in->width);
    fill_table(&t, pairs, want->mirror, want->width, (size_t)in->width * 3);
    for (size_t y = 0; y < n_rows; y++)
        kernels->stretch_u8(middle + y * lead, in->data + (first + y) * in->stride, t.at, t.pick,
                            t.weights, groups);
    for (uint32_t y = 0; y < want->height; y++) {
        const pair p = pair_of(want->y + y, box[1], y_scale, in->height);
        kernels->blend_u8(out + y * row, middle + (p.first - first) * lead,
                          middle + (p.second - first) * lead, p.w0, p.w1, row);
    }
    return DSB_OK;
}
