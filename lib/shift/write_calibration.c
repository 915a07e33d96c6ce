/* Where probabilities came with the predictions: calibration on both sets, temperature scaling
 * fitted on the original one, and the accuracy on the new one that confidences alone would have
 * promised. Top confidences suffice for all but Brier score, likelihood and temperature. */
#include <float.h>
#include <math.h>
#include "shift/shift.h"

enum { BINS = 15 };

void dsbi_shift_logits(double *logits, const dsbi_shift_cell *cell, size_t n)
{
    for (size_t i = 0; i < n * cell->width; i++)
        logits[i] = log(fmax((double)cell->probability[i], (double)FLT_MIN));
}

void dsbi_shift_softmax(double *values, size_t n, size_t width, double temperature,
                        const double *bias)
{
    for (size_t i = 0; i < n; i++) {
        double *row = values + i * width, top = -INFINITY, sum = 0;
        for (size_t c = 0; c < width; c++) {
            row[c] = row[c] / temperature + (bias ? bias[c] : 0);
            top = fmax(top, row[c]);
        }
        for (size_t c = 0; c < width; c++)
            sum += row[c] = exp(row[c] - top);
        for (size_t c = 0; c < width; c++)
            row[c] /= sum;
    }
}

static dsb_status write_bins(dsbi_comparison *c, const dsbi_shift_cell *cell, size_t n,
                             const uint8_t *right)
{
    uint64_t count[BINS];
    double confidence[BINS], accuracy[BINS];
    DSBI_TRY(dsb_stats_reliability(c->s->rt, count, confidence, accuracy, cell->confidence, right,
                                   n, BINS, DSB_STATS_BINS_EQUAL_WIDTH));
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
        dsbi_json_put_double(c->w, "confidence", confidence[b]);
        dsbi_json_put_double(c->w, "accuracy", accuracy[b]);
        dsbi_shift_write_pair(c->w, "ci95", ci);
        dsbi_json_end_object(c->w);
    }
    dsbi_json_end_array(c->w);
    return DSB_OK;
}

/* Brier score and likelihood of all classes, as they are and at a temperature. */
static dsb_status write_scores(dsbi_comparison *c, const dsbi_shift_cell *cell,
                               const dsbi_shift_set *set, double temperature, const uint8_t *right)
{
    size_t n = set->n, k = cell->width;
    double brier, nll, ece, *p = dsbi_alloc_array(c->s->rt, n * k + n, sizeof *p);
    if (!p)
        return DSB_E_NOMEM;
    double *top = p + n * k;
    for (size_t i = 0; i < n * k; i++)
        p[i] = fmin(1, (double)cell->probability[i]);
    dsb_status status = dsb_stats_proper_scores(&brier, &nll, p, set->labels, n, (uint32_t)k);
    if (status == DSB_OK) {
        dsbi_json_put_double(c->w, "brier", brier);
        dsbi_json_put_double(c->w, "nll", nll);
        dsbi_shift_logits(p, cell, n);
        dsbi_shift_softmax(p, n, k, temperature, NULL);
        for (size_t i = 0; i < n; i++)
            top[i] = fmin(1, p[i * k + cell->predicted[i]]);
        status = dsb_stats_proper_scores(&brier, &nll, p, set->labels, n, (uint32_t)k);
    }
    if (status == DSB_OK)
        status = dsb_stats_ece(c->s->rt, &ece, NULL, NULL, top, right, n, BINS,
                               DSB_STATS_BINS_EQUAL_WIDTH);
    if (status == DSB_OK) {
        dsbi_json_write_key(c->w, "at_temperature");
        dsbi_json_begin_flat_object(c->w);
        dsbi_json_put_double(c->w, "brier", brier);
        dsbi_json_put_double(c->w, "nll", nll);
        dsbi_json_put_double(c->w, "ece", ece);
        dsbi_json_end_object(c->w);
    }
    dsbi_free(c->s->rt, p);
    return status;
}

/* temperature NaN: only top confidences are there */
static dsb_status write_side(dsbi_comparison *c, const char *key, const dsbi_shift_cell *cell,
                             const dsbi_shift_set *set, double temperature, uint8_t *right)
{
    dsb_runtime *rt = c->s->rt;
    double ece[2], mce[2], debiased[2], part[3], mean = 0;
    size_t n = set->n;
    for (size_t i = 0; i < n; i++) {
        right[i] = cell->score[i] != 0;
        mean += cell->confidence[i] / (double)n;
    }
    for (uint32_t kind = 0; kind < 2; kind++)
        DSBI_TRY(dsb_stats_ece(rt, &ece[kind], &mce[kind], &debiased[kind], cell->confidence, right,
                               n, BINS, kind));
    DSBI_TRY(dsb_stats_isotonic_scores(rt, &part[0], &part[1], &part[2], NULL, cell->confidence,
                                       right, n));
    dsbi_json_write_key(c->w, key);
    dsbi_json_begin_object(c->w);
    dsbi_json_put_double(c->w, "mean_confidence", mean);
    dsbi_json_put_double(c->w, "accuracy", cell->accuracy);
    dsbi_json_put_double(c->w, "ece", ece[0]);
    dsbi_json_put_double(c->w, "mce", mce[0]);
    dsbi_json_put_double(c->w, "debiased_rms", debiased[0]);
    dsbi_json_put_double(c->w, "ece_equal_mass", ece[1]);
    dsbi_json_put_double(c->w, "mce_equal_mass", mce[1]);
    dsbi_json_write_key(c->w, "corp");
    dsbi_json_begin_flat_object(c->w);
    dsbi_json_put_double(c->w, "miscalibration", part[0]);
    dsbi_json_put_double(c->w, "discrimination", part[1]);
    dsbi_json_put_double(c->w, "uncertainty", part[2]);
    dsbi_json_end_object(c->w);
    if (isfinite(temperature))
        DSBI_TRY(write_scores(c, cell, set, temperature, right));
    DSBI_TRY(write_bins(c, cell, n, right));
    dsbi_json_end_object(c->w);
    return DSB_OK;
}

/* Fitted on the original set; NaN if its probabilities were not kept. */
static dsb_status fit_temperature(dsbi_comparison *c, const dsbi_shift_cell *a, double *temperature)
{
    *temperature = NAN;
    if (!a->probability || a->width < 2)
        return DSB_OK;
    double *logits = dsbi_alloc_array(c->s->rt, c->a->n * a->width, sizeof *logits);
    if (!logits)
        return DSB_E_NOMEM;
    dsbi_shift_logits(logits, a, c->a->n);
    dsb_status status = dsb_stats_temperature(temperature, NULL, NULL, logits, c->a->labels,
                                              c->a->n, (uint32_t)a->width);
    dsbi_free(c->s->rt, logits);
    return status;
}

/* Negative entropy, the other score that ATC is used with. */
static void negative_entropy(double *out, const dsbi_shift_cell *cell, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = 0;
        for (size_t c = 0; c < cell->width; c++) {
            double p = (double)cell->probability[i * cell->width + c];
            out[i] += p > 0 ? p * log(p) : 0;
        }
    }
}

static dsb_status atc_from_entropy(dsbi_comparison *c, const dsbi_shift_cell *a,
                                   const dsbi_shift_cell *b, const uint8_t *right, double *atc)
{
    double *scores = dsbi_alloc_array(c->s->rt, c->a->n + c->b->n, sizeof *scores);
    if (!scores)
        return DSB_E_NOMEM;
    negative_entropy(scores, a, c->a->n);
    negative_entropy(scores + c->a->n, b, c->b->n);
    dsb_status status =
        dsb_stats_atc(c->s->rt, atc, NULL, scores, right, c->a->n, scores + c->a->n, c->b->n);
    dsbi_free(c->s->rt, scores);
    return status;
}

static dsb_status write_model(dsbi_comparison *c, size_t k, uint8_t *right)
{
    const dsbi_shift_cell *a = DSBI_CELL_A(c, k), *b = DSBI_CELL_B(c, k);
    double mean_a = 0, mean_b = 0, atc, temperature = NAN;
    bool whole = a->probability && b->probability && a->width == b->width;
    dsbi_json_begin_object(c->w);
    dsbi_json_write_key(c->w, "name");
    dsbi_json_write_string(c->w, c->s->models[c->model[k]].name);
    if (whole)
        DSBI_TRY(fit_temperature(c, a, &temperature));
    if (whole)
        dsbi_json_put_double(c->w, "temperature", temperature);
    DSBI_TRY(write_side(c, "new", b, c->b, temperature, right));
    DSBI_TRY(write_side(c, "orig", a, c->a, temperature, right)); /* leaves `right` of it */
    for (size_t i = 0; i < c->a->n; i++)
        mean_a += a->confidence[i] / (double)c->a->n;
    for (size_t i = 0; i < c->b->n; i++)
        mean_b += b->confidence[i] / (double)c->b->n;
    DSBI_TRY(
        dsb_stats_atc(c->s->rt, &atc, NULL, a->confidence, right, c->a->n, b->confidence, c->b->n));
    dsbi_json_write_key(c->w, "without_labels");
    dsbi_json_begin_flat_object(c->w);
    dsbi_json_put_double(c->w, "average_confidence", mean_b);
    dsbi_json_put_double(c->w, "doc", dsb_stats_doc(a->accuracy, mean_a, mean_b));
    dsbi_json_put_double(c->w, "atc", atc);
    if (whole) {
        DSBI_TRY(atc_from_entropy(c, a, b, right, &atc));
        dsbi_json_put_double(c->w, "atc_entropy", atc);
    }
    dsbi_json_put_double(c->w, "truth", b->accuracy);
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
