/* Bootstraps of a line fit: over models (the published intervals of Recht et al. 2019), over the
 * images of both test sets (whose noise all models share), over both.
 *
 * Over models only sums of the drawn points are needed. Over images a replicate is a weight per
 * image, and the accuracies of all models in 64 replicates are one matrix product.
 * Replicates are cut into tasks of fixed size, so results do not depend on the number of threads.
 */
#include "base/opts.h"
#include "base/pool.h"
#include "base/rng.h"
#include "base/runtime.h"
#include "stats/ordering.h"
#include "stats/resampling.h"
#include "stats/special.h"
#include "tensor/matmul.h"

enum { MODEL_TASK = 512, REPLICATES = 64 };

typedef struct model_job {
    const double *x, *y; /* [n] transformed, finite */
    size_t n;
    uint64_t seed, n_replicates;
    double *slope, *intercept; /* [n_replicates] */
} model_job;

static void line_of(double *slope, double *intercept, double n, double x, double y, double xx,
                    double xy)
{
    double sxx = xx - x * x / n, sxy = xy - x * y / n;
    *slope = sxx > 1e-13 * xx ? sxy / sxx : NAN; /* one point drawn n times has no line */
    *intercept = (y - *slope * x) / n;
}

static dsb_status model_task(void *user, size_t task, size_t worker)
{
    model_job *job = user;
    (void)worker;
    uint64_t first = (uint64_t)task * MODEL_TASK, last = first + MODEL_TASK;
    if (last > job->n_replicates)
        last = job->n_replicates;
    dsbi_rng rng;
    dsbi_rng_init(&rng, job->seed, DSBI_RNG_RESAMPLE, task);
    for (uint64_t b = first; b < last; b++) {
        double x = 0, y = 0, xx = 0, xy = 0;
        for (size_t k = 0; k < job->n; k++) {
            /* 32 bits scaled to n: bias below n / 2^32 */
            size_t i = (size_t)(((uint64_t)dsbi_rng_u32(&rng) * job->n) >> 32);
            x += job->x[i];
            y += job->y[i];
            xx += job->x[i] * job->x[i];
            xy += job->x[i] * job->y[i];
        }
        line_of(&job->slope[b], &job->intercept[b], (double)job->n, x, y, xx, xy);
    }
    return DSB_OK;
}

void dsb_stats_fit_boot_init(dsb_stats_fit_boot *out, size_t size)
{
    static const dsb_stats_fit_boot zero = {.struct_size = sizeof zero};
    dsbi_opts_fill(out, size, &zero, sizeof zero);
}

/* Percentile ends of both arrays; sorts copies, so the pairs stay together for bands. */
static dsb_status ends_of(dsb_runtime *rt, dsb_stats_fit_boot *out, const double *slope,
                          const double *intercept, uint64_t n_replicates, double alpha)
{
    double *sorted = dsbi_alloc_array(rt, (size_t)n_replicates, sizeof *sorted);
    if (!sorted)
        return DSB_E_NOMEM;
    size_t n = 0, below = 0;
    for (uint64_t b = 0; b < n_replicates; b++)
        if (isfinite(slope[b])) {
            sorted[n++] = slope[b];
            below += slope[b] <= 1;
        }
    out->n_replicates = n_replicates;
    out->n_degenerate = n_replicates - n;
    out->share_slope_le_one = n ? (double)below / (double)n : NAN;
    dsbi_sort_f64(sorted, n);
    out->slope_ci[0] = dsbi_quantile(sorted, n, alpha / 2);
    out->slope_ci[1] = dsbi_quantile(sorted, n, 1 - alpha / 2);
    n = 0;
    for (uint64_t b = 0; b < n_replicates; b++)
        if (isfinite(slope[b]))
            sorted[n++] = intercept[b];
    dsbi_sort_f64(sorted, n);
    out->intercept_ci[0] = dsbi_quantile(sorted, n, alpha / 2);
    out->intercept_ci[1] = dsbi_quantile(sorted, n, 1 - alpha / 2);
    dsbi_free(rt, sorted);
    return DSB_OK;
}

static dsb_status check(const dsb_runtime *rt, const dsb_stats_fit_boot *out, uint64_t n_replicates,
                        uint32_t scale, double alpha)
{
    if (!rt || !out || out->struct_size < sizeof *out)
        return dsbi_fail(DSB_E_INVALID, "bootstrap of a fit needs a result made by _init");
    if (!dsb_stats_scale_name(scale))
        return dsbi_fail(DSB_E_INVALID, "scale %u is none of DSB_STATS_SCALE_*", scale);
    if (n_replicates < 2 || n_replicates > 100000000)
        return dsbi_fail(DSB_E_INVALID, "%llu replicates are not in 2 .. 100,000,000",
                         (unsigned long long)n_replicates);
    return dsbi_check_alpha(alpha);
}

dsb_status dsb_stats_fit_bootstrap(dsb_runtime *rt, dsb_stats_fit_boot *out, double *slopes,
                                   double *intercepts, const double *x, const double *y, uint64_t n,
                                   uint32_t scale, double alpha, uint64_t n_replicates,
                                   uint64_t seed)
{
    dsbi_clear_error();
    DSBI_TRY(check(rt, out, n_replicates, scale, alpha));
    if (n > 0 && (!x || !y))
        return dsbi_fail(DSB_E_INVALID, "bootstrap of a fit needs two arrays");
    size_t count = (size_t)n_replicates;
    double *points = dsbi_alloc_array(rt, (size_t)n + 1, 2 * sizeof *points);
    double *draws = dsbi_alloc_array(rt, count, 2 * sizeof *draws);
    dsb_status status = points && draws ? DSB_OK : DSB_E_NOMEM;
    size_t m = 0;
    double mx = 0, my = 0;
    for (uint64_t i = 0; status == DSB_OK && i < n; i++) {
        double tx = dsb_stats_scale_apply(x[i], scale), ty = dsb_stats_scale_apply(y[i], scale);
        if (isfinite(tx) && isfinite(ty)) {
            points[m] = tx;
            points[(size_t)n + m++] = ty;
            mx += tx;
            my += ty;
        }
    }
    if (status == DSB_OK && m < 2)
        status = dsbi_fail(DSB_E_DATA, "a line needs two points with finite values, got %zu", m);
    if (status != DSB_OK)
        goto done;
    mx /= (double)m;
    my /= (double)m;
    for (size_t i = 0; i < m; i++) { /* centred: the one-pass sums above lose no digits */
        points[i] -= mx;
        points[(size_t)n + i] -= my;
    }
    model_job job = {points, points + n, m, seed, n_replicates, draws, draws + count};
    DSBI_GO(dsbi_parallel(rt, (count + MODEL_TASK - 1) / MODEL_TASK, model_task, &job));
    for (size_t b = 0; b < count; b++)
        job.intercept[b] += my - job.slope[b] * mx;
    DSBI_GO(ends_of(rt, out, job.slope, job.intercept, n_replicates, alpha));
    for (size_t b = 0; b < count; b++) {
        if (slopes)
            slopes[b] = job.slope[b];
        if (intercepts)
            intercepts[b] = job.intercept[b];
    }
done:
    dsbi_free(rt, points);
    dsbi_free(rt, draws);
    return status;
}

typedef struct means_job {
    size_t n;
    uint64_t seed, stream, first;
    double *weight; /* [REPLICATES, n] how often each item is drawn */
} means_job;

static dsb_status weight_task(void *user, size_t task, size_t worker)
{
    means_job *job = user;
    double *weight = job->weight + task * job->n;
    (void)worker;
    for (size_t i = 0; i < job->n; i++)
        weight[i] = 0;
    dsbi_rng rng;
    dsbi_rng_init(&rng, job->seed, DSBI_RNG_RESAMPLE, (job->first + task) * 16 + job->stream);
    for (size_t k = 0; k < job->n; k++)
        weight[(size_t)(((uint64_t)dsbi_rng_u32(&rng) * job->n) >> 32)] += 1;
    return DSB_OK;
}

dsb_status dsb_stats_bootstrap_means(dsb_runtime *rt, double *means, const double *score,
                                     uint64_t n_models, uint64_t n, uint64_t n_replicates,
                                     uint64_t seed, uint32_t stream)
{
    dsbi_clear_error();
    if (!rt || !means || !score || stream > 14)
        return dsbi_fail(DSB_E_INVALID, "bootstrap of means needs arrays and a stream below 15");
    if (n_models == 0 || n == 0 || n > UINT32_MAX)
        return dsbi_fail(DSB_E_DATA, "nothing to resample: %llu models, %llu items",
                         (unsigned long long)n_models, (unsigned long long)n);
    size_t items = (size_t)n, models = (size_t)n_models;
    means_job job = {items, seed, stream, 0, NULL};
    job.weight = dsbi_alloc_array(rt, items, REPLICATES * sizeof *job.weight);
    if (!job.weight)
        return DSB_E_NOMEM;
    dsb_status status = DSB_OK;
    for (uint64_t b = 0; status == DSB_OK && b < n_replicates; b += REPLICATES) {
        size_t rows = n_replicates - b < REPLICATES ? (size_t)(n_replicates - b) : REPLICATES;
        job.first = b;
        status = dsbi_parallel(rt, rows, weight_task, &job);
        /* sums of whole numbers are exact, so correctness 0/1 gives the same means anywhere */
        if (status == DSB_OK)
            status = dsbi_matmul_f64(rt, false, true, rows, models, items, 1, job.weight, items,
                                     score, items, 0, means + (size_t)b * models, models);
    }
    for (size_t k = 0; status == DSB_OK && k < (size_t)n_replicates * models; k++)
        means[k] /= (double)n;
    dsbi_free(rt, job.weight);
    return status;
}

/* Fits of replicate b from the means of both sets; models may be drawn again too. */
static void fit_replicate(double *slope, double *intercept, const double *x_means,
                          const double *y_means, size_t n_models, uint32_t scale, uint64_t seed,
                          uint64_t b, bool models_too)
{
    double n = 0, x = 0, y = 0, xx = 0, xy = 0;
    dsbi_rng rng;
    dsbi_rng_init(&rng, seed, DSBI_RNG_RESAMPLE, b * 16 + 15);
    for (size_t k = 0; k < n_models; k++) {
        size_t m = models_too ? (size_t)dsbi_rng_below(&rng, n_models) : k;
        double tx = dsb_stats_scale_apply(x_means[m], scale);
        double ty = dsb_stats_scale_apply(y_means[m], scale);
        if (!isfinite(tx) || !isfinite(ty))
            continue;
        n += 1;
        x += tx;
        y += ty;
        xx += tx * tx;
        xy += tx * ty;
    }
    line_of(slope, intercept, n, x, y, xx, xy);
}

dsb_status dsb_stats_fit_from_means(dsb_runtime *rt, dsb_stats_fit_boot *out, double *slopes,
                                    double *intercepts, const double *x_means,
                                    const double *y_means, uint64_t n_models, uint32_t scale,
                                    double alpha, uint64_t n_replicates, uint64_t seed,
                                    uint32_t models_too)
{
    dsbi_clear_error();
    DSBI_TRY(check(rt, out, n_replicates, scale, alpha));
    if (!x_means || !y_means || n_models < 2)
        return dsbi_fail(DSB_E_DATA, "a line needs means of two models on both sides");
    size_t count = (size_t)n_replicates, n = (size_t)n_models;
    double *draws = dsbi_alloc_array(rt, count, 2 * sizeof *draws);
    if (!draws)
        return DSB_E_NOMEM;
    for (size_t b = 0; b < count; b++) {
        fit_replicate(&draws[b], &draws[count + b], x_means + b * n, y_means + b * n, n, scale,
                      seed, b, models_too != 0);
        if (slopes)
            slopes[b] = draws[b];
        if (intercepts)
            intercepts[b] = draws[count + b];
    }
    dsb_status status = ends_of(rt, out, draws, draws + count, n_replicates, alpha);
    dsbi_free(rt, draws);
    return status;
}

dsb_status dsb_stats_fit_bootstrap_images(dsb_runtime *rt, dsb_stats_fit_boot *out, double *slopes,
                                          double *intercepts, const double *score_x, uint64_t n_x,
                                          const double *score_y, uint64_t n_y, uint64_t n_models,
                                          uint32_t scale, double alpha, uint64_t n_replicates,
                                          uint64_t seed, uint32_t models_too)
{
    dsbi_clear_error();
    DSBI_TRY(check(rt, out, n_replicates, scale, alpha));
    size_t size;
    if (!dsbi_mul(&size, (size_t)n_replicates, (size_t)n_models) || size > (size_t)1 << 28)
        return dsbi_fail(DSB_E_LIMIT, "%llu replicates of %llu models are too many at once",
                         (unsigned long long)n_replicates, (unsigned long long)n_models);
    double *x = dsbi_alloc_array(rt, size + 1, sizeof *x);
    double *y = dsbi_alloc_array(rt, size + 1, sizeof *y);
    dsb_status status = x && y ? DSB_OK : DSB_E_NOMEM;
    if (status == DSB_OK)
        status = dsb_stats_bootstrap_means(rt, x, score_x, n_models, n_x, n_replicates, seed, 0);
    if (status == DSB_OK)
        status = dsb_stats_bootstrap_means(rt, y, score_y, n_models, n_y, n_replicates, seed, 1);
    if (status == DSB_OK)
        status = dsb_stats_fit_from_means(rt, out, slopes, intercepts, x, y, n_models, scale, alpha,
                                          n_replicates, seed, models_too);
    dsbi_free(rt, x);
    dsbi_free(rt, y);
    return status;
}
