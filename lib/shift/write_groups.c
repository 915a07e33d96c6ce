/* Subgroups: accuracy of each model on the items of a group and without them, on either set; then,
 * for each name, the gaps and the lines of both sets without these items, and the gaps within them
 * where the name is on both sets. */
#include <math.h>
#include <string.h>
#include "shift/shift.h"

static double share(const dsbi_shift_cell *cell, const dsbi_shift_group *g, size_t n, bool inside,
                    uint64_t *correct)
{
    double sum = 0;
    uint64_t count = 0;
    for (size_t i = 0; i < n; i++)
        if ((g->in[i] != 0) == inside) {
            sum += cell->score[i];
            count++;
        }
    *correct = (uint64_t)sum;
    return count ? sum / (double)count : NAN;
}

static dsb_status write_group(dsbi_comparison *c, bool new_set, const dsbi_shift_group *g)
{
    const dsbi_shift_set *set = new_set ? c->b : c->a;
    double mean_in = 0, mean_out = 0, mean_all = 0, models = 0;
    dsbi_json_begin_object(c->w);
    dsbi_json_write_key(c->w, "set");
    dsbi_json_write_string(c->w, set->name);
    dsbi_json_write_key(c->w, "group");
    dsbi_json_write_string(c->w, g->name);
    dsbi_json_write_key(c->w, "n");
    dsbi_json_write_uint(c->w, g->n);
    dsbi_json_write_key(c->w, "models");
    dsbi_json_begin_array(c->w);
    for (size_t k = 0; k < c->n; k++) {
        const dsbi_shift_cell *cell = new_set ? DSBI_CELL_B(c, k) : DSBI_CELL_A(c, k);
        if (!cell->score)
            continue;
        uint64_t right_in, right_out;
        double in = share(cell, g, set->n, true, &right_in), ci[2] = {NAN, NAN};
        double out = share(cell, g, set->n, false, &right_out);
        if (cell->counted)
            DSBI_TRY(dsb_stats_clopper_pearson(ci, right_in, g->n, c->s->opts.alpha));
        mean_in += in;
        mean_out += out;
        mean_all += cell->accuracy;
        models += 1;
        dsbi_json_begin_flat_object(c->w);
        dsbi_json_write_key(c->w, "name");
        dsbi_json_write_string(c->w, c->s->models[c->model[k]].name);
        dsbi_json_put_double(c->w, "inside", in);
        dsbi_shift_write_pair(c->w, "inside_ci95", ci);
        dsbi_json_put_double(c->w, "outside", out);
        dsbi_json_put_double(c->w, "cost_of_removing", cell->accuracy - out);
        dsbi_json_end_object(c->w);
    }
    dsbi_json_end_array(c->w);
    dsbi_json_put_double(c->w, "mean_inside", mean_in / models);
    dsbi_json_put_double(c->w, "mean_outside", mean_out / models);
    dsbi_json_put_double(c->w, "mean_cost_of_removing", (mean_all - mean_out) / models);
    dsbi_json_end_object(c->w);
    return DSB_OK;
}

static const dsbi_shift_group *group_named(const dsbi_shift_set *set, const char *name)
{
    for (size_t g = 0; g < set->n_groups; g++)
        if (strcmp(set->groups[g].name, name) == 0)
            return &set->groups[g];
    return NULL;
}

/* What is left of a model on one set: all of it if the group is not there. */
static double left_over(const dsbi_shift_cell *cell, const dsbi_shift_group *g, size_t n)
{
    uint64_t right;
    return g ? share(cell, g, n, false, &right) : cell->accuracy;
}

static dsb_status write_inside(dsbi_comparison *c, const dsbi_shift_group *a,
                               const dsbi_shift_group *b)
{
    double mean = 0;
    dsbi_json_write_key(c->w, "models");
    dsbi_json_begin_array(c->w);
    for (size_t k = 0; k < c->n; k++) {
        uint64_t right_a, right_b;
        double ci[2] = {NAN, NAN};
        double gap = share(DSBI_CELL_A(c, k), a, c->a->n, true, &right_a) -
                     share(DSBI_CELL_B(c, k), b, c->b->n, true, &right_b);
        if (DSBI_CELL_A(c, k)->counted && DSBI_CELL_B(c, k)->counted)
            DSBI_TRY(dsb_stats_newcombe(ci, right_a, a->n, right_b, b->n, c->s->opts.alpha));
        mean += gap / (double)c->n;
        dsbi_json_begin_flat_object(c->w);
        dsbi_json_write_key(c->w, "name");
        dsbi_json_write_string(c->w, c->s->models[c->model[k]].name);
        dsbi_json_put_double(c->w, "gap_inside", gap);
        dsbi_shift_write_pair(c->w, "gap_inside_ci95", ci);
        dsbi_json_end_object(c->w);
    }
    dsbi_json_end_array(c->w);
    dsbi_json_put_double(c->w, "mean_gap_inside", mean);
    return DSB_OK;
}

/* x, y: accuracies without the group */
static dsb_status write_lines_without(dsbi_comparison *c, const double *x, const double *y)
{
    dsbi_json_write_key(c->w, "fits_without");
    dsbi_json_begin_object(c->w);
    for (uint32_t scale = 0; scale <= DSB_STATS_SCALE_ARCSINE; scale++) {
        dsb_stats_line line;
        dsb_stats_line_init(&line, sizeof line);
        if (!c->in_unit && scale != DSB_STATS_SCALE_LINEAR)
            continue;
        dsb_status status = dsb_stats_fit(&line, x, y, NULL, c->n, scale, c->s->opts.alpha);
        if (status == DSB_E_DATA) {
            dsbi_clear_error();
            continue;
        }
        DSBI_TRY(status);
        dsbi_json_write_key(c->w, dsb_stats_scale_name(scale));
        dsbi_json_begin_flat_object(c->w);
        dsbi_json_write_key(c->w, "n");
        dsbi_json_write_uint(c->w, line.n);
        dsbi_json_put_double(c->w, "slope", line.slope);
        dsbi_json_put_double(c->w, "intercept", line.intercept);
        dsbi_json_put_double(c->w, "r2", line.r2);
        dsbi_shift_write_pair(c->w, "slope_ci95_t", line.slope_ci);
        dsbi_json_end_object(c->w);
    }
    dsbi_json_end_object(c->w);
    return DSB_OK;
}

static dsb_status write_gap_without(dsbi_comparison *c, const char *name, double *x, double *y)
{
    const dsbi_shift_group *a = group_named(c->a, name), *b = group_named(c->b, name);
    double gap = 0;
    for (size_t k = 0; k < c->n; k++) {
        x[k] = left_over(DSBI_CELL_A(c, k), a, c->a->n);
        y[k] = left_over(DSBI_CELL_B(c, k), b, c->b->n);
        gap += (x[k] - y[k]) / (double)c->n;
    }
    dsbi_json_begin_object(c->w);
    dsbi_json_write_key(c->w, "group");
    dsbi_json_write_string(c->w, name);
    dsbi_json_write_key(c->w, "n_orig");
    dsbi_json_write_uint(c->w, a ? a->n : 0);
    dsbi_json_write_key(c->w, "n_new");
    dsbi_json_write_uint(c->w, b ? b->n : 0);
    dsbi_json_put_double(c->w, "mean_gap_without", gap);
    DSBI_TRY(write_lines_without(c, x, y));
    if (a && b && a->n && b->n)
        DSBI_TRY(write_inside(c, a, b));
    dsbi_json_end_object(c->w);
    return DSB_OK;
}

/* Each name once: those of the original, then those that only the new set has. */
static dsb_status write_group_gaps(dsbi_comparison *c)
{
    for (size_t k = 0; k < c->n; k++)
        if (!DSBI_CELL_A(c, k)->score || !DSBI_CELL_B(c, k)->score)
            return DSB_OK;
    double *x = dsbi_alloc_array(c->s->rt, c->n + 1, 2 * sizeof *x);
    if (!x)
        return DSB_E_NOMEM;
    dsb_status status = DSB_OK;
    dsbi_json_write_key(c->w, "group_gaps");
    dsbi_json_begin_array(c->w);
    for (size_t g = 0; status == DSB_OK && g < c->a->n_groups; g++)
        status = write_gap_without(c, c->a->groups[g].name, x, x + c->n);
    for (size_t g = 0; status == DSB_OK && g < c->b->n_groups; g++)
        if (!group_named(c->a, c->b->groups[g].name))
            status = write_gap_without(c, c->b->groups[g].name, x, x + c->n);
    dsbi_json_end_array(c->w);
    dsbi_free(c->s->rt, x);
    return status;
}

dsb_status dsbi_shift_write_groups(dsbi_comparison *c)
{
    if (c->a->n_groups + c->b->n_groups == 0)
        return DSB_OK;
    dsbi_json_write_key(c->w, "groups");
    dsbi_json_begin_array(c->w);
    for (size_t g = 0; g < c->a->n_groups; g++)
        DSBI_TRY(write_group(c, false, &c->a->groups[g]));
    for (size_t g = 0; g < c->b->n_groups; g++)
        DSBI_TRY(write_group(c, true, &c->b->groups[g]));
    dsbi_json_end_array(c->w);
    return write_group_gaps(c);
}
