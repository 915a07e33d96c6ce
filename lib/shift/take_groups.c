/* Named subsets of items: duplicates, keywords, any column of a table.
 *   JSON  {"SET": {"GROUP": [3, 17, ...]}}        CSV  columns set, group, item (item from 0) */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/file.h"
#include "base/json.h"
#include "shift/shift.h"

static dsb_status set_of(dsb_shift *s, dsbi_shift_set **out, const char *name)
{
    *out = NULL;
    for (size_t i = 0; i < s->n_sets; i++)
        if (strcmp(s->sets[i].name, name) == 0)
            *out = &s->sets[i];
    if (!*out || (*out)->n == 0)
        return dsbi_fail(DSB_E_NOTFOUND, "there is no set of items called '%s'", name);
    return DSB_OK;
}

static dsb_status group_of(dsb_shift *s, dsbi_shift_group **out, dsbi_shift_set *set,
                           const char *name)
{
    for (size_t g = 0; g < set->n_groups; g++)
        if (strcmp(set->groups[g].name, name) == 0) {
            *out = &set->groups[g];
            return DSB_OK;
        }
    if (set->n_groups >= 10000)
        return dsbi_fail(DSB_E_LIMIT, "more than 10,000 groups");
    void *list = set->groups;
    DSBI_TRY(
        dsbi_grow(s->rt, &list, &set->groups_capacity, set->n_groups + 1, sizeof *set->groups));
    set->groups = list;
    dsbi_shift_group group = {dsbi_strdup(s->rt, name), dsbi_calloc(s->rt, set->n, 1), 0};
    if (!group.name || !group.in) {
        dsbi_free(s->rt, group.name);
        dsbi_free(s->rt, group.in);
        return DSB_E_NOMEM;
    }
    set->groups[set->n_groups] = group;
    *out = &set->groups[set->n_groups++];
    return DSB_OK;
}

static dsb_status put(dsbi_shift_group *group, double item, size_t n)
{
    if (!(item >= 0) || !(item < (double)n) || item != floor(item))
        return dsbi_fail(DSB_E_DATA, "group '%s': item %g of a set of %zu", group->name, item, n);
    group->n += !group->in[(size_t)item];
    group->in[(size_t)item] = 1;
    return DSB_OK;
}

static dsb_status from_json(dsb_shift *s, const dsbi_json_value *root)
{
    if (dsbi_json_type_of(root) != DSBI_JSON_OBJECT)
        return dsbi_fail(DSB_E_FORMAT, "groups must be an object of sets");
    for (const dsbi_json_value *set = dsbi_json_first(root); set; set = dsbi_json_next(set)) {
        const char *set_name = dsbi_json_key(set, NULL);
        if (dsbi_json_type_of(set) != DSBI_JSON_OBJECT)
            return dsbi_fail(DSB_E_FORMAT, "'%s' must be an object of groups", set_name);
        for (const dsbi_json_value *g = dsbi_json_first(set); g; g = dsbi_json_next(g)) {
            dsbi_shift_group *group;
            dsbi_shift_set *of;
            DSBI_TRY(set_of(s, &of, set_name));
            DSBI_TRY(group_of(s, &group, of, dsbi_json_key(g, NULL)));
            if (dsbi_json_type_of(g) != DSBI_JSON_ARRAY)
                return dsbi_fail(DSB_E_FORMAT, "group '%s' must be an array of items", group->name);
            for (const dsbi_json_value *v = dsbi_json_first(g); v; v = dsbi_json_next(v)) {
                double item = NAN;
                if (!dsbi_json_double(v, &item))
                    return dsbi_fail(DSB_E_FORMAT, "group '%s': an item is a number, found: %s",
                                     group->name, dsbi_json_type_name(dsbi_json_type_of(v)));
                DSBI_TRY(put(group, item, of->n));
            }
        }
    }
    return DSB_OK;
}

static dsb_status from_table(dsb_shift *s, const uint8_t *bytes, size_t size)
{
    static const char *const set_names[] = {"set", "dataset", NULL};
    static const char *const group_names[] = {"group", "subset", "keyword", "subgroup", NULL};
    static const char *const item_names[] = {"item", "index", "id", "idx", NULL};
    dsbi_columns file;
    dsbi_words words;
    dsbi_columns_init(&file, s->rt);
    dsbi_words_init(&words, s->rt);
    dsb_status status = dsbi_columns_parse(&file, &words, bytes, size);
    const dsbi_column *set = dsbi_columns_find(&file, set_names);
    const dsbi_column *group = dsbi_columns_find(&file, group_names);
    const dsbi_column *item = dsbi_columns_find(&file, item_names);
    if (status == DSB_OK && (!set || !group || !item || !set->words))
        status = dsbi_fail(DSB_E_DATA, "groups need columns set, group and item");
    if (status == DSB_OK && item->words)
        status = dsbi_columns_not_numbers(item, &words);
    for (size_t i = 0; status == DSB_OK && i < item->n; i++) {
        char text[64];
        dsbi_shift_group *to;
        dsbi_shift_set *of;
        if (isnan(set->value[i]) || isnan(group->value[i])) {
            status = dsbi_fail(DSB_E_DATA, "row %zu: no set or no group", i + 1);
            break;
        }
        DSBI_GO(dsbi_fail_at(set_of(s, &of, words.word[(size_t)set->value[i]]), "row %zu", i + 1));
        snprintf(text, sizeof text, "%.17g", group->value[i]);
        DSBI_GO(group_of(s, &to, of, group->words ? words.word[(size_t)group->value[i]] : text));
        status = dsbi_fail_at(put(to, item->value[i], of->n), "row %zu", i + 1);
    }
done:
    dsbi_columns_free(&file);
    dsbi_words_free(&words);
    return status;
}

dsb_status dsbi_shift_group_by(dsb_shift *s, size_t set, const dsbi_column *column,
                               const size_t *place)
{
    dsbi_shift_set *of = &s->sets[set];
    if (column->n != of->n)
        return dsbi_fail(DSB_E_SHAPE, "column '%s': %zu values for %zu items", column->name,
                         column->n, of->n);
    for (size_t i = 0; i < column->n; i++) {
        char name[300];
        dsbi_shift_group *group;
        if (isnan(column->value[i]))
            continue; /* in no group */
        if (column->words)
            snprintf(name, sizeof name, "%s=%s", column->name,
                     s->words.word[(size_t)column->value[i]]);
        else
            snprintf(name, sizeof name, "%s=%.17g", column->name, column->value[i]);
        DSBI_TRY(group_of(s, &group, of, name));
        DSBI_TRY(put(group, (double)(place ? place[i] : i), of->n));
    }
    s->group_column_found = true;
    return DSB_OK;
}

dsb_status dsb_shift_add_groups(dsb_shift *s, const char *path)
{
    dsbi_clear_error();
    if (!s || !path)
        return dsbi_fail(DSB_E_INVALID, "groups need a path");
    uint8_t *bytes = NULL;
    size_t size, at = 0;
    DSBI_TRY(dsbi_file_read(s->rt, &bytes, &size, path, DSBI_JSON_MAX_BYTES));
    while (at < size && memchr(" \t\r\n", bytes[at], 4))
        at++;
    dsbi_json *doc = NULL;
    dsb_status status;
    if (at < size && bytes[at] == '{') {
        status = dsbi_json_parse(s->rt, &doc, (const char *)bytes, size);
        if (status == DSB_OK)
            status = from_json(s, dsbi_json_root(doc));
        dsbi_json_free(doc);
    } else {
        status = from_table(s, bytes, size);
    }
    dsbi_free(s->rt, bytes);
    s->done = false;
    return dsbi_fail_at(status, "%s", path);
}
