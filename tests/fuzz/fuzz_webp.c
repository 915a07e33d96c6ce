/* The WebP reader. The signature and the size of the whole are put right first. */
#include "fuzz_decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t head[12] = "RIFF....WEBP";
    if (size < sizeof head)
        return 0;
    for (size_t i = 0; i < 4; i++)
        head[4 + i] = (uint8_t)((size - 8) >> 8 * i);
    return fuzz_decode(data, size, (const char *)head, sizeof head);
}
