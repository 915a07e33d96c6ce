/* Conditions over a record, for continuous integration:
 *     expression = all ( "||" all )*        all = test ( "&&" test )*
 *     test       = quantity op number       op  = > >= < <= == !=
 *     quantity   = name | ("mean"|"min"|"max") "(" name ")"
 * A quantity of models without a function holds if it does for any model. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/json.h"
#include "shift/shift.h"

typedef struct parser {
    const char *start, *at;
    const dsbi_json_value *comparison;
    char *which; /* [256] or NULL */
} parser;

typedef struct test {
    char function[8], name[40], op[3];
    double number;
} test;

typedef struct values {
    double sum, min, max, hit;
    size_t n;
    const char *hit_model;
} values;

static void skip_space(parser *p)
{
    while (isspace((unsigned char)*p->at))
        p->at++;
}

static dsb_status refuse(const parser *p, const char *what)
{
    return dsbi_fail(DSB_E_INVALID, "condition '%.120s', character %zu: %s", p->start,
                     (size_t)(p->at - p->start) + 1, what);
}

static size_t read_word(parser *p, char *out, size_t size)
{
    size_t n = 0;
    skip_space(p);
    while ((isalnum((unsigned char)*p->at) || *p->at == '_') && n + 1 < size)
        out[n++] = *p->at++;
    out[n] = '\0';
    return n;
}

static dsb_status read_test(parser *p, test *t)
{
    char word[40];
    *t = (test){0};
    if (!read_word(p, word, sizeof word))
        return refuse(p, "expected a quantity such as gap or slope");
    skip_space(p);
    if (*p->at == '(') {
        if (strcmp(word, "mean") != 0 && strcmp(word, "min") != 0 && strcmp(word, "max") != 0)
            return refuse(p, "functions are mean, min and max");
        snprintf(t->function, sizeof t->function, "%.7s", word);
        p->at++;
        if (!read_word(p, word, sizeof word))
            return refuse(p, "expected a quantity");
        skip_space(p);
        if (*p->at++ != ')')
            return refuse(p, "expected ')'");
        skip_space(p);
    }
    memcpy(t->name, word, sizeof t->name);
    static const char *const ops[] = {">=", "<=", "==", "!=", ">", "<"};
    for (size_t i = 0; i < 6 && !*t->op; i++)
        if (strncmp(p->at, ops[i], strlen(ops[i])) == 0) {
            snprintf(t->op, sizeof t->op, "%s", ops[i]);
            p->at += strlen(ops[i]);
        }
    if (!*t->op)
        return refuse(p, "expected one of > >= < <= == !=");
    skip_space(p);
    char *end;
    t->number = dsbi_decimal(p->at, &end);
    if (end == p->at || !isfinite(t->number))
        return refuse(p, "expected a number");
    p->at = end;
    if (*p->at == '%') { /* 5% = 0.05 */
        t->number /= 100;
        p->at++;
    }
    skip_space(p);
    return DSB_OK;
}

static bool compare(double value, const test *t)
{
    if (isnan(value))
        return false;
    switch (t->op[0]) {
    case '>':
        return t->op[1] ? value >= t->number : value > t->number;
    case '<':
        return t->op[1] ? value <= t->number : value < t->number;
    case '=':
        return value == t->number;
    default:
        return value != t->number;
    }
}

/* A member, or an end of an interval: "gap_ci95" 0. */
static double member(const dsbi_json_value *object, const char *key, int end)
{
    const dsbi_json_value *v = dsbi_json_get(object, key);
    double value = NAN;
    if (end >= 0) {
        v = dsbi_json_first(v);
        if (end > 0)
            v = dsbi_json_next(v);
    }
    dsbi_json_double(v, &value);
    return value;
}

static double model_value(const dsbi_json_value *m, const char *name)
{
    if (strcmp(name, "accuracy_orig") == 0)
        return member(dsbi_json_get(m, "orig"), "accuracy", -1);
    if (strcmp(name, "accuracy_new") == 0)
        return member(dsbi_json_get(m, "new"), "accuracy", -1);
    if (strcmp(name, "gap_low") == 0 || strcmp(name, "gap_high") == 0)
        return member(m, "gap_ci95", strcmp(name, "gap_high") == 0);
    return member(m, name, -1);
}

static bool is_model_quantity(const char *name)
{
    static const char *const names[] = {
        "accuracy_orig", "accuracy_new",         "gap", "gap_low", "gap_high", "error_ratio",
        "delta_rank",    "effective_robustness", NULL};
    for (const char *const *n = names; *n; n++)
        if (strcmp(*n, name) == 0)
            return true;
    return false;
}

static void over_models(values *v, const dsbi_json_value *comparison, const test *t)
{
    bool robustness = strcmp(t->name, "effective_robustness") == 0;
    const dsbi_json_value *from = robustness ? dsbi_json_get(comparison, "robustness") : comparison;
    *v = (values){.min = INFINITY, .max = -INFINITY};
    for (const dsbi_json_value *m = dsbi_json_first(dsbi_json_get(from, "models")); m;
         m = dsbi_json_next(m)) {
        double value = model_value(m, t->name);
        if (isnan(value))
            continue;
        v->sum += value;
        v->min = fmin(v->min, value);
        v->max = fmax(v->max, value);
        v->n++;
        if (!v->hit_model && compare(value, t)) {
            v->hit_model = dsbi_json_string(dsbi_json_get(m, "name"), NULL);
            v->hit = value;
        }
    }
}

static dsb_status single_value(double *value, const parser *p, const dsbi_json_value *root,
                               const test *t)
{
    const char *scale = dsbi_json_string(dsbi_json_get(root, "scale"), NULL);
    const dsbi_json_value *fit =
        dsbi_json_get(dsbi_json_get(p->comparison, "fits"), scale ? scale : "linear");
    if (strcmp(t->name, "slope") == 0 || strcmp(t->name, "intercept") == 0 ||
        strcmp(t->name, "r2") == 0)
        *value = member(fit, t->name, -1);
    else if (strcmp(t->name, "spearman") == 0)
        *value = member(dsbi_json_get(p->comparison, "rank"), "spearman", -1);
    else if (strcmp(t->name, "kendall") == 0)
        *value = member(dsbi_json_get(p->comparison, "rank"), "kendall_tau_b", -1);
    else if (strcmp(t->name, "n_models") == 0)
        *value = member(p->comparison, "n_models", -1);
    else
        return refuse(p, "unknown quantity (accuracy_orig, accuracy_new, gap, gap_low, gap_high, "
                         "error_ratio, delta_rank, effective_robustness, slope, intercept, r2, "
                         "spearman, kendall, n_models)");
    return DSB_OK;
}

static dsb_status holds(bool *result, parser *p, const dsbi_json_value *root, const test *t)
{
    double value = NAN;
    const char *model = NULL;
    if (is_model_quantity(t->name)) {
        values v;
        over_models(&v, p->comparison, t);
        model = *t->function ? NULL : v.hit_model;
        value = v.n == 0                           ? NAN
                : strcmp(t->function, "mean") == 0 ? v.sum / (double)v.n
                : strcmp(t->function, "min") == 0  ? v.min
                : strcmp(t->function, "max") == 0  ? v.max
                : model                            ? v.hit
                                                   : NAN;
    } else {
        DSBI_TRY(single_value(&value, p, root, t));
    }
    *result = compare(value, t);
    if (*result && p->which) {
        const char *set = dsbi_json_string(dsbi_json_get(p->comparison, "new"), NULL);
        snprintf(p->which, 256, "%s%s%s%s is %.6g (%s %g)%s%.80s on %.80s", t->function,
                 *t->function ? "(" : "", t->name, *t->function ? ")" : "", value, t->op, t->number,
                 model ? " for " : "", model ? model : "", set ? set : "");
    }
    return DSB_OK;
}

static dsb_status evaluate(bool *result, parser *p, const dsbi_json_value *root)
{
    *result = false;
    for (;;) {
        bool all = true;
        for (;;) {
            test t;
            bool one = false;
            DSBI_TRY(read_test(p, &t));
            DSBI_TRY(holds(&one, p, root, &t));
            all = all && one;
            if (strncmp(p->at, "&&", 2) != 0)
                break;
            p->at += 2;
        }
        *result = *result || all;
        if (strncmp(p->at, "||", 2) != 0)
            break;
        p->at += 2;
    }
    return *p->at ? refuse(p, "expected && or || or the end") : DSB_OK;
}

dsb_status dsb_shift_check(dsb_runtime *rt, const char *json, size_t json_size,
                           const char *expression, char *which)
{
    dsbi_clear_error();
    if (!rt || !json || !expression)
        return dsbi_fail(DSB_E_INVALID, "a check needs a record and an expression");
    dsbi_json *doc;
    DSBI_TRY(dsbi_json_parse(rt, &doc, json, json_size));
    const dsbi_json_value *root = dsbi_json_root(doc);
    const dsbi_json_value *other = dsbi_json_first(dsbi_json_get(root, "other_sets"));
    dsb_status status = DSB_OK;
    bool any = false;
    if (which)
        which[0] = '\0';
    for (const dsbi_json_value *c = root; c && status == DSB_OK && !any;
         c = c == root ? other : dsbi_json_next(c)) {
        parser p = {expression, expression, c, which};
        status = evaluate(&any, &p, root);
    }
    dsbi_json_free(doc);
    return status == DSB_OK ? any : status;
}
