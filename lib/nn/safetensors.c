/* See safetensors.h. Layout of a file:
 *     u64 LE N <= 100 000 000;  N bytes JSON, first byte '{', may end in spaces;  data
 *     {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, ...,
 *      "__metadata__": {string: string}}
 * Sorted by offset the tensors cover the data without hole or overlap, to the last byte. */
#include "nn/safetensors.h"

#include <string.h>
#include "base/json_write.h"
#include "base/sort.h"

#define MAX_HEADER ((uint64_t)100000000)
enum { HEAD_BYTES = 8, SHOWN_NAME = 80 };

typedef enum st_kind { KIND_OTHER, KIND_F32, KIND_F16, KIND_BF16 } st_kind;

static const struct st_dtype {
    const char *name;
    uint32_t bits;
    st_kind kind;
} dtypes[] = {
    {"BOOL", 8, KIND_OTHER},        {"F4", 4, KIND_OTHER},          {"F6_E2M3", 6, KIND_OTHER},
    {"F6_E3M2", 6, KIND_OTHER},     {"U8", 8, KIND_OTHER},          {"I8", 8, KIND_OTHER},
    {"F8_E5M2", 8, KIND_OTHER},     {"F8_E4M3", 8, KIND_OTHER},     {"F8_E8M0", 8, KIND_OTHER},
    {"F8_E4M3FNUZ", 8, KIND_OTHER}, {"F8_E5M2FNUZ", 8, KIND_OTHER}, {"I16", 16, KIND_OTHER},
    {"U16", 16, KIND_OTHER},        {"F16", 16, KIND_F16},          {"BF16", 16, KIND_BF16},
    {"I32", 32, KIND_OTHER},        {"U32", 32, KIND_OTHER},        {"F32", 32, KIND_F32},
    {"C64", 64, KIND_OTHER},        {"F64", 64, KIND_OTHER},        {"I64", 64, KIND_OTHER},
    {"U64", 64, KIND_OTHER},
};
enum { N_DTYPES = sizeof dtypes / sizeof dtypes[0] };

/* Names come from the file: only what prints, and not all of a long one. */
static const char *shown(const dsbi_st_tensor *tensor, char out[SHOWN_NAME])
{
    size_t n = 0;
    for (; n < tensor->name_size && n < SHOWN_NAME - 1; n++) {
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
    char name[SHOWN_NAME];
    tensor->size = 1;
    if (dsbi_json_type_of(shape) != DSBI_JSON_ARRAY)
        return dsbi_fail(DSB_E_FORMAT, "safetensors: %s: no shape", shown(tensor, name));
    if (dsbi_json_count(shape) > DSBI_ST_MAX_RANK)
        return dsbi_fail(DSB_E_LIMIT, "safetensors: %s: %zu dimensions, at most %d",
                         shown(tensor, name), dsbi_json_count(shape), DSBI_ST_MAX_RANK);
    for (const dsbi_json_value *v = dsbi_json_first(shape); v; v = dsbi_json_next(v)) {
        uint64_t dim;
        if (!dsbi_json_uint64(v, &dim))
            return dsbi_fail(DSB_E_FORMAT, "safetensors: %s: dimension %u is no count",
                             shown(tensor, name), tensor->rank);
        if (__builtin_mul_overflow(tensor->size, dim, &tensor->size))
            return dsbi_fail(DSB_E_FORMAT,
                             "safetensors: %s: the product of its dimensions overflows",
                             shown(tensor, name));
        tensor->dims[tensor->rank++] = dim;
    }
    return DSB_OK;
}

static dsb_status read_dtype(dsbi_st_tensor *tensor, const dsbi_json_value *value)
{
    char name[SHOWN_NAME];
    size_t size;
    const char *text = dsbi_json_string(value, &size);
    for (tensor->dtype = 0; text && tensor->dtype < N_DTYPES; tensor->dtype++)
        if (strlen(dtypes[tensor->dtype].name) == size &&
            memcmp(dtypes[tensor->dtype].name, text, size) == 0)
            return DSB_OK;
    return dsbi_fail(DSB_E_FORMAT, "safetensors: %s: %s dtype", shown(tensor, name),
                     text ? "unknown" : "no");
}

static dsb_status read_offsets(dsbi_st_tensor *tensor, const dsbi_json_value *offsets)
{
    char name[SHOWN_NAME];
    const dsbi_json_value *begin = dsbi_json_first(offsets), *end = dsbi_json_next(begin);
    if (dsbi_json_type_of(offsets) != DSBI_JSON_ARRAY || dsbi_json_count(offsets) != 2 ||
        !dsbi_json_uint64(begin, &tensor->begin) || !dsbi_json_uint64(end, &tensor->end))
        return dsbi_fail(DSB_E_FORMAT, "safetensors: %s: data_offsets are not two counts",
                         shown(tensor, name));
    const uint64_t bits_each = dtypes[tensor->dtype].bits;
    uint64_t bits;
    if (__builtin_mul_overflow(tensor->size, bits_each, &bits))
        return dsbi_fail(DSB_E_FORMAT, "safetensors: %s: its size overflows", shown(tensor, name));
    if (bits % 8 != 0)
        return dsbi_fail(DSB_E_FORMAT, "safetensors: %s: %llu bits are no whole bytes",
                         shown(tensor, name), (unsigned long long)bits);
    if (tensor->end < tensor->begin || tensor->end - tensor->begin != bits / 8)
        return dsbi_fail(DSB_E_FORMAT,
                         "safetensors: %s: offsets %llu to %llu, but %llu bytes of data",
                         shown(tensor, name), (unsigned long long)tensor->begin,
                         (unsigned long long)tensor->end, (unsigned long long)(bits / 8));
    return DSB_OK;
}

static dsb_status read_tensor(dsbi_st_tensor *tensor, const dsbi_json_value *member)
{
    char name[SHOWN_NAME];
    tensor->name = dsbi_json_key(member, &tensor->name_size);
    if (dsbi_json_type_of(member) != DSBI_JSON_OBJECT)
        return dsbi_fail(DSB_E_FORMAT, "safetensors: %s: not an object", shown(tensor, name));
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
    char name[SHOWN_NAME];
    uint64_t end = 0;
    dsbi_sort(st->by_name, st->n, sizeof *st->by_name, by_offset, st->tensors);
    for (size_t i = 0; i < st->n; i++) {
        const dsbi_st_tensor *tensor = &st->tensors[st->by_name[i]];
        if (tensor->begin != end)
            return dsbi_fail(
                DSB_E_FORMAT, "safetensors: %s begins at %llu, the one before ends at %llu",
                shown(tensor, name), (unsigned long long)tensor->begin, (unsigned long long)end);
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
    if (most > UINT32_MAX)
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

static dsb_status parse(dsbi_safetensors *st, const uint8_t *bytes, size_t size)
{
    if (size < HEAD_BYTES)
        return dsbi_fail(DSB_E_FORMAT, "safetensors: %zu bytes, too short for a header", size);
    const uint64_t n = read_u64(bytes);
    if (n > MAX_HEADER)
        return dsbi_fail(DSB_E_FORMAT, "safetensors: a header of %llu bytes, at most %llu",
                         (unsigned long long)n, (unsigned long long)MAX_HEADER);
    if (n > size - HEAD_BYTES)
        return dsbi_fail(DSB_E_FORMAT, "safetensors: a header of %llu bytes in a file of %zu",
                         (unsigned long long)n, size);
    if (n == 0 || bytes[HEAD_BYTES] != '{')
        return dsbi_fail(DSB_E_FORMAT, "safetensors: the header does not begin with {");
    DSBI_TRY(dsbi_fail_at(
        dsbi_json_parse(st->rt, &st->header, (const char *)bytes + HEAD_BYTES, (size_t)n),
        "safetensors header"));
    st->data = bytes + HEAD_BYTES + n;
    DSBI_TRY(read_entries(st));
    return check_cover(st, size - HEAD_BYTES - n);
}

dsb_status dsbi_st_parse(dsb_runtime *rt, dsbi_safetensors *out, const uint8_t *bytes, size_t size)
{
    *out = (dsbi_safetensors){.rt = rt};
    const dsb_status status = parse(out, bytes, size);
    if (status != DSB_OK)
        dsbi_st_free(out);
    return status;
}

void dsbi_st_free(dsbi_safetensors *st)
{
    dsbi_json_free(st->header);
    dsbi_free(st->rt, st->tensors);
    dsbi_free(st->rt, st->by_name);
    *st = (dsbi_safetensors){.rt = st->rt};
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

const char *dsbi_st_dtype(const dsbi_st_tensor *tensor)
{
    return dtypes[tensor->dtype].name;
}

/* IEEE half: sign, five bits of exponent (bias 15), ten of mantissa. */
static float half_to_float(uint32_t half)
{
    const uint32_t sign = (half & 0x8000u) << 16, exponent = half >> 10 & 31;
    uint32_t mantissa = half & 0x3ffu, bits;
    if (exponent == 31) {
        bits = 0x7f800000u | mantissa << 13;
    } else if (exponent > 0) {
        bits = (exponent + 112) << 23 | mantissa << 13;
    } else if (mantissa == 0) {
        bits = 0;
    } else {
        uint32_t shifted = 113;
        for (; !(mantissa & 0x400u); mantissa <<= 1)
            shifted--;
        bits = shifted << 23 | (mantissa & 0x3ffu) << 13;
    }
    bits |= sign;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The data of a tensor may lie at any address: bytes are copied, never cast. */
dsb_status dsbi_st_read(const dsbi_safetensors *st, const dsbi_st_tensor *tensor, float *out)
{
    char name[SHOWN_NAME];
    const uint8_t *from = st->data + tensor->begin;
    const st_kind kind = dtypes[tensor->dtype].kind;
    if (kind == KIND_OTHER)
        return dsbi_fail(DSB_E_DTYPE, "safetensors: %s is %s, expected F32, F16 or BF16",
                         shown(tensor, name), dsbi_st_dtype(tensor));
    for (uint64_t i = 0; i < tensor->size; i++) {
        if (kind == KIND_F32) {
            const uint32_t bits = (uint32_t)from[4 * i] | (uint32_t)from[4 * i + 1] << 8 |
                                  (uint32_t)from[4 * i + 2] << 16 | (uint32_t)from[4 * i + 3] << 24;
            memcpy(&out[i], &bits, sizeof bits);
            continue;
        }
        const uint32_t word = (uint32_t)from[2 * i] | (uint32_t)from[2 * i + 1] << 8;
        if (kind == KIND_F16) {
            out[i] = half_to_float(word);
        } else {
            const uint32_t bits = word << 16;
            memcpy(&out[i], &bits, sizeof bits);
        }
    }
    return DSB_OK;
}

static int by_source_name(const void *a, const void *b, void *user)
{
    (void)user;
    return strcmp(((const dsbi_st_source *)a)->name, ((const dsbi_st_source *)b)->name);
}

static void write_header(dsbi_text *out, const dsbi_st_source *sources, size_t n,
                         const char *const *metadata)
{
    dsbi_json_writer w;
    dsbi_json_writer_init(&w, out, 0);
    dsbi_json_begin_object(&w);
    if (metadata) {
        dsbi_json_write_key(&w, "__metadata__");
        dsbi_json_begin_object(&w);
        for (; *metadata; metadata += 2) {
            dsbi_json_write_key(&w, metadata[0]);
            dsbi_json_write_string(&w, metadata[1]);
        }
        dsbi_json_end_object(&w);
    }
    uint64_t at = 0;
    for (size_t i = 0; i < n; i++) {
        dsbi_json_write_key(&w, sources[i].name);
        dsbi_json_begin_object(&w);
        dsbi_json_write_key(&w, "dtype");
        dsbi_json_write_string(&w, "F32");
        dsbi_json_write_key(&w, "shape");
        dsbi_json_begin_array(&w);
        for (size_t d = 0; d < sources[i].rank; d++)
            dsbi_json_write_uint(&w, sources[i].dims[d]);
        dsbi_json_end_array(&w);
        dsbi_json_write_key(&w, "data_offsets");
        dsbi_json_begin_array(&w);
        dsbi_json_write_uint(&w, at);
        at += sources[i].size * sizeof(float);
        dsbi_json_write_uint(&w, at);
        dsbi_json_end_array(&w);
        dsbi_json_end_object(&w);
    }
    dsbi_json_end_object(&w);
}

static void write_data(dsbi_text *out, const dsbi_st_source *source)
{
    float *values = dsbi_alloc_array(out->rt, source->size, sizeof *values);
    if (!values) {
        out->status = DSB_E_NOMEM;
        return;
    }
    source->read(source->user, values);
    for (size_t i = 0; i < source->size; i++) { /* little endian on any machine, in place */
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        const uint8_t bytes[4] = {(uint8_t)bits, (uint8_t)(bits >> 8), (uint8_t)(bits >> 16),
                                  (uint8_t)(bits >> 24)};
        memcpy(&values[i], bytes, sizeof bytes);
    }
    dsbi_text_add_n(out, (const char *)values, source->size * sizeof *values);
    dsbi_free(out->rt, values);
}

void dsbi_st_write(dsbi_text *out, dsbi_st_source *sources, size_t n, const char *const *metadata)
{
    dsbi_sort(sources, n, sizeof *sources, by_source_name, NULL);
    dsbi_text header;
    dsbi_text_init(&header, out->rt);
    write_header(&header, sources, n, metadata);
    while (header.status == DSB_OK && header.size % 8 != 0)
        dsbi_text_add(&header, " ");
    uint8_t length[HEAD_BYTES];
    for (int i = 0; i < HEAD_BYTES; i++)
        length[i] = (uint8_t)((uint64_t)header.size >> 8 * i);
    dsbi_text_add_n(out, (const char *)length, sizeof length);
    dsbi_text_add_n(out, header.data, header.size);
    if (header.status != DSB_OK)
        out->status = header.status;
    dsbi_text_free(&header);
    for (size_t i = 0; i < n && out->status == DSB_OK; i++)
        write_data(out, &sources[i]);
}
