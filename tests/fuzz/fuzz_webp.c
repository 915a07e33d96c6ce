/* The WebP reader. The signature and the size of the whole are put right first. With little memory,
 * where tables of prefix codes are counted before libwebp builds them, the same comes out or the
 * limit is passed. */
#include "fuzz_decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t head[12] = "RIFF....WEBP";
    if (size < sizeof head)
        return 0;
    for (size_t i = 0; i < 4; i++)
        head[4 + i] = (uint8_t)((size - 8) >> 8 * i);
    const dsb_status full =
        fuzz_decode_within(data, size, (const char *)head, sizeof head, 384 << 20);
    const dsb_status little =
        fuzz_decode_within(data, size, (const char *)head, sizeof head, 64 << 10);
    assert(full != DSB_OK || little == DSB_OK || little == DSB_E_LIMIT);
    return 0;
}
