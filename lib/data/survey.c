/* See survey.h. */
#include "data/survey.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/event.h"
#include "base/file.h"
#include "base/pool.h"
#include "base/rng.h"
#include "data/pixels.h"

enum { ROUND = 64, LEAST_SIDE = 256 };

/* ---- one image ---- */

/* Luma as PIL's convert("L"). Sums are of whole numbers: exact up to 2^36 pixels. */
void dsbi_light_of(dsbi_light *out, const dsbi_image *image)
{
    uint64_t sums[3] = {0}, luma_sum = 0, luma_squares = 0, rg_squares = 0, yb_squares = 0;
    size_t n = (size_t)image->width * image->height;
    uint32_t apart = 0;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *p = image->data + 3 * i;
        uint32_t luma = (p[0] * 19595u + p[1] * 38470u + p[2] * 7471u + 0x8000u) >> 16;
        int32_t rg = p[0] - p[1], yb = p[0] + p[1] - 2 * p[2]; /* twice (R + G) / 2 - B */
        for (size_t c = 0; c < 3; c++)
            sums[c] += p[c];
        luma_sum += luma;
        luma_squares += luma * luma;
        rg_squares += (uint32_t)(rg * rg);
        yb_squares += (uint32_t)(yb * yb);
        apart |= (uint32_t)(p[0] ^ p[1]) | (uint32_t)(p[1] ^ p[2]);
    }
    const double count = (double)n;
    for (size_t c = 0; c < 3; c++)
        out->colour[c] = (double)sums[c] / count;
    out->brightness = (double)luma_sum / count;
    out->contrast = sqrt(fmax(0, (double)luma_squares / count - out->brightness * out->brightness));
    double rg = out->colour[0] - out->colour[1];
    double yb = (out->colour[0] + out->colour[1]) / 2 - out->colour[2];
    double spread = fmax(0, (double)rg_squares / count - rg * rg) +
                    fmax(0, (double)yb_squares / (4 * count) - yb * yb);
    out->colourfulness = sqrt(spread) + 0.3 * sqrt(rg * rg + yb * yb);
    out->is_grey = apart == 0;
}

/* ---- a sample of them ---- */

typedef struct measuring {
    dsb_runtime *rt;
    const dsb_dataset *dataset;
    uint64_t *images;  /* [n], rising */
    dsbi_light *light; /* [n] */
    uint8_t *failed;   /* [n] */
    size_t n, first;
} measuring;

/* One of each of n equal stretches of the collection. */
static void draw(measuring *self, uint64_t seed, uint64_t number)
{
    dsbi_rng rng;
    dsbi_rng_init(&rng, seed, DSBI_RNG_SURVEY, number);
    const uint64_t n_images = self->dataset->entries.n, n = self->n;
    for (uint64_t k = 0; k < n; k++) {
        uint64_t from = k * (n_images / n) + k * (n_images % n) / n;
        uint64_t to = (k + 1) * (n_images / n) + (k + 1) * (n_images % n) / n;
        self->images[k] = from + dsbi_rng_below(&rng, to - from);
    }
}

static dsb_status measure_task(void *user, size_t task, size_t worker)
{
    (void)worker;
    measuring *self = user;
    size_t k = self->first + task;
    dsbi_image image;
    dsb_status status =
        dsbi_dataset_decode_least(self->dataset, self->rt, &image, self->images[k], LEAST_SIDE);
    if (dsbi_is_image_failure(status)) {
        self->failed[k] = 1;
        return DSB_OK;
    }
    if (status == DSB_OK)
        dsbi_light_of(&self->light[k], &image);
    dsbi_image_free(self->rt, &image);
    return status;
}

static dsb_status measure_all(measuring *self, dsb_event_fn fn, void *user)
{
    char stage[128];
    double start = dsbi_now();
    snprintf(stage, sizeof stage, "pixels %s", self->dataset->name);
    for (self->first = 0; self->first < self->n; self->first += ROUND) {
        size_t left = self->n - self->first, n = left < ROUND ? left : ROUND;
        DSBI_TRY(dsbi_parallel(self->rt, n, measure_task, self));
        DSBI_TRY(dsbi_event_send(fn, user, stage, self->first + n, self->n, start, NAN, ""));
    }
    return DSB_OK;
}

/* The numbers of a dsbi_light, one behind the other. */
enum { N_NUMBERS = 6 };
static void numbers_of(double *const out[N_NUMBERS], dsbi_light *light)
{
    double *const numbers[N_NUMBERS] = {&light->brightness,    &light->contrast,
                                        &light->colourfulness, &light->colour[0],
                                        &light->colour[1],     &light->colour[2]};
    memcpy((void *)out, numbers, sizeof numbers);
}

static void sum_up(dsbi_survey *out, const measuring *self)
{
    double *mean[N_NUMBERS], *deviation[N_NUMBERS], *one[N_NUMBERS];
    dsbi_light light;
    numbers_of(mean, &out->mean);
    numbers_of(deviation, &out->deviation);
    numbers_of(one, &light);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t k = 0; k < self->n; k++) {
            light = self->light[k];
            for (size_t i = 0; i < N_NUMBERS && !self->failed[k]; i++)
                *(pass ? deviation : mean)[i] +=
                    pass ? (*one[i] - *mean[i]) * (*one[i] - *mean[i]) : *one[i];
            out->n_failed += pass == 0 && self->failed[k];
            out->n_grey += pass == 0 && !self->failed[k] && light.is_grey;
        }
        out->n_measured = self->n - out->n_failed;
        for (size_t i = 0; i < N_NUMBERS && out->n_measured; i++)
            *(pass ? deviation : mean)[i] /= (double)out->n_measured;
    }
    for (size_t i = 0; i < N_NUMBERS; i++)
        *deviation[i] = sqrt(*deviation[i]);
    for (size_t k = 0; k < self->n; k++) {
        if (self->failed[k])
            continue;
        const dsbi_light *l = &self->light[k];
        dsbi_histogram *h = out->histograms;
        dsbi_histogram_add(&h[DSBI_HISTOGRAM_BRIGHTNESS], DSBI_HISTOGRAM_BRIGHTNESS, l->brightness);
        dsbi_histogram_add(&h[DSBI_HISTOGRAM_CONTRAST], DSBI_HISTOGRAM_CONTRAST, l->contrast);
        dsbi_histogram_add(&h[DSBI_HISTOGRAM_COLOURFULNESS], DSBI_HISTOGRAM_COLOURFULNESS,
                           l->colourfulness);
    }
}

static dsb_status measure(dsb_runtime *rt, dsbi_survey *out, const dsb_dataset *dataset,
                          size_t number, const dsb_survey_opts *opts, dsb_event_fn fn, void *user)
{
    measuring self = {.rt = rt, .dataset = dataset};
    uint64_t n = dataset->entries.n < opts->n_pixels ? dataset->entries.n : opts->n_pixels;
    if (n == 0)
        return DSB_OK;
    self.n = (size_t)n;
    self.images = dsbi_alloc_array(rt, self.n, sizeof *self.images);
    self.light = dsbi_calloc(rt, self.n, sizeof *self.light);
    self.failed = dsbi_calloc(rt, self.n, 1);
    dsb_status status = self.images && self.light && self.failed ? DSB_OK : DSB_E_NOMEM;
    if (status == DSB_OK) {
        draw(&self, opts->seed, number);
        status = measure_all(&self, fn, user);
    }
    if (status == DSB_OK)
        sum_up(out, &self);
    dsbi_free(rt, self.images);
    dsbi_free(rt, self.light);
    dsbi_free(rt, self.failed);
    return status;
}

/* ---- all collections ---- */

static void count_headers(dsbi_survey *out, const dsb_dataset *dataset)
{
    dsbi_histogram *h = out->histograms;
    for (uint64_t i = 0; i < dataset->entries.n; i++) {
        const dsbi_entry *entry = dsbi_dataset_entry(dataset, i);
        const double width = entry->width, height = entry->height;
        uint64_t bytes = dsbi_entry_size(entry);
        if (entry->width && entry->height) {
            dsbi_histogram_add(&h[DSBI_HISTOGRAM_WIDTH], DSBI_HISTOGRAM_WIDTH, width);
            dsbi_histogram_add(&h[DSBI_HISTOGRAM_HEIGHT], DSBI_HISTOGRAM_HEIGHT, height);
            dsbi_histogram_add(&h[DSBI_HISTOGRAM_ASPECT], DSBI_HISTOGRAM_ASPECT, width / height);
        }
        if (bytes)
            dsbi_histogram_add(&h[DSBI_HISTOGRAM_BYTES], DSBI_HISTOGRAM_BYTES, (double)bytes);
        if (entry->quality)
            dsbi_histogram_add(&h[DSBI_HISTOGRAM_QUALITY], DSBI_HISTOGRAM_QUALITY, entry->quality);
    }
}

dsb_status dsbi_surveys_make(dsb_runtime *rt, dsbi_surveys *out, const dsb_dataset *const *datasets,
                             size_t n, const dsb_survey_opts *opts, dsb_event_fn fn, void *user)
{
    out->n = n;
    out->items = dsbi_calloc(rt, n, sizeof *out->items);
    if (!out->items)
        return DSB_E_NOMEM;
    for (size_t d = 0; d < n; d++) {
        count_headers(&out->items[d], datasets[d]);
        DSBI_TRY(measure(rt, &out->items[d], datasets[d], d, opts, fn, user));
    }
    return DSB_OK;
}

void dsbi_surveys_free(dsb_runtime *rt, dsbi_surveys *surveys)
{
    dsbi_free(rt, surveys->items);
    *surveys = (dsbi_surveys){0};
}

/* The bins from the first to the last that is not empty in some collection; false if all are. */
static bool find_range(const dsbi_surveys *surveys, size_t kind, size_t *first, size_t *end)
{
    size_t n_bins = dsbi_histogram_shapes[kind].n_bins;
    *first = n_bins;
    *end = 0;
    for (size_t d = 0; d < surveys->n; d++)
        for (size_t b = 0; b < n_bins; b++)
            if (surveys->items[d].histograms[kind].counts[b]) {
                *first = b < *first ? b : *first;
                *end = b + 1 > *end ? b + 1 : *end;
            }
    return *end > 0;
}

static void write_histogram(dsbi_json_writer *w, const dsbi_surveys *surveys, size_t d, size_t kind)
{
    const dsbi_histogram_shape *shape = &dsbi_histogram_shapes[kind];
    size_t first, end;
    if (!find_range(surveys, kind, &first, &end))
        return;
    dsbi_json_write_key(w, shape->name);
    dsbi_json_begin_flat_object(w);
    dsbi_json_put_doubles(w, "edges", shape->edges + first, end - first + 1);
    dsbi_json_write_key(w, "counts");
    dsbi_json_begin_flat_array(w);
    for (size_t b = first; b < end; b++)
        dsbi_json_write_uint(w, surveys->items[d].histograms[kind].counts[b]);
    dsbi_json_end_array(w);
    dsbi_json_end_object(w);
}

static void write_number(dsbi_json_writer *w, const char *key, double mean, double deviation)
{
    dsbi_json_write_key(w, key);
    dsbi_json_begin_flat_object(w);
    dsbi_json_put_double(w, "mean", mean);
    dsbi_json_put_double(w, "sd", deviation);
    dsbi_json_end_object(w);
}

void dsbi_surveys_write(dsbi_json_writer *w, const dsbi_surveys *surveys, size_t d)
{
    const dsbi_survey *self = &surveys->items[d];
    dsbi_json_write_key(w, "histograms");
    dsbi_json_begin_object(w);
    for (size_t kind = 0; kind < DSBI_N_HISTOGRAMS; kind++)
        write_histogram(w, surveys, d, kind);
    dsbi_json_end_object(w);
    if (self->n_measured + self->n_failed == 0)
        return;
    dsbi_json_write_key(w, "pixels");
    dsbi_json_begin_object(w);
    dsbi_json_put_uint(w, "n_images", self->n_measured);
    dsbi_json_put_uint(w, "n_failed", self->n_failed);
    dsbi_json_put_uint(w, "n_grey", self->n_grey);
    write_number(w, "brightness", self->mean.brightness, self->deviation.brightness);
    write_number(w, "contrast", self->mean.contrast, self->deviation.contrast);
    write_number(w, "colourfulness", self->mean.colourfulness, self->deviation.colourfulness);
    dsbi_json_put_doubles(w, "mean_colour", self->mean.colour, 3);
    dsbi_json_put_doubles(w, "sd_colour", self->deviation.colour, 3);
    dsbi_json_end_object(w);
}
