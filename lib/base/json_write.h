/* Writes JSON into a dsbi_text. Commas, colons and indentation come by themselves; misuse (a value
 * without a key inside an object, an unbalanced end) is an assert.
 *
 *     dsbi_json_writer w;
 *     dsbi_json_writer_init(&w, &text, 2);
 *     dsbi_json_begin_object(&w);
 *     dsbi_json_write_key(&w, "n");
 *     dsbi_json_write_uint(&w, 12);
 *     dsbi_json_end_object(&w);
 */
#ifndef DSBI_BASE_JSON_WRITE_H
#define DSBI_BASE_JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/text.h"

enum { DSBI_JSON_WRITE_DEPTH = 64 };

typedef struct dsbi_json_writer {
    dsbi_text *out; /* its sticky status is the writer's */
    int indent;     /* 0: one line; else spaces per level */
    uint32_t depth;
    bool after_key;
    char closing[DSBI_JSON_WRITE_DEPTH]; /* '}' or ']' of each open container */
    bool has_items[DSBI_JSON_WRITE_DEPTH];
    bool flat[DSBI_JSON_WRITE_DEPTH]; /* written on one line */
} dsbi_json_writer;

void dsbi_json_writer_init(dsbi_json_writer *w, dsbi_text *out, int indent);

void dsbi_json_begin_object(dsbi_json_writer *w);
void dsbi_json_end_object(dsbi_json_writer *w);
void dsbi_json_begin_array(dsbi_json_writer *w);
/* An array or object that stays on one line whatever the indent: [0.81, 0.85]. */
void dsbi_json_begin_flat_array(dsbi_json_writer *w);
void dsbi_json_begin_flat_object(dsbi_json_writer *w);
void dsbi_json_end_array(dsbi_json_writer *w);

void dsbi_json_write_key(dsbi_json_writer *w, const char *key);
/* Bytes that are not UTF-8 (file names may hold any) are written as U+FFFD; NULL as null. */
void dsbi_json_write_string(dsbi_json_writer *w, const char *string);
void dsbi_json_write_string_n(dsbi_json_writer *w, const char *bytes, size_t n_bytes);
/* The shortest decimal that reads back as the same double; NaN and infinity as null. */
void dsbi_json_write_double(dsbi_json_writer *w, double x);
void dsbi_json_write_int(dsbi_json_writer *w, int64_t x);
void dsbi_json_write_uint(dsbi_json_writer *w, uint64_t x);
void dsbi_json_write_bool(dsbi_json_writer *w, bool x);
void dsbi_json_write_null(dsbi_json_writer *w);

/* A member of an object: key and value. */
void dsbi_json_put_string(dsbi_json_writer *w, const char *key, const char *string);
void dsbi_json_put_double(dsbi_json_writer *w, const char *key, double x);
void dsbi_json_put_uint(dsbi_json_writer *w, const char *key, uint64_t x);
void dsbi_json_put_bool(dsbi_json_writer *w, const char *key, bool x);
void dsbi_json_put_doubles(dsbi_json_writer *w, const char *key, const double *x, size_t n);

/* The shortest decimal of a finite double as the C locale writes it, for CSV and the like. */
void dsbi_text_add_double(dsbi_text *text, double x);

#endif
