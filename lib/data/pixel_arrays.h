/* Images that lie in containers as records of equal size: arrays and record files. A layout is a
 * text in the order of storage, slowest first: letters Y (rows), X (columns), C (channels: 1 or 3),
 * each with its length, and before or behind them L1 (a label byte) and B (bytes of no interest).
 *
 *     Y28X28      MNIST            C3Y32X32  planes, row by row
 *     L1C3Y32X32  CIFAR-10         C3X96Y96  planes, column by column (STL-10, Tiny Images)
 */
#ifndef DSBI_DATA_PIXEL_ARRAYS_H
#define DSBI_DATA_PIXEL_ARRAYS_H

#include "data/containers.h"
#include "data/format.h"

typedef struct dsbi_layout {
    uint64_t record_bytes;
    uint64_t pixels_at;              /* first pixel byte of a record */
    uint64_t label_at;               /* label byte of a record; UINT64_MAX: none */
    uint32_t width, height;          /* 1..65535 */
    uint32_t channels;               /* 1 or 3 */
    uint64_t step_x, step_y, step_c; /* bytes from a pixel to the next */
} dsbi_layout;

/* DSB_E_INVALID with the place in the text. */
dsb_status dsbi_layout_parse(dsbi_layout *out, const char *text);
/* Bytes of the pixels of a record. */
uint64_t dsbi_layout_pixel_bytes(const dsbi_layout *layout);

typedef struct dsbi_array {
    dsbi_layout layout;
    uint64_t first; /* byte of record 0 */
    uint64_t n;
} dsbi_array;

/* State of such a format: array c lies in container c. */
typedef struct dsbi_arrays {
    dsbi_containers files;
    dsbi_array *items; /* [n] */
    size_t n, capacity;
} dsbi_arrays;

dsb_status dsbi_arrays_create(dsb_runtime *rt, dsbi_arrays **out, const dsbi_origin *origin);
/* For container files.n - 1, which becomes a witness of the index; DSB_E_LIMIT when a record passes
 * max_file_bytes. */
dsb_status dsbi_arrays_add(dsbi_arrays *self, dsbi_listing *listing, const dsbi_array *array);
/* Lists the records of array c; `labels` [n] or NULL. Paths are "PREFIX/00012", or "000012" without
 * a prefix. */
dsb_status dsbi_arrays_list(dsbi_arrays *self, dsbi_listing *listing, size_t c, const char *prefix,
                            const uint32_t *labels);

/* The end of `open`: hands the state out, or closes it and says where it failed. */
dsb_status dsbi_arrays_opened(dsb_runtime *rt, void **state, dsbi_arrays *self, dsb_status status,
                              const dsbi_origin *origin);
/* `reopen`, `close` and `decode` of the format. Reopening reads headers and labels again, and
 * unpacks what is packed, but lists and hashes nothing. */
dsb_status dsbi_arrays_reopen(dsb_runtime *rt, void **state, const dsb_dataset *dataset);
void dsbi_arrays_close(dsb_runtime *rt, void *state);
dsb_status dsbi_arrays_decode(void *state, dsb_runtime *rt, dsbi_image *out, dsb_image_info *info,
                              const dsbi_member *member);

#endif
