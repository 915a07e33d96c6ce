/* Seconds of the resampling that a shift evaluation does most of, and of MMD:
 *     bench_stats [THREADS [REPEATS]]     default 2 threads, best of 3
 * Wall and CPU seconds (of all threads, making the data included): the latter are what counts on a
 * machine that does other things too.
 * Beside it stats_peer.py does the same MMD with NumPy and SciPy. Results are printed so that runs
 * with other numbers of threads can be compared: they must not differ. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "base/file.h"
#include "dsbias/base.h"
#include "dsbias/stats.h"
#include "trying.h"

static double uniform(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return ((double)(*state >> 11) + 0.5) / 9007199254740992.0;
}

static double fits(dsb_runtime *rt, double *result)
{
    double x[30], y[30];
    uint64_t state = 1;
    for (int i = 0; i < 30; i++) {
        x[i] = 0.8 + 0.17 * uniform(&state);
        y[i] = dsb_stats_normal_cdf(0.95 * dsb_stats_normal_quantile(x[i]) - 0.4 +
                                    0.05 * uniform(&state));
    }
    dsb_stats_fit_boot boot;
    dsb_stats_fit_boot_init(&boot, sizeof boot);
    double start = dsbi_now();
    TRY(dsb_stats_fit_bootstrap(rt, &boot, NULL, NULL, x, y, 30, DSB_STATS_SCALE_PROBIT, 0.05,
                                100000, 0));
    *result = boot.slope_ci[0];
    return dsbi_now() - start;
}

static double images(dsb_runtime *rt, double *result)
{
    enum { MODELS = 67, ITEMS = 10000 };
    double *score = malloc(2 * MODELS * ITEMS * sizeof *score);
    uint64_t state = 2;
    if (!score)
        exit(1);
    for (size_t i = 0; i < 2 * MODELS * ITEMS; i++)
        score[i] = uniform(&state) < 0.5 + 0.006 * (double)(i / ITEMS % MODELS);
    dsb_stats_fit_boot boot;
    dsb_stats_fit_boot_init(&boot, sizeof boot);
    double start = dsbi_now();
    TRY(dsb_stats_fit_bootstrap_images(rt, &boot, NULL, NULL, score, ITEMS, score + MODELS * ITEMS,
                                       ITEMS, MODELS, DSB_STATS_SCALE_PROBIT, 0.05, 2000, 0, 0));
    *result = boot.slope_ci[0];
    double seconds = dsbi_now() - start;
    free(score);
    return seconds;
}

static double mmd(dsb_runtime *rt, double *result)
{
    enum { N = 5000, DIM = 256 };
    float *points = malloc(2 * N * DIM * sizeof *points);
    uint64_t state = 3;
    if (!points)
        exit(1);
    for (size_t i = 0; i < 2 * N * DIM; i++)
        points[i] = (float)dsb_stats_normal_quantile(uniform(&state));
    double mmd2, p, bandwidth = 0, start = dsbi_now();
    TRY(dsb_stats_mmd(rt, &mmd2, &p, &bandwidth, points, N, points + N * DIM, N, DIM,
                      DSB_STATS_KERNEL_GAUSSIAN, 1000, 0));
    *result = p;
    double seconds = dsbi_now() - start;
    free(points);
    return seconds;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        double (*run)(dsb_runtime *rt, double *result);
    } jobs[] = {{"100,000 fits to resampled models, 30 models", fits},
                {"2,000 resamplings of images, 67 models, 2 x 10,000 images", images},
                {"MMD, 1,000 permutations, 2 x 5,000 points, 256 dimensions", mmd}};
    int repeats = argc > 2 ? atoi(argv[2]) : 3;
    dsb_runtime_opts opts;
    dsb_runtime_opts_init(&opts, sizeof opts);
    opts.n_threads = argc > 1 ? (uint64_t)atoi(argv[1]) : 2;
    dsb_runtime *rt;
    TRY(dsb_runtime_create(&rt, &opts));
    for (size_t j = 0; j < sizeof jobs / sizeof *jobs; j++) {
        double best = INFINITY, least = INFINITY, result = 0;
        for (int r = 0; r < repeats; r++) {
            clock_t before = clock(); /* of all threads */
            best = fmin(best, jobs[j].run(rt, &result));
            least = fmin(least, (double)(clock() - before) / CLOCKS_PER_SEC);
        }
        printf("%-58s %8.3f s wall %8.3f s CPU   result %.17g\n", jobs[j].name, best, least,
               result);
    }
    dsb_runtime_free(rt);
    return 0;
}
