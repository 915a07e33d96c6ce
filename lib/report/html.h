/* Markup into a growing text. Whatever comes from data is escaped by construction: dsbi_html is a
 * printf whose %s escapes, always; raw text goes through dsbi_text_add, which takes no arguments.
 * File names may hold anything; none of it becomes markup. */
#ifndef DSBI_REPORT_HTML_H
#define DSBI_REPORT_HTML_H

#include <stdbool.h>
#include "base/text.h"

/* Conversions: %s (escaped), %c, %d, %u, %x with l, ll or z, %f, %e, %g, %%; flags, widths and
 * precisions as in printf, given in the format. */
void dsbi_html(dsbi_text *t, const char *format, ...) DSBI_PRINTF(2, 3);

/* & < > " ' become entities; the blank of "95 %" does not break; control characters and the marks
 * that reorder text (U+202A..202E, U+2066..2069, which let a name display as another) become
 * U+FFFD. */
void dsbi_html_escape(dsbi_text *t, const char *text, size_t size);

/* For a terminal: the same characters, and line breaks, become "?". */
void dsbi_plain_escape(dsbi_text *t, const char *text, size_t size);

/* "data:image/jpeg;base64,..." or png and nothing but base64 after it: safe as an image source. */
bool dsbi_html_is_image(const char *uri);

/* The name shortened in its middle to at most `max` characters: "holiday_2...0031.jpg". */
typedef struct dsbi_short {
    char text[256];
} dsbi_short;
const char *dsbi_html_shorten(dsbi_short *out, const char *name, size_t max);

#endif
