/* Numbers of a safetensors file: F32, F16 and BF16 to float and back. Data may lie at any address
 * of a file: they are copied in blocks, never cast. */
#include <string.h>
#include "base/file.h"
#include "nn/safetensors.h"
#include "nn/st_dtypes.h"

const dsbi_st_dtype_row dsbi_st_dtypes[DSBI_ST_DTYPES] = {
    {"BOOL", 8, DSBI_ST_KIND_OTHER},        {"F4", 4, DSBI_ST_KIND_OTHER},
    {"F6_E2M3", 6, DSBI_ST_KIND_OTHER},     {"F6_E3M2", 6, DSBI_ST_KIND_OTHER},
    {"U8", 8, DSBI_ST_KIND_OTHER},          {"I8", 8, DSBI_ST_KIND_OTHER},
    {"F8_E5M2", 8, DSBI_ST_KIND_OTHER},     {"F8_E4M3", 8, DSBI_ST_KIND_OTHER},
    {"F8_E8M0", 8, DSBI_ST_KIND_OTHER},     {"F8_E4M3FNUZ", 8, DSBI_ST_KIND_OTHER},
    {"F8_E5M2FNUZ", 8, DSBI_ST_KIND_OTHER}, {"I16", 16, DSBI_ST_KIND_OTHER},
    {"U16", 16, DSBI_ST_KIND_OTHER},        {"F16", 16, DSBI_ST_KIND_F16},
    {"BF16", 16, DSBI_ST_KIND_BF16},        {"I32", 32, DSBI_ST_KIND_OTHER},
    {"U32", 32, DSBI_ST_KIND_OTHER},        {"F32", 32, DSBI_ST_KIND_F32},
    {"C64", 64, DSBI_ST_KIND_OTHER},        {"F64", 64, DSBI_ST_KIND_OTHER},
    {"I64", 64, DSBI_ST_KIND_OTHER},        {"U64", 64, DSBI_ST_KIND_OTHER},
};

const char *dsbi_st_dtype(const dsbi_st_tensor *tensor)
{
    return dsbi_st_dtypes[tensor->dtype].name;
}

static float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* IEEE half: sign, five bits of exponent (bias 15), ten of mantissa. */
float dsbi_half_to_float(uint32_t half)
{
    const uint32_t sign = (half & 0x8000u) << 16, exponent = half >> 10 & 31;
    uint32_t mantissa = half & 0x3ffu;
    if (exponent == 31)
        return from_bits(sign | 0x7f800000u | mantissa << 13);
    if (exponent > 0)
        return from_bits(sign | (exponent + 112) << 23 | mantissa << 13);
    if (mantissa == 0)
        return from_bits(sign);
    uint32_t shifted = 113;
    for (; !(mantissa & 0x400u); mantissa <<= 1)
        shifted--;
    return from_bits(sign | shifted << 23 | (mantissa & 0x3ffu) << 13);
}

uint32_t dsbi_float_to_bfloat(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if ((bits & 0x7fffffffu) > 0x7f800000u) /* rounding could carry a NaN into an infinity */
        return bits >> 16 | 0x40u;
    return (bits + 0x7fffu + (bits >> 16 & 1)) >> 16;
}

dsb_status dsbi_st_check_real(const dsbi_st_tensor *tensor)
{
    char name[DSBI_ST_SHOWN_NAME];
    if (dsbi_st_dtypes[tensor->dtype].kind != DSBI_ST_KIND_OTHER)
        return DSB_OK;
    return dsbi_fail(DSB_E_DTYPE, "safetensors: %s is %s, expected F32, F16 or BF16",
                     dsbi_st_shown(tensor, name), dsbi_st_dtype(tensor));
}

static void decode(float *out, const uint8_t *from, size_t n, dsbi_st_kind kind)
{
    for (size_t i = 0; i < n && kind == DSBI_ST_KIND_F32; i++)
        out[i] = from_bits((uint32_t)from[4 * i] | (uint32_t)from[4 * i + 1] << 8 |
                           (uint32_t)from[4 * i + 2] << 16 | (uint32_t)from[4 * i + 3] << 24);
    for (size_t i = 0; i < n && kind != DSBI_ST_KIND_F32; i++) {
        const uint32_t word = (uint32_t)from[2 * i] | (uint32_t)from[2 * i + 1] << 8;
        out[i] = kind == DSBI_ST_KIND_F16 ? dsbi_half_to_float(word) : from_bits(word << 16);
    }
}

dsb_status dsbi_st_read(const dsbi_safetensors *st, const dsbi_st_tensor *tensor, float *out)
{
    enum { BLOCK = 8192 };
    uint8_t block[BLOCK * sizeof(float)];
    DSBI_TRY(dsbi_st_check_real(tensor));
    const dsbi_st_kind kind = dsbi_st_dtypes[tensor->dtype].kind;
    const size_t item = dsbi_st_dtypes[tensor->dtype].bits / 8;
    for (uint64_t done = 0; done < tensor->size;) {
        const uint64_t left = tensor->size - done, at = st->data + tensor->begin + done * item;
        const size_t n = left < BLOCK ? (size_t)left : BLOCK;
        const uint8_t *from = block;
        if (st->bytes)
            from = st->bytes + at;
        else
            DSBI_TRY(dsbi_pread_all(st->fd, block, n * item, at, "safetensors"));
        decode(out + done, from, n, kind);
        done += n;
    }
    return DSB_OK;
}
