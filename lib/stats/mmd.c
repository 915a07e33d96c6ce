/* Maximum mean discrepancy with a permutation test; energy distance and KID are the same statistic
 * with other kernels.
 *
 *     MMD^2_u = S_XX / m(m-1) + S_YY / n(n-1) - 2 S_XY / mn,   S_AB = sum of k(a, b), a != b
 * For a split of the pooled points into X and Y all three follow from S_XX, the row sums and the
 * total, so a permutation costs one quadratic form x' K x. K is made in blocks of rows (never
 * stored whole), and a block times the 0/1 matrix of all permutations is one matrix product: the
 * reason why this file reaches for lib/tensor, which lib/stats otherwise does without. Only the
 * upper half of K is made. K is centred by a constant, which cancels in MMD^2_u and saves digits.
 * Sources: Gretton et al. 2012; Szekely & Rizzo 2013; Binkowski et al. 2018 (KID). */
#include <string.h>
#include "base/pool.h"
#include "base/rng.h"
#include "base/runtime.h"
#include "stats/ordering.h"
#include "stats/special.h"
#include "tensor/matmul.h"

enum { BLOCK = 512, MEDIAN_POINTS = 1000 };

typedef struct mmd_job {
    dsb_runtime *rt;
    float *points; /* [n, dim] pooled, centred */
    float *norm;   /* [n] squared lengths */
    size_t n, m, dim, columns;
    float *member;             /* [n, columns] 1 where the point is in X; column 0 is the data */
    float *kernel;             /* [BLOCK, n] rows of one block, from its first column on */
    float *product;            /* [BLOCK, columns] */
    double *row_sum;           /* [n] of centred K without the diagonal */
    double *s_xx;              /* [columns] */
    size_t first, rows, width; /* block */
    uint32_t kind;
    double scale, centre;
    double factor; /* of a product in s_xx */
} mmd_job;

static float kernel_value(const mmd_job *job, size_t i, size_t j, float dot)
{
    if (job->kind == DSB_STATS_KERNEL_CUBIC) {
        double base = (double)dot / (double)job->dim + 1;
        return (float)(base * base * base - job->centre);
    }
    double d2 = (double)job->norm[i] + (double)job->norm[j] - 2 * (double)dot;
    d2 = d2 > 0 ? d2 : 0;
    if (job->kind == DSB_STATS_KERNEL_ENERGY)
        return (float)(-sqrt(d2) - job->centre);
    return (float)((double)expf((float)(-d2 * job->scale)) - job->centre);
}

static dsb_status kernel_row(void *user, size_t row, size_t worker)
{
    mmd_job *job = user;
    float *out = job->kernel + row * job->width;
    double inside = 0, beyond = 0;
    (void)worker;
    for (size_t k = 0; k < job->width; k++) {
        size_t j = job->first + k;
        out[k] = k == row ? 0 : kernel_value(job, job->first + row, j, out[k]);
        if (k < job->rows)
            inside += (double)out[k];
        else
            beyond += (double)out[k];
    }
    job->row_sum[job->first + row] += inside + beyond;
    return DSB_OK;
}

/* The part of later rows' sums that lies left of their block: column sums of this block. */
static dsb_status column_sum(void *user, size_t task, size_t worker)
{
    mmd_job *job = user;
    (void)worker;
    size_t first = job->rows + task * BLOCK, last = first + BLOCK;
    if (last > job->width)
        last = job->width;
    for (size_t row = 0; row < job->rows; row++)
        for (size_t k = first; k < last; k++)
            job->row_sum[job->first + k] += (double)job->kernel[row * job->width + k];
    return DSB_OK;
}

/* s_xx[b] += factor * sum over rows of member * product */
static dsb_status quadratic(void *user, size_t task, size_t worker)
{
    mmd_job *job = user;
    (void)worker;
    size_t first = task * 64, last = first + 64 < job->columns ? first + 64 : job->columns;
    for (size_t row = 0; row < job->rows; row++) {
        const float *in = job->member + (job->first + row) * job->columns;
        const float *product = job->product + row * job->columns;
        for (size_t b = first; b < last; b++)
            job->s_xx[b] += job->factor * (double)(in[b] * product[b]);
    }
    return DSB_OK;
}

static dsb_status one_block(mmd_job *job)
{
    dsb_runtime *rt = job->rt;
    size_t dim = job->dim, columns = job->columns;
    const float *rows = job->points + job->first * dim;
    DSBI_TRY(dsbi_matmul_f32(rt, false, true, job->rows, job->width, dim, 1, rows, dim, rows, dim,
                             0, job->kernel, job->width));
    DSBI_TRY(dsbi_parallel(rt, job->rows, kernel_row, job));
    size_t beyond = job->width - job->rows, tasks = (columns + 63) / 64;
    if (beyond > 0)
        DSBI_TRY(dsbi_parallel(rt, (beyond + BLOCK - 1) / BLOCK, column_sum, job));
    job->factor = 1;
    DSBI_TRY(dsbi_matmul_f32(rt, false, false, job->rows, columns, job->rows, 1, job->kernel,
                             job->width, job->member + job->first * columns, columns, 0,
                             job->product, columns));
    DSBI_TRY(dsbi_parallel(rt, tasks, quadratic, job));
    if (beyond == 0)
        return DSB_OK;
    job->factor = 2;
    DSBI_TRY(dsbi_matmul_f32(
        rt, false, false, job->rows, columns, beyond, 1, job->kernel + job->rows, job->width,
        job->member + (job->first + job->rows) * columns, columns, 0, job->product, columns));
    return dsbi_parallel(rt, tasks, quadratic, job);
}

static void pool_points(mmd_job *job, const float *x, const float *y)
{
    size_t dim = job->dim, n = job->n;
    memcpy(job->points, x, job->m * dim * sizeof *x);
    memcpy(job->points + job->m * dim, y, (n - job->m) * dim * sizeof *y);
    for (size_t d = 0; d < dim && job->kind != DSB_STATS_KERNEL_CUBIC; d++) {
        double mean = 0; /* distances do not change, products shrink */
        for (size_t i = 0; i < n; i++)
            mean += (double)job->points[i * dim + d] / (double)n;
        for (size_t i = 0; i < n; i++)
            job->points[i * dim + d] -= (float)mean;
    }
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t d = 0; d < dim; d++)
            sum += (double)job->points[i * dim + d] * (double)job->points[i * dim + d];
        job->norm[i] = (float)sum;
    }
}

/* Median distance of at most MEDIAN_POINTS points spread over the pool, and the mean kernel. */
static dsb_status choose_scale(mmd_job *job, double *bandwidth)
{
    size_t stride = (job->n + MEDIAN_POINTS - 1) / MEDIAN_POINTS, count = job->n / stride, k = 0;
    double *distance = dsbi_alloc_array(job->rt, count * (count + 1) / 2 + 1, sizeof *distance);
    if (!distance)
        return DSB_E_NOMEM;
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count; j++) {
            const float *a = job->points + i * stride * job->dim;
            const float *b = job->points + j * stride * job->dim;
            double sum = 0;
            for (size_t d = 0; d < job->dim; d++)
                sum += ((double)a[d] - (double)b[d]) * ((double)a[d] - (double)b[d]);
            distance[k++] = sqrt(sum);
        }
    double mean = 0;
    if (*bandwidth <= 0) {
        dsbi_sort_f64(distance, k);
        *bandwidth = k ? distance[k / 2] : 1;
        if (!(*bandwidth > 0))
            *bandwidth = 1; /* most points coincide */
    }
    job->scale = 1 / (2 * *bandwidth * *bandwidth);
    for (size_t i = 0; i < k; i++)
        mean +=
            (job->kind == DSB_STATS_KERNEL_ENERGY ? -distance[i]
                                                  : exp(-distance[i] * distance[i] * job->scale)) /
            (double)k;
    job->centre = job->kind == DSB_STATS_KERNEL_CUBIC ? 1 : mean;
    dsbi_free(job->rt, distance);
    return DSB_OK;
}

static dsb_status draw_members(mmd_job *job, uint64_t seed)
{
    uint32_t *order = dsbi_alloc_array(job->rt, job->n, sizeof *order);
    if (!order)
        return DSB_E_NOMEM;
    memset(job->member, 0, job->n * job->columns * sizeof *job->member);
    for (size_t b = 0; b < job->columns; b++) {
        dsbi_rng rng;
        dsbi_rng_init(&rng, seed, DSBI_RNG_RESAMPLE, b);
        for (size_t i = 0; i < job->n; i++)
            order[i] = (uint32_t)i;
        for (size_t i = 0; i < job->m; i++) { /* the first m of a shuffle; column 0: the data */
            size_t at = b == 0 ? i : i + (size_t)dsbi_rng_below(&rng, job->n - i);
            uint32_t t = order[i];
            order[i] = order[at];
            order[at] = t;
            job->member[order[i] * job->columns + b] = 1;
        }
    }
    dsbi_free(job->rt, order);
    return DSB_OK;
}

dsb_status dsb_stats_mmd(dsb_runtime *rt, double *mmd2, double *p, double *bandwidth,
                         const float *x, uint64_t m, const float *y, uint64_t n, uint64_t dim,
                         uint32_t kernel, uint64_t n_permutations, uint64_t seed)
{
    dsbi_clear_error();
    if (!rt || !mmd2 || !x || !y || dim == 0 || kernel > DSB_STATS_KERNEL_CUBIC)
        return dsbi_fail(DSB_E_INVALID, "MMD needs two sets of points and one of "
                                        "DSB_STATS_KERNEL_*");
    if (m < 2 || n < 2)
        return dsbi_fail(DSB_E_DATA, "MMD needs two points on either side, got %llu and %llu",
                         (unsigned long long)m, (unsigned long long)n);
    if (m + n > 200000 || n_permutations > 100000)
        return dsbi_fail(DSB_E_LIMIT, "MMD of more than 200,000 points or 100,000 permutations");
    for (uint64_t i = 0; i < (m + n) * dim; i++)
        if (!isfinite(i < m * dim ? x[i] : y[i - m * dim]))
            return dsbi_fail(DSB_E_NUMERIC, "MMD: a coordinate of point %llu is not finite",
                             (unsigned long long)(i / dim));
    mmd_job job = {.rt = rt,
                   .n = (size_t)(m + n),
                   .m = (size_t)m,
                   .dim = (size_t)dim,
                   .columns = (size_t)(p ? n_permutations : 0) + 1,
                   .kind = kernel};
    job.points = dsbi_alloc_array(rt, job.n * job.dim, sizeof *job.points);
    job.norm = dsbi_alloc_array(rt, job.n, sizeof *job.norm);
    job.member = dsbi_alloc_array(rt, job.n * job.columns, sizeof *job.member);
    job.kernel = dsbi_alloc_array(rt, BLOCK * job.n, sizeof *job.kernel);
    job.product = dsbi_alloc_array(rt, BLOCK * job.columns, sizeof *job.product);
    job.row_sum = dsbi_calloc(rt, job.n, sizeof *job.row_sum);
    job.s_xx = dsbi_calloc(rt, job.columns, sizeof *job.s_xx);
    dsb_status status =
        job.points && job.norm && job.member && job.kernel && job.product && job.row_sum && job.s_xx
            ? DSB_OK
            : DSB_E_NOMEM;
    if (status != DSB_OK)
        goto done;
    pool_points(&job, x, y);
    double own = bandwidth && *bandwidth > 0 ? *bandwidth : 0;
    DSBI_GO(choose_scale(&job, &own));
    if (bandwidth)
        *bandwidth = own;
    DSBI_GO(draw_members(&job, seed));
    for (job.first = 0; job.first < job.n; job.first += BLOCK) {
        job.rows = job.n - job.first < BLOCK ? job.n - job.first : BLOCK;
        job.width = job.n - job.first;
        DSBI_GO(one_block(&job));
    }
    double total = 0, a = (double)m, b = (double)n, seen = 0;
    uint64_t at_least = 0;
    for (size_t i = 0; i < job.n; i++)
        total += job.row_sum[i];
    for (size_t c = 0; c < job.columns; c++) {
        double s_x = 0;
        for (size_t i = 0; i < job.n; i++)
            s_x += (double)job.member[i * job.columns + c] * job.row_sum[i];
        double xy = s_x - job.s_xx[c], yy = total - 2 * xy - job.s_xx[c];
        double value = job.s_xx[c] / (a * (a - 1)) + yy / (b * (b - 1)) - 2 * xy / (a * b);
        if (c == 0)
            seen = value;
        else
            at_least += value >= seen;
    }
    *mmd2 = seen;
    if (p)
        *p = ((double)at_least + 1) / ((double)n_permutations + 1);
done:
    dsbi_free(rt, job.points);
    dsbi_free(rt, job.norm);
    dsbi_free(rt, job.member);
    dsbi_free(rt, job.kernel);
    dsbi_free(rt, job.product);
    dsbi_free(rt, job.row_sum);
    dsbi_free(rt, job.s_xx);
    return status;
}
