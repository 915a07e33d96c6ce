/* Growing strings, sorting, SHA-256. */
#include "testing.h"

#include <locale.h>
#include "base/memory.h"
#include "base/rng.h"
#include "base/sha256.h"
#include "base/sort.h"
#include "base/text.h"

START_TEST(text_grows_and_is_handed_over)
{
    dsb_runtime *rt = make_runtime(1);
    uint64_t before = dsb_runtime_memory(rt);
    dsbi_text text;
    dsbi_text_init(&text, rt);
    ck_assert_str_eq(text.data, "");
    for (int i = 0; i < 1000; i++)
        dsbi_text_printf(&text, "%d,", i);
    dsbi_text_add_n(&text, "a\0b", 3);
    ck_assert_ok(text.status);
    ck_assert_uint_eq(text.size, 10 * 2 + 90 * 3 + 900 * 4 + 3);
    ck_assert_int_eq(text.data[text.size], 0);
    ck_assert_ptr_eq(strstr(text.data, "998,999,a"), text.data + text.size - 11);
    char big[5000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    dsbi_text_clear(&text);
    dsbi_text_printf(&text, "<%s>", big);
    ck_assert_uint_eq(text.size, 5001);
    dsbi_text_truncate(&text, 1);
    ck_assert_str_eq(text.data, "<");
    char *string = dsbi_text_take(&text);
    ck_assert_str_eq(string, "<");
    ck_assert_str_eq(text.data, "");
    dsbi_free(rt, string);
    string = dsbi_text_take(&text);
    ck_assert_str_eq(string, "");
    dsbi_free(rt, string);
    dsbi_text_free(&text);
    ck_assert_uint_eq(dsb_runtime_memory(rt), before);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(text_does_not_speak_the_callers_locale)
{
    const char *set = setlocale(LC_NUMERIC, "de_DE.UTF-8");
    dsb_runtime *rt = make_runtime(1);
    dsbi_text text;
    dsbi_text_init(&text, rt);
    dsbi_text_printf(&text, "%.2f", 1.5);
    ck_assert_str_eq(text.data, "1.50");
    if (set) {
        char callers[16];
        snprintf(callers, sizeof callers, "%.2f", 1.5);
        ck_assert_str_eq(callers, "1,50");
        setlocale(LC_NUMERIC, "C");
    }
    dsbi_text_free(&text);
    dsb_runtime_free(rt);
}
END_TEST

static void *no_alloc(void *user, size_t size, size_t alignment)
{
    size_t *left = user;
    if (*left == 0)
        return NULL;
    --*left;
    return aligned_alloc(alignment, size);
}

static void give_back(void *user, void *pointer)
{
    (void)user;
    free(pointer);
}

START_TEST(text_remembers_its_first_failure)
{
    size_t left = 2; /* the pool, the first block */
    dsb_runtime_opts opts;
    dsb_runtime_opts_init(&opts, sizeof opts);
    opts.n_threads = 1;
    opts.alloc = no_alloc;
    opts.free = give_back;
    opts.alloc_user = &left;
    dsb_runtime *rt;
    ck_assert_ok(dsb_runtime_create(&rt, &opts));
    dsbi_text text;
    dsbi_text_init(&text, rt);
    dsbi_text_add(&text, "short");
    for (int i = 0; i < 100; i++)
        dsbi_text_add(&text, "0123456789");
    ck_assert_int_eq(text.status, DSB_E_NOMEM);
    ck_assert_uint_lt(text.size, 20);
    ck_assert_int_eq(strncmp(text.data, "short", 5), 0);
    ck_assert_ptr_null(dsbi_text_take(&text));
    dsbi_text_free(&text);
    dsb_runtime_free(rt);
}
END_TEST

static int compare_u32(const void *a, const void *b, void *user)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    ++*(size_t *)user;
    return (x > y) - (x < y);
}

START_TEST(sort_orders_everything)
{
    dsbi_rng rng;
    dsbi_rng_init(&rng, 5, DSBI_RNG_TEST, 0);
    uint32_t items[300];
    for (size_t n = 0; n <= 300; n++)
        for (uint32_t range = 1; range <= 1000; range *= 10) {
            uint64_t sum = 0;
            for (size_t i = 0; i < n; i++)
                sum += items[i] = (uint32_t)dsbi_rng_below(&rng, range);
            size_t compares = 0;
            dsbi_sort(items, n, sizeof items[0], compare_u32, &compares);
            for (size_t i = 0; i < n; i++)
                sum -= items[i];
            ck_assert_uint_eq(sum, 0);
            for (size_t i = 1; i < n; i++)
                ck_assert_uint_le(items[i - 1], items[i]);
            ck_assert_uint_le(compares, n * 20);
        }
}
END_TEST

/* NIST CAVS 11.0 short messages and the two examples of FIPS 180-2, and a million times "a". */
START_TEST(sha256_matches_published_vectors)
{
    static char million[1000001];
    memset(million, 'a', 1000000);
    const struct {
        const char *message, *digest;
    } vectors[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"\xd3", "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1"},
        {"\x74\xba\x25\x21", "b16aa56be3880d18cd41e68384cf1ec8c17680c45a02b1575dc1518923ae8b0e"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {million, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        uint8_t digest[32];
        char hex[65];
        dsbi_sha256(digest, vectors[i].message, strlen(vectors[i].message));
        dsbi_hex(hex, digest, sizeof digest);
        ck_assert_str_eq(hex, vectors[i].digest);
    }
}
END_TEST

START_TEST(sha256_does_not_depend_on_the_pieces)
{
    uint8_t data[300], whole[32], pieces[32];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7);
    for (size_t n = 0; n <= sizeof data; n++) {
        dsbi_sha256(whole, data, n);
        for (size_t cut = 1; cut < 70; cut += 23) {
            dsbi_sha256_state state;
            dsbi_sha256_init(&state);
            for (size_t at = 0; at < n; at += cut)
                dsbi_sha256_update(&state, data + at, n - at < cut ? n - at : cut);
            dsbi_sha256_final(&state, pieces);
            ck_assert_mem_eq(whole, pieces, 32);
        }
    }
}
END_TEST

int main(void)
{
    return run_tests("text", text_grows_and_is_handed_over, text_does_not_speak_the_callers_locale,
                     text_remembers_its_first_failure, sort_orders_everything,
                     sha256_matches_published_vectors, sha256_does_not_depend_on_the_pieces, NULL);
}
