/* Inside of dsb_loader: for callers that bring their own augmentation or share decoded pixels. */
#ifndef DSBI_DATA_LOADER_H
#define DSBI_DATA_LOADER_H

#include "data/feed.h"
#include "image/augment/augment.h"

/* augment NULL: as opts->augment names it; copied. pixels NULL: a store of the loader's own; else
 * it must be on the split's collections with what dsbi_loader_pixels_spec says. */
dsb_status dsbi_loader_create(dsb_runtime *rt, dsb_loader **out, const dsb_split *split,
                              uint32_t part, const dsb_loader_opts *opts,
                              const dsbi_augment *augment, dsbi_pixels *pixels);

/* What the loader's images are made from: prepared squares, or KEEP where crops are drawn. */
dsbi_pixels_spec dsbi_loader_pixels_spec(const dsb_loader_opts *opts, const dsbi_augment *augment);

/* Pixels a side of its images; images of its part. */
uint32_t dsbi_loader_side(const dsb_loader *loader);
uint64_t dsbi_loader_items(const dsb_loader *loader);

#endif
