/* The ladder: order, look-up by name, and what all rungs share. */
#include "bias/rung.h"

#include <stdio.h>
#include <string.h>

const dsbi_rung *dsbi_rung_at(size_t i)
{
    /* i-th smallest order: the table is short and sorted by file name only */
    const dsbi_rung *found = NULL;
    uint32_t above = 0;
    for (size_t k = 0; k <= i; k++) {
        found = NULL;
        for (const dsbi_rung *const *rung = dsbi_rung_table; *rung; rung++)
            if ((*rung)->order > above && (!found || (*rung)->order < found->order))
                found = *rung;
        if (!found)
            return NULL;
        above = found->order;
    }
    return found;
}

const dsbi_rung *dsbi_rung_find(const char *model)
{
    for (const dsbi_rung *const *rung = dsbi_rung_table; *rung; rung++) {
        size_t n = strlen((*rung)->name);
        bool fits = (*rung)->is_family ? strncmp(model, (*rung)->name, n) == 0
                                       : strcmp(model, (*rung)->name) == 0;
        if (fits)
            return *rung;
    }
    return NULL;
}

uint64_t dsb_bias_rung_count(void)
{
    uint64_t n = 0;
    while (dsbi_rung_at(n))
        n++;
    return n;
}

const char *dsb_bias_rung_name(uint64_t i)
{
    const dsbi_rung *rung = dsbi_rung_at((size_t)i);
    return rung ? rung->name : NULL;
}

uint64_t dsbi_balanced_item(const dsb_split *split, uint32_t part, uint64_t q)
{
    uint64_t n_labels = dsb_split_labels(split), each = dsb_split_size(split, part) / n_labels;
    return q % n_labels * each + q / n_labels;
}

dsb_status dsbi_fit_add_point(dsb_runtime *rt, dsbi_fit *fit, uint64_t samples_seen, double loss,
                              double select_accuracy)
{
    void *curve = fit->curve;
    DSBI_TRY(dsbi_grow(rt, &curve, &fit->curve_capacity, fit->n_curve + 1, sizeof *fit->curve));
    fit->curve = curve;
    fit->curve[fit->n_curve++] = (dsbi_curve_point){samples_seen, loss, select_accuracy};
    return DSB_OK;
}

dsb_status dsbi_view_event(const dsbi_view *view, const char *stage, uint64_t done, uint64_t total,
                           double seconds, double value, const char *value_name)
{
    if (!view->event)
        return DSB_OK;
    char name[160];
    snprintf(name, sizeof name, "%s%s", view->stage_prefix, stage);
    dsb_event event = {sizeof event, name, done, total, seconds, value, value_name};
    if (view->event(view->user, &event) != 0)
        return dsbi_fail(DSB_E_CANCELLED, "stopped on request during \"%s\"", name);
    return DSB_OK;
}
