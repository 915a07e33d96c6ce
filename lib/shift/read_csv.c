/* Text tables: RFC 4180 quoting, comma, semicolon or tab (the one that the first line holds most
 * of), CR LF or LF, a byte order mark, blank lines at the end. A single column is one value a line.
 *
 * A column is numbers if every value of it is one ("", "NA", "nan", "null", "-" are missing),
 * otherwise words. The first row is a header unless all its fields are numbers; a single column of
 * words has a header only if the first is a name that labels go by. */
#include <math.h>
#include <string.h>
#include <strings.h>
#include "base/text.h"
#include "shift/columns.h"

typedef struct field {
    const char *text; /* into the file, or into `unquoted` */
    size_t size;
    bool was_quoted;
} field;

typedef struct table {
    dsb_runtime *rt;
    const char *at, *end;
    size_t line; /* of the row being read, from 1 */
    char separator;
    char *unquoted; /* room for quoted fields of the whole file */
    size_t unquoted_size;
    field *fields; /* of all rows, row after row */
    size_t n_fields, capacity;
    size_t width, n_rows;
} table;

static char find_separator(const char *at, const char *end)
{
    size_t commas = 0, semicolons = 0, tabs = 0;
    bool inside = false;
    for (; at < end && (inside || *at != '\n'); at++) {
        inside ^= *at == '"';
        commas += !inside && *at == ',';
        semicolons += !inside && *at == ';';
        tabs += !inside && *at == '\t';
    }
    return tabs > commas && tabs >= semicolons ? '\t' : semicolons > commas ? ';' : ',';
}

static dsb_status read_quoted(table *t, field *f)
{
    size_t start_line = t->line;
    f->text = t->unquoted + t->unquoted_size;
    f->was_quoted = true;
    for (t->at++; t->at < t->end; t->at++) {
        if (*t->at == '"') {
            if (t->at + 1 < t->end && t->at[1] == '"')
                t->at++;
            else
                break;
        }
        t->line += *t->at == '\n';
        t->unquoted[t->unquoted_size++] = *t->at;
    }
    if (t->at == t->end)
        return dsbi_fail(DSB_E_FORMAT, "line %zu: a quoted field never ends", start_line);
    f->size = (size_t)(t->unquoted + t->unquoted_size - f->text);
    t->at++;
    if (t->at < t->end && *t->at != t->separator && *t->at != '\n' && *t->at != '\r')
        return dsbi_fail(DSB_E_FORMAT, "line %zu: text after a closing quote", t->line);
    return DSB_OK;
}

static dsb_status read_row(table *t)
{
    size_t count = 0, line = t->line;
    for (;;) {
        void *list = t->fields;
        DSBI_TRY(dsbi_grow(t->rt, &list, &t->capacity, t->n_fields + 1, sizeof *t->fields));
        t->fields = list;
        field *f = &t->fields[t->n_fields++];
        *f = (field){0};
        if (++count > DSBI_COLUMNS_MAX)
            return dsbi_fail(DSB_E_LIMIT, "line %zu: more than %d fields", line, DSBI_COLUMNS_MAX);
        if (t->at < t->end && *t->at == '"') {
            DSBI_TRY(read_quoted(t, f));
        } else {
            f->text = t->at;
            while (t->at < t->end && *t->at != t->separator && *t->at != '\n')
                t->at++;
            f->size = (size_t)(t->at - f->text);
            while (f->size > 0 && memchr(" \r", f->text[f->size - 1], 2))
                f->size--;
            while (f->size > 0 && *f->text == ' ') {
                f->text++;
                f->size--;
            }
        }
        if (t->at < t->end && *t->at == t->separator) {
            t->at++;
            continue;
        }
        while (t->at < t->end && *t->at == '\r')
            t->at++;
        if (t->at < t->end && *t->at == '\n') {
            t->at++;
            t->line++;
        }
        break;
    }
    if (count == 1 && t->fields[t->n_fields - 1].size == 0 &&
        !t->fields[t->n_fields - 1].was_quoted && (t->width > 1 || t->at == t->end)) {
        t->n_fields--; /* a blank line */
        return DSB_OK;
    }
    if (t->n_rows == 0)
        t->width = count;
    if (count != t->width)
        return dsbi_fail(DSB_E_FORMAT, "line %zu: %zu fields, but the first line has %zu", line,
                         count, t->width);
    t->n_rows++;
    return DSB_OK;
}

static bool is_missing(const field *f)
{
    static const char *const words[] = {"", "na", "nan", "null", "none", "-", "n/a", NULL};
    for (const char *const *w = words; *w; w++)
        if (strlen(*w) == f->size && strncasecmp(*w, f->text, f->size) == 0)
            return !f->was_quoted || f->size == 0;
    return false;
}

/* Decimal numbers only: no hex, no inf, no locale. */
static bool is_number(const field *f, double *value, uint32_t *digits)
{
    char text[64];
    bool seen = false;
    uint32_t after = 0;
    bool dot = false, exponent = false;
    if (f->size == 0 || f->size >= sizeof text)
        return false;
    for (size_t i = 0; i < f->size; i++) {
        char c = f->text[i];
        if (c >= '0' && c <= '9') {
            seen = true;
            after += dot && !exponent;
        } else if (c == '.' && !dot && !exponent) {
            dot = true;
        } else if ((c == 'e' || c == 'E') && seen && !exponent) {
            exponent = true;
            seen = false;
        } else if (!((c == '-' || c == '+') &&
                     (i == 0 || f->text[i - 1] == 'e' || f->text[i - 1] == 'E'))) {
            return false;
        }
        text[i] = c;
    }
    text[f->size] = '\0';
    if (!seen)
        return false;
    *value = dsbi_decimal(text, NULL);
    *digits = exponent ? 17 : after;
    return isfinite(*value);
}

static bool has_header(const table *t)
{
    static const char *const names[] = {
        "label",        "labels", "target",     "targets",     "class",     "true",    "truth", "y",
        "ground_truth", "score",  "prediction", "predictions", "predicted", "correct", NULL};
    double value;
    uint32_t digits;
    bool numeric_below = t->n_rows > 1, numeric = true;
    for (size_t i = 0; i < t->width; i++) {
        numeric = numeric && (is_number(&t->fields[i], &value, &digits) ||
                              (t->width > 1 && i > 0 && is_missing(&t->fields[i])));
        if (t->n_rows > 1)
            numeric_below = numeric_below && is_number(&t->fields[t->width + i], &value, &digits);
    }
    if (numeric)
        return false;
    if (t->width > 1 || numeric_below)
        return true;
    for (const char *const *n = names; *n; n++)
        if (strlen(*n) == t->fields[0].size &&
            strncasecmp(*n, t->fields[0].text, t->fields[0].size) == 0)
            return true;
    return false;
}

static dsb_status make_column(dsbi_columns *out, dsbi_words *words, const table *t, size_t j,
                              bool header)
{
    char name[512] = "";
    if (header) {
        const field *f = &t->fields[j];
        size_t size = f->size < sizeof name - 1 ? f->size : sizeof name - 1;
        memcpy(name, f->text, size);
        name[size] = '\0';
    }
    dsbi_column *c = dsbi_columns_add(out, name, t->n_rows - header);
    if (!c)
        return DSB_E_NOMEM;
    for (size_t i = 0; i < c->n && !c->words; i++) {
        const field *f = &t->fields[(i + header) * t->width + j];
        uint32_t digits = 0;
        if (is_missing(f))
            continue;
        if (!is_number(f, &c->value[i], &digits))
            c->words = true;
        c->digits = digits > c->digits ? digits : c->digits;
        c->whole = c->whole && (c->words || c->value[i] == floor(c->value[i]));
    }
    for (size_t i = 0; c->words && i < c->n; i++) {
        const field *f = &t->fields[(i + header) * t->width + j];
        size_t number;
        c->value[i] = NAN;
        if (is_missing(f))
            continue;
        DSBI_TRY(dsbi_words_add(words, &number, f->text, f->size));
        c->value[i] = (double)number;
    }
    return DSB_OK;
}

dsb_status dsbi_columns_parse_csv(dsbi_columns *out, dsbi_words *words, const uint8_t *bytes,
                                  size_t size)
{
    table t = {
        .rt = out->rt, .at = (const char *)bytes, .end = (const char *)bytes + size, .line = 1};
    if (size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
        t.at += 3;
    t.separator = find_separator(t.at, t.end);
    t.unquoted = dsbi_alloc(out->rt, size + 1);
    dsb_status status = t.unquoted ? DSB_OK : DSB_E_NOMEM;
    while (status == DSB_OK && t.at < t.end)
        status = read_row(&t);
    if (status == DSB_OK && t.n_rows == 0)
        status = dsbi_fail(DSB_E_DATA, "the file is empty");
    bool header = status == DSB_OK && has_header(&t);
    if (status == DSB_OK && t.n_rows == header)
        status = dsbi_fail(DSB_E_DATA, "a header and no rows");
    for (size_t j = 0; status == DSB_OK && j < t.width; j++)
        status = make_column(out, words, &t, j, header);
    dsbi_free(out->rt, t.unquoted);
    dsbi_free(out->rt, t.fields);
    return status;
}
