/* A test set from files: which column is what, in which order the items come. Three forms of
 * predictions: one column a model (arrays, wide tables), one row a model and item (long tables),
 * one model with its confidence. */
#include <math.h>
#include <string.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>
#include "shift/take.h"

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
        status = dsbi_shift_reorder(s->rt, out->classes, place, out->n);
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

static dsb_status take_long(dsb_shift *s, const char *name, label_row *labels, dsbi_long_table *t)
{
    size_t set;
    dsbi_columns_init(&t->models, s->rt);
    dsb_status status = dsbi_shift_spread(s, t);
    if (status == DSB_OK && !labels->classes && t->label)
        status = dsbi_fail_at(take_labels(s, labels, &t->labels, NULL), "labels");
    if (status == DSB_OK)
        status = make_set(s, &set, name, labels, t->n);
    for (size_t m = 0; status == DSB_OK && m < t->models.n; m++)
        status =
            dsbi_shift_take_column(s, set, &t->models.item[m], t->models.item[m].name, NULL, NULL);
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
        status = dsbi_shift_take_column(s, set, c, single ? stem : c->name, confidence, place);
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
        dsbi_long_table t = {.model = dsbi_columns_find(&file, model_names),
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
        status = dsbi_shift_take_column(s, (size_t)set_index, c, model, NULL, NULL);
    }
    dsbi_columns_free(&file);
    return status;
}
