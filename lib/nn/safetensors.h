/* safetensors, the format: u64 length N, N bytes of JSON, data. Read as strictly as the reference
 * (huggingface/safetensors, tensor.rs) and then some: duplicate names are refused. Written in the
 * reference's order, byte for byte. Files may come from anywhere: only the header is held in
 * memory, values are read block by block, and a file cut short meanwhile is an error, not a fault
 * (which is why it is not mapped). */
#ifndef DSBI_NN_SAFETENSORS_H
#define DSBI_NN_SAFETENSORS_H

#include "base/json.h"
#include "base/runtime.h"

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
    const uint8_t *bytes;    /* the whole file, borrowed; NULL: it is */
    int fd;                  /* an open file, else -1 */
    uint64_t data;           /* where the data begin */
    dsbi_st_tensor *tensors; /* in order of the header */
    uint32_t *by_name;       /* numbers of the tensors, sorted by name */
    size_t n;
} dsbi_safetensors;

/* Opens a file. DSB_E_FORMAT with what is wrong and where, DSB_E_LIMIT, NOMEM, NOTFOUND, IO; the
 * sentence begins with the path. */
dsb_status dsbi_st_open(dsb_runtime *rt, dsbi_safetensors *out, const char *path);
/* The same for bytes in memory, which must outlive `out`. */
dsb_status dsbi_st_parse(dsb_runtime *rt, dsbi_safetensors *out, const uint8_t *bytes, size_t size);
void dsbi_st_free(dsbi_safetensors *st);
const dsbi_st_tensor *dsbi_st_find(const dsbi_safetensors *st, const char *name);
const char *dsbi_st_dtype(const dsbi_st_tensor *tensor);
/* Names come from the file: only what prints, and not all of a long one. */
enum { DSBI_ST_SHOWN_NAME = 96 };
const char *dsbi_st_shown(const dsbi_st_tensor *tensor, char out[DSBI_ST_SHOWN_NAME]);

/* Values of an F32, F16 or BF16 tensor as floats, [tensor->size]. DSB_E_DTYPE for others, DSB_E_IO.
 */
dsb_status dsbi_st_read(const dsbi_safetensors *st, const dsbi_st_tensor *tensor, float *out);
/* Whether dsbi_st_read takes it: DSB_OK or DSB_E_DTYPE. */
dsb_status dsbi_st_check_real(const dsbi_st_tensor *tensor);
float dsbi_half_to_float(uint32_t half);
/* Nearest, ties to even; NaN stays NaN. */
uint32_t dsbi_float_to_bfloat(float value);

/* One tensor to write. `read` fills [size] floats. */
typedef enum dsbi_st_written { DSBI_ST_F32, DSBI_ST_BF16 } dsbi_st_written;
typedef struct dsbi_st_source {
    const char *name;
    dsbi_st_written dtype;
    size_t rank;
    const size_t *dims;
    size_t size;
    void (*read)(const void *user, float *out);
    const void *user;
} dsbi_st_source;

/* Where bytes go; keeps its own failures. */
typedef struct dsbi_st_sink {
    void (*put)(void *user, const void *bytes, size_t n_bytes);
    void *user;
} dsbi_st_sink;

/* Sorts `sources` as the file has them. `metadata`: pairs key, value ended by NULL, or NULL.
 * DSB_E_NOMEM, else DSB_OK. */
dsb_status dsbi_st_write(dsb_runtime *rt, const dsbi_st_sink *sink, dsbi_st_source *sources,
                         size_t n, const char *const *metadata);

#endif
