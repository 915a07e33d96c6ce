/* See text.h. */
#include "base/text.h"

#include <assert.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"

static char empty[1]; /* never written: capacity 0 stands for it */

void dsbi_text_init(dsbi_text *text, dsb_runtime *rt)
{
    *text = (dsbi_text){.rt = rt, .data = empty};
}

void dsbi_text_free(dsbi_text *text)
{
    if (text->capacity)
        dsbi_free(text->rt, text->data);
    dsbi_text_init(text, text->rt);
}

void dsbi_text_clear(dsbi_text *text)
{
    dsbi_text_truncate(text, 0);
    text->status = DSB_OK;
}

void dsbi_text_truncate(dsbi_text *text, size_t size)
{
    assert(size <= text->size);
    text->size = size;
    if (text->capacity)
        text->data[size] = '\0';
}

/* Room for n more bytes and the NUL. */
static int reserve(dsbi_text *text, size_t n_bytes)
{
    if (text->status != DSB_OK)
        return 0;
    size_t needed;
    if (!dsbi_add(&needed, text->size, n_bytes) || !dsbi_add(&needed, needed, 1)) {
        text->status = dsbi_fail(DSB_E_LIMIT, "text: size overflow");
        return 0;
    }
    void *data = text->capacity ? text->data : NULL;
    text->status = dsbi_grow(text->rt, &data, &text->capacity, needed, 1);
    if (text->status != DSB_OK)
        return 0;
    text->data = data;
    return 1;
}

void dsbi_text_add_n(dsbi_text *text, const char *bytes, size_t n_bytes)
{
    if (!reserve(text, n_bytes))
        return;
    if (n_bytes)
        memcpy(text->data + text->size, bytes, n_bytes);
    text->size += n_bytes;
    text->data[text->size] = '\0';
}

void dsbi_text_add(dsbi_text *text, const char *string)
{
    dsbi_text_add_n(text, string, strlen(string));
}

/* The locale of this thread only, put back before returning: "1,5" in a JSON file is not a number.
 * glibc gives its static object for "C", so nothing is allocated. */
void dsbi_text_printf(dsbi_text *text, const char *format, ...)
{
    if (!reserve(text, 64))
        return;
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t callers = c_locale ? uselocale(c_locale) : (locale_t)0;
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    size_t room = text->capacity - text->size;
    int length = vsnprintf(text->data + text->size, room, format, args);
    if (length < 0) {
        text->data[text->size] = '\0';
        text->status = dsbi_fail(DSB_E_INTERNAL, "text: format \"%s\" failed", format);
    } else if ((size_t)length < room) {
        text->size += (size_t)length;
    } else if (reserve(text, (size_t)length)) {
        vsnprintf(text->data + text->size, (size_t)length + 1, format, again);
        text->size += (size_t)length;
    } else {
        text->data[text->size] = '\0';
    }
    va_end(again);
    va_end(args);
    if (c_locale) {
        uselocale(callers);
        freelocale(c_locale);
    }
}

char *dsbi_text_take(dsbi_text *text)
{
    if (!reserve(text, 0))
        return NULL;
    char *data = text->data;
    data[text->size] = '\0';
    dsbi_text_init(text, text->rt);
    return data;
}
