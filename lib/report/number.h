/* Numbers as a person reads them: "87.1 %", "p < 1e-6", "13,807", "2:13 min". Each writes into the
 * caller's buffer and returns it, so that a call can stand in an argument list. */
#ifndef DSBI_REPORT_NUMBER_H
#define DSBI_REPORT_NUMBER_H

#include <stdint.h>

typedef struct dsbi_number {
    char text[48];
} dsbi_number;

/* A fraction as per cent with one decimal, "87.1 %"; "n/a" for NaN. */
const char *dsbi_number_percent(dsbi_number *out, double fraction);
/* A difference of fractions in percentage points with its sign, "+25.9 points". */
const char *dsbi_number_points(dsbi_number *out, double difference);
/* "84.8 to 89.1 %". */
const char *dsbi_number_interval(dsbi_number *out, double lo, double hi);
/* "p = 0.012", "p = 2.3e-05", "p < 1e-6". */
const char *dsbi_number_p(dsbi_number *out, double p);
/* Thousands separated, "13,807". */
const char *dsbi_number_count(dsbi_number *out, uint64_t n);
/* "0.4 s", "8.4 s", "2:13 min", "1.2 h". */
const char *dsbi_number_seconds(dsbi_number *out, double seconds);
/* "312 bytes", "14.2 KiB", "118 MiB". */
const char *dsbi_number_bytes(dsbi_number *out, double bytes);
/* At most four significant digits, no trailing zeros: ticks and table cells. */
const char *dsbi_number_plain(dsbi_number *out, double x);

#endif
