/* What lies in one tar shard: its samples with an image, and what is left out, in order. Shards are
 * read each on a thread of its own; what depends on the shards before it (numbers of words, whether
 * labels are wanted at all) is decided by the format afterwards. */
#ifndef DSBI_DATA_SHARD_H
#define DSBI_DATA_SHARD_H

#include "data/containers.h"
#include "data/names.h"

#define DSBI_SHARD_NONE UINT64_MAX

typedef struct dsbi_shard_item {
    uint64_t path;         /* in `names`: shard and member */
    uint32_t name_at;      /* where the member's name begins in it */
    uint32_t cause;        /* why it is left out, with `message`; 0: an image */
    uint64_t message;      /* in `names` */
    uint64_t offset, size; /* of the image */
    uint64_t label, word;  /* a number, or a word in `names`; DSBI_SHARD_NONE */
    uint64_t group;        /* in `names`; DSBI_SHARD_NONE */
} dsbi_shard_item;

typedef struct dsbi_shard {
    dsbi_shard_item *items; /* [n] */
    size_t n, capacity;
    dsbi_names names;
} dsbi_shard;

typedef struct dsbi_shard_wish {
    const char *image_suffix; /* NULL: the first image of a sample */
    bool cls;                 /* labels from .cls */
    const char *label_key;    /* labels from a key of .json; NULL: not */
    const char *group_key;    /* groups likewise */
} dsbi_shard_wish;

/* DSB_E_NOMEM, DSB_E_LIMIT; whatever is wrong with the shard is an item. Any thread. */
dsb_status dsbi_shard_read(dsb_runtime *rt, dsbi_shard *out, dsbi_containers *files,
                           size_t container, const dsbi_shard_wish *wish);
void dsbi_shard_free(dsb_runtime *rt, dsbi_shard *shard);

#endif
