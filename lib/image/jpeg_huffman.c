/* See jpeg_huffman.h. */
#include "image/jpeg_huffman.h"

enum { LOOKUP = DSBI_HUFF_LOOKUP_BITS, SLOW = DSBI_HUFF_SLOW | DSBI_HUFF_END << 8 };

static uint32_t entry_of(uint32_t bits, uint32_t step, int32_t value)
{
    return (uint32_t)value << 16 | step << 8 | bits;
}

/* All `n` entries that begin with a code of `length` bits. */
static void fill_entries(uint32_t *entries, size_t n, uint32_t length, uint32_t symbol, bool is_dc)
{
    const uint32_t size = symbol & 15, step = dsbi_huff_step_of(symbol, is_dc);
    if (length + size > LOOKUP) {
        for (size_t i = 0; i < n; i++)
            entries[i] = SLOW | symbol << 16 | length << 24;
        return;
    }
    const size_t same = n >> size;
    for (uint32_t bits = 0; bits < 1u << size; bits++) {
        const int32_t value = size ? dsbi_huff_extend(bits, size) : 0;
        const uint32_t entry = entry_of(length + size, step, value);
        for (size_t i = 0; i < same; i++)
            *entries++ = entry;
    }
}

bool dsbi_huff_build(dsbi_huff_table *table, const uint8_t bits[17], const uint8_t values[256],
                     bool is_dc)
{
    uint32_t code = 0, n = 0;
    for (uint32_t length = 1; length <= 16; length++, code <<= 1) {
        table->offset[length] = (int32_t)n - (int32_t)code;
        for (uint32_t i = 0; i < bits[length]; i++, code++, n++) {
            if (n >= 256 || (is_dc && values[n] > 15))
                return false;
            if (length > LOOKUP || code >= 1u << length)
                continue;
            const size_t same = (size_t)1 << (LOOKUP - length);
            fill_entries(table->quick + code * same, same, length, values[n], is_dc);
        }
        if (code >= 1u << length) /* no code may be all ones */
            return false;
        table->limit[length] = code << (16 - length);
    }
    const uint32_t known = table->limit[LOOKUP] >> (16 - LOOKUP);
    for (uint32_t i = known; i < 1u << LOOKUP; i++)
        table->quick[i] = SLOW;
    memcpy(table->values, values, 256);
    return true;
}

uint32_t dsbi_huff_long_code(const dsbi_huff_table *table, uint32_t next)
{
    for (uint32_t length = LOOKUP + 1; length <= 16; length++)
        if (next < table->limit[length]) {
            const int32_t code = (int32_t)(next >> (16 - length));
            return length << 8 | table->values[(code + table->offset[length]) & 255];
        }
    return 0;
}

size_t dsbi_huff_segment(uint8_t *out, size_t *n, const uint8_t *in, size_t size)
{
    uint8_t *to = out;
    size_t at = 0;
    for (;;) {
        const uint8_t *mark = memchr(in + at, 0xff, size - at);
        const size_t plain = mark ? (size_t)(mark - in) - at : size - at;
        memcpy(to, in + at, plain);
        to += plain;
        at += plain;
        if (size - at < 2 || in[at + 1] != 0)
            break;
        *to++ = 0xff;
        at += 2;
    }
    *n = (size_t)(to - out);
    memset(to, 0, DSBI_HUFF_PAD);
    return at;
}
