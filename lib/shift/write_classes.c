/* Per class: gaps with intervals and Holm's correction over classes (pooled over models), accuracy
 * at equal class weights, and how much of the gap is another mix of classes. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "shift/shift.h"

typedef struct class_counts {
    uint64_t *right_a, *n_a, *right_b, *n_b; /* [n_models, K]; n_* [K] */
    uint64_t *predicted;                     /* [K] work */
    size_t k;
} class_counts;

static dsb_status count(class_counts *t, const dsbi_comparison *c)
{
    t->k = c->a->n_classes;
    size_t rows = 2 * c->n + 3;
    uint64_t *all = dsbi_calloc(c->s->rt, rows * t->k + 1, sizeof *all);
    if (!all)
        return DSB_E_NOMEM;
    t->right_a = all;
    t->right_b = all + c->n * t->k;
    t->n_a = t->right_b + c->n * t->k;
    t->n_b = t->n_a + t->k;
    t->predicted = t->n_b + t->k;
    for (size_t i = 0; i < c->a->n; i++)
        t->n_a[c->a->labels[i]]++;
    for (size_t i = 0; i < c->b->n; i++)
        t->n_b[c->b->labels[i]]++;
    for (size_t m = 0; m < c->n; m++) {
        const dsbi_shift_cell *a = DSBI_CELL_A(c, m), *b = DSBI_CELL_B(c, m);
        for (size_t i = 0; i < c->a->n; i++)
            t->right_a[m * t->k + c->a->labels[i]] += a->predicted[i] == c->a->labels[i];
        for (size_t i = 0; i < c->b->n; i++)
            t->right_b[m * t->k + c->b->labels[i]] += b->predicted[i] == c->b->labels[i];
    }
    return DSB_OK;
}

static bool possible(const dsbi_comparison *c)
{
    if (!c->a->labels || !c->b->labels || c->a->n_classes > 20000)
        return false;
    for (size_t m = 0; m < c->n; m++)
        if (!DSBI_CELL_A(c, m)->predicted || !DSBI_CELL_B(c, m)->predicted)
            return false;
    return true;
}

/* Mean over models of a class's accuracy. The images are shared by all models, so the standard
 * error is that of the mean correctness of an image, not of n_models times as many images. */
static void class_mean(double *mean, double *se, const dsbi_comparison *c, bool new_set, size_t k)
{
    const dsbi_shift_set *set = new_set ? c->b : c->a;
    double n = 0, sum = 0, squares = 0;
    for (size_t i = 0; i < set->n; i++) {
        if (set->labels[i] != k)
            continue;
        double share = 0;
        for (size_t m = 0; m < c->n; m++)
            share += (new_set ? DSBI_CELL_B(c, m) : DSBI_CELL_A(c, m))->predicted[i] == k;
        share /= (double)c->n;
        n += 1;
        sum += share;
        squares += share * share;
    }
    *mean = n > 0 ? sum / n : NAN;
    *se = n > 1 ? sqrt(fmax(0, squares - sum * sum / n) / (n - 1) / n) : NAN;
}

static const char *class_name(char text[64], const dsb_shift *s, size_t k)
{
    const char *at = s->class_list;
    for (size_t i = 0; at && i < k; i++) {
        at = strchr(at, ',');
        at = at ? at + 1 : NULL;
    }
    if (at && *at && *at != ',') {
        snprintf(text, 64, "%.*s", (int)strcspn(at, ","), at);
        return text;
    }
    if (s->words_used && k < s->class_names.n)
        return s->class_names.word[k];
    snprintf(text, 64, "%zu", k);
    return text;
}

static dsb_status write_table(dsbi_comparison *c, const class_counts *t)
{
    size_t k = t->k;
    double *work = dsbi_alloc_array(c->s->rt, k + 1, 6 * sizeof *work);
    if (!work)
        return DSB_E_NOMEM;
    double *ma = work, *sa = work + k, *mb = sa + k, *sb = mb + k, *p = sb + k, *holm = p + k;
    double z = dsb_stats_normal_quantile(1 - c->s->opts.alpha / 2);
    for (size_t i = 0; i < k; i++) {
        class_mean(&ma[i], &sa[i], c, false, i);
        class_mean(&mb[i], &sb[i], c, true, i);
        double se = hypot(sa[i], sb[i]);
        p[i] = se > 0 ? 2 * dsb_stats_normal_sf(fabs(ma[i] - mb[i]) / se) : NAN;
    }
    dsb_status status = dsb_stats_adjust(c->s->rt, holm, p, k, DSB_STATS_ADJUST_HOLM);
    dsbi_json_write_key(c->w, "per_class");
    dsbi_json_begin_array(c->w);
    for (size_t i = 0; status == DSB_OK && i < k; i++) {
        char text[64];
        double gap = ma[i] - mb[i], half = z * hypot(sa[i], sb[i]);
        const double ci[2] = {gap - half, gap + half};
        if (t->n_a[i] + t->n_b[i] == 0)
            continue;
        dsbi_json_begin_flat_object(c->w);
        dsbi_json_write_key(c->w, "class");
        dsbi_json_write_string(c->w, class_name(text, c->s, i));
        dsbi_json_write_key(c->w, "n_orig");
        dsbi_json_write_uint(c->w, t->n_a[i]);
        dsbi_json_write_key(c->w, "n_new");
        dsbi_json_write_uint(c->w, t->n_b[i]);
        dsbi_json_put_double(c->w, "mean_accuracy_orig", ma[i]);
        dsbi_json_put_double(c->w, "mean_accuracy_new", mb[i]);
        dsbi_json_put_double(c->w, "mean_gap", gap);
        dsbi_shift_write_pair(c->w, "gap_ci95", ci);
        dsbi_json_put_double(c->w, "p", p[i]);
        dsbi_json_put_double(c->w, "p_holm", holm[i]);
        dsbi_json_end_object(c->w);
    }
    dsbi_json_end_array(c->w);
    dsbi_free(c->s->rt, work);
    return status;
}

static void write_counts(dsbi_json_writer *w, const char *key, const uint64_t *counts, size_t k)
{
    dsbi_json_write_key(w, key);
    dsbi_json_begin_flat_array(w);
    for (size_t i = 0; i < k; i++)
        dsbi_json_write_uint(w, counts[i]);
    dsbi_json_end_array(w);
}

static void count_predicted(uint64_t *counts, const dsbi_shift_cell *cell, size_t n, size_t k)
{
    for (size_t i = 0; i < k; i++)
        counts[i] = 0;
    for (size_t i = 0; i < n; i++)
        counts[cell->predicted[i]]++;
}

static dsb_status write_composition(dsbi_comparison *c, const class_counts *t)
{
    double mean_mix = 0, mean_rate = 0;
    uint64_t *counts = t->predicted;
    dsbi_json_write_key(c->w, "composition");
    dsbi_json_begin_object(c->w);
    dsbi_json_write_key(c->w, "models");
    dsbi_json_begin_array(c->w);
    for (size_t m = 0; m < c->n; m++) {
        double mix, rate;
        DSBI_TRY(dsb_stats_composition(&mix, &rate, t->right_a + m * t->k, t->n_a,
                                       t->right_b + m * t->k, t->n_b, (uint32_t)t->k));
        double equal_a = 0, equal_b = 0, present = 0;
        for (size_t i = 0; i < t->k; i++)
            if (t->n_a[i] && t->n_b[i]) {
                equal_a += (double)t->right_a[m * t->k + i] / (double)t->n_a[i];
                equal_b += (double)t->right_b[m * t->k + i] / (double)t->n_b[i];
                present += 1;
            }
        mean_mix += mix / (double)c->n;
        mean_rate += rate / (double)c->n;
        dsbi_json_begin_flat_object(c->w);
        dsbi_json_write_key(c->w, "name");
        dsbi_json_write_string(c->w, c->s->models[c->model[m]].name);
        dsbi_json_put_double(c->w, "composition", mix);
        dsbi_json_put_double(c->w, "rate", rate);
        dsbi_json_put_double(c->w, "class_balanced_orig", equal_a / present);
        dsbi_json_put_double(c->w, "class_balanced_new", equal_b / present);
        if (t->k <= 200) {
            write_counts(c->w, "per_class_correct_orig", t->right_a + m * t->k, t->k);
            write_counts(c->w, "per_class_correct_new", t->right_b + m * t->k, t->k);
            count_predicted(counts, DSBI_CELL_A(c, m), c->a->n, t->k);
            write_counts(c->w, "predicted_class_counts_orig", counts, t->k);
            count_predicted(counts, DSBI_CELL_B(c, m), c->b->n, t->k);
            write_counts(c->w, "predicted_class_counts_new", counts, t->k);
        }
        dsbi_json_end_object(c->w);
    }
    dsbi_json_end_array(c->w);
    dsbi_json_put_double(c->w, "mean_composition", mean_mix);
    dsbi_json_put_double(c->w, "mean_rate", mean_rate);
    if (t->k <= 2000) {
        write_counts(c->w, "class_counts_orig", t->n_a, t->k);
        write_counts(c->w, "class_counts_new", t->n_b, t->k);
    }
    dsbi_json_end_object(c->w);
    return DSB_OK;
}

/* Is the mix of classes of the new set even, and is it that of the original one? */
static void write_balance(dsbi_comparison *c, const class_counts *t)
{
    double even = 0, homogeneity = 0, df = -1, df2 = -1;
    double n = (double)c->b->n, all = (double)(c->a->n + c->b->n);
    size_t present = 0;
    for (size_t i = 0; i < t->k; i++)
        present += t->n_a[i] + t->n_b[i] > 0;
    for (size_t i = 0; i < t->k; i++) {
        double expected = n / (double)present, both = (double)(t->n_a[i] + t->n_b[i]);
        if (both == 0)
            continue;
        even += ((double)t->n_b[i] - expected) * ((double)t->n_b[i] - expected) / expected;
        df += 1;
        double ea = both * (double)c->a->n / all, eb = both * n / all;
        homogeneity += ((double)t->n_a[i] - ea) * ((double)t->n_a[i] - ea) / ea +
                       ((double)t->n_b[i] - eb) * ((double)t->n_b[i] - eb) / eb;
        df2 += 1;
    }
    dsbi_json_write_key(c->w, "class_balance");
    dsbi_json_begin_flat_object(c->w);
    dsbi_json_put_double(c->w, "chi2_even", even);
    dsbi_json_put_double(c->w, "df", df);
    dsbi_json_put_double(c->w, "p_even", df > 0 ? dsb_stats_chi2_sf(even, df) : NAN);
    dsbi_json_put_double(c->w, "chi2_same", homogeneity);
    dsbi_json_put_double(c->w, "p_same", df2 > 0 ? dsb_stats_chi2_sf(homogeneity, df2) : NAN);
    dsbi_json_end_object(c->w);
}

dsb_status dsbi_shift_write_classes(dsbi_comparison *c)
{
    if (!possible(c))
        return DSB_OK;
    class_counts t = {0};
    DSBI_TRY(count(&t, c));
    dsb_status status = write_table(c, &t);
    if (status == DSB_OK)
        status = write_composition(c, &t);
    if (status == DSB_OK)
        write_balance(c, &t);
    dsbi_free(c->s->rt, t.right_a);
    return status;
}
