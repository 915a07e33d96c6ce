/* Ready tables: a row a model, columns of accuracies or counts. Accuracies are per cent if any of
 * them in the table is above 1. A count is taken from accuracy times n only if the accuracy is what
 * k/n prints as; otherwise there is no interval, and a warning says so. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "base/file.h"
#include "base/json.h"
#include "shift/shift.h"

static const char *const name_columns[] = {"model", "name", "classifier", "method", "system", NULL};
static const char *const family_columns[] = {"type", "family", "group", "category", NULL};
static const char *const parent_columns[] = {"base", "base_model", "parent", "without", NULL};
static const char *const original_columns[] = {"orig",
                                               "original",
                                               "orig_accuracy",
                                               "original_accuracy",
                                               "accuracy_orig",
                                               "acc_orig",
                                               "orig_acc",
                                               "id",
                                               "in_distribution",
                                               "source",
                                               "clean",
                                               "val",
                                               "test",
                                               NULL};

typedef struct value_column {
    const dsbi_column *accuracy, *correct, *n;
    char name[256];
    double fixed_n; /* from the sizes file; 0: none */
    size_t set;
} value_column;

typedef struct table_job {
    dsb_shift *s;
    dsbi_columns file;
    dsbi_json *sizes;
    const dsbi_column *model, *family, *parent;
    double scale; /* 0.01 for per cent */
} table_job;

static const dsbi_column *column_named(const dsbi_columns *file, const char *name)
{
    const char *const names[] = {name, NULL};
    return dsbi_columns_find(file, names);
}

/* How the columns of a set "v4" may be called. */
static const char *const accuracy_forms[] = {"%s_accuracy", "%s_acc", "accuracy_%s", "acc_%s",
                                             NULL};
static const char *const correct_forms[] = {"%s_correct", "%s_k", "correct_%s", "k_%s", NULL};
static const char *const n_forms[] = {"%s_n", "n_%s", "%s_total", NULL};

/* Whether a name is of that form, and the part that %s stands for. */
static bool matches(char *out, size_t size, const char *name, const char *form)
{
    const char *hole = strstr(form, "%s");
    size_t head = (size_t)(hole - form), tail = strlen(hole + 2), length = strlen(name);
    if (length <= head + tail || strncasecmp(name, form, head) != 0 ||
        strcasecmp(name + length - tail, hole + 2) != 0)
        return false;
    snprintf(out, size, "%.*s", (int)(length - head - tail), name + head);
    return true;
}

static bool any_form(char *out, size_t size, const char *name, const char *const *forms)
{
    for (; *forms; forms++)
        if (matches(out, size, name, *forms))
            return true;
    return false;
}

/* "v4_accuracy" -> "v4"; "orig_correct" -> "orig" */
static void base_name(char *out, size_t size, const char *name)
{
    if (!any_form(out, size, name, accuracy_forms) && !any_form(out, size, name, correct_forms) &&
        !any_form(out, size, name, n_forms))
        snprintf(out, size, "%s", name);
}

static const dsbi_column *column_of(const dsbi_columns *file, const char *base,
                                    const char *const *forms)
{
    char name[300];
    for (; *forms; forms++) {
        const char *hole = strstr(*forms, "%s");
        snprintf(name, sizeof name, "%.*s%s%s", (int)(hole - *forms), *forms, base, hole + 2);
        const char *const names[] = {name, NULL};
        const dsbi_column *c = dsbi_columns_find(file, names);
        if (c)
            return c;
    }
    return NULL;
}

/* A number, or a list of one: {"val": 50000} or {"val": ["50000"]}. 0: no whole number above 0. */
static double size_from(const dsbi_json_value *v)
{
    double n = 0;
    if (dsbi_json_type_of(v) == DSBI_JSON_ARRAY)
        v = dsbi_json_count(v) == 1 ? dsbi_json_first(v) : NULL;
    const char *text = dsbi_json_string(v, NULL);
    if (text) {
        char end;
        unsigned long long value;
        return sscanf(text, "%15llu%c", &value, &end) == 1 ? (double)value : 0;
    }
    return dsbi_json_double(v, &n) && n >= 1 && n == floor(n) && n < 9e15 ? n : 0;
}

/* Longer lists (a column that is a mean over several sets) say nothing and are let pass. */
static dsb_status check_sizes(const table_job *job)
{
    const dsbi_json_value *root = dsbi_json_root(job->sizes);
    if (dsbi_json_type_of(root) != DSBI_JSON_OBJECT)
        return dsbi_fail(DSB_E_FORMAT, "sizes must be an object: column name to number of items");
    for (const dsbi_json_value *v = dsbi_json_first(root); v; v = dsbi_json_next(v))
        if (size_from(v) == 0 && dsbi_json_count(v) < 2)
            return dsbi_fail(DSB_E_DATA, "'%s': no whole number of items above 0",
                             dsbi_json_key(v, NULL));
    return DSB_OK;
}

static dsb_status find_value(value_column *v, const table_job *job, const char *name)
{
    *v = (value_column){0};
    base_name(v->name, sizeof v->name, name);
    const dsbi_column *exact = column_named(&job->file, name);
    v->correct = column_of(&job->file, v->name, correct_forms);
    v->n = column_of(&job->file, v->name, n_forms);
    v->accuracy = exact && exact != v->correct && exact != v->n ? exact : NULL;
    if (!v->accuracy)
        v->accuracy = column_of(&job->file, v->name, accuracy_forms);
    if (!v->accuracy && !(v->correct && v->n))
        return dsbi_fail(DSB_E_NOTFOUND, "there is no column '%s'", name);
    const dsbi_column *all[] = {v->accuracy, v->correct, v->n};
    for (size_t i = 0; i < 3; i++)
        if (all[i] && all[i]->words)
            return dsbi_columns_not_numbers(all[i], &job->s->words);
    v->fixed_n = size_from(dsbi_json_get(dsbi_json_root(job->sizes), name));
    return DSB_OK;
}

static double half_unit(const table_job *job, const dsbi_column *c)
{
    return 0.5 * pow(10, -(double)(c->digits > 15 ? 15 : c->digits)) * job->scale * (1 + 1e-9);
}

static dsb_status take_cell(table_job *job, const value_column *v, size_t row, const char *model,
                            uint64_t *inexact)
{
    double accuracy = v->accuracy ? v->accuracy->value[row] * job->scale : NAN;
    double k = v->correct ? v->correct->value[row] : NAN;
    double n = v->n ? v->n->value[row] : v->fixed_n > 0 ? v->fixed_n : NAN;
    if (isnan(accuracy) && (isnan(k) || isnan(n)))
        return DSB_OK; /* missing */
    dsbi_shift_cell *cell;
    DSBI_TRY(dsbi_shift_claim(job->s, &cell, v->set, model));
    if (!cell)
        return DSB_OK;
    cell->se = NAN;
    if (!isnan(k)) {
        if (!(k >= 0) || k != floor(k) || (!isnan(n) && (!(n >= 1) || n != floor(n) || k > n)))
            return dsbi_fail(DSB_E_DATA, "row %zu, '%s': %g of %g is no count", row + 1, v->name, k,
                             n);
    }
    if (!isnan(n) && (!(n >= 1) || n != floor(n) || n > 9e15))
        return dsbi_fail(DSB_E_DATA, "row %zu, '%s': n = %g", row + 1, v->name, n);
    if (!isnan(accuracy) && (!(accuracy >= 0) || !(accuracy <= 1 + 1e-12)))
        return dsbi_fail(DSB_E_DATA, "row %zu, '%s': accuracy %g is not between 0 and %s", row + 1,
                         v->name, v->accuracy->value[row], job->scale < 1 ? "100 %" : "1");
    cell->there = true;
    if (!isnan(k) && !isnan(n)) {
        cell->counted = true;
        cell->correct = (uint64_t)k;
        cell->n = (uint64_t)n;
        cell->accuracy = k / n;
        return DSB_OK;
    }
    cell->accuracy = fmin(1, accuracy);
    if (!isnan(n)) {
        double count = floor(accuracy * n + 0.5);
        cell->n = (uint64_t)n;
        cell->counted = fabs(count / n - accuracy) <= half_unit(job, v->accuracy);
        cell->correct = cell->counted ? (uint64_t)count : 0;
        *inexact += !cell->counted;
    }
    return DSB_OK;
}

/* An existing set of that name, or a new one, which is an original until it is compared. */
static dsb_status set_named(dsb_shift *s, size_t *set, const char *name)
{
    for (size_t i = 0; i < s->n_sets; i++)
        if (strcmp(s->sets[i].name, name) == 0) {
            *set = i;
            return DSB_OK;
        }
    DSBI_TRY(dsbi_shift_new_set(s, set, name, 0));
    s->sets[*set].original = *set;
    return DSB_OK;
}

static dsb_status take_values(table_job *job, const value_column *v)
{
    uint64_t inexact = 0;
    for (size_t row = 0; row < job->model->n; row++) {
        char text[64];
        const char *name = text;
        if (isnan(job->model->value[row]))
            return dsbi_fail(DSB_E_DATA, "row %zu: no model", row + 1);
        if (job->model->words)
            name = job->s->words.word[(size_t)job->model->value[row]];
        else
            snprintf(text, sizeof text, "%.17g", job->model->value[row]);
        DSBI_TRY(take_cell(job, v, row, name, &inexact));
        size_t m = dsbi_words_find(&job->s->model_names, name, strlen(name));
        if (m != SIZE_MAX && job->parent && job->parent->words && !isnan(job->parent->value[row]) &&
            !job->s->models[m].parent) {
            const char *parent = job->s->words.word[(size_t)job->parent->value[row]];
            job->s->models[m].parent = dsbi_strdup(job->s->rt, parent);
            if (!job->s->models[m].parent)
                return DSB_E_NOMEM;
        }
        if (m == SIZE_MAX || !job->family || isnan(job->family->value[row]) || !job->family->words)
            continue;
        char *family = dsbi_strdup(job->s->rt, job->s->words.word[(size_t)job->family->value[row]]);
        if (!family)
            return DSB_E_NOMEM;
        dsbi_free(job->s->rt, job->s->models[m].family);
        job->s->models[m].family = family;
        if (job->s->baseline && *job->s->baseline_column)
            job->s->models[m].baseline =
                regexec(&job->s->baseline_regex, family, 0, NULL, 0) == 0 &&
                !dsbi_shift_never_baseline(job->s, name);
    }
    if (inexact)
        return dsbi_shift_warn(job->s,
                               "column '%s': %llu accuracies are no share of their n (averages of "
                               "something?), so they have no interval",
                               v->name, (unsigned long long)inexact);
    return DSB_OK;
}

/* A column may be the new one of a pair and the original of others: its rows are taken once. */
static dsb_status take_once(table_job *job, const value_column *v)
{
    dsbi_shift_set *set = &job->s->sets[v->set];
    if (set->table == job->s->n_tables)
        return DSB_OK;
    set->table = job->s->n_tables;
    return take_values(job, v);
}

static bool is_help_column(const table_job *job, const dsbi_column *c)
{
    char base[300];
    size_t digits = strspn(c->name + (*c->name != '\0'), "0123456789");
    bool is_n = (c->name[0] == 'n' || c->name[0] == 'N') && c->name[1 + digits] == '\0';
    return is_n || c == job->model || c == job->family || c == job->parent || c->words ||
           any_form(base, sizeof base, c->name, n_forms) ||
           any_form(base, sizeof base, c->name, correct_forms) ||
           strncasecmp(c->name, "rank", 4) == 0 || strcasecmp(c->name, "index") == 0;
}

/* Per cent if any accuracy of the pair is above 1. */
static void find_scale(table_job *job, const value_column *a, const value_column *b)
{
    const dsbi_column *both[] = {a->accuracy, b->accuracy};
    job->scale = 1;
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; both[k] && i < both[k]->n; i++)
            if (both[k]->value[i] > 1 + 1e-9)
                job->scale = 0.01;
}

static dsb_status find_original(const char **name, const table_job *job, const char *wanted)
{
    *name = wanted;
    if (wanted)
        return DSB_OK;
    const dsbi_column *c = dsbi_columns_find(&job->file, original_columns);
    if (!c && job->s->n_sets > 0)
        c = column_named(&job->file, job->s->sets[0].name);
    static const char *const bases[] = {"orig", "original", "old", "val", NULL};
    for (const char *const *base = bases; !c && *base; base++) {
        c = column_of(&job->file, *base, accuracy_forms);
        if (!c)
            c = column_of(&job->file, *base, correct_forms);
    }
    for (size_t j = 0; !c && j < job->file.n; j++)
        if (!is_help_column(job, &job->file.item[j]))
            c = &job->file.item[j];
    if (!c)
        return dsbi_fail(DSB_E_DATA, "no column of accuracies");
    *name = c->name;
    return DSB_OK;
}

/* One comparison: a new column and its original. Sets added before take the rows in. */
static dsb_status take_pair(table_job *job, const char *new_name, const char *original_name,
                            size_t n_before, size_t n_new)
{
    value_column a, b;
    dsb_shift *s = job->s;
    DSBI_TRY(find_value(&a, job, original_name));
    DSBI_TRY(find_value(&b, job, new_name));
    find_scale(job, &a, &b);
    bool joins = n_before > 0;
    if (joins)
        snprintf(a.name, sizeof a.name, "%s", s->sets[0].name);
    if (joins && n_before == 2 && n_new == 1)
        snprintf(b.name, sizeof b.name, "%s", s->sets[1].name);
    DSBI_TRY(set_named(s, &a.set, a.name));
    DSBI_TRY(set_named(s, &b.set, b.name));
    if (a.set == b.set)
        return dsbi_fail(DSB_E_DATA, "column '%s' is compared with itself", new_name);
    s->sets[b.set].original = a.set;
    DSBI_TRY(take_once(job, &a));
    return take_once(job, &b);
}

static dsb_status take_pairs(table_job *job, const char *original, const char *const *columns,
                             uint64_t n_columns)
{
    size_t n_before = job->s->n_sets, n_auto = 0;
    char base[256], other[256];
    DSBI_TRY(find_original(&original, job, original));
    base_name(base, sizeof base, original);
    for (uint64_t i = 0; i < n_columns; i++) {
        char text[600];
        snprintf(text, sizeof text, "%s", columns[i]);
        char *equals = strchr(text, '=');
        if (equals)
            *equals = '\0';
        DSBI_TRY(take_pair(job, text, equals ? equals + 1 : original, n_before, (size_t)n_columns));
    }
    if (n_columns > 0)
        return DSB_OK;
    for (int pass = 0; pass < 2; pass++)
        for (size_t j = 0; j < job->file.n; j++) {
            const dsbi_column *c = &job->file.item[j];
            bool counts = any_form(other, sizeof other, c->name, correct_forms);
            base_name(other, sizeof other, c->name);
            if ((is_help_column(job, c) && !counts) || strcasecmp(other, base) == 0 ||
                (counts &&
                 (column_named(&job->file, other) || column_of(&job->file, other, accuracy_forms))))
                continue;
            n_auto += pass == 0;
            if (pass == 1)
                DSBI_TRY(take_pair(job, c->name, original, n_before, n_auto));
        }
    if (n_auto > 0)
        return DSB_OK;
    for (size_t j = 0; j < job->file.n; j++) { /* a column that was meant to be one? */
        const dsbi_column *c = &job->file.item[j];
        if (c->words && c != job->model && c != job->family && c != job->parent)
            return dsbi_columns_not_numbers(c, &job->s->words);
    }
    return dsbi_fail(DSB_E_DATA, "one column of accuracies, nothing to compare");
}

dsb_status dsb_shift_add_table(dsb_shift *s, const char *path, const char *original,
                               const char *const *columns, uint64_t n_columns, const char *sizes)
{
    dsbi_clear_error();
    if (!s || !path || (n_columns > 0 && !columns))
        return dsbi_fail(DSB_E_INVALID, "a table needs a path");
    table_job job = {.s = s};
    uint8_t *bytes = NULL;
    size_t size;
    dsb_status status;
    dsbi_columns_init(&job.file, s->rt);
    DSBI_GO(dsbi_columns_read(&job.file, &s->words, path));
    if (sizes && *sizes) {
        DSBI_GO(dsbi_file_read(s->rt, &bytes, &size, sizes, DSBI_JSON_MAX_BYTES));
        status = dsbi_json_parse(s->rt, &job.sizes, (const char *)bytes, size);
        if (status == DSB_OK)
            status = check_sizes(&job);
        DSBI_GO(dsbi_fail_at(status, "%s", sizes));
    }
    job.model = dsbi_columns_find(&job.file, name_columns);
    for (size_t j = 0; !job.model && j < job.file.n; j++)
        if (job.file.item[j].words)
            job.model = &job.file.item[j];
    const char *const wanted[] = {s->baseline_column ? s->baseline_column : "", NULL};
    job.family = *wanted[0] ? dsbi_columns_find(&job.file, wanted)
                            : dsbi_columns_find(&job.file, family_columns);
    job.parent = dsbi_columns_find(&job.file, parent_columns);
    if (job.parent && !job.parent->words)
        job.parent = NULL; /* numbers: a column of accuracies that happens to be called so */
    if (!job.model)
        status = dsbi_fail(DSB_E_DATA, "no column of model names");
    else if (*wanted[0] && !job.family)
        status = dsbi_fail(DSB_E_NOTFOUND, "baseline: there is no column '%s'", wanted[0]);
    else {
        s->n_tables++;
        status = take_pairs(&job, original, columns, n_columns);
    }
    status = dsbi_fail_at(status, "%s", path);
done:
    dsbi_free(s->rt, bytes);
    dsbi_json_free(job.sizes);
    dsbi_columns_free(&job.file);
    return status;
}
