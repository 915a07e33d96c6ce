/* CSV as RFC 4180. */
#include "testing.h"

#include <math.h>
#include "base/csv.h"

START_TEST(fields_are_quoted_where_they_must)
{
    dsb_runtime *rt = make_runtime(1);
    dsbi_text text;
    dsbi_text_init(&text, rt);
    dsbi_csv_field(&text, "plain name.jpg");
    dsbi_csv_field(&text, "a,b");
    dsbi_csv_field(&text, "say \"hi\"");
    dsbi_csv_end(&text);
    dsbi_csv_field(&text, "two\nlines");
    dsbi_csv_field(&text, "");
    dsbi_csv_uint(&text, 18446744073709551615u);
    dsbi_csv_double(&text, 0.1);
    dsbi_csv_double(&text, NAN);
    dsbi_csv_end(&text);
    ck_assert_ok(text.status);
    ck_assert_str_eq(text.data, "plain name.jpg,\"a,b\",\"say \"\"hi\"\"\"\r\n"
                                "\"two\nlines\",\"\",18446744073709551615,0.1,\"\"\r\n");
    dsbi_text_free(&text);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(any_bytes_come_back)
{
    dsb_runtime *rt = make_runtime(1);
    dsbi_text text;
    dsbi_text_init(&text, rt);
    const char bytes[] = {'\xff', ',', '\0', '"', '\r', 'x'};
    dsbi_csv_field_n(&text, bytes, sizeof bytes);
    const char expected[] = {'"', '\xff', ',', '\0', '"', '"', '\r', 'x', '"'};
    ck_assert_uint_eq(text.size, sizeof expected);
    ck_assert_mem_eq(text.data, expected, sizeof expected);
    dsbi_text_free(&text);
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    return run_tests("csv", fields_are_quoted_where_they_must, any_bytes_come_back, NULL);
}
