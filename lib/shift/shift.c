/* The handle: options, sets, models, cells, warnings. */
#include "shift/shift.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/opts.h"

void dsb_shift_opts_init(dsb_shift_opts *opts, size_t size)
{
    static const dsb_shift_opts defaults = {.struct_size = sizeof defaults,
                                            .n_bootstrap = 100000,
                                            .n_image_bootstrap = 2000,
                                            .alpha = 0.05,
                                            .scale = DSB_STATS_SCALE_PROBIT};
    dsbi_opts_fill(opts, size, &defaults, sizeof defaults);
}

static dsb_status compile(regex_t *regex, const char *text, const char *what)
{
    char why[160];
    int code = regcomp(regex, text, REG_EXTENDED | REG_NOSUB);
    if (code == 0)
        return DSB_OK;
    regerror(code, regex, why, sizeof why);
    return dsbi_fail(DSB_E_INVALID, "%s: regular expression '%.100s': %s", what, text, why);
}

/* "type=STANDARD" -> column "type", pattern "STANDARD". */
static dsb_status take_baseline(dsb_shift *s)
{
    const char *text = s->opts.baseline, *equals = strchr(text, '=');
    const char *pattern = equals ? equals + 1 : text;
    s->baseline_column = dsbi_strdup(s->rt, equals ? text : "");
    if (!s->baseline_column)
        return DSB_E_NOMEM;
    if (equals)
        s->baseline_column[equals - text] = '\0';
    DSBI_TRY(compile(&s->baseline_regex, pattern, "baseline"));
    s->baseline = dsbi_strdup(s->rt, text);
    if (!s->baseline)
        regfree(&s->baseline_regex); /* dsb_shift_free asks `baseline` whether there is one */
    return s->baseline ? DSB_OK : DSB_E_NOMEM;
}

/* A copy of an optional text; "" counts as none. */
static dsb_status keep(dsb_runtime *rt, char **copy, const char *text)
{
    if (text && *text)
        *copy = dsbi_strdup(rt, text);
    return !text || !*text || *copy ? DSB_OK : DSB_E_NOMEM;
}

/* The copy says whether there is an expression to free. */
static dsb_status take_regex(dsb_runtime *rt, char **copy, regex_t *regex, const char *text,
                             const char *what)
{
    if (!text || !*text)
        return DSB_OK;
    DSBI_TRY(compile(regex, text, what));
    *copy = dsbi_strdup(rt, text);
    if (!*copy)
        regfree(regex);
    return *copy ? DSB_OK : DSB_E_NOMEM;
}

dsb_status dsb_shift_create(dsb_runtime *rt, dsb_shift **out, const dsb_shift_opts *opts)
{
    dsbi_clear_error();
    if (!rt || !out)
        return dsbi_fail(DSB_E_INVALID, "dsb_shift_create needs a runtime and a place");
    *out = NULL;
    dsb_shift_opts o;
    dsb_shift_opts_init(&o, sizeof o);
    DSBI_TRY(dsbi_opts_read(&o, sizeof o, opts, "dsb_shift_opts"));
    if (!(o.alpha > 0) || !(o.alpha < 1))
        return dsbi_fail(DSB_E_INVALID, "alpha %g is not between 0 and 1", o.alpha);
    if (!dsb_stats_scale_name(o.scale))
        return dsbi_fail(DSB_E_INVALID, "scale %u is none of DSB_STATS_SCALE_*", o.scale);
    if (o.n_bootstrap > 10000000 || o.n_image_bootstrap > 1000000)
        return dsbi_fail(DSB_E_LIMIT, "more than 10,000,000 model or 1,000,000 image replicates");
    dsb_shift *s = dsbi_calloc(rt, 1, sizeof *s);
    if (!s)
        return DSB_E_NOMEM;
    s->rt = rt;
    s->opts = o;
    dsbi_runtime_retain(rt);
    dsbi_words_init(&s->words, rt);
    dsbi_words_init(&s->class_names, rt);
    dsbi_words_init(&s->model_names, rt);
    dsbi_text_init(&s->json, rt);
    dsbi_text_init(&s->inputs, rt);
    dsb_status status = DSB_OK;
    if (o.baseline && *o.baseline)
        DSBI_GO(take_baseline(s));
    DSBI_GO(take_regex(rt, &s->exclude, &s->exclude_regex, o.exclude, "exclude"));
    DSBI_GO(take_regex(rt, &s->baseline_except, &s->baseline_except_regex, o.baseline_except,
                       "baseline-except"));
    DSBI_GO(keep(rt, &s->class_list, o.class_names));
    DSBI_GO(keep(rt, &s->command, o.command));
    DSBI_GO(keep(rt, &s->pivot, o.pivot));
    DSBI_GO(keep(rt, &s->group_column, o.group_column));
    s->n_named_classes = s->class_list != NULL;
    for (const char *c = s->class_list; c && *c; c++)
        s->n_named_classes += *c == ',';
done:
    if (status == DSB_OK)
        *out = s;
    else
        dsb_shift_free(s);
    return status;
}

static void free_cell(dsb_runtime *rt, dsbi_shift_cell *cell)
{
    dsbi_free(rt, cell->predicted);
    dsbi_free(rt, cell->score);
    dsbi_free(rt, cell->confidence);
    dsbi_free(rt, cell->probability);
}

void dsb_shift_free(dsb_shift *s)
{
    if (!s)
        return;
    dsb_runtime *rt = s->rt;
    if (s->baseline)
        regfree(&s->baseline_regex);
    if (s->exclude)
        regfree(&s->exclude_regex);
    if (s->baseline_except)
        regfree(&s->baseline_except_regex);
    for (size_t i = 0; i < s->n_sets; i++) {
        for (size_t m = 0; m < s->n_models; m++)
            free_cell(rt, &s->cells[i][m]);
        dsbi_free(rt, s->cells[i]);
        dsbi_free(rt, s->sets[i].name);
        dsbi_free(rt, s->sets[i].labels);
        dsbi_free(rt, s->sets[i].labels_from);
        for (size_t g = 0; g < s->sets[i].n_groups; g++) {
            dsbi_free(rt, s->sets[i].groups[g].name);
            dsbi_free(rt, s->sets[i].groups[g].in);
        }
        dsbi_free(rt, s->sets[i].groups);
    }
    for (size_t m = 0; m < s->n_models; m++) {
        dsbi_free(rt, s->models[m].name);
        dsbi_free(rt, s->models[m].family);
        dsbi_free(rt, s->models[m].parent);
    }
    for (size_t i = 0; i < s->n_warnings; i++)
        dsbi_free(rt, s->warnings[i]);
    dsbi_free(rt, s->warnings);
    dsbi_free(rt, s->cells);
    dsbi_free(rt, s->sets);
    dsbi_free(rt, s->models);
    dsbi_free(rt, s->baseline);
    dsbi_free(rt, s->baseline_column);
    dsbi_free(rt, s->baseline_except);
    dsbi_free(rt, s->exclude);
    dsbi_free(rt, s->command);
    dsbi_free(rt, s->class_list);
    dsbi_free(rt, s->pivot);
    dsbi_free(rt, s->group_column);
    dsbi_words_free(&s->words);
    dsbi_words_free(&s->class_names);
    dsbi_words_free(&s->model_names);
    dsbi_text_free(&s->json);
    dsbi_text_free(&s->inputs);
    dsbi_free(rt, s);
    dsbi_runtime_release(rt);
}

dsb_status dsbi_shift_warn(dsb_shift *s, const char *format, ...)
{
    char text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    void *list = s->warnings;
    DSBI_TRY(
        dsbi_grow(s->rt, &list, &s->warnings_capacity, s->n_warnings + 1, sizeof *s->warnings));
    s->warnings = list;
    s->warnings[s->n_warnings] = dsbi_strdup(s->rt, text);
    if (!s->warnings[s->n_warnings])
        return DSB_E_NOMEM;
    s->n_warnings++;
    return DSB_OK;
}

dsb_status dsbi_shift_new_set(dsb_shift *s, size_t *index, const char *name, size_t n)
{
    if (s->n_sets >= 1000)
        return dsbi_fail(DSB_E_LIMIT, "more than 1,000 sets");
    for (size_t i = 0; i < s->n_sets; i++)
        if (strcmp(s->sets[i].name, name) == 0)
            return dsbi_fail(DSB_E_DATA, "two sets are called '%s'", name);
    size_t capacity = s->sets_capacity;
    void *sets = s->sets, *cells = s->cells;
    DSBI_TRY(dsbi_grow(s->rt, &cells, &capacity, s->n_sets + 1, sizeof *s->cells));
    s->cells = cells;
    DSBI_TRY(dsbi_grow(s->rt, &sets, &s->sets_capacity, s->n_sets + 1, sizeof *s->sets));
    s->sets = sets;
    dsbi_shift_set set = {.n = n, .original = 0};
    set.name = dsbi_strdup(s->rt, name);
    dsbi_shift_cell *row = dsbi_calloc(s->rt, s->models_capacity + 1, sizeof *row);
    if (!set.name || !row) {
        dsbi_free(s->rt, set.name);
        dsbi_free(s->rt, row);
        return DSB_E_NOMEM;
    }
    s->sets[s->n_sets] = set;
    s->cells[s->n_sets] = row;
    *index = s->n_sets++;
    s->done = false;
    return DSB_OK;
}

static dsb_status grow_models(dsb_shift *s)
{
    if (s->n_models < s->models_capacity)
        return DSB_OK;
    size_t capacity = s->models_capacity ? 2 * s->models_capacity : 64;
    for (size_t i = 0; i < s->n_sets; i++) {
        dsbi_shift_cell *row =
            dsbi_realloc_array(s->rt, s->cells[i], s->n_models, capacity + 1, sizeof *row);
        if (!row)
            return DSB_E_NOMEM;
        memset(row + s->n_models, 0, (capacity + 1 - s->n_models) * sizeof *row);
        s->cells[i] = row;
    }
    dsbi_shift_model *models =
        dsbi_realloc_array(s->rt, s->models, s->n_models, capacity, sizeof *models);
    if (!models)
        return DSB_E_NOMEM;
    s->models = models;
    s->models_capacity = capacity;
    return DSB_OK;
}

bool dsbi_shift_never_baseline(const dsb_shift *s, const char *name)
{
    return s->baseline_except && regexec(&s->baseline_except_regex, name, 0, NULL, 0) == 0;
}

dsb_status dsbi_shift_model_named(dsb_shift *s, size_t *index, const char *name)
{
    *index = SIZE_MAX;
    if (!*name)
        return dsbi_fail(DSB_E_DATA, "a model without a name");
    if (s->exclude && regexec(&s->exclude_regex, name, 0, NULL, 0) == 0)
        return DSB_OK;
    size_t known = dsbi_words_find(&s->model_names, name, strlen(name));
    if (known != SIZE_MAX) {
        *index = known;
        return DSB_OK;
    }
    DSBI_TRY(grow_models(s));
    dsbi_shift_model model = {dsbi_strdup(s->rt, name), dsbi_strdup(s->rt, ""), NULL, false};
    dsb_status status = model.name && model.family ? DSB_OK : DSB_E_NOMEM;
    if (status == DSB_OK)
        status = dsbi_words_add(&s->model_names, index, name, strlen(name));
    if (status != DSB_OK) {
        dsbi_free(s->rt, model.name);
        dsbi_free(s->rt, model.family);
        return status;
    }
    model.baseline = s->baseline && !*s->baseline_column &&
                     regexec(&s->baseline_regex, name, 0, NULL, 0) == 0 &&
                     !dsbi_shift_never_baseline(s, name);
    s->models[s->n_models++] = model;
    return DSB_OK;
}

dsb_status dsbi_shift_claim(dsb_shift *s, dsbi_shift_cell **cell, size_t set, const char *model)
{
    size_t m;
    *cell = NULL;
    DSBI_TRY(dsbi_shift_model_named(s, &m, model));
    if (m == SIZE_MAX)
        return DSB_OK;
    if (s->cells[set][m].there)
        return dsbi_fail(DSB_E_DATA, "model '%s' occurs twice in set '%s'", model,
                         s->sets[set].name);
    *cell = &s->cells[set][m];
    s->done = false;
    return DSB_OK;
}

static dsb_status class_of(dsb_shift *s, uint32_t *out, const dsbi_column *column, size_t i)
{
    double v = column->value[i];
    if (isnan(v))
        return dsbi_fail(DSB_E_DATA, "item %zu is missing", i);
    if (column->words) {
        size_t number;
        const char *word = s->words.word[(size_t)v];
        DSBI_TRY(dsbi_words_add(&s->class_names, &number, word, strlen(word)));
        v = (double)number;
    }
    if (!(v >= 0) || !(v < 1000000) || v != floor(v))
        return dsbi_fail(DSB_E_DATA, "item %zu: %g is no class index (0 .. 999999)", i, v);
    if (s->n_named_classes && v >= (double)s->n_named_classes)
        return dsbi_fail(DSB_E_DATA, "item %zu: class %g, but there are %zu class names", i, v,
                         s->n_named_classes);
    *out = (uint32_t)v;
    return DSB_OK;
}

dsb_status dsbi_shift_classes(dsb_shift *s, uint32_t **out, const dsbi_column *column)
{
    *out = NULL;
    bool words = column->words;
    if (words && s->numbers_used)
        return dsbi_fail_at(dsbi_columns_not_numbers(column, &s->words),
                            "classes were numbers so far");
    if (!words && s->words_used)
        return dsbi_fail(DSB_E_DATA, "classes are numbers here, but words in a file read before");
    uint32_t *classes = dsbi_alloc_array(s->rt, column->n + 1, sizeof *classes);
    if (!classes)
        return DSB_E_NOMEM;
    for (size_t i = 0; i < column->n; i++) {
        dsb_status status = class_of(s, &classes[i], column, i);
        if (status != DSB_OK) {
            dsbi_free(s->rt, classes);
            return status;
        }
    }
    s->words_used = s->words_used || words;
    s->numbers_used = s->numbers_used || !words;
    *out = classes;
    return DSB_OK;
}

dsb_status dsbi_shift_fill_predictions(dsb_shift *s, dsbi_shift_cell *cell, size_t set,
                                       const uint32_t *predicted)
{
    const dsbi_shift_set *about = &s->sets[set];
    cell->predicted = dsbi_alloc_array(s->rt, about->n, sizeof *cell->predicted);
    cell->score = dsbi_alloc_array(s->rt, about->n, sizeof *cell->score);
    if (!cell->predicted || !cell->score)
        return DSB_E_NOMEM;
    for (size_t i = 0; i < about->n; i++) {
        cell->predicted[i] = predicted[i];
        cell->score[i] = predicted[i] == about->labels[i];
        cell->correct += predicted[i] == about->labels[i];
    }
    cell->n = about->n;
    cell->counted = true;
    cell->accuracy = (double)cell->correct / (double)cell->n;
    cell->se = NAN;
    cell->there = true;
    return DSB_OK;
}

dsb_status dsb_shift_add_labels(dsb_shift *s, const char *name, const uint32_t *labels, uint64_t n)
{
    dsbi_clear_error();
    if (!s || !name || !labels || n == 0)
        return dsbi_fail(DSB_E_INVALID, "a set needs a name and labels");
    size_t index;
    uint32_t *copy = dsbi_alloc_array(s->rt, (size_t)n, sizeof *copy);
    if (!copy)
        return DSB_E_NOMEM;
    memcpy(copy, labels, (size_t)n * sizeof *copy);
    dsb_status status = dsbi_shift_new_set(s, &index, name, (size_t)n);
    if (status != DSB_OK) {
        dsbi_free(s->rt, copy);
        return status;
    }
    s->sets[index].labels = copy;
    s->numbers_used = true;
    return DSB_OK;
}

dsb_status dsb_shift_add_predictions(dsb_shift *s, uint64_t set_index, const char *model,
                                     const uint32_t *predictions, uint64_t n)
{
    dsbi_clear_error();
    if (!s || !model || !predictions || set_index >= s->n_sets || !s->sets[set_index].labels)
        return dsbi_fail(DSB_E_INVALID, "predictions need a set with labels and a model name");
    if (n != s->sets[set_index].n)
        return dsbi_fail(DSB_E_SHAPE, "model '%s': %llu predictions for %zu labels", model,
                         (unsigned long long)n, s->sets[set_index].n);
    dsbi_shift_cell *cell;
    DSBI_TRY(dsbi_shift_claim(s, &cell, (size_t)set_index, model));
    return cell ? dsbi_shift_fill_predictions(s, cell, (size_t)set_index, predictions) : DSB_OK;
}

const char *dsb_shift_json(const dsb_shift *s, size_t *size)
{
    if (!s || !s->done)
        return NULL;
    if (size)
        *size = s->json.size;
    return s->json.data;
}

void dsb_shift_text_free(dsb_runtime *rt, char *text)
{
    dsbi_free(rt, text);
}
