/* Inside of dsb_duplicates: files are numbered through all collections ("global" numbers). */
#ifndef DSBI_DATA_DUPLICATES_H
#define DSBI_DATA_DUPLICATES_H

#include "data/dataset.h"

/* A list of collections with retained handles; image i of collection d has number first[d] + i. */
typedef struct dsbi_collections {
    const dsb_dataset **datasets; /* [n] */
    uint64_t *first;              /* [n + 1] */
    size_t n;
} dsbi_collections;

dsb_status dsbi_collections_init(dsb_runtime *rt, dsbi_collections *out,
                                 const dsb_dataset *const *datasets, uint64_t n);
void dsbi_collections_free(dsb_runtime *rt, dsbi_collections *collections);
/* Collection of a global number. */
size_t dsbi_collections_find(const dsbi_collections *collections, uint64_t global);

struct dsb_duplicates {
    dsb_runtime *rt; /* retained */
    dsbi_collections collections;
    uint32_t *files;  /* global numbers, group behind group */
    uint32_t *starts; /* [n_groups + 1] into files */
    size_t n_groups;
    uint64_t *within, *shared; /* [n collections] */
    double max_distance;       /* 0: equal bytes */
};

/* Without groups. */
dsb_status dsbi_duplicates_create(dsb_runtime *rt, dsb_duplicates **out,
                                  const dsb_dataset *const *datasets, uint64_t n_datasets);
/* Whether two files, by global number, are of one group. */
typedef bool (*dsbi_same_fn)(const void *user, uint32_t a, uint32_t b);
/* Makes the groups from `order` [images]: all global numbers, those of a group together and rising.
 */
dsb_status dsbi_duplicates_collect(dsb_duplicates *self, const uint32_t *order, dsbi_same_fn same,
                                   const void *user);
/* The same from a hash of DSBI_HASH_BYTES of each file, by global number. */
typedef const uint8_t *(*dsbi_hash_fn)(const void *user, uint32_t global);
dsb_status dsbi_duplicates_collect_hashes(dsb_duplicates *self, dsbi_hash_fn hash_of,
                                          const void *user);

#endif
