/* JSON, RFC 8259, read strictly. The input may be hostile: nesting at most 64 deep and read without
 * recursion, UTF-8 checked, duplicate keys and lone surrogates refused, numbers in range or
 * refused, a node costs 48 bytes and takes at least one byte of input. Writing is in json_write.h.
 *
 *     dsbi_json *doc;
 *     DSBI_TRY(dsbi_json_parse(rt, &doc, text, size));
 *     const dsbi_json_value *shape = dsbi_json_get(dsbi_json_root(doc), "shape");
 *     for (const dsbi_json_value *v = dsbi_json_first(shape); v; v = dsbi_json_next(v))
 *         if (!dsbi_json_uint64(v, &dim)) ...
 *     dsbi_json_free(doc);
 *
 * Getters accept NULL and a value of another type: they answer NULL, false or 0, so that a chain of
 * lookups needs one check at its end. */
#ifndef DSBI_BASE_JSON_H
#define DSBI_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/status.h"

enum { DSBI_JSON_MAX_DEPTH = 64, DSBI_JSON_MAX_NUMBER = 400 };
#define DSBI_JSON_MAX_BYTES ((size_t)100000000) /* as safetensors caps its header */

typedef enum dsbi_json_type {
    DSBI_JSON_NONE = 0, /* no value: the answer for NULL */
    DSBI_JSON_NULL,
    DSBI_JSON_BOOL,
    DSBI_JSON_NUMBER,
    DSBI_JSON_STRING,
    DSBI_JSON_ARRAY,
    DSBI_JSON_OBJECT,
} dsbi_json_type;

typedef struct dsbi_json dsbi_json;             /* a document, owns its values */
typedef struct dsbi_json_value dsbi_json_value; /* borrowed from the document */

/* `text` need not end with NUL and is not kept. DSB_E_FORMAT with line and column (in bytes, from
 * 1), DSB_E_LIMIT for nesting, number length or size, DSB_E_NOMEM. */
dsb_status dsbi_json_parse(dsb_runtime *rt, dsbi_json **out, const char *text, size_t size);
/* The same for texts that have no reason to hold more than `most` values: DSB_E_LIMIT beyond. */
dsb_status dsbi_json_parse_most(dsb_runtime *rt, dsbi_json **out, const char *text, size_t size,
                                size_t most);
void dsbi_json_free(dsbi_json *doc);
const dsbi_json_value *dsbi_json_root(const dsbi_json *doc);

dsbi_json_type dsbi_json_type_of(const dsbi_json_value *value);
/* "object", "number" ...: for messages. */
const char *dsbi_json_type_name(dsbi_json_type type);

/* Member of an object, NULL if there is none. Linear in the number of members. */
const dsbi_json_value *dsbi_json_get(const dsbi_json_value *object, const char *key);
/* Items of an array or members of an object, in file order. */
size_t dsbi_json_count(const dsbi_json_value *container);
const dsbi_json_value *dsbi_json_first(const dsbi_json_value *container);
const dsbi_json_value *dsbi_json_next(const dsbi_json_value *value);

/* Key of a member of an object, string of a string value: NUL-ended, may hold NULs inside (\u0000);
 * `size` (may be NULL) receives the bytes without the ending NUL. NULL if there is none. */
const char *dsbi_json_key(const dsbi_json_value *member, size_t *size);
const char *dsbi_json_string(const dsbi_json_value *value, size_t *size);

/* False and `out` untouched if the value is not of that type or does not fit exactly. 3.0 and 3e0
 * are not integers; every number is a double, rounded to nearest. */
bool dsbi_json_bool(const dsbi_json_value *value, bool *out);
bool dsbi_json_double(const dsbi_json_value *value, double *out);
bool dsbi_json_int64(const dsbi_json_value *value, int64_t *out);
bool dsbi_json_uint64(const dsbi_json_value *value, uint64_t *out);

/* Length of the valid UTF-8 sequence at `bytes` (1..4), 0 if there is none within `n_bytes`:
 * overlong forms, surrogates and values above U+10FFFF are not valid. Unicode 15, table 3-7. */
size_t dsbi_utf8_length(const uint8_t *bytes, size_t n_bytes);

#endif
