/* The head of a NumPy .npy file: magic, version, a Python dict literal (NEP 1; versions 1 to 3). It
 * is matched by a small parser, never evaluated. The data follow at `offset`. */
#ifndef DSBI_BASE_NPY_HEADER_H
#define DSBI_BASE_NPY_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/status.h"

enum { DSBI_NPY_MAX_DIMS = 8, DSBI_NPY_MAX_HEADER = 65536 };

typedef struct dsbi_npy_header {
    char kind;         /* 'i' 'u' 'f' 'b' */
    size_t item_bytes; /* 1, 2, 4 or 8 */
    bool big_endian, fortran;
    size_t shape[DSBI_NPY_MAX_DIMS];
    size_t n_dims; /* at least 1 */
    size_t offset; /* of the first element */
} dsbi_npy_header;

/* `bytes`: the first `size` bytes of a file; DSBI_NPY_MAX_HEADER of them suffice. DSB_E_FORMAT,
 * DSB_E_DTYPE (structures, objects, strings, complex numbers), DSB_E_SHAPE (no or too many
 * dimensions), DSB_E_UNSUPPORTED (version), DSB_E_LIMIT (a longer header). */
dsb_status dsbi_npy_header_read(dsbi_npy_header *out, const uint8_t *bytes, size_t size);

/* Whether the array's elements fit into a file of `file_bytes`; false too when the sizes overflow.
 */
bool dsbi_npy_fits(const dsbi_npy_header *header, uint64_t file_bytes);

/* An element of kind 'i', 'u' or 'b'; unsigned ones above INT64_MAX come out as INT64_MAX. */
int64_t dsbi_npy_integer(const dsbi_npy_header *header, const uint8_t *element);
/* The bits of an element as an unsigned number. */
uint64_t dsbi_npy_bits(const dsbi_npy_header *header, const uint8_t *element);

#endif
