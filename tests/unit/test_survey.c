/* What a survey measures: light and colour of known pixels, histograms, the sample, the page made
 * from it, names that are hostile, and memory that ends. */
#include "pictures.h"

#include <math.h>
#include "base/json.h"
#include "data/survey.h"
#include "dsbias/report.h"
#include "markup.h"
#include "rationed.h"

static dsb_dataset *open_set(dsb_runtime *rt, const char *name, uint32_t verify)
{
    dsb_dataset_opts opts;
    dsb_dataset_opts_init(&opts, sizeof opts);
    opts.verify = verify;
    dsb_dataset *set;
    ck_assert_ok(dsb_dataset_open(rt, &set, picture_path(name), &opts, NULL, NULL));
    return set;
}

static char *survey(dsb_runtime *rt, dsb_dataset *const *sets, uint64_t n, uint64_t n_pixels)
{
    dsb_survey_opts opts;
    dsb_survey_opts_init(&opts, sizeof opts);
    opts.n_pixels = n_pixels;
    char *json;
    ck_assert_ok(
        dsb_data_survey(rt, &json, NULL, (const dsb_dataset *const *)sets, n, &opts, NULL, NULL));
    return json;
}

START_TEST(light_of_known_pixels)
{
    uint8_t pixels[4 * 2 * 3];
    const dsbi_image image = {pixels, 4, 2, 3};
    dsbi_light light;
    for (size_t i = 0; i < sizeof pixels; i++) /* half black, half white */
        pixels[i] = i / 3 % 2 ? 255 : 0;
    dsbi_light_of(&light, &image);
    ck_assert_double_eq_tol(light.brightness, 127.5, 1e-9);
    ck_assert_double_eq_tol(light.contrast, 127.5, 1e-9);
    ck_assert_double_eq_tol(light.colourfulness, 0, 1e-9);
    ck_assert(light.is_grey);
    for (size_t i = 0; i < sizeof pixels; i += 3) { /* half red, half blue */
        pixels[i] = i % 2 ? 255 : 0;
        pixels[i + 1] = 0;
        pixels[i + 2] = i % 2 ? 0 : 255;
    }
    dsbi_light_of(&light, &image);
    ck_assert(!light.is_grey);
    ck_assert_double_eq_tol(light.brightness, (76 + 29) / 2.0, 1e-9);
    ck_assert_double_eq_tol(light.colour[0], 127.5, 1e-9);
    ck_assert_double_eq_tol(light.colour[1], 0, 1e-9);
    /* rg: 255 and 0, mean 127.5, sd 127.5; yb: 127.5 and -255, mean -63.75, sd 191.25 */
    double m = hypot(127.5, 191.25) + 0.3 * hypot(127.5, 63.75);
    ck_assert_double_eq_tol(light.colourfulness, m, 1e-9);
}
END_TEST

START_TEST(bins_cover_everything)
{
    for (size_t kind = 0; kind < DSBI_N_HISTOGRAMS; kind++) {
        const dsbi_histogram_shape *shape = &dsbi_histogram_shapes[kind];
        for (size_t b = 0; b < shape->n_bins; b++) {
            ck_assert_msg(shape->edges[b] < shape->edges[b + 1], "%s: edge %zu", shape->name, b);
            dsbi_histogram h = {{0}};
            double middle = isinf(shape->edges[b + 1])
                                ? 2 * shape->edges[b]
                                : (shape->edges[b] + shape->edges[b + 1]) / 2;
            dsbi_histogram_add(&h, (enum dsbi_histogram_kind)kind, shape->edges[b]);
            dsbi_histogram_add(&h, (enum dsbi_histogram_kind)kind, middle);
            ck_assert_uint_eq(h.counts[b], 2);
        }
        dsbi_histogram h = {{0}};
        dsbi_histogram_add(&h, (enum dsbi_histogram_kind)kind, 1e18);
        dsbi_histogram_add(&h, (enum dsbi_histogram_kind)kind, -1);
        ck_assert_uint_eq(h.counts[shape->n_bins - 1], 1);
        ck_assert_uint_eq(h.counts[0], 1);
    }
    dsbi_histogram h = {{0}};
    dsbi_histogram_add(&h, DSBI_HISTOGRAM_QUALITY, 100);
    ck_assert_uint_eq(h.counts[dsbi_histogram_shapes[DSBI_HISTOGRAM_QUALITY].n_bins - 1], 1);
}
END_TEST

static uint64_t count(const dsbi_json_value *object, const char *key)
{
    uint64_t n = UINT64_MAX;
    ck_assert_msg(dsbi_json_uint64(dsbi_json_get(object, key), &n), "%s", key);
    return n;
}

static uint64_t sum_of(const dsbi_json_value *histogram)
{
    uint64_t sum = 0, n;
    const dsbi_json_value *v = dsbi_json_first(dsbi_json_get(histogram, "counts"));
    for (; v; v = dsbi_json_next(v)) {
        ck_assert(dsbi_json_uint64(v, &n));
        sum += n;
    }
    return sum;
}

START_TEST(a_survey_counts_every_image)
{
    dsb_runtime *rt = make_runtime(3);
    dsb_dataset *sets[2] = {open_set(rt, "many", 1), open_set(rt, "hurt", 0)};
    char *json = survey(rt, sets, 2, 10);
    dsbi_json *doc;
    ck_assert_ok(dsbi_json_parse(rt, &doc, json, strlen(json)));
    const dsbi_json_value *many = dsbi_json_first(dsbi_json_get(dsbi_json_root(doc), "datasets"));
    const dsbi_json_value *hurt = dsbi_json_next(many);
    const dsbi_json_value *bars = dsbi_json_get(many, "histograms");
    ck_assert_uint_eq(sum_of(dsbi_json_get(bars, "width")), 40);
    ck_assert_uint_eq(sum_of(dsbi_json_get(bars, "aspect")), 40);
    ck_assert_uint_eq(sum_of(dsbi_json_get(bars, "jpeg_quality")), 40);
    ck_assert_uint_eq(sum_of(dsbi_json_get(bars, "brightness")), 10);
    ck_assert_uint_eq(count(dsbi_json_get(many, "pixels"), "n_images"), 10);
    ck_assert_uint_eq(count(dsbi_json_get(hurt, "pixels"), "n_failed"), 1); /* headers were read */
    ck_assert_uint_eq(count(dsbi_json_get(hurt, "pixels"), "n_images"), 2);
    /* both have the same bins */
    const dsbi_json_value *others = dsbi_json_get(dsbi_json_get(hurt, "histograms"), "width");
    ck_assert_uint_eq(dsbi_json_count(dsbi_json_get(others, "edges")),
                      dsbi_json_count(dsbi_json_get(dsbi_json_get(bars, "width"), "edges")));
    const dsbi_json_value *common = dsbi_json_first(dsbi_json_get(hurt, "common_sizes"));
    ck_assert_uint_eq(count(common, "width"), 60);
    ck_assert_uint_eq(count(common, "images"), 2);
    dsbi_json_free(doc);
    char *without = survey(rt, sets, 2, 0);
    ck_assert_ptr_null(strstr(without, "\"pixels\""));
    dsb_data_text_free(rt, without);
    dsb_runtime *alone = make_runtime(1); /* the same for any number of threads */
    dsb_dataset *again[2] = {open_set(alone, "many", 1), open_set(alone, "hurt", 0)};
    char *same = survey(alone, again, 2, 10);
    ck_assert_str_eq(same, json);
    dsb_data_text_free(alone, same);
    dsb_data_text_free(rt, json);
    for (size_t i = 0; i < 2; i++) {
        dsb_dataset_free(sets[i]);
        dsb_dataset_free(again[i]);
    }
    dsb_runtime_free(alone);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(hostile_names_do_no_harm)
{
    dsb_runtime *rt = make_runtime(2);
    dsb_dataset *sets[2] = {open_set(rt, "hostile", 1), open_set(rt, "many", 1)};
    char *json = survey(rt, sets, 2, 100), *html, *text;
    size_t size;
    ck_assert_ok(dsb_report_data_html(rt, &html, &size, json, strlen(json)));
    ck_assert_uint_eq(size, strlen(html));
    check_harmless(html);
    static const char *const parts[] = {"Light and colour",
                                        "JPEG quality",
                                        "Aspect ratio",
                                        "&lt;script&gt;alert(1)",
                                        "not an image",
                                        "classes</summary>",
                                        "The same bytes under these names",
                                        "</html>"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        ck_assert_msg(strstr(html, parts[i]), "the page does not say: %s", parts[i]);
    ck_assert_ok(dsb_report_data_text(rt, &text, NULL, json, strlen(json), 0));
    ck_assert_ptr_null(strchr(text, '\033'));
    ck_assert_ptr_null(strstr(text, "\xe2\x80\xae"));
    dsb_report_free(rt, text);
    dsb_report_free(rt, html);
    dsb_data_text_free(rt, json);
    dsb_dataset_free(sets[0]);
    dsb_dataset_free(sets[1]);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(records_of_any_shape_are_met)
{
    static const char *const records[] = {
        "{\"schema\":\"dsbias.data/1\"}",
        "{\"schema\":\"dsbias.data/1\",\"datasets\":[{},3,null]}",
        "{\"schema\":\"dsbias.data/1\",\"datasets\":[{\"name\":\"a\",\"histograms\":{\"width\":{"
        "\"edges\":[1,2,null],\"counts\":[3,-1]},\"brightness\":{\"edges\":[0,null,2],\"counts\":["
        "1e300,null]},\"size_bytes\":{\"edges\":[5],\"counts\":[1]}},\"pixels\":{\"mean_colour\":["
        "-1,300,null]},\"classes\":[{\"images\":-3}],\"n_classes\":9,\"common_sizes\":[{}],"
        "\"broken\":[{}],\"n_broken\":5,\"properties\":{\"exif_turned\":4}},{\"name\":\"b\","
        "\"histograms\":{\"width\":{\"edges\":[1,2],\"counts\":[3]}},\"width\":{\"median\":1e308}}]"
        ",\"duplicates\":{\"groups\":[[],[{}]],\"groups_across\":9}}",
    };
    dsb_runtime *rt = make_runtime(1);
    char *html;
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        ck_assert_ok(dsb_report_data_html(rt, &html, NULL, records[i], strlen(records[i])));
        check_harmless(html);
        ck_assert_ptr_null(strstr(html, "\"nan"));
        dsb_report_free(rt, html);
    }
    ck_assert_fails(dsb_report_data_html(rt, &html, NULL, "{}", 2), DSB_E_FORMAT, "dsbias.data/");
    ck_assert_ptr_null(html);
    ck_assert_fails(dsb_report_data_html(rt, &html, NULL, NULL, 2), DSB_E_INVALID, "json");
    dsb_runtime_free(rt);
}
END_TEST

static dsb_status survey_and_page(dsb_runtime *rt, dsb_dataset *set)
{
    const dsb_dataset *const *one = (const dsb_dataset *const *)&set;
    char *json, *html = NULL;
    size_t size;
    dsb_status status = dsb_data_survey(rt, &json, &size, one, 1, NULL, NULL, NULL);
    if (status == DSB_OK)
        status = dsb_report_data_html(rt, &html, NULL, json, size);
    ck_assert(status == DSB_OK || (!html && *dsb_last_error()));
    dsb_report_free(rt, html);
    dsb_data_text_free(rt, json);
    return status;
}

START_TEST(each_allocation_may_fail)
{
    rationed memory = {0};
    dsb_runtime *rt = make_rationed(&memory);
    dsb_dataset *set = open_set(rt, "hostile", 1);
    uint64_t before = memory.in_use;
    dsb_status status = DSB_E_NOMEM;
    for (uint64_t n = 0; status != DSB_OK; n++) {
        ck_assert_uint_lt(n, 3000);
        memory.left = n;
        status = survey_and_page(rt, set);
        memory.left = UINT64_MAX;
        ck_assert_uint_eq(memory.in_use, before);
        ck_assert(status == DSB_OK || status == DSB_E_NOMEM);
    }
    dsb_dataset_free(set);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(pictures_are_there)
{
    dsb_runtime *rt = make_runtime(1);
    write_pictures(rt, "many", 40, 100);
    write_picture(rt, "hurt/a.jpg", 60, 40, 1);
    write_picture(rt, "hurt/b.jpg", 60, 40, 2);
    ck_assert_int_eq(truncate(picture_path("hurt/b.jpg"), 700), 0);
    write_picture(rt, "hurt/c.jpg", 40, 60, 3);
    write_picture(rt, "hostile/<b>\033[2J/\"><script>alert(1).jpg", 24, 24, 1);
    write_picture(rt, "hostile/&amp;/\xe2\x80\xaegpj.exe", 24, 24, 1);
    write_picture(rt, "hostile/%s%n/\xff\xfe.png", 24, 40, 3);
    write_bytes(rt, "hostile/\" onload=\"x/a\nb.jpg", "no image", 8);
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    if (!pictures_begin("survey"))
        return EXIT_FAILURE;
    int result =
        run_tests("survey", pictures_are_there, light_of_known_pixels, bins_cover_everything,
                  a_survey_counts_every_image, hostile_names_do_no_harm,
                  records_of_any_shape_are_met, each_allocation_may_fail, NULL);
    pictures_end();
    return result;
}
