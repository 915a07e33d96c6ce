/* See sha256.h. Straight from FIPS 180-4, section 6.2. */
#include "base/sha256.h"

#include <string.h>

const uint32_t dsbi_sha256_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotr(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

static uint32_t load_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void store_be32(uint8_t *p, uint32_t x)
{
    p[0] = (uint8_t)(x >> 24);
    p[1] = (uint8_t)(x >> 16);
    p[2] = (uint8_t)(x >> 8);
    p[3] = (uint8_t)x;
}

void dsbi_sha256_blocks_portable(uint32_t h[8], const uint8_t *block, size_t n_blocks)
{
    for (; n_blocks > 0; n_blocks--, block += 64) {
        uint32_t w[64];
        for (int t = 0; t < 16; t++)
            w[t] = load_be32(block + 4 * t);
        for (int t = 16; t < 64; t++) {
            uint32_t s0 = rotr(w[t - 15], 7) ^ rotr(w[t - 15], 18) ^ w[t - 15] >> 3;
            uint32_t s1 = rotr(w[t - 2], 17) ^ rotr(w[t - 2], 19) ^ w[t - 2] >> 10;
            w[t] = w[t - 16] + s0 + w[t - 7] + s1;
        }
        uint32_t a = h[0], b = h[1], c = h[2], d = h[3];
        uint32_t e = h[4], f = h[5], g = h[6], k = h[7];
        for (int t = 0; t < 64; t++) {
            uint32_t sum1 = rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25);
            uint32_t t1 = k + sum1 + ((e & f) ^ (~e & g)) + dsbi_sha256_k[t] + w[t];
            uint32_t sum0 = rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22);
            uint32_t t2 = sum0 + ((a & b) ^ (a & c) ^ (b & c));
            k = g;
            g = f;
            f = e;
            e = d + t1;
            d = c;
            c = b;
            b = a;
            a = t1 + t2;
        }
        h[0] += a;
        h[1] += b;
        h[2] += c;
        h[3] += d;
        h[4] += e;
        h[5] += f;
        h[6] += g;
        h[7] += k;
    }
}

void dsbi_sha256_init(dsbi_sha256_state *state)
{
    *state = (dsbi_sha256_state){
        .take = dsbi_sha256_blocks_portable,
        .h = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab,
              0x5be0cd19},
    };
}

void dsbi_sha256_update(dsbi_sha256_state *state, const void *data, size_t n_bytes)
{
    if (n_bytes == 0)
        return;
    const uint8_t *bytes = data;
    size_t held = state->n_bytes % 64;
    state->n_bytes += n_bytes;
    if (held) {
        size_t taken = n_bytes < 64 - held ? n_bytes : 64 - held;
        memcpy(state->block + held, bytes, taken);
        bytes += taken;
        n_bytes -= taken;
        if (held + taken < 64)
            return;
        state->take(state->h, state->block, 1);
    }
    state->take(state->h, bytes, n_bytes / 64);
    bytes += n_bytes / 64 * 64;
    if (n_bytes % 64)
        memcpy(state->block, bytes, n_bytes % 64);
}

void dsbi_sha256_final(dsbi_sha256_state *state, uint8_t digest[32])
{
    uint8_t tail[72] = {0x80}; /* padding to 56 mod 64, then the length in bits */
    size_t held = state->n_bytes % 64, n_padding = held < 56 ? 56 - held : 120 - held;
    uint64_t n_bits = state->n_bytes * 8;
    store_be32(tail + n_padding, (uint32_t)(n_bits >> 32));
    store_be32(tail + n_padding + 4, (uint32_t)n_bits);
    dsbi_sha256_update(state, tail, n_padding + 8);
    for (int i = 0; i < 8; i++)
        store_be32(digest + 4 * i, state->h[i]);
}

void dsbi_sha256(uint8_t digest[32], const void *data, size_t n_bytes)
{
    dsbi_sha256_state state;
    dsbi_sha256_init(&state);
    dsbi_sha256_update(&state, data, n_bytes);
    dsbi_sha256_final(&state, digest);
}

void dsbi_hex(char *text, const uint8_t *bytes, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++) {
        text[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    text[2 * n_bytes] = '\0';
}
