/* Where probabilities came with the predictions: calibration on both sets, and the accuracy on the
 * new one that confidences alone would have promised. */
#include <math.h>
#include "shift/shift.h"

enum { BINS = 15 };

static dsb_status write_side(dsbi_comparison *c, const char *key, const dsbi_shift_cell *cell,
                             size_t n, uint8_t *right)
{
    uint64_t count[BINS];
    double confidence[BINS], accuracy[BINS], ece, mce, debiased, mass, mean = 0;
    for (size_t i = 0; i < n; i++) {
        right[i] = cell->score[i] != 0;
        mean += cell->confidence[i] / (double)n;
    }
    DSBI_TRY(dsb_stats_ece(c->s->rt, &ece, &mce, &debiased, cell->confidence, right, n, BINS,
                           DSB_STATS_BINS_EQUAL_WIDTH));
    DSBI_TRY(dsb_stats_ece(c->s->rt, &mass, NULL, NULL, cell->confidence, right, n, BINS,
                           DSB_STATS_BINS_EQUAL_MASS));
    DSBI_TRY(dsb_stats_reliability(c->s->rt, count, confidence, accuracy, cell->confidence, right,
                                   n, BINS, DSB_STATS_BINS_EQUAL_WIDTH));
    dsbi_json_write_key(c->w, key);
    dsbi_json_begin_object(c->w);
    dsbi_shift_write_number(c->w, "mean_confidence", mean);
    dsbi_shift_write_number(c->w, "accuracy", cell->accuracy);
    dsbi_shift_write_number(c->w, "ece", ece);
    dsbi_shift_write_number(c->w, "mce", mce);
    dsbi_shift_write_number(c->w, "ece_equal_mass", mass);
    dsbi_shift_write_number(c->w, "debiased_rms", debiased);
    dsbi_json_write_key(c->w, "bins");
    dsbi_json_begin_array(c->w);
    for (size_t b = 0; b < BINS; b++) {
        if (count[b] == 0)
            continue;
        double ci[2];
        DSBI_TRY(dsb_stats_wilson(ci, (uint64_t)llround(accuracy[b] * (double)count[b]), count[b],
                                  c->s->opts.alpha));
        dsbi_json_begin_flat_object(c->w);
        dsbi_json_write_key(c->w, "n");
        dsbi_json_write_uint(c->w, count[b]);
        dsbi_shift_write_number(c->w, "confidence", confidence[b]);
        dsbi_shift_write_number(c->w, "accuracy", accuracy[b]);
        dsbi_shift_write_pair(c->w, "ci95", ci);
        dsbi_json_end_object(c->w);
    }
    dsbi_json_end_array(c->w);
    dsbi_json_end_object(c->w);
    return DSB_OK;
}

static dsb_status write_model(dsbi_comparison *c, size_t k, uint8_t *right)
{
    const dsbi_shift_cell *a = DSBI_CELL_A(c, k), *b = DSBI_CELL_B(c, k);
    double mean_a = 0, mean_b = 0, atc;
    dsbi_json_begin_object(c->w);
    dsbi_json_write_key(c->w, "name");
    dsbi_json_write_string(c->w, c->s->models[c->model[k]].name);
    DSBI_TRY(write_side(c, "new", b, c->b->n, right));
    DSBI_TRY(write_side(c, "orig", a, c->a->n, right)); /* leaves `right` of the original */
    for (size_t i = 0; i < c->a->n; i++)
        mean_a += a->confidence[i] / (double)c->a->n;
    for (size_t i = 0; i < c->b->n; i++)
        mean_b += b->confidence[i] / (double)c->b->n;
    DSBI_TRY(
        dsb_stats_atc(c->s->rt, &atc, NULL, a->confidence, right, c->a->n, b->confidence, c->b->n));
    dsbi_json_write_key(c->w, "without_labels");
    dsbi_json_begin_flat_object(c->w);
    dsbi_shift_write_number(c->w, "average_confidence", mean_b);
    dsbi_shift_write_number(c->w, "doc", dsb_stats_doc(a->accuracy, mean_a, mean_b));
    dsbi_shift_write_number(c->w, "atc", atc);
    dsbi_shift_write_number(c->w, "truth", b->accuracy);
    dsbi_json_end_object(c->w);
    dsbi_json_end_object(c->w);
    return DSB_OK;
}

dsb_status dsbi_shift_write_calibration(dsbi_comparison *c)
{
    size_t with = 0;
    for (size_t k = 0; k < c->n; k++)
        with += DSBI_CELL_A(c, k)->confidence && DSBI_CELL_B(c, k)->confidence;
    if (with == 0)
        return DSB_OK;
    size_t most = c->a->n > c->b->n ? c->a->n : c->b->n;
    uint8_t *right = dsbi_alloc_array(c->s->rt, most, 1);
    if (!right)
        return DSB_E_NOMEM;
    dsb_status status = DSB_OK;
    dsbi_json_write_key(c->w, "calibration");
    dsbi_json_begin_array(c->w);
    for (size_t k = 0; status == DSB_OK && k < c->n; k++)
        if (DSBI_CELL_A(c, k)->confidence && DSBI_CELL_B(c, k)->confidence)
            status = write_model(c, k, right);
    dsbi_json_end_array(c->w);
    dsbi_free(c->s->rt, right);
    return status;
}
