/* SHA-256: examples of FIPS 180-4, and the processor's own instructions give the same digests. */
#include "testing.h"

#include "base/rng.h"
#include "kernels/sha256_blocks.h"

static void check(dsb_runtime *rt, const void *data, size_t size, const char *expected)
{
    uint8_t digest[32], fast[32];
    char hex[65];
    dsbi_sha256(digest, data, size);
    dsbi_sha256_fast(rt, fast, data, size);
    dsbi_hex(hex, digest, 32);
    if (expected)
        ck_assert_str_eq(hex, expected);
    ck_assert_mem_eq(digest, fast, 32);
}

START_TEST(examples_of_the_standard)
{
    dsb_runtime *rt = make_runtime(1);
    check(rt, "", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check(rt, "abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check(rt, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(both_ways_agree)
{
    static uint8_t bytes[3000];
    dsb_runtime *rt = make_runtime(1);
    dsbi_rng rng;
    dsbi_rng_init(&rng, 3, DSBI_RNG_TEST, 0);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)dsbi_rng_u32(&rng);
    for (size_t size = 0; size < 400; size++)
        check(rt, bytes + size % 7, size, NULL);
    check(rt, bytes, sizeof bytes, NULL);
    uint8_t whole[32], pieces[32];
    dsbi_sha256(whole, bytes, sizeof bytes);
    dsbi_sha256_state state;
    dsbi_sha256_init(&state);
    state.take = dsbi_sha256_blocks_of(rt);
    for (size_t at = 0; at < sizeof bytes; at += 75)
        dsbi_sha256_update(&state, bytes + at, 75);
    dsbi_sha256_final(&state, pieces);
    ck_assert_mem_eq(whole, pieces, 32);
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    return run_tests("sha256", examples_of_the_standard, both_ways_agree, NULL);
}
