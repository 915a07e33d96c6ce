/* See safetensors.h. Layout of a file:
 *     u64 LE N <= 100 000 000;  N bytes JSON, first byte '{', may end in spaces;  data
 *     {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, ...,
 *      "__metadata__": {string: string}}
 * Sorted by offset the tensors cover the data without hole or overlap, to the last byte. */
#include "nn/safetensors.h"

#include <string.h>
#include <unistd.h>
#include "base/file.h"
#include "base/sort.h"
#include "nn/st_dtypes.h"

#define MAX_HEADER ((uint64_t)100000000)
/* JSON values of a header, some ten a tensor: what takes two bytes of a hostile header takes 48 of
 * memory. */
enum { HEAD_BYTES = 8, MAX_VALUES = 1 << 22 };

const char *dsbi_st_shown(const dsbi_st_tensor *tensor, char out[DSBI_ST_SHOWN_NAME])
{
    size_t n = 0;
    for (; n < tensor->name_size && n < DSBI_ST_SHOWN_NAME - 1; n++) {
        const char c = tensor->name[n];
        out[n] = c >= 32 && c < 127 ? c : '?';
    }
    out[n] = 0;
    return out;
}

static uint64_t read_u64(const uint8_t *bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value |= (uint64_t)bytes[i] << 8 * i;
    return value;
}

static dsb_status read_shape(dsbi_st_tensor *tensor, const dsbi_json_value *shape)
{
    char name[DSBI_ST_SHOWN_NAME];
    tensor->size = 1;
    if (dsbi_json_type_of(shape) != DSBI_JSON_ARRAY)
        return dsbi_fail(DSB_E_FORMAT, "safetensors: %s: no shape", dsbi_st_shown(tensor, name));
    if (dsbi_json_count(shape) > DSBI_ST_MAX_RANK)
        return dsbi_fail(DSB_E_LIMIT, "safetensors: %s: %zu dimensions, at most %d",
                         dsbi_st_shown(tensor, name), dsbi_json_count(shape), DSBI_ST_MAX_RANK);
    for (const dsbi_json_value *v = dsbi_json_first(shape); v; v = dsbi_json_next(v)) {
        uint64_t dim;
        if (!dsbi_json_uint64(v, &dim))
            return dsbi_fail(DSB_E_FORMAT, "safetensors: %s: dimension %u is no count",
                             dsbi_st_shown(tensor, name), tensor->rank);
        if (__builtin_mul_overflow(tensor->size, dim, &tensor->size))
            return dsbi_fail(DSB_E_FORMAT,
                             "safetensors: %s: the product of its dimensions overflows",
                             dsbi_st_shown(tensor, name));
        tensor->dims[tensor->rank++] = dim;
    }
    return DSB_OK;
}

static dsb_status read_dtype(dsbi_st_tensor *tensor, const dsbi_json_value *value)
{
    char name[DSBI_ST_SHOWN_NAME];
    size_t size;
    const char *text = dsbi_json_string(value, &size);
    for (tensor->dtype = 0; text && tensor->dtype < DSBI_ST_DTYPES; tensor->dtype++)
        if (strlen(dsbi_st_dtypes[tensor->dtype].name) == size &&
            memcmp(dsbi_st_dtypes[tensor->dtype].name, text, size) == 0)
            return DSB_OK;
    return dsbi_fail(DSB_E_FORMAT, "safetensors: %s: %s dtype", dsbi_st_shown(tensor, name),
                     text ? "unknown" : "no");
}

static dsb_status read_offsets(dsbi_st_tensor *tensor, const dsbi_json_value *offsets)
{
    char name[DSBI_ST_SHOWN_NAME];
    const dsbi_json_value *begin = dsbi_json_first(offsets), *end = dsbi_json_next(begin);
    if (dsbi_json_type_of(offsets) != DSBI_JSON_ARRAY || dsbi_json_count(offsets) != 2 ||
        !dsbi_json_uint64(begin, &tensor->begin) || !dsbi_json_uint64(end, &tensor->end))
        return dsbi_fail(DSB_E_FORMAT, "safetensors: %s: data_offsets are not two counts",
                         dsbi_st_shown(tensor, name));
    const uint64_t bits_each = dsbi_st_dtypes[tensor->dtype].bits;
    uint64_t bits;
    if (__builtin_mul_overflow(tensor->size, bits_each, &bits))
        return dsbi_fail(DSB_E_FORMAT, "safetensors: %s: its size overflows",
                         dsbi_st_shown(tensor, name));
    if (bits % 8 != 0)
        return dsbi_fail(DSB_E_FORMAT, "safetensors: %s: %llu bits are no whole bytes",
                         dsbi_st_shown(tensor, name), (unsigned long long)bits);
    if (tensor->end < tensor->begin || tensor->end - tensor->begin != bits / 8)
        return dsbi_fail(DSB_E_FORMAT,
                         "safetensors: %s: offsets %llu to %llu, but %llu bytes of data",
                         dsbi_st_shown(tensor, name), (unsigned long long)tensor->begin,
                         (unsigned long long)tensor->end, (unsigned long long)(bits / 8));
    return DSB_OK;
}

static dsb_status read_tensor(dsbi_st_tensor *tensor, const dsbi_json_value *member)
{
    char name[DSBI_ST_SHOWN_NAME];
    tensor->name = dsbi_json_key(member, &tensor->name_size);
    if (dsbi_json_type_of(member) != DSBI_JSON_OBJECT)
        return dsbi_fail(DSB_E_FORMAT, "safetensors: %s: not an object",
                         dsbi_st_shown(tensor, name));
    DSBI_TRY(read_dtype(tensor, dsbi_json_get(member, "dtype")));
    DSBI_TRY(read_shape(tensor, dsbi_json_get(member, "shape")));
    return read_offsets(tensor, dsbi_json_get(member, "data_offsets"));
}

static dsb_status check_metadata(const dsbi_json_value *metadata)
{
    if (dsbi_json_type_of(metadata) == DSBI_JSON_NULL)
        return DSB_OK;
    if (dsbi_json_type_of(metadata) != DSBI_JSON_OBJECT)
        return dsbi_fail(DSB_E_FORMAT, "safetensors: __metadata__ is no object");
    for (const dsbi_json_value *v = dsbi_json_first(metadata); v; v = dsbi_json_next(v))
        if (dsbi_json_type_of(v) != DSBI_JSON_STRING)
            return dsbi_fail(DSB_E_FORMAT,
                             "safetensors: __metadata__ holds a value that is no string");
    return DSB_OK;
}

static int by_offset(const void *a, const void *b, void *user)
{
    const dsbi_st_tensor *tensors = user, *x = &tensors[*(const uint32_t *)a],
                         *y = &tensors[*(const uint32_t *)b];
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

static int compare_name(const char *a, size_t a_size, const char *b, size_t b_size)
{
    const int order = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return order ? order : a_size < b_size ? -1 : a_size > b_size;
}

static int by_name(const void *a, const void *b, void *user)
{
    const dsbi_st_tensor *tensors = user, *x = &tensors[*(const uint32_t *)a],
                         *y = &tensors[*(const uint32_t *)b];
    return compare_name(x->name, x->name_size, y->name, y->name_size);
}

/* Sorted by offset the tensors must follow each other from 0 to the end of the data. */
static dsb_status check_cover(dsbi_safetensors *st, uint64_t data_size)
{
    char name[DSBI_ST_SHOWN_NAME];
    uint64_t end = 0;
    dsbi_sort(st->by_name, st->n, sizeof *st->by_name, by_offset, st->tensors);
    for (size_t i = 0; i < st->n; i++) {
        const dsbi_st_tensor *tensor = &st->tensors[st->by_name[i]];
        if (tensor->begin != end)
            return dsbi_fail(DSB_E_FORMAT,
                             "safetensors: %s begins at %llu, the one before ends at %llu",
                             dsbi_st_shown(tensor, name), (unsigned long long)tensor->begin,
                             (unsigned long long)end);
        end = tensor->end;
    }
    if (end != data_size)
        return dsbi_fail(DSB_E_FORMAT,
                         "safetensors: the tensors take %llu bytes, the file has %llu",
                         (unsigned long long)end, (unsigned long long)data_size);
    dsbi_sort(st->by_name, st->n, sizeof *st->by_name, by_name, st->tensors);
    return DSB_OK;
}

static dsb_status read_entries(dsbi_safetensors *st)
{
    const dsbi_json_value *root = dsbi_json_root(st->header);
    const size_t most = dsbi_json_count(root);
    if (most >= UINT32_MAX)
        return dsbi_fail(DSB_E_LIMIT, "safetensors: %zu tensors", most);
    st->tensors = dsbi_calloc(st->rt, most + 1, sizeof *st->tensors);
    st->by_name = dsbi_alloc_array(st->rt, most + 1, sizeof *st->by_name);
    if (!st->tensors || !st->by_name)
        return DSB_E_NOMEM;
    for (const dsbi_json_value *v = dsbi_json_first(root); v; v = dsbi_json_next(v)) {
        size_t size;
        const char *key = dsbi_json_key(v, &size);
        if (size == 12 && memcmp(key, "__metadata__", 12) == 0) {
            DSBI_TRY(check_metadata(v));
            continue;
        }
        st->by_name[st->n] = (uint32_t)st->n;
        DSBI_TRY(read_tensor(&st->tensors[st->n++], v));
    }
    return DSB_OK;
}

static dsb_status check_length(uint64_t n, uint64_t size)
{
    if (n > MAX_HEADER)
        return dsbi_fail(DSB_E_FORMAT, "safetensors: a header of %llu bytes, at most %llu",
                         (unsigned long long)n, (unsigned long long)MAX_HEADER);
    if (n > size - HEAD_BYTES)
        return dsbi_fail(DSB_E_FORMAT, "safetensors: a header of %llu bytes in a file of %llu",
                         (unsigned long long)n, (unsigned long long)size);
    return DSB_OK;
}

/* `header` is read and let go; the tensors live on in st->header. */
static dsb_status parse_header(dsbi_safetensors *st, const char *header, size_t n, uint64_t size)
{
    if (n == 0 || header[0] != '{')
        return dsbi_fail(DSB_E_FORMAT, "safetensors: the header does not begin with {");
    DSBI_TRY(dsbi_fail_at(dsbi_json_parse_most(st->rt, &st->header, header, n, MAX_VALUES),
                          "safetensors header"));
    st->data = HEAD_BYTES + n;
    DSBI_TRY(read_entries(st));
    return check_cover(st, size - HEAD_BYTES - n);
}

dsb_status dsbi_st_parse(dsb_runtime *rt, dsbi_safetensors *out, const uint8_t *bytes, size_t size)
{
    *out = (dsbi_safetensors){.rt = rt, .fd = -1, .bytes = bytes};
    if (size < HEAD_BYTES)
        return dsbi_fail(DSB_E_FORMAT, "safetensors: %zu bytes, too short for a header", size);
    const uint64_t n = read_u64(bytes);
    dsb_status status = check_length(n, size);
    if (status == DSB_OK)
        status = parse_header(out, (const char *)bytes + HEAD_BYTES, (size_t)n, size);
    if (status != DSB_OK)
        dsbi_st_free(out);
    return status;
}

/* Reads the header of the open file and no more. */
static dsb_status read_file(dsbi_safetensors *st, uint64_t size)
{
    uint8_t head[HEAD_BYTES];
    if (size < HEAD_BYTES)
        return dsbi_fail(DSB_E_FORMAT, "safetensors: %llu bytes, too short for a header",
                         (unsigned long long)size);
    DSBI_TRY(dsbi_pread_all(st->fd, head, sizeof head, 0, "safetensors"));
    const uint64_t n = read_u64(head);
    DSBI_TRY(check_length(n, size));
    char *header = dsbi_alloc(st->rt, (size_t)n);
    if (!header)
        return DSB_E_NOMEM;
    dsb_status status = dsbi_pread_all(st->fd, header, (size_t)n, HEAD_BYTES, "safetensors header");
    if (status == DSB_OK)
        status = parse_header(st, header, (size_t)n, size);
    dsbi_free(st->rt, header);
    return status;
}

dsb_status dsbi_st_open(dsb_runtime *rt, dsbi_safetensors *out, const char *path)
{
    uint64_t size;
    *out = (dsbi_safetensors){.rt = rt, .fd = -1};
    dsb_status status = dsbi_open_file(&out->fd, &size, path);
    if (status == DSB_OK)
        status = dsbi_fail_at(read_file(out, size), "%s", path);
    if (status != DSB_OK)
        dsbi_st_free(out);
    return status;
}

void dsbi_st_free(dsbi_safetensors *st)
{
    if (st->fd >= 0)
        close(st->fd);
    dsbi_json_free(st->header);
    dsbi_free(st->rt, st->tensors);
    dsbi_free(st->rt, st->by_name);
    *st = (dsbi_safetensors){.rt = st->rt, .fd = -1};
}

const dsbi_st_tensor *dsbi_st_find(const dsbi_safetensors *st, const char *name)
{
    const size_t size = strlen(name);
    for (size_t low = 0, high = st->n; low < high;) {
        const size_t middle = low + (high - low) / 2;
        const dsbi_st_tensor *tensor = &st->tensors[st->by_name[middle]];
        const int order = compare_name(name, size, tensor->name, tensor->name_size);
        if (order == 0)
            return tensor;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}
