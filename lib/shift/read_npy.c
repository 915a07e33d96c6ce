/* NumPy's .npy as columns of numbers. Read: little and big endian integers, floats (half to
 * double), bool; one and two dimensions; C and Fortran order. */
#include <math.h>
#include <string.h>
#include "base/npy_header.h"
#include "shift/columns.h"

static double half_value(uint16_t bits)
{
    int exponent = bits >> 10 & 31;
    double mantissa = bits & 1023, sign = bits >> 15 ? -1 : 1;
    if (exponent == 31)
        return mantissa > 0 ? NAN : sign * INFINITY;
    return sign * (exponent ? ldexp(mantissa + 1024, exponent - 25) : ldexp(mantissa, -24));
}

static double element(const dsbi_npy_header *h, const uint8_t *at)
{
    if (h->kind == 'i')
        return (double)dsbi_npy_integer(h, at);
    uint64_t bits = dsbi_npy_bits(h, at);
    if (h->kind != 'f')
        return (double)bits;
    if (h->item_bytes == 2)
        return half_value((uint16_t)bits);
    if (h->item_bytes == 4) {
        uint32_t word = (uint32_t)bits;
        float f;
        memcpy(&f, &word, sizeof f);
        return (double)f;
    }
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

dsb_status dsbi_columns_parse_npy(dsbi_columns *out, const uint8_t *bytes, size_t size)
{
    dsbi_npy_header h;
    DSBI_TRY(dsbi_npy_header_read(&h, bytes, size));
    if (h.n_dims > 2)
        return dsbi_fail(DSB_E_SHAPE, "npy: more than two dimensions");
    size_t n = h.shape[0], width = h.n_dims == 2 ? h.shape[1] : 1, count, needed;
    const uint8_t *data = bytes + h.offset;
    size_t there = size - h.offset;
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
