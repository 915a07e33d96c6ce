/* Classifier two-sample test: train on half of the points to tell the samples apart, test on the
 * other half. If the samples come from one distribution nobody is right more often than the larger
 * sample's share. Classifiers without choices to make:
 *
 *   linear   ridge discriminant  w = (S + lambda I)^-1 (mean_x - mean_y), S pooled within samples,
 *            lambda = trace(S) / (1000 dim), cut half-way between the projected means
 *   k-NN     k = the odd number at or below sqrt(n_train), squared Euclidean distance
 * Source: Lopez-Paz & Oquab 2017. The halves are drawn within each sample. */
#include "base/opts.h"
#include "base/pool.h"
#include "base/rng.h"
#include "stats/linalg.h"
#include "stats/special.h"

enum { MAX_LINEAR_DIM = 2048, MAX_NEIGHBOURS = 1024 };

typedef struct c2st_job {
    dsb_runtime *rt;
    const float *x, *y;
    size_t m, n, dim;
    size_t *order; /* [m + n] points, those of x first, each sample shuffled; >= m: of y */
    size_t train_x, train_y, test_x, test_y, neighbours;
    double *score; /* [test_x + test_y] high: looks like x */
} c2st_job;

static const float *point(const c2st_job *job, size_t i)
{
    return i < job->m ? job->x + i * job->dim : job->y + (i - job->m) * job->dim;
}

/* Point number i of the training half, those of x first; the same of the test half. */
static size_t training(const c2st_job *job, size_t i)
{
    return i < job->train_x ? job->order[i] : job->order[job->m + i - job->train_x];
}
static size_t testing(const c2st_job *job, size_t i)
{
    return i < job->test_x ? job->order[job->train_x + i]
                           : job->order[job->m + job->train_y + i - job->test_x];
}

static void shuffle(size_t *order, size_t n, size_t first, dsbi_rng *rng)
{
    for (size_t i = 0; i < n; i++)
        order[i] = first + i;
    for (size_t i = 0; i + 1 < n; i++) {
        size_t at = i + (size_t)dsbi_rng_below(rng, n - i), t = order[i];
        order[i] = order[at];
        order[at] = t;
    }
}

/* Means [2, dim] of the training halves and the pooled covariance within them [dim, dim]. */
static void moments(const c2st_job *job, double *mean, double *within, double *centred)
{
    size_t d = job->dim, n = job->train_x + job->train_y;
    for (size_t i = 0; i < n; i++) {
        const float *p = point(job, training(job, i));
        double *to = mean + (i < job->train_x ? 0 : d);
        double part = 1 / (double)(i < job->train_x ? job->train_x : job->train_y);
        for (size_t c = 0; c < d; c++)
            to[c] += part * (double)p[c];
    }
    for (size_t i = 0; i < n; i++) {
        const float *p = point(job, training(job, i));
        const double *of = mean + (i < job->train_x ? 0 : d);
        for (size_t c = 0; c < d; c++)
            centred[c] = (double)p[c] - of[c];
        for (size_t a = 0; a < d; a++)
            for (size_t b = 0; b <= a; b++)
                within[a * d + b] += centred[a] * centred[b] / (double)n;
    }
    for (size_t a = 0; a < d; a++)
        for (size_t b = a + 1; b < d; b++)
            within[a * d + b] = within[b * d + a];
}

static dsb_status linear_scores(c2st_job *job)
{
    size_t d = job->dim;
    if (d > MAX_LINEAR_DIM)
        return dsbi_fail(DSB_E_LIMIT, "the linear classifier takes at most %d dimensions",
                         MAX_LINEAR_DIM);
    double *work = dsbi_calloc(job->rt, d * d + 4 * d, sizeof *work);
    if (!work)
        return DSB_E_NOMEM;
    double *within = work, *mean = work + d * d, *w = mean + 2 * d, trace = 0, cut = 0;
    moments(job, mean, within, w);
    for (size_t c = 0; c < d; c++)
        trace += within[c * d + c];
    for (size_t c = 0; c < d; c++) {
        within[c * d + c] += trace > 0 ? trace / (1000 * (double)d) : 1;
        w[c] = mean[c] - mean[d + c];
    }
    dsb_status status = dsbi_solve(within, w, d);
    for (size_t c = 0; c < d; c++)
        cut += 0.5 * w[c] * (mean[c] + mean[d + c]);
    for (size_t i = 0; status == DSB_OK && i < job->test_x + job->test_y; i++) {
        const float *p = point(job, testing(job, i));
        job->score[i] = -cut;
        for (size_t c = 0; c < d; c++)
            job->score[i] += w[c] * (double)p[c];
    }
    dsbi_free(job->rt, work);
    return status;
}

/* Share of the k nearest training points that are of x, minus one half. The nearest so far are kept
 * in order; ties go to the training point met first. */
static dsb_status nearest_task(void *user, size_t task, size_t worker)
{
    (void)worker;
    c2st_job *job = user;
    const float *p = point(job, testing(job, task));
    double best[MAX_NEIGHBOURS];
    bool of_x[MAX_NEIGHBOURS];
    size_t k = 0, votes = 0;
    for (size_t i = 0; i < job->train_x + job->train_y; i++) {
        const float *q = point(job, training(job, i));
        double distance = 0;
        for (size_t c = 0; c < job->dim; c++)
            distance += ((double)p[c] - (double)q[c]) * ((double)p[c] - (double)q[c]);
        if (k == job->neighbours && distance >= best[k - 1])
            continue;
        size_t at = k < job->neighbours ? k++ : k - 1;
        for (; at > 0 && best[at - 1] > distance; at--) {
            best[at] = best[at - 1];
            of_x[at] = of_x[at - 1];
        }
        best[at] = distance;
        of_x[at] = i < job->train_x;
    }
    for (size_t i = 0; i < k; i++)
        votes += of_x[i];
    job->score[task] = (double)votes / (double)k - 0.5;
    return DSB_OK;
}

static dsb_status fill(dsb_stats_c2st *out, const c2st_job *job, double alpha)
{
    size_t a = job->test_x, b = job->test_y;
    for (size_t i = 0; i < a + b; i++)
        out->correct += i < a ? job->score[i] > 0 : job->score[i] <= 0;
    out->n_train = job->train_x + job->train_y;
    out->n_test = a + b;
    out->accuracy = (double)out->correct / (double)(a + b);
    out->chance = (double)(a > b ? a : b) / (double)(a + b);
    DSBI_TRY(dsb_stats_clopper_pearson(out->accuracy_ci, out->correct, out->n_test, alpha));
    DSBI_TRY(dsb_stats_binomial_test(&out->p, out->correct, out->n_test, out->chance,
                                     DSB_STATS_GREATER));
    DSBI_TRY(dsb_stats_auc(job->rt, &out->auc, out->auc_ci, &out->p_auc, job->score, a,
                           job->score + a, b, alpha));
    double lo = 0, hi = 1 - out->chance; /* smallest gain over chance found with power 0.8 */
    for (int round = 0; round < 40; round++) {
        double power, mid = 0.5 * (lo + hi);
        DSBI_TRY(dsb_stats_power_exact(&power, NULL, out->n_test, out->chance, mid, alpha));
        *(power < 0.8 ? &lo : &hi) = mid;
    }
    out->detectable = out->chance + hi;
    return DSB_OK;
}

void dsb_stats_c2st_init(dsb_stats_c2st *out, size_t size)
{
    static const dsb_stats_c2st zero = {.struct_size = sizeof zero};
    dsbi_opts_fill(out, size, &zero, sizeof zero);
}

dsb_status dsb_stats_c2st_run(dsb_runtime *rt, dsb_stats_c2st *out, const float *x, uint64_t m,
                              const float *y, uint64_t n, uint64_t dim, uint32_t classifier,
                              double alpha, uint64_t seed)
{
    dsbi_clear_error();
    if (!rt || !out || out->struct_size < sizeof *out || !x || !y || dim == 0 ||
        classifier > DSB_STATS_C2ST_NEAREST)
        return dsbi_fail(DSB_E_INVALID, "a classifier test needs two sets of points, one of "
                                        "DSB_STATS_C2ST_* and a result made by _init");
    DSBI_TRY(dsbi_check_alpha(alpha));
    if (m < 4 || n < 4)
        return dsbi_fail(DSB_E_DATA,
                         "a classifier test needs four points a side, got %llu and %llu",
                         (unsigned long long)m, (unsigned long long)n);
    for (uint64_t i = 0; i < (m + n) * dim; i++)
        if (!isfinite(i < m * dim ? x[i] : y[i - m * dim]))
            return dsbi_fail(DSB_E_NUMERIC, "a coordinate of point %llu is not finite",
                             (unsigned long long)(i / dim));
    c2st_job job = {.rt = rt, .x = x, .y = y, .m = (size_t)m, .n = (size_t)n, .dim = (size_t)dim};
    job.train_x = job.m / 2;
    job.train_y = job.n / 2;
    job.test_x = job.m - job.train_x;
    job.test_y = job.n - job.train_y;
    job.neighbours = (size_t)sqrt((double)(job.train_x + job.train_y));
    job.neighbours -= job.neighbours % 2 == 0;
    job.neighbours = job.neighbours > MAX_NEIGHBOURS - 1 ? MAX_NEIGHBOURS - 1 : job.neighbours;
    job.order = dsbi_alloc_array(rt, job.m + job.n, sizeof *job.order);
    job.score = dsbi_alloc_array(rt, job.test_x + job.test_y, sizeof *job.score);
    dsb_status status = job.order && job.score ? DSB_OK : DSB_E_NOMEM;
    if (status == DSB_OK) {
        dsbi_rng rng;
        dsbi_rng_init(&rng, seed, DSBI_RNG_RESAMPLE, 0);
        shuffle(job.order, job.m, 0, &rng);
        shuffle(job.order + job.m, job.n, job.m, &rng);
        status = classifier == DSB_STATS_C2ST_LINEAR
                     ? linear_scores(&job)
                     : dsbi_parallel(rt, job.test_x + job.test_y, nearest_task, &job);
    }
    dsb_stats_c2st_init(out, sizeof *out);
    if (status == DSB_OK)
        status = fill(out, &job, alpha);
    dsbi_free(rt, job.order);
    dsbi_free(rt, job.score);
    return status;
}
