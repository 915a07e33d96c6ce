/* Reading a record leniently: a report must come out of any valid record, so what is missing is
 * NaN, zero or "", and sections without their data are left out. */
#ifndef DSBI_REPORT_RECORD_H
#define DSBI_REPORT_RECORD_H

#include "base/json.h"
#include "base/text.h"

const char *dsbi_record_text(const dsbi_json_value *object, const char *key); /* "" */
double dsbi_record_number(const dsbi_json_value *object, const char *key);    /* NaN */
uint64_t dsbi_record_count(const dsbi_json_value *object, const char *key);   /* 0 */
bool dsbi_record_bool(const dsbi_json_value *object, const char *key);        /* false */
/* The two ends of an interval member; NaN if it is not there. */
void dsbi_record_interval(const dsbi_json_value *object, const char *key, double *lo, double *hi);
/* Value i of an array; NULL past its end. Linear in i: for short arrays. */
const dsbi_json_value *dsbi_record_item(const dsbi_json_value *array, size_t i);
/* Whether a member is there and not null. */
bool dsbi_record_has(const dsbi_json_value *object, const char *key);

/* Parses `json` and checks that its "schema" begins with `schema` ("dsbias.classify/"). */
dsb_status dsbi_record_open(dsb_runtime *rt, dsbi_json **doc, const char *json, size_t size,
                            const char *schema);

/* What a report writes from the root of its record into `t`, whose own status is looked at
 * afterwards. */
typedef dsb_status (*dsbi_record_write_fn)(dsb_runtime *rt, dsbi_text *t,
                                           const dsbi_json_value *root, void *user);

/* All that reports have in common: opens the record, writes with a decimal point whatever the
 * caller's locale (this thread's only), hands the text over. `size` may be NULL; `what` is the
 * public function, for its sentence about NULL. */
dsb_status dsbi_record_report(dsb_runtime *rt, char **out, size_t *size, const char *json,
                              size_t json_size, const char *schema, const char *what,
                              dsbi_record_write_fn write, void *user);
/* The same for the terminal, where `flags` are DSB_REPORT_*; `user` of write is then a bool:
 * colour. */
dsb_status dsbi_record_listing(dsb_runtime *rt, char **out, size_t *size, const char *json,
                               size_t json_size, const char *schema, const char *what,
                               dsbi_record_write_fn write, uint32_t flags);

/* "patches" -> "Random patches": how a rung is called in reports; unknown names as they are. */
const char *dsbi_record_rung_title(const char *name);

#endif
