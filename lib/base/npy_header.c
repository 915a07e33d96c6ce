/* See npy_header.h. */
#include "base/npy_header.h"

#include <string.h>
#include "base/memory.h"

typedef struct scan {
    const char *at, *end;
} scan;

static void skip(scan *s)
{
    while (s->at < s->end && memchr(" \t\r\n", *s->at, 4))
        s->at++;
}

static bool eat(scan *s, const char *text)
{
    skip(s);
    size_t size = strlen(text);
    if ((size_t)(s->end - s->at) < size || memcmp(s->at, text, size) != 0)
        return false;
    s->at += size;
    return true;
}

static bool quoted(scan *s, char *out, size_t size)
{
    skip(s);
    if (s->at >= s->end || (*s->at != '\'' && *s->at != '"'))
        return false;
    char quote = *s->at++;
    size_t n = 0;
    while (s->at < s->end && *s->at != quote) {
        if (n + 1 >= size)
            return false;
        out[n++] = *s->at++;
    }
    out[n] = '\0';
    return s->at++ < s->end;
}

static dsb_status parse_descr(dsbi_npy_header *h, const char *descr)
{
    const char *p = descr;
    if (*p == '<' || *p == '>' || *p == '|' || *p == '=')
        h->big_endian = *p++ == '>';
    h->kind = *p;
    h->item_bytes = *p && p[1] >= '0' && p[1] <= '9' && p[2] == '\0' ? (size_t)(p[1] - '0') : 0;
    size_t b = h->item_bytes;
    bool known = (h->kind == 'i' || h->kind == 'u') ? b == 1 || b == 2 || b == 4 || b == 8
                 : h->kind == 'f'                   ? b == 2 || b == 4 || b == 8
                                                    : h->kind == 'b' && b == 1;
    if (!known)
        return dsbi_fail(DSB_E_DTYPE, "npy: element type '%.16s' is not a plain number", descr);
    return DSB_OK;
}

static dsb_status parse_shape(dsbi_npy_header *h, scan *s)
{
    h->n_dims = 0;
    if (!eat(s, "("))
        return dsbi_fail(DSB_E_FORMAT, "npy: shape is no tuple");
    while (!eat(s, ")")) {
        skip(s);
        size_t value = 0, digits = 0;
        while (s->at < s->end && *s->at >= '0' && *s->at <= '9' && digits++ < 15)
            value = value * 10 + (size_t)(*s->at++ - '0');
        if (digits == 0 || digits > 15)
            return dsbi_fail(DSB_E_FORMAT, "npy: a dimension is no whole number");
        if (h->n_dims >= DSBI_NPY_MAX_DIMS)
            return dsbi_fail(DSB_E_SHAPE, "npy: more than %d dimensions", DSBI_NPY_MAX_DIMS);
        h->shape[h->n_dims++] = value;
        if (!eat(s, ",")) {
            if (eat(s, ")"))
                break;
            return dsbi_fail(DSB_E_FORMAT, "npy: shape ends early");
        }
    }
    if (h->n_dims == 0)
        return dsbi_fail(DSB_E_SHAPE, "npy: a single number, not an array");
    return DSB_OK;
}

static dsb_status parse_dict(dsbi_npy_header *h, const char *text, size_t size)
{
    scan s = {text, text + size};
    char key[32], descr[64] = "";
    bool has_shape = false;
    if (!eat(&s, "{"))
        return dsbi_fail(DSB_E_FORMAT, "npy: header is no dictionary");
    while (!eat(&s, "}")) {
        if (!quoted(&s, key, sizeof key) || !eat(&s, ":"))
            return dsbi_fail(DSB_E_FORMAT, "npy: header key at byte %zu", (size_t)(s.at - text));
        if (strcmp(key, "descr") == 0) {
            if (!quoted(&s, descr, sizeof descr))
                return dsbi_fail(DSB_E_DTYPE, "npy: element type is a structure, not a number");
        } else if (strcmp(key, "fortran_order") == 0) {
            h->fortran = eat(&s, "True");
            if (!h->fortran && !eat(&s, "False"))
                return dsbi_fail(DSB_E_FORMAT, "npy: fortran_order is neither True nor False");
        } else if (strcmp(key, "shape") == 0) {
            DSBI_TRY(parse_shape(h, &s));
            has_shape = true;
        } else {
            return dsbi_fail(DSB_E_FORMAT, "npy: unknown header key '%s'", key);
        }
        eat(&s, ",");
    }
    if (!has_shape || !*descr)
        return dsbi_fail(DSB_E_FORMAT, "npy: header lacks shape or descr");
    return parse_descr(h, descr);
}

dsb_status dsbi_npy_header_read(dsbi_npy_header *out, const uint8_t *bytes, size_t size)
{
    *out = (dsbi_npy_header){0};
    if (size < 10 || memcmp(bytes, "\x93NUMPY", 6) != 0)
        return dsbi_fail(DSB_E_FORMAT, "npy: no magic at the start");
    size_t start = 10, header = (size_t)bytes[8] | (size_t)bytes[9] << 8;
    if (bytes[6] >= 2 && bytes[6] <= 3 && size >= 12) {
        start = 12;
        header |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    } else if (bytes[6] != 1) {
        return dsbi_fail(DSB_E_UNSUPPORTED, "npy: version %u", bytes[6]);
    }
    if (header > size - start)
        return header > DSBI_NPY_MAX_HEADER && size >= DSBI_NPY_MAX_HEADER
                   ? dsbi_fail(DSB_E_LIMIT, "npy: header of %zu bytes, at most %d", header,
                               DSBI_NPY_MAX_HEADER)
                   : dsbi_fail(DSB_E_FORMAT, "npy: header of %zu bytes in a file of %zu", header,
                               size);
    out->offset = start + header;
    return parse_dict(out, (const char *)bytes + start, header);
}

bool dsbi_npy_fits(const dsbi_npy_header *header, uint64_t file_bytes)
{
    size_t needed = header->item_bytes;
    for (size_t d = 0; d < header->n_dims; d++)
        if (!dsbi_mul(&needed, needed, header->shape[d]))
            return false;
    return header->offset <= file_bytes && needed <= file_bytes - header->offset;
}

uint64_t dsbi_npy_bits(const dsbi_npy_header *h, const uint8_t *element)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < h->item_bytes; i++)
        bits |= (uint64_t)element[h->big_endian ? h->item_bytes - 1 - i : i] << (8 * i);
    return bits;
}

int64_t dsbi_npy_integer(const dsbi_npy_header *h, const uint8_t *element)
{
    uint64_t bits = dsbi_npy_bits(h, element);
    if (h->kind == 'i') { /* sign extension */
        unsigned shift = (unsigned)(64 - 8 * h->item_bytes);
        return (int64_t)(bits << shift) >> shift;
    }
    return bits > INT64_MAX ? INT64_MAX : (int64_t)bits;
}
