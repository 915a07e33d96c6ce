/* The choice of a reader, and the JSON arrays of predictions. */
#include "fuzz_columns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_columns(data, size, dsbi_columns_parse);
}
