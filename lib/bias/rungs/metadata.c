/* Rung 1: file properties, no pixels. Format, size, aspect, bytes per pixel, JPEG tables, sampling
 * and segments as a design matrix for logistic regression. Whatever this rung reaches is the floor
 * that pixels must beat: such properties give collections away without any content (Grommelt et al.
 * 2024).
 *
 * Numbers enter as logarithms and as membership in tenths of the training distribution, so that
 * narrow ranges ("exactly 256 wide") count; categories as one indicator for each of their most
 * frequent values. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/sort.h"
#include "bias/logistic.h"
#include "bias/rung.h"

enum { N_NUMBERS = 7, N_BINS = 10, N_CATEGORIES = 6, N_LEVELS = 12, N_FLAGS = 9, MAX_ROWS = 30000 };
enum { N_FEATURES = N_NUMBERS * (1 + N_BINS) + N_CATEGORIES * N_LEVELS + N_FLAGS };
static const double L2 = 1e-3;

typedef struct encoding {
    double edges[N_NUMBERS][N_BINS - 1];
    uint64_t levels[N_CATEGORIES][N_LEVELS]; /* most frequent values, most frequent first */
    size_t n_levels[N_CATEGORIES];
} encoding;

static void read_numbers(double *numbers, const dsbi_entry *e)
{
    double width = e->width, height = e->height, size = (double)dsbi_entry_size(e);
    numbers[0] = log1p(size);
    numbers[1] = log1p(width);
    numbers[2] = log1p(height);
    numbers[3] = log((width + 1) / (height + 1));
    numbers[4] = log((size + 1) / (width * height + 1));
    numbers[5] = e->quality;
    numbers[6] = log1p(width < height ? width : height);
}

static void read_categories(uint64_t *categories, const dsbi_entry *e)
{
    categories[0] = e->format;
    categories[1] = (uint64_t)e->channels << 16 | (uint64_t)e->bit_depth << 8 | e->colour;
    categories[2] = e->sampling;
    categories[3] = e->qtable_hash;
    categories[4] = (uint64_t)e->width << 32 | e->height;
    categories[5] = (uint64_t)e->restart_interval << 8 | e->exif_orientation;
}

static void encode(double *x, const encoding *code, const dsbi_entry *e)
{
    double numbers[N_NUMBERS];
    uint64_t categories[N_CATEGORIES];
    read_numbers(numbers, e);
    read_categories(categories, e);
    for (size_t k = 0; k < N_NUMBERS; k++) {
        size_t bin = 0;
        while (bin + 1 < N_BINS && numbers[k] > code->edges[k][bin])
            bin++;
        *x++ = numbers[k];
        for (size_t b = 0; b < N_BINS; b++)
            *x++ = b == bin;
    }
    for (size_t k = 0; k < N_CATEGORIES; k++)
        for (size_t l = 0; l < N_LEVELS; l++)
            *x++ = l < code->n_levels[k] && categories[k] == code->levels[k][l];
    for (size_t f = 0; f < N_FLAGS; f++)
        *x++ = e->flags >> f & 1;
}

static int compare_doubles(const void *a, const void *b, void *user)
{
    (void)user;
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int compare_u64(const void *a, const void *b, void *user)
{
    (void)user;
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void find_edges(double *edges, double *values, size_t n)
{
    dsbi_sort(values, n, sizeof *values, compare_doubles, NULL);
    for (size_t b = 1; b < N_BINS; b++)
        edges[b - 1] = values[b * n / N_BINS];
}

/* The most frequent values of a sorted array; smaller value first on a tie. */
static size_t find_levels(uint64_t *levels, uint64_t *values, size_t n)
{
    size_t counts[N_LEVELS] = {0}, n_levels = 0;
    dsbi_sort(values, n, sizeof *values, compare_u64, NULL);
    for (size_t first = 0, next; first < n; first = next) {
        for (next = first + 1; next < n && values[next] == values[first]; next++) {
        }
        size_t at = n_levels < N_LEVELS ? n_levels++ : N_LEVELS - 1;
        if (at == N_LEVELS - 1 && counts[at] >= next - first)
            continue;
        counts[at] = next - first;
        levels[at] = values[first];
        for (; at > 0 && counts[at] > counts[at - 1]; at--) {
            size_t count = counts[at];
            uint64_t level = levels[at];
            counts[at] = counts[at - 1];
            levels[at] = levels[at - 1];
            counts[at - 1] = count;
            levels[at - 1] = level;
        }
    }
    return n_levels;
}

static const dsbi_entry *entry_of(const dsbi_view *view, uint32_t part, uint64_t item_number)
{
    dsbi_item item = dsbi_split_item(view->split, part, item_number);
    return dsbi_dataset_entry(item.dataset, item.image);
}

/* Bins and levels from `n` training images. */
static dsb_status learn_encoding(const dsbi_view *view, encoding *code, size_t n)
{
    dsb_runtime *rt = view->rt;
    double *values = dsbi_alloc_array(rt, n * N_NUMBERS, sizeof *values);
    uint64_t *categories = dsbi_alloc_array(rt, n * N_CATEGORIES, sizeof *categories);
    dsb_status status = values && categories ? DSB_OK : DSB_E_NOMEM;
    for (size_t i = 0; status == DSB_OK && i < n; i++) {
        double numbers[N_NUMBERS];
        uint64_t row[N_CATEGORIES];
        const dsbi_entry *e =
            entry_of(view, DSB_PART_TRAIN, dsbi_balanced_item(view->split, DSB_PART_TRAIN, i));
        read_numbers(numbers, e);
        read_categories(row, e);
        for (size_t k = 0; k < N_NUMBERS; k++)
            values[k * n + i] = numbers[k];
        for (size_t k = 0; k < N_CATEGORIES; k++)
            categories[k * n + i] = row[k];
    }
    if (status == DSB_OK) {
        for (size_t k = 0; k < N_NUMBERS; k++)
            find_edges(code->edges[k], values + k * n, n);
        for (size_t k = 0; k < N_CATEGORIES; k++)
            code->n_levels[k] = find_levels(code->levels[k], categories + k * n, n);
    }
    dsbi_free(rt, values);
    dsbi_free(rt, categories);
    return status;
}

static void score_part(const dsbi_view *view, const encoding *code, const dsbi_logistic *model,
                       uint32_t part, float *scores)
{
    for (uint64_t i = 0; i < dsb_split_size(view->split, part); i++) {
        double x[N_FEATURES], p[64];
        encode(x, code, entry_of(view, part, i));
        dsbi_logistic_predict(model, x, p);
        for (size_t c = 0; c < view->n_classes; c++)
            scores[i * view->n_classes + c] = (float)log(p[c] + 1e-12);
    }
}

static dsb_status run(const dsbi_view *view, const char *model_name, uint64_t effort, dsbi_fit *fit)
{
    (void)model_name;
    dsb_runtime *rt = view->rt;
    uint64_t available = dsb_split_size(view->split, DSB_PART_TRAIN);
    size_t n = (size_t)(available < effort ? available : effort);
    encoding code = {0};
    dsbi_logistic model = {0};
    double *x = dsbi_alloc_array(rt, n * N_FEATURES, sizeof *x);
    uint32_t *labels = dsbi_alloc_array(rt, n, sizeof *labels);
    dsb_status status = DSB_E_NOMEM;
    if (!x || !labels)
        goto done;
    DSBI_GO(dsbi_view_event(view, "file properties", 0, 1, 0, NAN, ""));
    DSBI_GO(learn_encoding(view, &code, n));
    for (size_t i = 0; i < n; i++) {
        uint64_t item = dsbi_balanced_item(view->split, DSB_PART_TRAIN, i);
        encode(x + i * N_FEATURES, &code, entry_of(view, DSB_PART_TRAIN, item));
        labels[i] = dsbi_split_item(view->split, DSB_PART_TRAIN, item).label;
    }
    DSBI_GO(dsbi_logistic_fit(rt, &model, x, labels, n, N_FEATURES, view->n_classes, L2));
    score_part(view, &code, &model, DSB_PART_SELECT, fit->select_scores);
    score_part(view, &code, &model, DSB_PART_TEST, fit->test_scores);
    dsbi_text_printf(
        &fit->detail,
        "{\"classifier\":\"logistic regression\",\"features\":%d,\"l2\":%g,\"n_train\":%zu}",
        N_FEATURES, L2, n);
    DSBI_GO(dsbi_view_event(view, "file properties", 1, 1, 0, NAN, ""));
done:
    dsbi_logistic_free(rt, &model);
    dsbi_free(rt, x);
    dsbi_free(rt, labels);
    return status;
}

static double estimate(const dsbi_view *view, const char *model, uint64_t effort,
                       const dsbi_speed *speed)
{
    (void)model;
    (void)speed;
    double available = (double)dsb_split_size(view->split, DSB_PART_TRAIN);
    return 0.5 + 3e-4 * (available < (double)effort ? available : (double)effort);
}

static const uint64_t efforts[] = {MAX_ROWS, MAX_ROWS / 10, 0}; /* training images */

const dsbi_rung dsbi_rung_metadata = {
    .name = "metadata",
    .what =
        "file properties only, no pixels: format, size, aspect, bytes per pixel, JPEG tables, EXIF",
    .order = 10,
    .pixels = false,
    .automatic = "metadata",
    .efforts = efforts,
    .estimate = estimate,
    .run = run,
};
