/* The npy reader. */
#include "fuzz_columns.h"

static dsb_status parse(dsbi_columns *out, dsbi_words *words, const uint8_t *bytes, size_t size)
{
    (void)words;
    return dsbi_columns_parse_npy(out, bytes, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_columns(data, size, parse);
}
