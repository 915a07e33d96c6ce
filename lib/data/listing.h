/* What a format lists into. */
#ifndef DSBI_DATA_LISTING_H
#define DSBI_DATA_LISTING_H

#include "data/dataset.h"

struct dsbi_listing {
    dsb_dataset *dataset; /* its entries are candidates until the scan */
    dsb_event_fn fn;
    void *user;
    const char *stage;
    double start;
};

#endif
