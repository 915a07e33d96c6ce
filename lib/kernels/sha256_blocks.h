/* SHA-256 by the processor's own instructions where it has them: seven times as fast as C. The
 * digests are the same. No kernel of the table: it knows no element types. */
#ifndef DSBI_KERNELS_SHA256_BLOCKS_H
#define DSBI_KERNELS_SHA256_BLOCKS_H

#include "base/runtime.h"
#include "base/sha256.h"

/* What a runtime may use; the portable one at level generic. */
dsbi_sha256_blocks_fn *dsbi_sha256_blocks_of(const dsb_runtime *rt);

/* The digest of a text in memory. */
void dsbi_sha256_fast(const dsb_runtime *rt, uint8_t digest[32], const void *data, size_t size);

#endif
