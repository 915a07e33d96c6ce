/* Effective and relative robustness; predictions for models not measured on the new set. */
#include <math.h>
#include <string.h>
#include "shift/shift.h"

/* What accuracies are measured against: one line, or two at a pivot. */
typedef struct ruler {
    dsb_stats_line line[2];
    double *influence; /* [4, n points]: residual, hat, Cook, slope without */
    double pivot;      /* below it line[0] holds, from it on line[1]; NaN: line[0] */
} ruler;

static const dsb_stats_line *line_at(const ruler *r, double x)
{
    return &r->line[isfinite(r->pivot) && x >= r->pivot];
}

static dsb_status lay_ruler(ruler *r, const dsbi_comparison *c, const dsbi_fit_points *p,
                            uint32_t scale)
{
    const char *model;
    dsb_runtime *rt = c->s->rt;
    double alpha = c->s->opts.alpha;
    *r = (ruler){.pivot = dsbi_shift_pivot(c, &model)};
    bool two = isfinite(r->pivot);
    for (int i = 0; i < 2; i++)
        dsb_stats_line_init(&r->line[i], sizeof r->line[i]);
    if (two)
        DSBI_TRY(dsb_stats_fit_two(rt, &r->line[0], &r->line[1], p->x, p->y, NULL, p->n, r->pivot,
                                   scale, alpha));
    else
        DSBI_TRY(dsb_stats_fit(&r->line[0], p->x, p->y, NULL, p->n, scale, alpha));
    r->influence = dsbi_alloc_array(rt, p->n, 4 * sizeof *r->influence);
    if (!r->influence)
        return DSB_E_NOMEM;
    for (size_t i = 0; i < p->n; i++) {
        double own[4] = {NAN, NAN, NAN, NAN};
        if (p->x[i] != r->pivot) /* the pivot itself is on neither line */
            DSBI_TRY(dsb_stats_fit_influence(line_at(r, p->x[i]), &own[0], &own[1], &own[2],
                                             &own[3], &p->x[i], &p->y[i], NULL, 1));
        for (size_t k = 0; k < 4; k++)
            r->influence[k * p->n + i] = own[k];
    }
    return DSB_OK;
}

/* Effective robustness = accuracy - line(original accuracy). Interval: ends of the accuracy and of
 * the band put together as Newcombe does for differences. */
static dsb_status write_effective(dsbi_comparison *c, const ruler *r, size_t k,
                                  const double influence[4])
{
    double fitted, band[2], ci[2] = {NAN, NAN};
    const dsbi_shift_cell *b = DSBI_CELL_B(c, k);
    DSBI_TRY(
        dsb_stats_fit_predict(line_at(r, c->x[k]), &fitted, band, NULL, c->x[k], c->s->opts.alpha));
    dsbi_json_begin_flat_object(c->w);
    dsbi_json_write_key(c->w, "name");
    dsbi_json_write_string(c->w, c->s->models[c->model[k]].name);
    dsbi_json_put_double(c->w, "expected", fitted);
    dsbi_json_put_double(c->w, "effective_robustness", c->y[k] - fitted);
    if (b->counted) {
        double own[2];
        DSBI_TRY(dsb_stats_wilson(own, b->correct, b->n, c->s->opts.alpha));
        ci[0] = c->y[k] - fitted - hypot(c->y[k] - own[0], band[1] - fitted);
        ci[1] = c->y[k] - fitted + hypot(own[1] - c->y[k], fitted - band[0]);
    }
    dsbi_shift_write_pair(c->w, "ci95", ci);
    const char *parent = c->s->models[c->model[k]].parent;
    size_t from = parent ? dsbi_words_find(&c->s->model_names, parent, strlen(parent)) : SIZE_MAX;
    if (from != SIZE_MAX && c->s->cells[c->ib][from].there) {
        dsbi_json_write_key(c->w, "relative_to");
        dsbi_json_write_string(c->w, parent);
        dsbi_json_put_double(c->w, "relative_robustness",
                             c->y[k] - c->s->cells[c->ib][from].accuracy);
    }
    if (influence) {
        dsbi_json_put_double(c->w, "residual", influence[0]);
        dsbi_json_put_double(c->w, "hat", influence[1]);
        dsbi_json_put_double(c->w, "cook", influence[2]);
        dsbi_json_put_double(c->w, "slope_without", influence[3]);
    }
    dsbi_json_end_object(c->w);
    return DSB_OK;
}

static dsb_status write_predictions(dsbi_comparison *c, const ruler *r)
{
    dsbi_json_write_key(c->w, "predicted");
    dsbi_json_begin_array(c->w);
    for (size_t m = 0; m < c->s->n_models; m++) {
        const dsbi_shift_cell *a = &c->s->cells[c->ia][m];
        if (!a->there || c->s->cells[c->ib][m].there)
            continue;
        double fitted, band[2], interval[2];
        DSBI_TRY(dsb_stats_fit_predict(line_at(r, a->accuracy), &fitted, band, interval,
                                       a->accuracy, c->s->opts.alpha));
        dsbi_json_begin_flat_object(c->w);
        dsbi_json_write_key(c->w, "name");
        dsbi_json_write_string(c->w, c->s->models[m].name);
        dsbi_json_put_double(c->w, "orig", a->accuracy);
        dsbi_json_put_double(c->w, "new", fitted);
        dsbi_shift_write_pair(c->w, "band95", band);
        dsbi_shift_write_pair(c->w, "interval95", interval);
        dsbi_json_end_object(c->w);
    }
    dsbi_json_end_array(c->w);
    return DSB_OK;
}

dsb_status dsbi_shift_write_robustness(dsbi_comparison *c)
{
    uint32_t scale = c->in_unit ? c->s->opts.scale : DSB_STATS_SCALE_LINEAR;
    dsbi_fit_points p = {0};
    ruler r = {0};
    dsb_status status = dsbi_shift_take_points(&p, c, dsbi_shift_has_baseline(c));
    if (status != DSB_OK)
        goto done;
    status = lay_ruler(&r, c, &p, scale);
    if (status == DSB_E_DATA) { /* no line, nothing to measure against */
        dsbi_clear_error();
        status = DSB_OK;
        goto done;
    }
    if (status != DSB_OK)
        goto done;
    dsbi_json_write_key(c->w, "robustness");
    dsbi_json_begin_object(c->w);
    dsbi_json_write_key(c->w, "scale");
    dsbi_json_write_string(c->w, dsb_stats_scale_name(scale));
    dsbi_json_write_key(c->w, "models");
    dsbi_json_begin_array(c->w);
    for (size_t k = 0, i = 0; k < c->n; k++) {
        bool fitted = i < p.n && p.at[i] == k;
        double own[4] = {NAN, NAN, NAN, NAN};
        for (size_t j = 0; fitted && j < 4; j++)
            own[j] = r.influence[j * p.n + i];
        DSBI_GO(write_effective(c, &r, k, fitted ? own : NULL));
        i += fitted;
    }
    dsbi_json_end_array(c->w);
    DSBI_GO(write_predictions(c, &r));
    dsbi_json_end_object(c->w);
done:
    dsbi_free(c->s->rt, r.influence);
    dsbi_shift_free_points(&p, c->s->rt);
    return status;
}
