/* Reading CSV records (RFC 4180): comma or tab, whichever the first line holds, LF or CR LF, quoted
 * fields with doubled quotes. Fields are cut in place; the text is the caller's and is changed. */
#ifndef DSBI_BASE_CSV_READ_H
#define DSBI_BASE_CSV_READ_H

#include <stdbool.h>
#include <stddef.h>
#include "base/status.h"

enum { DSBI_CSV_MAX_FIELDS = 256 };

typedef struct dsbi_csv_reader {
    char *at, *end; /* *end is a NUL of the text */
    char separator;
    size_t line; /* of the record last read, from 1 */
    size_t next_line;
    char *fields[DSBI_CSV_MAX_FIELDS]; /* NUL-ended */
    size_t n;
} dsbi_csv_reader;

/* `text` has `size` bytes and a NUL behind them; a byte order mark is passed over. */
void dsbi_csv_reader_init(dsbi_csv_reader *out, char *text, size_t size);

/* The next record that is not an empty line; n = 0 at the end. DSB_E_FORMAT with the line (an open
 * quote, bytes behind a closing one, a NUL), DSB_E_LIMIT for too many fields. */
dsb_status dsbi_csv_read(dsbi_csv_reader *reader);

#endif
