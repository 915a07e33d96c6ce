/* The PNM reader; the first byte chooses between bits, grey and RGB. */
#include "fuzz_decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const signatures[3] = {"P4 ", "P5 ", "P6 "};
    return size == 0 ? 0 : fuzz_decode(data, size, signatures[data[0] % 3], 3);
}
