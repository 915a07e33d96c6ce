/* What a split may draw: which images, which of them have to stay together, in which order. */
#ifndef DSBI_DATA_SPLIT_DRAW_H
#define DSBI_DATA_SPLIT_DRAW_H

#include "data/duplicates.h"

typedef struct dsbi_draw {
    dsb_runtime *rt;
    const dsbi_collections *collections; /* borrowed */
    uint8_t *drawable;                   /* [images in all] */
    uint32_t *parents; /* [images in all] union-find of what stays together; NULL: nothing does */
} dsbi_draw;

/* `equal` are the groups of equal files. Checks the policies: DSB_E_INVALID. End with free, also
 * after a failure. */
dsb_status dsbi_draw_init(dsbi_draw *out, dsb_runtime *rt, const dsb_duplicates *equal,
                          const dsb_split_opts *opts);
void dsbi_draw_free(dsbi_draw *draw);

uint64_t dsbi_draw_count(const dsbi_draw *draw, size_t d);
/* pool = the drawable images of collection d, shuffled, those that stay together behind the first
 * of them; their number in *n. */
dsb_status dsbi_draw_pool(const dsbi_draw *draw, size_t d, uint64_t seed, uint32_t purpose,
                          uint32_t *pool, uint64_t *n);
/* Images at the start of pool [n] of collection d that stay together, at least 1. */
uint64_t dsbi_draw_run(const dsbi_draw *draw, size_t d, const uint32_t *pool, uint64_t n);

/* ---- classes that all collections share ---- */

typedef struct dsbi_match {
    uint32_t *shared;   /* [strata of all collections, one behind the other] number, UINT32_MAX */
    uint64_t *starts;   /* [collections] into `shared` */
    uint64_t *shares;   /* [n_classes] images of each class that every collection can give */
    uint32_t *sequence; /* [n] the class of each place of a pool, evenly mixed */
    uint64_t n;
    uint32_t n_classes, n_shared; /* classes of collection 0; those that all have */
} dsbi_match;

/* DSB_E_DATA when no class name is in all collections with a drawable image. */
dsb_status dsbi_match_init(dsbi_match *out, const dsbi_draw *draw);
void dsbi_match_free(dsb_runtime *rt, dsbi_match *match);
/* Brings pool [n] of collection d, at least match->n long, into the order of `sequence`. */
dsb_status dsbi_match_order(const dsbi_match *match, const dsbi_draw *draw, size_t d,
                            uint32_t *pool, uint64_t n);

#endif
