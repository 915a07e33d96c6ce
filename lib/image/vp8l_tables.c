/* How many tables of prefix codes a lossless WebP picture makes its decoder build, known before any
 * is built: up to 65,536 groups of five codes, 12 to 20 KiB each in libwebp, from a file of a few
 * hundred kilobytes. The number is the largest in the image of groups, and that image lies behind
 * those of the transforms; all of them are small pictures of one group, which are passed over here
 * symbol by symbol. No pixel is kept: a copy and a remembered colour only repeat values that some
 * literal had before.
 * Source: RFC 9649, sections 4 to 6; sizes of tables: libwebp, src/dec/vp8l_dec.c. */
#include <string.h>
#include "base/memory.h"
#include "base/status.h"
#include "image/vp8l_tables.h"

enum {
    N_LITERALS = 256,
    N_LENGTHS = 24,
    N_DISTANCES = 40,
    N_CODE_LENGTHS = 19,
    MAX_CACHE_BITS = 11,
    MAX_SYMBOLS = N_LITERALS + N_LENGTHS + (1 << MAX_CACHE_BITS),
    MAX_LENGTH = 15,
    N_CODES = 5, /* green, copies and cache; red; blue; alpha; distance */
    QUICK_BITS = 8,
    QUICK_LENGTH_AT = 12, /* a symbol takes less bits */
};

_Static_assert(MAX_SYMBOLS <= 1 << QUICK_LENGTH_AT, "symbols fit below the length");
_Static_assert(N_CODE_LENGTHS == 4 + 15, "4 bits and 4 tell how many are named");

typedef struct prefix_code {
    uint16_t counts[MAX_LENGTH + 1];
    uint16_t symbols[MAX_SYMBOLS];   /* by length, then by value */
    uint16_t quick[1 << QUICK_BITS]; /* of the next bits: length and symbol; 0: longer than that */
    bool is_empty_word;              /* one symbol, which takes no bits */
} prefix_code;

typedef struct scan {
    const uint8_t *bytes;
    size_t size, at;
    uint64_t bits; /* the next `n_bits`, the first lowest */
    uint32_t n_bits;
    bool is_past_end;
    uint16_t lengths[MAX_SYMBOLS];
    prefix_code lengths_code, codes[N_CODES];
} scan;

/* ---- bits ---- */

static void fill(scan *s)
{
    for (; s->n_bits <= 56 && s->at < s->size; s->n_bits += 8)
        s->bits |= (uint64_t)s->bytes[s->at++] << s->n_bits;
}

static void drop(scan *s, uint32_t n)
{
    if (n > s->n_bits) {
        s->is_past_end = true;
        n = s->n_bits;
    }
    s->bits >>= n;
    s->n_bits -= n;
}

/* n <= 32; beyond the end 0. */
static uint32_t take(scan *s, uint32_t n)
{
    if (s->n_bits < n)
        fill(s);
    const uint32_t value = (uint32_t)(s->bits & (((uint64_t)1 << n) - 1));
    drop(s, n);
    return value;
}

static dsb_status damaged(const scan *s, const char *what)
{
    return s->is_past_end ? dsbi_fail(DSB_E_FORMAT, "webp: premature end of file")
                          : dsbi_fail(DSB_E_FORMAT, "webp: broken picture data: %s", what);
}

/* ---- prefix codes ---- */

static void fill_quick(prefix_code *code)
{
    memset(code->quick, 0, sizeof code->quick);
    uint32_t word = 0, at = 0;
    for (uint32_t length = 1; length <= QUICK_BITS; length++, word <<= 1)
        for (uint32_t i = 0; i < code->counts[length]; i++, word++, at++) {
            uint32_t turned = 0; /* words begin with their highest bit */
            for (uint32_t b = 0; b < length; b++)
                turned |= (word >> b & 1) << (length - 1 - b);
            for (uint32_t k = turned; k < 1 << QUICK_BITS; k += 1u << length)
                code->quick[k] = (uint16_t)(length << QUICK_LENGTH_AT | code->symbols[at]);
        }
}

/* Canonical; complete, or of one symbol. False otherwise. */
static bool build(prefix_code *code, const uint16_t *lengths, uint32_t n)
{
    uint32_t first[MAX_LENGTH + 2] = {0}, n_used = 0;
    memset(code->counts, 0, sizeof code->counts);
    for (uint32_t i = 0; i < n; i++)
        code->counts[lengths[i]]++;
    code->counts[0] = 0;
    uint32_t open = 1;
    for (uint32_t length = 1; length <= MAX_LENGTH; length++) {
        open = 2 * open - code->counts[length];
        if (open > 1u << length) /* below 0 */
            return false;
        n_used += code->counts[length];
        first[length + 1] = n_used;
    }
    for (uint32_t i = 0; i < n; i++)
        if (lengths[i])
            code->symbols[first[lengths[i]]++] = (uint16_t)i;
    code->is_empty_word = n_used == 1;
    if (!code->is_empty_word && open == 0)
        fill_quick(code);
    return code->is_empty_word || open == 0;
}

static uint32_t take_long_symbol(scan *s, const prefix_code *code)
{
    uint32_t word = 0, first = 0, at = 0;
    for (uint32_t length = 1; length <= MAX_LENGTH; length++) {
        word = word << 1 | take(s, 1);
        const uint32_t count = code->counts[length];
        if (word - first < count)
            return code->symbols[at + word - first];
        at += count;
        first = (first + count) << 1;
    }
    s->is_past_end = true; /* not with a complete code */
    return 0;
}

static uint32_t take_symbol(scan *s, const prefix_code *code)
{
    if (code->is_empty_word)
        return code->symbols[0];
    if (s->n_bits < MAX_LENGTH)
        fill(s);
    const uint32_t quick = code->quick[s->bits & ((1 << QUICK_BITS) - 1)];
    if (!quick)
        return take_long_symbol(s, code);
    drop(s, quick >> QUICK_LENGTH_AT);
    return quick & ((1 << QUICK_LENGTH_AT) - 1);
}

static void read_simple_lengths(scan *s)
{
    const uint32_t n = take(s, 1) + 1;
    s->lengths[take(s, take(s, 1) ? 8 : 1)] = 1;
    if (n == 2)
        s->lengths[take(s, 8)] = 1;
}

/* Lengths of the code of n symbols, themselves written with a code. */
static dsb_status read_lengths(scan *s, uint32_t n)
{
    static const uint8_t order[N_CODE_LENGTHS] = {17, 18, 0, 1,  2,  3,  4,  5,  16, 6,
                                                  7,  8,  9, 10, 11, 12, 13, 14, 15};
    uint16_t own[N_CODE_LENGTHS] = {0};
    const uint32_t n_own = take(s, 4) + 4;
    for (uint32_t i = 0; i < n_own; i++)
        own[order[i]] = (uint16_t)take(s, 3);
    if (!build(&s->lengths_code, own, N_CODE_LENGTHS))
        return damaged(s, "a code of code lengths");
    uint32_t n_words = take(s, 1) ? 2 + take(s, 2 + 2 * take(s, 3)) : n;
    if (n_words > n)
        return damaged(s, "more code lengths than symbols");
    uint32_t last = 8;
    for (uint32_t i = 0; i < n && n_words > 0; n_words--) {
        const uint32_t word = take_symbol(s, &s->lengths_code);
        if (word < 16) {
            s->lengths[i++] = (uint16_t)word;
            last = word ? word : last;
            continue;
        }
        const uint32_t run = word == 16   ? 3 + take(s, 2)
                             : word == 17 ? 3 + take(s, 3)
                                          : 11 + take(s, 7);
        if (run > n - i)
            return damaged(s, "more code lengths than symbols");
        for (uint32_t end = i + run; i < end; i++)
            s->lengths[i] = word == 16 ? (uint16_t)last : 0;
    }
    return DSB_OK;
}

static dsb_status read_code(scan *s, prefix_code *code, uint32_t n)
{
    memset(s->lengths, 0, sizeof s->lengths);
    if (take(s, 1))
        read_simple_lengths(s);
    else
        DSBI_TRY(read_lengths(s, n));
    return build(code, s->lengths, n) && !s->is_past_end ? DSB_OK : damaged(s, "a prefix code");
}

/* ---- images of one group ---- */

/* Bits of the remembered colours: 0, or 1 to 11. */
static dsb_status read_cache_bits(scan *s, uint32_t *bits)
{
    *bits = 0;
    if (!take(s, 1))
        return DSB_OK;
    *bits = take(s, 4);
    return *bits >= 1 && *bits <= MAX_CACHE_BITS ? DSB_OK : damaged(s, "bits of the colour cache");
}

/* Lengths and distances of copies: a symbol, then more bits. */
static uint32_t take_number(scan *s, uint32_t symbol)
{
    if (symbol < 4)
        return symbol + 1;
    const uint32_t n_bits = (symbol - 2) >> 1;
    return ((2 + (symbol & 1)) << n_bits) + take(s, n_bits) + 1;
}

/* Passes over an image; *largest: of red and green of its pixels as one number. */
static dsb_status pass_image(scan *s, uint64_t n_pixels, uint32_t *largest)
{
    uint32_t cache_bits;
    *largest = 0;
    DSBI_TRY(read_cache_bits(s, &cache_bits));
    const uint32_t n_colours = cache_bits ? 1u << cache_bits : 0;
    const uint32_t n_symbols[N_CODES] = {N_LITERALS + N_LENGTHS + n_colours, N_LITERALS, N_LITERALS,
                                         N_LITERALS, N_DISTANCES};
    for (uint32_t i = 0; i < N_CODES; i++)
        DSBI_TRY(read_code(s, &s->codes[i], n_symbols[i]));
    for (uint64_t i = 0; i < n_pixels;) {
        const uint32_t symbol = take_symbol(s, &s->codes[0]);
        uint32_t run = 1;
        if (symbol < N_LITERALS) {
            const uint32_t number = take_symbol(s, &s->codes[1]) << 8 | symbol;
            (void)take_symbol(s, &s->codes[2]);
            (void)take_symbol(s, &s->codes[3]);
            *largest = number > *largest ? number : *largest;
        } else if (symbol < N_LITERALS + N_LENGTHS) {
            run = take_number(s, symbol - N_LITERALS);
            (void)take_number(s, take_symbol(s, &s->codes[4]));
        }
        if (s->is_past_end || run > n_pixels - i)
            return damaged(s, "a copy beyond the end");
        i += run;
    }
    return DSB_OK;
}

/* Pixels of an image with one for each square of 2^bits. */
static uint64_t reduced(uint32_t width, uint32_t height, uint32_t bits)
{
    const uint64_t round = ((uint64_t)1 << bits) - 1;
    return ((width + round) >> bits) * ((height + round) >> bits);
}

enum { PREDICTOR, COLOUR, SUBTRACT_GREEN, INDEXING };

/* One transform; of a palette's indices several may share a pixel, which narrows the picture. */
static dsb_status pass_transform(scan *s, dsbi_vp8l_tables *out, uint32_t *seen, uint32_t *width,
                                 uint32_t height)
{
    const uint32_t kind = take(s, 2);
    uint32_t ignored;
    uint64_t n_pixels = 0;
    if (*seen >> kind & 1)
        return damaged(s, "a transform twice");
    *seen |= 1u << kind;
    if (kind == SUBTRACT_GREEN)
        return DSB_OK;
    if (kind == INDEXING) {
        n_pixels = take(s, 8) + 1;
        const uint32_t bits = n_pixels > 16 ? 0 : n_pixels > 4 ? 1 : n_pixels > 2 ? 2 : 3;
        *width = (uint32_t)reduced(*width, 1, bits);
    } else {
        n_pixels = reduced(*width, height, take(s, 3) + 2);
    }
    out->side_pixels += n_pixels;
    return pass_image(s, n_pixels, &ignored);
}

static dsb_status read_tables(scan *s, dsbi_vp8l_tables *out, uint32_t width, uint32_t height)
{
    uint32_t seen = 0, largest = 0;
    while (take(s, 1))
        DSBI_TRY(pass_transform(s, out, &seen, &width, height));
    DSBI_TRY(read_cache_bits(s, &out->cache_bits));
    if (take(s, 1)) {
        const uint64_t n_pixels = reduced(width, height, take(s, 3) + 2);
        out->side_pixels += n_pixels;
        DSBI_TRY(pass_image(s, n_pixels, &largest));
    }
    out->n_groups = largest + 1;
    return s->is_past_end ? damaged(s, "") : DSB_OK;
}

dsb_status dsbi_vp8l_tables_read(dsb_runtime *rt, dsbi_vp8l_tables *out, const uint8_t *bits,
                                 size_t size, uint32_t width, uint32_t height)
{
    *out = (dsbi_vp8l_tables){0};
    scan *s = dsbi_calloc(rt, 1, sizeof *s);
    if (!s)
        return DSB_E_NOMEM;
    s->bytes = bits;
    s->size = size;
    const dsb_status status = read_tables(s, out, width, height);
    dsbi_free(rt, s);
    return status;
}

/* libwebp: entries of 4 bytes for two levels of lookup with 8 bits first, the most that codes of
 * so many symbols can take, and what it keeps of each group beside. */
uint64_t dsbi_vp8l_tables_bytes(const dsbi_vp8l_tables *tables)
{
    static const uint16_t green_entries[MAX_CACHE_BITS + 1] = {654, 656, 658, 662,  670,  686,
                                                               718, 782, 912, 1168, 1680, 2704};
    enum { OTHER_ENTRIES = 3 * 630 + 410, ENTRY_BYTES = 4, GROUP_BYTES = 568, PIXEL_BYTES = 4 };
    const uint64_t a_group =
        (OTHER_ENTRIES + green_entries[tables->cache_bits]) * (uint64_t)ENTRY_BYTES + GROUP_BYTES;
    return tables->n_groups * a_group + tables->side_pixels * PIXEL_BYTES;
}
