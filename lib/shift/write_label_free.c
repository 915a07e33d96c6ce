/* What the new set's labels were not needed for, checked against them: agreement on the line, class
 * shares by BBSE, accuracy from confidences. */
#include <math.h>
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
    dsbi_shift_write_number(c->w, "agreement_slope", line.slope);
    dsbi_shift_write_number(c->w, "agreement_intercept", line.intercept);
    dsbi_shift_write_number(c->w, "agreement_r2", line.r2);
    dsbi_shift_write_number(c->w, "accuracy_slope", accuracy.slope);
    dsbi_shift_write_number(c->w, "accuracy_intercept", accuracy.intercept);
    dsbi_shift_write_number(c->w, "aline_s_mae", error_s);
    dsbi_shift_write_number(c->w, "aline_d_mae", error_d);
    dsbi_json_write_key(c->w, "trust");
    dsbi_json_write_bool(c->w, line.r2 > 0.95);
    dsbi_json_end_object(c->w);
    return DSB_OK;
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
        dsbi_json_end_object(c->w);
    }
    dsbi_free(c->s->rt, agree);
    dsbi_free(c->s->rt, estimate);
    return status;
}

static void write_row(dsbi_json_writer *w, const char *key, const double *row, size_t n)
{
    dsbi_json_write_key(w, key);
    dsbi_json_begin_flat_array(w);
    for (size_t i = 0; i < n; i++)
        dsbi_json_write_double(w, row[i]);
    dsbi_json_end_array(w);
}

static dsb_status write_bbse(dsbi_comparison *c, size_t m, uint64_t *confusion, double *work)
{
    uint32_t k = c->a->n_classes;
    uint64_t *predicted = confusion + (size_t)k * k;
    const dsbi_shift_cell *a = DSBI_CELL_A(c, m), *b = DSBI_CELL_B(c, m);
    double *weights = work, *shares = work + k, *truth = work + 2 * k, *low = work + 3 * k;
    double *high = work + 4 * k, condition, error = 0;
    DSBI_TRY(dsb_stats_confusion(confusion, c->a->labels, a->predicted, c->a->n, k));
    for (uint32_t i = 0; i < k; i++) {
        predicted[i] = 0;
        truth[i] = 0;
    }
    for (size_t i = 0; i < c->b->n; i++) {
        predicted[b->predicted[i]]++;
        truth[c->b->labels[i]] += 1 / (double)c->b->n;
    }
    dsb_status status =
        dsb_stats_bbse(c->s->rt, weights, shares, &condition, confusion, predicted, k);
    if (status == DSB_OK)
        status = dsb_stats_bbse_interval(c->s->rt, low, high, confusion, predicted, k,
                                         c->s->opts.alpha, 200, c->s->opts.seed);
    if (status == DSB_E_NUMERIC) { /* a class without items or never predicted */
        dsbi_clear_error();
        return DSB_OK;
    }
    DSBI_TRY(status);
    size_t negative = 0, outside = 0;
    for (uint32_t i = 0; i < k; i++) {
        error += fabs(shares[i] - truth[i]) / k;
        negative += shares[i] < 0;
        outside += truth[i] < low[i] || truth[i] > high[i];
    }
    dsbi_json_begin_flat_object(c->w);
    dsbi_json_write_key(c->w, "model");
    dsbi_json_write_string(c->w, c->s->models[c->model[m]].name);
    write_row(c->w, "weights", weights, k);
    write_row(c->w, "est_q_y", shares, k);
    write_row(c->w, "est_q_y_low", low, k);
    write_row(c->w, "est_q_y_high", high, k);
    write_row(c->w, "true_q_y", truth, k);
    dsbi_shift_write_number(c->w, "cond", condition);
    dsbi_shift_write_number(c->w, "mean_abs_error", error);
    dsbi_json_write_key(c->w, "negative_shares");
    dsbi_json_write_uint(c->w, negative);
    /* with known labels the assumption p(x|y) unchanged can be checked: truth outside intervals */
    dsbi_json_write_key(c->w, "assumption_fails");
    dsbi_json_write_bool(c->w, negative > 0 || (double)outside > fmax(1, 0.2 * k));
    dsbi_json_end_object(c->w);
    return DSB_OK;
}

static dsb_status write_label_shift(dsbi_comparison *c)
{
    size_t k = c->a->n_classes;
    if (k < 2 || k > 50 || c->n > 100)
        return DSB_OK;
    uint64_t *confusion = dsbi_alloc_array(c->s->rt, k * k + k, sizeof *confusion);
    double *work = dsbi_alloc_array(c->s->rt, k, 5 * sizeof *work);
    dsb_status status = confusion && work ? DSB_OK : DSB_E_NOMEM;
    dsbi_json_write_key(c->w, "label_shift");
    dsbi_json_begin_array(c->w);
    for (size_t m = 0; status == DSB_OK && m < c->n; m++)
        status = write_bbse(c, m, confusion, work);
    dsbi_json_end_array(c->w);
    dsbi_free(c->s->rt, confusion);
    dsbi_free(c->s->rt, work);
    return status;
}

dsb_status dsbi_shift_write_label_free(dsbi_comparison *c)
{
    if (!c->a->labels || !c->b->labels || !all_predicted(c))
        return DSB_OK;
    DSBI_TRY(write_agreement(c));
    return write_label_shift(c);
}
