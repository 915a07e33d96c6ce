/* SHA-256, FIPS 180-4. Names the contents of files: two files are the same if their digests are. */
#ifndef DSBI_BASE_SHA256_H
#define DSBI_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { DSBI_SHA256_BYTES = 32 };

/* Takes n blocks of 64 bytes into h. */
typedef void dsbi_sha256_blocks_fn(uint32_t h[8], const uint8_t *blocks, size_t n);
dsbi_sha256_blocks_fn dsbi_sha256_blocks_portable;
extern const uint32_t dsbi_sha256_k[64]; /* FIPS 180-4, section 4.2.2 */

typedef struct dsbi_sha256_state {
    dsbi_sha256_blocks_fn *take; /* may be replaced after init: kernels/sha256_blocks.h */
    uint32_t h[8];
    uint64_t n_bytes;  /* fed so far */
    uint8_t block[64]; /* the incomplete last block: n_bytes % 64 bytes */
} dsbi_sha256_state;

void dsbi_sha256_init(dsbi_sha256_state *state);
void dsbi_sha256_update(dsbi_sha256_state *state, const void *data, size_t n_bytes);
/* Ends the message; the state is used up. */
void dsbi_sha256_final(dsbi_sha256_state *state, uint8_t digest[32]);

void dsbi_sha256(uint8_t digest[32], const void *data, size_t n_bytes);

/* Lower-case hexadecimal of n bytes: 2 n characters and a NUL. */
void dsbi_hex(char *text, const uint8_t *bytes, size_t n_bytes);

#endif
