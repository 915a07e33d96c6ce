/* An .npy array of u8 images within a container, for the formats npy and npz. */
#ifndef DSBI_DATA_NPY_ARRAY_H
#define DSBI_DATA_NPY_ARRAY_H

#include "base/npy_header.h"
#include "data/pixel_arrays.h"
#include "data/labels.h"

/* The array whose .npy begins at byte `offset` of the container and has `size` bytes; option
 * layout=NHWC|NCHW|NHW says what its dimensions are. DSB_E_DTYPE, DSB_E_SHAPE, DSB_E_FORMAT. */
dsb_status dsbi_npy_array_read(dsbi_listing *listing, dsbi_array *out, dsbi_containers *files,
                               size_t container, uint64_t offset, uint64_t size);

#endif
