/* A long table, a row a model and item, becomes one column a model. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "shift/take.h"

/* Number of items: largest index + 1, or distinct words in order of appearance. */
static dsb_status number_items(dsb_runtime *rt, size_t *number, size_t *n, const dsbi_long_table *t)
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

dsb_status dsbi_shift_spread(dsb_shift *s, dsbi_long_table *t)
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
