/* Inside of dsb_split: the drawn images of each label, 4 bytes each. */
#ifndef DSBI_DATA_SPLIT_H
#define DSBI_DATA_SPLIT_H

#include "data/duplicates.h"

enum { DSBI_N_PARTS = 3 };

struct dsb_split {
    atomic_size_t references;
    dsb_runtime *rt; /* retained */
    dsb_duplicates *duplicates;
    size_t n_labels;
    bool is_pseudo;                 /* all labels are of collection 0 */
    uint64_t n_parts[DSBI_N_PARTS]; /* images per label */
    uint64_t *usable;               /* [n_labels] */
    uint64_t n_shared_classes;      /* if classes were matched, else 0 */
    uint32_t *parts[DSBI_N_PARTS];  /* [n_labels, n_parts[p]] image numbers */
};

typedef struct dsbi_item {
    const dsb_dataset *dataset; /* borrowed from the split */
    uint64_t image;
    uint32_t label;
    uint32_t collection; /* number of `dataset` among the split's collections */
} dsbi_item;

/* Item k of a part, k below dsb_split_size. */
dsbi_item dsbi_split_item(const dsb_split *split, uint32_t part, uint64_t k);
/* "keep", "drop", "ignore". */
const char *dsbi_split_policy_name(uint32_t policy);
/* A hold more, ended with dsb_split_free. */
void dsbi_split_retain(const dsb_split *split);
/* The split's collections, borrowed. */
const dsbi_collections *dsbi_split_collections(const dsb_split *split);

#endif
