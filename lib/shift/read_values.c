/* Plain numbers out of any file the readers know, for single calculations. */
#include <stdlib.h>
#include <string.h>
#include "shift/shift.h"

static dsb_status pick(const dsbi_column **out, const dsbi_columns *file, const char *name)
{
    *out = NULL;
    if (!name) {
        if (file->n != 1)
            return dsbi_fail(DSB_E_INVALID, "%zu columns: say which", file->n);
        *out = &file->item[0];
        return DSB_OK;
    }
    for (size_t i = 0; i < file->n && !*out; i++)
        if (strcmp(file->item[i].name, name) == 0)
            *out = &file->item[i];
    char *end;
    unsigned long number = strtoul(name, &end, 10);
    if (!*out && *name && *end == '\0' && number < file->n)
        *out = &file->item[number];
    return *out ? DSB_OK : dsbi_fail(DSB_E_NOTFOUND, "there is no column '%s'", name);
}

dsb_status dsb_shift_read_column(dsb_runtime *rt, double **values, uint64_t *n, const char *path,
                                 const char *column)
{
    dsbi_clear_error();
    if (!rt || !values || !n || !path)
        return dsbi_fail(DSB_E_INVALID, "reading a column needs a path and a place to write");
    *values = NULL;
    dsbi_columns file;
    dsbi_words words;
    const dsbi_column *c = NULL;
    dsbi_columns_init(&file, rt);
    dsbi_words_init(&words, rt);
    dsb_status status = dsbi_columns_read(&file, &words, path);
    if (status == DSB_OK)
        status = dsbi_fail_at(pick(&c, &file, column), "%s", path);
    if (status == DSB_OK && c->words)
        status = dsbi_fail(DSB_E_DATA, "%s: column '%s' is words, not numbers", path, c->name);
    if (status == DSB_OK) {
        *values = dsbi_alloc_array(rt, c->n + 1, sizeof **values);
        if (*values)
            memcpy(*values, c->value, c->n * sizeof **values);
        else
            status = DSB_E_NOMEM;
        *n = c->n;
    }
    dsbi_columns_free(&file);
    dsbi_words_free(&words);
    return status;
}

static dsb_status gather(dsb_runtime *rt, double **values, uint64_t *n, uint64_t *width,
                         const dsbi_columns *file)
{
    const dsbi_column *first = &file->item[0];
    bool matrix = file->n == 1 && first->matrix;
    size_t columns = matrix ? first->width : 0, rows = first->n, count, at = 0;
    for (size_t j = 0; !matrix && j < file->n; j++) {
        if (file->item[j].n != rows)
            return dsbi_fail(DSB_E_SHAPE, "columns of %zu and %zu values", rows, file->item[j].n);
        columns += !file->item[j].words;
    }
    if (columns == 0)
        return dsbi_fail(DSB_E_DATA, "no numbers");
    if (!dsbi_mul(&count, rows, columns))
        return dsbi_fail(DSB_E_LIMIT, "%zu x %zu values", rows, columns);
    *values = dsbi_alloc_array(rt, count, sizeof **values);
    if (!*values)
        return DSB_E_NOMEM;
    if (matrix)
        memcpy(*values, first->matrix, count * sizeof **values);
    for (size_t j = 0; !matrix && j < file->n; j++) {
        if (file->item[j].words)
            continue;
        for (size_t i = 0; i < rows; i++)
            (*values)[i * columns + at] = file->item[j].value[i];
        at++;
    }
    *n = rows;
    *width = columns;
    return DSB_OK;
}

dsb_status dsb_shift_read_matrix(dsb_runtime *rt, double **values, uint64_t *n, uint64_t *width,
                                 const char *path)
{
    dsbi_clear_error();
    if (!rt || !values || !n || !width || !path)
        return dsbi_fail(DSB_E_INVALID, "reading a matrix needs a path and places to write");
    *values = NULL;
    dsbi_columns file;
    dsbi_words words;
    dsbi_columns_init(&file, rt);
    dsbi_words_init(&words, rt);
    dsb_status status = dsbi_columns_read(&file, &words, path);
    if (status == DSB_OK)
        status = dsbi_fail_at(gather(rt, values, n, width, &file), "%s", path);
    dsbi_columns_free(&file);
    dsbi_words_free(&words);
    return status;
}

void dsb_shift_values_free(dsb_runtime *rt, double *values)
{
    dsbi_free(rt, values);
}
