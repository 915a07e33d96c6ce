/* Pairs of 64-bit hashes that differ in few bits, without comparing all with all.
 *
 * A hash is four bands of 16 bits. If two hashes differ in d bits, one band differs in at most d /
 * 4 (the pigeonhole principle), so it is enough to look, for each band, at the hashes whose band is
 * equal or differs in that many bits. Many equal hashes (blank images, digits on black) would make
 * every pair a candidate: no hash is compared with more than DSBI_NEAR_MAX_PEERS of each such
 * bucket, those before it; a chain of pairs still joins the group. 12 bytes a hash while it runs.
 */
#ifndef DSBI_DATA_NEAR_PAIRS_H
#define DSBI_DATA_NEAR_PAIRS_H

#include "base/runtime.h"

enum { DSBI_NEAR_MAX_BITS = 11, DSBI_NEAR_MAX_PEERS = 512 };

typedef struct dsbi_near_pair {
    uint32_t a, b; /* a < b */
} dsbi_near_pair;

typedef struct dsbi_near_pairs {
    dsbi_near_pair *items; /* a pair may come once for each band */
    size_t n, capacity;
} dsbi_near_pairs;

/* Whether a pair within the bits is wanted; on any thread. */
typedef bool (*dsbi_near_fn)(const void *user, uint32_t a, uint32_t b);

/* Pairs of hashes [n] at most `max_bits` (0..11) apart that `accept` (NULL: all) wants. The same
 * for any number of threads. DSB_E_LIMIT above 2^31 hashes, DSB_E_NOMEM, DSB_E_CANCELLED. */
dsb_status dsbi_near_pairs_find(dsb_runtime *rt, dsbi_near_pairs *out, const uint64_t *hashes,
                                size_t n, uint32_t max_bits, dsbi_near_fn accept, const void *user);
void dsbi_near_pairs_free(dsb_runtime *rt, dsbi_near_pairs *pairs);

#endif
