/* See peak.h. */
#include "kernels/peak.h"

#include "base/file.h"
#include "base/pool.h"
#include "kernels/kernels.h"

enum { BURSTS = 12, ROUNDS = 1000000 };

static dsb_status burst(void *user, size_t task, size_t worker)
{
    (void)task;
    (void)worker;
    const dsb_runtime *rt = user;
    float sink;
    dsbi_kernels_of(rt)->fma_burst_f32(&sink, ROUNDS);
    return DSB_OK;
}

double dsbi_peak_gflops(dsb_runtime *rt)
{
    float sink;
    const double operations = dsbi_kernels_of(rt)->fma_burst_f32(&sink, ROUNDS); /* and wakes up */
    double best = 0;
    for (int i = 0; i < BURSTS; i++) {
        const double start = dsbi_now();
        dsbi_parallel(rt, rt->n_threads, burst, rt);
        const double rate = operations * (double)rt->n_threads / (dsbi_now() - start) * 1e-9;
        best = rate > best ? rate : best;
    }
    return best;
}
