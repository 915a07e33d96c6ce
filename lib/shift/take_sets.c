/* A test set from files: which column is what, in which order the items come, whether lengths and
 * classes fit. Three forms of predictions: one column a model (arrays, wide tables), one row a
 * model and item (long tables), one model with its confidence. */
#include <math.h>
#include <string.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>
#include "shift/shift.h"

static const char *const label_names[] = {"label", "labels", "target", "targets",
                                          "truth", "true",   "class",  "ground_truth",
                                          "gt",    "y",      "answer", NULL};
static const char *const item_names[] = {"index",     "idx",      "id",   "item", "example",
                                         "image",     "filename", "path", "file", "sample",
                                         "sample_id", "image_id", NULL};
static const char *const model_names[] = {"model", "classifier", "method", "system", NULL};
static const char *const value_names[] = {"prediction", "predictions", "pred", "predicted",
                                          "y_pred",     "output",      NULL};
static const char *const score_names[] = {"score", "scores", "correct", "value",      "metric",
                                          "f1",    "em",     "loss",    "perplexity", NULL};
static const char *const confidence_names[] = {"confidence", "conf", "probability", "prob", NULL};

static bool is_named(const dsbi_column *c, const char *const *names)
{
    for (; *names; names++)
        if (strcasecmp(c->name, *names) == 0)
            return true;
    return false;
}

/* The column of a labels file that holds the labels. */
static dsb_status pick_labels(const dsbi_column **out, const dsbi_columns *file,
                              const dsbi_column *not_this)
{
    size_t left = 0;
    *out = dsbi_columns_find(file, label_names);
    for (size_t i = 0; !*out && i < file->n; i++)
        left += !is_named(&file->item[i], item_names) && &file->item[i] != not_this;
    if (!*out && left != 1)
        return dsbi_fail(DSB_E_DATA, "%zu columns and none is called 'label'", file->n);
    for (size_t i = 0; !*out && i < file->n; i++)
        if (!is_named(&file->item[i], item_names) && &file->item[i] != not_this)
            *out = &file->item[i];
    if ((*out)->matrix && (*out)->width > 1)
        return dsbi_fail(DSB_E_SHAPE, "%zu x %zu numbers, but labels are one class an item",
                         (*out)->n, (*out)->width);
    return DSB_OK;
}

/* place[i] = where item i of the file belongs; NULL: in file order. Whole numbers must be a
 * permutation of 0 .. n-1 (or 1 .. n); words keep the order of the file. */
static dsb_status item_order(dsb_runtime *rt, size_t **place, const dsbi_column *items, size_t n)
{
    *place = NULL;
    if (!items || items->words || !items->whole || items->n != n)
        return DSB_OK;
    double low = INFINITY;
    for (size_t i = 0; i < n; i++)
        low = fmin(low, items->value[i]);
    size_t *to = dsbi_alloc_array(rt, n, sizeof *to);
    uint8_t *seen = dsbi_calloc(rt, n, 1);
    dsb_status status = to && seen ? DSB_OK : DSB_E_NOMEM;
    for (size_t i = 0; status == DSB_OK && i < n; i++) {
        double at = items->value[i] - low;
        if ((low != 0 && low != 1) || !(at >= 0) || !(at < (double)n))
            status = dsbi_fail(DSB_E_DATA, "column '%s', row %zu: %g, but %zu items count from 0",
                               items->name, i + 1, items->value[i], n);
        else if (seen[(size_t)at])
            status = dsbi_fail(DSB_E_DATA, "column '%s': item %g occurs twice", items->name,
                               items->value[i]);
        else
            seen[to[i] = (size_t)at] = 1;
    }
    dsbi_free(rt, seen);
    if (status != DSB_OK) {
        dsbi_free(rt, to);
        to = NULL;
    }
    *place = to;
    return status;
}

static dsb_status reorder(dsb_runtime *rt, uint32_t *values, const size_t *place, size_t n)
{
    if (!place)
        return DSB_OK;
    uint32_t *copy = dsbi_alloc_array(rt, n, sizeof *copy);
    if (!copy)
        return DSB_E_NOMEM;
    memcpy(copy, values, n * sizeof *copy);
    for (size_t i = 0; i < n; i++)
        values[place[i]] = copy[i];
    dsbi_free(rt, copy);
    return DSB_OK;
}

static dsb_status fill_scores(dsb_shift *s, dsbi_shift_cell *cell, size_t set, const dsbi_column *c,
                              const size_t *place)
{
    size_t n = s->sets[set].n;
    double sum = 0, squares = 0;
    bool binary = true;
    cell->score = dsbi_alloc_array(s->rt, n, sizeof *cell->score);
    if (!cell->score)
        return DSB_E_NOMEM;
    for (size_t i = 0; i < n; i++) {
        double v = c->value[i];
        if (!isfinite(v))
            return dsbi_fail(DSB_E_DATA, "score of item %zu is %s", i,
                             isnan(v) ? "missing" : "infinite");
        cell->score[place ? place[i] : i] = v;
        sum += v;
        binary = binary && (v == 0 || v == 1);
    }
    cell->n = n;
    cell->accuracy = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (cell->score[i] - cell->accuracy) * (cell->score[i] - cell->accuracy);
    cell->counted = binary;
    cell->correct = binary ? (uint64_t)sum : 0;
    cell->se = n > 1 ? sqrt(squares / ((double)n - 1) / (double)n) : NAN;
    cell->there = true;
    return DSB_OK;
}

/* Whether every row is probabilities that sum to 1; otherwise they are taken for logits. */
static dsb_status are_probabilities(bool *yes, const dsbi_column *c)
{
    *yes = true;
    for (size_t i = 0; i < c->n; i++) {
        const double *row = c->matrix + i * c->width;
        double sum = 0;
        for (size_t j = 0; j < c->width; j++) {
            if (!isfinite(row[j]))
                return dsbi_fail(DSB_E_DATA, "item %zu, class %zu: %s", i, j,
                                 isnan(row[j]) ? "not a number" : "infinite");
            *yes = *yes && row[j] >= 0 && row[j] <= 1 + 1e-6;
            sum += row[j];
        }
        *yes = *yes && fabs(sum - 1) < 1e-3;
    }
    return DSB_OK;
}

static dsb_status make_room(dsb_shift *s, dsbi_shift_cell *cell, const dsbi_column *c)
{
    size_t bytes = c->n * c->width * sizeof *cell->probability;
    if (s->probability_bytes + bytes > DSBI_SHIFT_PROBABILITY_BYTES)
        return dsbi_shift_warn(s,
                               "model '%s': probabilities of %zu x %zu are not kept (limit of 1 "
                               "GiB): no Brier score, likelihood or label shift from them",
                               c->name, c->n, c->width);
    cell->probability = dsbi_alloc_array(s->rt, c->n * c->width, sizeof *cell->probability);
    cell->width = c->width;
    s->probability_bytes += bytes;
    return cell->probability ? DSB_OK : DSB_E_NOMEM;
}

/* Rows of probabilities (or logits): best class, how sure, and all of them if there is room. */
static dsb_status take_rows(dsb_shift *s, uint32_t *best, dsbi_shift_cell *cell,
                            const dsbi_column *c)
{
    bool probabilities;
    if (s->words_used)
        return dsbi_fail(DSB_E_DATA, "probabilities are for class numbers, but the labels are "
                                     "words");
    if (s->n_named_classes && c->width > s->n_named_classes)
        return dsbi_fail(DSB_E_DATA, "probabilities of %zu classes, but there are %zu class names",
                         c->width, s->n_named_classes);
    DSBI_TRY(are_probabilities(&probabilities, c));
    DSBI_TRY(make_room(s, cell, c));
    for (size_t i = 0; i < c->n; i++) {
        const double *row = c->matrix + i * c->width;
        double sum = 0;
        size_t at = 0;
        for (size_t j = 1; j < c->width; j++)
            at = row[j] > row[at] ? j : at;
        for (size_t j = 0; j < c->width; j++)
            sum += probabilities ? row[j] : exp(row[j] - row[at]);
        best[i] = (uint32_t)at;
        cell->confidence[i] = probabilities ? fmin(1, row[at]) : 1 / sum;
        for (size_t j = 0; cell->probability && j < c->width; j++)
            cell->probability[i * c->width + j] =
                (float)((probabilities ? row[j] : exp(row[j] - row[at])) / sum);
    }
    s->numbers_used = true;
    return DSB_OK;
}

/* k best classes a row: the first column should be the best one. */
static dsb_status check_rank_one(dsb_shift *s, size_t set, const dsbi_column *c)
{
    size_t best = 0, best_right = 0, first_right = 0;
    const dsbi_shift_set *about = &s->sets[set];
    for (size_t j = 0; j < c->width; j++) {
        size_t right = 0;
        for (size_t i = 0; i < c->n; i++)
            right += c->matrix[i * c->width + j] == about->labels[i];
        if (j == 0)
            first_right = right;
        if (right > best_right) {
            best_right = right;
            best = j;
        }
    }
    if (best == 0)
        return DSB_OK;
    return dsbi_shift_warn(s,
                           "set '%s', model '%s': column %zu is right more often (%.1f %%) than "
                           "column 0 (%.1f %%); the columns are probably not sorted best first",
                           about->name, c->name, best, 100.0 * (double)best_right / (double)c->n,
                           100.0 * (double)first_right / (double)c->n);
}

static dsb_status fill_column(dsb_shift *s, size_t set, const dsbi_column *c, const char *name,
                              const dsbi_column *confidence, const size_t *place)
{
    const dsbi_shift_set *about = &s->sets[set];
    if (c->n != about->n)
        return dsbi_fail(DSB_E_SHAPE, "%zu %s for %zu %s", c->n,
                         about->labels ? "predictions" : "scores", about->n,
                         about->labels ? "labels" : "items");
    dsbi_shift_cell *cell;
    DSBI_TRY(dsbi_shift_claim(s, &cell, set, name));
    if (!cell)
        return DSB_OK;
    if (!about->labels && c->words)
        return dsbi_fail(DSB_E_DATA, "words, but there are no labels");
    if (!about->labels && c->matrix && c->width > 1)
        return dsbi_fail(DSB_E_SHAPE,
                         "%zu numbers an item, but without labels an item has one "
                         "score",
                         c->width);
    if (!about->labels)
        return fill_scores(s, cell, set, c, place);
    uint32_t *classes = NULL;
    dsb_status status = DSB_OK;
    if (c->matrix && !c->whole) {
        for (size_t i = 0; i < about->n; i++)
            if (about->labels[i] >= c->width)
                return dsbi_fail(DSB_E_DATA,
                                 "label of item %zu is %u, but there are %zu probabilities", i,
                                 about->labels[i], c->width);
        classes = dsbi_alloc_array(s->rt, c->n, sizeof *classes);
        cell->confidence = dsbi_alloc_array(s->rt, c->n, sizeof *cell->confidence);
        status = classes && cell->confidence ? take_rows(s, classes, cell, c) : DSB_E_NOMEM;
    } else {
        status = dsbi_shift_classes(s, &classes, c);
        if (status == DSB_OK && c->matrix && c->width > 1)
            status = check_rank_one(s, set, c);
    }
    if (status == DSB_OK)
        status = reorder(s->rt, classes, place, c->n);
    if (status == DSB_OK)
        status = dsbi_shift_fill_predictions(s, cell, set, classes);
    if (status == DSB_OK && confidence && confidence->n == c->n && !confidence->words) {
        cell->confidence = dsbi_alloc_array(s->rt, c->n, sizeof *cell->confidence);
        if (!cell->confidence)
            status = DSB_E_NOMEM;
        for (size_t i = 0; status == DSB_OK && i < c->n; i++) {
            double v = confidence->value[i];
            if (!(v >= 0) || !(v <= 1))
                status = dsbi_fail(DSB_E_DATA, "confidence of item %zu is %g, not in [0, 1]", i, v);
            cell->confidence[place ? place[i] : i] = v;
        }
    }
    dsbi_free(s->rt, classes);
    return status;
}

static dsb_status take_column(dsb_shift *s, size_t set, const dsbi_column *c, const char *name,
                              const dsbi_column *confidence, const size_t *place)
{
    dsb_status status = fill_column(s, set, c, name, confidence, place);
    if (c->source)
        return dsbi_fail_at(status, "%s: model '%s'", c->source, name);
    return dsbi_fail_at(status, "model '%s'", name);
}

/* ---- long tables: a row a model and item ---- */

typedef struct long_table {
    const dsbi_column *model, *item, *value, *label;
    dsbi_columns models; /* one column a model, made here */
    dsbi_column labels;  /* borrowed view of collected labels */
    size_t n;
} long_table;

/* Number of items: largest index + 1, or distinct words in order of appearance. */
static dsb_status number_items(dsb_runtime *rt, size_t *number, size_t *n, const long_table *t)
{
    size_t rows = t->value->n;
    dsbi_words seen, per_model;
    dsbi_words_init(&seen, rt);
    dsbi_words_init(&per_model, rt);
    dsb_status status = DSB_OK;
    double low = INFINITY, high = -INFINITY;
    char text[64];
    bool whole = t->item && !t->item->words && t->item->whole;
    for (size_t i = 0; whole && i < rows; i++) {
        low = fmin(low, t->item->value[i]);
        high = fmax(high, t->item->value[i]);
    }
    whole = whole && (low == 0 || low == 1) && high - low < (double)rows;
    uint64_t *next = NULL; /* items seen of each model, when there is no item column */
    size_t capacity = 0, n_models = 0;
    for (size_t i = 0; i < rows && status == DSB_OK; i++) {
        double id = t->item ? t->item->value[i] : 0;
        if (t->item && isnan(id)) {
            status = dsbi_fail(DSB_E_DATA, "row %zu: no item", i + 1);
        } else if (whole) {
            number[i] = (size_t)(id - low);
        } else if (t->item) {
            int size = snprintf(text, sizeof text, "%.17g", id);
            status = dsbi_words_add(&seen, &number[i], text, (size_t)size);
        } else {
            size_t m;
            int size = snprintf(text, sizeof text, "%.17g", t->model->value[i]);
            status = dsbi_words_add(&per_model, &m, text, (size_t)size);
            void *list = next;
            if (status == DSB_OK)
                status = dsbi_grow(rt, &list, &capacity, m + 1, sizeof *next);
            if (status == DSB_OK) {
                next = list;
                if (m == n_models)
                    next[n_models++] = 0;
                number[i] = (size_t)next[m]++;
            }
        }
        if (status == DSB_OK && number[i] >= *n)
            *n = number[i] + 1;
    }
    dsbi_free(rt, next);
    dsbi_words_free(&seen);
    dsbi_words_free(&per_model);
    return status;
}

static dsb_status spread_long(dsb_shift *s, long_table *t)
{
    dsb_runtime *rt = s->rt;
    size_t rows = t->value->n, *number = dsbi_alloc_array(rt, rows, sizeof *number);
    dsbi_words names;
    dsbi_words_init(&names, rt);
    dsb_status status = number ? number_items(rt, number, &t->n, t) : DSB_E_NOMEM;
    if (status == DSB_OK && t->label) {
        t->labels.n = t->n;
        t->labels.words = t->label->words;
        t->labels.value = dsbi_alloc_array(rt, t->n, sizeof *t->labels.value);
        if (!t->labels.value)
            status = DSB_E_NOMEM;
        for (size_t i = 0; status == DSB_OK && i < t->n; i++)
            t->labels.value[i] = NAN;
    }
    for (size_t i = 0; status == DSB_OK && i < rows; i++) {
        size_t m;
        char text[64];
        const char *name = text;
        if (isnan(t->model->value[i])) {
            status = dsbi_fail(DSB_E_DATA, "row %zu: no model", i + 1);
            break;
        }
        if (t->model->words)
            name = s->words.word[(size_t)t->model->value[i]];
        else
            snprintf(text, sizeof text, "%.17g", t->model->value[i]);
        DSBI_GO(dsbi_words_add(&names, &m, name, strlen(name)));
        if (m == t->models.n) {
            dsbi_column *made = dsbi_columns_add(&t->models, name, t->n);
            if (!made) {
                status = DSB_E_NOMEM;
                break;
            }
            made->words = t->value->words;
            made->whole = t->value->whole;
        }
        double *to = &t->models.item[m].value[number[i]];
        if (!isnan(*to))
            status = dsbi_fail(DSB_E_DATA, "row %zu: model '%s' has item %zu twice", i + 1, name,
                               number[i]);
        *to = t->value->value[i];
        if (status == DSB_OK && t->label) {
            double *label = &t->labels.value[number[i]];
            if (!isnan(*label) && *label != t->label->value[i])
                status = dsbi_fail(DSB_E_DATA, "row %zu: item %zu has two different labels", i + 1,
                                   number[i]);
            *label = t->label->value[i];
        }
    }
done:
    dsbi_words_free(&names);
    dsbi_free(rt, number);
    return status;
}

/* ---- the set ---- */

/* Labels on their way into a set. */
typedef struct label_row {
    uint32_t *classes; /* [n]; NULL: none */
    size_t n;
} label_row;

static const dsbi_column *column_to_group_by(const dsb_shift *s, const dsbi_columns *file)
{
    const char *const names[] = {s->group_column, NULL};
    return s->group_column ? dsbi_columns_find(file, names) : NULL;
}

static dsb_status take_labels(dsb_shift *s, label_row *out, const dsbi_column *labels,
                              const dsbi_column *items)
{
    size_t *place = NULL;
    DSBI_TRY(dsbi_shift_classes(s, &out->classes, labels));
    out->n = labels->n;
    dsb_status status = item_order(s->rt, &place, items, out->n);
    if (status == DSB_OK)
        status = reorder(s->rt, out->classes, place, out->n);
    dsbi_free(s->rt, place);
    return status;
}

/* The labels become the set's. */
static dsb_status make_set(dsb_shift *s, size_t *set, const char *name, label_row *labels, size_t n)
{
    if (labels->classes)
        n = labels->n;
    if (n == 0)
        return dsbi_fail(DSB_E_DATA, "the set is empty");
    DSBI_TRY(dsbi_shift_new_set(s, set, name, n));
    s->sets[*set].labels = labels->classes;
    labels->classes = NULL;
    return DSB_OK;
}

static dsb_status take_long(dsb_shift *s, const char *name, label_row *labels, long_table *t)
{
    size_t set;
    dsbi_columns_init(&t->models, s->rt);
    dsb_status status = spread_long(s, t);
    if (status == DSB_OK && !labels->classes && t->label)
        status = dsbi_fail_at(take_labels(s, labels, &t->labels, NULL), "labels");
    if (status == DSB_OK)
        status = make_set(s, &set, name, labels, t->n);
    for (size_t m = 0; status == DSB_OK && m < t->models.n; m++)
        status = take_column(s, set, &t->models.item[m], t->models.item[m].name, NULL, NULL);
    dsbi_columns_free(&t->models);
    dsbi_free(s->rt, t->labels.value);
    return status;
}

static dsb_status take_wide(dsb_shift *s, const char *name, label_row *labels,
                            const dsbi_columns *file, bool folder, const char *stem)
{
    const dsbi_column *items = folder ? NULL : dsbi_columns_find(file, item_names);
    const dsbi_column *inside = folder ? NULL : dsbi_columns_find(file, label_names);
    const dsbi_column *single = folder ? NULL : dsbi_columns_find(file, value_names);
    const dsbi_column *confidence = single ? dsbi_columns_find(file, confidence_names) : NULL;
    const dsbi_column *by = folder ? NULL : column_to_group_by(s, file);
    if (!labels->classes && inside)
        DSBI_TRY(dsbi_fail_at(take_labels(s, labels, inside, items), "labels"));
    size_t set, n = 0, *place = NULL;
    for (size_t i = 0; i < file->n; i++)
        if (&file->item[i] != items && &file->item[i] != inside && &file->item[i] != by && n == 0)
            n = file->item[i].n;
    DSBI_TRY(make_set(s, &set, name, labels, n));
    dsb_status status = item_order(s->rt, &place, items, n);
    if (status == DSB_OK && by)
        status = dsbi_shift_group_by(s, set, by, place);
    size_t taken = 0;
    for (size_t i = 0; status == DSB_OK && i < file->n; i++) {
        const dsbi_column *c = &file->item[i];
        if (c == items || c == inside || c == by || (single && c != single))
            continue;
        status = take_column(s, set, c, single ? stem : c->name, confidence, place);
        taken++;
    }
    dsbi_free(s->rt, place);
    if (status == DSB_OK && taken == 0)
        status = dsbi_fail(DSB_E_DATA, "no column holds predictions");
    return status;
}

static dsb_status note_input(dsb_shift *s, const char *name, const char *labels,
                             const char *predictions)
{
    dsbi_json_writer w;
    if (s->inputs.size)
        dsbi_text_add(&s->inputs, "\n");
    dsbi_json_writer_init(&w, &s->inputs, 0);
    dsbi_json_begin_object(&w);
    dsbi_json_write_key(&w, "set");
    dsbi_json_write_string(&w, name);
    dsbi_json_write_key(&w, "labels");
    dsbi_json_write_string(&w, labels);
    dsbi_json_write_key(&w, "predictions");
    dsbi_json_write_string(&w, predictions);
    dsbi_json_end_object(&w);
    return s->inputs.status;
}

/* "a/b/net.npy" -> "net" */
static void stem_of(char *out, size_t size, const char *path)
{
    const char *slash = strrchr(path, '/');
    snprintf(out, size, "%s", slash ? slash + 1 : path);
    char *dot = strrchr(out, '.');
    if (dot && dot != out)
        *dot = '\0';
}

static dsb_status take_predictions(dsb_shift *s, const char *name, label_row *labels,
                                   const char *path)
{
    dsbi_columns file;
    dsbi_columns_init(&file, s->rt);
    dsb_status status = dsbi_columns_read(&file, &s->words, path);
    if (status == DSB_OK) {
        struct stat about;
        bool folder = stat(path, &about) == 0 && S_ISDIR(about.st_mode);
        long_table t = {.model = dsbi_columns_find(&file, model_names),
                        .item = dsbi_columns_find(&file, item_names),
                        .value = dsbi_columns_find(&file, value_names),
                        .label = dsbi_columns_find(&file, label_names)};
        if (t.model && !t.value)
            t.value = dsbi_columns_find(&file, score_names);
        char stem[256];
        stem_of(stem, sizeof stem, path);
        status = t.model && t.value && !folder ? take_long(s, name, labels, &t)
                                               : take_wide(s, name, labels, &file, folder, stem);
        status = dsbi_fail_at(status, "%s", path);
    }
    dsbi_columns_free(&file);
    return status;
}

dsb_status dsb_shift_add_set(dsb_shift *s, const char *name, const char *labels,
                             const char *predictions)
{
    dsbi_clear_error();
    if (!s || !name || !*name || !predictions || !*predictions)
        return dsbi_fail(DSB_E_INVALID, "a set needs a name and predictions");
    dsbi_columns file;
    dsbi_columns_init(&file, s->rt);
    const dsbi_column *label = NULL;
    label_row row = {0};
    bool apart = labels && *labels; /* labels in a file of their own */
    dsb_status status = DSB_OK;
    if (apart) {
        DSBI_GO(dsbi_columns_read(&file, &s->words, labels));
        status = pick_labels(&label, &file, column_to_group_by(s, &file));
        if (status == DSB_OK)
            status = take_labels(s, &row, label, dsbi_columns_find(&file, item_names));
        DSBI_GO(dsbi_fail_at(status, "%s", labels));
    }
    size_t before = s->n_sets;
    DSBI_GO(take_predictions(s, name, &row, predictions));
    if (apart && column_to_group_by(s, &file)) {
        const dsbi_column *items = dsbi_columns_find(&file, item_names);
        size_t *place = NULL;
        status = item_order(s->rt, &place, items, s->sets[before].n);
        if (status == DSB_OK)
            status = dsbi_shift_group_by(s, before, column_to_group_by(s, &file), place);
        dsbi_free(s->rt, place);
        DSBI_GO(dsbi_fail_at(status, "%s", labels));
    }
    s->sets[before].labels_from = dsbi_strdup(s->rt, apart ? labels : predictions);
    status = s->sets[before].labels_from ? note_input(s, name, labels, predictions) : DSB_E_NOMEM;
done:
    dsbi_free(s->rt, row.classes);
    dsbi_columns_free(&file);
    return status;
}

dsb_status dsb_shift_add_logits(dsb_shift *s, uint64_t set_index, const char *model,
                                const float *logits, uint64_t n, uint64_t n_classes)
{
    dsbi_clear_error();
    if (!s || !model || !logits || n_classes == 0 || set_index >= s->n_sets ||
        !s->sets[set_index].labels)
        return dsbi_fail(DSB_E_INVALID, "scores need a set with labels and a model name");
    if (n != s->sets[set_index].n)
        return dsbi_fail(DSB_E_SHAPE, "model '%s': %llu rows of scores for %zu labels", model,
                         (unsigned long long)n, s->sets[set_index].n);
    dsbi_columns file;
    dsbi_columns_init(&file, s->rt);
    dsbi_column *c = dsbi_columns_add(&file, model, (size_t)n);
    size_t count;
    dsb_status status = DSB_E_NOMEM;
    if (c && dsbi_mul(&count, (size_t)n, (size_t)n_classes))
        c->matrix = dsbi_alloc_array(s->rt, count, sizeof *c->matrix);
    if (c && c->matrix) {
        for (size_t i = 0; i < count; i++)
            c->matrix[i] = (double)logits[i];
        c->width = (size_t)n_classes;
        c->whole = false;
        status = take_column(s, (size_t)set_index, c, model, NULL, NULL);
    }
    dsbi_columns_free(&file);
    return status;
}
