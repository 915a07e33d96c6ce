/* Options of a spec, "?key=value&key=value", and the name it gives a collection. */
#include "data/listing.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* %XX as a byte, in origin; %00 is refused. */
static dsb_status unescape(char *text)
{
    char *out = text;
    for (const char *in = text; *in; in++) {
        if (*in != '%') {
            *out++ = *in;
            continue;
        }
        int high = hex_digit(in[1]), low = high < 0 ? -1 : hex_digit(in[2]);
        if (low < 0 || high + low == 0)
            return dsbi_fail(DSB_E_INVALID,
                             "option \"%s\": %% is not followed by two hexadecimal digits", text);
        *out++ = (char)(high * 16 + low);
        in += 2;
    }
    *out = '\0';
    return DSB_OK;
}

static dsb_status add_option(dsbi_listing *listing, const char *text, size_t size)
{
    if (listing->n_options == DSBI_MAX_OPTIONS)
        return dsbi_fail(DSB_E_INVALID, "more than %d options", DSBI_MAX_OPTIONS);
    dsbi_option *option = &listing->options[listing->n_options];
    option->key = dsbi_alloc(listing->dataset->rt, size + 1);
    if (!option->key)
        return DSB_E_NOMEM;
    listing->n_options++;
    memcpy(option->key, text, size);
    option->key[size] = '\0';
    option->value = strchr(option->key, '=');
    if (!option->value || option->value == option->key)
        return dsbi_fail(DSB_E_INVALID, "option \"%s\": options are written key=value",
                         option->key);
    *option->value++ = '\0';
    for (size_t i = 0; i + 1 < listing->n_options; i++)
        if (strcmp(listing->options[i].key, option->key) == 0)
            return dsbi_fail(DSB_E_INVALID, "option %s is given twice", option->key);
    return unescape(option->value);
}

dsb_status dsbi_options_parse(dsbi_listing *listing, const char *text)
{
    while (*text) {
        size_t size = strcspn(text, "&");
        if (size > 0)
            DSBI_TRY(add_option(listing, text, size));
        text += size + (text[size] == '&');
    }
    return DSB_OK;
}

dsb_status dsbi_options_check(const dsbi_listing *listing, const dsbi_format *format)
{
    for (size_t i = 0; i < listing->n_options; i++)
        if (!listing->options[i].is_used)
            return dsbi_fail(DSB_E_INVALID, "option %s means nothing for format %s (%s)",
                             listing->options[i].key, format->name, format->help);
    return DSB_OK;
}

void dsbi_options_drop(char *where, size_t path, const char *key)
{
    size_t length = strlen(key);
    for (char *at = where + path; *at;) { /* at '?' or '&' */
        size_t size = 1 + strcspn(at + 1, "&");
        bool is_it = strncmp(at + 1, key, length) == 0 && at[1 + length] == '=';
        if (!is_it) {
            at += size;
            continue;
        }
        if (at[0] == '?' && at[size] == '&')
            memmove(at + 1, at + size + 1, strlen(at + size + 1) + 1);
        else
            memmove(at, at + size, strlen(at + size) + 1);
    }
}

void dsbi_options_free(dsbi_listing *listing)
{
    for (size_t i = 0; i < listing->n_options; i++)
        dsbi_free(listing->dataset->rt, listing->options[i].key);
    listing->n_options = 0;
}

const char *dsbi_listing_option(dsbi_listing *listing, const char *key)
{
    for (size_t i = 0; i < listing->n_options; i++)
        if (strcmp(listing->options[i].key, key) == 0) {
            listing->options[i].is_used = true;
            return listing->options[i].value;
        }
    return NULL;
}

dsb_status dsbi_listing_choice(dsbi_listing *listing, size_t *out, const char *key,
                               const char *const *words)
{
    *out = 0;
    const char *value = dsbi_listing_option(listing, key);
    if (!value)
        return DSB_OK;
    for (size_t w = 0; words[w]; w++)
        if (strcasecmp(words[w], value) == 0) {
            *out = w;
            return DSB_OK;
        }
    char all[200] = "";
    for (size_t w = 0; words[w] && strlen(all) + strlen(words[w]) + 3 < sizeof all; w++) {
        strcat(all, w ? ", " : "");
        strcat(all, words[w]);
    }
    return dsbi_fail(DSB_E_INVALID, "option %s=%s: it is one of %s", key, value, all);
}

/* Last component of the path; "." and "..", "/" have none of their own. */
dsb_status dsbi_listing_origin_name(dsbi_listing *listing, const dsbi_origin *origin)
{
    const char *where = origin->where;
    char *real = NULL;
    size_t size = strlen(where);
    while (size > 1 && where[size - 1] == '/')
        size--;
    size_t start = size;
    while (start > 0 && where[start - 1] != '/')
        start--;
    bool is_dots = size - start <= 2 && strspn(where + start, ".") >= size - start;
    if (is_dots && (real = realpath(where, NULL)) != NULL) {
        const char *slash = strrchr(real, '/');
        where = slash ? slash + 1 : real;
        start = 0;
        size = strlen(where);
    }
    dsb_status status = dsbi_listing_name(listing, size > start ? where + start : "root",
                                          size > start ? size - start : 4);
    free(real); /* of the C library */
    return status;
}
