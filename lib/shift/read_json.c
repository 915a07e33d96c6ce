/* Predictions and labels in JSON, as the CIFAR-10.1 repository keeps them. */
#include <math.h>
#include <string.h>
#include "base/json.h"
#include "shift/columns.h"

static dsb_status read_number(dsbi_column *c, double *to, const dsbi_json_value *v, size_t i)
{
    bool flag;
    if (dsbi_json_type_of(v) == DSBI_JSON_NULL)
        return DSB_OK; /* stays NaN: missing */
    if (dsbi_json_bool(v, &flag))
        *to = flag;
    else if (!dsbi_json_double(v, to))
        return dsbi_fail(DSB_E_FORMAT, "item %zu is a %s among numbers", i,
                         dsbi_json_type_name(dsbi_json_type_of(v)));
    c->whole = c->whole && *to == floor(*to);
    return DSB_OK;
}

static dsb_status read_rows(dsbi_columns *out, dsbi_column *c, const dsbi_json_value *array)
{
    c->width = dsbi_json_count(dsbi_json_first(array));
    size_t count;
    if (c->width == 0 || !dsbi_mul(&count, c->n, c->width))
        return dsbi_fail(DSB_E_SHAPE, "item 0 is an empty row");
    c->matrix = dsbi_alloc_array(out->rt, count, sizeof *c->matrix);
    if (!c->matrix)
        return DSB_E_NOMEM;
    size_t i = 0;
    for (const dsbi_json_value *row = dsbi_json_first(array); row; row = dsbi_json_next(row), i++) {
        if (dsbi_json_type_of(row) != DSBI_JSON_ARRAY || dsbi_json_count(row) != c->width)
            return dsbi_fail(DSB_E_SHAPE, "item %zu is not a row of %zu numbers like the first", i,
                             c->width);
        size_t j = 0;
        for (const dsbi_json_value *v = dsbi_json_first(row); v; v = dsbi_json_next(v), j++) {
            c->matrix[i * c->width + j] = NAN;
            DSBI_TRY(read_number(c, &c->matrix[i * c->width + j], v, i));
        }
        c->value[i] = c->matrix[i * c->width];
    }
    return DSB_OK;
}

static dsb_status read_array(dsbi_columns *out, dsbi_words *words, const char *name,
                             const dsbi_json_value *array)
{
    size_t n = dsbi_json_count(array);
    if (dsbi_json_type_of(array) != DSBI_JSON_ARRAY)
        return dsbi_fail(DSB_E_FORMAT, "an array of predictions belongs here, found: %s",
                         dsbi_json_type_name(dsbi_json_type_of(array)));
    if (n == 0)
        return dsbi_fail(DSB_E_DATA, "the array is empty");
    dsbi_column *c = dsbi_columns_add(out, name, n);
    if (!c)
        return DSB_E_NOMEM;
    dsbi_json_type first = dsbi_json_type_of(dsbi_json_first(array));
    if (first == DSBI_JSON_ARRAY)
        return read_rows(out, c, array);
    size_t i = 0;
    c->words = first == DSBI_JSON_STRING;
    for (const dsbi_json_value *v = dsbi_json_first(array); v; v = dsbi_json_next(v), i++) {
        if (!c->words) {
            DSBI_TRY(read_number(c, &c->value[i], v, i));
            continue;
        }
        size_t size, number;
        const char *text = dsbi_json_string(v, &size);
        if (dsbi_json_type_of(v) == DSBI_JSON_NULL)
            continue;
        if (!text)
            return dsbi_fail(DSB_E_FORMAT, "item %zu is a %s among words", i,
                             dsbi_json_type_name(dsbi_json_type_of(v)));
        DSBI_TRY(dsbi_words_add(words, &number, text, size));
        c->value[i] = (double)number;
    }
    return DSB_OK;
}

dsb_status dsbi_columns_parse_json(dsbi_columns *out, dsbi_words *words, const uint8_t *bytes,
                                   size_t size)
{
    dsbi_json *doc;
    DSBI_TRY(dsbi_json_parse(out->rt, &doc, (const char *)bytes, size));
    const dsbi_json_value *root = dsbi_json_root(doc);
    dsb_status status = DSB_OK;
    if (dsbi_json_type_of(root) != DSBI_JSON_OBJECT)
        DSBI_GO(read_array(out, words, "", root));
    else if (dsbi_json_count(root) == 0)
        status = dsbi_fail(DSB_E_DATA, "the object is empty");
    else
        for (const dsbi_json_value *m = dsbi_json_first(root); m; m = dsbi_json_next(m)) {
            const char *key = dsbi_json_key(m, NULL);
            status = dsbi_fail_at(read_array(out, words, key, m), "\"%.80s\"", key);
            if (status != DSB_OK)
                break;
        }
done:
    dsbi_json_free(doc);
    return status;
}
