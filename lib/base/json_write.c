/* See json_write.h. */
#include "base/json_write.h"

#include <assert.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/json.h"

void dsbi_json_writer_init(dsbi_json_writer *w, dsbi_text *out, int indent)
{
    *w = (dsbi_json_writer){.out = out, .indent = indent};
}

static bool on_one_line(const dsbi_json_writer *w)
{
    return w->indent == 0 || (w->depth > 0 && w->flat[w->depth - 1]);
}

static void new_line(dsbi_json_writer *w)
{
    if (on_one_line(w))
        return;
    dsbi_text_add_n(w->out, "\n", 1);
    for (uint32_t i = 0; i < w->depth * (uint32_t)w->indent; i++)
        dsbi_text_add_n(w->out, " ", 1);
}

static void next_item(dsbi_json_writer *w)
{
    if (w->depth == 0)
        return;
    if (w->has_items[w->depth - 1])
        dsbi_text_add(w->out, on_one_line(w) && w->indent ? ", " : ",");
    w->has_items[w->depth - 1] = true;
    new_line(w);
}

static void begin_value(dsbi_json_writer *w)
{
    assert(w->depth == 0 || (w->closing[w->depth - 1] == '}') == w->after_key);
    if (!w->after_key)
        next_item(w);
    w->after_key = false;
}

static void begin_container(dsbi_json_writer *w, char opening, char closing, bool flat)
{
    begin_value(w);
    assert(w->depth < DSBI_JSON_WRITE_DEPTH);
    dsbi_text_add_n(w->out, &opening, 1);
    w->flat[w->depth] = flat || on_one_line(w);
    w->closing[w->depth] = closing;
    w->has_items[w->depth] = false;
    w->depth++;
}

static void end_container(dsbi_json_writer *w, char closing)
{
    assert(w->depth > 0 && w->closing[w->depth - 1] == closing && !w->after_key);
    bool has_items = w->has_items[w->depth - 1], flat = w->flat[w->depth - 1];
    w->depth--;
    if (has_items && !flat)
        new_line(w);
    dsbi_text_add_n(w->out, &closing, 1);
}

void dsbi_json_begin_object(dsbi_json_writer *w)
{
    begin_container(w, '{', '}', false);
}

void dsbi_json_begin_flat_object(dsbi_json_writer *w)
{
    begin_container(w, '{', '}', true);
}

void dsbi_json_end_object(dsbi_json_writer *w)
{
    end_container(w, '}');
}

void dsbi_json_begin_array(dsbi_json_writer *w)
{
    begin_container(w, '[', ']', false);
}

void dsbi_json_begin_flat_array(dsbi_json_writer *w)
{
    begin_container(w, '[', ']', true);
}

void dsbi_json_end_array(dsbi_json_writer *w)
{
    end_container(w, ']');
}

static void add_quoted(dsbi_text *out, const char *bytes, size_t n_bytes)
{
    static const char escaped[] = "\b\f\n\r\t\"\\", letters[] = "bfnrt\"\\";
    dsbi_text_add_n(out, "\"", 1);
    for (size_t i = 0; i < n_bytes;) {
        unsigned char c = (unsigned char)bytes[i];
        size_t length = dsbi_utf8_length((const uint8_t *)bytes + i, n_bytes - i);
        const char *found = c ? strchr(escaped, c) : NULL;
        if (found)
            dsbi_text_printf(out, "\\%c", letters[found - escaped]);
        else if (c < 0x20 || c == 0x7f)
            dsbi_text_printf(out, "\\u%04x", c);
        else if (length)
            dsbi_text_add_n(out, bytes + i, length);
        else
            dsbi_text_add(out, "\xef\xbf\xbd"); /* U+FFFD, replacement character */
        i += length ? length : 1;
    }
    dsbi_text_add_n(out, "\"", 1);
}

void dsbi_json_write_key(dsbi_json_writer *w, const char *key)
{
    assert(w->depth > 0 && w->closing[w->depth - 1] == '}' && !w->after_key);
    next_item(w);
    add_quoted(w->out, key, strlen(key));
    dsbi_text_add(w->out, w->indent ? ": " : ":");
    w->after_key = true;
}

void dsbi_json_write_string_n(dsbi_json_writer *w, const char *bytes, size_t n_bytes)
{
    begin_value(w);
    add_quoted(w->out, bytes, n_bytes);
}

void dsbi_json_write_string(dsbi_json_writer *w, const char *string)
{
    if (string)
        dsbi_json_write_string_n(w, string, strlen(string));
    else
        dsbi_json_write_null(w);
}

void dsbi_text_add_double(dsbi_text *text, double x)
{
    char digits[40];
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); /* static in glibc */
    locale_t callers = c_locale ? uselocale(c_locale) : (locale_t)0;
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, x);
        if (strtod(digits, NULL) == x)
            break;
    }
    if (c_locale) {
        uselocale(callers);
        freelocale(c_locale);
    }
    dsbi_text_add(text, digits);
}

void dsbi_json_write_double(dsbi_json_writer *w, double x)
{
    if (!isfinite(x)) {
        dsbi_json_write_null(w);
        return;
    }
    begin_value(w);
    dsbi_text_add_double(w->out, x);
}

void dsbi_json_write_int(dsbi_json_writer *w, int64_t x)
{
    begin_value(w);
    dsbi_text_printf(w->out, "%lld", (long long)x);
}

void dsbi_json_write_uint(dsbi_json_writer *w, uint64_t x)
{
    begin_value(w);
    dsbi_text_printf(w->out, "%llu", (unsigned long long)x);
}

void dsbi_json_write_bool(dsbi_json_writer *w, bool x)
{
    begin_value(w);
    dsbi_text_add(w->out, x ? "true" : "false");
}

void dsbi_json_write_null(dsbi_json_writer *w)
{
    begin_value(w);
    dsbi_text_add(w->out, "null");
}

void dsbi_json_put_string(dsbi_json_writer *w, const char *key, const char *string)
{
    dsbi_json_write_key(w, key);
    dsbi_json_write_string(w, string);
}

void dsbi_json_put_double(dsbi_json_writer *w, const char *key, double x)
{
    dsbi_json_write_key(w, key);
    dsbi_json_write_double(w, x);
}

void dsbi_json_put_uint(dsbi_json_writer *w, const char *key, uint64_t x)
{
    dsbi_json_write_key(w, key);
    dsbi_json_write_uint(w, x);
}

void dsbi_json_put_bool(dsbi_json_writer *w, const char *key, bool x)
{
    dsbi_json_write_key(w, key);
    dsbi_json_write_bool(w, x);
}

void dsbi_json_put_doubles(dsbi_json_writer *w, const char *key, const double *x, size_t n)
{
    dsbi_json_write_key(w, key);
    dsbi_json_begin_flat_array(w);
    for (size_t i = 0; i < n; i++)
        dsbi_json_write_double(w, x[i]);
    dsbi_json_end_array(w);
}
