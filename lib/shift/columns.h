/* What every reader makes of a file: named columns of numbers, or of words numbered by a dictionary
 * that all files of an evaluation share. Missing values are NaN.
 *
 *   JSON   [3, 8, ...]  ["cat", ...]  [[0.1, 0.9], ...]  {"model": [...], ...}
 *   npy    [n] classes or scores; [n, k] integers: k best classes, best first; [n, c] floats:
 *          probabilities or logits
 *   CSV    comma, semicolon or tab, quoted as RFC 4180, a header where the first row is not numbers
 *   text   one value a line
 */
#ifndef DSBI_SHIFT_COLUMNS_H
#define DSBI_SHIFT_COLUMNS_H

#include <stdbool.h>
#include "shift/words.h"

typedef struct dsbi_column {
    char *name;    /* "" if the file gives none */
    char *source;  /* file below a folder, for messages; NULL otherwise */
    double *value; /* [n] number, or number of the word; NaN = missing */
    size_t n;
    bool words;     /* values are numbers of words */
    bool whole;     /* all values are whole numbers or missing */
    double *matrix; /* [n, width] for arrays of rows, `value` is then the first column; NULL */
    size_t width;
    uint32_t digits; /* most decimals any value was written with (CSV) */
} dsbi_column;

typedef struct dsbi_columns {
    dsb_runtime *rt;
    dsbi_column *item; /* [n] */
    size_t n, capacity;
} dsbi_columns;

/* Bounds on what one file may ask for. */
#define DSBI_COLUMNS_MAX_BYTES ((size_t)1 << 30)
enum { DSBI_COLUMNS_MAX = 100000 };

void dsbi_columns_init(dsbi_columns *columns, dsb_runtime *rt);
void dsbi_columns_free(dsbi_columns *columns);
/* A new column of n values (NaN), named by a copy of `name`. NULL: no memory. */
dsbi_column *dsbi_columns_add(dsbi_columns *columns, const char *name, size_t n);
/* The column of that name (any of NULL-ended `names`, case ignored), NULL if there is none. */
dsbi_column *dsbi_columns_find(const dsbi_columns *columns, const char *const *names);
/* Refuses a column of words where numbers belong, with the first word that is none. DSB_E_DATA. */
dsb_status dsbi_columns_not_numbers(const dsbi_column *column, const dsbi_words *words);

/* Parses the bytes of a file, format by content. Failures say line and column or byte. */
dsb_status dsbi_columns_parse(dsbi_columns *out, dsbi_words *words, const uint8_t *bytes,
                              size_t size);
dsb_status dsbi_columns_parse_npy(dsbi_columns *out, const uint8_t *bytes, size_t size);
dsb_status dsbi_columns_parse_json(dsbi_columns *out, dsbi_words *words, const uint8_t *bytes,
                                   size_t size);
dsb_status dsbi_columns_parse_csv(dsbi_columns *out, dsbi_words *words, const uint8_t *bytes,
                                  size_t size);
/* strtod as in the C locale. */
double dsbi_decimal(const char *text, char **end);
/* A file, or every file of a folder; columns without a name get the stem of their file. */
dsb_status dsbi_columns_read(dsbi_columns *out, dsbi_words *words, const char *path);

#endif
