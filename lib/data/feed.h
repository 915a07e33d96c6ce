/* The images of one part, by item number: what loaders and the rungs that work in blocks draw from.
 * An item whose file can no longer be decoded is counted and replaced by the next one of its label,
 * the same for every thread and order of asking. Any thread. */
#ifndef DSBI_DATA_FEED_H
#define DSBI_DATA_FEED_H

#include "data/pixels.h"
#include "data/split.h"

typedef struct dsbi_feed dsbi_feed;

/* `pixels` holds the split's collections, perhaps others too, and may be shared by any number of
 * feeds. Retains both. */
dsb_status dsbi_feed_create(dsb_runtime *rt, dsbi_feed **out, const dsb_split *split, uint32_t part,
                            dsbi_pixels *pixels);
void dsbi_feed_free(dsbi_feed *feed);

uint64_t dsbi_feed_size(const dsbi_feed *feed);
/* Image of item k into out->data (a buffer of dsbi_pixels_capacity bytes); *shown (may be NULL) is
 * the item whose image it is. DSB_E_DATA when the label has none left, DSB_E_NOMEM. */
dsb_status dsbi_feed_get(dsbi_feed *feed, dsbi_image *out, uint64_t k, uint64_t *shown);

/* The same with images made by the caller, who gets the item's image and says what came of it. What
 * fails may depend on the sample, so every item is tried anew: the outcome is that of `make` alone.
 */
typedef dsb_status (*dsbi_feed_make_fn)(void *user, const dsb_dataset *dataset, uint64_t image);
dsb_status dsbi_feed_make(dsbi_feed *feed, uint64_t k, dsbi_feed_make_fn make, void *user,
                          uint64_t *shown);

/* Items first .. first + n - 1 at once, on the runtime's pool: out [n, size, size, 3], shown [n] or
 * NULL. Not for DSBI_PIXELS_KEEP. */
dsb_status dsbi_feed_block(dsbi_feed *feed, uint8_t *out, uint64_t *shown, uint64_t first,
                           uint64_t n);

/* Items that could not be decoded so far. */
uint64_t dsbi_feed_failed_count(const dsbi_feed *feed);
bool dsbi_feed_has_failed(const dsbi_feed *feed, uint64_t k);
const dsbi_pixels *dsbi_feed_pixels(const dsbi_feed *feed);

#endif
