/* See html.h. */
#include "report/html.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of a control character or a reordering mark at `s`, 0 if there is none. */
static size_t unwanted(const unsigned char *s, size_t size)
{
    if ((s[0] < 0x20 && s[0] != '\t' && s[0] != '\n') || s[0] == 0x7f)
        return 1;
    if (size >= 2 && s[0] == 0xc2 && s[1] < 0xa0)
        return 2; /* C1 controls */
    if (size >= 3 && s[0] == 0xe2 && s[1] == 0x80 && s[2] >= 0xaa && s[2] <= 0xae)
        return 3; /* U+202A..202E */
    if (size >= 3 && s[0] == 0xe2 && s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9)
        return 3; /* U+2066..2069 */
    return 0;
}

static const char *entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

void dsbi_html_escape(dsbi_text *t, const char *text, size_t size)
{
    size_t start = 0;
    for (size_t i = 0; i < size;) {
        size_t skip = unwanted((const unsigned char *)text + i, size - i);
        const char *replacement = skip ? "\xef\xbf\xbd" : entity(text[i]);
        if (text[i] == ' ' && i > 0 && i + 1 < size && text[i + 1] == '%' && is_digit(text[i - 1]))
            replacement = "&nbsp;";
        if (replacement) {
            dsbi_text_add_n(t, text + start, i - start);
            dsbi_text_add(t, replacement);
            i += skip ? skip : 1;
            start = i;
        } else {
            i++;
        }
    }
    dsbi_text_add_n(t, text + start, size - start);
}

void dsbi_plain_escape(dsbi_text *t, const char *text, size_t size)
{
    for (size_t i = 0; i < size;) {
        size_t skip = unwanted((const unsigned char *)text + i, size - i);
        if (text[i] == '\n' || text[i] == '\t')
            skip = 1;
        dsbi_text_add_n(t, skip ? "?" : text + i, 1);
        i += skip ? skip : 1;
    }
}

/* A number conversion: `spec` is the whole of it ("%.3f", "%llu"), `last` its letter. */
static void add_number(dsbi_text *t, const char *spec, char last, va_list *args)
{
    char number[400]; /* %f of the largest double has 309 digits */
    size_t l_count = 0;
    for (const char *p = spec; *p; p++)
        l_count += *p == 'l';
    bool is_size = strchr(spec, 'z') != NULL;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    if (strchr("feg", last))
        snprintf(number, sizeof number, spec, va_arg(*args, double));
    else if (is_size)
        snprintf(number, sizeof number, spec, va_arg(*args, size_t));
    else if (l_count == 2)
        snprintf(number, sizeof number, spec, va_arg(*args, unsigned long long));
    else if (l_count == 1)
        snprintf(number, sizeof number, spec, va_arg(*args, unsigned long));
    else
        snprintf(number, sizeof number, spec, va_arg(*args, unsigned));
#pragma GCC diagnostic pop
    dsbi_text_add(t, number);
}

/* Bytes of `text` that "%s" or "%.10s" asks for. */
static size_t limited(const char *spec, const char *text)
{
    const char *dot = strchr(spec, '.');
    return dot ? strnlen(text, (size_t)strtoul(dot + 1, NULL, 10)) : strlen(text);
}

void dsbi_html(dsbi_text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    while (*format) {
        size_t plain = strcspn(format, "%");
        dsbi_text_add_n(t, format, plain);
        format += plain;
        if (!*format)
            break;
        size_t size = 1 + strspn(format + 1, "0123456789.+- #lz") + 1;
        char spec[24], last = format[size - 1];
        snprintf(spec, sizeof spec, "%.*s", (int)size, format);
        format += size;
        if (last == 's') {
            const char *text = va_arg(args, const char *);
            dsbi_html_escape(t, text, limited(spec, text));
        } else if (last == '%') {
            dsbi_text_add(t, "%");
        } else {
            add_number(t, spec, last, &args);
        }
    }
    va_end(args);
}

bool dsbi_html_is_image(const char *uri)
{
    static const char *const heads[] = {"data:image/jpeg;base64,", "data:image/png;base64,"};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        size_t size = strlen(heads[i]);
        if (strncmp(uri, heads[i], size) != 0)
            continue;
        uri += size;
        size_t body =
            strspn(uri, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
        uri += body;
        uri += strspn(uri, "=");
        return body > 0 && *uri == '\0';
    }
    return false;
}

static bool continues(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80; /* inside a UTF-8 sequence */
}

const char *dsbi_html_shorten(dsbi_short *out, const char *name, size_t max)
{
    size_t bytes = strlen(name), characters = 0;
    for (size_t i = 0; i < bytes; i++)
        characters += !continues(name[i]);
    if (max > 60)
        max = 60; /* 4 bytes a character at most: fits */
    if (characters <= max && bytes < sizeof out->text) {
        memcpy(out->text, name, bytes + 1);
        return out->text;
    }
    size_t head = max / 2, tail = max - head - 1, i = 0, j = bytes;
    for (size_t n = 0; n < head && i < bytes; n++)
        for (i++; i < bytes && continues(name[i]);)
            i++;
    for (size_t n = 0; n < tail && j > i; n++)
        for (j--; j > i && continues(name[j]);)
            j--;
    snprintf(out->text, sizeof out->text, "%.*s\xe2\x80\xa6%.*s", (int)i, name, (int)(bytes - j),
             name + j);
    return out->text;
}
