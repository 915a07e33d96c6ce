/* Collections: u8 images in an .npy. */
#include "fuzz_dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_dataset(data, size, "format=npy&labels=none");
}
