/* RFC 4648 section 10 test vectors. */
#include "testing.h"

#include "base/base64.h"

START_TEST(published_vectors)
{
    static const char *const pairs[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };
    dsb_runtime *rt = make_runtime(1);
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        dsbi_text text;
        dsbi_text_init(&text, rt);
        dsbi_text_add_base64(&text, (const uint8_t *)pairs[i][0], strlen(pairs[i][0]));
        ck_assert_str_eq(text.data, pairs[i][1]);
        dsbi_text_free(&text);
    }
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    return run_tests("base64", published_vectors, NULL);
}
