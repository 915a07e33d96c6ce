/* Class shares of the new set without its labels, per model: BBSE and RLLS from predictions, EM
 * from calibrated probabilities where they came. With the labels at hand the assumption behind all
 * three, p(x|y) as it was, can be checked: it fails where true shares lie outside the intervals. */
#include <math.h>
#include <string.h>
#include "shift/shift.h"

enum { REPLICATES = 200, EM_ROUNDS = 1000 };

typedef struct label_job {
    dsbi_comparison *c;
    uint32_t k;
    uint64_t *confusion, *predicted; /* [k, k] rows truth, [k] */
    double *prior, *truth;           /* [k] shares of the original, of the new set */
    double *weights, *shares;        /* [k] */
    double *low, *high;              /* [k] */
} label_job;

static void count(label_job *job, const dsbi_shift_cell *a, const dsbi_shift_cell *b)
{
    const dsbi_shift_set *old = job->c->a, *fresh = job->c->b;
    memset(job->confusion, 0, (size_t)job->k * job->k * sizeof *job->confusion);
    memset(job->predicted, 0, job->k * sizeof *job->predicted);
    for (uint32_t i = 0; i < job->k; i++)
        job->truth[i] = job->prior[i] = 0;
    for (size_t i = 0; i < old->n; i++) {
        job->confusion[(size_t)old->labels[i] * job->k + a->predicted[i]]++;
        job->prior[old->labels[i]] += 1 / (double)old->n;
    }
    for (size_t i = 0; i < fresh->n; i++) {
        job->predicted[b->predicted[i]]++;
        job->truth[fresh->labels[i]] += 1 / (double)fresh->n;
    }
}

static double mean_error(const label_job *job)
{
    double error = 0;
    for (uint32_t i = 0; i < job->k; i++)
        error += fabs(job->shares[i] - job->truth[i]) / job->k;
    return error;
}

/* More true shares outside their intervals than chance puts there, or shares below zero. */
static bool assumption_fails(const label_job *job, size_t *negative)
{
    size_t outside = 0;
    *negative = 0;
    for (uint32_t i = 0; i < job->k; i++) {
        *negative += job->shares[i] < 0;
        outside += job->truth[i] < job->low[i] || job->truth[i] > job->high[i];
    }
    return *negative > 0 || (double)outside > fmax(1, 0.2 * job->k);
}

static void write_bbse(const label_job *job, double condition)
{
    dsbi_json_writer *w = job->c->w;
    size_t negative;
    bool fails = assumption_fails(job, &negative);
    dsbi_json_put_doubles(w, "weights", job->weights, job->k);
    dsbi_json_put_doubles(w, "est_q_y", job->shares, job->k);
    dsbi_json_put_doubles(w, "est_q_y_low", job->low, job->k);
    dsbi_json_put_doubles(w, "est_q_y_high", job->high, job->k);
    dsbi_json_put_doubles(w, "true_q_y", job->truth, job->k);
    dsbi_json_put_double(w, "cond", condition);
    dsbi_json_put_double(w, "mean_abs_error", mean_error(job));
    dsbi_json_write_key(w, "negative_shares");
    dsbi_json_write_uint(w, negative);
    dsbi_json_write_key(w, "assumption_fails");
    dsbi_json_write_bool(w, fails);
}

static void write_other(const label_job *job, const char *key, const char *number, double value)
{
    dsbi_json_writer *w = job->c->w;
    size_t negative;
    bool fails = assumption_fails(job, &negative);
    dsbi_json_write_key(w, key);
    dsbi_json_begin_flat_object(w);
    dsbi_json_put_doubles(w, "est_q_y", job->shares, job->k);
    dsbi_json_put_doubles(w, "est_q_y_low", job->low, job->k);
    dsbi_json_put_doubles(w, "est_q_y_high", job->high, job->k);
    dsbi_json_put_double(w, number, value);
    dsbi_json_put_double(w, "mean_abs_error", mean_error(job));
    dsbi_json_write_key(w, "assumption_fails");
    dsbi_json_write_bool(w, fails);
    dsbi_json_end_object(w);
}

/* Ridge of the size that the paper's bound on the error of the confusion matrix asks for, level
 * 0.05: (sqrt(2 ln(2k/0.05) / n) + 2 ln(2k/0.05) / 3n)^2. */
static dsb_status add_rlls(label_job *job)
{
    const dsbi_comparison *c = job->c;
    double n = (double)c->a->n, l = log(2 * job->k / 0.05);
    double bound = sqrt(2 * l / n) + 2 * l / (3 * n);
    DSBI_TRY(dsb_stats_rlls(c->s->rt, job->weights, job->shares, job->confusion, job->predicted,
                            job->k, bound * bound));
    DSBI_TRY(dsb_stats_rlls_interval(c->s->rt, job->low, job->high, job->confusion, job->predicted,
                                     job->k, bound * bound, c->s->opts.alpha, REPLICATES,
                                     c->s->opts.seed));
    write_other(job, "rlls", "regularisation", bound * bound);
    return DSB_OK;
}

/* EM on probabilities calibrated on the original set (bias-corrected temperature). */
static dsb_status add_em(label_job *job, const dsbi_shift_cell *a, const dsbi_shift_cell *b)
{
    const dsbi_comparison *c = job->c;
    dsb_runtime *rt = c->s->rt;
    size_t k = a->width, most = c->a->n > c->b->n ? c->a->n : c->b->n;
    double temperature, *values = dsbi_alloc_array(rt, most * k + k, sizeof *values);
    if (!values)
        return DSB_E_NOMEM;
    double *bias = values + most * k;
    dsbi_shift_logits(values, a, c->a->n);
    dsb_status status = dsb_stats_bias_temperature(rt, &temperature, bias, NULL, values,
                                                   c->a->labels, c->a->n, (uint32_t)k);
    if (status == DSB_OK) {
        dsbi_shift_logits(values, b, c->b->n);
        dsbi_shift_softmax(values, c->b->n, k, temperature, bias);
        status = dsb_stats_label_em(rt, job->shares, NULL, job->prior, values, c->b->n, (uint32_t)k,
                                    EM_ROUNDS);
    }
    if (status == DSB_OK)
        status = dsb_stats_label_em_interval(rt, job->low, job->high, job->prior, values, c->b->n,
                                             (uint32_t)k, 100, c->s->opts.alpha, REPLICATES,
                                             c->s->opts.seed);
    if (status == DSB_OK)
        write_other(job, "em", "temperature", temperature);
    dsbi_free(rt, values);
    return status;
}

static dsb_status tolerate(dsb_status status)
{
    if (status != DSB_E_NUMERIC) /* a class without items or never predicted, perfect separation */
        return status;
    dsbi_clear_error();
    return DSB_OK;
}

static dsb_status write_one(label_job *job, size_t m)
{
    dsbi_comparison *c = job->c;
    const dsbi_shift_cell *a = DSBI_CELL_A(c, m), *b = DSBI_CELL_B(c, m);
    double condition;
    count(job, a, b);
    dsb_status status = dsb_stats_bbse(c->s->rt, job->weights, job->shares, &condition,
                                       job->confusion, job->predicted, job->k);
    if (status == DSB_OK)
        status =
            dsb_stats_bbse_interval(c->s->rt, job->low, job->high, job->confusion, job->predicted,
                                    job->k, c->s->opts.alpha, REPLICATES, c->s->opts.seed);
    if (status == DSB_E_NUMERIC)
        return tolerate(status);
    DSBI_TRY(status);
    dsbi_json_begin_object(c->w);
    dsbi_json_write_key(c->w, "model");
    dsbi_json_write_string(c->w, c->s->models[c->model[m]].name);
    write_bbse(job, condition);
    DSBI_TRY(tolerate(add_rlls(job)));
    if (a->probability && b->probability && a->width == job->k && b->width == job->k)
        DSBI_TRY(tolerate(add_em(job, a, b)));
    dsbi_json_end_object(c->w);
    return DSB_OK;
}

dsb_status dsbi_shift_write_label_shift(dsbi_comparison *c)
{
    size_t k = c->a->n_classes;
    if (k < 2 || k > 50 || c->n > 100)
        return DSB_OK;
    label_job job = {.c = c, .k = (uint32_t)k};
    job.confusion = dsbi_alloc_array(c->s->rt, k * k + k, sizeof *job.confusion);
    job.prior = dsbi_alloc_array(c->s->rt, k, 6 * sizeof *job.prior);
    dsb_status status = job.confusion && job.prior ? DSB_OK : DSB_E_NOMEM;
    if (status == DSB_OK) {
        job.predicted = job.confusion + k * k;
        job.truth = job.prior + k;
        job.weights = job.prior + 2 * k;
        job.shares = job.prior + 3 * k;
        job.low = job.prior + 4 * k;
        job.high = job.prior + 5 * k;
        dsbi_json_write_key(c->w, "label_shift");
        dsbi_json_begin_array(c->w);
        for (size_t m = 0; status == DSB_OK && m < c->n; m++)
            status = write_one(&job, m);
        dsbi_json_end_array(c->w);
    }
    dsbi_free(c->s->rt, job.confusion);
    dsbi_free(c->s->rt, job.prior);
    return status;
}
