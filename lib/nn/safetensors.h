/* safetensors, the format: u64 length N, N bytes of JSON, data. Read as strictly as the reference
 * (huggingface/safetensors, tensor.rs) and then some: duplicate names are refused. Written in the
 * reference's order, byte for byte. Files may come from anywhere. */
#ifndef DSBI_NN_SAFETENSORS_H
#define DSBI_NN_SAFETENSORS_H

#include "base/json.h"
#include "base/runtime.h"
#include "base/text.h"

enum { DSBI_ST_MAX_RANK = 8 };

typedef struct dsbi_st_tensor {
    const char *name; /* NUL-ended; may hold NULs inside */
    size_t name_size;
    uint32_t dtype; /* number in the list of dtypes */
    uint32_t rank;
    uint64_t dims[DSBI_ST_MAX_RANK];
    uint64_t size;       /* elements */
    uint64_t begin, end; /* bytes, relative to the data */
} dsbi_st_tensor;

typedef struct dsbi_safetensors {
    dsb_runtime *rt;
    dsbi_json *header;
    const uint8_t *data;     /* behind the header; borrowed from the caller's bytes */
    dsbi_st_tensor *tensors; /* in order of their data */
    uint32_t *by_name;       /* numbers of the tensors, sorted by name */
    size_t n;
} dsbi_safetensors;

/* `bytes` must outlive `out`. DSB_E_FORMAT with what is wrong and where, DSB_E_LIMIT, NOMEM. */
dsb_status dsbi_st_parse(dsb_runtime *rt, dsbi_safetensors *out, const uint8_t *bytes, size_t size);
void dsbi_st_free(dsbi_safetensors *st);
const dsbi_st_tensor *dsbi_st_find(const dsbi_safetensors *st, const char *name);
const char *dsbi_st_dtype(const dsbi_st_tensor *tensor);

/* Values of an F32, F16 or BF16 tensor as floats, [tensor->size]. DSB_E_DTYPE for others. */
dsb_status dsbi_st_read(const dsbi_safetensors *st, const dsbi_st_tensor *tensor, float *out);

/* One F32 tensor to write. `read` fills [size] floats. */
typedef struct dsbi_st_source {
    const char *name;
    size_t rank;
    const size_t *dims;
    size_t size;
    void (*read)(const void *user, float *out);
    const void *user;
} dsbi_st_source;

/* The whole file into `out`. Sorts `sources` by name. `metadata`: pairs key, value ended by NULL,
 * or NULL. */
void dsbi_st_write(dsbi_text *out, dsbi_st_source *sources, size_t n, const char *const *metadata);

#endif
