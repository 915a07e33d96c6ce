/* See plain.h. */
#include "plain.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Bytes of the UTF-8 character at `p`, 0 if there is none. Overlong forms and surrogates are
 * none (Unicode 15, table 3-7). */
static size_t character(const unsigned char *p)
{
    static const struct {
        unsigned char from, to, low, high; /* first byte, bounds of the second */
        size_t size;
    } rows[] = {
        {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (p[0] < rows[i].from || p[0] > rows[i].to)
            continue;
        for (size_t k = 1; k < rows[i].size; k++)
            if (p[k] < (k == 1 ? rows[i].low : 0x80) || p[k] > (k == 1 ? rows[i].high : 0xbf))
                return 0;
        return rows[i].size;
    }
    return 0;
}

/* Controls, and the marks U+200E, U+200F, U+202A..202E, U+2066..2069. */
static bool is_harmful(const unsigned char *p, size_t size)
{
    if (size == 1)
        return p[0] < 0x20 || p[0] == 0x7f;
    if (size == 2)
        return p[0] == 0xc2 && p[1] < 0xa0;
    if (size != 3 || p[0] != 0xe2)
        return false;
    return (p[1] == 0x80 && (p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xaa && p[2] <= 0xae))) ||
           (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9);
}

void cli_put_plain(FILE *to, const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    while (*p) {
        size_t size = character(p);
        if (size == 0 || is_harmful(p, size))
            fputc('?', to);
        else
            fwrite(p, 1, size, to);
        p += size ? size : 1;
    }
}

void cli_make_plain(char *text)
{
    char *out = text;
    while (*text) {
        size_t size = character((const unsigned char *)text);
        if (size == 0 || is_harmful((const unsigned char *)text, size)) {
            *out++ = '?';
            text += size ? size : 1;
        } else {
            memmove(out, text, size);
            out += size;
            text += size;
        }
    }
    *out = '\0';
}
