/* The reader of text tables. */
#include "fuzz_columns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_columns(data, size, dsbi_columns_parse_csv);
}
