/* Huffman decoding of baseline JPEG scans, for clean data only: whatever is not as the standard
 * wants it makes the functions say false, and the caller leaves the file to libjpeg.
 *
 * A symbol and the bits that follow it are looked up together by the next LOOKUP_BITS bits where
 * they fit. Bytes that the standard stuffs behind 0xff are taken out before (dsbi_huff_segment), so
 * that eight bytes can be taken at a time; zeros follow the data, as many as a reader that checks
 * its place once an MCU can run into. */
#ifndef DSBI_IMAGE_JPEG_HUFFMAN_H
#define DSBI_IMAGE_JPEG_HUFFMAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    DSBI_HUFF_LOOKUP_BITS = 10,
    DSBI_HUFF_QUICK = 4,  /* symbols that 40 bits are enough for, if they are not slow */
    DSBI_HUFF_PAD = 2048, /* > 6 blocks of 64 symbols of 16 + 15 bits, and what is read ahead */
    DSBI_HUFF_SLOW = 1 << 7,
    DSBI_HUFF_END = 128, /* step of the end of block: beyond all coefficients */
};

/* An entry of `quick`: bits 0..5 = bits to take; 8..15 = step, by how much the index of the
 * coefficient grows; 16..31 = its value. Slow entries take nothing and step like the end: a symbol
 * (16..23) and the length of its code (24..31), when its bits do not fit, or two zeros, when the
 * code does not. */
typedef struct dsbi_huff_table {
    uint32_t quick[1 << DSBI_HUFF_LOOKUP_BITS];
    uint32_t limit[17];  /* of each length: one past the last code, as the first of 16 bits */
    int32_t offset[17];  /* what makes a code of this length an index of values */
    uint8_t values[256]; /* symbols by code */
} dsbi_huff_table;

/* bits[1..16]: codes of each length; is_dc: symbols are sizes of differences. False: libjpeg would
 * refuse the table, or may. */
bool dsbi_huff_build(dsbi_huff_table *table, const uint8_t bits[17], const uint8_t values[256],
                     bool is_dc);

/* Copies entropy-coded bytes up to a marker or the end, without the stuffed ones, and pads them.
 * out has room for size + DSBI_HUFF_PAD. Returns where in `in` the marker is; *n: bytes copied. */
size_t dsbi_huff_segment(uint8_t *out, size_t *n, const uint8_t *in, size_t size);

typedef struct dsbi_huff_reader {
    uint64_t window; /* the next bits, highest first */
    uint32_t n;      /* of them that are counted */
    const uint8_t *at;
} dsbi_huff_reader;

static inline dsbi_huff_reader dsbi_huff_begin(const uint8_t *bytes)
{
    return (dsbi_huff_reader){.at = bytes};
}

static inline uint64_t dsbi_huff_bits_taken(const dsbi_huff_reader *r, const uint8_t *begin)
{
    return (uint64_t)(r->at - begin) * 8 - r->n;
}

/* At least 56 bits. */
static inline void dsbi_huff_refill(dsbi_huff_reader *r)
{
    uint64_t next;
    memcpy(&next, r->at, sizeof next);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    next = __builtin_bswap64(next);
#endif
    r->window |= next >> r->n;
    r->at += (63 - r->n) >> 3;
    r->n |= 56;
}

static inline void dsbi_huff_take(dsbi_huff_reader *r, uint32_t n)
{
    r->window <<= n;
    r->n -= n;
}

/* The entry of the next bits, of which there must be LOOKUP_BITS; what it says is taken. */
static inline uint32_t dsbi_huff_next(dsbi_huff_reader *r, const dsbi_huff_table *table)
{
    const uint32_t entry = table->quick[r->window >> (64 - DSBI_HUFF_LOOKUP_BITS)];
    dsbi_huff_take(r, entry & 63);
    return entry;
}

static inline uint32_t dsbi_huff_step(uint32_t entry)
{
    return entry >> 8 & 255;
}

static inline int32_t dsbi_huff_value(uint32_t entry)
{
    return (int32_t)entry >> 16;
}

/* The number that `size` > 0 bits stand for (ISO 10918-1, F.2.2.1: EXTEND). */
static inline int32_t dsbi_huff_extend(uint32_t bits, uint32_t size)
{
    const int32_t is_negative = (int32_t)(bits >> (size - 1)) - 1; /* all ones or none */
    return (int32_t)bits + (is_negative & (1 - (1 << size)));
}

/* The symbol of a code that is too long for `quick`, and the length of the code at bit 8; 0: there
 * is none. `next`: 16 bits. */
uint32_t dsbi_huff_long_code(const dsbi_huff_table *table, uint32_t next);

/* What the step of a symbol is. */
static inline uint32_t dsbi_huff_step_of(uint32_t symbol, bool is_dc)
{
    if (is_dc)
        return 1;
    return (symbol & 15) || symbol == 0xf0 ? (symbol >> 4) + 1 : (uint32_t)DSBI_HUFF_END;
}

/* What the next bits say when `entry` is slow, as an entry; they are taken. A slow one: there is no
 * such code. The window is full before and after. */
static inline __attribute__((always_inline)) uint32_t
dsbi_huff_resolve(dsbi_huff_reader *r, const dsbi_huff_table *table, bool is_dc, uint32_t entry)
{
    uint32_t length = entry >> 24, symbol = entry >> 16 & 255;
    dsbi_huff_refill(r);
    if (__builtin_expect(length == 0, 0)) {
        const uint32_t found = dsbi_huff_long_code(table, (uint32_t)(r->window >> 48));
        if (found == 0)
            return DSBI_HUFF_SLOW | DSBI_HUFF_END << 8;
        length = found >> 8;
        symbol = found & 255;
    }
    dsbi_huff_take(r, length);
    const uint32_t size = symbol & 15;
    const int32_t value = size ? dsbi_huff_extend((uint32_t)(r->window >> (64 - size)), size) : 0;
    dsbi_huff_take(r, size);
    dsbi_huff_refill(r);
    return (uint32_t)value << 16 | dsbi_huff_step_of(symbol, is_dc) << 8;
}

#endif
