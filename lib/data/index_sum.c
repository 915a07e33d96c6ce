/* Checksums of an index: every word goes through a bijection of its lane, so that no change of a
 * single word is lost; four lanes, for speed. */
#include "data/index_layout.h"

#include <stddef.h>
#include <string.h>
#include "base/pool.h"

static void begin_piece(dsbi_index_sum *sum)
{
    for (size_t lane = 0; lane < 4; lane++)
        sum->lanes[lane] = lane + 1;
    sum->size = 0;
}

void dsbi_index_sum_begin(dsbi_index_sum *sum)
{
    begin_piece(sum);
    sum->total = 0;
}

static void add_to_piece(dsbi_index_sum *sum, const uint8_t *p, size_t size)
{
    static const uint64_t prime = 0x9e3779b185ebca87u;
    size_t whole = size / 32 * 32;
    for (size_t i = 0; i < whole; i += 32)
        for (size_t lane = 0; lane < 4; lane++) {
            uint64_t word;
            memcpy(&word, p + i + 8 * lane, 8);
            sum->lanes[lane] = (sum->lanes[lane] ^ word) * prime;
            sum->lanes[lane] ^= sum->lanes[lane] >> 32;
        }
    for (size_t i = whole; i < size; i++)
        sum->lanes[i % 4] = (sum->lanes[i % 4] ^ p[i]) * prime;
    sum->size += size;
}

static uint64_t end_piece(const dsbi_index_sum *sum)
{
    uint64_t out = sum->size;
    for (size_t lane = 0; lane < 4; lane++)
        out = (out ^ sum->lanes[lane]) * 0xc2b2ae3d27d4eb4fu + (out >> 29);
    return out;
}

static uint64_t join(uint64_t total, uint64_t piece)
{
    return (total ^ piece) * 0x9e3779b185ebca87u + (total >> 31);
}

void dsbi_index_sum_add(dsbi_index_sum *sum, const void *data, size_t size)
{
    const uint8_t *p = data;
    while (size > 0) {
        size_t room = DSBI_INDEX_PIECE - (size_t)sum->size, part = size < room ? size : room;
        add_to_piece(sum, p, part);
        p += part;
        size -= part;
        if (sum->size < DSBI_INDEX_PIECE)
            return;
        sum->total = join(sum->total, end_piece(sum));
        begin_piece(sum);
    }
}

uint64_t dsbi_index_sum_end(dsbi_index_sum *sum)
{
    return join(sum->total, end_piece(sum));
}

uint64_t dsbi_index_sum_of(const void *data, size_t size)
{
    dsbi_index_sum sum;
    dsbi_index_sum_begin(&sum);
    dsbi_index_sum_add(&sum, data, size);
    return dsbi_index_sum_end(&sum);
}

void dsbi_index_seal(void *bytes, size_t size)
{
    dsbi_index_header *h = bytes;
    if (size < sizeof *h)
        return;
    h->file_bytes = size;
    for (size_t r = 0; r < DSBI_N_REGIONS; r++) {
        const uint64_t offset = h->regions[r].offset, n = h->regions[r].size;
        if (offset <= size && n <= size - offset)
            h->regions[r].checksum = dsbi_index_sum_of((const uint8_t *)bytes + offset, (size_t)n);
    }
    h->checksum = dsbi_index_sum_of(h, offsetof(dsbi_index_header, checksum));
}

typedef struct job {
    const uint8_t *data;
    size_t size;
    uint64_t *pieces; /* [pieces] */
} job;

static dsb_status piece_task(void *user, size_t task, size_t worker)
{
    (void)worker;
    const job *self = user;
    size_t at = task * DSBI_INDEX_PIECE, left = self->size - at;
    dsbi_index_sum sum;
    dsbi_index_sum_begin(&sum);
    add_to_piece(&sum, self->data + at, left < DSBI_INDEX_PIECE ? left : DSBI_INDEX_PIECE);
    self->pieces[task] = end_piece(&sum);
    return DSB_OK;
}

dsb_status dsbi_index_sum_all(dsb_runtime *rt, uint64_t *out, const void *data, size_t size)
{
    size_t n = size / DSBI_INDEX_PIECE + 1; /* the last may be empty */
    job self = {data, size, dsbi_alloc_array(rt, n, sizeof *self.pieces)};
    if (!self.pieces)
        return DSB_E_NOMEM;
    dsb_status status = dsbi_parallel(rt, n, piece_task, &self);
    *out = 0;
    for (size_t k = 0; k < n; k++)
        *out = join(*out, self.pieces[k]);
    dsbi_free(rt, self.pieces);
    return status;
}
