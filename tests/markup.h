/* What must hold of any page. */
#ifndef DSBI_TESTS_MARKUP_H
#define DSBI_TESTS_MARKUP_H

#include <stdbool.h>
#include "testing.h"

/* Every element that is opened is closed, in order. */
static inline void check_balance(const char *html)
{
    char stack[64][16];
    size_t depth = 0;
    for (const char *p = strchr(html, '<'); p; p = strchr(p + 1, '<')) {
        bool closes = p[1] == '/';
        const char *name = p + 1 + closes, *end = strchr(p, '>');
        size_t size = strcspn(name, " >/");
        static const char *const empty[] = {"meta", "br", "img", "!DOCTYPE"};
        bool skip = end[-1] == '/';
        for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++)
            skip = skip || (size == strlen(empty[i]) && memcmp(name, empty[i], size) == 0);
        if (skip)
            continue;
        ck_assert_uint_lt(size, sizeof stack[0]);
        if (!closes) {
            ck_assert_uint_lt(depth, 64);
            snprintf(stack[depth++], sizeof stack[0], "%.*s", (int)size, name);
        } else {
            ck_assert_uint_gt(depth, 0);
            depth--;
            ck_assert_msg(strlen(stack[depth]) == size && memcmp(stack[depth], name, size) == 0,
                          "<%s> is closed by %.60s", stack[depth], p);
        }
    }
    ck_assert_uint_eq(depth, 0);
}

/* Nothing is run or loaded, nothing reaches the terminal or reorders text. */
static inline void check_harmless(const char *html)
{
    check_balance(html);
    static const char *const forbidden[] = {"<script",    "<iframe", "http://",     "https://",
                                            "\" onload=", "\033",    "\xe2\x80\xae"};
    for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++)
        ck_assert_msg(!strstr(html, forbidden[i]), "the page holds %s", forbidden[i]);
}

#endif
