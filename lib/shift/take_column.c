/* One column of a file becomes the predictions, or the scores, of a model on a set: whether lengths
 * and classes fit, classes from rows of probabilities, how sure the model was. */
#include <math.h>
#include <string.h>
#include "shift/take.h"

dsb_status dsbi_shift_reorder(dsb_runtime *rt, uint32_t *values, const size_t *place, size_t n)
{
    if (!place)
        return DSB_OK;
    uint32_t *copy = dsbi_alloc_array(rt, n, sizeof *copy);
    if (!copy)
        return DSB_E_NOMEM;
    memcpy(copy, values, n * sizeof *copy);
    for (size_t i = 0; i < n; i++)
        values[place[i]] = copy[i];
    dsbi_free(rt, copy);
    return DSB_OK;
}

static dsb_status fill_scores(dsb_shift *s, dsbi_shift_cell *cell, size_t set, const dsbi_column *c,
                              const size_t *place)
{
    size_t n = s->sets[set].n;
    double sum = 0, squares = 0;
    bool binary = true;
    cell->score = dsbi_alloc_array(s->rt, n, sizeof *cell->score);
    if (!cell->score)
        return DSB_E_NOMEM;
    for (size_t i = 0; i < n; i++) {
        double v = c->value[i];
        if (!isfinite(v))
            return dsbi_fail(DSB_E_DATA, "score of item %zu is %s", i,
                             isnan(v) ? "missing" : "infinite");
        cell->score[place ? place[i] : i] = v;
        sum += v;
        binary = binary && (v == 0 || v == 1);
    }
    cell->n = n;
    cell->accuracy = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (cell->score[i] - cell->accuracy) * (cell->score[i] - cell->accuracy);
    cell->counted = binary;
    cell->correct = binary ? (uint64_t)sum : 0;
    cell->se = n > 1 ? sqrt(squares / ((double)n - 1) / (double)n) : NAN;
    cell->there = true;
    return DSB_OK;
}

/* Whether every row is probabilities that sum to 1; otherwise they are taken for logits. */
static dsb_status are_probabilities(bool *yes, const dsbi_column *c)
{
    *yes = true;
    for (size_t i = 0; i < c->n; i++) {
        const double *row = c->matrix + i * c->width;
        double sum = 0;
        for (size_t j = 0; j < c->width; j++) {
            if (!isfinite(row[j]))
                return dsbi_fail(DSB_E_DATA, "item %zu, class %zu: %s", i, j,
                                 isnan(row[j]) ? "not a number" : "infinite");
            *yes = *yes && row[j] >= 0 && row[j] <= 1 + 1e-6;
            sum += row[j];
        }
        *yes = *yes && fabs(sum - 1) < 1e-3;
    }
    return DSB_OK;
}

static dsb_status make_room(dsb_shift *s, dsbi_shift_cell *cell, const dsbi_column *c)
{
    size_t bytes = c->n * c->width * sizeof *cell->probability;
    if (s->probability_bytes + bytes > DSBI_SHIFT_PROBABILITY_BYTES)
        return dsbi_shift_warn(s,
                               "model '%s': probabilities of %zu x %zu are not kept (limit of 1 "
                               "GiB): no Brier score, likelihood or label shift from them",
                               c->name, c->n, c->width);
    cell->probability = dsbi_alloc_array(s->rt, c->n * c->width, sizeof *cell->probability);
    cell->width = c->width;
    s->probability_bytes += bytes;
    return cell->probability ? DSB_OK : DSB_E_NOMEM;
}

/* Rows of probabilities (or logits): best class, how sure, and all of them if there is room. */
static dsb_status take_rows(dsb_shift *s, uint32_t *best, dsbi_shift_cell *cell,
                            const dsbi_column *c)
{
    bool probabilities;
    if (s->words_used)
        return dsbi_fail(DSB_E_DATA, "probabilities are for class numbers, but the labels are "
                                     "words");
    if (s->n_named_classes && c->width > s->n_named_classes)
        return dsbi_fail(DSB_E_DATA, "probabilities of %zu classes, but there are %zu class names",
                         c->width, s->n_named_classes);
    DSBI_TRY(are_probabilities(&probabilities, c));
    DSBI_TRY(make_room(s, cell, c));
    for (size_t i = 0; i < c->n; i++) {
        const double *row = c->matrix + i * c->width;
        double sum = 0;
        size_t at = 0;
        for (size_t j = 1; j < c->width; j++)
            at = row[j] > row[at] ? j : at;
        for (size_t j = 0; j < c->width; j++)
            sum += probabilities ? row[j] : exp(row[j] - row[at]);
        best[i] = (uint32_t)at;
        cell->confidence[i] = probabilities ? fmin(1, row[at]) : 1 / sum;
        for (size_t j = 0; cell->probability && j < c->width; j++)
            cell->probability[i * c->width + j] =
                (float)((probabilities ? row[j] : exp(row[j] - row[at])) / sum);
    }
    s->numbers_used = true;
    return DSB_OK;
}

/* k best classes a row: the first column should be the best one. */
static dsb_status check_rank_one(dsb_shift *s, size_t set, const dsbi_column *c)
{
    size_t best = 0, best_right = 0, first_right = 0;
    const dsbi_shift_set *about = &s->sets[set];
    for (size_t j = 0; j < c->width; j++) {
        size_t right = 0;
        for (size_t i = 0; i < c->n; i++)
            right += c->matrix[i * c->width + j] == about->labels[i];
        if (j == 0)
            first_right = right;
        if (right > best_right) {
            best_right = right;
            best = j;
        }
    }
    if (best == 0)
        return DSB_OK;
    return dsbi_shift_warn(s,
                           "set '%s', model '%s': column %zu is right more often (%.1f %%) than "
                           "column 0 (%.1f %%); the columns are probably not sorted best first",
                           about->name, c->name, best, 100.0 * (double)best_right / (double)c->n,
                           100.0 * (double)first_right / (double)c->n);
}

static dsb_status fill_column(dsb_shift *s, size_t set, const dsbi_column *c, const char *name,
                              const dsbi_column *confidence, const size_t *place)
{
    const dsbi_shift_set *about = &s->sets[set];
    if (c->n != about->n)
        return dsbi_fail(DSB_E_SHAPE, "%zu %s for %zu %s", c->n,
                         about->labels ? "predictions" : "scores", about->n,
                         about->labels ? "labels" : "items");
    dsbi_shift_cell *cell;
    DSBI_TRY(dsbi_shift_claim(s, &cell, set, name));
    if (!cell)
        return DSB_OK;
    if (!about->labels && c->words)
        return dsbi_fail(DSB_E_DATA, "words, but there are no labels");
    if (!about->labels && c->matrix && c->width > 1)
        return dsbi_fail(DSB_E_SHAPE,
                         "%zu numbers an item, but without labels an item has one "
                         "score",
                         c->width);
    if (!about->labels)
        return fill_scores(s, cell, set, c, place);
    uint32_t *classes = NULL;
    dsb_status status = DSB_OK;
    if (c->matrix && !c->whole) {
        for (size_t i = 0; i < about->n; i++)
            if (about->labels[i] >= c->width)
                return dsbi_fail(DSB_E_DATA,
                                 "label of item %zu is %u, but there are %zu probabilities", i,
                                 about->labels[i], c->width);
        classes = dsbi_alloc_array(s->rt, c->n, sizeof *classes);
        cell->confidence = dsbi_alloc_array(s->rt, c->n, sizeof *cell->confidence);
        status = classes && cell->confidence ? take_rows(s, classes, cell, c) : DSB_E_NOMEM;
    } else {
        status = dsbi_shift_classes(s, &classes, c);
        if (status == DSB_OK && c->matrix && c->width > 1)
            status = check_rank_one(s, set, c);
    }
    if (status == DSB_OK)
        status = dsbi_shift_reorder(s->rt, classes, place, c->n);
    if (status == DSB_OK)
        status = dsbi_shift_fill_predictions(s, cell, set, classes);
    if (status == DSB_OK && confidence && confidence->n == c->n && !confidence->words) {
        dsbi_free(s->rt, cell->confidence);
        cell->confidence = dsbi_alloc_array(s->rt, c->n, sizeof *cell->confidence);
        if (!cell->confidence)
            status = DSB_E_NOMEM;
        for (size_t i = 0; status == DSB_OK && i < c->n; i++) {
            double v = confidence->value[i];
            if (!(v >= 0) || !(v <= 1))
                status = dsbi_fail(DSB_E_DATA, "confidence of item %zu is %g, not in [0, 1]", i, v);
            cell->confidence[place ? place[i] : i] = v;
        }
    }
    dsbi_free(s->rt, classes);
    return status;
}

dsb_status dsbi_shift_take_column(dsb_shift *s, size_t set, const dsbi_column *c, const char *name,
                                  const dsbi_column *confidence, const size_t *place)
{
    dsb_status status = fill_column(s, set, c, name, confidence, place);
    if (c->source)
        return dsbi_fail_at(status, "%s: model '%s'", c->source, name);
    return dsbi_fail_at(status, "model '%s'", name);
}
