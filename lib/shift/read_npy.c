/* NumPy's .npy: magic, version, header (a Python dict literal), data. NEP 1; versions 1 to 3.
 * Read: little and big endian integers, floats (half to double), bool; one and two dimensions;
 * C and Fortran order. The header is matched by a small parser, never evaluated. */
#include <math.h>
#include <string.h>
#include "shift/columns.h"

typedef struct npy_header {
    char kind; /* 'i' 'u' 'f' 'b' */
    size_t item_bytes;
    bool big_endian, fortran;
    size_t shape[2];
    size_t n_dims;
} npy_header;

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

static dsb_status parse_descr(npy_header *h, const char *descr)
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

static dsb_status parse_shape(npy_header *h, scan *s)
{
    if (!eat(s, "("))
        return dsbi_fail(DSB_E_FORMAT, "npy: shape is no tuple");
    while (!eat(s, ")")) {
        skip(s);
        size_t value = 0, digits = 0;
        while (s->at < s->end && *s->at >= '0' && *s->at <= '9' && digits++ < 15)
            value = value * 10 + (size_t)(*s->at++ - '0');
        if (digits == 0 || digits > 15)
            return dsbi_fail(DSB_E_FORMAT, "npy: a dimension is no whole number");
        if (h->n_dims >= 2)
            return dsbi_fail(DSB_E_SHAPE, "npy: more than two dimensions");
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

static dsb_status parse_header(npy_header *h, const char *text, size_t size)
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

static double half_value(uint16_t bits)
{
    int exponent = bits >> 10 & 31;
    double mantissa = bits & 1023, sign = bits >> 15 ? -1 : 1;
    if (exponent == 31)
        return mantissa > 0 ? NAN : sign * INFINITY;
    return sign * (exponent ? ldexp(mantissa + 1024, exponent - 25) : ldexp(mantissa, -24));
}

static double element(const npy_header *h, const uint8_t *at)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < h->item_bytes; i++)
        bits |= (uint64_t)at[h->big_endian ? h->item_bytes - 1 - i : i] << (8 * i);
    if (h->kind == 'f') {
        if (h->item_bytes == 2)
            return half_value((uint16_t)bits);
        if (h->item_bytes == 4) {
            uint32_t word = (uint32_t)bits;
            float f;
            memcpy(&f, &word, sizeof f);
            return (double)f;
        }
        double d;
        memcpy(&d, &bits, sizeof d);
        return d;
    }
    if (h->kind == 'i') { /* sign extension */
        unsigned shift = (unsigned)(64 - 8 * h->item_bytes);
        return (double)((int64_t)(bits << shift) >> shift);
    }
    return (double)bits;
}

dsb_status dsbi_columns_parse_npy(dsbi_columns *out, const uint8_t *bytes, size_t size)
{
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
        return dsbi_fail(DSB_E_FORMAT, "npy: header of %zu bytes in a file of %zu", header, size);
    npy_header h = {0};
    DSBI_TRY(parse_header(&h, (const char *)bytes + start, header));
    size_t n = h.shape[0], width = h.n_dims == 2 ? h.shape[1] : 1, count, needed;
    const uint8_t *data = bytes + start + header;
    size_t there = size - start - header;
    if (!dsbi_mul(&count, n, width) || !dsbi_mul(&needed, count, h.item_bytes) || needed > there)
        return dsbi_fail(DSB_E_FORMAT, "npy: %zu x %zu elements need more than the %zu bytes there",
                         n, width, there);
    if (count == 0)
        return dsbi_fail(DSB_E_DATA, "npy: the array is empty");
    dsbi_column *c = dsbi_columns_add(out, "", n);
    if (!c)
        return DSB_E_NOMEM;
    if (h.n_dims == 2) {
        c->width = width;
        c->matrix = dsbi_alloc_array(out->rt, count, sizeof *c->matrix);
        if (!c->matrix)
            return DSB_E_NOMEM;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < width; j++) {
            size_t at = h.fortran ? j * n + i : i * width + j;
            double value = element(&h, data + at * h.item_bytes);
            if (c->matrix)
                c->matrix[i * width + j] = value;
            if (j == 0)
                c->value[i] = value;
            c->whole = c->whole && (isnan(value) || (isfinite(value) && value == floor(value)));
        }
    if (h.kind == 'f' && c->matrix)
        c->whole = false; /* floats side by side are scores of classes, even if they look whole */
    return DSB_OK;
}
