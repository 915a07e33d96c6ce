/* Tables of a record as CSV, one row a model, class, fit, pair, group or residual; every comparison
 * of the record in one table, told apart by its first column. */
#include <string.h>
#include "base/csv.h"
#include "base/json.h"
#include "shift/shift.h"

typedef struct table_column {
    const char *title;
    const char *path[2]; /* member, or member of a member */
    int end;             /* -1: the value; 0, 1: end of an interval */
} table_column;

static const table_column model_columns[] = {
    {"model", {"name"}, -1},
    {"family", {"family"}, -1},
    {"orig_correct", {"orig", "correct"}, -1},
    {"orig_n", {"orig", "n"}, -1},
    {"orig_accuracy", {"orig", "accuracy"}, -1},
    {"orig_low", {"orig", "ci95"}, 0},
    {"orig_high", {"orig", "ci95"}, 1},
    {"new_correct", {"new", "correct"}, -1},
    {"new_n", {"new", "n"}, -1},
    {"new_accuracy", {"new", "accuracy"}, -1},
    {"new_low", {"new", "ci95"}, 0},
    {"new_high", {"new", "ci95"}, 1},
    {"gap", {"gap"}, -1},
    {"gap_low", {"gap_ci95"}, 0},
    {"gap_high", {"gap_ci95"}, 1},
    {"error_ratio", {"error_ratio"}, -1},
    {"rank_orig", {"rank_orig"}, -1},
    {"rank_new", {"rank_new"}, -1},
    {"delta_rank", {"delta_rank"}, -1},
    {"rank_new_low", {"rank_new_ci95"}, 0},
    {"rank_new_high", {"rank_new_ci95"}, 1},
    {0},
};
static const table_column class_columns[] = {
    {"class", {"class"}, -1},
    {"n_orig", {"n_orig"}, -1},
    {"n_new", {"n_new"}, -1},
    {"mean_accuracy_orig", {"mean_accuracy_orig"}, -1},
    {"mean_accuracy_new", {"mean_accuracy_new"}, -1},
    {"mean_gap", {"mean_gap"}, -1},
    {"gap_low", {"gap_ci95"}, 0},
    {"gap_high", {"gap_ci95"}, 1},
    {"p", {"p"}, -1},
    {"p_holm", {"p_holm"}, -1},
    {0},
};
static const table_column fit_columns[] = {
    {"n", {"n"}, -1},
    {"n_dropped", {"n_dropped"}, -1},
    {"slope", {"slope"}, -1},
    {"intercept", {"intercept"}, -1},
    {"r2", {"r2"}, -1},
    {"slope_low", {"slope_ci95"}, 0},
    {"slope_high", {"slope_ci95"}, 1},
    {"intercept_low", {"intercept_ci95"}, 0},
    {"intercept_high", {"intercept_ci95"}, 1},
    {"slope_t_low", {"slope_ci95_t"}, 0},
    {"slope_t_high", {"slope_ci95_t"}, 1},
    {"slope_images_low", {"slope_ci95_images"}, 0},
    {"slope_images_high", {"slope_ci95_images"}, 1},
    {"mean_abs_residual", {"mean_abs_residual"}, -1},
    {0},
};
static const table_column pair_columns[] = {
    {"a", {"a"}, -1},       {"b", {"b"}, -1},
    {"n11", {"n11"}, -1},   {"n10", {"n10"}, -1},
    {"n01", {"n01"}, -1},   {"n00", {"n00"}, -1},
    {"diff", {"diff"}, -1}, {"exact_p", {"exact_p"}, -1},
    {"midp", {"midp"}, -1}, {"holm_p", {"holm_p"}, -1},
    {"bh_p", {"bh_p"}, -1}, {0},
};
static const table_column group_columns[] = {
    {"model", {"name"}, -1},
    {"inside", {"inside"}, -1},
    {"outside", {"outside"}, -1},
    {"cost_of_removing", {"cost_of_removing"}, -1},
    {0},
};

static const table_column robustness_columns[] = {
    {"model", {"name"}, -1},
    {"expected", {"expected"}, -1},
    {"effective_robustness", {"effective_robustness"}, -1},
    {"low", {"ci95"}, 0},
    {"high", {"ci95"}, 1},
    {"relative_to", {"relative_to"}, -1},
    {"relative_robustness", {"relative_robustness"}, -1},
    {"residual", {"residual"}, -1},
    {"hat", {"hat"}, -1},
    {"cook", {"cook"}, -1},
    {"slope_without", {"slope_without"}, -1},
    {0},
};

static void write_value(dsbi_text *t, const dsbi_json_value *row, const table_column *c)
{
    const dsbi_json_value *v = dsbi_json_get(row, c->path[0]);
    if (c->path[1])
        v = dsbi_json_get(v, c->path[1]);
    if (c->end >= 0)
        v = dsbi_json_first(v);
    if (c->end > 0)
        v = dsbi_json_next(v);
    uint64_t whole;
    double real;
    const char *text = dsbi_json_string(v, NULL);
    if (text)
        dsbi_csv_field(t, text);
    else if (dsbi_json_uint64(v, &whole))
        dsbi_csv_uint(t, whole);
    else if (dsbi_json_double(v, &real))
        dsbi_csv_double(t, real);
    else
        dsbi_csv_field(t, "");
}

static void write_row(dsbi_text *t, const char *const *lead, size_t n_lead,
                      const dsbi_json_value *row, const table_column *columns)
{
    for (size_t i = 0; i < n_lead; i++)
        dsbi_csv_field(t, lead[i] ? lead[i] : "");
    for (; columns->title; columns++) {
        if (row)
            write_value(t, row, columns);
        else
            dsbi_csv_field(t, columns->title);
    }
    dsbi_csv_end(t);
}

static void write_rows(dsbi_text *t, const char *const *lead, size_t n_lead,
                       const dsbi_json_value *array, const table_column *columns)
{
    for (const dsbi_json_value *row = dsbi_json_first(array); row; row = dsbi_json_next(row))
        write_row(t, lead, n_lead, row, columns);
}

/* Arrays inside of entries of an array: pairs of each set, models of each group. */
static void write_nested(dsbi_text *t, const char *set, const dsbi_json_value *entries,
                         const char *const *keys, size_t n_keys, const char *inner,
                         const table_column *columns)
{
    for (const dsbi_json_value *e = dsbi_json_first(entries); e; e = dsbi_json_next(e)) {
        const char *lead[4] = {set};
        for (size_t i = 0; i < n_keys; i++)
            lead[i + 1] = dsbi_json_string(dsbi_json_get(e, keys[i]), NULL);
        write_rows(t, lead, n_keys + 1, dsbi_json_get(e, inner), columns);
    }
}

static const char *const pair_keys[] = {"set"};
static const char *const group_keys[] = {"set", "group"};

static void write_comparison(dsbi_text *t, const dsbi_json_value *c, const char *table)
{
    const char *set = dsbi_json_string(dsbi_json_get(c, "new"), NULL);
    const char *lead[2] = {set, NULL};
    if (strcmp(table, "models") == 0)
        write_rows(t, lead, 1, dsbi_json_get(c, "models"), model_columns);
    else if (strcmp(table, "classes") == 0)
        write_rows(t, lead, 1, dsbi_json_get(c, "per_class"), class_columns);
    else if (strcmp(table, "pairs") == 0)
        write_nested(t, set, dsbi_json_get(c, "mcnemar"), pair_keys, 1, "pairs", pair_columns);
    else if (strcmp(table, "groups") == 0)
        write_nested(t, set, dsbi_json_get(c, "groups"), group_keys, 2, "models", group_columns);
    else if (strcmp(table, "robustness") == 0)
        write_rows(t, lead, 1, dsbi_json_get(dsbi_json_get(c, "robustness"), "models"),
                   robustness_columns);
    else
        for (const dsbi_json_value *f = dsbi_json_first(dsbi_json_get(c, "fits")); f;
             f = dsbi_json_next(f)) {
            lead[1] = dsbi_json_key(f, NULL);
            write_row(t, lead, 2, f, fit_columns);
        }
}

dsb_status dsb_shift_csv(dsb_runtime *rt, char **csv, size_t *size, const char *json,
                         size_t json_size, const char *table)
{
    dsbi_clear_error();
    if (!rt || !csv || !json || !table)
        return dsbi_fail(DSB_E_INVALID, "a table needs a record, a name and a place");
    *csv = NULL;
    static const struct {
        const char *name;
        const char *lead[4];
        const table_column *columns;
    } tables[] = {{"models", {"new_set"}, model_columns},
                  {"classes", {"new_set"}, class_columns},
                  {"fits", {"new_set", "scale"}, fit_columns},
                  {"pairs", {"new_set", "set"}, pair_columns},
                  {"groups", {"new_set", "set", "group"}, group_columns},
                  {"robustness", {"new_set"}, robustness_columns}};
    enum { TABLES = sizeof tables / sizeof *tables };
    size_t which = 0;
    while (which < TABLES && strcmp(tables[which].name, table) != 0)
        which++;
    if (which == TABLES)
        return dsbi_fail(DSB_E_NOTFOUND, "there is no table '%.40s'", table);
    dsbi_json *doc;
    DSBI_TRY(dsbi_json_parse(rt, &doc, json, json_size));
    dsbi_text t;
    dsbi_text_init(&t, rt);
    size_t n_lead = 0;
    while (n_lead < 4 && tables[which].lead[n_lead])
        n_lead++;
    write_row(&t, tables[which].lead, n_lead, NULL, tables[which].columns);
    const dsbi_json_value *root = dsbi_json_root(doc);
    write_comparison(&t, root, table);
    for (const dsbi_json_value *c = dsbi_json_first(dsbi_json_get(root, "other_sets")); c;
         c = dsbi_json_next(c))
        write_comparison(&t, c, table);
    dsb_status status = t.status;
    if (status == DSB_OK) {
        if (size)
            *size = t.size;
        *csv = dsbi_text_take(&t);
        status = *csv ? DSB_OK : DSB_E_NOMEM;
    }
    dsbi_text_free(&t);
    dsbi_json_free(doc);
    return status;
}
