/* Writing safetensors as the reference does, byte for byte: tensors sorted by dtype, the later in
 * its list first, then by name; compact JSON with __metadata__ in front, padded with spaces to a
 * multiple of 8. */
#include <string.h>
#include "base/json_write.h"
#include "base/sort.h"
#include "nn/safetensors.h"

static const struct {
    const char *name;
    size_t item_bytes;
} written[] = {[DSBI_ST_F32] = {"F32", 4}, [DSBI_ST_BF16] = {"BF16", 2}};

static int by_place(const void *a, const void *b, void *user)
{
    (void)user;
    const dsbi_st_source *x = a, *y = b;
    if (x->dtype != y->dtype) /* F32 stands behind BF16 in the reference's list */
        return x->dtype == DSBI_ST_F32 ? -1 : 1;
    return strcmp(x->name, y->name);
}

static void write_metadata(dsbi_json_writer *w, const char *const *metadata)
{
    dsbi_json_write_key(w, "__metadata__");
    dsbi_json_begin_object(w);
    for (; *metadata; metadata += 2) {
        dsbi_json_write_key(w, metadata[0]);
        dsbi_json_write_string(w, metadata[1]);
    }
    dsbi_json_end_object(w);
}

/* One entry; returns where its data end. */
static uint64_t write_entry(dsbi_json_writer *w, const dsbi_st_source *source, uint64_t begin)
{
    const uint64_t end = begin + source->size * written[source->dtype].item_bytes;
    dsbi_json_write_key(w, source->name);
    dsbi_json_begin_object(w);
    dsbi_json_write_key(w, "dtype");
    dsbi_json_write_string(w, written[source->dtype].name);
    dsbi_json_write_key(w, "shape");
    dsbi_json_begin_array(w);
    for (size_t d = 0; d < source->rank; d++)
        dsbi_json_write_uint(w, source->dims[d]);
    dsbi_json_end_array(w);
    dsbi_json_write_key(w, "data_offsets");
    dsbi_json_begin_array(w);
    dsbi_json_write_uint(w, begin);
    dsbi_json_write_uint(w, end);
    dsbi_json_end_array(w);
    dsbi_json_end_object(w);
    return end;
}

static void write_header(dsbi_text *out, const dsbi_st_source *sources, size_t n,
                         const char *const *metadata)
{
    dsbi_json_writer w;
    uint64_t at = 0;
    dsbi_json_writer_init(&w, out, 0);
    dsbi_json_begin_object(&w);
    if (metadata)
        write_metadata(&w, metadata);
    for (size_t i = 0; i < n; i++)
        at = write_entry(&w, &sources[i], at);
    dsbi_json_end_object(&w);
    while (out->status == DSB_OK && out->size % 8 != 0)
        dsbi_text_add(out, " ");
}

static void put_length(const dsbi_st_sink *sink, uint64_t n)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(n >> 8 * i);
    sink->put(sink->user, bytes, sizeof bytes);
}

/* Little endian on any machine. */
static void put_values(const dsbi_st_sink *sink, const float *values, size_t n, size_t item)
{
    enum { BLOCK = 8192 };
    uint8_t block[BLOCK * sizeof(float)];
    for (size_t done = 0; done < n;) {
        const size_t count = n - done < BLOCK ? n - done : BLOCK;
        for (size_t i = 0; i < count; i++) {
            uint32_t bits = 0;
            if (item == sizeof bits)
                memcpy(&bits, &values[done + i], sizeof bits);
            else
                bits = dsbi_float_to_bfloat(values[done + i]);
            for (size_t k = 0; k < item; k++)
                block[i * item + k] = (uint8_t)(bits >> 8 * k);
        }
        sink->put(sink->user, block, count * item);
        done += count;
    }
}

dsb_status dsbi_st_write(dsb_runtime *rt, const dsbi_st_sink *sink, dsbi_st_source *sources,
                         size_t n, const char *const *metadata)
{
    size_t largest = 1;
    for (size_t i = 0; i < n; i++)
        largest = sources[i].size > largest ? sources[i].size : largest;
    float *values = dsbi_alloc_array(rt, largest, sizeof *values);
    if (!values)
        return DSB_E_NOMEM;
    dsbi_sort(sources, n, sizeof *sources, by_place, NULL);
    dsbi_text header;
    dsbi_text_init(&header, rt);
    write_header(&header, sources, n, metadata);
    const dsb_status status = header.status;
    if (status == DSB_OK) {
        put_length(sink, header.size);
        sink->put(sink->user, header.data, header.size);
    }
    dsbi_text_free(&header);
    for (size_t i = 0; i < n && status == DSB_OK; i++) {
        sources[i].read(sources[i].user, values);
        put_values(sink, values, sources[i].size, written[sources[i].dtype].item_bytes);
    }
    dsbi_free(rt, values);
    return status;
}
