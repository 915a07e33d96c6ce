/* Bootstrap of one statistic: percentile, basic and BCa ends; plain, stratified, clustered.
 * Replicate b draws from counter-based generator number b, so that any thread may make it.
 * Source: Efron 1987 (BCa), Davison & Hinkley 1997 (basic, strata). */
#include "base/opts.h"
#include "base/pool.h"
#include "base/rng.h"
#include "base/runtime.h"
#include "stats/ordering.h"
#include "stats/resampling.h"
#include "stats/special.h"

double dsbi_quantile(const double *sorted, size_t n, double p)
{
    if (n == 0)
        return NAN;
    double at = p * (double)(n - 1), low = floor(at);
    size_t i = (size_t)low;
    if (i + 1 >= n)
        return sorted[n - 1];
    return sorted[i] + (at - low) * (sorted[i + 1] - sorted[i]);
}

typedef struct boot_groups {
    size_t n_units; /* clusters, or items when there are none */
    size_t *first;  /* [n_units + 1] into `item` */
    size_t *item;   /* [n] items by unit */
    size_t n_strata;
    size_t *stratum; /* [n_strata + 1] into `unit` */
    size_t *unit;    /* [n_units] units by stratum */
} boot_groups;

typedef struct boot_job {
    dsb_runtime *rt;
    boot_groups groups;
    size_t n;
    dsb_stats_statistic fn;
    void *user;
    uint64_t seed, n_replicates;
    double *values;   /* [n_replicates] */
    uint64_t **index; /* [workers] scratch */
    size_t *capacity; /* [workers] */
} boot_job;

static void groups_free(dsb_runtime *rt, boot_groups *g)
{
    dsbi_free(rt, g->first);
    dsbi_free(rt, g->item);
    dsbi_free(rt, g->stratum);
    dsbi_free(rt, g->unit);
}

/* Counting sort of `label` [n] (values below n_labels) into offsets and members. */
static dsb_status collect(dsb_runtime *rt, size_t **offsets, size_t **members,
                          const uint32_t *label, size_t n, size_t n_labels, const char *what)
{
    *offsets = dsbi_calloc(rt, n_labels + 2, sizeof **offsets);
    *members = dsbi_alloc_array(rt, n + 1, sizeof **members);
    if (!*offsets || !*members)
        return DSB_E_NOMEM;
    for (size_t i = 0; i < n; i++) {
        if (label && label[i] >= n_labels)
            return dsbi_fail(DSB_E_DATA, "item %zu: %s %u of %zu", i, what, label[i], n_labels);
        (*offsets)[(label ? label[i] : i) + 2]++;
    }
    for (size_t l = 2; l < n_labels + 2; l++)
        (*offsets)[l] += (*offsets)[l - 1];
    for (size_t i = 0; i < n; i++)
        (*members)[(*offsets)[(label ? label[i] : i) + 1]++] = i;
    return DSB_OK;
}

static dsb_status groups_make(dsb_runtime *rt, boot_groups *g, size_t n,
                              const dsb_stats_bootstrap_opts *o)
{
    uint32_t *unit_stratum = NULL;
    dsb_status status;
    g->n_units = o->clusters ? (size_t)o->n_clusters : n;
    g->n_strata = o->strata ? (size_t)o->n_strata : 1;
    DSBI_GO(collect(rt, &g->first, &g->item, o->clusters, n, g->n_units, "cluster"));
    unit_stratum = dsbi_calloc(rt, g->n_units + 1, sizeof *unit_stratum);
    if (!unit_stratum) {
        status = DSB_E_NOMEM;
        goto done;
    }
    for (size_t u = 0; o->strata && u < g->n_units; u++)
        for (size_t k = g->first[u]; k < g->first[u + 1]; k++) {
            uint32_t s = o->strata[g->item[k]];
            if (k > g->first[u] && s != unit_stratum[u]) {
                status = dsbi_fail(DSB_E_DATA, "cluster %zu lies in strata %u and %u", u,
                                   unit_stratum[u], s);
                goto done;
            }
            unit_stratum[u] = s;
        }
    DSBI_GO(collect(rt, &g->stratum, &g->unit, unit_stratum, g->n_units, g->n_strata, "stratum"));
done:
    dsbi_free(rt, unit_stratum);
    return status;
}

static dsb_status boot_task(void *user, size_t task, size_t worker)
{
    boot_job *job = user;
    const boot_groups *g = &job->groups;
    dsbi_rng rng;
    dsbi_rng_init(&rng, job->seed, DSBI_RNG_RESAMPLE, task);
    size_t count = 0;
    for (size_t s = 0; s < g->n_strata; s++) {
        size_t size = g->stratum[s + 1] - g->stratum[s];
        for (size_t draw = 0; draw < size; draw++) {
            size_t u = g->unit[g->stratum[s] + (size_t)dsbi_rng_below(&rng, size)];
            size_t length = g->first[u + 1] - g->first[u];
            DSBI_TRY(dsbi_grow(job->rt, (void **)&job->index[worker], &job->capacity[worker],
                               count + length, sizeof **job->index));
            for (size_t k = 0; k < length; k++)
                job->index[worker][count++] = g->item[g->first[u] + k];
        }
    }
    job->values[task] = job->fn(job->user, job->index[worker], count);
    return DSB_OK;
}

/* Acceleration from leaving out one unit at a time. */
static dsb_status acceleration(boot_job *job, double *a)
{
    const boot_groups *g = &job->groups;
    double *value = dsbi_alloc_array(job->rt, g->n_units + 1, sizeof *value);
    uint64_t *index = dsbi_alloc_array(job->rt, job->n + 1, sizeof *index);
    if (!value || !index) {
        dsbi_free(job->rt, value);
        dsbi_free(job->rt, index);
        return DSB_E_NOMEM;
    }
    double mean = 0, squares = 0, cubes = 0;
    for (size_t u = 0; u < g->n_units; u++) {
        size_t count = 0;
        for (size_t k = 0; k < job->n; k++)
            if (k < g->first[u] || k >= g->first[u + 1])
                index[count++] = g->item[k];
        value[u] = job->fn(job->user, index, count);
        mean += value[u] / (double)g->n_units;
    }
    for (size_t u = 0; u < g->n_units; u++) {
        double d = mean - value[u];
        squares += d * d;
        cubes += d * d * d;
    }
    *a = squares > 0 ? cubes / (6 * pow(squares, 1.5)) : 0;
    dsbi_free(job->rt, value);
    dsbi_free(job->rt, index);
    return DSB_OK;
}

void dsb_stats_bootstrap_opts_init(dsb_stats_bootstrap_opts *opts, size_t size)
{
    static const dsb_stats_bootstrap_opts defaults = {
        .struct_size = sizeof defaults, .n_replicates = 10000, .alpha = 0.05};
    dsbi_opts_fill(opts, size, &defaults, sizeof defaults);
}

void dsb_stats_bootstrap_result_init(dsb_stats_bootstrap_result *out, size_t size)
{
    static const dsb_stats_bootstrap_result zero = {.struct_size = sizeof zero};
    dsbi_opts_fill(out, size, &zero, sizeof zero);
}

static dsb_status summarise(boot_job *job, dsb_stats_bootstrap_result *out, double alpha,
                            bool with_bca)
{
    size_t n = 0;
    double below = 0, mean = 0, squares = 0;
    for (size_t b = 0; b < job->n_replicates; b++)
        if (!isnan(job->values[b]))
            job->values[n++] = job->values[b];
    out->n_failed = job->n_replicates - n;
    if (n < 2)
        return dsbi_fail(DSB_E_NUMERIC, "the statistic is NaN in all but %zu replicates", n);
    for (size_t b = 0; b < n; b++) {
        mean += job->values[b] / (double)n;
        below += job->values[b] < out->estimate ? 1 : job->values[b] == out->estimate ? 0.5 : 0;
    }
    for (size_t b = 0; b < n; b++)
        squares += (job->values[b] - mean) * (job->values[b] - mean);
    out->se = sqrt(squares / (double)(n - 1));
    out->bias = mean - out->estimate;
    dsbi_sort_f64(job->values, n);
    for (int side = 0; side < 2; side++) {
        double p = side ? 1 - alpha / 2 : alpha / 2;
        out->percentile[side] = dsbi_quantile(job->values, n, p);
        out->basic[side] = 2 * out->estimate - dsbi_quantile(job->values, n, 1 - p);
        out->bca[side] = NAN;
    }
    if (!with_bca)
        return DSB_OK;
    double a, z0 = dsb_stats_normal_quantile(below / (double)n);
    DSBI_TRY(acceleration(job, &a));
    for (int side = 0; side < 2; side++) {
        double z = dsbi_normal_upper(alpha / 2) * (side ? 1 : -1);
        double at = dsb_stats_normal_cdf(z0 + (z0 + z) / (1 - a * (z0 + z)));
        out->bca[side] = isfinite(z0) ? dsbi_quantile(job->values, n, at) : out->percentile[side];
    }
    return DSB_OK;
}

dsb_status dsb_stats_bootstrap(dsb_runtime *rt, dsb_stats_bootstrap_result *out, uint64_t n,
                               const dsb_stats_bootstrap_opts *opts, dsb_stats_statistic fn,
                               void *user)
{
    dsbi_clear_error();
    dsb_stats_bootstrap_opts o;
    dsb_stats_bootstrap_opts_init(&o, sizeof o);
    if (!rt || !out || out->struct_size < sizeof *out || !fn)
        return dsbi_fail(DSB_E_INVALID, "bootstrap needs a statistic and a result made by _init");
    DSBI_TRY(dsbi_opts_read(&o, sizeof o, opts, "dsb_stats_bootstrap_opts"));
    DSBI_TRY(dsbi_check_alpha(o.alpha));
    if (n == 0)
        return dsbi_fail(DSB_E_DATA, "nothing to resample");
    if (o.n_replicates < 2 || o.n_replicates > 100000000)
        return dsbi_fail(DSB_E_INVALID, "%llu replicates are not in 2 .. 100,000,000",
                         (unsigned long long)o.n_replicates);
    size_t workers = (size_t)dsb_runtime_threads(rt);
    boot_job job = {.rt = rt,
                    .n = (size_t)n,
                    .fn = fn,
                    .user = user,
                    .seed = o.seed,
                    .n_replicates = o.n_replicates};
    dsb_status status = groups_make(rt, &job.groups, job.n, &o);
    if (status != DSB_OK)
        goto done;
    job.values = dsbi_alloc_array(rt, (size_t)o.n_replicates, sizeof *job.values);
    job.index = dsbi_calloc(rt, workers, sizeof *job.index);
    job.capacity = dsbi_calloc(rt, workers, sizeof *job.capacity);
    if (!job.values || !job.index || !job.capacity) {
        status = DSB_E_NOMEM;
        goto done;
    }
    DSBI_GO(dsbi_grow(rt, (void **)&job.index[0], &job.capacity[0], job.n, sizeof **job.index));
    for (size_t i = 0; i < job.n; i++)
        job.index[0][i] = i;
    out->estimate = fn(user, job.index[0], n);
    DSBI_GO(dsbi_parallel(rt, (size_t)o.n_replicates, boot_task, &job));
    status = summarise(&job, out, o.alpha, o.bca != 0);
done:
    for (size_t w = 0; job.index && w < workers; w++)
        dsbi_free(rt, job.index[w]);
    dsbi_free(rt, job.index);
    dsbi_free(rt, job.capacity);
    dsbi_free(rt, job.values);
    groups_free(rt, &job.groups);
    return status;
}
