/* The prepared images of a part, block by block: for rungs that stream. Memory is one block,
 * however many images there are. */
#ifndef DSBI_BIAS_STREAM_H
#define DSBI_BIAS_STREAM_H

#include "bias/rung.h"

enum { DSBI_BLOCK_IMAGES = 256 };

typedef struct dsbi_block {
    const uint8_t *images;  /* [n, size, size, 3] */
    const uint32_t *labels; /* [n] */
    const uint64_t *items;  /* [n] item numbers in the part */
    uint64_t first;         /* images handed out before this block */
    size_t n;
} dsbi_block;

/* On the calling thread; the block is lent for the call. */
typedef dsb_status (*dsbi_block_fn)(void *user, const dsbi_block *block);

/* Calls `fn` for `most` images of `part`, the labels in turn (dsbi_balanced_item), with progress
 * named `stage`. Images come from view->pixels; one that cannot be decoded any more is replaced by
 * the next of its label (dsbi_feed_get), DSB_E_DATA if there is none. */
dsb_status dsbi_blocks_run(const dsbi_view *view, const char *stage, uint32_t part, uint64_t most,
                           dsbi_block_fn fn, void *user);

#endif
