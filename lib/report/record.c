/* See record.h. */
#include "report/record.h"

#include <locale.h>
#include <math.h>
#include <string.h>
#include "dsbias/report.h"

const char *dsbi_record_text(const dsbi_json_value *object, const char *key)
{
    const char *text = dsbi_json_string(dsbi_json_get(object, key), NULL);
    return text ? text : "";
}

double dsbi_record_number(const dsbi_json_value *object, const char *key)
{
    double x = NAN;
    dsbi_json_double(dsbi_json_get(object, key), &x);
    return x;
}

uint64_t dsbi_record_count(const dsbi_json_value *object, const char *key)
{
    uint64_t n = 0;
    dsbi_json_uint64(dsbi_json_get(object, key), &n);
    return n;
}

bool dsbi_record_bool(const dsbi_json_value *object, const char *key)
{
    bool yes = false;
    dsbi_json_bool(dsbi_json_get(object, key), &yes);
    return yes;
}

void dsbi_record_interval(const dsbi_json_value *object, const char *key, double *lo, double *hi)
{
    const dsbi_json_value *pair = dsbi_json_get(object, key);
    *lo = *hi = NAN;
    const dsbi_json_value *first = dsbi_json_first(pair);
    double a, b;
    if (dsbi_json_count(pair) == 2 && dsbi_json_double(first, &a) &&
        dsbi_json_double(dsbi_json_next(first), &b)) {
        *lo = a;
        *hi = b;
    }
}

const dsbi_json_value *dsbi_record_item(const dsbi_json_value *array, size_t i)
{
    const dsbi_json_value *item = dsbi_json_first(array);
    while (item && i-- > 0)
        item = dsbi_json_next(item);
    return item;
}

bool dsbi_record_has(const dsbi_json_value *object, const char *key)
{
    return dsbi_json_type_of(dsbi_json_get(object, key)) > DSBI_JSON_NULL;
}

dsb_status dsbi_record_open(dsb_runtime *rt, dsbi_json **doc, const char *json, size_t size,
                            const char *schema)
{
    *doc = NULL;
    dsb_status status = dsbi_json_parse(rt, doc, json, size);
    if (status != DSB_OK)
        return dsbi_fail_at(status, "record");
    const char *found = dsbi_record_text(dsbi_json_root(*doc), "schema");
    if (strncmp(found, schema, strlen(schema)) == 0)
        return DSB_OK;
    status = dsbi_fail(DSB_E_FORMAT, "record: its schema is \"%.40s\", expected \"%s...\"", found,
                       schema);
    dsbi_json_free(*doc);
    *doc = NULL;
    return status;
}

static dsb_status write_text(dsb_runtime *rt, dsbi_text *text, const dsbi_json_value *root,
                             dsbi_record_write_fn write, void *user)
{
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t callers = plain ? uselocale(plain) : (locale_t)0;
    dsb_status status = write(rt, text, root, user);
    if (plain) {
        uselocale(callers);
        freelocale(plain);
    }
    return status == DSB_OK ? text->status : status;
}

dsb_status dsbi_record_report(dsb_runtime *rt, char **out, size_t *size, const char *json,
                              size_t json_size, const char *schema, const char *what,
                              dsbi_record_write_fn write, void *user)
{
    dsbi_clear_error();
    if (out)
        *out = NULL;
    if (!rt || !out || !json)
        return dsbi_fail(DSB_E_INVALID, "%s: no runtime, no json or nowhere to put the text", what);
    dsbi_json *doc;
    DSBI_TRY(dsbi_record_open(rt, &doc, json, json_size, schema));
    dsbi_text text;
    dsbi_text_init(&text, rt);
    dsb_status status = write_text(rt, &text, dsbi_json_root(doc), write, user);
    dsbi_json_free(doc);
    if (status == DSB_OK) {
        if (size)
            *size = text.size;
        *out = dsbi_text_take(&text);
        status = *out ? DSB_OK : DSB_E_NOMEM;
    }
    dsbi_text_free(&text);
    return status;
}

dsb_status dsbi_record_listing(dsb_runtime *rt, char **out, size_t *size, const char *json,
                               size_t json_size, const char *schema, const char *what,
                               dsbi_record_write_fn write, uint32_t flags)
{
    bool colour = flags & DSB_REPORT_COLOUR;
    if (out)
        *out = NULL;
    if (flags & ~DSB_REPORT_COLOUR)
        return dsbi_fail(DSB_E_UNSUPPORTED, "%s: flags 0x%x", what, (unsigned)flags);
    return dsbi_record_report(rt, out, size, json, json_size, schema, what, write, &colour);
}

const char *dsbi_record_rung_title(const char *name)
{
    static const char *const titles[][2] = {
        {"metadata", "File properties"},    {"meancolor", "Mean colour"},
        {"patches", "Random patches"},      {"convnext_7k", "ConvNeXt 7K"},
        {"convnext_120k", "ConvNeXt 120K"}, {"convnext_470k", "ConvNeXt 470K"},
        {"convnext_atto", "ConvNeXt Atto"}, {"convnext_femto", "ConvNeXt Femto"},
        {"convnext_pico", "ConvNeXt Pico"}, {"convnext_nano", "ConvNeXt Nano"},
        {"convnext_tiny", "ConvNeXt Tiny"},
    };
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
        if (strcmp(titles[i][0], name) == 0)
            return titles[i][1];
    return name;
}
