/* A string that grows. The status is sticky: append freely, look at it once at the end.
 *
 *     dsbi_text text;
 *     dsbi_text_init(&text, rt);
 *     dsbi_text_printf(&text, "%d images\n", 12);
 *     if (text.status == DSB_OK) use(text.data, text.size);
 *     dsbi_text_free(&text);
 */
#ifndef DSBI_BASE_TEXT_H
#define DSBI_BASE_TEXT_H

#include <stddef.h>
#include "base/status.h"

typedef struct dsbi_text {
    dsb_runtime *rt;
    char *data;        /* always ends with a NUL that `size` does not count; never NULL */
    size_t size;       /* bytes in use */
    size_t capacity;   /* bytes allocated, 0 while `data` is the static empty string */
    dsb_status status; /* first failure; appending after it does nothing */
} dsbi_text;

void dsbi_text_init(dsbi_text *text, dsb_runtime *rt);
void dsbi_text_free(dsbi_text *text);
/* Empties it and forgets a failure; keeps the memory. */
void dsbi_text_clear(dsbi_text *text);
/* Keeps the first `size` bytes; `size` is not above the present one. */
void dsbi_text_truncate(dsbi_text *text, size_t size);
void dsbi_text_add(dsbi_text *text, const char *string);
void dsbi_text_add_n(dsbi_text *text, const char *bytes, size_t n_bytes);
/* Numbers are written as in the C locale whatever the caller has set. */
void dsbi_text_printf(dsbi_text *text, const char *format, ...) DSBI_PRINTF(2, 3);
/* Hands the string over (dsbi_free it) and leaves `text` empty. NULL on a failure. */
char *dsbi_text_take(dsbi_text *text);

#endif
