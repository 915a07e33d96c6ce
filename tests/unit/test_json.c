/* The JSON reader against what hostile files hold, the writer against the reader. */
#include "testing.h"

#include <float.h>
#include <math.h>
#include "base/json.h"
#include "base/json_write.h"
#include "base/memory.h"
#include "base/rng.h"

static dsb_runtime *rt;

static dsbi_json *parse(const char *text)
{
    dsbi_json *doc;
    ck_assert_ok(dsbi_json_parse(rt, &doc, text, strlen(text)));
    return doc;
}

#define ck_assert_refused(text, code, part) ck_assert_refused_n(text, strlen(text), code, part)
#define ck_assert_refused_n(text, size, code, part)                            \
    do {                                                                       \
        dsbi_json *doc_ = (dsbi_json *)1;                                      \
        ck_assert_fails(dsbi_json_parse(rt, &doc_, text, size), (code), part); \
        ck_assert_ptr_null(doc_);                                              \
    } while (0)

START_TEST(values_are_read)
{
    dsbi_json *doc = parse(" {\"a\": [1, -2, 2.5, true, false, null, \"x\\ny\"],\n"
                           "\"b\":{\"c\":{}, \"d\":[]} , \"\": 18446744073709551615}\r\n\t");
    const dsbi_json_value *root = dsbi_json_root(doc);
    ck_assert_uint_eq(dsbi_json_count(root), 3);
    const dsbi_json_value *a = dsbi_json_get(root, "a"), *v = dsbi_json_first(a);
    ck_assert_uint_eq(dsbi_json_count(a), 7);
    int64_t i = 0;
    uint64_t u = 0;
    double d = 0;
    bool b = false;
    ck_assert(dsbi_json_int64(v, &i) && i == 1 && dsbi_json_uint64(v, &u) && u == 1);
    v = dsbi_json_next(v);
    ck_assert(dsbi_json_int64(v, &i) && i == -2 && !dsbi_json_uint64(v, &u));
    ck_assert(dsbi_json_double(v, &d) && d == -2.0);
    v = dsbi_json_next(v);
    ck_assert(dsbi_json_double(v, &d) && d == 2.5 && !dsbi_json_int64(v, &i));
    v = dsbi_json_next(v);
    ck_assert(dsbi_json_bool(v, &b) && b);
    v = dsbi_json_next(v);
    ck_assert(dsbi_json_bool(v, &b) && !b);
    v = dsbi_json_next(v);
    ck_assert_int_eq(dsbi_json_type_of(v), DSBI_JSON_NULL);
    v = dsbi_json_next(v);
    size_t size;
    ck_assert_str_eq(dsbi_json_string(v, &size), "x\ny");
    ck_assert_uint_eq(size, 3);
    ck_assert_ptr_null(dsbi_json_next(v));
    const dsbi_json_value *member = dsbi_json_next(a);
    ck_assert_str_eq(dsbi_json_key(member, NULL), "b");
    ck_assert_uint_eq(dsbi_json_count(dsbi_json_get(member, "c")), 0);
    ck_assert_ptr_null(dsbi_json_first(dsbi_json_get(member, "d")));
    member = dsbi_json_next(member);
    ck_assert_str_eq(dsbi_json_key(member, NULL), "");
    ck_assert(dsbi_json_uint64(member, &u) && u == UINT64_MAX && !dsbi_json_int64(member, &i));
    ck_assert_ptr_null(dsbi_json_next(member));
    dsbi_json_free(doc);
}
END_TEST

START_TEST(getters_answer_for_nothing)
{
    dsbi_json *doc = parse("[1]");
    const dsbi_json_value *root = dsbi_json_root(doc), *one = dsbi_json_first(root);
    double d = 7;
    ck_assert_ptr_null(dsbi_json_get(root, "a"));
    ck_assert_ptr_null(dsbi_json_get(dsbi_json_get(NULL, "a"), "b"));
    ck_assert_ptr_null(dsbi_json_first(one));
    ck_assert_ptr_null(dsbi_json_next(NULL));
    ck_assert_ptr_null(dsbi_json_string(one, NULL));
    ck_assert_ptr_null(dsbi_json_key(one, NULL));
    ck_assert(!dsbi_json_double(root, &d) && d == 7);
    ck_assert_int_eq(dsbi_json_type_of(NULL), DSBI_JSON_NONE);
    ck_assert_uint_eq(dsbi_json_count(one), 0);
    ck_assert_str_eq(dsbi_json_type_name(dsbi_json_type_of(root)), "array");
    dsbi_json_free(doc);
    dsbi_json_free(NULL);
}
END_TEST

START_TEST(strings_are_decoded)
{
    dsbi_json *doc = parse("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20AC\\ud83D\\uDe00\\u0000z"
                           "\xc3\xa9\xf4\x8f\xbf\xbf\"");
    size_t size;
    const char *string = dsbi_json_string(dsbi_json_root(doc), &size);
    static const char expected[] =
        "\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\0z\xc3\xa9\xf4\x8f\xbf\xbf";
    ck_assert_uint_eq(size, sizeof expected - 1);
    ck_assert_mem_eq(string, expected, sizeof expected);
    dsbi_json_free(doc);
}
END_TEST

START_TEST(numbers_are_exact)
{
    const struct {
        const char *text;
        double value;
    } cases[] = {{"0", 0},
                 {"-0", -0.0},
                 {"1e3", 1000},
                 {"1E+2", 100},
                 {"0.1", 0.1},
                 {"5e-324", 5e-324},
                 {"1e-400", 0},
                 {"-1.5e-3", -0.0015},
                 {"123456789012345678901234567890", 123456789012345678901234567890.0},
                 {"1.7976931348623157e308", DBL_MAX}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dsbi_json *doc = parse(cases[i].text);
        double value = 1;
        ck_assert(dsbi_json_double(dsbi_json_root(doc), &value));
        ck_assert_msg(memcmp(&value, &cases[i].value, sizeof value) == 0, "%s", cases[i].text);
        dsbi_json_free(doc);
    }
    dsbi_json *doc = parse("[-9223372036854775808, -9223372036854775809, 18446744073709551616]");
    const dsbi_json_value *v = dsbi_json_first(dsbi_json_root(doc));
    int64_t i = 0;
    uint64_t u;
    double d;
    ck_assert(dsbi_json_int64(v, &i) && i == INT64_MIN);
    v = dsbi_json_next(v);
    ck_assert(!dsbi_json_int64(v, &i) && dsbi_json_double(v, &d) && d == -9223372036854775808.0);
    v = dsbi_json_next(v);
    ck_assert(!dsbi_json_uint64(v, &u) && dsbi_json_double(v, &d) && d == 18446744073709551616.0);
    dsbi_json_free(doc);
}
END_TEST

START_TEST(wrong_texts_are_refused_with_their_place)
{
    const char *const wrong[] = {
        "",
        " ",
        "nul",
        "tru",
        "True",
        "NaN",
        "Infinity",
        "-",
        "+1",
        "01",
        "-01",
        "1.",
        ".5",
        "1e",
        "1e+",
        "0x10",
        "1 2",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\":1,}",
        "{a:1}",
        "{\"a\"}",
        "{\"a\" 1}",
        "{\"a\":}",
        "{\"a\":1 \"b\":2}",
        "{1:2}",
        "[1}",
        "{\"a\":1]",
        "[",
        "{",
        "]",
        "\"",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\u123\"",
        "'a'",
        "/* c */ 1",
        "1 // c",
        ("\xef\xbb\xbf"
         "1"),
        "\"a\nb\"",
        "\"\t\"",
        "\"\x01\"",
        "[1]]",
        "{}{}",
        "\f1",
        "\"\\",
        "\"\\u",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ck_assert_refused(wrong[i], DSB_E_FORMAT, "json: line 1, column ");
    ck_assert_refused("{\n \"a\": 1,\n  \"b\": x}", DSB_E_FORMAT,
                      "line 3, column 8: 'x' where a value");
    ck_assert_refused_n("[1,\0", 4, DSB_E_FORMAT, "column 4: byte 0x00");
    ck_assert_refused_n("\"a\0b\"", 5, DSB_E_FORMAT, "control character 0x00");
}
END_TEST

START_TEST(bad_utf8_is_refused)
{
    const char *const wrong[] = {
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xc3",
        "\xc3(",
        "\xe0\x9f\xbf",
        "\xe2\x82",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xf8\x88\x80\x80\x80",
        "\xff",
        "\xfe",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char text[32];
        snprintf(text, sizeof text, "[\"ok%s\"]", wrong[i]);
        ck_assert_refused(text, DSB_E_FORMAT, "column 5: byte 0x");
    }
    ck_assert_refused("\"\\ud800\"", DSB_E_FORMAT, "high surrogate \\ud800 without");
    ck_assert_refused("\"\\ud800x\"", DSB_E_FORMAT, "high surrogate");
    ck_assert_refused("\"\\ud800\\n\"", DSB_E_FORMAT, "high surrogate");
    ck_assert_refused("\"\\ud83d\\ud83d\"", DSB_E_FORMAT, "high surrogate");
    ck_assert_refused("\"\\ude00\"", DSB_E_FORMAT, "low surrogate \\ude00");
}
END_TEST

START_TEST(limits_hold)
{
    enum { DEEP = 100000 };
    static char text[2 * DEEP + 1];
    memset(text, '[', DSBI_JSON_MAX_DEPTH);
    memset(text + DSBI_JSON_MAX_DEPTH, ']', DSBI_JSON_MAX_DEPTH);
    dsbi_json *doc;
    ck_assert_ok(dsbi_json_parse(rt, &doc, text, 2 * DSBI_JSON_MAX_DEPTH));
    dsbi_json_free(doc);
    memset(text, '[', DEEP);
    ck_assert_refused_n(text, DEEP, DSB_E_LIMIT, "column 65: nested deeper than 64");
    for (size_t i = 0; i < DEEP / 5; i++)
        memcpy(text + 5 * i, "{\"a\":", 5);
    ck_assert_refused_n(text, DEEP, DSB_E_LIMIT, "nested deeper");
    memset(text, '1', DEEP);
    ck_assert_refused_n(text, DEEP, DSB_E_LIMIT, "a number of 100000 characters");
    memset(text, '9', 400);
    ck_assert_refused_n(text, 400, DSB_E_FORMAT, "out of the range");
    ck_assert_refused("-1e309", DSB_E_FORMAT, "out of the range");
    ck_assert_fails(dsbi_json_parse(rt, &doc, text, DSBI_JSON_MAX_BYTES + 1), DSB_E_LIMIT,
                    "at most");
    ck_assert_ok(dsbi_json_parse_most(rt, &doc, "[1, {}]", 7, 3));
    dsbi_json_free(doc);
    ck_assert_fails(dsbi_json_parse_most(rt, &doc, "[1,\n{}]", 7, 2), DSB_E_LIMIT,
                    "line 2, column 1: more than 2 values");
}
END_TEST

START_TEST(duplicate_keys_are_refused)
{
    ck_assert_refused("{\"a\":1,\n\"b\":2, \"a\":3}", DSB_E_FORMAT,
                      "line 2, column 8: key \"a\" again");
    ck_assert_refused("{\"a\":{\"\":1,\"\":2}}", DSB_E_FORMAT, "key \"\" again");
    ck_assert_refused("{\"a\":1,\"\\u0061\":2}", DSB_E_FORMAT, "key \"a\" again");
    dsbi_json *doc = parse("[{\"a\":1,\"a\\u0000\":2},{\"a\":1}]"); /* a NUL makes another key */
    ck_assert_ptr_nonnull(dsbi_json_get(dsbi_json_first(dsbi_json_root(doc)), "a"));
    dsbi_json_free(doc);
    dsbi_text text; /* many keys: not quadratic */
    dsbi_text_init(&text, rt);
    for (int i = 0; i < 200000; i++)
        dsbi_text_printf(&text, "%c\"%d\":0", i ? ',' : '{', i);
    dsbi_text_add(&text, "}");
    ck_assert_ok(dsbi_json_parse(rt, &doc, text.data, text.size));
    ck_assert_uint_eq(dsbi_json_count(dsbi_json_root(doc)), 200000);
    dsbi_json_free(doc);
    dsbi_text_free(&text);
}
END_TEST

/* No prefix of a document is a document, and none reads behind its end (the copy is exact, so that
 * AddressSanitizer sees it). Then every byte replaced: refused with a sentence or read, no crash.
 */
START_TEST(truncated_and_damaged_texts_are_survived)
{
    const char *text =
        "{\"name\": \"caf\xc3\xa9 \\ud83d\\ude00\", \"n\": [1, -2.5e+10, true, null],"
        " \"o\": {\"x\": {}, \"y\": [[]]}}";
    size_t size = strlen(text);
    uint64_t before = dsb_runtime_memory(rt);
    for (size_t n = 0; n < size; n++) {
        char *copy = malloc(n ? n : 1);
        memcpy(copy, text, n);
        dsbi_json *doc;
        ck_assert_fails(dsbi_json_parse(rt, &doc, copy, n), DSB_E_FORMAT, "json: line 1");
        free(copy);
    }
    for (size_t n = 0; n < size; n++)
        for (int byte = 0; byte < 256; byte++) {
            char *copy = malloc(size);
            memcpy(copy, text, size);
            copy[n] = (char)byte;
            dsbi_json *doc;
            dsb_status status = dsbi_json_parse(rt, &doc, copy, size);
            ck_assert((status == DSB_OK) == (doc != NULL));
            ck_assert(status == DSB_OK || dsb_last_error()[0]);
            dsbi_json_free(doc);
            free(copy);
        }
    ck_assert_uint_eq(dsb_runtime_memory(rt), before);
}
END_TEST

static void write_sample(dsbi_json_writer *w)
{
    dsbi_json_begin_object(w);
    dsbi_json_write_key(w, "name");
    dsbi_json_write_string(w, "a\"b\\c\n\x01\x7f\xff<\xc3\xa9");
    dsbi_json_write_key(w, "ci95");
    dsbi_json_begin_flat_array(w);
    dsbi_json_write_double(w, 0.1);
    dsbi_json_write_double(w, NAN);
    dsbi_json_end_array(w);
    dsbi_json_write_key(w, "empty");
    dsbi_json_begin_array(w);
    dsbi_json_end_array(w);
    dsbi_json_write_key(w, "list");
    dsbi_json_begin_array(w);
    dsbi_json_write_int(w, INT64_MIN);
    dsbi_json_write_uint(w, UINT64_MAX);
    dsbi_json_write_bool(w, true);
    dsbi_json_write_string(w, NULL);
    dsbi_json_end_array(w);
    dsbi_json_end_object(w);
}

START_TEST(writer_writes)
{
    dsbi_text text;
    dsbi_text_init(&text, rt);
    dsbi_json_writer w;
    dsbi_json_writer_init(&w, &text, 0);
    write_sample(&w);
    ck_assert_ok(text.status);
    ck_assert_str_eq(
        text.data,
        "{\"name\":\"a\\\"b\\\\c\\n\\u0001\\u007f\xef\xbf\xbd<\xc3\xa9\",\"ci95\":[0.1,null],"
        "\"empty\":[],\"list\":[-9223372036854775808,18446744073709551615,true,null]}");
    dsbi_json_free(parse(text.data));
    dsbi_text_clear(&text);
    dsbi_json_writer_init(&w, &text, 2);
    write_sample(&w);
    ck_assert_ptr_nonnull(strstr(text.data, ",\n  \"ci95\": [0.1, null],\n  \"empty\": [],\n"
                                            "  \"list\": [\n    -9223372036854775808,\n"));
    ck_assert_ptr_nonnull(strstr(text.data, "null\n  ]\n}"));
    dsbi_json_free(parse(text.data));
    dsbi_text_free(&text);
}
END_TEST

START_TEST(doubles_survive_the_round_trip)
{
    dsbi_rng rng;
    dsbi_rng_init(&rng, 3, DSBI_RNG_TEST, 0);
    dsbi_text text;
    dsbi_text_init(&text, rt);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = dsbi_rng_u64(&rng);
        double x;
        memcpy(&x, &bits, sizeof x);
        if (!isfinite(x))
            continue;
        dsbi_text_clear(&text);
        dsbi_json_writer w;
        dsbi_json_writer_init(&w, &text, 0);
        dsbi_json_write_double(&w, x);
        dsbi_json *doc = parse(text.data);
        double back = 0;
        ck_assert(dsbi_json_double(dsbi_json_root(doc), &back));
        ck_assert_msg(back == x, "%s", text.data);
        dsbi_json_free(doc);
    }
    dsbi_text_free(&text);
}
END_TEST

int main(void)
{
    if (dsb_runtime_create(&rt, NULL) != DSB_OK)
        return EXIT_FAILURE;
    int result =
        run_tests("json", values_are_read, getters_answer_for_nothing, strings_are_decoded,
                  numbers_are_exact, wrong_texts_are_refused_with_their_place, bad_utf8_is_refused,
                  limits_hold, duplicate_keys_are_refused, truncated_and_damaged_texts_are_survived,
                  writer_writes, doubles_survive_the_round_trip, NULL);
    dsb_runtime_free(rt);
    return result;
}
