/* Reports: numbers, escaping, figures, the page and the summary of a record of classify. */
#include "markup.h"

#include <locale.h>
#include <math.h>
#include "dsbias/report.h"
#include "report/figures.h"
#include "report/number.h"
#include "report/style.h"

static char *read_fixture(size_t *size)
{
    FILE *file = fopen(DSBI_TEST_DIR "/golden/report/classify.json", "rb");
    ck_assert_ptr_nonnull(file);
    char *text = malloc(1 << 20);
    *size = fread(text, 1, (1 << 20) - 1, file);
    text[*size] = '\0';
    fclose(file);
    return text;
}

/* `text` with each `from` replaced by `to`. Caller frees. */
static char *replaced(const char *text, const char *from, const char *to)
{
    char *out = malloc(strlen(text) * 2 + 65536), *p = out;
    for (const char *hit; (hit = strstr(text, from)) != NULL; text = hit + strlen(from))
        p += sprintf(p, "%.*s%s", (int)(hit - text), text, to);
    strcpy(p, text);
    return out;
}

START_TEST(numbers_read_well)
{
    dsbi_number n;
    ck_assert_str_eq(dsbi_number_percent(&n, 0.87149), "87.1 %");
    ck_assert_str_eq(dsbi_number_percent(&n, NAN), "n/a");
    ck_assert_str_eq(dsbi_number_points(&n, 0.259), "+25.9 points");
    ck_assert_str_eq(dsbi_number_points(&n, -0.004), "-0.4 points");
    ck_assert_str_eq(dsbi_number_interval(&n, 0.848, 0.891), "84.8 to 89.1 %");
    ck_assert_str_eq(dsbi_number_p(&n, 0.5), "p = 0.50");
    ck_assert_str_eq(dsbi_number_p(&n, 0.0123), "p = 0.012");
    ck_assert_str_eq(dsbi_number_p(&n, 2.34e-5), "p = 2.3e-05");
    ck_assert_str_eq(dsbi_number_p(&n, 0), "p < 1e-6");
    ck_assert_str_eq(dsbi_number_count(&n, 0), "0");
    ck_assert_str_eq(dsbi_number_count(&n, 999), "999");
    ck_assert_str_eq(dsbi_number_count(&n, 13807), "13,807");
    ck_assert_str_eq(dsbi_number_count(&n, UINT64_MAX), "18,446,744,073,709,551,615");
    ck_assert_str_eq(dsbi_number_seconds(&n, 0.31), "0.31 s");
    ck_assert_str_eq(dsbi_number_seconds(&n, 8.44), "8.4 s");
    ck_assert_str_eq(dsbi_number_seconds(&n, 59.6), "1:00 min");
    ck_assert_str_eq(dsbi_number_seconds(&n, 133), "2:13 min");
    ck_assert_str_eq(dsbi_number_seconds(&n, 5000), "1.4 h");
    ck_assert_str_eq(dsbi_number_bytes(&n, 312), "312 bytes");
    ck_assert_str_eq(dsbi_number_bytes(&n, 14541), "14.2 KiB");
    ck_assert_str_eq(dsbi_number_bytes(&n, 402653184), "384 MiB");
    ck_assert_str_eq(dsbi_number_plain(&n, -25000), "-25,000");
    ck_assert_str_eq(dsbi_number_plain(&n, 0.25), "0.25");
}
END_TEST

START_TEST(markup_from_data_is_escaped)
{
    dsb_runtime *rt = make_runtime(1);
    dsbi_text t;
    dsbi_text_init(&t, rt);
    dsbi_html(&t, "<b title=\"%s\">%d %zu %.2f%%</b>", "\"><script>'&", -3, (size_t)7, 1.5);
    ck_assert_str_eq(t.data, "<b title=\"&quot;&gt;&lt;script&gt;&#39;&amp;\">-3 7 1.50%</b>");
    dsbi_text_clear(&t);
    /* an escape sequence, a C1 control, right-to-left override, isolate */
    dsbi_html(&t, "%s",
              "a\033[2Jb\xc2\x9b"
              "c\xe2\x80\xae"
              "gpj.exe\xe2\x81\xa6");
    ck_assert_str_eq(t.data, "a\xef\xbf\xbd[2Jb\xef\xbf\xbd"
                             "c\xef\xbf\xbdgpj.exe\xef\xbf\xbd");
    dsbi_text_clear(&t);
    dsbi_html(&t, "%.3s|%llu|%+.1f", "<>&x", 5ull, -0.25);
    ck_assert_str_eq(t.data, "&lt;&gt;&amp;|5|-0.2");
    dsbi_text_free(&t);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(only_images_are_sources)
{
    ck_assert(dsbi_html_is_image("data:image/jpeg;base64,/9j/4AAQSkZJRg=="));
    ck_assert(dsbi_html_is_image("data:image/png;base64,iVBORw0KGgo="));
    ck_assert(!dsbi_html_is_image(""));
    ck_assert(!dsbi_html_is_image("data:image/png;base64,"));
    ck_assert(!dsbi_html_is_image("data:image/svg+xml;base64,PHN2Zz4="));
    ck_assert(!dsbi_html_is_image("data:image/png;base64,AA\" onerror=\"x"));
    ck_assert(!dsbi_html_is_image("https://example.org/a.png"));
    ck_assert(!dsbi_html_is_image("javascript:alert(1)"));
}
END_TEST

START_TEST(names_are_shortened_between_characters)
{
    dsbi_short s;
    ck_assert_str_eq(dsbi_html_shorten(&s, "short.jpg", 12), "short.jpg");
    ck_assert_str_eq(dsbi_html_shorten(&s, "holiday_2019_00031.jpg", 12), "holida\xe2\x80\xa6"
                                                                          "1.jpg");
    /* four-byte characters stay whole */
    ck_assert_str_eq(dsbi_html_shorten(
                         &s, "\xf0\x9f\x98\x80\xf0\x9f\x98\x81\xf0\x9f\x98\x82\xf0\x9f\x98\x83", 3),
                     "\xf0\x9f\x98\x80\xe2\x80\xa6\xf0\x9f\x98\x83");
    char longest[5000];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    ck_assert_uint_eq(strlen(dsbi_html_shorten(&s, longest, 1000)), 62);
    ck_assert_str_eq(dsbi_html_shorten(&s, "", 5), "");
}
END_TEST

START_TEST(axes_have_round_ticks)
{
    dsbi_axis a;
    dsbi_axis_init(&a, 0.13, 0.92, 5, true, false);
    ck_assert_double_eq_tol(a.lo, 0.0, 1e-12);
    ck_assert_double_eq_tol(a.hi, 1.0, 1e-12);
    ck_assert_double_eq_tol(a.ticks[1], 0.2, 1e-12);
    dsbi_axis_init(&a, 3, 44800, 5, false, false);
    ck_assert_double_eq(a.ticks[0], 10000);
    ck_assert_uint_eq(a.n_ticks, 4);
    const double odd[][2] = {{5, 5},          {0, 0},        {NAN, 1}, {INFINITY, -INFINITY},
                             {-1e300, 1e300}, {1, 1 + 1e-12}};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        dsbi_axis_init(&a, odd[i][0], odd[i][1], 5, true, false);
        ck_assert(a.hi > a.lo && a.n_ticks <= 16);
        a.lo_px = 10;
        a.hi_px = 110;
        double px = dsbi_axis_px(&a, odd[i][0]);
        ck_assert(isnan(odd[i][0]) || (px >= 10 && px <= 110));
    }
    dsbi_axis_init_probit(&a, 0.02, 0.98);
    a.lo_px = 0;
    a.hi_px = 100;
    ck_assert_double_eq_tol(dsbi_axis_px(&a, 0.5), 50, 1e-6);
    ck_assert_double_eq_tol(dsbi_axis_px(&a, 0.02), 0, 1e-6);
    ck_assert_double_eq_tol(dsbi_axis_px(&a, 0.9) + dsbi_axis_px(&a, 0.1), 100, 1e-6);
}
END_TEST

START_TEST(every_figure_draws_and_survives_nothing)
{
    dsb_runtime *rt = make_runtime(1);
    dsbi_text t;
    dsbi_text_init(&t, rt);
    const double x[] = {1, 2, 3}, y[] = {0.5, NAN, 0.7}, band[] = {0.4, 0.5, 0.6};
    dsbi_line line = {"a<b", x, y, 3, 1, true};
    dsbi_point point = {"model & co", 0.7, 0.6, 0.65, 0.75, NAN, NAN, 9};
    dsbi_slope slope = {"m\"1", 0.7, 0.6, 2};
    const char *const legend[] = {"one", "two", NULL};
    for (size_t n = 0; n <= 1; n++) {
        dsbi_figure_lines(&t, &(dsbi_lines){.title = "",
                                            .x_caption = "x",
                                            .y_caption = "y",
                                            .lines = &line,
                                            .n = n,
                                            .reference = NAN,
                                            .width = 500,
                                            .height = 300});
        dsbi_figure_scatter(&t, &(dsbi_scatter){.title = "s",
                                                .x_caption = "x",
                                                .y_caption = "y",
                                                .points = &point,
                                                .n = n,
                                                .scale = n ? DSBI_SCALE_PROBIT : DSBI_SCALE_LINEAR,
                                                .percent = true,
                                                .diagonal = true,
                                                .lo = NAN,
                                                .hi = NAN,
                                                .fit_x = x,
                                                .fit_y = band,
                                                .fit_lo = band,
                                                .fit_hi = band,
                                                .n_fit = 3,
                                                .series_names = legend});
        dsbi_figure_slopes(&t, &(dsbi_slopes){"sl", "before", "after", &slope, n, true, n == 1});
    }
    dsbi_figure_light(&t, -1, "none");
    dsbi_figure_gauge(&t, NAN, NAN, NAN, NAN);
    ck_assert_ok(t.status);
    ck_assert_ptr_null(strstr(t.data, "nan"));
    ck_assert_ptr_null(strstr(t.data, "inf"));
    ck_assert_ptr_null(strstr(t.data, "a<b"));
    ck_assert_ptr_nonnull(strstr(t.data, "model &amp; co"));
    dsbi_text_free(&t);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(page_holds_what_the_record_says)
{
    dsb_runtime *rt = make_runtime(1);
    size_t json_size, size;
    char *json = read_fixture(&json_size), *html;
    ck_assert_ok(dsb_report_classify_html(rt, &html, &size, json, json_size));
    ck_assert_uint_eq(size, strlen(html));
    static const char *const parts[] = {
        "84.3&nbsp;%",
        "81.8 to 86.6&nbsp;%",
        "p &lt; 1e-6",
        "File properties",
        "Random patches",
        "would need about 41 min",
        "13,807",
        "Passed:",
        "caltech101",
        "taken for <b>coco</b>",
        "class=\"lamp red lit\"",
        "jpeg: the data end in row 112 of 480",
        "&lt;!DOCTYPE html&gt;",
        "8:31 min",
        "384 MiB",
        "00987.jpg",
        "data:image/png;base64,",
        "</html>",
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        ck_assert_msg(strstr(html, parts[i]) != NULL, "the page does not say: %s", parts[i]);
    ck_assert_ptr_null(strstr(html, "<script"));
    ck_assert_ptr_null(strstr(html, "http://"));
    ck_assert_ptr_null(strstr(html, "https://"));
    ck_assert_ptr_null(strstr(html, "nan"));
    check_balance(html);
    dsb_report_free(rt, html);
    free(json);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(hostile_names_do_no_harm)
{
    dsb_runtime *rt = make_runtime(1);
    size_t json_size;
    char *json = read_fixture(&json_size), *html, *text;
    static const char *const names[] = {
        "</title><script>alert(1)</script>",
        "x\\\" onload=\\\"alert(1)",
        "\\u001b]0;owned\\u0007",
        "\\u202egpj.exe",
        "%s%n%d",
        "../../../etc/passwd",
        "",
        "\\u0000",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *hostile = replaced(json, "coco", names[i]);
        ck_assert_ok(dsb_report_classify_html(rt, &html, NULL, hostile, strlen(hostile)));
        ck_assert_ptr_null(strstr(html, "<script"));
        ck_assert_ptr_null(strstr(html, "\" onload="));
        ck_assert_ptr_null(strchr(html, '\033'));
        check_balance(html);
        ck_assert_ptr_null(strstr(html, "\xe2\x80\xae"));
        dsb_report_free(rt, html);
        ck_assert_ok(dsb_report_classify_text(rt, &text, NULL, hostile, strlen(hostile), 0));
        ck_assert_ptr_null(strchr(text, '\033'));
        ck_assert_ptr_null(strstr(text, "\xe2\x80\xae"));
        dsb_report_free(rt, text);
        free(hostile);
    }
    /* an image source that is none is left out */
    char *bad = replaced(json, "data:image/png;base64,", "https://example.org/");
    ck_assert_ok(dsb_report_classify_html(rt, &html, NULL, bad, strlen(bad)));
    ck_assert_ptr_null(strstr(html, "example.org"));
    dsb_report_free(rt, html);
    free(bad);
    free(json);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(records_of_any_shape_are_met)
{
    dsb_runtime *rt = make_runtime(1);
    char *html, *text;
    static const char *const records[] = {
        "{\"schema\":\"dsbias.classify/1\"}",
        "{\"schema\":\"dsbias.classify/"
        "1\",\"verdict\":3,\"datasets\":{},\"rungs\":[1,null,{}],\"accuracy\":\"x\"}",
        "{\"schema\":\"dsbias.classify/"
        "1\",\"datasets\":[{\"name\":\"a\"},{}],\"confusion\":[[1,2],[3]],"
        "\"rungs\":[{\"name\":\"patches\",\"accuracy\":null,\"curve\":[{},{},{\"samples_seen\":1}]}"
        "],"
        "\"null_control\":{\"accuracy\":0.5},\"examples\":[{}],\"broken\":[{}],\"duplicates\":{},"
        "\"record\":{}}",
        "{\"schema\":\"dsbias.classify/1\",\"datasets\":[{\"name\":\"a\"},{\"name\":\"b\"}],"
        "\"confusion\":[[0,0],[5,5]],\"accuracy\":1e308,\"ci95\":[null,2],\"chance\":-4}",
    };
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        ck_assert_ok(dsb_report_classify_html(rt, &html, NULL, records[i], strlen(records[i])));
        ck_assert_ptr_nonnull(strstr(html, "</html>"));
        check_balance(html);
        dsb_report_free(rt, html);
        ck_assert_ok(dsb_report_classify_text(rt, &text, NULL, records[i], strlen(records[i]),
                                              DSB_REPORT_COLOUR));
        dsb_report_free(rt, text);
    }
    ck_assert_fails(dsb_report_classify_html(rt, &html, NULL, "{", 1), DSB_E_FORMAT, "record");
    ck_assert_ptr_null(html);
    ck_assert_fails(dsb_report_classify_html(rt, &html, NULL, "{}", 2), DSB_E_FORMAT,
                    "dsbias.classify/");
    ck_assert_fails(dsb_report_classify_text(rt, &text, NULL, "{}", 2, 8), DSB_E_UNSUPPORTED,
                    "0x8");
    ck_assert_fails(dsb_report_classify_text(rt, &text, NULL, NULL, 2, 0), DSB_E_INVALID, "json");
    ck_assert_ptr_null(text);
    dsb_report_free(rt, NULL);
    dsb_runtime_free(rt);
}
END_TEST

static void report_says(const char *duplicates, const char *in_page, const char *in_text)
{
    dsb_runtime *rt = make_runtime(1);
    char record[1024], *html, *text;
    snprintf(record, sizeof record, "{\"schema\":\"dsbias.classify/1\",\"duplicates\":%s}",
             duplicates);
    ck_assert_ok(dsb_report_classify_html(rt, &html, NULL, record, strlen(record)));
    ck_assert_msg(strstr(html, in_page) != NULL, "%s", in_page);
    check_balance(html);
    dsb_report_free(rt, html);
    ck_assert_ok(dsb_report_classify_text(rt, &text, NULL, record, strlen(record), 0));
    ck_assert_msg(strstr(text, in_text) != NULL, "%s", text);
    dsb_report_free(rt, text);
    dsb_runtime_free(rt);
}

START_TEST(images_that_look_alike_are_told)
{
    report_says(
        "{\"near\":{\"policy\":\"keep\",\"groups_across\":2,\"within\":[{\"dataset\":"
        "\"a<b\",\"images\":7}]}}",
        "<b>a&lt;b</b>: 7 images look like another one of it; those that look alike stay in "
        "one part.",
        "look the same in two: 2\n");
    report_says("{\"near\":{\"policy\":\"drop\",\"groups_across\":1,\"within\":[{\"dataset\":"
                "\"c\",\"images\":1}]}}",
                "<b>c</b>: 1 image looks like another one of it; of those that look alike only the "
                "first could be drawn.",
                "look the same in two: 1\n");
    report_says("{\"near\":{\"policy\":\"keep\",\"groups_across\":0,\"within\":[{\"images\":0}]}}",
                "Across collections: no two images look the same.", "look the same in two: 0\n");
    report_says("{\"near\":null,\"classes_matched\":101}", "each of the 101 shared classes",
                "collections: 0\nclasses matched: 101\n");
}
END_TEST

START_TEST(text_fits_a_terminal)
{
    dsb_runtime *rt = make_runtime(1);
    size_t json_size, size;
    char *json = read_fixture(&json_size), *text;
    ck_assert_ok(dsb_report_classify_text(rt, &text, &size, json, json_size, 0));
    ck_assert_uint_eq(size, strlen(text));
    size_t n_lines = 0;
    for (char *line = text; *line; line += strcspn(line, "\n") + 1, n_lines++)
        ck_assert_msg(strcspn(line, "\n") <= 90, "%.*s", (int)strcspn(line, "\n"), line);
    ck_assert_uint_le(n_lines, 26);
    ck_assert_ptr_null(strchr(text, '\033'));
    dsb_report_free(rt, text);
    free(json);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(collections_are_listed)
{
    static const char json[] =
        "{\"schema\":\"dsbias.data/1\",\"datasets\":[{\"name\":\"ho\\u001b[2Jliday\",\"where\":\"/"
        "photos\","
        "\"n_images\":1493,\"n_broken\":2,\"n_skipped\":1,\"n_repeated\":4,\"n_shared\":1,"
        "\"verified\":true,"
        "\"formats\":{\"JPEG\":1490,\"PNG\":3},\"width\":{\"min\":10,\"median\":640,\"max\":4000},"
        "\"height\":{\"min\":8,\"median\":480,\"max\":3000},\"size_bytes\":{\"min\":312,\"median\":"
        "58163,"
        "\"max\":4194304},\"jpeg_quality\":null,\"properties\":{\"grey\":0,\"exif\":7},\"n_"
        "classes\":2,"
        "\"classes\":[{\"folder\":\"\",\"images\":3},{\"folder\":\"beach\",\"images\":1490}],"
        "\"broken_causes\":{\"damaged\":2},\"broken\":[{\"path\":\"a\\nb.jpg\",\"cause\":"
        "\"damaged\","
        "\"message\":\"ends "
        "early\"}],\"skipped_causes\":{\"hidden\":1}},{}],\"duplicates\":{\"groups_within\":1,"
        "\"groups_across\":1,\"groups\":[[{\"dataset\":\"x\",\"path\":\"1.jpg\"},{\"dataset\":"
        "\"y\","
        "\"path\":\"2.jpg\"}]]}}";
    static const char *const parts[] = {
        "1,493 images, each decoded once",
        "1,490 JPEG, 3 PNG",
        "width 10 to 4000, median 640",
        "312 bytes to 4.0 MiB, median 56.8 KiB",
        "2: (top) 3, beach 1,490",
        "2: 2 damaged",
        "1 hidden",
        "4 share their bytes with another file here, 1 with",
        "damaged       a?b.jpg\n                ends early",
        "... and 1 more\n",
        "x: 1.jpg\n    = y: 2.jpg",
        "... and 1 more groups",
    };
    dsb_runtime *rt = make_runtime(1);
    char *text;
    ck_assert_ok(dsb_report_data_text(rt, &text, NULL, json, strlen(json), 0));
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        ck_assert_msg(strstr(text, parts[i]) != NULL, "not said: %s\n%s", parts[i], text);
    ck_assert_ptr_null(strchr(text, '\033'));
    dsb_report_free(rt, text);
    ck_assert_ok(dsb_report_data_text(rt, &text, NULL, json, strlen(json), DSB_REPORT_COLOUR));
    dsb_report_free(rt, text);
    ck_assert_fails(dsb_report_data_text(rt, &text, NULL, "{}", 2, 0), DSB_E_FORMAT,
                    "dsbias.data/");
    dsb_runtime_free(rt);
}
END_TEST

/* Every allocation in turn fails: the right code, no page, nothing leaked. */
typedef struct failing_heap {
    size_t until, live;
} failing_heap;
static void *heap_alloc(void *user, size_t size, size_t alignment)
{
    failing_heap *heap = user;
    if (heap->until == 0)
        return NULL;
    heap->until--;
    heap->live++;
    return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}
static void heap_free(void *user, void *pointer)
{
    failing_heap *heap = user;
    heap->live -= pointer != NULL;
    free(pointer);
}

START_TEST(no_memory_is_survived)
{
    size_t json_size;
    char *json = read_fixture(&json_size);
    failing_heap heap = {SIZE_MAX, 0};
    dsb_runtime_opts opts;
    dsb_runtime_opts_init(&opts, sizeof opts);
    opts.n_threads = 1;
    opts.alloc = heap_alloc;
    opts.free = heap_free;
    opts.alloc_user = &heap;
    dsb_runtime *rt;
    ck_assert_ok(dsb_runtime_create(&rt, &opts));
    size_t live = heap.live;
    dsb_status status = DSB_E_NOMEM;
    for (size_t n = 0; status != DSB_OK; n++) {
        char *html = NULL;
        heap.until = n;
        status = dsb_report_classify_html(rt, &html, NULL, json, json_size);
        heap.until = SIZE_MAX;
        ck_assert(status == DSB_OK || (status == DSB_E_NOMEM && html == NULL));
        ck_assert(status == DSB_OK || *dsb_last_error());
        dsb_report_free(rt, html);
        ck_assert_uint_eq(heap.live, live);
        ck_assert_uint_lt(n, 10000);
    }
    dsb_runtime_free(rt);
    ck_assert_uint_eq(heap.live, 0);
    free(json);
}
END_TEST

int main(void)
{
    /* a locale with a decimal comma, where there is one, must not reach the page */
    setlocale(LC_ALL, "de_DE.UTF-8");
    return run_tests("report", numbers_read_well, markup_from_data_is_escaped,
                     only_images_are_sources, names_are_shortened_between_characters,
                     axes_have_round_ticks, every_figure_draws_and_survives_nothing,
                     page_holds_what_the_record_says, hostile_names_do_no_harm,
                     records_of_any_shape_are_met, images_that_look_alike_are_told,
                     text_fits_a_terminal, collections_are_listed, no_memory_is_survived, NULL);
}
