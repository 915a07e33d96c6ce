/* See json.h. Values lie in one array in the order of the text: the first child of a container is
 * the value behind it, and each value knows how many values its subtree takes. Strings are decoded
 * into one buffer; decoded text plus NUL is never longer than the text with its two quotes. */
#include "base/json_inside.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "base/runtime.h"
#include "base/sort.h"

typedef struct parser {
    dsbi_json *doc;
    const char *text, *at, *end;
    char *string_end;                 /* next free byte of doc->strings */
    size_t open[DSBI_JSON_MAX_DEPTH]; /* containers around the current place */
    size_t depth, most;               /* values there may be */
    const char *key;                  /* of the value that comes next */
    size_t key_size, key_place;
} parser;

static dsb_status bad(const parser *p, dsb_status status, const char *where, const char *format,
                      ...) DSBI_PRINTF(4, 5);

static dsb_status bad(const parser *p, dsb_status status, const char *where, const char *format,
                      ...)
{
    size_t line = 1, column = 1;
    for (const char *c = p->text; c < where; c++) {
        column++;
        if (*c == '\n') {
            line++;
            column = 1;
        }
    }
    char what[200];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return dsbi_fail(status, "json: line %zu, column %zu: %s", line, column, what);
}

static dsb_status unexpected(const parser *p, const char *wanted)
{
    if (p->at == p->end)
        return bad(p, DSB_E_FORMAT, p->at, "the text ends where %s should be", wanted);
    unsigned char c = (unsigned char)*p->at;
    if (c >= 0x20 && c < 0x7f)
        return bad(p, DSB_E_FORMAT, p->at, "'%c' where %s should be", c, wanted);
    return bad(p, DSB_E_FORMAT, p->at, "byte 0x%02x where %s should be", c, wanted);
}

static void skip_space(parser *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\n' || *p->at == '\r' || *p->at == '\t'))
        p->at++;
}

size_t dsbi_utf8_length(const uint8_t *b, size_t n)
{
    if (n == 0)
        return 0;
    if (b[0] < 0x80)
        return 1;
    if (b[0] < 0xc2 || b[0] > 0xf4)
        return 0;
    size_t length = b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : 4;
    if (n < length)
        return 0;
    uint8_t low = 0x80, high = 0xbf; /* of the second byte */
    if (b[0] == 0xe0)
        low = 0xa0;
    else if (b[0] == 0xed)
        high = 0x9f;
    else if (b[0] == 0xf0)
        low = 0x90;
    else if (b[0] == 0xf4)
        high = 0x8f;
    if (b[1] < low || b[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if (b[i] < 0x80 || b[i] > 0xbf)
            return 0;
    return length;
}

/* Four hexadecimal digits at p->at, or -1. */
static int32_t hex4(parser *p)
{
    if (p->end - p->at < 4)
        return -1;
    int32_t value = 0;
    for (int i = 0; i < 4; i++) {
        char c = p->at[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    p->at += 4;
    return value;
}

static void put_utf8(parser *p, uint32_t c)
{
    char *s = p->string_end;
    if (c < 0x80) {
        *s++ = (char)c;
    } else if (c < 0x800) {
        *s++ = (char)(0xc0 | c >> 6);
        *s++ = (char)(0x80 | (c & 63));
    } else if (c < 0x10000) {
        *s++ = (char)(0xe0 | c >> 12);
        *s++ = (char)(0x80 | (c >> 6 & 63));
        *s++ = (char)(0x80 | (c & 63));
    } else {
        *s++ = (char)(0xf0 | c >> 18);
        *s++ = (char)(0x80 | (c >> 12 & 63));
        *s++ = (char)(0x80 | (c >> 6 & 63));
        *s++ = (char)(0x80 | (c & 63));
    }
    p->string_end = s;
}

/* Behind "\u": one code point out of one or two escapes. */
static dsb_status unicode_escape(parser *p)
{
    const char *start = p->at - 2;
    int32_t first = hex4(p);
    if (first < 0)
        return bad(p, DSB_E_FORMAT, start, "\\u needs four hexadecimal digits");
    uint32_t c = (uint32_t)first;
    if (c >= 0xdc00 && c <= 0xdfff)
        return bad(p, DSB_E_FORMAT, start, "low surrogate \\u%04x without a high one", c);
    if (c >= 0xd800 && c <= 0xdbff) {
        if (p->end - p->at < 6 || p->at[0] != '\\' || p->at[1] != 'u')
            return bad(p, DSB_E_FORMAT, start, "high surrogate \\u%04x without a low one", c);
        p->at += 2;
        int32_t second = hex4(p);
        if (second < 0xdc00 || second > 0xdfff)
            return bad(p, DSB_E_FORMAT, start, "high surrogate \\u%04x without a low one", c);
        c = 0x10000 + ((c - 0xd800) << 10) + ((uint32_t)second - 0xdc00);
    }
    put_utf8(p, c);
    return DSB_OK;
}

static dsb_status escape(parser *p)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    const char *start = p->at++;
    if (p->at == p->end)
        return unexpected(p, "the rest of a string");
    char c = *p->at++;
    if (c == 'u')
        return unicode_escape(p);
    const char *found = c ? strchr(letters, c) : NULL;
    if (!found)
        return bad(p, DSB_E_FORMAT, start, "no such escape in a string");
    *p->string_end++ = meanings[found - letters];
    return DSB_OK;
}

/* At the opening quote. */
static dsb_status parse_string(parser *p, const char **string, size_t *size)
{
    char *start = p->string_end;
    p->at++;
    for (;;) {
        if (p->at == p->end)
            return unexpected(p, "the rest of a string");
        unsigned char c = (unsigned char)*p->at;
        if (c == '"')
            break;
        if (c == '\\') {
            DSBI_TRY(escape(p));
            continue;
        }
        if (c < 0x20)
            return bad(p, DSB_E_FORMAT, p->at, "control character 0x%02x in a string", c);
        size_t length = dsbi_utf8_length((const uint8_t *)p->at, (size_t)(p->end - p->at));
        if (length == 0)
            return bad(p, DSB_E_FORMAT, p->at, "byte 0x%02x: not valid UTF-8", c);
        memcpy(p->string_end, p->at, length);
        p->string_end += length;
        p->at += length;
    }
    p->at++;
    *string = start;
    *size = (size_t)(p->string_end - start);
    *p->string_end++ = '\0';
    return DSB_OK;
}

static size_t skip_digits(parser *p)
{
    const char *start = p->at;
    while (p->at < p->end && *p->at >= '0' && *p->at <= '9')
        p->at++;
    return (size_t)(p->at - start);
}

/* number = [ minus ] int [ frac ] [ exp ]: moves behind it. */
static dsb_status scan_number(parser *p, bool *is_integer)
{
    *is_integer = true;
    if (*p->at == '-')
        p->at++;
    if (p->at < p->end && *p->at == '0')
        p->at++;
    else if (skip_digits(p) == 0)
        return unexpected(p, "a digit");
    if (p->at < p->end && *p->at == '.') {
        *is_integer = false;
        p->at++;
        if (skip_digits(p) == 0)
            return unexpected(p, "a digit");
    }
    if (p->at < p->end && (*p->at == 'e' || *p->at == 'E')) {
        *is_integer = false;
        p->at++;
        if (p->at < p->end && (*p->at == '+' || *p->at == '-'))
            p->at++;
        if (skip_digits(p) == 0)
            return unexpected(p, "a digit");
    }
    return DSB_OK;
}

/* Digits of an integer into 64 bits; false if they do not fit. -0 stays a double, it has a sign. */
static bool exact_integer(dsbi_json_value *value, const char *digits, bool negative)
{
    uint64_t sum = 0;
    for (; *digits; digits++)
        if (__builtin_mul_overflow(sum, 10u, &sum) ||
            __builtin_add_overflow(sum, (uint64_t)(*digits - '0'), &sum))
            return false;
    if (!negative) {
        value->number = DSBI_JSON_IS_UNSIGNED;
        value->u.positive = sum;
        return true;
    }
    if (sum == 0 || sum > (uint64_t)INT64_MAX + 1)
        return false;
    value->number = DSBI_JSON_IS_NEGATIVE;
    value->u.negative = (int64_t)(0 - sum);
    return true;
}

static dsb_status parse_number(parser *p, dsbi_json_value *value)
{
    const char *start = p->at;
    bool is_integer;
    DSBI_TRY(scan_number(p, &is_integer));
    size_t length = (size_t)(p->at - start);
    if (length > DSBI_JSON_MAX_NUMBER)
        return bad(p, DSB_E_LIMIT, start, "a number of %zu characters, at most %d", length,
                   DSBI_JSON_MAX_NUMBER);
    char text[DSBI_JSON_MAX_NUMBER + 1];
    memcpy(text, start, length);
    text[length] = '\0';
    value->type = DSBI_JSON_NUMBER;
    if (is_integer && exact_integer(value, text + (text[0] == '-'), text[0] == '-'))
        return DSB_OK;
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); /* static in glibc */
    value->number = DSBI_JSON_IS_DOUBLE;
    value->u.real = c_locale ? strtod_l(text, NULL, c_locale) : strtod(text, NULL);
    if (c_locale)
        freelocale(c_locale);
    if (isinf(value->u.real))
        return bad(p, DSB_E_FORMAT, start, "number out of the range of a double");
    return DSB_OK;
}

static dsb_status parse_word(parser *p, dsbi_json_value *value)
{
    static const struct {
        const char *word;
        dsbi_json_type type;
        bool boolean;
    } words[] = {{"true", DSBI_JSON_BOOL, true},
                 {"false", DSBI_JSON_BOOL, false},
                 {"null", DSBI_JSON_NULL, false}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t length = strlen(words[i].word);
        if ((size_t)(p->end - p->at) < length || memcmp(p->at, words[i].word, length) != 0)
            continue;
        p->at += length;
        value->type = (uint8_t)words[i].type;
        value->u.boolean = words[i].boolean;
        return DSB_OK;
    }
    return unexpected(p, "a value");
}

static dsb_status new_value(parser *p, size_t *index)
{
    dsbi_json *doc = p->doc;
    void *values = doc->values;
    DSBI_TRY(dsbi_grow(doc->rt, &values, &doc->capacity, doc->n_values + 1, sizeof *doc->values));
    doc->values = values;
    doc->values[doc->n_values] = (dsbi_json_value){
        .key = p->key,
        .key_size = (uint32_t)p->key_size,
        .size = 1,
        .place = p->key ? p->key_place : (size_t)(p->at - p->text),
    };
    p->key = NULL;
    p->key_size = 0;
    *index = doc->n_values++;
    return DSB_OK;
}

static int compare_keys(const void *a, const void *b, void *user)
{
    const dsbi_json_value *x = *(const dsbi_json_value *const *)a;
    const dsbi_json_value *y = *(const dsbi_json_value *const *)b;
    (void)user;
    if (x->key_size != y->key_size)
        return x->key_size < y->key_size ? -1 : 1;
    int order = memcmp(x->key, y->key, x->key_size);
    return order ? order : (x->place > y->place) - (x->place < y->place);
}

/* Sorted, so that a million keys cost n log n. */
static dsb_status check_keys(parser *p, const dsbi_json_value *object)
{
    size_t n = (size_t)object->u.count;
    if (n < 2)
        return DSB_OK;
    const dsbi_json_value **members = dsbi_alloc_array(p->doc->rt, n, sizeof *members);
    if (!members)
        return DSB_E_NOMEM;
    size_t i = 0;
    for (const dsbi_json_value *v = dsbi_json_first(object); v; v = dsbi_json_next(v))
        members[i++] = v;
    dsbi_sort(members, n, sizeof *members, compare_keys, NULL);
    dsb_status status = DSB_OK;
    for (i = 1; i < n && status == DSB_OK; i++)
        if (members[i]->key_size == members[i - 1]->key_size &&
            memcmp(members[i]->key, members[i - 1]->key, members[i]->key_size) == 0)
            status = bad(p, DSB_E_FORMAT, p->text + members[i]->place, "key \"%.60s\" again",
                         members[i]->key);
    dsbi_free(p->doc->rt, members);
    return status;
}

/* At '{' or ',' of an object: the key and the colon. */
static dsb_status parse_key(parser *p)
{
    skip_space(p);
    if (p->at == p->end || *p->at != '"')
        return unexpected(p, "a key");
    p->key_place = (size_t)(p->at - p->text);
    const char *key;
    DSBI_TRY(parse_string(p, &key, &p->key_size));
    p->key = key;
    skip_space(p);
    if (p->at == p->end || *p->at != ':')
        return unexpected(p, "a colon");
    p->at++;
    return DSB_OK;
}

static dsb_status open_container(parser *p, size_t index, bool *is_empty)
{
    dsbi_json_value *value = &p->doc->values[index];
    value->type = *p->at == '{' ? DSBI_JSON_OBJECT : DSBI_JSON_ARRAY;
    char closing = *p->at == '{' ? '}' : ']';
    *is_empty = false;
    if (p->depth == DSBI_JSON_MAX_DEPTH)
        return bad(p, DSB_E_LIMIT, p->at, "nested deeper than %d", DSBI_JSON_MAX_DEPTH);
    p->at++;
    skip_space(p);
    *is_empty = p->at < p->end && *p->at == closing;
    if (*is_empty) {
        p->at++;
        return DSB_OK;
    }
    p->open[p->depth++] = index;
    value->u.count = 1;
    return value->type == DSBI_JSON_OBJECT ? parse_key(p) : DSB_OK;
}

/* Behind a complete value: closes containers until another value must follow or the text ends. */
static dsb_status after_value(parser *p, size_t last, bool *more)
{
    *more = false;
    while (p->depth > 0) {
        size_t index = p->open[p->depth - 1];
        dsbi_json_value *container = &p->doc->values[index];
        bool is_object = container->type == DSBI_JSON_OBJECT;
        skip_space(p);
        if (p->at < p->end && *p->at == ',') {
            p->at++;
            container->u.count++;
            *more = true;
            return is_object ? parse_key(p) : DSB_OK;
        }
        if (p->at == p->end || *p->at != (is_object ? '}' : ']'))
            return unexpected(p, is_object ? "',' or '}'" : "',' or ']'");
        p->at++;
        p->doc->values[last].last = 1;
        container->size = p->doc->n_values - index;
        if (is_object)
            DSBI_TRY(check_keys(p, container));
        last = index;
        p->depth--;
    }
    p->doc->values[0].last = 1;
    skip_space(p);
    return p->at == p->end ? DSB_OK : unexpected(p, "the end of the text");
}

static dsb_status parse_text(parser *p)
{
    for (bool more = true; more;) {
        skip_space(p);
        if (p->at == p->end)
            return unexpected(p, "a value");
        if (p->doc->n_values == p->most)
            return bad(p, DSB_E_LIMIT, p->at, "more than %zu values", p->most);
        size_t index;
        DSBI_TRY(new_value(p, &index));
        dsbi_json_value *value = &p->doc->values[index];
        if (*p->at == '{' || *p->at == '[') {
            bool is_empty;
            DSBI_TRY(open_container(p, index, &is_empty));
            if (!is_empty)
                continue;
        } else if (*p->at == '"') {
            size_t size;
            DSBI_TRY(parse_string(p, &value->u.string, &size));
            value->type = DSBI_JSON_STRING;
            value->size = size;
        } else if (*p->at == '-' || (*p->at >= '0' && *p->at <= '9')) {
            DSBI_TRY(parse_number(p, value));
        } else {
            DSBI_TRY(parse_word(p, value));
        }
        DSBI_TRY(after_value(p, index, &more));
    }
    return DSB_OK;
}

dsb_status dsbi_json_parse(dsb_runtime *rt, dsbi_json **out, const char *text, size_t size)
{
    return dsbi_json_parse_most(rt, out, text, size, SIZE_MAX);
}

dsb_status dsbi_json_parse_most(dsb_runtime *rt, dsbi_json **out, const char *text, size_t size,
                                size_t most)
{
    *out = NULL;
    if (size > DSBI_JSON_MAX_BYTES)
        return dsbi_fail(DSB_E_LIMIT, "json: a text of %zu bytes, at most %zu", size,
                         DSBI_JSON_MAX_BYTES);
    dsbi_json *doc = dsbi_calloc(rt, 1, sizeof *doc);
    if (!doc)
        return DSB_E_NOMEM;
    doc->rt = rt;
    dsbi_runtime_retain(rt);
    parser p = {.doc = doc, .text = text, .at = text, .end = text + size, .most = most};
    doc->strings = p.string_end = dsbi_alloc(rt, size + 1);
    dsb_status status = doc->strings ? parse_text(&p) : DSB_E_NOMEM;
    if (status != DSB_OK) {
        dsbi_json_free(doc);
        return status;
    }
    *out = doc;
    return DSB_OK;
}

void dsbi_json_free(dsbi_json *doc)
{
    if (!doc)
        return;
    dsb_runtime *rt = doc->rt;
    dsbi_free(rt, doc->values);
    dsbi_free(rt, doc->strings);
    dsbi_free(rt, doc);
    dsbi_runtime_release(rt);
}
