/* Looking at a parsed document: see json.h. */
#include <string.h>
#include "base/json_inside.h"

const dsbi_json_value *dsbi_json_root(const dsbi_json *doc)
{
    return doc ? doc->values : NULL;
}

dsbi_json_type dsbi_json_type_of(const dsbi_json_value *value)
{
    return value ? (dsbi_json_type)value->type : DSBI_JSON_NONE;
}

const char *dsbi_json_type_name(dsbi_json_type type)
{
    static const char *const names[] = {"nothing", "null",  "bool",  "number",
                                        "string",  "array", "object"};
    return names[type];
}

static bool is_container(const dsbi_json_value *value)
{
    return value && (value->type == DSBI_JSON_ARRAY || value->type == DSBI_JSON_OBJECT);
}

size_t dsbi_json_count(const dsbi_json_value *container)
{
    return is_container(container) ? (size_t)container->u.count : 0;
}

const dsbi_json_value *dsbi_json_first(const dsbi_json_value *container)
{
    return is_container(container) && container->u.count ? container + 1 : NULL;
}

const dsbi_json_value *dsbi_json_next(const dsbi_json_value *value)
{
    if (!value || value->last)
        return NULL;
    return value + (value->type == DSBI_JSON_STRING ? 1 : value->size);
}

const dsbi_json_value *dsbi_json_get(const dsbi_json_value *object, const char *key)
{
    if (!object || object->type != DSBI_JSON_OBJECT)
        return NULL;
    size_t size = strlen(key);
    for (const dsbi_json_value *v = dsbi_json_first(object); v; v = dsbi_json_next(v))
        if (v->key_size == size && memcmp(v->key, key, size) == 0)
            return v;
    return NULL;
}

const char *dsbi_json_key(const dsbi_json_value *member, size_t *size)
{
    if (!member || !member->key)
        return NULL;
    if (size)
        *size = member->key_size;
    return member->key;
}

const char *dsbi_json_string(const dsbi_json_value *value, size_t *size)
{
    if (!value || value->type != DSBI_JSON_STRING)
        return NULL;
    if (size)
        *size = (size_t)value->size;
    return value->u.string;
}

bool dsbi_json_bool(const dsbi_json_value *value, bool *out)
{
    if (!value || value->type != DSBI_JSON_BOOL)
        return false;
    *out = value->u.boolean;
    return true;
}

bool dsbi_json_double(const dsbi_json_value *value, double *out)
{
    if (!value || value->type != DSBI_JSON_NUMBER)
        return false;
    *out = value->number == DSBI_JSON_IS_DOUBLE     ? value->u.real
           : value->number == DSBI_JSON_IS_NEGATIVE ? (double)value->u.negative
                                                    : (double)value->u.positive;
    return true;
}

bool dsbi_json_int64(const dsbi_json_value *value, int64_t *out)
{
    if (!value || value->type != DSBI_JSON_NUMBER || value->number == DSBI_JSON_IS_DOUBLE)
        return false;
    if (value->number == DSBI_JSON_IS_UNSIGNED && value->u.positive > INT64_MAX)
        return false;
    *out = value->number == DSBI_JSON_IS_NEGATIVE ? value->u.negative : (int64_t)value->u.positive;
    return true;
}

bool dsbi_json_uint64(const dsbi_json_value *value, uint64_t *out)
{
    if (!value || value->type != DSBI_JSON_NUMBER || value->number != DSBI_JSON_IS_UNSIGNED)
        return false;
    *out = value->u.positive;
    return true;
}
