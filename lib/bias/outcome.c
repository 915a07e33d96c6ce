/* One rung, run: scores of the select part give accuracy and temperature, then the test part is
 * scored once. */
#include "bias/result.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/file.h"
#include "bias/logistic.h"
#include "dsbias/stats.h"

dsb_status dsbi_part_labels(dsb_runtime *rt, uint32_t **out, const dsb_split *split, uint32_t part)
{
    uint64_t n = dsb_split_size(split, part);
    uint32_t *labels = dsbi_alloc_array(rt, n, sizeof *labels);
    *out = labels;
    if (!labels)
        return DSB_E_NOMEM;
    for (uint64_t i = 0; i < n; i++)
        labels[i] = dsbi_split_item(split, part, i).label;
    return DSB_OK;
}

static uint32_t argmax(const float *scores, size_t n)
{
    uint32_t best = 0;
    for (size_t c = 1; c < n; c++)
        if (scores[c] > scores[best])
            best = (uint32_t)c;
    return best;
}

static dsb_status check_finite(const float *scores, size_t n, const char *model)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(scores[i]))
            return dsbi_fail(DSB_E_NUMERIC, "%s: score %zu is not finite", model, i);
    return DSB_OK;
}

static double share_correct(const float *scores, const uint32_t *labels, size_t n, size_t n_classes)
{
    size_t right = 0;
    for (size_t i = 0; i < n; i++)
        right += argmax(scores + i * n_classes, n_classes) == labels[i];
    return n ? (double)right / (double)n : NAN;
}

/* Test scores [n, n_classes] -> probabilities, predictions, confusion, accuracy. */
static dsb_status judge(dsbi_outcome *out, const uint32_t *labels, size_t n, size_t n_classes)
{
    for (size_t i = 0; i < n; i++) {
        double p[64]; /* DSBI_MAX_CLASSES */
        float *row = out->fit.test_scores + i * n_classes;
        out->predicted[i] = argmax(row, n_classes);
        for (size_t c = 0; c < n_classes; c++)
            p[c] = row[c];
        dsbi_softmax(p, n_classes, out->temperature);
        for (size_t c = 0; c < n_classes; c++)
            row[c] = (float)p[c];
        out->confusion[labels[i] * n_classes + out->predicted[i]]++;
        out->correct += out->predicted[i] == labels[i];
    }
    out->probabilities = out->fit.test_scores;
    out->fit.test_scores = NULL;
    out->accuracy = (double)out->correct / (double)n;
    return dsb_stats_wilson(out->ci, out->correct, n, 0.05);
}

dsb_status dsbi_outcome_run(const dsbi_view *view, const dsbi_plan_entry *entry, dsbi_outcome *out)
{
    dsb_runtime *rt = view->rt;
    size_t n_classes = view->n_classes;
    size_t n_select = dsb_split_size(view->split, DSB_PART_SELECT),
           n_test = dsb_split_size(view->split, DSB_PART_TEST);
    uint32_t *select_labels = NULL, *test_labels = NULL;
    *out = (dsbi_outcome){.plan = *entry};
    dsbi_text_init(&out->fit.detail, rt);
    double start = dsbi_now();
    dsb_status status = DSB_E_NOMEM;
    out->fit.select_scores = dsbi_calloc(rt, n_select * n_classes, sizeof(float));
    out->fit.test_scores = dsbi_calloc(rt, n_test * n_classes, sizeof(float));
    out->predicted = dsbi_calloc(rt, n_test, sizeof *out->predicted);
    out->confusion = dsbi_calloc(rt, n_classes * n_classes, sizeof *out->confusion);
    if (!out->fit.select_scores || !out->fit.test_scores || !out->predicted || !out->confusion)
        goto done;
    DSBI_GO(dsbi_part_labels(rt, &select_labels, view->split, DSB_PART_SELECT));
    DSBI_GO(dsbi_part_labels(rt, &test_labels, view->split, DSB_PART_TEST));
    DSBI_GO(entry->rung->run(view, entry->model, entry->effort, &out->fit));
    DSBI_GO(check_finite(out->fit.select_scores, n_select * n_classes, entry->model));
    DSBI_GO(check_finite(out->fit.test_scores, n_test * n_classes, entry->model));
    out->select_accuracy =
        share_correct(out->fit.select_scores, select_labels, n_select, n_classes);
    out->temperature = out->fit.temperature;
    if (!(out->temperature > 0))
        out->temperature = n_select ? dsbi_fit_temperature(out->fit.select_scores, select_labels,
                                                           n_select, n_classes)
                                    : 1;
    DSBI_GO(judge(out, test_labels, n_test, n_classes));
    out->state = DSBI_RUNG_DONE;
done:
    out->seconds = dsbi_now() - start;
    dsbi_free(rt, select_labels);
    dsbi_free(rt, test_labels);
    dsbi_free(rt, out->fit.select_scores);
    dsbi_free(rt, out->fit.test_scores);
    out->fit.select_scores = out->fit.test_scores = NULL;
    if (status == DSB_E_CANCELLED)
        out->state = DSBI_RUNG_STOPPED;
    return status;
}

void dsbi_outcome_free(dsb_runtime *rt, dsbi_outcome *outcome)
{
    dsbi_free(rt, outcome->probabilities);
    dsbi_free(rt, outcome->predicted);
    dsbi_free(rt, outcome->confusion);
    dsbi_free(rt, outcome->fit.curve);
    dsb_model_free(outcome->fit.model);
    if (outcome->fit.detail.rt)
        dsbi_text_free(&outcome->fit.detail);
    *outcome = (dsbi_outcome){0};
}

/* Index of the metadata rung's outcome, or n_entries. */
static size_t find_metadata(const dsb_bias_result *result)
{
    size_t n = result->plan.n_entries;
    for (size_t i = 0; i < n; i++)
        if (!result->outcomes[i].plan.rung->pixels && result->outcomes[i].state == DSBI_RUNG_DONE)
            return i;
    return n;
}

static void say_beyond(dsbi_comparison *c, const dsbi_outcome *metadata, const dsbi_outcome *pixels,
                       double chance)
{
    double m = 100 * metadata->accuracy, p = 100 * pixels->accuracy;
    bool metadata_tell = metadata->ci[0] > chance;
    if (!metadata_tell && pixels->ci[0] > chance)
        snprintf(c->sentence, sizeof c->sentence,
                 "File properties alone (no pixels) do no better than guessing (%.1f %%); what "
                 "tells the collections "
                 "apart is in the pixels (%.1f %%).",
                 m, p);
    else if (!metadata_tell)
        snprintf(
            c->sentence, sizeof c->sentence,
            "Neither file properties (%.1f %%) nor pixels (%.1f %%) tell the collections apart.", m,
            p);
    else if (c->ci[0] > 0)
        snprintf(c->sentence, sizeof c->sentence,
                 "File properties alone (no pixels) already give %.1f %%; pixels go beyond that by "
                 "%.1f points (95 %% "
                 "interval %.1f to %.1f).",
                 m, 100 * c->difference, 100 * c->ci[0], 100 * c->ci[1]);
    else {
        int used = snprintf(c->sentence, sizeof c->sentence,
                            "File properties alone (no pixels) give %.1f %%, and pixels give %.1f "
                            "%%: pixels do not go "
                            "beyond what size, format and compression of the files give away.",
                            m, p);
        if (c->n_missed > 0 && used > 0 && (size_t)used < sizeof c->sentence)
            snprintf(
                c->sentence + used, sizeof c->sentence - (size_t)used,
                " Of the %llu images that file properties get wrong, pixels name %llu rightly.",
                (unsigned long long)c->n_missed, (unsigned long long)c->pixels_right);
    }
}

dsb_status dsbi_compare_metadata(dsbi_comparison *out, const dsb_bias_result *result)
{
    *out = (dsbi_comparison){0};
    size_t at = find_metadata(result), none = result->plan.n_entries;
    if (at == none || result->headline == none || at == result->headline)
        return DSB_OK;
    const dsbi_outcome *metadata = &result->outcomes[at],
                       *pixels = &result->outcomes[result->headline];
    uint64_t table[4] = {0}; /* both, only pixels, only metadata, neither */
    for (uint64_t i = 0; i < result->n_test; i++) {
        bool a = pixels->predicted[i] == result->test_labels[i],
             b = metadata->predicted[i] == result->test_labels[i];
        table[(a ? 0 : 2) + (b ? 0 : 1)]++;
    }
    out->difference = pixels->accuracy - metadata->accuracy;
    out->n_missed = table[1] + table[3];
    out->pixels_right = table[1];
    DSBI_TRY(dsb_stats_newcombe_paired(out->ci, table[0], table[1], table[2], table[3], 0.05));
    DSBI_TRY(dsb_stats_mcnemar(&out->p_value, table[1], table[2], DSB_STATS_MCNEMAR_MIDP));
    out->known = true;
    say_beyond(out, metadata, pixels, result->verdict.chance);
    return DSB_OK;
}
