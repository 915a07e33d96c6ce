/* How the images of a data scan are distributed: sizes and shapes, files, light and colour. All
 * collections share the bins of a histogram (data/histogram.h made them). */
#include "report/data_page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"

enum { MOST_BINS = 64, MOST_SERIES = 8, WIDTH = 470, HEIGHT = 250 };

/* Numbers of a JSON array; NaN for null. Returns how many there are, at most `capacity`. */
static size_t read_numbers(double *out, size_t capacity, const dsbi_json_value *array)
{
    size_t n = 0;
    for (const dsbi_json_value *v = dsbi_json_first(array); v && n < capacity;
         v = dsbi_json_next(v), n++) {
        out[n] = NAN;
        dsbi_json_double(v, &out[n]);
    }
    return n;
}

static const dsbi_json_value *histogram_of(const dsbi_json_value *d, const char *name)
{
    return dsbi_json_get(dsbi_json_get(d, "histograms"), name);
}

static bool has_histogram(const dsbi_data_page *p, const char *name)
{
    return dsbi_json_count(
               dsbi_json_get(histogram_of(dsbi_json_first(p->datasets), name), "counts")) > 0;
}

typedef struct plot {
    double edges[MOST_BINS + 1];
    double counts[MOST_SERIES][MOST_BINS];
    dsbi_histogram_series series[MOST_SERIES];
} plot;

static size_t read_series(plot *out, const dsbi_data_page *p, const char *name, size_t n_bins)
{
    size_t n = 0;
    for (const dsbi_json_value *d = dsbi_json_first(p->datasets); d && n < MOST_SERIES;
         d = dsbi_json_next(d)) {
        const dsbi_json_value *counts = dsbi_json_get(histogram_of(d, name), "counts");
        if (read_numbers(out->counts[n], MOST_BINS, counts) != n_bins)
            continue;
        for (size_t b = 0; b < n_bins; b++)
            if (!(out->counts[n][b] >= 0 && out->counts[n][b] < 1e18)) /* nor NaN */
                out->counts[n][b] = 0;
        out->series[n] = (dsbi_histogram_series){dsbi_record_text(d, "name"), out->counts[n]};
        n++;
    }
    return n;
}

static dsb_status add_histogram(const dsbi_data_page *p, const char *name, const char *title,
                                const char *caption)
{
    const dsbi_json_value *first = histogram_of(dsbi_json_first(p->datasets), name);
    plot *data = dsbi_calloc(p->rt, 1, sizeof *data);
    if (!data)
        return DSB_E_NOMEM;
    size_t n_edges = read_numbers(data->edges, MOST_BINS + 1, dsbi_json_get(first, "edges"));
    size_t n_series = n_edges > 1 ? read_series(data, p, name, n_edges - 1) : 0;
    if (n_series > 0) {
        dsbi_html(p->t, "<div><h3>%s</h3>\n", title);
        dsbi_figure_histogram(p->t,
                              &(dsbi_histogram_figure){.title = title,
                                                       .caption = caption,
                                                       .edges = data->edges,
                                                       .n_bins = n_edges - 1,
                                                       .series = data->series,
                                                       .n_series = n_series,
                                                       .bytes = strcmp(name, "size_bytes") == 0,
                                                       .width = WIDTH,
                                                       .height = HEIGHT});
        if (n_series < p->n)
            dsbi_html(p->t, "<p class=\"small soft\">%zu of %zu collections.</p>\n", n_series,
                      p->n);
        dsbi_text_add(p->t, "</div>\n");
    }
    dsbi_free(p->rt, data);
    return p->t->status;
}

/* "128 / 256 / 416" */
static void add_spread_cell(dsbi_text *t, const dsbi_json_value *d, const char *key, bool bytes)
{
    static const char *const columns[] = {"min", "median", "max"};
    dsbi_text_add(t, "<td class=\"n\">");
    for (size_t i = 0; i < 3; i++) {
        double x = dsbi_data_number(d, key, columns[i]);
        dsbi_number number;
        if (i == 0 && !isfinite(x)) {
            dsbi_text_add(t, "\xe2\x80\x93");
            break;
        }
        dsbi_html(t, "%s%s", i ? " / " : "",
                  bytes ? dsbi_number_bytes(&number, x) : dsbi_number_plain(&number, x));
    }
    dsbi_text_add(t, "</td>");
}

static void add_common_sizes(dsbi_text *t, const dsbi_json_value *d)
{
    double n_images = dsbi_record_number(d, "n_images");
    const dsbi_json_value *s = dsbi_json_first(dsbi_json_get(d, "common_sizes"));
    for (size_t i = 0; s && i < 5; s = dsbi_json_next(s), i++) {
        dsbi_number share;
        dsbi_html(t, "<span class=\"item\">%llu \xc3\x97 %llu <i>%s</i></span> ",
                  (unsigned long long)dsbi_record_count(s, "width"),
                  (unsigned long long)dsbi_record_count(s, "height"),
                  dsbi_number_percent(&share, dsbi_record_number(s, "images") / n_images));
    }
}

dsb_status dsbi_data_shapes(const dsbi_data_page *p)
{
    if (!has_histogram(p, "width"))
        return DSB_OK;
    dsbi_section_begin(p->t, "shapes", "Sizes and shapes",
                       "Pixels as stored; an EXIF turn is not applied.");
    dsbi_text_add(p->t, "<div class=\"two\">\n");
    DSBI_TRY(add_histogram(p, "width", "Width", "pixels"));
    DSBI_TRY(add_histogram(p, "height", "Height", "pixels"));
    DSBI_TRY(add_histogram(p, "aspect", "Aspect ratio", "width / height; 1 is square"));
    dsbi_text_add(p->t, "</div>\n<div class=\"scroll\"><table><tr><th>Collection</th>"
                        "<th class=\"n\">Width: least / median / most</th>"
                        "<th class=\"n\">Height</th><th>Most common</th></tr>\n");
    for (const dsbi_json_value *d = dsbi_json_first(p->datasets); d; d = dsbi_json_next(d)) {
        dsbi_html(p->t, "<tr><td>%s</td>", dsbi_record_text(d, "name"));
        add_spread_cell(p->t, d, "width", false);
        add_spread_cell(p->t, d, "height", false);
        dsbi_text_add(p->t, "<td>");
        add_common_sizes(p->t, d);
        dsbi_text_add(p->t, "</td></tr>\n");
    }
    dsbi_text_add(p->t, "</table></div>\n");
    dsbi_section_end(p->t);
    return p->t->status;
}

/* Rows: properties that some image has. Columns: collections. */
static void add_properties(const dsbi_data_page *p)
{
    const dsbi_json_value *first = dsbi_json_get(dsbi_json_first(p->datasets), "properties");
    dsbi_text_add(p->t, "<h3>Properties of the files</h3>\n<div class=\"scroll\"><table>"
                        "<tr><th>Images that are, or have</th>");
    for (const dsbi_json_value *d = dsbi_json_first(p->datasets); d; d = dsbi_json_next(d))
        dsbi_html(p->t, "<th class=\"n\">%s</th>", dsbi_record_text(d, "name"));
    dsbi_text_add(p->t, "</tr>\n");
    for (const dsbi_json_value *key = dsbi_json_first(first); key; key = dsbi_json_next(key)) {
        const char *name = dsbi_json_key(key, NULL);
        uint64_t total = 0;
        for (const dsbi_json_value *d = dsbi_json_first(p->datasets); d; d = dsbi_json_next(d))
            total += dsbi_record_count(dsbi_json_get(d, "properties"), name);
        if (total == 0)
            continue;
        dsbi_text_add(p->t, "<tr><td>");
        dsbi_data_words(p->t, name);
        dsbi_text_add(p->t, "</td>");
        for (const dsbi_json_value *d = dsbi_json_first(p->datasets); d; d = dsbi_json_next(d))
            dsbi_data_count_cell(p->t, dsbi_record_count(dsbi_json_get(d, "properties"), name));
        dsbi_text_add(p->t, "</tr>\n");
    }
    dsbi_text_add(p->t, "</table></div>\n");
}

dsb_status dsbi_data_files(const dsbi_data_page *p)
{
    if (!has_histogram(p, "size_bytes") && !has_histogram(p, "jpeg_quality"))
        return DSB_OK;
    dsbi_section_begin(p->t, "files", "Files",
                       "How the images are stored. What differs here between collections can be "
                       "told without looking at a picture.");
    dsbi_text_add(p->t, "<div class=\"two\">\n");
    DSBI_TRY(add_histogram(p, "size_bytes", "Size of the files", "bytes"));
    DSBI_TRY(add_histogram(p, "jpeg_quality", "JPEG quality",
                           "IJG quality whose tables come nearest, 1 to 100"));
    dsbi_text_add(p->t, "</div>\n<div class=\"scroll\"><table><tr><th>Collection</th>"
                        "<th class=\"n\">File size: least / median / most</th>"
                        "<th class=\"n\">JPEG quality</th></tr>\n");
    for (const dsbi_json_value *d = dsbi_json_first(p->datasets); d; d = dsbi_json_next(d)) {
        dsbi_html(p->t, "<tr><td>%s</td>", dsbi_record_text(d, "name"));
        add_spread_cell(p->t, d, "size_bytes", true);
        add_spread_cell(p->t, d, "jpeg_quality", false);
        dsbi_text_add(p->t, "</tr>\n");
    }
    dsbi_text_add(p->t, "</table></div>\n");
    add_properties(p);
    dsbi_section_end(p->t);
    return p->t->status;
}

static int colour_byte(double x)
{
    return x >= 0 && x <= 255 ? (int)lround(x) : 0; /* NaN: 0 */
}

static void add_swatch(dsbi_text *t, const double colour[3])
{
    dsbi_html(t,
              "<svg viewBox=\"0 0 56 22\" width=\"56\" role=\"img\" aria-label=\"mean colour\">"
              "<rect width=\"56\" height=\"22\" rx=\"5\" class=\"swatch\" "
              "style=\"fill:rgb(%d,%d,%d)\"/></svg>",
              colour_byte(colour[0]), colour_byte(colour[1]), colour_byte(colour[2]));
}

static void add_light_row(dsbi_text *t, const dsbi_json_value *d)
{
    static const char *const keys[] = {"brightness", "contrast", "colourfulness"};
    const dsbi_json_value *pixels = dsbi_json_get(d, "pixels");
    double colour[3] = {NAN, NAN, NAN};
    if (!pixels)
        return;
    dsbi_html(t, "<tr><td>%s</td>", dsbi_record_text(d, "name"));
    dsbi_data_count_cell(t, dsbi_record_count(pixels, "n_images"));
    for (size_t i = 0; i < 3; i++)
        dsbi_html(t, "<td class=\"n\">%.1f \xc2\xb1 %.1f</td>",
                  dsbi_data_number(pixels, keys[i], "mean"),
                  dsbi_data_number(pixels, keys[i], "sd"));
    dsbi_data_count_cell(t, dsbi_record_count(pixels, "n_grey"));
    read_numbers(colour, 3, dsbi_json_get(pixels, "mean_colour"));
    dsbi_text_add(t, "<td>");
    add_swatch(t, colour);
    dsbi_html(t, "<span class=\"small soft\">%d, %d, %d</span></td></tr>\n", colour_byte(colour[0]),
              colour_byte(colour[1]), colour_byte(colour[2]));
}

dsb_status dsbi_data_light(const dsbi_data_page *p)
{
    if (!has_histogram(p, "brightness"))
        return DSB_OK;
    dsbi_section_begin(p->t, "light", "Light and colour",
                       "Of an evenly spread sample of each collection's images, decoded at 256 "
                       "pixels or more.");
    dsbi_text_add(p->t, "<div class=\"two\">\n");
    DSBI_TRY(add_histogram(p, "brightness", "Brightness", "mean luma, 0 black to 255 white"));
    DSBI_TRY(add_histogram(p, "contrast", "Contrast", "standard deviation of the luma"));
    DSBI_TRY(add_histogram(p, "colourfulness", "Colourfulness",
                           "Hasler and S\xc3\xbcsstrunk 2003; 0 grey, above 60 vivid"));
    dsbi_text_add(p->t, "</div>\n<div class=\"scroll\"><table><tr><th>Collection</th>"
                        "<th class=\"n\">Measured</th><th class=\"n\">Brightness</th>"
                        "<th class=\"n\">Contrast</th><th class=\"n\">Colourfulness</th>"
                        "<th class=\"n\">Grey</th><th>Mean colour</th></tr>\n");
    for (const dsbi_json_value *d = dsbi_json_first(p->datasets); d; d = dsbi_json_next(d))
        add_light_row(p->t, d);
    dsbi_text_add(p->t, "</table></div>\n<p class=\"small soft\">Mean \xc2\xb1 standard deviation "
                        "over images. Grey: red, green and blue are equal in every pixel.</p>\n");
    dsbi_section_end(p->t);
    return p->t->status;
}
