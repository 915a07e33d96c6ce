/* CSV as RFC 4180: fields separated by commas, records ended by CR LF, a field with a comma, a
 * quote or a line break in quotes, quotes doubled. Fields are appended to a text; the comma comes
 * by itself.
 *
 *     dsbi_csv_field(&text, "path");
 *     dsbi_csv_field(&text, "probability");
 *     dsbi_csv_end(&text);
 */
#ifndef DSBI_BASE_CSV_H
#define DSBI_BASE_CSV_H

#include <stdint.h>
#include "base/text.h"

void dsbi_csv_field(dsbi_text *text, const char *field);
void dsbi_csv_field_n(dsbi_text *text, const char *field, size_t n_bytes);
void dsbi_csv_uint(dsbi_text *text, uint64_t value);
/* The shortest decimal that reads back the same; nothing for NaN and infinity. */
void dsbi_csv_double(dsbi_text *text, double value);
/* Ends the record. */
void dsbi_csv_end(dsbi_text *text);

#endif
