/* Element types of safetensors, in the reference's order (enum Dtype of tensor.rs): all are
 * checked, those with a kind are read. */
#ifndef DSBI_NN_ST_DTYPES_H
#define DSBI_NN_ST_DTYPES_H

#include <stdint.h>

typedef enum dsbi_st_kind {
    DSBI_ST_KIND_OTHER,
    DSBI_ST_KIND_F32,
    DSBI_ST_KIND_F16,
    DSBI_ST_KIND_BF16
} dsbi_st_kind;

typedef struct dsbi_st_dtype_row {
    const char *name;
    uint32_t bits;
    dsbi_st_kind kind;
} dsbi_st_dtype_row;

enum { DSBI_ST_DTYPES = 22 };
extern const dsbi_st_dtype_row dsbi_st_dtypes[DSBI_ST_DTYPES];

#endif
