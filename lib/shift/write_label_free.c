/* Accuracy on the new set from agreement between models, without its labels, checked against them.
 */
#include <math.h>
#include <string.h>
#include "shift/shift.h"

static bool all_predicted(const dsbi_comparison *c)
{
    for (size_t k = 0; k < c->n; k++)
        if (!DSBI_CELL_A(c, k)->predicted || !DSBI_CELL_B(c, k)->predicted)
            return false;
    return true;
}

static dsb_status write_agreement_scale(dsbi_comparison *c, const double *agree, size_t pairs,
                                        double *estimate, uint32_t scale)
{
    dsb_stats_line line, accuracy;
    dsb_stats_line_init(&line, sizeof line);
    dsb_stats_line_init(&accuracy, sizeof accuracy);
    double error_s = 0, error_d = 0, alpha = c->s->opts.alpha;
    dsb_status status = dsb_stats_agreement_line(c->s->rt, &line, estimate, estimate + c->n, c->x,
                                                 agree, agree + pairs, c->n, scale, alpha);
    if (status == DSB_OK)
        status = dsb_stats_fit(&accuracy, c->x, c->y, NULL, c->n, scale, alpha);
    if (status == DSB_E_DATA || status == DSB_E_NUMERIC) {
        dsbi_clear_error();
        return DSB_OK;
    }
    DSBI_TRY(status);
    for (size_t k = 0; k < c->n; k++) {
        error_s += fabs(estimate[k] - c->y[k]) / (double)c->n;
        error_d += fabs(estimate[c->n + k] - c->y[k]) / (double)c->n;
    }
    dsbi_json_write_key(c->w, dsb_stats_scale_name(scale));
    dsbi_json_begin_flat_object(c->w);
    dsbi_json_put_double(c->w, "agreement_slope", line.slope);
    dsbi_json_put_double(c->w, "agreement_intercept", line.intercept);
    dsbi_json_put_double(c->w, "agreement_r2", line.r2);
    dsbi_json_put_double(c->w, "accuracy_slope", accuracy.slope);
    dsbi_json_put_double(c->w, "accuracy_intercept", accuracy.intercept);
    dsbi_json_put_double(c->w, "aline_s_mae", error_s);
    dsbi_json_put_double(c->w, "aline_d_mae", error_d);
    dsbi_json_write_key(c->w, "trust");
    dsbi_json_write_bool(c->w, line.r2 > 0.95);
    dsbi_json_end_object(c->w);
    return DSB_OK;
}

/* GDE: two runs of one recipe disagree as often as they err. Runs of one recipe are taken to be
 * models of one family; without families all pairs are shown, which it was not made for. */
static void write_disagreement(dsbi_comparison *c, const double *agree)
{
    bool families = false;
    double estimate = 0, truth = 0, error = 0;
    uint64_t used = 0;
    size_t number = 0;
    for (size_t k = 0; k < c->n; k++)
        families = families || *c->s->models[c->model[k]].family;
    for (size_t i = 0; i < c->n; i++)
        for (size_t j = i + 1; j < c->n; j++, number++) {
            const char *a = c->s->models[c->model[i]].family;
            if (families && (!*a || strcmp(a, c->s->models[c->model[j]].family) != 0))
                continue;
            double mean = (c->y[i] + c->y[j]) / 2;
            estimate += agree[number];
            truth += mean;
            error += fabs(agree[number] - mean);
            used++;
        }
    dsbi_json_write_key(c->w, "gde");
    dsbi_json_begin_flat_object(c->w);
    dsbi_json_write_key(c->w, "pairs");
    dsbi_json_write_uint(c->w, used);
    dsbi_json_write_key(c->w, "within_families");
    dsbi_json_write_bool(c->w, families);
    dsbi_json_put_double(c->w, "mean_estimate", estimate / (double)used);
    dsbi_json_put_double(c->w, "mean_truth", truth / (double)used);
    dsbi_json_put_double(c->w, "mae", error / (double)used);
    dsbi_json_end_object(c->w);
}

static dsb_status write_agreement(dsbi_comparison *c)
{
    size_t pairs = c->n * (c->n - 1) / 2, number = 0;
    if (c->n < 3 || c->n > 400)
        return DSB_OK;
    double *agree = dsbi_alloc_array(c->s->rt, pairs, 2 * sizeof *agree);
    double *estimate = dsbi_alloc_array(c->s->rt, c->n, 2 * sizeof *estimate);
    dsb_status status = agree && estimate ? DSB_OK : DSB_E_NOMEM;
    for (size_t i = 0; status == DSB_OK && i < c->n; i++)
        for (size_t j = i + 1; status == DSB_OK && j < c->n; j++, number++) {
            status = dsb_stats_agreement(&agree[number], DSBI_CELL_A(c, i)->predicted,
                                         DSBI_CELL_A(c, j)->predicted, c->a->n);
            if (status == DSB_OK)
                status = dsb_stats_agreement(&agree[pairs + number], DSBI_CELL_B(c, i)->predicted,
                                             DSBI_CELL_B(c, j)->predicted, c->b->n);
        }
    if (status == DSB_OK) {
        dsbi_json_write_key(c->w, "agreement_on_the_line");
        dsbi_json_begin_object(c->w);
        for (uint32_t scale = 0; status == DSB_OK && scale <= DSB_STATS_SCALE_PROBIT; scale++)
            status = write_agreement_scale(c, agree, pairs, estimate, scale);
        if (status == DSB_OK)
            write_disagreement(c, agree + pairs);
        dsbi_json_end_object(c->w);
    }
    dsbi_free(c->s->rt, agree);
    dsbi_free(c->s->rt, estimate);
    return status;
}

dsb_status dsbi_shift_write_label_free(dsbi_comparison *c)
{
    if (!c->a->labels || !c->b->labels || !all_predicted(c))
        return DSB_OK;
    DSBI_TRY(write_agreement(c));
    return dsbi_shift_write_label_shift(c);
}
