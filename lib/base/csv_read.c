/* See csv_read.h. */
#include "base/csv_read.h"

#include <string.h>

void dsbi_csv_reader_init(dsbi_csv_reader *out, char *text, size_t size)
{
    *out = (dsbi_csv_reader){.at = text, .end = text + size, .separator = ',', .next_line = 1};
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        out->at += 3;
    const char *line_end = memchr(out->at, '\n', (size_t)(out->end - out->at));
    size_t length = (size_t)((line_end ? line_end : out->end) - out->at);
    if (!memchr(out->at, ',', length) && memchr(out->at, '\t', length))
        out->separator = '\t';
}

/* Cuts a quoted field; `at` stands on its quote, then behind the closing one. */
static dsb_status cut_quoted(dsbi_csv_reader *self)
{
    char *to = ++self->at;
    self->fields[self->n++] = to;
    for (;; self->at++) {
        if (self->at >= self->end)
            return dsbi_fail(DSB_E_FORMAT, "csv: the quote of line %zu is not closed", self->line);
        if (*self->at == '"' && self->at[1] != '"')
            break;
        self->at += *self->at == '"';
        self->next_line += *self->at == '\n';
        if (*self->at == '\0')
            return dsbi_fail(DSB_E_FORMAT, "csv: a zero byte in line %zu", self->line);
        *to++ = *self->at;
    }
    self->at++;
    char behind = self->at < self->end ? *self->at : '\n';
    if (behind != self->separator && behind != '\n' && behind != '\r')
        return dsbi_fail(DSB_E_FORMAT, "csv: bytes behind the quoted field in line %zu",
                         self->line);
    *to = '\0'; /* `to` is before `at` */
    return DSB_OK;
}

/* Cuts a field; *is_last says whether the record ends with it. `at` stands behind its end. */
static dsb_status cut_field(dsbi_csv_reader *self, bool *is_last)
{
    if (self->n == DSBI_CSV_MAX_FIELDS)
        return dsbi_fail(DSB_E_LIMIT, "csv: more than %d fields in line %zu", DSBI_CSV_MAX_FIELDS,
                         self->line);
    if (self->at < self->end && *self->at == '"') {
        DSBI_TRY(cut_quoted(self));
    } else {
        self->fields[self->n++] = self->at;
        while (self->at < self->end && *self->at != self->separator && *self->at != '\n') {
            if (*self->at == '\0')
                return dsbi_fail(DSB_E_FORMAT, "csv: a zero byte in line %zu", self->line);
            self->at++;
        }
        if (self->at > self->fields[self->n - 1] && self->at[-1] == '\r' &&
            (self->at >= self->end || *self->at == '\n'))
            self->at[-1] = '\0';
    }
    if (self->at < self->end && *self->at == '\r')
        *self->at++ = '\0';
    *is_last = self->at >= self->end || *self->at == '\n';
    if (self->at < self->end) {
        self->next_line += *self->at == '\n';
        *self->at++ = '\0';
    }
    return DSB_OK;
}

dsb_status dsbi_csv_read(dsbi_csv_reader *self)
{
    do {
        self->n = 0;
        self->line = self->next_line;
        if (self->at >= self->end)
            return DSB_OK;
        bool is_last = false;
        while (!is_last)
            DSBI_TRY(cut_field(self, &is_last));
    } while (self->n == 1 && self->fields[0][0] == '\0');
    return DSB_OK;
}
