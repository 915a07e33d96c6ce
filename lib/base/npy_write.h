/* Writing NumPy's .npy, version 1.0, as numpy.save does, byte for byte: C order, little endian. */
#ifndef DSBI_BASE_NPY_WRITE_H
#define DSBI_BASE_NPY_WRITE_H

#include <stddef.h>
#include "base/status.h"

/* Elements that are written; the machine's own are little endian on every machine we run on, and
 * turned round where not. */
typedef enum dsbi_npy_type { DSBI_NPY_F32, DSBI_NPY_U32, DSBI_NPY_I64 } dsbi_npy_type;

/* The file appears whole or not at all. `shape` [n_dims], 1 to 8 of them. As
 * dsbi_file_write_atomic. */
dsb_status dsbi_npy_write(dsb_runtime *rt, const char *path, dsbi_npy_type type,
                          const size_t *shape, size_t n_dims, const void *data);

#endif
