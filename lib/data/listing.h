/* What a format lists into, and the options of the spec. */
#ifndef DSBI_DATA_LISTING_H
#define DSBI_DATA_LISTING_H

#include "data/dataset.h"

typedef struct dsbi_option {
    char *key, *value; /* `key` owns both */
    bool is_used;
} dsbi_option;

enum { DSBI_MAX_OPTIONS = 32 };

struct dsbi_listing {
    dsb_dataset *dataset; /* its entries are candidates until the scan */
    dsb_event_fn fn;
    void *user;
    const char *stage;
    double start;
    dsbi_option options[DSBI_MAX_OPTIONS];
    size_t n_options;
    bool is_mute;               /* members are known: only the format's state is wanted */
    const char *groups_by_path; /* pattern of option group, if it is one (group_pattern.h) */
};

/* Reads "key=value&key=value", %XX as a byte. DSB_E_INVALID, DSB_E_NOMEM. */
dsb_status dsbi_options_parse(dsbi_listing *listing, const char *text);
/* DSB_E_INVALID if one was not asked for. */
dsb_status dsbi_options_check(const dsbi_listing *listing, const dsbi_format *format);
void dsbi_options_free(dsbi_listing *listing);
/* Removes option `key` from a place whose path has `path` bytes. */
void dsbi_options_drop(char *where, size_t path, const char *key);
/* Scans what was listed since the last time, while its bytes may still be in memory; `state` as it
 * will be after opening. Refuses options that nobody asked for by then. */
dsb_status dsbi_listing_scan(dsbi_listing *listing, const dsbi_format *format, void *state);
/* State of an indexed collection by opening it without listing; the index's members stay. */
dsb_status dsbi_dataset_open_mute(dsb_runtime *rt, void **state, const dsb_dataset *dataset);
/* Names the collection after its origin, unless it has a name. */
dsb_status dsbi_listing_origin_name(dsbi_listing *listing, const dsbi_origin *origin);

#endif
