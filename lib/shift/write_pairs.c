/* Models against each other on the same items: McNemar for all pairs with Holm and
 * Benjamini-Hochberg, Cochran's Q, how many models get an item right, and groups of models that the
 * set cannot tell from an anchor. Correctness is packed 64 items a word. */
#include <math.h>
#include "shift/shift.h"

enum { LIST_AT_MOST = 101, PAIRS_AT_MOST = 2000 }; /* models */

typedef struct pair_job {
    dsbi_comparison *c;
    const dsbi_shift_set *set;
    bool new_set;
    uint64_t *bits; /* [n_models, words] */
    size_t words;
    double *p, *holm, *bh; /* [pairs] exact p-values */
} pair_job;

static const dsbi_shift_cell *cell_of(const pair_job *job, size_t k)
{
    return job->new_set ? DSBI_CELL_B(job->c, k) : DSBI_CELL_A(job->c, k);
}

static bool countable(const pair_job *job)
{
    for (size_t k = 0; k < job->c->n; k++)
        if (!cell_of(job, k)->score || !cell_of(job, k)->counted)
            return false;
    return job->set->n > 0 && job->c->n >= 2 && job->c->n <= PAIRS_AT_MOST;
}

static void table_of(const pair_job *job, size_t i, size_t j, uint64_t t[4])
{
    const uint64_t *a = job->bits + i * job->words, *b = job->bits + j * job->words;
    uint64_t both = 0;
    for (size_t w = 0; w < job->words; w++)
        both += (uint64_t)__builtin_popcountll(a[w] & b[w]);
    uint64_t right_a = cell_of(job, i)->correct, right_b = cell_of(job, j)->correct;
    t[0] = both;
    t[1] = right_a - both;
    t[2] = right_b - both;
    t[3] = job->set->n - right_a - right_b + both;
}

/* McNemar's chi-square; `correction` 1: Edwards. 0 if no item tells the models apart. */
static double statistic(uint64_t n10, uint64_t n01, double correction)
{
    double m = (double)(n10 + n01), d = fabs((double)n10 - (double)n01);
    return m > 0 ? (d - correction) * (d - correction) / m : 0;
}

static dsb_status write_list(const pair_job *job)
{
    dsbi_json_writer *w = job->c->w;
    dsbi_json_write_key(w, "pairs");
    dsbi_json_begin_array(w);
    for (size_t i = 0, number = 0; i < job->c->n; i++)
        for (size_t j = i + 1; j < job->c->n; j++, number++) {
            uint64_t t[4];
            double mid_p, chi2, corrected, ci[2], paired[2];
            table_of(job, i, j, t);
            DSBI_TRY(dsb_stats_mcnemar(&mid_p, t[1], t[2], DSB_STATS_MCNEMAR_MIDP));
            DSBI_TRY(dsb_stats_mcnemar(&chi2, t[1], t[2], DSB_STATS_MCNEMAR_CHI2));
            DSBI_TRY(dsb_stats_mcnemar(&corrected, t[1], t[2], DSB_STATS_MCNEMAR_CORRECTED));
            DSBI_TRY(dsb_stats_paired_wald(ci, t[1], t[2], job->set->n, job->c->s->opts.alpha));
            DSBI_TRY(
                dsb_stats_newcombe_paired(paired, t[0], t[1], t[2], t[3], job->c->s->opts.alpha));
            dsbi_json_begin_flat_object(w);
            dsbi_json_write_key(w, "a");
            dsbi_json_write_string(w, job->c->s->models[job->c->model[i]].name);
            dsbi_json_write_key(w, "b");
            dsbi_json_write_string(w, job->c->s->models[job->c->model[j]].name);
            static const char *const names[] = {"n11", "n10", "n01", "n00"};
            for (int k = 0; k < 4; k++) {
                dsbi_json_write_key(w, names[k]);
                dsbi_json_write_uint(w, t[k]);
            }
            dsbi_json_put_double(w, "diff", ((double)t[1] - (double)t[2]) / (double)job->set->n);
            dsbi_shift_write_pair(w, "diff_newcombe95", paired);
            dsbi_shift_write_pair(w, "diff_wald95", ci);
            dsbi_json_put_double(w, "exact_p", job->p[number]);
            dsbi_json_put_double(w, "midp", mid_p);
            dsbi_json_put_double(w, "chi2", statistic(t[1], t[2], 0));
            dsbi_json_put_double(w, "chi2_p", chi2);
            dsbi_json_put_double(w, "chi2_cc", statistic(t[1], t[2], 1));
            dsbi_json_put_double(w, "chi2_cc_p", corrected);
            dsbi_json_put_double(w, "holm_p", job->holm[number]);
            dsbi_json_put_double(w, "bh_p", job->bh[number]);
            dsbi_json_end_object(w);
        }
    dsbi_json_end_array(w);
    return DSB_OK;
}

static size_t pair_number(size_t i, size_t j, size_t n)
{
    if (i > j) {
        size_t t = i;
        i = j;
        j = t;
    }
    return i * n - i * (i + 1) / 2 + j - i - 1;
}

/* From the best down: an anchor takes with it whoever an exact McNemar test does not tell from it.
 * Membership is relative to the anchor. */
static dsb_status write_ties(const pair_job *job)
{
    const dsbi_comparison *c = job->c;
    const double *rank = job->new_set ? c->rank_y : c->rank_x;
    size_t *order = dsbi_alloc_array(c->s->rt, c->n, sizeof *order);
    uint8_t *taken = dsbi_calloc(c->s->rt, c->n, 1);
    if (!order || !taken) {
        dsbi_free(c->s->rt, order);
        dsbi_free(c->s->rt, taken);
        return DSB_E_NOMEM;
    }
    for (size_t k = 0; k < c->n; k++)
        order[(size_t)rank[k] - 1] = k;
    dsbi_json_write_key(c->w, "tie_groups");
    dsbi_json_begin_array(c->w);
    for (size_t i = 0; i < c->n; i++) {
        if (taken[i])
            continue;
        dsbi_json_begin_flat_array(c->w);
        for (size_t j = i; j < c->n; j++) {
            if (taken[j] ||
                (j != i && job->p[pair_number(order[i], order[j], c->n)] < c->s->opts.alpha))
                continue;
            taken[j] = 1;
            dsbi_json_write_string(c->w, c->s->models[c->model[order[j]]].name);
        }
        dsbi_json_end_array(c->w);
    }
    dsbi_json_end_array(c->w);
    dsbi_free(c->s->rt, order);
    dsbi_free(c->s->rt, taken);
    return DSB_OK;
}

static dsb_status write_cochran(const pair_job *job)
{
    size_t n = job->set->n, models = job->c->n;
    uint8_t *right = dsbi_alloc_array(job->c->s->rt, models * n, 1);
    uint64_t *histogram = dsbi_calloc(job->c->s->rt, models + 1, sizeof *histogram);
    double q, p;
    dsb_status status = right && histogram ? DSB_OK : DSB_E_NOMEM;
    for (size_t i = 0; status == DSB_OK && i < n; i++) {
        size_t sum = 0;
        for (size_t k = 0; k < models; k++)
            sum += right[k * n + i] = cell_of(job, k)->score[i] != 0;
        histogram[sum]++;
    }
    if (status == DSB_OK)
        status = dsb_stats_cochran_q(&q, &p, right, models, n);
    if (status == DSB_OK) {
        dsbi_json_writer *w = job->c->w;
        dsbi_json_write_key(w, "cochran_q");
        dsbi_json_begin_flat_object(w);
        dsbi_json_put_double(w, "q", q);
        dsbi_json_put_double(w, "df", (double)models - 1);
        dsbi_json_put_double(w, "p", p);
        dsbi_json_end_object(w);
        dsbi_json_write_key(w, "models_correct_histogram");
        dsbi_json_begin_flat_array(w);
        for (size_t k = 0; k <= models; k++)
            dsbi_json_write_uint(w, histogram[k]);
        dsbi_json_end_array(w);
    }
    dsbi_free(job->c->s->rt, right);
    dsbi_free(job->c->s->rt, histogram);
    return status;
}

static uint64_t below(const double *p, size_t n, double alpha)
{
    uint64_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += p[i] < alpha;
    return count;
}

static dsb_status write_one(pair_job *job)
{
    dsb_runtime *rt = job->c->s->rt;
    size_t n = job->c->n, pairs = n * (n - 1) / 2, number = 0;
    job->words = (job->set->n + 63) / 64;
    job->bits = dsbi_calloc(rt, n * job->words, sizeof *job->bits);
    job->p = dsbi_alloc_array(rt, pairs, 3 * sizeof *job->p);
    dsb_status status = job->bits && job->p ? DSB_OK : DSB_E_NOMEM;
    if (status != DSB_OK)
        goto done;
    job->holm = job->p + pairs;
    job->bh = job->holm + pairs;
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < job->set->n; i++)
            if (cell_of(job, k)->score[i] != 0)
                job->bits[k * job->words + i / 64] |= (uint64_t)1 << i % 64;
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++) {
            uint64_t t[4];
            table_of(job, i, j, t);
            DSBI_GO(dsb_stats_mcnemar(&job->p[number++], t[1], t[2], DSB_STATS_MCNEMAR_EXACT));
        }
    DSBI_GO(dsb_stats_adjust(rt, job->holm, job->p, pairs, DSB_STATS_ADJUST_HOLM));
    DSBI_GO(dsb_stats_adjust(rt, job->bh, job->p, pairs, DSB_STATS_ADJUST_BH));
    dsbi_json_writer *w = job->c->w;
    double alpha = job->c->s->opts.alpha;
    dsbi_json_begin_object(w);
    dsbi_json_write_key(w, "set");
    dsbi_json_write_string(w, job->set->name);
    dsbi_json_write_key(w, "n_pairs");
    dsbi_json_write_uint(w, pairs);
    dsbi_json_write_key(w, "raw_significant");
    dsbi_json_write_uint(w, below(job->p, pairs, alpha));
    dsbi_json_write_key(w, "holm_significant");
    dsbi_json_write_uint(w, below(job->holm, pairs, alpha));
    dsbi_json_write_key(w, "bh_significant");
    dsbi_json_write_uint(w, below(job->bh, pairs, alpha));
    DSBI_GO(write_cochran(job));
    DSBI_GO(write_ties(job));
    if (n < LIST_AT_MOST)
        DSBI_GO(write_list(job));
    dsbi_json_end_object(w);
done:
    dsbi_free(rt, job->bits);
    dsbi_free(rt, job->p);
    return status;
}

dsb_status dsbi_shift_write_pairs(dsbi_comparison *c)
{
    bool begun = false;
    for (int side = 0; side < 2; side++) {
        pair_job job = {.c = c, .set = side ? c->b : c->a, .new_set = side != 0};
        if (!countable(&job))
            continue;
        if (!begun) {
            dsbi_json_write_key(c->w, "mcnemar");
            dsbi_json_begin_array(c->w);
        }
        begun = true;
        DSBI_TRY(write_one(&job));
    }
    if (begun)
        dsbi_json_end_array(c->w);
    return DSB_OK;
}
