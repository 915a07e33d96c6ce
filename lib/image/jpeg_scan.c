/* See jpeg_scan.h. Rows of MCUs are decoded one after the other. Samples of the MCUs that the
 * rectangle needs (with the chroma samples around it, which its border is mixed from) go to planes;
 * rows of pixels are made from them as soon as the chroma row below is there. */
#include "image/jpeg_scan.h"

#include "base/memory.h"
#include "image/jpeg_huffman.h"

enum {
    SIDE = 8,
    MCU_BLOCKS = 6,
    EDGE = 32 /* around the rows of a plane: room for a repeated sample */
};

typedef struct range {
    uint32_t begin, end;
} range;

typedef struct plane {
    uint8_t *data; /* sample (0, 0) of the first MCU that is needed */
    size_t stride;
    uint32_t across, down; /* blocks an MCU */
    uint32_t side;         /* samples of a block, in both directions */
    dsbi_idct_u8_fn *transform;
    const dsbi_huff_table *dc, *ac;
    const uint16_t *quant;
    int32_t last_dc;
} plane;

typedef struct block {
    int16_t coefficients[64];
    bool is_flat; /* all but the first are zeros */
} block;

typedef struct decoder {
    const dsbi_jpeg_scan *scan;
    const dsbi_kernels *kernels;
    plane planes[3];
    range columns, rows; /* MCUs that are needed */
    range chroma;        /* columns of chroma that pixels are mixed from */
    uint32_t mcus_across, mcus_down;
    uint32_t luma_side, chroma_side; /* of blocks */
    uint32_t across, down;           /* luma samples for one of chroma, as decoded */
    uint32_t chroma_width, chroma_height;
    dsbi_huff_reader reader;
    uint8_t *segment;          /* the bytes being read, without stuffing */
    size_t segment_size, next; /* next: what follows them, in scan->bytes */
    uint32_t left, n_restarts; /* MCUs before the next restart marker; markers so far */
    uint8_t *mixed[2];         /* a row of chroma at full width */
    uint8_t *rgb;
    uint32_t next_row; /* of the rectangle's pixels */
    block blocks[MCU_BLOCKS];
} decoder;

/* Row-wise place of the k-th coefficient of the file; behind the last: not used. */
static const uint8_t natural_order[64] = {
    0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48,
    41, 34, 27, 20, 13, 6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23,
    30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

static uint32_t quotient_up(uint32_t a, uint32_t b)
{
    return a / b + (a % b != 0);
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Samples of chroma that pixels [from, to) are made of: with a neighbour on each side where they
 * are mixed. */
static range chroma_of(uint32_t from, uint32_t to, uint32_t ratio, uint32_t n)
{
    if (ratio == 1)
        return (range){from, to};
    const uint32_t first = from / 2;
    return (range){first ? first - 1 : 0, least((to - 1) / 2 + 2, n)};
}

static range mcus_of(range samples, uint32_t side)
{
    return (range){samples.begin / side, quotient_up(samples.end, side)};
}

/* As libjpeg, chroma is made smaller by less than luma is where that spares the mixing. */
static void choose_sides(decoder *d, const dsbi_jpeg_scan *scan)
{
    d->luma_side = d->chroma_side = SIDE / scan->scale;
    while (d->chroma_side < SIDE && scan->across * d->luma_side % (2 * d->chroma_side) == 0 &&
           scan->down * d->luma_side % (2 * d->chroma_side) == 0)
        d->chroma_side *= 2;
    d->across = scan->across * d->luma_side / d->chroma_side;
    d->down = scan->down * d->luma_side / d->chroma_side;
}

static void measure(decoder *d, const dsbi_jpeg_scan *scan)
{
    d->scan = scan;
    choose_sides(d, scan);
    d->mcus_across = quotient_up(scan->width, SIDE * scan->across);
    d->mcus_down = quotient_up(scan->height, SIDE * scan->down);
    d->chroma_width = quotient_up(scan->width * d->chroma_side, SIDE * scan->across);
    d->chroma_height = quotient_up(scan->height * d->chroma_side, SIDE * scan->down);
    d->chroma = chroma_of(scan->x, scan->x + scan->out_width, d->across, d->chroma_width);
    d->columns = mcus_of(d->chroma, d->chroma_side);
    d->rows = mcus_of(chroma_of(scan->y, scan->y + scan->out_height, d->down, d->chroma_height),
                      d->chroma_side);
}

bool dsbi_jpeg_scan_suits(const dsbi_jpeg_scan *scan, const dsbi_kernels *kernels)
{
    if (kernels->idct_u8 == dsbi_idct_u8_generic)
        return false;
    if (scan->n_components == 1)
        return scan->across == 1 && scan->down == 1;
    const bool is_known = scan->across == 1   ? scan->down == 1
                          : scan->across == 2 ? scan->down == 1 || scan->down == 2
                                              : false;
    if (scan->n_components != 3 || !is_known)
        return false;
    decoder d;
    measure(&d, scan);
    /* libjpeg mixes no chroma of one or two columns, and none of blocks of one sample */
    return d.across == 1 || (d.chroma_width > 2 && d.luma_side > 1);
}

/* ---- memory: counted first, then handed out ---- */

static uint8_t *carve(uint8_t *base, size_t *used, size_t size, bool *fits)
{
    const size_t at = *used;
    if (!dsbi_add(used, at, size) || *used > SIZE_MAX - DSBI_ALIGN)
        *fits = false;
    else
        *used = (*used + DSBI_ALIGN - 1) / DSBI_ALIGN * DSBI_ALIGN;
    return base && *fits ? base + at : NULL;
}

static bool lay_out(decoder *d, uint8_t *base, dsbi_huff_table **tables, size_t *size)
{
    const dsbi_jpeg_scan *scan = d->scan;
    bool fits = true;
    *size = 0;
    *tables = (dsbi_huff_table *)(void *)carve(base, size, 6 * sizeof **tables, &fits);
    size_t padded;
    fits = fits && dsbi_add(&padded, scan->size, DSBI_HUFF_PAD);
    d->segment = fits ? carve(base, size, padded, &fits) : NULL;
    for (uint32_t c = 0; c < scan->n_components; c++) {
        plane *p = &d->planes[c];
        p->across = c == 0 ? scan->across : 1;
        p->down = c == 0 ? scan->down : 1;
        p->side = c == 0 ? d->luma_side : d->chroma_side;
        const size_t n_rows = (size_t)(d->rows.end - d->rows.begin) * p->down * p->side;
        p->stride = (size_t)(d->columns.end - d->columns.begin) * p->across * p->side + 2 * EDGE;
        size_t bytes;
        fits = fits && dsbi_mul(&bytes, n_rows, p->stride);
        uint8_t *data = fits ? carve(base, size, bytes, &fits) : NULL;
        p->data = data ? data + EDGE : NULL;
    }
    for (int i = 0; i < 2; i++)
        d->mixed[i] = carve(base, size, (size_t)scan->out_width + 2 * EDGE, &fits);
    return fits;
}

bool dsbi_jpeg_scan_memory(const dsbi_jpeg_scan *scan, size_t *size)
{
    decoder d = {0};
    dsbi_huff_table *tables;
    measure(&d, scan);
    return lay_out(&d, NULL, &tables, size);
}

/* Components mostly share tables. */
static const dsbi_huff_table *built(dsbi_huff_table *tables, const dsbi_jpeg_huffman *given,
                                    uint32_t c, bool is_dc)
{
    for (uint32_t i = 0; i < c; i++)
        if (given[i].bits == given[c].bits)
            return &tables[i];
    return dsbi_huff_build(&tables[c], given[c].bits, given[c].values, is_dc) ? &tables[c] : NULL;
}

static bool build_tables(decoder *d, dsbi_huff_table *tables)
{
    for (uint32_t c = 0; c < d->scan->n_components; c++) {
        plane *p = &d->planes[c];
        p->dc = built(tables, d->scan->dc, c, true);
        p->ac = built(tables + 3, d->scan->ac, c, false);
        p->quant = d->scan->quant[c];
        p->transform = p->side == SIDE ? d->kernels->idct_u8
                       : p->side == 4  ? d->kernels->idct4_u8
                       : p->side == 2  ? d->kernels->idct2_u8
                                       : NULL;
        if (!p->dc || !p->ac)
            return false;
    }
    return true;
}

/* ---- entropy-coded data ---- */

static void begin_segment(decoder *d)
{
    const dsbi_jpeg_scan *scan = d->scan;
    d->next += dsbi_huff_segment(d->segment, &d->segment_size, scan->bytes + d->next,
                                 scan->size - d->next);
    d->reader = dsbi_huff_begin(d->segment);
    d->left = scan->restart_interval ? scan->restart_interval : UINT32_MAX;
    for (uint32_t c = 0; c < scan->n_components; c++)
        d->planes[c].last_dc = 0;
}

static bool is_past_end(const decoder *d)
{
    return dsbi_huff_bits_taken(&d->reader, d->segment) > (uint64_t)d->segment_size * 8;
}

/* All of the segment has been read, and this marker follows. */
static bool ends_with(const decoder *d, uint8_t marker)
{
    const uint64_t bits = dsbi_huff_bits_taken(&d->reader, d->segment);
    return (bits + 7) / 8 == d->segment_size && d->scan->size - d->next >= 2 &&
           d->scan->bytes[d->next + 1] == marker;
}

static bool restart(decoder *d)
{
    if (!ends_with(d, (uint8_t)(0xd0 + d->n_restarts % 8)))
        return false;
    d->n_restarts++;
    d->next += 2;
    begin_segment(d);
    return true;
}

static inline __attribute__((always_inline)) int32_t keep_value(block *out, uint32_t k,
                                                                uint32_t entry, bool keep)
{
    if (keep)
        out->coefficients[natural_order[k]] = (int16_t)dsbi_huff_value(entry);
    return dsbi_huff_value(entry);
}

/* One block, whose coefficients must be zeros; `keep` is a constant where this is inlined. */
static inline __attribute__((always_inline)) bool read_block(dsbi_huff_reader *reader, plane *p,
                                                             block *out, bool keep)
{
    const dsbi_huff_table *ac = p->ac;
    dsbi_huff_refill(reader);
    uint32_t entry = dsbi_huff_next(reader, p->dc), k = 0;
    if (entry & DSBI_HUFF_SLOW)
        entry = dsbi_huff_resolve(reader, p->dc, true, entry);
    if (entry & DSBI_HUFF_SLOW)
        return false;
    p->last_dc = (int32_t)((uint32_t)p->last_dc + (uint32_t)dsbi_huff_value(entry));
    int32_t any = 0;
    while (k < 63) {
#pragma GCC unroll 4
        for (int i = 0; i < DSBI_HUFF_QUICK; i++) {
            entry = dsbi_huff_next(reader, ac);
            if (k + dsbi_huff_step(entry) >= 63)
                goto unusual;
            k += dsbi_huff_step(entry);
            any |= keep_value(out, k, entry, keep);
        }
        dsbi_huff_refill(reader);
        continue;
    unusual: /* the end, the last coefficient, or slow */
        if (entry & DSBI_HUFF_SLOW)
            entry = dsbi_huff_resolve(reader, ac, false, entry);
        k += dsbi_huff_step(entry);
        if (k > 63)
            break;
        any |= keep_value(out, k, entry, keep);
    }
    if (keep) {
        out->coefficients[0] = (int16_t)p->last_dc;
        out->is_flat = any == 0;
    }
    return k == 63 || (k >= DSBI_HUFF_END && !(entry & DSBI_HUFF_SLOW));
}

/* A block of nothing but its mean: all samples are the same, however many. */
static void fill_block(uint8_t *out, const plane *p, int16_t dc)
{
    const int16_t first = (int16_t)((uint32_t)(uint16_t)dc * p->quant[0] * 4); /* after a pass */
    int32_t level = 128 + ((first + 16) >> 5);
    level = level < 0 ? 0 : level > 255 ? 255 : level;
    for (size_t y = 0; y < p->side; y++)
        memset(out + y * p->stride, level, p->side);
}

/* Sample (x, y) of the plane is the first of the block, which is cleared. */
static void put_block(const plane *p, block *b, size_t x, size_t y)
{
    uint8_t *out = p->data + y * p->stride + x;
    if (b->is_flat || !p->transform)
        fill_block(out, p, b->coefficients[0]);
    else
        p->transform(out, p->stride, b->coefficients, p->quant);
    if (!b->is_flat)
        memset(b->coefficients, 0, sizeof b->coefficients);
}

/* The MCU at (x, y) of those that are needed. */
static void put_blocks(decoder *d, size_t x, size_t y)
{
    block *b = d->blocks;
    for (uint32_t c = 0; c < d->scan->n_components; c++) {
        const plane *p = &d->planes[c];
        for (uint32_t v = 0; v < p->down; v++)
            for (uint32_t h = 0; h < p->across; h++)
                put_block(p, b++, (x * p->across + h) * p->side, (y * p->down + v) * p->side);
    }
}

/* MCUs [begin, end) of a row, to row `y` of needed MCUs. */
static inline __attribute__((always_inline)) bool read_mcus(decoder *d, uint32_t begin,
                                                            uint32_t end, uint32_t y, bool keep)
{
    dsbi_huff_reader reader = d->reader;
    for (uint32_t x = begin; x < end; x++) {
        if (d->left == 0) {
            if (!restart(d))
                return false;
            reader = d->reader;
        }
        d->left--;
        block *b = d->blocks;
        for (uint32_t c = 0; c < d->scan->n_components; c++) {
            plane *p = &d->planes[c];
            for (uint32_t i = 0; i < p->across * p->down; i++)
                if (!read_block(&reader, p, b++, keep))
                    return false;
        }
        d->reader = reader;
        if (is_past_end(d))
            return false;
        if (keep)
            put_blocks(d, x - d->columns.begin, y);
    }
    d->reader = reader;
    return true;
}

static bool pass_mcus(decoder *d, uint32_t n)
{
    return read_mcus(d, 0, n, 0, false);
}

static bool read_mcu_row(decoder *d, uint32_t y)
{
    return pass_mcus(d, d->columns.begin) &&
           read_mcus(d, d->columns.begin, d->columns.end, y, true) &&
           pass_mcus(d, d->mcus_across - d->columns.end);
}

/* ---- pixels ---- */

/* The first and last column of chroma once more outside of the image. */
static void repeat_edges(const decoder *d, const plane *p, uint32_t y)
{
    const uint32_t first = d->columns.begin * p->side;
    for (uint32_t i = 0; i < p->side; i++) {
        uint8_t *row = p->data + ((size_t)y * p->side + i) * p->stride;
        if (d->chroma.begin == 0)
            *(row - 1) = row[0];
        if (d->chroma.end == d->chroma_width)
            row[d->chroma_width - first] = row[d->chroma_width - first - 1];
    }
}

/* Row y of the image, of a component of chroma; mixed to full width if need be. */
static const uint8_t *chroma_row(const decoder *d, const plane *p, uint32_t y, uint8_t *mixed)
{
    const dsbi_jpeg_scan *scan = d->scan;
    const uint32_t row0 = d->rows.begin * p->side, column0 = d->columns.begin * p->side;
    const uint8_t *near = p->data + (size_t)(y / d->down - row0) * p->stride;
    if (d->across == 1)
        return near + (scan->x - column0);
    const uint32_t from = scan->x / 2, n = (scan->x + scan->out_width - 1) / 2 + 1 - from;
    near += from - column0;
    if (d->down == 1) {
        d->kernels->widen_u8(mixed, near, n);
        return mixed + scan->x % 2;
    }
    const uint32_t middle = y / 2;
    const uint8_t *far = near;
    if (y % 2 == 0 && middle > 0)
        far -= p->stride;
    else if (y % 2 == 1 && middle + 1 < d->chroma_height)
        far += p->stride;
    d->kernels->spread_u8(mixed, near, far, n);
    return mixed + scan->x % 2;
}

static void make_row(decoder *d, uint32_t y)
{
    const dsbi_jpeg_scan *scan = d->scan;
    const plane *p = &d->planes[0];
    uint8_t *rgb = d->rgb + (size_t)(y - scan->y) * scan->out_width * 3;
    const uint8_t *luma = p->data + (size_t)(y - d->rows.begin * p->down * p->side) * p->stride +
                          (scan->x - d->columns.begin * p->across * p->side);
    if (scan->n_components == 1) {
        for (size_t x = 0; x < scan->out_width; x++, rgb += 3)
            rgb[0] = rgb[1] = rgb[2] = luma[x];
        return;
    }
    const uint8_t *cb = chroma_row(d, &d->planes[1], y, d->mixed[0]);
    const uint8_t *cr = chroma_row(d, &d->planes[2], y, d->mixed[1]);
    d->kernels->ycc_u8(rgb, luma, cb, cr, scan->out_width);
}

/* Pixels that the first `n` needed rows of MCUs are enough for. */
static void make_rows(decoder *d, uint32_t n)
{
    const dsbi_jpeg_scan *scan = d->scan;
    const uint32_t last = scan->y + scan->out_height;
    uint32_t end = last;
    if (d->rows.begin + n < d->rows.end)
        end = least((d->rows.begin + n) * d->chroma_side * d->down - (d->down - 1), last);
    for (; d->next_row < end; d->next_row++)
        make_row(d, d->next_row);
}

static bool read_needed_rows(decoder *d)
{
    for (uint32_t y = 0; y < d->rows.end - d->rows.begin; y++) {
        if (!read_mcu_row(d, y))
            return false;
        for (uint32_t c = 1; c < d->scan->n_components; c++)
            repeat_edges(d, &d->planes[c], y);
        make_rows(d, y + 1);
    }
    return true;
}

static bool pass_rows(decoder *d, uint32_t n)
{
    for (uint32_t y = 0; y < n; y++)
        if (!pass_mcus(d, d->mcus_across))
            return false;
    return true;
}

bool dsbi_jpeg_scan_decode(const dsbi_jpeg_scan *scan, const dsbi_kernels *kernels, uint8_t *rgb,
                           uint8_t *memory)
{
    decoder d = {.kernels = kernels, .rgb = rgb, .next_row = scan->y};
    dsbi_huff_table *tables;
    size_t size;
    measure(&d, scan);
    if (!lay_out(&d, memory, &tables, &size) || !build_tables(&d, tables))
        return false;
    begin_segment(&d);
    if (!pass_rows(&d, d.rows.begin) || !read_needed_rows(&d))
        return false;
    return !scan->to_the_end || (pass_rows(&d, d.mcus_down - d.rows.end) && ends_with(&d, 0xd9));
}
