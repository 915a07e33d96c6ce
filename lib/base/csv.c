/* See csv.h. */
#include "base/csv.h"

#include <math.h>
#include <string.h>
#include "base/json_write.h"

/* A field that is not the first of its record. */
static void separate(dsbi_text *text)
{
    if (text->size > 0 && text->data[text->size - 1] != '\n')
        dsbi_text_add(text, ",");
}

void dsbi_csv_field_n(dsbi_text *text, const char *field, size_t n_bytes)
{
    separate(text);
    bool quoted = n_bytes == 0;
    for (size_t i = 0; i < n_bytes && !quoted; i++)
        quoted = strchr(",\"\r\n", field[i]) != NULL;
    if (!quoted) {
        dsbi_text_add_n(text, field, n_bytes);
        return;
    }
    dsbi_text_add(text, "\"");
    for (size_t i = 0; i < n_bytes; i++)
        dsbi_text_add_n(text, field[i] == '"' ? "\"\"" : field + i, field[i] == '"' ? 2 : 1);
    dsbi_text_add(text, "\"");
}

void dsbi_csv_field(dsbi_text *text, const char *field)
{
    dsbi_csv_field_n(text, field, strlen(field));
}

void dsbi_csv_uint(dsbi_text *text, uint64_t value)
{
    separate(text);
    dsbi_text_printf(text, "%llu", (unsigned long long)value);
}

void dsbi_csv_double(dsbi_text *text, double value)
{
    if (!isfinite(value)) {
        dsbi_csv_field_n(text, "", 0);
        return;
    }
    separate(text);
    dsbi_text_add_double(text, value);
}

void dsbi_csv_end(dsbi_text *text)
{
    dsbi_text_add(text, "\r\n");
}
