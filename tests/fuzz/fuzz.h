/* What libFuzzer and replay.c call. */
#ifndef DSBI_TESTS_FUZZ_H
#define DSBI_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
