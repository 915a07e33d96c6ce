/* Subgroups: accuracy of each model on the items of a group and without them, on either set; groups
 * of the same name on both sets are compared. */
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
        dsbi_shift_write_number(c->w, "inside", in);
        dsbi_shift_write_pair(c->w, "inside_ci95", ci);
        dsbi_shift_write_number(c->w, "outside", out);
        dsbi_shift_write_number(c->w, "cost_of_removing", cell->accuracy - out);
        dsbi_json_end_object(c->w);
    }
    dsbi_json_end_array(c->w);
    dsbi_shift_write_number(c->w, "mean_inside", mean_in / models);
    dsbi_shift_write_number(c->w, "mean_outside", mean_out / models);
    dsbi_shift_write_number(c->w, "mean_cost_of_removing", (mean_all - mean_out) / models);
    dsbi_json_end_object(c->w);
    return DSB_OK;
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
    return DSB_OK;
}
