/* The JSON reader: any bytes are refused with a sentence or read, within bounds; what is read can
 * be walked, and written anew it is read as the same. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "base/json.h"
#include "base/json_write.h"
#include "base/memory.h"
#include "fuzz.h"

static void write_scalar(dsbi_json_writer *w, const dsbi_json_value *v)
{
    int64_t i;
    uint64_t u;
    double d = 0.0;
    bool b = false;
    size_t size = 0;
    const char *string = dsbi_json_string(v, &size);
    if (string)
        dsbi_json_write_string_n(w, string, size);
    else if (dsbi_json_uint64(v, &u))
        dsbi_json_write_uint(w, u);
    else if (dsbi_json_int64(v, &i))
        dsbi_json_write_int(w, i);
    else if (dsbi_json_double(v, &d))
        dsbi_json_write_double(w, d);
    else if (dsbi_json_bool(v, &b))
        dsbi_json_write_bool(w, b);
    else
        dsbi_json_write_null(w);
}

/* Recursion is bounded by the reader: 64 levels. Keys with a NUL inside are cut by the writer, so
 * objects are written as arrays of key and value. */
static void write_value(dsbi_json_writer *w, const dsbi_json_value *v, int depth)
{
    assert(depth <= DSBI_JSON_MAX_DEPTH);
    dsbi_json_type type = dsbi_json_type_of(v);
    if (type != DSBI_JSON_ARRAY && type != DSBI_JSON_OBJECT) {
        write_scalar(w, v);
        return;
    }
    size_t n = 0;
    for (const dsbi_json_value *c = dsbi_json_first(v); c; c = dsbi_json_next(c), n++) {
        size_t size = 0;
        const char *key = dsbi_json_key(c, &size);
        assert((key != NULL) == (type == DSBI_JSON_OBJECT));
        assert(!key || strlen(key) < size || dsbi_json_get(v, key) == c);
    }
    assert(n == dsbi_json_count(v));
    if (depth >= 60) {
        dsbi_json_write_null(w);
        return;
    }
    dsbi_json_begin_array(w);
    for (const dsbi_json_value *c = dsbi_json_first(v); c; c = dsbi_json_next(c))
        write_value(w, c, depth + 1);
    dsbi_json_end_array(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static dsb_runtime *rt;
    if (!rt && dsb_runtime_create(&rt, NULL) != DSB_OK)
        abort();
    uint64_t before = dsb_runtime_memory(rt);
    dsbi_json *doc, *again;
    if (dsbi_json_parse(rt, &doc, (const char *)data, size) != DSB_OK) {
        assert(!doc && strncmp(dsb_last_error(), "json: ", 6) == 0);
        assert(dsb_runtime_memory(rt) == before);
        return 0;
    }
    dsbi_text text, text_again;
    dsbi_text_init(&text, rt);
    dsbi_text_init(&text_again, rt);
    dsbi_json_writer w;
    dsbi_json_writer_init(&w, &text, 0);
    write_value(&w, dsbi_json_root(doc), 0);
    assert(text.status == DSB_OK);
    dsb_status status = dsbi_json_parse(rt, &again, text.data, text.size);
    assert(status == DSB_OK);
    dsbi_json_writer_init(&w, &text_again, 0);
    write_value(&w, dsbi_json_root(again), 0);
    assert(text.size == text_again.size && memcmp(text.data, text_again.data, text.size) == 0);
    (void)status;
    dsbi_json_free(doc);
    dsbi_json_free(again);
    dsbi_text_free(&text);
    dsbi_text_free(&text_again);
    assert(dsb_runtime_memory(rt) == before);
    return 0;
}
