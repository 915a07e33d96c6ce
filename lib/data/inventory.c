/* dsb_data_summary: what there is, as JSON. Fields are described in docs/data-summary.md. */
#include <string.h>
#include "base/opts.h"
#include "base/sort.h"
#include "data/survey.h"

_Static_assert(offsetof(dsb_survey_opts, seed) + sizeof(uint64_t) == sizeof(dsb_survey_opts),
               "no hole at the end of dsb_survey_opts");

static const dsb_survey_opts defaults = {.struct_size = sizeof(dsb_survey_opts), .n_pixels = 2000};

void dsb_survey_opts_init(dsb_survey_opts *opts, size_t size)
{
    dsbi_opts_fill(opts, size, &defaults, sizeof defaults);
}

/* ---- distributions of a number of every image ---- */

typedef uint64_t (*number_fn)(const dsbi_entry *entry);

static uint64_t width_of(const dsbi_entry *entry)
{
    return entry->width;
}

static uint64_t height_of(const dsbi_entry *entry)
{
    return entry->height;
}

static uint64_t bytes_of(const dsbi_entry *entry)
{
    return dsbi_entry_size(entry);
}

static uint64_t quality_of(const dsbi_entry *entry)
{
    return entry->quality;
}

static int compare_u64(const void *a, const void *b, void *user)
{
    (void)user;
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* {"min", "median", "max"} of the non-zero numbers, null if there is none. The median is the lower
 * of the two middle ones. */
static void write_spread(dsbi_json_writer *w, const char *key, const dsb_dataset *dataset,
                         uint64_t *numbers, number_fn number)
{
    size_t n = 0;
    for (uint64_t i = 0; i < dataset->entries.n; i++) {
        numbers[n] = number(dsbi_dataset_entry(dataset, i));
        n += numbers[n] != 0;
    }
    dsbi_sort(numbers, n, sizeof *numbers, compare_u64, NULL);
    dsbi_json_write_key(w, key);
    if (n == 0) {
        dsbi_json_write_null(w);
        return;
    }
    dsbi_json_begin_flat_object(w);
    dsbi_json_put_uint(w, "min", numbers[0]);
    dsbi_json_put_uint(w, "median", numbers[(n - 1) / 2]);
    dsbi_json_put_uint(w, "max", numbers[n - 1]);
    dsbi_json_end_object(w);
}

static void write_formats(dsbi_json_writer *w, const dsb_dataset *dataset)
{
    uint64_t counts[256] = {0};
    for (uint64_t i = 0; i < dataset->entries.n; i++)
        counts[dsbi_dataset_entry(dataset, i)->format]++;
    dsbi_json_write_key(w, "formats");
    dsbi_json_begin_flat_object(w);
    for (uint32_t format = 0; format < 256; format++)
        if (counts[format])
            dsbi_json_put_uint(w, dsb_image_format_name(format), counts[format]);
    dsbi_json_end_object(w);
}

/* How many images have a property that may give their origin away. */
static void write_properties(dsbi_json_writer *w, const dsb_dataset *dataset)
{
    static const struct {
        const char *name;
        uint16_t flag;
    } properties[] = {{"progressive", DSBI_ENTRY_PROGRESSIVE},
                      {"arithmetic", DSBI_ENTRY_ARITHMETIC},
                      {"jfif", DSBI_ENTRY_JFIF},
                      {"adobe", DSBI_ENTRY_ADOBE},
                      {"exif", DSBI_ENTRY_EXIF},
                      {"icc_profile", DSBI_ENTRY_ICC},
                      {"alpha", DSBI_ENTRY_ALPHA},
                      {"defects_passed_over", DSBI_ENTRY_WARNINGS}};
    enum { N_PROPERTIES = sizeof properties / sizeof properties[0] };
    uint64_t counts[N_PROPERTIES] = {0}, n_grey = 0, n_turned = 0;
    for (uint64_t i = 0; i < dataset->entries.n; i++) {
        const dsbi_entry *entry = dsbi_dataset_entry(dataset, i);
        n_grey += entry->colour == DSB_COLOUR_GREY;
        n_turned += entry->exif_orientation > 1;
        for (size_t p = 0; p < N_PROPERTIES; p++)
            counts[p] += (entry->flags & properties[p].flag) != 0;
    }
    dsbi_json_write_key(w, "properties");
    dsbi_json_begin_flat_object(w);
    dsbi_json_put_uint(w, "grey", n_grey);
    dsbi_json_put_uint(w, "exif_turned", n_turned);
    for (size_t p = 0; p < N_PROPERTIES; p++)
        dsbi_json_put_uint(w, properties[p].name, counts[p]);
    dsbi_json_end_object(w);
}

/* ---- sizes ---- */

static int compare_runs(const void *a, const void *b, void *user)
{
    const uint64_t *x = a, *y = b;
    (void)user;
    return x[1] != y[1] ? (x[1] < y[1] ? 1 : -1) : (x[0] > y[0]) - (x[0] < y[0]);
}

/* The most common sizes in pixels, most common first. `sizes` has a place for every image. */
static void write_common_sizes(dsbi_json_writer *w, const dsb_dataset *dataset, uint64_t *sizes)
{
    enum { MOST = 8 };
    uint64_t runs[MOST + 1][2]; /* width and height, images */
    size_t n = dataset->entries.n, n_runs = 0;
    for (uint64_t i = 0; i < n; i++) {
        const dsbi_entry *entry = dsbi_dataset_entry(dataset, i);
        sizes[i] = (uint64_t)entry->width << 32 | entry->height;
    }
    dsbi_sort(sizes, n, sizeof *sizes, compare_u64, NULL);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && sizes[end] == sizes[i];)
            end++;
        runs[n_runs][0] = sizes[i];
        runs[n_runs++][1] = end - i;
        dsbi_sort(runs, n_runs, sizeof *runs, compare_runs, NULL);
        n_runs = n_runs > MOST ? MOST : n_runs;
    }
    dsbi_json_write_key(w, "common_sizes");
    dsbi_json_begin_array(w);
    for (size_t r = 0; r < n_runs; r++) {
        dsbi_json_begin_flat_object(w);
        dsbi_json_put_uint(w, "width", runs[r][0] >> 32);
        dsbi_json_put_uint(w, "height", runs[r][0] & UINT32_MAX);
        dsbi_json_put_uint(w, "images", runs[r][1]);
        dsbi_json_end_object(w);
    }
    dsbi_json_end_array(w);
}

/* ---- lists ---- */

/* `counts` has at least as many places as there are class folders. */
static void write_classes(dsbi_json_writer *w, const dsb_dataset *dataset, uint64_t *counts,
                          uint64_t max_listed)
{
    uint32_t n = dsb_dataset_class_count(dataset);
    memset(counts, 0, n * sizeof *counts);
    for (uint64_t i = 0; i < dataset->entries.n; i++)
        counts[dsbi_dataset_entry(dataset, i)->stratum]++;
    dsbi_json_put_uint(w, "n_classes", n);
    dsbi_json_write_key(w, "classes");
    dsbi_json_begin_array(w);
    for (uint32_t c = 0; c < n && c < max_listed; c++) {
        dsbi_json_begin_flat_object(w);
        dsbi_json_put_string(w, "folder", dsb_dataset_class_name(dataset, c));
        dsbi_json_put_uint(w, "images", counts[c]);
        dsbi_json_end_object(w);
    }
    dsbi_json_end_array(w);
}

static void write_causes(dsbi_json_writer *w, const char *key, const dsb_dataset *dataset,
                         uint32_t first, uint32_t last)
{
    dsbi_json_write_key(w, key);
    dsbi_json_begin_flat_object(w);
    for (uint32_t cause = first; cause <= last; cause++)
        if (dataset->cause_counts[cause])
            dsbi_json_put_uint(w, dsb_cause_name(cause), dataset->cause_counts[cause]);
    dsbi_json_end_object(w);
}

static void write_problems(dsbi_json_writer *w, const char *key, const dsb_dataset *dataset,
                           const dsbi_problems *list, uint64_t max_listed)
{
    dsbi_json_write_key(w, key);
    dsbi_json_begin_array(w);
    for (size_t i = 0; i < list->n && i < max_listed; i++) {
        dsbi_json_begin_flat_object(w);
        dsbi_json_put_string(w, "path", dsbi_names_get(&dataset->names, list->items[i].path));
        dsbi_json_put_string(w, "cause", dsb_cause_name(list->items[i].cause));
        dsbi_json_put_string(w, "message", dsbi_names_get(&dataset->names, list->items[i].message));
        dsbi_json_end_object(w);
    }
    dsbi_json_end_array(w);
}

static void write_dataset(dsbi_json_writer *w, const dsb_dataset *dataset,
                          const dsb_duplicates *duplicates, const dsbi_surveys *surveys, uint64_t d,
                          uint64_t *scratch, uint64_t max_listed)
{
    char fingerprint[65];
    dsbi_dataset_fingerprint(dataset, fingerprint);
    dsbi_json_begin_object(w);
    dsbi_json_put_string(w, "name", dataset->name);
    dsbi_json_put_string(w, "where", dataset->where);
    dsbi_json_put_string(w, "format", dataset->format->name);
    dsbi_json_put_string(w, "sha256", fingerprint);
    dsbi_json_put_uint(w, "n_images", dataset->entries.n);
    dsbi_json_put_uint(w, "n_broken", dataset->broken.total);
    dsbi_json_put_uint(w, "n_skipped", dataset->skipped.total);
    dsbi_json_put_uint(w, "n_repeated", dsb_duplicates_within(duplicates, d));
    dsbi_json_put_uint(w, "n_shared", dsb_duplicates_shared(duplicates, d));
    dsbi_json_write_key(w, "verified");
    dsbi_json_write_bool(w, dataset->opts.verify != 0);
    write_formats(w, dataset);
    write_spread(w, "width", dataset, scratch, width_of);
    write_spread(w, "height", dataset, scratch, height_of);
    write_spread(w, "size_bytes", dataset, scratch, bytes_of);
    write_spread(w, "jpeg_quality", dataset, scratch, quality_of);
    write_common_sizes(w, dataset, scratch);
    dsbi_surveys_write(w, surveys, d);
    write_properties(w, dataset);
    write_classes(w, dataset, scratch, max_listed);
    write_causes(w, "broken_causes", dataset, 1, DSBI_CAUSE_FIRST_SKIPPED - 1);
    write_problems(w, "broken", dataset, &dataset->broken, max_listed);
    write_causes(w, "skipped_causes", dataset, DSBI_CAUSE_FIRST_SKIPPED, DSBI_CAUSE_LAST);
    write_problems(w, "skipped", dataset, &dataset->skipped, max_listed);
    dsbi_json_end_object(w);
}

static void write_duplicates(dsbi_json_writer *w, const dsb_duplicates *duplicates,
                             uint64_t max_listed)
{
    const dsbi_collections *collections = &duplicates->collections;
    uint64_t n_across = 0;
    for (uint64_t g = 0; g < duplicates->n_groups; g++)
        n_across += dsb_duplicates_is_across(duplicates, g);
    dsbi_json_write_key(w, "duplicates");
    dsbi_json_begin_object(w);
    dsbi_json_put_uint(w, "groups_within", duplicates->n_groups - n_across);
    dsbi_json_put_uint(w, "groups_across", n_across);
    dsbi_json_write_key(w, "groups");
    dsbi_json_begin_array(w);
    for (uint64_t g = 0; g < duplicates->n_groups && g < max_listed; g++) {
        dsbi_json_begin_flat_array(w);
        for (uint32_t k = duplicates->starts[g]; k < duplicates->starts[g + 1]; k++) {
            size_t d = dsbi_collections_find(collections, duplicates->files[k]);
            const dsb_dataset *dataset = collections->datasets[d];
            dsbi_json_begin_object(w);
            dsbi_json_put_string(w, "dataset", dataset->name);
            dsbi_json_put_string(
                w, "path",
                dsbi_dataset_path(dataset, duplicates->files[k] - collections->first[d]));
            dsbi_json_end_object(w);
        }
        dsbi_json_end_array(w);
    }
    dsbi_json_end_array(w);
    dsbi_json_end_object(w);
}

dsb_status dsb_duplicates_json(dsb_runtime *rt, char **json, size_t *size,
                               const dsb_duplicates *duplicates, uint64_t max_listed)
{
    dsbi_clear_error();
    if (json)
        *json = NULL;
    if (!rt || !json || !duplicates)
        return dsbi_fail(DSB_E_INVALID, "dsb_duplicates_json: an argument is NULL");
    dsbi_text text;
    dsbi_json_writer w;
    dsbi_text_init(&text, rt);
    dsbi_json_writer_init(&w, &text, 2);
    dsbi_json_begin_object(&w);
    dsbi_json_put_string(&w, "schema", "dsbias.duplicates/1");
    dsbi_json_put_string(&w, "version", dsb_version());
    dsbi_json_write_key(&w, "max_distance");
    dsbi_json_write_double(&w, duplicates->max_distance);
    write_duplicates(&w, duplicates, max_listed ? max_listed : UINT64_MAX);
    dsbi_json_end_object(&w);
    dsbi_text_add(&text, "\n");
    dsb_status status = text.status;
    if (status == DSB_OK && size)
        *size = text.size;
    *json = status == DSB_OK ? dsbi_text_take(&text) : NULL;
    dsbi_text_free(&text);
    return status;
}

static dsb_status check_arguments(dsb_runtime *rt, char **json, const dsb_dataset *const *datasets,
                                  uint64_t n_datasets)
{
    if (!rt || !json || !datasets || n_datasets == 0)
        return dsbi_fail(DSB_E_INVALID, "dsb_data_summary: an argument is NULL or 0");
    for (uint64_t d = 0; d < n_datasets; d++)
        if (!datasets[d])
            return dsbi_fail(DSB_E_INVALID, "dsb_data_summary: collection %llu is NULL",
                             (unsigned long long)d);
    return DSB_OK;
}

typedef struct summary {
    dsb_runtime *rt;
    const dsb_dataset *const *datasets;
    size_t n;
    dsb_survey_opts opts;
    dsb_duplicates *duplicates;
    dsbi_surveys surveys;
    uint64_t *scratch; /* [images, or classes, of the largest] */
} summary;

static dsb_status look(summary *self, dsb_event_fn fn, void *user)
{
    DSBI_TRY(dsb_duplicates_find(self->rt, &self->duplicates, self->datasets, self->n));
    uint64_t largest = 1;
    for (size_t d = 0; d < self->n; d++) {
        const dsb_dataset *dataset = self->datasets[d];
        largest = dataset->entries.n > largest ? dataset->entries.n : largest;
        largest = dataset->strata.n > largest ? dataset->strata.n : largest;
    }
    self->scratch = dsbi_alloc_array(self->rt, largest, sizeof *self->scratch);
    if (!self->scratch)
        return DSB_E_NOMEM;
    return dsbi_surveys_make(self->rt, &self->surveys, self->datasets, self->n, &self->opts, fn,
                             user);
}

static dsb_status write_summary(const summary *self, dsbi_text *text)
{
    dsbi_json_writer w;
    const uint64_t max_listed = self->opts.max_listed ? self->opts.max_listed : UINT64_MAX;
    dsbi_json_writer_init(&w, text, 2);
    dsbi_json_begin_object(&w);
    dsbi_json_put_string(&w, "schema", "dsbias.data/1");
    dsbi_json_put_string(&w, "version", dsb_version());
    dsbi_json_write_key(&w, "datasets");
    dsbi_json_begin_array(&w);
    for (size_t d = 0; d < self->n; d++)
        write_dataset(&w, self->datasets[d], self->duplicates, &self->surveys, d, self->scratch,
                      max_listed);
    dsbi_json_end_array(&w);
    write_duplicates(&w, self->duplicates, max_listed);
    dsbi_json_end_object(&w);
    dsbi_text_add(text, "\n");
    return text->status;
}

dsb_status dsb_data_survey(dsb_runtime *rt, char **json, size_t *size,
                           const dsb_dataset *const *datasets, uint64_t n_datasets,
                           const dsb_survey_opts *opts, dsb_event_fn fn, void *user)
{
    dsbi_clear_error();
    if (json)
        *json = NULL;
    DSBI_TRY(check_arguments(rt, json, datasets, n_datasets));
    summary self = {.rt = rt, .datasets = datasets, .n = n_datasets, .opts = defaults};
    DSBI_TRY(dsbi_opts_read(&self.opts, sizeof self.opts, opts, "dsb_survey_opts"));
    dsbi_text text;
    dsbi_text_init(&text, rt);
    dsb_status status = look(&self, fn, user);
    if (status == DSB_OK)
        status = write_summary(&self, &text);
    if (status == DSB_OK && size)
        *size = text.size;
    *json = status == DSB_OK ? dsbi_text_take(&text) : NULL;
    dsbi_text_free(&text);
    dsbi_free(rt, self.scratch);
    dsbi_surveys_free(rt, &self.surveys);
    dsb_duplicates_free(self.duplicates);
    return status;
}

dsb_status dsb_data_summary(dsb_runtime *rt, char **json, size_t *size,
                            const dsb_dataset *const *datasets, uint64_t n_datasets,
                            uint64_t max_listed)
{
    dsb_survey_opts opts = defaults;
    opts.max_listed = max_listed;
    opts.n_pixels = 0;
    return dsb_data_survey(rt, json, size, datasets, n_datasets, &opts, NULL, NULL);
}

void dsb_data_text_free(dsb_runtime *rt, char *text)
{
    if (rt)
        dsbi_free(rt, text);
}
