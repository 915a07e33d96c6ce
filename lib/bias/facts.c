/* What a collection's files are like, for its entry in the record. */
#include <string.h>
#include "base/sort.h"
#include "bias/result.h"

enum { N_FORMATS = 32, MAX_SAMPLED = 20000 };

static int compare_u64(const void *a, const void *b, void *user)
{
    (void)user;
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void put_median(dsbi_json_writer *w, const char *key, uint64_t *values, size_t n)
{
    dsbi_sort(values, n, sizeof *values, compare_u64, NULL);
    dsbi_json_write_key(w, key);
    if (n)
        dsbi_json_write_uint(w, values[n / 2]);
    else
        dsbi_json_write_null(w);
}

static void put_formats(dsbi_json_writer *w, const dsb_dataset *dataset)
{
    uint64_t counts[N_FORMATS] = {0};
    for (uint64_t i = 0; i < dsb_dataset_count(dataset); i++) {
        uint32_t format = dsbi_dataset_entry(dataset, i)->format;
        counts[format < N_FORMATS ? format : 0]++;
    }
    dsbi_json_write_key(w, "formats");
    dsbi_json_begin_flat_object(w);
    for (uint32_t f = 0; f < N_FORMATS; f++)
        if (counts[f]) {
            dsbi_json_write_key(w, dsb_image_format_name(f));
            dsbi_json_write_uint(w, counts[f]);
        }
    dsbi_json_end_object(w);
}

/* Medians over at most MAX_SAMPLED images, evenly spaced. */
static void put_medians(dsb_runtime *rt, dsbi_json_writer *w, const dsb_dataset *dataset)
{
    uint64_t count = dsb_dataset_count(dataset);
    size_t n = (size_t)(count < MAX_SAMPLED ? count : MAX_SAMPLED);
    uint64_t *values = dsbi_alloc_array(rt, n, sizeof *values);
    static const char *const keys[] = {"median_width", "median_height", "median_bytes"};
    for (size_t k = 0; k < 3; k++) {
        for (size_t i = 0; values && i < n; i++) {
            const dsbi_entry *e = dsbi_dataset_entry(dataset, i * count / n);
            values[i] = k == 0 ? e->width : k == 1 ? e->height : dsbi_entry_size(e);
        }
        put_median(w, keys[k], values, values ? n : 0);
    }
    dsbi_free(rt, values);
}

void dsbi_facts_write(dsb_runtime *rt, const dsb_dataset *dataset, dsbi_json_writer *w)
{
    dsbi_json_write_key(w, "format");
    dsbi_json_write_string(w, dsb_dataset_format(dataset));
    dsbi_json_write_key(w, "path");
    dsbi_json_write_string(w, dsb_dataset_where(dataset));
    dsbi_json_write_key(w, "classes");
    dsbi_json_write_uint(w, dsb_dataset_class_count(dataset));
    dsbi_json_write_key(w, "skipped");
    dsbi_json_write_uint(w, dsb_dataset_skipped_count(dataset));
    put_formats(w, dataset);
    put_medians(rt, w, dataset);
}
